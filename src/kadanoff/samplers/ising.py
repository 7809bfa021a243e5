"""Ising samplers for any lattice: clusters, also in a field, and a heat bath.

Triangular, honeycomb and hypercubic lattices, second neighbours and a field. Clusters
need an unfrustrated model; an antiferromagnet on two sublattices is turned into a
ferromagnet by turning every second spin over. The heat bath does everything.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

import numpy as np
from scipy.special import expit

from kadanoff.kernels import graph_clusters as kernel
from kadanoff.models.ising import Ising
from kadanoff.samplers.frame import AbstractValueSampler, checked_spins, seed_words

__all__ = [
    "HeatBath",
    "SwendsenWang",
    "Wolff",
]

WORD = 64
REACHED = np.int8(0)
UP_AND_DOWN = np.array([-1, 1], dtype=np.int8)


@dataclass(frozen=True)
class AbstractIsingClusters(AbstractValueSampler):
    """What Swendsen–Wang and Wolff clusters of Ising spins have in common."""

    def _check(self) -> None:
        check_unfrustrated(self.model, self.coupling)
        check_width(self.model)
        self._check_more()

    @abstractmethod
    def _check_more(self) -> None:
        """Refuse what only one of them cannot do."""

    @abstractmethod
    def _update(
        self, spins: np.ndarray, field: float, seed: np.ndarray, sweeps: int
    ) -> None:
        """Update the spins of a ferromagnet in a field K h in place."""

    def _checked(self, values: np.ndarray) -> np.ndarray:
        return checked_spins(values, self._form)

    @cached_property
    def _bonds(self) -> kernel.Bonds:
        strengths = (2 * abs(self.coupling), 2 * self.coupling * self.model.second)
        return kernel.bonds(walk_on(self.model), *strengths)

    def _updated(
        self, values: np.ndarray, rng: np.random.Generator, sweeps: int
    ) -> np.ndarray:
        seed = seed_words(rng)
        signs = self.model.staggering.ravel() if self.coupling < 0 else np.int8(1)
        values *= signs
        self._update(values, self.coupling * self.model.field, seed, sweeps)
        values *= signs
        return values


@dataclass(frozen=True)
class SwendsenWang(AbstractIsingClusters):
    """Swendsen–Wang sweeps of an unfrustrated Ising model on any lattice.

    In a field h a cluster of n spins is drawn up with probability
    1/(1 + e^{-2 K h n}): the bonds to the ghost spin summed over.

    Args:
        model: K times the coupling of second neighbours not below 0; if K < 0, two
            sublattices and no field.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, at least 1.

    Raises:
        ValueError: a frustrated model.

    >>> sampler = SwendsenWang(Ising((8, 8), "triangular"), 0.27, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10).values.shape
    (2, 8, 8)
    """

    def _check_more(self) -> None:
        pass

    def _update(
        self, spins: np.ndarray, field: float, seed: np.ndarray, sweeps: int
    ) -> None:
        kernel.recolour(spins, self._bonds, UP_AND_DOWN, REACHED, field, seed, sweeps)


@dataclass(frozen=True)
class Wolff(AbstractIsingClusters):
    """Wolff clusters of an unfrustrated Ising model on any lattice.

    In a field h a cluster of n spins along it stays with probability 1 - e^{-2|Kh|n},
    that of being tied to the ghost spin.

    Args:
        model: as for `SwendsenWang`.
        coupling: K = βJ, finite, of either sign, not 0.
        replicas: independent chains, at least 1.
        clusters: clusters grown in one sweep, at least 1.

    Raises:
        ValueError: a frustrated model, K = 0, or fewer than 1 cluster.
    """

    clusters: int = 1

    def _check_more(self) -> None:
        check_clusters(self.coupling, self.clusters)

    def _update(
        self, spins: np.ndarray, field: float, seed: np.ndarray, sweeps: int
    ) -> None:
        clusters = sweeps * self.clusters
        kernel.turn_clusters(spins, self._bonds, UP_AND_DOWN, field, seed, clusters)


@dataclass(frozen=True)
class HeatBath(AbstractValueSampler):
    """Single-spin heat bath in raster order of any Ising model, frustrated or not.

    A spin with neighbours of sum n and second neighbours of sum n' is drawn up with
    probability 1/(1 + e^{-2K(n + r n' + h)}) (Glauber, J. Math. Phys. 4, 294 (1963)).

    Args:
        model: any lattice, second neighbours and field.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, at least 1.
    """

    def _check(self) -> None:
        pass

    def _checked(self, values: np.ndarray) -> np.ndarray:
        return checked_spins(values, self._form)

    @cached_property
    def _walk(self) -> kernel.Walk:
        return walk_on(self.model)

    @cached_property
    def _up(self) -> np.ndarray:
        model = self.model
        first, second = (
            2.0 * np.arange(near.shape[1] + 1) - near.shape[1]
            for near in (model.near, model.near_second)
        )
        field = first[:, None] + model.second * second + model.field
        return kernel.thresholds(expit(2 * self.coupling * field))

    def _updated(
        self, values: np.ndarray, rng: np.random.Generator, sweeps: int
    ) -> np.ndarray:
        seed = seed_words(rng)
        kernel.heat_bath(values, self._walk, self._up, seed, sweeps)
        return values


def walk_on(model: Ising) -> kernel.Walk:
    """Steps to nearest and second neighbours."""
    return kernel.walk(model.near, model.near_second)


def check_unfrustrated(model: Ising, coupling: float) -> None:
    """Refuse a model of which no state satisfies every bond."""
    if model.is_frustrated(coupling):
        raise ValueError(
            f"cluster updates need a model without frustration, got K = {coupling} on "
            f"a {model.lattice} lattice of shape {model.shape} with field "
            f"{model.field} and second neighbours {model.second}: no state satisfies "
            "every bond and clusters no longer follow the correlations; use the heat "
            "bath (method 'heat-bath')"
        )


def check_width(model: Ising) -> None:
    """Refuse more bonds of a site than there are bits in a word."""
    if model.near_second.shape[1] > WORD:
        raise ValueError(
            f"cluster updates take at most {WORD} neighbours of one kind, got "
            f"{model.near_second.shape[1]} second ones in {len(model.shape)} "
            "dimensions; use fewer dimensions or the heat bath (method 'heat-bath')"
        )


def check_clusters(coupling: float, clusters: int) -> None:
    """Refuse single clusters that do not mix, or none."""
    if coupling == 0:
        raise ValueError(
            f"Wolff clusters need a coupling other than 0, got {coupling}: each would "
            "be one site, turned over for sure; use method 'swendsen-wang' or "
            "'heat-bath'"
        )
    if not isinstance(clusters, Integral) or clusters < 1:
        raise ValueError(
            f"clusters must be a whole number of at least 1, got {clusters!r}; give "
            "how many to turn over in one sweep"
        )
