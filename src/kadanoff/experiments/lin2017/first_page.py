"""Five sentences with numbers: what the slides say, and what comes out.

Their words are chosen by the same conditions as the verdicts of the exhibits.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.exact.constants import K_C, Y_T
from kadanoff.experiments.exhibit import FirstPage, shown
from kadanoff.experiments.lin2017 import depth as products
from kadanoff.experiments.lin2017 import gate as gates
from kadanoff.experiments.lin2017 import gaussian_field, hierarchies
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
        f"{many} examples, and {missed} if their names are shuffled, where all that "
        "spins and names know of each other is "
        f"{float(directions['information']):.4f} nats."
    )


def _gate(gate: xr.Dataset, polynomial: xr.Dataset) -> str:
    measured = gate["measured"].isel(arm=0)
    best = [float(measured.sel(floats=f).min()) for f in gate.floats.values]
    built = polynomial.neurons.dropna("polynomial", how="all")
    spread = built.max("accuracy") - built.min("accuracy")
    finest = polynomial.accuracy.where(built.notnull()).min("accuracy")
    fixed = "does not" if float(spread.max()) == 0 else "does"
    floats = " and ".join(
        f"{e:.0e} in {f}" for e, f in zip(best, gate.floats.values, strict=True)
    )
    limit = (
        "arbitrarily well in exact arithmetic, and in floats only until rounding takes "
        "over"
        if gates.arbitrarily(gate)
        else "and not arbitrarily well even in exact arithmetic"
    )
    return (
        f"Four neurons ({gate.arm.values[0]}) multiply two numbers to {floats}, "
        f"{limit}; the size of {built.sizes['polynomial']} polynomial networks {fixed} "
        f"depend on the accuracy, from {float(polynomial.accuracy.max()):.0e} down to "
        f"{_range(finest.values)}, where 64-bit floats end."
    )


def _range(values: np.ndarray) -> str:
    """The largest and the smallest, or the one that there is."""
    ends = f"{values.max():.0e}", f"{values.min():.0e}"
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _deep(depth: xr.Dataset) -> str:
    most = int(depth.numbers.values[-1])
    flat = int(depth["count"].sel(numbers=most, layers=1))
    tree = int(depth["tree_count"].sel(numbers=most))
    built = depth["error"].sel(built=most, plan=DEEP)
    n = [int(k) for k in depth.certified.values]
    sizes = f"n = {n[0]} to {n[-1]}" if len(n) > 1 else f"n = {n[0]}"
    drawn = int(depth["drawn"]) * len(n)
    able = int(depth["able"].sum() + depth["less_able"].sum())
    premises = len(products.spared(depth))
    return (
        f"The product of {most} numbers takes {flat:,} neurons in one layer and {tree} "
        f"in a tree, which is off by {float(built):.0e} in 64-bit floats; fewer than "
        f"2ⁿ in one layer {'cannot' if products.needed(depth) else 'can'} multiply n "
        f"numbers ({able} of {drawn} random sets of 2ⁿ - 1 and of those that a gate "
        f"contains, {sizes})"
        + (
            f", unless one of {premises} premises is dropped: a constant after the "
            "layer is enough."
            if any("constant" in p for p in products.spared(depth))
            else "."
        )
    )


def _hierarchical(dataset: xr.Dataset) -> str:
    gap = float(dataset["bayes_gap"].max())
    bits = dataset["bits"].sel(level=0)
    exact, vote = (float(bits.sel(statistic=s)) for s in ("exact", "majority"))
    tree, flat = (shown(dataset, "excess", kind=k) for k in ("tree", "flat"))
    steps = (
        f"are Bayes' theorem to {gap:.0e}"
        if hierarchies.exact(dataset)
        else f"are not Bayes' theorem but {gap:.0e} off"
    )
    carried = (
        f"lose nothing: {exact:.4f} bits about the root from the leaves up"
        if hierarchies.lossless(dataset)
        else f"do not keep what the leaves know, with {exact:.4f} bits at the root"
    )
    return (
        f"Layers that undo a generation one step at a time {steps} on trees of spins, "
        f"of Gaussians and a sky, and {carried}, and votes keep {vote:.4f}; trained "
        f"networks end {tree} nats above Bayes if they have the shape of the tree, and "
        f"{flat} if all leaves go into one layer of as many parameters."
    )


def _renormalized(field: xr.Dataset, decimation: xr.Dataset) -> str:
    last = field["response"].sel(view="blocks", dimension=3).isel(scale=[-2, -1])
    step = float(np.log(last.scale[1] / last.scale[0]))
    powers = np.diff(np.log(np.abs(last.transpose("scale", ...).values)), axis=0)[0]
    y0, y1, y2, y3 = (f"{p:.2f}" for p in powers / step + 0.0)
    worst = float(np.abs(decimation["apart"]).max())
    formula = "where the formula has 2, 0, -2 and -4"
    if gaussian_field.leaks(field):
        formula += " (the edges of blocks fold short waves back)"
    return (
        "Averaging c pixels per side of a field with energy Σ_k y_k ∫ |∇^k φ|² "
        f"multiplies y₀ by c^{y0}, y₁ by c^{y1}, y₂ by c^{y2} and y₃ by c^{y3}, "
        f"{formula}; decimation keeps ln Z of a chain to {worst:.0e} per site, and "
        f"truncated on the square lattice has K* = {float(decimation['fixed']):.4f}, "
        f"y_T = {float(decimation['y_t']):.3f} against {K_C:.4f} and {Y_T:g}."
    )


def _picture(data: Data) -> Figure:
    fig = figure(11.5, 3.5, 1, 3)
    counts, levels, powers = fig.axes
    _counts(counts, data["counting"])
    _levels(levels, data["hierarchies"])
    _powers(powers, data["gaussian_field"])
    return fig


def _counts(ax: Axes, dataset: xr.Dataset) -> None:
    """Powers of ten on an ordinary axis; a bar that runs out of it says its number."""
    at = dataset["log10"].sel(side=IMAGE)
    rows = np.arange(at.size)[::-1]
    atoms = 78
    ax.barh(rows, np.minimum(at.values, 100), color=PALETTE[0], height=0.6)
    for row, value in zip(rows, at.values, strict=True):
        if value > 100:
            ax.text(98, row, f"10^{value:.0f} →", ha="right", va="center", fontsize=8,
                    color="white")  # fmt: skip
    ax.set_xlim(0, 100)
    ax.axvline(atoms, color="black", linestyle="--", linewidth=0.9)
    ax.set_yticks(rows, [str(k) for k in at.kind.values], fontsize=7)
    ax.set_xlabel("numbers for 28×28 pixels, powers of ten (dashed: atoms)", fontsize=8)


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
