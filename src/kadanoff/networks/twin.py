"""A machine with other parameters: in double precision, or without its biases."""

from __future__ import annotations

import copy

from torch import Tensor

from kadanoff.networks.machine import Machine

__all__ = ["in_double", "parameters_of", "with_parameters"]


def parameters_of(machine: Machine) -> dict[str, Tensor]:
    """The parameters that the machine has, by name."""
    return {name: p for name, p in machine._parameters.items() if p is not None}


def with_parameters(machine: Machine, parameters: dict[str, Tensor]) -> Machine:
    """The same form with other parameters, which keep their gradients."""
    twin = copy.copy(machine)
    object.__setattr__(twin, "_parameters", parameters)
    return twin


def in_double(machine: Machine) -> Machine:
    """The same law, evaluated in float64; differentiable in the original weights."""
    own = parameters_of(machine)
    return with_parameters(machine, {name: p.double() for name, p in own.items()})
