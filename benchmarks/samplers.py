"""Samplers beside mcising and peapods: flips, clusters, independent samples.

Every row first holds the energies of all parties against the exact torus.
"""

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from clusters import ising_clusters

from kadanoff.autocorrelation import integrated_time
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.kaufman import torus
from kadanoff.instruments.thermodynamics import autocorrelation, energy
from kadanoff.models.ising import Ising
from kadanoff.samplers.ising import SwendsenWang, Wolff
from kadanoff.samplers.multispin import Multispin, MultispinHeatBath
from kadanoff.samplers.run import sample

__all__ = ["cluster_row", "independent_row", "local_row", "one_core", "workers_row"]

ROUNDS = 3
TEMPERATURE = 2.4  # above T_c, where everybody equilibrates within the run
REPLICAS = 1024
ALGORITHMS = ("swendsen_wang", "wolff")
Peer = Callable[..., dict]


def local_row(side: int, our_sweeps: int, their_sweeps: int, peer: Peer) -> str:
    """Flips per nanosecond of Metropolis and heat bath."""
    speeds: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, kind in (("Metropolis", Multispin), ("heat bath", MultispinHeatBath)):
            speed, energies = _our_flips(kind, side, our_sweeps)
            _check(name, energies, side, 1 / TEMPERATURE)
            speeds.setdefault(name, []).append(speed)
        for name, found in _their_flips(side, their_sweeps, peer).items():
            _check(name, np.array(found["energies"]), side, 1 / TEMPERATURE)
            speed = found["sweeps"] * side**2 / found["seconds"] / 1e9
            speeds.setdefault(name, []).append(speed)
    median = {name: statistics.median(s) for name, s in speeds.items()}
    ours = median["Metropolis"]
    return (
        f"local {side}²: Metropolis {ours:.1f}, heat bath {median['heat bath']:.1f} "
        f"flips/ns; mcising {median['mcising']:.3f}: {ours / median['mcising']:.0f} ×; "
        f"peapods {median['peapods']:.3f}: {ours / median['peapods']:.0f} ×"
    )


def cluster_row(side: int, sweeps: int, peer: Peer) -> str:
    """Nanoseconds per spin of Swendsen–Wang and per turned spin of Wolff, at T_c."""
    ours: dict[str, list[float]] = {name: [] for name in ALGORITHMS}
    theirs: dict[str, list[float]] = {name: [] for name in ALGORITHMS}
    _check_clusters(side)
    for _ in range(ROUNDS):
        rates = ising_clusters(side)
        for algorithm in ALGORITHMS:
            ours[algorithm].append(1 / rates[algorithm.replace("_", "-")])
            between = 20 if algorithm == "wolff" else max(1, sweeps // 50)
            found = peer("mcising_sampler.py", side, 50, between, T_C, algorithm)
            _check("mcising", np.array(found["energies"]), side, K_C)
            spins = _turned(found, side, algorithm)
            theirs[algorithm].append(found["seconds"] * 1e9 / spins)
    a = {name: statistics.median(values) for name, values in ours.items()}
    b = {name: statistics.median(values) for name, values in theirs.items()}
    return f"clusters {side}²: " + "; ".join(
        f"{name} {a[name]:.1f} ns a spin, mcising {b[name]:.1f}: "
        f"{b[name] / a[name]:.1f} ×"
        for name in a
    )


def independent_row(side: int, draws: int, their_measurements: int, peer: Peer) -> str:
    """Independent samples of M² a second at T_c: `auto`, everything included."""
    ours, theirs, method = [], [], ""
    with one_core():
        for seed in range(ROUNDS):
            started = time.perf_counter()
            drawn = sample(
                Ising((side, side)), coupling=K_C, draws=draws, seed=seed, workers=1
            )
            seconds = time.perf_counter() - started
            method = drawn.history[-1]["method"]
            reading = energy(drawn)
            sigmas = (reading.value - torus((side, side), K_C).energy) / reading.error
            _refuse("kadanoff", float(sigmas))
            tau = autocorrelation(drawn)["magnetization_squared"][0]
            ours.append(drawn.size / max(1.0, 2 * tau) / seconds)
            found = peer(
                "mcising_sampler.py", side, their_measurements, 1, T_C, "wolff"
            )
            tau = integrated_time(np.array(found["m_squared"])[None])[0]
            theirs.append(their_measurements / (2 * tau) / found["seconds"])
    a, b = statistics.median(ours), statistics.median(theirs)
    return (
        f"independent M² at T_c, {side}²: {a:.0f} a second (auto: {method}, burn-in "
        f"and certificate included), mcising's Wolff without its burn-in {b:.0f}: "
        f"{a / b:.1f} ×"
    )


def workers_row(side: int, draws: int) -> str:
    """One core against two processes, the same configurations."""
    seconds, drawn = {}, {}
    for workers in (1, 2):
        with one_core() if workers == 1 else _all_cores():
            started = time.perf_counter()
            drawn[workers] = sample(
                Ising((side, side)), coupling=K_C, draws=draws, chains=64,
                method="swendsen-wang", workers=workers,
            )  # fmt: skip
            seconds[workers] = time.perf_counter() - started
    if not np.array_equal(drawn[1].data, drawn[2].data):
        raise SystemExit("two processes drew other configurations than one core")
    return (
        f"processes: {seconds[1]:.1f} s on one core, {seconds[2]:.1f} s by two "
        f"processes with their start: {seconds[1] / seconds[2]:.2f} ×"
    )


class one_core:
    """Everything on the first core, threads included."""

    def __enter__(self) -> None:
        self.cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(self.cores)})

    def __exit__(self, *_: object) -> None:
        os.sched_setaffinity(0, self.cores)


class _all_cores:
    """As it is."""

    def __enter__(self) -> None:
        """Leave the cores alone."""

    def __exit__(self, *_: object) -> None:
        """Leave the cores alone."""


def _our_flips(kind: type, side: int, sweeps: int) -> tuple[float, np.ndarray]:
    rng = np.random.default_rng(1)
    sampler = kind(Ising((side, side)), 1 / TEMPERATURE, REPLICAS)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=max(200, sweeps // 4))
    started = time.perf_counter()
    state = sampler.step(state, rng=rng, sweeps=sweeps)
    seconds = time.perf_counter() - started
    energies = sampler.model.energy(sampler.spins(state))
    return sweeps * side**2 * REPLICAS / seconds / 1e9, energies


def _their_flips(side: int, sweeps: int, peer: Peer) -> dict[str, dict]:
    between = max(1, sweeps // 50)
    return {
        "mcising": peer(
            "mcising_sampler.py", side, 50, between, TEMPERATURE, "metropolis"
        ),
        "peapods": peer("peapods_metropolis.py", side, sweeps, TEMPERATURE),
    }


def _check_clusters(side: int) -> None:
    """Energies of a few lattices that sweeps and single clusters have equilibrated."""
    rng, model = np.random.default_rng(1), Ising((side, side))
    replicas = max(8, 64**2 * 64 // side**2)
    sweeps = SwendsenWang(model, K_C, replicas)
    state = sweeps.step(sweeps.init(rng=rng), rng=rng, sweeps=60)
    _check("Swendsen–Wang", model.energy(sweeps.spins(state)), side, K_C)
    state = Wolff(model, K_C, replicas).step(state, rng=rng, sweeps=20)
    _check("Wolff", model.energy(sweeps.spins(state)), side, K_C)


def _turned(found: dict, side: int, algorithm: str) -> float:
    if algorithm == "swendsen_wang":
        return found["sweeps"] * side**2
    return found["turned"]


def _check(name: str, energies: np.ndarray, side: int, coupling: float) -> None:
    """Within five standard errors of the exact torus, memory allowed for."""
    tau = integrated_time(energies[None])[0] if name == "mcising" else 0.5
    error = energies.std(ddof=1) * np.sqrt(max(1.0, 2 * tau) / len(energies))
    _refuse(
        name, float((energies.mean() - torus((side,) * 2, coupling).energy) / error)
    )


def _refuse(name: str, sigmas: float) -> None:
    if abs(sigmas) > 5:
        raise SystemExit(f"{name} misses the exact energy by {sigmas:.1f} errors")
