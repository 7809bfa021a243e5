"""Whether the law in which a Gibbs chain ends is critical: the claims about laws.

The criterion is a size and not a p-value, which falls with the number of draws for
whatever is not quite the magnet: the six readings that have one temperature each must
give the same within `TOLERANCE`, and that of T_c. A law whose chains have not forgotten
their starts (R̂ of e or |m| above 1.1) is not judged.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from kadanoff.estimate import parenthesised
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.along_flows import SURE
from kadanoff.experiments.demellokoch2020.decided import (
    SIGMAS,
    agrees,
    all_of,
    would_decide,
)
from kadanoff.experiments.demellokoch2020.flow import (
    MACHINES,
    TRAININGS,
    apart,
    interval,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_end.ends import MOST_R_HAT, r_hats
from kadanoff.experiments.demellokoch2020.flow_end.flows import (
    EXACT,
    FROM,
    NETWORKS,
)
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_flows import forgets
from kadanoff.experiments.demellokoch2020.magnet import (
    MONOTONE,
    RESOLUTION,
    TOLERANCE,
    critical_point,
)
from kadanoff.experiments.exhibit import Check, Status

__all__ = ["Count", "Law", "counted", "judged", "law_checks", "trained_on"]

Pair = tuple[float, float]

NONE = (math.nan, math.nan)


def law_checks(dataset: xr.Dataset) -> list[Check]:
    """Whether the laws are critical, whether means end in them, and what they are.

    Args:
        dataset: of `flow_end`.
    """
    return [_critical(dataset), _means(dataset), _mixture(dataset)]


@dataclass(frozen=True)
class Law:
    """What became of one law.

    Attributes:
        kind: one of `KINDS`.
        seed: number of the machine.
        forgotten: whether its chains forgot their starts; else it is not decided.
        magnet: whether the six readings have one temperature; `None` if not known.
        critical: whether that is T_c too.
        spread, spread_error: the largest of the six temperatures less the smallest.
        p: of all seven readings at the best temperature.
    """

    kind: str
    seed: int
    forgotten: bool
    magnet: bool | None
    critical: bool | None
    spread: float
    spread_error: float
    p: float

    @property
    def decided(self) -> bool:
        """Whether it can be said that it is critical or not."""
        return self.forgotten and self.critical is not None

    @property
    def name(self) -> str:
        """Kind and number."""
        return f"{self.kind}, machine {self.seed}"


def judged(dataset: xr.Dataset, kinds: Iterable[str] = MACHINES) -> list[Law]:
    """What became of the laws of some kinds, of the trained machines if not given.

    Args:
        dataset: of `flow_end`.
        kinds: of `KINDS`.
    """
    return [
        _judged(dataset.sel(kind=kind).isel(seed=seed), kind, seed)
        for kind in kinds
        for seed in range(dataset.sizes["seed"])
    ]


def trained_on(training: str) -> tuple[str, ...]:
    """The kinds of machine of one training.

    Args:
        training: `means` or `draws`.
    """
    return tuple(kind for kind, (how, _) in MACHINES.items() if how == training)


def _judged(here: xr.Dataset, kind: str, seed: int) -> Law:
    spread, error = float(here["spread"]), float(here["spread_error"])
    by_energy = here.sel(by="e")
    one = agrees(spread, SIGMAS * error, TOLERANCE)
    at_critical = agrees(
        float(by_energy["t"]) - T_C, SIGMAS * float(by_energy["t_error"]), TOLERANCE
    )
    r_hat = here["r_hat"].sel(watched=["e", "|m|"]).values
    forgotten = kind not in NETWORKS or bool((r_hat <= MOST_R_HAT).all())
    return Law(
        kind,
        seed,
        forgotten,
        one,
        all_of((one, at_critical)),
        spread,
        error,
        float(here["p"]),
    )


@dataclass(frozen=True)
class Count:
    """The laws of the trained machines in numbers.

    Attributes:
        machines: of all.
        undecided: names of those whose chains did not forget their starts, or whose
            errors are too large.
        magnets: of the decided ones, how many are the magnet at some temperature.
        critical: how many at T_c.
        spreads: smallest and largest spread of T of the decided ones that have one.
        control: smallest and largest spread of the exactly critical machine.
        passes: whether that machine is found to be critical every time.
        perhaps: of how many it is not known whether they are a magnet at all; they are
            none at T_c.
        beyond: how many have a reading that the magnet has at no temperature.
        spreads_error: errors of the two `spreads`.
        control_error: errors of the two of `control`.
    """

    machines: int
    undecided: tuple[str, ...]
    magnets: int
    critical: int
    spreads: Pair
    control: Pair
    passes: bool | None
    perhaps: int = 0
    beyond: int = 0
    spreads_error: Pair = NONE
    control_error: Pair = NONE

    @property
    def decided(self) -> int:
        """How many are."""
        return self.machines - len(self.undecided)


def counted(dataset: xr.Dataset, kinds: Iterable[str] = MACHINES) -> Count:
    """How many of the trained machines end in a critical law.

    Args:
        dataset: of `flow_end`.
        kinds: of machines, all that are trained if not given (`trained_on`).
    """
    found = judged(dataset, kinds)
    decided = [law for law in found if law.decided]
    exact = judged(dataset, (EXACT,))
    spreads, spreads_error = _ends(decided)
    control, control_error = _ends(exact)
    return Count(
        machines=len(found),
        undecided=tuple(law.name for law in found if not law.decided),
        magnets=sum(law.magnet is True for law in decided),
        perhaps=sum(law.magnet is None for law in decided),
        critical=sum(law.critical is True for law in decided),
        beyond=sum(math.isnan(law.spread) for law in decided),
        spreads=spreads,
        spreads_error=spreads_error,
        control=control,
        control_error=control_error,
        passes=all_of(law.critical if law.forgotten else None for law in exact),
    )


def _ends(laws: Sequence[Law]) -> tuple[Pair, Pair]:
    """Smallest and largest spread, and their errors."""
    some = [law for law in laws if math.isfinite(law.spread)]
    if not some:
        return NONE, NONE
    low, high = (pick(some, key=lambda law: law.spread) for pick in (min, max))
    return (low.spread, high.spread), (low.spread_error, high.spread_error)


def _to(values: Pair, errors: Pair) -> str:
    """From the smallest to the largest, in words."""
    return " to ".join(map(parenthesised, values, errors))


def _critical(dataset: xr.Dataset) -> Check:
    count = counted(dataset)
    found = [law for law in judged(dataset) if law.decided]
    if count.passes is not True or not found:
        status = Status.OPEN
    elif count.critical == count.decided:
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if count.critical else Status.NOT
    largest = max((law.p for law in found), default=float("nan"))
    control = {True: "passes", False: "does not pass", None: "is not decided"}
    return Check(
        claim="The law in which the Gibbs chain of a machine ends is that of the "
        "critical magnet.",
        paper="on large scales the critical point is correctly reproduced",
        ours="temperatures by e, |m|, U₄, G(√2), G(2), G(5): "
        + "; ".join(f"{kind} {_temperatures(dataset, kind)}" for kind in MACHINES)
        + f"; exactly critical {_temperatures(dataset, EXACT)}",
        status=status,
        reason=f"of {count.decided} machines that can be judged {count.critical} have "
        f"one temperature by all six within {TOLERANCE:g} and that of T_c: "
        + "; ".join(_of_training(dataset, how) for how in TRAININGS[::-1])
        + ". Training on means asks of a machine that its map returns the data and not "
        "that its law is theirs. Largest p at any "
        f"temperature {largest:.0e}; the exactly critical machine "
        f"{control[count.passes]}, with {_to(count.control, count.control_error)}"
        + _undecided(count)
        + would_decide(None if status is Status.OPEN else True),
    )


def _of_training(dataset: xr.Dataset, training: str) -> str:
    """The machines of one training: how many are magnets, and how far from one."""
    count = counted(dataset, trained_on(training))
    words = (
        f"of {count.decided} trained on {training} {count.magnets} are the magnet at "
        "some temperature"
    )
    words += f" ({count.perhaps} perhaps)" if count.perhaps else ""
    if math.isfinite(count.spreads[0]):
        words += f", the six differ by {_to(count.spreads, count.spreads_error)}"
    if count.beyond:
        words += f"; with a reading that the magnet has nowhere: {count.beyond}"
    return words


def _undecided(count: Count) -> str:
    if not count.undecided:
        return ""
    return (
        f"; not judged, for their chains have not forgotten where they started or "
        f"their errors are too large: {'; '.join(count.undecided)}"
    )


def _temperatures(dataset: xr.Dataset, kind: str) -> str:
    return ", ".join(_temperature(dataset, kind, name) for name in MONOTONE)


def _temperature(dataset: xr.Dataset, kind: str, by: str) -> str:
    """Mean over the machines that have one, and how many that are if not all."""
    t = dataset["t"].sel(kind=kind, by=by).values
    known = t[np.isfinite(t)]
    if not len(known):
        return "none"
    some = "" if len(known) == len(t) else f" ({len(known)} of {len(t)} machines)"
    return f"{known.mean():.2f}{some}"


def _means(dataset: xr.Dataset) -> Check:
    names = (*MACHINES, EXACT)
    found = {name: _means_end_in_the_law(dataset, name) for name in names}
    yes = [name for name, x in found.items() if x]
    unknown = [name for name, x in found.items() if x is None]
    if len(yes) == len(found):
        status = Status.REPRODUCED
    elif yes:
        status = Status.PARTLY
    else:
        status = Status.OPEN if unknown else Status.NOT
    return Check(
        claim="A flow that passes means on ends in the law of its machine.",
        paper="which of the two is passed on is not said in the text at hand",
        ours="e and |m| of the law, and at the ends of means from "
        + f"{', '.join(FROM)}: "
        + "; ".join(f"{name} {_law_and_means(dataset, name)}" for name in names),
        status=status,
        reason=f"from every start: {len(yes)} of {len(found)} machines"
        + (f" ({'; '.join(yes)})" if yes else "")
        + (f"; not decided: {'; '.join(unknown)}" if unknown else "")
        + "; the map v ← tanh(W tanh(Wᵀv + b) + c) has no noise"
        + would_decide(None if status is Status.OPEN else True),
    )


def _means_end_in_the_law(dataset: xr.Dataset, machine: str) -> bool | None:
    """Whether e and |m| of all ends of means are those of the machine's own law."""
    if forgets(dataset, machine, "means") is False:
        return False  # ends that differ cannot all be the law
    near = critical_point(dataset["at"].values, dataset["reference"].values).tolerances
    if not (r_hats(dataset, machine) <= MOST_R_HAT).all():
        return None
    wide, ends = interval(dataset, SURE), dataset.isel(length=-1)
    found = []
    for name, begin in itertools.product(("e", "|m|"), FROM):
        both = _end_and_law(ends, name, machine, begin)
        gap, error = apart(both, name, {"of": "end"}, {"of": "law"})
        found.append(agrees(gap, wide * error, near[name]))
    return all_of(found)


def _end_and_law(ends: xr.Dataset, name: str, machine: str, begin: str) -> xr.Dataset:
    """A reading where means end and in the law of the machine."""
    end = ends[[name, f"{name}_error"]].sel(machine=machine, flow="means", start=begin)
    law = ends[["end", "end_error"]].sel(kind=machine, reading=name)
    law = law.rename({"end": name, "end_error": f"{name}_error"})
    both = [x.drop_vars(set(x.coords)) for x in (end, law)]
    return xr.concat(both, "of").assign_coords(of=["end", "law"])


def _law_and_means(dataset: xr.Dataset, machine: str) -> str:
    here = dataset[["end", "end_error"]].sel(kind=machine)
    ends = dataset.isel(length=-1).sel(machine=machine, flow="means").mean("seed")
    return "; ".join(
        f"{name} {written(here, 'end', reading=name)}: "
        + ", ".join(f"{float(ends[name].sel(start=b)):.2f}" for b in FROM)
        for name in ("e", "|m|")
    )


def _mixture(dataset: xr.Dataset) -> Check:
    laws_judged = [law for law in judged(dataset) if law.forgotten]
    nearer = []
    for law in laws_judged:
        here = dataset.sel(kind=law.kind).isel(seed=law.seed)
        # Yes: nearer to the mixture by more than a sample is from its law.
        gain = float(here["tv"] - here["tv_mixture"])
        floor = float(here["tv_floor"])
        nearer.append(None if abs(gain) <= floor else gain > 0)
    share = sum(x is True for x in nearer)
    unknown = sum(x is None for x in nearer)
    if not nearer or (not share and unknown):
        status = Status.OPEN
    elif share == len(nearer):
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if share else Status.NOT
    point = critical_point(dataset["at"].values, dataset["reference"].values)
    wanted = dataset.attrs["mixture_temperature"]
    away = wanted - T_C
    near = "within" if abs(away) < RESOLUTION else "outside"
    kinds = dict.fromkeys(law.kind for law in laws_judged)
    return Check(
        claim="What the machines have learned is the mixture of temperatures they were "
        "shown.",
        paper="not considered",
        ours=f"the mixture has e = {dataset.attrs['mixture_energy']:.3f}, the energy "
        f"of T = {wanted:.3f}, {away:+.2f} from T_c ({near} ±{RESOLUTION:.2f}); the "
        "machines' laws have that of "
        + ", ".join(f"{_temperature(dataset, kind, 'e')} ({kind})" for kind in kinds),
        status=status,
        reason=f"P(E) of {share} of {len(nearer)} machines is nearer to the mixture "
        "than to any single temperature by more than a sample is from its own law, "
        f"{unknown} are not decided (distances "
        + _distances(dataset, tuple(kinds))
        + "; a machine that had learned it would have U₄ "
        f"{float(dataset['end'].sel(kind='training data', reading='U₄').mean()):.3f}, "
        f"the critical magnet has {point.values['U₄']:.3f}"
        + would_decide(None if status is Status.OPEN else True),
    )


def _distances(dataset: xr.Dataset, kinds: Sequence[str]) -> str:
    if not kinds:
        return "of none known)"
    end = dataset.sel(kind=list(kinds))
    low, high = (
        f"{float(end[name].min()):.2f} to {float(end[name].max()):.2f}"
        for name in ("tv_mixture", "tv")
    )
    return f"{low} to the mixture, {high} to the nearest temperature)"
