"""Relevant directions: what pruning costs, and whether data tell what to train.

Two questions of one study, at K_c.

Pruning. A machine of N/4 units is trained on all its weights, its directions are read
on other chains (`scorecard.relevance`), and directions or weights are taken out
(`scorecard.pruning`).

Training only what is relevant. Before any training the covariance of the data,
⟨v vᵀ⟩ = Σ_k λ_k e_k e_kᵀ, says how a direction of the visible layer behaves under
averaging: independent spins have λ = 1 at every scale, and what has λ > 1 grows when
blocks are averaged, what has λ < 1 dies. Of n samples of N independent spins λ lies
between (1 − √(N/n))² and (1 + √(N/n))² (Marchenko and Pastur 1967); modes above are
called relevant, below irrelevant, between marginal. Training in directions U alone,

    W = U A,      ∂W → U Uᵀ ∂W,

keeps every unit in their span; the gradient is projected, all else is the trainer's.
An arm is a choice of U. Each budget of epochs is a training of its own, with the rate
falling to zero at its end, so that no arm is read in the middle of its training.
Seconds are those of the processor in `train` with one thread, its readings included,
the choice of modes not.

    python -m kadanoff.experiments.relevance RUNS

makes the tables of docs/verdicts/relevance.md.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.experiments.studies import attributes_of, complete, markdown
from kadanoff.models.ising import Ising
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import LIKELIEST, Training
from kadanoff.networks.train import train
from kadanoff.randomness import generator, subseed
from kadanoff.runs import Run
from kadanoff.samplers.run import sample
from kadanoff.scorecard.divergence import divergence
from kadanoff.scorecard.pruning import ORDERS, READINGS, pruning_curve
from kadanoff.scorecard.relevance import CLASSES, placed, relevance

__all__ = [
    "ALL",
    "ARMS",
    "FAST",
    "FULL",
    "Confined",
    "Modes",
    "Pruned",
    "Settings",
    "Trial",
    "collect",
    "compute",
    "modes_of",
    "table",
    "time_to_equal",
]

VERSION = 1  # part of a run's name: raise it when readings change
DRAWS_OF_CHAIN = 100
SMALLEST = 1e-4  # error of a mean that a table shows
SHOWN = 16  # directions that a table shows
ALL, FIRST = "all", "relevant first"
ARMS = (
    ALL,
    "relevant",
    "first quarter",
    "first half",
    "random half",
    "last half",
    FIRST,
)
"""All weights; modes with λ above the noise; so many modes of the largest λ; as many in
random directions; of the smallest λ; half of the epochs in the relevant ones, the rest
in all."""


class Confined(RBM):
    """A dense machine whose weights stay in the span of some visible directions.

    Args:
        visible: as in `RBM`.
        hidden: number of hidden units.
        modes: U, `(visible, m)`, orthonormal columns.
        seed: draws the initial weights, which are then projected.
        start: weights to start from instead.

    Raises:
        ValueError: modes of another number of sites, or not orthonormal.
    """

    modes: Tensor

    def __init__(self, visible: Any, hidden: int, modes: np.ndarray, *, seed: int = 0):
        super().__init__(visible, hidden, seed=seed)
        U = torch.from_numpy(np.ascontiguousarray(modes, dtype=float))
        sites = self.W.shape[0]
        eye = torch.eye(U.shape[-1], dtype=U.dtype)
        if U.ndim != 2 or len(U) != sites or not torch.allclose(U.T @ U, eye):
            raise ValueError(
                f"the directions of {sites} sites are orthonormal columns of as many "
                f"entries, got an array of shape {tuple(modes.shape)}"
            )
        self.register_buffer("modes", U.to(self.W))
        self.W.data = self.modes @ (self.modes.T @ self.W.data)

    def accumulate(
        self,
        moments: dict[str, Tensor],
        v: Tensor,
        h: Tensor,
        scale: float,
        keep: float = 1.0,
    ) -> None:
        """As `RBM`, the moments of W projected on the directions."""
        v = v.flatten(1)
        gradient = self.modes.T @ (v.T @ h)
        moments["W"].mul_(keep).addmm_(self.modes, gradient, alpha=scale)
        if "b" in moments:
            moments["b"].mul_(keep).add_(h.sum(0), alpha=scale)
            moments["c"].mul_(keep).add_(v.sum(0), alpha=scale)


@dataclass(frozen=True, eq=False)
class Modes:
    """Directions of the visible layer as the data have them.

    Attributes:
        variances: λ_k, not increasing, `(N,)`.
        vectors: e_k, `(N, N)`, columns.
        noise: both ends of what independent spins would have.
    """

    variances: np.ndarray
    vectors: np.ndarray
    noise: tuple[float, float]

    @property
    def relevant(self) -> int:
        """How many lie above the noise: the first ones."""
        return int((self.variances > self.noise[1]).sum())

    @property
    def irrelevant(self) -> int:
        """How many lie below it: the last ones."""
        return int((self.variances < self.noise[0]).sum())

    def of(self, arm: str, *, rng: np.random.Generator) -> np.ndarray:
        """U of one of `ARMS`, `(N, m)`.

        Args:
            arm: its name.
            rng: draws the random directions.

        Raises:
            ValueError: another arm.
        """
        N = len(self.variances)
        if arm == "random half":
            return np.linalg.qr(rng.normal(size=(N, N // 2)))[0]
        spans = {
            ALL: slice(None),
            "relevant": slice(self.relevant),
            FIRST: slice(self.relevant),
            "first quarter": slice(N // 4),
            "first half": slice(N // 2),
            "last half": slice(N - N // 2, None),
        }
        if arm not in spans:
            raise ValueError(f"an arm is one of {', '.join(ARMS)}, got {arm!r}")
        return self.vectors[:, spans[arm]]


def modes_of(data: Ensemble) -> Modes:
    """Eigenvectors of ⟨v vᵀ⟩ of ±1 configurations, largest variance first."""
    flat = data.values.reshape(data.size, -1).astype(float)
    variances, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    width = math.sqrt(flat.shape[1] / data.n_eff)
    ends = (1 - min(width, 1.0)) ** 2, (1 + width) ** 2
    return Modes(variances[::-1], vectors[:, ::-1], ends)


@dataclass(frozen=True)
class Trial:
    """A machine, trained in all arms for all budgets.

    Args:
        side: L of the L×L lattice.
        hidden: number of hidden units.
        training: how, but for the epochs; without penalties, which would move weights
            out of the directions.
        epochs: the budgets.
    """

    side: int
    hidden: int
    training: Training
    epochs: tuple[int, ...]

    @property
    def name(self) -> str:
        """Lattice and machine."""
        return f"{self.side}×{self.side} → {self.hidden}"


@dataclass(frozen=True)
class Pruned:
    """A machine that is trained on all weights and pruned.

    Args:
        name: of its recipe.
        side: L; the machine has a quarter as many hidden units as sites.
        training: how.
        shares: that are kept; none where only the directions are read.
    """

    name: str
    side: int
    training: Training
    shares: tuple[float, ...]

    @property
    def directions(self) -> int:
        """Singular values of W."""
        return self.side**2 // 4


@dataclass(frozen=True)
class Settings:
    """What is trained, pruned and read.

    Args:
        trials: machines to train in chosen directions.
        pruned: machines to prune.
        arms: names of `ARMS`, `all` first.
        seeds: each with its own chains and weights.
        coupling: K of data and readings.
        samples: configurations to train on.
        read: of other chains.
        level: of the classes, family-wise.
    """

    trials: tuple[Trial, ...]
    pruned: tuple[Pruned, ...]
    arms: tuple[str, ...] = ARMS
    seeds: int = 5
    coupling: float = K_C
    samples: int = 20_000
    read: int = 20_000
    level: float = 0.01


LIKELY = replace(LIKELIEST, l1=0.0)
BUDGETS = (1, 2, 4, 8, 16, 32)
SHARES = (0.0, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 1.0)

FULL = Settings(
    trials=(
        Trial(4, 32, replace(LIKELY, learning_rate=0.2), BUDGETS),
        Trial(8, 16, LIKELY, BUDGETS),
    ),
    pruned=(
        Pruned("likelihood", 8, replace(LIKELY, epochs=64), SHARES),
        Pruned("locality", 8, Training(), SHARES),
        Pruned("locality 16×16", 16, Training(), ()),
        Pruned("locality 32×32", 32, Training(), ()),
    ),
)

# Seconds, for the tests.
FAST = Settings(
    trials=(Trial(4, 16, replace(LIKELY, batch=64, learning_rate=0.2), (2, 8)),),
    pruned=(Pruned("likelihood", 4, replace(LIKELY, epochs=8, batch=64), (0.0, 1.0)),),
    arms=(ALL, "relevant", "last half"),
    seeds=2,
    samples=4_000,
    read=4_000,
)


def compute(
    settings: Settings,
    *,
    runs: Path,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """All trainings, prunings and readings, each job a run of its own.

    Args:
        settings: what to do.
        runs: root of run directories.
        progress: called with the jobs done and their number.

    Returns:
        As `collect`, without gaps.

    Raises:
        ValueError: settings that no training fits; a run that another process holds.
    """
    complete(list(_jobs(settings)), _readings, runs=runs, progress=progress)
    _material.cache_clear()
    return collect(settings, runs=runs)


def collect(settings: Settings, *, runs: Path) -> xr.Dataset:
    """What has been computed so far, not a number where nothing has been.

    Returns:
        `kl` (nats per site), `seconds` and `updates`, `(trial, arm, seed, budget)`,
        with `modes`, `(trial, arm, seed)`; of pruned machines `READINGS`,
        `(pruned, order, seed, share)`, with `parameters`; of their directions
        `singular_value`, `strength`, `amplitude` of the leading even field and its
        `amplitude_error`, and the class as the number of `CLASSES`, `(pruned, seed,
        direction)`; `eigenvalue` of the fields, `(pruned, seed, field)`.
    """
    shares = sorted({s for p in settings.pruned for s in p.shares})
    budgets = sorted({e for t in settings.trials for e in t.epochs})
    most = max((p.directions for p in settings.pruned), default=0)
    coordinates: dict[str, list[Any]] = {
        "trial": [t.name for t in settings.trials],
        "arm": list(settings.arms),
        "seed": list(range(settings.seeds)),
        "budget": budgets,
        "pruned": [p.name for p in settings.pruned],
        "order": list(ORDERS),
        "share": shares,
        "direction": list(range(1, most + 1)),
        "field": ["even 1", "even 2", "odd 1"],
    }
    axes = {
        **dict.fromkeys(
            ("kl", "seconds", "updates"), ("trial", "arm", "seed", "budget")
        ),
        "modes": ("trial", "arm", "seed"),
        **{f"pruned_{name}": ("pruned", "order", "seed", "share") for name in READINGS},
        "parameters": ("pruned", "order", "seed", "share"),
        **dict.fromkeys(DIRECTIONS, ("pruned", "seed", "direction")),
        "eigenvalue": ("pruned", "seed", "field"),
    }
    study = xr.Dataset(
        {
            name: (dims, np.full([len(coordinates[d]) for d in dims], np.nan))
            for name, dims in axes.items()
        },
        coordinates,
        attributes_of(settings),
    )
    for job in _jobs(settings):
        work = job.run(runs)
        if work.done:
            job.fill(study, work.summary)
    return study


DIRECTIONS = (
    "singular_value",
    "strength",
    "amplitude",
    "amplitude_error",
    "class",
)


@dataclass(frozen=True)
class _Arm:
    """All budgets of one arm of one trial."""

    settings: Settings
    trial: Trial
    arm: str
    seed: int

    def run(self, root: Path) -> Run:
        about = _about(self.settings) | {"trial": asdict(self.trial)}
        about |= {"arm": self.arm, "seed": self.seed}
        return Run.of(root, step="directions", version=VERSION, settings=about)

    def read(self) -> dict[str, Any]:
        data, unseen = _material(self.settings, self.trial.side, self.seed)
        found = modes_of(data)
        U = found.of(self.arm, rng=generator(self.seed, "directions"))
        least = 2 if self.arm == FIRST else 1  # halves of an epoch there are none
        rows = {
            str(epochs): self._trained(epochs, U, data, unseen)
            for epochs in self.trial.epochs
            if epochs >= least
        }
        return {"modes": U.shape[1], "rows": rows}

    def _trained(
        self, epochs: int, U: np.ndarray, data: Ensemble, unseen: Ensemble
    ) -> dict[str, float]:
        start = time.process_time()
        machine = _trained(self.trial, self.arm, epochs, U, data, self.seed)
        seconds = time.process_time() - start
        with one_thread():
            found = divergence(machine, unseen, seed=self.seed).kl.value
        updates = epochs * (data.size // self.trial.training.batch)
        return {"kl": float(found.value), "seconds": seconds, "updates": updates}

    def fill(self, study: xr.Dataset, summary: dict[str, Any]) -> None:
        here = {"trial": self.trial.name, "arm": self.arm, "seed": self.seed}
        study["modes"].loc[here] = summary["modes"]
        for epochs, row in summary["rows"].items():
            for name, value in row.items():
                study[name].loc[here | {"budget": int(epochs)}] = value


@dataclass(frozen=True)
class _Pruning:
    """Directions and curves of one machine."""

    settings: Settings
    pruned: Pruned
    seed: int

    def run(self, root: Path) -> Run:
        about = _about(self.settings) | {"pruned": asdict(self.pruned)}
        about |= {"seed": self.seed, "level": self.settings.level}
        return Run.of(root, step="pruning", version=VERSION, settings=about)

    def read(self) -> dict[str, Any]:
        side, seed = self.pruned.side, self.seed
        data, unseen = _material(self.settings, side, seed)
        start = RBM((side, side), side**2 // 4, seed=subseed(seed, "weights"))
        trained = train(start, data, settings=self.pruned.training, seed=seed)
        here = placed(trained, unseen, seed=seed)
        found = relevance(trained, unseen, level=self.settings.level, seed=seed)
        curves = [
            pruning_curve(here, found, by, shares=self.pruned.shares, seed=seed)
            for by in (ORDERS if self.pruned.shares else ())
        ]
        rank = len(found.singular_values)
        even = found.amplitude[:rank, 0]
        return {
            "singular_value": found.singular_values.tolist(),
            "strength": found.strength.value[:rank].tolist(),
            "amplitude": even.value.tolist(),
            "amplitude_error": even.error.tolist(),
            "class": [CLASSES.index(name) for name in found.classes[:rank]],
            "eigenvalue": dict(
                zip(found.fields, found.eigenvalues.value.tolist(), strict=True)
            ),
            "curves": {
                c.by: {
                    "parameters": c.parameters.tolist(),
                    **{name: _finite(c.values(name)) for name in READINGS},
                }
                for c in curves
            },
        }

    def fill(self, study: xr.Dataset, summary: dict[str, Any]) -> None:
        here = {"pruned": self.pruned.name, "seed": self.seed}
        for name in DIRECTIONS:
            for k, value in enumerate(summary[name], start=1):
                study[name].loc[here | {"direction": k}] = value
        for field, value in summary["eigenvalue"].items():
            study["eigenvalue"].loc[here | {"field": field}] = value
        for by, curve in summary["curves"].items():
            for k, share in enumerate(self.pruned.shares):
                at = here | {"order": by, "share": share}
                study["parameters"].loc[at] = curve["parameters"][k]
                for name in READINGS:
                    value = curve[name][k]
                    study[f"pruned_{name}"].loc[at] = np.nan if value is None else value


def _about(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in ("coupling", "samples", "read")}


def _jobs(settings: Settings) -> Iterator[_Arm | _Pruning]:
    """Seed by seed, so that what is there is complete."""
    for seed in range(settings.seeds):
        for pruned in settings.pruned:
            yield _Pruning(settings, pruned, seed)
        for trial in settings.trials:
            for arm in settings.arms:
                yield _Arm(settings, trial, arm, seed)


def _readings(job: _Arm | _Pruning, runs: Path) -> dict[str, Any]:
    return job.read()


def _finite(values: np.ndarray) -> list[float | None]:
    return [float(x) if np.isfinite(x) else None for x in values]


def _trained(
    trial: Trial, arm: str, epochs: int, U: np.ndarray, data: Ensemble, seed: int
) -> RBM:
    shape, drawn = (trial.side, trial.side), subseed(seed, "weights")
    if arm == ALL:
        start = RBM(shape, trial.hidden, seed=drawn)
        return train(start, data, settings=_for(trial, epochs), seed=seed)
    start = Confined(shape, trial.hidden, U, seed=drawn)
    if arm != FIRST:
        return train(start, data, settings=_for(trial, epochs), seed=seed)
    first = train(start, data, settings=_for(trial, epochs // 2), seed=seed)
    free = RBM(shape, trial.hidden)
    free.W.data = first.W.data.clone()
    rest = _for(trial, epochs - epochs // 2)
    return train(free, data, settings=rest, seed=subseed(seed, "rest"))


def _for(trial: Trial, epochs: int) -> Training:
    return replace(trial.training, epochs=epochs)


@lru_cache(maxsize=2)
def _material(settings: Settings, side: int, seed: int) -> tuple[Ensemble, Ensemble]:
    """Chains to train on, and others to read."""
    draws = settings.samples + settings.read
    everything = sample(
        Ising((side, side)),
        coupling=settings.coupling,
        draws=draws,
        chains=draws // DRAWS_OF_CHAIN,
        seed=subseed(seed, "relevance", f"{side}"),
    )
    training, unseen = everything.split(settings.samples, settings.read)
    return training, unseen


def time_to_equal(study: xr.Dataset, cost: str, budget: int) -> xr.DataArray:
    """What an arm needs over what `all` needs to be as near to the law.

    The KL is the one that training all weights reaches with a budget, seed by seed. An
    arm reaches it where the line between two of its budgets, in logarithms, does, or
    its first one does; not a number where none does.

    Args:
        study: as `collect` returns it.
        cost: `updates` or `seconds`.
        budget: epochs of `all`.

    Returns:
        Ratios `(trial, arm, seed)`; below 1 where the arm is faster.
    """
    kl, spent = study["kl"], study[cost]
    target = kl.sel(arm=ALL, budget=budget)
    known = spent.sel(arm=ALL, budget=budget)
    out = xr.full_like(kl.isel(budget=0, drop=True), np.nan)
    for at in np.ndindex(out.shape):
        where = dict(zip(out.dims, at, strict=True))
        per_seed = {d: i for d, i in where.items() if d != "arm"}
        needed = _reaches(
            spent[where].values, kl[where].values, float(target[per_seed])
        )
        out[where] = needed / float(known[per_seed])
    return out


def _reaches(spent: np.ndarray, kl: np.ndarray, target: float) -> float:
    """Cost at which the best KL so far falls to the target."""
    known = np.isfinite(kl)
    spent, best = spent[known], np.minimum.accumulate(kl[known])
    below = np.flatnonzero(best <= target * (1 + 1e-12))
    if not len(below):
        return math.nan
    k = int(below[0])
    if k == 0 or best[k] == target:
        return float(spent[k])
    x, y = np.log(spent[k - 1 : k + 1]), np.log(best[k - 1 : k + 1])
    return float(
        np.exp(x[0] + (x[1] - x[0]) * (math.log(target) - y[0]) / (y[1] - y[0]))
    )


def table(study: xr.Dataset) -> str:
    """The tables as Markdown: trainings, times to equal KL, directions, prunings."""
    parts: list[str] = []
    for trial in study["trial"].values:
        parts += [f"### {trial}: KL per site × 10³", _kl_table(study.sel(trial=trial))]
        parts += [f"### {trial}: time to equal KL", _time_table(study, str(trial))]
    for name in study["pruned"].values:
        here = study.sel(pruned=name)
        parts += [f"### {name}: the directions", _direction_table(here)]
        if np.isnan(here["parameters"].values).all():
            continue
        for reading in READINGS:
            parts += [f"### {name}: {reading}", _pruning_table(here, reading)]
    return "\n\n".join(parts)


def _kl_table(here: xr.Dataset) -> str:
    header = ["directions", "modes", *(f"epochs {b}" for b in here["budget"].values)]
    header += ["seconds of the last"]
    rows = []
    for arm in here["arm"].values:
        one = here.sel(arm=arm)
        modes = one["modes"].values
        span = sorted({int(m) for m in modes[np.isfinite(modes)]})
        cells = [
            _mean(one["kl"].sel(budget=b).values, 1e3) for b in one["budget"].values
        ]
        last = one["seconds"].isel(budget=-1).values
        rows.append([str(arm), " – ".join(map(str, span)), *cells, _mean(last)])
    return markdown(header, rows)


def _time_table(study: xr.Dataset, trial: str) -> str:
    budgets = [int(b) for b in study["budget"].values][1:]
    header = ["directions"]
    header += [f"{cost}, KL of {b}" for b in budgets for cost in ("updates", "seconds")]
    rows = []
    for arm in study["arm"].values[1:]:
        cells = []
        for b in budgets:
            for cost in ("updates", "seconds"):
                ratios = time_to_equal(study, cost, b).sel(trial=trial, arm=arm).values
                reached = ratios[np.isfinite(ratios)]
                cells.append(
                    f"{_mean(reached)} in {len(reached)}" if len(reached) else "never"
                )
        rows.append([str(arm), *cells])
    return markdown(header, rows)


def _direction_table(here: xr.Dataset) -> str:
    header = ["direction", "σ", "strength", "amplitude of the leading even field"]
    header += ["share of Σ amplitude²", *(f"seeds: {name}" for name in CLASSES)]
    squares = here["amplitude"] ** 2
    shares = squares / squares.sum("direction")
    rows = []
    for k in here["direction"].values[:SHOWN]:
        one = here.sel(direction=k)
        counts = [int((one["class"].values == c).sum()) for c in range(len(CLASSES))]
        cells = [_mean(one[n].values) for n in ("singular_value", "strength")]
        size = abs(one["amplitude"].values)
        cells += [_mean(size), _mean(shares.sel(direction=k).values)]
        rows.append([f"W {k}", *cells, *map(str, counts)])
    fields = [
        f"λ {name} {_mean(here['eigenvalue'].sel(field=name).values)}"
        for name in here["field"].values
    ]
    found = here["class"].values
    classes = [f"{int((found == c).sum())} {name}" for c, name in enumerate(CLASSES)]
    total = f"of {int(np.isfinite(found).sum())} directions {', '.join(classes)}"
    return f"{markdown(header, rows)}\n\n{', '.join(fields)}; {total}"


def _pruning_table(here: xr.Dataset, reading: str) -> str:
    shares = here["share"].values
    header = ["kept by", *(f"{share:.3g}" for share in shares)]
    factor = 1e3 if reading == "kl" else 1.0
    rows = [
        [
            str(by),
            *(
                _mean(here[f"pruned_{reading}"].sel(order=by, share=s).values, factor)
                for s in shares
            ),
        ]
        for by in here["order"].values
    ]
    return markdown(header, rows)


def _mean(values: np.ndarray, factor: float = 1.0) -> str:
    """Mean and standard error of the mean over seeds; how many are missing."""
    known = factor * values[np.isfinite(values)]
    if not len(known):
        return "–"
    missing = len(values) - len(known)
    note = f" ({len(known)} of {len(values)})" if missing else ""
    if len(known) == 1:
        return f"{known[0]:.3g}{note}"
    error = max(known.std(ddof=1) / math.sqrt(len(known)), SMALLEST)
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{known.mean():.{digits}f} ± {error:.{digits}f}{note}"


def _main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit("give the root of run directories, and nothing else")

    def told(done: int, total: int) -> None:
        sys.stderr.write(f"{done} of {total}\n")

    study = compute(FULL, runs=Path(arguments[0]), progress=told)
    sys.stdout.write(f"{table(study)}\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
