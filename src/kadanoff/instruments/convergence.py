"""Whether an exponent read at one step is an exponent of a renormalization group.

An exponent counts as converged where 0 < y < d, its change over the last step is at
most max(3 σ, 0.05), σ the error of the change on the same configurations, and the
reported error, which adds that change to the jackknife error in quadrature, is at most
0.1. A one-step map never converges: its reported change is that over the last operator,
and what one step leaves behind cannot be seen in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.estimate import Estimate

__all__ = ["Exponent", "judge"]

TOLERANCE = 0.05
"""Change of an exponent that counts as converged at any precision."""
NOISE = 0.1
"""Reported error of an exponent above which convergence cannot be judged."""
ROUNDING = 1e-6
"""y = d to rounding is what a plain sum over blocks has, which rescales no spin; an
error below it is that of a linear map, whose y_H is what it was told."""


@dataclass(frozen=True)
class Exponent:
    """The reported value of one exponent, and whether it is one.

    Attributes:
        name: `y_T` or `y_H`.
        estimate: all operators, at the reported step; its error is the jackknife's.
        change: difference to the step before, or to one operator less for a one-step
            map; None where there is neither.
        over: what the change is over: `step`, `operator` or `nothing`.
        error: jackknife error and |change|, added in quadrature.
        converged: whether the map reads as a renormalization step in this exponent.
        sentence: the reading in words.
    """

    name: str
    estimate: Estimate
    change: Estimate | None
    over: str
    error: float
    converged: bool
    sentence: str


def judge(
    name: str,
    values: Sequence[Sequence[Estimate]],
    dimension: int,
    *,
    shortage: str = "",
) -> Exponent:
    """The exponent reported from its values over steps and numbers of operators.

    Args:
        name: `y_T` or `y_H`.
        values: for each step up to the reported one, the estimates with 1, 2, …
            operators.
        dimension: d, the largest exponent that can be.
        shortage: what is wanting for the error to be believed; empty if nothing.
    """
    if not values[-1]:
        nothing = Estimate(np.array(math.nan), {}, 0)
        sentence = _refusal(name, ["no operator fluctuates after it"])
        return Exponent(name, nothing, None, "nothing", math.nan, False, sentence)
    y = values[-1][-1]
    change, over = _last_change(values)
    size = 0.0 if change is None else abs(float(change.value))
    error = math.hypot(float(y.error), size)
    faults = _faults(y, change, over, dimension)
    doubt = shortage or _doubt(error, over)
    read = f"{name} = {float(y.value):.4f} ± {error:.4f}"
    if faults:
        sentence = _refusal(name, faults)
    elif doubt:
        sentence = f"{read} is undecided: {doubt}"
    else:
        sentence = f"{read}, converged over the last step"
    converged = not faults and not doubt
    return Exponent(name, y, change, over, error, converged, sentence)


def _refusal(name: str, faults: Sequence[str]) -> str:
    return f"in {name} this map is not an RG step because {', and '.join(faults)}"


def _doubt(error: float, over: str) -> str:
    """Why a reading without a fault is still no evidence; empty if it is."""
    if over != "step":
        return "a single step cannot show convergence over steps"
    if not error <= NOISE:
        return f"an error above {NOISE} cannot show convergence"
    return ""


def _last_change(values: Sequence[Sequence[Estimate]]) -> tuple[Estimate | None, str]:
    here = values[-1]
    if len(values) > 1 and values[-2]:
        return here[-1] - values[-2][-1], "step"
    if len(here) > 1:
        return here[-1] - here[-2], "operator"
    return None, "nothing"


def _faults(y: Estimate, change: Estimate | None, over: str, d: int) -> list[str]:
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
    if change is not None and not math.isfinite(float(change.value)):
        faults.append(f"it has no exponent one {over} before")
    elif change is not None and not _settled(change):
        faults.append(f"its exponent still changes by {change} over the last {over}")
    return faults


def _settled(change: Estimate) -> bool:
    return bool(abs(change.value) <= max(3 * float(change.error), TOLERANCE))
