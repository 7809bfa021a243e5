"""Certificates by rank: the proof is checked in whole numbers, its premises broken."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch

from kadanoff.expressivity import rank
from kadanoff.expressivity.gates import GELU, SOFTPLUS, Gate
from kadanoff.expressivity.rank import (
    bottleneck_error,
    flattened,
    fourier_factors,
    least_error,
    low_rank_factors,
    product_certificate,
    sparse_error,
    subset_products,
    synapses,
)


def signs(inputs):
    return list(itertools.product((1, -1), repeat=inputs))


def value(polynomial, row):
    return sum(
        c * math.prod(a**p for a, p in zip(map(int, row), powers, strict=True))
        for powers, c in polynomial.items()
    )


def conditions(weights, output):
    """Σ_j w_j A_j^α for every power of degree n at most, by powers."""
    n = len(weights[0])
    every = [p for p in itertools.product(range(n + 1), repeat=n) if sum(p) <= n]
    return {
        p: sum(
            w * math.prod(int(a) ** k for a, k in zip(row, p, strict=True))
            for w, row in zip(output, weights, strict=True)
        )
        for p in every
    }


def refutes(certificate, weights):
    """Whether the polynomial shows that no output weights do it."""
    n, polynomial = certificate.inputs, certificate.obstruction
    return (
        all(value(polynomial, row) == 0 for row in weights)
        and polynomial[(1,) * n] != 0
        and max(sum(p) for p in polynomial) <= n
    )


# Products


@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5])
def test_all_signs_multiply_and_one_fewer_cannot(inputs):
    every = signs(inputs)
    full = product_certificate(every)
    assert (full.rank, full.possible) == (2**inputs, True)
    # The output weights of the flat gate, without 1/(λⁿσ⁽ⁿ⁾): ± 2⁻ⁿ.
    flat = tuple(Fraction(math.prod(s), 2**inputs) for s in every)
    assert full.output == flat
    for left_out in (0, len(every) // 2):
        fewer = every[:left_out] + every[left_out + 1 :]
        found = product_certificate(fewer)
        assert (found.rank, found.possible) == (2**inputs - 1, False)
        assert refutes(found, fewer)


@pytest.mark.parametrize("inputs", [2, 3, 4, 5])
def test_fewer_neurons_with_any_weights_are_refuted(inputs):
    rng = np.random.default_rng(inputs)
    for _ in range(4):
        neurons = int(rng.integers(1, 2**inputs))
        weights = rng.integers(-9, 10, (neurons, inputs)).tolist()
        found = product_certificate(weights)
        assert found.rank <= neurons
        assert not found.possible
        assert refutes(found, weights)


def test_rank_is_necessary_and_not_sufficient():
    rng = np.random.default_rng(3)
    weights = rng.integers(-9, 10, (4, 2)).tolist()
    found = product_certificate(weights)
    assert found.rank == 4  # and yet
    assert not found.possible
    assert refutes(found, weights)
    # Six powers and as many neurons in general position: now there is a solution.
    more = rng.integers(-9, 10, (6, 2)).tolist()
    assert product_certificate(more).possible


def test_output_meets_every_condition_exactly():
    rng = np.random.default_rng(4)
    for weights in (
        [[1, 5], [1, -2], [-3, 5], [-3, -2]],  # a box: p_i or q_i in each place
        rng.integers(-9, 10, (20, 3)).tolist(),
    ):
        found = product_certificate(weights)
        met = conditions(weights, found.output)
        assert met.pop((1,) * found.inputs) == 1
        assert set(met.values()) == {0}


def test_a_forged_certificate_is_seen():
    """Negative control of `refutes`: the polynomial of other neurons."""
    fewer = signs(3)[:-1]
    found = product_certificate(fewer)
    assert not refutes(found, [*fewer[:-1], (2, 3, 5)])


def test_rank_against_floats():
    rng = np.random.default_rng(5)
    for inputs in (2, 3, 4):
        weights = rng.integers(-3, 4, (2**inputs + 2, inputs)).tolist()
        floats = np.array(subset_products(weights), dtype=float)
        expected = np.linalg.matrix_rank(floats)
        assert product_certificate(weights).rank == expected


def test_a_constant_is_a_neuron_without_weights():
    """(u+v)² - u² - v² = 2uv: three neurons and a constant, and not without it."""
    three = [[1, 1], [1, 0], [0, 1]]
    assert not product_certificate(three).possible
    assert product_certificate([*three, [0, 0]]).output == (1, -1, -1, 1)


def test_bad_weights_are_refused():
    with pytest.raises(ValueError, match="matrix of whole numbers"):
        product_certificate([[0.5, 1]])  # pyright: ignore
    with pytest.raises(ValueError, match="at most 6 inputs, got 7"):
        product_certificate([[1] * 7])
    for degrees in ([0, 1], [1, 2, 3]):
        with pytest.raises(ValueError, match=r"among 0 … 2 and include 2"):
            product_certificate([[1, 1]], degrees=degrees)


# What the theorem presumes


def slope_of_errors(multiply):
    """The power of λ with which the largest error on the square falls, in 30 digits."""
    axis = [mpmath.mpf(k) / 2 for k in range(-2, 3)]
    with mpmath.workdps(30):
        errors = [
            max(abs(multiply(u, v, mpmath.mpf(s)) - u * v) for u in axis for v in axis)
            for s in (1e-3, 1e-4)
        ]
        return float(mpmath.log10(errors[0] / errors[1]))


def test_two_neurons_multiply_where_the_slope_vanishes():
    """GELU at its minimum: σ′ = 0, a premise of the theorem is missing."""
    assert not product_certificate([[1, 1], [1, -1]]).possible
    assert product_certificate([[1, 1], [1, -1]], degrees=[0, 2]).possible
    with mpmath.workdps(30):
        slope, gelu = GELU.low[1], GELU.low[0]
        a = mpmath.findroot(slope, -0.75)
        curvature = mpmath.npdf(a) * (2 - a**2)

        def two(u, v, s):
            difference = gelu(a + s * (u + v)) - gelu(a + s * (u - v))
            return difference / (2 * s**2 * curvature)

        assert slope_of_errors(two) == pytest.approx(1, abs=0.02)


def test_three_neurons_multiply_with_biases_of_their_own():
    """softplus: 2uv = (u+v)² - u² - v², each square with a bias and a scale.

    Scales t_j = σ′/σ″ cancel the terms linear in u and v, and the biases are such that
    the constants σσ″/σ′² cancel too: ρ(0) = 2ρ(b).
    """
    with mpmath.workdps(30):

        def softplus(z):
            return mpmath.log1p(mpmath.exp(z))

        def derivatives(b):
            s = 1 / (1 + mpmath.exp(-b))
            return softplus(b), s, s * (1 - s)

        def constant(b):
            height, slope, curvature = derivatives(b)
            return height * curvature / slope**2

        b = mpmath.findroot(lambda z: constant(0) - 2 * constant(z), 1)

        def neuron(x, bias, s):
            _, slope, curvature = derivatives(bias)
            t = slope / curvature
            return softplus(bias + s * t * x) / (t**2 * curvature * s**2)

        def three(u, v, s):
            return neuron(u + v, mpmath.mpf(0), s) - neuron(u, b, s) - neuron(v, b, s)

        assert slope_of_errors(three) == pytest.approx(1, abs=0.02)
        # With one bias for all, what is left over is of order 1/λ².
        b = mpmath.mpf(0)
        assert slope_of_errors(three) == pytest.approx(-2, abs=0.02)


def half(inputs):
    return [s for s in signs(inputs) if s[0] == 1]


@pytest.mark.parametrize("sigma", [SOFTPLUS, GELU], ids=lambda a: a.name)
def test_half_of_the_neurons_do_at_a_bias_of_zero_for_even_n(sigma):
    """σ(z) - z/2 is even: the derivatives of odd order vanish from the third on."""
    used = [k for k in range(5) if abs(sigma.derivative(k)) > 1e-30]
    assert 1 in used
    assert 3 not in used
    found = product_certificate(half(4), degrees=used)
    assert found.output == tuple(Fraction(math.prod(s), 8) for s in half(4))
    assert not product_certificate(half(4)).possible  # with a third derivative
    assert not product_certificate(half(2), degrees=[0, 1, 2]).possible
    x = torch.tensor([0.9, -0.8, 0.7, 0.6], dtype=torch.float64)
    gate = Gate(sigma, 0.1, 4, 0.0)
    neurons = [
        math.prod(s) * sigma.function(0.1 * (torch.tensor(s, dtype=x.dtype) @ x))
        for s in half(4)
    ]
    by_half = 2 * gate.amplitude * torch.stack(neurons).sum()
    assert float(by_half) == pytest.approx(float(gate(*x)), rel=1e-9)
    assert float(by_half) == pytest.approx(float(x.prod()), rel=0.02)


def test_four_neurons_are_better_gates_than_those():
    def four(u, v, s):
        softplus = SOFTPLUS.low[0]
        signed = ((1, u + v), (1, -u - v), (-1, u - v), (-1, v - u))
        return sum(c * softplus(s * x) for c, x in signed) / s**2

    assert slope_of_errors(four) == pytest.approx(2, abs=0.02)


# Evidence


@pytest.mark.parametrize(("inputs", "least"), [(1, 0.5), (2, 0.25)])
def test_least_error_with_one_neuron_fewer_stays_away_from_zero(inputs, least):
    fewer, enough = (
        least_error(inputs, m, rng=np.random.default_rng(0), starts=6, steps=100)
        for m in (2**inputs - 1, 2**inputs)
    )
    assert enough.errors[0] < 1e-12
    assert fewer.errors[0] > least
    assert (np.diff(fewer.errors) >= 0).all()


def test_least_error_of_one_neuron_and_one_input_in_closed_form():
    # w = 0 and wA = 1 with |A| ≤ 1: min w² + (1 - w)² = ½.
    found = least_error(1, 1, rng=np.random.default_rng(1), starts=3)
    assert found.errors[0] == pytest.approx(math.sqrt(0.5), abs=1e-6)
    assert found.largest[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.slow
def test_least_error_of_three_inputs():
    fewer, enough = (
        least_error(3, m, rng=np.random.default_rng(0), starts=24, steps=300)
        for m in (7, 8)
    )
    assert enough.errors[0] < 1e-12
    assert fewer.errors[0] > 0.1


def test_conditions_are_the_powers_up_to_degree_n():
    for inputs in range(1, 6):
        powers = rank._powers(inputs)
        assert len(set(powers)) == len(powers) == math.comb(2 * inputs, inputs)
        assert max(sum(p) for p in powers) == inputs


def test_bad_searches_are_refused():
    for bad in ((0, 1), (2, 0), (7, 3)):
        with pytest.raises(ValueError, match="1 to 6 inputs, a neuron and a start"):
            least_error(*bad, rng=np.random.default_rng(0))


# Linear networks


def unitary_fourier(size):
    j = np.arange(size)
    return np.exp(-2j * np.pi * (np.outer(j, j) % size) / size) / math.sqrt(size)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 12, 30, 64, 97, 256])
def test_fourier_factors_are_the_transform(size):
    factors = fourier_factors(size)
    assert np.abs(flattened(factors) - unitary_fourier(size)).max() < 1e-15
    x = np.random.default_rng(size).normal(size=size)
    y = x
    for factor in reversed(factors):
        y = factor @ y
    assert np.abs(y - np.fft.fft(x, norm="ortho")).max() < 1e-14


@pytest.mark.parametrize("power", range(1, 11))
def test_synapses_of_the_fast_transform(power):
    size = 2**power
    factors = fourier_factors(size)
    # 2n for each of log₂ n layers, and n crossed wires.
    assert synapses(factors) == size * (2 * power + 1)
    assert synapses([flattened(factors)]) == size**2
    assert [f.nnz for f in factors] == [2 * size] * power + [size]


def test_synapses_count_the_primes():
    assert synapses(fourier_factors(60)) == 60 * (2 + 2 + 3 + 5 + 1)
    assert synapses(fourier_factors(13)) == 13**2 + 13  # nothing is gained for a prime


def test_one_layer_with_the_synapses_of_the_fast_transform_is_nearly_nothing():
    factors = fourier_factors(256)
    kept = synapses(factors)
    error = sparse_error(flattened(factors), kept)
    assert error == pytest.approx(math.sqrt(1 - kept / 256**2), rel=1e-9)
    assert error > 0.96
    assert sparse_error(flattened(factors), 256**2) == 0


def test_low_rank_is_width():
    rng = np.random.default_rng(0)
    narrow = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 50))
    factors = low_rank_factors(narrow, 3)
    assert np.abs(flattened(factors) - narrow).max() < 1e-13
    assert synapses(factors) == 3 * (40 + 50)
    assert synapses([narrow]) == 40 * 50
    assert bottleneck_error(narrow, 3) < 1e-14
    # One neuron fewer: the error is the least singular value, and is attained.
    s = np.linalg.svd(narrow, compute_uv=False)
    least = s[2] / np.linalg.norm(s)
    assert bottleneck_error(narrow, 2) == pytest.approx(least, rel=1e-9)
    off = flattened(low_rank_factors(narrow, 2)) - narrow
    assert np.linalg.norm(off) / np.linalg.norm(narrow) == pytest.approx(
        least, rel=1e-9
    )


def test_a_unitary_matrix_has_no_bottleneck():
    fourier = unitary_fourier(16)
    for width in (1, 8, 15):
        assert bottleneck_error(fourier, width) == pytest.approx(
            math.sqrt(1 - width / 16), rel=1e-9
        )


def test_linear_layers_of_torch_are_their_flattened_matrix():
    factors = [torch.tensor(f.toarray()) for f in fourier_factors(12)]
    x = torch.randn(5, 12, dtype=torch.complex128, generator=torch.Generator())
    y = x
    for factor in reversed(factors):
        y = y @ factor.T
    assert torch.allclose(y, torch.fft.fft(x, norm="ortho"), rtol=0, atol=1e-13)


def test_bad_linear_networks_are_refused():
    with pytest.raises(ValueError, match="size of at least 1, got 0"):
        fourier_factors(0)
    for width in (0, 4):
        with pytest.raises(ValueError, match=r"width of 1 … 3 is required"):
            bottleneck_error(np.ones((3, 5)), width)
        with pytest.raises(ValueError, match=r"width of 1 … 3 is required"):
            low_rank_factors(np.ones((3, 5)), width)
    with pytest.raises(ValueError, match="0 to 15 entries can be kept, got 16"):
        sparse_error(np.ones((3, 5)), 16)
