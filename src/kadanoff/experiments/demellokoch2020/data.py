"""What the figures share: configurations, and networks trained on them, as runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.exhibit import Work
from kadanoff.models.ising import Ising
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.rbm import RBM
from kadanoff.networks.resumable import train_in_run
from kadanoff.networks.settings import Training
from kadanoff.samplers.run import sample
from kadanoff.samplers.temperatures import sample_sweep
from kadanoff.sweep import Sweep

__all__ = ["TEMPERATURES", "drawn", "mixed", "swept", "trained"]

TEMPERATURES = tuple(k / 10 for k in range(60))
"""T = 0, 0.1, …, 5.9 in J/k_B: 60 of them, as many as the thermometer has outputs.

That there are 60 is in the text at hand; their values are reconstructed.
"""

N = TypeVar("N", RBM, ConvRBM, DBN)


def drawn(
    work: Work,
    shape: Sequence[int],
    temperature: float,
    draws: int,
    *,
    purpose: str = "read",
    chains: int | None = None,
) -> Ensemble:
    """Equilibrium configurations at one temperature.

    Args:
        work: seed and runs.
        shape: of the lattice.
        temperature: in J/k_B; 0 is the ground states.
        draws: configurations of all chains together.
        purpose: names the chains; other purposes have independent ones.
        chains: how many; from the sampler's table if not given.

    Raises:
        ValueError: as `kadanoff.sample`.
    """
    sides = "x".join(map(str, shape))
    return sample(
        Ising(tuple(shape)),
        coupling=math.inf if temperature == 0 else 1 / temperature,
        draws=draws,
        chains=chains,
        seed=work.subseed(purpose, sides, f"{temperature:.6f}"),
        runs=work.runs,
        progress=work.progress(f"{sides} at T = {temperature:.3f}"),
    )


def swept(
    work: Work,
    shape: Sequence[int],
    temperatures: Sequence[float],
    draws: int,
    *,
    purpose: str = "read",
    chains: int | None = None,
) -> Sweep:
    """Configurations at each of several temperatures, `draws` at each.

    Args: as `drawn`.

    Raises:
        ValueError: as `kadanoff.sample_sweep`.
    """
    sides = "x".join(map(str, shape))
    return sample_sweep(
        Ising(tuple(shape)),
        temperatures=temperatures,
        draws=draws,
        chains=chains,
        seed=work.subseed(purpose, sides),
        runs=work.runs,
        progress=work.progress(f"{sides} at {len(temperatures)} temperatures"),
    )


def mixed(sweep: Sweep) -> Ensemble:
    """All configurations of a sweep as one ensemble, which has no temperature.

    Every chain keeps its temperature: chain k of ensemble t is chain t·chains + k.
    """
    values = np.concatenate([ensemble.values for ensemble in sweep])
    return Ensemble.from_values(
        values,
        sweep[0].geometry,
        tau=max(ensemble.tau for ensemble in sweep),
        history=({"step": "mixed", "temperatures": list(sweep.temperatures)},),
    )


def trained(
    work: Work, network: N, data: Ensemble, training: Training, label: str
) -> N:
    """The network after training, which resumes where it was stopped.

    Args:
        work: seed, runs and device.
        network: with the weights to start from.
        data: configurations.
        training: how.
        label: names the training, for its seed and its progress.

    Raises:
        ValueError: as `kadanoff.train`.
    """
    done, _ = train_in_run(
        network,
        data,
        settings=training,
        seed=work.subseed("train", label),
        runs=work.runs,
        device=work.device,
        progress=work.progress(f"training {label}"),
    )
    return done
