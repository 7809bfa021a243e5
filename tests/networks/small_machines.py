"""Small machines with random weights, and their states: what tests of laws share."""

import math

import numpy as np
import torch

from kadanoff.exact.enumerate import all_states
from kadanoff.networks.rbm import RBM


def noise(seed=1):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def random_weights(network, seed=0, scale=0.3, double=True):
    """Parameters of order `scale`, normal."""
    draw = noise(seed)
    network = network.double() if double else network
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
            parameter.copy_(scale * drawn)
    return network


def small_machine(scale=0.7, seed=5):
    """Four visible and three hidden spins with biases."""
    return random_weights(RBM(4, 3, biases=True), seed=seed, scale=scale)


def few_minima(strength):
    """A dense machine of four wide units: strong ones keep a chain where it began."""
    machine = RBM((4, 4), 4).double()
    signs = np.random.default_rng(2).choice([-1.0, 1.0], (16, 4))
    with torch.no_grad():
        machine.W.copy_(machine.tensor(strength * signs))
    return machine


def states(shape):
    """All configurations of ±1, `(2^sites, *shape)`."""
    sites = math.prod(shape)
    return torch.from_numpy(all_states(sites)).double().reshape(-1, *shape)


def codes(v):
    """Which of `states` each configuration is."""
    v = v.flatten(1).numpy() > 0
    return (v @ (2 ** np.arange(v.shape[1])[::-1])).astype(int)
