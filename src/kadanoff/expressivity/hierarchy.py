"""Inference undoes generation step by step: a hierarchy of discrete variables, exactly.

A root y₀ is drawn from a prior; every vertex hands a noisy copy of its state to each of
b children (a broadcast tree), so that the levels y₀ → y₁ → … → y_n are a Markov chain.
What the leaves say of a vertex v is a vector, its message

    λ_v(a) ∝ p(leaves below v | v = a) ∝ Π_{children c} Σ_a' M(a, a') λ_c(a'),

which upward belief propagation computes in n equal layers. All messages of level i form
T_i, the minimal sufficient statistic of y_i given the leaves, and the line above is the
layer f_i of

    T_i = f_i(T_{i+1})

(H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223 (2017), section 3: if
the T are minimal sufficient, such layers exist). No layer loses information about y₀;
a vote or a decision at each vertex does, and how much is computed here without noise.

What is observed of a variable is a table P(t | a), `(t, a)`: an experiment. Two rows
that are proportional say the same, and added they leave the minimal sufficient
statistic. A subtree is an experiment on its root, made of three steps that repeat: a
noisy copy, b of them together, and the sum of proportional rows.

For two symmetric states with copies of correlation θ the leaves of a deep tree know the
root if and only if b θ² > 1 (H. Kesten and B. P. Stigum, Ann. Math. Stat. 37, 1463
(1966); P. M. Bleher, J. Ruiz and V. A. Zagrebnov, J. Stat. Phys. 79, 473 (1995);
W. Evans, C. Kenyon, Y. Peres and L. J. Schulman, Ann. Appl. Probab. 10, 410 (2000)).
For more states b λ² > 1, λ the second eigenvalue of M, is sufficient only.

Leaf configurations are numbered with the first leaf most significant. Informations are
in bits, cross-entropies in nats.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from kadanoff.exact.information import BIT, mutual_information
from kadanoff.randomness import generator, subseed

__all__ = [
    "Bounds",
    "BroadcastTree",
    "Comparison",
    "Profile",
    "TreeNetwork",
    "census",
    "compare_networks",
    "decision_confusions",
    "flat_network",
    "inference_layer",
    "information",
    "information_bounds",
    "information_profile",
    "kesten_stigum",
    "leaf_table",
    "majority_confusions",
    "merged",
    "messages",
    "root_experiment",
    "root_posterior",
    "symmetric_tree",
]

MAX_ROWS = 2**22
"""Most outcomes of an experiment that are kept apart."""

RATE = 0.02  # of Adam, first; from 0.005 to 0.04 the order of networks is the same
SAME = 1e-11
"""Largest difference of log ratios between outcomes that say the same."""

Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BroadcastTree:
    """A root, n generations of b children each, and the channel along every edge.

    Attributes:
        depth: n, number of steps from the root to the leaves.
        branching: b.
        channel: M(a, a′) = p(child = a′ | parent = a), `(q, q)`, all entries positive.
        prior: p(y₀), `(q,)`, positive.

    Raises:
        ValueError: a negative depth, no child, or tables that are no such laws.
    """

    depth: int
    branching: int
    channel: Table
    prior: Table

    def __post_init__(self) -> None:
        channel, prior = (np.array(t, float) for t in (self.channel, self.prior))
        square = prior.ndim == 1 and channel.shape == (prior.size, prior.size)
        if not square or not all(map(_is_law, (prior[None], channel))):
            raise ValueError(
                "a tree needs a channel (q, q) with rows and a prior (q,) that are "
                f"positive and add up to 1, got shapes {channel.shape} and "
                f"{prior.shape}; a channel without noise is the limit of small noise"
            )
        for name, value, least in (
            ("depth", self.depth, 0),
            ("branching", self.branching, 1),
        ):
            if not isinstance(value, Integral) or value < least:
                raise ValueError(
                    f"a {name} is a whole number of at least {least}, got {value!r}"
                )
        # To the last digit: what is missing from 1 counts once for every edge.
        rows = channel.sum(axis=1, keepdims=True)
        object.__setattr__(self, "channel", channel / rows)
        object.__setattr__(self, "prior", prior / prior.sum())

    @property
    def q(self) -> int:
        """States of one vertex."""
        return len(self.prior)

    @property
    def leaves(self) -> int:
        """bⁿ."""
        return self.branching**self.depth

    def to_depth(self, depth: int) -> BroadcastTree:
        """The same process with another number of generations."""
        return BroadcastTree(depth, self.branching, self.channel, self.prior)

    def marginal(self, level: int) -> Table:
        """p(v) of a vertex of that level, `(q,)`."""
        return self.prior @ np.linalg.matrix_power(self.channel, level)

    def sample(
        self, draws: int, *, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], ...]:
        """Independent y₀ … y_n, level i of shape `(draw, bⁱ)`, siblings together."""
        levels = [rng.choice(self.q, size=(draws, 1), p=self.prior)]
        steps = self.channel.cumsum(axis=1)[:, :-1]
        for _ in range(self.depth):
            parents = levels[-1].repeat(self.branching, axis=1)
            uniform = rng.random(parents.shape)
            levels.append((uniform[..., None] >= steps[parents]).sum(axis=-1))
        return tuple(levels)


def symmetric_tree(
    depth: int, branching: int, eigenvalue: float, *, q: int = 2
) -> BroadcastTree:
    """Uniform prior and M = θ 1 + (1 - θ)/q: a Potts model on a tree.

    θ is the second eigenvalue of M, and tanh K of an Ising tree at q = 2.

    Raises:
        ValueError: a θ with which an entry of M is not positive, or as the tree says.

    >>> symmetric_tree(2, 2, 0.6).channel.tolist()
    [[0.8, 0.2], [0.2, 0.8]]
    """
    channel = eigenvalue * np.eye(q) + (1 - eigenvalue) / q
    return BroadcastTree(depth, branching, channel, np.full(q, 1 / q))


def kesten_stigum(tree: BroadcastTree) -> float:
    """b λ², λ the second largest modulus of an eigenvalue of the channel.

    A small magnetization of the leaves is multiplied by bλ per level on the way up and
    its noise by √b: above 1 the census of the leaves knows the root at any depth.
    """
    moduli = np.sort(np.abs(np.linalg.eigvals(tree.channel)))
    return float(tree.branching * moduli[-2] ** 2)


# Inference, layer by layer


def inference_layer(tree: BroadcastTree, below: Table) -> Table:
    """f: T_i from T_{i+1}, messages `(draw, bⁱ, q)` from `(draw, bⁱ⁺¹, q)`."""
    copies = below @ tree.channel.T
    grouped = copies.reshape(len(below), -1, tree.branching, tree.q)
    together = grouped.prod(axis=2)
    return together / together.sum(axis=-1, keepdims=True)


def messages(tree: BroadcastTree, leaves: ArrayLike) -> tuple[Table, ...]:
    """T_0 … T_n of observed leaves, T_i of shape `(draw, bⁱ, q)`, each adding up to 1.

    Raises:
        ValueError: leaves that are not states 0 … q - 1 of shape `(draw, bⁿ)`.
    """
    observed = np.asarray(leaves)
    if observed.ndim != 2 or observed.shape[1] != tree.leaves:
        raise ValueError(
            f"this tree has {tree.leaves} leaves, got states of shape {observed.shape}"
        )
    if not np.isin(observed, np.arange(tree.q)).all():
        raise ValueError(
            f"a leaf is one of the states 0 … {tree.q - 1}, got values from "
            f"{observed.min()} to {observed.max()}"
        )
    found = [np.eye(tree.q)[observed]]
    for _ in range(tree.depth):
        found.append(inference_layer(tree, found[-1]))
    return tuple(reversed(found))


def root_posterior(tree: BroadcastTree, leaves: ArrayLike) -> Table:
    """p(y₀ | leaves), `(draw, q)`: the composed layers, and Bayes at the root.

    >>> tree = symmetric_tree(1, 2, 0.6)
    >>> root_posterior(tree, [[0, 0], [0, 1]]).round(6).tolist()
    [[0.941176, 0.058824], [0.5, 0.5]]
    """
    weights = tree.prior * messages(tree, leaves)[0][:, 0]
    return weights / weights.sum(axis=-1, keepdims=True)


# Experiments


def information(experiment: Table, prior: ArrayLike) -> float:
    """I(a; t) in bits of an experiment `(t, a)`."""
    return mutual_information(experiment * np.asarray(prior)) / BIT


def merged(experiment: Table) -> Table:
    """The minimal sufficient statistic: proportional rows added, zero rows left out.

    Rows are ordered by one generic combination of the logarithms of their ratios.
    """
    rows = experiment[experiment.sum(axis=1) > 0]
    key = _log_ratio(rows)
    order = np.argsort(key)
    starts = np.flatnonzero(np.diff(key[order], prepend=-np.inf) > SAME)
    return np.add.reduceat(rows[order], starts, axis=0)


def root_experiment(tree: BroadcastTree, observation: ArrayLike | None = None) -> Table:
    """What the leaves say of the root: an experiment `(t, q)` with no row to spare.

    Args:
        tree: the process.
        observation: experiment on each leaf, `(t, q)`; the leaf itself if not given.

    Raises:
        ValueError: more than 2²² outcomes; `information_bounds` holds at any depth.
    """
    seen = np.eye(tree.q) if observation is None else np.asarray(observation, float)
    for _ in range(tree.depth):
        seen = _upward(tree, seen, merged)
    return merged(seen)


def leaf_table(tree: BroadcastTree) -> Table:
    """p(leaves | root) of every leaf configuration, `(q^leaves, q)`, none merged.

    Raises:
        ValueError: more than 2²² configurations.
    """
    seen = np.eye(tree.q)
    for _ in range(tree.depth):
        seen = _upward(tree, seen, lambda rows: rows)
    return seen


def _upward(
    tree: BroadcastTree, below: Table, reduced: Callable[[Table], Table]
) -> Table:
    """The experiment on a vertex from that on each of its children."""
    copy = below @ tree.channel.T
    seen = copy
    for _ in range(tree.branching - 1):
        if len(seen) * len(copy) > MAX_ROWS:
            raise ValueError(
                f"at most {MAX_ROWS} outcomes are kept apart, got {len(seen)} times "
                f"{len(copy)}; use a tree that is less deep, or information_bounds"
            )
        seen = reduced((seen[:, None] * copy).reshape(-1, tree.q))
    return _normalized(seen)


def _normalized(experiment: Table) -> Table:
    """Columns that add up to 1: else a rounding error grows by b with every level."""
    return experiment / experiment.sum(axis=0)


def _log_ratio(rows: Table) -> Table:
    """A number that is equal for proportional rows; ln [P(t|1)/P(t|0)] at q = 2."""
    share = rows / rows.sum(axis=1, keepdims=True)
    q = rows.shape[1]
    # Square roots of whole numbers without squares: no coincidence for q > 2.
    weights = np.array([-1.0, 1.0]) if q == 2 else np.sqrt([_squarefree(q)]).ravel()
    weights = weights - weights.mean()
    return np.log(np.maximum(share, np.finfo(float).tiny)) @ weights


def _squarefree(count: int) -> list[int]:
    numbers = (
        n
        for n in itertools.count(2)
        if all(n % k**2 for k in range(2, math.isqrt(n) + 1))
    )
    return list(itertools.islice(numbers, count))


# Coarser statistics


def majority_confusions(tree: BroadcastTree) -> tuple[Table, ...]:
    """P(S | v), `(q, q)` for levels 0 … n: a vertex takes the state of most children.

    Votes are taken of votes, as in a block-spin rule; a draw is decided by lot. A bias
    common to all states of v is a field, and relevant: on symmetric trees it starts
    from rounding errors and is seen after some eighty levels.
    """
    return _confusions(tree, lambda votes, _: votes)


def decision_confusions(tree: BroadcastTree) -> tuple[Table, ...]:
    """P(S | v), `(q, q)` for levels 0 … n: each vertex takes its most probable state.

    It knows the noise and the prior of its level, but only the decisions of its
    children, not how sure they were.
    """
    return _confusions(tree, lambda _, posterior: posterior)


def _confusions(
    tree: BroadcastTree, score: Callable[[Table, Table], Table]
) -> tuple[Table, ...]:
    said = np.array(list(itertools.product(range(tree.q), repeat=tree.branching)))
    votes = (said[..., None] == np.arange(tree.q)).sum(axis=1).astype(float)
    found = [np.eye(tree.q)]
    for level in reversed(range(tree.depth)):
        law = (found[-1] @ tree.channel.T)[said].prod(axis=1)  # (what they said, a)
        rule = _shared_maximum(score(votes, tree.marginal(level) * law))
        found.append(_normalized(rule.T @ law))
    return tuple(reversed(found))


def _shared_maximum(scores: Table) -> Table:
    """All weight on the largest of a row, in equal parts where several are."""
    best = scores >= scores.max(axis=1, keepdims=True) * (1 - 1e-12)
    return best / best.sum(axis=1, keepdims=True)


def census(tree: BroadcastTree) -> Table:
    """The experiment of counting the leaves of state 1, `(leaves + 1, 2)`.

    Raises:
        ValueError: other than two states.
    """
    if tree.q != 2:
        raise ValueError(f"a census is taken of two states, got q = {tree.q}")
    law = np.eye(2)  # (number of ones, state of the vertex)
    for _ in range(tree.depth):
        copy = law @ tree.channel.T
        sums = []
        for one in copy.T:
            total = one
            for _ in range(tree.branching - 1):
                total = np.convolve(total, one)
            sums.append(total)
        law = _normalized(np.stack(sums, axis=1))
    return law


@dataclass(frozen=True, eq=False)
class Profile:
    """What is known of the root at each level, in bits; arrays over levels 0 … n.

    Attributes:
        generation: I(y₀; y_i), which falls with i.
        exact: I(y₀; T_i), on the way back from the leaves: the same at all levels.
        majority: I(y₀; votes of votes at level i).
        decision: I(y₀; decisions from decisions at level i).
    """

    generation: Table
    exact: Table
    majority: Table
    decision: Table

    def lost(self, statistic: str) -> Table:
        """Bits lost by the layer from level i + 1 to i, `(n,)`.

        For `generation` the bits that the step from y_i to y_{i+1} destroys.
        """
        values = getattr(self, statistic)
        sign = -1 if statistic == "generation" else 1
        return sign * np.diff(values)


def information_profile(tree: BroadcastTree) -> Profile:
    """Information about the root along generation, and along inference by three rules.

    Every vertex of level i is observed by what its rule makes of the leaves below it.
    No level can know more than the one that it is made from: data processing.

    Raises:
        ValueError: a tree too deep for `root_experiment`.

    >>> profile = information_profile(symmetric_tree(2, 3, 0.8))
    >>> profile.exact.round(4).tolist(), profile.majority.round(4).tolist()
    ([0.8165, 0.8165, 0.8165], [0.7519, 0.8089, 0.8165])
    """
    levels = range(tree.depth + 1)

    def through(observed: Sequence[Table]) -> Table:
        seen = [root_experiment(tree.to_depth(i), observed[i]) for i in levels]
        return np.array([information(e, tree.prior) for e in seen])

    whole = [np.eye(tree.q) for _ in levels]
    likelihoods = [root_experiment(tree.to_depth(tree.depth - i)) for i in levels]
    return Profile(
        through(whole),
        through(likelihoods),
        through(majority_confusions(tree)),
        through(decision_confusions(tree)),
    )


# Any depth, two states


@dataclass(frozen=True, eq=False)
class Bounds:
    """lower ≤ I(y₀; y_i) ≤ upper, in bits, `(n + 1,)` for i = 0 … n.

    Attributes:
        lower, upper: the bounds.
        messages: values of the message, at most, that attains the lower one.
    """

    lower: Table
    upper: Table
    messages: int


def information_bounds(tree: BroadcastTree, *, bins: int = 100) -> Bounds:
    """Two bounds of I(y₀; y_i) at any depth, exact but for rounding.

    The rows of an experiment with log ratios in a short interval are replaced: by their
    sum, which is a processing of the outcome and can only lose; or by a share of each
    of the two extreme rows with the same sum, an experiment from which the first one
    follows by processing. Both directions survive the steps of the tree.

    Args:
        tree: two states.
        bins: intervals of equal length, and as many of equal probability, cut at both:
            up to twice as many messages.

    Raises:
        ValueError: other than two states, or fewer than 2 bins.
    """
    if tree.q != 2 or bins < 2:
        raise ValueError(
            f"bounds need two states and at least 2 bins, got q = {tree.q} and {bins} "
            "bins"
        )
    found, most = [], []
    for reduced in (_degraded, _upgraded):
        seen = np.eye(2)
        values, sizes = [information(seen, tree.prior)], [len(seen)]
        for _ in range(tree.depth):
            seen = _upward(tree, seen, lambda rows, r=reduced: r(merged(rows), bins))
            values.append(information(seen, tree.prior))
            sizes.append(len(seen))
        found.append(np.array(values))
        most.append(max(sizes))
    return Bounds(*found, messages=most[0])


def _degraded(rows: Table, bins: int) -> Table:
    return np.add.reduceat(rows, _bin_starts(rows, bins), axis=0)


def _upgraded(rows: Table, bins: int) -> Table:
    first = _bin_starts(rows, bins)
    total = np.add.reduceat(rows, first, axis=0)
    share = rows[:, 1] / rows.sum(axis=1)  # of state 1; rows are in its order
    ends = np.append(share[first], share[-1])
    weight = total.sum(axis=1)
    length = np.diff(ends)
    upper = np.divide(
        total[:, 1] / weight - ends[:-1],
        length,
        out=np.zeros(len(first)),
        where=length > 0,
    )
    upper = weight * np.clip(upper, 0, 1)
    mass = np.append(weight - upper, 0) + np.append(0, upper)
    kept = mass[:, None] * np.stack([1 - ends, ends], axis=1)
    return kept[mass > 0]


def _bin_starts(rows: Table, bins: int) -> NDArray[np.int64]:
    """First row of each bin of ordered rows, by length and by probability at once."""
    key = _log_ratio(rows)
    length = (key - key[0]) / max(key[-1] - key[0], SAME)
    mass = rows.sum(axis=1).cumsum() / rows.sum()
    cells = [np.floor(np.minimum(x, 1 - 1e-9) * bins) for x in (length, mass)]
    new = np.any([np.diff(cell, prepend=-1) != 0 for cell in cells], axis=0)
    return np.flatnonzero(new)


# Networks


class TreeNetwork(nn.Module):
    """A network with the shape of inference: one map per level, equal at all vertices.

    Leaves `(draw, bⁿ, q)` one-hot → logits of the root `(draw, q)`. A map reads the
    messages of b children and has one hidden layer.

    Args:
        tree: the process whose shape it takes, with at least one generation.
        width: numbers in a message.
        hidden: units of each map.
        noise: generator of the first weights.
    """

    def __init__(
        self, tree: BroadcastTree, width: int, hidden: int, *, noise: torch.Generator
    ) -> None:
        super().__init__()
        sizes = [tree.q, *[width] * (tree.depth - 1), tree.q]
        self.branching = tree.branching
        self.layers = nn.ModuleList(
            _two_layers(tree.branching * below, hidden, above, noise=noise)
            for below, above in itertools.pairwise(sizes)
        )

    def forward(self, leaves: torch.Tensor) -> torch.Tensor:
        """Logits of the root."""
        message = leaves
        for layer in self.layers:
            message = layer(
                message.reshape(len(leaves), -1, self.branching * message.shape[-1])
            )
        return message[:, 0]


def flat_network(
    tree: BroadcastTree, parameters: int, *, noise: torch.Generator
) -> nn.Sequential:
    """One hidden layer that reads all leaves, with at least so many parameters."""
    inputs = tree.leaves * tree.q
    hidden = max(1, math.ceil((parameters - tree.q) / (inputs + 1 + tree.q)))
    return nn.Sequential(
        nn.Flatten(), *_two_layers(inputs, hidden, tree.q, noise=noise)
    )


@dataclass(frozen=True, eq=False)
class Comparison:
    """Cross-entropy above the Bayes floor, in nats, exact over all leaf configurations.

    Attributes:
        floor: H(y₀ | leaves), which no network goes below.
        prior: H(y₀), of a network that knows the prior only.
        parameters: of each kind of network.
        excess: ⟨D(p(y₀ | leaves) ‖ network)⟩ by kind, `(seed,)`: the network with the
            shape of the `tree`, one of that shape that reads the leaves `shuffled` in a
            fixed order, and the `flat` one.
    """

    floor: float
    prior: float
    parameters: dict[str, int]
    excess: dict[str, Table]

    def mean(self, kind: str) -> tuple[float, float]:
        """Mean over seeds and its standard error.

        Raises:
            ValueError: one seed, which has no error.
        """
        values = self.excess[kind]
        if len(values) < 2:
            raise ValueError("an error needs at least two seeds, got 1; take more")
        return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def compare_networks(
    tree: BroadcastTree,
    *,
    draws: int = 10_000,
    seeds: Sequence[int] = range(4),
    width: int = 2,
    hidden: int = 8,
    steps: int = 600,
) -> Comparison:
    """Networks of the same size with and without the shape of the tree, trained alike.

    Each seed draws its own examples, first weights, batches and order of leaves.

    Args:
        tree: at least one generation, few enough leaves for `leaf_table`.
        draws: labelled examples.
        seeds: at least one; two for errors.
        width: numbers in a message of the tree network.
        hidden: units of each of its maps.
        steps: of Adam, on batches of 250.

    Raises:
        ValueError: no seed, no generation, or too many leaves.
    """
    if len(seeds) < 1 or tree.depth < 1:
        raise ValueError(
            "a comparison needs at least one generation and one seed, "
            f"got depth {tree.depth} and {len(seeds)} seeds"
        )
    joint = leaf_table(tree) * tree.prior
    found = [
        _excess_of_each(
            tree, joint, draws, seed, width=width, hidden=hidden, steps=steps
        )
        for seed in seeds
    ]
    return Comparison(
        _entropy(joint.ravel()) - _entropy(joint.sum(axis=1)),
        _entropy(tree.prior),
        {kind: size for kind, (size, _) in found[0].items()},
        {kind: np.array([of[kind][1] for of in found]) for kind in found[0]},
    )


def _excess_of_each(
    tree: BroadcastTree,
    joint: Table,
    draws: int,
    seed: int,
    *,
    width: int,
    hidden: int,
    steps: int,
) -> dict[str, tuple[int, float]]:
    """Parameters and nats above the floor of each network, on the same draws."""
    rng = generator(seed, "leaves")
    levels = tree.sample(draws, rng=rng)
    seen, root = _encoded(tree, levels[-1]), torch.from_numpy(levels[0][:, 0])
    digits = np.arange(len(joint))[:, None] // tree.q ** np.arange(tree.leaves)[::-1]
    every = _encoded(tree, digits % tree.q)
    order = torch.from_numpy(rng.permutation(tree.leaves))
    noise = torch.Generator().manual_seed(subseed(seed, "network"))
    shaped = TreeNetwork(tree, width, hidden, noise=noise)
    again = TreeNetwork(tree, width, hidden, noise=noise)
    flat = flat_network(tree, _size(shaped), noise=noise)
    kinds = {
        "tree": (shaped, torch.arange(tree.leaves)),
        "shuffled": (again, order),
        "flat": (flat, order),
    }
    found = {}
    for kind, (network, reads) in kinds.items():
        _fit(network, seen[:, reads], root, steps=steps, noise=noise)
        with torch.no_grad():
            guess = network(every[:, reads]).double().log_softmax(dim=1).numpy()
        found[kind] = _size(network), _divergence(joint, guess)
    return found


def _fit(
    network: nn.Module,
    leaves: torch.Tensor,
    root: torch.Tensor,
    *,
    steps: int,
    noise: torch.Generator,
) -> None:
    """Maximum likelihood by Adam; the rate falls to zero along a quarter of a wave."""
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * math.cos(math.pi / 2 * step / steps)
        batch = torch.randint(len(root), (250,), generator=noise)
        optimizer.zero_grad()
        cross_entropy(network(leaves[batch]), root[batch]).backward()
        optimizer.step()


def _divergence(joint: Table, guess: Table) -> float:
    """Σ p(x, y) ln [p(y | x) / q(y | x)], from p(x, y) and ln q, `(x, y)` both."""
    truth = np.log(joint / joint.sum(axis=1, keepdims=True))
    return float((joint * (truth - guess)).sum())


def _entropy(p: Table) -> float:
    return float(-(p * np.log(p)).sum())


def _encoded(tree: BroadcastTree, leaves: NDArray[np.int64]) -> torch.Tensor:
    return one_hot(torch.from_numpy(leaves), tree.q).float()


def _size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _two_layers(
    inputs: int, hidden: int, outputs: int, *, noise: torch.Generator
) -> nn.Sequential:
    # Without memory first, so that torch's global generator is not asked for weights.
    first, second = (
        nn.Linear(n, m, device="meta").to_empty(device="cpu")
        for n, m in ((inputs, hidden), (hidden, outputs))
    )
    for layer in (first, second):
        nn.init.xavier_uniform_(layer.weight, generator=noise)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.Tanh(), second)


def _is_law(rows: Table) -> bool:
    return bool((rows > 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-12))
