"""Ensembles on disk: one HDF5 file in netCDF-4 layout that explains itself.

The variable `spins` holds packed bytes `(chain, draw, byte)` for ±1 (`np.packbits`,
most significant bit first, bit 1 = spin up, lattice in C order) or the values
themselves `(chain, draw[, feature], x, y, …)` for other alphabets; everything else that
an `Ensemble` knows is an attribute. `xarray.open_dataset(path, engine="h5netcdf")`
opens it. A file is written under another name and renamed: a reader sees a whole file
or none. Two files of one ensemble differ in the attribute `created_at` and no other.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.alphabet import check_alphabet, check_values, stored_type
from kadanoff.ensemble import Ensemble
from kadanoff.files import replacing
from kadanoff.geometry import Geometry, Unordered, geometry_from
from kadanoff.netcdf import Variable, values_of, write
from kadanoff.provenance import plain, software

__all__ = [
    "FORMAT",
    "described",
    "ensemble_from",
    "is_native",
    "is_native_file",
    "load",
    "save",
]

FORMAT = "kadanoff ensemble"
FORMAT_VERSION = 1
NO_FEATURES = 0
DIRECTIONS = ("x", "y", "z", "w")
REQUIRED = (
    "alphabet",
    "couplings",
    "features",
    "geometry",
    "history",
    "lineage",
    "model",
    "tau",
)
READ = {*REQUIRED, "format", "format_version", "parameters"}


def save(ensemble: Ensemble, path: str | Path, *, durable: bool = False) -> None:
    """Write an ensemble to `path`, all at once.

    Args:
        path: of the file; one that is there is replaced.
        durable: wait until the values are on the disk itself, which takes several
            times as long. Without it, too, a reader sees a whole file and a killed
            writer leaves the old one; but a machine that loses power within the next
            minute may keep neither.

    Raises:
        ValueError: the folder of `path` does not exist or cannot be written, `path`
            is a folder, or the history holds something that is not plain data.
    """
    path = _writable(Path(path))
    attributes = {**described(ensemble), "created_at": datetime.now(UTC).isoformat()}
    variables = {
        "chain": Variable(("chain",), np.arange(ensemble.chains)),
        "draw": Variable(("draw",), np.arange(ensemble.draws)),
        "spins": Variable(_dimensions(ensemble), ensemble.data, _unpacking(ensemble)),
    }
    with replacing(path, durable=durable) as temporary:
        write(temporary, variables, attributes)


def load(path: str | Path) -> Ensemble:
    """The ensemble that `save` wrote.

    Raises:
        ValueError: no such file, not HDF5, truncated, of another format or version,
            or with contents that contradict each other; the sentence names the file.
    """
    import h5py

    path = Path(path)
    _require_hdf5(path)
    try:
        with h5py.File(path, "r") as file:
            held = file.attrs
            attributes = {name: _scalar(held[name]) for name in held if name in READ}
            _check_format(attributes, path)
            data = _read(file, path)
    except (OSError, RuntimeError, KeyError) as problem:
        raise ValueError(
            f"{path} is a damaged HDF5 file (HDF5 says: {_first_line(problem)}); copy "
            "or make it again"
        ) from problem
    return ensemble_from(data, attributes, where=str(path))


def is_native(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes of a file or data set are those of an ensemble."""
    return _scalar(attributes.get("format")) == FORMAT


def is_native_file(path: str | Path) -> bool:
    """Whether a file that is there is HDF5 and calls itself an ensemble."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return is_native(file.attrs)
    except OSError:
        return False


def described(ensemble: Ensemble) -> dict[str, Any]:
    """Everything about an ensemble but its values, as flat attributes.

    Raises:
        ValueError: the history or the couplings hold what JSON cannot.
    """
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "geometry": _json(ensemble.geometry.describe()),
        "alphabet": ensemble.alphabet,
        "lineage": ensemble.lineage,
        "tau": float(ensemble.tau),
        "features": ensemble.features or NO_FEATURES,
        "model": ensemble.model or "",
        "couplings": _json({k: _finite(v) for k, v in ensemble.couplings.items()}),
        "parameters": _json(dict(ensemble.parameters)),
        "history": _json(list(ensemble.history)),
        "software": _software(),
    }


def ensemble_from(
    data: np.ndarray, attributes: Mapping[str, Any], *, where: str
) -> Ensemble:
    """The ensemble of an array `spins` and the attributes that `described` made.

    Args:
        where: name of the file or object, for the sentences.

    Raises:
        ValueError: an attribute is missing, or the array contradicts them.
    """
    known = {name: _scalar(value) for name, value in attributes.items()}
    _check_format(known, where)
    missing = [name for name in REQUIRED if name not in known]
    if missing:
        raise ValueError(
            f"{where} lacks the attribute '{missing[0]}' of a kadanoff ensemble; save "
            "it again"
        )
    try:
        ensemble = _assembled(data, known)
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(
            f"{where} has attributes that do not describe an ensemble "
            f"({_first_line(problem)}); save it again"
        ) from problem
    _check_data(ensemble, where)
    return ensemble


def _writable(path: Path) -> Path:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"the folder of {path} does not exist; make it first")
    if path.is_dir():
        raise ValueError(
            f"an ensemble is written to a file, got the folder {path}; name a file "
            "in it"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"the folder of {path} cannot be written; choose another")
    return path


def _dimensions(ensemble: Ensemble) -> tuple[str, ...]:
    if ensemble.alphabet == "pm1":
        return ("chain", "draw", "byte")
    maps = () if ensemble.features is None else ("feature",)
    return ("chain", "draw", *maps, *_site_names(ensemble.geometry))


def _site_names(geometry: Geometry) -> tuple[str, ...]:
    if isinstance(geometry, Unordered):
        return ("unit",)
    d = geometry.dimension
    names = DIRECTIONS[:d] if d <= len(DIRECTIONS) else [f"x{k}" for k in range(d)]
    return (*names, *(("site",) if len(geometry.cell) > 1 else ()))


def _unpacking(ensemble: Ensemble) -> dict[str, Any]:
    """What a reader without this package needs to know about the variable."""
    known = {"alphabet": ensemble.alphabet, "lattice_shape": np.array(ensemble.shape)}
    if ensemble.alphabet != "pm1":
        return known
    return {
        **known,
        "bit_order": "big",
        "bits": math.prod(ensemble.shape),
        "unpack": "2 * np.unpackbits(spins, axis=-1, count=bits).astype('i1') - 1, "
        "reshaped to (chain, draw, *lattice_shape)",
    }


def _require_hdf5(path: Path) -> None:
    import h5py

    if not path.exists():
        raise ValueError(f"there is no file {path}; check its name")
    if not path.is_file():
        raise ValueError(f"an ensemble is a file, got the folder {path}; name a file")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty, where an HDF5 file was expected")
    try:
        is_hdf5 = h5py.is_hdf5(path)
    except OSError:
        is_hdf5 = False
    if not is_hdf5:
        raise ValueError(
            f"{path} is not an HDF5 file, so not a kadanoff ensemble; import other "
            "formats with open_foreign"
        )


def _check_format(attributes: Mapping[str, Any], where: str | Path) -> None:
    if not is_native(attributes):
        raise ValueError(
            f"{where} is not a kadanoff ensemble: expected the attribute format = "
            f"'{FORMAT}', got {attributes.get('format')!r}; import it with open_foreign"
        )
    if attributes.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"{where} has format version {attributes.get('format_version')}, this "
            f"kadanoff reads version {FORMAT_VERSION}; use the kadanoff that wrote it"
        )


def _read(file: Any, path: Path) -> np.ndarray:
    import h5py

    spins = file.get("spins")
    if not isinstance(spins, h5py.Dataset):
        raise ValueError(
            f"{path} lacks the variable 'spins' of a kadanoff ensemble; save it again"
        )
    return values_of(spins)


def _assembled(data: np.ndarray, known: Mapping[str, Any]) -> Ensemble:
    check_alphabet(str(known["alphabet"]))
    tau = float(known["tau"])
    if not 0 < tau < math.inf:
        raise ValueError(f"tau is {tau}")
    couplings, history = json.loads(known["couplings"]), json.loads(known["history"])
    parameters = json.loads(known.get("parameters", "{}"))  # newer than the format
    if not isinstance(couplings, dict) or not isinstance(parameters, dict):
        raise ValueError("couplings and parameters are mappings")
    if not isinstance(history, list):
        raise ValueError("the history is a list")
    return Ensemble(
        np.asarray(data),
        geometry_from(json.loads(known["geometry"])),
        known["alphabet"],
        str(known["lineage"]),
        tau=tau,
        features=int(known["features"]) or None,
        model=str(known["model"]) or None,
        couplings={name: float(value) for name, value in couplings.items()},
        parameters=parameters,
        history=tuple(history),
    )


def _check_data(ensemble: Ensemble, where: str) -> None:
    packed = ensemble.alphabet == "pm1"
    row = (-(-math.prod(ensemble.shape) // 8),) if packed else ensemble.shape
    kind = stored_type(ensemble.alphabet)
    data = ensemble.data
    if data.ndim < 3 or 0 in data.shape or data.shape[2:] != row or data.dtype != kind:
        raise ValueError(
            f"{where} holds 'spins' of shape {data.shape} and type {data.dtype}, where "
            f"{ensemble.alphabet} values on {ensemble.shape} need (chain, draw, "
            f"{', '.join(map(str, row))}) of {kind}; save it again"
        )
    if packed:
        return
    try:
        check_values(data, ensemble.alphabet)
    except ValueError as problem:
        raise ValueError(f"{where} is damaged: {problem}") from problem


@cache
def _software() -> str:
    return _json(software("kadanoff", "numpy", "numba"))


def _json(value: Any) -> str:
    return json.dumps(value, default=plain)


def _finite(value: float) -> float | str:
    """JSON has no infinity; `float` reads the text back."""
    return value if math.isfinite(value) else str(value)


def _scalar(value: Any) -> Any:
    """An attribute as Python gave it: HDF5 may hand back bytes or 1-element arrays."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray | np.generic) and value.size == 1:
        return _scalar(value.item())
    return value


def _first_line(problem: Exception) -> str:
    return str(problem).strip("'\"").splitlines()[0] if str(problem) else repr(problem)
