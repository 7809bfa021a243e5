"""What is self-similar has one dimension at all scales.

The essay shows a fractal gasket beside its magnets. Sierpiński's gasket (Pascal's
triangle modulo two) has ln 3/ln 2 between all sides of boxes, exactly. Boxes on a
magnet see the lattice where they are small and its edge where they are large: on 256
sites the slopes of ln N against ln s run from 1.81 to 2.00 without a plateau, and a
dimension read in a window of theirs is the window's. The largest cluster of magnets of
side L has no such ends: its mass

    M(L) ~ L^D,   D = 187/96 at T_c

(A. L. Stella and C. Vanderzande, Phys. Rev. Lett. 62, 1067 (1989)), between any two
sides the same. Below T_c it fills the plane, D = 2. Above T_c it tells little: half of
the spins are up, not far from where sites percolate by chance, and at 1.1 T_c the
largest cluster of equal spins still grows from 32 to 256 sites nearly as a power.

What tells is the correlator. At T_c every doubling of the distance costs the same
factor, 2^(-1/4) on an infinite lattice; on a torus the factor is known at each distance
(`exact.torus_cft`). Above T_c it falls from doubling to doubling, below it rises to 1:
a magnet that is ordered looks alike at all scales trivially.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import chi2

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact.constants import K_C
from kadanoff.exact.torus_cft import spin_correlation
from kadanoff.experiments.exhibit import (
    Check,
    Exhibit,
    Status,
    Work,
    columns,
    shown,
    stacked,
)
from kadanoff.instruments.boxes import box_counting, box_sides, count_boxes
from kadanoff.instruments.correlators import Correlator, two_point
from kadanoff.models.ising import Ising
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table
from kadanoff.samplers.run import sample

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "fractal", "gasket"]

GASKET = math.log(3) / math.log(2)
CLUSTER = 187 / 96
FACTOR = 2**-0.25  # of G(2r)/G(r) on an infinite lattice at T_c
FINE = 0.02  # error of a factor that is looked at
LEVEL = 0.001  # of χ² tests
SIGMAS = 4.0
PLAIN = 0.01  # 1 - factor of a doubling, below which a magnet is ordered
SHARP = 0.02  # error of a dimension that tells 187/96 from 2 only just
CLOSE = 0.05  # share by which a correlator may be off that is a power law in part


@dataclass(frozen=True)
class Settings:
    """How much is counted.

    Attributes:
        sides: of the magnets, each twice the one before, three or more; the gasket and
            the boxes have the last, a power of two.
        draws: configurations of every side and temperature.
        near: first distance at which the correlator is judged, in sites: corrections
            of the lattice to the form of the torus fall as r^-2, and must be below the
            errors. What is nearer is shown.
        temperatures: T/T_c.
    """

    sides: tuple[int, ...]
    draws: int
    near: int
    temperatures: tuple[float, ...] = (0.9, 1.0, 1.1)


FAST = Settings(sides=(16, 32, 64), draws=512, near=4)
FULL = Settings(sides=(32, 64, 128, 256), draws=4096, near=16)


def gasket(side: int) -> np.ndarray:
    """Odd entries of Pascal's triangle, `(side, side)` booleans; side is 2ⁿ.

    Entry (i, j) is odd where i and j share no binary digit (Lucas).
    """
    row, column = np.indices((side, side))
    return (row & column) == 0


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Local dimensions of the gasket and of clusters; G(r) at T_c beside its form."""
    largest = settings.sides[-1]
    scales = box_sides((largest, largest))
    counts = count_boxes(gasket(largest)[None], scales)[0]
    rows: list[dict] = []
    shared: dict = {}
    for t in settings.temperatures:
        magnets = [_drawn(t, side, settings, work) for side in settings.sides]
        found = box_counting(magnets[-1], sides=scales)
        masses = [box_counting(m, sides=(1, 2)).counts[0] for m in magnets[:-1]]
        masses.append(found.counts[0])
        slopes = columns({"slope": found.slopes}, ("scale",))
        rows.append(slopes | _power(masses, settings.sides))
        shared[f"magnet_{t:g}"] = (("row", "column"), _first(magnets[-1]))
        correlator = two_point(magnets[-1])
        rows[-1] |= _factors(correlator, largest)
        if t == 1.0:
            shared |= _against_form(correlator, (largest, largest), settings.near)
    data = {
        name: (("temperature", *axes), np.stack([row[name][1] for row in rows]))
        for name, (axes, _) in rows[0].items()
    }
    data |= shared | {
        "gasket": (("row", "column"), np.where(gasket(largest), 1, -1)),
        "gasket_counts": (("box",), counts),
    }
    coordinates = {
        "temperature": list(settings.temperatures),
        "box": list(scales),
        "scale": [math.sqrt(a * b) for a, b in itertools.pairwise(scales)],
        "side": list(settings.sides),
        "doubling": list(settings.sides[1:]),
        "distance": _distances(largest),
        "begin": _distances(largest)[:-1],
    }
    return xr.Dataset(data, coords=coordinates)


def draw(dataset: xr.Dataset) -> list[Section]:
    """The sets, their local dimensions, and the correlator over its torus form."""
    named = {f"{t:g} T_c": f"magnet_{t:g}" for t in dataset.temperature.values}
    pictures = [dataset["gasket"].values, *(dataset[n].values for n in named.values())]
    near = int(dataset["near"])
    return [
        Section(
            "Self-similar, or not",
            "A gasket and three magnets.",
            data_uri(image_rows({"": pictures}, ["gasket", *named], size=2.4)),
        ),
        Section(
            "One dimension at all scales",
            "Left: slopes of box counts between neighbouring sides of boxes. The "
            "gasket is level; on magnets boxes see the lattice at one end and the edge "
            "at the other, so that there is no plateau to read a dimension from. "
            "Right: by what power of the side the largest cluster grows, from each "
            "side of a magnet to its double; lines are 2 and 187/96. In the table the "
            "power over all sides, and what single masses are off it in errors. "
            "Above T_c the largest cluster of equal spins tells little, as half of "
            "all sites are nearly enough to percolate.",
            data_uri(_dimensions(dataset)),
            tables=[_residuals(dataset)],
        ),
        Section(
            "The same factor at every doubling",
            "Left: what a doubling of the distance leaves of the correlator; the line "
            "is 2^(-1/4), of an infinite lattice at T_c. Right: "
            "the correlator at T_c over what conformal field theory has for the "
            f"torus; nothing is fitted. It is judged from r = {near} on; nearer "
            f"(hollow) the lattice shows, by {float(dataset['ratio'][0]) - 1:+.2%} at "
            f"r = {int(dataset.distance[0])}.",
            data_uri(_correlators(dataset)),
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The gasket exactly, the critical cluster and correlator within errors."""
    return [_gasket(dataset), fractal(dataset), _beside(dataset), _decay(dataset)]


def fractal(dataset: xr.Dataset) -> Check:
    """Whether the largest cluster of a critical magnet has one dimension, 187/96."""
    at = dataset.sel(temperature=1.0)
    p, error = float(at["straight"]), float(at["dimension_error"])
    gap = abs(float(at["dimension"]) - CLUSTER) / error
    if p < LEVEL:
        status = Status.NOT
    elif error > SHARP:
        status = Status.OPEN
    else:
        status = Status.REPRODUCED if gap < SIGMAS else Status.PARTLY
    each = ", ".join(
        shown(dataset, "local", temperature=1.0, doubling=side)
        for side in dataset.doubling.values
    )
    return Check(
        claim="A magnet close to its phase transition is self-similar.",
        paper="in words",
        ours=f"its largest cluster grows as L^D with D = {each} for "
        f"{_doublings(dataset)}, {shown(dataset, 'dimension', temperature=1.0)} over "
        "all of them",
        status=status,
        reason=f"one power has p = {p:.2g} (refused below {LEVEL:g}), {gap:.1f} errors "
        f"from 187/96 = {CLUSTER:.4f}, which is exact",
    )


def _drawn(t: float, side: int, settings: Settings, work: Work) -> Ensemble:
    return sample(
        Ising((side, side)),
        coupling=K_C / t,
        draws=settings.draws,
        seed=work.subseed("clusters", f"{t:g}", side),
        runs=work.runs,
        progress=work.progress(f"{side}×{side} at {t:g} T_c"),
    )


def _first(fine: Ensemble) -> np.ndarray:
    return fine.read(fine.blocks()[0])[0].astype(np.int8)


def _power(masses: list[Estimate], sides: tuple[int, ...]) -> dict:
    """M ~ L^D: locally and over all sides, what is off it, and p that nothing is.

    A straight line through ln M, weighted by the errors: sides are independent.
    """
    x = np.log(sides) - np.log(sides).mean()
    spread = np.array([float(m.error / m.value) for m in masses])
    design = np.stack([np.ones_like(x), x], axis=1) / spread[:, None]
    inverse = np.linalg.pinv(design)

    def fitted(*values: float) -> np.ndarray:
        return inverse @ (np.log(values) / spread)

    line = combine(fitted, *masses)
    read = np.log([float(m.value) for m in masses]) / spread
    off = read - design @ line.value
    local = [(b / a).map(np.log2) for a, b in itertools.pairwise(masses)]
    return {
        **stacked(masses, "mass", "side"),
        **stacked(local, "local", "doubling"),
        **columns({"dimension": line[1]}),
        "off": (("side",), off),
        "straight": ((), np.array(chi2.sf(off @ off, len(sides) - 2))),
    }


def _distances(side: int) -> list[int]:
    """Powers of two from 2 to half of the lattice."""
    return [2**k for k in range(1, side.bit_length() - 1)]


def _at(correlator: Correlator, distances: Sequence[int]) -> Estimate:
    """G along the axes."""
    return correlator.value[np.searchsorted(correlator.distance, distances)]


def _factors(correlator: Correlator, side: int) -> dict:
    """G(2r)/G(r), and by how much its first value is above the last that is sharp."""
    values = _at(correlator, _distances(side))
    factors = values.map(lambda g: g[1:] / g[:-1])
    sharp = np.flatnonzero(factors.error < FINE)
    last = int(sharp[-1]) if len(sharp) else 0
    falls = columns({"fall": factors.map(lambda f: f[0] - f[last])})
    return (
        columns({"factor": factors}, ("begin",))
        | falls
        | {"sharp": ((), np.array(_distances(side)[last]))}
    )


def _against_form(correlator: Correlator, shape: tuple[int, ...], near: int) -> dict:
    """G(r)/CFT up to half of the lattice, and its χ² from `near` on."""
    wanted = np.array(_distances(shape[0]))
    form = spin_correlation(np.stack([wanted, 0 * wanted], axis=-1), shape)
    ratio = _at(correlator, wanted.tolist()).map(lambda g: g / form)
    far = ratio[wanted >= near]
    gap = far.value - 1
    statistic = float(gap @ np.linalg.solve(far.covariance, gap))
    return {
        **columns({"ratio": ratio}, ("distance",)),
        "form": (("distance",), form),
        "near": ((), np.array(near)),
        "p": ((), np.array(chi2.sf(statistic, len(gap)))),
    }


def _dimensions(dataset: xr.Dataset) -> Figure:
    fig = figure(10.5, 3.8, 1, 2)
    boxes, masses = fig.axes
    counts = dataset["gasket_counts"].values
    steps = np.diff(np.log(dataset["box"].values))
    boxes.plot(dataset.scale, -np.diff(np.log(counts)) / steps, "k--", label="gasket")
    for t, colour in zip(dataset.temperature.values, PALETTE, strict=False):
        row = dataset.sel(temperature=t)
        for ax, axis, name in (
            (boxes, "scale", "slope"),
            (masses, "doubling", "local"),
        ):
            _curve(ax, row, axis, name, label=f"{t:g} T_c", color=colour)
    for value in (2, CLUSTER):
        masses.axhline(value, color="grey", linewidth=0.8)
    boxes.set_xlabel("box side (sites)")
    boxes.set_ylabel("slope of box counts")
    masses.set_xlabel("to side L (sites), from L/2")
    masses.set_ylabel("D of the largest cluster")
    for ax in fig.axes:
        ax.set_xscale("log", base=2)
        ax.legend(fontsize=9, frameon=False)
    return fig


def _curve(ax: Axes, row: xr.Dataset, axis: str, name: str, **style: Any) -> None:
    look: dict[str, Any] = {"marker": "o", "markersize": 4, "capsize": 2, **style}
    ax.errorbar(row[axis], row[name], row[f"{name}_error"], **look)


def _residuals(dataset: xr.Dataset) -> Table:
    """One power of the side: D, what single masses are off it, and p."""
    sides = dataset.side.values
    header = ["T/T_c", "D", *(f"off at {s}, in errors" for s in sides), "p"]
    rows = []
    for t in dataset.temperature.values:
        at = dataset.sel(temperature=t)
        off = (f"{float(at['off'].sel(side=s)):+.1f}" for s in sides)
        read = shown(dataset, "dimension", temperature=t)
        rows.append([f"{t:g}", read, *off, f"{float(at['straight']):.2g}"])
    return Table(header, rows)


def _correlators(dataset: xr.Dataset) -> Figure:
    fig = figure(10.5, 3.8, 1, 2)
    factors, ax = fig.axes
    for t, colour in zip(dataset.temperature.values, PALETTE, strict=False):
        row = dataset.sel(temperature=t)
        row = row.where(row["factor_error"] < FINE, drop=True)
        _curve(factors, row, "begin", "factor", label=f"{t:g} T_c", color=colour)
    form = dataset["form"].values
    factors.plot(dataset.begin, form[1:] / form[:-1], "k--", lw=1, label="torus, T_c")
    factors.axhline(FACTOR, color="grey", linewidth=0.8)
    factors.set_ylabel("G(2r) / G(r)")
    factors.legend(fontsize=9, frameon=False)
    judged = dataset.distance.values >= int(dataset["near"])
    for part, face in ((judged, PALETTE[1]), (~judged, "white")):
        ax.errorbar(
            dataset.distance.values[part],
            dataset["ratio"].values[part],
            dataset["ratio_error"].values[part],
            color=PALETTE[1],
            markerfacecolor=face,
            marker="o",
            linestyle="none",
            capsize=2,
        )
    ax.axhline(1, color="grey", linewidth=0.8)
    ax.set_ylabel("G(r) / torus form")
    for panel in fig.axes:
        panel.set_xscale("log", base=2)
        panel.set_xlabel("r (sites)")
    return fig


def _doublings(dataset: xr.Dataset) -> str:
    """The sides between which local dimensions are read."""
    pairs = itertools.pairwise(dataset.side.values)
    return ", ".join(f"{a} to {b}" for a, b in pairs)


def _gasket(dataset: xr.Dataset) -> Check:
    counts, sides = dataset["gasket_counts"].values, dataset["box"].values
    whole = round(math.log2(sides[-1] * 2))
    exact = [3 ** (whole - k) for k in range(len(sides))]
    same = counts.tolist() == exact
    return Check(
        claim="The gasket looks the same when it is zoomed.",
        paper="a picture",
        ours=f"N(s) = {', '.join(map(str, counts))} boxes of s = "
        f"{', '.join(map(str, sides))} sites",
        status=Status.REPRODUCED if same else Status.NOT,
        reason="each halving of the boxes "
        + ("makes three of one" if same else "should make three of one")
        + f", D = ln 3/ln 2 = {GASKET:.4f} at every scale, without an error",
    )


def _beside(dataset: xr.Dataset) -> Check:
    cold, hot = (dataset.isel(temperature=k) for k in (0, -1))
    fall = float(hot["fall"]) / float(hot["fall_error"])
    ends = {
        float(at.temperature): [
            shown(dataset, "factor", temperature=float(at.temperature), begin=r)
            for r in (int(dataset.begin[0]), int(at["sharp"]))
        ]
        for at in (cold, hot)
    }
    lost = 1 - cold["factor"].sel(begin=int(cold["sharp"]))
    left = abs(float(lost))
    if fall < SIGMAS:
        status = (
            Status.NOT
            if fall < -SIGMAS or float(hot["fall_error"]) < FINE
            else Status.OPEN
        )
    else:
        status = Status.REPRODUCED if left < PLAIN else Status.PARTLY
    return Check(
        claim="Farther from the transition it is not, or only as what is ordered is.",
        paper="not in the essay; what the claim before it is set against",
        ours="a doubling of the distance leaves of the correlator "
        + ", ".join(
            f"{first} at first and {last} at last at {t:g} T_c"
            for t, (first, last) in ends.items()
        ),
        status=status,
        reason=f"above T_c the factor falls by {fall:.0f} errors; below it ends "
        f"{left:.2%} from 1",
    )


def _decay(dataset: xr.Dataset) -> Check:
    p, near = float(dataset["p"]), int(dataset["near"])
    far = dataset.where(dataset.distance >= near, drop=True)
    last = int(dataset.distance.values[-1])
    off = float(abs(far["ratio"] - 1).max())
    if p > LEVEL:
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if off < CLOSE else Status.NOT
    return Check(
        claim="Its correlator is a power law, G ~ r^(-1/4).",
        paper="not in the essay; conformal field theory on the torus",
        ours=f"G/form at r = {last} is {shown(dataset, 'ratio', distance=last)}; χ² "
        f"over {far.distance.size} distances has p = {p:.2g}",
        status=status,
        reason=f"no constant is fitted, from r = {near} on, where it is off by "
        f"{off:.1%} at most; refused below p = {LEVEL:g}",
    )


EXHIBIT = Exhibit(
    name="self_similarity",
    title="Self-similarity, measured",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=3,
)
