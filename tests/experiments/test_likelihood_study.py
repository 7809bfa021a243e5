"""Trainings come close to the law, and the table says how close was asked for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import log_partition, moments
from kadanoff.experiments import likelihood
from kadanoff.experiments.likelihood import (
    FAST,
    FULL,
    READINGS,
    Settings,
    Trial,
    collect,
    compute,
    median,
    table,
)
from kadanoff.geometry import Unordered
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import LIKELIEST, LIKELIEST_SYMMETRIC


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def study(runs):
    return compute(FAST, runs=runs)


def test_trainings_come_close_and_the_penalty_for_locality_costs_likelihood(study):
    """A fiftieth of the uniform law is left; untrained machines and l1 are controls."""
    kl = dict(zip(study["trial"].values, study["kl"].values, strict=True))
    close, shifted, local, stack = (kl[trial.name] for trial in FAST.trials)
    untrained = study["uniform"].values[0, 0]
    one = moments((4, 4), K_C)
    exact = (log_partition((4, 4), 0.0) - log_partition((4, 4), K_C)) / 16
    exact -= K_C * one.energy
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
