"""Autocorrelation functions with errors, against chains whose memory is known."""

from __future__ import annotations

import numpy as np
import pytest

from kadanoff.autocorrelation import integrated_time
from kadanoff.instruments.history import memory


def autoregressive(q: float, chains: int, draws: int, seed: int) -> np.ndarray:
    """x_{t+1} = q x_t + noise in equilibrium: ρ(t) = q^t, τ = ½ + q/(1-q)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(chains, draws)) * np.sqrt(1 - q * q)
    x = np.empty((chains, draws))
    x[:, 0] = rng.normal(size=chains)
    for t in range(1, draws):
        x[:, t] = q * x[:, t - 1] + noise[:, t]
    return x


def pulls(q: float) -> np.ndarray:
    """(measured - q^t)/error at lags 1 to 20 of 60 series with q = 0.7."""
    found = []
    for seed in range(60):
        m = memory(autoregressive(0.7, 8, 300, seed))
        found.append((m.rho - q**m.lag)[1:21] / m.error[1:21])
    return np.array(found)


def test_rho_and_its_error_agree_with_the_law():
    """60 × 20 pulls: the rms over series is 1 ± 0.09 at each lag, correlated in lag."""
    seen = pulls(0.7)
    rms = np.sqrt((seen**2).mean(axis=0))
    assert ((rms > 0.65) & (rms < 1.35)).all()
    assert abs(seen.mean(axis=0)).max() < 4 / np.sqrt(60)


def test_another_memory_is_seen():
    assert abs(pulls(0.75).mean(axis=0)).max() > 4 / np.sqrt(60)


def test_equals_the_sum_over_pairs_of_draws():
    x = np.random.default_rng(1).normal(size=(3, 11)).cumsum(axis=1)
    d = x - x.mean()
    gamma = [(d[:, : 11 - t] * d[:, t:]).mean() for t in range(6)]
    assert np.allclose(memory(x).rho, np.array(gamma) / gamma[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("q", [0.0, 0.3, 0.8])
def test_the_running_sum_at_the_window_is_the_integrated_time(q):
    x = autoregressive(q, 4, 400, seed=2)
    m = memory(x)
    assert (m.tau, m.tau_error) == integrated_time(x)
    assert max(0.5, m.running[m.window]) == pytest.approx(m.tau, abs=1e-12)
    expected = 0.5 + q / (1 - q)
    assert abs(m.tau - expected) < 4 * m.tau_error


def test_a_constant_remembers_nothing():
    m = memory(np.full((2, 10), 0.3))
    assert m.rho.tolist() == [1.0] + 5 * [0.0]
    assert m.tau == 0.5


@pytest.mark.parametrize("shape", [(5,), (3, 1)])
def test_a_history_needs_chains_and_draws(shape):
    with pytest.raises(ValueError, match=r"a history is \(chain, draw\)"):
        memory(np.zeros(shape))
