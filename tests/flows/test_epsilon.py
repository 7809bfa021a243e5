"""The ε-expansion against the general two-loop functions and many components.

The general functions are those of a potential V(φ) of any number of fields (I. Jack and
H. Osborn, J. Phys. A 16, 1101 (1983)), in units in which one loop has the factor ½:

    dV/dl = d V - (d-2)/2 φ·V_i - ½ V_ij V_ij + ½ V_ij V_ikl V_jkl - φ_i γ_ij V_j,
    γ_ij = V_iklm V_jklm / 12

for minimal subtraction. Put V = t φ²/2 + (g/2) (φ²)²/24 in, and all dependence on n
follows.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from kadanoff.flows.epsilon import (
    WilsonFisher,
    coupling,
    eta,
    inverse_nu,
    nu,
    omega,
)
from kadanoff.flows.fixed_point import fixed_point, linearised
from kadanoff.flows.theory import vector


def large_n_eta(d: Any) -> Any:
    """η₁ of η = η₁/n + …, -4 Γ(d-2) / [Γ(2-d/2) Γ(d/2-1) Γ(d/2-2) Γ(d/2+1)].

    S.-K. Ma, Phys. Rev. A 7, 2172 (1973); 8/(3π²) in three dimensions.
    """
    half = d / 2
    below = mpmath.gamma(2 - half) * mpmath.gamma(half - 1)
    below *= mpmath.gamma(half - 2) * mpmath.gamma(half + 1)
    return -4 * mpmath.gamma(d - 2) / below


def taylor(function: Any, order: int) -> list[float]:
    """Coefficients in ε of a function of d = 4 - ε, by interpolation."""
    with mpmath.workdps(60):
        points = [mpmath.mpf(k) / 1000 for k in range(1, order + 12)]
        rows = mpmath.matrix([[e**k for k in range(len(points))] for e in points])
        values = mpmath.matrix([function(4 - e) for e in points])
        solution = mpmath.lu_solve(rows, values)
        return [float(solution[k]) for k in range(order + 1)]


def at_many_components(series: Any, order: int) -> tuple[list[int], list[float]]:
    """Limits n → ∞ of the coefficients, and of n times what is left."""
    n = 10**9
    exact = series(n).coefficients[: order + 1]
    limit = [round(float(c)) for c in exact]
    rest = [float(n * (c - k)) for c, k in zip(exact, limit, strict=True)]
    return limit, rest


def potential_flow(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of g² and g³ in dg/dl, of t g and t g² in dt/dl, by tensors."""
    index = list(itertools.product(range(n), repeat=4))
    quartic = np.zeros((n,) * 4)
    for i, j, k, l in index:
        pairs = (i == j) * (k == l) + (i == k) * (j == l) + (i == l) * (j == k)
        quartic[i, j, k, l] = pairs / 3
    field = np.zeros(n)
    field[0] = 1.0
    # Along one direction V = g x⁴/24 + t x²/2: what multiplies x⁴ and t x².
    second_g = np.einsum("ijkl,k,l->ij", quartic, field, field) / 2
    third_g = np.einsum("ijkl,l->ijk", quartic, field)
    gamma = np.einsum("iklm,jklm->ij", quartic, quartic) / 12
    first_g = np.einsum("ijkl,j,k,l->i", quartic, field, field, field) / 6
    one = -0.5 * (second_g * second_g).sum() * 24
    two = 0.5 * np.einsum("ij,ikl,jkl->", second_g, third_g, third_g)
    two -= field @ gamma @ first_g
    mass_one = -0.5 * 2 * np.trace(second_g) * 2
    mass_two = 0.5 * np.einsum("ikl,ikl->", third_g, third_g) - gamma[0, 0]
    # The potential has g/2.
    return np.array([one / 2, 6 * two]), np.array([mass_one / 2, mass_two / 2])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_loops_are_those_of_the_general_potential(n: int) -> None:
    quartic, mass = potential_flow(n)
    flow = WilsonFisher(n, 0.0, 2)
    for g in (0.1, 0.7):
        rate = flow.rate(vector(flow, {"quartic": g, "mass": 1.0})).tolist()
        assert rate[0] == pytest.approx(quartic @ [g**2, g**3], rel=1e-12)
        assert rate[1] == pytest.approx(2 + mass @ [g, g**2], rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_anomalous_dimension_counts_its_tensors(n: int) -> None:
    """η = 2γ at two loops; at three ∝ V_iklm V_jkpq V_lmpq, whose number 1/n fixes.

    So its dependence on n is (n + 2)(n + 8), as in `eta`.
    """
    index = itertools.product(range(n), repeat=4)
    v = np.zeros((n,) * 4)
    for i, j, k, l in index:
        pairs = (i == j) * (k == l) + (i == k) * (j == l) + (i == l) * (j == k)
        v[i, j, k, l] = pairs / 3
    two = np.einsum("klm,klm->", v[0], v[0]) / 6
    flow = WilsonFisher(n, 0.0, 2)
    rate = flow.rate(vector(flow, {"quartic": 0.6, "field": 1.0})).tolist()
    assert 6 - 2 * rate[2] == pytest.approx(two * 0.3**2, rel=1e-11)
    three = np.einsum("klm,kpq,lmpq->", v[0], v[0], v)
    assert three == pytest.approx((n + 2) * (n + 8) / 27)


def test_many_components_fix_eta_to_third_order() -> None:
    assert float(large_n_eta(3)) == pytest.approx(8 / (3 * math.pi**2))
    limit, rest = at_many_components(eta, 3)
    assert limit == [0, 0, 0, 0]
    np.testing.assert_allclose(rest, taylor(large_n_eta, 3), rtol=1e-6, atol=1e-12)


def test_many_components_fix_nu() -> None:
    """1/ν = d - 2 + [2(d-1)(d-2)/(4-d)] η₁/n."""
    limit, rest = at_many_components(inverse_nu, 2)
    assert limit == [2, -1, 0]
    expected = taylor(lambda d: 2 * (d - 1) * (d - 2) / (4 - d) * large_n_eta(d), 2)
    np.testing.assert_allclose(rest, expected, rtol=1e-6, atol=1e-12)


def test_many_components_give_omega_its_limit() -> None:
    assert at_many_components(omega, 2)[0] == [0, 1, 0]


def test_a_field_of_minus_two_components_is_free() -> None:
    """All loops of n = -2 vanish: ν = ½ and η = 0."""
    assert nu(-2).coefficients == (Fraction(1, 2), 0, 0)
    assert set(eta(-2).coefficients) == {0}


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_the_series_are_the_closed_forms(n: int) -> None:
    m = Fraction(n + 8)
    assert inverse_nu(n).coefficients == (
        2,
        -(n + 2) / m,
        -(n + 2) * (13 * n + 44) / (2 * m**3),
    )
    assert omega(n).coefficients == (0, 1, -3 * (3 * n + 14) / m**2)
    lead = Fraction(n + 2) / (2 * m**2)
    third = lead * (6 * (3 * n + 14) / m**2 - Fraction(1, 4))
    assert eta(n).coefficients == (0, 0, lead, third)


def test_known_exponents_are_met_as_well_as_two_orders_can() -> None:
    """Ising in three dimensions: ν = 0.62997, η = 0.03630."""
    assert nu(1)(1.0) == pytest.approx(0.62997, rel=0.006)
    assert eta(1)(1.0) == pytest.approx(0.03630, rel=0.03)
    # The lower orders are worse, and ω is hopeless at this order: 0.37 for 0.83.
    assert abs(0.5 + 1 / 12 - 0.62997) > 0.04
    assert omega(1)(1.0) < 0.5


@pytest.mark.parametrize("n", [1, 2, 4.5])
def test_the_shared_analysis_finds_the_fixed_point_of_one_loop(n: float) -> None:
    flow = WilsonFisher(n, 0.8, 1)
    point = fixed_point(flow, {"quartic": 1.0})
    assert point.couplings["quartic"] == pytest.approx(6 * 0.8 / (n + 8), rel=1e-12)
    assert point.y_t == pytest.approx(2 - 0.8 * (n + 2) / (n + 8), rel=1e-12)
    assert point.y_h == pytest.approx((3.2 + 2) / 2, rel=1e-12)
    assert point.even.exponents[1] == pytest.approx(-0.8, rel=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_two_loops_agree_with_the_series_for_small_epsilon(n: int) -> None:
    """The difference is of the next order: eightfold when ε doubles."""
    errors = []
    for e in (0.002, 0.004):
        point = fixed_point(WilsonFisher(n, e, 2), {"quartic": 6 * e / (n + 8)})
        d = 4 - e
        errors.append(
            [
                point.couplings["quartic"] - coupling(n)(e),
                point.even.exponents[0] - inverse_nu(n)(e),
                point.even.exponents[1] + omega(n)(e),
                point.odd.exponents[0] - (d + 2 - eta(n)(e)) / 2,
            ]
        )
    ratios = np.array(errors[1]) / np.array(errors[0])
    np.testing.assert_allclose(ratios, 8, rtol=0.05)


def test_beyond_small_epsilon_two_loops_have_no_fixed_point() -> None:
    limit = 81 / (12 * 17)
    point = fixed_point(WilsonFisher(1, 0.99 * limit, 2), {"quartic": 0.4})
    assert point.couplings["quartic"] > 0.3
    with pytest.raises(ValueError, match="no fixed point"):
        fixed_point(
            WilsonFisher(1, 1.01 * limit, 2),
            {"quartic": 0.5},
            accept=lambda p: p.couplings["quartic"] > 1e-3,
        )


def test_the_free_field_is_unstable_below_four_dimensions() -> None:
    point = linearised(WilsonFisher(1, 0.5, 2), 0.0)
    np.testing.assert_allclose(point.even.exponents, [2.0, 0.5], atol=1e-14)
    assert point.y_h == pytest.approx(5.5 / 2)
    above = linearised(WilsonFisher(1, -0.5, 2), 0.0)
    assert len(above.even.irrelevant) == 1


def test_derivatives_are_those_of_finite_differences() -> None:
    flow, h = WilsonFisher(2, 0.7, 2), 1e-5
    at = {"quartic": 0.3, "mass": 0.2, "field": 0.1}
    x = vector(flow, at)
    shifts = h * torch.eye(3, dtype=torch.float64)
    columns = [(flow.rate(x + e) - flow.rate(x - e)) / (2 * h) for e in shifts]
    exact = linearised(flow, at).jacobian
    np.testing.assert_allclose(exact, torch.stack(columns, dim=1).numpy(), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: WilsonFisher(-8), "above -8, got -8"),
        (lambda: nu(math.nan), "above -8, got nan"),
        (lambda: WilsonFisher(1, math.inf), "finite number, got inf"),
        (lambda: WilsonFisher(1, 1.0, 3), "1 or 2, got 3"),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
