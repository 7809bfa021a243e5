"""Stacks of machines trained at T_c, and the ways of looking at a layer as a lattice.

The units of a machine have no places and their signs are free: h_a → -h_a, with the
weights of the unit, changes neither the law of the visible spins nor the course of a
training, and the weights that it starts from are as likely of either sign. A training
therefore leaves signs that are those of fair coins, whatever it learned; the package
turns all units to one sign when a training ends (`RBM.orient`). Here the signs before
that are kept: those of a machine that was not trained at all, and of a trained one from
its last checkpoint. So a layer is looked at

    arranged            on the sites that its units respond to, all of one sign
    own order           as the units are numbered, all of one sign
    signs as trained    as they are numbered, of the sign that training left
    signs by coin       as they are numbered, of signs drawn afresh

and the last two have one law, which is how much the third can say of a training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kadanoff.coarse.arrange import Arrange, arrange
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import layers_of
from kadanoff.ensemble import Ensemble
from kadanoff.experiments.exhibit import Work
from kadanoff.networks.checkpoint import is_lasting, machines_of
from kadanoff.networks.dbn import DBN
from kadanoff.networks.machine import Machine
from kadanoff.networks.resumable import train_in_run
from kadanoff.networks.settings import Training
from kadanoff.randomness import generator, subseed

__all__ = [
    "RECIPES",
    "STACKS",
    "UNTRAINED",
    "Form",
    "Stack",
    "arranged",
    "levels",
    "looked_at",
    "looks",
    "stack",
]

RECIPES: Mapping[str, Training] = {"plain": Training(l1=0.0), "local": Training()}
"""Plain contrastive divergence, as far as the paper says; and the recipe whose units
become local. What k the paper's contrastive divergence has is lost: here 1."""
UNTRAINED = "untrained"
STACKS = (*RECIPES, UNTRAINED)


ORDER, TRAINED_SIGNS, COIN_SIGNS = (
    "own order",
    "signs as trained",
    "signs by coin",
)


def looks(name: str) -> tuple[str, str, str, str]:
    """Names of the four ways of looking at the layers of a stack; first, arranged."""
    order, trained, coins = (
        f"{name}, {way}" for way in (ORDER, TRAINED_SIGNS, COIN_SIGNS)
    )
    return name, order, trained, coins


@dataclass(frozen=True, eq=False)
class Stack:
    """A stack whose units are turned to one sign.

    Attributes:
        network: the stack.
        signs: that its units had before, layer by layer, `(units,)` of ±1.
    """

    network: DBN
    signs: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Form:
    """How large a stack is, and how it is trained.

    Attributes:
        steps: machines, each of a quarter of the units below it.
        epochs: of every machine, 1, 2, 4, 8, …, so that the last one is kept.
        batch: configurations per update.
    """

    steps: int
    epochs: int
    batch: int


def stack(name: str, number: int, data: Ensemble, form: Form, work: Work) -> Stack:
    """The stack of one seed.

    Args:
        name: of `STACKS`.
        number: of the seed.
        data: what it is trained on.
        form: sizes and training.
        work: seed, runs and device.

    Raises:
        ValueError: other epochs.
    """
    if not is_lasting(form.epochs):
        raise ValueError(
            "signs are those of the last checkpoint, and checkpoints of the epochs "
            f"1, 2, 4, 8, … stay; train for so many epochs, got {form.epochs}"
        )
    hidden = [data.grid.size // 4**k for k in range(1, form.steps + 1)]
    start = DBN.dense(data.geometry, hidden, seed=work.subseed("weights", number))
    if name == UNTRAINED:
        signs = tuple(_signs(machine) for machine in start.machines)
        for machine in start.machines:
            machine.orient()
        return Stack(start, signs)
    label = f"{name}, seed {number}"
    network, run = train_in_run(
        start,
        data,
        settings=replace(RECIPES[name], epochs=form.epochs, batch=form.batch),
        seed=work.subseed("train", label),
        runs=work.runs,
        device=work.device,
        progress=work.progress(f"training {label}"),
    )
    stores = [run.directory / f"layer-{l}" for l in range(len(network.machines))]
    return Stack(network, tuple(_signs(machines_of(store)[-1]) for store in stores))


def _signs(machine: Machine) -> np.ndarray:
    """The sign of Σ_i W_ia, by which `RBM.orient` turns units."""
    return np.where(machine.W.detach().cpu().numpy().sum(axis=0) < 0, -1, 1)


def levels(found: Stack, fine: Ensemble, seed: int) -> list[Ensemble]:
    """Every hidden layer of these configurations, its units in their own order.

    Args:
        found: a stack.
        fine: configurations.
        seed: draws the units.
    """
    made, level = [], fine
    for n, layer in enumerate(layers_of(found.network).rules, start=1):
        level = coarsen(layer, level, seed=subseed(seed, "level", n))
        made.append(level)
    return made


def arranged(fit: Ensemble, layers: Sequence[Ensemble]) -> list[Arrange]:
    """The places of all layers' units.

    Args:
        fit: configurations that units are arranged by.
        layers: what a map made of them, units in any order.
    """
    return [arrange(fit, layer) for layer in layers]


def looked_at(
    name: str, found: Stack, fit: Ensemble, seed: int
) -> Iterator[tuple[str, Sequence[Arrange]]]:
    """Each way of looking, with the places and signs of all layers' units.

    Args:
        name: of the stack.
        found: the stack.
        fit: configurations that units are arranged by.
        seed: draws their units, and the coins.
    """
    places = arranged(fit, levels(found, fit, seed))
    coins = generator(seed, "coins")
    one = [np.ones(p.grid.size) for p in places]
    drawn = [coins.choice((-1, 1), p.grid.size) for p in places]
    yield name, places
    for look, signs in zip(looks(name)[1:], (one, found.signs, drawn), strict=True):
        yield look, [_in_order(p, s) for p, s in zip(places, signs, strict=True)]


def _in_order(place: Arrange, signs: np.ndarray) -> Arrange:
    units = np.arange(place.grid.size)
    return replace(place, permutation=units, signs=signs.astype(np.int8))
