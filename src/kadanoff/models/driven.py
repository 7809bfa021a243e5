"""What models without an energy have in common: two states on a periodic lattice.

They are given by rates, not by a Hamiltonian, so that a coupling is a ratio of rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from kadanoff.geometry import Grid
from kadanoff.models import lattice as lattices
from kadanoff.models.lattice import checked_shape

__all__ = ["Driven"]


@dataclass(frozen=True)
class Driven:
    """Sites of a hypercubic lattice that are up (+1) or not (-1).

    Args:
        shape: sides of the lattice, whole numbers of at least 2.

    Raises:
        ValueError: a bad shape.
    """

    words: ClassVar[str] = "a driven model"
    pairs: ClassVar[str] = "pairs"
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", checked_shape(self.shape, self.words))

    @property
    def alphabet(self) -> str:
        """±1."""
        return "pm1"

    @property
    def geometry(self) -> Grid:
        """The lattice."""
        return lattices.geometry("hypercubic", self.shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """Nothing but its shape."""
        return {}

    @cached_property
    def near(self) -> np.ndarray:
        """Nearest neighbours, int32 `(site, 2d)`."""
        name = lattices.lattice_name("hypercubic", self.shape)
        return lattices.neighbours(name, self.shape)

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Share of sites that are up, its square, and of bonds between two, `(n,)`."""
        up = np.asarray(values) > 0
        pairs = [up & np.roll(up, 1, axis) for axis in range(1, up.ndim)]
        density = _site_mean(up)
        return {
            "density": density,
            "density_squared": density**2,
            self.pairs: np.mean([_site_mean(pair) for pair in pairs], axis=0),
        }


def _site_mean(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).mean(axis=1)
