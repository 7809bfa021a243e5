"""What leaves the law of a lattice model unchanged: shifts and the global flip.

`augment` draws a random symmetry for every configuration of a batch, so that a
network sees the whole orbit without the data set being multiplied in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Symmetry", "shift"]


@dataclass(frozen=True)
class Symmetry:
    """A group of symmetries to average over.

    Args:
        translations: all shifts of the torus.
        flip: the global spin flip, s → -s (Z2).
    """

    translations: bool = False
    flip: bool = False

    def augment(self, spins: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """A random element applied to each of `(n, *shape)` spins; a new array."""
        out = spins.copy()
        if self.translations:
            steps = rng.integers(0, spins.shape[1:], size=(len(spins), spins.ndim - 1))
            out = shift(out, steps)
        if self.flip:
            signs = rng.integers(0, 2, size=len(spins)).astype(spins.dtype) * 2 - 1
            out *= signs.reshape(-1, *[1] * (spins.ndim - 1))
        return out


def shift(spins: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Each of `(n, *shape)` configurations rolled by its own `(n, d)` vector."""
    sides = spins.shape[1:]
    index = [np.arange(len(spins)).reshape(-1, *[1] * len(sides))]
    for axis, side in enumerate(sides):
        form = [-1 if k == axis else 1 for k in range(len(sides))]
        sites = np.arange(side).reshape(1, *form)
        moved = steps[:, axis].reshape(-1, *[1] * len(sides))
        index.append((sites - moved) % side)
    return spins[tuple(index)]
