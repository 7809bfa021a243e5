"""Flows that start cold, at T_c, hot and from the training data, read at every length.

    machine   `MACHINES`: trained on means or on draws, of 81 and of 16 hidden units;
              and one that need not learn, whose law is the critical magnet's exactly:
              a hidden unit for each bond (`networks.anchors.bond_machine`)
    flow      `means` or `samples` passed on
    start     T = 0, T_c, T = ∞, and the mixture of the 60 temperatures that the
              machines were trained on

At each length: the seven readings of `magnet`, two temperatures (by the energy of the
10×10 magnet, and by the nearest-neighbour pseudo-likelihood where units are ±1), and
the total variation distance of P(E) to the exact law of the temperature that has its
energy. Another thermometer is an argument of `observed`. P(E) itself is kept of the
end, where units are ±1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.exact.density import energy_law
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020.flow import (
    FLOWS,
    LATTICE,
    MACHINES,
    STARTS,
    Learning,
    Plan,
    along,
    in_any_order,
    learned,
    start,
    temperature_at,
    training_data,
)
from kadanoff.experiments.demellokoch2020.magnet import (
    READINGS,
    SITES,
    distance_of_laws,
    energy_counts,
    readings_of,
    sampling_floor,
)
from kadanoff.experiments.demellokoch2020.thermometer import Calibration, calibrated
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.pieces import kept
from kadanoff.instruments.thermodynamics import series
from kadanoff.instruments.thermometer import coupling_temperature
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.rbm import RBM

__all__ = [
    "EXACT",
    "FROM",
    "NETWORKS",
    "energy_reading",
    "flows",
    "networks_of",
    "observed",
]

EXACT = "exactly critical"
NETWORKS = (*MACHINES, EXACT)
FROM = (*STARTS, "data")


def networks_of(
    work: Work, learning: Learning, data: Ensemble, seed: int
) -> dict[str, RBM]:
    """All of `NETWORKS`; the exact one is the same for every seed.

    Args:
        work: seed and runs.
        learning: of those that learn, but for their hidden units.
        data: that they are trained on, of `training_data`.
        seed: number of the machines.
    """
    found = {
        name: learned(
            work, data, replace(learning, hidden=hidden), training, f"flow {seed}"
        )
        for name, (training, hidden) in MACHINES.items()
    }
    return found | {EXACT: bond_machine(Ising(LATTICE), K_C).float()}


def observed(
    ensemble: Ensemble, by_network: Callable[[Ensemble], Estimate] | None = None
) -> dict[str, Estimate]:
    """What is read at one length of a flow.

    Args:
        ensemble: ±1 or real values on 10×10.
        by_network: a further temperature of an ensemble.
    """
    s = series(ensemble)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Means that have all gone to 0 have no U₄.
        x = readings_of(ensemble, s)
    found = {name: x[k] for k, name in enumerate(READINGS)}
    found["by_energy"] = energy_reading(x[0])
    nothing = Estimate(np.array(math.nan), {}, 0)
    spins = ensemble.alphabet == "pm1"
    found["by_coupling"] = coupling_temperature(ensemble) if spins else nothing
    near = float(found["by_energy"].value)
    if spins and near > 0:
        law = energy_law(LATTICE, 1 / near)[1]
        gap = distance_of_laws(energy_counts(s), law)
        found["distance"] = Estimate(np.array(gap), {}, s.n_eff)
        floor = sampling_floor(law, s.n_eff)
        found["floor"] = Estimate(np.array(floor), {}, s.n_eff)
    else:
        found |= {"distance": nothing, "floor": nothing}
    if by_network is not None:
        found["by_network"] = by_network(ensemble)
    return found


def energy_reading(energy: Estimate) -> Estimate:
    """T of an energy; its error in first order, by the exact heat capacity dE/dT."""
    e = float(energy.value)
    t = temperature_at(e)
    if not t > 0:
        return Estimate(np.array(t), {}, energy.n_eff)
    slope = torus(LATTICE, 1 / t).heat_capacity
    return energy.map(lambda y: t + (float(y) - e) / slope)


def flows(plan: Plan, calibration: Calibration, work: Work) -> xr.Dataset:
    """Readings over machine, flow, start and length, of every seed; P(E) of the ends.

    What is read of one seed is a run of its own.

    Args:
        plan: learning, seeds, draws and lengths, of which the first is 0; its arms
            are not asked.
        calibration: of the network that tells temperatures.
        work: seed and runs.
    """
    thermometer = calibrated(work, LATTICE, calibration)
    tell = work.progress("flows from everywhere")
    parts: list[xr.Dataset] = []
    for seed in range(plan.seeds):
        about = {
            "learning": asdict(plan.learning),
            "draws": plan.draws,
            "lengths": plan.lengths,
            "calibration": asdict(calibration),
            "number": seed,
        }
        compute = partial(_of_one_seed, plan, work, thermometer.temperature, seed)
        step = "demellokoch2020-flows-from-everywhere"
        parts.append(kept(work, step, about, compute))
        tell(seed + 1, plan.seeds)
    return xr.concat(parts, "seed")


def _of_one_seed(
    plan: Plan, work: Work, by_network: Callable[[Ensemble], Estimate], seed: int
) -> xr.Dataset:
    def read(ensemble: Ensemble) -> dict[str, Estimate]:
        return observed(ensemble, by_network) | {"law": _law(ensemble)}

    data = training_data(work, plan.learning.configurations, seed)
    begins = _begins(plan, work, data, seed)
    at_rest = [read(first) for first in begins]
    networks = networks_of(work, plan.learning, data, seed)
    kept: dict[str, np.ndarray] = {}
    form = (len(NETWORKS), len(FLOWS), len(FROM))
    for place in np.ndindex(form):
        name, flow = NETWORKS[place[0]], FLOWS[place[1]]
        first, noise = begins[place[2]], work.subseed("everywhere", seed, *place)
        found = along(networks[name], first, plan.lengths[1:], flow, noise, read)
        for n, readings in enumerate([at_rest[place[2]], *found]):
            for label, x in _numbers(readings):
                shape = (*form, len(plan.lengths), *x.shape)
                kept.setdefault(label, np.full(shape, np.nan))[(*place, n)] = x
    axes = ("machine", "flow", "start", "length", "level")
    laws = kept.pop("law")[:, :, :, -1]
    return xr.Dataset(
        {label: (axes[:4], x) for label, x in kept.items()}
        | {"law": ((*axes[:3], "level"), laws)},
        coords={
            "machine": list(NETWORKS),
            "flow": list(FLOWS),
            "start": list(FROM),
            "length": list(plan.lengths),
        },
    )


def _begins(plan: Plan, work: Work, data: Ensemble, seed: int) -> list[Ensemble]:
    """As many configurations for every start; of the data, some of all temperatures."""
    mixed = in_any_order(data, work.subseed("flow from data", seed))
    some = Ensemble.from_values(mixed.values[:, : plan.draws // mixed.chains])
    return [*(start(work, t, plan.draws, seed) for t in STARTS.values()), some]


def _law(ensemble: Ensemble) -> Estimate:
    """P(E), of ±1 units alone."""
    if ensemble.alphabet == "pm1":
        return Estimate(energy_counts(series(ensemble)), {}, 0)
    return Estimate(np.full(SITES + 1, np.nan), {}, 0)


def _numbers(readings: Mapping[str, Estimate]) -> Iterator[tuple[str, np.ndarray]]:
    for name, estimate in readings.items():
        yield name, estimate.value
        if name != "law":
            yield f"{name}_error", estimate.error
