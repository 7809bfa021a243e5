"""One seed makes a run, in whatever order its parts are drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.randomness import generator, subseed

PATHS = st.lists(
    st.one_of(st.integers(0, 10_000), st.text("abcxyz", min_size=1, max_size=5)),
    max_size=3,
).map(tuple)


def draw(*address):
    return generator(*address).integers(0, 2**63, 4).tolist()


@settings(deadline=None)
@given(seed=st.integers(0, 2**70), one=PATHS, other=PATHS)
def test_a_stream_is_its_address(seed, one, other):
    first = draw(seed, *one)
    draw(seed, *other)  # what others draw meanwhile does not matter
    assert draw(seed, *one) == first
    assert (draw(seed, *other) == first) == (one == other)
    assert draw(seed + 1, *one) != first


def test_order_of_calls_does_not_matter():
    forwards = {k: draw(3, "shard", k) for k in range(20)}
    backwards = {k: draw(3, "shard", k) for k in reversed(range(20))}
    assert forwards == backwards
    assert len({tuple(v) for v in forwards.values()}) == 20


def test_seeds_of_other_libraries():
    seeds = {subseed(s, *path) for s in range(10) for path in ((), ("a",), ("a", 0))}
    assert len(seeds) == 30
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert subseed(1, "torch") == subseed(1, "torch")


def correlation(one, other):
    """Correlation of two streams of 20 000 numbers, in standard errors."""
    n = 20_000
    return abs(np.corrcoef(one.random(n), other.random(n))[0, 1]) * np.sqrt(n)


def test_neighbouring_streams_are_uncorrelated():
    # Level z = 4.5 for 30 pairs; a correlation of 0.032 would be noticed.
    sigmas = [
        correlation(generator(s, "a", k), generator(s, "a", k + 1))
        for s in range(3)
        for k in range(10)
    ]
    assert max(sigmas) < 4.5
    assert correlation(generator(0, "a"), generator(0, "a")) > 4.5  # the control


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match="whole number of at least 0"):
        generator(seed)
