"""The infinite square lattice: Onsager's thermodynamics and Yang's magnetization.

H = -J Σ_<ij> s_i s_j, K = βJ of either sign. Everything is written with the modulus
k = sinh²2K in the disordered phase and k = 1/sinh²2K in the ordered one: no term then
cancels another, neither at small nor at large |K|. With f = (2/π) 𝐊(k) - 1 and
B = ∫ cos²φ (1 - k² sin²φ)^(-1/2) dφ over 0…π/2,

    disordered   u = -coth 2K · [k - (1 - k) f]
                 C = K² · [2 + 4k + 2f (1/k + 1 + 2k) - (8/π) k B]
    ordered      u = -coth 2K · [2 - k + (1 - k) f]
                 C = K² · k [6k + 2f (1 + 3k) - (8/π) k B]

Energies are in units of J, heat capacities in k_B, both per site. Sources: L. Onsager,
Phys. Rev. 65, 117 (1944); C. N. Yang, Phys. Rev. 85, 808 (1952); B. M. McCoy and
T. T. Wu, The Two-Dimensional Ising Model (1973). The forms with k follow from Onsager's
modulus 2 sinh 2K / cosh² 2K by a Landen transformation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ellipkm1, elliprd

from kadanoff.exact.constants import ENERGY_C, K_C

__all__ = [
    "correlation_length",
    "energy",
    "heat_capacity",
    "log_partition_per_site",
    "spontaneous_magnetization",
]

ROUNDING = 1e-12  # an inverse length that is zero but for its last bits


def log_partition_per_site(coupling: float) -> float:
    """ln Z per site, that is -βf; even in K.

    ln(2 cosh 2K) + (1/π) ∫_0^{π/2} ln ½[1 + (1 - κ² sin²φ)^½] dφ with
    κ = 2 sinh 2K / cosh² 2K (Onsager 1944).

    Raises:
        ValueError: a coupling that is not finite.

    >>> round(log_partition_per_site(K_C), 12)
    0.929695398342
    """
    strength = abs(_finite(coupling))
    free = 2 * strength + math.log1p(math.exp(-4 * strength))
    return free + _bound_integral(strength) / math.pi


def energy(coupling: float) -> float:
    """Energy per site in units of J; odd in K, -√2 at K_c.

    Raises:
        ValueError: a coupling that is not finite.

    >>> round(energy(K_C), 12)
    -1.414213562373
    """
    if _finite(coupling) == 0:
        return 0.0
    m = _modulus(coupling)
    if m.critical:
        return math.copysign(ENERGY_C, -coupling)
    tail = (1 - m.k) * m.excess_ratio
    bracket = 2 - m.k + m.k * tail if m.ordered else m.k * (1 - tail)
    return -bracket / math.tanh(2 * coupling)


def heat_capacity(coupling: float) -> float:
    """Heat capacity per site in units of k_B; even in K, infinite at ±K_c.

    Raises:
        ValueError: a coupling that is not finite.

    >>> heat_capacity(K_C)
    inf
    """
    m = _modulus(_finite(coupling))
    if m.critical:
        return math.inf
    f_over_k, k = m.excess_ratio, m.k
    if m.ordered:
        second = k * (6 * k + 2 * k * f_over_k * (1 + 3 * k) - m.bend)
    else:
        second = 2 + 4 * k + 2 * f_over_k * (1 + k + 2 * k * k) - m.bend
    return coupling**2 * second if second else 0.0


def spontaneous_magnetization(coupling: float) -> float:
    """Magnetization per site (1 - sinh⁻⁴ 2K)^(1/8) for K > K_c and 0 otherwise.

    It is the uniform one: an antiferromagnet orders its sublattices against each other
    and has none (Yang 1952).

    Raises:
        ValueError: a coupling that is not finite.

    >>> round(spontaneous_magnetization(0.5), 6)
    0.911319
    """
    if _finite(coupling) <= K_C:
        return 0.0
    return max(_modulus(coupling).complement, 0.0) ** (1 / 8)


def correlation_length(coupling: float) -> float:
    """ξ along an axis for 0 < K <= K_c, in sites; ∞ at K_c.

    1/ξ = ln coth K - 2K, of ⟨s_0 s_r⟩ at large r (Onsager 1944; McCoy and Wu 1973).

    Raises:
        ValueError: a coupling outside these bounds.

    >>> round(correlation_length(0.408), 3)
    7.467
    """
    rate = -math.log(math.tanh(coupling)) - 2 * coupling if coupling > 0 else math.nan
    if not rate > -ROUNDING:
        raise ValueError(
            "this is the length of the disordered phase, 0 < K <= K_c = "
            f"{K_C:.6f}, got K = {coupling}; give a coupling in between"
        )
    return 1 / rate if rate > ROUNDING else math.inf


@dataclass(frozen=True)
class _Modulus:
    """The elliptic modulus k in [0, 1] of a coupling, and on which side it lies."""

    k: float
    ordered: bool

    @property
    def complement(self) -> float:
        """1 - k²."""
        return (1 - self.k) * (1 + self.k)

    @property
    def critical(self) -> bool:
        # K_c is no floating-point number: within rounding of it, 1 - k is noise.
        return abs(1 - self.k) < 1e-15

    @property
    def excess_ratio(self) -> float:
        """f/k. One Landen step takes out the k²/4 that 𝐊 - π/2 would round away."""
        root = math.sqrt(self.complement)
        step = self.k / (1 + root)
        rest = float(ellipkm1(4 * root / (1 + root) ** 2)) * 2 / math.pi - 1
        correction = (1 + step**2) * rest / self.k if rest else 0.0
        return step / (1 + root) + correction

    @property
    def bend(self) -> float:
        """(8/π) k B, with B from Carlson's R_D (DLMF 19.25.1)."""
        r_d = float(elliprd(0.0, 1.0, self.complement))
        return 8 / math.pi * self.k * self.complement * r_d / 3


def _modulus(coupling: float) -> _Modulus:
    if abs(coupling) < K_C:
        return _Modulus(k=math.sinh(2 * coupling) ** 2, ordered=False)
    decay = math.exp(-4 * abs(coupling))
    return _Modulus(k=4 * decay / (1 - decay) ** 2, ordered=True)


def _tanh_sinh() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on (0, π/2), crowding at both ends (Takahasi and Mori 1974)."""
    step = 1 / 32
    t = step * np.arange(-128, 129)
    nodes = math.pi / 2 / (1 + np.exp(math.pi * np.sinh(t)))
    weights = step * nodes * (1 - nodes * 2 / math.pi) * math.pi * np.cosh(t)
    return nodes, weights


_ANGLES, _ANGLE_WEIGHTS = _tanh_sinh()


def _bound_integral(strength: float) -> float:
    tangent = math.tanh(2 * strength)
    gap = 2 * tangent**2 - 1
    kappa = 2 * tangent * math.sqrt((1 - tangent) * (1 + tangent))

    # ψ = π/2 - φ, where the integrand bends within |gap| of ψ = 0: tanh-sinh nodes
    # crowd there, whereas adaptive quadrature stops on rounding close to K_c.
    values = np.log((1 + np.hypot(gap, kappa * np.sin(_ANGLES))) / 2)
    return float(_ANGLE_WEIGHTS @ values)


def _finite(coupling: float) -> float:
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )
    return coupling
