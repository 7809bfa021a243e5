"""Whether configurations have the energies of their temperatures, by the exact ones.

The mean energy at each temperature against that of the same torus (B. Kaufman, Phys.
Rev. 76, 1232 (1949)), all temperatures at once by χ². In the cold, where a handful of
configurations is excited and a mean is not Gaussian, these are counted instead and held
to Poisson's law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from kadanoff.exact import kaufman
from kadanoff.exact.density import energy_law
from kadanoff.instruments.thermodynamics import energy, series
from kadanoff.sweep import Sweep

__all__ = ["EXCITED", "Energies", "judged"]

EXCITED = 100
"""Excited configurations expected at a temperature whose mean energy is taken as
Gaussian; below, they are counted."""

LEVEL = 1e-4
"""Energies with a smaller p are not those of these temperatures."""


@dataclass(frozen=True)
class Energies:
    """How a sweep's energies compare with the exact ones.

    Attributes:
        pulls: deviation of each mean energy in Gaussian errors; NaN where excited
            configurations are too few.
        chi2, dof, p: of the pulls together.
        seen, expected: excited configurations of the temperatures without a pull.
        p_cold: of a count as far from its mean, by Poisson's law.
    """

    pulls: np.ndarray
    chi2: float
    dof: int
    p: float
    seen: int
    expected: float
    p_cold: float

    @property
    def good(self) -> bool:
        """Whether the energies are those of these temperatures."""
        return self.p > LEVEL and self.p_cold > LEVEL


def judged(sweep: Sweep, temperatures: Sequence[float]) -> Energies:
    """The energies of a sweep against the exact ones at these temperatures."""
    pulls, seen, expected = [], 0, 0.0
    for ensemble, t in zip(sweep, temperatures, strict=True):
        shape = ensemble.grid.shape[0], ensemble.grid.shape[1]
        excited = _excited_share(shape, t) * ensemble.size
        if excited >= EXCITED:
            reading, exact = energy(ensemble), kaufman.torus(shape, 1 / t).energy
            pull = float((reading.value - exact) / reading.error)
            pulls.append(_gaussian(pull, float(reading.freedom)))
        else:
            pulls.append(math.nan)
            seen += int((series(ensemble).energy > -2 + 1e-9).sum())
            expected += excited
    warm = np.array(pulls)[np.isfinite(pulls)]
    chi2 = float((warm**2).sum())
    return Energies(
        np.array(pulls),
        chi2,
        len(warm),
        float(stats.chi2.sf(chi2, len(warm))),
        seen,
        expected,
        _poisson(seen, expected),
    )


def _excited_share(shape: tuple[int, int], temperature: float) -> float:
    if temperature == 0:
        return 0.0
    return float(energy_law(shape, 1 / temperature)[1][1:].sum())


def _gaussian(pull: float, freedom: float) -> float:
    """The Gaussian deviate as rare as this one of Student's t."""
    tail = max(float(stats.t.sf(abs(pull), freedom)), 1e-300)
    return math.copysign(float(stats.norm.isf(tail)), pull)


def _poisson(seen: int, expected: float) -> float:
    """Twice the smaller tail."""
    if expected == 0:
        return float(seen == 0)
    low, high = stats.poisson.cdf(seen, expected), stats.poisson.sf(seen - 1, expected)
    return float(min(1.0, 2 * min(low, high)))
