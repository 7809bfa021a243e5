"""Blocks and windows of sites on a periodic lattice.

A block holds b^d sites and tiles the lattice; a window of w^d sites is moved by b sites
at a time and overlaps its neighbours where w > b. A window of w sites along a direction
starts (b - w)//2 sites after the block: it is centred on it where b - w is even, and
half a site before its centre where it is odd. Windows wrap around the torus and are no
longer than its sides, so that no site is met twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from kadanoff.geometry import Grid

__all__ = ["block_sum", "blocks", "through_window", "windowed"]


def block_sum(spins: np.ndarray, coarse: Grid, b: int) -> np.ndarray:
    """Sum over each block: integers for spins, float32 for real values."""
    integer = np.int16 if b**coarse.dimension < 2**15 else np.int32
    total = spins.astype(integer if spins.dtype == np.int8 else np.float32)
    for axis in range(1, coarse.dimension + 1):
        shape = (*total.shape[:axis], -1, b, *total.shape[axis + 1 :])
        total = total.reshape(shape).sum(axis=axis + 1, dtype=total.dtype)
    return total


def blocks(values: np.ndarray, coarse: Grid, b: int) -> np.ndarray:
    """The values of every block side by side, `(n, b^d, *coarse.shape)`.

    >>> blocks(np.arange(6)[None], Grid((3,)), 2).tolist()
    [[[0, 2, 4], [1, 3, 5]]]
    """
    sides = itertools.chain(*((side, b) for side in coarse.shape))
    split = values.reshape(len(values), *sides)
    inside = range(2, split.ndim, 2)
    apart = split.transpose(0, *inside, *range(1, split.ndim, 2))
    return apart.reshape(len(values), b**coarse.dimension, *coarse.shape)


def windowed(fine: Grid, b: int, window: tuple[int, ...]) -> Grid:
    """The lattice of window centres.

    Raises:
        ValueError: `b` does not divide every side, or a window of another dimension or
            longer than the lattice.

    >>> windowed(Grid((4, 4)), 2, (4, 3)).cell
    ((0.5, 0.0),)
    """
    if len(window) != fine.dimension:
        raise ValueError(
            f"a lattice of {fine.dimension} directions needs a window of as many, got "
            f"one of shape {window}"
        )
    if any(w > side for w, side in zip(window, fine.shape, strict=True)):
        raise ValueError(
            f"a window of shape {window} is longer than the lattice of shape "
            f"{fine.shape} and would see a site twice; use a shorter window"
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
