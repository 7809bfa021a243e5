"""Swendsen–Wang clusters (Phys. Rev. Lett. 58, 86 (1987)), any dimension.

Satisfied bonds (`s_i s_j = sign K`) open with probability `p = 1 - e^{-2|K|}`; every
cluster of open bonds is turned over with probability one half. Clusters are grown one
after the other from the first site that is left, and a bond is drawn when the growth
first reaches it: each is asked at most once, so the law is that of drawing all bonds
first. A queue and joining without a branch are faster here than union-find, whose
branches are coin tosses at the critical point.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["open_bonds", "sweep"]

U = np.uint64  # unsigned indices: signed ones are first tested for being negative
ONE = np.uint64(1)
ONES = np.uint64(2**64 - 1)


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


@njit
def open_bonds(state: Any, threshold: Any) -> Any:
    """A word of 64 independent bits, each set with probability `threshold` 2^-64.

    All lanes compare a uniform number with the threshold, most significant bit first,
    until none is undecided: 7.3 random words on average, exact to the last bit.
    """
    below, undecided = U(0), ONES
    for plane in range(64):
        state, drawn = _next(state)
        if (threshold >> U(63 - plane)) & ONE:
            below |= undecided & ~drawn
            undecided &= drawn
        else:
            undecided &= ~drawn
        if undecided == U(0):
            break
    return state, below


@njit(nogil=True, cache=True)
def sweep(spins: Any, walk: Any, bonds: Any, seed: Any, sweeps: Any) -> None:
    """Turn half of the clusters of every replica over, `sweeps` times, in place.

    Args:
        spins: ±1, int8 `(replica, site)`.
        walk: steps to the neighbours, `kadanoff.kernels.wolff.walk`.
        bonds: which bonds open, `kadanoff.kernels.wolff.bonds`.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        sweeps: how often.
    """
    edge, steps = walk
    sign, threshold = bonds
    state = (seed[0], seed[1], seed[2], seed[3])
    neighbours = U(len(steps) // 2)
    unreached = np.empty(spins.shape[1], dtype=np.int8)  # the spin, 0 once reached
    queue = np.empty(spins.shape[1] + 1, dtype=np.uint32)
    bits, left, coins = U(0), U(0), U(0)
    for _ in range(sweeps):
        for replica in range(spins.shape[0]):
            lattice = spins[replica]
            unreached[:] = lattice
            head = tail = U(0)
            for seedling in range(U(0), U(spins.shape[1])):
                if seedling & U(63) == U(0):
                    state, coins = _next(state)
                if unreached[seedling] == 0:
                    continue
                coin = np.int8((coins >> (seedling & U(63))) & ONE)
                turn = np.int8(1) - np.int8(2) * coin
                unreached[seedling] = 0
                queue[tail] = seedling
                tail += ONE
                while head < tail:
                    site = U(queue[head])
                    head += ONE
                    if left < neighbours:
                        state, bits = open_bonds(state, threshold)
                        left = U(64)
                    left -= neighbours
                    satisfied = np.int8(sign * lattice[site])
                    lattice[site] *= turn
                    at = U(edge[site])
                    for k in range(U(0), neighbours):
                        other = site + steps[U(2) * k + (at & ONE)]
                        spin = unreached[other]
                        joins = U(spin == satisfied) & bits & ONE
                        unreached[other] = 0 if joins else spin
                        queue[tail] = other
                        tail += joins
                        at >>= ONE
                        bits >>= ONE
