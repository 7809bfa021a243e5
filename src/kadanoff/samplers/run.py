"""Drawing an ensemble: chains started hot and cold, shards on disk, a certificate.

Even chains start hot (independent fair spins), odd ones cold (the ground states in
turn). After burn-in the run is refused where the data contradict equilibrium
(`samplers.certificate`). Every shard (a group of chains, a block of
draws) has its own generator and starts from the last configuration of the one
before it, so an interrupted run resumes and ends bit-identical.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble, unpack
from kadanoff.models.ising import Ising
from kadanoff.randomness import generator
from kadanoff.runs import Run
from kadanoff.samplers.certificate import certify, checkerboard, observables
from kadanoff.samplers.metropolis import Metropolis
from kadanoff.samplers.multispin import Multispin, MultispinHeatBath
from kadanoff.samplers.plan import WORD, Plan, plan_sampling
from kadanoff.samplers.swendsen_wang import SwendsenWang
from kadanoff.samplers.wolff import Wolff
from kadanoff.storage import load, save

__all__ = ["SAMPLERS", "sample"]

VERSION = 1  # part of every run's name: raise it when the drawn numbers change
SAMPLERS = {
    "metropolis": Metropolis,
    "multispin": Multispin,
    "heat-bath": MultispinHeatBath,
    "swendsen-wang": SwendsenWang,
    "wolff": Wolff,
}
Progress = Callable[[int, int], None]


def sample(
    model: Ising,
    *,
    coupling: float,
    draws: int,
    seed: int = 0,
    method: str = "auto",
    chains: int | None = None,
    spacing: int | None = None,
    burn_in: int | None = None,
    runs: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Ensemble:
    """Configurations from exp(K Σ s_i s_j)/Z, in equilibrium or not at all.

    Args:
        model: the Hamiltonian.
        coupling: K = βJ, finite, of either sign.
        draws: recorded configurations of all chains together, rounded up to whole
            chains.
        seed: one seed makes the run.
        method: `auto`, `metropolis`, `multispin`, `heat-bath`, `swendsen-wang` or
            `wolff`.
        chains: independent chains; from the table of `samplers.plan` if not given.
        spacing: sweeps between draws (Wolff: clusters), from the table likewise.
        burn_in: sweeps before the first draw, twelve spacings if not given.
        runs: root of run directories; given one, the run is resumable.
        workers: threads, one per core if not given; the result does not depend on it.
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
    )
    # What cannot be done is said before anything is created.
    _sampler(plan)
    generator(seed)
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    run = Run.of(
        runs, step="sample", version=VERSION, settings={**asdict(plan), "seed": seed}
    )
    if runs is None:
        return _certified(_draw(plan, seed, run.name, None, workers, progress), model)
    with run.open():
        ensemble = _draw(plan, seed, run.name, run, workers, progress)
        certified = _certified(ensemble, model)
        run.finish(dict(certified.history[-1]["equilibrium"]))
    return certified


def _sampler(plan: Plan) -> Any:
    replicas = plan.group
    if plan.method in ("multispin", "heat-bath"):
        replicas = -(-plan.group // WORD) * WORD
    return SAMPLERS[plan.method](plan.shape, plan.coupling, replicas)


def _draw(
    plan: Plan,
    seed: int,
    lineage: str,
    run: Run | None,
    workers: int | None,
    progress: Progress | None,
) -> Ensemble:
    report = _Counter(plan.groups * plan.draws, progress)
    stop = Event()

    def group(g: int) -> np.ndarray:
        return _draw_group(plan, seed, g, run, report, stop)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            data = np.concatenate(list(pool.map(group, range(plan.groups))))
        except BaseException:
            stop.set()
            raise
    note = {"step": "sample", "seed": seed, "version": VERSION, **asdict(plan)}
    return Ensemble(
        data[: plan.chains],
        Ising(plan.shape).geometry,
        "pm1",
        lineage,
        model=Ising.name,
        couplings={"K": plan.coupling},
        history=(note,),
    )


def _draw_group(
    plan: Plan, seed: int, g: int, run: Run | None, report: _Counter, stop: Event
) -> np.ndarray:
    """Packed draws `(chain, draw, bytes)` of one group, shard after shard."""
    shards: list[np.ndarray] = []
    for b in range(plan.blocks):
        name = f"shard-{g:04d}-{b:04d}.nc"
        if run is not None and run.has(name):
            shards.append(load(run.path(name)).data)
            report.add(shards[-1].shape[1])
            continue
        last = shards[-1][:, -1] if shards else None
        shards.append(_draw_shard(plan, (seed, g, b), last, report, stop))
        if run is not None:
            shard = Ensemble(shards[-1], Ising(plan.shape).geometry, "pm1", run.name)
            save(shard, run.path(name))
    return np.concatenate(shards, axis=1)


def _draw_shard(
    plan: Plan,
    address: tuple[int, int, int],
    last: np.ndarray | None,
    report: _Counter,
    stop: Event,
) -> np.ndarray:
    seed, g, b = address
    rng = generator(seed, "sample", g, b)
    sampler = _sampler(plan)
    if last is None:
        state = sampler.init(rng=rng, spins=_hot_and_cold(sampler, plan.shape, rng))
        state = _burn(sampler, state, rng, plan.burn_in, stop)
    else:
        state = sampler.init(rng=rng, spins=unpack(last, plan.shape))
    rows = []
    for _ in range(min(plan.block, plan.draws - b * plan.block)):
        state = _burn(sampler, state, rng, plan.spacing, stop)
        rows.append(sampler.packed(state))
        report.add(1)
    return np.stack(rows, axis=1)


def _burn(
    sampler: Any, state: Any, rng: np.random.Generator, sweeps: int, stop: Event
) -> Any:
    """`sweeps` updates in strides short enough that Ctrl-C is felt."""
    while sweeps > 0:
        if stop.is_set():
            raise InterruptedError("sampling was stopped")
        state = sampler.step(state, rng=rng, sweeps=min(sweeps, 256))
        sweeps -= 256
    return state


def _hot_and_cold(
    sampler: Any, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    spins = rng.integers(0, 2, size=(sampler.replicas, *shape), dtype=np.int8) * 2 - 1
    staggered = _is_staggered(Ising(shape), sampler.coupling)
    ground = checkerboard(shape) if staggered else np.ones(shape, np.int8)
    spins[1::4] = ground
    spins[3::4] = -ground
    return spins


def _certified(ensemble: Ensemble, model: Ising) -> Ensemble:
    """The ensemble with its measured τ; refused where it is not in equilibrium."""
    note = ensemble.history[-1]
    certificate = certify(
        observables(ensemble, model, staggered=_is_staggered(model, note["coupling"])),
        burn_in=note["burn_in"] / note["spacing"],
        advice=f"after {note['burn_in']} sweeps of burn-in; raise burn_in or spacing, "
        "or use method 'auto'",
    )
    return replace(
        ensemble,
        tau=max(certificate["tau"].values()),
        history=({**note, "equilibrium": certificate},),
    )


def _is_staggered(model: Ising, coupling: float) -> bool:
    """Whether the ground states are the two checkerboards."""
    return coupling < 0 and not any(side % 2 for side in model.shape)


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
