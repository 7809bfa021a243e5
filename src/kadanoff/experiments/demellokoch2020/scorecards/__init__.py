"""Every layer of section IV on one scorecard, beside the block spins it is compared to.

The paper sets block averages on 32×32 beside a stack 1024→256→64 and a single machine
1024→64, trained near T_c by contrastive divergence, and finds that something like a
coarse graining is taking place. Here all of them are read by the same rows
(`kadanoff.probe`): block average, majority, the first layer, both layers, the second
layer alone and the single machine, by plain contrastive divergence, which is what the
text tells of the paper's recipe, and by the recipe whose units become local; and a
machine whose weights are tied by translations. How long and how fast the paper trains
is lost and reconstructed here. Units of a dense machine are arranged on chains
of their own; majority whose places are withheld goes the same way beside them, and so
do votes at random places and a machine that has learned nothing.

A layer passes where in the mean over training seeds and beyond three of its errors it
is local, covariant and keeps the field; `verdicts` has what these are. The second layer
alone sees a first layer that is itself no critical magnet; beside it stand majority of
that layer, and a map that keeps nothing of it but the sign of its magnetization.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.coarse.arrange import arrange
from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer, layers_of
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import DELTA_SIGMA, T_C, Y_H, Y_T
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.demellokoch2020.scorecards.verdicts import (
    ABOVE_FIRST,
    BESIDE,
    BLOCKS,
    COVARIANT,
    DECIMATION,
    FACTOR,
    FIRST,
    MAPS,
    PAIRS,
    SCATTERED,
    SECOND,
    SINGLE,
    TIED_MAP,
    UNTRAINED,
    WITHHELD,
    by_verdict,
    cell,
    checks,
    failing,
    faults,
    verdict,
)
from kadanoff.experiments.demellokoch2020.scorecards.votes import (
    blocks_withheld,
    scattered,
)
from kadanoff.experiments.exhibit import Exhibit, Work, stacked
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import TIED, Training
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator, subseed
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.scorecard.card import Scorecard, probe, probe_pair
from kadanoff.scorecard.rows import QUICK

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "MAPS",
    "Settings",
    "by_verdict",
    "checks",
    "compute",
    "draw",
    "failing",
    "faults",
]

RECIPES: Mapping[str, Training] = {"plain": Training(l1=0.0), "local": Training()}
READINGS = {
    "width": ("locality", "direct width (sites)"),
    "directly": ("locality", "responding directly"),
    "patches": ("locality", "direct patches"),
    "flip": ("covariance", "flip"),
    "shift": ("covariance", "shift"),
    "K": ("couplings", "K nn"),
    "T": ("temperature", "T by energy"),
    "y_T": ("exponents", "y_T"),
    "y_H": ("exponents", "y_H"),
    "y_T_above": ("followed by majority", "y_T"),
    "y_H_above": ("followed by majority", "y_H"),
    "slope": ("scaling", "slope of the ratio"),
    "delta": ("scaling", "Δ_σ"),
}
"""Variable → row and reading of the scorecard."""


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the fine lattice.
        draws: configurations that are read, over all seeds; each reads its own chains.
        training: configurations that machines are trained on.
        places: configurations that units without positions are arranged on.
        epochs: of dense machines.
        tied_epochs: of the machine with one filter.
        seeds: of every training, and parts of the chains.
        rows: of the scorecard.
    """

    side: int
    draws: int
    training: int
    places: int
    epochs: int
    tied_epochs: int
    seeds: int
    rows: tuple[str, ...] = QUICK


FAST = Settings(
    side=16,
    draws=6144,
    training=1024,
    places=8192,
    epochs=8,
    tied_epochs=2,
    seeds=2,
    rows=("locality", "covariance", "scaling"),
)
FULL = Settings(
    side=32,
    draws=50_000,  # 10 000 for each seed; C of a shift rests on 4096 of them
    training=10_000,
    places=50_000,  # puts 16×16 exact block spins in place, which 2000 do not
    epochs=Training().epochs,
    tied_epochs=TIED.epochs,
    seeds=5,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The readings of all maps, means over seeds with their errors."""
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose="scorecards training")
    places = drawn(work, shape, T_C, settings.places, purpose="scorecards places")
    read = drawn(work, shape, T_C, settings.draws, purpose="scorecards")
    parts = read.split(settings.seeds)
    pieces = [
        _piece(m, s, Chains(data, places, parts[s]), settings, work)
        for m in MAPS
        for s in range(settings.seeds)
    ]
    with one_thread():
        found = readings(pieces, work, "scorecards")
    return _dataset(np.array(found).reshape(len(MAPS), -1), settings)


@dataclass(frozen=True)
class Chains:
    """Configurations of independent chains.

    Attributes:
        training: machines are trained on.
        places: units are arranged on.
        read: rows are read on.
    """

    training: Ensemble
    places: Ensemble
    read: Ensemble


def _piece(m: str, s: int, chains: Chains, settings: Settings, work: Work) -> Piece:
    """One map of one seed, on chains of its own."""

    def find() -> dict[str, float | None]:
        card = _card(m, s, chains, settings, work)
        found = {name: _reading(card, *key) for name, key in READINGS.items()}
        if m in PAIRS:  # their response to the first layer is that layer's own
            found |= {n: math.nan for n, (row, _) in READINGS.items() if row == LOCAL}
        return {name: x if math.isfinite(x) else None for name, x in found.items()}

    about = asdict(settings) | {"map": m, "number": s}
    return Piece(
        step="demellokoch2020-scorecard",
        settings=about | {"seed": work.seed, "device": work.device},
        find=find,
    )


LOCAL = "locality"


def _card(m: str, s: int, chains: Chains, settings: Settings, work: Work) -> Scorecard:
    seed, rows = work.subseed("probe", s), settings.rows
    if m in PAIRS:
        pair = _above_first(m, s, chains, settings, work)
        return probe_pair(*pair, seed=seed, rows=rows, controls=())
    if m in NATIVE:
        rules = NATIVE[m]
    elif m == TIED_MAP:
        rules = (Layer(_tied(s, chains.training, settings, work)),)
    else:
        unordered = _unordered(m, s, chains.training, settings, work)
        units = coarsen(Stack(unordered), chains.places, seed=subseed(seed, "places"))
        rules = (*unordered, arrange(chains.places, units))
    return probe(rules, chains.read, seed=seed, rows=rows, controls=())


NATIVE: Mapping[str, tuple[CoarseGraining, ...]] = {
    **dict(
        zip(
            BLOCKS,
            ((Average(b=2),), (Majority(b=2),), (Majority(b=4),)),
            strict=True,
        )
    ),
    DECIMATION: (Decimation(b=2),),
}
"""Rules whose units have positions."""


def _unordered(
    m: str, s: int, data: Ensemble, settings: Settings, work: Work
) -> tuple[CoarseGraining, ...]:
    """The rules of a map whose units have no positions, finest first."""
    side, b = settings.side, FACTOR[m]
    if m in (*WITHHELD, *SCATTERED):
        put = blocks_withheld if m in WITHHELD else scattered
        return (put(side, b, generator(work.subseed("votes", m, s))),)
    if m == UNTRAINED:
        return (Layer(RBM(data.geometry, side**2 // 4, seed=work.subseed(m, s))),)
    recipe, _, what = m.partition(", ")
    if what == SINGLE:
        return (Layer(_single(recipe, s, data, settings, work)),)
    layers = layers_of(_deep(recipe, s, data, settings, work)).rules
    return layers[:1] if what == FIRST else layers


def _above_first(
    m: str, s: int, chains: Chains, settings: Settings, work: Work
) -> tuple[Ensemble, Ensemble]:
    """The first hidden layer and what is above it, arranged."""
    recipe, _, what = m.partition(", ")
    first, second = layers_of(_deep(recipe, s, chains.training, settings, work)).rules
    seed = work.subseed("probe", s)
    below, above = _hidden(first, second, chains.places, seed)
    places = arrange(chains.places, below), arrange(chains.places, above)
    pair = _hidden(first, second, chains.read, subseed(seed, "read"))
    low, high = (coarsen(p, level) for p, level in zip(places, pair, strict=True))
    if what == SECOND:
        return low, high
    if what == ABOVE_FIRST[0]:
        return low, coarsen(Majority(b=2), low, seed=subseed(seed, "blocks"))
    return low, _sign(low, high)


def _sign(low: Ensemble, high: Ensemble) -> Ensemble:
    """The sign of the magnetization, on every site; of none that of the first spin."""
    spins = low.values.reshape(low.chains, low.draws, -1).astype(int)
    up = np.sign(2 * spins.sum(axis=2) + spins[..., 0])
    values = np.broadcast_to(up[..., None, None], (*up.shape, *high.shape))
    note = {"step": "sign of the magnetization"}
    return high.derived(values.astype(np.int8), high.geometry, "pm1", note)


def _hidden(
    first: CoarseGraining, second: CoarseGraining, fine: Ensemble, seed: int
) -> tuple[Ensemble, Ensemble]:
    below = coarsen(first, fine, seed=seed)
    return below, coarsen(second, below, seed=seed)


def _deep(recipe: str, s: int, data: Ensemble, settings: Settings, work: Work) -> DBN:
    sites = settings.side**2
    start = DBN.dense(
        data.geometry, (sites // 4, sites // 16), seed=work.subseed("deep", s)
    )
    how = replace(RECIPES[recipe], epochs=settings.epochs)
    return trained(work, start, data, how, f"scorecards, deep, {recipe}, {s}")


def _single(recipe: str, s: int, data: Ensemble, settings: Settings, work: Work) -> RBM:
    start = RBM(data.geometry, settings.side**2 // 16, seed=work.subseed("single", s))
    how = replace(RECIPES[recipe], epochs=settings.epochs)
    return trained(work, start, data, how, f"scorecards, single, {recipe}, {s}")


def _tied(s: int, data: Ensemble, settings: Settings, work: Work) -> ConvRBM:
    how = replace(TIED, epochs=settings.tied_epochs)
    start = ConvRBM(seed=work.subseed("tied", s))
    return trained(work, start, data, how, f"scorecards, tied, {s}")


def _dataset(found: np.ndarray, settings: Settings) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for name in READINGS:
        means = [
            over_seeds([math.nan if r[name] is None else r[name] for r in seeds])
            for seeds in found
        ]
        variables |= stacked(means, name, "map")
    return xr.Dataset(
        variables,
        coords={"map": list(MAPS), "b": ("map", [FACTOR[m] for m in MAPS])},
        attrs=attributes_of(settings),
    )


def _reading(card: Scorecard, row: str, name: str) -> float:
    """Not a number where the map does not have it; of temperatures the first coarse."""
    every = next((r.readings for r in card.rows if r.name == row), {})
    found = [v for key, v in every.items() if key.startswith(name)]
    if row == "temperature":
        found = found[1:] if len(found) > 1 else []
    if not found:
        return math.nan
    value = found[0]
    return float(value.value if isinstance(value, Estimate) else value)


def draw(dataset: xr.Dataset) -> list[Section]:
    """Where every layer stands, reading by reading."""
    return [
        Section(
            "Every layer on one scorecard",
            "Means over training seeds with their errors; the line in each panel is "
            "the exact value or the threshold named in its title, which of the width "
            "is b of each map; the ratio is G_coarse/G_fine. Exponents are over steps "
            "of its own where a map can be repeated, else of one step, between "
            "majority blocks of both its sides. A "
            "missing point: the map has no such reading, or fewer than half of the "
            "units have a direct response out of the noise; of the untrained layer "
            "only C and the slope are drawn. The last maps are read on the first "
            "layers. All seeds of a training have one set of configurations, so that "
            "errors are of weights and of what is read. Sizes are the paper's; how "
            "long and how fast it trains is lost and reconstructed, and weights tied "
            "by translations are ours.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        )
    ]


PANELS: Mapping[str, tuple[str, float]] = {
    "width": ("listens to (sites); b", math.nan),
    "shift": ("C of a shift; 0.9", COVARIANT),
    "slope": ("slope of the ratio; 0", 0.0),
    "T": ("T by energy; T_c", T_C),
    "y_T": ("y_T; 1", Y_T),
    "y_H": ("y_H; 15/8", Y_H),
    "delta": ("Δ_σ; 1/8", DELTA_SIGMA),
}


def _draw(dataset: xr.Dataset) -> Figure:
    read = {name: p for name, p in PANELS.items() if np.isfinite(dataset[name]).any()}
    fig = figure(14, 0.27 * len(MAPS) + 1.2, columns=len(read))
    y = np.arange(dataset.sizes["map"])
    for ax, (name, (title, line)) in zip(fig.axes, read.items(), strict=True):
        for k, m in enumerate(dataset["map"].values):
            if m != UNTRAINED or name in ("shift", "slope"):
                _draw_reading(ax, dataset.sel(map=m), name, k)
        if name == "width":
            ax.plot(dataset["b"].values, y, "|", color="black", markersize=11)
        else:
            ax.axvline(line, color="black", linewidth=0.8)
        ax.set_yticks(y, dataset["map"].values if ax is fig.axes[0] else [""] * len(y))
        ax.set_ylim(len(y) - 0.5, -0.5)
        ax.set_title(title, fontsize=9)
    for label, colour in COLOURS.items():
        fig.axes[0].plot([], [], "o", color=colour, markersize=4, label=label)
    fig.legend(
        *fig.axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(COLOURS),
        fontsize=8,
        frameon=False,
    )
    return fig


def _draw_reading(ax: Axes, here: xr.Dataset, name: str, k: int) -> None:
    known = f"{name}_above"
    if known not in here or not np.isfinite(here[known]):
        known = name
    ax.errorbar(
        here[known].item(),
        k,
        xerr=np.nan_to_num(here[f"{known}_error"].item()),
        color=_colour(str(here["map"].item())),
        marker="o",
        markersize=4,
        capsize=2,
    )


COLOURS = {
    "no training": PALETTE[-1],
    "plain training": PALETTE[0],
    "local recipe": PALETTE[1],
    "weights tied by translations": PALETTE[2],
}


def _colour(name: str) -> str:
    untrained, plain, local, tied = COLOURS.values()
    if name in BESIDE:
        return untrained
    return plain if "plain" in name else local if "local" in name else tied


def _table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            str(m),
            *(cell(dataset, name, str(m)) for name in READINGS),
            verdict(dataset, str(m)),
        ]
        for m in dataset["map"].values
    ]
    header = [f"{row}: {name}" for row, name in READINGS.values()]
    return Table(["map", *header, "passes"], rows)


EXHIBIT = Exhibit(
    name="scorecards",
    title="Every layer on one scorecard",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=3,
)
