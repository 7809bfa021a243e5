"""Collapses against curves whose critical point and exponents are known, and against
the square lattice, with coverage of the error bars."""

from __future__ import annotations

import numpy as np
import pytest
from instruments.synthetic_curves import noisy, synthetic

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C, T_C
from kadanoff.instruments.collapse import collapse, parameter, quality, stability
from kadanoff.instruments.crossing import Curve, crossing, curves, extrapolate
from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample


def pulls(sweeps, truth: dict[str, float], **settings) -> tuple[np.ndarray, np.ndarray]:
    """Pulls of the fitted parameters, and χ² - dof over its standard deviation."""
    found, misfit = [], []
    for sweep in sweeps:
        fit = collapse(sweep, **settings)
        estimates = [getattr(fit, name) for name in truth]
        found.append(
            [
                float((e.value - t) / e.error)
                for e, t in zip(estimates, truth.values(), strict=True)
            ]
        )
        misfit.append((fit.chi2 - fit.dof) / np.sqrt(2 * fit.dof))
    return np.array(found), np.array(misfit)


def test_a_polynomial_curve_without_noise_is_found_exactly():
    """Its degree, x_c, ν and ρ to the digits of the search."""
    rng = np.random.default_rng(1)
    sweep = []
    for side in (4, 8, 16):
        x = np.linspace(0.9, 1.1, 7)
        z = (x - 1.01) * side**1.25
        y = side**-0.3 * (2 - 1.3 * z + 0.2 * z**2 + 0.1 * z**3)
        quiet = [noisy(0.0, 1e-10, 16, rng, f"{side}/{k}") for k in range(7)]
        points = tuple(e - e.value + m for e, m in zip(quiet, y, strict=True))
        sweep.append(Curve(side, x, points))
    fit = collapse(sweep, fit=("critical", "nu", "power"), degree=3)
    assert float(fit.critical.value) == pytest.approx(1.01, abs=1e-8)
    assert float(fit.nu.value) == pytest.approx(0.8, abs=1e-7)
    assert float(fit.power.value) == pytest.approx(-0.3, abs=1e-7)
    assert np.allclose(fit.master(fit.z), fit.y, rtol=0, atol=1e-7)
    assert fit.sides == (4, 8, 16)
    assert fit.dof == 21 - 4 - 3


def test_errors_of_the_collapse_cover_the_truth():
    """60 sweeps: the rms pull is 1 ± 0.09, the mean 0 ± 0.13, χ² as it should be."""
    seen, misfit = pulls(
        (synthetic(s) for s in range(60)), {"critical": 2.27, "nu": 1.0}, degree=5
    )
    rms = np.sqrt((seen**2).mean(axis=0))
    assert ((rms > 0.64) & (rms < 1.36)).all()
    assert abs(seen.mean(axis=0)).max() < 4 / np.sqrt(60)
    assert abs(misfit.mean()) < 4 / np.sqrt(60)


def test_errors_cover_with_an_exponent_and_a_chosen_degree():
    """20 sweeps of a susceptibility: rms 1 ± 0.16, three parameters."""
    truth = {"critical": 2.27, "nu": 0.63, "power": 1.75}
    sweeps = (synthetic(s, nu=0.63, power=1.75, sides=(6, 9, 12)) for s in range(20))
    settings = {"fit": ("critical", "nu", "power"), "power": 1.5, "critical": 2.26}
    seen, _ = pulls(sweeps, truth, **settings)
    rms = np.sqrt((seen**2).mean(axis=0))
    assert ((rms > 0.4) & (rms < 1.65)).all()
    assert abs(seen.mean(axis=0)).max() < 4 / np.sqrt(20)


def test_a_wrong_nu_does_not_collapse():
    sweep = synthetic(3)
    assert collapse(sweep, fit=("critical",), nu=1.0).p > 1e-3
    for nu in (0.8, 1.25):
        wrong = collapse(sweep, fit=("critical",), nu=nu)
        assert wrong.p < 1e-6
        assert quality(sweep, critical=float(wrong.critical.value), nu=nu) > 3


def test_a_correction_to_scaling_is_seen_and_fitted():
    """c L^-2 with c = 2 is ten errors at L = 8; a fit that knows of it is unbiased."""
    sweeps = [synthetic(s, correction=2.0) for s in range(12)]
    truth = {"critical": 2.27, "nu": 1.0}
    naive, misfit = pulls(sweeps, truth, degree=5)
    assert abs(naive[:, 0].mean()) > 4
    assert misfit.mean() > 4
    aware, misfit = pulls(sweeps, truth, degree=5, omega=2.0)
    assert abs(aware.mean(axis=0)).max() < 4 / np.sqrt(12)
    assert abs(misfit.mean()) < 4 / np.sqrt(12)
    read = parameter(stability(sweeps[0], degree=5), "critical")
    assert read.smallest > 8 or "no reading" in read.sentence


@pytest.mark.parametrize(
    ("correction", "settings"),
    [
        (0.0, {"fit": ("critical", "nu", "power"), "power": -0.125}),
        (20.0, {"fit": ("critical", "nu"), "power": -0.125, "omega": 2.0}),
    ],
)
def test_replicates_are_the_response_to_the_points(correction, settings):
    """Against refitting the displaced points, for parameters of every kind.

    The response leaves out what the residuals bend: a tenth of a typical one.
    """
    sweep = synthetic(5, power=-0.125, correction=correction, sigma=3e-5)
    settings = {**settings, "degree": 10}
    fit = collapse(sweep, **settings)
    lineage = next(iter(sweep[2].values[3].replicates))
    step = 0.2 * float(sweep[2].values[3].error)
    for block in (0, 17):
        moved_by = sweep[2].values[3].replicates[lineage][block]
        size = float(moved_by - sweep[2].values[3].value)
        moved = list(sweep)
        shifted = list(sweep[2].values)
        shifted[3] = shifted[3] + step * np.sign(size)
        moved[2] = Curve(16, sweep[2].x, tuple(shifted))
        again = collapse(moved, **settings, critical=float(fit.critical.value))
        for name in settings["fit"]:
            one, other = getattr(fit, name), getattr(again, name)
            rate = float(other.value - one.value) / (step * np.sign(size))
            expected = float(one.replicates[lineage][block] - one.value)
            typical = float(one.error) / np.sqrt(64 * len(fit.z))
            assert abs(rate * size - expected) < 0.1 * typical


def test_units_of_x_do_not_matter():
    sweep = synthetic(6)
    stretched = [Curve(c.side, 50 * c.x - 3, c.values) for c in sweep]
    one, other = collapse(sweep, degree=5), collapse(stretched, degree=5)
    assert float(other.critical.value) == pytest.approx(
        50 * float(one.critical.value) - 3, rel=1e-6
    )
    assert float(other.nu.value) == pytest.approx(float(one.nu.value), rel=1e-5)
    assert other.chi2 == pytest.approx(one.chi2, rel=1e-6)
    found = crossing(sweep), crossing(stretched)
    assert float(found[1].critical.error) == pytest.approx(
        50 * float(found[0].critical.error), rel=1e-9
    )


def test_the_change_without_the_smallest_size_is_part_of_the_error():
    """As one more source beside the chains, which arithmetic then carries on."""
    read = parameter(stability(synthetic(0, correction=0.2), degree=5), "critical")
    assert read.change is not None
    assert abs(read.change.value) > 0.1 * read.estimate.error
    assert float(read.whole.error) == pytest.approx(read.error, rel=1e-12)
    assert float(read.whole.error) > float(read.estimate.error)
    assert f"x_c = {read.whole} from L ≥ {read.smallest}" in read.sentence
    inverse = read.whole.map(lambda x: 1 / x)
    expected = read.error / float(read.estimate.value) ** 2
    assert float(inverse.error) == pytest.approx(expected, rel=1e-3)
    alone = parameter(stability(synthetic(0, sides=(8, 12))), "nu")
    assert alone.change is None
    assert float(alone.whole.error) == float(alone.estimate.error)
    assert "no size is left" in alone.sentence


def test_what_is_not_fitted_is_exact():
    fit = collapse(synthetic(7), fit=("nu",), critical=2.27)
    assert (float(fit.critical.value), float(fit.critical.error)) == (2.27, 0.0)
    assert float(fit.power.error) == 0.0
    assert fit.fitted == ("nu",)
    with pytest.raises(ValueError, match="'critical' was not fitted"):
        parameter([fit], "critical")


def slow_quality(sweep, critical, nu):
    """The sums of Houdayer and Hartmann, written as they wrote them."""
    terms = []
    scaled = [((c.x - critical) * c.side ** (1 / nu), c.value, c.error) for c in sweep]
    for i, (x, y, dy) in enumerate(scaled):
        for j in range(len(x)):
            w = wx = wy = wxx = wxy = 0.0
            for other, (u, v, dv) in enumerate(scaled):
                if other == i:
                    continue
                for k in range(len(u) - 1):
                    if u[k] < x[j] <= u[k + 1]:
                        for m in (k, k + 1):
                            q = 1 / dv[m] ** 2
                            w, wx, wy = w + q, wx + q * u[m], wy + q * v[m]
                            wxx, wxy = wxx + q * u[m] ** 2, wxy + q * u[m] * v[m]
            if not w:
                continue
            d = w * wxx - wx**2
            line = (wxx * wy - wx * wxy + x[j] * (w * wxy - wx * wy)) / d
            spread = (wxx - 2 * x[j] * wx + x[j] ** 2 * w) / d
            terms.append((y[j] - line) ** 2 / (dy[j] ** 2 + spread))
    return np.mean(terms)


def test_quality_is_that_of_houdayer_and_hartmann():
    for seed, critical, nu in ((8, 2.27, 1.0), (9, 2.25, 1.2)):
        sweep = synthetic(seed, sides=(8, 12, 16))
        expected = slow_quality(sweep, critical, nu)
        assert quality(sweep, critical=critical, nu=nu) == pytest.approx(expected)


def sweep_of_ising(sides, draws) -> list[Ensemble]:
    return [
        sample(
            Ising((side, side)),
            coupling=K_C * factor,
            draws=draws,
            seed=100 * side + k,
            workers=1,
        )
        for side in sides
        for k, factor in enumerate(np.linspace(0.97, 1.03, 7))
    ]


def check_ising(ensembles: list[Ensemble], precision: float) -> None:
    """T_c of the square lattice and ν = 1, within 4 errors; errors are small."""
    sweep = curves(ensembles)
    met = crossing(sweep)
    for value, error in (
        (float(met.critical.value), met.error),
        (float(extrapolate(met, nu=1, omega=1.75).critical.value), None),
    ):
        width = error or float(extrapolate(met, nu=1, omega=1.75).critical.error)
        assert abs(1 / value - T_C) < 4 * width / value**2 < 40 * precision
    fit = collapse(sweep, omega=1.75)
    temperature = fit.critical.map(lambda k: 1 / k)
    assert fit.p > 1e-4
    assert abs(float(temperature.value) - T_C) < 4 * float(temperature.error)
    assert float(temperature.error) < 10 * precision
    assert abs(float(fit.nu.value) - 1) < 4 * float(fit.nu.error)
    assert collapse(sweep, fit=("critical",), nu=0.6).p < 1e-6


def test_the_square_lattice_has_its_critical_point():
    """4096 draws each: T_c to 0.3 %, ν to 10 %; the control is ν = 0.6."""
    check_ising(sweep_of_ising((8, 12, 16, 24), 4096), 0.002)


@pytest.mark.slow
def test_larger_lattices_have_it_more_precisely():
    """20 000 draws up to 48: T_c to 0.05 %."""
    check_ising(sweep_of_ising((12, 16, 24, 32, 48), 20_000), 0.0006)


def test_bad_input_gets_a_sentence():
    sweep = synthetic(12)
    apart = [sweep[0], Curve(12, sweep[1].x + 1, sweep[1].values)]
    cases = [
        (lambda: collapse(sweep, fit=("slope",)), "fits some of critical, nu, power"),
        (lambda: collapse(sweep, fit=("nu",)), "must be given"),
        (lambda: collapse(sweep, nu=-1.0), "ν must be positive"),
        (lambda: collapse(sweep, degree=40), "has room for a polynomial"),
        (lambda: collapse(sweep, omega=-1.0), "positive ω"),
        (lambda: collapse(sweep[:2], omega=2.0), "at least 3 different sizes"),
        (lambda: quality(apart, critical=2.27, nu=1), "overlapping z"),
    ]
    for call, sentence in cases:
        with pytest.raises(ValueError, match=sentence) as refusal:
            call()
        assert "\n" not in str(refusal.value)
