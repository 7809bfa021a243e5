"""Every layer of the deep network on a scorecard, and block spins beside it.

A layer over the sites below all of them, units drawn, is read by the rows of
`kadanoff.probe` on chains that nothing was trained on; units are put on a grid by what
they respond to, on further chains. Three kinds of block spins are read on the same
configurations: majority of 2×2, 4×4 and 8×8 sites, Kadanoff's rule three times as a
network of the same shape, whose units have to be found and put in place too, and as a
map of known fault the untrained network.

A layer with blocks of b×b sites per unit is *like block spins* where, in the mean over
trainings and beyond three errors,

    local       its direct response is narrower than b sites,
    covariant   it commutes with shifts by one coarse site, C > 0.9,
    as hot      T by energy of its law is majority's within 10 %,
    field       d ln(G_coarse/G_fine)/d ln r is majority's within 0.05.

The first two hold for a block of the lattice and fail for noise; the last two ask of
the coarse law what a renormalized magnet has, which is hotter than the fine one in
this phase. Exponents are shown and not judged: away from K_c they are those of no
fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.coarse.block import Majority
from kadanoff.coarse.layer import layers_of
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014 import deep_network
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    CRITICAL,
    LAYERS,
    LOCAL,
    PAPER,
    UNTRAINED,
    arms,
    block_network,
    material,
    start,
    trained,
)
from kadanoff.experiments.mehta2014.receptive_fields import cell, points
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.products import one_thread
from kadanoff.protocols import CoarseGraining
from kadanoff.reports.figures import data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.scorecard.card import Scorecard, probe
from kadanoff.scorecard.rows import QUICK

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "aspects"]

MAJORITY = "majority"
READINGS = {
    "width": ("locality", "direct width (sites)"),
    "patches": ("locality", "direct patches"),
    "flip": ("covariance", "flip"),
    "shift": ("covariance", "shift"),
    "cost": ("coverage", "arranging cost (sites)"),
    "K": ("couplings", "K nn"),
    "T": ("temperature", "coarse T by energy"),
    "T_couplings": ("temperature", "coarse T by couplings"),
    "y_T": ("followed by majority", "y_T"),
    "y_H": ("followed by majority", "y_H"),
    "slope": ("scaling", "slope of the ratio"),
}
"""Variable → row and reading of the scorecard."""
COVARIANT, HEAT, SLOPE, SIGMAS = 0.9, 0.1, 0.05, 3.0


@dataclass(frozen=True)
class Settings:
    """What is read.

    Attributes:
        network: what is trained, on what.
        rows: of the scorecard.
    """

    network: deep_network.Settings
    rows: tuple[str, ...] = QUICK


# The arms and rows that are judged, but for temperatures, which take longest.
FAST = Settings(
    replace(deep_network.FAST, other_seeds=0), ("locality", "covariance", "scaling")
)
FULL = Settings(deep_network.FULL)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The readings of all layers, `(row, layer)`: means over seeds, with errors."""
    names = [a.name for a in arms(settings.network)] + [UNTRAINED, BLOCKS, MAJORITY]
    shape = (len(READINGS), len(names), len(LAYERS), settings.network.seeds)
    found = np.full(shape, np.nan)
    with one_thread():
        for name, seed, maps, fine in _maps(settings.network, work):
            for l, rules in enumerate(maps):
                card = _card(rules, fine, settings.rows, work.subseed("probe", seed))
                values = [_reading(card, *key) for key in READINGS.values()]
                found[:, names.index(name), l, seed] = values
            work.progress("scorecards of layers")(names.index(name) + 1, len(names))
    return _dataset(found, names, settings)


Maps = Sequence[Sequence[CoarseGraining]]


def _maps(
    settings: deep_network.Settings, work: Work
) -> Iterator[tuple[str, int, Maps, Ensemble]]:
    """For every network and seed the map to each of its layers."""
    for arm in arms(settings):
        for seed in range(arm.seeds):
            data, fine = material(arm, seed, settings, work)
            networks = {arm.name: trained(arm, seed, data, settings, work)}
            if arm.name == PAPER:
                networks[UNTRAINED] = start(settings, seed, work)
                networks[BLOCKS] = block_network(fine.grid.shape)
                yield MAJORITY, seed, [[Majority(b=2**l)] for l in LAYERS], fine
            for name, network in networks.items():
                rules = layers_of(network).rules
                yield name, seed, [rules[:l] for l in LAYERS], fine


def _card(
    rules: Sequence[CoarseGraining], fine: Ensemble, rows: Sequence[str], seed: int
) -> Scorecard:
    return probe(rules, fine, seed=seed, rows=rows, controls=())


def _reading(card: Scorecard, row: str, name: str) -> float:
    """Not a number where the map does not have it."""
    readings = next((r.readings for r in card.rows if r.name == row), {})
    value = readings.get(name, math.nan)
    return float(value.value if isinstance(value, Estimate) else value)


def _dataset(found: np.ndarray, names: Sequence[str], settings: Settings) -> xr.Dataset:
    data: dict[str, Any] = {}
    for name, values in zip(READINGS, found, strict=True):
        means = [[over_seeds(cell) for cell in row] for row in values]
        data[name] = (("row", "layer"), [[float(m.value) for m in r] for r in means])
        errors = [[float(m.error) for m in r] for r in means]
        data[f"{name}_error"] = (("row", "layer"), errors)
    few = [arm.seeds for arm in arms(settings.network)]
    return xr.Dataset(
        data,
        coords={
            "row": list(names),
            "layer": list(LAYERS),
            "seeds": ("row", few + [settings.network.seeds] * 3),
        },
        attrs=attributes_of(settings),
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """The rows of the scorecard against the layer."""
    return [
        Section(
            "Every layer on a scorecard",
            "Means over trainings; no error bar where there is one. The line is the "
            "limit of width and covariance, majority's value of the others. A missing "
            "point: the layer has no such reading on these configurations.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset, l) for l in LAYERS],
        )
    ]


PANELS = {
    "width": "direct width (sites)",
    "shift": "covariance under a shift",
    "T": "T by energy",
    "slope": "slope of G_coarse/G_fine",
}


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(14.5, 3.9, columns=len(PANELS))
    rows = [str(r) for r in dataset["row"].values]
    for ax, (name, label) in zip(fig.axes, PANELS.items(), strict=True):
        for k, row in enumerate(rows):
            points(ax, dataset.sel(row=row), name, row, k)
        # Noise has readings far off every scale.
        kept = dataset[name].where(dataset["row"] != UNTRAINED)
        low, high = float(kept.min()), float(kept.max())
        if low < high:
            ax.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        ax.set_ylabel(label, fontsize=9)
        ax.set_xlabel("layer", fontsize=9)
        ax.set_xticks(LAYERS)
    fig.axes[0].plot(LAYERS, [2**l for l in LAYERS], "k--", linewidth=1)
    fig.axes[1].axhline(COVARIANT, color="black", linestyle="--", linewidth=1)
    for at, name in ((2, "T"), (3, "slope")):
        fig.axes[at].plot(LAYERS, dataset[name].sel(row=MAJORITY), "k--", linewidth=1)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, fontsize=9, frameon=False, loc="outside right center")
    return fig


def _table(dataset: xr.Dataset, layer: int) -> Table:
    header = [f"layer {layer}", "seeds"]
    header += [f"{row}: {name}" for row, name in READINGS.values()]
    rows = []
    for row in map(str, dataset["row"].values):
        cells = [cell(dataset, name, row=row, layer=layer) for name in READINGS]
        verdict = _words(aspects(dataset, row, layer))
        rows.append([row, str(int(dataset["seeds"].sel(row=row))), *cells, verdict])
    return Table([*header, "like block spins"], rows)


def aspects(dataset: xr.Dataset, row: str, layer: int) -> dict[str, bool | None]:
    """Aspect → whether a layer has it; None where errors leave it open.

    One that block spins themselves do not show on these configurations is left out, and
    so are heat and field of the arm at K_c, whose block spins are not read.

    Args:
        dataset: as `compute` makes it.
        row: a network.
        layer: from 1.
    """
    found = _judged(dataset, row, layer)
    known = _judged(dataset, BLOCKS, layer)
    if row == CRITICAL:
        known |= {"as hot": None, "field": None}
    return {name: good for name, good in found.items() if known[name]}


def _judged(dataset: xr.Dataset, row: str, layer: int) -> dict[str, bool | None]:
    here = {"row": row, "layer": layer}
    there = {"row": MAJORITY, "layer": layer}
    width, shift, heat, slope = (_number(dataset, n, **here) for n in PANELS)
    hot, flat = (_number(dataset, n, **there) for n in ("T", "slope"))
    limit = HEAT * hot[0]
    return {
        "local": _below(width, 2**layer),
        "covariant": _below((-shift[0], shift[1]), -COVARIANT),
        "as hot": _below(_apart(heat, hot), limit),
        "field": _below(_apart(slope, flat), SLOPE),
    }


Number = tuple[float, float]


def _number(dataset: xr.Dataset, name: str, **where: Any) -> Number:
    value = dataset[name].sel(**where).item()
    return value, float(np.nan_to_num(dataset[f"{name}_error"].sel(**where).item()))


def _apart(one: Number, other: Number) -> Number:
    return abs(one[0] - other[0]), math.hypot(one[1], other[1])


def _below(value: Number, limit: float) -> bool | None:
    """False where there is no reading; None within three errors of the limit."""
    if not math.isfinite(value[0]):
        return False
    room = limit - value[0]
    return None if abs(room) <= SIGMAS * value[1] else room > 0


def _words(found: dict[str, bool | None]) -> str:
    no = [name for name, good in found.items() if good is False]
    unclear = [name for name, good in found.items() if good is None]
    if not found:
        return "cannot be told"
    if no:
        return f"not {', '.join(no)}"
    return f"undecided: {', '.join(unclear)}" if unclear else "yes"


def checks(dataset: xr.Dataset) -> list[Check]:
    """Block spins pass; then each layer of the two arms with several trainings."""
    return [
        _calibration(dataset),
        *(_layer(dataset, row, l) for row in (PAPER, LOCAL) for l in LAYERS),
    ]


def _calibration(dataset: xr.Dataset) -> Check:
    words = {l: _judged(dataset, BLOCKS, l) for l in LAYERS}
    told = [[n for n, good in words[l].items() if good] for l in LAYERS]
    noise = {l: _words(aspects(dataset, UNTRAINED, l)) for l in LAYERS}
    passes = {"local", "covariant"} <= set(told[0])
    fails = noise[1].startswith("not")
    return Check(
        claim="The rows by which layers are judged tell block spins from noise.",
        paper="not in the paper",
        ours="block spins as a network show "
        + "; ".join(
            f"in layer {l}: {', '.join(t) or 'nothing'}"
            for l, t in zip(LAYERS, told, strict=True)
        ),
        status=Status.REPRODUCED if passes and fails else Status.OPEN,
        reason="the untrained network: "
        + "; ".join(f"layer {l} {said}" for l, said in noise.items())
        + "; a layer is asked only for what block spins show there",
    )


def _layer(dataset: xr.Dataset, row: str, layer: int) -> Check:
    found = aspects(dataset, row, layer)
    at = {"row": row, "layer": layer}
    block = {"row": MAJORITY, "layer": layer}
    trainings = int(dataset["seeds"].sel(row=row))
    return Check(
        claim=f"Layer {layer}, {row}: it maps configurations as block spins do.",
        paper="the claim of the paper, by pictures of receptive fields"
        if row == PAPER
        else "not in the paper",
        ours=f"listens to {cell(dataset, 'width', **at)} sites, shift "
        f"{cell(dataset, 'shift', **at)}, T {cell(dataset, 'T', **at)}, slope "
        f"{cell(dataset, 'slope', **at)}",
        status=_status(found) if trainings > 1 else Status.OPEN,
        reason=f"{_words(found)}; majority of the same size {_of(dataset, block)}; "
        + ("one training, five decide" if trainings == 1 else f"{trainings} trainings"),
    )


def _of(dataset: xr.Dataset, at: dict[str, Any]) -> str:
    return (
        f"{cell(dataset, 'width', **at)} sites, T {cell(dataset, 'T', **at)}, slope "
        f"{cell(dataset, 'slope', **at)}"
    )


def _status(found: dict[str, bool | None]) -> Status:
    known = list(found.values())
    if not known:
        return Status.OPEN
    if all(known):
        return Status.REPRODUCED
    if False not in known:
        return Status.OPEN
    return Status.PARTLY if True in known else Status.NOT


EXHIBIT = Exhibit(
    name="layers",
    title="Every layer on a scorecard",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
