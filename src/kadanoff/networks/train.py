"""Training a machine by contrastive divergence: CD-k and PCD-k, one plain loop.

The gradient of ln p(v) is a difference of two averages,

    ∂ ln L / ∂W = ⟨v hᵀ⟩_data − ⟨v hᵀ⟩_model,

the second one estimated by a Gibbs chain of k steps, from the data (CD-k, Hinton 2002)
or from where the last update left it (PCD-k, Tieleman 2008). Hidden units enter both
averages by their means (Rao–Blackwell); in between, units are drawn.

An epoch depends only on the parameters, the velocity and the persistent chains it
starts from: batches and noise come from the seed and the number of the epoch. So a
training that was killed goes on from its last checkpoint to the same bits.
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
from kadanoff.networks.checkpoint import (
    State,
    checkpoints,
    finish,
    keep,
    stored,
)
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import fast_products, one_thread
from kadanoff.networks.settings import TIED, Training, recommended
from kadanoff.networks.units import SPIN
from kadanoff.randomness import generator, subseed

__all__ = ["TIED", "Training", "check", "recommended", "train"]

M = TypeVar("M", bound=Machine)

WATCHED = 1024  # configurations that the readings per epoch rest on


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
        data: ±1 configurations (or means); unpacked batch by batch.
        settings: how to train; `recommended(network)` where not given.
        seed: orders the batches and draws the units.
        held_out: configurations of other chains, for the free-energy gap.
        device: where to compute, `cpu` or `cuda`.
        store: a directory for checkpoints, from which a training that was stopped goes
            on, and for the result, `model.safetensors`.
        progress: called with the epochs done and their number.

    Returns:
        The machine; its `record` holds per epoch `reconstruction` (expected share of
        wrong sites after v → means of h → means of v), `weight` (mean |W|) and, with
        `held_out`, `gap` (mean F of held-out minus mean F of training configurations).

    Raises:
        ValueError: data that do not fit, are not finite or too few; a store of another
            training; weights that stop being finite (the last good checkpoint stays).
    """
    settings = settings or recommended(network)
    check(network, data, settings)
    notes = _notes(network, data, held_out, settings, seed)
    state = stored(store, notes, settings.epochs)
    if state is None:
        state = _start(network, data, settings, seed)
        state.network.notes = notes
        keep(state, store, data.size)
    _move(state, device)
    watched = [_some(e, seed, state.network) for e in (data, held_out) if e is not None]
    updates = data.size // settings.batch
    noise = torch.Generator(device)
    with one_thread(), fast_products(), torch.no_grad():
        for epoch in range(state.epoch, settings.epochs):
            noise.manual_seed(subseed(seed, "noise", epoch))
            shuffle = generator(seed, "epoch", epoch)
            batches = data.batches(
                settings.batch, rng=shuffle, symmetry=settings.symmetry
            )
            for update, values in enumerate(batches):
                v = state.network.tensor(values)
                rate = settings.rate((epoch + update / updates) / settings.epochs)
                _update(state, v, settings, rate, noise)
                _check_finite(state, store)
            state.epoch = epoch + 1
            _record(state.network, watched)
            keep(state, store, data.size)
            if progress is not None:
                progress(state.epoch, settings.epochs)
    return cast("M", finish(state, store))


def _update(
    state: State, v: Tensor, settings: Training, rate: float, noise: torch.Generator
) -> None:
    """One step up the estimated gradient, in place."""
    network, velocity = state.network, state.velocity
    share = 1 / (len(v) * network.copies(v))
    field = network.hidden_field(v)
    for moment in velocity.values():
        moment.mul_(settings.momentum)
    one = field.new_ones(())
    network.accumulate(velocity, v, network.hidden_units.mean(field, one), share)
    h = state.chains if settings.persistent else network.draw_hidden(field, noise)
    for step in range(settings.k):
        h = network.draw_hidden(field, noise) if step else h
        v = network.draw_visible(network.visible_field(h), noise)
        field = network.hidden_field(v)
    network.accumulate(velocity, v, network.hidden_units.mean(field, one), -share)
    if settings.persistent:
        state.chains = network.draw_hidden(field, noise)
    for name, moment in velocity.items():
        getattr(network, name).add_(moment, alpha=rate)
    # With momentum a steady gradient moves the weights by rate / (1 − momentum).
    pull = rate / (1 - settings.momentum)
    _shrink(network.W, pull * settings.l1, pull * settings.l2)


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
    hidden = network.hidden_lattice(data.geometry)
    noise = torch.Generator().manual_seed(subseed(seed, "chains"))
    shape = (settings.batch, *hidden) if settings.persistent else (0,)
    chains = network.draw_hidden(torch.zeros(shape, dtype=network.W.dtype), noise)
    network.record = {}
    return State(network, velocity, chains)


def _move(state: State, device: str) -> None:
    state.network = state.network.to(device)
    state.velocity = {name: t.to(device) for name, t in state.velocity.items()}
    state.chains = state.chains.to(device)


def _some(ensemble: Ensemble, seed: int, network: Machine) -> Tensor:
    """A fixed sample of configurations to read the machine on."""
    size = min(WATCHED, ensemble.size)
    sample = next(ensemble.batches(size, rng=generator(seed, "watched")))
    return network.tensor(sample)


def _record(network: Machine, watched: list[Tensor]) -> None:
    v = watched[0]
    readings = {
        "reconstruction": _reconstruction(network, v),
        "weight": network.W.abs().mean(),
    }
    if len(watched) == 2:
        data, held_out = (network.free_energy(v).mean() for v in watched)
        readings["gap"] = held_out - data
    for name, value in readings.items():
        past = network.record.get(name, np.empty(0))
        network.record[name] = np.append(past, float(value))


def _reconstruction(network: Machine, v: Tensor) -> Tensor:
    """Expected share of wrong spins after means of h, or mean square of real errors."""
    again = network.visible_mean(network.hidden_mean(v))
    if network.visible_units == SPIN:
        return (1 - v.flatten(1) * again.flatten(1)).mean() / 2
    return (v - again).square().mean()


def check(network: Machine, data: Ensemble, settings: Training) -> None:
    """Refuse a training that cannot be done, before anything is created.

    Raises:
        ValueError: data that do not fit the network, several feature maps, fewer
            configurations than a batch, or values beyond ±1.
    """
    network.visible_geometry(data.geometry)
    if data.features is not None:
        raise ValueError(
            f"a {network.kind} trains on one value per site, got {data.features} "
            "feature maps; choose one"
        )
    if data.size < settings.batch:
        raise ValueError(
            f"a batch of {settings.batch} needs as many configurations, got "
            f"{data.size}; sample more, or give a smaller batch"
        )
    most = 1 if network.visible_units == SPIN else np.finfo(np.float32).max
    if data.alphabet not in ("pm1", "real"):
        raise ValueError(
            f"a {network.kind} trains on ±1 spins or real values, got alphabet "
            f"{data.alphabet!r}; choose one state and import it as ±1"
        )
    if data.alphabet == "real":
        for chunk in data.chunks():
            # A NaN is not below anything.
            if not np.abs(data.read(chunk)).max() <= most:
                raise ValueError(
                    f"a {network.kind} of {network.visible_units.name} units trains "
                    f"on finite values{' between -1 and 1' if most == 1 else ''}, got "
                    f"others among draws {chunk.draws.start} to {chunk.draws.stop} "
                    f"of chains {chunk.chains.start} to {chunk.chains.stop}"
                )


def _check_finite(state: State, store: Path | None) -> None:
    if torch.isfinite(state.network.W.sum()):
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
