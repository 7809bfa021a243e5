"""How the survival of features is shown: five pictures and two tables."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.experiments.exhibit import shown
from kadanoff.experiments.zoomout.digit_networks import ARMS
from kadanoff.experiments.zoomout.digits import GROUPS, PIXELS, SHOWN, VIEWS
from kadanoff.experiments.zoomout.features_checks import counts, families
from kadanoff.experiments.zoomout.pruning import ORDERS, REMOVED
from kadanoff.experiments.zoomout.survival import (
    ENDS,
    KINDS,
    LEVELS,
    PLACES,
    SIGNIFICANCE,
    classes_of,
    over_trainings,
)
from kadanoff.reports.figures import PALETTE, data_uri, error_lines, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["draw"]

BLUE, GREEN, RED, GREY = (*PALETTE[:3], "grey")
COLOURS = {"class": BLUE, "noise": GREEN, "sign": RED, "any": GREY}
SOURCES = {"noise": GREEN, "digit": BLUE, "sign": RED}
KIND_COLOURS = (BLUE, GREY, RED)
LIMITS = (0.02, 12.0)
FAINTEST = 1e-4  # place of pixels that never change


def draw(dataset: xr.Dataset) -> list[Section]:
    """Sizes by level, the spectrum, the parts of the variance, and pruning."""
    if "missing" in dataset.attrs:
        return [Section("Features that survive", dataset.attrs["missing"])]
    return [
        Section(
            "What the networks see",
            "A digit, the same with noise and the checkerboard, and what block "
            "averages leave of that. All arms see such inputs; the digit is asked for, "
            "or the sign of the checkerboard.",
            data_uri(_inputs(dataset)),
        ),
        Section(
            "Small changes on their way through the depth",
            "Root mean square size of a small change of the pixels in units of the "
            "signal's spread at each level, relative to that at the input; the last "
            "level is the class probabilities. Below 1 it dies. Blue: along "
            "differences of the digits' mean images; green: where noise has ten times "
            "the variance of the images; red: the checkerboard; grey: any direction. "
            f"Bars: standard error over {dataset.sizes['seed']} trainings.",
            data_uri(_sizes(dataset)),
            tables=[_growth_table(dataset)],
        ),
        Section(
            "The spectrum of survival",
            "Survival of the principal directions of the images against their variance "
            "in units of the noise's, and of the checkerboard (square, at the variance "
            "that it has in the inputs). Colour: relevant (blue), marginal (grey) or "
            f"irrelevant (red) at a level of {SIGNIFICANCE:g} for all together. Pixels "
            f"that never change are at {FAINTEST:g}. Σ λ R² is the part of the "
            "variance that small changes account for, 1 for linear steps.",
            data_uri(_spectrum(dataset)),
            tables=[_count_table(dataset)],
        ),
        Section(
            "Where the variance goes",
            "Parts of the variance of each level that noise, the digit and the sign "
            "make; the rest is handwriting.",
            data_uri(_variances(dataset)),
        ),
        Section(
            "Leaving directions out",
            "Accuracy on unseen noisy digits that is lost when directions of the "
            "pixels or of a kernel are taken out of the trained network, by survival "
            "as read on the training images, in random directions, and by size alone.",
            data_uri(_pruning(dataset)),
        ),
    ]


def _inputs(dataset: xr.Dataset) -> Figure:
    rows = {
        f"image {k + 1}": [dataset[name].values[k] for name in VIEWS]
        for k in range(SHOWN)
    }
    return image_rows(rows, VIEWS, size=1.3)


def _sizes(dataset: xr.Dataset) -> Figure:
    def panel(ax: Axes, arm: str) -> None:
        rows = dataset["size"].sel(arm=arm)
        _curves(ax, range(len(LEVELS)), rows.transpose("group", "seed", ...), COLOURS)
        ax.axhline(1, color="black", linewidth=0.8, linestyle="--")
        ax.set_yscale("log")
        ax.set_ylim(*LIMITS)
        ax.set_xticks(range(len(LEVELS)), LEVELS)

    return _panels(dataset, panel, "size relative to input", legend="lower left")


def _spectrum(dataset: xr.Dataset) -> Figure:
    fig = _panels(dataset, lambda ax, arm: _draw_spectrum(ax, dataset, arm), "survival")
    for ax in fig.axes[3:]:
        ax.set_xlabel("variance of the images / of the noise")
    return fig


def _variances(dataset: xr.Dataset) -> Figure:
    def panel(ax: Axes, arm: str) -> None:
        rows = dataset["part"].sel(arm=arm)
        _curves(ax, range(len(LEVELS)), rows.transpose("source", "seed", ...), SOURCES)
        ax.set_ylim(-0.05, 1.05)
        ax.set_xticks(range(len(LEVELS)), LEVELS)

    return _panels(dataset, panel, "part of the variance", legend="upper left")


def _pruning(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 3.6, 1, len(PLACES))
    for ax, place in zip(fig.axes, PLACES, strict=True):
        rows = dataset["loss"].sel(place=place).transpose("order", "seed", ...)
        _curves(ax, REMOVED, rows, dict(zip(ORDERS, PALETTE, strict=False)))
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set_xlabel("share of directions left out")
        ax.set_title(place, fontsize=10)
    fig.axes[0].set_ylabel("accuracy lost")
    fig.axes[0].legend(fontsize=8, frameon=False)
    return fig


def _panels(
    dataset: xr.Dataset,
    panel: Callable[[Axes, str], None],
    label: str,
    *,
    legend: Any = "",
) -> Figure:
    """One panel for each arm."""
    fig = figure(11.0, 6.2, 2, 3)
    for ax, arm in zip(fig.axes, ARMS, strict=True):
        panel(ax, arm)
        right = float(dataset["accuracy"].sel(arm=arm))
        ax.set_title(f"{arm} (right: {right:.0%})", fontsize=10)
    for ax in fig.axes[::3]:
        ax.set_ylabel(label)
    if legend:
        fig.axes[0].legend(fontsize=8, frameon=False, loc=legend)
    return fig


def _curves(
    ax: Axes, x: Sequence[float], rows: xr.DataArray, colours: dict[str, str]
) -> None:
    """`(curves, seed, points)`, with errors."""
    pairs = zip(colours, rows.values, strict=True)
    curves = {name: over_trainings(values) for name, values in pairs}
    error_lines(ax, np.array(x), curves, colours)


def _draw_spectrum(ax: Axes, dataset: xr.Dataset, arm: str) -> None:
    settings = _settings(dataset)
    survival = families(dataset, arm, LEVELS[-1])[PLACES[0]]
    kinds = np.array(classes_of(survival))
    x = dataset["variance"].values.copy()
    x[0] += settings["pattern"] ** 2
    x = np.maximum(x / settings["noise"] ** 2, FAINTEST)
    mean = over_trainings(survival)
    for kind, colour in zip(KINDS, KIND_COLOURS, strict=True):
        for marker, some in (("s", [0]), ("o", range(1, PIXELS))):
            chosen = [k for k in some if kinds[k] == kind and mean.value[k] > 0]
            ax.errorbar(
                x[chosen], mean.value[chosen], mean.error[chosen], color=colour,
                marker=marker, markersize=7 if marker == "s" else 3.5,
                linestyle="none", linewidth=0.8,
            )  # fmt: skip
    ax.axhline(1, color="black", linewidth=0.8, linestyle="--")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(*LIMITS)


def _growth_table(dataset: xr.Dataset) -> Table:
    header = ("network", "direction", *(f"to {l}" for l in LEVELS[1:]), "survival")
    rows = [
        [
            arm,
            group,
            *(_number(dataset, "growth", arm=arm, group=group, to=l)
              for l in LEVELS[1:]),
            _number(dataset, "survival", arm=arm, group=group),
        ]
        for arm in ARMS
        for group in GROUPS
    ]  # fmt: skip
    return Table(header, rows)


def _count_table(dataset: xr.Dataset) -> Table:
    rows = []
    for arm, end in itertools.product(ARMS, ENDS):
        found = counts(dataset, arm, end)
        linear = str(over_trainings(dataset["linear"].sel(arm=arm, level=end).values))
        for place, s in families(dataset, arm, end).items():
            ends = [
                str(over_trainings(extreme))
                for extreme in (s.max(axis=1), s.min(axis=1))
            ]
            share = linear if place == PLACES[0] else ""
            rows.append([arm, end, place, *map(str, found[place]), *ends, share])
    header = ("network", "to", "directions of", *KINDS, "largest s", "smallest s")
    return Table((*header, "Σ λ R²"), rows)


def _number(dataset: xr.Dataset, name: str, **where: Any) -> str:
    known = bool(np.isfinite(dataset[name].sel(**where)))
    return shown(dataset, name, **where) if known else "–"


def _settings(dataset: xr.Dataset) -> dict[str, Any]:
    return json.loads(dataset.attrs["settings"])
