"""Zooming out tells relevant parameters from irrelevant ones.

The essay: coarse-grain again and again, and of all parameters only a few are left that
matter. Four magnets are zoomed out by block majority, and couplings to nearest and next
neighbours and to four spins are fitted at every level:

    critical        K_c, nearest neighbours alone
    with diagonals  a next-neighbour coupling as well, at its own critical point
    warmer, colder  off the critical point by a few per cent

Irrelevant: the two critical magnets must become alike. Relevant: what is off in
temperature must grow, by 2^y_T = 2 with each zoom while it is small. The critical point
with diagonals is that of strips (M. P. Nightingale, Physica A 83, 561 (1976)): where
ξ/m is the same for two widths m. How much the three couplings leave out is seen by a
fourth, of third neighbours, fitted along with them.

Small changes of a coupling δK_a, fields and four-spin couplings among them, need no
magnet of their own. After n zooms they are, to first order (R. H. Swendsen, Phys. Rev.
Lett. 42, 859 (1979)),

    δK'_α = Σ_γ (⟨S' S'⟩_c)⁻¹_αγ ⟨S'_γ S_a⟩_c δK_a = T(n)_αa δK_a,

averages over the critical magnet alone. A change of the neighbours' coupling is one of
temperature; what is not temperature in a change δK_a is the part

    T_aa - T_a1 T_1a / T_11        (1: neighbours)

left in K'_a when K'_1 is brought back. Of the field the magnetization is read with the
three-spin couplings beside it. (Couplings of a magnet in a field are not fitted: after
one zoom a fitted field has the wrong sign, with three-spin couplings and without.)

All directions at once are the eigenvalues λ of T of one zoom: what is above 1 grows. In
two dimensions one even and one odd direction are relevant, 2 and 2^(15/8) = 3.668. They
are read over steps and numbers of operators, and the error of the last step adds in
quadrature its jackknife error, the change over the last step and the change from half
of the operators to all.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq

from kadanoff.coarse.block import Majority
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact.constants import K_C, Y_H, Y_T
from kadanoff.exact.strip import levels as strip_levels
from kadanoff.experiments.exhibit import (
    Check,
    Exhibit,
    Status,
    Work,
    columns,
    shown,
    stacked,
)
from kadanoff.instruments.clusters import systematic
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.instruments.linearized import Sector
from kadanoff.instruments.operators import sector_sums
from kadanoff.models.ising import Ising
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.samplers.run import sample

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "alike",
    "critical_with_second",
    "directions",
]

OPERATORS = ("nn", "nnn", "plaquette")
LABELS = ("K", "K₂ (diagonals)", "K₄ (four spins)")
LEFT_OUT = "third"
CRITICAL, DIAGONALS, WARMER, COLDER = (
    "critical", "with diagonals", "warmer", "colder",
)  # fmt: skip
SECTORS = {"even": 2**Y_T, "odd": 2**Y_H}
TEMPERATURE, FIELD = SECTORS.values()
COUNT = 8  # operators of each parity: with half of them the third direction moves
BESIDE = 4  # odd ones that a field is read in: itself and three spins
PARTS = {"nnn": "diagonals", "plaquette": "four spins"}
SHOWN = 3  # eigenvalues of each parity
WIDTHS = (8, 10)  # of the strips; K_c of plain nearest neighbours is off by 0.11 %
SIGMAS = 4.0
SHARP = 0.1  # error of a part that began as 1


@dataclass(frozen=True)
class Settings:
    """How much is zoomed.

    Attributes:
        side: of the magnets.
        zooms: by 2 each, two or more.
        draws: configurations of each magnet.
        second: the diagonal coupling in units of J.
        away: share of K_c by which the warmer and the colder magnet are off; small, so
            that a step is nearly linear there, and ten times the errors.
    """

    side: int
    zooms: int
    draws: int
    second: float = 0.25
    away: float = 0.04


FAST = Settings(side=32, zooms=2, draws=4096)
FULL = Settings(side=128, zooms=4, draws=16_384)


def critical_with_second(second: float) -> float:
    """K_c of the square lattice with diagonals of strength r = `second`, by strips.

    >>> abs(critical_with_second(0.0) / K_C - 1) < 0.0015
    True
    """

    def apart(coupling: float) -> float:
        small, large = (
            m * strip_levels(m, coupling, odd=True, second=second)[0] for m in WIDTHS
        )
        return float(large - small)

    root: Any = brentq(apart, 0.2 * K_C, 1.5 * K_C, xtol=1e-10)
    return float(root)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Fitted couplings of all magnets, and small changes at the critical point."""
    magnets = {
        name: _zoomed(name, model, coupling, settings, work)
        for name, (model, coupling) in _magnets(settings).items()
    }
    zooms = list(range(settings.zooms + 1))
    coordinates = {
        "magnet": list(magnets),
        "zooms": zooms,
        "operator": list(OPERATORS),
        "step": zooms[1:],
        "count": list(range(1, COUNT + 1)),
        "direction": list(range(SHOWN)),
        "to": list(OPERATORS),
        "start": list(OPERATORS),
        "part": list(PARTS),
    }
    data = _fitted(magnets) | _changed(magnets[CRITICAL])
    return xr.Dataset(data, coordinates)


def draw(dataset: xr.Dataset) -> list[Section]:
    """Couplings against the zooms, small changes, and the growth of all directions."""
    flow = (
        "Couplings that every level looks drawn from (maximum pseudo-likelihood) as "
        "the magnet is zoomed out: of two critical magnets that start differently, and "
        "of one on either side of the critical point. "
        "Lower right, what the three leave out: the coupling of third neighbours, "
        "fitted along with them, zero at the start."
    )
    small = (
        "A critical magnet is changed by very little, in four ways, and zoomed out. "
        "Left: how many times the field it was given a magnet has, and what coupling "
        "of neighbours (temperature) comes of one unit of each other change; lines "
        "are the exact powers 2^(15n/8) and 2^n through the first zoom. Right: what "
        "in a change of diagonals or of four spins is not temperature. Bars are one "
        "standard error."
    )
    growth = (
        "Growth of the first three directions of small changes (circles, squares, "
        "triangles) in one zoom at T_c, by the number of operators they are read in; "
        "one colour for each zoom. "
        "Lines are the two exact values; what lies below 1 (dashed) dies. In the "
        "table, after the last zoom, errors hold the change over the last zoom and "
        "from half of the operators to all."
    )
    return [
        Section("What dies and what grows", flow, data_uri(_couplings(dataset))),
        Section(
            "Four small changes",
            small,
            data_uri(_small(dataset)),
            tables=[_small_table(dataset)],
        ),
        Section(
            "All directions",
            growth,
            data_uri(_scans(dataset)),
            tables=[_growth_table(dataset)],
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """What changes, what dies and what grows."""
    return [
        _form(dataset),
        alike(dataset),
        _warms(dataset),
        _field(dataset),
        _parts(dataset),
        *(directions(dataset, parity) for parity in SECTORS),
    ]


def alike(dataset: xr.Dataset) -> Check:
    """Whether two critical magnets that start differently become the same."""
    first, last = dataset.zooms.values[[0, -1]]
    before, after = dataset["unlike"].sel(zooms=[first, last]).values
    error = float(dataset["unlike_error"].sel(zooms=last))
    status = Status.OPEN
    if after + SIGMAS * error < before / 2:
        status = Status.REPRODUCED
    elif after - SIGMAS * error > before / 2:
        status = Status.NOT
    return Check(
        claim="Most parameters are discarded on the way.",
        paper="in words",
        ours="the couplings of two critical magnets are "
        f"{shown(dataset, 'unlike', zooms=first)} apart, and "
        f"{shown(dataset, 'unlike', zooms=last)} after {last} zooms",
        status=status,
        reason=f"{after / before:.0%} of the distance is left; less than half of it, "
        f"{SIGMAS:g} errors included, is asked for",
    )


def directions(dataset: xr.Dataset, parity: str) -> Check:
    """Whether one direction of a parity grows and all others die."""
    exact = SECTORS[parity]
    value, error = dataset[parity].values, dataset[f"{parity}_error"].values
    off = abs(value[0] - exact) / error[0]
    fates = [_fate(v, e) for v, e in zip(value, error, strict=True)]
    if fates[0] == DIES or GROWS in fates[1:]:
        status = Status.NOT
    elif fates != [GROWS] + [DIES] * (SHOWN - 1):
        status = Status.OPEN
    else:
        status = Status.REPRODUCED if off < SIGMAS else Status.PARTLY
    listed = _listed(dataset, parity, "direction")
    return Check(
        claim="Numerous steps leave few relevant parameters: one of those that are "
        f"{parity} under a turn of all spins, the "
        f"{'temperature' if parity == 'even' else 'field'}.",
        paper="in words, of water: temperature and pressure are left",
        ours=f"directions grow by {listed} in the last zoom at T_c, where {exact:.3f} "
        "is exact for the first",
        status=status,
        reason=f"the first is {off:.1f} errors from it; by {SIGMAS:g} errors "
        + ", ".join(f"direction {k} {f}" for k, f in enumerate(fates, 1)),
    )


GROWS, DIES, UNDECIDED = "grows", "dies", "cannot be told from 1"


def _fate(growth: float, error: float) -> str:
    """What becomes of a small change that one zoom multiplies by `growth`."""
    if growth - SIGMAS * error > 1:
        return GROWS
    return DIES if growth + SIGMAS * error < 1 else UNDECIDED


def _magnets(settings: Settings) -> dict[str, tuple[Ising, float]]:
    shape = (settings.side, settings.side)
    plain = Ising(shape)
    return {
        CRITICAL: (plain, K_C),
        DIAGONALS: (
            Ising(shape, second=settings.second),
            critical_with_second(settings.second),
        ),
        WARMER: (plain, K_C * (1 - settings.away)),
        COLDER: (plain, K_C * (1 + settings.away)),
    }


def _zoomed(
    name: str, model: Ising, coupling: float, settings: Settings, work: Work
) -> list[Ensemble]:
    fine = sample(
        model,
        coupling=coupling,
        draws=settings.draws,
        method="swendsen-wang",
        seed=work.subseed("magnet", name),
        runs=work.runs,
        progress=work.progress(f"{name}: {settings.side}×{settings.side}"),
    )
    stack = Stack((Majority(b=2),) * settings.zooms)
    return list(stack.levels(fine, seed=work.subseed("ties", name)))


def _fitted(magnets: Mapping[str, list[Ensemble]]) -> dict:
    """Couplings by magnet, level and operator; what is off, and its growth."""
    fits = {
        name: [fit_couplings(level, OPERATORS).values for level in chain]
        for name, chain in magnets.items()
    }
    more = [
        [fit_couplings(level, (*OPERATORS, LEFT_OUT))[LEFT_OUT] for level in chain]
        for chain in magnets.values()
    ]
    thermal = _pairs(_half_apart, fits[COLDER], fits[WARMER])
    unlike = _pairs(_distance, fits[CRITICAL], fits[DIAGONALS])
    growth = [after / before for before, after in itertools.pairwise(thermal)]
    axes = ("magnet", "zooms", "operator")
    return (
        _table("coupling", axes, [*fits.values()])
        | _table("left_out", axes[:2], more)
        | stacked(thermal, "thermal", "zooms")
        | stacked(unlike, "unlike", "zooms")
        | stacked(growth, "growth", "step")
        | columns({"grown": thermal[-1] / thermal[0]})
    )


def _table(name: str, axes: tuple[str, ...], rows: list[list[Estimate]]) -> dict:
    """Variables of a data set: estimates in rows, and their errors."""
    values, errors = (
        np.array([[getattr(e, part) for e in row] for row in rows])
        for part in ("value", "error")
    )
    return {name: (axes, values), f"{name}_error": (axes, errors)}


def _pairs(function: Any, one: list[Estimate], other: list[Estimate]) -> list[Estimate]:
    """A function of the couplings of two magnets, at every level."""
    return [combine(function, a, b) for a, b in zip(one, other, strict=True)]


def _half_apart(cold: np.ndarray, warm: np.ndarray) -> float:
    """Half of the difference of two magnets along the neighbours' coupling."""
    return (cold[0] - warm[0]) / 2


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Between the couplings of two magnets."""
    return float(np.linalg.norm(one - other))


def _changed(levels: list[Ensemble]) -> dict:
    """Small changes at the critical point: of single couplings, and all directions."""
    names = [systematic(2, COUNT, parity=parity) for parity in SECTORS]
    sums = [sector_sums(level, *names) for level in levels]
    data: dict = {}
    for which, parity in enumerate(SECTORS):
        own = [s[which] for s in sums]
        pairs = zip(levels[1:], itertools.pairwise(own), strict=True)
        steps = [Sector.of(level, *pair) for level, pair in pairs]
        data |= _scan(parity, steps)
    even, odd = (
        [
            Sector.of(level, sums[0][which], s[which])
            for level, s in zip(levels[1:], sums[1:], strict=True)
        ]
        for which in (0, 1)
    )
    chosen = [names[0].index(o) for o in OPERATORS]
    responses = [sector.matrix(chosen) for sector in even]
    field = [sector.matrix(range(BESIDE))[0, 0] for sector in odd]
    ratios = (after / before for before, after in itertools.pairwise(field))
    axes = ("step", "to", "start")
    return (
        data
        | _stack("response", axes, responses)
        | _stack("rest", ("step", "part"), [r.map(_not_temperature) for r in responses])
        | stacked(field, "field", "step")
        | stacked([field[0], *ratios], "field_step", "step")
    )


def _stack(name: str, axes: tuple[str, ...], readings: list[Estimate]) -> dict:
    """Variables of a data set: arrays along a first axis, and their errors."""
    return {
        name: (axes, np.stack([r.value for r in readings])),
        f"{name}_error": (axes, np.stack([r.error for r in readings])),
    }


def _not_temperature(response: np.ndarray) -> np.ndarray:
    """What is left of each change but the first when the first is brought back."""
    return np.array(
        [
            response[a, a] - response[a, 0] * response[0, a] / response[0, 0]
            for a in range(1, len(response))
        ]
    )


def _scan(parity: str, steps: list[Sector]) -> dict:
    """Growth by step, number of operators and direction; that of the last step."""
    found = [
        [sector.matrix(range(n)).map(_growths) for n in range(1, COUNT + 1)]
        for sector in steps
    ]
    axes = ("step", "count", "direction")
    data = _table(f"{parity}_scan", axes, found)
    values, errors = (variable[1] for variable in data.values())
    last = values[-1, -1]
    parts = (errors[-1, -1], last - values[-2, -1], last - values[-1, COUNT // 2 - 1])
    error = np.sqrt(sum(part**2 for part in parts))
    return data | {
        parity: (("direction",), last),
        f"{parity}_error": (("direction",), error),
    }


def _growths(matrix: np.ndarray) -> np.ndarray:
    """|λ| of the leading directions of a linearized zoom; a turning pair has one."""
    sizes = np.full(SHOWN, np.nan)
    if np.isfinite(matrix).all():
        found = np.sort(abs(np.linalg.eigvals(matrix)))[::-1][:SHOWN]
        sizes[: len(found)] = found
    return sizes


def _couplings(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 6.2, 2, 2)
    wanted: list[tuple[str, str | None, str]] = [
        ("coupling", o, label) for o, label in zip(OPERATORS, LABELS, strict=True)
    ]
    wanted.append(("left_out", None, "K of third neighbours, fitted along"))
    for ax, (variable, operator, label) in zip(fig.axes, wanted, strict=True):
        for name, colour in zip(dataset.magnet.values, PALETTE, strict=False):
            at = dataset.sel(magnet=name)
            if operator is not None:
                at = at.sel(operator=operator)
            _line(ax, at, variable, "zooms", label=str(name), color=colour)
        ax.set_ylabel(label)
    fig.axes[0].legend(fontsize=9, frameon=False)
    return fig


def _line(ax: Axes, at: xr.Dataset, name: str, axis: str, **style: Any) -> None:
    """A reading against zooms, with its errors."""
    look: dict[str, Any] = {"marker": "o", "markersize": 4, "capsize": 2, **style}
    ax.errorbar(at[axis], at[name], at[f"{name}_error"], **look)
    ax.set_xlabel("zooms")
    ax.set_xticks(at[axis].values)


def _small(dataset: xr.Dataset) -> Figure:
    fig = figure(10.5, 3.9, 1, 2)
    left, right = fig.axes
    n = dataset.step.values
    _line(left, dataset, "field", "step", label="field", color=PALETTE[3], ls="none")
    left.plot(
        n, float(dataset["field"][0]) * FIELD ** (n - 1), color=PALETTE[3], lw=0.8
    )
    starts = {"nn": "neighbours", **PARTS}
    for (start, label), colour in zip(starts.items(), PALETTE, strict=False):
        made = dataset.sel(start=start, to="nn")
        name = f"neighbours from {label}"
        _line(left, made, "response", "step", label=name, color=colour, ls="none")
        first = float(made["response"][0])
        left.plot(n, first * TEMPERATURE ** (n - 1), color=colour, lw=0.8)
    left.set_yscale("log")
    left.set_ylabel("of one unit at the start")
    left.legend(fontsize=8, frameon=False)
    for (part, label), colour in zip(PARTS.items(), PALETTE[1:], strict=False):
        at = dataset.sel(part=part)
        right.plot([0, n[0]], [1, float(at["rest"][0])], color=colour, lw=1.5)
        _line(right, at, "rest", "step", label=label, color=colour)
    right.plot(0, 1, "ko", markersize=4)
    right.axhline(0, color="grey", linewidth=0.8)
    right.set_xticks(dataset.zooms.values)
    right.set_ylabel("what is not temperature")
    right.legend(fontsize=9, frameon=False)
    return fig


def _small_table(dataset: xr.Dataset) -> Table:
    """The four changes: themselves, and the temperature they are worth, by zooms."""
    n = dataset.step.values
    header = ["one unit of", "what is read", *(f"after {k}" for k in n)]
    rows = [["field", "field", *(shown(dataset, "field", step=k) for k in n)]]
    for start, label in {"nn": "neighbours", **PARTS}.items():
        own = [shown(dataset, "response", step=k, start=start, to=start) for k in n]
        rows.append([label, label, *own])
        if start in PARTS:
            made = [shown(dataset, "response", step=k, start=start, to="nn") for k in n]
            rest = [shown(dataset, "rest", step=k, part=start) for k in n]
            rows.append([label, "neighbours", *made])
            rows.append([label, f"{label}, but for temperature", *rest])
    return Table(header, rows)


def _scans(dataset: xr.Dataset) -> Figure:
    fig = figure(10.5, 3.9, 1, 2)
    shift = np.linspace(-0.15, 0.15, dataset.step.size)
    for ax, (parity, exact) in zip(fig.axes, SECTORS.items(), strict=True):
        for k, step in enumerate(dataset.step.values):
            at = dataset.sel(step=step)
            for direction, marker in zip(range(SHOWN), "os^", strict=True):
                ax.errorbar(
                    dataset["count"] + shift[k],
                    at[f"{parity}_scan"][:, direction],
                    at[f"{parity}_scan_error"][:, direction],
                    label=f"zoom {step}" if direction == 0 else None,
                    color=PALETTE[k % len(PALETTE)],
                    marker=marker,
                    markersize=4,
                    linestyle="none",
                    capsize=2,
                )
        ax.axhline(exact, color="grey", linewidth=0.8)
        ax.axhline(1, color="grey", linewidth=0.8, linestyle="--")
        ax.set_xticks(dataset["count"].values)
        ax.set_xlabel(f"{parity} operators")
        ax.set_ylabel("growth in one zoom")
        ax.legend(fontsize=9, frameon=False)
    return fig


def _growth_table(dataset: xr.Dataset) -> Table:
    """Every zoom with all operators, and the last one with its whole error."""
    header = ["zoom", *(f"{p} {k + 1}" for p in SECTORS for k in range(SHOWN))]
    ways = [(p, k) for p in SECTORS for k in range(SHOWN)]
    rows = [
        [
            str(step),
            *(
                shown(dataset, f"{p}_scan", step=step, count=COUNT, direction=k)
                for p, k in ways
            ),
        ]
        for step in dataset.step.values
    ]
    whole = [shown(dataset, p, direction=k) for p, k in ways]
    return Table(header, [*rows, ["last, whole error", *whole]])


def _listed(dataset: xr.Dataset, name: str, axis: str) -> str:
    """A reading at all places of its axis."""
    places = dataset[axis].values
    return ", ".join(shown(dataset, name, **{axis: place}) for place in places)


def _form(dataset: xr.Dataset) -> Check:
    at = dataset.sel(magnet=CRITICAL)
    value = np.column_stack([at["coupling"][:, 1:], at["left_out"]])
    error = np.column_stack([at["coupling_error"][:, 1:], at["left_out_error"]])
    made = float(np.max(abs(value[1]) / error[1]))
    moved = float(np.max(abs(value[-1] - value[-2]) / np.hypot(error[-1], error[-2])))
    if made < SIGMAS:
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if moved < SIGMAS else Status.NOT
    first = {"magnet": CRITICAL, "zooms": 1}
    last = int(dataset.zooms[-1])
    return Check(
        claim="The form of the model is unchanged, but the parameters change.",
        paper="in words",
        ours="one zoom of a critical magnet of neighbours alone makes couplings of "
        f"diagonals {shown(dataset, 'coupling', operator='nnn', **first)}, of four "
        f"spins {shown(dataset, 'coupling', operator='plaquette', **first)} and of "
        f"third neighbours {shown(dataset, 'left_out', **first)}",
        status=status,
        reason=f"the largest of them is {made:.0f} errors from none; from zoom "
        f"{last - 1} to {last} they change by {moved:.1f} errors at most",
    )


def _warms(dataset: xr.Dataset) -> Check:
    growth, error = dataset["growth"].values, dataset["growth_error"].values
    whole = _fate(float(dataset["grown"]), float(dataset["grown_error"]))
    each = [_fate(g, e) for g, e in zip(growth, error, strict=True)]
    if whole == DIES or DIES in each:
        status = Status.NOT
    else:
        status = Status.REPRODUCED if whole == GROWS else Status.OPEN
    return Check(
        claim="The temperature is relevant: what is off in it grows.",
        paper="in words",
        ours="the couplings of neighbours of the warmer and the colder magnet move "
        f"apart by factors {_listed(dataset, 'growth', 'step')} in the zooms from the "
        f"finest, {shown(dataset, 'grown')} in all",
        status=status,
        reason=f"by {SIGMAS:g} errors the whole {whole}; in single zooms it "
        f"{', '.join(each)}; twofold is exact where it is small",
    )


def _field(dataset: xr.Dataset) -> Check:
    last = dataset.step.values[-1]
    growth = float(dataset["field_step"].sel(step=last))
    error = float(dataset["field_step_error"].sel(step=last))
    off, fate = abs(growth - FIELD) / error, _fate(growth, error)
    if fate == GROWS:
        status = Status.REPRODUCED if off < SIGMAS else Status.PARTLY
    else:
        status = Status.NOT if fate == DIES else Status.OPEN
    return Check(
        claim="The field (of water, the pressure) is relevant: a small one grows.",
        paper="in words, of the pressure",
        ours=f"a small field is {_listed(dataset, 'field', 'step')} times what it was "
        f"after {', '.join(str(k) for k in dataset.step.values)} zooms at T_c",
        status=status,
        reason=f"the last zoom multiplies it by "
        f"{shown(dataset, 'field_step', step=last)}, {off:.1f} errors from the exact "
        f"{FIELD:.3f}",
    )


def _parts(dataset: xr.Dataset) -> Check:
    said, fates = [], []
    for part, label in PARTS.items():
        at = dataset.sel(part=part)
        sharp = np.flatnonzero(at["rest_error"].values < SHARP)
        k = int(sharp[-1]) if len(sharp) else 0
        step = int(dataset.step[k])
        fates.append(_fate(float(at["rest"][k]), float(at["rest_error"][k])))
        worth = shown(dataset, "response", step=step, start=part, to="nn")
        said.append(
            f"of {label} {shown(dataset, 'rest', step=step, part=part)} of itself and "
            f"{worth} of a neighbours' coupling after {step}"
        )
    if GROWS in fates:
        status = Status.NOT
    else:
        status = Status.REPRODUCED if set(fates) == {DIES} else Status.OPEN
    return Check(
        claim="Other couplings are irrelevant: but for the temperature they are worth, "
        "they die.",
        paper="in words",
        ours=f"zooms at T_c leave of a small coupling {'; '.join(said)}",
        status=status,
        reason=f"by {SIGMAS:g} errors what is not temperature "
        + ", ".join(
            f"{fate} ({label})"
            for fate, label in zip(fates, PARTS.values(), strict=True)
        ),
    )


EXHIBIT = Exhibit(
    name="parameters",
    title="Relevant and irrelevant parameters",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
