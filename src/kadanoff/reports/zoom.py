"""The same configurations at every level of a coarse-graining: a strip, or a film."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from kadanoff.ensemble import Block, Ensemble
from kadanoff.files import replacing
from kadanoff.geometry import Grid
from kadanoff.reports.figures import image_rows

__all__ = ["film", "picture", "save_film", "strip"]

SIDE, GAP = 256, 16  # pixels of a picture, and between two
REST, BETWEEN = 10, 8  # frames that a level stays, and until the next one is there
FRAME = 100  # milliseconds


def strip(levels: Sequence[Ensemble], *, rows: int = 3) -> Figure:
    """A row for each of the first configurations, a column for each level.

    Raises:
        ValueError: no level, or fewer than one row.
    """
    pictures = _pictures(levels, rows)
    labelled = {f"chain {chain}": row for chain, row in enumerate(pictures)}
    return image_rows(labelled, [_title(level) for level in levels])


def film(levels: Sequence[Ensemble], *, rows: int = 3) -> Iterator[np.ndarray]:
    """Grey frames in which a level stays for a second and dissolves into the next.

    The first configurations stand side by side, each as large on every level: what is
    seen is the same magnet from farther and farther away.

    Raises:
        ValueError: no level, or fewer than one row.
    """
    columns = zip(*_pictures(levels, rows), strict=True)
    shots = [np.hstack([_framed(p) for p in column]) for column in columns]
    for here, there in itertools.pairwise(shots):
        yield from [here] * REST
        for share in np.arange(1, BETWEEN + 1) / (BETWEEN + 1):
            yield ((1 - share) * here + share * there).astype(np.uint8)
    yield from [shots[-1]] * REST


def save_film(frames: Iterable[np.ndarray], path: Path) -> None:
    """The frames as a GIF that starts again when it ends."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    with replacing(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=FRAME,
            loop=0,
        )


def picture(level: Ensemble, chain: int) -> np.ndarray:
    """First draw of one chain as a two-dimensional array.

    Chains of spins become a row, higher dimensions show their first plane, and an
    unordered layer is folded row by row, in the order of its units.
    """
    values = level.read(Block(slice(chain, chain + 1), slice(0, 1)))[0]
    if isinstance(level.geometry, Grid):
        while values.ndim > 2:
            values = values[0]
        return np.atleast_2d(values)
    side = int(np.ceil(np.sqrt(values.size)))
    folded = np.full(side * side, np.nan)
    folded[: values.size] = values
    return folded.reshape(side, side)


def _pictures(levels: Sequence[Ensemble], rows: int) -> list[list[np.ndarray]]:
    """Chain by chain, the pictures of all levels."""
    if not levels or rows < 1:
        raise ValueError(
            f"a strip needs at least one level and one row, got {len(levels)} levels "
            f"and {rows} rows"
        )
    shown = min(rows, levels[0].chains)
    return [[picture(level, chain) for level in levels] for chain in range(shown)]


def _framed(values: np.ndarray) -> np.ndarray:
    """Black for up, white for down, the longer side `SIDE` pixels, a frame of paper."""
    largest = max(1.0, float(np.nanmax(abs(values))))
    grey = np.nan_to_num(127.5 * (1 - values / largest), nan=255.0)
    zoom = SIDE / max(values.shape)
    # The nearest site of every pixel, whatever the ratio of the sides.
    at = [((np.arange(round(n * zoom)) + 0.5) / zoom).astype(int) for n in values.shape]
    large = grey[np.ix_(*at)]
    missing = [SIDE - n for n in large.shape]
    margins = [(GAP + m // 2, GAP + m - m // 2) for m in missing]
    return np.pad(large, margins, constant_values=255.0).astype(np.uint8)


def _title(level: Ensemble) -> str:
    if isinstance(level.geometry, Grid):
        return "×".join(map(str, level.geometry.shape))
    return f"{level.geometry.size} units"
