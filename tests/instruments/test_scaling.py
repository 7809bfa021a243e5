"""Δ_σ and Δ_ε from one ensemble: exact correlators, coverage, what must fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from instruments.exact_draws import random_spins

import kadanoff as kd
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import K_C
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.correlators import Correlator, shells
from kadanoff.instruments.scaling import (
    OPERATORS,
    ScalingDimension,
    Window,
    correlator,
    dimension,
    fit_dimension,
    window,
)
from kadanoff.instruments.scaling_form import FORMS, Bins, Form

GRIDS = {
    "square": Grid((24, 24)),
    "rectangle": Grid((20, 32)),
    "blocked": Grid((48, 48)).coarsened(2),
    "rotated": Grid((24, 24), basis=((1.0, 1.0), (1.0, -1.0))),
}
SHORT = {"square": 24, "rectangle": 20, "blocked": 48, "rotated": 24 * 2**0.5}


def planted(grid: Grid, values: np.ndarray, seed: int = 1) -> Correlator:
    """These values at the distances of the grid, with replicates that scatter."""
    noise = np.random.default_rng(seed).normal(size=(64, len(values)))
    rows = values * (1 + 1e-4 * noise)
    return Correlator(
        shells(grid).distance, Estimate(values, {"a": rows}, n_eff=1000.0)
    )


def chord_form(grid: Grid, operator: str, delta: float) -> np.ndarray:
    """The chord form of any Δ, one displacement after another, then by distance."""
    a = float(np.linalg.norm(grid.basis[0]))
    side = a * min(grid.shape)
    values = []
    for step in np.ndindex(*grid.shape):
        rho = float(torus_cft.chord(step, grid.shape)) / a
        if operator == "spin":
            ratio, constant = float(torus_cft.spin_ratio(step, grid.shape)), 0.0
        else:
            ratio = float(torus_cft.energy_ratio(step, grid.shape))
            constant = (torus_cft.energy_vacuum(grid.shape) * min(grid.shape)) ** 2
        rho = min(rho, 1e6)  # at displacement 0
        values.append(
            side ** (-2 * delta) * ((side * rho) ** (2 * delta) * ratio - constant)
        )
    return shells(grid).average(np.array(values))[0]


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("form", ["chord", "stretched"])
def test_the_exact_correlator_gives_the_exact_dimension(name, operator, form):
    grid = GRIDS[name]
    table = {"spin": torus_cft.spin_shells, "energy": torus_cft.energy_shells}
    exact = table[operator](grid.shape)[1]
    values = np.where(np.isfinite(exact), exact, 1.0)
    fit = fit_dimension(planted(grid, values), grid, operator, form=form)
    assert float(fit.delta.value) == pytest.approx(OPERATORS[operator], abs=1e-9)
    assert fit.chi2 < 1e-9
    assert fit.p == pytest.approx(1)
    assert fit.r_max == pytest.approx(SHORT[name] / 2)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("operator", "delta"), [("spin", 0.3), ("energy", 0.8)])
def test_another_dimension_is_found(name, operator, delta):
    """Written a second time, the chord form of a Δ that is not the Ising one."""
    grid = GRIDS[name]
    values = 2.5 * chord_form(grid, operator, delta)
    fit = fit_dimension(planted(grid, values), grid, operator)
    assert float(fit.delta.value) == pytest.approx(delta, abs=1e-8)
    assert float(fit.amplitude.value) == pytest.approx(2.5, abs=1e-6)
    assert fit.chi2 < 1e-8
    # The control: the form of the other operator.
    other = "energy" if operator == "spin" else "spin"
    assert fit_dimension(planted(grid, values), grid, other).p < 1e-6


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("operator", OPERATORS)
def test_slopes_are_derivatives(form, operator):
    grid = GRIDS["rectangle"]
    values = np.ones(len(shells(grid).distance))
    bins = Bins.of(planted(grid, values), grid, 3.0, 10.0, 6)
    shape = Form(form, operator, grid, bins, 2.0)
    theta = np.array([0.7, OPERATORS[operator] * 1.1, 0.3, -0.2])
    for k, step in enumerate(np.eye(4) * 1e-5):
        finite = (shape.model(theta + step) - shape.model(theta - step)) / 2e-5
        assert np.allclose(shape.slopes(theta)[:, k], finite, rtol=1e-7)


def test_bins_average_forms_as_they_average_readings():
    grid = GRIDS["rotated"]
    distance = shells(grid).distance
    bins = Bins.of(planted(grid, distance), grid, 4.0, 17.0, 7)
    assert np.allclose(bins.gather(bins.length**1.5), bins.average(distance**1.5))
    assert np.allclose(bins.gather(bins.length), bins.distance)
    assert np.allclose(bins.weights.sum(axis=1), 1)


def test_the_bias_of_a_power_law_is_what_it_does_to_the_exact_correlator():
    grid = GRIDS["square"]
    exact = torus_cft.spin_shells(grid.shape)[1]
    fit = fit_dimension(planted(grid, exact), grid, form="plane")
    assert float(fit.delta.value) - 1 / 8 == pytest.approx(fit.bias, abs=1e-9)
    assert fit.bias < -0.05  # 40 % of Δ_σ
    assert fit.p < 1e-9
    assert "biased by -0.0" in str(fit)
    assert fit_dimension(planted(grid, exact), grid).bias == 0


def thirds(coupling: float, seed: int) -> Ensemble:
    """Lattices of 32², enough to see Δ_σ to 0.001."""
    return kd.sample(
        kd.Ising((32, 32)), coupling=coupling, draws=20_000, chains=128, seed=seed
    )


@pytest.fixture(scope="module")
def critical() -> Ensemble:
    return thirds(K_C, seed=1)


def pull(found: ScalingDimension) -> float:
    return abs(found.pull)


def test_critical_ising_has_its_dimensions(critical):
    # Five checks at 4 σ; errors of 0.0015, and of 0.05 with lattice corrections.
    for operator in OPERATORS:
        for form in ("chord", "stretched"):
            fit = dimension(critical, operator, form=form)
            assert pull(fit) < 4
            assert fit.p > 1e-4
    assert float(dimension(critical).delta.error) < 0.002
    plain = dimension(critical, "energy", omega=None, r_min=4)
    assert pull(plain) < 4
    assert float(plain.delta.error) < 0.03


@pytest.mark.parametrize("coupling", [0.42, 0.46])
def test_off_the_critical_point_the_dimension_is_wrong_and_chi2_says_so(coupling):
    """5 % off: ξ of a quarter of the side, or a magnetization."""
    fit = dimension(thirds(coupling, seed=2))
    assert pull(fit) > 20
    assert fit.p < 1e-6


def test_lattice_corrections_take_away_a_bias(critical):
    """From r = 2 two parameters save more χ² than 18.4, the 1e-4 of idle ones."""
    plain = dimension(critical, r_min=2, omega=None)
    whole = dimension(critical, r_min=2)
    assert plain.p < 1e-6
    assert plain.chi2 - whole.chi2 > 18.4
    assert pull(whole) < 4
    assert whole.corrections is not None
    assert whole.corrections.value.shape == (2,)
    # G along an axis is larger than along a diagonal, by twice c₄ (a/r)².
    assert whole.corrections[1].value > 3 * whole.corrections[1].error


def test_planted_lattice_corrections_are_found():
    grid = GRIDS["square"]
    steps = np.moveaxis(np.indices(grid.shape), 0, -1).astype(float)
    near = steps - 24 * np.rint(steps / 24)
    r = np.maximum(np.hypot(*np.moveaxis(near, -1, 0)), 1e-3)
    angle = np.arctan2(near[..., 1], near[..., 0])
    exact = torus_cft.spin_correlation(steps, grid.shape)
    values = exact * (1 + (0.3 + 0.2 * np.cos(4 * angle)) / r**2)
    measured = planted(grid, shells(grid).average(values)[0])
    fit = fit_dimension(measured, grid)
    assert float(fit.delta.value) == pytest.approx(1 / 8, abs=1e-8)
    assert fit.corrections is not None
    assert np.allclose(fit.corrections.value, [0.3, 0.2], atol=1e-6)
    # The control: another power of r, and no correction.
    assert fit_dimension(measured, grid, omega=4.0).chi2 > 1e3 * fit.chi2
    assert abs(fit_dimension(measured, grid, omega=None).pull) > 4


def test_a_power_law_is_refuted_where_the_torus_form_is_not(critical):
    plane = dimension(critical, form="plane")
    assert plane.p < 1e-9
    assert plane.corrections is None
    assert pull(plane) > 8
    # Of that, the bias that was computed is all but the lattice's own: 0.007 at r = 3.
    rest = float(plane.delta.value) - 1 / 8 - plane.bias
    assert abs(rest) < 0.01 < abs(plane.bias)


def test_the_window_shows_the_lattice_and_leaves_it(critical):
    seen = window(critical)
    assert [fit.r_min for fit in seen.fits] == [1, 2, 3, 4, 6, 8]
    assert seen.fits[0].p < 1e-4  # neighbours are no continuum
    assert pull(seen.fits[0]) > 4
    assert seen.believed
    assert seen.fits[seen.reported].p >= 0.05
    assert all(fit.p < 0.05 for fit in seen.fits[: seen.reported])
    assert abs(float(seen.delta.value) - 1 / 8) < 4 * seen.error
    assert seen.error >= float(seen.delta.error)
    assert str(seen).count("← reported") == 1


def test_a_window_that_no_fit_describes_says_so(critical):
    seen = window(critical, form="plane")
    assert isinstance(seen, Window)
    assert not seen.believed
    assert seen.change is None
    assert np.isnan(seen.error)
    assert "no window is described" in str(seen)


RUNS, DRAWS = 160, 16


def small_runs() -> list[Ensemble]:
    """Independent ensembles of 64 chains × 16 draws of 16² at T_c."""
    everything = kd.sample(
        kd.Ising((16, 16)),
        coupling=K_C,
        draws=64 * DRAWS * RUNS,
        chains=64 * RUNS,
        seed=3,
    )
    return [everything] + [
        everything.select(slice(64 * k, 64 * k + 64)) for k in range(RUNS)
    ]


@pytest.mark.parametrize(
    ("operator", "settings"),
    [("spin", {}), ("energy", {"r_min": 2.0, "omega": None})],
    ids=["spin", "energy"],
)
def test_errors_cover_on_a_small_lattice(operator, settings, runs):
    """One error holds the Δ of all runs together in 68 % of them.

    160 runs: ± 15 % at 4 σ. On 16² that Δ has the lattice in it, so the truth of the
    coverage is the same fit of 160 times the data. Errors are of first order: 10 % of
    Δ_σ with lattice corrections and 4 % of Δ_ε without them, which needs more data.
    """
    whole, *parts = runs
    truth = float(dimension(whole, operator, **settings).delta.value)
    found = [dimension(run, operator, **settings) for run in parts]
    pulls = np.array([(f.delta.value - truth) / f.delta.error for f in found])
    band = 4 * np.sqrt(0.6827 * 0.3173 / RUNS)
    assert abs((abs(pulls) < 1).mean() - 0.6827) < band
    # The controls: half the error, and a Δ that is four errors away.
    assert (abs(pulls) < 0.5).mean() < 0.6827 - band
    assert (abs(pulls + 4) < 1).mean() < 0.1


@pytest.fixture(scope="module")
def runs() -> list[Ensemble]:
    return small_runs()


@pytest.mark.slow
def test_a_hundred_thousand_configurations_of_64():
    """Δ_σ to 0.002 and Δ_ε to 0.03; errors of 0.0003 and 0.006."""
    ensemble = kd.sample(
        kd.Ising((64, 64)), coupling=K_C, draws=100_000, chains=1000, seed=1
    )
    spin, energy = dimension(ensemble), dimension(ensemble, "energy")
    assert abs(float(spin.delta.value) - 1 / 8) < 0.002
    assert abs(float(energy.delta.value) - 1) < 0.03
    assert pull(spin) < 4
    assert pull(energy) < 4


def test_it_prints_what_it_did(critical):
    text = str(dimension(critical, "energy"))
    assert text.startswith("Δ_ε = ")
    assert "chord form; 3 ≤ r ≤ 16" in text


def test_what_has_no_dimension_is_refused():
    spins = Ensemble.from_values(random_spins((32, 4, 8, 8), seed=6))
    with pytest.raises(ValueError, match="spin or energy, got 'mass'"):
        dimension(spins, "mass")
    with pytest.raises(ValueError, match="needs a positive ω"):
        dimension(spins, omega=0.0)
    with pytest.raises(ValueError, match="a form is one of"):
        dimension(spins, form="sphere")
    with pytest.raises(ValueError, match="needs 0 < r_min < r_max"):
        dimension(spins, r_min=5.0)
    with pytest.raises(ValueError, match="at least 2 distances"):
        dimension(spins, r_min=3.9)
    with pytest.raises(ValueError, match="give the grid it was measured on"):
        fit_dimension(correlator(spins), Grid((10, 10)))
    with pytest.raises(ValueError, match="of which the blocks can weigh 0"):
        dimension(spins.select(slice(0, 4)))
    layer = Ensemble.from_values(random_spins((32, 4, 64), seed=6), Unordered(64))
    with pytest.raises(ValueError, match="needs sites with positions"):
        dimension(layer)
    skew = Grid((8, 8), basis=((1.0, 0.0), (0.5, 3**0.5 / 2)))
    with pytest.raises(ValueError, match="two equal directions at right angles"):
        dimension(Ensemble.from_values(spins.values, skew))
    chain = Ensemble.from_values(random_spins((32, 4, 16), seed=7))
    with pytest.raises(ValueError, match="two equal directions at right angles"):
        dimension(chain)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "3", (), -1, 0])
def test_what_is_no_number_gets_a_sentence(critical, value):
    """What is no distance, no number of points and no exponent."""
    wrong: Any = value
    for read in (
        lambda: dimension(critical, r_min=wrong),
        lambda: window(critical, r_min=(wrong,)),
        lambda: dimension(critical, r_min=20.0, r_max=wrong),
    ):
        with pytest.raises(ValueError, match="needs 0 < r_min < r_max"):
            read()
    with pytest.raises(ValueError, match="2 or more points, a whole number"):
        dimension(critical, points=wrong)
    with pytest.raises(ValueError, match="needs a positive ω"):
        dimension(critical, omega=wrong)
    with pytest.raises(ValueError, match="one or more r_min, each given once"):
        window(critical, r_min=())
    with pytest.raises(ValueError, match="one or more r_min, each given once"):
        window(critical, r_min=(3.0, 3.0))


def test_a_window_beyond_the_torus_is_all_of_it(critical):
    corner = dimension(critical, r_max=16 * 2**0.5)
    far = dimension(critical, r_max=1e9)
    assert float(far.delta.value) == pytest.approx(float(corner.delta.value), abs=1e-9)
