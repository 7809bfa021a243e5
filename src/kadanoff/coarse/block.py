"""Block spins on a hypercubic lattice: votes, sums, averages and decimation.

A block is b^d neighbouring sites; the coarse site sits at its centre. Majority is
Kadanoff's rule p(μ|σ) ∝ exp(p μ Σσ) at p → ∞ (Kadanoff 1966; Niemeijer and van
Leeuwen 1976): a tied vote is decided by a fair coin, never by sign(0). Plurality is the
same for Potts states, the vector sum for planar spins (`votes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kadanoff.coarse.rule import (
    ANGLES,
    COLOURS,
    NUMBERS,
    SPINS,
    BlockRule,
    Rule,
    check_block,
    grid_of,
)
from kadanoff.coarse.votes import direction, plurality
from kadanoff.coarse.windows import block_sum, blocks
from kadanoff.geometry import Geometry, Grid

__all__ = ["Average", "Decimation", "Majority", "Plurality", "VectorSum"]


@dataclass(frozen=True)
class Majority(BlockRule):
    """The sign of the block sum, ties by a fair coin: ±1 to ±1.

    Args:
        b: side of the block, in sites, at least 2.

    Raises:
        ValueError: another `b`.

    >>> spins = np.ones((1, 4, 4), dtype=np.int8)
    >>> Majority(b=2)(spins, Grid((4, 4)), rng=np.random.default_rng(0))
    array([[[1, 1],
            [1, 1]]], dtype=int8)
    """

    name: ClassVar = "majority"
    takes: ClassVar = SPINS

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """int8 `(n, *coarse.lattice)` block signs."""
        total = block_sum(spins, self.coarse(fine), self.b)
        coins = rng.integers(0, 2, size=total.shape, dtype=np.int8) * 2 - 1
        return np.where(total == 0, coins, np.sign(total)).astype(np.int8)


@dataclass(frozen=True)
class Plurality(BlockRule):
    """The commonest Potts state of the block, ties by a fair choice among the tied.

    Args:
        b: side of the block, in sites, at least 2.

    Raises:
        ValueError: another `b`.

    >>> states = np.array([[2, 2, 0, 1]], dtype=np.uint8)
    >>> Plurality(b=4)(states, Grid((4,)), rng=np.random.default_rng(0))
    array([[2]], dtype=uint8)
    """

    name: ClassVar = "plurality"
    takes: ClassVar = COLOURS

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` states of the blocks, in the type of the input."""
        return plurality(blocks(spins, self.coarse(fine), self.b), rng=rng)


@dataclass(frozen=True)
class VectorSum(BlockRule):
    """The direction of the vector sum of planar spins over the block: angle to angle.

    A sum that vanishes points anywhere.

    Args:
        b: side of the block, in sites, at least 2.

    Raises:
        ValueError: another `b`.

    >>> angles = np.array([[0.1, 0.3]], dtype=np.float32)
    >>> VectorSum(b=2)(angles, Grid((2,)), rng=np.random.default_rng(0))
    array([[0.2]], dtype=float32)
    """

    name: ClassVar = "vector"
    takes: ClassVar = ANGLES

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """float32 `(n, *coarse.lattice)` directions of the blocks."""
        return direction(blocks(spins, self.coarse(fine), self.b), rng=rng)


@dataclass(frozen=True)
class Average(BlockRule):
    """The block mean: real values, which have no temperature of a ±1 model.

    Args:
        b: side of the block, in sites, at least 2.

    Raises:
        ValueError: another `b`.
    """

    name: ClassVar = "average"
    takes: ClassVar = NUMBERS
    gives: ClassVar = "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """float32 `(n, *coarse.lattice)` block means."""
        coarse = self.coarse(fine)
        total = block_sum(spins, coarse, self.b).astype(np.float32)
        return total / np.float32(self.b**coarse.dimension)


@dataclass(frozen=True)
class Decimation(Rule):
    """The first spin of every block, the others summed over: keeps the alphabet.

    Exact on the chain; on the square lattice it cannot rescale the spin, so that its
    magnetic exponent is 2 and not 15/8.

    Args:
        b: side of the block, in sites, at least 2.

    Raises:
        ValueError: another `b`.
    """

    b: int = 2

    def __post_init__(self) -> None:
        check_block(self.b)

    def coarse(self, fine: Geometry) -> Grid:
        """Every b-th site where it stood; ValueError unless `b` divides the sides."""
        grid = grid_of(fine, self)
        return grid.coarsened(self.b).moved_to(grid.cell[0])

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` kept spins."""
        every = slice(None, None, self.b)
        return spins[(slice(None), *[every] * self.coarse(fine).dimension)].copy()

    def __str__(self) -> str:
        return f"decimation:b={self.b}"
