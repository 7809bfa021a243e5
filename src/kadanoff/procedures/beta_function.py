"""How one step of a rule carries a coupling, K′(K), and its β function.

Two readings of the coupling of a coarse-grained ensemble:

    matching     K′ with ⟨S^(m)⟩_{L/b}(K′) = ⟨S^(m+1)⟩_L(K): the same model on a lattice
                 b times smaller that flows to the same averages. Its fixed point is
                 K_c itself, as m grows (see `kadanoff.procedures.critical_point`). The
                 slope needs no second coupling: dK′/dK is the ratio of the derivatives
                 of the two averages.
    likelihood   K′ of the nearest-neighbour term in a maximum pseudo-likelihood fit to
                 the blocks: a coordinate of their Hamiltonian, cut to few terms. Its
                 fixed point depends on the rule and on the terms.

With l the logarithm of the scale, dK/dl is read as β(K) = (K′ - K)/ln b, exact to first
order in the step. Where K′(K*) = K* with slope λ, y_T = ln λ/ln b. `flow_lines` fits
several couplings at every level of a stack: flow lines in their plane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from scipy.stats import chi2 as chi2_law

from kadanoff.estimate import Estimate, combine
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.procedures.drawing import (
    Draws,
    Response,
    check_configurations,
    check_number,
    check_operators,
    check_whole,
    coarse_model,
    increasing,
    last_level,
    levels_of,
    responses,
    shares,
)
from kadanoff.protocols import CoarseGraining, Model
from kadanoff.randomness import generator, subseed

__all__ = [
    "Crossing",
    "FlowLine",
    "StepScaling",
    "fitted_step",
    "flow_lines",
    "matched_step",
    "step_scaling",
]

OPERATORS = ("nn", "nnn", "plaquette")
SETTLED = 3.0
"""A search for K′ ends where it would move by at most so many errors."""
ROUNDS = 8
NEWTON_STEPS = 30
LONGEST = 0.15
"""Largest share of K′ by which its search moves at once."""

Progress = Callable[[float, Estimate], None]


@dataclass(frozen=True, eq=False)
class Crossing:
    """Where a polynomial through K′(K) meets K′ = K from below: a critical point.

    Attributes:
        coupling: K*.
        slope: dK′/dK of the polynomial there.
        y_t: ln slope/ln b.
        y_t_by_response: the same from the measured derivatives, interpolated to K*;
            None where they are not measured.
        chi2: of the polynomial.
        dof: its degrees of freedom.
    """

    coupling: Estimate
    slope: Estimate
    y_t: Estimate
    y_t_by_response: Estimate | None
    chi2: float
    dof: int

    @property
    def p(self) -> float:
        """Probability of a larger χ²; NaN without degrees of freedom."""
        return float(chi2_law.sf(self.chi2, self.dof)) if self.dof else math.nan


@dataclass(frozen=True, eq=False)
class StepScaling:
    """K′ after one change of scale b, for a range of K.

    Attributes:
        b: change of scale.
        couplings: K, increasing, `(points,)`.
        renormalized: K′ at each, `(points,)`.
        slopes: dK′/dK at each, `(points,)`; None where they are not measured.
    """

    b: float
    couplings: np.ndarray
    renormalized: Estimate
    slopes: Estimate | None = None

    @property
    def beta(self) -> Estimate:
        """(K′ - K)/ln b at each coupling."""
        return (self.renormalized - self.couplings) / math.log(self.b)

    def crossing(self, degree: int = 2) -> Crossing:
        """The unstable fixed point of a weighted polynomial fit, and its exponent.

        Args:
            degree: of the polynomial in K.

        Raises:
            ValueError: too few couplings, or no fixed point with slope above 1 between
                the first and the last of them.
        """
        check_whole("the degree of a fit", degree, 1)
        if degree >= len(self.couplings):
            raise ValueError(
                f"a fit of degree {degree} needs more couplings than that, got "
                f"{len(self.couplings)}; give more couplings"
            )
        middle = float(self.couplings.mean())
        x = self.couplings - middle
        fit = _fit(x, degree, self.renormalized)
        start = _unstable(fit.value, middle, (float(x[0]), float(x[-1])))
        found = fit.map(lambda c: _followed(c, middle, start))
        slope = found[1]
        log_b = math.log(self.b)
        y_t = slope.map(lambda s: math.log(s) / log_b if s > 0 else math.nan)
        chi2 = _chi2(x, fit, self.renormalized)
        return Crossing(
            coupling=found[0] + middle,
            slope=slope,
            y_t=y_t,
            y_t_by_response=self._by_response(x, max(1, degree - 1), found[0]),
            chi2=chi2,
            dof=len(x) - degree - 1,
        )

    def _by_response(self, x: np.ndarray, degree: int, at: Estimate) -> Estimate | None:
        if self.slopes is None:
            return None

        def exponent(coefficients: np.ndarray, place: float) -> float:
            slope = float(polynomial.polyval(place, coefficients))
            return math.log(slope) / math.log(self.b) if slope > 0 else math.nan

        return combine(exponent, _fit(x, degree, self.slopes), at)


@dataclass(frozen=True, eq=False)
class FlowLine:
    """Fitted couplings of every level of a stack that starts at one K.

    Attributes:
        coupling: K of the lattice that was drawn.
        operators: names of the couplings.
        shapes: of the levels, finest first.
        couplings: `(level, operator)`.
    """

    coupling: float
    operators: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    couplings: Estimate


def matched_step(
    model: Model,
    rule: CoarseGraining,
    couplings: Sequence[float] | np.ndarray,
    *,
    steps: int = 1,
    operators: Sequence[str] = OPERATORS,
    drawing: Draws | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> StepScaling:
    """K′(K) and its slope by two-lattice matching, all operators together.

    For every K the smaller lattice is drawn at a first guess, the pseudo-likelihood
    reading of the blocks, then where it would match, until it would move by less than
    three errors.

    Args:
        model: the larger lattice.
        rule: any coarse-graining of ±1 that enlarges the lattice constant.
        couplings: K, at least one.
        steps: m of the smaller lattice; the larger one takes m + 1.
        operators: what is matched.
        drawing: how every ensemble is drawn.
        seed: one seed makes the reading.
        progress: called with every K and its K′.

    Raises:
        ValueError: couplings that do not increase, a negative number of steps, a rule
            that does not fit, operators that are constant or combinations of each other
            on the last level, fewer than ten independent configurations for each of
            them, or a search that does not settle.
    """
    check_whole("the number of steps of a matching", steps, 0)
    draws, smaller = drawing or Draws(), coarse_model(model, rule)
    k, last = increasing(couplings), last_level(smaller, rule, steps)
    alphabet = rule.alphabet(model.alphabet)
    check_operators(operators, last, alphabet, rng=generator(seed, "operators"))
    check_configurations(draws.draws, operators)
    found = []
    for n, value in enumerate(k):
        own = subseed(seed, "coupling", n)
        fine = draws.ensemble(model, value, own)
        levels = levels_of(rule, fine, steps + 1, seed=own)
        guess = float(fit_couplings(levels[1]).values.value[0])
        large = responses(model, levels, operators).values[:, -1]

        def small(at: float, round_: int, own: int = own) -> Response:
            seed = subseed(own, "small", round_)
            ensemble = draws.ensemble(smaller, at, seed)
            stack = levels_of(rule, ensemble, steps, seed=seed)
            return responses(smaller, stack, operators)

        found.append(_matched(large, small, guess))
        if progress is not None:
            progress(value, found[-1][0])
    return StepScaling(_scale(model, rule), k, *map(_stacked, zip(*found, strict=True)))


def fitted_step(
    model: Model,
    rule: CoarseGraining,
    couplings: Sequence[float] | np.ndarray,
    *,
    operators: Sequence[str] = ("nn",),
    drawing: Draws | None = None,
    seed: int = 0,
) -> StepScaling:
    """K′(K) as the first coupling of a pseudo-likelihood fit to the blocks.

    Args:
        model: the lattice that is drawn.
        rule: any coarse-graining of ±1 that enlarges the lattice constant.
        couplings: K, at least one.
        operators: terms of the fit; K′ belongs to the first.
        drawing: how every ensemble is drawn.
        seed: one seed makes the reading.

    Raises:
        ValueError: couplings that do not increase, a rule that does not fit, or what
            `kadanoff.instruments.couplings.fit_couplings` refuses.
    """
    coarse_model(model, rule)
    k = increasing(couplings)
    lines = flow_lines(
        model, rule, k, steps=1, operators=operators, drawing=drawing, seed=seed
    )
    found = [line.couplings[1, 0] for line in lines]
    return StepScaling(_scale(model, rule), k, _stacked(found))


def flow_lines(
    model: Model,
    rule: CoarseGraining,
    couplings: Sequence[float] | np.ndarray,
    *,
    steps: int,
    operators: Sequence[str] = ("nn", "nnn"),
    drawing: Draws | None = None,
    seed: int = 0,
) -> tuple[FlowLine, ...]:
    """Flow lines in the plane of several couplings, one for each K.

    Args:
        model: the lattice that is drawn.
        rule: any coarse-graining of ±1 to ±1.
        couplings: K, at least one, increasing.
        steps: of the rule.
        operators: terms of the fits.
        drawing: how every ensemble is drawn.
        seed: one seed makes the lines.

    Raises:
        ValueError: as `fitted_step`.
    """
    check_whole("the number of steps of a flow line", steps, 1)
    draws, lines = drawing or Draws(), []
    for n, value in enumerate(increasing(couplings)):
        own = subseed(seed, "coupling", n)
        fine = draws.ensemble(model, float(value), own)
        levels = levels_of(rule, fine, steps, seed=own)
        fits = [fit_couplings(level, operators).values for level in levels]
        shapes = tuple(level.grid.shape for level in levels)
        lines.append(FlowLine(float(value), tuple(operators), shapes, _stacked(fits)))
    return tuple(lines)


def step_scaling(
    b: float, couplings: Sequence[float] | np.ndarray, renormalized: Sequence[Estimate]
) -> StepScaling:
    """K′(K) from readings that were made elsewhere, one scalar for each K.

    Raises:
        ValueError: b not above 1, couplings that do not increase, or another number
            of readings.
    """
    k = increasing(couplings)
    check_number("b of a step", b, 1.0)
    readings = list(renormalized) if isinstance(renormalized, Iterable) else []
    scalar = all(isinstance(r, Estimate) and not r.value.ndim for r in readings)
    if not scalar or len(readings) != len(k):
        raise ValueError(
            "a step has one reading for each coupling, an estimate of one number, got "
            f"{len(k)} couplings and {renormalized!r}"
        )
    return StepScaling(b, k, _stacked(readings))


def _matched(
    large: Estimate, small: Callable[[float, int], Response], start: float
) -> tuple[Estimate, Estimate]:
    """K′ and dK′/dK; `large` is `(2, operator)`, mean and derivative."""
    k = start
    for round_ in range(ROUNDS):
        there = small(k, round_).values[:, -1]
        difference = large - there
        weights = shares(difference[0], there[1])
        matched = combine(
            lambda d, b, w=weights, k=k: k + w @ d[0] / (w @ b[1]), difference, there
        )
        move = float(matched.value) - k
        if abs(move) <= SETTLED * matched.error and abs(move) <= LONGEST * abs(k):
            slope = combine(lambda a, b, w=weights: w @ a[1] / (w @ b[1]), large, there)
            return matched, slope
        k += float(np.clip(move, -LONGEST * abs(k), LONGEST * abs(k)))
    raise ValueError(
        f"the coupling that matches did not settle in {ROUNDS} rounds, last at "
        f"{k:.5g}; both lattices may be ordered or disordered there: use couplings "
        "nearer to the critical one"
    )


def _fit(x: np.ndarray, degree: int, y: Estimate) -> Estimate:
    """Coefficients of the polynomial of least squares, constant first."""
    weights = 1 / _errors(y)
    powers = polynomial.polyvander(x, degree)
    # Least squares is linear in the readings: one matrix for all replicates.
    solution = np.linalg.pinv(weights[:, None] * powers) * weights
    return y.map(lambda v: solution @ v)


def _chi2(x: np.ndarray, fit: Estimate, y: Estimate) -> float:
    left = (y.value - polynomial.polyval(x, fit.value)) / _errors(y)
    return float(left @ left)


def _errors(y: Estimate) -> np.ndarray:
    """Standard errors; equal where nothing has one."""
    return y.error if (y.error > 0).all() else np.ones_like(y.error)


def _unstable(c: np.ndarray, middle: float, span: tuple[float, float]) -> float:
    """The fixed point of slope above 1 inside the span, nearest to its middle."""
    roots = polynomial.polyroots(_less_identity(c, middle))
    real = roots[abs(roots.imag) < 1e-9].real
    slopes = polynomial.polyval(real, polynomial.polyder(c))
    inside = real[(real >= span[0]) & (real <= span[1]) & (slopes > 1)]
    if not len(inside):
        raise ValueError(
            "an unstable fixed point has K′ below K on its left and above on its "
            f"right, and no such crossing lies between K = {middle + span[0]:.5g} and "
            f"{middle + span[1]:.5g}; give couplings on both sides of it"
        )
    return float(inside[abs(inside).argmin()])


def _followed(c: np.ndarray, middle: float, start: float) -> np.ndarray:
    """Fixed point and slope of a replicate, by Newton's method from the whole's."""
    less, x = _less_identity(c, middle), start
    slope = polynomial.polyder(less)
    for _ in range(NEWTON_STEPS):
        move = float(polynomial.polyval(x, less) / polynomial.polyval(x, slope))
        x -= move
        if abs(move) < 1e-14:
            break
    return np.array([x, 1 + polynomial.polyval(x, slope)])


def _less_identity(c: np.ndarray, middle: float) -> np.ndarray:
    """Coefficients of K′ - K in x = K - middle."""
    out = np.array(c, dtype=float)
    out[:2] -= middle, 1.0
    return out


def _stacked(estimates: Sequence[Estimate]) -> Estimate:
    return combine(lambda *values: np.stack(values), *estimates)


def _scale(model: Model, rule: CoarseGraining) -> float:
    return model.shape[0] / coarse_model(model, rule).shape[0]
