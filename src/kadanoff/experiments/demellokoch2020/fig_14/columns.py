"""Means over seeds, and variables of a data set with their errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kadanoff.estimate import Estimate
from kadanoff.experiments.demellokoch2020.fig_14.thermometers import no_number
from kadanoff.experiments.studies import over_seeds

__all__ = ["columns", "mean"]


def mean(values: np.ndarray) -> Estimate:
    """The mean with its error over seeds; no number where a seed has none."""
    return over_seeds(values) if np.all(np.isfinite(values)) else no_number()


def columns(name: str, nested: Any, axes: tuple[str, ...]) -> dict[str, Any]:
    """A variable and its error from nested lists of estimates."""
    return {
        name: (axes, _picked(nested, lambda e: e.value)),
        f"{name}_error": (axes, _picked(nested, lambda e: e.error)),
    }


def _picked(nested: Any, pick: Callable[[Estimate], Any]) -> np.ndarray:
    if isinstance(nested, Estimate):
        return np.asarray(float(pick(nested)))
    return np.array([_picked(part, pick) for part in nested])
