"""Where the law on the last side goes as the steps before it become more."""

from __future__ import annotations

import numpy as np
import xarray as xr

from kadanoff.experiments.demellokoch2020.decided import SIGMAS, all_of, within
from kadanoff.experiments.demellokoch2020.driven.rows import row, sides

__all__ = ["FATES", "STILL", "fate"]

ALMOST = 0.01
"""From an end of the flow, where all sites are equal."""
STILL = 0.05
"""Of a reading: what its last move has to be below at rest, by three errors. That moves
shorten is not enough: those of a density, which ends at 1, do so in any slow flow."""
FATES = {
    "fixed": "comes to rest",
    "healthy": "runs to the healthy lattice",
    "infected": "runs to all infected",
    "open": "is not decided",
}


def fate(dataset: xr.Dataset, system: str, rule: str) -> str:
    """Where the law on the last side goes as the steps before it become more.

    The ends are a lattice without correlations, all healthy (among survivors one site
    may be left) or all infected. The flow runs to one where it has arrived, where one
    more equal move would lead beyond, or where the density still moves while the
    correlation of neighbours has fallen from its largest value. It is at rest where
    that has not fallen and the last moves of both are below `STILL` of them. What is
    seen, and what is below, is so by three errors.
    """
    density = row(dataset, "matched_density", system, rule)
    near = row(dataset, "matched_neighbours", system, rule)
    end = _end(density, near, single=float(sides(dataset)[0]) ** -2)
    if end:
        return end
    rests = not _has_fallen(near) and all_of(map(_rests, (density, near)))
    return "fixed" if rests else "open"


Row = tuple[np.ndarray, np.ndarray]


def _end(density: Row, near: Row, single: float) -> str:
    value, error = density
    if value[-1] < single + ALMOST:
        return "healthy"
    if value[-1] > 1 - ALMOST:
        return "infected"
    last = value[-1] - value[-2]
    beyond = not 0 < value[-1] + last < 1
    if abs(last) > SIGMAS * np.hypot(*error[-2:]) and (beyond or _has_fallen(near)):
        return "healthy" if last < 0 else "infected"
    return ""


def _has_fallen(near: Row) -> bool:
    value, error = near
    if not np.isfinite(value).all():
        return True  # all sites are equal
    top = int(np.argmax(value))
    return bool(value[top] - value[-1] > SIGMAS * np.hypot(error[top], error[-1]))


def _rests(reading: Row) -> bool | None:
    value, error = reading
    move, noise = value[-1] - value[-2], np.hypot(*error[-2:])
    return within(float(move), float(noise), STILL * abs(float(value[-1])))
