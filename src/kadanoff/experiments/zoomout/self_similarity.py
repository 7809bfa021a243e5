"""What is self-similar has one dimension at all scales.

The essay shows a fractal gasket beside its magnets. Box counting decides whether a set
is self-similar: the slope of ln N against ln s must be the same between all scales.
Sierpiński's gasket (Pascal's triangle modulo two) has ln 3/ln 2 at every scale,
exactly; the largest cluster of a critical magnet 187/96, over the scales between the
lattice constant and the lattice (Stella and Vanderzande 1989); below T_c the cluster
fills the plane, above it bends from a plane to a point. The second way is the
correlator: at T_c every doubling of the distance costs the same factor, 2^(-1/4) on an
infinite lattice; on a torus the factor is known at each distance (`exact.torus_cft`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.stats import chi2

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.exact.torus_cft import spin_correlation
from kadanoff.experiments.exhibit import (
    Check,
    Exhibit,
    Status,
    Work,
    columns,
    shown,
)
from kadanoff.instruments.boxes import box_counting, box_sides, count_boxes
from kadanoff.instruments.correlators import two_point
from kadanoff.models.ising import Ising
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section
from kadanoff.samplers.run import sample

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "gasket"]

GASKET = math.log(3) / math.log(2)
CLUSTER = 187 / 96
LEVEL = 0.001  # of the χ² test of the correlator
SIGMAS = 4.0


@dataclass(frozen=True)
class Settings:
    """How much is counted.

    Attributes:
        side: of the magnets and of the gasket, a power of two.
        draws: configurations at each temperature.
        near: first distance at which the correlator is compared, in sites: corrections
            of the lattice to the form of the torus fall as r^-2, and must be below the
            errors.
        temperatures: T/T_c.
    """

    side: int
    draws: int
    near: int
    temperatures: tuple[float, ...] = (0.9, 1.0, 1.1)


FAST = Settings(side=64, draws=512, near=4)
FULL = Settings(side=256, draws=4096, near=16)


def gasket(side: int) -> np.ndarray:
    """Odd entries of Pascal's triangle, `(side, side)` booleans; side is 2ⁿ.

    Entry (i, j) is odd where i and j share no binary digit (Lucas).
    """
    row, column = np.indices((side, side))
    return (row & column) == 0


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Local dimensions of the gasket and of clusters; G(r) at T_c beside its form."""
    scales = box_sides((settings.side, settings.side))
    counts = count_boxes(gasket(settings.side)[None], scales)[0]
    slopes, whole, pictures = [], [], {}
    correlator: dict = {}
    for t in settings.temperatures:
        fine = _drawn(t, settings, work)
        found = box_counting(fine, sides=scales)
        slopes.append(found.slopes)
        whole.append(_middle(found.counts, scales))
        pictures[f"magnet_{t:g}"] = (("row", "column"), _first(fine))
        if t == 1.0:
            correlator = _correlator(fine, settings.near)
    data = {
        "gasket": (("row", "column"), np.where(gasket(settings.side), 1, -1)),
        "gasket_counts": (("side",), counts),
        **pictures,
        **correlator,
    }
    for name, readings in (("slope", slopes), ("dimension", whole)):
        axes = ("temperature", "scale") if name == "slope" else ("temperature",)
        data[name] = (axes, np.array([e.value for e in readings]))
        data[f"{name}_error"] = (axes, np.array([e.error for e in readings]))
    coordinates = {
        "temperature": list(settings.temperatures),
        "side": list(scales),
        "scale": [math.sqrt(a * b) for a, b in itertools.pairwise(scales)],
    }
    return xr.Dataset(data, coords=coordinates)


def draw(dataset: xr.Dataset) -> list[Section]:
    """The sets, their local dimensions, and the correlator over its torus form."""
    named = {f"{t:g} T_c": f"magnet_{t:g}" for t in dataset.temperature.values}
    pictures = [dataset["gasket"].values, *(dataset[n].values for n in named.values())]
    return [
        Section(
            "Self-similar, or not",
            "A gasket and three magnets.",
            data_uri(image_rows({"": pictures}, ["gasket", *named], size=2.4)),
        ),
        Section(
            "One dimension at all scales",
            "Left: the slope of box counts between neighbouring scales; a self-similar "
            "set is level. Right: the correlator at T_c over what conformal field "
            "theory has for the torus, both known up to nothing.",
            data_uri(_panels(dataset)),
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The gasket exactly, the critical cluster and correlator within errors."""
    return [_gasket(dataset), _cluster(dataset), _beside(dataset), _decay(dataset)]


def _drawn(t: float, settings: Settings, work: Work) -> Ensemble:
    return sample(
        Ising((settings.side, settings.side)),
        coupling=K_C / t,
        draws=settings.draws,
        seed=work.subseed("clusters", f"{t:g}"),
        runs=work.runs,
        progress=work.progress(f"{settings.side}×{settings.side} at {t:g} T_c"),
    )


def _first(fine: Ensemble) -> np.ndarray:
    return fine.read(fine.blocks()[0])[0].astype(np.int8)


def _middle(counts: Estimate, scales: Sequence[int]) -> Estimate:
    """D from boxes of 2 sites to those of an eighth of the lattice."""
    first, last = 1, len(scales) - 3
    span = math.log(scales[last] / scales[first])
    return counts.map(lambda n: np.log(n[first] / n[last]) / span)


def _correlator(fine: Ensemble, near: int) -> dict:
    """G(r)/CFT along the axes from a first distance to half of the lattice, its χ²."""
    measured = two_point(fine)
    half = fine.shape[0] // 2
    wanted = 2 ** np.arange(int(math.log2(near)), int(math.log2(half)) + 1)
    at = np.searchsorted(measured.distance, wanted)
    form = spin_correlation(np.stack([wanted, 0 * wanted], axis=-1), fine.shape)
    ratio = measured.value[at].map(lambda g: g / form)
    gap = ratio.value - 1
    statistic = float(gap @ np.linalg.solve(ratio.covariance, gap))
    found = columns({"ratio": ratio}, ("distance",))
    return {
        **found,
        "distance": (("distance",), wanted),
        "p": ((), np.array(chi2.sf(statistic, len(wanted)))),
    }


def _panels(dataset: xr.Dataset):
    fig = figure(10.5, 3.8, 1, 2)
    left, right = fig.axes
    counts = dataset["gasket_counts"].values
    steps = np.diff(np.log(dataset["side"].values))
    left.plot(dataset.scale, -np.diff(np.log(counts)) / steps, "k--", label="gasket")
    for t, colour in zip(dataset.temperature.values, PALETTE, strict=False):
        row = dataset.sel(temperature=t)
        left.errorbar(
            dataset.scale,
            row["slope"],
            row["slope_error"],
            label=f"{t:g} T_c",
            color=colour,
            marker="o",
            markersize=4,
        )
    left.axhline(CLUSTER, color="grey", linewidth=0.8)
    left.set_xscale("log", base=2)
    left.set_xlabel("box side (sites)")
    left.set_ylabel("local dimension")
    left.legend(fontsize=9, frameon=False)
    right.errorbar(
        dataset.distance,
        dataset["ratio"],
        dataset["ratio_error"],
        color=PALETTE[1],
        marker="o",
        capsize=2,
    )
    right.axhline(1, color="grey", linewidth=0.8)
    right.set_xscale("log", base=2)
    right.set_xlabel("r (sites)")
    right.set_ylabel("G(r) / torus form")
    return fig


def _gasket(dataset: xr.Dataset) -> Check:
    counts, sides = dataset["gasket_counts"].values, dataset["side"].values
    whole = round(math.log2(sides[-1] * 2))
    exact = [3 ** (whole - k) for k in range(len(sides))]
    same = counts.tolist() == exact
    return Check(
        claim="The gasket looks the same when it is zoomed.",
        paper="a picture",
        ours=f"N(s) = {', '.join(map(str, counts))} boxes of s = "
        f"{', '.join(map(str, sides))} sites",
        status=Status.REPRODUCED if same else Status.NOT,
        reason=f"each halving of the boxes makes three of one, so D = ln 3/ln 2 = "
        f"{GASKET:.4f} at every scale, without an error",
    )


def _cluster(dataset: xr.Dataset) -> Check:
    at = dataset.sel(temperature=1.0)
    gap = abs(float(at["dimension"]) - CLUSTER) / float(at["dimension_error"])
    return Check(
        claim="A magnet close to its phase transition is self-similar.",
        paper="in words; its largest cluster has 187/96 = 1.9479",
        ours=f"{shown(dataset, 'dimension', temperature=1.0)} from 2 sites to an "
        "eighth of the lattice",
        status=Status.REPRODUCED if gap < SIGMAS else Status.PARTLY,
        reason=f"{gap:.1f} errors from the value of an infinite lattice, in boxes of a "
        f"lattice of {dataset.sizes['row']} sites a side",
    )


def _beside(dataset: xr.Dataset) -> Check:
    bends = {}
    for t in dataset.temperature.values:
        row = dataset.sel(temperature=t)
        value, error = row["slope"].values[1:], row["slope_error"].values[1:]
        bends[f"{t:g}"] = (float(np.ptp(value)), float(np.hypot(*error[[0, -1]])))
    hot, cold = max(bends), min(bends)
    bent = bends[hot][0] > max(SIGMAS * bends[hot][1], 3 * bends["1"][0])
    full = 2 - float(dataset["slope"].sel(temperature=float(cold))[1:].min())
    return Check(
        claim="Away from the transition it is not.",
        paper="in words",
        ours=f"the local dimension changes by {bends[hot][0]:.3f} over the scales at "
        f"{hot} T_c and by {bends['1'][0]:.3f} at T_c; at {cold} T_c it is within "
        f"{full:.3f} of a plane",
        status=Status.REPRODUCED if bent and full < 0.02 else Status.NOT,
        reason="above T_c a cluster ends at the correlation length, below it fills the "
        "plane",
    )


def _decay(dataset: xr.Dataset) -> Check:
    p = float(dataset["p"])
    far = int(dataset.distance.values[-1])
    return Check(
        claim="Its correlator is a power law, G ~ r^(-1/4).",
        paper="not in the essay; conformal field theory on the torus",
        ours=f"G/form at r = {far} is {shown(dataset, 'ratio', distance=far)}; χ² over "
        f"{dataset.distance.size} distances has p = {p:.2g}",
        status=Status.REPRODUCED if p > LEVEL else Status.PARTLY,
        reason=f"no constant is fitted, from r = {int(dataset.distance[0])} on; "
        f"refused below p = {LEVEL:g}",
    )


EXHIBIT = Exhibit(
    name="self_similarity",
    title="Self-similarity, measured",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
