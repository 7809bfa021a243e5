"""The fully connected Ising model: N spins, every pair bonded with strength J/N.

    E = -(1/N) Σ_{i<j} s_i s_j = -(M² - N) / (2N),    M = Σ s_i,   in units of J,

a model without any lattice. E depends on M alone, whose law is a weighted binomial,

    p(M) ∝ binom(N, (N + M)/2) e^{K (M² - N)/(2N)},

so every average is a sum of N + 1 positive terms. As N → ∞ the critical coupling is 1
and the magnetization solves m = tanh(Km) (the Curie-Weiss theory).
"""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from kadanoff.exact.enumerate import Moments

__all__ = [
    "K_C",
    "log_partition",
    "magnetization_law",
    "moments",
]

K_C = 1.0
"""Critical coupling of infinitely many spins."""


def magnetization_law(
    sites: int, coupling: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Total magnetizations -N, -N + 2, … N and their probabilities, both `(N + 1,)`.

    Raises:
        ValueError: fewer than two sites, or a coupling that is not finite.

    >>> totals, law = magnetization_law(2, 0.0)
    >>> totals.tolist(), law.round(12).tolist()
    ([-2, 0, 2], [0.25, 0.5, 0.25])
    """
    totals, logs = _log_weights(sites, coupling)
    weights = np.exp(logs - logs.max())
    return totals, weights / weights.sum()


def log_partition(sites: int, coupling: float) -> float:
    """ln Z, a total.

    Raises:
        ValueError: fewer than two sites, or a coupling that is not finite.
    """
    _, logs = _log_weights(sites, coupling)
    return float(logs.max() + np.log(np.exp(logs - logs.max()).sum()))


def moments(sites: int, coupling: float) -> Moments:
    """Exact averages: energy and heat capacity per site, ⟨|m|⟩, ⟨m²⟩ and ⟨m⁴⟩.

    Raises:
        ValueError: fewer than two sites, or a coupling that is not finite.

    >>> moments(10, 0.0).m2
    0.1
    """
    totals, law = magnetization_law(sites, coupling)
    energies = _energies(totals)
    mean = float(law @ energies)
    variance = float(law @ (energies - mean) ** 2)
    m = np.abs(totals) / sites
    return Moments(
        energy=mean / sites,
        heat_capacity=coupling * (coupling * variance / sites),
        abs_m=float(law @ m),
        m2=float(law @ m**2),
        m4=float(law @ m**4),
    )


def _log_weights(
    sites: int, coupling: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if not isinstance(sites, Integral) or sites < 2:
        raise ValueError(
            f"the fully connected model needs a whole number of at least 2 sites, "
            f"got {sites}; give one such as 100"
        )
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 1.0"
        )
    up = np.arange(int(sites) + 1)
    totals = 2 * up - int(sites)
    # Through the Beta function: differences of ln Γ would lose digits at large N.
    entropy = -betaln(sites - up + 1, up + 1) - math.log(sites + 1)
    return totals, entropy - coupling * _energies(totals)


def _energies(totals: NDArray[np.int64]) -> NDArray[np.float64]:
    sites = len(totals) - 1
    return -(totals.astype(float) ** 2 - sites) / (2 * sites)
