"""Controls read once are found again, bit for bit and with their replicates."""

from __future__ import annotations

import numpy as np
import pytest

from kadanoff.coarse.block import Decimation, Majority
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.models.ising import Ising
from kadanoff.runs import list_runs
from kadanoff.samplers.run import sample
from kadanoff.scorecard import card as card_module
from kadanoff.scorecard.card import probe

ROWS = ("couplings", "exponents")
CONTROLS = ("block", "zero-sum", "factorised")


@pytest.fixture(scope="module")
def fine() -> Ensemble:
    return sample(Ising((16, 16)), coupling=K_C, draws=1024, chains=64, seed=3)


def card(rule, fine, runs):
    return probe(rule, fine, seed=1, rows=ROWS, controls=CONTROLS, runs=runs)


def test_the_second_time_nothing_is_read_again(fine, tmp_path, monkeypatch):
    first = card(Majority(b=2), fine, tmp_path)
    assert {run.step for run in list_runs(tmp_path)} == {"control"}
    assert all(run.done for run in list_runs(tmp_path))
    monkeypatch.setattr(card_module, "control", None)
    again = card(Majority(b=2), fine, tmp_path)
    assert str(again) == str(first)
    for name in CONTROLS:
        for row, old in zip(again.controls[name], first.controls[name], strict=True):
            for key, value in row.readings.items():
                kept = old.readings[key]
                for lineage in getattr(kept, "replicates", {}):
                    assert np.array_equal(
                        value.replicates[lineage],
                        kept.replicates[lineage],
                        equal_nan=True,
                    )


def test_without_a_folder_nothing_is_kept(fine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card(Majority(b=2), fine, None)
    assert list(tmp_path.iterdir()) == []


def test_only_controls_of_the_configurations_are_shared_between_maps(fine, tmp_path):
    card(Majority(b=2), fine, tmp_path)
    before = len(list_runs(tmp_path))
    card(Decimation(b=2), fine, tmp_path)
    assert len(list_runs(tmp_path)) == before + 1  # factorised is of the map


def test_other_configurations_another_seed_or_rows_are_others(fine, tmp_path):
    card(Majority(b=2), fine, tmp_path)
    before = len(list_runs(tmp_path))
    half = fine.select(slice(0, 32))
    probe(Majority(b=2), half, seed=1, rows=ROWS, controls=("block",), runs=tmp_path)
    probe(Majority(b=2), fine, seed=2, rows=ROWS, controls=("block",), runs=tmp_path)
    probe(
        Majority(b=2), fine, seed=1, rows=ROWS[:1], controls=("block",), runs=tmp_path
    )
    assert len(list_runs(tmp_path)) == before + 3
