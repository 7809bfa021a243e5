"""Products flat and deep: counts, certificates with their premises, and trainings."""

import dataclasses
import functools

import numpy as np
import pytest
import xarray as xr

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import depth
from kadanoff.expressivity import depth as depth_of
from kadanoff.expressivity.rank import product_certificate


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return depth.compute(depth.FAST, work)


def statuses(dataset):
    return [check.status for check in depth.checks(dataset)]


def test_all_claims_come_out_and_are_drawn(data):
    good = Status.REPRODUCED
    assert statuses(data) == [good, good, good, Status.PARTLY, Status.OPEN, Status.OPEN]
    (section,) = depth.draw(data)
    assert str(section.picture).startswith("data:image/svg")
    assert section.tables[0].rows[0][1] == str(2**32)


@pytest.mark.parametrize("premise", depth.PREMISES, ids=lambda p: p.name)
def test_each_premise_is_needed(premise):
    """Without it fewer neurons multiply, with the power told; with it they cannot."""
    assert len(premise.rows) < 2**premise.inputs
    assert not product_certificate(premise.rows).possible
    coarse, fine = (depth.layer_error(premise, l) for l in (2.0**-6, 2.0**-7))
    assert np.log2(coarse / fine) == pytest.approx(premise.order, abs=0.07)
    for order in premise.degrees:
        if order > 0:
            assert not premise.activation.vanishes(order, premise.bias)
    missing = set(range(premise.inputs + 1)) - set(premise.degrees)
    for order in missing:
        size = abs(premise.activation.derivative(order, premise.bias))
        assert size < 1e-12


def test_neurons_that_cannot_multiply_are_refused():
    first = depth.PREMISES[0]
    with pytest.raises(ValueError, match="neurons that multiply are required"):
        depth.layer_error(dataclasses.replace(first, constant=False), 0.1)


def test_certificates_find_nothing_below_two_to_the_n(data):
    """Nor with any neuron of the gate left out, which is the hardest case."""
    assert not data.able.any()
    assert not data.less_able.any()
    assert data.signs_able.all()
    assert float(data.least_2[-1]) < 1e-9 < 0.1 < float(data.least_2[-2])


@pytest.mark.parametrize("name", ["able", "less_able"])
def test_a_layer_that_can_with_fewer_is_seen(data, name):
    able = data.copy(deep=True)
    able[name][0] = 1
    assert statuses(able)[3] is Status.NOT
    proper = data.copy(deep=True)
    proper["without_premise"][:] = 0
    assert statuses(proper)[3] is Status.REPRODUCED


def test_wrong_counts_and_lost_digits_are_seen(data):
    more = data.copy(deep=True)
    more["tree_count"][-1] += 4
    assert statuses(more)[0] is Status.NOT
    off = data.copy(deep=True)
    off["error"][2, -1] = 1e-3
    assert statuses(off)[2] is Status.NOT
    assert statuses(off)[0] is Status.NOT


def trained(data, left):
    """The data set with other trainings of n = 2 to 6, `(n, arm, start)`."""
    new = xr.Dataset(
        {"left": (("trained", "arm", "start"), left)},
        {"trained": range(2, 7), "arm": list(depth.ARMS)},
    )
    rest = data.drop_dims(["trained", "arm", "start"])
    return rest.merge(new, compat="no_conflicts", join="outer")


@pytest.mark.parametrize(
    ("numbers", "starts", "expected"),
    [
        (0, 3, Status.NOT),
        (3, 3, Status.PARTLY),
        (5, 3, Status.REPRODUCED),
        (5, 2, Status.REPRODUCED),
        (5, 1, Status.PARTLY),  # one lucky start of three is no finding
    ],
)
def test_training_is_judged_by_its_median_start(data, numbers, starts, expected):
    left = np.ones((5, len(depth.ARMS), 3))
    tree = list(depth.ARMS).index("tree, 2ⁿ")
    left[:numbers, tree, :starts] = 1e-3
    assert statuses(trained(data, left))[4] is expected


@pytest.mark.parametrize(
    ("powers", "expected"),
    [
        ({"flat": 0, "two layers": -1, "tree": -2}, Status.REPRODUCED),
        ({"flat": 0, "two layers": -1, "tree": -1}, Status.PARTLY),
        ({"flat": 0, "two layers": 0, "tree": 0}, Status.OPEN),
        ({"flat": 0, "two layers": -2, "tree": -1}, Status.NOT),
    ],
)
def test_layers_are_judged_by_what_each_leaves(data, powers, expected):
    rng = np.random.default_rng(1)
    logs = np.array([powers[arm.split(",")[0]] for arm in depth.ARMS])[:, None]
    left = 10.0 ** (logs + 0.01 * rng.normal(size=(5, len(depth.ARMS), 8)))
    assert statuses(trained(data, left))[5] is expected


def test_two_layers_are_trained_where_they_are_no_tree(tmp_path, monkeypatch):
    seen = []

    def recorded(plan, *, neurons, starts, **others):
        seen.append((plan.inputs, plan.depth, neurons))
        return depth_of.Training(plan, neurons, np.ones(starts))

    monkeypatch.setattr(depth, "train", recorded)
    settings = dataclasses.replace(depth.FAST, trained=(4, 5), starts=2)
    work = Work(0, tmp_path, lambda label, done, total: None)
    left = depth._trained(settings, work)["left"]
    between = left.sel(arm=[a for a in left.arm.values if a.startswith("two")])
    assert between.sel(trained=4).isnull().all()
    assert between.sel(trained=5).notnull().all()
    assert [s for s in seen if s[:2] == (5, 2)] == [(5, 2, 16), (5, 2, 32)]
    assert len(seen) == 10


def test_a_killed_study_goes_on_where_it_was(tmp_path, data, monkeypatch):
    """Killed in its fourth training: only those that are missing are done again."""
    real, done = depth.train, []

    def counted(*plan, fatal, **settings):
        if fatal and len(done) == 3:
            raise KeyboardInterrupt
        done.append(plan)
        return real(*plan, **settings)

    work = Work(0, tmp_path, lambda label, done, total: None)
    monkeypatch.setattr(depth, "train", functools.partial(counted, fatal=True))
    with pytest.raises(KeyboardInterrupt):
        depth._trained(depth.FAST, work)
    monkeypatch.setattr(depth, "train", functools.partial(counted, fatal=False))
    again = depth._trained(depth.FAST, work)
    assert len(done) == 8  # two n of four arms
    xr.testing.assert_identical(again["left"], data["left"])
    longer = dataclasses.replace(depth.FAST, steps=depth.FAST.steps + 1)
    depth._trained(longer, work)
    assert len(done) == 16


def test_gradient_descent_multiplies_two_numbers_better_than_a_constant(data):
    assert float(data.left.sel(trained=2).median(skipna=True)) < 0.5
