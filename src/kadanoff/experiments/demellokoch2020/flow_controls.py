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

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.flow import (
    ARMS,
    FLOWS,
    HIDDEN,
    LATTICE,
    TRAININGS,
    Learning,
    along,
    arm,
    interval,
    learned,
    mean_over_seeds,
    start,
    temperature_at,
    training_data,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_end import (
    RESOLUTION,
    STARTS,
    energy_reading,
)
from kadanoff.experiments.demellokoch2020.magnet import READINGS, readings_of
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.instruments.thermodynamics import energy, series
from kadanoff.models.ising import Ising
from kadanoff.models.mean_field import MeanField
from kadanoff.networks.rbm import RBM
from kadanoff.randomness import generator
from kadanoff.reports.figures import INK, PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["CONTROLS", "EXHIBIT", "FAST", "FULL", "Settings", "data_of", "shuffled"]

NAMES = ("cold", "T_c", "hot")
TAUGHT = ("Ising", "mean field", "mean field, scaled", "T = 0 and T = ∞")
LIKELIER = {
    "CD-10": (("k", 10),),
    "persistent": (("chains", "persistent"),),
}
UNTAUGHT = {"untrained, 0.01": 0.01, "untrained, 0.1": 0.1}
CONTROLS = (*TAUGHT, *LIKELIER, *UNTAUGHT, "shuffled weights")
CHAINS = 64
HOT = 8.0
"""Temperatures from here on are noise, and told apart by it."""


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
    length=40,
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
    length=120,
    controls=CONTROLS,
    hidden=(16, 36, 64, 81, 144, 256, 625),
    epochs=(6, 60),
)


def data_of(work: Work, control: str, configurations: int, seed: int) -> Ensemble:
    """The training data of one control, `configurations` at each of 60 temperatures.

    Args:
        work: seed and runs.
        control: one of the four kinds of data; anything else is trained on Ising's.
        configurations: at each temperature.
        seed: number of the machine.
    """
    if control not in TAUGHT[1:]:
        return training_data(work, configurations, seed)
    rng = generator(work.subseed("control", control, seed))
    if control == "T = 0 and T = ∞":
        model, n = Ising(LATTICE), configurations * len(TEMPERATURES) // 2
        values = np.concatenate([model.cold(n, 1.0), model.hot(n, rng=rng)])
    else:
        mean = MeanField(LATTICE)
        k = T_C if control == "mean field, scaled" else 1.0
        values = np.concatenate(
            [
                mean.draw(configurations, k / t, rng=rng)
                if t
                else mean.cold(configurations, 1.0)
                for t in TEMPERATURES
            ]
        )
    chains = math.gcd(len(values), CHAINS)
    return Ensemble.from_values(values.reshape(chains, -1, *LATTICE))


def shuffled(machine: RBM, seed: int) -> RBM:
    """The machine with its weights in a random order, and no biases.

    Args:
        machine: a trained one.
        seed: of the order.
    """
    mixed = machine.initialised(seed=0)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        weights = machine.W.flatten()
        order = torch.randperm(len(weights), generator=noise)
        mixed.W.copy_(weights[order].reshape(machine.W.shape))
    return mixed


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Ends of the flows of all controls, and over hidden units and training lengths."""
    axes = ("control", "arm", "seed", "start")
    form = (len(settings.controls), len(ARMS), settings.seeds, len(STARTS))
    kept: dict[str, np.ndarray] = {}
    data_energy = np.full((len(settings.controls), settings.seeds), np.nan)
    tell = work.progress("controls")
    for s, c in np.ndindex(settings.seeds, form[0]):
        control = settings.controls[c]
        data = data_of(work, control, settings.learning.configurations, s)
        data_energy[c, s] = float(energy(series(data)).value)
        first = _starts(settings, work, s)
        for training in _trainings(control):
            network = _network(settings, work, control, training, data, s)
            for flow in FLOWS:
                a = ARMS.index((training, flow))
                ends = _ends(settings, work, network, first, flow, s)
                _fill(kept, form, (c, a, s), ends)
        tell(s * form[0] + c + 1, form[0] * settings.seeds)
    found = xr.Dataset({name: (axes, x) for name, x in kept.items()})
    varied = _varied(settings, work)
    varied["data_energy"] = (("control", "seed"), data_energy)
    return found.assign(varied).assign_coords(
        control=list(settings.controls),
        arm=[arm(*pair) for pair in ARMS],
        start=list(NAMES),
        hidden=list(settings.hidden),
        epochs=list(settings.epochs),
    )


def _trainings(control: str) -> tuple[str, ...]:
    """Both, but for what has no training or one that draws."""
    return TRAININGS[1:] if control in (*LIKELIER, *UNTAUGHT) else TRAININGS


def _network(
    settings: Settings,
    work: Work,
    control: str,
    training: str,
    data: Ensemble,
    seed: int,
) -> RBM:
    learning, label = settings.learning, f"{control} {seed}"
    if control in UNTAUGHT:
        first = RBM(LATTICE, learning.hidden)
        return first.initialised(
            seed=work.subseed("untaught", label), scale=UNTAUGHT[control]
        )
    if control in LIKELIER:
        learning = replace(learning, more=LIKELIER[control])
    if control == "shuffled weights":
        taught = learned(work, data, learning, training, f"Ising {seed}")
        return shuffled(taught, work.subseed("order", training, seed))
    return learned(work, data, learning, training, label)


def _starts(settings: Settings, work: Work, seed: int) -> list[Ensemble]:
    return [start(work, t, settings.draws, seed) for t in STARTS]


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


def _varied(
    settings: Settings, work: Work
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Temperatures of the ends over hidden units and epochs, from the three starts."""
    axes = ("hidden", "epochs", "arm", "seed", "start")
    form = (
        len(settings.hidden),
        len(settings.epochs),
        len(ARMS),
        settings.seeds,
        len(STARTS),
    )
    kept: dict[str, np.ndarray] = {}
    tell, done = work.progress("hidden units"), 0
    for s in range(settings.seeds):
        data = training_data(work, settings.learning.configurations, s)
        first = _starts(settings, work, s)
        for h, e in np.ndindex(*form[:2]):
            learning = replace(
                settings.learning, hidden=settings.hidden[h], epochs=settings.epochs[e]
            )
            machines = {
                t: learned(work, data, learning, t, f"Ising {s}") for t in TRAININGS
            }
            for a, (training, flow) in enumerate(ARMS):
                ends = _ends(settings, work, machines[training], first, flow, s)
                _fill(kept, form, (h, e, a, s), ends)
            done += 1
            tell(done, form[0] * form[1] * settings.seeds)
    names = ("by_energy", "by_energy_error", "m", "m_error")
    return {f"varied_{name}": (axes, kept[name]) for name in names}


def draw(dataset: xr.Dataset) -> list[Section]:
    """Ends of the controls, and over hidden units."""
    return [_controls(dataset), _sizes(dataset)]


def _controls(dataset: xr.Dataset) -> Section:
    names = dataset["control"].values
    fig = figure(11.5, 4.6, columns=len(ARMS))
    value, error = mean_over_seeds(dataset, "by_energy")
    for k, (ax, which) in enumerate(zip(fig.axes, dataset["arm"].values, strict=True)):
        for j, begin in enumerate(dataset["start"].values):
            here = {"arm": which, "start": begin}
            x = np.clip(value.sel(here), 0, HOT)
            ax.errorbar(
                x,
                np.arange(len(names)) + 0.18 * (1 - j),
                xerr=np.where(x < HOT, error.sel(here), 0),
                color=PALETTE[j],
                fmt="o",
                markersize=3.5,
                capsize=2,
                label=f"from {begin}" if k == 0 else None,
            )
        ax.axvspan(T_C - RESOLUTION, T_C + RESOLUTION, color="#eeeeee", zorder=0)
        ax.axvline(T_C, color=INK, linewidth=0.8, linestyle="--")
        ax.set_title(str(which).replace(", ", ",\n"), fontsize=9)
        ax.set_xlabel("T by energy at the end", fontsize=9)
        ax.set_xlim(0, HOT + 0.2)
        ax.set_yticks(range(len(names)), names if k == 0 else [""] * len(names))
        ax.invert_yaxis()
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    rows = [
        [
            c,
            a,
            *(_hot(dataset, c, a, s) for s in dataset["start"].values),
            *(
                written(dataset, n, control=c, arm=a, start="cold")
                for n in ("m", "u", "fall")
            ),
            f"{float(dataset['data_energy'].sel(control=c).mean()):.3f}",
        ]
        for c in names
        for training in _trainings(str(c))
        for a in (arm(training, flow) for flow in FLOWS)
    ]
    header = (
        "machine",
        "arm",
        "T from cold",
        "T from T_c",
        "T from hot",
        "|m| from cold",
        "U₄ from cold",
        "G(2) - G(5) from cold",
        "e of its data",
    )
    return Section(
        "Ends of flows of machines that know no critical magnet",
        f"Grey: within ±{RESOLUTION:.2f} of T_c (dashed). Temperatures above {HOT:g} "
        f"are drawn at {HOT:g}; energies from 0 on have none and are left out.",
        picture=data_uri(fig),
        tables=[Table(header, rows)],
        remarks=[
            "CD-10 and persistent chains are trained by draws alone, and what is "
            "untrained in no way; it is listed there.",
            "A machine that nothing was taught ends in noise only as long as its "
            "weights are small.",
        ],
    )


def _hot(dataset: xr.Dataset, control: str, which: str, begin: str) -> str:
    """The temperature of an end in words."""
    here = {"control": control, "arm": which, "start": begin}
    e = float(dataset["e"].sel(here).mean())
    t = temperature_at(e)
    if not t < HOT:
        return f"above {HOT:g}"
    return written(dataset, "by_energy", **here)


def _sizes(dataset: xr.Dataset) -> Section:
    fig = figure(11.5, 3.5, columns=len(ARMS))
    some = dataset[["varied_by_energy", "varied_by_energy_error"]]
    value, error = mean_over_seeds(some, "varied_by_energy")
    for k, (ax, which) in enumerate(zip(fig.axes, dataset["arm"].values, strict=True)):
        for j, begin in enumerate(dataset["start"].values):
            for e, epochs in enumerate(dataset["epochs"].values):
                here = {"arm": which, "start": begin, "epochs": epochs}
                ax.errorbar(
                    dataset["hidden"],
                    value.sel(here),
                    error.sel(here),
                    color=PALETTE[j],
                    linestyle=("-", ":", "--", "-.")[e % 4],
                    marker="o",
                    markersize=3,
                    capsize=2,
                    label=f"from {begin}, {epochs} epochs" if k == 0 else None,
                )
        ax.axhspan(T_C - RESOLUTION, T_C + RESOLUTION, color="#eeeeee", zorder=0)
        ax.axhline(T_C, color=INK, linewidth=0.8, linestyle="--")
        ax.set_xscale("log")
        ax.minorticks_off()
        ax.set_xticks(dataset["hidden"].values, dataset["hidden"].values, fontsize=8)
        ax.set_ylim(0, 6)
        ax.set_xlabel("hidden units", fontsize=9)
        ax.set_title(str(which).replace(", ", ",\n"), fontsize=9)
    fig.axes[0].set_ylabel("T by energy at the end", fontsize=9)
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    rows = [
        [
            int(h),
            int(e),
            a,
            *(
                written(
                    some, "varied_by_energy", hidden=h, epochs=e, arm=a, start=begin
                )
                for begin in dataset["start"].values
            ),
        ]
        for h in dataset["hidden"].values
        for e in dataset["epochs"].values
        for a in dataset["arm"].values
    ]
    header = ("hidden", "epochs", "arm", "T from cold", "T from T_c", "T from hot")
    return Section(
        "Ends over hidden units and length of training",
        "Machines trained on the magnet. Where the flow ends is set by how many units "
        "there are and how long they were trained.",
        picture=data_uri(fig),
        tables=[Table(header, rows)],
    )


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether a lattice is needed to end near T_c, and whether the end is robust."""
    return [_needs_a_lattice(dataset), _robust(dataset)]


def _needs_a_lattice(dataset: xr.Dataset) -> Check:
    value, error = mean_over_seeds(dataset, "by_energy")
    near = abs(value - T_C) < RESOLUTION
    sure = interval(dataset, 0.95) * error < RESOLUTION
    lattice = [c for c in dataset["control"].values if c in ("Ising", *LIKELIER)]
    without = [c for c in dataset["control"].values if c not in lattice]
    hits = near & sure
    told = {c: int(hits.sel(control=c).sum()) for c in dataset["control"].values}
    each = {c: len(_trainings(str(c))) * len(FLOWS) * len(NAMES) for c in told}
    foreign = sum(told[c] for c in without)
    own = sum(told[c] for c in lattice)
    status = Status.NOT if foreign else Status.REPRODUCED
    if not own:
        status = Status.NOT if foreign else Status.OPEN
    listed = ", ".join(f"{c} {n} of {each[c]}" for c, n in told.items())
    return Check(
        claim="That a flow ends near T_c, by energy, is a sign of the critical magnet "
        "in its training data.",
        paper="taken for granted",
        ours=f"ends within ±{RESOLUTION:.2f} of T_c: {listed}",
        status=status,
        reason=f"{foreign} of {sum(each[c] for c in without)} ends of machines that "
        f"know no lattice lie there, and {own} of {sum(each[c] for c in lattice)} of "
        "those that learned the magnet",
    )


def _robust(dataset: xr.Dataset) -> Check:
    some = dataset[["varied_by_energy", "varied_by_energy_error"]]
    value, _ = mean_over_seeds(some, "varied_by_energy")
    spans = {
        str(a): (
            float(value.sel(arm=a).min(skipna=True)),
            float(value.sel(arm=a).max(skipna=True)),
        )
        for a in dataset["arm"].values
    }
    wide = [a for a, (low, high) in spans.items() if high - low > 2 * RESOLUTION]
    status = Status.NOT if len(wide) == len(spans) else Status.PARTLY
    if not wide:
        status = Status.REPRODUCED
    return Check(
        claim="Where the flow ends does not depend on the number of hidden units or "
        "the length of training.",
        paper="81 hidden units and one length of training, which is lost",
        ours="; ".join(
            f"{a}: T from {x:.2f} to {y:.2f}" for a, (x, y) in spans.items()
        ),
        status=status,
        reason=f"over {dataset.sizes['hidden']} numbers of units and "
        f"{dataset.sizes['epochs']} lengths of training the ends spread beyond the "
        f"width ±{RESOLUTION:.2f} in {len(wide)} of {len(spans)} arms",
    )


EXHIBIT = Exhibit(
    name="flow_controls",
    title="Controls of the flow",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
