"""The zoom strip: the same configurations at every level of a coarse-graining."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kadanoff.ensemble import Block, Ensemble
from kadanoff.geometry import Grid
from kadanoff.reports.figures import image_rows

__all__ = ["picture", "strip"]


def strip(levels: Sequence[Ensemble], *, rows: int = 3) -> Figure:
    """A row for each of the first configurations, a column for each level.

    Raises:
        ValueError: no level, or fewer than one row.
    """
    if not levels or rows < 1:
        raise ValueError(
            f"a strip needs at least one level and one row, got {len(levels)} levels "
            f"and {rows} rows"
        )
    shown = min(rows, levels[0].chains)
    pictures = {
        f"chain {chain}": [picture(level, chain) for level in levels]
        for chain in range(shown)
    }
    return image_rows(pictures, [_title(level) for level in levels])


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


def _title(level: Ensemble) -> str:
    if isinstance(level.geometry, Grid):
        return "×".join(map(str, level.geometry.shape))
    return f"{level.geometry.size} units"
