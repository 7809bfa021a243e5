"""What could change the bits of a result besides its settings, put in plain data.

Versions of the software, features of the processor (they decide which vector code
NumPy, LLVM and the linear algebra pick) and thread counts are recorded beside
results, so that a difference can be traced; they are never part of a result's name.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["canonical", "environment", "plain", "software"]

PACKAGES = ("kadanoff", "numpy", "scipy", "numba", "torch")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def software(*packages: str) -> dict[str, str]:
    """Installed versions, read without importing what is heavy."""
    return {name: _version(name) for name in packages or PACKAGES}


def environment() -> dict[str, Any]:
    """Versions, processor and threads of this process, as plain data.

    The processor is asked through LLVM and NumPy, when this is called.
    """
    return {
        "python": platform.python_version(),
        "software": software(),
        "processor": _processor(),
        "threads": {
            "cores": _cores(),
            **{name: os.environ.get(name) for name in THREADS},
        },
    }


def canonical(value: Any) -> str:
    """The one JSON text of plain data: sorted keys, no spaces, NaN refused.

    Raises:
        ValueError: what JSON cannot hold, infinities and NaN among it.

    >>> canonical({"shape": (4, 4), "K": np.float64(0.5)})
    '{"K":0.5,"shape":[4,4]}'
    """
    try:
        return json.dumps(
            value,
            default=plain,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
    except (TypeError, ValueError) as problem:
        raise ValueError(
            f"settings are finite numbers, text, lists and mappings with text keys, "
            f"got {value!r} ({problem})"
        ) from problem


def plain(value: Any) -> Any:
    """NumPy numbers, arrays, paths and dataclasses as plain data, for `json.dumps`.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise ValueError(f"{type(value).__name__} {value!r} is not plain data; convert it")


def _version(package: str) -> str:
    if package == "kadanoff":
        from kadanoff import __version__  # the source tree knows when not installed

        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> dict[str, Any]:
    from llvmlite.binding import get_host_cpu_name

    found = np.show_config(mode="dicts")
    vectors = (found or {}).get("SIMD Extensions", {})
    return {
        "machine": platform.machine(),
        "llvm": get_host_cpu_name(),
        "numpy": [*vectors.get("baseline", []), *vectors.get("found", [])],
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
