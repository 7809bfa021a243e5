"""Does zooming out heat the magnet? Two thermometers at every level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.instruments.thermometer import Temperatures, temperatures
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["Reading", "compute", "draw"]

NONE = "none: real values are not spins of a ±1 model"
HEADER = ("map", "from", "level", "T by energy", "T by coupling", "spread")


@dataclass(frozen=True)
class Reading:
    """One map on one lattice: what the thermometers say level by level.

    Args:
        name: of the map.
        sides: of the levels, finest first.
        levels: thermometers of each level, None where there is none.
    """

    name: str
    sides: tuple[int, ...]
    levels: tuple[Temperatures | None, ...]


def compute(levels: Mapping[str, list[Ensemble]]) -> list[Reading]:
    """Read every level of every map."""
    return [
        Reading(
            name,
            tuple(level.grid.shape[0] for level in chain),
            tuple(temperatures(e) if e.alphabet == "pm1" else None for e in chain),
        )
        for name, chain in levels.items()
    ]


def draw(readings: list[Reading]) -> Section:
    """Temperature against level, both thermometers, and their spread."""
    rows = [row for r in _one_per_start(readings) for row in _rows(r, 0, "spins")]
    for r in readings:
        rows += [row for k in range(1, len(r.sides)) for row in _rows(r, k, r.name)]
    return Section(
        "Temperature",
        "Energy inversion asks which temperature of a nearest-neighbour magnet of this "
        "size has this energy, through the exact curve of the same torus; the coupling "
        "fit asks which nearest-neighbour coupling best predicts a spin from its "
        "neighbours (maximum pseudo-likelihood). They agree only where the ensemble is "
        "near a nearest-neighbour model: their spread says how far it is from having a "
        f"temperature at all. The critical temperature is {T_C:.6f}.",
        picture=data_uri(_picture([r for r in readings if any(r.levels[1:])])),
        tables=[Table(HEADER, rows)],
    )


def _rows(reading: Reading, k: int, name: str) -> list[list[object]]:
    side, level = reading.sides[k], reading.levels[k]
    where = [name, f"{reading.sides[0]}×{reading.sides[0]}", f"{side}×{side}"]
    if level is None:
        return [[*where, NONE, "", ""]]
    return [[*where, level.energy, level.coupling, level.spread]]


def _one_per_start(readings: list[Reading]) -> list[Reading]:
    """One map for each lattice that was sampled: they all start from its spins."""
    return list({r.sides[0]: r for r in reversed(readings)}.values())[::-1]


def _picture(readings: list[Reading]) -> Figure:
    fig = figure(10.5, 3.4, columns=2)
    thermometers = (("energy", "by energy inversion"), ("coupling", "by coupling fit"))
    for ax, (name, title) in zip(fig.axes, thermometers, strict=True):
        ax.axhline(T_C, color="#222222", linewidth=0.8, linestyle="--")
        for k, reading in enumerate(readings):
            values: list[Estimate] = [
                getattr(level, name) for level in reading.levels if level is not None
            ]
            ax.errorbar(
                np.arange(len(values)),
                [float(v.value) for v in values],
                [float(v.error) for v in values],
                color=PALETTE[k],
                marker="o",
                markersize=3.5,
                linewidth=1.2,
                capsize=2,
                label=f"{reading.name}, from {reading.sides[0]}",
            )
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("level", fontsize=9)
        ax.set_ylabel("T (J/k_B)", fontsize=9)
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:.2g}")
        ax.yaxis.set_minor_formatter("{x:.2g}")
        ax.set_xticks(range(max(len(r.levels) for r in readings)))
    fig.legend(
        *fig.axes[0].get_legend_handles_labels(),
        loc="outside right upper",
        fontsize=8,
        frameon=False,
    )
    return fig
