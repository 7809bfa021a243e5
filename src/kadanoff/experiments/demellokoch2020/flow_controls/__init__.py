"""Does the flow need the Ising magnet to seem to go to its critical temperature?

Controls for `flow_end`, after arXiv:2006.10176, where machines whose data have no
lattice still flowed "to T_c" by a trained thermometer. Trained in the same two ways on
as many configurations, flowing in the same two ways, from cold, critical and hot:

    Ising                the paper's mixture of 60 temperatures
    mean field           every spin bonded to every other, at the same temperatures T
    mean field, scaled   at the same T/T_c (its T_c is 1): half ordered, as the magnet
    T = 0 and T = ∞      ground states and noise in equal shares, no critical state
    CD-10, persistent    Ising, better approximations of the likelihood gradient

and machines that nothing was taught: weights as initialised, N(0, 0.01²), weights of
N(0, 0.1²) as in arXiv:2006.10176, and the trained Ising weights in a random order,
which keeps their distribution and loses what they know.

The end of each is read as the temperature whose magnet has its energy, and as the
Binder ratio and G(2) - G(5), which tells whether neighbours are nearer than others.
The second part varies the hidden units and the length of training on Ising data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.decided import agrees, all_of, would_decide
from kadanoff.experiments.demellokoch2020.flow import (
    ARMS,
    FLOWS,
    HIDDEN,
    STARTS,
    TRAININGS,
    Learning,
    along,
    apart,
    arm,
    interval,
    learned,
    mean_over_seeds,
    start,
    training_data,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_controls.machines import (
    CONTROLS,
    KNOW_THE_MAGNET,
    data_of,
    network_of,
    trainings_of,
)
from kadanoff.experiments.demellokoch2020.flow_controls.pictures import draw
from kadanoff.experiments.demellokoch2020.flow_end.flows import energy_reading
from kadanoff.experiments.demellokoch2020.magnet import (
    READINGS,
    RESOLUTION,
    TOLERANCE,
    readings_of,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.pieces import kept
from kadanoff.instruments.thermodynamics import energy, series
from kadanoff.networks.rbm import RBM

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "ends_near"]

LIKELY = 0.95
"""Of the intervals over machines."""


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        learning: of every machine but where it is varied.
        seeds: machines.
        draws: configurations that flow from each start.
        length: of the flows.
        controls: which.
        hidden: numbers of hidden units.
        epochs: lengths of training, all with all of `hidden`.
    """

    learning: Learning
    seeds: int
    draws: int
    length: int
    controls: tuple[str, ...]
    hidden: tuple[int, ...]
    epochs: tuple[int, ...]


FAST = Settings(
    Learning(configurations=64, epochs=20, batch=64),
    seeds=1,
    draws=128,
    length=120,
    controls=("Ising", "mean field, scaled", "shuffled weights"),
    hidden=(16, HIDDEN),
    epochs=(20,),
)
# A quarter of the configurations of the other exhibits and fewer epochs: ten kinds of
# machine, each trained five times, differ by more than that moves their ends.
FULL = Settings(
    Learning(configurations=256, epochs=60),
    seeds=5,
    draws=1024,
    length=320,
    controls=CONTROLS,
    hidden=(16, 36, 64, 81, 144, 256, 625),
    epochs=(6, 60),
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Ends of the flows of all controls, and over hidden units and training lengths.

    What is read of one control and of one number of hidden units is a run of its own
    for every seed.
    """
    found = [
        [
            _kept(settings, work, f"control {c}", s, _of_one_control, c)
            for c in settings.controls
        ]
        for s in range(settings.seeds)
    ]
    varied = [
        [
            _kept(settings, work, f"{h} hidden units", s, _of_one_size, h)
            for h in settings.hidden
        ]
        for s in range(settings.seeds)
    ]
    names = {name: f"varied_{name}" for name in ("by_energy", "e", "m")}
    names |= {f"{name}_error": f"{label}_error" for name, label in names.items()}
    return (
        xr.concat([xr.concat(row, "control") for row in found], "seed")
        .merge(
            xr.concat([xr.concat(row, "hidden") for row in varied], "seed")[
                list(names)
            ].rename(names)
        )
        .assign_coords(
            control=list(settings.controls),
            arm=[arm(*pair) for pair in ARMS],
            start=list(STARTS),
            hidden=list(settings.hidden),
            epochs=list(settings.epochs),
        )
    )


def _kept(
    settings: Settings,
    work: Work,
    label: str,
    seed: int,
    find: Callable[[Settings, Work, Any, int], xr.Dataset],
    what: str | int,
) -> xr.Dataset:
    about = {
        "what": label,
        "learning": asdict(settings.learning),
        "epochs": settings.epochs if find is _of_one_size else (),
        "draws": settings.draws,
        "length": settings.length,
        "number": seed,
    }
    work.progress(f"{label}, machine {seed}")(0, 1)
    return kept(
        work,
        "demellokoch2020-flow-controls",
        about,
        lambda: find(settings, work, what, seed),
    )


def _of_one_control(
    settings: Settings, work: Work, control: str, seed: int
) -> xr.Dataset:
    data = data_of(work, control, settings.learning.configurations, seed)
    first = _starts(settings, work, seed)
    kept: dict[str, np.ndarray] = {}
    for training in trainings_of(control):
        network = network_of(settings.learning, work, control, training, data, seed)
        for flow in FLOWS:
            a = ARMS.index((training, flow))
            ends = _ends(settings, work, network, first, flow, seed)
            _fill(kept, (len(ARMS), len(STARTS)), (a,), ends)
    found = {name: (("arm", "start"), x) for name, x in kept.items()}
    return xr.Dataset(found).assign(data_energy=float(energy(series(data)).value))


def _starts(settings: Settings, work: Work, seed: int) -> list[Ensemble]:
    return [start(work, t, settings.draws, seed) for t in STARTS.values()]


def _ends(
    settings: Settings,
    work: Work,
    network: RBM,
    first: Sequence[Ensemble],
    flow: str,
    seed: int,
) -> list[Mapping[str, Estimate]]:
    """Readings at the end of the flows from the three starts."""
    noises = (work.subseed("control flow", flow, seed, k) for k in range(len(first)))
    return [
        along(network, e, (settings.length,), flow, noise, _read)[0]
        for e, noise in zip(first, noises, strict=True)
    ]


def _read(ensemble: Ensemble) -> dict[str, Estimate]:
    with np.errstate(invalid="ignore", divide="ignore"):
        x = readings_of(ensemble)
    near, far = READINGS.index("G(2)"), READINGS.index("G(5)")
    return {
        "by_energy": energy_reading(x[0]),
        "e": x[0],
        "m": x[1],
        "u": x[2],
        "fall": x.map(lambda y: y[near] - y[far]),
    }


def _fill(
    kept: dict[str, np.ndarray],
    form: tuple[int, ...],
    place: tuple[int, ...],
    ends: list[Mapping[str, Estimate]],
) -> None:
    for k, readings in enumerate(ends):
        for name, estimate in readings.items():
            pair = (float(estimate.value), float(estimate.error))
            for label, x in zip((name, f"{name}_error"), pair, strict=True):
                kept.setdefault(label, np.full(form, np.nan))[(*place, k)] = x


def _of_one_size(settings: Settings, work: Work, hidden: int, seed: int) -> xr.Dataset:
    """Ends over the lengths of training of machines of so many hidden units."""
    data = training_data(work, settings.learning.configurations, seed)
    first = _starts(settings, work, seed)
    form = (len(settings.epochs), len(ARMS), len(STARTS))
    kept: dict[str, np.ndarray] = {}
    for e, epochs in enumerate(settings.epochs):
        learning = replace(settings.learning, hidden=hidden, epochs=epochs)
        machines = {
            t: learned(work, data, learning, t, f"Ising {seed}") for t in TRAININGS
        }
        for a, (training, flow) in enumerate(ARMS):
            ends = _ends(settings, work, machines[training], first, flow, seed)
            _fill(kept, form, (e, a), ends)
    return xr.Dataset(
        {name: (("epochs", "arm", "start"), x) for name, x in kept.items()}
    )


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether a lattice is needed to end near T_c, and whether the end is robust."""
    return [_needs_a_lattice(dataset), _robust(dataset)]


def ends_near(dataset: xr.Dataset, name: str, where: Mapping[str, Any]) -> bool | None:
    """Whether a flow ends near T_c by energy, wherever it starts; `None` if not known.

    A flow that has not ended, or that remembers its start, ends nowhere: the ends of
    all starts must be one within `TOLERANCE` and lie within `RESOLUTION` of T_c.

    Args:
        dataset: of this exhibit.
        name: `by_energy` or `varied_by_energy`.
        where: the place of the machine and the flow.
    """
    here = dataset[[name, f"{name}_error"]].sel(where)
    wide = interval(dataset, LIKELY)
    t, error = mean_over_seeds(here, name)
    near = all_of(
        agrees(float(x) - T_C, wide * float(bar), RESOLUTION)
        for x, bar in zip(t, error, strict=True)
    )
    if near is False:
        return False
    gaps = (
        apart(here, name, {"start": one}, {"start": other})
        for one, other in itertools.combinations(STARTS, 2)
    )
    ended = all_of(agrees(gap, wide * bar, TOLERANCE) for gap, bar in gaps)
    return all_of((near, ended))


def _needs_a_lattice(dataset: xr.Dataset) -> Check:
    found = {
        str(control): [
            ends_near(dataset, "by_energy", {"control": control, "arm": arm(t, flow)})
            for t in trainings_of(str(control))
            for flow in FLOWS
        ]
        for control in dataset["control"].values
    }
    lattice = [x for c, ends in found.items() if c in KNOW_THE_MAGNET for x in ends]
    without = [x for c, ends in found.items() if c not in KNOW_THE_MAGNET for x in ends]
    unknown = sum(x is None for x in (*lattice, *without))
    status = _sign(lattice, without)
    told = ", ".join(f"{control} {_share(ends)}" for control, ends in found.items())
    return Check(
        claim="That a flow ends near T_c, by energy, is a sign of the critical magnet "
        "in its training data.",
        paper="taken for granted",
        ours=f"flows that end within ±{RESOLUTION:.2f} of T_c from all three starts: "
        f"{told}; not decided {unknown}",
        status=status,
        reason=f"of the flows of machines that know no lattice {_share(without)} end "
        f"there, of those that learned the magnet {_share(lattice)}, and over other "
        "numbers of hidden units and lengths of training "
        f"{_share(list(_varied_ends(dataset).values()))} ({_few_units(dataset)})"
        + would_decide(None if status is Status.OPEN else True),
    )


def _share(found: Sequence[bool | None]) -> str:
    return f"{found.count(True)} of {len(found)}"


def _sign(lattice: Sequence[bool | None], without: Sequence[bool | None]) -> Status:
    """By the shares; open where those that are not decided could change it."""
    own = (lattice.count(True), lattice.count(True) + lattice.count(None))
    foreign = (without.count(True), without.count(True) + without.count(None))
    found = {
        _by_shares(x / len(lattice), y / len(without)) for x in own for y in foreign
    }
    return found.pop() if len(found) == 1 else Status.OPEN


def _by_shares(own: float, foreign: float) -> Status:
    if own == foreign == 0:
        return Status.OPEN
    if foreign >= own:
        return Status.NOT
    return Status.PARTLY if foreign else Status.REPRODUCED


def _varied_ends(dataset: xr.Dataset) -> dict[tuple[int, int, str], bool | None]:
    """`ends_near` over hidden units, lengths of training and flows."""
    return {
        (int(h), int(e), str(a)): ends_near(
            dataset, "varied_by_energy", {"hidden": h, "epochs": e, "arm": a}
        )
        for h in dataset["hidden"].values
        for e in dataset["epochs"].values
        for a in dataset["arm"].values
    }


def _few_units(dataset: xr.Dataset) -> str:
    """The ends of the smallest machines, trained longest."""
    few, long = int(dataset["hidden"].min()), int(dataset["epochs"].max())
    some = dataset[["varied_by_energy", "varied_by_energy_error"]]
    told = (
        f"{a}: "
        + ", ".join(
            written(
                some, "varied_by_energy", hidden=few, epochs=long, arm=a, start=begin
            )
            for begin in STARTS
        )
        for a in dataset["arm"].values
    )
    return f"{few} units, T from {', '.join(STARTS)}: {'; '.join(told)}"


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
    value = _sized(dataset)[0]
    return Check(
        claim="Where the flow ends does not depend on the number of hidden units or "
        "the length of training.",
        paper=f"one number of hidden units, reconstructed to be {HIDDEN}, and one "
        "length of training; both are lost in the text at hand",
        ours="; ".join(
            f"{a}: T from {float(value.sel(arm=a).min()):.2f} to "
            f"{float(value.sel(arm=a).max()):.2f}"
            for a in found
        ),
        status=status,
        reason=f"over {dataset.sizes['hidden']} numbers of units and "
        f"{dataset.sizes['epochs']} lengths of training the ends from one start differ "
        f"by more than {2 * RESOLUTION:.2f}, or some have no temperature, in "
        f"{len(wide)} of {len(found)} kinds of training and flow"
        + (f"; not decided: {'; '.join(unknown)}" if unknown else "")
        + would_decide(None if status is Status.OPEN else True),
    )


def _sized(dataset: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    name = "varied_by_energy"
    return mean_over_seeds(dataset[[name, f"{name}_error"]], name)


def _one_end(dataset: xr.Dataset, which: str) -> bool | None:
    """Whether all machines of one training and flow end at one T, start by start."""
    value, error = (x.sel(arm=which) for x in _sized(dataset))
    wide = interval(dataset, LIKELY)
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


EXHIBIT = Exhibit(
    name="flow_controls",
    title="Controls of the flow",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
