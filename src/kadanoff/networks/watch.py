"""What a training says of itself as it goes on, as arrays in `Machine.record`.

    epoch, learning_rate
    reconstruction      expected share of wrong spins after means of h (mean square
                        error of real units)
    weight              mean |W|
    pseudo_likelihood   mean of ln p(v_i | v_rest), one site of each configuration, of
                        held-out configurations where there are any
    gap, gap_error      mean F of held-out minus mean F of training configurations
    chain_energy        −(1/N) Σ_<ij> v_i v_j of the model's configurations
    chain_energy_error  its standard error over the batch
    mixing              integrated autocorrelation time of F, in Gibbs steps

They are taken after the epochs 1, 2, 4, 8, …, after every twentieth part of the
training, and at its end; after every epoch where a largest gap may stop it. A reading
that a machine or its data do not have is left out. All are computed in 64 bits: the
faster products of a training are not for evaluation.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry
from kadanoff.networks.checkpoint import is_lasting
from kadanoff.networks.machine import Machine
from kadanoff.networks.readings import (
    chain_energy,
    free_energy_gap,
    mixing_time,
    pseudo_likelihood,
)
from kadanoff.networks.settings import Training
from kadanoff.networks.units import SPIN
from kadanoff.randomness import generator, subseed

__all__ = ["Watched", "is_read", "overfitted", "read"]

WATCHED = 1024  # configurations that the readings rest on
CHAINS, STEPS = 16, 100  # for the mixing time
PARTS = 20
SIGMAS = 2.0


@dataclass(frozen=True, eq=False)
class Watched:
    """Fixed samples of configurations that a machine is read on.

    Attributes:
        data, held_out: `(n, *lattice)` tensors.
        geometry: of the visible layer.
        spins: whether configurations are ±1.
        seed: draws the sites and chains of the readings.
    """

    data: Tensor
    held_out: Tensor | None
    geometry: Geometry
    spins: bool
    seed: int

    @classmethod
    def of(
        cls, data: Ensemble, held_out: Ensemble | None, *, seed: int, machine: Machine
    ) -> Self:
        """A thousand configurations of each."""
        samples = [None if e is None else _some(e, seed) for e in (data, held_out)]
        first, second = (None if s is None else machine.tensor(s) for s in samples)
        assert first is not None
        spins = data.alphabet == "pm1"
        return cls(first, second, data.geometry, spins, seed)


def is_read(epoch: int, settings: Training) -> bool:
    """Whether readings are due after that many epochs."""
    every = 1 if settings.largest_gap is not None else -(-settings.epochs // PARTS)
    return is_lasting(epoch) or epoch % every == 0 or epoch == settings.epochs


def read(
    network: Machine, watched: Watched, v: Tensor, epoch: int, settings: Training
) -> None:
    """Append the readings after an epoch to the record of the machine.

    Args:
        network: after the epoch.
        watched: configurations to read it on.
        v: the model's configurations of the last update.
        epoch: how many are done.
        settings: of the training.
    """
    energies = chain_energy(v, watched.geometry)
    readings = {
        "epoch": epoch,
        "learning_rate": settings.rate((epoch - 1) / settings.epochs),
        "reconstruction": _reconstruction(network, watched.data),
        "weight": network.W.abs().mean(),
    }
    if watched.held_out is not None:
        gap = free_energy_gap(network, watched.data, watched.held_out)
        readings |= {"gap": gap.value, "gap_error": gap.error}
    if network.visible_units == SPIN:
        readings["chain_energy"] = energies.mean()
        readings["chain_energy_error"] = energies.std() / math.sqrt(len(energies))
        readings["mixing"] = _mixing(network, watched, epoch)
        if watched.spins:
            readings["pseudo_likelihood"] = _pseudo_likelihood(network, watched, epoch)
    for name, value in readings.items():
        past = network.record.get(name, np.empty(0))
        network.record[name] = np.append(past, float(value))


def overfitted(network: Machine, largest_gap: float | None) -> bool:
    """Whether held-out configurations have become unlikely, by two standard errors."""
    if largest_gap is None:
        return False
    gap, error = (network.record[name][-1] for name in ("gap", "gap_error"))
    return bool(gap - SIGMAS * error > largest_gap)


def _some(ensemble: Ensemble, seed: int) -> np.ndarray:
    size = min(WATCHED, ensemble.size)
    return next(ensemble.batches(size, rng=generator(seed, "watched")))


def _reconstruction(network: Machine, v: Tensor) -> Tensor:
    """Expected share of wrong spins after means of h, or mean square of real errors."""
    network = copy.deepcopy(network).double()
    v = v.double()
    again = network.visible_mean(network.hidden_mean(v))
    if network.visible_units == SPIN:
        return (1 - v.flatten(1) * again.flatten(1)).mean() / 2
    return (v - again).square().mean()


def _pseudo_likelihood(network: Machine, watched: Watched, epoch: int) -> Tensor:
    v = watched.data if watched.held_out is None else watched.held_out
    noise = torch.Generator(v.device).manual_seed(subseed(watched.seed, "sites", epoch))
    return pseudo_likelihood(network, v, noise=noise).mean()


def _mixing(network: Machine, watched: Watched, epoch: int) -> float:
    v = watched.data[:CHAINS]
    noise = torch.Generator(v.device).manual_seed(
        subseed(watched.seed, "mixing", epoch)
    )
    return mixing_time(network, v, STEPS, noise=noise)["F"].value
