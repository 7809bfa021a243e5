"""The measurement behind the frozen table of `auto`: `python benchmarks/table.py`.

On the square lattice at T_c, by sides: the time of a sweep (Wolff: cluster), the
autocorrelation time of M² in sweeps, and independent samples of M² a second of one
core, burn-in not counted. Where the last column of one method overtakes the other's is
where MULTISPIN_SIDE of `kadanoff.samplers.table` lies; the first is its NANOSECONDS.
"""

import time

import numpy as np
from samplers import one_core

from kadanoff.autocorrelation import integrated_time
from kadanoff.exact.constants import K_C
from kadanoff.models.ising import Ising
from kadanoff.samplers.ising import SwendsenWang
from kadanoff.samplers.methods import sampler_of

SIDES = (16, 32, 64, 96, 128, 256)
REPLICAS = {"multispin": 512, "heat-bath": 512}  # others: 8


def row(method: str, side: int, *, draws: int = 400) -> str:
    """One method at one side, from a start equilibrated by clusters."""
    model, rng = Ising((side, side)), np.random.default_rng(1)
    replicas = REPLICAS.get(method, 8)
    burner = SwendsenWang(model, K_C, replicas)
    start = burner.step(burner.init(rng=rng), rng=rng, sweeps=40)
    sampler = sampler_of(method, model)(model, K_C, replicas)
    between = max(1, round(0.004 * side**2.17)) if method in REPLICAS else 1
    state = sampler.init(rng=rng, values=burner.spins(start))
    state = sampler.step(state, rng=rng, sweeps=between)  # compiled
    series, seconds = [], 0.0
    for _ in range(draws):
        began = time.perf_counter()
        state = sampler.step(state, rng=rng, sweeps=between)
        seconds += time.perf_counter() - began
        spins = sampler.spins(state).reshape(replicas, -1)
        series.append(spins.mean(axis=1, dtype=float) ** 2)
    tau, error = integrated_time(np.array(series).T)
    sweeps = draws * between * replicas
    rate = sweeps / seconds / (2 * tau * between)
    return (
        f"{side:4d}² {method:14s} {seconds / sweeps / side**2 * 1e9:8.3f} ns a site, "
        f"τ(M²) = {tau * between:6.1f}({error * between:.1f}) sweeps, "
        f"{rate:9.0f} independent samples a second"
    )


if __name__ == "__main__":
    with one_core():
        for side in SIDES:
            for method in ("multispin", "heat-bath", "swendsen-wang", "wolff"):
                if method not in REPLICAS or side <= 128:
                    print(row(method, side), flush=True)
