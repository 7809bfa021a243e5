"""Parts of an exhibit that are runs of their own: a killed exhibit goes on at the next.

A part is one training (all its starts at once), one drawn sample with its fits, or all
that is computed for one seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.studies import complete
from kadanoff.files import replacing
from kadanoff.runs import Run

__all__ = ["Piece", "dataset", "kept", "readings"]

DATA = "readings.nc"


@dataclass(frozen=True)
class Piece:
    """A part and where its readings are kept.

    Attributes:
        step: the paper and what is done, such as `lin2017-depth`.
        settings: all that its readings depend on, the seed among them.
        find: the readings, JSON-ready.
        version: part of the run's name; raise it when readings change.
    """

    step: str
    settings: Mapping[str, Any]
    find: Callable[[], Mapping[str, Any]] = field(compare=False, repr=False)
    version: int = 1

    def run(self, root: Path) -> Run:
        """Where its readings are kept."""
        return Run.of(
            root, step=self.step, version=self.version, settings=self.settings
        )


def readings(pieces: Sequence[Piece], work: Work, label: str) -> list[dict[str, Any]]:
    """The readings of all pieces in order; those of an earlier call are read.

    Args:
        pieces: of one exhibit.
        work: where, and who is told.
        label: of the progress.

    Raises:
        ValueError: a run that another process holds.
    """
    complete(
        pieces,
        lambda piece, _: piece.find(),
        runs=work.runs,
        progress=work.progress(label),
    )
    return [piece.run(work.runs).summary for piece in pieces]


def kept(
    work: Work,
    step: str,
    settings: Mapping[str, Any],
    compute: Callable[[], xr.Dataset],
    *,
    version: int = 1,
) -> xr.Dataset:
    """A part that is a data set, computed once.

    Args:
        work: where, and the seed and the device that its run names as well.
        step: as of a `Piece`.
        settings: all else that it depends on.
        compute: called if the run is not done.
        version: raise it when the data set changes.

    Raises:
        ValueError: as `dataset`.
    """
    own = {**settings, "seed": work.seed, "device": work.device}
    run = Run.of(work.runs, step=step, version=version, settings=own)
    return dataset(run, compute)[0]


def dataset(run: Run, compute: Callable[[], xr.Dataset]) -> tuple[xr.Dataset, float]:
    """A data set as its run has it, and the seconds that it took.

    Args:
        run: where it is kept.
        compute: called if the run is not done.

    Raises:
        ValueError: a run that another process holds, or a file that cannot be read.
    """
    path = run.path(DATA)
    if not run.done:
        with run.open():
            started = time.monotonic()
            _save(compute(), path)
            run.finish({"seconds": time.monotonic() - started})
    return _load(path), run.summary["seconds"]


def _save(data: xr.Dataset, path: Path) -> None:
    with replacing(path) as temporary:
        data.to_netcdf(temporary, engine="h5netcdf")


def _load(path: Path) -> xr.Dataset:
    try:
        return xr.load_dataset(path, engine="h5netcdf")
    except (OSError, KeyError, ValueError) as problem:
        raise ValueError(
            f"{path} should hold the readings of an exhibit and cannot be read "
            f"({' '.join(str(problem).split())}); remove its folder and run again"
        ) from problem
