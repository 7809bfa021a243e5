"""A torch network as a map of arrays, read at its end or at a layer inside it.

The layer is read by a forward hook, and the pass stops there: nothing behind it has to
fit the lattice, nor can change in place what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kadanoff.coarse.user.passes import Refused, encoded, guarded, numbers, seeded

__all__ = ["NetworkMap", "layer_of"]

MOST_NAMES = 20  # of layers, in a sentence


class _Reached(BaseException):
    """The layer has run. No Exception: a network that catches those shall not see it.

    Args:
        output: what the layer put out.
    """

    def __init__(self, output: Any) -> None:
        super().__init__("the layer has run")
        self.output = output


@dataclass(frozen=True, eq=False)
class NetworkMap:
    """A network, or a function of tensors, applied to `(n, *lattice)` values.

    Args:
        network: what maps a tensor to a tensor; a module runs in its evaluation mode.
        layer: dotted name of the layer to read, `#1` after it for its second run in one
            pass; the output of the network where empty.
        input: `nchw` feeds `(n, 1, *lattice)`, `flat` feeds `(n, sites)`.
        encoding: `pm1` feeds ±1, `01` feeds 0 and 1.
        file: of the user, whose lines errors are told with.
    """

    network: Callable[[torch.Tensor], Any]
    layer: str = ""
    input: str = "nchw"
    encoding: str = "pm1"
    file: str = ""

    def __call__(self, values: np.ndarray, seed: int) -> np.ndarray:
        """Its output for `(n, *lattice)` values; Refused for what it must not do."""
        given = self._tensor(values)
        kept = given.clone()
        with torch.no_grad(), seeded(seed), _evaluating(self.network):
            out = guarded(lambda: numbers(self._output(given)), self.file)
        if not torch.equal(given, kept):
            raise Refused(
                "changes its input in place; let it begin with a copy, x.clone()"
            )
        return out

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        """The values as the network takes them, in the type of its weights."""
        rows = np.ascontiguousarray(encoded(values, self.encoding))
        n, *lattice = values.shape
        shape = (n, 1, *lattice) if self.input == "nchw" else (n, -1)
        dtype, device = _home(self.network)
        return torch.tensor(rows, dtype=dtype, device=device).reshape(shape)

    def _output(self, given: torch.Tensor) -> Any:
        if not self.layer:
            return self.network(given)
        name, _, turn = self.layer.partition("#")
        wanted, runs = int(turn or 0), 0

        def hook(_layer: Any, _inputs: Any, output: Any) -> None:
            nonlocal runs
            runs += 1
            if runs > wanted:
                raise _Reached(output)

        handle = layer_of(self.network, name).register_forward_hook(hook)
        try:
            self.network(given)
        except _Reached as reached:
            return reached.output
        finally:
            handle.remove()
        raise Refused(
            f"runs its layer {name!r} {runs} times in one pass and was asked for "
            f"{self.layer!r}; runs are counted from #0"
        )


def layer_of(network: Any, name: str) -> torch.nn.Module:
    """The layer of that dotted name; Refused, with those there are, where it is none.

    >>> layer_of(torch.nn.Sequential(torch.nn.ReLU()), "0")
    ReLU()
    """
    if not isinstance(network, torch.nn.Module):
        raise Refused("is a function and has no layers; leave the layer out")
    layers = {key: layer for key, layer in network.named_modules() if key}
    if name not in layers:
        names = ", ".join(list(layers)[:MOST_NAMES]) or "none"
        more = (
            f" and {len(layers) - MOST_NAMES} more" if len(layers) > MOST_NAMES else ""
        )
        raise Refused(f"has no layer {name!r}; its layers are {names}{more}")
    return layers[name]


def _home(network: Any) -> tuple[torch.dtype, torch.device]:
    """Type and place of the weights; float32 on the CPU where there are none."""
    if isinstance(network, torch.nn.Module):
        for weights in network.parameters():
            if weights.is_floating_point():
                return weights.dtype, weights.device
    return torch.float32, torch.device("cpu")


@contextmanager
def _evaluating(network: Any) -> Iterator[None]:
    """A module in evaluation mode inside the block, all layers as before after it."""
    modules = list(network.modules()) if isinstance(network, torch.nn.Module) else []
    training = [module for module in modules if module.training]
    if training:
        network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
