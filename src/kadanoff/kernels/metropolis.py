"""Single-spin Metropolis as it stands in the textbook: the obvious twin of `multispin`.

Sites are visited in raster order, in place. A site with `n` of its `2d` bonds satisfied
flips with the probability `flip[n]` of a table (Metropolis et al., J. Chem. Phys. 21,
1087 (1953)). Slow and plain on purpose: fast kernels are tested against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["LAZINESS", "flip_probabilities", "sweep"]

LAZINESS = 2.0**-8
"""Share of the certain flips that is left out, see `flip_probabilities`."""


def flip_probabilities(coupling: float, dimensions: int) -> np.ndarray:
    """(1 - 2^-8) min(1, e^{-4|K|(n-d)}) for n = 0 … 2d satisfied bonds.

    The factor keeps the chain ergodic: without it a sweep in raster order has closed
    cycles of forced flips on small lattices (3×3: the checkerboard), never left.
    """
    excess = np.arange(2 * dimensions + 1) - dimensions
    return (1 - LAZINESS) * np.exp(-4 * abs(coupling) * np.maximum(excess, 0))


@njit(nogil=True, cache=True)
def sweep(
    spins: Any, near: Any, flip: Any, sign: Any, sweeps: Any, rng: np.random.Generator
) -> None:
    """Update every site of every replica `sweeps` times, in place.

    Args:
        spins: ±1, int8 `(replica, site)`.
        near: neighbours of every site, int32 `(site, 2d)`, see `models.lattice`.
        flip: flip probability given the number of satisfied bonds, `(2d + 1,)`.
        sign: +1 where parallel neighbours are satisfied (K > 0), else -1.
        sweeps: how often.
        rng: one number is drawn per site.
    """
    for _ in range(sweeps):
        for replica in range(spins.shape[0]):
            for site in range(spins.shape[1]):
                satisfied = 0
                for other in near[site]:
                    satisfied += spins[replica, site] * spins[replica, other] == sign
                if rng.random() < flip[satisfied]:
                    spins[replica, site] = -spins[replica, site]
