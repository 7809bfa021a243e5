"""Groups of chains over processes: same bits, and a killed worker costs its shards."""

import threading
import time

import numpy as np
import psutil
import pytest

from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample
from kadanoff.workers import _local_cluster, check_workers, in_processes

MODEL = Ising((32, 32))
DRAW = {
    "coupling": 0.44, "draws": 64 * 60, "chains": 64, "method": "swendsen-wang",
    "spacing": 10, "seed": 3,
}  # fmt: skip


def workers_of_this_process() -> list[psutil.Process]:
    """The processes in which tasks run: children of dask's nannies."""
    here = psutil.Process().children(recursive=True)
    return [p for p in here if "spawn_main" in " ".join(p.cmdline())]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_killed_worker_costs_its_unfinished_shards_only(tmp_path, monkeypatch):
    monkeypatch.setattr("kadanoff.samplers.plan.SHARD_BYTES", 8 * 128 * 4)
    undisturbed = sample(MODEL, **DRAW)
    drawn = []
    thread = threading.Thread(
        target=lambda: drawn.append(sample(MODEL, **DRAW, runs=tmp_path, workers=2))
    )
    thread.start()
    deadline = time.monotonic() + 60
    while len(shards := sorted(tmp_path.rglob("shard-*.nc"))) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    before = {path: path.stat().st_mtime_ns for path in shards}
    workers_of_this_process()[0].kill()
    thread.join()
    assert np.array_equal(drawn[0].data, undisturbed.data)
    assert len(list(tmp_path.rglob("shard-*.nc"))) == 8 * 15
    assert {path: path.stat().st_mtime_ns for path in shards} == before
    assert workers_of_this_process() == []


def test_a_scheduler_at_an_address_draws_the_same():
    with _local_cluster(1) as cluster:
        address = cluster.scheduler_address
        there = sample(MODEL, **{**DRAW, "draws": 640}, workers=address)
    here = sample(MODEL, **{**DRAW, "draws": 640}, workers=1)
    assert np.array_equal(there.data, here.data)


def test_what_a_task_raises_is_raised_here():
    with pytest.raises(ValueError, match="could not convert"):
        in_processes(float, [("1",), ("one",)], workers=1, watch=lambda: None)


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [(0, "at least 1, got 0"), ("host", "address of a dask scheduler")],
)
def test_what_names_no_workers_is_refused(workers, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_workers(workers)


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch):
    monkeypatch.setattr("kadanoff.workers.START_SECONDS", 1)
    with pytest.raises(ValueError, match="no dask scheduler answers at tcp://127"):
        in_processes(float, [("1",)], workers="tcp://127.0.0.1:9", watch=lambda: None)
