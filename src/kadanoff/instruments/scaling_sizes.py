"""Scaling dimensions from several sizes at the critical point.

With e the energy per site, in units of J, and N = L^d,

    ⟨m²⟩ = A L^{-2Δ_σ},   ⟨|m|⟩ = A L^{-Δ_σ},
    d ln⟨m²⟩/dK = -N (⟨m² e⟩/⟨m²⟩ - ⟨e⟩) = A L^{d - Δ_ε}

(A. M. Ferrenberg and D. P. Landau, Phys. Rev. B 44, 5081 (1991), for the logarithmic
derivative; d - Δ_ε = 1/ν). The heat capacity, of exponent α/ν = d - 2Δ_ε = 0, is a
logarithm in the Ising class and is no use for Δ_ε.

Corrections are A L^x + B L^{x - ω}. Those of m and m² are the regular part of the
susceptibility, ω = d - 2Δ_σ = 7/4 (J. Salas and A. D. Sokal, J. Stat. Phys. 98, 551
(2000)). The amplitude A of ⟨m²⟩ is itself a smooth function of K, which adds the
constant d ln A/dK to the third law: there x - ω = 0, whatever ω of m² is. From L = 8
to 32 it makes Δ_ε wrong by 0.1 if it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import DELTA_SIGMA, Y_T
from kadanoff.instruments.crossing import Curve, by_size, joint
from kadanoff.instruments.scaling_fit import curve_fit
from kadanoff.instruments.scaling_form import check_omega
from kadanoff.instruments.thermodynamics import Series, series

__all__ = ["SizeLaw", "SizeScaling", "size_law", "size_scaling"]


@dataclass(frozen=True, eq=False)
class SizeLaw:
    """A power of L.

    Attributes:
        name: what was read.
        side: the sizes, increasing.
        values: the reading at each.
        exponent: x of A L^x + B L^{x - ω}, or of A L^x + B.
        amplitude: A.
        correction: B; None where it was not fitted.
        chi2, dof, p: of the fit.
    """

    name: str
    side: np.ndarray
    values: Estimate
    exponent: Estimate
    amplitude: Estimate
    correction: Estimate | None
    chi2: float
    dof: int
    p: float

    def __str__(self) -> str:
        return (
            f"{self.name} ~ L^{self.exponent}, χ²/dof = {self.chi2:.1f}/{self.dof}, "
            f"p = {self.p:.2g}"
        )


@dataclass(frozen=True, eq=False)
class SizeScaling:
    """Δ_σ and Δ_ε of a series of sizes at one coupling.

    Attributes:
        m_squared: the law of ⟨m²⟩.
        m_absolute: the law of ⟨|m|⟩.
        slope: the law of d ln⟨m²⟩/dK.
        dimension: d.
        omega: ω of the corrections of ⟨m²⟩ and ⟨|m|⟩, None for no correction at all.
    """

    m_squared: SizeLaw
    m_absolute: SizeLaw
    slope: SizeLaw
    dimension: int
    omega: float | None

    @property
    def delta_sigma(self) -> Estimate:
        """Δ_σ from ⟨m²⟩."""
        return self.m_squared.exponent / -2

    @property
    def delta_sigma_absolute(self) -> Estimate:
        """Δ_σ from ⟨|m|⟩, on the same configurations."""
        return -self.m_absolute.exponent

    @property
    def delta_epsilon(self) -> Estimate:
        """Δ_ε = d - 1/ν from d ln⟨m²⟩/dK."""
        return self.dimension - self.slope.exponent

    def __str__(self) -> str:
        sides = ", ".join(f"{side:g}" for side in self.m_squared.side)
        form = "uncorrected" if self.omega is None else f"corrected, ω = {self.omega:g}"
        return "\n".join(
            [
                f"Δ_σ = {self.delta_sigma} from ⟨m²⟩, {self.delta_sigma_absolute} from "
                f"⟨|m|⟩; Δ_ε = {self.delta_epsilon} (L = {sides}; {form})",
                *(str(law) for law in (self.m_squared, self.m_absolute, self.slope)),
            ]
        )


def size_scaling(
    ensembles: Sequence[Ensemble], *, omega: float | None = None
) -> SizeScaling:
    """Δ_σ and Δ_ε from lattices of several sizes, all at the critical coupling.

    Args:
        ensembles: cubes (all sides equal) of one model, one per size, of chains of
            their own.
        omega: of a correction L^-ω to ⟨m²⟩ and ⟨|m|⟩, with a constant added to
            d ln⟨m²⟩/dK; none of them where not given. With them one more size is
            needed, errors are larger and biases smaller.

    Raises:
        ValueError: unequal sides, a size twice, fewer than two sizes (three with a
            correction), different couplings, or a model without an energy.
    """
    check_omega(omega, "L^-ω")
    _check_alike(ensembles)
    read = [(_side(e), series(e)) for e in ensembles]
    _check_energy([s for _, s in read])
    d = ensembles[0].grid.dimension if ensembles else 0
    least = 2 if omega is None else 3

    def law(
        name: str,
        reading: Callable[[Series], Estimate],
        start: float,
        gap: Callable[[float], float],
    ) -> SizeLaw:
        points = [Curve(side, np.zeros(1), (reading(s),)) for side, s in read]
        ordered = by_size(points, least)
        return size_law(name, ordered, start, None if omega is None else gap)

    def singular(x: float) -> float:
        return x - (omega or 0.0)

    return SizeScaling(
        law("⟨m²⟩", _m_squared, -2 * DELTA_SIGMA, singular),
        law("⟨|m|⟩", _m_absolute, -DELTA_SIGMA, singular),
        law("d ln⟨m²⟩/dK", _slope, Y_T, lambda x: 0.0),
        d,
        omega,
    )


def size_law(
    name: str,
    points: Sequence[Curve],
    start: float,
    second: Callable[[float], float] | None = None,
) -> SizeLaw:
    """A L^x, or A L^x + B L^second(x), through a reading of several sizes.

    Args:
        name: of the reading.
        points: one curve of one point per size.
        start: x, where the search begins.
        second: the second power, a linear function of x or a constant.

    Raises:
        ValueError: fewer sizes than parameters, points without errors, or of chains
            that are neither all the same nor all different.
    """
    side = np.array([float(c.side) for c in points])
    values = joint([c.values[0] for c in points])
    middle = float(np.exp(np.log(side).mean()))  # powers of L over it stay near 1
    u = side / middle

    def model(t: np.ndarray) -> np.ndarray:
        rest = 0.0 if second is None else t[2] * u ** second(t[1])
        return t[0] * u ** t[1] + rest

    def slopes(t: np.ndarray) -> np.ndarray:
        columns = [u ** t[1], t[0] * u ** t[1] * np.log(u)]
        if second is not None:
            own = u ** second(t[1])
            moves = second(t[1] + 1) - second(t[1])
            columns[1] = columns[1] + moves * t[2] * own * np.log(u)
            columns.append(own)
        return np.stack(columns, axis=1)

    first = [float(np.median(values.value / u**start)), start]
    fit = curve_fit(
        model, slopes, np.array(first + ([] if second is None else [0.0])), values
    )
    return SizeLaw(
        name,
        side,
        values,
        fit.parameters[1],
        fit.parameters.map(lambda t: t[0] * middle ** -t[1]),
        None
        if second is None
        else fit.parameters.map(lambda t: t[2] * middle ** -second(t[1])),
        fit.chi2,
        fit.dof,
        fit.p,
    )


def _m_squared(s: Series) -> Estimate:
    return s.jackknife((s.magnetization**2,), lambda m2: m2)


def _m_absolute(s: Series) -> Estimate:
    return s.jackknife((abs(s.magnetization),), lambda m: m)


def _slope(s: Series) -> Estimate:
    """d ln⟨m²⟩/dK; energies about the sample mean, or digits are lost."""
    e, m2 = s.energy - s.energy.mean(), s.magnetization**2
    return s.jackknife(
        (m2 * e, m2, e), lambda both, m, mean: -s.sites * (both / m - mean)
    )


def _side(ensemble: Ensemble) -> int:
    shape = ensemble.grid.shape
    if len(set(shape)) != 1:
        raise ValueError(
            f"finite-size scaling compares lattices of equal sides, got {shape}"
        )
    return shape[0]


def _check_alike(ensembles: Sequence[Ensemble]) -> None:
    laws = {(e.model, tuple(sorted(e.couplings.items()))) for e in ensembles}
    if len(laws) > 1:
        got = "; ".join(
            f"{model} at {dict(pairs)}" for model, pairs in sorted(laws, key=str)
        )
        raise ValueError(
            f"sizes are compared at one coupling of one model, got {got}; sample "
            "all of them at the critical point"
        )


def _check_energy(read: Sequence[Series]) -> None:
    if not all(s.has_energy for s in read):
        raise ValueError(
            "Δ_ε needs a model with an energy, got a driven one; fit its magnetization "
            "by a collapse instead"
        )
