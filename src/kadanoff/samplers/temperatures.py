"""Sampling over couplings: one run, one ensemble per temperature.

By default every temperature is drawn on its own, with its own chains. With
`method="tempering"` the temperatures are the rungs of every ladder: the ensembles then
share one lineage, chain r of each being ladder r, and readings of different
temperatures have aligned errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.protocols import Model
from kadanoff.randomness import generator
from kadanoff.runs import Run
from kadanoff.samplers.plan import LONGEST, Plan, check_memory, plan_sampling
from kadanoff.samplers.run import VERSION, Job, Progress, certified, drawn
from kadanoff.storage import load, save
from kadanoff.sweep import INDEX, Sweep, file_name, load_sweep, write_index
from kadanoff.workers import check_workers

__all__ = ["couplings_at", "sample_sweep"]


def sample_sweep(
    model: Model,
    *,
    couplings: Sequence[float] | None = None,
    temperatures: Sequence[float] | None = None,
    draws: int,
    seed: int = 0,
    method: str = "auto",
    chains: int | None = None,
    spacing: int | None = None,
    burn_in: int | None = None,
    long: bool = False,
    out: Path | None = None,
    runs: Path | None = None,
    workers: int | str | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Ensembles of `draws` configurations at each of several couplings.

    All of them have equally many chains and draws, so that they open as one array.

    Args:
        model: the Hamiltonian.
        couplings: K, of either sign; or
        temperatures: T = 1/K >= 0 in J/k_B, where 0 is the ground states.
        out: folder for one file per coupling, each written as soon as it is certified;
            what is there already is not drawn again.
        runs: root of run directories; given one, an interrupted sweep resumes within a
            temperature too.
        draws, seed, method, chains, spacing, burn_in, long, workers, progress: as for
            `kadanoff.sample`.

    Raises:
        ValueError: bad arguments, or a temperature out of equilibrium; the files of
            those before it stay.
    """
    ladder = _in_order(model, couplings, temperatures)
    settings = {"method": method, "spacing": spacing, "burn_in": burn_in}
    plans = _plans(model, ladder, draws, chains, long, settings)
    generator(seed)
    check_workers(workers)
    record = {"plans": [plan.record for plan in plans], "seed": seed}
    run = Run.of(runs, step="sweep", version=VERSION, settings=record)
    jobs = [
        Job(plan, _own_seed(seed, k), f"{run.name}.{k}" if len(plans) > 1 else run.name)
        for k, plan in enumerate(plans)
    ]
    if runs is None:
        return _collected(_each(jobs, ladder, out, workers, progress), ladder, out)
    with run.open():
        jobs = [replace(job, folder=_folder(run, job)) for job in jobs]
        sweep = _collected(_each(jobs, ladder, out, workers, progress), ladder, out)
        configurations = sum(ensemble.size for ensemble in sweep)
        run.finish({"couplings": len(sweep), "configurations": configurations})
    return sweep


def couplings_at(temperatures: Sequence[float]) -> list[float]:
    """K = 1/T; infinite at T = 0.

    Raises:
        ValueError: a temperature below 0, or not a number.
    """
    for t in temperatures:
        if not t >= 0:
            raise ValueError(
                f"temperatures are 0 or more, got {t:g}; the antiferromagnet is a "
                "negative coupling (couplings=…, --coupling)"
            )
    return [1 / t if t else math.inf for t in temperatures]


def _in_order(
    model: Model,
    couplings: Sequence[float] | None,
    temperatures: Sequence[float] | None,
) -> list[float]:
    if (couplings is None) == (temperatures is None):
        raise ValueError(
            "a sweep needs couplings or temperatures, and not both; give one of them"
        )
    if temperatures is not None:
        couplings = couplings_at(temperatures)
    assert couplings is not None
    if not len(couplings) or len(set(couplings)) < len(couplings):
        raise ValueError(
            f"a sweep needs different couplings, got {list(couplings)}; leave the "
            "repeated ones out"
        )
    return [float(k) for k in couplings]


def _plans(
    model: Model,
    ladder: list[float],
    draws: int,
    chains: int | None,
    long: bool,
    settings: dict[str, Any],
) -> list[Plan]:
    """One plan per coupling with as many chains and draws each; of a ladder one."""
    if settings["method"] == "tempering":
        finite = sorted(ladder, key=abs)
        if ladder not in (finite, finite[::-1]) or math.inf in ladder:
            raise ValueError(
                "tempering needs finite couplings in order of their strength, got "
                f"{ladder}; leave T = 0 out and sort them"
            )
        more = {"chains": chains, "ladder": finite, "long": long, **settings}
        return [plan_sampling(model, finite[-1], draws, **more)]
    alone = [
        plan_sampling(model, k, draws, chains=chains, long=True, **settings)
        for k in ladder
    ]
    seconds = sum(plan.seconds for plan in alone)
    if seconds > LONGEST and not long:
        raise ValueError(
            f"this sweep would take about {seconds / 3600:.0f} hours of one core, and "
            f"more than {LONGEST / 3600:.0f} need long=True (--long); ask for fewer "
            "draws or temperatures"
        )
    most = max(plan.chains for plan in alone)
    plans = [
        plan_sampling(model, k, draws, chains=most, long=True, **settings)
        for k in ladder
    ]
    check_memory(plans)
    return plans


def _own_seed(seed: int, place: int) -> int:
    """Another seed for every coupling, from the one of the sweep."""
    return int(generator(seed, "sweep", place).integers(0, 2**63))


def _folder(run: Run, job: Job) -> Path:
    folder = run.directory / job.lineage
    folder.mkdir(exist_ok=True)
    return folder


def _each(
    jobs: list[Job],
    ladder: list[float],
    out: Path | None,
    workers: int | str | None,
    progress: Progress | None,
) -> Iterator[Ensemble | None]:
    """Certified ensembles in order; None for those that are in `out` already."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / INDEX).unlink(missing_ok=True)  # no sweep until every file is its own
    if len(jobs) == 1 and len(ladder) > 1:  # the rungs come in order of strength
        found = list(drawn(jobs, workers=workers, progress=progress))
        yield from (found if abs(ladder[0]) <= abs(ladder[-1]) else found[::-1])
        return
    there = [_is_there(job, k, ladder[k], out) for k, job in enumerate(jobs)]
    rest = [job for job, done in zip(jobs, there, strict=True) if not done]
    new = drawn(rest, workers=workers, progress=progress)
    for done in there:
        yield None if done else next(new)


def _is_there(job: Job, place: int, coupling: float, out: Path | None) -> bool:
    """Whether a file of this very ensemble was written before."""
    if out is None or not (path := out / file_name(place, coupling)).is_file():
        return False
    try:
        return load(path).lineage == job.lineage
    except ValueError:
        return False


def _collected(
    ensembles: Iterator[Ensemble | None], ladder: list[float], out: Path | None
) -> Sweep:
    """The sweep; with `out` written file by file, each as soon as it is certified."""
    names = [file_name(place, k) for place, k in enumerate(ladder)]
    kept = []
    for k, name, ensemble in zip(ladder, names, ensembles, strict=True):
        if ensemble is None:
            continue
        try:
            good = certified(ensemble, of=len(ladder))
        except ValueError as problem:
            raise ValueError(f"at K = {k:.6g}: {problem}") from problem
        if out is None:
            kept.append(good)
        else:
            save(good, out / name, durable=True)
    if out is None:
        return Sweep(tuple(kept))
    write_index(out, names, np.array(ladder).tolist())
    return load_sweep(out)
