"""Figure 12: the patch correlator of white noise.

Section IV-A of arXiv:1906.05212 puts white noise in the place of one map C_a and finds,
"as expected", no clear relationship between G and distance. What is expected is more:
for N independent values of variance σ², with P(r) = N n_r/2 different pairs at a
distance of n_r displacements (n_r/2 where r is its own opposite, such as the farthest),

    ⟨G(0)⟩ = σ²,   ⟨G(r)⟩ = 0,   Var G(r) = σ⁴/P(r)   for r > 0 and mean 0,

a peak of one site and then a scatter that is largest where pairs are few. Of noise with
a mean c, G lies at c² at every distance: an offset without any patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.decided import status_of, within
from kadanoff.experiments.demellokoch2020.patches import (
    Pairs,
    on_torus,
    patch_correlator,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Work
from kadanoff.geometry import Grid
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "different_pairs", "slope_of"]

SLOPE = 0.5
"""Of the error that a slope must have: a mean slope that is none."""
SCATTER = 0.3
"""How near the scatter of slopes has to be to what it must be, relative."""
LARGEST = 0.5
"""Likewise that of G at the one of a hundred distances where it is furthest off."""
LEVEL = 0.05
"""Of c²: how near G has to lie to it."""


@dataclass(frozen=True)
class Settings:
    """How many maps, and of what size.

    Attributes:
        side: of the lattice.
        maps: independent maps; the paper shows one.
        mean: c of the second kind of noise.
    """

    side: int = 32
    maps: int = 400
    mean: float = 1.0


FAST = Settings(maps=100)
FULL = Settings()  # 400 maps: the mean slope to a twentieth of its scatter


def different_pairs(pairs: Pairs) -> np.ndarray:
    """P(r) on a torus: unordered pairs of different sites at each distance r > 0.

    A displacement and its opposite are the same pairs, and one that is its own
    opposite has N/2 of them.
    """
    return np.bincount(pairs.shell, pairs.count)[1:] / 2


def slope_of(distance: np.ndarray, g: np.ndarray, weights: np.ndarray) -> float:
    """Slope of the least-squares line through G at r > 0, weighted by pairs."""
    centre = np.average(distance, weights=weights)
    x = distance - centre
    return float((weights * x * g).sum() / (weights * x**2).sum())


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """G of many maps of noise, and the moments it must have."""
    grid = Grid((settings.side,) * 2)
    pairs = on_torus(grid)
    rng = generator(work.subseed("noise"))
    noise = rng.normal(size=(settings.maps, 1, *grid.shape))
    g = np.array([patch_correlator(one, pairs) for one in noise])
    lifted = np.array([patch_correlator(one + settings.mean, pairs) for one in noise])
    weights = different_pairs(pairs)
    r = pairs.distance[1:]
    slopes = [slope_of(r, one[1:], weights) for one in g]
    expected = np.sqrt(1 / (weights * (r - np.average(r, weights=weights)) ** 2).sum())
    return xr.Dataset(
        {
            "image": (("x", "y"), noise[0, 0]),
            "one": ("r", g[0]),
            "mean": ("r", g.mean(axis=0)),
            "spread": ("r", g.std(axis=0, ddof=1)),
            "lifted": ("r", lifted.mean(axis=0)),
            "pairs": ("r", np.concatenate([[grid.size], weights])),
            "slope": ("map", slopes),
            "slope_expected": expected,
        },
        {"r": pairs.distance},
        {"maps": settings.maps, "side": settings.side, "c": settings.mean},
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """One map, its G within the scatter it must have, and the scatter of many."""
    return [
        Section(
            "Figure 12: white noise",
            "Left one map of noise of variance 1; in the middle its G at r > 0 with "
            "one and two standard deviations as they must be, 1/√P(r); right the "
            f"spread of G over {dataset.maps} maps against it. G(0) = "
            f"{float(dataset['one'][0]):.3f} lies outside the picture.",
            picture=data_uri(_picture(dataset)),
        )
    ]


def _picture(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 3.4, columns=3)
    image, one, many = fig.axes
    image.imshow(dataset["image"].values, cmap="RdBu_r", interpolation="nearest")
    image.grid(visible=False)
    r, width = dataset["r"].values[1:], dataset["pairs"].values[1:] ** -0.5
    for times, strength in ((2, 0.4), (1, 1.0)):
        style = {"fmt": "none", "color": PALETTE[5], "alpha": strength, "lw": 2.5}
        one.errorbar(r, 0 * r, times * width, zorder=1, **style)
    one.plot(r, dataset["one"].values[1:], "o", ms=3, color=PALETTE[0])
    one.set_xlabel("distance (sites)", fontsize=9)
    one.set_ylabel("G(r) of this map", fontsize=9)
    many.loglog(width, dataset["spread"].values[1:], "o", ms=3, color=PALETTE[0])
    many.loglog(width, width, color=PALETTE[6], lw=1.0, ls="--")
    many.set_xlabel("1/√P(r)", fontsize=9)
    many.set_ylabel("spread over maps", fontsize=9)
    return fig


def checks(dataset: xr.Dataset) -> list[Check]:
    """No relation with distance; an offset without a patch."""
    return [_no_relation(dataset), _offset(dataset)]


def _no_relation(dataset: xr.Dataset) -> Check:
    z = dataset["slope"].values / float(dataset["slope_expected"])
    n = len(z)
    mean, width = float(z.mean()), float(z.std(ddof=1))
    of_mean, of_width = float(1 / np.sqrt(n)), float(1 / np.sqrt(2 * n))
    ratio = dataset["spread"].values[1:] * np.sqrt(dataset["pairs"].values[1:])
    worst = float(abs(ratio - 1).max())
    parts = [
        within(mean, of_mean, SLOPE),
        within(width - 1, of_width, SCATTER),
    ]
    holds = False if False in parts else None if None in parts else worst < LARGEST
    return Check(
        "G of white noise has no clear relationship with distance.",
        "none (in the text)",
        "slope at r > 0 over its expected error: mean "
        f"{parenthesised(mean, of_mean)}, width {parenthesised(width, of_width)} of "
        f"{n} maps",
        status_of([holds]),
        "the scatter has to be σ²/√P(r), from "
        f"{float(dataset['pairs'][1:].max()) ** -0.5:.4f} to "
        f"{float(dataset['pairs'][1:].min()) ** -0.5:.4f} at the farthest, and at no "
        f"distance is off by more than {worst:.0%} of it, one known to {of_width:.0%}",
    )


def _offset(dataset: xr.Dataset) -> Check:
    c = float(dataset.c)
    weights = dataset["pairs"].values[1:]
    level = float(np.average(dataset["lifted"].values[1:], weights=weights))
    # G is (c + x̄)² to leading order, x̄ the mean of N values in each of the maps.
    error = 2 * abs(c) / np.sqrt(dataset.maps * dataset.side**2)
    return Check(
        "Tested here: a mean alone offsets G, without any patch.",
        "not considered (in the text)",
        f"G(r > 0) = {parenthesised(level, float(error))} for noise about {c:g}",
        status_of([within(level - c**2, error, LEVEL * c**2)]),
        f"the square of the mean is {c**2:g}",
    )


EXHIBIT = Exhibit(
    name="fig_12",
    title="Figure 12: white noise",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
