"""Which spins a machine ties together, and distances along such ties."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

__all__ = ["NEIGHBOURS", "pair_couplings", "partners", "steps_apart", "ties"]

NEIGHBOURS = 4


def pair_couplings(weights: np.ndarray) -> np.ndarray:
    """J_ij of two visible spins that the hidden units leave, `(spins, spins)`.

    Exact for two visible spins; with more there are couplings of four and more too.

    Args:
        weights: W, `(spins, hidden units)`.
    """
    total = np.zeros((len(weights),) * 2)
    for column in np.tanh(weights.T):
        total += np.arctanh(np.outer(column, column))
    return total


def partners(strength: np.ndarray, count: int = NEIGHBOURS) -> np.ndarray:
    """The strongest partners of every spin, `(spins, count)`.

    Args:
        strength: of every pair, `(spins, spins)`.
        count: of partners.
    """
    others = strength.copy()
    np.fill_diagonal(others, -np.inf)
    return np.argsort(-others, axis=1)[:, :count]


def steps_apart(near: np.ndarray) -> np.ndarray:
    """Least steps between any two spins along partners, infinite where there are none.

    Args:
        near: partners of every spin, `(spins, count)`; a step goes either way.
    """
    spins, count = near.shape
    rows = np.repeat(np.arange(spins), count)
    ones = np.ones(len(rows))
    links = csr_array((ones, (rows, near.ravel())), shape=(spins, spins))
    return shortest_path(links, directed=False, unweighted=True)


def ties(strength: np.ndarray) -> np.ndarray:
    """Strengths between partners alone, either way and none negative, `(spins, spins)`.

    Args:
        strength: of every pair, `(spins, spins)`.
    """
    near = partners(strength)
    kept = np.zeros_like(strength, dtype=float)
    here = np.take_along_axis(strength, near, axis=1)
    np.put_along_axis(kept, near, np.maximum(here, 0), axis=1)
    return np.maximum(kept, kept.T)
