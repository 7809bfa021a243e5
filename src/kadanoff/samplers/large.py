"""One large square lattice with 64 of its spins in a machine word.

`Multispin` needs 64 replicas; this needs one. A sweep is the heat bath on one colour of
the checkerboard and then on the other, random bits are independent per spin and
probabilities exact to 64 binary digits; the kernel is `kadanoff.kernels.large`. A state
takes one bit per spin: 32768×32768 spins are 128 MiB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import pack, unpack
from kadanoff.kernels import large as kernel
from kadanoff.models.ising import Ising
from kadanoff.samplers.frame import (
    check_plain,
    check_settings,
    check_sweeps,
    checked_spins,
)

__all__ = ["Large", "LargeState"]

COLUMNS = 128  # two words, one of each colour


@dataclass(frozen=True, eq=False)
class LargeState:
    """Spins as bits, uint64 `(replica, row, colour, word)`, set for +1.

    Which spin is where: see `kadanoff.kernels.large`.
    """

    words: np.ndarray


@dataclass(frozen=True)
class Large:
    """Checkerboard heat bath (Glauber, J. Math. Phys. 4, 294 (1963)) of packed spins.

    A spin with the local field `h = Σ s_j` becomes +1 with probability
    `1/(1 + e^{-2Kh})`, whatever it was: ergodic for every finite coupling, and at K = 0
    one sweep draws independent states. Fastest where a row is a multiple of 1024.

    Args:
        model: nearest neighbours on a square lattice, no field, with an even number of
            rows and a multiple of 128 columns.
        coupling: K = βJ, finite, of either sign.
        replicas: independent chains, updated one after the other.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = Large(Ising((4, 128)), 0.4)
    >>> rng = np.random.default_rng(1)
    >>> state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=10)
    >>> sampler.spins(state).shape, sampler.packed(state).shape
    ((1, 4, 128), (1, 64))
    """

    model: Ising
    coupling: float
    replicas: int = 1

    def __post_init__(self) -> None:
        check_settings(self.coupling, self.replicas)
        check_plain(self.model, "bit-packed")
        shape = self.model.shape
        if len(shape) != 2 or shape[0] % 2 or shape[1] % COLUMNS:
            raise ValueError(
                "method 'bit-packed' needs a square lattice with an even number of "
                f"rows and a multiple of {COLUMNS} columns, got shape {shape}; use "
                "method 'multispin' or 'heat-bath'"
            )

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> LargeState:
        """A state: independent fair spins, or given ones.

        Args:
            rng: draws the hot start; not used if values are given.
            values: ±1, `(replica, *lattice)`.

        Raises:
            ValueError: values of another shape, or other than ±1.
        """
        rows, columns = self.model.shape
        if values is None:
            form = (self.replicas, rows, 2, columns // COLUMNS)
            return LargeState(rng.integers(0, 2**64, size=form, dtype=np.uint64))
        spins = checked_spins(values, (self.replicas, rows, columns))
        # An even number of rows: the colours of one lattice go on in the next.
        words = kernel.unpack(pack(spins, 2), self.replicas * rows)
        return LargeState(words.reshape(self.replicas, rows, 2, -1))

    def step(
        self, state: LargeState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> LargeState:
        """The state after `sweeps` updates of every spin; the given one stays.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        words = state.words.copy()
        form = (self.replicas, 4, kernel.vector_width(words.shape[-1]))
        seeds = rng.integers(0, 2**64, size=form, dtype=np.uint64)
        bath = kernel.heat_bath(self.coupling)
        for lattice, seed in zip(words, seeds, strict=True):
            kernel.sweep(lattice, bath, seeds=seed, sweeps=sweeps)
        return LargeState(words)

    def spins(self, state: LargeState) -> np.ndarray:
        """The spins, int8 `(replica, *lattice)`."""
        return unpack(self.packed(state), self.model.shape)

    def packed(self, state: LargeState) -> np.ndarray:
        """Spins as rows of `np.packbits`, +1 set, uint8 `(replica, bytes)`."""
        packed = kernel.pack(state.words.reshape(-1, *state.words.shape[2:]))
        return packed.reshape(self.replicas, -1)
