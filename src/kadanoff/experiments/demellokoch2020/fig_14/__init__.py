"""Figure 14: the temperature along the layers, of block spins and of stacked machines.

The paper says that the temperature is a relevant coupling and so doubles, roughly, with
each block-spin step; that its stack 4096→1024→256→64, trained at T_c, jumps to a high
temperature in its first layer and stays there, of inputs at T_c and below; and that of
an input above T_c layer 2 is hotter than layer 3. All its numbers are lost in the text
at hand, the three input temperatures among them: 2.1, T_c and 2.5 J/k_B are
reconstructed, and so is how the stack is trained.

What doubles in the linearized renormalization group is not T but the deviation from the
critical surface, K′ - K* = b^{y_T} (K - K*) with b^{y_T} = 2. Here it is read as

    s_n = ½ [K_n(T_c (1 - ε)) - K_n(T_c (1 + ε))],   s_{n+1} / s_n → 2,

K_n the coupling that level n shows: even powers of ε drop out, and it does not matter
that the fixed point of a rule is no nearest-neighbour model.

All levels are read by three thermometers (`thermometers`). Averages of blocks are
not ±1 and have no temperature; what a classifier of ±1 spins makes of them is shown as
what it is, a foreign input, and beside it the sign of the average, which is the
majority of the whole block. A layer of a machine is looked at in four ways
(`stacks`), of which the one that the paper can have used is that of units as they
are numbered and of the signs that training left them. Block spins whose places are
withheld (`withheld`) tell what arranging costs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.exact.constants import K_C
from kadanoff.experiments.demellokoch2020.fig_14.quoted import (
    arranging_told,
    heating_from,
    layers,
    ratios,
    shown_pair,
)
from kadanoff.experiments.demellokoch2020.fig_14.readings import compute
from kadanoff.experiments.demellokoch2020.fig_14.settings import FAST, FULL, Settings
from kadanoff.experiments.demellokoch2020.fig_14.stacks import STACKS, UNTRAINED, looks
from kadanoff.experiments.demellokoch2020.fig_14.thermometers import (
    BREADTH,
    COLD,
    DIRECT,
    HOT,
    THERMOMETERS,
)
from kadanoff.experiments.demellokoch2020.fig_14.verdicts import (
    checks,
    ratios_along_stacks,
    ratios_of_deviations,
    ratios_of_temperatures,
    stacks_double,
)
from kadanoff.experiments.demellokoch2020.fig_14.withheld import WITHHELD
from kadanoff.experiments.exhibit import Exhibit, shown
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "compute",
    "draw",
    "ratios_along_stacks",
    "ratios_of_deviations",
    "ratios_of_temperatures",
    "saturated",
    "stacks_double",
]


def draw(dataset: xr.Dataset) -> list[Section]:
    """The three behaviours, the growth of the deviation, and all numbers."""
    return [
        Section(
            "Temperature along the layers",
            "T_c/T = K/K_c, so that criticality is 1 and infinite temperature 0, "
            "against steps of the RBM flow, of block spins and of stacked machines; "
            "blue from below T_c, green at T_c, orange from above. Hollow: put in, not "
            "read. Rows: as a network "
            "reads it that was trained on Ising configurations (of the flow the "
            "paper's of 60 temperatures, as far as it is known; of the layers one of "
            "convolutions, ours), by the exact energy of the lattice's own size, and "
            "by the nearest-neighbour coupling of greatest pseudo-likelihood. Layers "
            "of a machine: arranged by what their units respond to, as they are "
            "numbered with all units turned to one sign, and as they are numbered "
            "with the signs that training left. Triangles: at the end of what the "
            "network knows, and hotter (down) or colder (up) than that; the paper's "
            "own has a last label too. Block averages are a foreign input to the "
            "network and have no energy of ±1 spins. Errors of stacks are over seeds, "
            "all trained on one set of configurations. Reconstructed here: the "
            "temperatures put in, the recipes of training, and that a classifier of "
            f"convolutions reads the layers. What arranging does: "
            f"{arranging_told(dataset)}.",
            data_uri(_draw_three(dataset)),
            tables=[
                _table(dataset),
                _relative_table(dataset),
                _hotter_table(dataset),
                _breadth_table(dataset),
            ],
        ),
        Section(
            "What doubles",
            "The deviation of a level's coupling from what the same rule shows at T_c, "
            "from one level to the next; the linearized renormalization group has 2 "
            "(line) once irrelevant couplings have died out. Machines are arranged; "
            "block spins with their places withheld, arranged alike, and the untrained "
            "stack are the controls. Errors that are not seen are smaller than the "
            "points. A missing point: there is no deviation beyond three errors that "
            "could grow.",
            data_uri(_draw_growth(dataset)),
            tables=[_growth_table(dataset)],
        ),
    ]


STYLES = ("-", ":", "-.")
BLOCK_STYLES = {
    "majority": "-",
    "average": ":",
    "sign of average": "--",
    WITHHELD: "-.",
}
NAMES = ("arranged", "as numbered, one sign", "as numbered, signs left by training")
COLUMNS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "block spins": {m: (style, m) for m, style in BLOCK_STYLES.items()},
    **{
        f"stack, {title}": {
            m: (style, label)
            for m, style, label in zip(looks(name)[:3], STYLES, NAMES, strict=True)
        }
        for name, title in (("plain", "plain training"), ("local", "local recipe"))
    },
}
ROWS = {
    "classifier": "as a network reads it",
    "energy": "by energy",
    "couplings": "by coupling",
}


def _draw_three(dataset: xr.Dataset) -> Figure:
    width = 1 + len(COLUMNS)
    fig = figure(13, 9.2, rows=len(ROWS), columns=width)
    for row, (name, label) in enumerate(ROWS.items()):
        first, *others = fig.axes[row * width : (row + 1) * width]
        _draw_flow(first, dataset, name)
        for ax, (title, maps) in zip(others, COLUMNS.items(), strict=True):
            _draw_maps(ax, dataset, name, maps)
            ax.set_title(title if row == 0 else "", fontsize=10)
            if row == 0:
                _name_styles(ax, maps)
        _alike(others, below=0.4 if row == 0 else 0.0)
        first.set_title("RBM flow" if row == 0 else "", fontsize=10)
        first.set_ylabel(f"T_c/T {label}", fontsize=9)
    _name_colours(fig.axes[0], dataset["start"].values)
    _name_colours(fig.axes[1 + width], dataset["inputs"].values)
    return fig


def _draw_flow(ax: Axes, dataset: xr.Dataset, name: str) -> None:
    for t, colour in zip(dataset["start"].values, PALETTE, strict=False):
        here = dataset.sel(thermometer=name, start=t)
        _line(ax, here, "flow_K", "flow_step", colour, "-")
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(-0.15, 1.3 * dataset["flow_step"].values[-1])
    ax.set_xticks(dataset["flow_step"].values, dataset["flow_step"].values)
    ax.set_xlabel("step of the flow", fontsize=9)


def _draw_maps(
    ax: Axes, dataset: xr.Dataset, name: str, maps: Mapping[str, tuple[str, str]]
) -> None:
    for m, (style, _) in maps.items():
        for k, t in enumerate(dataset["inputs"].values):
            here = dataset.sel(thermometer=name, map=m, temperature=t)
            _line(ax, here, "K", "level", PALETTE[k], style)
            if name == "classifier":
                _ends(ax, here, saturated(dataset, m, t), k, style)
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set_xticks(dataset["level"].values, [f"{s}²" for s in dataset["side"].values])
    ax.set_xlabel("level", fontsize=9)


def _alike(axes: Sequence[Axes], below: float) -> None:
    """One scale for the panels of a row, on which all points are; below, for names."""
    ends = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(ends.min() - below * np.ptp(ends), ends.max())


def _name_styles(ax: Axes, maps: Mapping[str, tuple[str, str]]) -> None:
    for style, label in maps.values():
        ax.plot([], [], color="#555555", linestyle=style, label=label)
    ax.legend(fontsize=7.5, frameon=False, loc="lower left")


def _name_colours(ax: Axes, temperatures: np.ndarray) -> None:
    for t, colour in zip(temperatures, PALETTE, strict=False):
        ax.plot([], [], "o-", color=colour, label=f"from T = {t:.4g}")
    ax.legend(fontsize=7.5, frameon=False)


def _line(
    ax: Axes, here: xr.Dataset, name: str, x: str, colour: str, style: str
) -> None:
    """A line through what was read, and from what was put in, which is hollow."""
    steps, k = here[x].values, here[name].values / K_C
    ax.errorbar(
        steps,
        k,
        np.nan_to_num(here[f"{name}_error"].values) / K_C,
        color=colour,
        linestyle=style,
        marker="o",
        markersize=4,
        linewidth=1.1,
        capsize=2,
    )
    if x == "level":
        white = {"color": colour, "markersize": 4, "markerfacecolor": "white"}
        ax.plot(steps[:1], k[:1], "o", zorder=3, **white)


def _ends(ax: Axes, here: xr.Dataset, found: np.ndarray, k: int, style: str) -> None:
    """Levels beyond what the classifier knows, at the end of its scale.

    Those of the k-th input are set a little aside, for others may be there too.
    """
    if np.isnan(found).all():
        return
    aside = {"color": PALETTE[k], "linewidth": 1.1}
    steps = here["level"].values + 0.08 * (k - 1) * np.isfinite(found)
    ax.plot(steps, np.where(np.isnan(found), here["K"], found) / K_C, style, **aside)
    for end, marker in ((HOT, "v"), (COLD, "^")):
        at = steps[found == end]
        ax.plot(at, np.full(len(at), end / K_C), marker, markersize=6, **aside)


def saturated(dataset: xr.Dataset, m: str, t: float) -> np.ndarray:
    """The end of the classifier's scale at levels beyond it, NaN at the others.

    Args:
        dataset: of this exhibit.
        m: a map.
        t: an input temperature.
    """
    here = dataset.sel(temperature=t, thermometer="classifier", map=m)["K"].values
    of_spins = "sign of average" if m == "average" else m
    energy = dataset.sel(temperature=t, thermometer="energy", map=of_spins)["K"].values
    end = np.where(energy < (HOT + COLD) / 2, HOT, COLD)
    return np.where(np.isnan(here) & np.isfinite(energy), end, np.nan)


GROWING = {
    "majority": "majority",
    "sign of average": "sign of average",
    WITHHELD: WITHHELD,
    "local": "local recipe",
    "plain": "plain training",
    UNTRAINED: "untrained",
}


def _draw_growth(dataset: xr.Dataset) -> Figure:
    fig = figure(8, 3.8)
    (ax,) = fig.axes
    for k, (m, label) in enumerate(GROWING.items()):
        for name in DIRECT:
            here = dataset.sel(map=m, direct=name)
            ax.errorbar(
                here["step"].values + 0.06 * (k - 2.5) + 0.02 * (name != "energy"),
                here["growth"].values,
                np.nan_to_num(here["growth_error"].values),
                color=PALETTE[k],
                marker="o",
                markersize=5,
                markerfacecolor=PALETTE[k] if name == "energy" else "white",
                linestyle="none",
                capsize=2,
                label=label if name == "energy" else None,
            )
    for fill, label in (("#555555", "by energy"), ("white", "by coupling")):
        ax.plot([], [], "o", color="#555555", markerfacecolor=fill, label=label)
    ax.axhline(2, color="black", linewidth=0.8)
    ax.set_xticks(dataset["step"].values)
    ax.set_xlim(right=dataset["step"].values[-1] + 0.9)
    ax.set_xlabel("step", fontsize=9)
    ax.set_ylabel("growth of the deviation from T_c", fontsize=9)
    ax.legend(fontsize=8, frameon=False, loc="center right")
    return fig


def _table(dataset: xr.Dataset) -> Table:
    rows = []
    for m in dataset["map"].values:
        for t in dataset["inputs"].values:
            for name in THERMOMETERS:
                where = {"map": m, "temperature": t, "thermometer": name}
                cells = [
                    _number(dataset, "K", **where, level=n)
                    for n in dataset["level"].values
                ]
                rows.append([m, f"{t:.4g}", name, *cells])
    sides = [f"K at {s}²" for s in dataset["side"].values]
    return Table(["map", "input T", "thermometer", *sides], rows)


def _relative_table(dataset: xr.Dataset) -> Table:
    """Each layer beside majority of the same level."""
    judged = [WITHHELD, *(look for name in STACKS for look in looks(name)[:2])]
    rows = []
    for m in judged:
        for t in dataset["inputs"].values:
            pairs = zip(
                layers(dataset, m, t), layers(dataset, "majority", t), strict=True
            )
            cells = [shown_pair(*ratios([a, b])[0]) for a, b in pairs]
            rows.append([m, f"{t:.4g}", *cells])
    sides = [f"K / K of majority at {s}²" for s in dataset["side"].values[1:]]
    return Table(["map, by energy", "input T", *sides], rows)


def _hotter_table(dataset: xr.Dataset) -> Table:
    """How much a step of block spins heats, from inputs further above T_c."""
    rows = [
        [
            str(rule),
            f"{t:.4g}",
            *(shown_pair(*p) for p in heating_from(dataset, rule, t)),
        ]
        for rule in dataset["rule"].values
        for t in dataset["hotter"].values
    ]
    steps = [f"T′/T of step {n}" for n in dataset["step"].values]
    return Table(["rule, by energy", "input T", *steps], rows)


def _breadth_table(dataset: xr.Dataset) -> Table:
    levels = dataset["level"].values[1:]
    rows = [
        [
            m,
            f"{t:.4g}",
            *(_number(dataset, BREADTH, map=m, temperature=t, level=n) for n in levels),
        ]
        for m in dataset["map"].values
        for t in dataset["inputs"].values
    ]
    sides = [f"temperatures held possible at {s}²" for s in dataset["side"].values[1:]]
    return Table(["map", "input T", *sides], rows)


def _growth_table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            m,
            name,
            *(
                _number(dataset, "growth", map=m, direct=name, step=n)
                for n in dataset["step"].values
            ),
        ]
        for m in dataset["map"].values
        for name in DIRECT
    ]
    steps = [f"step {n}" for n in dataset["step"].values]
    return Table(["map", "thermometer", *steps], rows)


def _number(dataset: xr.Dataset, name: str, **where: Any) -> str:
    value = dataset[name].sel(**where).item()
    error = dataset[f"{name}_error"].sel(**where).item()
    if not math.isfinite(value):
        return "–"
    known = math.isfinite(error) and error > 0
    return shown(dataset, name, **where) if known else f"{value:.4g}"


EXHIBIT = Exhibit(
    name="fig_14",
    title="The temperature along the layers",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=3,
)
