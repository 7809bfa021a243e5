"""Second rises: units made by hand, periodic images, and what machines show."""

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020.fig_11 import (
    EXHIBIT,
    FAST,
    artificial,
    block_in_box,
)
from kadanoff.experiments.demellokoch2020.patches import (
    in_box,
    patch_correlator,
    spin_field,
)
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.geometry import Grid


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda *_: None)
    return EXHIBIT.compute(FAST, work)


def test_blocks_in_a_box_are_their_exact_maps():
    """All maps ⟨v h⟩ of block averages written out, against the sum over pairs."""
    side = 8
    g = spin_field((side, side))
    block = (g + np.roll(g, 1, 0) + np.roll(g, 1, 1) + np.roll(g, (1, 1), (0, 1))) / 4
    fields = [
        np.roll(block, (2 * x, 2 * y), (0, 1)) for x in range(4) for y in range(4)
    ]
    direct = patch_correlator(np.array(fields), in_box(Grid((side, side))))
    # Pairs of the blocks' own places: G depends on them within the block by < 1e-3.
    np.testing.assert_allclose(block_in_box(side), direct, rtol=1e-3)
    # It comes back by its images, more than half of its fall.
    assert direct[-1] - direct.min() > (direct[0] - direct.min()) / 2


def test_units_made_by_hand_have_their_patches():
    made = artificial(16, np.random.default_rng(0))
    assert made["one patch"].shape == (64, 16, 16)
    assert (made["one patch"].sum(axis=(1, 2)) == 4).all()
    for name in ("two at random", "two half a lattice apart"):
        assert (made[name].sum(axis=(1, 2)) == 8).all()


def test_only_opposite_patches_make_a_rise(found):
    rise = found["hand_rise"].values
    assert abs(rise[:2]).max() < 0.05
    assert rise[2] > 0.5


def test_block_averages_are_the_closed_form(found):
    g, error = (found[f"block averages_varying{e}"].values for e in ("", "_error"))
    expected = (found["expected"] - found["expected_uniform"]).values
    assert (abs(g - expected) < 5 * error).all()


def test_claims_follow_the_data(found):
    same, second, why = EXHIBIT.checks(found)
    assert why.status is Status.NOT
    assert second.status in (Status.OPEN, Status.NOT)
    up = found.assign(rise=abs(found["rise"]) + 1, hand_rise=found["hand_rise"] + 1)
    up = up.assign(ratio=found["ratio"] + 5)
    assert [c.status for c in EXHIBIT.checks(up)] == [
        Status.NOT,
        Status.REPRODUCED,
        Status.OPEN,
    ]
    assert same.claim != second.claim


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert len(sections) == 2
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
