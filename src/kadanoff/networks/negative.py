"""The model's side of the gradient: configurations that its chains pass through.

Contrastive divergence starts them at the data (Hinton 2002), persistent chains go on
from the last update (Tieleman 2008), and a ladder lets them exchange places: between
temperatures (Desjardins et al. 2010), or between checkpoints of the training itself
(Béreux et al. 2025). Each function returns visible units `(n, *lattice)` of the machine
and leaves its chains in the state.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kadanoff.geometry import Geometry
from kadanoff.networks.checkpoint import State
from kadanoff.networks.gibbs import gibbs
from kadanoff.networks.ladder import checkpoints, walked
from kadanoff.networks.machine import Machine
from kadanoff.networks.path import Law, Path, schedule
from kadanoff.networks.settings import Training

__all__ = ["PHASES", "first_chains"]

Phase = Callable[[State, Tensor, Training, int, torch.Generator], Tensor]


def first_chains(
    network: Machine, visible: Geometry, settings: Training, noise: torch.Generator
) -> Tensor:
    """Where chains start: units without fields.

    Hidden ones `(batch, *hidden_lattice)` for persistent chains; visible ones
    `(rung, batch, *lattice)` for a ladder.
    """
    if settings.chains == "data":
        return torch.empty(0)
    if settings.chains == "persistent":
        shape = (settings.batch, *network.hidden_lattice(visible))
        return network.draw_hidden(torch.zeros(shape).to(network.W), noise)
    rungs = settings.rungs if settings.chains == "tempered" else 2
    shape = (rungs, settings.batch, *visible.lattice)
    return network.draw_visible(torch.zeros(shape).to(network.W), noise)


def _from_data(
    state: State, field: Tensor, settings: Training, k: int, noise: torch.Generator
) -> Tensor:
    h = state.network.draw_hidden(field, noise)
    return _after(state.network, h, k, noise)


def _from_persistent(
    state: State, field: Tensor, settings: Training, k: int, noise: torch.Generator
) -> Tensor:
    return _after(state.network, state.chains, k, noise)


def _after(network: Machine, h: Tensor, k: int, noise: torch.Generator) -> Tensor:
    """Visible units after h → v and k − 1 more Gibbs steps."""
    v = network.draw_visible(network.visible_field(h), noise)
    return gibbs(network, v, k - 1, noise=noise)


def _from_temperatures(
    state: State, field: Tensor, settings: Training, k: int, noise: torch.Generator
) -> Tensor:
    path = Path.of_temperature(state.network, state.chains.shape[2:])
    rungs = [path.at(beta) for beta in schedule(settings.rungs)]
    return _from_ladder(state, rungs, k, noise)


def _from_checkpoints(
    state: State, field: Tensor, settings: Training, k: int, noise: torch.Generator
) -> Tensor:
    machines = [*state.past, state.network]
    rungs = checkpoints(machines, state.chains.shape[2:])
    return _from_ladder(state, rungs, k, noise)


def _from_ladder(
    state: State, rungs: list[Law], k: int, noise: torch.Generator
) -> Tensor:
    state.chains, _ = walked(rungs, state.chains, k, noise)
    return state.chains[-1]


PHASES: dict[str, Phase] = {
    "data": _from_data,
    "persistent": _from_persistent,
    "tempered": _from_temperatures,
    "checkpoints": _from_checkpoints,
}
