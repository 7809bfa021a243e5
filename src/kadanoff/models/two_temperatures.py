"""Zero and infinite temperature and nothing between: a law without a critical point.

A configuration is, with probability `share`, all up or all down (fair), else
independent fair spins. Data of this kind make a thermometer that is trained on single
temperatures point at one in between, though no critical configuration is among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import checked_shape

__all__ = ["TwoTemperatures"]


@dataclass(frozen=True)
class TwoTemperatures:
    """A mixture of the Ising model at T = 0 and at T = ∞; a control.

    Args:
        shape: sides of the hypercubic lattice, whole numbers of at least 2.
        share: probability of a ground state, from 0 to 1.

    Raises:
        ValueError: a bad shape, or a share that is no probability.
    """

    name: ClassVar[str] = "two-temperatures"
    shape: tuple[int, ...]
    share: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "shape", checked_shape(self.shape, "a two-temperature")
        )
        object.__setattr__(self, "share", float(self.share))
        if not 0 <= self.share <= 1:
            raise ValueError(
                f"the share of ground states must be a probability, from 0 to 1, got "
                f"{self.share}"
            )

    @property
    def alphabet(self) -> str:
        """±1."""
        return "pm1"

    @property
    def geometry(self) -> Grid:
        """The lattice."""
        return self._ising.geometry

    @property
    def parameters(self) -> dict[str, Any]:
        """What rebuilds the model together with its shape."""
        return {"share": self.share}

    def couplings(self, coupling: float) -> dict[str, float]:
        """The share of ground states; there is no coupling to vary."""
        return {"share": self.share}

    def check(self, coupling: float) -> None:
        """Refuse a coupling, which would change nothing.

        Raises:
            ValueError: a coupling other than 0.
        """
        if coupling != 0:
            raise ValueError(
                f"the law of two temperatures has no coupling, got {coupling}; give 0 "
                "and set share"
            )

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Ising energy of nearest neighbours per site and m², `(n,)` each."""
        return self._ising.observables(values, 0.0)

    def draw(self, n: int, coupling: float, *, rng: np.random.Generator) -> np.ndarray:
        """Independent configurations of the law, int8 `(n, *lattice)`.

        Raises:
            ValueError: a coupling other than 0.
        """
        self.check(coupling)
        spins = self.hot(n, rng=rng)
        ordered = np.flatnonzero(rng.random(n) < self.share)
        up = 2 * rng.integers(0, 2, size=len(ordered), dtype=np.int8) - 1
        spins[ordered] = up.reshape(-1, *(1,) * len(self.shape))
        return spins

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent fair spins, int8 `(n, *lattice)`."""
        return self._ising.hot(n, rng=rng)

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """All up and all down in turn, int8 `(n, *lattice)`."""
        return self._ising.cold(n, 0.0)

    @cached_property
    def _ising(self) -> Ising:
        return Ising(self.shape)
