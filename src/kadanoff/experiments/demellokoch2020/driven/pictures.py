"""Pictures and tables of driven and attracted systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kadanoff.experiments.demellokoch2020.driven.fires import LENGTHS
from kadanoff.experiments.demellokoch2020.driven.flows import READINGS
from kadanoff.experiments.demellokoch2020.driven.rows import sides, values
from kadanoff.experiments.demellokoch2020.driven.systems import (
    AT,
    EPIDEMIC,
    FOREST,
    ISING,
    MAPS,
    MATCHED,
    SYSTEMS,
)
from kadanoff.experiments.demellokoch2020.driven.verdicts import (
    BETA_OVER_NU,
    FOREST_NU,
    density_slopes,
    length_slopes,
)
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["draw"]


def draw(dataset: xr.Dataset) -> list[Section]:
    """Couplings, densities and correlations of neighbours, level by level."""
    return [
        Section(
            "Attracted and driven models",
            "Fitted nearest-neighbour coupling, share of up spins (trees) and "
            "connected correlation of neighbours relative to the variance, against the "
            "number of steps; the machine has one filter and is trained on level 0 "
            "(mean and error over trainings, all on the same configurations, each read "
            "on others). Level lines would be a fixed point. Below, lengths of the "
            "forest fire against θ, of belonging to one fire and of the correlation of "
            f"trees; grey, θ^{FOREST_NU:g}; and the local slopes of the length of "
            f"fires, up to a quarter of the side; grey, {FOREST_NU:g}.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        ),
        Section(
            "An epidemic among its survivors",
            "Share of infected sites and correlation of infected neighbours after n "
            "steps from sides that grow as 2ⁿ: what is left always has the same side, "
            "and level lines are a fixed point. The machine with one filter is trained "
            "on the largest side. A critical "
            "epidemic is a sparse set of dimension 2 - β/ν: occupancy keeps it, while "
            "majority asks for half of every block and loses it. Then the "
            "share of infected sites against the side, before any step; grey, "
            f"L^-{BETA_OVER_NU:g}. Right, its local slopes from side to side; grey, "
            f"{BETA_OVER_NU:g}.",
            data_uri(_draw_matched(dataset)),
            tables=[_matched_table(dataset)],
        ),
    ]


STYLES = {"majority": "-", "any": "--", "one filter": ":"}
CALLED = {"majority": "majority", "any": "occupancy", "one filter": "machine"}
LABELS = {
    "K": "nearest-neighbour coupling",
    "density": "share of up spins",
    "neighbours": "correlation of neighbours",
}
COLOURS = dict(zip((*ISING, FOREST), PALETTE, strict=False))
OF_EPIDEMIC = dict(zip(EPIDEMIC, PALETTE, strict=False))


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(11.5, 6.6, rows=2, columns=3)
    for ax, (name, label) in zip(fig.axes, LABELS.items(), strict=False):
        for system, colour in COLOURS.items():
            for rule in MAPS if system == FOREST else ("majority", "one filter"):
                here = dataset.sel(system=system, map=rule)
                _steps(ax, here, name, colour, STYLES[rule])
        ax.set_xlabel("steps", fontsize=9)
        ax.set_ylabel(label, fontsize=9)
    _draw_lengths(fig.axes[3], dataset)
    theta, slopes, errors = length_slopes(dataset)
    ax = fig.axes[4]
    _local(ax, theta, slopes, errors, COLOURS[FOREST])
    ax.axhline(FOREST_NU, color="#999999")
    ax.set_xscale("log")
    ax.set_xlabel("θ = p/f", fontsize=9)
    ax.set_ylabel("d ln length / d ln θ", fontsize=9)
    fig.axes[5].set_axis_off()
    fig.axes[5].legend(handles=_keys(COLOURS), fontsize=9, frameon=False, loc="center")
    return fig


def _keys(colours: Mapping[str, str]) -> list[Line2D]:
    """Colours of systems and styles of maps."""
    systems = [Line2D([], [], color=c, lw=3, label=name) for name, c in colours.items()]
    rules = [
        Line2D([], [], color="#555555", ls=style, label=CALLED[rule])
        for rule, style in STYLES.items()
    ]
    return systems + rules


def _local(
    ax: Any, x: np.ndarray, slopes: np.ndarray, errors: np.ndarray, colour: str
) -> None:
    """Local slopes at the geometric means of what they lie between."""
    middle = np.sqrt(x[1:] * x[:-1])
    ax.errorbar(middle, slopes, errors, fmt="o", ms=4, capsize=2, color=colour)


def _draw_lengths(ax: Any, dataset: xr.Dataset) -> None:
    theta = dataset["theta"].values
    for name, style in zip(LENGTHS, ("--", "-"), strict=True):
        ax.errorbar(
            theta,
            dataset[f"length_{name}"].values,
            np.nan_to_num(dataset[f"length_{name}_error"].values),
            color=COLOURS[FOREST],
            linestyle=style,
            marker="o",
            capsize=2,
            label=name,
        )
    first = dataset["length_fires"].values[0]
    ax.plot(theta, first * (theta / theta[0]) ** FOREST_NU, color="#999999")
    ax.legend(fontsize=8, frameon=False)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("θ = p/f", fontsize=9)
    ax.set_ylabel("length (sites)", fontsize=9)


def _draw_matched(dataset: xr.Dataset) -> Figure:
    fig = figure(14, 3.9, columns=4)
    for ax, name in zip(fig.axes, ("density", "neighbours"), strict=False):
        for system, colour in OF_EPIDEMIC.items():
            for rule in MAPS:
                here = dataset.sel(matched=system, map=rule)
                _steps(ax, here, f"matched_{name}", colour, STYLES[rule])
        ax.set_xlabel("steps from sides that double", fontsize=9)
        ax.set_ylabel(LABELS[name].replace("up spins", "infected sites"), fontsize=9)
    keys = _keys(OF_EPIDEMIC)
    fig.legend(handles=keys, fontsize=9, ncols=len(keys), loc="outside lower center")
    _draw_densities(fig.axes[2], dataset)
    ax = fig.axes[3]
    for system, colour in OF_EPIDEMIC.items():
        _local(ax, *density_slopes(dataset, system), colour)
    ax.axhline(BETA_OVER_NU, color="#999999")
    ax.set_xscale("log", base=2)
    ax.set_xlabel("side", fontsize=9)
    ax.set_ylabel("−d ln share / d ln side", fontsize=9)
    return fig


def _draw_densities(ax: Any, dataset: xr.Dataset) -> None:
    side = sides(dataset)
    for system, colour in OF_EPIDEMIC.items():
        here = dataset.sel(matched=system, map="any")
        error = here["matched_bare_error"].values
        ax.errorbar(
            side, here["matched_bare"].values, error, color=colour, marker="o",
            markersize=3.5, capsize=2,
        )  # fmt: skip
    first = dataset["matched_bare"].sel(matched=AT, map="any").values[0]
    ax.plot(side, first * (side / side[0]) ** -BETA_OVER_NU, color="#999999")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("side", fontsize=9)
    ax.set_ylabel("share of infected sites", fontsize=9)


def _steps(ax: Any, here: xr.Dataset, name: str, colour: str, style: str) -> None:
    ax.errorbar(
        here["level"].values,
        here[name].values,
        np.nan_to_num(here[f"{name}_error"].values),
        color=colour,
        linestyle=style,
        marker="o",
        markersize=3.5,
        capsize=2,
    )
    ax.set_xticks(here["level"].values)


def _matched_table(dataset: xr.Dataset) -> Table:
    rows = [
        [system, rule, name, *values(dataset, f"matched_{name}", system, rule)]
        for system in MATCHED
        for rule in MAPS
        for name in ("density", "neighbours")
    ]
    steps = [f"{n} from {side:g}²" for n, side in enumerate(sides(dataset))]
    return Table(["model", "map", "reading", *steps], rows)


def _table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            system,
            rule,
            name,
            *values(dataset, name, system, rule),
        ]
        for system in SYSTEMS
        for rule in MAPS
        if rule != "any" or system not in ISING
        for name in READINGS
    ]
    steps = [f"step {n}" for n in dataset["level"].values]
    return Table(["model", "map", "reading", *steps], rows)
