"""The critical coupling by two-lattice matching, and the search for it.

A lattice of side L after m + 1 steps of a rule and one of side L/b after m steps have
the same number of sites. At K_c both flow to the same fixed point, so that every
average becomes the same on both (K. G. Wilson's method; G. S. Pawley, R. H. Swendsen,
D. J. Wallace and K. G. Wilson, Phys. Rev. B 29, 4030 (1984)):

    D_α(K) = ⟨S_α^(m+1)⟩_L - ⟨S_α^(m)⟩_{L/b} = 0  at K = K_c, as m grows.

Effects of the finite size are the same on both sides and drop out. Near K_c every
operator gives a reading K - D_α/(dD_α/dK), the derivative exact from the same
configurations (`kadanoff.procedures.drawing`): one crossing for each operator and step,
which must come to agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.estimate import Estimate, combine
from kadanoff.procedures.drawing import (
    Draws,
    Response,
    check_configurations,
    check_number,
    check_operators,
    check_whole,
    coarse_model,
    last_level,
    levels_of,
    responses,
    shares,
)
from kadanoff.protocols import CoarseGraining, Model
from kadanoff.randomness import generator, subseed

__all__ = ["CriticalPoint", "Matching", "critical_point", "match", "matching"]

OPERATORS = ("nn", "nnn", "plaquette")
SETTLED = 3.0
"""A search ends where it would move by at most so many errors."""
CLEAR = 3.0
"""Errors by which a derivative must differ from zero to be divided by."""
LONGEST = 0.15
"""Share of K by which a search moves at most: beyond it nothing is linear."""


@dataclass(frozen=True, eq=False)
class Matching:
    """Two lattices compared at one coupling, level by level.

    Attributes:
        coupling: K at which both were drawn.
        shapes: of the compared levels, of m = 0, 1, … steps of the smaller lattice.
        operators: their names.
        differences: D = ⟨S⟩ of the larger less ⟨S⟩ of the smaller lattice, per site of
            the level, `(step, operator)`.
        slopes: dD/dK, the same shape.
        crossings: K - D/(dD/dK), where each operator would match, the same shape; no
            finite number where nothing grows, as deep in an ordered phase.
    """

    coupling: float
    shapes: tuple[tuple[int, ...], ...]
    operators: tuple[str, ...]
    differences: Estimate
    slopes: Estimate
    crossings: Estimate

    @property
    def critical(self) -> Estimate:
        """The crossing of all operators together, `(step,)`.

        Weighted as in least squares: δK = -Σ w D/Σ w (dD/dK), w = (dD/dK)/σ².
        """
        w = shares(self.differences, self.slopes)
        with np.errstate(invalid="ignore", divide="ignore"):  # where nothing grows
            shift = combine(
                lambda d, s: (w * d).sum(axis=-1) / (w * s).sum(axis=-1),
                self.differences,
                self.slopes,
            )
        return self.coupling - shift

    @property
    def spread(self) -> Estimate:
        """Standard deviation of the crossings over the operators, `(step,)`."""
        return self.crossings.map(lambda k: k.std(axis=-1))

    @property
    def is_increasing(self) -> bool:
        """Whether all differences clearly grow with K at the last step, as near K_c.

        Clearly is by three errors: where both lattices are ordered nothing grows, and
        a crossing would be noise over noise.
        """
        last = self.slopes[-1]
        return bool((last.value > CLEAR * last.error).all())


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """K_c by matching, and how it was found.

    Attributes:
        trail: the matchings, in the order of the search; the last one is the reading.
        coupling: K_c of the last step, all operators together; its error is the
            jackknife's.
        change: difference to the step before; None where there is a single step.
    """

    trail: tuple[Matching, ...]
    coupling: Estimate
    change: Estimate | None

    @property
    def error(self) -> float:
        """Jackknife error and |change| over the last step, added in quadrature."""
        change = 0.0 if self.change is None else float(self.change.value)
        return math.hypot(float(self.coupling.error), change)


def matching(large: Response, small: Response) -> Matching:
    """The comparison of two responses whose levels have the same shapes.

    Args:
        large: of the larger lattice, from its first step on.
        small: of the smaller one, from itself on.

    Raises:
        ValueError: other shapes, operators or coupling.
    """
    here, there = (
        (r.shapes, r.operators, round(r.coupling, 12)) for r in (large, small)
    )
    if here != there:
        raise ValueError(
            "a matching compares levels of the same shapes in the same operators at "
            f"the same coupling, got {here} and {there}; step the larger one once more"
        )
    d = large.values - small.values
    k = large.coupling
    with np.errstate(invalid="ignore", divide="ignore"):  # where nothing grows
        crossings = d.map(lambda v: k - v[0] / v[1])
    return Matching(k, large.shapes, large.operators, d[0], d[1], crossings)


def match(
    model: Model,
    coupling: float,
    rule: CoarseGraining,
    *,
    steps: int = 2,
    operators: Sequence[str] = OPERATORS,
    drawing: Draws | None = None,
    seed: int = 0,
) -> Matching:
    """Draw `model` and the same model on a lattice b times smaller, and compare them.

    Args:
        model: the larger lattice, ±1 or real values and an energy.
        coupling: K of both.
        rule: any coarse-graining that enlarges the lattice constant.
        steps: of the smaller lattice; the larger one takes one more.
        operators: what is compared, names from `kadanoff.instruments.operators`.
        drawing: how both are drawn; 10 000 configurations each where not given.
        seed: one seed makes the reading.

    Raises:
        ValueError: a rule that does not fit the lattices, a negative number of steps,
            operators that are constant or combinations of each other on the last level,
            fewer than ten independent configurations for each of them, or what
            `kadanoff.sample` refuses.
    """
    smaller = _smaller(model, rule, steps, operators, seed)
    check_number("the coupling of a matching", coupling)
    draws = drawing or Draws()
    check_configurations(draws.draws, operators)
    found = []
    for lattice, n, name in ((model, steps + 1, "large"), (smaller, steps, "small")):
        own = subseed(seed, name)
        fine = draws.ensemble(lattice, coupling, own)
        levels = levels_of(rule, fine, n, seed=own)
        found.append(responses(lattice, levels, operators))
    large = found[0]
    beyond = Response(
        large.coupling, large.shapes[1:], large.operators, large.values[:, 1:]
    )
    return matching(beyond, found[1])


def critical_point(
    model: Model,
    rule: CoarseGraining,
    *,
    start: float,
    steps: int = 2,
    operators: Sequence[str] = OPERATORS,
    drawing: Draws | None = None,
    rounds: int = 12,
    seed: int = 0,
    progress: Callable[[Matching], None] | None = None,
) -> CriticalPoint:
    """The coupling that matches the two lattices, searched from `start`.

    Every round draws both lattices afresh where the one before crossed (Newton's
    method), or, where differences do not yet grow with K, moves against their sign: the
    larger lattice is less ordered after its extra step below K_c, more above. The
    search ends where it would move by less than three errors.

    Args:
        model: the larger lattice.
        rule: as in `match`.
        start: where the search begins, of the order of K_c.
        steps: of the smaller lattice.
        operators: what is compared.
        drawing: how each lattice is drawn.
        rounds: the most couplings that are tried.
        seed: one seed makes the search.
        progress: called with every matching.

    Raises:
        ValueError: a start that is not positive, fewer than two rounds, a search that
            does not settle, or as in `match`.
    """
    check_number("the start of a search, near the critical coupling,", start, 0.0)
    check_whole("the number of rounds of a search", rounds, 2)
    # What cannot be compared is said before drawing.
    _smaller(model, rule, steps, operators, seed)
    k, bracket, trail = start, [0.0, math.inf], []
    for round_ in range(rounds):
        found = match(
            model,
            k,
            rule,
            steps=steps,
            operators=operators,
            drawing=drawing,
            seed=subseed(seed, "round", round_),
        )
        trail.append(found)
        if progress is not None:
            progress(found)
        critical = found.critical[-1]
        near = abs(critical.value - k) <= SETTLED * critical.error
        if found.is_increasing and near and abs(critical.value - k) < LONGEST * k:
            change = critical - found.critical[-2] if steps else None
            return CriticalPoint(tuple(trail), critical, change)
        k = _onward(found, bracket)
    tried = ", ".join(f"{m.coupling:.5g}" for m in trail)
    raise ValueError(
        f"the search for a critical coupling did not settle in {rounds} rounds at K = "
        f"{tried}; start nearer, draw more, or use a rule with a fixed point"
    )


def _onward(found: Matching, bracket: list[float]) -> float:
    """The next coupling; `bracket` learns on which side of K_c this one is."""
    k = found.coupling
    d, error = found.differences.value[-1], found.differences.error[-1]
    sign = float(np.sign((d / np.maximum(error, 1e-300)).sum()))
    certain = abs(d / np.maximum(error, 1e-300)).max() > 5
    if certain:
        bracket[0 if sign < 0 else 1] = k
    wanted = float(found.critical.value[-1]) if found.is_increasing else -sign * 2 * k
    limited = min(max(wanted, k * (1 - LONGEST)), k * (1 + LONGEST))
    low, high = bracket
    return limited if low < limited < high else (low + min(high, 2 * k)) / 2


def _smaller(
    model: Model, rule: CoarseGraining, steps: int, operators: Sequence[str], seed: int
) -> Model:
    """The smaller lattice, once it is known that both can be compared after steps."""
    check_whole("the number of steps of a matching", steps, 0)
    smaller = coarse_model(model, rule)
    level, alphabet = last_level(smaller, rule, steps), rule.alphabet(model.alphabet)
    check_operators(operators, level, alphabet, rng=generator(seed, "operators"))
    return smaller
