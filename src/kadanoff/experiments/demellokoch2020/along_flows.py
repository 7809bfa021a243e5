"""Readings along a flow and their changes, with half the interval of each.

Over machines that is Student's t times the error of `flow.mean_over_seeds`; a change
between two lengths is taken machine by machine, whose flows go on from the same
configurations. Flows that start from the magnet itself change little of what is known
of it, so a reading is best told as what it was before plus what the flow changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from kadanoff.experiments.demellokoch2020.decided import SIGMAS
from kadanoff.experiments.demellokoch2020.flow import interval, mean_over_seeds

__all__ = ["SURE", "TENTH", "change", "from_start", "paired", "reading"]

TENTH = 0.1
"""Of a dimension: what counts as no difference in the figures along the flow."""

SURE = 0.9973
"""Level of the intervals, that of three Gaussian errors."""


def reading(dataset: xr.Dataset, name: str, **where: Any) -> tuple[float, float]:
    """Mean over machines at one place, and its reach."""
    value, error = (x.sel(where).item() for x in mean_over_seeds(dataset, name))
    return value, interval(dataset, SURE) * error


def change(
    dataset: xr.Dataset, name: str, here: Mapping[str, Any], there: Mapping[str, Any]
) -> tuple[float, float]:
    """Reading there less reading here, and the reach of that.

    Of several machines by the spread of their changes; of one as if the two readings
    were independent.
    """
    one, other = (dataset[name].sel(place) for place in (here, there))
    steps = np.atleast_1d((other - one).values)
    if len(steps) > 1:
        error = float(steps.std(ddof=1)) / math.sqrt(len(steps))
    else:
        own = (dataset[f"{name}_error"].sel(place).item() for place in (here, there))
        error = math.hypot(*own)
    return float(steps.mean()), interval(dataset, SURE) * error


def paired(
    dataset: xr.Dataset,
    name: str,
    known: float,
    here: Mapping[str, Any],
    there: Mapping[str, Any],
    *,
    unsure: float = 0.0,
) -> tuple[float, float]:
    """A reading there, as what is known of it here plus its change, and its reach.

    Noise of the configurations that flow is the same here and there and drops out.

    Args:
        dataset: with `name` and `name_error` along `seed`.
        name: of the reading.
        known: its value here, where the flow starts.
        here, there: the places, values of coordinates.
        unsure: reach of the value known; none for an exact one.
    """
    step, reach = change(dataset, name, here, there)
    return known + step, math.hypot(reach, unsure)


def from_start(
    dataset: xr.Dataset, name: str, where: Mapping[str, Any]
) -> tuple[float, float]:
    """Mean over machines at one place, as what it was at length 0 plus its change.

    At length 0 there is no machine in it: what the starts of all machines give together
    is known to three Gaussian errors. Of one machine it is the reading itself.

    Args:
        dataset: with `name` and `name_error` along `seed` and `length`.
        name: of the reading.
        where: the place, its length in it.
    """
    if dataset.sizes["seed"] == 1:
        return reading(dataset, name, **where)
    start = {**where, "length": 0}
    known, error = (x.sel(start).item() for x in mean_over_seeds(dataset, name))
    return paired(dataset, name, known, start, where, unsure=SIGMAS * error)
