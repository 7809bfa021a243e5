"""Which maps renormalize? Rules of physics and trained networks on one magnet.

Every map is probed on fresh configurations of the square-lattice Ising model at T_c and
5 % either side, on 32². Rules and machines with one shared filter fit any lattice, and
their exponents are read over three steps, 64² to 8²; those of the others over the one
step they were made for and between majority blocks of both its sides. Networks are
trained on 32² at T_c,
from `Settings.seeds` starting points, each on chains of its own.

A map is said to renormalize here where at T_c, in the mean over seeds and beyond three
of its errors,

    local       its units look at one place: the direct response is narrower than 2
                sites, and it commutes with shifts of the lattice, C > 0.9;
    field       it keeps the scaling field up to a factor: G_coarse/G_fine changes from
                the shortest distance to the longest as a power of r below 0.05;
    exponents   every seed's exponents count as those of a fixed point
                (`kadanoff.instruments.convergence`) and agree with Ising's within three
                reported errors. One step shows no fixed point: there y_T and y_H
                between majority blocks must be majority's within 0.05 and 0.02.

The thresholds lie between what majority and the failing controls of the scorecard read
(`tests/scorecard/test_card.py`).
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.handed_over import ModuleRule
from kadanoff.coarse.layer import Code, Layer, layers_of
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C, Y_H, Y_T
from kadanoff.experiments.studies import complete, markdown, over_seeds
from kadanoff.models.ising import Ising
from kadanoff.networks.autoencoder import Autoencoder, train_autoencoder
from kadanoff.networks.classifier import train_classifier
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN, train_dbn
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed
from kadanoff.runs import Run
from kadanoff.samplers.run import sample
from kadanoff.scorecard.card import Scorecard, probe
from kadanoff.scorecard.controls import BLOCK
from kadanoff.scorecard.rows import QUICK
from kadanoff.sweep import Sweep

__all__ = [
    "FAST",
    "FULL",
    "MAPS",
    "Finding",
    "Settings",
    "compute",
    "findings",
    "table",
]

VERSION = 2  # part of a run's name: raise it when readings change
NARROW, COVARIANT, SLOPE = 2.0, 0.9, 0.05
APART_T, APART_H = 0.05, 0.02
SIGMAS = 3.0

Rules = Sequence[CoarseGraining]


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        seeds: starting points of every training, and chains.
        training: configurations each network is trained on.
        read: configurations each map is read on.
        temperatures: T/T_c at which they are read.
        large: side of the lattice on which exponents of maps that fit any are read.
        small: side of the lattice on which all else is trained and read.
        epochs: of every training; None for what is recommended.
    """

    seeds: int
    training: int
    read: int
    temperatures: tuple[float, ...]
    large: int = 64
    small: int = 32
    epochs: int | None = None


FAST = Settings(1, 512, 512, (1.0,), large=32, small=16, epochs=1)
FULL = Settings(5, 10_000, 10_000, (0.95, 1.0, 1.05))


@dataclass(frozen=True)
class Finding:
    """One map over its seeds at T_c.

    Attributes:
        map: its name.
        readings: mean over seeds with its error, by row and reading.
        faults: in which of local, field and exponents it fails.
        undecided: in which of them the seeds do not tell.
    """

    map: str
    readings: Mapping[tuple[str, str], Estimate]
    faults: tuple[str, ...]
    undecided: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if self.faults:
            return f"no: {', '.join(self.faults)}"
        return f"undecided: {', '.join(self.undecided)}" if self.undecided else "yes"


def _dense(data: Ensemble, seed: int, settings: Settings, l1: float | None) -> Rules:
    training = _shortened(Training(), settings)
    training = training if l1 is None else replace(training, l1=l1)
    start = RBM(data.geometry, data.grid.size // 4, seed=subseed(seed, "weights"))
    return (Layer(train(start, data, settings=training, seed=subseed(seed, "train"))),)


def _tied(data: Ensemble, seed: int, settings: Settings) -> Rules:
    start = ConvRBM(seed=subseed(seed, "weights"))
    how = None if settings.epochs is None else Training(epochs=settings.epochs)
    return (Layer(train(start, data, settings=how, seed=subseed(seed, "train"))),)


def _deep(data: Ensemble, seed: int, settings: Settings) -> Rules:
    sites = data.grid.size
    start = DBN(
        (
            RBM(data.geometry, sites // 4, seed=subseed(seed, "weights", 0)),
            RBM(sites // 4, sites // 16, seed=subseed(seed, "weights", 1)),
        )
    )
    how = _shortened(Training(), settings)
    network = train_dbn(start, data, settings=how, seed=subseed(seed, "train"))
    return layers_of(network).rules


def _code(data: Ensemble, seed: int, settings: Settings) -> Rules:
    start = Autoencoder(
        data.geometry, data.grid.size // 4, seed=subseed(seed, "weights")
    )
    return (Code(train_autoencoder(start, data, seed=subseed(seed, "train"))),)


def _pooling(data: Ensemble, seed: int, settings: Settings) -> Rules:
    """The feature map of a classifier's first pooling that hears the magnet best."""
    sweep = Sweep(
        tuple(
            sample(
                Ising(data.grid.shape),
                coupling=K_C / t,
                draws=max(256, settings.training // len(CLASSES)),
                seed=subseed(seed, "classes", k),
            )
            for k, t in enumerate(CLASSES)
        )
    )
    network = train_classifier(sweep, seed=subseed(seed, "train"))
    pooled = ModuleRule(network, layer="pool1", output="mean", name="classifier")
    heard = _heard(pooled, data)
    return (replace(pooled, map=heard),)


CLASSES = (0.9, 0.95, 1.0, 1.05, 1.1)
"""T/T_c of the configurations that the classifier tells apart."""


def _heard(rule: ModuleRule, data: Ensemble) -> int:
    """The map whose mean correlates most with the magnetization, on training chains."""
    block = next(iter(data.chunks()))
    values = data.read(block)
    maps = rule(values, data.geometry, rng=np.random.default_rng(0))
    m = values.reshape(len(values), -1).mean(axis=1)
    means = maps.reshape(*maps.shape[:2], -1).mean(axis=-1)
    return int(np.nanargmax([abs(np.corrcoef(m, column)[0, 1]) for column in means.T]))


Build = Callable[[Ensemble, int, Settings], Rules]
ANY_LATTICE: Mapping[str, Build] = {
    "majority": lambda data, seed, settings: (Majority(b=2),),
    "average": lambda data, seed, settings: (Average(b=2),),
    "decimation": lambda data, seed, settings: (Decimation(b=2),),
    "RBM with one filter": _tied,
}
ONE_LATTICE: Mapping[str, Build] = {
    "dense RBM, CD-1": lambda data, seed, settings: _dense(data, seed, settings, 0.0),
    "dense RBM, local": lambda data, seed, settings: _dense(data, seed, settings, None),
    "deep belief network": _deep,
    "autoencoder": _code,
    "classifier, first pooling": _pooling,
}
MAPS = (*ANY_LATTICE, *ONE_LATTICE)


def compute(
    settings: Settings,
    *,
    runs: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Train, read and judge all maps; what is done already is read from its run.

    Args:
        settings: how much.
        runs: root of run directories.
        progress: called with the trainings done and their number.

    Raises:
        ValueError: a run that another process holds.
    """
    jobs = list(_jobs(settings))
    complete(jobs, _readings, runs=runs, progress=progress)
    return findings(settings, runs=runs)


def findings(settings: Settings, *, runs: Path) -> list[Finding]:
    """What the finished runs say of each map at T_c.

    Raises:
        ValueError: a run that has not finished.
    """
    return [_finding(name, _cards(name, 1.0, settings, runs)) for name in MAPS]


def table(settings: Settings, *, runs: Path) -> str:
    """Markdown: all maps at T_c with their verdicts, then their couplings beside it.

    Raises:
        ValueError: a run that has not finished.
    """
    found = findings(settings, runs=runs)
    rows = [
        [f.map, *(_shown(f.readings.get(key)) for key in COLUMNS), f.verdict]
        for f in found
    ]
    header = ["map", *COLUMNS.values(), "renormalizes"]
    beside = [
        [
            name,
            *(
                _shown(_mean(_cards(name, t, settings, runs), *key))
                for key in (NEAREST, SLOPES)
                for t in settings.temperatures
            ),
        ]
        for name in MAPS
    ]
    named = [
        f"{word} at {t:g} T_c"
        for word in ("K nn", "slope")
        for t in settings.temperatures
    ]
    return f"{markdown(header, rows)}\n\n{markdown(['map', *named], beside)}\n"


WIDTH, SHIFT = ("locality", "direct width (sites)"), ("covariance", "shift")
SLOPES, NEAREST = ("scaling", "slope of the ratio"), ("couplings", "K nn")
STEPS, ABOVE = "exponents", "followed by majority"
COLUMNS = {
    WIDTH: "listens to (sites)",
    SHIFT: "shift",
    SLOPES: "slope of G_c/G_f",
    NEAREST: "K nn",
    (STEPS, "y_T"): "y_T",
    (STEPS, "y_H"): "y_H",
    (ABOVE, "y_T"): "y_T above",
    (ABOVE, "y_H"): "y_H above",
}


@dataclass(frozen=True)
class _Job:
    """One training of one network, or one set of chains for a rule."""

    settings: Settings
    map: str
    seed: int

    def run(self, root: Path) -> Run:
        """The run of its readings."""
        about = {k: v for k, v in asdict(self.settings).items() if k != "seeds"}
        about |= {"map": self.map, "seed": self.seed}
        return Run.of(root, step="renormalizers", version=VERSION, settings=about)


def _jobs(settings: Settings) -> Iterator[_Job]:
    for seed, name in itertools.product(range(settings.seeds), MAPS):
        yield _Job(settings, name, seed)


def _readings(job: _Job, runs: Path) -> dict[str, Any]:
    settings, seed = job.settings, subseed(job.seed, job.map)
    data = _drawn(settings.small, 1.0, settings.training, subseed(job.seed, "training"))
    build = {**ANY_LATTICE, **ONE_LATTICE}[job.map]
    with one_thread():
        rules = list(build(data, seed, settings))
        return {
            f"{t:g}": _at_temperature(rules, t, job, seed)
            for t in settings.temperatures
        }


def _at_temperature(
    rules: list[CoarseGraining], t: float, job: _Job, seed: int
) -> dict[str, Any]:
    """The card of a map, its exponents from the large lattice where it fits there."""
    settings, chains = job.settings, subseed(job.seed, "read")
    fine = _drawn(settings.small, t, settings.read, chains)
    found = _card(probe(rules, fine, seed=seed, rows=QUICK, controls=(BLOCK,)))
    if job.map in ANY_LATTICE:
        large = _drawn(settings.large, t, settings.read, chains)
        steps = probe(rules, large, seed=seed, rows=(STEPS,), controls=())
        found["map"] |= _plain(steps.rows)
    return found


@cache
def _drawn(side: int, t: float, draws: int, seed: int) -> Ensemble:
    return sample(Ising((side, side)), coupling=K_C / t, draws=draws, seed=seed)


def _shortened(training: Training, settings: Settings) -> Training:
    known = settings.epochs
    return training if known is None else replace(training, epochs=known)


def _card(card: Scorecard) -> dict[str, Any]:
    """A card as plain data: readings with errors, and what the exponents count as."""
    return {"map": _plain(card.rows), "block": _plain(card.controls.get(BLOCK, ()))}


def _plain(rows: Sequence[Any]) -> dict[str, Any]:
    return {
        row.name: {
            "sentence": row.sentence,
            **{name: _pair(value) for name, value in row.readings.items()},
        }
        for row in rows
    }


def _pair(value: Any) -> list[float | None]:
    value_and_error = (
        (float(value.value), float(value.error))
        if isinstance(value, Estimate)
        else (float(value), 0.0)
    )
    return [x if math.isfinite(x) else None for x in value_and_error]


Cards = Sequence[Mapping[str, Any]]


def _cards(name: str, t: float, settings: Settings, runs: Path) -> Cards:
    jobs = (_Job(settings, name, seed) for seed in range(settings.seeds))
    return [job.run(runs).summary[f"{t:g}"] for job in jobs]


def _finding(name: str, cards: Cards) -> Finding:
    readings = {key: _mean(cards, *key) for key in COLUMNS}
    known = {key: value for key, value in readings.items() if value is not None}
    checks = {"local": _local(known), "field": _field(known)}
    checks["exponents"] = (
        _exponents_of_steps(cards) if name in ANY_LATTICE else _exponents_above(cards)
    )
    return Finding(
        name,
        known,
        tuple(what for what, good in checks.items() if good is False),
        tuple(what for what, good in checks.items() if good is None),
    )


Readings = Mapping[tuple[str, str], Estimate]


def _local(readings: Readings) -> bool | None:
    width, shift = readings.get(WIDTH), readings.get(SHIFT)
    if width is None or shift is None:
        return False
    return _both(_below(width, NARROW), _below(-shift, -COVARIANT))


def _field(readings: Readings) -> bool | None:
    slope = readings.get(SLOPES)
    return False if slope is None else _below(slope.map(abs), SLOPE)


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _below(value: Estimate, limit: float) -> bool | None:
    """Whether a value is below a limit; None within three errors of it."""
    room, error = limit - float(value.value), SIGMAS * float(value.error)
    if not math.isfinite(room) or not math.isfinite(error):
        return None
    return None if abs(room) <= error else room > 0


def _exponents_of_steps(cards: Cards) -> bool | None:
    """Whether every seed has exponents of a fixed point that are Ising's."""
    rows = [card["map"][STEPS] for card in cards]
    if any("shows no fixed point" in row["sentence"] for row in rows):
        return False
    if any("undecided" in row["sentence"] for row in rows):
        return None
    far = [
        abs(row[symbol][0] - exact) > SIGMAS * _whole_error(row, symbol)
        for row in rows
        for symbol, exact in (("y_T", Y_T), ("y_H", Y_H))
    ]
    return not any(far)


def _whole_error(row: Mapping[str, Any], symbol: str) -> float:
    return next(v[0] for k, v in row.items() if k.startswith(f"{symbol} error"))


def _exponents_above(cards: Cards) -> bool | None:
    """Whether y between majority blocks is majority's, in the mean over seeds."""
    found: list[bool | None] = []
    for symbol, apart in (("y_T", APART_T), ("y_H", APART_H)):
        pairs = [
            (card[who].get(ABOVE, {}).get(symbol) for who in ("map", "block"))
            for card in cards
        ]
        known = [
            here[0] - there[0]
            for here, there in pairs
            if here and there and None not in (*here, *there)
        ]
        if len(known) < len(cards):
            return False
        found.append(_below(over_seeds(known).map(abs), apart))
    return _both(*found)


def _mean(cards: Cards, row: str, reading: str) -> Estimate | None:
    """Over seeds; None where some seed has no such reading."""
    found = [card["map"].get(row, {}).get(reading) for card in cards]
    if any(pair is None or pair[0] is None for pair in found):
        return None
    return over_seeds([pair[0] for pair in found])


def _shown(value: Estimate | None) -> str:
    return "–" if value is None else str(value)


def _main(arguments: Sequence[str]) -> None:
    """`python -m kadanoff.experiments.renormalizers RUNS`: compute and print."""
    if len(arguments) != 1:
        raise SystemExit(
            "this study needs the folder of its runs and nothing else; give one"
        )
    runs = Path(arguments[0])

    def report(done: int, total: int) -> None:
        sys.stderr.write(f"{done} of {total}\n")

    compute(FULL, runs=runs, progress=report)
    sys.stdout.write(table(FULL, runs=runs))


if __name__ == "__main__":
    _main(sys.argv[1:])
