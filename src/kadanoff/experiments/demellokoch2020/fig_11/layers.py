"""What is trained for figure 11, and what is read of every lattice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import xarray as xr

from kadanoff.coarse.block import Average
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.demellokoch2020.falloff import rise
from kadanoff.experiments.demellokoch2020.patches import (
    Reading,
    drawn_hidden,
    maps,
    numbers,
    read,
    spots,
)
from kadanoff.experiments.exhibit import Variables, Work
from kadanoff.experiments.pieces import kept
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training

__all__ = ["LAYERS", "MACHINES", "RG", "WAYS", "Settings", "kept_of_seed", "of_layer"]

RG = "block averages"
MACHINES = ("plain", "local")
LAYERS = (RG, *MACHINES)
KEPT = 3  # maps of each layer
WAYS = {"raw": "r", "varying": "r", "boxed": "r_box", "steady": "r_box"}
"""Curves that are kept, and the distances that they have."""


@dataclass(frozen=True)
class Settings:
    """What is trained and read.

    Attributes:
        side: of the lattice.
        draws: configurations, of every seed its own, to train on and to read.
        seeds: starting points of every training.
        training: the local recipe; the plain one has no penalty.
    """

    side: int
    draws: int
    seeds: int
    training: Training = field(default_factory=Training)

    @property
    def recipes(self) -> dict[str, Training]:
        """By name."""
        return {"plain": replace(self.training, l1=0.0), "local": self.training}


def kept_of_seed(settings: Settings, work: Work, seed: int) -> xr.Dataset:
    """What is read of one lattice: a run of its own, since it takes minutes."""
    about = asdict(settings) | {"number": seed}
    about.pop("seeds")
    return kept(
        work,
        "demellokoch2020-larger-lattice",
        about,
        lambda: _of_seed(settings, work, seed),
    )


def _of_seed(settings: Settings, work: Work, seed: int) -> xr.Dataset:
    """Values and replicates of the numbers and curves of every layer."""
    fine = drawn(
        work, (settings.side,) * 2, T_C, settings.draws, purpose=f"large {seed}"
    )
    partner: Reading | None = None
    rows, ways, images = [], [], []
    for hidden in _layers(settings, work, fine, seed).values():
        reading = read(fine, hidden, alike=True)
        partner = partner or reading
        rows.append(_row(reading, partner, fine, hidden))
        ways.append(_ways(reading))
        images.append(maps(fine, hidden, KEPT))
    made: Variables = {n: (("row", "replicate"), _stack(rows, n)) for n in rows[0]}
    for name, axis in WAYS.items():
        made[f"curve_{name}"] = ("row", "replicate", axis), _stack(ways, name)
    made["map"] = ("row", "unit", "x", "y"), np.stack(images)
    about = {"lineage": fine.lineage, "n_eff": fine.n_eff}
    return xr.Dataset(made, {"row": list(LAYERS)}, about)


def _stack(rows: Sequence[Mapping[str, Estimate]], name: str) -> np.ndarray:
    """A reading of every row: its value, then its replicates."""
    each = [row[name] for row in rows]
    return np.stack(
        [np.stack([e.value, *next(iter(e.replicates.values()))]) for e in each]
    )


def of_layer(
    kept: xr.Dataset, layer: str
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Numbers and curves of a layer as they were read."""
    here = kept.sel(row=layer)

    def estimate(name: str) -> Estimate:
        value, *replicates = here[name].transpose("replicate", ...).values
        lineage = {str(kept.lineage): np.array(replicates)}
        return Estimate(np.asarray(value), lineage, float(kept.n_eff))

    single = [str(n) for n in kept if kept[n].dims == ("row", "replicate")]
    row = {name: estimate(name) for name in single}
    return row, {name: estimate(f"curve_{name}") for name in WAYS}


def _ways(reading: Reading) -> dict[str, Estimate]:
    """G at shortest distances, and less its uniform part at both kinds."""
    return {
        "raw": reading.raw,
        "varying": reading.varying,
        "boxed": combine(np.subtract, reading.boxed, reading.uniform),
        "steady": combine(np.subtract, _steady(reading), reading.uniform),
    }


def _layers(
    settings: Settings, work: Work, fine: Ensemble, seed: int
) -> dict[str, Ensemble]:
    """In the order of `LAYERS`."""
    made = {RG: coarsen(Average(b=2), fine)}
    for name, training in settings.recipes.items():
        start = RBM(
            fine.geometry, fine.grid.size // 4, seed=work.subseed("large", seed)
        )
        machine = trained(work, start, fine, training, f"{name} large {seed}")
        made[name] = drawn_hidden(machine, fine, seed=work.subseed("draw", name, seed))
    return made


def _row(
    reading: Reading, partner: Reading, fine: Ensemble, hidden: Ensemble
) -> dict[str, Estimate]:
    ours, theirs = numbers(reading), numbers(partner)
    number, _ = spots(fine, hidden)
    counted, alone = float(number.mean()), float((number == 1).mean())
    offset = ours["at_zero"] - theirs["at_zero"]
    lifted = ours["uniform"] - theirs["uniform"]
    noise, others = _corner_noise(reading), _corner_noise(partner)
    steady, theirs_steady = (
        rise(one.box.distance, _steady(one)) for one in (reading, partner)
    )
    return {
        **ours,
        "rise_beyond": ours["rise"] - theirs["rise"],
        "steady_rise": steady,
        "steady_beyond": steady - theirs_steady,
        "corner": noise - others,
        "corner_size": lifted.map(lambda x: abs(x) / np.sqrt(fine.n_eff)),
        "ratio": ours["fall"] / theirs["fall"],
        "gain": ours["uniform"] / theirs["uniform"],
        "offset": offset,
        "spots": ours["fall"].map(lambda _: counted),
        "single": ours["fall"].map(lambda _: alone),
    }


def _steady(reading: Reading) -> Estimate:
    if reading.steady is None:
        raise ValueError(
            "the noise of single sites is taken off where sites are alike; read the "
            "layer with alike=True"
        )
    return reading.steady


def _corner_noise(reading: Reading) -> Estimate:
    """What the noise of single sites adds to G at the farthest corners."""
    return reading.boxed[-1] - _steady(reading)[-1]
