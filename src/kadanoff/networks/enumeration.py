"""ln Z of a machine by visiting every state of one layer, and independent draws.

    Z = Σ_h e^{−F(h)} = Σ_v e^{−F(v)}

over the states of whichever layer of spins is smaller: the other one is summed out unit
by unit, in the closed form of its kind.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor

from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Geometry
from kadanoff.networks.machine import Machine
from kadanoff.networks.twin import in_double, parameters_of, with_parameters
from kadanoff.networks.units import GAUSSIAN, SPIN

__all__ = [
    "MOST_DRAWN",
    "MOST_ENUMERATED",
    "Layer",
    "all_states_by_parts",
    "enumerated",
    "exact_samples",
    "smaller_layer",
]

MOST_ENUMERATED = 25
MOST_DRAWN = 16  # units of a layer whose states are all held, to draw from them
CHUNK_UNITS = 12
LOW_UNITS, MIDDLE_UNITS = 7, 9  # thirds of the enumerated layer: tables in the cache
LARGEST_PRODUCT = 700.0  # ln of what a float64 product may become
LARGEST_FIELD = 300.0


def enumerated(machine: Machine, visible: Geometry | None = None) -> Tensor:
    """ln Z by visiting every state of the smaller layer of spins; float64.

    Raises:
        ValueError: no layer of at most 25 spins.
    """
    layer = smaller_layer(machine, machine.visible_geometry(visible))
    if layer.size > MOST_ENUMERATED:
        raise ValueError(
            f"an exact ln Z enumerates a layer of at most {MOST_ENUMERATED} spins, the "
            f"smaller one has {layer.size}; estimate it by annealed importance sampling"
        )
    twin = in_double(machine)
    if layer.size <= CHUNK_UNITS:
        return _log_sum(twin, layer)
    return _Enumeration.apply(twin, layer, *parameters_of(twin).values())


@torch.no_grad()
def exact_samples(
    machine: Machine, visible: Geometry | None, count: int, noise: torch.Generator
) -> Tensor:
    """Independent v ~ p(v), by the exact law of the smaller layer, `(count, *lattice)`.

    Raises:
        ValueError: no layer of at most 16 spins.
    """
    fine = machine.visible_geometry(visible)
    layer = smaller_layer(machine, fine)
    if layer.size > MOST_DRAWN:
        raise ValueError(
            f"exact samples need a layer of at most {MOST_DRAWN} spins, the smaller "
            f"one has {layer.size}; draw them by parallel tempering"
        )
    states = torch.from_numpy(all_states(layer.size)).to(machine.W)
    twin = in_double(machine)
    log_weight = torch.cat(
        [-layer.free_energy(twin, part) for part in states.split(1 << CHUNK_UNITS)]
    )
    law = torch.softmax(log_weight, 0)
    chosen = torch.multinomial(law, count, replacement=True, generator=noise)
    drawn = states[chosen].reshape(-1, *layer.lattice)
    if not layer.hidden:
        return drawn
    v = machine.draw_visible(machine.visible_field(drawn), noise)
    return v.reshape(-1, *fine.lattice)


@dataclass(frozen=True)
class Layer:
    """One of the two layers."""

    lattice: tuple[int, ...]
    hidden: bool

    @property
    def size(self) -> int:
        """The number of its units."""
        return math.prod(self.lattice)

    def free_energy(self, machine: Machine, states: Tensor) -> Tensor:
        """−ln of the sum over the other layer, `(n,)`, of `(n, unit)` states."""
        states = states.to(machine.W).reshape(-1, *self.lattice)
        if self.hidden:
            return machine.hidden_free_energy(states)
        return machine.free_energy(states)


def smaller_layer(machine: Machine, fine: Geometry) -> Layer:
    """The layer of spins, or the smaller one of two, over the visible layer `fine`."""
    layers = [
        Layer(lattice, hidden)
        for lattice, hidden, units in (
            (machine.hidden_lattice(fine), True, machine.hidden_units),
            (fine.lattice, False, machine.visible_units),
        )
        if units == SPIN
    ]
    return min(layers, key=lambda layer: layer.size)


def all_states_by_parts(units: int) -> Iterator[Tensor]:
    """All ±1 states of so many units, int8, some at a time."""
    low = torch.from_numpy(all_states(min(units, CHUNK_UNITS)))
    if units <= CHUNK_UNITS:
        yield low
        return
    for high in torch.from_numpy(all_states(units - CHUNK_UNITS)):
        yield torch.cat([high.expand(len(low), -1), low], 1)


class _Enumeration(torch.autograd.Function):
    """The fast sum, with the gradient −⟨∂F/∂θ⟩ by a second, slower visit."""

    @staticmethod
    def forward(ctx: Any, twin: Machine, layer: Layer, *parameters: Tensor) -> Tensor:
        value = _fast_log_sum(twin, layer)
        ctx.twin, ctx.layer = twin, layer
        ctx.save_for_backward(value, *parameters)
        return value

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        value, *saved = ctx.saved_tensors
        free = [p.detach().requires_grad_() for p in saved]
        twin = with_parameters(
            ctx.twin, dict(zip(parameters_of(ctx.twin), free, strict=True))
        )
        sums = [torch.zeros_like(p) for p in free]
        for states in all_states_by_parts(ctx.layer.size):
            with torch.enable_grad():
                part = torch.logsumexp(-ctx.layer.free_energy(twin, states), 0)
            share = (part.detach() - value).exp()
            for total, slope in zip(
                sums, torch.autograd.grad(part, free, allow_unused=True), strict=True
            ):
                if slope is not None:
                    total += share * slope
        return None, None, *(outer[0] * total for total in sums)


def _log_sum(machine: Machine, layer: Layer) -> Tensor:
    """ln Σ e^{−F} over the layer's states, some at a time."""
    parts = [
        torch.logsumexp(-layer.free_energy(machine, states), 0)
        for states in all_states_by_parts(layer.size)
    ]
    return torch.logsumexp(torch.stack(parts), 0)


def _fast_log_sum(machine: Machine, layer: Layer) -> Tensor:
    W, fields, own, constant = _as_seen_from(machine, layer)
    if (machine.visible_units if layer.hidden else machine.hidden_units) == GAUSSIAN:
        value = constant + _quadratic_log_sum(W, fields, own, float(machine.precision))
    elif np.max(abs(W).sum(0) + abs(fields)) > LARGEST_FIELD:
        return _log_sum(machine, layer)
    else:
        value = _product_log_sum(W, fields, own)
    return machine.W.new_tensor(value)


def _as_seen_from(
    machine: Machine, layer: Layer
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """W (layer, other), fields of the other and of the layer itself, a constant."""
    eye = torch.eye(layer.size).to(machine.W).reshape(-1, *layer.lattice)
    respond = machine.visible_field if layer.hidden else machine.hidden_field
    at_rest = respond(eye[:1] * 0)
    W = (respond(eye) - at_rest).flatten(1)
    answer = machine.hidden_field if layer.hidden else machine.visible_field
    own = answer(torch.zeros_like(at_rest)).flatten()
    units = machine.visible_units if layer.hidden else machine.hidden_units
    precision = machine.precision if layer.hidden else machine.W.new_ones(())
    constant = at_rest.numel() * float(units.log_sum(at_rest.new_zeros(()), precision))
    return (
        W.numpy(force=True),
        at_rest.flatten().numpy(force=True),
        own.numpy(force=True),
        constant,
    )


def _thirds(W: np.ndarray) -> list[tuple[np.ndarray, slice]]:
    """States of the low, middle and top units, and which units these are."""
    n = len(W)
    cuts = [0, min(LOW_UNITS, n), min(LOW_UNITS + MIDDLE_UNITS, n), n]
    spans = [slice(i, j) for i, j in itertools.pairwise(cuts)]
    return [
        (all_states(s.stop - s.start) if s.stop > s.start else np.ones((1, 0)), s)
        for s in spans
    ]


def _product_log_sum(W: np.ndarray, fields: np.ndarray, own: np.ndarray) -> float:
    """ln Σ_e e^{own·e} Π_a 2cosh(fields + Wᵀe)_a."""
    from kadanoff.kernels.partition_sum import log_sum

    parts = [states @ W[span] for states, span in _thirds(W)]
    parts[0] = parts[0] + fields
    weights = tuple(
        part.sum(1) + states @ own[span]
        for part, (states, span) in zip(parts, _thirds(W), strict=True)
    )
    low, middle, top = (np.exp(-2 * part) for part in parts)
    tables = (np.ascontiguousarray(low.T), middle, top)
    ends = _ends(np.logaddexp(0, 2 * (abs(W).sum(0) + abs(fields))))
    room = [np.empty(n) for n in (len(low), len(low), W.shape[1])]
    return float(log_sum(tables, weights, ends, *room))


def _ends(caps: np.ndarray) -> np.ndarray:
    """Ends of the runs of units whose caps add up to what a float64 can hold."""
    ends, total = [], 0.0
    for a, cap in enumerate(caps):
        if total + cap > LARGEST_PRODUCT:
            ends.append(a)
            total = 0.0
        total += cap
    return np.array([*ends, len(caps)])


def _quadratic_log_sum(
    W: np.ndarray, fields: np.ndarray, own: np.ndarray, precision: float
) -> float:
    """ln Σ_e e^{own·e + |fields + Wᵀe|²/2γ}."""
    J = W @ W.T / precision
    g = own + W @ fields / precision
    n = len(W)
    low, high = slice(0, CHUNK_UNITS), slice(CHUNK_UNITS, n)
    here, there = (all_states(s.stop - s.start).astype(float) for s in (low, high))
    logs = [
        ((e @ J[s, s]) * e).sum(1) / 2 + e @ g[s]
        for e, s in ((here, low), (there, high))
    ]
    cross = here @ J[low, high]
    parts = [
        logsumexp(logs[0] + cross @ e) + log
        for e, log in zip(there, logs[1], strict=True)
    ]
    total: Any = logsumexp(parts)
    return float(total) + float(fields @ fields) / (2 * precision)
