"""The program that runs the code of a user, at the other end of two pipes.

Its standard input and output are the conversation. Before any code of the user runs
they are put out of its reach: what it prints goes to standard error, where `process`
keeps the last lines of it. The alarm ends a child whose parent is gone; a parent that
lives is faster. No sandbox: the code may do what the user may do.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from kadanoff.coarse.user.load import load
from kadanoff.coarse.user.messages import receive, send
from kadanoff.coarse.user.network import NetworkMap
from kadanoff.coarse.user.passes import Refused, compared

__all__ = ["main"]

GRACE = 5.0  # seconds after which the alarm ends what the parent did not


def main() -> None:
    """Answer one request after another until there are no more."""
    asked, answers = _own_pipes()
    _die_quietly()
    torch.set_num_threads(1)  # the same bits whatever the machine
    send(answers, {"ready": True})
    network: NetworkMap | None = None
    while True:
        try:
            request, values = receive(asked)
        except EOFError:
            break
        signal.setitimer(signal.ITIMER_REAL, request["limit"] + GRACE)
        reply, out = {}, None
        try:
            if request["do"] == "load":
                network = _network(request)
            elif network is not None and values is not None:
                out, reply["chance"] = _mapped(network, request, values)
        except Refused as problem:
            reply["refused"] = str(problem)
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            send(answers, reply, out)
        except BrokenPipeError:
            break
    os._exit(0)  # whatever threads the code of the user has left


def _network(request: dict[str, Any]) -> NetworkMap:
    names = ("file", "function", "layer", "weights")
    return NetworkMap(
        load(*(request[name] for name in names)),
        request["layer"],
        request["input"],
        request["encoding"],
        request["file"],
    )


def _mapped(
    network: NetworkMap, request: dict[str, Any], values: np.ndarray
) -> tuple[np.ndarray, str]:
    if request["compare"]:
        return compared(network, values, request["seed"])
    return network(values, request["seed"]), "none"


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes under other numbers; then 0 reads nothing and 1 is standard error."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    return asked, answers


def _die_quietly() -> None:
    """End at the alarm, first of all where memory runs out, and without a core file."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
