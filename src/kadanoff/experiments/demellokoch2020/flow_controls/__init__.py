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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.experiments.demellokoch2020.flow import (
    ARMS,
    FLOWS,
    HIDDEN,
    STARTS,
    TRAININGS,
    Learning,
    along,
    arm,
    learned,
    start,
    training_data,
)
from kadanoff.experiments.demellokoch2020.flow_controls.machines import (
    CONTROLS,
    data_of,
    network_of,
    trainings_of,
)
from kadanoff.experiments.demellokoch2020.flow_controls.pictures import draw
from kadanoff.experiments.demellokoch2020.flow_controls.verdicts import checks
from kadanoff.experiments.demellokoch2020.flow_end.flows import energy_reading
from kadanoff.experiments.demellokoch2020.magnet import (
    READINGS,
    readings_of,
)
from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.experiments.pieces import kept
from kadanoff.instruments.thermodynamics import energy, series
from kadanoff.networks.rbm import RBM

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings"]


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
