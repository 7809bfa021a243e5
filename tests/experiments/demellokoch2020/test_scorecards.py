"""Every layer on one scorecard: block spins pass, untied layers do not, and why."""

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020 import scorecards
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("scorecards"), lambda *_: None)
    return scorecards.compute(scorecards.FAST, work)


def status(data, m):
    places = {name: k for k, name in enumerate(scorecards.MAPS)}
    return scorecards.checks(data)[1 + places[m] - len(scorecards.BLOCKS)].status


def test_every_map_is_read(data):
    assert list(data["map"].values) == list(scorecards.MAPS)
    assert np.isfinite(data["slope"]).all()
    assert int(data["b"].sel(map="local, both layers")) == 4


def test_block_spins_pass(data):
    for m in ("block average", "majority"):
        assert set(scorecards.faults(data, m).values()) == {True}
    assert scorecards.checks(data)[0].status is Status.REPRODUCED


def test_an_average_is_covariant_exactly_and_its_block_is_as_wide_as_it_is(data):
    """Four sites √½ away: the direct response has that width but for noise."""
    average = data.sel(map="block average")
    assert average["shift"].item() == pytest.approx(1, abs=1e-12)
    assert average["flip"].item() == pytest.approx(1, abs=1e-12)
    assert 0.5**0.5 - 0.05 < average["width"].item() < 1.2


def test_an_untied_layer_of_little_training_is_no_coarse_graining(data):
    found = scorecards.faults(data, "CD-1, first layer")
    assert found["local"] is False
    assert found["field"] is False
    assert status(data, "CD-1, first layer") is Status.NOT


def test_one_filter_commutes_with_shifts(data):
    assert scorecards.faults(data, "one filter")["covariant"] is True


def test_statuses_follow_the_numbers(data):
    m = "CD-1, first layer"
    passed, failed = data.copy(deep=True), data.copy(deep=True)
    for name in data.data_vars:
        passed[name].loc[{"map": m}] = data[name].sel(map="majority")
    assert status(passed, m) is Status.REPRODUCED
    passed["slope"].loc[{"map": m}] = 0.3
    assert status(passed, m) is Status.PARTLY
    failed["slope"].loc[{"map": "majority"}] = -0.3
    assert scorecards.checks(failed)[0].status is Status.PARTLY
    unknown = data.copy(deep=True)
    unknown["width_error"].loc[{"map": "majority"}] = 5.0
    assert scorecards.faults(unknown, m)["local"] is None


def test_picture_and_table(data):
    (section,) = scorecards.draw(data)
    assert (section.picture or "").startswith("data:image/svg+xml")
    assert len(section.tables[0].rows) == len(scorecards.MAPS)
