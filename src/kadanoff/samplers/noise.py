"""Spins with decoupled noise beside them, as in the test of Koch-Janusz and Ringel.

Between the columns of an ensemble of ±1 spins come columns of noise spins which know
nothing of them: dimers, pairs of neighbours along the first axis with the weight
e^{J s s'}, independent of each other and of everything else. For large J they are
correlated more strongly than anything in the data, and tell nothing about its large
scales: a coarse-graining must leave them out (the idea of Nature Physics 14, 578
(2018); the arrangement in columns is ours).

Along the last axis even columns are the data, odd ones the noise. Lattice units are
those of the new lattice: neighbours in the data are two apart along that axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.randomness import generator

__all__ = ["noise_sites", "with_noise"]


def with_noise(ensemble: Ensemble, *, pairing: float = math.inf, seed: int) -> Ensemble:
    """The same chains and draws with columns of noise dimers between the columns.

    Args:
        ensemble: ±1 spins on a lattice with one site per cell; even first side.
        pairing: J, coupling of the two spins of a dimer, of either sign; they are
            equal for `math.inf`.
        seed: of the noise, a whole number of at least 0.

    Returns:
        An ensemble of the same lineage on a lattice twice as long along the last axis.

    Raises:
        ValueError: spins that are not ±1 or have no positions, several feature maps or
            sites per cell, an odd first side, or a pairing that is not a number.
    """
    grid = _checked(ensemble, pairing)
    sides = (*grid.shape[:-1], 2 * grid.shape[-1])
    values = np.empty((ensemble.chains, ensemble.draws, *sides), dtype=np.int8)
    noise = noise_sites(sides)
    values[..., ~noise] = ensemble.values.reshape(*values.shape[:2], -1)
    rng = generator(seed, "noise")
    drawn = _dimers((ensemble.size, *grid.shape), pairing, rng)
    values[..., noise] = drawn.reshape(*values.shape[:2], -1)
    note = {"step": "noise", "pairing": _jsonable(pairing), "seed": int(seed)}
    return ensemble.derived(values, Grid(sides, grid.basis, grid.cell), "pm1", note)


def noise_sites(shape: Sequence[int]) -> np.ndarray:
    """Where the noise is on a lattice that `with_noise` made, bool `(*shape)`.

    Args:
        shape: sides of that lattice, the noise included.

    Raises:
        ValueError: an odd last side.

    >>> noise_sites((2, 4)).tolist()
    [[False, True, False, True], [False, True, False, True]]
    """
    if not shape or shape[-1] % 2:
        raise ValueError(
            f"a lattice with noise has an even last side, got shape {tuple(shape)}; "
            "give the shape of the lattice that holds the noise"
        )
    return np.broadcast_to(np.arange(shape[-1]) % 2 == 1, tuple(shape)).copy()


def _dimers(
    form: tuple[int, ...], pairing: float, rng: np.random.Generator
) -> np.ndarray:
    """Noise `(n, *shape)`: sites 2i and 2i + 1 along the first axis are a dimer."""
    n, rows, *rest = form
    first = rng.integers(0, 2, size=(n, rows // 2, 1, *rest), dtype=np.int8) * 2 - 1
    parallel = rng.random(first.shape) < _parallel(pairing)
    second = np.where(parallel, first, -first)
    return np.concatenate([first, second], axis=2).reshape(form)


def _parallel(pairing: float) -> float:
    """Probability that the spins of a dimer are equal, e^J/(e^J + e^-J)."""
    return (1 + math.tanh(pairing)) / 2


def _checked(ensemble: Ensemble, pairing: float) -> Grid:
    if math.isnan(pairing):
        raise ValueError(f"the pairing of noise spins must be a number, got {pairing}")
    if ensemble.alphabet != "pm1" or ensemble.features is not None:
        raise ValueError(
            f"noise spins go between ±1 spins of one feature map, got {ensemble!r}; "
            "give an ensemble of alphabet 'pm1'"
        )
    grid = ensemble.grid
    if len(grid.cell) > 1:
        raise ValueError(
            f"noise columns need a lattice with one site per cell, got "
            f"{len(grid.cell)}; use another lattice"
        )
    if grid.shape[0] % 2:
        raise ValueError(
            f"noise dimers fill columns of even length, got shape {grid.shape}; use an "
            "even first side"
        )
    return grid


def _jsonable(pairing: float) -> float | str:
    return float(pairing) if math.isfinite(pairing) else str(float(pairing))
