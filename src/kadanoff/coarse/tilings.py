"""Lattices that are turned by a step: tiles of 2, 3, 5 or 7 sites, b² of each.

    sites  tile                        of the lattice   b    coarse lattice turned by
    2      two neighbours              square           √2   45°
    3      triangle                    triangular       √3   30°
    5      star of a site and its 4    square           √5   26.6°
    7      star of a site and its 6    triangular       √7   19.1°

A cell of that many sites, such as the two of a honeycomb, is a tile too. The origins of
the tiles form a sublattice S of the lattice of all sites. A finite lattice is a torus:
all sites up to its periods P, and tiles fit on it where P is part of S. The coarse grid
is then S up to P, in a basis u, v of S whose multiples n_u u, n_v v are a basis of P
(the Smith normal form says that there is one), as short as can be: in general a skew
torus, and after a second step an axis-parallel one again where the sides permit.
Tiles of 5 and 7 are turned to the left or to the right, whichever gives the shorter
basis, so that two steps turn back.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kadanoff.geometry import Grid, shortest_periods

__all__ = ["TILES", "Tile", "starred", "tiled"]


@dataclass(frozen=True)
class Tile:
    """A tile in the basis of shortest vectors of its lattice.

    Attributes:
        lattice: square or triangular, the latter with 60° between the basis vectors.
        sublattice: two basis vectors of the origins of the tiles.
        members: its sites, the first one at the origin.
    """

    lattice: str
    sublattice: tuple[tuple[int, int], tuple[int, int]]
    members: tuple[tuple[int, int], ...]


CROSS = ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1))
HEXAGON = (*CROSS, (-1, 1), (1, -1))
STARS = {"square": CROSS, "triangular": HEXAGON}
"""A site and its nearest neighbours."""
TILES = {
    2: Tile("square", ((1, 1), (-1, 1)), ((0, 0), (1, 0))),
    3: Tile("triangular", ((1, 1), (-1, 2)), ((0, 0), (1, 0), (0, 1))),
    5: Tile("square", ((2, 1), (-1, 2)), CROSS),
    7: Tile("triangular", ((2, 1), (-1, 3)), HEXAGON),
}
COSINE = {"square": 0.0, "triangular": 0.5}
REACH = 3
"""Short vectors of S are sought among combinations with coefficients up to this."""


@lru_cache(maxsize=64)
def tiled(fine: Grid, sites: int) -> tuple[Grid, np.ndarray]:
    """The lattice of tile centres, and the sites of every tile.

    Args:
        fine: one site per cell on a square or triangular lattice in any basis, or a
            cell of `sites` sites.
        sites: sites in a tile, one of `TILES` or of the cell.

    Returns:
        The coarse grid, and the places of the members in the flat fine array, first
        the origin of the tile, `(coarse.size, sites)`.

    Raises:
        ValueError: another lattice than the tile's, or tiles that do not close around
            the torus.

    >>> grid, members = tiled(Grid((4, 4)), 2)
    >>> grid.shape, members[0].tolist()
    ((2, 4), [0, 4])
    """
    if len(fine.cell) == sites > 1:
        centre = np.mean(fine.cell, axis=0).tolist()
        members = np.arange(fine.size).reshape(-1, sites)
        return Grid(fine.shape, fine.basis, (tuple(centre),)), _frozen(members)
    tile = _fitting_tile(fine, sites)
    return _placed(fine, tile, tile.members)


@lru_cache(maxsize=64)
def starred(fine: Grid, sites: int) -> tuple[Grid, np.ndarray]:
    """The origins of the tiles, and around each one its star, which may overlap others.

    As `tiled`, with a site and its nearest neighbours in place of the tile, 5 on the
    square and 7 on the triangular lattice.

    Raises:
        ValueError: as in `tiled`, and a cell of several sites.
    """
    tile = _fitting_tile(fine, sites)
    return _placed(fine, tile, STARS[tile.lattice])


def _placed(
    fine: Grid, tile: Tile, members: tuple[tuple[int, int], ...]
) -> tuple[Grid, np.ndarray]:
    """The grid of centres and the table of members, wherever the tile closes."""
    frame = _frame(fine, tile)
    turns = [turn for turn in (frame, frame[::-1]) if _closes(tile, turn, fine)]
    if not turns:
        sites = len(tile.members)
        raise ValueError(
            f"tiles of {sites} sites do not close around the torus, got shape "
            f"{fine.shape} with basis {fine.basis}; use sides that {sites} divides"
        )
    bases = [_shortest_basis(np.array(tile.sublattice) @ t, fine) for t in turns]
    turn, basis = min(zip(turns, bases, strict=True), key=lambda pair: pair[1].rank)
    steps = np.array(members) @ turn
    return _coarse_grid(fine, basis, steps), _frozen(_members(fine, basis, steps))


def _fitting_tile(fine: Grid, sites: int) -> Tile:
    if sites not in TILES:
        known = ", ".join(map(str, TILES))
        raise ValueError(
            f"tiles of a lattice hold {known} sites, or those of a cell of several, "
            f"got {sites}; use 'majority' for blocks of b^d sites"
        )
    tile = TILES[sites]
    if fine.dimension != 2 or len(fine.cell) > 1:
        raise ValueError(
            f"tiles of {sites} sites need a {tile.lattice} lattice with one site per "
            f"cell, got shape {fine.shape} with {len(fine.cell)}"
        )
    return tile


def _frame(fine: Grid, tile: Tile) -> np.ndarray:
    """Shortest vectors of the lattice at the tile's angle, as steps on the grid.

    Integers `(2, 2)`; ValueError where the lattice is another one.
    """
    basis = np.array(fine.basis)
    short = shortest_periods(basis)
    if short[0] @ short[1] < -1e-9:
        short[1] += short[0]
    lengths = np.linalg.norm(short, axis=1)
    cosine = short[0] @ short[1] / lengths.prod()
    alike = math.isclose(*lengths, rel_tol=1e-6)
    if not (alike and math.isclose(cosine, COSINE[tile.lattice], abs_tol=1e-6)):
        raise ValueError(
            f"tiles of {len(tile.members)} sites need a {tile.lattice} lattice, got "
            f"basis {fine.basis}; use {_tiles_of(cosine, alike)}"
        )
    return np.round(short @ np.linalg.inv(basis)).astype(int)


def _tiles_of(cosine: float, alike: bool) -> str:
    """The numbers of sites whose tiles fit a lattice."""
    fits = [
        str(sites)
        for sites, tile in TILES.items()
        if alike and math.isclose(cosine, COSINE[tile.lattice], abs_tol=1e-6)
    ]
    return f"tiles of {' or '.join(fits)}" if fits else "'majority' or 'decimation'"


def _closes(tile: Tile, turn: np.ndarray, fine: Grid) -> bool:
    """Whether the periods of the torus belong to the sublattice of origins."""
    inverse = np.linalg.inv(np.array(tile.sublattice) @ turn)
    periods = np.diag(fine.shape) @ inverse
    return bool(np.allclose(periods, np.round(periods), atol=1e-9))


@dataclass(frozen=True, eq=False)
class Basis:
    """Two steps u, v on a torus whose multiples n_u u and n_v v are its periods.

    Attributes:
        steps: the rows u, v, integers `(2, 2)`, in steps of the fine grid.
        shape: n_u, n_v.
        rank: short ones first, then those of like sides, then along the first axis.
    """

    steps: np.ndarray
    shape: tuple[int, int]
    rank: tuple[float, ...]


def _shortest_basis(origins: np.ndarray, fine: Grid) -> Basis:
    """The shortest such basis of the sublattice with rows `origins`."""
    reach = REACH
    while not (found := _bases(reach, origins, fine)):
        reach += REACH
    return min(found, key=lambda basis: basis.rank)


def _bases(reach: int, origins: np.ndarray, fine: Grid) -> list[Basis]:
    """Those whose first vector has coefficients up to `reach`."""
    some = range(-reach, reach + 1)
    firsts = [c for c in itertools.product(some, some) if math.gcd(*c) == 1]
    return [basis for c in firsts for basis in _completed(np.array(c), origins, fine)]


def _completed(first: np.ndarray, origins: np.ndarray, fine: Grid) -> list[Basis]:
    """The bases with u = `first` in the basis `origins` and the shortest v, if any.

    Any w of unit determinant with u makes a basis, and so does v = w + t u; sought are
    the t for which the orders of u and v multiply to the number of sites.
    """
    sides, metric = np.array(fine.shape), np.array(fine.basis)
    u = first @ origins
    turns = [n // math.gcd(n, int(s)) for n, s in zip(fine.shape, u, strict=True)]
    order = math.lcm(*turns)
    other = fine.size // abs(round(float(np.linalg.det(origins)))) // order
    w = _partner(first) @ origins
    middle = -round(float((w @ metric) @ (u @ metric) / ((u @ metric) @ (u @ metric))))
    v = w + np.arange(middle - order, middle + order + 1)[:, None] * u
    v = v[((other * v) % sides == 0).all(axis=1)]
    length = np.linalg.norm(v @ metric, axis=1)
    nearest = v[length < length.min(initial=np.inf) + 1e-9]
    return [_ranked(np.array([u, w]), (order, other), metric) for w in nearest]


def _ranked(steps: np.ndarray, shape: tuple[int, int], metric: np.ndarray) -> Basis:
    """The basis with v turned so that u, v are handed like the axes of the grid."""
    if np.linalg.det(steps) < 0:
        steps = steps * np.array([[1], [-1]])
    rows = (steps @ metric).round(9)
    length = float((rows**2).sum().round(6))
    along = [-float(x) for x in rows.ravel()]
    return Basis(steps, shape, (length, abs(shape[0] - shape[1]), *along))


def _partner(first: np.ndarray) -> np.ndarray:
    """w with first[0] w[1] - first[1] w[0] = 1, for coprime components."""
    x, y = map(int, first)
    if x == 0:
        return np.array([-y, 0])
    inverse = pow(y, -1, abs(x)) if abs(x) > 1 else 0
    return np.array([-inverse, (1 - y * inverse) // x])


def _coarse_grid(fine: Grid, basis: Basis, steps: np.ndarray) -> Grid:
    metric = np.array(fine.basis)
    centre = np.array(fine.cell[0]) + steps.mean(axis=0) @ metric
    rows = (basis.steps @ metric).tolist()
    return Grid(basis.shape, tuple(map(tuple, rows)), (tuple(centre.tolist()),))


def _members(fine: Grid, basis: Basis, steps: np.ndarray) -> np.ndarray:
    origins = np.indices(basis.shape).reshape(2, -1).T @ basis.steps
    sites = (origins[:, None] + steps) % np.array(fine.shape)
    return np.asarray(
        np.ravel_multi_index(tuple(np.moveaxis(sites, -1, 0)), fine.shape)
    )


def _frozen(members: np.ndarray) -> np.ndarray:
    """Read-only: the table is shared by all who ask for it."""
    members.setflags(write=False)
    return members
