"""Arrays in the files of other programs: NumPy, HDF5 (netCDF-4, MATLAB 7.3) and text.

What a file is, its first bytes say, not its name. Nothing is ever unpickled: arrays
of objects and pickles are refused with the way to convert them.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["choose", "read_array"]

NPY, ZIP, HDF5 = b"\x93NUMPY", b"PK", b"\x89HDF\r\n\x1a\n"
PICKLE = b"\x80"
BINARY = (".npy", ".npz", ".h5", ".hdf5", ".nc")
ADVICE = "convert it with np.save and a numeric dtype"


def read_array(path: Path, dataset: str | None = None) -> np.ndarray:
    """The array of numbers in a file.

    Args:
        dataset: its name, where the file holds several.

    Raises:
        ValueError: no such file, empty, truncated, pickled, ragged, not numbers, or
            several arrays and no name.
    """
    start = _first_bytes(path)
    try:
        if start.startswith(NPY):
            return _npy(path, dataset)
        if start.startswith(ZIP):
            return _npz(path, dataset)
        if start.startswith(HDF5):
            return _hdf5(path, dataset)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as problem:
        raise ValueError(f"{path} is cut short or damaged: {problem}") from problem
    if start.startswith(PICKLE) or path.suffix in (".pkl", ".pickle", ".pt", ".pth"):
        raise ValueError(
            f"{path} looks like a pickle, and pickles can run code so are not read; "
            f"{ADVICE}"
        )
    if path.suffix in BINARY:
        raise ValueError(
            f"{path} does not begin like a {path.suffix} file; it is damaged or has "
            "the wrong name"
        )
    if b"\0" in start:
        raise ValueError(f"{path} is neither .npy, .npz, HDF5 nor text; {ADVICE}")
    return _text(path, dataset)


def choose(names: Sequence[str], dataset: str | None, where: object) -> str:
    """The array meant by `dataset`, or the only one there is.

    Raises:
        ValueError: no such array, none at all, or several and no name.
    """
    listed = ", ".join(names) if names else "none"
    if dataset is not None:
        if dataset.lstrip("/") in names:
            return dataset.lstrip("/")
        raise ValueError(f"{where} has no array {dataset!r}, it holds: {listed}")
    if len(names) != 1:
        raise ValueError(
            f"{where} should hold one array of numbers or be told which, it holds: "
            f"{listed}; name one as the dataset"
        )
    return names[0]


def _first_bytes(path: Path) -> bytes:
    if not path.exists():
        raise ValueError(f"there is no file {path}; check its name")
    if not path.is_file():
        raise ValueError(f"configurations come in a file, got the folder {path}")
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise ValueError(f"{path} is empty, where configurations were expected")
    return start


def _npy(path: Path, dataset: str | None) -> np.ndarray:
    if dataset is not None:
        raise ValueError(f"{path} is one array without a name; leave out the dataset")
    try:
        # Mapped, so that a float64 file larger than memory can still be packed.
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as problem:
        raise _translated(problem, path) from problem


def _npz(path: Path, dataset: str | None) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        members = [n[:-4] for n in archive.namelist() if n.endswith(".npy")]
    if not members:
        raise ValueError(
            f"{path} is a zip archive without NumPy arrays (files of torch.save are "
            f"such archives of pickles, which are not read); {ADVICE}"
        )
    name = choose(members, dataset, path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return archive[name]
    except ValueError as problem:
        raise _translated(problem, path) from problem


def _translated(problem: ValueError, path: Path) -> ValueError:
    if "pickle" in str(problem) or "Python objects" in str(problem):
        return ValueError(
            f"{path} holds Python objects, which would have to be unpickled; {ADVICE}"
        )
    return ValueError(f"{path} is cut short or damaged: {problem}")


def _hdf5(path: Path, dataset: str | None) -> np.ndarray:
    import h5py

    with h5py.File(path, "r") as file:
        found: dict[str, Any] = {}

        def keep(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "iufb":
                found[name] = item

        file.visititems(keep)
        # Coordinates (one axis) are not configurations unless somebody names them.
        wide = [name for name, item in found.items() if item.ndim > 1]
        name = choose(list(found) if dataset else wide, dataset, path)
        return found[name][()]


def _text(path: Path, dataset: str | None) -> np.ndarray:
    if dataset is not None:
        raise ValueError(f"{path} is text and has no dataset; leave out its name")
    try:
        with path.open(encoding="utf-8") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no data: said below
            numbers = np.loadtxt(_spaced(file), dtype=np.float32, ndmin=2)
    except UnicodeDecodeError as problem:
        raise ValueError(
            f"{path} is neither .npy, .npz, HDF5 nor text; {ADVICE}"
        ) from problem
    except ValueError as problem:
        raise ValueError(
            f"{path} should hold one configuration a line, equally many numbers on "
            f"each, but {str(problem).split(';')[0].rstrip('.')}"
        ) from problem
    if not numbers.size:
        raise ValueError(
            f"{path} is text without numbers; give one configuration a line"
        )
    return numbers


def _spaced(lines: Iterator[str]) -> Iterator[str]:
    return (line.translate({ord(","): " ", ord(";"): " "}) for line in lines)
