"""The free lattice field on a periodic grid: every average in closed form.

The law is e^{-S} with S = Σ_x φ_x² - K Σ_<ij> φ_i φ_j on a torus of any dimension.
Plane waves diagonalise it, with momenta k_μ = 2πl/L_μ:

    ⟨|φ_k|²⟩/N = 1 / (2 - 2K Σ_μ cos k_μ),    G(r) = (1/N) Σ_k e^{ikr} ⟨|φ_k|²⟩/N.

Each site owns one forward bond per direction, so a side of 2 has double bonds and a
side of 1 is refused. The field exists while every denominator is positive: |K| d < 1
on even sides; a negative K reaches a little further on odd ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "correlation",
    "energy",
    "field_squared",
    "log_partition",
    "magnetization_squared",
    "propagator",
]


def propagator(shape: Sequence[int], coupling: float) -> NDArray[np.float64]:
    """⟨|φ_k|²⟩/N of every mode, an array of the lattice's shape in FFT order.

    Raises:
        ValueError: a bad shape, or a coupling at which some mode is unstable.

    >>> propagator((4,), 0.5).tolist()
    [1.0, 0.5, 0.3333333333333333, 0.5]
    """
    return 1 / _stiffness(_sides(shape), coupling)


def correlation(shape: Sequence[int], coupling: float) -> NDArray[np.float64]:
    """G(r) = ⟨φ_x φ_{x+r}⟩ for every displacement r, an array of the lattice's shape.

    Raises:
        ValueError: a bad shape, or a coupling at which some mode is unstable.
    """
    return np.fft.ifftn(propagator(shape, coupling)).real


def field_squared(shape: Sequence[int], coupling: float) -> float:
    """⟨φ²⟩ of one site; ½ at K = 0.

    Raises:
        ValueError: a bad shape, or a coupling at which some mode is unstable.
    """
    return float(propagator(shape, coupling).mean())


def magnetization_squared(shape: Sequence[int], coupling: float) -> float:
    """⟨m²⟩ with m the mean of the field over the lattice: 1 / (2N(1 - Kd)).

    Raises:
        ValueError: a bad shape, or a coupling at which some mode is unstable.
    """
    modes = propagator(shape, coupling)
    return float(modes.flat[0]) / modes.size


def energy(shape: Sequence[int], coupling: float) -> float:
    """-Σ_<ij> ⟨φ_i φ_j⟩ / N, per site; -(1/N) ∂lnZ/∂K.

    Raises:
        ValueError: a bad shape, or a coupling at which some mode is unstable.
    """
    cosines = _cosines(_sides(shape))
    return float(-(cosines * propagator(shape, coupling)).mean())


def log_partition(shape: Sequence[int], coupling: float) -> float:
    """ln Z = ln ∫ e^{-S} Π dφ, a total.

    Raises:
        ValueError: a bad shape, or a coupling at which some mode is unstable.

    >>> round(log_partition((3, 3), 0.0) / 9 - math.log(math.pi) / 2, 12)
    0.0
    """
    modes = propagator(shape, coupling)
    return float(np.log(2 * math.pi * modes).sum()) / 2


def _stiffness(sides: tuple[int, ...], coupling: float) -> NDArray[np.float64]:
    cosines = _cosines(sides)
    low, high = 1 / float(cosines.min()), 1 / float(cosines.max())
    # Written so that a coupling that is not a number fails too.
    if not low < coupling < high:
        raise ValueError(
            f"a free field on {'x'.join(map(str, sides))} needs a coupling between "
            f"{low:.6g} and {high:.6g}, both excluded, got {coupling}; "
            "take it closer to 0, or add a quartic term"
        )
    return 2 - 2 * coupling * cosines


def _cosines(sides: tuple[int, ...]) -> NDArray[np.float64]:
    """Σ_μ cos k_μ on the grid of momenta."""
    # cos 2πl/L of the nearer of l and L - l: opposite momenta agree to the last bit.
    axes = [np.cos(2 * math.pi * abs(np.fft.fftfreq(side))) for side in sides]
    return reduce(np.add.outer, axes)


def _sides(shape: Sequence[int]) -> tuple[int, ...]:
    if not shape or any(not isinstance(s, Integral) or s < 2 for s in shape):
        raise ValueError(
            f"a free field needs whole sides of at least 2, got shape {tuple(shape)}; "
            "give one per dimension, such as (8, 8)"
        )
    return tuple(int(side) for side in shape)
