"""Where along a flow of tensors central charge and dimensions stand still.

Early steps see the lattice, late ones the truncation, which acts like a temperature and
drives any tensor of finite bond to a phase in the end; in between lies what there is of
the fixed point. The plateau is the stretch of steps over a factor of 4 in length along
which c and ln x_1 change least. What is read on it comes with its scatter: what all
these steps have in common, such as the truncation, is not seen in it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Plateau", "Reading", "plateau"]

STRETCH = 16
"""In sites: a factor of 4 in length."""

STEEP = 0.3
"""A larger change of c and ln x_1 together is no plateau."""

CRITICAL = (0.01, 1.0)
"""Of x_1. An ordered phase has 0, and a disordered one infinity, or what loops of a
truncated tensor and rounding leave: 2 to 6."""

LEAST_CHARGE = 0.05
"""Of c; phases have 0."""


@dataclass(frozen=True)
class Reading:
    """A value along a stretch of steps.

    Attributes:
        value: the mean.
        scatter: half of the distance between the largest and the smallest.
    """

    value: float
    scatter: float


@dataclass(frozen=True)
class Plateau:
    """What stands still, and where.

    Attributes:
        first: number of its first step, counted from 0 in what was given.
        last: of its last one.
        central_charge: c.
        dimensions: x_1 and on, as far as they are known to a factor of 2.
    """

    first: int
    last: int
    central_charge: Reading
    dimensions: tuple[Reading, ...]


def plateau(
    sites: Sequence[int],
    charges: Sequence[float],
    dimensions: Sequence[Sequence[float]],
) -> Plateau | None:
    """The plateau of a critical tensor, None where there is none.

    Args:
        sites: of every state, increasing.
        charges: c of every state.
        dimensions: x_1 and on of every state, ascending; what is not finite is left
            out.

    >>> n = [4**k for k in range(6)]
    >>> found = plateau(n, [0.7, 0.5, 0.52, 0.51, 0.3, 0], [[0.125]] * 6)
    >>> found.first, found.last, round(found.central_charge.scatter, 9)
    (1, 3, 0.01)
    """
    stretches = [_stretch(sites, first) for first in range(len(sites))]
    steepness = {
        (first, last): _steepness(
            np.array(charges[first : last + 1]),
            np.array([_first(row) for row in dimensions[first : last + 1]]),
        )
        for first, last in enumerate(stretches)
        if last is not None
    }
    where = min(steepness, key=lambda ends: steepness[ends], default=None)
    if where is None or not steepness[where] < STEEP:
        return None
    first, last = where
    shared = zip(*dimensions[first : last + 1], strict=False)
    read = [_reading(np.array(row)) for row in shared if np.isfinite(row).all()]
    known = itertools.takewhile(lambda x: 2 * x.scatter < x.value, read)
    charge = _reading(np.array(charges[first : last + 1]))
    return Plateau(first, last, charge, tuple(known))


def _stretch(sites: Sequence[int], first: int) -> int | None:
    """The first state that is large enough beside another."""
    large = (k for k, n in enumerate(sites) if n >= STRETCH * sites[first])
    return next(large, None)


def _first(row: Sequence[float]) -> float:
    return row[0] if len(row) else math.inf


def _steepness(charges: NDArray[np.float64], lowest: NDArray[np.float64]) -> float:
    """How much c and ln x_1 change, infinite where a state is in no critical range."""
    low, high = CRITICAL
    if not (
        np.all(charges > LEAST_CHARGE) and np.all((lowest > low) & (lowest < high))
    ):
        return math.inf
    return float(np.ptp(charges) + np.ptp(np.log(lowest)))


def _reading(values: NDArray[np.float64]) -> Reading:
    return Reading(float(values.mean()), float(np.ptp(values)) / 2)
