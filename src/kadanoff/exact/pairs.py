"""Any small model of pairs by visiting every state: the oracle of the samplers.

A model is arrays: bonds (i, j) of strength J_ij and fields h_i, both in units of J, on
spins ±1 or on Potts colours 0 … q-1. Its law is exp(-K E)/Z with the total energy

    E = -Σ_bonds J_ij s_i s_j - Σ_i h_i s_i                      (spins ±1)
    E = -Σ_bonds J_ij δ(c_i, c_j) - Σ_i h_i δ(c_i, 0)            (q colours)

A bond listed twice counts twice. With f_a the share of colour a, the order parameters

    m = (q max f_a - 1)/(q - 1),   m² = (q Σ f_a² - 1)/(q - 1)

are |m| and m² of the spins where q = 2; likewise (q δ - 1)/(q - 1) is s_i s_j.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["MAX_STATES", "Law", "law", "states"]

MAX_STATES = 2**22
"""Largest number of states that is visited: 22 spins, 13 colours of three."""


def states(sites: int, q: int | None = None) -> NDArray[Any]:
    """Every state, `(state, site)`: spins ±1 (int8), or q colours (uint8).

    Row r spells r in base q (2 for spins, with -1 for 0), the first site most
    significant.

    Raises:
        ValueError: no site, fewer than two colours, or more than 2^22 states.

    >>> states(2).tolist()
    [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    >>> states(1, q=3).tolist()
    [[0], [1], [2]]
    """
    _check_size(sites, q)
    colours = q or 2
    values = np.array([-1, 1], np.int8) if q is None else np.arange(q, dtype=np.uint8)
    table = np.empty((colours**sites, sites), values.dtype)
    for site in range(sites):
        view = table.reshape(colours**site, colours, -1, sites)
        view[..., site] = values[:, None]
    return table


def law(
    sites: int,
    pairs: ArrayLike,
    coupling: float,
    *,
    strength: ArrayLike = 1.0,
    field: ArrayLike = 0.0,
    q: int | None = None,
) -> Law:
    """The Boltzmann law of a small model at coupling K.

    Args:
        sites: number of sites.
        pairs: the two ends of every bond, `(bond, 2)`.
        coupling: K = βJ, any finite number.
        strength: J_ij in units of J, one number or `(bond,)`.
        field: h_i in units of J, one number or `(site,)`; it favours s = +1, or
            colour 0.
        q: number of Potts colours; spins ±1 where not given.

    Raises:
        ValueError: more than 2^22 states, a bond from a site to itself or to none, or
            numbers that are not finite.

    >>> ring = [(0, 1), (1, 2), (2, 0)]
    >>> law(3, ring, 0.0).log_partition == 3 * math.log(2)
    True
    >>> law(3, ring, 50.0, q=3).energy
    -1.0
    """
    _check_size(sites, q)
    _check_finite(coupling)
    bonds = _bonds(sites, pairs)
    matrix = np.zeros((sites, sites))
    ends = np.sort(bonds, axis=1)
    np.add.at(matrix, (ends[:, 0], ends[:, 1]), _numbers(strength, len(bonds), "bond"))
    energies = _energies(matrix, _numbers(field, sites, "site"), q)
    return Law(sites, q, energies, float(coupling))


@dataclass(frozen=True, eq=False)
class Law:
    """All states of a small model with their energies, at one coupling.

    Attributes:
        sites: number of sites.
        q: number of Potts colours; None for spins ±1.
        energies: total energy E of every state in units of J, `(state,)`.
        coupling: K = βJ.
    """

    sites: int
    q: int | None
    energies: NDArray[np.float64]
    coupling: float

    def at(self, coupling: float) -> Law:
        """The same model at another coupling; the energies are not visited again."""
        _check_finite(coupling)
        return replace(self, coupling=float(coupling))

    @cached_property
    def states(self) -> NDArray[Any]:
        """Every state in the order of `energies`, `(state, site)`."""
        return states(self.sites, self.q)

    @cached_property
    def log_partition(self) -> float:
        """ln Z, a total."""
        exponents = -self.coupling * self.energies
        largest = float(exponents.max())
        return largest + math.log(np.exp(exponents - largest).sum())

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """exp(-K E)/Z of every state, `(state,)`."""
        weights = np.exp(-self.coupling * (self.energies - self._preferred))
        return weights / weights.sum()

    @property
    def energy(self) -> float:
        """⟨E⟩/N, per site, in units of J."""
        return self.mean(self.energies) / self.sites

    @property
    def heat_capacity(self) -> float:
        """K² Var(E)/N, per site, in units of k_B."""
        deviations = self.energies - self.mean(self.energies)
        return self.coupling * (self.coupling * self.mean(deviations**2) / self.sites)

    @property
    def magnetization(self) -> float:
        """⟨Σ_i s_i⟩/N; of colours (q ⟨f_0⟩ - 1)/(q - 1). It is 0 without a field."""
        favoured = self.counts[1 if self.q is None else 0]
        return self._excess(self.mean(favoured) / self.sites)

    @property
    def abs_m(self) -> float:
        """⟨|m|⟩, or ⟨(q max f_a - 1)/(q - 1)⟩."""
        return self._excess(self.mean(self.counts.max(axis=0)) / self.sites)

    @property
    def m2(self) -> float:
        """⟨m²⟩, or ⟨(q Σ f_a² - 1)/(q - 1)⟩."""
        return self.mean(self.m_squared)

    @property
    def m4(self) -> float:
        """⟨m⁴⟩, the square of the latter averaged."""
        return self.mean(self.m_squared**2)

    @cached_property
    def counts(self) -> NDArray[np.int8]:
        """Sites of each colour (down spins, up spins) by state, `(q, state)`."""
        return np.stack(
            [_count(one, self.sites) for one in np.eye(self.q or 2, dtype=np.int8)]
        )

    @property
    def m_squared(self) -> NDArray[np.float64]:
        """m², or (q Σ f_a² - 1)/(q - 1), of every state, `(state,)`."""
        squares = sum(count.astype(np.int64) ** 2 for count in self.counts)
        return self._excess(np.asarray(squares) / self.sites**2)

    @cached_property
    def two_point(self) -> NDArray[np.float64]:
        """⟨s_i s_j⟩, or (q ⟨δ(c_i, c_j)⟩ - 1)/(q - 1), `(site, site)`."""
        q = self.q or 2
        correlation = np.eye(self.sites)
        onward = self.probabilities  # of the sites from i on
        for i in range(self.sites):
            stretch = onward  # of the sites i … j
            for j in reversed(range(i + 1, self.sites)):
                joint = stretch.reshape(q, -1, q).sum(axis=1)
                correlation[i, j] = correlation[j, i] = self._excess(np.trace(joint))
                stretch = stretch.reshape(-1, q).sum(axis=1)
            onward = onward.reshape(q, -1).sum(axis=0)
        return correlation

    def mean(self, values: ArrayLike) -> float:
        """⟨f⟩ of one number per state, `(state,)`."""
        return float(self.probabilities @ np.asarray(values))

    def index(self, values: ArrayLike) -> NDArray[np.int64]:
        """Which state each configuration is: `(n, *lattice)` values to `(n,)`.

        >>> law(2, [(0, 1)], 0.3).index([[-1, 1], [1, 1]]).tolist()
        [1, 3]
        """
        digits = np.asarray(values).astype(np.int64)
        digits = digits.reshape(len(digits), self.sites)
        if self.q is None:
            digits = (digits + 1) // 2
        q = self.q or 2
        return digits @ q ** np.arange(self.sites, dtype=np.int64)[::-1]

    def draw(self, n: int, *, rng: np.random.Generator) -> NDArray[Any]:
        """Independent configurations from the law, `(n, site)`: spins or colours."""
        drawn = rng.choice(len(self.energies), size=n, p=self.probabilities)
        return _spell(drawn, self.sites, self.q)

    def _excess(self, share: Any) -> Any:
        """(q x - 1)/(q - 1): 0 for an even share x = 1/q, 1 for x = 1."""
        q = self.q or 2
        return (q * share - 1) / (q - 1)

    @property
    def _preferred(self) -> float:
        """The energy of largest weight."""
        return float(self.energies.min() if self.coupling > 0 else self.energies.max())


def _energies(
    matrix: NDArray[np.float64], fields: NDArray[np.float64], q: int | None
) -> NDArray[np.float64]:
    """E of every state, from the last site to the first.

    Each site multiplies the states by q, so that the whole costs little more than its
    last step, however many bonds there are.
    """
    value = np.array([-1.0, 1.0]) if q is None else np.eye(q)[0]
    product = np.outer(value, value) if q is None else np.eye(q)
    colours, sites = len(value), len(fields)
    energy = np.zeros(1)
    for site in reversed(range(sites)):
        energy = energy - fields[site] * value[:, None]
        for other in np.flatnonzero(matrix[site]):
            between = colours ** int(other - site - 1)
            view = energy.reshape(colours, between, colours, -1)
            view -= matrix[site, other] * product[:, None, :, None]
        energy = energy.ravel()
    return energy


def _count(marked: NDArray[np.int8], sites: int) -> NDArray[np.int8]:
    """How many sites have the marked colour, `(state,)`."""
    count = np.zeros(1, np.int8)
    for _ in range(sites):
        count = np.add.outer(marked, count).ravel()
    return count


def _spell(rows: NDArray[np.int64], sites: int, q: int | None) -> NDArray[Any]:
    """The states of these numbers, `(row, site)`."""
    digits = rows[:, None] // (q or 2) ** np.arange(sites)[::-1] % (q or 2)
    return (2 * digits - 1).astype(np.int8) if q is None else digits.astype(np.uint8)


def _check_size(sites: int, q: int | None) -> None:
    if q is not None and (not isinstance(q, Integral) or q < 2):
        raise ValueError(
            f"a Potts model needs a whole number of at least 2 colours, got q = {q!r}; "
            "leave q out for spins ±1"
        )
    whole = isinstance(sites, Integral) and sites >= 1
    if not whole or sites * math.log2(q or 2) > math.log2(MAX_STATES) + 1e-9:
        raise ValueError(
            f"enumeration visits at most {MAX_STATES} states of at least one site, got "
            f"{sites} sites of {q or 2} states each; use fewer sites, or sampling"
        )


def _check_finite(coupling: float) -> None:
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )


def _bonds(sites: int, pairs: ArrayLike) -> NDArray[np.int64]:
    bonds = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    outside = ((bonds < 0) | (bonds >= sites)).any(axis=1)
    wrong = bonds[outside | (bonds[:, 0] == bonds[:, 1])]
    if len(wrong):
        raise ValueError(
            f"a bond joins two different sites among 0 … {sites - 1}, got "
            f"{tuple(wrong[0].tolist())}; give pairs of shape (bond, 2)"
        )
    return bonds


def _numbers(values: ArrayLike, count: int, owner: str) -> NDArray[np.float64]:
    """One finite number for each bond or site."""
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape not in ((), (count,)) or not np.isfinite(numbers).all():
        raise ValueError(
            f"a {owner} needs a finite number in units of J, got shape {numbers.shape} "
            f"for {count} {owner}s; give one number for all, or one for each"
        )
    return np.broadcast_to(numbers, count)
