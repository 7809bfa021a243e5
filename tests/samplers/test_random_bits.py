"""The random bits of the multi-spin kernels, drawn by the code that samples.

Two kernels, and of each two streams of words `(time, lane)`, one generator per lane:

    raw     the words of xoshiro256++ as a vector of lanes draws them
    masks   bits that are set with probability q = e^{-8K_c} (Metropolis) or
            1/(1 + e^{8K_c}) (heat bath): one sweep of a lattice that is all up

Every test gives the p-value of a statistic under independent bits of that probability
and refuses below 1e-6, on either side where the statistic is χ²: some 50 p-values at
fixed seeds. Every test has a control that it must refuse: a generator with a known
flaw. Ordinary runs see 2^27 bits, slow ones 2^30.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy.stats import chi2, norm, poisson

from kadanoff.kernels import large, multispin
from kadanoff.models.ising import Ising
from kadanoff.samplers.multispin import Multispin

K_C = math.log1p(math.sqrt(2)) / 2
U = np.uint64
LEVEL = 1e-6
KERNELS = ("multispin", "large")
WIDTHS = {"multispin": 16, "large": 8}
METROPOLIS = (1 - multispin.LAZINESS) * math.exp(-8 * K_C)
HEAT_BATH = 1 / (1 + math.exp(8 * K_C))
CHANCES = {"multispin": METROPOLIS, "large": HEAT_BATH}


# The bits as the kernels draw them ----------------------------------------------------


def seeds_of(width: int) -> np.ndarray:
    """States of the generators, drawn as the samplers draw them."""
    return np.random.default_rng(20262).integers(0, 2**64, size=(4, width), dtype=U)


@functools.cache
def driver(module: Any) -> Callable[..., None]:
    """Fill an array with the words that the kernels of a module draw."""
    start, following, store = module._start, module._next, module._store

    @njit
    def fill(words: Any, seeds: Any, row: Any) -> None:
        flat = words.reshape(-1)
        state = start(seeds.reshape(-1), row)
        for t in range(len(words)):
            state, drawn = following(state)
            store(flat, t * len(row), drawn)

    return fill


def raw_words(kernel: str, bits: int) -> np.ndarray:
    width = WIDTHS[kernel]
    words = np.empty((bits // 64 // width, width), dtype=U)
    fill = driver({"multispin": multispin, "large": large}[kernel])
    fill(words, seeds_of(width), (0,) * width)
    return words


def truncated(planes: np.ndarray, digits: int) -> np.ndarray:
    """Probabilities cut to so many binary digits."""
    return np.where(np.arange(64)[:, None] < digits, planes, U(0))


def multispin_masks(bits: int, digits: int = 64) -> np.ndarray:
    """Flips of up spins that see one frozen spin, up, on all four sides."""
    sites = bits // 1024
    words = np.full((1, sites + 1, 16), 2**64 - 1, dtype=U)
    near = np.full((sites, 4), sites, dtype=np.int32)
    dynamics = multispin.metropolis(K_C, 2)
    dynamics = dynamics._replace(planes=truncated(dynamics.planes, digits))
    multispin.sweep(words, near, dynamics, seeds=seeds_of(16)[None], sweeps=1)
    return ~words[0, :sites]


def large_masks(bits: int, digits: int = 64) -> np.ndarray:
    """Down spins of black, which is updated first, after white was all up."""
    words = np.full((bits // 64 // 64, 2, 64), 2**64 - 1, dtype=U)
    bath = large.heat_bath(K_C)
    bath = bath._replace(planes=truncated(bath.planes, digits))
    large.sweep(words, bath, seeds=seeds_of(8), sweeps=1)
    in_turn = np.roll(~words[:, 0], 1, axis=0)
    return in_turn.reshape(-1, 8)


MASKS = {"multispin": multispin_masks, "large": large_masks}


def congruential(bits: int, width: int) -> np.ndarray:
    """A control: x' = a x + c modulo 2^64 (Knuth's MMIX); its low bits repeat soon."""
    a, c = U(6364136223846793005), U(1442695040888963407)
    powers = np.cumprod(np.full((bits // 64 // width, 1), a), axis=0)
    sums = np.cumsum(powers, axis=0) - powers + U(1)  # 1 + a + … + a^t
    return powers * seeds_of(width)[0] + c * sums


def lagged_fibonacci(years: int) -> np.ndarray:
    """A control of birthdays: x_n = x_{n-24} + x_{n-55} modulo 2^32, as one lane."""
    x = np.empty(55 + 24 * (years * 2**12 // 24 + 1), dtype=np.uint32)
    x[:55] = np.random.default_rng(20265).integers(0, 2**32, size=55, dtype=np.uint32)
    for n in range(55, len(x), 24):
        x[n : n + 24] = x[n - 24 : n] + x[n - 55 : n - 31]
    return x[: years * 2**12].view(U)[:, None]


def with_repeated_rows(words: np.ndarray, every: int) -> np.ndarray:
    """A control: one row in `every` comes a second time, 7 rows later."""
    words = words.copy()
    words[7::every] = words[:-7:every]
    return words


def with_equal_digits(words: np.ndarray, every: int) -> np.ndarray:
    """A control: in one row in `every` bits at distance 4 are copies."""
    words = words.copy()
    words[::every] = (words[::every] & U(0x0F0F0F0F0F0F0F0F)) * U(17)
    return words


def with_shared_lanes(words: np.ndarray, every: int) -> np.ndarray:
    """A control: in one row in `every` the second lane is the first."""
    words = words.copy()
    words[::every, 1] = words[::every, 0]
    return words


# Statistics ---------------------------------------------------------------------------


def two_sided(statistic: float, freedom: int) -> float:
    """P-value of χ², too large or too small."""
    tails = chi2.sf(statistic, freedom), chi2.cdf(statistic, freedom)
    return 2 * float(min(tails))


def chi_squared(z: np.ndarray) -> float:
    """P-value of Σ z² over independent standard normal numbers."""
    return two_sided(float((z**2).sum()), z.size)


def ones(words: np.ndarray) -> int:
    return int(np.bitwise_count(words).sum(dtype=np.int64))


def total_frequency(words: np.ndarray, p: float) -> float:
    """All bits together; an error of 6 √(p(1-p)/bits) is seen."""
    bits = 64 * words.size
    return 2 * float(
        norm.sf(abs(ones(words) - p * bits) / math.sqrt(p * (1 - p) * bits))
    )


def frequencies(words: np.ndarray, p: float) -> float:
    """χ² over every bit position of every lane."""
    counts = [((words >> U(k)) & U(1)).sum(axis=0, dtype=np.int64) for k in range(64)]
    scale = math.sqrt(p * (1 - p) * len(words))
    return chi_squared((np.array(counts) - p * len(words)) / scale)


def covariance(a: np.ndarray, b: np.ndarray, p: float) -> float:
    """Σ (x - p)(y - p) over pairs of bits of two arrays, in standard deviations.

    Of any number of pairs that do not repeat the variance is exactly p²(1-p)² each.
    """
    bits = 64 * a.size
    both = ones(a & b) - p * (ones(a) + ones(b)) + p * p * bits
    return both / (p * (1 - p) * math.sqrt(bits))


def lags(words: np.ndarray, p: float) -> float:
    """χ² over lags of 1 … 64, 128, 256, 512 and 1024 rows, all bits together."""
    steps = [*range(1, 65), 128, 256, 512, 1024]
    return chi_squared(np.array([covariance(words[:-s], words[s:], p) for s in steps]))


def positions(words: np.ndarray, p: float) -> float:
    """χ² over distances 1 … 31 between bits of a word (around the word)."""
    turned = ((words << U(s)) | (words >> U(64 - s)) for s in range(1, 32))
    return chi_squared(np.array([covariance(words, other, p) for other in turned]))


def neighbouring_lanes(words: np.ndarray, p: float) -> float:
    """χ² over every pair of lanes, at the same time and the same bit."""
    lanes = range(words.shape[1])
    pairs = [(i, j) for j in lanes for i in range(j)]
    z = [covariance(words[:, i].copy(), words[:, j].copy(), p) for i, j in pairs]
    return chi_squared(np.array(z))


def all_pairs(words: np.ndarray) -> float:
    """χ² over every pair of bits of a row of fair bits, at the same time."""
    rows = words[: 2**14].copy()
    signs = 2 * np.unpackbits(rows.view(np.uint8), axis=1).astype(np.float32) - 1
    sums = signs.T @ signs  # whole numbers below 2^24: exact
    return chi_squared(sums[np.triu_indices(len(sums), 1)] / math.sqrt(len(rows)))


def serial(words: np.ndarray) -> float:
    """Overlapping pairs of bytes that follow each other in time, in a ring.

    ψ₂² - ψ₁² of cell counts is χ² with 2^16 - 2^8 degrees of freedom (I. J. Good,
    Proc. Camb. Phil. Soc. 49, 276 (1953)).
    """
    bytes_ = words.view(np.uint8).reshape(len(words), -1)
    singles, pairs = np.zeros(2**8), np.zeros(2**16)
    for column in bytes_.T.astype(np.int64):
        singles += np.bincount(column, minlength=2**8)
        pairs += np.bincount(2**8 * column + np.roll(column, -1), minlength=2**16)
    psi = [(n**2).sum() * len(n) / n.sum() - n.sum() for n in (singles, pairs)]
    return two_sided(psi[1] - psi[0], 2**16 - 2**8)


def birthdays(words: np.ndarray) -> dict[str, float]:
    """Marsaglia's birthday spacings, of the total and of the distribution over years.

    A year has 2^32 days and m = 2^12 birthdays, half words of one lane in a row. The
    number of equal spacings is Poisson of mean m³/(4 · 2^32) = 4. Two p-values: of the
    sum over all years, and of χ² over years with 0, 1, …, 11, 12 or more.
    """
    years = words.T.copy().view(np.uint32).reshape(-1, 2**12)
    spacings = np.sort(np.diff(np.sort(years, axis=1), axis=1), axis=1)
    equal = (np.diff(spacings, axis=1) == 0).sum(axis=1)
    total, mean = int(equal.sum()), 4.0 * len(years)
    law = poisson.pmf(np.arange(12), 4.0)
    law = np.append(law, 1 - law.sum()) * len(years)
    counts = np.bincount(np.minimum(equal, 12), minlength=13)
    distance = ((counts - law) ** 2 / law).sum()
    return {
        "sum": 2 * float(min(poisson.sf(total - 1, mean), poisson.cdf(total, mean))),
        "distribution": two_sided(distance, 12),
    }


# Tests --------------------------------------------------------------------------------

STATISTICS = [total_frequency, frequencies, lags, positions, neighbouring_lanes]
SIZES = [(kernel, 2**27) for kernel in KERNELS]
LARGE_SIZES = [(kernel, 2**30) for kernel in KERNELS]
CASES = [
    *SIZES,
    *(pytest.param(case, marks=pytest.mark.slow) for case in LARGE_SIZES),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def raw(request: pytest.FixtureRequest) -> np.ndarray:
    return raw_words(*request.param)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def mask(request: pytest.FixtureRequest) -> tuple[np.ndarray, float]:
    kernel, bits = request.param
    return MASKS[kernel](bits), CHANCES[kernel]


@pytest.mark.parametrize("statistic", STATISTICS)
def test_raw_bits_are_fair_and_independent(
    raw: np.ndarray, statistic: Callable[[np.ndarray, float], float]
) -> None:
    assert statistic(raw, 0.5) > LEVEL


@pytest.mark.parametrize("statistic", STATISTICS)
def test_masks_are_independent_bits_of_their_probability(
    mask: tuple[np.ndarray, float], statistic: Callable[[np.ndarray, float], float]
) -> None:
    assert statistic(*mask) > LEVEL


def test_no_pair_of_bits_of_a_row_is_correlated(raw: np.ndarray) -> None:
    assert all_pairs(raw) > LEVEL


def test_bytes_do_not_know_the_byte_before(raw: np.ndarray) -> None:
    assert serial(raw) > LEVEL


def test_birthdays_are_spaced_as_they_should(raw: np.ndarray) -> None:
    assert min(birthdays(raw).values()) > LEVEL


# Controls: what each test sees --------------------------------------------------------

FEW = 2**25


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("statistic", [total_frequency, frequencies])
def test_eight_digits_of_a_probability_are_seen(
    kernel: str, statistic: Callable[[np.ndarray, float], float]
) -> None:
    assert statistic(MASKS[kernel](FEW, digits=8), CHANCES[kernel]) < LEVEL


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("statistic", "flawed"),
    [
        (lags, lambda words: with_repeated_rows(words, every=250)),
        (positions, lambda words: with_equal_digits(words, every=100)),
        (neighbouring_lanes, lambda words: with_shared_lanes(words, every=50)),
    ],
)
def test_rare_copies_are_seen(
    kernel: str,
    statistic: Callable[[np.ndarray, float], float],
    flawed: Callable[[np.ndarray], np.ndarray],
) -> None:
    assert statistic(flawed(raw_words(kernel, FEW)), 0.5) < LEVEL
    assert statistic(flawed(MASKS[kernel](FEW)), CHANCES[kernel]) < LEVEL


def test_one_shared_lane_among_all_pairs_is_seen() -> None:
    assert all_pairs(with_shared_lanes(raw_words("multispin", FEW), every=8)) < LEVEL


def test_a_congruential_generator_is_seen() -> None:
    words = congruential(FEW, width=8)
    assert (
        words[1] == words[0] * U(6364136223846793005) + U(1442695040888963407)
    ).all()
    for statistic in (lags(words, 0.5), neighbouring_lanes(words, 0.5), serial(words)):
        assert statistic < LEVEL


def test_a_lagged_fibonacci_generator_is_seen() -> None:
    assert max(birthdays(lagged_fibonacci(years=256)).values()) < LEVEL


# Replicas -----------------------------------------------------------------------------

SIDE, SWEEPS, GROUP = 16, 400, 16


def design_effect(m2: np.ndarray) -> float:
    """Variance of group means over that of independent members, `(group, member)`."""
    return float(m2.mean(axis=1).var(ddof=1) * m2.shape[1] / m2.var(ddof=1))


def plain_replicas(groups: int, *, shared: bool) -> np.ndarray:
    """m² `(group, member)` of a plain checkerboard heat bath at K_c from hot starts.

    Members of a group use the same uniform number at every site, or their own ones.
    """
    rng = np.random.default_rng(20263)
    spins = rng.choice([-1, 1], size=(groups, GROUP, SIDE, SIDE)).astype(np.int8)
    board = np.indices((SIDE, SIDE)).sum(axis=0) % 2
    up = 1 / (1 + np.exp(-2 * K_C * np.arange(-4, 5)))
    for colour in [0, 1] * SWEEPS:
        field = sum(np.roll(spins, s, axis) for s in (1, -1) for axis in (2, 3))
        uniform = rng.random((groups, 1 if shared else GROUP, SIDE, SIDE), np.float32)
        new = np.where(uniform < up[np.asarray(field) + 4], 1, -1)
        spins = np.where(board == colour, new, spins).astype(np.int8)
    return spins.mean(axis=(2, 3)) ** 2


def test_replicas_of_a_word_are_independent_at_the_critical_point() -> None:
    """Design effect 1 within 4.5 √(2/groups), 14 %: power, 1 pair in 450 equal."""
    sampler = Multispin(Ising((SIDE, SIDE)), K_C, replicas=2**17)
    rng = np.random.default_rng(20264)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=SWEEPS)
    m2 = sampler.spins(state).reshape(2**11, 64, -1).mean(axis=2) ** 2
    assert abs(design_effect(m2) - 1) < 4.5 * math.sqrt(2 / len(m2))


def test_shared_uniform_numbers_make_replicas_coalesce() -> None:
    """The control: 16 replicas are nearly one, and are 16 with numbers of their own."""
    groups = 32
    assert design_effect(plain_replicas(groups, shared=True)) > GROUP / 2
    independent = design_effect(plain_replicas(groups, shared=False))
    assert abs(independent - 1) < 4.5 * math.sqrt(2 / groups)
