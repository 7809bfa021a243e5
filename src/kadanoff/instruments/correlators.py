"""Two-point functions against distance, averaged over the torus.

    G(r) = ⟨(1/N) Σ_x s(x) s(x + r)⟩ = (1/N²) Σ_k ⟨|ŝ_k|²⟩ e^{ikr}

by the Wiener-Khinchin theorem: one Fourier transform per configuration, none per pair
of sites. Directions at equal distance are averaged; distances are shortest periodic
ones, in sites of the original lattice. The connected function subtracts the product of
each site's own mean, so that a biased layer shows no false correlation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.operators import lattice_of

__all__ = [
    "Correlator",
    "Shells",
    "bond_energy",
    "from_waves",
    "shells",
    "structure_factor",
    "to_waves",
    "two_point",
]

ROWS = 1024
"""Configurations transformed at a time: a few tens of MB at 64×64."""


@dataclass(frozen=True)
class Correlator:
    """A function of distance.

    Attributes:
        distance: the distances that occur, increasing from 0, in original sites.
        value: one entry per distance, with aligned errors.
    """

    distance: np.ndarray
    value: Estimate


@dataclass(frozen=True)
class Shells:
    """The displacements of a torus, grouped by length.

    Attributes:
        distance: the lengths, increasing, in original sites.
        shell: for every displacement of the flattened lattice, its place in `distance`.
    """

    distance: np.ndarray
    shell: np.ndarray

    def average(self, values: np.ndarray) -> np.ndarray:
        """Means over equal distances of `(..., *shape)` or `(..., sites)` values."""
        flat = values.reshape(-1, self.shell.size)
        sums = [np.bincount(self.shell, weights=row) for row in flat]
        return np.array(sums) / np.bincount(self.shell)


def shells(grid: Grid) -> Shells:
    """The distances of a lattice with one site per cell."""
    positions = grid.positions()
    lengths = grid.distance(positions[0], positions)
    distance, shell = np.unique(np.round(lengths, 9), return_inverse=True)
    return Shells(distance, shell)


def two_point(
    ensemble: Ensemble,
    *,
    connected: bool = False,
    field: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Correlator:
    """G(r) of the spins, or of a local field made from them.

    Args:
        ensemble: ±1 or real values on a grid.
        connected: subtract the product of the sites' own means.
        field: maps `(n, *lattice)` values to a field of the same shape, for example
            `bond_energy`; the values themselves where not given.

    Raises:
        ValueError: no positions, several feature maps, or several sites per cell.
    """
    grid = lattice_of(ensemble)
    groups = shells(grid)

    def observe(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _spectrum_and_mean(values, grid.dimension, field)

    def reading(spectrum: np.ndarray, mean: np.ndarray) -> np.ndarray:
        own = abs(to_waves(mean, grid.dimension)) ** 2 if connected else 0.0
        return groups.average(from_waves(spectrum - own, grid.shape) / grid.size)[0]

    return Correlator(groups.distance, jackknife(observe, reading, ensemble))


def structure_factor(ensemble: Ensemble) -> np.ndarray:
    """S(k) = ⟨|ŝ_k|²⟩/N of the fluctuations of each site about its own mean.

    The half spectrum of `numpy.fft.rfftn`; the connected G(r) is its transform.

    Raises:
        ValueError: no positions, several feature maps, or several sites per cell.
    """
    grid = lattice_of(ensemble)
    power, total = [], []
    for chunk in ensemble.chunks():
        own, mean = _spectrum_and_mean(ensemble.read(chunk), grid.dimension, None)
        power.append(chunk.size * own)
        total.append(chunk.size * mean)
    mean = np.sum(total, axis=0) / ensemble.size
    spectrum = np.sum(power, axis=0) / ensemble.size
    return (spectrum - abs(to_waves(mean, grid.dimension)) ** 2) / grid.size


def to_waves(fields: np.ndarray, dimension: int) -> np.ndarray:
    """Real Fourier transform over the last `dimension` axes, unnormalised."""
    axes = tuple(range(-dimension, 0))
    return np.asarray(fft.rfftn(fields, axes=axes))


def from_waves(waves: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse: real fields `(..., *shape)`."""
    axes = tuple(range(-len(shape), 0))
    return np.asarray(fft.irfftn(waves, s=shape, axes=axes))


def bond_energy(values: np.ndarray) -> np.ndarray:
    """ε_i = s_i Σ_nn s_j of `(n, *lattice)` values, each neighbour on the grid once.

    On a side of 2 both neighbours along it are the same site, counted twice.
    """
    axes = range(1, values.ndim)
    steps = [(step, axis) for axis in axes for step in (1, -1)]
    return values * sum(np.roll(values, step, axis) for step, axis in steps)


def _spectrum_and_mean(
    values: np.ndarray,
    dimension: int,
    field: Callable[[np.ndarray], np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """⟨|ŝ_k|²⟩ on the half spectrum and ⟨s⟩ per site, over `(n, *lattice)` values."""
    power, mean = [], []
    for rows in _rows(values):
        local = rows if field is None else field(rows)
        waves = to_waves(local.astype(np.float32), dimension)
        power.append((np.real(waves) ** 2 + np.imag(waves) ** 2).sum(axis=0))
        mean.append(local.sum(axis=0, dtype=float))
    return np.sum(power, axis=0) / len(values), np.sum(mean, axis=0) / len(values)


def _rows(values: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(values), ROWS):
        yield values[start : start + ROWS]
