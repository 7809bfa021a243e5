"""Readings of the data set as rows of numbers and of text."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from kadanoff.estimate import parenthesised

__all__ = ["line", "number", "row", "sides", "values"]


def sides(dataset: xr.Dataset) -> np.ndarray:
    """Of the lattices that n steps take to one and the same side, n = 0, 1, …"""
    level = dataset["level"].values
    return dataset.attrs["side"] / 2.0 ** (level[-1] - level)


def values(dataset: xr.Dataset, name: str, system: str, rule: str) -> list[str]:
    """A reading level by level as text."""
    value, error = row(dataset, name, system, rule)
    return [number(v, e) for v, e in zip(value, error, strict=True)]


def row(
    dataset: xr.Dataset, name: str, system: str, rule: str
) -> tuple[np.ndarray, np.ndarray]:
    """A reading and its errors level by level."""
    axis = "matched" if name.startswith("matched") else "system"
    here = dataset.sel({axis: system, "map": rule})
    return here[name].values, here[f"{name}_error"].values


def number(value: float, error: float) -> str:
    """`value(error)`, the value alone without an error, a dash without either."""
    if not math.isfinite(value):
        return "–"
    return parenthesised(value, error) if math.isfinite(error) else f"{value:.3g}"


def line(dataset: xr.Dataset, name: str, system: str, rule: str) -> str:
    """A reading along the flow in one line."""
    return " → ".join(values(dataset, name, system, rule))
