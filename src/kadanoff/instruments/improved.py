"""Improved estimators: clusters average over all ways to turn them over at once.

Given the Fortuin–Kasteleyn clusters of an Ising configuration, each may be turned over
independently without leaving the Boltzmann law. Averaged over these 2^clusters states,
with M_c = Σ_{x∈c} s_x (± the number n_c of sites for K > 0),

    M² → Σ_c M_c²,   M⁴ → 3 (Σ_c M_c²)² - 2 Σ_c M_c⁴,
    s_x s_y → s_x s_y if x and y are in one cluster, else 0,
    |Σ_x s_x e^{ikx}|² → Σ_c |Σ_{x∈c} s_x e^{ikx}|²

(M. Sweeny, Phys. Rev. B 27, 4445 (1983); U. Wolff, Nucl. Phys. B 300, 501 (1988)).
Means are those of the plain estimators; above the critical temperature, where clusters
are small, the noise of unrelated parts of the lattice is gone. From F = S(k) at the
smallest wave vectors and χ = S(0) the second-moment correlation length is

    ξ² = (χ/F - 1)/k̂²,   on a hypercube k̂ = 2 sin(π/L)

(Cooper, Freedman and Preston, Nucl. Phys. B 210, 210 (1982)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import Correlator, from_waves, shells, to_waves
from kadanoff.instruments.operators import lattice_of
from kadanoff.kernels.clusters import bonds, cluster_moments, pair_sums
from kadanoff.models.ising import Ising
from kadanoff.models.registry import model_of

__all__ = ["ClusterReadings", "cluster_readings"]

ROWS = 256
"""Configurations labelled at a time."""

ROUNDING = 1e-12
FFT_COST = 40
"""Pairs of sites that are counted in the time a Fourier transform takes per site."""


@dataclass(frozen=True)
class ClusterReadings:
    """Improved readings of one ensemble, aligned with its plain ones.

    Attributes:
        magnetization_squared: ⟨m²⟩ per site squared.
        susceptibility: χ = N⟨m²⟩, that of m itself: no ⟨|m|⟩² is subtracted.
        binder: 1 - ⟨m⁴⟩/(3⟨m²⟩²).
        structure_factor: F, S(k) = ⟨|ŝ_k|²⟩/N at the smallest wave vectors, averaged
            over those along the longest sides.
        correlation_length: second moment, in sites; not a number where χ < F, infinite
            where F is 0, with all spins along each other.
        correlator: G(r) = ⟨s_x s_{x+r}⟩, not connected.
    """

    magnetization_squared: Estimate
    susceptibility: Estimate
    binder: Estimate
    structure_factor: Estimate
    correlation_length: Estimate
    correlator: Correlator


def cluster_readings(
    ensemble: Ensemble, *, rng: np.random.Generator
) -> ClusterReadings:
    """One set of clusters per configuration, and every reading they improve.

    Args:
        ensemble: Ising spins at a known coupling, no field, nearest neighbours.
        rng: draws which bonds open.

    Raises:
        ValueError: another law or an unknown one, values other than ±1, no positions or
            several sites per cell, or an antiferromagnet around an odd ring.
    """
    grid = lattice_of(ensemble)
    model = _model_of(ensemble, grid)
    growth = _Growth.of(model, grid, ensemble.couplings["K"])
    blocks = ensemble.blocks()
    means = [growth.observe(ensemble.read(block), rng) for block in blocks]
    columns = [np.stack(column) for column in zip(*means, strict=True)]
    sizes = np.array([b.size for b in blocks], dtype=float)
    n, k2, displacements = grid.size, growth.momentum_squared, shells(grid)

    def reading(sums: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        second, fourth, wave = sums
        ratio = second / wave - 1 if wave > ROUNDING * second else math.inf
        length = math.sqrt(ratio / k2) if ratio >= 0 else math.nan
        u4 = 1 - fourth / (3 * second**2)
        g = displacements.average(pairs / n)[0]
        return np.array([second / n**2, second / n, u4, wave / n, length, *g])

    every = weighted_jackknife(
        columns, reading, sizes, lineage=ensemble.lineage, n_eff=ensemble.n_eff
    )
    m2, chi, u4, f, xi = (every[i] for i in range(5))
    correlator = Correlator(displacements.distance, every[5:])
    return ClusterReadings(m2, chi, u4, f, xi, correlator)


def _model_of(ensemble: Ensemble, grid: Grid) -> Ising:
    """The nearest-neighbour model whose law the ensemble follows."""
    model = model_of(ensemble)
    if not isinstance(model, Ising) or "K" not in ensemble.couplings:
        raise ValueError(
            "clusters belong to Ising spins of a known coupling, got an ensemble of "
            f"model {ensemble.model} with couplings {dict(ensemble.couplings)}; blocked"
            " and trained layers have none"
        )
    if ensemble.alphabet != model.alphabet:
        raise ValueError(
            f"clusters are made of ±1 spins, got values of alphabet "
            f"'{ensemble.alphabet}'"
        )
    more = {name: k for name, k in ensemble.couplings.items() if name != "K" and k}
    if more or model.field or model.second:
        raise ValueError(
            "clusters turn over freely with nearest neighbours alone and no field, got "
            f"the couplings {more} beside K; use the plain readings"
        )
    if not np.allclose(model.geometry.basis, grid.basis):
        raise ValueError(
            f"clusters need the bonds of the lattice, got a {model.lattice} model on "
            f"cells of {grid.basis}; name its lattice in the ensemble's parameters"
        )
    coupling = ensemble.couplings["K"]
    if model.is_frustrated(coupling):
        raise ValueError(
            f"clusters with K < 0 need a lattice without odd rings, got K = "
            f"{coupling:g} on a {model.lattice} one of shape {grid.shape}, where they "
            "no longer follow the correlations; use the plain readings"
        )
    return model


@dataclass(frozen=True, eq=False)
class _Growth:
    """How clusters grow on one lattice, and what is summed over them.

    Attributes:
        near: neighbours, `(site, z)`.
        waves: e^{ikx} of the smallest k along each of the longest sides.
        momentum_squared: k̂² of these.
        place: of every site in a box twice as long.
        box: its sides.
        shape: of the lattice.
        coupling: K.
    """

    near: np.ndarray
    waves: np.ndarray
    momentum_squared: float
    place: np.ndarray
    box: tuple[int, ...]
    shape: tuple[int, ...]
    coupling: float

    @classmethod
    def of(cls, model: Ising, grid: Grid, coupling: float) -> _Growth:
        cells = np.indices(grid.shape).reshape(grid.dimension, -1)
        longest = max(grid.shape)
        along = [a for a, side in enumerate(grid.shape) if side == longest]
        angles = 2 * np.pi / longest * cells[along].T
        # 2d/z Σ_δ (1 - cos kδ)/δ² over nearest neighbours: 4 sin²(k/2) on a hypercube.
        around = 1 - np.cos(angles[model.near[0], 0])
        k2 = 2 * grid.dimension / model.near.shape[1] * around.sum()
        box = tuple(2 * side - 1 for side in grid.shape)
        return cls(
            model.near,
            np.exp(1j * angles),
            float(k2),
            np.ravel_multi_index(tuple(cells), box).astype(np.int64),
            box,
            grid.shape,
            coupling,
        )

    def observe(
        self, values: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means of M², M⁴ and |M(k)|², and of Σ_x s_x s_{x+r} at each displacement."""
        spins = values.reshape(len(values), -1)
        seed = rng.integers(0, 2**64, size=4, dtype=np.uint64)
        sums, pairs = np.zeros(3), np.zeros(spins.shape[1])
        for start in range(0, len(spins), ROWS):
            rows = spins[start : start + ROWS]
            members = np.empty(rows.shape, dtype=np.uint32)
            ends = np.empty(rows.shape, dtype=np.int8)
            moments = np.empty((len(rows), 2 + self.waves.shape[1]))
            cluster_moments(
                rows,
                self.near,
                bonds(self.coupling),
                self.waves,
                seed,
                members,
                ends,
                moments,
            )
            second, fourth = moments[:, 0], moments[:, 1]
            sums += [
                second.sum(),
                (3 * second**2 - 2 * fourth).sum(),
                moments[:, 2:].mean(axis=1).sum(),
            ]
            pairs += self._correlations(rows, members, ends)
        return sums / len(spins), pairs / len(spins)

    def _correlations(
        self, spins: np.ndarray, members: np.ndarray, ends: np.ndarray
    ) -> np.ndarray:
        """Σ s_x s_{x+r} within clusters, summed over configurations, `(site,)`.

        Pairs of sites one by one in small clusters, by Fourier transform in large ones.
        """
        largest = math.isqrt(FFT_COST * spins.shape[1])
        counts = np.zeros(math.prod(self.box), dtype=np.int64)
        pair_sums(spins, members, ends, self.place, largest, counts)
        both = counts + counts[::-1]  # x after y and y after x
        total = _folded(both.reshape(self.box), self.shape).ravel().astype(float)
        for fields in _large_clusters(spins, members, ends, largest):
            waves = to_waves(fields.reshape(-1, *self.shape), len(self.shape))
            power = (np.real(waves) ** 2 + np.imag(waves) ** 2).sum(axis=0)
            total += from_waves(power, self.shape).ravel()
        total[0] = spins.size  # every site with itself
        return total


def _folded(counts: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Counts of displacements -(L-1) … L-1 along each axis, modulo L."""
    for axis, side in enumerate(shape):
        along = np.moveaxis(counts, axis, 0)
        folded = along[side - 1 :].copy()
        folded[1:] += along[: side - 1]
        counts = np.moveaxis(folded, 0, axis)
    return counts


def _large_clusters(
    spins: np.ndarray, members: np.ndarray, ends: np.ndarray, largest: int
) -> Iterator[np.ndarray]:
    """The spins of one large cluster each, 0 elsewhere, `(n, site)` at a time."""
    last = np.flatnonzero(ends)
    first = np.concatenate([[0], last[:-1] + 1])
    large = np.flatnonzero(last + 1 - first > largest)
    for some in np.array_split(large, math.ceil(len(large) / ROWS) or 1):
        if not len(some):
            return
        fields = np.zeros((len(some), spins.shape[1]))
        for field, c in zip(fields, some, strict=True):
            sites = members.ravel()[first[c] : last[c] + 1]
            field[sites] = spins[first[c] // spins.shape[1], sites]
        yield fields
