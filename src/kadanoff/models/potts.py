"""The q-state Potts model, H/J = -Σ_<ij> δ(s_i, s_j).

Values are 0 … q-1 on a periodic lattice and K = βJ has either sign: the law is
exp(-K H/J)/Z (Potts, Proc. Camb. Phil. Soc. 48, 106 (1952); Wu, Rev. Mod. Phys. 54,
235 (1982)). Two states are an Ising model of half the coupling, since
δ(s, t) = (1 + σ τ)/2. On the square lattice the ferromagnet orders at K = ln(1 + √q).
Each site owns its forward bonds: a side of 2 has double bonds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from kadanoff.geometry import Grid
from kadanoff.models import lattice as lattices

__all__ = ["Potts"]

MOST_STATES = 255  # one byte, and one value left over to mark sites


@dataclass(frozen=True)
class Potts:
    """Potts variables: equal neighbours are favoured for K > 0, unequal for K < 0.

    Args:
        shape: cells along each direction, each at least 2.
        q: number of states, 2 to 255.
        lattice: see `kadanoff.models.lattice`; chain, square, cubic, … by the number
            of sides where not given.

    Raises:
        ValueError: no side, a side below 2, an unknown lattice, or a number of states
            outside 2 to 255.

    >>> Potts((4, 4), 3).energy(np.zeros((1, 4, 4), dtype=np.uint8))
    array([-2.])
    """

    name: ClassVar[str] = "potts"
    shape: tuple[int, ...]
    q: int
    lattice: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", lattices.checked_shape(self.shape, "a Potts"))
        name = lattices.lattice_name(self.lattice, self.shape)
        object.__setattr__(self, "lattice", name)
        if not isinstance(self.q, Integral) or not 2 <= self.q <= MOST_STATES:
            raise ValueError(
                f"a Potts variable has 2 to {MOST_STATES} states, got q = {self.q!r}; "
                "q = 2 is the Ising model at half the coupling"
            )
        object.__setattr__(self, "q", int(self.q))

    @property
    def alphabet(self) -> str:
        """`potts:q`."""
        return f"potts:{self.q}"

    @property
    def geometry(self) -> Grid:
        """The lattice."""
        return lattices.geometry(str(self.lattice), self.shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """What rebuilds the model together with its shape."""
        return {"q": self.q, "lattice": self.lattice}

    @cached_property
    def near(self) -> np.ndarray:
        """Nearest neighbours, int32 `(site, z)`."""
        return lattices.neighbours(str(self.lattice), self.shape)

    @cached_property
    def staggering(self) -> np.ndarray | None:
        """±1 on the two sublattices, `(*lattice)`; None where there are not two."""
        return lattices.staggering(str(self.lattice), self.shape)

    @property
    def bonds(self) -> int:
        """Number of bonds."""
        return self.near.size // 2

    def couplings(self, coupling: float) -> dict[str, float]:
        """The dimensionless coupling K."""
        return {"K": coupling}

    def energy(self, values: np.ndarray) -> np.ndarray:
        """Energy per site in units of J, shape `(n,)`, of `(n, *lattice)` values."""
        flat = values.reshape(len(values), -1)
        alike = sum((flat == flat[:, column]).sum(axis=1) for column in self.near.T)
        return np.asarray(alike) / (-2 * self.geometry.size)

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Energy per site and squared order parameters, `(n,)` each.

        With f_a the share of state a, m² = (q Σ_a f_a² - 1)/(q - 1). An antiferromagnet
        on two sublattices has also 2 Σ_a (f_a^A - f_a^B)², f_a^A counted on one of
        them: 1 where each is in a single state, the Ising staggered m² for q = 2.
        """
        flat = values.reshape(len(values), -1)
        shares = self._shares(flat, np.ones(flat.shape[1]))
        series = {
            "energy": self.energy(values),
            "m_squared": (self.q * (shares**2).sum(axis=1) - 1) / (self.q - 1),
        }
        if coupling < 0 and self.staggering is not None:
            difference = self._shares(flat, self.staggering.ravel())
            series["staggered_m_squared"] = 2 * (difference**2).sum(axis=1)
        return series

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent uniform states, uint8 `(n, *lattice)`."""
        return rng.integers(0, self.q, (n, *self.geometry.lattice), dtype=np.uint8)

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """Ordered states in turn, uint8 `(n, *lattice)`.

        The q uniform ones, or for an antiferromagnet on two sublattices one state on
        each of them.
        """
        turns = np.arange(n).reshape(-1, *(1,) * len(self.geometry.lattice))
        step = np.zeros(self.geometry.lattice, np.int64)
        if coupling < 0 and self.staggering is not None:
            step = (self.staggering < 0).astype(np.int64)
        return ((turns + step) % self.q).astype(np.uint8)

    def _shares(self, flat: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Σ_i w_i δ(s_i, a)/N of every state, `(n, q)`."""
        columns = [(flat == a) @ weights for a in range(self.q)]
        return np.stack(columns, axis=1) / flat.shape[1]
