"""Fits of Δ: exact on their own form, and what another library makes of the same."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from kadanoff.estimate import Estimate
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import K_C
from kadanoff.exact.energy_pairs import energy_two_point
from kadanoff.exact.strip import two_point
from kadanoff.experiments.demellokoch2020.dimensions import (
    crossing,
    power_law,
    straight_line,
    torus_form,
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


def test_two_distances_are_too_few():
    with pytest.raises(ValueError, match="at least 3 distances, got 2"):
        power_law(R[:2])


def test_where_a_rising_exponent_passes_a_value():
    assert crossing([2.0, 2.2, 2.4], [0.0, 0.1, 0.3], 0.2) == pytest.approx(2.3)
    assert np.isnan(crossing([2.0, 2.2], [0.3, 0.4], 0.2))
