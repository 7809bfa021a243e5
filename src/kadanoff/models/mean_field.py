"""The mean-field Ising model, H/J = -(1/N) Σ_{i<j} s_i s_j = -(M² - N)/(2N).

Every spin is bonded to every other (Curie–Weiss), so that M, the sum of the spins,
says it all: the law of M is C(N, (N + M)/2) e^{K M²/(2N)}/Z and, given M, all
arrangements are alike. K = βJ; the critical coupling is K = 1. Sites are laid out on a
grid so that all instruments can read them: what they then see of distance is not there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import betaln

from kadanoff.geometry import Grid
from kadanoff.models.lattice import checked_shape

__all__ = ["MeanField"]


@dataclass(frozen=True)
class MeanField:
    """Ising spins, all bonded alike; a control without a lattice.

    Args:
        shape: sides of the grid that the N sites are laid out on, each at least 2.

    Raises:
        ValueError: a bad shape.

    >>> MeanField((2, 2)).energy(np.ones((1, 2, 2)))
    array([-0.375])
    """

    name: ClassVar[str] = "mean-field"
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", checked_shape(self.shape, "a mean-field"))

    @property
    def alphabet(self) -> str:
        """±1."""
        return "pm1"

    @property
    def geometry(self) -> Grid:
        """The grid that the sites are laid out on."""
        return Grid(self.shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """Nothing but its shape."""
        return {}

    def couplings(self, coupling: float) -> dict[str, float]:
        """K."""
        return {"K": coupling}

    def energy(self, values: np.ndarray) -> np.ndarray:
        """Energy per site in units of J, shape `(n,)`, of `(n, *lattice)` spins."""
        n = self.geometry.size
        return -(_magnetization(values) ** 2 - n) / (2 * n**2)

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Energy per site and squared magnetization per site, `(n,)` each."""
        m = _magnetization(values) / self.geometry.size
        return {"energy": self.energy(values), "m_squared": m**2}

    def magnetization_law(self, coupling: float) -> np.ndarray:
        """Probabilities of M = -N, -N + 2, …, N, shape `(N + 1,)`.

        Raises:
            ValueError: K is not finite.
        """
        if not math.isfinite(coupling):
            raise ValueError(f"the coupling K must be a finite number, got {coupling}")
        n = self.geometry.size
        up = np.arange(n + 1)
        # ln C(n, up) through the Beta function: ln Γ would lose digits at large n.
        log_weight = -betaln(n - up + 1, up + 1)
        log_weight += coupling * (2.0 * up - n) ** 2 / (2 * n)
        weight = np.exp(log_weight - log_weight.max())
        return weight / weight.sum()

    def draw(self, n: int, coupling: float, *, rng: np.random.Generator) -> np.ndarray:
        """Independent configurations of the law, int8 `(n, *lattice)`.

        The number of up spins from its law, then a random permutation of the sites.

        Raises:
            ValueError: K is not finite.
        """
        sites = self.geometry.size
        up = rng.choice(sites + 1, size=n, p=self.magnetization_law(coupling))
        spins = np.where(np.arange(sites) < up[:, None], 1, -1).astype(np.int8)
        return rng.permuted(spins, axis=1).reshape(n, *self.shape)

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent fair spins, int8 `(n, *lattice)`."""
        return rng.integers(0, 2, size=(n, *self.shape), dtype=np.int8) * 2 - 1

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """All up and all down in turn, int8 `(n, *lattice)`."""
        turns = np.where(np.arange(n) % 2, -1, 1).astype(np.int8)
        order = np.ones(self.shape, np.int8)
        return turns.reshape(-1, *(1,) * order.ndim) * order


def _magnetization(values: np.ndarray) -> np.ndarray:
    return np.asarray(values).reshape(len(values), -1).sum(axis=1, dtype=np.float64)
