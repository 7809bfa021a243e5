"""What is trained: a length known exactly, one change at a time, blocks as weights."""

from dataclasses import asdict, replace

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.coarse.block import Majority
from kadanoff.exact.constants import K_C
from kadanoff.exact.onsager import correlation_length
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.mehta2014.deep_network import (
    BINARY,
    COUPLING,
    FAST,
    FULL,
    LAYERS,
    PAPER,
    RULE,
    arms,
    block_network,
    hidden_layers,
    material,
    start,
)
from kadanoff.networks.rbm import RBM
from kadanoff.networks.zero_one import to_zero_one

SIDE = FAST.side


@pytest.fixture
def work(tmp_path):
    return Work(1, tmp_path, lambda *_: None)


def test_the_paper_s_magnet_is_disordered():
    assert COUPLING < K_C
    assert 7 < correlation_length(COUPLING) < 8 < FULL.side / 5 + 0.5


def test_arms_differ_from_the_paper_s_in_one_thing():
    """The local recipe is a recipe, and the rate of 0/1 units goes with its penalty."""
    first, *others = arms(FULL)
    assert first.name == PAPER
    assert [(a.coupling, a.samples) for a in (first,)] == [(COUPLING, 20_000)]
    for arm in others[:-1]:
        same = (arm.coupling, arm.samples) == (first.coupling, first.samples)
        before, after = asdict(first.training), asdict(arm.training)
        changed = {name for name in before if before[name] != after[name]}
        if arm.name == BINARY:
            assert changed == {"learning_rate", "l1"}
        else:
            assert len(changed) == (1 if same else 0)
        assert same or (arm.coupling == first.coupling) != (
            arm.samples == first.samples
        )
    assert others[-1].training == FULL.local == kd.Training()
    assert len({arm.name for arm in (first, *others)}) == 7
    assert len(arms(replace(FULL, other_seeds=0))) == 2


@pytest.mark.parametrize("settings", [FAST, FULL])
def test_the_recipe_is_named_with_all_that_it_changes(settings):
    """A share of local units is not the penalty's alone."""
    first, *_, local = arms(settings)
    before, after = asdict(first.training), asdict(local.training)
    changed = {name for name in before if before[name] != after[name]}
    assert {"l1", "batch"} <= changed <= {"l1", "batch", "learning_rate", "epochs"}
    assert all(f"{after[name]:g}" in local.change for name in changed)
    assert f"{before['l1']:g}" not in local.change


def test_rates_of_units_of_0_and_1():
    """A step of W' = 4W by η times a quarter of the covariances, and its penalty."""
    machine = RBM((2, 2), 3, seed=1)
    weights = machine.W.double().numpy(force=True)
    there, _, _ = to_zero_one(machine)
    ratio = float((there / weights).mean())
    by_name = {arm.name: arm.training for arm in arms(FULL)}
    own, binary = by_name[PAPER], by_name[BINARY]
    covariance = 1.0  # of ±1 units; of (1 + s)/2 a quarter
    step = own.learning_rate * covariance / 4 / ratio
    shrink = own.learning_rate * own.l1 / ratio
    assert binary.learning_rate * covariance == pytest.approx(step)
    assert binary.learning_rate * binary.l1 == pytest.approx(shrink)


def test_arms_of_a_seed_share_chains_that_are_not_read(work):
    first, more = arms(FAST)[0], arms(FAST)[4]
    (one, read), (two, again) = (material(a, 0, FAST, work) for a in (first, more))
    assert (one.size, two.size, read.size) == (1500, 3000, FAST.read)
    np.testing.assert_array_equal(one.values, two.values[: one.chains])
    np.testing.assert_array_equal(read.values, again.values)
    assert not kd.estimate.share_chains(two.lineage, read.lineage)
    other, _ = material(first, 1, FAST, work)
    assert not np.array_equal(other.values, one.values)


def test_all_arms_start_from_the_same_weights(work):
    one, two = start(FAST, 0, work), start(replace(FAST, epochs=9), 0, work)
    assert [tuple(m.W.shape) for m in one.machines] == [(256, 64), (64, 16), (16, 4)]
    for a, b in zip(one.machines, two.machines, strict=True):
        assert bool((a.W == b.W).all())


def test_block_spins_as_a_network_are_majority_votes(work):
    """⟨h⟩ = tanh(p Σσ) is the vote; a tie has no mean. Other weights give others."""
    fine = kd.sample(kd.Ising((SIDE, SIDE)), coupling=COUPLING, draws=64, seed=3)
    network = block_network((SIDE, SIDE))
    votes = Majority(b=2)(
        fine.values.reshape(-1, SIDE, SIDE), fine.grid, rng=np.random.default_rng(0)
    )
    sums = fine.values.reshape(-1, SIDE // 2, 2, SIDE // 2, 2).sum(axis=(2, 4))
    mean = next(hidden_layers(network, fine, seed=1)).values.reshape(votes.shape)
    np.testing.assert_allclose(
        mean[sums != 0], votes[sums != 0], atol=2 * np.exp(-4 * RULE)
    )
    np.testing.assert_array_equal(mean[sums == 0], 0)
    assert [m.W.shape[1] for m in network.machines] == [
        SIDE**2 // 4**level for level in LAYERS
    ]
    untrained = next(hidden_layers(start(FAST, 0, work), fine, seed=1)).values
    assert (np.sign(untrained).reshape(votes.shape) != votes).mean() > 0.2
