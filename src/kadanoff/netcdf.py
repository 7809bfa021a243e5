"""Arrays with named dimensions in one HDF5 file, laid out as netCDF-4 wants it.

A dimension is a data set that HDF5 calls a scale: the coordinate of that name, or a
placeholder without values. Scales are numbered (`_Netcdf4Dimid`), and the axes of a
variable point to them (`DIMENSION_LIST`). Unidata, "NetCDF file format specifications",
appendix "NetCDF-4/HDF5 format"; `h5netcdf` writes the same. Values lie in one piece,
not compressed, so that writing and reading them are one copy each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Variable", "values_of", "write"]

# netCDF knows a dimension without coordinate by these words and its padded length.
NOT_A_VARIABLE = "This is a netCDF dimension but not a netCDF variable.{:10}"


@dataclass(frozen=True, eq=False)
class Variable:
    """An array whose axes have names.

    Args:
        dimensions: names of the axes. A variable of one axis that has the name of
            this axis is its coordinate.
        values: numbers; one dimension has one length in all variables of a file.
        attributes: texts, numbers and arrays of numbers by name.
    """

    dimensions: tuple[str, ...]
    values: np.ndarray
    attributes: Mapping[str, Any] = field(default_factory=dict)


def write(
    path: Path, variables: Mapping[str, Variable], attributes: Mapping[str, Any]
) -> None:
    """A new file of these variables; what `path` held is lost.

    The last variable lies last in the file and may be large: NumPy writes it, which
    reserves the room on the disk first.
    """
    import h5py

    *small, last = variables
    # netCDF keeps attributes, dimensions and variables in their order of creation.
    with h5py.File(path, "w", track_order=True) as file:
        _describe(file, {**attributes, "_NCProperties": _origin()})
        made = {name: _declare(file, name, v) for name, v in variables.items()}
        _name_the_axes(file, variables, made)
        for name in small:
            made[name][()] = variables[name].values
        file.flush()
        offset = _place(made[last])
    _fill(path, offset, variables[last].values)


def values_of(dataset: Any) -> np.ndarray:
    """All values of a data set of an open file on a disk.

    Where they lie in one piece and in a type of NumPy, the bytes are read as they are:
    HDF5 needs about twice the time for the same.

    Raises:
        OSError: the file ends before its values do, or HDF5 cannot read them.
    """
    import h5py

    file, kind, offset = dataset.file, dataset.dtype, dataset.id.get_offset()
    as_numpy = dataset.id.get_type() == h5py.h5t.py_create(kind)
    if offset is None or file.userblock_size or not as_numpy:
        return dataset[()]
    values = np.fromfile(file.filename, kind, dataset.size, offset=offset)
    if values.size < dataset.size:
        raise OSError("the file ends before its values")
    return values.reshape(dataset.shape)


def _declare(file: Any, name: str, variable: Variable) -> Any:
    """A data set that has no place in the file yet."""
    values = variable.values
    made = file.create_dataset(name, values.shape, values.dtype, track_order=True)
    _describe(made, variable.attributes)
    return made


def _describe(item: Any, attributes: Mapping[str, Any]) -> None:
    """Attributes as netCDF has them: a number is an array of one."""
    held = item.attrs
    for name, value in attributes.items():
        text = isinstance(value, str | bytes)
        held.create(name, value if text else np.atleast_1d(value))


def _origin() -> np.bytes_:
    """What wrote the file, in the attribute that netCDF reserves for it."""
    from h5py import version

    return np.bytes_(f"version=2,h5py={version.version},hdf5={version.hdf5_version}")


def _name_the_axes(
    file: Any, variables: Mapping[str, Variable], made: Mapping[str, Any]
) -> None:
    """Number the dimensions, make a scale of each, and point the variables to them."""
    import h5py

    lengths = _lengths(variables)
    numbers = {name: np.int32(number) for number, name in enumerate(lengths)}
    scales = {
        name: made.get(name) or _placeholder(file, name, length)
        for name, length in lengths.items()
    }
    for name, scale in scales.items():
        label = name if name in made else NOT_A_VARIABLE.format(lengths[name])
        h5py.h5ds.set_scale(scale.id, label.encode())
        scale.attrs.create("_Netcdf4Dimid", numbers[name])
    for name, variable in variables.items():
        ids = np.array([numbers[dimension] for dimension in variable.dimensions])
        made[name].attrs.create("_Netcdf4Coordinates", ids)
        if name not in scales:  # HDF5 has no scales of scales
            made[name].attrs.create("_Netcdf4Dimid", ids[0])
            for axis, dimension in enumerate(variable.dimensions):
                h5py.h5ds.attach_scale(made[name].id, scales[dimension].id, axis)


def _lengths(variables: Mapping[str, Variable]) -> dict[str, int]:
    """Lengths of the dimensions in the order in which the variables name them."""
    return {
        dimension: length
        for variable in variables.values()
        for dimension, length in zip(
            variable.dimensions, variable.values.shape, strict=True
        )
    }


def _placeholder(file: Any, name: str, length: int) -> Any:
    return file.create_dataset(name, (length,), ">f4", track_order=True)


def _place(made: Any) -> int:
    """Where in the file the values of a new data set go: behind all there is."""
    first = (0,) * made.ndim
    made[first] = 0  # a first value makes HDF5 find a place for all
    return made.id.get_offset()


def _fill(path: Path, offset: int, values: np.ndarray) -> None:
    with path.open("r+b") as file:
        if path.stat().st_size == offset + values.nbytes:
            file.truncate(offset)  # HDF5 refuses a file with a part of the values
        # Where all blocks are reserved, a rename over an old file need not wait for
        # the disk (ext4); `tofile` reserves those of the values.
        with suppress(AttributeError, OSError):
            os.posix_fallocate(file.fileno(), 0, offset)
        file.seek(offset)
        np.ascontiguousarray(values).tofile(file)
