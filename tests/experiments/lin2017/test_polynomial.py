"""Polynomials as networks: fixed size, promises kept, and straight pieces that grow."""

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import polynomial


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
    fixed = data.assign(relu_neurons=0 * data.relu_neurons + 40)
    assert statuses(fixed)[3] is Status.NOT
