"""The epidemic as it happens, and from its own past where it has died out.

The law of those that live is π, the quasi-stationary one. A replica that dies out goes
on at once from a configuration of π: that is how the loss of probability is made up for
in the equation of motion of the survivors, and π is stationary under it. One drawn from
what the replica itself has been will do (M. M. de Oliveira and R. Dickman, Phys. Rev. E
71, 016129 (2005)), up to an error of the order of one over the number of independent
configurations that it remembers. Replicas share nothing: they stay independent.

One sweep is a unit of time, in which an infected site recovers once. A state that was
just made has no past: its first step lives through some before it is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import pack
from kadanoff.kernels.epidemic import spread
from kadanoff.models.epidemic import Epidemic
from kadanoff.samplers.frame import (
    check_settings,
    check_sweeps,
    checked_spins,
    seed_words,
)
from kadanoff.samplers.table import spacing_of

__all__ = ["EpidemicState", "QuasiStationary"]

PAST_BYTES = 1 << 17  # of one replica: copied at every step
MOST_SLOTS = 1 << 12
PER_SPACING = 4  # configurations that are written
FIRST_SPACINGS = 12  # lived through before there is a past to speak of


@dataclass(frozen=True, eq=False)
class EpidemicState:
    """All replicas, what they remember, and how often they died in the last step.

    Attributes:
        spins: +1 infected, -1 not, int8 `(replica, *lattice)`.
        past: configurations of old as bits, uint8 `(replica, slot, bytes)`; no slots
            before the first step.
        written: how many have been written, int64 `(replica,)`.
        deaths: per unit of time in the last step, `(replica,)`; NaN before.
    """

    spins: np.ndarray
    past: np.ndarray
    written: np.ndarray
    deaths: np.ndarray


@dataclass(frozen=True)
class QuasiStationary:
    """The contact process among its survivors.

    Args:
        model: the epidemic.
        coupling: λ, finite, above 0.
        replicas: independent epidemics, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = QuasiStationary(Epidemic((8, 8)), 1.6, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10).spins.shape
    (2, 8, 8)
    """

    model: Epidemic
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        self.model.check(self.coupling)
        check_settings(self.coupling, self.replicas)

    @property
    def spacing(self) -> int:
        """Units of time between two draws, from the table."""
        return spacing_of(self.model, self.coupling, "quasi-stationary")

    @property
    def every(self) -> int:
        """Units of time between two configurations that are written, at most."""
        return math.ceil(self.spacing / PER_SPACING)

    @property
    def slots(self) -> int:
        """How many configurations a replica remembers."""
        return min(MOST_SLOTS, max(1, PAST_BYTES // self._bytes))

    @property
    def _bytes(self) -> int:
        return math.ceil(self.model.geometry.size / 8)

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> EpidemicState:
        """A state without a past: half of the sites infected, or as given.

        Args:
            rng: draws the hot start; not used if values are given.
            values: ±1, `(replica, *lattice)`, somewhere +1 in every replica.

        Raises:
            ValueError: values of another shape, other than ±1, or nobody infected.
        """
        if values is None:
            values = self.model.hot(self.replicas, rng=rng)
        form = (self.replicas, *self.model.geometry.lattice)
        spins = checked_spins(values, form).copy()
        if not (spins > 0).reshape(self.replicas, -1).any(axis=1).all():
            raise ValueError(
                "an epidemic needs at least one infected site in every replica, got a "
                "replica without; put a +1 somewhere"
            )
        return EpidemicState(
            spins,
            np.zeros((self.replicas, 0, self._bytes), np.uint8),
            np.zeros(self.replicas, np.int64),
            np.full(self.replicas, np.nan),
        )

    def step(
        self, state: EpidemicState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> EpidemicState:
        """The state after `sweeps` units of time; the given state stays as it was.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        if sweeps == 0:
            return state
        spins = state.spins.reshape(self.replicas, -1).copy()
        past, written = state.past.copy(), state.written.copy()
        if not past.shape[1]:
            past, written = self._first_past(spins, rng)
        deaths = self._spread(spins, past, written, rng, sweeps)
        return EpidemicState(
            spins.reshape(state.spins.shape), past, written, deaths / sweeps
        )

    def _first_past(
        self, spins: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """What is remembered after some time from the spins, which go along."""
        past = np.zeros((self.replicas, self.slots, self._bytes), np.uint8)
        past[:, 0] = np.packbits(spins > 0, axis=1, bitorder="little")
        written = np.ones(self.replicas, np.int64)
        self._spread(spins, past, written, rng, FIRST_SPACINGS * self.spacing)
        return past, written

    def _spread(
        self,
        spins: np.ndarray,
        past: np.ndarray,
        written: np.ndarray,
        rng: np.random.Generator,
        sweeps: int,
    ) -> np.ndarray:
        near, rate = self.model.near, float(self.coupling)
        seed = seed_words(rng)
        return spread(spins, near, rate, past, written, self.every, seed, sweeps)

    def spins(self, state: EpidemicState) -> np.ndarray:
        """A copy of the configurations, int8 `(replica, *lattice)`."""
        return state.spins.copy()

    def packed(self, state: EpidemicState) -> np.ndarray:
        """Rows of `np.packbits`, infected sites set, uint8 `(replica, bytes)`."""
        return pack(state.spins, state.spins.ndim - 1)
