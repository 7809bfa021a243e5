"""Single-spin Metropolis, one spin after the other: the obvious slow twin.

Sites in raster order; a spin with `n` of its `2d` bonds satisfied flips with
probability `(1 - 2^-8) min(1, e^{-4|K|(n-d)})` (Metropolis et al., J. Chem. Phys. 21,
1087 (1953)). The small factor makes the chain ergodic on every lattice of two or more
dimensions; see `kadanoff.kernels.metropolis.flip_probabilities`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kadanoff.kernels.metropolis import flip_probabilities, sweep
from kadanoff.samplers.frame import AbstractValueSampler, check_plain, checked_spins

__all__ = ["Metropolis", "check_metropolis"]


@dataclass(frozen=True)
class Metropolis(AbstractValueSampler):
    """Metropolis in raster order, about a hundred times slower than `Multispin`.

    Args:
        model: nearest neighbours on a hypercube of 2 to 15 dimensions, no field.
        coupling: K = βJ, finite, of either sign, not 0.
        replicas: independent chains, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> from kadanoff.models.ising import Ising
    >>> sampler = Metropolis(Ising((8, 8)), 0.4, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10).values.shape
    (2, 8, 8)
    """

    def _check(self) -> None:
        check_plain(self.model, "metropolis")
        check_metropolis(self.model.shape, self.coupling)

    def _checked(self, values: np.ndarray) -> np.ndarray:
        return checked_spins(values, self._form)

    def _updated(
        self, values: np.ndarray, rng: np.random.Generator, sweeps: int
    ) -> np.ndarray:
        flip = flip_probabilities(self.coupling, len(self.model.shape))
        sign = 1 if self.coupling > 0 else -1
        sweep(values, self.model.near, flip, sign, sweeps, rng)
        return values


def check_metropolis(shape: tuple[int, ...], coupling: float) -> None:
    """Refuse where Metropolis in raster order does not mix."""
    if math.exp(-4 * abs(coupling)) == 1:
        raise ValueError(
            f"Metropolis in raster order needs a coupling other than 0, got "
            f"{coupling}: it would turn every spin over again and again; use "
            "the heat bath (method 'heat-bath')"
        )
    if len(shape) == 1:
        raise ValueError(
            f"Metropolis in raster order needs 2 or more dimensions, got shape "
            f"{shape}: on a ring it moves domain walls without changing their number; "
            "use the heat bath (method 'heat-bath')"
        )
