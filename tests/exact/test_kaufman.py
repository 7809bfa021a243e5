"""The finite torus against enumeration, transfer matrices and textbook Pfaffians."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest

from kadanoff.exact import kaufman, onsager
from kadanoff.exact.constants import ENERGY_C, K_C
from kadanoff.exact.enumerate import log_partition, moments
from kadanoff.exact.kaufman import Torus, coupling_at_energy, torus

SHAPES = [(2, 2), (2, 3), (3, 3), (3, 4), (4, 4), (2, 5), (3, 5)]
COUPLINGS = [-1.3, -0.4407, -0.1, 0.0, 0.2, K_C, 0.41, 1.5]


def assert_equal(value: Torus, expected: Torus, tolerance: float = 1e-12) -> None:
    assert value.log_partition == pytest.approx(expected.log_partition, rel=1e-12)
    assert value.energy == pytest.approx(expected.energy, abs=tolerance)
    assert value.heat_capacity == pytest.approx(expected.heat_capacity, abs=tolerance)


def enumerated(shape: tuple[int, int], coupling: float) -> Torus:
    averages = moments(shape, coupling)
    total = log_partition(shape, coupling)
    return Torus(total, averages.energy, averages.heat_capacity)


def transferred(shape: tuple[int, int], coupling: float) -> Torus:
    """tr T^n with two derivatives in K: powers of a block Toeplitz matrix.

    All weights are positive, so nothing cancels however frustrated the torus is.
    """
    m, n = shape
    rows = np.array(list(itertools.product((-1, 1), repeat=m)))
    inside = (rows * np.roll(rows, 1, axis=1)).sum(1)
    bonds = (rows @ rows.T + inside).astype(float)
    shift = (coupling * bonds).max()
    t = np.exp(coupling * bonds - shift)
    zero = np.zeros_like(t)
    step = np.block(
        [
            [t, bonds * t, bonds**2 * t / 2],
            [zero, t, bonds * t],
            [zero, zero, t],
        ]
    )
    top = np.linalg.matrix_power(step, n)[: len(t)]
    z, slope, half_bend = (
        np.trace(top[:, k * len(t) :][:, : len(t)]) for k in (0, 1, 2)
    )
    second = 2 * half_bend / z - (slope / z) ** 2
    return Torus(
        n * shift + math.log(z), -slope / z / (m * n), coupling**2 * second / (m * n)
    )


def pfaffians(shape: tuple[int, int], coupling: Any) -> Any:
    """ln Z = ln ½(-PP + PA + AP + AA) (2 cosh² K)^N: the textbook double products.

    In t = tanh K: (1+t²)² - 2t(1-t²)(cos p + cos q) for each momentum, its root for the
    pairs ±(p, q), and the roots 1-2t-t², 1+t², 1+2t-t² for the self-conjugate momenta.
    """
    t = mpmath.tanh(coupling)
    total = sum(
        (-1 if odd == (0, 0) else 1) * pfaffian(shape, odd, t)
        for odd in ((0, 0), (0, 1), (1, 0), (1, 1))
    )
    sites = shape[0] * shape[1]
    return mpmath.log(total / 2) + sites * mpmath.log(2 * mpmath.cosh(coupling) ** 2)


def pfaffian(shape: tuple[int, int], odd: tuple[int, int], t: Any) -> Any:
    momenta = [
        [mpmath.mpf(2 * k + shift) / side for k in range(side)]  # in units of π
        for side, shift in zip(shape, odd, strict=True)
    ]
    return mpmath.fprod(root(p, q, t) for p, q in itertools.product(*momenta))


def root(p: Any, q: Any, t: Any) -> Any:
    if p in (0, 1) and q in (0, 1):
        return {0: 1 - 2 * t - t**2, 1: 1 + t**2, 2: 1 + 2 * t - t**2}[int(p + q)]
    cosines = mpmath.cospi(p) + mpmath.cospi(q)
    return mpmath.sqrt((1 + t**2) ** 2 - 2 * t * (1 - t**2) * cosines)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_small_tori_are_those_enumerated(
    shape: tuple[int, int], coupling: float
) -> None:
    m, n = shape
    for sides in ((m, n), (n, m)):
        assert_equal(torus(sides, coupling), enumerated(shape, coupling))


@pytest.mark.parametrize("coupling", [-30.0, -5.0, -K_C, -1e-9, 1e-9, 5.0, 200.0])
@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (3, 4), (4, 3), (4, 4)])
def test_extreme_couplings_are_those_enumerated(
    shape: tuple[int, int], coupling: float
) -> None:
    assert_equal(torus(shape, coupling), enumerated(shape, coupling))


@pytest.mark.parametrize("coupling", [-0.02 * k for k in range(1, 60, 3)])
def test_no_step_where_extra_digits_set_in(coupling: float) -> None:
    """Frustrated: somewhere here the module leaves double precision."""
    assert_equal(torus((3, 5), coupling), enumerated((3, 5), coupling))


@pytest.mark.parametrize("coupling", [-2.0, -0.6, -0.2, 0.7])
@pytest.mark.parametrize("shape", [(5, 9), (5, 8), (6, 9), (7, 7)])
def test_odd_tori_are_those_of_the_transfer_matrix(
    shape: tuple[int, int], coupling: float
) -> None:
    assert_equal(torus(shape, coupling), transferred(shape, coupling), 1e-11)


@pytest.mark.parametrize("coupling", [0.41, -0.41, 0.9])
def test_the_derivatives_are_those_of_the_textbook_form(coupling: float) -> None:
    with mpmath.workdps(40):
        value, slope, bend = mpmath.taylor(
            lambda k: pfaffians((7, 12), k), mpmath.mpf(coupling), 2
        )
        expected = Torus(
            float(value), float(-slope / 84), float(2 * bend * coupling**2 / 84)
        )
    assert_equal(torus((7, 12), coupling), expected)


@pytest.mark.parametrize("coupling", [K_C, -K_C, 0.3, -0.8])
def test_the_two_directions_are_equivalent(coupling: float) -> None:
    assert_equal(torus((6, 32), coupling), torus((32, 6), coupling))
    assert_equal(torus((15, 8), coupling), torus((8, 15), coupling))


def test_an_antiferromagnet_on_even_sides_is_a_ferromagnet_in_disguise() -> None:
    ferro, anti = torus((8, 14), 0.5), torus((8, 14), -0.5)
    assert_equal(anti, Torus(ferro.log_partition, -ferro.energy, ferro.heat_capacity))


@pytest.mark.parametrize(
    ("side", "total"), [(4, 15.521915458755), (16, 238.642256635133)]
)
def test_log_partition_at_criticality(side: int, total: float) -> None:
    assert torus((side, side), K_C).log_partition == pytest.approx(total, abs=1e-12)


def test_energy_and_heat_capacity_at_criticality() -> None:
    assert torus((32, 32), K_C).energy == pytest.approx(-1.43366, abs=5e-6)
    assert torus((64, 64), K_C).energy == pytest.approx(-1.42394, abs=5e-6)
    assert torus((10, 10), K_C).heat_capacity == pytest.approx(1.26002, abs=5e-6)


def test_the_critical_energy_approaches_onsager_as_one_over_the_side() -> None:
    """Ferdinand and Fisher, Phys. Rev. 185, 832 (1969): u = -√2 - 0.62244/L + …"""
    for side, tolerance in ((64, 2e-4), (512, 5e-6)):
        amplitude = side * (ENERGY_C - torus((side, side), K_C).energy)
        assert amplitude == pytest.approx(0.62244, abs=tolerance)


@pytest.mark.parametrize("coupling", [-0.6, -0.3, 0.05, 0.3, 0.6])
def test_off_criticality_the_torus_is_infinite(coupling: float) -> None:
    finite = torus((64, 64), coupling)
    # Two ordered phases: ln 2 beyond the bulk.
    bulk = finite.log_partition - math.log(2) * (abs(coupling) > K_C)
    expected = onsager.log_partition_per_site(coupling)
    assert bulk / 64**2 == pytest.approx(expected, abs=1e-14)
    assert finite.energy == pytest.approx(onsager.energy(coupling), abs=1e-12)
    assert finite.heat_capacity == pytest.approx(
        onsager.heat_capacity(coupling), abs=1e-11
    )


@pytest.mark.parametrize("shape", [(512, 512), (16, 500), (500, 16), (63, 64)])
def test_double_precision_is_enough_on_large_tori(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = torus(shape, K_C)
    monkeypatch.setattr(kaufman, "_cancels", lambda terms: True)
    monkeypatch.setattr(kaufman, "_bits", lambda *arguments: 160)
    assert_equal(fast, torus(shape, K_C), 1e-11)


def test_very_strong_couplings_leave_the_ground_states() -> None:
    assert torus((6, 9), 1e5) == Torus(2 * 54 * 1e5 + math.log(2), -2.0, 0.0)
    assert torus((6, 8), -1e5) == Torus(2 * 48 * 1e5 + math.log(2), 2.0, 0.0)
    frustrated = torus((3, 3), -1e5)
    ground = enumerated((3, 3), -1e5)
    assert_equal(frustrated, ground)


@pytest.mark.parametrize(
    ("root", "harmless", "wrong"), [("below", 0.4, 0.5), ("above", -0.4, -0.5)]
)
def test_control_a_root_without_its_sign_is_noticed(
    root: str, harmless: float, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """γ_0 = 2K + ln tanh K (and its mirror at q = π) must be allowed below zero."""
    truth = kaufman._scaled

    def unsigned(coupling: float, decay: Any) -> Any:
        cosh, sinh, below, above = truth(coupling, decay)
        if root == "below":
            return cosh, sinh, below if below.f > 0 else -below, above
        return cosh, sinh, below, above if above.f > 0 else -above

    monkeypatch.setattr(kaufman, "_scaled", unsigned)
    assert_equal(torus((4, 4), harmless), enumerated((4, 4), harmless))
    error = torus((4, 4), wrong).energy - enumerated((4, 4), wrong).energy
    assert abs(error) > 1e-2


def test_control_frustration_needs_the_extra_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kaufman, "_cancels", lambda terms: False)
    error = torus((5, 9), -1.2).energy - transferred((5, 9), -1.2).energy
    assert abs(error) > 1e-8


@pytest.mark.parametrize("coupling", [-1.1, -0.4, -1e-7, 1e-12, 0.2, K_C, 0.6, 1.4])
@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (3, 5), (32, 32)])
def test_the_energy_is_inverted(shape: tuple[int, int], coupling: float) -> None:
    found = coupling_at_energy(shape, torus(shape, coupling).energy)
    # Rounding of u, about 1e-15, over the slope |du/dK|.
    slope = torus(shape, coupling).heat_capacity / coupling**2
    assert found == pytest.approx(coupling, abs=1e-13 + 4e-15 / slope)


@pytest.mark.parametrize("energy", [-1e-18, 0.0, 1e-18])
@pytest.mark.parametrize("shape", [(6, 7), (2, 15), (2, 28)])
def test_zero_and_minute_energies_are_inverted(
    shape: tuple[int, int], energy: float
) -> None:
    """At K = 0 the last two tori have u = -2e-16 and +4e-16 by rounding."""
    assert coupling_at_energy(shape, energy) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("shape", [(4, 4), (3, 3), (4, 5)])
def test_the_whole_open_range_is_inverted(shape: tuple[int, int]) -> None:
    m, n = shape
    top = 2 - 2 * (n * (m % 2) + m * (n % 2)) / (m * n)
    for energy in (math.nextafter(-2, 0), -2 + 1e-9, top - 1e-9):
        found = torus(shape, coupling_at_energy(shape, energy)).energy
        assert found == pytest.approx(energy, abs=1e-14)


@pytest.mark.parametrize(
    ("shape", "energy"),
    [
        ((4, 4), -2.0),
        ((4, 4), 2.0),
        ((4, 4), math.nan),
        ((3, 3), 2 / 3),
        ((3, 4), 2 - 8 / 12),
    ],
)
def test_an_energy_outside_the_curve_is_refused(
    shape: tuple[int, int], energy: float
) -> None:
    with pytest.raises(ValueError, match=r"must lie between -2 and .*, both excluded"):
        coupling_at_energy(shape, energy)


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (4,), (4, 4, 4), (4.5, 4)])
def test_a_bad_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="two whole sides of at least 2"):
        torus(shape, 0.4)
    with pytest.raises(ValueError, match="two whole sides of at least 2"):
        coupling_at_energy(shape, -1.0)


@pytest.mark.parametrize("coupling", [math.nan, math.inf, -math.inf])
def test_a_coupling_that_is_not_finite_is_refused(coupling: float) -> None:
    with pytest.raises(ValueError, match="finite real number"):
        torus((4, 4), coupling)
