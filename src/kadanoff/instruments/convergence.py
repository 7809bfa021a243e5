"""Whether an exponent read at one step is an exponent of a fixed point.

An exponent counts as converged where all of this holds:

    0 < y < d;
    three steps or more were read, together a change of scale of 8 or more: one change
    shows no convergence, and a small one no distance;
    its change over the last step is at most max(3 σ, 0.05), σ the error of the change
    on the same configurations;
    the couplings of the law stand still too (`drift`), where they can be read;
    the reported error is at most 0.1. It adds in quadrature the jackknife error, the
    change over the last step and the change from half of the operators to all.

Exponents alone do not tell: under plain decimation, which has no fixed point, y_T
passes through its exact value on its way down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.estimate import Estimate
from kadanoff.instruments.drift import Drift

__all__ = ["ROUNDING", "STEPS", "Exponent", "judge"]

TOLERANCE = 0.05
"""Change of an exponent that counts as converged at any precision."""
GROSS, GROSS_SPAN = 0.25, 4.0
"""Change that is a fault without a third step, once the scale has changed by 4: first
steps of majority from the nearest-neighbour magnet change by 0.02 (square) and 0.1
(cubic)."""
NOISE = 0.1
"""Reported error of an exponent above which convergence cannot be judged."""
ROUNDING = 1e-6
"""y = d to rounding is what a plain sum over blocks has, which rescales no spin; an
error below it is that of a linear map, whose y_H is what it was told."""
STEPS, SPAN = 3, 8.0
"""Steps, and change of scale by all of them, from which a change is a verdict."""


@dataclass(frozen=True)
class Exponent:
    """The reported value of one exponent, and whether it is one.

    Attributes:
        name: `y_T` or `y_H`.
        estimate: all operators, at the reported step; its error is the jackknife's.
        change: difference to the step before; None for a single step.
        truncation: difference to half of the operators; None where there is but one.
        error: jackknife error, change and truncation, added in quadrature.
        faults: why it is no exponent of a fixed point; empty where none was seen.
        converged: whether there is neither fault nor doubt.
        sentence: the reading in words.
    """

    name: str
    estimate: Estimate
    change: Estimate | None
    truncation: Estimate | None
    error: float
    faults: tuple[str, ...]
    converged: bool
    sentence: str


def judge(
    name: str,
    values: Sequence[Sequence[Estimate]],
    dimension: int,
    *,
    scale: float,
    drift: Drift | None = None,
    doubts: Sequence[str] = (),
) -> Exponent:
    """The exponent reported from its values over steps and numbers of operators.

    Args:
        name: `y_T` or `y_H`.
        values: for each step up to the reported one, the estimates with 1, 2, …
            operators.
        dimension: d, the largest exponent that can be.
        scale: change of scale by all of these steps.
        drift: change of the couplings over the last step, where they can be read.
        doubts: what else is wanting for the reading to be believed.
    """
    if not values[-1]:
        nothing = Estimate(np.array(math.nan), {}, 0)
        empty = ("no operator fluctuates after it",)
        sentence = _refusal(name, empty)
        return Exponent(name, nothing, None, None, math.nan, empty, False, sentence)
    here = values[-1]
    y = here[-1]
    change = y - values[-2][-1] if len(values) > 1 and values[-2] else None
    truncation = y - here[len(here) // 2 - 1] if len(here) > 1 else None
    error = math.hypot(float(y.error), _size(change), _size(truncation))
    seen = len(values) >= STEPS and scale >= SPAN * (1 - ROUNDING)
    faults = _own_faults(y, dimension)
    if not faults:
        faults = _change_faults(change, truncation, seen, scale)
    if seen and drift is not None and drift.large:
        faults.append(str(drift))
    doubt = [*doubts, *_doubts(error, len(values), seen)]
    read = f"{name} = {float(y.value):.4f} ± {error:.4f}"
    if faults:
        sentence = _refusal(name, faults)
    elif doubt:
        sentence = f"{read} is undecided: {', and '.join(doubt)}"
    else:
        sentence = f"{read}, converged over the last step"
    converged = not faults and not doubt
    return Exponent(
        name, y, change, truncation, error, tuple(faults), converged, sentence
    )


def _refusal(name: str, faults: Sequence[str]) -> str:
    return f"in {name} this map shows no fixed point because {', and '.join(faults)}"


def _own_faults(y: Estimate, d: int) -> list[str]:
    """What is wrong with an exponent whatever it was a step before."""
    if not math.isfinite(float(y.value)):
        return ["its leading eigenvalue is complex or not positive"]
    if not float(y.error) <= NOISE:
        return [
            f"its reading {y} is noise, for lack of configurations or of a relation"
        ]
    faults = []
    if y.replicates and float(y.error) < ROUNDING:
        faults.append(
            f"its exponent {y} is the same for all samples: what the map was told to "
            "do to the field, and no reading"
        )
    if y.value <= 0:
        faults.append(f"its exponent {y} is not relevant")
    if y.value > d - ROUNDING:
        faults.append(f"its exponent {y} is not below the dimension {d}")
    return faults


def _change_faults(
    change: Estimate | None, truncation: Estimate | None, seen: bool, scale: float
) -> list[str]:
    """Changes over steps and operators that no renormalization step has."""
    if change is None:
        if truncation is not None and not math.isfinite(float(truncation.value)):
            return ["it has no exponent with half of the operators"]
        unsettled = truncation is not None and not _settled(truncation, GROSS)
        return [_still(truncation, "operators")] if unsettled else []
    if not math.isfinite(float(change.value)):
        return ["it has no exponent one step before"]
    tolerance = TOLERANCE if seen else GROSS
    judged = seen or scale >= GROSS_SPAN * (1 - ROUNDING)
    unsettled = judged and not _settled(change, tolerance)
    return [_still(change, "step")] if unsettled else []


def _doubts(error: float, steps: int, seen: bool) -> list[str]:
    """Why a reading without a fault is still no evidence; none if it is."""
    if steps < 2:
        return ["a single step cannot show convergence over steps"]
    if not error <= NOISE:
        return [f"an error above {NOISE} cannot show convergence"]
    if not seen:
        return [
            f"convergence shows over {STEPS} steps and a factor of {SPAN:g} in scale "
            "or more"
        ]
    return []


def _still(change: Estimate | None, over: str) -> str:
    last = "half of the operators" if over == "operators" else "step"
    return f"its exponent still changes by {change} over the last {last}"


def _settled(change: Estimate, tolerance: float) -> bool:
    return bool(abs(change.value) <= max(3 * float(change.error), tolerance))


def _size(change: Estimate | None) -> float:
    return 0.0 if change is None else abs(float(change.value))
