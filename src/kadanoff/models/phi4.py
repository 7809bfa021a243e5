"""Lattice φ⁴, the law exp(K Σ_<ij> φ_i φ_j) Π_i exp(-φ_i² - λ(φ_i² - 1)²).

Real fields on a periodic hypercubic lattice, <ij> are nearest neighbours, K is of
either sign and λ >= 0. In the notation of Montvay and Münster (Quantum Fields on a
Lattice, 1994, chapter 2) K is 2κ. λ = 0 is the free field, whose modes of wave number
k have ⟨|φ_k|²⟩ = 1/(2 - 2K Σ_μ cos k_μ); λ → ∞ is the Ising model at the same K. Each
site owns its forward bonds: a side of 2 has double bonds.
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

__all__ = ["Phi4"]


@dataclass(frozen=True)
class Phi4:
    """A real scalar field with a quartic potential.

    Args:
        shape: sides of the hypercubic lattice, whole numbers of at least 2.
        quartic: λ, finite, at least 0.

    Raises:
        ValueError: a bad shape, or a λ that is negative or not finite.

    >>> Phi4((4, 4), 1.0).energy(np.full((1, 4, 4), 2.0))
    array([-8.])
    """

    name: ClassVar[str] = "phi4"
    shape: tuple[int, ...]
    quartic: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", checked_shape(self.shape, "a φ⁴"))
        object.__setattr__(self, "quartic", float(self.quartic))
        if not 0 <= self.quartic < math.inf:
            raise ValueError(
                f"the quartic coupling λ must be a finite number of at least 0, got "
                f"{self.quartic}; λ = 0 is the free field"
            )

    @property
    def alphabet(self) -> str:
        """Real numbers."""
        return "real"

    @property
    def geometry(self) -> Grid:
        """The lattice."""
        return lattices.geometry("hypercubic", self.shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """What rebuilds the model together with its shape."""
        return {"quartic": self.quartic}

    @cached_property
    def near(self) -> np.ndarray:
        """Nearest neighbours, int32 `(site, 2d)`."""
        return lattices.neighbours(self._lattice, self.shape)

    @cached_property
    def staggering(self) -> np.ndarray | None:
        """±1 on the two sublattices, `(*lattice)`; None where a side is odd."""
        return lattices.staggering(self._lattice, self.shape)

    def couplings(self, coupling: float) -> dict[str, float]:
        """K and λ."""
        return {"K": coupling, "quartic": self.quartic}

    def check(self, coupling: float) -> None:
        """Refuse a coupling at which there is no law.

        Raises:
            ValueError: K is not finite, or λ = 0 and |K| d >= 1: the free field has a
                mode that nothing holds back.
        """
        if not math.isfinite(coupling):
            raise ValueError(
                f"the coupling K must be a finite number, got {coupling}; independent "
                "sites are K = 0"
            )
        d = len(self.shape)
        if self.quartic == 0 and abs(coupling) * d >= 1:
            raise ValueError(
                f"a free field (λ = 0) in {d} dimensions needs |K| below 1/{d}, got "
                f"{coupling}: its uniform or staggered mode would grow without bound; "
                "use a smaller |K| or λ > 0"
            )

    def energy(self, values: np.ndarray) -> np.ndarray:
        """-Σ_<ij> φ_i φ_j per site, shape `(n,)`, of `(n, *lattice)` fields."""
        values = np.asarray(values, dtype=np.float64)
        axes = range(1, values.ndim)
        shifted = sum(np.roll(values, 1, axis) for axis in axes)
        return -_site_mean(values * shifted)

    def action(self, values: np.ndarray, coupling: float) -> np.ndarray:
        """S of the law exp(-S)/Z, a total, shape `(n,)`, of `(n, *lattice)` fields."""
        squares = np.asarray(values, dtype=np.float64) ** 2
        single = _site_mean(squares + self.quartic * (squares - 1) ** 2)
        return self.geometry.size * (single + coupling * self.energy(values))

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Energy per site, mean φ² and squared order parameters, `(n,)` each."""
        values = np.asarray(values, dtype=np.float64)
        series = {
            "energy": self.energy(values),
            "phi_squared": _site_mean(values**2),
            "m_squared": _site_mean(values) ** 2,
        }
        if coupling < 0 and self.staggering is not None:
            series["staggered_m_squared"] = _site_mean(values * self.staggering) ** 2
        return series

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent sites, the law at K = 0, float64 `(n, *lattice)`.

        Exact, by rejection: exp(-φ² - λ(φ² - 1)²) is at most a constant times a
        Gaussian of variance c (`site_variance`), and is taken with probability
        exp(-λ(φ² - c)²), since φ⁴ - 2cφ² + c² is a square.
        """
        fields = np.empty(n * self.geometry.size)
        waiting = np.arange(fields.size)
        while waiting.size:
            drawn = math.sqrt(self.site_variance) * rng.standard_normal(waiting.size)
            chance = np.exp(-self.quartic * (drawn**2 - self.site_variance) ** 2)
            taken = rng.random(waiting.size) < chance
            fields[waiting[taken]] = drawn[taken]
            waiting = waiting[~taken]
        return fields.reshape(n, *self.shape)

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """Ordered states of both signs in turn, float64 `(n, *lattice)`.

        All signs alike, or staggered for K < 0 where the sides allow it; the moduli are
        those of independent sites, always the same ones. A uniform field at the bottom
        of the potential would be so far from typical that trajectories which leave it
        are hardly ever accepted.
        """
        order = np.ones(self.shape)
        if coupling < 0 and self.staggering is not None:
            order = self.staggering * order
        signs = np.where(np.arange(n) % 2, -1.0, 1.0)
        moduli = abs(self.hot(n, rng=np.random.default_rng(0)))
        return moduli * signs.reshape(-1, *(1,) * order.ndim) * order

    @property
    def site_variance(self) -> float:
        """c with 2c(1 - 2λ + 2λc) = 1: ½ for the free field, 1 in the Ising limit.

        The Gaussian of this variance is the closest above the law of a single site.
        """
        return 1 / (1 - 2 * self.quartic + math.hypot(1, 2 * self.quartic))

    def largest_square(self, coupling: float) -> float:
        """φ² of the classical minimum, or 1 where that is larger or there is none."""
        pull = abs(coupling) * len(self.shape) - 1
        return 1 + pull / (2 * self.quartic) if pull > 0 else 1.0

    @property
    def _lattice(self) -> str:
        return lattices.lattice_name("hypercubic", self.shape)


def _site_mean(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).mean(axis=1)
