"""The free field against dense matrices, which know nothing of plane waves."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from kadanoff.exact import gaussian

SHAPES = [(2, 2), (4, 4), (3, 5), (2, 3), (6,), (2, 3, 4)]


def action_matrix(shape: tuple[int, ...], coupling: float) -> np.ndarray:
    """M with S = ½ φ M φ, one forward bond per site and direction."""
    sites = list(itertools.product(*map(range, shape)))
    number = {site: row for row, site in enumerate(sites)}
    matrix = 2.0 * np.eye(len(sites))
    for site, (axis, side) in itertools.product(sites, enumerate(shape)):
        ahead = list(site)
        ahead[axis] = (ahead[axis] + 1) % side
        i, j = number[site], number[tuple(ahead)]
        matrix[i, j] -= coupling
        matrix[j, i] -= coupling
    return matrix


def couplings(shape: tuple[int, ...]) -> list[float]:
    return [share / len(shape) for share in (-0.95, -0.3, 0.0, 0.5, 0.99)]


CASES = [(shape, k) for shape in SHAPES for k in couplings(shape)]


@pytest.mark.parametrize(("shape", "coupling"), CASES)
def test_the_correlations_are_the_inverse_matrix(
    shape: tuple[int, ...], coupling: float
) -> None:
    inverse = np.linalg.inv(action_matrix(shape, coupling))
    g = gaussian.correlation(shape, coupling)
    np.testing.assert_allclose(g.ravel(), inverse[0], rtol=0, atol=1e-13 * g.max())
    assert gaussian.field_squared(shape, coupling) == pytest.approx(inverse[0, 0])
    m2 = gaussian.magnetization_squared(shape, coupling)
    assert m2 == pytest.approx(inverse.mean(), rel=1e-11)


@pytest.mark.parametrize(("shape", "coupling"), CASES)
def test_the_energy_is_the_sum_over_bonds(
    shape: tuple[int, ...], coupling: float
) -> None:
    inverse = np.linalg.inv(action_matrix(shape, coupling))
    bonds = action_matrix(shape, -1.0) - 2 * np.eye(len(inverse))
    expected = -(bonds * inverse).sum() / 2 / len(inverse)
    assert gaussian.energy(shape, coupling) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("shape", "coupling"), CASES)
def test_log_partition_is_the_determinant(
    shape: tuple[int, ...], coupling: float
) -> None:
    _, log = np.linalg.slogdet(action_matrix(shape, coupling) / (2 * math.pi))
    assert gaussian.log_partition(shape, coupling) == pytest.approx(-log / 2, abs=1e-12)


def test_draws_from_the_law_have_the_average_action_of_equipartition() -> None:
    """⟨S⟩ = N/2: half a unit per mode, so ⟨φ²⟩ + K u = ½ at every K."""
    for coupling in (-0.4, 0.1, 0.49):
        action = gaussian.field_squared((7, 6), coupling)
        action += coupling * gaussian.energy((7, 6), coupling)
        assert action == pytest.approx(0.5, abs=1e-13)


def test_a_long_chain_decays_exponentially() -> None:
    """G(r) = e^{-r/ξ} / (2 sqrt(1 - K²)) with cosh 1/ξ = 1/K."""
    g = gaussian.correlation((200,), 0.8)
    expected = np.exp(-math.acosh(1 / 0.8) * np.arange(40)) / (2 * 0.6)
    np.testing.assert_allclose(g[:40], expected, rtol=0, atol=1e-15)


def test_control_single_bonds_on_a_side_of_two_are_noticed() -> None:
    single = 2 * np.eye(2) - 0.3 * np.array([[0, 1], [1, 0]])
    wrong = np.linalg.inv(single)[0, 0]
    assert abs(wrong - gaussian.field_squared((2,), 0.3)) > 0.01


def test_an_odd_side_allows_a_little_more_frustration() -> None:
    assert gaussian.field_squared((3, 3), -0.9) > 0
    with pytest.raises(ValueError, match=r"between -1 and 0.5, both excluded"):
        gaussian.field_squared((3, 3), -1.1)


@pytest.mark.parametrize("coupling", [0.5, 0.7, -0.5, math.nan, math.inf])
def test_an_unstable_coupling_is_refused(coupling: float) -> None:
    with pytest.raises(ValueError, match=r"between -0.5 and 0.5, both excluded"):
        gaussian.energy((4, 4), coupling)


@pytest.mark.parametrize("shape", [(), (1, 4), (4, 2.5)])
def test_a_bad_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="whole sides of at least 2"):
        gaussian.propagator(shape, 0.1)
