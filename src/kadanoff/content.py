"""What data are, whatever their name and date: hashes of content.

BLAKE2b with 128 bits. A run is named by the content of its inputs, so that a copied
or renamed file finds the work done on the original, and a changed one does not.
"""

from __future__ import annotations

import hashlib
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.provenance import canonical

__all__ = ["content_hash"]

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@singledispatch
def content_hash(source: Any) -> str:
    """Hash (BLAKE2b, 128 bits, hexadecimal) of the content of data.

    An ensemble and the file it was saved to have the same hash: values, geometry,
    couplings, lineage and history count, dates and versions do not. Other files count
    byte by byte, folders with the names of their files, arrays with type and shape.

    Args:
        source: `Ensemble`, array, or `Path`.

    Raises:
        ValueError: anything else, an array of objects, or a path that is not there.
    """
    raise ValueError(
        f"content is that of an Ensemble, an array or a pathlib.Path, got "
        f"{type(source).__name__}; wrap the name of a file in Path"
    )


@content_hash.register
def _(source: Ensemble) -> str:
    from kadanoff.storage import described

    known = described(source)
    known.pop("software")
    return _digest(canonical(known).encode(), content_hash(source.data).encode())


@content_hash.register
def _(source: np.ndarray) -> str:
    if source.dtype.hasobject:
        raise ValueError("an array of Python objects has no bytes to hash; convert it")
    array = np.asarray(source, dtype=source.dtype.newbyteorder("<"), order="C")
    label = f"{array.dtype.str}{array.shape}".encode()
    return _digest(label, array.reshape(-1).view(np.uint8))


@content_hash.register
def _(source: Path) -> str:
    if source.is_dir():
        files = sorted(p for p in source.rglob("*") if p.is_file())
        lines = (f"{p.relative_to(source)} {content_hash(p)}\n" for p in files)
        return _digest("".join(lines).encode())
    if not source.is_file():
        raise ValueError(f"there is no file {source}; check its name")
    if (native := _native(source)) is not None:
        return content_hash(native)
    with source.open("rb") as file:
        return hashlib.file_digest(file, _blake).hexdigest()


def _native(path: Path) -> Ensemble | None:
    with path.open("rb") as file:
        if file.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
            return None
    from kadanoff.storage import is_native_file, load

    return load(path) if is_native_file(path) else None


def _blake() -> Any:
    return hashlib.blake2b(digest_size=16)


def _digest(*parts: Any) -> str:
    digest = _blake()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
