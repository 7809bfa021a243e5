"""The forest fire as it happens: strikes, fires and growth one after the other.

One sweep is a *fixed* number of strikes, about as many as make N events with the
growth attempts between them. Stopping at a number of events, or after a large fire,
would be biased. The state is that just before a strike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import pack
from kadanoff.kernels.forest_fire import strike_and_grow
from kadanoff.models.forest_fire import ForestFire
from kadanoff.samplers.frame import check_settings, check_sweeps, checked_spins

__all__ = ["ForestFireDynamics", "ForestState"]


@dataclass(frozen=True, eq=False)
class ForestState:
    """The forests of all replicas and what happened in the last call of `step`.

    Attributes:
        spins: +1 for a tree, -1 for none, int8 `(replica, *lattice)`.
        burnt: trees burnt per strike in the last step, `(replica,)`; NaN before.
        grown: trees grown per strike, likewise.
    """

    spins: np.ndarray
    burnt: np.ndarray
    grown: np.ndarray


@dataclass(frozen=True)
class ForestFireDynamics:
    """The Drossel–Schwabl forest fire in continuous time.

    Args:
        model: the forest.
        coupling: θ = p/f, mean number of growth attempts between strikes, finite, at
            least 0.
        replicas: independent forests, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = ForestFireDynamics(ForestFire((8, 8)), 10.0, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10).spins.shape
    (2, 8, 8)
    """

    model: ForestFire
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        self.model.check(self.coupling)
        check_settings(self.coupling, self.replicas)

    @property
    def strikes(self) -> int:
        """Strikes in one sweep: N/(1 + θ), rounded up."""
        return math.ceil(self.model.geometry.size / (1 + self.coupling))

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> ForestState:
        """A state: trees on half of the sites at random, or a copy of given forests.

        Args:
            rng: draws the hot start; not used if values are given.
            values: ±1, `(replica, *lattice)`.

        Raises:
            ValueError: values of another shape, or other than ±1.
        """
        unknown = np.full(self.replicas, np.nan)
        if values is None:
            values = self.model.hot(self.replicas, rng=rng)
        form = (self.replicas, *self.model.geometry.lattice)
        return ForestState(checked_spins(values, form).copy(), unknown, unknown)

    def step(
        self, state: ForestState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> ForestState:
        """The state after `sweeps` times `strikes`; the given state stays as it was.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        if sweeps == 0:
            return state
        spins = state.spins.reshape(self.replicas, -1).copy()
        seed = rng.integers(0, 2**64, size=4, dtype=np.uint64)
        strikes, theta = sweeps * self.strikes, float(self.coupling)
        burnt, grown = strike_and_grow(spins, self.model.near, theta, seed, strikes)
        return ForestState(
            spins.reshape(state.spins.shape), burnt / strikes, grown / strikes
        )

    def spins(self, state: ForestState) -> np.ndarray:
        """A copy of the forests, int8 `(replica, *lattice)`."""
        return state.spins.copy()

    def packed(self, state: ForestState) -> np.ndarray:
        """Forests as rows of `np.packbits`, trees set, uint8 `(replica, bytes)`."""
        return pack(state.spins, state.spins.ndim - 1)
