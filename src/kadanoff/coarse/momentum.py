"""Wilson's momentum shell on a lattice: short waves are cut off, the rest is rescaled.

With φ(x) = Σ_k φ_k e^{ikx} on a periodic lattice and Λ the distance from k = 0 to the
edge of its Brillouin zone (π on a hypercube),

    φ'(x') = b^Δ Σ_{|k| < Λ/b} w(|k| b/Λ) φ_k e^{ik b x'}

(K. G. Wilson and J. Kogut, Phys. Rep. 12, 75 (1974), on the shell Λ/b < |k| < Λ), so
that modes below the cut-off arrive as they were, times b^Δ, and nothing is aliased. The
window w is 1 up to 1 - width and falls to 0 at 1 as cos²: width 0 is the sharp cut-off.
For a width of at most 1 - 1/b the modes that a second step keeps lie where the first
window is 1, and cutting twice is cutting once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from kadanoff.coarse.rule import NUMBERS, Rule, check_block, check_number, grid_of
from kadanoff.geometry import Geometry, Grid, shortest_periods

__all__ = ["MomentumShell"]

LARGEST_DIMENSION = 10.0


@dataclass(frozen=True)
class MomentumShell(Rule):
    """The field without its waves shorter than the cut-off, on every b-th site.

    Linear and without chance, real values also of ±1 spins. A mode exactly at the
    cut-off is left out, so a coarse side of 2 keeps the mean alone. The magnetization
    alone reads y_H = d - Δ: what was put in, not what was found.

    Args:
        b: change of scale, a whole number of at least 2 that divides the sides.
        width: share of 0 ≤ |k| < Λ/b over which the cut-off is smooth, from 0 to 1.
        dimension: Δ, the scaling dimension of the field: the result is φ' = b^Δ φ.

    Raises:
        ValueError: another `b`, a width outside [0, 1], or a dimension beyond ±10.

    >>> waves = np.array([[1.0, 0.0, -1.0, 0.0] * 2])
    >>> MomentumShell(2)(1 + waves, Grid((8,)), rng=np.random.default_rng(0))
    array([[1., 1., 1., 1.]], dtype=float32)
    """

    takes: ClassVar = NUMBERS
    gives: ClassVar = "real"
    b: int = 2
    width: float = 0.0
    dimension: float = 0.0

    def __post_init__(self) -> None:
        check_block(self.b)
        check_number(self.width, "width", "use 0 for a sharp cut-off")
        check_number(self.dimension, "dimension", "use 0.125 for the Ising spin")
        if not 0 <= self.width <= 1:
            raise ValueError(
                f"width is a share of the cut-off from 0 to 1, got {self.width:g}; use "
                "0 for a sharp cut-off"
            )
        if not abs(self.dimension) <= LARGEST_DIMENSION:
            raise ValueError(
                f"a scaling dimension is a number of at most {LARGEST_DIMENSION:g} in "
                f"size, got {self.dimension:g}; that of the Ising spin is 0.125"
            )

    def coarse(self, fine: Geometry) -> Grid:
        """Every b-th site where it stood; ValueError unless `b` divides the sides."""
        grid = grid_of(fine, self)
        return grid.coarsened(self.b).moved_to(grid.cell[0])

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """float32 `(n, *coarse.lattice)` of the long waves."""
        coarse = self.coarse(fine)
        kept, home, window = _modes(grid_of(fine, self), self.b, self.width)
        axes = tuple(range(1, coarse.dimension + 1))
        fine_modes = np.fft.fftn(spins.astype(float), axes=axes, norm="forward")
        modes = np.zeros((len(spins), coarse.size), dtype=complex)
        modes[:, home] = fine_modes.reshape(len(spins), -1)[:, kept] * window
        field = np.fft.ifftn(
            modes.reshape(len(spins), *coarse.shape), axes=axes, norm="forward"
        )
        return (self.b**self.dimension * field.real).astype(np.float32)

    def __str__(self) -> str:
        named = f"momentum:b={self.b}"
        named += f",width={float(self.width)}" if self.width else ""
        return named + (f",dimension={float(self.dimension)}" if self.dimension else "")


@lru_cache(maxsize=16)
def _modes(
    fine: Grid, b: int, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Modes below the cut-off: place among the fine ones, among the coarse ones, w."""
    reciprocal = 2 * np.pi * np.linalg.inv(np.array(fine.basis)).T
    zone = Grid((1,) * fine.dimension, tuple(map(tuple, reciprocal.tolist())))
    numbers = np.indices(fine.shape).reshape(fine.dimension, -1)
    waves = (numbers / np.array(fine.shape)[:, None]).T @ reciprocal
    length = zone.distance(np.zeros(fine.dimension), waves)
    share = length * b / _zone_edge(zone)
    kept = np.flatnonzero(share < 1 - 1e-9)
    coarse = [side // b for side in fine.shape]
    wrapped = numbers[:, kept] % np.array(coarse)[:, None]
    home = np.asarray(np.ravel_multi_index(tuple(wrapped), coarse))
    return kept, home, _window(share[kept], width)


def _zone_edge(zone: Grid) -> float:
    """Λ: half the shortest translation of the reciprocal lattice."""
    steps = itertools.product((-1, 0, 1), repeat=zone.dimension)
    nearby = np.array([step for step in steps if any(step)])
    lengths = np.linalg.norm(nearby @ shortest_periods(np.array(zone.basis)), axis=1)
    return float(lengths.min()) / 2


def _window(share: np.ndarray, width: float) -> np.ndarray:
    """1 below 1 - width, then cos² down to 0 at 1."""
    if width == 0:
        return np.ones_like(share)
    fall = np.clip((share - (1 - width)) / width, 0, 1)
    return np.cos(np.pi / 2 * fall) ** 2
