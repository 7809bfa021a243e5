"""What a training made of a machine: what `kadanoff.reports.training` draws, computed.

The readings of `networks.readings` with errors that know the chains of the data, beside
what is exactly known: of the nearest-neighbour Ising model on a rectangular torus the
energy, and the pseudo-likelihood that no machine can exceed in the mean, that of the
law itself,

    ln p(s_i | s_rest) = −ln(1 + e^{−2 K s_i Σ_j s_j}),   j the neighbours of i.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional

from kadanoff.ensemble import Block, Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.geometry import Geometry, Grid
from kadanoff.instruments.known import known
from kadanoff.models.registry import model_of
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread
from kadanoff.networks.readings import (
    Chains,
    chain_energy,
    chains_from,
    covariance_spectrum,
    pseudo_likelihood,
    spectrum,
    structure_factor,
)
from kadanoff.networks.units import SPIN
from kadanoff.provenance import plain, software
from kadanoff.randomness import subseed

__all__ = ["training"]

ALL_SITES = 256  # configurations whose every site is asked for its likelihood
READ = 1024  # configurations that other means rest on
CHAINS, STEPS = 64, 200
FILTERS, SAMPLES = 64, 8
LARGEST_MATRIX = 2048  # sites whose covariance is diagonalised in a second
MOST_WAVES = 10_000  # configurations that spectra of the data rest on


def training(
    machine: Machine,
    data: Ensemble,
    held_out: Ensemble | None = None,
    *,
    seed: int,
    steps: int = STEPS,
) -> xr.Dataset:
    """Everything that the page of a training shows.

    Args:
        machine: trained, with its record and notes.
        data: what it was trained on.
        held_out: configurations of other chains; without them, the pseudo-likelihood
            is read on the data and there is no gap.
        seed: draws the chains.
        steps: Gibbs steps of the chains that start from the (held-out) data.

    Returns:
        `record(quantity, epoch)` with `record_error`; `value(reading)` with `error`,
        both NaN where not known; `trace(observable, step)` with `trace_error`;
        `filters(unit, …)` with `norm(unit)`; `singular(mode)`, and of the data
        `covariance` and `structure`; `samples(source, picture, …)`. The attributes are
        text: title, JSON of the notes, versions.

    Raises:
        ValueError: data that do not fit the machine; data and held-out configurations
            that share some of their chains.
    """
    machine.visible_geometry(data.geometry)
    machine = copy.deepcopy(machine).double()
    unseen = held_out if held_out is not None else data
    with one_thread(), torch.no_grad():
        chains = _chains(machine, unseen, steps, seed)
        parts = [
            _record(machine),
            _readings(machine, data, held_out, chains),
            _traces(chains),
            _filters(machine, data.geometry),
            _spectra(machine, data),
            _samples(unseen, chains),
        ]
    dataset = xr.merge(parts, join="exact", combine_attrs="no_conflicts")
    dataset.attrs = _attributes(machine, data, held_out, steps, seed)
    return dataset


def _record(machine: Machine) -> xr.Dataset:
    """Readings per epoch; those of another length than the epochs are left out."""
    past = {name: np.atleast_1d(values) for name, values in machine.record.items()}
    longest = max((len(values) for values in past.values()), default=0)
    epoch = past.pop("epoch", np.arange(1, longest + 1))
    curves = {name: x for name, x in past.items() if x.shape == epoch.shape}
    names = [name for name in curves if name.removesuffix("_error") not in curves]
    names += [name for name in curves if not name.endswith("_error")]
    names = list(dict.fromkeys(names))
    nothing = np.full(len(epoch), np.nan)
    errors = [curves.get(f"{name}_error", nothing) for name in names]
    shape = (len(names), len(epoch))
    values = np.array([curves[name] for name in names], dtype=float).reshape(shape)
    return xr.Dataset(
        {
            "record": (("quantity", "epoch"), values),
            "record_error": (("quantity", "epoch"), np.array(errors).reshape(shape)),
        },
        {"quantity": np.array(names, dtype=str), "epoch": epoch},
    )


def _readings(
    machine: Machine, data: Ensemble, held_out: Ensemble | None, chains: Chains
) -> xr.Dataset:
    """The numbers of the first page, by name; what is not known is left out."""
    unseen = held_out if held_out is not None else data
    free_energy = lambda v: machine.free_energy(v.to(machine.W))  # noqa: E731
    found: dict[str, tuple[Any, Any]] = {}
    if machine.visible_units == SPIN and unseen.alphabet == "pm1":
        likelihood = _mean(
            unseen, ALL_SITES, lambda v: pseudo_likelihood(machine, v.to(machine.W))
        )
        found["pseudo_likelihood"] = _pair(likelihood)
    if held_out is not None:
        seen, other = (_mean(e, READ, free_energy) for e in (data, held_out))
        found["gap"] = _pair(other - seen)
    settled = chains.energy[:, chains.energy.shape[1] // 2 :].mean(axis=1)
    if np.isfinite(settled).all():
        found["energy"] = float(settled.mean()), _standard_error(settled)
        neighbours = _mean(unseen, READ, lambda v: chain_energy(v, unseen.geometry))
        found["data_energy"] = _pair(neighbours)
    times = chains.mixing_time()
    found["mixing_m"], found["mixing_F"] = times["|m|"], times["F"]
    for name, value in _exact(unseen).items():
        found[name] = value
    values, errors = np.array(list(found.values()), dtype=float).T
    return xr.Dataset(
        {"value": ("reading", values), "error": ("reading", errors)},
        {"reading": list(found)},
    )


def _exact(ensemble: Ensemble) -> dict[str, tuple[Any, Any]]:
    """The energy, and the pseudo-likelihood of the law of the data; {} if unknown."""
    shape = ensemble.geometry.lattice
    plain = ensemble.model == "ising" and set(ensemble.couplings) == {"K"}
    if not plain or ensemble.geometry != Grid(shape):
        return {}
    coupling = ensemble.couplings["K"]
    found = {}
    model = model_of(ensemble)
    if model is not None and "energy" in (exact := known(model, coupling)):
        found["exact_energy"] = exact["energy"], 0.0
    law = _mean(ensemble, ALL_SITES, lambda v: _law_likelihood(v, coupling))
    return {**found, "law_pseudo_likelihood": _pair(law)}


def _law_likelihood(v: Tensor, coupling: float) -> Tensor:
    axes = range(1, v.ndim)
    fields = sum((v.roll(1, a) + v.roll(-1, a) for a in axes), torch.zeros_like(v))
    return -functional.softplus(-2 * coupling * v * fields).flatten(1).mean(1)


def _mean(ensemble: Ensemble, most: int, read: Callable[[Tensor], Tensor]) -> Estimate:
    """The mean of a reading over some configurations of every jackknife block."""
    blocks = ensemble.blocks()
    each = max(1, most // len(blocks))
    parts = [_some(ensemble, block, each) for block in blocks]
    read_off = read(torch.from_numpy(np.concatenate(parts)).double()).cpu().numpy()
    sizes = np.array([len(part) for part in parts], dtype=float)
    ends = np.cumsum(sizes).astype(int)[:-1]
    means = np.array([x.mean() for x in np.split(read_off, ends)])
    if len(blocks) < 2:  # one chain, shorter than what an error bar needs
        return Estimate(means[0], {ensemble.lineage: np.array([np.nan] * 2)}, 1)
    n_eff = min(ensemble.n_eff, sizes.sum())
    whole = {"lineage": ensemble.lineage, "n_eff": n_eff}
    return weighted_jackknife([means], lambda mean: mean, sizes, **whole)


def _some(ensemble: Ensemble, block: Block, most: int) -> np.ndarray:
    """Configurations evenly spread over a block."""
    width = block.draws.stop - block.draws.start
    places = np.linspace(0, block.size - 1, min(most, block.size)).round().astype(int)
    rows = []
    for chain, draw in zip(*np.divmod(places, width), strict=True):
        c, d = block.chains.start + int(chain), block.draws.start + int(draw)
        rows.append(ensemble.read(Block(slice(c, c + 1), slice(d, d + 1))))
    return np.concatenate(rows)


def _chains(machine: Machine, start: Ensemble, steps: int, seed: int) -> Chains:
    """Gibbs chains from configurations of as many blocks as there are."""
    blocks = start.blocks()
    each = max(1, CHAINS // len(blocks))
    v = torch.from_numpy(np.concatenate([_some(start, b, each) for b in blocks]))
    noise = torch.Generator(machine.W.device).manual_seed(subseed(seed, "page"))
    return chains_from(machine, v, steps, noise=noise, geometry=start.geometry)


def _traces(chains: Chains) -> xr.Dataset:
    """⟨e⟩ and ⟨|m|⟩ over chains at every Gibbs step."""
    series = {"energy": chains.energy, "|m|": abs(chains.magnetization)}
    value = np.array([x.mean(axis=0) for x in series.values()])
    error = np.array([_standard_error(x) for x in series.values()])
    return xr.Dataset(
        {
            "trace": (("observable", "step"), value),
            "trace_error": (("observable", "step"), error),
        },
        {"observable": list(series), "step": np.arange(value.shape[1])},
    )


def _standard_error(series: np.ndarray) -> np.ndarray:
    """Of the mean over independent chains, the first axis; NaN of one chain."""
    if len(series) < 2:
        return np.full(series.shape[1:], np.nan)
    return series.std(axis=0, ddof=1) / math.sqrt(len(series))


def _filters(machine: Machine, geometry: Geometry) -> xr.Dataset:
    """Weights of the units with the largest norm, on the lattice."""
    if isinstance(machine, ConvRBM):
        weights = machine.W[:, 0]
    else:
        weights = machine.W.T.reshape(-1, *geometry.lattice)
    norms = weights.flatten(1).norm(dim=1)
    order = norms.argsort(descending=True, stable=True)[:FILTERS]
    weights, norms = weights[order].cpu().numpy(), norms[order].cpu().numpy()
    axes = [f"filter_{axis}" for axis in range(weights.ndim - 1)]
    return xr.Dataset(
        {"filters": (("unit", *axes), weights), "norm": ("unit", norms)},
        {"unit": order.cpu().numpy()},
    )


def _spectra(machine: Machine, data: Ensemble) -> xr.Dataset:
    """Of W, and of the data by the covariance and by its mean over translations."""
    found = {"singular": spectrum(machine, data.geometry).cpu().numpy()}
    if math.prod(data.shape) <= LARGEST_MATRIX:
        found["covariance"] = covariance_spectrum(_first(data)).numpy()
    if isinstance(data.geometry, Grid) and len(data.geometry.cell) == 1:
        found["structure"] = structure_factor(_first(data)).numpy()
    return xr.Dataset(
        {name: (f"{name}_mode", values) for name, values in found.items()}
    )


def _first(ensemble: Ensemble) -> Iterator[Tensor]:
    """Configurations of all chains, chunk by chunk, up to a number that is enough."""
    draws = max(1, min(ensemble.draws, MOST_WAVES // ensemble.chains))
    # Evenly spread in time: neighbouring draws tell little that is new.
    at = np.linspace(0, ensemble.draws - 1, draws).round().astype(int)
    step = max(1, READ // ensemble.draws)
    for start in range(0, ensemble.chains, step):
        stop = min(ensemble.chains, start + step)
        block = Block(slice(start, stop), slice(0, ensemble.draws))
        values = ensemble.read(block).reshape(stop - start, -1, *ensemble.shape)
        yield torch.from_numpy(values[:, at].reshape(-1, *ensemble.shape))


def _samples(data: Ensemble, chains: Chains) -> xr.Dataset:
    """Configurations of the data and ends of the chains, side by side."""
    last = chains.last[:: max(1, len(chains.last) // SAMPLES)][:SAMPLES]
    places = np.linspace(0, data.chains - 1, len(last)).round().astype(int)
    # Of one chain, draws far apart.
    draws = np.linspace(0, data.draws - 1, len(last)).round().astype(int)
    rows = [
        data.read(Block(slice(int(c), int(c) + 1), slice(int(d), int(d) + 1)))
        for c, d in zip(places, draws, strict=True)
    ]
    pictures = np.stack([np.concatenate(rows), last]).astype(np.float32)
    axes = [f"sample_{axis}" for axis in range(pictures.ndim - 2)]
    return xr.Dataset(
        {"samples": (("source", "picture", *axes), pictures)},
        {"source": ["data", "model"]},
    )


def _pair(estimate: Estimate) -> tuple[float, float]:
    return float(estimate.value), float(estimate.error)


def _attributes(
    machine: Machine,
    data: Ensemble,
    held_out: Ensemble | None,
    steps: int,
    seed: int,
) -> dict[str, Any]:
    return {
        "kind": machine.kind,
        "lattice": "×".join(map(str, data.geometry.lattice)),
        "units": "×".join(map(str, machine.hidden_lattice(data.geometry))),
        "positions": int(isinstance(data.geometry, Grid)),
        "held_out": int(held_out is not None),
        "steps": steps,
        "sites": math.prod(data.geometry.lattice),
        "spread": float(machine.W.detach().double().square().mean().sqrt()),
        "data": _origin(data),
        "network": _text(machine.describe()),
        "notes": _text(machine.notes),
        "software": _text(software()),
        "seed": seed,
    }


def _origin(data: Ensemble) -> str:
    values = ", ".join(
        f"{name} = {value:.6g}" for name, value in data.couplings.items()
    )
    name = f"{data.model}, " if data.model else ""
    return f"{name}{values}{', ' if values else ''}{data.size} configurations"


def _text(value: Any) -> str:
    return json.dumps(value, default=plain, ensure_ascii=False)
