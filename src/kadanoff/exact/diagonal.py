"""Two-point functions of the infinite square lattice along its diagonal.

⟨s_00 s_NN⟩ is the N×N Toeplitz determinant det a_{i-j} of the symbol

    [(1 - k e^{-iθ}) / (1 - k e^{iθ})]^{1/2},           k = 1/sinh² 2K ≤ 1,
    -e^{-iθ} [(1 - k e^{iθ}) / (1 - k e^{-iθ})]^{1/2},   k = sinh² 2K ≤ 1,

in the ordered and in the disordered phase, a_n being the coefficient of e^{inθ} (B. M.
McCoy and T. T. Wu, The Two-Dimensional Ising Model (1973), chapter VIII; the lattice is
isotropic here). The coefficients are integrals of one sign along the cuts of the
symbol. At K_c the determinant is a product,

    ⟨s_00 s_NN⟩ = (2/π)^N Π_{l=1}^{N-1} (1 - 1/(4l²))^{l-N} → B (N√2)^{-1/4}

(T. T. Wu, Phys. Rev. 149, 380 (1966)). Sites of the diagonal belong to one sublattice,
hence the correlation is even in K. The distance of the two spins is N√2.
"""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from kadanoff.exact import onsager
from kadanoff.exact.constants import K_C

__all__ = [
    "critical_correlation",
    "diagonal_correlation",
    "nearest_neighbour_correlation",
]

MAX_DISTANCE = 1000
"""Largest N of a determinant: N³ operations, a tenth of a second."""


def diagonal_correlation(distance: int, coupling: float) -> float:
    """⟨s_00 s_NN⟩ of the infinite lattice at any K; even in K, 1 at N = 0.

    The absolute error is some 1e-14, so a correlation that has decayed below that, far
    above T_c, is lost. In the ordered phase it includes the squared magnetization.

    Args:
        distance: N, the number of diagonal steps; the spins are N√2 sites apart.
        coupling: K = βJ of either sign.

    Raises:
        ValueError: a distance that is no whole number from 0 to 1000, or a coupling
            that is not finite.

    >>> round(diagonal_correlation(1, K_C) * math.pi / 2, 12)
    1.0
    """
    n = _steps(distance)
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )
    if n > MAX_DISTANCE:
        raise ValueError(
            f"a correlation off criticality needs a distance of at most {MAX_DISTANCE} "
            f"diagonal steps, got {n}; beyond, take its limit"
        )
    ordered, k = _modulus(abs(coupling))
    if n == 0 or abs(1 - k) < 1e-15:  # K_c is no floating-point number
        return critical_correlation(n)
    ahead, behind = _coefficients(n, k)
    if ordered:
        matrix = toeplitz(ahead[:n], behind[:n])
    else:
        # a_n = -c_{-n-1}: the series of one sign, shifted by one.
        matrix = -toeplitz(behind[1:], np.concatenate([behind[1:2], ahead[: n - 1]]))
    return float(np.linalg.det(matrix))


def critical_correlation(distance: int) -> float:
    """⟨s_00 s_NN⟩ at K_c, a product, for any N.

    Raises:
        ValueError: a distance that is no whole number from 0 on.

    >>> round(critical_correlation(2), 8)
    0.54037965
    """
    n = _steps(distance)
    l = np.arange(1, n)
    log = n * math.log(2 / math.pi) + ((l - n) * np.log1p(-1 / (4.0 * l * l))).sum()
    return math.exp(log)


def nearest_neighbour_correlation(coupling: float) -> float:
    """⟨s_00 s_01⟩, minus half the energy per site; odd in K, 1/√2 at K_c.

    Raises:
        ValueError: a coupling that is not finite.

    >>> round(nearest_neighbour_correlation(K_C) ** 2, 12)
    0.5
    """
    return 0.0 - onsager.energy(coupling) / 2


def _modulus(strength: float) -> tuple[bool, float]:
    """Whether the lattice is ordered, and k."""
    if strength < K_C:
        return False, math.sinh(2 * strength) ** 2
    decay = math.exp(-4 * strength)
    return True, 4 * decay / (1 - decay) ** 2


def _coefficients(n: int, k: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """c_0 … c_n and c_0, c_{-1} … c_{-n} of [(1 - k e^{-iθ}) / (1 - k e^{iθ})]^{1/2}.

    The contour drawn onto the cuts of the symbol: with 1 - u² the place on a cut,
    c_j = (2k^j/π) ∫ (1 - u²)^{j-1/2} (1 - k² + k²u²)^{1/2} du over 0…1 and
    c_{-j} = -(2k^j/π) ∫ (1 - u²)^{j-3/2} u² (1 - k² + k²u²)^{-1/2} du.
    """
    j = np.arange(n + 1)[:, None]
    distance = np.sqrt((1 - k) * (1 + k) + (k * _ROOTS) ** 2)
    scale = 2 / math.pi * k ** j[:, 0]
    ahead = scale * (_PLACES ** (j - 0.5) @ (_WEIGHTS * distance))
    behind = -scale[1:] * (_PLACES ** (j[1:] - 1.5) @ (_WEIGHTS * _ROOTS**2 / distance))
    return ahead, np.concatenate([ahead[:1], behind])


def _nodes() -> tuple[NDArray[np.float64], ...]:
    """u, 1 - u² and weights on (0, 1), crowding at both ends (Takahasi and Mori 1974).

    At K_c the integrands bend at u = 0, and for small j they are singular at u = 1.
    """
    step = 1 / 32
    t = step * np.arange(-128, 129)
    u = 1 / (1 + np.exp(math.pi * np.sinh(t)))
    rest = u[::-1]
    weights = step * u * rest * math.pi * np.cosh(t)
    return u, rest * (1 + u), weights


_ROOTS, _PLACES, _WEIGHTS = _nodes()


def _steps(distance: int) -> int:
    if not isinstance(distance, Integral) or distance < 0:
        raise ValueError(
            f"the distance must be a whole number of diagonal steps from 0 on, got "
            f"{distance}; two spins N√2 apart are N steps apart"
        )
    return int(distance)
