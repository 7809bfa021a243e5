"""Figure 2: the exponent of the magnetization against the length of the flow.

The claim: m = A |T - T_c|^Δ_m, fitted to the mean magnetization of flows from three
temperatures near T_c, T_c the exact one, settles at Δ_m = 1/8 from length 26 on.

Which three temperatures is lost in the text at hand. Here they are the three of the
paper's grid nearest below T_c, and all other neighbours on the grid beside them: how
much Δ_m depends on the choice is part of its error. The fit is the paper's, unweighted,
its interval Student's t of one degree of freedom at 90 %; the errors are those of the
configurations carried through the fit and of the spread of machines. The same fit to
the infinite magnet (C. N. Yang, Phys. Rev. 85, 808 (1952)) says what a right machine
could show, and the flow of length 0 what a 10×10 magnet does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.optimize import least_squares
from scipy.special import stdtrit

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import BETA, T_C
from kadanoff.exact.onsager import spontaneous_magnetization
from kadanoff.experiments.demellokoch2020.flow import (
    ARMS,
    LENGTH,
    Learning,
    Plan,
    arm,
    interval,
    mean_over_seeds,
    scan,
    written,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.instruments.thermodynamics import magnetization
from kadanoff.reports.figures import INK, PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FREE",
    "FULL",
    "NEAR",
    "TEMPERATURES",
    "PowerFit",
    "Settings",
    "fit_power",
]

NEAR = (2.0, 2.1, 2.2)
"""Reconstructed: the three temperatures of the fit."""

LEVEL = 0.9
"""Of the paper's intervals."""

TEMPERATURES = (1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2, 2.3, 2.4)
FREE = tuple(t for t in TEMPERATURES if t < T_C)
"""Seven, below T_c, for the fit in which T_c is free."""

CHOICES = tuple(zip(TEMPERATURES, TEMPERATURES[1:], TEMPERATURES[2:], strict=False))
LENGTHS = (0, 1, 2, 4, 6, 9, 12, 16, 20, 26, 32, 40, 60)
LITERAL = arm(*ARMS[0])
EDGE = 1e-3
"""How far above the highest temperature a free T_c must lie."""


@dataclass(frozen=True)
class Settings:
    """How much is done: the plan of the flows."""

    plan: Plan


FAST = Settings(
    Plan(Learning(configurations=64, epochs=30, batch=64), 1, 512, (0, 9, 26, 40))
)
FULL = Settings(Plan(Learning(configurations=1000, epochs=100), 5, 4096, LENGTHS))


@dataclass(frozen=True)
class PowerFit:
    """m = A |T - T_c|^Δ by least squares.

    Attributes:
        amplitude, exponent, critical: A, Δ and T_c.
        errors: of the three, from those of m; 0 where T_c was given.
        regression: of the three, from the scatter about the curve, as regressions
            report them; not a number without a degree of freedom.
        residuals: m less the curve.
    """

    amplitude: float
    exponent: float
    critical: float
    errors: np.ndarray
    regression: np.ndarray
    residuals: np.ndarray

    @property
    def half_width(self) -> float:
        """Half the paper's interval for Δ: t times the regression's error."""
        freedom = len(self.residuals) - int(np.count_nonzero(self.free))
        return float(stdtrit(freedom, (1 + LEVEL) / 2) * self.regression[1])

    @property
    def free(self) -> np.ndarray:
        """Which of A, Δ and T_c were fitted."""
        return np.array([True, True, self.regression[2] != 0])


def fit_power(
    temperatures: Sequence[float],
    m: np.ndarray,
    error: np.ndarray,
    critical: float | None = T_C,
    *,
    weighted: bool = False,
) -> PowerFit:
    """The fit of one set of magnetizations.

    Args:
        temperatures: of the points, in J/k_B.
        m: magnetization at each.
        error: its standard errors, independent of each other.
        critical: T_c, or None to fit it too, above the highest temperature.
        weighted: by the errors; all alike otherwise, as in the paper.

    Raises:
        ValueError: as many points as parameters, or fewer.
    """
    t, m, error = (np.asarray(x, dtype=float) for x in (temperatures, m, error))
    free = 3 if critical is None else 2
    if len(t) <= free:
        raise ValueError(
            f"a fit of {free} parameters needs {free + 1} or more temperatures, got "
            f"{len(t)}; give more of them"
        )
    far = T_C if critical is None else critical
    first = np.array([m.mean(), 0.1, far])[:free]
    bounds = ([-np.inf, -5.0, t.max() + EDGE][:free], [np.inf, 5.0, 20.0][:free])

    def curve(x: np.ndarray) -> np.ndarray:
        at = x[2] if critical is None else critical
        return x[0] * abs(t - at) ** x[1]

    scale = error if weighted else np.ones(len(t))
    found = least_squares(
        lambda x: (curve(x) - m) / scale, first, bounds=bounds, x_scale=0.1
    )
    inverse = np.linalg.pinv(found.jac)
    own = np.sqrt(((inverse * (error / scale)) ** 2).sum(axis=1))
    scatter = 2 * found.cost / (len(t) - free)
    regression = np.sqrt(scatter * (inverse**2).sum(axis=1))
    pad = [0.0] * (3 - free)
    x = [*found.x, far][:3]
    return PowerFit(
        *map(float, x),
        errors=np.array([*own, *pad]),
        regression=np.array([*regression, *pad]),
        residuals=-found.fun * scale,
    )


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """|m| along the flows and every fit of it."""
    found = scan(settings.plan, work, TEMPERATURES, _read)
    choices = [_label(choice) for choice in CHOICES]
    fixed = _fits(found, CHOICES, T_C)
    free = _fits(found, (FREE,), None)
    axes = ("arm", "seed", "length", "choice")
    variables = {
        "delta": (axes, fixed["exponent"]),
        "delta_error": (axes, fixed["exponent_error"]),
        "half_width": (axes, fixed["half_width"]),
        "largest_residual": (axes, fixed["residual"]),
        "infinite": (("choice",), np.array([_infinite(c) for c in CHOICES])),
    }
    for name in ("exponent", "critical"):
        label = f"free_{name}"
        variables[label] = (axes[:3], free[name][..., 0])
        variables[f"{label}_error"] = (axes[:3], free[f"{name}_error"][..., 0])
    return found.assign(variables).assign_coords(choice=choices)


def _read(ensemble: Ensemble) -> Mapping[str, Estimate]:
    return {"m": magnetization(ensemble)}


def _fits(
    found: xr.Dataset, choices: Sequence[tuple[float, ...]], critical: float | None
) -> dict[str, np.ndarray]:
    """Of every arm, seed, length and choice of temperatures."""
    sizes = [found.sizes[axis] for axis in ("arm", "seed", "length")]
    names = ("exponent", "exponent_error", "critical", "critical_error", "half_width")
    out = {n: np.full((*sizes, len(choices)), np.nan) for n in (*names, "residual")}
    for place in np.ndindex(*sizes, len(choices)):
        at = dict(zip(("arm", "seed", "length"), place[:3], strict=True))
        here = found.isel(at).sel(temperature=list(choices[place[3]]))
        fit = fit_power(
            choices[place[3]], here["m"].values, here["m_error"].values, critical
        )
        row = (fit.exponent, fit.errors[1], fit.critical, fit.errors[2], fit.half_width)
        for name, x in zip(names, row, strict=True):
            out[name][place] = x
        out["residual"][place] = abs(fit.residuals).max()
    return out


def _infinite(choice: tuple[float, ...]) -> float:
    """Δ of the same fit to the infinite magnet; no number above T_c."""
    if max(choice) > T_C:
        return np.nan
    m = np.array([spontaneous_magnetization(1 / t) for t in choice])
    return fit_power(choice, m, np.zeros(len(m))).exponent


def _label(choice: tuple[float, ...]) -> str:
    return f"{choice[0]:g}–{choice[-1]:g}"


def draw(dataset: xr.Dataset) -> list[Section]:
    """Δ_m against length, its dependence on the three temperatures, and all fits."""
    fig = figure(10.5, 3.9, columns=2)
    left, right = fig.axes
    at = _label(NEAR)
    value, error = mean_over_seeds(dataset, "delta")
    half = dataset["half_width"].sel(choice=at).mean("seed")
    for k, name in enumerate(dataset["arm"].values):
        here = {"arm": name, "choice": at}
        y, bar = value.sel(here), error.sel(here)
        left.errorbar(
            dataset["length"],
            y,
            bar,
            color=PALETTE[k],
            marker="o",
            markersize=3.5,
            capsize=2,
            label=name,
        )
        if name == LITERAL:
            low, high = y - half.sel(arm=name), y + half.sel(arm=name)
            left.fill_between(
                dataset["length"],
                low,
                high,
                color=PALETTE[k],
                alpha=0.15,
                linewidth=0,
                label="the same, the paper's 90 % interval",
            )
    left.set_xlabel("length of the flow", fontsize=9)
    left.set_title(f"fit to T = {', '.join(f'{t:g}' for t in NEAR)}", fontsize=10)
    last = _last(dataset)
    middle = [float(np.mean(choice)) for choice in CHOICES]
    for k, name in enumerate(dataset["arm"].values):
        here = {"arm": name, "length": last}
        right.errorbar(
            middle,
            value.sel(here),
            error.sel(here),
            color=PALETTE[k],
            marker="o",
            markersize=3.5,
            capsize=2,
        )
    none = {"arm": LITERAL, "length": 0}
    right.plot(
        middle,
        value.sel(none),
        color=INK,
        marker="s",
        markersize=3.5,
        label="the 10×10 magnet, no flow",
    )
    right.plot(
        middle,
        dataset["infinite"],
        color=INK,
        linestyle=":",
        label="the infinite magnet",
    )
    right.set_xlabel("middle of the three temperatures (J/k_B)", fontsize=9)
    right.set_title(f"the same fit elsewhere, length {last}", fontsize=10)
    for ax in (left, right):
        ax.axhline(BETA, color=INK, linewidth=0.8, linestyle="--")
        ax.set_ylabel("Δ_m", fontsize=9)
    right.axvline(T_C, color=INK, linewidth=0.8, linestyle=":")
    fig.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return [
        Section(
            "Figure 2: Δ_m from the magnetization along the flow",
            "m = A |T - T_c|^Δ, T_c the exact one, fitted to the mean |m| of flows "
            "from three temperatures; dashed: 1/8. Right: the same fit to all "
            "neighbouring threes of the grid, beside the 10×10 magnet (squares).",
            picture=data_uri(fig),
            tables=[_table(dataset)],
            remarks=[
                "The three temperatures, the numbers of configurations and the length "
                "of training are lost in the text at hand and reconstructed.",
                "Bars: standard errors over machines and configurations; the shaded "
                "interval is that of a regression on three points, whose scatter is "
                "the misfit of the power law and no noise.",
                f"T_c free: seven temperatures from {FREE[0]:g} to {FREE[-1]:g}; "
                f"{FREE[-1] + EDGE:g} is the edge of that fit and means that there is "
                "no such law.",
            ],
        )
    ]


def _table(dataset: xr.Dataset) -> Table:
    at = _label(NEAR)
    rows = []
    for name in dataset["arm"].values:
        for length in dataset["length"].values:
            where = {"arm": name, "length": length}
            here = dataset.sel(where | {"choice": at}).mean("seed")
            rows.append(
                [
                    name,
                    int(length),
                    written(dataset, "delta", choice=at, **where),
                    f"±{float(here['half_width']):.3f}",
                    f"{float(here['largest_residual']):.4f}",
                    written(dataset, "free_exponent", **where),
                    written(dataset, "free_critical", **where),
                ]
            )
    header = (
        "arm",
        "length",
        "Δ_m, T_c given",
        "90 % of the regression",
        "largest residual of m",
        "Δ_m, T_c free",
        "T_c of that fit",
    )
    return Table(header, rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether Δ_m reaches 1/8, stays there, and becomes more certain."""
    return [_reaches(dataset), _stays(dataset), _certain(dataset)]


def _reaches(dataset: xr.Dataset) -> Check:
    at, last = _label(NEAR), _last(dataset)
    value, error = mean_over_seeds(dataset, "delta")
    here = {"choice": at, "length": last}
    gap = abs(value.sel(here) - BETA)
    reach = interval(dataset, 0.9973) * error.sel(here)
    literal = {"arm": LITERAL}
    half = float(dataset["half_width"].sel(here | literal).mean())
    arms = [str(n) for n in dataset["arm"].values if gap.sel(arm=n) < reach.sel(arm=n)]
    zero = written(dataset, "delta", arm=LITERAL, length=0, choice=at)
    infinite = float(dataset["infinite"].sel(choice=at))
    if LITERAL in arms:
        status = Status.OPEN if reach.sel(literal) > BETA / 4 else Status.REPRODUCED
    else:
        status = Status.PARTLY if arms else Status.NOT
    return Check(
        claim="From flows of length 26 on, Δ_m of the magnetization is 1/8.",
        paper=f"1/8 within its 90 % interval at length {LENGTH}; the value is lost in "
        "the text at hand",
        ours="; ".join(
            f"{name}: {written(dataset, 'delta', arm=name, **here)}"
            for name in dataset["arm"].values
        ),
        status=status,
        reason=f"within three errors of 1/8 {_are(arms)}; the 10×10 magnet itself has "
        f"{zero} at these temperatures and the infinite one {infinite:.3f}; the "
        f"paper's kind of interval, ±{half:.3f} from three points, "
        f"{'holds' if gap.sel(literal) < half else 'does not hold'} 1/8",
    )


def _stays(dataset: xr.Dataset) -> Check:
    at = _label(NEAR)
    final = int(dataset["length"][-1])
    value, _ = mean_over_seeds(dataset, "delta")
    here, there = (
        {"arm": LITERAL, "choice": at, "length": k} for k in (_last(dataset), final)
    )
    change = float(value.sel(there) - value.sel(here))
    per = [
        float(value.sel(arm=n, choice=at, length=final))
        for n in dataset["arm"].values
        if n.endswith("samples passed on")
    ]
    still = abs(change) < 0.1 * BETA
    moved = float(value.sel(there) - value.sel(here | {"length": 0}))
    return Check(
        claim="The flow has converged by length 26.",
        paper="from length 26 on; 9 in the paper before",
        ours=f"passing means, Δ_m changes by {change:+.4f} from {_last(dataset)} to "
        f"{final} and by {moved:+.4f} in all; the Gibbs chains have "
        f"{' and '.join(f'{x:.3f}' for x in per)} at {final}",
        status=Status.PARTLY if still else Status.NOT,
        reason=f"where means are passed on, flows from different temperatures "
        f"{'stay' if still else 'do not stay'} where they are; the Gibbs chain "
        "forgets its temperature, so that its Δ_m ends at 0 and not at a plateau",
    )


def _certain(dataset: xr.Dataset) -> Check:
    at = _label(NEAR)
    half = dataset["half_width"].sel(arm=LITERAL, choice=at).mean("seed")
    first, last = (float(half.sel(length=k)) for k in (0, _last(dataset)))
    return Check(
        claim="The error bars of Δ_m shrink as the flow proceeds.",
        paper="seen in its figure; the values are lost",
        ours=f"±{first:.3f} at length 0, ±{last:.3f} at {_last(dataset)}",
        status=Status.REPRODUCED if last < 0.8 * first else Status.NOT,
        reason="they are the misfit of a power law to three points, and say how "
        "straight these are, not how well Δ_m is known",
    )


def _last(dataset: xr.Dataset) -> int:
    """The length nearest to the paper's."""
    lengths = dataset["length"].values
    return int(lengths[np.argmin(abs(lengths - LENGTH))])


def _are(arms: Sequence[str]) -> str:
    return f"are: {', '.join(arms)}" if arms else "is no arm"


EXHIBIT = Exhibit(
    name="fig_2",
    title="Δ_m from the magnetization along the flow",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
