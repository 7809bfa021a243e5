"""The noise of drawn units: its law, its bits, and what a weak counter would do."""

import numpy as np
import pytest
from scipy import stats

from kadanoff.kernels.units import draw_signs

MASK = (1 << 64) - 1


def splitmix(counter):
    """The published hash, in whole numbers of Python."""
    z = counter & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def slow_twin(up, start):
    half = len(up) // 2
    words = [splitmix(start + i * 0x9E3779B97F4A7C15) for i in range(half + 1)]
    noise = [w >> 40 for w in words[:half]] + [w & 0xFFFFFF for w in words[:half]]
    noise += [words[half] >> 40] if len(up) % 2 else []
    return np.where(np.array(noise) / 2**24 < up, 1, -1)


def test_the_hash_is_the_published_one():
    """The first words of splitmix64 seeded by 1234567 (the counter starts after one
    step)."""
    step = 0x9E3779B97F4A7C15
    words = [splitmix(1234567 + k * step) for k in (1, 2, 3)]
    assert words == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 1001])
def test_units_are_those_of_the_slow_twin(size):
    up = np.random.default_rng(size).random(size, dtype=np.float32)
    expected = slow_twin(up, 2**63 + 12345)
    draw_signs(up, np.uint64(2**63 + 12345))
    np.testing.assert_array_equal(up, expected)


def drawn(p, calls=400, size=4096, start=lambda k, words: words[k]):
    """`(calls, size)` of units that are all up with probability p."""
    words = np.random.default_rng(1).integers(2**63, size=calls, dtype=np.uint64)
    rows = np.full((calls, size), p, dtype=np.float32)
    for k, row in enumerate(rows):
        draw_signs(row, np.uint64(start(k, words)))
    return rows == 1


def p_values(bits, p):
    """Totals, per-site counts, and neighbours: in a call, across halves, in time."""
    z = (bits - p) / np.sqrt(p * (1 - p))
    half = z.shape[1] // 2
    pairs = {
        "next site": z[:, 1:] * z[:, :-1],
        "eight sites on": z[:, 8:] * z[:, :-8],
        "other half": z[:, :half] * z[:, half:],
        "next call": z[1:] * z[:-1],
    }
    scores = {name: x.sum() / np.sqrt(x.size) for name, x in pairs.items()}
    scores["total"] = z.sum() / np.sqrt(z.size)
    values = {name: 2 * stats.norm.sf(abs(score)) for name, score in scores.items()}
    per_site = (z.sum(0) ** 2 / len(z)).sum()
    values["sites"] = stats.chi2.sf(per_site, z.shape[1])
    return values


@pytest.mark.parametrize("p", [0.5, 0.03, 0.71])
def test_units_are_independent_and_up_with_probability_p(p):
    """Level 1e-5 for each of six tests on 1.6 million units."""
    assert min(p_values(drawn(p), p).values()) > 1e-5


def test_a_probability_half_a_percent_off_is_seen():
    assert p_values(drawn(0.5), 0.5025)["total"] < 1e-5


def test_counters_that_overlap_are_seen():
    """Negative control: each call starts where the last one did."""
    again = drawn(0.5, start=lambda k, words: words[0])
    assert p_values(again, 0.5)["next call"] < 1e-5


def test_probabilities_zero_and_one_are_kept():
    up = np.array([0.0, 1.0] * 5000, dtype=np.float32)
    draw_signs(up, np.uint64(5))
    assert (up == np.array([-1.0, 1.0] * 5000)).all()
