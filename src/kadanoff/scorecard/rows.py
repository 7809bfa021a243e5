"""The rows of a scorecard: readings of a map, each with a sentence in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.instruments.mcrg import scan
from kadanoff.instruments.receptive import locality
from kadanoff.instruments.thermometer import temperatures

__all__ = ["Row", "coverage_row", "exponent_row", "locality_row", "temperature_row"]


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
    for level in levels:
        side = "×".join(map(str, level.grid.shape))
        if level.alphabet != "pm1" or level.grid.dimension != 2:
            continue
        both = temperatures(level)
        readings[f"T by energy, {side}"] = both.energy
        readings[f"T by couplings, {side}"] = both.coupling
        readings[f"spread, {side}"] = both.spread
    last = levels[-1]
    if last.alphabet != "pm1":
        return Row(
            "temperature",
            readings,
            "real values have no temperature of a ±1 model",
        )
    return Row("temperature", readings, _agreement(readings))


def exponent_row(levels: list[Ensemble]) -> Row:
    """MCRG exponents over the steps that the map allows."""
    found = scan(levels)
    readings = {
        exponent.name: exponent.estimate for exponent in (found.y_t, found.y_h)
    } | {
        f"{exponent.name} error with the change over the last {exponent.over}": (
            exponent.error
        )
        for exponent in (found.y_t, found.y_h)
    }
    return Row("exponents", readings, f"{found.y_t.sentence}; {found.y_h.sentence}")


def _agreement(readings: Mapping[str, Any]) -> str:
    spreads = [value for name, value in readings.items() if name.startswith("spread")]
    if not spreads:
        return "this lattice has no thermometer: it is not two-dimensional"
    last: Estimate = spreads[-1]
    return (
        "at the last level the two thermometers differ by "
        f"{last}: a nearest-neighbour model would have them agree"
    )
