"""What repeated steps of a map make of a system, read level by level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.pooling import MaxPool
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, jackknife
from kadanoff.experiments.demellokoch2020.data import trained
from kadanoff.experiments.demellokoch2020.driven.systems import (
    ISING,
    MAPS,
    MATCHED,
    TRAINING,
    Settings,
    all_sides,
    configurations,
)
from kadanoff.experiments.exhibit import Variables, Work
from kadanoff.experiments.studies import over_seeds
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.settings import TIED
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed

__all__ = ["OF_MATCHED", "READINGS", "of_system"]

READINGS = ("K", "field", "density", "neighbours")
"""Nearest-neighbour coupling of the best Ising model, of a forest with its field; share
of up spins; connected correlation of neighbours over the variance of a site."""
OF_MATCHED = ("density", "neighbours", "bare")
"""Of lattices of the same last side; `bare` is the density before the first step."""

Levels = list[dict[str, Estimate]]


def of_system(system: str, settings: Settings, work: Work) -> xr.Dataset:
    """Readings of every level by every map, `(map, level)`, and of matched lattices."""
    fine = all_sides(system, settings, work)
    found, matched = {}, {}
    for name, rule in (("majority", Majority(b=2)), ("any", MaxPool(b=2))):
        seed = work.subseed(system, name)
        levels = [_levels(rule, ensemble, settings, seed) for ensemble in fine]
        found[name] = _read_all(system, levels[-1])
        matched[name] = _read_last(levels)
    found[MAPS[-1]], matched[MAPS[-1]] = _of_machines(system, fine, settings, work)
    made = _tabled(found, READINGS, "")
    if system in MATCHED:
        made |= _tabled(matched, OF_MATCHED, "matched_")
    return xr.Dataset(made)


def _tabled(
    found: Mapping[str, Levels], names: Sequence[str], prefix: str
) -> Variables:
    made: Variables = {}
    for name in names:
        rows = [[level[name] for level in found[rule]] for rule in MAPS]
        values = np.array([[float(e.value) for e in row] for row in rows])
        errors = np.array([[float(e.error) for e in row] for row in rows])
        made[f"{prefix}{name}"] = ("map", "level"), values
        made[f"{prefix}{name}_error"] = ("map", "level"), errors
    return made


def _levels(
    rule: CoarseGraining, fine: Ensemble, settings: Settings, seed: int
) -> list[Ensemble]:
    """The fine lattice and what steps of the rule make of it, down to the last side."""
    levels = [fine]
    last = settings.side // 2**settings.steps
    while levels[-1].shape[-1] > last:
        n = len(levels) - 1
        levels.append(coarsen(rule, levels[-1], seed=subseed(seed, "level", n)))
    return levels


def _read_all(system: str, levels: Sequence[Ensemble]) -> Levels:
    operators = ("nn",) if system in ISING else ("nn", "field")
    return [_read(level, operators) for level in levels]


def _read_last(levels: Sequence[Sequence[Ensemble]]) -> Levels:
    """The last level from every side; besides, the density before the first step."""
    return [_without_fit(chain[-1]) | {"bare": _density(chain[0])} for chain in levels]


def _read(level: Ensemble, operators: Sequence[str]) -> dict[str, Estimate]:
    return _fit(level, operators) | _without_fit(level)


def _without_fit(level: Ensemble) -> dict[str, Estimate]:
    near = two_point(level, connected=True).value
    return {"density": _density(level), "neighbours": combine(_relative, near)}


def _fit(level: Ensemble, operators: Sequence[str]) -> dict[str, Estimate]:
    """No numbers where hardly any site differs from the others."""
    none = Estimate(np.array(np.nan), {}, 0)
    try:
        found = fit_couplings(level, operators)
    except ValueError:
        return {"K": none, "field": none}
    with_field = "field" in operators
    return {"K": found["nn"], "field": found["field"] if with_field else none}


def _density(level: Ensemble) -> Estimate:
    return jackknife(lambda v: (np.asarray((v > 0).mean()),), lambda p: p, level)


def _relative(g: np.ndarray) -> float:
    return float(g[1] / g[0]) if g[0] > 0 else math.nan


def _of_machines(
    system: str, fine: Sequence[Ensemble], settings: Settings, work: Work
) -> tuple[Levels, Levels]:
    """Means over machines; of ±1 that are not equivalent the machine has biases."""
    data = configurations(system, settings.side, settings, TRAINING, work)
    how = replace(TIED, epochs=settings.epochs)
    parts = [ensemble.split(settings.seeds) for ensemble in fine]
    each, last = [], []
    for s in range(settings.seeds):
        start = ConvRBM(biases=system not in ISING, seed=work.subseed("filter", s))
        machine = trained(work, start, data, how, f"driven, {system}, {s}")
        seed = work.subseed("machine", system, s)
        rule = Layer(machine)
        levels = [_levels(rule, part[s], settings, seed) for part in parts]
        each.append(_read_all(system, levels[-1]))
        last.append(_read_last(levels))
    return _means(each), _means(last)


def _means(of_machines: Sequence[Levels]) -> Levels:
    return [
        {
            name: over_seeds([float(reading[name].value) for reading in readings])
            for name in readings[0]
        }
        for readings in zip(*of_machines, strict=True)
    ]
