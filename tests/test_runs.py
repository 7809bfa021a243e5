"""Runs: named by what they do, held by one process, whole after any kill."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from kadanoff import provenance, runs
from kadanoff.content import content_hash
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.runs import Run, RunBusy, list_runs
from kadanoff.storage import load, save


def make(root, **changes):
    known = {"step": "sample", "version": 1, "settings": {"K": 0.44, "shape": (4, 4)}}
    return Run.of(root, **{**known, **changes})


def ensemble(seed=0, **known):
    rng = np.random.default_rng(seed)
    return Ensemble.from_values(rng.integers(0, 2, (2, 3, 4, 4)) * 2 - 1, **known)


def test_a_run_creates_nothing_before_it_is_opened(tmp_path):
    run = make(tmp_path / "runs")
    assert (run.done, run.has("shard.nc")) == (False, False)
    assert list(tmp_path.iterdir()) == []


def test_the_name_is_that_of_the_work(tmp_path):
    run = make(tmp_path)
    assert run.directory.parent == tmp_path
    assert run.name.startswith("sample-")
    assert len(run.name) == len("sample-") + 12
    numpy_too = {"shape": np.array([4, 4]), "K": np.float64(0.44)}
    assert make(tmp_path, settings=numpy_too).name == run.name
    assert make("elsewhere").name == run.name
    assert make(None).directory.parent == Path("runs")


@pytest.mark.parametrize(
    "change",
    [
        {"step": "train"},
        {"version": 2},
        {"settings": {"K": 0.44, "shape": (4, 5)}},
        {"settings": {"K": np.nextafter(0.44, 1), "shape": (4, 4)}},
        {"inputs": {"data": ensemble()}},
    ],
    ids=str,
)
def test_other_work_has_another_name(change, tmp_path):
    assert make(tmp_path, **change).name != make(tmp_path).name


def test_the_name_stays_the_same_in_every_release(tmp_path):
    # Frozen: if this changes, nobody finds the runs they have made.
    assert make(tmp_path).name == "sample-2ac311cc7a58"


def test_settings_may_be_a_dataclass(tmp_path):
    @dataclass(frozen=True)
    class Settings:
        K: float
        shape: tuple[int, ...]

    assert make(tmp_path, settings=Settings(0.44, (4, 4))).name == make(tmp_path).name


def test_inputs_count_by_content(tmp_path):
    save(ensemble(), tmp_path / "a.nc")
    save(ensemble(), tmp_path / "b.nc")
    forms = [
        ensemble(),
        tmp_path / "a.nc",
        tmp_path / "b.nc",
        content_hash(ensemble()),
    ]
    assert len({make(tmp_path, inputs={"data": form}).name for form in forms}) == 1
    assert make(tmp_path, inputs={"data": ensemble(1)}).name not in {
        make(tmp_path, inputs={"data": form}).name for form in forms
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": "a/b"}, "letters, digits"),
        ({"step": ""}, "letters, digits"),
        ({"settings": {"rng": np.random.default_rng(0)}}, "plain"),
        ({"settings": {"K": float("nan")}}, "finite"),
        ({"inputs": {"data": "data.nc"}}, "wrap the name of a file in Path"),
        ({"inputs": {"data": Path("nowhere.nc")}}, "no file nowhere.nc"),
        ({"inputs": {"data": 3}}, "an Ensemble, an array or a pathlib.Path, got int"),
    ],
    ids=["path", "empty", "object", "nan", "text", "missing", "number"],
)
def test_what_cannot_name_a_run_is_refused(change, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        make(tmp_path, **change)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "/etc/passwd"])
def test_files_of_a_run_stay_in_it(name, tmp_path):
    with pytest.raises(ValueError, match="letters, digits"):
        make(tmp_path).path(name)


def test_opening_records_settings_and_environment(tmp_path):
    with make(tmp_path).open(product="oneDNN") as run:
        record = json.loads(run.path("settings.json").read_text())
    assert record["settings"] == {"K": 0.44, "shape": [4, 4]}
    assert (record["step"], record["version"]) == ("sample", 1)
    assert record["environment"]["software"]["numpy"] == np.__version__
    assert record["environment"]["processor"]["llvm"]
    assert record["environment"]["threads"]["cores"] >= 1
    assert record["environment"]["product"] == "oneDNN"


def test_finishing(tmp_path):
    run = make(tmp_path)
    with pytest.raises(ValueError, match="never opened"):
        run.finish({})
    with run.open():
        with pytest.raises(ValueError, match="has not finished"):
            _ = run.summary
        run.finish({"tau": np.float64(2.5), "sides": (4, 4), "bad": float("nan")})
    assert run.done
    assert run.summary["tau"] == 2.5
    assert run.summary["sides"] == [4, 4]
    assert make(tmp_path).done


def test_a_failure_inside_frees_the_run_and_does_not_finish_it(tmp_path):
    run = make(tmp_path)
    with pytest.raises(ZeroDivisionError), run.open():
        raise ZeroDivisionError
    assert not run.done
    with run.open():
        pass


def test_leftovers_of_killed_writers_are_removed(tmp_path):
    run = make(tmp_path)
    with run.open():
        run.path("shard-0.nc").write_text("whole")
        (run.directory / ".shard-1.nc.4711.tmp").write_text("ha")
    with run.open():
        names = {p.name for p in run.directory.iterdir()}
    assert names == {"shard-0.nc", "settings.json", "lock"}


def test_a_second_opening_is_refused_even_within_one_process(tmp_path):
    with (
        make(tmp_path).open(),
        pytest.raises(RunBusy, match=f"held by another process.*{os.getpid()}"),
        make(tmp_path).open(),
    ):
        raise AssertionError("two hold one run")


def test_runs_of_other_settings_do_not_meet(tmp_path):
    with make(tmp_path).open(), make(tmp_path, version=2).open() as other:
        assert other.has("settings.json")


def test_a_root_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="cannot be made or written"),
        make(tmp_path / "file").open(),
    ):
        raise AssertionError("opened")


def test_another_environment_is_told(tmp_path, monkeypatch):
    run = make(tmp_path)
    with run.open() as first:
        assert first.warning == ""
    with run.open() as again:
        assert again.warning == ""
    monkeypatch.setenv("OMP_NUM_THREADS", "17")
    monkeypatch.setattr(provenance, "version", lambda name: "9.9")
    with run.open() as changed:
        assert f"software numpy {np.__version__} then, 9.9 now" in changed.warning
        assert "threads OMP_NUM_THREADS" in changed.warning
    assert changed.name == run.name
    assert "9.9 now" in list_runs(tmp_path)[0].warning


def test_the_list_tells_what_is_there(tmp_path):
    with make(tmp_path).open() as run:
        run.path("shard.nc").write_bytes(b"x" * 1000)
        run.finish({})
    with make(tmp_path, step="train", settings={"hidden": 4}).open():
        pass
    (tmp_path / "notes").mkdir()
    found = {info.step: info for info in list_runs(tmp_path)}
    assert set(found) == {"sample", "train"}
    assert (found["sample"].done, found["train"].done) == (True, False)
    assert found["sample"].size > 1000
    assert found["train"].settings == {"hidden": 4}
    assert all(info.date and not info.problem for info in found.values())


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda d: (d / "settings.json").unlink(), "No such file"),
        (lambda d: (d / "settings.json").write_text("{"), "cannot be read"),
        (lambda d: (d / "settings.json").write_text("[]"), "cannot be read"),
        (lambda d: (d / "settings.json").write_bytes(b"\xff"), "cannot be read"),
        (lambda d: (d / "done").write_text(""), "cannot be read"),
        (
            lambda d: d.rename(d.with_name("sample-0123456789ab")),
            "settings.json is of another run",
        ),
    ],
)
def test_the_list_reports_broken_directories(harm, words, tmp_path):
    with make(tmp_path).open() as run:
        run.finish({})
    harm(run.directory)
    with make(tmp_path, version=2).open():
        pass
    problems = [info.problem for info in list_runs(tmp_path) if info.problem]
    assert len(problems) == 1
    assert words in problems[0]
    assert len(list_runs(tmp_path)) == 2


def test_no_root_is_an_empty_list(tmp_path):
    assert list_runs(tmp_path / "nowhere") == []


def test_broken_settings_are_written_anew(tmp_path):
    run = make(tmp_path)
    with run.open():
        run.path("settings.json").write_text("{")
    with run.open():
        assert json.loads(run.path("settings.json").read_text())["version"] == 1


def test_content_is_that_of_the_data(tmp_path):
    save(ensemble(), tmp_path / "a.nc")
    assert content_hash(tmp_path / "a.nc") == content_hash(ensemble())
    assert content_hash(load(tmp_path / "a.nc")) == content_hash(ensemble())
    spins = ensemble().values
    others = [
        ensemble(1),
        ensemble(tau=0.7),
        ensemble(lineage="other"),
        ensemble(couplings={"K": 0.3}),
        ensemble(history=({"step": "x"},)),
        Ensemble.from_values(spins, Grid((8, 8)).coarsened(2)),
        spins,
        spins.reshape(3, 2, 4, 4),
        spins.astype(np.int16),
    ]
    hashes = [content_hash(one) for one in (ensemble(), *others)]
    assert len(set(hashes)) == len(hashes)


def test_content_does_not_see_versions(monkeypatch):
    before = content_hash(ensemble())
    monkeypatch.setattr(provenance, "version", lambda name: "9.9")
    assert provenance.software()["numpy"] == "9.9"
    assert content_hash(ensemble()) == before


def test_content_does_not_see_memory_layout_nor_byte_order():
    values = np.arange(12.0).reshape(3, 4)
    same = [values.copy(order="F"), values.astype(">f8"), np.arange(24.0)[::2]]
    same[2] = np.repeat(values, 2, axis=1)[:, ::2]
    assert {content_hash(v) for v in same} == {content_hash(values)}


def test_content_of_other_files_and_folders(tmp_path):
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(text)
    a, b, c = (content_hash(tmp_path / name) for name in "abc")
    assert a == b != c
    assert content_hash(tmp_path / "a" / "x.txt") == content_hash(
        tmp_path / "b" / "x.txt"
    )
    (tmp_path / "b" / "x.txt").rename(tmp_path / "b" / "y.txt")
    assert content_hash(tmp_path / "b") != a


def test_arrays_of_objects_have_no_content():
    with pytest.raises(ValueError, match="Python objects"):
        content_hash(np.array([object()]))


# Shards are drawn one after another, each from the last; then the whole is saved.
WRITER = """
import sys
from pathlib import Path
import numpy as np
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.randomness import generator
from kadanoff.runs import Run
from kadanoff.shards import concatenate
from kadanoff.storage import load, save

SHARDS = 40

def work(root):
    run = Run.of(root, step="shards", version=1, settings={"shards": SHARDS})
    with run.open():
        print("open", flush=True)
        state, parts = np.ones((4, 1, 64, 8), dtype=np.uint8), []
        for k in range(SHARDS):
            name = f"shard-{k:03d}.nc"
            if not run.has(name):
                flips = generator(7, "shard", k).integers(0, 256, (4, 20, 64, 8))
                data = (state[:, -1:] ^ flips.astype(np.uint8)).reshape(4, 20, 512)
                whole = Ensemble(data, Grid((64, 64)), "pm1", run.name)
                save(whole, run.path(name))
            parts.append(load(run.path(name)))
            state = parts[-1].data.reshape(4, 20, 64, 8)
        save(concatenate(parts, axis="draw", lineage=run.name), run.path("whole.nc"))
        run.finish({"shards": SHARDS})

work(sys.argv[1])
"""


def writer(root):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True
    )


def test_a_run_killed_five_times_ends_as_if_never_killed(tmp_path):
    undisturbed = writer(tmp_path / "calm")
    assert undisturbed.stdout is not None
    undisturbed.stdout.readline()
    began = time.monotonic()
    undisturbed.communicate()
    took = time.monotonic() - began
    assert undisturbed.returncode == 0

    rng, kills = np.random.default_rng(5), 0
    for _ in range(5):
        child = writer(tmp_path / "killed")
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(rng.uniform(0, took / 5))
        child.kill()
        child.communicate()
        kills += child.returncode == -signal.SIGKILL
        for path in (tmp_path / "killed").glob("*/*.nc"):
            load(path)
    child = writer(tmp_path / "killed")
    child.communicate()
    assert child.returncode == 0
    assert kills >= 3
    (calm,), (killed,) = (
        list((tmp_path / root).iterdir()) for root in ("calm", "killed")
    )
    assert {p.name for p in calm.iterdir()} == {p.name for p in killed.iterdir()}
    for path in calm.glob("*.nc"):
        assert content_hash(path) == content_hash(killed / path.name)
    assert list_runs(tmp_path / "killed")[0].done


# Holds the run until its standard input closes.
HOLDER = """
import sys
from kadanoff.runs import Run
run = Run.of(sys.argv[1], step="sample", version=1,
             settings={"K": 0.44, "shape": [4, 4]})
with run.open():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_a_second_process_is_refused_with_the_number_of_the_first(holder, tmp_path):
    with (
        pytest.raises(RunBusy, match=str(holder.pid)),
        make(tmp_path).open(timeout=0.2),
    ):
        raise AssertionError("two hold one run")


def test_a_second_process_waits(holder, tmp_path, monkeypatch):
    polls = []

    def release(seconds):
        polls.append(seconds)
        if len(polls) == 3:
            holder.stdin.close()
            holder.wait()

    monkeypatch.setattr("kadanoff.locks.time.sleep", release)
    with make(tmp_path).open(timeout=60):
        assert len(polls) == 3


def test_a_killed_process_leaves_no_lock(holder, tmp_path):
    holder.kill()
    holder.wait()
    with make(tmp_path).open() as run:
        assert run.has("lock")


def test_a_directory_removed_before_the_lock_is_locked_anew(tmp_path, monkeypatch):
    import fcntl
    import shutil

    run, lock, removed = make(tmp_path), fcntl.flock, []

    def remove_once(descriptor, operation):
        if not removed:
            removed.append(shutil.rmtree(run.directory))
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", remove_once)
    with run.open(timeout=5):
        assert run.has("lock")
        with pytest.raises(RunBusy), make(tmp_path).open():
            raise AssertionError("two hold one run")


def test_a_directory_removed_while_held_is_made_again(tmp_path):
    import shutil

    with make(tmp_path).open() as run:
        shutil.rmtree(run.directory)
        with make(tmp_path).open() as again:
            assert again.has("settings.json")


def test_the_module_names_its_surface():
    assert runs.content_hash is content_hash
