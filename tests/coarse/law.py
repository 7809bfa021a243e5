"""The law of a rule's output against its exact law, every configuration at once."""

import itertools

import numpy as np
from scipy.stats import chi2

from kadanoff.geometry import Grid


def all_spins(shape):
    """Every configuration of a tiny lattice, int8 `(2^n, *shape)`."""
    n = int(np.prod(shape))
    return np.array(list(itertools.product((1, -1), repeat=n)), np.int8).reshape(
        -1, *shape
    )


def law_of_spins(up):
    """P(μ | σ) of independent coarse spins, `(rows, 2^m)`, from P(μ_a = 1 | σ)."""
    rows, m = up.shape
    patterns = np.array(list(itertools.product((True, False), repeat=m)))
    chances = np.where(patterns[None], up[:, None], 1 - up[:, None])
    return chances.prod(axis=-1).reshape(rows, -1)


def counted(rule, values, *, repeats, seed=0, fine=None):
    """How often each coarse pattern was drawn for each row of `values`."""
    fine = fine or Grid(values.shape[1:])
    many = np.repeat(values, repeats, axis=0)
    drawn = rule(many, fine, rng=np.random.default_rng(seed)).reshape(len(many), -1)
    m = drawn.shape[1]
    codes = (drawn < 0) @ (1 << np.arange(m)[::-1])
    rows = np.repeat(np.arange(len(values)), repeats)
    return np.bincount(rows << m | codes, minlength=len(values) << m).reshape(
        -1, 1 << m
    )


def tail(counts, law):
    """p-value of the counts under the law, rows of equal law taken together."""
    keys, member = np.unique(np.round(law, 12), axis=0, return_inverse=True)
    seen = np.zeros(keys.shape)
    np.add.at(seen, member.ravel(), counts)
    expected = keys * seen.sum(axis=1, keepdims=True)
    assert not seen[keys == 0].any()
    sure = expected > 5
    square = ((seen - expected)[sure] ** 2 / expected[sure]).sum()
    freedom = sure.sum() - (sure.sum(axis=1) > 0).sum()
    return chi2.sf(square, freedom)
