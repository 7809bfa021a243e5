"""Writing a file all at once: a temporary name first, the real one by rename."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well.

    A reader sees the old file or the new one, never a part; on any failure the
    temporary file is removed and `path` stays as it was. What a killed writer left
    beside `path` is removed too.

    Args:
        durable: wait for the disk before the rename, so that a loss of power, too,
            leaves one of the two files. A killed process needs no such wait: what it
            wrote is with the system. False is for what can be made again.
    """
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if durable:
            _to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _remove_leftovers(path: Path) -> None:
    """Temporary files of writers of `path` that no longer run."""
    for leftover in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        writer = leftover.name.split(".")[-2]
        if writer.isdecimal() and not _runs(int(writer)):
            leftover.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, for somebody else
        return True
    return True
