"""Beyond the paper: models that flow to an attractive fixed point, and a forest fire.

Its conclusions propose models with an attractive fixed point, where what a machine
should find is unique, and name self-organized criticality with forest fires. Both are
read here by the instruments that read the Ising model, along repeated steps of block
spins and of a machine with one filter that was trained on the finest level:

    Ising above T_c      flows to T = ∞, Ising below T_c to T = 0: both attractive;
    forest fire          empty or tree, of the process of B. Drossel and F. Schwabl,
                         Phys. Rev. Lett. 69, 1629 (1992): no energy, no detailed
                         balance, and no temperature to tune; criticality is the limit
                         θ = p/f → ∞. Coarse-grained by majority and by occupancy (a
                         block with any tree is a tree).

Couplings and the connected correlation of neighbours need no energy to be defined: they
are those of the Ising model that fits best. A fixed point would have the same couplings
and the same correlation of neighbours at every level.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.pooling import MaxPool
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, jackknife, parenthesised
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, columns
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.instruments.correlation_length import correlation_length
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.models.forest_fire import ForestFire
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.products import one_thread
from kadanoff.networks.settings import TIED
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.samplers.run import sample

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

FOREST = "forest fire"
ISING = {"Ising, 0.9 T_c": 0.9, "Ising, T_c": 1.0, "Ising, 1.2 T_c": 1.2}
SYSTEMS = (*ISING, FOREST)
MAPS = ("majority", "any", "one filter")
"""`any` is occupancy: a block is up where one of its sites is."""
READINGS = ("K", "field", "density", "neighbours")
"""Nearest-neighbour coupling of the best Ising model, of a forest with its field; share
of up spins; connected correlation of neighbours over the variance of a site."""
SIGMAS = 3.0
SHORT = 4
"""A correlation length is judged up to this part of the side: a forest that is no
larger burns down and grows as a whole, and its length is that of the lattice."""


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the finest lattice.
        steps: of coarse-graining by 2.
        draws: configurations that are read, of each model.
        training: configurations that a machine is trained on, of each model.
        epochs: of a training.
        seeds: of every training; each reads chains of its own.
        theta: p/f of the forest that is coarse-grained.
        thetas: p/f at which the correlation length is read.
    """

    side: int
    steps: int
    draws: int
    training: int
    epochs: int
    seeds: int
    theta: float
    thetas: tuple[float, ...]


FAST = Settings(16, 2, 1024, 512, 2, 2, 10.0, (1.0, 4.0, 200.0))
FULL = Settings(64, 3, 20_000, 5_000, TIED.epochs, 5, 60.0, (3.0, 10.0, 30.0, 60.0))


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Readings of every level of every model by every map."""
    found: dict[tuple[str, str], Levels] = {}
    with one_thread():
        for k, system in enumerate(SYSTEMS):
            fine = _configurations(system, settings.draws, "driven", settings, work)
            for name, rule in (("majority", Majority(b=2)), ("any", MaxPool(b=2))):
                seed = work.subseed(system, name)
                found[system, name] = _read_all(system, rule, fine, settings, seed)
            found[system, MAPS[-1]] = _of_machines(system, fine, settings, work)
            work.progress("driven and attracted models")(k + 1, len(SYSTEMS))
    lengths = [_length(theta, settings, work) for theta in settings.thetas]
    return _dataset(found, lengths, settings)


def _configurations(
    system: str, draws: int, purpose: str, settings: Settings, work: Work
) -> Ensemble:
    shape = (settings.side,) * 2
    if system in ISING:
        return drawn(work, shape, ISING[system] * T_C, draws, purpose=purpose)
    return _forest(settings.theta, draws, purpose, settings, work)


def _forest(
    theta: float, draws: int, purpose: str, settings: Settings, work: Work
) -> Ensemble:
    return sample(
        ForestFire((settings.side,) * 2),
        coupling=theta,
        draws=draws,
        seed=work.subseed(purpose, FOREST, f"{theta:g}"),
        runs=work.runs,
        progress=work.progress(f"forest fire at θ = {theta:g}"),
    )


Levels = list[dict[str, Estimate]]


def _read_all(
    system: str, rule: CoarseGraining, fine: Ensemble, settings: Settings, seed: int
) -> Levels:
    operators = ("nn",) if system in ISING else ("nn", "field")
    levels = _levels(rule, fine, settings, seed)
    return [_read(level, operators) for level in levels]


def _levels(
    rule: CoarseGraining, fine: Ensemble, settings: Settings, seed: int
) -> Iterator[Ensemble]:
    level = fine
    yield level
    for n in range(settings.steps):
        level = coarsen(rule, level, seed=subseed(seed, "level", n))
        yield level


def _read(level: Ensemble, operators: Sequence[str]) -> dict[str, Estimate]:
    near = two_point(level, connected=True).value
    return {
        **_fit(level, operators),
        "density": _density(level),
        "neighbours": combine(_relative, near),
    }


def _fit(level: Ensemble, operators: Sequence[str]) -> dict[str, Estimate]:
    """No numbers where hardly any site differs from the others."""
    none = Estimate(np.array(np.nan), {}, 0)
    try:
        found = fit_couplings(level, operators)
    except ValueError:
        return {"K": none, "field": none}
    with_field = "field" in operators
    return {"K": found["nn"], "field": found["field"] if with_field else none}


def _density(level: Ensemble) -> Estimate:
    return jackknife(lambda v: (np.asarray((v > 0).mean()),), lambda p: p, level)


def _relative(g: np.ndarray) -> float:
    return float(g[1] / g[0]) if g[0] > 0 else math.nan


def _of_machines(system: str, fine: Ensemble, settings: Settings, work: Work) -> Levels:
    """Means over machines; the forest has biases, since empty and tree differ."""
    data = _configurations(system, settings.training, "driven data", settings, work)
    how = replace(TIED, epochs=settings.epochs)
    each = []
    for s, part in enumerate(fine.split(settings.seeds)):
        start = ConvRBM(biases=system == FOREST, seed=work.subseed("filter", s))
        machine = trained(work, start, data, how, f"driven, {system}, {s}")
        seed = work.subseed("machine", system, s)
        each.append(_read_all(system, Layer(machine), part, settings, seed))
    return [
        {
            name: over_seeds([float(levels[n][name].value) for levels in each])
            for name in READINGS
        }
        for n in range(settings.steps + 1)
    ]


def _length(theta: float, settings: Settings, work: Work) -> Estimate:
    """The second-moment correlation length about the mean, in sites."""
    forest = _forest(theta, settings.draws, "driven", settings, work)
    values = forest.values - forest.values.mean()
    about_mean = forest.derived(
        values.astype(np.float32), forest.geometry, "real", {"step": "about its mean"}
    )
    return correlation_length(about_mean)


def _dataset(
    found: Mapping[tuple[str, str], Levels],
    lengths: Sequence[Estimate],
    settings: Settings,
) -> xr.Dataset:
    axes = ("system", "map", "level")
    shape = (len(SYSTEMS), len(MAPS), settings.steps + 1)
    variables: dict[str, Any] = {}
    for name in READINGS:
        values, errors = np.full(shape, np.nan), np.full(shape, np.nan)
        for (system, rule), levels in found.items():
            at = SYSTEMS.index(system), MAPS.index(rule)
            values[at] = [float(level[name].value) for level in levels]
            errors[at] = [float(level[name].error) for level in levels]
        variables |= {name: (axes, values), f"{name}_error": (axes, errors)}
    together = combine(lambda *each: np.array(each), *lengths)
    return xr.Dataset(
        variables | columns({"length": together}, ("theta",)),
        coords={
            "system": list(SYSTEMS),
            "map": list(MAPS),
            "level": list(range(settings.steps + 1)),
            "theta": list(settings.thetas),
        },
        attrs=attributes_of(settings)
        | {"theta": settings.theta, "side": settings.side},
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """Couplings, densities and correlations of neighbours, level by level."""
    return [
        Section(
            "Attracted and driven models",
            "Fitted nearest-neighbour coupling, share of up spins (trees) and "
            "connected correlation of neighbours relative to the variance, against the "
            "number of steps; full lines are majority, dashed occupancy, dotted a "
            "machine with one filter trained on level 0 (mean and error over "
            "trainings). Level "
            "lines would be a fixed point. Right, the correlation length of the "
            "forest fire against θ.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        )
    ]


STYLES = {"majority": "-", "any": "--", "one filter": ":"}


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(14, 3.6, columns=4)
    labels = {
        "K": "nearest-neighbour coupling",
        "density": "share of up spins",
        "neighbours": "correlation of neighbours",
    }
    for ax, (name, label) in zip(fig.axes, labels.items(), strict=False):
        for system, colour in zip(SYSTEMS, PALETTE, strict=False):
            for rule in MAPS if system == FOREST else ("majority", "one filter"):
                here = dataset.sel(system=system, map=rule)
                ax.errorbar(
                    here["level"].values,
                    here[name].values,
                    np.nan_to_num(here[f"{name}_error"].values),
                    color=colour,
                    linestyle=STYLES[rule],
                    marker="o",
                    markersize=3.5,
                    capsize=2,
                    label=system if rule == "majority" else None,
                )
        ax.set_xticks(dataset["level"].values)
        ax.set_xlabel("steps", fontsize=9)
        ax.set_ylabel(label, fontsize=9)
    fig.axes[0].legend(fontsize=8, frameon=False)
    last = fig.axes[-1]
    last.errorbar(
        dataset["theta"].values,
        dataset["length"].values,
        dataset["length_error"].values,
        color=PALETTE[SYSTEMS.index(FOREST)],
        marker="o",
        capsize=2,
    )
    last.set_xscale("log")
    last.set_yscale("log")
    last.set_xlabel("θ = p/f", fontsize=9)
    last.set_ylabel("correlation length (sites)", fontsize=9)
    return fig


def _table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            system,
            rule,
            name,
            *(_number(dataset, name, system, rule, n) for n in dataset["level"].values),
        ]
        for system in SYSTEMS
        for rule in MAPS
        if rule != "any" or system == FOREST
        for name in READINGS
    ]
    steps = [f"step {n}" for n in dataset["level"].values]
    return Table(["model", "map", "reading", *steps], rows)


def _number(dataset: xr.Dataset, name: str, system: str, rule: str, n: int) -> str:
    here = dataset.sel(system=system, map=rule, level=n)
    value, error = here[name].item(), here[f"{name}_error"].item()
    if not math.isfinite(value):
        return "–"
    return parenthesised(value, error) if math.isfinite(error) else f"{value:.3g}"


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether models are attracted, by block spins and by machines; and the forest."""
    return [
        *(_attracted(dataset, rule) for rule in ("majority", "one filter")),
        _forest_fixed(dataset),
        _forest_critical(dataset),
    ]


def _attracted(dataset: xr.Dataset, rule: str) -> Check:
    """Neighbours lose their correlation above T_c, the coupling grows below."""
    hot = _moves(dataset, "Ising, 1.2 T_c", rule, "K")
    cold = _moves(dataset, "Ising, 0.9 T_c", rule, "K")
    known = [z for z in (*hot, *cold) if math.isfinite(z)]
    right = [all(z < -SIGMAS for z in hot), all(z > SIGMAS for z in cold)]
    if len(known) < len(hot) + len(cold):
        status = Status.OPEN
    elif all(right):
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if any(right) else Status.NOT
    return Check(
        claim=f"Repeated steps of {_called(rule)} take Ising configurations above T_c "
        "towards T = ∞ and below T_c towards T = 0.",
        paper="proposed for future study; no number",
        ours=f"K at 1.2 T_c {_line(dataset, 'Ising, 1.2 T_c', rule, 'K')}; at T_c "
        f"{_line(dataset, 'Ising, T_c', rule, 'K')}; at 0.9 T_c "
        f"{_line(dataset, 'Ising, 0.9 T_c', rule, 'K')}",
        status=status,
        reason="each step has to move the coupling by more than three errors, down "
        "above T_c and up below it; what a map makes of T_c says where it draws the "
        "line between the two",
    )


def _forest_fixed(dataset: xr.Dataset) -> Check:
    moved = {
        (rule, name): _moves(dataset, FOREST, rule, name)
        for rule in MAPS
        for name in ("density", "neighbours")
    }
    known = all(math.isfinite(z) for zs in moved.values() for z in zs)
    still = [all(abs(z) < SIGMAS for z in zs) for zs in moved.values()]
    if all(still):
        status = Status.REPRODUCED
    elif not known:
        status = Status.OPEN
    else:
        status = Status.PARTLY if any(still) else Status.NOT
    return Check(
        claim=f"The forest fire at θ = {dataset.attrs['theta']:g} looks the same after "
        "every step of coarse-graining, as a critical state would.",
        paper="named as self-organized critical; no number",
        ours="; ".join(
            f"trees by {_called(rule)} {_line(dataset, FOREST, rule, 'density')}, "
            f"neighbours {_line(dataset, FOREST, rule, 'neighbours')}"
            for rule in MAPS
        ),
        status=status,
        reason="a fixed point would keep all of these within three errors; majority "
        "thins the forest and occupancy fills it up: at finite θ bare ground and the "
        "full forest attract, as T = 0 and T = ∞ do an Ising model",
    )


def _forest_critical(dataset: xr.Dataset) -> Check:
    few = dataset["length"] < dataset.attrs["side"] / SHORT
    here = dataset.isel(theta=np.flatnonzero(few.values))
    x, y = np.log(here["theta"].values), here["length"].values
    slopes = np.diff(np.log(y)) / np.diff(x)
    relative = here["length_error"].values / y
    errors = np.hypot(relative[1:], relative[:-1]) / np.diff(x)
    if len(slopes) and np.all(slopes > SIGMAS * errors):
        status = Status.REPRODUCED
    else:
        falls = bool(np.any(slopes < -SIGMAS * errors))
        status = Status.NOT if falls else Status.OPEN
    shown = [parenthesised(s, e) for s, e in zip(slopes, errors, strict=True)]
    longest = f"{y.max():.2f} sites" if len(y) else "no length that fits the lattice"
    return Check(
        claim="Without a temperature to tune the forest fire becomes critical as "
        "θ = p/f grows.",
        paper="the definition of self-organized criticality; no number",
        ours=f"d ln ξ/d ln θ = {', '.join(shown)} between θ = "
        + ", ".join(f"{t:g}" for t in here["theta"].values),
        status=status,
        reason="the second-moment length about the mean has to grow by more than three "
        f"errors at every step; it reaches {longest}, and is judged below a quarter of "
        "the side: θ is tuned after all, to infinity",
    )


def _moves(dataset: xr.Dataset, system: str, rule: str, name: str) -> list[float]:
    """Steps of a reading in units of their errors, taken as independent."""
    here = dataset.sel(system=system, map=rule)
    value, error = here[name].values, here[f"{name}_error"].values
    both = np.hypot(error[1:], error[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return list(map(float, np.diff(value) / both))


def _line(dataset: xr.Dataset, system: str, rule: str, name: str) -> str:
    levels = dataset["level"].values
    return " → ".join(_number(dataset, name, system, rule, n) for n in levels)


def _called(rule: str) -> str:
    return {"any": "occupancy", "one filter": "a machine with one filter"}.get(
        rule, rule
    )


EXHIBIT = Exhibit(
    name="driven",
    title="Attractive fixed points and a forest fire",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
