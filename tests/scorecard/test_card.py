"""The scorecard tells maps apart, on chains that fitted nothing."""

from dataclasses import dataclass

import numpy as np
import pytest

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import ARRANGE
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import chain_range, share_chains
from kadanoff.exact.constants import K_C, Y_H, Y_T
from kadanoff.geometry import Unordered
from kadanoff.models.ising import Ising
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.samplers.run import sample
from kadanoff.scorecard.card import Scorecard, probe, probe_pair


@pytest.fixture(scope="module")
def critical() -> Ensemble:
    return sample(Ising((32, 32)), coupling=K_C, draws=6144, chains=512, seed=3)


def row(card: Scorecard, name: str):
    return next(r for r in card.rows if r.name == name)


def test_majority_reads_as_a_renormalization(critical):
    """Both exponents within three reported errors, about 0.03 and 0.006 here."""
    readings = row(probe(Majority(b=2), critical, seed=1), "exponents").readings
    for name, exact in (("y_T", Y_T), ("y_H", Y_H)):
        (error,) = (v for k, v in readings.items() if k.startswith(f"{name} error"))
        assert abs(float(readings[name].value) - exact) < 3 * error
        assert error < 0.1


@dataclass(frozen=True, eq=False)
class Scattered:
    """Signs of sums over random sites all over the lattice: no block is one."""

    places: np.ndarray
    features: None = None

    def coarse(self, fine):
        return fine.coarsened(2)

    def alphabet(self, fine):
        return "pm1"

    def __call__(self, spins, fine, *, rng):
        flat = spins.reshape(len(spins), -1)
        total = flat[:, self.places].sum(axis=-1)
        return np.where(total > 0, 1, -1).reshape(-1, *self.coarse(fine).shape)


def test_a_non_local_projection_does_not(critical):
    rng = np.random.default_rng(0)
    rule = Scattered(np.stack([rng.choice(1024, 5, replace=False) for _ in range(256)]))
    card = probe_pair(critical, coarsen(rule, critical))
    block = probe_pair(critical, coarsen(Majority(b=2), critical))
    assert "shows no fixed point" in row(card, "exponents").sentence
    wide, narrow = (row(c, "locality").readings for c in (card, block))
    assert float(narrow["direct width (sites)"].value) < 1.5
    assert float(wide["direct width (sites)"].value) > 5


def test_the_control_is_majority_on_the_same_chains(critical):
    card = probe(Average(b=2), critical, seed=1)
    control = {r.name: r.readings for r in card.control}
    alone = {r.name: r.readings for r in probe(Majority(b=2), critical, seed=1).rows}
    difference = control["exponents"]["y_H"] - alone["exponents"]["y_H"]
    assert abs(float(difference.value)) < 5 * float(difference.error) + 1e-12
    assert probe(Majority(b=2), critical, seed=1).control == ()
    assert "no temperature" in row(card, "temperature").sentence


def test_a_dense_layer_is_arranged_on_chains_that_are_not_read(critical):
    network = RBM(critical.geometry, hidden=256, seed=1)
    card = probe(Layer(network), critical, seed=2)
    assert card.rule.endswith("arrange")
    assert card.configurations == critical.size * 3 // 4
    cost = row(card, "coverage").readings["arranging cost (sites)"]
    assert cost.value > 0
    (fitted_on,) = (name.removeprefix("units of ") for name in cost.replicates)
    (read_on,) = row(card, "exponents").readings["y_H"].replicates
    assert chain_range(fitted_on)[0] == chain_range(read_on)[0]
    assert not share_chains(fitted_on, read_on)
    named = probe([Layer(network), ARRANGE], critical, seed=2)
    assert str(named) == str(card)


def test_a_map_is_applied_until_side_eight(critical):
    readings = row(probe(Majority(b=2), critical, seed=1), "temperature").readings
    sides = {name.split(", ")[1] for name in readings}
    assert sides == {"32×32", "16×16", "8×8"}


def test_an_untrained_network_fails(critical):
    card = probe(Layer(RBM(critical.geometry, hidden=256, seed=1)), critical, seed=2)
    assert "shows no fixed point" in row(card, "exponents").sentence


def test_pairs_that_do_not_belong_together_are_refused(critical):
    coarse = coarsen(Majority(b=2), critical)
    with pytest.raises(ValueError, match="same chains and draws"):
        probe_pair(critical, coarse.select(slice(0, 100)))
    units = Ensemble.from_values(
        coarse.values.reshape(coarse.chains, coarse.draws, 256), Unordered(256)
    )
    with pytest.raises(ValueError, match="unordered"):
        probe_pair(critical, units)


def test_the_card_prints_every_row_with_errors(critical):
    text = str(probe(Majority(b=2), critical, seed=1))
    for name in ("locality", "temperature", "exponents"):
        assert f"\n{name}: " in text
    assert "y_T" in text


def test_a_one_step_map_is_shown_under_majority_and_never_called_converged(critical):
    card = probe_pair(critical, coarsen(Decimation(b=2), critical))
    assert "converged over" not in row(card, "exponents").sentence
    assert set(row(card, "followed by majority").readings) == {"y_T", "y_H"}


@dataclass(frozen=True)
class Same:
    """The lattice as it is."""

    features: None = None

    def coarse(self, fine):
        return fine

    def alphabet(self, fine):
        return fine

    def __call__(self, spins, fine, *, rng):
        return spins


def test_a_rule_that_changes_nothing_ends(critical):
    with pytest.raises(ValueError, match="b > 1"):
        probe(Same(), critical)


def test_a_rule_that_fits_only_once_is_read_once(critical):
    card = probe([Majority(b=2), Average(b=2)], critical)
    assert row(card, "temperature").sentence.startswith("real values")


def test_files_of_different_runs_are_no_pair(critical):
    other = sample(Ising((32, 32)), coupling=0.4, draws=6144, chains=512, seed=4)
    with pytest.raises(ValueError, match="same chains in both"):
        probe_pair(critical, coarsen(Majority(b=2), other))


def test_a_network_read_on_its_training_chains_says_so(critical):
    settings = Training(epochs=1)
    train_on, read = critical.split(2)
    network = train(RBM(critical.geometry, 256), train_on, settings=settings, seed=1)
    assert "trained on some of the chains" in probe(Layer(network), critical).remark
    assert probe(Layer(network), read).remark == ""


def test_a_level_without_a_thermometer_leaves_the_other_rows(critical):
    card = probe(Majority(b=32), critical)
    sides = {n.split(", ")[1] for n in row(card, "temperature").readings}
    assert sides == {"32×32"}
