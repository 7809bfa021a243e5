"""Products of spins over clusters of sites, summed over a periodic lattice.

A configuration is copied into a box with a margin of periodic images, so that a site
a fixed vector away is a fixed distance away in memory: one cluster is one straight
product of shifted rows, S = Σ_x Π_k s(x + o_k), which the compiler turns into vector
instructions. Margin sites enter as neighbours only: as starting points they are
multiplied by zero.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["cluster_sums", "local_histogram"]


@njit(nogil=True, cache=True)
def _fill(values, source, box):
    for p in range(source.size):
        box[p] = values[source[p]]


@njit(nogil=True, cache=True)
def _product(left, right, out):
    for i in range(out.size):
        out[i] = left[i] * right[i]


@njit(nogil=True, cache=True)
def _multiply(values, out):
    # In place, and not out = left * right: where `out` and `left` are one array, the
    # compiler's overlap check fails and the loop runs one value at a time.
    for i in range(out.size):
        out[i] *= values[i]


@njit(nogil=True, cache=True)
def _add(values, out):
    for i in range(out.size):
        out[i] += values[i]


@njit(nogil=True, cache=True, fastmath={"reassoc", "nsz"})
def _total(values, zero):
    total = zero
    for i in range(values.size):
        total += values[i]
    return total


@njit(nogil=True, cache=True)
def _cluster_product(box, start, home, offsets, length, out):
    """Π_k s(x + o_k) for all starting points x; o_0 = 0 is `home`."""
    size = home.size
    if length == 1:
        out[:] = home
        return
    first = start + offsets[1]
    _product(home, box[first : first + size], out)
    for k in range(2, length):
        first = start + offsets[k]
        _multiply(box[first : first + size], out)


@njit(nogil=True, cache=True)
def cluster_sums(values, source, inside, start, offsets, lengths, owner, zero, out):
    """Add every cluster's sum over the lattice to the column of its operator.

    Args:
        values: configurations `(n, sites)`, int8 or float32.
        source: site behind each point of the box, margin included.
        inside: 1 for starting points on the lattice and 0 in the margin, in the type
            of the values.
        start: place of the first starting point in the box.
        offsets: `(clusters, most sites)` distances in memory from the first site.
        lengths: number of sites of each cluster.
        owner: column of `out` of each cluster.
        zero: 0 in the type of the accumulator.
        out: `(n, operators)` sums, added to.
    """
    box = np.empty(source.size, values.dtype)
    home = np.empty(inside.size, values.dtype)
    product = np.empty(inside.size, values.dtype)
    for n in range(values.shape[0]):
        _fill(values[n], source, box)
        _product(box[start : start + inside.size], inside, home)
        for c in range(lengths.size):
            _cluster_product(box, start, home, offsets[c], lengths[c], product)
            out[n, owner[c]] += _total(product, zero)


@njit(nogil=True, cache=True)
def local_histogram(
    values, source, inside, start, offsets, lengths, owner, most, strides, counts
):
    """Count sites by the local values z_α(x) = Σ_{clusters of α that hold x} Π s.

    z_α runs over -m, -m + 2, …, m with m = `most[α]` clusters; the cell of a site is
    Σ_α stride_α (z_α + m_α)/2.

    Args:
        values: ±1 configurations `(n, sites)`, int8.
        source: as in `cluster_sums`, like the next five.
        inside: 1 on the lattice, 0 in the margin.
        start: place of the first starting point.
        offsets: `(clusters, most sites)`.
        lengths: sites per cluster.
        owner: operator of each cluster; clusters of one operator follow each other.
        most: number of clusters of each operator.
        strides: place value of each operator in the cell number.
        counts: `(cells,)` counts, added to.
    """
    size = inside.size
    box = np.empty(source.size, values.dtype)
    product = np.empty(size, values.dtype)
    local = np.empty(size, values.dtype)
    cell = np.empty(size, np.int32)
    for n in range(values.shape[0]):
        _fill(values[n], source, box)
        home = box[start : start + size]
        cell[:] = 0
        c = 0
        for a in range(most.size):
            local[:] = 0
            while c < lengths.size and owner[c] == a:
                _cluster_product(box, start, home, offsets[c], lengths[c], product)
                _add(product, local)
                c += 1
            for i in range(size):
                cell[i] += strides[a] * ((local[i] + most[a]) >> 1)
        for i in range(size):
            if inside[i]:
                counts[cell[i]] += 1
