"""Parts of exhibits: computed once, and named by all that they depend on."""

from dataclasses import replace

import pytest
import xarray as xr

from kadanoff.experiments import pieces
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.pieces import Piece, kept, readings


@pytest.fixture
def work(tmp_path):
    return Work(3, tmp_path, lambda *_: None)


class Counted:
    """A data set, and how often it was computed."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return xr.Dataset({"x": ("seed", [1.0, 2.0])}).assign_attrs(note="a")


def test_a_data_set_is_computed_once(work):
    compute = Counted()
    first = kept(work, "paper-part", {"side": 4}, compute)
    again = kept(work, "paper-part", {"side": 4}, compute)
    assert compute.times == 1
    xr.testing.assert_identical(first, again)
    xr.testing.assert_identical(first, compute())


@pytest.mark.parametrize(
    ("of_work", "step", "settings", "version"),
    [
        ({"seed": 4}, "paper-part", {"side": 4}, 1),
        ({"device": "cuda"}, "paper-part", {"side": 4}, 1),
        ({}, "paper-other", {"side": 4}, 1),
        ({}, "paper-part", {"side": 5}, 1),
        ({}, "paper-part", {"side": 4}, 2),
    ],
)
def test_another_part_is_computed(work, of_work, step, settings, version):
    compute = Counted()
    kept(work, "paper-part", {"side": 4}, compute)
    other = replace(work, **of_work)
    kept(other, step, settings, compute, version=version)
    assert compute.times == 2


def test_a_part_that_was_killed_is_computed_again(work):
    def killed():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(work, "paper-part", {}, killed)
    compute = Counted()
    kept(work, "paper-part", {}, compute)
    assert compute.times == 1


def test_a_file_that_cannot_be_read_is_named(work):
    kept(work, "paper-part", {}, Counted())
    (path,) = work.runs.glob(f"paper-part-*/{pieces.DATA}")
    path.write_bytes(b"no data")
    with pytest.raises(ValueError, match="remove its folder and run again"):
        kept(work, "paper-part", {}, Counted())


def test_readings_come_in_the_order_of_their_pieces(work):
    done = []

    def piece(k):
        return Piece("paper-k", {"k": k}, lambda: done.append(k) or {"square": k**2})

    readings([piece(2)], work, "squares")
    found = readings([piece(k) for k in (3, 2, 1)], work, "squares")
    assert [x["square"] for x in found] == [9, 4, 1]
    assert done == [2, 3, 1]
