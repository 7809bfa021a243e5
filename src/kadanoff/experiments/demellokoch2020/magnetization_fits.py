"""m = A |T - T_c|^Δ by least squares, T_c given or free, and at which temperatures.

The fit is the paper's, unweighted unless asked for, its interval Student's t at 90 % of
the regression's error; beside it stand the errors of m carried through the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import least_squares
from scipy.special import stdtrit

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.flow import written

__all__ = [
    "BELOW",
    "CHOICES",
    "EDGE",
    "FREE",
    "LOWEST",
    "NEAR",
    "TEMPERATURES",
    "PowerFit",
    "at_edge",
    "fit_power",
    "named",
    "refit",
    "told",
]

LEVEL = 0.9
"""Of the paper's intervals."""

NAMES = ("amplitude", "delta", "critical")

EDGE = 1e-3
"""How far above the highest temperature a free T_c must lie."""


NEAR = (2.0, 2.1, 2.2)
"""Reconstructed: the three temperatures of the fit."""

TEMPERATURES = (1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2, 2.3, 2.4)
FREE = tuple(t for t in TEMPERATURES if t < T_C)
"""Seven, below T_c, for the fit in which T_c is free."""

LOWEST = FREE[-1] + EDGE
"""The least T_c that a fit with T_c free may have."""

CHOICES = tuple(zip(TEMPERATURES, TEMPERATURES[1:], TEMPERATURES[2:], strict=False))
BELOW = tuple(choice for choice in CHOICES if max(choice) < T_C)


def named(choice: tuple[float, ...]) -> str:
    """Three temperatures as data sets name them."""
    return f"{choice[0]:g}–{choice[-1]:g}"


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
        return float(self.half_widths[1])

    @property
    def half_widths(self) -> np.ndarray:
        """The same for A, Δ and T_c; 0 where T_c was given."""
        freedom = len(self.residuals) - int(np.count_nonzero(self.free))
        return float(stdtrit(freedom, (1 + LEVEL) / 2)) * self.regression

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


def refit(
    dataset: xr.Dataset,
    temperatures: Sequence[float],
    critical: float | None,
    *,
    weighted: bool = False,
) -> xr.Dataset:
    """The fit of the stored m of every arm, machine and length.

    Args:
        dataset: with `m` and `m_error` over `arm`, `seed`, `temperature`, `length`.
        temperatures: of the points, among those of the data set.
        critical, weighted: as for `fit_power`.

    Returns:
        `amplitude`, `delta` and `critical` over `arm`, `seed` and `length`, of each
        `name_error` from the errors of m and `name_half`, half the paper's interval.
    """
    axes = ("arm", "seed", "length")
    points = dataset[["m", "m_error"]].sel(temperature=list(temperatures))
    points = points.transpose(*axes, "temperature")
    m, error = points["m"].values, points["m_error"].values
    found = np.full((9, *m.shape[:-1]), np.nan)
    for at in np.ndindex(*m.shape[:-1]):
        fit = fit_power(temperatures, m[at], error[at], critical, weighted=weighted)
        values = (fit.amplitude, fit.exponent, fit.critical)
        found[:, *at] = (*values, *fit.errors, *fit.half_widths)
    names = [f"{n}{of}" for of in ("", "_error", "_half") for n in NAMES]
    variables = {n: (axes, x) for n, x in zip(names, found, strict=True)}
    return xr.Dataset(variables, coords={a: dataset[a] for a in ("arm", "length")})


def told(dataset: xr.Dataset, name: str, critical: str = "", **where: Any) -> str:
    """A parameter with its error and half the paper's interval.

    Args:
        dataset: with `name`, `name_error` and `name_half` along `seed`.
        name: of the parameter.
        critical: of the T_c fitted with it: where a fit ran to the edge, how many did.
        where: the place.
    """
    ran = at_edge(dataset, critical, **where) if critical else 0
    if ran:
        return f"{ran} of {dataset.sizes['seed']} at the edge"
    half = float(dataset[f"{name}_half"].sel(where).mean())
    return f"{written(dataset, name, **where)} ±{half:.3f}"


def at_edge(dataset: xr.Dataset, critical: str = "free_critical", **where: Any) -> int:
    """How many machines have the lowest T_c that the fit allows."""
    return int((dataset[critical].sel(where) < LOWEST + EDGE / 100).sum())
