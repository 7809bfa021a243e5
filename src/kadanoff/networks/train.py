"""Training a machine: up the gradient of the likelihood, one plain loop.

The gradient of ln p(v) is a difference of two averages,

    ∂ ln L / ∂W = ⟨v hᵀ⟩_data − ⟨v hᵀ⟩_model,

the second one estimated by Markov chains (`networks.negative`). Hidden units enter both
averages by their means (Rao–Blackwell); in between, units are drawn.

An epoch depends only on the parameters, the velocity and the chains it starts from:
batches and noise come from the seed and the number of the epoch. So a training that was
killed goes on from its last checkpoint to the same bits.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kadanoff.content import content_hash
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.networks.checkpoint import (
    State,
    checkpoints,
    finish,
    is_lasting,
    keep,
    machines_of,
    stored,
)
from kadanoff.networks.device import check_device
from kadanoff.networks.machine import Machine
from kadanoff.networks.negative import PHASES, first_chains
from kadanoff.networks.products import fast_products, full_products, one_thread
from kadanoff.networks.settings import TIED, Training, recommended
from kadanoff.networks.units import SPIN
from kadanoff.networks.watch import Watched, is_read, overfitted, read
from kadanoff.randomness import generator, subseed

__all__ = ["TIED", "Training", "check", "check_held_out", "recommended", "train"]

M = TypeVar("M", bound=Machine)


def train(
    network: M,
    data: Ensemble,
    *,
    settings: Training | None = None,
    seed: int,
    held_out: Ensemble | None = None,
    device: str = "cpu",
    store: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> M:
    """A trained copy of `network`; the given one stays as it was.

    Args:
        network: the machine, with the weights to start from.
        data: configurations of units (or means of spins); unpacked batch by batch.
        settings: how to train; `recommended(network)` where not given.
        seed: orders the batches and draws the units.
        held_out: configurations of other chains, for the free-energy gap and the
            pseudo-likelihood.
        device: where to compute: `cpu`, `cuda` or `cuda:N`.
        store: a directory for checkpoints, from which a training that was stopped goes
            on, and for the result, `model.safetensors`.
        progress: called with the epochs done and their number.

    Returns:
        The machine; its `record` holds the readings of `networks.watch` per epoch.

    Raises:
        ValueError: data that do not fit, are not finite or too few; a store of another
            training; a largest gap without `held_out`; weights that stop being finite
            (the last good checkpoint stays).
    """
    settings = settings or recommended(network)
    check_device(device)
    check(network, data, settings)
    check_held_out(network, held_out, settings)
    notes = _notes(network, data, held_out, settings, seed)
    state = stored(store, notes, settings.epochs)
    if state is None:
        state = _start(network, data, settings, seed)
        state.network.notes = notes
        keep(state, store, data.size)
    elif settings.chains == "checkpoints":
        state.past = machines_of(store)
    _move(state, device)
    watched = Watched.of(data, held_out, seed=seed, machine=state.network)
    updates = data.size // settings.batch
    noise = torch.Generator(device)
    with one_thread(), fast_products(), torch.no_grad():
        for epoch in range(state.epoch, settings.epochs):
            before = state.network
            if settings.largest_gap is not None:
                before = copy.deepcopy(before)
            noise.manual_seed(subseed(seed, "noise", epoch))
            shuffle = generator(seed, "epoch", epoch)
            batches = data.batches(
                settings.batch, rng=shuffle, symmetry=settings.symmetry
            )
            v = watched.data
            for update, values in enumerate(batches):
                share = (epoch + update / updates) / settings.epochs
                v = state.network.tensor(values)
                v = _update(state, v, settings, share, noise)
                _check_finite(state, store)
            state.epoch = epoch + 1
            if is_read(state.epoch, settings):
                with full_products():
                    read(state.network, watched, v, state.epoch, settings)
            if overfitted(state.network, settings.largest_gap):
                state.network = before
                break
            _remember(state, settings)
            keep(state, store, data.size)
            if progress is not None:
                progress(state.epoch, settings.epochs)
    return cast("M", finish(state, store))


def _update(
    state: State,
    v: Tensor,
    settings: Training,
    share: float,
    noise: torch.Generator,
) -> Tensor:
    """One step up the estimated gradient, in place; the configurations of the model."""
    network, velocity = state.network, state.velocity
    scale = 1 / (len(v) * network.copies(v))
    rate, k = settings.rate(share), settings.steps(share)
    field = network.hidden_field(v)
    one = field.new_ones(())
    h = network.hidden_units.mean(field, one)
    network.accumulate(velocity, v, h, scale, keep=settings.momentum)
    v = PHASES[settings.chains](state, field, settings, k, noise)
    field = network.hidden_field(v)
    h = network.hidden_units.mean(field, one)
    network.accumulate(velocity, v, h, -scale)
    if settings.chains == "persistent":
        state.chains = network.draw_hidden(field, noise)
    for name, moment in velocity.items():
        getattr(network, name).add_(moment, alpha=rate)
    # With momentum a steady gradient moves the weights by rate / (1 − momentum).
    pull = rate / (1 - settings.momentum)
    _shrink(network.W, pull * settings.l1, pull * settings.l2)
    return v


def _shrink(weights: Tensor, l1: float, l2: float) -> None:
    if l1:
        # The proximal step of |W| leaves exact zeros; the sign alone would overshoot.
        weights.copy_(functional.softshrink(weights, l1))
    if l2:
        weights.mul_(1 - l2)


def _start(network: Machine, data: Ensemble, settings: Training, seed: int) -> State:
    network = copy.deepcopy(network)
    velocity = {
        name: torch.zeros_like(parameter)
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    network.record = {}
    noise = torch.Generator().manual_seed(subseed(seed, "chains"))
    state = State(network, velocity, torch.empty(0))
    state.chains = first_chains(network, data.geometry, settings, noise)
    if settings.chains == "checkpoints":
        state.past = [copy.deepcopy(network)]
    return state


def _remember(state: State, settings: Training) -> None:
    """Let the chains live at the machine of this epoch too, if it is a lasting one."""
    if settings.chains == "checkpoints" and is_lasting(state.epoch):
        state.past.append(copy.deepcopy(state.network))
        state.chains = torch.cat([state.chains, state.chains[-1:]])


def _move(state: State, device: str) -> None:
    state.network = state.network.to(device)
    state.velocity = {name: t.to(device) for name, t in state.velocity.items()}
    state.chains = state.chains.to(device)
    state.past = [machine.to(device) for machine in state.past]


def check(network: Machine, data: Ensemble, settings: Training) -> None:
    """Refuse a training that cannot be done, before anything is created.

    Raises:
        ValueError: data that do not fit the network, several feature maps, fewer
            configurations than a batch, or values beyond ±1.
    """
    network.visible_geometry(data.geometry)
    network.check_finite()
    if data.features is not None:
        raise ValueError(
            f"the {network.kind} trains on one value per site, got {data.features} "
            "feature maps; choose one"
        )
    if data.size < settings.batch:
        raise ValueError(
            f"a batch of {settings.batch} needs as many configurations, got "
            f"{data.size}; sample more, or give a smaller batch"
        )
    field = data.couplings.get("h", 0.0)
    if settings.symmetry.flip and field:
        raise ValueError(
            "spins may be flipped where up and down are alike, got configurations in a "
            f"field h = {field:g}; leave the flip out of the symmetry"
        )
    if settings.symmetry.translations and not isinstance(data.geometry, Grid):
        raise ValueError(
            "shifts move configurations of a lattice, got units without positions; "
            "leave the shifts out of the symmetry"
        )
    most = 1 if network.visible_units == SPIN else np.finfo(np.float32).max
    if data.alphabet not in ("pm1", "real"):
        raise ValueError(
            f"the {network.kind} trains on ±1 spins or real values, got alphabet "
            f"{data.alphabet!r}; choose one state and import it as ±1"
        )
    if data.alphabet == "real":
        for chunk in data.chunks():
            # A NaN is not below anything.
            if not np.abs(data.read(chunk)).max() <= most:
                raise ValueError(
                    f"the {network.kind} of {network.visible_units.name} units trains "
                    f"on finite values{' between -1 and 1' if most == 1 else ''}, got "
                    f"others among draws {chunk.draws.start} to {chunk.draws.stop} "
                    f"of chains {chunk.chains.start} to {chunk.chains.stop}"
                )


def check_held_out(
    network: Machine, held_out: Ensemble | None, settings: Training
) -> None:
    """Refuse to hold out what does not fit, or nothing where something is needed.

    Raises:
        ValueError: configurations that do not fit, or none and a `largest_gap`.
    """
    if held_out is not None:
        network.visible_geometry(held_out.geometry)
    elif settings.largest_gap is not None:
        raise ValueError(
            "a training that stops at a free-energy gap needs configurations to hold "
            "out, got none; give held_out, or leave largest_gap out"
        )


def _check_finite(state: State, store: Path | None) -> None:
    parameters = state.network.parameters()
    if torch.isfinite(torch.stack([p.sum() for p in parameters]).sum()):
        return
    good = checkpoints(store)
    kept = f"the last good checkpoint is {good[-1]}" if good else "none was stored"
    raise ValueError(
        f"the weights stopped being finite in epoch {state.epoch + 1}; {kept}; lower "
        "the learning rate"
    )


def _notes(
    network: Machine,
    data: Ensemble,
    held_out: Ensemble | None,
    settings: Training,
    seed: int,
) -> dict[str, Any]:
    """What the result depends on, JSON-ready; two equal notes, the same training."""
    return {
        "settings": json.loads(json.dumps(asdict(settings))),
        "seed": int(seed),
        "network": network.describe(),
        "start": [content_hash(p.detach().cpu().numpy()) for p in network.parameters()],
        "data": content_hash(data.data),
        "lineage": data.lineage,
        "held_out": None if held_out is None else content_hash(held_out.data),
    }
