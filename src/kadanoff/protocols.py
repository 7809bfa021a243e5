"""The five ideas of the package, each a protocol of one to three methods.

Values flow one way: a `Model` gives a `Sampler` its law, a sampler fills an
`Ensemble`, a `CoarseGraining` maps ensembles to ensembles, and an `Instrument` turns
ensembles into an `Estimate`. An `RGMap` acts on couplings instead of configurations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    from kadanoff.ensemble import Ensemble
    from kadanoff.estimate import Estimate
    from kadanoff.geometry import Geometry

__all__ = ["CoarseGraining", "Instrument", "Model", "RGMap", "Sampler"]


@runtime_checkable
class Model(Protocol):
    """An energy function on a geometry."""

    @property
    def geometry(self) -> Geometry:
        """The lattice the model lives on."""
        ...

    def energy(self, spins: np.ndarray) -> np.ndarray:
        """Energy per site in units of J of `(n, *lattice)` spins; shape `(n,)`."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """A Markov kernel with a declared stationary law, many replicas at a time."""

    @property
    def replicas(self) -> int:
        """How many independent chains one state carries."""
        ...

    def init(self, *, rng: np.random.Generator, spins: np.ndarray | None = None) -> Any:
        """A state: from `(replica, *shape)` spins, or hot where none are given."""
        ...

    def step(self, state: Any, *, rng: np.random.Generator, sweeps: int = 1) -> Any:
        """The state after `sweeps` updates; the given state stays as it was."""
        ...

    def packed(self, state: Any) -> np.ndarray:
        """Spins as rows of `np.packbits`, shape `(replica, bytes)`."""
        ...


@runtime_checkable
class CoarseGraining(Protocol):
    """A conditional law P(coarse | fine), written for every lattice it fits."""

    def coarse(self, fine: Geometry) -> Geometry:
        """The geometry of the output; a sentence (ValueError) where it cannot fit."""
        ...

    def alphabet(self, fine: str) -> str:
        """The alphabet of the output given that of the input."""
        ...

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """Coarse values `(n, *coarse.lattice)` drawn for `(n, *fine.lattice)`."""
        ...


@runtime_checkable
class RGMap(Protocol):
    """A renormalization-group map on a description of the theory."""

    def step(self, theory: Any) -> Any:
        """The theory after one change of scale."""
        ...


@runtime_checkable
class Instrument(Protocol):
    """Observables of each configuration and a function of their means."""

    def __call__(self, ensemble: Ensemble, /) -> Estimate:
        """The reading, with aligned jackknife replicates."""
        ...
