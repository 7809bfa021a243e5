"""The temperature along the flow of a machine of section III."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.demellokoch2020 import thermometer
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.fig_14.columns import columns, mean
from kadanoff.experiments.demellokoch2020.fig_14.settings import Settings
from kadanoff.experiments.demellokoch2020.fig_14.thermometers import (
    THERMOMETERS,
    coupling_of,
)
from kadanoff.experiments.demellokoch2020.flow import LATTICE, machine
from kadanoff.experiments.exhibit import Work
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.instruments.thermodynamics import energy
from kadanoff.networks.gibbs import rbm_flow
from kadanoff.networks.products import full_products

__all__ = ["flow_of", "of_flows"]


def flow_of(s: int, settings: Settings, work: Work) -> xr.Dataset:
    """K along v → h → v of one machine of section III, its units drawn."""
    own = machine(work, settings.learning, "draws", s)
    network = thermometer.calibrated(work, LATTICE, settings.calibration)
    seed, longest = work.subseed("fig 14 flow", s), max(settings.flow_steps)
    found = np.full((len(THERMOMETERS), len(settings.flow_inputs), longest + 1), np.nan)
    for i, t in enumerate(settings.flow_inputs):
        first = drawn(work, LATTICE, t, settings.flow_draws, purpose=f"fig 14 flow {s}")
        with full_products():
            steps = rbm_flow(own, first, longest, pass_on="samples", seed=seed + i)
            for n, level in enumerate(steps):
                if n in settings.flow_steps:
                    found[:, i, n] = _of_flow(level, network)
    lengths = list(settings.flow_steps)
    axes = ("thermometer", "start", "flow_step")
    return xr.Dataset(
        {"flow_K": (axes, found[..., lengths])},
        coords={
            "thermometer": list(THERMOMETERS),
            "start": list(settings.flow_inputs),
            "flow_step": lengths,
        },
    )


def _of_flow(level: Ensemble, network: thermometer.Thermometer) -> list[float]:
    """K by the exact energy, by couplings, and by the network of fig. 3."""
    k = coupling_of(LATTICE, float(energy(level).value))
    by_network = 1 / float(network.temperature(level).value)
    return [k, float(fit_couplings(level)["nn"].value), by_network]


def of_flows(each: Sequence[xr.Dataset]) -> xr.Dataset:
    """Means over machines."""
    found = xr.concat(each, "number")["flow_K"]
    axes = found.dims[1:]
    means = [mean(x) for x in found.values.reshape(len(found), -1).T]
    nested = np.array(means, dtype=object).reshape(found.shape[1:]).tolist()
    coords = {axis: found[axis].values for axis in axes}
    return xr.Dataset(columns("flow_K", nested, tuple(map(str, axes))), coords=coords)
