"""The deep network of the paper's two-dimensional part, and one change of it at a time.

arXiv:1410.3831 is remembered to train a deep belief network 1600–400–100–25 on 20 000
configurations of the 40×40 Ising magnet at K = 0.408; the text at hand is the abstract.
That is 7 % below K_c = 0.4407, in the disordered phase, where along an axis (Onsager
1944; McCoy and Wu 1973)

    1/ξ = ln coth K − 2K,

ξ = 7.5 sites: less than a fifth of the lattice, a little less than the 8 sites of one
unit of the last layer. Remembered or taken from replications too: contrastive
divergence with one step, batches of 100, momentum 0.5, learning rate 0.1, an L1 penalty
of 2e-4 (up to 8e-3 in replications), 50 to 200 epochs.

Numbers of that kind belong to an alphabet. Units here are ±1; with units n = (1 + s)/2
of 0 and 1 the same law has weights four times as large and covariances a quarter, so
that a rate η and a penalty λ for 0 and 1 are η/16 and 4λ for ±1. Which one the paper's
are is not known; both are trained. Biases, which change with the alphabet too, are
frozen at 0 here, as the symmetry of the data has them, and the rate falls to zero.

Block spins are written as a network of the same shape: Kadanoff's rule
p(μ|σ) ∝ exp(p μ Σσ) is p(h|v) of weights p on blocks of 2×2 units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.experiments.exhibit import Work
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.dbn import DBN
from kadanoff.networks.resumable import train_in_run
from kadanoff.networks.settings import Training
from kadanoff.randomness import subseed
from kadanoff.samplers.run import sample

__all__ = [
    "BINARY",
    "BLOCKS",
    "COUPLING",
    "CRITICAL",
    "FAST",
    "FULL",
    "LAYERS",
    "LOCAL",
    "MORE",
    "PAPER",
    "PLAIN",
    "STRONG",
    "UNTRAINED",
    "Arm",
    "Settings",
    "arms",
    "block_network",
    "hidden_layers",
    "material",
    "start",
    "trained",
]

COUPLING = 0.408
LAYERS = (1, 2, 3)
PAPER = "paper"
CRITICAL = "at K_c"
PLAIN = "no L1"
STRONG = "L1 8e-3"
MORE = "twice the samples"
BINARY = "rates of 0/1 units"
LOCAL = "local recipe"
UNTRAINED, BLOCKS = "untrained", "block spins"
RULE = 4.0  # p of Kadanoff's rule: one vote more than a tie has a chance of e^-16


@dataclass(frozen=True)
class Settings:
    """What is trained and read.

    Attributes:
        side: of the lattice; layers have a quarter of the units below them.
        samples: configurations to train on.
        read: configurations of other chains that are read.
        epochs: of all arms but the local recipe.
        seeds: of the paper's arm and of the local recipe, on which statements rest.
        other_seeds: of the arms in between, which show a direction; left out at 0.
        draws: per chain; chains are independent.
        local: the recipe that makes units local.
    """

    side: int
    samples: int
    read: int
    epochs: int
    seeds: int
    other_seeds: int = 1
    draws: int = 20
    local: Training = field(default_factory=Training)


# A rate and a batch with which a thousand updates go as far as the recipe's own; two
# seeds are the fewest with an error.
FAST = Settings(
    side=16,
    samples=1500,
    read=2000,
    epochs=5,
    seeds=2,
    draws=10,
    local=Training(epochs=10, batch=20, learning_rate=0.1),
)
# 60 epochs, with a rate that falls to zero, are within the 50 to 200 remembered and
# those of the local recipe; as many configurations are read as are made to train on.
FULL = Settings(side=40, samples=20_000, read=40_000, epochs=60, seeds=5)


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        name: of a row.
        coupling: K of the data.
        samples: configurations.
        training: of every layer.
        seeds: how often.
        change: how it differs from the paper's arm, in words.
    """

    name: str
    coupling: float
    samples: int
    training: Training
    seeds: int
    change: str


def arms(settings: Settings) -> tuple[Arm, ...]:
    """The paper's arm, then one change of it at a time, the local recipe last."""
    few = settings.other_seeds
    own = Training(
        epochs=settings.epochs, batch=100, learning_rate=0.1, momentum=0.5, l1=2e-4
    )
    first = Arm(PAPER, COUPLING, settings.samples, own, settings.seeds, "as remembered")

    def changed(name: str, change: str, seeds: int = few, **what: Any) -> Arm:
        return replace(first, name=name, change=change, seeds=seeds, **what)

    rate, penalty = own.learning_rate, own.l1
    binary = replace(own, learning_rate=rate / 16, l1=4 * penalty)
    every = (
        first,
        changed(CRITICAL, "at the critical point", coupling=K_C),
        changed(PLAIN, "without a penalty", training=replace(own, l1=0.0)),
        changed(STRONG, "L1 of 8e-3", training=replace(own, l1=8e-3)),
        changed(MORE, "twice the configurations", samples=2 * settings.samples),
        changed(BINARY, "the same numbers for units of 0 and 1", training=binary),
        changed(
            LOCAL,
            f"L1 of {settings.local.l1:g}, a rate of {settings.local.learning_rate:g}, "
            f"batches of {settings.local.batch} and {settings.local.epochs} epochs",
            seeds=settings.seeds,
            training=settings.local,
        ),
    )
    return tuple(arm for arm in every if arm.seeds)


def material(
    arm: Arm, seed: int, settings: Settings, work: Work
) -> tuple[Ensemble, Ensemble]:
    """Configurations to train on and to read, of different chains.

    Arms of one seed and one coupling share them.
    """
    most, read = 2 * settings.samples, settings.read
    everything = sample(
        Ising((settings.side,) * 2),
        coupling=arm.coupling,
        draws=most + read,
        chains=(most + read) // settings.draws,
        seed=work.subseed("deep network", f"{arm.coupling:.6f}", seed),
        runs=work.runs,
        progress=work.progress(f"configurations {seed} at K = {arm.coupling:.4f}"),
    )
    training, held_out = everything.split(most, read)
    return training.select(slice(0, arm.samples // settings.draws)), held_out


def start(settings: Settings, seed: int, work: Work) -> DBN:
    """The network before training, the same for all arms of a seed."""
    units = [settings.side**2 // 4**l for l in LAYERS]
    shape = (settings.side,) * 2
    return DBN.dense(shape, units, seed=work.subseed("weights", seed))


def trained(arm: Arm, seed: int, data: Ensemble, settings: Settings, work: Work) -> DBN:
    """The network of an arm after training, which resumes where it was stopped.

    Raises:
        ValueError: as `kadanoff.train`.
    """
    network, _ = train_in_run(
        start(settings, seed, work),
        data,
        settings=arm.training,
        seed=work.subseed("train", seed),
        runs=work.runs,
        device=work.device,
        progress=work.progress(f"training {arm.name}, {seed}"),
    )
    return network.to("cpu")


def block_network(shape: tuple[int, ...], layers: int = len(LAYERS)) -> DBN:
    """Block spins as a deep network: 2×2 units to one, by Kadanoff's rule.

    Its units are numbered as the sites of the coarser lattices.
    """
    grid = Grid(shape)
    sizes = [grid.coarsened(2**l).size for l in range(1, layers + 1)]
    network = DBN.dense(shape, sizes)
    for machine in network.machines:
        coarse = Grid(tuple(side // 2 for side in grid.shape))
        places = np.indices(grid.shape) // 2
        unit = np.ravel_multi_index(tuple(places), coarse.shape).reshape(-1)
        weights = RULE * (unit[:, None] == np.arange(coarse.size))
        machine.W.data = torch.from_numpy(weights).to(machine.W)
        grid = coarse
    return network


def hidden_layers(network: DBN, fine: Ensemble, *, seed: int) -> Iterator[Ensemble]:
    """⟨h_l⟩ given the layer below, which is drawn, of every layer.

    Its covariances with the sites are those of drawn units, with less noise.
    """
    below = fine
    for l, machine in enumerate(network.machines):
        yield coarsen(Layer(machine, output="mean"), below)
        below = coarsen(Layer(machine), below, seed=subseed(seed, "layer", l))
