"""Figure 5a: the scaling dimension of the spin against the length of the flow.

The claim: Δ_s, from G(r) = B r^{-2Δ_s} of the flowing configurations, settles a little
below 1/8 for flows that start slightly below T_c and a little above for those that
start slightly above, so that at T_c it is 1/8.

Both temperatures are lost in the text at hand; here they are the paper's grid points
beside T_c, 2.2 and 2.3, and T_c itself between them. At 1 ≤ r ≤ 5, all distances alike,
two curves are fitted by least squares of G itself, the very fits of Fig. 5b
(`correlator_fits`): the paper's power law, `plane`, and the form on this torus,
`torus`. Both are read off the exact correlator of the 10×10 magnet too (transfer
matrix), which says what a right machine must show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import DELTA_SIGMA, T_C
from kadanoff.experiments.demellokoch2020 import fig_2
from kadanoff.experiments.demellokoch2020.along_flows import (
    SURE,
    TENTH,
    change,
    paired,
)
from kadanoff.experiments.demellokoch2020.correlator_fits import (
    Curve,
    exact_correlator,
    flattest,
    power_law,
    torus_form,
    within,
)
from kadanoff.experiments.demellokoch2020.decided import agrees, status_of, would_decide
from kadanoff.experiments.demellokoch2020.dimensions import nothing_subtracted
from kadanoff.experiments.demellokoch2020.flow import (
    LATTICE,
    LENGTH,
    Plan,
    mean_over_seeds,
    scan,
    written,
)
from kadanoff.experiments.demellokoch2020.flow_words import (
    FOUR,
    HEADER,
    LITERAL,
    by_agreement,
    reconstructed,
    some_lengths,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.instruments.scaling import correlator
from kadanoff.reports.figures import INK, PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "BESIDE",
    "EXHIBIT",
    "FAST",
    "FORMS",
    "FULL",
    "Settings",
    "curves",
    "exact_dimensions",
    "flow_dimensions",
    "forms",
    "from_magnet",
    "least",
    "residuals",
]

BESIDE = (2.2, T_C, 2.3)
"""Reconstructed: temperatures slightly below and above T_c, and T_c."""

FORMS = ("plane", "torus")
NEAREST, FARTHEST = 1.0, LATTICE[0] / 2
CLOSE = TENTH * DELTA_SIGMA


@dataclass(frozen=True)
class Settings:
    """The plan of the flows."""

    plan: Plan


FAST = Settings(fig_2.FAST.plan)
FULL = Settings(fig_2.FULL.plan)


def flow_dimensions(
    ensemble: Ensemble, operator: str = "spin", beside: Sequence[float] = ()
) -> dict[str, Estimate]:
    """Δ by the plane's and the torus's curve through 1 ≤ r ≤ L/2, and G itself.

    `plane` and `torus`; `plane_2` and so on of fits that begin farther; `g1`, `g2`, …
    the correlator at each distance from 1 to L/2. Not a number where the curve has no
    best Δ, in some block.

    Args:
        ensemble: ±1 or real values on the paper's lattice.
        operator: `spin`, or `energy` for ε_i = s_i Σ_nn s_j less its mean.
        beside: further shortest distances.

    Raises:
        ValueError: an unknown operator, or a lattice without right angles.
    """
    measured = correlator(ensemble, operator)
    g = measured.value[within(measured.distance, NEAREST, FARTHEST)]
    found = {f"g{k + 1}": g[k] for k in range(len(g.value))}
    for name, nearest in _marks(beside):
        y = measured.value[within(measured.distance, nearest, FARTHEST)]
        for form, curve in forms(operator, nearest).items():
            found[f"{form}{name}"] = curve.read(y)
    return found


@cache
def forms(operator: str, nearest: float = NEAREST) -> dict[str, Curve]:
    """Both curves on the paper's lattice, from a shortest distance to L/2."""
    torus = torus_form(LATTICE[0], operator, nearest, FARTHEST)
    return dict(zip(FORMS, (power_law(torus.distance), torus), strict=True))


def exact_dimensions(
    operator: str, temperatures: Sequence[float], beside: Sequence[float] = ()
) -> xr.Dataset:
    """`plane_exact` and so on: the same fits of the exact 10×10 magnet's correlator."""
    found: dict[str, list[float]] = {}
    for t in temperatures:
        r, g = exact_correlator(LATTICE[0], 1 / t, operator)
        for name, nearest in _marks(beside):
            for form, curve in forms(operator, nearest).items():
                delta = float(curve.fit(g[within(r, nearest, FARTHEST)]))
                found.setdefault(f"{form}{name}_exact", []).append(delta)
    return xr.Dataset({name: ("temperature", x) for name, x in found.items()})


def _marks(beside: Sequence[float]) -> list[tuple[str, float]]:
    """What the names of readings end with, and the shortest distance of each."""
    return [("", NEAREST), *((f"_{r:g}", r) for r in beside)]


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Δ_s along the flows, and of the exact magnet."""
    found = scan(settings.plan, work, BESIDE, flow_dimensions)
    return found.merge(exact_dimensions("spin", BESIDE))


def draw(dataset: xr.Dataset) -> list[Section]:
    """Δ_s against length for each way, both forms in two sections."""
    titles = {
        "plane": "Figure 5a: Δ_s along the flow, bare power law",
        "torus": "Figure 5a: Δ_s along the flow, form of the torus",
    }
    pages = [_section(dataset, form, title) for form, title in titles.items()]
    return [*pages, residuals(dataset, "spin")]


def _section(dataset: xr.Dataset, form: str, title: str) -> Section:
    exact = dataset[f"{form}_exact"]
    share = 1 - float(exact.sel(temperature=T_C)) / DELTA_SIGMA
    lengths = some_lengths(dataset)
    rows = [
        [
            name,
            f"{t:.4g}",
            *(
                written(dataset, form, arm=name, temperature=t, length=k)
                for k in lengths
            ),
        ]
        for name in dataset["arm"].values
        for t in dataset["temperature"].values
    ]
    rows += [
        ["exact 10×10 magnet", f"{t:.4g}", f"{x:.4f}"] + [""] * (len(lengths) - 1)
        for t, x in zip(dataset["temperature"].values, exact.values, strict=True)
    ]
    header = (HEADER, "T of the start", *(f"length {k}" for k in lengths))
    fig = curves(dataset, form, "Δ_s", DELTA_SIGMA, exact)
    return Section(
        title,
        "Dashed: 1/8. Dotted: what the exact correlator of the 10×10 magnet gives in "
        "the same fit, least squares of G with equal weights at 1 ≤ r ≤ 5.",
        picture=data_uri(fig),
        tables=[Table(header, rows)],
        remarks=[
            *_remarks(dataset, form),
            f"At T_c this fit of the exact 10×10 magnet is {share:.0%} below 1/8.",
        ],
    )


def _remarks(dataset: xr.Dataset, form: str) -> list[str]:
    if form == "torus":
        return least(form, "spin")
    lost = "both temperatures beside T_c and the range of distances"
    plans = (FAST.plan, FULL.plan)
    subtracted = nothing_subtracted(LATTICE[0])
    return [FOUR, subtracted, reconstructed(dataset, plans, lost)]


def least(form: str, operator: str) -> list[str]:
    """What the form of the torus cannot tell apart, as remarks."""
    if form != "torus":
        return []
    floor = flattest(forms(operator)["torus"])
    return [
        f"A correlator that hardly falls reads about {floor:.2f} by the form of the "
        "torus, its flattest member, whatever its own fall is: readings near it, and "
        "their errors, say only that the fall is less."
    ]


def curves(
    dataset: xr.Dataset, name: str, label: str, critical: float, exact: xr.DataArray
) -> Figure:
    """A reading against length, a panel for each way, a colour for each start.

    Args:
        dataset: of `scan`.
        name: of the reading.
        label: of the axis.
        critical: what the critical point has.
        exact: what the magnet of this size has, by temperature.
    """
    names = dataset["arm"].values
    fig = figure(11.0, 3.5, columns=len(names))
    value, error = mean_over_seeds(dataset, name)
    for k, (ax, which) in enumerate(zip(fig.axes, names, strict=True)):
        for j, t in enumerate(dataset["temperature"].values):
            here = {"arm": which, "temperature": t}
            ax.errorbar(
                dataset["length"],
                value.sel(here),
                error.sel(here),
                color=PALETTE[j],
                marker="o",
                markersize=3,
                capsize=2,
                linewidth=1,
                label=f"from T = {t:.4g}" if k == 0 else None,
            )
            mark = float(exact.sel(temperature=t))
            ax.axhline(mark, color=PALETTE[j], linewidth=0.8, linestyle=":")
        ax.axhline(critical, color=INK, linewidth=0.8, linestyle="--")
        ax.set_title(str(which).replace(", ", ",\n"), fontsize=9)
        ax.set_xlabel("length of the flow", fontsize=9)
    low, high = (
        min(a.get_ylim()[0] for a in fig.axes),
        max(a.get_ylim()[1] for a in fig.axes),
    )
    for ax in fig.axes:
        ax.set_ylim(low, high)
    fig.axes[0].set_ylabel(label, fontsize=9)
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return fig


def residuals(dataset: xr.Dataset, operator: str) -> Section:
    """The correlators at the paper's length, both curves, and what these leave.

    Args:
        dataset: with `flow_dimensions` of this operator.
        operator: `spin` or `energy`.
    """
    names = dataset["arm"].values
    both = forms(operator)
    r = both["plane"].distance
    fig = figure(11.5, 6.4, rows=1 + len(FORMS), columns=len(names))
    for column, which in enumerate(names):
        here = {"arm": which, "temperature": T_C, "length": LENGTH}
        g, own = (_of_machines(dataset, len(r), end, here) for end in ("", "_error"))
        axes = fig.axes[column :: len(names)]
        dots = {"fmt": "o", "markersize": 3, "capsize": 2}
        axes[0].errorbar(
            r, g.mean(axis=0), _bars(g, own), color=PALETTE[column], **dots
        )
        axes[0].set_title(str(which).replace(", ", ",\n"), fontsize=9)
        for ax, form, style in zip(axes[1:], FORMS, ("--", "-"), strict=True):
            curve = np.stack([both[form].at(one) for one in g])
            middle = curve.mean(axis=0)
            axes[0].plot(r, middle, color=INK, linewidth=0.9, linestyle=style)
            left, colour = g - curve, PALETTE[column] if form == "plane" else INK
            ax.errorbar(r, left.mean(axis=0), _bars(left, own), color=colour, **dots)
            ax.axhline(0, color=INK, linewidth=0.8)
        axes[-1].set_xlabel("r (sites)", fontsize=9)
    labels = ("G(r)", "G less the power law", "less the torus's form")
    for row, label in enumerate(labels):
        fig.axes[row * len(names)].set_ylabel(label, fontsize=9)
    return Section(
        f"The correlators behind Δ after {LENGTH} steps from T_c",
        "Mean over machines; dashed the bare power law, full the form of the torus, "
        "both by least squares of G from r = 1 on, machine by machine. Below what each "
        "leaves.",
        picture=data_uri(fig),
        remarks=[
            "Bars are the errors of what is drawn, by its spread over machines; of a "
            "single machine the errors of G. Points of one panel fluctuate together."
        ],
    )


def _of_machines(
    dataset: xr.Dataset, distances: int, end: str, here: Mapping[str, Any]
) -> np.ndarray:
    """G of every machine at one place, or its errors, `(machine, distance)`."""
    names = [f"g{k + 1}{end}" for k in range(distances)]
    return np.stack([dataset[n].sel(here).values for n in names], axis=-1)


def _bars(values: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Errors of the mean over machines by their spread; of a single one its own."""
    n = len(values)
    return values.std(axis=0, ddof=1) / math.sqrt(n) if n > 1 else own[0]


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether Δ_s is 1/8 at T_c, by both forms, and in order beside it."""
    return [_critical(dataset, form) for form in FORMS] + [_ordered(dataset)]


def _critical(dataset: xr.Dataset, form: str) -> Check:
    here = {"temperature": T_C, "length": LENGTH}
    names = [str(a) for a in dataset["arm"].values]
    value, reach = from_magnet(dataset, form, LITERAL, T_C)
    found = _is_eighth(value, reach)
    exact = float(dataset[f"{form}_exact"].sel(temperature=T_C))
    near, unsure = by_agreement(
        [n for n in names if n != LITERAL],
        lambda n: _is_eighth(*from_magnet(dataset, form, n, T_C)),
    )
    law = "a bare power law" if form == "plane" else "the form of the torus"
    return Check(
        claim=f"Flows from T_c have Δ_s = 1/8 (by {law}, of ⟨ss′⟩ with nothing "
        "subtracted).",
        paper="between two temperatures beside T_c, very close to 1/8; the values are "
        "lost in the text at hand",
        ours=f"at length {LENGTH} "
        + "; ".join(f"{n}: {written(dataset, form, arm=n, **here)}" for n in names),
        status=status_of([found]),
        reason=f"the flow starts from the 10×10 magnet at T_c, whose exact correlator "
        f"gives {exact:.4f} in the same fit; where means are passed on throughout "
        f"{LENGTH} steps change that, machine by machine, by {value - exact:+.4f} to "
        f"{value:.4f} ± {reach:.4f} ({SURE:.1%}), {value - DELTA_SIGMA:+.4f} from 1/8, "
        f"where up to {CLOSE:.4f} counts as none; of the other ways 1/8 is read by: "
        f"{near}; errors too large to tell: {unsure}" + would_decide(found),
    )


def from_magnet(
    dataset: xr.Dataset, name: str, way: str, t: float, length: int = LENGTH
) -> tuple[float, float]:
    """Δ after a flow from the magnet at T, the exact one plus its change, and reach.

    Args:
        dataset: of `scan`, with `<name>_exact` by temperature.
        name: of the fit.
        way: of training and flow.
        t: T.
        length: of the flow.
    """
    at = {"arm": way, "temperature": t}
    known = float(dataset[f"{name}_exact"].sel(temperature=t))
    start, end = at | {"length": 0}, at | {"length": length}
    return paired(dataset, name, known, start, end)


def _is_eighth(value: float, reach: float) -> bool | None:
    return agrees(value - DELTA_SIGMA, reach, CLOSE)


def _ordered(dataset: xr.Dataset) -> Check:
    temperatures = dataset["temperature"].values
    here = {"arm": LITERAL, "length": LENGTH}
    cold, warm = (here | {"temperature": t} for t in temperatures[[0, -1]])
    below, above = (
        from_magnet(dataset, "plane", LITERAL, t) for t in temperatures[[0, -1]]
    )
    rise, reach = change(dataset, "plane", cold, warm)
    flat = agrees(rise, reach, CLOSE)
    rises = rise > 0 if flat is False else False if flat else None
    sides = (
        _apart(DELTA_SIGMA - below[0], below[1]),
        _apart(above[0] - DELTA_SIGMA, above[1]),
    )
    if rises and all(sides):
        found = Status.REPRODUCED
    elif rises and False in sides:
        found = Status.PARTLY
    else:
        found = Status.NOT if rises is False else Status.OPEN
    magnet = ", ".join(f"{float(x):.3f}" for x in dataset["plane_exact"])
    how = {True: "rises", False: "does not rise", None: "may rise or not"}[rises]
    torus = ", ".join(
        written(dataset, "torus", temperature=t, **here) for t in temperatures
    )
    return Check(
        claim="Δ_s lies below 1/8 for flows from below T_c and above it for flows from "
        "above.",
        paper="slightly below and slightly above; the values are lost",
        ours=", ".join(
            written(dataset, "plane", temperature=t, **here) for t in temperatures
        )
        + " from T = "
        + ", ".join(f"{t:.4g}" for t in temperatures),
        status=found,
        reason=f"by the paper's power law it {how} with the temperature of the start, "
        f"by {rise:+.3f} ± {reach:.3f} ({SURE:.1%}); flows from below T_c end "
        f"{_side(sides[0], 'below', 'above')} 1/8, those from above "
        f"{_side(sides[1], 'above', 'below')} it; the exact magnet has {magnet} at "
        f"these temperatures; by the form of the torus the flows have {torus}"
        + would_decide(None if found is Status.OPEN else True),
    )


def _apart(gap: float, reach: float) -> bool | None:
    """Whether a gap is positive; None within its reach."""
    return gap > 0 if abs(gap) > reach else None


def _side(found: bool | None, yes: str, no: str) -> str:
    return "within errors of" if found is None else yes if found else no


EXHIBIT = Exhibit(
    name="fig_5a",
    title="Δ_s along the flow",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
