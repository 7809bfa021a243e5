"""Temperature along the layers: thermometers, signs, growth of deviations, verdicts."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020 import fig_14
from kadanoff.experiments.demellokoch2020.fig_14 import readings, stacks, thermometers
from kadanoff.experiments.demellokoch2020.thermometer import Calibration
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.models.ising import Ising
from kadanoff.networks.checkpoint import machines_of
from kadanoff.networks.products import one_thread
from kadanoff.samplers.run import sample

AVERAGE, MAJORITY, DEVIATION, PLAIN, LOCAL, COOLS = range(6)
SHARP, FLOW = 7, -1


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(0, tmp_path_factory.mktemp("fig_14"), lambda *_: None)


QUICK = replace(fig_14.FAST, calibration=Calibration(draws=64, epochs=20, rate=1e-2))
"""The network that reads the flow is not what is tested here."""


@pytest.fixture(scope="module")
def data(work):
    return fig_14.compute(QUICK, work)


def at_criticality(data, m, thermometer="energy"):
    here = data.sel(map=m, thermometer=thermometer)
    return here.sel(temperature=T_C, method="nearest")


def status(data, place):
    return fig_14.checks(data)[place].status


def changed(data, name, values, error=None, **where):
    """The same data with other values, and errors, in one place."""
    new = data.copy(deep=True)
    new[name].loc[where] = values
    if error is not None:
        new[f"{name}_error"].loc[where] = error
    return new


def test_direct_thermometers_read_ising_configurations():
    """z < 4 at one coupling each: 1e-4; a coupling off by 5 % is 10 errors away."""
    reader = thermometers.Reader(lambda shape: pytest.fail("not asked"), ())
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
    found = thermometers.by_energy(ising)
    assert float(found.value) == pytest.approx(float(inverse.value), abs=1e-12)
    assert float(found.error) == pytest.approx(float(inverse.error), rel=0.02)


def test_a_classifier_that_was_kept_reads_as_the_one_that_was_trained(work):
    """To the last bit of value and error; numbers to that of single precision."""
    ising = sample(Ising((8, 8)), coupling=0.42, draws=512, seed=5)
    first, again = (thermometers.classifier(8, 3, 256, work) for _ in range(2))
    one, other = (c.temperature(ising) for c in (first, again))
    assert float(one.value) == float(other.value)
    assert float(one.error) == float(other.error) > 0
    reader = thermometers.Reader(lambda shape: again, (2.5,))
    numbers = reader.numbers(ising, 2.5)
    assert numbers["classifier"] == pytest.approx(1 / float(one.value), rel=1e-6)
    assert 1 < numbers[thermometers.BREADTH] < 3


def test_signs_left_by_training_are_those_of_the_last_machine(tmp_path):
    """Turned by them, the weights of the last checkpoint are those of the result."""
    work = Work(0, tmp_path, lambda *_: None)
    ising = sample(Ising((8, 8)), coupling=K_C, draws=256, seed=6)
    form = stacks.Form(steps=2, epochs=2, batch=64)
    with one_thread():
        found = stacks.stack("local", 0, ising, form, work)
    (run,) = tmp_path.glob("train-*")
    for l, (machine, signs) in enumerate(
        zip(found.network.machines, found.signs, strict=True)
    ):
        before = machines_of(run / f"layer-{l}")[-1].W.detach().numpy()
        after = machine.W.detach().numpy()
        np.testing.assert_array_equal(before * signs, after)
        assert np.all(after.sum(axis=0) >= 0)
        assert set(signs) == {-1, 1}
    with pytest.raises(ValueError, match="1, 2, 4, 8"):
        stacks.stack("local", 0, ising, replace(form, epochs=3), work)


def test_an_untrained_stack_has_the_signs_of_its_first_weights(work):
    ising = sample(Ising((8, 8)), coupling=K_C, draws=256, seed=6)
    form = stacks.Form(steps=1, epochs=1, batch=64)
    found = stacks.stack(stacks.UNTRAINED, 0, ising, form, work)
    from kadanoff.networks.dbn import DBN

    seed = work.subseed("weights", 0)
    start = DBN.dense(ising.geometry, [16], seed=seed).machines[0].W.detach().numpy()
    turned = found.network.machines[0].W.detach().numpy()
    np.testing.assert_array_equal(turned * found.signs[0], start)


def test_what_is_put_in_is_known(data):
    assert list(data["map"].values) == list(readings.MAPS)
    for t in data["temperature"].values:
        known = data["K"].sel(temperature=t, level=0).values
        np.testing.assert_allclose(known, 1 / t, rtol=1e-14)


def test_majority_stays_critical_and_its_deviation_doubles(data):
    """The fixed point within 5 %; growth within 4 errors of 2, which 1 is not."""
    k = at_criticality(data, "majority")["K"].values
    assert np.all(np.abs(k / K_C - 1) < 0.05)
    value, error = fig_14.ratios_of_deviations(data)["majority"][1]
    assert abs(value - 2) < 4 * error
    assert abs(value - 1) > 4 * error
    for ratio, spread in fig_14.ratios_of_temperatures(data)["majority"]:
        assert abs(ratio - 1) < 4 * spread + 0.02
        assert abs(ratio - 2) > 4 * spread


def test_averages_have_no_temperature(data):
    direct = data["K"].sel(map="average", thermometer=["energy", "couplings"])
    assert np.isnan(direct.sel(level=[1, 2])).all()
    foreign = at_criticality(data, "average", "classifier")["K"]
    assert np.isfinite(foreign).all()


def test_what_a_layer_seems_to_be_depends_on_arrangement_and_signs(data):
    """Of either sign all of them are hot, the untrained one too."""
    for name in stacks.STACKS:
        first = [
            at_criticality(data, look)["K"].sel(level=1).item()
            for look in stacks.looks(name)
        ]
        arranged, own_order, as_trained, by_coin = first
        assert abs(as_trained) < 0.5 * K_C
        assert abs(by_coin) < 0.5 * K_C
        if name != stacks.UNTRAINED:
            assert arranged > own_order > 0.5 * K_C


def test_an_untrained_stack_is_hot(data):
    k = at_criticality(data, "untrained")["K"].sel(level=[1, 2])
    assert np.all(np.abs(k) < 0.2 * K_C)


def test_doubling_is_judged_by_the_numbers(data):
    assert status(data, MAJORITY) is Status.NOT
    halved = changed(
        data,
        "K",
        [K_C, K_C / 2, K_C / 4],
        map="majority",
        thermometer="energy",
        temperature=T_C,
    )
    assert status(halved, MAJORITY) is Status.REPRODUCED
    deviation = {"map": "majority", "direct": "energy"}
    larger = data.assign_coords(side=("level", [32, 16, 8]))
    for growth, error, expected in (
        (2.0, 0.01, Status.REPRODUCED),
        (1.0, 0.01, Status.NOT),
        (1.0, 0.4, Status.OPEN),  # noise doubles nothing
    ):
        here = changed(larger, "growth", growth, error, **deviation)
        assert status(here, DEVIATION) is expected
    assert status(changed(data, "growth", 2.0, 0.01, **deviation), DEVIATION) is (
        Status.OPEN  # on 4×4 nothing is judged
    )
    average = {"map": "average", "thermometer": "classifier", "temperature": T_C}
    cooled = changed(data, "K", [K_C, K_C / 2, K_C / 4], 0.001, **average)
    assert status(cooled, AVERAGE) is Status.REPRODUCED
    assert "not what it reads" in fig_14.checks(cooled)[AVERAGE].reason


def layers(data, m, values, error=0.001):
    where = {"map": m, "thermometer": "energy", "level": [1, 2]}
    return changed(data, "K", values, error, **where)


def test_the_jump_comes_out_all_ways(data):
    arranged, _, as_trained, _ = stacks.looks("plain")
    hot, cold = layers(data, as_trained, 0.01), layers(data, as_trained, K_C)
    assert status(layers(hot, arranged, 0.05), PLAIN) is Status.REPRODUCED
    assert status(layers(hot, arranged, K_C), PLAIN) is Status.PARTLY
    assert status(cold, PLAIN) is Status.NOT
    assert status(layers(data, as_trained, 0.01, error=0.5), PLAIN) is Status.OPEN
    below = changed(
        hot, "K", K_C, map=as_trained, thermometer="energy", temperature=2.1
    )
    assert status(below, PLAIN) is Status.NOT
    assert "does the same" in fig_14.checks(hot)[PLAIN].reason
    other = layers(hot, stacks.looks("untrained")[2], K_C)
    assert "does not do it" in fig_14.checks(other)[PLAIN].reason


def test_two_layers_do_not_decide_about_a_third(data):
    assert status(data, COOLS) is Status.OPEN
    as_trained = stacks.looks("plain")[2]
    deeper = data.isel(level=[0, 1, 2, 2], step=[0, 1, 1])
    deeper = deeper.assign_coords(level=[0, 1, 2, 3], step=[1, 2, 3])
    where = {"map": as_trained, "thermometer": "energy", "temperature": 2.5}
    for last, error, expected in (
        (0.3, 0.01, Status.REPRODUCED),
        (0.0, 0.01, Status.NOT),
        (0.1, 0.01, Status.NOT),  # the same
        (0.1, 0.3, Status.OPEN),
    ):
        here = changed(deeper, "K", [0.4, 0.1, 0.1, last], error, **where)
        assert status(here, COOLS) is expected


def test_sharpness_and_flow_follow_the_numbers(data):
    as_trained = stacks.looks("plain")[2]
    where = {"map": as_trained, "level": 1}
    broad = changed(data, "breadth", [2.0, 2.0, 2.0, 2.0, 3.0], 0.01, **where)
    assert status(broad, SHARP) is Status.REPRODUCED
    assert status(changed(broad, "breadth", 2.0, **where), SHARP) is Status.NOT
    assert status(changed(broad, "breadth", 2.0, 1.0, **where), SHARP) is Status.OPEN
    assert status(data, FLOW) is Status.OPEN  # one machine has no error
    there = changed(data, "flow_K", K_C, 0.001, flow_step=26)
    assert status(there, FLOW) is Status.REPRODUCED
    lost = changed(data, "flow_K", 2 * K_C, 0.001, flow_step=26)
    assert status(lost, FLOW) is Status.NOT


def test_pictures_and_numbers_are_drawn(data):
    three, growth = fig_14.draw(data)
    assert (three.picture or "").startswith("data:image/svg+xml")
    assert (growth.picture or "").startswith("data:image/svg+xml")
    assert len(three.tables[0].rows) == len(readings.MAPS) * 9


def test_a_computation_that_was_done_is_read_and_not_done_again(
    data, work, monkeypatch
):
    for name in ("_blocks", "_stack", "_flow"):
        monkeypatch.setattr(readings, name, lambda *_: pytest.fail("again"))
    assert fig_14.compute(QUICK, work).identical(data)
