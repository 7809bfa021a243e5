"""Classifiers of Ising temperatures that differ in pooling and in nothing else.

    convolution, max(0, ·), [pooling], convolution, max(0, ·), [pooling], [mean], linear

with periodic 3×3 convolutions, the average over 2×2 as pooling, and the mean over all
places: each of the two may be left out. What they do to an answer under a shift is
known in part: with the mean and without pooling it cannot change at all; with both it
can only where the shift is no whole block; without the mean a place is where the linear
layer has learned that it is. With a stride one number of every 2×2 is kept in place of
their average: layers of the sizes that pooling gives, of which nothing is averaged. A
dense network, of two layers and no places, stands beside them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.networks.classifier import FILTER, draw_weights
from kadanoff.randomness import generator, subseed
from kadanoff.sweep import Sweep

__all__ = [
    "DENSE",
    "ENDINGS",
    "FORMS",
    "STRIDED",
    "Form",
    "answers",
    "network_of",
    "stacked",
    "train",
]

FIRST, SECOND = 4, 8
"""Feature maps of the two convolutions, as many as the package's classifier has."""
HIDDEN = 64
"""Units of the dense network."""
BATCH, RATE, DECAY = 64, 0.01, 0.05
"""On 16×16, 512 lessons and five epochs the networks with the mean have 0.62 right, and
0.50 at half the rate; decay is to keep those with many weights from learning their
lessons by heart."""
ROWS = 1024
"""Configurations that are asked at once."""


@dataclass(frozen=True)
class Form:
    """What a network with convolutions has.

    Attributes:
        pools: averages over 2×2 after each convolution.
        strides: keeps the first of every 2×2 there instead.
        gathers: the linear layer sees the mean over all places.
    """

    pools: bool
    gathers: bool
    strides: bool = False


DENSE = "dense"
FORMS: Mapping[str, Form] = {
    "pooling, mean": Form(pools=True, gathers=True),
    "no pooling, mean": Form(pools=False, gathers=True),
    "pooling, every place": Form(pools=True, gathers=False),
    "no pooling, every place": Form(pools=False, gathers=False),
    "stride, mean": Form(pools=False, gathers=True, strides=True),
    "stride, every place": Form(pools=False, gathers=False, strides=True),
}

ENDINGS = {
    "mean": ("pooling, mean", "no pooling, mean"),
    "every place": ("pooling, every place", "no pooling, every place"),
}
"""What comes after the convolutions: with pooling, and without."""
STRIDED = {ending: (pair[0], f"stride, {ending}") for ending, pair in ENDINGS.items()}
"""With pooling, and with a stride in its place."""


def network_of(name: str, side: int, classes: int, seed: int) -> nn.Module:
    """The network before its training; weights N(0, 2/n) of n numbers in.

    Args:
        name: of `FORMS`, or `dense`.
        side: of the lattice, a multiple of 4.
        classes: temperatures.
        seed: draws the weights.
    """
    network = _dense(side, classes)
    if name != DENSE:
        network = _convolutional(FORMS[name], side, classes)
    draw_weights(network, torch.Generator().manual_seed(subseed(seed, "weights")))
    return network


def _convolutional(form: Form, side: int, classes: int) -> nn.Module:
    coarse = form.pools or form.strides
    places = 1 if form.gathers else (side // 4 if coarse else side) ** 2
    return nn.Sequential(
        OrderedDict(
            conv1=_periodic(1, FIRST),
            relu1=nn.ReLU(),
            pool1=_coarse(form),
            conv2=_periodic(FIRST, SECOND),
            relu2=nn.ReLU(),
            pool2=_coarse(form),
            mean=nn.AdaptiveAvgPool2d(1) if form.gathers else nn.Identity(),
            flat=nn.Flatten(),
            linear=_linear(SECOND * places, classes),
        )
    )


def _coarse(form: Form) -> nn.Module:
    if form.pools:
        return nn.AvgPool2d(2)
    return nn.AvgPool2d(1, stride=2) if form.strides else nn.Identity()


def _dense(side: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), _linear(side**2, HIDDEN), nn.Tanh(), _linear(HIDDEN, classes)
    )


def _periodic(maps_in: int, maps_out: int) -> nn.Module:
    return nn.utils.skip_init(
        nn.Conv2d, maps_in, maps_out, FILTER, padding=1, padding_mode="circular"
    )


def _linear(numbers_in: int, numbers_out: int) -> nn.Module:
    return nn.utils.skip_init(nn.Linear, numbers_in, numbers_out)


def train(network: nn.Module, lessons: Sweep, *, epochs: int, seed: int) -> None:
    """Adam with a little decay of the weights, at a rate that falls to zero, in place.

    All networks alike. Every configuration is turned over by a fair coin.

    Args:
        network: of `network_of`.
        lessons: one ensemble of each class.
        epochs: passes over them.
        seed: orders the batches and tosses the coins.
    """
    adam = torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=DECAY)
    spins, labels = stacked(lessons)
    updates = len(labels) // BATCH
    for epoch in range(epochs):
        rng = generator(seed, "epoch", epoch)
        for update, chosen in enumerate(_batches(len(labels), rng)):
            share = (epoch + update / updates) / epochs
            adam.param_groups[0]["lr"] = RATE * (1 - share)
            v = spins[chosen] * rng.choice((-1, 1), (len(chosen), 1, 1))
            scores = network(_tensor(v))
            loss = nn.functional.cross_entropy(scores, torch.tensor(labels[chosen]))
            adam.zero_grad()
            loss.backward()
            adam.step()
    network.eval()


def _batches(n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """One shuffled pass; a last, incomplete batch is left out."""
    order = rng.permutation(n)
    return iter(order[: n - n % BATCH].reshape(-1, BATCH))


def stacked(sweep: Sweep) -> tuple[np.ndarray, np.ndarray]:
    """Spins of all classes, `(n, rows, columns)`, and their labels."""
    spins = np.concatenate([e.values.reshape(-1, *e.shape) for e in sweep])
    return spins, np.repeat(np.arange(len(sweep)), sweep[0].size)


@torch.no_grad()
def answers(network: nn.Module, spins: np.ndarray) -> np.ndarray:
    """The likeliest class of `(n, rows, columns)` spins, `(n,)`."""
    parts = np.split(spins, range(ROWS, len(spins), ROWS))
    return np.concatenate([network(_tensor(p)).argmax(1).numpy() for p in parts])


def _tensor(spins: np.ndarray) -> Tensor:
    return torch.tensor(spins).float()[:, None]
