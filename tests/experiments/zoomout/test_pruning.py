"""Pruning: what is left out is gone, the rest stays, and orders are as they say."""

import numpy as np
import pytest
import torch

from kadanoff.experiments.zoomout.digit_networks import accuracy, as_matrix, convolution
from kadanoff.experiments.zoomout.digits import Digits
from kadanoff.experiments.zoomout.features import FAST
from kadanoff.experiments.zoomout.pruning import (
    LEAST,
    MOST,
    ORDERS,
    RANDOM,
    REMOVED,
    SMALLEST,
    lost,
    ranked,
    without,
)
from kadanoff.experiments.zoomout.survival import PLACES


def test_what_is_left_out_of_a_kernel_is_gone_and_the_rest_stays(made, x):
    network = made("strided")
    weight = network.steps[1][0].weight.detach()
    W = weight.reshape(len(weight), -1).numpy().T
    u, sigma, _ = np.linalg.svd(W, full_matrices=False)
    pruned = convolution(without(network, 1, u[:, :2]), 1).weight.detach()
    left = np.linalg.svd(pruned.reshape(len(weight), -1).numpy(), compute_uv=False)
    assert left == pytest.approx(np.append(sigma[2:], [0, 0]), abs=1e-12)
    whole = without(network, 1, u[:, :0])
    assert torch.equal(whole.scores(x), network.scores(x))
    assert torch.equal(network.steps[1][0].weight, weight)  # the machine is untouched


@pytest.fixture(scope="module")
def digits():
    return Digits.load(FAST.noise, FAST.pattern)


def test_orders_go_by_what_is_done_to_the_last_level(made, x, digits):
    """Of pixels by finite differences at p; of kernels, where it is size, by |Wᵀu|."""
    network = made("strided")
    found = ranked(network, x, digits)
    assert list(found) == list(PLACES)
    directions, orders = found[PLACES[0]]
    step = 1e-6 * torch.from_numpy(directions.T.copy()).reshape(-1, 1, 1, 8, 8)
    with torch.no_grad():
        moved = [network(x + e)[-1] - network(x - e)[-1] for e in step]
    sizes = np.array([float(m.square().sum()) for m in moved])
    assert (np.diff(sizes[orders[LEAST]]) > -1e-6 * sizes.max()).all()
    assert (orders[MOST] == orders[LEAST][::-1]).all()
    for number, place in enumerate(PLACES[1:]):
        U, orders = found[place]
        W = as_matrix(convolution(network, number))
        strength = np.linalg.norm(W.T @ U, axis=0)
        assert (np.diff(strength[orders[SMALLEST]]) >= 0).all()


def test_what_is_lost_is_the_accuracy_without_those_pixels(made, x, digits):
    network = made("strided")
    labels = network.scores(x).argmax(1).numpy()
    found = ranked(network, x, digits)
    cost = lost(network, x, labels, found, rng=np.random.default_rng(1))
    assert cost.shape == (len(PLACES), len(ORDERS), len(REMOVED))
    assert (cost[..., 0] == 0).all()
    directions, orders = found[PLACES[0]]
    kept = directions[:, orders[SMALLEST][round(REMOVED[4] * 64) :]]
    seen = x.flatten(1).numpy() @ kept @ kept.T
    right = accuracy(network, torch.from_numpy(seen).reshape(x.shape), labels)
    half = dict(zip(ORDERS, cost[0, :, 4], strict=True))
    assert half[SMALLEST] == pytest.approx(1 - right)
    assert half[MOST] > 0
    other = lost(network, x, labels, found, rng=np.random.default_rng(2))
    for order, one, again in zip(ORDERS, cost[0], other[0], strict=True):
        assert order == RANDOM or (one == again).all()
