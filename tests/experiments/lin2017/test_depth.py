"""Products flat and deep: counts, certificates with their premises, and trainings."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import depth
from kadanoff.expressivity.rank import product_certificate


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return depth.compute(depth.FAST, work)


def statuses(dataset):
    return [check.status for check in depth.checks(dataset)]


def test_all_claims_come_out_and_are_drawn(data):
    good = Status.REPRODUCED
    assert statuses(data) == [good, good, good, Status.PARTLY, Status.OPEN]
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
    assert (data.largest_rank < 2**data.certified).all()
    assert data.signs_able.all()
    assert float(data.least_2[-1]) < 1e-9 < 0.1 < float(data.least_2[-2])


def test_a_layer_that_can_with_fewer_is_seen(data):
    able = data.copy(deep=True)
    able["able"][0] = 1
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


def test_training_is_judged_by_its_starts(data):
    left = np.ones((5, len(depth.ARMS), 3))
    trained = xr.Dataset(
        {"left": (("trained", "arm", "start"), left)},
        {"trained": range(2, 7), "arm": list(depth.ARMS)},
    )
    rest = data.drop_dims(["trained", "arm", "start"])

    def judged(solved):
        new = trained.copy(deep=True)
        new["left"][:solved, 3, 0] = 1e-3
        return statuses(rest.merge(new, compat="no_conflicts", join="outer"))[4]

    assert [judged(k) for k in (0, 3, 5)] == [
        Status.NOT,
        Status.PARTLY,
        Status.REPRODUCED,
    ]


def test_gradient_descent_multiplies_two_numbers_better_than_a_constant(data):
    assert float(data.left.sel(trained=2).median()) < 0.5
