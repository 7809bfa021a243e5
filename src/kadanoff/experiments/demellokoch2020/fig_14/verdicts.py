"""What became of the claims about temperature along the layers (figure 14)."""

from __future__ import annotations

import itertools
import math

import xarray as xr

from kadanoff.estimate import parenthesised
from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020.decided import (
    above,
    all_of,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.fig_14.stacks import (
    RECIPES,
    UNTRAINED,
    looks,
)
from kadanoff.experiments.demellokoch2020.fig_14.thermometers import (
    BREADTH,
    THERMOMETERS,
)
from kadanoff.experiments.exhibit import Check, Status

__all__ = ["DOUBLED", "checks", "ratios_of_deviations", "ratios_of_temperatures"]

LOST = "the value is lost in the text at hand"
DOUBLED = 0.25
"""A ratio this near to 2 is a doubling."""
SMALLEST = 8
"""Side down to which a deviation is judged: on 4×4 the energy of a law that is not
nearest-neighbour bends away from the curve it is inverted by."""
HIGH, CHANGE = K_C / 2, K_C / 4
"""|K| of a high temperature, above twice T_c; and a change of K that counts."""
NEAR = 0.05
"""Share of K_c within which the flow is at T_c."""
BROADER = 0.05
"""Share by which the answer of a classifier is to be broader to count."""
RULES = ("majority", "sign of average")

Pairs = list[tuple[float, float]]
"""Values with their standard errors."""


def ratios_of_deviations(dataset: xr.Dataset) -> dict[str, Pairs]:
    """s_{n+1}/s_n by energy of every step, for each block rule of ±1 spins.

    Args:
        dataset: of `fig_14`.
    """
    return {rule: _growth(dataset, rule) for rule in RULES}


def ratios_of_temperatures(dataset: xr.Dataset) -> dict[str, Pairs]:
    """T_{n+1}/T_n by energy of every step from T_c, for each block rule of ±1 spins.

    Args:
        dataset: of `fig_14`.
    """
    return {rule: _heating(dataset, rule, "energy") for rule in RULES}


def checks(dataset: xr.Dataset) -> list[Check]:
    """What became of the claims about temperature."""
    return [
        _average_doubles(dataset),
        _majority_doubles(dataset),
        _deviation_doubles(dataset),
        *(_jumps_and_stays(dataset, recipe) for recipe in RECIPES),
        *(_cools_above(dataset, recipe) for recipe in RECIPES),
        *(_less_sharp(dataset, recipe) for recipe in RECIPES),
        _flow_converges(dataset),
    ]


def _average_doubles(dataset: xr.Dataset) -> Check:
    ratios = _heating(dataset, "average", "classifier")
    signs = _heating(dataset, "sign of average", "classifier")
    alike = [
        within(a - b, math.hypot(e, f), DOUBLED)
        for (a, e), (b, f) in zip(ratios, signs, strict=True)
    ]
    return Check(
        claim="Block averages heat by a factor of two with each step, as a classifier "
        "of ±1 spins reads them at T_c.",
        paper=f"roughly 2 for each of three steps; {LOST}",
        ours=_two_inputs(dataset, "average", "classifier"),
        status=status_of(_doubled(ratios)),
        reason="averages are not ±1 and have no temperature; of their signs alone the "
        f"classifier reads {_listed('T′/T', signs)}, "
        + _words(
            all_of(alike),
            "as of the averages: that they are smaller than 1 does not make them hot",
            "and not what it reads of the averages, which are smaller than 1",
            "which decides nothing about the size of the averages",
        )
        + "; the classifier is ours, of convolutions, and not the paper's network of "
        "60 temperatures, and no heating by 2 is explained here",
    )


def _majority_doubles(dataset: xr.Dataset) -> Check:
    ratios = _heating(dataset, "majority", "energy")
    later = [within(r - 1, e, DOUBLED) for r, e in ratios[1:]]
    return Check(
        claim="The temperature of block spins doubles with each step from T_c.",
        paper=f"roughly 2 for each of three steps; {LOST}",
        ours="majority by energy: " + _two_inputs(dataset, "majority", "energy"),
        status=status_of(_doubled(ratios)),
        reason="from T_c, the fixed point of the rule is near, which is not "
        "nearest-neighbour; after the first step the temperature "
        + _words(all_of(later), "stays", "still changes", "is not known well enough")
        + ", by couplings too "
        + _listed("T′/T", _heating(dataset, "majority", "couplings")),
    )


def _deviation_doubles(dataset: xr.Dataset) -> Check:
    pairs = _growth(dataset, "majority")
    judged = [
        pair
        for pair, side in zip(pairs, dataset["side"].values[1:], strict=True)
        if side >= SMALLEST
    ][1:]
    others = "; ".join(
        _listed(_stack_named(name), _growth(dataset, name)[:1])
        for name in (*RECIPES, UNTRAINED)
    )
    return Check(
        claim="The deviation from the critical surface doubles with each step.",
        paper="b^{y_T} = 2, the exact statement behind the paper's",
        ours=_listed("majority by energy: s′/s", pairs),
        status=status_of(_doubled(judged)),
        reason="judged after the first step, which brings the rule near its fixed "
        f"point, down to a side of {SMALLEST}, within {DOUBLED:g} of 2"
        + ("" if judged else ": no step here; a larger lattice would decide")
        + f"; first layers, arranged, beside it: {others}",
    )


def _jumps_and_stays(dataset: xr.Dataset, recipe: str) -> Check:
    """As the paper reads a layer, in the order in which its units come."""
    in_order, as_trained, by_coin = looks(recipe)[1:]
    control = looks(UNTRAINED)[2]
    read, placed, untrained = (
        _hot_from_layer_1(dataset, m) for m in (as_trained, recipe, control)
    )
    return Check(
        claim=f"Of inputs at T_c and below it the stack trained by {_named(recipe)} "
        "jumps to a high temperature in its first layer and stays there.",
        paper=f"T of layers 1, 2, 3 of both inputs; {LOST}",
        ours="units in their own order and of the signs that training left: "
        + "; ".join(
            _listed(f"K/K_c from T = {t:.3g}", _layers(dataset, as_trained, t), K_C)
            for t in _up_to_critical(dataset)
        ),
        status=_read_and_placed(read, placed),
        reason="the sign of a unit is free (h → -h with its weights), training leaves "
        "it by chance, and products of neighbours average to 0 whatever the units say: "
        "the untrained stack "
        + _words(untrained, "does the same", "does not do it", "is undecided")
        + f" (from T_c {_at_critical(dataset, control)}), and signs drawn by coin give "
        f"{_at_critical(dataset, by_coin)}; with all units turned to one sign the "
        f"layers have {_at_critical(dataset, in_order)}, arranged by their responses "
        f"{_at_critical(dataset, recipe)}, "
        + _words(placed, "hot too", "not hot in all layers", "undecided")
        + f"; majority {_at_critical(dataset, 'majority')}; hot is K below "
        f"{HIGH / K_C:g} K_c",
    )


def _hot_from_layer_1(dataset: xr.Dataset, m: str) -> bool | None:
    """Whether all layers are hot, at T_c and below."""
    return all_of(
        [
            within(k, e, HIGH)
            for t in _up_to_critical(dataset)
            for k, e in _layers(dataset, m, t)
        ]
    )


def _read_and_placed(read: bool | None, placed: bool | None) -> Status:
    """Partly where only the layers as they are numbered do it."""
    if read is None or (read and placed is None):
        return Status.OPEN
    if not read:
        return Status.NOT
    return Status.REPRODUCED if placed else Status.PARTLY


def _cools_above(dataset: xr.Dataset, recipe: str) -> Check:
    t = float(dataset["inputs"].values[-1])
    as_trained = looks(recipe)[2]
    layers = _layers(dataset, as_trained, t)
    (k, e), (l, f) = layers[1:3] if len(layers) > 2 else [(math.nan, math.nan)] * 2
    colder = _larger(l - k, math.hypot(e, f), CHANGE)
    return Check(
        claim=f"Of an input above T_c ({_named(recipe)}) layer 3 is colder than "
        "layer 2.",
        paper=f"layer 2 hotter than layer 3; {LOST}",
        ours=f"at T = {t:g}, units in their own order and of the signs that training "
        f"left: {_listed('K/K_c', layers, K_C)}",
        status=status_of([colder]),
        reason=f"a difference below {CHANGE / K_C:g} K_c counts as none; arranged, "
        f"{_listed('K/K_c', _layers(dataset, recipe, t), K_C)}; majority heats on from "
        f"there: {_listed('K/K_c', _layers(dataset, 'majority', t), K_C)}"
        + _deciding(colder, len(layers) > 2),
    )


def _deciding(found: bool | None, three: bool) -> str:
    if found is not None:
        return ""
    more = "more seeds" if three else "a stack of three layers"
    return f"; {more} would decide"


def _less_sharp(dataset: xr.Dataset, recipe: str) -> Check:
    as_trained = looks(recipe)[2]
    *lower, t = (float(x) for x in dataset["inputs"].values)
    b, e = _breadth(dataset, as_trained, t)
    parts = []
    for other in lower:
        c, f = _breadth(dataset, as_trained, other)
        parts.append(_larger(b - c, math.hypot(e, f), BROADER * c))
    return Check(
        claim=f"Of an input above T_c ({_named(recipe)}) layer 1 is read less sharply "
        "than of inputs at and below T_c.",
        paper="not as sharply peaked; in a figure, without a number in the text",
        ours="temperatures that the classifier holds possible in layer 1, units in "
        "their own order and of the signs that training left: "
        + _breadths(dataset, as_trained),
        status=status_of(parts),
        reason="their number is e to the entropy of its mean probabilities, between 1 "
        f"and all that it knows; a difference below {BROADER:.0%} counts as none; "
        f"arranged: {_breadths(dataset, recipe)}; untrained: "
        f"{_breadths(dataset, looks(UNTRAINED)[2])}",
    )


def _larger(gap: float, error: float, room: float) -> bool | None:
    """Whether a difference is positive; one that is known to be below `room` is not."""
    found = above(gap, error, 0.0)
    return False if found is None and within(gap, error, room) else found


def _breadth(dataset: xr.Dataset, m: str, t: float) -> tuple[float, float]:
    here = dataset.sel(map=m, temperature=t, level=1)
    return here[BREADTH].item(), here[f"{BREADTH}_error"].item()


def _breadths(dataset: xr.Dataset, m: str) -> str:
    return ", ".join(
        f"{_shown(*_breadth(dataset, m, t))} from T = {t:.3g}"
        for t in dataset["inputs"].values
    )


def _flow_converges(dataset: xr.Dataset) -> Check:
    last = int(dataset["flow_step"].values[-1])
    here = dataset.sel(flow_step=last)
    ends = {
        name: _pairs(
            here["flow_K"].sel(thermometer=name),
            here["flow_K_error"].sel(thermometer=name),
        )
        for name in THERMOMETERS
    }
    near = [within(k / K_C - 1, e / K_C, NEAR) for x in ends.values() for k, e in x]
    known = any(part is not None for part in near)
    return Check(
        claim="The RBM flow goes to T_c from any temperature.",
        paper="T_c; the text gives no number of the flow in this section",
        ours="; ".join(_listed(f"K/K_c by {_by(n)}", x, K_C) for n, x in ends.items())
        + f" after {last} steps from T = "
        + ", ".join(f"{t:.3g}" for t in dataset["start"].values),
        status=status_of(near),
        reason="the machine of section III, 10×10 spins and 81 hidden units trained "
        "on all temperatures at once by contrastive divergence, its units drawn: where "
        "the flows of this and other machines end is asked by more readings under "
        f"“Where the flow ends”; at T_c means within {NEAR:.0%}"
        + ("" if known else "; more than one machine would decide"),
    )


def _by(thermometer: str) -> str:
    return "the network of fig. 3" if thermometer == "classifier" else thermometer


def _doubled(ratios: Pairs) -> list[bool | None]:
    return [within(r - 2, e, DOUBLED) for r, e in ratios]


def _words(found: bool | None, yes: str, no: str, unknown: str) -> str:
    return unknown if found is None else yes if found else no


def _up_to_critical(dataset: xr.Dataset) -> list[float]:
    """The inputs at T_c and below it, T_c first."""
    return [float(t) for t in dataset["inputs"].values[1::-1]]


def _layers(dataset: xr.Dataset, m: str, t: float = T_C) -> Pairs:
    """K by energy of every level but what was put in."""
    return _levels(dataset, m, "energy", t)[1:]


def _at_critical(dataset: xr.Dataset, m: str) -> str:
    return _listed("K/K_c", _layers(dataset, m), K_C)


def _levels(dataset: xr.Dataset, m: str, name: str, t: float = T_C) -> Pairs:
    here = dataset.sel(map=m, thermometer=name).sel(temperature=t, method="nearest")
    return _pairs(here["K"], here["K_error"])


def _growth(dataset: xr.Dataset, m: str) -> Pairs:
    here = dataset.sel(map=m, direct="energy")
    return _pairs(here["growth"], here["growth_error"])


def _heating(dataset: xr.Dataset, m: str, name: str, t: float = T_C) -> Pairs:
    """T′/T = K/K′ of each step, levels taken as independent."""
    levels = _levels(dataset, m, name, t)
    return [
        (a / b, abs(a / b) * math.hypot(da / a, db / b))
        for (a, da), (b, db) in itertools.pairwise(levels)
    ]


def _two_inputs(dataset: xr.Dataset, m: str, name: str) -> str:
    t = float(dataset["inputs"].values[-1])
    hotter = _listed("", _heating(dataset, m, name, t))
    return f"{_listed('T′/T', _heating(dataset, m, name))}; from T = {t:g} {hotter}"


def _pairs(values: xr.DataArray, errors: xr.DataArray) -> Pairs:
    return [
        (float(v), float(e)) for v, e in zip(values.values, errors.values, strict=True)
    ]


def _listed(what: str, pairs: Pairs, unit: float = 1.0) -> str:
    cells = [_shown(v / unit, e / unit) for v, e in pairs]
    return f"{what} {', '.join(cells)}".strip()


def _shown(value: float, error: float) -> str:
    if not math.isfinite(value):
        return "no number"
    return parenthesised(value, error) if math.isfinite(error) else f"{value:.3g}"


def _stack_named(name: str) -> str:
    return "untrained" if name == UNTRAINED else f"trained by {_named(name)}"


def _named(recipe: str) -> str:
    if recipe == "plain":
        return "plain contrastive divergence"
    return "the recipe whose units become local"
