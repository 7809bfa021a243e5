"""Sixty-four replicas per machine word: the fast single-spin samplers.

Random bits are independent per replica and flip probabilities exact to 64 binary
digits; the kernel is `kadanoff.kernels.multispin`. 512 replicas fill one vector
register per site, 1024 keep the processor busiest. `Multispin` is the twin of
`kadanoff.samplers.metropolis.Metropolis`, many spins at a time.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kadanoff.ensemble import pack, unpack
from kadanoff.kernels import multispin as kernel
from kadanoff.kernels.metropolis import neighbours
from kadanoff.samplers.metropolis import (
    check_metropolis,
    check_settings,
    check_sweeps,
    checked_spins,
)

__all__ = ["AbstractMultispin", "Multispin", "MultispinHeatBath", "WordState"]

WORD = 64


@dataclass(frozen=True, eq=False)
class WordState:
    """Spins of all replicas as bits, uint64 `(block, site, word)`, sites in C order.

    Replica `64 (words_per_block block + word) + bit` is +1 where the bit is set.
    """

    words: np.ndarray


@dataclass(frozen=True)
class AbstractMultispin(ABC):
    """Single-spin dynamics on words; the final classes give the flip probabilities.

    Args:
        shape: sides of the periodic lattice, each at least 2, at most 15 of them.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, a multiple of 64.
    """

    shape: tuple[int, ...]
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        check_settings(self.shape, self.coupling, self.replicas)
        object.__setattr__(self, "shape", tuple(int(side) for side in self.shape))
        if self.replicas % WORD:
            above = -(-self.replicas // WORD) * WORD
            raise ValueError(
                f"multi-spin replicas come in whole words of {WORD}, got "
                f"{self.replicas}; use {above}"
            )
        self._check()

    @abstractmethod
    def _check(self) -> None:
        """Refuse settings that this dynamics cannot do."""

    @abstractmethod
    def _dynamics(self) -> kernel.Dynamics:
        """Flip probabilities as the kernel reads them."""

    @property
    def _width(self) -> int:
        return kernel.block_width(self.replicas // WORD)

    @property
    def _sites(self) -> int:
        return math.prod(self.shape)

    @cached_property
    def _near(self) -> np.ndarray:
        return neighbours(self.shape)

    def init(
        self, *, rng: np.random.Generator, spins: np.ndarray | None = None
    ) -> WordState:
        """A state: independent fair spins, or given ones.

        Args:
            rng: draws the hot start; not used if spins are given.
            spins: ±1, `(replica, *shape)`.

        Raises:
            ValueError: spins of another shape, or other than ±1.
        """
        if spins is None:
            return WordState(self._random_words(rng, self._sites))
        spins = checked_spins(spins, (self.replicas, *self.shape))
        packed = pack(spins, len(self.shape))
        return WordState(kernel.unpack(packed, self._sites, self._width))

    def step(
        self, state: WordState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> WordState:
        """The state after `sweeps` updates of every spin; the given one stays.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        words = state.words.copy()
        seeds = self._random_words(rng, 4)
        dynamics = self._dynamics()
        kernel.sweep(words, self._near, dynamics, seeds=seeds, sweeps=sweeps)
        return WordState(words)

    def spins(self, state: WordState) -> np.ndarray:
        """The spins, int8 `(replica, *shape)`."""
        return unpack(self.packed(state), self.shape)

    def packed(self, state: WordState) -> np.ndarray:
        """Spins as rows of `np.packbits`, +1 set, uint8 `(replica, bytes)`."""
        return kernel.pack(state.words)

    def _random_words(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """Fair bits, uint64 `(block, rows, word)`."""
        blocks = self.replicas // WORD // self._width
        size = (blocks, rows, self._width)
        return rng.integers(0, 2**64, size=size, dtype=np.uint64)


@dataclass(frozen=True)
class Multispin(AbstractMultispin):
    """Metropolis in raster order, lazy by 2^-8 as `Metropolis` is, in words.

    At small |K| nearly every flip is accepted and the lattice turns over as a whole:
    below |K| = 0.1 the heat bath mixes faster.

    Args:
        shape: sides of the periodic lattice, 2 to 15 of them, each at least 2.
        coupling: K = βJ, finite, of either sign, not 0.
        replicas: independent chains, a multiple of 64, best of 1024.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = Multispin((8, 8), 0.4, replicas=64)
    >>> rng = np.random.default_rng(1)
    >>> state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10)
    >>> sampler.spins(state).shape, sampler.packed(state).shape
    ((64, 8, 8), (64, 8))
    """

    def _check(self) -> None:
        check_metropolis(self.shape, self.coupling)

    def _dynamics(self) -> kernel.Dynamics:
        return kernel.metropolis(self.coupling, len(self.shape))


@dataclass(frozen=True)
class MultispinHeatBath(AbstractMultispin):
    """Heat bath (Glauber, J. Math. Phys. 4, 294 (1963)) in raster order, in words.

    A spin with the local field `h = Σ s_j` becomes +1 with probability
    `1/(1 + e^{-2Kh})`, whatever it was: ergodic for every finite coupling and shape,
    and at K = 0 one sweep draws independent states.

    Args:
        shape: sides of the periodic lattice, 1 to 15 of them, each at least 2.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, a multiple of 64, best of 1024.

    Raises:
        ValueError: settings outside these bounds, in one sentence.
    """

    def _check(self) -> None:
        """Nothing: every coupling and shape is fine."""

    def _dynamics(self) -> kernel.Dynamics:
        return kernel.heat_bath(self.coupling, len(self.shape))
