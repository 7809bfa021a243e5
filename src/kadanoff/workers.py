"""Tasks over threads, over processes of this machine, or over a dask scheduler.

Tasks write what they make to disk and return nothing: no configuration travels through
a scheduler, and a task whose worker was killed starts again where its files end. The
processes are dask workers; an address such as `tcp://host:8786` names a scheduler whose
workers see the same file system.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any

__all__ = ["check_workers", "in_processes", "in_threads"]

Task = tuple[Any, ...]
PATIENCE = 0.1  # seconds between two looks at the files that tasks have written
START_SECONDS = 60
CALM: dict[str, Any] = {  # left alone, dask takes a sixth of a core from the work
    "distributed.logging.distributed": "critical",
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}
UNTRIMMED = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28)}  # keep freed pages: they come back


def check_workers(workers: int | str | None) -> None:
    """Refuse what names no workers.

    Raises:
        ValueError: a number below 1, or an address without a protocol.
    """
    if isinstance(workers, str):
        if "://" not in workers:
            raise ValueError(
                "workers are a number or the address of a dask scheduler such as "
                f"tcp://127.0.0.1:8786, got {workers!r}"
            )
    elif workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")


def in_threads(
    function: Callable[..., Any], tasks: Sequence[Task], *, stop: Event
) -> list[Any]:
    """`function(*task)` of every task, in order, one thread per core.

    Args:
        function: releases the interpreter's lock where it works.
        tasks: arguments.
        stop: set when a task fails or Ctrl-C comes, for the others to see.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(pool.map(lambda task: function(*task), tasks))
        except BaseException:
            stop.set()
            raise


def in_processes(
    function: Callable[..., Any],
    tasks: Sequence[Task],
    *,
    workers: int | str,
    watch: Callable[[], None],
) -> None:
    """`function(*task)` of every task, over dask workers.

    Args:
        function: of a module, so that a worker finds it; it writes files.
        tasks: arguments, small ones.
        workers: processes of this machine, or the address of a scheduler.
        watch: called every now and then, to report progress from the files.

    Raises:
        ValueError: no scheduler answers at the address.
        Exception: the first that a task raised.
    """
    with _client(workers) as client:
        waiting = [client.submit(function, *task, pure=False) for task in tasks]
        while waiting:
            time.sleep(PATIENCE)
            for future in waiting:
                if future.done():
                    future.result()  # raises here what the task raised there
            waiting = [future for future in waiting if not future.done()]
            watch()


@contextmanager
def _client(workers: int | str) -> Iterator[Any]:
    from distributed import Client

    with ExitStack() as stack:
        if isinstance(workers, int):
            stack.enter_context(_calm())
            workers = stack.enter_context(_local_cluster(workers))
        try:
            client = Client(workers, timeout=START_SECONDS, set_as_default=False)
        except OSError as problem:
            raise ValueError(
                f"no dask scheduler answers at {workers} ({problem}); start one, or "
                "give a number of workers"
            ) from problem
        yield stack.enter_context(client)


@contextmanager
def _calm() -> Iterator[None]:
    """Workers started here say nothing unless something breaks, and only work."""
    from dask import config

    logger = logging.getLogger("distributed")
    level = logger.level
    with config.set(CALM), _environment({**_as_variables(CALM), **UNTRIMMED}):
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)


def _as_variables(settings: dict[str, Any]) -> dict[str, str]:
    """What makes the same settings in a process that dask starts."""
    names = str.maketrans({".": "__", "-": "_"})
    return {f"DASK_{k.upper().translate(names)}": str(v) for k, v in settings.items()}


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _local_cluster(workers: int) -> Any:
    """A scheduler here and workers in processes of their own.

    They are started as programs of their own, not forked or spawned from the caller's
    script, which therefore needs no `if __name__ == "__main__"`.
    """
    from distributed import Scheduler, SpecCluster
    from distributed.deploy.subprocess import SubprocessWorker

    options = {"nthreads": 1, "dashboard_address": None, "memory_limit": 0}
    worker = {"cls": SubprocessWorker, "options": {"worker_kwargs": options}}
    return SpecCluster(
        scheduler={
            "cls": Scheduler,
            "options": {"dashboard": False, "host": "127.0.0.1", "port": 0},
        },
        workers=dict.fromkeys(range(workers), worker),
        silence_logs=logging.CRITICAL,  # pyright: ignore[reportArgumentType]
    )
