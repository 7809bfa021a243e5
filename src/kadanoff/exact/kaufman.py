"""The finite square-lattice Ising model on an m×n torus, for every real coupling.

Kaufman's four products (B. Kaufman, Phys. Rev. 76, 1232 (1949)), in variables that stay
real and finite at every K, 0 and negative ones included:

    Z = ½ Σ_{p,q} ε_pq Π_q [(α_q + β_q)^m ∓ (α_q - β_q)^m],
    α_q² = C² - S cos q + S,  β_q² = C² - S cos q - S,  C = cosh 2K,  S = sinh 2K.

The sums run over periodic (P) and antiperiodic (A) fermions in both directions:
q = πl/n with l even (P) or odd (A), 0 ≤ l < 2n; the upper sign is p = P; ε = -1 for PP
and +1 else. Kaufman's γ_l is ln[(α + β)/(α - β)] and her 2 sinh 2K is α² - β². Her rule
that γ_0 keeps its sign reads here: two self-conjugate momenta have roots of either
sign, β_0 = 1 - S and α_π = 1 + S. At q = 0 and π the other root is C.

Values and their first two derivatives in |K| are propagated together, with every factor
divided by its growth e^{2|K|}. On a torus with an odd side an antiferromagnet is
frustrated and the four products cancel: this is detected, and the same code is run
again with as many digits as were lost.

Each site owns one forward bond per direction: a side of 2 has double bonds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from numbers import Integral
from typing import Any

import mpmath
import numpy as np
from scipy.optimize import root_scalar

__all__ = ["Torus", "coupling_at_energy", "torus"]

FROZEN = 12.0
"""|K| beyond which a frustrated torus is in its ground states: the next level, 4J up,
has some 2(m + n) times as many states and weighs e^{-48} = 1e-21 each."""


@dataclass(frozen=True)
class Torus:
    """Exact thermodynamics of one torus at one coupling.

    Attributes:
        log_partition: ln Z, a total.
        energy: -(1/N) ∂lnZ/∂K, per site, in units of J.
        heat_capacity: (K²/N) ∂²lnZ/∂K², per site, in units of k_B.
    """

    log_partition: float
    energy: float
    heat_capacity: float


def torus(shape: tuple[int, int], coupling: float) -> Torus:
    """The m×n periodic lattice at coupling K, of either sign.

    Args:
        shape: the two sides (m, n), each at least 2.
        coupling: K = βJ, any finite number.

    Raises:
        ValueError: not two sides, a side below 2, or a coupling that is not finite.

    >>> round(torus((4, 4), 0.44068679350977147).log_partition, 10)
    15.5219154588
    """
    m, n = _sides(shape)
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )
    if coupling < -FROZEN and _frustrated_bonds(m, n):
        return _frozen(m, n, coupling)
    return _thermodynamics(m * n, coupling, _log_weight(m, n, coupling))


def coupling_at_energy(shape: tuple[int, int], energy: float) -> float:
    """The coupling at which the torus has this energy per site (in units of J).

    u(K) falls monotonically from its antiferromagnetic maximum (2, or less when an odd
    side frustrates it) through u(0) = 0 to -2, so each energy between has one coupling.

    Raises:
        ValueError: a bad shape, or an energy outside the open range of the curve.

    >>> round(coupling_at_energy((8, 8), torus((8, 8), -0.3).energy), 12)
    -0.3
    """
    m, n = _sides(shape)
    top = _highest_energy(m, n)
    if not -2 < energy < top:
        raise ValueError(
            f"the energy per site of a {m}x{n} torus must lie between -2 and {top:g}, "
            f"both excluded, got {energy}; check that it is per site and in units of J"
        )
    if energy == 0:
        return 0.0
    solution = root_scalar(
        lambda k: torus((m, n), k).energy - energy,
        method="brentq",
        bracket=_bracket((m, n), energy),
        xtol=1e-14,
    )
    return float(solution.root)


def _bracket(shape: tuple[int, int], energy: float) -> tuple[float, float]:
    """A coupling on each side of the one sought."""
    end = -math.copysign(0.5, energy)
    while abs(torus(shape, end).energy) < abs(energy):
        end *= 2
    # Not 0: u(0) carries rounding, which may exceed a very small energy.
    return math.copysign(0.01, energy), end


def _sides(shape: Sequence[int]) -> tuple[int, int]:
    whole = all(isinstance(side, Integral) and side >= 2 for side in shape)
    if len(shape) != 2 or not whole:
        raise ValueError(
            f"a torus needs two whole sides of at least 2, got shape {tuple(shape)}; "
            "give a pair such as (8, 8), since a side of 1 bonds a spin to itself"
        )
    return int(shape[0]), int(shape[1])


def _frustrated_bonds(m: int, n: int) -> int:
    """Unsatisfied bonds of the antiferromagnet: one per ring of odd length."""
    return n * (m % 2) + m * (n % 2)


def _highest_energy(m: int, n: int) -> float:
    return 2 * (m * n - _frustrated_bonds(m, n)) / (m * n)


def _frozen(m: int, n: int, coupling: float) -> Torus:
    # Digits lost grow as |K|(m + n); past this point nothing but E₀ can change ln Z.
    top = _highest_energy(m, n)
    edge = torus((m, n), -FROZEN).log_partition
    return Torus(edge + (-coupling - FROZEN) * top * m * n, top, 0.0)


def _thermodynamics(sites: int, coupling: float, weight: _Jet) -> Torus:
    """From the jet of ln[Z exp(-2N|K|)] in |K|."""
    sign = math.copysign(1.0, coupling)
    return Torus(
        log_partition=2 * sites * abs(coupling) + float(weight.f),
        energy=0.0 - sign * (2 + float(weight.d) / sites),  # never -0.0
        # Deep in the ordered phase rounding can leave -1e-30 where the truth is 1e-40.
        heat_capacity=max(coupling * (coupling * float(weight.dd) / sites), 0.0),
    )


@dataclass(frozen=True, slots=True)
class _Jet:
    """A value and its first two derivatives: floats, mpf, or arrays of either."""

    f: Any
    d: Any
    dd: Any

    def __neg__(self) -> _Jet:
        return self * -1

    def __add__(self, other: Any) -> _Jet:
        if not isinstance(other, _Jet):
            return _Jet(self.f + other, self.d, self.dd)
        return _Jet(self.f + other.f, self.d + other.d, self.dd + other.dd)

    def __sub__(self, other: Any) -> _Jet:
        return self + -other

    def __mul__(self, other: Any) -> _Jet:
        if not isinstance(other, _Jet):
            return _Jet(self.f * other, self.d * other, self.dd * other)
        second = self.dd * other.f + 2 * self.d * other.d + self.f * other.dd
        return _Jet(self.f * other.f, self.d * other.f + self.f * other.d, second)

    def __truediv__(self, other: _Jet) -> _Jet:
        f = self.f / other.f
        d = (self.d - f * other.d) / other.f
        return _Jet(f, d, (self.dd - 2 * d * other.d - f * other.dd) / other.f)

    def __pow__(self, power: int) -> _Jet:
        low = self.f ** (power - 2)
        slope = power * low * self.f
        bend = power * (power - 1) * low * self.d**2
        return _Jet(low * self.f**2, slope * self.d, slope * self.dd + bend)

    def sqrt(self) -> _Jet:
        root = self.f**0.5
        slope = self.d / (2 * root)
        return _Jet(root, slope, (self.dd / 2 - slope**2) / root)

    def exp(self) -> _Jet:
        f = _library(self.f).exp(self.f)
        return _Jet(f, f * self.d, f * (self.dd + self.d**2))

    def log(self) -> _Jet:
        rate = self.d / self.f
        return _Jet(_library(self.f).log(self.f), rate, self.dd / self.f - rate**2)

    def log_sum(self) -> _Jet:
        """Σ ln over an array."""
        rate = self.d / self.f
        bend = self.dd / self.f - rate**2
        return _Jet(_log_product(self.f), rate.sum(), bend.sum())

    def __getitem__(self, index: slice) -> _Jet:
        return _Jet(self.f[index], self.d[index], self.dd[index])


def _library(value: Any) -> Any:
    return math if isinstance(value, float) else mpmath


def _log_product(values: np.ndarray) -> Any:
    if values.dtype == object:  # one slow logarithm instead of n
        return mpmath.log(mpmath.fprod(values))
    return np.log(values).sum()


def _log_weight(m: int, n: int, coupling: float) -> _Jet:
    """Jet of ln[Z exp(-2N|K|)] in |K|."""
    decay = math.exp(-2 * abs(coupling))
    angles = math.pi / (2 * n) * np.arange(1, n)
    terms, reference = _products(m, coupling, decay, np.sin(angles) ** 2)
    if not _cancels(terms):
        return _log_total(terms, reference)
    with mpmath.workprec(_bits(m, n, coupling, reference)):
        decay = mpmath.exp(-2 * abs(mpmath.mpf(float(coupling))))
        terms, reference = _products(m, coupling, decay, _exact_squares(n))
        return _log_total(terms, reference)


def _log_total(terms: list[_Jet], reference: _Jet) -> _Jet:
    total = terms[0] + terms[1] + terms[2] + terms[3]
    return (total * 0.5).log() + reference


def _cancels(terms: list[_Jet]) -> bool:
    """Whether more than three bits go; without frustration at most one does."""
    values = [term.f for term in terms]
    return 8 * abs(sum(values)) < sum(abs(value) for value in values)


def _bits(m: int, n: int, coupling: float, reference: _Jet) -> int:
    """Bits for full double precision, since Z ≥ 2^N and Z ≥ exp(-K E₀)."""
    sites, strength = m * n, abs(coupling)
    frozen = -2 * strength * _frustrated_bonds(m, n)
    floor = max(frozen, sites * (math.log(2) - 2 * strength))
    return 160 + math.ceil((reference.f - floor) / math.log(2))


def _exact_squares(n: int) -> np.ndarray:
    """sin²(πl/2n) for l = 1…n-1 at the working precision."""
    # Powers of one root of unity: n sines of ten thousand digits would take seconds.
    turns = accumulate(repeat(mpmath.expjpi(mpmath.mpf(1) / n), n - 1), operator.mul)
    return np.array([(1 - turn.real) / 2 for turn in turns])


def _products(
    m: int, coupling: float, decay: Any, squares: np.ndarray
) -> tuple[list[_Jet], _Jet]:
    """The four signed products over exp(reference), and the reference.

    `decay` is e^{-2|K|}, `squares` holds sin²(q/2) for q = πl/n, l = 1…n-1; their
    number type decides the precision of everything that follows.
    """
    pairs = _pairs(coupling, decay, squares)
    zero, pi = _self_conjugate(coupling, decay)
    singles = ([zero], [pi]) if len(squares) % 2 == 0 else ([zero, pi], [])
    parts = [
        _product(m, sign, pairs[1 - odd :: 2], singles[odd])
        for odd in (0, 1)
        for sign in (-1, 1)
    ]
    reference = max((log for _, log in parts), key=lambda log: log.f)
    terms = [factor * (log - reference).exp() for factor, log in parts]
    return [-terms[0], *terms[1:]], reference


def _product(
    m: int, sign: int, pairs: _Modes, singles: list[_Modes]
) -> tuple[_Jet, _Jet]:
    """One sector as (factor, log): the factor holds what may vanish or be negative."""
    ratio = pairs.difference / pairs.total
    log = pairs.total.log_sum() * (2 * m) + ((ratio**m) * sign + 1).log_sum() * 2
    factor = _Jet(1.0, 0.0, 0.0)
    for single in singles:
        # Divided by the larger of the two, since 2^m may overflow.
        size = max(abs(single.total.f), abs(single.difference.f))
        total, difference = single.total * (1 / size), single.difference * (1 / size)
        factor = factor * (total**m + difference**m * sign)
        log = log + m * _library(size).log(size)
    return factor, log


@dataclass(frozen=True, slots=True)
class _Modes:
    """α + β and α - β, times e^{-2|K|}, of one momentum or of an array of them."""

    total: _Jet
    difference: _Jet

    def __getitem__(self, index: slice) -> _Modes:
        return _Modes(self.total[index], self.difference[index])


def _pairs(coupling: float, decay: Any, squares: np.ndarray) -> _Modes:
    """The momenta 0 < q < π; each stands for q and -q."""
    _, sinh, below, above = _scaled(coupling, decay)
    # α² = (1+S)² - 2S cos²(q/2) and β² = (1-S)² + 2S sin²(q/2): no small difference.
    alpha = (above * above - sinh * (2 * squares[::-1])).sqrt()
    beta = (below * below + sinh * (2 * squares)).sqrt()
    total = alpha + beta
    return _Modes(total, sinh * 2 / total)


def _self_conjugate(coupling: float, decay: Any) -> tuple[_Modes, _Modes]:
    """The momenta q = 0 and q = π, whose roots 1 - S and 1 + S keep their sign."""
    cosh, _, below, above = _scaled(coupling, decay)
    return _Modes(cosh + below, cosh - below), _Modes(above + cosh, above - cosh)


def _scaled(coupling: float, decay: Any) -> tuple[_Jet, _Jet, _Jet, _Jet]:
    """(v cosh 2K, v² sinh 2K, v (1 - S), v (1 + S)) with v = e^{-2|K|}."""
    v = _Jet(decay, -2 * decay, 4 * decay)
    square = v * v
    half_sinh = (square * -1 + 1) * math.copysign(0.5, coupling)
    return (square + 1) * 0.5, v * half_sinh, v - half_sinh, v + half_sinh
