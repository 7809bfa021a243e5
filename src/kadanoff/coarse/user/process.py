"""The child process that runs the file of a user: started when asked, ended on failure.

Everything about it has an end. A timer kills the child, and whatever it has started,
when a request takes longer than its limit, which also ends a read or a write that waits
for it; a child that dies ends them too. Any failure, Ctrl-C among them, ends the child,
as does the end of the rule or of this process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

import kadanoff
from kadanoff.coarse.user.messages import receive, send

__all__ = ["Child", "Process"]

STARTUP = 120.0  # seconds to start Python and load torch, which is not the user's time
PATIENCE = 3.0  # seconds for a process that closed its pipes to be gone
TAIL = 4096  # bytes kept of what the child prints
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kadanoff.coarse.user.child import main; sys.path.pop(0); main()"
)


class Process:
    """A child that applies one network.

    Args:
        load: what `child` needs to load the network.
        limit: seconds that importing and each batch may take.
        total: seconds that all of them together may take.
    """

    def __init__(self, load: Mapping[str, Any], *, limit: float, total: float) -> None:
        self._load = dict(load)
        self._limit, self._total, self._left = limit, total, total
        self._lock = threading.Lock()
        self._child: Child | None = None

    def apply(
        self, values: np.ndarray, *, seed: int, compare: bool
    ) -> tuple[np.ndarray, str]:
        """The output for `(n, *lattice)` values, and the kind of chance in it.

        Raises:
            ValueError: a sentence without subject: what the code of the user did.
        """
        with self._lock:
            try:
                child = self._child or self._started()
                request = {"do": "map", "seed": seed, "compare": compare}
                reply, out = self._timed(child, request, values)
                if out is None:
                    raise ValueError("wrote into the answers of its own process")
                return out, reply["chance"]
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """End the child; the next request starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _started(self) -> Child:
        self._child = child = Child()
        self._timed(child, {"do": "load", **self._load}, None)
        return child

    def _timed(
        self, child: Child, request: dict[str, Any], values: np.ndarray | None
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        """One request in what is left of the time."""
        if self._left <= 0:
            raise ValueError(
                f"has used its {self._total:g} s for all batches together; give it "
                "more (total=…), or fewer configurations"
            )
        seconds = min(self._limit, self._left)
        start = time.monotonic()
        try:
            reply = child.exchange({**request, "limit": seconds}, values, seconds)
        finally:
            self._left -= time.monotonic() - start
        if "refused" in reply[0]:
            raise ValueError(reply[0]["refused"])
        return reply


class Child:
    """A running child that is ready, its pipes, and the last it printed."""

    def __init__(self) -> None:
        root = str(Path(kadanoff.__file__).parents[1])
        self._popen = popen = subprocess.Popen(
            # -P: neither this folder nor the working one come before the user's.
            [sys.executable, "-B", "-P", "-c", START, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a group of its own to kill, and no Ctrl-C
        )
        assert popen.stderr is not None
        self._printed = bytearray()
        threading.Thread(
            target=_keep_tail, args=(popen.stderr, self._printed), daemon=True
        ).start()
        self.end = weakref.finalize(self, _end, popen)
        try:
            self.exchange(None, None, STARTUP)
        except BaseException:
            self.end()
            raise

    def exchange(
        self,
        request: Mapping[str, Any] | None,
        values: np.ndarray | None,
        seconds: float,
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        """The answer to a request, or the next one where there is no request."""
        late = threading.Event()
        timer = threading.Timer(seconds, _expire, (self._popen, late))
        timer.daemon = True
        timer.start()
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        try:
            if request is not None:
                send(self._popen.stdin, request, values)
            answer = receive(self._popen.stdout)
        except (OSError, EOFError, ValueError) as problem:
            raise ValueError(self._fate(late.is_set(), seconds)) from problem
        finally:
            timer.cancel()
            timer.join()  # from here on it kills nobody
        if late.is_set():
            raise ValueError(self._fate(True, seconds))
        return answer

    def _fate(self, late: bool, seconds: float) -> str:
        """What became of a child that does not answer."""
        if late:
            return (
                f"gave no answer within {seconds:.3g} s and was stopped; give it more "
                "time (limit=…) or make it faster"
            )
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(PATIENCE)
        code = self._popen.returncode
        if code is None:
            return "closed the way back to this process; let it leave its pipes alone"
        if code == -signal.SIGKILL:
            how = "was killed, as happens where memory runs out"
        elif code < 0:
            how = f"was killed by signal {-code} ({signal.strsignal(-code)})"
        else:
            how = f"ended its own process (exit status {code})"
        lines = bytes(self._printed).decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()][-1:]
        return how + (f"; the last it printed: {said[0][:200]}" if said else "")


def _expire(popen: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    _kill(popen)


def _kill(popen: subprocess.Popen[bytes]) -> None:
    """End the child and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, signal.SIGKILL)


def _end(popen: subprocess.Popen[bytes]) -> None:
    _kill(popen)
    popen.wait()
    for pipe in (popen.stdin, popen.stdout):
        assert pipe is not None
        with suppress(OSError):  # what was not yet written
            pipe.close()


def _keep_tail(pipe: IO[bytes], tail: bytearray) -> None:
    """Read what is printed, however much, so that nobody waits; keep the end of it."""
    with pipe:
        while some := os.read(pipe.fileno(), 1 << 16):
            tail += some
            del tail[:-TAIL]
