"""Pictures and tables of hidden units and of the offset."""

from __future__ import annotations

import math
from collections.abc import Iterable

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.fig_8.layers import (
    LAYERS,
    PARTNER,
    RANDOM,
    RG,
    SHOWN,
    VOTES,
)
from kadanoff.experiments.demellokoch2020.patches import on_own_scale
from kadanoff.experiments.exhibit import shown
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["draw"]


def draw(dataset: xr.Dataset) -> list[Section]:
    """Maps, correlators, and the offset taken apart."""
    titles = [f"unit {k + 1}" for k in range(dataset.sizes["unit"])]
    seen = {}
    for row in dataset["mapped"].values:
        images, ends = on_own_scale(dataset["map"].sel(mapped=row).values)
        seen[f"{_words(str(row))}, {ends}".replace(", ", ",\n")] = images
    return [
        Section(
            "Figure 8: maps of hidden units",
            f"⟨v_i h_a⟩ of five units at T_c on {dataset.side}², each turned to follow "
            "the magnetization. Each has a scale of its own, white its smallest "
            "value and dark red its largest; beside each row stand the smallest and "
            "the largest value of all its pictures. Block averages first.",
            picture=data_uri(image_rows(seen, titles, responses=True, size=1.4)),
            tables=[_spot_table(dataset)],
            remarks=[
                "The text at hand has the layers 1024 → 256 → 64 and 1024 → 64 and "
                "training by contrastive divergence near T_c. It has lost the number "
                "of its steps, the rate, epochs, batches and penalties, the "
                "temperature and the number of configurations: one step at the "
                f"package's settings, T_c and {dataset.samples} configurations are "
                "reconstructed. Plain: without a penalty; local: with an L1 penalty "
                "on the weights."
            ],
        ),
        Section(
            "Figure 10: patch correlators",
            "From above: G(r) as the paper has it, level but for its small fall; less "
            "its uniform part, where offsets are gone, between hidden layers at r > 0 "
            "alone, their r = 0 lying far above, in numbers; of configurations turned "
            "to m ≥ 0 and connected, where "
            "most of the magnetization is subtracted; and what the straight line "
            "through the G of the first row leaves, over the fall of each. Means over "
            f"{dataset.seeds} trainings.",
            picture=data_uri(_correlators(dataset)),
            tables=[_line_table(dataset)],
        ),
        Section(
            "The offset taken apart",
            "G(0) less that of block averages on the same chains, how much of it is "
            "the uniform part Σ_a ⟨m h_a⟩², and γ², the mean square gain to the "
            "magnetization, measured and foretold: each unit feels the magnetization "
            "through the sum of its weights, and through all others a field that is "
            "taken for Gaussian, with the variance of the critical torus. "
            "Connecting ⟨v h⟩ changes little where ⟨v⟩ is near 0; turning all "
            "configurations up first takes most of the offset away. Turning the signs "
            "of half of the units changed G by "
            f"{float(dataset['sign_change']):.1g} of G(0).",
            tables=[_offset_table(dataset)],
        ),
    ]


OF_BLOCKS = {
    "first": "lattice to one step",
    "second": "one step to two",
    "both": "lattice to two steps",
}


COLOURS = {
    RG: PALETTE[6],
    VOTES: PALETTE[1],
    "plain": PALETTE[2],
    "local": PALETTE[0],
    RANDOM: PALETTE[3],
}
WAYS = {
    "raw": "G(r)",
    "varying": "G(r) less its uniform part",
    "one_sided": "G(r), m ≥ 0, connected",
    "residual": "(G(r) less the line) / fall",
}
ROOM = 0.5  # of a panel, for what stands in it in numbers
PANELS = ("first", "both", "single", "numbered", "arranged")


def _correlators(dataset: xr.Dataset) -> Figure:
    fig = figure(15.0, 10.5, rows=len(WAYS), columns=len(PANELS))
    for down, (way, label) in enumerate(WAYS.items()):
        for across, layer in enumerate(PANELS):
            _panel(fig.axes[down * len(PANELS) + across], dataset, way, layer)
        fig.axes[down * len(PANELS)].set_ylabel(label, fontsize=9)
    for ax, layer in zip(fig.axes, PANELS, strict=False):
        ax.set_title(LAYERS[layer].replace(", ", ",\n"), fontsize=10)
    for ax in fig.axes[-len(PANELS) :]:
        ax.set_xlabel("distance (original sites)", fontsize=9)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, fontsize=9, ncols=5, loc="outside lower center")
    return fig


def _panel(ax: Axes, dataset: xr.Dataset, way: str, layer: str) -> None:
    r = dataset[f"r {PARTNER[layer]}"].values
    first = 1 if way == "varying" and layer not in SHOWN else 0
    at_zero = []
    for name, colour in COLOURS.items():
        row = f"{name}, {PARTNER[layer] if name == RG else layer}"
        if row not in dataset["row"].values:
            continue
        size = float(dataset["fall"].sel(row=row)) if way == "residual" else 1.0
        y, error = (dataset[f"{row}_{way}{e}"].values / size for e in ("", "_error"))
        style = {"fmt": "o", "ms": 2.5, "lw": 0.6, "color": colour}
        bars = abs(error)[first:]
        ax.errorbar(r[first:], y[first:], bars, label=name, rasterized=True, **style)
        at_zero.append(f"{name} {parenthesised(float(y[0]), float(abs(error[0])))}")
    if first:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + ROOM * (high - low))
        style = {"fontsize": 8, "ha": "right", "va": "top"}
        text = "at r = 0\n" + "\n".join(at_zero)
        ax.text(0.97, 0.97, text, transform=ax.transAxes, **style)
    if way == "residual":
        ax.axhline(0, color=PALETTE[6], lw=1.0, ls="--")


def _spot_table(dataset: xr.Dataset) -> Table:
    names = {
        "spots": "bright spots per unit",
        "single": "share of units with one",
        "negative": "share of units that follow −m",
    }
    return Table(["layer", *names.values()], _table_rows(dataset, names))


def _line_table(dataset: xr.Dataset) -> Table:
    header = ["layer", "fall of G", "over block averages'", "line: rms residual / fall"]
    header += ["F(4, B - 4), B groups of chains", "p of a line"]
    rows = [
        [
            *row,
            *(f"{float(dataset[f'{name}_{n}']):.2g}" for n in ("bent", "ratio", "p")),
        ]
        for name, row in zip(
            dataset["row"].values, _table_rows(dataset, ("fall", "ratio")), strict=True
        )
    ]
    return Table(header, rows)


def _offset_table(dataset: xr.Dataset) -> Table:
    names = {
        "at_zero": "G(0)",
        "uniform": "uniform part",
        "offset": "offset of G(0)",
        "lifted": "of it uniform",
        "gain": "γ²",
        "foretold": "γ² from the weights",
        "over_foretold": "measured / foretold",
        "far": "G far",
        "connected_far": "connected, far",
        "one_sided_far": "m ≥ 0 connected, far",
        "noise": "noise in the fall as counted",
    }
    return Table(["layer", *names.values()], _table_rows(dataset, names))


def _table_rows(dataset: xr.Dataset, names: Iterable[str]) -> list[list[str]]:
    """A row of every layer with these readings."""
    return [
        [_words(str(row)), *(_reading(dataset, name, row) for name in names)]
        for row in dataset["row"].values
    ]


def _reading(dataset: xr.Dataset, name: str, row: str) -> str:
    """With its error; a dash where there is none, alone where it has no error."""
    value, error = (float(dataset[n].sel(row=row)) for n in (name, f"{name}_error"))
    if not math.isfinite(value):
        return "–"
    return shown(dataset, name, row=row) if error > 0 else f"{value:.3g}"


def _words(row: str) -> str:
    name, _, layer = row.partition(", ")
    return f"{name}, {OF_BLOCKS[layer] if name == RG else LAYERS[layer]}"
