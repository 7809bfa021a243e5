"""Files of ensembles: everything comes back, nothing damaged gets in."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.content import content_hash
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.shards import concatenate
from kadanoff.storage import load, save

TRIANGULAR = Grid((4, 6), basis=((1.0, 0.0), (0.5, math.sqrt(3) / 2)))
HONEYCOMB = Grid((4, 4), TRIANGULAR.basis, ((0.0, 0.0), (0.5, 0.2886751345948129)))


def spins(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, shape, dtype=np.int8) * 2 - 1


def ising(seed=0):
    return Ensemble.from_values(
        spins(3, 5, 4, 7, seed=seed),
        lineage="sample-0123",
        tau=1 / 3,
        model="ising",
        couplings={"K": 0.1 + 0.2},
        history=(
            {"step": "sample", "seed": seed, "shape": [4, 7], "note": "β ≠ 0"},
            {"step": "coarsen", "rule": "majority:b=2"},
        ),
    )


def real(shape, geometry=None, **known):
    values = np.random.default_rng(0).normal(size=shape)
    return Ensemble.from_values(values, geometry, alphabet="real", **known)


KINDS = {
    "ising": ising(),
    "chain of 9 (odd bits)": Ensemble.from_values(spins(2, 3, 9)),
    "cube": Ensemble.from_values(spins(2, 3, 2, 3, 2)),
    "four dimensions": real((1, 2, 2, 2, 2, 3)),
    "five dimensions": real((1, 2, 2, 2, 1, 3, 2)),
    "dense layer": Ensemble.from_values(spins(2, 3, 13), Unordered(13)),
    "real dense layer": real((2, 3, 13), Unordered(13)),
    "feature maps": Ensemble.from_values(
        spins(2, 3, 5, 4, 4), Grid((4, 4)), features=5
    ),
    "real maps": real((2, 3, 5, 4, 4), Grid((4, 4)), features=5),
    "triangular": Ensemble.from_values(spins(2, 3, 4, 6), TRIANGULAR),
    "honeycomb": real((2, 3, 4, 4, 2), HONEYCOMB),
    "coarse": Ensemble.from_values(spins(2, 3, 4, 4), Grid((8, 8)).coarsened(2)),
}


def hdf5(path, mode: Any = "r") -> Any:
    return h5py.File(path, mode)


def same(one, other):
    """Whether two ensembles agree in every field, values bit by bit."""
    plain = [f.name for f in fields(Ensemble) if f.name != "data"]
    return (
        one.data.dtype == other.data.dtype
        and np.array_equal(one.data, other.data)
        and all(getattr(one, n) == getattr(other, n) for n in plain)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_everything_comes_back(kind, tmp_path):
    save(KINDS[kind], tmp_path / "e.nc")
    assert same(load(tmp_path / "e.nc"), KINDS[kind])


@pytest.mark.parametrize(
    "change",
    [{"tau": 0.5}, {"lineage": "b"}, {"couplings": {"K": 0.3}}, {"model": None}],
    ids=str,
)
def test_the_comparison_sees_every_field(change):
    assert not same(ising(), replace(ising(), **change))
    assert not same(ising(), ising(seed=1))


@settings(max_examples=30, deadline=None)
@given(
    lattice=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    chains=st.integers(1, 3),
    draws=st.integers(1, 4),
)
def test_any_lattice_comes_back(tmp_path_factory, lattice, chains, draws):
    path = tmp_path_factory.mktemp("any") / "e.nc"
    values = spins(chains, draws, *lattice, seed=sum(lattice))
    save(Ensemble.from_values(values), path)
    assert np.array_equal(load(path).values, values)


@pytest.mark.parametrize("kind", KINDS)
def test_xarray_opens_it(kind, tmp_path):
    ensemble = KINDS[kind]
    save(ensemble, tmp_path / "e.nc")
    with xarray.open_dataset(tmp_path / "e.nc", engine="h5netcdf") as dataset:
        assert dataset["spins"].dims[:2] == ("chain", "draw")
        assert dataset["chain"].values.tolist() == list(range(ensemble.chains))
        assert dataset["draw"].values.tolist() == list(range(ensemble.draws))
        assert dataset.attrs["tau"] == ensemble.tau
        assert np.array_equal(dataset["spins"].values, ensemble.data)


def test_the_attributes_suffice_to_unpack(tmp_path):
    save(ising(), tmp_path / "e.nc")
    with hdf5(tmp_path / "e.nc") as file:
        known = file["spins"].attrs
        bits = np.unpackbits(
            file["spins"][()],
            axis=-1,
            count=known["bits"].item(),
            bitorder=known["bit_order"],
        )
        values = 2 * bits.astype("i1") - 1
        found = values.reshape(*values.shape[:2], *known["lattice_shape"])
        assert json.loads(file.attrs["software"])["numpy"] == np.__version__
    assert np.array_equal(found, ising().values)


def contents(path):
    """All arrays and attributes of an HDF5 file, by name."""
    found = {}

    def keep(name, item):
        found.update({f"{name}@{k}": repr(v) for k, v in item.attrs.items()})
        if isinstance(item, h5py.Dataset):
            found[name] = item[()].tobytes()

    with hdf5(path) as file:
        keep("", file)
        file.visititems(keep)
    return found


def test_two_files_of_one_ensemble_differ_in_the_date_only(tmp_path):
    for name in ("a.nc", "b.nc"):
        save(ising(), tmp_path / name)
    one, other = contents(tmp_path / "a.nc"), contents(tmp_path / "b.nc")
    assert one.keys() == other.keys()
    assert {k for k in one if one[k] != other[k]} == {"@created_at"}
    save(replace(ising(), tau=0.7), tmp_path / "c.nc")
    changed = contents(tmp_path / "c.nc")
    assert {k for k in one if one[k] != changed[k]} == {"@created_at", "@tau"}


def test_packed_spins_lie_in_one_piece_uncompressed(tmp_path):
    save(ising(), tmp_path / "e.nc")
    with hdf5(tmp_path / "e.nc") as file:
        assert file["spins"].chunks is None
        assert file["spins"].compression is None


def test_the_spins_come_last_in_the_file(tmp_path):
    save(ising(), tmp_path / "e.nc")
    assert (tmp_path / "e.nc").read_bytes().endswith(ising().data.tobytes())


@pytest.mark.parametrize(
    "view",
    [lambda d: d[:, 1:4], lambda d: d[::2], np.asfortranarray, lambda d: d[::-1]],
    ids=["some draws", "every other chain", "fortran order", "backwards"],
)
def test_any_view_of_the_values_comes_back(view, tmp_path):
    ensemble = replace(ising(), data=view(ising().data))
    save(ensemble, tmp_path / "e.nc")
    assert same(load(tmp_path / "e.nc"), ensemble)


def test_many_values_come_back(tmp_path):
    packed = np.random.default_rng(0).integers(0, 256, (7, 5000, 512), dtype=np.uint8)
    ensemble = Ensemble(packed, Grid((64, 64)), "pm1", "many")
    for _ in ("new", "over"):
        save(ensemble, tmp_path / "e.nc")
        assert same(load(tmp_path / "e.nc"), ensemble)
    assert (tmp_path / "e.nc").stat().st_size < packed.nbytes + 2**16


@pytest.mark.parametrize(("durable", "waits"), [({}, 0), ({"durable": True}, 1)])
def test_only_what_must_be_durable_waits_for_the_disk(
    durable, waits, tmp_path, monkeypatch
):
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    save(ising(), tmp_path / "e.nc", **durable)
    assert len(calls) == waits


def test_a_long_history_fits(tmp_path):
    long = replace(
        ising(), history=tuple({"step": "select", "k": k} for k in range(9999))
    )
    save(long, tmp_path / "e.nc")
    assert load(tmp_path / "e.nc").history == long.history


def test_numpy_numbers_in_the_history_become_plain(tmp_path):
    note = {"tau": np.float64(1.5), "n": np.int64(3), "ends": np.arange(2)}
    save(replace(ising(), history=(note,)), tmp_path / "e.nc")
    assert load(tmp_path / "e.nc").history == ({"tau": 1.5, "n": 3, "ends": [0, 1]},)


def test_a_history_of_objects_is_refused_and_nothing_written(tmp_path):
    odd = replace(ising(), history=({"rng": np.random.default_rng(0)},))
    with pytest.raises(ValueError, match="not plain data"):
        save(odd, tmp_path / "e.nc")
    assert list(tmp_path.iterdir()) == []


def test_saving_over_a_file_replaces_it(tmp_path):
    (tmp_path / "e.nc").write_text("old")
    save(ising(), tmp_path / "e.nc")
    assert same(load(tmp_path / "e.nc"), ising())
    assert [p.name for p in tmp_path.iterdir()] == ["e.nc"]


def test_a_missing_folder_is_refused_and_not_made(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        save(ising(), tmp_path / "no" / "e.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="name a file"):
        save(ising(), tmp_path)
    with pytest.raises(ValueError, match="name a file"):
        load(tmp_path)


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    # The superuser may write anywhere: ask as if one could not.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ValueError, match="cannot be written"):
        save(ising(), tmp_path / "e.nc")
    assert list(tmp_path.iterdir()) == []


# What is damaged, and the word that the sentence must contain.
DAMAGE = {
    "missing": (lambda p: p.unlink(), "there is no file"),
    "empty": (lambda p: p.write_bytes(b""), "empty"),
    "text": (lambda p: p.write_text("1 -1 1"), "not an HDF5 file"),
    "cut at 1/3": (lambda p: cut(p, 1 / 3), "damaged HDF5|not an HDF5"),
    "cut at 9/10": (lambda p: cut(p, 0.9), "damaged HDF5"),
    "last byte gone": (lambda p: cut(p, 1 - 1e-9), "damaged HDF5"),
    "another HDF5": (
        lambda p: edit(p, lambda f: f.attrs.pop("format")),
        "not a kadanoff",
    ),
    "version": (lambda p: attribute(p, "format_version", 2), "format version 2"),
    "no spins": (lambda p: edit(p, lambda f: f.pop("spins")), "lacks the variable"),
    "no tau": (lambda p: edit(p, lambda f: f.attrs.pop("tau")), "attribute 'tau'"),
    "no lineage": (lambda p: edit(p, lambda f: f.attrs.pop("lineage")), "'lineage'"),
    "tau below 0": (lambda p: attribute(p, "tau", -1.0), "tau is -1"),
    "tau nan": (lambda p: attribute(p, "tau", math.nan), "tau is nan"),
    "alphabet": (lambda p: attribute(p, "alphabet", "potts"), "got 'potts"),
    "geometry": (lambda p: attribute(p, "geometry", "{}"), "geometry is 'grid'"),
    "no json": (lambda p: attribute(p, "history", "{"), "do not describe"),
    "history": (lambda p: attribute(p, "history", "{}"), "history is a list"),
    "couplings": (lambda p: attribute(p, "couplings", "3"), "parameters are mappings"),
    "other lattice": (
        lambda p: attribute(p, "geometry", json.dumps(Grid((8, 8)).describe())),
        r"on \(8, 8\) need \(chain, draw, 8\)",
    ),
    "wrong type": (
        lambda p: edit(p, lambda f: retyped(f, np.float64)),
        "type float64, where",
    ),
    "as real": (lambda p: attribute(p, "alphabet", "real"), "of float32"),
}


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: min(len(content) - 1, int(len(content) * share))])


def edit(path, change):
    with hdf5(path, "r+") as file:
        change(file)


def attribute(path, name, value):
    edit(path, lambda file: file.attrs.__setitem__(name, value))


def retyped(file, kind):
    values = file["spins"][()].astype(kind)
    del file["spins"]
    file["spins"] = values


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_get_one_sentence_with_their_name(damage, tmp_path):
    path = tmp_path / "mine.nc"
    save(ising(), path)
    harm, words = DAMAGE[damage]
    harm(path)
    with pytest.raises(ValueError, match=words) as caught:
        load(path)
    sentence = str(caught.value)
    assert "mine.nc" in sentence
    assert "\n" not in sentence


def test_real_values_that_are_not_numbers_are_refused(tmp_path):
    save(KINDS["real dense layer"], tmp_path / "e.nc")
    with hdf5(tmp_path / "e.nc", "r+") as file:
        file["spins"][1, 2, 3] = math.nan
    with pytest.raises(ValueError, match="must be finite"):
        load(tmp_path / "e.nc")


# A writer that dies with half of the values written, with and without the rename.
KILLED_WRITER = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
import numpy as np
from kadanoff import netcdf, storage
from kadanoff.ensemble import Ensemble

if sys.argv[2] == "in place":
    @contextmanager
    def replacing(path, durable):
        yield path
    storage.replacing = replacing

class Fatal:
    def __init__(self, values):
        self.bytes = values.tobytes()
    def tofile(self, file):
        file.write(self.bytes[:len(self.bytes) // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

ensemble = Ensemble.from_values(np.ones((2, 3, 8, 8), dtype=np.int8))
netcdf.np.ascontiguousarray = Fatal
storage.save(ensemble, Path(sys.argv[1]))
"""


def killed_writer(path, manner):
    ended = subprocess.run([sys.executable, "-c", KILLED_WRITER, path, manner])
    assert ended.returncode == -signal.SIGKILL


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "e.nc"
    save(ising(), path)
    killed_writer(path, "by rename")
    assert same(load(path), ising())


def test_control_a_writer_in_place_would_tear_it(tmp_path):
    path = tmp_path / "e.nc"
    save(ising(), path)
    killed_writer(path, "in place")
    with pytest.raises(ValueError, match=r"e\.nc"):
        load(path)


def test_shards_of_draws_and_of_chains_make_the_whole():
    whole = ising()
    draws = [replace(whole, data=whole.data[:, a:b]) for a, b in ((0, 2), (2, 5))]
    chains = [replace(whole, data=whole.data[a:b]) for a, b in ((0, 1), (1, 3))]
    for parts, axis in ((draws, "draw"), (chains, "chain")):
        found = concatenate(parts, axis=axis, lineage="whole", tau=2.0)
        assert np.array_equal(found.data, whole.data)
        assert (found.lineage, found.tau) == ("whole", 2.0)
        assert found.history[:-1] == whole.history


def test_the_cut_into_shards_leaves_no_trace():
    whole = ising()
    cuts = [[(0, 5)], [(0, 2), (2, 5)], [(0, 1), (1, 3), (3, 5)]]
    hashes = {
        content_hash(
            concatenate(
                [replace(whole, data=whole.data[:, a:b]) for a, b in cut],
                axis="draw",
                lineage="whole",
            )
        )
        for cut in cuts
    }
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("parts", "axis", "words"),
    [
        ([], "chain", "at least one"),
        ([ising()], "byte", "'chain' or 'draw'"),
        ([ising(), replace(ising(), couplings={"K": 1.0})], "chain", "couplings"),
        ([ising(), KINDS["coarse"]], "chain", "geometry"),
        ([ising(), replace(ising(), data=ising().data[:, :2])], "chain", "draws each"),
        ([ising(), replace(ising(), data=ising().data[:2])], "draw", "chains each"),
    ],
)
def test_shards_that_do_not_fit_are_refused(parts, axis, words):
    with pytest.raises(ValueError, match=words):
        concatenate(parts, axis=axis, lineage="whole")


def test_names_may_be_text(tmp_path):
    save(ising(), str(tmp_path / "e.nc"))
    assert isinstance(load(str(tmp_path / "e.nc")), Ensemble)
    assert Path(tmp_path / "e.nc").is_file()
