"""Clusters of Ising spins: the bonds open as they should, the coin is fair."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numba import njit

from kadanoff.kernels import graph_clusters
from kadanoff.models.ising import Ising
from kadanoff.samplers.ising import SwendsenWang, Wolff

U = np.uint64
WORDS = 20_000


def collector(kernel: Any) -> Any:
    """A jitted loop that draws words of open bonds from a kernel module."""
    draw = kernel.open_bonds

    @njit
    def collect(seed: Any, threshold: Any, count: Any) -> Any:
        state = (seed[0], seed[1], seed[2], seed[3])
        words = np.empty(count, dtype=np.uint64)
        for k in range(count):
            state, words[k] = draw(state, threshold)
        return words

    return collect


def test_open_bonds_are_independent_bits() -> None:
    """1.28 million bits, level z = 4.5; power: the control is wrong by 2 % of p."""
    collect = collector(graph_clusters)
    seed = np.random.default_rng(1).integers(0, 2**64, size=4, dtype=U)
    for p in (0.586, 0.17, 0.5):
        words = collect(seed, U(int(p * 2.0**64)), WORDS)
        bits = np.unpackbits(words.view(np.uint8).reshape(WORDS, 8), axis=1)
        assert largest_z(bits, p) < 4.5
        assert largest_z(bits, 0.98 * p) > 4.5


def largest_z(bits: np.ndarray, p: float) -> float:
    x = (bits - p) / math.sqrt(p * (1 - p))
    means = (x, x[1:] * x[:-1], x[:, 1:] * x[:, :-1], x[:, 8:] * x[:, :-8])
    return max(abs(float(m.mean())) * math.sqrt(m.size) for m in means)


def test_first_word_is_that_of_xoshiro256plusplus() -> None:
    """The state 1, 2, 3, 4 draws 41943041, 58720359, … (Rust's rand_xoshiro)."""
    seed = np.array([1, 2, 3, 4], dtype=U)
    first = 41943041
    # At threshold 2^63 the first digit decides every lane: set where 0 is drawn;
    # lanes that drew 1 wait for a later 1 and stay closed.
    word = int(collector(graph_clusters)(seed, U(2**63), 1)[0])
    assert word == ~first % 2**64


@pytest.mark.parametrize("sampler", [SwendsenWang, Wolff])
def test_all_states_are_visited_from_all_up(sampler: Any) -> None:
    kernel = sampler(Ising((2, 3)), 0.2, replicas=50)
    rng = np.random.default_rng(3)
    state = kernel.init(rng=rng, values=np.ones((50, 2, 3), dtype=np.int8))
    seen: set[int] = set()
    for _ in range(300):
        state = kernel.step(state, rng=rng)
        seen |= set(kernel.packed(state)[:, 0].tolist())
    assert len(seen) == 2**6


def test_the_coin_is_fair_and_each_lattice_has_its_own() -> None:
    """At large K one cluster: turned in half of 4000 replicas, level z = 4.5."""
    kernel = SwendsenWang(Ising((4, 4)), 40.0, replicas=4000)
    rng = np.random.default_rng(4)
    cold = np.ones((4000, 4, 4), dtype=np.int8)
    spins = kernel.spins(kernel.step(kernel.init(rng=rng, values=cold), rng=rng))
    assert abs(spins[:, 0, 0].sum()) < 4.5 * math.sqrt(4000)


def test_swendsen_wang_at_infinite_temperature_draws_afresh() -> None:
    """All 2^6 states are equally likely: χ² of 63 degrees, level z = 4.5."""
    kernel = SwendsenWang(Ising((2, 3)), 0.0, replicas=6400)
    rng = np.random.default_rng(5)
    cold = np.ones((6400, 2, 3), dtype=np.int8)
    state = kernel.step(kernel.init(rng=rng, values=cold), rng=rng)
    counts = np.bincount(kernel.packed(state)[:, 0] >> 2, minlength=64)
    assert abs(((counts - 100) ** 2 / 100).sum() - 63) < 4.5 * math.sqrt(2 * 63)


def test_one_wolff_sweep_is_a_fixed_number_of_clusters() -> None:
    """At large K every cluster is the lattice: an odd number of them turns it."""
    cold = np.ones((3, 4, 4), dtype=np.int8)
    rng = np.random.default_rng(6)
    for clusters, sweeps in ((1, 1), (2, 3), (3, 3)):
        kernel = Wolff(Ising((4, 4)), 40.0, 3, clusters)
        state = kernel.step(kernel.init(rng=rng, values=cold), rng=rng, sweeps=sweeps)
        assert (kernel.spins(state) == (-1) ** (clusters * sweeps)).all()


@pytest.mark.parametrize("sampler", [SwendsenWang, Wolff])
def test_frustrated_lattices_are_refused_with_the_reason(sampler: Any) -> None:
    with pytest.raises(ValueError, match=r"frustration.*shape \(4, 5\).*'heat-bath'"):
        sampler(Ising((4, 5)), -0.4, 1)
    assert sampler(Ising((4, 5)), 0.4, 1).replicas == 1
    assert sampler(Ising((4, 2)), -0.4, 1).replicas == 1


def test_wolff_refuses_what_it_cannot_do() -> None:
    with pytest.raises(
        ValueError, match=r"other than 0, got 0.0.*use method 'swendsen-wang'"
    ):
        Wolff(Ising((4, 4)), 0.0, 1)
    with pytest.raises(
        ValueError, match="clusters must be a whole number of at least 1"
    ):
        Wolff(Ising((4, 4)), 0.4, 1, clusters=0)
