"""A lattice drawn where its sites are: every site as its cell, inside its torus.

The cell of a site is what lies nearer to it than to any other (its Voronoi polygon): a
square, turned where the lattice is, a hexagon on the triangular lattice, a triangle on
the honeycomb. A torus is drawn as a box of its periods; cells that reach over an edge
come in again on the other side. Rows run down and columns to the right, as in an array.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import Polygon
from scipy.spatial import Voronoi

from kadanoff.geometry import Geometry, Grid, shortest_periods

__all__ = ["Box", "box_of", "draw_cells", "plane_of"]

MANY = 4096  # cells above which a vector graphic holds them as pixels
CHAIN = 16  # length over height of a chain
INK = "#222222"


@dataclass(frozen=True, eq=False)
class Box:
    """A parallelogram: a corner `(2,)` and the two periods from there, `(2, 2)`."""

    corner: np.ndarray
    periods: np.ndarray

    @property
    def outline(self) -> np.ndarray:
        """Its corners in turn, `(4, 2)`."""
        one, two = self.periods
        return self.corner + np.array([0 * one, one, one + two, two])

    @property
    def sides(self) -> np.ndarray:
        """Height and width of the rectangle around it, `(2,)`."""
        return np.ptp(self.outline, axis=0)

    def holds(self, grid: Grid) -> bool:
        """Whether it is a box of the torus of `grid`."""
        steps = _periods(grid) @ np.linalg.inv(self.periods)
        whole = np.allclose(steps, np.round(steps), atol=1e-6)
        return whole and math.isclose(abs(np.linalg.det(steps)), 1, abs_tol=1e-6)


def plane_of(geometry: Geometry) -> Grid:
    """The plane that is drawn, as a lattice of two directions.

    The first along the last two directions of three or more, a chain as one row of
    tall cells, and a layer without positions folded row by row.
    """
    if not isinstance(geometry, Grid):
        side = math.ceil(math.sqrt(geometry.size))
        return Grid((math.ceil(geometry.size / side), side))
    d = geometry.dimension
    if d == 2:
        return geometry
    if d == 1:
        ((length,),), ((at,),) = geometry.basis, geometry.cell
        height = length * geometry.shape[0] / CHAIN
        return Grid((1, *geometry.shape), ((height, 0.0), (0.0, length)), ((0.0, at),))
    basis = np.array(geometry.basis)[-2:]
    flat = np.linalg.cholesky(basis @ basis.T)
    frame = np.linalg.inv(flat) @ basis
    cell = np.array(geometry.cell) @ frame.T
    return Grid(
        geometry.shape[-2:],
        tuple(map(tuple, flat.tolist())),
        tuple(map(tuple, cell.tolist())),
    )


def box_of(grid: Grid) -> Box:
    """The box in which the cells of a lattice are whole where they can be."""
    middle = np.mean(grid.cell, axis=0)
    return Box(middle - np.array(grid.basis).sum(axis=0) / 2, _periods(grid))


def draw_cells(
    ax: Axes,
    grid: Grid,
    values: np.ndarray,
    box: Box,
    *,
    cmap: Colormap,
    norm: Normalize,
) -> ScalarMappable:
    """The values of a lattice of two directions, `(*lattice)`, site by site.

    Args:
        ax: where to draw; its limits become those of the box.
        grid: where the sites are.
        values: one for every site.
        box: of the same torus, of this lattice or of a finer one.
        cmap: colours.
        norm: from values to colours.
    """
    _frame(ax, box)
    if _fills(grid, box):
        (top, left), (height, width) = box.corner, box.sides
        return ax.imshow(
            values,
            cmap=cmap,
            norm=norm,
            extent=(left, left + width, top + height, top),
            interpolation="nearest",
        )
    polygons, sites = _polygons(grid, box)
    cells = PolyCollection(
        [polygon[:, ::-1] for polygon in polygons],
        cmap=cmap,
        norm=norm,
        # Smoothed edges of neighbours would leave pale lines between like cells.
        antialiased=False,
        linewidth=0,
        rasterized=len(sites) > MANY,
    )
    cells.set_array(values.ravel()[sites])
    ax.add_collection(cells)
    cells.set_clip_path(Polygon(box.outline[:, ::-1], transform=ax.transData))
    return cells


def _frame(ax: Axes, box: Box) -> None:
    """The box and nothing else, rows running down."""
    low, high = box.outline.min(axis=0), box.outline.max(axis=0)
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.set(xlim=(low[1], high[1]), ylim=(high[0], low[0]))
    ax.spines[:].set_visible(False)
    edge = Polygon(
        box.outline[:, ::-1],
        fill=False,
        edgecolor=INK,
        linewidth=0.8,
        clip_on=False,
        zorder=3,  # above the cells
    )
    ax.add_patch(edge)


def _fills(grid: Grid, box: Box) -> bool:
    """Whether the cells are the pixels of an image that is the box."""
    basis = np.array(grid.basis)
    own = box_of(grid)
    return (
        len(grid.cell) == 1
        and np.allclose(basis, np.diag(np.diag(basis)))
        and np.allclose(own.corner, box.corner)
        and np.allclose(own.periods, box.periods)
    )


def _polygons(grid: Grid, box: Box) -> tuple[list[np.ndarray], np.ndarray]:
    """The cells that reach into the box, and the site of each."""
    shapes = _shapes(grid)
    into = np.linalg.inv(box.periods)
    share = (grid.positions() - box.corner) @ into % 1
    margin = max(np.abs(shape @ into).max() for shape in shapes) + 1e-9
    found: list[np.ndarray] = []
    sites: list[int] = []
    for step in itertools.product((-1, 0, 1), repeat=2):
        moved = share + step
        near = ((moved > -margin) & (moved < 1 + margin)).all(axis=1)
        centres = box.corner + moved @ box.periods
        for k, shape in enumerate(shapes):
            own = k + len(shapes) * np.flatnonzero(near[k :: len(shapes)])
            found.extend(centres[own, None] + shape)
            sites.extend(own.tolist())
    return found, np.array(sites)


def _shapes(grid: Grid) -> list[np.ndarray]:
    """The cell of each site of a unit cell around it, `(corners, 2)`."""
    steps = np.array(list(itertools.product(range(-2, 3), repeat=2)))
    around = steps @ shortest_periods(np.array(grid.basis))
    cell = np.array(grid.cell)
    sites = (cell[:, None] + around).reshape(-1, 2)
    diagram = Voronoi(sites)
    home = len(steps) // 2 + len(steps) * np.arange(len(cell))
    return [
        _in_turn(diagram.vertices[diagram.regions[diagram.point_region[k]]] - sites[k])
        for k in home
    ]


def _in_turn(corners: np.ndarray) -> np.ndarray:
    """Corners of a polygon around the origin by their angle."""
    return corners[np.arctan2(corners[:, 1], corners[:, 0]).argsort()]


def _periods(grid: Grid) -> np.ndarray:
    return np.array(grid.basis) * np.array(grid.shape)[:, None]
