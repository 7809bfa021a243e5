"""Correlation lengths against closed forms and enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import (
    all_states,
    boltzmann,
    draw,
    planted,
    random_spins,
    ring_energy,
)

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import combine
from kadanoff.geometry import Grid
from kadanoff.instruments.correlation_length import (
    correlation_length,
    correlation_ratio,
    spectrum,
)
from kadanoff.instruments.correlators import two_point


def ring_pull(coupling: float, assumed: float) -> float:
    """Of ξ on a ring of 12, drawn at one K, from √c/(1 - c), c = tanh of another.

    S(k) of the ring is that of the infinite chain times (1 - c^N)/(1 + c^N), and
    S(0)/S(k) - 1 = 4c sin²(k/2)/(1 - c)² there: ξ has no finite-size correction.
    """
    states = all_states((12,))
    probability = boltzmann(coupling * ring_energy(states))
    measured = correlation_length(
        draw(states, probability, chains=32, draws=2048, seed=3)
    )
    c = np.tanh(assumed)
    return float((measured.value - np.sqrt(c) / (1 - c)) / measured.error)


@pytest.mark.parametrize("coupling", [0.3, 0.8, 1.2])
def test_length_of_a_ring_is_the_closed_form(coupling):
    """3 checks at 4 σ; errors of 1 % notice a K wrong by 4 %."""
    assert abs(ring_pull(coupling, coupling)) < 4


def test_another_coupling_of_the_ring_is_seen():
    assert abs(ring_pull(0.8, 0.84)) > 4


def exact_length(shape: tuple[int, int], coupling: float) -> float:
    """By enumeration, ŝ_k written out along the longest sides."""
    states = all_states(shape).astype(float)
    law = planted(shape, {"nn": coupling})
    longest = max(shape)
    powers = []
    for axis in (k for k, side in enumerate(shape) if side == longest):
        x = np.indices(shape)[axis]
        waves = (states * np.exp(2j * np.pi * x / longest)).sum(axis=(1, 2))
        powers.append(law @ abs(waves) ** 2)
    zero = law @ states.sum(axis=(1, 2)) ** 2
    return np.sqrt(zero / np.mean(powers) - 1) / (2 * np.sin(np.pi / longest))


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_length_agrees_with_enumeration(shape):
    law = planted(shape, {"nn": 0.4})
    ensemble = draw(all_states(shape), law, chains=32, draws=1024, seed=5)
    measured = correlation_length(ensemble)
    pull = (measured.value - exact_length(shape, 0.4)) / measured.error
    assert abs(pull) < 4
    wrong = (measured.value - exact_length(shape, 0.43)) / measured.error
    assert abs(wrong) > 4  # the error is 1 %, the change of K 8 %
    ratio = correlation_ratio(ensemble)
    assert float(ratio.value) == pytest.approx(float(measured.value) / max(shape))


@pytest.mark.parametrize(
    "grid", [Grid((6, 4)), Grid((7,)), Grid((3, 4, 5)), Grid((8, 8)).coarsened(2)]
)
def test_spectrum_is_the_slow_sum(grid):
    spins = random_spins((2, 16, *grid.shape), seed=6)
    found = spectrum(Ensemble.from_values(spins, grid))
    flat = spins.reshape(32, -1).astype(float)
    sites = np.indices(grid.shape).reshape(grid.dimension, -1)
    spacing = np.linalg.norm(np.array(grid.basis), axis=1)
    rows: dict[float, list[float]] = {}
    for n in sites.T:
        phase = 2 * np.pi * (n[:, None] * sites / np.array(grid.shape)[:, None]).sum(0)
        power = (abs(flat @ np.exp(1j * phase)) ** 2).mean() / grid.size
        steps = 2 / spacing * np.sin(np.pi * n / np.array(grid.shape))
        rows.setdefault(round(float(np.linalg.norm(steps)), 6), []).append(power)
    assert np.allclose(found.wave, sorted(rows), rtol=0, atol=1e-5)
    expected = [np.mean(rows[k]) for k in sorted(rows)]
    assert np.allclose(found.value.value, expected, rtol=1e-5)


def test_spectrum_and_length_and_correlator_are_of_one_piece():
    tilted = np.random.default_rng(8).random((4, 50, 6, 6)) < 0.8
    ensemble = Ensemble.from_values((tilted * 2 - 1).astype(np.int8))
    s = spectrum(ensemble)
    xi = correlation_length(ensemble)
    again = combine(lambda v: np.sqrt(v[0] / v[1] - 1) / s.wave[1], s.value)
    assert float(again.value) == pytest.approx(float(xi.value), rel=1e-5)
    assert float(again.error) == pytest.approx(float(xi.error), rel=1e-3)
    # S(0) = Σ_r G(r), and lengths of a coarse lattice are in original sites.
    lengths = Grid((6, 6)).distance(np.zeros(2), Grid((6, 6)).positions())
    counts = np.unique(np.round(lengths, 9), return_counts=True)[1]
    total = two_point(ensemble).value.value @ counts
    assert float(s.value.value[0]) == pytest.approx(total, rel=1e-5)
    coarse = Ensemble.from_values(ensemble.values, Grid((12, 12)).coarsened(2))
    ratio = correlation_ratio(ensemble)
    assert np.isclose(correlation_length(coarse).value, 2 * xi.value)
    assert np.isclose(correlation_ratio(coarse).value, ratio.value)


def test_limits_of_the_length():
    up = Ensemble.from_values(np.ones((2, 4, 4, 4), np.int8))
    assert np.isinf(correlation_length(up).value)
    stripes = np.ones((2, 4, 4, 4), np.int8)
    stripes[..., 2:] = -1
    assert np.isnan(correlation_length(Ensemble.from_values(stripes)).value)


def test_skew_lattices_are_refused():
    skew = Grid((4, 4), basis=((1.0, 0.0), (0.5, 3**0.5 / 2)))
    ensemble = Ensemble.from_values(random_spins((2, 4, 4, 4), seed=9), skew)
    with pytest.raises(ValueError, match="directions at right angles"):
        correlation_length(ensemble)
