"""The variational recursion against sums over all spins, Onsager and its own bound."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from kadanoff.exact import onsager
from kadanoff.exact.constants import K_C
from kadanoff.flows.fixed_point import linearised
from kadanoff.flows.lines import critical_value, log_partition_per_site
from kadanoff.flows.theory import vector
from kadanoff.flows.variational import (
    SquareCells,
    best_bound,
    bound,
    gradient_of_free_energy,
    optimal,
    square_couplings,
)

ANY = {
    "nearest": 0.21,
    "next_nearest": -0.13,
    "four": 0.07,
    "field": 0.05,
    "three": -0.02,
}
SQUARES = np.array(list(itertools.product((1, -1), repeat=4)))


def potential(couplings: dict[str, float], corners: np.ndarray) -> np.ndarray:
    """V of squares `(…, 4)`, corners in cyclic order."""
    a, b, c, d = np.moveaxis(np.asarray(corners, dtype=float), -1, 0)
    full = dict.fromkeys(SquareCells.names, 0.0) | couplings
    value = full["nearest"] * (a * b + b * c + c * d + d * a)
    value += full["next_nearest"] * (a * c + b * d) + full["four"] * a * b * c * d
    value += full["field"] * (a + b + c + d)
    return value + full["three"] * (a * b * c + b * c * d + c * d * a + d * a * b)


def torus_log_partition(side: int, couplings: dict[str, float]) -> float:
    """ln Z of a torus whose every square carries V, by enumeration."""
    states = np.array(list(itertools.product((1, -1), repeat=side * side)))
    s = states.reshape(-1, side, side)
    right, below = np.roll(s, -1, axis=2), np.roll(s, -1, axis=1)
    across = np.roll(right, -1, axis=1)
    corners = np.stack([s, right, across, below], axis=-1)
    total = potential(couplings, corners).sum(axis=(1, 2))
    return float(np.logaddexp.reduce(total))


@pytest.fixture(scope="module")
def best() -> Any:
    return optimal()


@pytest.mark.parametrize("p", [0.0, 0.4, 0.766, 2.0])
def test_the_new_potential_is_the_sum_over_a_square(p: float) -> None:
    flow, theory = SquareCells(p), vector(SquareCells(p), ANY)
    new = dict(zip(flow.names, flow.step(theory).tolist(), strict=True))
    constant = 4 * float(flow.constant(theory))
    total = SQUARES.sum(axis=1)
    for mu in SQUARES:
        inside = 4 * potential(ANY, SQUARES) + p * SQUARES @ mu
        expected = np.logaddexp.reduce(inside - np.log(2 * np.cosh(p * total)))
        assert constant + float(potential(new, mu)) == pytest.approx(
            expected, abs=1e-13
        )


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 1.5])
@pytest.mark.parametrize("coupling", [0.1, 0.3, 0.44, 0.8])
def test_one_step_makes_the_partition_function_of_a_torus_larger(
    coupling: float, p: float
) -> None:
    """4×4 sites to 2×2, both by enumeration: an exact inequality."""
    flow, theory = SquareCells(p), square_couplings(coupling=coupling, field=0.1)
    fine = torus_log_partition(4, theory)
    x = vector(flow, theory)
    new = dict(zip(flow.names, flow.step(x).tolist(), strict=True))
    coarse = torus_log_partition(2, new) + 16 * float(flow.constant(x))
    assert coarse > fine


def test_a_slightly_weaker_coupling_is_no_bound() -> None:
    """The control: with 3 % less coupling the inequality of the torus breaks."""
    flow, k = SquareCells(1.5), 0.8
    x = vector(flow, square_couplings(coupling=0.97 * k))
    new = dict(zip(flow.names, flow.step(x).tolist(), strict=True))
    coarse = torus_log_partition(2, new) + 16 * float(flow.constant(x))
    assert coarse < torus_log_partition(4, square_couplings(coupling=k))


def test_squares_share_bonds_and_sites() -> None:
    """The torus of squares is the Ising torus: 32 bonds, 16 sites."""
    aligned = potential(square_couplings(coupling=0.3, field=0.1), np.ones(4))
    assert 16 * float(aligned) == pytest.approx(32 * 0.3 + 16 * 0.1)


@pytest.mark.parametrize("p", [(0.2,), (0.766,), (1.4,), (0.3, 0.9, 0.1), (0.0,)])
@pytest.mark.parametrize("coupling", [-0.5, 0.05, 0.3, K_C, 0.6, 1.5])
def test_every_p_bounds_the_free_energy(coupling: float, p: tuple[float, ...]) -> None:
    value = bound(square_couplings(coupling=coupling), p)
    assert value > onsager.log_partition_per_site(coupling)


@pytest.mark.parametrize("coupling", [0.1, K_C, 1.0])
def test_the_best_bound_is_a_bound_and_better(coupling: float) -> None:
    theory = square_couplings(coupling=coupling)
    best = best_bound(theory)
    exact = onsager.log_partition_per_site(coupling)
    assert exact < best.log_partition_per_site < exact + 0.02
    assert bound(theory, best.parameters) == pytest.approx(
        best.log_partition_per_site, rel=1e-14
    )
    for p in np.linspace(0, 2, 6):
        assert bound(theory, [p]) > best.log_partition_per_site
    for n in range(3):
        for shift in (-0.01, 0.01):
            other = list(best.parameters)
            other[n] = max(other[n] + shift, 0.0)
            assert bound(theory, other) > best.log_partition_per_site - 1e-10


def test_blocks_that_obey_nothing_leave_single_squares() -> None:
    """p = 0: ¼ ln Σ e^4V."""
    expected = np.logaddexp.reduce(4 * potential(ANY, SQUARES)) / 4
    assert bound(ANY, [0.0]) == pytest.approx(expected, rel=1e-13)


def test_the_recursion_is_the_shared_one() -> None:
    value = float(log_partition_per_site(SquareCells(0.6), ANY))
    assert value == pytest.approx(bound(ANY, [0.6]), rel=1e-13)


def test_the_published_exponents(best: Any) -> None:
    """α = 0.001756 and δ = 15.04 (Kadanoff, Houghton and Yalabik 1976)."""
    assert best.alpha == pytest.approx(0.001756, abs=5e-7)
    assert best.delta == pytest.approx(15.04, abs=5e-3)
    assert best.point.y_t == pytest.approx(1, abs=1e-3)
    assert best.point.y_h == pytest.approx(15 / 8, abs=5e-4)


def test_the_best_p_is_where_the_free_energy_of_the_point_is_least(best: Any) -> None:
    """By the sum over many steps, which knows no eigenvector."""
    here = bound(best.point.couplings, [best.p])
    for shift in (-0.02, 0.02):
        assert bound(best.point.couplings, [best.p + shift]) > here
    h = 1e-3
    values = [bound(best.point.couplings, [best.p + s]) for s in (-h, h)]
    slope = (values[1] - values[0]) / (2 * h)
    curve = (values[1] + values[0] - 2 * here) / h**2
    assert abs(slope / curve) < 1e-4
    assert curve > 0.01


def test_another_p_has_other_exponents(best: Any) -> None:
    """The control: away from the best p nothing is near the truth."""
    for p in (0.72, 0.80):
        point = linearised(SquareCells(p), best.point.couplings)
        assert abs(point.even.exponents[0] - 1) > 0.05


def test_all_pairs_are_alike_and_one_direction_is_spurious(best: Any) -> None:
    point = best.point
    values = point.couplings
    assert values["nearest"] == pytest.approx(values["next_nearest"], abs=1e-12)
    assert len(point.even.relevant) == 2
    assert len(point.odd.relevant) == 1
    # The mode is the difference of sides and diagonals, 4 of one and 2 of the other.
    mode = point.even.right[:, 1].real
    assert mode[0] / mode[1] == pytest.approx(-0.5, abs=1e-10)
    assert mode[2] == pytest.approx(0, abs=1e-10)


def test_the_gradient_is_a_left_eigenvector_of_four(best: Any) -> None:
    """With the constant as one more coupling, and as the slope of the long sum."""
    flow, point = SquareCells(best.p), best.point
    u = gradient_of_free_energy(flow, point)
    theory = vector(flow, point.couplings).requires_grad_()
    (slope,) = torch.autograd.grad(4 * flow.constant(theory), theory)
    wide = np.zeros((6, 6))
    wide[0, 0], wide[0, 1:], wide[1:, 1:] = 4, slope.numpy(), point.jacobian
    left = np.concatenate([[1.0], u])
    np.testing.assert_allclose(left @ wide, 4 * left, atol=1e-12)
    (long,) = torch.autograd.grad(log_partition_per_site(flow, theory), theory)
    np.testing.assert_allclose(long[:3], u[:3], atol=1e-6)


def test_the_sinks_of_nearest_neighbours_meet_within_a_tenth(best: Any) -> None:
    """At K = 0.4848 with p held: the drift to the difference costs 10 %."""
    flow = SquareCells(best.p)
    value = critical_value(
        flow, lambda k: square_couplings(coupling=k), between=(0.3, 0.8)
    )
    assert value == pytest.approx(K_C, rel=0.11)


def test_derivatives_are_those_of_finite_differences() -> None:
    flow, h = SquareCells(0.7), 1e-5
    x = vector(flow, ANY)
    shifts = h * torch.eye(len(x), dtype=torch.float64)
    columns = [(flow.step(x + e) - flow.step(x - e)) / (2 * h) for e in shifts]
    exact = linearised(flow, ANY).jacobian
    np.testing.assert_allclose(exact, torch.stack(columns, dim=1).numpy(), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: SquareCells(-0.1), "p must be a number of 0 or more, got -0.1"),
        (lambda: SquareCells(math.nan), "p must be a number"),
        (lambda: bound({"nearest": 0.1}, []), "at least one step, got none"),
        (lambda: best_bound({"nearest": 0.1}, steps=0), "at least one step, got 0"),
        (lambda: bound({"bond": 0.1}, [0.5]), "got 'bond'"),
        (lambda: optimal(between=(0.70, 0.72)), "must change direction"),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
