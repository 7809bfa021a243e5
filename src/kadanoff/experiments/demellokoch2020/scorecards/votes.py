"""Majority of b×b windows wherever they lie: block spins whose places are withheld.

A dense machine does not say where its units are, and its layer is put on a lattice
(`kadanoff.coarse.arrange`) before it is read. What that costs is seen on votes that go
the same way: of the blocks themselves, whose places are known here and not told, and of
windows at random places, each of which is as local as a block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.coarse.rule import SPINS, check_takes, grid_of
from kadanoff.geometry import Geometry, Unordered

__all__ = ["Votes", "blocks_withheld", "scattered"]


@dataclass(frozen=True)
class Votes:
    """The sign of the sum over b×b sites, ties by a fair coin, in no order.

    Attributes:
        corners: first site of every window, row and column.
        b: side of a window.
    """

    corners: tuple[tuple[int, int], ...]
    b: int

    @property
    def features(self) -> None:
        """One value per window."""
        return None

    def alphabet(self, fine: str) -> str:
        """±1 to ±1; ValueError for another alphabet."""
        check_takes(self, fine, SPINS)
        return fine

    def coarse(self, fine: Geometry) -> Unordered:
        """The windows, which have no positions."""
        grid_of(fine, self)
        return Unordered(len(self.corners))

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """int8 `(n, windows)` signs of periodic windows of `(n, rows, columns)`."""
        rows, columns = spins.shape[1:]
        x, y = np.array(self.corners).T
        total = np.zeros((len(spins), len(self.corners)), dtype=np.int16)
        for i, j in np.ndindex(self.b, self.b):
            total += spins[:, (x + i) % rows, (y + j) % columns]
        coins = rng.integers(0, 2, size=total.shape, dtype=np.int8) * 2 - 1
        return np.where(total == 0, coins, np.sign(total)).astype(np.int8)

    def __str__(self) -> str:
        return f"votes of {self.b}×{self.b} windows in no order"


def blocks_withheld(side: int, b: int, rng: np.random.Generator) -> Votes:
    """The votes of the blocks of a square lattice, shuffled.

    Args:
        side: of the lattice, a multiple of b.
        b: side of a block.
        rng: shuffles.
    """
    corners = b * np.indices((side // b, side // b)).reshape(2, -1).T
    return Votes(_pairs(rng.permutation(corners)), b)


def scattered(side: int, b: int, rng: np.random.Generator) -> Votes:
    """As many windows as there are blocks, at independent uniform places.

    Args:
        side: of the lattice, a multiple of b.
        b: side of a window.
        rng: throws them.
    """
    return Votes(_pairs(rng.integers(side, size=((side // b) ** 2, 2))), b)


def _pairs(corners: np.ndarray) -> tuple[tuple[int, int], ...]:
    return tuple((int(x), int(y)) for x, y in corners)
