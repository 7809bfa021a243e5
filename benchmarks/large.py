"""Speed of one bit-packed lattice, and whether its energy is the exact torus's."""

import statistics
import time
from typing import NamedTuple

import numpy as np

from kadanoff.exact.kaufman import torus
from kadanoff.models.ising import Ising
from kadanoff.samplers.large import Large

__all__ = ["LargeLattice", "large_lattice"]


class LargeLattice(NamedTuple):
    """What was measured.

    Attributes:
        flips_per_ns: updates of single spins per nanosecond, on one core, the copy
            of the state that a step makes included.
        mebibytes: of one state.
        sigmas: deviation of the last energy from the exact one, in standard
            deviations of a single configuration.
    """

    flips_per_ns: float
    mebibytes: float
    sigmas: float


def large_lattice(
    side: int, *, sweeps: int, temperature: float = 2.6, rounds: int = 3
) -> LargeLattice:
    """One side×side lattice from a hot start; the median of some rounds of sweeps.

    Args:
        side: a multiple of 128.
        sweeps: of each round; 300 in all equilibrate at the default temperature.
        temperature: T in units of J/k_B.
        rounds: how many are timed.
    """
    rng = np.random.default_rng(1)
    sampler = Large(Ising((side, side)), 1 / temperature)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=sweeps)
    speeds = []
    for _ in range(rounds):
        started = time.perf_counter()
        state = sampler.step(state, rng=rng, sweeps=sweeps)
        seconds = time.perf_counter() - started
        speeds.append(sweeps * side**2 / seconds / 1e9)
    exact = torus((side, side), 1 / temperature)
    energy = float(sampler.model.energy(sampler.spins(state))[0])
    deviation = temperature * np.sqrt(exact.heat_capacity) / side
    return LargeLattice(
        statistics.median(speeds),
        state.words.nbytes / 2**20,
        float(abs(energy - exact.energy) / deviation),
    )
