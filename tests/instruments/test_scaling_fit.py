"""Fits by an estimated covariance against their exact laws.

Points are Gaussian and correlated, blocks are few, and the truth is known: p must be
uniform, one error must hold the truth as often as Student's t says, χ² must be the
number of degrees of freedom in the mean. 2000 runs see 5 % in an error (z = 4).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kadanoff.estimate import Estimate
from kadanoff.instruments.scaling_fit import Fit, curve_fit, line_fit, most_points

RUNS, BLOCKS, POINTS = 2000, 24, 8
X = np.linspace(-1, 1, POINTS)
DESIGN = np.stack([np.ones(POINTS), X], axis=1)
THETA = np.array([2.0, -0.5])


def of_blocks(blocks: np.ndarray, lineage: str = "a") -> Estimate:
    """The mean of block means `(blocks, points)`."""
    rows = (blocks.sum(axis=0) - blocks) / (len(blocks) - 1)
    return Estimate(blocks.mean(axis=0), {lineage: rows}, len(blocks))


def correlated(truth: np.ndarray, seed: int) -> list[Estimate]:
    """Runs with neighbours correlated by 0.9 and errors that differ by factors."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(0.1, 1, POINTS)
    sigma = np.outer(scale, scale) * 0.9 ** abs(
        np.subtract.outer(np.arange(POINTS), np.arange(POINTS))
    )
    noise = rng.multivariate_normal(np.zeros(POINTS), sigma, size=(RUNS, BLOCKS))
    return [of_blocks(truth + run) for run in noise]


def fits() -> list[Fit]:
    return [line_fit(DESIGN, y) for y in correlated(DESIGN @ THETA, seed=1)]


def test_a_known_covariance_is_aitken_s_estimator():
    y = correlated(DESIGN @ THETA, seed=2)[0]
    weights = np.linalg.inv(y.covariance)
    normal = DESIGN.T @ weights @ DESIGN
    expected = np.linalg.solve(normal, DESIGN.T @ weights @ y.value)
    fit = line_fit(DESIGN, y)
    assert np.allclose(fit.parameters.value, expected, rtol=1e-9)
    n, q = BLOCKS - 1, POINTS - 2
    spread = n * (n - 1) / ((n - q) * (n - q - 1))
    covariance = spread * np.linalg.inv(normal)
    assert np.allclose(fit.parameters.covariance, covariance, rtol=1e-9)
    rest = y.value - DESIGN @ expected
    assert fit.chi2 == pytest.approx(rest @ weights @ rest * (n - q - 1) / n)


def test_p_is_uniform_and_chi2_has_its_mean():
    found = fits()
    p = np.array([fit.p for fit in found])
    assert stats.kstest(p, "uniform").pvalue > 1e-4
    chi2 = np.array([fit.chi2 for fit in found])
    assert abs(chi2.mean() - 6) < 4 * chi2.std() / np.sqrt(RUNS)
    # The control: the law of χ² for a covariance taken as known, and no correction.
    n = BLOCKS - 1
    plain = stats.chi2.sf(chi2 * n / (n - 7), 6)
    assert stats.kstest(plain, "uniform").pvalue < 1e-9


def test_errors_cover():
    found = fits()
    pull = np.array([(f.parameters.value - THETA) / f.parameters.error for f in found])
    n, q = BLOCKS - 1, POINTS - 2
    spread = np.sqrt(n * (n - 1) / ((n - q) * (n - q - 1)))
    held = (abs(pull) < 1).mean(axis=0)
    # Between Gaussian and t of n - q: the spread is right for the variance.
    low, high = 2 * stats.t.cdf(1, n - q) - 1, 0.6827
    band = 4 * np.sqrt(0.6827 * 0.3173 / RUNS)
    assert ((held > low - band) & (held < high + band)).all()
    # The variance itself, which is exact, and the control without the spread.
    actual = np.var([f.parameters.value for f in found], axis=0)
    quoted = np.mean([f.parameters.error**2 for f in found], axis=0)
    assert np.allclose(actual / quoted, 1, atol=0.2)  # 4 σ of 2000 variances: 0.13
    assert (actual / quoted * spread**2 > 1.4).all()


def test_a_wrong_form_has_a_small_p():
    bent = DESIGN @ THETA + 0.3 * X**2
    p = [line_fit(DESIGN, y).p for y in correlated(bent, seed=3)[:200]]
    assert np.median(p) < 1e-3


def test_a_curve_is_the_line_where_it_is_straight():
    y = correlated(DESIGN @ THETA, seed=4)[0]
    line = line_fit(DESIGN, y)
    curve = curve_fit(lambda t: DESIGN @ t, lambda t: DESIGN, np.array([1.0, 1.0]), y)
    assert np.allclose(curve.parameters.value, line.parameters.value, atol=1e-7)
    assert np.allclose(curve.parameters.error, line.parameters.error, atol=1e-7)
    assert curve.chi2 == pytest.approx(line.chi2)


def test_points_of_chains_of_their_own_have_a_known_diagonal():
    rng = np.random.default_rng(5)
    rows, value = {}, DESIGN @ THETA + rng.normal(0, 0.1, POINTS)
    for k in range(POINTS):
        own = np.tile(value, (BLOCKS, 1))
        own[:, k] += rng.normal(0, 0.1 / BLOCKS, BLOCKS)
        rows[f"chain {k}"] = own
    y = Estimate(value, rows, 100.0)
    fit = line_fit(DESIGN, y)
    expected = np.polynomial.polynomial.polyfit(X, value, 1, w=1 / y.error)
    assert np.allclose(fit.parameters.value, expected)
    assert fit.p == pytest.approx(stats.chi2.sf(fit.chi2, 6))
    assert set(fit.parameters.replicates) == set(rows)


def test_what_cannot_be_fitted_is_refused():
    y = correlated(DESIGN @ THETA, seed=6)[0]
    with pytest.raises(ValueError, match="at least as many points"):
        line_fit(DESIGN[:1], y[:1])
    few = Estimate(y.value, {"a": y.replicates["a"][:10]}, 10.0)
    assert most_points(few) == 5
    with pytest.raises(ValueError, match="needs at least 13 blocks, got 10"):
        line_fit(DESIGN, few)
    with pytest.raises(ValueError, match="finite errors above 0"):
        line_fit(DESIGN, Estimate(y.value, {"a": np.tile(y.value, (30, 1))}, 30.0))
    both = Estimate(y.value, {**y.replicates, "b": y.replicates["a"]}, 24.0)
    with pytest.raises(ValueError, match="got a mixture"):
        line_fit(DESIGN, both)
