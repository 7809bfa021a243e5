"""The analysis of flows, on maps whose answers are known beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from kadanoff.flows.decimation import Chain, SquareDecimation
from kadanoff.flows.fixed_point import fixed_point, linearised, unstable
from kadanoff.flows.lines import critical_value, iterate, log_partition_per_site
from kadanoff.flows.theory import BetaFunction, Flow, FlowWithConstant, named, vector
from kadanoff.protocols import RGMap

# Eigenvalues 2^1, 2^-1 of the even couplings and 2^1.875, 2^0 of the odd ones.
TURN_EVEN = np.array([[1.0, 0.5], [-0.2, 1.0]])
TURN_ODD = np.array([[1.0, -0.3], [0.4, 1.0]])
EVEN = TURN_EVEN @ np.diag([2.0, 0.5]) @ np.linalg.inv(TURN_EVEN)
ODD = TURN_ODD @ np.diag([2**1.875, 1.0]) @ np.linalg.inv(TURN_ODD)
PLACE = np.array([0.4, -0.1])


@dataclass(frozen=True)
class Bent:
    """A map with a known fixed point and known exponents, curved about it.

    x = K - K* goes to M x + curvature times x₁², odd couplings linearly.
    """

    curvature: float = 0.3
    scale: float = 2.0
    dimension: float = 2.0
    names: ClassVar[tuple[str, ...]] = ("first", "second", "field", "three")
    odd: ClassVar[tuple[str, ...]] = ("field", "three")

    def step(self, theory: Tensor) -> Tensor:
        x = theory[:2] - torch.tensor(PLACE)
        even = torch.tensor(EVEN) @ x + self.curvature * x[0] ** 2
        odd = torch.tensor(ODD) @ theory[2:]
        return torch.cat([torch.tensor(PLACE) + even, odd])


@dataclass(frozen=True)
class OneCoupling:
    """Any function of one coupling as a flow."""

    function: Any
    scale: float = 2.0
    dimension: float = 2.0
    names: ClassVar[tuple[str, ...]] = ("coupling",)
    odd: ClassVar[tuple[str, ...]] = ()

    def step(self, theory: Tensor) -> Tensor:
        return self.function(theory)


@dataclass(frozen=True)
class Logistic:
    """du/dl = u - u², dt/dl = t (2 - u): Gaussian and another fixed point."""

    names: ClassVar[tuple[str, ...]] = ("t", "u")
    odd: ClassVar[tuple[str, ...]] = ()
    dimension: float = 3.0

    def rate(self, theory: Tensor) -> Tensor:
        t, u = theory
        return torch.stack([t * (2 - u), u - u**2])


@dataclass(frozen=True)
class Wrong:
    """The chain with a constant that is a little off."""

    factor: float
    chain: Chain = field(default_factory=Chain)
    names: ClassVar[tuple[str, ...]] = Chain.names
    odd: ClassVar[tuple[str, ...]] = Chain.odd
    scale: float = 2.0
    dimension: float = 1.0

    def step(self, theory: Tensor) -> Tensor:
        return self.chain.step(theory)

    def constant(self, theory: Tensor) -> Tensor:
        return self.factor * self.chain.constant(theory)


def test_the_protocols_are_kept() -> None:
    assert isinstance(Bent(), RGMap)
    assert isinstance(Bent(), Flow)
    assert not isinstance(Bent(), BetaFunction)
    assert isinstance(Chain(), FlowWithConstant)
    assert isinstance(Logistic(), BetaFunction)
    assert not isinstance(Logistic(), Flow)


def test_a_known_fixed_point_and_its_exponents() -> None:
    start = {"first": 0.5, "second": 0.0}
    point = fixed_point(Bent(), start)
    assert list(point.couplings.values()) == pytest.approx([0.4, -0.1, 0, 0], abs=1e-12)
    assert point.residual < 1e-12
    assert "Newton" in point.found
    np.testing.assert_allclose(point.even.exponents, [1.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(point.odd.exponents, [1.875, 0.0], atol=1e-12)
    assert point.y_t == pytest.approx(1.0, abs=1e-12)
    assert point.y_h == pytest.approx(1.875, abs=1e-12)


def test_modes_are_sorted_into_relevant_marginal_and_irrelevant() -> None:
    point = linearised(Bent(), {"first": 0.4, "second": -0.1})
    assert len(point.even.relevant) == len(point.even.irrelevant) == 1
    assert len(point.even.marginal) == 0
    assert len(point.odd.relevant) == len(point.odd.marginal) == 1
    assert len(point.odd.irrelevant) == 0
    assert point.even.names == ("first", "second")
    assert point.odd.names == ("field", "three")


def test_eigenvectors_are_those_the_map_was_made_of() -> None:
    point = linearised(Bent(), {"first": 0.4, "second": -0.1})
    for sector, turn in ((point.even, TURN_EVEN), (point.odd, TURN_ODD)):
        ratios = sector.right.real / turn
        np.testing.assert_allclose(ratios[0], ratios[1], rtol=1e-12)
        np.testing.assert_allclose(sector.left @ sector.right, np.eye(2), atol=1e-13)


def test_scaling_fields_grow_by_their_eigenvalue() -> None:
    """u·(K - K*) after a step, to first order in the distance."""
    flow, point = Bent(), linearised(Bent(), {"first": 0.4, "second": -0.1})
    for size in (1e-4, 1e-5):
        away = {"first": 0.4 + size, "second": -0.1 - 0.7 * size}
        before, after = iterate(flow, away, 1)
        x, y = (
            np.array([line["first"] - 0.4, line["second"] + 0.1])
            for line in (before, after)
        )
        u = point.even.left.real
        bent = np.abs(u @ y - point.even.eigenvalues.real * (u @ x))
        assert bent.max() < size**2


def test_derivatives_are_those_of_finite_differences() -> None:
    flow, h = Bent(), 1e-5
    at = {"first": 0.7, "second": 0.2, "field": 0.1, "three": -0.3}
    exact = linearised(flow, at).jacobian
    x = vector(flow, at)
    shifts = h * torch.eye(4, dtype=torch.float64)
    columns = [(flow.step(x + e) - flow.step(x - e)) / (2 * h) for e in shifts]
    np.testing.assert_allclose(exact, torch.stack(columns, dim=1).numpy(), atol=1e-9)


def test_a_wrong_scale_is_seen() -> None:
    point = linearised(Bent(scale=3.0), {"first": 0.4, "second": -0.1})
    assert point.y_t == pytest.approx(math.log(2) / math.log(3), abs=1e-12)
    assert abs((point.y_t or 0) - 1) > 0.1


def test_complex_eigenvalues_have_the_exponent_of_their_modulus() -> None:
    @dataclass(frozen=True)
    class Spiral:
        names: ClassVar[tuple[str, ...]] = ("a", "b")
        odd: ClassVar[tuple[str, ...]] = ()
        scale: float = 2.0
        dimension: float = 2.0

        def step(self, theory: Tensor) -> Tensor:
            a, b = theory
            return torch.stack([a - b, a + b])

    point = linearised(Spiral(), 0.0)
    np.testing.assert_allclose(point.even.exponents, [0.5, 0.5], atol=1e-14)
    np.testing.assert_allclose(abs(point.even.eigenvalues.imag), 1.0, atol=1e-14)


def test_what_breaks_parity_mixes_the_sectors() -> None:
    """(0, H) is a fixed point of the chain for every H, with one marginal mode."""
    point = linearised(Chain(), {"coupling": 0.0, "field": 0.4})
    assert point.residual < 1e-15
    assert point.odd.names == ()
    assert point.y_h is None
    assert point.even.names == ("coupling", "field")
    assert len(point.even.marginal) == 1


def test_what_is_forgotten_in_one_step_has_no_finite_exponent() -> None:
    point = linearised(Chain(), 0.0)
    assert point.y_t == -math.inf


def test_bisection_finds_what_newton_cannot() -> None:
    """Two plateaus: the slope at the start is that of K′ = const."""
    flow = OneCoupling(lambda k: k + torch.tanh(80 * (k - 1.0)) * torch.sigmoid(k))
    point = fixed_point(flow, 0.35, accept=unstable)
    assert point.couplings["coupling"] == pytest.approx(1.0, abs=1e-12)
    assert "bisection" in point.found


def test_a_jump_is_no_fixed_point() -> None:
    """K grows by one below 1.1 and falls by one above: it rests nowhere."""
    flow = OneCoupling(lambda k: k + torch.where(k < 1.1, 1.0, -1.0))
    with pytest.raises(ValueError, match=r"bisection of coupling .*residual 1\.0e\+00"):
        fixed_point(flow, 0.35)


def test_the_next_start_is_tried() -> None:
    flow = OneCoupling(lambda k: 2 * k**2)  # 0 and ½
    assert fixed_point(flow, 0.1).couplings["coupling"] == pytest.approx(0, abs=1e-12)
    point = fixed_point(flow, [0.1, 0.7], accept=unstable)
    assert point.couplings["coupling"] == pytest.approx(0.5, abs=1e-13)
    assert point.y_t == pytest.approx(1.0, abs=1e-12)


def test_what_was_tried_is_said() -> None:
    with pytest.raises(ValueError, match=r"Newton from .*0\.3.* iterations") as error:
        fixed_point(SquareDecimation(), [0.3, 1.0], accept=unstable)
    assert "not accepted" in str(error.value)
    assert "no change of direction of coupling" in str(error.value)
    assert "start elsewhere" in str(error.value)


def test_a_map_without_fixed_point_has_none() -> None:
    with pytest.raises(ValueError, match=r"residual 1\.0e\+00"):
        fixed_point(OneCoupling(lambda k: k + 1.0 + k**2), 0.3)


def test_a_beta_function_has_the_rates_as_exponents() -> None:
    point = fixed_point(Logistic(), {"u": 0.8})
    assert point.couplings == pytest.approx({"t": 0, "u": 1}, abs=1e-12)
    np.testing.assert_allclose(point.even.exponents, [1.0, -1.0], atol=1e-12)


def test_a_flow_line_of_a_beta_function_is_its_solution() -> None:
    """u(l) = 1/(1 + (1/u₀ - 1) e^-l); the error falls with the fourth power."""
    errors = []
    for interval, steps in ((0.1, 20), (0.05, 40)):
        line = iterate(Logistic(), {"u": 0.1}, steps, interval=interval)
        assert len(line) == steps + 1
        errors.append(abs(line[-1]["u"] - 1 / (1 + 9 * math.exp(-2.0))))
    assert errors[0] < 1e-6
    assert 12 < errors[0] / errors[1] < 20


def test_a_flow_line_starts_where_it_starts() -> None:
    line = iterate(Chain(), 0.8, 3)
    k = 0.8
    for point in line:
        assert point["coupling"] == pytest.approx(k, abs=1e-14)
        k = math.atanh(math.tanh(k) ** 2)


def test_the_critical_value_of_a_family() -> None:
    """On any line through coupling space, t is critical where the relevant field is 0.

    Without curvature the critical surface of this map is x·u = 0.
    """
    flow = Bent(curvature=0.0)
    u = linearised(flow, {"first": 0.4, "second": -0.1}).even.left[0].real

    def family(t: float) -> dict[str, float]:
        return {"first": 0.4 + t, "second": -0.1 + 1e-3}

    t = critical_value(flow, family, between=(-0.5, 0.5))
    assert t == pytest.approx(-1e-3 * u[1] / u[0], abs=1e-13)
    assert abs(t) > 1e-4


def test_the_critical_value_of_a_beta_function() -> None:
    @dataclass(frozen=True)
    class Landau:
        names: ClassVar[tuple[str, ...]] = ("t",)
        odd: ClassVar[tuple[str, ...]] = ()
        dimension: float = 2.0

        def rate(self, theory: Tensor) -> Tensor:
            return theory * (theory - 0.3)

    t = critical_value(Landau(), lambda t: t, between=(0.1, 0.9))
    assert t == pytest.approx(0.3, abs=1e-12)


def test_a_third_sink_is_no_critical_point() -> None:
    """dt/dl = -sin 2πt: whole numbers are sinks, and 1 lies between 0 and 2."""

    @dataclass(frozen=True)
    class Sine:
        names: ClassVar[tuple[str, ...]] = ("t",)
        odd: ClassVar[tuple[str, ...]] = ()
        dimension: float = 2.0

        def rate(self, theory: Tensor) -> Tensor:
            return -torch.sin(2 * math.pi * theory)

    assert critical_value(Sine(), lambda t: t, between=(0.2, 0.9)) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="reaches neither sink"):
        critical_value(Sine(), lambda t: t, between=(0.1, 2.1))


def test_both_ends_in_one_sink_are_refused() -> None:
    with pytest.raises(ValueError, match="different sinks"):
        critical_value(Chain(), lambda k: k, between=(0.1, 1.0))


def test_the_free_energy_is_found_and_its_derivative_is_the_energy() -> None:
    chain = Chain()
    k = torch.tensor([0.9, 0.0], dtype=torch.float64, requires_grad=True)
    value = log_partition_per_site(chain, k)
    (slope,) = torch.autograd.grad(value, k)
    assert value.item() == pytest.approx(math.log(2 * math.cosh(0.9)), abs=1e-14)
    assert float(slope[0]) == pytest.approx(math.tanh(0.9), abs=1e-13)
    assert float(slope[1]) == pytest.approx(0.0, abs=1e-14)


def test_a_wrong_constant_is_seen() -> None:
    right = float(log_partition_per_site(Wrong(1.0), 0.9))
    wrong = float(log_partition_per_site(Wrong(1.001), 0.9))
    assert right == pytest.approx(math.log(2 * math.cosh(0.9)), abs=1e-14)
    assert abs(wrong - right) > 1e-4


def test_names_and_vectors() -> None:
    flow = Bent()
    assert named(flow, vector(flow, {"three": 2.0})) == {
        "first": 0.0,
        "second": 0.0,
        "field": 0.0,
        "three": 2.0,
    }
    assert vector(flow, 0.25).tolist() == [0.25, 0, 0, 0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: vector(Chain(), {"temperature": 1.0}), "got 'temperature'"),
        (lambda: linearised(Chain(), math.nan), "must be finite numbers"),
        (lambda: iterate(Chain(), 0.5, -1), "0 or more steps, got -1"),
        (lambda: log_partition_per_site(Chain(), 0.5, steps=5), "more than 5 steps"),
        (
            lambda: linearised(OneCoupling(lambda k: torch.sqrt(k)), 0.0),
            "has no derivative",
        ),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
