"""One large lattice in words: bit for bit the slow twin, and Kaufman's torus."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from kadanoff.exact.kaufman import torus
from kadanoff.kernels import large as kernel
from kadanoff.models.ising import Ising
from kadanoff.samplers.large import Large

K_C = math.log1p(math.sqrt(2)) / 2
U = np.uint64


# The slow twin: plain ±1 spins, plain numbers, the same random bits -------------------


def xoshiro(state: np.ndarray) -> Iterator[np.ndarray]:
    """xoshiro256++ 1.0 (prng.di.unimi.it), one generator per column of `(4, n)`."""
    s = [row.copy() for row in state]

    def rotated(x: np.ndarray, k: int) -> np.ndarray:
        return (x << U(k)) | (x >> U(64 - k))

    while True:
        yield rotated(s[0] + s[3], 23) + s[0]
        t = s[1] << U(17)
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)


def bits_of(words: np.ndarray) -> np.ndarray:
    """Bits of words `(n,)` as bool `(n, 64)`, the lowest first."""
    return ((words[:, None] >> np.arange(64, dtype=U)) & U(1)).astype(bool)


def drawn_below(
    chances: np.ndarray, matters: np.ndarray, words: Iterator[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Whether uniform numbers are below `chances` `(word, bit)`, and their first digit.

    Numbers are drawn digit by digit, until all that matter differ from their threshold
    where the kernel looks, and compared whole.
    """
    threshold = np.array([int(q * 2.0**64) for q in chances.ravel()], dtype=U)
    threshold = threshold.reshape(chances.shape)
    number, digits, look = np.zeros_like(threshold), 0, 8 + len(chances).bit_length()
    while True:
        number = (number << U(1)) | bits_of(next(words))
        digits += 1
        if digits == look:
            prefix = threshold >> U(64 - digits)
            if digits == 64 or not (matters & (number == prefix)).any():
                return number < prefix, number >> U(digits - 1) == 1
            look = min(64, look + kernel.AGAIN)


def heat_bath(
    field: np.ndarray, coupling: float, words: Iterator[np.ndarray]
) -> np.ndarray:
    """New spins `(word, bit)` in the field Σ s_j: against K Σ s_j with probability q.

    In no field the first digit decides, 1 for the sign of K.
    """
    sign = 1 if coupling >= 0 else -1
    boltzmann = np.exp(-2 * np.abs(coupling * field))
    chances = boltzmann / (1 + boltzmann)
    below, first = drawn_below(chances, field != 0, words)
    free = np.where(first, sign, -sign)
    return np.where(field == 0, free, sign * np.sign(field) * np.where(below, -1, 1))


def slow_sweep(
    spins: np.ndarray, coupling: float, words: Iterator[np.ndarray], width: int
) -> None:
    """Black, then white, of spins `(row, column)`, in place.

    Rows in the order of the kernel, white two rows behind black; each finds the other
    colour as if black had been updated everywhere before white.
    """
    rows, columns = spins.shape
    stride = columns // 64
    updates = np.zeros((2, rows), dtype=int)
    turns = [(0, (t - 1) % rows) for t in range(rows)]
    whites = [(1, i) for i in range(rows)]
    order = turns[:2]
    for black, white in zip([*turns[2:], None, None], whites, strict=True):
        order += [turn for turn in (black, white) if turn is not None]
    for colour, i in order:
        around = updates[1 - colour, [i - 1, i, (i + 1) % rows]]
        assert (around == colour).all()
        updates[colour, i] += 1
        first = range((i + colour) % 2, stride, 2 * width)
        for w in first:
            vector = w + 2 * np.arange(width)
            place = np.add.outer(vector, stride * np.arange(64))
            field = sum(np.roll(spins, s, axis) for s in (1, -1) for axis in (0, 1))
            spins[i, place] = heat_bath(np.asarray(field)[i, place], coupling, words)


@pytest.mark.parametrize(
    ("shape", "coupling"),
    [
        ((2, 128), K_C),  # double bonds, one word of each colour
        ((4, 256), -0.3),
        ((6, 384), 0.2),  # vectors of three words
        ((4, 1024), K_C),
        ((6, 1152), 0.0),  # three vectors of three words
        ((2, 2048), -K_C),  # two vectors of eight
    ],
)
def test_bit_for_bit_as_the_slow_twin(shape: tuple[int, int], coupling: float) -> None:
    fast = Large(Ising(shape), coupling, replicas=2)
    state = fast.init(rng=np.random.default_rng(3))
    slow = fast.spins(state)
    after = fast.step(state, rng=np.random.default_rng(4), sweeps=4)

    width = kernel.vector_width(shape[1] // 128)
    seeds = np.random.default_rng(4).integers(0, 2**64, size=(2, 4, width), dtype=U)
    for lattice, seed in zip(slow, seeds, strict=True):
        words = xoshiro(seed)
        for _ in range(4):
            slow_sweep(lattice, coupling, words, width)
    assert (fast.spins(after) == slow).all()
    assert (fast.spins(state) != slow).any()


def test_vectors_are_as_wide_as_they_can() -> None:
    widths = [kernel.vector_width(words) for words in (1, 2, 3, 8, 9, 10, 11, 32, 256)]
    assert widths == [1, 2, 3, 8, 3, 5, 1, 8, 8]


# The exact torus ----------------------------------------------------------------------

BURN_IN = 2500  # 16×128 at K_c needs some 1500 from all-up


def energies(shape: tuple[int, int], coupling: float, replicas: int) -> np.ndarray:
    """Energies per site `(draw, replica)` in equilibrium, all-up at the start."""
    sampler = Large(Ising(shape), coupling, replicas)
    rng = np.random.default_rng(5)
    cold = np.ones((replicas, *shape), dtype=np.int8)
    state = sampler.step(sampler.init(rng=rng, values=cold), rng=rng, sweeps=BURN_IN)
    draws = []
    for _ in range(40):
        state = sampler.step(state, rng=rng, sweeps=10)
        draws.append(sampler.model.energy(sampler.spins(state)))
    return np.array(draws)


def deviations(
    e: np.ndarray, shape: tuple[int, int], coupling: float
) -> tuple[float, float]:
    """Of mean and variance from the exact ones, in standard errors over replicas."""
    exact = torus(shape, coupling)
    variance = exact.heat_capacity / coupling**2 / math.prod(shape)
    squares = (e - exact.energy) ** 2
    first, second = e.mean(axis=0), squares.mean(axis=0)
    error = [x.std(ddof=1) / math.sqrt(len(x)) for x in (first, second)]
    return (
        abs(first.mean() - exact.energy) / error[0],
        abs(second.mean() - variance) / error[1],
    )


@pytest.mark.parametrize("shape", [(4, 128), (2, 256), (16, 128)])
@pytest.mark.parametrize("coupling", [0.25, 0.38, K_C, -0.38])
def test_energy_and_its_variance_are_the_torus(
    shape: tuple[int, int], coupling: float
) -> None:
    """Level z = 4.5 of 24 numbers, from all-up starts; power: 1 % of K is seen."""
    e = energies(shape, coupling, replicas=256)
    mean, variance = deviations(e, shape, coupling)
    assert mean < 4.5
    assert variance < 4.5
    for wrong in (0.99, 1.01):
        assert deviations(e, shape, wrong * coupling)[0] > 4.5


def test_a_square_of_many_vectors_is_the_torus() -> None:
    """1024×1024 from all-up, level z = 4.5; power: 0.1 % of K is seen."""
    shape, coupling = (1024, 1024), 0.43
    e = energies(shape, coupling, replicas=8)
    assert deviations(e, shape, coupling)[0] < 4.5
    for wrong in (0.999, 1.001):
        assert deviations(e, shape, wrong * coupling)[0] > 4.5


def test_no_coupling_forgets_in_one_sweep() -> None:
    """Fair spins, and none remembers its start or a neighbour: level z = 4.5."""
    sampler = Large(Ising((64, 256)), 0.0, replicas=32)
    rng = np.random.default_rng(6)
    start = sampler.init(rng=rng)
    spins = sampler.spins(sampler.step(start, rng=rng)).astype(int)
    others = [np.ones_like(spins), sampler.spins(start)]
    others += [np.roll(spins, 1, axis) for axis in (0, 1, 2)]
    for other in others:
        assert abs((spins * other).sum()) < 4.5 * math.sqrt(spins.size)


# State --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(2, 128), (4, 384), (2, 128 * 33), (6, 128 * 45), (2, 8192)]
)
def test_packed_is_packbits(shape: tuple[int, int]) -> None:
    sampler = Large(Ising(shape), 0.3, replicas=3)
    rng = np.random.default_rng(7)
    spins = 2 * rng.integers(0, 2, size=(3, *shape), dtype=np.int8) - 1
    state = sampler.init(rng=rng, values=spins)
    assert (sampler.packed(state) == np.packbits(spins.reshape(3, -1) > 0, -1)).all()
    assert (sampler.spins(state) == spins).all()
    assert sampler.spins(state).dtype == np.int8


def test_spins_are_where_the_words_say() -> None:
    sampler = Large(Ising((4, 384)), 0.3, replicas=2)
    state = sampler.init(rng=np.random.default_rng(8))
    spins = sampler.spins(state)
    for replica, row, colour, j, bit in np.ndindex(2, 4, 2, 3, 64):
        column = 6 * bit + 2 * j + (row + colour) % 2
        up = (int(state.words[replica, row, colour, j]) >> bit) & 1
        assert spins[replica, row, column] == 2 * up - 1


def test_a_hot_start_is_fair() -> None:
    """2^18 spins: the level is z = 4.5."""
    sampler = Large(Ising((128, 1024)), 0.3, replicas=2)
    spins = sampler.spins(sampler.init(rng=np.random.default_rng(9)))
    assert abs(spins.sum(dtype=int)) < 4.5 * math.sqrt(spins.size)


def test_a_step_is_pure_and_one_seed_makes_a_run() -> None:
    sampler = Large(Ising((4, 256)), K_C, replicas=2)
    start = sampler.init(rng=np.random.default_rng(10))
    before = start.words.copy()
    first, again = (
        sampler.step(start, rng=np.random.default_rng(11), sweeps=3) for _ in range(2)
    )
    assert (start.words == before).all()
    assert (first.words == again.words).all()
    other = sampler.step(start, rng=np.random.default_rng(12), sweeps=3)
    assert (first.words != other.words).any()
    still = sampler.step(start, rng=np.random.default_rng(11), sweeps=0)
    assert (still.words == before).all()


def test_replicas_have_their_own_random_bits() -> None:
    sampler = Large(Ising((4, 256)), K_C, replicas=8)
    rng = np.random.default_rng(13)
    cold = np.ones((8, 4, 256), dtype=np.int8)
    state = sampler.step(sampler.init(rng=rng, values=cold), rng=rng)
    assert len(np.unique(sampler.packed(state), axis=0)) == 8


# Refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "got"),
    [
        ((3, 128), r"\(3, 128\)"),
        ((128, 64), r"\(128, 64\)"),
        ((128, 192), r"\(128, 192\)"),
        ((128,), r"\(128,\)"),
        ((4, 4, 128), r"\(4, 4, 128\)"),
    ],
)
def test_shapes_that_do_not_fit_words(shape: tuple[int, ...], got: str) -> None:
    rule = "an even number of rows and a multiple of 128 columns, got shape "
    with pytest.raises(ValueError, match=f"{rule}{got}.*'multispin' or 'heat-bath'"):
        Large(Ising(shape), 0.4)


@pytest.mark.parametrize(
    "model",
    [
        Ising((4, 128), "triangular"),
        Ising((4, 128), field=0.1),
        Ising((4, 128), second=0.1),
    ],
)
def test_other_models_are_for_the_heat_bath(model: Ising) -> None:
    with pytest.raises(ValueError, match=r"'bit-packed' is written for .*'heat-bath'"):
        Large(model, 0.4)


def test_bad_settings() -> None:
    model = Ising((4, 128))
    with pytest.raises(ValueError, match="finite number, got nan"):
        Large(model, math.nan)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Large(model, 0.4, 0)
    sampler = Large(model, 0.4)
    rng = np.random.default_rng(14)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        sampler.step(sampler.init(rng=rng), rng=rng, sweeps=-1)
    with pytest.raises(ValueError, match=r"\(1, 4, 128\), got \(4, 128\)"):
        sampler.init(rng=rng, values=np.ones((4, 128), dtype=np.int8))
