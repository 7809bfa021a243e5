"""A training between two epochs, as a file: what it takes to go on to the same bits.

A checkpoint is a file of weights with the velocity and the persistent chains added, so
that it also loads as the machine of that epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from kadanoff.networks.machine import Machine
from kadanoff.networks.weights import load_state, save

__all__ = [
    "State",
    "checkpoints",
    "finish",
    "is_lasting",
    "keep",
    "machines_of",
    "stored",
]

WORK_BETWEEN = 4e10  # weights × configurations: a few seconds of one core
RESULT = "model.safetensors"
VELOCITY = "velocity."


@dataclass
class State:
    """All that an epoch depends on, beside the data, the settings and the seed.

    `past` are the machines of the epochs 0, 1, 2, 4, … so far, where chains live there.
    """

    network: Machine
    velocity: dict[str, Tensor]
    chains: Tensor
    epoch: int = 0
    past: list[Machine] = field(default_factory=list)


def checkpoints(store: Path | None) -> list[Path]:
    """The checkpoints of a training, oldest first."""
    return sorted(store.glob("epoch-*.safetensors")) if store is not None else []


def keep(state: State, store: Path | None, size: int) -> None:
    """Write a checkpoint if one is due.

    Due are the epochs 0, 1, 2, 4, 8, …, whose files stay, and one epoch every few
    seconds of work, of which the newest stays.
    """
    epoch, older = state.epoch, checkpoints(store)
    every = max(1, round(WORK_BETWEEN / (state.network.W.numel() * size)))
    if store is None or (epoch % every and not is_lasting(epoch)):
        return
    tensors = {VELOCITY + name: t for name, t in state.velocity.items()}
    spins = state.network.units == ("spin", "spin")
    tensors["chains"] = state.chains.to(torch.int8 if spins else state.chains.dtype)
    tensors["epoch"] = torch.tensor(epoch)
    new = store / f"epoch-{epoch:06d}.safetensors"
    save(state.network, new, state=tensors)
    for path in older:
        # Beyond this epoch there are only damaged files, which were passed over.
        if path != new and (_epoch(path) > epoch or not is_lasting(_epoch(path))):
            path.unlink()


def finish(state: State, store: Path | None) -> Machine:
    """The trained machine with the signs of its units fixed, stored as the result."""
    state.network.orient()
    if store is not None:
        save(state.network, store / RESULT)
    return state.network


def stored(store: Path | None, notes: dict[str, Any], epochs: int) -> State | None:
    """Where the training with these notes stopped; None where it has not begun.

    A file that cannot be read is passed over for the newest checkpoint that can.

    Raises:
        ValueError: the directory holds another training, or a checkpoint that can be
            read and is none of this program.
    """
    if store is None:
        return None
    store.mkdir(parents=True, exist_ok=True)
    result = store / RESULT
    if result.exists() and _is_whole(result):
        network, _ = load_state(result)
        state = State(network, {}, torch.empty(0), epochs)
    elif paths := _up_to_a_whole_one(store):
        state = _read(paths[-1])
    else:
        return None
    if state.network.notes != notes:
        changed = [k for k, v in notes.items() if state.network.notes.get(k) != v]
        raise ValueError(
            f"{store} holds another training (other {', '.join(changed)}); give an "
            "empty directory"
        )
    return state


def _up_to_a_whole_one(store: Path | None) -> list[Path]:
    """The checkpoints, oldest first, without damaged ones at the end."""
    paths = checkpoints(store)
    while paths and not _is_whole(paths[-1]):
        paths.pop()
    return paths


def _is_whole(path: Path) -> bool:
    """Whether a file is safetensors to its end, whatever it describes."""
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                file.get_tensor(name)
    except (SafetensorError, OSError):
        return False
    return True


def _read(path: Path) -> State:
    try:
        network, tensors = load_state(path)
    except ValueError as error:
        raise ValueError(f"{error}; remove it to go on from the one before") from None
    try:
        epoch = int(tensors.pop("epoch"))
        chains = tensors.pop("chains").to(network.W)
    except KeyError as error:
        raise ValueError(f"{path}: a checkpoint without {error}; remove it") from None
    velocity = {name.removeprefix(VELOCITY): t for name, t in tensors.items()}
    return State(network, velocity, chains, epoch)


def machines_of(store: Path | None) -> list[Machine]:
    """The machines of the epochs 0, 1, 2, 4, … that a training has stored."""
    paths = _up_to_a_whole_one(store)
    kept = [path for path in paths if is_lasting(_epoch(path))]
    return [load_state(path)[0] for path in kept]


def is_lasting(epoch: int) -> bool:
    """Whether the machine of that epoch is kept: 0, 1, 2, 4, 8, …"""
    return epoch & (epoch - 1) == 0


def _epoch(path: Path) -> int:
    return int(path.stem.removeprefix("epoch-"))
