"""Figures 7 and 9: what block averages are correlated with, and how far.

Claims of section IV-A of arXiv:1906.05212: every block spin of 32² → 16² → 8² has one
bright spot in its map ⟨v_i h_a⟩, larger after two steps than after one, and the patch
correlator G (`patches`) falls off linearly with distance. The text at hand has lost the
number of configurations, the temperature, and the range and size of G.

Beside them stands what block averages must have: their G in closed form from the spins'
correlator on the critical torus. It is N_h ⟨m²⟩² at every distance and falls by little
more than half of one per cent of that: the configurations of a finite critical magnet
have a magnetization, and every spin listens to it. Since |Ĉ(k)|² ~ k^{-7/2} at T_c, the
rest begins as G(0) - A r^{3/2} and ends flat, where the torus closes: not a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.coarse.block import Average
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, parenthesised
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.block_patches import (
    block_correlator,
    blocked,
    spin_field,
)
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.decided import (
    above,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.falloff import line
from kadanoff.experiments.demellokoch2020.patches import (
    Reading,
    curves,
    maps,
    numbers,
    on_own_scale,
    on_torus,
    read,
    spots,
    tabled,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown, stacked
from kadanoff.geometry import Grid
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "PAIRS", "Settings"]

PAIRS = ("first", "second", "both")
"""Which two levels: the lattice and one step, one step and two, the lattice and two."""
LOST = "lost in the text at hand"
BENT = 0.02
"""Of the fall: what an eye would call a line."""
EXCLUDED = 1e-3
"""Probability of the residuals, if G were a line, below which it is none."""
FEW = 0.2
"""Spots beyond the first, one in five units."""
HALF = 0.5
"""Of G(0): more than this is most of it."""


@dataclass(frozen=True)
class Settings:
    """How much is drawn.

    Attributes:
        side: of the lattice, divided by four in two steps.
        draws: configurations.
        temperatures: T/T_c at which the offset of the first step is read.
        sides: of lattices whose offset is computed from the critical torus.
    """

    side: int
    draws: int
    temperatures: tuple[float, ...] = (1.0, 1.1, 1.5)
    sides: tuple[int, ...] = (8, 16, 32, 64, 128)


FAST = Settings(side=16, draws=1024)
# The paper's number of configurations is lost; so many give the fall-off to 1.5 %.
FULL = Settings(side=32, draws=20_000)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All readings, one row for each pair of levels."""
    fine = drawn(work, (settings.side,) * 2, T_C, settings.draws)
    levels = list(Stack((Average(b=2), Average(b=2))).levels(fine))
    data = xr.Dataset(attrs={"side": settings.side, "draws": settings.draws})
    rows = {}
    for name, (under, over) in zip(PAIRS, _between(levels), strict=True):
        reading = read(under, over)
        rows[name] = [numbers(reading) | _spots(under, over)]
        data = data.assign(_curves(name, reading))
        data = data.assign(_images(name, under, over))
    data = data.assign(tabled(rows, "pair")).assign_coords(pair=list(PAIRS))
    data = data.assign(_expected(settings))
    return data.assign(_elsewhere(settings, work)).assign(_by_side(settings))


def _between(levels: Sequence[Ensemble]) -> list[tuple[Ensemble, Ensemble]]:
    fine, one, two = levels
    return [(fine, one), (one, two), (fine, two)]


def _spots(below: Ensemble, above: Ensemble) -> dict[str, Estimate]:
    """Mean number and area of bright spots, their error the spread over units."""
    number, area = spots(below, above)
    return {"spots": _over_units(number), "area": _over_units(area)}


def _over_units(values: np.ndarray) -> Estimate:
    replicates = (values.sum() - values) / (len(values) - 1)
    return Estimate(values.mean(), {"units": replicates}, len(values))


def _curves(name: str, reading: Reading) -> xr.Dataset:
    r, axis = reading.pairs.distance, f"r_{name}"
    ways = {
        "raw": [reading.raw],
        "varying": [reading.varying],
        "one_sided": [reading.one_sided],
    }
    found = line(r, reading.raw)
    made = curves(name, {**ways, "residual": [found.residual]}, axis)
    made |= stacked([found.slope], f"{name}_slope", f"one_{name}")
    about = {"bent": found.bent, "ratio": found.ratio, "p": found.p}
    about |= {"naive": found.naive}
    data = xr.Dataset(made, coords={axis: r})
    return data.assign({f"{name}_{k}": v for k, v in about.items()})


def _images(name: str, below: Ensemble, above: Ensemble) -> xr.Dataset:
    found = maps(below, above)
    return xr.Dataset({f"map_{name}": (("unit", f"x_{name}", f"y_{name}"), found)})


def _expected(settings: Settings) -> xr.Dataset:
    """G of block averages on the critical torus, in the same distances."""
    field = spin_field((settings.side, settings.side))
    grid = Grid(field.shape)
    cases = {
        "first": (grid, field, 2),
        "second": (grid.coarsened(2), blocked(field, 2), 2),
        "both": (grid, field, 4),
    }
    data = xr.Dataset()
    for name, (own, correlator, b) in cases.items():
        pairs = on_torus(own)
        whole = block_correlator(correlator, b)
        g = pairs.average(whole * own.size)
        data[f"{name}_expected"] = ((f"r_{name}",), g)
        data[f"{name}_expected_uniform"] = whole.mean()
    return data


def _elsewhere(settings: Settings, work: Work) -> xr.Dataset:
    """The offset of the first step at other temperatures."""
    found = []
    for t in settings.temperatures:
        fine = drawn(work, (settings.side,) * 2, t * T_C, settings.draws)
        found.append(read(fine, coarsen(Average(b=2), fine)).share)
    made = stacked(found, "share_at", "temperature")
    return xr.Dataset(made, coords={"temperature": list(settings.temperatures)})


def _by_side(settings: Settings) -> xr.Dataset:
    """Uniform part and fall of the first step on critical tori."""
    uniform, fall = [], []
    for side in settings.sides:
        whole = block_correlator(spin_field((side, side)), 2)
        uniform.append(whole.mean())
        fall.append(whole[0, 0] - whole[side // 2, side // 2])
    made = {"uniform_of_side": ("side", uniform), "fall_of_side": ("side", fall)}
    return xr.Dataset(made, coords={"side": list(settings.sides)})


def draw(dataset: xr.Dataset) -> list[Section]:
    """Maps, correlators, and where the offset comes from."""
    titles = [f"unit {k + 1}" for k in range(dataset.sizes["unit"])]
    seen = {}
    for pair in PAIRS:
        images, ends = on_own_scale(dataset[f"map_{pair}"].values)
        seen[f"{LEVELS[pair]}\n{ends}"] = images
    return [
        Section(
            "Figure 7: maps of block averages",
            f"⟨v_i h_a⟩ at T_c on {dataset.side}², {dataset.draws} configurations, of "
            "five block spins. Each picture has a scale of its own, white its smallest "
            "value and dark red its largest, so that the spot is seen; beside each row "
            "stand the smallest and the largest value of all its pictures.",
            picture=data_uri(image_rows(seen, titles, responses=True)),
            tables=[_spot_table(dataset)],
            remarks=[
                "The text at hand has 32² → 16² → 8² near T_c and averages of 2×2. It "
                "has lost the temperature, the number of configurations and the range "
                f"and size of G: T_c and {dataset.draws} configurations are "
                "reconstructed."
            ],
        ),
        Section(
            "Figure 9: their patch correlator",
            "G(r) = Σ_a C_a(x) C_a(y) against distance in original sites, less its "
            "uniform part, which each title names: with it the error bars are those of "
            "⟨m²⟩, which lifts all points together. The line is fitted by least "
            "squares to all distances; below is what it leaves.",
            picture=data_uri(_correlators(dataset)),
            tables=[_line_table(dataset)],
        ),
        Section(
            "The offset of block averages",
            "The uniform part of G is Σ_a ⟨m h_a⟩² = N_h ⟨m²⟩². At T_c it grows as "
            "L^{3/2}, and so does the fall: no larger lattice is without it. Away from "
            "T_c it goes.",
            picture=data_uri(_offset(dataset)),
            tables=[_side_table(dataset)],
        ),
    ]


LEVELS = {
    "first": "lattice,\none step",
    "second": "one step,\ntwo steps",
    "both": "lattice,\ntwo steps",
}


def _correlators(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 5.4, rows=2, columns=len(PAIRS))
    for k, name in enumerate(PAIRS):
        _with_line(fig.axes[k], dataset, name)
        _residuals(fig.axes[len(PAIRS) + k], dataset, name)
    fig.axes[0].set_ylabel("G(r) less its uniform part", fontsize=9)
    fig.axes[len(PAIRS)].set_ylabel("G(r) less the line", fontsize=9)
    fig.axes[0].legend(fontsize=8, frameon=False)
    return fig


def _with_line(ax: Axes, dataset: xr.Dataset, name: str) -> None:
    r = dataset[f"r_{name}"].values
    uniform = float(dataset["uniform"].sel(pair=name))
    g, error = (dataset[f"{name}_varying{of}"].values for of in ("", "_error"))
    ax.errorbar(r, g, error, fmt="o", ms=3, lw=0.8, color=PALETTE[0], label="measured")
    expected = dataset[f"{name}_expected"] - dataset[f"{name}_expected_uniform"]
    ax.plot(r, expected.values, color=PALETTE[2], lw=1.3, label="critical torus")
    straight = (dataset[f"{name}_raw"] - dataset[f"{name}_residual"]).values - uniform
    ax.plot(r, straight, color=PALETTE[6], lw=1.0, ls="--", label="line")
    lifted = shown(dataset, "uniform", pair=name)
    title = LEVELS[name].replace("\n", " ")
    ax.set_title(f"{title}: uniform part {lifted}", fontsize=9)


def _residuals(ax: Axes, dataset: xr.Dataset, name: str) -> None:
    r = dataset[f"r_{name}"].values
    left, error = (dataset[f"{name}_residual{of}"].values for of in ("", "_error"))
    ax.errorbar(r, left, error, fmt="o", ms=3, lw=0.8, color=PALETTE[0])
    ax.axhline(0, color=PALETTE[6], lw=1.0, ls="--")
    ax.set_xlabel("distance (original sites)", fontsize=9)


def _offset(dataset: xr.Dataset) -> Figure:
    fig = figure(8.5, 3.2, columns=2)
    by_side, by_t = fig.axes
    side = dataset["side"].values
    uniform, fall = dataset["uniform_of_side"].values, dataset["fall_of_side"].values
    by_side.loglog(side, uniform, "o-", color=PALETTE[0], label="uniform part")
    by_side.loglog(side, fall, "s-", color=PALETTE[2], label="fall of G")
    by_side.set_xlabel("side L, critical torus", fontsize=9)
    by_side.legend(fontsize=8, frameon=False)
    t = dataset["temperature"].values
    share, error = dataset["share_at"].values, dataset["share_at_error"].values
    by_t.errorbar(t, share, error, fmt="o-", color=PALETTE[0], capsize=2)
    by_t.set_xlabel("T/T_c", fontsize=9)
    by_t.set_ylabel("uniform part / G(0)", fontsize=9)
    by_t.set_ylim(0, 1.05)
    return fig


def _spot_table(dataset: xr.Dataset) -> Table:
    header = ["levels", "spots per unit", "area of a spot (sites)"]
    rows = [
        [LEVELS[p].replace("\n", " "), *(_shown(dataset, n, p) for n in _SPOTS)]
        for p in PAIRS
    ]
    return Table(header, rows)


_SPOTS = ("spots", "area")


def _line_table(dataset: xr.Dataset) -> Table:
    header = [
        "levels",
        "G(0)",
        "fall",
        "uniform part",
        "closed form",
        "line: rms residual / fall",
        "F(4, 12) of the residuals",
        "p of a line",
        "χ² per point by single bars",
    ]
    rows = [
        [
            LEVELS[p].replace("\n", " "),
            *(shown(dataset, n, pair=p) for n in ("at_zero", "fall", "uniform")),
            f"{float(dataset[f'{p}_expected_uniform']):.2f}",
            f"{float(dataset[f'{p}_bent']):.3f}",
            f"{float(dataset[f'{p}_ratio']):.3g}",
            f"{float(dataset[f'{p}_p']):.1g}",
            f"{float(dataset[f'{p}_naive']):.2g}",
        ]
        for p in PAIRS
    ]
    return Table(header, rows)


def _side_table(dataset: xr.Dataset) -> Table:
    rows = [
        [int(side), f"{u:.4g}", f"{f:.3g}", f"{u / (u + f):.4f}"]
        for side, u, f in zip(
            dataset["side"].values,
            dataset["uniform_of_side"].values,
            dataset["fall_of_side"].values,
            strict=True,
        )
    ]
    return Table(["L", "uniform part", "fall", "share of offset and fall"], rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """One spot, larger after two steps, a linear fall, and an offset of its own."""
    return [
        _one_spot(dataset),
        _larger(dataset),
        _linear(dataset),
        _uniform(dataset),
    ]


def _pair(dataset: xr.Dataset, name: str, pair: str) -> tuple[float, float]:
    here = dataset.sel(pair=pair)
    return float(here[name]), float(here[f"{name}_error"])


def _one_spot(dataset: xr.Dataset) -> Check:
    """Mean number of spots; the spread over units is its error."""
    one = [
        within(v - 1, e, FEW) for v, e in (_pair(dataset, "spots", p) for p in PAIRS)
    ]
    return Check(
        "The map of every block spin has one bright spot at its place.",
        "one (in the text)",
        "spots per unit " + ", ".join(_shown(dataset, "spots", p) for p in PAIRS),
        status_of(one),
        "regions above half the way from the median, for "
        f"{sum(o is True for o in one)} of {len(one)} pairs of levels within {FEW:g} "
        "of 1 by three errors, those of the mean over units that share one sample",
    )


def _larger(dataset: xr.Dataset) -> Check:
    (small, error), (large, other) = (
        _pair(dataset, "area", p) for p in ("first", "both")
    )
    grows = above(large - small, float(np.hypot(error, other)), 0.0)
    return Check(
        "Spots are larger after two steps than after one.",
        f"by how much is {LOST}",
        "area in sites "
        + ", ".join(_shown(dataset, "area", p) for p in ("first", "both")),
        status_of([grows]),
        f"the area changes by a factor of {_factor(large, other, small, error)}, that "
        "of the block by 4; errors are those of the mean over units that share one "
        "sample",
    )


def _factor(over: float, error: float, under: float, other: float) -> str:
    """A quotient, the errors of its parts taken as independent."""
    ratio = over / under
    return parenthesised(ratio, ratio * float(np.hypot(error / over, other / under)))


def _linear(dataset: xr.Dataset) -> Check:
    bent = {p: float(dataset[f"{p}_bent"]) for p in PAIRS}
    p_value = max(float(dataset[f"{p}_p"]) for p in PAIRS)
    falls = [above(*_pair(dataset, "fall", p), 0.0) for p in PAIRS]
    excluded = p_value < EXCLUDED
    if False in falls:
        status = Status.NOT
    elif None in falls or not (excluded or max(bent.values()) < BENT):
        status = Status.OPEN
    else:
        status = Status.REPRODUCED if max(bent.values()) < BENT else Status.PARTLY
    words = "it falls" if all(falls) else "that it falls is not seen in every pair"
    if excluded:
        words += f", and a line is excluded (p ≤ {p_value:.1g} for each pair of levels)"
    else:
        words += f", and a line is not excluded (p up to {p_value:.1g})"
    return Check(
        "G falls off linearly with distance.",
        f"linear (in the text); its size is {LOST}",
        "rms residual of the line over the fall "
        + ", ".join(f"{bent[p]:.3f}" for p in PAIRS),
        status,
        f"{words}; the closed form is an S, steepest inside and flat at both ends, as "
        "the torus makes it",
    )


def _uniform(dataset: xr.Dataset) -> Check:
    share, error = _pair(dataset, "share", "first")
    expected = float(dataset["first_expected_uniform"])
    return Check(
        "Tested here: most of G(0) of block spins themselves is the same at every "
        "distance.",
        "an offset of machines from block spins; of one of block spins nothing is said "
        "(in the text)",
        f"uniform part {_shown(dataset, 'uniform', 'first')} of G(0) = "
        f"{_shown(dataset, 'at_zero', 'first')}",
        status_of([above(share, error, HALF)]),
        f"{parenthesised(share, error)} of G(0) is N_h ⟨m²⟩² ({expected:.1f} on the "
        f"critical torus); most would be more than {HALF:g}, by three errors",
    )


def _shown(dataset: xr.Dataset, name: str, pair: str) -> str:
    """With its error, or alone where all units agree."""
    value, error = _pair(dataset, name, pair)
    return shown(dataset, name, pair=pair) if error > 0 else f"{value:.3g}"


EXHIBIT = Exhibit(
    name="fig_7",
    title="Figures 7 and 9: block averages",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
