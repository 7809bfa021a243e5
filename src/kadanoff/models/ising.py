"""The nearest-neighbour Ising model, H = -J Σ_<ij> s_i s_j, on a periodic hypercube.

Spins are ±1 and the coupling is K = βJ, so that the law is exp(K Σ_<ij> s_i s_j)/Z.
Each site owns one forward bond per direction: a side of 2 has double bonds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kadanoff.geometry import Grid

__all__ = ["Ising"]


@dataclass(frozen=True)
class Ising:
    """The Ising ferromagnet (K > 0) or antiferromagnet (K < 0) on a torus.

    Args:
        shape: sides of the lattice, one per dimension, each at least 2.

    Raises:
        ValueError: no side, or a side below 2.

    >>> Ising((4, 4)).energy(np.ones((1, 4, 4), dtype=np.int8))
    array([-2.])
    """

    name: ClassVar[str] = "ising"
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if not self.shape or any(side < 2 for side in self.shape):
            raise ValueError(
                f"an Ising lattice needs every side to be at least 2, got shape "
                f"{self.shape}; a side of 1 would bond a spin to itself"
            )

    @property
    def geometry(self) -> Grid:
        """The lattice."""
        return Grid(self.shape)

    @property
    def bonds(self) -> int:
        """Number of bonds: one per site and dimension."""
        return self.geometry.size * len(self.shape)

    def energy(self, spins: np.ndarray) -> np.ndarray:
        """Energy per site in units of J, shape `(n,)`, of `(n, *shape)` spins."""
        axes = range(1, len(self.shape) + 1)
        total = np.zeros(len(spins))
        for axis in axes:
            total -= _bond_sum(spins, axis)
        return total / self.geometry.size


def _bond_sum(spins: np.ndarray, axis: int) -> np.ndarray:
    """Σ s_i s_{i+1} along one axis, without widening the product of int8 spins."""
    rest = tuple(range(1, spins.ndim))
    inner = np.moveaxis(spins, axis, 1)
    products = inner[:, 1:] * inner[:, :-1]
    closing = inner[:, -1] * inner[:, 0]
    return products.sum(axis=rest, dtype=_sum_type(spins)) + closing.sum(
        axis=rest[:-1], dtype=_sum_type(spins)
    )


def _sum_type(spins: np.ndarray) -> type:
    return np.float64 if spins.dtype.kind == "f" else np.int64
