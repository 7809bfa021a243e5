"""The pictures of figure 2: Δ_m along the flow, and what its fits leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.exact.constants import BETA, T_C
from kadanoff.experiments.demellokoch2020.flow import LENGTH, mean_over_seeds
from kadanoff.experiments.demellokoch2020.flow_words import LITERAL
from kadanoff.experiments.demellokoch2020.magnetization_fits import (
    BELOW,
    CHOICES,
    FREE,
    NEAR,
    named,
)
from kadanoff.reports.figures import INK, PALETTE, figure

__all__ = ["exponents", "leftovers", "nearest_length", "over_machines"]

LOOSE: Mapping[str, Any] = {"fmt": "o", "markersize": 3, "capsize": 2}
DOTS: Mapping[str, Any] = {"marker": "o", "markersize": 3.5, "capsize": 2}


def exponents(dataset: xr.Dataset) -> Figure:
    """Δ_m against the length of the flow and against the temperatures chosen."""
    fig = figure(10.5, 3.9, columns=2)
    left, right = fig.axes
    _draw_lengths(left, dataset)
    _draw_choices(right, dataset)
    for ax in (left, right):
        ax.axhline(BETA, color=INK, linewidth=0.8, linestyle="--")
        ax.set_ylabel("Δ_m", fontsize=9)
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return fig


def _draw_lengths(ax: Axes, dataset: xr.Dataset) -> None:
    """Δ_m of the paper's three temperatures, with its interval."""
    at = named(NEAR)
    value, error = mean_over_seeds(dataset, "delta")
    for k, name in enumerate(dataset["arm"].values):
        here = {"arm": name, "choice": at}
        y, bar = value.sel(here), error.sel(here)
        ax.errorbar(dataset["length"], y, bar, color=PALETTE[k], label=name, **DOTS)
        if name == LITERAL:
            half = dataset["half_width"].sel(here).mean("seed")
            ax.fill_between(
                dataset["length"],
                y - half,
                y + half,
                color=PALETTE[k],
                alpha=0.15,
                linewidth=0,
                label="the same, the paper's 90 % interval",
            )
    ax.set_xlabel("length of the flow", fontsize=9)
    ax.set_title(f"fit to T = {', '.join(f'{t:g}' for t in NEAR)}", fontsize=10)


def _draw_choices(ax: Axes, dataset: xr.Dataset) -> None:
    """The same fit to all neighbouring threes."""
    last = nearest_length(dataset)
    middle = [float(np.mean(choice)) for choice in CHOICES]
    value, error = mean_over_seeds(dataset, "delta")
    for k, name in enumerate(dataset["arm"].values):
        here = {"arm": name, "length": last}
        ax.errorbar(middle, value.sel(here), error.sel(here), color=PALETTE[k], **DOTS)
    none, square = {"arm": LITERAL, "length": 0}, {"marker": "s", "markersize": 3.5}
    label = "the 10×10 magnet, no flow"
    ax.plot(middle, value.sel(none), color=INK, label=label, **square)
    infinite = dataset["infinite"]
    ax.plot(middle, infinite, color=INK, linestyle=":", label="the infinite magnet")
    ax.axvline(T_C, color=INK, linewidth=0.8, linestyle=":")
    ax.set_xlabel("middle of the three temperatures (J/k_B)", fontsize=9)
    ax.set_title(f"the same fit elsewhere, length {last}", fontsize=10)


def leftovers(dataset: xr.Dataset) -> Figure:
    """Residuals of the neighbouring and of the T_c-free fits, a column for each way."""
    names = dataset["arm"].values
    fig = figure(11.0, 7.0, rows=3, columns=len(names))
    _, error = mean_over_seeds(dataset, "m")
    across = [choice for choice in CHOICES if choice not in BELOW]
    for k, name in enumerate(names):
        here = {"arm": name, "length": nearest_length(dataset)}
        axes = fig.axes[k :: len(names)]
        for ax, choices in zip(axes, (BELOW, across), strict=False):
            for j, choice in enumerate(choices):
                left = dataset["residual"].sel(here | {"choice": named(choice)})
                own = error.sel(here | {"temperature": list(choice)})
                y, bar = over_machines(left, own)
                aside = np.array(choice) + 0.012 * (j - len(choices) / 2)
                colour = INK if choice == NEAR else PALETTE[j]
                ax.errorbar(aside, y, bar, color=colour, **LOOSE)
        own = error.sel(here | {"temperature": list(FREE)})
        y, bar = over_machines(dataset["free_residual"].sel(here), own)
        axes[2].errorbar(FREE, y, bar, color=PALETTE[k], **LOOSE)
        for ax in axes:
            ax.axhline(0, color=INK, linewidth=0.8)
        axes[0].set_title(str(name).replace(", ", ",\n"), fontsize=9)
        axes[-1].set_xlabel("T of the start (J/k_B)", fontsize=9)
    rows = ("m less the curve, below T_c", "threes across T_c", "T_c free")
    for row, words in enumerate(rows):
        fig.axes[row * len(names)].set_ylabel(words, fontsize=9)
    return fig


def over_machines(
    left: xr.DataArray, own: xr.DataArray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of residuals over machines, and the spread of single machines about it.

    Args:
        left: residuals along `seed`.
        own: errors of m, which stand for the spread of one machine.
    """
    one = left.sizes["seed"] == 1
    spread = own.values if one else left.std("seed", ddof=1).values
    return left.mean("seed").values, spread


def nearest_length(dataset: xr.Dataset) -> int:
    """The length of the flow nearest to the paper's."""
    lengths = dataset["length"].values
    return int(lengths[np.argmin(abs(lengths - LENGTH))])
