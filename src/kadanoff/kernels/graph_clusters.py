"""Ising and Potts on any table of neighbours: clusters and a heat bath.

Swendsen–Wang (Phys. Rev. Lett. 58, 86 (1987)) and Wolff (Phys. Rev. Lett. 62, 361
(1989)) for the weight Π_bonds e^{J δ(s_i, s_j)}, J >= 0: a bond between equal values
opens with probability 1 - e^{-J}, and every cluster of open bonds takes a new value.
Bonds come in shells of equal strength. Ising spins have J = 2K.

A field h enters as a bond of strength 2|h| of every spin to a ghost that points along
it (Coniglio et al., J. Phys. A 22, L837 (1989)). The ghost's bonds are summed over,
not drawn: a cluster of n spins s then has the weight e^{h n s} of a single big spin.
Wolff's cluster of n aligned spins misses the ghost with probability e^{-2|h|n}, and
the largest size that does is drawn before it is grown.

Clusters are grown one after the other from the first site that is left, and a bond is
drawn when the growth first reaches it: each is asked at most once, so the law is that
of drawing all bonds first. Sites wait in a queue, not on a stack, and join it without a
branch: their loads overlap, and no coin toss is predicted. Union-find is slower.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = [
    "Bonds",
    "Walk",
    "bonds",
    "heat_bath",
    "open_bonds",
    "recolour",
    "thresholds",
    "turn_clusters",
    "walk",
]

U = np.uint64  # unsigned indices: signed ones are first tested for being negative
ONE = np.uint64(1)
ONES = np.uint64(2**64 - 1)
LOW = np.uint64(2**32 - 1)
SCRAMBLE = np.int64(0x5851F42D4C957F2D)  # odd: makes a key of a row


class Walk(NamedTuple):
    """How to step to the neighbours, in less memory than a table of them.

    Few sites differ in where their neighbours are: those next to an edge, and those of
    a cell from each other. The kernels are compiled for the number of neighbours: it
    is the length of a tuple, hence part of its type.

    Attributes:
        kind: which row of `steps` a site has, unsigned `(site,)`.
        steps: change of the index to each neighbour, modulo 2^64; uint64, of every
            kind in turn the first and then the second shell.
        first: as many entries as there are neighbours in the first shell.
        second: the same for the second shell.
    """

    kind: np.ndarray
    steps: np.ndarray
    first: tuple[int, ...]
    second: tuple[int, ...]


class Bonds(NamedTuple):
    """Who may be joined to whom, and how often.

    Attributes:
        walk: steps to the neighbours.
        first: 2^64 times the probability that a bond of the first shell opens.
        second: the same for the second shell.
    """

    walk: Walk
    first: np.uint64
    second: np.uint64


def walk(near: np.ndarray, second: np.ndarray | None = None) -> Walk:
    """The steps of any tables of neighbours `(site, z)`, of one or two shells."""
    beyond = near[:, :0] if second is None else second
    tables = np.concatenate([near, beyond], axis=1)
    steps = tables - np.arange(len(near), dtype=np.int64)[:, None]
    key = steps @ np.cumprod(np.full(steps.shape[1], SCRAMBLE))
    _, start, kind = np.unique(key, return_index=True, return_inverse=True)
    rows = steps[start]
    if not (rows[kind] == steps).all():  # two kinds met by chance in one key
        rows, kind = np.unique(steps, axis=0, return_inverse=True)
    smallest = np.min_scalar_type(len(rows) - 1)
    widths = [(0,) * table.shape[1] for table in (near, beyond)]
    return Walk(kind.ravel().astype(smallest), rows.view(np.uint64).ravel(), *widths)


def bonds(walk: Walk, first: float, second: float = 0.0) -> Bonds:
    """Shells of strengths J >= 0, of at most 64 neighbours each."""
    opening = (U(_threshold(-math.expm1(-strength))) for strength in (first, second))
    return Bonds(walk, *opening)


def thresholds(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities as whole numbers out of 2^64, cut to 64 binary digits."""
    flat = [_threshold(float(p)) for p in probabilities.ravel()]
    return np.array(flat, dtype=np.uint64).reshape(probabilities.shape)


def _threshold(p: float) -> int:
    return min(int(p * 2.0**64), 2**64 - 1)


@njit
def _next(state: Any) -> Any:
    """Advance xoshiro256++ (Blackman & Vigna, ACM TOMS 47, 36 (2021)) by one word."""
    s0, s1, s2, s3 = state
    sum03 = s0 + s3
    drawn = ((sum03 << U(23)) | (sum03 >> U(41))) + s0
    shifted = s1 << U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << U(45)) | (s3 >> U(19))
    return (s0, s1, s2, s3), drawn


@njit
def open_bonds(state: Any, threshold: Any) -> Any:
    """A word of 64 independent bits, each set with probability `threshold` 2^-64.

    All lanes compare a uniform number with the threshold, most significant bit first,
    until none is undecided: 7.3 random words on average, exact to the last bit.
    """
    below, undecided = U(0), ONES
    for plane in range(64):
        state, drawn = _next(state)
        if (threshold >> U(63 - plane)) & ONE:
            below |= undecided & ~drawn
            undecided &= drawn
        else:
            undecided &= ~drawn
        if undecided == U(0):
            break
    return state, below


@njit
def _bits(state: Any, pool: Any, threshold: Any, shell: Any) -> Any:
    """Take a bit for every bond of a shell from the pool, a word and what is left."""
    word, left = pool
    width = U(len(shell))
    if left < width:
        state, word = open_bonds(state, threshold)
        left = U(64)
    # In two steps: a shell may have 64 bonds, and no word is shifted by as many.
    rest = (word >> (width >> ONE)) >> (width - (width >> ONE))
    return state, (rest, left - width), word


@njit
def _join(
    values: Any, old: Any, new: Any, queue: Any, tail: Any, site: Any, steps: Any,
    start: Any, shell: Any, word: Any,
) -> Any:  # fmt: skip
    """Put neighbours of value `old` behind open bonds in the queue and mark them."""
    for k in range(len(shell)):
        other = site + steps[start + U(k)]
        value = values[other]
        joins = U(value == old) & (word >> U(k)) & ONE
        values[other] = new if joins else value
        queue[tail] = other
        tail += joins
    return tail


@njit
def _share(drawn: Any, count: Any) -> Any:
    """⌊count drawn 2^-64⌋: uniform below `count` < 2^32 but for 2^-64."""
    high = (drawn >> U(32)) * count
    low = (drawn & LOW) * count
    return (high + (low >> U(32))) >> U(32)


@njit
def _fraction(drawn: Any) -> Any:
    """A uniform number in (0, 1), 53 digits."""
    return ((drawn >> U(11)) + 0.5) * 2.0**-53


@njit
def _up(drawn: Any, pull: Any) -> Any:
    """True with probability 1/(1 + e^{-2 pull})."""
    return _fraction(drawn) * (1.0 + math.exp(-2.0 * pull)) < 1.0


@njit(nogil=True, cache=True)
def recolour(
    values: Any, bonds: Any, palette: Any, reached: Any, field: Any, seed: Any,
    sweeps: Any,
) -> None:  # fmt: skip
    """Give every cluster of every replica a new value, `sweeps` times, in place.

    Args:
        values: `(replica, site)`, entries of the palette.
        bonds: which bonds open.
        palette: the values there are, `(q,)`.
        reached: a number of the same type that is not one of them.
        field: h, for the palette -1, 1 only; else 0.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        sweeps: how often.
    """
    (kind, steps, first, second), opening, opening2 = bonds
    state = (seed[0], seed[1], seed[2], seed[3])
    colours = U(palette.size)
    width = U(len(first) + len(second))
    unreached = np.empty_like(values[0])
    queue = np.empty(values.shape[1] + 1, dtype=np.uint32)
    pool = pool2 = (U(0), U(0))
    for _ in range(sweeps):
        for replica in range(values.shape[0]):
            lattice = values[replica]
            unreached[:] = lattice
            head = tail = U(0)
            for seedling in range(U(0), U(values.shape[1])):
                old = unreached[seedling]
                if old == reached:
                    continue
                state, drawn = _next(state)
                new = palette[_share(drawn, colours)]
                begin = tail
                unreached[seedling] = reached
                queue[tail] = seedling
                tail += ONE
                while head < tail:
                    site = U(queue[head])
                    head += ONE
                    lattice[site] = new
                    start = U(kind[site]) * width
                    state, pool, word = _bits(state, pool, opening, first)
                    tail = _join(
                        unreached, old, reached, queue, tail, site, steps, start,
                        first, word,
                    )  # fmt: skip
                    start += U(len(first))
                    state, pool2, word = _bits(state, pool2, opening2, second)
                    tail = _join(
                        unreached, old, reached, queue, tail, site, steps, start,
                        second, word,
                    )  # fmt: skip
                if field != 0.0:
                    # The size had to be known first: `new` was a fair coin.
                    state, drawn = _next(state)
                    up = _up(drawn, field * float(tail - begin))
                    for member in range(begin, tail):
                        lattice[queue[member]] = palette[U(up)]


@njit(nogil=True, cache=True)
def turn_clusters(
    values: Any, bonds: Any, palette: Any, field: Any, seed: Any, clusters: Any
) -> Any:
    """Give `clusters` clusters of every replica another value, in place.

    In a field a cluster may stay as it was.

    Args:
        values: `(replica, site)`, entries of the palette.
        bonds: which bonds open.
        palette: the values there are, `(q,)`.
        field: h, for the palette -1, 1 only; else 0.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        clusters: how many per replica.

    Returns:
        Number of sites turned.
    """
    (kind, steps, first, second), opening, opening2 = bonds
    state = (seed[0], seed[1], seed[2], seed[3])
    others = U(palette.size - 1)
    last = palette[palette.size - 1]
    sites = U(values.shape[1])
    width = U(len(first) + len(second))
    queue = np.empty(values.shape[1] + 1, dtype=np.uint32)
    pool = pool2 = (U(0), U(0))
    turned = U(0)
    for replica in range(values.shape[0]):
        lattice = values[replica]
        for _ in range(clusters):
            state, drawn = _next(state)
            seedling = _share(drawn, sites)
            old = lattice[seedling]
            state, drawn = _next(state)
            new = palette[_share(drawn, others)]
            if new == old:
                new = last
            largest = float(sites)
            if field * old > 0.0:
                state, drawn = _next(state)
                largest = -math.log(_fraction(drawn)) / (2.0 * abs(field))
            lattice[seedling] = new
            queue[U(0)] = seedling
            head, tail = U(0), ONE
            while head < tail and float(tail) <= largest:
                site = U(queue[head])
                head += ONE
                start = U(kind[site]) * width
                state, pool, word = _bits(state, pool, opening, first)
                tail = _join(
                    lattice, old, new, queue, tail, site, steps, start, first, word
                )
                start += U(len(first))
                state, pool2, word = _bits(state, pool2, opening2, second)
                tail = _join(
                    lattice, old, new, queue, tail, site, steps, start, second, word
                )
            if float(tail) > largest:  # tied to the ghost
                for member in range(U(0), tail):
                    lattice[queue[member]] = old
            else:
                turned += tail
    return turned


@njit(nogil=True, cache=True)
def heat_bath(spins: Any, walk: Any, up: Any, seed: Any, sweeps: Any) -> None:
    """Draw every spin of every replica anew in raster order, in place.

    Args:
        spins: ±1, int8 `(replica, site)`.
        walk: steps to the neighbours.
        up: 2^64 times the probability of +1 given the numbers of nearest and of second
            neighbours up, uint64 `(z + 1, z' + 1)`.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        sweeps: how often.
    """
    kind, steps, first, second = walk
    state = (seed[0], seed[1], seed[2], seed[3])
    width, row = U(len(first) + len(second)), U(up.shape[1])
    table = up.ravel()
    for _ in range(sweeps):
        for replica in range(spins.shape[0]):
            lattice = spins[replica]
            for site in range(U(0), U(spins.shape[1])):
                start = U(kind[site]) * width
                n = m = U(0)
                for k in range(len(first)):
                    n += U(lattice[site + steps[start + U(k)]] > 0)
                start += U(len(first))
                for k in range(len(second)):
                    m += U(lattice[site + steps[start + U(k)]] > 0)
                state, drawn = _next(state)
                spin = np.int8(drawn < table[n * row + m])
                lattice[site] = spin + spin - np.int8(1)
