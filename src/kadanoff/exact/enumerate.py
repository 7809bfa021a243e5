"""Small periodic Ising lattices by visiting every state: the oracle for all else.

H = -J Σ_<ij> s_i s_j in any dimension, K = βJ of either sign. Each site owns one
forward bond per direction: a side of 2 has double bonds, a side of 1 is refused. With
g(E, M) the number of states of total energy E (in J) and total magnetization M,

    Z = Σ g(E, M) e^{-KE},   ⟨f⟩ = Σ f g(E, M) e^{-KE} / Z.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_SITES",
    "Moments",
    "all_states",
    "energy_levels",
    "log_partition",
    "moments",
]

MAX_SITES = 24
"""Largest number of sites that is enumerated: 2^24 states."""

_CHUNK = 2**16  # states held at a time, a few MB


@dataclass(frozen=True)
class Moments:
    """Exact averages over all states.

    Attributes:
        energy: ⟨E⟩/N, per site, in units of J.
        heat_capacity: K² Var(E)/N, per site, in units of k_B.
        abs_m: ⟨|m|⟩ with m the magnetization per site.
        m2: ⟨m²⟩.
        m4: ⟨m⁴⟩.
    """

    energy: float
    heat_capacity: float
    abs_m: float
    m2: float
    m4: float


def all_states(sites: int) -> NDArray[np.int8]:
    """Every state of `sites` spins ±1, shape `(2**sites, sites)`.

    Row r spells r in binary, the first site most significant, with -1 for 0.

    Raises:
        ValueError: no site, or more than 24.

    >>> all_states(2).tolist()
    [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    """
    _check_sites(sites)
    states = np.empty((2**sites, sites), dtype=np.int8)
    for rows in _chunks(2**sites):
        states[rows] = _spell(rows, sites)
    return states


def energy_levels(
    shape: Sequence[int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Total energies in units of J, ascending, and the number of states at each.

    Raises:
        ValueError: no side, a side below 2, or more than 24 sites.

    >>> energies, counts = energy_levels((2, 2))
    >>> energies.tolist(), counts.tolist()
    ([-8, 0, 8], [2, 12, 2])
    """
    levels = _levels(_checked(shape))
    energies, group = np.unique(levels.energy, return_inverse=True)
    # Sums of at most 2^24 ones: exact in the floats of bincount.
    return energies, np.bincount(group, weights=levels.count).astype(np.int64)


def log_partition(shape: Sequence[int], coupling: float) -> float:
    """ln Z, a total.

    Raises:
        ValueError: a bad shape, or a coupling that is not finite.

    >>> round(log_partition((2, 2), 0.0) / math.log(2), 12)
    4.0
    """
    levels = _levels(_checked(shape))
    weights, largest = _weights(levels, coupling)
    return largest + math.log(weights.sum())


def moments(shape: Sequence[int], coupling: float) -> Moments:
    """Exact averages at one coupling.

    Raises:
        ValueError: a bad shape, or a coupling that is not finite.

    >>> moments((3, 3), 0.0).m2 * 9
    1.0
    """
    sides = _checked(shape)
    sites, levels = math.prod(sides), _levels(sides)
    weights, _ = _weights(levels, coupling)
    law = weights / weights.sum()
    mean = float(law @ levels.energy)
    variance = float(law @ (levels.energy - mean) ** 2)
    m = levels.abs_magnetization / sites
    return Moments(
        energy=mean / sites,
        heat_capacity=coupling * (coupling * variance / sites),
        abs_m=float(law @ m),
        m2=float(law @ m**2),
        m4=float(law @ m**4),
    )


@dataclass(frozen=True)
class _Levels:
    """Occupied pairs (E, |M|) and the number of states in each, all `(levels,)`."""

    energy: NDArray[np.int64]
    abs_magnetization: NDArray[np.int64]
    count: NDArray[np.int64]


@lru_cache(maxsize=32)
def _levels(sides: tuple[int, ...]) -> _Levels:
    sites = math.prod(sides)
    bonds = sites * len(sides)
    histogram = np.zeros((2 * bonds + 1) * (sites + 1), dtype=np.int64)
    # The first half of the rows has the first spin down; its flips are the other half.
    for rows in _chunks(2 ** (sites - 1)):
        energy, magnetization = _observe(_spell(rows, sites), sides)
        index = (energy + bonds) * (sites + 1) + np.abs(magnetization)
        histogram += 2 * np.bincount(index, minlength=histogram.size)
    occupied = np.flatnonzero(histogram)
    energy, abs_magnetization = np.divmod(occupied, sites + 1)
    return _Levels(energy - bonds, abs_magnetization, histogram[occupied])


def _observe(
    states: NDArray[np.int8], sides: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Total energy and magnetization of each row."""
    spins = states.reshape(-1, *sides)
    # At most 24 sites in at most 4 dimensions: 96 bonds fit in int8.
    aligned = np.zeros(len(states), dtype=np.int8)
    for axis in range(1, spins.ndim):
        product = spins * np.roll(spins, -1, axis)
        aligned += product.reshape(states.shape).sum(axis=1, dtype=np.int8)
    magnetization = states.sum(axis=1, dtype=np.int8)
    return -aligned.astype(np.int64), magnetization.astype(np.int64)


def _weights(levels: _Levels, coupling: float) -> tuple[NDArray[np.float64], float]:
    """g e^{-KE} over the largest e^{-KE}, and the logarithm of the latter."""
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )
    exponents = -coupling * levels.energy
    largest = float(exponents.max())
    return levels.count.astype(np.float64) * np.exp(exponents - largest), largest


def _spell(rows: slice, sites: int) -> NDArray[np.int8]:
    """The states of a range of rows, shape `(rows, sites)`."""
    digits = np.arange(sites)[::-1]
    bits = (np.arange(rows.start, rows.stop)[:, None] >> digits) & 1
    return (2 * bits - 1).astype(np.int8)


def _chunks(total: int) -> Iterator[slice]:
    for start in range(0, total, _CHUNK):
        yield slice(start, min(start + _CHUNK, total))


def _checked(shape: Sequence[int]) -> tuple[int, ...]:
    if not shape or any(not isinstance(s, Integral) or s < 2 for s in shape):
        raise ValueError(
            f"an enumerated lattice needs whole sides of at least 2, got shape "
            f"{tuple(shape)}; give one per dimension, such as (4, 4)"
        )
    sides = tuple(int(side) for side in shape)
    _check_sites(math.prod(sides))
    return sides


def _check_sites(sites: int) -> None:
    if not 1 <= sites <= MAX_SITES:
        raise ValueError(
            f"enumeration needs 1 to {MAX_SITES} sites, got {sites}; "
            "use kadanoff.exact.kaufman or sampling for larger lattices"
        )
