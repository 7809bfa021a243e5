"""Beyond the paper: average pooling of a convolutional network as block averaging.

Average pooling over 2×2 is the block average, number for number. What else a pooling
layer shares with a block-spin step is whether it commutes with the symmetries of the
lattice (the covariance row of the scorecard): C = 1 where a shift by one coarse site,
or the flip of all spins, of the input is that of the output.

Robustness to shifts that are no whole blocks is read off a classifier of Ising
temperatures that pools twice. Its *accuracy* under shifts is no reading of it: the law
of the configurations is the same after a shift, so that every network keeps its
accuracy. What is read is how often the answer to one and the same configuration
changes, beside a dense network, which knows nothing of shifts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from torch import nn

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.handed_over import ModuleRule
from kadanoff.coarse.pooling import AveragePool, MaxPool
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, swept
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.classifier import Classifier, Practice, train_classifier
from kadanoff.networks.products import one_thread
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator
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
    "pooled classifier",
)
NETWORKS = ("convolution and pooling", "dense")
SHIFTS = (0, 1, 2, 3, 4)
"""Sites; the classifier pools 2×2 twice, so that 4 are a whole block. Its second
pooling is followed by the mean over all places, so that odd shifts alone can tell."""
CLASSES = (0.8, 0.9, 1.0, 1.1, 1.2)
"""T/T_c that the networks tell apart."""
HIDDEN = 64
SIGMAS = 3.0


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


FAST = Settings(side=16, draws=1024, lessons=512, asked=256, epochs=3, seeds=2)
FULL = Settings(side=32, draws=4096, lessons=4096, asked=2048, epochs=4, seeds=5)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Covariance of all maps, and how answers change under shifts."""
    shape = (settings.side,) * 2
    temperatures = [t * T_C for t in CLASSES]
    lessons = swept(work, shape, temperatures, settings.lessons, purpose="lessons")
    asked = swept(work, shape, temperatures, settings.asked, purpose="asked")
    fine = drawn(work, shape, T_C, settings.draws, purpose="pooling")
    with one_thread():
        answers, pooled = [], []
        for s in range(settings.seeds):
            networks = _networks(s, lessons, settings, work)
            answers.append([_answers(n, asked) for n in networks.values()])
            pooled.append(_pooled(s, networks[NETWORKS[0]].network, fine, work))
            work.progress("asking networks")(s + 1, settings.seeds)
        found = _of_rules(fine, work)
    flip, shift = (over_seeds([pair[k] for pair in pooled]) for k in (0, 1))
    found["pooled classifier"] = (flip, shift)
    return _dataset(found, np.array(answers), _apart(fine), settings)


@dataclass(frozen=True)
class _Asked:
    """A network, and p of every class of `(n, rows, columns)` spins."""

    network: nn.Module
    probabilities: Callable[[np.ndarray], np.ndarray]


def _networks(
    s: int, lessons: Sweep, settings: Settings, work: Work
) -> dict[str, _Asked]:
    practice = replace(Practice(), epochs=settings.epochs)
    pooling = train_classifier(
        lessons, settings=practice, seed=work.subseed("classifier", s)
    )
    dense = _dense(lessons, settings, work.subseed("dense", s))
    return {
        NETWORKS[0]: _Asked(pooling, pooling.probabilities),
        NETWORKS[1]: _Asked(dense, lambda v: _probabilities(dense, v)),
    }


def _dense(lessons: Sweep, settings: Settings, seed: int) -> nn.Module:
    """Two layers of tanh units, by Adam with a little decay of the weights."""
    sites = lessons[0].grid.size
    v = np.concatenate([e.values.reshape(-1, sites) for e in lessons])
    labels = np.repeat(np.arange(len(lessons)), lessons[0].size)
    network = nn.Sequential(
        nn.utils.skip_init(nn.Linear, sites, HIDDEN),
        nn.Tanh(),
        nn.utils.skip_init(nn.Linear, HIDDEN, len(lessons)),
    )
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 1 / math.sqrt(parameter.shape[-1]), generator=noise)
    adam = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    for epoch in range(5 * settings.epochs):
        order = generator(seed, "epoch", epoch).permutation(len(v))
        for start in range(0, len(v), 256):
            chosen = order[start : start + 256]
            scores = network(torch.tensor(v[chosen]).float())
            loss = nn.functional.cross_entropy(scores, torch.tensor(labels[chosen]))
            adam.zero_grad()
            loss.backward()
            adam.step()
    return network.eval()


@torch.no_grad()
def _probabilities(network: nn.Module, values: np.ndarray) -> np.ndarray:
    scores = network(torch.tensor(values.reshape(len(values), -1)).float())
    return torch.softmax(scores.double(), 1).numpy()


def _answers(asked: _Asked, sweep: Sweep) -> np.ndarray:
    """Accuracy and share of changed answers of every shift, `(2, shifts)`."""
    v = np.concatenate([e.values.reshape(-1, *e.shape) for e in sweep])
    labels = np.repeat(np.arange(len(sweep)), sweep[0].size)
    answers = [
        asked.probabilities(np.roll(v, d, axis=1)).argmax(axis=1) for d in SHIFTS
    ]
    right = [(a == labels).mean() for a in answers]
    changed = [(a != answers[0]).mean() for a in answers]
    return np.array([right, changed])


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


def _pooled(
    s: int, network: nn.Module, fine: Ensemble, work: Work
) -> tuple[float, float]:
    """The same of all feature maps of the first pooling of a classifier."""
    assert isinstance(network, Classifier)
    rule = ModuleRule(network, layer="pool1", output="mean", name="classifier")
    # A user's network is run once here: it tells the rule how many maps it has.
    block = next(iter(fine.chunks()))
    rule(fine.read(block)[:8], fine.geometry, rng=np.random.default_rng(0))
    seed = work.subseed("covariance", s)
    both = (f(rule, fine, seed=seed) for f in (flip_covariance, shift_covariance))
    flip, shift = (float(found.value) for found in both)
    return flip, shift


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
    answers: np.ndarray,
    apart: float,
    settings: Settings,
) -> xr.Dataset:
    variables = {}
    for k, name in enumerate(("flip", "shift")):
        pairs = [found[m][k] for m in MAPS]
        variables[name] = ("map", [float(e.value) for e in pairs])
        variables[f"{name}_error"] = ("map", [float(e.error) for e in pairs])
    for k, name in enumerate(("accuracy", "changed")):
        means = [
            [over_seeds(answers[:, n, k, d]) for d in range(len(SHIFTS))]
            for n in range(len(NETWORKS))
        ]
        axes = ("network", "sites")
        variables[name] = (axes, [[float(m.value) for m in row] for row in means])
        variables[f"{name}_error"] = (
            axes,
            [[float(m.error) for m in row] for row in means],
        )
    return xr.Dataset(
        variables,
        coords={"map": list(MAPS), "network": list(NETWORKS), "sites": list(SHIFTS)},
        attrs=attributes_of(settings) | {"apart": apart},
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """Covariances, accuracy and changed answers."""
    return [
        Section(
            "Pooling and block spins",
            "Left, C of the flip (filled) and of the shift by one coarse site (open): "
            "1 where the map commutes with it. Middle, the accuracy of two networks "
            "under shifts, which none can lose on configurations whose law is the same "
            "everywhere; right, the share of configurations whose answer changes. "
            "Means and errors over trainings.",
            data_uri(_draw(dataset)),
            tables=[_map_table(dataset), _network_table(dataset)],
        )
    ]


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(13, 3.2, columns=3)
    covariance, *others = fig.axes
    y = np.arange(len(MAPS))
    for name, fill in (("flip", PALETTE[0]), ("shift", "white")):
        covariance.errorbar(
            dataset[name].values,
            y,
            xerr=np.nan_to_num(dataset[f"{name}_error"].values),
            fmt="o",
            color=PALETTE[0],
            markerfacecolor=fill,
            capsize=2,
            label=name,
        )
    covariance.set_yticks(y, MAPS)
    covariance.invert_yaxis()
    covariance.set_xlabel("C", fontsize=9)
    covariance.legend(fontsize=8, frameon=False)
    labels = {"accuracy": "accuracy", "changed": "share of changed answers"}
    for ax, (name, label) in zip(others, labels.items(), strict=True):
        for network, colour in zip(NETWORKS, PALETTE, strict=False):
            here = dataset.sel(network=network)
            ax.errorbar(
                here["sites"].values,
                here[name].values,
                np.nan_to_num(here[f"{name}_error"].values),
                color=colour,
                marker="o",
                capsize=2,
                label=network,
            )
        ax.set_xticks(SHIFTS)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("shift (sites)", fontsize=9)
        ax.set_ylabel(label, fontsize=9)
    others[0].legend(fontsize=8, frameon=False)
    return fig


def _map_table(dataset: xr.Dataset) -> Table:
    rows = [[m, *(shown(dataset, n, map=m) for n in ("flip", "shift"))] for m in MAPS]
    return Table(["map", "C of the flip", "C of a shift by one coarse site"], rows)


def _network_table(dataset: xr.Dataset) -> Table:
    rows = [
        [n, name, *(shown(dataset, name, network=n, sites=d) for d in SHIFTS)]
        for n in NETWORKS
        for name in ("accuracy", "changed")
    ]
    return Table(["network", "", *(f"shift {d}" for d in SHIFTS)], rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """Pooling as a block-spin step, and what it does to shifts."""
    return [_same(dataset), _covariant(dataset), _flips(dataset), _robust(dataset)]


def _same(dataset: xr.Dataset) -> Check:
    apart = float(dataset.attrs["apart"])
    return Check(
        claim="Average pooling of a convolutional network is block averaging.",
        paper="not in the paper; the obvious candidate for its question",
        ours=f"largest difference {apart:.1e}",
        status=Status.REPRODUCED if apart == 0 else Status.NOT,
        reason="the same configurations through both, number for number",
    )


def _covariant(dataset: xr.Dataset) -> Check:
    here = dataset.sel(map="pooled classifier")
    near = abs(here["shift"].item() - 1) < max(
        SIGMAS * here["shift_error"].item(), 1e-6
    )
    return Check(
        claim="A trained pooling layer commutes with shifts by one coarse site, as "
        "block spins do.",
        paper="not in the paper",
        ours=f"C = {shown(dataset, 'shift', map='pooled classifier')}; majority "
        f"{shown(dataset, 'shift', map='majority')}",
        status=Status.REPRODUCED if near else Status.NOT,
        reason="convolution with periodic padding and pooling commute with whole "
        "blocks by construction, whatever was learned",
    )


def _flips(dataset: xr.Dataset) -> Check:
    names = ("max pooling", "pooled classifier")
    values = [dataset["flip"].sel(map=m).item() for m in names]
    errors = [dataset["flip_error"].sel(map=m).item() for m in names]
    keeps = [
        abs(v - 1) < max(SIGMAS * e, 0.01) for v, e in zip(values, errors, strict=True)
    ]
    return Check(
        claim="It commutes with the flip of all spins, as block spins do.",
        paper="not in the paper",
        ours=", ".join(f"{m} {shown(dataset, 'flip', map=m)}" for m in names)
        + f"; average pooling {shown(dataset, 'flip', map='average pooling')}",
        status=Status.REPRODUCED
        if all(keeps)
        else (Status.PARTLY if any(keeps) else Status.NOT),
        reason="max(0, ·) and the maximum of a window prefer one sign; C = 1 would "
        "commute, -1 be even in the spins",
    )


def _robust(dataset: xr.Dataset) -> Check:
    here = dataset.sel(sites=[d for d in SHIFTS if d % 4])
    pooled, dense = (here.sel(network=n) for n in NETWORKS)
    errors = np.hypot(*(n["changed_error"].values for n in (pooled, dense)))
    fewer = (dense["changed"] - pooled["changed"]).values > SIGMAS * errors
    whole = dataset["changed"].sel(network=NETWORKS[0], sites=4).item()
    lost = [
        dataset["accuracy"].sel(network=n, sites=0).item()
        - dataset["accuracy"].sel(network=n, sites=2).item()
        for n in NETWORKS
    ]
    return Check(
        claim="Pooling makes a classifier robust to shifts.",
        paper="not in the paper",
        ours=f"answers that change under shifts by 1, 2 and 3: {_listed(dataset, 0)}; "
        f"dense {_listed(dataset, 1)}; by a whole block of 4: {whole:.3f}",
        status=Status.REPRODUCED
        if fewer.all() and whole < 1e-3
        else (Status.PARTLY if fewer.any() else Status.NOT),
        reason="accuracies move by "
        + " and ".join(f"{-x:+.3f}" for x in lost)
        + " under a shift by 2: on a law without a preferred place they cannot tell",
    )


def _listed(dataset: xr.Dataset, network: int) -> str:
    name = NETWORKS[network]
    cells: Sequence[str] = [
        shown(dataset, "changed", network=name, sites=d) for d in SHIFTS if d % 4
    ]
    return ", ".join(cells)


EXHIBIT = Exhibit(
    name="pooling",
    title="Average pooling as block averaging",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
