"""What the demo reads: samples, networks trained on other chains, and all levels.

The 32×32 chains are split three ways: half train the networks, an eighth fits the
arrangement of the dense layers, the rest is read. The 64×64 chains are all read; the
tied filter applied to them was trained on 32×32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kadanoff.coarse.arrange import Arrange, arrange
from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.experiments.demo.settings import Settings
from kadanoff.models.ising import Ising
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM
from kadanoff.networks.resumable import train_in_run
from kadanoff.networks.settings import Training
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed
from kadanoff.samplers.run import sample

__all__ = ["AVERAGE", "DENSE", "MAJORITY", "PLAIN", "TIED", "Material", "material"]

MAJORITY, AVERAGE, TIED = "majority", "block average", "tied RBM"
DENSE, PLAIN = "dense RBM", "dense RBM, no L1"
Stage = Callable[[str, int, int], None]
Name = tuple[int, str]  # the seed of the demo, and what is trained
M = TypeVar("M", RBM, ConvRBM)


@dataclass(frozen=True)
class Material:
    """Every level of every map, on chains that no network was trained on.

    Args:
        small: map → levels of the small lattice, finest first.
        large: map → levels of the large lattice, finest first.
        networks: map → the trained layers, in order.
        arrangements: map → how its dense layers were put on grids, in order.
    """

    small: Mapping[str, list[Ensemble]]
    large: Mapping[str, list[Ensemble]]
    networks: Mapping[str, list[RBM] | list[ConvRBM]]
    arrangements: Mapping[str, list[Arrange]]


def material(settings: Settings, seed: int, runs: Path, stage: Stage) -> Material:
    """Sample, train and coarse-grain; every long step is a run that resumes."""
    small = _sampled(settings, "small", seed, runs, stage)
    large = _sampled(settings, "large", seed, runs, stage)
    training, fit, read = small.split(4, 1, 3)

    tied = ConvRBM(seed=subseed(seed, "weights", TIED))
    tied = _trained(tied, training, settings.tied, (seed, TIED), runs, stage)
    dense = {
        name: _dense_stack(training, recipe, (seed, name), runs, stage)
        for name, recipe in ((DENSE, settings.dense), (PLAIN, settings.plain))
    }
    places = {name: _arranged(layers, fit, seed) for name, layers in dense.items()}
    local: dict[str, CoarseGraining] = {
        MAJORITY: Majority(b=2),
        AVERAGE: Average(b=2),
        TIED: Layer(tied),
    }
    levels = {
        name: _zoom([rule] * 2, read, subseed(seed, "small", name))
        for name, rule in local.items()
    }
    for name, layers in dense.items():
        coins = subseed(seed, "small", name)
        levels[name] = _zoom_arranged(layers, places[name], read, coins)
    return Material(
        small=levels,
        large={
            name: _zoom([rule] * 3, large, subseed(seed, "large", name))
            for name, rule in local.items()
        },
        networks={TIED: [tied], **dense},
        arrangements=places,
    )


def _sampled(
    settings: Settings, which: str, seed: int, runs: Path, stage: Stage
) -> Ensemble:
    side = getattr(settings, f"side_{which}")
    label = f"sampling {side}×{side}"
    return sample(
        Ising((side, side)),
        coupling=K_C,
        draws=getattr(settings, f"draws_{which}"),
        chains=settings.chains,
        seed=subseed(seed, "sample", which),
        runs=runs,
        progress=lambda done, total: stage(label, done, total),
    )


def _dense_stack(
    data: Ensemble, training: Training, name: Name, runs: Path, stage: Stage
) -> list[RBM]:
    """Two dense machines, the second on the hidden units of the first (greedy)."""
    seed, label = name
    first = _dense(data, training, (seed, label), runs, stage)
    hidden = coarsen(Layer(first), data, seed=subseed(seed, "hidden", label))
    second = _dense(hidden, training, (seed, f"{label}, layer 2"), runs, stage)
    return [first, second]


def _dense(
    data: Ensemble, training: Training, name: Name, runs: Path, stage: Stage
) -> RBM:
    """A dense machine with a quarter as many hidden units as there are sites."""
    sites = math.prod(data.geometry.lattice)
    start = RBM(data.geometry, hidden=sites // 4, seed=subseed(name[0], name[1]))
    return _trained(start, data, training, name, runs, stage)


def _trained(
    network: M,
    data: Ensemble,
    training: Training,
    name: Name,
    runs: Path,
    stage: Stage,
) -> M:
    """The network after training, which resumes where it was stopped."""
    seed, label = name
    trained, _ = train_in_run(
        network,
        data,
        settings=training,
        seed=subseed(seed, "train", label),
        runs=runs,
        progress=lambda done, total: stage(f"training {label}", done, total),
    )
    return trained


def _zoom(rules: list[CoarseGraining], fine: Ensemble, seed: int) -> list[Ensemble]:
    return list(Stack(tuple(rules)).levels(fine, seed=seed))


def _hidden_layers(layers: list[RBM], fine: Ensemble, seed: int) -> list[Ensemble]:
    """Sampled hidden units of each layer, in the order of the units."""
    return _zoom([Layer(layer) for layer in layers], fine, seed)[1:]


def _arranged(layers: list[RBM], fit: Ensemble, seed: int) -> list[Arrange]:
    """One arrangement per layer, by its response to the original sites."""
    hidden = _hidden_layers(layers, fit, subseed(seed, "fit"))
    return [arrange(fit, level) for level in hidden]


def _zoom_arranged(
    layers: list[RBM], arrangements: list[Arrange], fine: Ensemble, seed: int
) -> list[Ensemble]:
    """The levels of the dense stack, each put on its grid after it was drawn."""
    hidden = _hidden_layers(layers, fine, seed)
    pairs = zip(arrangements, hidden, strict=True)
    return [fine, *(coarsen(place, level) for place, level in pairs)]
