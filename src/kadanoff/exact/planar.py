"""The infinite triangular and honeycomb lattices, for either sign of the coupling.

H = -J Σ_<ij> s_i s_j, K = βJ. With y = e^{4K} the triangular lattice has

    ln Z/N = -K + ½ ∬ ln[y² + 3 - 2(y - 1)(cos a + cos b + cos(a + b))] da db/(2π)²,
    u = 1 - 2y/(y - 1) · [1 + (y - 3)(y + 1) g],
    1/g = agm(4√y, √((3 - y)(1 + y)³))                       for y ≤ 3,
    1/g = agm(√((y + 3)(y - 1)³), √((y - 3)(y + 1)³))         for y ≥ 3

(R. M. F. Houtappel, Physica 16, 425 (1950); G. H. Wannier, Phys. Rev. 79, 357 (1950)).
The inner integral is elementary, and g, the double integral of 1/[…], is a complete
elliptic integral, written here with Gauss's arithmetic-geometric mean. K_c is y = 3;
an antiferromagnet (y < 1) is frustrated and stays disordered down to T = 0.

Every second site of the honeycomb lattice can be summed over, which leaves a triangular
lattice of the others at y = 2 cosh 2K - 1 (the star-triangle relation):

    ln Z/N (K) = ½ [ln R + ln Z/N (triangular)],   R⁴ = 2 cosh 3K (2 cosh K)³.

Energies are in units of J, heat capacities in k_B, both per site.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma

from kadanoff.exact.constants import K_C_TRIANGULAR

__all__ = [
    "K_C_HONEYCOMB",
    "WANNIER_ENTROPY",
    "critical_coupling",
    "energy",
    "heat_capacity",
    "log_partition_per_site",
    "spontaneous_magnetization",
]

K_C_HONEYCOMB = math.log(2 + math.sqrt(3)) / 2
"""Critical coupling of the honeycomb lattice, cosh 2K_c = 2 (Houtappel 1950)."""

WANNIER_ENTROPY = (
    math.sqrt(3) / (12 * math.pi) * float(polygamma(1, 1 / 3) - polygamma(1, 2 / 3))
)
"""Entropy per site, in k_B, of the triangular antiferromagnet at T = 0, 0.323066…:
(2/π) ∫ ln(2 cos ω) dω over 0…π/3 (Wannier 1950; erratum Phys. Rev. B 7, 5017 (1973)),
in trigamma functions."""

LATTICES = ("triangular", "honeycomb")

ROUNDING = 4e-15
"""K_c is no floating-point number: this close to it, distances to it are noise."""

MEAN_STEPS = 24
"""Steps of an arithmetic-geometric mean: each doubles the digits once the two numbers
are alike, and twelve bring a ratio of 1e-300 there."""


def critical_coupling(lattice: str) -> float:
    """K_c of the ferromagnet: ¼ ln 3 or ½ ln(2 + √3).

    Raises:
        ValueError: another lattice.
    """
    return K_C_TRIANGULAR if _is_triangular(lattice) else K_C_HONEYCOMB


def log_partition_per_site(lattice: str, coupling: float) -> float:
    """ln Z per site, that is -βf.

    Raises:
        ValueError: another lattice, or a coupling that is not finite.

    >>> round(log_partition_per_site("triangular", 0.0) / math.log(2), 12)
    1.0
    """
    triangular, k = _is_triangular(lattice), _finite(coupling)
    return _triangular_log(k) if triangular else _honeycomb_log(abs(k))


def energy(lattice: str, coupling: float) -> float:
    """Energy per site in units of J; -2 and -2/√3 at K_c.

    Raises:
        ValueError: another lattice, or a coupling that is not finite.

    >>> round(energy("honeycomb", K_C_HONEYCOMB) * math.sqrt(3), 12)
    -2.0
    """
    return _energy(lattice, coupling).f


def heat_capacity(lattice: str, coupling: float) -> float:
    """Heat capacity per site in units of k_B; infinite at K_c.

    Raises:
        ValueError: another lattice, or a coupling that is not finite.

    >>> heat_capacity("triangular", K_C_TRIANGULAR)
    inf
    """
    slope = _energy(lattice, coupling).d
    # Deep in an ordered phase rounding can leave -1e-30 where the truth is smaller.
    return max(0.0, -coupling * (coupling * slope))


def spontaneous_magnetization(lattice: str, coupling: float) -> float:
    """Magnetization per site for K > K_c and 0 otherwise, as for an antiferromagnet.

    With z = 1/y, [(1 - 3z)(1 + z)³ / ((1 + 3z)(1 - z)³)]^{1/8} on the triangular
    lattice (R. B. Potts, Phys. Rev. 88, 352 (1952)). The sites of the honeycomb lattice
    that the star-triangle relation leaves have that of their triangular lattice
    (S. Naya, Prog. Theor. Phys. 11, 53 (1954)).

    Raises:
        ValueError: another lattice, or a coupling that is not finite.

    >>> spontaneous_magnetization("honeycomb", 0.6)
    0.0
    """
    triangular, k = _is_triangular(lattice), _finite(coupling)
    if k <= critical_coupling(lattice):
        return 0.0
    z = math.exp(-4 * k) if triangular else _star_decay(_decay(k)).f
    ratio = (1 - 3 * z) * (1 + z) ** 3 / ((1 + 3 * z) * (1 - z) ** 3)
    return max(ratio, 0.0) ** (1 / 8)


@dataclass(frozen=True)
class _Slope:
    """A value and its derivative in K."""

    f: float
    d: float = 0.0

    def __add__(self, other: _Slope | float) -> _Slope:
        other = _slope(other)
        return _Slope(self.f + other.f, self.d + other.d)

    def __sub__(self, other: _Slope | float) -> _Slope:
        other = _slope(other)
        return _Slope(self.f - other.f, self.d - other.d)

    def __mul__(self, other: _Slope | float) -> _Slope:
        other = _slope(other)
        return _Slope(self.f * other.f, self.f * other.d + self.d * other.f)

    def __truediv__(self, other: _Slope | float) -> _Slope:
        other = _slope(other)
        ratio = self.f / other.f
        return _Slope(ratio, (self.d - ratio * other.d) / other.f)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: float) -> _Slope:
        return _slope(other) - self

    def __rtruediv__(self, other: float) -> _Slope:
        return _slope(other) / self

    def sqrt(self) -> _Slope:
        root = math.sqrt(self.f)
        return _Slope(root, self.d / (2 * root))


def _slope(value: _Slope | float) -> _Slope:
    return value if isinstance(value, _Slope) else _Slope(value)


def _energy(lattice: str, coupling: float) -> _Slope:
    """u with its derivative in K."""
    triangular, k = _is_triangular(lattice), _finite(coupling)
    if triangular:
        return _triangular_energy(k)
    bonded = _honeycomb_energy(abs(k))  # bipartite: u is odd
    return bonded if k >= 0 else _Slope(-bonded.f, bonded.d)


def _triangular_energy(k: float) -> _Slope:
    if k > K_C_TRIANGULAR:
        z = math.exp(-4 * k)
        return _ordered_energy(_Slope(z, -4 * z))
    y = math.exp(4 * k)
    if y > 0.5:
        return _disordered_energy(_Slope(math.expm1(4 * k), 4 * y))
    return _frustrated_energy(_Slope(y, 4 * y))


def _honeycomb_energy(k: float) -> _Slope:
    """-½ d(ln R)/dK + ½ u(y) sinh 2K / y at K ≥ 0, by the chain rule."""
    tanh, triple = math.tanh(k), math.tanh(3 * k)
    star = _Slope(triple + tanh, 3 * (1 - triple**2) + 1 - tanh**2)
    w = _decay(k)
    share = (1 - w * w) / (2 - 2 * w + 2 * w * w)
    if k > K_C_HONEYCOMB:
        inner = _ordered_energy(_star_decay(w))
    else:
        inner = _disordered_energy(_Slope(4 * math.sinh(k) ** 2, 4 * math.sinh(2 * k)))
    return inner * share / 2 - star * 3 / 8


def _decay(k: float) -> _Slope:
    """e^{-2K}."""
    w = math.exp(-2 * k)
    return _Slope(w, -2 * w)


def _star_decay(w: _Slope) -> _Slope:
    """1/y = 1/(2 cosh 2K - 1) of the star-triangle relation."""
    return w / (1 - w + w * w)


def _ordered_energy(z: _Slope) -> _Slope:
    """u at y = 1/z ≥ 3."""
    gap, plus, minus = 1 - 3 * z, 1 + z, 1 - z
    if gap.f < ROUNDING:
        return _Slope(-2.0, -math.inf)
    first = (1 + 3 * z) * minus * minus * minus
    second = gap * plus * plus * plus
    return 1 - 2 * (1 + gap * plus / _mean(first.sqrt(), second.sqrt())) / minus


def _disordered_energy(delta: _Slope) -> _Slope:
    """u at y = 1 + δ, ½ ≤ y ≤ 3.

    The two numbers averaged are 4 + δp and 4 + δr. Keeping p and r, rather than the
    numbers, divides the 0/0 at δ = 0 out of u.
    """
    y, gap = 1 + delta, 2 - delta
    if gap.f < ROUNDING:
        return _Slope(-2.0, -math.inf)
    second = (2 + delta) * (gap * (2 + delta)).sqrt()
    p = 4 / (y.sqrt() + 1)
    r = (16 - delta * delta * (4 + delta)) / (second + 4)
    for _ in range(MEAN_STEPS):
        root = ((4 + delta * p) * (4 + delta * r)).sqrt()
        p, r = (p + r) / 2, (4 * p + 4 * r + delta * p * r) / (root + 4)
    return 1 - 2 * y * (p + delta) / (4 + delta * p)


def _frustrated_energy(y: _Slope) -> _Slope:
    """u at y < ½."""
    if y.f < 1e-300:
        return _Slope(1.0, 0.0)
    product, plus = (3 - y) * (1 + y), 1 + y
    mean = _mean(4 * y.sqrt(), plus * product.sqrt())
    return 1 + 2 * y * (1 - product / mean) / (1 - y)


def _mean(a: _Slope, b: _Slope) -> _Slope:
    """Gauss's arithmetic-geometric mean."""
    for _ in range(MEAN_STEPS):
        a, b = (a + b) / 2, (a * b).sqrt()
    return a


def _triangular_log(k: float) -> float:
    """-K + ½J, with the inner integral of J done: (2/π) ∫ ln ½[A + √(A² - B²)] dφ."""
    cosine, versine, offset = _COSINES, _VERSINES, _OFFSETS
    if k > 0:  # all over y²
        z = math.exp(-4 * k)
        h = z * (1 - z)
        below = (1 - 3 * z) ** 2 + 4 * h * versine * (3 - versine)
        scale = 3 * k
    else:
        y, h = math.exp(4 * k), -math.expm1(4 * k)
        below = y * (y + 3) + 4 * h * offset**2
        scale = -k
    above = below + 8 * h * cosine
    values = np.log((below + above + 2 * np.sqrt(below * above)) / 4)
    return scale + float(_WEIGHTS @ values) / math.pi


def _honeycomb_log(k: float) -> float:
    star = (_log_double_cosh(3 * k) + 3 * _log_double_cosh(k)) / 4
    w = math.exp(-2 * k)
    triangle = (2 * k + math.log1p(w * w - w)) / 4
    return (star + _triangular_log(triangle)) / 2


def _log_double_cosh(x: float) -> float:
    """ln 2 cosh x for x ≥ 0."""
    return x + math.log1p(math.exp(-2 * x))


def _nodes() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """cos φ, 1 - cos φ, cos φ - ½ and weights on 0…π/3 and π/3…π/2 (tanh-sinh).

    The integrand bends at φ = 0 near K_c and at π/3 deep in the antiferromagnet, so
    the nodes crowd there, and differences are formed from the distance to these ends.
    """
    step = 1 / 32
    t = step * np.arange(-128, 129)
    near = 1 / (1 + np.exp(math.pi * np.sinh(t)))
    weight = step * near * (1 - near) * math.pi * np.cosh(t)
    third, sixth = math.pi / 3, math.pi / 6
    angle = np.concatenate([third * near, third + sixth * near])
    beyond = np.concatenate([-third * near[::-1], sixth * near])
    versine = 2 * np.sin(angle / 2) ** 2
    offset = -2 * np.sin(third + beyond / 2) * np.sin(beyond / 2)
    weights = np.concatenate([third * weight, sixth * weight])
    return 1 - versine, versine, offset, weights


_COSINES, _VERSINES, _OFFSETS, _WEIGHTS = _nodes()


def _is_triangular(lattice: str) -> bool:
    if lattice not in LATTICES:
        raise ValueError(
            f"the planar lattices solved here are {' and '.join(LATTICES)}, got "
            f"{lattice!r}; the square lattice is in kadanoff.exact.onsager"
        )
    return lattice == "triangular"


def _finite(coupling: float) -> float:
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.3"
        )
    return coupling
