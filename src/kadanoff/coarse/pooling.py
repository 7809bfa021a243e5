"""The operations of a convolutional network as rules: pooling and strided convolution.

Windows of w sites along every direction are moved by b sites and wrap around the torus
(circular padding). Average pooling with w = b is the block mean, and a convolution with
one kernel of positive weights the field behind a weighted vote; max pooling of ±1 spins
is a logical or, which no flip of the spins commutes with.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from kadanoff.coarse.kadanoff_rule import aligned
from kadanoff.coarse.rule import NUMBERS, Rule, check_takes, check_whole, grid_of
from kadanoff.coarse.weighted import ROUNDING, check_stride, checked_weights
from kadanoff.coarse.windows import through_window, windowed
from kadanoff.geometry import Geometry, Grid

__all__ = ["AveragePool", "Convolution", "MaxPool"]


@dataclass(frozen=True)
class Pool(Rule):
    """A rule that reads windows of `window` sites a side, moved by b sites."""

    name: ClassVar[str]
    takes: ClassVar = NUMBERS
    b: int = 2
    window: int | None = None

    def __post_init__(self) -> None:
        check_stride(self.b)
        if self.window is not None:
            check_whole(self.window, 1, "window", "leave it out for a window of b")
        if (self.window or self.b) == self.b == 1:
            raise ValueError(
                f"windows of one site at every site leave all as it is, got b={self.b} "
                f"and window={self.window}; use b=2"
            )

    def coarse(self, fine: Geometry) -> Grid:
        """Centres of the windows; ValueError where they do not fit the lattice."""
        grid = grid_of(fine, self)
        return windowed(grid, self.b, self.sides(grid))

    def sides(self, fine: Grid) -> tuple[int, ...]:
        """Sides of the window on that lattice."""
        return (self.window or self.b,) * fine.dimension

    def seen(self, values: np.ndarray, fine: Geometry) -> Iterator[np.ndarray]:
        """What all coarse sites see at each place in their windows."""
        grid = grid_of(fine, self)
        windowed(grid, self.b, self.sides(grid))
        for _, there in through_window(values, self.b, self.sides(grid)):
            yield there

    def __str__(self) -> str:
        wide = "" if self.window is None else f",window={self.window}"
        return f"{self.name}:b={self.b}{wide}"


@dataclass(frozen=True)
class AveragePool(Pool):
    """The mean over a window: real values.

    Args:
        b: sites between neighbouring windows.
        window: side of the window, in sites; b where not given.

    Raises:
        ValueError: a side below 1, or both of 1.
    """

    name: ClassVar = "average-pool"
    gives: ClassVar = "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """float32 `(n, *coarse.lattice)` means."""
        coarse = self.coarse(fine)
        total = np.zeros((len(spins), *coarse.shape))
        for there in self.seen(spins, fine):
            total += there
        sites = (self.window or self.b) ** coarse.dimension
        return (total / sites).astype(np.float32)


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest value in a window, ±1 of ±1 and real of real values.

    Up spins win: a flip of the input does not flip the output.

    Args:
        b: sites between neighbouring windows.
        window: side of the window, in sites; b where not given.

    Raises:
        ValueError: a side below 1, or both of 1.

    >>> spins = np.array([[1, -1, -1, -1]], dtype=np.int8)
    >>> MaxPool(2)(spins, Grid((4,)), rng=np.random.default_rng(0))
    array([[ 1, -1]], dtype=int8)
    """

    name: ClassVar = "max-pool"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` largest values, in the type of the input."""
        return functools.reduce(np.maximum, self.seen(spins, fine))


@dataclass(frozen=True, eq=False)
class Convolution:
    """Σ_r w_r φ(bx + r) for one or several kernels w, or the signs of these sums.

    What networks call a convolution: the kernel is not turned around.

    Args:
        kernels: `(map, *window)` weights; one map gives one value per site, several
            give a feature axis.
        b: sites between neighbouring windows, the stride.
        output: `real`, or `sign` with ties by a fair coin.
        name: what to call the kernels in a history, such as their file.

    Raises:
        ValueError: kernels that are not finite, a `b` below 1, or another output.
    """

    kernels: np.ndarray
    b: int = 2
    output: Literal["real", "sign"] = "real"
    name: str = ""

    def __post_init__(self) -> None:
        kernels = checked_weights(self.kernels)
        if kernels.ndim < 2:
            raise ValueError(
                "kernels are (map, *window), one axis for the maps before those of the "
                f"lattice, got shape {kernels.shape}; put an axis of 1 first"
            )
        if self.output not in ("real", "sign"):
            raise ValueError(
                f"a convolution puts out 'real' values or their 'sign', got "
                f"{self.output!r}"
            )
        check_stride(self.b)
        object.__setattr__(self, "kernels", kernels)

    def coarse(self, fine: Geometry) -> Grid:
        """Centres of the windows; ValueError where `b` does not divide a side."""
        return windowed(grid_of(fine, self), self.b, self.kernels.shape[1:])

    @property
    def features(self) -> int | None:
        """Number of kernels; None where there is one."""
        return len(self.kernels) if len(self.kernels) > 1 else None

    def alphabet(self, fine: str) -> str:
        """Real, or ±1 for signs; ValueError for Potts states or angles."""
        check_takes(self, fine, NUMBERS)
        return "pm1" if self.output == "sign" else "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` or `(n, map, *coarse.lattice)`: float32 or int8."""
        field = self._field(spins, self.coarse(fine).shape)
        if self.features is None:
            field = field[:, 0]
        if self.output == "real":
            return field.astype(np.float32)
        return aligned(field, np.inf, rng=rng)

    def _field(self, spins: np.ndarray, coarse: tuple[int, ...]) -> np.ndarray:
        ones = (1,) * len(coarse)
        field = np.zeros((len(spins), len(self.kernels), *coarse))
        for place, seen in through_window(spins, self.b, self.kernels.shape[1:]):
            field += self.kernels[:, *place].reshape(-1, *ones) * seen[:, None]
        weight = np.abs(self.kernels).reshape(len(self.kernels), -1).sum(axis=1)
        least = ROUNDING * weight.reshape(-1, *ones) * np.abs(spins).max(initial=0)
        field[np.abs(field) <= least] = 0
        return field

    def __str__(self) -> str:
        named = self.name or "×".join(map(str, self.kernels.shape))
        sign = ",output=sign" if self.output == "sign" else ""
        return f"convolution:{named},b={self.b}{sign}"
