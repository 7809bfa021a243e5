"""ln Z of tied filters on a chain or a narrow strip, by a transfer matrix.

With filter f and stride s the state is the f − s rows that two neighbouring rows of
filters share, and

    Z = Tr Tⁿ      for n rows of filters

(Kramers and Wannier, Phys. Rev. 60, 252 (1941)).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kadanoff.geometry import Geometry
from kadanoff.networks.conv_rbm import CONVOLVE, ConvRBM
from kadanoff.networks.enumeration import all_states_by_parts
from kadanoff.networks.machine import Machine
from kadanoff.networks.twin import in_double
from kadanoff.networks.units import SPIN

__all__ = ["obstacle", "transferred"]

MOST_WINDOW, MOST_STATES = 22, 12  # spins of a transfer window, and of its states
LARGEST_SPREAD = 300.0  # of ln T: products of two rows then stay in range


def transferred(machine: Machine, visible: Geometry | None = None) -> Tensor:
    """ln Z of tied filters by a transfer matrix along the longest side; float64.

    Of any number of maps and either kind of hidden units; differentiable.

    Raises:
        ValueError: another machine, visible units that are no spins, more than 22 spins
            under a row of filters or 12 in a state, or weights beyond e^{±300}.
    """
    fine = machine.visible_geometry(visible)
    missing = obstacle(machine, fine)
    if not isinstance(machine, ConvRBM) or missing:
        raise ValueError(
            f"a transfer matrix needs {missing}; estimate ln Z by annealed importance "
            "sampling"
        )
    twin = in_double(machine)
    axis, cross = _strip(fine)
    log_t = _log_transfer(twin, axis, cross)
    steps = fine.lattice[axis] // machine.stride
    return _log_trace(log_t, steps)


def obstacle(machine: Machine, fine: Geometry) -> str:
    """What a transfer matrix would need; empty if it can be had."""
    if not isinstance(machine, ConvRBM):
        return f"a conv-rbm, got a machine of kind '{machine.kind}'"
    if machine.visible_units != SPIN:
        return f"visible spins, got {machine.visible_units.name} units"
    width = math.prod(_strip(fine)[1])
    window, state = machine.filter * width, 2 * machine.margin * width
    if window > MOST_WINDOW or state > MOST_STATES:
        return (
            f"at most {MOST_WINDOW} spins under a row of filters and {MOST_STATES} "
            f"shared by two, got {window} and {state} on a lattice of {fine.lattice}"
        )
    return ""


def _strip(fine: Geometry) -> tuple[int, tuple[int, ...]]:
    """The longest axis, and the sides across it."""
    sides = fine.lattice
    axis = int(np.argmax(sides))
    return axis, (*sides[:axis], *sides[axis + 1 :])


def _log_transfer(machine: Any, axis: int, cross: tuple[int, ...]) -> Tensor:
    """ln T between the rows before and after one row of filters, `(state, state)`."""
    width = math.prod(cross)
    window, state = machine.filter * width, 2 * machine.margin * width
    added = machine.stride * width
    logs = torch.cat(
        [
            _row_weights(machine, axis, rows.to(machine.W), cross)
            for rows in all_states_by_parts(window)
        ]
    )
    if added >= state:
        middle = logs.reshape(2**state, 2 ** (added - state), 2**state)
        return torch.logsumexp(middle, 1)
    code = torch.arange(2**window, device=logs.device)
    ends = code >> added, code & (2**state - 1)
    empty = logs.new_full((2**state, 2**state), -math.inf)
    return empty.index_put(ends, logs)


def _row_weights(
    machine: Any, axis: int, rows: Tensor, cross: tuple[int, ...]
) -> Tensor:
    """ln of what one row of filters and the sites it adds contribute, `(n,)`."""
    rows = rows.reshape(-1, machine.filter, *cross)
    margins = (machine.margin,) * (2 * len(cross))
    padded = rows[:, None]
    if cross:
        padded = functional.pad(padded, (*margins, 0, 0), mode="circular")
    W = machine.W.movedim(2 + axis, 2)
    convolve = CONVOLVE[machine.dimension]
    field = convolve(padded, W, machine.b, stride=machine.stride)
    hidden = machine.hidden_units.log_sum(field, field.new_ones(()))
    own = machine.c * rows[:, -machine.stride :].flatten(1).sum(1)
    return hidden.flatten(1).sum(1) + own


def _log_trace(log_t: Tensor, steps: int) -> Tensor:
    """ln Tr Tⁿ by repeated squaring, scaled so that nothing overflows."""
    finite = log_t.detach()[torch.isfinite(log_t.detach())]
    spread = float(finite.max() - finite.min())
    if spread > LARGEST_SPREAD:
        raise ValueError(
            f"a transfer matrix needs weights within a factor e^{LARGEST_SPREAD:.0f}, "
            f"got e^{spread:.0f}; use a narrower strip or smaller weights"
        )
    top = log_t.detach().max()
    square, log_square = (log_t - top).exp(), top
    power, log_power = None, log_t.new_zeros(())
    while steps:
        if steps & 1:
            power = square if power is None else power @ square
            power, log_power = _scaled(power, log_power + log_square)
        steps >>= 1
        if steps:
            square, log_square = _scaled(square @ square, 2 * log_square)
    assert power is not None
    return power.trace().log() + log_power


def _scaled(matrix: Tensor, log: Tensor) -> tuple[Tensor, Tensor]:
    size = matrix.detach().max()
    return matrix / size, log + size.log()
