"""Δ of one operator on small tori, as in the paper and as the torus has it.

The paper's power law and the form on the torus, both by least squares of G itself
(`correlator_fits`), on all distances from r_min to half the side. Which distances the
paper took is not in the text at hand. Its error bars are those of the regression: they
measure how badly the curve fits, not how well G is known; both kinds are computed.

Weighed by their covariance, distances of one to five lattice constants see little but
the lattice: the p of that fit of the torus form is given, which says from where on the
form describes the data, and its Δ is not.

Under both stands the exact answer: the same fit of the correlator by transfer matrix,
without Monte Carlo noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import DELTA_SIGMA, K_C, T_C
from kadanoff.experiments.demellokoch2020.correlator_fits import (
    Curve,
    constant_for,
    exact_correlator,
    power_law,
    straight_line,
    torus_form,
    within,
)
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES, drawn, swept
from kadanoff.experiments.exhibit import Work
from kadanoff.instruments.scaling import correlator, fit_dimension
from kadanoff.instruments.scaling_form import OPERATORS
from kadanoff.reports.figures import PALETTE, figure

__all__ = [
    "AROUND",
    "EXCLUDED",
    "SYMBOLS",
    "Settings",
    "compute",
    "crossing",
    "curves",
    "first_window",
    "mean_around",
    "nothing_subtracted",
    "residuals",
]

WAYS = {"power": "power law", "torus": "form on the torus"}
SYMBOLS = {"spin": "Δ_s", "energy": "Δ_ε"}

EXCLUDED = 1e-3
"""The form on the torus is excluded from a distance on where its p is no larger."""

AROUND = (2.2, 2.3)
"""The temperatures on both sides of T_c, whose mean the paper quotes of its Fig. 6a."""


@dataclass(frozen=True)
class Settings:
    """How much is sampled and how much is exact.

    Attributes:
        sides: of the lattices.
        draws: configurations at each of the 60 temperatures.
        critical: configurations at T_c.
        exact: temperatures of the exact curve; pairs of energies take a second each.
        nearest: shortest distances of the fits at T_c.
    """

    sides: tuple[int, ...]
    draws: int
    critical: int
    exact: tuple[float, ...]
    nearest: tuple[float, ...] = (1.0, 2.0, 3.0)


def compute(settings: Settings, work: Work, operator: str) -> xr.Dataset:
    """Δ of one operator at all temperatures and, at T_c, against the distances fitted.

    Args:
        settings: how much.
        work: where and how.
        operator: `spin`, or `energy` for ε_i = s_i Σ_nn s_j less its mean.
    """
    parts = [_of_side(side, settings, work, operator) for side in settings.sides]
    whole = xr.concat(parts, "side", join="outer", fill_value=np.nan)
    return whole.assign_coords(side=list(settings.sides)).assign_attrs(
        operator=operator, draws=settings.draws, critical=settings.critical
    )


def _of_side(side: int, settings: Settings, work: Work, operator: str) -> xr.Dataset:
    return xr.merge(
        [
            _over_temperatures(side, settings, work, operator),
            _exact_curve(side, settings, work, operator),
            _at_criticality(side, settings, work, operator),
        ]
    )


def _over_temperatures(
    side: int, settings: Settings, work: Work, operator: str
) -> xr.Dataset:
    sweep = swept(work, (side, side), TEMPERATURES, settings.draws)
    fits = [_paper_fit(ensemble, operator) for ensemble in sweep]
    axis = ("temperature",)
    return xr.Dataset(
        {
            "delta": (axis, [float(delta.value) for delta, _ in fits]),
            "delta_error": (axis, [float(delta.error) for delta, _ in fits]),
            "regression": (axis, [error for _, error in fits]),
        },
        coords={"temperature": list(TEMPERATURES)},
    )


def _paper_fit(ensemble: Ensemble, operator: str) -> tuple[Estimate, float]:
    """From the nearest neighbours to half the side, and the error of the regression."""
    measured = correlator(ensemble, operator)
    inside = within(measured.distance, 1.0, ensemble.grid.shape[0] / 2)
    curve, g = power_law(measured.distance[inside]), measured.value[inside]
    return curve.read(g), curve.regression_error(g.value)


def _exact_curve(
    side: int, settings: Settings, work: Work, operator: str
) -> xr.Dataset:
    tell = work.progress(f"exact {side}x{side}, {operator}")
    found = []
    for k, t in enumerate(settings.exact):
        tell(k, len(settings.exact))
        distance, g = exact_correlator(side, 1 / t, operator)
        inside = within(distance, 1.0, side / 2)
        found.append(float(power_law(distance[inside]).fit(g[inside])))
    tell(len(settings.exact), len(settings.exact))
    return xr.Dataset(
        {"exact_delta": (("exact_temperature",), found)},
        coords={"exact_temperature": list(settings.exact)},
    )


def _at_criticality(
    side: int, settings: Settings, work: Work, operator: str
) -> xr.Dataset:
    ensemble = drawn(work, (side, side), T_C, settings.critical)
    measured = correlator(ensemble, operator)
    distance, exact = exact_correlator(side, K_C, operator)
    windows = []
    for near in settings.nearest:
        inside = within(distance, near, side / 2)
        found = _window(distance[inside], measured.value[inside], exact[inside])
        torus = torus_form(side, operator, near, side / 2)
        found |= _torus_window(torus, measured.value[inside], exact[inside])
        weighed = fit_dimension(
            measured, ensemble.grid, operator, r_min=near, omega=None
        )
        windows.append(found | {"torus_p": weighed.p})
    inside = within(distance, 1.0, side / 2)
    r, g = distance[inside], measured.value[inside]
    points = {
        "distance": r,
        "correlator": g.value,
        "correlator_error": g.error,
        "exact": exact[inside],
        "power_curve": power_law(r).at(g.value),
        "torus_curve": torus_form(side, operator, 1.0, side / 2).at(g.value),
    }
    return xr.Dataset(
        {name: (("shell",), values) for name, values in points.items()}
        | {name: (("r_min",), [w[name] for w in windows]) for name in windows[0]},
        coords={"shell": range(len(r)), "r_min": list(settings.nearest)},
    )


def _window(r: np.ndarray, g: Estimate, exact: np.ndarray) -> dict[str, float]:
    """The power law with noise and without."""
    curve = power_law(r)
    delta = curve.read(g)
    return {
        "power": float(delta.value),
        "power_error": float(delta.error),
        "power_regression": curve.regression_error(g.value),
        "power_exact": float(curve.fit(exact)),
        "line_exact": straight_line(exact, r),
    }


def _torus_window(curve: Curve, g: Estimate, exact: np.ndarray) -> dict[str, float]:
    delta = curve.read(g)
    return {
        "torus": float(delta.value),
        "torus_error": float(delta.error),
        "torus_exact": float(curve.fit(exact)),
    }


def curves(dataset: xr.Dataset, limits: tuple[float, float]) -> Figure:
    """Δ over temperature and, at T_c, over the shortest distance fitted.

    Args:
        dataset: of `compute`.
        limits: of the temperatures shown.
    """
    fig = figure(10.5, 4.0, columns=2)
    over, against = fig.axes
    exact = OPERATORS[dataset.attrs["operator"]]
    for ax in fig.axes:
        ax.axhline(exact, color=PALETTE[2], linewidth=0.9)
        ax.set_ylabel(SYMBOLS[dataset.attrs["operator"]])
    _draw_temperatures(over, dataset, limits)
    _draw_windows(against, dataset.isel(side=0))
    return fig


def _draw_temperatures(
    ax: Axes, dataset: xr.Dataset, limits: tuple[float, float]
) -> None:
    ax.axvline(T_C, color=PALETTE[2], linewidth=0.9)
    shown = dataset.sel(temperature=slice(*limits))
    for colour, side in zip(PALETTE, dataset.side.values, strict=False):
        one = shown.sel(side=side)
        points = {"marker": "o", "markersize": 3.5, "capsize": 2, "linestyle": "none"}
        label = f"{side}×{side}, Monte Carlo"
        x = one.temperature
        ax.errorbar(x, one.delta, one.delta_error, color=colour, label=label, **points)
        line = one.exact_delta.sel(exact_temperature=slice(*limits))
        x, label = line.exact_temperature, f"{side}×{side}, exact"
        ax.plot(x, line, color=colour, linewidth=1.0, label=label)
    ax.set_xlabel("temperature (J/k_B)")
    ax.set_title("power law, r from 1 to L/2", fontsize=10)
    ax.legend(fontsize=8, frameon=False, loc="upper center")


def _draw_windows(ax: Axes, one: xr.Dataset) -> None:
    for colour, (name, label) in zip(PALETTE[3:], WAYS.items(), strict=False):
        ax.errorbar(
            one.r_min,
            one[name],
            one[f"{name}_error"],
            color=colour,
            marker="o",
            markersize=4,
            capsize=2,
            linestyle="none",
            label=f"{label}, Monte Carlo",
        )
        exact = one[f"{name}_exact"]
        ax.plot(one.r_min, exact, "--", color=colour, label=f"{label}, exact")
    ax.set_xticks(one.r_min.values)
    ax.set_xlabel("shortest distance fitted (sites)")
    side = int(one.side)
    ax.set_title(f"{side}×{side} at T_c", fontsize=10)
    ax.legend(fontsize=8, frameon=False)


def residuals(dataset: xr.Dataset) -> Figure:
    """G at T_c with both fits from r = 1 on, and what each leaves.

    Beside the form on the torus from r = 1 also that of `first_window`.
    """
    one = dataset.isel(side=0).dropna("shell")
    fig = figure(10.5, 3.6, columns=3)
    both, error = fig.axes[0], one.correlator_error
    dots = {"marker": "o", "markersize": 3.5, "capsize": 2, "linestyle": "none"}
    both.errorbar(
        one.distance, one.correlator, error, color="#222222", label="data", **dots
    )
    for k, (name, label) in enumerate(WAYS.items()):
        curve, ax = one[f"{name}_curve"], fig.axes[1 + k]
        both.plot(one.distance, curve, color=PALETTE[3 + k], label=label)
        ax.axhline(0, color="#222222", linewidth=0.8)
        left = one.correlator - curve
        ax.errorbar(
            one.distance, left, error, color=PALETTE[3 + k], label="from r = 1", **dots
        )
        ax.set_title(f"G less the {label}", fontsize=10)
    _draw_first_window(fig.axes[2], dataset)
    both.set_yscale("log" if dataset.attrs["operator"] == "energy" else "linear")
    both.legend(fontsize=8, frameon=False)
    both.set_title(f"G(r), {int(one.side)}×{int(one.side)} at T_c", fontsize=10)
    for ax in fig.axes:
        ax.set_xlabel("r (sites)")
    return fig


def _draw_first_window(ax: Axes, dataset: xr.Dataset) -> None:
    """What the form on the torus leaves of the window that is quoted."""
    near, _ = first_window(dataset, side := int(dataset.side[0]))
    one = dataset.isel(side=0).dropna("shell")
    r = one.distance.values
    used = within(r, near, side / 2)
    r, g, error = r[used], one.correlator.values[used], one.correlator_error[used]
    curve = torus_form(side, dataset.attrs["operator"], near, side / 2).at(g)
    open_dots = {"marker": "s", "markerfacecolor": "white", "markersize": 4.5}
    label = f"from r = {near:g}"
    ax.errorbar(
        r + 0.05, g - curve, error, color="#222222", ls="none", label=label, **open_dots
    )
    ax.legend(fontsize=8, frameon=False)


def first_window(dataset: xr.Dataset, side: int) -> tuple[float, bool]:
    """From which distance on the torus form is first not excluded, and whether it is.

    The farthest distance, and False, where the data exclude it from all.
    """
    p = dataset.torus_p.sel(side=side)
    fits = p.r_min.values[(p > EXCLUDED).values]
    return (float(fits[0]), True) if len(fits) else (float(p.r_min[-1]), False)


def mean_around(dataset: xr.Dataset, side: int) -> tuple[float, float]:
    """Mean of Δ on both sides of T_c, as the paper quotes it, and its error."""
    one = dataset.sel(side=side, temperature=list(AROUND))
    return float(one.delta.mean()), float(np.hypot(*one.delta_error.values) / 2)


def nothing_subtracted(side: int) -> str:
    """What the power law would read of spins less an average that is not 0."""
    found = {t: constant_for(DELTA_SIGMA, side, 1 / t) for t in (T_C, *AROUND)}
    sizes = "; ".join(
        f"{c.size:.3f} at T = {t:.4g}, ⟨s⟩ = {c.size**0.5:.2f}, {c.share:.0%} of ⟨m²⟩"
        for t, c in found.items()
    )
    return (
        "The paper's σ is “the basic spin variable minus its average value”. Here the "
        "correlator is ⟨ss′⟩ with nothing subtracted, as ⟨s⟩ = 0 on a finite lattice. "
        "Configurations that keep one sign of m more than the other have another "
        f"average, and less a constant the exact ⟨ss′⟩ of {side}×{side} reads "
        f"1/8 by this power law: less {sizes}."
    )


def crossing(
    temperatures: Sequence[float], deltas: Sequence[float], at: float
) -> float:
    """The temperature at which a rising Δ(T) passes a value; NaN where it does not."""
    x, y = np.asarray(temperatures), np.asarray(deltas)
    above = np.flatnonzero((y[:-1] < at) & (y[1:] >= at))
    if not len(above):
        return np.nan
    k = above[0]
    return float(x[k] + (at - y[k]) / (y[k + 1] - y[k]) * (x[k + 1] - x[k]))
