"""A weighted vote over a window: its law by enumeration, its ties, its place."""

import itertools
import math

import numpy as np
import pytest
from coarse.law import all_spins, counted, law_of_spins, tail

from kadanoff.coarse.block import Majority
from kadanoff.coarse.kadanoff_rule import KadanoffRule
from kadanoff.coarse.weighted import Weighted
from kadanoff.geometry import Grid, Unordered

SKEW = ((1.0, 0.0), (0.5, math.sqrt(3) / 2))
FINE = all_spins((2, 4))
UNEVEN = np.random.default_rng(8).normal(size=(2, 3)) / 4
TYING = np.array([[0.1, 0.3, 0.1], [0.2, 0.4, 0.1]])


def field_by_loop(weights, values, b):
    """Σ_r w_r σ_{bx + r} site by site, windows centred as `windows.py` says."""
    coarse = tuple(side // b for side in values.shape[1:])
    field = np.zeros((len(values), *coarse))
    for site in itertools.product(*map(range, coarse)):
        for place in np.ndindex(*weights.shape):
            seen = tuple(
                (x * b + o - math.ceil((w - b) / 2)) % side
                for x, o, w, side in zip(
                    site, place, weights.shape, values.shape[1:], strict=True
                )
            )
            here = (slice(None), *site)
            field[here] += weights[place] * values[(slice(None), *seen)]
    return field


def exact_law(weights, p):
    field = field_by_loop(weights, FINE, 2).reshape(len(FINE), -1)
    if math.isinf(p):
        return law_of_spins(np.where(np.abs(field) < 1e-9, 0.5, field > 0))
    return law_of_spins(1 / (1 + np.exp(-2 * p * field)))


@pytest.mark.parametrize(("weights", "p"), [(UNEVEN, 0.7), (TYING, math.inf)])
def test_the_law_of_every_configuration(weights, p):
    # 256 configurations 3200 times each, windows that wrap around the lattice; fails
    # a right rule once in 10^5 and sees one weight moved by a tenth, below.
    counts = counted(Weighted(weights, 2, p), FINE, repeats=3200)
    assert tail(counts, exact_law(weights, p)) > 1e-5


def test_a_weight_moved_by_a_tenth_is_seen():
    moved = UNEVEN.copy()
    moved[0, 1] += 0.1
    counts = counted(Weighted(moved, 2, 0.7), FINE, repeats=3200)
    assert tail(counts, exact_law(UNEVEN, 0.7)) < 1e-5


def test_a_window_off_by_a_site_is_seen():
    counts = counted(Weighted(np.roll(UNEVEN, 1, axis=1), 2, 0.7), FINE, repeats=3200)
    assert tail(counts, exact_law(UNEVEN, 0.7)) < 1e-5


@pytest.mark.parametrize("p", [0.4, math.inf])
def test_uniform_weights_on_the_block_are_kadanoffs_rule(p):
    values = np.random.default_rng(0).choice([-1, 1], (50, 6, 9, 3)).astype(np.int8)
    grid, weights = Grid((6, 9, 3)), np.ones((3, 3, 3))
    one = Weighted(weights, 3, p)(values, grid, rng=np.random.default_rng(1))
    other = KadanoffRule(3, p)(values, grid, rng=np.random.default_rng(1))
    assert np.array_equal(one, other)
    assert Weighted(weights, 3, p).coarse(grid) == KadanoffRule(3, p).coarse(grid)


@pytest.mark.parametrize(
    ("b", "shape"), [(2, (4, 4)), (2, (3, 4)), (2, (1, 1)), (3, (5, 2)), (1, (3, 3))]
)
def test_one_weight_alone_keeps_the_spin_it_sees(b, shape):
    """And the coarse site is the mean position of the window, on a skew lattice too."""
    values = np.random.default_rng(0).choice([-1, 1], (5, 6, 12)).astype(np.int8)
    fine = Grid((6, 12), SKEW)
    rng = np.random.default_rng(1)
    seen = []
    for place in np.ndindex(*shape):
        weights = np.zeros(shape)
        weights[place] = 2.0
        out = Weighted(weights, b)(values, fine, rng=rng)
        field = field_by_loop(weights, values, b)
        assert np.array_equal(out, np.sign(field))
        start = [o - math.ceil((w - b) / 2) for o, w in zip(place, shape, strict=True)]
        seen.append(np.array(start) @ np.array(SKEW))
    rule = Weighted(np.ones(shape), b)
    assert np.allclose(rule.coarse(fine).positions()[0], np.mean(seen, axis=0))


def test_votes_that_cancel_up_to_rounding_are_ties():
    # 0.1 + 0.2 - 0.3 = 5.6e-17. 40 000 tied votes, z = 4.4: fails once in 10^5; a coin
    # that falls on one side in 51 % is seen, a sign taken of the rounding at once.
    weights = np.array([0.1, 0.2, -0.3])
    up = np.ones((1, 120_000), dtype=np.int8)
    assert weights.sum() != 0
    votes = Weighted(weights, 3)(up, Grid((120_000,)), rng=np.random.default_rng(2))
    assert abs(votes.sum(dtype=int)) < 4.4 * math.sqrt(votes.size)
    field = field_by_loop(weights, up[:, :3000], 3)
    assert abs(np.sign(field).sum()) == 1000  # the control


def test_a_wide_window_hears_its_surroundings():
    """A tied block is decided by its frame, where majority tosses a coin."""
    block = np.ones((1, 4, 4), dtype=np.int8)
    block[0, 1:3, 1:3] = [[1, -1], [-1, 1]]
    moved = np.roll(block, (-1, -1), axis=(1, 2))
    grid = Grid((4, 4))
    wide = Weighted(np.ones((4, 4)), 2)
    rngs = [np.random.default_rng(seed) for seed in range(40)]
    votes = [wide(moved, grid, rng=rng)[0, 0, 0] for rng in rngs]
    tied = [Majority(2)(moved, grid, rng=rng)[0, 0, 0] for rng in rngs]
    assert set(votes) == {1}
    assert set(tied) == {-1, 1}


def test_weights_stay_as_they_were_given():
    weights = np.ones((2, 2))
    rule = Weighted(weights, 2)
    weights[:] = -1
    up = np.ones((1, 4, 4), dtype=np.int8)
    assert (rule(up, Grid((4, 4)), rng=np.random.default_rng(0)) == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        rule.weights[0, 0] = 3


@pytest.mark.parametrize("weights", [np.array([[1, math.nan]]), np.ones((0, 2)), 3.0])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match=r"finite numbers .* got shape"):
        Weighted(weights)


def test_what_does_not_fit_is_refused():
    rule = Weighted(np.ones((4, 4)))
    with pytest.raises(ValueError, match="block size 2 does not divide"):
        rule.coarse(Grid((4, 5)))
    with pytest.raises(ValueError, match=r"window of as many, got .* shape \(4, 4\)"):
        rule.coarse(Grid((8, 8, 8)))
    with pytest.raises(ValueError, match="'weighted:4×4,b=2,p=inf' needs sites"):
        rule.coarse(Unordered(16))
    with pytest.raises(ValueError, match="needs ±1 spins"):
        rule.alphabet("real")
    with pytest.raises(ValueError, match="a weight other than 0"):
        Weighted(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="sharpness"):
        Weighted(np.ones((4, 4)), p=-1)
