"""Votes of states and sums of planar spins: their law by enumeration, their ties."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from coarse.law import tail
from scipy.stats import kstest

from kadanoff.coarse.block import Majority, Plurality, VectorSum
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.rotated import (
    StarMajority,
    StarPlurality,
    StarVector,
    TileMajority,
    TilePlurality,
    TileVector,
)
from kadanoff.coarse.tilings import tiled
from kadanoff.coarse.votes import plurality
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.models.lattice import geometry as lattice

Q = 3
BLOCKS = np.array(list(itertools.product(range(Q), repeat=4)), np.uint8)
EVERY_BLOCK = BLOCKS.reshape(-1, 2, 2)
TRIANGULAR = lattice("triangular", (6, 6))
SHAPES = [((12,), 2), ((6, 9), 3), ((4, 2, 6), 2), ((8, 8), 4)]


def apply(rule, values, seed=0, grid=None):
    grid = grid or Grid(values.shape[1:])
    return rule(values, grid, rng=np.random.default_rng(seed))


def states(*shape, q=Q, seed=0):
    return np.random.default_rng(seed).integers(0, q, shape).astype(np.uint8)


def angles(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-math.pi, math.pi, shape).astype(np.float32)


def leaders(block):
    """The states that most sites of a block are in."""
    votes = Counter(block.ravel().tolist())
    return [state for state, n in votes.items() if n == max(votes.values())]


def law_of_blocks(blocks):
    """P(state | block): equal shares for the leaders, `(blocks, states)`."""
    law = np.zeros((len(blocks), Q))
    for row, block in zip(law, blocks, strict=True):
        row[leaders(block)] = 1 / len(leaders(block))
    return law


def counted(rule, values, *, repeats, grid=None):
    """How often each pattern of coarse states was drawn for each of `values`."""
    drawn = apply(rule, np.repeat(values, repeats, axis=0), grid=grid).astype(int)
    drawn = drawn.reshape(len(values), repeats, -1)
    codes = drawn @ Q ** np.arange(drawn.shape[-1])[::-1]
    patterns = Q ** drawn.shape[-1]
    return np.stack([np.bincount(row, minlength=patterns) for row in codes])


class FirstOfTheTied(Plurality):
    """What argmax of the votes does: the lowest of the tied states wins."""

    def __call__(self, spins, fine, *, rng):
        b = self.b
        split = spins.reshape(len(spins), spins.shape[1] // b, b, -1, b)
        votes = [(split == a).sum(axis=(2, 4)) for a in range(Q)]
        return np.argmax(votes, axis=0)


def test_the_law_of_every_block():
    # 81 blocks 5000 times each; fails a right rule once in 10^5, and sees at once a tie
    # that goes to the lowest state, below.
    counts = counted(Plurality(2), EVERY_BLOCK, repeats=5000)
    assert tail(counts, law_of_blocks(EVERY_BLOCK)) > 1e-5


def test_ties_that_are_a_little_unfair_are_seen():
    counts = counted(Plurality(2), EVERY_BLOCK, repeats=5000)
    law = law_of_blocks(EVERY_BLOCK)
    tilted = law * np.array([1.1, 1.0, 1.0])
    tilted /= tilted.sum(axis=1, keepdims=True)
    assert tail(counts, tilted) < 1e-5
    lowest = counted(FirstOfTheTied(2), EVERY_BLOCK, repeats=5000)
    with pytest.raises(AssertionError):
        assert tail(lowest, law) > 1e-5


def test_blocks_decide_their_ties_apart():
    """The joint law of two blocks is the product of theirs."""
    pairs = np.concatenate([EVERY_BLOCK, EVERY_BLOCK[::-1]], axis=2)
    left, right = (law_of_blocks(half) for half in np.split(pairs, 2, axis=2))
    joint = np.einsum("ni,nj->nij", left, right).reshape(len(pairs), -1)
    assert tail(counted(Plurality(2), pairs, repeats=5000), joint) > 1e-5


def test_tiles_have_the_law_of_their_sites():
    """Three triangles of a torus: all different is a tie of three."""
    grid = lattice("triangular", (3, 3))
    values = states(100, 3, 3)
    _, members = tiled(grid, 3)
    laws = [law_of_blocks(values.reshape(100, -1)[:, tile]) for tile in members]
    joint = np.einsum("ni,nj,nk->nijk", *laws).reshape(100, -1)
    counts = counted(TilePlurality(3), values, repeats=4000, grid=grid)
    assert tail(counts, joint) > 1e-5
    others = [law_of_blocks(values.reshape(100, -1)[:, tile - 1]) for tile in members]
    elsewhere = np.einsum("ni,nj,nk->nijk", *others).reshape(100, -1)
    with pytest.raises(AssertionError):
        assert tail(counts, elsewhere) > 1e-5


@pytest.mark.parametrize(("shape", "b"), SHAPES)
def test_plurality_agrees_with_the_loop(shape, b):
    values = states(5, *shape, q=5)
    found = apply(Plurality(b), values)
    assert found.dtype == np.uint8
    assert found.shape == (5, *(side // b for side in shape))
    for site in np.ndindex(*found.shape):
        sides = (slice(x * b, x * b + b) for x in site[1:])
        assert found[site] in leaders(values[(site[0], *sides)])


@pytest.mark.parametrize("q", [2, 255])
def test_any_number_of_states_and_large_blocks(q):
    values = np.full((1, 24, 24), q - 1, dtype=np.uint8)
    values[:, :16, :16] = 0
    assert apply(Plurality(24), values).item() == q - 1
    assert apply(Plurality(8), values)[0].tolist() == [
        [0, 0, q - 1],
        [0, 0, q - 1],
        [q - 1, q - 1, q - 1],
    ]


def test_renaming_the_states_renames_the_votes():
    """Exactly where nothing is tied: a majority of nine sites on triangles."""
    values = states(400, 9, 9)
    once = apply(Plurality(9), values)
    order = np.array([2, 0, 1], dtype=np.uint8)
    counts = np.sort([(values == a).sum(axis=(1, 2)) for a in range(Q)], axis=0)
    clear = counts[-1] > counts[-2]
    assert 0.8 < clear.mean() < 1
    renamed = apply(Plurality(9), order[values], seed=1)
    assert np.array_equal(renamed[clear], order[once][clear])
    assert not np.array_equal(renamed[~clear], order[once][~clear])


@pytest.mark.parametrize(("shape", "b"), SHAPES)
def test_the_vector_sum_agrees_with_the_loop(shape, b):
    values = angles(5, *shape)
    found = apply(VectorSum(b), values)
    assert found.dtype == np.float32
    for site in np.ndindex(*found.shape):
        sides = (slice(x * b, x * b + b) for x in site[1:])
        block = values[(site[0], *sides)].astype(float)
        exact = math.atan2(np.sin(block).sum(), np.cos(block).sum())
        assert found[site] == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(
    ("rule", "grid"),
    [
        (VectorSum(2), Grid((6, 6))),
        (TileVector(3), TRIANGULAR),
        (StarVector(2), Grid((6, 6))),
    ],
    ids=str,
)
@pytest.mark.parametrize("turn", [0.3, 2.0, -3.0])
def test_turning_all_spins_turns_their_sums(rule, grid, turn):
    values = angles(50, 6, 6)
    still = apply(rule, values, grid=grid)
    turned = apply(rule, (values + turn).astype(np.float32), grid=grid)
    assert np.allclose(np.exp(1j * turned), np.exp(1j * (still + turn)), atol=1e-5)
    mirrored = apply(rule, -values, grid=grid)
    assert np.allclose(mirrored, -still, atol=1e-5)
    mean = apply(rule, values, grid=grid) * 0 + values.mean()  # the control
    assert not np.allclose(np.exp(1j * turned), np.exp(1j * mean), atol=0.1)


def vanishing(n):
    """Blocks of two pairs of opposite spins, as they are stored, `(1, 2, 2 n)`."""
    one, two = angles(2, n)
    pairs = np.stack([one, one + np.pi, two + np.pi, two]).reshape(2, 2, n)
    ensemble = Ensemble.from_values(
        np.moveaxis(pairs, -1, 1).reshape(1, 1, 2, -1), alphabet="angle"
    )
    return ensemble.values[0]


def chance_of_flat(found):
    return kstest(found, "uniform", args=(-math.pi, 2 * math.pi)).pvalue


def test_a_sum_that_vanishes_points_anywhere():
    # 40 000 blocks, Kolmogorov–Smirnov at 10^-4: a density that is 10 % higher on one
    # side of the circle than on average is seen, and the direction of the 10^-7 that
    # rounding leaves, the control.
    values = vanishing(40_000)
    found = apply(VectorSum(2), values, seed=1).ravel()
    assert chance_of_flat(found) > 1e-4
    assert chance_of_flat(found + 0.1 * np.sin(found)) < 1e-4
    blocks = values.reshape(1, 2, -1, 2).astype(float)
    left = np.exp(1j * blocks).sum(axis=(1, 3)).ravel()
    assert 0 < np.abs(left).max() < 1e-6
    assert chance_of_flat(np.angle(left)) < 1e-4
    neighbours = (np.exp(1j * found[1:]) * np.exp(-1j * found[:-1])).mean()
    assert abs(neighbours) < 4.4 / math.sqrt(found.size)


def test_a_pair_points_between_its_spins():
    values = np.array([[0.2, 0.6, 3.0, -3.0]], dtype=np.float32)
    found = apply(VectorSum(2), values)
    assert np.allclose(found, [[0.4, math.pi]], atol=1e-6)


TRIPLES = {
    "blocks": (Majority(2), Plurality(2), VectorSum(2), Grid((6, 6))),
    "cubes": (Majority(3), Plurality(3), VectorSum(3), Grid((3, 6, 3))),
    "pairs": (TileMajority(2), TilePlurality(2), TileVector(2), Grid((6, 6))),
    "triangles": (TileMajority(3), TilePlurality(3), TileVector(3), TRIANGULAR),
    "stars": (StarMajority(2), StarPlurality(2), StarVector(2), Grid((6, 6))),
    "hexagons": (StarMajority(3), StarPlurality(3), StarVector(3), TRIANGULAR),
    "cells": (
        TileMajority(2),
        TilePlurality(2),
        TileVector(2),
        lattice("honeycomb", (3, 4)),
    ),
}


@pytest.mark.parametrize("name", TRIPLES)
def test_spins_states_and_opposite_angles_vote_alike(name):
    """±1, two Potts states and the angles 0 and π are the same spins."""
    *rules, grid = TRIPLES[name]
    spins = np.random.default_rng(0).choice([-1, 1], (200, *grid.lattice))
    kinds = (spins, (1 - spins) // 2, np.where(spins > 0, 0.0, np.pi))
    types = (np.int8, np.uint8, np.float32)
    votes, chosen, points = (
        apply(rule, values.astype(kind), grid=grid)
        for rule, values, kind in zip(rules, kinds, types, strict=True)
    )
    assert {rule.coarse(grid) for rule in rules} == {rules[0].coarse(grid)}
    vector, opposite = rules[2], kinds[2].astype(np.float32)
    clear = points == apply(vector, opposite, seed=1, grid=grid)  # ties point anywhere
    assert clear.mean() > 0.4
    assert np.array_equal(votes[clear], np.sign(np.cos(points[clear])))
    assert np.array_equal(votes[clear], 1 - 2 * chosen[clear].astype(int))


def test_votes_of_no_configuration_are_none():
    empty = np.zeros((0, 4, 3), dtype=np.uint8)
    assert plurality(empty, rng=np.random.default_rng(0)).shape == (0, 3)


def test_alphabets_and_histories():
    fine = Ensemble.from_values(states(3, 5, 4, 4), alphabet="potts:3")
    coarse = coarsen(Plurality(2), fine, seed=1)
    assert (coarse.alphabet, coarse.lineage) == ("potts:3", fine.lineage)
    assert coarse.history[-1]["rule"] == "plurality:b=2"
    planar = Ensemble.from_values(angles(3, 5, 4, 4), alphabet="angle")
    assert coarsen(VectorSum(2), planar, seed=1).alphabet == "angle"
    for rule, sentence in (
        (Majority(2), "use 'plurality' for Potts states"),
        (TileMajority(2), "use 'tile-plurality' for Potts states"),
        (VectorSum(2), "use 'plurality' for Potts states"),
    ):
        with pytest.raises(ValueError, match=sentence):
            coarsen(rule, fine)
    with pytest.raises(ValueError, match="use 'vector' for angles"):
        coarsen(Plurality(2), planar)
    with pytest.raises(ValueError, match="put 'arrange' before it"):
        Plurality(2).coarse(Unordered(16))
