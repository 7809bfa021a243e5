"""Data collapse: critical point and exponents that put all sizes on one curve.

    y(x, L) = L^ρ f((x - x_c) L^{1/ν}) (1 + O(L^-ω)),

ρ = 0 for Binder's U₄ and for ξ/L, -β/ν for ⟨|m|⟩, γ/ν for χ. `collapse` fits all sizes
by one polynomial f together with x_c, ν and ρ, by least squares: at every x_c, ν, ρ
the polynomial is a linear fit (Golub and Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)),
and so is a correction L^-ω. The weights are those of `kadanoff.instruments.crossing`;
errors go through the replicates of every lineage, to first order. `quality` is the
measure of Houdayer and Hartmann, which presumes no form of f.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy.optimize import least_squares

from kadanoff.estimate import Estimate
from kadanoff.instruments.crossing import (
    Curve,
    by_size,
    joint,
    p_value,
    precision,
    with_change,
)

__all__ = [
    "BELIEVED",
    "Collapse",
    "Parameter",
    "collapse",
    "parameter",
    "quality",
    "stability",
]

DEGREES = range(2, 9)  # of the master curve, where none is given
STEEPNESS = (0.05, 20.0)  # range of 1/ν in which a collapse is believed
CORRECTION = 1  # degree of the correction's polynomial
BELIEVED = 0.01
"""Smallest p of a fit whose parameters are reported."""
SYMBOLS = {"critical": "x_c", "nu": "ν", "power": "ρ"}
NAMES = tuple(SYMBOLS)
CORRECTIONS = "corrections to scaling"  # as a source of error beside the chains


@dataclass(frozen=True, eq=False)
class Collapse:
    """All sizes on one curve.

    Attributes:
        critical: x_c, in the units of x.
        nu: ν.
        power: ρ.
        fitted: which of `critical`, `nu`, `power` were fitted; the others are exact.
        chi2: of the fit.
        dof: points less coefficients less fitted parameters.
        degree: of the polynomial f.
        side: L of every point.
        z: (x - x_c) L^{1/ν} of every point.
        y: the reading over L^ρ less the fitted correction, `(points,)`.
        error: of y.
        coefficients: of f in Chebyshev polynomials on |z| ≤ `reach`.
        reach: largest |z|.
        omega: ω of the correction that was fitted too; None for none.
    """

    critical: Estimate
    nu: Estimate
    power: Estimate
    fitted: tuple[str, ...]
    chi2: float
    dof: int
    degree: int
    side: np.ndarray
    z: np.ndarray
    y: np.ndarray
    error: np.ndarray
    coefficients: np.ndarray
    reach: float
    omega: float | None = None

    @property
    def p(self) -> float:
        """Probability of a larger χ²; NaN without degrees of freedom."""
        return p_value(self.chi2, self.dof)

    @property
    def sides(self) -> tuple[int, ...]:
        """The sizes, increasing."""
        return tuple(int(side) for side in np.unique(self.side))

    def master(self, z: np.ndarray) -> np.ndarray:
        """f(z)."""
        return chebyshev.chebval(np.asarray(z) / self.reach, self.coefficients)


@dataclass(frozen=True)
class Parameter:
    """One fitted number, and how much it moves without the smallest size.

    Attributes:
        name: `critical`, `nu` or `power`.
        estimate: from all sizes of the reported fit.
        smallest: the smallest size in that fit.
        change: difference to the fit without it; None where that has too few sizes.
        error: statistical error and |change|, added in quadrature; NaN without change.
        sentence: the reading in words.
    """

    name: str
    estimate: Estimate
    smallest: int
    change: Estimate | None
    error: float
    sentence: str

    @property
    def whole(self) -> Estimate:
        """The estimate with `error`: the change is one more source, independent.

        The statistical error alone where there is no change.
        """
        return _whole(self.estimate, self.change)


def collapse(
    sweep: Sequence[Curve],
    *,
    fit: Sequence[str] = ("critical", "nu"),
    critical: float | None = None,
    nu: float = 1.0,
    power: float = 0.0,
    degree: int | None = None,
    omega: float | None = None,
) -> Collapse:
    """x_c, ν and ρ that put all sizes on one curve.

    Args:
        sweep: one curve per size.
        fit: which of `critical`, `nu` and `power` are free; the rest stays as given.
        critical: x_c, where the search starts; it starts everywhere if not given.
        nu: ν, likewise a start or the value kept.
        power: ρ, likewise.
        degree: of the polynomial f; the one of the smallest corrected information
            criterion (Hurvich and Tsai, Biometrika 76, 297 (1989)) where not given.
        omega: ω; given one, y = L^ρ [f(z) + L^-ω (g₀ + g₁ z)] is fitted: less biased
            and less precise.

    Raises:
        ValueError: fewer than two sizes (three with a correction), too few points,
            an unknown name, or data that do not fix what is fitted.
    """
    least = 2 if omega is None else 3
    problem = _Problem.of(by_size(sweep, least=least), omega)
    free = _free(fit, critical, nu)
    degrees = _degrees(problem, degree, len(free))
    starts = _starts(problem, free, critical, nu, power)
    fits = [(d, *_best(problem, free, starts, d)) for d in degrees]
    n, k = len(problem.x), len(free) + 1 + problem.extra
    d, theta, chi2 = min(fits, key=lambda f: f[2] + _penalty(n, k + f[0]))
    _check_inside(problem, theta, free)
    return _collapsed(problem, theta, free, d, chi2)


def stability(sweep: Sequence[Curve], **settings: Any) -> tuple[Collapse, ...]:
    """The collapse of all sizes, then without the smallest, as long as there are two.

    With a correction, as long as there are three.

    Args:
        sweep: one curve per size.
        settings: of `collapse`.

    Raises:
        ValueError: as `collapse`.
    """
    least = 2 if settings.get("omega") is None else 3
    ordered = by_size(sweep, least=least)
    starts = range(len(ordered) - least + 1)
    return tuple(collapse(ordered[k:], **settings) for k in starts)


def parameter(fits: Sequence[Collapse], name: str) -> Parameter:
    """What a series of collapses without the smallest sizes says about one number.

    Reported is the fit of the most sizes that has p ≥ 0.01, the first one if none has;
    the change to the next tells what corrections to scaling may still do.

    Args:
        fits: from `stability`.
        name: `critical`, `nu` or `power`.

    Raises:
        ValueError: a parameter that was not fitted.
    """
    if not fits or name not in fits[0].fitted:
        known = ", ".join(fits[0].fitted) if fits else "nothing"
        raise ValueError(f"{name!r} was not fitted, only {known}")
    good = [k for k, f in enumerate(fits) if not f.p < BELIEVED]
    k = good[0] if good else 0
    here: Estimate = getattr(fits[k], name)
    change = getattr(fits[k + 1], name) - here if k + 1 < len(fits) else None
    return Parameter(
        name,
        here,
        fits[k].sides[0],
        change,
        with_change(here, change),
        _sentence(name, here, fits[k], change, believed=bool(good)),
    )


def quality(
    sweep: Sequence[Curve], *, critical: float, nu: float, power: float = 0.0
) -> float:
    """Mean squared distance of the points from the others' curve, in errors: 1 is good.

    Every scaled point is compared with the straight line through the two neighbours
    that each other size has on either side of it, with both errors (Houdayer and
    Hartmann, Phys. Rev. B 70, 014418 (2004)). No form of f is presumed, but the terms
    are correlated and curvature between neighbours counts as distance: a check of
    `collapse`, not a χ².

    Raises:
        ValueError: no point lies between points of another size.
    """
    scaled = [
        (
            (c.x - critical) * c.side ** (1 / nu),
            c.value / c.side**power,
            c.error / c.side**power,
        )
        for c in by_size(sweep, least=2)
    ]
    terms = []
    for one, (z, y, error) in enumerate(scaled):
        others = scaled[:one] + scaled[one + 1 :]
        for point in zip(z, y, error, strict=True):
            near = _neighbours(point[0], others)
            if near is not None:
                line, spread = _line(point[0], *near)
                terms.append((point[1] - line) ** 2 / (point[2] ** 2 + spread**2))
    if not terms:
        raise ValueError(
            "the quality of a collapse compares points that lie between points of "
            "another size, and none does; sample the sizes at overlapping z"
        )
    return float(np.mean(terms))


@dataclass(frozen=True, eq=False)
class _Problem:
    """All points of all sizes, and the root R of their weights, RᵀR = precision."""

    side: np.ndarray
    x: np.ndarray
    values: Estimate
    root: np.ndarray
    omega: float | None

    @classmethod
    def of(cls, sweep: Sequence[Curve], omega: float | None) -> _Problem:
        if omega is not None and not omega > 0:
            raise ValueError(f"a correction L^-ω needs a positive ω, got {omega}")
        values = [v for c in sweep for v in c.values]
        together = joint(values)
        return cls(
            np.concatenate([np.full(len(c.x), float(c.side)) for c in sweep]),
            np.concatenate([c.x for c in sweep]),
            together,
            np.linalg.cholesky(precision(values, together)).T,
            omega,
        )

    @property
    def extra(self) -> int:
        """Number of coefficients of the correction."""
        return 0 if self.omega is None else CORRECTION + 1

    @property
    def middle(self) -> float:
        """A size in the middle: powers of L over it stay near 1."""
        return float(np.exp(np.log(self.side).mean()))

    def scaled(self, theta: np.ndarray) -> np.ndarray:
        """(x - x_c)(L/L₀)^{1/ν}."""
        return (self.x - theta[0]) * (self.side / self.middle) ** theta[1]

    @property
    def fading(self) -> np.ndarray:
        """(L/L₀)^-ω."""
        return (self.side / self.middle) ** -(self.omega or 0.0)

    def design(self, theta: np.ndarray, degree: int) -> np.ndarray:
        """The polynomials of the scaled x and of its correction, times (L/L₀)^ρ."""
        z = self.scaled(theta)
        basis = chebyshev.chebvander(z / abs(z).max(), max(degree, CORRECTION))
        parts = [basis[:, : degree + 1]]
        if self.extra:
            parts.append(basis[:, : self.extra] * self.fading[:, None])
        return np.hstack(parts) * ((self.side / self.middle) ** theta[2])[:, None]

    def rest(self, theta: np.ndarray, degree: int) -> np.ndarray:
        """Weighted residuals of the best polynomial; their squares sum to χ²."""
        columns, _ = np.linalg.qr(self.root @ self.design(theta, degree))
        seen = self.root @ self.values.value
        return seen - columns @ (columns.T @ seen)


def _free(fit: Sequence[str], critical: float | None, nu: float) -> list[int]:
    if not fit or set(fit) - set(NAMES) or len(set(fit)) != len(fit):
        raise ValueError(
            f"a collapse fits some of {', '.join(NAMES)}, got {tuple(fit)}"
        )
    if not nu > 0:
        raise ValueError(f"ν must be positive, got {nu}")
    if critical is None and "critical" not in fit:
        raise ValueError("a critical point that is not fitted must be given")
    return [k for k, name in enumerate(NAMES) if name in fit]


def _degrees(problem: _Problem, degree: int | None, free: int) -> list[int]:
    most = len(problem.x) - free - problem.extra - 3  # two degrees of freedom left
    wanted = list(DEGREES) if degree is None else [degree]
    possible = [d for d in wanted if 1 <= d <= most]
    if not possible:
        raise ValueError(
            f"a collapse of {len(problem.x)} points with {free} fitted parameters "
            f"has room for a polynomial of degree 1 to {most}, asked was "
            f"{wanted[0]}; give more points or another degree"
        )
    return possible


def _penalty(points: int, parameters: int) -> float:
    """AICc less χ²: what a fit pays for its parameters."""
    return 2 * parameters * points / (points - parameters - 1)


def _starts(
    problem: _Problem, free: list[int], critical: float | None, nu: float, power: float
) -> list[np.ndarray]:
    """Where searches may begin: χ² has other, worse minima."""
    low, high = problem.x.min(), problem.x.max()
    places = [critical] if critical is not None else np.linspace(low, high, 13)[1:-1]
    rates = [1 / nu] if 1 not in free else [r / nu for r in (0.5, 0.7, 1.0, 1.4, 2.0)]
    return [np.array([c, r, power]) for c in places for r in rates]


def _best(
    problem: _Problem, free: list[int], starts: list[np.ndarray], degree: int
) -> tuple[np.ndarray, float]:
    """The parameters of smallest χ², from the three best starts."""

    def moved(start: np.ndarray, inner: np.ndarray) -> np.ndarray:
        theta = start.copy()
        theta[free] += inner * width[free]
        return theta

    width = np.array([np.ptp(problem.x), 1.0, 1.0])
    ranked = sorted(starts, key=lambda s: _square(problem.rest(s, degree)))
    found = []
    for start in ranked[:3]:
        solution = least_squares(
            lambda inner, start=start: problem.rest(moved(start, inner), degree),
            np.zeros(len(free)),
            method="lm",
            xtol=1e-12,
            ftol=1e-12,
        )
        found.append((moved(start, solution.x), float(2 * solution.cost)))
    return min(found, key=lambda pair: pair[1])


def _check_inside(problem: _Problem, theta: np.ndarray, free: list[int]) -> None:
    low, high = problem.x.min(), problem.x.max()
    outside = 0 in free and not low < theta[0] < high
    steep = 1 in free and not STEEPNESS[0] < theta[1] < STEEPNESS[1]
    if outside or steep:
        raise ValueError(
            f"the data do not fix the critical point and ν: the best collapse has "
            f"x_c = {theta[0]:.6g} and 1/ν = {theta[1]:.3g}, with points from "
            f"{low:.6g} to {high:.6g}; sample on both sides of the critical point, or "
            "fix one of them"
        )


def _collapsed(
    problem: _Problem, theta: np.ndarray, free: list[int], degree: int, chi2: float
) -> Collapse:
    """The result at the minimum; replicates by its linear response to the points."""
    design = problem.design(theta, degree)
    seen = problem.root @ problem.values.value
    coefficients, *_ = np.linalg.lstsq(problem.root @ design, seen)
    main, correction = coefficients[: degree + 1], coefficients[degree + 1 :]
    slopes = _slopes(problem, theta, main, correction)[:, free]
    response = np.linalg.pinv(problem.root @ np.hstack([slopes, design]))[: len(free)]

    def parameters(y: np.ndarray) -> np.ndarray:
        shifted = theta.copy()
        shifted[free] += response @ (problem.root @ (y - problem.values.value))
        return shifted

    fitted = problem.values.map(parameters)
    rate, power = theta[1], theta[2]
    length = problem.side**power
    left = design[:, degree + 1 :] @ correction
    return Collapse(
        critical=_kept(fitted, 0, free),
        nu=_kept(fitted, 1, free).map(lambda r: 1 / r),
        power=_kept(fitted, 2, free),
        fitted=tuple(NAMES[k] for k in free),
        chi2=chi2,
        dof=len(problem.x) - design.shape[1] - len(free),
        degree=degree,
        side=problem.side.astype(int),
        z=(problem.x - theta[0]) * problem.side**rate,
        y=(problem.values.value - left) / length,
        error=problem.values.error / length,
        coefficients=main / problem.middle**power,
        reach=float(abs(problem.scaled(theta)).max() * problem.middle**rate),
        omega=problem.omega,
    )


def _slopes(
    problem: _Problem, theta: np.ndarray, main: np.ndarray, correction: np.ndarray
) -> np.ndarray:
    """Derivatives of the fitted points by x_c, 1/ν and ρ at fixed coefficients."""
    z, ratio = problem.scaled(theta), problem.side / problem.middle
    reach, factor = abs(z).max(), ratio ** theta[2]
    height = chebyshev.chebval(z / reach, main)
    slope = chebyshev.chebval(z / reach, chebyshev.chebder(main)) / reach
    if len(correction):
        bend = chebyshev.chebval(z / reach, chebyshev.chebder(correction)) / reach
        height = height + problem.fading * chebyshev.chebval(z / reach, correction)
        slope = slope + problem.fading * bend
    by_critical = -factor * slope * ratio ** theta[1]
    by_rate = factor * slope * z * np.log(ratio)
    return np.stack([by_critical, by_rate, factor * height * np.log(ratio)], axis=1)


def _kept(fitted: Estimate, k: int, free: list[int]) -> Estimate:
    """A parameter; exact, and so without replicates, where it was not fitted."""
    return fitted[k] if k in free else Estimate(fitted.value[k], {}, math.inf)


def _neighbours(
    z: float, others: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The points of other sizes next to `z` on either side; None if there is none."""
    found = []
    for there, y, error in others:
        k = int(np.searchsorted(there, z))
        if 0 < k < len(there):
            found.append(np.stack([a[k - 1 : k + 1] for a in (there, y, error)]))
    if not found:
        return None
    z_near, y_near, error_near = np.concatenate(found, axis=1)
    return z_near, y_near, error_near


def _line(
    z: float, places: np.ndarray, y: np.ndarray, error: np.ndarray
) -> tuple[float, float]:
    """The weighted straight line through points, at `z`, and its standard error."""
    root = 1 / error
    design = np.stack([np.ones_like(places), places - z], axis=1) * root[:, None]
    inverse = np.linalg.inv(design.T @ design)
    value = inverse @ (design.T @ (root * y))
    return float(value[0]), math.sqrt(inverse[0, 0])


def _whole(value: Estimate, change: Estimate | None) -> Estimate:
    if change is None:
        return value
    moved = float(change.value)
    ends = value.value + np.array([-moved, moved])
    return Estimate(value.value, {**value.replicates, CORRECTIONS: ends}, value.n_eff)


def _sentence(
    name: str,
    value: Estimate,
    fit: Collapse,
    change: Estimate | None,
    *,
    believed: bool,
) -> str:
    read = f"{SYMBOLS[name]} = {_whole(value, change)} from L ≥ {fit.sides[0]}"
    if not believed:
        return (
            f"{read} is no reading: the sizes do not collapse "
            f"(χ² = {fit.chi2:.1f} for {fit.dof} degrees of freedom)"
        )
    if change is None:
        return (
            f"{read}, a statistical error alone: no size is left to see corrections to "
            "scaling with"
        )
    verb = "moves" if abs(change.value) > 3 * change.error else "does not move"
    return (
        f"{read} {verb} without the smallest size: the change, {change}, is part of "
        "its error"
    )


def _square(vector: np.ndarray) -> float:
    return float(vector @ vector)
