"""What there is to see of an epidemic, how it starts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from kadanoff.models.epidemic import THRESHOLD, Epidemic


def test_observables_are_counts_of_infected_sites_and_pairs():
    values = np.array([[[1, 1, -1, -1], [1, -1, -1, 1], [-1, -1, -1, -1]]])
    series = Epidemic((3, 4)).observables(values, 1.5)
    assert series["density"] == pytest.approx(4 / 12)
    assert series["density_squared"] == pytest.approx(1 / 9)
    # (0,0)-(0,1), (0,0)-(1,0), and (1,0)-(1,3) around the side, of 24 bonds.
    assert series["infected_pairs"] == pytest.approx(3 / 24)


def test_starts_are_fair_full_and_single_and_never_healthy():
    model = Epidemic((8, 8))
    hot = model.hot(400, rng=np.random.default_rng(1))
    assert abs(hot.mean()) < 4.5 / np.sqrt(hot.size)
    assert set(np.unique(hot)) == {-1, 1}
    full, single, again = model.cold(3, 1.6)
    assert (full == 1).all()
    assert (single > 0).sum() == 1
    assert (again == 1).all()


def test_a_hot_start_of_few_sites_is_fair_among_those_that_live():
    """Of two sites: 3 living states; the dead quarter goes to the single ones."""
    hot = Epidemic((2,)).hot(40_000, rng=np.random.default_rng(2)) > 0
    assert hot.any(axis=1).all()
    share = np.array([(hot == state).all(axis=1).mean() for state in ((0, 1), (1, 0))])
    assert np.abs(share - 3 / 8).max() < 4.5 * np.sqrt(15 / 64 / 40_000)


def test_only_a_positive_rate_is_a_coupling():
    model = Epidemic((8, 8))
    model.check(THRESHOLD[2])
    assert model.couplings(1.5) == {"infection": 1.5}
    for rate in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"finite number above 0, got {rate}"):
            model.check(rate)
    with pytest.raises(ValueError, match=r"at least 2, got shape \(8, 1\)"):
        Epidemic((8, 1))


def test_the_record_rebuilds_the_model():
    model = Epidemic((4, 6, 8))
    assert Epidemic(model.shape, **model.parameters) == model
    assert model.geometry.lattice == (4, 6, 8)
    assert model.near.shape == (192, 6)
