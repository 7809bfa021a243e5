"""The product of n numbers, flat and deep: 2ⁿ neurons in one layer, 4(n - 1) in a tree.

One hidden layer multiplies n numbers with 2ⁿ neurons, and in the sense of `rank` not
with fewer. A binary tree of gates needs 4(n - 1) in ⌈log₂ n⌉ layers (H. W. Lin,
M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223 (2017), section III and appendix A).
With k layers of groups of b = n^{1/k} numbers (D. Rolnick and M. Tegmark,
arXiv:1705.05502)

    Σ_l (n/b^l) 2ᵇ = 2ᵇ (n - 1)/(b - 1),  at most twice  n^{(k-1)/k} 2^{n^{1/k}}.

Floats add a cost that no count shows: the 2ⁿ neurons of a group of n cancel down to λⁿ.
With ε the spacing of the floats the best that a flat product can be off is about
ε^{4/(n+4)}, and a tree keeps ε^⅔ at any n.

What a network can do and what gradient descent finds are two questions. `train` asks
the second one at a fixed number of neurons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from kadanoff.expressivity.gates import SOFTPLUS, TANH, Activation
from kadanoff.expressivity.polynomials import (
    Circuit,
    GateNetwork,
    accurate_network,
    best_network,
)
from kadanoff.randomness import subseed

__all__ = [
    "Plan",
    "Training",
    "cheapest_plan",
    "flat_plan",
    "layered_plan",
    "product_error",
    "product_network",
    "quoted_neurons",
    "train",
    "tree_plan",
]

LARGEST = 2**17  # neurons that are built; more are only counted
SOLVED = 0.01  # of the variance left over


@dataclass(frozen=True)
class Plan:
    """How n numbers are multiplied: in each layer, the sizes of the groups.

    A group of g numbers is a gate of 2ᵍ neurons; a group of one is a wire, which goes
    past the layer and costs none.

    Attributes:
        layers: for each hidden layer the sizes of its groups, numbers in order.

    Raises:
        ValueError: groups that do not add up to what the layer before hands on, or that
            do not end in one.
    """

    layers: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        handed = [self.inputs, *(len(groups) for groups in self.layers)]
        taken = [*(sum(groups) for groups in self.layers), 1]
        if handed != taken or min(g for groups in self.layers for g in groups) < 1:
            raise ValueError(
                f"the groups of a layer must use each number of the layer before once "
                f"and end in one number, got {self.layers}"
            )

    @property
    def inputs(self) -> int:
        """n."""
        return sum(self.layers[0]) if self.layers else 1

    @property
    def depth(self) -> int:
        """Hidden layers."""
        return len(self.layers)

    @property
    def neurons(self) -> int:
        """Σ 2ᵍ over the groups of more than one."""
        return sum(2**g for groups in self.layers for g in groups if g > 1)

    @cached_property
    def circuit(self) -> Circuit:
        """The gates and what each multiplies."""
        state, made, layers = list(range(self.inputs)), self.inputs, []
        for groups in self.layers:
            taken = _grouped(state, groups)
            gates = tuple(tuple(group) for group in taken if len(group) > 1)
            columns = iter(range(made, made + len(gates)))
            state = [g[0] if len(g) == 1 else next(columns) for g in taken]
            layers.append(gates)
            made += len(gates)
        return Circuit(self.inputs, tuple(layers), {state[0]: 1.0})


def flat_plan(inputs: int) -> Plan:
    """One hidden layer with 2ⁿ neurons."""
    return layered_plan(inputs, 1)


def tree_plan(inputs: int) -> Plan:
    """A binary tree: 4(n - 1) neurons in ⌈log₂ n⌉ layers.

    >>> tree_plan(32).neurons, tree_plan(32).depth, flat_plan(32).neurons
    (124, 5, 4294967296)
    """
    return layered_plan(inputs, _deepest(inputs))


def layered_plan(inputs: int, depth: int) -> Plan:
    """k layers of groups of b = ⌈n^{1/k}⌉ numbers or one less.

    Raises:
        ValueError: fewer than two numbers, or more layers than a binary tree has.
    """
    _check_depth(inputs, depth)
    size = next(b for b in range(2, inputs + 1) if b**depth >= inputs)
    layers, left = [], inputs
    while left > 1:
        layers.append(_even(left, math.ceil(left / size)))
        left = len(layers[-1])
    return Plan(tuple(layers))


def cheapest_plan(inputs: int, depth: int) -> Plan:
    """The plan of k layers with the fewest neurons, by trying all numbers of groups.

    Groups of one layer are of even size: 2ᵍ is convex. Late layers are cheap, so theirs
    are larger than n^{1/k}.

    Raises:
        ValueError: as `layered_plan`.
    """
    _check_depth(inputs, depth)
    return Plan(_cheapest(inputs, depth))


def quoted_neurons(inputs: int, depth: int) -> float:
    """n^{(k-1)/k} 2^{n^{1/k}}, the first layer of groups of n^{1/k}."""
    return inputs ** ((depth - 1) / depth) * 2 ** (inputs ** (1 / depth))


def product_network(
    plan: Plan,
    *,
    accuracy: float | None = None,
    radius: float = 1.0,
    activation: Activation = SOFTPLUS,
    bias: float | None = None,
    dtype: torch.dtype = torch.float64,
) -> GateNetwork:
    """The product of n numbers within ±r, as neurons.

    Args:
        plan: who multiplies whom.
        accuracy: the largest error allowed; by default the least that floats have.
        radius: r.
        activation: σ.
        bias: a of every neuron; by default the quiet one of each size of group.
        dtype: the floats that it computes with.

    Raises:
        ValueError: more than 2¹⁷ neurons, or an accuracy that the floats cannot have.
    """
    if plan.neurons > LARGEST:
        raise ValueError(
            f"{plan.neurons} neurons are more than the {LARGEST} that are built; "
            "take more layers"
        )
    radii = (float(radius),) * plan.inputs
    if accuracy is None:
        return best_network(plan.circuit, radii, activation, bias, dtype)
    return accurate_network(plan.circuit, radii, accuracy, activation, bias, dtype)


def product_error(
    network: GateNetwork, *, rng: np.random.Generator, points: int = 2000
) -> float:
    """The largest |network - Π x_i| at random corners and random points of its domain.

    In units of Π r_i, against the product of the same floats in float64.
    """
    radii = np.array(network.radii)
    inside = rng.uniform(-1, 1, (points, len(radii)))
    corners = rng.choice((-1.0, 1.0), (points, len(radii)))
    weights = network.readout.weight
    x = torch.tensor(np.concatenate([inside, corners]) * radii, dtype=weights.dtype)
    with torch.no_grad():
        off = network(x).double() - x.double().prod(1)
    return float(off.abs().max() / radii.prod())


@dataclass(frozen=True)
class Training:
    """What gradient descent made of a product, from several starts.

    Attributes:
        plan: the connections it was allowed.
        neurons: hidden ones.
        losses: ⟨(f - Πx)²⟩ / ⟨(Πx)²⟩ on fresh points, for each start `(starts,)`; 1 is
            what the constant 0 has.
    """

    plan: Plan
    neurons: int
    losses: np.ndarray

    @property
    def solved(self) -> float:
        """Share of the starts that left less than 1 % of the variance."""
        return float((self.losses < SOLVED).mean())


def train(
    plan: Plan,
    *,
    neurons: int | None = None,
    starts: int = 8,
    steps: int = 3000,
    batch: int = 256,
    rate: float = 0.01,
    activation: Activation = TANH,
    seed: int = 0,
) -> Training:
    """Gradient descent (Adam) on the product of n uniform numbers of unit variance.

    The connections are those of the plan, all weights and biases are free, and every
    batch is fresh: what is left over is neither over-fitting nor lack of data. The
    starts are as in torch, uniform within ±1/√fan-in, and all run at once.

    Args:
        plan: groups and layers.
        neurons: shared among the groups as 2ᵍ would be; by default just those 2ᵍ.
        starts: independent runs.
        steps: updates, with a rate that falls to 0 along a cosine.
        batch: points in an update.
        rate: the first one.
        activation: σ.
        seed: of starts and of points.

    Raises:
        ValueError: fewer neurons than groups, or nothing to run.
    """
    widths = _widths(plan, plan.neurons if neurons is None else neurons)
    if min(starts, steps, batch) < 1:
        raise ValueError(
            "a training needs at least one start, step and point, got "
            f"{starts}, {steps} and {batch}"
        )
    noise = torch.Generator().manual_seed(subseed(seed, "product", plan.inputs))
    net = _Starts(plan, widths, activation, starts, noise)
    adam = torch.optim.Adam(net.parameters, lr=rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        adam.zero_grad()
        net.losses(_numbers(starts, batch, plan.inputs, noise)).sum().backward()
        adam.step()
        falling.step()
    with torch.no_grad():
        left = net.losses(_numbers(starts, 2**14, plan.inputs, noise))
    return Training(plan, sum(map(sum, widths)), left.double().numpy())


class _Starts:
    """The same network from many starts: weights carry a leading axis of starts."""

    def __init__(
        self,
        plan: Plan,
        widths: Sequence[Sequence[int]],
        activation: Activation,
        starts: int,
        noise: torch.Generator,
    ) -> None:
        self.function = activation.function
        self.masks = [_masks(g, w) for g, w in zip(plan.layers, widths, strict=True)]
        self.parameters: list[Tensor] = []
        for into, out, _ in self.masks:
            for shape, fans in (
                (into.shape, into.sum(1, keepdim=True)),
                (into.shape[:1], into.sum(1)),
                (out.shape, out.sum(1, keepdim=True)),
                (out.shape[:1], out.sum(1)),
            ):
                uniform = 2 * torch.rand(starts, *shape, generator=noise) - 1
                # A wire has no neurons, and nothing that could be trained.
                start = uniform / fans.clamp(min=1).sqrt() * (fans > 0)
                self.parameters.append(start.requires_grad_())

    def __call__(self, x: Tensor) -> Tensor:
        """Values `(starts, batch)` at points `(starts, batch, n)`."""
        state = x
        for k, (into, out, wires) in enumerate(self.masks):
            first, bias, second, shift = self.parameters[4 * k : 4 * k + 4]
            hidden = torch.baddbmm(bias[:, None], state, (first * into).mT)
            value = torch.bmm(self.function(hidden), (second * out).mT)
            gated = (out.sum(1) > 0).to(state.dtype)
            state = value + (shift * gated)[:, None] + state @ wires.T
        return state[..., 0]

    def losses(self, x: Tensor) -> Tensor:
        """⟨(f - Πx)²⟩ `(starts,)`; the variance of Πx is 1."""
        return (self(x) - x.prod(-1)).square().mean(-1)


def _numbers(starts: int, batch: int, inputs: int, noise: torch.Generator) -> Tensor:
    """Uniform, of variance 1."""
    return math.sqrt(3) * (2 * torch.rand(starts, batch, inputs, generator=noise) - 1)


def _masks(
    groups: Sequence[int], widths: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Who hears whom: neurons inputs, values neurons, and values inputs (wires)."""
    into = torch.zeros(sum(widths), sum(groups))
    out = torch.zeros(len(groups), sum(widths))
    wires = torch.zeros(len(groups), sum(groups))
    hidden = _grouped(list(range(sum(widths))), widths)
    for k, taken in enumerate(_grouped(list(range(sum(groups))), groups)):
        if len(taken) == 1:
            wires[k, taken[0]] = 1
        for neuron in hidden[k]:
            into[neuron, taken] = 1
            out[k, neuron] = 1
    return into, out, wires


def _widths(plan: Plan, neurons: int) -> list[list[int]]:
    """Neurons of each group, in proportion to 2ᵍ and with the sum that was given."""
    sizes = [[2**g if g > 1 else 0 for g in groups] for groups in plan.layers]
    shares = [s * neurons / plan.neurons for groups in sizes for s in groups]
    ends = [round(total) for total in accumulate(shares)]
    flat = [b - a for a, b in zip([0, *ends], ends, strict=False)]
    widths = _grouped(flat, [len(groups) for groups in sizes])
    short = any(
        w < 1 < g
        for ws, gs in zip(widths, plan.layers, strict=True)
        for w, g in zip(ws, gs, strict=True)
    )
    if short:
        raise ValueError(f"every group needs a neuron, got {neurons} for {plan.layers}")
    return widths


def _grouped(items: Sequence, sizes: Sequence[int]) -> list[list]:
    ends = list(accumulate(sizes))
    return [
        list(items[end - size : end]) for size, end in zip(sizes, ends, strict=True)
    ]


def _even(count: int, groups: int) -> tuple[int, ...]:
    """`count` in groups that differ by one at most, the larger first."""
    size, larger = divmod(count, groups)
    return (size + 1,) * larger + (size,) * (groups - larger)


@cache
def _cheapest(inputs: int, depth: int) -> tuple[tuple[int, ...], ...]:
    if depth == 1:
        return ((inputs,),)
    fewest, most = 2 ** (depth - 2) + 1, inputs - 1  # else layers would be left over
    tried = [
        (_even(inputs, groups), *_cheapest(groups, depth - 1))
        for groups in range(fewest, most + 1)
    ]
    return min(tried, key=lambda layers: Plan(layers).neurons)


def _deepest(inputs: int) -> int:
    """⌈log₂ n⌉."""
    return max(1, (inputs - 1).bit_length())


def _check_depth(inputs: int, depth: int) -> None:
    if inputs < 2:
        raise ValueError(f"a product needs at least 2 numbers, got {inputs}")
    if not 1 <= depth <= _deepest(inputs):
        raise ValueError(
            f"{inputs} numbers are multiplied in 1 to {_deepest(inputs)} layers, "
            f"got {depth}"
        )
