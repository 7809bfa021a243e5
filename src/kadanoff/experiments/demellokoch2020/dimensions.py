"""Δ of one operator on small tori, as in the paper and as the torus has it.

The paper fits G(r) = B r^{-2Δ} (its equation for the two-point function of a primary)
with Mathematica's NonlinearModelFit, which is least squares of G itself with equal
weights; so does `power_law`, on all distances from r_min to half the side. Which
distances the paper took is not in the text at hand. Its error bars are those of that
regression: they measure how badly the curve fits, not how well G is known; both kinds
are computed.

Beside it stands the form on the torus, `chord` of `kadanoff.instruments.scaling`, by
the same least squares with equal weights. Weighed by their covariance, distances of one
to five lattice constants see little but the lattice: the p of that fit is given, which
says from where on the form describes the data, and its Δ is not.

Under both stands the exact answer: the same fit of the correlator by transfer matrix,
without Monte Carlo noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.energy_pairs import energy_two_point
from kadanoff.exact.strip import two_point
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES, drawn, swept
from kadanoff.experiments.exhibit import Work
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import shells
from kadanoff.instruments.scaling import correlator, fit_dimension
from kadanoff.instruments.scaling_form import OPERATORS
from kadanoff.reports.figures import PALETTE, figure

__all__ = [
    "AROUND",
    "SYMBOLS",
    "Curve",
    "Settings",
    "compute",
    "crossing",
    "curves",
    "mean_around",
    "power_law",
    "residuals",
    "straight_line",
    "torus_form",
]

WAYS = {"power": "power law", "torus": "form on the torus"}
SYMBOLS = {"spin": "Δ_s", "energy": "Δ_ε"}

AROUND = (2.2, 2.3)
"""The temperatures on both sides of T_c, whose mean the paper quotes of its Fig. 6a."""

EXACT: Mapping[str, Callable[[tuple[int, int], float], np.ndarray]] = {
    "spin": two_point,
    "energy": energy_two_point,
}

STEEPEST = 8.0  # a Δ that no correlator of these lattices reaches
GRID = np.linspace(-0.5, STEEPEST, 86)
INVERSE_GOLDEN = (5**0.5 - 1) / 2


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


@dataclass(frozen=True, eq=False)
class Curve:
    """A function of distance with a free Δ and, to be fitted beside it, a factor B.

    ρ^{2Δ} R - v² L^{-2Δ}, averaged over the displacements of every distance.

    Attributes:
        distance: r of the points, in sites.
        logs: ln ρ at every displacement; of a power law ρ = 1/r.
        ratio: R at every displacement.
        vacuum: v.
        log_side: ln L.
        weights: of the displacements in the points, `(points, displacements)`.
    """

    distance: np.ndarray
    logs: np.ndarray
    ratio: np.ndarray
    vacuum: float
    log_side: float
    weights: np.ndarray

    def __call__(self, delta: np.ndarray | float) -> np.ndarray:
        """Values `(..., points)` at Δ of shape `(...)`."""
        d = 2 * np.asarray(delta, dtype=float)[..., None]
        whole = (np.exp(d * self.logs) * self.ratio) @ self.weights.T
        return whole - self.vacuum**2 * np.exp(-d * self.log_side)

    def fit(self, values: np.ndarray) -> np.ndarray:
        """Δ of `(..., points)` correlators by least squares with equal weights.

        Not a number where the correlator is not positive at the shortest distance.
        """
        coarse = np.stack([self._misfit(values, np.asarray(d)) for d in GRID])
        best, step = GRID[coarse.argmin(axis=0)], GRID[1] - GRID[0]
        low, high = best - step, best + step
        while step > 1e-9:
            step *= INVERSE_GOLDEN
            width = INVERSE_GOLDEN * (high - low)
            left, right = high - width, low + width
            lower = self._misfit(values, left) < self._misfit(values, right)
            low, high = np.where(lower, low, left), np.where(lower, right, high)
        return np.where(values[..., 0] > 0, (low + high) / 2, np.nan)

    def read(self, values: Estimate) -> Estimate:
        """Δ of a measured correlator, `(points,)`, with its jackknife error."""
        rows = {name: self.fit(y) for name, y in values.replicates.items()}
        return Estimate(self.fit(values.value), rows, values.n_eff)

    def at(self, values: np.ndarray) -> np.ndarray:
        """The fitted function."""
        return self._scaled(values, float(self.fit(values)))

    def regression_error(self, values: np.ndarray) -> float:
        """√(s² (JᵀJ)⁻¹) of Δ, s² = Σ residuals²/(points - 2): no word of Monte Carlo.

        The standard error that NonlinearModelFit gives.
        """
        delta = float(self.fit(values))
        if not np.isfinite(delta):
            return np.nan
        curve, step = self._scaled(values, delta), 1e-5
        b = curve[0] / self(delta)[0]
        slope = b * (self(delta + step) - self(delta - step)) / (2 * step)
        j = np.stack([curve, slope], axis=1)
        variance = ((values - curve) ** 2).sum() / (len(values) - 2)
        return float(np.sqrt(variance * np.linalg.inv(j.T @ j)[1, 1]))

    def _scaled(self, values: np.ndarray, delta: float) -> np.ndarray:
        f = self(delta)
        return (values @ f) / (f @ f) * f

    def _misfit(self, values: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """Σ (G - B f)² at the best B, less Σ G²."""
        f = self(delta)
        return -((values * f).sum(axis=-1) ** 2) / (f**2).sum(axis=-1)


def power_law(distance: np.ndarray) -> Curve:
    """r^{-2Δ}, as the paper fits.

    Raises:
        ValueError: fewer than three distances, which leave no error of the regression.
    """
    if len(distance) < 3:
        raise ValueError(
            f"a power law with an error needs at least 3 distances, got "
            f"{len(distance)}; widen the window"
        )
    one = np.ones(len(distance))
    return Curve(distance, -np.log(distance), one, 0.0, 0.0, np.eye(len(distance)))


def torus_form(side: int, operator: str, near: float, far: float) -> Curve:
    """The form on a critical L × L torus, its powers let go."""
    groups = shells(Grid((side, side)))
    steps = np.indices((side, side)).reshape(2, -1).T.astype(float)
    points = np.flatnonzero(_inside(groups.distance, near, far))
    used = np.isin(groups.shell, points)
    weights = (groups.shell[used] == points[:, None]).astype(float)
    ratio = torus_cft.spin_ratio if operator == "spin" else torus_cft.energy_ratio
    sides, steps = (side, side), steps[used]
    # v is e₁, that of a side of one: the power of the side is let go as well.
    vacuum = 0.0 if operator == "spin" else torus_cft.energy_vacuum(sides) * side
    return Curve(
        groups.distance[points],
        np.log(torus_cft.chord(steps, sides)),
        ratio(steps, sides),
        vacuum,
        float(np.log(side)),
        weights / weights.sum(axis=1, keepdims=True),
    )


def straight_line(values: np.ndarray, distance: np.ndarray) -> float:
    """Minus half the slope of ln G against ln r; NaN where G is not positive."""
    if not (values > 0).all():
        return np.nan
    return float(-np.polyfit(np.log(distance), np.log(values), 1)[0] / 2)


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
    inside = _inside(measured.distance, 1.0, ensemble.grid.shape[0] / 2)
    curve, g = power_law(measured.distance[inside]), measured.value[inside]
    return curve.read(g), curve.regression_error(g.value)


def _exact_curve(
    side: int, settings: Settings, work: Work, operator: str
) -> xr.Dataset:
    tell = work.progress(f"exact {side}x{side}, {operator}")
    found = []
    for k, t in enumerate(settings.exact):
        tell(k, len(settings.exact))
        distance, g = _exact(side, 1 / t, operator)
        inside = _inside(distance, 1.0, side / 2)
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
    distance, exact = _exact(side, K_C, operator)
    windows = []
    for near in settings.nearest:
        inside = _inside(distance, near, side / 2)
        found = _window(distance[inside], measured.value[inside], exact[inside])
        torus = torus_form(side, operator, near, side / 2)
        found |= _torus_window(torus, measured.value[inside], exact[inside])
        weighed = fit_dimension(
            measured, ensemble.grid, operator, r_min=near, omega=None
        )
        windows.append(found | {"torus_p": weighed.p})
    inside = _inside(distance, 1.0, side / 2)
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


def _exact(side: int, coupling: float, operator: str) -> tuple[np.ndarray, np.ndarray]:
    """Distances and the exact correlator at them."""
    groups = shells(Grid((side, side)))
    pairs = EXACT[operator]((side, side), coupling)
    return groups.distance, groups.average(pairs)[0]


def _inside(distance: np.ndarray, near: float, far: float) -> np.ndarray:
    tiny = 1e-6 * near
    return (distance >= near - tiny) & (distance <= far + tiny)


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
    """G at T_c with both fits from r = 1 on, and what each leaves."""
    one = dataset.isel(side=0).dropna("shell")
    fig = figure(10.5, 3.6, columns=3)
    both = fig.axes[0]
    r, error = one.distance.values, one.correlator_error
    dots = {"marker": "o", "markersize": 3.5, "capsize": 2, "linestyle": "none"}
    both.errorbar(
        r, one.correlator, error, color="#222222", label="Monte Carlo", **dots
    )
    for k, (name, label) in enumerate(WAYS.items()):
        curve, ax = one[f"{name}_curve"], fig.axes[1 + k]
        both.plot(r, curve, color=PALETTE[3 + k], label=label)
        ax.axhline(0, color="#222222", linewidth=0.8)
        ax.errorbar(r, one.correlator - curve, error, color=PALETTE[3 + k], **dots)
        ax.set_title(f"G less the {label}", fontsize=10)
    both.set_yscale("log" if dataset.attrs["operator"] == "energy" else "linear")
    both.legend(fontsize=8, frameon=False)
    both.set_title(f"G(r), {int(one.side)}×{int(one.side)} at T_c", fontsize=10)
    for ax in fig.axes:
        ax.set_xlabel("r (sites)")
    return fig


def mean_around(dataset: xr.Dataset, side: int) -> tuple[float, float]:
    """Mean of Δ on both sides of T_c, as the paper quotes it, and its error."""
    one = dataset.sel(side=side, temperature=list(AROUND))
    return float(one.delta.mean()), float(np.hypot(*one.delta_error.values) / 2)


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
