"""What a chain remembers against lag, with error bars.

    ρ(t) = Γ(t)/Γ(0),  Γ(t) = ⟨(x_s - x̄)(x_{s+t} - x̄)⟩,  τ(W) = ½ + Σ_{t=1..W} ρ(t)

averaged over chains, x̄ the mean of all of them. Errors are those of M. Lüscher,
Comput. Phys. Commun. 165, 199 (2005), appendix E,

    δρ(t)² ≃ (1/n) Σ_{k≥1} [ρ(k+t) + ρ(k-t) - 2 ρ(k) ρ(t)]²,  k ≤ t + W,

with n the number of pairs at that lag, and of Madras and Sokal for τ. The window W is
that of `kadanoff.autocorrelation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.autocorrelation import autocorrelation_function, integrated_time

__all__ = ["Memory", "memory"]


@dataclass(frozen=True)
class Memory:
    """The autocorrelation function of one observable.

    Attributes:
        lag: 0, 1, …, in draws.
        rho: ρ at each lag, 1 at lag 0.
        error: one standard error of ρ.
        running: τ(W) summed up to each lag.
        tau: integrated autocorrelation time, in draws.
        tau_error: its error.
        window: the lag at which the sum for `tau` stops.
    """

    lag: np.ndarray
    rho: np.ndarray
    error: np.ndarray
    running: np.ndarray
    tau: float
    tau_error: float
    window: int


def memory(series: np.ndarray) -> Memory:
    """ρ(t) of a `(chain, draw)` series, for every lag that half of a chain has.

    A constant series remembers nothing: ρ = 0 beyond lag 0.

    Raises:
        ValueError: the series is not two-dimensional, or has fewer than two draws.

    >>> alternating = np.array([[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]])
    >>> memory(alternating).rho.round(12).tolist()
    [1.0, -1.0, 1.0, -1.0]
    """
    series = np.asarray(series, dtype=float)
    if series.ndim != 2 or series.shape[1] < 2:
        raise ValueError(
            f"a history is (chain, draw) with at least 2 draws, got shape "
            f"{series.shape}"
        )
    tau, tau_error = integrated_time(series)
    chains, draws = series.shape
    rho = autocorrelation_function(series)
    running = 0.5 + np.concatenate([[0.0], np.cumsum(rho[1:])])
    window = _window(running, tau)
    shown = min(draws, draws // 2 + 1)
    pairs = chains * (draws - np.arange(shown))
    variance = [_variance(rho, t, window) for t in range(shown)]
    return Memory(
        np.arange(shown),
        rho[:shown],
        np.sqrt(np.array(variance) / pairs),
        running[:shown],
        tau,
        tau_error,
        min(window, shown - 1),
    )


def _window(running: np.ndarray, tau: float) -> int:
    """The lag at which the running sum is the reported τ (½ where it is below)."""
    return int(np.argmin(np.abs(np.maximum(running, 0.5) - tau)))


def _variance(rho: np.ndarray, t: int, window: int) -> float:
    """n δρ(t)², lags beyond the chain counted as 0."""
    k = np.arange(1, t + max(window, 1) + 1)
    value = _at(rho, k + t) + _at(rho, np.abs(k - t)) - 2 * _at(rho, k) * rho[t]
    return float((value**2).sum())


def _at(rho: np.ndarray, lag: np.ndarray) -> np.ndarray:
    inside = np.minimum(lag, len(rho) - 1)
    return np.where(lag < len(rho), rho[inside], 0.0)
