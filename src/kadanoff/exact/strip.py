"""The square-lattice Ising model on a torus or an infinite strip, row by row.

    exp K [Σ_<ij> s_i s_j + r Σ_<<ij>> s_i s_j + h Σ_i s_i],

<ij> nearest neighbours, <<ij>> those across a plaquette, r and h in units of J and
K = βJ of either sign. Each site owns its forward bonds: a side of 2 has double bonds.
Rows of m ≤ 12 spins, periodic, are joined by the transfer matrix T = √D V √D, where D
holds the bonds inside a row and V those between two rows (H. A. Kramers and
G. H. Wannier, Phys. Rev. 60, 252 (1941)).

Torus: ln Z = ln tr Tⁿ. T is applied to one row state of each class under shifts,
reflections and, if h = 0, the flip. D is diagonal and V a product of factors for the
left half of the row, the right half, and the diagonals between the halves, so that no
matrix is larger than 64×64. All weights are positive: nothing cancels, whatever the
sign of K. Each element travels with its first two derivatives in K, counted from a mean
that moves along. Time grows as n 2^{5m/2}/m: 10×10 takes 0.03 s, 12×12 half a second.

Strip: T is divided by momentum and parity into real and Hermitian blocks of at most
2^m/m states and diagonalized. With λ_0 > |λ_1| ≥ … the free energy is ln λ_0, its
derivatives are perturbation theory, and lengths are 1/ln(λ_0/|λ_j|). At K_c on a strip
of width m, ln(λ_0/λ_j) → 2πΔ_j/m and ln λ_0 → m f + πc/6m (J. L. Cardy, J. Phys. A 17,
L385 (1984); H. W. J. Blöte, J. L. Cardy and M. P. Nightingale, Phys. Rev. Lett. 56, 742
(1986)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kadanoff.exact.enumerate import all_states

__all__ = ["MAX_WIDTH", "Strip", "Torus", "levels", "strip", "torus", "two_point"]

MAX_WIDTH = 12
"""Longest row: 4096 states."""

MAX_RANGE = 300.0
"""Largest |K| m (2 + 2|r| + |h|): the weights of one row then span e^{±300}."""

MAX_STORED = 2**26
"""Largest number of matrix elements that `two_point` keeps, half a GB."""

Shape = tuple[int, int]


@dataclass(frozen=True)
class Torus:
    """Exact thermodynamics of one torus at one coupling.

    Attributes:
        log_partition: ln Z, a total.
        energy: ⟨E⟩/N, per site, in units of J.
        heat_capacity: K² Var(E)/N, per site, in units of k_B.
        magnetization: ⟨s⟩.
    """

    log_partition: float
    energy: float
    heat_capacity: float
    magnetization: float


@dataclass(frozen=True)
class Strip:
    """Exact thermodynamics of an infinitely long strip, periodic across.

    Attributes:
        log_partition_per_site: ln Z / N.
        energy: per site, in units of J.
        heat_capacity: per site, in units of k_B.
        magnetization: ⟨s⟩.
        correlation_length: of the connected spin correlator along the strip, in sites.
    """

    log_partition_per_site: float
    energy: float
    heat_capacity: float
    magnetization: float
    correlation_length: float


def torus(
    shape: Shape, coupling: float, *, field: float = 0.0, second: float = 0.0
) -> Torus:
    """The m×n periodic lattice at coupling K, the shorter side at most 12.

    Args:
        shape: the two sides, in either order, each at least 2.
        coupling: K = βJ, with |K| m (2 + 2|r| + |h|) up to 300.
        field: h, in units of J.
        second: r, the coupling across the diagonals in units of J.

    Raises:
        ValueError: not two sides of at least 2, rows too long, or a number that is not
            finite or too large.

    >>> round(torus((4, 4), 0.44068679350977147).log_partition, 10)
    15.5219154588
    """
    m, n = _sides(shape)
    row = _Row(m, *_checked(m, coupling, field, second))
    classes = _classes(m, not field)
    logs, means, variances = _closed(row, classes.state, n)
    logs += np.log(classes.size)
    top = float(logs.max())
    shares = np.exp(logs - top)
    total = float(shares.sum())
    shares /= total
    mean = float(shares @ means)
    variance = float(shares @ (variances + (means - mean) ** 2))
    lean = _rows(m)[classes.state].mean(axis=1)
    return Torus(
        log_partition=top + math.log(total),
        energy=0.0 - mean / (m * n),  # never -0.0
        # Rounding can leave -1e-30 where the truth is 1e-40.
        heat_capacity=max(coupling * (coupling * variance / (m * n)), 0.0),
        magnetization=float(shares @ lean) if field else 0.0,
    )


def two_point(
    shape: Shape, coupling: float, *, field: float = 0.0, second: float = 0.0
) -> NDArray[np.float64]:
    """⟨s_0 s_r⟩ for every displacement r on the torus, in the shape of the torus.

    Not connected: with a field ⟨s⟩² is still in it. All powers of T are kept, so that
    12×12 takes 50 MB and 12×64 takes 250. Arguments as for `torus`.

    Raises:
        ValueError: as for `torus`, or a torus that takes more than half a GB.

    >>> g = two_point((3, 4), 0.3)
    >>> g.shape, round(float(g[0, 1] + g[1, 0] + torus((3, 4), 0.3).energy), 12)
    ((3, 4), 0.0)
    """
    m, n = _sides(shape)
    row = _Row(m, *_checked(m, coupling, field, second))
    classes = _classes(m, not field)
    stored = len(classes.state) * 2**m * (n + 1)
    if stored > MAX_STORED:
        raise ValueError(
            f"the correlator of a {m}x{n} torus takes {stored} matrix elements and at "
            f"most {MAX_STORED} are kept; use a shorter or a narrower one"
        )
    powers, logs = _all_powers(row, classes.state, n)
    spins = _rows(m).astype(np.float64)
    lines = np.empty((n, m))
    for y in range(n // 2 + 1):
        log = logs[y] + logs[n - y] + np.log(classes.size)
        weights = np.exp(log - log.max())[:, None] * powers[y] * powers[n - y]
        across = _row_correlation(spins[classes.state], weights @ spins) / weights.sum()
        lines[y] = lines[-y] = across
    return lines if shape[0] >= shape[1] else np.ascontiguousarray(lines.T)


def strip(
    width: int, coupling: float, *, field: float = 0.0, second: float = 0.0
) -> Strip:
    """The strip of infinite length and `width` m at most 12; arguments as for `torus`.

    The correlation length is known to a relative 1e-15 ξ; beyond 1e15 it is infinite.

    Raises:
        ValueError: a width outside 2 to 12, or a number that is not finite or too
            large.

    >>> round(strip(2, 0.0).log_partition_per_site - math.log(2), 12)
    0.0
    """
    m = _width(width)
    spectrum = _Spectrum(m, *_checked(m, coupling, field, second))
    values, vectors = np.linalg.eigh(spectrum.leading())
    largest, v = float(values[-1]), vectors[:, -1]
    mean = float(v @ spectrum.leading(1) @ v) / largest
    # Counted from the mean, the first derivative of λ_0 is 0 and its square drops out.
    slope = vectors.T @ spectrum.leading(1, mean) @ v
    bend = float(v @ spectrum.leading(2, mean) @ v)
    bend += 2 * float((slope[:-1] ** 2 / (largest - values[:-1])).sum())
    return Strip(
        log_partition_per_site=(spectrum.top + math.log(largest)) / m,
        energy=0.0 - mean / m,
        heat_capacity=max(coupling * (coupling * bend / largest / m), 0.0),
        magnetization=float(v**2 @ spectrum.lean) if field else 0.0,
        correlation_length=_inverse(spectrum.slowest(largest)),
    )


def levels(
    width: int,
    coupling: float,
    *,
    momentum: int = 0,
    odd: bool = False,
    field: float = 0.0,
    second: float = 0.0,
) -> NDArray[np.float64]:
    """ln(λ_0/|λ_j|), ascending, of one sector of a strip: its inverse lengths.

    At K_c and h = r = 0, times m/2π they tend to scaling dimensions: 0, 1, … in the
    even sector of momentum 0, and 1/8, 2 + 1/8, … in the odd one.

    Args:
        width: m, from 2 to 12.
        coupling: K = βJ.
        momentum: across the strip, in units of 2π/m.
        odd: whether the flip of all spins changes the sign; only without a field.
        field: h, in units of J.
        second: r, in units of J.

    Raises:
        ValueError: as for `strip`, or a parity asked for in a field.
    """
    m = _width(width)
    if odd and field:
        raise ValueError(
            f"a field of {field} leaves no parity under the flip of all spins; "
            "leave out odd, or the field"
        )
    spectrum = _Spectrum(m, *_checked(m, coupling, field, second))
    largest = float(np.linalg.eigvalsh(spectrum.block(0, False)).max())
    moduli = np.abs(np.linalg.eigvalsh(spectrum.block(momentum % m, odd)))
    with np.errstate(divide="ignore"):  # a vanishing eigenvalue has no length
        return np.sort(math.log(largest) - np.log(moduli))


@dataclass(frozen=True)
class _Row:
    """One step T = √D V √D on vectors over the states of a row of m spins.

    Vectors are `(order, start, state)`: a value and, with three orders, its first two
    derivatives in K.
    """

    m: int
    coupling: float
    field: float
    second: float

    def step(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """T v, less the constant factor exp(`top`)."""
        v = _tilt(v, *self._half)
        return _tilt(self._onward(v), *self._half)

    @cached_property
    def top(self) -> float:
        """Logarithm of the factor left out of a step."""
        inside = float((self.coupling * _inside(self.m, self.field)).max())
        return inside + self.m * abs(self.coupling) * (1 + 2 * abs(self.second))

    @cached_property
    def _half(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """√D over its largest element, and its bonds."""
        bonds = _inside(self.m, self.field) / 2
        exponents = self.coupling * bonds
        return np.exp(exponents - exponents.max()), bonds

    def _onward(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """V v, with V the product of its left half, its right half and what crosses.

        A diagonal across the middle or around the end joins an old spin of one half to
        a new one of the other: new left spins act on the old right ones as a field, the
        same for all left halves of equal ends, and old left spins on new right ones.
        """
        halves = v.reshape(*v.shape[:2], *self._meets.shape)
        left, right = self._bundle(self.m // 2), self._bundle(self.m - self.m // 2)
        out = np.empty_like(halves)
        for ends in np.unique(self._meets, axis=0):
            same = np.flatnonzero((self._meets == ends).all(axis=1))
            u = _product(_tilt(halves, *self._weighted(ends)), right)
            u = _tilt(u, *self._weighted(self._meets)).swapaxes(2, 3)
            columns = [part[:, same] for part in left]
            out[:, :, same] = _product(u, columns).swapaxes(2, 3)
        return out.reshape(v.shape)

    @cached_property
    def _meets(self) -> NDArray[np.float64]:
        """Bonds between the ends of a left and a right half, `(left, right)`."""
        left, right = _rows(self.m // 2), _rows(self.m - self.m // 2)
        middle = np.multiply.outer(left[:, -1], right[:, 0])
        around = np.multiply.outer(left[:, 0], right[:, -1])
        return self.second * (middle.astype(np.float64) + around)

    def _bundle(self, spins: int) -> list[NDArray[np.float64]]:
        """V within some spins side by side and its first two derivatives in K."""
        s = _rows(spins).astype(np.float64)
        across = s[:, 1:] @ s[:, :-1].T
        bonds = s @ s.T + self.second * (across + across.T)
        most = spins + 2 * (spins - 1) * abs(self.second)
        value = np.exp(self.coupling * bonds - abs(self.coupling) * most)
        return [value, bonds * value, bonds**2 * value]

    def _weighted(
        self, bonds: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights of bonds that cross over their largest, and the bonds."""
        most = 2 * abs(self.second)
        return np.exp(self.coupling * bonds - abs(self.coupling) * most), bonds


def _seen(spins: NDArray[np.float64], second: float) -> NDArray[np.float64]:
    """What a row of spins is to each spin of the next: s_x + r (s_{x-1} + s_{x+1})."""
    return spins + second * (np.roll(spins, 1, axis=-1) + np.roll(spins, -1, axis=-1))


def _product(
    v: NDArray[np.float64], matrix: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """v times a matrix on its last axis, with as many derivatives as v has."""
    # One start at a time: such small products are not worth several threads.
    out = v @ matrix[0]
    if len(v) == 3:
        slopes = v[:2] @ matrix[1]
        out[1] += slopes[0]
        out[2] += 2 * slopes[1] + v[0] @ matrix[2]
    return out


def _tilt(
    v: NDArray[np.float64], weights: NDArray[np.float64], bonds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """v times weights e^{K b}, with as many derivatives in K as v has."""
    out = v * weights
    if len(v) == 3:
        slope = bonds * out[0]
        out[2] += bonds * (2 * out[1] + slope)
        out[1] += slope
    return out


@dataclass(frozen=True)
class _Carried:
    """Vectors Tᵏ|a⟩, each over its own factor e^{log} and counted from its own mean."""

    v: NDArray[np.float64]
    log: NDArray[np.float64]
    mean: NDArray[np.float64]


def _start(row: _Row, states: NDArray[np.int64], orders: int) -> _Carried:
    v = np.zeros((orders, len(states), 2**row.m))
    v[0, np.arange(len(states)), states] = 1.0
    return _Carried(v, np.zeros(len(states)), np.zeros(len(states)))


def _carry(row: _Row, start: _Carried) -> _Carried:
    """One step onward."""
    v = row.step(start.v)
    scale = v[0].max(axis=1)
    v /= scale[:, None]
    log, mean = start.log + np.log(scale) + row.top, start.mean
    if len(v) == 3:
        shift = v[1].sum(axis=1) / v[0].sum(axis=1)
        mean = mean + shift
        first = v[1] - shift[:, None] * v[0]
        v[2] -= shift[:, None] * (v[1] + first)
        v[1] = first
    return _Carried(v, log, mean)


def _closed(
    row: _Row, states: NDArray[np.int64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """ln (Tⁿ)_aa and its first two derivatives for each state a, `(start,)` each.

    T is symmetric: (Tⁿ)_aa is the product of two vectors half way.
    """
    here = _start(row, states, orders=3)
    for _ in range(n // 2):
        here = _carry(row, here)
    there = _carry(row, here) if n % 2 else here
    f, d, dd = here.v
    g, e, ee = there.v
    value = (f * g).sum(axis=1)
    slope = (f * e + d * g).sum(axis=1) / value
    bend = (f * ee + 2 * d * e + dd * g).sum(axis=1) / value
    log = here.log + there.log + np.log(value)
    return log, here.mean + there.mean + slope, bend - slope**2


def _all_powers(
    row: _Row, states: NDArray[np.int64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(Tᵏ)_ab for k = 0 … n, `(k, start, state)`, and the logarithm of its factor."""
    powers = np.empty((n + 1, len(states), 2**row.m))
    logs = np.empty((n + 1, len(states)))
    here = _start(row, states, orders=1)
    powers[0], logs[0] = here.v[0], here.log
    for k in range(1, n + 1):
        here = _carry(row, here)
        powers[k], logs[k] = here.v[0], here.log
    return powers, logs


def _row_correlation(
    spins: NDArray[np.float64], fields: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(1/m) Σ_j s_j f_{j+x} summed over starts, averaged over x and -x, `(x,)`."""
    m = spins.shape[1]
    forward = np.array(
        [(spins * np.roll(fields, -x, axis=1)).sum() / m for x in range(m)]
    )
    # One start stands for its mirror image too.
    return (forward + forward[-np.arange(m)]) / 2


class _Spectrum:
    """T in blocks of one momentum and parity, over the constant factor exp(`top`)."""

    def __init__(self, m: int, coupling: float, field: float, second: float) -> None:
        self._orbits = _orbits(m, not field)
        spins = _rows(m).astype(np.float64)
        a = spins[self._orbits.state]
        images = spins[self._orbits.images]  # (element, orbit, spin)
        inside = _inside(m, field)[self._orbits.state] / 2
        bonds = _seen(a, second) @ images.swapaxes(1, 2)
        bonds += inside[:, None] + inside
        self.top = float((coupling * bonds).max())
        norm = np.sqrt(np.multiply.outer(self._orbits.size, self._orbits.size))
        self._bonds = bonds
        self._elements = np.exp(coupling * bonds - self.top) * (norm / len(images))
        self._m, self._parities = m, (False,) if field else (False, True)
        self.lean = a.mean(axis=1)

    def leading(self, order: int = 0, mean: float = 0.0) -> NDArray[np.float64]:
        """The block of λ_0: ∂ᵏT/∂Kᵏ with every bond counted from a mean.

        T has no zero element: by Perron and Frobenius λ_0 is invariant and alone.
        """
        return ((self._bonds - mean) ** order * self._elements).sum(axis=0)

    def block(self, momentum: int, odd: bool) -> NDArray[Any]:
        """Σ_γ χ(γ) ⟨a|T γ|b⟩ √(|a||b|)/|G| over the orbits that have this symmetry."""
        shift, flip = self._orbits.shift, self._orbits.flip
        if 2 * momentum % self._m == 0:
            character = (-1.0) ** (2 * momentum // self._m * shift)
        else:
            character = np.exp(2j * np.pi * momentum / self._m * shift)
        if odd:
            character = character * (-1) ** flip
        stays = self._orbits.images == self._orbits.state
        present = np.abs(character @ stays) > 0.5
        block = np.tensordot(character, self._elements, axes=1)
        return block[np.ix_(present, present)]

    def slowest(self, largest: float) -> float:
        """|λ_1|/λ_0 of the states that a spin leads to from the leading one."""
        ratio = 0.0
        for momentum in range(self._m // 2 + 1):
            block = self.block(momentum, self._parities[-1])
            moduli = np.sort(np.abs(np.linalg.eigvalsh(block)))
            if momentum == 0 and len(self._parities) == 1:
                moduli = moduli[:-1]  # the leading one itself
            ratio = max(ratio, *(moduli[-1:] / largest))
        return float(ratio)


def _inverse(ratio: float) -> float:
    """ξ = 1/ln(λ_0/|λ_1|)."""
    if ratio >= 1:
        return math.inf
    return -1 / math.log(ratio) if ratio > 1e-15 else 0.0  # smaller ones are rounding


@dataclass(frozen=True, eq=False)
class _Classes:
    """Row states up to shifts, reflections and, perhaps, the flip: one of each."""

    state: NDArray[np.int64]
    size: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Orbits:
    """Row states up to shifts and, perhaps, the flip, and the images of one of each."""

    state: NDArray[np.int64]
    size: NDArray[np.int64]
    images: NDArray[np.int64]  # (element, orbit)
    shift: NDArray[np.int64]  # (element,)
    flip: NDArray[np.int64]  # (element,)


@lru_cache
def _classes(m: int, flips: bool) -> _Classes:
    rows = _rows(m)
    least = np.minimum(_shifts(rows).min(axis=0), _shifts(rows[:, ::-1]).min(axis=0))
    if flips:
        least = np.minimum(least, least[::-1])  # state 2^m - 1 - s is the flip of s
    return _Classes(*np.unique(least, return_counts=True))


@lru_cache
def _orbits(m: int, flips: bool) -> _Orbits:
    images = _shifts(_rows(m))
    shift, flip = np.arange(m), np.zeros(m, np.int64)
    if flips:
        images = np.concatenate([images, images[:, ::-1]])
        shift, flip = np.tile(shift, 2), np.repeat([0, 1], m)
    state, size = np.unique(images.min(axis=0), return_counts=True)
    return _Orbits(state, size, images[:, state], shift, flip)


@lru_cache
def _rows(m: int) -> NDArray[np.int8]:
    return all_states(m)


@lru_cache
def _inside(m: int, field: float) -> NDArray[np.float64]:
    """Σ_x s_x s_{x+1} + h Σ_x s_x of every row, `(state,)`."""
    rows = _rows(m).astype(np.float64)
    return (rows * np.roll(rows, 1, axis=1)).sum(axis=1) + field * rows.sum(axis=1)


def _shifts(rows: NDArray[np.int8]) -> NDArray[np.int64]:
    """The number of every row after a shift by 0 … m-1, `(shift, state)`."""
    m = rows.shape[1]
    digits = 2 ** np.arange(m, dtype=np.int64)[::-1]
    return np.stack([(np.roll(rows, x, axis=1) > 0) @ digits for x in range(m)])


def _sides(shape: Shape) -> Shape:
    """The shorter and the longer side."""
    whole = all(isinstance(side, Integral) and side >= 2 for side in shape)
    if len(shape) != 2 or not whole or min(shape) > MAX_WIDTH:
        raise ValueError(
            f"a torus of rows needs two whole sides of at least 2, the shorter at most "
            f"{MAX_WIDTH}, got shape {tuple(shape)}; kadanoff.exact.kaufman has larger "
            "ones without a field"
        )
    return int(min(shape)), int(max(shape))


def _width(width: int) -> int:
    if not isinstance(width, Integral) or not 2 <= width <= MAX_WIDTH:
        raise ValueError(
            f"a strip is a whole number of 2 to {MAX_WIDTH} sites wide, got {width!r}; "
            "wider ones have too many states in a row"
        )
    return int(width)


def _checked(
    m: int, coupling: float, field: float, second: float
) -> tuple[float, float, float]:
    numbers = float(coupling), float(field), float(second)
    reach = abs(coupling) * m * (2 + 2 * abs(second) + abs(field))
    if not reach <= MAX_RANGE or not all(math.isfinite(x) for x in numbers):
        raise ValueError(
            f"K, h and r must be finite with |K| m (2 + 2|r| + |h|) up to {MAX_RANGE}, "
            f"got K = {coupling}, h = {field}, r = {second} at width m = {m}; beyond "
            "that only ground states are left"
        )
    return numbers
