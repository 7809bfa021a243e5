"""The Gaussian field: its flow on paper, and block averages of it on a lattice.

In the continuum H = Σ_k y_k ∫ |∇^k φ|² + h ∫ φ. With lengths in units of c the integral
of |∇^k φ|² gains c^(d-2k), and the field is rescaled by c^((2-d)/2) so that y₁ stays:

    y_k → c^(2-2k) y_k,    h → c^((d+2)/2) h,

one relevant, one marginal and all other even couplings irrelevant (Wilson and Kogut,
Phys. Rep. 12, 75 (1974); H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223
(2017), appendix B).

On the lattice a mean over blocks of c^d sites looks at the spectrum S through a window,
and c^d momenta of the fine lattice become one of the coarse lattice:

    S′(k) = c^-d Σ_n Π_i [sin(c q_i/2) / (c sin(q_i/2))]² S(q),    q = (k + 2πn)/c,

n_i = 0 … c-1. For S = 1/(m² + k̂²), k̂² = Σ_i 4 sin²(k_i/2), this is A⁻¹/(m′² + k̂²) for
small k, with 1/S′ expanded to second order in k:

    m′² = c² m² / [1 + (c²-1) m²/12 - (m⁴/4) Σ_{n=1}^{c-1} 1/(s_n (m² + 4 s_n))],

s_n = sin²(πn/c), and A = c^d m²/m′² → c^(d-2). So m² → c² m² as long as c m ≪ 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kadanoff.flows.decimation import check_whole_scale

__all__ = [
    "BlockAveragedMass",
    "GaussianField",
    "block_averaged",
    "lattice_spectrum",
    "mass_of_spectrum",
    "squared_momentum",
]

Spectrum = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""⟨|φ_k|²⟩ per site as a function of momenta `(…, d)`."""


@dataclass(frozen=True)
class GaussianField:
    """The flow of y₀ … y₃ and of a linear term, exact.

    Args:
        d: dimension.
        c: change of scale, any number above 1.
    """

    d: float = 2
    c: float = 2.0

    names: ClassVar[tuple[str, ...]] = ("y0", "y1", "y2", "y3", "field")
    odd: ClassVar[tuple[str, ...]] = ("field",)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.c) and self.c > 1):
            raise ValueError(f"the change of scale c must be above 1, got {self.c}")
        if not (math.isfinite(self.d) and self.d > 0):
            raise ValueError(f"the dimension d must be above 0, got {self.d}")

    @property
    def dimension(self) -> float:
        """d."""
        return float(self.d)

    @property
    def scale(self) -> float:
        """c."""
        return float(self.c)

    def step(self, theory: Tensor) -> Tensor:
        """Every coupling times its power of c."""
        powers = [2.0, 0.0, -2.0, -4.0, (self.d + 2) / 2]
        return theory * self.c ** torch.tensor(powers, dtype=torch.float64)


@dataclass(frozen=True)
class BlockAveragedMass:
    """m² under block averages, read off at small k after each.

    It agrees with the flow on paper at m = 0 and departs from it by the irrelevant
    couplings that a block average makes, which reading off m² forgets.

    Args:
        d: dimension, which m′² does not depend on.
        c: side of the blocks.
    """

    d: int = 2
    c: int = 2

    names: ClassVar[tuple[str, ...]] = ("mass_squared",)
    odd: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_whole_scale(self.c)

    @property
    def dimension(self) -> float:
        """d."""
        return float(self.d)

    @property
    def scale(self) -> float:
        """c."""
        return float(self.c)

    def step(self, theory: Tensor) -> Tensor:
        """m′²."""
        angles = math.pi * torch.arange(1, self.c, dtype=torch.float64) / self.c
        s = torch.sin(angles) ** 2
        aliases = (1 / (s * (theory + 4 * s))).sum()
        below = 1 + (self.c**2 - 1) * theory / 12 - theory**2 / 4 * aliases
        return self.c**2 * theory / below

    def amplitude(self, mass_squared: float) -> float:
        """A of S′ → A⁻¹/(m′² + k̂²): the square by which the field must be rescaled."""
        theory = torch.tensor([mass_squared], dtype=torch.float64)
        if mass_squared == 0:
            return float(self.c) ** (self.d - 2)
        return self.c**self.d * mass_squared / self.step(theory).item()


def squared_momentum(momenta: ArrayLike) -> NDArray[np.float64]:
    """k̂² = Σ_i 4 sin²(k_i/2) of momenta `(…, d)`."""
    return (4 * np.sin(np.asarray(momenta, dtype=float) / 2) ** 2).sum(axis=-1)


def lattice_spectrum(mass_squared: float) -> Spectrum:
    """S(k) = 1/(m² + k̂²).

    Raises:
        ValueError: a mass whose square is not positive.
    """
    if not (math.isfinite(mass_squared) and mass_squared > 0):
        raise ValueError(f"m² must be a positive number, got {mass_squared}")
    return lambda momenta: 1 / (mass_squared + squared_momentum(momenta))


def block_averaged(spectrum: Spectrum, c: int) -> Spectrum:
    """The spectrum of means over blocks of side c, exact: windowed and aliased.

    Args:
        spectrum: of the fine field, on momenta of its lattice, period 2π.
        c: side of the blocks.

    Raises:
        ValueError: a side that is not a whole number of 2 or more sites.
    """
    check_whole_scale(c)

    def coarse(momenta: NDArray[np.float64]) -> NDArray[np.float64]:
        k = np.asarray(momenta, dtype=float)
        total = np.zeros(k.shape[:-1])
        for n in itertools.product(range(c), repeat=k.shape[-1]):
            q = (k + 2 * np.pi * np.array(n)) / c
            total += _window(q, c) * spectrum(q)
        return total / c ** k.shape[-1]

    return coarse


def mass_of_spectrum(spectrum: Spectrum, *, d: int = 2, largest: float = 0.1) -> float:
    """m² of a fit of 1/S = A (m² + k̂²) to momenta of at most `largest` along an axis.

    A parabola through 1/S against k̂² at ten momenta, of which the slope at k = 0 is A.

    Args:
        spectrum: with momenta `(…, d)`.
        d: dimension.
        largest: the largest momentum; what is left out departs by k̂⁶.
    """
    momenta = np.zeros((10, d))
    momenta[:, 0] = np.linspace(largest / 10, largest, 10)
    _, slope, offset = np.polyfit(squared_momentum(momenta), 1 / spectrum(momenta), 2)
    return float(offset / slope)


def _window(q: NDArray[np.float64], c: int) -> NDArray[np.float64]:
    """Squared modulus of the mean of e^{iqx} over a block."""
    wave = np.exp(1j * q[..., None] * np.arange(c)).mean(axis=-1)
    return (np.abs(wave) ** 2).prod(axis=-1)
