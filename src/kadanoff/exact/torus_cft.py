"""Critical correlators of the Ising model on a periodic m×n square lattice.

At K_c and at distances of many sites the lattice is the free Majorana fermion on a
torus (P. Di Francesco, H. Saleur and J.-B. Zuber, Nucl. Phys. B 290, 527 (1987)). With
z = (x + iy)/L_x, τ = iL_y/L_x, nome e^{-πL_y/L_x} and Jacobi's θ_ν at argument πz,

    ⟨s_0 s_r⟩ = B ρ^{1/4} Σ_{ν=1..4} |θ_ν(z/2)| / Σ_{ν=2..4} |θ_ν(0)|,
    ⟨ε_0 ε_r⟩ - ⟨ε⟩² = (16/π²) [ρ² Σ_{ν=2..4} |θ_ν(z)|²/|θ_ν(0)| / Σ_{ν=2..4} |θ_ν(0)|
                              - (e₁/L_x)²],
    ρ = |θ₁′(0)/θ₁(z)| / L_x → 1/r,     e₁ = |θ₁′(0)| / Σ_{ν=2..4} |θ_ν(0)|,

for ε_i = s_i Σ_nn s_j with its finite-size mean subtracted. Here every |θ_ν(z)| carries
a factor exp(-π (Im z)²/Im τ). It cancels from both correlators, makes ρ and the ratios
single-valued on the torus and equal whichever side is called L_x, and is 1 along x.

With spins at z₁ and z₂ and an energy at z₃, z̄ = (z₁ + z₂)/2 - z₃, and fields that are
normalised in the plane, the bosonization of two copies gives

    ⟨σσε⟩ = ½ |θ₁(z₁₂)/θ₁′|^{3/4} |θ₁′/θ₁(z₁₃)| |θ₁′/θ₁(z₂₃)|
            · Σ_{ν=1..4} |θ_ν(z̄)|²/|θ_ν(z₁₂/2)| / Σ_{ν=2..4} |θ_ν(0)|

in units of L_x. Where spins meet, ν = 1 is ⟨σσ⟩⟨ε⟩ and the rest ½ r^{3/4} ⟨εε⟩, as it
must be.

These are limits: at fixed r/L the lattice differs by O(L^-2), and at fixed small r by
an amount that stays (energy along an axis: 16 % at r = 2, 6 % at 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kadanoff.exact.constants import (
    CORRELATION_AMPLITUDE,
    DELTA_EPSILON,
    DELTA_SIGMA,
)
from kadanoff.geometry import Grid

__all__ = [
    "chord",
    "energy_correlation",
    "energy_ratio",
    "energy_shells",
    "energy_vacuum",
    "magnetization_squared",
    "spin_correlation",
    "spin_ratio",
    "spin_shells",
    "torus_three_point",
]

ENERGY_AMPLITUDE = 16 / math.pi**2
"""⟨ε_0 ε_r⟩ - ⟨ε⟩² → 16/(π² r²) for the four bonds of a site: 1/(π² r²) is that of one
bond averaged over both directions (R. Hecht, Phys. Rev. 158, 557 (1967))."""

SPIN_SPIN_ENERGY = 0.5
"""C_σσε (A. A. Belavin, A. M. Polyakov and A. B. Zamolodchikov, Nucl. Phys. B 241, 333
(1984))."""

Array = NDArray[np.float64]
Vector = tuple[float, float]

SAME_PLACE = 1e-12  # θ₁ of two places that differ by rounding
MAX_ASPECT = 400
"""Beyond, θ₂(0) = 2 exp(-πL_y/4L_x) leaves the range of floating-point numbers."""


def spin_correlation(displacement: ArrayLike, shape: Sequence[int]) -> Array:
    """⟨s_0 s_r⟩ at K_c; 1 at displacement 0, where a spin meets itself.

    Args:
        displacement: `(..., 2)` in sites along the two sides, periodic images alike.
        shape: the two sides, each at least 2.

    Raises:
        ValueError: a bad shape or a displacement without two components.

    >>> spin_correlation([[0, 16], [16, 0]], (32, 32)).round(3).tolist()
    [0.443, 0.443]
    """
    rho = chord(displacement, shape)
    scaled = rho ** (2 * DELTA_SIGMA) * spin_ratio(displacement, shape)
    return np.where(np.isinf(rho), 1.0, CORRELATION_AMPLITUDE * scaled)


def energy_correlation(displacement: ArrayLike, shape: Sequence[int]) -> Array:
    """Connected ⟨ε_0 ε_r⟩ at K_c, ε_i = s_i Σ_nn s_j; infinite at displacement 0.

    Raises:
        ValueError: a bad shape or a displacement without two components.
    """
    rho = chord(displacement, shape)
    scaled = rho ** (2 * DELTA_EPSILON) * energy_ratio(displacement, shape)
    return ENERGY_AMPLITUDE * (scaled - energy_vacuum(shape) ** 2)


def chord(displacement: ArrayLike, shape: Sequence[int]) -> Array:
    """ρ, what 1/r of the plane becomes on the torus; infinite at displacement 0.

    A scaling dimension Δ is fitted as B ρ^{2Δ} times `spin_ratio` or `energy_ratio`.

    Raises:
        ValueError: a bad shape or a displacement without two components.
    """
    z, width, t = _coordinates(displacement, shape)
    with np.errstate(divide="ignore"):
        return _slope(t) / _theta(1, z, t) / width


def spin_ratio(displacement: ArrayLike, shape: Sequence[int]) -> Array:
    """Σ_{ν=1..4} |θ_ν(z/2)| / Σ_{ν=2..4} |θ_ν(0)|, which tends to 1 as r/L → 0.

    Raises:
        ValueError: a bad shape or a displacement without two components.
    """
    z, _, t = _coordinates(displacement, shape)
    return np.sum([_theta(nu, z / 2, t) for nu in (1, 2, 3, 4)], axis=0) / _total(t)


def energy_ratio(displacement: ArrayLike, shape: Sequence[int]) -> Array:
    """Σ_{ν=2..4} |θ_ν(z)|²/|θ_ν(0)| / Σ_{ν=2..4} |θ_ν(0)|, which tends to 1.

    Raises:
        ValueError: a bad shape or a displacement without two components.
    """
    z, _, t = _coordinates(displacement, shape)
    terms = [_theta(nu, z, t) ** 2 / _constant(nu, t) for nu in (2, 3, 4)]
    return np.sum(terms, axis=0) / _total(t)


def energy_vacuum(shape: Sequence[int]) -> float:
    """e₁/L_x, the energy density in the units of ρ; e₁ = 0.977726 on a square.

    The energy per site at K_c is -√2 - (2/π) of it, to this order (A. E. Ferdinand and
    M. E. Fisher, Phys. Rev. 185, 832 (1969)).

    Raises:
        ValueError: a bad shape.

    >>> round(32 * energy_vacuum((32, 32)), 6)
    0.977726
    """
    _, width, t = _coordinates((0, 0), shape)
    return _slope(t) / _total(t) / width


def torus_three_point(
    first: Vector, second: Vector, energy: Vector, shape: Sequence[int]
) -> float:
    """⟨σσε⟩ on the critical torus with C = ½, of fields normalised in the plane.

    Nothing is subtracted: it contains ⟨σσ⟩⟨ε⟩, `chord`^{1/4} times `spin_ratio` times
    `energy_vacuum`.

    Args:
        first, second, energy: positions of σ, σ and ε, in sites.
        shape: the two sides.

    Raises:
        ValueError: a bad shape, positions without two finite components, or two fields
            at one place.

    >>> round(torus_three_point((-1, 0), (1, 0), (0, 0), (10**5, 10**5)), 4)
    0.8409
    """
    z, width, t = _coordinates([first, second, energy], shape)
    z1, z2, z3 = z.reshape(3, 1)
    gaps = [_theta(1, a - b, t) for a, b in ((z1, z2), (z1, z3), (z2, z3))]
    if min(float(gap[0]) for gap in gaps) < SAME_PLACE:
        raise ValueError(
            f"the three fields need different places, got {first}, {second}, {energy}"
        )
    across, left, right = gaps
    sectors = [
        _theta(nu, (z1 + z2) / 2 - z3, t) ** 2 / _theta(nu, (z1 - z2) / 2, t)
        for nu in (1, 2, 3, 4)
    ]
    slope = _slope(t)
    scaled = (across / slope) ** 0.75 * slope**2 / (left * right) * np.sum(sectors, 0)
    return float(SPIN_SPIN_ENERGY * scaled[0] / _total(t) / width**1.25)


def magnetization_squared(shape: Sequence[int]) -> float:
    """⟨m²⟩ at K_c, the mean of `spin_correlation` over the torus: an approximation.

    The lattice differs at the shortest distances; its relative error falls as
    L^(-7/4): 1.4 % at 4×4, 0.4 % at 8×8.

    Raises:
        ValueError: a bad shape.
    """
    return float(spin_correlation(_everywhere(shape), shape).mean())


def spin_shells(shape: Sequence[int]) -> tuple[Array, Array]:
    """Distances of the torus, increasing from 0, and ⟨s_0 s_r⟩ averaged at each.

    Raises:
        ValueError: a bad shape.
    """
    return _by_distance(spin_correlation(_everywhere(shape), shape))


def energy_shells(shape: Sequence[int]) -> tuple[Array, Array]:
    """Distances of the torus, increasing from 0, and connected ⟨ε_0 ε_r⟩ at each.

    Raises:
        ValueError: a bad shape.
    """
    return _by_distance(energy_correlation(_everywhere(shape), shape))


def _everywhere(shape: Sequence[int]) -> Array:
    sides = _sides(shape)
    return np.moveaxis(np.indices(sides).astype(float), 0, -1)


def _by_distance(values: Array) -> tuple[Array, Array]:
    grid = Grid(values.shape)
    positions = grid.positions()
    exact = grid.distance(positions[0], positions)
    lengths = np.asarray(np.round(exact, 9), dtype=np.float64)
    distance, shell = np.unique(lengths, return_inverse=True)
    return distance, np.bincount(shell, weights=values.ravel()) / np.bincount(shell)


def _coordinates(
    displacement: ArrayLike, shape: Sequence[int]
) -> tuple[NDArray[np.complex128], int, float]:
    """z of each displacement, the side L_x, and L_y/L_x."""
    sides = np.array(_sides(shape))
    try:
        r = np.asarray(displacement, dtype=float)
    except (TypeError, ValueError):  # words, or rows of several lengths
        r = np.zeros(0)
    if r.ndim == 0 or r.shape[-1] != 2 or not np.isfinite(r).all():
        raise ValueError(
            "displacements on a torus need two finite components each, got "
            f"{displacement!r}; give (..., 2) numbers of sites"
        )
    # The short side is L_x: the nome is then at most e^-π and few terms are enough.
    order = np.argsort(sides, kind="stable")
    sides, r = sides[order], r[..., order]
    near = r - sides * np.rint(r / sides)
    z = (near[..., 0] + 1j * near[..., 1]) / sides[0]
    return z, int(sides[0]), float(sides[1] / sides[0])


def _theta(nu: int, z: NDArray[np.complex128], t: float) -> Array:
    """|θ_ν(z)| exp(-π (Im z)²/t) for τ = it: a sum of Gaussians, none above 1."""
    n = _integers(t) + (0.5 if nu in (1, 2) else 0.0)
    sign = (-1.0) ** np.arange(len(n)) if nu in (1, 4) else np.ones(len(n))
    real, height = z.real[..., None], z.imag[..., None] / t
    terms = np.exp(-math.pi * t * (n - height) ** 2 + 2j * math.pi * n * real)
    if nu == 1:  # opposite n in pairs, so that 0 at z = 0 is 0
        terms, sign = (terms - terms[..., ::-1])[..., n > 0], sign[n > 0]
    return np.asarray(abs(terms @ sign), dtype=np.float64)


def _constant(nu: int, t: float) -> float:
    return float(_theta(nu, np.zeros(1, dtype=complex), t)[0])


def _total(t: float) -> float:
    """Σ_{ν=2..4} |θ_ν(0)|."""
    return _constant(2, t) + _constant(3, t) + _constant(4, t)


def _slope(t: float) -> float:
    """|θ₁′(0)|, the derivative in z, by Jacobi's πθ₂θ₃θ₄."""
    return math.pi * _constant(2, t) * _constant(3, t) * _constant(4, t)


def _integers(t: float) -> Array:
    """Enough n for Gaussians exp(-πt(n - ½)²) to fall below rounding."""
    reach = 2 + math.ceil(math.sqrt(40 / (math.pi * t)))
    return np.arange(-reach, reach, dtype=float)


def _sides(shape: Sequence[int]) -> tuple[int, int]:
    sides = tuple(shape) if isinstance(shape, Iterable) else ()
    whole = all(isinstance(side, Integral) and side >= 2 for side in sides)
    if len(sides) != 2 or not whole or max(sides) > MAX_ASPECT * min(sides):
        raise ValueError(
            f"a critical torus needs two whole sides of at least 2, the longer at most "
            f"{MAX_ASPECT} times the other, got shape {shape}; give a pair such as "
            "(32, 32)"
        )
    return int(sides[0]), int(sides[1])
