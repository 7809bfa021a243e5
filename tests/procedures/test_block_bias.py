from __future__ import annotations

import numpy as np
import pytest
from procedures.exact_blocks import Blocks, sums_of

from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.stack import Stack
from kadanoff.models.ising import Ising
from kadanoff.procedures import block_bias
from kadanoff.procedures.block_bias import (
    BiasedBlocks,
    Hamiltonian,
    Levels,
    uniform_sums,
)

EVEN, ODD = ("nn", "nnn", "plaquette"), ("field", "corner")


def drawn(
    hamiltonian: Hamiltonian,
    levels: Levels,
    operators: tuple[str, ...],
    bias: np.ndarray,
    names: tuple[str, ...],
    *,
    seed: int = 1,
) -> np.ndarray:
    """Sums of 64 replicas × 1500 draws, `(replica, draw, level, operator)`."""
    rng = np.random.default_rng(seed)
    blocks = BiasedBlocks(hamiltonian, levels, operators, 64, rng=rng)
    blocks.sweep(bias, 100)
    return blocks.draw(bias, names, 1500, 2)


def pulls(sums: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Deviations of means over the draws in errors between the replicas."""
    means = sums.mean(axis=1)
    error = means.std(axis=0, ddof=1) / np.sqrt(len(means))
    return (means.mean(axis=0) - exact) / error


CASES = {
    "a square of blocks with ties": ((4, 4), 2, 1, {"nn": 0.35, "nnn": 0.1}, EVEN),
    "a field and three spins": ((4, 4), 2, 1, {"nn": 0.3, "field": 0.1}, EVEN + ODD),
    "blocks of three": ((3, 6), 3, 1, {"nn": 0.4}, ("nn",)),
    "two steps on a ring": ((8,), 2, 2, {"nn": 0.5}, ("nn",)),
    "two steps of three": ((18,), 3, 2, {"nn": 0.6}, ("nn",)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_law_is_the_enumerated_one(case):
    """Means of fine and of block operators at 4.7 σ: level 5e-5 for up to 20 numbers.

    Normal law, 63 degrees of freedom. The control is a bias that is off by 0.05.
    """
    shape, b, steps, couplings, operators = CASES[case]
    exact = Blocks.of(shape, b, steps)
    levels = Levels.of(shape, Majority(b=b), steps)
    bias = np.linspace(0.3, 0.1, len(operators))
    sums = drawn(Hamiltonian(shape, couplings), levels, operators, bias, operators)

    def expected(j: np.ndarray) -> np.ndarray:
        tilt = np.exp(-sums_of(exact.coarse, operators) @ j)
        joint = exact.weights(couplings)[:, None] * exact.chance * tilt
        joint /= joint.sum()
        fine = joint.sum(axis=1) @ sums_of(exact.fine, operators)
        return np.stack([fine, joint.sum(axis=0) @ sums_of(exact.coarse, operators)])

    outer = sums[:, :, [0, 2]]
    assert abs(pulls(outer, expected(bias))).max() < 4.7
    assert abs(pulls(outer, expected(bias + 0.05))).max() > 4.7


def test_a_tie_is_a_coin_and_not_up():
    """4×4 → 2×2 at 4.7 σ; blocks whose ties are up would be magnetized."""
    levels = Levels.of((4, 4), Majority(b=2), 1)
    sums = drawn(Hamiltonian((4, 4), {"nn": 0.2}), levels, EVEN, np.zeros(3), ODD)
    assert abs(pulls(sums, np.zeros((3, 2)))).max() < 4.7
    states = Blocks.of((4, 4), 2).fine
    total = sum(states[:, x::2, y::2].astype(int) for x in (0, 1) for y in (0, 1))
    ties_up = np.where(np.asarray(total) >= 0, 1, -1).astype(np.int8)
    weights = Blocks.of((4, 4), 2).weights({"nn": 0.2})
    assert abs(pulls(sums[:, :, 2], weights @ sums_of(ties_up, ODD))).min() > 4.7


def test_middle_levels_are_read_too():
    """Blocks of blocks: the last level but one, by enumeration, at 4.7 σ."""
    levels = Levels.of((8,), Majority(b=2), 2)
    assert levels.shapes == ((8,), (4,), (2,))
    bias = np.array([0.3])
    sums = drawn(Hamiltonian((8,), {"nn": 0.5}), levels, ("nn",), bias, ("nn",))
    first, second = Blocks.of((8,), 2), Blocks.of((4,), 2)
    tilt = np.exp(-sums_of(second.coarse, ("nn",)) @ bias)
    plain = first.law({"nn": 0.5})
    p = plain * (second.chance @ tilt)
    middle, bonds = sums[:, :, 1], sums_of(first.coarse, ("nn",))
    assert abs(pulls(middle, p / p.sum() @ bonds)).max() < 4.7
    assert abs(pulls(middle, plain @ bonds)).max() > 4.7


def test_blocks_agree_with_their_spins_after_many_sweeps():
    """Values and totals that are carried along are those computed from scratch."""
    levels = Levels.of((8, 8), Majority(b=2), 2)
    blocks = BiasedBlocks(
        Hamiltonian((8, 8), {"nn": 0.4}),
        levels,
        ("nn",),
        8,
        rng=np.random.default_rng(3),
    )
    start = blocks.forest.values.copy()
    blocks.sweep(np.array([0.4]), 200)
    values, totals, coins = blocks.forest[:3]
    assert (values != start).any(axis=0).all()  # every node turned in some replica
    level = values[:, :64].reshape(8, 8, 8)
    for first, side in ((64, 4), (80, 2)):
        total = level.reshape(8, side, 2, side, 2).sum(axis=(2, 4)).reshape(8, -1)
        end = first + side**2
        assert np.array_equal(totals[:, first:end], total)
        votes = np.sign(2 * total + coins[:, first:end])
        assert np.array_equal(values[:, first:end], votes)
        level = votes.reshape(8, side, side)


def test_uniform_sums_are_averages_over_all_states():
    for shape in ((2, 4), (1, 2), (3, 3)):
        states = Blocks.of(shape, 1).fine
        names = (*EVEN, "third", *ODD)
        exact = sums_of(states, names).mean(axis=0)
        assert np.allclose(uniform_sums(shape, names), exact, rtol=0, atol=1e-12)
    assert uniform_sums((1, 2), ("nn",)).tolist() == [2.0]


def test_draws_are_read_a_few_at_a_time(monkeypatch):
    """The same sums, whatever is held at once."""
    levels = Levels.of((6, 6), Majority(b=3), 1)

    def found() -> np.ndarray:
        rng = np.random.default_rng(5)
        blocks = BiasedBlocks(
            Hamiltonian((6, 6), {"nn": 0.4}), levels, ("nn",), 4, rng=rng
        )
        return blocks.draw(np.array([0.2]), ("nn", "field"), 7, 2)

    whole = found()
    assert whole.shape == (4, 7, 3, 2)
    monkeypatch.setattr(block_bias, "CHUNK_VALUES", 4 * 40 * 3)
    assert np.array_equal(found(), whole)


def test_a_stack_is_its_rules_in_turn():
    stack = Stack((Majority(b=2), Majority(b=3)))
    assert Levels.of((12, 12), stack, 1).shapes == ((12, 12), (6, 6), (2, 2))
    assert Levels.of((12, 12), stack, 1).last_scale == 3
    twice = Levels.of((12, 12), Stack((Majority(b=2),) * 2), 1)
    assert twice.shapes == Levels.of((12, 12), Majority(b=2), 2).shapes


def test_hamiltonians_of_models():
    found = Hamiltonian.of(Ising((6, 6), field=0.5), 0.4)
    assert found.couplings == {"nn": 0.4, "field": 0.2}
    assert not found.is_even
    assert Hamiltonian.of(Ising((6, 6), second=0.25), 0.4).is_even


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Hamiltonian((1, 4), {}), "at least 2 sites"),
        (lambda: Hamiltonian((4, 4), {"knot": 1.0}), "operator is"),
        (lambda: Hamiltonian((4, 4), {"nn": np.inf}), "finite number"),
        (lambda: Hamiltonian.of(Ising((6, 6), "triangular"), 0.2), "hypercubic"),
        (lambda: Levels.of((4, 4), Average(b=2), 1), "majority rule"),
        (lambda: Levels.of((4, 4), Majority(b=2), 0), "1 or more, a whole number"),
        (lambda: Levels.of((4, 4), Majority(b=3), 1), "does not divide"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
