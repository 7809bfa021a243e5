"""Heat bath of one large square lattice, 64 spins of it per machine word.

Bit `r` of word `w` in a row of `n` spins is column `r n/64 + w`, set for +1. The
neighbours along a row are then the same bits of the words before and after, except
that at the seam, before the first and after the last word, bits move by one place.
A word holds one colour of the checkerboard if `n/64` is even, and the two colours are
stored apart: word `j` of colour `c` in row `i` has `w = 2 j + (i + c) mod 2`, so that
above, below and on one side its neighbours are word `j` of the other colour.

One colour is updated after the other. With `u` of 4 neighbours up, `e = |u - 2|`, a
spin becomes what the majority (K >= 0) or the minority (K < 0) is, but the opposite
with probability

    q_e = 1/(1 + e^{4|K|e}),   hence either sign with ½ for u = 2,

whatever it was: ergodic for every finite K. (At small |K| a Metropolis rule would
turn the checkerboard over as a whole.)

Every lane compares its own uniform number with its own threshold, most significant bit
first, as `kadanoff.kernels.multispin` does: exact to all 64 bits, and some 13 random
words for 64 spins instead of 64. Random words: xoshiro256++ (Blackman & Vigna, ACM TOMS
47, 36 (2021)), one generator per word of a vector.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import extending, njit, types
from numba.extending import models, overload, register_model

__all__ = ["HeatBath", "heat_bath", "pack", "sweep", "unpack", "vector_width"]

ONES = np.uint64(2**64 - 1)
WIDEST = 8  # words per vector: more lanes wait longer for the last undecided one
AGAIN = 4  # bit planes between two looks at the undecided lanes


class HeatBath(NamedTuple):
    """Probabilities of one spin as the kernel reads them.

    Attributes:
        sign: no bit set where spins follow the majority (K >= 0), or all.
        planes: binary digits of q_1 and q_2 as words, uint64 `(64, 2)`: row `k` holds
            digit `2^-(k+1)`, all bits of the word set or none.
    """

    sign: np.uint64
    planes: np.ndarray


def heat_bath(coupling: float) -> HeatBath:
    """The heat bath at coupling K, finite, of either sign."""
    boltzmann = [math.exp(-4 * abs(coupling) * e) for e in (1, 2)]
    thresholds = [int(w / (1 + w) * 2.0**64) for w in boltzmann]
    planes = [[-(t >> (63 - k) & 1) % 2**64 for t in thresholds] for k in range(64)]
    sign = ONES if coupling < 0 else np.uint64(0)
    return HeatBath(sign, np.array(planes, dtype=np.uint64))


def vector_width(words: int) -> int:
    """Words updated together in rows of so many: the largest divisor up to 8."""
    return max(d for d in range(1, WIDEST + 1) if words % d == 0)


# A vector of words as one SIMD value --------------------------------------------------


_intrinsic: Any = extending.intrinsic  # calls leave the first argument out


class Lanes(types.Type):
    """Numba type of `width` unsigned 64-bit words in one LLVM vector."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"LargeLanes({width})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(ir.IntType(64), fe_type.width))


def _address(context: Any, builder: Any, array_type: Any, args: Any) -> Any:
    array = context.make_array(array_type)(context, builder, args[0])
    return builder.gep(array.data, [args[1]])


@_intrinsic
def _load(_: Any, array: Any, start: Any, row: Any) -> Any:
    """The words `array[start : start + len(row)]` of a flat array."""
    lanes = Lanes(len(row))

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = context.get_value_type(lanes)
        address = _address(context, builder, signature.args[0], args)
        pointer = builder.bitcast(address, vector.as_pointer())
        return builder.load(pointer, align=8)

    return lanes(array, types.intp, row), generate


@_intrinsic
def _store(_: Any, array: Any, start: Any, lanes: Any) -> Any:
    """Write the words to `array[start:]` of a flat array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[0], args)
        pointer = builder.bitcast(address, args[2].type.as_pointer())
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@_intrinsic
def _any(_: Any, lanes: Any) -> Any:
    """Whether any bit is set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = ir.IntType(64 * args[0].type.count)
        return builder.icmp_unsigned("!=", builder.bitcast(args[0], whole), whole(0))

    return types.boolean(lanes), generate


def _window(builder: Any, vectors: Any, first: int) -> Any:
    """As many words of two vectors in a row as one of them has, from the `first` on."""
    width = vectors[0].type.count
    places = ir.VectorType(ir.IntType(32), width)
    mask = ir.Constant(places, list(range(first, first + width)))
    return builder.shuffle_vector(*vectors, mask)


@_intrinsic
def _one_before(_: Any, before: Any, here: Any) -> Any:
    """The words one place to the left of `here`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _window(builder, args, args[0].type.count - 1)

    return here(before, here), generate


@_intrinsic
def _one_after(_: Any, here: Any, after: Any) -> Any:
    """The words one place to the right of `here`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _window(builder, args, 1)

    return here(here, after), generate


def _broadcast(builder: Any, value: Any, vector: Any) -> Any:
    if value.type == vector:
        return value
    if value.type.width < 64:
        value = builder.zext(value, ir.IntType(64))
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    return builder.shuffle_vector(first, nothing, everywhere)


def _lanewise(operation: Callable[..., Any], instruction: str) -> None:
    """Teach Numba `lanes OP lanes` and `lanes OP word`."""

    @_intrinsic
    def apply(_: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            other = _broadcast(builder, args[1], args[0].type)
            return getattr(builder, instruction)(args[0], other)

        return a(a, b), generate

    @overload(operation)
    def lanewise(a, b):  # Numba compares this signature with the lambda
        if isinstance(a, Lanes) and isinstance(b, Lanes | types.Integer):
            return lambda a, b: apply(a, b)
        return None


for _operation, _instruction in {
    operator.and_: "and_",
    operator.or_: "or_",
    operator.xor: "xor",
    operator.add: "add",
    operator.lshift: "shl",
    operator.rshift: "lshr",
}.items():
    _lanewise(_operation, _instruction)


# Random words -------------------------------------------------------------------------


@njit
def _next(state: Any) -> Any:
    """Advance xoshiro256++ (`next` of the reference code) on every word of a vector."""
    s0, s1, s2, s3 = state
    sum03 = s0 + s3
    drawn = ((sum03 << 23) | (sum03 >> 41)) + s0
    shifted = s1 << 17
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ shifted
    s3 = (s3 << 45) | (s3 >> 19)
    return (s0, s1, s2, s3), drawn


@njit
def _start(seeds: Any, row: Any) -> Any:
    """The four vectors of words that are the state of the generators."""
    width = len(row)
    return (
        _load(seeds, 0, row),
        _load(seeds, width, row),
        _load(seeds, 2 * width, row),
        _load(seeds, 3 * width, row),
    )


@njit
def _first_look(width: Any) -> Any:
    """Bit planes that leave lanes undecided in at most one case in eight."""
    planes = 9
    while width > 1:
        planes += 1
        width >>= 1
    return planes


# Lattices -----------------------------------------------------------------------------


@njit
def _row_in_turn(step: Any, rows: Any) -> Any:
    """The row that a step updates, of black if the step is even; -1 for none.

    White follows two rows behind black, which starts from the last row: every white
    row finds its black neighbours updated and every black row its white ones not, as
    if all of black had been before all of white. The lattice passes the cache once.
    """
    colour = step & 1
    row = (step >> 1) - 2 * colour
    if row < 0 or row >= rows:
        return -1
    if colour:
        return row
    return row - 1 if row > 0 else rows - 1


@njit
def _word_after(flat: Any, level: Any, k: Any, length: Any, row: Any) -> Any:
    """Words one place to the right of the vector at word `k` of the row at `level`."""
    if k + len(row) < length:
        return _load(flat, level + k + 1, row)
    first = _load(flat, level, row)
    return _one_after(_load(flat, level + k, row), (first >> 1) | (first << 63))


@njit
def _word_before(flat: Any, level: Any, k: Any, length: Any, row: Any) -> Any:
    """Words one place to the left of the vector at word `k` of the row at `level`."""
    if k > 0:
        return _load(flat, level + k - 1, row)
    last = _load(flat, level + length - len(row), row)
    return _one_before((last << 1) | (last >> 63), _load(flat, level, row))


@njit
def _classes(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Where 3 or 4 of four neighbours are up, where e = 1 and where e = 2."""
    axb, cxd = a ^ b, c ^ d
    unlike = axb | cxd | (a ^ c)
    majority = (a & b & (c | d)) | (c & d & (a | b))
    return majority, axb ^ cxd, unlike ^ ONES


@njit(nogil=True, cache=True)
def _sweep(words: Any, bath: Any, seeds: Any, sweeps: Any, row: Any) -> None:
    width = len(row)
    sign, planes = bath
    rows, _, length = words.shape
    flat = words.reshape(-1)
    state = _start(seeds.reshape(-1), row)
    first_look = _first_look(width)
    around = 2 * length * (rows - 1)
    for _ in range(sweeps):
        for step in range(2 * (rows + 2)):
            colour, i = step & 1, _row_in_turn(step, rows)
            if i < 0:
                continue
            mine = (2 * i + colour) * length
            level = (2 * i + 1 - colour) * length
            above = level + around if i == 0 else level - 2 * length
            below = level - around if i == rows - 1 else level + 2 * length
            for k in range(0, length, width):
                a = _load(flat, above + k, row)
                b = _load(flat, below + k, row)
                c = _load(flat, level + k, row)
                if (i + colour) & 1:
                    d = _word_after(flat, level, k, length, row)
                else:
                    d = _word_before(flat, level, k, length, row)
                majority, one, two = _classes(a, b, c, d)
                undecided = one | two
                # Not a function of its own: `planes` would cost two atomic additions.
                state, drawn = _next(state)
                less = drawn & (undecided ^ ONES)  # a coin where two neighbours are up
                plane, stop = 0, first_look
                while True:
                    digit = (one & planes[plane, 0]) | (two & planes[plane, 1])
                    decided = undecided & (drawn ^ digit)
                    less = less | (decided & digit)  # 0 drawn where the digit is 1
                    undecided = undecided ^ decided
                    plane += 1
                    if plane == stop:
                        if plane == 64 or not _any(undecided):
                            break
                        stop = min(64, stop + AGAIN)
                    state, drawn = _next(state)
                _store(flat, mine + k, majority ^ sign ^ less)


def sweep(words: np.ndarray, bath: HeatBath, *, seeds: np.ndarray, sweeps: int) -> None:
    """Update every spin `sweeps` times, black and white in turn, in place.

    Args:
        words: spins of one lattice, uint64 `(row, 2, word)`, C order, black (even
            `i + w`) before white; an even number of rows.
        bath: `heat_bath(K)`.
        seeds: states of the generators, uint64 `(4, vector_width(word))`, not all
            zero.
        sweeps: how often.
    """
    row = (0,) * seeds.shape[1]  # its length, known to the compiler, sets the width
    _sweep(words, bath, seeds, sweeps, row)


# Rows of bits -------------------------------------------------------------------------


@njit
def _transpose(rows: Any) -> None:
    """Transpose a 64×64 bit matrix in place (Warren, Hacker's Delight, section 7-3)."""
    half, mask = 32, np.uint64(2**32 - 1)
    while half:
        shift = np.uint64(half)
        for start in range(0, 64, 2 * half):
            for k in range(start, start + half):
                swap = ((rows[k] >> shift) ^ rows[k + half]) & mask
                rows[k + half] ^= swap
                rows[k] ^= swap << shift
        half >>= 1
        mask ^= mask << np.uint64(half)


@njit
def _place(w: Any, i: Any) -> Any:
    """Colour and number of word `w` of row `i`."""
    return (w + i) & 1, w >> 1


@njit(nogil=True, cache=True)
def _to_columns(words: Any, columns: Any) -> None:
    """Fill `columns`, zeros before: column `c` is bit 63 - c % 64 of word c // 64."""
    tile = np.empty(64, dtype=np.uint64)
    length = columns.shape[1]
    for i in range(len(words)):
        for first in range(0, length, 64):
            count = min(64, length - first)
            tile[:] = 0
            for k in range(count):
                colour, j = _place(first + k, i)
                tile[63 - k] = words[i, colour, j]
            _transpose(tile)
            for r in range(64):  # now column r length + first is its top bit
                place = r * length + first
                word, gap = place >> 6, place & 63
                columns[i, word] |= tile[r] >> np.uint64(gap)
                if gap + count > 64:
                    columns[i, word + 1] |= tile[r] << np.uint64(64 - gap)


@njit(nogil=True, cache=True)
def _from_columns(columns: Any, words: Any) -> None:
    """The inverse of `_to_columns`."""
    tile = np.empty(64, dtype=np.uint64)
    length = columns.shape[1]
    for i in range(len(words)):
        for first in range(0, length, 64):
            count = min(64, length - first)
            for r in range(64):
                place = r * length + first
                word, gap = place >> 6, place & 63
                tile[r] = columns[i, word] << np.uint64(gap)
                if gap + count > 64:
                    tile[r] |= columns[i, word + 1] >> np.uint64(64 - gap)
            _transpose(tile)
            for k in range(count):
                colour, j = _place(first + k, i)
                words[i, colour, j] = tile[63 - k]


def pack(words: np.ndarray) -> np.ndarray:
    """Spins as `np.packbits` writes them, uint8 `(bytes,)`.

    Args:
        words: spins, uint64 `(row, 2, word)`, of one lattice or of some in a row.
    """
    columns = np.zeros((len(words), 2 * words.shape[2]), dtype=np.uint64)
    _to_columns(words, columns)
    return _top_byte_first(columns).view(np.uint8).ravel()


def unpack(packed: np.ndarray, rows: int) -> np.ndarray:
    """The words `(row, 2, word)` of spins as `np.packbits` writes them.

    Args:
        packed: uint8, a multiple of 16 bytes per row.
        rows: of one lattice, or of some in a row: an even number each.
    """
    columns = _top_byte_first(packed.reshape(rows, -1).view(np.uint64).copy())
    words = np.empty((rows, 2, columns.shape[1] // 2), dtype=np.uint64)
    _from_columns(columns, words)
    return words


def _top_byte_first(words: np.ndarray) -> np.ndarray:
    """Swap the bytes, in place, of a processor that stores the lowest first."""
    return words.byteswap(inplace=True) if sys.byteorder == "little" else words
