"""Independent draws, where the law can be drawn from as it stands.

    model              coupling   draws
    MeanField          any        M from its law, then a random permutation
    TwoTemperatures    0          a ground state or fair spins
    any with energy    0          independent sites, T = ∞
    Ising, Potts, XY   +∞         a ground state, all of them alike, T = 0

One frame for all: `step` forgets the state and draws anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from kadanoff.alphabet import check_values
from kadanoff.ensemble import pack
from kadanoff.models.ising import Ising
from kadanoff.models.mean_field import MeanField
from kadanoff.models.phi4 import Phi4
from kadanoff.models.potts import Potts
from kadanoff.models.two_temperatures import TwoTemperatures
from kadanoff.models.xy import XY, wrapped
from kadanoff.samplers.frame import check_settings, check_sweeps

__all__ = ["Independent", "IndependentState", "ground_states"]


@dataclass(frozen=True, eq=False)
class IndependentState:
    """Values of all replicas, `(replica, *lattice)`."""

    values: np.ndarray


@dataclass(frozen=True)
class Independent:
    """Configurations that know nothing of the ones before.

    Args:
        model: see the table of `kadanoff.samplers.independent`.
        coupling: K; `math.inf` is T = 0, 0 is T = ∞.
        replicas: configurations drawn at a time, at least 1.

    Raises:
        ValueError: a law that has no independent draws, in one sentence.

    >>> sampler = Independent(MeanField((8, 8)), 1.2, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng).values.shape
    (2, 8, 8)
    """

    model: Any
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        cold = self.coupling == math.inf
        check_settings(0.0 if cold else self.coupling, self.replicas)
        if isinstance(self.model, TwoTemperatures):
            self.model.check(self.coupling)
        elif cold:
            _check_ground_states(self.model)
        elif not isinstance(self.model, MeanField):
            _check_hot(self.model, self.coupling)

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> IndependentState:
        """A state: a draw of the law, or a copy of given values.

        Args:
            rng: of the draw; not used if values are given.
            values: of the model's alphabet, `(replica, *lattice)`.

        Raises:
            ValueError: values of another shape, or outside the alphabet.
        """
        if values is None:
            return IndependentState(self._drawn(rng))
        values = np.array(values)
        form = (self.replicas, *self.model.geometry.lattice)
        if values.shape != form:
            raise ValueError(
                f"values to start from must have shape (replica, *lattice) = {form}, "
                f"got {values.shape}; give one configuration per replica"
            )
        check_values(values, self.model.alphabet)
        return IndependentState(values)

    def step(
        self, state: IndependentState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> IndependentState:
        """New draws, whatever the state; the same one after no sweep.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        return IndependentState(self._drawn(rng)) if sweeps else state

    def spins(self, state: IndependentState) -> np.ndarray:
        """A copy of the values, `(replica, *lattice)`."""
        return state.values.copy()

    def packed(self, state: IndependentState) -> np.ndarray:
        """Rows as an ensemble stores them: bits of ±1 spins, else the values."""
        if self.model.alphabet == "pm1":
            return pack(state.values, state.values.ndim - 1)
        kind = np.float32 if self.model.alphabet in ("real", "angle") else np.uint8
        return state.values.astype(kind)

    def _drawn(self, rng: np.random.Generator) -> np.ndarray:
        if self.coupling == math.inf:
            return ground_states(self.model, self.replicas, rng=rng)
        if isinstance(self.model, MeanField | TwoTemperatures):
            return self.model.draw(self.replicas, self.coupling, rng=rng)
        return self.model.hot(self.replicas, rng=rng)


def ground_states(
    model: Ising | Potts | XY | MeanField, n: int, *, rng: np.random.Generator
) -> np.ndarray:
    """Independent ground states of the ferromagnet, `(n, *lattice)`, all alike.

    Raises:
        ValueError: another model, or bonds that are not all satisfied in order.
    """
    _check_ground_states(model)
    if isinstance(model, XY):
        angles = rng.uniform(-math.pi, math.pi, n)
        order = np.zeros(model.geometry.lattice)
        return wrapped(angles.reshape(-1, *(1,) * order.ndim) + order)
    states = model.q if isinstance(model, Potts) else 2
    # In a field both cold states are the same one.
    return model.cold(states, 1.0)[rng.integers(0, states, n)]


def _check_ground_states(model: Any) -> None:
    if not isinstance(model, Ising | Potts | XY | MeanField):
        raise ValueError(
            f"ground states (K = ∞) are drawn of Ising, Potts and XY models, got "
            f"'{model.name}'; give a finite coupling"
        )
    if isinstance(model, Ising) and model.is_frustrated(1.0):
        raise ValueError(
            f"ground states (K = ∞) need second neighbours that do not oppose the "
            f"first, got second = {model.second}; give a finite coupling"
        )


def _check_hot(model: Any, coupling: float) -> None:
    if not isinstance(model, Ising | Potts | XY | Phi4):
        raise ValueError(
            f"model '{model.name}' has no law that could be drawn from as it stands; "
            "use method 'auto'"
        )
    if coupling != 0:
        raise ValueError(
            f"model '{model.name}' is drawn independently at K = 0 (T = ∞) and, if it "
            f"has ground states, at K = inf (T = 0), got {coupling}; use method 'auto'"
        )
