"""ln Z by every state of a layer: a slow twin, Kaufman's torus, exact draws."""

import itertools
import math

import numpy as np
import pytest
import torch
from networks.small_machines import codes, noise, random_weights, small_machine, states
from scipy import stats

from kadanoff.exact.enumerate import all_states
from kadanoff.exact.kaufman import torus
from kadanoff.geometry import Grid
from kadanoff.networks import enumeration
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.enumeration import enumerated, exact_samples, smaller_layer
from kadanoff.networks.partition import log_likelihood
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.twin import in_double

K_C = math.log(1 + math.sqrt(2)) / 2


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


def slow(machine, fine):
    """The sum over the states in chunks, by torch's own logsumexp."""
    layer = smaller_layer(machine, fine)
    return enumeration._log_sum(in_double(machine), layer)


LARGE = {
    "more hidden": (RBM(13, 40), (13,)),
    "more visible": (RBM((5, 6), 17), (5, 6)),
    "gaussian hidden": (RBM(14, 9, units=("spin", "gaussian")), (14,)),
    "gaussian visible": (RBM(9, 14, units=("gaussian", "spin")), (9,)),
    "one map": (ConvRBM(), (4, 4)),
    "seven maps": (ConvRBM(maps=7), (4, 4)),
    "gaussian visible, maps": (
        ConvRBM(filter=4, maps=7, units=("gaussian", "spin")),
        (2, 4),
    ),
}


@pytest.mark.parametrize(("network", "shape"), LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
@torch.no_grad()
def test_the_fast_sum_is_the_slow_one(network, shape, double):
    network = random_weights(network.float(), double=double)
    fine = Grid(shape)
    layer = smaller_layer(network, fine)
    fast = enumeration._fast_log_sum(in_double(network), layer)
    assert fast.dtype == torch.float64
    assert float(fast) == pytest.approx(float(slow(network, fine)), abs=1e-11)
    found = enumerated(network, fine)
    assert float(found) == pytest.approx(float(fast), abs=1e-11)


@pytest.mark.parametrize("shape", [(4, 4), (5, 5)])
@pytest.mark.parametrize("coupling", [0.2, K_C, 1.0])
def test_one_hidden_unit_per_bond_has_the_partition_function_of_kaufman(
    shape, coupling
):
    """16 and 25 units: ln Z_RBM = ln Z + 2N (ln 2 + K)."""
    total = enumerated(bond_machine(shape, coupling)).item()
    sites = math.prod(shape)
    ising = torus(shape, coupling).log_partition
    expected = ising + 2 * sites * (math.log(2) + coupling)
    assert total == pytest.approx(expected, abs=1e-10)


def bond_machine(shape, coupling):
    """One hidden unit per bond of the square lattice, cosh 2w = e^{2K}."""
    sites = np.arange(math.prod(shape)).reshape(shape)
    ends = [
        (i, j)
        for axis in (0, 1)
        for i, j in zip(sites.flat, np.roll(sites, -1, axis).flat, strict=True)
    ]
    network = RBM(shape, len(ends)).double()
    with torch.no_grad():
        network.W.zero_()
        for a, (i, j) in enumerate(ends):
            w = math.acosh(math.exp(2 * coupling)) / 2
            network.W[i, a] = network.W[j, a] = w
    return network


@torch.no_grad()
def test_strong_weights_do_not_overflow():
    network = RBM(14, 30)
    network.W.fill_(50.0)
    # Two aligned states, each with 30 fields of 700.
    assert enumerated(network).item() == pytest.approx(30 * 700 + math.log(2))


def test_products_are_cut_before_they_overflow():
    """Fields of up to 200: every run of units holds at most e^700."""
    network = random_weights(RBM(14, 60), scale=5.0)
    with torch.no_grad():
        slowly = float(slow(network, Grid((14,))))
        assert float(enumerated(network)) == pytest.approx(slowly, rel=1e-13)


@pytest.mark.parametrize("name", ["more hidden", "gaussian visible", "seven maps"])
def test_the_gradient_of_the_fast_sum_is_that_of_the_slow_one(name):
    network, shape = LARGE[name]
    network = random_weights(network.initialised(seed=0))
    fine = Grid(shape)
    for parameter in network.parameters():
        parameter.requires_grad_()
    parameters = list(network.parameters())
    fast = torch.autograd.grad(3 * enumerated(network, fine), parameters)
    slowly = torch.autograd.grad(3 * slow(network, fine), parameters)
    for one, other in zip(fast, slowly, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_all_products_of_states_are_visited():
    """The thirds of the enumerated layer together are every state once."""
    parts = [states for states, _ in enumeration._thirds(np.zeros((18, 1)))]
    assert math.prod(len(part) for part in parts) == 2**18
    few = [part for part, _ in enumeration._thirds(np.zeros((8, 1)))]
    rows = {tuple(itertools.chain(*one)) for one in itertools.product(*few)}
    assert rows == {tuple(row) for row in all_states(8)}


def p_value_of_samples(scale, draws=100_000):
    law = log_likelihood(small_machine(), states((4,))).exp().numpy()
    drawn = exact_samples(small_machine(scale), None, draws, noise())
    code = codes(drawn)
    return stats.chisquare(np.bincount(code, minlength=16), law * draws).pvalue


@torch.no_grad()
def test_exact_samples_have_the_law_of_the_machine():
    """Through the hidden layer; p < 1e-4 once in 10 000 seeds; weights 3 % off."""
    assert p_value_of_samples(0.7) > 1e-4
    assert p_value_of_samples(0.721) < 1e-4
