"""Figures 8 and 10: what hidden units are correlated with, and why it is offset.

Section IV-A of arXiv:1906.05212 trains two machines one after the other, 1024 → 256 →
64, and one machine 1024 → 64, on the configurations of figure 7, by contrastive
divergence; its number of steps, rate, epochs, batches and penalties are lost in the
text at hand. Claims: their maps ⟨v_i h_a⟩ look like those of block spins, their patch
correlator falls linearly and by as much, and it is offset, for which the authors "do
not have an explanation".

Trained here with one step of contrastive divergence, without a penalty (`plain`, the
nearest to what the text says) and with the package's L1 penalty (`local`). Beside them
stand block averages and majority votes, read on the same chains, and machines of random
weights.

The offset is the uniform part of G, Σ_a ⟨m h_a⟩² (`patches`). Block averages have it
too: N_h ⟨m²⟩². A machine's is γ² times that, γ² the mean square over units of the gain
⟨m h_a⟩/⟨m²⟩ to the magnetization. A unit that is ±1 and follows a patch moves more than
the patch's mean and has γ > 1, as a majority vote has; one of noisy weights has γ < 1.
Signs of units drop out. That G is a uniform part and a rest is an identity; that γ²
follows from the weights of a machine alone (`gains`) is not.

Between two hidden layers G has no distances: the units of h1 in order of number show
none. Where they are put to the sites that they listen to G falls again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.estimate import combine
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.falloff import line
from kadanoff.experiments.demellokoch2020.fig_8.layers import (
    PARTNER,
    RG,
    SHOWN,
    VOTES,
    Settings,
    changed_by_signs,
    networks,
    of_blocks,
    of_layer,
)
from kadanoff.experiments.demellokoch2020.fig_8.pictures import draw
from kadanoff.experiments.demellokoch2020.fig_8.verdicts import (
    checks,
    explained_share,
    gains,
    random_fall,
    size_follows_from_weights,
)
from kadanoff.experiments.demellokoch2020.gains import (
    block_weights,
    given_magnetization,
    weights_of,
)
from kadanoff.experiments.demellokoch2020.patches import (
    Reading,
    curves,
    maps,
    read,
    tabled,
)
from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.networks.settings import Training

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "compute",
    "draw",
    "explained_share",
    "gains",
    "random_fall",
    "size_follows_from_weights",
]


# Few configurations in small batches at a higher rate make as many updates.
FAST = Settings(
    side=16,
    samples=1024,
    draws=1024,
    seeds=2,
    training=Training(epochs=3, batch=8, learning_rate=0.03),
)
FULL = Settings(side=32, samples=10_000, draws=10_000, seeds=5)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All readings, one row for each recipe and pair of layers."""
    fine = drawn(work, (settings.side,) * 2, T_C, settings.draws)
    blocks = of_blocks(fine)
    rg = {name: read(*pair) for name, pair in blocks.items()}
    found: dict[str, list[Reading]] = {f"{RG}, {n}": [r] for n, r in rg.items()}
    rows = {f"{RG}, {n}": [of_layer(r, r, *blocks[n], None)] for n, r in rg.items()}
    images = {f"{RG}, {n}": maps(*blocks[n]) for n in ("first", "both")}
    votes = coarsen(Majority(b=2), fine, seed=work.subseed("votes"))
    found[f"{VOTES}, first"] = [voted := read(fine, votes)]
    at_once = given_magnetization(
        fine, block_weights((settings.side, settings.side), 2)
    )
    rows[f"{VOTES}, first"] = [of_layer(voted, rg["first"], fine, votes, at_once)]
    change = 0.0
    for seed in range(settings.seeds):
        for name, layers, machines in networks(settings, work, fine, seed):
            for layer, pair in layers.items():
                row, reading = f"{name}, {layer}", read(*pair)
                found.setdefault(row, []).append(reading)
                partner, foretold = rg[PARTNER[layer]], None
                if layer in machines:
                    weights = weights_of(machines[layer])
                    foretold = given_magnetization(fine, *weights)
                rows.setdefault(row, []).append(
                    of_layer(reading, partner, *pair, foretold)
                )
                if layer in SHOWN:
                    images.setdefault(row, maps(*pair))
            if seed == 0:
                change = max(change, changed_by_signs(*layers["first"], work))
    data = xr.Dataset(tabled(rows, "row"), coords={"row": list(rows)})
    data = data.assign(sign_change=change).assign(_all_curves(found))
    data = data.assign(map=(("mapped", "unit", "x", "y"), np.stack([*images.values()])))
    data = data.assign_coords(mapped=list(images))
    return data.assign_attrs(
        side=settings.side,
        samples=settings.samples,
        draws=settings.draws,
        seeds=settings.seeds,
    )


def _all_curves(found: Mapping[str, list[Reading]]) -> xr.Dataset:
    """G and what a line leaves of it, `(distance,)` for every row."""
    data = xr.Dataset()
    for row, readings in found.items():
        r, axis = readings[0].pairs.distance, f"r {_axis(row)}"
        raw = [reading.raw for reading in readings]
        mean = combine(lambda *values: np.mean(values, axis=0), *raw)
        fitted = line(r, mean)
        ways = {
            "raw": raw,
            "varying": [reading.varying for reading in readings],
            "one_sided": [reading.one_sided for reading in readings],
            "residual": [fitted.residual],
        }
        data = data.assign(xr.Dataset(curves(row, ways, axis), coords={axis: r}))
        about = {"bent": fitted.bent, "ratio": fitted.ratio, "p": fitted.p}
        data = data.assign({f"{row}_{k}": v for k, v in about.items()})
    return data


def _axis(row: str) -> str:
    """Block spins' name of the two layers of a row: it has their distances."""
    layer = row.rpartition(", ")[2]
    return PARTNER.get(layer, layer)


EXHIBIT = Exhibit(
    name="fig_8",
    title="Figures 8 and 10: hidden units",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
