"""Model samples against what is exactly known of the Ising model they should be of.

Samples of a machine know no coupling and no model: here they are read by the same
instruments as any other configurations, and every reading stands beside the exact one
at the coupling of the data,

    energy and heat capacity   Kaufman's torus, any size
    P(E)                       the exact number of states, any size
    P(E, |M|), G(r)            enumeration, up to 20 sites
    G(r) of larger lattices    the critical torus of the continuum, at K_c alone

where χ² is asked of draws so far apart that they have forgotten each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact import pairs, torus_cft
from kadanoff.exact.constants import K_C
from kadanoff.exact.density import energy_law
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.measurement import (
    AT_CRITICAL,
    compared,
    independent_spacing,
)
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import Correlator, shells, two_point
from kadanoff.instruments.thermodynamics import (
    Series,
    autocorrelation,
    energy,
    heat_capacity,
    series,
)
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.reports.measurement import Comparison

__all__ = ["Decay", "Judgement", "Reading", "compare_with_exact"]

FEW_SITES = 20  # enumerated in about a second
SMALL_P = 1e-4
LARGE_Z = 4.0


@dataclass(frozen=True, eq=False)
class Reading:
    """A number and the exact one.

    Attributes:
        value: with its error.
        exact: what it is of the Ising model.
    """

    value: Estimate
    exact: float

    @property
    def z(self) -> float:
        """(value − exact) in standard errors."""
        return float((self.value.value - self.exact) / self.value.error)

    def __str__(self) -> str:
        return f"{self.value}, exactly {self.exact:.6g} ({self.z:+.1f} errors)"


@dataclass(frozen=True, eq=False)
class Decay:
    """G(r) and the exact one, beyond r = 0.

    Attributes:
        distance: increasing, in original sites.
        value: of the samples, one entry per distance.
        exact: of the Ising model, `(distance,)`.
        law: `enumeration`, or `critical torus`, which is a limit of large sides.
    """

    distance: np.ndarray
    value: Estimate
    exact: np.ndarray
    law: str

    @property
    def z(self) -> np.ndarray:
        """(value − exact) in standard errors at each distance; they are correlated."""
        return (self.value.value - self.exact) / self.value.error


@dataclass(frozen=True, eq=False)
class Judgement:
    """What of an ensemble is that of the Ising model at a coupling.

    Attributes:
        coupling: K of the exact values.
        energy: per site, in J.
        heat_capacity: K² N Var(e), per site.
        energies: χ² of P(E); None where draws are too few.
        states: χ² of P(E, |M|); None for more than 20 sites or too few draws.
        decay: G(r); None where it is not known.
    """

    coupling: float
    energy: Reading
    heat_capacity: Reading
    energies: Comparison | None
    states: Comparison | None
    decay: Decay | None

    @property
    def contradicted(self) -> tuple[str, ...]:
        """Names of the readings that contradict the Ising law.

        At |z| > 4 (G(r): at some distance, Bonferroni aside) or p < 1e-4. The continuum
        form of G(r) is an approximation and contradicts nothing.
        """
        found = [n for n in ("energy", "heat_capacity") if self._far(getattr(self, n))]
        for name in ("energies", "states"):
            test = getattr(self, name)
            if test is not None and test.p < SMALL_P:
                found.append(name)
        decay = self.decay
        if decay is not None and decay.law == "enumeration":
            found += ["decay"] if abs(decay.z).max() > LARGE_Z else []
        return tuple(found)

    def __str__(self) -> str:
        wrong = ", ".join(self.contradicted)
        verdict = f"contradicted by {wrong}" if wrong else "not contradicted"
        return (
            f"Ising at K = {self.coupling:.6g}: {verdict}; energy {self.energy}, heat "
            f"capacity {self.heat_capacity}"
        )

    @staticmethod
    def _far(reading: Reading) -> bool:
        return abs(reading.z) > LARGE_Z


def compare_with_exact(samples: Ensemble, coupling: float) -> Judgement:
    """Energy, heat capacity, P(E), P(E, |M|) and G(r) of samples, and the exact ones.

    Args:
        samples: ±1 on a square torus, of any origin.
        coupling: K = βJ of the Ising model they should be of.

    Raises:
        ValueError: other values or another lattice, fewer than two blocks, or a
            coupling that is not finite.
    """
    sides = _square(samples)
    exact = torus(sides, coupling)
    seen = series(samples)
    spacing = independent_spacing(max(tau for tau, _ in autocorrelation(seen).values()))
    small = samples.geometry.size <= FEW_SITES
    law = _enumerated(sides, coupling) if small else None
    return Judgement(
        coupling=coupling,
        energy=Reading(energy(seen), exact.energy),
        heat_capacity=Reading(
            heat_capacity(seen, coupling=coupling), exact.heat_capacity
        ),
        energies=_energies(seen, sides, coupling, spacing),
        states=None if law is None else _states(seen, law, spacing),
        decay=_decay(two_point(samples), samples.grid, coupling, law),
    )


def _energies(
    seen: Series, sides: tuple[int, int], coupling: float, spacing: int
) -> Comparison | None:
    """χ² of the counts of independent draws by energy."""
    levels, law = energy_law(sides, coupling)
    total = np.rint(seen.energy[:, ::spacing] * seen.sites).astype(int).ravel()
    counts = np.bincount((total - levels[0]) // 4, minlength=len(levels))
    return compared(counts, law, spacing)[0]


def _states(seen: Series, law: pairs.Law, spacing: int) -> Comparison | None:
    """χ² of the counts by energy and |M|, the rare ones joined."""
    parts = (
        np.rint(x[:, ::spacing] * seen.sites).astype(int).ravel()
        for x in (seen.energy, abs(seen.magnetization))
    )
    width = law.sites + 1
    m = abs(2 * law.counts[1].astype(int) - law.sites)
    every = np.rint(law.energies).astype(int) * width + m
    levels, place = np.unique(every, return_inverse=True)
    chance = np.bincount(place, law.probabilities)
    e, m = parts
    counts = np.bincount(np.searchsorted(levels, e * width + m), minlength=len(levels))
    # By size, so that the rare ones are joined with each other.
    order = np.argsort(chance)
    return compared(counts[order], chance[order], spacing)[0]


def _decay(
    found: Correlator, grid: Grid, coupling: float, law: pairs.Law | None
) -> Decay | None:
    if law is not None:
        groups = shells(grid)
        exact = groups.average(law.two_point[0])[0]
        return Decay(found.distance[1:], found.value[1:], exact[1:], "enumeration")
    if 4 * abs(coupling - K_C) * max(grid.shape) >= AT_CRITICAL:
        return None
    _, form = torus_cft.spin_shells(grid.shape)
    return Decay(found.distance[1:], found.value[1:], form[1:], "critical torus")


def _enumerated(sides: tuple[int, int], coupling: float) -> pairs.Law:
    model = Ising(sides)
    return pairs.law(model.geometry.size, bond_pairs(model.near), coupling)


def _square(samples: Ensemble) -> tuple[int, int]:
    """The two sides of a plain square torus."""
    grid = samples.grid
    if samples.alphabet != "pm1" or len(grid.shape) != 2 or grid != Grid(grid.shape):
        raise ValueError(
            "exact values are those of ±1 spins on a square torus, got "
            f"'{samples.alphabet}' values on a lattice of shape {grid.shape}; coarse "
            "lattices and sublattices obey other laws"
        )
    return grid.shape[0], grid.shape[1]
