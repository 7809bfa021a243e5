"""Pooling and block averages: exact symmetries, and answers that change."""

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020 import pooling
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("pooling"), lambda *_: None)
    return pooling.compute(pooling.FAST, work)


def test_maps_without_chance_commute_with_shifts_exactly(data):
    for m in pooling.MAPS:
        if m != "majority":
            assert data["shift"].sel(map=m).item() == pytest.approx(1, abs=1e-5)
    for m in ("average pooling", "block average", "decimation"):
        assert data["flip"].sel(map=m).item() == pytest.approx(1, abs=1e-12)
    assert data["flip"].sel(map="max pooling").item() < 0.9


def test_answers_after_a_whole_block_are_the_same_and_dense_ones_are_not(data):
    changed = data["changed"]
    assert changed.sel(sites=0).max() == 0
    assert changed.sel(network=pooling.NETWORKS[0], sites=[2, 4]).max() < 2e-3
    assert changed.sel(network=pooling.NETWORKS[1], sites=4).item() > 0.1


def test_accuracy_cannot_tell_shifts(data):
    """A shift moves the dense accuracy by less than 5 %; its answers by half."""
    dense = data["accuracy"].sel(network=pooling.NETWORKS[1])
    assert float(np.ptp(dense.values)) < 0.05
    pooled = data["accuracy"].sel(network=pooling.NETWORKS[0], sites=0).item()
    assert pooled > 0.4 > 1 / len(pooling.CLASSES)


def test_statuses_follow_the_numbers(data):
    now = [check.status for check in pooling.checks(data)]
    assert now == [Status.REPRODUCED, Status.REPRODUCED, Status.NOT, Status.REPRODUCED]
    other = data.copy(deep=True).assign_attrs(apart=1e-3)
    other["shift"].loc[{"map": "pooled classifier"}] = 0.5
    for m in ("max pooling", "pooled classifier"):
        other["flip"].loc[{"map": m}] = 1.0
    other["changed"].loc[{"network": pooling.NETWORKS[0]}] = 0.6
    changed = [check.status for check in pooling.checks(other)]
    assert changed == [Status.NOT, Status.NOT, Status.REPRODUCED, Status.NOT]


def test_picture_and_tables(data):
    (section,) = pooling.draw(data)
    assert (section.picture or "").startswith("data:image/svg+xml")
    assert [len(t.rows) for t in section.tables] == [len(pooling.MAPS), 4]
