"""The field theory against sums written out, quadrature and the Ising limit."""

from __future__ import annotations

import numpy as np
import pytest

from kadanoff.models.ising import Ising
from kadanoff.models.phi4 import Phi4

FIELDS = np.random.default_rng(11).standard_normal((3, 4, 3))


def written_out(field: np.ndarray, quartic: float, coupling: float) -> float:
    """The action of one field, site by site and forward bond by forward bond."""
    action = 0.0
    for site in np.ndindex(field.shape):
        phi = float(field[site])
        action += phi**2 + quartic * (phi**2 - 1) ** 2
        for axis, side in enumerate(field.shape):
            other = list(site)
            other[axis] = (site[axis] + 1) % side
            action -= coupling * phi * float(field[tuple(other)])
    return action


@pytest.mark.parametrize(("quartic", "coupling"), [(0.0, 0.3), (0.7, 0.6), (2, -0.4)])
def test_action_is_the_sum_over_sites_and_bonds(quartic: float, coupling: float):
    model = Phi4((4, 3), quartic)
    expected = [written_out(field, quartic, coupling) for field in FIELDS]
    assert np.allclose(model.action(FIELDS, coupling), expected, rtol=1e-13)


def test_energy_is_conjugate_to_the_coupling():
    model = Phi4((4, 3), 0.7)
    slope = model.action(FIELDS, 1.5) - model.action(FIELDS, 0.5)
    assert np.allclose(slope, model.energy(FIELDS) * 12, rtol=1e-13)


def test_sides_of_two_have_double_bonds():
    fields = np.random.default_rng(1).standard_normal((5, 2, 2))
    a, b, c, d = fields.reshape(5, 4).T
    ring = -2 * (a * b + b * d + d * c + c * a) / 4
    assert np.allclose(Phi4((2, 2), 1.0).energy(fields), ring)


def test_spins_have_the_energy_of_the_ising_model():
    spins = Ising((4, 4, 2)).hot(5, rng=np.random.default_rng(2))
    field = Phi4((4, 4, 2), 3.0)
    assert np.allclose(field.energy(spins), Ising((4, 4, 2)).energy(spins))
    series = field.observables(spins, -0.3)
    expected = Ising((4, 4, 2)).observables(spins, -0.3)
    assert (series["phi_squared"] == 1).all()
    for name in ("m_squared", "staggered_m_squared"):
        assert np.allclose(series[name], expected[name])


@pytest.mark.parametrize("quartic", [0.0, 0.3, 2.0, 60.0])
def test_hot_sites_follow_the_law_at_no_coupling(quartic: float):
    """⟨φ²⟩ and ⟨φ⁴⟩ by quadrature; z < 4.5 each, level 1e-5. The control: λ + 0.2."""

    def scores(drawn_at: float) -> np.ndarray:
        fields = Phi4((8, 8), drawn_at).hot(2000, rng=np.random.default_rng(3))
        powers = np.stack([fields.ravel() ** 2, fields.ravel() ** 4])
        error = powers.std(axis=1) / np.sqrt(fields.size)
        return abs(powers.mean(axis=1) - moments) / error

    phi = np.linspace(-8, 8, 20001)
    weight = np.exp(-(phi**2) - quartic * (phi**2 - 1) ** 2)
    moments = [(weight * phi**p).sum() / weight.sum() for p in (2, 4)]
    assert scores(quartic).max() < 4.5
    assert scores(quartic * 1.2 + 0.2).max() > 6


def test_cold_states_are_ordered_with_both_signs_in_turn():
    up, down = Phi4((4, 6), 0.5).cold(2, 0.8)
    assert (up > 0).all()
    assert (down < 0).all()
    board = Phi4((4, 6), 0.5).cold(1, -0.8)[0]
    assert (board[:, 1:] * board[:, :-1] < 0).all()
    again = Phi4((4, 6), 0.5).cold(2, 0.8)
    assert (again == [up, down]).all()


def test_cold_moduli_are_those_of_independent_sites():
    """⟨φ²⟩ of 40 000 sites at K = 0; level z = 4.5, and λ off by 20 % is seen."""

    def z(quartic: float) -> float:
        rng = np.random.default_rng(5)
        squares = Phi4((200, 200), 1.0).cold(1, 0.5) ** 2
        hot = Phi4((200, 200), quartic).hot(1, rng=rng) ** 2
        error = np.sqrt((squares.var() + hot.var()) / hot.size)
        return abs(float((squares.mean() - hot.mean()) / error))

    assert z(1.0) < 4.5
    assert z(1.2) > 4.5


def test_the_free_field_needs_a_small_coupling():
    Phi4((4, 4), 0.0).check(-0.499)
    Phi4((4, 4), 0.01).check(3.0)
    with pytest.raises(ValueError, match=r"needs \|K\| below 1/2, got -0.5"):
        Phi4((4, 4), 0.0).check(-0.5)
    with pytest.raises(ValueError, match="finite number, got inf"):
        Phi4((4, 4), 1.0).check(np.inf)


def test_bad_settings_get_a_sentence():
    with pytest.raises(ValueError, match=r"λ must be .* got -1.0"):
        Phi4((4, 4), -1.0)
    with pytest.raises(ValueError, match=r"at least 2, got shape \(4, 1\)"):
        Phi4((4, 1), 1.0)
    with pytest.raises(ValueError, match=r"whole number .* got shape \(4, 4.0\)"):
        Phi4((4, 4.0), 1.0)  # type: ignore[arg-type]


def test_the_record_rebuilds_the_model():
    model = Phi4((4, 6), 0.3)
    assert Phi4(model.shape, **model.parameters) == model
    assert model.couplings(0.2) == {"K": 0.2, "quartic": 0.3}
    assert model.geometry.lattice == (4, 6)
