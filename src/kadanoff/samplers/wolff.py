"""Wolff: single clusters from random sites (Phys. Rev. Lett. 62, 361 (1989)).

One sweep turns a *fixed* number of clusters over, whatever their size. Stopping once a
number of spins has been turned would be biased: the last cluster is then more often a
large one, and large clusters go with ordered states.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

import numpy as np

from kadanoff.kernels.wolff import Walk, bonds, turn_clusters, walk
from kadanoff.samplers.metropolis import AbstractSpinSampler, check_plain
from kadanoff.samplers.swendsen_wang import check_unfrustrated

__all__ = ["Wolff"]


@dataclass(frozen=True)
class Wolff(AbstractSpinSampler):
    """Wolff clusters of the unfrustrated Ising model.

    Args:
        model: nearest neighbours on a hypercube of up to 15 dimensions, no field; if
            K < 0, even sides.
        coupling: K = βJ, finite, of either sign, not 0.
        replicas: independent chains, at least 1.
        clusters: clusters turned over in one sweep, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.
    """

    clusters: int = 1

    def _check(self) -> None:
        check_plain(self.model, "wolff")
        check_unfrustrated(self.model, self.coupling)
        if not bonds(self.coupling).threshold:
            raise ValueError(
                f"Wolff clusters need a coupling other than 0, got {self.coupling}: "
                "each would be one spin, and the parity of the up spins would "
                "alternate; use method 'swendsen-wang' or 'heat-bath'"
            )
        if not isinstance(self.clusters, Integral) or self.clusters < 1:
            raise ValueError(
                f"clusters must be a whole number of at least 1, got "
                f"{self.clusters!r}; give how many to turn over in one sweep"
            )

    @cached_property
    def _walk(self) -> Walk:
        return walk(self.model.shape)

    def _update(self, spins: np.ndarray, rng: np.random.Generator, sweeps: int) -> None:
        seed = rng.integers(0, 2**64, size=4, dtype=np.uint64)
        clusters = sweeps * self.clusters
        turn_clusters(spins, self._walk, bonds(self.coupling), seed, clusters)
