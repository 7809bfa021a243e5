"""A network from the file of a user: imported, built, given its weights.

This runs the file: only `child` calls it.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from kadanoff.coarse.user.network import layer_of
from kadanoff.coarse.user.passes import Refused, guarded, one_line, told

__all__ = ["load"]

MODULE = "kadanoff_user_file"
NESTED = ("state_dict", "model_state_dict")  # where training scripts keep the weights


def load(file: str, function: str, layer: str = "", weights: str = "") -> Any:
    """What `function` of `file` is: a module, or a function of tensors.

    Args:
        file: Python source; its folder is where its own imports are looked up first.
        function: name of a module, of a class or function without arguments that makes
            one, or of a function of one tensor.
        layer: what will be read of it, which has to be there.
        weights: its state, as safetensors or as a torch file of nothing but weights.

    Raises:
        Refused: what cannot be imported, built or filled, with the reason.
    """
    network = _built(_named(_imported(file), function), file)
    if weights:
        _fill(network, weights)
    if layer:
        layer_of(network, layer.partition("#")[0])
    return network


def _imported(file: str) -> ModuleType:
    sys.argv = [file]
    sys.path.insert(0, str(Path(file).resolve().parent))
    loader = SourceFileLoader(MODULE, file)
    spec = importlib.util.spec_from_loader(MODULE, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module  # dataclasses and such look themselves up
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        raise Refused(f"cannot be imported: {told(problem, file)}") from problem
    return module


def _named(module: ModuleType, name: str) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    names = [key for key, value in vars(module).items() if _is_own(key, value)]
    raise Refused(f"has no {name!r} in it; it has {', '.join(names) or 'nothing'}")


def _is_own(name: str, value: Any) -> bool:
    made_there = getattr(value, "__module__", "") == MODULE and callable(value)
    return not name.startswith("_") and (
        made_there or isinstance(value, torch.nn.Module)
    )


def _built(found: Any, file: str) -> Any:
    """A module, or what makes one, or the map itself."""
    if isinstance(found, torch.nn.Module):
        return found
    if not callable(found):
        raise Refused(
            f"is a {type(found).__name__}; name a torch module, what makes one, or a "
            "function of one tensor"
        )
    if not _takes(found, 0):
        if isinstance(found, type) or not _takes(found, 1):
            raise Refused(
                "needs arguments; name a function without any that makes the module, "
                "such as: def small(): return Net(hidden=64)"
            )
        return found
    made = guarded(found, file)
    if not callable(made):
        raise Refused(
            f"makes a {type(made).__name__} where a torch module is needed; let it "
            "return the module"
        )
    return made


def _takes(function: Any, arguments: int) -> bool:
    """Whether it can be called with so many arguments, as far as it says."""
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # a built-in that does not say: it is taken for a map
        return arguments == 1
    return True


def _fill(network: Any, weights: str) -> None:
    if not isinstance(network, torch.nn.Module):
        raise Refused("is a function and takes no weights; leave the weights out")
    state = _state(weights)
    try:
        network.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as problem:
        said = one_line(str(problem).partition(":\n")[2] or str(problem))
        raise Refused(f"does not fit the weights in {weights}: {said}") from problem


def _state(weights: str) -> dict[str, torch.Tensor]:
    """Tensors by name; nothing else is read, and no code in the file is run."""
    if weights.endswith(".safetensors"):
        from safetensors.torch import load_file

        try:
            return load_file(weights)
        except Exception as problem:
            raise Refused(
                f"cannot read the weights in {weights} ({told(problem)}); write them "
                "again with safetensors.torch.save_file"
            ) from problem
    found = _torch_file(weights)
    for key in NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict):
        raise Refused(
            f"needs the weights by name, got a {type(found).__name__} in {weights}; "
            "write them with torch.save(model.state_dict(), FILE)"
        )
    return found


def _torch_file(weights: str) -> Any:
    try:
        return torch.load(weights, weights_only=True, map_location="cpu")
    except Exception as problem:
        raise Refused(
            f"needs a file of nothing but weights, got {weights}, which is damaged or "
            "a full pickle; pickles can run code and are not read: write the weights "
            "where they were made with torch.save(model.state_dict(), FILE) or "
            "safetensors.torch.save_file(model.state_dict(), FILE)"
        ) from problem
