"""Wolff's single clusters (Phys. Rev. Lett. 62, 361 (1989)), any dimension.

From a uniformly drawn site a cluster grows along satisfied bonds (`s_i s_j = sign K`),
each open with probability `p = 1 - e^{-2|K|}`, and is turned over. A site is turned
when it joins, so that no bond to it is satisfied any more: for K < 0 this needs an
unfrustrated lattice. Every bond is asked at most once. Sites wait in a queue, not on a
stack, and join it without a branch: their loads overlap, which makes it fast.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["Bonds", "Walk", "bonds", "open_bonds", "turn_clusters", "walk"]

U = np.uint64  # unsigned indices: signed ones are first tested for being negative
ONE = np.uint64(1)
ONES = np.uint64(2**64 - 1)


class Walk(NamedTuple):
    """How to step to the neighbours, in less memory than a table of them.

    Attributes:
        edge: two bits per axis: at the first, at the last site; uint32 `(site,)`.
        steps: for backward and forward along each axis the change of the index inside
            and across the edge, modulo 2^64; uint64 `(4 d,)`.
    """

    edge: np.ndarray
    steps: np.ndarray


class Bonds(NamedTuple):
    """Which bonds may open, and how often.

    Attributes:
        sign: product of two satisfied spins, +1 (K >= 0) or -1.
        threshold: 2^64 times the probability to open.
    """

    sign: np.int8
    threshold: np.uint64


def walk(shape: Sequence[int]) -> Walk:
    """The steps on a periodic lattice of up to 16 dimensions, sites in C order."""
    edge = np.zeros(shape, dtype=np.uint32)
    steps = []
    for axis, side in enumerate(shape):
        stride = math.prod(shape[axis + 1 :])
        along = edge.swapaxes(0, axis)
        along[0] |= np.uint32(1 << 2 * axis)
        along[-1] |= np.uint32(2 << 2 * axis)
        steps += [-stride, stride * (side - 1), stride, -stride * (side - 1)]
    return Walk(edge.ravel(), np.array(steps, dtype=np.int64).view(np.uint64))


def bonds(coupling: float) -> Bonds:
    """p = 1 - e^{-2|K|}, cut to 64 binary digits."""
    threshold = min(int(-math.expm1(-2 * abs(coupling)) * 2.0**64), 2**64 - 1)
    return Bonds(np.int8(1 if coupling >= 0 else -1), U(threshold))


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


@njit
def _uniform(state: Any, count: Any) -> Any:
    """A uniform whole number below `count`, by rejection: no bias."""
    shift = U(63)
    while (count - ONE) >> (U(64) - shift):
        shift -= ONE
    state, drawn = _next(state)
    while drawn >> shift >= count:
        state, drawn = _next(state)
    return state, drawn >> shift


@njit(nogil=True, cache=True)
def turn_clusters(spins: Any, walk: Any, bonds: Any, seed: Any, clusters: Any) -> Any:
    """Turn `clusters` clusters over in every replica, in place; return their sites.

    Args:
        spins: ±1, int8 `(replica, site)`.
        walk: steps to the neighbours.
        bonds: which bonds open.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        clusters: how many per replica.
    """
    edge, steps = walk
    sign, threshold = bonds
    state = (seed[0], seed[1], seed[2], seed[3])
    neighbours = U(len(steps) // 2)
    sites = U(spins.shape[1])
    queue = np.empty(spins.shape[1] + 1, dtype=np.uint32)
    bits, left, turned = U(0), U(0), U(0)
    for replica in range(spins.shape[0]):
        lattice = spins[replica]
        for _ in range(clusters):
            state, seedling = _uniform(state, sites)
            queue[U(0)] = seedling
            lattice[seedling] = -lattice[seedling]
            head, tail = U(0), ONE
            while head < tail:
                site = U(queue[head])
                head += ONE
                if left < neighbours:
                    state, bits = open_bonds(state, threshold)
                    left = U(64)
                left -= neighbours
                satisfied = np.int8(-sign * lattice[site])
                at = U(edge[site])
                for k in range(U(0), neighbours):
                    other = site + steps[U(2) * k + (at & ONE)]
                    spin = lattice[other]
                    joins = U(spin == satisfied) & bits & ONE
                    lattice[other] = -spin if joins else spin
                    queue[tail] = other
                    tail += joins
                    at >>= ONE
                    bits >>= ONE
            turned += tail
    return turned
