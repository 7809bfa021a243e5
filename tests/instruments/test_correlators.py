from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import (
    all_states,
    boltzmann,
    draw,
    everything,
    planted,
    random_spins,
    ring_energy,
)

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.correlators import (
    bond_energy,
    from_waves,
    shells,
    structure_factor,
    two_point,
)


def by_pairs(values: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """G(r) of `(n, *shape)` values, one pair of sites after another."""
    positions = grid.positions()
    distance = np.round(grid.distance(positions[:, None], positions[None]), 9)
    flat = values.reshape(len(values), -1).astype(float)
    products = flat.T @ flat / len(flat)
    lengths = np.unique(distance)
    return lengths, np.array([products[distance == r].mean() for r in lengths])


@pytest.mark.parametrize(
    "grid",
    [
        Grid((7,)),
        Grid((4, 6)),
        Grid((5, 3)),
        Grid((8, 8)).coarsened(2),
        Grid((3, 4, 2)),
        Grid((4, 4), basis=((1.0, 0.0), (0.5, 3**0.5 / 2))),
        Grid((4, 4), basis=((1.0, 1.0), (1.0, -1.0))),
    ],
    ids=str,
)
def test_equals_the_average_over_pairs(grid):
    spins = random_spins((2, 20, *grid.shape), seed=1)
    measured = two_point(Ensemble.from_values(spins, grid))
    lengths, expected = by_pairs(spins.reshape(40, -1), grid)
    assert np.allclose(measured.distance, lengths, rtol=0, atol=1e-9)
    assert np.allclose(measured.value.value, expected, rtol=0, atol=1e-6)


def test_distances_are_in_original_sites():
    assert np.allclose(shells(Grid((8, 8)).coarsened(2)).distance[:3], [0, 2, 8**0.5])


def test_connected_subtracts_each_site_s_own_mean():
    """All states of a tilted, staggered system: no correlation is left but at r = 0."""
    rng = np.random.default_rng(2)
    tilt = np.array([0.9, 0.2, -0.5, 0.4])
    values = (rng.random((50, 400, 4)) < (1 + tilt) / 2) * 2 - 1
    ensemble = Ensemble.from_values(values.astype(np.int8))
    plain, connected = (two_point(ensemble, connected=c).value for c in (False, True))
    expected = np.array([1.0, np.mean(tilt * np.roll(tilt, 1))])
    assert (abs(plain.value[:2] - expected) < 4 * plain.error[:2] + 1e-6).all()
    # 20 000 draws: errors of 0.003; the plain correlator is 0.27 away at r = 2.
    assert (abs(connected.value[1:]) < 4 * connected.error[1:]).all()
    assert abs(plain.value[2]) > 20 * plain.error[2]
    assert connected.value[0] == pytest.approx(1 - np.mean(tilt**2), abs=0.01)


def ring_pulls(coupling: float, power: int) -> np.ndarray:
    """Pulls from (c^r + c^{N-r})/(1 + c^N), c = tanh(K)^power, on a ring of 12."""
    states = all_states((12,))
    probability = boltzmann(coupling * ring_energy(states))
    measured = two_point(draw(states, probability, chains=32, draws=512, seed=3))
    c, r = np.tanh(coupling) ** power, measured.distance
    expected = (c**r + c ** (12 - r)) / (1 + c**12)
    return ((measured.value.value - expected) / measured.value.error)[1:]


@pytest.mark.parametrize("coupling", [0.3, 0.8, -0.5])
def test_ring_follows_the_closed_form(coupling):
    # 18 checks at 4 σ with errors of 0.002 to 0.008.
    assert abs(ring_pulls(coupling, 1)).max() < 4


def test_another_decay_is_seen():
    assert abs(ring_pulls(0.3, 2)).max() > 20


def test_square_lattice_agrees_with_enumeration():
    states, probability = all_states((4, 4)), planted((4, 4), {"nn": 0.35})
    ensemble = draw(states, probability, chains=32, draws=512, seed=4)
    flat = states.reshape(-1, 16).astype(float)
    exact = (flat * probability[:, None]).T @ flat
    groups = shells(Grid((4, 4)))
    positions = Grid((4, 4)).positions()
    distance = np.round(Grid((4, 4)).distance(positions[:, None], positions[None]), 9)
    expected = np.array([exact[distance == r].mean() for r in groups.distance])
    measured = two_point(ensemble)
    pull = (measured.value.value - expected)[1:] / measured.value.error[1:]
    assert abs(pull).max() < 4
    wrong = (measured.value.value - 1.03 * expected)[1:] / measured.value.error[1:]
    assert abs(wrong).max() > 4


def test_all_states_are_uncorrelated():
    measured = two_point(everything(all_states((4, 4)))).value.value
    assert measured[0] == pytest.approx(1, abs=1e-6)
    assert abs(measured[1:]).max() < 1e-6


def test_structure_factor_is_the_transform_of_the_connected_correlator():
    tilted = np.random.default_rng(7).random((4, 50, 6, 4)) < 0.7
    ensemble = Ensemble.from_values((tilted * 2 - 1).astype(np.int8))
    back = from_waves(structure_factor(ensemble), (6, 4))
    connected = two_point(ensemble, connected=True).value.value
    assert np.allclose(shells(Grid((6, 4))).average(back)[0], connected, atol=1e-6)


def test_bond_energy_field():
    spins = random_spins((2, 10, 4, 6), seed=5)
    flat = spins.reshape(20, 4, 6).astype(int)
    neighbours = [np.roll(flat, step, axis) for axis in (1, 2) for step in (1, -1)]
    field = flat * np.sum(neighbours, axis=0)
    assert np.array_equal(bond_energy(spins.reshape(20, 4, 6)), field)
    measured = two_point(Ensemble.from_values(spins), field=bond_energy)
    _, expected = by_pairs(field, Grid((4, 6)))
    assert np.allclose(measured.value.value, expected, rtol=0, atol=1e-5)


def test_an_unordered_layer_is_refused():
    layer = Ensemble.from_values(random_spins((2, 4, 16), seed=6), Unordered(16))
    with pytest.raises(ValueError, match="needs sites with positions"):
        two_point(layer)
