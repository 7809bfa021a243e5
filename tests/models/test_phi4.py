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


def test_cold_states_are_the_ordered_ones_in_turn():
    up, down = Phi4((4, 6), 0.5).cold(2, 0.8)
    height = np.sqrt(1 + (0.8 * 2 - 1) / (2 * 0.5))
    assert np.allclose(up, height)
    assert np.allclose(down, -height)
    board = Phi4((4, 6), 0.5).cold(1, -0.8)[0]
    assert np.allclose(board[:, 1:], -board[:, :-1])
    assert np.allclose(Phi4((4, 6), 0.0).cold(1, 0.2), 1)


def test_cold_is_the_classical_minimum():
    """The gradient of the action vanishes there, and the action is lower than near."""
    model, coupling = Phi4((4, 4), 0.6), -0.9
    field = model.cold(1, coupling)
    nudge = 1e-5 * np.eye(16).reshape(16, 4, 4)
    forth, back = (model.action(field + s * nudge, coupling) for s in (1, -1))
    assert np.allclose(forth - back, 0, atol=1e-12)
    assert (forth + back > 2 * model.action(field, coupling)).all()


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
