"""The structure factor and the second-moment correlation length.

From the structure factor S(k) = ⟨|ŝ_k|²⟩/N and its smallest wave number k_min = 2π/L,

    ξ = √(S(0)/S(k_min) - 1) / (2 sin(π/L))

(Cooper, Freedman and Preston, Nucl. Phys. B 210, 210 (1982)). ξ/L of different sizes
crosses at the critical point, as Binder's cumulant does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import to_waves
from kadanoff.instruments.operators import lattice_of

__all__ = ["Spectrum", "correlation_length", "correlation_ratio", "spectrum"]


@dataclass(frozen=True)
class Spectrum:
    """The structure factor against the wave number.

    Attributes:
        wave: |k̂|, k̂ = (2/a) sin(k a/2) along each direction, increasing from 0, in
            inverse original sites.
        value: S(k) = ⟨|ŝ_k|²⟩/N, averaged over equal |k̂|; S(0) = N⟨m²⟩.
    """

    wave: np.ndarray
    value: Estimate


def spectrum(ensemble: Ensemble) -> Spectrum:
    """S(k) with errors, nothing subtracted, on a rectangular grid.

    Raises:
        ValueError: no positions, several feature maps or sites per cell, or
            directions that are not at right angles.
    """
    grid = _rectangular(ensemble)
    wave, shell, weight = _wave_shells(grid)
    count = np.bincount(shell, weights=weight)

    def observe(values: np.ndarray) -> tuple[np.ndarray]:
        waves = to_waves(values.astype(np.float32), grid.dimension)
        power = (np.real(waves) ** 2 + np.imag(waves) ** 2).mean(axis=0, dtype=float)
        return (np.bincount(shell, weights=weight * power.ravel()) / count / grid.size,)

    return Spectrum(wave, jackknife(observe, lambda mean: mean, ensemble))


def correlation_length(ensemble: Ensemble) -> Estimate:
    """Second-moment correlation length ξ in original sites.

    k_min is the smallest wave vector, averaged over the directions that have it.
    Nothing is subtracted from S(0), so ξ grows with L in the ordered phase. NaN where
    S(0) < S(k_min): no correlation is seen; infinite in a ground state.

    Raises:
        ValueError: as `spectrum`.
    """
    grid = _rectangular(ensemble)
    axes, wave = _longest(grid)

    def observe(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _lowest_powers(values, axes)

    def reading(zero: np.ndarray, first: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(zero / first - 1) / wave

    return jackknife(observe, reading, ensemble)


def correlation_ratio(ensemble: Ensemble) -> Estimate:
    """ξ/L, L the longest side: of different sizes it crosses at the critical point.

    Raises:
        ValueError: as `spectrum`.
    """
    grid = _rectangular(ensemble)
    axes, _ = _longest(grid)
    length = grid.shape[axes[0]] * float(np.linalg.norm(grid.basis[axes[0]]))
    return correlation_length(ensemble) / length


def _rectangular(ensemble: Ensemble) -> Grid:
    grid = lattice_of(ensemble)
    basis = np.array(grid.basis)
    overlaps = basis @ basis.T
    if not np.allclose(overlaps, np.diag(np.diag(overlaps))):
        got = ", ".join("(" + ", ".join(f"{x:.4g}" for x in v) + ")" for v in basis)
        raise ValueError(
            f"wave numbers need directions at right angles, got basis vectors {got}; "
            "read a square or rectangular lattice"
        )
    return grid


def _wave_numbers(grid: Grid) -> list[np.ndarray]:
    """|k̂| along each direction, for every frequency."""
    spacing = np.linalg.norm(np.array(grid.basis), axis=1)
    return [
        2 / a * np.sin(np.pi * np.arange(side) / side)
        for a, side in zip(spacing, grid.shape, strict=True)
    ]


def _wave_shells(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """|k̂| that occur; place and multiplicity of every wave of the half spectrum."""
    last = grid.shape[-1]
    half = last // 2 + 1
    along = _wave_numbers(grid)
    along[-1] = along[-1][:half]
    squares = np.meshgrid(*(k**2 for k in along), indexing="ij")
    length = np.sqrt(np.sum(squares, axis=0)).ravel()
    twice = np.ones(half)
    twice[1 : (last + 1) // 2] = 2  # the waves that the half spectrum leaves out
    weight = np.broadcast_to(twice, (*grid.shape[:-1], half)).ravel()
    wave, shell = np.unique(np.round(length, 9), return_inverse=True)
    return wave, shell, weight


def _longest(grid: Grid) -> tuple[list[int], float]:
    """The directions with the smallest |k̂| above 0, and that |k̂|."""
    first = [float(k[1]) if len(k) > 1 else math.inf for k in _wave_numbers(grid)]
    wave = min(first)
    return [axis for axis, k in enumerate(first) if k < wave * (1 + 1e-9)], wave


def _lowest_powers(
    values: np.ndarray, axes: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """⟨|ŝ_0|²⟩ and ⟨|ŝ_k|²⟩ at k_min along the given axes, of `(n, *lattice)`."""
    powers = []
    for axis in axes:
        others = tuple(a for a in range(1, values.ndim) if a != axis + 1)
        lines = values.sum(axis=others, dtype=float)
        side = lines.shape[1]
        phase = np.exp(2j * np.pi * np.arange(side) / side)
        # Less their mean, which no wave k ≠ 0 sees: a ground state has exactly none.
        lines -= lines.mean(axis=1, keepdims=True)
        powers.append((abs(lines @ phase) ** 2).mean())
    total = values.reshape(len(values), -1).sum(axis=1, dtype=float)
    return np.asarray((total**2).mean()), np.asarray(np.mean(powers))
