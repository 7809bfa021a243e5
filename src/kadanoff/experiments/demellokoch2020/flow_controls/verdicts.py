"""Whether a lattice is needed to end near T_c, and whether the end is robust.

That flows end near T_c was taken for a sign of the critical magnet in the training
data. A sign it is not as soon as one flow of a machine that knows no lattice ends there
beyond errors; how often either kind does is told beside it, with exact binomial
intervals, and decides nothing.

Means that pass on end where their map leads, and a start that still shows is an end of
its own. A Gibbs chain has one end: samples whose starts disagree have not ended, and
where they will is not known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import binomtest

from kadanoff.estimate import parenthesised
from kadanoff.exact import strip
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020.along_flows import SURE
from kadanoff.experiments.demellokoch2020.decided import agrees, all_of, would_decide
from kadanoff.experiments.demellokoch2020.flow import (
    FEW,
    FLOWS,
    HIDDEN,
    LATTICE,
    STARTS,
    TRAININGS,
    apart,
    arm,
    interval,
    mean_over_seeds,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_controls.machines import (
    KNOW_THE_MAGNET,
    LIKELIER,
    UNTAUGHT,
    trainings_of,
)
from kadanoff.experiments.demellokoch2020.flow_end.ends import near_critical
from kadanoff.experiments.demellokoch2020.magnet import RESOLUTION, TOLERANCE
from kadanoff.experiments.exhibit import Check, Status
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import shells

__all__ = ["checks", "ends_near"]

CHAINS = tuple(arm(training, "samples") for training in TRAININGS)
"""The flows that are Gibbs chains."""

NAMED = 3
"""How many of the machines that end nearest to T_c are named."""

Where = Mapping[str, Any]
Found = dict[tuple[str, str], bool | None]


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether a lattice is needed to end near T_c, and whether the end is robust.

    Args:
        dataset: of `flow_controls`.
    """
    return [_needs_a_lattice(dataset), _robust(dataset)]


def ends_near(dataset: xr.Dataset, name: str, where: Where) -> bool | None:
    """Whether a flow ends near T_c by energy, wherever it starts; `None` if not known.

    The ends of all starts must be one, within what the magnet's energy moves by within
    `TOLERANCE` of T_c, and have the energy of a magnet within `RESOLUTION` of it.

    Args:
        dataset: of this exhibit.
        name: `e` or `varied_e`.
        where: the place of the machine and the flow.
    """
    here = dataset[[name, f"{name}_error"]].sel(where)
    wide = interval(dataset, SURE)
    pairs = zip(*mean_over_seeds(here, name), strict=True)
    near = [near_critical(float(e), wide * float(bar)) for e, bar in pairs]
    gaps = (
        apart(here, name, {"start": one}, {"start": other})
        for one, other in itertools.combinations(STARTS, 2)
    )
    one = all_of(agrees(gap, wide * bar, _same_energy()) for gap, bar in gaps)
    if where["arm"] not in CHAINS:
        return all_of((*near, one))
    if one is not False and set(near) == {False}:
        return False
    return True if one and all(near) else None


@cache
def _same_energy() -> float:
    """How far the energy of the magnet moves within `TOLERANCE` of T_c."""
    below, here, above = (
        torus(LATTICE, 1 / (T_C + dt)).energy for dt in (-TOLERANCE, 0.0, TOLERANCE)
    )
    return max(here - below, above - here)


def _needs_a_lattice(dataset: xr.Dataset) -> Check:
    found: Found = {
        (c, a): ends_near(dataset, "e", {"control": c, "arm": a})
        for c in map(str, dataset["control"].values)
        for a in _arms_of(c)
    }
    own = {key: x for key, x in found.items() if key[0] in KNOW_THE_MAGNET}
    foreign = {key: x for key, x in found.items() if key not in own}
    status = _sign(own.values(), foreign.values())
    told = ", ".join(
        f"{c} {_counted(x for key, x in found.items() if key[0] == c)}"
        for c in dict.fromkeys(c for c, _ in found)
    )
    unknown = sum(x is None for x in found.values())
    return Check(
        claim="That a flow ends near T_c, by energy, is a sign of the critical magnet "
        "in its training data.",
        paper="taken for granted",
        ours=f"flows that end within ±{RESOLUTION:.2f} of T_c from all three starts: "
        f"{told}; not decided {unknown}",
        status=status,
        reason=f"{_refuted(dataset, foreign)}. {_beside(dataset, own, foreign)}. "
        f"{_nearest(dataset, own)}"
        + would_decide(None if status is Status.OPEN else True),
    )


def _arms_of(control: str) -> list[str]:
    """The flows of one control that were run."""
    return [arm(t, flow) for t in trainings_of(control) for flow in FLOWS]


def _sign(own: Iterable[bool | None], foreign: Iterable[bool | None]) -> Status:
    """One foreign flow near T_c refutes it; where no own one is, it is no sign yet."""
    known, others = set(own), set(foreign)
    if True in others:
        return Status.NOT
    return Status.REPRODUCED if others == {False} and True in known else Status.OPEN


def _counted(found: Iterable[bool | None]) -> str:
    ends = list(found)
    return f"{ends.count(True)} of {len(ends)}"


def _refuted(dataset: xr.Dataset, foreign: Found) -> str:
    """The flows that refute the claim, with the temperatures where they end."""
    near = [
        f"{c}, {a} ({_from_starts(dataset, 'by_energy', control=c, arm=a)})"
        for (c, a), x in foreign.items()
        if x
    ]
    begins = ", ".join(STARTS)
    if not near:
        return "no flow of a machine that knows no lattice is known to end there"
    return (
        "flows of machines that know no lattice end there beyond errors (T from "
        f"{begins}): {'; '.join(near)}. One is enough to refute a sign"
    )


def _from_starts(dataset: xr.Dataset, name: str, **where: Any) -> str:
    return ", ".join(written(dataset, name, **where, start=b) for b in STARTS)


def _beside(dataset: xr.Dataset, own: Found, foreign: Found) -> str:
    """How often flows of either kind end near T_c, of those that are decided."""
    taught = {key: x for key, x in foreign.items() if key[0] not in UNTAUGHT}
    return (
        f"Beside it, of the decided flows of trained machines of {HIDDEN} units "
        f"{_share(taught.values())} of those that know no lattice end there and "
        f"{_share(own.values())} of those that learned the magnet; over all numbers of "
        "units and lengths of training "
        f"{_share(_varied_ends(dataset).values())} (exact binomial intervals of "
        f"{SURE:.1%})"
    )


def _share(found: Iterable[bool | None]) -> str:
    decided = [x for x in found if x is not None]
    if not decided:
        return "0 of 0"
    ends = binomtest(decided.count(True), len(decided))
    interval_of = ends.proportion_ci(SURE, method="exact")
    return f"{_counted(decided)} ({interval_of.low:.0%} to {interval_of.high:.0%})"


def _varied_ends(dataset: xr.Dataset) -> dict[tuple[int, int, str], bool | None]:
    """`ends_near` over hidden units, lengths of training and flows."""
    return {
        (int(h), int(e), str(a)): ends_near(
            dataset, "varied_e", {"hidden": h, "epochs": e, "arm": a}
        )
        for h in dataset["hidden"].values
        for e in dataset["epochs"].values
        for a in dataset["arm"].values
    }


def _nearest(dataset: xr.Dataset, own: Found) -> str:
    """The machines that learned the magnet and end nearest to T_c, from every start."""
    sizes = dataset[["varied_by_energy", "varied_by_energy_error"]]
    found: list[tuple[float, str]] = []
    for (h, e, a), near in _varied_ends(dataset).items():
        if near is not False:
            at = {"hidden": h, "epochs": e, "arm": a}
            away = _farthest(sizes, "varied_by_energy", at)
            ends = _from_starts(sizes, "varied_by_energy", **at)
            found.append((away, f"{h} units, {e} epochs, {a}: {ends}"))
    for (c, a), near in own.items():
        if near is not False and c in LIKELIER:
            at = {"control": c, "arm": a}
            ends = _from_starts(dataset, "by_energy", **at)
            told = f"{c}, {HIDDEN} units, {a}: {ends}, {_fall(dataset, c, a)}"
            found.append((_farthest(dataset, "by_energy", at), told))
    if not found:
        return "Of the machines that learned the magnet none may end near T_c"
    named = "; ".join(told for _, told in sorted(found)[:NAMED])
    return (
        "Of the machines that learned the magnet those end nearest to T_c whose T from "
        f"{', '.join(STARTS)} are: {named}. Where the flow ends, laws are judged of "
        f"machines of {HIDDEN} and {FEW} units and of one recipe"
    )


def _farthest(dataset: xr.Dataset, name: str, at: Where) -> float:
    """How far from T_c the farthest of the ends is."""
    t = mean_over_seeds(dataset, name)[0].sel(at)
    return float(abs(t - T_C).max())


def _fall(dataset: xr.Dataset, control: str, which: str) -> str:
    """Whether neighbours are nearer than others, beside the critical magnet."""
    groups, g = shells(Grid(LATTICE)), strip.two_point(LATTICE, K_C)
    at = [int(np.argmin(abs(groups.distance - r))) for r in (2, 5)]
    near, far = groups.average(g)[0][at]
    own = written(dataset, "fall", control=control, arm=which, start="cold")
    return f"with G(2) - G(5) = {own} from cold, where the magnet has {near - far:.3f}"


def _robust(dataset: xr.Dataset) -> Check:
    found = {str(a): _one_end(dataset, str(a)) for a in dataset["arm"].values}
    wide = [a for a, x in found.items() if x is False]
    unknown = [a for a, x in found.items() if x is None]
    if len(wide) == len(found):
        status = Status.NOT
    elif unknown:
        status = Status.OPEN
    else:
        status = Status.PARTLY if wide else Status.REPRODUCED
    return Check(
        claim="Where the flow ends does not depend on the number of hidden units or "
        "the length of training.",
        paper=f"one number of hidden units, reconstructed to be {HIDDEN}, and one "
        "length of training; both are lost in the text at hand",
        ours="; ".join(f"{a}: T from {_range(dataset, a)}" for a in found),
        status=status,
        reason=f"over {dataset.sizes['hidden']} numbers of units and "
        f"{dataset.sizes['epochs']} lengths of training the ends from one start differ "
        f"by more than {2 * RESOLUTION:.2f}, or some have no temperature, in "
        f"{len(wide)} of {len(found)} kinds of training and flow"
        + (f"; not decided: {'; '.join(unknown)}" if unknown else "")
        + would_decide(None if status is Status.OPEN else True),
    )


def _range(dataset: xr.Dataset, which: str) -> str:
    """Lowest and highest T of the ends that have one, with errors."""
    value, error = (x.sel(arm=which).values.ravel() for x in _sized(dataset))
    if np.isnan(value).all():
        return "none to none"
    ends = (int(np.nanargmin(value)), int(np.nanargmax(value)))
    return " to ".join(parenthesised(float(value[k]), float(error[k])) for k in ends)


def _sized(dataset: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    name = "varied_by_energy"
    return mean_over_seeds(dataset[[name, f"{name}_error"]], name)


def _one_end(dataset: xr.Dataset, which: str) -> bool | None:
    """Whether all machines of one training and flow end at one T, start by start."""
    value, error = (x.sel(arm=which) for x in _sized(dataset))
    wide = interval(dataset, SURE)
    found = []
    for begin in STARTS:
        t = value.sel(start=begin).values.ravel()
        bars = error.sel(start=begin).values.ravel()
        if np.isnan(t).all():
            continue  # none has a temperature: one end all the same
        low, high = int(np.argmin(t)), int(np.argmax(t))
        reach = wide * float(np.hypot(bars[low], bars[high]))
        found.append(agrees(float(t[high] - t[low]), reach, 2 * RESOLUTION))
    return all_of(found)
