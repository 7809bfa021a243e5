"""A training that lives in a run directory: killed at any moment, it goes on.

The run is named by the network, its settings, its seed and the content of the data, so
that the same training finds its own checkpoints again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.networks.dbn import DBN, train_dbn
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import fast_products, one_thread, product_path
from kadanoff.networks.settings import Training
from kadanoff.networks.train import check, check_held_out, train
from kadanoff.runs import Run

__all__ = ["last_readings", "train_in_run"]

VERSION = 2  # part of the run's name: raise it when the trained bits change

N = TypeVar("N", Machine, DBN)


def train_in_run(
    network: N,
    data: Ensemble,
    *,
    settings: Training | Sequence[Training],
    seed: int,
    runs: Path,
    held_out: Ensemble | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[N, Run]:
    """The trained network and the run that holds its checkpoints.

    Args:
        network: a machine or a stack of them, with the weights to start from.
        data: what to train on.
        settings: how to train; of a stack, one for all layers or one for each.
        seed: orders the batches and draws the units.
        runs: root of run directories.
        held_out: configurations of other chains, as in `train`.
        device: where to compute.
        progress: called with the epochs done and their number.

    Raises:
        ValueError: as `train`, before anything is created where it can be; a run that
            another process holds.
    """
    machines = network.machines if isinstance(network, DBN) else [network]
    each = [settings] if isinstance(settings, Training) else list(settings)
    check(machines[0], data, each[0])
    check_held_out(machines[0], held_out, each[0])
    starts = {f"start {k}": _weights(machine) for k, machine in enumerate(machines)}
    work = Run.of(
        runs,
        step="train",
        version=VERSION,
        settings={
            "kind": network.kind,
            "network": network.describe(),
            "training": [asdict(how) for how in each],
            "seed": seed,
        },
        inputs={
            "data": data,
            **starts,
            **({} if held_out is None else {"held_out": held_out}),
        },
    )
    with work.open():
        method: Any = train_dbn if isinstance(network, DBN) else train
        trained = method(
            network,
            data,
            settings=settings if isinstance(network, DBN) else each[0],
            seed=seed,
            held_out=held_out,
            device=device,
            store=work.directory,
            progress=progress,
        )
        work.finish({**last_readings(trained), "products": _products()})
    return trained, work


def _products() -> str:
    """What a training computes products with here: other products, other bits."""
    with one_thread(), fast_products():
        return product_path()


def last_readings(network: Machine | DBN) -> dict[str, Any]:
    """The readings after the last epoch, by name; layer by layer for a stack."""
    if isinstance(network, DBN):
        layers = [last_readings(machine) for machine in network.machines]
        return {f"layer {k}": readings for k, readings in enumerate(layers)}
    return _last(network.record)


def _last(record: Mapping[str, np.ndarray]) -> dict[str, float | None]:
    values = {name: float(series[-1]) for name, series in record.items()}
    return {name: x if math.isfinite(x) else None for name, x in values.items()}


def _weights(machine: Machine) -> np.ndarray:
    return machine.W.detach().cpu().numpy()
