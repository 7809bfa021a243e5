"""Where a flow ends: means where they are at the last length, samples in their law.

Where samples are passed on, the flow is a Gibbs chain in which every configuration can
follow every other. It has one law in the end, whatever it started from; starts that
still show at some length show that the chain is not there yet. So its end is the law
that `laws` has drawn, and is not known where the chains of a machine, started hot and
cold, disagree (R̂ of e or |m| above `MOST_R_HAT`). Means follow a map without noise,
which may well end in different places.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import xarray as xr

from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020.decided import agrees
from kadanoff.experiments.demellokoch2020.flow import LATTICE, temperature_at
from kadanoff.experiments.demellokoch2020.flow_end.flows import FROM
from kadanoff.experiments.demellokoch2020.magnet import READINGS, RESOLUTION

__all__ = ["MOST_R_HAT", "ended", "near_critical", "r_hats"]

MOST_R_HAT = 1.1
"""Of e and |m| of a law that is judged. That of m does not matter: chains keep the
sign they fell into."""


def near_critical(energy: float, reach: float) -> bool | None:
    """Whether the magnet has an energy within `RESOLUTION` of T_c; `None` if not known.

    Asked of the energy and not of its temperature, which has no mean over machines
    where some have an energy of 0 or more.

    Args:
        energy: per site.
        reach: half its interval.
    """
    low, high = _band()
    return agrees(energy - (low + high) / 2, reach, (high - low) / 2)


@cache
def _band() -> tuple[float, float]:
    """Energies of the magnet `RESOLUTION` below T_c and above."""
    below, above = (torus(LATTICE, 1 / (T_C + dt)) for dt in (-RESOLUTION, RESOLUTION))
    return below.energy, above.energy


def r_hats(dataset: xr.Dataset, machine: str) -> np.ndarray:
    """R̂ of the chains of every machine of a kind, the larger of those of e and |m|.

    Args:
        dataset: of `flow_end`.
        machine: whose.
    """
    here = dataset["r_hat"].sel(kind=machine, watched=["e", "|m|"])
    return here.max("watched", skipna=False).values


def ended(dataset: xr.Dataset, machine: str, flow: str) -> xr.Dataset | None:
    """Readings and errors over seed and start at the end; `None` if it is not known.

    Args:
        dataset: of `flow_end`.
        machine: whose.
        flow: `means` or `samples` passed on.
    """
    names = [x for name in ("by_energy", *READINGS) for x in (name, f"{name}_error")]
    if flow == "means":
        return dataset[names].isel(length=-1).sel(machine=machine, flow=flow)
    if not (r_hats(dataset, machine) <= MOST_R_HAT).all():
        return None
    return _law(dataset, machine)[names].expand_dims(start=list(FROM))


def _law(dataset: xr.Dataset, machine: str) -> xr.Dataset:
    """Readings of the law over seed, and the temperature of its energy."""
    here = dataset[["end", "end_error"]].sel(kind=machine)
    found = {}
    for name in READINGS:
        found[name] = here["end"].sel(reading=name, drop=True)
        found[f"{name}_error"] = here["end_error"].sel(reading=name, drop=True)
    pairs = zip(found["e"].values, found["e_error"].values, strict=True)
    t, bar = zip(*(_temperature(float(e), float(de)) for e, de in pairs), strict=True)
    found |= {"by_energy": ("seed", list(t)), "by_energy_error": ("seed", list(bar))}
    return xr.Dataset(found)


def _temperature(energy: float, error: float) -> tuple[float, float]:
    """T of an energy, and its error to first order."""
    t = temperature_at(energy)
    return t, error / torus(LATTICE, 1 / t).heat_capacity if t > 0 else math.nan
