"""Readings along a flow and their changes, with half the interval of each.

Over machines that is Student's t times the error of `flow.mean_over_seeds`; a change
between two lengths is taken machine by machine, whose flows go on from the same
configurations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from kadanoff.experiments.demellokoch2020.flow import interval, mean_over_seeds

__all__ = ["SURE", "TENTH", "change", "reading"]

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
