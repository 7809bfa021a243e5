"""XY samplers: reflected clusters, and a heat bath with over-relaxation.

Clusters need a lattice on which every bond can be satisfied; an antiferromagnet on two
sublattices is turned into a ferromagnet by turning every second spin around. The heat
bath takes K of either sign on every lattice. Steps compute with unit vectors in double
precision; between steps the state is the float32 angles that an ensemble stores, so a
chain resumes from its records. The rounding is 1e-7 of a radian, without direction.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

import numpy as np

from kadanoff.kernels import xy as kernel
from kadanoff.kernels.graph_clusters import Walk, walk
from kadanoff.models.xy import XY, wrapped
from kadanoff.samplers.frame import AbstractValueSampler, seed_words
from kadanoff.samplers.ising import check_clusters

__all__ = ["XYHeatBath", "XYSwendsenWang", "XYWolff"]


@dataclass(frozen=True)
class AbstractXYSampler(AbstractValueSampler):
    """Checks, tables and components of all XY samplers."""

    model: XY

    @abstractmethod
    def _update(
        self, x: np.ndarray, y: np.ndarray, seed: np.ndarray, sweeps: int
    ) -> None:
        """Update components `(replica, site)` in place."""

    def _checked(self, values: np.ndarray) -> np.ndarray:
        return checked_angles(values, self._form)

    @cached_property
    def _walk(self) -> Walk:
        return walk(self.model.near)

    @property
    def _signs(self) -> np.ndarray | float:
        """What turns this model into a ferromagnet."""
        if self.coupling >= 0 or self.model.staggering is None:
            return 1.0
        return self.model.staggering.ravel().astype(float)

    def _updated(
        self, values: np.ndarray, rng: np.random.Generator, sweeps: int
    ) -> np.ndarray:
        seed = seed_words(rng)
        angles = values.astype(float)
        x, y = np.cos(angles), np.sin(angles)
        self._update(x, y, seed, sweeps)
        return wrapped(np.arctan2(y, x))


@dataclass(frozen=True)
class AbstractXYClusters(AbstractXYSampler):
    """What Swendsen–Wang and Wolff clusters of XY spins have in common."""

    @abstractmethod
    def _reflect(
        self, x: np.ndarray, y: np.ndarray, seed: np.ndarray, sweeps: int
    ) -> None:
        """Update the components of a ferromagnet in place."""

    def _update(
        self, x: np.ndarray, y: np.ndarray, seed: np.ndarray, sweeps: int
    ) -> None:
        signs = self._signs
        for component in (x, y):
            component *= signs
        self._reflect(x, y, seed, sweeps)
        for component in (x, y):
            component *= signs


@dataclass(frozen=True)
class XYSwendsenWang(AbstractXYClusters):
    """All clusters across one random line at once, each reflected with probability ½.

    Args:
        model: the XY model; if K < 0, on two sublattices.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, at least 1.

    Raises:
        ValueError: a frustrated model.

    >>> sampler = XYSwendsenWang(XY((8, 8)), 1.0, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10).values.dtype
    dtype('float32')
    """

    def _check(self) -> None:
        check_unfrustrated(self.model, self.coupling)

    def _reflect(
        self, x: np.ndarray, y: np.ndarray, seed: np.ndarray, sweeps: int
    ) -> None:
        kernel.reflect_all(x, y, self._walk, abs(self.coupling), seed, sweeps)


@dataclass(frozen=True)
class XYWolff(AbstractXYClusters):
    """Single clusters, each across its own random line.

    Args:
        model: the XY model; if K < 0, on two sublattices.
        coupling: K = βJ, finite, of either sign, not 0.
        replicas: independent chains, at least 1.
        clusters: clusters reflected in one sweep, at least 1.

    Raises:
        ValueError: a frustrated model, K = 0, or fewer than 1 cluster.
    """

    clusters: int = 1

    def _check(self) -> None:
        check_unfrustrated(self.model, self.coupling)
        check_clusters(self.coupling, self.clusters)

    def _reflect(
        self, x: np.ndarray, y: np.ndarray, seed: np.ndarray, sweeps: int
    ) -> None:
        clusters = sweeps * self.clusters
        kernel.reflect_clusters(x, y, self._walk, abs(self.coupling), seed, clusters)


@dataclass(frozen=True)
class XYHeatBath(AbstractXYSampler):
    """Single-spin heat bath in raster order, then reflections that cost no energy.

    Args:
        model: any XY model.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, at least 1.
        reflections: passes of over-relaxation in each sweep, at least 0.

    Raises:
        ValueError: a negative number of reflections.
    """

    reflections: int = 2

    def _check(self) -> None:
        if not isinstance(self.reflections, Integral) or self.reflections < 0:
            raise ValueError(
                f"reflections must be a whole number of at least 0, got "
                f"{self.reflections!r}; give how many passes follow the heat bath"
            )

    def _update(
        self, x: np.ndarray, y: np.ndarray, seed: np.ndarray, sweeps: int
    ) -> None:
        kernel.heat_bath(
            x, y, self._walk, self.coupling, self.reflections, seed, sweeps
        )


def check_unfrustrated(model: XY, coupling: float) -> None:
    """Refuse an antiferromagnet around an odd ring."""
    if coupling < 0 and model.staggering is None:
        raise ValueError(
            f"cluster updates with K < 0 need a lattice without odd rings, got a "
            f"{model.lattice} one of shape {model.shape}: they frustrate the bonds and "
            "clusters no longer follow the correlations; use the heat bath (method "
            "'heat-bath')"
        )


def checked_angles(values: np.ndarray, form: tuple[int, ...]) -> np.ndarray:
    """The angles as float32 in [-π, π), or a sentence."""
    if values.shape != form:
        raise ValueError(
            f"angles to start from must have shape (replica, *lattice) = {form}, got "
            f"{values.shape}; give one configuration per replica"
        )
    if not (np.abs(values) <= np.float32(math.pi)).all():
        strange = values[~(np.abs(values) <= np.float32(math.pi))][0]
        raise ValueError(
            f"angles to start from must be in [-π, π), got {strange}; give them in "
            "radians, less whole turns"
        )
    return wrapped(values)
