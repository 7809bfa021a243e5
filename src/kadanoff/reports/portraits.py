"""What of maps is seen and not read: configurations, responses, exponents, correlators.

Maps and controls stand beside each other in the colours of a `Sheet`.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kadanoff.geometry import Grid
from kadanoff.reports.cells import box_of, draw_cells, plane_of
from kadanoff.reports.figures import tidy
from kadanoff.reports.sheet import Portrait, Sheet
from kadanoff.reports.zoom import draw_view, views_of

__all__ = ["draw_configurations", "draw_exponents", "draw_fields", "draw_ratios"]

INK = "#222222"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw_configurations(
    sheet: Sheet, *, most: int = 6, size: float = 1.25
) -> Figure | None:
    """A column for each map and control, a row for each level and feature map."""
    seen = {
        name: views_of(portrait.levels, 1)[:most]
        for name, portrait in sheet.portraits.items()
        if portrait.levels
    }
    if not seen:
        return None
    sheet_of = _contact(sheet, {name: len(v) for name, v in seen.items()}, size, 0.25)
    usual = [view.title for view in next(iter(seen.values()))]
    for name, axes in sheet_of.columns.items():
        for k, (ax, view) in enumerate(zip(axes, seen[name], strict=True)):
            draw_view(view, [ax])
            first = ax is sheet_of.first[k]
            if first or k >= len(usual) or view.title != usual[k]:
                ax.set_xlabel(view.title.replace("\n", ", "), fontsize=8.5)
    return sheet_of.figure


def draw_fields(sheet: Sheet, *, most: int = 4, size: float = 1.25) -> Figure | None:
    """Direct responses of some units, a column for each map and control."""
    seen = {
        name: portrait.fields[:most]
        for name, portrait in sheet.portraits.items()
        if portrait.fields is not None and len(portrait.fields)
    }
    if not seen:
        return None
    sheet_of = _contact(sheet, {name: len(f) for name, f in seen.items()}, size, 0.05)
    for name, axes in sheet_of.columns.items():
        plane = plane_of(sheet.portraits[name].levels[0].geometry)
        for ax, values in zip(axes, seen[name], strict=True):
            most_of = float(np.abs(values).max()) or 1.0
            draw_cells(
                ax,
                plane,
                _plane(values, plane),
                box_of(plane),
                cmap=matplotlib.colormaps["RdBu_r"],
                norm=Normalize(-most_of, most_of),
            )
    return sheet_of.figure


@dataclass(frozen=True, eq=False)
class Contact:
    """A sheet of small pictures, empty places hidden.

    Attributes:
        figure: of all.
        columns: axes of each map and control, from top to bottom.
        first: the leftmost axes of every row.
    """

    figure: Figure
    columns: Mapping[str, Sequence[Axes]]
    first: Sequence[Axes]


def _contact(
    sheet: Sheet, counts: Mapping[str, int], size: float, between: float
) -> Contact:
    down = max(counts.values())
    fig = Figure(
        figsize=(0.3 + (size + 0.1) * len(counts), 0.45 + (size + between) * down),
        layout="constrained",
    )
    axes = fig.subplots(down, len(counts), squeeze=False)
    columns = {}
    for (name, count), column in zip(counts.items(), axes.T, strict=True):
        columns[name] = [*column[:count]]
        for ax in column[count:]:
            ax.set_visible(False)
        column[0].set_title(
            "\n".join(textwrap.wrap(name, 15)),
            fontsize=10,
            color=sheet.colour(name),
            fontweight="bold" if name in sheet.maps else "normal",
            parse_math=False,
        )
    return Contact(fig, columns, [*axes[:, 0]])


def _plane(values: np.ndarray, plane: Grid) -> np.ndarray:
    """The plane that is drawn: of more directions the one with the largest response."""
    if values.size == plane.size:
        return values.reshape(plane.lattice)
    planes = values.reshape(-1, *plane.lattice)
    return planes[np.abs(planes).reshape(len(planes), -1).max(axis=1).argmax()]


def draw_exponents(sheet: Sheet) -> Figure | None:
    """y_T and y_H against the number of operators: maps by step, controls' last."""
    shown = {name: p for name, p in sheet.portraits.items() if p.steps}
    if not any(name in sheet.maps for name in shown):
        return None
    fig = Figure(figsize=(11.5, 4.2), layout="constrained")
    for ax, which in zip(fig.subplots(1, 2), ("y_T", "y_H"), strict=True):
        _axes(ax, f"${which}$", "operators", "")
        seen = [*_curves(ax, sheet, shown, which)]
        level = sheet.exact.get(which)
        if level is not None:
            ax.axhline(level, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
            seen.append(level)
        _limits(ax, seen)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _key(fig, level_known=bool(sheet.exact))
    return fig


def _curves(
    ax: Axes, sheet: Sheet, shown: Mapping[str, Portrait], which: str
) -> Iterator[float]:
    """Draws them, and gives the values that the axis must hold."""
    failing = sheet.failing
    for name, portrait in shown.items():
        judged = name in sheet.maps
        steps = portrait.steps if judged else [s for s in portrait.steps if s.reported]
        for k, step in enumerate(steps):
            values = step.exponents.get(which, ())
            y, error = (np.array([float(getattr(v, of)) for v in values])
                        for of in ("value", "error"))  # fmt: skip
            x = np.arange(1, len(y) + 1) + 0.07 * k
            style = _style(sheet, name, k, len(steps), failing)
            ax.errorbar(
                x,
                y,
                np.where(np.isfinite(error), error, 0),
                label=f"{name}, {step.name}" if judged else name,
                capsize=2,
                **style,
            )
            if judged or name in sheet.passing:
                yield from y


def _style(
    sheet: Sheet, name: str, k: int, count: int, failing: Sequence[str]
) -> dict[str, Any]:
    """Of a line: maps strong, each step darker than the one before; controls thin."""
    colour = sheet.colour(name)
    if name in sheet.maps:
        share = (k + 1) / count
        return {
            "color": colour,
            "alpha": 0.35 + 0.65 * share,
            "marker": MARKERS[k % len(MARKERS)],
            "markersize": 5,
            "linewidth": 1.8,
            "zorder": 4,
        }
    style = {"color": colour, "linewidth": 1.1, "markersize": 4, "zorder": 2}
    if name in failing:
        return {
            **style,
            "marker": MARKERS[failing.index(name) % len(MARKERS)],
            "markerfacecolor": "white",
            "alpha": 0.55,
        }
    dashes = "-" if name == sheet.reference else ":"
    return {**style, "marker": "s", "linestyle": dashes}


def _limits(ax: Axes, seen: Sequence[float], *, room: float = 0.15) -> None:
    """Three times what maps and passing controls span; controls may leave it."""
    finite = [value for value in seen if math.isfinite(value)]
    if not finite:
        return
    low, high = min(finite), max(finite)
    room = max(high - low, room)
    ax.set_ylim(low - room, high + room)


def draw_ratios(sheet: Sheet) -> Figure | None:
    """G_coarse/G_fine against distance, over its value at the shortest one."""
    shown = [
        (name, of, k, portrait.ratios[of])
        for name, portrait in sheet.portraits.items()
        for k, of in enumerate(portrait.ratios)
    ]
    if not any(name in sheet.maps for name, *_ in shown):
        return None
    fig = Figure(figsize=(9.5, 4.2), layout="constrained")
    ax = fig.subplots()
    _axes(ax, "", "distance r (fine sites)", "G_coarse/G_fine, over its first value")
    failing = sheet.failing
    held = [1.0]
    for name, of, k, ratio in shown:
        first = ratio.value[0]
        if not abs(first.value) > 2 * first.error:  # nothing to measure it in
            continue
        curve = ratio.value / first
        style = _style(sheet, name, k, len(sheet.portraits[name].ratios), failing)
        ax.errorbar(
            ratio.distance,
            curve.value,
            np.nan_to_num(curve.error),
            label=f"{name}, {of}" if of else name,
            capsize=2,
            **{**style, "markersize": 4},
        )
        held += [*curve.value] if name in (*sheet.maps, *sheet.passing) else []
    ax.axhline(1, color=INK, linewidth=0.9, zorder=1)
    _limits(ax, held, room=0.5)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    _key(fig, level_known=False)
    return fig


def _axes(ax: Axes, title: str, x: str, y: str) -> None:
    tidy(ax)
    ax.set_title(title, fontsize=13, loc="left")
    ax.set_xlabel(x, fontsize=11)
    ax.set_ylabel(y, fontsize=11)


def _key(fig: Figure, *, level_known: bool) -> None:
    """One legend beside all panels."""
    entries: dict[str, Any] = {}
    for ax in fig.axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    if level_known:
        entries["exact"] = Line2D([], [], color=INK, lw=1.1, ls=(0, (4, 3)))
    if not entries:
        return
    drawn = fig.legend(
        [*entries.values()],
        [""] * len(entries),
        loc="outside right center",
        fontsize=9.5,
        frameon=False,
    )
    for text, label in zip(drawn.get_texts(), entries, strict=True):
        text.set_parse_math(False)
        text.set_text("\n".join(textwrap.wrap(label, 30)))
