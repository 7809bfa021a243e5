"""Layers on a scorecard: block spins pass, noise fails, claims follow the numbers."""

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.mehta2014.by_layer import MAJORITY
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    CRITICAL,
    LAYERS,
    LOCAL,
    PAPER,
    UNTRAINED,
)
from kadanoff.experiments.mehta2014.layers import EXHIBIT, READINGS, aspects


@pytest.fixture(scope="module")
def found(two_dimensional):
    return two_dimensional("layers")


def test_block_spins_put_in_place_are_majority(found):
    """The arrangement finds units that were only numbered; Kadanoff's rule at p = 4."""
    network, votes = (found.sel(row=r, layer=1) for r in (BLOCKS, MAJORITY))
    assert float(network["shift"]) > 0.97
    assert float(network["width"]) == pytest.approx(float(votes["width"]), abs=0.03)
    assert float(network["width"]) == pytest.approx(1, abs=0.03)
    assert float(network["cost"].fillna(0)) < 1.5


def as_blocks(dataset, *rows):
    """A copy in which these rows are block spins."""
    copy = dataset.copy(deep=True)
    for name in READINGS:
        for part in (name, f"{name}_error"):
            for row in rows:
                copy[part].loc[{"row": row}] = copy[part].sel(row=BLOCKS)
    return copy


def test_noise_fails_what_block_spins_pass(found):
    passed = aspects(found, BLOCKS, 1)
    assert {"width", "shift"} <= passed.keys()
    assert all(passed.values())
    noise = aspects(found, UNTRAINED, 1)
    assert noise["shift"] is False
    assert noise["width"] is None  # without a reading it is on neither side


def test_what_block_spins_do_not_show_is_not_asked(found):
    blind = found.copy(deep=True)
    blind["width"].loc[{"row": BLOCKS}] = np.nan
    assert "width" not in aspects(blind, PAPER, 1)
    names = [CRITICAL if r == LOCAL else r for r in found["row"].values]
    assert "slope" not in aspects(found.assign_coords(row=names), CRITICAL, 1)
    assert "slope" in aspects(found, LOCAL, 1)


def test_a_width_beyond_the_block_is_unlike_it(found):
    wide = found.copy(deep=True)
    wide["width"].loc[{"row": PAPER, "layer": 1}] = 4.0
    wide["width_error"].loc[{"row": PAPER, "layer": 1}] = 0.1
    assert aspects(wide, PAPER, 1)["width"] is False


def test_claims_follow_the_numbers(found):
    before = EXHIBIT.checks(found)
    assert len(before) == 3 * len(LAYERS)
    assert before[0].status is Status.REPRODUCED
    assert before[3].status is Status.NOT
    assert all("control without training" in c.reason for c in before[3:])
    after = EXHIBIT.checks(as_blocks(found, PAPER))
    assert after[3].status is Status.REPRODUCED
    assert "as in width, shift" in after[3].reason


def test_each_layer_has_a_calibration_of_its_own(found):
    """Noise that passes in the second layer leaves the first one's calibration."""
    loud = found.copy(deep=True)
    for name in READINGS:
        for part in (name, f"{name}_error"):
            at = {"row": UNTRAINED, "layer": 2}
            loud[part].loc[at] = loud[part].sel(row=BLOCKS, layer=2)
    one, two, three = (c.status for c in EXHIBIT.checks(loud)[: len(LAYERS)])
    assert (one, two) == (Status.REPRODUCED, Status.NOT)
    assert three is Status.OPEN
    loud["shift"].loc[{"row": UNTRAINED, "layer": 2}] = 0.1
    loud["shift_error"].loc[{"row": UNTRAINED, "layer": 2}] = 0.1
    assert EXHIBIT.checks(loud)[1].status is Status.REPRODUCED


def test_a_layer_is_like_block_spins_only_where_noise_is_not(found):
    """Where noise passes too, passing says nothing; failing still does."""
    ideal = as_blocks(found, PAPER, UNTRAINED)
    first, local = EXHIBIT.checks(ideal)[3], EXHIBIT.checks(ideal)[6]
    assert first.status is Status.OPEN
    assert "noise is not told" in first.reason
    assert local.status is Status.NOT


def test_one_training_is_said_and_not_judged(found):
    once = as_blocks(found, PAPER)
    for name in READINGS:
        once[f"{name}_error"].loc[{"row": PAPER}] = np.nan
    seeds = np.where(once["row"] == PAPER, 1, once["seeds"])
    once = once.assign_coords(seeds=("row", seeds))
    checks = EXHIBIT.checks(once)[3:6]
    assert {c.status for c in checks} == {Status.OPEN}
    assert all("one training" in c.reason for c in checks)
    (section,) = EXHIBIT.draw(once)
    for table in section.tables:
        verdicts = {row[0]: row[-1] for row in table.rows}
        assert verdicts[PAPER] == "one training"
        assert verdicts[LOCAL] != "one training"


def test_pictures_have_what_was_read_and_what_is_asked(found, monkeypatch):
    """No panel without readings, and the limits lie within every panel."""
    drawn = []
    monkeypatch.setattr(
        "kadanoff.experiments.mehta2014.layers.data_uri", lambda fig: drawn.append(fig)
    )
    (section,) = EXHIBIT.draw(found)
    assert [table.header[0] for table in section.tables] == [
        f"layer {level}" for level in LAYERS
    ]
    (fig,) = drawn
    assert np.isnan(found["T"]).all()  # fast settings take no temperatures
    assert len(fig.axes) == 3
    width, shift, slope = fig.axes
    assert width.get_ylim()[1] > 8
    assert shift.get_ylim()[0] < 0.9 < shift.get_ylim()[1]
    limit = float(found["slope"].sel(row=MAJORITY, layer=1)) + 0.05
    assert slope.get_ylim()[0] < limit < slope.get_ylim()[1]
    heated = found.assign(T=found["width"])
    EXHIBIT.draw(heated)
    assert len(drawn[1].axes) == 4
