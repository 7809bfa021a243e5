"""Coupling from the past on random clusters: exact draws on any ferromagnetic graph.

The law exp(Σ_b κ_b δ(s_i, s_j)) of q colours is that of the random-cluster model

    Π_open p_b Π_closed (1 - p_b) q^(number of clusters),   p_b = 1 - e^{-κ_b},

with an independent fair colour for every cluster (Fortuin & Kasteleyn, Physica 57, 536
(1972)). The heat bath of one bond opens it with probability p if its ends are joined
without it and with p/(p + q(1 - p)) else. With the same random numbers it keeps the
order of two bond configurations, so that every start ends between those that began
with all bonds open (upper chain) and all closed (lower chain). Where these two, begun
at time -T, agree at time 0, so does a chain begun in the infinite past: their common
state is a draw from the exact law (Propp & Wilson, Random Struct. Algorithms 9, 223
(1996)). If they do not agree T is doubled, with the old random numbers at the old
times. Giving up on long runs would prefer states that agree early: nothing here does.

A random number below both probabilities or above both needs no question. Otherwise one
search answers for both chains: from the two ends in turns along the bonds of the lower
chain, and only if that ends and upper bonds were passed, once more with these.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["Graph", "Work", "draw", "graph", "work"]

U = np.uint64  # unsigned indices: signed ones are first tested for being negative
ONE = np.uint64(1)
CLOSED, UPPER, BOTH = np.uint8(0), np.uint8(1), np.uint8(3)  # bits: upper, lower
LOWER = np.uint8(2)
LAST_STAMP = np.uint32(2**32 - 2)
EASING = 8


class Graph(NamedTuple):
    """Bonds, how to walk along them and how often they open.

    Attributes:
        pairs: the two ends, int32 `(bond, 2)`.
        start: where the half-bonds that leave a site begin, int32 `(site + 1,)`.
        other: the sites they lead to, int32 `(2 bond,)`.
        half: where the two halves of a bond are, int32 `(bond, 2)`.
        low: 2^64 times the probability to open between clusters, uint64 `(bond,)`.
        high: the same within a cluster.
        hub: a site that searches enter and do not leave, or -1.
    """

    pairs: np.ndarray
    start: np.ndarray
    other: np.ndarray
    half: np.ndarray
    low: np.ndarray
    high: np.ndarray
    hub: int


class Work(NamedTuple):
    """Where a draw stands between two calls of the kernel, and its scratch space.

    Attributes:
        counters: replica, level (T = 2^level sweeps), block of sweeps, sweep and bond
            within it, bonds that differ; int64 `(6,)`.
        generator: state of the random numbers, uint64 `(4,)`.
        chains: open in neither, the upper or both chains, uint8 `(2 bond,)`.
        stamp: number of the last search, uint32 `(1,)`.
        mark: search that last visited a site, uint32 `(site,)`.
        queue: sites to visit from either end, int32 `(2 site + 2,)`.
    """

    counters: np.ndarray
    generator: np.ndarray
    chains: np.ndarray
    stamp: np.ndarray
    mark: np.ndarray
    queue: np.ndarray


def graph(
    pairs: np.ndarray, strengths: np.ndarray, *, sites: int, states: int, hub: int = -1
) -> Graph:
    """The walk and the thresholds of a graph.

    Args:
        pairs: ends of the bonds, `(bond, 2)`.
        strengths: κ >= 0, `(bond,)`.
        sites: how many.
        states: number of colours q >= 1.
        hub: a site with very many bonds, entered and not left by searches.
    """
    ends = pairs.T.ravel()
    order = np.argsort(ends, kind="stable")
    start = np.zeros(sites + 1, np.int32)
    np.cumsum(np.bincount(ends, minlength=sites), out=start[1:])
    half = np.empty(len(ends), np.int32)
    half[order] = np.arange(len(ends))
    closed = np.exp(-strengths)
    p = -np.expm1(-strengths)
    return Graph(
        np.ascontiguousarray(pairs, np.int32),
        start,
        pairs[:, ::-1].T.ravel()[order].astype(np.int32),
        np.ascontiguousarray(half.reshape(2, -1).T),
        _threshold(p / (p + states * closed)),
        _threshold(p),
        hub,
    )


def work(graph: Graph) -> Work:
    """A fresh start."""
    bonds, sites = len(graph.pairs), len(graph.start) - 1
    return Work(
        np.array([0, -1, -1, 0, 0, 1]),
        np.zeros(4, U),
        np.zeros(2 * bonds, np.uint8),
        np.zeros(1, np.uint32),
        np.zeros(sites, np.uint32),
        np.zeros(2 * sites + 2, np.int32),
    )


def _threshold(p: np.ndarray) -> np.ndarray:
    """2^64 p, cut to whole numbers; 2^64 - 1 for p = 1."""
    # The largest double below 2^64 is 2^64 - 2^11.
    whole = np.minimum(p, 1 - 2.0**-53) * 2.0**64
    return np.where(p < 1, whole.astype(U), U(2**64 - 1))


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
def _mix(word: Any) -> Any:
    """SplitMix64's scrambling (Steele, Lea & Flood, OOPSLA 2014)."""
    word = (word ^ (word >> U(30))) * U(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> U(27))) * U(0x94D049BB133111EB)
    return word ^ (word >> U(31))


@njit
def _stream(key: Any, block: Any) -> Any:
    """The generator of one block of sweeps of one replica; block -1 is the colours."""
    step = U(block + 2) * U(0x9E3779B97F4A7C15)
    return (
        _mix(key[0] + step),
        _mix(key[1] + step),
        _mix(key[2] + step),
        _mix(key[3] + step),
    )


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
def _joined(one: Any, two: Any, graph: Any, work: Any) -> Any:
    """Chains in which two sites are joined (CLOSED: none), and how much was searched.

    The two searches take turns, so that the cost is twice that of the smaller one. A
    side that is exhausted has its whole cluster, unless the hub is in it: then the
    other side goes on alone.
    """
    start, other, hub = graph.start, graph.other, graph.hub
    chains, mark, queue = work.chains, work.mark, work.queue
    if work.stamp[0] >= LAST_STAMP:
        mark[:] = 0
        work.stamp[0] = 0
    work.stamp[0] += np.uint32(2)
    mine = np.uint32(work.stamp[0])
    theirs = np.uint32(mine + np.uint32(1))
    base, their_base = U(0), U(len(mark) + 1)
    queue[base], queue[their_base] = one, two
    mark[U(one)], mark[U(two)] = mine, theirs
    head, tail = base, base + ONE
    their_head, their_tail = their_base, their_base + ONE
    passed = their_passed = np.uint8(0)
    has_hub = their_has_hub = False
    along = LOWER
    searched = 0
    while True:
        if head == tail and not has_hub:
            if along == UPPER or not passed & UPPER:
                return CLOSED, searched
            along = UPPER
            head, their_head = base, their_base
        if head < tail:
            site = U(queue[head])
            head += ONE
            searched += 1
            if site == U(hub):
                has_hub = True
            else:
                for k in range(U(start[site]), U(start[site + ONE])):
                    bond = chains[k]
                    reached = U(other[k])
                    seen = mark[reached]
                    passed |= bond ^ (bond >> np.uint8(1))
                    if bond & along and seen == theirs:
                        return (BOTH if along == LOWER else UPPER), searched
                    joins = (bond & along != 0) & (seen != mine)
                    mark[reached] = mine if joins else seen
                    queue[tail] = reached
                    tail += U(joins)
        mine, theirs = theirs, mine
        base, their_base = their_base, base
        head, their_head = their_head, head
        tail, their_tail = their_tail, tail
        passed, their_passed = their_passed, passed
        has_hub, their_has_hub = their_has_hub, has_hub


@njit
def _root(parent: Any, site: Any) -> Any:
    while parent[site] != site:
        parent[site] = parent[parent[site]]
        site = parent[site]
    return site


@njit
def _colour(colours: Any, graph: Any, work: Any, states: Any, state: Any) -> None:
    """Draw a colour for every cluster; the first site of a cluster is its root."""
    pairs, half = graph.pairs, graph.half
    parent = work.queue[: len(colours)]
    for site in range(len(parent)):
        parent[site] = site
    for bond in range(len(pairs)):
        if work.chains[half[bond, 0]]:
            one, two = _root(parent, pairs[bond, 0]), _root(parent, pairs[bond, 1])
            parent[max(one, two)] = min(one, two)
    for site in range(len(parent)):
        root = _root(parent, site)
        if root == site:
            state, drawn = _uniform(state, U(states))
            colours[site] = drawn
        else:
            colours[site] = colours[root]


@njit(nogil=True, cache=True)
def draw(
    colours: Any, graph: Any, work: Any, states: Any, keys: Any, budget: Any
) -> Any:
    """Go on drawing until the budget is spent; return how many replicas are done.

    Block 0 is the last sweep before time 0 and block b > 0 the 2^(b-1) sweeps before
    -2^(b-1). Every block has its own random numbers, the same whenever it is run, so
    that the draw depends neither on where the doubling began nor on the budget. A
    replica begins with the T of the one before, every eighth one with half of it.

    Args:
        colours: 0 … q-1, filled row by row, uint8 `(replica, site)`.
        graph: `graph(...)`.
        work: `work(graph)`, changed; to be handed over again as it is.
        states: number of colours q.
        keys: seeds of the replicas, uint64 `(replica, 4)`.
        budget: about how many bonds to update and sites to search.
    """
    pairs, half, low, high = graph.pairs, graph.half, graph.low, graph.high
    chains = work.chains
    bonds = len(pairs)
    replica, level, block, sweep, bond, differing = work.counters
    g = work.generator
    state = (g[0], g[1], g[2], g[3])
    while replica < len(colours) and budget > 0:
        if block < 0:  # time 0 is reached, or nothing is begun
            if differing == 0:
                _colour(
                    colours[replica], graph, work, states, _stream(keys[replica], -1)
                )
                budget -= len(work.mark) + bonds
                replica += 1
                level -= replica % EASING == 0
                if replica == len(colours):
                    break
            else:
                level += 1
            level = max(level, 0)
            block = level
            state = _stream(keys[replica], block)
            chains[:] = UPPER
            differing = bonds
        while bond < bonds and budget > 0:
            state, drawn = _next(state)
            here, there = U(half[bond, 0]), U(half[bond, 1])
            differing -= chains[here] == UPPER
            now = BOTH if drawn < low[bond] else CLOSED
            if drawn >= low[bond] and drawn < high[bond]:
                chains[here] = chains[there] = CLOSED
                now, searched = _joined(pairs[bond, 0], pairs[bond, 1], graph, work)
                budget -= searched
            chains[here] = chains[there] = now
            differing += now == UPPER
            budget -= 1
            bond += 1
        if bond == bonds:
            bond = 0
            sweep += 1
            if sweep == max(1, (1 << block) >> 1):
                sweep = 0
                block -= 1
                state = _stream(keys[replica], block)
    work.counters[:] = (replica, level, block, sweep, bond, differing)
    g[0], g[1], g[2], g[3] = state
    return replica
