"""How small changes of the inputs and weights fare through the depth of a network.

At level l a change of x by ε e has the size ε R_l(e) in units of the signal's spread,

    R_l(e)² = e·M_l e,     M_l = ⟨J_lᵀ J_l⟩ / ⟨|x_l − ⟨x_l⟩|²⟩,     J_l = ∂x_l/∂x,

where the last level is 2√p of the class probabilities p: its length is Fisher's, a
change δ of it costs δ²/2 nats. Growth R_{l+1}/R_l is what 2^y is for a block spin,
which is also rescaled to keep its spread; survival is R_last/R_0, and 1 is marginal: as
large a share of the signal as before. For linear steps Σ_k λ_k R_l(e_k)² = 1 at every
level, over the principal directions e_k of the inputs: one grows as others die, and
nothing grows in nats (data processing).

Weights: as in `scorecard.relevance`, direction k of a kernel W = Σ_k σ_k u_k v_kᵀ is
σ_k → σ_k (1 + ε), followed from the field that this kernel makes; its number k is all
that such directions of two trainings have in common.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.estimate import Estimate
from kadanoff.experiments.zoomout.digit_networks import (
    Network,
    as_matrix,
    as_weights,
    convolution,
)
from kadanoff.experiments.zoomout.digits import PIXELS, SIDE
from kadanoff.scorecard.relevance import singular

__all__ = [
    "ENDS",
    "KERNELS",
    "KINDS",
    "LEVELS",
    "PLACES",
    "SIGNIFICANCE",
    "classes_of",
    "followed",
    "kernel_responses",
    "mean_response",
    "metrics",
    "over_trainings",
    "responses",
    "shares",
]

LEVELS = ("8×8", "4×4", "2×2", "1×1", "p")
ENDS = LEVELS[-2:]
"""Of the zooming out, and of the decision after it."""
PLACES = ("pixels", "first kernel", "second kernel")
KERNELS = ("kernel_1", "kernel_2")
"""Names of the readings of the latter two."""
KINDS = ("relevant", "marginal", "irrelevant")
SIGNIFICANCE = 0.01
"""Of all tests of one family of directions, as in the scorecard."""


def followed(
    network: Network, x: Tensor, change: Tensor, skip: int = 0
) -> list[tuple[Tensor, Tensor]]:
    """Each later level and what small changes are there, exact to first order.

    Args:
        network: of convolutions, rectifiers and average pooling.
        x: inputs, `(n, 1, 8, 8)`.
        change: `(changes, n, …)`, of the input, or of what layer `skip` is given.
        skip: layers that are passed before.
    """
    found = []
    with torch.no_grad():
        for step in network.steps:
            for layer in cast(nn.Sequential, step):
                if skip == 0:
                    change = _pushed(layer, x, change)
                x, skip = layer(x), max(0, skip - 1)
            if skip == 0:
                found.append((x, change))
        log_p = torch.log_softmax(network.linear(x.flatten(1)), 1)
        moved = change.flatten(2) @ network.linear.weight.T
        root = torch.exp(log_p / 2)
        mean = (root**2 * moved).sum(-1, keepdim=True)
        return [*found, (2 * root, root * (moved - mean))]


def metrics(network: Network, x: Tensor) -> np.ndarray:
    """M_l of every level, `(levels, 64, 64)`: growth of all directions at once.

    Args:
        network: in double precision.
        x: inputs, `(n, 1, 8, 8)`.
    """
    pixels = torch.eye(PIXELS, dtype=x.dtype).reshape(PIXELS, 1, 1, SIDE, SIDE)
    change = pixels.expand(-1, len(x), -1, -1, -1)
    found = []
    for level, moved in [(x, change), *followed(network, x, change)]:
        rows = moved.reshape(PIXELS, -1)
        found.append(rows @ rows.T / len(x) / _spread(level))
    return torch.stack(found).numpy(force=True)


def responses(M: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """R of each column, `(levels, directions)`."""
    square = np.einsum("ik,lij,jk->lk", directions, M, directions)
    return np.sqrt(np.maximum(square, 0))


def mean_response(M: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Root mean square of R over all directions of a space, `(levels,)`."""
    return np.sqrt((responses(M, directions) ** 2).mean(axis=1))


def kernel_responses(network: Network, step: int, x: Tensor) -> np.ndarray:
    """R of σ_k → σ_k (1 + ε) of one kernel, `(levels from its field on, directions)`.

    Args:
        network: of convolutions, in double precision.
        step: whose kernel, from 0.
        x: inputs, `(n, 1, 8, 8)`.
    """
    kernel = convolution(network, step)
    u, sigma, vh = singular(as_matrix(kernel))
    with torch.no_grad():
        before = network(x)[step]
        fields = torch.stack(
            [
                _conv(
                    kernel,
                    before,
                    as_weights(sigma[k] * np.outer(u[:, k], vh[k]), kernel),
                )
                for k in range(len(sigma))
            ]
        )
        levels = [(kernel(before), fields)]
        levels += followed(network, x, fields, skip=2 * step + 1)
        squares = [
            moved.flatten(2).square().sum(2).mean(1) / _spread(level)
            for level, moved in levels
        ]
    return torch.stack(squares).sqrt().numpy(force=True)


def shares(
    one: Sequence[Tensor], other: Sequence[Tensor], labels: Sequence[np.ndarray]
) -> np.ndarray:
    """Parts of the variance of every level, `(levels, 1 + labels)`.

    By noise, from two sights of the same images with unlike noise; by each label, from
    the means of its classes less what means of so few images have by chance.

    Args:
        one, other: levels of two sights.
        labels: of the images.
    """
    here, there = (
        [v.flatten(1).double().numpy(force=True) for v in levels]
        for levels in (one, other)
    )
    pairs = zip(here, there, strict=True)
    return np.array([_parts(a, b, labels) for a, b in pairs])


def classes_of(survival: np.ndarray) -> list[str]:
    """Relevant, marginal or irrelevant, by ln s over seeds, `(seeds, directions)`.

    Relevant where s > 1 outside errors, irrelevant where s < 1; the tests of all
    directions share the level (Bonferroni), with Student's t.
    """
    gone = ~survival.all(axis=0)  # nothing is left: irrelevant, without an error
    logs = np.log(np.where(gone, math.exp(-1), survival))
    low, high = over_trainings(logs).interval(1 - SIGNIFICANCE / survival.shape[1])
    relevant, irrelevant = low > 0, (high < 0) | gone
    return [
        KINDS[0] if up else KINDS[2] if down else KINDS[1]
        for up, down in zip(relevant, irrelevant, strict=True)
    ]


def over_trainings(values: np.ndarray) -> Estimate:
    """Means over the first axis, trainings, with their errors."""
    n = len(values)
    return Estimate(
        values.mean(axis=0), {"seeds": (values.sum(axis=0) - values) / (n - 1)}, n
    )


def _spread(x: Tensor) -> Tensor:
    """⟨|x − ⟨x⟩|²⟩."""
    return (x - x.mean(0)).flatten(1).square().sum(1).mean()


def _pushed(layer: nn.Module, x: Tensor, change: Tensor) -> Tensor:
    if isinstance(layer, nn.ReLU):
        return change * (x > 0)
    flat = change.flatten(0, 1)
    linear = layer(flat) - layer(torch.zeros_like(flat[:1]))  # without biases
    return linear.unflatten(0, change.shape[:2])


def _conv(kernel: nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """By other weights, without biases."""
    return nn.functional.conv2d(x, weight, stride=kernel.stride, padding=1)


def _parts(
    one: np.ndarray, other: np.ndarray, labels: Sequence[np.ndarray]
) -> list[float]:
    total = (one.var(axis=0) + other.var(axis=0)).sum() / 2
    noise = ((one - other) ** 2).sum(axis=1).mean() / 2
    mean = (one + other) / 2
    return [
        float(part / total) for part in (noise, *(_between(mean, y) for y in labels))
    ]


def _between(x: np.ndarray, labels: np.ndarray) -> float:
    """Variance of the classes' means, less what they have by chance."""
    kinds, n = np.unique(labels), len(labels)
    means = np.array([x[labels == k].mean(axis=0) for k in kinds])
    own = means[np.searchsorted(kinds, labels)]
    between = ((own - x.mean(axis=0)) ** 2).sum() / n
    within = ((x - own) ** 2).sum() / (n - len(kinds))
    return between - within * (len(kinds) - 1) / n
