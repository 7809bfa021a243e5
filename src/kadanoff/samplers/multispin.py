"""Sixty-four replicas per machine word: the fast single-spin samplers.

Random bits are independent per replica and flip probabilities exact to 64 binary
digits; the kernel is `kadanoff.kernels.multispin`. 512 replicas fill one vector
register per site, 1024 keep the processor busiest. `Multispin` is the twin of
`kadanoff.samplers.metropolis.Metropolis`, many spins at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from kadanoff.ensemble import pack, unpack
from kadanoff.kernels import multispin as kernel
from kadanoff.models.ising import Ising
from kadanoff.samplers.frame import (
    check_plain,
    check_settings,
    check_sweeps,
    checked_spins,
)
from kadanoff.samplers.metropolis import check_metropolis

__all__ = [
    "AbstractMultispin",
    "Multispin",
    "MultispinHeatBath",
    "WordState",
    "up_probabilities",
]

WORD = 64
MOST_NEIGHBOURS = 31  # the counters of the kernel have five digits


@dataclass(frozen=True, eq=False)
class WordState:
    """Spins of all replicas as bits, uint64 `(block, site, word)`, sites in C order.

    Replica `64 (words_per_block block + word) + bit` is +1 where the bit is set.
    """

    words: np.ndarray


@dataclass(frozen=True)
class AbstractMultispin(ABC):
    """Single-spin dynamics on words; the final classes say how one call updates them.

    Args:
        model: the Hamiltonian.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, a multiple of 64.
    """

    model: Ising
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        check_settings(self.coupling, self.replicas)
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
    def _update(self, words: np.ndarray, seeds: np.ndarray, sweeps: int) -> None:
        """Update the words in place."""

    @property
    def _width(self) -> int:
        return kernel.block_width(self.replicas // WORD)

    @property
    def _sites(self) -> int:
        return self.model.geometry.size

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> WordState:
        """A state: independent fair spins, or given ones.

        Args:
            rng: draws the hot start; not used if values are given.
            values: ±1, `(replica, *lattice)`.

        Raises:
            ValueError: values of another shape, or other than ±1.
        """
        if values is None:
            return WordState(self._random_words(rng, self._sites))
        lattice = self.model.geometry.lattice
        spins = checked_spins(values, (self.replicas, *lattice))
        packed = pack(spins, len(lattice))
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
        self._update(words, self._random_words(rng, 4), sweeps)
        return WordState(words)

    def spins(self, state: WordState) -> np.ndarray:
        """The spins, int8 `(replica, *lattice)`."""
        return unpack(self.packed(state), self.model.geometry.lattice)

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
        model: nearest neighbours on a hypercube of 2 to 15 dimensions, no field.
        coupling: K = βJ, finite, of either sign, not 0.
        replicas: independent chains, a multiple of 64, best of 1024.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = Multispin(Ising((8, 8)), 0.4, replicas=64)
    >>> rng = np.random.default_rng(1)
    >>> state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10)
    >>> sampler.spins(state).shape, sampler.packed(state).shape
    ((64, 8, 8), (64, 8))
    """

    def _check(self) -> None:
        check_plain(self.model, "multispin")
        check_metropolis(self.model.shape, self.coupling)

    def _update(self, words: np.ndarray, seeds: np.ndarray, sweeps: int) -> None:
        dynamics = kernel.metropolis(self.coupling, len(self.model.shape))
        kernel.sweep(words, self.model.near, dynamics, seeds=seeds, sweeps=sweeps)


@dataclass(frozen=True)
class MultispinHeatBath(AbstractMultispin):
    """Heat bath (Glauber, J. Math. Phys. 4, 294 (1963)) in raster order, in words.

    A spin in the local field `H = Σ s_j + r Σ s_k + h` (nearest and second neighbours,
    field) becomes +1 with probability `1/(1 + e^{-2KH})`, whatever it was: ergodic for
    every finite coupling and lattice, and at K = 0 one sweep draws independent states.

    Args:
        model: any Ising model with at most 31 neighbours of either kind.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, a multiple of 64, best of 1024.

    Raises:
        ValueError: settings outside these bounds, in one sentence.
    """

    def _check(self) -> None:
        most = max(self.model.coordination)
        if most > MOST_NEIGHBOURS:
            raise ValueError(
                f"the heat bath counts at most {MOST_NEIGHBOURS} neighbours of a kind, "
                f"got {most}; use fewer dimensions"
            )

    def _update(self, words: np.ndarray, seeds: np.ndarray, sweeps: int) -> None:
        model = self.model
        settings = {"seeds": seeds, "sweeps": sweeps}
        if model.is_plain:
            dynamics = kernel.heat_bath(self.coupling, len(model.shape))
            kernel.sweep(words, model.near, dynamics, **settings)
        else:
            up = up_probabilities(model, self.coupling)
            tables = (model.near, model.near_second)
            kernel.heat_bath_sweep(words, *tables, up, **settings)


def up_probabilities(model: Ising, coupling: float) -> np.ndarray:
    """1/(1 + e^{-2KH}) for every number of nearest and second neighbours that are up.

    Shape `(z + 1, z' + 1)`.
    """
    sums = [2 * np.arange(z + 1) - z for z in model.coordination]
    local = sums[0][:, None] + model.second * sums[1][None] + model.field
    return expit(2 * coupling * local)
