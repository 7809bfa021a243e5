"""Average pooling of a convolutional network as block averaging.

The conclusions of the paper compare the two, and say of pooling that it makes data more
robust to changes in the position of features and gives a network local translation
invariance. No number is given; what is computed here is our own.

Average pooling over 2×2 is the block average, number for number. What else a pooling
layer shares with a block-spin step is whether it commutes with the symmetries of the
lattice (the covariance row of the scorecard): C = 1 where a shift by one coarse site,
or the flip of all spins, of the input is that of the output.

Robustness is read off classifiers of Ising temperatures that differ in pooling alone
(`networks`). Their *accuracy* under shifts is no reading of it: the law of the
configurations is the same after a shift, so that every network keeps its accuracy. What
is read is how often the answer to one and the same configuration changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.handed_over import ModuleRule
from kadanoff.coarse.pooling import AveragePool, MaxPool
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, swept
from kadanoff.experiments.demellokoch2020.pooling.networks import (
    DENSE,
    ENDINGS,
    FORMS,
    answers,
    network_of,
    stacked,
    train,
)
from kadanoff.experiments.demellokoch2020.pooling.verdicts import (
    LEARNED,
    checks,
    shown_plainly,
)
from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.experiments.exhibit import stacked as in_a_row
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.products import one_thread
from kadanoff.protocols import CoarseGraining
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.scorecard.response import flip_covariance, shift_covariance
from kadanoff.sweep import Sweep

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

MAPS = (
    "average pooling",
    "block average",
    "majority",
    "decimation",
    "max pooling",
    LEARNED,
)
NETWORKS = (*FORMS, DENSE)
SHIFTS = (0, 1, 2, 3, 4)
"""Sites; two poolings of 2×2 make a whole block of 4."""
CLASSES = (0.8, 0.9, 1.0, 1.1, 1.2)
"""T/T_c that the networks tell apart."""


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the lattice.
        draws: configurations that maps are read on.
        lessons: configurations at each temperature that networks learn from.
        asked: configurations at each temperature whose answers are compared.
        epochs: of a training.
        seeds: of every training.
    """

    side: int
    draws: int
    lessons: int
    asked: int
    epochs: int
    seeds: int


FAST = Settings(side=16, draws=1024, lessons=512, asked=256, epochs=5, seeds=2)
FULL = Settings(
    side=32,
    draws=4096,
    lessons=2048,  # 0.88 right with the mean, with pooling and without
    asked=1024,
    epochs=4,
    seeds=5,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Covariance of all maps, and how answers change under shifts."""
    shape = (settings.side,) * 2
    temperatures = [t * T_C for t in CLASSES]
    lessons = swept(work, shape, temperatures, settings.lessons, purpose="lessons")
    asked = swept(work, shape, temperatures, settings.asked, purpose="asked")
    fine = drawn(work, shape, T_C, settings.draws, purpose="pooling")
    pieces = [
        _piece(name, s, lessons, asked, fine, settings, work)
        for name in NETWORKS
        for s in range(settings.seeds)
    ]
    with one_thread():
        found = readings(pieces, work, "training and asking networks")
        rules = _of_rules(fine, work)
    by_network = np.array(found).reshape(len(NETWORKS), settings.seeds)
    learned = by_network[NETWORKS.index(ENDINGS["mean"][0])]
    flip, shift = (over_seeds([r[k] for r in learned]) for k in ("flip", "shift"))
    return _dataset(
        rules | {LEARNED: (flip, shift)}, by_network, _apart(fine), settings
    )


def _piece(
    name: str,
    s: int,
    lessons: Sweep,
    asked: Sweep,
    fine: Ensemble,
    settings: Settings,
    work: Work,
) -> Piece:
    """One network of one seed, trained, and what it answers."""

    def find() -> dict[str, Any]:
        seed = work.subseed(name, s)
        network = network_of(name, settings.side, len(CLASSES), seed)
        train(network, lessons, epochs=settings.epochs, seed=seed)
        found = _asked(network, asked)
        if name == ENDINGS["mean"][0]:
            found |= _first_pooling(s, network, fine, work)
        return found

    return Piece(
        step="demellokoch2020-pooling",
        settings=asdict(settings) | {"network": name, "number": s, "seed": work.seed},
        find=find,
    )


def _asked(network: nn.Module, sweep: Sweep) -> dict[str, Any]:
    """Accuracy and share of changed answers, for every shift.

    `moved` is the mean share over shifts that are no whole block.
    """
    spins, labels = stacked(sweep)
    found = [answers(network, np.roll(spins, d, axis=1)) for d in SHIFTS]
    changed = [float((a != found[0]).mean()) for a in found]
    return {
        "accuracy": [float((a == labels).mean()) for a in found],
        "changed": changed,
        "moved": float(np.mean([changed[d] for d in SHIFTS if d % 4])),
    }


def _first_pooling(
    s: int, network: nn.Module, fine: Ensemble, work: Work
) -> dict[str, float]:
    """C of all feature maps of the first pooling of a trained network."""
    rule = ModuleRule(network, layer="pool1", output="mean", name="classifier")
    # A user's network is run once here: it tells the rule how many maps it has.
    block = next(iter(fine.chunks()))
    rule(fine.read(block)[:8], fine.geometry, rng=np.random.default_rng(0))
    seed = work.subseed("covariance", s)
    return {
        "flip": float(flip_covariance(rule, fine, seed=seed).value),
        "shift": float(shift_covariance(rule, fine, seed=seed).value),
    }


def _of_rules(fine: Ensemble, work: Work) -> dict[str, tuple[Estimate, Estimate]]:
    """C of the flip and of the shift by one coarse site."""
    rules: Mapping[str, CoarseGraining] = {
        "average pooling": AveragePool(b=2),
        "block average": Average(b=2),
        "majority": Majority(b=2),
        "decimation": Decimation(b=2),
        "max pooling": MaxPool(b=2),
    }
    seed = work.subseed("covariance")
    return {
        name: (
            flip_covariance(rule, fine, seed=seed),
            shift_covariance(rule, fine, seed=seed),
        )
        for name, rule in rules.items()
    }


def _apart(fine: Ensemble) -> float:
    """Largest difference between average pooling and block averaging."""
    values = fine.read(next(iter(fine.chunks())))
    rng = np.random.default_rng(0)
    one, other = (
        r(values, fine.geometry, rng=rng) for r in (AveragePool(2), Average(2))
    )
    return float(np.abs(one - other).max())


def _dataset(
    found: Mapping[str, tuple[Estimate, ...]],
    networks: np.ndarray,
    apart: float,
    settings: Settings,
) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for k, name in enumerate(("flip", "shift")):
        pairs = [found[m][k] for m in MAPS]
        variables[name] = ("map", [float(e.value) for e in pairs])
        variables[f"{name}_error"] = ("map", [float(e.error) for e in pairs])
    for name in ("accuracy", "changed"):
        each = np.array([[r[name] for r in seeds] for seeds in networks])
        means = [[over_seeds(x) for x in of_one.T] for of_one in each]
        axes = ("network", "sites")
        variables[name] = (axes, _each(means, "value"))
        variables[f"{name}_error"] = (axes, _each(means, "error"))
    moved = [over_seeds([r["moved"] for r in seeds]) for seeds in networks]
    variables |= in_a_row(moved, "moved", "network")
    return xr.Dataset(
        variables,
        coords={"map": list(MAPS), "network": list(NETWORKS), "sites": list(SHIFTS)},
        attrs=attributes_of(settings) | {"apart": apart},
    )


def _each(nested: Sequence[Sequence[Estimate]], what: str) -> np.ndarray:
    return np.array([[float(getattr(e, what)) for e in row] for row in nested])


def draw(dataset: xr.Dataset) -> list[Section]:
    """Covariances, accuracy and changed answers."""
    return [
        Section(
            "Pooling and block spins",
            "Left, C of the flip (filled) and of the shift by one coarse site (open): "
            "1 where the map commutes with it. Middle, the accuracy of classifiers of "
            "Ising temperatures under shifts, which none can lose on configurations "
            "whose law is the same everywhere; right, the share of configurations "
            "whose answer changes. Networks with pooling have filled points, those "
            "without open ones, those with a stride in its place open squares; after "
            "the convolutions the linear layer sees the mean over all places, or every "
            "place. Means and errors over trainings, all on the same configurations. "
            "Sizes and recipes are ours: the paper gives none.",
            data_uri(_draw(dataset)),
            tables=[_map_table(dataset), _network_table(dataset)],
        )
    ]


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(13, 3.6, columns=3)
    covariance, *others = fig.axes
    _draw_covariance(covariance, dataset)
    labels = {"accuracy": "accuracy", "changed": "share of changed answers"}
    for ax, (name, label) in zip(others, labels.items(), strict=True):
        for k, network in enumerate(NETWORKS):
            _draw_network(ax, dataset.sel(network=network), name, k)
        ax.set_xticks(SHIFTS)
        ax.set_ylim(bottom=-0.01)
        ax.set_xlabel("shift (sites)", fontsize=9)
        ax.set_ylabel(label, fontsize=9)
    others[1].legend(fontsize=7.5, frameon=False, bbox_to_anchor=(1, 1))
    return fig


def _draw_covariance(ax: Axes, dataset: xr.Dataset) -> None:
    y = np.arange(len(MAPS))
    for name, fill, up in (("flip", PALETTE[0], 0.15), ("shift", "white", -0.15)):
        ax.errorbar(
            dataset[name].values,
            y - up,
            xerr=np.nan_to_num(dataset[f"{name}_error"].values),
            fmt="o",
            color=PALETTE[0],
            markerfacecolor=fill,
            capsize=2,
            label=name,
        )
    ax.set_yticks(y, MAPS)
    ax.invert_yaxis()
    ax.set_xlabel("C", fontsize=9)
    ax.legend(fontsize=8, frameon=False)


def _draw_network(ax: Axes, here: xr.Dataset, name: str, k: int) -> None:
    """One colour for each ending, filled with pooling, square with a stride."""
    endings = [*ENDINGS, DENSE]
    colour = PALETTE[endings.index(NETWORKS[k].rpartition(", ")[2])]
    ax.errorbar(
        here["sites"].values + 0.05 * (k - 3),
        here[name].values,
        np.nan_to_num(here[f"{name}_error"].values),
        color=colour,
        marker="s" if NETWORKS[k].startswith("stride") else "o",
        markerfacecolor=colour if NETWORKS[k].startswith("pooling") else "white",
        capsize=2,
        label=NETWORKS[k],
    )


def _map_table(dataset: xr.Dataset) -> Table:
    rows = [
        [m, *(shown_plainly(dataset, n, map=m) for n in ("flip", "shift"))]
        for m in MAPS
    ]
    return Table(["map", "C of the flip", "C of a shift by one coarse site"], rows)


def _network_table(dataset: xr.Dataset) -> Table:
    rows = [
        [n, label, *(shown_plainly(dataset, name, network=n, sites=d) for d in SHIFTS)]
        for n in NETWORKS
        for name, label in (("accuracy", "accuracy"), ("changed", "answers changed"))
    ]
    return Table(["network", "", *(f"shift {d}" for d in SHIFTS)], rows)


EXHIBIT = Exhibit(
    name="pooling",
    title="Average pooling as block averaging",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=3,
)
