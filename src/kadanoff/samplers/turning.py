"""Random global moves along a symmetry of the law.

A local sampler below the critical temperature stays in the phase it started in, or
leaves it once in an age. Turning the whole configuration, by a flip of all spins, a
cyclic shift of all Potts states or a rotation of all angles, keeps every law that has
the symmetry, costs nothing, and makes the sign of the magnetization independent from
draw to draw.
"""

from __future__ import annotations

import math

import numpy as np

from kadanoff.alphabet import stored
from kadanoff.protocols import Model

__all__ = ["is_symmetric", "turned"]


def is_symmetric(model: Model) -> bool:
    """Whether the law of a model keeps when all of its values are turned."""
    if model.name == "ising":
        return not model.parameters["field"]
    return model.name in ("potts", "xy")


def turned(rows: np.ndarray, model: Model, *, rng: np.random.Generator) -> np.ndarray:
    """Rows as an ensemble stores them, each turned by an independent random move.

    Args:
        rows: `(replica, bytes)` of ±1 spins, else `(replica, *lattice)`.
        model: a symmetric one.
        rng: draws one move per row.
    """
    moves = rng.random(len(rows)).reshape(-1, *(1,) * (rows.ndim - 1))
    if model.alphabet == "pm1":
        bits = model.geometry.size
        all_spins = np.packbits(np.ones(bits, np.uint8))  # the last byte may be part
        return rows ^ np.where(moves < 0.5, all_spins, np.uint8(0))
    if model.alphabet == "angle":
        return stored(rows + 2 * math.pi * moves, "angle")
    states = int(model.alphabet.partition(":")[2])
    shifts = (moves * states).astype(np.int64)
    return ((rows + shifts) % states).astype(np.uint8)
