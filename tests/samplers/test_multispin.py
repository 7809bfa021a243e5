"""Multi-spin sampling: bit for bit the slow twin, independent replicas, exact masks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from kadanoff.exact.enumerate import all_states
from kadanoff.kernels import multispin as kernel
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import neighbours
from kadanoff.samplers.multispin import Multispin, MultispinHeatBath

K_C = 0.440686793509772
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
    """Bits of words `(n,)` in the order of the replicas, `(64 n,)`."""
    return ((words[:, None] >> np.arange(64, dtype=U)) & U(1)).ravel()


def is_below(thresholds: np.ndarray, words: Iterator[np.ndarray]) -> np.ndarray:
    """Whether a uniform 64-bit number is below its threshold, lane by lane.

    Numbers are drawn digit by digit, as many as the kernel draws, and compared whole.
    """
    width = len(thresholds) // 64
    number, digits, look = np.zeros_like(thresholds), 0, 9 + width.bit_length() - 1
    while True:
        number = (number << U(1)) | bits_of(next(words))
        digits += 1
        if digits == min(look, 64):
            prefix = thresholds >> U(64 - digits)
            if digits == 64 or not (number == prefix).any():
                return number < prefix
            look += kernel.AGAIN


def slow_sweep(
    spins: np.ndarray,
    coupling: float,
    words: Iterator[np.ndarray],
    chance: Callable[[float], float],
) -> None:
    """One raster sweep, in place, of spins `(replica, *shape)`.

    A spin with x = K s_i Σ_j s_j flips with probability `chance(x)`.
    """
    sides = spins.shape[1:]
    for site in itertools.product(*map(range, sides)):
        field = np.zeros(len(spins), dtype=int)
        for axis, step in itertools.product(range(len(sides)), (-1, 1)):
            other = list(site)
            other[axis] = (other[axis] + step) % sides[axis]
            field += spins[(slice(None), *other)]
        x = coupling * (spins[(slice(None), *site)] * field)
        # For x < 0 the kernel draws whether a heat-bath spin stays: e^{-2|x|} again.
        stays = (x < 0) & (chance is heat_bath)
        probability = [
            chance(abs(a) if b else a) for a, b in zip(x, stays, strict=True)
        ]
        threshold = np.array([int(p * 2.0**64) for p in probability], dtype=U)
        spins[(slice(None), *site)] *= np.where(
            is_below(threshold, words) ^ stays, -1, 1
        )


def metropolis(x: float) -> float:
    return (1 - 2.0**-8) * min(1.0, math.exp(-2 * x))


def heat_bath(x: float) -> float:
    return math.exp(-2 * x) / (1 + math.exp(-2 * x))


def test_the_twin_has_the_published_generator() -> None:
    """Outputs from the state 1, 2, 3, 4: the test vector of Rust's rand_xoshiro."""
    words = xoshiro(np.array([[1], [2], [3], [4]], dtype=U))
    first = [int(next(words)[0]) for _ in range(5)]
    assert first[:2] == [41943041, 58720359]
    assert first[2:4] == [3588806011781223, 3591011842654386]
    assert first[4] == 9228616714210784205


@pytest.mark.parametrize("replicas", [192, 512])
@pytest.mark.parametrize(
    ("sampler", "chance", "shape", "coupling"),
    [
        (Multispin, metropolis, (3, 5), 0.44),
        (Multispin, metropolis, (2, 4), -0.3),
        (Multispin, metropolis, (2, 2, 3), 0.2),
        (Multispin, metropolis, (2, 2, 2, 2), 0.15),
        (MultispinHeatBath, heat_bath, (7,), 0.6),
        (MultispinHeatBath, heat_bath, (4, 3), 0.44),
        (MultispinHeatBath, heat_bath, (2, 3, 2), -0.25),
    ],
)
def test_bit_for_bit_as_the_slow_twin(
    sampler: Any,
    chance: Callable[[float], float],
    shape: tuple[int, ...],
    coupling: float,
    replicas: int,
) -> None:
    fast = sampler(Ising(shape), coupling, replicas)
    state = fast.init(rng=np.random.default_rng(3))
    slow = fast.spins(state)
    state = fast.step(state, rng=np.random.default_rng(4), sweeps=3)

    width = state.words.shape[-1]
    blocks = state.words.shape[0]
    size = (blocks, 4, width)
    seeds = np.random.default_rng(4).integers(0, 2**64, size=size, dtype=U)
    for block, seed in zip(np.split(slow, blocks), seeds, strict=True):
        words = xoshiro(seed)
        for _ in range(3):
            slow_sweep(block, coupling, words, chance)
    assert (fast.spins(state) == slow).all()


# Masks: independent bits of the right frequency ---------------------------------------

UP, DOWN = -2, -1  # two frozen sites behind the lattice
SITES = 8000


def masks(dynamics: kernel.Dynamics, satisfied: int) -> np.ndarray:
    """Flips `(site, lane)` of up spins that see frozen spins only, two dimensions."""
    words = np.full((1, SITES + 2, 8), 2**64 - 1, dtype=U)
    words[0, DOWN] = 0
    near = np.full((SITES, 4), SITES + 2 + DOWN, dtype=np.int32)
    near[:, :satisfied] = SITES + 2 + UP
    seeds = np.random.default_rng(5).integers(0, 2**64, size=(1, 4, 8), dtype=U)
    kernel.sweep(words, near, dynamics, seeds=seeds, sweeps=1)
    flipped = ~words[0, :SITES]
    return np.unpackbits(flipped.view(np.uint8), axis=1, bitorder="little")


def largest_z(flips: np.ndarray, p: float) -> float:
    """Largest deviation, in standard errors, of frequency and nearby correlations."""
    x = (flips - p) / math.sqrt(p * (1 - p))
    pairs = {
        "site": (x[1:], x[:-1]),
        "second site": (x[2:], x[:-2]),
        "lane": (x[:, 1:], x[:, :-1]),
        "word": (x[:, 64:], x[:, :-64]),
    }
    scores = [x.mean() * math.sqrt(x.size)]
    scores += [(a * b).mean() * math.sqrt(a.size) for a, b in pairs.values()]
    per_lane = (x.mean(axis=0) * math.sqrt(len(x))) ** 2
    scores.append((per_lane.sum() - x.shape[1]) / math.sqrt(2 * x.shape[1]))
    return float(np.abs(scores).max())


@pytest.mark.parametrize(
    ("dynamics", "satisfied", "p"),
    [
        (kernel.metropolis(K_C, 2), 2, 1 - 2.0**-8),
        (kernel.metropolis(K_C, 2), 3, metropolis(2 * K_C)),
        (kernel.metropolis(K_C, 2), 4, metropolis(4 * K_C)),
        (kernel.heat_bath(K_C, 2), 2, 0.5),
        (kernel.heat_bath(K_C, 2), 1, heat_bath(-2 * K_C)),
        (kernel.heat_bath(-0.1, 2), 0, heat_bath(0.4)),
    ],
)
def test_masks_are_independent_bits(
    dynamics: kernel.Dynamics, satisfied: int, p: float
) -> None:
    """Level z = 4.5 for six numbers each; power: the control is wrong by 2 % of p."""
    flips = masks(dynamics, satisfied)
    assert largest_z(flips, p) < 4.5
    assert largest_z(flips, 0.98 * p) > 4.5


def test_shared_bits_are_seen() -> None:
    """The control of the correlations: every second lane copies the one before."""
    flips = masks(kernel.metropolis(K_C, 2), 3)
    flips[:, 1::2] = flips[:, ::2]
    assert largest_z(flips, metropolis(2 * K_C)) > 100


@pytest.mark.parametrize("p", [0.0, 2.0**-64, 0.1, 1 / 3, 0.5, 1 - 2.0**-53])
def test_thresholds_hold_every_digit(p: float) -> None:
    planes = kernel.threshold_planes([p])
    assert set(np.unique(planes)) <= {0, 2**64 - 1}
    digits = sum(int(plane > 0) << (63 - k) for k, plane in enumerate(planes[:, 0]))
    assert digits == int(p * 2.0**64)


# Replicas -----------------------------------------------------------------------------


def design_effect(m2: np.ndarray) -> float:
    """Variance of group means over that of independent members, `(group, member)`."""
    return float(m2.mean(axis=1).var(ddof=1) * m2.shape[1] / m2.var(ddof=1))


def squared_magnetization(words: np.ndarray) -> np.ndarray:
    """m² as `(block, word, bit)` of `(block, site, word)`."""
    bits = (words[..., None] >> np.arange(64, dtype=U)) & U(1)
    return (2.0 * bits.mean(axis=1) - 1) ** 2


def test_replicas_are_independent() -> None:
    """All start all-up; later the members of a word, and of a bit, do not know.

    The design effect of G independent groups is 1 ± √(2/G): 1024 words give 4.4 %,
    the level is 4.5 of it. Seeds shared by the 16 words of a block (the control) make
    their replicas identical and the effect 16.
    """
    sampler = Multispin(Ising((8, 8)), K_C, replicas=1024 * 64)
    rng = np.random.default_rng(6)
    cold = np.ones((sampler.replicas, 8, 8), dtype=np.int8)
    state = sampler.step(sampler.init(rng=rng, values=cold), rng=rng, sweeps=40)
    m2 = squared_magnetization(state.words)
    assert abs(design_effect(m2.reshape(-1, 64)) - 1) < 4.5 * math.sqrt(2 / 1024)
    by_bit = m2.swapaxes(1, 2).reshape(-1, 16)
    assert abs(design_effect(by_bit) - 1) < 4.5 * math.sqrt(2 / 4096)

    words = sampler.init(rng=rng, values=cold).words
    shared = rng.integers(0, 2**64, size=(len(words), 4, 1), dtype=U)
    seeds = np.repeat(shared, 16, axis=2)
    near, dynamics = neighbours("square", (8, 8)), kernel.metropolis(K_C, 2)
    kernel.sweep(words, near, dynamics, seeds=seeds, sweeps=40)
    m2 = squared_magnetization(words).swapaxes(1, 2).reshape(-1, 16)
    assert design_effect(m2) == pytest.approx(16, rel=0.01)


def test_lanes_differ_after_one_step() -> None:
    sampler = Multispin(Ising((16, 16)), K_C, replicas=512)
    rng = np.random.default_rng(7)
    state = sampler.init(rng=rng, values=np.ones((512, 16, 16), dtype=np.int8))
    packed = sampler.packed(sampler.step(state, rng=rng))
    assert len(np.unique(packed, axis=0)) == 512


# Ergodicity ---------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [Multispin, MultispinHeatBath])
def test_all_states_are_visited_from_all_up(sampler: Any) -> None:
    kernel_of_law = sampler(Ising((2, 3)), 0.3, replicas=64)
    rng = np.random.default_rng(8)
    state = kernel_of_law.init(rng=rng, values=np.ones((64, 2, 3), dtype=np.int8))
    seen: set[int] = set()
    for _ in range(200):
        state = kernel_of_law.step(state, rng=rng)
        seen |= set(kernel_of_law.packed(state)[:, 0].tolist())
    assert len(seen) == 2**6


def test_laziness_opens_closed_cycles() -> None:
    """On 3×3 the checkerboard is a closed cycle of Metropolis in raster order."""
    board = np.array([[-1, 1, -1], [1, -1, 1], [-1, 1, -1]], dtype=np.int8)
    sampler = Multispin(Ising((3, 3)), 0.4, replicas=64)
    rng = np.random.default_rng(9)
    start = sampler.init(rng=rng, values=np.broadcast_to(board, (64, 3, 3)))
    packed = sampler.packed(sampler.step(start, rng=rng, sweeps=400))
    assert len(np.unique(packed, axis=0)) > 10

    q = [1.0, math.exp(-1.6), math.exp(-3.2)]  # the control is not lazy
    dynamics = kernel.metropolis(0.4, 2)._replace(planes=kernel.threshold_planes(q))
    words, near = start.words.copy(), neighbours("square", (3, 3))
    seeds = rng.integers(0, 2**64, size=(1, 4, 1), dtype=U)
    kernel.sweep(words, near, dynamics, seeds=seeds, sweeps=400)
    assert (words == start.words).all()  # turned over 400 times


def test_heat_bath_at_infinite_temperature_forgets_in_one_sweep() -> None:
    """All 2^6 states are equally likely: χ² of 63 degrees, level z = 4.5."""
    sampler = MultispinHeatBath(Ising((2, 3)), 0.0, replicas=512 * 9)
    rng = np.random.default_rng(10)
    cold = np.ones((sampler.replicas, 2, 3), dtype=np.int8)
    state = sampler.step(sampler.init(rng=rng, values=cold), rng=rng)
    counts = np.bincount(sampler.packed(state)[:, 0] >> 2, minlength=64)
    expected = sampler.replicas / 64
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert abs(statistic - 63) < 4.5 * math.sqrt(2 * 63)


# Words --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (8, 8), (5, 13), (9, 128), (2, 3, 11)])
@pytest.mark.parametrize("replicas", [64, 128, 192, 512, 1024])
def test_packed_is_packbits(shape: tuple[int, ...], replicas: int) -> None:
    sampler = MultispinHeatBath(Ising(shape), 0.3, replicas)
    rng = np.random.default_rng(11)
    spins = 2 * rng.integers(0, 2, size=(replicas, *shape), dtype=np.int8) - 1
    state = sampler.init(rng=rng, values=spins)
    expected = np.packbits(spins.reshape(replicas, -1) > 0, axis=-1)
    assert (sampler.packed(state) == expected).all()
    assert (sampler.spins(state) == spins).all()
    assert sampler.spins(state).dtype == np.int8


def test_replica_order_is_as_documented() -> None:
    sampler = MultispinHeatBath(Ising((2, 2)), 0.3, replicas=192)
    state = sampler.init(rng=np.random.default_rng(12))
    spins = sampler.spins(state).reshape(192, 4)
    blocks, _, width = state.words.shape
    for block, word, bit in np.ndindex(blocks, width, 64):
        bits = (state.words[block, :, word] >> U(bit)) & U(1)
        replica = 64 * (width * block + word) + bit
        assert (2 * bits.astype(int) - 1 == spins[replica]).all()


def test_states_enumerate_in_the_order_of_packed_rows() -> None:
    states = all_states(6).reshape(64, 2, 3)
    sampler = MultispinHeatBath(Ising((2, 3)), 0.3, replicas=64)
    state = sampler.init(rng=np.random.default_rng(13), values=states)
    assert (sampler.packed(state)[:, 0] >> 2 == np.arange(64)).all()


@pytest.mark.parametrize("sampler", [Multispin, MultispinHeatBath])
def test_replicas_come_in_words(sampler: Any) -> None:
    with pytest.raises(ValueError, match="whole words of 64, got 100; use 128"):
        sampler(Ising((4, 4)), 0.4, 100)
