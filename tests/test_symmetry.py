"""Shifts and flips: exact on single configurations, uniform over the group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.models.ising import Ising
from kadanoff.symmetry import Symmetry, shift


@settings(deadline=None)
@given(
    lattice=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_a_shift_is_a_roll(lattice, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(4, *lattice))
    steps = rng.integers(-9, 9, (4, len(lattice)))
    expected = [
        np.roll(v, s, axis=tuple(range(len(lattice))))
        for v, s in zip(values, steps, strict=True)
    ]
    assert np.array_equal(shift(values, steps), expected)


def test_shifts_form_a_group():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 4, 5))
    one, other = rng.integers(0, 20, (2, 6, 2))
    assert np.array_equal(shift(shift(values, one), other), shift(values, one + other))
    assert np.array_equal(shift(shift(values, one), -one), values)


def test_the_energy_does_not_notice():
    rng = np.random.default_rng(0)
    spins = rng.integers(0, 2, (50, 4, 6), dtype=np.int8) * 2 - 1
    every = Symmetry(translations=True, flip=True)
    moved = every.augment(spins, rng=rng)
    assert np.array_equal(Ising((4, 6)).energy(moved), Ising((4, 6)).energy(spins))
    assert not np.array_equal(moved, spins)
    assert moved.dtype == spins.dtype


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_nothing_asked_nothing_done(dtype):
    spins = np.ones((3, 4, 4), dtype=dtype)
    same = Symmetry().augment(spins, rng=np.random.default_rng(0))
    assert np.array_equal(same, spins)
    assert same is not spins


def chi_square(counts):
    """χ² against equal counts, as a z-score: (χ² - k)/√(2k), k degrees of freedom."""
    k = counts.size - 1
    expected = counts.sum() / counts.size
    return (((counts - expected) ** 2).sum() / expected - k) / np.sqrt(2 * k)


def orbit_counts(symmetry):
    """How often each element of the group is drawn, from a spin that marks it."""
    mark = -np.ones((24_000, 3, 4), dtype=np.int8)
    mark[:, 0, 0] = 1
    moved = symmetry.augment(mark, rng=np.random.default_rng(1)).reshape(-1, 12)
    flipped = moved.sum(axis=1) > 0
    where = np.where(flipped, moved.argmin(axis=1), moved.argmax(axis=1))
    return np.bincount(where + 12 * flipped, minlength=24)


def test_every_element_is_equally_likely():
    # 24 elements, 1000 draws each; z = 4: an element 15 % too frequent is noticed.
    counts = orbit_counts(Symmetry(translations=True, flip=True))
    assert abs(chi_square(counts)) < 4
    lacks_the_flip = orbit_counts(Symmetry(translations=True))
    assert chi_square(lacks_the_flip) > 4
    assert np.count_nonzero(lacks_the_flip) == 12
