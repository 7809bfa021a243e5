"""Side by side with peers in one run: `make bench` prints ratios, never bare times.

Peers live in `.bench-venv`, installed by name. Each row runs the package and the peer
in turn, several times, on one thread, and reports the ratio of the medians. A row of
samplers first checks that the energies of all agree with the exact torus.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networks
import samplers
from files import file_ratios
from large import large_lattice
from perfect import seconds_per_sample

from kadanoff.exact.constants import T_C

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".bench-venv"
PYTHON = PEERS / "bin" / "python"
PACKAGES = [
    "mcising==1.1.0",
    "peapods==0.2.0",
    "scikit-learn==1.9.1",
    "rbms==0.5.0",
    "numpy",
]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def install_peers() -> None:
    """Make the peers' environment, once."""
    stamp = PEERS / ".installed"
    if stamp.exists() and stamp.read_text() == " ".join(PACKAGES):
        return
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet"]
    # rbms needs torch: the one that is used here, not the newest.
    only = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *only, *PACKAGES], check=True)
    stamp.write_text(" ".join(PACKAGES))


def peer(script: str, *arguments: object) -> dict:
    """What a peer's script prints."""
    shown = subprocess.run(
        [PYTHON, ROOT / "benchmarks" / "peers" / script] + [str(a) for a in arguments],
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)


def rows() -> Iterator[str]:
    """One line after the other."""
    yield samplers.local_row(32, 20_000, 50_000, peer)
    yield samplers.local_row(64, 5_000, 20_000, peer)
    yield samplers.local_row(256, 400, 2_000, peer)
    yield large_row(4096)
    for side, sweeps in ((64, 400), (256, 60), (1024, 8)):
        yield samplers.cluster_row(side, sweeps, peer)
    for side, draws, measurements in ((32, 200_000, 40_000), (64, 100_000, 20_000)):
        yield samplers.independent_row(side, draws, measurements, peer)
    yield samplers.independent_row(256, 4_000, 5_000, peer)
    yield perfect_row(64)
    yield samplers.workers_row(64, 64 * 14000)
    yield files_row()
    yield networks.product_row()
    for visible, hidden, updates in ((1024, 256, 40), (4096, 1024, 6)):
        yield networks.update_row(visible, hidden, 256, updates, PYTHON)


def large_row(side: int) -> str:
    """One bit-packed lattice."""
    found = large_lattice(side, sweeps=100)
    if found.sigmas > 5:
        raise SystemExit(f"bit-packed misses the energy by {found.sigmas:.1f} errors")
    speed, memory = found.flips_per_ns, found.mebibytes
    return f"one lattice {side}²: {speed:.1f} flips/ns, {memory:.0f} MiB"


def perfect_row(side: int) -> str:
    """Exact samples at T_c."""
    seconds = seconds_per_sample(side)
    return f"perfect sampling {side}² at T_c: {seconds * 1e3:.0f} ms a configuration"


def files_row() -> str:
    """40 000 configurations of 64×64 beside np.save and np.load of the same bytes."""
    found = file_ratios()
    return (
        f"files of 20 MB: save {found.save_new:.2f} × np.save, over a file "
        f"{found.save_over:.2f} ×; load {found.load:.2f} × np.load"
    )


if __name__ == "__main__":
    install_peers()
    print(f"one thread, medians of interleaved rounds, T_c = {T_C:.4f}", flush=True)
    for row in rows():
        print(row, flush=True)
