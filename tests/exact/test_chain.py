"""Rings and lines against enumeration, closed forms and exact decimation."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from kadanoff.exact import chain
from kadanoff.exact.chain import (
    Ring,
    correlation_length,
    line,
    line_two_point,
    potts_correlation_length,
    potts_line,
    potts_line_two_point,
    potts_ring,
    potts_ring_two_point,
    ring,
    ring_two_point,
)
from kadanoff.exact.pairs import Law, law

COUPLINGS = [-3.0, -0.5, 0.0, 0.3, 1.1]
TERMS = [(0.0, 0.0), (0.4, 0.0), (0.0, 0.7), (0.0, -0.6), (-0.3, 0.5), (1.2, -0.8)]


def enumerated(n: int, coupling: float, field: float, second: float) -> Law:
    sites = np.arange(n)
    near, next_near = (np.stack([sites, (sites + k) % n], axis=1) for k in (1, 2))
    if not second:
        return law(n, near, coupling, field=field)
    strength = np.repeat([1.0, second], n)
    bonds = np.concatenate([near, next_near])
    return law(n, bonds, coupling, strength=strength, field=field)


def assert_equal(value: Any, expected: Any, tolerance: float = 1e-12) -> None:
    assert value.log_partition == pytest.approx(expected.log_partition, rel=1e-13)
    for name in ("energy", "heat_capacity", "magnetization"):
        assert getattr(value, name) == pytest.approx(
            getattr(expected, name), abs=tolerance
        ), name


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize(("field", "second"), TERMS)
@pytest.mark.parametrize("n", [2, 3, 4, 7, 10])
def test_rings_are_those_enumerated(
    n: int, field: float, second: float, coupling: float
) -> None:
    if n == 2 and second:
        with pytest.raises(ValueError, match="at least 3 sites, got 2"):
            ring(n, coupling, field=field, second=second)
        return
    expected = enumerated(n, coupling, field, second)
    assert_equal(ring(n, coupling, field=field, second=second), expected)
    value = ring_two_point(n, coupling, field=field, second=second)
    np.testing.assert_allclose(
        value, expected.two_point[0, : n // 2 + 1], atol=1e-13, rtol=0
    )


@pytest.mark.parametrize("coupling", [-2.0, -0.4, 0.0, 0.8])
@pytest.mark.parametrize(("n", "q"), [(2, 3), (5, 2), (5, 3), (6, 4), (4, 7)])
def test_rings_of_colours_are_those_enumerated(n: int, q: int, coupling: float) -> None:
    sites = np.arange(n)
    expected = law(n, np.stack([sites, (sites + 1) % n], axis=1), coupling, q=q)
    assert_equal(potts_ring(n, coupling, q), expected)
    np.testing.assert_allclose(
        potts_ring_two_point(n, coupling, q),
        expected.two_point[0, : n // 2 + 1],
        atol=1e-13,
    )


@pytest.mark.parametrize("coupling", [-300.0, -40.0, -5.0, 5.0, 40.0, 300.0, 1e5])
@pytest.mark.parametrize(("field", "second"), [(0.0, 0.0), (0.5, 0.0), (0.0, -0.7)])
def test_strong_couplings_are_those_enumerated(
    field: float, second: float, coupling: float
) -> None:
    """Frustrated rings among them, whose every state weighs next to nothing."""
    expected = enumerated(7, coupling, field, second)
    value = ring(7, coupling, field=field, second=second)
    assert_equal(value, expected, 1e-13 * max(1.0, coupling**2))


def closed_form(n: int, coupling: float, field: float, q: int | None) -> Ring:
    """tr Tⁿ from the two eigenvalues, differentiated with fifty digits."""

    def total(k: Any, h: Any = field) -> Any:
        if q is not None:
            return mpmath.log(
                (mpmath.exp(k) + q - 1) ** n + (q - 1) * mpmath.expm1(k) ** n
            )
        cosh, sinh = (
            mpmath.exp(k) * mpmath.cosh(k * h),
            mpmath.exp(k) * mpmath.sinh(k * h),
        )
        root = mpmath.sqrt(sinh**2 + mpmath.exp(-2 * k))
        return mpmath.log((cosh + root) ** n + (cosh - root) ** n)

    with mpmath.workdps(50):
        value, slope, bend = mpmath.taylor(total, mpmath.mpf(coupling), 2)
        lean = mpmath.diff(lambda h: total(mpmath.mpf(coupling), h), field)
        magnetization = 0.0 if q else float(lean / (n * coupling))
        return Ring(
            float(value),
            float(-slope / n),
            float(2 * bend * coupling**2 / n),
            magnetization,
        )


@pytest.mark.parametrize("coupling", [-2.5, -0.2, 0.4, 3.0])
@pytest.mark.parametrize("n", [33, 1000, 65537])
@pytest.mark.parametrize(
    ("field", "q"), [(0.0, None), (0.3, None), (0.0, 3), (0.0, 50)]
)
def test_long_rings_are_the_closed_form(
    n: int, field: float, q: int | None, coupling: float
) -> None:
    value = ring(n, coupling, field=field) if q is None else potts_ring(n, coupling, q)
    assert_equal(value, closed_form(n, coupling, field, q), 1e-11)


@pytest.mark.parametrize(
    "coupling", [-300.0, -30.0, -1.0, -1e-9, 0.2, 2.0, 30.0, 290.0]
)
def test_the_line_is_the_closed_form(coupling: float) -> None:
    """To a relative 1e-10, the smallest heat capacities included."""
    value = line(coupling)
    with mpmath.workdps(400):
        k = mpmath.mpf(coupling)
        capacity = float((k / mpmath.cosh(k)) ** 2)
        total = float(mpmath.log(2 * mpmath.cosh(k)))
    assert value.log_partition_per_site == pytest.approx(total, rel=1e-13)
    assert value.energy == pytest.approx(-math.tanh(coupling), rel=1e-13)
    assert value.heat_capacity == pytest.approx(capacity, rel=1e-10)
    assert value.magnetization == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("coupling", [-40.0, -1.0, 0.7, 12.0])
@pytest.mark.parametrize("q", [2, 3, 10])
def test_the_line_of_colours_is_the_closed_form(q: int, coupling: float) -> None:
    value = potts_line(coupling, q)
    e = math.exp(coupling)
    like = e / (e + q - 1)
    assert value.log_partition_per_site == pytest.approx(math.log(e + q - 1), rel=1e-13)
    assert value.energy == pytest.approx(-like, abs=1e-13)
    capacity = coupling**2 * like * ((q - 1) / (e + q - 1))
    assert value.heat_capacity == pytest.approx(capacity, rel=1e-10)


@pytest.mark.parametrize("coupling", [-1.5, 0.4, 2.0])
def test_the_magnetization_of_the_line_is_that_of_the_textbook(coupling: float) -> None:
    """sinh H / (sinh² H + e^{-4K})^{1/2}."""
    sinh = math.sinh(0.25 * coupling)
    expected = sinh / math.sqrt(sinh**2 + math.exp(-4 * coupling))
    assert line(coupling, field=0.25).magnetization == pytest.approx(
        expected, abs=1e-13
    )


@pytest.mark.parametrize("coupling", [-0.7, 0.4])
@pytest.mark.parametrize(("field", "second"), TERMS)
def test_the_line_is_a_long_ring(field: float, second: float, coupling: float) -> None:
    long = ring(3000, coupling, field=field, second=second)
    value = line(coupling, field=field, second=second)
    assert value.log_partition_per_site == pytest.approx(
        long.log_partition / 3000, rel=1e-13
    )
    for name in ("energy", "heat_capacity", "magnetization"):
        assert getattr(value, name) == pytest.approx(getattr(long, name), abs=1e-12)
    np.testing.assert_allclose(
        line_two_point(30, coupling, field=field, second=second),
        ring_two_point(3000, coupling, field=field, second=second)[:31],
        atol=1e-12,
    )


@pytest.mark.parametrize("coupling", [-0.6, 0.3, 1.5])
def test_second_neighbours_alone_are_a_chain_of_bonds_in_a_field(
    coupling: float,
) -> None:
    """τ_i = s_i s_{i+1} turns r into a coupling and the bond into a field."""
    second = 0.8
    value = line(coupling, second=second)
    dual = line(second * coupling, field=1 / second)
    assert value.log_partition_per_site == pytest.approx(
        dual.log_partition_per_site, rel=1e-13
    )
    assert value.energy == pytest.approx(second * dual.energy, abs=1e-13)
    assert value.heat_capacity == pytest.approx(dual.heat_capacity, abs=1e-12)


@pytest.mark.parametrize("coupling", [-1.2, -0.3, 0.05, 0.9, 3.0])
@pytest.mark.parametrize("n", [4, 10, 64])
def test_decimating_every_other_spin_is_exact(n: int, coupling: float) -> None:
    """K′ = ½ ln cosh 2K = artanh(tanh² K), each spin left with ln 2 + ½ ln cosh 2K.

    Z, the correlator at even distances and the correlation length all follow.
    """
    coarse = math.log(math.cosh(2 * coupling)) / 2
    assert math.tanh(coarse) == pytest.approx(math.tanh(coupling) ** 2, rel=1e-13)
    left = n // 2 * (math.log(2) + coarse)
    assert ring(n, coupling).log_partition == pytest.approx(
        left + ring(n // 2, coarse).log_partition, rel=1e-13
    )
    assert line(coupling).log_partition_per_site == pytest.approx(
        (math.log(2) + coarse + line(coarse).log_partition_per_site) / 2, rel=1e-13
    )
    np.testing.assert_allclose(
        ring_two_point(n, coupling)[::2],
        ring_two_point(n // 2, coarse)[: n // 4 + 1],
        atol=1e-13,
    )
    assert 2 * correlation_length(coarse) == pytest.approx(
        correlation_length(coupling), rel=1e-11
    )


def test_a_wrong_recursion_is_seen() -> None:
    coarse = math.atanh(math.tanh(0.9) ** 2.01)
    wrong = 32 * (math.log(2) + coarse) + ring(32, coarse).log_partition
    assert wrong != pytest.approx(ring(64, 0.9).log_partition, rel=1e-4)


def test_free_energies_flow_from_strong_coupling_to_none() -> None:
    """ln Z/N = Σ_k 2^-k (ln 2 + K_{k+1})/2 along the flow."""
    coupling, total = 1.3, 0.0
    for step in range(60):
        coupling = math.log(math.cosh(2 * coupling)) / 2
        total += 2.0**-step * (math.log(2) + coupling) / 2
    value = line(1.3).log_partition_per_site
    assert total == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize(
    "coupling", [-300.0, -20.0, -1e-9, 1e-3, 0.5, 4.0, 20.0, 300.0]
)
def test_the_correlation_length_without_field(coupling: float) -> None:
    with mpmath.workdps(400):
        expected = float(-1 / mpmath.log(abs(mpmath.tanh(coupling))))
    assert correlation_length(coupling) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("coupling", [-0.9, 0.6])
@pytest.mark.parametrize(
    ("field", "second"), [(0.2, 0.0), (0.0, 0.3), (0.1, 0.3), (0.2, 0.1)]
)
def test_connected_correlators_fall_with_the_correlation_length(
    field: float, second: float, coupling: float
) -> None:
    # The sign at which both bonds agree: no oscillation.
    terms = {"field": field, "second": math.copysign(second, coupling)}
    m = line(coupling, **terms).magnetization
    connected = np.abs(line_two_point(12, coupling, **terms) - m**2)
    rate = math.log(connected[8] / connected[12]) / 4
    # The next eigenvalue is gone by then: an equal factor per site, to a few percent.
    assert 1 / rate == pytest.approx(correlation_length(coupling, **terms), rel=0.03)


@pytest.mark.parametrize("coupling", [-3.0, -0.4, 1e-9, 0.3, 3.0])
@pytest.mark.parametrize("second", [-2.0, -0.51, -0.3, 1e-9, 0.4])
def test_the_length_is_that_of_the_transfer_matrix(
    second: float, coupling: float
) -> None:
    """All four eigenvalues with fifty digits, sorted by the parity of their vectors."""
    with mpmath.workdps(50):
        k, r = mpmath.mpf(coupling), mpmath.mpf(second)
        sectors = [
            mpmath.matrix(
                [
                    [mpmath.exp(k + r * k), mpmath.exp(-k - r * k)],
                    [parity * mpmath.exp(k - r * k), parity * mpmath.exp(r * k - k)],
                ]
            )
            for parity in (1, -1)
        ]
        even, odd = (
            max(abs(x) for x in mpmath.eig(m, left=False, right=False)) for m in sectors
        )
        expected = float(1 / mpmath.log(even / odd))
    value = correlation_length(coupling, second=second)
    assert value == pytest.approx(expected, rel=1e-13 + 1e-15 * expected)


@pytest.mark.parametrize("coupling", [-0.8, 0.5])
def test_a_small_second_coupling_changes_the_length_a_little(coupling: float) -> None:
    for field in (0.0, 0.3):
        near = correlation_length(coupling, field=field, second=1e-10)
        expected = correlation_length(coupling, field=field)
        assert near == pytest.approx(expected, rel=1e-7)
        assert near != expected


def test_an_oscillating_decay_has_the_length_of_its_envelope() -> None:
    """Beyond the disorder line λ = ±i|λ|: |λ|² is the determinant, 2 sinh 2|r|K."""
    k, r = 0.5, -0.7
    largest = math.exp(r * k) * math.cosh(k) + math.sqrt(
        (math.exp(r * k) * math.sinh(k)) ** 2 + math.exp(-2 * r * k)
    )
    rate = math.log(largest / math.sqrt(2 * math.sinh(2 * abs(r) * k)))
    assert correlation_length(k, second=r) == pytest.approx(1 / rate, rel=1e-12)


@pytest.mark.parametrize(
    ("coupling", "q"), [(-0.8, 3), (0.7, 3), (2.0, 2), (5.0, 8), (-9.0, 2)]
)
def test_colours_fall_with_their_correlation_length(coupling: float, q: int) -> None:
    values = np.abs(potts_line_two_point(6, coupling, q))
    expected = np.exp(-np.arange(7) / potts_correlation_length(coupling, q))
    np.testing.assert_allclose(values, expected, rtol=1e-11)


def test_nothing_is_correlated_without_a_coupling() -> None:
    assert correlation_length(0.0) == 0
    assert correlation_length(0.0, second=0.5) == 0
    assert potts_correlation_length(0.0, 3) == 0
    assert line_two_point(3, 0.0) == pytest.approx([1, 0, 0, 0], abs=1e-15)
    assert line(0.0).log_partition_per_site == pytest.approx(math.log(2), rel=1e-14)


def test_a_missing_spread_of_means_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the variance of a mixture is the variance of its means."""
    whole = chain._mix

    def flat(log: Any, mean: Any, variance: Any, axis: int) -> Any:
        total, middle, _ = whole(log, mean, variance, axis)
        return total, middle, whole(log, 0 * mean, variance, axis)[2]

    monkeypatch.setattr(chain, "_mix", flat)
    expected = enumerated(7, 0.5, 0.0, 0.0).heat_capacity
    assert abs(ring(7, 0.5).heat_capacity - expected) > 1e-2


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ring(1, 0.5), "at least 2 sites, got 1"),
        (lambda: ring_two_point(2, 0.5, second=0.1), "at least 3 sites, got 2"),
        (lambda: potts_ring(4, 0.5, 1), "at least 2 colours, got q = 1"),
        (lambda: potts_correlation_length(0.5, 0), "at least 2 colours"),
        (lambda: line(math.nan), "must be finite numbers, got nan"),
        (lambda: line(0.1, field=math.inf), "must be finite numbers, got inf"),
        (lambda: correlation_length(0.1, second=math.inf), "must be finite numbers"),
        (lambda: potts_line(math.inf, 3), "must be finite numbers, got inf"),
        (lambda: line_two_point(-1, 0.3), "whole number of sites, got -1"),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
