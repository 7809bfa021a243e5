"""Trained bounds against exact values of strips, and controls that know nothing."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.exact.information import BIT, kept_spin, strip_information, vote
from kadanoff.exact.pairs import states
from kadanoff.instruments.information import InfoNCE
from kadanoff.networks.critic import Lessons
from kadanoff.networks.products import one_thread
from kadanoff.scorecard.information import (
    Information,
    information,
    learning_curve,
    readings,
    sentence,
    share_kept,
    shuffled,
)

SHAPE = (12, 6)  # a buffer of 2 around a block of 2 spans the width: known exactly
QUICK = Lessons(steps=200, batch=256, looks=5)


@pytest.fixture(autouse=True)
def _on_one_core():
    with one_thread():
        yield


def drawn(coupling=K_C, draws=6400, seed=1) -> Ensemble:
    return kd.sample(
        kd.Ising(SHAPE), coupling=coupling, draws=draws, chains=64, seed=seed
    )


def exact(table: np.ndarray, coupling=K_C) -> float:
    return strip_information(SHAPE[1], coupling, table, buffer=2, length=SHAPE[0])


def read(rule, fine: Ensemble, **options) -> Information:
    options = {"seed": 3, "lessons": QUICK, "critic": False} | options
    return information(fine, coarsen(rule, fine, seed=2), **options)


def bound(fine: Ensemble, coarse: Ensemble) -> Estimate:
    """The bound alone, with all training chains."""
    curve = learning_curve(fine, coarse, seed=3, shares=(1.0,), lessons=QUICK)
    return next(iter(curve.values()))


def check(found: Estimate, known: float, short: float) -> None:
    """Never above by more than 3 errors, and below by 4 errors and what is allowed."""
    assert found.value < known + 3 * found.error
    assert found.value > known - 4 * found.error - short


@pytest.fixture(scope="module")
def fine() -> Ensemble:
    return drawn()


@pytest.fixture(scope="module")
def majority(fine) -> Information:
    return read(Majority(2), fine, critic=True)


@pytest.fixture(scope="module")
def decimation(fine) -> Information:
    return read(Decimation(2), fine)


def test_both_bounds_come_near_the_exact_value_from_below(majority):
    known = exact(vote(4))
    assert majority.entropy is not None
    assert majority.classifier is not None
    assert majority.bound.value < majority.entropy.value <= BIT
    assert majority.critic is not None
    check(majority.classifier, known, short=0.005)
    check(majority.critic.value, known, short=0.01)
    assert majority.bound is majority.classifier
    assert majority.classifier.error < 0.02 * known
    assert not majority.critic.saturated


def test_the_share_is_that_of_the_exact_values(majority, decimation):
    """At 4 errors, which are half of those of two readings of different chains."""
    known = exact(kept_spin(4)) / exact(vote(4))
    share = share_kept(decimation, majority)
    assert abs(share.value - known) < 4 * share.error
    m, d = majority.bound, decimation.bound
    apart = share.value * math.hypot(m.error / m.value, d.error / d.value)
    assert share.error < apart / 2
    assert share.value < 1 - 5 * share.error
    one = share_kept(majority, majority)
    assert (float(one.value), float(one.error)) == (1.0, 0.0)


def test_a_block_spin_is_told_by_its_block_and_a_moved_one_is_not(fine, majority):
    """A kept spin entirely; that of the next block lies beyond a buffer of one."""
    kept = coarsen(Decimation(2), fine, seed=2)
    options = {"seed": 3, "lessons": QUICK, "critic": False, "buffer": 1}
    local = information(fine, kept, **options)
    assert local.own is not None
    assert local.entropy is not None
    assert local.own.value == pytest.approx(float(local.entropy.value), abs=0.01)
    assert not local.reads_elsewhere
    assert not majority.reads_elsewhere
    next_one = np.roll(kept.values, 1, axis=2)
    moved = fine.derived(next_one, kept.geometry, "pm1", {})
    found = information(fine, moved, **options)
    assert found.reads_elsewhere
    assert "reads other places than its block" in sentence(found, local)


def test_two_phases_are_one_bit():
    """At K = 0.8 majority names the phase: 0.997 bits."""
    known = exact(vote(4), 0.8)
    fine = drawn(0.8, 2000)
    found = bound(fine, coarsen(Majority(2), fine, seed=2))
    check(found, known, short=0.01)
    assert 0.97 * BIT < found.value <= BIT


def test_far_above_the_transition_there_is_nothing_to_know():
    """At K = 0.1 the truth is below 1e-6; trained on few pairs it is not below 0."""
    assert exact(vote(4), 0.1) < 1e-6
    found = read(Majority(2), drawn(0.1, 2000), critic=True)
    assert found.critic is not None
    for nothing in (found.bound, found.critic.value):
        assert abs(nothing.value) < 3 * nothing.error + 2e-4
        assert nothing.error < 1e-3


def test_shuffled_chains_know_nothing(fine, majority):
    coarse = shuffled(coarsen(Majority(2), fine, seed=2))
    assert coarse.lineage == fine.lineage
    found = information(fine, coarse, seed=3, lessons=QUICK)
    assert found.critic is not None
    for nothing in (found.bound, found.critic.value):
        assert abs(nothing.value) < 3 * nothing.error + 2e-4
    gap = majority.bound - found.bound
    assert gap.value > 20 * gap.error


def test_a_single_chain_per_part_is_shuffled_in_time():
    values = np.random.default_rng(1).choice([-1, 1], (3, 10, 4, 4)).astype(np.int8)
    coarse = Ensemble.from_values(values)
    assert coarse.split(3, 1, 4)[0].chains == 1
    moved = shuffled(coarse)
    np.testing.assert_array_equal(moved.values, np.roll(values, 5, axis=1))


def test_more_to_learn_from_comes_nearer(fine):
    """On the same chains: a 50th of the training draws is short, all of them not.

    A 50th is less than a chain, and taken from the draws of each.
    """
    curve = learning_curve(
        fine,
        coarsen(Majority(2), fine, seed=2),
        seed=3,
        shares=(0.02, 0.25, 1.0),
        lessons=QUICK,
    )
    assert list(curve) == [48, 600, 2400]
    few, some, every = curve.values()
    missing = every - few
    assert missing.value > 3 * missing.error
    left = every - some
    assert abs(left.value) < 0.01
    check(every, exact(vote(4)), short=0.005)


def test_several_spins_of_a_block_are_read_together(fine, majority):
    """Majority and a kept spin in one, as two feature maps: against their own table."""
    maps = [coarsen(rule, fine, seed=2) for rule in (Majority(2), Decimation(2))]
    both = np.stack([m.values for m in maps], axis=2)
    coarse = fine.derived(both, maps[0].geometry, "pm1", {}, features=2)
    found = bound(fine, coarse)
    table = (vote(4)[:, None] * kept_spin(4)[None]).reshape(4, 16)
    check(found, exact(table), short=0.007)
    more = found - majority.bound
    assert more.value > 3 * more.error


def test_real_values_are_read_by_the_critic(fine, majority):
    """The average of a block knows more than its sign: 1.16 of it, exactly."""
    sums = (states(4).sum(axis=1) + 4) // 2
    known = exact((sums == np.arange(5)[:, None]).astype(float))
    found = read(Average(2), fine)
    assert found.classifier is None
    assert found.entropy is None
    check(found.bound, known, short=0.015)
    share = share_kept(found, majority)
    assert share.value > 1 + 3 * share.error


def test_the_row_says_it_in_words(majority, decimation):
    named = readings(decimation, majority)
    assert list(named) == [
        "I(H:E) (nats)",
        "I(H:own block and buffer) (nats)",
        "H(h) (nats)",
        "share of majority's",
    ]
    assert named["I(H:E) (nats)"] is decimation.bound
    share = named["share of majority's"]
    bits = decimation.bound.map(lambda nats: nats / BIT)
    start = (
        f"a coarse variable tells at least {bits} bits of what lies more than 2 sites "
        "from its block"
    )
    told = sentence(decimation, majority)
    assert told == f"{start}, {share} of what majority keeps"
    assert sentence(decimation, None) == start
    assert "I(H:E) by InfoNCE (nats)" in readings(majority, None)


def test_a_full_critic_is_named_in_the_sentence():
    value = Estimate(np.array(2.7), {"a": np.array([2.6, 2.8])}, 2)
    full = Information(None, InfoNCE(value, 16), None, None, 2, 2, 100)
    assert "cannot exceed 4 bits and is close to that" in sentence(full, None)
    wide = replace(full, critic=InfoNCE(value, 4096))
    assert "exceed" not in sentence(wide, None)


def test_what_cannot_be_compared_is_refused_in_a_sentence(fine, majority):
    other = replace(majority, buffer=1)
    with pytest.raises(ValueError, match="same environment"):
        share_kept(other, majority)
    coarse = coarsen(Majority(2), fine, seed=2)
    for shares in ((), (0.0, 1.0), (2.0,)):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            learning_curve(fine, coarse, seed=1, shares=shares)
    few = fine.select(slice(0, 2))
    with pytest.raises(ValueError, match="one chain per part"):
        information(few, coarse.select(slice(0, 2)), seed=1)
    with pytest.raises(ValueError, match="same chains"):
        information(few, coarse, seed=1)


@pytest.mark.slow
def test_a_map_of_32_by_32_is_read_in_25_seconds():
    """Both bounds, training included, of 20 000 configurations, on one core."""
    model = kd.Ising((32, 32))
    fine = kd.sample(model, coupling=K_C, draws=20_000, chains=64, seed=1)
    coarse = coarsen(Majority(2), fine, seed=2)
    before = time.process_time()
    found = information(fine, coarse, seed=3)
    assert time.process_time() - before < 25
    assert found.critic is not None
    assert abs((found.critic.value - found.bound).value) < 0.01
    assert found.bound.error < 0.002
