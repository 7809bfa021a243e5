"""Controls of the flow: laws of their data, what shuffling keeps, verdicts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kadanoff.exact import mean_field
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import flow_controls
from kadanoff.experiments.demellokoch2020.flow import LATTICE, TRAININGS
from kadanoff.experiments.demellokoch2020.flow_controls import data_of, shuffled
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.networks.rbm import RBM


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def found(work):
    small = replace(
        flow_controls.FAST,
        controls=("Ising", "mean field, scaled", "shuffled weights"),
        hidden=(16,),
    )
    return flow_controls.compute(small, work)


def test_mean_field_data_have_the_law_of_their_60_temperatures(work):
    n = 100
    for control, scale in (("mean field", 1.0), ("mean field, scaled", T_C)):
        values = data_of(work, control, 400, 0).values.reshape(-1, n).astype(float)
        m2 = values.mean(axis=1) ** 2
        exact = [mean_field.moments(n, scale * 10 / k).m2 for k in range(1, 60)]
        gap = m2.mean() - np.mean([1.0, *exact])
        assert abs(gap) < 4.5 * m2.std() / len(m2) ** 0.5
    assert abs(gap) < 0.05 < np.mean(exact)


def test_two_temperatures_are_half_ordered_half_noise(work):
    values = data_of(work, "T = 0 and T = ∞", 16, 0).values.reshape(-1, 100)
    ordered = abs(values.astype(int).sum(axis=1)) == 100
    assert ordered.mean() == 0.5
    assert (values[ordered].mean(axis=1) > 0).mean() == 0.5


def test_mean_field_data_have_no_neighbours(work):
    values = data_of(work, "mean field, scaled", 64, 1).values.astype(float)
    flat = values.reshape(-1, *LATTICE)
    near = (flat * np.roll(flat, 1, 2)).mean(axis=(1, 2))
    far = (flat * np.roll(flat, 5, 2)).mean(axis=(1, 2))
    gap = near - far
    assert abs(gap.mean()) < 4.5 * gap.std() / len(gap) ** 0.5


def test_shuffling_keeps_the_weights_and_nothing_else():
    first = RBM(LATTICE, 9, biases=True, seed=3)
    mixed = shuffled(first, 5)
    one, other = first.W.detach().flatten(), mixed.W.detach().flatten()
    assert torch.equal(one.sort().values, other.sort().values)
    assert (one != other).float().mean() > 0.9
    assert not mixed.b.any()
    assert torch.equal(mixed.W, shuffled(first, 5).W)
    assert not torch.equal(mixed.W, shuffled(first, 6).W)


def test_weights_that_were_not_taught_end_in_noise(work):
    settings = replace(
        flow_controls.FAST, controls=("untrained, 0.01",), hidden=(16,), length=10
    )
    found = flow_controls.compute(settings, work)
    here = found.sel(control="untrained, 0.01").isel(seed=0)
    assert float(abs(here["e"]).max()) < 0.05
    means = here.sel(arm="trained on draws, means passed on")
    assert here["e"].sel(arm="trained on means, means passed on").isnull().all()
    assert float(abs(means["m"]).max()) < 1e-6


def test_a_machine_of_data_without_a_lattice_ends_near_t_c(found):
    at = {"control": "mean field, scaled", "arm": "trained on draws, samples passed on"}
    here = found.sel(at).isel(seed=0)
    assert (abs(here["by_energy"] - T_C) < flow_controls.RESOLUTION).all()
    # And it knows no distance.
    assert (abs(here["fall"]) < 4.5 * here["fall_error"]).all()
    known = found.sel(at | {"control": "Ising"}).isel(seed=0)
    assert (abs(known["by_energy"] - T_C) > 0.05).all()


def test_verdicts_follow_the_numbers(found):
    away = found.assign(by_energy=found["by_energy"] * 0 + 4.0)
    away = away.assign(by_energy=away["by_energy"].fillna(4.0))
    away = away.assign(by_energy_error=found["by_energy_error"].fillna(0) * 0 + 1e-3)
    assert flow_controls.checks(away)[0].status is Status.OPEN
    own = away.assign(
        by_energy=away["by_energy"] - (4 - T_C) * (away["control"] == "Ising")
    )
    assert flow_controls.checks(own)[0].status is Status.REPRODUCED
    all_near = away.assign(by_energy=away["by_energy"] * 0 + T_C)
    assert flow_controls.checks(all_near)[0].status is Status.NOT
    same = found.assign(varied_by_energy=found["varied_by_energy"] * 0 + 2.0)
    assert flow_controls.checks(same)[1].status is Status.REPRODUCED
    hot = found["start"] == "hot"
    spread = same.assign(varied_by_energy=same["varied_by_energy"] + hot)
    assert flow_controls.checks(spread)[1].status is Status.NOT


def test_sections_have_pictures_and_tables(found):
    sections = flow_controls.draw(found)
    assert len(sections) == 2
    for section in sections:
        assert (section.picture or "").startswith("data:image/svg+xml")
        (table,) = section.tables
        assert all(len(row) == len(table.header) for row in table.rows)
    assert len(TRAININGS) == 2
