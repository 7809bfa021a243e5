"""Block rules: exact where the block decides, fair where it does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered

RULES = [Majority(2), Average(2), Decimation(2)]
smalls = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)
blocks = st.integers(2, 3)


def spins(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, shape, dtype=np.int8) * 2 - 1


def apply(rule, values, seed=0):
    return rule(values, Grid(values.shape[1:]), rng=np.random.default_rng(seed))


def slow_sums(values, b):
    """Block sums by a loop over coarse sites."""
    coarse = tuple(side // b for side in values.shape[1:])
    total = np.empty((len(values), *coarse))
    for site in np.ndindex(*coarse):
        block = (slice(None), *(slice(x * b, x * b + b) for x in site))
        total[(slice(None), *site)] = values[block].reshape(len(values), -1).sum(axis=1)
    return total


@settings(deadline=None)
@given(small=smalls, b=blocks, seed=st.integers(0, 99))
def test_rules_agree_with_the_loop(small, b, seed):
    values = spins(4, *(side * b for side in small), seed=seed)
    sums = slow_sums(values, b)
    votes = apply(Majority(b), values)
    assert np.array_equal(votes[sums != 0], np.sign(sums[sums != 0]))
    assert (np.abs(votes) == 1).all()
    averages = apply(Average(b), values)
    assert np.allclose(averages, sums / b ** len(small))
    assert (votes.dtype, averages.dtype) == (np.int8, np.float32)


@settings(deadline=None)
@given(small=smalls, b=blocks, c=blocks, seed=st.integers(0, 99))
def test_decimating_twice_is_decimating_once(small, b, c, seed):
    values = spins(3, *(side * b * c for side in small), seed=seed)
    twice = apply(Decimation(c), apply(Decimation(b), values))
    once = apply(Decimation(b * c), values)
    assert np.array_equal(twice, once)
    fine = Grid(values.shape[1:])
    stepwise = Decimation(c).coarse(Decimation(b).coarse(fine))
    assert stepwise == Decimation(b * c).coarse(fine)


@settings(deadline=None)
@given(small=smalls, b=blocks, c=blocks)
def test_averaging_twice_is_averaging_once(small, b, c):
    rng = np.random.default_rng(0)
    field = rng.normal(size=(3, *(side * b * c for side in small))).astype(np.float32)
    twice = apply(Average(c), apply(Average(b), field))
    assert np.allclose(twice, apply(Average(b * c), field), atol=1e-6)


def test_decimation_keeps_spins_where_they_stood():
    fine = Grid((4, 6))
    values = spins(2, 4, 6)
    kept = Decimation(2).coarse(fine).positions()
    assert kept[:4].tolist() == [[0, 0], [0, 2], [0, 4], [2, 0]]
    kept = kept.astype(int)
    found = apply(Decimation(2), values).reshape(2, -1)
    assert np.array_equal(found, values[:, kept[:, 0], kept[:, 1]])


@pytest.mark.parametrize("side", [2, 8, 256])
@pytest.mark.parametrize("rule", [Majority, Average, Decimation])
def test_all_up_stays_all_up(rule, side):
    # A block of 256 × 256 spins adds up to more than 16 bits hold.
    up = np.ones((1, side, side), dtype=np.int8)
    for b in {2, side}:
        assert (apply(rule(b), up) == 1).all()
        assert (apply(rule(b), -up) == -1).all()


def test_large_averages_stay_single_precision():
    up = np.ones((1, 256, 256), dtype=np.int8)
    assert apply(Average(256), up).dtype == np.float32


def biased_majority(values, b):
    """sign(0) = +1: what some published codes do."""
    return np.where(slow_sums(values, b) >= 0, 1, -1)


def up_excess(votes):
    """Deviation of the number of up votes from one half, in standard errors."""
    n = votes.size
    return abs((votes == 1).sum() - n / 2) / np.sqrt(n / 4)


def test_tied_votes_are_fair():
    # 40 000 tied blocks at z = 4: a coin that falls on one side in 51 % is noticed.
    tied = np.tile(np.array([[1, -1], [-1, 1]], dtype=np.int8), (1, 200, 200))
    assert up_excess(apply(Majority(2), tied)) < 4
    assert up_excess(biased_majority(tied, 2)) > 4  # the control


def test_ties_are_decided_independently():
    tied = np.tile(np.array([[1, -1], [-1, 1]], dtype=np.int8), (1, 200, 200))
    votes = apply(Majority(2), tied)[0].astype(float)
    for axis in (0, 1):
        products = votes * np.roll(votes, 1, axis=axis)
        assert abs(products.sum()) < 4 * np.sqrt(products.size)
    assert not np.array_equal(votes, apply(Majority(2), tied, seed=1)[0])


def pattern_counts(votes):
    """How often each of the 16 coarse 2×2 patterns occurs."""
    return np.bincount((votes.reshape(-1, 4) > 0) @ [8, 4, 2, 1], minlength=16)


def flip_distance(votes, votes_of_flipped):
    """χ² between the patterns of votes and of minus the votes of -s, as a z-score."""
    one, other = pattern_counts(votes), pattern_counts(-votes_of_flipped)
    chi = ((one - other) ** 2 / np.maximum(one + other, 1)).sum()
    return (chi - 15) / np.sqrt(30)


def test_flipping_the_spins_flips_the_votes_in_distribution():
    # 20 000 configurations of 4×4 against as many others; z = 4: a shift of one vote
    # in 50 by the flip is noticed.
    one, other = spins(20_000, 4, 4), spins(20_000, 4, 4, seed=1)
    fair = flip_distance(apply(Majority(2), one), apply(Majority(2), -other, seed=1))
    assert abs(fair) < 4
    assert flip_distance(biased_majority(one, 2), biased_majority(-other, 2)) > 4


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_contract_of_a_single_rule(rule):
    values = spins(5, 4, 6)
    before = values.copy()
    found = apply(rule, values)
    assert found.shape[1:] == rule.coarse(Grid((4, 6))).lattice
    assert np.array_equal(found, apply(rule, values))
    assert np.array_equal(values, before)
    moved = apply(rule, np.roll(values, (2, 4), axis=(1, 2)))
    if not isinstance(rule, Majority):  # ties: equal in distribution only
        assert np.array_equal(moved, np.roll(found, (1, 2), axis=(1, 2)))
    assert not np.shares_memory(found, values)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_wrong_geometry_is_refused(rule):
    with pytest.raises(ValueError, match="block size 2 does not divide lattice side 5"):
        rule.coarse(Grid((4, 5)))
    with pytest.raises(ValueError, match="put 'arrange' before it"):
        rule.coarse(Unordered(16))


def test_alphabets():
    assert [rule.alphabet("pm1") for rule in RULES] == ["pm1", "real", "pm1"]
    assert Decimation().alphabet("real") == "real"
    with pytest.raises(ValueError, match="use 'average' for real values"):
        Majority().alphabet("real")


def test_rules_print_as_in_the_grammar():
    assert list(map(str, RULES)) == ["majority:b=2", "average:b=2", "decimation:b=2"]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_ensembles_keep_chains_lineage_and_history(rule):
    fine = Ensemble.from_values(
        spins(3, 5, 4, 6), tau=2.0, model="ising", couplings={"K": 0.4}
    )
    coarse = coarsen(rule, fine, seed=7)
    assert (coarse.chains, coarse.draws, coarse.shape) == (3, 5, (2, 3))
    assert (coarse.lineage, coarse.tau, coarse.model) == (fine.lineage, 2.0, None)
    assert coarse.geometry == rule.coarse(fine.geometry)
    assert coarse.history[-1] == {"step": "coarsen", "rule": str(rule), "seed": 7}
    assert np.array_equal(coarse.data, coarsen(rule, fine, seed=7).data)


def test_coarsening_in_chunks_keeps_the_order(monkeypatch):
    fine = Ensemble.from_values(spins(3, 50, 4, 6))
    whole = coarsen(Decimation(2), fine).values
    chunks = type(fine).chunks
    monkeypatch.setattr(Ensemble, "chunks", lambda self: chunks(self, values=24 * 7))
    assert len(list(fine.chunks())) > 3
    assert np.array_equal(coarsen(Decimation(2), fine).values, whole)
    assert np.array_equal(whole, fine.values[:, :, ::2, ::2])
