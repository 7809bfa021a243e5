"""A panel for each reading: where a map stands among its controls.

Each reading has an axis of its own, and the eye compares. Bars are one standard error;
what is far away from the rest is an arrow with its number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kadanoff.estimate import NO_NUMBER
from kadanoff.reports.figures import tidy
from kadanoff.reports.sheet import (
    OF_MAP,
    PASSES,
    THIS,
    Dot,
    Row,
    Sheet,
    dots,
    readings_of,
    row_of,
)

__all__ = [
    "Line",
    "draw_beside",
    "drawable",
    "headlines_of",
    "lines_of",
    "panel",
    "wholes_of",
]

INK, GREY, PALE = "#222222", "#767676", "#dddddd"
ACROSS = 4  # panels in a row of a page
FEW_MAPS = 8  # feature maps that have a line each
NEAREST, FAR = 0.4, 4.0  # what an axis must hold, and the gap that ends it


@dataclass(frozen=True)
class Line:
    """One line of the panels: a map, a feature map, or a control."""

    label: str
    name: str
    map: int | None = None


def draw_beside(sheet: Sheet, *, width: float = 12.0) -> Figure | None:
    """A panel for each headline reading, a line for each map and control."""
    shown = headlines_of(sheet)
    if not shown:
        return None
    lines = lines_of(sheet)
    across = min(ACROSS, len(shown))
    down = math.ceil(len(shown) / across)
    height = down * (0.27 * len(lines) + 1.0)
    fig = Figure(figsize=(width, height), layout="constrained")
    axes = fig.subplots(down, across, squeeze=False, sharey=True).ravel()
    for k, (ax, which) in enumerate(zip(axes, shown, strict=False)):
        panel(ax, sheet, lines, which, named=k % across == 0, size=9.5)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    return fig


def headlines_of(sheet: Sheet) -> list[tuple[str, str]]:
    """Row and reading of the panels of a page."""
    return drawable(sheet, sheet.headlines)


def drawable(
    sheet: Sheet, wanted: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """Row and reading of each panel that has a number of any map or control.

    A row that all maps lack has no panel: what controls have of it is beside nothing.
    """
    return [
        (name, reading)
        for name in sheet.rows
        if any(readings_of(row_of(rows, name)) for rows in sheet.maps.values())
        for reading in wanted.get(name, ())
        if any(
            math.isfinite(dot.value)
            for rows in sheet.columns.values()
            for dot in dots(row_of(rows, name), reading)
        )
    ]


def lines_of(sheet: Sheet) -> list[Line]:
    """From top to bottom: maps, one line for each feature map, then controls."""
    lines = []
    for name, rows in sheet.maps.items():
        maps = sorted(
            {
                int(m[1])
                for row in rows
                for key in row.readings
                if (m := OF_MAP.match(key))
            }
        )
        if not 0 < len(maps) <= FEW_MAPS:
            lines.append(Line(name, name))
        elif len(sheet.maps) == 1:
            lines += [Line(f"{THIS}, {m}", name, m) for m in maps]
        else:
            lines += [Line(f"{name}, map {m}", name, m) for m in maps]
    passing = [name for name in sheet.controls if name in sheet.passing]
    return lines + [Line(name, name) for name in (*passing, *sheet.failing)]


def panel(
    ax: Axes,
    sheet: Sheet,
    lines: Sequence[Line],
    which: tuple[str, str],
    *,
    named: bool,
    size: float,
) -> None:
    """One reading of all lines: dots, bars, and the level of the reference.

    The line of a control that the row was not read of stays empty.
    """
    row, reading = which
    _bare(ax, row, reading, size)
    found = {line: _of_line(sheet, line, which) for line in lines}
    reference = _reference_dot(sheet, which)
    level = sheet.exact.get(reading)
    low, high = _span(sheet, found, reference, level)
    ax.set_xlim(low, high)
    _levels(ax, reference, level, size)
    for line, (top, foot) in _places(sheet, found, which).items():
        some, y = found[line], (top + foot) / 2
        for j, dot in enumerate(some):
            beside = 0.0 if len(some) == 1 else 0.5 * (j / (len(some) - 1) - 0.5)
            _mark(ax, sheet, line, dot, y + beside, size)
            if foot > top and low <= dot.value <= high:
                ax.plot([dot.value] * 2, [top, foot], color=sheet.colour(line.name))
        if not any(math.isfinite(dot.value) for dot in some):
            _write(ax, 0.03, y, NO_NUMBER, GREY, 0.92 * size, "left")
    _ranks(ax, sheet, lines, named, size)


def _bare(ax: Axes, row: str, reading: str, size: float) -> None:
    tidy(ax)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(labelsize=0.9 * size, left=False)
    ax.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=2))
    ax.set_title(f"{row}\n{reading}", fontsize=size, loc="left", parse_math=False)


def _ranks(
    ax: Axes, sheet: Sheet, lines: Sequence[Line], named: bool, size: float
) -> None:
    """Names on the left, rules between maps, passing and failing controls."""
    ax.set_ylim(len(lines) - 0.25, -0.6)
    ax.set_yticks(range(len(lines)), [line.label for line in lines], parse_math=False)
    ax.tick_params(axis="y", labelleft=named)
    groups = [_group(sheet, line) for line in lines]
    for k, (before, after) in enumerate(itertools.pairwise(groups)):
        if before != after:
            ax.axhline(k + 0.5, color=PALE, linewidth=1)
    if not named:
        return
    for label, line in zip(ax.get_yticklabels(), lines, strict=True):
        label.set_fontsize(size)
        label.set_color(sheet.colour(line.name) if line.name in sheet.maps else INK)
        label.set_fontweight("bold" if line.name in sheet.maps else "normal")


def _group(sheet: Sheet, line: Line) -> int:
    return 0 if line.name in sheet.maps else 1 if line.name in sheet.passing else 2


def _of_line(sheet: Sheet, line: Line, which: tuple[str, str]) -> list[Dot]:
    found = dots(row_of(sheet.columns[line.name], which[0]), which[1])
    if line.map is None:
        return found
    alone = [dot for dot in found if dot.map is None]  # a row of the map as a whole
    return [dot for dot in found if dot.map == line.map] or alone


def _places(
    sheet: Sheet, lines: Iterable[Line], which: tuple[str, str]
) -> dict[Line, tuple[int, int]]:
    """First and last height of each line that was read.

    What a map has as a whole stands once, at the first of its feature maps' lines, and
    goes on to their last.
    """
    every = [*lines]
    places = {}
    for k, line in enumerate(every):
        row = row_of(sheet.columns[line.name], which[0])
        if row is None:
            continue
        own = [j for j, other in enumerate(every) if other.name == line.name]
        if not _is_whole(row, which[1]):
            places[line] = (k, k)
        elif k == own[0]:
            places[line] = (own[0], own[-1])
    return places


def _is_whole(row: Row, reading: str) -> bool:
    """Whether a reading is there, and is one of all feature maps together."""
    found = dots(row, reading)
    return bool(found) and all(dot.map is None for dot in found)


def wholes_of(sheet: Sheet) -> list[str]:
    """Readings that are drawn once for all feature maps of a map, by their rows."""
    several = {line.name for line in lines_of(sheet) if line.map is not None}
    found = [
        name
        for name, reading in headlines_of(sheet)
        for of in several
        if (row := row_of(sheet.maps[of], name)) and _is_whole(row, reading)
    ]
    return list(dict.fromkeys(found))


def _reference_dot(sheet: Sheet, which: tuple[str, str]) -> Dot | None:
    """The first of the passing controls, where it has that reading."""
    rows = sheet.controls.get(sheet.reference, ())
    found = dots(row_of(rows, which[0]), which[1])
    return found[0] if found and math.isfinite(found[0].value) else None


def _span(
    sheet: Sheet,
    found: Mapping[Line, Sequence[Dot]],
    reference: Dot | None,
    level: float | None,
) -> tuple[float, float]:
    """An axis that holds what must be told apart; what is far from it gets an arrow.

    Distances are those from the reference. Held are all passing controls, the exact
    value and the nearest `NEAREST` of the others, and of these also every next one
    that is not `FAR` times as far as the one before.
    """
    every = [
        (dot, line.name in sheet.passing)
        for line, some in found.items()
        for dot in some
        if math.isfinite(dot.value)
    ]
    values = [dot.value for dot, _ in every]
    centre = reference.value if reference else float(np.median(values))
    held = [abs(dot.value - centre) for dot, passes in every if passes]
    held += [] if level is None else [abs(level - centre)]
    others = sorted(abs(dot.value - centre) for dot, passes in every if not passes)
    reach = max([*held, *others[: 1 + int(NEAREST * (len(others) - 1))]], default=0.0)
    reach = max(reach, 2 * _least(every), 1e-3 * abs(centre))
    for distance in others:
        if distance <= FAR * reach:
            reach = max(reach, distance)
    inside = [(d.value, d.error) for d, _ in every if abs(d.value - centre) <= reach]
    inside += [(centre, 0.0)] + ([] if level is None else [(level, 0.0)])
    bars = [(v, min(e, 1.5 * reach) if math.isfinite(e) else 0.0) for v, e in inside]
    low, high = min(v - e for v, e in bars), max(v + e for v, e in bars)
    room = 0.12 * (high - low) or 0.5 * abs(centre) or 0.5
    return low - room, high + room


def _least(every: Sequence[tuple[Dot, bool]]) -> float:
    """The smallest error that there is: no axis need be finer."""
    errors = [dot.error for dot, _ in every if math.isfinite(dot.error) and dot.error]
    return min(errors, default=0.0)


def _levels(ax: Axes, reference: Dot | None, level: float | None, size: float) -> None:
    if reference is not None:
        ax.axvline(reference.value, color=PASSES, linewidth=1.4, alpha=0.8, zorder=1)
        if math.isfinite(reference.error):
            low, high = (reference.value + s * reference.error for s in (-1, 1))
            ax.axvspan(low, high, color=PASSES, alpha=0.18, linewidth=0, zorder=0)
    if level is not None:
        ax.axvline(level, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
        right = level > sum(ax.get_xlim()) / 2
        ax.annotate(
            "exact",
            (level, 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(-2 if right else 2, 2),
            textcoords="offset points",
            fontsize=0.75 * size,
            color=INK,
            ha="right" if right else "left",
            va="bottom",
        )


def _mark(ax: Axes, sheet: Sheet, line: Line, dot: Dot, y: float, size: float) -> None:
    """A dot with its bar, or an arrow with the number where it is beyond the axis."""
    if not math.isfinite(dot.value):
        return
    low, high = ax.get_xlim()
    colour = sheet.colour(line.name)
    if not low <= dot.value <= high:
        right = dot.value > high
        x, side = (0.97, "right") if right else (0.03, "left")
        said = f"{_rounded(dot)} ▶" if right else f"◀ {_rounded(dot)}"
        _write(ax, x, y, said, colour, 0.92 * size, side)
        return
    judged = line.name in sheet.maps
    known = math.isfinite(dot.error)
    ax.errorbar(
        dot.value,
        y,
        xerr=dot.error if known and dot.error > 0 else None,
        color=colour,
        marker="o" if judged else "s" if line.name in sheet.passing else "D",
        markersize=(0.85 if judged else 0.55) * size,
        markerfacecolor=colour if known else "white",
        elinewidth=1.8 if judged else 1.3,
        capsize=3 if judged else 2,
        zorder=4 if judged else 3,
    )


def _write(
    ax: Axes, x: float, y: float, said: str, colour: str, size: float, side: str
) -> None:
    ax.text(
        x,
        y,
        said,
        transform=ax.get_yaxis_transform(),
        fontsize=size,
        color=colour,
        ha=side,
        va="center",
        parse_math=False,
        bbox={"color": "white", "alpha": 0.75, "pad": 0.5, "linewidth": 0},
    )


def _rounded(dot: Dot) -> str:
    """The number beside an arrow, as exact as its error lets it be."""
    if not math.isfinite(dot.error) or not dot.error:
        return f"{dot.value:.3g}"
    digits = max(0, min(3, 1 - math.floor(math.log10(dot.error))))
    return f"{dot.value:.{digits}f}"
