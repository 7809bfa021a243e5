"""Steps that turn the lattice: b = √2, √3, √5 and √7 by tiles of b² sites.

Majority on triangles of the triangular lattice, b = √3, is the block spin of Niemeijer
and van Leeuwen (Phys. Rev. Lett. 31, 1411 (1973)). Keeping one of two sublattices of
the square lattice is the decimation by b = √2 whose conditional law is local: the spins
that are left out have all their neighbours among those that stay.

A vote of two with a fair coin is no majority: p(μ | σ₁, σ₂) = ½ [1 + μ (σ₁ + σ₂)/2]
keeps either spin at random, a decimation, which cannot rescale the spin. A site and
its neighbours vote in a way that can at b = √2 too. Two steps of equal b turn back, to
an axis-parallel lattice of b² where the sides permit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.coarse.kadanoff_rule import aligned
from kadanoff.coarse.tilings import starred, tiled
from kadanoff.coarse.windows import grid_of, require_spins
from kadanoff.geometry import Geometry, Grid

__all__ = ["StarMajority", "Sublattice", "TileMajority"]


@dataclass(frozen=True)
class TileMajority:
    """The sign of the sum over a tile, ties by a fair coin: ±1 to ±1.

    Args:
        sites: sites in a tile, b² of them: 2 (a pair, see above) or 5 (star) on the
            square lattice, 3 (triangle) or 7 (star) on the triangular one, or a cell
            of that many.

    >>> up = np.ones((1, 3, 3), dtype=np.int8)
    >>> fine = Grid((3, 3), ((1.0, 0.0), (0.5, 0.75**0.5)))
    >>> TileMajority(3)(up, fine, rng=np.random.default_rng(0))
    array([[[1, 1, 1]]], dtype=int8)
    """

    sites: int = 3

    def coarse(self, fine: Geometry) -> Grid:
        """Tile centres; ValueError where the tiles do not fit the lattice."""
        return tiled(grid_of(fine, self), self.sites)[0]

    @property
    def features(self) -> None:
        """One value per site."""

    def alphabet(self, fine: str) -> str:
        """±1; ValueError for values that are not spins."""
        require_spins(fine, self)
        return "pm1"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """int8 `(n, *coarse.lattice)` signs of the tiles."""
        return _votes(spins, *tiled(grid_of(fine, self), self.sites), rng=rng)

    def __str__(self) -> str:
        return f"tile-majority:sites={self.sites}"


@dataclass(frozen=True)
class StarMajority:
    """The sign of the sum over a site and its nearest neighbours, ±1 to ±1; no ties.

    One site of every tile has a say with all its neighbours, so that stars overlap at
    b = √2 and √3 and are the tiles themselves at √5 and √7.

    Args:
        sites: sites per coarse site, b² of them: 2 or 5 on the square lattice, 3 or 7
            on the triangular one.

    >>> up = np.ones((1, 4, 4), dtype=np.int8)
    >>> StarMajority(2)(up, Grid((4, 4)), rng=np.random.default_rng(0)).shape
    (1, 2, 4)
    """

    sites: int = 2

    def coarse(self, fine: Geometry) -> Grid:
        """The centres of the stars; ValueError where they do not fit the lattice."""
        return starred(grid_of(fine, self), self.sites)[0]

    @property
    def features(self) -> None:
        """One value per site."""

    def alphabet(self, fine: str) -> str:
        """±1; ValueError for values that are not spins."""
        require_spins(fine, self)
        return "pm1"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """int8 `(n, *coarse.lattice)` signs of the stars."""
        return _votes(spins, *starred(grid_of(fine, self), self.sites), rng=rng)

    def __str__(self) -> str:
        return f"star-majority:sites={self.sites}"


@dataclass(frozen=True)
class Sublattice:
    """One spin of every tile where it stood, the others left out: keeps the alphabet.

    Args:
        sites: sites in a tile, b² of them, as in `TileMajority`; 2 keeps one of the two
            sublattices of a square or a honeycomb lattice.

    >>> spins = np.array([[[1, -1], [-1, 1]]], dtype=np.int8)
    >>> Sublattice(2)(spins, Grid((2, 2)), rng=np.random.default_rng(0))
    array([[[1, 1]]], dtype=int8)
    """

    sites: int = 2

    def coarse(self, fine: Geometry) -> Grid:
        """The kept sites; ValueError where the tiles do not fit the lattice."""
        grid = grid_of(fine, self)
        return tiled(grid, self.sites)[0].moved_to(grid.cell[0])

    @property
    def features(self) -> None:
        """One value per site."""

    def alphabet(self, fine: str) -> str:
        """The alphabet of the input."""
        return fine

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` kept spins."""
        coarse, members = tiled(grid_of(fine, self), self.sites)
        kept = spins.reshape(len(spins), -1)[:, members[:, 0]]
        return kept.reshape(-1, *coarse.lattice)

    def __str__(self) -> str:
        return f"sublattice:sites={self.sites}"


def _votes(
    spins: np.ndarray, coarse: Grid, members: np.ndarray, *, rng: np.random.Generator
) -> np.ndarray:
    total = spins.reshape(len(spins), -1)[:, members].sum(axis=2, dtype=np.int32)
    return aligned(total.reshape(-1, *coarse.lattice), np.inf, rng=rng)
