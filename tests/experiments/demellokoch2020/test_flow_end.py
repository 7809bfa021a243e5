"""Where flows end: temperatures of known energies, verdicts that follow the numbers."""

import math

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020 import flow_end
from kadanoff.experiments.demellokoch2020.flow import LATTICE, start
from kadanoff.experiments.demellokoch2020.flow_end import (
    RESOLUTION,
    energy_reading,
    observed,
)
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.instruments.thermometer import energy_temperature


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def found(work):
    return flow_end.compute(flow_end.FAST, work)


def test_one_configuration_tells_its_temperature_to_a_fifth(work):
    ensemble = start(work, T_C, 8192, 7)
    e = ensemble.values.reshape(-1, *LATTICE).astype(int)
    e = -(e * (np.roll(e, 1, 1) + np.roll(e, 1, 2))).mean(axis=(1, 2))
    slope = (torus(LATTICE, 1 / 2.28).energy - torus(LATTICE, 1 / 2.26).energy) / 0.02
    assert e.std() / slope == pytest.approx(RESOLUTION, rel=0.05)


def test_a_temperature_by_energy_agrees_with_the_instruments(work):
    ensemble = start(work, 2.5, 1024, 8)
    found = observed(ensemble)
    slow = energy_temperature(ensemble)
    assert float(found["by_energy"].value) == pytest.approx(float(slow.value))
    assert float(found["by_energy"].error) == pytest.approx(float(slow.error), rel=0.02)
    assert abs(float(found["by_coupling"].value) - 2.5) < 0.1
    assert float(found["distance"].value) < 1.5 * float(found["floor"].value)


def test_energies_without_a_temperature_have_none():
    cold = Estimate(np.array(-2.0), {}, 1)
    assert float(energy_reading(cold).value) == 0
    assert math.isnan(float(energy_reading(Estimate(np.array(0.1), {}, 1)).value))


def test_means_are_read_without_a_coupling(work):
    halved = start(work, T_C, 256, 6)
    halved = halved.derived(halved.values * 0.5, halved.geometry, "real", {"step": "½"})
    found = observed(halved)
    assert math.isnan(float(found["by_coupling"].value))
    full = observed(start(work, T_C, 256, 6))
    assert float(found["e"].value) == pytest.approx(float(full["e"].value) / 4)


def test_another_thermometer_is_asked_too(work):
    def hand(ensemble):
        return Estimate(np.array(float(ensemble.size)), {}, 1)

    ensemble = start(work, T_C, 256, 6)
    assert float(observed(ensemble, hand)["by_network"].value) == 256
    assert "by_network" not in observed(ensemble)


def test_the_magnet_passes_and_the_training_data_do_not(found):
    p = found["p"].isel(seed=0)
    assert float(p.sel(kind="magnet at T_c")) > 1e-4
    assert abs(float(found["best"].sel(kind="magnet at T_c")[0]) - T_C) < 0.06
    assert float(p.sel(kind="training data")) < 1e-4
    mixture = found["tv_mixture"].sel(kind="training data")[0]
    assert float(mixture) < 0.1 < float(found["tv"].sel(kind="training data")[0])


def test_the_mixture_has_the_mean_energy_of_60_temperatures(found):
    exact = [-2.0, *(torus(LATTICE, 10 / k).energy for k in range(1, 60))]
    assert found.attrs["mixture_energy"] == pytest.approx(np.mean(exact))
    assert torus(LATTICE, 1 / found.attrs["mixture_temperature"]).energy == (
        pytest.approx(np.mean(exact))
    )


def test_flows_start_where_they_are_said_to(found):
    zero = found.sel(length=0).isel(seed=0, arm=0)
    assert float(zero["e"].sel(temperature="cold")) == -2
    assert abs(float(zero["e"].sel(temperature="hot"))) < 0.05
    critical = zero["by_energy"].sel(temperature="T_c")
    assert abs(float(critical) - T_C) < 0.1


def test_verdicts_follow_the_numbers(found):
    statuses = [c.status for c in flow_end.checks(found)]
    assert statuses[2] is Status.NOT
    one = found["by_energy"] * 0 + T_C
    one = one.fillna(T_C)
    error = found["by_energy_error"].fillna(0) * 0 + 1e-3
    there = found.assign(by_energy=one, by_energy_error=error)
    arrives, forgets, *_ = (c.status for c in flow_end.checks(there))
    assert (arrives, forgets) == (Status.REPRODUCED, Status.REPRODUCED)
    gone = there.assign(by_energy=one + 1)
    assert flow_end.checks(gone)[0].status is Status.NOT
    hot = found["temperature"] == "hot"
    apart = there.assign(by_energy=one + 0.5 * hot)
    assert flow_end.checks(apart)[1].status is Status.NOT
    critical = found.assign(
        p=found["p"] * 0 + 0.5, best=found["best"] * 0 + T_C, tv=found["tv"] * 0
    )
    assert flow_end.checks(critical)[2].status is Status.REPRODUCED
    elsewhere = critical.assign(best=critical["best"] + 0.3)
    assert flow_end.checks(elsewhere)[2].status is Status.NOT
    broken = critical.assign(p=found["p"] * 0)
    assert flow_end.checks(broken)[2].status is Status.OPEN
    learned = found.assign(tv=found["tv"] * 0 + 0.5, tv_mixture=found["tv"] * 0 + 0.01)
    assert flow_end.checks(learned)[3].status is Status.REPRODUCED
    assert flow_end.checks(critical)[3].status is Status.NOT


def test_sections_have_pictures_and_tables(found):
    sections = flow_end.draw(found)
    assert len(sections) == 2
    for section in sections:
        assert (section.picture or "").startswith("data:image/svg+xml")
        (table,) = section.tables
        assert all(len(row) == len(table.header) for row in table.rows)


def test_an_ensemble_of_one_energy_is_read():
    values = np.ones((4, 4, *LATTICE), np.int8)
    found = observed(Ensemble.from_values(values))
    assert float(found["by_energy"].value) == 0
    assert math.isnan(float(found["distance"].value))
