"""A flow of couplings on one sheet: its lines, its fixed points, the critical surface.

Everything drawn is in a `Portrait`; drawing computes nothing but positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.reports.figures import PALETTE, figure

__all__ = ["Curve", "Plane", "Portrait", "draw"]

LINE, SURFACE, POINT, DIAGONAL = PALETTE[0], PALETTE[2], PALETTE[6], "#888888"


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
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    rate: bool
    fixed: tuple[float, ...]
    steps: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Plane:
    """Flow lines in the plane of two couplings, all others starting at 0.

    Attributes:
        names: of the two couplings.
        lines: `(steps, 2)` each, in the direction of the flow.
        fixed: the critical point in this plane; empty where the plane has none.
        surface: `(points, 2)` on the critical surface, where it was looked for.
        window: x from, x to, y from, y to.
    """

    names: tuple[str, str]
    lines: tuple[np.ndarray, ...]
    fixed: np.ndarray
    surface: np.ndarray
    window: tuple[float, float, float, float]


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
    ax.plot(curve.x, curve.y, color=LINE, linewidth=1.6)
    if curve.rate:
        ax.axhline(0, color=DIAGONAL, linewidth=0.8)
        ax.set_ylabel(f"d {curve.name} / dl")
        level = [0.0] * len(curve.fixed)
    else:
        ax.plot(curve.x, curve.x, color=DIAGONAL, linewidth=0.8, linestyle="--")
        ax.set_ylabel(f"{curve.name} after a step")
        level = list(curve.fixed)
        for steps in curve.steps:
            # A cobweb: up or down to the curve, across to the diagonal.
            ax.plot(
                np.repeat(steps, 2)[:-1],
                np.repeat(steps, 2)[1:],
                color=SURFACE,
                linewidth=0.8,
            )
    ax.plot(curve.fixed, level, "o", color=POINT, markersize=5, label="fixed points")
    low, high = curve.x[0], curve.x[-1]
    ax.set_xlim(low, high)
    inside = curve.y[np.isfinite(curve.y)]
    if not curve.rate:
        ax.set_ylim(low, high)
    elif len(inside):
        ax.set_ylim(inside.min(), inside.max())
    ax.set_xlabel(curve.name)
    _legend(ax)


def _draw_plane(ax: Axes, plane: Plane) -> None:
    for line in plane.lines:
        ax.plot(*line.T, color=LINE, linewidth=0.9, marker=".", markersize=3)
        _arrow(ax, line, plane.window)
    if len(plane.surface):
        ax.plot(
            *plane.surface.T, color=SURFACE, linewidth=1.8, label="critical surface"
        )
    if len(plane.fixed):
        ax.plot(*plane.fixed, "o", color=POINT, markersize=6, label="fixed point")
    left, right, bottom, top = plane.window
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_xlabel(plane.names[0])
    ax.set_ylabel(plane.names[1])
    if len(plane.fixed) or len(plane.surface):
        _legend(ax)


def _legend(ax: Axes) -> None:
    """Above the axes, where no line is."""
    ax.legend(
        frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2
    )


def _arrow(
    ax: Axes, line: np.ndarray, window: tuple[float, float, float, float]
) -> None:
    """A head on the longest step of a line, inside the window."""
    steps = np.diff(line, axis=0)
    size = np.array([window[1] - window[0], window[3] - window[2]])
    lengths = np.hypot(*(steps / size).T)
    if not len(lengths) or lengths.max() < 0.01:
        return
    k = int(lengths.argmax())
    ax.annotate(
        "",
        xy=line[k] + 0.6 * steps[k],
        xytext=line[k] + 0.4 * steps[k],
        arrowprops={"arrowstyle": "-|>", "color": LINE, "lw": 0.9},
    )
