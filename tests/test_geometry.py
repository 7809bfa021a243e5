"""Positions, distances and blocks, in sites of the original lattice."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.geometry import (
    Grid,
    Unordered,
    geometry_from,
    lattice_steps,
    scale_factor,
    shortest_periods,
)

ROOT3 = math.sqrt(3)
SKEW = ((1.0, 0.0), (0.5, ROOT3 / 2))
ROTATED = ((1.0, 1.0), (1.0, -1.0))
HONEYCOMB = Grid((4, 6), SKEW, ((0.0, 0.0), (0.5, ROOT3 / 6)))
FCC = ((0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))

sides = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
bases = st.sampled_from([(), SKEW, ROTATED, ((1.0, 0.3), (-0.2, 2.0))])
planes = st.builds(Grid, st.tuples(st.integers(1, 9), st.integers(1, 9)), bases)
LATTICES = [
    Grid((7,)),
    Grid((4, 6)),
    Grid((3, 4, 5)),
    Grid((4, 8), SKEW),
    Grid((2, 32), SKEW),
    Grid((32, 2), SKEW),
    Grid((3, 20), ROTATED),
    Grid((2, 3, 8), FCC),
    HONEYCOMB,
    HONEYCOMB.moved_to((0.3, 0.1)),
]


def brute_distance(grid, start, end):
    """The shortest over very many images."""
    periods = np.array(grid.basis) * np.array(grid.shape)[:, None]
    reach = 40 if grid.dimension < 3 else 12
    images = np.array(
        list(itertools.product(range(-reach, reach + 1), repeat=grid.dimension))
    )
    return min(np.linalg.norm(end - start + images @ periods, axis=1))


@pytest.mark.parametrize("grid", LATTICES, ids=str)
def test_distances_are_the_shortest_of_all_images(grid):
    rng = np.random.default_rng(0)
    positions = grid.positions()
    pairs = rng.integers(0, len(positions), (12, 2))
    start, end = positions[pairs[:, 0]], positions[pairs[:, 1]]
    expected = [brute_distance(grid, a, b) for a, b in zip(start, end, strict=True)]
    assert np.allclose(grid.distance(start, end), expected, atol=1e-12)


@pytest.mark.parametrize("grid", LATTICES, ids=str)
def test_a_displacement_leads_to_an_image(grid):
    positions = grid.positions()
    found = grid.displacement(positions[0], positions)
    periods = np.array(grid.basis) * np.array(grid.shape)[:, None]
    turns = (positions[0] + found - positions) @ np.linalg.inv(periods)
    assert np.allclose(turns, np.round(turns))
    assert np.allclose(
        np.linalg.norm(found, axis=1), grid.distance(positions[0], positions)
    )


@settings(deadline=None)
@given(grid=planes, seed=st.integers(0, 1000))
def test_distance_is_a_metric(grid, seed):
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(scale=9, size=(3, grid.dimension))
    ab, bc, ac = grid.distance(a, b), grid.distance(b, c), grid.distance(a, c)
    assert np.isclose(ab, grid.distance(b, a))
    assert grid.distance(a, a) == 0
    assert ac <= ab + bc + 1e-9
    shifted = np.array(grid.basis)[0]
    assert np.isclose(ab, grid.distance(a + shifted, b + shifted))
    assert np.isclose(ab, grid.distance(a + shifted * grid.shape[0], b))


@settings(deadline=None)
@given(shape=sides)
def test_positions_are_the_indices(shape):
    grid = Grid(shape)
    assert np.array_equal(grid.positions(), list(np.ndindex(*shape)))
    assert grid.size == math.prod(shape) == len(grid.positions())
    assert grid.lattice == shape


def test_neighbours_of_known_lattices():
    triangular = Grid((6, 6), SKEW)
    assert (np.isclose(neighbours(triangular), 1)).sum() == 6
    assert (np.isclose(neighbours(HONEYCOMB), 1 / ROOT3)).sum() == 3
    assert (np.isclose(neighbours(Grid((5, 5, 5))), 1)).sum() == 6
    assert HONEYCOMB.lattice == (4, 6, 2)


def neighbours(grid):
    positions = grid.positions()
    return grid.distance(positions[0], positions)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), far=st.integers(0, 30))
def test_shortest_periods_are_the_shortest_of_the_same_lattice(seed, far):
    rng = np.random.default_rng(seed)
    short = np.eye(2) + rng.uniform(-0.2, 0.2, (2, 2))
    skew = np.array([[1, 0], [far, 1]]) @ np.array([[1, far % 5], [0, 1]]) @ short
    found = shortest_periods(skew)
    turned = found @ np.linalg.inv(skew)
    assert np.allclose(turned, np.round(turned), atol=1e-6)
    assert abs(np.linalg.det(turned)) == pytest.approx(1)
    steps = np.array([s for s in itertools.product(range(-4, 5), repeat=2) if any(s)])
    lengths = np.sort(np.linalg.norm(steps @ short, axis=1))[[0, 2]]
    assert np.allclose(np.sort(np.linalg.norm(found, axis=1)), lengths)


def test_areas_of_known_lattices():
    assert Grid((4, 4)).site_area == 1
    assert Grid((4, 4), SKEW).site_area == pytest.approx(ROOT3 / 2)
    assert HONEYCOMB.site_area == pytest.approx(ROOT3 / 4)
    assert Grid((4, 4), ROTATED).site_area == pytest.approx(2)


@settings(deadline=None)
@given(
    small=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    b=st.integers(1, 3),
    c=st.integers(1, 3),
)
def test_coarsening_twice_is_coarsening_once(small, b, c):
    fine = Grid(tuple(side * b * c for side in small))
    twice, once = fine.coarsened(b).coarsened(c), fine.coarsened(b * c)
    assert twice.shape == once.shape
    assert np.allclose(twice.positions(), once.positions())
    assert scale_factor(fine, twice) == pytest.approx(b * c)


@settings(deadline=None)
@given(b=st.integers(1, 4))
def test_a_coarse_site_is_the_mean_of_its_block(b):
    fine = Grid((3 * b, 2 * b), SKEW)
    coarse = fine.coarsened(b)
    blocks = fine.positions().reshape(3, b, 2, b, 2).mean(axis=(1, 3))
    assert np.allclose(coarse.positions(), blocks.reshape(-1, 2))
    assert np.array_equal(
        np.array(coarse.basis) * np.array(coarse.shape)[:, None],
        np.array(fine.basis) * np.array(fine.shape)[:, None],
    )


def test_the_rotated_lattice_is_coarser_by_root_2():
    assert scale_factor(Grid((4, 4)), Grid((4, 2), ROTATED)) == pytest.approx(2**0.5)


def test_decimation_keeps_the_first_site():
    kept = Grid((4, 4)).coarsened(2).moved_to((0.0, 0.0))
    assert kept.positions()[0].tolist() == [0, 0]
    assert kept.positions()[-1].tolist() == [2, 2]


@pytest.mark.parametrize(
    "geometry",
    [*LATTICES, Grid((8, 8)).coarsened(2), Unordered(7)],
    ids=str,
)
def test_a_description_reads_back(geometry):
    import json

    assert geometry_from(json.loads(json.dumps(geometry.describe()))) == geometry


def test_a_layer_has_units_only():
    assert Unordered(5).lattice == (5,)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Grid(()), r"got shape \(\)"),
        (lambda: Grid((4, 0)), "at least 1 site"),
        (lambda: Grid((4,), basis=SKEW), "1 directions needs 1 basis"),
        (lambda: Grid((4, 4), cell=((0.0,),)), "of 2 components"),
        (lambda: Grid((16, 16)).coarsened(3), "side 16; use 2, 4, 8 or 16"),
        (lambda: Grid((6, 4)).coarsened(3), "side 4; use 2"),
        (lambda: Grid((5, 7)).coarsened(2), "no block size above 1 does"),
        (lambda: Grid((4, 4)).coarsened(0), "block size 0"),
        (lambda: Unordered(0), "at least 1 unit"),
        (lambda: geometry_from({"kind": "tree"}), "got 'tree'"),
    ],
)
def test_impossible_lattices_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_cells_of_several_sites_are_not_cut_into_blocks():
    with pytest.raises(ValueError, match="one site per cell, got 2"):
        HONEYCOMB.coarsened(2)


TURNED = {
    "square": (((1.0, 0.0), (0.0, 1.0)), "hypercubic", 1.0),
    "square, 45°": (((1.0, 1.0), (-1.0, 1.0)), "hypercubic", 2**0.5),
    "square, 26.6°": (((2.0, 1.0), (-1.0, 2.0)), "hypercubic", 5**0.5),
    "triangular": (SKEW, "triangular", 1.0),
    "triangular at 120°": (((1.0, 0.0), (-0.5, ROOT3 / 2)), "triangular", 1.0),
    "triangular, 30°": (((1.5, ROOT3 / 2), (0.0, ROOT3)), "triangular", ROOT3),
    "cubic": (((2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 2.0)), "hypercubic", 2.0),
    "chain": (((3.0,),), "hypercubic", 3.0),
}


@pytest.mark.parametrize("case", TURNED)
def test_shortest_steps_are_found_in_any_basis(case):
    """Shears of determinant one leave the lattice what it is."""
    basis, kind, length = TURNED[case]
    d = len(basis)
    shears = [np.eye(d)]
    if d > 1:
        for i, j, n in ((0, 1, 1), (1, 0, -2), (0, 1, 5)):
            shears.append(shears[-1] + n * np.outer(np.eye(d)[i], shears[-1][j]))
    for shear in shears:
        skew = tuple(map(tuple, (shear @ np.array(basis)).tolist()))
        found, steps = lattice_steps(Grid((6,) * d, skew))
        rows = steps @ np.array(skew)
        products = rows @ rows.T / length**2
        angle = 0.5 if kind == "triangular" else 0.0
        expected = np.full((d, d), angle) + (1 - angle) * np.eye(d)
        assert found == kind
        assert np.allclose(products, expected, atol=1e-9)
        assert abs(round(float(np.linalg.det(steps)))) == 1
    assert lattice_steps(Grid((6,) * d, basis))[1].tolist()[0][0] == 1


@pytest.mark.parametrize(
    "basis", [((2.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (0.3, 1.0)), FCC], ids=str
)
def test_a_lattice_without_like_directions_has_no_shortest_steps(basis):
    with pytest.raises(ValueError, match="need a square, cubic or triangular lattice"):
        lattice_steps(Grid((4,) * len(basis), basis))
