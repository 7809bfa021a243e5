"""Quadrature of the φ⁴ field against its two limits, more nodes and a plain sum."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest

from kadanoff.exact import enumerate as states
from kadanoff.exact import gaussian, phi4
from kadanoff.exact.phi4 import FieldMoments

CASES = [(-0.6, 0.5), (0.0, 2.0), (0.3, 0.02), (0.44, 1.0), (1.2, 0.3), (0.5, 100.0)]


def assert_equal(value: FieldMoments, expected: FieldMoments, tolerance: float) -> None:
    np.testing.assert_allclose(
        astuple(value), astuple(expected), rtol=tolerance, atol=tolerance
    )


def plain_sum(coupling: float, quartic: float, points: int) -> FieldMoments:
    """The 2×2 torus by a four-fold sum over Gauss-Legendre points, bond by bond."""
    x, weight = np.polynomial.legendre.leggauss(points)
    reach = phi4._reach(2 * abs(coupling), quartic)
    x, weight = reach * x, reach * weight
    own = weight * np.exp(-(x**2) - quartic * (x**2 - 1) ** 2)
    a, b, c, d = np.meshgrid(x, x, x, x, indexing="ij", sparse=True)
    # Sites a b over c d: right, down, and once more around each side of two.
    bonds = a * b + b * a + c * d + d * c + a * c + c * a + b * d + d * b
    law = np.exp(coupling * bonds)
    for axis in range(4):
        law = law * own.reshape([-1 if k == axis else 1 for k in range(4)])
    z = law.sum()
    return FieldMoments(
        log_partition=math.log(z),
        energy=-(law * bonds).sum() / z / 4,
        phi2=(law * a**2).sum() / z,
        phi4=(law * b**4).sum() / z,
        m2=(law * (a + b + c + d) ** 2).sum() / z / 16,
    )


@pytest.mark.parametrize(("coupling", "quartic"), [(0.3, 0.5), (-0.4, 0.2), (0.6, 1.0)])
def test_the_square_of_four_is_its_plain_sum(coupling: float, quartic: float) -> None:
    exact = phi4.moments((2, 2), coupling, quartic)
    assert_equal(exact, plain_sum(coupling, quartic, 48), 1e-9)


@pytest.mark.parametrize(("coupling", "quartic"), CASES)
@pytest.mark.parametrize("shape", [(2, 2), (3,), (8,)])
def test_more_nodes_change_nothing(
    shape: tuple[int, ...], coupling: float, quartic: float
) -> None:
    default = phi4.moments(shape, coupling, quartic)
    assert_equal(default, phi4.moments(shape, coupling, quartic, nodes=800), 1e-12)


def test_the_error_falls_faster_than_any_power_of_the_nodes() -> None:
    truth = phi4.moments((2, 2), 0.4, 1.0).phi2
    errors = [
        abs(phi4.moments((2, 2), 0.4, 1.0, nodes=n).phi2 - truth) for n in (9, 17, 33)
    ]
    # Each doubling more than squares the error: at order p it would divide by 2^p.
    assert errors[0] > 1e-3
    assert errors[1] < errors[0] ** 1.8
    assert errors[2] < errors[1] ** 1.8


@pytest.mark.parametrize(
    ("shape", "coupling"),
    [((2, 2), 0.3), ((2, 2), -0.45), ((5,), 0.6), ((2,), -0.8), ((12,), 0.95)],
)
def test_without_quartic_term_it_is_the_free_field(
    shape: tuple[int, ...], coupling: float
) -> None:
    exact = phi4.moments(shape, coupling, 0.0)
    phi2 = gaussian.field_squared(shape, coupling)
    free = FieldMoments(
        gaussian.log_partition(shape, coupling),
        gaussian.energy(shape, coupling),
        phi2,
        3 * phi2**2,
        gaussian.magnetization_squared(shape, coupling),
    )
    assert_equal(exact, free, 1e-11)


def test_correlations_around_a_ring_are_those_of_the_free_field() -> None:
    g = phi4.correlation(7, 0.7, 0.0)
    np.testing.assert_allclose(g, gaussian.correlation((7,), 0.7), atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 2), (6,)])
def test_with_a_strong_quartic_term_it_is_the_ising_model(
    shape: tuple[int, ...],
) -> None:
    """The wells have width 1/√(8λ): corrections fall as 1/λ."""
    ising = states.moments(shape, 0.3)
    errors = []
    for quartic in (250.0, 500.0, 1000.0):
        field = phi4.moments(shape, 0.3, quartic)
        errors.append((field.energy - ising.energy, field.m2 - ising.m2))
    first, second, third = np.array(errors)
    np.testing.assert_allclose(first / second, 2, atol=0.05)
    np.testing.assert_allclose(second / third, 2, atol=0.03)
    assert np.all(abs(third) < 2e-3)


@pytest.mark.parametrize(("coupling", "quartic"), CASES)
def test_the_energy_is_the_slope_of_the_log_partition(
    coupling: float, quartic: float
) -> None:
    step = 1e-4
    ahead, behind = (
        phi4.moments((2, 2), coupling + s * step, quartic).log_partition
        for s in (1, -1)
    )
    energy = phi4.moments((2, 2), coupling, quartic).energy
    assert energy == pytest.approx(-(ahead - behind) / (8 * step), abs=1e-5)


@pytest.mark.parametrize(("coupling", "quartic"), CASES)
def test_the_field_obeys_its_equation_of_motion(
    coupling: float, quartic: float
) -> None:
    """⟨φ ∂S/∂φ⟩ = 1: 2⟨φ²⟩ + 4λ(⟨φ⁴⟩ - ⟨φ²⟩) + 2Ku = 1 (Schwinger and Dyson)."""
    for shape in ((2, 2), (5,)):
        field = phi4.moments(shape, coupling, quartic)
        motion = 2 * field.phi2 + 4 * quartic * (field.phi4 - field.phi2)
        assert motion + 2 * coupling * field.energy == pytest.approx(1, abs=1e-9)


def test_control_a_ring_of_four_with_single_bonds_is_noticed() -> None:
    single, double = phi4.moments((4,), 0.3, 0.5), phi4.moments((2, 2), 0.3, 0.5)
    assert abs(single.phi2 - double.phi2) > 0.01
    assert phi4.moments((4,), 0.6, 0.5).m2 == pytest.approx(double.m2, rel=1e-13)


@pytest.mark.parametrize("shape", [(), (1,), (3, 3), (2, 2, 2), (2.5,)])
def test_a_bad_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="at least 2 sites or the shape"):
        phi4.moments(shape, 0.1, 1.0)


@pytest.mark.parametrize(
    ("coupling", "quartic", "sentence"),
    [
        (0.5, 0.0, "below 0.5 in size"),
        (math.nan, 1.0, "must be finite"),
        (0.1, -1.0, "finite λ of at least 0"),
        (0.1, math.inf, "finite λ of at least 0"),
    ],
)
def test_a_field_that_does_not_exist_is_refused(
    coupling: float, quartic: float, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        phi4.moments((2, 2), coupling, quartic)


def test_too_few_nodes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8 nodes, got 4"):
        phi4.moments((2, 2), 0.1, 1.0, nodes=4)


def test_wells_too_narrow_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 2000; take a smaller λ"):
        phi4.moments((2, 2), 0.1, 1e6)
