"""Couplings that move under a map, and couplings that stand."""

from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import random_spins

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.instruments.drift import drift
from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample


@pytest.fixture(scope="module")
def critical() -> Ensemble:
    return sample(Ising((32, 32)), coupling=K_C, draws=4_000, seed=1)


def last_steps(rule, ensemble: Ensemble):
    levels = list(Stack((rule,) * 2).levels(ensemble, seed=2))
    return drift(*levels[:2]), drift(*levels[1:])


def test_majority_stands_and_decimation_moves(critical):
    """After the first step the nearest-neighbour coupling moves by 2 % and by 25 %."""
    far, near = last_steps(Majority(2), critical)
    assert far is not None
    assert near is not None
    assert far.large
    assert not near.large
    for moved in last_steps(Decimation(2), critical):
        assert moved is not None
        assert moved.large
        assert "its couplings still change over the last step, nn from" in str(moved)


def test_the_first_step_starts_at_the_couplings_of_the_model(critical):
    """Pseudo-likelihood is consistent: K_c and nothing else, each at 4 σ (6e-5)."""
    moved = drift(critical, last_level(critical))
    assert moved is not None
    truth = np.array([K_C, 0, 0, 0, 0])
    pull = (moved.before.value - truth) / moved.before.error
    assert (abs(pull) < 4).all()


def last_level(ensemble: Ensemble) -> Ensemble:
    return list(Stack((Majority(2),)).levels(ensemble, seed=2))[-1]


def test_a_bias_is_a_field_that_moves(critical):
    """Spins turned up at random after the map: the field is seen, not only nn."""
    coarse = last_level(critical)
    up = np.random.default_rng(3).random(coarse.values.shape) < 0.3
    biased = coarse.derived(
        np.where(up, 1, coarse.values).astype(np.int8),
        coarse.geometry,
        "pm1",
        {"step": "biased"},
    )
    moved = drift(coarse, biased)
    assert moved is not None
    field = moved.operators.index("field")
    assert moved.change.value[field] > 4 * moved.change.error[field]


def test_there_is_none_between_kinds_of_values_and_on_tiny_lattices(critical):
    assert drift(critical, list(Stack((Average(2),)).levels(critical))[-1]) is None
    tiny = Ensemble.from_values(random_spins((8, 8, 3, 3), seed=4))
    assert drift(tiny, tiny) is None


def test_spins_that_never_turn_are_refused(critical):
    frozen = critical.derived(
        np.ones_like(critical.values), critical.geometry, "pm1", {"step": "frozen"}
    )
    with pytest.raises(ValueError, match="cannot be told apart"):
        drift(critical, frozen)
