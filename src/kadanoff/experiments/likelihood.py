"""How likely do trained machines find what they have not seen? KL per spin at K_c.

    KL(p‖q) / N      (nats per spin)

of the Ising law p to the law q of a machine trained on so many independent
configurations, as `scorecard.divergence` reads it.

Three scales stand beside it. The uniform law, where a training starts. The statistical
excess of a regular model of the maximum likelihood, #parameters / 2n nats in total
(Wilks, Ann. Math. Stat. 9, 60 (1938)): a scale and no floor, since machines are
singular and a training that ends early does not reach the maximum. And the capacity,
what the best weights would leave: 0 from one hidden unit per bond on (N_h = 2N, see
`networks.anchors.bond_machine`), and between 0 and what was reached below.

A symmetry of the law makes every configuration stand for its whole orbit, so that the
excess falls; flips change nothing where biases are frozen, shifts do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.experiments.studies import attributes_of, complete
from kadanoff.models.ising import Ising
from kadanoff.networks.dbn import DBN
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.resumable import train_in_run
from kadanoff.networks.settings import LIKELIEST, LIKELIEST_SYMMETRIC, Training
from kadanoff.randomness import subseed
from kadanoff.runs import Run
from kadanoff.samplers.run import sample
from kadanoff.scorecard.divergence import EVEN, divergence

__all__ = [
    "FAST",
    "FULL",
    "READINGS",
    "Settings",
    "Trial",
    "collect",
    "compute",
    "median",
    "table",
]

VERSION = 1  # part of a run's name: raise it when readings change
DRAWS_OF_CHAIN = 100

READINGS = (
    "kl",
    "sampling_error",
    "partition_error",
    "reweighted",
    "reweighted_error",
    "share",
    "uniform",
    "bracket",
    "gap",
    "gap_error",
)
"""KL per spin and its two standard errors; the same with ln Z by reweighting, and what
share of the configurations matters there; KL per spin of the uniform law; backward
minus forward ln Z per spin; the free-energy gap of the training with its error
(nats)."""


@dataclass(frozen=True)
class Trial:
    """One row: a machine, its data and its training.

    Args:
        side: L of the L×L lattice.
        hidden: units of the hidden layer; of several, a stack.
        samples: configurations to train on.
        training: how.
        data_sets: trainings, each on chains of its own and from weights of its own.
        limit: what the KL per spin should not exceed, where anything is asked.
    """

    side: int
    hidden: tuple[int, ...]
    samples: int
    training: Training
    data_sets: int = 1
    limit: float | None = None

    @property
    def name(self) -> str:
        """Lattice, machine, samples and how it was trained: the name of a row."""
        sides = "×".join(str(u) for u in (self.side, self.side))
        units = "→".join(map(str, (self.side**2, *self.hidden)))
        return f"{sides}, {units}, {self.samples} samples, {_method(self.training)}"

    @property
    def parameters(self) -> int:
        """Free weights; biases are frozen."""
        layers = (self.side**2, *self.hidden)
        return sum(a * b for a, b in itertools.pairwise(layers))

    @property
    def excess(self) -> float:
        """#parameters / 2n nats, per spin."""
        return self.parameters / (2 * self.samples * self.side**2)

    @property
    def holds_every_bond(self) -> bool:
        """Whether there is a hidden unit for each of the 2N bonds."""
        return self.hidden[0] >= 2 * self.side**2


@dataclass(frozen=True)
class Settings:
    """What is trained, and what it is read on.

    Args:
        trials: the rows.
        coupling: K of data and readings.
        read: configurations of other chains, for trials beyond 16 spins.
        runs: of annealed importance sampling, of each way.
        temperatures: on its path.
    """

    trials: tuple[Trial, ...]
    coupling: float = K_C
    read: int = 10_000
    runs: int = 128
    temperatures: int = 1000


# Half as many samples, as many updates; the smaller lattice wants a smaller penalty
# and bears a higher rate.
SMALL = replace(LIKELIEST, epochs=60, learning_rate=0.2, l1=0.0005)
SHIFTS = LIKELIEST_SYMMETRIC.symmetry
# At 0.2 a quarter as many units as sites of 32×32 end twice as far from the law, and
# with the rate and penalty of the default half as far again.
LARGE = replace(LIKELIEST, learning_rate=0.05, l1=0.005)

FULL = Settings(
    trials=(
        Trial(4, (32,), 20_000, replace(SMALL, l1=0.0), data_sets=10, limit=7e-4),
        Trial(4, (32,), 20_000, SMALL, data_sets=10, limit=7e-4),
        Trial(
            4, (32,), 20_000, replace(SMALL, symmetry=SHIFTS), data_sets=5, limit=7e-4
        ),
        Trial(4, (32,), 20_000, replace(SMALL, l1=LIKELIEST.l1), data_sets=2),
        Trial(4, (16,), 20_000, SMALL, data_sets=2),
        Trial(10, (200,), 40_000, LIKELIEST, data_sets=10, limit=3e-3),
        Trial(10, (200,), 40_000, LIKELIEST_SYMMETRIC, data_sets=10, limit=3e-3),
        Trial(10, (200,), 40_000, replace(LIKELIEST, symmetry=SHIFTS), data_sets=3),
        Trial(10, (81,), 40_000, LIKELIEST, data_sets=3),
        Trial(10, (81, 25), 40_000, LIKELIEST, data_sets=3),
        Trial(32, (256,), 40_000, LARGE),
        Trial(32, (256,), 40_000, replace(LARGE, symmetry=SHIFTS)),
        Trial(32, (256,), 40_000, Training()),
        Trial(32, (256, 64), 40_000, LARGE),
    ),
)

# Seconds, for the tests: close, closer with shifts, and what the default penalty costs.
QUICK = replace(SMALL, epochs=10, batch=32)
FAST = Settings(
    trials=(
        Trial(4, (32,), 2_000, QUICK, data_sets=2),
        Trial(4, (32,), 2_000, replace(QUICK, symmetry=SHIFTS)),
        Trial(4, (32,), 2_000, replace(QUICK, l1=Training().l1), limit=2e-3),
        Trial(4, (8, 4), 2_000, QUICK),
    ),
    read=1_000,
)


def compute(
    settings: Settings,
    *,
    runs: Path,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """All trainings and their readings.

    Each is a run of its own: killed at any moment, the study goes on where it was.

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
    return collect(settings, runs=runs)


def collect(settings: Settings, *, runs: Path) -> xr.Dataset:
    """What has been computed so far.

    Returns:
        `READINGS`, `(trial, data_set)`, not a number where nothing has been computed;
        by trial `hidden`, `samples`, `excess`, `holds_every_bond` and `limit`. The
        attributes are JSON of the settings and the versions.
    """
    names = [trial.name for trial in settings.trials]
    most = max(trial.data_sets for trial in settings.trials)
    found = np.full((len(READINGS), len(names), most), np.nan)
    for job in _jobs(settings):
        work = job.run(runs)
        if not work.done:
            continue
        values = [work.summary.get(reading) for reading in READINGS]
        at = names.index(job.trial.name), job.data_set
        found[:, *at] = [np.nan if x is None else x for x in values]
    data: dict[str, Any] = {
        name: (("trial", "data_set"), found[k]) for k, name in enumerate(READINGS)
    }
    for name in ("excess", "holds_every_bond", "samples", "parameters"):
        data[name] = ("trial", [getattr(trial, name) for trial in settings.trials])
    limits = [math.nan if t.limit is None else t.limit for t in settings.trials]
    data["limit"] = ("trial", limits)
    data["layers"] = ("trial", [len(trial.hidden) for trial in settings.trials])
    coordinates = {"trial": names, "data_set": list(range(most))}
    return xr.Dataset(data, coordinates, attributes_of(settings))


def median(values: np.ndarray) -> tuple[float, float]:
    """The median of independent values and its standard error √(π/2n) s.

    The error is that of the median of a Gaussian; NaN of a single value.
    """
    values = values[np.isfinite(values)]
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    spread = values.std(ddof=1) if n > 1 else math.nan
    return float(np.median(values)), float(math.sqrt(math.pi / (2 * n)) * spread)


def table(study: xr.Dataset) -> str:
    """The rows as Markdown: KL per spin with its error beside the three scales."""
    header = [
        "lattice, machine, data, training",
        "data sets",
        "KL per spin, median",
        "range",
        "errors of one: average, ln Z",
        "ln Z down − up",
        "with ln Z reweighted",
        "asked",
        "parameters/2n",
        "capacity",
        "uniform law",
        "gap in nats",
    ]
    rows = [_row(study.sel(trial=name)) for name in study["trial"].values]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(here: xr.Dataset) -> list[str]:
    kl = here["kl"].values[np.isfinite(here["kl"].values)]
    name = str(here["trial"].values)
    if not len(kl):
        return [name, "0", "not computed", *["–"] * 5, *_scales(here), "–", "–"]
    value, error = median(kl)
    if len(kl) == 1:
        parts = [float(here[n].max()) for n in ("sampling_error", "partition_error")]
        error = math.hypot(*parts)
    bound = "≤ " if here["layers"] > 1 else ""
    return [
        name,
        str(len(kl)),
        f"{bound}{_with_error(value, error)}",
        f"{_short(kl.min())} – {_short(kl.max())}" if len(kl) > 1 else "–",
        f"{_error(here['sampling_error'])}, {_error(here['partition_error'])}",
        _short(float(here["bracket"].mean())) if here["partition_error"].max() else "–",
        _reweighted_cell(here),
        _asked(here, value, error),
        *_scales(here),
        _short(float(here["uniform"].mean())),
        _gap(here),
    ]


def _reweighted_cell(here: xr.Dataset) -> str:
    """Where ln Z was annealed and the weights are even enough."""
    known = np.isfinite(here["reweighted"].values)
    if not known.any() or not here["partition_error"].max() > 0:
        return "–"
    value, error = _reweighted_median(here)
    share = float(here["share"].min())
    if share < EVEN:
        return "weights too uneven"
    return f"{_with_error(value, error)} ({share:.0%} of the configurations)"


def _reweighted_median(here: xr.Dataset) -> tuple[float, float]:
    """Median and error; of one data set the error of its own reading."""
    value, error = median(here["reweighted"].values)
    return value, error if math.isfinite(error) else float(
        here["reweighted_error"].max()
    )


def _scales(here: xr.Dataset) -> list[str]:
    capacity = "0: a unit per bond" if here["holds_every_bond"] else "not known"
    return [_short(float(here["excess"])), capacity]


def _asked(here: xr.Dataset, value: float, error: float) -> str:
    """What was asked for, and whether it was reached by more than two errors."""
    limit = float(here["limit"])
    if math.isnan(limit):
        return "–"
    found = _against(limit, value, error)
    if here["partition_error"].max() > 0:
        again = _against(limit, *_reweighted_median(here))
        found = f"annealed {found}; reweighted {again}"
    return f"≤ {limit:.0e}: {found}"


def _against(limit: float, value: float, error: float) -> str:
    if abs(value - limit) < 2 * error:
        side = "below" if value <= limit else "above"
        return f"{side}, within two errors"
    return "holds" if value <= limit else "not reached"


def _gap(here: xr.Dataset) -> str:
    gaps, errors = here["gap"].values, here["gap_error"].values
    known = np.isfinite(gaps)
    if not known.any():
        return "–"
    error = math.sqrt((errors[known] ** 2).sum()) / known.sum()
    return f"{gaps[known].mean():.2f} ± {error:.2f}"


def _error(errors: xr.DataArray) -> str:
    largest = float(errors.max())
    return f"{largest:.1e}" if largest > 0 else "exact"


def _with_error(value: float, error: float) -> str:
    return f"{value:.2e} ± {error:.1e}"


def _short(value: float) -> str:
    return f"{value:.2e}"


def _method(training: Training) -> str:
    """How a row was trained, in words short enough for a table."""
    kind = "CD" if training.chains == "data" else "PCD"
    last = "" if training.k_last is None else f"→{training.k_last}"
    shifts, flips = training.symmetry.translations, training.symmetry.flip
    symmetry = " and ".join(
        word for word, used in (("shifts", shifts), ("flips", flips)) if used
    )
    others = [
        f"{kind}-{training.k}{last}",
        f"rate {training.learning_rate:g}",
        f"batch {training.batch}",
        f"{training.epochs} epochs",
        *([f"l1 {training.l1:g}"] if training.l1 else []),
        *([symmetry] if symmetry else []),
    ]
    return ", ".join(others)


@dataclass(frozen=True)
class _Job:
    """One training of one trial."""

    settings: Settings
    trial: Trial
    data_set: int

    def run(self, root: Path) -> Run:
        """The run of its readings: named after all that they depend on."""
        names = ("coupling", "read", "runs", "temperatures")
        about = {name: getattr(self.settings, name) for name in names}
        names = ("side", "hidden", "samples")
        about |= {name: getattr(self.trial, name) for name in names}
        about |= {"training": asdict(self.trial.training), "data_set": self.data_set}
        return Run.of(root, step="likelihood", version=VERSION, settings=about)


def _jobs(settings: Settings) -> Iterator[_Job]:
    for trial in settings.trials:
        for data_set in range(trial.data_sets):
            yield _Job(settings, trial, data_set)


def _readings(job: _Job, runs: Path) -> dict[str, Any]:
    settings, trial, seed = job.settings, job.trial, job.data_set
    data, unseen = _material(settings, trial, seed)
    start: Any = _start(trial, seed)
    trained, _ = train_in_run(
        start,
        data,
        settings=trial.training,
        seed=subseed(seed, "train"),
        runs=runs,
        held_out=unseen,
    )
    with one_thread():
        found = divergence(
            trained,
            unseen,
            runs=settings.runs,
            temperatures=settings.temperatures,
            seed=seed,
        )
        uniform = divergence(_without_weights(trial), unseen, seed=seed)
    first = trained.machines[0] if isinstance(trained, DBN) else trained
    values = {
        "kl": found.kl.value.value,
        "sampling_error": found.kl.sampling_error,
        "partition_error": found.kl.partition_error,
        "reweighted": math.nan if found.reweighted is None else found.reweighted.value,
        "reweighted_error": (
            math.nan if found.reweighted is None else found.reweighted.error
        ),
        "share": found.share,
        "uniform": uniform.kl.value.value,
        "bracket": found.bracket,
        "gap": first.record["gap"][-1],
        "gap_error": first.record["gap_error"][-1],
    }
    return {n: float(v) if np.isfinite(v) else None for n, v in values.items()}


def _start(trial: Trial, seed: int) -> RBM | DBN:
    lattice, drawn = (trial.side, trial.side), subseed(seed, "weights")
    first, *others = trial.hidden
    if others:
        return DBN.dense(lattice, trial.hidden, seed=drawn)
    return RBM(lattice, first, seed=drawn)


def _without_weights(trial: Trial) -> RBM:
    """The uniform law, of one hidden unit so that ln Z is exact."""
    machine = RBM((trial.side, trial.side), 1)
    machine.W.data.zero_()
    return machine


def _material(settings: Settings, trial: Trial, seed: int) -> tuple[Ensemble, Ensemble]:
    """Chains to train on, and others to read."""
    draws = trial.samples + settings.read
    everything = sample(
        Ising((trial.side, trial.side)),
        coupling=settings.coupling,
        draws=draws,
        chains=draws // DRAWS_OF_CHAIN,
        seed=subseed(seed, "sample", f"{trial.side}"),
    )
    training, unseen = everything.split(trial.samples, settings.read)
    return training, unseen
