"""Where the flow ends, by observables and not by a classifier.

The claim, of the papers on which section III of arXiv:1906.05212 rests and which it
examines: whatever configurations it starts from, the flow of a machine trained on all
temperatures moves towards the critical point.

First part: flows that start cold (T = 0), at T_c and hot (T = ∞), read at every length:
energy, |m|, Binder's U₄, the fluctuation of the energy, G, two temperatures (by the
energy of the 10×10 magnet, and by the nearest-neighbour pseudo-likelihood where units
are ±1), and the total variation distance of P(E) to the exact law of the temperature
that has its energy. Another thermometer is an argument of `observed`.

Second part: the law that the Gibbs chain of each machine leaves invariant, from chains
started hot and cold with R̂ and a p-value of their agreement, is compared with the
magnet at every temperature (`magnet`). Beside it the same is asked of the magnet at T_c
itself and of the training data. A machine that had learned its data perfectly would end
at these: a mixture of 60 temperatures, the magnet at none of them, whose mean energy
is that of one temperature all the same.

One configuration of 10×10 tells its temperature by its energy with a standard deviation
T_c/√(N C) at T_c. Nearer than that counts as near here: a thermometer that looks at
single configurations sees no difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

from kadanoff.autocorrelation import gelman_rubin
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import BINDER_C, K_C, T_C
from kadanoff.exact.density import energy_law
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020 import fig_2, thermometer
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.flow import (
    ARMS,
    HIDDEN,
    LATTICE,
    TRAININGS,
    Plan,
    interval,
    machine,
    mean_over_seeds,
    scan,
    start,
    temperature_at,
    training_data,
    written,
)
from kadanoff.experiments.demellokoch2020.magnet import (
    MONOTONE,
    READINGS,
    Magnet,
    distance_of_laws,
    energy_counts,
    magnet,
    mixture_law,
    readings_of,
    sampling_floor,
    verdict,
)
from kadanoff.experiments.demellokoch2020.thermometer import Calibration, calibrated
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.instruments.thermodynamics import series
from kadanoff.instruments.thermometer import coupling_temperature
from kadanoff.networks.equilibrium import equilibrated
from kadanoff.randomness import generator
from kadanoff.reports.figures import INK, PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "RESOLUTION",
    "STARTS",
    "Settings",
    "energy_reading",
    "observed",
]

STARTS = (0.0, T_C, math.inf)
NAMES = ("cold", "T_c", "hot")
RESOLUTION = T_C / math.sqrt(100 * torus(LATTICE, K_C).heat_capacity)
"""Standard deviation of the temperature that one 10×10 configuration at T_c has."""

LEVEL = 1e-3
LONG = (0, 1, 2, 4, 9, 16, 26, 40, 80, 160, 320)
"""Lengths: some three memories of the slowest machine beyond the paper's 26."""

OWN = ("magnet at T_c", "training data")
FEW = 16
"""Hidden units of the machines whose flows come nearest to T_c by energy
(`flow_controls`): the strongest case for the claim."""

MACHINES = {
    f"trained on {t}{f', {n} units' if n == FEW else ''}": (t, n)
    for n in (HIDDEN, FEW)
    for t in TRAININGS
}
KINDS = (*MACHINES, *OWN)


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        plan: of the flows.
        chains, draws: of the invariant law of each machine.
        most_steps: of its pilot: a memory of m that is longer is reported, not waited
            for.
        temperatures: of the table of the magnet.
        reference: configurations of the magnet at each.
        calibration: of the network that tells temperatures (`thermometer`).
    """

    plan: Plan
    chains: int
    draws: int
    most_steps: int
    temperatures: tuple[float, ...]
    reference: int
    calibration: Calibration


FAST = Settings(
    Plan(fig_2.FAST.plan.learning, 1, 256, (0, 9, 26, 100)),
    chains=64,
    draws=8,
    most_steps=128,
    temperatures=tuple(
        k / 10 for k in (*range(12, 18, 2), *range(18, 28), 28, 30, 33, 36, 40, 45)
    ),
    reference=512,
    calibration=thermometer.FAST,
)
FULL = Settings(
    Plan(fig_2.FULL.plan.learning, 5, 2048, LONG),
    chains=128,
    draws=64,
    most_steps=4096,
    temperatures=tuple(round(1.0 + 0.1 * k, 1) for k in range(51)),
    reference=16384,
    calibration=thermometer.FULL,
)


def observed(
    ensemble: Ensemble, by_network: Callable[[Ensemble], Estimate] | None = None
) -> dict[str, Estimate]:
    """What is read at one length of a flow.

    Args:
        ensemble: ±1 or real values on 10×10.
        by_network: a further temperature of an ensemble.
    """
    s = series(ensemble)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Means that have all gone to 0 have no U₄.
        x = readings_of(ensemble, s)
    found = {name: x[k] for k, name in enumerate(READINGS)}
    found["by_energy"] = energy_reading(x[0])
    nothing = Estimate(np.array(math.nan), {}, 0)
    spins = ensemble.alphabet == "pm1"
    found["by_coupling"] = coupling_temperature(ensemble) if spins else nothing
    near = float(found["by_energy"].value)
    if spins and near > 0:
        law = energy_law(LATTICE, 1 / near)[1]
        gap = distance_of_laws(energy_counts(s), law)
        found["distance"] = Estimate(np.array(gap), {}, s.n_eff)
        floor = sampling_floor(law, s.n_eff)
        found["floor"] = Estimate(np.array(floor), {}, s.n_eff)
    else:
        found |= {"distance": nothing, "floor": nothing}
    if by_network is not None:
        found["by_network"] = by_network(ensemble)
    return found


def energy_reading(energy: Estimate) -> Estimate:
    """T of an energy; its error in first order, by the exact heat capacity dE/dT."""
    e = float(energy.value)
    t = temperature_at(e)
    if not t > 0:
        return Estimate(np.array(t), {}, energy.n_eff)
    slope = torus(LATTICE, 1 / t).heat_capacity
    return energy.map(lambda y: t + (float(y) - e) / slope)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Both parts."""
    network = calibrated(work, LATTICE, settings.calibration)
    found = scan(
        settings.plan, work, STARTS, lambda e: observed(e, network.temperature)
    )
    found = found.assign_coords(temperature=list(NAMES))
    known = magnet(work, settings.temperatures, settings.reference)
    rows: dict[str, list[list[float]]] = {}
    for kind in KINDS:
        judged = [
            _judged(settings, work, known, kind, s) for s in range(settings.plan.seeds)
        ]
        for name in judged[0]:
            rows.setdefault(name, []).append([j[name] for j in judged])
    ends = {n: (("kind", "seed"), np.array(x)) for n, x in rows.items()}
    energies = [torus(LATTICE, 1 / t).energy if t else -2.0 for t in TEMPERATURES]
    mean = float(np.mean(energies))
    return (
        found.assign(ends)
        .assign(reference=(("at", "reading"), known.values))
        .assign_coords(kind=list(KINDS), reading=list(READINGS), at=known.temperatures)
        .assign_attrs(mixture_energy=mean, mixture_temperature=temperature_at(mean))
    )


def _judged(
    settings: Settings, work: Work, known: Magnet, kind: str, seed: int
) -> dict[str, float]:
    """The invariant law of one machine, or a control, against the magnet."""
    ensemble = _invariant(settings, work, kind, seed)
    against = verdict(ensemble, known)
    s = series(ensemble)
    out = {
        "best": against.best,
        "p": against.p,
        "nearest": against.nearest,
        "tv": against.distance,
        "tv_floor": against.floor,
        "tv_mixture": distance_of_laws(energy_counts(s), mixture_law()),
    }
    for name, estimate in against.temperatures.items():
        out[f"T {name}"] = float(estimate.value)
        out[f"T {name}_error"] = float(estimate.error)
    x = readings_of(ensemble, s)
    for k, name in enumerate(READINGS):
        out[f"end {name}"] = float(x.value[k])
        out[f"end {name}_error"] = float(x.error[k])
        out[f"pull {name}"] = float(against.pulls[k])
    chains = {"e": s.energy, "|m|": abs(s.magnetization), "m": s.magnetization}
    for name, y in chains.items():
        out[f"R̂ {name}"] = gelman_rubin(y) if kind not in OWN else math.nan
        hot, cold = y[0::2].mean(axis=1), y[1::2].mean(axis=1)
        test: Any = stats.ttest_ind(hot, cold, equal_var=False)
        out[f"hot against cold {name}"] = (
            float(test.pvalue) if kind not in OWN else math.nan
        )
    return out


def _invariant(settings: Settings, work: Work, kind: str, seed: int) -> Ensemble:
    draws = settings.chains * settings.draws
    if kind == "magnet at T_c":
        return start(work, T_C, draws, settings.plan.seeds + seed)
    learning = settings.plan.learning
    if kind == "training data":
        data = training_data(work, learning.configurations, seed)
        return _in_any_order(data, work.subseed("order", seed))
    training, hidden = MACHINES[kind]
    # Chains of a magnetized machine keep their sign: no contradiction in e and |m|.
    return equilibrated(
        machine(work, replace(learning, hidden=hidden), training, seed),
        chains=settings.chains,
        draws=settings.draws,
        seed=work.subseed("invariant", kind, seed),
        most_steps=settings.most_steps,
        contradicted="flag",
    )


def _in_any_order(data: Ensemble, seed: int) -> Ensemble:
    """The same configurations in blocks that hold all temperatures alike."""
    values = data.values.reshape(-1, *LATTICE)
    order = generator(seed).permutation(len(values))[: len(values) // 64 * 64]
    return Ensemble.from_values(values[order].reshape(64, -1, *LATTICE))


def draw(dataset: xr.Dataset) -> list[Section]:
    """Temperatures along the flow; the invariant law against the magnet."""
    return [_flows(dataset), _ends(dataset)]


def _flows(dataset: xr.Dataset) -> Section:
    names = dataset["arm"].values
    fig = figure(11.5, 8.6, rows=3, columns=len(names))
    lengths = np.maximum(dataset["length"].values, 0.5)
    for name, row, label in (
        ("by_energy", 0, "T by energy (J/k_B)"),
        ("by_network", 1, "T by the network (J/k_B)"),
        ("|m|", 2, "⟨|m|⟩"),
    ):
        value, error = mean_over_seeds(dataset, name)
        for k, which in enumerate(names):
            ax = fig.axes[row * len(names) + k]
            for j, begin in enumerate(dataset["temperature"].values):
                here = {"arm": which, "temperature": begin}
                ax.errorbar(
                    lengths,
                    value.sel(here),
                    error.sel(here),
                    color=PALETTE[j],
                    marker="o",
                    markersize=3,
                    linewidth=1,
                    capsize=2,
                    label=f"from {begin}" if row + k == 0 else None,
                )
            ax.set_xscale("log")
            if row < 2:
                ax.axhspan(
                    T_C - RESOLUTION, T_C + RESOLUTION, color="#eeeeee", zorder=0
                )
                ax.axhline(T_C, color=INK, linewidth=0.8, linestyle="--")
                ax.axhline(
                    dataset.attrs["mixture_temperature"],
                    color=INK,
                    linewidth=0.8,
                    linestyle=":",
                )
                ax.set_ylim(0, 6)
            if row == 0:
                ax.set_title(str(which).replace(", ", ",\n"), fontsize=9)
            if row == 2:
                ax.set_ylim(0, 1.02)
                ax.set_xlabel("length of the flow", fontsize=9)
        fig.axes[row * len(names)].set_ylabel(label, fontsize=9)
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    last = int(dataset["length"][-1])
    shown_names = (
        "by_energy", "by_coupling", "by_network", *READINGS, "distance", "floor"
    )  # fmt: skip
    rows = [
        [
            a,
            t,
            *(
                written(dataset, n, arm=a, temperature=t, length=last)
                for n in shown_names
            ),
        ]
        for a in names
        for t in dataset["temperature"].values
    ]
    header = (
        "arm",
        "start",
        "T by energy",
        "T by coupling",
        "T by the network",
        *READINGS,
        "distance of P(E)",
        "of a sample",
    )
    return Section(
        "Where the flow goes",
        "Flows from cold, critical and hot configurations (length 0 is drawn at ½). "
        f"Grey: what one configuration cannot tell from T_c, ±{RESOLUTION:.2f}. Dashed "
        "T_c, dotted the temperature that has the mean energy of the training data. "
        f"The table is at length {last}.",
        picture=data_uri(fig),
        tables=[Table(header, rows)],
        remarks=[
            "Means have an energy as the numbers they are, and no coupling; energies "
            "from 0 on belong to no positive temperature and are left out.",
        ],
    )


def _ends(dataset: xr.Dataset) -> Section:
    kinds = dataset["kind"].values
    rows = []
    for kind in kinds:
        for seed in range(dataset.sizes["seed"]):
            here = dataset.sel(kind=kind).isel(seed=seed)
            rows.append(
                [
                    kind,
                    seed,
                    *(_with_error(here, f"T {name}") for name in MONOTONE),
                    f"{float(here['best']):.2f}",
                    f"{float(here['p']):.1e}",
                    f"{float(here['tv']):.3f} at {float(here['nearest']):.2f}",
                    f"{float(here['tv_floor']):.3f}",
                    f"{float(here['tv_mixture']):.3f}",
                    _tests(here),
                ]
            )
    header = (
        "law",
        "seed",
        *(f"T by {name}" for name in MONOTONE),
        "best T",
        "p there",
        "P(E) to the nearest T",
        "of a sample",
        "P(E) to the mixture",
        "R̂ and hot against cold: e; |m|; m",
    )
    return Section(
        "The law at the end, against the magnet at every temperature",
        "Left: the temperature that each reading alone gives, of each machine; of the "
        "magnet all agree. Right: the readings less those of the magnet at the best "
        "temperature, in standard errors.",
        picture=data_uri(_comparison(dataset)),
        tables=[Table(header, rows)],
        remarks=[
            "A large R̂ of m with small ones of e and |m|: chains keep the sign of the "
            "magnetization they fell into, and the law is known up to that sign.",
            "p is that of seven readings at the best of all temperatures.",
        ],
    )


def _comparison(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 4.0, columns=2)
    left, right = fig.axes
    for k, kind in enumerate(dataset["kind"].values):
        for seed in range(dataset.sizes["seed"]):
            here = dataset.sel(kind=kind).isel(seed=seed)
            shift = (k - 2.5) * 0.13
            x = np.arange(len(MONOTONE)) + shift
            left.errorbar(
                x,
                [float(here[f"T {n}"]) for n in MONOTONE],
                [float(here[f"T {n}_error"]) for n in MONOTONE],
                color=PALETTE[k],
                fmt="o",
                markersize=3.5,
                capsize=2,
                label=str(kind) if seed == 0 else None,
            )
            right.plot(
                np.arange(len(READINGS)) + shift,
                [np.clip(float(here[f"pull {n}"]), -1e3, 1e3) for n in READINGS],
                color=PALETTE[k],
                marker="o",
                linestyle="",
                markersize=3.5,
            )
    left.axhline(T_C, color=INK, linewidth=0.8, linestyle="--")
    left.set_ylabel("T of the magnet with this value (J/k_B)", fontsize=9)
    right.set_ylabel("less the magnet at the best T (errors)", fontsize=9)
    right.set_yscale("symlog", linthresh=3)
    for ax, names in ((left, MONOTONE), (right, READINGS)):
        ax.set_xticks(range(len(names)), names, fontsize=8)
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return fig


def _with_error(here: xr.Dataset, name: str) -> str:
    value, error = float(here[name]), float(here[f"{name}_error"])
    return f"{value:.3f} ± {error:.3f}" if math.isfinite(value) else "none"


def _tests(here: xr.Dataset) -> str:
    if not math.isfinite(float(here["R̂ e"])):
        return "–"
    return "; ".join(
        f"{float(here[f'R̂ {n}']):.3f}, p = {float(here[f'hot against cold {n}']):.2g}"
        for n in ("e", "|m|", "m")
    )


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether flows go to T_c, whether they forget, and whether the end is critical."""
    return [_arrives(dataset), _forgets(dataset), _critical(dataset), _mixture(dataset)]


def _arrives(dataset: xr.Dataset) -> Check:
    last = int(dataset["length"][-1])
    value = mean_over_seeds(dataset, "by_energy")[0].sel(length=last)
    near = abs(value - T_C) < RESOLUTION
    good = [str(a) for a in dataset["arm"].values if bool(near.sel(arm=a).all())]
    # A flow that starts at T_c and stays there has gone nowhere.
    status = Status.PARTLY if good else Status.NOT
    if len(good) == len(ARMS):
        status = Status.REPRODUCED
    told = "; ".join(
        f"{a}: "
        + ", ".join(
            written(dataset, "by_energy", arm=a, temperature=t, length=last)
            for t in dataset["temperature"].values
        )
        for a in dataset["arm"].values
    )
    count = int(near.sum())
    return Check(
        claim="Whatever it starts from, the flow goes to the critical temperature.",
        paper="T_c, by a network that tells temperatures; the values are lost in the "
        "text at hand",
        ours=f"by energy at length {last}, from cold, T_c and hot: {told}; by the "
        f"network {_by_network(dataset, last)}",
        status=status,
        reason=f"{count} of {near.size} ends are within ±{RESOLUTION:.2f} of T_c, all "
        f"three of them in {len(good)} of {len(ARMS)} arms; the end depends on how the "
        "machine is trained and on what is passed on",
    )


def _by_network(dataset: xr.Dataset, last: int) -> str:
    """What the network says at the end of every arm, from all starts together."""
    value, _ = mean_over_seeds(dataset, "by_network")
    ends = value.sel(length=last)
    return "; ".join(
        f"{a}: {float(ends.sel(arm=a).min()):.2f} to {float(ends.sel(arm=a).max()):.2f}"
        for a in dataset["arm"].values
    )


def _forgets(dataset: xr.Dataset) -> Check:
    last = int(dataset["length"][-1])
    value, error = mean_over_seeds(dataset, "by_energy")
    verdicts = {}
    for name in dataset["arm"].values:
        y = value.sel(arm=name, length=last).values
        bar = error.sel(arm=name, length=last).values
        gaps = [abs(y[i] - y[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
        bars = [math.hypot(bar[i], bar[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
        wide = interval(dataset, 0.9973)
        apart = any(g > wide * b for g, b in zip(gaps, bars, strict=True))
        lost = not all(map(math.isfinite, y))
        verdicts[str(name)] = (apart or lost, max(gaps))
    kept = [name for name, (apart, _) in verdicts.items() if apart]
    status = Status.REPRODUCED if not kept else Status.PARTLY
    if len(kept) == len(verdicts):
        status = Status.NOT
    return Check(
        claim="The end of the flow does not depend on its start.",
        paper="any initial snapshot flows there",
        ours="largest difference of T between ends: "
        + "; ".join(f"{n}: {gap:.2f}" for n, (_, gap) in verdicts.items()),
        status=status,
        reason="ends from cold, T_c and hot differ beyond three errors in "
        f"{len(kept)} of {len(verdicts)} arms"
        + (f": {'; '.join(kept)}" if kept else ""),
    )


def _critical(dataset: xr.Dataset) -> Check:
    machines = list(MACHINES)
    p = dataset["p"].sel(kind=machines)
    control = float(dataset["p"].sel(kind="magnet at T_c").min())
    passed = int((p > LEVEL).sum())
    at_critical = (p > LEVEL) & (abs(dataset["best"].sel(kind=machines) - T_C) < 0.05)
    if control < LEVEL / dataset.sizes["seed"]:
        status = Status.OPEN
    elif bool(at_critical.all()):
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if bool(at_critical.any()) else Status.NOT
    spans = "; ".join(
        f"{kind}: "
        + ", ".join(
            f"{name} {float(dataset[f'T {name}'].sel(kind=kind).mean()):.2f}"
            for name in ("e", "|m|", "U₄", "G(√2)", "G(5)")
        )
        for kind in machines
    )
    return Check(
        claim="The law in which the flow ends is that of the critical magnet.",
        paper="on large scales the critical point is correctly reproduced",
        ours=f"temperatures by reading: {spans}; largest p at any temperature "
        f"{float(p.max()):.1e}",
        status=status,
        reason=f"{passed} of {p.size} machines have a temperature at which energy, "
        f"|m|, U₄, N Var(e) and G agree with the magnet's (p > {LEVEL:g}); the magnet "
        f"at T_c itself passes with p ≥ {control:.2g}",
    )


def _mixture(dataset: xr.Dataset) -> Check:
    machines = list(MACHINES)
    end = dataset.sel(kind=machines)
    nearer = end["tv_mixture"] < end["tv"]
    mean = {kind: float(dataset["T e"].sel(kind=kind).mean()) for kind in machines}
    wanted = dataset.attrs["mixture_temperature"]
    share = int(nearer.sum())
    status = Status.REPRODUCED if bool(nearer.all()) else Status.PARTLY
    if share == 0:
        status = Status.NOT
    return Check(
        claim="What the machines have learned is the mixture they were shown, whose "
        "mean energy alone would read as a temperature near T_c.",
        paper="not considered",
        ours=f"the mixture has e = {dataset.attrs['mixture_energy']:.3f}, the energy "
        f"of T = {wanted:.3f}; the machines' laws have that of "
        + ", ".join(f"{t:.2f} ({kind})" for kind, t in mean.items()),
        status=status,
        reason=f"P(E) of {share} of {nearer.size} machines is nearer to the mixture "
        f"(distance {float(end['tv_mixture'].min()):.2f} to "
        f"{float(end['tv_mixture'].max()):.2f}) than to any single temperature "
        f"({float(end['tv'].min()):.2f} to {float(end['tv'].max()):.2f}); a machine "
        f"that had learned it would stop {wanted - T_C:+.2f} from T_c by energy, with "
        f"U₄ far from the critical {BINDER_C:.3f}",
    )


EXHIBIT = Exhibit(
    name="flow_end",
    title="Where the flow ends",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
