"""What there is to see of a forest, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from kadanoff.models.forest_fire import ForestFire


def test_observables_are_counts_of_trees_and_pairs():
    forest = np.array([[[1, 1, -1, -1], [1, -1, -1, 1], [-1, -1, -1, -1]]])
    series = ForestFire((3, 4)).observables(forest, 5.0)
    assert series["density"] == pytest.approx(4 / 12)
    assert series["density_squared"] == pytest.approx(1 / 9)
    # (0,0)-(0,1), (0,0)-(1,0), and (1,0)-(1,3) around the side, of 24 bonds.
    assert series["tree_pairs"] == pytest.approx(3 / 24)


def test_a_tree_twice_beside_itself_counts_twice():
    forest = np.array([[[1, 1], [-1, -1]]])
    assert ForestFire((2, 2)).observables(forest, 1.0)["tree_pairs"] == 2 / 8


def test_starts_are_fair_full_and_bare():
    model = ForestFire((8, 8))
    hot = model.hot(400, rng=np.random.default_rng(1))
    assert abs(hot.mean()) < 4.5 / np.sqrt(hot.size)
    assert set(np.unique(hot)) == {-1, 1}
    full, bare, again = model.cold(3, 10.0)
    assert (full == 1).all()
    assert (bare == -1).all()
    assert (again == 1).all()


def test_only_a_ratio_of_rates_is_a_coupling():
    model = ForestFire((8, 8))
    model.check(0.0)
    assert model.couplings(3.5) == {"theta": 3.5}
    for theta in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"finite number .* got {theta}"):
            model.check(theta)
    with pytest.raises(ValueError, match=r"at least 2, got shape \(8, 1\)"):
        ForestFire((8, 1))


def test_the_record_rebuilds_the_model():
    model = ForestFire((4, 6, 8))
    assert ForestFire(model.shape, **model.parameters) == model
    assert model.geometry.lattice == (4, 6, 8)
    assert model.near.shape == (192, 6)
