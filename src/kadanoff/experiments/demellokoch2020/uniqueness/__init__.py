"""The equations of the exact mapping have more than one solution.

Section IV: the argument that a machine is a variational renormalization group rests on

    Σ_h p(v, h) = p(v),   Σ_v p(v, h) = p(h),

and Σ_h e^{T(v,h)} = 1 for all v with T = ln p(v, h) - ln p(v). The paper's
counterexample p̃(v, h) = p(v) p(h) obeys them and has no correlation between a visible
and a hidden spin. So do all mixtures (1 - λ) p + λ p̃: a line of solutions.

Executed here, on 4×4 spins by visiting every state, for the law of block spins of the
critical Ising model and for a trained machine; and on samples, where p̃ is a hidden
layer made of other chains, drawn apart, every level from chains of its own. There the
rows of the scorecard say which instruments can tell: those that look at the coarse
layer alone cannot, by the equations themselves; those that read both layers together
can.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife, parenthesised
from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.demellokoch2020.uniqueness.joint_law import (
    SIDE,
    Joint,
    machine_law,
    majority_law,
)
from kadanoff.experiments.demellokoch2020.uniqueness.verdicts import (
    MAJORITY,
    SIGMAS,
    checks,
    of_fine,
    separation,
    tells,
    tells_apart,
)
from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import attributes_of
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.randomness import subseed
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.scorecard.rows import QUICK, Row, read
from kadanoff.scorecard.subject import Subject, of_rule

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Joint",
    "Settings",
    "checks",
    "compute",
    "draw",
    "majority_law",
    "tells",
    "tells_apart",
]


MIXTURES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""λ of the mixtures; 1 is the factorised law."""
OVERLAP = "own block: ⟨h v⟩ connected"


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the lattice that samples are of.
        draws: configurations that are read.
        training: configurations that machines are trained on.
        epochs: of every training.
        seeds: machines.
    """

    side: int
    draws: int
    training: int
    epochs: int
    seeds: int


FAST = Settings(side=16, draws=1024, training=1024, epochs=12, seeds=1)
FULL = Settings(
    side=32,
    draws=10_000,
    training=10_000,
    epochs=60,  # the package's own, after which 94 % of the units are local
    seeds=5,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The exact line of solutions, and the rows of two samples of its ends."""
    with one_thread():
        exact = _exact({"block spins": majority_law(K_C), "machine": _small(work)})
        samples = _samples(settings, work)
    return xr.merge([exact, samples]).assign_attrs(attributes_of(settings))


def _small(work: Work) -> Joint:
    """A machine of four hidden units, trained on critical 4×4 spins."""
    data = drawn(work, (SIDE, SIDE), T_C, 4096, purpose="uniqueness 4×4")
    start = RBM(data.geometry, hidden=4, seed=work.subseed("weights"))
    how = Training(epochs=20, l1=0.0, learning_rate=0.1)
    return machine_law(trained(work, start, data, how, "uniqueness 4×4"))


def _exact(laws: Mapping[str, Joint]) -> xr.Dataset:
    rows = [[_facts(law, law.mixed(s)) for s in MIXTURES] for law in laws.values()]
    names = ("apart_visible", "apart_hidden", "closure", "correlation", "information")
    values = np.array(rows)
    return xr.Dataset(
        {name: (("law", "mixture"), values[..., k]) for k, name in enumerate(names)},
        coords={"law": list(laws), "mixture": list(MIXTURES)},
    )


def _facts(law: Joint, other: Joint) -> list[float]:
    return [
        float(np.abs(other.visible - law.visible).max()),
        float(np.abs(other.hidden - law.hidden).max()),
        other.closure(law.visible),
        float(np.abs(other.correlation()).max()),
        other.information(),
    ]


def _samples(settings: Settings, work: Work) -> xr.Dataset:
    """Readings of every map and of its factorised copy."""
    names = (MAJORITY, *(f"machine {s}" for s in range(settings.seeds)))
    pieces = [_piece(name, k - 1, settings, work) for k, name in enumerate(names)]
    found = readings(pieces, work, "reading maps and their factorised copies")
    return _table_of(dict(zip(names, found, strict=True)))


def _piece(name: str, s: int, settings: Settings, work: Work) -> Piece:
    """One map: what is read of it, and of its copy whose layers were drawn apart."""

    def find() -> dict[str, Any]:
        shape = (settings.side,) * 2
        fine = drawn(work, shape, T_C, settings.draws, purpose="uniqueness")
        rule = Majority(b=2) if name == MAJORITY else _machine(s, settings, work)
        subject = of_rule(rule, fine, seed=work.subseed("probe", name))
        others = [
            drawn(work, shape, T_C, settings.draws, purpose=f"uniqueness apart, {n}")
            for n in range(1, len(subject.levels))
        ]
        copy = drawn_apart(subject, others, work.subseed("apart", name))
        return {"map": _readings(subject), "factorised": _readings(copy)}

    about = asdict(settings) | {"map": name, "seed": work.seed, "device": work.device}
    return Piece(
        step="demellokoch2020-uniqueness", settings=about, find=find, version=2
    )


def _machine(s: int, settings: Settings, work: Work) -> Layer:
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose="uniqueness training")
    start = RBM(data.geometry, settings.side**2 // 4, seed=work.subseed("rbm", s))
    how = Training(epochs=settings.epochs)
    return Layer(trained(work, start, data, how, f"uniqueness {s}"))


def drawn_apart(subject: Subject, others: Sequence[Ensemble], seed: int) -> Subject:
    """The same map's coarse levels, every one of configurations of its own chains.

    Of two levels that is p(v) p(h); of more the product of the laws of all levels.

    Args:
        subject: the map, and the configurations that stay.
        others: one for each coarse level, of the same law and independent, at least
            as many chains of as many draws.
        seed: draws the coarse levels.
    """
    coarse = zip(subject.levels[1:], others, strict=True)
    apart = [_level(subject, n, *pair, seed) for n, pair in enumerate(coarse, start=1)]
    levels = (subject.fine, *apart)
    return replace(subject, name="factorised", levels=levels, rule=None)


def _level(
    subject: Subject, steps: int, kept: Ensemble, other: Ensemble, seed: int
) -> Ensemble:
    """What so many applications of the map make of other configurations."""
    assert subject.rule is not None
    level = other.select(slice(0, subject.fine.chains))
    for n, like in enumerate(subject.levels[1 : steps + 1]):
        level = coarsen(subject.rule, level, seed=subseed(seed, steps, n))
        level = replace(level, geometry=like.geometry)
    return replace(kept, data=level.data)


Readings = Mapping[str, Sequence[float | None]]


def _readings(subject: Subject) -> Readings:
    """Value and error by `row: reading`; what a row does not have is missing."""
    rows = [read(name, subject) for name in QUICK if name != "coverage"]
    own = _overlap(subject.fine, subject.coarse)
    found = {OVERLAP: (float(own.value), float(own.error))}
    found |= {key: pair for row in rows for key, pair in _plain(row)}
    return {k: [x if math.isfinite(x) else None for x in v] for k, v in found.items()}


def _plain(row: Row) -> list[tuple[str, tuple[float, float]]]:
    return [
        (f"{row.name}: {name}", _pair(value))
        for name, value in row.readings.items()
        if "error" not in name and not name.startswith("p of")
    ]


def _pair(value: Any) -> tuple[float, float]:
    if isinstance(value, Estimate):
        return float(value.value), float(value.error)
    return float(value), 0.0


def _overlap(fine: Ensemble, coarse: Ensemble) -> Estimate:
    """Mean over blocks of ⟨h v⟩ - ⟨h⟩⟨v⟩ between a unit and the sites of its block."""
    b = fine.grid.shape[0] // coarse.grid.shape[0]
    rows, columns = coarse.grid.shape

    def observe(v: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
        block = v.reshape(-1, rows, b, columns, b).mean(axis=(2, 4))
        return (h * block).mean(axis=0), block.mean(axis=0), h.mean(axis=0)

    return jackknife(observe, lambda hv, v, h: (hv - h * v).mean(), fine, coarse)


def _table_of(found: Mapping[str, Mapping[str, Readings]]) -> xr.Dataset:
    names = list(dict.fromkeys(n for both in found.values() for n in both["map"]))
    sides = ("map", "factorised")
    nothing = (None, None)
    values = [
        [[both[side].get(name, nothing) for name in names] for side in sides]
        for both in found.values()
    ]
    array = np.array(values, dtype=float)
    axes = ("map", "side", "reading")
    return xr.Dataset(
        {"value": (axes, array[..., 0]), "value_error": (axes, array[..., 1])},
        coords={"map": list(found), "side": list(sides), "reading": names},
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """The line of solutions, and by how much each reading tells its ends apart."""
    return [
        Section(
            "A line of solutions",
            "Mixtures (1 - λ) p(v,h) + λ p(v) p(h) of 4×4 spins and four hidden ones, "
            "by visiting all 2²⁰ states. All of them have the marginals of p to "
            "rounding, and Σ_h exp T = 1; the largest correlation of a visible with a "
            "hidden spin and the information between the layers go from those of p to "
            "nothing.",
            data_uri(_draw_line(dataset)),
            tables=[_line_table(dataset)],
        ),
        Section(
            "Which instruments can tell",
            "Errors by which a map and its factorised copy (the same map's coarse "
            "layers, each of chains of its own) differ, reading by reading; the line "
            f"is at {SIGMAS:g} errors. Arrows to the right: the copy does not have the "
            f"reading at all, or they differ by more than {FARTHEST:g}; to the left: "
            f"by less than {NEAREST:g}. Readings of the fine layer alone, which is the "
            "same, are left out; exponents y are compared as eigenvalues 2^y. Lattice, "
            "samples and machines are ours: the paper argues without any.",
            data_uri(_draw_separations(dataset)),
            tables=[_separation_table(dataset)],
        ),
    ]


def _draw_line(dataset: xr.Dataset) -> Figure:
    fig = figure(9, 3.3, columns=2)
    labels = {
        "correlation": "largest |⟨v h⟩ - ⟨v⟩⟨h⟩|",
        "information": "I(v : h) (nats)",
    }
    for ax, (name, label) in zip(fig.axes, labels.items(), strict=True):
        for law, colour in zip(dataset["law"].values, PALETTE, strict=False):
            y = dataset[name].sel(law=law).values
            ax.plot(dataset["mixture"].values, y, "o-", color=colour, label=str(law))
        ax.set_xlabel("share λ of the factorised law", fontsize=9)
        ax.set_ylabel(label, fontsize=9)
    fig.axes[0].legend(fontsize=8, frameon=False)
    return fig


NEAREST, FARTHEST = 0.1, 1e3


def _draw_separations(dataset: xr.Dataset) -> Figure:
    names = _shown_readings(dataset)
    fig = figure(8.5, 0.23 * len(names) + 0.9)
    (ax,) = fig.axes
    for k, name in enumerate(dataset["map"].values):
        z = np.array([separation(dataset, name, reading) for reading in names])
        y = np.arange(len(names)) + 0.12 * (k - (dataset.sizes["map"] - 1) / 2)
        drawn_at = np.clip(z, NEAREST, FARTHEST)
        beyond, below = z > FARTHEST, z < NEAREST
        colour = PALETTE[k % len(PALETTE)]
        for marker, some in (("o", ~beyond & ~below), (">", beyond), ("<", below)):
            ax.plot(drawn_at[some], y[some], marker, color=colour, markersize=4)
        ax.plot([], [], "o", color=colour, label=str(name))
    ax.axvline(SIGMAS, color="black", linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", labelsize=7.5)
    ax.invert_yaxis()
    ax.set_xlabel("difference in standard errors", fontsize=9)
    ax.legend(fontsize=8, frameon=False, loc="lower right")
    return fig


def _shown_readings(dataset: xr.Dataset) -> list[str]:
    """All that a pair of levels can have and that is not of the fine one alone."""
    return [
        reading
        for reading in map(str, dataset["reading"].values)
        if not reading.startswith("covariance") and not of_fine(dataset, reading)
    ]


def _line_table(dataset: xr.Dataset) -> Table:
    columns = {
        "apart_visible": "Σ_h off p(v) by",
        "apart_hidden": "Σ_v off p(h) by",
        "closure": "Σ_h exp T off 1 by",
        "correlation": "largest correlation",
        "information": "I(v:h) (nats)",
    }
    rows = [
        [
            str(law),
            f"{mixture:g}",
            *(
                f"{dataset[name].sel(law=law, mixture=mixture).item():.3g}"
                for name in columns
            ),
        ]
        for law in dataset["law"].values
        for mixture in dataset["mixture"].values
    ]
    return Table(["law", "λ", *columns.values()], rows)


def _separation_table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            str(name),
            reading,
            _cell(dataset, name, reading, "map"),
            _cell(dataset, name, reading, "factorised"),
            f"{separation(dataset, name, reading):.3g}",
        ]
        for name in dataset["map"].values
        for reading in _shown_readings(dataset)
    ]
    header = ["map", "reading", "of the map", "factorised", "apart by (errors)"]
    return Table(header, rows)


def _cell(dataset: xr.Dataset, name: str, reading: str, side: str) -> str:
    here = dataset.sel(map=name, reading=reading, side=side)
    value, error = here["value"].item(), here["value_error"].item()
    if not math.isfinite(value):
        return "–"
    known = math.isfinite(error) and error > 0
    return parenthesised(value, error) if known else f"{value:.3g}"


EXHIBIT = Exhibit(
    name="uniqueness",
    title="The equations have more than one solution",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=3,
)
