"""Every layer of the deep network on a scorecard, and block spins beside it.

A layer over the sites below all of them, units drawn, is read by the rows of
`kadanoff.probe` on chains that nothing was trained on; units are put on a grid by what
they respond to, on further chains. Three kinds of block spins are read on the same
configurations: majority of 2×2, 4×4 and 8×8 sites, Kadanoff's rule three times as a
network of the same shape, whose units have to be found and put in place too, and as a
map of known fault the untrained network.

A layer with blocks of b×b sites per unit is *like block spins* where, in the mean over
trainings and beyond three errors,

    width        its direct response, of the median unit, is narrower than b sites,
    shift        it commutes with shifts by one coarse site, C > 0.9,
    temperature  T by energy of its law is majority's within 10 %,
    slope        d ln(G_coarse/G_fine)/d ln r is majority's within 0.05.

The first two hold for a block of the lattice and fail for noise; the last two ask of
the coarse law what a renormalized magnet has, which is hotter than the fine one in
this phase. A layer is asked only for what block spins themselves show on these
configurations, and is judged only where the untrained network fails; where it has no
reading, it is on neither side. Exponents are shown and not judged: away from K_c they
are those of no fixed point.
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
from kadanoff.experiments.mehta2014.by_layer import (
    IN_PICTURES,
    MAJORITY,
    ONCE,
    above,
    below,
    cell,
    combined,
    is_apart,
    legend,
    number,
    points,
    trainings,
)
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
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.products import one_thread
from kadanoff.protocols import CoarseGraining
from kadanoff.reports.figures import data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.scorecard.card import Scorecard, probe
from kadanoff.scorecard.rows import QUICK

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "aspects"]

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
COVARIANT, HEAT, SLOPE = 0.9, 0.1, 0.05


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
            "Means over trainings; no error bar where there is one. What is asked of a "
            "layer: below the dotted line in width, above it under a shift, within the "
            "grey band around majority in temperature and slope. A missing point: the "
            "layer has no such reading on these configurations, or, of the untrained "
            "network, one far off the scale.",
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
    """Only readings that any layer has: fast settings take no temperatures."""
    panels = [name for name in PANELS if bool(np.isfinite(dataset[name]).any())]
    fig = figure(3.2 + 3.4 * len(panels), 4.2, columns=len(panels))
    for ax, name in zip(fig.axes, panels, strict=True):
        points(ax, dataset, name)
        low, high = _asked(dataset, name)
        ax.fill_between(LAYERS, low, high, color="0.9", zorder=0)
        edges = [edge for edge in (low, high) if np.isfinite(edge).all()]
        for edge in edges:
            ax.plot(LAYERS, edge, "k:", linewidth=1.2)
        # Noise has readings far off every scale.
        kept = dataset.where(dataset["row"] != UNTRAINED)
        bars = (
            np.array([[-1.0], [1.0]]) * kept[f"{name}_error"].fillna(0).values.ravel()
        )
        whole = np.concatenate([(kept[name].values.ravel() + bars).ravel(), *edges])
        least, most = np.nanmin(whole), np.nanmax(whole)
        room = 0.08 * (most - least)
        ax.set_ylim(least - room, most + room)
        ax.set_ylabel(PANELS[name], fontsize=9)
    legend(fig)
    return fig


def _asked(dataset: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest reading of each layer that is like block spins."""
    if name == "width":
        return np.full(len(LAYERS), 0.0), 2.0 ** np.array(LAYERS)
    if name == "shift":
        return np.full(len(LAYERS), COVARIANT), np.full(len(LAYERS), np.inf)
    votes = dataset[name].sel(row=MAJORITY).values
    room = HEAT * votes if name == "T" else np.full(len(LAYERS), SLOPE)
    return votes - room, votes + room


def _table(dataset: xr.Dataset, layer: int) -> Table:
    header = [f"layer {layer}", "trainings"]
    header += [f"{row}: {name}" for row, name in READINGS.values()]
    rows = []
    for row in map(str, dataset["row"].values):
        cells = [cell(dataset, name, row=row, layer=layer) for name in READINGS]
        several = trainings(dataset, row) > 1
        verdict = _words(aspects(dataset, row, layer)) if several else "one training"
        rows.append([row, str(trainings(dataset, row)), *cells, verdict])
    return Table([*header, "like block spins"], rows)


def aspects(dataset: xr.Dataset, row: str, layer: int) -> dict[str, bool | None]:
    """Aspect → whether a layer has it; None where its reading leaves it open.

    One that block spins themselves do not show on these configurations is left out, and
    so are temperature and slope at K_c, where block spins are not read.

    Args:
        dataset: as `compute` makes it.
        row: a network.
        layer: from 1.
    """
    found = _judged(dataset, row, layer)
    known = _judged(dataset, BLOCKS, layer)
    if row == CRITICAL:
        known |= {"temperature": None, "slope": None}
    return {name: good for name, good in found.items() if known[name]}


def _judged(dataset: xr.Dataset, row: str, layer: int) -> dict[str, bool | None]:
    width, shift, heat, slope = (
        number(dataset, n, row=row, layer=layer) for n in PANELS
    )
    hot, flat = (number(dataset, n, row=MAJORITY, layer=layer) for n in ("T", "slope"))
    return {
        "width": below(width, 2**layer),
        "shift": above(shift, (COVARIANT, 0.0)),
        "temperature": below(is_apart(heat, hot), HEAT * hot[0]),
        "slope": below(is_apart(slope, flat), SLOPE),
    }


def _words(found: dict[str, bool | None]) -> str:
    """What a layer shares with block spins, what not, and what cannot be told."""
    parts = [
        f"{word} {', '.join(names)}"
        for word, answer in (("as in", True), ("unlike in", False), ("open in", None))
        if (names := [name for name, good in found.items() if good is answer])
    ]
    return "; ".join(parts) or "nothing to ask for"


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether each layer can be judged; then those with several trainings."""
    return [
        *(_calibration(dataset, l) for l in LAYERS),
        *(_layer(dataset, row, l) for row in (PAPER, LOCAL) for l in LAYERS),
    ]


def _calibrated(dataset: xr.Dataset, layer: int) -> Status:
    """Whether noise fails in anything that block spins show."""
    noise = list(aspects(dataset, UNTRAINED, layer).values())
    if noise and all(noise):
        return Status.NOT
    return Status.REPRODUCED if False in noise else Status.OPEN


def _calibration(dataset: xr.Dataset, layer: int) -> Check:
    asked = aspects(dataset, BLOCKS, layer)
    noise = aspects(dataset, UNTRAINED, layer)
    return Check(
        claim=f"Layer {layer}: the rows of the scorecard tell block spins from noise.",
        paper="not in the paper",
        ours=f"block spins as a network show {', '.join(asked) or 'nothing'}; the "
        f"untrained network: {_words(noise)}",
        status=_calibrated(dataset, layer),
        reason="a layer is asked for what block spins show, and judged where noise "
        f"fails in some of it: here shift {_both(dataset, 'shift', layer)}, slope "
        f"{_both(dataset, 'slope', layer)} for block spins and for noise",
    )


def _both(dataset: xr.Dataset, name: str, layer: int) -> str:
    rows = (BLOCKS, UNTRAINED)
    return " and ".join(cell(dataset, name, row=r, layer=layer) for r in rows)


def _layer(dataset: xr.Dataset, row: str, layer: int) -> Check:
    """Unlike block spins needs no noise; like them says little unless noise fails."""
    found = aspects(dataset, row, layer)
    status = combined(list(found.values()))
    told = _calibrated(dataset, layer) is Status.REPRODUCED
    several = trainings(dataset, row) > 1
    return Check(
        claim=f"Layer {layer}, {row}: it maps configurations as block spins do.",
        paper=IN_PICTURES if row == PAPER else "not in the paper",
        ours=_of(dataset, row, layer),
        status=status if told or status is Status.NOT else Status.OPEN,
        reason="; ".join(
            [
                _words(found),
                f"majority of the same size: {_of(dataset, MAJORITY, layer)}",
                f"control without training: {_of(dataset, UNTRAINED, layer)}",
                *([] if told else ["noise is not told from block spins here"]),
                f"{trainings(dataset, row)} trainings" if several else ONCE,
            ]
        ),
    )


def _of(dataset: xr.Dataset, row: str, layer: int) -> str:
    at = {"row": row, "layer": layer}
    width = cell(dataset, "width", **at)
    said = ["no direct width" if width == "–" else f"direct width {width} sites"]
    words = {"shift": "shift", "T": "T", "slope": "slope"}
    said += [
        f"{word} {text}"
        for name, word in words.items()
        if (text := cell(dataset, name, **at)) != "–"
    ]
    return ", ".join(said)


EXHIBIT = Exhibit(
    name="layers",
    title="Every layer on a scorecard",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
