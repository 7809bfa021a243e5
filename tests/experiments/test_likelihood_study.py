"""The divergence of machines of known laws, and that trainings come close to it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import log_partition, moments
from kadanoff.experiments import likelihood
from kadanoff.experiments.likelihood import (
    FAST,
    FULL,
    LIKELIEST,
    LIKELIEST_SYMMETRIC,
    READINGS,
    Settings,
    Trial,
    collect,
    compute,
    divergence,
    median,
    table,
)
from kadanoff.geometry import Unordered
from kadanoff.instruments.likelihood import exact_log_prob
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.dbn import DBN
from kadanoff.networks.dbn import log_likelihood as exact_of_stack
from kadanoff.networks.rbm import RBM
from kadanoff.samplers.run import sample


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def study(runs):
    return compute(FAST, runs=runs)


@pytest.fixture(scope="module")
def unseen():
    return sample(Ising((4, 4)), coupling=K_C, draws=1000, chains=20, seed=5)


def by_hand(shape, coupling: float, other: float) -> float:
    """KL per spin of the Ising law at one coupling to that at another.

    (K' − K)⟨E⟩ + (ln Z' − ln Z)/N with both moments enumerated.
    """
    one = moments(shape, coupling)
    sites = math.prod(shape)
    free = (log_partition(shape, other) - log_partition(shape, coupling)) / sites
    return (other - coupling) * one.energy + free


def test_the_machine_of_one_unit_per_bond_has_no_divergence(unseen):
    true = divergence(bond_machine(Ising((4, 4)), K_C), unseen, seed=1)
    assert abs(float(true.kl.value.value)) < 1e-12
    assert true.kl.error == true.bracket == 0
    assert true.share == pytest.approx(1)


@pytest.mark.parametrize("other", [0.42, 0.3, 0.0])
def test_a_machine_at_another_coupling_has_that_of_the_two_laws(unseen, other):
    found = divergence(bond_machine(Ising((4, 4)), other), unseen, seed=1)
    expected = by_hand((4, 4), K_C, other)
    assert float(found.kl.value.value) == pytest.approx(expected)
    assert expected > 1e-4


def test_reweighting_gives_the_same_with_an_error_that_holds(unseen):
    """4 standard errors, 6e-5 for a Gaussian; a fifth more would be noticed."""
    found = divergence(bond_machine(Ising((4, 4)), 0.38), unseen, seed=1).reweighted
    assert found is not None
    expected = by_hand((4, 4), K_C, 0.38)
    assert abs(float(found.value) - expected) < 4 * found.error
    assert abs(float(found.value) - 1.8 * expected) > 4 * found.error


def test_annealed_and_averaged_it_is_the_same_with_both_errors(unseen, monkeypatch):
    """4 standard errors, 6e-5 for a Gaussian; twice the divergence is seen."""
    machine, expected = bond_machine(Ising((4, 4)), 0.3), by_hand((4, 4), K_C, 0.3)
    monkeypatch.setattr(likelihood, "MOST_UNITS", 0)  # neither sum is exact any more
    monkeypatch.setattr(likelihood, "MOST_SPINS", 0)
    found = divergence(machine, unseen, runs=200, temperatures=100, seed=2)
    kl = found.kl
    assert kl.sampling_error > 0
    assert kl.partition_error > 0
    assert abs(float(kl.value.value) - expected) < 4 * kl.error
    assert abs(float(kl.value.value) - 2 * expected) > 4 * kl.error
    assert found.bracket != 0
    assert found.reweighted is not None
    assert abs(float(found.reweighted.value) - expected) < 4 * found.reweighted.error


def test_of_a_stack_it_is_an_upper_bound(unseen):
    """Against ln q of a small stack by enumeration of all its layers."""
    network = DBN.dense((4, 4), (6, 3), seed=3)
    for machine in network.machines:
        torch.nn.init.normal_(machine.W, std=0.3, generator=torch.manual_seed(1))
    found = divergence(network, unseen, seed=1)
    bound = found.kl
    assert found.reweighted is None
    values = np.concatenate([unseen.read(c) for c in unseen.chunks()])
    values = values.reshape(-1, 4, 4)
    log_p = exact_log_prob(Ising((4, 4)), K_C)(values)
    with torch.no_grad():
        log_q = exact_of_stack(network, torch.tensor(values).float()).numpy()
    true = float((log_p - log_q).mean()) / 16
    assert float(bound.value.value) > true > 0
    assert float(bound.value.value) == pytest.approx(true, rel=0.2)


def test_trainings_come_close_and_the_penalty_for_locality_costs_likelihood(study):
    """A fiftieth of the uniform law is left; untrained machines and l1 are controls."""
    kl = dict(zip(study["trial"].values, study["kl"].values, strict=True))
    close, shifted, local, stack = (kl[trial.name] for trial in FAST.trials)
    untrained = study["uniform"].values[0, 0]
    exact = by_hand((4, 4), K_C, 0.0)
    assert untrained == pytest.approx(exact)
    assert close.max() < 0.02 * untrained
    assert shifted[0] < close[0]
    assert np.nanmin(local) > 1.5 * close.max()
    assert 0 < stack[0] < untrained
    assert (study["sampling_error"].values[0] == 0).all()


def test_what_is_done_is_not_done_again(study, runs, monkeypatch):
    monkeypatch.setattr(likelihood, "train_in_run", None)  # called, it would fail
    assert compute(FAST, runs=runs).equals(study)


def test_other_data_sets_share_nothing():
    training, unseen = likelihood._material(FAST, FAST.trials[0], 0)
    other, _ = likelihood._material(FAST, FAST.trials[0], 1)
    assert (training.size, unseen.size) == (FAST.trials[0].samples, FAST.read)
    assert len({training.lineage, unseen.lineage, other.lineage}) == 3


def test_the_median_has_the_error_of_a_gaussian_one():
    """400 medians of 101: the spread is known to 3.5 %, 15 % is four times that."""
    draws = np.random.default_rng(0).normal(size=(400, 101))
    found = np.array([median(row) for row in draws])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)
    assert found[:, 1].mean() != pytest.approx(draws.std() / math.sqrt(101), rel=0.15)
    assert math.isnan(median(np.array([1.0]))[1])


def test_scales_of_a_row():
    row = Trial(4, (32,), 20_000, LIKELIEST)
    assert row.excess == pytest.approx(32 * 16 / 40_000 / 16)
    assert row.holds_every_bond
    assert not replace(row, hidden=(31,)).holds_every_bond
    assert replace(row, hidden=(8, 2)).parameters == 16 * 8 + 8 * 2


def test_the_table_says_what_was_asked_and_what_came(study):
    lines = table(study).splitlines()
    assert len(lines) == 2 + len(FAST.trials)
    assert "exact, exact" in lines[2]
    assert "0: a unit per bond" in lines[2]
    assert "≤ 2e-03: not reached" in lines[4]
    assert "| ≤ " in lines[5]  # of a stack it is a bound


def test_a_study_that_has_not_begun_is_a_table_of_gaps(tmp_path):
    empty = collect(FAST, runs=tmp_path)
    assert all(empty[name].isnull().all() for name in READINGS)
    assert table(empty).count("not computed") == len(FAST.trials)


def test_the_full_study_asks_for_what_it_is_about():
    first = FULL.trials[0]
    assert (first.side, first.hidden, first.samples) == (4, (32,), 20_000)
    assert (first.data_sets, first.limit) == (10, 7e-4)
    assert len({trial.name for trial in FULL.trials}) == len(FULL.trials)
    assert LIKELIEST_SYMMETRIC.symmetry.translations
    assert isinstance(FULL, Settings)
    assert RBM((4, 4), 2).hidden_geometry() == Unordered(2)
