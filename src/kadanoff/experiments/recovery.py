"""Are known machines found? Couplings of a tied filter, and the units of a dense one.

The A sublattice of the square Ising model is the visible layer of a machine whose
weights are K on the bonds (`networks.anchors`), so that a training can be asked for its
truth and not for its likelihood alone.

A tied filter of 3×3 sees n(u) windows of content u per configuration, and no more:

    ⟨ln p(v)⟩ = Σ_u n(u) ln 2cosh(w·u) − ln Z(w)

with the exact ln Z of a transfer matrix. This is the likelihood of any number of
configurations at the cost of one, and has no noise: it is ascended to its maximum from
where a training ended, or from random weights. Of several starts the one of highest
likelihood counts, which does not know the truth.

The law depends to first order on seven combinations of the nine weights: the mean of
the two bonds of each axis, which should be K, and the five sites of no bond, which
should be 0. Their errors are those of the maximum over filters whose opposite bonds are
equal, by the sandwich H⁻¹ J H⁻¹ (Huber 1967), H = −∂²⟨ln p⟩ and J the covariance of the
mean slope, from chain to chain. χ² of all seven follows Hotelling's law.

The difference d of two opposite bonds enters by its square, so that it falls like
n^{-1/4} and has no error of first order: what is asked is how much likelihood it adds,

    Λ = 2n (⟨ln p(v|ŵ)⟩ − ⟨ln p(v|K)⟩)      of all nine weights,
    Λ_d = 2n (⟨ln p(v|ŵ)⟩ − ⟨ln p(v|d = 0)⟩).

With d₁², d₂² and d₁d₂ the law has ten directions, so that Λ is at most χ² of ten and
Λ_d of three degrees of freedom (the square of a projection onto a cone is below that of
what is projected: Chernoff, Ann. Math. Stat. 25, 573 (1954)), at each of the two places
of the filter in its window.

On the way from small weights lies a filter that is its own mirror image, halfway
between the two places: nothing is stuck there, but the gradient leaves it slowly,
e-fold by e-fold. `Trial.folds` counts how many a training has time for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy import stats
from scipy.optimize import minimize

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import all_states
from kadanoff.experiments.studies import attributes_of, complete
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import (
    TOLERANCE,
    places,
    recovered,
    sublattice,
    sublattice_filter,
    sublattice_machine,
)
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.machine import Machine
from kadanoff.networks.partition import log_likelihood
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import TIED, Training
from kadanoff.networks.train import train
from kadanoff.networks.transfer import transferred
from kadanoff.randomness import generator, subseed
from kadanoff.runs import Run
from kadanoff.samplers.run import sample

__all__ = [
    "DENSE_READINGS",
    "FAST",
    "FULL",
    "PATIENT",
    "READINGS",
    "UNHURRIED",
    "DenseTrial",
    "FilterLikelihood",
    "Fit",
    "Settings",
    "Trial",
    "against",
    "ascended",
    "between",
    "collect",
    "compute",
    "table",
]

VERSION = 1  # part of a run's name: raise it when readings change
SIDE = 3
SITES = SIDE**2
FIRST, SECOND = 7, 3  # directions of the law at the truth, by their order
PLACES = 2  # of the true filter in its window
SMALL = 0.01  # spread of random weights, that of an untrained machine
DRAWS_OF_CHAIN = 100
FLAT = 1e-6  # slope of ⟨ln p⟩ at the end of an ascent; its errors are above 1e-3

READINGS = (
    "ratio",
    "ratio_p",
    "split",
    "split_p",
    "square",
    "square_p",
    "first",
    "first_error",
    "second",
    "second_error",
    "first_difference",
    "second_difference",
    "largest_other",
    "lost",
    "found",
    "between_lost",
    "between_slope",
)
"""Λ and Λ_d with the p-values that they have at most; χ² of the seven combinations and
its p-value; weight of the bonds along the last axis and along the first, each with its
error, and their differences; the largest |weight| of a site of no bond, in errors; 2n
⟨ln p⟩ that the training lacks of the maximum near it; the share of starts that ended at
the truth; nats per configuration that the mirrored filter lacks, and the steepest way
out of it."""

DENSE_READINGS = ("kl", "share", "farthest")
"""KL per spin of the law to the machine, exact; the share of true units found; the
largest distance of a true unit from the one assigned to it."""


@dataclass(frozen=True)
class Trial:
    """One row: a tied filter, its data and how it is found.

    Args:
        side: L of the L×L lattice, even and at least 6; 10 takes a second per step.
        coupling: K of the data.
        samples: independent configurations.
        starts: random weights for each data set.
        data_sets: each of its own configurations.
        training: before the ascent; none ascends from the random weights.
    """

    side: int
    coupling: float
    samples: int
    starts: int = 3
    data_sets: int = 1
    training: Training | None = None

    @property
    def name(self) -> str:
        """Lattice, coupling, samples and how: the name of a row."""
        return (
            f"{self.side}×{self.side}, K = {self.coupling:.6g}, {self.samples} "
            f"samples, {_method(self.training)}"
        )

    def folds(self, slope: float) -> float:
        """e-folds away from a filter that is left at this slope, over a training.

        An update moves the weights by rate / (1 − momentum) times the gradient per
        block; infinite for an ascent.
        """
        if self.training is None:
            return math.inf
        how = self.training
        updates = how.epochs * (self.samples // how.batch)
        rates = sum(how.rate(t / updates) for t in range(updates))
        return rates / (1 - how.momentum) * slope / (self.side**2 / 2)


@dataclass(frozen=True)
class DenseTrial:
    """One row: a dense machine of as many hidden units as the truth has.

    Args:
        side: L of the L×L lattice, 4 or 6, where all states of A are visited.
        coupling: K of the data.
        samples: independent configurations.
        training: how.
        starts: 0 starts at the truth, others from random weights.
        data_coupling: another K of the data, a control that must lead away.
    """

    side: int
    coupling: float
    samples: int
    training: Training
    starts: tuple[int, ...] = (0, 1, 2, 3)
    data_coupling: float | None = None

    @property
    def name(self) -> str:
        """Lattice, coupling, samples and how: the name of a row."""
        other = self.data_coupling
        of = "" if other is None else f" of data at K = {other:.6g}"
        return (
            f"{self.side}×{self.side}, K = {self.coupling:.6g}, {self.samples} "
            f"samples{of}, {_method(self.training)}"
        )

    @property
    def units(self) -> int:
        """Of either layer."""
        return self.side**2 // 2

    @property
    def excess(self) -> float:
        """#parameters / 2n nats, per spin."""
        return self.units / (2 * self.samples)


@dataclass(frozen=True)
class Settings:
    """What is looked for.

    Args:
        filters: tied ones.
        dense: machines of free weights.
    """

    filters: tuple[Trial, ...]
    dense: tuple[DenseTrial, ...]


PATIENT = replace(TIED, epochs=100, batch=256)
"""For a filter between two equivalent solutions: 7 800 updates of 20 000 samples.

rate, momentum: 0.2 and 0.5, as in `TIED`. Persistent chains lag behind the weights:
    with momentum 0.9 at rates 0.1 and 0.2 no start of six at K_c came within 1 000 of
    the largest 2n ⟨ln p⟩, and of six at K = 0.3 two ran away.
"""

UNHURRIED = Training(
    epochs=60, batch=200, k=5, chains="persistent", learning_rate=0.05, l1=0.002
)
"""For a dense machine that should stay at the truth, or find units of it.

One step instead of five at twice the rate leaves the truth on 6×6: the noise of the
updates drifts along directions that the likelihood hardly knows. The penalty holds
them.
"""

FULL = Settings(
    filters=(
        Trial(8, 0.3, 20_000, data_sets=6),
        Trial(8, 0.408, 20_000, data_sets=6),
        Trial(8, K_C, 20_000, data_sets=6),
        Trial(8, 0.3, 20_000, starts=2, training=PATIENT),
        Trial(8, 0.408, 20_000, starts=2, training=PATIENT),
        Trial(8, K_C, 20_000, starts=2, training=PATIENT),
        Trial(8, K_C, 20_000, training=TIED),
    ),
    dense=(
        DenseTrial(4, K_C, 20_000, UNHURRIED),
        DenseTrial(4, K_C, 20_000, replace(UNHURRIED, l1=0.0)),
        DenseTrial(6, K_C, 20_000, UNHURRIED),
        DenseTrial(6, K_C, 20_000, replace(UNHURRIED, l1=0.0)),
        DenseTrial(6, K_C, 20_000, replace(UNHURRIED, k=1, learning_rate=0.1)),
        DenseTrial(6, K_C, 20_000, UNHURRIED, starts=(0,), data_coupling=0.408),
    ),
)

# Seconds, for the tests: found, not given the time, and data of another coupling.
_QUICK = replace(UNHURRIED, epochs=10)
FAST = Settings(
    filters=(
        Trial(8, 0.3, 5_000, starts=2),
        Trial(8, K_C, 2_000, starts=1, training=replace(TIED, epochs=4)),
    ),
    dense=(
        DenseTrial(4, K_C, 5_000, _QUICK, starts=(0, 1)),
        DenseTrial(4, K_C, 5_000, _QUICK, starts=(0,), data_coupling=0.3),
    ),
)


def compute(
    settings: Settings,
    *,
    runs: Path,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """All fits and trainings, and how far from the truth they end.

    Each is a run of its own: killed at any moment, the study goes on where it was.

    Args:
        settings: what to look for.
        runs: root of run directories.
        progress: called with the jobs done and their number.

    Returns:
        As `collect`, without gaps.

    Raises:
        ValueError: settings that no training fits; a run that another process holds.
    """
    complete(list(_jobs(settings)), _readings, runs=runs, progress=progress)
    return collect(settings, runs=runs)


def collect(settings: Settings, *, runs: Path) -> xr.Dataset:
    """What has been computed so far.

    Returns:
        `READINGS`, `(trial, data_set)`, and `folds` of the way out; `DENSE_READINGS`,
        `(dense, start)`, and `excess`; not a number where nothing has been computed.
        The attributes are JSON of the settings and the versions.
    """
    tied = [trial.name for trial in settings.filters]
    dense = [trial.name for trial in settings.dense]
    sets = max((trial.data_sets for trial in settings.filters), default=0)
    starts = 1 + max((max(t.starts) for t in settings.dense), default=-1)
    data: dict[str, Any] = {
        n: (("trial", "data_set"), np.full((len(tied), sets), np.nan)) for n in READINGS
    }
    data |= {
        n: (("dense", "start"), np.full((len(dense), starts), np.nan))
        for n in DENSE_READINGS
    }
    for job in _jobs(settings):
        work = job.run(runs)
        names = tied if isinstance(job.trial, Trial) else dense
        for reading, value in (work.summary if work.done else {}).items():
            if value is not None:
                data[reading][1][names.index(job.trial.name), job.number] = value
    folds = np.full((len(tied), sets), np.nan)
    for row, trial in enumerate(settings.filters):
        folds[row] = [trial.folds(x) for x in data["between_slope"][1][row]]
    data["folds"] = (("trial", "data_set"), folds)
    data["excess"] = ("dense", [trial.excess for trial in settings.dense])
    data["samples"] = ("dense", [trial.samples for trial in settings.dense])
    data["units"] = ("dense", [trial.units for trial in settings.dense])
    coordinates = {
        "trial": tied,
        "data_set": range(sets),
        "dense": dense,
        "start": range(starts),
    }
    return xr.Dataset(data, coordinates, attributes_of(settings))


# --- the likelihood of a tied filter -------------------------------------------------


@dataclass(frozen=True, eq=False)
class FilterLikelihood:
    """⟨ln p(v)⟩ of configurations, for every tied filter of 3×3 without biases.

    Args:
        visible: their lattice.
        windows: with each of the 512 contents, per configuration, `(chain, content)`:
            means over the draws of a chain, contents in the order of `all_states`.
        size: number of configurations.
    """

    visible: Grid
    windows: np.ndarray
    size: int

    @classmethod
    def of(cls, data: Ensemble) -> FilterLikelihood:
        """That of an ensemble of ±1 spins.

        Raises:
            ValueError: other values, or no lattice of two directions.
        """
        if data.alphabet != "pm1" or data.grid.dimension != 2:
            raise ValueError(
                "a likelihood of windows needs ±1 spins in two dimensions, got "
                f"'{data.alphabet}' values on {data.geometry}; take a square lattice"
            )
        chains = [_contents(chain > 0) for chain in data.values]
        return cls(data.grid, np.array(chains), data.size)

    def value(self, weights: np.ndarray) -> float:
        """⟨ln p(v)⟩ in nats, of weights `(3, 3)`."""
        return float(self._at(_filter(weights)).detach())

    def rise(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """The value, and its slope ∂⟨ln p(v)⟩/∂w, `(9,)`."""
        machine = _filter(weights)
        value = self._at(machine)
        return float(value.detach()), _flat(torch.autograd.grad(value, machine.W)[0])

    def information(self, weights: np.ndarray) -> np.ndarray:
        """−∂²⟨ln p(v)⟩/∂w², `(9, 9)`."""
        machine = _filter(weights)
        value = self._at(machine)
        first = torch.autograd.grad(value, machine.W, create_graph=True)[0].flatten()
        rows = [torch.autograd.grad(x, machine.W, retain_graph=True)[0] for x in first]
        return -np.stack([_flat(row) for row in rows])

    def noise(self, weights: np.ndarray) -> np.ndarray:
        """Covariance of the slope as it differs from chain to chain, `(9, 9)`."""
        response = CONTENTS * np.tanh(CONTENTS @ weights.reshape(SITES))[:, None]
        slopes = self.windows @ response  # less that of ln Z, the same for all
        return np.cov(slopes.T) / len(slopes)

    @cached_property
    def _mean(self) -> torch.Tensor:
        return torch.from_numpy(self.windows.mean(axis=0))

    def _at(self, machine: ConvRBM) -> torch.Tensor:
        field = (torch.from_numpy(CONTENTS) @ machine.W.reshape(SITES)).abs()
        summed = field + torch.log1p(torch.exp(-2 * field))
        return self._mean @ summed - transferred(machine, self.visible)


CONTENTS = all_states(SITES).astype(float)  # (512, 9), of windows read row by row


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted filter beside the true one.

    Attributes:
        weights: `(3, 3)`, of the sign that is nearer to the truth.
        truth: `(3, 3)`, at the place that is nearer to the fit.
        values: of the likeliest filter with equal opposite bonds: their weights along
            the last axis and along the first, then the five other weights, `(7,)`.
        covariance: of the values, `(7, 7)`.
        chains: that it was read from.
        ratio: Λ; far below 0 it tells of an ascent that missed the maximum.
        split: Λ_d.
    """

    weights: np.ndarray
    truth: np.ndarray
    values: np.ndarray
    covariance: np.ndarray
    chains: int
    ratio: float
    split: float

    @property
    def distance(self) -> float:
        """From the truth, in units of its length."""
        return _distance(self.weights, self.truth)

    @property
    def errors(self) -> np.ndarray:
        """One standard error of each of the `values`, `(7,)`."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def differences(self) -> np.ndarray:
        """Of the two weights of either axis: no error of first order, `(2,)`."""
        w = self.weights.ravel()
        return np.array([w[one] - w[other] for one, other in _pairs(self.truth)])

    @property
    def square(self) -> float:
        """χ² of the seven values with all their correlations (Hotelling's T²)."""
        off = self.values - np.linalg.pinv(_lift(self.truth)) @ self.truth.ravel()
        return float(off @ np.linalg.solve(self.covariance, off))

    @property
    def square_p(self) -> float:
        """Probability of so large a χ², by Hotelling's law for so many chains."""
        free = self.chains - FIRST
        scaled = self.square * free / (FIRST * (self.chains - 1))
        return float(stats.f(FIRST, free).sf(scaled))

    @property
    def ratio_p(self) -> float:
        """Probability of so large a Λ, at most: that of both places."""
        return min(1.0, PLACES * float(stats.chi2(FIRST + SECOND).sf(self.ratio)))

    @property
    def split_p(self) -> float:
        """Probability of so large a Λ_d, at most: that of both places."""
        return min(1.0, PLACES * float(stats.chi2(SECOND).sf(self.split)))


def against(likelihood: FilterLikelihood, weights: np.ndarray, coupling: float) -> Fit:
    """A filter at a maximum of the likelihood beside the one that is known.

    Args:
        likelihood: of the data that it was fitted to.
        weights: `(3, 3)`.
        coupling: K of the truth, not 0.

    Raises:
        ValueError: a coupling of 0, or not finite.
    """
    truth, sign = _nearest(weights, coupling)
    lift = _lift(truth)
    even = _maximum(likelihood, sign * weights, lift)
    bread = np.linalg.inv(lift.T @ likelihood.information(even) @ lift)
    noise = lift.T @ likelihood.noise(even) @ lift
    top, middle, low = (likelihood.value(w) for w in (weights, even, truth))
    return Fit(
        sign * weights,
        truth,
        np.linalg.pinv(lift) @ even.ravel(),
        bread @ noise @ bread,
        len(likelihood.windows),
        2 * likelihood.size * (top - low),
        2 * likelihood.size * (top - middle),
    )


def _nearest(weights: np.ndarray, coupling: float) -> tuple[np.ndarray, float]:
    """The true filter at the nearer place, and the sign that turns weights to it."""
    true = _weights(sublattice_filter(coupling))
    ways = [(place, sign) for place in places(true) for sign in (1.0, -1.0)]
    return min(ways, key=lambda way: _distance(way[1] * weights, way[0]))


def _distance(weights: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(weights - truth) / np.linalg.norm(truth))


def _pairs(truth: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """Flat numbers of opposite bonds: along the last axis, and along the first."""
    a, b, c, d = map(int, np.flatnonzero(truth))
    return (b, c), (a, d)


def _lift(truth: np.ndarray) -> np.ndarray:
    """w = lift · values: the filters whose opposite bonds are equal, `(9, 7)`."""
    each = np.eye(SITES)
    bonds = [each[list(pair)].sum(axis=0) for pair in _pairs(truth)]
    return np.stack([*bonds, *each[np.flatnonzero(truth == 0)]], axis=1)


def ascended(likelihood: FilterLikelihood, start: np.ndarray) -> np.ndarray:
    """The maximum of the likelihood above given weights, `(3, 3)`.

    Quasi-Newton steps (BFGS) along the exact gradient.

    Args:
        likelihood: of the data.
        start: `(3, 3)`; where all are 0 nothing pulls.

    Raises:
        ValueError: an ascent that does not end.
    """
    return _maximum(likelihood, start, np.eye(SITES))


def between(likelihood: FilterLikelihood) -> tuple[np.ndarray, float]:
    """The likeliest filter that is its own mirror image, and the steepest way out.

    w_y = w_{−y} holds for both true places at once only halfway between them. Symmetric
    weights stay symmetric under the gradient, and small ones go there first, since the
    longest direction of ⟨v_y v_y'⟩ is symmetric.

    Returns:
        The weights, `(3, 3)`, and the largest eigenvalue of ∂²⟨ln p⟩/∂w²: positive at a
        saddle point.
    """
    start = np.sum(places(_weights(sublattice_filter(0.1))), axis=0)
    mirrored = np.eye(SITES) + np.eye(SITES)[::-1]
    weights = _maximum(likelihood, start, mirrored[:, : SITES // 2 + 1])
    return weights, float(-np.linalg.eigvalsh(likelihood.information(weights))[0])


def _maximum(
    likelihood: FilterLikelihood, start: np.ndarray, lift: np.ndarray
) -> np.ndarray:
    """The maximum over w = lift · values, from the nearest of them to the start."""

    def descent(values: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = likelihood.rise(lift @ values)
        return -value, -slope @ lift

    found = minimize(
        descent,
        np.linalg.pinv(lift) @ np.ravel(start),
        jac=True,
        method="BFGS",
        options={"gtol": FLAT},
    )
    # Rounding of ln Z may end the search for a step before the slope is at its limit.
    if np.abs(found.jac).max() > 100 * FLAT:
        raise ValueError(
            f"an ascent ends where the slope is below {100 * FLAT:g}, got "
            f"{np.abs(found.jac).max():.1e} after {found.nit} steps; start elsewhere"
        )
    return (lift @ found.x).reshape(SIDE, SIDE)


def _contents(up: np.ndarray) -> np.ndarray:
    """Windows of each content per configuration, `(512,)`, of `(draws, x, y)` spins."""
    code = np.zeros(up.shape, dtype=int)
    for x, y in itertools.product((-1, 0, 1), repeat=2):
        code = 2 * code + np.roll(up, (-x, -y), (1, 2))
    return np.bincount(code.ravel(), minlength=2**SITES) / len(up)


def _filter(weights: np.ndarray) -> ConvRBM:
    machine = ConvRBM(filter=SIDE, stride=1).double()
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(weights).reshape(machine.W.shape))
    return machine


def _weights(machine: Machine) -> np.ndarray:
    return machine.W.detach().double().numpy().reshape(SIDE, SIDE)


def _flat(gradient: torch.Tensor) -> np.ndarray:
    return gradient.detach().numpy().ravel()


# --- trainings and their readings ----------------------------------------------------


@dataclass(frozen=True)
class _Job:
    """One data set of a filter, or one start of a dense machine."""

    trial: Trial | DenseTrial
    number: int

    def run(self, root: Path) -> Run:
        """The run of its readings: named after all that they depend on."""
        about = asdict(self.trial) | {"number": self.number}
        about.pop("data_sets", None)
        about["starts"] = getattr(self.trial, "starts", None)
        if isinstance(self.trial, DenseTrial):
            about.pop("starts")
        return Run.of(root, step="recovery", version=VERSION, settings=about)


def _jobs(settings: Settings) -> Iterator[_Job]:
    for trial in settings.filters:
        yield from (_Job(trial, number) for number in range(trial.data_sets))
    for trial in settings.dense:
        yield from (_Job(trial, number) for number in trial.starts)


def _readings(job: _Job, runs: Path) -> dict[str, float | None]:
    with one_thread():
        trial = job.trial
        if isinstance(trial, Trial):
            found = _of_filter(trial, job.number)
        else:
            found = _of_dense(trial, job.number)
    return {n: float(x) if math.isfinite(x) else None for n, x in found.items()}


def _of_filter(trial: Trial, number: int) -> dict[str, float]:
    data = _material(trial.side, trial.coupling, trial.samples, number)
    likelihood = FilterLikelihood.of(data)
    begun = [_started(trial, data, number, k) for k in range(trial.starts)]
    ended = [ascended(likelihood, weights) for weights in begun]
    judged = ended if trial.training is None else begun
    best = int(np.argmax([likelihood.value(weights) for weights in judged]))
    fit = against(likelihood, ended[best], trial.coupling)
    away = [_off(weights, trial.coupling) for weights in judged]
    lost = likelihood.value(ended[best]) - likelihood.value(judged[best])
    mirrored, slope = between(likelihood)
    others = fit.values[2:] / fit.errors[2:]
    return {
        "ratio": fit.ratio,
        "ratio_p": fit.ratio_p,
        "split": fit.split,
        "split_p": fit.split_p,
        "square": fit.square,
        "square_p": fit.square_p,
        "first": fit.values[0],
        "first_error": fit.errors[0],
        "second": fit.values[1],
        "second_error": fit.errors[1],
        "first_difference": fit.differences[0],
        "second_difference": fit.differences[1],
        "largest_other": abs(others).max(),
        "lost": 2 * trial.samples * lost,
        "found": float(np.mean(np.array(away) <= TOLERANCE)),
        "between_lost": likelihood.value(ended[best]) - likelihood.value(mirrored),
        "between_slope": slope,
    }


def _off(weights: np.ndarray, coupling: float) -> float:
    truth, sign = _nearest(weights, coupling)
    return _distance(sign * weights, truth)


def _started(trial: Trial, data: Ensemble, number: int, start: int) -> np.ndarray:
    """Random weights, trained where there is a training."""
    if trial.training is None:
        rng = generator(number, "weights", start)
        return rng.normal(0, SMALL, (SIDE, SIDE))
    seed = subseed(number, "weights", start)
    machine = ConvRBM(filter=SIDE, stride=1, seed=seed)
    trained = train(
        machine, data, settings=trial.training, seed=subseed(number, "train", start)
    )
    return _weights(trained)


def _of_dense(trial: DenseTrial, start: int) -> dict[str, float]:
    shape = (trial.side, trial.side)
    coupling = trial.coupling if trial.data_coupling is None else trial.data_coupling
    data = _material(trial.side, coupling, trial.samples, 0)
    truth = sublattice_machine(shape, trial.coupling)
    machine = truth
    if start:
        lattice = truth.visible_geometry()
        machine = RBM(lattice, trial.units, seed=subseed(start, "weights"))
    seed = subseed(start, "train")
    trained = train(machine, data, settings=trial.training, seed=seed)
    seen = recovered(trained, truth)
    return {
        "kl": _divergence(truth, trained) / trial.units,
        "share": seen.share,
        "farthest": float(seen.distance.max()),
    }


@torch.no_grad()
def _divergence(truth: Machine, machine: Machine) -> float:
    """KL of two laws in nats, over all states."""
    lattice = truth.visible_geometry().lattice
    states = all_states(math.prod(lattice)).reshape(-1, *lattice)
    v = torch.from_numpy(states)
    log_p, log_q = log_likelihood(truth, v), log_likelihood(machine, v)
    return float((log_p.exp() * (log_p - log_q)).sum())


def _material(side: int, coupling: float, samples: int, number: int) -> Ensemble:
    """Sublattice A of independent configurations, drawn from the exact law."""
    everything = sample(
        Ising((side, side)),
        coupling=coupling,
        draws=samples,
        chains=max(2, samples // DRAWS_OF_CHAIN),
        method="perfect",
        seed=subseed(number, "sample", f"{side}"),
    )
    return sublattice(everything)


# --- tables --------------------------------------------------------------------------


def table(study: xr.Dataset) -> str:
    """Both tables as Markdown: filters, then dense machines."""
    tied = [
        "lattice, coupling, data, training",
        "data sets at the truth",
        "starts at the truth",
        "K of both axes",
        "|d| of both axes",
        "largest of five others, in errors",
        "χ² of 7, mean; smallest p",
        "Λ, mean; smallest p",
        "Λ_d, mean; smallest p",
        "2n ⟨ln p⟩ lost by the training",
        "e-folds from the mirrored filter",
    ]
    dense = [
        "lattice, coupling, data, training",
        "start",
        "units found",
        "farthest",
        "KL per spin",
        "2n KL in total, and parameters",
    ]
    return "\n\n".join(
        [
            _lines(
                tied, [_tied_row(study.sel(trial=n)) for n in study["trial"].values]
            ),
            _lines(dense, list(_dense_rows(study))),
        ]
    )


def _lines(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _tied_row(here: xr.Dataset) -> list[str]:
    """Means over the data sets whose best start is likelier than the truth."""
    known = np.isfinite(here["ratio"].values)
    name = str(here["trial"].values)
    if not known.any():
        return [name, "0", "not computed", *["–"] * 8]
    here = here.isel(data_set=known)
    slope, folds = float(here["between_slope"].mean()), float(here["folds"].mean())
    out = f"{folds:.1f} at {slope:.2f}" if math.isfinite(folds) else f"at {slope:.2f}"
    lost = f"{float(here['lost'].mean()):.3g}" if math.isfinite(folds) else "none"
    reached = here.isel(data_set=here["ratio"].values >= 0)
    count = f"{reached.sizes['data_set']} of {known.sum()}"
    share = f"{float(here['found'].mean()):.0%}"
    if not reached.sizes["data_set"]:
        return [name, count, share, *["–"] * 6, lost, out]
    differences = (f"{n}_difference" for n in ("first", "second"))
    return [
        name,
        count,
        share,
        ", ".join(_mean_with_error(reached, n) for n in ("first", "second")),
        ", ".join(f"{float(abs(reached[n]).mean()):.3f}" for n in differences),
        f"{float(reached['largest_other'].max()):.1f}",
        *(
            f"{float(reached[n].mean()):.1f}; {float(reached[f'{n}_p'].min()):.2g}"
            for n in ("square", "ratio", "split")
        ),
        lost,
        out,
    ]


def _mean_with_error(here: xr.Dataset, name: str) -> str:
    """Mean over data sets, which are independent."""
    errors = here[f"{name}_error"].values
    error = math.sqrt((errors**2).sum()) / len(errors)
    return f"{float(here[name].mean()):.5f} ± {error:.5f}"


def _dense_rows(study: xr.Dataset) -> Iterator[list[str]]:
    for name in study["dense"].values:
        here = study.sel(dense=name)
        total = 2 * float(here["samples"]) * float(here["units"])
        parameters = int(here["units"]) ** 2
        for start in here["start"].values:
            one = here.sel(start=start)
            kl = float(one["kl"])
            if math.isnan(kl):
                continue
            yield [
                str(name),
                f"random {start}" if start else "truth",
                f"{float(one['share']):.0%}",
                f"{float(one['farthest']):.2f}",
                f"{kl:.2e}",
                f"{total * kl:.0f}, {parameters}",
            ]


def _method(training: Training | None) -> str:
    """How a row was trained, in words short enough for a table."""
    if training is None:
        return "ascent of the likelihood"
    kind = "CD" if training.chains == "data" else "PCD"
    penalty = f", l1 {training.l1:g}" if training.l1 else ""
    return (
        f"{kind}-{training.k}, rate {training.learning_rate:g}, batch "
        f"{training.batch}, {training.epochs} epochs{penalty}"
    )
