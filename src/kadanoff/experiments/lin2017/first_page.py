"""Five sentences with numbers: what the slides say, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.exact.constants import K_C, Y_T
from kadanoff.experiments.exhibit import FirstPage, shown
from kadanoff.experiments.lin2017.counting import in_words
from kadanoff.experiments.lin2017.depth import DEEP
from kadanoff.reports.figures import PALETTE, figure

__all__ = ["first_page"]

Data = Mapping[str, xr.Dataset]
IMAGE = 28


def first_page(data: Data) -> FirstPage:
    """The first page from the data sets of all exhibits."""
    return FirstPage(
        [
            _cheap(data["counting"], data["directions"]),
            _gate(data["gate"], data["polynomial"]),
            _deep(data["depth"]),
            _hierarchical(data["hierarchies"]),
            _renormalized(data["gaussian_field"], data["decimation"]),
        ],
        _picture(data),
    )


def _cheap(counting: xr.Dataset, directions: xr.Dataset) -> str:
    any_function, quadratic, symmetric = (
        in_words(int(str(counting["digits"].sel(kind=kind, side=IMAGE).item())))
        for kind in (
            "any function",
            "polynomial, d = 2",
            "and translation symmetry",
        )
    )
    many = int(directions.draws.values[-1])
    learned = shown(
        directions, "divergence", arm="drawn", task="classification", draws=many
    )
    missed = shown(
        directions, "divergence", arm="shuffled", task="classification", draws=many
    )
    return (
        f"Any function of {IMAGE}×{IMAGE} pixels takes {any_function} bits, a "
        f"quadratic H {quadratic} numbers and one of nearest neighbours with "
        f"translation symmetry {symmetric}; "
        f"of six spins and three names a small network misses {learned} nats after "
        f"{many} examples, and {missed} if their names are shuffled "
        f"(I = {float(directions['information']):.4f})."
    )


def _gate(gate: xr.Dataset, polynomial: xr.Dataset) -> str:
    measured = gate["measured"].isel(arm=0)
    best = [float(measured.sel(floats=f).min()) for f in gate.floats.values]
    spread = polynomial.neurons.max("accuracy") - polynomial.neurons.min("accuracy")
    fixed = "does not" if float(spread.max()) == 0 else "does"
    floats = " and ".join(
        f"{e:.0e} in {f}" for e, f in zip(best, gate.floats.values, strict=True)
    )
    return (
        f"Four neurons ({gate.arm.values[0]}) multiply two numbers to {floats}: "
        "arbitrarily well in exact arithmetic alone, as truncation and rounding meet "
        "at a best weight; the "
        f"size of {polynomial.sizes['polynomial']} polynomial networks {fixed} depend "
        f"on the accuracy, down to {float(polynomial.accuracy.min()):.0e}."
    )


def _deep(depth: xr.Dataset) -> str:
    most = int(depth.numbers.values[-1])
    flat = int(depth["count"].sel(numbers=most, layers=1))
    tree = int(depth["tree_count"].sel(numbers=most))
    built = depth["error"].sel(built=most, plan=DEEP)
    certified = [str(n) for n in depth.certified.values]
    return (
        f"The product of {most} numbers takes {flat:,} neurons in one layer and {tree} "
        f"in a tree, which is off by {float(built):.0e} in 64-bit floats; of "
        f"{int(depth['drawn'])} random sets of 2ⁿ - 1 neurons for each n = "
        f"{', '.join(certified)}, {int(depth['able'].sum())} can multiply n numbers, "
        "unless a constant may follow the layer."
    )


def _hierarchical(dataset: xr.Dataset) -> str:
    gap = float(dataset["bayes_gap"].max())
    bits = dataset["bits"].sel(level=0)
    exact, vote = (float(bits.sel(statistic=s)) for s in ("exact", "majority"))
    tree, flat = (shown(dataset, "excess", kind=k) for k in ("tree", "flat"))
    return (
        "Layers that undo a generation one step at a time are Bayes' theorem to "
        f"{gap:.0e} on trees of spins, of Gaussians and a sky, and lose nothing: "
        f"{exact:.4f} bits about the root from the leaves up, of which votes keep "
        f"{vote:.4f}; trained networks end {tree} nats above Bayes with the shape of "
        f"the tree and {flat} without."
    )


def _renormalized(field: xr.Dataset, decimation: xr.Dataset) -> str:
    last = field["response"].sel(view="blocks", dimension=3).isel(scale=[-2, -1])
    step = float(np.log(last.scale[1] / last.scale[0]))
    powers = np.diff(np.log(np.abs(last.transpose("scale", ...).values)), axis=0)[0]
    y0, y1, y2, y3 = (f"{p:.2f}" for p in powers / step + 0.0)
    worst = float(np.abs(decimation["apart"]).max())
    return (
        f"Averaging pixels multiplies y₀ by c^{y0}, y₁ by c^{y1}, y₂ by c^{y2} and y₃ "
        f"by c^{y3}, where the formula has 2, 0, -2 and -4 (sharp blocks leak); "
        f"decimation keeps ln Z of a chain to {worst:.0e} per site, and truncated on "
        f"the square lattice has K* = {float(decimation['fixed']):.4f}, y_T = "
        f"{float(decimation['y_t']):.3f} against {K_C:.4f} and {Y_T:g}."
    )


def _picture(data: Data) -> Figure:
    fig = figure(11.5, 3.5, 1, 3)
    counts, levels, powers = fig.axes
    _counts(counts, data["counting"])
    _levels(levels, data["hierarchies"])
    _powers(powers, data["gaussian_field"])
    return fig


def _counts(ax: Axes, dataset: xr.Dataset) -> None:
    at = dataset["log10"].sel(side=IMAGE)
    rows = np.arange(at.size)[::-1]
    ax.barh(rows, at.values, color=PALETTE[0], height=0.6)
    ax.set_xscale("symlog", linthresh=10)
    ax.axvline(78, color="black", linestyle="--", linewidth=0.9)
    ax.set_yticks(rows, [str(k) for k in at.kind.values], fontsize=7)
    ax.set_xlabel("log₁₀ of numbers for 28×28 (dashed: atoms)")


def _levels(ax: Axes, dataset: xr.Dataset) -> None:
    n = dataset.sizes["level"] - 1
    bits = dataset["bits"]
    steps = np.arange(n + 1)
    ax.plot(steps, bits.sel(statistic="generation"), "o-", color="grey", label="down")
    for name, colour in (("exact", PALETTE[0]), ("majority", PALETTE[2])):
        up = bits.sel(statistic=name).values[::-1]
        ax.plot(n + steps, up, "o-", color=colour, label=f"up, {name}")
    ax.set_ylim(0, 1.05)
    ax.set_xlabel("steps down the tree and up again")
    ax.set_ylabel("bits about the root")
    ax.legend(fontsize=8, frameon=False)


def _powers(ax: Axes, dataset: xr.Dataset) -> None:
    at = dataset.sel(view="blocks", dimension=3)
    c = at.scale.values.astype(float)
    for name, colour in zip(at.coupling.values, PALETTE, strict=False):
        one = at.sel(coupling=name)
        ax.plot(c, one["formula"], color="grey", linewidth=0.8)
        ax.plot(c, one["response"], "o", color=colour, markersize=4, label=str(name))
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("pixels per side averaged, c")
    ax.set_ylabel("change seen / made (grey: formula)")
    ax.legend(fontsize=8, frameon=False)
