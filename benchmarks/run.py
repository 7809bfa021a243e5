"""Side by side with peers in one run: `make bench` prints ratios, never bare times.

Peers live in `.bench-venv`, installed by name. Each row runs the package and the peer
in turn, several times, on one thread, and reports the ratio of the medians. A row of
samplers first checks that the energies of both agree with the exact torus.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import torus
from kadanoff.networks.rbm import RBM
from kadanoff.networks.train import Training, train
from kadanoff.models.ising import Ising
from kadanoff.samplers.multispin import Multispin

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".bench-venv"
PACKAGES = ["mcising==1.1.0", "scikit-learn==1.9.1", "numpy"]
ROUNDS = 3
TEMPERATURE = 2.4  # above T_c, where both equilibrate within the run
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def install_peers() -> None:
    """Make the peers' environment, once."""
    if (PEERS / ".installed").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *PACKAGES], check=True)
    (PEERS / ".installed").touch()


def peer(script: str, *arguments: object) -> dict:
    """What a peer's script prints."""
    shown = subprocess.run(
        [PEERS / "bin" / "python", ROOT / "benchmarks" / "peers" / script]
        + [str(a) for a in arguments],
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)


def our_flips_per_ns(side: int, sweeps: int) -> tuple[float, np.ndarray]:
    """Speed of the multi-spin kernel and the energies of its replicas."""
    rng = np.random.default_rng(1)
    sampler = Multispin(Ising((side, side)), 1 / TEMPERATURE, 1024)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=max(200, sweeps // 4))
    started = time.perf_counter()
    state = sampler.step(state, rng=rng, sweeps=sweeps)
    seconds = time.perf_counter() - started
    spins = sampler.spins(state).astype(int)
    bonds = sum((spins * np.roll(spins, 1, axis)).sum(axis=(1, 2)) for axis in (1, 2))
    return sweeps * side**2 * 1024 / seconds / 1e9, -bonds / side**2


def check_energies(side: int, ours: np.ndarray, theirs: list[float]) -> None:
    """Both within five standard errors of the exact value, ours from replicas."""
    exact = torus((side, side), 1 / TEMPERATURE).energy
    for name, values in (("kadanoff", ours), ("mcising", np.array(theirs))):
        error = values.std(ddof=1) / np.sqrt(len(values))
        sigmas = abs(values.mean() - exact) / error
        if sigmas > 5:
            raise SystemExit(f"{name} misses the exact energy by {sigmas:.1f} errors")


def metropolis_row(side: int, our_sweeps: int, their_sweeps: int) -> None:
    """Flips per nanosecond at one size."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        speed, energies = our_flips_per_ns(side, our_sweeps)
        result = peer("mcising_metropolis.py", side, their_sweeps, TEMPERATURE)
        check_energies(side, energies, result["energies"])
        ours.append(speed)
        theirs.append(result["flips_per_ns"])
    a, b = statistics.median(ours), statistics.median(theirs)
    print(
        f"Metropolis {side}×{side}: {a:.2f} flips/ns, mcising {b:.3f}: "
        f"{a / b:.0f} × mcising"
    )


def our_ms_per_update(visible: int, hidden: int, batch: int, updates: int) -> float:
    """One CD-1 update of the training loop, everything around it included."""
    side = int(visible**0.5)
    rng = np.random.default_rng(0)
    spins = rng.integers(0, 2, (updates, batch, side, side), dtype=np.int8) * 2 - 1
    data = Ensemble.from_values(spins)
    network = RBM(visible=data.geometry, hidden=hidden)
    settings = Training(epochs=1, batch=batch)
    train(network, data, settings=settings, seed=0)
    started = time.perf_counter()
    train(network, data, settings=settings, seed=0)
    return (time.perf_counter() - started) / updates * 1e3


def rbm_row(visible: int, hidden: int, batch: int, updates: int) -> None:
    """Milliseconds per update at one size."""
    sizes = (visible, hidden, batch, updates)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(our_ms_per_update(*sizes))
        theirs.append(peer("sklearn_rbm.py", *sizes)["ms"])
    a, b = statistics.median(ours), statistics.median(theirs)
    print(
        f"RBM {visible}→{hidden}, batch {batch}: {a:.1f} ms an update, scikit-learn "
        f"(PCD-1) {b:.1f} ms: {b / a:.2f} × faster"
    )


if __name__ == "__main__":
    install_peers()
    print(f"temperature {TEMPERATURE} (T_c is {T_C:.4f}), one thread, {ROUNDS} rounds")
    metropolis_row(32, 20_000, 50_000)
    metropolis_row(64, 5_000, 20_000)
    metropolis_row(256, 400, 2_000)
    rbm_row(1024, 256, 256, 100)
