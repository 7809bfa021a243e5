"""Decimation against transfer matrices, enumeration and Onsager."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from kadanoff.exact import chain as exact_chain
from kadanoff.exact import onsager
from kadanoff.flows.decimation import (
    Chain,
    ColdChain,
    SquareDecimation,
    TruncatedSquareDecimation,
    decimated_square,
    ising_path,
    log_cosh,
)
from kadanoff.flows.fixed_point import fixed_point, unstable
from kadanoff.flows.lines import critical_value, iterate, log_partition_per_site

COUPLINGS = [-1.7, -0.4, 1e-3, 0.3, 0.9, 2.5, 9.0]


def stepped(flow: Chain, coupling: float, field: float = 0.0) -> tuple[float, float]:
    theory = torch.tensor([coupling, field], dtype=torch.float64)
    k, h = flow.step(theory).tolist()
    return k, h


@pytest.mark.parametrize("b", [2, 3, 4, 7])
@pytest.mark.parametrize("coupling", COUPLINGS)
def test_tanh_is_raised_to_the_power_b(coupling: float, b: int) -> None:
    k, h = stepped(Chain(b), coupling)
    with mpmath.workdps(40):
        expected = float(mpmath.atanh(mpmath.tanh(coupling) ** b))
    assert k == pytest.approx(expected, rel=1e-13, abs=1e-15)
    assert h == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("field", [0.0, 0.3, -1.1])
@pytest.mark.parametrize("coupling", [-0.8, 0.2, 1.4])
@pytest.mark.parametrize("b", [2, 3, 5])
def test_a_path_is_the_power_of_the_transfer_matrix(
    b: int, coupling: float, field: float
) -> None:
    s = np.array([1.0, -1.0])
    bond = np.exp(coupling * np.outer(s, s) + field * np.add.outer(s, s) / 2)
    left, constant = ising_path(torch.tensor([coupling, field], dtype=torch.float64), b)
    k, h = left.tolist()
    again = np.exp(float(constant) + k * np.outer(s, s) + h * np.add.outer(s, s) / 2)
    np.testing.assert_allclose(again, np.linalg.matrix_power(bond, b), rtol=1e-12)


@pytest.mark.parametrize("field", [0.0, 0.4])
def test_twice_two_is_once_four(field: float) -> None:
    once = stepped(Chain(4), 0.7, field)
    twice = stepped(Chain(2), *stepped(Chain(2), 0.7, field))
    assert once == pytest.approx(twice, abs=1e-15)


@pytest.mark.parametrize("b", [2, 3])
@pytest.mark.parametrize("coupling", COUPLINGS)
def test_the_free_energy_is_that_of_the_line(coupling: float, b: int) -> None:
    value = float(log_partition_per_site(Chain(b), coupling))
    expected = abs(coupling) + math.log1p(math.exp(-2 * abs(coupling)))
    assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("b", [2, 5])
@pytest.mark.parametrize(
    ("coupling", "field"), [(0.7, 0.2), (1.5, -0.6), (-0.5, 0.9), (3.0, 0.01)]
)
def test_with_a_field_too(coupling: float, field: float, b: int) -> None:
    value = log_partition_per_site(Chain(b), {"coupling": coupling, "field": field})
    line = exact_chain.line(coupling, field=field / coupling)
    assert float(value) == pytest.approx(line.log_partition_per_site, abs=1e-12)


def test_the_derivative_in_the_field_is_the_magnetization() -> None:
    theory = torch.tensor([0.8, 0.1], dtype=torch.float64, requires_grad=True)
    value = log_partition_per_site(Chain(2), theory)
    (slope,) = torch.autograd.grad(value, theory)
    line = exact_chain.line(0.8, field=0.1 / 0.8)
    assert float(slope[1]) == pytest.approx(line.magnetization, abs=1e-12)


def test_a_wrong_power_is_seen() -> None:
    k, _ = stepped(Chain(2), 0.9)
    assert abs(math.tanh(k) - math.tanh(0.9) ** 2.01) > 1e-3


def test_the_correlation_length_is_divided_by_b() -> None:
    k, _ = stepped(Chain(3), 1.2)
    assert 3 * exact_chain.correlation_length(k) == pytest.approx(
        exact_chain.correlation_length(1.2), rel=1e-12
    )


def test_the_chain_has_no_transition() -> None:
    with pytest.raises(ValueError, match="no fixed point"):
        fixed_point(Chain(2), [0.3, 2.0], accept=unstable)
    assert iterate(Chain(2), 5.0, 40)[-1]["coupling"] < 1e-12


@pytest.mark.parametrize("field", [0.0, 0.3])
@pytest.mark.parametrize("b", [2, 3, 5])
def test_the_disorder_is_another_name_of_the_coupling(b: int, field: float) -> None:
    k, h = stepped(Chain(b), 0.9, field)
    theory = torch.tensor([math.exp(-1.8), field], dtype=torch.float64)
    disorder, cold = ColdChain(b).step(theory).tolist()
    assert disorder == pytest.approx(math.exp(-2 * k), rel=1e-13)
    assert cold == pytest.approx(h, abs=1e-14)


@pytest.mark.parametrize("b", [2, 3])
def test_the_chain_is_critical_at_zero_temperature(b: int) -> None:
    point = fixed_point(ColdChain(b), 0.05, accept=unstable)
    assert point.couplings["disorder"] == pytest.approx(0, abs=1e-12)
    assert point.y_t == pytest.approx(1, abs=1e-10)
    assert point.y_h == pytest.approx(1, abs=1e-10)


def test_at_low_temperature_e_to_2k_falls_by_b() -> None:
    """The fixed point T = 0 has y = 1 in the variable e^-2K."""
    k, _ = stepped(Chain(3), 12.0)
    assert math.exp(24.0 - 2 * k) == pytest.approx(3, rel=1e-9)


@pytest.mark.parametrize("coupling", [0.05, 0.4, 1.1, 6.0])
def test_the_decimated_square_is_exact(coupling: float) -> None:
    """All sixteen states of four neighbours, and the closed forms of A, B and C."""
    theory = torch.tensor(coupling, dtype=torch.float64)
    left = {name: float(value) for name, value in decimated_square(theory).items()}
    for s in itertools.product((1, -1), repeat=4):
        pairs = sum(a * b for a, b in itertools.combinations(s, 2))
        exponent = left["constant"] + left["next_nearest"] * pairs
        exponent += left["four"] * math.prod(s)
        assert math.exp(exponent) == pytest.approx(
            2 * math.cosh(coupling * sum(s)), rel=1e-12
        )
    four, two = math.log(math.cosh(4 * coupling)), math.log(math.cosh(2 * coupling))
    assert left["nearest"] == pytest.approx(four / 4, rel=1e-12)
    assert left["four"] == pytest.approx(four / 8 - two / 2, rel=1e-10)
    assert left["constant"] == pytest.approx(math.log(2) + four / 8 + two / 2)


def test_two_summed_spins_share_a_side() -> None:
    """A torus of 4×4, one sublattice summed over: Z and every correlator agree."""
    side, coupling = 4, 0.37
    left = {
        k: float(v) for k, v in decimated_square(torch.tensor(0.37).double()).items()
    }
    even = [(x, y) for x in range(side) for y in range(side) if (x + y) % 2 == 0]
    number = {site: i for i, site in enumerate(even)}

    def around(x: int, y: int) -> list[int]:
        steps = [(1, 0), (0, 1), (-1, 0), (0, -1)]
        return [number[(x + a) % side, (y + b) % side] for a, b in steps]

    rings = [around(x, y) for x in range(side) for y in range(side) if (x + y) % 2 == 1]
    spins = np.array(list(itertools.product((1, -1), repeat=len(even))))
    summed = sum(
        np.log(2 * np.cosh(coupling * spins[:, ring].sum(axis=1))) for ring in rings
    )
    coarse = np.zeros(len(spins))
    for a, b, c, d in rings:
        ring = spins[:, [a, b, c, d]]
        # Each side of the new squares belongs to two rings: half of it to each.
        sides = (ring * np.roll(ring, 1, axis=1)).sum(axis=1)
        across = ring[:, 0] * ring[:, 2] + ring[:, 1] * ring[:, 3]
        coarse += left["constant"] + left["nearest"] / 2 * sides
        coarse += left["next_nearest"] * across + left["four"] * ring.prod(axis=1)
    np.testing.assert_allclose(coarse, summed, atol=1e-12)


def test_the_truncated_square_has_its_fixed_point_and_exponent() -> None:
    """K* of K = ⅜ ln cosh 4K by bisection, y = 2 log₂ (3/2 tanh 4K*)."""
    flow = TruncatedSquareDecimation()
    point = fixed_point(flow, 0.5, accept=unstable)
    k = point.couplings["coupling"]
    assert k == pytest.approx(3 / 8 * math.log(math.cosh(4 * k)), abs=1e-14)
    assert k == pytest.approx(0.506981, abs=5e-7)
    assert point.y_t == pytest.approx(2 * math.log2(1.5 * math.tanh(4 * k)), abs=1e-12)
    assert point.y_t == pytest.approx(1.0700, abs=5e-5)
    assert critical_value(flow, lambda t: t, between=(0.1, 1.0)) == pytest.approx(
        k, abs=1e-12
    )


def test_what_is_left_out_is_what_orders() -> None:
    with pytest.raises(ValueError, match="no fixed point"):
        fixed_point(SquareDecimation(), [0.3, 0.5, 1.0], accept=unstable)
    for k in (0.1, 0.5, 2.0, 20.0):
        theory = torch.tensor([k], dtype=torch.float64)
        assert 0 < float(SquareDecimation().step(theory)) < k


def test_the_free_energy_at_weak_coupling_is_right_in_second_order() -> None:
    """ln 2 + K² + O(K⁴): the truncation shows only beyond."""
    flow = TruncatedSquareDecimation()
    errors = [
        float(log_partition_per_site(flow, k)) - onsager.log_partition_per_site(k)
        for k in (0.02, 0.04)
    ]
    assert 0 < errors[0] < 10 * 0.02**4
    assert errors[1] / errors[0] == pytest.approx(16, rel=0.1)


def test_log_cosh() -> None:
    x = torch.tensor([-700.0, -1.0, -1e-9, 0.0, 0.3, 1.0, 5.0], dtype=torch.float64)
    expected = [700 - math.log(2), *(math.log(math.cosh(v)) for v in x[1:].tolist())]
    np.testing.assert_allclose(log_cosh(x).numpy(), expected, rtol=1e-14, atol=1e-18)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(log_cosh(x).sum(), x)
    np.testing.assert_allclose(slope.numpy(), np.tanh(x.detach().numpy()), atol=1e-15)


@pytest.mark.parametrize("b", [1, 0, 2.5, 2.0, math.nan, True])
def test_a_scale_that_is_no_number_of_sites_is_refused(b: Any) -> None:
    with pytest.raises(ValueError, match="whole number of 2 or more"):
        Chain(b)
