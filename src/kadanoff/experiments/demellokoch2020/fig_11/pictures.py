"""Pictures and tables of the larger lattice."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.fig_11.by_hand import rise_by_number
from kadanoff.experiments.demellokoch2020.fig_11.layers import MACHINES, RG
from kadanoff.experiments.demellokoch2020.patches import on_own_scale
from kadanoff.experiments.exhibit import shown
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["corner_remark", "draw"]

COLOURS = {RG: PALETTE[6], "plain": PALETTE[2], "local": PALETTE[0]}
CURVES = {
    "varying": ("r", "expected", "shortest periodic distances"),
    "boxed": ("r_box", "expected_box", "distances that do not wrap"),
    "steady": ("r_box", "expected_box", "the same, noise of single sites off"),
}


def draw(dataset: xr.Dataset) -> list[Section]:
    """Maps, correlators with both distances, and units made by hand."""
    titles = [f"unit {k + 1}" for k in range(dataset.sizes["unit"])]
    seen = {}
    for row in dataset["row"].values:
        images, ends = on_own_scale(dataset["map"].sel(row=row).values)
        seen[f"{row}\n{ends}"] = images
    return [
        Section(
            "Figure 11: a larger lattice",
            f"⟨v_i h_a⟩ at T_c on {dataset.side}², {dataset.draws} configurations, "
            "turned to follow the magnetization. Each has a scale of its own, white "
            "its smallest value and dark red its largest; beside each row stand the "
            "smallest and the largest value of all its pictures.",
            picture=data_uri(image_rows(seen, titles, responses=True)),
            tables=[_layer_table(dataset)],
            remarks=[
                "The text at hand has 40 000 configurations, on which the machine is "
                "trained and which are read. It has lost the sides (the next section "
                "has 64 → 32), the temperature and the training: 64 → 32, T_c and one "
                "step of contrastive divergence are reconstructed. Plain: without a "
                "penalty; local: with an L1 penalty on the weights."
            ],
        ),
        Section(
            "Does G rise again?",
            "Above, G(r) less its uniform part: at shortest periodic distances, at "
            "distances that do not wrap, and there with the noise of every site taken "
            "off, which is known from its ⟨v_i m⟩ and the same for all units; yellow "
            "is the closed form of block averages. Below, what the straight line "
            "through G at shortest distances leaves, over the fall; units made by "
            "hand, over G(0); and, lattice by lattice, by how much noise at the "
            "corners sets a machine apart from block averages, against its size, "
            "offset × √(2τ/n), which is its error: dashed lines are once and twice of "
            "it. Bands are errors.",
            picture=data_uri(_picture(dataset)),
            tables=[_rise_table(dataset), _corner_table(dataset)],
            remarks=[corner_remark(dataset)],
        ),
    ]


def _picture(dataset: xr.Dataset) -> Figure:
    fig = figure(13.0, 7.0, rows=2, columns=3)
    for ax, way in zip(fig.axes, CURVES, strict=False):
        _curve(ax, dataset, way)
    fig.axes[0].set_ylabel("G(r) less its uniform part", fontsize=9)
    fig.axes[0].legend(fontsize=8, frameon=False, markerscale=1.8)
    _residuals(fig.axes[3], dataset)
    _by_hand(fig.axes[4], dataset)
    _corners(fig.axes[5], dataset)
    for ax in fig.axes[:5]:
        ax.set_xlabel("distance (sites)", fontsize=9)
    return fig


def _curve(ax: Axes, dataset: xr.Dataset, way: str) -> None:
    axis, expected, title = CURVES[way]
    r = dataset[axis].values
    for depth, (name, colour) in enumerate(COLOURS.items()):
        y, error = (dataset[f"{name}_{way}{e}"].values for e in ("", "_error"))
        _points(ax, r, y, error, colour, depth, label=name)
    level = dataset[expected] - dataset["expected_uniform"]
    # Displacements of nearly one length differ: points, not a line through them.
    style = {"ls": "", "marker": ".", "ms": 1.2, "color": PALETTE[4], "zorder": 3}
    style["rasterized"] = True
    ax.plot(r, level.values, label="closed form", **style)
    ax.set_title(title, fontsize=10)


def _points(
    ax: Axes,
    r: np.ndarray,
    y: np.ndarray,
    error: np.ndarray,
    colour: str,
    depth: int,
    label: str | None = None,
) -> None:
    """Points over a band of their errors: bars of so many would hide each other."""
    style = {"color": colour, "lw": 0, "rasterized": True, "zorder": 2 + depth / 10}
    ax.fill_between(r, y - error, y + error, alpha=0.2, **style)
    # Where layers agree the one drawn last is seen: blocks are the larger points.
    size = 3.4 - 1.1 * depth
    style = {"ls": "", "marker": "o", "ms": size, "color": colour}
    style |= {"rasterized": True, "zorder": 2.5 + depth / 10}
    ax.plot(r, y, label=label, **style)


def _residuals(ax: Axes, dataset: xr.Dataset) -> None:
    for depth, (name, colour) in enumerate(COLOURS.items()):
        fall = float(dataset["fall"].sel(row=name))
        y, error = (
            dataset[f"{name}_residual{e}"].values / fall for e in ("", "_error")
        )
        _points(ax, dataset["r"].values, y, error, colour, depth)
    ax.axhline(0, color=PALETTE[6], lw=1.0, ls="--")
    ax.set_title("what a straight line leaves", fontsize=10)
    ax.set_ylabel("(G(r) less the line) / fall", fontsize=9)


def _by_hand(ax: Axes, dataset: xr.Dataset) -> None:
    r = dataset["r"].values
    for k, units in enumerate(dataset["units"].values):
        g = dataset["by_hand"].sel(units=units).values
        ax.plot(r, g / g[0], lw=1.2, color=PALETTE[k], label=str(units))
    ax.set_title("units made by hand", fontsize=10)
    ax.set_ylabel("G(r) / G(0)", fontsize=9)
    ax.legend(fontsize=8, frameon=False)


def _corners(ax: Axes, dataset: xr.Dataset) -> None:
    sizes = dataset["corner_size_of"].sel(row=list(MACHINES)).values
    ends = np.array([0.0, 1.1 * float(sizes.max())])
    for times in (-2, -1, 1, 2):
        ax.plot(ends, times * ends, color=PALETTE[6], lw=0.7, ls="--")
    ax.axhline(0, color=PALETTE[6], lw=0.7)
    for name in MACHINES:
        here = dataset.sel(row=name)
        x, y = here["corner_size_of"].values, here["corner_of"].values
        ax.plot(x, y, "o", ms=4, color=COLOURS[name], label=name)
    ax.set_title("noise at the corners, lattice by lattice", fontsize=10)
    ax.set_xlabel("offset × √(2τ/n)", fontsize=9)
    ax.set_ylabel("machine less block averages", fontsize=9)


def corner_remark(dataset: xr.Dataset) -> str:
    """What sampling theory says of the noise at the corners, and what was found."""
    noise, size = (
        np.array([dataset[n].sel(row=name).values for name in MACHINES])
        for n in ("corner_of", "corner_size_of")
    )
    lattices = noise.shape[1]
    ratio = float(np.sqrt(np.mean((noise / size) ** 2)))
    opposite = int((np.sign(noise[0]) != np.sign(noise[1])).sum())
    offsets = " and ".join(shown(dataset, "offset", row=name) for name in MACHINES)
    return (
        "What sampling theory says of the corners, and no explanation of what the "
        "paper saw: all units share the sampling error of a corner site, of relative "
        "size √(2τ/n), and a machine has it times its offset more than block averages "
        f"have. On {lattices} lattices the root mean square of measured over expected "
        f"is {parenthesised(ratio, ratio / float(np.sqrt(2 * lattices)))}. Machines "
        f"share their lattices, and their offsets are {offsets}: where offsets have "
        "opposite signs so has the noise, whatever it is, and on "
        f"{opposite} of {lattices} lattices it has. It has no sign of its own."
    )


def _layer_table(dataset: xr.Dataset) -> Table:
    names = {
        "spots": "bright spots per unit",
        "single": "share of units with one",
        "at_zero": "G(0)",
        "uniform": "uniform part",
        "gain": "γ²",
        "fall": "fall",
        "ratio": "fall over block averages'",
    }
    rows = [
        [
            str(row),
            *(_reading(dataset, name, row) for name in names),
            f"{float(dataset[f'{row}_bent']):.3f}",
        ]
        for row in dataset["row"].values
    ]
    return Table(["layer", *names.values(), "line: rms residual / fall"], rows)


def _reading(dataset: xr.Dataset, name: str, row: str) -> str:
    """With its error, or alone where it has none."""
    value, error = (float(dataset[n].sel(row=row)) for n in (name, f"{name}_error"))
    return shown(dataset, name, row=row) if error > 0 else f"{value:.3g}"


def _rise_table(dataset: xr.Dataset) -> Table:
    names = ("rise", "box_rise", "steady_rise")
    rows = [
        [str(row), *(_reading(dataset, name, row) for name in names)]
        for row in dataset["row"].values
    ]
    boxed = f"{rise_by_number(dataset, 'r_box', 'expected_box'):.4f}"
    torus = f"{rise_by_number(dataset, 'r', 'expected'):.4f}"
    rows.append(["block averages in closed form", torus, boxed, boxed])
    rows += [
        [f"by hand: {units}", f"{float(value):.3f} of its fall", "–", "–"]
        for units, value in zip(
            dataset["units"].values, dataset["hand_rise"].values, strict=True
        )
    ]
    header = ["layer", "rise, periodic distances", "rise, distances that do not wrap"]
    return Table([*header, "the same, noise of single sites off"], rows)


def _corner_table(dataset: xr.Dataset) -> Table:
    """Every lattice has configurations, and trainings, of its own."""
    rows = [
        [
            f"lattice {k + 1}",
            *(
                f"{float(dataset[of].sel(row=name)[k]):.3f}"
                for name in MACHINES
                for of in ("corner_of", "corner_size_of")
            ),
        ]
        for k in range(dataset.sizes["lattice"])
    ]
    header = ["noise at the corners beyond block averages'"]
    for name in MACHINES:
        header += [name, "offset × √(2τ/n)"]
    return Table(header, rows)
