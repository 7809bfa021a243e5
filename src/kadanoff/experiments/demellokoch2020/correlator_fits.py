"""Δ of a correlator on a small torus: the curves fitted, by least squares of G itself.

The paper fits G(r) = B r^{-2Δ} (its equation for the two-point function of a primary)
with Mathematica's NonlinearModelFit, "Figure 2 (and all subsequent plots)": least
squares of G itself with equal weights. So does `power_law`, and `torus_form` beside it
with the form on a critical torus,

    plane   G = B r^{-2Δ},      torus   G = B (ρ^{2Δ} R - v² L^{-2Δ}),

`chord` of `kadanoff.instruments.scaling`, averaged over the displacements of every
distance. Every Δ of the paper's figures 5 and 6 is read in this one way, of Monte
Carlo, of flows and of the exact correlator.

Least squares of G ask nothing of the sign of G at long distances, where noise and
G < 0 would leave a line through ln G without points. What they cannot do is find a Δ
where the nearest distance has no correlation, or where the best Δ lies at an end of
the range tried: that is no number. And the torus's form has a flattest member,
`flattest`; a correlator that falls more slowly reads that Δ whatever it is, with an
error that means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from kadanoff.estimate import Estimate
from kadanoff.exact import torus_cft
from kadanoff.exact.energy_pairs import energy_two_point
from kadanoff.exact.strip import two_point
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import shells

__all__ = [
    "Constant",
    "Curve",
    "constant_for",
    "exact_correlator",
    "flattest",
    "power_law",
    "straight_line",
    "torus_form",
    "within",
]

EXACT: Mapping[str, Callable[[tuple[int, int], float], np.ndarray]] = {
    "spin": two_point,
    "energy": energy_two_point,
}

STEEPEST = 8.0  # a Δ that no correlator of these lattices reaches
GRID = np.linspace(-0.5, STEEPEST, 86)
INVERSE_GOLDEN = (5**0.5 - 1) / 2


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
        """Δ of `(..., points)` correlators by least squares with equal weights, B ≥ 0.

        Not a number where the correlator is not positive at the shortest distance, or
        where the best Δ lies at an end of the range tried, -1/2 to 8.
        """
        coarse = np.stack([self._misfit(values, np.asarray(d)) for d in GRID])
        found = coarse.argmin(axis=0)
        sure = (values[..., 0] > 0) & (found > 0) & (found < len(GRID) - 1)
        best, step = GRID[found], GRID[1] - GRID[0]
        low, high = best - step, best + step
        while step > 1e-9:
            step *= INVERSE_GOLDEN
            width = INVERSE_GOLDEN * (high - low)
            left, right = high - width, low + width
            lower = self._misfit(values, left) < self._misfit(values, right)
            low, high = np.where(lower, low, left), np.where(lower, right, high)
        return np.where(sure, (low + high) / 2, np.nan)

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
        """Σ (G - B f)² at the best B ≥ 0, less Σ G²."""
        f = self(delta)
        overlap = np.maximum((values * f).sum(axis=-1), 0.0)
        return -(overlap**2) / (f**2).sum(axis=-1)


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
    points = np.flatnonzero(within(groups.distance, near, far))
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


def flattest(curve: Curve) -> float:
    """Δ that a correlator without any fall reads, the least that a curve tells."""
    return float(curve.fit(np.ones(len(curve.distance))))


def straight_line(values: np.ndarray, distance: np.ndarray) -> float:
    """Minus half the slope of ln G against ln r; NaN where G is not positive."""
    if not (values > 0).all():
        return np.nan
    return float(-np.polyfit(np.log(distance), np.log(values), 1)[0] / 2)


def exact_correlator(
    side: int, coupling: float, operator: str
) -> tuple[np.ndarray, np.ndarray]:
    """Distances on an L × L torus and the exact correlator at them.

    Args:
        side: L.
        coupling: K = 1/T.
        operator: `spin` or `energy`.
    """
    groups = shells(Grid((side, side)))
    pairs = EXACT[operator]((side, side), coupling)
    return groups.distance, groups.average(pairs)[0]


@dataclass(frozen=True)
class Constant:
    """What is taken off a correlator ⟨s s'⟩.

    Attributes:
        size: the constant; of connected correlators ⟨s⟩².
        share: of ⟨m²⟩, the mean of ⟨s s'⟩ over all pairs of sites.
    """

    size: float
    share: float


def constant_for(delta: float, side: int, coupling: float) -> Constant:
    """The constant less which the exact ⟨s s'⟩ reads a Δ by the power law to L/2.

    Not a number where no constant from 0 to the least of the correlator does.

    Args:
        delta: to be read.
        side: L.
        coupling: K = 1/T.
    """
    r, g = exact_correlator(side, coupling, "spin")
    inside = within(r, 1.0, side / 2)
    curve, g = power_law(r[inside]), g[inside]

    def gap(constant: float) -> float:
        return float(curve.fit(g - constant)) - delta

    high = (1 - 1e-3) * float(g.min())
    if not gap(0.0) < 0 < gap(high):
        return Constant(np.nan, np.nan)
    size = float(np.asarray(brentq(gap, 0.0, high)))
    return Constant(size, size / float(two_point((side, side), coupling).mean()))


def within(distance: np.ndarray, near: float, far: float) -> np.ndarray:
    """Which distances lie in [near, far]."""
    tiny = 1e-6 * near
    return (distance >= near - tiny) & (distance <= far + tiny)
