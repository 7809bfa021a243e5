"""What the essay's statements on features come to: a verdict and its reason for each.

Readings are sizes R, in units of the signal's spread, of small changes at each level
(`survival`), and accuracies (`pruning`). Tests are of ln R over trainings.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from kadanoff.experiments.exhibit import Check, Status, shown
from kadanoff.experiments.studies import over_seeds
from kadanoff.experiments.zoomout.digit_networks import (
    AVERAGED,
    DIGITS,
    KERNEL_ARMS,
    PLANTED,
    POOLED,
    SHUFFLED,
    UNTRAINED,
)
from kadanoff.experiments.zoomout.pruning import (
    LEAST,
    MOST,
    ORDERS,
    RANDOM,
    REMOVED,
    SMALLEST,
)
from kadanoff.experiments.zoomout.survival import (
    ENDS,
    KERNELS,
    KINDS,
    LEVELS,
    PLACES,
    classes_of,
    over_trainings,
)

__all__ = ["checks", "counts", "families"]

SIGMAS = 4.0
CLOSE = 0.05  # error of ln growth that would tell steps apart by a fifth
CHEAP = 0.01
"""An accuracy that costs nothing falls by less than one in a hundred."""
HALF = 0.5
ROUNDING = 1e-9


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """What dies, what is kept, who decides, is it a flow, and what is it for."""
    if "missing" in dataset.attrs:
        return [
            Check(
                claim="In each convolutional cycle unimportant features are discarded.",
                paper="in words",
                ours="not computed",
                status=Status.OPEN,
                reason=dataset.attrs["missing"],
            )
        ]
    return [
        _discarded(dataset),
        _kept(dataset),
        _classified(dataset),
        _learned(dataset),
        _decided(dataset),
        _eigenvalues(dataset),
        *(_left_out(dataset, place) for place in PLACES),
    ]


def families(dataset: xr.Dataset, arm: str, end: str) -> dict[str, np.ndarray]:
    """Survival to a level of all directions of a place, `(seeds, directions)`."""
    response = dataset["response"].sel(arm=arm)
    sizes = response.sel(level=end).values / response.sel(level=LEVELS[0]).values
    found = {PLACES[0]: sizes}
    if arm in KERNEL_ARMS:
        for place, name in zip(PLACES[1:], KERNELS, strict=True):
            found[place] = dataset[name].sel(kernel_arm=arm, end=end).values
    return found


def counts(dataset: xr.Dataset, arm: str, end: str) -> dict[str, list[int]]:
    """Relevant, marginal and irrelevant directions of each place."""
    return {
        place: [classes_of(survival).count(kind) for kind in KINDS]
        for place, survival in families(dataset, arm, end).items()
    }


def _discarded(dataset: xr.Dataset) -> Check:
    pulls = {g: -_pull(_survived(dataset, DIGITS, g)) for g in ("noise", "sign")}
    steps = {
        to: -_pull(_log(dataset, "step", arm=DIGITS, group="noise", to=to))
        for to in LEVELS[1:-1]
    }
    died, gradually = min(pulls.values()) > SIGMAS, min(steps.values()) > SIGMAS
    growth = ", ".join(
        shown(dataset, "growth", arm=DIGITS, group="noise", to=to) for to in steps
    )
    before, after = (
        shown(dataset, "share", arm=DIGITS, source="noise", level=l)
        for l in (LEVELS[0], LEVELS[-1])
    )
    return Check(
        claim="In each convolutional cycle features that are not important are "
        "gradually discarded.",
        paper="in words",
        ours=f"a small change along noise directions is multiplied by {growth} in the "
        f"three steps; survival to p: {_text(dataset, DIGITS, 'noise', 'sign')} (the "
        "sign of the checkerboard, which is not asked for)",
        status=Status.REPRODUCED
        if died and gradually
        else Status.PARTLY
        if died
        else Status.NOT,
        reason=f"below 1 by at least {min(pulls.values()):.0f} errors in the end and "
        f"{min(steps.values()):.0f} in each step; noise makes {before} of the variance "
        f"of the inputs and {after} of that of p",
    )


def _kept(dataset: xr.Dataset) -> Check:
    pull = _pull(_survived(dataset, DIGITS, "class"))
    steps = [
        shown(dataset, "growth", arm=DIGITS, group="class", to=to) for to in LEVELS[1:]
    ]
    over = _pull(
        _survived(dataset, DIGITS, "class") - _survived(dataset, DIGITS, "any")
    )
    before, after = (
        shown(dataset, "share", arm=DIGITS, source="digit", level=l)
        for l in (LEVELS[0], LEVELS[-1])
    )
    return Check(
        claim="Those that are important are kept and enhanced.",
        paper="in words",
        ours=f"changes along differences of the digits grow by {', '.join(steps)}; "
        f"survival {_text(dataset, DIGITS, 'class')}",
        status=Status.REPRODUCED
        if pull > SIGMAS
        else Status.PARTLY
        if over > SIGMAS
        else Status.NOT,
        reason=f"{pull:.1f} errors from 1 and {over:.0f} above directions at large; "
        f"enhanced as a share alone: the digit makes {before} of the variance of the "
        f"inputs and {after} of that of p, while in nats nothing grows",
    )


def _classified(dataset: xr.Dataset) -> Check:
    last, p = (counts(dataset, DIGITS, end) for end in ENDS)
    raw = counts(dataset, UNTRAINED, ENDS[0])[PLACES[0]]
    both = [place for place, found in last.items() if found[0] and found[2]]
    unknown, whole = (sum(c[1] for c in last.values()), sum(map(sum, last.values())))
    logs = {place: np.log(s) for place, s in families(dataset, DIGITS, ENDS[0]).items()}
    return Check(
        claim="Directions of the first layers are relevant or irrelevant.",
        paper="in words, of features",
        ours=f"relevant, marginal and irrelevant at 1×1: {_listed(last)}; at p "
        f"{_listed(p)}",
        status=Status.REPRODUCED
        if len(both) == len(PLACES)
        else Status.PARTLY
        if both
        else Status.OPEN
        if unknown > whole / 2
        else Status.NOT,
        reason="ln of the largest over the smallest survival: "
        + ", ".join(
            f"{place} {over_trainings(x.max(axis=1) - x.min(axis=1))}"
            for place, x in logs.items()
        )
        + f"; s > 1 is no mark of learning: of the "
        f"pixels' directions {raw[0]} are relevant in untrained networks",
    )


def _listed(found: dict[str, list[int]]) -> str:
    return ", ".join(f"{'/'.join(map(str, c))} of {p}" for p, c in found.items())


def _learned(dataset: xr.Dataset) -> Check:
    own = _parted(dataset, DIGITS)
    controls = {a: _parted(dataset, a) for a in (SHUFFLED, UNTRAINED, AVERAGED)}
    pulls = {a: _pull(own - other) for a, other in controls.items()}
    beaten = [a for a, pull in pulls.items() if pull > SIGMAS]
    telling = [a for a, other in controls.items() if _pull(other) > SIGMAS]
    return Check(
        claim="Learning does this, and not the zooming out alone.",
        paper="in words, of deep learning; the controls are ours",
        ours=f"changes of class are {_times(own)} times as large as noise where they "
        "differ most, 1 in the inputs; controls: "
        + ", ".join(f"{a} {_times(other)}" for a, other in controls.items()),
        status=Status.NOT
        if not beaten
        else Status.PARTLY
        if telling or len(beaten) < len(controls)
        else Status.REPRODUCED,
        reason="digits that are learned exceed "
        + ", ".join(f"{a} by {pull:.0f}" for a, pull in pulls.items())
        + " errors; above 1 without the labels: "
        + (", ".join(telling) or "none"),
    )


def _decided(dataset: xr.Dataset) -> Check:
    moved = {
        g: _survived(dataset, PLANTED, g) - _survived(dataset, DIGITS, g)
        for g in ("class", "sign")
    }
    pulls = {g: _pull(m) for g, m in moved.items()}
    turned = pulls["sign"] > SIGMAS and pulls["class"] < -SIGMAS
    same = max(map(abs, pulls.values())) < SIGMAS
    return Check(
        claim="It is exactly what happens in renormalization: what survives is a "
        "matter of scale.",
        paper="in words; the essay's networks have no labels",
        ours=f"asked for the digit: {_text(dataset, DIGITS, 'class', 'sign')}; same "
        "inputs, asked for the sign of the checkerboard: "
        f"{_text(dataset, PLANTED, 'class', 'sign')}; block averages: "
        f"{_text(dataset, AVERAGED, 'class', 'sign')}",
        status=Status.NOT if turned else Status.REPRODUCED if same else Status.PARTLY,
        reason=f"with the question the roughest pattern's survival changes by "
        f"{pulls['sign']:.0f} errors and the digits' by {pulls['class']:.0f}: "
        + ("the labels decide" if turned else "the labels alone do not decide")
        + "; relevant directions of the pixels at 1×1: "
        + ", ".join(
            f"{arm} {counts(dataset, arm, ENDS[0])[PLACES[0]][0]}"
            for arm in (DIGITS, PLANTED)
        ),
    )


def _eigenvalues(dataset: xr.Dataset) -> Check:
    steps = LEVELS[1:-1]
    of_steps, of_networks, errors = [], [], []
    for group in ("class", "noise"):
        rows = {
            (arm, to): _log(dataset, "step", arm=arm, group=group, to=to)
            for arm in (DIGITS, POOLED)
            for to in steps
        }
        errors += [float(over_seeds(row).error) for row in rows.values()]
        of_steps += [
            abs(_pull(rows[DIGITS, a] - rows[DIGITS, b]))
            for a, b in itertools.combinations(steps, 2)
        ]
        of_networks += [abs(_pull(rows[DIGITS, a] - rows[POOLED, a])) for a in steps]
    growth = "; ".join(
        f"{arm}: {group} "
        + ", ".join(
            shown(dataset, "growth", arm=arm, group=group, to=to) for to in steps
        )
        for arm in (DIGITS, POOLED)
        for group in ("class", "noise")
    )
    worst = max(max(of_steps), max(of_networks))
    return Check(
        claim="Growth is a property of the direction: the same in each step and in "
        "another network, as 2^y is.",
        paper="not in the essay; what relevance means in renormalization",
        ours=growth,
        status=Status.NOT
        if worst > SIGMAS
        else Status.OPEN
        if max(errors) > CLOSE
        else Status.REPRODUCED,
        reason=f"steps differ by up to {max(of_steps):.0f} errors and the two networks "
        f"by up to {max(of_networks):.0f}"
        + ("" if worst > SIGMAS else "; more trainings would tell"),
    )


def _left_out(dataset: xr.Dataset, place: str) -> Check:
    at = dataset["loss"].sel(place=place)
    half = {order: at.sel(order=order, removed=HALF).values for order in ORDERS}
    cost = float(half[LEAST].mean())
    more, chance = (_pull(half[order] - half[LEAST]) for order in (MOST, RANDOM))
    deep = at.sel(removed=REMOVED[-1])
    alone = deep.sel(order=SMALLEST).values - deep.sel(order=LEAST).values
    curve = at.sel(order=LEAST).mean("seed")
    free = float(dataset.removed.where(curve < CHEAP, drop=True).max())
    dear = min(more, chance) > SIGMAS
    right = shown(dataset, "accuracy", arm=DIGITS)
    here: dict[str, Any] = {"of": DIGITS, "place": place, "removed": HALF}
    listed = ", ".join(
        f"{order} {shown(dataset, 'lost', order=order, **here)}" for order in ORDERS
    )
    return Check(
        claim=f"Unimportant features can be left out ({place}).",
        paper="in words",
        ours=f"of an accuracy of {right} half of the directions cost: {listed}",
        status=Status.REPRODUCED
        if cost < CHEAP and dear
        else Status.PARTLY
        if dear
        else Status.NOT,
        reason=f"the most surviving cost more than the least by {more:.0f} errors, "
        f"random ones by {chance:.0f}; up to {free:.0%} of the least surviving cost "
        f"below {CHEAP:.0%}; of {REMOVED[-1]:.0%} those of least size alone cost "
        f"{over_seeds(alone)} more",
    )


def _pull(values: np.ndarray) -> float:
    """The mean over seeds in its errors."""
    mean = over_seeds(values)
    return float(mean.value / max(mean.error, ROUNDING))


def _log(dataset: xr.Dataset, name: str, **where: Any) -> np.ndarray:
    """ln of a reading of every seed."""
    return np.log(dataset[name].sel(**where).values)


def _survived(dataset: xr.Dataset, arm: str, group: str) -> np.ndarray:
    """ln of the survival, of every seed; −∞ of what nothing is left of."""
    sizes = dataset["size"].sel(arm=arm, group=group, level=LEVELS[-1]).values
    with np.errstate(divide="ignore"):
        return np.log(sizes)


def _text(dataset: xr.Dataset, arm: str, *groups: str) -> str:
    return ", ".join(
        f"{group} {shown(dataset, 'survival', arm=arm, group=group)}"
        for group in groups
    )


def _parted(dataset: xr.Dataset, arm: str) -> np.ndarray:
    """ln of the size of class changes over noise, of every seed, where it is largest.

    Block averages have their best level before the last.
    """
    signal, noise = (
        dataset["size"].sel(arm=arm, group=g).values for g in ("class", "noise")
    )
    ratio = np.log(signal / noise)
    return ratio[:, ratio.mean(axis=0).argmax()]


def _times(logs: np.ndarray) -> str:
    """Of block averages this is exact, but for rounding."""
    ratio = over_seeds(np.exp(logs))
    return str(ratio) if ratio.error > ROUNDING else f"{ratio.value:.3f}"
