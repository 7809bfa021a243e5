"""Gibbs sampling of a machine: one layer given the other, back and forth.

The chain v → h → v leaves p(v) of the machine invariant. Iterated from lattice data it
is the "RBM flow" of arXiv:1906.05212: a Markov chain on one lattice, not a change of
scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from kadanoff.ensemble import Ensemble
from kadanoff.networks.machine import Machine
from kadanoff.networks.units import SPIN
from kadanoff.randomness import subseed

__all__ = ["gibbs", "rbm_flow", "sample_hidden", "sample_visible"]


def sample_hidden(machine: Machine, v: Tensor, *, noise: torch.Generator) -> Tensor:
    """h ~ p(h | v), `(n, *hidden.lattice)`."""
    return machine.draw_hidden(machine.hidden_field(v), noise)


def sample_visible(machine: Machine, h: Tensor, *, noise: torch.Generator) -> Tensor:
    """v ~ p(v | h), `(n, *visible.lattice)`."""
    return machine.draw_visible(machine.visible_field(h), noise)


@torch.no_grad()
def gibbs(machine: Machine, v: Tensor, steps: int, *, noise: torch.Generator) -> Tensor:
    """The visible units after `steps` of v → h → v; the given ones stay."""
    for _ in range(steps):
        h = sample_hidden(machine, v, noise=noise)
        v = sample_visible(machine, h, noise=noise)
    return v


@torch.no_grad()
def rbm_flow(
    machine: Machine,
    start: Ensemble,
    steps: int,
    *,
    pass_on: Literal["samples", "means"] = "samples",
    seed: int = 0,
) -> Iterator[Ensemble]:
    """The ensembles along v → h → v, the given one first: `steps` + 1 of them.

    Args:
        machine: any machine that fits the lattice of `start`.
        start: configurations.
        steps: length of the flow (9 and 26 in the literature).
        pass_on: draw ±1 units, which is the Gibbs chain; or pass the means
            v ← tanh(W tanh(Wᵀv + b) + c), which is a deterministic map to real values.
        seed: draws the units.

    Raises:
        ValueError: the machine does not fit, or `pass_on` is neither.
    """
    if pass_on not in ("samples", "means"):
        raise ValueError(f"an RBM flow passes on samples or means, got {pass_on!r}")
    machine.visible_geometry(start.geometry)
    yield start
    for step in range(steps):
        noise = torch.Generator().manual_seed(subseed(seed, "flow", step))
        start = _flowed(machine, start, noise, pass_on)
        yield start


def _flowed(
    machine: Machine, given: Ensemble, noise: torch.Generator, pass_on: str
) -> Ensemble:
    parts = []
    for chunk in given.chunks():
        v = machine.tensor(given.read(chunk))
        if pass_on == "samples":
            v = gibbs(machine, v, 1, noise=noise)
        else:
            v = machine.visible_mean(machine.hidden_mean(v))
        parts.append(v.cpu().numpy())
    values = np.concatenate(parts).reshape(given.chains, given.draws, *given.shape)
    spins = pass_on == "samples" and machine.visible_units == SPIN
    alphabet = "pm1" if spins else "real"
    note = {"step": "rbm_flow", "pass_on": pass_on}
    return given.derived(values, given.geometry, alphabet, note)
