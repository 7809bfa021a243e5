"""Single-spin Metropolis as it stands in the textbook: the obvious twin of `multispin`.

Sites are visited in raster order, in place. A site with `n` of its `2d` bonds satisfied
flips with the probability `flip[n]` of a table (Metropolis et al., J. Chem. Phys. 21,
1087 (1953)). Slow and plain on purpose: fast kernels are tested against it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

__all__ = ["LAZINESS", "flip_probabilities", "neighbours", "sweep"]

LAZINESS = 2.0**-8
"""Share of the certain flips that is left out, see `flip_probabilities`."""


def neighbours(shape: Sequence[int]) -> np.ndarray:
    """Neighbours on the periodic lattice, int32 `(sites, 2d)`, sites in C order.

    Columns come in pairs, backward and forward along each axis. On a side of 2 both
    are the same site: the two bonds between them are counted twice, as they should be.
    """
    sites = np.arange(math.prod(shape), dtype=np.int32).reshape(shape)
    columns = [
        np.roll(sites, shift, axis).ravel()
        for axis in range(len(shape))
        for shift in (1, -1)
    ]
    return np.stack(columns, axis=1)


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
        near: `neighbours(shape)`.
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
