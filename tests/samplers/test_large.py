"""One large lattice in words: bit for bit the slow twin, and the exact torus.

The exact torus is Kaufman's energy, its variance and P(E), and on two and four rows the
transfer matrix along the lattice: it draws independent configurations of the law, and
on two rows it gives the joint law of energy and magnetization.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.exact.density import energy_law
from kadanoff.exact.enumerate import all_states
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


# The exact law of narrow tori ---------------------------------------------------------

DRAWS, SWEEPS = 10_000, 5
NARROW = [((2, 128), K_C), ((4, 128), 0.38), ((2, 384), -0.4)]


def transfer(rows: int, coupling: float) -> np.ndarray:
    """e^{-K E} of a column of spins and its bonds to the next one, `(state, state)`."""
    columns = all_states(rows).astype(int)
    inside = (columns * np.roll(columns, -1, axis=1)).sum(axis=1)
    return np.exp(coupling * (inside[:, None] + columns @ columns.T))


@cache
def exact_draws(shape: tuple[int, int], coupling: float, count: int) -> np.ndarray:
    """Independent draws `(count, *shape)`: a closed walk of columns, one after one."""
    rng = np.random.default_rng(17)
    step = transfer(shape[0], coupling)
    step /= np.linalg.eigvalsh(step).max()
    back = [np.eye(len(step))]  # what the rest of the ring weighs
    for _ in range(shape[1]):
        back.append(step @ back[-1])
    start = np.diag(back[-1]) / np.trace(back[-1])
    first = rng.choice(len(step), count, p=start)
    walk = [first]
    for left in range(shape[1] - 1, 0, -1):
        weight = (step[walk[-1]] * back[left][:, first].T).cumsum(axis=1)
        aim = rng.random((count, 1)) * weight[:, -1:]
        walk.append((weight < aim).sum(axis=1))
    return all_states(shape[0])[np.stack(walk, axis=1)].swapaxes(1, 2)


def chi_square(seen: np.ndarray, law: np.ndarray) -> float:
    """p-value of places in a law; those due less than 10 times are joined."""
    due = law.ravel() * len(seen)
    counts, often = np.bincount(seen, minlength=len(due)), due >= 10
    counts, due = (np.append(x[often], x[~often].sum()) for x in (counts, due))
    return float(chi2.sf(((counts - due) ** 2 / due).sum(), len(due) - 1))


def energy_place(spins: np.ndarray) -> np.ndarray:
    """j of E = -2N + 4j."""
    model = Ising(spins.shape[1:])
    total = np.rint(model.energy(spins) * model.geometry.size).astype(int)
    return (total + 2 * model.geometry.size) // 4


@cache
def joint_law(length: int, coupling: float) -> np.ndarray:
    """P(E, M) of two rows, `(j, k)` with E = -2N + 4j and M = -N + 2k.

    Z with a phase for every step of j and of k is the characteristic function; two
    Fourier transforms invert it.
    """
    columns = all_states(2).astype(int)
    inside, sum_ = 2 * columns.prod(axis=1), columns.sum(axis=1)
    steps = (4 - inside[:, None] - columns @ columns.T) / 4
    ups = ((sum_ + 2) / 2)[:, None] + np.zeros(4)
    size = 2 * length + 1
    phase = 2j * np.pi * np.arange(size) / size
    weight = np.exp(coupling * 4 * (1 - steps))
    weight /= np.linalg.eigvalsh(transfer(2, coupling)).max()
    tilted = np.exp(np.multiply.outer(phase, steps))[:, None] * weight
    tilted = tilted * np.exp(np.multiply.outer(phase, ups))
    z = np.trace(np.linalg.matrix_power(tilted, length), axis1=-2, axis2=-1)
    law = np.fft.fft2(z).real
    return law / law.sum()


@pytest.mark.parametrize("coupling", [K_C, -0.3])
def test_the_transfer_matrix_is_kaufmans_law(coupling: float) -> None:
    """Two derivations of P(E) at 2×128, to rounding; draws of one have the other."""
    _, law = energy_law((2, 128), coupling)
    assert abs(joint_law(128, coupling).sum(axis=1) - law).max() < 1e-12
    spins = exact_draws((2, 128), coupling, DRAWS)
    assert chi_square(energy_place(spins), law) > 1e-4
    assert chi_square(macrostate(spins), in_cells(joint_law(128, coupling))) > 1e-4


def ups(spins: np.ndarray) -> np.ndarray:
    """k of M = -N + 2k."""
    return (spins.reshape(len(spins), -1) > 0).sum(axis=1)


def cell(j: Any, k: Any) -> Any:
    """Four energies and eight magnetizations of 2×128 together."""
    return j // 4 * 33 + k // 8


def in_cells(law: np.ndarray) -> np.ndarray:
    """What a joint law gives to every cell."""
    j, k = np.indices(law.shape)
    return np.bincount(cell(j, k).ravel(), weights=law.ravel())


def macrostate(spins: np.ndarray) -> np.ndarray:
    """The cell of each configuration."""
    return cell(energy_place(spins), ups(spins))


@pytest.mark.parametrize(("shape", "coupling"), NARROW)
def test_the_law_of_the_energy_is_stationary(
    shape: tuple[int, int], coupling: float
) -> None:
    """Independent exact draws keep their P(E) through five sweeps: level 1e-4.

    Control: a kernel whose coupling is wrong by 2 % is refused at 1e-6.
    """
    draws = exact_draws(shape, coupling, DRAWS)
    _, law = energy_law(shape, coupling)

    def after(wrong: float) -> float:
        sampler = Large(Ising(shape), wrong * coupling, replicas=len(draws))
        rng = np.random.default_rng(18)
        state = sampler.init(rng=rng, values=draws)
        state = sampler.step(state, rng=rng, sweeps=SWEEPS)
        return chi_square(energy_place(sampler.spins(state)), law)

    assert after(1.0) > 1e-4
    for wrong in (0.98, 1.02):
        assert after(wrong) < 1e-6


def worst_moment(spins: np.ndarray, law: np.ndarray) -> float:
    """The largest deviation of ⟨E⟩, ⟨M⟩ and ⟨M²⟩ from a joint law, in errors."""
    size = len(law) - 1
    j, m = np.arange(size + 1), 2.0 * np.arange(size + 1) - size
    of_energy, of_m = law.sum(axis=1), law.sum(axis=0)
    seen = 2.0 * ups(spins) - size
    pairs = [
        (energy_place(spins), of_energy @ j),
        (seen, of_m @ m),
        (seen**2, of_m @ m**2),
    ]
    return max(abs(x.mean() - y) / x.std() * math.sqrt(len(x)) for x, y in pairs)


@pytest.mark.parametrize(("coupling", "sweeps"), [(0.3, 60), (K_C, 300)])
def test_every_macrostate_is_reached_from_all_up(coupling: float, sweeps: int) -> None:
    """P(E, M) of 2×128, one look at each of 10 000 lattices: level 1e-4, z = 4.5.

    All cells that are due 20 times are seen. Controls: three sweeps are too few, and a
    P(E) 2 % off is refused.
    """
    law = joint_law(128, coupling)
    sampler = Large(Ising((2, 128)), coupling, replicas=DRAWS)
    rng = np.random.default_rng(19)
    up = np.ones((DRAWS, 2, 128), dtype=np.int8)
    state = sampler.step(sampler.init(rng=rng, values=up), rng=rng, sweeps=3)
    early = sampler.spins(state)
    assert chi_square(macrostate(early), in_cells(law)) < 1e-6
    assert worst_moment(early, law) > 4.5

    late = sampler.spins(sampler.step(state, rng=rng, sweeps=sweeps))
    assert chi_square(macrostate(late), in_cells(law)) > 1e-4
    assert worst_moment(late, law) < 4.5
    _, wrong = energy_law((2, 128), 1.02 * coupling)
    assert chi_square(energy_place(late), wrong) < 1e-6
    due = in_cells(law) * len(late)
    seen = np.bincount(macrostate(late), minlength=len(due))
    assert (due > 20).sum() > 40
    assert seen[due > 20].min() > 0


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
