"""Temperature along the layers: thermometers, growth of deviations, verdicts."""

import numpy as np
import pytest

from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020 import fig_14, layer_temperatures
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("fig_14"), lambda *_: None)
    return fig_14.compute(fig_14.FAST, work)


def at_criticality(data, arm, thermometer="energy"):
    here = data.sel(arm=arm, thermometer=thermometer)
    return here.sel(temperature=T_C, method="nearest")


def statuses(data):
    return [check.status for check in fig_14.checks(data)]


def changed(data, name, values, **where):
    new = data.copy(deep=True)
    new[name].loc[where] = values
    return new


def test_direct_thermometers_read_ising_configurations():
    """z < 4 at one coupling each: 1e-4; a coupling off by 5 % is 10 errors away."""
    reader = layer_temperatures.Reader({}, ())
    ising = sample(Ising((8, 8)), coupling=0.4, draws=4096, seed=3)
    for found in reader.estimates(ising, 2.5).values():
        assert abs(found.value - 0.4) < 4 * found.error
        assert abs(found.value - 0.42) > 4 * found.error
    numbers = reader.numbers(ising, 2.5)
    for name, found in reader.estimates(ising, 2.5).items():
        assert numbers[name] == pytest.approx(float(found.value), abs=1e-12)


def test_the_slope_of_the_energy_curve_gives_the_error_of_its_inverse():
    ising = sample(Ising((8, 8)), coupling=0.4, draws=1024, seed=4)
    from kadanoff.instruments.thermometer import energy_temperature

    inverse = energy_temperature(ising).map(lambda t: 1 / t)
    found = layer_temperatures.by_energy(ising)
    assert float(found.value) == pytest.approx(float(inverse.value), abs=1e-12)
    assert float(found.error) == pytest.approx(float(inverse.error), rel=0.02)


def test_what_is_put_in_is_known(data):
    for t in data["temperature"].values:
        known = data["K"].sel(temperature=t, level=0).values
        np.testing.assert_allclose(known, 1 / t, rtol=1e-14)


def test_majority_stays_critical_and_its_deviation_doubles(data):
    """The fixed point within 5 %; growth within 4 errors of 2, which 1 is not."""
    k = at_criticality(data, "majority")["K"].values
    assert np.all(np.abs(k / K_C - 1) < 0.05)
    here = data.sel(arm="majority", direct="energy", step=2)
    value, error = here["growth"].item(), here["growth_error"].item()
    assert abs(value - 2) < 4 * error
    assert abs(value - 1) > 4 * error


def test_averages_have_no_temperature(data):
    direct = data["K"].sel(arm="average", thermometer=["energy", "couplings"])
    assert np.isnan(direct.sel(level=[1, 2])).all()
    foreign = at_criticality(data, "average", "classifier")["K"]
    assert np.isfinite(foreign).all()


def test_what_a_layer_seems_to_be_depends_on_arrangement_and_signs(data):
    for recipe in layer_temperatures.RECIPES:
        in_order, as_it_comes = layer_temperatures.unarranged(recipe)
        first = {
            a: at_criticality(data, a)["K"].sel(level=1).item()
            for a in (recipe, in_order, as_it_comes)
        }
        assert abs(first[as_it_comes]) < 0.2 * K_C
        assert first[recipe] > first[in_order] > 0.5 * K_C


def test_an_untrained_stack_is_hot(data):
    k = at_criticality(data, "untrained")["K"].sel(level=[1, 2])
    assert np.all(np.abs(k) < 0.2 * K_C)


def test_statuses_follow_the_numbers(data):
    now = statuses(data)
    assert now[1] is Status.NOT
    assert now[2] is Status.REPRODUCED
    assert now[3:5] == [Status.PARTLY, Status.PARTLY]
    assert now[5:7] == [Status.OPEN, Status.OPEN]
    frozen = changed(data, "growth", 1.0, arm="majority", direct="energy")
    frozen = changed(frozen, "growth_error", 0.01, arm="majority", direct="energy")
    assert statuses(frozen)[2] is Status.NOT
    halved = changed(
        data,
        "K",
        [K_C, K_C / 2, K_C / 4],
        arm="majority",
        thermometer="energy",
        temperature=T_C,
    )
    assert statuses(halved)[1] is Status.REPRODUCED
    hot = changed(data, "K", 0.05, arm="CD-1", thermometer="energy", level=[1, 2])
    assert statuses(hot)[3] is Status.REPRODUCED
    cold = changed(data, "K", K_C, arm="CD-1, as it comes", thermometer="energy")
    assert statuses(cold)[3] is Status.NOT
    there = changed(data, "flow_K", K_C, flow_step=26)
    assert statuses(there)[-1] is Status.REPRODUCED
    lost = changed(data, "flow_K", 2 * K_C, flow_step=26)
    assert statuses(lost)[-1] is Status.NOT


def test_pictures_and_numbers_are_drawn(data):
    three, growth = fig_14.draw(data)
    assert (three.picture or "").startswith("data:image/svg+xml")
    assert (growth.picture or "").startswith("data:image/svg+xml")
    assert len(three.tables[0].rows) == len(layer_temperatures.ARMS) * 9
