"""What all samplers have in common: purity, one generator, exact packing, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kadanoff.models.ising import Ising
from kadanoff.protocols import Sampler
from kadanoff.samplers.ising import SwendsenWang, Wolff
from kadanoff.samplers.metropolis import Metropolis
from kadanoff.samplers.multispin import Multispin, MultispinHeatBath

SAMPLERS = [Metropolis, Multispin, MultispinHeatBath, SwendsenWang, Wolff]
SHAPE = (4, 6)
REPLICAS = 64


@pytest.fixture(params=SAMPLERS, ids=lambda sampler: sampler.__name__)
def sampler(request: pytest.FixtureRequest) -> Any:
    return request.param(Ising(SHAPE), 0.4, REPLICAS)


def random_spins(seed: int = 0) -> np.ndarray:
    bits = np.random.default_rng(seed).integers(0, 2, size=(REPLICAS, *SHAPE))
    return (2 * bits - 1).astype(np.int8)


def test_satisfies_the_protocol(sampler: Any) -> None:
    assert isinstance(sampler, Sampler)
    assert sampler.replicas == REPLICAS


def test_a_hot_start_has_fair_spins(sampler: Any) -> None:
    """1536 spins: the level is z = 4.5."""
    spins = sampler.spins(sampler.init(rng=np.random.default_rng(1)))
    assert spins.shape == (REPLICAS, *SHAPE)
    assert spins.dtype == np.int8
    assert set(np.unique(spins)) == {-1, 1}
    assert abs(spins.sum()) < 4.5 * np.sqrt(spins.size)


def test_the_given_spins_are_the_state(sampler: Any) -> None:
    spins = random_spins()
    state = sampler.init(rng=np.random.default_rng(1), values=spins)
    assert (sampler.spins(state) == spins).all()
    expected = np.packbits(spins.reshape(REPLICAS, -1) > 0, axis=-1)
    assert (sampler.packed(state) == expected).all()
    assert sampler.packed(state).dtype == np.uint8


def test_a_step_leaves_its_input_alone(sampler: Any) -> None:
    given = random_spins()
    spins = given.copy()
    rng = np.random.default_rng(2)
    state = sampler.init(rng=rng, values=spins)
    after = sampler.step(state, rng=rng, sweeps=3)
    assert (spins == given).all()
    assert (sampler.spins(state) == given).all()
    assert (sampler.spins(after) != given).any()


def test_the_spins_are_a_copy(sampler: Any) -> None:
    state = sampler.init(rng=np.random.default_rng(1), values=random_spins())
    sampler.spins(state)[:] = 1
    assert (sampler.spins(state) == random_spins()).all()


def test_one_seed_makes_a_run(sampler: Any) -> None:
    def run(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        state = sampler.init(rng=rng)
        for sweeps in (1, 0, 2):
            state = sampler.step(state, rng=rng, sweeps=sweeps)
        return sampler.packed(state)

    assert (run(1) == run(1)).all()
    assert (run(1) != run(2)).any()


def test_a_run_continues_from_its_spins(sampler: Any) -> None:
    state = sampler.init(rng=np.random.default_rng(3))
    again = sampler.init(rng=np.random.default_rng(4), values=sampler.spins(state))
    one = sampler.step(state, rng=np.random.default_rng(5), sweeps=2)
    two = sampler.step(again, rng=np.random.default_rng(5), sweeps=2)
    assert (sampler.packed(one) == sampler.packed(two)).all()


def test_no_sweep_changes_nothing(sampler: Any) -> None:
    rng = np.random.default_rng(6)
    state = sampler.init(rng=rng)
    after = sampler.step(state, rng=rng, sweeps=0)
    assert (sampler.packed(after) == sampler.packed(state)).all()


@pytest.mark.parametrize("kernel", SAMPLERS)
@pytest.mark.parametrize(
    ("shape", "coupling", "replicas", "sentence"),
    [
        ((4, 1), 0.4, 64, "every side to be a whole number"),
        ((), 0.4, 64, "every side to be a whole number"),
        ((4, 4.5), 0.4, 64, "every side to be a whole number"),
        ((4, 4), float("nan"), 64, "must be a finite number, got nan"),
        ((4, 4), float("inf"), 64, "must be a finite number, got inf"),
        ((4, 4), 0.4, 0, "replicas must be a whole number of at least 1, got 0"),
        ((4, 4), 0.4, 64.0, "replicas must be a whole number of at least 1"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(
    kernel: Any, shape: Any, coupling: float, replicas: Any, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        kernel(Ising(shape), coupling, replicas)


@pytest.mark.parametrize("kernel", [Metropolis, Multispin, MultispinHeatBath])
def test_too_many_dimensions_are_refused_in_a_sentence(kernel: Any) -> None:
    with pytest.raises(ValueError, match=r"at most (15 dimensions|31 neighbours)"):
        kernel(Ising((2,) * 16), 0.4, 64)


@pytest.mark.parametrize(
    ("spins", "sentence"),
    [
        (np.ones((REPLICAS, 6, 4)), r"must have shape .* = \(64, 4, 6\), got"),
        (np.ones((1, *SHAPE)), "give one configuration per replica"),
        (np.zeros((REPLICAS, *SHAPE)), r"must be \+1 or -1, got 0.0; map 0/1 data"),
        (np.full((REPLICAS, *SHAPE), 255, dtype=np.uint8), "got 255"),
        (np.full((REPLICAS, *SHAPE), np.nan), "got nan"),
    ],
)
def test_bad_spins_are_refused_in_a_sentence(
    sampler: Any, spins: np.ndarray, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        sampler.init(rng=np.random.default_rng(1), values=spins)


@pytest.mark.parametrize("sweeps", [-1, 1.5])
def test_bad_sweeps_are_refused_in_a_sentence(sampler: Any, sweeps: Any) -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="sweeps must be a whole number of at least 0"):
        sampler.step(sampler.init(rng=rng), rng=rng, sweeps=sweeps)


@pytest.mark.parametrize("kernel", [Metropolis, Multispin])
def test_metropolis_names_the_heat_bath_where_it_does_not_mix(kernel: Any) -> None:
    for coupling in (0.0, 1e-18):
        with pytest.raises(ValueError, match=r"other than 0.*use the heat bath"):
            kernel(Ising((4, 4)), coupling, 64)
    with pytest.raises(ValueError, match=r"2 or more dimensions.*heat bath"):
        kernel(Ising((8,)), 0.4, 64)


@pytest.mark.parametrize("coupling", [40.0, 400.0])
def test_zero_temperature_keeps_the_ground_state(sampler: Any, coupling: float) -> None:
    """Thresholds at the ends of the 64 digits: nothing overflows."""
    cold = type(sampler)(Ising(SHAPE), coupling, REPLICAS)
    rng = np.random.default_rng(7)
    state = cold.init(rng=rng, values=np.ones((REPLICAS, *SHAPE), dtype=np.int8))
    magnetization = cold.spins(cold.step(state, rng=rng, sweeps=3)).mean(axis=(1, 2))
    assert (np.abs(magnetization) == 1).all()
