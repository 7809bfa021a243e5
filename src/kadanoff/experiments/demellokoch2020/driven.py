"""Beyond the paper: attractive fixed points, a forest fire and an epidemic.

Its conclusions propose models with an attractive fixed point, where what a machine
should find is unique, and name self-organized criticality with forest fires. They are
read here by the instruments that read the Ising model, along repeated steps of block
spins and of a machine with one filter that was trained on the finest level:

    Ising above T_c      flows to T = ∞, Ising below T_c to T = 0: both attractive;
    forest fire          empty or tree, of the process of B. Drossel and F. Schwabl,
                         Phys. Rev. Lett. 69, 1629 (1992): no energy, no detailed
                         balance, and no temperature to tune; criticality is the limit
                         θ = p/f → ∞. Coarse-grained by majority and by occupancy (a
                         block with any tree is a tree);
    epidemic             the contact process below, at and above its threshold, drawn
                         among its survivors (`models.epidemic`): directed percolation.

Couplings and the connected correlation of neighbours need no energy to be defined: they
are those of the Ising model that fits best. A fixed point would have the same couplings
and the same correlation of neighbours at every level.

At the threshold the density of infected sites falls as L^{-β/ν} with the side, and one
lattice cannot tell a flow from its own finite size. There n steps are made from sides
that grow as 2^n, so that what is left is always of the same side: its law converges
with n where the flow has a fixed point, and runs away where it has none (the matching
of K. G. Wilson, and R. H. Swendsen, Phys. Rev. B 20, 2080 (1979), between lattices of
the same final size).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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
from kadanoff.models.epidemic import THRESHOLD, Epidemic
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
EPIDEMIC = {"epidemic, 0.8 λ_c": 0.8, "epidemic, λ_c": 1.0, "epidemic, 1.2 λ_c": 1.2}
SYSTEMS = (*ISING, FOREST, *EPIDEMIC)
BELOW, AT, ABOVE = EPIDEMIC
MATCHED = ("Ising, T_c", *EPIDEMIC)
"""Systems whose lattices of the same final side are compared; Ising is the control."""
MAPS = ("majority", "any", "one filter")
"""`any` is occupancy: a block is up where one of its sites is."""
READINGS = ("K", "field", "density", "neighbours")
"""Nearest-neighbour coupling of the best Ising model, of a forest with its field; share
of up spins; connected correlation of neighbours over the variance of a site."""
OF_MATCHED = ("density", "neighbours", "bare")
"""Of lattices of the same last side; `bare` is the density before the first step."""
SIGMAS = 3.0
TRAINING = "driven data"
SHORT = 4
"""A correlation length is judged up to this part of the side: a forest that is no
larger burns down and grows as a whole, and its length is that of the lattice."""
ALMOST = 0.01
"""From an end of the flow, where all sites are equal."""
TENTH = 0.1
"""Of a reading: how sharp it has to be for an unseen move to say something."""
LENGTHS = ("trees", "fires")
"""Of the connected correlation of trees, and of belonging to the same cluster."""
BETA_OVER_NU = 0.795
"""Directed percolation in 2 + 1 dimensions, β = 0.584 and ν = 0.734, literature (H.
Hinrichsen, Adv. Phys. 49, 815 (2000))."""
FOREST_NU = 0.58
"""ξ ~ θ^ν of the forest fire, literature (C. L. Henley, Phys. Rev. Lett. 71, 2741
(1993); P. Grassberger, New J. Phys. 4, 17 (2002) finds that it does not last)."""


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
        length_side: of the forests whose correlation length is read.
        length_draws: of them.
        thetas: their p/f.
    """

    side: int
    steps: int
    draws: int
    training: int
    epochs: int
    seeds: int
    theta: float
    length_side: int
    length_draws: int
    thetas: tuple[float, ...]


FAST = Settings(16, 2, 1024, 512, 2, 2, 10.0, 24, 192, (1.0, 4.0, 200.0))
FULL = Settings(
    side=64,
    steps=4,  # from 64 to 4: with one less the epidemic still moves
    draws=20_000,
    training=2_500,  # of 4096 sites each, for the few weights of one filter
    epochs=TIED.epochs,
    seeds=5,
    theta=60.0,
    length_side=192,  # eight times the length of fires at θ = 300
    length_draws=2_000,
    thetas=(3.0, 10.0, 30.0, 100.0, 300.0),
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Readings of every level of every model by every map, and of matched lattices."""
    found: dict[tuple[str, str], Levels] = {}
    matched: dict[tuple[str, str], Levels] = {}
    with one_thread():
        for k, system in enumerate(SYSTEMS):
            fine = _all_sides(system, settings, work)
            for name, rule in (("majority", Majority(b=2)), ("any", MaxPool(b=2))):
                seed = work.subseed(system, name)
                levels = [_levels(rule, e, settings, seed) for e in fine]
                found[system, name] = _read_all(system, levels[-1])
                matched[system, name] = _read_last(system, levels)
            found[system, MAPS[-1]], matched[system, MAPS[-1]] = _of_machines(
                system, fine, settings, work
            )
            work.progress("driven and attracted models")(k + 1, len(SYSTEMS))
    lengths = [_lengths(theta, settings, work) for theta in settings.thetas]
    return _dataset(found, matched, lengths, settings)


def _all_sides(system: str, settings: Settings, work: Work) -> list[Ensemble]:
    """Lattices that n steps take to one and the same side, n = 0, 1, …; or the last."""
    steps = range(settings.steps + 1) if system in MATCHED else [settings.steps]
    sides = [settings.side // 2 ** (settings.steps - n) for n in steps]
    return [_configurations(system, side, settings, "driven", work) for side in sides]


def _configurations(
    system: str, side: int, settings: Settings, purpose: str, work: Work
) -> Ensemble:
    draws = settings.training if purpose == TRAINING else settings.draws
    shape = (side, side)
    if system in ISING:
        return drawn(work, shape, ISING[system] * T_C, draws, purpose=purpose)
    if system == FOREST:
        return _forest(side, settings.theta, draws, purpose, work)
    return sample(
        Epidemic(shape),
        coupling=EPIDEMIC[system] * THRESHOLD[2],
        draws=draws,
        seed=work.subseed(purpose, system, side),
        runs=work.runs,
        progress=work.progress(f"{system} on {side}x{side}"),
    )


def _forest(side: int, theta: float, draws: int, purpose: str, work: Work) -> Ensemble:
    return sample(
        ForestFire((side, side)),
        coupling=theta,
        draws=draws,
        seed=work.subseed(purpose, FOREST, side, f"{theta:g}"),
        runs=work.runs,
        progress=work.progress(f"forest fire at θ = {theta:g}"),
    )


Levels = list[dict[str, Estimate]]


def _levels(
    rule: CoarseGraining, fine: Ensemble, settings: Settings, seed: int
) -> list[Ensemble]:
    """The fine lattice and what steps of the rule make of it, down to the last side."""
    levels = [fine]
    last = settings.side // 2**settings.steps
    while levels[-1].shape[-1] > last:
        n = len(levels) - 1
        levels.append(coarsen(rule, levels[-1], seed=subseed(seed, "level", n)))
    return levels


def _read_all(system: str, levels: Sequence[Ensemble]) -> Levels:
    operators = ("nn",) if system in ISING else ("nn", "field")
    return [_read(level, operators) for level in levels]


def _read_last(system: str, levels: Sequence[Sequence[Ensemble]]) -> Levels:
    """The last level from every side; besides, the density before the first step."""
    if system not in MATCHED:
        return []
    return [_without_fit(chain[-1]) | {"bare": _density(chain[0])} for chain in levels]


def _read(level: Ensemble, operators: Sequence[str]) -> dict[str, Estimate]:
    return _fit(level, operators) | _without_fit(level)


def _without_fit(level: Ensemble) -> dict[str, Estimate]:
    near = two_point(level, connected=True).value
    return {"density": _density(level), "neighbours": combine(_relative, near)}


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


def _of_machines(
    system: str, fine: Sequence[Ensemble], settings: Settings, work: Work
) -> tuple[Levels, Levels]:
    """Means over machines; of ±1 that are not equivalent the machine has biases."""
    data = _configurations(system, settings.side, settings, TRAINING, work)
    how = replace(TIED, epochs=settings.epochs)
    parts = [ensemble.split(settings.seeds) for ensemble in fine]
    each, last = [], []
    for s in range(settings.seeds):
        start = ConvRBM(biases=system not in ISING, seed=work.subseed("filter", s))
        machine = trained(work, start, data, how, f"driven, {system}, {s}")
        seed = work.subseed("machine", system, s)
        rule = Layer(machine)
        levels = [_levels(rule, part[s], settings, seed) for part in parts]
        each.append(_read_all(system, levels[-1]))
        last.append(_read_last(system, levels))
    return _means(each), _means(last)


def _means(of_machines: Sequence[Levels]) -> Levels:
    return [
        {
            name: over_seeds([float(reading[name].value) for reading in readings])
            for name in readings[0]
        }
        for readings in zip(*of_machines, strict=True)
    ]


def _lengths(theta: float, settings: Settings, work: Work) -> list[Estimate]:
    """Second-moment lengths of trees about their mean and of fires, in sites."""
    side, draws = settings.length_side, settings.length_draws
    forest = _forest(side, theta, draws, "driven lengths", work)
    values = forest.values - forest.values.mean()
    about_mean = forest.derived(
        values.astype(np.float32), forest.geometry, "real", {"step": "about its mean"}
    )
    near = ForestFire((side, side)).near
    wave = 2 * math.sin(math.pi / side)
    fires = jackknife(
        lambda v: fire_powers(v, near),
        lambda zero, first: np.sqrt(zero / first - 1) / wave,
        forest,
    )
    return [correlation_length(about_mean), fires]


def fire_powers(values: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ_c |Σ_{r in c} e^{ikr}|² over clusters of trees, at k = 0 and the smallest k.

    The connectivity of r and r' is 1 where both burn in the same fire; these are its
    structure factor, summed over sites and averaged over configurations and directions.

    Args:
        values: +1 is a tree, `(n, x, y)` with x = y.
        near: neighbours, `(site, 4)`.
    """
    n, side = len(values), values.shape[1]
    trees = (values > 0).reshape(n, -1)
    first = np.arange(n)[:, None, None] * trees.shape[1]
    bonds = trees[:, :, None] & trees[:, near]
    one = np.broadcast_to(first + np.arange(trees.shape[1])[:, None], bonds.shape)
    ends = one[bonds], (first + near)[bonds]
    graph = coo_array((np.ones(len(ends[0]), bool), ends), shape=(trees.size,) * 2)
    count, label = connected_components(graph, directed=False)
    label = label[trees.ravel()]
    x, y = np.indices((side, side)).reshape(2, 1, -1)
    powers = []
    for along in (0 * x, x, y):
        angle = np.broadcast_to(2 * np.pi * along / side, trees.shape)[trees]
        parts = (np.bincount(label, f(angle), count) for f in (np.cos, np.sin))
        powers.append(sum((part**2).sum() for part in parts) / n)
    return np.asarray(powers[0]), np.asarray((powers[1] + powers[2]) / 2)


def _dataset(
    found: Mapping[tuple[str, str], Levels],
    matched: Mapping[tuple[str, str], Levels],
    lengths: Sequence[Sequence[Estimate]],
    settings: Settings,
) -> xr.Dataset:
    levels = settings.steps + 1
    variables = _table_of(found, READINGS, SYSTEMS, "", levels)
    variables |= _table_of(matched, OF_MATCHED, MATCHED, "matched_", levels)
    for k, name in enumerate(LENGTHS):
        together = combine(lambda *each: np.array(each), *(row[k] for row in lengths))
        variables |= columns({f"length_{name}": together}, ("theta",))
    return xr.Dataset(
        variables,
        coords={
            "system": list(SYSTEMS),
            "matched": list(MATCHED),
            "map": list(MAPS),
            "level": list(range(levels)),
            "theta": list(settings.thetas),
        },
        attrs=attributes_of(settings)
        | {
            "theta": settings.theta,
            "side": settings.side,
            "length_side": settings.length_side,
        },
    )


def _table_of(
    readings: Mapping[tuple[str, str], Levels],
    names: Sequence[str],
    systems: Sequence[str],
    prefix: str,
    levels: int,
) -> dict[str, Any]:
    axes = ("matched" if prefix else "system", "map", "level")
    variables: dict[str, Any] = {}
    for name in names:
        values, errors = np.full((2, len(systems), len(MAPS), levels), np.nan)
        for (system, rule), rows in readings.items():
            if rows:
                at = systems.index(system), MAPS.index(rule)
                values[at] = [float(row[name].value) for row in rows]
                errors[at] = [float(row[name].error) for row in rows]
        variables |= {
            f"{prefix}{name}": (axes, values),
            f"{prefix}{name}_error": (axes, errors),
        }
    return variables


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
            "lines would be a fixed point. Right, lengths of the "
            "forest fire against θ: of belonging to one fire (full) and of the "
            f"correlation of trees (dashed); grey, θ^{FOREST_NU:g}.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        ),
        Section(
            "An epidemic among its survivors",
            "Share of infected sites and correlation of infected neighbours after n "
            "steps from sides that grow as 2ⁿ: what is left always has the same side, "
            "and level lines are a fixed point. Full, majority; dashed, occupancy; "
            "dotted, a machine with one filter trained on the largest side. A critical "
            "epidemic is a sparse set of dimension 2 - β/ν: occupancy keeps it, while "
            "majority asks for half of every block and loses it. Right, the "
            "share of infected sites against the side, before any step; grey, "
            f"L^-{BETA_OVER_NU:g}.",
            data_uri(_draw_matched(dataset)),
            tables=[_matched_table(dataset)],
        ),
    ]


STYLES = {"majority": "-", "any": "--", "one filter": ":"}
LABELS = {
    "K": "nearest-neighbour coupling",
    "density": "share of up spins",
    "neighbours": "correlation of neighbours",
}
COLOURS = dict(zip((*ISING, FOREST), PALETTE, strict=False))
OF_EPIDEMIC = dict(zip(EPIDEMIC, PALETTE, strict=False))


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(14, 3.6, columns=4)
    for ax, (name, label) in zip(fig.axes, LABELS.items(), strict=False):
        for system, colour in COLOURS.items():
            for rule in MAPS if system == FOREST else ("majority", "one filter"):
                here = dataset.sel(system=system, map=rule)
                shown_as = system if rule == "majority" else None
                _steps(ax, here, name, colour, STYLES[rule], shown_as)
        ax.set_xlabel("steps", fontsize=9)
        ax.set_ylabel(label, fontsize=9)
    fig.axes[0].legend(fontsize=8, frameon=False)
    _draw_lengths(fig.axes[-1], dataset)
    return fig


def _draw_lengths(ax: Any, dataset: xr.Dataset) -> None:
    theta = dataset["theta"].values
    for name, style in zip(LENGTHS, ("--", "-"), strict=True):
        ax.errorbar(
            theta,
            dataset[f"length_{name}"].values,
            np.nan_to_num(dataset[f"length_{name}_error"].values),
            color=COLOURS[FOREST],
            linestyle=style,
            marker="o",
            capsize=2,
            label=name,
        )
    first = dataset["length_fires"].values[0]
    ax.plot(theta, first * (theta / theta[0]) ** FOREST_NU, color="#999999")
    ax.legend(fontsize=8, frameon=False)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("θ = p/f", fontsize=9)
    ax.set_ylabel("length (sites)", fontsize=9)


def _draw_matched(dataset: xr.Dataset) -> Figure:
    fig = figure(11, 3.6, columns=3)
    for ax, name in zip(fig.axes, ("density", "neighbours"), strict=False):
        for system, colour in OF_EPIDEMIC.items():
            for rule in MAPS:
                here = dataset.sel(matched=system, map=rule)
                _steps(ax, here, f"matched_{name}", colour, STYLES[rule], None)
        ax.set_xlabel("steps from sides that double", fontsize=9)
        ax.set_ylabel(LABELS[name].replace("up spins", "infected sites"), fontsize=9)
    ax = fig.axes[-1]
    side = _sides(dataset)
    for system, colour in OF_EPIDEMIC.items():
        here = dataset.sel(matched=system, map="any")
        error = here["matched_bare_error"].values
        ax.errorbar(
            side, here["matched_bare"].values, error, color=colour, marker="o",
            markersize=3.5, capsize=2, label=system,
        )  # fmt: skip
    first = dataset["matched_bare"].sel(matched=AT, map="any").values[0]
    ax.plot(side, first * (side / side[0]) ** -BETA_OVER_NU, color="#999999")
    ax.legend(fontsize=8, frameon=False, loc="lower left")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("side", fontsize=9)
    ax.set_ylabel("share of infected sites", fontsize=9)
    return fig


def _steps(
    ax: Any, here: xr.Dataset, name: str, colour: str, style: str, label: str | None
) -> None:
    ax.errorbar(
        here["level"].values,
        here[name].values,
        np.nan_to_num(here[f"{name}_error"].values),
        color=colour,
        linestyle=style,
        marker="o",
        markersize=3.5,
        capsize=2,
        label=label,
    )
    ax.set_xticks(here["level"].values)


def _sides(dataset: xr.Dataset) -> np.ndarray:
    level = dataset["level"].values
    return dataset.attrs["side"] / 2.0 ** (level[-1] - level)


def _matched_table(dataset: xr.Dataset) -> Table:
    rows = [
        [system, rule, name, *_values(dataset, f"matched_{name}", system, rule)]
        for system in MATCHED
        for rule in MAPS
        for name in ("density", "neighbours")
    ]
    steps = [f"{n} from {side:g}²" for n, side in enumerate(_sides(dataset))]
    return Table(["model", "map", "reading", *steps], rows)


def _table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            system,
            rule,
            name,
            *_values(dataset, name, system, rule),
        ]
        for system in SYSTEMS
        for rule in MAPS
        if rule != "any" or system not in ISING
        for name in READINGS
    ]
    steps = [f"step {n}" for n in dataset["level"].values]
    return Table(["model", "map", "reading", *steps], rows)


def _values(dataset: xr.Dataset, name: str, system: str, rule: str) -> list[str]:
    value, error = _row(dataset, name, system, rule)
    return [_number(v, e) for v, e in zip(value, error, strict=True)]


def _row(
    dataset: xr.Dataset, name: str, system: str, rule: str
) -> tuple[np.ndarray, np.ndarray]:
    axis = "matched" if name.startswith("matched") else "system"
    here = dataset.sel({axis: system, "map": rule})
    return here[name].values, here[f"{name}_error"].values


def _number(value: float, error: float) -> str:
    if not math.isfinite(value):
        return "–"
    return parenthesised(value, error) if math.isfinite(error) else f"{value:.3g}"


def checks(dataset: xr.Dataset) -> list[Check]:
    """What models are attracted to, by block spins and by machines."""
    return [
        *(_attracted(dataset, rule) for rule in ("majority", "one filter")),
        _forest_fixed(dataset),
        _forest_critical(dataset),
        _forest_exponent(dataset),
        *(_epidemic_fixed(dataset, rule) for rule in MAPS),
        _epidemic_exponent(dataset),
    ]


def _attracted(dataset: xr.Dataset, rule: str) -> Check:
    """Neighbours lose their correlation above T_c, the coupling grows below."""
    hot = _known_moves(dataset, "Ising, 1.2 T_c", rule, "K")
    cold = _known_moves(dataset, "Ising, 0.9 T_c", rule, "K")
    right = [all(z < -SIGMAS for z in hot), all(z > SIGMAS for z in cold)]
    if min(len(hot), len(cold)) < 2:
        status = Status.OPEN
    elif all(right):
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if any(right) else Status.NOT
    return Check(
        claim=f"Repeated steps of {_called(rule)} take Ising configurations above T_c "
        "towards T = ∞ and below T_c towards T = 0.",
        paper="proposed for future study; no number",
        ours=f"K at 1.2 T_c {_line(dataset, 'K', 'Ising, 1.2 T_c', rule)}; at T_c "
        f"{_line(dataset, 'K', 'Ising, T_c', rule)}; at 0.9 T_c "
        f"{_line(dataset, 'K', 'Ising, 0.9 T_c', rule)}",
        status=status,
        reason="each step that can be fitted has to move the coupling by more than "
        "three errors, down above T_c and up below it; what a map makes of T_c says "
        "where it draws the line between the two",
    )


def _forest_fixed(dataset: xr.Dataset) -> Check:
    moved = {
        (rule, name): _moves(dataset, FOREST, rule, name)
        for rule in MAPS
        for name in ("density", "neighbours")
    }
    gone = [any(abs(z) > SIGMAS for z in zs) for zs in moved.values()]
    still = [all(abs(z) < SIGMAS for z in zs) for zs in moved.values()]
    if all(still):
        status = Status.REPRODUCED
    elif all(gone):
        status = Status.NOT
    else:
        status = Status.PARTLY if any(still) else Status.OPEN
    return Check(
        claim=f"The forest fire at θ = {dataset.attrs['theta']:g} looks the same after "
        "every step of coarse-graining, as a critical state would.",
        paper="named as self-organized critical; no number",
        ours="; ".join(
            f"trees by {_called(rule)} {_line(dataset, 'density', FOREST, rule)}, "
            f"neighbours {_line(dataset, 'neighbours', FOREST, rule)}"
            for rule in MAPS
        ),
        status=status,
        reason="a fixed point would keep all of these within three errors; majority "
        "thins the forest and occupancy fills it up: at finite θ bare ground and the "
        "full forest attract, as T = 0 and T = ∞ do an Ising model",
    )


def _slopes(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """θ whose fires fit the lattice, d ln ξ/d ln θ between them, and its errors."""
    fits = dataset["length_fires"] < dataset.attrs["length_side"] / SHORT
    here = dataset.isel(theta=np.flatnonzero(fits.values))
    x, y = np.log(here["theta"].values), here["length_fires"].values
    relative = here["length_fires_error"].values / y
    errors = np.hypot(relative[1:], relative[:-1]) / np.diff(x)
    return here["theta"].values, np.diff(np.log(y)) / np.diff(x), errors


def _forest_critical(dataset: xr.Dataset) -> Check:
    theta, slopes, errors = _slopes(dataset)
    if len(slopes) and np.all(slopes > SIGMAS * errors):
        status = Status.REPRODUCED
    else:
        falls = bool(np.any(slopes < -SIGMAS * errors))
        status = Status.NOT if falls else Status.OPEN
    lengths = dataset["length_fires"].values[: len(theta)]
    longest = f"{lengths.max():.2f} sites" if len(theta) else "none that fits"
    return Check(
        claim="Without a temperature to tune the forest fire becomes critical as "
        "θ = p/f grows.",
        paper="the definition of self-organized criticality; no number",
        ours=_slopes_shown(theta, slopes, errors),
        status=status,
        reason="the second-moment length of fires has to grow by more than three "
        f"errors at every step; it reaches {longest}, and is judged below a quarter of "
        "the side: θ is tuned after all, to infinity",
    )


def _slopes_shown(theta: np.ndarray, slopes: np.ndarray, errors: np.ndarray) -> str:
    shown = [parenthesised(s, e) for s, e in zip(slopes, errors, strict=True)]
    between = ", ".join(f"{t:g}" for t in theta)
    return f"d ln ξ/d ln θ = {', '.join(shown)} between θ = {between}"


def _forest_exponent(dataset: xr.Dataset) -> Check:
    theta, slopes, errors = _slopes(dataset)
    away = (slopes - FOREST_NU) / errors
    drift = slopes[-1] - slopes[0] if len(slopes) > 1 else math.nan
    noise = math.hypot(errors[-1], errors[0]) if len(slopes) > 1 else math.nan
    drifts = abs(drift) > SIGMAS * noise
    if len(slopes) < 2 or SIGMAS * errors.max() > FOREST_NU:
        status = Status.OPEN
    elif np.all(abs(away) < SIGMAS) and not drifts:
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if np.any(abs(away) < SIGMAS) else Status.NOT
    trend = (
        "one slope tells no trend"
        if len(slopes) < 2
        else f"from the first slope to the last it changes by "
        f"{_number(float(drift), noise)}"
        + (": no power law over this range" if drifts else "")
    )
    return Check(
        claim=f"The length of fires grows as ξ ~ θ^ν with ν = {FOREST_NU:g}.",
        paper="no number; literature 0.58 (Henley 1993), a scaling that does not last "
        "(Grassberger 2002)",
        ours=_slopes_shown(theta, slopes, errors),
        status=status,
        reason=f"every local slope has to be within three errors of {FOREST_NU:g}, and"
        f" all of them the same; {trend}. Whether it lasts beyond lengths of a few "
        "dozen sites cannot be seen here",
    )


FATES = {
    "fixed": "comes to rest (its moves shorten or are unseen)",
    "healthy": "runs to the healthy lattice",
    "infected": "runs to all infected",
    "open": "is not decided",
}


def _fate(dataset: xr.Dataset, system: str, rule: str) -> str:
    """Where the law on the last side goes as the steps before it become more.

    The ends are a lattice without correlations, all healthy (among survivors one site
    may be left) or all infected. The flow runs to one where it has arrived, where one
    more equal move would lead beyond, or where the density still moves while the
    correlation of neighbours has fallen from its largest value. It is at rest where
    that has not fallen and the last moves of both are unseen, or shorter than the
    longest before. What is seen is more than three errors.
    """
    density = _row(dataset, "matched_density", system, rule)
    near = _row(dataset, "matched_neighbours", system, rule)
    end = _end(density, near, single=float(_sides(dataset)[0]) ** -2)
    if end:
        return end
    rests = not _has_fallen(near) and _rests(*density) and _rests(*near)
    return "fixed" if rests else "open"


Row = tuple[np.ndarray, np.ndarray]


def _end(density: Row, near: Row, single: float) -> str:
    value, error = density
    if value[-1] < single + ALMOST:
        return "healthy"
    if value[-1] > 1 - ALMOST:
        return "infected"
    last = value[-1] - value[-2]
    beyond = not 0 < value[-1] + last < 1
    if abs(last) > SIGMAS * np.hypot(*error[-2:]) and (beyond or _has_fallen(near)):
        return "healthy" if last < 0 else "infected"
    return ""


def _has_fallen(near: Row) -> bool:
    value, error = near
    if not np.isfinite(value).all():
        return True  # all sites are equal
    top = int(np.argmax(value))
    return bool(value[top] - value[-1] > SIGMAS * np.hypot(error[top], error[-1]))


def _rests(value: np.ndarray, error: np.ndarray) -> bool:
    moves, noise = np.abs(np.diff(value)), np.hypot(error[1:], error[:-1])
    sharp = SIGMAS * noise[-1] < TENTH * abs(value[-1])
    unseen = sharp and moves[-1] < SIGMAS * noise[-1]
    longest = int(np.argmax(moves))
    gain = moves[longest] - moves[-1]
    return bool(unseen or gain > SIGMAS * np.hypot(noise[longest], noise[-1]))


def _epidemic_fixed(dataset: xr.Dataset, rule: str) -> Check:
    fates = {system: _fate(dataset, system, rule) for system in EPIDEMIC}
    if fates[AT] in ("healthy", "infected"):
        status = Status.NOT
    elif fates[AT] == "open":
        status = Status.OPEN
    else:
        apart = fates[BELOW] == "healthy" and fates[ABOVE] == "infected"
        status = Status.REPRODUCED if apart else Status.PARTLY
    control = _line(dataset, "matched_neighbours", "Ising, T_c", "majority")
    return Check(
        claim=f"Repeated steps of {_called(rule)} have a fixed point at the threshold "
        "of an epidemic, and separate what dies out from what stays.",
        paper="absorbing states and epidemics are not named; 'other systems' are wished"
        " for, no number",
        ours="share of infected sites on the last side: "
        + "; ".join(
            f"{s.partition(', ')[2]} {_line(dataset, 'matched_density', s, rule)}"
            for s in EPIDEMIC
        ),
        status=status,
        reason="by sides that double, the flow "
        + ", ".join(f"{FATES[f]} at {s.partition(', ')[2]}" for s, f in fates.items())
        + f"; correlation of neighbours at λ_c "
        f"{_line(dataset, 'matched_neighbours', AT, rule)}; control, majority of the "
        f"Ising model at T_c {control}",
    )


def _epidemic_exponent(dataset: xr.Dataset) -> Check:
    found = {system: _fall(dataset, system) for system in EPIDEMIC}
    (at, error), *others = found[AT], found[BELOW], found[ABOVE]
    apart = all(abs(v - BETA_OVER_NU) > SIGMAS * e for v, e in others)
    if abs(at - BETA_OVER_NU) > SIGMAS * error:
        status = Status.NOT
    else:
        status = Status.REPRODUCED if apart else Status.OPEN
    below, above = (parenthesised(*other) for other in others)
    return Check(
        claim="At its threshold the epidemic thins out with the side as directed "
        f"percolation does, ρ ~ L^-{BETA_OVER_NU:g}.",
        paper="no number; literature β/ν = 0.795 (Hinrichsen 2000)",
        ours=f"-d ln ρ/d ln L = {parenthesised(at, error)} at λ_c; controls {below} "
        f"at 0.8 λ_c, {above} at 1.2 λ_c",
        status=status,
        reason="over the last doubling-and-doubling of the side, within three errors; "
        "the controls have to be further off than that",
    )


def _fall(dataset: xr.Dataset, system: str) -> tuple[float, float]:
    """-d ln ρ/d ln L over the last two doublings of the side."""
    value, error = _row(dataset, "matched_bare", system, "any")
    change = math.log(value[-3] / value[-1]) / math.log(4)
    noise = math.hypot(error[-3] / value[-3], error[-1] / value[-1]) / math.log(4)
    return change, noise


def _moves(dataset: xr.Dataset, system: str, rule: str, name: str) -> list[float]:
    """Steps of a reading in units of their errors, taken as independent."""
    value, error = _row(dataset, name, system, rule)
    both = np.hypot(error[1:], error[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return list(map(float, np.diff(value) / both))


def _known_moves(dataset: xr.Dataset, system: str, rule: str, name: str) -> list[float]:
    """Those between two levels that can be fitted, with errors."""
    return [z for z in _moves(dataset, system, rule, name) if math.isfinite(z)]


def _line(dataset: xr.Dataset, name: str, system: str, rule: str) -> str:
    return " → ".join(_values(dataset, name, system, rule))


def _called(rule: str) -> str:
    return {"any": "occupancy", "one filter": "a machine with one filter"}.get(
        rule, rule
    )


EXHIBIT = Exhibit(
    name="driven",
    title="Attractive fixed points, a forest fire and an epidemic",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
