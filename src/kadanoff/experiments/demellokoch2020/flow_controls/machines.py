"""The machines of `flow_controls`: what they are trained on, or not trained at all."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.flow import (
    LATTICE,
    TRAININGS,
    Learning,
    learned,
    training_data,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.models.ising import Ising
from kadanoff.models.mean_field import MeanField
from kadanoff.networks.rbm import RBM
from kadanoff.randomness import generator

__all__ = [
    "CONTROLS",
    "KNOW_THE_MAGNET",
    "LIKELIER",
    "UNTAUGHT",
    "data_of",
    "network_of",
    "shuffled",
    "trainings_of",
]

TAUGHT = ("Ising", "mean field", "mean field, scaled", "T = 0 and T = ∞")
LIKELIER = {
    "CD-10": (("k", 10),),
    "persistent": (("chains", "persistent"),),
}
UNTAUGHT = {"untrained, 0.01": 0.01, "untrained, 0.1": 0.1}
CONTROLS = (*TAUGHT, *LIKELIER, *UNTAUGHT, "shuffled weights")
KNOW_THE_MAGNET = (TAUGHT[0], *LIKELIER)
CHAINS = 64


def data_of(work: Work, control: str, configurations: int, seed: int) -> Ensemble:
    """The training data of one control, `configurations` at each of 60 temperatures.

    Args:
        work: seed and runs.
        control: one of the four kinds of data; anything else is trained on Ising's.
        configurations: at each temperature.
        seed: number of the machine.
    """
    if control not in TAUGHT[1:]:
        return training_data(work, configurations, seed)
    rng = generator(work.subseed("control", control, seed))
    if control == "T = 0 and T = ∞":
        model, n = Ising(LATTICE), configurations * len(TEMPERATURES) // 2
        values = np.concatenate([model.cold(n, 1.0), model.hot(n, rng=rng)])
    else:
        mean = MeanField(LATTICE)
        k = T_C if control == "mean field, scaled" else 1.0
        values = np.concatenate(
            [
                mean.draw(configurations, k / t, rng=rng)
                if t
                else mean.cold(configurations, 1.0)
                for t in TEMPERATURES
            ]
        )
    chains = math.gcd(len(values), CHAINS)
    return Ensemble.from_values(values.reshape(chains, -1, *LATTICE))


def shuffled(machine: RBM, seed: int) -> RBM:
    """The machine with its weights in a random order, and no biases.

    Args:
        machine: a trained one.
        seed: of the order.
    """
    mixed = machine.initialised(seed=0)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        weights = machine.W.flatten()
        order = torch.randperm(len(weights), generator=noise)
        mixed.W.copy_(weights[order].reshape(machine.W.shape))
    return mixed


def trainings_of(control: str) -> tuple[str, ...]:
    """Both, but for what has no training or one that draws.

    Args:
        control: one of `CONTROLS`.
    """
    return TRAININGS[1:] if control in (*LIKELIER, *UNTAUGHT) else TRAININGS


def network_of(
    learning: Learning,
    work: Work,
    control: str,
    training: str,
    data: Ensemble,
    seed: int,
) -> RBM:
    """The machine of one control.

    Args:
        learning: of those that learn.
        work: seed and runs.
        control: one of `CONTROLS`.
        training: one of `trainings_of` it.
        data: of `data_of` it.
        seed: number of the machine.
    """
    label = f"{control} {seed}"
    if control in UNTAUGHT:
        first = RBM(LATTICE, learning.hidden)
        return first.initialised(
            seed=work.subseed("untaught", label), scale=UNTAUGHT[control]
        )
    if control in LIKELIER:
        learning = replace(learning, more=LIKELIER[control])
    if control == "shuffled weights":
        taught = learned(work, data, learning, training, f"Ising {seed}")
        return shuffled(taught, work.subseed("order", training, seed))
    return learned(work, data, learning, training, label)
