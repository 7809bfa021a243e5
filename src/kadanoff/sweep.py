"""Ensembles of one model over couplings: what a sweep of temperatures makes.

On disk a sweep is a folder: one self-explaining file per coupling, and `sweep.json`,
written last, which says which files belong to it and in which order. As an xarray
object the couplings are one more dimension, and nothing is read before it is needed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.files import replacing
from kadanoff.storage import load, save

__all__ = ["INDEX", "Sweep", "file_name", "load_sweep", "open_sweep", "write_index"]

FORMAT = "kadanoff sweep"
INDEX = "sweep.json"


@dataclass(frozen=True, eq=False)
class Sweep:
    """Ensembles of one model in order of their coupling.

    Args:
        ensembles: one per coupling, alike in everything else.
    """

    ensembles: tuple[Ensemble, ...]

    def __len__(self) -> int:
        return len(self.ensembles)

    def __iter__(self) -> Iterator[Ensemble]:
        return iter(self.ensembles)

    def __getitem__(self, index: int) -> Ensemble:
        return self.ensembles[index]

    @property
    def couplings(self) -> np.ndarray:
        """K of every ensemble; infinite at T = 0."""
        return np.array([next(iter(e.couplings.values())) for e in self.ensembles])

    @property
    def temperatures(self) -> np.ndarray:
        """T = 1/K in J/k_B; infinite at K = 0, negative where K is."""
        with np.errstate(divide="ignore"):
            return 1 / self.couplings

    def save(self, folder: str | Path) -> None:
        """Write one file per coupling and the index.

        Raises:
            ValueError: a folder that cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names = [file_name(k, c) for k, c in enumerate(self.couplings)]
        for name, ensemble in zip(names, self.ensembles, strict=True):
            save(ensemble, folder / name, durable=True)
        write_index(folder, names, self.couplings.tolist())


def file_name(place: int, coupling: float) -> str:
    """Of the ensemble in one place of the sweep: by temperature, or coupling if K <= 0.

    >>> file_name(0, math.inf), file_name(7, 0.5), file_name(2, -0.4)
    ('0000-T-0.nc', '0007-T-2.nc', '0002-K--0.4.nc')
    """
    label = f"T-{1 / coupling:.6g}" if coupling > 0 else f"K-{coupling:.6g}"
    return f"{place:04d}-{label}.nc"


def write_index(folder: Path, names: Sequence[str], couplings: Sequence[float]) -> None:
    """Say which files make the sweep; until then the folder holds none."""
    shown = [k if math.isfinite(k) else str(k) for k in couplings]
    record = {"format": FORMAT, "files": list(names), "couplings": shown}
    with replacing(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def load_sweep(folder: str | Path) -> Sweep:
    """The sweep in a folder, all of it in memory.

    Raises:
        ValueError: no finished sweep is there, or one of its files is damaged.
    """
    return Sweep(tuple(load(path) for path in _files(Path(folder))))


def open_sweep(folder: str | Path) -> Any:
    """A lazy xarray.Dataset with the dimension `coupling` before chain and draw.

    Coordinates `coupling` (K) and `temperature` (1/K).

    Raises:
        ValueError: no finished sweep is there, or its files differ in their chains.
    """
    import xarray as xr

    files = _files(Path(folder))
    parts = [xr.open_dataset(f, engine="h5netcdf", chunks={}) for f in files]
    couplings = [_coupling(part) for part in parts]
    if len({tuple(part["spins"].shape) for part in parts}) > 1:
        raise ValueError(
            f"the files of {folder} hold different numbers of chains or draws; open "
            "them one by one with kadanoff.load"
        )
    whole = xr.concat(
        parts, dim="coupling", combine_attrs="drop_conflicts", join="exact"
    )
    with np.errstate(divide="ignore"):
        temperatures = 1 / np.array(couplings)
    return whole.assign_coords(
        coupling=couplings, temperature=("coupling", temperatures)
    )


def _coupling(part: Any) -> float:
    return float(next(iter(json.loads(part.attrs["couplings"]).values())))


def _files(folder: Path) -> list[Path]:
    try:
        record = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        files = [folder / name for name in record["files"]]
        wrong = record["format"] != FORMAT
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ValueError(
            f"{folder} holds no finished sweep ({INDEX}: {problem}); make one with "
            "kadanoff sample --temperatures, or resume it by the same command"
        ) from problem
    if wrong or not files:
        raise ValueError(f"{folder / INDEX} is not the index of a sweep; make it again")
    return files
