"""The XY ring by characters: e^{K cos θ} = Σ_n I_n(K) e^{inθ}.

Z/(2π)^N = Σ_n I_n(K)^N over all whole n, and with the law of n that it defines the
energy is the mean of -I_n'/I_n per site (Joyce, Phys. Rev. 155, 478 (1967)). Energies
in units of J, heat capacities in k_B, per site.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ive

__all__ = ["Ring", "ring"]


@dataclass(frozen=True)
class Ring:
    """Exact values of N spins on a ring.

    Attributes:
        log_partition: ln Z with the measure dθ/2π of every site, a total.
        energy: ⟨E⟩/N with E = -Σ cos(θ_i - θ_{i+1}).
        heat_capacity: K² Var(E)/N.
    """

    log_partition: float
    energy: float
    heat_capacity: float


def ring(sites: int, coupling: float) -> Ring:
    """The ring of `sites` spins at K of either sign.

    Raises:
        ValueError: fewer than 2 sites, or a coupling that is not finite.

    >>> round(ring(3, 0.0).heat_capacity, 12), round(ring(1000, 1.0).energy, 5)
    (0.0, -0.44639)
    """
    if sites < 2 or not math.isfinite(coupling):
        raise ValueError(
            f"a ring has at least 2 sites and a finite coupling, got {sites} and "
            f"{coupling}; give for example 8 and 0.9"
        )
    if coupling == 0:
        return Ring(0.0, 0.0, 0.0)
    k = abs(coupling)
    n = np.arange(int(40 + 10 * math.sqrt(k) + k) + 1)
    scaled = ive(np.append(n, n[-1] + 1), k)  # I_n e^{-K}
    seen = scaled[:-1] > 0
    n, value, above = n[seen], scaled[:-1][seen], scaled[1:][seen]
    # I_n' = I_{n+1} + (n/K) I_n, and I_n'' = (1 + n²/K²) I_n - I_n'/K.
    slope = above / value + n / k
    bend = 1 + (n / k) ** 2 - slope / k - slope**2
    logs = sites * np.log(value)
    signs = np.where(n % 2, np.sign(coupling) ** sites, 1.0)
    weights = np.where(n, 2.0, 1.0) * signs * np.exp(logs - logs.max())
    law = weights / weights.sum()
    mean = float(law @ slope)
    variance = float(law @ bend + sites * (law @ slope**2 - mean**2))
    total = sites * k + logs.max() + math.log(weights.sum())
    return Ring(total, -math.copysign(mean, coupling), k**2 * variance)
