"""A magnet at its critical point looks the same at whatever scale it is seen.

The essay says that systems near a phase transition are self-similar, and that a block
of four spins can then be replaced by one without changing the description. Lattices of
8·2^k sites a side are zoomed out k times by block majority, all to 8×8: if the magnet
is self-similar, the last level does not tell how often it was zoomed. At T_c its
readings must stand still from the second zoom on (the first leaves the nearest
neighbours); 5 % below and above they must run to order and to disorder.

"The energy" that stays the same, in the essay, can be that of the bonds between
neighbours, which is read here, or the total free energy: that every block spin keeps by
construction, whose weights add up to one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

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

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "leaves", "size", "stands_still"]

LAST = 8  # side of the last level: small enough for six zooms of what can be sampled
SIGMAS = 4.0  # of a difference that counts: twelve are looked at
WITHIN = 1 - math.erf(math.sqrt(0.5))  # how often a value is off by more than an error
CLOSE = (
    0.05  # share by which what counts as unchanged may have changed, errors included
)
CROP = 16  # sites of the picture in which four spins become one
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
    independent = [[e.n_eff for e in row] for row in rows["m"]]
    data["independent"] = (("temperature", "zooms"), np.array(independent))
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
        _four_as_one(dataset),
        Section(
            "Zooming out",
            "One configuration at each of three temperatures, zoomed out by the "
            "majority of 2×2 blocks until 8×8 spins are left: how far does it look "
            "the same?",
            data_uri(image_rows(shown_at, sides, size=1.35)),
        ),
        Section(
            "Does the last level know how often it was zoomed?",
            "Readings of 8×8 lattices that were zoomed out of ever larger ones, so "
            "that only the number of zooms differs. Bars are one standard error.",
            data_uri(_curves(dataset)),
        ),
    ]


def size(dataset: xr.Dataset, t: float, zooms: int, name: str = "m") -> str:
    """A reading of the last level, a bound where all spins of all draws are alike.

    Were one turned spin, which costs |m| 2/N and ⟨s s′⟩ 4/N, seen more often than
    ln(1/p)/n in n independent draws, it would have been seen with probability 1 - p.
    """
    at = dataset.sel(temperature=t, zooms=zooms)
    if float(at[f"{name}_error"]) > 0:
        return shown(dataset, name, temperature=t, zooms=zooms)
    cost = {"m": 2, "neighbours": 4}[name] / LAST**2
    least = cost * math.log(1 / WITHIN) / float(at["independent"])
    return f"1 to within {least:.6f}"


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """Self-similar at T_c, and nowhere beside it."""
    last = int(dataset.zooms.values[-1])
    return [
        _one_for_four(dataset, last),
        stands_still(dataset),
        leaves(dataset),
        _energy(dataset, last),
    ]


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


def _four_as_one(dataset: xr.Dataset) -> Section:
    """Kadanoff's picture: a corner of the critical magnet, zoomed out step by step."""
    fine = dataset["picture_1_0"].values
    levels = [dataset[f"picture_1_{k}"].values for k in range(3)]
    row, column = _most_mixed(fine)
    cut = [
        level[
            row // 2**k : (row + CROP) // 2**k, column // 2**k : (column + CROP) // 2**k
        ]
        for k, level in enumerate(levels)
    ]
    blocks = fine.reshape(len(fine) // 2, 2, -1, 2).sum(axis=(1, 3))
    ties = float((blocks == 0).mean())
    alike = float((np.kron(levels[1], np.ones((2, 2))) == fine).mean())
    fig = image_rows({"": cut}, ["the magnet", "four as one", "and again"], size=2.6)
    for ax, level in zip(fig.axes[:-1], cut, strict=False):
        for edge in range(0, len(level) + 1, 2):
            ax.axhline(edge - 0.5, color=PALETTE[2], linewidth=1.0)
            ax.axvline(edge - 0.5, color=PALETTE[2], linewidth=1.0)
    return Section(
        "Four spins seen as one",
        f"Kadanoff's block spins: {CROP}×{CROP} sites of a magnet at T_c; every four "
        "spins in a square become one, their majority, and one of the two by lot "
        f"where two are up and two down ({ties:.0%} of the blocks of this magnet). "
        f"{alike:.0%} of its spins are that of their block.",
        data_uri(fig),
    )


def _most_mixed(fine: np.ndarray) -> tuple[int, int]:
    """Corner of the part of a magnet with most nearly as many spins up as down."""
    n = len(fine) // CROP
    total = fine.reshape(n, CROP, n, CROP).sum(axis=(1, 3), dtype=int)
    row, column = divmod(int(abs(total).argmin()), n)
    return row * CROP, column * CROP


def _curves(dataset: xr.Dataset) -> Figure:
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
    gap = float(at[name].sel(zooms=other) - at[name].sel(zooms=one))
    return gap / _spread(at, name, one, other)


def _spread(at: xr.Dataset, name: str, one: int, other: int) -> float:
    error = at[f"{name}_error"]
    return float(np.hypot(error.sel(zooms=one), error.sel(zooms=other)))


def _one_for_four(dataset: xr.Dataset, last: int) -> Check:
    pulls = {name: abs(_pull(dataset, name, 1.0, 0, last)) for name in READINGS}
    name = max(pulls, key=lambda n: pulls[n])
    at = dataset.sel(temperature=1.0)
    after = stands_still(dataset).status
    close = all(
        pulls[n] + SIGMAS < CLOSE * float(at[n][0]) / _spread(at, n, 0, last)
        for n in READINGS
    )
    if after is Status.NOT:
        status = Status.NOT
    elif pulls[name] > SIGMAS:
        status = Status.PARTLY
    else:
        status = Status.REPRODUCED if close else Status.OPEN
    return Check(
        claim="Four spins can be viewed as one that summarizes them, without changing "
        "the description.",
        paper="in words",
        ours=f"⟨s s′⟩ of an 8×8 magnet at T_c "
        f"{shown(dataset, 'neighbours', temperature=1.0, zooms=0)}, of block spins "
        + ", ".join(
            f"{shown(dataset, 'neighbours', temperature=1.0, zooms=k)} after {k}"
            for k in (1, last)
        )
        + " zooms",
        status=status,
        reason=f"from none to {last} zooms {READINGS[name]} changes by "
        f"{pulls[name]:.1f} errors (less than {CLOSE:.0%}, {SIGMAS:g} errors included, "
        "is asked for); from the second on the description "
        + ("changes" if after is Status.NOT else "stands still"),
    )


def stands_still(dataset: xr.Dataset) -> Check:
    """Whether a critical magnet reads the same from the second zoom on."""
    last = int(dataset.zooms.values[-1])
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


def leaves(dataset: xr.Dataset) -> Check:
    """Whether colder and warmer magnets run to order and to disorder."""
    last = int(dataset.zooms.values[-1])
    cold, hot = dataset.temperature.values[[0, -1]]
    pulls = [
        _pull(dataset, "m", cold, 1, last),
        -_pull(dataset, "m", hot, 1, last),
    ]
    if min(pulls) > SIGMAS:
        status = Status.REPRODUCED
    else:
        status = Status.NOT if min(pulls) < 0 else Status.OPEN
    return Check(
        claim="Away from it zooming out drives the magnet to order or to disorder.",
        paper="in words",
        ours=f"⟨|m|⟩ from one zoom to {last}: "
        + ", ".join(
            f"{size(dataset, t, 1)} to {size(dataset, t, last)} at {t:g} T_c"
            for t in (cold, hot)
        ),
        status=status,
        reason=f"changes of {pulls[0]:.0f} and {pulls[1]:.0f} errors in the expected "
        "directions",
    )


def _energy(dataset: xr.Dataset, last: int) -> Check:
    cold, hot = dataset.temperature.values[[0, -1]]
    still = stands_still(dataset).status is Status.REPRODUCED
    moves = {t: abs(_pull(dataset, "neighbours", t, 2, last)) for t in (cold, 1.0, hot)}
    if not still or moves[1.0] > SIGMAS:
        status = Status.NOT
    elif max(moves[cold], moves[hot]) > SIGMAS:
        status = Status.PARTLY
    else:
        status = Status.REPRODUCED
    listed = (
        f"{size(dataset, t, 2, 'neighbours')} to {size(dataset, t, last, 'neighbours')}"
        f" at {t:g} T_c"
        for t in moves
    )
    return Check(
        claim="As we zoom out the energy stays the same.",
        paper="in words",
        ours=f"⟨s s′⟩ of neighbours from 2 zooms to {last}: {', '.join(listed)}",
        status=status,
        reason="of a bond: it changes by "
        + ", ".join(f"{pull:.1f}" for pull in moves.values())
        + " errors; the total free energy every block spin keeps by construction",
    )


EXHIBIT = Exhibit(
    name="scale_invariance",
    title="Scale invariance you can see",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
