"""What became of the claims about block spins: what doubles with each step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import xarray as xr

from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.decided import all_of, status_of, within
from kadanoff.experiments.demellokoch2020.fig_14.quoted import (
    Pairs,
    arranging_told,
    growth,
    heating,
    heating_from,
    levels,
    listed,
    words,
)
from kadanoff.experiments.demellokoch2020.fig_14.readings import RULES
from kadanoff.experiments.demellokoch2020.fig_14.withheld import WITHHELD
from kadanoff.experiments.exhibit import Check, Status

__all__ = ["DOUBLED", "LOST", "checks_of_blocks", "doubled", "judged_growth"]

LOST = "the value is lost in the text at hand"
LOST_INPUT = "roughly 2 for each of three steps; values and input temperature are lost"
DOUBLED = 0.25
"""A ratio this near to 2 is a doubling."""
ALIKE = 0.05
"""Share within which two readings of the classifier are the same."""
SMALLEST = 8
"""Side down to which a deviation is judged: on 4×4 the energy of a law that is not
nearest-neighbour bends away from the curve it is inverted by."""


def checks_of_blocks(dataset: xr.Dataset) -> list[Check]:
    """Averages, block spins from every input and from T_c, and the deviation."""
    return [
        _average_doubles(dataset),
        _spins_double(dataset),
        _critical_doubles(dataset),
        _deviation_doubles(dataset),
    ]


def doubled(ratios: Pairs) -> list[bool | None]:
    """Whether each ratio is 2, within `DOUBLED`."""
    return [within(r - 2, e, DOUBLED) for r, e in ratios]


def judged_growth(dataset: xr.Dataset, m: str) -> Pairs:
    """s′/s after the first step, down to the smallest side that is judged."""
    sides = dataset["side"].values[1:]
    pairs = zip(growth(dataset, m), sides, strict=True)
    return [pair for pair, side in pairs if side >= SMALLEST][1:]


def _average_doubles(dataset: xr.Dataset) -> Check:
    hot = float(dataset["inputs"].values[-1])
    each = {t: heating(dataset, "average", "classifier", t) for t in (T_C, hot)}
    told = "; ".join(_of_signs(dataset, t) for t in each)
    return Check(
        claim="From an input of some temperature block averages heat by a factor of "
        "two with each step, as a classifier of ±1 spins reads them.",
        paper=LOST_INPUT,
        ours=_by_input(each),
        status=_of_a_lost_input(list(each.values()), everywhere=False),
        reason=f"at the inputs read here {_steps_told(each)}; averages are not ±1 and "
        f"have no temperature; of their signs alone the classifier reads {told}; the "
        "classifier is ours, of convolutions, and not "
        "the paper's network of 60 temperatures"
        + _where(_some_input(each), "the input of the paper's figure, its temperature"),
    )


def _of_signs(dataset: xr.Dataset, t: float) -> str:
    """K that the classifier reads of the signs of averages, beside the averages."""
    averages, signs = (
        levels(dataset, m, "classifier", t)[1:] for m in ("average", "sign of average")
    )
    both = list(zip(averages, signs, strict=True))
    alike = all_of(
        within(a - b, math.hypot(e, f), ALIKE * b) for (a, e), (b, f) in both
    )
    largest = max((abs(a / b - 1) for (a, _), (b, _) in both), default=math.nan)
    return (
        f"{listed('K/K_c', signs, K_C)} from T = {t:.3g}, where of the averages "
        f"{listed('', averages, K_C)}, "
        + words(
            alike,
            f"the same within {ALIKE:.0%}",
            f"up to {largest:.0%} away: their size counts",
            "which decides nothing about their size",
        )
    )


def _steps_told(each: dict[float, Pairs]) -> str:
    """Which steps double."""
    parts = [doubled(ratios) for ratios in each.values()]
    double = [f"{t:.3g}" for t, p in zip(each, parts, strict=True) if all_of(p)]
    if double:
        return f"all steps from T = {', '.join(double)} heat by 2 within {DOUBLED:g}"
    if any(True in p for p in parts):
        return f"single steps heat by 2 within {DOUBLED:g}, and all steps of no input"
    known = all(part is False for p in parts for part in p)
    return "no step doubles" if known else "some steps are undecided"


def _spins_double(dataset: xr.Dataset) -> Check:
    of_rule = {rule: _of_all_inputs(dataset, rule) for rule in RULES}
    every = [ratios for each in of_rule.values() for ratios in each.values()]
    crossing = {rule: _doubling_input(each) for rule, each in of_rule.items()}
    found = any(_some_input(each) for each in of_rule.values())
    return Check(
        claim="From an input of some temperature the temperature of block spins "
        "doubles with each step.",
        paper=LOST_INPUT,
        ours="by energy, "
        + "; ".join(f"{rule}: {_by_input(each)}" for rule, each in of_rule.items()),
        status=_of_a_lost_input(
            every, everywhere=all(t is None for t in crossing.values())
        ),
        reason="at the inputs read here "
        + "; ".join(
            f"of {rule} {_steps_told(each)}, {_crossing_told(crossing[rule])}"
            for rule, each in of_rule.items()
        )
        + _beyond_labels(of_rule.values())
        + "; at infinite temperature one step of majority has K′ = 2 (3/8)² K, so that "
        "T′/T goes to 3.56"
        + _where(found, "the input of the paper's figure, its temperature"),
    )


def _beyond_labels(rules: Iterable[dict[float, Pairs]]) -> str:
    """Whether the paper's thermometer can have seen the inputs that double."""
    ends = [
        t * math.prod(r for r, _ in ratios)
        for each in rules
        for t, ratios in each.items()
        if all_of(doubled(ratios))
    ]
    last = TEMPERATURES[-1]
    if not ends or min(ends) < last:
        return ""
    return (
        f"; what doubles ends at T = {min(ends):.2g} or above, which no thermometer "
        f"with labels up to T = {last} (as the paper's is reconstructed) can read"
    )


def _crossing_told(t: float | None) -> str:
    if t is None:
        return "and the average over its steps does not pass 2 between them"
    return f"and on the average over its steps one near T = {t:.2g} J/k_B heats by 2"


def _of_all_inputs(dataset: xr.Dataset, rule: str) -> dict[float, Pairs]:
    """T′/T by energy from T_c and above."""
    hot = float(dataset["inputs"].values[-1])
    return {
        **{t: heating(dataset, rule, "energy", t) for t in (T_C, hot)},
        **{float(t): heating_from(dataset, rule, t) for t in dataset["hotter"].values},
    }


def _doubling_input(each: dict[float, Pairs]) -> float | None:
    """The input whose mean ln T′/T is ln 2, between those that are read."""
    means = [(t, _mean_log(ratios) - math.log(2)) for t, ratios in each.items()]
    for (t, a), (u, b) in itertools.pairwise(means):
        if a < 0 <= b:
            return t - a * (u - t) / (b - a)
    return None


def _mean_log(ratios: Pairs) -> float:
    logs = [math.log(r) if r > 0 else math.nan for r, _ in ratios]
    return sum(logs) / len(logs)


def _some_input(each: dict[float, Pairs]) -> bool:
    """Whether all steps of one input double."""
    return any(all_of(doubled(ratios)) for ratios in each.values())


def _of_a_lost_input(each: list[Pairs], *, everywhere: bool) -> Status:
    """Of a claim for an input that is not known.

    Not reproduced only where `everywhere`, no input can be thought to do it, and no
    step of any does.
    """
    parts = [doubled(ratios) for ratios in each]
    if any(all_of(p) for p in parts):
        return Status.REPRODUCED
    if any(True in p for p in parts):
        return Status.PARTLY
    known = all(part is False for p in parts for part in p)
    return Status.NOT if everywhere and known else Status.OPEN


def _where(some: bool, what: str) -> str:
    return "" if some else f"; {what}, would decide"


def _by_input(each: dict[float, Pairs]) -> str:
    return "; ".join(
        listed(f"T′/T from T = {t:.3g}:", ratios) for t, ratios in each.items()
    )


def _critical_doubles(dataset: xr.Dataset) -> Check:
    ratios = heating(dataset, "majority", "energy")
    later = [within(r - 1, e, DOUBLED) for r, e in ratios[1:]]
    return Check(
        claim="Tested here: from T_c too the temperature of block spins doubles with "
        "each step.",
        paper="the rule that T doubles, from an input whose temperature is lost",
        ours="majority by energy: " + listed("T′/T", ratios),
        status=status_of(doubled(ratios)),
        reason="from T_c, the fixed point of the rule is near, which is not "
        "nearest-neighbour; after the first step the temperature "
        + words(all_of(later), "stays", "still changes", "is not known well enough")
        + ", by couplings too "
        + listed("T′/T", heating(dataset, "majority", "couplings")),
    )


def _deviation_doubles(dataset: xr.Dataset) -> Check:
    judged = judged_growth(dataset, "majority")
    return Check(
        claim="Calibration: the deviation of block spins from the critical surface "
        "doubles with each step.",
        paper="b^{y_T} = 2, the exact statement behind the paper's",
        ours=listed("majority by energy: s′/s", growth(dataset, "majority")),
        status=status_of(doubled(judged)),
        reason="judged after the first step, which brings the rule near its fixed "
        f"point, down to a side of {SMALLEST}, within {DOUBLED:g} of 2"
        + ("" if judged else ": no step here; a larger lattice would decide")
        + f"; {arranging_told(dataset)}, and "
        + listed("s′/s", growth(dataset, WITHHELD)),
    )
