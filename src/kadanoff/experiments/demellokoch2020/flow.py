"""The flow v → h → v of a trained machine, and what is read along it.

A machine of 100 visible and 81 hidden units is trained on configurations of all 60
temperatures mixed; then configurations of one temperature are sent through it and back,
again and again (arXiv:1906.05212, section III-A). The text at hand has the sizes, the
60 temperatures and flows of length 26; it lost how many configurations there are at
each temperature, how long and how fast the training is, and whether the units of
training and flow are drawn or replaced by their means. So both are done, of both:

    training   `means`    every unit by its mean (`contrastive_means`), as the
                          paper's eqs. 13-21 are reconstructed
               `draws`    CD-1 as usual, units drawn in between
    flow       `means`    v ← tanh(W tanh(Wᵀv + b) + c), a map without noise
               `samples`  the Gibbs chain of the machine

Readings go by seed: each has a machine trained on data of its own, and flows from
configurations of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, parenthesised
from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import coupling_at_energy
from kadanoff.experiments.demellokoch2020.contrastive_means import trained_on_means
from kadanoff.experiments.demellokoch2020.data import (
    TEMPERATURES,
    drawn,
    mixed,
    swept,
    trained,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.networks.gibbs import rbm_flow
from kadanoff.networks.products import full_products, one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.randomness import generator

__all__ = [
    "ARMS",
    "FEW",
    "FLOWS",
    "HIDDEN",
    "LATTICE",
    "LENGTH",
    "MACHINES",
    "STARTS",
    "TRAININGS",
    "Learning",
    "Plan",
    "along",
    "apart",
    "arm",
    "in_any_order",
    "interval",
    "learned",
    "machine",
    "mean_over_seeds",
    "scan",
    "start",
    "temperature_at",
    "training_data",
    "written",
]

LATTICE = (10, 10)
"""The paper's lattice: 100 visible units."""

HIDDEN = 81
"""Reconstructed: hidden units on a lattice of 9 × 9."""

LENGTH = 26
"""Of the flow at which the paper finds convergence; an earlier one stopped at 9."""

TRAININGS, FLOWS = ("means", "draws"), ("means", "samples")
ARMS = tuple(itertools.product(TRAININGS, FLOWS))
"""Training and flow of each arm; the first passes means throughout."""

FEW = 16
"""Hidden units of the smallest machines. They are not those whose flows come nearest to
T_c by energy, which `flow_controls` names."""

MACHINES = {
    f"trained on {t}{f', {n} units' if n == FEW else ''}": (t, n)
    for n in (HIDDEN, FEW)
    for t in TRAININGS
}
"""Training and hidden units of the machines whose ends are asked for."""

STARTS = {"cold": 0.0, "T_c": T_C, "hot": math.inf}
"""Temperatures at which flows start."""

Reading = Callable[[Ensemble], Mapping[str, Estimate]]


@dataclass(frozen=True)
class Learning:
    """How a machine is trained; all of it but the hidden units is reconstructed.

    Attributes:
        configurations: at each temperature.
        epochs: passes over all configurations.
        hidden: units.
        batch: configurations per update.
        rate: learning rate of the first update; it falls to zero.
        more: other settings of a training by draws, such as `(("k", 10),)`.
    """

    configurations: int
    epochs: int
    hidden: int = HIDDEN
    batch: int = 256
    rate: float = 0.1
    more: tuple[tuple[str, Any], ...] = ()

    @property
    def training(self) -> Training:
        """The same, for a machine; without penalties, of which the paper has none."""
        return Training(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.rate,
            l1=0.0,
            momentum=0.0,
            **dict(self.more),
        )


@dataclass(frozen=True)
class Plan:
    """What a scan along the flow takes.

    Attributes:
        learning: of every machine.
        seeds: machines, each with data of its own.
        draws: configurations that flow, at each temperature and of each seed.
        lengths: of the flow at which is read, ascending.
        arms: training and flow of each.
    """

    learning: Learning
    seeds: int
    draws: int
    lengths: tuple[int, ...]
    arms: tuple[tuple[str, str], ...] = field(default=ARMS)


def training_data(work: Work, configurations: int, seed: int) -> Ensemble:
    """Configurations of all 60 temperatures, mixed."""
    sweep = swept(
        work, LATTICE, TEMPERATURES, configurations, purpose=f"flow training {seed}"
    )
    return mixed(sweep)


def machine(work: Work, learning: Learning, training: str, seed: int) -> RBM:
    """The machine of one seed.

    Args:
        work: seed and runs.
        learning: how.
        training: `means` or `draws`.
        seed: number of the machine.
    """
    data = training_data(work, learning.configurations, seed)
    return learned(work, data, learning, training, f"flow {seed}")


def learned(
    work: Work, data: Ensemble, learning: Learning, training: str, label: str
) -> RBM:
    """A machine trained on any configurations of the lattice.

    Args:
        work: seed and runs.
        data: configurations.
        learning: how.
        training: `means` or `draws`.
        label: names the training, for its seeds and its progress.
    """
    # The paper trains its bias vectors too.
    first = RBM(
        LATTICE, learning.hidden, biases=True, seed=work.subseed("weights", label)
    )
    train = {"means": trained_on_means, "draws": trained}[training]
    return train(work, first, data, learning.training, label)


def start(work: Work, temperature: float, draws: int, seed: int) -> Ensemble:
    """Configurations that flow: T = 0 is cold, T = ∞ hot."""
    return drawn(work, LATTICE, temperature, draws, purpose=f"flow start {seed}")


def in_any_order(data: Ensemble, seed: int) -> Ensemble:
    """The same configurations in 64 blocks that hold all temperatures alike.

    Args:
        data: of many temperatures; what does not fill the blocks is left out.
        seed: of the order.
    """
    values = data.values.reshape(-1, *data.shape)
    order = generator(seed).permutation(len(values))[: len(values) // 64 * 64]
    return Ensemble.from_values(values[order].reshape(64, -1, *data.shape))


def along(
    network: RBM,
    first: Ensemble,
    lengths: Sequence[int],
    flow: str,
    seed: int,
    read: Reading,
) -> list[Mapping[str, Estimate]]:
    """Readings at some lengths of one flow.

    Args:
        network: the machine.
        first: configurations that flow.
        lengths: ascending; 0 is the configurations themselves.
        flow: `means` or `samples`.
        seed: draws the units.
        read: ensemble → estimates by name.
    """
    pass_on: Any = flow
    with one_thread(), full_products():
        steps = rbm_flow(network, first, max(lengths), pass_on=pass_on, seed=seed)
        return [read(e) for k, e in enumerate(steps) if k in lengths]


def scan(
    plan: Plan, work: Work, temperatures: Sequence[float], read: Reading
) -> xr.Dataset:
    """Readings and errors over arm, seed, temperature and length of the flow.

    Args:
        plan: sizes.
        work: seed and runs.
        temperatures: at which the flows start.
        read: ensemble → scalar estimates by name, the same names every time.
    """
    axes = ("arm", "seed", "temperature", "length")
    form = (len(plan.arms), plan.seeds, len(temperatures), len(plan.lengths))
    values: dict[str, np.ndarray] = {}
    tell, done = work.progress("flows"), 0
    for seed in range(plan.seeds):
        machines = {
            training: machine(work, plan.learning, training, seed)
            for training in dict.fromkeys(training for training, _ in plan.arms)
        }
        for t, temperature in enumerate(temperatures):
            first = start(work, temperature, plan.draws, seed)
            for a, (training, flow) in enumerate(plan.arms):
                noise = work.subseed("flow", training, flow, seed, t)
                found = along(
                    machines[training], first, plan.lengths, flow, noise, read
                )
                for k, readings in enumerate(found):
                    for label, x in _pairs(readings):
                        kept = values.setdefault(label, np.full(form, np.nan))
                        kept[a, seed, t, k] = x
                done += 1
                tell(done, math.prod(form[:3]))
    return xr.Dataset(
        {name: (axes, x) for name, x in values.items()},
        coords={
            "arm": [arm(*pair) for pair in plan.arms],
            "temperature": list(temperatures),
            "length": list(plan.lengths),
        },
    )


def _pairs(readings: Mapping[str, Estimate]) -> Iterator[tuple[str, float]]:
    """Values and errors of scalar readings, by the names of their variables."""
    for name, estimate in readings.items():
        yield name, float(estimate.value)
        yield f"{name}_error", float(estimate.error)


def arm(training: str, flow: str) -> str:
    """The name of an arm, as the reports have it."""
    return f"trained on {training}, {flow} passed on"


def mean_over_seeds(dataset: xr.Dataset, name: str) -> tuple[xr.DataArray, Any]:
    """Mean over machines and its standard error.

    The error is that of the spread of machines, or of the configurations of each where
    that is larger; of one machine only the latter is known.

    Args:
        dataset: with `name` and `name_error` along `seed`.
        name: of the reading.
    """
    x, own = dataset[name], dataset[f"{name}_error"]
    n = x.sizes["seed"]
    error = np.sqrt((own**2).sum("seed", skipna=False)) / n
    if n > 1:
        spread = x.std("seed", ddof=1, skipna=False) / math.sqrt(n)
        error = xr.where(spread > error, spread, error)
    return x.mean("seed", skipna=False), error


def apart(
    dataset: xr.Dataset, name: str, one: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[float, float]:
    """Difference of a reading between two places, and its standard error.

    Taken machine by machine, so that what distinguishes the machines drops out.

    Args:
        dataset: with `name` and `name_error` along `seed`.
        name: of the reading.
        one, other: the places, values of coordinates.
    """
    error = f"{name}_error"
    gap = xr.Dataset(
        {
            name: dataset[name].sel(one) - dataset[name].sel(other),
            error: np.hypot(dataset[error].sel(one), dataset[error].sel(other)),
        }
    )
    value, bar = mean_over_seeds(gap, name)
    return float(value), float(bar)


def interval(dataset: xr.Dataset, level: float) -> float:
    """Half the width, in standard errors, of an interval over the machines.

    Student's t of one less than the machines; of a Gaussian for a single one, whose
    spread is not known.
    """
    n = dataset.sizes["seed"]
    tail = (1 + level) / 2
    return float(special.stdtrit(n - 1, tail) if n > 1 else special.ndtri(tail))


def written(dataset: xr.Dataset, name: str, **where: Any) -> str:
    """Mean over machines as `value(error)` at one place; `none` if it is no number."""
    value, error = (x.sel(where).item() for x in mean_over_seeds(dataset, name))
    return parenthesised(value, error) if math.isfinite(value) else "none"


def temperature_at(energy: float) -> float:
    """T at which the 10×10 magnet has this energy per site, in J/k_B.

    For means too, whose energy is that of the numbers they are. 0 with all spins
    aligned; not a number from energy 0 on, which no positive temperature has.
    """
    if energy <= -2:
        return 0.0
    return 1 / coupling_at_energy(LATTICE, energy) if energy < 0 else math.nan
