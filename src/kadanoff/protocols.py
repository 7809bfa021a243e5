"""The five ideas of the package, each a protocol of one to three methods.

Values flow one way: a `Model` gives a `Sampler` its law, a sampler fills an
`Ensemble`, a `CoarseGraining` maps ensembles to ensembles, and an `Instrument` turns
ensembles into an `Estimate`. An `RGMap` acts on couplings instead of configurations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from kadanoff.ensemble import Ensemble
    from kadanoff.estimate import Estimate
    from kadanoff.geometry import Geometry, Grid

__all__ = ["CoarseGraining", "Instrument", "Model", "RGMap", "Sampler"]


@runtime_checkable
class Model(Protocol):
    """A law on configurations with one coupling, and what there is to see of it.

    A model with an energy has the law exp(-K E)/Z (times a fixed measure of single
    sites), E in units of J, and a method `energy(values) -> (n,)`, per site. A driven
    model has a stationary law and no energy.
    """

    name: ClassVar[str]
    """What files and the command line call it."""

    @property
    def alphabet(self) -> str:
        """`pm1`, `potts:q`, `angle` or `real`."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along each direction."""
        ...

    @property
    def geometry(self) -> Grid:
        """The lattice the model lives on."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments that rebuild the model together with its shape."""
        ...

    def couplings(self, coupling: float) -> dict[str, float]:
        """The couplings by name, for the record; the one that is varied comes first."""
        ...

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """What must have equilibrated: energy and order parameters squared, `(n,)`."""
        ...

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Disordered starts, `(n, *lattice)`."""
        ...

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """Ordered starts, `(n, *lattice)`."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """Draws from the law of `model` at `coupling`, many replicas at a time."""

    @property
    def replicas(self) -> int:
        """How many independent chains one state carries."""
        ...

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> Any:
        """A state: from `(replica, *lattice)` values, or hot where none are given."""
        ...

    def step(self, state: Any, *, rng: np.random.Generator, sweeps: int = 1) -> Any:
        """The state after `sweeps` updates; the given state stays as it was."""
        ...

    def packed(self, state: Any) -> np.ndarray:
        """Rows as an ensemble stores them.

        `(replica, bytes)` of `np.packbits` for ±1, else `(replica, *lattice)`.
        """
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

    @property
    def features(self) -> int | None:
        """Number of feature maps of the output; None where there is no such axis."""
        ...

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """Coarse values drawn for `(n, *fine.lattice)`.

        Their shape is `(n, *coarse.lattice)`, or `(n, feature, *coarse.lattice)`.
        """
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
