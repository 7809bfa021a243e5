"""The forms of a critical correlator with a free Δ, averaged as the readings are.

What `kadanoff.instruments.scaling` fits; its docstring has the formulas. Distances are
averaged in shells, and shells in bins of nearly equal width in ln r: the same linear
map is applied to the correlator and, displacement by displacement, to the form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from kadanoff.estimate import Estimate
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import DELTA_EPSILON, DELTA_SIGMA
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import Correlator, shells
from kadanoff.instruments.scaling_fit import Fit, curve_fit, line_fit, most_points

__all__ = [
    "FORMS",
    "OPERATORS",
    "Bins",
    "Form",
    "check_omega",
    "check_window",
    "square_sides",
]

OPERATORS = {"spin": DELTA_SIGMA, "energy": DELTA_EPSILON}
"""What has a dimension, and its value in the Ising class."""

FORMS = ("chord", "stretched", "plane")

Pair = tuple[np.ndarray, np.ndarray]


def square_sides(grid: Grid) -> tuple[tuple[int, int], float]:
    """The two sides in lattice constants, and the lattice constant in original sites.

    Raises:
        ValueError: not two directions at right angles, of equal spacing and one site
            per cell.
    """
    basis = np.array(grid.basis)
    overlaps = basis @ basis.T
    good = basis.shape == (2, 2) and len(grid.cell) == 1
    if not good or not np.allclose(overlaps, overlaps[0, 0] * np.eye(2)):
        raise ValueError(
            "the torus form holds on a lattice of two equal directions at right "
            f"angles, got shape {grid.shape} and basis {grid.basis}; read a square or "
            "rectangular lattice"
        )
    return (grid.shape[0], grid.shape[1]), math.sqrt(overlaps[0, 0])


def check_window(near: Any, far: Any, shape: tuple[int, ...]) -> None:
    """Refuse a range of distances that is none.

    Raises:
        ValueError: not two finite numbers with 0 < near < far.
    """
    if not (_is_finite(near) and _is_finite(far) and 0 < near < far):
        raise ValueError(
            f"a window of distances needs 0 < r_min < r_max, got {near!r} and {far!r} "
            f"on a lattice of shape {shape}"
        )


def check_omega(omega: Any, law: str) -> None:
    """Refuse an exponent of corrections that do not fade; None is no correction.

    Raises:
        ValueError: not a finite number above 0.
    """
    if omega is not None and not (_is_finite(omega) and omega > 0):
        raise ValueError(f"a correction {law} needs a positive ω, got {omega!r}")


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating)
    return number and math.isfinite(value)


@dataclass(frozen=True, eq=False)
class Bins:
    """Displacements of a window, and the linear map from shells to bins.

    Attributes:
        steps: the displacements, in lattice constants.
        length: their lengths, in original sites.
        place: the bin of each.
        weights: of every shell in every bin, `(bins, shells)`.
        distance: mean length in every bin.
    """

    steps: np.ndarray
    length: np.ndarray
    place: np.ndarray
    weights: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(
        cls, measured: Correlator, grid: Grid, near: float, far: float, points: int
    ) -> Bins:
        """At most so many bins of the distances from `near` to `far`.

        Raises:
            ValueError: a correlator of another lattice, fewer than two distances or
                points, or too few blocks to weigh two bins.
        """
        groups = shells(grid)
        if len(groups.distance) != len(measured.distance) or not np.allclose(
            groups.distance, measured.distance
        ):
            raise ValueError(
                f"a correlator of this lattice has {len(groups.distance)} distances, "
                f"got {len(measured.distance)}; give the grid it was measured on"
            )
        if not isinstance(points, Integral) or points < 2:
            raise ValueError(
                f"a fit of Δ needs 2 or more points, a whole number, got {points!r}"
            )
        r = groups.distance
        far = min(far, float(r[-1]))
        tiny = 1e-6 * near
        inside = np.flatnonzero((r >= near - tiny) & (r <= far + tiny))
        most = min(points, most_points(measured.value), len(inside))
        if most < 2:
            raise ValueError(
                f"a fit of Δ needs at least 2 distances between {near:g} and {far:g}, "
                f"got {len(inside)}, of which the blocks can weigh {max(most, 0)}; "
                "widen the window or sample more chains"
            )
        edges = np.geomspace(near * (1 - 1e-6), far * (1 + 1e-6), most + 1)
        wanted = np.searchsorted(edges, r[inside], side="right") - 1
        _, bins = np.unique(wanted, return_inverse=True)
        count = np.bincount(groups.shell)
        place = np.full(len(r), -1)
        place[inside] = bins
        weights = np.zeros((bins.max() + 1, len(r)))
        weights[bins, inside] = count[inside]
        weights /= weights.sum(axis=1, keepdims=True)
        used = place[groups.shell] >= 0
        return cls(
            np.indices(grid.shape).reshape(2, -1).T[used].astype(float),
            r[groups.shell][used],
            place[groups.shell][used],
            weights,
            weights @ r,
        )

    def average(self, by_shell: np.ndarray) -> np.ndarray:
        """Bins of a function of the shells."""
        return self.weights @ by_shell

    def gather(self, by_step: np.ndarray) -> np.ndarray:
        """Bins of a function of the displacements."""
        return np.bincount(self.place, weights=by_step) / np.bincount(self.place)


class Form:
    """B S(Δ) [1 + (a/r)^ω (c + c₄ cos 4φ)] in every bin, from the displacements in it.

    Its parameters are θ = (B, Δ, B c, B c₄), the last two only where there is an ω.
    """

    def __init__(
        self,
        form: str,
        operator: str,
        grid: Grid,
        bins: Bins,
        omega: float | None = None,
    ) -> None:
        sides, a = square_sides(grid)
        self.form, self.bins = form, bins
        self.fading = np.zeros((0, len(bins.length)))
        if omega is not None:
            fading = (a / bins.length) ** omega
            self.fading = np.stack([fading, fading * _fourfold(bins.steps, sides)])
        self.exact = OPERATORS[operator]
        rho = torus_cft.chord(bins.steps, sides) / a
        vacuum = torus_cft.energy_vacuum(sides) / a
        ratio = torus_cft.spin_ratio if operator == "spin" else torus_cft.energy_ratio
        self.rho, self.ratio = rho, ratio(bins.steps, sides)
        # e₁² L^{-2Δ}, its logarithm's slope -2 ln L: L = e₁/vacuum is the short side.
        self.side = a * min(sides)
        self.vacuum = (vacuum * self.side) ** 2 if operator == "energy" else 0.0
        self.whole = rho ** (2 * self.exact) * self.ratio
        self.whole = self.whole - self.vacuum * self.side ** (-2 * self.exact)

    def curve(self, delta: float) -> Pair:
        """S(Δ) and dS/dΔ at every displacement."""
        if self.form == "stretched":
            value, log = self.whole ** (delta / self.exact), np.log(self.whole)
            return value, value * log / self.exact
        if self.form == "plane":
            value = self.bins.length ** (-2 * delta)
            return value, -2 * np.log(self.bins.length) * value
        torus = self.rho ** (2 * delta) * self.ratio
        constant = self.vacuum * self.side ** (-2 * delta)
        slope = 2 * np.log(self.rho) * torus + 2 * math.log(self.side) * constant
        return torus - constant, slope

    def model(self, theta: np.ndarray) -> np.ndarray:
        """The form in every bin."""
        return self.bins.gather(self._amplitude(theta) * self.curve(theta[1])[0])

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """Its derivatives, `(bins, parameters)`."""
        value, slope = self.curve(theta[1])
        columns = [value, self._amplitude(theta) * slope, *(self.fading * value)]
        return np.stack([self.bins.gather(column) for column in columns], axis=1)

    def fit(self, y: Estimate) -> Fit:
        """θ of these readings, from Δ₀ and the amplitude that suits it."""
        value = self.bins.gather(self.curve(self.exact)[0])
        b = float(line_fit(value[:, None], y).parameters.value[0])
        start = np.array([b, self.exact, *np.zeros(len(self.fading))])
        return curve_fit(self.model, self.slopes, start, y)

    def _amplitude(self, theta: np.ndarray) -> np.ndarray:
        return theta[0] + theta[2:] @ self.fading

    def bias(self, y: Estimate) -> float:
        """Δ - Δ₀ that these weights give for the exact form itself."""
        exact = self.bins.gather(self.whole)
        scale = line_fit(exact[:, None], y).parameters.value[0]
        shift = scale * exact - y.value
        moved = {name: rows + shift for name, rows in y.replicates.items()}
        fit = self.fit(Estimate(scale * exact, moved, y.n_eff))
        return float(fit.parameters.value[1]) - self.exact


def _fourfold(steps: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    """cos 4φ of the shortest images: 1 along the axes, -1 along the diagonals."""
    near = steps - np.array(sides) * np.rint(steps / np.array(sides))
    return np.cos(4 * np.arctan2(near[:, 1], near[:, 0]))
