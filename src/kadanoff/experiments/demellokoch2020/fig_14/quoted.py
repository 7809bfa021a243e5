"""Readings of figure 14 by name, and how they are quoted."""

from __future__ import annotations

import itertools
import math

import xarray as xr

from kadanoff.estimate import parenthesised
from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020.fig_14.withheld import WITHHELD

__all__ = [
    "Pairs",
    "arranging_told",
    "at_critical",
    "growth",
    "heating",
    "heating_from",
    "layers",
    "levels",
    "listed",
    "pairs_of",
    "ratios",
    "shown_pair",
    "words",
]

Pairs = list[tuple[float, float]]
"""Values with their standard errors."""


def levels(dataset: xr.Dataset, m: str, name: str, t: float = T_C) -> Pairs:
    """K of every level by one thermometer."""
    here = dataset.sel(map=m, thermometer=name).sel(temperature=t, method="nearest")
    return pairs_of(here["K"], here["K_error"])


def layers(dataset: xr.Dataset, m: str, t: float = T_C) -> Pairs:
    """K by energy of every level but what was put in."""
    return levels(dataset, m, "energy", t)[1:]


def growth(dataset: xr.Dataset, m: str) -> Pairs:
    """s′/s by energy of every step."""
    here = dataset.sel(map=m, direct="energy")
    return pairs_of(here["growth"], here["growth_error"])


def heating(dataset: xr.Dataset, m: str, name: str, t: float = T_C) -> Pairs:
    """T′/T = K/K′ of each step."""
    return ratios(levels(dataset, m, name, t))


def heating_from(dataset: xr.Dataset, rule: str, t: float) -> Pairs:
    """The same by energy from one of the hotter inputs."""
    here = dataset.sel(rule=rule, direct="energy", hotter=t)
    return ratios(pairs_of(here["hotter_K"], here["hotter_K_error"]))


def ratios(levels: Pairs) -> Pairs:
    """Each value over the next, taken as independent; of 0 there is no ratio."""
    return [_ratio(*before, *after) for before, after in itertools.pairwise(levels)]


def _ratio(a: float, da: float, b: float, db: float) -> tuple[float, float]:
    if b == 0:
        return math.nan, math.nan
    return a / b, math.hypot(da, a / b * db) / abs(b)


def pairs_of(values: xr.DataArray, errors: xr.DataArray) -> Pairs:
    """Values with their errors."""
    return [
        (float(v), float(e)) for v, e in zip(values.values, errors.values, strict=True)
    ]


def words(found: bool | None, yes: str, no: str, unknown: str) -> str:
    """What is said of a part."""
    return unknown if found is None else yes if found else no


def at_critical(dataset: xr.Dataset, m: str) -> str:
    """K/K_c of all layers of an input at T_c."""
    return listed("K/K_c", layers(dataset, m), K_C)


def arranging_told(dataset: xr.Dataset) -> str:
    """What arranging does to block spins whose places are withheld."""
    values, errors = dataset["in_place"].values[1:], dataset["in_place_error"].values
    shares = ", ".join(
        f"{_share(v, e)} at {side}²"
        for v, e, side in zip(
            values, errors[1:], dataset["side"].values[1:], strict=True
        )
    )
    return (
        f"majority with places withheld and arranged alike: {shares} of the block "
        f"spins in their place, {at_critical(dataset, WITHHELD)} from T_c, and "
        f"{listed('', layers(dataset, 'majority'), K_C)} where they are"
    )


def _share(value: float, error: float) -> str:
    return shown_pair(value, error) if error > 0 else f"{value:.3g}"


def listed(what: str, pairs: Pairs, unit: float = 1.0) -> str:
    """Values in a given unit, after what they are."""
    cells = [shown_pair(v / unit, e / unit) for v, e in pairs]
    return f"{what} {', '.join(cells)}".strip()


def shown_pair(value: float, error: float) -> str:
    """`value(error)`, or that there is none."""
    if not math.isfinite(value):
        return "no number"
    return parenthesised(value, error) if math.isfinite(error) else f"{value:.3g}"
