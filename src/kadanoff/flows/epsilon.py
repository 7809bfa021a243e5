"""Wilson's and Fisher's fixed point of the O(n) model in d = 4 - ε, to two loops.

With the quartic coupling g in units that make minimal subtraction simple, t the square
of the mass and h a field,

    dg/dl = ε g - (n+8)/6 g² + (3n+14)/12 g³,
    dt/dl = t [2 - (n+2)/6 g + 5(n+2)/72 g²],
    dh/dl = h (d + 2 - η)/2,    η = (n+2)/72 g² - (n+2)(n+8)/1728 g³

(K. G. Wilson and M. E. Fisher, Phys. Rev. Lett. 28, 240 (1972); H. Kleinert and
V. Schulte-Frohlinde, Critical Properties of φ⁴-Theories (2001)). The zero g* of the
first is a power series in ε, and with it the exponents:

    1/ν = y_T = 2 - (n+2)/(n+8) ε - (n+2)(13n+44)/(2(n+8)³) ε² + …,
    η = (n+2)/(2(n+8)²) ε² + …,    ω = ε - 3(3n+14)/(n+8)² ε² + … .

The series in ε is asymptotic, and β to two loops has a zero for small ε only: beyond
ε = (n+8)²/(12 (3n+14)), 0.397 for n = 1, there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import torch
from torch import Tensor

__all__ = [
    "Series",
    "WilsonFisher",
    "coupling",
    "eta",
    "inverse_nu",
    "largest_epsilon",
    "nu",
    "omega",
]


@dataclass(frozen=True)
class WilsonFisher:
    """The β function of the O(n) model with the growth of mass and field.

    Args:
        n: components of the field; any real number above -8.
        epsilon: 4 - d.
        loops: 1 or 2.
    """

    n: float = 1
    epsilon: float = 1.0
    loops: int = 1

    names: ClassVar[tuple[str, ...]] = ("quartic", "mass", "field")
    odd: ClassVar[tuple[str, ...]] = ("field",)

    def __post_init__(self) -> None:
        _components(self.n)
        if not math.isfinite(self.epsilon):
            raise ValueError(f"epsilon must be a finite number, got {self.epsilon}")
        if self.loops not in (1, 2):
            raise ValueError(f"loops must be 1 or 2, got {self.loops!r}")

    @property
    def dimension(self) -> float:
        """4 - ε."""
        return 4 - self.epsilon

    def rate(self, theory: Tensor) -> Tensor:
        """dg/dl, dt/dl and dh/dl.

        η begins with two loops; what three loops add to it is in `eta` alone.
        """
        g, mass, field = theory
        n = _components(self.n)
        beta = _polynomial(_beta(n)[: self.loops + 2], g)
        growth = _polynomial(_mass(n)[: self.loops + 1], g)
        spin = _polynomial(_spin(n)[: self.loops + 1], g)
        flow = self.epsilon * g - beta
        return torch.stack(
            [flow, mass * growth, field * (self.dimension + 2 - spin) / 2]
        )


def largest_epsilon(n: float) -> float:
    """The ε up to which the β function of two loops has a fixed point: its roots meet.

    >>> round(largest_epsilon(1), 3)
    0.397
    """
    return (n + 8) ** 2 / (12 * (3 * n + 14))


@dataclass(frozen=True)
class Series:
    """The beginning of a power series in ε.

    Attributes:
        coefficients: of ε⁰, ε¹ and so on, rational numbers.
    """

    coefficients: tuple[Fraction, ...]

    def __call__(self, epsilon: float) -> float:
        """The sum of all known terms."""
        return sum(float(c) * epsilon**k for k, c in enumerate(self.coefficients))


def coupling(n: float = 1) -> Series:
    """g* to ε².

    Raises:
        ValueError: n at which one loop does not stop the flow, n ≤ -8.
    """
    _, _, first, second = _beta(_components(n))
    # ε = first g + second g², inverted.
    return Series((Fraction(0), 1 / first, -second / first**3))


def inverse_nu(n: float = 1) -> Series:
    """1/ν = y_T to ε².

    Raises:
        ValueError: n ≤ -8.

    >>> inverse_nu(1)(1.0)
    1.5493827160493827
    """
    return _of(_mass(_components(n)), coupling(n), 2)


def nu(n: float = 1) -> Series:
    """ν to ε².

    Raises:
        ValueError: n ≤ -8.

    >>> [str(c) for c in nu(1).coefficients]
    ['1/2', '1/12', '7/162']
    """
    a, b, c = inverse_nu(n).coefficients
    return Series((1 / a, -b / a**2, b * b / a**3 - c / a**2))


def eta(n: float = 1) -> Series:
    """η to ε³: it begins with g², so that g* to ε² is enough.

    Raises:
        ValueError: n ≤ -8.

    >>> [str(c) for c in eta(1).coefficients]
    ['0', '0', '1/54', '109/5832']
    """
    return _of(_spin(_components(n)), coupling(n), 3)


def omega(n: float = 1) -> Series:
    """ω to ε², the rate at which g comes to g*.

    Raises:
        ValueError: n ≤ -8.
    """
    _, _, first, second = _beta(_components(n))
    # -∂(dg/dl)/∂g = -ε + 2 first g + 3 second g².
    slope = _of((Fraction(0), 2 * first, 3 * second), coupling(n), 2)
    a, b, c = slope.coefficients
    return Series((a, b - 1, c))


def _beta(n: Fraction) -> tuple[Fraction, ...]:
    """What one and two loops take from ε g, by powers of g."""
    return Fraction(0), Fraction(0), (n + 8) / 6, -(3 * n + 14) / 12


def _mass(n: Fraction) -> tuple[Fraction, ...]:
    return Fraction(2), -(n + 2) / 6, 5 * (n + 2) / 72


def _spin(n: Fraction) -> tuple[Fraction, ...]:
    return Fraction(0), Fraction(0), (n + 2) / 72, -(n + 2) * (n + 8) / 1728


def _polynomial(coefficients: Sequence[Fraction], g: Tensor) -> Tensor:
    total = torch.zeros_like(g)
    for k, c in enumerate(coefficients):
        total = total + float(c) * g**k
    return total


def _of(coefficients: Sequence[Fraction], g: Series, order: int) -> Series:
    """A polynomial of a series, to that order in ε."""
    total = [Fraction(0)] * (order + 1)
    power = [Fraction(1)] + [Fraction(0)] * order
    known = (*g.coefficients, *[Fraction(0)] * order)
    for c in coefficients:
        total = [a + c * b for a, b in zip(total, power, strict=True)]
        power = [
            sum((power[i] * known[k - i] for i in range(k + 1)), Fraction(0))
            for k in range(order + 1)
        ]
    return Series(tuple(total))


def _components(n: float) -> Fraction:
    if not (math.isfinite(n) and n > -8):
        raise ValueError(f"the number of components n must be above -8, got {n}")
    return Fraction(n)
