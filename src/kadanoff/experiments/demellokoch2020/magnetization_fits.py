"""m = A |T - T_c|^Δ by least squares, T_c given or free, and at which temperatures.

The fit is the paper's, unweighted unless asked for, its interval Student's t at 90 % of
the regression's error; beside it stand the errors of m carried through the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import stdtrit

from kadanoff.exact.constants import T_C

__all__ = [
    "BELOW",
    "CHOICES",
    "EDGE",
    "FREE",
    "LOWEST",
    "NEAR",
    "TEMPERATURES",
    "PowerFit",
    "fit_power",
    "named",
]

LEVEL = 0.9
"""Of the paper's intervals."""

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
