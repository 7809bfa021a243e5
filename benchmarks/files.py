"""Files of ensembles against bare arrays: `python benchmarks/files.py`.

The same packed bytes are written by `kadanoff.save` and `numpy.save`, under a new name
and over an old file, and read back by both, in turn. Ratios of medians; at 1 the whole
description of an ensemble would cost nothing.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.storage import load, save

__all__ = ["FileRatios", "file_ratios"]


class FileRatios(NamedTuple):
    """Time of an ensemble's file over that of the bare array.

    Attributes:
        save_new: writing under a name that is free.
        save_over: writing over an older file.
        load: reading what was written.
    """

    save_new: float
    save_over: float
    load: float


def file_ratios(
    *, chains: int = 1024, draws: int = 40, side: int = 64, rounds: int = 41
) -> FileRatios:
    """Random ±1 configurations of side×side sites; the default is 20.5 MB."""
    packed = np.random.default_rng(1).integers(
        0, 256, (chains, draws, side**2 // 8), dtype=np.uint8
    )
    ensemble = Ensemble(packed, Grid((side, side)), "pm1", "benchmark")
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = Path(folder, "ensemble.nc"), Path(folder, "array.npy")

        def saved() -> None:
            save(ensemble, ours)

        def free() -> None:
            ours.unlink(missing_ok=True)
            bare.unlink(missing_ok=True)

        new = ratio(saved, lambda: np.save(bare, packed), rounds, before=free)
        over = ratio(saved, lambda: np.save(bare, packed), rounds)
        read = ratio(lambda: load(ours), lambda: np.load(bare), rounds)
        if not np.array_equal(load(ours).data, packed):
            raise SystemExit("the file does not hold what was saved")
    return FileRatios(new, over, read)


def ratio(
    one: Callable[[], Any],
    other: Callable[[], Any],
    rounds: int,
    *,
    before: Callable[[], Any] = lambda: None,
) -> float:
    """Median time of `one` over that of `other`, run in turn, the first not counted."""
    times = []
    for _ in range(rounds + 1):
        before()
        times.append((seconds(one), seconds(other)))
    ours, others = zip(*times[1:], strict=True)
    return statistics.median(ours) / statistics.median(others)


def seconds(action: Callable[[], Any]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    for name, value in file_ratios()._asdict().items():
        print(f"{name}: {value:.2f} times the bare array")
