"""Potts samplers: Swendsen–Wang, Wolff and heat bath on any lattice.

Clusters of equal neighbours are grown with bonds open with p = 1 - e^{-K} (Swendsen and
Wang, Phys. Rev. Lett. 58, 86 (1987); Wolff, Phys. Rev. Lett. 62, 361 (1989)). They need
K >= 0: for K < 0 unequal neighbours are favoured, and no cluster of equal ones helps.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kadanoff.kernels import graph_clusters, potts
from kadanoff.models.potts import Potts
from kadanoff.samplers.frame import AbstractValueSampler, seed_words
from kadanoff.samplers.ising import check_clusters

__all__ = ["PottsHeatBath", "PottsSwendsenWang", "PottsWolff"]

REACHED = np.uint8(255)


@dataclass(frozen=True)
class AbstractPottsSampler(AbstractValueSampler):
    """Checks and tables of all Potts samplers."""

    model: Potts

    @abstractmethod
    def _update(self, values: np.ndarray, seed: np.ndarray, sweeps: int) -> None:
        """Update values `(replica, site)` in place."""

    def _checked(self, values: np.ndarray) -> np.ndarray:
        return checked_states(values, self._form, self.model.q)

    def _updated(
        self, values: np.ndarray, rng: np.random.Generator, sweeps: int
    ) -> np.ndarray:
        seed = seed_words(rng)
        self._update(values, seed, sweeps)
        return values

    @cached_property
    def _walk(self) -> graph_clusters.Walk:
        return graph_clusters.walk(self.model.near)

    @cached_property
    def _bonds(self) -> graph_clusters.Bonds:
        return graph_clusters.bonds(self._walk, self.coupling)

    @cached_property
    def _palette(self) -> np.ndarray:
        return np.arange(self.model.q, dtype=np.uint8)


@dataclass(frozen=True)
class PottsSwendsenWang(AbstractPottsSampler):
    """Swendsen–Wang: every cluster takes one of the q states.

    Args:
        model: any Potts model.
        coupling: K = βJ, finite, at least 0; at 0 one sweep draws independent states.
        replicas: independent chains, at least 1.

    Raises:
        ValueError: K < 0.

    >>> sampler = PottsSwendsenWang(Potts((8, 8), 3), 1.0, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10).values.dtype
    dtype('uint8')
    """

    def _check(self) -> None:
        check_ferromagnet(self.model, self.coupling)

    def _update(self, values: np.ndarray, seed: np.ndarray, sweeps: int) -> None:
        graph_clusters.recolour(
            values, self._bonds, self._palette, REACHED, 0.0, seed, sweeps
        )


@dataclass(frozen=True)
class PottsWolff(AbstractPottsSampler):
    """Wolff: the cluster of a random site takes one of the q - 1 other states.

    Args:
        model: any Potts model.
        coupling: K = βJ, finite, above 0.
        replicas: independent chains, at least 1.
        clusters: clusters turned over in one sweep, at least 1.

    Raises:
        ValueError: K <= 0, or fewer than 1 cluster.
    """

    clusters: int = 1

    def _check(self) -> None:
        check_ferromagnet(self.model, self.coupling)
        check_clusters(self.coupling, self.clusters)

    def _update(self, values: np.ndarray, seed: np.ndarray, sweeps: int) -> None:
        clusters = sweeps * self.clusters
        graph_clusters.turn_clusters(
            values, self._bonds, self._palette, 0.0, seed, clusters
        )


@dataclass(frozen=True)
class PottsHeatBath(AbstractPottsSampler):
    """Single-site heat bath in raster order, for K of either sign.

    Args:
        model: any Potts model.
        coupling: K = βJ, finite.
        replicas: independent chains, at least 1.
    """

    def _check(self) -> None:
        pass

    def _update(self, values: np.ndarray, seed: np.ndarray, sweeps: int) -> None:
        weights = potts.weights(self.coupling, self.model.near.shape[1])
        potts.heat_bath(values, self._walk, weights, self.model.q, seed, sweeps)


def check_ferromagnet(model: Potts, coupling: float) -> None:
    """Refuse an antiferromagnet, which has no clusters of equal values."""
    if coupling < 0:
        raise ValueError(
            f"cluster updates of the Potts model need K >= 0, got {coupling}: for "
            "K < 0 neighbours differ and clusters of equal values do not follow the "
            "correlations; use the heat bath (method 'heat-bath')"
        )


def checked_states(values: np.ndarray, form: tuple[int, ...], q: int) -> np.ndarray:
    """The values as uint8, or a sentence."""
    if values.shape != form:
        raise ValueError(
            f"values to start from must have shape (replica, *lattice) = {form}, got "
            f"{values.shape}; give one configuration per replica"
        )
    wrong = ~np.isin(values, np.arange(q))
    if wrong.any():
        strange = values[wrong][0]
        raise ValueError(
            f"values to start from must be whole numbers 0 to {q - 1}, got {strange}; "
            "number the states from 0"
        )
    return values.astype(np.uint8)
