from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import CLUSTERS, random_spins, rolled_sum

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.operators import (
    EVEN,
    ODD,
    clusters,
    local_clusters,
    operator_sums,
)
from kadanoff.models.ising import Ising

EVERY = EVEN + ODD


@pytest.mark.parametrize(
    "shape", [(1, 4), (2, 2), (2, 6), (3, 5), (4, 4), (5, 3), (8, 8), (9, 64), (40, 70)]
)
def test_sums_of_spins_equal_the_rolled_twin(shape):
    spins = random_spins((3, 5, *shape), seed=1)
    sums = operator_sums(Ensemble.from_values(spins), EVERY)
    flat = spins.reshape(15, *shape)
    twin = np.stack([rolled_sum(flat, name) for name in EVERY], axis=-1)
    assert np.array_equal(sums, twin.reshape(3, 5, -1))


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (16, 16)])
def test_sums_of_real_values_equal_the_rolled_twin(shape):
    rng = np.random.default_rng(2)
    values = rng.standard_normal((2, 4, *shape)).astype(np.float32)
    sums = operator_sums(Ensemble.from_values(values, alphabet="real"), EVERY)
    flat = values.reshape(8, *shape).astype(float)
    twin = np.stack([rolled_sum(flat, name) for name in EVERY], axis=-1)
    # Products and sums in single precision: a few times 1e-7 of the terms' size.
    assert np.allclose(sums.reshape(8, -1), twin, rtol=0, atol=1e-5 * values[0, 0].size)


def test_sums_do_not_depend_on_how_the_ensemble_is_cut(monkeypatch):
    ensemble = Ensemble.from_values(random_spins((5, 7, 6, 6), seed=3))
    whole = operator_sums(ensemble, EVERY)
    pieces = list(ensemble.chunks(36 * 2))
    monkeypatch.setattr(Ensemble, "chunks", lambda self: iter(pieces))
    assert len(pieces) > 5
    assert np.array_equal(operator_sums(ensemble, EVERY), whole)


@pytest.mark.parametrize("name", EVERY)
def test_clusters_are_the_orbit_written_by_hand(name):
    by_hand = {_canonical(cluster) for cluster in CLUSTERS[name]}
    assert {_canonical(cluster) for cluster in clusters(name, 2)} == by_hand
    assert len(clusters(name, 2)) == len(by_hand)


def test_other_dimensions_have_the_right_number_of_clusters():
    # Bonds, face diagonals, faces, double bonds, knight's moves of the simple cubic.
    names = ("nn", "nnn", "plaquette", "third", "fourth", "row", "corner")
    assert [len(clusters(n, 3)) for n in names] == [3, 6, 3, 3, 12, 3, 12]
    assert [len(clusters(n, 1)) for n in ("nn", "third", "field", "row")] == [1] * 4


def test_energy_of_a_cube_is_the_model_s():
    spins = random_spins((2, 3, 3, 4, 5), seed=4)
    sums = operator_sums(Ensemble.from_values(spins), ("nn",))[..., 0]
    energy = Ising((3, 4, 5)).energy(spins.reshape(6, 3, 4, 5))
    assert np.allclose(-sums.ravel() / 60, energy, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (4, 3), (4, 4)])
@pytest.mark.parametrize("name", EVERY)
def test_turning_a_spin_changes_the_sum_by_its_local_value(name, shape):
    """On small tori too, where clusters coincide and sites are met twice."""
    states = random_spins((256, *shape), seed=6)
    turned = states.copy()
    turned[:, 0, 0] *= -1
    change = rolled_sum(turned, name) - rolled_sum(states, name)
    local = np.zeros(len(states))
    for cluster in local_clusters(name, shape):
        inside = [states[:, x % shape[0], y % shape[1]] for x, y in cluster]
        local += np.prod(inside, axis=0)
    assert np.array_equal(change, -2 * local)


def test_bad_operators_and_lattices_get_a_sentence():
    spins = random_spins((2, 2, 4, 4), seed=5)
    square = Ensemble.from_values(spins)
    with pytest.raises(ValueError, match=r"an operator is one of nn, .* got 'five'"):
        operator_sums(square, ("five",))
    ring = Ensemble.from_values(random_spins((2, 2, 8), seed=5))
    with pytest.raises(ValueError, match="'nnn' needs two directions"):
        operator_sums(ring, ("nnn",))
    maps = Ensemble.from_values(spins, Grid((4,)), features=4)
    with pytest.raises(ValueError, match="an ensemble of 4 feature maps"):
        operator_sums(maps, ("nn",))
    layer = Ensemble.from_values(spins.reshape(2, 2, 16), Unordered(16))
    with pytest.raises(ValueError, match="unordered layer of 16 units"):
        operator_sums(layer, ("nn",))
    honeycomb = Grid((2, 4), cell=((0.0, 0.0), (0.5, 0.5)))
    with pytest.raises(ValueError, match="one site per cell, got 2"):
        operator_sums(
            Ensemble.from_values(spins.reshape(2, 2, 2, 4, 2), honeycomb), ("nn",)
        )


def _canonical(cluster) -> tuple:
    sites = sorted(tuple(site) for site in cluster)
    return tuple(tuple(np.subtract(site, sites[0]).tolist()) for site in sites)


def test_too_many_directions_are_refused_and_not_enumerated():
    with pytest.raises(ValueError, match="at most 6 directions, got 8"):
        clusters("nn", 8)
