"""The operations of a convolutional network as rules: pooling and strided convolution.

Windows of w sites along every direction are moved by b sites and wrap around the torus
(circular padding). Average pooling with w = b is the block mean, and a convolution with
one kernel of positive weights the field behind a weighted vote; max pooling of ±1 spins
is a logical or, which no flip of the spins commutes with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kadanoff.coarse.kadanoff_rule import aligned
from kadanoff.coarse.weighted import ROUNDING, checked_weights
from kadanoff.coarse.windows import grid_of, require_numbers, through_window, windowed
from kadanoff.geometry import Geometry, Grid

__all__ = ["AveragePool", "Convolution", "MaxPool"]


@dataclass(frozen=True)
class AveragePool:
    """The mean over a window: real values.

    Args:
        b: sites between neighbouring windows.
        window: side of the window, in sites; b where not given.

    Raises:
        ValueError: a window below 1.
    """

    b: int = 2
    window: int | None = None

    def __post_init__(self) -> None:
        _check_window(self.window)

    def coarse(self, fine: Geometry) -> Grid:
        """Centres of the windows; ValueError where `b` does not divide a side."""
        return _pooled(fine, self)

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
        """float32 `(n, *coarse.lattice)` means."""
        total = np.zeros((len(spins), *self.coarse(fine).shape))
        window = _window(fine, self)
        for _, seen in through_window(spins, self.b, window):
            total += seen
        return (total / np.prod(window)).astype(np.float32)

    def __str__(self) -> str:
        return f"average-pool:{_sides(self)}"


@dataclass(frozen=True)
class MaxPool:
    """The largest value in a window, ±1 of ±1 and real of real values.

    Up spins win: a flip of the input does not flip the output.

    Args:
        b: sites between neighbouring windows.
        window: side of the window, in sites; b where not given.

    Raises:
        ValueError: a window below 1.

    >>> spins = np.array([[1, -1, -1, -1]], dtype=np.int8)
    >>> MaxPool(2)(spins, Grid((4,)), rng=np.random.default_rng(0))
    array([[ 1, -1]], dtype=int8)
    """

    b: int = 2
    window: int | None = None

    def __post_init__(self) -> None:
        _check_window(self.window)

    def coarse(self, fine: Geometry) -> Grid:
        """Centres of the windows; ValueError where `b` does not divide a side."""
        return _pooled(fine, self)

    @property
    def features(self) -> None:
        """One value per site."""

    def alphabet(self, fine: str) -> str:
        """That of the input; ValueError for Potts states or angles."""
        require_numbers(fine, self)
        return fine

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` largest values, in the type of the input."""
        self.coarse(fine)
        places = through_window(spins, self.b, _window(fine, self))
        _, largest = next(places)
        for _, seen in places:
            largest = np.maximum(largest, seen)
        return largest.copy()

    def __str__(self) -> str:
        return f"max-pool:{_sides(self)}"


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
        ValueError: kernels that are not finite, or another output.
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
        require_numbers(fine, self)
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


def _check_window(window: int | None) -> None:
    if window is not None and window < 1:
        raise ValueError(f"a window needs at least 1 site, got {window}")


def _window(fine: Geometry, rule: AveragePool | MaxPool) -> tuple[int, ...]:
    return (rule.window or rule.b,) * grid_of(fine, rule).dimension


def _pooled(fine: Geometry, rule: AveragePool | MaxPool) -> Grid:
    return windowed(grid_of(fine, rule), rule.b, _window(fine, rule))


def _sides(rule: AveragePool | MaxPool) -> str:
    wide = "" if rule.window is None else f",window={rule.window}"
    return f"b={rule.b}{wide}"
