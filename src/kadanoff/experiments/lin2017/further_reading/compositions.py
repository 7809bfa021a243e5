"""Deep against shallow: a function that is composed asks for a network that is.

H. Mhaskar, Q. Liao and T. Poggio (arXiv:1603.00988) and H. Mhaskar and T. Poggio
(arXiv:1608.03287): a function of n variables that is a binary tree of functions of two,

    f = h(h(h(x₁, x₂), h(x₃, x₄)), h(h(x₅, x₆), h(x₇, x₈))),

is approximated by a network with the same tree with an error that falls as the number
of weights to the power -m/2 (m derivatives), by a shallow one as -m/n. Networks of tanh
with equally many weights are trained on it: the tree, one layer, and as a control a
tree whose leaves are exchanged, so that it joins variables that do not belong together.
What is compared is what gradient descent finds; the exponents would need far larger
networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from kadanoff.experiments.exhibit import Check, Status, Work, shown
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import over_seeds
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section

__all__ = ["Settings", "checks", "composed", "compute", "section", "shapes"]

LEAVES = 8
EXCHANGED = (0, 4, 1, 5, 2, 6, 3, 7)  # no two that belong together are joined
BATCH, FRESH = 256, 2**14
RATE = 0.01
SIGMAS = 4.0

Shape = tuple[tuple[int, int, int], ...]  # of each layer: groups, inputs, neurons


@dataclass(frozen=True)
class Settings:
    """How large the networks are, and how long they learn.

    Attributes:
        widths: neurons of each node of the tree, each.
        starts: of every network.
        steps: of Adam, each on fresh points.
    """

    widths: tuple[int, ...]
    starts: int
    steps: int


FAST = Settings(widths=(4,), starts=3, steps=300)
FULL = Settings(widths=(4, 8, 16), starts=6, steps=5000)


def composed(x: Tensor) -> Tensor:
    """f `(…,)` of points `(…, 8)`: sin(1.5 a + b + ab) at every node of the tree."""
    state = x
    while state.shape[-1] > 1:
        a, b = state[..., ::2], state[..., 1::2]
        state = torch.sin(1.5 * a + b + a * b)
    return state[..., 0]


def shapes(width: int) -> dict[str, Shape]:
    """The tree with so many neurons in a node, and one layer with as many weights.

    >>> {name: weights(shape) for name, shape in shapes(8).items()}
    {'tree': 231, 'one layer': 231, 'exchanged tree': 231}
    """
    tree = tuple((LEAVES >> k, 2, width) for k in range(1, LEAVES.bit_length()))
    neurons = round((weights(tree) - 1) / (LEAVES + 2))
    return {
        "tree": tree,
        "one layer": ((1, LEAVES, neurons),),
        "exchanged tree": tree,
    }


def weights(shape: Shape) -> int:
    """Weights and biases."""
    return sum(g * (m * (n + 2) + 1) for g, n, m in shape)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """What is left over of the variance by network, width and start."""
    names = list(shapes(settings.widths[0]))
    size = (len(settings.widths), len(names), settings.starts)
    pieces = [
        _training(name, width, settings, work.subseed("composition", name, width))
        for width in settings.widths
        for name in names
    ]
    with one_thread():
        each = readings(pieces, work, "deep and shallow networks")
    left = np.reshape([one["left"] for one in each], size).swapaxes(0, 1)
    count = np.array([[weights(shapes(w)[n]) for w in settings.widths] for n in names])
    found = [[over_seeds(np.log10(e)) for e in row] for row in left]
    data = {
        "composed_left": (("net", "width", "attempt"), left),
        "composed_weights": (("net", "width"), count),
    }
    for suffix, part in (("", "value"), ("_error", "error")):
        values = np.array([[float(getattr(e, part)) for e in row] for row in found])
        data[f"composed_log{suffix}"] = (("net", "width"), values)
    return xr.Dataset(data, {"net": names, "width": list(settings.widths)})


def _training(name: str, width: int, settings: Settings, seed: int) -> Piece:
    """All starts of one network, a run of its own."""
    about = {
        "net": name,
        "width": width,
        "starts": settings.starts,
        "steps": settings.steps,
        "seed": seed,
    }

    def find() -> dict[str, list[float]]:
        order = EXCHANGED if name.startswith("exchanged") else range(LEAVES)
        left = _trained(shapes(width)[name], tuple(order), settings, seed)
        return {"left": left.tolist()}

    return Piece("lin2017-composition", about, find)


def section(dataset: xr.Dataset) -> Section:
    """What is left over against the number of weights."""
    fig = figure(7.0, 4.2)
    (ax,) = fig.axes
    for name, colour in zip(dataset.net.values, PALETTE, strict=False):
        at = dataset.sel(net=name)
        ax.loglog(at.composed_weights, at.composed_left, ".", ms=4, color=colour)
        middle = 10**at.composed_log
        ax.loglog(at.composed_weights, middle, "o-", color=colour, label=str(name))
    ax.set_xlabel("weights and biases")
    ax.set_ylabel("share of the variance left over")
    ax.legend(fontsize=8, frameon=False)
    text = (
        "A function of eight variables that is a binary tree of functions of two, "
        "learned by three kinds of networks with equally many weights: every start "
        "(dots) and the geometric mean."
    )
    return Section("Further reading: deep against shallow", text, data_uri(fig))


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The tree beats one layer of as many weights, and its own leaves exchanged."""
    width = dataset.width.values[-1]
    logs = {n: f"10^{shown(dataset, 'composed_log', net=n, width=width)}"
            for n in dataset.net.values}  # fmt: skip
    pulls = {n: _pull(dataset, n) for n in dataset.net.values if n != "tree"}
    won = {n: p > SIGMAS for n, p in pulls.items()}
    lost = any(p < -SIGMAS for p in pulls.values())
    if all(won.values()):
        status = Status.REPRODUCED
    elif lost:
        status = Status.NOT
    else:
        status = Status.PARTLY if any(won.values()) else Status.OPEN
    return [
        Check(
            claim="A network with the tree of a composed function is better than a "
            "shallow one of as many weights.",
            paper="arXiv:1608.03287: errors ∝ weights^{-m/2} against weights^{-m/8}",
            ours=f"variance left over with {int(dataset.composed_weights[0, -1])} "
            "weights: " + ", ".join(f"{n} {v}" for n, v in logs.items()),
            status=status,
            reason="the tree is better by "
            + ", ".join(f"{p:.1f} errors than the {n}" for n, p in pulls.items())
            + f" ({dataset.sizes['attempt']} starts each); what is compared is what is "
            "found, the exponents were not measured",
        )
    ]


def _pull(dataset: xr.Dataset, other: str) -> float:
    """How far the tree is below another network, in errors of the log, at its best."""
    at = dataset.isel(width=-1)
    value, error = at["composed_log"], at["composed_log_error"]
    gap = float(value.sel(net=other) - value.sel(net="tree"))
    return gap / float(np.hypot(error.sel(net=other), error.sel(net="tree")))


def _trained(
    shape: Shape, order: tuple[int, ...], settings: Settings, seed: int
) -> np.ndarray:
    """Share of the variance left over on fresh points, `(starts,)`."""
    noise = torch.Generator().manual_seed(seed)
    parameters = [p for layer in shape for p in _begun(layer, settings.starts, noise)]
    adam = torch.optim.Adam(parameters, lr=RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, settings.steps)

    def drawn(points: int) -> Tensor:
        size = (settings.starts, points, LEAVES)
        return 2 * torch.rand(size, generator=noise) - 1

    def missed(x: Tensor) -> Tensor:
        return (_value(parameters, x[..., order]) - composed(x)).square().mean(-1)

    for _ in range(settings.steps):
        adam.zero_grad()
        missed(drawn(BATCH)).sum().backward()
        adam.step()
        falling.step()
    with torch.no_grad():
        x = drawn(FRESH)
        return (missed(x) / composed(x).var(-1)).double().numpy()


def _begun(
    layer: tuple[int, int, int], starts: int, noise: torch.Generator
) -> list[Tensor]:
    """Weights and biases in and out, uniform within ±1/√fan-in as in torch."""
    groups, inputs, neurons = layer
    sizes = [(inputs, neurons), (1, neurons), (neurons, 1), (1, 1)]
    fans = (inputs, inputs, neurons, neurons)
    return [
        (
            (2 * torch.rand(starts, groups, *size, generator=noise) - 1)
            / math.sqrt(fan)
        ).requires_grad_()
        for size, fan in zip(sizes, fans, strict=True)
    ]


def _value(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    """Outputs `(starts, points)` at points `(starts, points, 8)`, layer by layer."""
    state = x
    for k in range(0, len(parameters), 4):
        into, bias, out, shift = parameters[k : k + 4]
        groups, inputs = into.shape[1:3]
        grouped = state.unflatten(-1, (groups, inputs)).transpose(1, 2)
        hidden = torch.tanh(grouped @ into + bias)  # (starts, groups, points, neurons)
        state = (hidden @ out + shift)[..., 0].transpose(1, 2)
    return state[..., 0]
