"""Whether a reading keeps to a bound, where its error lets that be said.

Every reading has a reach, half an interval that covers it almost surely: three standard
errors where nothing else is said. A bound is kept or broken only if the whole interval
lies on one side of it; what is neither is undecided, None. So noise decides nothing: a
wider interval is at most undecided.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from kadanoff.experiments.exhibit import Status

__all__ = [
    "SIGMAS",
    "above",
    "agrees",
    "all_of",
    "below",
    "status_of",
    "within",
    "would_decide",
]

SIGMAS = 3.0
MORE = "more machines and configurations would decide it"


def below(value: float, error: float, most: float) -> bool | None:
    """Whether a value is below a bound; a value without an error decides nothing."""
    if value + SIGMAS * error < most:
        return True
    return False if value - SIGMAS * error > most else None


def above(value: float, error: float, least: float) -> bool | None:
    """Whether a value is above a bound, likewise."""
    return below(-value, error, -least)


def within(value: float, error: float, most: float) -> bool | None:
    """Whether a value is at most so far from 0, likewise."""
    return below(abs(value), error, most)


def agrees(gap: float, reach: float, tolerance: float) -> bool | None:
    """Whether a difference is none; None where its interval cannot tell.

    Args:
        gap: the difference; of what is no number there is none, and it does not agree.
        reach: half its interval.
        tolerance: largest difference that counts as none.
    """
    if math.isnan(gap):
        return False
    if abs(gap) + reach <= tolerance:
        return True
    return False if abs(gap) - reach > tolerance else None


def all_of(parts: Iterable[bool | None]) -> bool | None:
    """Whether all parts hold; one that does not decides it, no parts decide nothing."""
    found = list(parts)
    if False in found:
        return False
    return True if found and all(found) else None


def status_of(parts: Iterable[bool | None]) -> Status:
    """Of a claim with one part or several.

    Reproduced where all parts hold and not reproduced where none does, partly where
    some are known to hold and others not to, and open else.
    """
    found = list(parts)
    if found and all(found):
        return Status.REPRODUCED
    if True in found and False in found:
        return Status.PARTLY
    return Status.NOT if found and set(found) == {False} else Status.OPEN


def would_decide(found: bool | None, more: str = MORE) -> str:
    """Nothing, or what would decide an open claim, to end a reason with."""
    return f"; {more}" if found is None else ""
