"""An epidemic with an absorbing state: the contact process (Harris 1974).

Every site of a periodic lattice is healthy (-1) or infected (+1). An infected site
recovers at rate 1 and infects at rate λ, each time one of its 2d nearest neighbours at
random; what is infected stays so (T. E. Harris, Ann. Probab. 2, 969 (1974)). Nobody is
infected from outside: the healthy lattice is absorbing. Beyond a threshold λ_c an
infinite lattice has a second, active stationary state; the transition is that of
directed percolation in d + 1 dimensions.

A finite lattice dies out at every λ, and its only stationary state is the empty one.
What is drawn here is the quasi-stationary law, of those that have lived long and still
live: with Q the generator between configurations that are not healthy throughout, it is
the left eigenvector

    π Q = -π/τ,   Σ π = 1,

of the eigenvalue closest to zero, and τ is the lifetime. Multiplying by the number of
infected sites n and by 1, and using that every infection wants a healthy neighbour,

    τ^-1 = P(n = 1),   ⟨n⟩ (1 - 1/τ) = λ ⟨pairs infected-healthy⟩ / 2d

exactly on every lattice (pairs counted by bonds). No rate of spontaneous infection is
needed, which would be one more relevant parameter and blur the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kadanoff.models.driven import Driven

__all__ = ["THRESHOLD", "Epidemic"]

THRESHOLD = {1: 3.29785, 2: 1.64877, 3: 1.31686}
"""λ_c of chain, square and cubic lattice, from the literature (J. Marro and R. Dickman,
Nonequilibrium Phase Transitions in Lattice Models, Cambridge, 1999): good to the last
digit or two. The tests of the sampler check that of the square lattice to 1 %."""


@dataclass(frozen=True)
class Epidemic(Driven):
    """The contact process; the coupling is the rate of infection λ > 0.

    Args:
        shape: sides of the hypercubic lattice, whole numbers of at least 2.

    Raises:
        ValueError: a bad shape.

    >>> Epidemic((4, 4)).observables(np.ones((1, 4, 4)), 1.6)["density"]
    array([1.])
    """

    name: ClassVar[str] = "epidemic"
    words: ClassVar[str] = "an epidemic"
    pairs: ClassVar[str] = "infected_pairs"

    def couplings(self, coupling: float) -> dict[str, float]:
        """λ."""
        return {"infection": coupling}

    def check(self, coupling: float) -> None:
        """Refuse a λ that is not positive or not finite.

        Raises:
            ValueError: such a λ; at λ = 0 the quasi-stationary law is not unique.
        """
        if not 0 < coupling < math.inf:
            raise ValueError(
                "λ, how many neighbours an infected site infects before it recovers, "
                f"must be a finite number above 0, got {coupling}; give for example "
                f"{THRESHOLD[2]}, the threshold of the square lattice"
            )

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Half of the sites infected at random, at least one, int8 `(n, *lattice)`."""
        values = rng.integers(0, 2, size=(n, *self.shape), dtype=np.int8) * 2 - 1
        flat = values.reshape(n, -1)
        first = rng.integers(0, flat.shape[1], size=n)
        flat[np.arange(n), first] = np.where(
            (flat < 0).all(axis=1), 1, flat[np.arange(n), first]
        )
        return values

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """All sites infected and a single one in turn, int8 `(n, *lattice)`."""
        values = np.ones((n, *self.shape), np.int8)
        flat = values.reshape(n, -1)
        flat[1::2, 1:] = -1
        return values
