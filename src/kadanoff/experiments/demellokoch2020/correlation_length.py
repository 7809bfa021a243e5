"""A lattice so large that the spins' correlation has dropped to zero: is 32² one?

Section IV-A of arXiv:1906.05212 works near T_c (its temperature is lost in the text at
hand), demands of the lattice that the spin-spin correlation has dropped to zero at the
largest distance, and confirms it for 32×32. At T_c it cannot be so on any lattice:
there the correlation length is the lattice itself, and on the torus (Di Francesco,
Saleur and Zuber 1987, `kadanoff.exact.torus_cft`)

    ⟨s_0 s_r⟩ = L^{-1/4} f(r/L),   0.443 at r = 16 of L = 32.

What does drop is the correlation of configurations that are all turned to m ≥ 0, less
⟨s⟩² = ⟨|m|⟩²: not to zero at T_c either, but to little, and then it is not the
correlation that dropped but the magnetization that was subtracted. Above T_c the
correlation falls with the length ξ of the plane, 1/ξ = ln coth K - 2K.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.onsager import correlation_length as length_of_plane
from kadanoff.exact.torus_cft import spin_correlation, spin_shells
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.decided import (
    SIGMAS,
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.patches import (
    turned_up,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, columns, shown
from kadanoff.instruments.correlators import Correlator, two_point
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings"]

NOTHING = 0.01  # what counts as dropped to zero
LITTLE = 0.1  # of what was there before


@dataclass(frozen=True)
class Settings:
    """Where the correlation is read.

    Attributes:
        side: of the lattice.
        draws: configurations at each temperature.
        temperatures: T/T_c; the paper's is lost.
        sides: lattices at T_c on which it is read at half the side.
    """

    side: int
    draws: int
    temperatures: tuple[float, ...] = (1.0, 1.02, 1.05, 1.1, 1.2)
    sides: tuple[int, ...] = (8, 16, 32, 64)


FAST = Settings(side=32, draws=1024, sides=(8, 16, 32))
FULL = Settings(side=32, draws=40_000)  # as many as the paper has in figure 11


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """⟨s_0 s_r⟩ at every temperature, and at half the side of every lattice."""
    rows, half, sided = [], [], []
    for t in settings.temperatures:
        fine = drawn(work, (settings.side,) * 2, t * T_C, settings.draws)
        found = two_point(fine)
        rows.append(found.value)
        half.append(_at(found, settings.side / 2))
        sided.append(_at(_one_sided(fine), settings.side / 2))
    by_side = []
    for side in settings.sides:
        fine = drawn(work, (side,) * 2, T_C, settings.draws)
        by_side.append(_at(two_point(fine), side / 2))
    made = {
        **_stack("correlation", rows, ("temperature", "r")),
        **_stack("half", half, ("temperature",)),
        **_stack("one_sided", sided, ("temperature",)),
        **_stack("half_of", by_side, ("side",)),
    }
    r, torus = spin_shells((settings.side,) * 2)
    lengths = [length_of_plane(K_C / t) for t in settings.temperatures]
    return xr.Dataset(
        made,
        {
            "temperature": list(settings.temperatures),
            "side": list(settings.sides),
            "r": r,
        },
        {"L": settings.side, "draws": settings.draws},
    ).assign(
        torus=("r", torus),
        torus_half=("side", [_torus_at_half(side) for side in settings.sides]),
        length=("temperature", lengths),
    )


def _stack(name: str, found: list[Estimate], axes: tuple[str, ...]) -> dict:
    each = [columns({name: one}, axes[1:]) for one in found]
    return {key: (axes, np.array([one[key][1] for one in each])) for key in each[0]}


def _one_sided(fine: Ensemble) -> Correlator:
    """⟨s_0 s_r⟩ - ⟨s⟩² of configurations turned to m ≥ 0."""
    (up,) = turned_up(fine)
    return two_point(up, connected=True)


def _at(found: Correlator, distance: float) -> Estimate:
    place = int(np.argmin(abs(found.distance - distance)))
    return found.value[place]


def _torus_at_half(side: int) -> float:
    return float(spin_correlation((0, side / 2), (side, side)))


def draw(dataset: xr.Dataset) -> list[Section]:
    """The correlation against distance, and at half the side against its size."""
    return [
        Section(
            "Has the correlation dropped to zero?",
            f"⟨s_0 s_r⟩ on {dataset.L}×{dataset.L}. Left, against distance at several "
            "temperatures, with the critical torus as a line; right, at half the side "
            "of critical lattices, with L^{-1/4} of the torus: no lattice is large "
            "enough at T_c.",
            picture=data_uri(_picture(dataset)),
            tables=[_table(dataset)],
        )
    ]


def _picture(dataset: xr.Dataset) -> Figure:
    fig = figure(10.0, 3.6, columns=2)
    left, right = fig.axes
    r = dataset["r"].values
    for k, t in enumerate(dataset["temperature"].values):
        here = dataset.sel(temperature=t)
        y, error = here["correlation"].values, here["correlation_error"].values
        style = {"fmt": "o", "ms": 2.5, "lw": 0.6, "color": PALETTE[k]}
        left.errorbar(r, y, error, label=f"T = {t:g} T_c", **style)
    left.plot(r[1:], dataset["torus"].values[1:], color=PALETTE[6], lw=1.0)
    left.axhline(0, color=PALETTE[6], lw=0.8)
    left.set_xlabel("distance (sites)", fontsize=9)
    left.set_ylabel("⟨s_0 s_r⟩", fontsize=9)
    left.legend(fontsize=8, frameon=False)
    side = dataset["side"].values
    y, error = dataset["half_of"].values, dataset["half_of_error"].values
    right.errorbar(side, y, error, fmt="o", color=PALETTE[0], capsize=2)
    right.plot(side, dataset["torus_half"].values, color=PALETTE[6], lw=1.0)
    right.set_xscale("log", base=2)
    right.set_ylim(0, None)
    right.set_xlabel("side L at T_c", fontsize=9)
    right.set_ylabel("⟨s_0 s_r⟩ at r = L/2", fontsize=9)
    return fig


def _table(dataset: xr.Dataset) -> Table:
    header = ["T/T_c", "ξ of the plane (sites)", "⟨s s⟩ at L/2", "m ≥ 0, less ⟨s⟩²"]
    rows = [
        [
            f"{t:g}",
            f"{float(dataset['length'].sel(temperature=t)):.1f}",
            shown(dataset, "half", temperature=t),
            shown(dataset, "one_sided", temperature=t),
        ]
        for t in dataset["temperature"].values
    ]
    return Table(header, rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """Dropped to zero, and the one sense in which it did."""
    return [_dropped(dataset), _subtracted(dataset)]


def _dropped(dataset: xr.Dataset) -> Check:
    here = dataset.sel(temperature=1.0)
    value, error = float(here["half"]), float(here["half_error"])
    expected = _torus_at_half(int(dataset.L))
    warm = _first_below(dataset, "half")
    return Check(
        "On 32×32 the spin-spin correlation has dropped to zero.",
        "confirmed (in the text); at which temperature is lost in the text at hand",
        f"⟨s s⟩ at r = {dataset.L // 2} and T_c: "
        + shown(dataset, "half", temperature=1),
        status_of([below(value, error, NOTHING)]),
        f"the critical torus has {expected:.4f} there; of the temperatures read, the "
        f"first with less than {NOTHING:g} is {warm}",
    )


def _first_below(dataset: xr.Dataset, name: str) -> str:
    low = dataset[name] + SIGMAS * dataset[f"{name}_error"] < NOTHING
    found = dataset["temperature"].values[low.values]
    return f"{found[0]:g} T_c" if len(found) else "none of them"


def _subtracted(dataset: xr.Dataset) -> Check:
    value, error = (
        float(dataset[name].sel(temperature=1.0))
        for name in ("one_sided", "one_sided_error")
    )
    whole = float(dataset["half"].sel(temperature=1.0))
    nothing = within(value, error, NOTHING)
    little = within(value, error, LITTLE * whole)
    status = status_of([nothing])
    if nothing is False and little is not False:
        status = Status.PARTLY if little else Status.OPEN
    return Check(
        "Tested here: it drops to zero once ⟨|m|⟩² is subtracted.",
        "whether anything was subtracted is lost in the text at hand",
        f"⟨s s⟩ - ⟨|m|⟩² at r = {dataset.L // 2} and T_c: "
        f"{shown(dataset, 'one_sided', temperature=1)}",
        status,
        f"{1 - value / whole:.0%} of the correlation there is the square of the "
        "magnetization of the finite lattice",
    )


EXHIBIT = Exhibit(
    name="correlation_length",
    title="Has the correlation dropped to zero on 32×32?",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
