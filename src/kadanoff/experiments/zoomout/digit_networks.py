"""Small networks that zoom out from 8×8 pixels to one site, and how they learn.

Three steps, 8×8 → 4×4 → 2×2 → 1×1, and a softmax layer. Every arm sees the same inputs
(`digits`) and begins at the same weights as the others of its seed; arms differ in
what they are asked for, or in how they zoom out:

    digits                 4×4 filters moved by two sites, asked for the digit
    labels shuffled        the same, the labels to learn from permuted once
    untrained              the same, as initialised
    asked for the sign     the same, asked for the checkerboard's sign s instead
    pooled                 3×3 filters and averages over 2×2 sites
    block averages         averages over 2×2 sites alone, whose growth is fixed by scale
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.experiments.zoomout.digits import Digits, are_at_hand, signs
from kadanoff.networks.classifier import draw_weights
from kadanoff.randomness import generator, subseed

__all__ = [
    "ARMS",
    "AVERAGED",
    "DIGITS",
    "KERNEL_ARMS",
    "PLANTED",
    "POOLED",
    "SHUFFLED",
    "UNTRAINED",
    "Network",
    "Settings",
    "accuracy",
    "answers",
    "as_matrix",
    "as_weights",
    "convolution",
    "networks",
    "trained",
]

DIGITS, SHUFFLED, UNTRAINED, PLANTED, POOLED, AVERAGED = ARMS = (
    "digits",
    "labels shuffled",
    "untrained",
    "asked for the sign",
    "pooled",
    "block averages",
)
KERNEL_ARMS = (DIGITS, SHUFFLED, UNTRAINED, PLANTED)
"""Of one form: directions of their kernels can be compared."""


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        seeds: trainings of each arm: weights, split, noise and order.
        epochs: passes over the training images, each with noise of its own.
        learn: images to learn from; the others are unseen.
        read: unseen images along which changes are followed.
        judged: unseen images on which a pruned network is judged, at most.
        noise: standard deviation of a pixel, of grey values from 0 to 1: nearly half of
            the inputs' variance, and digits are still told in nine of ten.
        pattern: a; 2 noises, so that the best sight of the sign alone is right in 98 %.
        maps: of the three steps.
        rate: of Adam's first update, falling linearly to zero.
        batch: images per update.
        at_hand: whether the digits are; part of the settings, so that a run without
            them is another run.
    """

    seeds: int
    epochs: int
    learn: int = 1000
    read: int = 200
    judged: int = 1000
    noise: float = 0.25
    pattern: float = 0.5
    maps: tuple[int, ...] = (16, 32, 64)
    rate: float = 0.005
    batch: int = 40
    at_hand: bool = field(default_factory=are_at_hand)


class Network(nn.Module):
    """Steps from 8×8 pixels to one site, and a softmax layer.

    Args:
        steps: each halves the side.
        features: of the last site.
        classes: that are told apart.
    """

    def __init__(self, steps: Sequence[nn.Module], features: int, classes: int):
        super().__init__()
        self.steps = nn.ModuleList(steps)
        linear = nn.utils.skip_init(nn.Linear, features, classes)
        self.linear = cast(nn.Linear, linear)

    def scores(self, x: Tensor) -> Tensor:
        """ln p up to a constant, `(n, classes)`."""
        for step in self.steps:
            x = step(x)
        return self.linear(x.flatten(1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The input, every step, and 2√p."""
        levels = [x]
        for step in self.steps:
            levels.append(step(levels[-1]))
        log_p = torch.log_softmax(self.linear(levels[-1].flatten(1)), 1)
        return [*levels, 2 * torch.exp(log_p / 2)]


def networks(maps: Sequence[int], classes: int) -> dict[str, Callable[[], Network]]:
    """Three ways to zoom out: filters moved by two sites, pooling, block averages."""
    pairs = list(itertools.pairwise((1, *maps)))

    def convolution(a: int, b: int, side: int, stride: int) -> nn.Module:
        size = {"kernel_size": side, "stride": stride, "padding": 1}
        return cast(Any, nn.utils).skip_init(nn.Conv2d, a, b, **size)

    def strided() -> Network:
        steps = [nn.Sequential(convolution(*p, 4, 2), nn.ReLU()) for p in pairs]
        return Network(steps, maps[-1], classes)

    def pooled() -> Network:
        steps = [
            nn.Sequential(convolution(*p, 3, 1), nn.ReLU(), nn.AvgPool2d(2))
            for p in pairs
        ]
        return Network(steps, maps[-1], classes)

    def averaged() -> Network:
        return Network([nn.Sequential(nn.AvgPool2d(2)) for _ in pairs], 1, classes)

    return {"strided": strided, POOLED: pooled, AVERAGED: averaged}


def trained(
    settings: Settings, arm: str, digits: Digits, learned: np.ndarray, *, seed: int
) -> Network:
    """The network of an arm; arms of one seed begin at the same weights.

    Args:
        settings: of the training.
        arm: one of `ARMS`.
        digits: the images.
        learned: which of them to learn from.
        seed: draws weights, noise, signs and order.
    """
    made = networks(settings.maps, 2 if arm == PLANTED else len(set(digits.labels)))
    network = made.get(arm, made["strided"])()
    draw_weights(network, torch.Generator().manual_seed(subseed(seed, "weights")))
    if arm == UNTRAINED:
        return network
    rng = generator(seed, "lessons")
    labels = digits.labels.copy()
    if arm == SHUFFLED:
        labels[learned] = rng.permutation(labels[learned])
    adam = torch.optim.Adam(network.parameters())
    updates = len(learned) // settings.batch
    for epoch in range(settings.epochs):
        order = rng.permutation(learned)
        sign = signs(len(order), rng)
        x = digits.seen(order, sign, rng)
        asked = torch.from_numpy(answers(arm, labels[order], sign))
        for update in range(updates):
            done = (epoch + update / updates) / settings.epochs
            adam.param_groups[0]["lr"] = settings.rate * (1 - done)
            batch = slice(update * settings.batch, (update + 1) * settings.batch)
            loss = nn.functional.cross_entropy(network.scores(x[batch]), asked[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()
    return network.eval()


def answers(arm: str, labels: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """The right classes of what an arm is asked for."""
    return (sign > 0).astype(np.int64) if arm == PLANTED else labels


def accuracy(network: Network, x: Tensor, asked: np.ndarray) -> float:
    """Share of inputs whose likeliest class is the one that is asked for."""
    with torch.no_grad():
        return float((network.scores(x).argmax(1).numpy() == asked).mean())


def convolution(network: Network, step: int) -> nn.Conv2d:
    """The filters of a step, from 0, of a network of convolutions."""
    return cast(Any, network.steps[step])[0]


def as_matrix(kernel: nn.Conv2d) -> np.ndarray:
    """A kernel as W, `(what it sees, maps)`, float64."""
    weight = kernel.weight
    return weight.detach().double().numpy().reshape(len(weight), -1).T


def as_weights(W: np.ndarray, kernel: nn.Conv2d) -> Tensor:
    """W as weights of that kernel's shape and precision."""
    weight = kernel.weight.detach()
    return torch.from_numpy(W.T.reshape(weight.shape)).to(weight)
