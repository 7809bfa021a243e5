"""Temperatures of block spins and of stacked machines, level by level.

Every level is read by its exact energy, by its nearest-neighbour coupling and by a
classifier, all as couplings K = 1/T; what `fig_14` makes of them is told there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import PchipInterpolator

from kadanoff.coarse.arrange import Arrange, arrange
from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import layers_of
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import coupling_at_energy, torus
from kadanoff.experiments.demellokoch2020.data import (
    TEMPERATURES,
    drawn,
    mixed,
    swept,
    trained,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.instruments.thermodynamics import energy
from kadanoff.networks.dbn import DBN
from kadanoff.networks.gibbs import rbm_flow
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator, subseed
from kadanoff.scorecard.thermometer import ClassifierThermometer, calibrated

__all__ = [
    "ARMS",
    "DIRECT",
    "FAST",
    "FULL",
    "RECIPES",
    "SIGMAS",
    "THERMOMETERS",
    "UNTRAINED",
    "Reader",
    "Settings",
    "by_energy",
    "compute",
    "unarranged",
]

THERMOMETERS = ("energy", "couplings", "classifier")
DIRECT = THERMOMETERS[:2]
BLOCKS = ("majority", "average", "sign of average")
RECIPES: Mapping[str, Training] = {"CD-1": Training(l1=0.0), "local": Training()}
"""Plain contrastive divergence, as far as the paper says; and the recipe whose units
become local. What k the paper's contrastive divergence has is lost."""
UNTRAINED = "untrained"
STACKS = (*RECIPES, UNTRAINED)


def unarranged(name: str) -> tuple[str, str]:
    """The controls of a stack: units in their own order, and of their own sign too."""
    return f"{name}, not arranged", f"{name}, as it comes"


ARMS = (*BLOCKS, *STACKS, *(arm for name in STACKS for arm in unarranged(name)))
HOT, COLD = 1 / TEMPERATURES[-1], 0.7
"""Couplings between which a classifier learns: T from 1.4 to 5.9, the last label of the
paper's thermometer. A level that is hotter or colder has no number by it."""
SIGMAS = 3.0


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the input lattice.
        steps: block steps, and machines in a stack, each of four to one.
        inputs: temperatures below, at and above T_c, in J/k_B.
        deviation: ε, relative, of the pair of temperatures around T_c.
        draws: configurations that are read, at every temperature.
        training: configurations at T_c that every stack is trained on.
        fit: configurations at T_c that units are arranged by.
        epochs: of every machine.
        seeds: starting points of every stack.
        classes: temperatures that a classifier tells apart.
        lessons: configurations at each of them.
        flow_side: of the lattice of the RBM flow. The paper's is 10; the classifier
            pools twice and needs a multiple of 4.
        flow_draws: configurations at each of its 60 training temperatures, and read.
        flow_epochs: of its training.
        flow_inputs: temperatures that the flow starts from, in J/k_B.
        flow_steps: lengths at which it is read; 26 is the paper's.
    """

    side: int
    steps: int
    draws: int
    training: int
    fit: int
    epochs: int
    seeds: int
    classes: int
    lessons: int
    flow_side: int
    flow_draws: int
    flow_epochs: int
    inputs: tuple[float, float, float] = (2.1, T_C, 2.5)
    deviation: float = 0.01
    flow_inputs: tuple[float, ...] = (0.5, T_C, 5.0)
    flow_steps: tuple[int, ...] = (0, 1, 3, 9, 26)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """All that are read, increasing."""
        pair = (T_C * (1 - self.deviation), T_C * (1 + self.deviation))
        return tuple(sorted((*self.inputs, *pair)))

    @property
    def sides(self) -> tuple[int, ...]:
        """Of all levels."""
        return tuple(self.side // 2**n for n in range(self.steps + 1))


FAST = Settings(
    side=16,
    steps=2,
    draws=1024,
    training=1024,
    fit=512,
    epochs=10,
    seeds=2,
    classes=4,
    lessons=768,
    flow_side=8,
    flow_draws=16,
    flow_epochs=15,
)
FULL = Settings(
    side=64,
    steps=3,
    draws=20_480,  # s_3/s_2 of majority to 1 %
    training=10_000,
    fit=4096,
    epochs=15,  # of 4096×1024 weights: two to four minutes for each of ten stacks
    seeds=5,
    classes=13,
    lessons=8192,
    flow_side=12,
    flow_draws=200,
    flow_epochs=60,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Couplings that all arms show at all levels, their growth, and the RBM flow."""
    reader = Reader.of(settings, work)
    inputs = {
        t: drawn(work, (settings.side,) * 2, t, settings.draws, purpose="fig 14")
        for t in settings.temperatures
    }
    found = {arm: _of_blocks(arm, inputs, settings, reader, work) for arm in BLOCKS}
    with one_thread():
        found |= _of_stacks(inputs, settings, reader, work)
        flow = _flow(settings, work)
    return _dataset(found, flow, settings)


@dataclass(frozen=True)
class Reader:
    """The thermometers of every lattice; classifiers read what they are asked to."""

    classifiers: Mapping[tuple[int, ...], ClassifierThermometer]
    inputs: tuple[float, ...]

    @classmethod
    def of(cls, settings: Settings, work: Work) -> Reader:
        """Classifiers of all coarse levels; what is put in is known."""
        sides = settings.sides[1:]
        made = {(s, s): _classifier(s, settings, work) for s in sides}
        return cls(made, settings.inputs)

    def estimates(self, level: Ensemble, t: float) -> dict[str, Estimate]:
        """K by every thermometer that reads these values.

        Args:
            level: what a map made.
            t: of the input.
        """
        found = {}
        if level.alphabet == "pm1":
            found = {
                "energy": by_energy(level),
                "couplings": fit_couplings(level)["nn"],
            }
        if t in self.inputs:
            classifier = self.classifiers[level.grid.shape]
            found["classifier"] = classifier.temperature(level).map(lambda t: 1 / t)
        return found

    def numbers(self, level: Ensemble, t: float) -> dict[str, float]:
        """The same of ±1 spins without errors: the spread over seeds tells them."""
        rows, columns = level.grid.shape
        found = {
            "energy": _coupling((rows, columns), float(energy(level).value)),
            "couplings": float(fit_couplings(level)["nn"].value),
        }
        if t in self.inputs:
            found["classifier"] = _by_classifier(self.classifiers[rows, columns], level)
        return found


def _classifier(side: int, settings: Settings, work: Work) -> ClassifierThermometer:
    return calibrated(
        (side, side),
        np.geomspace(HOT, COLD, settings.classes).tolist(),
        seed=work.subseed("thermometer", side),
        draws=settings.lessons,
        progress=work.progress(f"classifier of {side}×{side}"),
    )


def by_energy(level: Ensemble) -> Estimate:
    """The inverse of the exact curve; its error by the slope, du/dK = -C/K²."""
    rows, columns = level.grid.shape
    found = energy(level)
    u = float(found.value)
    k = _coupling((rows, columns), u)
    slope = -(k**2) / torus((rows, columns), k).heat_capacity if k > 0 else math.nan
    return found.map(lambda e: k + slope * (e - u))


def _coupling(shape: tuple[int, int], e: float) -> float:
    """Not a number where all spins are aligned, or against their neighbours."""
    try:
        return coupling_at_energy(shape, e) if e > -2 else math.nan
    except ValueError:
        return math.nan


def _by_classifier(classifier: ClassifierThermometer, level: Ensemble) -> float:
    """K on its curve, as `ClassifierThermometer.temperature` has it with an error."""
    couplings = np.array(classifier.network.couplings)
    p = classifier.network.probabilities(level.values.reshape(-1, *level.shape))
    curve = np.array([float(point.value) for point in classifier.curve])
    inverse = PchipInterpolator(curve, couplings, extrapolate=False)
    return float(inverse(p.mean(0) @ couplings))


def _no_number() -> Estimate:
    return Estimate(np.array(np.nan), {}, 0)


Key = tuple[float, int, str]
"""Input temperature, level and thermometer."""
Readings = Mapping[Key, Estimate]


def _of_blocks(
    arm: str,
    inputs: Mapping[float, Ensemble],
    settings: Settings,
    reader: Reader,
    work: Work,
) -> Readings:
    seed = work.subseed(arm)
    return {
        (t, n, name): k
        for t, fine in inputs.items()
        for n, level in enumerate(_blocked(arm, fine, settings, seed), start=1)
        for name, k in reader.estimates(level, t).items()
    }


def _blocked(
    arm: str, fine: Ensemble, settings: Settings, seed: int
) -> Iterator[Ensemble]:
    """Levels 1, 2, …; the sign of an average is taken of the original spins."""
    level = fine
    for n in range(1, settings.steps + 1):
        if arm == "sign of average":
            yield coarsen(Majority(b=2**n), fine, seed=seed + n)
            continue
        rule = Majority(b=2) if arm == "majority" else Average(b=2)
        level = coarsen(rule, level, seed=seed + n)
        yield level


def _of_stacks(
    inputs: Mapping[float, Ensemble],
    settings: Settings,
    reader: Reader,
    work: Work,
) -> dict[str, Readings]:
    """Means over seeds; every stack reads chains of its own."""
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose="fig 14 training")
    fit = drawn(work, shape, T_C, settings.fit, purpose="fig 14 arrangement")
    parts = {t: e.split(settings.seeds) for t, e in inputs.items()}
    found: dict[str, list[Numbers]] = {arm: [] for arm in ARMS if arm not in BLOCKS}
    for name in STACKS:
        for s in range(settings.seeds):
            network = _stack(name, s, data, settings, work)
            own = {t: part[s] for t, part in parts.items()}
            for arm, numbers in _read_stack(name, s, network, fit, own, reader, work):
                found[arm].append(numbers)
            work.progress(f"reading stacks, {name}")(s + 1, settings.seeds)
    return {arm: _over_seeds(each) for arm, each in found.items()}


def _stack(name: str, s: int, data: Ensemble, settings: Settings, work: Work) -> DBN:
    sites = settings.side**2
    hidden = [sites // 4**n for n in range(1, settings.steps + 1)]
    start = DBN.dense(data.geometry, hidden, seed=work.subseed("weights", s))
    if name == UNTRAINED:
        return start
    how = replace(RECIPES[name], epochs=settings.epochs)
    return trained(work, start, data, how, f"{name}, seed {s}")


Numbers = Mapping[Key, float]


def _read_stack(
    name: str,
    s: int,
    network: DBN,
    fit: Ensemble,
    inputs: Mapping[float, Ensemble],
    reader: Reader,
    work: Work,
) -> Iterator[tuple[str, Numbers]]:
    """The stack with its units arranged, in their own order, and of either sign."""
    seed, signs = work.subseed("stack", name, s), generator(work.seed, name, "signs", s)
    layers = layers_of(network)
    levels = layers.levels(fit, seed=seed)
    next(levels)
    places = [arrange(fit, level) for level in levels]
    own = [_in_order(place, np.ones(place.grid.size)) for place in places]
    either = [_in_order(p, signs.choice((-1, 1), p.grid.size)) for p in places]
    orders = dict(zip((name, *unarranged(name)), (places, own, either), strict=True))
    for arm, order in orders.items():
        yield (
            arm,
            {
                (t, n, thermometer): k
                for t, fine in inputs.items()
                if arm == name or t in reader.inputs
                for n, level in _machine_levels(layers.rules, order, fine, seed)
                for thermometer, k in reader.numbers(level, t).items()
            },
        )


def _in_order(place: Arrange, signs: np.ndarray) -> Arrange:
    units = np.arange(place.grid.size)
    return replace(place, permutation=units, signs=signs.astype(np.int8))


def _machine_levels(
    layers: Sequence[CoarseGraining],
    places: Sequence[Arrange],
    fine: Ensemble,
    seed: int,
) -> Iterator[tuple[int, Ensemble]]:
    """Every layer as a lattice; the next machine sees it as it is."""
    level = fine
    for n, (layer, place) in enumerate(zip(layers, places, strict=True), start=1):
        level = coarsen(layer, level, seed=subseed(seed, "level", n))
        yield n, coarsen(place, level)


def _over_seeds(each: Sequence[Numbers]) -> Readings:
    return {key: _mean([numbers[key] for numbers in each]) for key in each[0]}


def _mean(values: Sequence[float]) -> Estimate:
    """Over seeds; no number where one of them has none."""
    return over_seeds(values) if np.all(np.isfinite(values)) else _no_number()


def _flow(settings: Settings, work: Work) -> Readings:
    """K along v → h → v of machines trained on all temperatures at once."""
    side = settings.flow_side
    sweep = swept(work, (side, side), TEMPERATURES, settings.flow_draws, purpose="flow")
    data = mixed(sweep)
    reader = Reader(
        {(side, side): _classifier(side, settings, work)}, settings.flow_inputs
    )
    starts = {
        t: drawn(work, (side, side), t, len(sweep) * settings.flow_draws, purpose="go")
        for t in settings.flow_inputs
    }
    parts = {t: start.split(settings.seeds) for t, start in starts.items()}
    how = replace(RECIPES["CD-1"], epochs=settings.flow_epochs)
    each = []
    for s in range(settings.seeds):
        machine = _flow_machine(side, s, data, how, work)
        own = {t: part[s] for t, part in parts.items()}
        each.append(_along(machine, own, settings, reader, work.subseed("flow", s)))
        work.progress("reading the RBM flow")(s + 1, settings.seeds)
    return _over_seeds(each)


def _along(
    machine: RBM,
    starts: Mapping[float, Ensemble],
    settings: Settings,
    reader: Reader,
    seed: int,
) -> Numbers:
    longest = max(settings.flow_steps)
    return {
        (t, n, name): k
        for t, start in starts.items()
        for n, level in enumerate(rbm_flow(machine, start, longest, seed=seed))
        if n in settings.flow_steps
        for name, k in reader.numbers(level, t).items()
    }


def _flow_machine(side: int, s: int, data: Ensemble, how: Training, work: Work) -> RBM:
    start = RBM((side, side), (side - 1) ** 2, seed=work.subseed("flow weights", s))
    return trained(work, start, data, how, f"flow, seed {s}")


def _dataset(
    found: Mapping[str, Readings],
    flow: Readings,
    settings: Settings,
) -> xr.Dataset:
    ts, levels = settings.temperatures, list(range(settings.steps + 1))
    arms = [
        [[[_at(found[arm], t, n, name) for n in levels] for t in ts] for arm in ARMS]
        for name in THERMOMETERS
    ]
    growth = [[_growth(found[arm], settings, name) for arm in ARMS] for name in DIRECT]
    flows = [
        [[flow[t, n, name] for n in settings.flow_steps] for t in settings.flow_inputs]
        for name in THERMOMETERS
    ]
    axes = ("thermometer", "arm", "temperature", "level")
    return xr.Dataset(
        {
            **_columns("K", arms, axes),
            **_columns("growth", growth, ("direct", "arm", "step")),
            **_columns("flow_K", flows, ("thermometer", "start", "flow_step")),
        },
        coords={
            "thermometer": list(THERMOMETERS),
            "direct": list(DIRECT),
            "arm": list(ARMS),
            "temperature": list(ts),
            "level": levels,
            "step": levels[1:],
            "start": list(settings.flow_inputs),
            "flow_step": list(settings.flow_steps),
            "inputs": list(settings.inputs),
            "side": ("level", list(settings.sides)),
        },
        attrs=attributes_of(settings),
    )


def _at(readings: Readings, t: float, n: int, name: str) -> Estimate:
    """What was put in is known, at level 0; what was not read has no number."""
    known = Estimate(np.array(1 / t), {}, math.inf)
    return readings.get((t, n, name), _no_number()) if n else known


def _growth(readings: Readings, settings: Settings, name: str) -> list[Estimate]:
    """s_{n+1}/s_n for every step."""
    below, above = (T_C * (1 + sign * settings.deviation) for sign in (-1, 1))
    slopes = [
        (_at(readings, below, n, name) - _at(readings, above, n, name)) / 2
        for n in range(settings.steps + 1)
    ]
    return [_ratio(a, b) for a, b in itertools.pairwise(slopes)]


def _ratio(before: Estimate, after: Estimate) -> Estimate:
    """No number where there is no deviation that could grow."""
    seen = abs(before.value) > SIGMAS * before.error
    return after / before if seen else _no_number()


def _columns(name: str, nested: Any, axes: tuple[str, ...]) -> dict[str, Any]:
    """A variable and its error from nested lists of estimates."""
    return {
        name: (axes, _picked(nested, lambda e: e.value)),
        f"{name}_error": (axes, _picked(nested, lambda e: e.error)),
    }


def _picked(nested: Any, pick: Callable[[Estimate], Any]) -> np.ndarray:
    if isinstance(nested, Estimate):
        return np.asarray(float(pick(nested)))
    return np.array([_picked(part, pick) for part in nested])
