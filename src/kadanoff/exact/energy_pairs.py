"""How the energies of two sites fluctuate together on a small Ising torus, exactly.

    C_ε(r) = ⟨ε_0 ε_r⟩ - ⟨ε⟩²,    ε_i = s_i Σ_nn s_j,

on m × n sites, periodic, rows of m ≤ 10 spins joined by the symmetric transfer matrix
T = √D V √D of `kadanoff.exact.strip`, whose width it shares. A bond inside a row is a
diagonal matrix h_x, one between two rows is v_x = S_x T S_x with S_x = diag(s_x), and

    Z ⟨h_0 h_x(y)⟩ = tr h_0 T^y h_x T^{n-y},
    Z ⟨h_0 v_x(y)⟩ = tr h_0 T^y v_x T^{n-y-1},
    Z ⟨v_0 v_x(y)⟩ = tr v_0 T^{y-1} v_x T^{n-y-1}

(H. A. Kramers and G. H. Wannier, Phys. Rev. 60, 252 (1941)). The flip of all spins
divides T into two blocks of 2^{m-1}; s_x exchanges them. All matrices are kept whole:
10×10 takes a second. Nothing is small but the difference in the last step, whose
rounding is some 1e-13.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from kadanoff.exact.enumerate import all_states

__all__ = ["MAX_WIDTH", "energy_two_point"]

MAX_WIDTH = 10
"""Longest row: two blocks of 512 states."""

MAX_RANGE = 300.0
"""Largest 2|K| m: the weights of one row then span e^{±300}."""

Matrix = NDArray[np.float64]


def energy_two_point(shape: tuple[int, int], coupling: float) -> Matrix:
    """⟨ε_0 ε_r⟩ - ⟨ε⟩² for every displacement r on the torus, in its shape.

    ε_i = s_i Σ_nn s_j counts the four bonds of a site; on a side of 2 the neighbour
    along it counts twice.

    Args:
        shape: the two sides, in either order, each at least 2, the shorter at most 10.
        coupling: K = βJ of either sign, with 2|K| m up to 300.

    Raises:
        ValueError: not two sides of at least 2, rows too long, or a coupling that is
            not finite or too large.

    >>> energy_two_point((3, 4), 0.0).round(12)[:2, :2].tolist()
    [[4.0, 1.0], [1.0, 0.0]]
    """
    m, n = _sides(shape)
    _check(m, coupling)
    rows = _Rows.of(m, n, coupling)
    inside, across, mixed = _bond_pairs(rows)
    forward = mixed + np.roll(mixed, 1, axis=0)
    forward = forward + np.roll(forward, -1, axis=1)
    both = _doubled(inside, 1) + _doubled(across, 0) + forward + _reflected(forward)
    law = both - (2 * rows.mean) ** 2
    return law if shape[0] >= shape[1] else np.ascontiguousarray(law.T)


@dataclass(frozen=True)
class _Rows:
    """T over its largest eigenvalue, parity by parity, and its powers.

    Attributes:
        spins: of the rows whose first spin is down, `(state, x)`.
        steps: T in the even and in the odd block.
        powers: T^k for k = 0 … n, `(k, state, state)`, of either block.
        trace: tr Tⁿ.
    """

    spins: Matrix
    steps: tuple[Matrix, Matrix]
    powers: tuple[Matrix, Matrix]
    trace: float

    @classmethod
    def of(cls, m: int, n: int, coupling: float) -> _Rows:
        """n rows of m spins."""
        spins = all_states(m)[: 2 ** (m - 1)].astype(np.float64)
        bonds = (spins * np.roll(spins, -1, axis=1)).sum(axis=1) / 2
        within, joined = coupling * np.add.outer(bonds, bonds), spins @ spins.T
        top = float((within + abs(coupling * joined)).max())
        same = np.exp(within + coupling * joined - top)
        flipped = np.exp(within - coupling * joined - top)
        largest = float(np.linalg.eigvalsh(same + flipped)[-1])
        even, odd = (same + flipped) / largest, (same - flipped) / largest
        powers = _powers(even, n), _powers(odd, n)
        trace = float(sum(np.trace(p[n]) for p in powers))
        return cls(spins, (even, odd), powers, trace)

    @property
    def length(self) -> int:
        """n, the number of rows."""
        return len(self.powers[0]) - 1

    def inside(self, x: int) -> Matrix:
        """The bond from x to x + 1 within a row, `(state,)`."""
        return self.spins[:, x] * self.spins[:, (x + 1) % self.spins.shape[1]]

    def across(self, x: int, parity: int) -> Matrix:
        """T with the bond at x between its rows: S_x takes one block to the other."""
        s = self.spins[:, x]
        return s[:, None] * self.steps[1 - parity] * s

    @property
    def mean(self) -> float:
        """⟨h⟩ + ⟨v⟩, minus the energy per site in units of J."""
        n, total = self.length, 0.0
        for parity, power in enumerate(self.powers):
            total += float(self.inside(0) @ np.diagonal(power[n]))
            total += float((self.across(0, parity) * power[n - 1]).sum())
        return total / self.trace


def _powers(step: Matrix, most: int) -> Matrix:
    powers = np.empty((most + 1, *step.shape))
    powers[0] = np.eye(len(step))
    for k in range(most):
        powers[k + 1] = powers[k] @ step
    return powers


def _bond_pairs(rows: _Rows) -> tuple[Matrix, Matrix, Matrix]:
    """⟨h_0 h_r⟩, ⟨v_0 v_r⟩ and ⟨h_0 v_r⟩, each `(y, x)`."""
    n, m = rows.length, rows.spins.shape[1]
    inside, across, mixed = np.zeros((3, n, m))
    bonds = np.stack([rows.inside(x) for x in range(m)])
    for parity, power in enumerate(rows.powers):
        joints = np.stack([rows.across(x, parity) for x in range(m)])
        for y in range(n // 2 + 1):
            loop = power[y] * power[n - y]
            inside[y] += bonds @ (loop @ bonds[0])
        for y in range((n + 1) // 2):
            loop = (power[n - y - 1] * bonds[0]) @ power[y]
            mixed[y] += np.einsum("cb,xbc->x", loop, joints)
        across[0] += _same_rows(rows, parity)
        for y in range(1, n // 2 + 1):
            loop = power[n - y - 1] @ joints[0] @ power[y - 1]
            across[y] += np.einsum("cb,xbc->x", loop, joints)
    # Reflections: the row -y is like y, the bonds above it like those below.
    for y in range(n // 2 + 1, n):
        inside[y], across[y] = inside[n - y], across[n - y]
    for y in range((n + 1) // 2, n):
        mixed[y] = mixed[n - 1 - y]
    return inside / rows.trace, across / rows.trace, mixed / rows.trace


def _same_rows(rows: _Rows, parity: int) -> Matrix:
    """tr of T with two bonds between the same rows times Tⁿ⁻¹, for every x."""
    loop = rows.steps[parity] * rows.powers[parity][rows.length - 1]
    products = (rows.spins[:, :1] * rows.spins).T
    return np.einsum("xa,ab,xb->x", products, loop, products, optimize=True)


def _doubled(pairs: Matrix, axis: int) -> Matrix:
    """Sum over both bonds of either site along one direction."""
    return 2 * pairs + np.roll(pairs, 1, axis) + np.roll(pairs, -1, axis)


def _reflected(pairs: Matrix) -> Matrix:
    """The function of -r."""
    return np.roll(pairs[::-1, ::-1], (1, 1), axis=(0, 1))


def _sides(shape: tuple[int, int]) -> tuple[int, int]:
    whole = all(isinstance(side, Integral) and side >= 2 for side in shape)
    if len(shape) != 2 or not whole or min(shape) > MAX_WIDTH:
        raise ValueError(
            "exact pairs of energies need two whole sides of at least 2, the shorter "
            f"at most {MAX_WIDTH}, got shape {tuple(shape)}; sample larger ones"
        )
    return int(min(shape)), int(max(shape))


def _check(m: int, coupling: float) -> None:
    if not math.isfinite(coupling) or 2 * abs(coupling) * m > MAX_RANGE:
        raise ValueError(
            f"K must be finite with 2|K| m up to {MAX_RANGE:g}, got K = {coupling} at "
            f"width m = {m}; beyond that only ground states are left"
        )
