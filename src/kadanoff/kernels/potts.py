"""Heat bath of the Potts model on any table of neighbours.

A site takes the value a with probability ∝ e^{K n_a}, n_a the number of its neighbours
there (Creutz, Phys. Rev. D 21, 2308 (1980) for the method). Sites are visited in
raster order, in place. Clusters are in `kadanoff.kernels.graph_clusters`.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["heat_bath", "weights"]

U = np.uint64  # unsigned indices: signed ones are first tested for being negative


def weights(coupling: float, neighbours: int) -> np.ndarray:
    """e^{K n} for n = 0 … z neighbours, the largest of them 1: no overflow."""
    exponents = coupling * np.arange(neighbours + 1)
    return np.exp(exponents - exponents.max())


@njit
def _next(state: Any) -> Any:
    """Advance xoshiro256++ (Blackman & Vigna, ACM TOMS 47, 36 (2021)) by one word."""
    s0, s1, s2, s3 = state
    sum03 = s0 + s3
    drawn = ((sum03 << U(23)) | (sum03 >> U(41))) + s0
    shifted = s1 << U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << U(45)) | (s3 >> U(19))
    return (s0, s1, s2, s3), drawn


@njit(nogil=True, cache=True)
def heat_bath(
    values: Any, walk: Any, weights: Any, q: Any, seed: Any, sweeps: Any
) -> None:
    """Draw every value of every replica anew, `sweeps` times, in place.

    Args:
        values: 0 … q-1, uint8 `(replica, site)`.
        walk: steps to the neighbours, `kadanoff.kernels.graph_clusters.walk`.
        weights: e^{K n} for n neighbours, `(z + 1,)`.
        q: number of states.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        sweeps: how often.
    """
    kind, steps, near, _ = walk
    state = (seed[0], seed[1], seed[2], seed[3])
    width = U(len(near))
    counts = np.zeros(q, dtype=np.uint64)
    below = np.empty(q)  # Σ of the weights up to and with each value
    for _ in range(sweeps):
        for replica in range(values.shape[0]):
            lattice = values[replica]
            for site in range(U(0), U(values.shape[1])):
                start = U(kind[site]) * width
                for k in range(len(near)):
                    counts[U(lattice[site + steps[start + U(k)]])] += U(1)
                total = 0.0
                for a in range(U(0), U(q)):
                    total += weights[counts[a]]
                    below[a] = total
                    counts[a] = U(0)
                state, drawn = _next(state)
                point = (drawn >> U(11)) * 2.0**-53 * total
                value = U(0)
                for a in range(U(0), U(q - 1)):
                    value += U(point >= below[a])
                lattice[site] = value
