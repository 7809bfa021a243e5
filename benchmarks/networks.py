"""Training a dense machine beside its own matrix products and beside other programs.

An update of CD-1 is five products: Wᵀv, W h, Wᵀv′ and the two moments vᵀh. Their time
alone, in this process and on the same path, is the floor; the ratio to it says what
unpacking, shuffling, drawing and stepping add; what is read once an epoch is shown
apart, in updates. All times are of the processor, on one
thread: the wall clock of a shared machine also measures the neighbours.
"""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.networks import products
from kadanoff.networks.products import fast_products, one_thread, product_path
from kadanoff.networks.rbm import RBM
from kadanoff.networks.train import Training, train

ROUNDS = 7
PEERS = {"rbms": "rbms_rbm.py", "scikit-learn (PCD-1)": "sklearn_rbm.py"}
SCRIPTS = Path(__file__).parent / "peers"
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMBA")
}


def product_row() -> str:
    """What computes the products of a training here, and how exactly."""
    with one_thread(), fast_products():
        return f"products: {product_path()}, error {products._product_error():.1e}"


def update_row(
    visible: int, hidden: int, batch: int, updates: int, python: Path
) -> str:
    """Milliseconds per CD-1 update at one size, in turn with the floor and the peers.

    Args:
        visible: units, a square.
        hidden: units.
        batch: configurations per update.
        updates: per round.
        python: of the environment of the peers.
    """
    sizes = (visible, hidden, batch, updates)
    with ExitStack() as running:
        timed = {
            "ours": _training(*sizes),
            "thrice": _training(visible, hidden, batch, 3 * updates),
            "products": _five_products(*sizes),
        }
        for name, script in PEERS.items():
            timed[name] = running.enter_context(_standing(python, script, sizes))
        rounds = [{name: ms() for name, ms in timed.items()} for _ in range(ROUNDS)]
    ms = {name: statistics.median(one[name] for one in rounds) for name in timed}
    # What comes once an epoch (readings, checks) is the same in a short and a long one.
    once = (ms["ours"] - ms["thrice"]) * updates * 3 / 2
    ours = ms["thrice"] - once / (3 * updates)
    shown = "; ".join(
        f"{name} {ms[name]:.2f} ms: {ms[name] / ours:.2f} × slower" for name in PEERS
    )
    return (
        f"RBM {visible}→{hidden}, batch {batch}, CD-1: {ours:.2f} ms an update, "
        f"{ours / ms['products']:.2f} × its five products ({ms['products']:.2f} ms); "
        f"{shown}; readings of an epoch as long as {once / ours:.0f} updates"
    )


def _training(
    visible: int, hidden: int, batch: int, updates: int
) -> Callable[[], float]:
    """One epoch of the training loop, everything around the updates included."""
    side = int(visible**0.5)
    rng = np.random.default_rng(0)
    spins = rng.integers(0, 2, (updates, batch, side, side), dtype=np.int8) * 2 - 1
    data = Ensemble.from_values(spins)
    network = RBM(visible=data.geometry, hidden=hidden)
    settings = Training(epochs=1, batch=batch)
    train(network, data, settings=settings, seed=0)

    def ms() -> float:
        started = time.process_time()
        train(network, data, settings=settings, seed=0)
        return (time.process_time() - started) / updates * 1e3

    return ms


def _five_products(
    visible: int, hidden: int, batch: int, updates: int
) -> Callable[[], float]:
    """The products of an update into memory that is there already."""
    noise = torch.Generator().manual_seed(0)
    v, h, W = (
        torch.randn(shape, generator=noise)
        for shape in ((batch, visible), (batch, hidden), (visible, hidden))
    )
    up, down, moment = torch.empty_like(h), torch.empty_like(v), torch.empty_like(W)

    def ms() -> float:
        with one_thread(), fast_products():
            started = time.process_time()
            for _ in range(updates):
                torch.mm(v, W, out=up)
                torch.mm(h, W.T, out=down)
                torch.mm(v, W, out=up)
                torch.mm(v.T, h, out=moment)
                torch.mm(v.T, h, out=moment)
            return (time.process_time() - started) / updates * 1e3

    return ms


@contextmanager
def _standing(
    python: Path, script: str, sizes: tuple[int, ...]
) -> Iterator[Callable[[], float]]:
    """A peer that is started once, and runs a round whenever it is asked."""
    command = [python, SCRIPTS / script, *map(str, sizes)]
    with subprocess.Popen(
        command,
        env={**os.environ, **ONE_THREAD},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        asked, answers = process.stdin, process.stdout
        assert asked is not None
        assert answers is not None

        def ms() -> float:
            asked.write("round\n")
            return json.loads(answers.readline())["ms"]

        yield ms
