"""Every layer of section IV on one scorecard, beside the block spins it is compared to.

The paper sets block averages on 32×32 beside a stack 1024→256→64 and a single machine
1024→64, trained near T_c by contrastive divergence, and finds that something like a
coarse graining is taking place. Here all of them are read by the same rows
(`kadanoff.probe`): block average, majority, the first layer, both layers, the second
layer alone and the single machine, by plain CD-1, which is what the text tells of the
paper's recipe, and by the recipe whose units become local; and a machine whose weights
are tied by translations. Layers of a dense machine are arranged on chains of their own.

A layer is said to renormalize, as far as these rows can tell, where in the mean over
training seeds and beyond three of its errors

    local       its direct response is narrower than b sites,
    covariant   it commutes with shifts of the lattice, C > 0.9,
    field       G_coarse/G_fine changes as a power of r below 0.05 in size,

where majority of the same b shows that the configurations suffice to tell. These are
thresholds that lie between block spins and the failing controls of the scorecard
(`kadanoff.experiments.renormalizers`, where b = 2 is 2 sites).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.coarse.arrange import arrange
from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer, layers_of
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import DELTA_SIGMA, T_C, Y_H, Y_T
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import TIED, Training
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.scorecard.card import Scorecard, probe, probe_pair
from kadanoff.scorecard.rows import QUICK

__all__ = ["EXHIBIT", "FAST", "FULL", "MAPS", "Settings", "checks", "compute", "draw"]

RECIPES: Mapping[str, Training] = {"CD-1": Training(l1=0.0), "local": Training()}
PLACES = ("first layer", "both layers", "second layer alone", "one machine, b = 4")
BLOCKS = ("block average", "majority", "majority, b = 4")
TIED_MAP = "one filter"
MAPS = (*BLOCKS, *(f"{r}, {p}" for r in RECIPES for p in PLACES), TIED_MAP)
FACTOR = {m: 4 if "b = 4" in m or "both" in m else 2 for m in MAPS}
"""b of every map."""
READINGS = {
    "width": ("locality", "direct width (sites)"),
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
COVARIANT, SLOPE, SIGMAS = 0.9, 0.05, 3.0


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the fine lattice.
        draws: configurations that are read, over all seeds; each reads its own chains.
        training: configurations that machines are trained on.
        epochs: of dense machines.
        tied_epochs: of the machine with one filter.
        seeds: of every training, and parts of the chains.
        rows: of the scorecard.
    """

    side: int
    draws: int
    training: int
    epochs: int
    tied_epochs: int
    seeds: int
    rows: tuple[str, ...] = QUICK


FAST = Settings(
    side=16,
    draws=6144,
    training=1024,
    epochs=8,
    tied_epochs=2,
    seeds=2,
    rows=("locality", "covariance", "scaling"),
)
FULL = Settings(
    side=32,
    draws=50_000,
    training=10_000,
    epochs=Training().epochs,
    tied_epochs=TIED.epochs,
    seeds=5,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The readings of all maps, means over seeds with their errors."""
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose="scorecards training")
    read = drawn(work, shape, T_C, settings.draws, purpose="scorecards")
    parts = read.split(settings.seeds)
    cards: dict[str, list[Scorecard]] = {name: [] for name in MAPS}
    with one_thread():
        for s in range(settings.seeds):
            for name, card in _cards(s, data, parts[s], settings, work):
                cards[name].append(card)
                done = sum(map(len, cards.values()))
                work.progress("scorecards")(done, settings.seeds * len(MAPS))
    return _dataset(cards, settings)


def _cards(
    s: int, data: Ensemble, fine: Ensemble, settings: Settings, work: Work
) -> Iterator[tuple[str, Scorecard]]:
    seed = work.subseed("probe", s)

    def card(*rules: Any) -> Scorecard:
        return probe(rules, fine, seed=seed, rows=settings.rows, controls=())

    yield "block average", card(Average(b=2))
    yield "majority", card(Majority(b=2))
    yield "majority, b = 4", card(Majority(b=4))
    for recipe in RECIPES:
        deep = _deep(recipe, s, data, settings, work)
        first, second = layers_of(deep).rules
        yield f"{recipe}, first layer", card(first)
        yield f"{recipe}, both layers", card(first, second)
        yield (
            f"{recipe}, second layer alone",
            _alone(first, second, data, fine, settings.rows, seed),
        )
        yield (
            f"{recipe}, one machine, b = 4",
            card(Layer(_single(recipe, s, data, settings, work))),
        )
    yield TIED_MAP, card(Layer(_tied(s, data, settings, work)))


def _alone(
    first: CoarseGraining,
    second: CoarseGraining,
    data: Ensemble,
    fine: Ensemble,
    rows: Sequence[str],
    seed: int,
) -> Scorecard:
    """From the first hidden layer to the second, both arranged on training chains."""
    below, above = _hidden(first, second, data, seed)
    places = arrange(data, below), arrange(data, above)
    pair = _hidden(first, second, fine, subseed(seed, "read"))
    levels = [coarsen(p, level) for p, level in zip(places, pair, strict=True)]
    return probe_pair(*levels, seed=seed, rows=rows, controls=())


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


def _dataset(
    cards: Mapping[str, Sequence[Scorecard]], settings: Settings
) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for name, key in READINGS.items():
        means = [
            over_seeds([_reading(card, *key) for card in each])
            for each in cards.values()
        ]
        variables[name] = ("map", [float(m.value) for m in means])
        variables[f"{name}_error"] = ("map", [float(m.error) for m in means])
    return xr.Dataset(
        variables,
        coords={"map": list(cards), "b": ("map", [FACTOR[m] for m in cards])},
        attrs=attributes_of(settings),
    )


def _reading(card: Scorecard, row: str, name: str) -> float:
    """Not a number where the map does not have it; of temperatures the first coarse."""
    readings = next((r.readings for r in card.rows if r.name == row), {})
    found = [v for key, v in readings.items() if key.startswith(name)]
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
            "the exact value or the threshold named in its title, black points are "
            "block spins. Exponents are over steps of its own where a map can be "
            "repeated, else of one step, between majority blocks of both its sides. A "
            "missing point: the map has no such reading.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        )
    ]


PANELS: Mapping[str, tuple[str, float]] = {
    "width": ("listens to (sites); 2", 2.0),
    "shift": ("commutes with shifts; 0.9", COVARIANT),
    "slope": ("slope of G_coarse/G_fine; 0", 0.0),
    "T": ("T by energy; T_c", T_C),
    "y_T": ("y_T; 1", Y_T),
    "y_H": ("y_H; 15/8", Y_H),
    "delta": ("Δ_σ; 1/8", DELTA_SIGMA),
}


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(14, 0.27 * len(MAPS) + 1.0, columns=len(PANELS))
    y = np.arange(dataset.sizes["map"])
    colours = [_colour(str(m)) for m in dataset["map"].values]
    for ax, (name, (title, line)) in zip(fig.axes, PANELS.items(), strict=True):
        for k in y:
            here = dataset.isel(map=k)
            known = name
            if f"{name}_above" in here and np.isfinite(here[f"{name}_above"]):
                known = f"{name}_above"
            ax.errorbar(
                here[known].item(),
                k,
                xerr=np.nan_to_num(here[f"{known}_error"].item()),
                color=colours[k],
                marker="o",
                markersize=4,
                capsize=2,
            )
        ax.axvline(line, color="black", linewidth=0.8)
        ax.set_yticks(y, dataset["map"].values if ax is fig.axes[0] else [""] * len(y))
        ax.set_ylim(len(y) - 0.5, -0.5)
        ax.set_title(title, fontsize=9)
    return fig


def _colour(name: str) -> str:
    if name in BLOCKS:
        return PALETTE[-1]
    return PALETTE[0 if "CD-1" in name else 1 if "local" in name else 2]


def _table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            str(m),
            *(_cell(dataset, name, str(m)) for name in READINGS),
            _verdict(dataset, m),
        ]
        for m in dataset["map"].values
    ]
    header = [f"{row}: {name}" for row, name in READINGS.values()]
    return Table(["map", *header, "renormalizes"], rows)


def _cell(dataset: xr.Dataset, name: str, m: str) -> str:
    value = dataset[name].sel(map=m).item()
    error = dataset[f"{name}_error"].sel(map=m).item()
    if not math.isfinite(value):
        return "–"
    return shown(dataset, name, map=m) if math.isfinite(error) else f"{value:.3g}"


def faults(dataset: xr.Dataset, m: str) -> dict[str, bool | None]:
    """Aspect → whether the map has it; None where errors leave it open.

    Args:
        dataset: as `compute` makes it.
        m: name of a map.
    """
    found = {
        "local": _is_local(dataset, m),
        "covariant": _below(dataset, m, "shift", -COVARIANT, sign=-1),
        "field": _below(dataset, m, "slope", SLOPE, sign=None),
    }
    if not math.isfinite(dataset["shift"].sel(map=m).item()):
        del found["covariant"]  # of a pair of layers no map is known to be shifted
    return found


def _is_local(dataset: xr.Dataset, m: str) -> bool | None:
    """None too where these configurations cannot tell it of a block of that size."""
    b = int(dataset["b"].sel(map=m))
    block = "majority" if b == 2 else "majority, b = 4"
    known = _below(dataset, block, "width", b)
    return _below(dataset, m, "width", b) if known else None


def _below(
    dataset: xr.Dataset, m: str, name: str, limit: float, sign: int | None = 1
) -> bool | None:
    """Whether a reading times its sign, or its size, is below a limit.

    None within three errors of it; False where the map does not have it.
    """
    value = dataset[name].sel(map=m).item()
    error = dataset[f"{name}_error"].sel(map=m).item()
    if not math.isfinite(value):
        return False
    room = limit - (abs(value) if sign is None else sign * value)
    if not math.isfinite(error) or abs(room) <= SIGMAS * error:
        return None
    return room > 0


def _verdict(dataset: xr.Dataset, m: Any) -> str:
    found = faults(dataset, str(m))
    failing = [name for name, good in found.items() if good is False]
    unclear = [name for name, good in found.items() if good is None]
    if failing:
        return f"no: not {', '.join(failing)}"
    return f"undecided: {', '.join(unclear)}" if unclear else "yes"


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether each layer does what the paper compares it to."""
    layers = [m for m in MAPS if m not in BLOCKS]
    return [_calibration(dataset), *(_layer(dataset, m) for m in layers)]


def _calibration(dataset: xr.Dataset) -> Check:
    found = {m: _verdict(dataset, m) for m in BLOCKS}
    good = [v == "yes" for v in found.values()]
    return Check(
        claim="Block averages and majority pass the rows by which layers are judged.",
        paper="what it means by a coarse graining",
        ours="; ".join(f"{m}: {v}" for m, v in found.items()),
        status=_status(list(faults(dataset, "majority").values())),
        reason=f"{sum(good)} of {len(good)} block rules pass all three; the status is "
        "that of majority",
    )


def _layer(dataset: xr.Dataset, m: str) -> Check:
    found = faults(dataset, m)
    return Check(
        claim=f"The layer '{m}' is a coarse graining like that of block spins.",
        paper="the two patterns are very similar; no number",
        ours=f"listens to {_cell(dataset, 'width', m)} sites, shift "
        f"{_cell(dataset, 'shift', m)}, slope {_cell(dataset, 'slope', m)}, "
        f"{_exponents(dataset, m)}",
        status=_status(list(found.values())),
        reason=_verdict(dataset, m)
        + f"; majority listens to {_cell(dataset, 'width', 'majority')} sites with a "
        f"slope of {_cell(dataset, 'slope', 'majority')}",
    )


def _exponents(dataset: xr.Dataset, m: str) -> str:
    """Over steps of its own where a map can be repeated, else of one step."""
    if math.isfinite(dataset["y_H_above"].sel(map=m).item()):
        names, where = ("y_T_above", "y_H_above"), "between majority blocks"
    else:
        names, where = ("y_T", "y_H"), "over its own steps"
    y_t, y_h = (_cell(dataset, name, m) for name in names)
    return f"y_T {y_t} and y_H {y_h} {where}"


def _status(found: Sequence[bool | None]) -> Status:
    if all(found):
        return Status.REPRODUCED
    if None in found and False not in found:
        return Status.OPEN
    return Status.PARTLY if True in found else Status.NOT


EXHIBIT = Exhibit(
    name="scorecards",
    title="Every layer on one scorecard",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
