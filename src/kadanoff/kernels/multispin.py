"""Single-spin dynamics of 64 replicas per machine word, exact in every probability.

A block of lattices is an array of words `(site, word)`: bit `r` of word `w` is one
spin of replica `64 w + r`, set for +1. Sites are visited in raster order, in place, so
odd sides and sides of 2 (double bonds) are right. The satisfied bonds of a site (those
with `s_i s_j = sign K`) are counted by bit-sliced adders. With `n` of `2d` satisfied
and `e = |n - d|` the spin flips with probability

    q_e  for n >= d,   and for n < d   q_0 (Metropolis)   or   1 - q_e (heat bath).

Every lane compares its own uniform number with its own threshold, most significant bit
first: one random word serves 64 lanes, and drawing stops when no lane is undecided
(about log2(lanes) + 1.3 words instead of 64). The probabilities are realised exactly to
all 64 bits, and no two replicas share a random bit: shared ones make replicas coalesce.

Random words: xoshiro256++ (Blackman & Vigna, ACM TOMS 47, 36 (2021)), one generator per
word of a site. A row of words is one SIMD value (`Lanes`): LLVM maps it on whatever
vector registers the processor has, and the state of the generators stays in them.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import extending, njit, types
from numba.extending import models, overload, register_model

__all__ = [
    "LAZINESS",
    "Dynamics",
    "block_width",
    "heat_bath",
    "heat_bath_sweep",
    "metropolis",
    "pack",
    "sweep",
    "threshold_planes",
    "unpack",
]

LAZINESS = 2.0**-8
"""Share of the certain Metropolis flips that is left out, see `metropolis`."""

ONES = np.uint64(2**64 - 1)
WIDEST = 16  # words per site: 1024 lanes hide the latency of the generator
TILE = 512  # sites packed at a time: one cache line of every packed row
AGAIN = 4  # bit planes between two looks at the undecided lanes


class Dynamics(NamedTuple):
    """Flip probabilities of one site as the kernel reads them.

    Attributes:
        sign: all bits set where parallel neighbours are satisfied (K >= 0), or none.
        fold: all bits set if n < d flips with probability 1 - q_e, none if with q_0.
        planes: digits of q_0 … q_d, see `threshold_planes`.
    """

    sign: np.uint64
    fold: np.uint64
    planes: np.ndarray


def metropolis(coupling: float, dimensions: int) -> Dynamics:
    """Lazy Metropolis: q_e = (1 - 2^-8) e^{-4|K|e}.

    Without laziness a sweep in raster order has closed cycles of forced flips, never
    entered and never left: the checkerboard on 3×3 is only turned over as a whole.
    With it every sweep leads from any state to any other with positive probability.
    """
    awake = 1 - LAZINESS
    q = [awake * math.exp(-4 * abs(coupling) * e) for e in range(dimensions + 1)]
    return Dynamics(_word(coupling >= 0), _word(False), threshold_planes(q))


def heat_bath(coupling: float, dimensions: int) -> Dynamics:
    """Heat bath (Glauber): q_e = 1/(1 + e^{4|K|e}), the spin forgets its old value."""
    boltzmann = [math.exp(-4 * abs(coupling) * e) for e in range(dimensions + 1)]
    q = [w / (1 + w) for w in boltzmann]
    return Dynamics(_word(coupling >= 0), _word(True), threshold_planes(q))


def _word(every_bit: bool) -> np.uint64:
    return ONES if every_bit else np.uint64(0)


def block_width(words: int) -> int:
    """Words per site swept together: the largest power of two in it, up to 16."""
    return min(WIDEST, words & -words)


def threshold_planes(probabilities: Sequence[float]) -> np.ndarray:
    """Binary digits of probabilities as words, shape `(64, len(probabilities))`.

    Row `k` holds digit `2^-(k+1)`, all bits of the word set or none. A probability is
    cut to 64 digits, hence 1 becomes 1 - 2^-64.
    """
    digits = [min(int(p * 2.0**64), 2**64 - 1) for p in probabilities]
    planes = [[-(t >> (63 - k) & 1) % 2**64 for t in digits] for k in range(64)]
    return np.array(planes, dtype=np.uint64)


# A row of words as one SIMD value -----------------------------------------------------


_intrinsic: Any = extending.intrinsic  # calls leave the first argument out


class Lanes(types.Type):
    """Numba type of `width` unsigned 64-bit words in one LLVM vector."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Lanes({width})")


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


# One site -----------------------------------------------------------------------------


@njit
def _next(state: Any) -> Any:
    """Advance xoshiro256++ (`next` of the reference code) on every word of a row."""
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
    """The four rows of words that are the state of the generators."""
    width = len(row)
    return (
        _load(seeds, 0, row),
        _load(seeds, width, row),
        _load(seeds, 2 * width, row),
        _load(seeds, 3 * width, row),
    )


@njit
def _first_look(width: Any) -> Any:
    """Bit planes that leave lanes undecided in about one case in eight."""
    planes = 9
    while width > 1:
        planes += 1
        width >>= 1
    return planes


@njit
def _square_classes(words: Any, near: Any, mine: Any, fold: Any, row: Any) -> Any:
    """Masks of e = 1 and e = 2, and of the part of them with n < d, for four bonds."""
    width = len(row)
    a = mine ^ _load(words, np.int64(near[0]) * width, row)
    b = mine ^ _load(words, np.int64(near[1]) * width, row)
    c = mine ^ _load(words, np.int64(near[2]) * width, row)
    d = mine ^ _load(words, np.int64(near[3]) * width, row)
    ab, cd, axb, cxd = a & b, c & d, a ^ b, c ^ d
    none = ((a | b | c | d) ^ ONES) & fold
    one = ((ab | cd) ^ ONES) & (axb ^ cxd) & fold
    return (ab & cxd) | (cd & axb) | one, (ab & cd) | none, none | one


@njit
def _count(words: Any, near: Any, mine: Any, row: Any) -> Any:
    """Binary digits of the number of satisfied bonds, lowest first: up to 31 bonds."""
    width = len(row)
    c0 = c1 = c2 = c3 = c4 = mine ^ mine
    for site in near:
        one = mine ^ _load(words, np.int64(site) * width, row)
        two = c0 & one
        c0 = c0 ^ one
        four = c1 & two
        c1 = c1 ^ two
        eight = c2 & four
        c2 = c2 ^ four
        c4 = c4 ^ (c3 & eight)
        c3 = c3 ^ eight
    return c0, c1, c2, c3, c4


@njit
def _equals(count: Any, n: Any) -> Any:
    """Lanes in which a counter stands at `n`."""
    equal = (count[0] ^ count[0]) ^ ONES
    for k in range(5):
        equal = equal & (count[k] ^ (ONES * np.uint64(1 - (n >> k & 1))))
    return equal


@njit
def _classes(masks: Any, count: Any, fold: Any, row: Any) -> Any:
    """Write the masks of e = 0 … d to `masks`; return the part of them with n < d."""
    width = len(row)
    d = len(masks) // width - 1
    below = count[0] ^ count[0]
    other = below ^ ONES
    for e in range(1, d + 1):
        low = _equals(count, d - e) & fold
        mask = _equals(count, d + e) | low
        _store(masks, e * width, mask)
        other = other & (mask ^ ONES)
        below = below | low
    _store(masks, 0, other)
    return below


# Lattices -----------------------------------------------------------------------------


@njit(nogil=True, cache=True)
def _sweep(
    words: Any, near: Any, dynamics: Any, seeds: Any, sweeps: Any, row: Any
) -> None:
    width = len(row)
    sign, fold, planes = dynamics
    flat = words.reshape(-1)
    masks = np.empty(planes.shape[1] * width, dtype=np.uint64)
    state = _start(seeds.reshape(-1), row)
    square = near.shape[1] == 4
    for _ in range(sweeps):
        for site in range(len(near)):
            spins = _load(flat, site * width, row)
            mine = spins ^ sign
            one = two = mine
            if square:  # the masks stay in registers
                one, two, below = _square_classes(flat, near[site], mine, fold, row)
            else:
                count = _count(flat, near[site], mine, row)
                below = _classes(masks, count, fold, row)
            other = (one | two) ^ ONES
            # Not a function of its own: passing `planes` costs two atomic additions.
            less = mine ^ mine
            undecided = less ^ ONES
            plane, stop = 0, _first_look(width)
            while True:
                while plane < stop:
                    state, drawn = _next(state)
                    if square:
                        digit = other & planes[plane, 0]
                        digit = digit | (one & planes[plane, 1])
                        digit = digit | (two & planes[plane, 2])
                    else:
                        digit = _load(masks, 0, row) & planes[plane, 0]
                        for e in range(1, planes.shape[1]):
                            mask = _load(masks, e * width, row)
                            digit = digit | (mask & planes[plane, e])
                    decided = undecided & (drawn ^ digit)
                    less = less | (decided & digit)  # 0 drawn where the digit is 1
                    undecided = undecided ^ decided
                    plane += 1
                if plane >= 64 or not _any(undecided):
                    break
                stop = min(64, stop + AGAIN)
            _store(flat, site * width, spins ^ below ^ less)


def sweep(
    words: np.ndarray,
    near: np.ndarray,
    dynamics: Dynamics,
    *,
    seeds: np.ndarray,
    sweeps: int,
) -> None:
    """Update every site of every block `sweeps` times, in place and in raster order.

    Args:
        words: spins, uint64 `(block, site, word)`, C order; the number of words is a
            power of two up to 16. Blocks are swept one after the other, so that a
            block stays in cache.
        near: neighbours of the sites that are updated, int32 `(site, 2d)`, d <= 15.
        dynamics: `metropolis(...)` or `heat_bath(...)` of the same d.
        seeds: states of the generators, uint64 `(block, 4, word)`, not all zero.
        sweeps: how often.
    """
    row = (0,) * words.shape[-1]  # its length, known to the compiler, sets the width
    for block, seed in zip(words, seeds, strict=True):
        _sweep(block, near, dynamics, seed, sweeps, row)


@njit
def _numbers(masks: Any, first: Any, count: Any, most: Any, row: Any) -> None:
    """Write the masks of a counter standing at 0 … most, from `masks[first]` on."""
    width = len(row)
    for n in range(most + 1):
        _store(masks, (first + n) * width, _equals(count, n))


@njit(nogil=True, cache=True)
def _heat_bath_sweep(
    words: Any, near: Any, second: Any, planes: Any, seeds: Any, sweeps: Any, row: Any
) -> None:
    width = len(row)
    flat = words.reshape(-1)
    z, z2 = near.shape[1], second.shape[1]
    masks = np.empty((z + z2 + 2) * width, dtype=np.uint64)
    state = _start(seeds.reshape(-1), row)
    for _ in range(sweeps):
        for site in range(len(near)):
            spins = _load(flat, site * width, row)
            up = spins ^ spins
            _numbers(masks, 0, _count(flat, near[site], up, row), z, row)
            _numbers(masks, z + 1, _count(flat, second[site], up, row), z2, row)
            undecided = up ^ ONES
            plane, stop = 0, _first_look(width)
            while True:  # as in `_sweep`: a function of its own would cost too much
                while plane < stop:
                    state, drawn = _next(state)
                    digit = spins ^ spins
                    for n in range(z + 1):
                        part = spins ^ spins
                        for n2 in range(z2 + 1):
                            mask = _load(masks, (z + 1 + n2) * width, row)
                            part = part | (mask & planes[plane, n * (z2 + 1) + n2])
                        digit = digit | (_load(masks, n * width, row) & part)
                    decided = undecided & (drawn ^ digit)
                    up = up | (decided & digit)
                    undecided = undecided ^ decided
                    plane += 1
                if plane >= 64 or not _any(undecided):
                    break
                stop = min(64, stop + AGAIN)
            _store(flat, site * width, up)


def heat_bath_sweep(
    words: np.ndarray,
    near: np.ndarray,
    second: np.ndarray,
    probabilities: np.ndarray,
    *,
    seeds: np.ndarray,
    sweeps: int,
) -> None:
    """Heat bath on any table of neighbours, in place and in raster order.

    Args:
        words: spins, as in `sweep`.
        near: nearest neighbours, int32 `(site, z)`, z <= 31.
        second: neighbours of another coupling, int32 `(site, z')`; z' may be 0.
        probabilities: of +1, given how many of either kind are up, `(z + 1, z' + 1)`.
        seeds: states of the generators, as in `sweep`.
        sweeps: how often.
    """
    row = (0,) * words.shape[-1]
    planes = threshold_planes(probabilities.ravel().tolist())
    for block, seed in zip(words, seeds, strict=True):
        _heat_bath_sweep(block, near, second, planes, seed, sweeps, row)


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
def _gather(rows: Any, words: Any, first: Any, column: Any) -> None:
    """Transposed words of 64 sites: row r is replica r, its first site the top bit."""
    rows[:] = 0
    for k in range(min(64, len(words) - first)):
        rows[63 - k] = words[first + k, column]
    _transpose(rows)


@njit
def _scatter(rows: Any, words: Any, first: Any, column: Any) -> None:
    """The inverse of `_gather`."""
    _transpose(rows)
    for k in range(min(64, len(words) - first)):
        words[first + k, column] = rows[63 - k]


@njit(nogil=True, cache=True)
def pack(words: Any) -> Any:
    """Rows as `np.packbits` writes them, uint8 `(replica, bytes)`, from the words.

    Args:
        words: spins, uint64 `(block, site, word)`.
    """
    blocks, sites, width = words.shape
    packed = np.empty((blocks * width, 64, (sites + 7) // 8), dtype=np.uint8)
    rows = np.empty(64, dtype=np.uint64)
    for tile in range(0, sites, TILE):
        for column in range(blocks * width):
            block = words[column // width]
            for first in range(tile, min(tile + TILE, sites), 64):
                _gather(rows, block, first, column % width)
                inside = (min(64, sites - first) + 7) // 8
                for r in range(64):
                    for byte in range(inside):
                        digits = rows[r] >> np.uint64(56 - 8 * byte)
                        packed[column, r, first // 8 + byte] = digits
    return packed.reshape(-1, packed.shape[2])


@njit(nogil=True, cache=True)
def unpack(packed: Any, sites: Any, width: Any) -> Any:
    """The words `(block, site, word)` of rows as `np.packbits` writes them.

    Args:
        packed: uint8 `(replica, bytes)`, a multiple of `64 width` replicas.
        sites: sites per replica, at most `8 bytes`.
        width: words per site of one block.
    """
    columns = len(packed) // 64
    words = np.empty((columns // width, sites, width), dtype=np.uint64)
    rows = np.empty(64, dtype=np.uint64)
    for tile in range(0, sites, TILE):
        for column in range(columns):
            block = words[column // width]
            for first in range(tile, min(tile + TILE, sites), 64):
                rows[:] = 0
                inside = (min(64, sites - first) + 7) // 8
                for r in range(64):
                    for byte in range(inside):
                        digits = np.uint64(packed[64 * column + r, first // 8 + byte])
                        rows[r] |= digits << np.uint64(56 - 8 * byte)
                _scatter(rows, block, first, column % width)
    return words
