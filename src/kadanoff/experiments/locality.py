"""When does a dense RBM become local? One setting of the training varied at a time.

A dense machine does not know the lattice. Whether its units end on patches of it is a
matter of the training: learning rate, L1 penalty, number of samples, Gibbs steps. Every
recipe is trained from `Settings.seeds` starting points, each on chains of its own, and
read on chains that it was not trained on, at the epochs 0, 1, 2, 4, … and at the end.

The width of a unit is that of its weights over *all* sites,

    w_a² = Σ_i W_ia² d²(i, c_a) / Σ_i W_ia²,

d the periodic distance, c_a the centre of the core (the sites above half the maximum
of |W_ia|). Weights carry no sampling noise, so that nothing has to be cut off, and a
unit with one high peak and small weights everywhere is not called narrow. Random
weights have w ≈ L/√6: what the untrained machine reads. A unit is *local* when it is
not dead, its core is one patch, and w_a < 2 sites.

The same is read from what the unit does on other chains: the core of its direct
response (`kadanoff.instruments.receptive`), and the width of its connected response
⟨v h⟩ - ⟨v⟩⟨h⟩, which near the critical point tells no units apart. Two readings say
what locality costs and what overfitting there is:

    loss = (1/N) Σ_i ⟨ln p(v_i | v_rest) - ln p_RBM(v_i | v_rest)⟩   (nats per site),
    gap  = ⟨F - K E⟩_held-out - ⟨F - K E⟩_training                  (nats),

both 0 for a machine that has learned the law, and the loss positive for every other.
K E is the free energy of the true law: taken off F, the gap is free of how the two
samples happen to differ in energy.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import logsigmoid

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.experiments.studies import complete, markdown, over_seeds
from kadanoff.geometry import Grid
from kadanoff.instruments.fields import core_of, count_patches, from_centre
from kadanoff.instruments.receptive import direct_response, locality
from kadanoff.models.ising import Ising
from kadanoff.networks.checkpoint import checkpoints
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.resumable import train_in_run
from kadanoff.networks.settings import Training
from kadanoff.networks.weights import load_state
from kadanoff.provenance import plain, software
from kadanoff.randomness import generator, subseed
from kadanoff.reports.figures import PALETTE, figure
from kadanoff.runs import Run
from kadanoff.samplers.run import sample

__all__ = [
    "FAST",
    "FULL",
    "LARGE",
    "READINGS",
    "RECIPE",
    "Recipe",
    "Settings",
    "collect",
    "compute",
    "draw",
    "read",
    "recipes",
    "table",
]

VERSION = 1  # part of a run's name: raise it when readings change
NARROW = 2.0  # sites: a 3×3 patch of equal weights has 1.15, a 5×5 patch 2
SILENT = 0.01  # r.m.s. of ⟨h|v⟩ below which a unit is dead
SCORED = 1 << 15  # sites, of all configurations together, that the loss rests on
FREE = 4_000  # configurations of either kind that the gap rests on
MOSTLY, HARDLY = 0.9, 0.1  # shares of local units of a recipe called local, or not
DEFAULT = "default"
Chains = Literal["data", "persistent"]
METHODS = {"data": "CD", "persistent": "PCD"}

RECIPE = Training(epochs=60, batch=256, learning_rate=0.03, momentum=0.5, l1=0.0125)
"""The recipe around which all others lie; a test compares it with `Training()`."""

READINGS = {
    "weight_width": "width",
    "weight_patches": "patches",
    "local": "local",
    "direct_width": "direct width",
    "direct_patches": "direct patches",
    "direct_local": "direct local",
    "response_width": "response width",
    "sharing": "on a shared site",
    "dead": "dead",
    "gap": "gap",
    "loss": "loss × 10³",
}
"""Reading → heading of its column: widths in sites (median of units), numbers of
patches (mean of units), shares of units, gap in nats, loss in nats per site."""


@dataclass(frozen=True)
class Settings:
    """What is trained, on what, and how often.

    Args:
        side: L of the L×L lattice; the machine has a quarter as many hidden units.
        couplings: K of the training data.
        seeds: starting points of every recipe, each with its own chains.
        samples: configurations that the default recipe trains on.
        read: configurations of other chains that are read.
        draws: per chain; chains are independent.
        recipe: the default recipe.
        learning_rates, l1s, sample_numbers, gibbs: what is put in its place, one at a
            time; `gibbs` are pairs of k and where the chains start. Recipes with
            other numbers of samples make as many updates.
    """

    side: int
    couplings: tuple[float, ...] = (K_C, 0.408)
    seeds: int = 5
    samples: int = 10_000
    read: int = 10_000
    draws: int = 100
    recipe: Training = field(default_factory=lambda: RECIPE)
    learning_rates: tuple[float, ...] = ()
    l1s: tuple[float, ...] = ()
    sample_numbers: tuple[int, ...] = ()
    gibbs: tuple[tuple[int, Chains], ...] = ()


FULL = Settings(
    side=16,  # a training takes seconds there, so that five seeds of all fit in an hour
    learning_rates=(0.01, 0.03, 0.1, 0.3),
    l1s=(0.0, 0.005, 0.01, 0.0125, 0.015, 0.02),
    sample_numbers=(1_000, 5_000, 10_000, 20_000),
    gibbs=((1, "data"), (5, "data"), (1, "persistent")),
)

# The lattice of the demo: whether the penalty that decides there is the same.
LARGE = replace(
    FULL,
    side=32,
    learning_rates=(0.1, 0.3),
    sample_numbers=(),
    gibbs=(),
)

# Seconds, for the tests: with the penalty against without. Small batches and a higher
# rate, so that a thousand configurations and half the updates do.
FAST = Settings(
    side=8,
    couplings=(K_C,),
    seeds=2,
    samples=1_000,
    read=2_000,
    draws=50,
    recipe=replace(RECIPE, epochs=32, batch=32, learning_rate=0.1),
    l1s=(0.0, 0.0125),
)


@dataclass(frozen=True)
class Recipe:
    """One training of the study.

    Args:
        axis: which setting differs from the default recipe, empty where none does.
        value: its value there, as it is shown.
        training: how to train.
        samples: on how many configurations.
    """

    axis: str
    value: str
    training: Training
    samples: int

    @property
    def name(self) -> str:
        """Axis and value, the name of a row."""
        return f"{self.axis} {self.value}" if self.axis else DEFAULT


def recipes(settings: Settings) -> tuple[Recipe, ...]:
    """The default recipe, then every other one, axis by axis."""
    centre, samples = settings.recipe, settings.samples
    varied = [
        *(
            Recipe("learning rate", f"{r:g}", replace(centre, learning_rate=r), samples)
            for r in settings.learning_rates
        ),
        *(
            Recipe("L1", f"{l1:g}", replace(centre, l1=l1), samples)
            for l1 in settings.l1s
        ),
        *(
            Recipe("samples", f"{n}", _as_many_updates(settings, n), n)
            for n in settings.sample_numbers
        ),
        *(
            Recipe(
                "steps",
                f"{METHODS[chains]}-{k}",
                replace(centre, k=k, chains=chains),
                samples,
            )
            for k, chains in settings.gibbs
        ),
    ]
    first = Recipe("", "", centre, samples)
    other = (r for r in varied if (r.training, r.samples) != (centre, samples))
    return (first, *other)


def compute(
    settings: Settings,
    *,
    runs: Path,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """All readings of all trainings.

    Every training and its readings are runs of their own: killed at any moment, the
    study goes on where it was. Seed by seed, so that what is there is complete.

    Args:
        settings: what to train.
        runs: root of run directories.
        progress: called with the trainings done and their number.

    Returns:
        As `collect`, without gaps.

    Raises:
        ValueError: settings that no training fits; a run that another process holds.
    """
    complete(list(_jobs(settings)), _readings, runs=runs, progress=progress)
    _material.cache_clear()
    return collect(settings, runs=runs)


def collect(settings: Settings, *, runs: Path) -> xr.Dataset:
    """What has been computed so far.

    Returns:
        The readings of `READINGS`, `(coupling, recipe, seed, epoch)`, not a number
        where a recipe has no checkpoint or nothing has been computed; `epochs` and
        `updates` (per epoch), `(recipe,)`, with the axis and the value of each recipe.
    """
    rows = recipes(settings)
    epochs = sorted({e for row in rows for e in _epochs(row.training)})
    coordinates = {
        "coupling": list(settings.couplings),
        "recipe": [row.name for row in rows],
        "seed": list(range(settings.seeds)),
        "epoch": epochs,
    }
    found = np.full((len(READINGS), *map(len, coordinates.values())), np.nan)
    places = {name: k for k, name in enumerate(READINGS)}
    for job in _jobs(settings):
        work = job.run(runs)
        for epoch, values in work.summary.items() if work.done else ():
            at = (
                settings.couplings.index(job.coupling),
                rows.index(job.recipe),
                job.seed,
                epochs.index(int(epoch)),
            )
            for name, value in values.items():
                found[places[name], *at] = np.nan if value is None else value
    data: dict[str, Any] = {
        name: (tuple(coordinates), found[k]) for name, k in places.items()
    }
    data["epochs"] = ("recipe", [row.training.epochs for row in rows])
    data["updates"] = ("recipe", [r.samples // r.training.batch for r in rows])
    coordinates["axis"] = ("recipe", [row.axis for row in rows])
    coordinates["value"] = ("recipe", [row.value for row in rows])
    about = {
        "settings": asdict(settings),
        "default": _default_values(settings),
        "software": software(),
    }
    attributes = {name: json.dumps(a, default=plain) for name, a in about.items()}
    return xr.Dataset(data, coordinates, attributes)


def read(machine: Machine, held_out: Ensemble, training: Ensemble) -> dict[str, Any]:
    """`READINGS` of one machine, but for the response width; None of no live unit.

    Args:
        machine: a dense machine on a grid.
        held_out: Ising configurations of chains that it was not trained on.
        training: configurations that it was trained on.

    Raises:
        ValueError: as `direct_response`; data that do not fit the machine.
    """
    grid = held_out.grid
    hidden = coarsen(Layer(machine, output="mean"), held_out)
    alive = (hidden.values.reshape(-1, hidden.shape[-1]) ** 2).mean(axis=0) > SILENT**2
    weights = machine.W.detach().double().numpy()[:, alive]
    direct = direct_response(held_out, hidden)[:, alive]
    width, patches = _shape(grid, weights, core_only=False)
    direct_width, direct_patches = _shape(grid, direct, core_only=True)
    units = len(alive)
    with one_thread():
        gap, loss = _gap(machine, held_out, training), _loss(machine, held_out)
    values = {
        "weight_width": _median(width),
        "weight_patches": _mean(patches),
        "local": ((width < NARROW) & (patches == 1)).sum() / units,
        "direct_width": _median(direct_width),
        "direct_patches": _mean(direct_patches),
        "direct_local": ((direct_width < NARROW) & (direct_patches == 1)).sum() / units,
        "sharing": _sharing(weights),
        "dead": 1 - alive.mean(),
        "gap": gap,
        "loss": loss,
    }
    return {n: float(v) if np.isfinite(v) else None for n, v in values.items()}


@dataclass(frozen=True)
class _Job:
    """One training of one recipe."""

    settings: Settings
    recipe: Recipe
    coupling: float
    seed: int

    def run(self, root: Path) -> Run:
        """The run of its readings: named after all that they depend on."""
        names = ("side", "draws", "read")
        about = {name: getattr(self.settings, name) for name in names}
        about |= {"samples": self.recipe.samples, "most": _most(self.settings)}
        about |= {"training": asdict(self.recipe.training)}
        about |= {"coupling": self.coupling, "seed": self.seed}
        return Run.of(root, step="locality", version=VERSION, settings=about)


def _jobs(settings: Settings) -> Iterator[_Job]:
    for seed, coupling in itertools.product(range(settings.seeds), settings.couplings):
        for recipe in recipes(settings):
            yield _Job(settings, recipe, coupling, seed)


def _readings(job: _Job, runs: Path) -> dict[str, Any]:
    """Epoch → readings, along the training and at its end."""
    settings, training = job.settings, job.recipe.training
    most, held_out = _material(settings, job.coupling, job.seed)
    data = most.select(slice(0, job.recipe.samples // settings.draws))
    start = RBM(data.geometry, data.grid.size // 4, seed=subseed(job.seed, "weights"))
    trained, work = train_in_run(
        start,
        data,
        settings=training,
        seed=subseed(job.seed, "train"),
        runs=runs,
    )
    found = {}
    for path in checkpoints(work.directory):
        machine, state = load_state(path)
        if (epoch := int(state["epoch"])) in _epochs(training)[:-1]:
            found[str(epoch)] = read(machine, held_out, data)
    response = locality(held_out, coarsen(Layer(trained, output="mean"), held_out))
    end = {"response_width": float(response.width.value)}
    found[str(training.epochs)] = end | read(trained, held_out, data)
    return found


@cache
def _material(
    settings: Settings, coupling: float, seed: int
) -> tuple[Ensemble, Ensemble]:
    """Chains to train on, as many as any recipe needs, and chains to read."""
    most = _most(settings)
    everything = sample(
        Ising((settings.side, settings.side)),
        coupling=coupling,
        draws=most + settings.read,
        chains=(most + settings.read) // settings.draws,
        seed=subseed(seed, "sample", f"{coupling!r}"),
    )
    training, held_out = everything.split(most, settings.read)
    return training, held_out


def _most(settings: Settings) -> int:
    return max(settings.samples, *settings.sample_numbers, 1)


def _default_values(settings: Settings) -> dict[str, str]:
    """Axis → the value that the default recipe has there, as it is shown."""
    recipe = settings.recipe
    return {
        "learning rate": f"{recipe.learning_rate:g}",
        "L1": f"{recipe.l1:g}",
        "samples": f"{settings.samples}",
        "steps": f"{METHODS[recipe.chains]}-{recipe.k}",
    }


def _as_many_updates(settings: Settings, samples: int) -> Training:
    """The default recipe with its number of updates, whatever the samples."""
    recipe = settings.recipe
    updates = recipe.epochs * (settings.samples // recipe.batch)
    return replace(recipe, epochs=round(updates / (samples // recipe.batch)))


def _epochs(training: Training) -> list[int]:
    """The epochs whose checkpoints stay, and the last."""
    powers = (1 << k for k in range(training.epochs.bit_length()))
    return [0, *(e for e in powers if e < training.epochs), training.epochs]


def _shape(
    grid: Grid, weights: np.ndarray, *, core_only: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Width and number of patches of `(sites, units)` fields, `(units,)` each."""
    fields = weights.T.reshape(-1, *grid.shape)
    if not len(fields):
        return np.empty(0), np.empty(0)
    core = core_of(fields)
    inside = fields**2 * core
    d2 = from_centre(grid, inside)
    squares = (inside if core_only else fields**2).reshape(d2.shape)
    width = np.sqrt((squares * d2).sum(axis=1) / squares.sum(axis=1))
    return width, count_patches(grid, core)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else math.nan


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _sharing(weights: np.ndarray) -> float:
    """Share of the live units whose largest weight is on the site of another's."""
    peaks = abs(weights).argmax(axis=0)
    units_at = np.bincount(peaks, minlength=1)
    return _mean(units_at[peaks] > 1)


@torch.no_grad()
def _gap(machine: Machine, held_out: Ensemble, training: Ensemble) -> float:
    """⟨F - K E⟩ of held-out minus that of training configurations, in nats."""
    means = []
    for ensemble in (held_out, training):
        v = machine.tensor(_some(ensemble, FREE))
        bonds = v * (v.roll(1, 1) + v.roll(1, 2))
        true = -ensemble.couplings["K"] * bonds.flatten(1).sum(1)
        means.append(float((machine.free_energy(v) - true).double().mean()))
    return means[0] - means[1]


@torch.no_grad()
def _loss(machine: Machine, held_out: Ensemble) -> float:
    """How much worse it foretells a spin from all others than the true law does."""
    v = machine.tensor(_some(held_out, max(1, SCORED // held_out.grid.size)))
    around = v.roll(1, 1) + v.roll(-1, 1) + v.roll(1, 2) + v.roll(-1, 2)
    true = 2 * held_out.couplings["K"] * v * around
    own = _costs_of_flips(machine, v).reshape(v.shape)
    return float((logsigmoid(true) - logsigmoid(own)).double().mean())


def _costs_of_flips(machine: Machine, v: Tensor) -> Tensor:
    """F(v with one spin turned) - F(v), `(n, sites)`."""
    flat, before = v.flatten(1), machine.free_energy(v)
    costs = torch.empty_like(flat)
    for site in range(flat.shape[1]):
        turned = flat.clone()
        turned[:, site] *= -1
        costs[:, site] = machine.free_energy(turned.reshape(v.shape)) - before
    return costs


def _some(ensemble: Ensemble, most: int) -> np.ndarray:
    """The same configurations whenever it is asked."""
    size = min(most, ensemble.size)
    return next(ensemble.batches(size, rng=generator(0, "some")))


def table(study: xr.Dataset) -> str:
    """The readings at the end and along the training, in markdown.

    A mean over seeds with its standard error in brackets, in units of the last digits;
    without brackets where there is one seed.
    """
    couplings = study["coupling"].values
    parts = [_end_table(study, coupling) for coupling in couplings]
    parts += [_along_table(study, coupling) for coupling in couplings]
    return "\n\n".join(parts) + "\n"


def draw(study: xr.Dataset) -> Figure:
    """Width and share of local units: at the end, and along the training."""
    axes = [axis for axis in dict.fromkeys(study["axis"].values) if axis]
    fig = figure(3.4 * (len(axes) + 1), 5.4, rows=2, columns=len(axes) + 1)
    for row, (name, label) in enumerate(
        (("weight_width", "width (sites)"), ("local", "share of local units"))
    ):
        for column, axis in enumerate(axes):
            _draw_end(fig.axes[row * (len(axes) + 1) + column], study, name, axis)
        _draw_along(fig.axes[row * (len(axes) + 1) + len(axes)], study, name)
        fig.axes[row * (len(axes) + 1)].set_ylabel(label, fontsize=9)
    fig.axes[0].legend(fontsize=8, frameon=False)
    fig.axes[len(axes)].legend(fontsize=8, frameon=False)
    return fig


def _end_table(study: xr.Dataset, coupling: float) -> str:
    end = study.sel(coupling=coupling).sel(epoch=study["epochs"])
    # Seed by seed, recipes share chains and first weights: a difference knows more.
    end = end.assign(cost=end["loss"] - end["loss"].sel(recipe=DEFAULT))
    columns = {**READINGS, "cost": "loss over the default × 10³"}
    header = ["recipe", "seeds", *columns.values(), "the units are"]
    rows = [
        [
            name,
            str(int(end["local"].sel(recipe=name).count())),
            *(_shown(end[reading].sel(recipe=name), reading) for reading in columns),
            _verdict(end["local"].sel(recipe=name)),
        ]
        for name in study["recipe"].values
    ]
    title = f"At the end of the training, K = {coupling:.6g}:"
    return f"{title}\n\n{markdown(header, rows)}"


def _along_table(study: xr.Dataset, coupling: float) -> str:
    """Width and share of local units over the epochs, of the default and without L1."""
    here = study.sel(coupling=coupling)
    names = [n for n in (DEFAULT, "L1 0") if n in study["recipe"].values]
    shown = ("weight_width", "weight_patches", "local", "direct_local", "loss")
    header = [
        "epoch",
        *(f"{n}: {READINGS[reading]}" for n in names for reading in shown),
    ]
    last = int(study["epochs"].sel(recipe=DEFAULT))
    of_default = here["local"].sel(recipe=DEFAULT).dropna("epoch", how="all")
    epochs = [int(e) for e in of_default["epoch"].values if e <= last]
    rows = [
        [
            str(epoch),
            *(
                _shown(here[reading].sel(recipe=n, epoch=epoch), reading)
                for n in names
                for reading in shown
            ),
        ]
        for epoch in epochs
    ]
    return f"Along the training, K = {coupling:.6g}:\n\n{markdown(header, rows)}"


def _shown(values: xr.DataArray, reading: str) -> str:
    scale = 1e3 if reading in ("loss", "cost") else 1.0
    found = over_seeds(scale * values.values)
    if not np.isfinite(found.value):
        return "–"
    return str(found) if np.isfinite(found.error) else f"{float(found.value):.3g}"


def _verdict(local: xr.DataArray) -> str:
    share = float(over_seeds(local.values).value)
    if not math.isfinite(share):
        return "not computed"
    return "local" if share > MOSTLY else "spread out" if share < HARDLY else "mixed"


def _draw_end(ax: Axes, study: xr.Dataset, name: str, axis: str) -> None:
    """One reading against one setting, the default recipe among its values."""
    end = study[name].sel(epoch=study["epochs"])
    chosen = [r for r in study["recipe"].values if r == DEFAULT]
    chosen += list(study["recipe"].values[study["axis"].values == axis])
    labels = [_value_on(study, recipe, axis) for recipe in chosen]
    order = sorted(range(len(chosen)), key=lambda k: _sortable(labels[k]))
    for k, coupling in enumerate(study["coupling"].values):
        found = [
            over_seeds(end.sel(coupling=coupling, recipe=chosen[i]).values)
            for i in order
        ]
        _points(ax, range(len(order)), found, PALETTE[k], f"K = {coupling:.4g}")
    ax.set_xticks(range(len(order)), [labels[i] for i in order])
    ax.set_xlabel(axis, fontsize=9)


def _draw_along(ax: Axes, study: xr.Dataset, name: str) -> None:
    """One reading over the epochs, of the default and without L1, first coupling."""
    here = study[name].isel(coupling=0)
    names = [n for n in (DEFAULT, "L1 0") if n in study["recipe"].values]
    for k, recipe in enumerate(names):
        along = here.sel(recipe=recipe).dropna("epoch", how="all")
        found = [over_seeds(along.sel(epoch=e).values) for e in along["epoch"].values]
        _points(ax, along["epoch"].values, found, PALETTE[2 + k], recipe)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlabel(f"epoch, K = {float(here['coupling']):.4g}", fontsize=9)


def _points(ax: Axes, x: Any, found: list[Estimate], colour: str, label: str) -> None:
    value = [float(e.value) for e in found]
    error = [float(np.nan_to_num(e.error)) for e in found]
    ax.errorbar(x, value, error, color=colour, label=label, marker="o", markersize=3.5)


def _value_on(study: xr.Dataset, recipe: str, axis: str) -> str:
    if recipe == DEFAULT:
        return json.loads(study.attrs["default"])[axis]
    return str(study["value"].sel(recipe=recipe).values)


def _sortable(label: str) -> tuple[float, str]:
    try:
        return float(label), ""
    except ValueError:
        return math.inf, label
