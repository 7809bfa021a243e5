"""How long a chain remembers: integrated autocorrelation time and R̂.

    τ_int = ½ + Σ_{t≥1} ρ(t), summed up to the first t ≥ 6 τ_int(t)

so that n correlated draws are worth n/(2τ_int) (Sokal 1997, eqs. 2.9 and 3.19-3.20;
Madras and Sokal 1988 for the error). A constant series has τ_int = ½ and R̂ = 1.
"""

from __future__ import annotations

import numpy as np

__all__ = ["autocorrelation_function", "gelman_rubin", "integrated_time"]

WINDOW = 6.0
ROUNDING = 1e-12


def autocorrelation_function(series: np.ndarray) -> np.ndarray:
    """ρ(t) of a `(chain, draw)` series with a common mean, at every lag, `(draws,)`.

    Averaged over chains, by FFT without wrap-around. A constant series remembers
    nothing: ρ = 0 beyond lag 0.

    Raises:
        ValueError: the series is not two-dimensional.

    >>> alternating = np.array([[1.0, -1.0, 1.0, -1.0]])
    >>> autocorrelation_function(alternating).round(12).tolist()
    [1.0, -1.0, 1.0, -1.0]
    """
    series = np.asarray(series, dtype=float)
    if series.ndim != 2:
        raise ValueError(f"a series is (chain, draw), got shape {series.shape}")
    draws = series.shape[1]
    if np.ptp(series) <= ROUNDING * np.abs(series).max():
        return np.eye(1, draws)[0]  # what is left of a constant is rounding
    spectrum = np.abs(np.fft.rfft(series - series.mean(), n=2 * draws, axis=1)) ** 2
    lagged = np.fft.irfft(spectrum, n=2 * draws, axis=1)[:, :draws].mean(axis=0)
    lagged /= np.arange(draws, 0, -1)
    return lagged / lagged[0] if lagged[0] > 0 else np.eye(1, draws)[0]


def integrated_time(series: np.ndarray) -> tuple[float, float]:
    """τ_int and its error, in draws, of a `(chain, draw)` series with a common mean.

    Raises:
        ValueError: the series is not two-dimensional.
    """
    rho = autocorrelation_function(series)
    if not rho[1:].any():
        return 0.5, 0.0  # one draw, or a constant
    tau = 0.5 + np.cumsum(rho[1:])
    inside = np.arange(1, len(rho)) < WINDOW * tau
    window = int(np.argmin(inside)) if not inside.all() else len(tau) - 1
    value = max(0.5, float(tau[window]))
    error = value * np.sqrt(2 * (2 * window + 1) / np.size(series))
    return value, float(error)


def gelman_rubin(series: np.ndarray) -> float:
    """Potential scale reduction R̂ of a `(chain, draw)` series (Gelman, Rubin 1992).

    Raises:
        ValueError: fewer than two chains or two draws.
    """
    series = np.asarray(series, dtype=float)
    if series.ndim != 2 or min(series.shape) < 2:
        raise ValueError(
            f"R̂ compares at least 2 chains of at least 2 draws, got shape "
            f"{series.shape}"
        )
    draws = series.shape[1]
    within = series.var(axis=1, ddof=1).mean()
    between = series.mean(axis=1).var(ddof=1)
    if within == 0:
        return 1.0 if between == 0 else float("inf")
    return float(np.sqrt((draws - 1) / draws + between / within))
