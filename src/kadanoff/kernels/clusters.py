"""Fortuin–Kasteleyn clusters of given spins, and what improved estimators sum.

Satisfied bonds (`s_i s_j = sign K`) open with probability `p = 1 - e^{-2|K|}` (Fortuin
and Kasteleyn, Physica 57, 536 (1972)); clusters grow from the first site that is left,
a bond drawn when the growth first reaches it. The spins stay as they are: given the
clusters, every one of them may turn over on its own, and the sums below average over
all 2^clusters ways at once. Any lattice with a table of neighbours.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["Bonds", "bonds", "cluster_moments", "pair_sums"]

U = np.uint64  # unsigned indices: signed ones are first tested for being negative
ONE = np.uint64(1)
ONES = np.uint64(2**64 - 1)


class Bonds(NamedTuple):
    """Which bonds may open, and how often.

    Attributes:
        sign: product of two satisfied spins, +1 (K >= 0) or -1.
        threshold: 2^64 times the probability to open.
    """

    sign: np.int8
    threshold: np.uint64


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
def _open_bonds(state: Any, threshold: Any) -> Any:
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
def cluster_moments(
    spins: Any,
    near: Any,
    bonds: Any,
    waves: Any,
    seed: Any,
    members: Any,
    ends: Any,
    moments: Any,
) -> None:
    """Clusters of every configuration, with M_c = Σ_{x∈c} s_x and M_c(k) at waves k.

    Args:
        spins: ±1, int8 `(n, site)`.
        near: neighbours, int32 `(site, z)`, at most 64 of them.
        bonds: which bonds open, `bonds(K)`.
        waves: e^{ikx}, complex `(site, wave)`.
        seed: state of the generator, uint64 `(4,)`, not all zero; moved on.
        members: filled with the sites, cluster after cluster, uint32 `(n, site)`.
        ends: filled with 1 at the last member of each cluster, int8 `(n, site)`.
        moments: filled with Σ_c M_c², Σ_c M_c⁴ and Σ_c |M_c(k)|², `(n, 2 + wave)`.
    """
    sign, threshold = bonds
    state = (seed[0], seed[1], seed[2], seed[3])
    sites, neighbours = U(spins.shape[1]), U(near.shape[1])
    unreached = np.empty(spins.shape[1], dtype=np.int8)  # the spin, 0 once reached
    queue = np.empty(spins.shape[1] + 1, dtype=np.uint32)
    amplitude = np.empty(waves.shape[1], dtype=np.complex128)
    bits, left = U(0), U(0)
    for row in range(spins.shape[0]):
        lattice, sums = spins[row], moments[row]
        unreached[:] = lattice
        ends[row, :] = 0
        sums[:] = 0
        head = tail = U(0)
        for seedling in range(U(0), sites):
            if unreached[seedling] == 0:
                continue
            unreached[seedling] = 0
            queue[tail] = seedling
            tail += ONE
            total = 0.0
            amplitude[:] = 0
            while head < tail:
                site = U(queue[head])
                head += ONE
                if left < neighbours:
                    state, bits = _open_bonds(state, threshold)
                    left = U(64)
                left -= neighbours
                spin = lattice[site]
                total += spin
                for k in range(waves.shape[1]):
                    amplitude[k] += spin * waves[site, k]
                satisfied = np.int8(sign * spin)
                for k in range(neighbours):
                    other = U(near[site, k])
                    beside = unreached[other]
                    joins = U(beside == satisfied) & bits & ONE
                    unreached[other] = 0 if joins else beside
                    queue[tail] = other
                    tail += joins
                    bits >>= ONE
            ends[row, tail - ONE] = 1
            sums[0] += total**2
            sums[1] += total**4
            for k in range(waves.shape[1]):
                sums[2 + k] += amplitude[k].real ** 2 + amplitude[k].imag ** 2
        members[row] = queue[:sites]
    seed[0], seed[1], seed[2], seed[3] = state


@njit(nogil=True, cache=True)
def pair_sums(
    spins: Any, members: Any, ends: Any, place: Any, largest: Any, pairs: Any
) -> None:
    """Add s_x s_y of all pairs in one cluster to a count of displacements.

    Clusters above `largest` sites are left to a Fourier transform. A pair is counted
    once, x after y in order of growth, and not x = y.

    Args:
        spins: ±1, int8 `(n, site)`.
        members: the sites, cluster after cluster, uint32 `(n, site)`.
        ends: 1 at the last member of each cluster, int8 `(n, site)`.
        place: of every site in a box twice as long as the lattice, int64 `(site,)`, so
            that differences of places are displacements.
        largest: sites of a cluster.
        pairs: int64 `(displacement,)`, 0 in the middle.
    """
    middle = len(pairs) // 2
    for row in range(spins.shape[0]):
        start = 0
        for at in range(spins.shape[1]):
            if ends[row, at] == 0:
                continue
            if at + 1 - start <= largest:
                for i in range(start + 1, at + 1):
                    x = members[row, i]
                    spin, here = np.int64(spins[row, x]), middle + place[x]
                    for j in range(start, i):
                        y = members[row, j]
                        pairs[here - place[y]] += spin * spins[row, y]
            start = at + 1
