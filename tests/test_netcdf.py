"""The layout is that of another program, and reading around HDF5 changes nothing."""

import os
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff import netcdf
from kadanoff.netcdf import Variable, values_of, write

ATTRIBUTES = {"z": "β", "empty": "", "n": 3, "x": 0.5, "list": np.arange(4)}
ROWS = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
VARIABLES = {
    "b": Variable(("b",), np.arange(2) * 10),
    "a": Variable(("a",), np.arange(3), {"units": "sweeps"}),
    "rows": Variable(("b", "a", "byte"), ROWS, ATTRIBUTES),
}


def hdf5(path, mode: Any = "r", **known) -> Any:
    return h5py.File(path, mode, **known)


def write_as_h5netcdf(path, variables, attributes):
    """The same by the reference, all through HDF5."""
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {
            dimension: length
            for variable in variables.values()
            for dimension, length in zip(
                variable.dimensions, variable.values.shape, strict=True
            )
        }
        for name, variable in variables.items():
            made = file.create_variable(name, variable.dimensions, data=variable.values)
            made.attrs.update(variable.attributes)
        file.attrs.update(attributes)


def attribute(item, name):
    """Type, shape and value; references as the names of what they point to."""
    held, value = item.attrs.get_id(name), item.attrs[name]
    if name == "DIMENSION_LIST":
        value = [[item.file[scale].name for scale in axis] for axis in value]
    if name == "REFERENCE_LIST":
        value = sorted((item.file[where].name, int(axis)) for where, axis in value)
    return held.shape, str(held.dtype), repr(value)


def contents(path):
    """All that a file holds, by name, but for what wrote it."""
    found = {}

    def keep(name, item):
        for key in item.attrs:
            found[f"{name}@{key}"] = attribute(item, key)
        found.pop("@_NCProperties", None)
        if isinstance(item, h5py.Dataset):
            layout = (item.shape, item.maxshape, item.dtype.str, item.chunks)
            found[name] = (layout, item[()].tobytes())

    with hdf5(path) as file:
        keep("", file)
        file.visititems(keep)
    return found


def users_attributes(path):
    with h5netcdf.File(path, "r") as file:
        return [list(file.attrs), *(list(v.attrs) for v in file.variables.values())]


CASES = {
    "coordinates": VARIABLES,
    "no coordinate": {"rows": VARIABLES["rows"]},
    "half": {"a": VARIABLES["a"], "rows": VARIABLES["rows"]},
    "many attributes": {
        "rows": Variable(("x", "y", "z"), ROWS, {f"k{k}": "v" * k for k in range(30)})
    },
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_is_that_of_h5netcdf(case, tmp_path):
    for writer, name in ((write, "a.nc"), (write_as_h5netcdf, "b.nc")):
        writer(tmp_path / name, CASES[case], ATTRIBUTES)
    assert contents(tmp_path / "a.nc") == contents(tmp_path / "b.nc")
    orders = [users_attributes(tmp_path / name) for name in ("a.nc", "b.nc")]
    assert orders[0] == orders[1]


def test_control_the_comparison_sees_a_swapped_dimension(tmp_path):
    square = Variable(("x", "y"), np.eye(3))
    turned = Variable(("y", "x"), np.eye(3))
    x = Variable(("x",), np.arange(3))
    write(tmp_path / "a.nc", {"x": x, "s": square}, {})
    write_as_h5netcdf(tmp_path / "b.nc", {"x": x, "s": turned}, {})
    one, other = contents(tmp_path / "a.nc"), contents(tmp_path / "b.nc")
    assert one["s@DIMENSION_LIST"] != other["s@DIMENSION_LIST"]
    assert one != other


def test_it_says_what_wrote_it_as_netcdf_asks(tmp_path):
    write(tmp_path / "a.nc", VARIABLES, {})
    with hdf5(tmp_path / "a.nc") as file:
        said = dict(pair.split("=") for pair in origin(file).split(","))
    assert said == {
        "version": "2",
        "h5py": h5py.__version__,
        "hdf5": h5py.version.hdf5_version,
    }


def origin(file):
    return file.attrs["_NCProperties"].decode("ascii")


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    kind=st.sampled_from(["u1", "i8", "f4", ">f8"]),
    texts=st.lists(st.integers(0, 20_000), max_size=12),
    twin=st.booleans(),
)
def test_the_last_variable_ends_the_file(tmp_path_factory, shape, kind, texts, twin):
    path = tmp_path_factory.mktemp("any") / "a.nc"
    values = np.random.default_rng(sum(shape)).integers(1, 99, shape).astype(kind)
    names = tuple("dcba"[: len(shape)])
    known = {f"k{k}": "t" * length for k, length in enumerate(texts)}
    variables = {"d": Variable(("d",), np.arange(shape[0]))} if twin else {}
    write(path, {**variables, "values": Variable(names, values, known)}, known)
    assert path.read_bytes().endswith(values.tobytes())
    with hdf5(path) as file:
        assert np.array_equal(file["values"][()], values)
        assert np.array_equal(values_of(file["values"]), values)
        for item in (file, file["values"]):
            assert known.items() <= dict(item.attrs).items()


def test_a_part_of_the_values_is_no_file(tmp_path):
    write(tmp_path / "a.nc", VARIABLES, ATTRIBUTES)
    whole = (tmp_path / "a.nc").read_bytes()
    for missing in (1, ROWS.nbytes // 2, ROWS.nbytes):
        (tmp_path / "a.nc").write_bytes(whole[:-missing])
        with pytest.raises(OSError, match="truncated"):
            hdf5(tmp_path / "a.nc")


# How HDF5 may hold an array, and whether its bytes are those of the array.
LAYOUTS = {
    "in one piece": (lambda f: f.create_dataset("v", data=ROWS), True),
    "big-endian": (lambda f: f.create_dataset("v", data=ROWS.astype(">f4")), True),
    "chunks": (lambda f: f.create_dataset("v", data=ROWS, chunks=(1, 3, 5)), False),
    "compressed": (
        lambda f: f.create_dataset("v", data=ROWS, compression="gzip"),
        False,
    ),
    "without values": (lambda f: f.create_dataset("v", (2, 3), "i4"), False),
    "elsewhere": (
        lambda f: f.create_dataset(
            "v", data=ROWS, external=[(f.filename + ".raw", 0, ROWS.nbytes)]
        ),
        False,
    ),
    "compact": (lambda f: compact(f, ROWS), False),
    "12 of 16 bits": (lambda f: narrow(f), False),
    "truth values": (lambda f: f.create_dataset("v", data=ROWS > 7), True),
}


def compact(file, values):
    kept = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    kept.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(values.shape)
    h5py.h5d.create(file.id, b"v", h5py.h5t.STD_U8LE, space, dcpl=kept)
    file["v"][()] = values


def narrow(file):
    kind = h5py.h5t.STD_U16LE.copy()
    kind.set_precision(12)
    kind.set_offset(4)
    h5py.h5d.create(file.id, b"v", kind, h5py.h5s.create_simple((5,)))
    file["v"][()] = np.arange(5)


@pytest.mark.parametrize("userblock", [0, 512])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_are_those_that_hdf5_reads(layout, userblock, tmp_path, monkeypatch):
    make, direct = LAYOUTS[layout]
    with hdf5(tmp_path / "a.h5", "w", userblock_size=userblock) as file:
        make(file)
    calls = []
    real = np.fromfile
    monkeypatch.setattr(
        netcdf.np, "fromfile", lambda *a, **k: calls.append(a) or real(*a, **k)
    )
    with hdf5(tmp_path / "a.h5") as file:
        found, true = values_of(file["v"]), file["v"][()]
    assert found.dtype == true.dtype
    assert np.array_equal(found, true)
    assert len(calls) == (direct and not userblock)


def test_a_file_that_lost_its_end_while_open_is_noticed(tmp_path):
    write(tmp_path / "a.nc", VARIABLES, {})
    with hdf5(tmp_path / "a.nc") as file:
        os.truncate(tmp_path / "a.nc", (tmp_path / "a.nc").stat().st_size - 1)
        with pytest.raises(OSError, match="ends before its values"):
            values_of(file["rows"])
