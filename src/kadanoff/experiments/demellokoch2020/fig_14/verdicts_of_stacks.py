"""What became of the claims about the layers of a stack.

Judged are the two ways of looking whose temperature says something: units as they are
numbered with all turned to one sign, and arranged. Of the signs that training left K is
0 by symmetry. What a stack that was not trained has too is no evidence about one that
was; and what is arranged counts only where block spins with their places withheld read
as they do where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import xarray as xr

from kadanoff.exact.constants import K_C
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.decided import (
    above,
    all_of,
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.fig_14.quoted import (
    Pairs,
    at_critical,
    growth,
    layers,
    listed,
    shown_pair,
    words,
)
from kadanoff.experiments.demellokoch2020.fig_14.stacks import (
    RECIPES,
    UNTRAINED,
    looks,
)
from kadanoff.experiments.demellokoch2020.fig_14.thermometers import (
    BREADTH,
    COLD,
    HOT,
)
from kadanoff.experiments.demellokoch2020.fig_14.verdicts_of_blocks import (
    LOST,
    doubled,
    judged_growth,
)
from kadanoff.experiments.demellokoch2020.fig_14.withheld import WITHHELD
from kadanoff.experiments.exhibit import Check

__all__ = ["checks_of_stacks", "ratios_along_stacks", "stacks_double"]

HIGH = K_C / 2
"""|K| of a high temperature, above twice T_c."""
CHANGE = 1 / TEMPERATURES[-4] - 1 / TEMPERATURES[-1]
"""Difference of K that counts: three labels at the hot end of the paper's thermometer,
as its labels are reconstructed."""
BROADER = 0.05
"""Share by which the answer of a classifier is to be broader to count."""
CALIBRATED = 0.1
"""Share by which K of block spins with their places withheld may be off."""
ALL_ON_ONE_SET = "errors are over seeds, all trained on one set of configurations"

Found = Callable[[str], bool | None]
"""What a look shows, by its name."""


def checks_of_stacks(dataset: xr.Dataset) -> list[Check]:
    """Jump, layer 3, sharpness and growth, of both recipes each."""
    of_each = (_jumps_and_stays, _cools_above, _less_sharp, _deviation_doubles)
    return [check(dataset, recipe) for check in of_each for recipe in RECIPES]


def calibrated(dataset: xr.Dataset) -> bool | None:
    """Whether block spins with their places withheld read as where they are."""
    return all_of(
        within(k - l, math.hypot(e, f), CALIBRATED * abs(l))
        for t in dataset["inputs"].values
        for (k, e), (l, f) in zip(
            layers(dataset, WITHHELD, t), layers(dataset, "majority", t), strict=True
        )
    )


def _parts(dataset: xr.Dataset, recipe: str, found: Found) -> list[bool | None]:
    """In order with one sign, and arranged; None of what shows nothing of training."""
    in_order, placed = (
        _told(found(look), found(control))
        for look, control in zip(_judged(recipe), _judged(UNTRAINED), strict=True)
    )
    return [in_order, placed if calibrated(dataset) else None]


def _judged(name: str) -> tuple[str, str]:
    placed, in_order, *_ = looks(name)
    return in_order, placed


def _told(found: bool | None, untrained: bool | None) -> bool | None:
    """What the untrained stack does not show, or may show, is no evidence."""
    return None if found and untrained is not False else found


def _jumps_and_stays(dataset: xr.Dataset, recipe: str) -> Check:
    def hot(look: str) -> bool | None:
        return _hot_from_layer_1(dataset, look)

    in_order, placed = _judged(recipe)
    as_trained, control = looks(recipe)[2], looks(UNTRAINED)[2]
    signs = hot(as_trained)
    # Hot by signs alone is what any stack is; not hot counts.
    by_signs = [False] if signs is False else []
    return Check(
        claim=f"Of inputs at T_c and below it the stack trained by {_named(recipe)} "
        "jumps to a high temperature in its first layer and stays there.",
        paper=f"T of layers 1, 2, 3 of both inputs; {LOST}",
        ours=f"all units of one sign, in their own order: "
        f"{_cold_inputs(dataset, in_order)}; arranged: {_cold_inputs(dataset, placed)}",
        status=status_of([*by_signs, *_parts(dataset, recipe, hot)]),
        reason="the sign of a unit is free (h → -h with its weights), training leaves "
        "it by chance, and products of neighbours average to 0 whatever the units say: "
        f"of such signs the layers have {at_critical(dataset, as_trained)}, and the "
        "untrained stack "
        + words(hot(control), "is as hot", "is not hot", "is undecided")
        + f" ({at_critical(dataset, control)})"
        + (
            ", which explains a picture of high temperatures"
            if signs and hot(control)
            else ""
        )
        + "; of a network whose last label is "
        f"T = {TEMPERATURES[-1]} (reconstructed) all that is hotter stays at it; "
        "of one sign, and arranged, the untrained stack is "
        + " and ".join(
            words(hot(look), "hot", "not hot", "undecided")
            for look in _judged(UNTRAINED)
        )
        + f" ({at_critical(dataset, UNTRAINED)} arranged), and what it is too is no "
        f"evidence; hot is K below {HIGH / K_C:g} K_c in all layers; "
        + _of_arranging(dataset),
    )


def _of_arranging(dataset: xr.Dataset) -> str:
    """Whether an arranged layer counts, and why; and what the errors are of."""
    found = words(
        calibrated(dataset), "counts", "does not count", "cannot be trusted yet"
    )
    return (
        f"what is arranged {found}, by block spins with their places withheld, which "
        f"are to read within {CALIBRATED:.0%} of where they are at all inputs and "
        f"levels ({listed('from T_c K/K_c', layers(dataset, WITHHELD), K_C)}, and "
        f"{listed('', layers(dataset, 'majority'), K_C)} where they are); "
        f"{ALL_ON_ONE_SET}"
    )


def _cold_inputs(dataset: xr.Dataset, look: str) -> str:
    return _by_input(dataset, look, _up_to_critical(dataset))


def _by_input(dataset: xr.Dataset, look: str, temperatures: list[float]) -> str:
    return "; ".join(
        listed(f"K/K_c from T = {t:.3g}", layers(dataset, look, t), K_C)
        for t in temperatures
    )


def _up_to_critical(dataset: xr.Dataset) -> list[float]:
    """The inputs at T_c and below it, T_c first."""
    return [float(t) for t in dataset["inputs"].values[1::-1]]


def _hot_from_layer_1(dataset: xr.Dataset, m: str) -> bool | None:
    """Whether all layers are hot, at T_c and below."""
    return all_of(
        within(k, e, HIGH)
        for t in _up_to_critical(dataset)
        for k, e in layers(dataset, m, t)
    )


def _cools_above(dataset: xr.Dataset, recipe: str) -> Check:
    *lower, t = (float(x) for x in dataset["inputs"].values)
    parts = _colder(dataset, recipe, t)
    in_order, placed = _judged(recipe)
    others = [
        f"from T = {x:.3g} "
        + words(
            all_of(_colder(dataset, recipe, x)), "too", "not in both looks", "undecided"
        )
        for x in lower
    ]
    three = len(layers(dataset, recipe, t)) > 2
    return Check(
        claim=f"Of an input above T_c ({_named(recipe)}) layer 3 is colder than "
        "layer 2.",
        paper=f"layer 2 hotter than layer 3; {LOST}",
        ours=f"all units of one sign, in their own order: "
        f"{_by_input(dataset, in_order, [t])}; arranged: "
        f"{_by_input(dataset, placed, [t])}",
        status=status_of(parts),
        reason=f"colder by more than {CHANGE / K_C:.2f} K_c, three labels at the hot "
        f"end of a thermometer up to T = {TEMPERATURES[-1]}; {', '.join(others)}; of "
        "the signs that training left K is 0 on the average and tells nothing "
        f"({_by_input(dataset, looks(recipe)[2], [t])}); untrained, arranged: "
        f"{_by_input(dataset, UNTRAINED, [t])}; majority: "
        f"{_by_input(dataset, 'majority', [t])}; {_of_arranging(dataset)}"
        + _deciding(None in parts, three),
    )


def _colder(dataset: xr.Dataset, recipe: str, t: float) -> list[bool | None]:
    """Whether layer 3 is colder than layer 2, by both looks."""

    def colder(look: str) -> bool | None:
        found = layers(dataset, look, t)
        if len(found) < 3:
            return None
        (k, e), (l, f) = found[1:3]
        return above(l - k, math.hypot(e, f), CHANGE)

    return _parts(dataset, recipe, colder)


def _deciding(undecided: bool, three: bool) -> str:
    if not undecided:
        return ""
    more = "more seeds" if three else "a stack of three layers"
    return f"; {more} would decide"


def _less_sharp(dataset: xr.Dataset, recipe: str) -> Check:
    def broader(look: str) -> bool | None:
        *lower, t = (float(x) for x in dataset["inputs"].values)
        return all_of(_broader(dataset, look, t, other) for other in lower)

    in_order, placed = _judged(recipe)
    parts = _parts(dataset, recipe, broader)
    outside = [
        f"{name}, from T = {t:.3g}"
        for name, look in (("one sign", in_order), ("arranged", placed))
        for t in dataset["inputs"].values
        if not _known_to_classifier(dataset, look, t)
    ]
    return Check(
        claim=f"Of an input above T_c ({_named(recipe)}) layer 1 is read less sharply "
        "than of inputs at and below T_c.",
        paper="not as sharply peaked; in a figure, without a number in the text",
        ours="temperatures that the classifier holds possible in layer 1, all units of "
        f"one sign, in their own order: {_breadths(dataset, in_order)}; arranged: "
        f"{_breadths(dataset, placed)}",
        status=status_of(parts),
        reason="their number is e to the entropy of its mean probabilities, between 1 "
        f"and all that it knows; broader means by more than {BROADER:.0%}; "
        + (
            f"outside the couplings that it knows, {HOT / K_C:.2f} to "
            f"{COLD / K_C:.2f} K_c, its answer leans on its last class and says little "
            f"of the layer: {', '.join(outside)}, and of the signs that training left "
            "K is 0; "
            if outside
            else ""
        )
        + f"untrained, arranged: {_breadths(dataset, UNTRAINED)}"
        + ("; a classifier of hotter lattices would decide" if outside else ""),
    )


def _broader(dataset: xr.Dataset, look: str, t: float, other: float) -> bool | None:
    """Of one input than of another; None where the classifier knows one of them not."""
    if not all(_known_to_classifier(dataset, look, x) for x in (t, other)):
        return None
    (b, e), (c, f) = (_breadth(dataset, look, x) for x in (t, other))
    return above(b - c, math.hypot(e, f), BROADER * c)


def _known_to_classifier(dataset: xr.Dataset, look: str, t: float) -> bool:
    """Whether layer 1 by energy lies between the couplings that were learned."""
    k, e = layers(dataset, look, t)[0]
    return bool(above(k, e, HOT) and below(k, e, COLD))


def _breadth(dataset: xr.Dataset, m: str, t: float) -> tuple[float, float]:
    here = dataset.sel(map=m, temperature=t, level=1)
    return here[BREADTH].item(), here[f"{BREADTH}_error"].item()


def _breadths(dataset: xr.Dataset, m: str) -> str:
    return ", ".join(
        f"{shown_pair(*_breadth(dataset, m, t))} from T = {t:.3g}"
        for t in dataset["inputs"].values
    )


def ratios_along_stacks(dataset: xr.Dataset) -> dict[str, Pairs]:
    """s_{n+1}/s_n by energy beyond the first layer, arranged, for each recipe.

    Args:
        dataset: of `fig_14`.
    """
    return {recipe: judged_growth(dataset, recipe) for recipe in RECIPES}


def stacks_double(dataset: xr.Dataset) -> bool | None:
    """Whether all of these double, or none; None where neither is known.

    Nor is it where block spins with their places withheld do not double.
    """
    if not all_of(doubled(judged_growth(dataset, WITHHELD))):
        return None
    stacks = ratios_along_stacks(dataset).values()
    found = {part for ratios in stacks for part in doubled(ratios)}
    return found.pop() if len(found) == 1 else None


def _deviation_doubles(dataset: xr.Dataset, recipe: str) -> Check:
    judged = judged_growth(dataset, recipe)
    control = judged_growth(dataset, WITHHELD)
    counts = all_of(doubled(control))
    parts = doubled(judged) if counts else [None]
    return Check(
        claim="Beyond its first layer the deviation from T_c doubles from layer to "
        f"layer of the stack trained by {_named(recipe)}, as it does along block "
        "spins.",
        paper="the temperature should grow similarly if layers coarse-grain; no number",
        ours="arranged, by energy: "
        + listed("s′/s", growth(dataset, recipe))
        + " of steps 1, 2, …",
        status=status_of(parts),
        reason="judged after the first step; majority "
        + listed("", growth(dataset, "majority"))
        + f", with places withheld and arranged {listed('', growth(dataset, WITHHELD))}"
        + words(
            counts,
            ", which doubles, so that arranging does not hide it",
            ", which does not double: arranging hides it",
            ", which is undecided",
        )
        + f"; untrained {listed('', growth(dataset, UNTRAINED))}; {ALL_ON_ONE_SET}"
        + ("" if judged else "; a stack on a larger lattice would decide"),
    )


def _named(recipe: str) -> str:
    if recipe == "plain":
        return "plain contrastive divergence"
    return "the recipe whose units become local"
