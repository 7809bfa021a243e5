"""A flow of couplings on one sheet: its lines, its fixed points, the critical surface.

Everything drawn is in a `Portrait`; drawing computes nothing but positions.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.reports.figures import PALETTE, figure

__all__ = ["Curve", "Plane", "Point", "Portrait", "draw"]

LINE, SURFACE, POINT, DIAGONAL = PALETTE[0], PALETTE[2], PALETTE[6], "#888888"

STYLES = {
    "critical point": {"marker": "o", "color": POINT, "markersize": 7},
    "sink": {"marker": "s", "color": PALETTE[1], "markersize": 8},
    "sink at zero field": {
        "marker": "s",
        "color": PALETTE[1],
        "markersize": 8,
        "markerfacecolor": "white",
        "markeredgewidth": 1.6,
    },
    "other fixed point": {
        "marker": "o",
        "color": POINT,
        "markersize": 7,
        "markerfacecolor": "white",
        "markeredgewidth": 1.4,
    },
}
"""How each kind of fixed point is drawn."""


@dataclass(frozen=True, eq=False)
class Point:
    """A fixed point in a plane, or on a curve.

    Attributes:
        kind: one of `STYLES`.
        place: where it is on the sheet.
        label: a few words beside it.
    """

    kind: str
    place: tuple[float, float]
    label: str = ""


@dataclass(frozen=True, eq=False)
class Curve:
    """One coupling after a step against before, or its rate.

    Attributes:
        name: of the coupling.
        x: before.
        y: after a step, or d/dl.
        rate: which of the two.
        fixed: places where nothing changes.
        steps: the places of a flow from each side of the critical point.
        points: the fixed points by kind; `fixed` is drawn where there are none.
        label: of the axis, the name where empty.
        note: what lies outside, in a few words.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    rate: bool
    fixed: tuple[float, ...]
    steps: tuple[np.ndarray, ...]
    points: tuple[Point, ...] = ()
    label: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Plane:
    """Flow lines in the plane of two couplings.

    Attributes:
        names: of the two couplings.
        lines: `(steps, 2)` each, in the direction of the flow.
        fixed: the critical point in this plane; empty where the plane has none.
        surface: `(points, 2)` on the critical surface, where it was looked for.
        window: x from, x to, y from, y to.
        points: all fixed points by kind; `fixed` is drawn where there are none.
        labels: of the axes, the names where empty.
        note: where the couplings start that have no axis, and what lies outside.
        steps: whether lines are steps of a map, each a dot, and not smooth.
    """

    names: tuple[str, str]
    lines: tuple[np.ndarray, ...]
    fixed: np.ndarray
    surface: np.ndarray
    window: tuple[float, float, float, float]
    points: tuple[Point, ...] = ()
    labels: tuple[str, str] = ("", "")
    note: str = ""
    steps: bool = True


@dataclass(frozen=True, eq=False)
class Portrait:
    """What is drawn of a flow.

    Attributes:
        title: the flow and its exponents.
        curve: where one coupling says it all, else None.
        plane: where there are two couplings, else None.
    """

    title: str
    curve: Curve | None
    plane: Plane | None


def draw(portrait: Portrait) -> Figure:
    """The sheet."""
    parts = [part for part in (portrait.curve, portrait.plane) if part is not None]
    fig = figure(5.2 * len(parts), 4.6, 1, len(parts))
    for part, ax in zip(parts, fig.axes, strict=True):
        if isinstance(part, Curve):
            _draw_curve(ax, part)
        else:
            _draw_plane(ax, part)
    fig.suptitle(portrait.title, fontsize=11)
    return fig


def _draw_curve(ax: Axes, curve: Curve) -> None:
    label = curve.label or curve.name
    ax.plot(curve.x, curve.y, color=LINE, linewidth=1.6)
    if curve.rate:
        ax.axhline(0, color=DIAGONAL, linewidth=0.8)
        ax.set_ylabel(f"d {label} / dl")
        _ways(ax, curve)
    else:
        ax.plot(curve.x, curve.x, color=DIAGONAL, linewidth=0.8, linestyle="--")
        ax.set_ylabel(f"{label} after a step")
        for k, steps in enumerate(curve.steps):
            _cobweb(ax, steps, "steps of the flow" if k == 0 else "")
    level = (0.0 if curve.rate else x for x in curve.fixed)
    plain = zip(curve.fixed, level, strict=True)
    _mark(ax, curve.points or [Point("critical point", place) for place in plain])
    low, high = curve.x[0], curve.x[-1]
    ax.set_xlim(low, high)
    inside = curve.y[np.isfinite(curve.y)]
    if len(inside) and curve.rate:
        ax.set_ylim(inside.min(), inside.max())
    elif len(inside):
        ax.set_ylim(low, max(high, min(inside.max(), 2 * high)))
    ax.set_xlabel(_with_note(label, curve.note))
    _legend(ax)


def _cobweb(ax: Axes, steps: np.ndarray, label: str) -> None:
    """Up or down to the curve, across to the diagonal."""
    x, y = np.repeat(steps, 2)[:-1], np.repeat(steps, 2)[1:]
    ax.plot(x, y, color=SURFACE, linewidth=0.8, label=label or "_")


def _ways(ax: Axes, curve: Curve) -> None:
    """Heads on the axis between fixed points: to the right where the rate is positive.

    Their distance to the next fixed point is a share of the axis, which keeps them off
    the marks.
    """
    ends = [curve.x[0], *sorted(p.place[0] for p in curve.points), curve.x[-1]]
    for low, high in itertools.pairwise(ends):
        if high - low < 0.1 * (curve.x[-1] - curve.x[0]):
            continue
        middle, reach = (low + high) / 2, 0.03 * (curve.x[-1] - curve.x[0])
        way = np.sign(np.interp(middle, curve.x, curve.y))
        _head(ax, (middle - way * reach, 0.0), (middle + way * reach, 0.0))


def _draw_plane(ax: Axes, plane: Plane) -> None:
    marks = {"marker": ".", "markersize": 3} if plane.steps else {}
    for line in plane.lines:
        ax.plot(*line.T, color=LINE, linewidth=0.9, **marks)
        _arrow(ax, line, plane.window)
    if len(plane.surface):
        ax.plot(
            *plane.surface.T, color=SURFACE, linewidth=1.8, label="critical surface"
        )
    found = plane.points
    if not found and len(plane.fixed):
        found = (Point("critical point", (plane.fixed[0], plane.fixed[1])),)
    _mark(ax, found)
    left, right, bottom, top = plane.window
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    x, y = (
        label or name for label, name in zip(plane.labels, plane.names, strict=True)
    )
    ax.set_xlabel(_with_note(x, plane.note))
    ax.set_ylabel(y)
    _legend(ax)


def _mark(ax: Axes, points: Sequence[Point]) -> None:
    """Fixed points, each kind once in the legend; a mark on the edge is drawn whole."""
    for kind in dict.fromkeys(point.kind for point in points):
        places = [point.place for point in points if point.kind == kind]
        several = "s" if len(places) > 1 else ""
        style: dict[str, Any] = STYLES[kind]
        ax.plot(
            *np.array(places).T,
            linestyle="none",
            label=kind.replace("sink", "sink" + several).replace(
                "point", "point" + several
            ),
            clip_on=False,
            zorder=5,
            **style,
        )
    for point in points:
        if point.label:
            ax.annotate(
                point.label,
                point.place,
                xytext=(7, 6),
                textcoords="offset points",
                fontsize=9,
                zorder=6,
                bbox={"pad": 1, "fc": "white", "ec": "none", "alpha": 0.8},
            )


def _with_note(label: str, note: str) -> str:
    return f"{label}\n{note}" if note else label


def _legend(ax: Axes) -> None:
    """Above the axes, where no line is."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(
            frameon=False,
            fontsize=9,
            ncols=3,
            columnspacing=1.2,
            loc="lower center",
            bbox_to_anchor=(0.5, 1),
            handletextpad=0.4,
        )


def _arrow(
    ax: Axes, line: np.ndarray, window: tuple[float, float, float, float]
) -> None:
    """A head on the longest step of a line; of a smooth line, in its middle."""
    size = np.array([window[1] - window[0], window[3] - window[2]])
    path = np.concatenate(
        [[0.0], np.cumsum(np.hypot(*(np.diff(line, axis=0) / size).T))]
    )
    if path[-1] < 0.03:
        return
    lengths = np.diff(path)
    k = int(lengths.argmax())
    if lengths[k] < 0.1:
        k = min(int(np.searchsorted(path, path[-1] / 2)), len(lengths) - 1)
    step = line[k + 1] - line[k]
    _head(ax, line[k] + 0.4 * step, line[k] + 0.6 * step)


def _head(ax: Axes, start: Any, end: Any) -> None:
    """An arrow head; nothing of it is drawn outside of the axes."""
    ax.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": LINE, "lw": 0.9, "shrinkA": 0},
        annotation_clip=True,
    )
