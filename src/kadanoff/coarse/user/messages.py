r"""What goes through the pipes: a line of JSON, then the bytes of a .npy file.

    {"do": "map", "seed": 1, "compare": false, "bytes": 1152}\n
    \x93NUMPY…

Both are read without running anything: a .npy of objects, which would be a pickle, is
refused by NumPy itself.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

__all__ = ["receive", "send"]

LONGEST = 1 << 20  # bytes of a header


def send(
    stream: IO[bytes], header: Mapping[str, Any], values: np.ndarray | None = None
) -> None:
    """Write one message."""
    body = b"" if values is None else _npy(values)
    stream.write(json.dumps({**header, "bytes": len(body)}).encode() + b"\n")
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], np.ndarray | None]:
    """Read one message; EOFError where the stream ends, ValueError for no message."""
    line = stream.readline(LONGEST)
    if not line:
        raise EOFError("the stream ended")
    header = json.loads(line)
    if not isinstance(header, dict) or not isinstance(header.get("bytes"), int):
        raise ValueError("a message begins with its header")
    body = stream.read(header["bytes"])
    if len(body) < header["bytes"]:
        raise EOFError("the stream ended within a message")
    return header, np.load(io.BytesIO(body), allow_pickle=False) if body else None


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
