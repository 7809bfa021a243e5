"""Second rises: units made by hand, periodic images, and what machines show."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020.block_patches import spin_field
from kadanoff.experiments.demellokoch2020.fig_11 import EXHIBIT, FAST
from kadanoff.experiments.demellokoch2020.fig_11.by_hand import (
    artificial,
    block_in_box,
    rise_by_number,
)
from kadanoff.experiments.demellokoch2020.fig_11.layers import MACHINES, RG
from kadanoff.experiments.demellokoch2020.fig_11.pictures import corner_remark
from kadanoff.experiments.demellokoch2020.patches import (
    in_box,
    patch_correlator,
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


def test_the_noise_of_sites_hides_the_images(found):
    """Without it block averages are the closed form at the corners; seen at 5 errors.

    As it stands the reading is thirty times as uncertain as the rise by images.
    """
    here = found.sel(row=RG)
    exact = rise_by_number(found, "r_box", "expected_box")
    assert abs(here["steady_rise"] - exact) < 5 * here["steady_rise_error"]
    assert here["steady_rise_error"] < 0.3 * exact
    assert here["box_rise_error"] > 3 * exact
    g, error = (found[f"{RG}_steady{e}"].values for e in ("", "_error"))
    expected = (found["expected_box"] - found["expected_uniform"]).values
    assert (abs(g - expected) < 6 * error).all()


def test_seeds_are_kept_and_found_again(tmp_path):
    """The second time nothing is trained, and the numbers are the same to the bit."""
    told = []
    work = Work(1, tmp_path, lambda label, *_: told.append(label))
    small = replace(FAST, side=8, draws=128, seeds=2)
    first = EXHIBIT.compute(small, work)
    before = len(told)
    again = EXHIBIT.compute(small, work)
    assert before > 0
    assert len(told) == before
    assert first.identical(again)


def with_machines(found, **readings):
    """The data with readings of both machines changed, their errors small."""
    at = found["row"].isin(list(MACHINES))
    made = {name: found[name].where(~at, value) for name, value in readings.items()}
    errors = {f"{n}_error": found[f"{n}_error"].where(~at, 1e-6) for n in readings}
    return found.assign(made | errors)


def statuses(dataset):
    return [check.status for check in EXHIBIT.checks(dataset)]


@pytest.mark.parametrize(
    ("number", "name", "by_value"),
    [
        (0, "ratio", {1.1: "reproduced", 1.6: "partly", 3.0: "not reproduced"}),
        (1, "rise", {0.1: "reproduced", -0.1: "not reproduced"}),
        (2, "steady_beyond", {0.1: "reproduced", -0.1: "not reproduced"}),
    ],
)
def test_statuses_follow_the_machines(found, number, name, by_value):
    for value, status in by_value.items():
        changed = with_machines(found, **{name: value})
        assert statuses(changed)[number] == status
        noisy = changed.assign({f"{name}_error": changed[f"{name}_error"] + 10})
        assert statuses(noisy)[number] is Status.OPEN


def test_patches_are_judged_by_what_has_one_and_by_what_has_two(found):
    sure = found.assign(steady_rise_error=found["steady_rise_error"] * 0 + 1e-6)
    assert statuses(sure)[3] is Status.NOT
    rising = sure.assign(hand_rise=found["hand_rise"] + 1)
    assert statuses(rising)[3] is Status.PARTLY
    flat = rising.assign(steady_rise=found["steady_rise"] * 0)
    assert statuses(flat)[3] is Status.REPRODUCED
    noisy = found.assign(steady_rise_error=found["steady_rise_error"] + 10)
    assert statuses(noisy)[3] is Status.OPEN


def test_noise_of_the_corners_is_a_remark_and_no_claim(found):
    """Signs and sizes as the data have them, the sign of every third alike."""
    assert len(statuses(found)) == 4
    few = found.drop_vars(["corner_of", "corner_size_of"])
    size = np.full((3, 18), 0.1)
    noise = 1.5 * size * np.array([[1], [1], [-1]])
    noise[2, ::3] *= -1
    made = few.assign(
        corner_of=(("row", "lattice"), noise),
        corner_size_of=(("row", "lattice"), size),
    )
    remark = corner_remark(made)
    assert "is 1.50(25)." in remark
    assert "on 12 of 18 lattices" in remark
    assert remark in EXHIBIT.draw(made)[1].remarks


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert len(sections) == 2
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
    assert "reconstructed" in sections[0].remarks[0]
