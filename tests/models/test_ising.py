"""The Ising energy against a sum over neighbours written out."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.models.ising import Ising

shapes = st.lists(st.integers(2, 5), min_size=1, max_size=3).map(tuple)


def slow_energy(spins):
    """-Σ s_i s_{i+e} over every site and direction, per site, of one configuration."""
    total = 0.0
    for site in itertools.product(*map(range, spins.shape)):
        for axis, side in enumerate(spins.shape):
            right = list(site)
            right[axis] = (right[axis] + 1) % side
            total -= float(spins[site]) * float(spins[tuple(right)])
    return total / spins.size


def configurations(shape, seed=0, n=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (n, *shape), dtype=np.int8) * 2 - 1


@settings(deadline=None)
@given(shape=shapes, seed=st.integers(0, 99))
def test_the_energy_is_the_sum_over_bonds(shape, seed):
    spins = configurations(shape, seed)
    expected = [slow_energy(one) for one in spins]
    for kind in (np.int8, np.int64, np.float32):
        assert np.allclose(Ising(shape).energy(spins.astype(kind)), expected)


@settings(deadline=None)
@given(shape=shapes, seed=st.integers(0, 99))
def test_a_global_flip_changes_nothing(shape, seed):
    spins = configurations(shape, seed)
    energy = Ising(shape).energy
    assert np.array_equal(energy(-spins), energy(spins))
    flipped = spins.copy()
    flipped[(slice(None), *[0] * len(shape))] *= -1
    assert np.allclose(energy(flipped), [slow_energy(one) for one in flipped])


@pytest.mark.parametrize("shape", [(8,), (4, 6), (2, 2), (4, 4, 4)])
def test_ground_states(shape):
    d = len(shape)
    up = np.ones((1, *shape), dtype=np.int8)
    stripes = (-1) ** np.indices(shape).sum(axis=0)[None]
    assert Ising(shape).energy(up) == [-d]
    assert Ising(shape).energy(stripes) == [d]
    assert Ising(shape).bonds == d * up.size


def test_large_lattices_do_not_overflow():
    up = np.ones((1, 256, 512), dtype=np.int8)
    assert Ising((256, 512)).energy(up) == [-2]


def test_real_fields_have_an_energy_too():
    field = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    expected = [slow_energy(one) for one in field]
    assert np.allclose(Ising((3, 4)).energy(field), expected, rtol=1e-6)


def test_its_lattice():
    assert Ising((4, 6)).geometry.lattice == (4, 6)
    assert Ising((4, 6)) == Ising((4, 6)) != Ising((6, 4))


@pytest.mark.parametrize("shape", [(), (1, 4), (4, 0), (-2,)])
def test_sides_below_two_are_refused(shape):
    with pytest.raises(ValueError, match="every side to be a whole number"):
        Ising(shape)
