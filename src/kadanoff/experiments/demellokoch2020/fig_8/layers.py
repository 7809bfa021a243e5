"""What is trained for figures 8 and 10, and what its layers are read for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from kadanoff.coarse.arrange import arrange
from kadanoff.coarse.block import Average
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.demellokoch2020.patches import (
    Reading,
    drawn_hidden,
    numbers,
    read,
    spots,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.networks.dbn import DBN
from kadanoff.networks.machine import Machine
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.randomness import generator

__all__ = [
    "LAYERS",
    "MACHINES",
    "PARTNER",
    "RANDOM",
    "RG",
    "SHOWN",
    "VOTES",
    "Layers",
    "Settings",
    "changed_by_signs",
    "networks",
    "of_blocks",
    "of_layer",
]

RG = "block averages"
RANDOM = "random weights"
VOTES = "majority votes"
MACHINES = ("plain", "local")
LAYERS = {
    "first": "v to h1",
    "both": "v to h2",
    "single": "v to h, one machine",
    "numbered": "h1 to h2, h1 in order of number",
    "arranged": "h1 to h2, h1 put in place",
}
"""Which two layers; the same number of sites and units as block spins' `PARTNER`."""
PARTNER = {
    "first": "first",
    "both": "both",
    "single": "both",
    "numbered": "second",
    "arranged": "second",
}
SHOWN = ("first", "both", "single")  # of lattice sites, whose maps are pictures


@dataclass(frozen=True)
class Settings:
    """What is trained and read.

    Attributes:
        side: of the lattice.
        samples: configurations to train on, of chains of their own for every seed.
        draws: configurations that all are read on.
        seeds: starting points of every training.
        training: the local recipe; the plain one has no penalty.
    """

    side: int
    samples: int
    draws: int
    seeds: int
    training: Training = field(default_factory=Training)

    @property
    def recipes(self) -> dict[str, Training]:
        """By name."""
        return {"plain": replace(self.training, l1=0.0), "local": self.training}


Layers = dict[str, tuple[Ensemble, Ensemble]]


def of_blocks(fine: Ensemble) -> Layers:
    """Two steps of block averages, and both at once."""
    fine, one, two = Stack((Average(b=2), Average(b=2))).levels(fine)
    return {"first": (fine, one), "second": (one, two), "both": (fine, two)}


def networks(
    settings: Settings, work: Work, fine: Ensemble, seed: int
) -> Iterator[tuple[str, Layers, dict[str, RBM]]]:
    """Both recipes, then random weights as large as those of the plain one.

    With each the machines whose visible layer is the lattice.
    """
    shape = fine.grid.shape
    data = drawn(work, shape, T_C, settings.samples, purpose=f"train {seed}")
    units = (fine.grid.size // 4, fine.grid.size // 16)
    size = 0.0
    for name, training in settings.recipes.items():
        stack = DBN.dense(shape, units, seed=work.subseed("stack", seed))
        stack = trained(work, stack, data, training, f"{name} stack {seed}")
        single = RBM(shape, units[1], seed=work.subseed("single", seed))
        single = trained(work, single, data, training, f"{name} single {seed}")
        machines = {"first": stack.machines[0], "single": single}
        yield name, _layers(stack.machines, single, fine, work), machines
        size = size or float(stack.machines[0].W.detach().std())
    control = RBM(shape, units[0], seed=work.subseed("random", seed))
    control.W.data.mul_(size / float(control.W.detach().std()))
    hidden = drawn_hidden(control, fine, seed=work.subseed("draw", "random", seed))
    yield RANDOM, {"first": (fine, hidden)}, {"first": control}


def _layers(
    stack: tuple[Machine, ...], single: Machine, fine: Ensemble, work: Work
) -> Layers:
    seeds = [work.subseed("draw", k) for k in range(3)]
    one = drawn_hidden(stack[0], fine, seed=seeds[0])
    two = drawn_hidden(stack[1], one, seed=seeds[1])
    grid = fine.grid.coarsened(2)
    numbered = drawn_hidden(stack[0], fine, seed=seeds[0], grid=grid)
    return {
        "first": (fine, one),
        "both": (fine, two),
        "single": (fine, drawn_hidden(single, fine, seed=seeds[2])),
        "numbered": (numbered, two),
        "arranged": (coarsen(arrange(fine, one, grid), one), two),
    }


def of_layer(
    reading: Reading,
    partner: Reading,
    below: Ensemble,
    above: Ensemble,
    foretold: Ensemble | None = None,
) -> dict[str, Estimate]:
    """Numbers of a layer and how they compare with block spins of the same sizes.

    `gain` is γ², `offset` the difference in G(0), `explained` the share of it that is
    uniform, `ratio` that of the falls; `spots` are bright spots per unit, `single` the
    share of units with one. `foretold` is γ² of `gains`, and `over_foretold` that
    measured over it, where the layer below is the lattice.
    """
    ours, theirs = numbers(reading), numbers(partner)
    number, _ = spots(below, above)
    exactly = {
        "spots": float(number.mean()),
        "single": float((number == 1).mean()),
        "negative": _negative(below, above),
    }
    offset = ours["at_zero"] - theirs["at_zero"]
    lifted = ours["uniform"] - theirs["uniform"]
    none = ours["uniform"].map(lambda _: np.nan)
    made = none if foretold is None else read(below, foretold).uniform
    return {
        **ours,
        "gain": ours["uniform"] / theirs["uniform"],
        "foretold": made / theirs["uniform"],
        "over_foretold": ours["uniform"] / made,
        "ratio": ours["fall"] / theirs["fall"],
        "offset": offset,
        "lifted": lifted,
        "explained": combine(_share, lifted, offset),
        **{name: ours["fall"].map(lambda _, x=x: x) for name, x in exactly.items()},
    }


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole; not a number of nothing."""
    nothing = np.full_like(np.asarray(whole, dtype=float), np.nan)
    return np.divide(part, whole, out=nothing, where=np.asarray(whole) != 0)


def _negative(below: Ensemble, above: Ensemble) -> float:
    """Share of the units that follow the magnetization the other way round."""
    m = below.values.reshape(below.size, -1).mean(axis=1, dtype=float)
    h = above.values.reshape(above.size, -1)
    return float((m @ h < 0).mean())


def changed_by_signs(fine: Ensemble, hidden: Ensemble, work: Work) -> float:
    """Largest change of G, relative to G(0), when units change sign at random."""
    signs = generator(work.subseed("signs")).integers(0, 2, hidden.shape) * 2 - 1
    values = (hidden.values * signs).astype(hidden.values.dtype)
    note = {"step": "signs"}
    other = hidden.derived(values, hidden.geometry, hidden.alphabet, note)
    before, after = (read(fine, h).raw.value for h in (hidden, other))
    return float(abs(after - before).max() / before[0])
