"""Temperatures of block spins, of stacked machines and of the flow, level by level.

What `fig_14` makes of them is told there. Every block rule, every stack of every seed
and every flow is a run of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any, cast

import numpy as np
import xarray as xr

from kadanoff.coarse.arrange import Arrange
from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.fig_14.columns import columns, mean
from kadanoff.experiments.demellokoch2020.fig_14.flows import flow_of, of_flows
from kadanoff.experiments.demellokoch2020.fig_14.settings import Settings
from kadanoff.experiments.demellokoch2020.fig_14.stacks import (
    STACKS,
    arranged,
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
    direct,
    no_number,
)
from kadanoff.experiments.demellokoch2020.fig_14.withheld import (
    WITHHELD,
    blocks_in_order,
    in_place,
    orders,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.pieces import kept
from kadanoff.experiments.studies import attributes_of
from kadanoff.networks.products import one_thread

__all__ = ["BLOCKS", "MAPS", "RULES", "SIGMAS", "compute"]

BLOCKS = ("majority", "average", "sign of average")
MAPS = (*BLOCKS, WITHHELD, *(look for name in STACKS for look in looks(name)))
RULES = ("majority", "sign of average")
"""Of ±1 spins, whose temperature is read directly."""
SIGMAS = 3.0
VERSION = 2


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
        "hotter": [
            _Part({"map": m}, partial(_hotter, m, settings, work)) for m in RULES
        ],
        "withheld": [
            _Part(
                {"map": WITHHELD, "number": s},
                partial(_withheld, s, settings, reader, work),
            )
            for s in range(settings.seeds)
        ],
        "flow": [
            _Part({"number": s}, partial(flow_of, s, settings, work))
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
    arranged_blocks = _of_seeds(found["withheld"], settings)
    stacks = [_of_seeds(found[f"stack {m}"], settings) for m in STACKS]
    tables = xr.concat([*found["blocks"], arranged_blocks, *stacks], "map")
    hotter = xr.concat(found["hotter"], "rule").assign_coords(rule=list(RULES))
    return (
        xr.merge(
            [
                tables,
                hotter,
                _of_places(found["withheld"]),
                of_flows(found["flow"]),
            ]
        )
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


def _hotter(m: str, settings: Settings, work: Work) -> xr.Dataset:
    """Direct temperatures of one block rule from inputs above the others."""
    seed, shape = work.subseed(m, "hotter"), (settings.side,) * 2
    found: dict[Key, Estimate] = {}
    for t in settings.hotter:
        fine = drawn(work, shape, t, settings.draws, purpose="fig 14")
        for n, level in enumerate(_blocked(m, fine, settings, seed), start=1):
            found |= {(t, n, name): k for name, k in direct(level).items()}
    ns = range(settings.form.steps + 1)
    k = [[[_at(found, t, n, x) for n in ns] for t in settings.hotter] for x in DIRECT]
    return xr.Dataset(
        columns("hotter_K", [k], ("rule", "direct", "hotter", "level")),
        coords={
            "rule": [m],
            "direct": list(DIRECT),
            "hotter": list(settings.hotter),
            "level": list(ns),
        },
    )


def _fit(s: int, settings: Settings, work: Work) -> Ensemble:
    """What the units of a seed are arranged by, of chains of its own."""
    shape, purpose = (settings.side,) * 2, f"fig 14 arrangement {s}"
    return drawn(work, shape, T_C, settings.fit, purpose=purpose)


def _part_of(s: int, settings: Settings, work: Work) -> dict[float, Ensemble]:
    """What is read of a seed: chains that no other seed has."""
    found = _inputs(settings, work)
    return {t: fine.split(settings.seeds)[s] for t, fine in found.items()}


def _withheld(s: int, settings: Settings, reader: Reader, work: Work) -> xr.Dataset:
    """Block spins of the majority in a random order, arranged as units are."""
    seed = work.subseed(WITHHELD, s)
    given = orders(settings.sides[1:], seed)
    fit = _fit(s, settings, work)
    places = arranged(fit, blocks_in_order(fit, given, seed))
    hidden = {
        t: blocks_in_order(fine, given, seed)
        for t, fine in _part_of(s, settings, work).items()
    }
    shares = [in_place(*pair) for pair in zip(places, given, strict=True)]
    found = _of_one_seed([WITHHELD], _seen([(WITHHELD, places)], hidden, reader))
    return found.assign(in_place=("level", shares))


def _stack(
    name: str, s: int, settings: Settings, reader: Reader, work: Work
) -> xr.Dataset:
    """The stack of one seed on chains of its own, looked at in all ways."""
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose="fig 14 training")
    own = stack(name, s, data, settings.form, work)
    seed = work.subseed("stack", name, s)
    hidden = {
        t: levels(own, fine, seed) for t, fine in _part_of(s, settings, work).items()
    }
    ways = looked_at(name, own, _fit(s, settings, work), seed)
    return _of_one_seed(looks(name), _seen(ways, hidden, reader))


Seen = Mapping[tuple[str, float, int, str], float]
"""Look, input temperature, level and thermometer."""


def _seen(
    ways: Iterable[tuple[str, Sequence[Arrange]]],
    hidden: Mapping[float, Sequence[Ensemble]],
    reader: Reader,
) -> Seen:
    """What every thermometer reads of every layer, looked at in each way."""
    return {
        (look, t, n, thermometer): k
        for look, places in ways
        for t, layers in hidden.items()
        for n, (layer, place) in enumerate(zip(layers, places, strict=True), start=1)
        for thermometer, k in reader.numbers(coarsen(place, layer), t).items()
    }


def _of_one_seed(names: Sequence[str], found: Seen) -> xr.Dataset:
    coords = {
        "map": list(names),
        "temperature": sorted({t for _, t, _, _ in found}),
        "level": sorted({n for _, _, n, _ in found}),
        "reading": [*THERMOMETERS, BREADTH],
    }
    form = [len(c) for c in coords.values()]
    values = [found.get(key, math.nan) for key in itertools.product(*coords.values())]
    return xr.Dataset(
        {"found": (list(coords), np.array(values).reshape(form))}, coords=coords
    )


def _of_seeds(each: Sequence[xr.Dataset], settings: Settings) -> xr.Dataset:
    """Means over seeds; deviations grow as their means do."""
    found = xr.concat(each, "number")["found"]
    tables = []
    for look in found["map"].values:
        means = {
            (float(t), int(n), str(r)): mean(
                found.sel(map=look, temperature=t, level=n, reading=r).values
            )
            for t in found["temperature"].values
            for n in found["level"].values
            for r in found["reading"].values
        }
        tables.append(_of_map(str(look), means, settings))
    return cast(xr.Dataset, xr.concat(tables, "map"))


def _of_places(each: Sequence[xr.Dataset]) -> xr.Dataset:
    """Shares of block spins that were put where they belong, means over seeds."""
    found = xr.concat(each, "number")["in_place"]
    ns = [int(n) for n in found["level"].values]
    means = [no_number(), *(mean(found.sel(level=n).values) for n in ns)]
    return xr.Dataset(
        columns("in_place", means, ("level",)), coords={"level": [0, *ns]}
    )


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
            **columns("K", [k], ("map", "thermometer", "temperature", "level")),
            **columns(BREADTH, [broad], ("map", "temperature", "level")),
            **columns("growth", [growth], ("map", "direct", "step")),
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
