"""Where values sit: periodic lattices that remember distances, and unordered layers.

Positions and distances are in sites of the *original* lattice, at every level of a
coarse-graining: a block of side b sits at its centre and its neighbours are b apart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "Geometry",
    "Grid",
    "Unordered",
    "geometry_from",
    "lattice_steps",
    "scale_factor",
    "shortest_periods",
]

Vector = tuple[float, ...]

HEXAGONAL = ((1.0, 0.5), (0.5, 1.0))
"""Products of the two steps of a triangular lattice, in squares of their length."""


@dataclass(frozen=True)
class Grid:
    """A periodic lattice of `shape` cells.

    Args:
        shape: number of cells along each direction.
        basis: translation vectors of the cell, one row per direction, in original
            sites; the unit vectors where not given.
        cell: positions of the sites inside one cell; the origin where not given.

    Raises:
        ValueError: a side below 1, or a basis or cell of another dimension.

    >>> Grid((4, 4)).coarsened(2)
    Grid(shape=(2, 2), basis=((2.0, 0.0), (0.0, 2.0)), cell=((0.5, 0.5),))
    """

    shape: tuple[int, ...]
    basis: tuple[Vector, ...] = ()
    cell: tuple[Vector, ...] = ()

    def __post_init__(self) -> None:
        d = len(self.shape)
        if d == 0 or any(side < 1 for side in self.shape):
            raise ValueError(
                f"a lattice needs one or more sides of at least 1 site, got shape "
                f"{tuple(self.shape)}; give for example (32, 32)"
            )
        basis = self.basis or tuple(tuple(map(float, row)) for row in np.eye(d))
        cell: tuple[Vector, ...] = self.cell or ((0.0,) * d,)
        if len(basis) != d or any(len(v) != d for v in (*basis, *cell)):
            raise ValueError(
                f"a lattice of {d} directions needs {d} basis vectors and cell "
                f"positions of {d} components, got basis {basis} and cell {cell}"
            )
        object.__setattr__(self, "shape", tuple(int(side) for side in self.shape))
        object.__setattr__(self, "basis", basis)
        object.__setattr__(self, "cell", cell)

    @property
    def lattice(self) -> tuple[int, ...]:
        """Shape of an array of values: one axis more where a cell holds many sites."""
        return self.shape if len(self.cell) == 1 else (*self.shape, len(self.cell))

    @property
    def size(self) -> int:
        """Number of sites."""
        return math.prod(self.lattice)

    @property
    def dimension(self) -> int:
        """Number of spatial directions."""
        return len(self.shape)

    @property
    def site_area(self) -> float:
        """Area (volume) per site, in original sites."""
        return abs(float(np.linalg.det(np.array(self.basis)))) / len(self.cell)

    def positions(self) -> np.ndarray:
        """Coordinates of all sites in original sites, shape `(size, dimension)`."""
        cells = np.indices(self.shape).reshape(self.dimension, -1).T
        corners = cells @ np.array(self.basis)
        sites = corners[:, None, :] + np.array(self.cell)[None]
        return sites.reshape(-1, self.dimension)

    def displacement(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Shortest periodic vectors from `start` to `end`, `(..., dimension)` each."""
        periods = shortest_periods(np.array(self.basis) * np.array(self.shape)[:, None])
        fraction = (np.asarray(end) - np.asarray(start)) @ np.linalg.inv(periods)
        nearest = (fraction - np.round(fraction)) @ periods
        if np.allclose(periods, np.diag(np.diag(periods))):
            return nearest
        # Rounding is not enough on a skew torus: look at the images around it.
        offsets = np.array(list(itertools.product((-1, 0, 1), repeat=self.dimension)))
        images = nearest[..., None, :] + offsets @ periods
        best = np.linalg.norm(images, axis=-1).argmin(axis=-1)
        return np.take_along_axis(images, best[..., None, None], axis=-2)[..., 0, :]

    def distance(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Periodic Euclidean distance in original sites, shape `(...)`."""
        return np.linalg.norm(self.displacement(start, end), axis=-1)

    def coarsened(self, b: int) -> Grid:
        """The lattice of block centres for blocks of side `b`.

        Raises:
            ValueError: `b` is below 1, does not divide every side, or the cell holds
                several sites.
        """
        if len(self.cell) > 1:
            raise ValueError(
                f"blocks need a lattice with one site per cell, got {len(self.cell)}"
            )
        for side in self.shape:
            if b < 1 or side % b:
                raise ValueError(
                    f"block size {b} does not divide lattice side {side}; "
                    f"{_block_advice(self.shape)}"
                )
        basis = np.array(self.basis)
        centre = np.array(self.cell).mean(axis=0) + basis.sum(axis=0) * (b - 1) / 2
        return Grid(
            tuple(side // b for side in self.shape),
            tuple(tuple(row) for row in (basis * b).tolist()),
            (tuple(centre.tolist()),),
        )

    def moved_to(self, site: Vector) -> Grid:
        """The same lattice with its first site at `site`."""
        return Grid(self.shape, self.basis, (site,))

    def describe(self) -> dict[str, Any]:
        """A JSON-ready description that `geometry_from` reads back."""
        return {
            "kind": "grid",
            "shape": list(self.shape),
            "basis": [list(v) for v in self.basis],
            "cell": [list(v) for v in self.cell],
        }


@dataclass(frozen=True)
class Unordered:
    """A layer of `size` units without positions, such as a dense hidden layer."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"a layer needs at least 1 unit, got {self.size}")

    @property
    def lattice(self) -> tuple[int, ...]:
        """Shape of an array of values."""
        return (self.size,)

    def describe(self) -> dict[str, Any]:
        """A JSON-ready description that `geometry_from` reads back."""
        return {"kind": "unordered", "size": self.size}


Geometry = Grid | Unordered


def geometry_from(description: Mapping[str, Any]) -> Geometry:
    """The geometry that `describe` wrote.

    Raises:
        ValueError: the kind is neither `grid` nor `unordered`.
    """
    match description.get("kind"):
        case "grid":
            vectors = {
                name: tuple(tuple(map(float, v)) for v in description[name])
                for name in ("basis", "cell")
            }
            return Grid(tuple(map(int, description["shape"])), **vectors)
        case "unordered":
            return Unordered(int(description["size"]))
        case kind:
            raise ValueError(f"a geometry is 'grid' or 'unordered', got {kind!r}")


def scale_factor(fine: Grid, coarse: Grid) -> float:
    """The change of scale b = (ratio of areas per site)^(1/d).

    >>> scale_factor(Grid((8, 8)), Grid((8, 8)).coarsened(2))
    2.0
    """
    return (coarse.site_area / fine.site_area) ** (1 / fine.dimension)


def shortest_periods(periods: np.ndarray) -> np.ndarray:
    """Periods of the same torus, as short as subtracting one from another makes them.

    In two directions none are shorter. Images next to the rounded one miss the nearest
    on a long skew torus where its periods are not like that.

    Args:
        periods: one row per direction, `(d, d)`; also the basis of a lattice.

    >>> shortest_periods(np.array([[1.0, 0.0], [7.0, 2.0]])).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    periods = periods.copy()
    pairs = list(itertools.permutations(range(len(periods)), 2))
    shortened = True
    while shortened:
        shortened = False
        for i, j in pairs:
            overlap = periods[i] @ periods[j] / (periods[j] @ periods[j])
            if abs(overlap) > 0.5 + 1e-9:
                periods[i] -= np.round(overlap) * periods[j]
                shortened = True
    return periods


def lattice_steps(grid: Grid) -> tuple[str, np.ndarray]:
    """The kind of a lattice, and its shortest steps as integer steps of the grid.

    A grid may count its cells along skew vectors, as those of turned lattices do: what
    is near is then not what has near indices. With M the integers that are returned,
    the rows of M @ basis are of equal length and at right angles (`hypercubic`) or, in
    two directions, at 60° (`triangular`). M is the identity where the basis is so.

    Raises:
        ValueError: any other lattice.

    >>> kind, steps = lattice_steps(Grid((4, 4), ((1.0, 0.0), (7.0, 1.0))))
    >>> kind, steps.tolist()
    ('hypercubic', [[1, 0], [-7, 1]])
    """
    basis = np.array(grid.basis)
    short = shortest_periods(basis)
    if grid.dimension == 2 and short[0] @ short[1] < -1e-6 * short[0] @ short[0]:
        short[1] += short[0]
    steps = np.round(short @ np.linalg.inv(basis)).astype(int)
    metric = short @ short.T / (short[0] @ short[0])
    if np.allclose(metric, np.eye(grid.dimension), atol=1e-6):
        return "hypercubic", steps
    if grid.dimension == 2 and np.allclose(metric, HEXAGONAL, atol=1e-6):
        return "triangular", steps
    raise ValueError(
        "neighbours in all directions alike need a square, cubic or triangular lattice "
        f"in any basis, got basis {grid.basis}; use a map with equal steps along all "
        "directions"
    )


def _block_advice(shape: tuple[int, ...]) -> str:
    common = math.gcd(*shape)
    fits = [str(b) for b in range(2, common + 1) if common % b == 0]
    if not fits:
        return "no block size above 1 does"
    return "use " + (", ".join(fits[:-1]) + " or " + fits[-1] if fits[1:] else fits[0])
