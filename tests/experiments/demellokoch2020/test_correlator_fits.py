"""Fits of Δ: exact on their own form, and what another library makes of the same."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from kadanoff.estimate import Estimate
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import K_C
from kadanoff.exact.energy_pairs import energy_two_point
from kadanoff.exact.enumerate import all_states
from kadanoff.exact.strip import two_point
from kadanoff.experiments.demellokoch2020.correlator_fits import (
    constant_for,
    exact_correlator,
    flattest,
    power_law,
    straight_line,
    torus_form,
    within,
)
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import shells

R = np.array([1, 2**0.5, 2, 5**0.5, 3, 4, 5])


def exact_shells(pairs):
    groups = shells(Grid(pairs.shape))
    inside = (groups.distance >= 1) & (groups.distance <= pairs.shape[0] / 2)
    return groups.distance[inside], groups.average(pairs)[0][inside]


@pytest.mark.parametrize("delta", [0.05, 0.125, 1.0, 3.7])
def test_a_power_law_has_its_own_exponent(delta):
    g = 0.7 * R ** (-2 * delta)
    curve = power_law(R)
    assert float(curve.fit(g)) == pytest.approx(delta, abs=1e-6)
    assert curve.regression_error(g) < 1e-6
    assert straight_line(g, R) == pytest.approx(delta)
    np.testing.assert_allclose(curve.at(g), g, rtol=1e-6)


@pytest.mark.parametrize(
    ("operator", "form", "exact", "bent"),
    [
        ("spin", torus_cft.spin_correlation, 0.125, 0.05),
        # Equal weights of a G that falls so fast see little of the torus from r = 1 on.
        ("energy", torus_cft.energy_correlation, 1.0, 0.0005),
    ],
)
@pytest.mark.parametrize("side", [9, 10])
def test_the_torus_form_has_the_exponent_of_the_critical_torus(
    operator, form, exact, bent, side
):
    steps = np.indices((side, side)).reshape(2, -1).T
    with np.errstate(invalid="ignore"):
        r, g = exact_shells(form(steps, (side, side)).reshape(side, side))
    curve = torus_form(side, operator, 1.0, side / 2)
    np.testing.assert_allclose(curve.distance, r)
    assert float(curve.fit(g)) == pytest.approx(exact, abs=1e-7)
    assert abs(float(power_law(r).fit(g)) - exact) > bent


@pytest.mark.parametrize("pairs", [two_point, energy_two_point])
def test_another_library_finds_the_same_minimum_and_the_same_error(pairs):
    r, g = exact_shells(pairs((6, 6), K_C))
    found, covariance = curve_fit(lambda x, b, d: b * x ** (-2 * d), r, g, (g[0], 0.3))
    curve = power_law(r)
    assert float(curve.fit(g)) == pytest.approx(found[1], abs=1e-6)
    error = covariance[1, 1] ** 0.5
    assert curve.regression_error(g) == pytest.approx(error, rel=1e-4)


def test_replicates_are_fitted_one_by_one():
    rng = np.random.default_rng(4)
    rows = R ** (-0.5) + 0.01 * rng.normal(size=(6, len(R)))
    curve = power_law(R)
    whole = curve.read(Estimate(rows.mean(axis=0), {"a": rows}, 6))
    alone = [float(curve.fit(row)) for row in rows]
    np.testing.assert_allclose(whole.replicates["a"], alone, atol=1e-9)


def test_a_correlator_without_neighbours_has_no_exponent():
    g = R**-0.25
    g[0] = -0.1
    assert np.isnan(power_law(R).fit(g))
    assert np.isnan(straight_line(g, R))
    assert np.isnan(power_law(R).regression_error(g))


def test_a_correlator_that_is_gone_at_the_next_distance_has_no_exponent():
    g = np.where(R == 1, 1.0, -0.01)
    assert np.isnan(power_law(R).fit(g))
    assert np.isnan(power_law(R).fit(R**2.0))  # Δ = -1 lies beyond the range tried


def test_a_negative_factor_is_no_fit():
    """Positive nearby and far below zero: no B ≥ 0 makes a flat curve of that."""
    g = np.array([0.05, -1, -1, -1, -1, -1, -1])
    assert not abs(float(power_law(R).fit(g))) < 0.3


def test_the_flattest_member_of_the_torus_form_is_what_slow_correlators_read():
    plane, torus = power_law(R), torus_form(10, "energy", 1.0, 5.0)
    assert flattest(plane) == pytest.approx(0, abs=1e-6)
    assert flattest(torus) == pytest.approx(1 / 3, abs=0.01)
    r = torus.distance
    slow = [float(torus.fit(r ** (-2 * d))) for d in (0.05, 0.2)]
    assert slow == pytest.approx([flattest(torus)] * 2, abs=0.005)
    assert float(power_law(r).fit(r**-0.4)) == pytest.approx(0.2, abs=1e-6)


def test_the_exact_correlator_of_the_small_magnet():
    r, g = exact_correlator(6, K_C, "spin")
    inside = within(r, 1.0, 3.0)
    np.testing.assert_allclose(g[inside], exact_shells(two_point((6, 6), K_C))[1])
    assert r[inside].min() == 1
    assert r[inside].max() == 3


def test_two_distances_are_too_few():
    with pytest.raises(ValueError, match="at least 3 distances, got 2"):
        power_law(R[:2])


@pytest.mark.parametrize("side", [4, 10])
def test_less_a_constant_another_library_reads_the_dimension(side):
    found = constant_for(0.125, side, K_C)
    r, g = exact_shells(two_point((side, side), K_C))

    def law(x, b, delta):
        return b * x ** (-2 * delta)

    (_, delta), _ = curve_fit(law, r, g - found.size, p0=(0.5, 0.1))
    assert delta == pytest.approx(0.125, abs=1e-6)
    (_, whole), _ = curve_fit(law, r, g, p0=(0.5, 0.1))
    assert whole < 0.08


def test_the_constant_is_a_share_of_the_squared_magnetization():
    """By all states of 4×4."""
    states = np.array(all_states(16)).reshape(-1, 4, 4).astype(float)
    alike = sum((states * np.roll(states, 1, axis)).sum((1, 2)) for axis in (1, 2))
    m2 = np.average(states.mean((1, 2)) ** 2, weights=np.exp(K_C * alike))
    found = constant_for(0.125, 4, K_C)
    assert found.share == pytest.approx(found.size / m2, rel=1e-10)


def test_no_constant_makes_a_steeper_correlator_flatter():
    found = constant_for(0.125, 10, 1 / 3.0)
    assert np.isnan([found.size, found.share]).all()
