"""Blocks and windows of sites on a periodic lattice, and what rules ask of their input.

A block holds b^d sites and tiles the lattice; a window of w^d sites is moved by b sites
at a time and overlaps its neighbours where w > b. A window of w sites along a direction
starts (b - w)//2 sites after the block: it is centred on it where b - w is even, and
half a site before its centre where it is odd. Windows wrap around the torus; a site met
twice counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kadanoff.geometry import Geometry, Grid, Unordered

__all__ = [
    "block_sum",
    "grid_of",
    "require_numbers",
    "require_spins",
    "through_window",
    "windowed",
]


def grid_of(fine: Geometry, rule: object) -> Grid:
    """The geometry as a grid; ValueError for units without positions."""
    if isinstance(fine, Unordered):
        raise ValueError(
            f"rule '{rule}' needs sites with positions, got an unordered layer of "
            f"{fine.size} units; put 'arrange' before it"
        )
    return fine


def require_spins(alphabet: str, rule: object) -> None:
    """ValueError for values that are not ±1."""
    if alphabet != "pm1":
        raise ValueError(
            f"rule '{rule}' needs ±1 spins, got values of alphabet '{alphabet}'; "
            "use 'average' for real values"
        )


def require_numbers(alphabet: str, rule: object) -> None:
    """ValueError for Potts states and angles."""
    if alphabet not in ("pm1", "real"):
        raise ValueError(
            f"rule '{rule}' needs ±1 spins or real values, got values of alphabet "
            f"'{alphabet}'; use 'decimation', which keeps any alphabet"
        )


def block_sum(spins: np.ndarray, coarse: Grid, b: int) -> np.ndarray:
    """Sum over each block: integers for spins, float32 for real values."""
    integer = np.int16 if b**coarse.dimension < 2**15 else np.int32
    total = spins.astype(integer if spins.dtype == np.int8 else np.float32)
    for axis in range(1, coarse.dimension + 1):
        shape = (*total.shape[:axis], -1, b, *total.shape[axis + 1 :])
        total = total.reshape(shape).sum(axis=axis + 1, dtype=total.dtype)
    return total


def windowed(fine: Grid, b: int, window: tuple[int, ...]) -> Grid:
    """The lattice of window centres.

    Raises:
        ValueError: `b` does not divide every side, or a window of another dimension.

    >>> windowed(Grid((4, 4)), 2, (4, 3)).cell
    ((0.5, 0.0),)
    """
    if len(window) != fine.dimension:
        raise ValueError(
            f"a lattice of {fine.dimension} directions needs a window of as many, got "
            f"one of shape {window}"
        )
    coarse = fine.coarsened(b)
    centre = np.array([(b - w) // 2 + (w - 1) / 2 for w in window])
    home = np.array(fine.cell[0]) + centre @ np.array(fine.basis)
    return coarse.moved_to(tuple(home.tolist()))


def through_window(
    values: np.ndarray, b: int, window: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """For each place in the window, the values that all coarse sites see there.

    Pairs of the place and `(n, *coarse.lattice)` values.
    """
    for place in np.ndindex(*window):
        seen = values
        for axis, (o, w) in enumerate(zip(place, window, strict=True), start=1):
            side = values.shape[axis]
            sites = (np.arange(0, side, b) + (b - w) // 2 + o) % side
            seen = seen.take(sites, axis=axis)
        yield place, seen
