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
from typing import ClassVar

import numpy as np

from kadanoff.models.driven import Driven

__all__ = ["ForestFire"]


@dataclass(frozen=True)
class ForestFire(Driven):
    """Trees that grow and burn; the coupling is θ >= 0.

    Args:
        shape: sides of the hypercubic lattice, whole numbers of at least 2.

    Raises:
        ValueError: a bad shape.

    >>> ForestFire((4, 4)).observables(np.ones((1, 4, 4)), 10.0)["density"]
    array([1.])
    """

    name: ClassVar[str] = "forest-fire"
    words: ClassVar[str] = "a forest fire"
    pairs: ClassVar[str] = "tree_pairs"

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

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent sites, a tree on half of them, int8 `(n, *lattice)`."""
        return rng.integers(0, 2, size=(n, *self.shape), dtype=np.int8) * 2 - 1

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """A full forest and bare ground in turn, int8 `(n, *lattice)`."""
        turns = np.where(np.arange(n) % 2, -1, 1).astype(np.int8)
        order = np.ones(self.shape, np.int8)
        return turns.reshape(-1, *(1,) * order.ndim) * order
