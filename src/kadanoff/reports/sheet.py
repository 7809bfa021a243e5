"""One scorecard or several as plain data, for a page, a slide and a notebook.

A `Sheet` holds rows of readings of each map, the same rows of controls, and
`Portrait`s, which hold what is seen and not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, number_text
from kadanoff.reports.figures import PALETTE

__all__ = [
    "FAILS",
    "MAPS",
    "NONE",
    "OF_MAP",
    "PASSES",
    "THIS",
    "Dot",
    "Portrait",
    "Ratio",
    "Row",
    "Rows",
    "Sheet",
    "Step",
    "dots",
    "matching",
    "number_of",
    "readings_of",
    "row_of",
    "text_of",
]

PASSES, FAILS = PALETTE[1], PALETTE[2]
MAPS = (PALETTE[0], *PALETTE[3:], PASSES, FAILS)
THIS = "this map"
NONE = "–"
NOTHING = (math.nan, math.nan)
OF_MAP = re.compile(r"map (\d+): ")


class Row(Protocol):
    """One row of a scorecard, whoever read it."""

    @property
    def name(self) -> str:
        """Of the row."""
        ...

    @property
    def readings(self) -> Mapping[str, Any]:
        """Estimates and plain numbers by name; empty where the row is missing."""
        ...

    @property
    def sentence(self) -> str:
        """The row in words, or why it is missing."""
        ...


Rows = Sequence[Row]


@dataclass(frozen=True, eq=False)
class Step:
    """Exponents of one step of a map.

    Attributes:
        name: of the step, from side to side.
        exponents: y_T and y_H with 1, 2, … operators.
        reported: whether the scorecard reports this step.
    """

    name: str
    exponents: Mapping[str, Sequence[Estimate]]
    reported: bool


@dataclass(frozen=True, eq=False)
class Ratio:
    """The coarse correlator over the fine one at distances that both have.

    Attributes:
        distance: r > 0, in sites of the fine lattice.
        value: G_coarse(r)/G_fine(r).
    """

    distance: np.ndarray
    value: Estimate


@dataclass(frozen=True, eq=False)
class Portrait:
    """What of a map is seen and not read.

    Attributes:
        levels: configurations before it and after each time it is applied.
        fields: direct responses of some units on the fine lattice,
            `(units, *lattice)`; None where values do not multiply.
        steps: exponents of every step.
        ratios: of correlators, by feature map; of a map that has one by "".
    """

    levels: tuple[Ensemble, ...]
    fields: np.ndarray | None = None
    steps: tuple[Step, ...] = ()
    ratios: Mapping[str, Ratio] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A scorecard, or several, as plain data.

    Attributes:
        title: the map in words, or how many there are.
        lead: what was read.
        maps: rows of each map that is judged, by the name it has in pictures.
        controls: rows of each control.
        passing: names of the controls that are a renormalization, the one that the
            others are set against first.
        headlines: the readings that are set beside, by row.
        talk: those that a slide has room for, by row.
        exact: what is known of a reading, by its name.
        remark: what must be known before the rows are believed.
        portraits: of maps and controls, by the same names.
        provenance: for the foot of a page.
    """

    title: str
    lead: str
    maps: Mapping[str, Rows]
    controls: Mapping[str, Rows] = field(default_factory=dict)
    passing: tuple[str, ...] = ()
    headlines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    talk: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exact: Mapping[str, float] = field(default_factory=dict)
    remark: str = ""
    portraits: Mapping[str, Portrait] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Rows]:
        """All that are set side by side, the maps first."""
        return {**self.maps, **self.controls}

    @property
    def rows(self) -> list[str]:
        """Names of the rows that any map has, in their order."""
        return list(dict.fromkeys(r.name for rows in self.maps.values() for r in rows))

    @property
    def failing(self) -> list[str]:
        """Controls of known fault."""
        return [name for name in self.controls if name not in self.passing]

    @property
    def reference(self) -> str:
        """The control that the others are set against; empty where there is none."""
        return next((name for name in self.passing if name in self.controls), "")

    def colour(self, name: str) -> str:
        """Of a map or a control in every picture."""
        if name in self.maps:
            return MAPS[[*self.maps].index(name) % len(MAPS)]
        return PASSES if name in self.passing else FAILS


@dataclass(frozen=True)
class Dot:
    """A reading as it is drawn.

    Attributes:
        value: not a number where there is none.
        error: the whole one where a row gives it besides that of the jackknife.
        map: of which feature map; None of a map that has one.
    """

    value: float
    error: float
    map: int | None = None


def dots(row: Row | None, reading: str) -> list[Dot]:
    """A reading of a row as it is drawn: of several feature maps one for each."""
    found = []
    for name, value in matching(row, reading).items():
        number, error = number_of(value)
        of_map = OF_MAP.match(name)
        whole = _whole_error(readings_of(row), name)
        found.append(
            Dot(
                number,
                error if whole is None else whole,
                int(of_map[1]) if of_map else None,
            )
        )
    return found


def matching(row: Row | None, reading: str) -> dict[str, Any]:
    """The reading of that name, or that of each feature map."""
    pattern = re.compile(rf"(map \d+: )?{re.escape(reading)}")
    return {k: v for k, v in readings_of(row).items() if pattern.fullmatch(k)}


def _whole_error(readings: Mapping[str, Any], name: str) -> float | None:
    """The error that a row gives besides that of the jackknife, where it does."""
    given = [v for k, v in readings.items() if k.startswith(f"{name} error")]
    known = [v for v in given if isinstance(v, float) and math.isfinite(v)]
    return known[0] if known else None


def number_of(value: Any) -> tuple[float, float]:
    """Value and error of an estimate or a plain number, which has none."""
    if isinstance(value, Estimate):
        single = value.value.ndim == 0
        return (float(value.value), float(value.error)) if single else NOTHING
    try:
        return float(value), 0.0
    except (TypeError, ValueError):  # a vector or a word is no dot
        return NOTHING


def row_of(rows: Rows, name: str) -> Row | None:
    """The row of that name, where it was read."""
    return next((row for row in rows if row.name == name), None)


def readings_of(row: Row | None) -> Mapping[str, Any]:
    """The readings of a row; none of a row that was not read."""
    return {} if row is None else row.readings


def text_of(value: Any) -> str:
    """A number as everywhere in the package, a dash for what was not read."""
    return NONE if value is None else number_text(value)
