"""A file appears all at once or not at all."""

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
