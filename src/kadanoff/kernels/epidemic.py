"""The contact process, event by event, restarted from its own past where it dies out.

Each infected site recovers at rate 1 and infects at rate λ, one of its neighbours at
random: with n infected sites the next event comes after an exponential time of rate
n(1 + λ), at a uniformly drawn one of them, and is a recovery with probability
1/(1 + λ). Nothing happens elsewhere, so only the list of infected sites is kept.

A replica writes its configuration down after every so many units of time, in a ring of
slots. Where its last infected site recovers, it goes on at once from one of the most
recent half of what it has written so far, at most the whole ring (M. M. de Oliveira and
R. Dickman, Phys. Rev. E 71, 016129 (2005)): what was written early is forgotten.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

__all__ = ["spread"]

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
def _below(state: Any, count: Any) -> Any:
    """A uniform whole number below `count`, by rejection: no bias."""
    shift = U(63)
    while (count - ONE) >> (U(64) - shift):
        shift -= ONE
    state, drawn = _next(state)
    while drawn >> shift >= count:
        state, drawn = _next(state)
    return state, drawn >> shift


@njit
def _uniform(state: Any) -> Any:
    """A uniform number, never 0 and never 1."""
    state, drawn = _next(state)
    return state, (float(drawn >> U(11)) + 0.5) * 2.0**-53


@njit
def _infect(spins: Any, infected: Any, count: Any, site: Any) -> Any:
    spins[site] = 1
    infected[count] = site
    return count + 1


@njit
def _recover(spins: Any, infected: Any, count: Any, k: Any) -> Any:
    """The k-th infected site recovers; the last of the list moves to its place."""
    count -= 1
    spins[infected[k]] = -1
    infected[k] = infected[count]
    return count


@njit
def _listed(spins: Any, infected: Any) -> Any:
    count = 0
    for site in range(len(spins)):
        if spins[site] > 0:
            count = _infect(spins, infected, count, site)
    return count


@njit
def _write(spins: Any, slot: Any) -> None:
    slot[:] = 0
    for site in range(len(spins)):
        if spins[site] > 0:
            slot[site >> 3] |= np.uint8(1 << (site & 7))


@njit
def _read(spins: Any, slot: Any) -> None:
    for site in range(len(spins)):
        spins[site] = 1 if (slot[site >> 3] >> (site & 7)) & 1 else -1


@njit
def _remembered(state: Any, written: Any, slots: Any) -> Any:
    """The slot of a configuration out of the most recent half, at most all slots."""
    recent = min(slots, (written + 1) // 2)
    state, back = _below(state, U(recent))
    return state, (written - 1 - int(back)) % slots


@njit
def _evolve(
    state: Any, spins: Any, near: Any, rate: Any, time: Any, past: Any, written: Any,
    infected: Any, count: Any,
) -> Any:  # fmt: skip
    """One replica through `time`; without slots in `past` it stays dead."""
    deaths = 0
    clock = 0.0
    while count > 0:
        state, uniform = _uniform(state)
        clock -= math.log(uniform) / (count * (1 + rate))
        if clock > time:
            break
        state, k = _below(state, U(count))
        state, uniform = _uniform(state)
        if uniform * (1 + rate) < 1:
            count = _recover(spins, infected, count, k)
        else:
            state, way = _below(state, U(near.shape[1]))
            other = near[infected[k], way]
            if spins[other] < 0:
                count = _infect(spins, infected, count, other)
        if count == 0:
            deaths += 1
            if len(past):
                state, slot = _remembered(state, written, len(past))
                _read(spins, past[slot])
                count = _listed(spins, infected)
    return state, count, deaths


@njit(nogil=True, cache=True)
def spread(
    spins: Any, near: Any, rate: Any, past: Any, written: Any, every: Any, seed: Any,
    sweeps: Any,
) -> Any:  # fmt: skip
    """The epidemic through `sweeps` units of time, in place.

    Args:
        spins: +1 infected, -1 not, int8 `(replica, site)`.
        near: neighbours, `(site, z)`.
        rate: λ, infections that an infected site tries per unit of time.
        past: configurations of old, bits of the sites, uint8 `(replica, slot, bytes)`;
            without slots a replica that has died out stays so.
        written: how many configurations a replica has written so far, int64
            `(replica,)`; at least 1 if there are slots.
        every: units of time between two that are written.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        sweeps: units of time.

    Returns:
        How often each replica has died out, int64 `(replica,)`.
    """
    state = (seed[0], seed[1], seed[2], seed[3])
    replicas, sites = spins.shape
    infected = np.empty(sites, dtype=np.int32)
    deaths = np.zeros(replicas, dtype=np.int64)
    slots = past.shape[1]
    for r in range(replicas):
        count = _listed(spins[r], infected)
        left = sweeps
        while left > 0:
            time = min(left, every)
            state, count, died = _evolve(
                state, spins[r], near, rate, float(time), past[r], written[r],
                infected, count,
            )  # fmt: skip
            deaths[r] += died
            left -= time
            if slots:
                _write(spins[r], past[r, written[r] % slots])
                written[r] += 1
    return deaths
