"""Kadanoff's rule has the law it says, down to every block of every configuration."""

import math

import numpy as np
import pytest
from coarse.law import all_spins, counted, law_of_spins, tail
from scipy.special import expit

from kadanoff.coarse.block import Majority
from kadanoff.coarse.kadanoff_rule import KadanoffRule, aligned
from kadanoff.geometry import Grid, Unordered

SHARPNESS = [0.0, 0.1, 0.5, 1.0, math.inf]
FINE = all_spins((2, 4))
SUMS = np.stack([FINE[:, :, :2].sum(axis=(1, 2)), FINE[:, :, 2:].sum(axis=(1, 2))], 1)


def exact_law(p):
    """P(μ | σ) of the two blocks, from the definition."""
    if math.isinf(p):
        return law_of_spins(np.where(SUMS == 0, 0.5, SUMS > 0))
    weights = np.exp(p * SUMS[..., None] * np.array([1, -1]))
    return law_of_spins(weights[..., 0] / weights.sum(axis=-1))


@pytest.mark.parametrize("p", SHARPNESS)
def test_the_law_of_every_configuration(p):
    # 256 configurations 6400 times each; fails a right rule once in 10^5. A sharpness
    # 5 % off and blocks that share their coins are seen, below.
    counts = counted(KadanoffRule(2, p), FINE, repeats=6400)
    assert tail(counts, exact_law(p)) > 1e-5


@pytest.mark.parametrize("p", [0.1, 0.5, 1.0])
def test_a_sharpness_five_per_cent_off_is_seen(p):
    counts = counted(KadanoffRule(2, 1.05 * p), FINE, repeats=6400)
    assert tail(counts, exact_law(p)) < 1e-5


def test_one_coin_for_all_blocks_is_seen():
    class OneCoin(KadanoffRule):
        def __call__(self, spins, fine, *, rng):
            sums = spins.reshape(len(spins), 2, 2, 2).sum(axis=(1, 3))
            coin = rng.random((len(spins), 1))
            return np.where(coin < expit(2 * self.p * sums), 1, -1)

    assert tail(counted(OneCoin(2, 0.5), FINE, repeats=800), exact_law(0.5)) < 1e-5


def test_majority_has_the_law_of_the_sharp_limit():
    counts = counted(Majority(2), FINE, repeats=800)
    assert tail(counts, exact_law(math.inf)) > 1e-5


def test_noise_is_the_same_whatever_the_spins():
    blocks = np.random.default_rng(0).choice([-1, 1], (50, 6, 6)).astype(np.int8)
    rule, grid = KadanoffRule(3, 0.0), Grid((6, 6))
    one, other = (
        rule(s, grid, rng=np.random.default_rng(1)) for s in (blocks, -blocks)
    )
    assert np.array_equal(one, other)
    assert {-1, 1} == set(one.ravel().tolist())


def test_sharp_spins_of_untied_blocks_are_the_majority():
    values = np.random.default_rng(0).choice([-1, 1], (99, 9, 6, 3)).astype(np.int8)
    grid = Grid((9, 6, 3))
    votes = Majority(3)(values, grid, rng=np.random.default_rng(1))
    for p in (math.inf, 1e4, 1e300):
        rule = KadanoffRule(3, p)
        assert np.array_equal(rule(values, grid, rng=np.random.default_rng(2)), votes)


def test_the_mean_of_a_large_block_does_not_overflow():
    up = np.ones((1, 256, 256), dtype=np.int8)
    for p in (0.5, math.inf):
        rule = KadanoffRule(256, p)
        assert rule(up, Grid((256, 256)), rng=np.random.default_rng(0)).item() == 1


@pytest.mark.parametrize("p", [0.3, math.inf])
def test_real_fields_align_as_their_law_says(p):
    # 10^5 draws per field, 4.4 standard errors: 1e-5.
    fields = np.array([-1.5, -0.2, 0.0, 0.7])
    drawn = aligned(np.tile(fields, (100_000, 1)), p, rng=np.random.default_rng(4))
    mean = np.sign(fields) if math.isinf(p) else np.tanh(p * fields)
    error = np.sqrt((1 - mean**2) / 1e5)
    assert (np.abs(drawn.mean(axis=0) - mean) <= 4.4 * error).all()


@pytest.mark.parametrize("p", [-0.1, math.nan, -math.inf])
def test_a_sharpness_that_is_none_is_refused(p):
    with pytest.raises(ValueError, match=r"sharpness p is 0 .* or more, got"):
        KadanoffRule(2, p)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="block size 2 does not divide"):
        KadanoffRule(2).coarse(Grid((4, 5)))
    with pytest.raises(ValueError, match=r"'kadanoff:b=2,p=1.0' needs sites"):
        KadanoffRule(2).coarse(Unordered(16))
    with pytest.raises(ValueError, match="needs ±1 spins"):
        KadanoffRule(2).alphabet("real")
