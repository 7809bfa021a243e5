"""Self-similarity by box counting: how many boxes of side s a set of sites touches.

    N(s) ~ s^(-D)

with D the dimension of the set over the scales where the slope stands still: 2 for all
of a plane, 1 for a line, ln 3/ln 2 for Sierpiński's gasket. The largest cluster of
equal neighbouring spins of the square-lattice Ising model at T_c has D = 187/96
(A. L. Stella and C. Vanderzande, Phys. Rev. Lett. 62, 1067 (1989)). Slopes are local,
between neighbouring scales, so that a set without a power law is seen to have none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import label

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.instruments.operators import lattice_of

__all__ = ["Boxes", "box_counting", "box_sides", "count_boxes", "largest_cluster"]

Sets = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Boxes:
    """How many boxes a set touches, scale by scale.

    Attributes:
        sides: s of the boxes in sites, rising; powers of two.
        counts: ⟨N(s)⟩.
        slopes: -d ln⟨N⟩/d ln s from each side to the next, one fewer than the sides.
    """

    sides: tuple[int, ...]
    counts: Estimate
    slopes: Estimate

    @property
    def dimension(self) -> Estimate:
        """D over all scales: the slope from the smallest to the largest box."""
        span = np.log(self.sides[-1] / self.sides[0])
        return self.counts.map(lambda n: np.log(n[0] / n[-1]) / span)


def box_counting(
    ensemble: Ensemble,
    *,
    sets: Sets | None = None,
    sides: Sequence[int] | None = None,
) -> Boxes:
    """Boxes that a set of sites of each configuration touches.

    Args:
        ensemble: values on a lattice of two or more dimensions.
        sets: `(n, *lattice)` values → marked sites, booleans of the same shape; the
            largest cluster of equal spins where not given.
        sides: of the boxes in sites, two or more that divide the lattice and rise; all
            powers of two from 1 to half of the lattice where not given.

    Raises:
        ValueError: no positions, several feature maps or several sites per cell, sides
            that do not divide the lattice, or a set without a single site.
    """
    shape = lattice_of(ensemble).shape
    scales = box_sides(shape) if sides is None else tuple(sides)
    _check(scales, shape)
    marked = largest_cluster if sets is None else sets

    def observe(values: np.ndarray) -> tuple[np.ndarray]:
        return (count_boxes(marked(values), scales).mean(axis=0),)

    counts = jackknife(observe, lambda n: n, ensemble)
    if not (counts.value > 0).all():
        raise ValueError(
            "box counting needs a set of at least one site, got an empty one; mark "
            "other sites"
        )
    steps = np.diff(np.log(scales))
    slopes = counts.map(lambda n: -np.diff(np.log(n)) / steps)
    return Boxes(scales, counts, slopes)


def box_sides(shape: Sequence[int]) -> tuple[int, ...]:
    """Powers of two that divide a lattice, up to half of its shortest side.

    >>> box_sides((32, 48))
    (1, 2, 4, 8, 16)
    """
    largest = min(shape) // 2
    powers = (2**k for k in range(largest.bit_length()))
    return tuple(s for s in powers if all(n % s == 0 for n in shape))


def count_boxes(marked: np.ndarray, sides: Sequence[int]) -> np.ndarray:
    """How many boxes of each side hold a marked site, `(n, sides)`.

    Args:
        marked: booleans `(n, *lattice)`.
        sides: of the boxes; each divides the lattice.

    >>> count_boxes(np.eye(4, dtype=bool)[None], (1, 2, 4)).tolist()
    [[4, 2, 1]]
    """
    return np.stack([_touched(marked, side) for side in sides], axis=-1)


def largest_cluster(values: np.ndarray) -> np.ndarray:
    """The largest cluster of equal neighbouring values on the torus, as booleans.

    Args:
        values: `(n, *lattice)` spins or Potts states. Of several largest clusters that
            of the first site.
    """
    return np.stack([_largest(one) for one in values])


def _touched(marked: np.ndarray, side: int) -> np.ndarray:
    """Boxes of one side that hold a marked site, one number for each configuration."""
    cut: list[int] = [len(marked)]
    for n in marked.shape[1:]:
        cut += [n // side, side]
    inside = tuple(range(2, len(cut), 2))
    held = marked.reshape(cut).any(axis=inside)
    return np.reshape(held, (len(marked), -1)).sum(axis=1)


def _largest(values: np.ndarray) -> np.ndarray:
    """Of one configuration."""
    every = np.zeros(values.shape, dtype=int)
    for value in np.unique(values):
        own = values == value
        every[own] = every.max() + _clusters(own)[own]
    sizes = np.bincount(every.ravel())
    largest = sizes[every] == sizes.max()
    return every == every[largest][0]


def _clusters(marked: np.ndarray) -> np.ndarray:
    """Number of the cluster of each marked site on the torus; 0 of the others."""
    labelled: Any = label(marked)
    found, count = labelled
    root = np.arange(count + 1)

    def of(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    for axis in range(marked.ndim):
        first, last = found.take(0, axis), found.take(-1, axis)
        touching = (first > 0) & (last > 0)
        for a, b in zip(first[touching], last[touching], strict=True):
            root[of(int(a))] = of(int(b))
    return np.array([of(k) for k in range(count + 1)])[found]


def _check(sides: tuple[int, ...], shape: tuple[int, ...]) -> None:
    rising = len(sides) > 1 and all(a < b for a, b in itertools.pairwise(sides))
    divide = all(s >= 1 and n % s == 0 for s in sides for n in shape)
    if not rising or not divide:
        raise ValueError(
            "box counting needs two or more rising sides that divide the lattice "
            f"{'×'.join(map(str, shape))}, got {sides}; give for example 1, 2, 4"
        )
