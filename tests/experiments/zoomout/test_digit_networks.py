"""The networks: what arms share, and how much of the sign there is to be seen."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kadanoff.experiments.zoomout.digit_networks import (
    ARMS,
    AVERAGED,
    DIGITS,
    KERNEL_ARMS,
    PLANTED,
    POOLED,
    SHUFFLED,
    UNTRAINED,
    as_matrix,
    as_weights,
    convolution,
    trained,
)
from kadanoff.experiments.zoomout.digits import Digits
from kadanoff.experiments.zoomout.features import FAST
from kadanoff.networks.products import one_thread


@pytest.mark.parametrize("name", ["strided", POOLED, AVERAGED])
def test_every_step_halves_the_side_and_the_last_level_has_length_two(name, made, x):
    network = made(name)
    with torch.no_grad():
        levels, p = network(x), torch.softmax(network.scores(x), 1)
    assert [level.shape[-1] for level in levels[:-1]] == [8, 4, 2, 1]
    assert levels[-1].square() == pytest.approx(4 * p)
    assert levels[-1].square().sum(1) == pytest.approx(4)


def test_a_kernel_is_a_matrix_and_back(made):
    kernel = convolution(made("strided"), 1)
    W = as_matrix(kernel)
    assert W.shape == (4 * 16, 6)
    assert torch.equal(as_weights(W, kernel), kernel.weight)


def test_arms_of_one_seed_begin_alike_and_learning_moves_them_apart():
    digits = Digits.load(FAST.noise, FAST.pattern)
    learned = np.arange(90)

    def weights(arm, epochs, seed=2):
        settings = replace(FAST, epochs=epochs)
        with one_thread():
            network = trained(settings, arm, digits, learned, seed=seed)
        return as_matrix(convolution(network, 0))

    first = weights(UNTRAINED, 1)
    assert all(np.array_equal(weights(arm, 0), first) for arm in KERNEL_ARMS)
    assert not np.array_equal(weights(UNTRAINED, 1, seed=3), first)
    after = [weights(arm, 1) for arm in (UNTRAINED, DIGITS, SHUFFLED, PLANTED)]
    apart = [abs(a - b).max() for k, a in enumerate(after) for b in after[:k]]
    assert min(apart) > 1e-3
    assert set(ARMS) == {*KERNEL_ARMS, POOLED, AVERAGED}


def test_no_network_sees_the_sign_better_than_one_can(computed):
    """The best sight of q alone is right in Φ(a/σ); images only disturb it."""
    right = computed("features")["accuracy"]
    best = 0.5 * math.erfc(-FAST.pattern / FAST.noise / math.sqrt(2))
    found = float(right.sel(arm=PLANTED))
    error = math.sqrt(best * (1 - best) / (1797 - FAST.learn) / FAST.seeds)
    assert 0.85 < found < best + 4 * error
    assert float(right.sel(arm=DIGITS)) > 0.6
    for arm in (SHUFFLED, UNTRAINED):
        assert float(right.sel(arm=arm)) < 0.25
