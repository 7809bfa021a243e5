"""Temperatures of block spins, of stacked machines and of the flow, level by level.

What `fig_14` makes of them is told there. Every block rule, every stack of every seed
and every flow is a run of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any, cast

import numpy as np
import xarray as xr

from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import fig_2, thermometer
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.fig_14.stacks import (
    STACKS,
    Form,
    levels,
    looked_at,
    looks,
    stack,
)
from kadanoff.experiments.demellokoch2020.fig_14.thermometers import (
    BREADTH,
    DIRECT,
    THERMOMETERS,
    Reader,
    classifier,
    coupling_of,
    no_number,
)
from kadanoff.experiments.demellokoch2020.flow import LATTICE, Learning, machine
from kadanoff.experiments.demellokoch2020.thermometer import Calibration
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.pieces import kept
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.instruments.thermodynamics import energy
from kadanoff.networks.gibbs import rbm_flow
from kadanoff.networks.products import full_products, one_thread

__all__ = ["BLOCKS", "FAST", "FULL", "MAPS", "SIGMAS", "Settings", "compute"]

BLOCKS = ("majority", "average", "sign of average")
MAPS = (*BLOCKS, *(look for name in STACKS for look in looks(name)))
SIGMAS = 3.0
VERSION = 1


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the input lattice.
        form: of the stacks; there are as many block steps as machines in a stack.
        inputs: temperatures below, at and above T_c, in J/k_B.
        deviation: ε, relative, of the pair of temperatures around T_c.
        draws: configurations that are read, at every temperature.
        training: configurations at T_c that every stack is trained on.
        fit: configurations at T_c that units are arranged by.
        seeds: starting points of every stack.
        classes: temperatures that a classifier tells apart.
        lessons: configurations at each of them.
        machines: of the flow.
        learning: of each, as in section III.
        calibration: of the network that reads the flow, that of fig. 3.
        flow_draws: configurations that flow from each temperature, of each machine.
        flow_inputs: temperatures that the flow starts from, in J/k_B.
        flow_steps: lengths at which it is read; 26 is the paper's.
    """

    side: int
    form: Form
    draws: int
    training: int
    fit: int
    seeds: int
    classes: int
    lessons: int
    machines: int
    learning: Learning
    calibration: Calibration
    flow_draws: int
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
        return tuple(self.side // 2**n for n in range(self.form.steps + 1))


FAST = Settings(
    side=16,
    form=Form(steps=2, epochs=8, batch=64),
    draws=1024,
    training=1024,
    fit=512,
    seeds=2,
    classes=4,
    lessons=768,
    machines=1,
    learning=fig_2.FAST.plan.learning,
    calibration=thermometer.FAST,
    flow_draws=512,
)
FULL = Settings(
    side=64,
    # 768 updates: on 32×32 units by the local recipe end on some ten sites with 1250.
    form=Form(steps=3, epochs=8, batch=64),
    draws=20_480,  # s_3/s_2 of majority to 1 %
    training=6144,  # two minutes for each of ten stacks
    fit=4096,
    seeds=5,
    classes=13,
    lessons=8192,
    machines=5,
    learning=fig_2.FULL.plan.learning,
    calibration=thermometer.FULL,
    flow_draws=2048,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Couplings that all maps show at all levels, their growth, and the RBM flow."""
    made = cache(
        lambda side: classifier(side, settings.classes, settings.lessons, work)
    )
    reader = Reader(lambda shape: made(shape[0]), settings.inputs)
    one_of = {
        "blocks": [
            _Part({"map": m}, partial(_blocks, m, settings, reader, work))
            for m in BLOCKS
        ],
        "flow": [
            _Part({"number": s}, partial(_flow, s, settings, work))
            for s in range(settings.machines)
        ],
        **{
            f"stack {m}": [
                _Part(
                    {"map": m, "number": s},
                    partial(_stack, m, s, settings, reader, work),
                )
                for s in range(settings.seeds)
            ]
            for m in STACKS
        },
    }
    with one_thread():
        found = {name: _kept(name, one_of[name], settings, work) for name in one_of}
    stacks = [_of_stack(found[f"stack {m}"], settings) for m in STACKS]
    tables = xr.concat([*found["blocks"], *stacks], "map")
    return (
        xr.merge([tables, _of_flows(found["flow"])])
        .assign_coords(
            map=list(MAPS),  # concat cuts names to the length of the first
            inputs=list(settings.inputs),
            side=("level", list(settings.sides)),
        )
        .assign_attrs(attributes_of(settings))
    )


@dataclass(frozen=True)
class _Part:
    """What is computed in a run of its own: what names it, and how."""

    own: Mapping[str, Any]
    find: Callable[[], xr.Dataset]


def _kept(
    name: str, parts: Sequence[_Part], settings: Settings, work: Work
) -> list[xr.Dataset]:
    """The parts in order; those of an earlier call are read."""
    step = f"demellokoch2020-layers_{name.partition(' ')[0]}"
    found = []
    for part in parts:
        about = asdict(settings) | dict(part.own)
        found.append(kept(work, step, about, part.find, version=VERSION))
        work.progress(f"temperatures, {name}")(len(found), len(parts))
    return found


Key = tuple[float, int, str]
"""Input temperature, level and thermometer."""
Readings = Mapping[Key, Estimate]


def _inputs(settings: Settings, work: Work) -> dict[float, Ensemble]:
    shape = (settings.side,) * 2
    return {
        t: drawn(work, shape, t, settings.draws, purpose="fig 14")
        for t in settings.temperatures
    }


def _blocks(m: str, settings: Settings, reader: Reader, work: Work) -> xr.Dataset:
    """One block rule, with errors by the chains of its configurations."""
    seed = work.subseed(m)
    found = {
        (t, n, name): k
        for t, fine in _inputs(settings, work).items()
        for n, level in enumerate(_blocked(m, fine, settings, seed), start=1)
        for name, k in reader.estimates(level, t).items()
    }
    return _of_map(m, found, settings)


def _blocked(
    m: str, fine: Ensemble, settings: Settings, seed: int
) -> Iterator[Ensemble]:
    """Levels 1, 2, …; the sign of an average is taken of the original spins."""
    level = fine
    for n in range(1, settings.form.steps + 1):
        if m == "sign of average":
            yield coarsen(Majority(b=2**n), fine, seed=seed + n)
            continue
        rule = Majority(b=2) if m == "majority" else Average(b=2)
        level = coarsen(rule, level, seed=seed + n)
        yield level


def _stack(
    name: str, s: int, settings: Settings, reader: Reader, work: Work
) -> xr.Dataset:
    """The stack of one seed on chains of its own, looked at in all ways."""
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose="fig 14 training")
    fit = drawn(work, shape, T_C, settings.fit, purpose="fig 14 arrangement")
    own = stack(name, s, data, settings.form, work)
    seed = work.subseed("stack", name, s)
    hidden = {
        t: levels(own, fine.split(settings.seeds)[s], seed)
        for t, fine in _inputs(settings, work).items()
    }
    found = {
        (look, t, n, thermometer): k
        for look, places in looked_at(name, own, fit, seed)
        for t, layers in hidden.items()
        for n, (layer, place) in enumerate(zip(layers, places, strict=True), start=1)
        for thermometer, k in reader.numbers(coarsen(place, layer), t).items()
    }
    return _of_one_seed(name, found, settings)


def _of_one_seed(
    name: str, found: Mapping[tuple[str, float, int, str], float], settings: Settings
) -> xr.Dataset:
    coords = {
        "map": list(looks(name)),
        "temperature": list(settings.temperatures),
        "level": list(range(1, settings.form.steps + 1)),
        "reading": [*THERMOMETERS, BREADTH],
    }
    form = [len(c) for c in coords.values()]
    values = [found.get(key, math.nan) for key in itertools.product(*coords.values())]
    return xr.Dataset(
        {"found": (list(coords), np.array(values).reshape(form))}, coords=coords
    )


def _of_stack(each: Sequence[xr.Dataset], settings: Settings) -> xr.Dataset:
    """Means over seeds; deviations grow as their means do."""
    found = xr.concat(each, "number")["found"]
    tables = []
    for look in found["map"].values:
        means = {
            (float(t), int(n), str(r)): _mean(
                found.sel(map=look, temperature=t, level=n, reading=r).values
            )
            for t in found["temperature"].values
            for n in found["level"].values
            for r in found["reading"].values
        }
        tables.append(_of_map(str(look), means, settings))
    return cast(xr.Dataset, xr.concat(tables, "map"))


def _known(k: float) -> Estimate:
    """A number whose error the spread over seeds tells."""
    return Estimate(np.array(k), {}, math.inf)


def _at(readings: Readings, t: float, n: int, name: str) -> Estimate:
    """What was put in is known, at level 0; what was not read has no number."""
    known = _known(1 / t) if name in THERMOMETERS else no_number()
    return readings.get((t, n, name), no_number()) if n else known


def _growth(readings: Readings, settings: Settings, name: str) -> list[Estimate]:
    """s_{n+1}/s_n for every step."""
    below, above = (T_C * (1 + sign * settings.deviation) for sign in (-1, 1))
    slopes = [
        (_at(readings, below, n, name) - _at(readings, above, n, name)) / 2
        for n in range(settings.form.steps + 1)
    ]
    return [_ratio(a, b) for a, b in itertools.pairwise(slopes)]


def _ratio(before: Estimate, after: Estimate) -> Estimate:
    """No number where there is no deviation that could grow."""
    seen = abs(before.value) > SIGMAS * before.error
    return after / before if seen else no_number()


def _of_map(m: str, found: Readings, settings: Settings) -> xr.Dataset:
    """K of one map, how broad a classifier's answer is, and the growth."""
    ts, ns = settings.temperatures, range(settings.form.steps + 1)
    k = [[[_at(found, t, n, x) for n in ns] for t in ts] for x in THERMOMETERS]
    broad = [[_at(found, t, n, BREADTH) for n in ns] for t in ts]
    growth = [_growth(found, settings, name) for name in DIRECT]
    return xr.Dataset(
        {
            **_columns("K", [k], ("map", "thermometer", "temperature", "level")),
            **_columns(BREADTH, [broad], ("map", "temperature", "level")),
            **_columns("growth", [growth], ("map", "direct", "step")),
        },
        coords={
            "map": [m],
            "thermometer": list(THERMOMETERS),
            "direct": list(DIRECT),
            "temperature": list(ts),
            "level": list(ns),
            "step": list(ns)[1:],
        },
    )


def _flow(s: int, settings: Settings, work: Work) -> xr.Dataset:
    """K along v → h → v of one machine of section III, its units drawn."""
    own = machine(work, settings.learning, "draws", s)
    network = thermometer.calibrated(work, LATTICE, settings.calibration)
    seed, longest = work.subseed("fig 14 flow", s), max(settings.flow_steps)
    found = np.full((len(THERMOMETERS), len(settings.flow_inputs), longest + 1), np.nan)
    for i, t in enumerate(settings.flow_inputs):
        first = drawn(work, LATTICE, t, settings.flow_draws, purpose=f"fig 14 flow {s}")
        with full_products():
            steps = rbm_flow(own, first, longest, pass_on="samples", seed=seed + i)
            for n, level in enumerate(steps):
                if n in settings.flow_steps:
                    found[:, i, n] = _of_flow(level, network)
    lengths = list(settings.flow_steps)
    axes = ("thermometer", "start", "flow_step")
    return xr.Dataset(
        {"flow_K": (axes, found[..., lengths])},
        coords={
            "thermometer": list(THERMOMETERS),
            "start": list(settings.flow_inputs),
            "flow_step": lengths,
        },
    )


def _of_flow(level: Ensemble, network: thermometer.Thermometer) -> list[float]:
    """K by the exact energy, by couplings, and by the network of fig. 3."""
    k = coupling_of(LATTICE, float(energy(level).value))
    by_network = 1 / float(network.temperature(level).value)
    return [k, float(fit_couplings(level)["nn"].value), by_network]


def _of_flows(each: Sequence[xr.Dataset]) -> xr.Dataset:
    """Means over machines."""
    found = xr.concat(each, "number")["flow_K"]
    axes = found.dims[1:]
    means = [_mean(x) for x in found.values.reshape(len(found), -1).T]
    nested = np.array(means, dtype=object).reshape(found.shape[1:]).tolist()
    coords = {axis: found[axis].values for axis in axes}
    return xr.Dataset(_columns("flow_K", nested, tuple(map(str, axes))), coords=coords)


def _mean(values: np.ndarray) -> Estimate:
    return over_seeds(values) if np.all(np.isfinite(values)) else no_number()


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
