"""The demo from end to end: material, readings, five sentences, one page."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import kadanoff
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demo import exponents, spots, temperature, truth, zoom
from kadanoff.experiments.demo.data import (
    DENSE,
    MAJORITY,
    PLAIN,
    TIED,
    Material,
    Stage,
    material,
)
from kadanoff.experiments.demo.settings import Settings
from kadanoff.reports.page import Page, Section, Table, write

__all__ = ["Readings", "read", "report"]


@dataclass(frozen=True)
class Readings:
    """Everything the page shows, computed; drawing computes nothing."""

    strips: tuple[zoom.Strips, zoom.Strips]
    spots: list[spots.Spots]
    temperature: list[temperature.Reading]
    exponents: list[exponents.Reading]
    truth: list[truth.Truth]
    arranging: list[tuple[str, int, Estimate, Estimate]]


def report(
    settings: Settings, seed: int, runs: Path, stage: Stage
) -> tuple[list[str], Path]:
    """Run the demo; the findings and where the page is.

    Args:
        settings: sizes and trainings.
        seed: one seed makes the demo.
        runs: root of run directories; an interrupted demo resumes from there.
        stage: called with (label, done, total).
    """
    started = time.monotonic()
    readings = read(material(settings, seed, runs, stage), stage)
    sentences = findings(readings)
    path = runs / f"demo-seed-{seed}-{settings.side_large}.html"
    page = Page(
        title="Zooming out a magnet, by block spins and by networks",
        lead="Two-dimensional Ising configurations at the critical point, "
        "coarse-grained by rules of physics and by networks trained for it, and read "
        "with the same instruments. Numbers in brackets are errors of the last digits.",
        findings=sentences,
        sections=_sections(readings),
        provenance=_provenance(settings, seed, time.monotonic() - started),
    )
    write(page, path)
    return sentences, path


def read(levels: Material, stage: Stage) -> Readings:
    """All readings of all maps."""
    total = 6
    first = zoom.compute(levels.large), zoom.compute(levels.small)
    stage("reading", 1, total)
    panels = truth.compute([_finest(levels.small), _finest(levels.large)])
    stage("reading", 2, total)
    bright = spots.compute(levels.small)
    stage("reading", 3, total)
    heat = temperature.compute(levels.large) + temperature.compute(levels.small)
    stage("reading", 4, total)
    scans = exponents.compute(levels.large)
    stage("reading", 5, total)
    scans += exponents.compute(levels.small)
    stage("reading", 6, total)
    return Readings(
        strips=first,
        spots=bright,
        temperature=heat,
        exponents=scans,
        truth=panels,
        arranging=[
            (name, len(a.permutation), a.cost, a.width)
            for name, places in levels.arrangements.items()
            for a in places
        ],
    )


def findings(readings: Readings) -> list[str]:
    """Five sentences with numbers."""
    return [
        _on_truth(readings),
        _on_majority(readings),
        _on_tied(readings),
        _on_dense(readings),
        _on_temperature(readings),
    ]


def _sections(readings: Readings) -> list[Section]:
    return [
        zoom.draw(*readings.strips),
        *spots.draw(readings.spots),
        _arranging(readings),
        temperature.draw(readings.temperature),
        exponents.draw(readings.exponents),
        truth.draw(readings.truth),
    ]


def _arranging(readings: Readings) -> Section:
    rows = [
        [name, f"{units} units", cost, width]
        for name, units, cost, width in readings.arranging
    ]
    return Section(
        "Arranging the dense layers",
        "A dense hidden layer has no positions. Each unit is assigned to a grid site "
        "near the centre of its response, each site used once, and its sign is fixed "
        "by its response to the magnetization; the cost is how far the units had to "
        "be moved on average. Fitted on chains that nothing else is read from.",
        tables=[Table(["map", "layer", "cost (sites)", "width (sites)"], rows)],
    )


def _on_truth(readings: Readings) -> str:
    worst = max(panel.worst for panel in readings.truth)
    large = readings.truth[-1]
    verdict = (
        "The samples agree with what is exact"
        if worst < 4
        else "The samples disagree with what is exact, so that nothing below counts"
    )
    return (
        f"{verdict}: on {large.shape[0]}×{large.shape[1]} the energy is "
        f"{large.energy[0]} against {large.energy[1]:.6f}, and the largest of the four "
        f"deviations is {worst:.1f} standard errors."
    )


def _on_majority(readings: Readings) -> str:
    r = _scan(readings.exponents, MAJORITY, large=True)
    return f"Block majority, {_route(r)}, {r.verdict}: {_both(r)}, exact 1 and 1.875."


def _on_tied(readings: Readings) -> str:
    r = _scan(readings.exponents, TIED, large=True)
    return (
        f"The RBM with one shared filter, trained and never told a rule, {_route(r)}, "
        f"{r.verdict}: {_both(r)}."
    )


def _on_dense(readings: Readings) -> str:
    wide = {s.name: s.locality.direct_width for s in readings.spots}
    local, plain = (_scan(readings.exponents, n, large=False) for n in (DENSE, PLAIN))
    return (
        f"The dense RBM trained with an L1 penalty and arranged on a grid, "
        f"{_route(local)}, {local.verdict} ({_both(local)}); its units listen to "
        f"{_sites(wide[DENSE])}, block spins to {_sites(wide[MAJORITY])}; without the "
        f"penalty they listen to {_sites(wide[PLAIN])} and the map {plain.verdict} "
        f"({_both(plain)})."
    )


def _on_temperature(readings: Readings) -> str:
    side = min(r.sides[0] for r in readings.temperature)
    last = {r.name: r.levels[-1] for r in readings.temperature if r.sides[0] == side}
    parts = [
        f"{name} at T = {level.energy} by its energy and {level.coupling} by its "
        "couplings"
        for name in (MAJORITY, TIED, DENSE)
        if (level := last[name]) is not None
    ]
    return (
        f"Zoomed out twice from {side}×{side} at T_c = {T_C:.4f}, the maps end with "
        f"{', '.join(parts)}; a nearest-neighbour magnet would have the two agree, and "
        "block averages have no temperature."
    )


def _scan(
    scans: list[exponents.Reading], name: str, *, large: bool
) -> exponents.Reading:
    side = max(r.side for r in scans) if large else min(r.side for r in scans)
    return next(r for r in scans if r.name == name and r.side == side)


def _route(reading: exponents.Reading) -> str:
    sides = [reading.scan.steps[0].fine[0], *(s.coarse[0] for s in reading.scan.steps)]
    return "→".join(map(str, sides))


def _both(reading: exponents.Reading) -> str:
    y_t, y_h = map(exponents.value_and_error, (reading.scan.y_t, reading.scan.y_h))
    return f"y_T = {y_t} and y_H = {y_h}"


def _sites(width: Estimate) -> str:
    if not math.isfinite(float(width.value)):
        return "nothing that can be measured"
    return f"{width} sites"


def _finest(levels: Mapping[str, list[Ensemble]]) -> Ensemble:
    return next(iter(levels.values()))[0]


def _provenance(settings: Settings, seed: int, seconds: float) -> dict[str, str]:
    return {
        "made by": f"kadanoff {kadanoff.__version__}",
        "seed": str(seed),
        "settings": str(settings),
        "time": f"{seconds:.0f} s on {os.cpu_count()} cores ({platform.machine()})",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
