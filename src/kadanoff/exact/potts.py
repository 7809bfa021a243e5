"""The q-state Potts model in two dimensions: what is known at its critical point.

E = -Σ_<ij> δ(s_i, s_j) in units of J, K = βJ, s = 0 … q - 1. For q = 2 it is the Ising
model with K_Ising = K/2 and E = (E_Ising - bonds)/2. The transition is continuous for
q ≤ 4 and of first order beyond. With v = e^K - 1 the ferromagnetic critical points are

    square v² = q,   triangular v³ + 3v² = q,   honeycomb v³ - 3qv = q²

(F. Y. Wu, Rev. Mod. Phys. 54, 235 (1982); R. J. Baxter, H. N. V. Temperley and
S. E. Ashley, Proc. R. Soc. A 358, 535 (1978)). Exponents follow from the Coulomb gas in
x = arccos(√q/2)/π, so that the Kac index of the conformal theory is m = 1/x - 1:

    Δ_ε = (1 + 2x) / (2 - 2x),   Δ_σ = (1 - 4x²) / (8 - 8x),   c = 1 - 6x²/(1 - x)

(B. Nienhuis, J. Stat. Phys. 34, 731 (1984); Vl. S. Dotsenko and V. A. Fateev,
Nucl. Phys. B 240, 312 (1984)).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from scipy.integrate import quad
from scipy.optimize import root_scalar

from kadanoff.exact.constants import DIMENSION

__all__ = [
    "central_charge",
    "critical_coupling",
    "critical_energy",
    "delta_epsilon",
    "delta_sigma",
    "latent_heat",
    "log_partition_per_site",
    "magnetic_exponent",
    "thermal_exponent",
]

CONTINUOUS = 4
"""Largest q with a continuous transition."""

NEAR = 1e-6
"""Above four states by less, ln Z is mirrored at q = 4: its second derivative there
leaves 4e-14, and the sum would need millions of terms."""

_CURVES: dict[str, Callable[[float, float], float]] = {
    "square": lambda v, q: v**2 - q,
    "triangular": lambda v, q: v**3 + 3 * v**2 - q,
    "honeycomb": lambda v, q: v**3 - 3 * q * v - q**2,
}


def critical_coupling(q: float, lattice: str = "square") -> float:
    """K_c of the ferromagnet; on the square lattice ln(1 + √q).

    Args:
        q: number of states; also between whole numbers, from 1 on.
        lattice: square, triangular or honeycomb.

    Raises:
        ValueError: q below 1, or another lattice.

    >>> round(critical_coupling(2) / 2, 12)
    0.44068679351
    """
    _check(q)
    if lattice not in _CURVES:
        raise ValueError(
            f"the critical point is known on {', '.join(_CURVES)}, got {lattice!r}; "
            "take one of these or locate it by sampling"
        )
    if lattice == "square":
        return math.log1p(math.sqrt(q))
    curve = _CURVES[lattice]
    # Either cubic rises from the lower end on and is positive at the upper.
    bracket = (_lower_end(q, lattice), 5 * math.sqrt(q) + q)
    solution = root_scalar(lambda v: curve(v, q), bracket=bracket, xtol=1e-15)
    return math.log1p(float(solution.root))


def critical_energy(q: float) -> float:
    """Energy per site at K_c on the square lattice, -(1 + 1/√q), by self-duality.

    For q > 4 it is the mean of the two coexisting phases, each of which lies half a
    latent heat away (R. B. Potts, Proc. Camb. Phil. Soc. 48, 106 (1952)).

    Raises:
        ValueError: q below 1.

    >>> critical_energy(4)
    -1.5
    """
    _check(q)
    return -(1 + 1 / math.sqrt(q))


def latent_heat(q: float) -> float:
    """Energy per site between the phases that coexist at K_c; 0 for q ≤ 4.

    On the square lattice, with 2 cosh Θ = √q,
    2 (1 + 1/√q) tanh(Θ/2) Π_{n≥1} tanh²(nΘ) (R. J. Baxter, J. Phys. C 6, L445 (1973)).

    Raises:
        ValueError: q below 1.

    >>> round(latent_heat(10), 6)
    0.696049
    """
    _check(q)
    if q <= CONTINUOUS:
        return 0.0
    theta = math.acosh(math.sqrt(q) / 2)
    # Beyond nΘ = 20 a factor differs from 1 by less than rounding.
    last = math.ceil(20 / theta)
    log = math.fsum(math.log(math.tanh(n * theta)) for n in range(1, last + 1))
    return -2 * critical_energy(q) * math.tanh(theta / 2) * math.exp(2 * log)


def log_partition_per_site(q: float) -> float:
    """ln Z per site of the infinite square lattice at K_c.

    With 2 cos μ = √q up to four states and 2 cosh Θ = √q beyond,

        ½ ln q + 2 ∫_0^∞ tanh(μx) sinh((π - μ)x) / (x sinh πx) dx,
        ½ ln q + Θ + 2 Σ_{n≥1} e^{-nΘ} tanh(nΘ) / n

    (R. J. Baxter, J. Phys. C 6, L445 (1973)); the two meet smoothly at q = 4, and the
    second is the value of both phases that coexist. Error: 1e-13 at most.

    Raises:
        ValueError: q below 1.

    >>> round(log_partition_per_site(3), 12)
    2.070187162577
    """
    _check(q)
    if q <= CONTINUOUS:
        return math.log(q) / 2 + 2 * _integral(math.acos(math.sqrt(q) / 2))
    if q < CONTINUOUS + NEAR:
        ends = CONTINUOUS, 2 * CONTINUOUS - q
        at, mirrored = map(log_partition_per_site, ends)
        return 2 * at - mirrored
    return math.log(q) / 2 + _ordered_sum(math.acosh(math.sqrt(q) / 2))


def delta_epsilon(q: float) -> float:
    """Scaling dimension of the energy density: 1, 4/5 and 1/2 for q = 2, 3, 4.

    Raises:
        ValueError: q outside 1 … 4.
    """
    x = _index(q)
    return (1 + 2 * x) / (2 - 2 * x)


def delta_sigma(q: float) -> float:
    """Scaling dimension of the order parameter: 1/8, 2/15 and 1/8 for q = 2, 3, 4.

    Raises:
        ValueError: q outside 1 … 4.
    """
    x = _index(q)
    return (1 - 4 * x * x) / (8 - 8 * x)


def thermal_exponent(q: float) -> float:
    """y_T = 2 - Δ_ε: 1, 6/5 and 3/2 for q = 2, 3, 4.

    For q = 4 a marginal operator adds logarithms to every power law.

    Raises:
        ValueError: q outside 1 … 4.

    >>> round(thermal_exponent(3), 12)
    1.2
    """
    return DIMENSION - delta_epsilon(q)


def magnetic_exponent(q: float) -> float:
    """y_H = 2 - Δ_σ: 15/8, 28/15 and 15/8 for q = 2, 3, 4.

    Raises:
        ValueError: q outside 1 … 4.

    >>> magnetic_exponent(4)
    1.875
    """
    return DIMENSION - delta_sigma(q)


def central_charge(q: float) -> float:
    """c of the critical theory: 1/2, 4/5 and 1 for q = 2, 3, 4.

    Raises:
        ValueError: q outside 1 … 4.
    """
    x = _index(q)
    return 1 - 6 * x * x / (1 - x)


def _integral(mu: float) -> float:
    """∫_0^∞ in y = μx, with the ratio of sinh in decaying exponentials."""

    def integrand(y: float) -> float:
        ordinary = math.tanh(y) / y * math.exp(-y)
        if mu == 0:
            return ordinary
        x = y / mu
        share = math.expm1(-2 * (math.pi - mu) * x) / math.expm1(-2 * math.pi * x)
        return ordinary * share

    # Near q = 4 the ratio leaves 1 where y is of the order of μ; 0 itself is no node.
    ends = sorted({0.0, mu, 10 * mu, 1.0, 10.0, math.inf})
    return math.fsum(
        quad(integrand, low, high, epsabs=1e-15, epsrel=1e-13, limit=200)[0]
        for low, high in itertools.pairwise(ends)
    )


def _ordered_sum(theta: float) -> float:
    """Θ + 2 Σ e^{-nΘ} tanh(nΘ) / n.

    tanh is 1 less what decays: the former sums to -ln(1 - e^{-Θ}).
    """
    n = np.arange(1, math.ceil(40 / (3 * theta)) + 1)
    rest = float((np.exp(-n * theta) * (np.tanh(n * theta) - 1) / n).sum())
    return theta - 2 * math.log(-math.expm1(-theta)) + 2 * rest


def _lower_end(q: float, lattice: str) -> float:
    """Where the cubic has its minimum for v ≥ 0: the physical root lies above."""
    return math.sqrt(q) if lattice == "honeycomb" else 0.0


def _index(q: float) -> float:
    _check(q)
    if q > CONTINUOUS:
        raise ValueError(
            f"exponents exist where the transition is continuous, q from 1 to 4, "
            f"got q = {q}; beyond it is of first order, see latent_heat"
        )
    return math.acos(math.sqrt(q) / 2) / math.pi


def _check(q: float) -> None:
    if not (math.isfinite(q) and q >= 1):
        raise ValueError(
            f"the Potts model needs a finite number of states from 1 on, got q = {q}; "
            "give one such as 3"
        )
