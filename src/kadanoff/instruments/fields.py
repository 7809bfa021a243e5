"""The shape of a receptive field on a torus: its core, its centre, its patches.

The core of a field is the sites where its modulus exceeds half its maximum; patches
are the connected regions of a mask, nearest neighbours on the torus; the centre of a
field of weights is the site c of least Σ_i weight_i d²(i, c), d the periodic distance.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import from_waves, to_waves

__all__ = ["core_of", "count_patches", "from_centre"]


def core_of(responses: np.ndarray) -> np.ndarray:
    """Where each of `(units, *shape)` fields exceeds half its maximum, a mask."""
    size = abs(responses)
    half = size.reshape(len(size), -1).max(axis=1) / 2
    return size > half.reshape(-1, *[1] * (size.ndim - 1))


def count_patches(grid: Grid, mask: np.ndarray) -> np.ndarray:
    """Connected regions of each of `(units, *shape)` masks on the torus, `(units,)`."""
    number = np.arange(mask.size).reshape(mask.shape)
    edges = []
    for axis in range(1, grid.dimension + 1):
        both = mask & np.roll(mask, -1, axis)
        edges.append((number[both], np.roll(number, -1, axis)[both]))
    rows, columns = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    ones = np.ones(len(rows), dtype=np.int8)
    graph = sparse.coo_array((ones, (rows, columns)), shape=(mask.size, mask.size))
    _, label = csgraph.connected_components(graph, directed=False)
    sites = np.flatnonzero(mask)
    _, first = np.unique(label[sites], return_index=True)
    return np.bincount(sites[first] // grid.size, minlength=len(mask))


def from_centre(grid: Grid, squares: np.ndarray) -> np.ndarray:
    """d² from each unit's centre, the site of least Σ squares d², `(units, sites)`."""
    at_origin = _squared_distances(grid, np.zeros(1, dtype=int)).reshape(grid.shape)
    waves = to_waves(squares, grid.dimension) * to_waves(at_origin, grid.dimension)
    moments = from_waves(waves, grid.shape).reshape(len(squares), -1)
    return _squared_distances(grid, moments.argmin(axis=1))


def _squared_distances(grid: Grid, centres: np.ndarray) -> np.ndarray:
    """d²(i, c) to every site i, `(centres, sites)`."""
    positions = grid.positions()
    from_origin = grid.distance(positions[0], positions) ** 2
    sites = np.indices(grid.shape).reshape(grid.dimension, -1)
    sides = np.array(grid.shape)[:, None, None]
    steps = (sites[:, None, :] - sites[:, centres][:, :, None]) % sides
    return from_origin[np.ravel_multi_index(tuple(steps), grid.shape)]
