"""A film rests on every level and dissolves between them; a strip shows all at once."""

import math

import numpy as np
import pytest
from PIL import Image, ImageSequence

from kadanoff.coarse.block import Average, Decimation, Majority, Plurality, VectorSum
from kadanoff.coarse.pooling import Convolution
from kadanoff.coarse.rotated import StarMajority, TileMajority, TilePlurality
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.models.lattice import geometry
from kadanoff.reports.cells import box_of
from kadanoff.reports.zoom import (
    BETWEEN,
    FRAME,
    GAP,
    REST,
    SIDE,
    TITLE,
    _scale,
    film,
    picture,
    save_film,
    strip,
)

HEXAGONS, HONEYCOMB = geometry("triangular", (9, 9)), geometry("honeycomb", (4, 4))
PAPER = 255


def zoomed(fine, *rules):
    return list(Stack(rules).levels(fine, seed=1))


def spins(grid=None, alphabet="pm1", seed=1):
    grid, rng = grid or Grid((16, 16)), np.random.default_rng(seed)
    shape = (4, 2, *grid.lattice)
    values = {
        "pm1": rng.choice([-1, 1], shape),
        "potts:3": rng.integers(0, 3, shape),
        "angle": rng.uniform(-math.pi, math.pi, shape),
        "real": rng.normal(size=shape),
    }
    return Ensemble.from_values(values[alphabet], grid, alphabet=alphabet)


@pytest.fixture
def levels():
    return zoomed(spins(), Majority(2), Majority(2))


def inside(frame, chain=0):
    """The place of the pictures, (SIDE, SIDE, 3)."""
    left = chain * (SIDE + 2 * GAP) + GAP
    return frame[TITLE + GAP : TITLE + GAP + SIDE, left : left + SIDE]


def test_a_film_begins_and_ends_with_the_levels_themselves(levels):
    frames = list(film(levels, rows=2))
    assert len(frames) == 3 * REST + 2 * BETWEEN
    assert frames[0].shape == (TITLE + SIDE + 2 * GAP, 2 * (SIDE + 2 * GAP), 3)
    for frame, level in ((frames[0], levels[0]), (frames[-1], levels[-1])):
        for chain in (0, 1):
            sites = level.shape[0]
            centres = (np.arange(sites) * 2 + 1) * SIDE // (2 * sites)
            seen = inside(frame, chain)[np.ix_(centres, centres)]
            assert (
                np.where(seen < 128, 1, -1) == level.values[chain, 0, ..., None]
            ).all()
    middle = inside(frames[REST + BETWEEN // 2])
    assert len(np.unique(middle[8:-8, 8:-8])) > 2
    assert len(np.unique(inside(frames[0])[8:-8, 8:-8])) == 2


def pixels_of(grid, box, positions):
    """Row and column of positions in the picture of a film, wrapped into the box."""
    share = (positions - box.corner) @ np.linalg.inv(box.periods) % 1
    places = box.corner + share @ box.periods - box.outline.min(axis=0)
    zoom = SIDE / box.sides.max()
    missing = (SIDE - (box.sides * zoom).round()) // 2
    return (places * zoom + missing).astype(int)


@pytest.mark.parametrize(
    ("grid", "rules"),
    [
        (Grid((16, 16)), (StarMajority(2), StarMajority(2))),
        (Grid((16, 16)), (Decimation(2), TileMajority(2))),
        (HEXAGONS, (TileMajority(3), Majority(3))),
        (HONEYCOMB, (TileMajority(2), Majority(2))),
    ],
    ids=["stars", "kept", "triangles", "honeycomb"],
)
def test_every_site_is_drawn_where_it_is(grid, rules):
    levels = zoomed(spins(grid), *rules)
    box = box_of(grid)
    shots = list(film(levels, rows=1))[:: REST + BETWEEN]
    for frame, level in zip(shots, levels, strict=True):
        rows, columns = pixels_of(level.grid, box, level.grid.positions()).T
        seen = np.where(inside(frame)[rows, columns, 0] < 128, 1, -1)
        assert np.array_equal(seen, level.values[0, 0].ravel())
        # The control: as an array, which only a lattice along the axes is drawn like.
        if len(level.grid.lattice) == 2:
            along = [np.arange(n) * SIDE // n + SIDE // (2 * n) for n in level.shape]
            array = np.where(inside(frame)[np.ix_(*along)][..., 0] < 128, 1, -1)
            basis = np.array(level.grid.basis)
            straight = np.allclose(basis, np.diag(np.diag(basis)))
            assert np.array_equal(array, level.values[0, 0]) == straight


def test_a_film_of_a_long_lattice_keeps_its_shape():
    (frame, *_) = film([Ensemble.from_values(np.ones((2, 1, 4, 8)))], rows=1)
    dark = inside(frame)[..., 0] < 128
    assert abs(dark.sum() - SIDE * SIDE // 2) < 4 * SIDE  # the line around it
    assert dark[SIDE // 2].all()
    assert not dark[SIDE // 8].any()


def test_a_film_is_a_gif_of_all_frames(levels, tmp_path):
    save_film(film(levels, rows=1), tmp_path / "zoom.gif")
    with Image.open(tmp_path / "zoom.gif") as image:
        durations = [shot.info["duration"] for shot in ImageSequence.Iterator(image)]
        assert len(durations) > 2 * BETWEEN  # frames that are alike are joined
        assert sum(durations) == FRAME * (3 * REST + 2 * BETWEEN)


def colours_in(frame):
    """Colours of the pictures that many pixels have."""
    colours, counts = np.unique(
        inside(frame)[8:-8, 8:-8].reshape(-1, 3), axis=0, return_counts=True
    )
    return {tuple(c) for c in colours[counts > 20].tolist()}


def test_states_have_a_colour_each_on_every_level():
    levels = zoomed(spins(alphabet="potts:3"), Plurality(2), TilePlurality(2))
    shots = list(film(levels, rows=1))[:: REST + BETWEEN]
    drawn = [colours_in(shot) for shot in shots]
    assert len(drawn[0]) == 3
    assert all(colours <= drawn[0] for colours in drawn)
    scale = _scale("potts:3", [np.zeros((1, 1))])
    named = scale.cmap(scale.norm(levels[0].values[0, 0]))[..., :3]
    half = SIDE // 32
    seen = inside(shots[0])[half :: 2 * half, half :: 2 * half] / 255
    assert np.allclose(seen, named, atol=0.01)


def test_angles_have_a_cyclic_scale():
    scale = _scale("angle", [np.zeros((1, 1))])
    low, middle, high = (
        scale.cmap(float(scale.norm(x))) for x in (-math.pi, 0.0, math.pi)
    )
    assert np.allclose(low, high, atol=0.02)
    assert not np.allclose(low, middle, atol=0.3)
    assert scale.ticks is not None
    assert [*scale.ticks.values()] == ["-π", "0", "π"]


def test_real_values_have_a_scale_about_zero_as_wide_as_they_are():
    scale = _scale("real", [np.array([[1.0, -3.0], [np.nan, 2.0]])])
    assert (scale.norm.vmin, scale.norm.vmax) == (-3, 3)
    flat = _scale("real", [np.zeros((2, 2))])
    assert (flat.norm.vmin, flat.norm.vmax) == (-1, 1)


def test_many_states_have_colours_of_their_own():
    scale = _scale("potts:40", [np.zeros((1, 1))])
    assert len({tuple(c) for c in scale.cmap(scale.norm(np.arange(40))).tolist()}) == 40
    assert scale.ticks is not None
    assert len(scale.ticks) <= 12


def titles(figure):
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


def bars(figure):
    """Labels of the scales of a strip."""
    return [
        [label.get_text() for label in ax.get_xticklabels()]
        for ax in figure.axes
        if ax.get_label() == "<colorbar>"
    ]


SCALES = {
    "pm1": ((Majority(2), Majority(2)), 0),
    "potts:3": ((Plurality(2), Plurality(2)), 1),
    "angle": ((VectorSum(2), VectorSum(2)), 1),
    "real": ((Average(2), Average(2)), 3),  # each level its own
}


@pytest.mark.parametrize("alphabet", SCALES)
def test_a_strip_shows_what_its_colours_are(alphabet):
    rules, expected = SCALES[alphabet]
    figure = strip(zoomed(spins(alphabet=alphabet), *rules), rows=2)
    assert titles(figure) == ["16×16", "8×8", "4×4"]
    assert len(bars(figure)) == expected
    if alphabet == "potts:3":
        assert bars(figure) == [["0", "1", "2"]]
    mixed = strip(zoomed(spins(), Majority(2), Average(2)), rows=2)
    assert len(bars(mixed)) == 1


def test_every_feature_map_is_shown_under_its_number():
    kernels = np.random.default_rng(0).normal(size=(3, 2, 2))
    levels = zoomed(spins(), Majority(2), Convolution(kernels, 2, "sign"))
    maps = ["4×4\nmap 0", "4×4\nmap 1", "4×4\nmap 2"]
    assert titles(strip(levels)) == ["16×16", "8×8", *maps]
    assert len(list(film(levels, rows=1))) == 5 * REST + 4 * BETWEEN
    for m in range(3):
        assert np.array_equal(picture(levels[-1], 1, map=m), levels[-1].values[1, 0, m])


def test_the_plane_that_is_shown_is_named():
    levels = zoomed(spins(Grid((4, 4, 8))), Majority(2))
    assert titles(strip(levels)) == ["4×4×8\nplane x = 0", "2×2×4\nplane x = 0.5"]
    assert np.array_equal(picture(levels[0], 2), levels[0].values[2, 0, 0])
    four = spins(Grid((2, 2, 3, 4)))
    assert titles(strip([four])) == ["2×2×3×4\nplane x = 0, y = 0"]
    assert np.array_equal(picture(four, 0), four.values[0, 0, 0, 0])
    assert titles(strip([spins(HONEYCOMB)])) == ["4×4 cells of 2"]


def test_chains_and_units_without_positions():
    chain = spins(Grid((32,)))
    assert np.array_equal(picture(chain, 1), chain.values[1, :1])
    assert titles(strip(zoomed(chain, Majority(2)))) == ["32", "16"]
    units = Ensemble.from_values(np.ones((2, 1, 5)), Unordered(5))
    folded = picture(units, 0)
    assert folded.shape == (2, 3)
    assert np.isnan(folded[1, 2])
    assert np.nansum(folded) == 5
    (frame, *_) = film([spins(), units], rows=1)
    assert titles(strip([units])) == ["5 units"]
    (last, *_) = film([units], rows=1)
    assert (
        np.mean(inside(last)[SIDE // 2 + 8 : -50, -40:-8] == PAPER) == 1
    )  # no unit there
    assert np.mean(inside(last)[SIDE // 2 + 8 : -50, 8:40] == 0) == 1
    assert frame.dtype == np.uint8


@pytest.mark.parametrize("draw", [strip, lambda *a, **k: list(film(*a, **k))])
def test_nothing_to_show_is_refused(draw, levels):
    with pytest.raises(ValueError, match="at least one level and one row"):
        draw([], rows=1)
    with pytest.raises(ValueError, match="got 3 levels and 0 rows"):
        draw(levels, rows=0)
