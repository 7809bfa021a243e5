"""Single-spin Metropolis, one spin after the other: the obvious slow twin.

Sites in raster order; a spin with `n` of its `2d` bonds satisfied flips with
probability `(1 - 2^-8) min(1, e^{-4|K|(n-d)})` (Metropolis et al., J. Chem. Phys. 21,
1087 (1953)). The small factor makes the chain ergodic on every lattice of two or more
dimensions; see `kadanoff.kernels.metropolis.flip_probabilities`.

Here too: the state, the checks and the frame of all samplers that hold one int8 per
spin.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from kadanoff.ensemble import pack
from kadanoff.kernels.metropolis import flip_probabilities, sweep
from kadanoff.models.ising import Ising

__all__ = ["AbstractSpinSampler", "Metropolis", "SpinState"]

MOST_DIMENSIONS = 15  # counters and edge flags of the kernels


@dataclass(frozen=True, eq=False)
class SpinState:
    """Spins ±1 of all replicas, int8 `(replica, *lattice)`."""

    spins: np.ndarray


@dataclass(frozen=True)
class AbstractSpinSampler(ABC):
    """A kernel on int8 spins; the final classes say how one call updates them.

    Args:
        model: the Hamiltonian.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, at least 1.
    """

    model: Ising
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        check_settings(self.coupling, self.replicas)
        self._check()

    @abstractmethod
    def _check(self) -> None:
        """Refuse settings that this kernel cannot do."""

    @abstractmethod
    def _update(self, spins: np.ndarray, rng: np.random.Generator, sweeps: int) -> None:
        """Update int8 spins `(replica, site)` in place."""

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> SpinState:
        """A state: independent fair spins, or a copy of given ones.

        Args:
            rng: draws the hot start; not used if values are given.
            values: ±1, `(replica, *lattice)`.

        Raises:
            ValueError: values of another shape, or other than ±1.
        """
        if values is None:
            return SpinState(self.model.hot(self.replicas, rng=rng))
        form = (self.replicas, *self.model.geometry.lattice)
        return SpinState(checked_spins(values, form).copy())

    def step(
        self, state: SpinState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> SpinState:
        """The state after `sweeps` updates; the given state stays as it was.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        spins = state.spins.reshape(self.replicas, -1).copy()
        self._update(spins, rng, sweeps)
        return SpinState(spins.reshape(state.spins.shape))

    def spins(self, state: SpinState) -> np.ndarray:
        """A copy of the spins, int8 `(replica, *lattice)`."""
        return state.spins.copy()

    def packed(self, state: SpinState) -> np.ndarray:
        """Spins as rows of `np.packbits`, +1 set, uint8 `(replica, bytes)`."""
        return pack(state.spins, state.spins.ndim - 1)


@dataclass(frozen=True)
class Metropolis(AbstractSpinSampler):
    """Metropolis in raster order, about a hundred times slower than `Multispin`.

    Args:
        model: nearest neighbours on a hypercube of 2 to 15 dimensions, no field.
        coupling: K = βJ, finite, of either sign, not 0.
        replicas: independent chains, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = Metropolis(Ising((8, 8)), 0.4, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10).spins.shape
    (2, 8, 8)
    """

    def _check(self) -> None:
        check_plain(self.model, "metropolis")
        check_metropolis(self.model.shape, self.coupling)

    def _update(self, spins: np.ndarray, rng: np.random.Generator, sweeps: int) -> None:
        flip = flip_probabilities(self.coupling, len(self.model.shape))
        sign = 1 if self.coupling > 0 else -1
        sweep(spins, self.model.near, flip, sign, sweeps, rng)


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
