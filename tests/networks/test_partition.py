"""ln Z and the likelihood: exact by whichever way is within reach."""

import pytest
import torch
from networks.small_machines import random_weights, states

from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.partition import log_likelihood, log_partition
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


def test_the_law_of_single_precision_weights_is_evaluated_in_double():
    network = random_weights(RBM((3, 3), 20), double=False)
    with torch.no_grad():
        log_q = log_likelihood(network, states((3, 3)).float())
    assert log_q.dtype == torch.float64
    assert log_q.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert network.W.dtype == torch.float32


@torch.no_grad()
def test_long_strips_are_summed_where_no_layer_is_small():
    """ln Z(2n) − 2 ln Z(n) → 0: beyond the correlation length lengths add up."""
    network = random_weights(ConvRBM(filter=4, maps=2))
    short, long = (log_partition(network, Grid((2, n))).item() for n in (200, 400))
    assert long == pytest.approx(2 * short, abs=1e-9)
    assert log_partition(network, Grid((200, 2))).item() != pytest.approx(short)


def test_a_large_layer_is_not_enumerated():
    with pytest.raises(ValueError, match="at most 25 spins, the smaller one has 26"):
        RBM(30, 26).log_partition()
