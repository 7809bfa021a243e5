"""The rows of a scorecard: readings of a map, each with a sentence in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.instruments.mcrg import exponents, scan
from kadanoff.instruments.receptive import locality
from kadanoff.instruments.thermometer import has_thermometer, temperatures

__all__ = [
    "Row",
    "above_row",
    "coverage_row",
    "exponent_row",
    "locality_row",
    "temperature_row",
]

NO_SPINS = "real values have no temperature of a ±1 model"


@dataclass(frozen=True)
class Row:
    """A reading of one aspect of a map.

    Attributes:
        name: of the row.
        readings: estimates and plain numbers by name.
        sentence: the row in words.
    """

    name: str
    readings: Mapping[str, Any]
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"sentence": self.sentence, **self.readings}


def locality_row(fine: Ensemble, coarse: Ensemble) -> Row:
    """Where the coarse units look: width and patches of their responses."""
    reading = locality(fine, coarse)
    share = f"{100 * reading.responding:.0f} % of the units respond"
    if not float(reading.responding) > 0:
        return Row("locality", {"responding": 0.0}, f"{share} to any site")
    return Row(
        "locality",
        {
            "width (sites)": reading.width,
            "patches": reading.patches,
            "mean patches": reading.mean_patches,
            "direct width (sites)": reading.direct_width,
            "direct patches": reading.direct_patches,
            "responding": reading.responding,
        },
        f"{share}; the median response is {reading.width} sites wide, the direct one, "
        f"without the correlations of the fine sites, {reading.direct_width}",
    )


def coverage_row(cost: Estimate, width: Estimate) -> Row:
    """What it took to put unordered units on a grid."""
    return Row(
        "coverage",
        {"arranging cost (sites)": cost, "width when arranged (sites)": width},
        f"arranging moved the units {cost} sites on average from the centres of "
        "their responses, on chains that are not read here",
    )


def temperature_row(levels: list[Ensemble]) -> Row:
    """Two thermometers at every level; none where the values are not spins."""
    readings: dict[str, Any] = {}
    spread: Estimate | None = None
    for level in levels:
        if not has_thermometer(level):
            continue
        side = "×".join(map(str, level.grid.shape))
        both = temperatures(level)
        spread = both.spread
        readings[f"T by energy, {side}"] = both.energy
        readings[f"T by couplings, {side}"] = both.coupling
        readings[f"spread, {side}"] = spread
    if levels[-1].alphabet != "pm1":
        return Row("temperature", readings, NO_SPINS)
    return Row("temperature", readings, _agreement(spread))


def exponent_row(levels: list[Ensemble]) -> Row:
    """MCRG exponents over the steps that the map allows."""
    found = scan(levels)
    both = (found.y_t, found.y_h)
    readings: dict[str, Any] = {exponent.name: exponent.estimate for exponent in both}
    for exponent in both:
        over = "steps and operators" if exponent.change is not None else "operators"
        readings[f"{exponent.name} error with changes over {over}"] = exponent.error
    return Row("exponents", readings, f"{found.y_t.sentence}; {found.y_h.sentence}")


def above_row(levels: list[Ensemble]) -> Row:
    """Exponents of a one-step map, with majority applied on both of its sides."""
    step = exponents(*levels)
    last = {"y_T": step.y_t[-1:], "y_H": step.y_h[-1:]}
    readings = {name: y[0] for name, y in last.items() if y}
    return Row(
        "followed by majority",
        readings,
        "the same step read between the majority blocks of both its sides, where a "
        "renormalization would read the same",
    )


def _agreement(spread: Estimate | None) -> str:
    if spread is None:
        return "this lattice has no thermometer: it is no straight square torus"
    if not np.isfinite(spread.value) or not np.isfinite(spread.error):
        return "the last level has no temperature that these configurations can tell"
    return (
        "at the last level the two thermometers differ by "
        f"{spread}: a nearest-neighbour model would have them agree"
    )
