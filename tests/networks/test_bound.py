"""The bound of a stack: below its exact likelihood, and equal to it where it can be."""

import math

import numpy as np
import pytest
import torch
from networks.small_machines import noise, random_weights, states

from kadanoff.exact.enumerate import all_states
from kadanoff.networks.bound import dbn_bound
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.partition import log_likelihood
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


def three_layers(scale=0.5):
    return (
        random_weights(RBM((2, 3), 4, biases=True), seed=1, scale=scale),
        random_weights(RBM(4, 3, biases=True), seed=2, scale=scale),
    )


@torch.no_grad()
def exact_stack(layers, v):
    """ln q(v) = ln Σ_h p(v | h) q(h), h by h, from the top down."""
    bottom, *above = layers
    if not above:
        return log_likelihood(bottom, v)
    h = states((bottom.hidden.size,))
    log_h = exact_stack(above, h)
    pairs = torch.stack([bottom.energy(one.expand(len(h), *one.shape), h) for one in v])
    conditional = -pairs + bottom.hidden_free_energy(h)
    return torch.logsumexp(conditional + log_h, 1)


@torch.no_grad()
def exact_bound(layers, v):
    """The expectation over q(h | v), h by h (two machines)."""
    bottom, top = layers
    h = states((bottom.hidden.size,))
    pairs = torch.stack([bottom.energy(one.expand(len(h), *one.shape), h) for one in v])
    posterior = torch.softmax(-pairs, 1)
    inside = bottom.hidden_free_energy(h) - top.free_energy(h)
    return -bottom.free_energy(v) + posterior @ inside - top.log_partition()


def test_the_law_of_a_stack_sums_to_one():
    total = exact_stack(three_layers(), states((2, 3))).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-12)


def test_the_bound_is_its_expectation_and_below_the_truth():
    """64 states, 4000 draws: above 4.5 errors once in 2 000 seeds over all of them."""
    layers, v = three_layers(), states((2, 3))
    found = dbn_bound(layers, v, draws=4000, noise=noise())
    expected, truth = exact_bound(layers, v).numpy(), exact_stack(layers, v).numpy()
    assert (abs(found.value - expected) < 4.5 * found.error).all()
    assert (expected < truth).all()
    assert (truth - expected).max() > 0.05
    assert (found.value < truth + 4.5 * found.error).all()
    # The control: a top machine a tenth stronger is another bound.
    with torch.no_grad():
        layers[1].W.mul_(1.1)
    assert (abs(found.value - exact_bound(layers, v).numpy()) > 4.5 * found.error).any()


def transposed(machine):
    twin = RBM(machine.hidden.size, math.prod(machine.visible.lattice), biases=True)
    twin = twin.double()
    with torch.no_grad():
        twin.W.copy_(machine.W.T)
        twin.b.copy_(machine.c)
        twin.c.copy_(machine.b)
    return twin


def test_a_top_machine_tied_as_the_transpose_leaves_the_likelihood():
    """Equality, without any fluctuation; and for one machine alone."""
    bottom, v = three_layers()[0], states((2, 3))
    with torch.no_grad():
        truth = log_likelihood(bottom, v).numpy()
    for layers in ([bottom], [bottom, transposed(bottom)]):
        found = dbn_bound(layers, v, draws=2, noise=noise())
        np.testing.assert_allclose(found.value, truth, rtol=0, atol=1e-11)
        assert found.error.max() < 1e-12


def test_four_layers_have_a_bound_too():
    layers = [*three_layers(), random_weights(RBM(3, 4, biases=True), seed=3)]
    v = states((2, 3))
    found = dbn_bound(layers, v, draws=500, noise=noise())
    truth = exact_stack(layers, v).numpy()
    assert (found.value < truth + 4.5 * found.error).all()
    shifted = dbn_bound(layers, v, draws=500, noise=noise(), log_partition_top=0.0)
    log_z = layers[-1].log_partition().item()
    np.testing.assert_allclose(shifted.value - found.value, log_z, atol=1e-12)


def test_tied_machines_stack_with_their_maps():
    layers = [
        random_weights(ConvRBM(maps=2)),
        random_weights(RBM(8, 3)),
    ]
    v = torch.from_numpy(all_states(16)[:10]).reshape(-1, 4, 4).float()
    assert np.isfinite(dbn_bound(layers, v, noise=noise()).value).all()


def test_a_stack_that_does_not_fit_is_refused():
    v = states((2, 3))
    with pytest.raises(ValueError, match="has 5 visible units"):
        dbn_bound([three_layers()[0], RBM(5, 2)], v, noise=noise())
    with pytest.raises(ValueError, match="at least one machine and 2 draws"):
        dbn_bound([], v, noise=noise())
