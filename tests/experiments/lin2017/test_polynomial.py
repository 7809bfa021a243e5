"""Polynomials as networks: fixed size, promises kept, and straight pieces that grow."""

import numpy as np
import pytest
import sympy
import torch

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import polynomial
from kadanoff.expressivity.gates import SOFTPLUS
from kadanoff.expressivity.polynomials import polynomial_circuit


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return polynomial.compute(polynomial.FAST, work)


def statuses(dataset):
    return [check.status for check in polynomial.checks(dataset)]


def test_all_claims_come_out_and_are_drawn(data):
    assert statuses(data) == [Status.REPRODUCED] * 4
    (section,) = polynomial.draw(data)
    assert str(section.picture).startswith("data:image/svg")


def test_sizes_are_those_of_products_counted_by_hand(data):
    """21 pairs; 4 squares, 4 fourth powers, 4 bonds; x², x³, x⁴, x⁷."""
    neurons = data.neurons.isel(accuracy=0)
    assert int(neurons.sel(polynomial="uv")) == 4
    assert int(neurons.sel(polynomial="Gaussian, 6 pixels")) == 4 * 21
    assert int(neurons.sel(polynomial="φ⁴ on a ring of 4")) == 4 * 12
    assert int(neurons.sel(polynomial="x⁷")) == 4 * 4


@pytest.mark.parametrize("accuracy", [0.1, 1e-3])
def test_straight_pieces_are_an_interpolation(accuracy):
    """The slow twin: z² interpolated between knots; and the worst case is reached."""
    u, v = np.random.default_rng(1).uniform(-1, 1, (2, 500))
    found, neurons = polynomial.relu_product(u, v, accuracy)
    knots = np.linspace(-2, 2, neurons // 2 + 1)
    sum_, difference = (np.interp(z, knots, knots**2) for z in (u + v, u - v))
    np.testing.assert_allclose(found, (sum_ - difference) / 4, rtol=0, atol=1e-12)
    middle = np.array([knots[neurons // 4] + knots[neurons // 4 + 1]]) / 4
    worst = np.abs(polynomial.relu_product(middle, middle, accuracy)[0] - middle**2)
    assert accuracy / 2 < worst.item() <= accuracy


def test_spoilt_data_are_seen(data):
    grown = data.copy(deep=True)
    grown["neurons"][1, -1] += 4
    assert statuses(grown)[0] is Status.NOT
    assert statuses(data.assign(error=2 * data.bound))[1] is Status.NOT
    assert statuses(data.assign(bound=2 * data.bound))[1] is Status.NOT
    assert statuses(data.assign(products=data.products + 1))[2] is Status.NOT
    costly = data.assign(wires=2 * data.products + 1)
    assert statuses(costly)[2] is Status.PARTLY
    fixed = data.assign(relu_neurons=0 * data.relu_neurons + 40)
    assert statuses(fixed)[3] is Status.NOT


def test_wires_are_those_counted_by_hand():
    """x⁷ in three layers: x past two (x² x, then x⁴ x³), x², x⁴ heard at once."""
    x, y = sympy.symbols("x y")
    cases = {
        x * y: 0,  # one layer
        x**4: 0,  # x², x⁴: each hears the layer before
        x**3: 1,  # x past the first layer, to meet x²
        x**4 + y: 2,  # y past both layers, in the sum
        x**4 + x**2 + y: 2,  # x² and y share the sum's wire past the second layer
        x**7: 1,  # x past the first; x³ = x² x and x⁴ meet in the third
    }
    found = {p: polynomial.wires(polynomial_circuit(p)) for p in cases}
    assert found == cases


def test_both_counts_are_said(data):
    check = polynomial.checks(data)[2]
    assert "uv: 4 and 4 for 1" in check.ours
    assert "x⁷: 16 and 18 for 4" in check.ours


@pytest.mark.parametrize("z", [-1.0, 0.3])
def test_a_number_passes_a_layer_of_softplus_through_two_neurons(z):
    """[σ(λz) - σ(-λz)]/λ = z exactly: softplus is z/2 and something even."""
    field = torch.tensor([0.5 * z, -0.5 * z], dtype=torch.float64)
    up, down = SOFTPLUS.function(field)
    assert float(up - down) / 0.5 == pytest.approx(z, abs=1e-15)
