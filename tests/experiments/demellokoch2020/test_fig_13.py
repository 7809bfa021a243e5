"""Checkerboards: the transform against the closed form and the definition."""

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020.fig_13 import (
    EXHIBIT,
    FAST,
    checkerboard,
    closed_form,
    peaks,
)
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda *_: None)
    return EXHIBIT.compute(FAST, work)


@pytest.mark.parametrize("square", [1, 2, 4, 8])
def test_the_closed_form_is_the_mean_over_shifts(square):
    board = checkerboard(16, square)
    for step in ((0, 0), (1, 0), (3, 5), (8, 8), (15, 2)):
        shifted = np.roll(board, (-step[0], -step[1]), axis=(0, 1))
        exact = closed_form(16, square)[step]
        assert (board * shifted).mean() == pytest.approx(exact)


def test_the_transform_is_the_closed_form(found):
    assert abs(found["torus"] - found["closed"]).max() < 1e-12


@pytest.mark.parametrize("square", [4, 8, 16])
def test_peaks_are_where_squares_of_one_colour_are(found, square):
    """Exactly the lengths of steps (i b, j b) with i + j even, and no others.

    Of the displacements of one length all must be such: 4√2 · 5 is also (20, 20).
    """
    half, steps = 16, {}
    for x in range(half + 1):
        for y in range(half + 1):
            even = not x % square and not y % square and not (x + y) // square % 2
            steps.setdefault(x * x + y * y, []).append(even)
    expected = [np.sqrt(d) for d, even in sorted(steps.items()) if all(even) and d]
    np.testing.assert_allclose(peaks(found, square), expected)
    assert peaks(found, square)[0] == pytest.approx(square * np.sqrt(2))


def test_claims_follow_the_data(found):
    many, largest = EXHIBIT.checks(found)
    assert many.status is Status.REPRODUCED
    assert largest.status is Status.PARTLY
    flat = found.assign(torus=found["torus"] * 0.5)
    assert EXHIBIT.checks(flat)[0].status is Status.NOT
    falling = found["torus"] * 0 - np.arange(found.sizes["r"])
    boxed = found["box"] * 0 - np.arange(found.sizes["r_box"])
    alike = found.assign(torus=falling, box=boxed)
    assert EXHIBIT.checks(alike)[1].status is Status.REPRODUCED


def test_squares_that_do_not_close_are_refused():
    with pytest.raises(ValueError, match="got 5 on a side of 32"):
        checkerboard(32, 5)


def test_a_picture_is_drawn(found):
    (section,) = EXHIBIT.draw(found)
    assert (section.picture or "").startswith("data:image/svg")
