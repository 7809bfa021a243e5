"""Drawing an ensemble: chains started hot and cold, shards on disk, a certificate.

Even chains start hot (disordered), odd ones cold (the ordered states in turn). After
burn-in the run is refused where the data contradict equilibrium
(`samplers.certificate`). Every shard (a group of chains, a block of draws) has its own
generator and starts from the last configuration of the one before it, so an interrupted
run resumes and ends bit-identical, and neither the number of workers nor a killed one
leaves a trace.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from typing import Any

import numpy as np

from kadanoff.alphabet import stored
from kadanoff.ensemble import Ensemble, pack, unpack
from kadanoff.protocols import Model
from kadanoff.randomness import generator
from kadanoff.runs import Run
from kadanoff.samplers.certificate import (
    LEVEL,
    TESTS,
    certify,
    is_untested,
    observables,
)
from kadanoff.samplers.methods import sampler_of
from kadanoff.samplers.plan import LEAST_BURN_IN, Plan, plan_sampling, sampler_for
from kadanoff.samplers.table import CERTAIN, LOCAL, spacing_of
from kadanoff.samplers.tempering import Tempering
from kadanoff.samplers.turning import is_symmetric, turned
from kadanoff.storage import load, save
from kadanoff.workers import check_workers, in_processes, in_threads

__all__ = ["VERSION", "Job", "certified", "draw", "drawn", "sample"]

VERSION = 2  # part of every run's name: raise it when the drawn numbers change
STRIDE, UPDATES = 256, 1 << 32  # most sweeps and updates between looks at Ctrl-C
WORTH_PROCESSES = 200.0  # seconds of one core from which on processes are started
Progress = Callable[[int, int], None]


def sample(
    model: Model,
    *,
    coupling: float,
    draws: int,
    seed: int = 0,
    method: str = "auto",
    chains: int | None = None,
    spacing: int | None = None,
    burn_in: int | None = None,
    long: bool = False,
    runs: Path | None = None,
    workers: int | str | None = None,
    progress: Progress | None = None,
) -> Ensemble:
    """Configurations from exp(-K E)/Z, in equilibrium or not at all.

    Args:
        model: the Hamiltonian, or a driven model.
        coupling: K = βJ, finite, of either sign (infinite for the ground states).
        draws: recorded configurations of all chains together, rounded up to whole
            chains.
        seed: one seed makes the run.
        method: `auto`, or a name of `samplers.methods` that fits the model.
        chains: independent chains; from the table of `samplers.table` if not given.
        spacing: sweeps between draws (Wolff: clusters), from the table likewise.
        burn_in: sweeps before the first draw, twelve spacings if not given.
        long: allow what would take one core more than a day.
        runs: root of run directories; given one, the run is resumable.
        workers: processes of this machine, or the address of a dask scheduler; not
            given, threads for a short run and a process per core for a long one. The
            result does not depend on it.
        progress: called with (done, total) draws of all groups.

    Raises:
        ValueError: bad arguments, or chains that have not reached equilibrium.
    """
    plan = plan_sampling(
        model,
        coupling,
        draws,
        method=method,
        chains=chains,
        spacing=spacing,
        burn_in=burn_in,
        long=long,
    )
    # What cannot be done is said before anything is created.
    generator(seed)
    check_workers(workers)
    settings = {**plan.record, "seed": seed}
    run = Run.of(runs, step="sample", version=VERSION, settings=settings)
    job = Job(plan, seed, run.name)
    if runs is None:
        return certified(draw([job], workers=workers, progress=progress)[-1])
    with run.open():
        job = replace(job, folder=run.directory)
        ensemble = certified(draw([job], workers=workers, progress=progress)[-1])
        run.finish(dict(ensemble.history[-1]["equilibrium"]))
    return ensemble


@dataclass(frozen=True)
class Job:
    """One ensemble to draw.

    Args:
        plan: what is drawn.
        seed: with which random numbers.
        lineage: name of the ensemble.
        folder: where its shards are kept; None keeps them in memory.
        scratch: whether the folder goes when the run ends.
    """

    plan: Plan
    seed: int
    lineage: str
    folder: Path | None = None
    scratch: bool = False

    def shard(self, group: int, block: int) -> Path | None:
        """The file of one group's block of draws."""
        if self.folder is None:
            return None
        return self.folder / f"shard-{group:04d}-{block:04d}.nc"

    @property
    def parts(self) -> list[tuple[int, int]]:
        """Every (group, block)."""
        plan = self.plan
        return [(g, b) for g in range(plan.groups) for b in range(plan.blocks)]


def draw(
    jobs: Sequence[Job],
    *,
    workers: int | str | None = None,
    progress: Progress | None = None,
) -> list[Ensemble]:
    """The ensembles of some jobs, one each, or one for every recorded rung.

    Args:
        jobs: what to draw.
        workers: see `sample`.
        progress: called with (done, total) draws of all groups of all jobs.
    """
    return list(drawn(jobs, workers=workers, progress=progress))


def drawn(
    jobs: Sequence[Job],
    *,
    workers: int | str | None = None,
    progress: Progress | None = None,
) -> Iterator[Ensemble]:
    """What `draw` lists, one after the other; processes work on all jobs at once."""
    total = sum(job.plan.groups * job.plan.draws for job in jobs)
    with ExitStack() as stack:
        processes = _processes(jobs, workers)
        if processes is not None:
            scratch = Path(stack.enter_context(TemporaryDirectory()))
            jobs = [job if job.folder else _moved(job, scratch) for job in jobs]
            _draw_files(jobs, processes, progress)
            progress = None
        report, stop = _Counter(total, progress), Event()
        for job in jobs:
            rows = _Rows(job.plan)
            tasks = [(job, g, rows, report, stop) for g in range(job.plan.groups)]
            in_threads(_draw_group, tasks, stop=stop)
            yield from _ensembles(job, rows.all)


def certified(ensemble: Ensemble, *, of: int = 1) -> Ensemble:
    """The ensemble with its measured τ; refused where it is not in equilibrium.

    Draws of exact methods are independent by construction: nothing is tested there.

    Args:
        ensemble: as it was drawn.
        of: how many are certified together: the more, the stricter each refusal must
            be for a sweep in equilibrium to pass.

    Raises:
        ValueError: the data contradict equilibrium, or are too few to show it after a
            burn-in shorter than the table's.
    """
    note = ensemble.history[-1]
    plan = plan_of(note)
    if plan.method in CERTAIN:
        sure = {"equilibrium": {"tau": {"all": 0.5}, **{test: {} for test in TESTS}}}
        return replace(ensemble, tau=0.5, history=({**note, **sure},))
    certificate = certify(
        observables(ensemble, plan.model),
        level=LEVEL / of,
        burn_in=note["burn_in"] / note["spacing"],
        advice=f"after {note['burn_in']} sweeps of burn-in; raise burn_in or spacing, "
        "or use another method",
    )
    if None in certificate["r_hat"].values():
        _check_burn_in(plan, ensemble)
    if is_untested(certificate):
        warnings.warn(
            f"equilibrium was not tested: {ensemble.chains} chains of {ensemble.draws} "
            "draws are too few (8 chains are enough); it rests on a burn-in of "
            f"{plan.burn_in} sweeps",
            stacklevel=3,
        )
    return replace(
        ensemble,
        tau=max(certificate["tau"].values()),
        history=({**note, "equilibrium": certificate},),
    )


def _check_burn_in(plan: Plan, ensemble: Ensemble) -> None:
    """Where τ cannot be measured, take nothing shorter than the table's burn-in."""
    usual = spacing_of(plan.model, plan.coupling, plan.method)
    least = LEAST_BURN_IN * usual
    if plan.burn_in < least:
        raise ValueError(
            f"{ensemble.chains} chains of {ensemble.draws} draws are too few to tell "
            f"how long they remember, and burn_in must then be at least {least} sweeps,"
            f" got {plan.burn_in}; leave it out, or ask for more draws per chain"
        )


def plan_of(note: dict[str, Any] | Any) -> Plan:
    """The plan that the history of an ensemble recorded."""
    known = {name: note[name] for name in Plan.__dataclass_fields__}
    return Plan(**{**known, "coupling": float(known["coupling"])})


def _processes(jobs: Sequence[Job], workers: int | str | None) -> int | str | None:
    """How many processes, or whose; None for threads."""
    if workers == 1:
        return None
    if workers is not None:
        return workers
    cores = os.cpu_count() or 1
    seconds = sum(job.plan.seconds for job in jobs)
    return cores if cores > 1 and seconds > WORTH_PROCESSES else None


def _moved(job: Job, scratch: Path) -> Job:
    folder = scratch / job.lineage
    folder.mkdir()
    return replace(job, folder=folder, scratch=True)


def _draw_files(
    jobs: Sequence[Job], processes: int | str, progress: Progress | None
) -> None:
    """Every shard, drawn by processes and left in files."""
    shards = [
        (path, job.plan.block)
        for job in jobs
        for part in job.parts
        if (path := job.shard(*part)) is not None
    ]
    total = sum(job.plan.groups * job.plan.draws for job in jobs)

    def watch() -> None:
        if progress is not None:
            done = sum(block for path, block in shards if path.exists())
            progress(min(done, total), total)

    tasks = [
        (replace(job, plan=replace(job.plan)), g)  # without what the plan has cached
        for job in jobs
        for g in range(job.plan.groups)
    ]
    in_processes(_draw_group_files, tasks, workers=processes, watch=watch)


def _draw_group_files(job: Job, g: int) -> None:
    _draw_group(job, g, None, _Counter(0, None), Event())


def _ensembles(job: Job, rows: np.ndarray) -> Iterator[Ensemble]:
    """One ensemble of all rows; several from a ladder that is recorded whole."""
    plan, data = job.plan, rows[: job.plan.chains]
    if not plan.ladder:
        yield _ensemble(job, data, plan.coupling)
        return
    rungs = range(len(plan.ladder)) if plan.record_all else [len(plan.ladder) - 1]
    for k in rungs:
        yield _ensemble(job, _rung(plan, data, k), plan.ladder[k])


def _ensemble(job: Job, data: np.ndarray, coupling: float) -> Ensemble:
    plan = replace(job.plan, coupling=coupling)
    note = {"step": "sample", "seed": job.seed, "version": VERSION, **plan.record}
    return Ensemble(
        data,
        plan.model.geometry,
        plan.model.alphabet,
        job.lineage,
        model=plan.name,
        couplings=plan.model.couplings(plan.coupling),
        parameters=plan.parameters,
        history=(note,),
    )


def _rung(plan: Plan, data: np.ndarray, k: int) -> np.ndarray:
    """Stored rows of one rung, of rows that hold all rungs of a ladder."""
    if plan.model.alphabet != "pm1":
        return np.ascontiguousarray(data[:, :, k])
    form = (len(plan.ladder), *plan.model.geometry.lattice)
    return np.stack([pack(unpack(c, form)[:, k], len(form) - 1) for c in data])


def _draw_group(
    job: Job, g: int, rows: _Rows | None, report: _Counter, stop: Event
) -> None:
    """The shards of one group, one after the other, to files or to rows or both."""
    last = None
    for b in range(job.plan.blocks):
        shard = _kept(job, g, b)
        if shard is None:
            shard = _draw_shard(job, (g, b), last, report, stop)
            if (path := job.shard(g, b)) is not None:
                save(_shard(job, shard), path, durable=not job.scratch)
        else:
            report.add(shard.shape[1])
        if rows is not None:
            rows.take(shard, g, b)
        last = shard[:, -1].copy()


def _kept(job: Job, g: int, b: int) -> np.ndarray | None:
    """The rows of a shard that is whole and belongs here; None if it must be drawn."""
    path, plan = job.shard(g, b), job.plan
    if path is None or not path.exists():
        return None
    try:
        shard = load(path)
    except ValueError:  # damaged; it is drawn again, bit for bit
        return None
    draws = min(plan.block, plan.draws - b * plan.block)
    fits = shard.lineage == job.lineage and shard.draws == draws
    return shard.data if fits else None


def _shard(job: Job, rows: np.ndarray) -> Ensemble:
    model, rungs = job.plan.model, len(job.plan.ladder)
    return Ensemble(
        rows, model.geometry, model.alphabet, job.lineage, features=rungs or None
    )


def _draw_shard(
    job: Job,
    place: tuple[int, int],
    last: np.ndarray | None,
    report: _Counter,
    stop: Event,
) -> np.ndarray:
    plan = job.plan
    # The lineage names all settings: one seed at two couplings shares no number.
    rng = generator(job.seed, "sample", job.lineage, *place)
    sampler = sampler_for(plan)
    if last is None:
        start = _hot_and_cold(plan, sampler.replicas, rng)
        state = _burnt_in(plan, sampler, start, rng, stop)
    else:
        state = sampler.init(rng=rng, values=_values(plan, last))
    turning = plan.method in LOCAL and is_symmetric(plan.model)
    turns = generator(job.seed, "turn", job.lineage, *place)
    rows = []
    for _ in range(min(plan.block, plan.draws - place[1] * plan.block)):
        state = _swept(sampler, state, rng, plan.spacing, stop)
        row = _rows(sampler, state)
        rows.append(turned(row, plan.model, rng=turns) if turning else row)
        report.add(1)
    return np.stack(rows, axis=1)


def _rows(sampler: Any, state: Any) -> np.ndarray:
    """What is stored of a state: of parallel tempering all rungs of every ladder."""
    if not isinstance(sampler, Tempering):
        return sampler.packed(state)
    values = sampler.all_spins(state).swapaxes(0, 1)
    if sampler.model.alphabet == "pm1":
        return pack(values, values.ndim - 1)
    return stored(values, sampler.model.alphabet)


def _burnt_in(
    plan: Plan,
    sampler: Any,
    start: np.ndarray,
    rng: np.random.Generator,
    stop: Event,
) -> Any:
    """The state after burn-in; Wolff's is done by Swendsen–Wang, five sweeps a spacing.

    From a hot start single clusters are small, and take an age to order the lattice.
    """
    if plan.method != "wolff":
        state = sampler.init(rng=rng, values=start)
        return _swept(sampler, state, rng, plan.burn_in, stop)
    faster = sampler_of("swendsen-wang", plan.model)
    burner = faster(plan.model, plan.coupling, sampler.replicas)
    sweeps = min(plan.burn_in, math.ceil(5 * plan.burn_in / plan.spacing))
    state = _swept(burner, burner.init(rng=rng, values=start), rng, sweeps, stop)
    return sampler.init(rng=rng, values=burner.spins(state))


def _values(plan: Plan, rows: np.ndarray) -> np.ndarray:
    """What a sampler starts from again."""
    rungs = (len(plan.ladder),) if plan.ladder else ()
    packed = plan.model.alphabet == "pm1"
    form = (*rungs, *plan.model.geometry.lattice)
    values = unpack(rows, form) if packed else rows
    return values.swapaxes(0, 1) if rungs else values


def _swept(
    sampler: Any, state: Any, rng: np.random.Generator, sweeps: int, stop: Event
) -> Any:
    """`sweeps` updates in strides short enough that Ctrl-C is felt."""
    sites = sampler.model.geometry.size * sampler.replicas
    stride = max(1, min(STRIDE, UPDATES // sites))
    while sweeps > 0:
        if stop.is_set():
            raise InterruptedError("sampling was stopped")
        state = sampler.step(state, rng=rng, sweeps=min(sweeps, stride))
        sweeps -= stride
    return state


def _hot_and_cold(plan: Plan, replicas: int, rng: np.random.Generator) -> np.ndarray:
    values = plan.model.hot(replicas, rng=rng)
    values[1::2] = plan.model.cold(len(values[1::2]), plan.coupling)
    return values


class _Rows:
    """Stored rows `(chain, draw, …)` of all groups, held once."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.lock = plan, Lock()
        self.all = np.empty(0)

    def take(self, shard: np.ndarray, g: int, b: int) -> None:
        """Put the rows of one shard where they belong; the first fixes their form."""
        plan, (replicas, draws, *form) = self.plan, shard.shape
        with self.lock:
            if not self.all.size:
                shape = (plan.groups * replicas, plan.draws, *form)
                self.all = np.empty(shape, shard.dtype)
        first = b * plan.block
        self.all[g * replicas : (g + 1) * replicas, first : first + draws] = shard


class _Counter:
    """Progress of all threads together."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total = 0, total
        self.progress, self.lock = progress, Lock()

    def add(self, n: int) -> None:
        """Count `n` more draws and report."""
        with self.lock:
            self.done += n
            if self.progress is not None:
                self.progress(self.done, self.total)
