"""The mixture of order and disorder, counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.models.ising import Ising
from kadanoff.models.two_temperatures import TwoTemperatures


def test_draws_follow_the_mixture():
    """χ² over all 2^6 states of 2×3 at level 1e-4; the control has the share off."""
    model, n = TwoTemperatures((2, 3), share=0.3), 100_000
    drawn = model.draw(n, 0.0, rng=np.random.default_rng(1)).reshape(n, 6)
    counts = np.bincount((drawn > 0) @ (1 << np.arange(6)), minlength=64)

    def p_value(share: float) -> float:
        law = np.full(64, (1 - share) / 64)
        law[[0, -1]] += share / 2
        return float(chi2.sf(((counts - n * law) ** 2 / (n * law)).sum(), 63))

    assert p_value(0.3) > 1e-4
    assert p_value(0.32) < 1e-6


@pytest.mark.parametrize(("share", "order"), [(0.0, False), (1.0, True)])
def test_the_ends_are_the_two_temperatures(share: float, order: bool):
    drawn = TwoTemperatures((8, 8), share).draw(200, 0.0, rng=np.random.default_rng(2))
    m = abs(drawn.reshape(200, -1).mean(axis=1))
    assert ((m == 1) == order).all()


def test_observables_are_those_of_the_ising_model():
    model = TwoTemperatures((4, 4))
    spins = model.hot(10, rng=np.random.default_rng(3))
    expected = Ising((4, 4)).observables(spins, 0.3)
    series = model.observables(spins, 0.0)
    assert set(series) == set(expected)
    assert all((series[name] == expected[name]).all() for name in series)
    assert (abs(model.cold(2, 0.0).reshape(2, -1).sum(axis=1)) == 16).all()


def test_bad_settings_get_a_sentence():
    with pytest.raises(ValueError, match=r"must be a probability.* got 1.5"):
        TwoTemperatures((4, 4), 1.5)
    with pytest.raises(ValueError, match=r"has no coupling, got 0.4"):
        TwoTemperatures((4, 4)).draw(1, 0.4, rng=np.random.default_rng(4))
    with pytest.raises(ValueError, match="at least 2"):
        TwoTemperatures((4, 1))


def test_the_record_rebuilds_the_model():
    model = TwoTemperatures((4, 6), 0.25)
    assert TwoTemperatures(model.shape, **model.parameters) == model
    assert model.couplings(0.0) == {"share": 0.25}
    assert model.geometry.lattice == (4, 6)
