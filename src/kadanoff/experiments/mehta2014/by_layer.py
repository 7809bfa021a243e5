"""Readings against the layer: as text, as points, and set beside a limit.

A row is a network or another code, a reading `x` has its error over trainings beside it
as `x_error`, which is not a number where there is one training. A number without an
error is on neither side of a limit: one training decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.experiments.exhibit import Status, shown
from kadanoff.experiments.mehta2014.deep_network import (
    BINARY,
    BLOCKS,
    CRITICAL,
    LAYERS,
    LOCAL,
    MORE,
    PAPER,
    PLAIN,
    STRONG,
    UNTRAINED,
)
from kadanoff.reports.figures import PALETTE

__all__ = [
    "IN_PICTURES",
    "MAGNETIZATION",
    "MAJORITY",
    "MEAN",
    "ONCE",
    "OTHER",
    "SIGMAS",
    "WAVES",
    "Number",
    "above",
    "below",
    "cell",
    "combined",
    "is_apart",
    "legend",
    "number",
    "percent",
    "points",
    "trainings",
]

MAJORITY = "majority"
MAGNETIZATION = "magnetization alone"
WAVES, MEAN, OTHER = "lattice waves", "mean of the data", "another input"
SIGMAS = 3.0
IN_PICTURES = "remembered as pictures; the text at hand is the abstract"
ONCE = "one training, five decide"

Number = tuple[float, float]
"""A value and its error."""


def number(dataset: xr.Dataset, name: str, **where: Any) -> Number:
    """A reading and its error, which is not a number of one training.

    Args:
        dataset: with the variables `name` and `name_error`.
        name: of the reading, a number once `where` has chosen its place.
        where: values of coordinates.
    """
    value, error = (dataset[n].sel(**where) for n in (name, f"{name}_error"))
    return float(value), float(error)


def trainings(dataset: xr.Dataset, row: str) -> int:
    """How many trainings a row rests on."""
    return int(dataset["seeds"].sel(row=row))


def below(value: Number, limit: float) -> bool | None:
    """Whether a value is below a limit; None within three errors or without one."""
    room = limit - value[0]
    return room > 0 if abs(room) > SIGMAS * value[1] else None


def above(one: Number, other: Number, factor: float = 1.0) -> bool | None:
    """Whether one is above `factor` times the other; None as in `below`."""
    gap = factor * other[0] - one[0]
    return below((gap, math.hypot(one[1], factor * other[1])), 0.0)


def is_apart(one: Number, other: Number) -> Number:
    """How far one is from the other."""
    return abs(one[0] - other[0]), math.hypot(one[1], other[1])


def combined(found: Sequence[bool | None]) -> Status:
    """Of the parts of a claim: all of them, some, none, or open."""
    if found and all(found):
        return Status.REPRODUCED
    if False not in found:
        return Status.OPEN
    return Status.PARTLY if True in found else Status.NOT


def percent(share: Number) -> str:
    """A share of units as text."""
    value, error = share
    return f"{100 * value:.0f} %" + (
        f" ± {100 * error:.0f}" if math.isfinite(error) and error else ""
    )


def cell(dataset: xr.Dataset, name: str, **where: Any) -> str:
    """A reading as text: without an error where there is one training.

    Args:
        dataset: with the variables `name` and `name_error`.
        name: of the reading, a number once `where` has chosen its place.
        where: values of coordinates.
    """
    value, error = number(dataset, name, **where)
    if not math.isfinite(value):
        return "–"
    return shown(dataset, name, **where) if math.isfinite(error) else f"{value:.3g}"


STYLES = {
    PAPER: (PALETTE[2], "o", "-"),
    LOCAL: (PALETTE[0], "s", "-"),
    CRITICAL: (PALETTE[3], "^", "-"),
    PLAIN: (PALETTE[1], "v", "-"),
    STRONG: (PALETTE[5], "D", "-"),
    MORE: (PALETTE[4], "<", "-"),
    BINARY: ("#8c510a", ">", "-"),
    UNTRAINED: ("0.55", "x", ":"),
    BLOCKS: (PALETTE[6], "s", "--"),
    MAJORITY: (PALETTE[6], "^", "--"),
    WAVES: (PALETTE[6], "_", "-"),
    MAGNETIZATION: ("#7b3294", "*", "--"),
    MEAN: ("0.75", "P", "-"),
    OTHER: ("0.35", "1", "-."),
}
"""Trainings in colours and filled, what was put in black, what knows nothing grey."""
FIRM = (PAPER, LOCAL)
HOLLOW = (BLOCKS, MAJORITY)


def points(ax: Axes, dataset: xr.Dataset, name: str) -> None:
    """A reading against the layer, a line for every row that has it.

    Args:
        ax: where to.
        dataset: with `(row, layer)` variables `name` and `name_error`.
        name: of the reading.
    """
    rows = [str(r) for r in dataset["row"].values]
    for k, row in enumerate(rows):
        here = dataset.sel(row=row)
        colour, marker, line = STYLES[row]
        ax.errorbar(
            np.array(LAYERS) + 0.03 * (k - (len(rows) - 1) / 2),
            here[name],
            np.nan_to_num(here[f"{name}_error"]),
            label=row,
            color=colour,
            marker=marker,
            linestyle=line,
            markerfacecolor="white" if row in HOLLOW else colour,
            markersize=5.5 if row in FIRM else 5,
            linewidth=1.8 if row in FIRM else 0.9,
            capsize=2,
        )
    ax.set_xlabel("layer", fontsize=9)
    ax.set_xticks(LAYERS)
    ax.set_xlim(LAYERS[0] - 0.4, LAYERS[-1] + 0.4)


def legend(fig: Figure) -> None:
    """One legend for all panels, beside them."""
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, fontsize=9, frameon=False, loc="outside right center")
