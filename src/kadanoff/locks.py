"""One worker at a time on a directory, by a lock that dies with its process.

`flock` on the file `lock`: the kernel frees it when the last copy of the descriptor
is closed, so that a killed process leaves nothing to clean up. The file stays; what
it holds is the process number of the last holder, for the sentence only.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["RunBusy", "held"]

POLL_SECONDS = 0.05


class RunBusy(ValueError):
    """Another process works on the run."""


@contextmanager
def held(directory: Path, timeout: float) -> Iterator[None]:
    """Hold `directory`, made if need be, against all other processes and threads.

    Args:
        timeout: seconds to wait for whoever holds it.

    Raises:
        RunBusy: it is still held when the time is over.
        ValueError: the directory cannot be made or written.
    """
    deadline = time.monotonic() + timeout
    while (lock := _try_lock(directory)) is None:
        if time.monotonic() >= deadline:
            raise RunBusy(
                f"run {directory} is held by another process{_holder(directory)}; wait "
                "until it ends or stop it"
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        os.close(lock)


def _try_lock(directory: Path) -> int | None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as problem:
        raise ValueError(
            f"the run directory {directory} cannot be made or written "
            f"({problem.strerror}); choose another root"
        ) from problem
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Somebody may have removed the directory while this process waited.
        if os.path.samestat(os.fstat(lock), os.stat(directory / "lock")):
            os.ftruncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _holder(directory: Path) -> str:
    try:
        return f" ({(directory / 'lock').read_text()})"
    except OSError:
        return ""
