"""Autocorrelation times against closed forms, and R̂ where it is known."""

import numpy as np
import pytest

from kadanoff.autocorrelation import gelman_rubin, integrated_time


def autoregressive(chains, draws, keep, seed):
    """x' = φ x + √(1-φ²) ξ, started in equilibrium: τ_int = (1 + φ)/(2 (1 - φ))."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(chains, draws))
    for t in range(1, draws):
        x[:, t] = keep * x[:, t - 1] + np.sqrt(1 - keep**2) * x[:, t]
    return x


@pytest.mark.parametrize(("keep", "tau"), [(0.9, 9.5), (0.5, 1.5), (0.0, 0.5)])
def test_autoregressive_chains(keep, tau):
    # z = 4 of the stated error (5 % at φ = 0.9): an error of 20 % would be noticed.
    found, error = integrated_time(autoregressive(20, 5_000, keep, seed=1))
    assert abs(found - tau) < 4 * error
    assert 0 < error < 0.1 * tau
    # The control: a chain with φ = 0.94 has τ = 16.2.
    wrong, error = integrated_time(autoregressive(20, 5_000, 0.94, seed=2))
    assert abs(wrong - tau) > 4 * error


def test_the_error_of_tau_covers():
    # 200 series: within one error in 68 % ± 13 % (z = 4); half the error would give
    # 38 % (the control). The window bias is well below the error here.
    pulls = []
    for seed in range(200):
        found, error = integrated_time(autoregressive(10, 1_000, 0.8, seed))
        pulls.append((found - 4.5) / error)
    inside = np.mean(np.abs(pulls) < 1)
    assert 0.55 < inside < 0.82
    assert np.mean(np.abs(pulls) < 0.5) < 0.55


def slow_time(series):
    """The definition, written out: sums over lags, window at t ≥ 6 τ(t)."""
    x = series - series.mean()
    draws = x.shape[1]
    covariance = [
        (x[:, : draws - t] * x[:, t:]).sum() / (len(x) * (draws - t))
        for t in range(draws)
    ]
    tau = 0.5
    for t in range(1, draws):
        tau += covariance[t] / covariance[0]
        if t >= 6 * tau:
            break
    return max(0.5, tau)


@pytest.mark.parametrize("draws", [2, 3, 20, 101])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_it_is_the_sum_over_lags(draws, keep):
    # Short series: wrapping around, or not dividing by the pairs there are, shows.
    x = autoregressive(3, draws, keep, seed=draws)
    assert integrated_time(x)[0] == pytest.approx(slow_time(x), rel=1e-10)


def test_one_chain_and_many_agree():
    x = autoregressive(1, 40_000, 0.9, seed=3)
    whole, error = integrated_time(x)
    cut, _ = integrated_time(x.reshape(20, 2_000))
    assert abs(whole - cut) < 2 * error


def test_series_that_do_not_move_or_alternate():
    assert integrated_time(np.full((3, 10), 0.1))[0] == 0.5
    assert integrated_time(np.zeros((1, 1))) == (0.5, 0.0)
    assert integrated_time(np.tile([1.0, -1.0], (2, 50)))[0] == 0.5


def test_neither_offset_nor_scale_nor_order_of_chains_matters():
    x = autoregressive(4, 500, 0.7, seed=4)
    tau = integrated_time(x)
    assert integrated_time(7 - 3 * x[::-1]) == pytest.approx(tau, rel=1e-12)


def test_a_series_has_chains_and_draws():
    with pytest.raises(ValueError, match=r"\(chain, draw\), got shape \(5,\)"):
        integrated_time(np.zeros(5))


def test_r_hat_of_two_known_chains():
    # Means ±1, unbiased variances 2 within: B/n = 2, W = 2, n = 2.
    series = np.array([[0.0, 2.0], [-2.0, 0.0]])
    assert gelman_rubin(series) == pytest.approx(np.sqrt(1 / 2 + 2 / 2))


def test_r_hat_sees_chains_that_disagree():
    x = autoregressive(8, 2_000, 0.5, seed=5)
    assert gelman_rubin(x) < 1.01
    assert gelman_rubin(x + np.linspace(-1, 1, 8)[:, None]) > 1.1


def test_r_hat_of_chains_that_do_not_move():
    assert gelman_rubin(np.ones((2, 5))) == 1.0
    assert gelman_rubin(np.array([[1.0, 1.0], [2.0, 2.0]])) == np.inf


@pytest.mark.parametrize("shape", [(1, 10), (10, 1), (10,)])
def test_r_hat_compares_chains(shape):
    with pytest.raises(ValueError, match="at least 2 chains of at least 2 draws"):
        gelman_rubin(np.zeros(shape))
