"""Where the law on the last side goes as the steps before it become more."""

from __future__ import annotations

import numpy as np
import xarray as xr

from kadanoff.experiments.demellokoch2020.decided import SIGMAS
from kadanoff.experiments.demellokoch2020.driven.rows import row, sides

__all__ = ["FATES", "fate"]

ALMOST = 0.01
"""From an end of the flow, where all sites are equal."""
TENTH = 0.1
"""Of a reading: how sharp it has to be for an unseen move to say something."""
FATES = {
    "fixed": "comes to rest (its moves shorten or are unseen)",
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
    that has not fallen and the last moves of both are unseen, or shorter than the
    longest before. What is seen is more than three errors.
    """
    density = row(dataset, "matched_density", system, rule)
    near = row(dataset, "matched_neighbours", system, rule)
    end = _end(density, near, single=float(sides(dataset)[0]) ** -2)
    if end:
        return end
    rests = not _has_fallen(near) and _rests(*density) and _rests(*near)
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


def _rests(value: np.ndarray, error: np.ndarray) -> bool:
    moves, noise = np.abs(np.diff(value)), np.hypot(error[1:], error[:-1])
    sharp = SIGMAS * noise[-1] < TENTH * abs(value[-1])
    unseen = sharp and moves[-1] < SIGMAS * noise[-1]
    longest = int(np.argmax(moves))
    gain = moves[longest] - moves[-1]
    return bool(unseen or gain > SIGMAS * np.hypot(noise[longest], noise[-1]))
