"""Seconds per exact draw on the square lattice: `python benchmarks/perfect.py`.

One thread. The mean energy of the draws is held against the exact torus.
"""

import time

import numpy as np

from kadanoff.exact.constants import K_C
from kadanoff.exact.kaufman import torus
from kadanoff.models.ising import Ising
from kadanoff.samplers.perfect import Perfect


def seconds_per_sample(
    side: int = 64, coupling: float = K_C, *, samples: int = 32, seed: int = 1
) -> float:
    """Mean time of one draw, the compilation not counted."""
    rng = np.random.default_rng(seed)
    warm = Perfect(Ising((4, 4)), coupling, 1)
    warm.step(warm.init(rng=rng), rng=rng)
    model = Ising((side, side))
    sampler = Perfect(model, coupling, samples)
    state = sampler.init(rng=rng)
    started = time.perf_counter()
    state = sampler.step(state, rng=rng)
    seconds = (time.perf_counter() - started) / samples
    check_energy(side, coupling, model.energy(state.values))
    return seconds


def check_energy(side: int, coupling: float, energies: np.ndarray) -> None:
    """Within five standard errors of the exact value; the error is exact as well."""
    exact = torus((side, side), coupling)
    variance = exact.heat_capacity / coupling**2 / side**2
    sigmas = abs(energies.mean() - exact.energy) / np.sqrt(variance / len(energies))
    if sigmas > 5:
        raise SystemExit(f"the energy is {sigmas:.1f} errors from the exact one")


if __name__ == "__main__":
    for side, samples in ((16, 1000), (32, 200), (64, 50), (128, 10)):
        for coupling in (K_C, 0.3, 0.6):
            seconds = seconds_per_sample(side, coupling, samples=samples)
            print(f"{side}×{side}, K = {coupling:.4f}: {seconds * 1e3:.2f} ms a draw")
