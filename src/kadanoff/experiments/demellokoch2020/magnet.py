"""Is an ensemble of 10×10 spins the Ising magnet at any temperature at all?

Seven readings: the energy e, |m|, U₄, the fluctuation N Var(e) = T² C, and G at √2, 2
and 5. Of the magnet e, N Var(e) (Kaufman) and G (transfer matrix) are exact at every
temperature; |m| and U₄ are Monte Carlo, with e and ⟨m²⟩, of which the exact values are
known, as control variates. Between the temperatures
of a table all of them are cubic splines. At each T

    T² = d(T)ᵀ S⁻¹ d(T),   d = readings less the magnet's,

with S the jackknife covariance over B blocks (and the errors of the reference); in
equilibrium at T, T² (B - 7)/7(B - 1) has the F law of (7, B - 7) (H. Hotelling, Ann.
Math. Statist. 2, 360 (1931)). The largest p over T is that of the best temperature: too
large rather than too small, so that an ensemble with a small one is no magnet.

That p falls with the number of draws for whatever is not quite the magnet. How far it
is does not: of the magnet all readings give one temperature, and the spread of those
of the six that have one each, largest less smallest, is the size of the difference.

The law of the energy says the same without a choice of readings: the total variation
distance ½ Σ|p̂ - p| to the exact P(E|T) of the nearest T (P. D. Beale, Phys. Rev. Lett.
76, 78 (1996)), beside what as many independent draws of that law would have,
½ Σ √(2p(1 - p)/πn).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline, interp1d
from scipy.special import fdtrc

from kadanoff.autocorrelation import integrated_time
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact import kaufman, strip
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.density import energy_law
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES, swept
from kadanoff.experiments.demellokoch2020.flow import LATTICE
from kadanoff.experiments.exhibit import Work
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import shells, two_point
from kadanoff.instruments.thermodynamics import (
    Series,
    binder,
    energy,
    heat_capacity,
    magnetization,
    magnetization_squared,
    series,
)

__all__ = [
    "MONOTONE",
    "READINGS",
    "RESOLUTION",
    "TOLERANCE",
    "Critical",
    "Magnet",
    "Verdict",
    "critical_point",
    "distance_of_laws",
    "energy_counts",
    "magnet",
    "mixture_law",
    "readings_of",
    "sampling_floor",
    "verdict",
]

DISTANCES = (np.sqrt(2), 2.0, 5.0)
READINGS = ("e", "|m|", "U₄", "N Var(e)", "G(√2)", "G(2)", "G(5)")
MONOTONE = ("e", "|m|", "U₄", "G(√2)", "G(2)", "G(5)")
"""What has one temperature for each value; N Var(e) has a maximum."""

SITES = LATTICE[0] * LATTICE[1]
STEP = 0.05
"""Between the temperatures of the exact table; splines are then right to 1e-4."""

STEPS = 1000
"""Temperatures between the ends of the table that are tried."""

RESOLUTION = T_C / np.sqrt(SITES * kaufman.torus(LATTICE, K_C).heat_capacity)
"""Standard deviation of the temperature that one 10×10 configuration at T_c has."""

TOLERANCE = 0.05
"""Half the step of the paper's grid of temperatures: what counts as one temperature
where ensembles are compared, and not single configurations."""


@dataclass(frozen=True, eq=False)
class Magnet:
    """The seven readings of the magnet over a range of temperatures.

    Attributes:
        temperatures: of the table, ascending.
        values: `(temperature, reading)`.
        doubt: covariance of |m| and U₄, `(temperature, 2, 2)`; all else is exact.
    """

    temperatures: np.ndarray
    values: np.ndarray
    doubt: np.ndarray

    def at(self, t: np.ndarray) -> np.ndarray:
        """The readings at other temperatures of the range, `(…, reading)`."""
        return CubicSpline(self.temperatures, self.values)(t)

    @property
    def fine(self) -> np.ndarray:
        """Temperatures to try."""
        return np.linspace(self.temperatures[0], self.temperatures[-1], STEPS)

    @cached_property
    def curves(self) -> np.ndarray:
        """The readings there, `(temperature, reading)`."""
        return self.at(self.fine)

    def temperature(self, reading: str, value: float) -> float:
        """T at which the magnet has this value; no number beyond the range.

        Args:
            reading: one of `MONOTONE`.
            value: of it.
        """
        t, curve = self.fine, self.curves[:, READINGS.index(reading)]
        if reading != "e":
            t, curve = t[::-1], curve[::-1]
        if not curve[0] <= value <= curve[-1]:
            return float("nan")
        return float(np.interp(value, curve, t))


@dataclass(frozen=True, eq=False)
class Verdict:
    """Whether an ensemble is the magnet somewhere.

    Attributes:
        best: temperature of the smallest T².
        p: of the hypothesis that it is the magnet there.
        pulls: readings less the magnet's there, in standard errors.
        temperatures: that each monotone reading alone has, with errors.
        spread: the largest of these less the smallest.
        nearest: temperature whose P(E) is nearest, by total variation.
        distance: to it.
        floor: of as many independent draws.
    """

    best: float
    p: float
    pulls: np.ndarray
    temperatures: dict[str, Estimate]
    spread: Estimate
    nearest: float
    distance: float
    floor: float


@dataclass(frozen=True, eq=False)
class Critical:
    """The seven readings of the magnet at T_c, and how far from them is near.

    Attributes:
        values: by reading.
        tolerances: how far the magnet's move within `TOLERANCE` of T_c.
    """

    values: dict[str, float]
    tolerances: dict[str, float]


def critical_point(temperatures: np.ndarray, values: np.ndarray) -> Critical:
    """The critical magnet of a table.

    Args:
        temperatures: ascending.
        values: `(temperature, reading)`.
    """
    curve = CubicSpline(temperatures, values)
    below, here, above = curve(T_C + TOLERANCE * np.array([-1.0, 0.0, 1.0]))
    reach = np.maximum(abs(below - here), abs(above - here))
    return Critical(
        dict(zip(READINGS, map(float, here), strict=True)),
        dict(zip(READINGS, map(float, reach), strict=True)),
    )


def magnet(work: Work, temperatures: Sequence[float], draws: int) -> Magnet:
    """The table of the magnet.

    Args:
        work: seed and runs.
        temperatures: at which |m| and U₄ are drawn, ascending, above 0; narrower
            where these bend.
        draws: configurations at each.
    """
    sweep = swept(work, LATTICE, temperatures, draws, purpose="magnet")
    drawn = [_drawn(e, t) for e, t in zip(sweep, temperatures, strict=True)]
    low, high = temperatures[0], temperatures[-1]
    fine = np.linspace(low, high, 1 + round((high - low) / STEP))
    by_drawing = CubicSpline(temperatures, np.array([x for x, _ in drawn]))(fine)
    doubt = np.array([covariance.ravel() for _, covariance in drawn])
    exact = np.array([_exact(float(t)) for t in fine])
    values = np.column_stack([exact[:, 0], by_drawing, exact[:, 1:-1]])
    doubts = [np.interp(fine, temperatures, column) for column in doubt.T]
    return Magnet(fine, values, np.stack(doubts, axis=1).reshape(-1, 2, 2))


def _exact(t: float) -> list[float]:
    """e, N Var(e), G at the distances, and ⟨m²⟩."""
    torus = kaufman.torus(LATTICE, 1 / t)
    g = strip.two_point(LATTICE, 1 / t)
    groups = shells(Grid(LATTICE))
    far = [int(np.argmin(abs(groups.distance - r))) for r in DISTANCES]
    near = groups.average(g)[0][far]
    return [torus.energy, t**2 * torus.heat_capacity, *near, float(g.mean())]


def _drawn(ensemble: Ensemble, t: float) -> tuple[np.ndarray, np.ndarray]:
    """|m| and U₄ with their covariance, less what e and m² say of their noise."""
    s = series(ensemble)
    parts = (magnetization(s), binder(s), energy(s), magnetization_squared(s))
    x = combine(lambda *values: np.array(values), *parts)
    c, exact = x.covariance, _exact(t)
    share = np.linalg.solve(c[2:, 2:], c[2:, :2]).T
    surplus = x.value[2:] - np.array([exact[0], exact[-1]])
    return x.value[:2] - share @ surplus, c[:2, :2] - share @ c[2:, :2]


def readings_of(ensemble: Ensemble, seen: Series | None = None) -> Estimate:
    """The seven readings as one estimate, with their covariance.

    Args:
        ensemble: ±1 or real values on 10×10.
        seen: its series, where it is known already.
    """
    s = series(ensemble) if seen is None else seen
    g = two_point(ensemble)
    places = [int(np.argmin(abs(g.distance - r))) for r in DISTANCES]
    parts = (
        energy(s),
        magnetization(s),
        binder(s),
        heat_capacity(s, coupling=1.0),
        g.value[places],
    )
    return combine(lambda *x: np.concatenate([np.ravel(part) for part in x]), *parts)


def verdict(ensemble: Ensemble, known: Magnet) -> Verdict:
    """Compare ±1 spins with the magnet at all temperatures of the table.

    Args:
        ensemble: 64 or more blocks of ±1 spins on 10×10.
        known: the table.

    Raises:
        ValueError: too few blocks to weigh seven readings.
    """
    s = series(ensemble)
    x = readings_of(ensemble, s)
    blocks = min(map(len, x.replicates.values()))
    q = len(READINGS)
    if blocks <= q + 1:
        raise ValueError(
            f"{q} readings are weighed by {q + 2} or more blocks, got {blocks}; give "
            "more chains"
        )
    fine = known.fine
    d = x.value - known.curves
    covariance = np.repeat(x.covariance[None], len(fine), axis=0)
    drawn = slice(READINGS.index("|m|"), READINGS.index("U₄") + 1)
    covariance[:, drawn, drawn] += interp1d(known.temperatures, known.doubt, axis=0)(
        fine
    )
    t2 = np.einsum("ti,ti->t", d, np.linalg.solve(covariance, d[..., None])[..., 0])
    k = int(np.argmin(t2))
    p = float(fdtrc(q, blocks - q, t2[k] * (blocks - q) / q / (blocks - 1)))
    own = {
        name: x[READINGS.index(name)].map(
            lambda v, name=name: known.temperature(name, float(v))
        )
        for name in MONOTONE
    }
    counts = energy_counts(s)
    laws = np.array([energy_law(LATTICE, 1 / t)[1] for t in fine[:: STEPS // 100]])
    distances = [distance_of_laws(counts, law) for law in laws]
    near = int(np.argmin(distances))
    return Verdict(
        float(fine[k]),
        p,
        d[k] / np.sqrt(np.diagonal(covariance[k])),
        own,
        combine(lambda *t: np.ptp(np.array(t)), *own.values()),
        float(fine[:: STEPS // 100][near]),
        float(distances[near]),
        sampling_floor(laws[near], _independent(s)),
    )


def _independent(seen: Series) -> float:
    """Configurations as far as the energy remembers; m may remember longer."""
    return seen.energy.size / max(1.0, 2 * integrated_time(seen.energy)[0])


def energy_counts(seen: Series) -> np.ndarray:
    """How often each total energy -2N, -2N + 4, … 2N occurs, as shares."""
    level = np.rint((seen.energy.ravel() * SITES + 2 * SITES) / 4).astype(int)
    counts = np.bincount(level, minlength=SITES + 1)
    return counts / counts.sum()


def distance_of_laws(one: np.ndarray, other: np.ndarray) -> float:
    """Total variation, ½ Σ|p - q|."""
    return float(abs(one - other).sum() / 2)


def sampling_floor(law: np.ndarray, draws: float) -> float:
    """Mean total variation between a law and so many independent draws of it."""
    return float(np.sqrt(2 * law * (1 - law) / (np.pi * draws)).sum() / 2)


def mixture_law() -> np.ndarray:
    """P(E) of the training data: equal shares of all 60 temperatures."""
    cold = np.zeros(SITES + 1)
    cold[0] = 1.0  # T = 0
    warm = [energy_law(LATTICE, 1 / t)[1] for t in TEMPERATURES if t > 0]
    return np.mean([cold, *warm], axis=0)
