"""Temperatures of configurations, T = 1/K in units of J/k_B, read in two ways.

The energy thermometer inverts the exact energy of the nearest-neighbour Ising model on
a torus of the configurations' own size (B. Kaufman, Phys. Rev. 76, 1232 (1949)); the
coupling thermometer is the nearest-neighbour coupling of greatest pseudo-likelihood
(J. Besag, The Statistician 24, 179 (1975)). They agree only where the configurations
really are nearest-neighbour Ising: their difference, on the same data, is a test of it.
The exact curve is that of a square lattice whose periods are multiples of its shortest
steps; a triangular lattice and a torus that is skew to the steps, as turned lattices
mostly have, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.kaufman import coupling_at_energy
from kadanoff.geometry import Grid
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.instruments.operators import lattice_of
from kadanoff.instruments.thermodynamics import energy

__all__ = [
    "Temperatures",
    "coupling_temperature",
    "energy_temperature",
    "has_thermometer",
    "temperatures",
]


@dataclass(frozen=True)
class Temperatures:
    """Two readings of one temperature, and how far they are apart.

    Attributes:
        energy: by the exact energy curve.
        coupling: by the nearest-neighbour pseudo-likelihood.
        spread: energy minus coupling, with the error of the difference.
    """

    energy: Estimate
    coupling: Estimate
    spread: Estimate


def temperatures(ensemble: Ensemble) -> Temperatures:
    """Both temperatures of ±1 spins on a two-dimensional grid.

    Raises:
        ValueError: real values, no positions, or no straight square torus.
    """
    by_energy = energy_temperature(ensemble)
    by_coupling = coupling_temperature(ensemble)
    return Temperatures(by_energy, by_coupling, by_energy - by_coupling)


def energy_temperature(ensemble: Ensemble) -> Estimate:
    """The temperature at which the torus has the measured energy, in units of J/k_B.

    The energy is that of nearest neighbours on the lattice, whatever law drew the
    configurations: with a field, further couplings or no lattice at all it is still
    the plain Ising model that is asked. Negative for configurations of positive
    energy, 0 with all spins aligned; not a number at energy 0 and beyond the highest
    energy of the curve.

    Raises:
        ValueError: real values, no positions, or no straight square torus.
    """
    shape = _torus_of(ensemble)
    neighbours = energy(replace(ensemble, model=None))
    return neighbours.map(lambda e: _at_energy(shape, float(e)))


def coupling_temperature(ensemble: Ensemble) -> Estimate:
    """1/K of the nearest-neighbour pseudo-likelihood, in units of J/k_B.

    Not a number where the coupling is infinite, with all spins along their fields.

    Raises:
        ValueError: real values, no positions, or no straight square torus.
    """
    _torus_of(ensemble)
    return fit_couplings(ensemble, ("nn",))["nn"].map(lambda k: _temperature(float(k)))


def has_thermometer(ensemble: Ensemble) -> bool:
    """Whether `temperatures` reads these configurations.

    >>> square = Ensemble.from_values(np.ones((1, 1, 4, 4), dtype=np.int8))
    >>> has_thermometer(square)
    True
    """
    try:
        _torus_of(ensemble)
    except ValueError:
        return False
    return True


def _torus_of(ensemble: Ensemble) -> tuple[int, int]:
    if ensemble.alphabet != "pm1":
        raise ValueError(
            "a temperature is read off ±1 spins, got values of alphabet "
            f"'{ensemble.alphabet}'; a real-valued field has none"
        )
    grid = lattice_of(ensemble)
    shape = grid.shape
    if len(shape) != 2 or min(shape) < 2:
        raise ValueError(
            "a temperature is read off a two-dimensional torus with sides of at least "
            f"2, got shape {shape}"
        )
    if not _is_straight(grid):
        raise ValueError(
            "a temperature is read off a square lattice whose shortest steps run along "
            f"its periods, got shape {shape} with basis {grid.basis}; fit its "
            "couplings instead"
        )
    return shape[0], shape[1]


def _is_straight(grid: Grid) -> bool:
    """Whether the basis itself is one of two like steps at right angles."""
    basis = np.array(grid.basis)
    products = basis @ basis.T / (basis[0] @ basis[0])
    return bool(np.allclose(products, np.eye(grid.dimension), atol=1e-6))


def _at_energy(shape: tuple[int, int], e: float) -> float:
    if e <= -2:
        return 0.0
    try:
        return _temperature(coupling_at_energy(shape, e))
    except ValueError:  # a perfect antiferromagnet
        return np.nan


def _temperature(coupling: float) -> float:
    return 1 / coupling if coupling != 0 else np.nan
