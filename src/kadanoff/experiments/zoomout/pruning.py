"""What a network loses when directions of its pixels or kernels are left out.

Of a place with n directions the first k in some order are taken out of the trained
network, W − U Uᵀ W, without training it again, and accuracy is read on unseen inputs
that are the same for all orders. By survival the order is read on images that were
learned from.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from kadanoff.experiments.zoomout.digit_networks import (
    Network,
    accuracy,
    as_matrix,
    as_weights,
    convolution,
)
from kadanoff.experiments.zoomout.digits import Digits
from kadanoff.experiments.zoomout.survival import (
    PLACES,
    kernel_responses,
    metrics,
    responses,
)
from kadanoff.scorecard.relevance import singular

__all__ = [
    "LEAST",
    "MOST",
    "ORDERS",
    "RANDOM",
    "REMOVED",
    "SMALLEST",
    "Ranked",
    "lost",
    "ranked",
    "without",
]

LEAST, MOST, RANDOM, SMALLEST = ORDERS = (
    "least surviving",
    "most surviving",
    "random",
    "smallest",
)
"""What is taken out first; of kernels by R at p, as a whole direction goes; the
smallest are those of least variance of the inputs, or of least σ_k."""
REMOVED = tuple(k / 8 for k in range(8))

Ranked = dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]
"""Directions of each place, in columns, and their numbers in each order."""


def without(network: Network, step: int, directions: np.ndarray) -> Network:
    """A copy whose kernel has lost some directions of what it sees, W − U Uᵀ W.

    Args:
        network: of convolutions.
        step: whose kernel, from 0.
        directions: U, `(maps · filter, n)`, orthonormal columns.
    """
    pruned = copy.deepcopy(network)
    kernel = convolution(pruned, step)
    W = as_matrix(kernel)
    kernel.weight.data = as_weights(W - directions @ (directions.T @ W), kernel)
    return pruned


def ranked(network: Network, x: Tensor, digits: Digits) -> Ranked:
    """What to take out first, as read on images that were learned from."""
    survival = responses(metrics(network, x)[-1:], digits.basis)[0]
    seen = np.diag(digits.basis.T @ digits.covariance @ digits.basis)
    found = {PLACES[0]: (digits.basis, _orders(survival, seen))}
    for step, place in enumerate(PLACES[1:]):
        u, sigma, _ = singular(as_matrix(convolution(network, step)))
        response = kernel_responses(network, step, x)[-1]
        found[place] = (u, _orders(response, sigma))
    return found


def lost(
    network: Network,
    x: Tensor,
    labels: np.ndarray,
    found: Ranked,
    *,
    rng: np.random.Generator,
) -> np.ndarray:
    """Accuracy lost, `(places, orders, shares)`, on the same unseen inputs.

    Args:
        network: in single precision, as it was trained.
        x: inputs, `(n, 1, 8, 8)`.
        labels: that are asked for.
        found: directions of every place and their orders.
        rng: draws the random directions.
    """
    whole = accuracy(network, x, labels)
    cost = np.empty((len(PLACES), len(ORDERS), len(REMOVED)))
    for i, (directions, orders) in enumerate(found.values()):
        for j, name in enumerate(ORDERS):
            columns = (
                directions @ _rotation(directions.shape[1], rng)
                if name == RANDOM
                else directions[:, orders[name]]
            )
            for k, share in enumerate(REMOVED):
                out = columns[:, : round(share * columns.shape[1])]
                cost[i, j, k] = whole - _left(network, i, out, x, labels)
    return cost


def _orders(response: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    rising = np.argsort(response, kind="stable")
    return {LEAST: rising, MOST: rising[::-1], SMALLEST: np.argsort(size)}


def _left(
    network: Network, place: int, out: np.ndarray, x: Tensor, labels: np.ndarray
) -> float:
    if place:
        return accuracy(without(network, place - 1, out), x, labels)
    U, rows = torch.from_numpy(out).to(x), x.flatten(1)
    return accuracy(network, (rows - rows @ U @ U.T).reshape(x.shape), labels)


def _rotation(n: int, rng: np.random.Generator) -> np.ndarray:
    """A random orthonormal frame; its first columns span a uniform subspace."""
    return np.linalg.qr(rng.normal(size=(n, n)))[0]
