"""Curves of different sizes against temperature or coupling, and where they cross.

Near a critical point a reading y of a lattice of side L obeys

    y(x, L) = L^ρ f((x - x_c) L^{1/ν}) (1 + O(L^-ω)),

x a temperature or a coupling; ρ = 0 for Binder's U₄ and for ξ/L, whose curves of
different sizes cross at x_c (Binder, Z. Phys. B 43, 119 (1981)). `crossing` fits every
size by a polynomial. The weights are the inverse of the full covariance of the points,
freed of its bias by the factor (B - p - 2)/(B - 1) for p points that share their B
blocks (Hartlap, Simon and Schneider, Astron. Astrophys. 464, 399 (2007)), so that χ²
means what it says; errors go through the replicates of every lineage.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from scipy.stats import chi2 as chi2_law

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, share_chains
from kadanoff.instruments.thermodynamics import binder

__all__ = [
    "Crossings",
    "Curve",
    "Extrapolation",
    "Smooth",
    "by_size",
    "crossing",
    "curves",
    "extrapolate",
    "joint",
    "p_value",
    "precision",
    "with_change",
]

GRID = 400  # places where the difference of two curves is looked at for a root


@dataclass(frozen=True, eq=False)
class Curve:
    """A reading of lattices of one size against temperature or coupling.

    Args:
        side: L, in sites.
        x: temperatures or couplings, increasing.
        values: the reading at each of them, scalars.

    Raises:
        ValueError: not one value for each x, or x not finite and increasing.
    """

    side: int
    x: np.ndarray
    values: tuple[Estimate, ...]

    def __post_init__(self) -> None:
        x = np.asarray(self.x, dtype=float)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "values", tuple(self.values))
        if x.ndim != 1 or len(x) != len(self.values) or not len(x):
            raise ValueError(
                f"a curve has one value for each place, got {x.shape} places and "
                f"{len(self.values)} values"
            )
        if not np.isfinite(x).all() or (np.diff(x) <= 0).any():
            raise ValueError(
                f"the places of a curve must be finite and increase, got {x.tolist()}"
            )

    @property
    def value(self) -> np.ndarray:
        """The values alone, `(points,)`."""
        return np.array([float(v.value) for v in self.values])

    @property
    def error(self) -> np.ndarray:
        """Their standard errors, `(points,)`."""
        return np.array([float(v.error) for v in self.values])


@dataclass(frozen=True, eq=False)
class Smooth:
    """The polynomial through the points of one size.

    Attributes:
        side: L.
        low, high: the range of x that all sizes share; u = -1 … 1 on it.
        coefficients: of Chebyshev polynomials T_k(u).
        chi2: of the fit.
        dof: its degrees of freedom.
    """

    side: int
    low: float
    high: float
    coefficients: Estimate
    chi2: float
    dof: int

    @property
    def p(self) -> float:
        """Probability of a larger χ²; NaN without degrees of freedom."""
        return p_value(self.chi2, self.dof)

    def __call__(self, x: np.ndarray) -> Estimate:
        """The fitted reading at `x`."""
        u = _unit(np.asarray(x, dtype=float), self.low, self.high)
        return self.coefficients.map(lambda c: chebyshev.chebval(u, c))


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where the curves of two sizes meet, pair by pair.

    Attributes:
        fits: one polynomial per size.
        pairs: the sizes of each pair, smallest first.
        x: where they cross.
        height: the reading there.
    """

    fits: tuple[Smooth, ...]
    pairs: tuple[tuple[int, int], ...]
    x: tuple[Estimate, ...]
    height: tuple[Estimate, ...]

    @property
    def critical(self) -> Estimate:
        """The crossing of the largest pair, with its statistical error."""
        return self.x[-1]

    @property
    def change(self) -> Estimate | None:
        """Its difference to the pair before; None where there is a single pair."""
        return self.x[-1] - self.x[-2] if len(self.x) > 1 else None

    @property
    def error(self) -> float:
        """Statistical error and |change|, added in quadrature; NaN for one pair."""
        return with_change(self.critical, self.change)


@dataclass(frozen=True, eq=False)
class Extrapolation:
    """Crossings carried to infinite size.

    Attributes:
        critical: x_c.
        amplitude: a, of the leading correction.
        chi2: of the fit.
        dof: pairs less two.
    """

    critical: Estimate
    amplitude: Estimate
    chi2: float
    dof: int

    @property
    def p(self) -> float:
        """Probability of a larger χ²; NaN without degrees of freedom."""
        return p_value(self.chi2, self.dof)


def curves(
    ensembles: Iterable[Ensemble],
    reading: Callable[[Ensemble], Estimate] = binder,
    *,
    against: str = "K",
) -> tuple[Curve, ...]:
    """One curve per size from a sweep over sizes and couplings, smallest first.

    Args:
        ensembles: of cubes (all sides equal) that know their coupling K; of each
            lineage and size only one coupling.
        reading: what is read off each.
        against: `K`, or `T` = 1/K in units of J/k_B.

    Raises:
        ValueError: an unknown K, unequal sides, or the same size and K twice.
    """
    if against not in ("K", "T"):
        raise ValueError(f"a curve is read against 'K' or 'T', got {against!r}")
    found: dict[int, dict[float, Estimate]] = {}
    for ensemble in ensembles:
        side, k = _side(ensemble), _coupling(ensemble)
        row = found.setdefault(side, {})
        x = k if against == "K" else 1 / k
        if x in row:
            raise ValueError(
                f"a sweep has each size and coupling once, got L = {side}, K = {k} "
                "twice; concatenate the two"
            )
        row[x] = reading(ensemble)
    return tuple(
        Curve(side, np.array(sorted(row)), tuple(row[x] for x in sorted(row)))
        for side, row in sorted(found.items())
    )


def crossing(sweep: Sequence[Curve], *, degree: int = 3) -> Crossings:
    """Crossings of U₄ or ξ/L between L and 2L, or between neighbouring sizes.

    Pairs are (L, 2L) where every size is in such a pair: their changes then have one
    meaning. Where noise lets two curves meet more than once, as it does where both
    saturate, the steepest crossing is taken.

    Args:
        sweep: one curve per size; they must overlap.
        degree: of the polynomial through each curve.

    Raises:
        ValueError: fewer than two sizes, too few points, no common range, or two
            sizes that do not cross in it.
    """
    ordered = by_size(sweep, least=2)
    low = max(float(c.x[0]) for c in ordered)
    high = min(float(c.x[-1]) for c in ordered)
    if not low < high:
        raise ValueError(
            f"curves cross where they overlap, got a common range from {low:.6g} to "
            f"{high:.6g}; sample all sizes at the same couplings"
        )
    fits = {c.side: _smooth(c, degree, low, high) for c in ordered}
    pairs = _pairs(list(fits))
    met = [_meet(fits[a], fits[b]) for a, b in pairs]
    return Crossings(
        tuple(fits.values()),
        tuple(pairs),
        tuple(x for x, _ in met),
        tuple(height for _, height in met),
    )


def extrapolate(found: Crossings, *, nu: float, omega: float) -> Extrapolation:
    """x_c from all crossings, with known exponents of the scaling and its correction.

    From y = y* + c₁ (x - x_c) L^{1/ν} + c₂ L^-ω the sizes L < L′ cross at
    x_c + a (L^-ω - L′^-ω)/(L′^{1/ν} - L^{1/ν}), a = c₂/c₁: Binder's (1981) form for
    any ratio of the sizes. Weights are the covariance of the crossings, which share
    sizes.

    Raises:
        ValueError: fewer than two pairs, or an exponent that is not positive.
    """
    if len(found.pairs) < 2 or not (nu > 0 and omega > 0):
        raise ValueError(
            "an extrapolation needs at least two pairs and positive ν and ω, got "
            f"{len(found.pairs)} pairs, ν = {nu} and ω = {omega}"
        )
    shift = [
        (a**-omega - b**-omega) / (b ** (1 / nu) - a ** (1 / nu))
        for a, b in found.pairs
    ]
    design = np.stack([np.ones(len(shift)), np.array(shift)], axis=1)
    together = joint(found.x)
    weights = np.linalg.inv(together.covariance)
    solution, chi2 = _linear_fit(design, weights, together)
    return Extrapolation(solution[0], solution[1], chi2, len(shift) - 2)


def by_size(sweep: Sequence[Curve], least: int) -> tuple[Curve, ...]:
    """The curves, smallest size first.

    Raises:
        ValueError: fewer than the least number of sizes, or one of them twice.
    """
    ordered = tuple(sorted(sweep, key=lambda c: c.side))
    sides = [c.side for c in ordered]
    if len(set(sides)) != len(sides) or len(sides) < least:
        raise ValueError(
            f"finite-size scaling needs at least {least} different sizes, one curve "
            f"each, got sides {sides}"
        )
    return ordered


def joint(values: Sequence[Estimate]) -> Estimate:
    """Scalars as one estimate: `combine` for many points of as many lineages.

    Raises:
        ValueError: points of overlapping chains that are not cut into the same blocks.
    """
    value = np.array([float(v.value) for v in values])
    replicates: dict[str, np.ndarray] = {}
    for k, point in enumerate(values):
        for name, own in point.replicates.items():
            rows = replicates.setdefault(name, np.tile(value, (len(own), 1)))
            if len(rows) != len(own):
                raise ValueError(
                    "points of the same chains must share their blocks, got "
                    f"{len(rows)} and {len(own)} blocks of {name}"
                )
            rows[:, k] = own
    for one, other in itertools.combinations(replicates, 2):
        if share_chains(one, other):
            raise ValueError(
                "points are read from the same chains or from different ones, got "
                f"{one} and {other}, which overlap"
            )
    return Estimate(value, replicates, min(v.n_eff for v in values))


def precision(values: Sequence[Estimate], together: Estimate) -> np.ndarray:
    """Inverse covariance of scalars, without the bias of few blocks."""
    covariance = together.covariance
    out = np.zeros_like(covariance)
    for group, blocks in _relatives(values):
        p = len(group)
        if blocks < p + 3 or not (np.diag(covariance)[group] > 0).all():
            raise ValueError(
                f"a fit weighs {p} points of the same chains by their covariance, "
                f"which needs errors and at least {p + 3} blocks, got {blocks}; give "
                "fewer points of one lineage, or more chains"
            )
        inside = np.ix_(group, group)
        unbiased = (blocks - p - 2) / (blocks - 1)
        out[inside] = unbiased * np.linalg.inv(covariance[inside])
    return out


def p_value(chi2: float, dof: int) -> float:
    """Probability of a larger χ²; NaN without degrees of freedom."""
    return float(chi2_law.sf(chi2, dof)) if dof > 0 else math.nan


def with_change(value: Estimate, change: Estimate | None) -> float:
    """Statistical error and |change|, added in quadrature; NaN without a change."""
    if change is None:
        return math.nan
    return math.hypot(float(value.error), float(change.value))


def _side(ensemble: Ensemble) -> int:
    shape = ensemble.grid.shape
    if len(set(shape)) != 1:
        raise ValueError(
            f"finite-size scaling compares lattices of equal sides, got {shape}"
        )
    return shape[0]


def _coupling(ensemble: Ensemble) -> float:
    k = ensemble.couplings.get("K")
    if not k:
        raise ValueError(
            "a sweep needs configurations that know their coupling K ≠ 0, got "
            f"couplings {dict(ensemble.couplings)}"
        )
    return float(k)


def _relatives(values: Sequence[Estimate]) -> list[tuple[list[int], int]]:
    """Points that share chains, directly or through others, and their blocks."""
    groups: list[tuple[set[str], list[int], int]] = []
    for i, value in enumerate(values):
        names = set(value.replicates)
        blocks = min((len(r) for r in value.replicates.values()), default=0)
        members = [i]
        for group in [g for g in groups if g[0] & names]:
            groups.remove(group)
            names, members = names | group[0], group[1] + members
            blocks = min(blocks, group[2])
        groups.append((names, members, blocks))
    return [(members, blocks) for _, members, blocks in groups]


def _smooth(curve: Curve, degree: int, low: float, high: float) -> Smooth:
    dof = len(curve.x) - degree - 1
    if degree < 1 or dof < 0:
        raise ValueError(
            f"a polynomial of degree {degree} needs a degree of at least 1 and at "
            f"least {degree + 1} points, got {len(curve.x)} for L = {curve.side}"
        )
    design = chebyshev.chebvander(_unit(curve.x, low, high), degree)
    together = joint(curve.values)
    weights = precision(curve.values, together)
    coefficients, chi2 = _linear_fit(design, weights, together)
    return Smooth(curve.side, low, high, coefficients, chi2, dof)


def _linear_fit(
    design: np.ndarray, weights: np.ndarray, values: Estimate
) -> tuple[Estimate, float]:
    """Generalised least squares of `(points,)` values, and its χ²."""
    root = np.linalg.cholesky(weights).T
    solve = np.linalg.pinv(root @ design) @ root
    coefficients = values.map(lambda y: solve @ y)
    rest = root @ (values.value - design @ coefficients.value)
    return coefficients, float(rest @ rest)


def _pairs(sides: list[int]) -> list[tuple[int, int]]:
    doubles = [(a, 2 * a) for a in sides if 2 * a in sides]
    complete = set(itertools.chain(*doubles)) == set(sides)
    return doubles if complete else list(itertools.pairwise(sides))


def _meet(one: Smooth, other: Smooth) -> tuple[Estimate, Estimate]:
    """Where two polynomials on the same range cross, and how high."""
    difference = other.coefficients - one.coefficients
    start = _steepest_root(difference.value)
    if start is None:
        raise ValueError(
            f"the curves of L = {one.side} and L = {other.side} do not cross between "
            f"{one.low:.6g} and {one.high:.6g}; sample nearer to the critical point, "
            "or read Binder's cumulant or ξ/L, which cross there"
        )
    u = difference.map(lambda c: _newton(c, start))
    x = u.map(lambda v: one.low + (v + 1) / 2 * (one.high - one.low))
    height = combine(chebyshev.chebval, u, other.coefficients)
    return x, height


def _steepest_root(c: np.ndarray) -> float | None:
    u = np.linspace(-1, 1, GRID)
    sign = np.sign(chebyshev.chebval(u, c))
    starts = u[:-1][sign[:-1] * sign[1:] < 0] + (u[1] - u[0]) / 2
    roots = [_newton(c, v) for v in starts]
    slope = chebyshev.chebder(c)
    return max(roots, key=lambda v: abs(chebyshev.chebval(v, slope)), default=None)


def _newton(c: np.ndarray, u: float) -> float:
    """The root near `u`, from which it is at most a fraction of the range away."""
    slope = chebyshev.chebder(c)
    for _ in range(8):
        u = u - float(chebyshev.chebval(u, c) / chebyshev.chebval(u, slope))
    return u


def _unit(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return (2 * x - low - high) / (high - low)
