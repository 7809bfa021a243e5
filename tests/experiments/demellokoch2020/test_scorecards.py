"""Every layer on one scorecard: block spins pass, untied layers do not, and why."""

import numpy as np
import pytest

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.experiments.demellokoch2020 import scorecards
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.scorecards import verdicts
from kadanoff.experiments.demellokoch2020.scorecards.verdicts import LAYERS
from kadanoff.experiments.exhibit import Status, Work

FIRST, SECOND, TIED = "plain, first layer", "local, second layer alone", "one filter"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(0, tmp_path_factory.mktemp("scorecards"), lambda *_: None)


@pytest.fixture(scope="module")
def data(work):
    return scorecards.compute(scorecards.FAST, work)


def check(data, m):
    return scorecards.checks(data)[1 + LAYERS.index(m)]


def changed(data, m, **readings):
    """The same data with other readings of one map, as `name=(value, error)`."""
    new = data.copy(deep=True)
    for name, pair in readings.items():
        for suffix, number in zip(("", "_error"), pair, strict=True):
            new[f"{name}{suffix}"].loc[{"map": m}] = number
    return new


GOOD = {"width": (1.0, 0.01), "shift": (0.99, 0.01), "slope": (0.01, 0.001)}
NOTHING = (np.nan, 0.0)


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
    found = scorecards.faults(data, FIRST)
    assert found["covariant"] is False
    assert found["field"] is False
    assert check(data, FIRST).status is Status.NOT


def test_one_filter_commutes_with_shifts(data):
    assert scorecards.faults(data, TIED)["covariant"] is True


def test_the_sign_of_a_magnetization_is_one_value_everywhere(work):
    low = drawn(work, (8, 8), 2.3, 64, purpose="sign", chains=4)
    made = scorecards._sign(low, coarsen(Majority(b=2), low, seed=1))
    signs = made.values.reshape(-1, 16)
    assert np.all(signs == signs[:, :1])
    m = low.values.reshape(-1, 64).astype(int).sum(axis=1)
    assert np.all(signs[m != 0, 0] == np.sign(m[m != 0]))


def test_a_missing_width_decides_nothing(data):
    """A unit whose response is lost in noise is not thereby wide."""
    other = changed(changed(data, TIED, **GOOD), TIED, width=NOTHING)
    assert scorecards.faults(other, TIED)["local"] is None
    assert check(other, TIED).status is Status.OPEN
    assert "no direct response out of the noise" in check(other, TIED).ours
    assert check(changed(other, TIED, width=(3.0, 0.1)), TIED).status is Status.PARTLY
    assert check(changed(other, TIED, width=(1.0, 0.1)), TIED).status is (
        Status.REPRODUCED
    )


def test_statuses_follow_the_numbers(data):
    passed = changed(data, FIRST, **GOOD)
    assert check(passed, FIRST).status is Status.REPRODUCED
    assert check(changed(passed, FIRST, slope=(0.3, 0.01)), FIRST).status is (
        Status.PARTLY
    )
    failed = changed(data, "majority", slope=(-0.3, 0.01))
    assert scorecards.checks(failed)[0].status is Status.PARTLY
    assert scorecards.faults(failed, FIRST)["field"] is None
    unknown = changed(data, "majority", width=(1.0, 5.0))
    assert scorecards.faults(unknown, FIRST)["local"] is None


def test_the_second_layer_is_told_only_where_its_controls_are_apart(data):
    """Majority of the first layer must pass and the sign of it must not."""
    above = [f"local, {what}" for what in verdicts.ABOVE_FIRST]
    good = {n: GOOD[n] for n in ("width", "slope")}
    bad = {"width": (4.0, 0.1), "slope": (0.2, 0.01)}
    blocks = changed(changed(data, SECOND, **good), above[0], **good)
    apart, alike = changed(blocks, above[1], **bad), changed(blocks, above[1], **good)
    assert check(apart, SECOND).status is Status.REPRODUCED
    assert check(changed(apart, SECOND, **bad), SECOND).status is Status.NOT
    assert check(alike, SECOND).status is Status.OPEN
    assert "cannot be told" in check(alike, SECOND).reason
    assert check(changed(apart, above[0], **bad), SECOND).status is Status.OPEN


def test_every_layer_is_counted_once(data):
    found = scorecards.by_verdict(data)
    assert sorted(m for names in found.values() for m in names) == sorted(LAYERS)
    assert FIRST in found["fail"]
    assert FIRST in scorecards.by_verdict(changed(data, FIRST, **GOOD))["pass"]


def test_only_what_the_text_says_is_attributed_to_it(data):
    similar = [m for m in LAYERS if "very similar" in check(data, m).paper]
    assert similar == ["plain, both layers", "local, both layers"]


def test_exponents_are_named_only_where_they_were_read(data):
    assert "y_T" not in check(data, FIRST).ours
    own = changed(data, FIRST, y_T=(0.9, 0.1), y_H=(1.8, 0.1))
    assert "over its own steps" in check(own, FIRST).ours
    one = changed(own, FIRST, y_T_above=(0.9, 0.1), y_H_above=(1.8, 0.1))
    assert "between majority blocks" in check(one, FIRST).ours


def test_probes_that_were_done_are_read(data, work, monkeypatch):
    monkeypatch.setattr(scorecards, "_card", lambda *_: pytest.fail("again"))
    assert scorecards.compute(scorecards.FAST, work).identical(data)


def test_picture_and_table(data):
    (section,) = scorecards.draw(data)
    assert (section.picture or "").startswith("data:image/svg+xml")
    assert len(section.tables[0].rows) == len(scorecards.MAPS)
