"""Steps that turn the lattice: b = √2, √3, √5 and √7 by tiles of b² sites.

Majority on triangles of the triangular lattice, b = √3, is the block spin of Niemeijer
and van Leeuwen (Phys. Rev. Lett. 31, 1411 (1973)). Keeping one of two sublattices of
the square lattice is the decimation by b = √2 whose conditional law is local: the spins
that are left out have all their neighbours among those that stay.

A vote of two with a fair coin is no majority: p(μ | σ₁, σ₂) = ½ [1 + μ (σ₁ + σ₂)/2]
keeps either spin at random, a decimation, which cannot rescale the spin. A site and
its neighbours vote in a way that can at b = √2 too, though four neighbours may tie
among three or more states. Two steps of equal b turn back, to an axis-parallel lattice
of b² where the sides permit.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kadanoff.coarse.rule import (
    ANGLES,
    COLOURS,
    SPINS,
    STARS,
    TILES,
    Rule,
    check_whole,
    grid_of,
)
from kadanoff.coarse.tilings import starred, tiled
from kadanoff.coarse.votes import direction, plurality, signs
from kadanoff.geometry import Geometry, Grid

__all__ = [
    "StarMajority",
    "StarPlurality",
    "StarVector",
    "Sublattice",
    "TileMajority",
    "TilePlurality",
    "TileVector",
]


class TurningRule(Rule):
    """A rule that puts one site in place of every tile, of the vote that it takes."""

    name: ClassVar[str]
    sites: int

    def __post_init__(self) -> None:
        _check_sites(self.sites)

    def coarse(self, fine: Geometry) -> Grid:
        """The lattice of the tiles; ValueError where they do not fit that of `fine`."""
        return self.members(grid_of(fine, self))[0]

    @staticmethod
    @abstractmethod
    def vote(voters: np.ndarray, /, *, rng: np.random.Generator) -> np.ndarray:
        """What `(n, voter, site)` values come to, `(n, site)`."""

    @abstractmethod
    def members(self, fine: Grid) -> tuple[Grid, np.ndarray]:
        """The coarse grid and who votes at each of its sites, `(sites, voters)`."""

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` votes."""
        coarse, members = self.members(grid_of(fine, self))
        voters = spins.reshape(len(spins), -1)[:, members.T]
        return self.vote(voters, rng=rng).reshape(-1, *coarse.lattice)

    def __str__(self) -> str:
        return f"{self.name}:sites={self.sites}"


@dataclass(frozen=True)
class TileRule(TurningRule):
    """A vote of every tile, at its centre."""

    column: ClassVar = TILES
    sites: int = 3

    def members(self, fine: Grid) -> tuple[Grid, np.ndarray]:
        """Tile centres, and the sites of the tiles."""
        return tiled(fine, self.sites)


@dataclass(frozen=True)
class StarRule(TurningRule):
    """A vote of one site of every tile and all its neighbours."""

    column: ClassVar = STARS
    sites: int = 2

    def members(self, fine: Grid) -> tuple[Grid, np.ndarray]:
        """The centres of the stars, and their sites."""
        return starred(fine, self.sites)


@dataclass(frozen=True)
class TileMajority(TileRule):
    """The sign of the sum over a tile, ties by a fair coin: ±1 to ±1.

    Args:
        sites: sites in a tile, b² of them: 2 (a pair, see above) or 5 (star) on the
            square lattice, 3 (triangle) or 7 (star) on the triangular one, or a cell
            of that many.

    Raises:
        ValueError: `sites` is not a whole number of at least 2.

    >>> up = np.ones((1, 3, 3), dtype=np.int8)
    >>> fine = Grid((3, 3), ((1.0, 0.0), (0.5, 0.75**0.5)))
    >>> TileMajority(3)(up, fine, rng=np.random.default_rng(0))
    array([[[1, 1, 1]]], dtype=int8)
    """

    name: ClassVar = "tile-majority"
    takes: ClassVar = SPINS
    vote = staticmethod(signs)


@dataclass(frozen=True)
class TilePlurality(TileRule):
    """The commonest Potts state of a tile, ties by a fair choice among the tied.

    Args:
        sites: sites in a tile, as in `TileMajority`.

    Raises:
        ValueError: `sites` is not a whole number of at least 2.
    """

    name: ClassVar = "tile-plurality"
    takes: ClassVar = COLOURS
    vote = staticmethod(plurality)


@dataclass(frozen=True)
class TileVector(TileRule):
    """The direction of the vector sum of planar spins over a tile: angle to angle.

    Args:
        sites: sites in a tile, as in `TileMajority`.

    Raises:
        ValueError: `sites` is not a whole number of at least 2.
    """

    name: ClassVar = "tile-vector"
    takes: ClassVar = ANGLES
    vote = staticmethod(direction)


@dataclass(frozen=True)
class StarMajority(StarRule):
    """The sign of the sum over a site and its nearest neighbours, ±1 to ±1; no ties.

    One site of every tile has a say with all its neighbours, so that stars overlap at
    b = √2 and √3 and are the tiles themselves at √5 and √7.

    Args:
        sites: sites per coarse site, b² of them: 2 or 5 on the square lattice, 3 or 7
            on the triangular one.

    Raises:
        ValueError: `sites` is not a whole number of at least 2.

    >>> up = np.ones((1, 4, 4), dtype=np.int8)
    >>> StarMajority(2)(up, Grid((4, 4)), rng=np.random.default_rng(0)).shape
    (1, 2, 4)
    """

    name: ClassVar = "star-majority"
    takes: ClassVar = SPINS
    vote = staticmethod(signs)


@dataclass(frozen=True)
class StarPlurality(StarRule):
    """The commonest Potts state of a site and its nearest neighbours, ties fair.

    Args:
        sites: sites per coarse site, as in `StarMajority`.

    Raises:
        ValueError: `sites` is not a whole number of at least 2.
    """

    name: ClassVar = "star-plurality"
    takes: ClassVar = COLOURS
    vote = staticmethod(plurality)


@dataclass(frozen=True)
class StarVector(StarRule):
    """The direction of the vector sum over a site and its nearest neighbours.

    Args:
        sites: sites per coarse site, as in `StarMajority`.

    Raises:
        ValueError: `sites` is not a whole number of at least 2.
    """

    name: ClassVar = "star-vector"
    takes: ClassVar = ANGLES
    vote = staticmethod(direction)


@dataclass(frozen=True)
class Sublattice(Rule):
    """One spin of every tile where it stood, the others left out: keeps the alphabet.

    Args:
        sites: sites in a tile, b² of them, as in `TileMajority`; 2 keeps one of the two
            sublattices of a square or a honeycomb lattice.

    Raises:
        ValueError: `sites` is not a whole number of at least 2.

    >>> spins = np.array([[[1, -1], [-1, 1]]], dtype=np.int8)
    >>> Sublattice(2)(spins, Grid((2, 2)), rng=np.random.default_rng(0))
    array([[[1, 1]]], dtype=int8)
    """

    sites: int = 2

    def __post_init__(self) -> None:
        _check_sites(self.sites)

    def coarse(self, fine: Geometry) -> Grid:
        """The kept sites; ValueError where the tiles do not fit the lattice."""
        grid = grid_of(fine, self)
        return tiled(grid, self.sites)[0].moved_to(grid.cell[0])

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` kept spins."""
        coarse, members = tiled(grid_of(fine, self), self.sites)
        kept = spins.reshape(len(spins), -1)[:, members[:, 0]]
        return kept.reshape(-1, *coarse.lattice)

    def __str__(self) -> str:
        return f"sublattice:sites={self.sites}"


def _check_sites(sites: Any) -> None:
    check_whole(sites, 2, "the number of sites in a tile", "use 2, 3, 5 or 7")
