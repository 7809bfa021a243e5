"""Four spins around a square of the infinite square lattice: their whole law.

Two-spin correlations are those of a side, c_1 (Onsager's energy), and of a diagonal,
c_2 (a Toeplitz determinant, 2/π at K_c). Spins around one face of a planar lattice have
Pfaffian correlations (J. Groeneveld, R. J. Boel and P. W. Kasteleyn, Physica A 93, 138
(1978)), which leaves nothing unknown:

    ⟨s_1 s_2 s_3 s_4⟩ = ⟨s_1 s_2⟩⟨s_3 s_4⟩ − ⟨s_1 s_3⟩⟨s_2 s_4⟩ + ⟨s_1 s_4⟩⟨s_2 s_3⟩
                      = 2 c_1² − c_2²
"""

from __future__ import annotations

import numpy as np

from kadanoff.exact.diagonal import diagonal_correlation, nearest_neighbour_correlation
from kadanoff.exact.pairs import states

__all__ = ["four_point", "plaquette_law"]

CORNERS = 4


def four_point(coupling: float) -> float:
    """⟨s_1 s_2 s_3 s_4⟩ around a square of the infinite lattice, without units.

    Args:
        coupling: K = βJ.

    Raises:
        ValueError: a coupling that is not finite.
    """
    side = nearest_neighbour_correlation(coupling)
    return 2 * side**2 - diagonal_correlation(1, coupling) ** 2


def plaquette_law(coupling: float) -> np.ndarray:
    """Probabilities of the states of the four spins, `(16,)`, m = ±M mixed evenly.

    Args:
        coupling: K = βJ.

    Returns:
        In the order of `exact.pairs.states`, spins in their order around the square.

    Raises:
        ValueError: a coupling that is not finite.

    >>> round(float(plaquette_law(0.0)[0]) * 16, 12)
    1.0
    """
    side = nearest_neighbour_correlation(coupling)
    across = diagonal_correlation(1, coupling)
    s = states(CORNERS).astype(float)
    sides = (s * np.roll(s, 1, axis=1)).sum(axis=1)
    diagonals = s[:, 0] * s[:, 2] + s[:, 1] * s[:, 3]
    products = s.prod(axis=1)
    even = side * sides + across * diagonals + four_point(coupling) * products
    return (1 + even) / len(s)
