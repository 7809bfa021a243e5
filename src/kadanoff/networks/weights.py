"""Networks as files: safetensors, checked on the way in, replaced whole on the way out.

One file holds the parameters, the readings per epoch as tensors `record.*`, whatever
state a checkpoint adds, and under the single metadata key `kadanoff` a JSON object with
kind, arguments and notes. (One key, sorted: the format stores several in random order,
and the same network must give the same bytes.) The arguments of a `dbn` are kind and
arguments of each of its machines, whose parameters are `layers.0.W` and so on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, overload

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kadanoff.files import replacing
from kadanoff.geometry import geometry_from
from kadanoff.networks.autoencoder import Autoencoder
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.machine import Machine
from kadanoff.networks.pca import PCA
from kadanoff.networks.rbm import RBM
from kadanoff.networks.units import GAUSSIAN

__all__ = ["Network", "load", "load_state", "save"]

VERSION = 2
RECORD = "record."

Network = Machine | DBN | PCA | Autoencoder
Shapes = dict[str, tuple[int, ...]]
Form = tuple[Shapes, Callable[[], Network]]
MachineForm = tuple[Shapes, Callable[[], Machine]]


def save(
    network: Network, path: Path | str, *, state: Mapping[str, Tensor] | None = None
) -> None:
    """Write a network; the file appears complete or not at all.

    Args:
        network: a machine, a `DBN`, a `PCA` or an `Autoencoder`, with its record and
            notes.
        path: of the safetensors file.
        state: further tensors, such as the velocity of an unfinished training.

    Raises:
        OSError: no room, or no right to write; what was at `path` stays.
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
        try:
            save_file(on_cpu, temporary, metadata)
        except SafetensorError as error:
            raise OSError(
                f"{path}: the weights could not be written ({error}); make room there "
                "and try again"
            ) from None


@overload
def load(path: Path | str, *, kind: Literal["rbm"]) -> RBM: ...
@overload
def load(path: Path | str, *, kind: Literal["conv-rbm"]) -> ConvRBM: ...
@overload
def load(path: Path | str, *, kind: Literal["dbn"]) -> DBN: ...
@overload
def load(path: Path | str, *, kind: Literal["pca"]) -> PCA: ...
@overload
def load(path: Path | str, *, kind: Literal["autoencoder"]) -> Autoencoder: ...
@overload
def load(path: Path | str, *, kind: str | None = None) -> Any: ...


def load(path: Path | str, *, kind: str | None = None) -> Network:
    """The network in a file that `save` or a training wrote.

    Args:
        path: of the safetensors file.
        kind: what it must be, `rbm`, `conv-rbm`, `dbn`, `pca` or `autoencoder`; any
            kind where not given.

    Raises:
        ValueError: no file, not safetensors, cut short, another program's, another
            format version, another kind, shapes that do not match, or weights that are
            not finite.
    """
    return load_state(path, kind=kind)[0]


def load_state(
    path: Path | str, *, kind: str | None = None
) -> tuple[Any, dict[str, Tensor]]:
    """The network and whatever other tensors the file holds; raises as `load`."""
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
        raise ValueError(f"{path}: expected a network of kind '{kind}', got '{found}'")
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
) -> Network:
    """A network of that form, once the tensors are known to have its shapes."""
    try:
        shapes, build = _form(kind, arguments)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_described(path, error) from None
    for name, shape in shapes.items():
        _check(path, name, tensors.get(name), shape)
    try:
        return build()
    except (TypeError, ValueError) as error:
        raise _not_described(path, error) from None


def _not_described(path: Path, error: Exception) -> ValueError:
    kinds = ", ".join(FORMS)
    return ValueError(
        f"{path}: does not describe a network of kind {kinds} or dbn ({error})"
    )


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


def _form(kind: str, arguments: dict[str, Any]) -> Form:
    """Shapes of the parameters, and what builds the network (allocates nothing yet)."""
    if kind == DBN.kind:
        return _stacked(arguments)
    if kind not in FORMS:
        raise ValueError(f"kind {kind!r}")
    return FORMS[kind](dict(arguments))


def _rbm(arguments: dict[str, Any]) -> MachineForm:
    visible = geometry_from(arguments.pop("visible"))
    shapes = RBM.shapes(visible, arguments["hidden"])
    return _with_precision(shapes, arguments), lambda: RBM(visible, **arguments)


def _conv_rbm(arguments: dict[str, Any]) -> MachineForm:
    sizes = (arguments[name] for name in ("filter", "maps", "dimension"))
    shapes = ConvRBM.shapes(*sizes)
    return _with_precision(shapes, arguments), lambda: ConvRBM(**arguments)


def _pca(arguments: dict[str, Any]) -> Form:
    visible = geometry_from(arguments.pop("visible"))
    shapes = PCA.shapes(visible, arguments["hidden"])
    return shapes, lambda: PCA(visible, **arguments)


def _autoencoder(arguments: dict[str, Any]) -> Form:
    visible = geometry_from(arguments.pop("visible"))
    shapes = Autoencoder.shapes(visible, arguments["hidden"])
    return shapes, lambda: Autoencoder(visible, **arguments)


MACHINES = {"rbm": _rbm, "conv-rbm": _conv_rbm}
FORMS = MACHINES | {"pca": _pca, "autoencoder": _autoencoder}


def _stacked(arguments: dict[str, Any]) -> Form:
    """A deep network, whose layers are machines."""
    layers = [
        MACHINES[one["kind"]](dict(one["arguments"])) for one in arguments["layers"]
    ]
    shapes = {
        f"layers.{l}.{name}": shape
        for l, (own, _) in enumerate(layers)
        for name, shape in own.items()
    }
    return shapes, lambda: DBN([build() for _, build in layers])


def _with_precision(shapes: Shapes, arguments: dict[str, Any]) -> Shapes:
    gaussian = arguments["units"][0] == GAUSSIAN.name
    return shapes | ({"log_precision": ()} if gaussian else {})
