"""A magnet at its critical point looks the same at whatever scale it is seen.

The essay says that systems near a phase transition are self-similar, and that a block
of four spins can then be replaced by one without changing the description. Lattices of
8·2^k sites a side are zoomed out k times by block majority, all to 8×8: if the magnet
is self-similar, the last level does not tell how often it was zoomed. At T_c its
readings must stand still from the second zoom on (the first leaves the nearest
neighbours); 5 % below and above they must run to order and to disorder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from kadanoff.coarse.block import Majority
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.instruments import thermodynamics
from kadanoff.instruments.correlators import two_point
from kadanoff.models.ising import Ising
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section
from kadanoff.samplers.run import sample

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings"]

LAST = 8  # side of the last level: small enough for six zooms of what can be sampled
SIGMAS = 4.0  # of a difference that counts: twelve are looked at
READINGS = {"neighbours": "⟨s s′⟩ of neighbours", "m": "⟨|m|⟩", "binder": "U₄"}


@dataclass(frozen=True)
class Settings:
    """How much is zoomed.

    Attributes:
        zooms: the most steps; the largest lattice has 8·2^zooms sites a side.
        draws: configurations of every lattice.
        temperatures: T/T_c; 5 % is far enough to leave T_c within six steps, and near
            enough to take them.
    """

    zooms: int
    draws: int
    temperatures: tuple[float, ...] = (0.95, 1.0, 1.05)


FAST = Settings(zooms=3, draws=1024)
FULL = Settings(zooms=6, draws=4096)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Readings of the last level by T/T_c and zooms, and one zoom of each."""
    temperatures, zooms = settings.temperatures, range(settings.zooms + 1)
    rows: dict[str, list[list[Estimate]]] = {name: [] for name in READINGS}
    pictures = {}
    for t in temperatures:
        levels = [_levels(t, k, settings, work) for k in zooms]
        read = [_readings(chain[-1]) for chain in levels]
        for name in READINGS:
            rows[name].append([one[name] for one in read])
        for k, level in enumerate(levels[-1]):
            pictures[f"picture_{t:g}_{k}"] = (
                (f"row_{k}", f"column_{k}"),
                level.read(level.blocks()[0])[0].astype(np.int8),
            )
    data: dict = dict(pictures)
    for name, table in rows.items():
        for suffix, part in (("", "value"), ("_error", "error")):
            values = [[float(getattr(e, part)) for e in row] for row in table]
            data[name + suffix] = (("temperature", "zooms"), np.array(values))
    coordinates = {"temperature": list(temperatures), "zooms": list(zooms)}
    return xr.Dataset(data, coords=coordinates)


def draw(dataset: xr.Dataset) -> list[Section]:
    """The same magnets at every level, and what the last one reads."""
    temperatures, zooms = dataset.temperature.values, dataset.zooms.values
    shown_at = {
        f"{t:g} T_c": [dataset[f"picture_{t:g}_{k}"].values for k in zooms]
        for t in temperatures
    }
    sides = [f"{LAST * 2 ** (zooms[-1] - k)}²" for k in zooms]
    return [
        Section(
            "Zooming out",
            "One configuration at each of three temperatures, zoomed out by the "
            "majority of 2×2 blocks until 8×8 spins are left. Below T_c the magnet "
            "looks ever more ordered, above ever less; at T_c it looks the same.",
            data_uri(image_rows(shown_at, sides, size=1.35)),
        ),
        Section(
            "The last level does not know how often it was zoomed",
            "Readings of 8×8 lattices that were zoomed out of ever larger ones, so "
            "that only the number of zooms differs. Bars are one standard error.",
            data_uri(_curves(dataset)),
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """Self-similar at T_c, and nowhere beside it."""
    last = int(dataset.zooms.values[-1])
    return [_stands_still(dataset, last), _leaves(dataset, last)]


def _levels(t: float, zooms: int, settings: Settings, work: Work) -> list[Ensemble]:
    side = LAST * 2**zooms
    fine = sample(
        Ising((side, side)),
        coupling=K_C / t,
        draws=settings.draws,
        seed=work.subseed("zoom", f"{t:g}", zooms),
        runs=work.runs,
        progress=work.progress(f"{side}×{side} at {t:g} T_c"),
    )
    if zooms == 0:
        return [fine]
    ties = work.subseed("ties", f"{t:g}", zooms)
    return list(Stack((Majority(b=2),) * zooms).levels(fine, seed=ties))


def _readings(level: Ensemble) -> dict[str, Estimate]:
    return {
        "neighbours": two_point(level).value[1],
        "m": thermodynamics.magnetization(level),
        "binder": thermodynamics.binder(level),
    }


def _curves(dataset: xr.Dataset):
    fig = figure(10.5, 3.3, 1, len(READINGS))
    for ax, (name, label) in zip(fig.axes, READINGS.items(), strict=True):
        for t, colour in zip(dataset.temperature.values, PALETTE, strict=False):
            row = dataset.sel(temperature=t)
            ax.errorbar(
                dataset.zooms,
                row[name],
                row[f"{name}_error"],
                label=f"{t:g} T_c",
                color=colour,
                marker="o",
                markersize=4,
                capsize=2,
            )
        ax.set_xlabel("zooms")
        ax.set_ylabel(label)
        ax.set_xticks(dataset.zooms.values)
    fig.axes[0].legend(fontsize=9, frameon=False)
    return fig


def _pull(dataset: xr.Dataset, name: str, t: float, one: int, other: int) -> float:
    """Difference of two zooms in its error; their chains are independent."""
    at = dataset.sel(temperature=t)
    value, error = at[name], at[f"{name}_error"]
    gap = float(value.sel(zooms=other) - value.sel(zooms=one))
    return gap / float(np.hypot(error.sel(zooms=one), error.sel(zooms=other)))


def _stands_still(dataset: xr.Dataset, last: int) -> Check:
    pulls = {
        (name, k): abs(_pull(dataset, name, 1.0, k, last))
        for name in READINGS
        for k in range(2, last)
    }
    (name, zooms), worst = max(pulls.items(), key=lambda item: item[1])
    return Check(
        claim="At the critical point the magnet is the same at every scale.",
        paper="in words",
        ours=f"⟨s s′⟩ of 8×8 after {last} zooms "
        f"{shown(dataset, 'neighbours', temperature=1.0, zooms=last)}, after 2 "
        f"{shown(dataset, 'neighbours', temperature=1.0, zooms=2)}",
        status=Status.REPRODUCED if worst < SIGMAS else Status.NOT,
        reason=f"of {len(pulls)} differences between the second and the last zoom the "
        f"largest is {worst:.1f} errors ({READINGS[name]} after {zooms})",
    )


def _leaves(dataset: xr.Dataset, last: int) -> Check:
    cold, hot = dataset.temperature.values[[0, -1]]
    pulls = [
        _pull(dataset, "m", cold, 1, last),
        -_pull(dataset, "m", hot, 1, last),
    ]
    left = min(pulls) > SIGMAS
    return Check(
        claim="Away from it zooming out drives the magnet to order or to disorder.",
        paper="in words",
        ours=f"⟨|m|⟩ from one zoom to {last}: "
        + ", ".join(
            f"{shown(dataset, 'm', temperature=t, zooms=1)} to "
            f"{shown(dataset, 'm', temperature=t, zooms=last)} at {t:g} T_c"
            for t in (cold, hot)
        ),
        status=Status.REPRODUCED if left else Status.NOT,
        reason=f"changes of {pulls[0]:.0f} and {pulls[1]:.0f} errors in the expected "
        "directions",
    )


EXHIBIT = Exhibit(
    name="scale_invariance",
    title="Scale invariance you can see",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
