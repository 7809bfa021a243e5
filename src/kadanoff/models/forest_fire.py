"""The forest fire, a driven model without an energy (Drossel and Schwabl 1992).

Every site of a periodic lattice is empty (-1) or holds a tree (+1). At rate p per site
a tree grows where there is none, and at rate f lightning strikes: the whole cluster of
trees that are connected to the struck site through nearest neighbours burns down at
once (Drossel and Schwabl, Phys. Rev. Lett. 69, 1629 (1992), in the limit of fast
fires). Only θ = p/f, the mean number of growth attempts between two strikes, matters.
Growth is an independent Poisson process, so that in the stationary state

    ⟨trees burnt by a strike⟩ = θ (1 - ρ),   ρ the density of trees,

exactly on every lattice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from kadanoff.geometry import Grid
from kadanoff.models import lattice as lattices
from kadanoff.models.lattice import checked_shape

__all__ = ["ForestFire"]


@dataclass(frozen=True)
class ForestFire:
    """Trees that grow and burn; the coupling is θ >= 0.

    Args:
        shape: sides of the hypercubic lattice, whole numbers of at least 2.

    Raises:
        ValueError: a bad shape.

    >>> ForestFire((4, 4)).observables(np.ones((1, 4, 4)), 10.0)["density"]
    array([1.])
    """

    name: ClassVar[str] = "forest-fire"
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", checked_shape(self.shape, "a forest fire"))

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

    def couplings(self, coupling: float) -> dict[str, float]:
        """θ = p/f."""
        return {"theta": coupling}

    def check(self, coupling: float) -> None:
        """Refuse a θ that is negative or not finite.

        Raises:
            ValueError: such a θ.
        """
        if not 0 <= coupling < math.inf:
            raise ValueError(
                f"θ = p/f, the mean number of growth attempts between two strikes, "
                f"must be a finite number of at least 0, got {coupling}; give for "
                "example 100"
            )

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Density, its square, and the share of bonds between two trees, `(n,)`."""
        trees = np.asarray(values) > 0
        pairs = [trees & np.roll(trees, 1, axis) for axis in range(1, trees.ndim)]
        density = _site_mean(trees)
        return {
            "density": density,
            "density_squared": density**2,
            "tree_pairs": np.mean([_site_mean(pair) for pair in pairs], axis=0),
        }

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent sites, a tree on half of them, int8 `(n, *lattice)`."""
        return rng.integers(0, 2, size=(n, *self.shape), dtype=np.int8) * 2 - 1

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """A full forest and bare ground in turn, int8 `(n, *lattice)`."""
        turns = np.where(np.arange(n) % 2, -1, 1).astype(np.int8)
        order = np.ones(self.shape, np.int8)
        return turns.reshape(-1, *(1,) * order.ndim) * order


def _site_mean(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).mean(axis=1)
