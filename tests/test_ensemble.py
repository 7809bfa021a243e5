"""Ensembles: packing loses nothing, and every cut covers each configuration once."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.ensemble import Block, Ensemble, pack, unpack
from kadanoff.estimate import share_chains
from kadanoff.geometry import Grid, Unordered
from kadanoff.symmetry import Symmetry

lattices = st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple)
counts = st.integers(1, 70)


def spins(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, shape, dtype=np.int8) * 2 - 1


def numbered(chains, draws, **known):
    """An ensemble whose configurations are the numbers 0, 1, …: the one site."""
    values = np.arange(chains * draws, dtype=np.float32).reshape(chains, draws, 1)
    return Ensemble.from_values(values, alphabet="real", **known)


@settings(deadline=None)
@given(lattice=lattices, n=st.integers(1, 3), seed=st.integers(0, 99))
def test_packing_loses_nothing(lattice, n, seed):
    values = spins(2, n, *lattice, seed=seed)
    packed = pack(values, len(lattice))
    assert packed.dtype == np.uint8
    assert packed.shape == (2, n, -(-math.prod(lattice) // 8))
    restored = unpack(packed, lattice)
    assert restored.dtype == np.int8
    assert np.array_equal(restored, values)


def test_bits_are_in_the_documented_order():
    assert pack(np.array([1, -1, -1, -1, -1, -1, -1, -1, 1]), 1).tolist() == [128, 128]


@settings(deadline=None)
@given(lattice=lattices)
def test_values_come_back(lattice):
    values = spins(2, 3, *lattice)
    for kind in (np.int8, np.int64, np.float32, np.float64):
        ensemble = Ensemble.from_values(values.astype(kind))
        assert ensemble.values.dtype == np.int8
        assert np.array_equal(ensemble.values, values)
        assert ensemble.geometry == Grid(lattice)
        assert (ensemble.chains, ensemble.draws, ensemble.size) == (2, 3, 6)


def test_feature_maps_come_back():
    values = spins(2, 3, 5, 4, 4)
    ensemble = Ensemble.from_values(values, Grid((4, 4)), features=5)
    assert ensemble.shape == (5, 4, 4)
    assert np.array_equal(ensemble.values, values)


def test_the_lineage_is_that_of_the_values():
    first = Ensemble.from_values(spins(2, 3, 4))
    assert first.lineage == Ensemble.from_values(spins(2, 3, 4)).lineage
    assert first.lineage != Ensemble.from_values(spins(2, 3, 4, seed=1)).lineage
    assert (
        first.lineage != Ensemble.from_values(spins(2, 3, 4).reshape(3, 2, 4)).lineage
    )


def covered(ensemble, blocks):
    """How often each configuration number is read."""
    return Counter(int(v) for block in blocks for v in ensemble.read(block).ravel())


@settings(deadline=None)
@given(chains=counts, draws=counts, tau=st.floats(0.5, 20), values=st.integers(1, 90))
def test_blocks_and_chunks_cover_each_configuration_once(chains, draws, tau, values):
    ensemble = numbered(chains, draws, tau=tau)
    once = Counter(range(ensemble.size))
    chunks, blocks = list(ensemble.chunks(values)), ensemble.blocks()
    assert covered(ensemble, blocks) == covered(ensemble, chunks) == once
    assert sum(block.size for block in blocks) == ensemble.size
    # Chunks are bounded and in order.
    assert all(block.size <= values for block in chunks)
    order = np.concatenate([ensemble.read(block).ravel() for block in chunks])
    assert np.array_equal(order, np.arange(ensemble.size))


def test_the_count_sees_a_gap_and_an_overlap():
    ensemble = numbered(2, 6)
    both = [Block(slice(0, 2), slice(0, 4)), Block(slice(0, 2), slice(3, 6))]
    assert covered(ensemble, both) != Counter(range(12))
    assert covered(ensemble, both[:1]) != Counter(range(12))


@settings(deadline=None)
@given(chains=counts, draws=st.integers(1, 3000), tau=st.floats(0.5, 50))
def test_blocks_are_whole_chains_or_much_longer_than_tau(chains, draws, tau):
    blocks = numbered(chains, draws, tau=tau).blocks()
    assert len(blocks) <= 64
    for block in blocks:
        whole = block.draws.stop - block.draws.start == draws
        one_chain = block.chains.stop - block.chains.start == 1
        long = block.draws.stop - block.draws.start >= math.floor(16 * tau)
        assert whole or (one_chain and long)


def test_enough_blocks_where_the_data_allow():
    assert len(numbered(64, 10).blocks()) == 64
    assert len(numbered(100, 10).blocks()) == 64
    assert len(numbered(1, 6400).blocks()) == 64
    assert len(numbered(2, 6400, tau=10.0).blocks()) == 64
    assert len(numbered(3, 10, tau=10.0).blocks()) == 3


def numbers(ensemble):
    return set(ensemble.values.ravel().astype(int).tolist())


@settings(deadline=None)
@given(chains=st.integers(12, 40), shares=st.lists(st.integers(1, 3), max_size=4))
def test_a_split_is_disjoint_and_complete(chains, shares):
    whole = numbered(chains, 3, tau=2.0)
    parts = whole.split(*(shares if len(shares) > 1 else [4]))
    assert sum(part.size for part in parts) == whole.size
    assert set.union(*(numbers(part) for part in parts)) == numbers(whole)
    assert len({part.lineage for part in parts} | {whole.lineage}) == len(parts) + 1
    assert all(part.tau == 2.0 for part in parts)


def test_shares_of_a_split():
    assert [p.chains for p in numbered(64, 2).split(2)] == [32, 32]
    assert [p.chains for p in numbered(64, 2).split(1, 3)] == [16, 48]
    assert numbered(8, 2).split(1, 3)[1].history == (
        {"step": "select", "chains": [2, 8], "of": 8},
    )


@pytest.mark.parametrize("shares", [(), (0,), (-1,), (5,), (1, 0), (1, 100)])
def test_impossible_splits_are_refused(shares):
    with pytest.raises(ValueError, match=r"split needs|without a chain"):
        numbered(4, 2).split(*shares)


@settings(deadline=None)
@given(chains=st.integers(1, 5), draws=counts, size=st.integers(1, 20))
def test_batches_cover_each_configuration_once(chains, draws, size):
    whole = numbered(chains, draws)
    size = min(size, whole.size)
    batches = list(whole.batches(size, rng=np.random.default_rng(0)))
    assert {len(batch) for batch in batches} == {size}
    drawn = [int(v) for batch in batches for v in batch.ravel()]
    assert len(drawn) == len(set(drawn)) == whole.size // size * size
    again = list(whole.batches(size, rng=np.random.default_rng(0)))
    assert np.array_equal(batches, again)


def test_batches_are_shuffled_and_augmented():
    whole = numbered(4, 50)
    rng = np.random.default_rng(0)
    first, second = (next(whole.batches(200, rng=rng)) for _ in range(2))
    assert not np.array_equal(first, second)
    up = Ensemble.from_values(np.ones((4, 50, 3, 3), dtype=np.int8))
    batch = next(up.batches(200, rng=rng, symmetry=Symmetry(flip=True)))
    signs = batch.reshape(200, -1)
    assert (signs == signs[:, :1]).all()
    assert 0 < (signs[:, 0] == 1).sum() < 200


@pytest.mark.parametrize("size", [0, 9])
def test_impossible_batches_are_refused(size):
    with pytest.raises(ValueError, match="between 1 and 8"):
        next(numbered(2, 4).batches(size, rng=np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("ensemble", "words"),
    [
        (Ensemble.from_values(spins(2, 3, 4), Unordered(4)), "unordered layer"),
        (
            Ensemble.from_values(spins(2, 3, 5, 4), Grid((4,)), features=5),
            "one feature map",
        ),
        (
            Ensemble.from_values(spins(2, 3, 4, 2), Grid((4,), cell=((0.0,), (0.5,)))),
            "one site per cell",
        ),
    ],
)
def test_shifts_of_what_has_no_places_are_refused(ensemble, words):
    batches = ensemble.batches(
        2, rng=np.random.default_rng(0), symmetry=Symmetry(translations=True)
    )
    with pytest.raises(ValueError, match=words):
        next(batches)


def test_what_is_derived_keeps_its_chains_and_forgets_the_law():
    fine = Ensemble.from_values(
        spins(2, 3, 4), model="ising", couplings={"K": 0.4}, tau=3.0, lineage="a"
    )
    note = {"step": "coarsen"}
    coarse = fine.derived(spins(2, 3, 2), Grid((2,)), "pm1", note)
    assert (coarse.lineage, coarse.tau) == ("a", 3.0)
    assert (coarse.model, dict(coarse.couplings)) == (None, {})
    assert coarse.history == (note,)


def test_effective_numbers():
    assert numbered(4, 100, tau=5.0).n_eff == 40
    assert numbered(4, 100, tau=0.5).n_eff == 400
    assert numbered(4, 100, tau=0.1).n_eff == 400


@pytest.mark.parametrize(
    ("values", "known", "words"),
    [
        (spins(3, 4), {}, r"got shape \(3, 4\)"),
        (spins(3, 0, 4), {}, "at least one of each"),
        (spins(2, 3, 4), {"geometry": Grid((5,))}, r"have shape \(5,\), got \(4,\)"),
        (spins(2, 3, 4), {"alphabet": "xy"}, "with q between 2 and 255, got 'xy'"),
        (spins(2, 3, 4) > 0, {}, "numbers, got an array of bool"),
        (spins(2, 3, 4) * 2, {}, "-1 or 1, got"),
        (np.full((2, 3, 4), np.nan), {"alphabet": "real"}, r"nan at index \(0, 0, 0\)"),
        (np.full((2, 3, 4), np.inf), {}, "inf at index"),
    ],
)
def test_bad_values_are_refused(values, known, words):
    with pytest.raises(ValueError, match=words):
        Ensemble.from_values(values, **known)


def test_a_layer_without_places_has_no_grid():
    layer = Ensemble.from_values(spins(2, 3, 4), Unordered(4))
    with pytest.raises(ValueError, match="arrange it on a grid first"):
        _ = layer.grid
    assert Ensemble.from_values(spins(2, 3, 4)).grid == Grid((4,))


def test_it_introduces_itself():
    text = repr(Ensemble.from_values(spins(2, 3, 4), lineage="a", tau=1.25))
    assert text == "Ensemble(2 chains × 3 draws of (4,) pm1, tau=1.25, lineage='a')"


def test_stretches_are_draws_of_all_chains_that_do_not_overlap():
    ensemble = Ensemble.from_values(np.ones((2, 8, 4, 4), np.int8), lineage="a")
    first, rest = ensemble.stretches(1, 3)
    assert (first.chains, first.draws, rest.draws) == (2, 2, 6)
    assert first.lineage == "a, draws 0:2"
    assert not share_chains(first.lineage, rest.lineage)
    assert rest.history[-1]["draws"] == [2, 8]
    with pytest.raises(ValueError, match="at least one draw per part, got shares"):
        ensemble.stretches(*[1] * 9)
    with pytest.raises(ValueError, match="leave a part without a draw"):
        ensemble.stretches(1, 100)
