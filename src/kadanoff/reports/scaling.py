"""Finite-size scaling on one sheet: curves that cross, where, and their collapse.

Everything drawn is in a `Scaling`; drawing computes nothing but positions. Bars are
one standard error. A size has one colour and one mark in every panel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kadanoff.estimate import Estimate
from kadanoff.reports.figures import PALETTE, data_uri, tidy
from kadanoff.reports.page import Section

__all__ = [
    "Collapsed",
    "Curve",
    "Scaling",
    "draw_collapse",
    "draw_crossings",
    "draw_curves",
    "draw_residuals",
    "draw_scaling",
    "section",
]

Place = Literal["upper right", "lower left", "best"]
INK = "#222222"
TITLE, LABEL, TICK, NOTE = 13, 12, 11, 10.5
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
COLOURS = ("#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#0072B2", "#000000")


@dataclass(frozen=True, eq=False)
class Curve:
    """One size against temperature or coupling, and the polynomial through it.

    Attributes:
        side: L.
        x: places.
        value: the reading at each.
        error: of the reading.
        fit_x: places of the polynomial.
        fit_y: the polynomial there.
        p: of its fit.
    """

    side: int
    x: np.ndarray
    value: np.ndarray
    error: np.ndarray
    fit_x: np.ndarray
    fit_y: np.ndarray
    p: float


@dataclass(frozen=True, eq=False)
class Collapsed:
    """All sizes on one curve.

    Attributes:
        side: L of every point.
        z: (x - x_c) L^{1/ν} of every point.
        y: the scaled reading.
        error: of y.
        curve_z: places of the master curve.
        curve_y: the master curve there.
        expected: the master curve at every point.
        critical: x_c, its error with what corrections to scaling may still do.
        nu: ν, likewise.
        chi2, dof, p: of the fit.
        believed: whether the sizes collapse at all; if not, x_c and ν say nothing.
        omega: of the correction L^-ω that was taken off y; None for none.
    """

    side: np.ndarray
    z: np.ndarray
    y: np.ndarray
    error: np.ndarray
    curve_z: np.ndarray
    curve_y: np.ndarray
    expected: np.ndarray
    critical: Estimate
    nu: Estimate
    chi2: float
    dof: int
    p: float
    believed: bool = True
    omega: float | None = None


@dataclass(frozen=True, eq=False)
class Scaling:
    """Everything on the sheet.

    Attributes:
        name: of the reading, with its unit if it has one.
        variable: what x is, with its unit.
        symbol: of x.
        curves: one per size.
        pairs: sizes whose curves cross.
        crossings: where.
        heights: how high.
        collapse: of all sizes.
        sentences: the readings in words.
        known: the exact critical point; None where it is not known.
        known_nu: the exact ν; None where it is not known.
    """

    name: str
    variable: str
    symbol: str
    curves: tuple[Curve, ...]
    pairs: tuple[tuple[int, int], ...]
    crossings: tuple[Estimate, ...]
    heights: tuple[Estimate, ...]
    collapse: Collapsed
    sentences: tuple[str, ...]
    known: float | None
    known_nu: float | None = None


def draw_scaling(scaling: Scaling) -> Figure:
    """All panels on one sheet, 16:9."""
    fig = Figure(figsize=(16, 9), layout="constrained")
    fig.get_layout_engine().set(w_pad=0.12, h_pad=0.1)  # type: ignore[union-attr]
    grid = fig.add_gridspec(2, 2, height_ratios=(2.1, 1))
    draw_curves(fig.add_subplot(grid[0, 0]), scaling)
    draw_crossings(fig.add_subplot(grid[1, 0]), scaling)
    above = fig.add_subplot(grid[0, 1])
    draw_collapse(above, scaling)
    draw_residuals(fig.add_subplot(grid[1, 1], sharex=above), scaling)
    return fig


def section(scaling: Scaling) -> Section:
    """The sheet as part of a page, its readings as remarks."""
    return Section(
        "Finite-size scaling",
        f"{scaling.name} of {len(scaling.curves)} sizes against {scaling.variable}: "
        "curves of different sizes cross at the critical point and fall on one curve "
        f"against ({scaling.symbol} - {scaling.symbol}_c) L^(1/ν). Bars are one "
        "standard error.",
        picture=data_uri(draw_scaling(scaling)),
        remarks=scaling.sentences,
    )


def draw_curves(ax: Axes, scaling: Scaling) -> None:
    """The reading of every size, its polynomial, and the crossings as crosses."""
    looks = _looks(scaling)
    for curve in scaling.curves:
        colour, marker = looks[curve.side]
        ax.plot(curve.fit_x, curve.fit_y, color=colour, linewidth=1.3)
        ax.errorbar(
            curve.x,
            curve.value,
            curve.error,
            **_points(colour, marker),
            label=f"L = {curve.side}",
        )
    _known_line(ax, scaling)
    for k, (x, height) in enumerate(
        zip(scaling.crossings, scaling.heights, strict=True)
    ):
        ax.errorbar(
            float(x.value),
            float(height.value),
            float(height.error),
            float(x.error),
            color=INK,
            marker="o",
            markersize=9,
            markerfacecolor="none",
            markeredgewidth=1.6,
            linewidth=0,
            elinewidth=1.3,
            zorder=6,
            label="crossings" if k == 0 else None,
        )
    _label(ax, "Curves of different sizes cross", scaling.variable, scaling.name)
    _legend(ax, "best")


def draw_crossings(ax: Axes, scaling: Scaling) -> None:
    """Where each pair crosses, largest sizes on top, and what the collapse says."""
    readings = list(scaling.crossings)
    names = [f"L = {a}, {b}" for a, b in scaling.pairs]
    if scaling.collapse.believed:
        readings.append(scaling.collapse.critical)
        names.append("collapse")
    rows = np.arange(len(readings))
    ax.errorbar(
        [float(x.value) for x in readings],
        rows,
        xerr=[float(x.error) for x in readings],
        **_points(INK, "o"),
    )
    _known_line(ax, scaling, label=True)
    _label(ax, "Critical point by each pair of sizes", scaling.variable, "")
    ax.set_yticks(rows, names)
    ax.set_ylim(-0.6, len(rows) + 0.1)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    if scaling.known is not None:
        _legend(ax, "upper right")


def draw_collapse(ax: Axes, scaling: Scaling) -> None:
    """All points on the master curve, with what the fit found."""
    c, looks = scaling.collapse, _looks(scaling)
    ax.plot(c.curve_z, c.curve_y, color=INK, linewidth=1.3, zorder=1)
    for side in np.unique(c.side):
        here = c.side == side
        ax.errorbar(
            c.z[here],
            c.y[here],
            c.error[here],
            **_points(*looks[int(side)]),
            label=f"L = {side}",
        )
    title = f"{_collapse_title(c)}\n{_found(scaling)}"
    _label(ax, title, _scaled(scaling), scaling.name)
    _legend(ax, "best")


def draw_residuals(ax: Axes, scaling: Scaling) -> None:
    """(point - master curve)/error."""
    c, looks = scaling.collapse, _looks(scaling)
    pull = (c.y - c.expected) / c.error
    ax.axhspan(-1, 1, color=PALETTE[5], alpha=0.25, linewidth=0)
    ax.axhline(0, color=INK, linewidth=1.2)
    for side in np.unique(c.side):
        colour, marker = looks[int(side)]
        here = c.side == side
        ax.plot(c.z[here], pull[here], marker, color=colour, markersize=6)
    limit = max(3.5, 1.15 * float(abs(pull).max()))
    ax.set_ylim(-limit, limit)
    _label(
        ax,
        f"Deviation: χ² = {c.chi2:.1f} for {c.dof} degrees of freedom, p = {c.p:.2g}",
        _scaled(scaling),
        "deviation (errors)",
    )


def _looks(scaling: Scaling) -> Mapping[int, tuple[str, str]]:
    """Colour and mark of every size."""
    sides = sorted(curve.side for curve in scaling.curves)
    return {
        side: (COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)])
        for k, side in enumerate(sides)
    }


def _collapse_title(c: Collapsed) -> str:
    all_sizes = "One curve for all sizes" if c.believed else "No curve for all sizes"
    taken_off = (
        "" if c.omega is None else f", a correction $L^{{-{c.omega:g}}}$ taken off"
    )
    return f"{all_sizes} from L = {c.side.min()}{taken_off}"


def _found(scaling: Scaling) -> str:
    c = scaling.collapse
    if not c.believed:
        return "these sizes do not collapse, no exponent is read"
    exact = "" if scaling.known_nu is None else f" (exact {scaling.known_nu:.6g})"
    return f"${scaling.symbol}_c$ = {c.critical}, ν = {c.nu}{exact}"


def _scaled(scaling: Scaling) -> str:
    """Name of the scaled axis."""
    return f"$({scaling.symbol} - {scaling.symbol}_c)\\,L^{{1/\\nu}}$"


def _points(colour: str, marker: str) -> dict[str, Any]:
    return {
        "color": colour,
        "marker": marker,
        "markersize": 6,
        "linewidth": 0,
        "elinewidth": 1.3,
        "capsize": 2.5,
    }


def _known_line(ax: Axes, scaling: Scaling, *, label: bool = False) -> None:
    if scaling.known is None:
        return
    name = f"exact ${scaling.symbol}_c$ = {scaling.known:.6f}" if label else None
    ax.axvline(
        scaling.known, color=INK, linewidth=1.2, linestyle="--", zorder=0, label=name
    )


def _legend(ax: Axes, place: Place) -> None:
    ax.legend(
        fontsize=NOTE,
        loc=place,
        facecolor="white",
        edgecolor="none",
        framealpha=0.85,
    )


def _label(ax: Axes, title: str, x: str, y: str) -> None:
    tidy(ax)
    ax.tick_params(labelsize=TICK)
    ax.set_title(title, fontsize=TITLE, loc="left")
    ax.set_xlabel(x, fontsize=LABEL)
    ax.set_ylabel(y, fontsize=LABEL)
