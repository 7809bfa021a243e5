"""The fully connected model against pairs written out and the exact law of M."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.exact.enumerate import all_states
from kadanoff.exact.mean_field import magnetization_law
from kadanoff.models.mean_field import MeanField


def test_energy_is_the_sum_over_all_pairs():
    model = MeanField((2, 3))
    spins = model.hot(20, rng=np.random.default_rng(1))
    flat = spins.reshape(20, 6).astype(int)
    pairs = sum(flat[:, i] * flat[:, j] for i, j in itertools.combinations(range(6), 2))
    assert np.allclose(model.energy(spins), -pairs / 6 / 6)


def test_observables_are_energy_and_order():
    model = MeanField((4, 4))
    series = model.observables(model.cold(2, 1.5), 1.5)
    assert np.allclose(series["energy"], -(16**2 - 16) / 32 / 16)
    assert np.allclose(series["m_squared"], 1)


@pytest.mark.parametrize("coupling", [0.0, 0.7, 1.3, -2.0])
@pytest.mark.parametrize("shape", [(2, 2), (10, 10), (100, 100)])
def test_the_law_of_the_magnetization_is_exact(shape: tuple[int, ...], coupling: float):
    _, law = magnetization_law(shape[0] * shape[1], coupling)
    assert np.allclose(MeanField(shape).magnetization_law(coupling), law, atol=1e-15)


def test_the_law_is_stable_for_a_hundred_thousand_spins():
    """Gaussian at K = ½: ⟨M²⟩/N = 1/(1 - K) up to 1/N; normalized; ⟨M⟩ = 0."""
    n = 100_000
    law = MeanField((250, 400)).magnetization_law(0.5)
    m = 2.0 * np.arange(n + 1) - n
    assert law.sum() == pytest.approx(1, rel=1e-12)
    assert abs(law @ m) < 1e-6
    assert law @ m**2 / n == pytest.approx(2, rel=1e-4)


def test_draws_follow_the_boltzmann_law():
    """χ² over all 2^9 states of 3×3 at level 1e-4; the control has K wrong by 4 %."""
    model, n = MeanField((3, 3)), 200_000
    states = all_states(9).reshape(-1, 3, 3)

    def p_value(coupling: float) -> float:
        drawn = model.draw(n, coupling, rng=np.random.default_rng(2))
        counts = np.bincount(
            (drawn.reshape(n, 9) > 0) @ (1 << np.arange(9)[::-1]), minlength=512
        )
        weight = np.exp(-9 * 0.9 * model.energy(states))
        expected = n * weight / weight.sum()
        return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), 511))

    assert p_value(0.9) > 1e-4
    assert p_value(0.9 * 1.04) < 1e-6


def test_large_lattices_are_drawn_in_their_two_states():
    spins = MeanField((100, 100)).draw(64, 1.5, rng=np.random.default_rng(3))
    m = spins.reshape(64, -1).mean(axis=1)
    assert np.allclose(abs(m), 0.8586, atol=0.05)  # m = tanh(1.5 m)
    assert np.tanh(1.5 * 0.8586) == pytest.approx(0.8586, abs=1e-4)
    assert 8 < (m > 0).sum() < 56


def test_bad_settings_get_a_sentence():
    with pytest.raises(ValueError, match="finite number, got inf"):
        MeanField((4, 4)).magnetization_law(np.inf)
    with pytest.raises(ValueError, match=r"at least 2, got shape \(4, 1\)"):
        MeanField((4, 1))


def test_the_record_rebuilds_the_model():
    model = MeanField((4, 6))
    assert MeanField(model.shape, **model.parameters) == model
    assert model.couplings(0.5) == {"K": 0.5}
