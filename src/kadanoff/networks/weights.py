"""Machines as files: safetensors, checked on the way in, replaced whole on the way out.

One file holds the parameters, the readings per epoch as tensors `record.*`, whatever
state a checkpoint adds, and under the single metadata key `kadanoff` a JSON object with
kind, arguments and notes. (One key, sorted: the format stores several in random order,
and the same machine must give the same bytes.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kadanoff.files import replacing
from kadanoff.geometry import geometry_from
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.machine import Machine
from kadanoff.networks.rbm import RBM
from kadanoff.networks.units import GAUSSIAN

__all__ = ["load", "load_state", "save"]

VERSION = 2
RECORD = "record."


def save(
    network: Machine, path: Path | str, *, state: Mapping[str, Tensor] | None = None
) -> None:
    """Write a machine; the file appears complete or not at all.

    Args:
        network: with its record and notes.
        path: of the safetensors file.
        state: further tensors, such as the velocity of an unfinished training.
    """
    about = {
        "version": VERSION,
        "kind": network.kind,
        "arguments": network.describe(),
        "notes": network.notes,
    }
    tensors = {name: p.detach() for name, p in network.named_parameters()}
    tensors |= {RECORD + k: torch.as_tensor(v) for k, v in network.record.items()}
    tensors |= state or {}
    on_cpu = {name: t.contiguous().cpu() for name, t in tensors.items()}
    metadata = {"kadanoff": json.dumps(about, sort_keys=True)}
    with replacing(Path(path)) as temporary:
        save_file(on_cpu, temporary, metadata)


def load(path: Path | str, *, kind: str | None = None) -> Machine:
    """The machine in a file that `save` or a training wrote.

    Args:
        path: of the safetensors file.
        kind: what it must be, `rbm` or `conv-rbm`; any kind where not given.

    Raises:
        ValueError: no file, not safetensors, cut short, another program's, another
            kind, shapes that do not match, or weights that are not finite.
    """
    return load_state(path, kind=kind)[0]


def load_state(
    path: Path | str, *, kind: str | None = None
) -> tuple[Machine, dict[str, Tensor]]:
    """The machine and whatever other tensors the file holds; raises as `load`."""
    path = Path(path)
    tensors, about = _read(path)
    try:
        found, arguments = about["kind"], dict(about["arguments"])
        notes, version = about["notes"], about["version"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: the description of its weights lacks {error}"
        ) from None
    if version != VERSION:
        raise ValueError(
            f"{path}: weights of format version {version}, this program reads {VERSION}"
        )
    if kind is not None and found != kind:
        raise ValueError(f"{path}: expected a machine of kind '{kind}', got '{found}'")
    network = _built(path, found, arguments, tensors)
    parameters = {name: tensors.pop(name) for name, _ in network.named_parameters()}
    network.load_state_dict(parameters, assign=True)
    names = [name for name in tensors if name.startswith(RECORD)]
    network.record = {n.removeprefix(RECORD): tensors.pop(n).numpy() for n in names}
    network.notes = notes
    return network, tensors


def _read(path: Path) -> tuple[dict[str, Tensor], Any]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file; give a file of weights")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: not a complete safetensors file ({error}); copy or train it again"
        ) from None
    if "kadanoff" not in metadata:
        raise ValueError(
            f"{path}: weights without a description of their machine; give a file that "
            "'kadanoff train' wrote, or use 'torch:' for a network of your own"
        )
    try:
        return tensors, json.loads(metadata["kadanoff"])
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: its description is not JSON ({error})") from None


def _built(
    path: Path, kind: str, arguments: dict[str, Any], tensors: dict[str, Tensor]
) -> Machine:
    """A machine of that form, once the tensors are known to have its shapes."""
    try:
        shapes, build = _form(kind, arguments)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: does not describe a machine of kind rbm or conv-rbm ({error})"
        ) from None
    for name, shape in shapes.items():
        _check(path, name, tensors.get(name), shape)
    return build()


def _check(
    path: Path, name: str, tensor: Tensor | None, shape: tuple[int, ...]
) -> None:
    if tensor is None or tuple(tensor.shape) != shape:
        got = "none" if tensor is None else f"shape {tuple(tensor.shape)}"
        raise ValueError(f"{path}: expected {name} of shape {shape}, got {got}")
    if not tensor.is_floating_point() or not torch.isfinite(tensor).all():
        raise ValueError(
            f"{path}: {name} holds values that are not finite numbers; take an earlier "
            "checkpoint of its training"
        )


def _form(kind: str, arguments: dict[str, Any]) -> Any:
    """Shapes of the parameters, and what builds the machine (allocates nothing yet)."""
    match kind:
        case "rbm":
            visible = geometry_from(arguments.pop("visible"))
            shapes = RBM.shapes(visible, arguments["hidden"])
            machine = lambda: RBM(visible, **arguments)  # noqa: E731
        case "conv-rbm":
            sizes = (arguments[name] for name in ("filter", "maps", "dimension"))
            shapes = ConvRBM.shapes(*sizes)
            machine = lambda: ConvRBM(**arguments)  # noqa: E731
        case _:
            raise ValueError(f"kind {kind!r}")
    if arguments["units"][0] == GAUSSIAN.name:
        shapes["log_precision"] = ()
    return shapes, machine
