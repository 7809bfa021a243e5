"""Which layers of section IV are coarse grainings like block spins, by their readings.

In the mean over training seeds and beyond three of its errors, a layer is

    local       where its direct response is narrower than b sites,
    covariant   where it commutes with shifts of the lattice, C > 0.9,
    field       where G_coarse/G_fine changes as a power of r below 0.05 in size,

the last because one dimension Δ_σ then serves both levels. An aspect is told only where
majority of the same b has it on the same configurations. Of the second layer alone it
is told where majority of the first layer has it, and the sign of the first layer's
magnetization, which is no coarse graining, has not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import xarray as xr

from kadanoff.experiments.demellokoch2020.decided import above, below, within
from kadanoff.experiments.exhibit import Check, Status, shown

__all__ = [
    "ABOVE_FIRST",
    "BLOCKS",
    "BOTH",
    "COVARIANT",
    "FACTOR",
    "FIRST",
    "LAYERS",
    "MAPS",
    "SECOND",
    "SINGLE",
    "SLOPE",
    "TIED_MAP",
    "by_verdict",
    "cell",
    "checks",
    "faults",
    "verdict",
]

RECIPE_NAMES = ("plain", "local")
FIRST, BOTH, SECOND, SINGLE = (
    "first layer",
    "both layers",
    "second layer alone",
    "one machine, b = 4",
)
PLACES = (FIRST, BOTH, SECOND, SINGLE)
BLOCKS = ("block average", "majority", "majority, b = 4")
TIED_MAP = "one filter"
LAYERS = (*(f"{r}, {p}" for r in RECIPE_NAMES for p in PLACES), TIED_MAP)
ABOVE_FIRST = ("majority of the first layer", "sign of the first layer")
"""Beside the second layer alone, on the first layer that it sees: a renormalization,
and a map that keeps nothing but the sign of its magnetization."""
CONTROLS = tuple(f"{r}, {c}" for r in RECIPE_NAMES for c in ABOVE_FIRST)
MAPS = (*BLOCKS, *LAYERS, *CONTROLS)
FACTOR = {m: 4 if "b = 4" in m or "both" in m else 2 for m in MAPS}
"""b of every map."""
COVARIANT, SLOPE = 0.9, 0.05
"""On 16×16 majority has C = 1.000(6) and a slope of 0.007(1); arranged layers of little
training have C below 0.5 and slopes of 0.08 to 0.12."""


def by_verdict(dataset: xr.Dataset) -> dict[str, list[str]]:
    """Names of the trained layers by whether they pass what majority passes.

    Args:
        dataset: of `scorecards`.

    Returns:
        Names under `pass`, `fail` and `undecided`; all nine layers are somewhere.
    """
    found: dict[str, list[str]] = {"pass": [], "fail": [], "undecided": []}
    for m in LAYERS:
        aspects = list(faults(dataset, m).values())
        word = "fail" if False in aspects else "pass" if all(aspects) else "undecided"
        found[word].append(m)
    return found


def faults(dataset: xr.Dataset, m: str) -> dict[str, bool | None]:
    """Aspect → whether the map has it; None where that cannot be told.

    Args:
        dataset: of `scorecards`.
        m: name of a map.
    """
    own = _aspects(dataset, m)
    tell = _aspects(dataset, _block_like(dataset, m))
    if m in BLOCKS:
        return own
    found = {name: has if tell[name] else None for name, has in own.items()}
    if _last_part(m) == SECOND:
        sign = _aspects(dataset, f"{m.partition(', ')[0]}, {ABOVE_FIRST[1]}")
        found = {n: has if sign[n] is False else None for n, has in found.items()}
    return found


def _aspects(dataset: xr.Dataset, m: str) -> dict[str, bool | None]:
    """What the numbers of one map say; of a pair of layers no map is ever shifted."""
    here = dataset.sel(map=m)

    def pair(name: str) -> tuple[float, float]:
        return here[name].item(), here[f"{name}_error"].item()

    found = {
        "local": below(*pair("width"), float(here["b"])),
        "covariant": above(*pair("shift"), COVARIANT),
        "field": within(*pair("slope"), SLOPE),
    }
    if _last_part(m) in (SECOND, *ABOVE_FIRST):
        del found["covariant"]
    return found


def _block_like(dataset: xr.Dataset, m: str) -> str:
    """The block rule that shows whether the configurations suffice to tell."""
    if _last_part(m) == SECOND:
        return f"{m.partition(', ')[0]}, {ABOVE_FIRST[0]}"
    return "majority" if int(dataset["b"].sel(map=m)) == 2 else "majority, b = 4"


def _last_part(m: str) -> str:
    return m.partition(", ")[2]


def verdict(dataset: xr.Dataset, m: str) -> str:
    """Whether a map renormalizes, in words."""
    found = faults(dataset, m)
    failing = [name for name, good in found.items() if good is False]
    unclear = [name for name, good in found.items() if good is None]
    if failing:
        return f"no: not {', '.join(failing)}"
    return f"undecided: {', '.join(unclear)}" if unclear else "yes"


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether each layer does what the paper compares it to."""
    return [_calibration(dataset), *(_layer(dataset, m) for m in LAYERS)]


def _calibration(dataset: xr.Dataset) -> Check:
    found = {m: verdict(dataset, m) for m in BLOCKS}
    good = [v == "yes" for v in found.values()]
    return Check(
        claim="Block averages and majority pass the rows by which layers are judged.",
        paper="what it means by a coarse graining",
        ours="; ".join(f"{m}: {v}" for m, v in found.items()),
        status=_status(list(faults(dataset, "majority").values())),
        reason=f"{sum(good)} of {len(good)} block rules pass all three; the status is "
        "that of majority",
    )


def _layer(dataset: xr.Dataset, m: str) -> Check:
    block = _block_like(dataset, m)
    readings = [_width(dataset, m)]
    if "covariant" in _aspects(dataset, m):
        readings.append(f"C of a shift {cell(dataset, 'shift', m)}")
    readings += [f"slope {cell(dataset, 'slope', m)}", *_exponents(dataset, m)]
    return Check(
        claim=f"The layer “{m}” is a coarse graining like that of block spins.",
        paper=PAPER.get(_last_part(m), "not in the paper"),
        ours=", ".join(readings),
        status=_status(list(faults(dataset, m).values())),
        reason=f"{verdict(dataset, m)}; {block}: {_width(dataset, block)}, slope "
        f"{cell(dataset, 'slope', block)}" + _of_the_sign(dataset, m),
    )


PAPER = {
    BOTH: "the pattern of v–h₂ is very similar to that of block spins; no number",
    SINGLE: "RG-like patterns in its correlators; no number",
    FIRST: "drawn in figure 8; the text says nothing of this layer alone",
    SECOND: "drawn in figure 8; the text says nothing of this layer alone",
}


def _of_the_sign(dataset: xr.Dataset, m: str) -> str:
    """What the map that is no coarse graining reads, beside the second layer alone."""
    if _last_part(m) != SECOND:
        return ""
    sign = f"{m.partition(', ')[0]}, {ABOVE_FIRST[1]}"
    passed = [n for n, has in _aspects(dataset, sign).items() if has is not False]
    return (
        f"; the sign of the first layer: {_width(dataset, sign)}, slope "
        f"{cell(dataset, 'slope', sign)}"
        + (f", so that {' and '.join(passed)} cannot be told here" if passed else "")
    )


def _width(dataset: xr.Dataset, m: str) -> str:
    if math.isfinite(dataset["width"].sel(map=m).item()):
        return f"listens to {cell(dataset, 'width', m)} sites"
    share = dataset["responding"].sel(map=m).item()
    return f"no direct response out of the noise ({share:.0%} of the units respond)"


def _exponents(dataset: xr.Dataset, m: str) -> list[str]:
    """Over steps of its own where a map can be repeated, else of one step."""
    here = dataset.sel(map=m)
    for suffix, where in (
        ("_above", "between majority blocks"),
        ("", "over its own steps"),
    ):
        if math.isfinite(here[f"y_H{suffix}"].item()):
            t, h = (cell(dataset, f"{y}{suffix}", m) for y in ("y_T", "y_H"))
            return [f"y_T {t} and y_H {h} {where}"]
    return []


def cell(dataset: xr.Dataset, name: str, m: str) -> str:
    """A reading of a map; a dash where there is none."""
    value = dataset[name].sel(map=m).item()
    error = dataset[f"{name}_error"].sel(map=m).item()
    if not math.isfinite(value):
        return "–"
    known = math.isfinite(error) and error > 1e-12
    return shown(dataset, name, map=m) if known else f"{value:.3g}"


def _status(found: Sequence[bool | None]) -> Status:
    if all(found):
        return Status.REPRODUCED
    if None in found and False not in found:
        return Status.OPEN
    return Status.PARTLY if True in found else Status.NOT
