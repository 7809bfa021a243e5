"""Cells share the plane as the nearest site says, on every lattice and every torus."""

import math

import numpy as np
import pytest
from matplotlib.path import Path

from kadanoff.coarse.block import Decimation, Majority
from kadanoff.coarse.rotated import StarMajority, Sublattice, TileMajority
from kadanoff.coarse.stack import Stack
from kadanoff.geometry import Grid, Unordered
from kadanoff.models.lattice import geometry
from kadanoff.reports.cells import Box, _polygons, _shapes, box_of, plane_of

SQUARE, TRIANGULAR = Grid((8, 8)), geometry("triangular", (9, 9))
HONEYCOMB = geometry("honeycomb", (4, 6))


def after(fine, *rules):
    return Stack(rules).coarse(fine)


# A lattice, the one its torus comes from, and the corners of a cell.
LATTICES = {
    "square": (SQUARE, SQUARE, 4),
    "blocks": (after(SQUARE, Majority(2)), SQUARE, 4),
    "kept sites": (after(SQUARE, Decimation(2)), SQUARE, 4),
    "turned": (after(SQUARE, StarMajority(2)), SQUARE, 4),
    "turned back": (after(SQUARE, Sublattice(2), TileMajority(2)), SQUARE, 4),
    "crosses": (after(Grid((10, 10)), TileMajority(5)), Grid((10, 10)), 4),
    "oblong": (Grid((4, 4), ((1.0, 0.0), (0.0, 2.0))), None, 4),
    "triangular": (TRIANGULAR, TRIANGULAR, 6),
    "triangles": (after(TRIANGULAR, TileMajority(3)), TRIANGULAR, 6),
    "honeycomb": (HONEYCOMB, HONEYCOMB, 3),
    "half a honeycomb": (after(HONEYCOMB, Sublattice(2)), HONEYCOMB, 6),
}
every = pytest.mark.parametrize("name", LATTICES)


def case(name):
    grid, fine, corners = LATTICES[name]
    return grid, box_of(fine or grid), corners


def area(polygon):
    x, y = polygon.T
    return abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2


@every
def test_cells_are_regular_and_as_large_as_a_site(name):
    grid, _, corners = case(name)
    for shape in _shapes(grid):
        assert area(shape) == pytest.approx(grid.site_area)
        edges = np.linalg.norm(shape - np.roll(shape, 1, axis=0), axis=1)
        assert (edges > 1e-6).sum() == corners
        if name != "oblong":
            assert np.ptp(edges[edges > 1e-6]) < 1e-6


def sites_at(points, grid, box):
    """The site of the cell that each point lies in, -1 where there is none or two."""
    polygons, sites = _polygons(grid, box)
    inside = np.array([Path(polygon).contains_points(points) for polygon in polygons])
    alone = inside.sum(axis=0) == 1
    return np.where(alone, sites[inside.argmax(axis=0)], -1)


@every
def test_every_point_of_the_box_belongs_to_its_nearest_site(name):
    grid, box, _ = case(name)
    points = box.corner + np.random.default_rng(0).random((500, 2)) @ box.periods
    apart = grid.distance(points[:, None], grid.positions()[None])
    found = sites_at(points, grid, box)
    assert (found == apart.argmin(axis=1)).mean() > 0.995  # a point on an edge
    as_array = np.random.default_rng(1).permutation(grid.size)[apart.argmin(axis=1)]
    assert (found == as_array).mean() < 0.2  # the control


@every
def test_a_box_holds_the_levels_of_its_torus(name):
    grid, box, _ = case(name)
    assert box.holds(grid)
    assert not Box(box.corner, 1.5 * box.periods).holds(grid)
    assert not Box(box.corner, 2 * box.periods).holds(grid)
    assert not Box(box.corner, box.periods @ np.diag([1, 2])).holds(grid)


def test_the_box_of_a_square_lattice_is_its_cells():
    box = box_of(Grid((4, 6)))
    assert box.corner.tolist() == [-0.5, -0.5]
    assert box.sides.tolist() == [4, 6]
    blocks = box_of(Grid((4, 6)).coarsened(2))
    assert np.allclose(blocks.corner, box.corner)
    assert np.allclose(blocks.periods, box.periods)


def test_planes_of_other_dimensions():
    assert plane_of(SQUARE) == SQUARE
    assert plane_of(Unordered(10)).shape == (3, 4)
    chain = plane_of(Grid((32,)).coarsened(2))
    assert (chain.shape, chain.cell) == ((1, 16), ((0.0, 0.5),))
    assert box_of(chain).sides.tolist() == [2, 32]
    assert box_of(chain).holds(plane_of(Grid((32,))))
    cubes = plane_of(Grid((4, 6, 8)).coarsened(2))
    assert cubes == Grid((3, 4), ((2.0, 0.0), (0.0, 2.0)), ((0.5, 0.5),))
    oblique = ((1.0, 0.0, 0.0), (0.0, 0.6, 0.8), (0.0, 0.0, 1.0))
    plane = plane_of(Grid((2, 3, 4), oblique))
    assert plane.shape == (3, 4)
    metric = np.array(plane.basis) @ np.array(plane.basis).T
    assert np.allclose(metric, [[1, 0.8], [0.8, 1]])
    assert math.isclose(plane.site_area, 0.6)
