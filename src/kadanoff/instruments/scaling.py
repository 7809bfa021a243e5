"""Scaling dimensions of one ensemble at a critical point, by the form on the torus.

At K_c the correlators of the Ising model on a torus of L_x × L_y sites are

    G_σ(r) = B ρ^{2Δ_σ} R_σ(r),   G_ε(r) = B L^{-2Δ_ε} [(Lρ)^{2Δ_ε} R_ε(r) - e₁²],

with the chord ρ → 1/r, the ratios R → 1 and e₁ of `kadanoff.exact.torus_cft`, L = L_x,
at Δ_σ = 1/8 and Δ_ε = 1 alone: R belongs to these Δ and to no other. A free Δ is
therefore a question asked of the Ising form, "does the exponent that describes these
data differ from its own?", and it can be asked in more than one way:

    chord       the formulas above, R and e₁ kept and the powers of ρ and L let go
    stretched   G = B g(r)^{Δ/Δ₀}, g the whole form at Δ₀
    plane       G = B r^{-2Δ}: no torus at all

The first two are the same at Δ₀, where alone they are exact; elsewhere they differ, in
first order, by how far ln ρ and ln g are from proportional. What they answer is right
if Δ = Δ₀ and χ² is good, and otherwise that something is wrong. The third is wrong by
26 % (σ) and 48 % (ε) at r = L/2; its `bias` is computed, as the Δ that the same fit
with the same weights gives for the exact form.

Distances in [r_min, r_max] are averaged in shells, and shells in bins of nearly equal
width in ln r, all linearly, so that a form can be averaged alike. The fit weighs them
by their jackknife covariance (`kadanoff.instruments.scaling_fit`).

Neighbouring distances fluctuate together, so that χ² tells the lattice from the
continuum at distances of ten sites. Its leading operators have dimension 4, one of them
spin 4, and lattice fields mix with second derivatives, so G is multiplied by

    1 + (a/r)^ω (c + c₄ cos 4φ),   ω = 2

(M. Caselle, M. Hasenbusch, A. Pelissetto and E. Vicari, J. Phys. A 35, 4861 (2002), for
the operators). Left out, Δ_ε of 64² is 1.03 from r = 3 and 1.02 from r = 6. What
remains at short distances is no statistical error: `window` shows Δ against r_min.
Errors are of first order in the noise: they are those of Δ where they are small beside
it, and else say no more than that the data are too few.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import Correlator, bond_energy, two_point
from kadanoff.instruments.scaling_form import (
    FORMS,
    OPERATORS,
    Bins,
    Form,
    check_omega,
    check_window,
    square_sides,
)

__all__ = [
    "ScalingDimension",
    "Window",
    "correlator",
    "dimension",
    "fit_dimension",
    "window",
]

NEAREST = 3
"""Shortest distance fitted, in lattice constants: below, the lattice shows."""

OMEGA = 2.0
"""Exponent of the lattice corrections of G (Caselle et al. 2002)."""

POINTS = 10  # bins of a fit: enough for a χ², few enough for 64 blocks
BELIEVED = 0.05
"""Smallest p of a window that is reported: a bias that χ² sees at this level is already
as large as the error."""


@dataclass(frozen=True, eq=False)
class ScalingDimension:
    """Δ of one operator from one correlator, under one form.

    Attributes:
        operator: `spin` or `energy`.
        form: `chord`, `stretched` or `plane`.
        delta: Δ, with its statistical error alone.
        amplitude: B, of distances in original sites.
        r_min, r_max: the distances fitted, in original sites.
        distance: mean distance of every bin.
        values: the correlator in these bins.
        fitted: the form in these bins.
        corrections: c and c₄ of the lattice; None where they were not fitted.
        chi2, dof, p: of the fit, see `kadanoff.instruments.scaling_fit.Fit`.
        bias: Δ that this fit gives for the exact critical torus, less the exact one:
            0 but for `plane`.
    """

    operator: str
    form: str
    delta: Estimate
    amplitude: Estimate
    r_min: float
    r_max: float
    distance: np.ndarray
    values: Estimate
    fitted: np.ndarray
    corrections: Estimate | None
    chi2: float
    dof: int
    p: float
    bias: float

    @property
    def pull(self) -> float:
        """(Δ - Δ of the Ising class) in statistical errors."""
        return float((self.delta.value - OPERATORS[self.operator]) / self.delta.error)

    def __str__(self) -> str:
        name = {"spin": "Δ_σ", "energy": "Δ_ε"}[self.operator]
        wrong = f", biased by {self.bias:+.3f}" if self.form == "plane" else ""
        return (
            f"{name} = {self.delta} ({self.form} form{wrong}; "
            f"{self.r_min:g} ≤ r ≤ {self.r_max:g}, χ²/dof = "
            f"{self.chi2:.1f}/{self.dof}, p = {self.p:.2g})"
        )


@dataclass(frozen=True, eq=False)
class Window:
    """Δ against the shortest distance fitted, and what is reported of it.

    Attributes:
        fits: one per r_min, increasing.
        reported: index of the first fit with p ≥ 0.05; of the last where none has.
    """

    fits: tuple[ScalingDimension, ...]
    reported: int

    @property
    def delta(self) -> Estimate:
        """Δ of the reported fit, with its statistical error."""
        return self.fits[self.reported].delta

    @property
    def change(self) -> Estimate | None:
        """Difference of the next fit to the reported one; None where that is last."""
        if self.reported + 1 == len(self.fits):
            return None
        return self.fits[self.reported + 1].delta - self.delta

    @property
    def error(self) -> float:
        """Statistical error and |change| in quadrature; NaN without a change."""
        if self.change is None:
            return math.nan
        return math.hypot(float(self.delta.error), float(self.change.value))

    @property
    def believed(self) -> bool:
        """Whether the form describes the reported fit."""
        return self.fits[self.reported].p >= BELIEVED

    def __str__(self) -> str:
        rows = ["r_min  Δ            χ²/dof     p"]
        for k, fit in enumerate(self.fits):
            mark = " ← reported" if k == self.reported else ""
            rows.append(
                f"{fit.r_min:5g}  {fit.delta!s:11}  {fit.chi2:5.1f}/{fit.dof:<3d}  "
                f"{fit.p:.2g}{mark}"
            )
        if not self.believed:
            rows.append("no window is described by the form")
        return "\n".join(rows)


def dimension(
    ensemble: Ensemble,
    operator: str = "spin",
    *,
    form: str = "chord",
    r_min: float | None = None,
    r_max: float | None = None,
    points: int = POINTS,
    omega: float | None = OMEGA,
) -> ScalingDimension:
    """Δ_σ or Δ_ε of one ensemble, the critical torus as a hypothesis.

    Args:
        ensemble: ±1 or real values on a square or rectangular lattice, at the
            critical point of the model or of a coarse level of it.
        operator: `spin`, or `energy` for ε_i = s_i Σ_nn s_j less its mean.
        form: `chord`, `stretched`, or `plane` for the bare power law.
        r_min: shortest distance, in original sites; where not given 3 lattice
            constants, or a quarter of the short side where that is less.
        r_max: longest distance; half the short side where not given.
        points: most bins.
        omega: ω of the lattice corrections, None for none; the plane has none anyway.

    Raises:
        ValueError: an unknown operator or form, a lattice without right angles or
            equal spacings, a window of fewer than two distances, or too few blocks.
    """
    return fit_dimension(
        correlator(ensemble, operator),
        ensemble.grid,
        operator,
        form=form,
        r_min=r_min,
        r_max=r_max,
        points=points,
        omega=omega,
    )


def window(
    ensemble: Ensemble,
    operator: str = "spin",
    *,
    form: str = "chord",
    r_min: tuple[float, ...] | None = None,
    points: int = POINTS,
    omega: float | None = OMEGA,
) -> Window:
    """Δ against r_min: its statistical error grows and its lattice bias falls.

    Args:
        ensemble, operator, form, points, omega: as for `dimension`.
        r_min: shortest distances in original sites; 1, 2, 3, 4, 6, 8, … lattice
            constants up to a quarter of the short side where not given.

    Raises:
        ValueError: as `dimension`.
    """
    measured = correlator(ensemble, operator)
    starts = _starts(ensemble.grid) if r_min is None else _checked(r_min, ensemble.grid)
    fits = tuple(
        fit_dimension(
            measured,
            ensemble.grid,
            operator,
            form=form,
            r_min=r,
            points=points,
            omega=omega,
        )
        for r in starts
    )
    good = [k for k, fit in enumerate(fits) if fit.p >= BELIEVED]
    return Window(fits, good[0] if good else len(fits) - 1)


def correlator(ensemble: Ensemble, operator: str = "spin") -> Correlator:
    """G_σ(r), or G_ε(r) connected, of every distance of the lattice.

    G_ε subtracts the product of the sites' own means. For independent draws that costs
    a factor 1 - 1/n at every distance, which no Δ sees; one mean for all sites would
    subtract a constant, which a decaying correlator does see.

    Raises:
        ValueError: an unknown operator; as `dimension` for the lattice.
    """
    _check_operator(operator)
    square_sides(ensemble.grid)
    if operator == "spin":
        return two_point(ensemble)
    return two_point(ensemble, connected=True, field=bond_energy)


def fit_dimension(
    measured: Correlator,
    grid: Grid,
    operator: str = "spin",
    *,
    form: str = "chord",
    r_min: float | None = None,
    r_max: float | None = None,
    points: int = POINTS,
    omega: float | None = OMEGA,
) -> ScalingDimension:
    """Δ of a correlator already measured, as `dimension`.

    Raises:
        ValueError: as `dimension`, or a correlator of another lattice.
    """
    _check_operator(operator)
    if form not in FORMS:
        raise ValueError(f"a form is one of {', '.join(FORMS)}, got {form!r}")
    near, far = _window(grid, r_min, r_max)
    check_omega(omega, "(a/r)^ω")
    if form == "plane":
        omega = None
    bins = Bins.of(measured, grid, near, far, points)
    y = measured.value.map(bins.average)
    shape = Form(form, operator, grid, bins, omega)
    fit = shape.fit(y)
    b, delta = fit.parameters[0], fit.parameters[1]
    return ScalingDimension(
        operator,
        form,
        delta,
        b,
        near,
        far,
        bins.distance,
        y,
        shape.model(fit.parameters.value),
        None if omega is None else fit.parameters[2:] / b,
        fit.chi2,
        fit.dof,
        fit.p,
        shape.bias(y) if form == "plane" else 0.0,
    )


def _check_operator(operator: str) -> None:
    if operator not in OPERATORS:
        raise ValueError(
            f"a scaling dimension is read of {' or '.join(OPERATORS)}, got {operator!r}"
        )


def _checked(r_min: tuple[float, ...], grid: Grid) -> tuple[float, ...]:
    """Shortest distances in order, each once."""
    given = tuple(r_min) if isinstance(r_min, Iterable) else ()
    for r in given:
        _window(grid, r, None)
    if not given or len(set(given)) < len(given):
        raise ValueError(
            f"a window is read from one or more r_min, each given once, got {r_min!r}"
        )
    return tuple(sorted(given))


def _starts(grid: Grid) -> tuple[float, ...]:
    sides, a = square_sides(grid)
    steps = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
    return tuple(a * r for r in steps if r <= max(2, min(sides) / 4))


def _window(
    grid: Grid, r_min: float | None, r_max: float | None
) -> tuple[float, float]:
    sides, a = square_sides(grid)
    near = a * min(NEAREST, min(sides) / 4) if r_min is None else r_min
    far = a * min(sides) / 2 if r_max is None else r_max
    check_window(near, far, grid.shape)
    return near, far
