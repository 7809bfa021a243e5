"""What a paper claims, one exhibit for each of its figures or statements.

An exhibit computes a data set, draws it, and says of every claim what the paper has,
what comes here, and one status word with its reason. Computing is expensive and its
data set is kept in a run directory; drawing and judging compute nothing.

In a data set a reading `x` has its standard error beside it as `x_error`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.estimate import Estimate, parenthesised
from kadanoff.randomness import subseed
from kadanoff.reports.page import Section

__all__ = [
    "Check",
    "Exhibit",
    "FirstPage",
    "Paper",
    "Status",
    "Work",
    "columns",
    "pair",
    "shown",
    "stacked",
]

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


class Status(StrEnum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT = "not reproduced"
    OPEN = "open"


@dataclass(frozen=True)
class Check:
    """A claim and what became of it.

    Attributes:
        claim: in one sentence.
        paper: its value as far as known, and whether the text at hand has it.
        ours: what was computed, with errors.
        status: one word.
        reason: why, in one sentence; of an open claim the computation that would
            decide it.
    """

    claim: str
    paper: str
    ours: str
    status: Status
    reason: str


@dataclass(frozen=True)
class Work:
    """Where and how an exhibit computes.

    Attributes:
        seed: one seed makes everything.
        runs: root of run directories, in which long steps resume.
        tell: told of a label, what is done and of how much.
        device: of networks, `cpu` or `cuda`.
    """

    seed: int
    runs: Path
    tell: Callable[[str, int, int], None]
    device: str = "cpu"

    def subseed(self, *names: str | int) -> int:
        """The seed of one step, by its name."""
        return subseed(self.seed, *names)

    def progress(self, label: str) -> Callable[[int, int], None]:
        """What a long step calls with the parts done and their number."""
        return lambda done, total: self.tell(label, done, total)


@dataclass(frozen=True)
class Exhibit:
    """A figure or a statement of a paper.

    Attributes:
        name: how it is asked for, such as `fig_5`.
        title: of its section.
        fast, full: frozen settings, dataclasses of plain data: seconds in the tests,
            and the paper's sizes.
        compute: (settings, work) → data set.
        draw: data set → sections of the report.
        checks: data set → what became of each claim.
        version: part of a run's name; raise it when results change.
    """

    name: str
    title: str
    fast: Any
    full: Any
    compute: Callable[[Any, Work], xr.Dataset]
    draw: Callable[[xr.Dataset], Sequence[Section]]
    checks: Callable[[xr.Dataset], Sequence[Check]]
    version: int = 1


@dataclass(frozen=True)
class FirstPage:
    """What a reader must know, in sentences with numbers, and one picture."""

    sentences: Sequence[str]
    picture: Figure | None = None


@dataclass(frozen=True)
class Paper:
    """A source with its exhibits.

    Attributes:
        name: the key of its citation, such as `mehta2014`.
        title: of the report.
        lead: what the report is, in a sentence or two.
        exhibits: in the order of the report.
        first_page: data sets by the name of the exhibit → the first page.
    """

    name: str
    title: str
    lead: str
    exhibits: Sequence[Exhibit]
    first_page: Callable[[Mapping[str, xr.Dataset]], FirstPage]


def columns(
    readings: Mapping[str, Estimate], dimensions: Sequence[str] = ()
) -> Variables:
    """Variables of a data set: every reading and its error.

    Args:
        readings: estimates by name, all with these dimensions.
        dimensions: names of their axes.
    """
    axes = tuple(dimensions)
    found: Variables = {}
    for name, reading in readings.items():
        found[name] = (axes, np.asarray(reading.value))
        found[f"{name}_error"] = (axes, np.asarray(reading.error))
    return found


def stacked(readings: Sequence[Estimate], name: str, axis: str) -> Variables:
    """Variables of a data set: readings along one axis, and their errors."""
    return {
        name: ((axis,), np.array([float(r.value) for r in readings])),
        f"{name}_error": ((axis,), np.array([float(r.error) for r in readings])),
    }


def pair(dataset: xr.Dataset, name: str, **where: Any) -> tuple[float, float]:
    """A reading and its standard error.

    Args:
        dataset: with the variables `name` and `name_error`.
        name: of the reading, a number once `where` has chosen its place.
        where: values of coordinates.
    """
    value, error = (dataset[n].sel(**where).item() for n in (name, f"{name}_error"))
    return value, error


def shown(dataset: xr.Dataset, name: str, **where: Any) -> str:
    """A reading as `value(error)`.

    Args: as `pair`.
    """
    return parenthesised(*pair(dataset, name, **where))
