"""Pictures and tables of `flow_end`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.exact.constants import T_C
from kadanoff.exact.density import energy_law
from kadanoff.experiments.demellokoch2020.along_flows import SURE
from kadanoff.experiments.demellokoch2020.decided import SIGMAS
from kadanoff.experiments.demellokoch2020.flow import (
    FLOWS,
    HIDDEN,
    LATTICE,
    MACHINES,
    mean_over_seeds,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_end.ends import MOST_R_HAT
from kadanoff.experiments.demellokoch2020.flow_end.flows import EXACT, NETWORKS
from kadanoff.experiments.demellokoch2020.flow_end.laws import KINDS
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_laws import judged
from kadanoff.experiments.demellokoch2020.magnet import (
    MONOTONE,
    READINGS,
    RESOLUTION,
    SITES,
    TOLERANCE,
    critical_point,
    mixture_law,
)
from kadanoff.reports.figures import INK, PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["draw"]

ROWS = {
    "by_energy": "T by energy",
    "by_network": "T by network",
    "e": "energy e",
    "|m|": "⟨|m|⟩",
    "U₄": "U₄",
    "N Var(e)": "N Var(e)",
    "G(√2)": "G(√2)",
    "G(5)": "G(5)",
}
SCALES = {"by_energy": (0.0, 6.0), "by_network": (0.0, 6.0), "U₄": (-1.0, 0.75)}
"""Of what is drawn: hot ends have temperatures, and noise a U₄, far beyond."""

PASSED = {
    "samples": "The Gibbs chain of the machine",
    "means": "A map without noise",
}


def draw(dataset: xr.Dataset) -> list[Section]:
    """Readings along the flows; their ends; the laws and their energies."""
    return [
        *(_flows(dataset, flow) for flow in FLOWS[::-1]),
        _laws(dataset),
        _energies(dataset),
    ]


def _flows(dataset: xr.Dataset, flow: str) -> Section:
    here = dataset.sel(flow=flow)
    fig = figure(11.5, 14.0, rows=len(ROWS), columns=len(NETWORKS))
    axes = np.array(fig.axes).reshape(len(ROWS), len(NETWORKS))
    for line, name in zip(axes, ROWS, strict=True):
        _row(line, here, name)
    for ax, machine in zip(axes[0], NETWORKS, strict=True):
        ax.set_title(_titled(machine), fontsize=9)
    for ax in axes[-1]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("length of the flow", fontsize=9)
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        fontsize=9,
        frameon=False,
    )
    return Section(
        f"Where the flow goes, {flow} passed on",
        f"{PASSED[flow]}, from four starts; length 0 is drawn at ½, "
        "'data' is the mixture of 60 temperatures that the machines were trained on. "
        "Dashed: the magnet at T_c; dotted: the temperature that has the mean energy "
        f"of the training data. Grey: ±{RESOLUTION:.2f}, what one configuration cannot "
        f"tell from T_c, and below, what the magnet moves by within ±{TOLERANCE:g} of "
        "T_c. Triangles: beyond the scale; energies from 0 on have no temperature and "
        "are left out. "
        f"The table is at length {int(dataset['length'][-1])}.",
        picture=data_uri(fig),
        tables=[_table(here)],
        remarks=_remarks(flow),
    )


def _remarks(flow: str) -> list[str]:
    shared = (
        f"That there are {HIDDEN} hidden units is reconstructed, as are the training's "
        "recipe and the temperatures. Machines of 16 units, trained alike, show what "
        "fewer units do; they are not those whose ends come nearest to T_c by energy, "
        "which the controls of the flow name. The exactly critical machine is not "
        "trained: one hidden unit for each bond gives it the law of the magnet at T_c.",
    )
    if flow == "samples":
        return [
            *shared,
            "A Gibbs chain forgets its start. Lines from different starts that have "
            "not met have not ended, and the end of a chain is read from its law, "
            "below.",
            "Here and in the controls of the flow, intervals that decide are of "
            f"{SURE:.1%}: over machines Student's t times the standard error, of one "
            f"law {SIGMAS:g} standard errors. What is drawn and written are standard "
            "errors.",
        ]
    return [
        *shared,
        "Means have an energy as the numbers they are, and no coupling; energies from "
        "0 on belong to no positive temperature and are left out. N Var(e) is that of "
        "the energies of different configurations.",
    ]


def _titled(machine: str) -> str:
    units = "" if machine == EXACT else f",\n{MACHINES[machine][1]} hidden units"
    return f"{machine.split(',')[0]}{units}"


def _row(line: Iterable[Axes], here: xr.Dataset, name: str) -> None:
    """One reading along the flow, a panel for each machine, all of one scale."""
    value, error = mean_over_seeds(here, name)
    lengths = np.maximum(here["length"].values, 0.5)
    shared = list(line)
    for ax, machine in zip(shared, NETWORKS, strict=True):
        for colour, begin in zip(PALETTE, here["start"].values, strict=False):
            at = {"machine": machine, "start": begin}
            ax.errorbar(
                lengths,
                value.sel(at),
                error.sel(at),
                color=colour,
                marker="o",
                markersize=2.5,
                linewidth=1,
                capsize=2,
                label=f"from {begin}",
            )
        _critical_lines(ax, here, name)
        ax.set_xscale("log")
        ax.minorticks_off()
        ax.locator_params(axis="y", nbins=4)
        ax.tick_params(labelbottom=False)
        if ax is not shared[0]:
            ax.sharey(shared[0])
            ax.tick_params(labelleft=False)
    shared[0].set_ylabel(ROWS[name], fontsize=9)
    if name in SCALES:
        _mark_beyond(shared, value, lengths, *SCALES[name])


def _critical_lines(ax: Axes, here: xr.Dataset, name: str) -> None:
    if name.startswith("by"):
        where, reach = T_C, RESOLUTION
        ax.axhline(
            here.attrs["mixture_temperature"], color=INK, linewidth=0.8, linestyle=":"
        )
    else:
        point = critical_point(here["at"].values, here["reference"].values)
        where, reach = point.values[name], point.tolerances[name]
    ax.axhspan(where - reach, where + reach, color="#e4e4e4", zorder=0)
    ax.axhline(where, color=INK, linewidth=0.8, linestyle="--")


def _mark_beyond(
    line: list[Axes], value: xr.DataArray, lengths: np.ndarray, low: float, high: float
) -> None:
    """What is beyond the scale as triangles at its ends."""
    line[0].set_ylim(low, high)
    for ax, machine in zip(line, NETWORKS, strict=True):
        for colour, begin in zip(PALETTE, value["start"].values, strict=False):
            y = value.sel(machine=machine, start=begin).values
            for end, marker, out in ((high, "^", y > high), (low, "v", y < low)):
                if out.any():
                    where = np.full(int(out.sum()), end)
                    ax.plot(lengths[out], where, marker, color=colour, clip_on=False)


def _table(here: xr.Dataset) -> Table:
    last = here.isel(length=-1)
    names = (
        "by_energy",
        "by_coupling",
        "by_network",
        *READINGS,
        "distance",
        "floor",
    )
    rows = [
        [m, s, *(written(last, n, machine=m, start=s) for n in names)]
        for m, s in itertools.product(NETWORKS, here["start"].values)
    ]
    point = critical_point(here["at"].values, here["reference"].values)
    exact = [f"{point.values[name]:.3f}" for name in READINGS]
    rows.append(
        ["magnet at T_c", "–", f"{T_C:.3f}", f"{T_C:.3f}", "–", *exact, "0", "–"]
    )
    header = (
        "machine",
        "start",
        "T by energy",
        "T by coupling",
        "T by the network",
        *READINGS,
        "distance of P(E)",
        "of a sample",
    )
    return Table(header, rows)


def _laws(dataset: xr.Dataset) -> Section:
    rows = [_law_row(dataset, kind, seed) for kind, seed in _places(dataset)]
    header = (
        "law",
        "machine",
        *(f"T by {name}" for name in MONOTONE),
        "largest less smallest",
        "judged",
        "best T",
        "p there",
        "P(E) to the nearest T",
        "of a sample",
        "P(E) to the mixture",
        "R̂ and hot against cold: e; |m|; m",
    )
    return Section(
        "The law at the end, against the magnet at every temperature",
        "Above: the temperature that each reading alone gives, a line for every "
        "machine; of a magnet it is level. Dashed T_c, grey "
        f"±{TOLERANCE:g}. Below: the readings less those of the magnet at the best "
        "temperature, in standard errors (linear within ±3).",
        picture=data_uri(_comparison(dataset)),
        tables=[Table(header, rows)],
        remarks=[
            f"Not judged: R̂ of e or |m| above {MOST_R_HAT:g}. A large R̂ of m with "
            "small ones of e and |m|: chains keep the sign of the magnetization they "
            "fell into, and the law is known up to that sign.",
            "A reading that the magnet has at no temperature of the table ("
            f"{float(dataset['at'][0]):g} to {float(dataset['at'][-1]):g}) is left out "
            "of the picture and `none` in the table; with one, a law is no magnet's.",
            "p is that of seven readings at the best of all temperatures. It falls "
            "with the number of draws for whatever is not quite the magnet and decides "
            f"nothing here; the six temperatures do, by {TOLERANCE:g}.",
        ],
    )


def _places(dataset: xr.Dataset) -> list[tuple[str, int]]:
    return list(itertools.product(KINDS, range(dataset.sizes["seed"])))


def _law_row(dataset: xr.Dataset, kind: str, seed: int) -> list[str]:
    here = dataset.sel(kind=kind).isel(seed=seed)
    (law,) = (x for x in judged(dataset, (kind,)) if x.seed == seed)
    words = {True: "critical", False: "not critical", None: "open"}[law.critical]
    return [
        kind,
        str(seed),
        *(_with_error(here.sel(by=name), "t") for name in MONOTONE),
        _with_error(here, "spread"),
        words if law.forgotten else "no: starts not forgotten",
        f"{float(here['best']):.2f}",
        f"{float(here['p']):.1e}",
        f"{float(here['tv']):.3f} at {float(here['nearest']):.2f}",
        f"{float(here['tv_floor']):.3f}",
        f"{float(here['tv_mixture']):.3f}",
        _tests(here),
    ]


def _with_error(here: xr.Dataset, name: str) -> str:
    value, error = float(here[name]), float(here[f"{name}_error"])
    return f"{value:.3f} ± {error:.3f}" if math.isfinite(value) else "none"


def _tests(here: xr.Dataset) -> str:
    if not np.isfinite(here["r_hat"]).any():
        return "–"
    return "; ".join(
        f"{float(r):.3f}, p = {float(p):.2g}"
        for r, p in zip(here["r_hat"], here["hot_cold"], strict=True)
    )


def _comparison(dataset: xr.Dataset) -> Figure:
    fig = figure(12.0, 6.0, rows=2, columns=len(KINDS))
    above, below = fig.axes[: len(KINDS)], fig.axes[len(KINDS) :]
    for top, bottom, kind in zip(above, below, KINDS, strict=True):
        for seed in range(dataset.sizes["seed"]):
            here = dataset.sel(kind=kind).isel(seed=seed)
            style = {
                "color": PALETTE[seed % len(PALETTE)],
                "marker": "o",
                "markersize": 3,
                "linewidth": 0.8,
            }
            top.errorbar(
                range(len(MONOTONE)), here["t"], here["t_error"], capsize=2, **style
            )
            bottom.plot(range(len(READINGS)), here["pull"], **style)
        top.axhspan(T_C - TOLERANCE, T_C + TOLERANCE, color="#e4e4e4", zorder=0)
        top.axhline(T_C, color=INK, linewidth=0.8, linestyle="--")
        top.set_title(kind.replace(" on ", " on\n").replace(", ", ",\n"), fontsize=9)
        bottom.axhline(0, color=INK, linewidth=0.8)
        bottom.set_yscale("symlog", linthresh=3)
        for ax, names in ((top, MONOTONE), (bottom, READINGS)):
            ax.set_xticks(range(len(names)), names, fontsize=8, rotation=90)
    for line in (above, below):
        _one_scale(line)
    above[0].set_ylabel("T of the magnet with this value", fontsize=9)
    below[0].set_ylabel("less the magnet at the best T (errors)", fontsize=9)
    return fig


def _one_scale(line: list[Axes]) -> None:
    low, high = zip(*(ax.get_ylim() for ax in line), strict=True)
    for ax in line:
        ax.set_ylim(min(low), max(high))
        if ax is not line[0]:
            ax.tick_params(labelleft=False)


def _energies(dataset: xr.Dataset) -> Section:
    names = (*NETWORKS, "training data")
    fig = figure(11.5, 5.6, rows=2, columns=math.ceil(len(names) / 2))
    energies = np.linspace(-2, 2, SITES + 1)
    critical, mixed = energy_law(LATTICE, 1 / T_C)[1], mixture_law()
    for ax, name in zip(fig.axes, names, strict=False):
        own = dataset["counts"].sel(kind=name).mean("seed").values
        ax.stairs(own, _edges(energies), color=PALETTE[0], fill=True, alpha=0.35)
        if name in NETWORKS:
            ends = dataset["law"].sel(machine=name, flow="samples")
            for colour, begin in zip(PALETTE[1:], ("cold", "hot"), strict=False):
                ax.stairs(
                    ends.sel(start=begin).mean("seed").values,
                    _edges(energies),
                    color=colour,
                    linewidth=0.8,
                    label=f"flow from {begin}, samples passed on",
                )
        ax.plot(energies, critical, color=INK, linewidth=1, linestyle="--")
        ax.plot(energies, mixed, color=INK, linewidth=1, linestyle=":")
        ax.set_title(name.replace(", ", ",\n"), fontsize=9)
        ax.set_xlim(-2.04, _highest(dataset, energies))
        ax.set_ylim(0, None)
        ax.set_xlabel("energy per site e", fontsize=9)
    for ax in fig.axes[:: math.ceil(len(names) / 2)]:
        ax.set_ylabel("P(E)", fontsize=9)
    fig.legend(
        *fig.axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        fontsize=9,
        frameon=False,
    )
    return Section(
        "P(E) at the end",
        "Filled: the law that the Gibbs chain leaves, mean over the machines; lines: "
        "the ends of the flows. Dashed: the exact law at T_c; dotted: the mixture of "
        "60 temperatures that the machines were shown.",
        picture=data_uri(fig),
    )


def _highest(dataset: xr.Dataset, energies: np.ndarray) -> float:
    """The highest energy that occurs, with some room."""
    occurs = (dataset["counts"] > 0).any(("kind", "seed"))
    occurs |= (dataset["law"] > 0).any(("machine", "flow", "start", "seed"))
    return float(energies[occurs.values].max()) + 0.1


def _edges(centres: np.ndarray) -> np.ndarray:
    half = (centres[1] - centres[0]) / 2
    return np.append(centres - half, centres[-1] + half)
