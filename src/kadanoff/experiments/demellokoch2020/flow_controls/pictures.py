"""Pictures and tables of `flow_controls`."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from kadanoff.estimate import parenthesised
from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020.along_flows import SURE
from kadanoff.experiments.demellokoch2020.flow import (
    ARMS,
    FLOWS,
    HIDDEN,
    LATTICE,
    arm,
    mean_over_seeds,
    temperature_at,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_controls.machines import trainings_of
from kadanoff.experiments.demellokoch2020.magnet import RESOLUTION
from kadanoff.reports.figures import INK, PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["draw"]

HOT = 8.0
"""Temperatures from here on are noise, and told apart by it."""

HIGH = 6.0
"""The same over hidden units, all of machines that learned the magnet."""


def draw(dataset: xr.Dataset) -> list[Section]:
    """Ends of the controls, and over hidden units."""
    return [_controls(dataset), _sizes(dataset)]


def _controls(dataset: xr.Dataset) -> Section:
    names = dataset["control"].values
    fig = figure(11.5, 4.6, columns=len(ARMS))
    value, error = _temperatures(dataset, "e")
    for k, (ax, which) in enumerate(zip(fig.axes, dataset["arm"].values, strict=True)):
        for j, begin in enumerate(dataset["start"].values):
            here = {"arm": which, "start": begin}
            t, bar = value.sel(here).values, error.sel(here).values
            places = np.arange(len(names)) + 0.18 * (1 - j)
            known, hot = t < HOT, t >= HOT  # neither: not run
            ax.errorbar(
                t[known],
                places[known],
                xerr=bar[known],
                color=PALETTE[j],
                fmt="o",
                markersize=3.5,
                capsize=2,
                label=f"from {begin}" if k == 0 else None,
            )
            edge = np.full(int(hot.sum()), HOT)
            ax.plot(edge, places[hot], ">", color=PALETTE[j], markersize=4.5)
        for place, control in enumerate(names):
            if value.sel(arm=which, control=control).isnull().all():
                ax.text(0.2, place, "not run", fontsize=7, va="center")
        ax.axvspan(T_C - RESOLUTION, T_C + RESOLUTION, color="#eeeeee", zorder=0)
        ax.axvline(T_C, color=INK, linewidth=0.8, linestyle="--")
        ax.set_title(str(which).replace(", ", ",\n"), fontsize=9)
        ax.set_xlabel("T by energy at the end", fontsize=9)
        ax.set_xlim(0, HOT + 0.2)
        ax.set_yticks(range(len(names)), names if k == 0 else [""] * len(names))
        ax.set_ylim(len(names) - 0.5, -0.5)
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    rows = [
        [
            c,
            a,
            *(
                _told(value, error, HOT, control=c, arm=a, start=s)
                for s in dataset["start"].values
            ),
            *(
                written(dataset, n, control=c, arm=a, start="cold")
                for n in ("m", "u", "fall")
            ),
            f"{float(dataset['data_energy'].sel(control=c).mean()):.3f}",
        ]
        for c in names
        for training in trainings_of(str(c))
        for a in (arm(training, flow) for flow in FLOWS)
    ]
    header = (
        "machine",
        "training and flow",
        "T from cold",
        "T from T_c",
        "T from hot",
        "|m| from cold",
        "U₄ from cold",
        "G(2) - G(5) from cold",
        "e of its data",
    )
    return Section(
        "Ends of flows of machines that know no critical magnet",
        f"T is that of the mean energy of the machines. Grey: within ±{RESOLUTION:.2f} "
        f"of T_c (dashed). Triangles: above {HOT:g}, or an energy from 0 on, which no "
        "temperature has.",
        picture=data_uri(fig),
        tables=[Table(header, rows)],
        remarks=[
            "Better approximations of the likelihood gradient (CD-10, persistent "
            "chains) draw their units, and are listed under draws alone; so is what is "
            "not trained at all.",
            f"All have {HIDDEN} hidden units, a number that is reconstructed. "
            f"Intervals that decide are of {SURE:.1%}, Student's t over machines.",
        ],
    )


def _temperatures(dataset: xr.Dataset, name: str) -> tuple[xr.DataArray, xr.DataArray]:
    """T of the mean energy over machines, and its error to first order.

    Infinite where the energy is that of no temperature, no number where nothing is.
    """
    energy, error = mean_over_seeds(dataset[[name, f"{name}_error"]], name)
    t = xr.zeros_like(energy)
    t.values = np.vectorize(_temperature, otypes=[float])(energy)
    slope = np.vectorize(_slope, otypes=[float])(t)
    return t, error / slope


def _temperature(energy: float) -> float:
    return math.inf if energy >= 0 else temperature_at(energy)


def _slope(t: float) -> float:
    """dE/dT of the magnet; no number where it has none."""
    return torus(LATTICE, 1 / t).heat_capacity if 0 < t < math.inf else math.nan


def _told(
    value: xr.DataArray, error: xr.DataArray, most: float, **where: str | int
) -> str:
    """The temperature of an end in words."""
    t, bar = float(value.sel(where)), float(error.sel(where))
    if math.isnan(t):
        return "–"
    if t >= most:
        return f"above {most:g}" if math.isfinite(most) else "none"
    return parenthesised(t, bar)


def _sizes(dataset: xr.Dataset) -> Section:
    lengths, arms = dataset["epochs"].values, dataset["arm"].values
    fig = figure(11.5, 0.7 + 2.7 * len(lengths), rows=len(lengths), columns=len(arms))
    panels = np.array(fig.axes).reshape(len(lengths), len(arms))
    for line, epochs in zip(panels, lengths, strict=True):
        for ax, which in zip(line, arms, strict=True):
            _over_units(ax, dataset.sel(arm=which, epochs=epochs))
        line[0].set_ylabel(f"{epochs} epochs:\nT by energy at the end", fontsize=9)
    for ax, which in zip(panels[0], arms, strict=True):
        ax.set_title(str(which).replace(", ", ",\n"), fontsize=9)
    for ax in panels[-1]:
        ax.set_xlabel("hidden units", fontsize=9)
    fig.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        fontsize=8,
        frameon=False,
    )
    value, error = _temperatures(dataset, "varied_e")
    rows = [
        [
            int(h),
            int(e),
            a,
            *(
                _told(value, error, math.inf, hidden=h, epochs=e, arm=a, start=begin)
                for begin in dataset["start"].values
            ),
        ]
        for h in dataset["hidden"].values
        for e in dataset["epochs"].values
        for a in dataset["arm"].values
    ]
    begins = (f"T from {begin}" for begin in dataset["start"].values)
    header = ("hidden units", "epochs", "training and flow", *begins)
    return Section(
        "Ends over hidden units and length of training",
        "Machines trained on the magnet, of other numbers of hidden units and other "
        f"lengths of training; {HIDDEN} units is reconstructed. T is that of the "
        f"mean energy. Triangles: above {HIGH:g}, or an energy from 0 on.",
        picture=data_uri(fig),
        tables=[Table(header, rows)],
    )


def _over_units(ax: Axes, here: xr.Dataset) -> None:
    """Ends over hidden units, of one length of training and one kind of flow."""
    value, error = _temperatures(here, "varied_e")
    hidden = here["hidden"].values
    for j, begin in enumerate(here["start"].values):
        t, bar = value.sel(start=begin).values, error.sel(start=begin).values
        ax.errorbar(
            hidden,
            np.where(t <= HIGH, t, np.nan),
            bar,
            color=PALETTE[j],
            marker="o",
            markersize=3,
            linewidth=1,
            capsize=2,
            label=f"from {begin}",
        )
        beyond = hidden[t > HIGH]
        ax.plot(beyond, np.full(len(beyond), HIGH), "^", color=PALETTE[j])
    ax.axhspan(T_C - RESOLUTION, T_C + RESOLUTION, color="#e4e4e4", zorder=0)
    ax.axhline(T_C, color=INK, linewidth=0.8, linestyle="--")
    ax.set_xscale("log")
    ax.minorticks_off()
    ax.set_xticks(hidden, hidden, fontsize=8, rotation=90)
    ax.set_ylim(0, HIGH + 0.2)
