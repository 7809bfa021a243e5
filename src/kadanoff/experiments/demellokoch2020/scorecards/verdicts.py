"""Which layers of section IV are coarse grainings like block spins, by their readings.

In the mean over training seeds and beyond three of its errors, a layer is

    local       where its direct response is narrower than b sites,
    covariant   where it commutes with shifts of the lattice, C > 0.9, which asks for
                places as regular as those of block spins,
    field       where G_coarse/G_fine changes as a power of r below 0.05 in size,

the last because one dimension Δ_σ then serves both levels. An aspect is told only where
majority of the same b has it on the same configurations, its places withheld as those
of a dense machine are. Of the second layer alone the field is told where majority of
the first layer has it, and the sign of the first layer's magnetization, which is no
coarse graining, has not; the rest is not: what it listens to is a matter of the first
layer, and no map of these units is there to be shifted. It can fail, and not pass.

What passes has what block spins have, and more may pass: decimation, which averages
nothing, is read beside them. What fails is not thereby far from a coarse graining:
votes of blocks at random places are one, and are read beside every layer.
"""

from __future__ import annotations

import math

import xarray as xr

from kadanoff.experiments.demellokoch2020.decided import (
    above,
    all_of,
    below,
    status_of,
    within,
)
from kadanoff.experiments.exhibit import Check, Status, shown

__all__ = [
    "ABOVE_FIRST",
    "BESIDE",
    "BLOCKS",
    "BOTH",
    "COVARIANT",
    "DECIMATION",
    "FACTOR",
    "FIRST",
    "LAYERS",
    "MAPS",
    "PAIRS",
    "SCATTERED",
    "SECOND",
    "SINGLE",
    "SLOPE",
    "TIED_MAP",
    "UNTRAINED",
    "WITHHELD",
    "by_verdict",
    "cell",
    "checks",
    "failing",
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
PAIRS = (*(f"{r}, {SECOND}" for r in RECIPE_NAMES), *CONTROLS)
"""Maps that are read on the first layer, and are known only by what they did."""
WITHHELD = ("majority, places withheld", "majority, b = 4, places withheld")
SCATTERED = ("2×2 votes at random places", "4×4 votes at random places")
DECIMATION, UNTRAINED = "decimation", "first layer, untrained"
BESIDE = (*BLOCKS, *WITHHELD, *SCATTERED, DECIMATION, UNTRAINED)
"""Maps that trained layers are set beside."""
MAPS = (*BESIDE, *LAYERS, *CONTROLS)
FACTOR = {
    m: 4 if any(four in m for four in ("b = 4", "4×4", "both")) else 2 for m in MAPS
}
"""b of every map."""
ONE_SITE = 1e-6
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
    words = {True: "pass", False: "fail", None: "undecided"}
    for m in LAYERS:
        found[words[all_of(faults(dataset, m).values())]].append(m)
    return found


def failing(dataset: xr.Dataset) -> dict[str, int]:
    """Aspect → how many of the dense layers are known not to have it.

    Args:
        dataset: of `scorecards`.
    """
    found = [faults(dataset, m) for m in LAYERS if m != TIED_MAP]
    return {
        aspect: sum(one.get(aspect) is False for one in found)
        for aspect in ("local", "covariant", "field")
    }


def faults(dataset: xr.Dataset, m: str) -> dict[str, bool | None]:
    """Aspect → whether the map has it; None where that cannot be told.

    Args:
        dataset: of `scorecards`.
        m: name of a map.
    """
    own = _aspects(dataset, m)
    if m in BESIDE:
        return own
    tell = _aspects(dataset, _block_like(dataset, m))
    found = {name: has if tell[name] else None for name, has in own.items()}
    if _last_part(m) == SECOND:
        sign = _aspects(dataset, f"{m.partition(', ')[0]}, {ABOVE_FIRST[1]}")
        found = {n: has if sign[n] is False else None for n, has in found.items()}
    return found


def _aspects(dataset: xr.Dataset, m: str) -> dict[str, bool | None]:
    """What the numbers of one map say; of a pair of layers only the field is read."""
    here = dataset.sel(map=m)

    def pair(name: str) -> tuple[float, float]:
        return here[name].item(), here[f"{name}_error"].item()

    field = {"field": within(*pair("slope"), SLOPE)}
    if m in PAIRS:
        return {"local": None, "covariant": None} | field
    return {
        "local": below(*pair("width"), float(here["b"])),
        "covariant": above(*pair("shift"), COVARIANT),
    } | field


def _block_like(dataset: xr.Dataset, m: str) -> str:
    """The block rule that shows whether the configurations suffice to tell."""
    if _last_part(m) == SECOND:
        return f"{m.partition(', ')[0]}, {ABOVE_FIRST[0]}"
    return "majority" if m in (TIED_MAP, *CONTROLS) else _of_b(dataset, m, WITHHELD)


def _of_b(dataset: xr.Dataset, m: str, pair: tuple[str, str]) -> str:
    """Of a pair of maps with b = 2 and 4 the one that has the b of a map."""
    return pair[int(dataset["b"].sel(map=m)) // 4]


def _last_part(m: str) -> str:
    return m.partition(", ")[2]


def verdict(dataset: xr.Dataset, m: str) -> str:
    """Whether a map passes, in words."""
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
    majority, withheld = all_of(faults(dataset, "majority").values()), WITHHELD[0]
    unplaced, blank = (
        all_of(faults(dataset, m).values()) for m in (withheld, UNTRAINED)
    )
    fails = None if blank is None else not blank
    shown_maps = (*BLOCKS, *WITHHELD, UNTRAINED)
    return Check(
        claim="Tested here: the rows by which layers are judged pass block spins, "
        "told their places or not, and fail a layer that has learned nothing.",
        paper="not in the paper",
        ours="; ".join(f"{m}: {verdict(dataset, m)}" for m in shown_maps),
        status=status_of([majority, unplaced, fails]),
        reason=f"the status is that of “majority”, “{withheld}” and “{UNTRAINED}”; "
        f"{_scattered_words(dataset)}; {_decimated_words(dataset)}",
    )


def _scattered_words(dataset: xr.Dataset) -> str:
    """What a coarse graining with irregular places has."""
    listed = " and ".join(f"{cell(dataset, 'shift', m)} ({m})" for m in SCATTERED)
    return (
        f"C of a shift asks for regular places: local votes without them have {listed}"
    )


def _decimated_words(dataset: xr.Dataset) -> str:
    found = verdict(dataset, DECIMATION)
    if found == "yes":
        return f"{DECIMATION}, which averages nothing, passes, which is thus not enough"
    return f"{DECIMATION}, which averages nothing: {found}"


def _layer(dataset: xr.Dataset, m: str) -> Check:
    found = faults(dataset, m)
    block, told = _block_like(dataset, m), _last_part(m) in (BOTH, SINGLE)
    start = "The" if told else "Tested here: the"
    return Check(
        claim=f"{start} layer “{m}” is a coarse graining like that of block spins.",
        paper=PAPER.get(_last_part(m), "not in the paper"),
        ours=", ".join([*_numbers(dataset, m), *_exponents(dataset, m)]),
        status=STATUS[all_of(found.values())],
        reason=f"{verdict(dataset, m)}; {block}: {', '.join(_numbers(dataset, block))}"
        + _beside(dataset, m),
    )


STATUS = {True: Status.REPRODUCED, False: Status.NOT, None: Status.OPEN}


def _numbers(dataset: xr.Dataset, m: str) -> list[str]:
    """The readings that decide, of those that a map has."""
    if m in PAIRS:
        return [f"slope {cell(dataset, 'slope', m)}"]
    return [
        _width(dataset, m),
        f"C of a shift {cell(dataset, 'shift', m)}",
        f"slope {cell(dataset, 'slope', m)}",
    ]


def _beside(dataset: xr.Dataset, m: str) -> str:
    """What the maps read beside a layer make of its numbers."""
    if m == TIED_MAP:
        return (
            "; a finite window and one filter at all places make it local and "
            "covariant by construction, and what is learned is that the field is "
            f"kept; {_decimated_words(dataset)}"
        )
    if m in PAIRS:
        return _of_the_sign(dataset, m)
    votes = _of_b(dataset, m, SCATTERED)
    return f"; {_against(dataset, m, votes)}" + (
        f"; {_against(dataset, m, UNTRAINED)}" if _last_part(m) == FIRST else ""
    )


def _against(dataset: xr.Dataset, m: str, other: str) -> str:
    """How regular a layer is beside a control whose units were arranged as its are."""
    here, there = (dataset.sel(map=name) for name in (m, other))
    gap = here["shift"].item() - there["shift"].item()
    error = math.hypot(here["shift_error"].item(), there["shift_error"].item())
    word = {
        True: "more covariant than",
        False: "less covariant than",
        None: "not told from",
    }[above(gap, error, 0.0)]
    return f"by C {word} {other} ({cell(dataset, 'shift', other)})"


PAPER = {
    BOTH: "the pattern of v–h₂ is very similar to that of block spins; no number",
    SINGLE: "RG-like patterns in its correlators; no number",
    FIRST: "drawn in figure 8; the text says nothing of this layer alone",
    SECOND: "drawn in figure 8; the text says nothing of this layer alone",
}


def _of_the_sign(dataset: xr.Dataset, m: str) -> str:
    """What the map that is no coarse graining reads, beside the second layer alone."""
    sign = f"{m.partition(', ')[0]}, {ABOVE_FIRST[1]}"
    blind = _aspects(dataset, sign)["field"] is not False
    return (
        f"; the sign of the first layer: slope {cell(dataset, 'slope', sign)}"
        + (", so that the field cannot be told here" if blind else "")
        + "; what it listens to is a matter of the first layer, and it would take the "
        "map to be shifted: it can fail here, and not pass"
    )


def _width(dataset: xr.Dataset, m: str) -> str:
    """How far around their centre units listen, where enough are heard."""
    width = dataset["width"].sel(map=m).item()
    if math.isfinite(width):
        one = abs(width) < ONE_SITE
        return "listens to one site" if one else f"listens {_sites(dataset, m)} far"
    share = dataset["directly"].sel(map=m).item()
    return f"no width (a direct response out of the noise of {share:.0%} of the units)"


def _sites(dataset: xr.Dataset, m: str) -> str:
    return f"{cell(dataset, 'width', m)} sites"


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
