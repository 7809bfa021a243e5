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
from kadanoff.samplers.metropolis import AbstractSpinSampler

__all__ = ["SwendsenWang", "check_unfrustrated"]


@dataclass(frozen=True)
class SwendsenWang(AbstractSpinSampler):
    """Swendsen–Wang sweeps of the unfrustrated Ising model.

    Args:
        shape: sides of the periodic lattice, 1 to 15 of them, each at least 2 and, if
            K < 0, even.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.
    """

    def _check(self) -> None:
        check_unfrustrated(self.shape, self.coupling)

    @cached_property
    def _walk(self) -> Walk:
        return walk(self.shape)

    def _update(self, spins: np.ndarray, rng: np.random.Generator, sweeps: int) -> None:
        seed = rng.integers(0, 2**64, size=4, dtype=np.uint64)
        sweep(spins, self._walk, bonds(self.coupling), seed, sweeps)


def check_unfrustrated(shape: tuple[int, ...], coupling: float) -> None:
    """Refuse an antiferromagnet around an odd ring."""
    odd = [side for side in shape if side % 2]
    if coupling < 0 and odd:
        raise ValueError(
            f"cluster updates with K < 0 need even sides, got shape {shape}: an odd "
            f"side of {odd[0]} frustrates the bonds and clusters no longer follow the "
            "correlations; use the heat bath (method 'heat-bath')"
        )
