"""A file appears all at once or not at all."""

import os
import subprocess
import sys

import pytest

from kadanoff.files import replacing


def names(folder):
    return [p.name for p in folder.iterdir()]


def fail_half_way(path):
    path.write_text("half")
    raise ZeroDivisionError


def test_the_file_appears_at_the_end(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
        assert temporary.name.startswith(".")
        assert temporary.name.endswith(".tmp")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.txt") as temporary:
        fail_half_way(temporary)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_writer_that_wrote_nothing_is_a_failure(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize(("durable", "waits"), [({}, 1), ({"durable": False}, 0)])
def test_it_waits_for_the_disk_unless_told_not_to(
    durable, waits, tmp_path, monkeypatch
):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    with replacing(tmp_path / "a.txt", **durable) as temporary:
        temporary.write_text("new")
        assert synced == []
    assert synced == [3] * waits
    assert (tmp_path / "a.txt").read_text() == "new"


def test_what_a_killed_writer_left_is_removed_and_a_running_one_is_spared(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".a.{gone.pid}.tmp"
    busy = tmp_path / f".a.{os.getppid()}.tmp"
    other = tmp_path / f".b.{gone.pid}.tmp"
    for path in (left, busy, other):
        path.touch()
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    assert not left.exists()
    assert busy.exists()
    assert other.exists()
