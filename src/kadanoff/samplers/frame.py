"""What samplers that hold one value per site have in common: state, frame, checks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from kadanoff.ensemble import pack
from kadanoff.models.ising import Ising

__all__ = [
    "AbstractValueSampler",
    "ValueState",
    "check_plain",
    "check_settings",
    "check_sweeps",
    "checked_spins",
    "seed_words",
]

MOST_DIMENSIONS = 15  # counters of the kernels


@dataclass(frozen=True, eq=False)
class ValueState:
    """Values of all replicas as the model stores them, `(replica, *lattice)`."""

    values: np.ndarray


@dataclass(frozen=True)
class AbstractValueSampler(ABC):
    """A kernel on a table of neighbours; the final classes say which.

    Args:
        model: the Hamiltonian.
        coupling: K = βJ, finite.
        replicas: independent chains, at least 1.
    """

    model: Any
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        check_settings(self.coupling, self.replicas)
        self._check()

    @abstractmethod
    def _check(self) -> None:
        """Refuse settings that this kernel cannot do."""

    @abstractmethod
    def _checked(self, values: np.ndarray) -> np.ndarray:
        """Values to start from, of the right type, or a sentence."""

    @abstractmethod
    def _updated(
        self, values: np.ndarray, rng: np.random.Generator, sweeps: int
    ) -> np.ndarray:
        """Values `(replica, site)` after some sweeps; `values` may be overwritten."""

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> ValueState:
        """A state: independent uniform values, or a copy of given ones.

        Args:
            rng: draws the hot start; not used if values are given.
            values: of the model's alphabet, `(replica, *lattice)`.

        Raises:
            ValueError: values of another shape, or outside the alphabet.
        """
        if values is None:
            return ValueState(self.model.hot(self.replicas, rng=rng))
        return ValueState(self._checked(np.asarray(values)).copy())

    def step(
        self, state: ValueState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> ValueState:
        """The state after `sweeps` updates; the given state stays as it was.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        flat = state.values.reshape(self.replicas, -1).copy()
        values = self._updated(flat, rng, sweeps)
        return ValueState(values.reshape(state.values.shape))

    def spins(self, state: ValueState) -> np.ndarray:
        """A copy of the values, `(replica, *lattice)`."""
        return state.values.copy()

    def packed(self, state: ValueState) -> np.ndarray:
        """Rows as an ensemble stores them: bits of ±1 spins, else the values."""
        if self.model.alphabet == "pm1":
            return pack(state.values, state.values.ndim - 1)
        return state.values.copy()

    @property
    def _form(self) -> tuple[int, ...]:
        return (self.replicas, *self.model.geometry.lattice)


def seed_words(rng: np.random.Generator) -> np.ndarray:
    """A state of the kernels' generator, uint64 `(4,)`."""
    return rng.integers(0, 2**64, size=4, dtype=np.uint64)


def check_settings(coupling: float, replicas: int) -> None:
    """Refuse what no sampler can do."""
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling K = J/(k_B T) must be a finite number, got {coupling}; "
            "infinite temperature is K = 0"
        )
    if not isinstance(replicas, Integral) or replicas < 1:
        raise ValueError(
            f"replicas must be a whole number of at least 1, got {replicas!r}; "
            "give the number of independent chains"
        )


def check_plain(model: Ising, method: str) -> None:
    """Refuse what a kernel for nearest neighbours on a hypercube cannot do."""
    if not model.is_plain:
        raise ValueError(
            f"method '{method}' is written for nearest neighbours on a hypercubic "
            f"lattice without a field, got a {model.lattice} one with field "
            f"{model.field} and second neighbours {model.second}; use 'heat-bath'"
        )
    if len(model.shape) > MOST_DIMENSIONS:
        raise ValueError(
            f"a lattice can have at most {MOST_DIMENSIONS} dimensions here, got "
            f"{len(model.shape)}; use fewer sides"
        )


def checked_spins(spins: np.ndarray, form: tuple[int, ...]) -> np.ndarray:
    """The spins as int8, or a sentence."""
    spins = np.asarray(spins)
    if spins.shape != form:
        raise ValueError(
            f"spins to start from must have shape (replica, *lattice) = {form}, got "
            f"{spins.shape}; give one configuration per replica"
        )
    if not ((spins == 1) | (spins == -1)).all():
        strange = spins[(spins != 1) & (spins != -1)][0]
        raise ValueError(
            f"spins to start from must be +1 or -1, got {strange}; map 0/1 data by "
            "2 s - 1"
        )
    return spins.astype(np.int8)


def check_sweeps(sweeps: int) -> None:
    """Refuse a negative or broken number of sweeps."""
    if not isinstance(sweeps, Integral) or sweeps < 0:
        raise ValueError(
            f"sweeps must be a whole number of at least 0, got {sweeps!r}; give how "
            "many updates to make"
        )
