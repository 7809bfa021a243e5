"""The multiplication gate: exact derivatives, its two errors and the λ between them."""

import dataclasses
import math
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy
import torch

from kadanoff.expressivity.gates import (
    ACTIVATIONS,
    GELU,
    SIGMOID,
    SOFTPLUS,
    TANH,
    Activation,
    Gate,
    GateLayer,
    Placed,
    error_scan,
    multiplication_gate,
)

Z = sympy.Symbol("z")
FORMULAS = {
    "softplus": sympy.log(1 + sympy.exp(Z)),
    "sigmoid": 1 / (1 + sympy.exp(-Z)),
    "tanh": sympy.tanh(Z),
    "gelu": Z * (1 + sympy.erf(Z / sympy.sqrt(2))) / 2,
}
#: A gate of each kind, and what limits it: the order of its leading error and the power
#: with which rounding grows.
KINDS = {
    "softplus at 0": (SOFTPLUS, 0.0, 2, 2),
    "softplus, quiet": (SOFTPLUS, SOFTPLUS.quiet_bias(), 4, 2),
    "gelu at 0": (GELU, 0.0, 2, 1),
    "gelu, quiet": (GELU, GELU.quiet_bias(), 4, 2),
    "tanh, quiet": (TANH, None, 4, 2),
    "tanh at ½": (TANH, 0.5, 2, 2),
    "sigmoid, quiet": (SIGMOID, None, 4, 2),
}
LOGS = np.arange(-24, 1.1, 0.25)


@cache
def scan_of(name, dtype=torch.float64):
    return error_scan(kind(name), 2.0**LOGS, dtype=dtype)


def kind(name):
    sigma, bias, *_ = KINDS[name]
    return Gate(sigma, 0.1, 2, bias)


def square(side, dtype=torch.float64):
    axis = torch.linspace(-1, 1, side, dtype=dtype)
    return torch.meshgrid([axis, axis], indexing="ij")


# Activations


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_derivatives_are_those_of_the_formula(name):
    expression = FORMULAS[name]
    for order in range(8):
        for at in (sympy.Rational(0), sympy.Rational(3, 10), sympy.Rational(-7, 4)):
            exact = float(expression.subs(Z, at).evalf(40))
            found = ACTIVATIONS[name].derivative(order, float(at))
            # 3/10 as a float is off by 1e-17: times the next derivative, at most 1e3.
            assert found == pytest.approx(exact, rel=1e-14, abs=1e-14)
        expression = expression.diff(Z)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_function_of_tensors_is_the_formula_and_its_gradient_the_derivative(name):
    z = torch.linspace(-30, 30, 121, dtype=torch.float64, requires_grad=True)
    value = ACTIVATIONS[name].function(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    for order, found in ((0, value), (1, slope)):
        exact = [ACTIVATIONS[name].derivative(order, float(at)) for at in z.detach()]
        assert found.detach().numpy() == pytest.approx(np.array(exact), rel=1e-12)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("order", [2, 3, 4, 6])
def test_largest_derivative_is_not_exceeded_and_is_reached(name, order):
    sigma = ACTIVATIONS[name]
    on_line = [abs(sigma.derivative(order, z)) for z in np.linspace(-8, 8, 2001)]
    assert max(on_line) <= sigma.largest(order) * (1 + 1e-12)
    assert max(on_line) == pytest.approx(sigma.largest(order), rel=1e-3)


def test_quiet_biases_in_closed_form():
    # s(1 - s) = 1/6 for the third derivative of the logistic; t² = 2/3 for tanh.
    assert SOFTPLUS.quiet_bias() == pytest.approx(math.log(2 + math.sqrt(3)), rel=1e-15)
    assert TANH.quiet_bias() == pytest.approx(math.atanh(math.sqrt(2 / 3)), rel=1e-15)
    assert SIGMOID.quiet_bias() == pytest.approx(2 * TANH.quiet_bias(), rel=1e-15)
    z2 = GELU.quiet_bias() ** 2  # σ⁗ = -(z⁴ - 7z² + 4) φ
    assert z2 == pytest.approx((7 - math.sqrt(33)) / 2, rel=1e-14)


def test_default_bias_is_the_origin_only_where_it_can_be():
    assert SOFTPLUS.default_bias() == GELU.default_bias() == 0
    assert TANH.default_bias() == TANH.quiet_bias()
    assert SIGMOID.default_bias() == SIGMOID.quiet_bias()
    assert TANH.default_bias(3) == 0  # the third derivative of tanh is -2 there


@pytest.mark.parametrize("sigma", [TANH, SIGMOID], ids=lambda s: s.name)
def test_no_curvature_no_gate(sigma):
    with pytest.raises(
        ValueError, match=f"^{sigma.name} must have a derivative of"
    ) as e:
        Gate(sigma, 0.1, bias=0.0)
    assert str(e.value).endswith(f"give {sigma.quiet_bias():.6g}")


def test_other_bad_gates_are_refused():
    for scale in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="scale of a gate is a positive number"):
            Gate(SOFTPLUS, scale)
    with pytest.raises(ValueError, match="at least 1 input, got 0"):
        Gate(SOFTPLUS, 1.0, 0)
    with pytest.raises(ValueError, match="finite number, got inf"):
        Gate(SOFTPLUS, 1.0, bias=math.inf)
    with pytest.raises(ValueError, match="multiplies 2 numbers, got 3"):
        Gate(SOFTPLUS, 1.0)(*torch.ones(3))
    with pytest.raises(ValueError, match="2 points a side, got 1 and 1"):
        error_scan(Gate(SOFTPLUS, 1.0), [0.1], side=1)


# The gate


def test_the_anchor_softplus_at_a_quarter():
    gate = Gate(SOFTPLUS, 0.25)
    u, v = square(201)
    error = (gate(u, v) - u * v).abs()
    # An independent closed form of the corner: [2 ln cosh(1/4)] / (4 λ² σ″) - 1.
    corner = 2 * math.log(math.cosh(0.25)) / (4 * 0.25**2 * 0.25) - 1
    assert (
        float(error.max()) == float(error[-1, -1]) == pytest.approx(-corner, abs=1e-13)
    )
    assert float(error.max()) == pytest.approx(0.010246, abs=5e-7)
    assert float(gate.leading_error(u, v)[-1, -1]) == pytest.approx(-1 / 96, rel=1e-12)


@pytest.mark.parametrize("name", ["softplus at 0", "gelu at 0", "tanh at ½"])
def test_leading_error_is_that_of_the_paper(name):
    gate = kind(name)
    a, curvature = gate.centre, gate.activation.derivative(2, gate.centre)
    u, v = square(11)
    paper = 0.1**2 * gate.activation.derivative(4, a) / (6 * curvature)
    expected = paper * u * v * (u**2 + v**2)
    assert torch.allclose(gate.leading_error(u, v), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_error_over_leading_error_tends_to_one(name, inputs, quiet):
    """In 50 digits: what is left must fall as λ², by 4 at every halving."""
    sigma = ACTIVATIONS[name]
    bias = sigma.quiet_bias(inputs) if quiet else 0.37
    if (name, inputs, quiet) == ("softplus", 1, True):
        bias = 1.0  # at 0 a wire is exact: softplus(z) - softplus(-z) = z
    x = [0.9, -0.7, 0.4, 0.8][:inputs]
    left = []
    for scale in (2.0**-9, 2.0**-10):
        gate = Gate(sigma, scale, inputs, bias)
        leading = float(gate.leading_error(*torch.tensor(x, dtype=torch.float64)))
        left.append(exact_error(gate, x) / leading - 1)
    assert abs(left[1]) < 1e-3
    assert left[0] / left[1] == pytest.approx(4, rel=0.02)


def exact_error(gate, x):
    """m(x) - Πx in 50 digits, from the formula of the activation."""
    with mpmath.workdps(50):
        a = exact_bias(gate)
        sigma = sympy.lambdify(Z, FORMULAS[gate.activation.name], "mpmath")
        total = mpmath.mpf(0)
        for code in range(2**gate.inputs):
            s = [1 - 2 * (code >> k & 1) for k in range(gate.inputs)]
            field = mpmath.fsum(
                si * mpmath.mpf(xi) for si, xi in zip(s, x, strict=True)
            )
            total += np.prod(s).item() * sigma(a + mpmath.mpf(gate.scale) * field)
        formula = FORMULAS[gate.activation.name].diff(Z, gate.inputs)
        top = sympy.lambdify(Z, formula, "mpmath")(a)
        size = (2 * mpmath.mpf(gate.scale)) ** gate.inputs * top
        return float(total / size - math.prod(mpmath.mpf(xi) for xi in x))


def exact_bias(gate):
    """A quiet bias to all digits: a float leaves λ² 1e-16, no more than rounding."""
    if not gate.quiet:
        return mpmath.mpf(gate.centre)
    formula = FORMULAS[gate.activation.name].diff(Z, gate.inputs + 2)
    return mpmath.findroot(sympy.lambdify(Z, formula, "mpmath"), gate.centre)


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["64", "32"])
def test_measured_error_is_within_the_bound_and_rounding_is_as_expected(name, dtype):
    scan = scan_of(name, dtype)
    gates = [scan.gate.at_scale(s) for s in scan.scales]
    bound = [g.truncation_bound() + g.rounding_bound(dtype) for g in gates]
    assert (scan.measured <= np.array(bound)).all()
    dear = (scan.truncation < 1e-2 * scan.rounding) & (scan.rounding < 0.05)
    assert dear.sum() > 3
    rounding = scan.measured[dear] / scan.rounding[dear]
    assert 0.1 < rounding.min() < rounding.max() < 2


@pytest.mark.parametrize("name", sorted(KINDS))
def test_where_rounding_is_a_hundredth_the_leading_error_is_measured(name):
    scan = scan_of(name)
    cheap = (scan.rounding < 1e-2 * scan.truncation) & (scan.truncation < 2e-4)
    assert cheap.sum() > 3
    assert scan.measured[cheap] == pytest.approx(scan.truncation[cheap], rel=0.05)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_exponents_of_the_two_errors(name):
    _, _, rising, falling = KINDS[name]
    scan = scan_of(name)
    cheap = (scan.rounding < 1e-3 * scan.truncation) & (scan.truncation < 0.01)
    dear = (scan.truncation < 1e-3 * scan.rounding) & (scan.rounding < 0.01)
    assert slope(scan, cheap) == pytest.approx(rising, abs=0.05)
    assert slope(scan, dear) == pytest.approx(-falling, abs=0.25)


def slope(scan, where):
    return np.polyfit(np.log(scan.scales[where]), np.log(scan.measured[where]), 1)[0]


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["64", "32"])
def test_best_scale_is_where_predicted(name, dtype):
    scan = scan_of(name, dtype)
    best, error = scan.best
    assert 0.5 < scan.gate.scale / best < 2
    at_predicted = error_scan(kind(name), [scan.gate.scale], dtype=dtype).measured[0]
    assert at_predicted < 2 * error


def test_best_errors_are_powers_of_the_float_spacing():
    """√ε at the origin of softplus, ε^⅔ at a quiet bias: 2^29 times the spacing."""
    found = {
        name: [scan_of(name, dtype).best[1] for dtype in (torch.float32, torch.float64)]
        for name in KINDS
    }
    powers = {
        name: math.log2(single / double) / 29
        for name, (single, double) in found.items()
    }
    for name, (_, _, p, q) in KINDS.items():
        assert powers[name] == pytest.approx(p / (p + q), abs=0.03), name


def test_balance_in_closed_form():
    """λ* = (qR/pT)^{1/(p+q)} with R and T of softplus at 0."""
    roundoff, height = 2.0**-53, math.log(2)
    size = 2 * roundoff * math.sqrt(3) * height / (4 * 0.25)
    scale = (size / (1 / 6)) ** 0.25
    assert Gate(SOFTPLUS, 1.0).best_scale() == pytest.approx(scale, rel=2e-3)


def test_scale_for_is_the_inverse_of_the_bound():
    for name in KINDS:
        for inputs in (1, 2, 3):
            sigma = KINDS[name][0]
            for bias in (sigma.quiet_bias(inputs), 0.2):
                gate = Gate(sigma, 1.0, inputs, bias)
                for tolerance in (1e-1, 1e-5, 1e-9):
                    scale = gate.scale_for(tolerance)
                    bound = gate.at_scale(scale).truncation_bound()
                    assert bound == pytest.approx(tolerance, rel=1e-9)


def test_bound_holds_for_wide_windows():
    u, v = square(41)
    for name in KINDS:
        for scale in (0.3, 1.0, 3.0):
            gate = kind(name).at_scale(scale)
            error = float((gate(u, v) - u * v).abs().max())
            assert error <= gate.truncation_bound() + 1e-12


def test_another_activation_is_a_few_lines():
    bump = dataclasses.replace(
        GELU,
        name="bump",
        function=lambda z: torch.exp(-(z**2) / 2),
        weight=lambda z: mpmath.exp(-(z**2) / 2),
        first=0,
        start=(1,),
        low=(),
    )
    assert [bump.derivative(k) for k in range(5)] == [1, 0, -1, 0, 3]
    u, v = square(9)
    gate = Gate(bump, 2.0**-10)
    assert torch.allclose(
        gate(u, v), u * v, rtol=0, atol=gate.truncation_bound() + 1e-9
    )


# As a network


@pytest.mark.parametrize("sigma", ACTIVATIONS.values(), ids=sorted(ACTIVATIONS))
def test_layer_is_the_gate(sigma):
    gate = Gate(sigma, 2**-5)
    layer = multiplication_gate(gate, radius=2.0)
    assert layer.neurons == 4
    assert sum(p.numel() for p in layer.parameters()) == 4 * 2 + 4 + 4
    u, v = (2 * x for x in square(9))
    expected = 4 * gate(u / 2, v / 2)
    found = layer(torch.stack([u, v], -1))[..., 0]
    assert torch.allclose(found, expected, rtol=0, atol=1e-11)


def test_layer_of_gates_on_columns_of_a_state():
    gates = [
        Placed(Gate(TANH, 2**-6, 2), (0, 2), (1.0, 3.0)),
        Placed(Gate(TANH, 2**-6, 2), (1, 1), (2.0, 2.0)),
        Placed(Gate(TANH, 2**-4, 3, 0.0), (0, 1, 2), (1.0, 2.0, 3.0)),
    ]
    layer = GateLayer(gates, 3)
    assert layer.neurons == 4 + 4 + 8
    x = torch.tensor([[0.5, -1.5, 2.5], [-1.0, 2.0, 3.0]], dtype=torch.float64)
    exact = torch.stack([x[:, 0] * x[:, 2], x[:, 1] ** 2, x.prod(1)], 1)
    assert torch.allclose(layer(x), exact, rtol=2e-2, atol=0)
    assert not torch.allclose(layer(x), exact, rtol=1e-6, atol=0)  # it is no product


def test_an_activation_is_a_value():
    assert isinstance(SOFTPLUS, Activation)
    assert dataclasses.replace(TANH) == TANH
