"""White noise: moments of G that follow from independence, and a control."""

import numpy as np
import pytest
from scipy.stats import norm

from kadanoff.experiments.demellokoch2020.fig_12 import EXHIBIT, FAST, different_pairs
from kadanoff.experiments.demellokoch2020.patches import (
    on_torus,
)
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.geometry import Grid


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda *_: None)
    return EXHIBIT.compute(FAST, work)


def test_pairs_are_counted_once():
    pairs = on_torus(Grid((4, 4)))
    many = different_pairs(pairs)
    assert many.sum() == 16 * 15 / 2
    assert many[-1] == 8  # (2, 2) is its own opposite


def test_the_scatter_is_that_of_independent_pairs(found):
    """100 maps: a spread is known to 7 %; five of that for the worst distance."""
    ratio = found["spread"][1:] * np.sqrt(found["pairs"][1:])
    assert abs(ratio - 1).max() < 5 / np.sqrt(200)
    assert found["mean"][0] == pytest.approx(1, abs=5 * np.sqrt(2 / 1024 / 100))
    off = found["mean"][1:] * np.sqrt(found["pairs"][1:] * 100)
    assert abs(off).max() < 5


def test_both_claims_hold_and_follow_the_data(found):
    relation, offset = EXHIBIT.checks(found)
    assert relation.status is not Status.NOT  # 100 maps leave its scatter to 7 %
    assert offset.status is Status.REPRODUCED
    share = (np.arange(100) + 0.5) / 100
    normal = found.assign(slope=("map", norm.ppf(share) * float(found.slope_expected)))
    assert EXHIBIT.checks(normal)[0].status is Status.REPRODUCED
    few = normal.isel(map=slice(0, None, 10))
    assert EXHIBIT.checks(few)[0].status is Status.OPEN
    wide = normal.assign(slope=2 * normal["slope"])
    assert EXHIBIT.checks(wide)[0].status is Status.NOT
    tilted = found.assign(slope=found["slope"] + 3 * found["slope_expected"])
    assert EXHIBIT.checks(tilted)[0].status is Status.NOT
    flat = found.assign(lifted=found["lifted"] - 1)
    assert EXHIBIT.checks(flat)[1].status is Status.NOT


def test_a_picture_is_drawn(found):
    (section,) = EXHIBIT.draw(found)
    assert (section.picture or "").startswith("data:image/svg")
