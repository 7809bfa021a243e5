"""ln Z of the Ising model on the tori that tensors close to, straight or turned by 45°.

A scheme that turns the lattice by 45° closes, every other step, to a torus of periods
(L, L) and (L, -L). On any torus of `rows` rows of `width` sites, closed with a shift,
the model is four sectors of free fermions, periodic (P) or antiperiodic (A) round
either period: with α, β as in `exact.kaufman`, which is the case without a shift,

    Z = ½ (-Z_PP + Z_PA + Z_AP + Z_AA),
    Z_ab = Π_q (α_q + β_q)^rows |1 - ρ_q^rows e^{iθ_q}|,   ρ = (α - β)/(α + β),

q the momenta along a row in that sector, θ_q = (0 or π) - q · shift what the last row
adds. Z_PP has the mode q = θ = 0, whose root β = 1 - sinh 2K keeps its sign: below the
critical temperature Z_PP is negative.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Torus", "log_partition_of_torus", "torus_of"]


class Torus(NamedTuple):
    """A periodic square lattice: after `rows` rows it is shifted along them."""

    rows: int
    width: int
    shift: int = 0


def torus_of(sites: int) -> Torus:
    """The square torus of 2^n sites that lies straight (n even) or turned (n odd).

    Raises:
        ValueError: a number that is no power of 2, or 1.

    >>> torus_of(16), torus_of(8)
    (Torus(rows=4, width=4, shift=0), Torus(rows=2, width=4, shift=2))
    """
    power = sites.bit_length() - 1
    if sites < 2 or sites != 1 << power:
        raise ValueError(
            f"tensors close to tori of 2, 4, 8 … sites, got {sites}; take a step first"
        )
    side = 1 << power // 2
    return Torus(side, side) if power % 2 == 0 else Torus(side, 2 * side, side)


def log_partition_of_torus(torus: Torus, coupling: float) -> float:
    """ln Z, a total, at coupling K.

    Every site owns one bond to the right and one upwards, as in `exact.kaufman`. The
    sites are of two kinds in turns, so that the sign of K does not matter.

    Raises:
        ValueError: an odd lattice, or a coupling that is not finite.

    >>> round(log_partition_of_torus(Torus(4, 4), 0.44068679350977147), 10)
    15.5219154588
    >>> two = log_partition_of_torus(Torus(1, 2, 1), 0.3)  # sites with four bonds
    >>> math.isclose(two, math.log(4 * math.cosh(1.2)))
    True
    """
    rows, width, shift = torus
    if rows < 1 or width < 2 or width % 2 or (rows + shift) % 2:
        raise ValueError(
            "width and rows + shift must be even, so that neighbours are of two "
            f"kinds, got {torus}"
        )
    if not math.isfinite(coupling):
        raise ValueError(f"the coupling must be a finite number, got {coupling}")
    k = abs(coupling)
    logs = np.array([_sector(torus, k, a, b) for a in (0, 1) for b in (0, 1)])
    signs = np.array([-1.0 if math.sinh(2 * k) < 1 else 1.0, 1.0, 1.0, 1.0])
    top = logs.max()
    return float(top + math.log(signs @ np.exp(logs - top) / 2))


def _sector(torus: Torus, k: float, a: int, b: int) -> float:
    """ln |Z_ab|; -inf where its zero mode costs nothing, at K_c."""
    rows, width, shift = torus
    step = 2 * math.pi / width
    q = step * (np.arange(width) + a / 2)
    sinh, cosh = math.sinh(2 * k), math.cosh(2 * k)
    # As in exact.kaufman: no small difference of large numbers.
    alpha = np.hypot(cosh, np.sqrt(2 * sinh) * np.sin(q / 2))
    beta = np.hypot(1 - sinh, np.sqrt(2 * sinh) * np.sin(q / 2))
    log_sum = np.log(alpha + beta)
    with np.errstate(divide="ignore"):
        decay = rows * (np.log(2 * sinh) - 2 * log_sum)
        # θ by whole numbers, for large lattices: modulo the width first.
        turns = (np.arange(width) * shift) % width
        theta = math.pi * b - step * (turns + a * shift / 2)
        ratio = np.exp(decay)
        last = np.expm1(decay) ** 2 + 4 * ratio * np.sin(theta / 2) ** 2
        return float(rows * log_sum.sum() + np.log(last).sum() / 2)
