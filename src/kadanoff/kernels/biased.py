"""Metropolis updates of fine spins under a bias on the majority of their blocks.

The law of spins σ, coins c and block spins μ, which are functions of both, is

    exp[Σ_α K_α S_α(σ) - Σ_α J_α S_α(μ)] × (a fair coin for every block),

μ = sign(2 Σ_block σ + c) from level to level, so that a coin decides a tie and nothing
else. Spins and blocks of all levels are nodes of one forest: a spin that turns takes
its block along where the majority changes, and that the block above. Spins are visited
in raster order and flip with (1 - 2^-8) min(1, e^Δ), coins are tossed anew with
probability ½ (the shares left out keep the chain ergodic).

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["Forest", "Terms", "settle", "sweep"]

U = np.uint64
UNIT = 2.0**-53
LAZY = 1 - 2.0**-8


class Terms(NamedTuple):
    """Operators of one level, as the clusters that hold each site.

    Attributes:
        first: node of the first site of the level.
        others: the other sites of every cluster, int32 `(site, cluster, width)`.
        lengths: how many others there are, `(cluster,)`.
    """

    first: int
    others: np.ndarray
    lengths: np.ndarray


class Forest(NamedTuple):
    """Spins and blocks of all levels, one row for each replica.

    Attributes:
        values: ±1 of every node, spins first, int8 `(replica, node)`.
        totals: sum of the children of every block, int32 `(replica, node)`.
        coins: ±1, what decides a tie, int8 `(replica, node)`.
        parent: block above every node, -1 of the last level, int32 `(node,)`.
        ties: 1 for blocks that can be tied, uint8 `(node,)`.
    """

    values: np.ndarray
    totals: np.ndarray
    coins: np.ndarray
    parent: np.ndarray
    ties: np.ndarray


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
def _field(values: Any, terms: Any, strengths: Any, site: Any) -> Any:
    """Σ_clusters K Π s, what the spin at the site feels."""
    total = 0.0
    for cluster in range(len(strengths)):
        product = np.int64(1)
        for k in range(terms.lengths[cluster]):
            product *= values[terms.first + terms.others[site, cluster, k]]
        total += strengths[cluster] * product
    return total


@njit
def _majority(total: Any, coin: Any) -> Any:
    return np.int8(1) if 2 * total + coin > 0 else np.int8(-1)


@njit
def _climb(values: Any, totals: Any, coins: Any, parent: Any, node: Any) -> Any:
    """The node of the last level that turns if `node` does, -1 if none."""
    while True:
        above = parent[node]
        if above < 0:
            return node
        total = totals[above] - 2 * values[node]
        if _majority(total, coins[above]) == values[above]:
            return -1
        node = above


@njit
def _turn(values: Any, totals: Any, coins: Any, parent: Any, node: Any) -> None:
    """Turn a node, and the blocks above that follow it."""
    while True:
        values[node] = -values[node]
        above = parent[node]
        if above < 0:
            return
        totals[above] += 2 * values[node]
        if _majority(totals[above], coins[above]) == values[above]:
            return
        node = above


@njit
def _accepts(state: Any, change: Any) -> Any:
    state, drawn = _next(state)
    chance = LAZY if change >= 0 else LAZY * math.exp(change)
    return state, (drawn >> U(11)) * UNIT < chance


@njit(nogil=True, cache=True)
def settle(forest: Any, sites: Any) -> None:
    """Blocks and totals of spins and coins that were just set, in place."""
    values, totals, coins, parent, _ = forest
    for replica in range(values.shape[0]):
        totals[replica] = 0
        for node in range(values.shape[1]):
            if node >= sites:
                value = _majority(totals[replica, node], coins[replica, node])
                values[replica, node] = value
            if parent[node] >= 0:
                totals[replica, parent[node]] += values[replica, node]


@njit(nogil=True, cache=True)
def sweep(
    forest: Any, fine: Any, k: Any, coarse: Any, j: Any, seeds: Any, sweeps: Any
) -> None:
    """Visit every spin and every coin of every replica `sweeps` times, in place.

    Args:
        forest: spins, blocks and coins that agree, see `settle`.
        fine: terms of the spins.
        k: K of every cluster of `fine`.
        coarse: terms of the last level.
        j: J of every cluster of `coarse`.
        seeds: states of the generators, uint64 `(replica, 4)`, no row all zero.
        sweeps: how often.
    """
    parent, ties = forest.parent, forest.ties
    sites = fine.others.shape[0]
    for replica in range(forest.values.shape[0]):
        values, totals = forest.values[replica], forest.totals[replica]
        coins, seed = forest.coins[replica], seeds[replica]
        state = (seed[0], seed[1], seed[2], seed[3])
        for _ in range(sweeps):
            for site in range(sites):
                change = -2.0 * values[site] * _field(values, fine, k, site)
                top = _climb(values, totals, coins, parent, site)
                if top >= 0:
                    felt = _field(values, coarse, j, top - coarse.first)
                    change += 2.0 * values[top] * felt
                state, accepted = _accepts(state, change)
                if accepted:
                    _turn(values, totals, coins, parent, site)
            for block in range(sites, len(parent)):
                if ties[block] == 0:
                    continue
                state, drawn = _next(state)
                if drawn >> U(63) == 0:
                    continue
                if totals[block] != 0:
                    coins[block] = -coins[block]
                    continue
                change = 0.0
                top = _climb(values, totals, coins, parent, block)
                if top >= 0:
                    felt = _field(values, coarse, j, top - coarse.first)
                    change = 2.0 * values[top] * felt
                state, accepted = _accepts(state, change)
                if accepted:
                    coins[block] = -coins[block]
                    _turn(values, totals, coins, parent, block)
        seed[0], seed[1], seed[2], seed[3] = state
