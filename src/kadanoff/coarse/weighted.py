"""Block spins that look beyond their block, with a weight for every site they see.

    p(μ | σ) ∝ exp(p μ Σ_r w_r σ_{bx + r}),   p = ∞: μ = sign Σ_r w_r σ_{bx + r}

over a window of any size moved by b sites. Uniform weights on the block itself are
Kadanoff's rule; other weights move the fixed point, and so how fast the flow reaches it
(R. H. Swendsen, Phys. Rev. Lett. 52, 2321 (1984)). Positive local weights share all
exponents; weights that sum to zero lose the magnetization.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kadanoff.coarse.kadanoff_rule import aligned, check_sharpness
from kadanoff.coarse.rule import SPINS, Rule, check_whole, grid_of
from kadanoff.coarse.windows import through_window, windowed
from kadanoff.geometry import Geometry, Grid

__all__ = ["ROUNDING", "Weighted", "check_stride", "checked_weights"]

ROUNDING = 1e-12
"""Share of Σ|w| below which a weighted vote is a tie: 0.1 + 0.2 - 0.3 is not 0."""


@dataclass(frozen=True, eq=False)
class Weighted(Rule):
    """The sign of a weighted vote over a window, or a spin drawn by it: ±1 to ±1.

    Args:
        weights: one weight per site of the window, one axis per direction.
        b: sites between neighbouring windows.
        p: sharpness, 0 or more; at `math.inf` the sign, ties by a fair coin.
        name: what to call the weights in a history, such as their file.

    Raises:
        ValueError: weights that are not finite, none other than 0, a `b` below 1, or a
            sharpness below 0.

    >>> wide = Weighted(np.ones((4, 4)), b=2)
    >>> wide(np.ones((1, 4, 4), np.int8), Grid((4, 4)), rng=np.random.default_rng(0))
    array([[[1, 1],
            [1, 1]]], dtype=int8)
    """

    takes: ClassVar = SPINS
    weights: np.ndarray
    b: int = 2
    p: float = math.inf
    name: str = ""

    def __post_init__(self) -> None:
        weights = checked_weights(self.weights)
        if not weights.any():
            raise ValueError("a weighted vote needs a weight other than 0, got none")
        object.__setattr__(self, "weights", weights)
        check_stride(self.b)
        check_sharpness(self.p)

    def coarse(self, fine: Geometry) -> Grid:
        """Centres of the windows; ValueError where `b` does not divide a side."""
        return windowed(grid_of(fine, self), self.b, self.weights.shape)

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """int8 `(n, *coarse.lattice)` votes."""
        field = np.zeros((len(spins), *self.coarse(fine).shape))
        for place, seen in through_window(spins, self.b, self.weights.shape):
            field += self.weights[place] * seen
        field[np.abs(field) <= ROUNDING * np.abs(self.weights).sum()] = 0
        return aligned(field, self.p, rng=rng)

    def __str__(self) -> str:
        named = self.name or "×".join(map(str, self.weights.shape))
        return f"weighted:{named},b={self.b},p={float(self.p)}"


def checked_weights(weights: Any) -> np.ndarray:
    """The weights in double precision, read-only; ValueError where there are none."""
    needed = (
        "weights are finite numbers with one axis per direction of the lattice, got"
    )
    try:
        found = np.array(weights, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"{needed} {str(weights)!r:.40}; give for example numpy.ones((2, 2))"
        ) from None
    if not found.ndim or not found.size or not np.isfinite(found).all():
        raise ValueError(
            f"{needed} shape {found.shape}"
            + (", not all finite" if found.size else "")
            + "; give for example numpy.ones((2, 2))"
        )
    found.setflags(write=False)
    return found


def check_stride(b: Any) -> None:
    """ValueError unless a window can be moved by `b` sites at a time."""
    check_whole(b, 1, "stride b", "use 2")
