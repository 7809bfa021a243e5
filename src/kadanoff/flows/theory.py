"""What a flow is: couplings by name, and the map or the rate that moves them.

A `Flow` carries a vector of couplings K over a change of scale b; a `BetaFunction`
gives dK/dl with l the logarithm of the scale. Both are written in torch, so that their
derivatives are exact. Couplings that change sign with the spins are `odd`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

__all__ = [
    "AnyFlow",
    "BetaFunction",
    "Couplings",
    "Flow",
    "FlowWithConstant",
    "named",
    "parity_of",
    "vector",
]

Couplings = Mapping[str, float] | float
"""By name, those left out being zero, or one number for the first coupling."""


@runtime_checkable
class Flow(Protocol):
    """An `RGMap` whose theory is a float64 vector of couplings, `(coupling,)`."""

    names: ClassVar[tuple[str, ...]]
    """The couplings, in the order of the vector; the one that is varied first."""

    odd: ClassVar[tuple[str, ...]]
    """Those that change sign when all spins do."""

    @property
    def dimension(self) -> float:
        """d of the lattice."""
        ...

    @property
    def scale(self) -> float:
        """b, the factor by which lengths shrink in one step."""
        ...

    def step(self, theory: Tensor) -> Tensor:
        """The couplings after one change of scale."""
        ...


@runtime_checkable
class FlowWithConstant(Flow, Protocol):
    """A flow that keeps count of the free energy."""

    def constant(self, theory: Tensor) -> Tensor:
        """g with ln Z/N (K) = g(K) + b^-d ln Z/N (K′), a scalar."""
        ...


@runtime_checkable
class BetaFunction(Protocol):
    """An infinitesimal change of scale; names, odd and dimension as in `Flow`."""

    names: ClassVar[tuple[str, ...]]
    """The couplings, in the order of the vector."""

    odd: ClassVar[tuple[str, ...]]
    """Those that change sign when all spins do."""

    @property
    def dimension(self) -> float:
        """d of the lattice."""
        ...

    def rate(self, theory: Tensor) -> Tensor:
        """dK/dl, l the logarithm of the change of scale."""
        ...


AnyFlow = Flow | BetaFunction


def vector(flow: AnyFlow, couplings: Couplings) -> Tensor:
    """The couplings in the order of the flow, float64.

    Raises:
        ValueError: an unknown name, or a value that is not finite.
    """
    given = _as_mapping(flow, couplings)
    for name in given:
        if name not in flow.names:
            raise ValueError(
                f"the couplings of {flow} are {', '.join(flow.names)}, got {name!r}; "
                "leave it out"
            )
    values = [float(given.get(name, 0.0)) for name in flow.names]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"couplings must be finite numbers, got {dict(given)}")
    return torch.tensor(values, dtype=torch.float64)


def named(flow: AnyFlow, theory: Tensor) -> dict[str, float]:
    """The entries of a vector of couplings by name."""
    return dict(zip(flow.names, theory.tolist(), strict=True))


def _as_mapping(flow: AnyFlow, couplings: Couplings) -> Mapping[str, float]:
    if isinstance(couplings, Mapping):
        return couplings
    return {flow.names[0]: couplings}


def parity_of(flow: AnyFlow) -> tuple[list[int], list[int]]:
    """Positions of the even and of the odd couplings."""
    odd = [i for i, name in enumerate(flow.names) if name in flow.odd]
    return [i for i in range(len(flow.names)) if i not in odd], odd
