"""Studies of many trainings: each a run of its own, so that a killed study goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from kadanoff.estimate import Estimate
from kadanoff.provenance import plain, software
from kadanoff.runs import Run

__all__ = ["attributes_of", "complete", "markdown", "over_seeds"]


class Job(Protocol):
    """A training and its readings."""

    def run(self, root: Path, /) -> Run:
        """Where its readings are kept."""
        ...


J = TypeVar("J", bound=Job)


def complete(
    jobs: Sequence[J],
    readings: Callable[[J, Path], Mapping[str, Any]],
    *,
    runs: Path,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Do the jobs that are not done, in order.

    Args:
        jobs: trainings.
        readings: what to keep of a job, JSON-ready.
        runs: root of run directories.
        progress: called with the jobs done and their number.

    Raises:
        ValueError: a run that another process holds.
    """
    for done, job in enumerate(jobs):
        work = job.run(runs)
        if not work.done:
            with work.open():
                work.finish(readings(job, runs))
        if progress is not None:
            progress(done + 1, len(jobs))


def attributes_of(settings: Any) -> dict[str, str]:
    """The attributes of a study's data set: JSON of the settings and the versions.

    Args:
        settings: a dataclass.
    """
    about = {"settings": asdict(settings), "software": software()}
    return {name: json.dumps(a, default=plain) for name, a in about.items()}


def over_seeds(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean with the standard error of the spread; seeds are independent.

    What is not finite is left out; of one seed there is no error.

    Args:
        values: one for each seed.
    """
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    n = len(x)
    if n == 0:
        return Estimate(np.array(np.nan), {}, 0)
    replicates = (x.sum() - x) / (n - 1) if n > 1 else np.full(2, np.nan)
    return Estimate(x.mean(), {"seeds": replicates}, n)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
