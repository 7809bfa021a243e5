"""A stack of rules is a rule."""

import numpy as np
import pytest

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.protocols import CoarseGraining


def spins(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, shape, dtype=np.int8) * 2 - 1


STACK = Stack((Decimation(2), Majority(3), Average(2)))


def test_it_is_a_rule():
    assert isinstance(STACK, CoarseGraining)
    assert str(STACK) == "decimation:b=2 | majority:b=3 | average:b=2"
    assert STACK.coarse(Grid((24, 12))).lattice == (2, 1)
    assert STACK.alphabet("pm1") == "real"


def test_it_equals_its_steps_in_turn():
    values, grid = spins(5, 24, 12), Grid((24, 12))
    rng = np.random.default_rng(3)
    stepwise = values
    for rule in STACK.rules:
        stepwise = rule(stepwise, grid, rng=rng)
        grid = rule.coarse(grid)
    found = STACK(values, Grid((24, 12)), rng=np.random.default_rng(3))
    assert np.array_equal(found, stepwise)
    assert grid == STACK.coarse(Grid((24, 12)))


def test_a_stack_of_stacks_is_the_longer_stack():
    values, grid = spins(5, 24, 12), Grid((24, 12))
    nested = Stack((Stack(STACK.rules[:2]), STACK.rules[2]))
    for rule in (nested, STACK):
        assert rule.coarse(grid) == STACK.coarse(grid)
    one, other = (
        rule(values, grid, rng=np.random.default_rng(0)) for rule in (nested, STACK)
    )
    assert np.array_equal(one, other)


def test_every_level_is_there():
    fine = Ensemble.from_values(spins(2, 3, 24, 12))
    levels = list(STACK.levels(fine, seed=1))
    assert [level.shape for level in levels] == [(24, 12), (12, 6), (4, 2), (2, 1)]
    assert levels[0] is fine
    assert {level.lineage for level in levels} == {fine.lineage}
    assert [len(level.history) for level in levels] == [0, 1, 2, 3]
    assert [level.alphabet for level in levels] == ["pm1", "pm1", "pm1", "real"]
    assert np.array_equal(levels[1].values, fine.values[..., ::2, ::2])
    again = list(STACK.levels(fine, seed=1))
    assert np.array_equal(levels[-1].values, again[-1].values)


def test_levels_toss_their_own_coins():
    # The same rule twice on tied blocks: equal seeds at both levels would repeat
    # the coins of the first level in the second.
    rule = Stack((Majority(2), Majority(2)))
    tied = np.tile(np.array([[1, -1], [-1, 1]], dtype=np.int8), (4, 50, 8, 8))
    _, first, second = rule.levels(Ensemble.from_values(tied), seed=0)
    again = list(Stack((Majority(2),)).levels(first, seed=0))[1]
    assert first.history[-1]["seed"] != second.history[-1]["seed"]
    assert not np.array_equal(second.values, again.values)


def test_a_misfit_below_is_refused():
    with pytest.raises(ValueError, match="does not divide lattice side 2"):
        STACK.coarse(Grid((4, 4)))
    with pytest.raises(ValueError, match="needs ±1 spins"):
        Stack((Average(2), Majority(2))).alphabet("pm1")


def test_an_empty_stack_is_refused():
    with pytest.raises(ValueError, match="at least one rule"):
        Stack(())
