"""Every layer on one scorecard: block spins pass, untied layers do not, and why."""

import numpy as np
import pytest

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.experiments.demellokoch2020 import scorecards
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.scorecards import verdicts
from kadanoff.experiments.demellokoch2020.scorecards.verdicts import LAYERS
from kadanoff.experiments.demellokoch2020.scorecards.votes import (
    Votes,
    blocks_withheld,
    scattered,
)
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.geometry import Grid

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


def test_block_spins_pass_and_what_learned_nothing_does_not(data):
    for m in ("block average", "majority"):
        assert set(scorecards.faults(data, m).values()) == {True}
    blank = changed(data, verdicts.UNTRAINED, shift=(0.05, 0.01))
    blank = changed(blank, verdicts.WITHHELD[0], **GOOD)
    assert calibration(blank).status is Status.REPRODUCED
    assert "thus not enough" in calibration(blank).reason
    seen = changed(blank, verdicts.UNTRAINED, **GOOD)
    assert calibration(seen).status is Status.PARTLY
    blind = changed(blank, verdicts.WITHHELD[0], shift=(0.8, 0.01))
    assert calibration(blind).status is Status.PARTLY
    noisy = changed(blank, verdicts.WITHHELD[0], shift=(0.8, 0.1))
    assert calibration(noisy).status is Status.OPEN
    averages = changed(blank, verdicts.DECIMATION, slope=(0.3, 0.01))
    assert "not enough" not in calibration(averages).reason


def calibration(data):
    return scorecards.checks(data)[0]


def test_blocks_whose_places_are_withheld_are_put_back(data):
    """C within 4 errors of 1, beside windows at random places, which are far below."""
    for m in verdicts.WITHHELD:
        here = data.sel(map=m)
        assert abs(here["shift"] - 1) < 4 * max(here["shift_error"].item(), 0.005)
    for m in verdicts.SCATTERED:
        assert data["shift"].sel(map=m) < 0.7


def test_votes_of_blocks_are_majority_in_another_order(work):
    """Odd windows, which have no ties."""
    fine = drawn(work, (9, 9), 2.3, 64, purpose="votes", chains=4)
    votes = blocks_withheld(9, 3, np.random.default_rng(1))
    one = votes(fine.values[0], fine.geometry, rng=np.random.default_rng(2))
    rule = Majority(b=3)
    other = rule(fine.values[0], fine.geometry, rng=np.random.default_rng(3))
    where = [x // 3 * 3 + y // 3 for x, y in votes.corners]
    assert where != sorted(where)
    assert np.array_equal(one, other.reshape(len(other), -1)[:, where])


def test_a_window_wraps_around_and_ties_are_tossed():
    spins = np.ones((4096, 4, 4), np.int8)
    spins[:, 0, 0] = spins[:, 3, 3] = -1
    votes = Votes(((3, 3), (0, 1)), 2)
    found = votes(spins, Grid((4, 4)), rng=np.random.default_rng(4))
    assert np.all(found[:, 1] == 1)
    assert abs(found[:, 0].mean()) < 4 / 64  # level 6e-5


def test_windows_at_random_places_are_as_many_as_blocks():
    votes = scattered(32, 4, np.random.default_rng(5))
    assert len(votes.corners) == 64
    assert any(x % 4 or y % 4 for x, y in votes.corners)
    assert max(max(corner) for corner in votes.corners) < 32


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
    assert "first layer, untrained" in check(data, FIRST).reason


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
    assert "no width (a direct response out of" in check(other, TIED).ours
    assert check(changed(other, TIED, width=(3.0, 0.1)), TIED).status is Status.NOT
    assert "one site" in check(changed(other, TIED, width=(0.0, 0.0)), TIED).ours
    assert check(changed(other, TIED, width=(1.0, 0.1)), TIED).status is (
        Status.REPRODUCED
    )


def test_statuses_follow_the_numbers(data):
    withheld = verdicts.WITHHELD[0]
    passed = changed(changed(data, FIRST, **GOOD), withheld, **GOOD)
    assert check(passed, FIRST).status is Status.REPRODUCED
    one = changed(passed, FIRST, slope=(0.3, 0.01))
    assert check(one, FIRST).status is Status.NOT
    assert FIRST in scorecards.by_verdict(one)["fail"]
    failed = changed(passed, "majority", slope=(-0.3, 0.01))
    assert calibration(failed).status is not Status.REPRODUCED
    assert scorecards.faults(failed, TIED)["field"] is None
    unknown = changed(passed, withheld, width=(1.0, 5.0))
    assert scorecards.faults(unknown, FIRST)["local"] is None


def test_a_layer_is_told_only_where_blocks_can_be_put_back(data):
    """An arrangement that misplaces exact block spins says nothing of a layer."""
    good = changed(changed(data, FIRST, shift=(0.3, 0.01)), TIED, shift=(0.3, 0.01))
    bad = changed(good, verdicts.WITHHELD[0], shift=(0.8, 0.01))
    assert scorecards.faults(bad, FIRST)["covariant"] is None
    assert scorecards.faults(bad, TIED)["covariant"] is False
    assert "by C more covariant than" in (
        check(changed(data, FIRST, shift=(0.8, 0.01)), FIRST).reason
    )
    assert "by C less covariant than 2×2 votes" in (
        check(changed(data, FIRST, shift=(0.05, 0.01)), FIRST).reason
    )


def test_aspects_that_fail_are_counted_of_dense_layers(data):
    every = data
    for m in LAYERS:
        every = changed(every, m, **GOOD)
    assert set(scorecards.failing(every).values()) == {0}
    other = changed(changed(every, FIRST, shift=(0.1, 0.01)), TIED, shift=(0.1, 0.01))
    assert scorecards.failing(other)["covariant"] == 1


def test_the_second_layer_is_told_only_where_its_controls_are_apart(data):
    """Majority of the first layer must pass and the sign of it must not."""
    above = [f"local, {what}" for what in verdicts.ABOVE_FIRST]
    good, bad = {"slope": GOOD["slope"]}, {"slope": (0.2, 0.01)}
    blocks = changed(changed(data, SECOND, **good), above[0], **good)
    apart, alike = changed(blocks, above[1], **bad), changed(blocks, above[1], **good)
    assert scorecards.faults(apart, SECOND)["field"] is True
    assert check(apart, SECOND).status is Status.OPEN  # neither range nor shifts
    assert check(changed(apart, SECOND, **bad), SECOND).status is Status.NOT
    assert check(changed(alike, SECOND, **bad), SECOND).status is Status.OPEN
    assert "cannot be told" not in check(apart, SECOND).reason
    assert "cannot be told" in check(alike, SECOND).reason
    assert check(changed(apart, above[0], **bad), SECOND).status is Status.OPEN


def test_every_layer_is_counted_once(data):
    found = scorecards.by_verdict(data)
    assert sorted(m for names in found.values() for m in names) == sorted(LAYERS)
    assert FIRST in found["fail"]
    good = changed(changed(data, FIRST, **GOOD), verdicts.WITHHELD[0], **GOOD)
    assert FIRST in scorecards.by_verdict(good)["pass"]


def test_only_what_the_text_says_is_attributed_to_it(data):
    similar = [m for m in LAYERS if "very similar" in check(data, m).paper]
    assert similar == ["plain, both layers", "local, both layers"]
    ours = [m for m in LAYERS if check(data, m).claim.startswith("Tested here: ")]
    assert {m for m in LAYERS if "both" in m or "b = 4" in m}.isdisjoint(ours)
    assert TIED in ours


def test_a_pair_of_layers_has_no_width(data):
    for m in verdicts.PAIRS:
        assert np.isnan(data["width"].sel(map=m))
        assert scorecards.faults(data, m)["local"] is None
    assert "sites" not in check(data, SECOND).ours


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
