"""A film rests on every level and dissolves between them; a strip shows all at once."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

from kadanoff.coarse.block import Majority
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.reports.zoom import (
    BETWEEN,
    FRAME,
    GAP,
    REST,
    SIDE,
    film,
    save_film,
    strip,
)


@pytest.fixture
def levels():
    spins = np.random.default_rng(1).choice([-1, 1], (4, 2, 16, 16))
    stack = Stack((Majority(2), Majority(2)))
    return list(stack.levels(Ensemble.from_values(spins), seed=1))


def test_a_film_begins_and_ends_with_the_levels_themselves(levels):
    frames = list(film(levels, rows=2))
    assert len(frames) == 3 * REST + 2 * BETWEEN
    assert frames[0].shape == (SIDE + 2 * GAP, 2 * (SIDE + 2 * GAP))
    for frame, level in ((frames[0], levels[0]), (frames[-1], levels[-1])):
        inner = frame[GAP : GAP + SIDE, GAP : GAP + SIDE]
        sites = level.shape[0]
        centres = (np.arange(sites) * 2 + 1) * SIDE // (2 * sites)
        seen = np.where(inner[np.ix_(centres, centres)] < 128, 1, -1)
        assert (seen == level.values[0, 0]).all()
    middle = frames[REST + BETWEEN // 2]
    assert set(np.unique(frames[0])) == {0, 255}
    assert len(np.unique(middle)) > 2


def test_a_film_of_a_long_lattice_keeps_its_shape():
    spins = np.ones((2, 1, 4, 8))
    (frame, *_) = film([Ensemble.from_values(spins)], rows=1)
    assert (frame == 0).sum() == SIDE * SIDE // 2


def test_a_film_is_a_gif_of_all_frames(levels, tmp_path):
    save_film(film(levels, rows=1), tmp_path / "zoom.gif")
    with Image.open(tmp_path / "zoom.gif") as image:
        durations = [shot.info["duration"] for shot in ImageSequence.Iterator(image)]
        assert len(durations) > 2 * BETWEEN  # frames that are alike are joined
        assert sum(durations) == FRAME * (3 * REST + 2 * BETWEEN)


@pytest.mark.parametrize("draw", [strip, lambda *a, **k: list(film(*a, **k))])
def test_nothing_to_show_is_refused(draw, levels):
    with pytest.raises(ValueError, match="at least one level and one row"):
        draw([], rows=1)
    with pytest.raises(ValueError, match="got 3 levels and 0 rows"):
        draw(levels, rows=0)
