"""Polynomials as networks: against exact evaluation, with a bound that must hold."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy
import torch

from kadanoff.expressivity.gates import ACTIVATIONS, GELU, SOFTPLUS, TANH, Gate
from kadanoff.expressivity.polynomials import (
    GateNetwork,
    attainable_accuracy,
    network_of,
    polynomial_circuit,
)

X, Y, Z, W = sympy.symbols("x y z w")
SURVEY = 3 * X**5 * Y**2 - 2 * X * Y * Z + sympy.Rational(1, 3) * Z**7 - X + 4


def points(radii, count=400, seed=0):
    """Points of the box: its corners and others, multiples of 2⁻²⁰ and so exact."""
    rng = np.random.default_rng(seed)
    inside = rng.integers(-(2**20), 2**20 + 1, (count, len(radii))) / 2**20
    corners = np.array(list(itertools.product((-1, 1), repeat=len(radii))))
    return np.concatenate([corners, inside]) * np.array(radii)


def exact(polynomial, variables, at):
    """By the rational arithmetic of sympy at the very floats, then rounded once."""
    poly: Any = sympy.Poly(polynomial, *variables)
    rows = [[sympy.Rational(float(v)) for v in row] for row in at]
    return np.array([float(poly(*row)) for row in rows])


def largest_error(network, polynomial, variables, at, dtype=torch.float64):
    found = network(torch.tensor(at, dtype=dtype)).detach().double().numpy()
    return np.abs(found - exact(polynomial, variables, at)).max()


def random_polynomial(rng, inputs, degree, terms):
    variables = sympy.symbols(f"x:{inputs}")
    total = sympy.Integer(0)
    for _ in range(terms):
        letters = rng.integers(inputs, size=rng.integers(degree + 1))
        coefficient = sympy.Rational(int(rng.integers(-30, 31)), 7)
        total += coefficient * math.prod((variables[i] for i in letters), start=1)
    return total, variables


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("seed", range(6))
def test_random_polynomials_to_the_accuracy_asked(name, seed):
    rng = np.random.default_rng([seed, len(name)])
    inputs, degree = int(rng.integers(1, 5)), int(rng.integers(1, 8))
    polynomial, variables = random_polynomial(rng, inputs, degree, terms=6)
    radii = tuple(rng.uniform(0.5, 2, inputs).round(3))
    ask = {"radius": radii, "variables": variables, "activation": ACTIVATIONS[name]}
    best = attainable_accuracy(polynomial, **ask)
    at = points(radii, 60, seed)
    for accuracy in (1e4 * best, 30 * best, 1.001 * best):
        network = network_of(polynomial, accuracy=accuracy, **ask)
        error = largest_error(network, polynomial, variables, at)
        assert error <= network.bound <= accuracy


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_accuracy_is_in_the_weights_and_not_in_the_neurons(name):
    at = points((1, 1, 1))
    networks, errors = [], []
    for accuracy in (1e-1, 1e-3, 1e-5, 1e-7):
        network = network_of(SURVEY, accuracy=accuracy, activation=ACTIVATIONS[name])
        networks.append(network)
        errors.append(largest_error(network, SURVEY, (X, Y, Z), at))
        # Neither vacuous nor pessimistic: within a factor 20 of what was asked.
        assert accuracy / 20 < errors[-1] < accuracy
    assert {n.neurons for n in networks} == {40}
    assert {n.depth for n in networks} == {3}
    shapes = [[p.shape for p in n.parameters()] for n in networks]
    assert all(s == shapes[0] for s in shapes)
    scales = np.array([n.scales for n in networks])
    # At a quiet bias the error is λ⁴: a hundred times less for λ smaller by √10.
    assert scales[1:-1] / scales[2:] == pytest.approx(math.sqrt(10), rel=0.02)


def test_weights_of_another_accuracy_are_not_good_enough():
    """Negative control: the same neurons with the λ of a coarse network."""
    fine, coarse = (network_of(SURVEY, accuracy=a) for a in (1e-7, 1e-2))
    fine.load_state_dict(coarse.state_dict())
    assert largest_error(fine, SURVEY, (X, Y, Z), points((1, 1, 1))) > 1e-4


def test_neurons_by_hand():
    # x⁵y² = x⁴ · (xy)y shares xy with xyz, and z⁷ = z⁴ · z²z: ten products in all.
    circuit = polynomial_circuit(SURVEY)
    assert circuit.neurons == 4 * len(circuit.gates) == 40
    assert polynomial_circuit(X**8).neurons == 4 * 3
    assert polynomial_circuit(X**7).neurons == 4 * 4
    assert polynomial_circuit(X * Y * Z * W).neurons == 4 * 3
    shared = X * Y * Z + X * Y * W + X * Y
    assert polynomial_circuit(shared, (X, Y, Z, W)).neurons == 4 * 3
    everything = polynomial_circuit(sympy.expand((1 + X + Y) ** 4))
    # (n+d)!/(n! d!) = 15 monomials, of which 12 are products.
    assert everything.neurons == 4 * 12


@pytest.mark.parametrize("degree", range(2, 18))
def test_layers_are_the_logarithm_of_the_degree(degree):
    for monomial in (X**degree, X ** (degree - 1) * Y):
        depth = len(polynomial_circuit(monomial).layers)
        assert depth == math.ceil(math.log2(degree))


@pytest.mark.parametrize(
    "polynomial", [sympy.Integer(0), 2 - 3 * X, sympy.Rational(1, 3)]
)
def test_what_is_linear_needs_no_neuron(polynomial):
    network = network_of(polynomial, accuracy=1e-14, variables=(X, Y))
    assert (network.neurons, network.depth) == (0, 0)
    at = points((1, 1))
    assert largest_error(network, polynomial, (X, Y), at) < 1e-15


def test_float32_promises_less_and_keeps_it():
    small = X**2 * Y - Y / 2
    best = attainable_accuracy(small, dtype=torch.float32)
    assert 1e5 < best / attainable_accuracy(small) < 1e7  # 2^(29·⅔) = 7e5
    network = network_of(small, accuracy=2 * best, dtype=torch.float32)
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    at = points((1, 1))
    error = largest_error(network, small, (X, Y), at, torch.float32)
    assert best / 50 < error <= network.bound


def test_accuracy_that_floats_cannot_have_is_refused_with_what_they_can():
    best = attainable_accuracy(SURVEY)
    with pytest.raises(ValueError, match="softplus in float64 can promise") as refused:
        network_of(SURVEY, accuracy=best / 2)
    assert f"promise {best:.1e} here, got an accuracy of {best / 2:.1e}" in str(
        refused.value
    )
    # And it is not timid: at a tenth of the best λ rounding has ruined the result.
    at = points((1, 1, 1))
    smaller = network_of(SURVEY, accuracy=1.001 * best)
    ruined = smaller.circuit, [_tenth(s) for s in smaller.scales]
    worse = GateNetwork(*ruined, radii=(1, 1, 1))
    assert largest_error(worse, SURVEY, (X, Y, Z), at) > 3 * largest_error(
        smaller, SURVEY, (X, Y, Z), at
    )


def _tenth(scale):
    return Gate(SOFTPLUS, scale / 10, 2, SOFTPLUS.quiet_bias())


def test_quiet_bias_is_worth_two_digits():
    quiet = attainable_accuracy(SURVEY)
    assert attainable_accuracy(SURVEY, bias=0.0) > 30 * quiet
    assert attainable_accuracy(SURVEY, activation=GELU, bias=0.0) < 30 * quiet


def test_a_wider_domain_costs_smaller_relative_weights():
    network = network_of(X * Y, accuracy=1e-4, radius=(100.0, 0.01))
    at = points((100, 0.01))
    assert largest_error(network, X * Y, (X, Y), at) <= network.bound <= 1e-4
    # Outside of the domain nothing is promised, and nothing is kept.
    outside = largest_error(network, X * Y, (X, Y), points((1e4, 1.0)))
    assert outside > 1


@pytest.mark.parametrize("radius", [0.5, 1.0, 3.0])
def test_every_gate_spends_the_same_share(radius):
    """What x² is off by enters x⁴ twice: it gets half the tolerance, λ less by 2^¼."""
    network = network_of(X**4, accuracy=1e-6 * radius**4, radius=radius)
    first, second = network.scales
    assert second / first == pytest.approx(2**0.25, rel=1e-3)


def test_gradients_flow():
    network = network_of(X**2 * Y, accuracy=1e-6)
    at = torch.tensor([[0.5, -0.25]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(network(at).sum(), at)
    assert slope[0].tolist() == pytest.approx([2 * 0.5 * -0.25, 0.25], abs=1e-5)


def test_input_that_is_no_polynomial_is_refused():
    with pytest.raises(ValueError, match=r"polynomial in x is required, got sin\(x\)"):
        network_of(sympy.sin(X), accuracy=1e-3)
    with pytest.raises(ValueError, match="must be real numbers, got y"):
        network_of(X * Y, accuracy=1e-3, variables=(X,))
    with pytest.raises(ValueError, match="must be real numbers, got I"):
        network_of(sympy.I * X, accuracy=1e-3)
    with pytest.raises(ValueError, match="needs variables, got 3"):
        network_of(sympy.Integer(3), accuracy=1e-3)
    for accuracy in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="accuracy is a positive number"):
            network_of(X, accuracy=accuracy)
    for radius in (0.0, (1.0, 2.0), (math.inf,)):
        with pytest.raises(ValueError, match="one for each of 1 variables"):
            network_of(X**2, accuracy=1e-3, radius=radius)
    with pytest.raises(ValueError, match="tanh must have a derivative of order 2"):
        network_of(X**2, accuracy=1e-3, activation=TANH, bias=0.0)
