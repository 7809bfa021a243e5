"""Combinations of local values of many operators, counted in a hash table.

As the histogram of `kadanoff.kernels.operators`, where the cells are too many to be
laid out: only those that occur have a place, found by open addressing with linear
probing (D. E. Knuth, The Art of Computer Programming 3, sec. 6.4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["count_codes"]


@njit(nogil=True, cache=True)
def _home(code: Any, mask: Any) -> Any:
    """Where a code is sought first: Fibonacci hashing, high bits folded down."""
    mixed = np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed >> np.uint64(32)) & np.uint64(mask))


@njit(nogil=True, cache=True)
def _local_codes(
    box: Any,
    start: Any,
    offsets: Any,
    lengths: Any,
    owner: Any,
    most: Any,
    strides: Any,
    local: Any,
    code: Any,
) -> None:
    """The combination of local values of every starting point."""
    code[:] = 0
    c = 0
    for a in range(most.size):
        local[:] = 0
        while c < lengths.size and owner[c] == a:
            for i in range(code.size):
                product = box[start + i]
                for k in range(1, lengths[c]):
                    product *= box[start + offsets[c, k] + i]
                local[i] += product
            c += 1
        for i in range(code.size):
            code[i] += strides[a] * ((local[i] + most[a]) >> 1)


@njit(nogil=True, cache=True)
def count_codes(
    values: Any,
    source: Any,
    inside: Any,
    start: Any,
    offsets: Any,
    lengths: Any,
    owner: Any,
    most: Any,
    strides: Any,
    keys: Any,
    counts: Any,
) -> Any:
    """Count sites by the code Σ_α stride_α (z_α + m_α)/2 of their local values.

    Args:
        values: ±1 configurations `(n, sites)`, int8.
        source: as in `kadanoff.kernels.operators`, like the next eight.
        inside: 1 on the lattice, 0 in the margin.
        start: place of the first starting point.
        offsets: `(clusters, most sites)`.
        lengths: sites per cluster.
        owner: operator of each cluster; clusters of one operator follow each other.
        most: number of clusters of each operator.
        strides: place value of each operator in the code.
        keys: `(places,)` codes, a power of two of them, -1 where none is.
        counts: `(places,)` counts, added to.

    Returns:
        Places in use; where half of them are, counting has stopped.
    """
    size = inside.size
    box = np.empty(source.size, np.int8)
    local = np.empty(size, np.int64)
    code = np.empty(size, np.int64)
    mask = keys.size - 1
    used = 0
    for p in range(keys.size):
        used += keys[p] >= 0
    for n in range(values.shape[0]):
        for p in range(source.size):
            box[p] = values[n, source[p]]
        _local_codes(box, start, offsets, lengths, owner, most, strides, local, code)
        for i in range(size):
            if inside[i]:
                p = _home(code[i], mask)
                while keys[p] != code[i] and keys[p] >= 0:
                    p = (p + 1) & mask
                if keys[p] < 0:
                    keys[p] = code[i]
                    used += 1
                    if 2 * used >= keys.size:
                        return used
                counts[p] += 1
    return used
