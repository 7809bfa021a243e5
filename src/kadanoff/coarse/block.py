"""Block spins on a hypercubic lattice: majority, average and decimation.

A block is b^d neighbouring sites; the coarse site sits at its centre. Majority is
Kadanoff's rule p(μ|σ) ∝ exp(p μ Σσ) at p → ∞ (Kadanoff 1966; Niemeijer and van
Leeuwen 1976): a tied vote is decided by a fair coin, never by sign(0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.coarse.windows import block_sum, grid_of, require_numbers, require_spins
from kadanoff.geometry import Geometry, Grid

__all__ = ["Average", "Decimation", "Majority"]


@dataclass(frozen=True)
class Majority:
    """The sign of the block sum, ties by a fair coin: ±1 to ±1.

    Args:
        b: side of the block, in sites.

    >>> spins = np.ones((1, 4, 4), dtype=np.int8)
    >>> Majority(b=2)(spins, Grid((4, 4)), rng=np.random.default_rng(0))
    array([[[1, 1],
            [1, 1]]], dtype=int8)
    """

    b: int = 2

    def coarse(self, fine: Geometry) -> Grid:
        """Block centres; ValueError where `b` does not divide a side."""
        return grid_of(fine, self).coarsened(self.b)

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
        """int8 `(n, *coarse.lattice)` block signs."""
        total = block_sum(spins, self.coarse(fine), self.b)
        coins = rng.integers(0, 2, size=total.shape, dtype=np.int8) * 2 - 1
        return np.where(total == 0, coins, np.sign(total)).astype(np.int8)

    def __str__(self) -> str:
        return f"majority:b={self.b}"


@dataclass(frozen=True)
class Average:
    """The block mean: real values, which have no temperature of a ±1 model.

    Args:
        b: side of the block, in sites.
    """

    b: int = 2

    def coarse(self, fine: Geometry) -> Grid:
        """Block centres; ValueError where `b` does not divide a side."""
        return grid_of(fine, self).coarsened(self.b)

    @property
    def features(self) -> None:
        """One value per site."""

    def alphabet(self, fine: str) -> str:
        """Real values; ValueError for Potts states or angles."""
        require_numbers(fine, self)
        return "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """float32 `(n, *coarse.lattice)` block means."""
        coarse = self.coarse(fine)
        total = block_sum(spins, coarse, self.b).astype(np.float32)
        return total / np.float32(self.b**coarse.dimension)

    def __str__(self) -> str:
        return f"average:b={self.b}"


@dataclass(frozen=True)
class Decimation:
    """The first spin of every block, the others summed over: keeps the alphabet.

    Exact on the chain; on the square lattice it cannot rescale the spin, so that its
    magnetic exponent is 2 and not 15/8.

    Args:
        b: side of the block, in sites.
    """

    b: int = 2

    def coarse(self, fine: Geometry) -> Grid:
        """Every b-th site where it stood; ValueError unless `b` divides the sides."""
        grid = grid_of(fine, self)
        return grid.coarsened(self.b).moved_to(grid.cell[0])

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
        every = slice(None, None, self.b)
        return spins[(slice(None), *[every] * self.coarse(fine).dimension)].copy()

    def __str__(self) -> str:
        return f"decimation:b={self.b}"
