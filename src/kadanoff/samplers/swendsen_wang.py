"""Swendsen–Wang: all clusters at once (Phys. Rev. Lett. 58, 86 (1987)).

Satisfied bonds open with `p = 1 - e^{-2|K|}` and every cluster of open bonds is turned
over with probability one half. At K = 0 one sweep draws independent states.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kadanoff.kernels.swendsen_wang import sweep
from kadanoff.kernels.wolff import Walk, bonds, walk
from kadanoff.models.ising import Ising
from kadanoff.samplers.metropolis import AbstractSpinSampler, check_plain

__all__ = ["SwendsenWang", "check_unfrustrated"]


@dataclass(frozen=True)
class SwendsenWang(AbstractSpinSampler):
    """Swendsen–Wang sweeps of the unfrustrated Ising model.

    Args:
        model: nearest neighbours on a hypercube of up to 15 dimensions, no field; if
            K < 0, even sides.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.
    """

    def _check(self) -> None:
        check_plain(self.model, "swendsen-wang")
        check_unfrustrated(self.model, self.coupling)

    @cached_property
    def _walk(self) -> Walk:
        return walk(self.model.shape)

    def _update(self, spins: np.ndarray, rng: np.random.Generator, sweeps: int) -> None:
        seed = rng.integers(0, 2**64, size=4, dtype=np.uint64)
        sweep(spins, self._walk, bonds(self.coupling), seed, sweeps)


def check_unfrustrated(model: Ising, coupling: float) -> None:
    """Refuse an antiferromagnet around an odd ring."""
    if coupling < 0 and model.staggering is None:
        raise ValueError(
            f"cluster updates with K < 0 need a lattice without odd rings, got a "
            f"{model.lattice} one of shape {model.shape}: they frustrate the bonds and "
            "clusters no longer follow the correlations; use the heat bath (method "
            "'heat-bath')"
        )
