"""Temperature along the layers: thermometers, signs, growth of deviations, verdicts."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020 import fig_14
from kadanoff.experiments.demellokoch2020.fig_14 import (
    readings,
    stacks,
    thermometers,
    withheld,
)
from kadanoff.experiments.demellokoch2020.thermometer import Calibration
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.models.ising import Ising
from kadanoff.networks.checkpoint import machines_of
from kadanoff.networks.products import one_thread
from kadanoff.randomness import subseed
from kadanoff.samplers.run import sample

AVERAGE, SPINS, CRITICAL, DEVIATION, JUMP = range(5)
COOLS, SHARP, GROWS, FLOW = 6, 8, 10, -1
WITHHELD = withheld.WITHHELD


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


def test_arranging_many_draws_puts_block_spins_where_they_belong(data):
    """All of 16×16 sites by 20 480 draws; by 64 not half of them."""
    ising = sample(Ising((32, 32)), coupling=K_C, draws=20_480, seed=9)
    (order,) = withheld.orders([16], 1)
    assert sorted(order) == list(range(256))
    layer = withheld.blocks_in_order(ising, [order], 2)
    (place,) = stacks.arranged(ising, layer)
    assert withheld.in_place(place, order) == 1
    assert np.all(place.signs == 1)
    block = coarsen(Majority(b=2), ising, seed=subseed(2, "level", 1))
    np.testing.assert_array_equal(coarsen(place, layer[0]).values, block.values)
    few = sample(Ising((32, 32)), coupling=K_C, draws=64, seed=9)
    (place,) = stacks.arranged(few, withheld.blocks_in_order(few, [order], 2))
    assert withheld.in_place(place, order) < 0.5
    assert np.all(data["in_place"].values[1:] > 0.9)


def test_withheld_blocks_read_as_blocks(data):
    """z < 4 at every input and level by energy: 1e-4 each."""
    for t in data["inputs"].values:
        there, arranged = (
            data.sel(map=m, thermometer="energy", temperature=t, level=[1, 2])
            for m in ("majority", WITHHELD)
        )
        spread = np.hypot(there["K_error"], arranged["K_error"])
        assert np.all(np.abs(there["K"] - arranged["K"]) < 4 * spread + 0.01)


def test_hotter_blocks_heat_more(data):
    """Towards 2 (3/8)² at infinite temperature: K′/K of step 1 falls to 0.28."""
    k = data["hotter_K"].sel(rule="majority", direct="energy")
    first = (k.sel(level=0) / k.sel(level=1)).values
    assert np.all(np.diff(first) > 0)
    assert 1.8 < first[-1] < 3.56


def steps_of(data, ratio):
    """All levels K that fall by a ratio from level to level."""
    return K_C / ratio ** data["level"].values


def test_doubling_is_judged_by_the_numbers(data):
    assert status(data, CRITICAL) is Status.NOT
    at_tc = {"map": "majority", "thermometer": "energy", "temperature": T_C}
    halved = changed(data, "K", steps_of(data, 2), **at_tc)
    assert status(halved, CRITICAL) is Status.REPRODUCED
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


def test_a_lost_input_is_open_unless_one_that_is_read_doubles(data):
    assert status(data, AVERAGE) is Status.OPEN
    average = {"map": "average", "thermometer": "classifier", "temperature": T_C}
    cooled = changed(data, "K", steps_of(data, 2), 0.001, **average)
    assert status(cooled, AVERAGE) is Status.REPRODUCED
    assert "their size counts" in fig_14.checks(cooled)[AVERAGE].reason
    hot = {"direct": "energy"}
    sharp = data
    for rule in readings.RULES:
        sharp = changed(sharp, "K", steps_of(sharp, 1.1), 0.001, map=rule)
    for ratio, expected in (
        (2.0, Status.REPRODUCED),
        (1.2, Status.NOT),  # up to the hottest input no step doubles
    ):
        here = changed(sharp, "hotter_K", steps_of(data, ratio), 1e-4, **hot)
        assert status(here, SPINS) is expected
    once = changed(here, "hotter_K", [0.4, 0.2, 0.19], 1e-4, hotter=5.0, **hot)
    assert status(once, SPINS) is Status.PARTLY
    assert "single steps" in fig_14.checks(once)[SPINS].reason
    one = {"rule": "sign of average"}
    single = changed(here, "hotter_K", steps_of(data, 2), 1e-4, **one, **hot)
    assert status(single, SPINS) is Status.REPRODUCED
    assert "no thermometer with labels up to" in fig_14.checks(single)[SPINS].reason
    assert "no thermometer with labels up to" not in fig_14.checks(once)[SPINS].reason
    noise = changed(here, "hotter_K_error", 1.0, **hot)
    assert status(noise, SPINS) is Status.OPEN
    between = changed(here, "hotter_K", [0.4, 0.1, 0.025], 1e-4, hotter=5.0, **hot)
    assert status(between, SPINS) is Status.OPEN
    assert "one near T" in fig_14.checks(between)[SPINS].reason


def layers(data, m, values, error=0.001, **where):
    where |= {"map": m, "thermometer": "energy", "level": data["level"].values[1:]}
    return changed(data, "K", values, error, **where)


def as_blocks(data):
    """Block spins with places withheld that read as those that have them."""
    level = data["level"].values[1:]
    new = data
    for m in ("majority", WITHHELD):
        new = layers(new, m, np.full(len(level), 0.9 * K_C))
    return new


def of_all(data, name, values, error=0.001, **where):
    for look in stacks.looks(name):
        data = layers(data, look, values, error, **where)
    return data


def test_the_jump_comes_out_all_ways(data):
    data = as_blocks(data)
    arranged, in_order, as_trained, _ = stacks.looks("plain")
    cold_control = of_all(data, "untrained", K_C)
    hot = of_all(cold_control, "plain", 0.01)
    assert status(hot, JUMP) is Status.REPRODUCED
    assert status(layers(hot, arranged, K_C), JUMP) is Status.PARTLY
    assert status(layers(hot, in_order, K_C, temperature=2.1), JUMP) is Status.PARTLY
    assert status(layers(hot, as_trained, K_C), JUMP) is Status.PARTLY
    assert status(of_all(hot, "plain", K_C), JUMP) is Status.NOT
    cold = layers(layers(hot, arranged, K_C), in_order, K_C)
    assert status(cold, JUMP) is Status.NOT  # hot by its signs alone
    assert status(of_all(hot, "plain", 0.01, error=0.5), JUMP) is Status.OPEN
    # What learned nothing is as hot: no evidence.
    same = of_all(hot, "untrained", 0.01)
    assert status(same, JUMP) is Status.OPEN
    assert "which explains a picture" in fig_14.checks(same)[JUMP].reason
    assert "which explains a picture" not in fig_14.checks(hot)[JUMP].reason
    # Arranged does not count where block spins are not found again.
    lost = layers(hot, WITHHELD, 0.5 * K_C)
    assert status(lost, JUMP) is Status.OPEN
    assert "does not count" in fig_14.checks(lost)[JUMP].reason


def three_layers(data):
    deeper = data.isel(level=[0, 1, 2, 2], step=[0, 1, 1])
    deeper = deeper.assign_coords(level=[0, 1, 2, 3], step=[1, 2, 3])
    return deeper.assign_coords(side=("level", [64, 32, 16, 8]))


def test_two_layers_do_not_decide_about_a_third(data):
    assert status(data, COOLS) is Status.OPEN
    deeper = as_blocks(three_layers(data))
    deeper = of_all(deeper, "untrained", 0.01)
    for last, error, expected in (
        (0.3, 0.01, Status.REPRODUCED),
        (0.15, 0.005, Status.REPRODUCED),
        (0.0, 0.001, Status.NOT),
        (0.1, 0.001, Status.NOT),  # the same
        (0.108, 0.0001, Status.NOT),  # less than three labels
        (0.1, 0.3, Status.OPEN),
    ):
        here = of_all(deeper, "plain", [0.1, 0.1, last], error, temperature=2.5)
        assert status(here, COOLS) is expected
    arranged, _, as_trained, _ = stacks.looks("plain")
    cooler = of_all(deeper, "plain", [0.1, 0.1, 0.3])
    assert "T = 2.1 too" in fig_14.checks(cooler)[COOLS].reason
    assert status(layers(cooler, arranged, 0.1), COOLS) is Status.PARTLY
    # Of signs left by training nothing is told.
    assert status(layers(cooler, as_trained, 0.0), COOLS) is Status.REPRODUCED
    assert status(layers(cooler, WITHHELD, 0.1), COOLS) is Status.OPEN
    control = of_all(cooler, "untrained", [0.1, 0.1, 0.3])
    assert status(control, COOLS) is Status.OPEN


def test_the_deviation_of_layers_is_judged_beside_blocks(data):
    assert status(data, GROWS) is Status.OPEN  # on 4×4 nothing is judged
    deeper = three_layers(data)
    energy = {"direct": "energy"}
    found = changed(deeper, "growth", 2.0, 0.01, map=WITHHELD, **energy)
    for growth, error, expected in (
        ([9.0, 2.0, 2.0], 0.01, Status.REPRODUCED),
        ([2.0, 1.0, 0.9], 0.01, Status.NOT),
        ([2.0, 2.0, 0.9], 0.01, Status.PARTLY),
        ([2.0, 1.0, 0.9], 1.0, Status.OPEN),
    ):
        here = changed(found, "growth", growth, error, map="plain", **energy)
        assert status(here, GROWS) is expected
    lost = changed(here, "growth", 3.2, 0.01, map=WITHHELD, **energy)
    lost = changed(lost, "growth", 1.0, 0.01, map="plain", **energy)
    assert status(lost, GROWS) is Status.OPEN
    assert "arranging hides it" in fig_14.checks(lost)[GROWS].reason
    assert fig_14.stacks_double(lost) is None


@pytest.mark.parametrize(
    ("growth", "error", "expected"),
    [
        ([9.0, 2.0, 2.0], 0.01, True),
        ([2.0, 1.0, 0.9], 0.01, False),
        ([2.0, 2.0, 0.9], 0.01, None),
        ([2.0, 1.0, 0.9], 1.0, None),
    ],
)
def test_whether_all_stacks_double_or_none(data, growth, error, expected):
    energy = {"direct": "energy"}
    here = changed(three_layers(data), "growth", 2.0, 0.01, map=WITHHELD, **energy)
    for recipe in stacks.RECIPES:
        here = changed(here, "growth", growth, error, map=recipe, **energy)
    assert fig_14.stacks_double(here) is expected
    ratios = fig_14.ratios_along_stacks(here)
    assert list(ratios) == list(stacks.RECIPES)
    assert ratios["plain"] == [pytest.approx((g, error)) for g in growth[1:]]
    assert fig_14.stacks_double(data) is None  # on 4×4 nothing is judged


def test_sharpness_is_open_where_the_classifier_knows_nothing(data):
    data = as_blocks(data)
    broad = of_all(of_all(data, "plain", K_C), "untrained", K_C)
    broad = changed(broad, "breadth", 2.0, 0.01)
    for look in stacks.looks("plain"):
        where = {"map": look, "level": 1}
        broad = changed(broad, "breadth", [2.0, 2.0, 2.0, 2.0, 3.0], 0.01, **where)
    assert status(broad, SHARP) is Status.REPRODUCED
    control = changed(broad, "breadth", [2.0, 2.0, 2.0, 2.0, 3.0], 0.01, level=1)
    assert status(control, SHARP) is Status.OPEN  # the untrained stack too
    alike = changed(broad, "breadth", 2.0, 0.01)
    assert status(alike, SHARP) is Status.NOT
    assert status(changed(alike, "breadth", 2.0, 1.0), SHARP) is Status.OPEN
    for here in (broad, alike):
        saturated = of_all(here, "plain", 0.01, temperature=2.5)
        assert status(saturated, SHARP) is Status.OPEN
        assert "from T = 2.5" in fig_14.checks(saturated)[SHARP].reason


def test_a_flow_that_still_moves_is_not_judged(data):
    assert status(data, FLOW) is Status.OPEN  # one machine has no error
    there = changed(data, "flow_K", K_C, 0.001)
    assert status(there, FLOW) is Status.REPRODUCED
    lost = changed(data, "flow_K", 2 * K_C, 0.001)
    assert status(lost, FLOW) is Status.NOT
    away = changed(there, "flow_K", 1.2 * K_C, 0.001, start=T_C, flow_step=26)
    assert status(away, FLOW) is Status.PARTLY
    coming = changed(there, "flow_K", 0.5 * K_C, 0.001, start=5.0)
    assert status(coming, FLOW) is Status.PARTLY
    coming = changed(coming, "flow_K", 0.7 * K_C, 0.001, start=5.0, flow_step=26)
    assert status(coming, FLOW) is Status.REPRODUCED
    assert "from T = 5 it has not ended" in fig_14.checks(coming)[FLOW].reason


def test_what_a_classifier_does_not_know_is_at_an_end_of_its_scale(data):
    missing = changed(data, "K", np.nan, thermometer="classifier")
    for k, end in ((0.01, thermometers.HOT), (0.9, thermometers.COLD)):
        here = layers(missing, "plain", k)
        found = fig_14.saturated(here, "plain", 2.5)
        np.testing.assert_array_equal(found[1:], end)
    read = changed(missing, "K", 0.4, thermometer="classifier")
    assert np.isnan(fig_14.saturated(read, "plain", 2.5)).all()


def test_pictures_and_numbers_are_drawn(data):
    three, growth = fig_14.draw(data)
    assert (three.picture or "").startswith("data:image/svg+xml")
    assert (growth.picture or "").startswith("data:image/svg+xml")
    values, relative, hotter, _ = three.tables
    assert len(values.rows) == len(readings.MAPS) * 9
    assert len(relative.rows) == 3 * (1 + 2 * len(stacks.STACKS))
    assert len(hotter.rows) == 2 * data.sizes["hotter"]


def test_a_computation_that_was_done_is_read_and_not_done_again(
    data, work, monkeypatch
):
    for name in ("_blocks", "_hotter", "_withheld", "_stack", "flow_of"):
        monkeypatch.setattr(readings, name, lambda *_: pytest.fail("again"))
    assert fig_14.compute(QUICK, work).identical(data)
