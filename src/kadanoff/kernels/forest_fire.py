"""Lightning and growth of the forest fire (Drossel and Schwabl 1992), event by event.

The next event anywhere is a strike with probability 1/(1 + θ), else a growth attempt:
the number of attempts between two strikes is geometric, P(n) = θⁿ/(1 + θ)^{n+1}. Both
happen at a uniformly drawn site. Strikes are a Poisson process that knows nothing of
the trees, so that the configurations just before them have the stationary law of
continuous time.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

__all__ = ["strike_and_grow"]

U = np.uint64
ONE = np.uint64(1)


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
def _uniform(state: Any, count: Any) -> Any:
    """A uniform whole number below `count`, by rejection: no bias."""
    shift = U(63)
    while (count - ONE) >> (U(64) - shift):
        shift -= ONE
    state, drawn = _next(state)
    while drawn >> shift >= count:
        state, drawn = _next(state)
    return state, drawn >> shift


@njit
def _attempts(state: Any, theta: Any) -> Any:
    """Growth attempts before the next strike, geometric of mean θ."""
    state, drawn = _next(state)
    uniform = (float(drawn >> U(11)) + 0.5) * 2.0**-53
    if theta == 0:
        return state, 0
    return state, int(math.log(uniform) / -math.log1p(1 / theta))


@njit
def _burn(trees: Any, near: Any, start: Any, queue: Any) -> Any:
    """Burn the cluster of the struck site; return its size."""
    if trees[start] < 0:
        return 0
    trees[start] = -1
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        for other in near[queue[head]]:
            if trees[other] > 0:
                trees[other] = -1
                queue[tail] = other
                tail += 1
        head += 1
    return tail


@njit(nogil=True, cache=True)
def strike_and_grow(spins: Any, near: Any, theta: Any, seed: Any, strikes: Any) -> Any:
    """`strikes` times lightning and the growth until the next, in place.

    Args:
        spins: +1 for a tree, -1 for none, int8 `(replica, site)`.
        near: neighbours, `(site, z)`.
        theta: θ, mean number of growth attempts after a strike.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        strikes: how many per replica.

    Returns:
        Trees burnt and trees grown, int64 `(replica,)` each.
    """
    state = (seed[0], seed[1], seed[2], seed[3])
    sites = U(spins.shape[1])
    queue = np.empty(spins.shape[1], dtype=np.int32)
    burnt = np.zeros(len(spins), dtype=np.int64)
    grown = np.zeros(len(spins), dtype=np.int64)
    for replica in range(len(spins)):
        trees = spins[replica]
        for _ in range(strikes):
            state, struck = _uniform(state, sites)
            burnt[replica] += _burn(trees, near, struck, queue)
            state, attempts = _attempts(state, theta)
            for _ in range(attempts):
                state, site = _uniform(state, sites)
                grown[replica] += trees[site] < 0
                trees[site] = 1
    return burnt, grown
