"""A training that lives in a run directory: killed at any moment, it goes on.

The run is named by the network, its settings, its seed and the content of the data, so
that the same training finds its own checkpoints again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from kadanoff.ensemble import Ensemble
from kadanoff.networks.machine import Machine
from kadanoff.networks.settings import Training
from kadanoff.networks.train import check, train
from kadanoff.runs import Run

__all__ = ["train_in_run"]

VERSION = 1  # part of the run's name: raise it when the trained bits change

M = TypeVar("M", bound=Machine)


def train_in_run(
    network: M,
    data: Ensemble,
    *,
    settings: Training,
    seed: int,
    runs: Path,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[M, Run]:
    """The trained network and the run that holds its checkpoints.

    Args:
        network: the machine, with the weights to start from.
        data: what to train on.
        settings: how to train.
        seed: orders the batches and draws the units.
        runs: root of run directories.
        progress: called with the epochs done and their number.

    Raises:
        ValueError: as `train`, before anything is created where it can be; a run that
            another process holds.
    """
    check(network, data, settings)
    work = Run.of(
        runs,
        step="train",
        version=VERSION,
        settings={
            "kind": network.kind,
            "network": network.describe(),
            "training": asdict(settings),
            "seed": seed,
        },
        inputs={"data": data, "start": network.W.detach().cpu().numpy()},
    )
    with work.open():
        trained = train(
            network,
            data,
            settings=settings,
            seed=seed,
            store=work.directory,
            progress=progress,
        )
        last = {name: float(series[-1]) for name, series in trained.record.items()}
        work.finish(last)
    return trained, work
