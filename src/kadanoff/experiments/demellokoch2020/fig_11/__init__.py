"""Figure 11: a larger lattice, 40 000 configurations, and a second rise of G.

Section IV-A of arXiv:1906.05212 repeats figures 7 to 10 with one step of block averages
and one machine on a larger lattice (its sides are lost in the text at hand; the next
section has 64² → 32²) and 40 000 configurations, on which the machine is trained and
which are read. Claims: the fall of the machine's G matches that of block spins, more
clearly than on small lattices; G increases slightly at the largest distances, where the
authors suspect more than one patch per unit.

Three things that could make it rise are told apart here.

    patches      bright spots per unit are counted, and G is computed for units of one
                 patch, of two at random and of two half a lattice apart;
    few pairs    distances that do not wrap end in the corners of the picture: one site
                 in each, whose C_a all carry the same sampling error of that site, of
                 relative size √(2 τ/n); times the offset it outweighs the fall;
    images       on a periodic lattice those corners are neighbours, so that G comes
                 all the way back towards L√2 if distances do not wrap: in closed form
                 for block averages. A slight rise of machines alone is not that.

The noise of a site is seen in its ⟨v_i m⟩, which is ⟨m²⟩ at every site but for noise,
and it is the same for all units. Taken off group by group (`patches.read`) it leaves G
at the corners forty times as sharp, where images are all that lifts block averages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from kadanoff.estimate import Estimate, combine
from kadanoff.experiments.demellokoch2020.falloff import line
from kadanoff.experiments.demellokoch2020.fig_11.by_hand import by_hand
from kadanoff.experiments.demellokoch2020.fig_11.layers import (
    LAYERS,
    WAYS,
    Settings,
    kept_of_seed,
    of_layer,
)
from kadanoff.experiments.demellokoch2020.fig_11.pictures import draw
from kadanoff.experiments.demellokoch2020.fig_11.verdicts import checks
from kadanoff.experiments.demellokoch2020.patches import (
    curves,
    in_box,
    on_torus,
    tabled,
)
from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.geometry import Grid
from kadanoff.networks.settings import Training
from kadanoff.randomness import generator

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

FAST = Settings(
    side=16,
    draws=512,
    seeds=1,
    training=Training(epochs=3, batch=8, learning_rate=0.03),
)
# Six epochs make 940 updates, two fifths of the default recipe: on 32² most units have
# become local by then. The whole takes three quarters of an hour of one core.
FULL = Settings(side=64, draws=40_000, seeds=5, training=Training(epochs=6))


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All readings of block averages and of both recipes, and units made by hand."""
    seeds = [kept_of_seed(settings, work, seed) for seed in range(settings.seeds)]
    layers = {name: [of_layer(one, name) for one in seeds] for name in LAYERS}
    rows = {name: [row for row, _ in each] for name, each in layers.items()}
    found = {name: [ways for _, ways in each] for name, each in layers.items()}
    data = xr.Dataset(tabled(rows, "row"), coords={"row": list(LAYERS)})
    data = data.assign(_all_curves(found, settings)).assign(
        by_hand(settings.side, generator(work.subseed("artificial")))
    )
    data = data.assign(_corners(rows)).assign(map=seeds[0]["map"])
    return data.assign_attrs(
        side=settings.side, draws=settings.draws, seeds=settings.seeds
    )


def _all_curves(
    found: Mapping[str, Sequence[Mapping[str, Estimate]]], settings: Settings
) -> xr.Dataset:
    grid = Grid((settings.side,) * 2)
    r, box = on_torus(grid).distance, in_box(grid).distance
    made, about = {}, {}
    for name, each in found.items():
        mean = combine(lambda *v: np.mean(v, axis=0), *[ways["raw"] for ways in each])
        fitted = line(r, mean)
        made |= curves(name, {"residual": [fitted.residual]}, "r")
        for way, axis in list(WAYS.items())[1:]:
            made |= curves(name, {way: [ways[way] for ways in each]}, axis)
        about |= {f"{name}_bent": fitted.bent, f"{name}_p": fitted.p}
    return xr.Dataset(made, {"r": r, "r_box": box}).assign(about)


def _corners(rows: Mapping[str, Sequence[Mapping[str, Estimate]]]) -> xr.Dataset:
    """Lattice by lattice: noise at the corners beyond block averages', and its size."""
    names = ("corner", "corner_size")
    made = {
        f"{name}_of": (
            ("row", "lattice"),
            np.array([[float(e[name].value) for e in each] for each in rows.values()]),
        )
        for name in names
    }
    return xr.Dataset(made)


EXHIBIT = Exhibit(
    name="fig_11",
    title="Figure 11: a larger lattice",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
