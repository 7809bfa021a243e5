"""The transfer matrix of tied filters: against enumeration, value and gradient."""

import pytest
import torch
from networks.small_machines import random_weights

from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.enumeration import enumerated
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.transfer import transferred


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


STRIPS = {
    "chain": (ConvRBM(filter=4, dimension=1), (16,)),
    "chain, stride 1": (ConvRBM(filter=3, stride=1, dimension=1), (11,)),
    "chain, wide filter": (ConvRBM(filter=7, stride=1, dimension=1), (9,)),
    "filter once around": (ConvRBM(filter=6, dimension=1, maps=2), (4,)),
    "maps": (ConvRBM(filter=4, maps=3), (4, 2)),
    "strip": (ConvRBM(filter=4), (4, 6)),
    "strip the other way": (ConvRBM(filter=4), (8, 2)),
    "blocks alone": (ConvRBM(filter=2), (4, 4)),
    "stride 1": (ConvRBM(filter=3, stride=1), (3, 5)),
    "gaussian hidden": (ConvRBM(filter=4, units=("spin", "gaussian")), (2, 8)),
    "three dimensions": (ConvRBM(filter=4, dimension=3), (2, 2, 4)),
}


@pytest.mark.parametrize(("network", "shape"), STRIPS.values(), ids=STRIPS)
@torch.no_grad()
def test_the_transfer_matrix_is_the_enumeration(network, shape):
    network = random_weights(network)
    found = transferred(network, Grid(shape)).item()
    assert found == pytest.approx(enumerated(network, Grid(shape)).item(), abs=1e-10)


@torch.no_grad()
def test_a_filter_one_percent_off_has_another_transfer_matrix():
    """Negative control of the above."""
    network = random_weights(ConvRBM(filter=4))
    exact = enumerated(network, Grid((4, 6))).item()
    network.W.mul_(1.01)
    assert abs(transferred(network, Grid((4, 6))).item() - exact) > 1e-4


def test_the_transfer_matrix_has_the_gradient_of_the_enumeration():
    network = random_weights(ConvRBM(filter=4))
    fine = Grid((2, 6))
    by_transfer, by_states = (
        torch.autograd.grad(log_z(network, fine), network.W)[0]
        for log_z in (transferred, enumerated)
    )
    torch.testing.assert_close(by_transfer, by_states, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("network", "shape", "sentence"),
    [
        (RBM(4, 3), (4,), "needs a conv-rbm, got a machine of kind 'rbm'"),
        (ConvRBM(filter=4), (12, 12), "at most 22 spins .* got 48 and 24"),
        (ConvRBM(units=("gaussian", "spin")), (4, 4), "visible spins, got gaussian"),
    ],
)
def test_a_transfer_matrix_that_cannot_be_is_refused(network, shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        transferred(network, Grid(shape))
