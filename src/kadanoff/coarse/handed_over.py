"""Modules and functions that somebody hands over as rules: run here, checked alike.

They already run in this process, and so need no child; what `foreign` says of outputs,
chance and geometry holds for them too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kadanoff.coarse.user.passes import ArrayMap, compared
from kadanoff.coarse.user.rule import Encoding, Input, Known, Output, UserRule
from kadanoff.protocols import CoarseGraining

if TYPE_CHECKING:
    from kadanoff.coarse.user.network import NetworkMap

__all__ = ["CallableRule", "ModuleRule", "as_rule"]


@dataclass(frozen=True)
class ModuleRule(UserRule):
    """A torch module that was handed over, run in this process.

    Args:
        module: the network; it is in evaluation mode while it runs, and afterwards as
            it was.
        layer: as for `TorchRule`, as are input, encoding, output and map.
        name: what to call it in a history; its class where empty.

    Raises:
        ValueError: what is no module, or an option that there is not; when it is
            applied, whatever the module does that a rule must not do.
    """

    module: Any
    layer: str = ""
    input: Input = "nchw"
    encoding: Encoding = "pm1"
    output: Output = "spin"
    map: int | None = None
    name: str = ""
    _known: Known = field(default_factory=Known, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        import torch

        if not isinstance(self.module, torch.nn.Module):
            raise ValueError(
                f"a ModuleRule is of a torch module, got {self.module!r}; give "
                "CallableRule(function) for a function of arrays"
            )
        self._check()

    @property
    def flat(self) -> bool:
        """Whether the network is fed rows of sites."""
        return self.input == "flat"

    @property
    def text(self) -> str:
        """Its name and options."""
        return f"module:{self.name or type(self.module).__name__}{self._options()}"

    @cached_property
    def _network(self) -> NetworkMap:
        from kadanoff.coarse.user.network import NetworkMap

        return NetworkMap(self.module, self.layer, self.input, self.encoding)

    def _pass(
        self, values: np.ndarray, seed: int, compare: bool
    ) -> tuple[np.ndarray, str]:
        from kadanoff.networks.products import one_thread

        with one_thread():
            if compare:
                return compared(self._network, values, seed)
            return self._network(values, seed), "none"


@dataclass(frozen=True)
class CallableRule(UserRule):
    """A function of NumPy arrays that was handed over, run in this process.

    Args:
        function: `(n, *lattice)` values to `(n, *coarse)`, `(n, maps, *coarse)` or
            `(n, units)`; it gets a copy, int8 for spins and float32 for real values.
        encoding: as for `TorchRule`, as are output and map.
        name: what to call it in a history; its own name where empty.

    Raises:
        ValueError: what is no function, or an option that there is not; when it is
            applied, whatever the function does that a rule must not do.
    """

    function: Callable[[np.ndarray], Any]
    encoding: Encoding = "pm1"
    output: Output = "spin"
    map: int | None = None
    name: str = ""
    _known: Known = field(default_factory=Known, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ValueError(
                f"a CallableRule is of a function of arrays, got {self.function!r}"
            )
        self._check()

    @property
    def text(self) -> str:
        """Its name and options."""
        own = getattr(self.function, "__name__", type(self.function).__name__)
        return f"callable:{self.name or own}{self._options()}"

    def _pass(
        self, values: np.ndarray, seed: int, compare: bool
    ) -> tuple[np.ndarray, str]:
        apply = ArrayMap(self.function, self.encoding)
        if compare:
            return compared(apply, values, seed)
        return apply(values, seed), "none"


def as_rule(source: Any, **options: Any) -> CoarseGraining:
    """The rule that somebody's map is, whatever it came as.

    Args:
        source: a rule, which is taken as it is; a machine of this package; a torch
            module; a function of arrays.
        options: of `ModuleRule` or `CallableRule`.

    Raises:
        ValueError: what is none of these, options for a rule, or options that there
            are not.

    >>> print(as_rule(lambda spins: spins[:, ::2, ::2], name="every other"))
    callable:every other
    """
    if isinstance(source, type) or not callable(source):
        raise ValueError(
            f"a rule is a coarse-graining, a torch module or a function of arrays, got "
            f"{source!r}; make an object of a class, and a TorchRule of a file"
        )
    module = hasattr(source, "register_forward_hook")
    own = _of_this_package(source) if module else source
    if isinstance(own, CoarseGraining):
        if options:
            raise ValueError(
                f"rule '{own}' has its options already, got {', '.join(options)}; "
                "leave them out, or make the rule with them"
            )
        return own
    kind = ModuleRule if module else CallableRule
    known = [f.name for f in fields(kind)[1:] if f.init]
    for option in options:
        if option not in known:
            raise ValueError(f"options are {', '.join(known)}, got {option!r}")
    return kind(source, **options)


def _of_this_package(module: Any) -> CoarseGraining | None:
    """The rule that a machine, a deep network or a baseline of the package is."""
    from kadanoff.coarse.layer import Code, Layer, layers_of
    from kadanoff.networks.autoencoder import Autoencoder
    from kadanoff.networks.dbn import DBN
    from kadanoff.networks.machine import Machine
    from kadanoff.networks.pca import PCA

    match module:
        case Machine():
            return Layer(module)
        case DBN():
            return layers_of(module)
        case PCA() | Autoencoder():
            return Code(module)
        case _:
            return None
