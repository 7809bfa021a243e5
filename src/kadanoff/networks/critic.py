"""Small networks that tell how a few values depend on many: q(h | E) and ln T(h, E).

The classifier is autoregressive over the components of h, each with q states,

    q(h | E) = Π_k q(h_k | E, h_1 … h_{k-1}),
    logits_k = A_k E + B_k tanh(W_k tanh(V E) + U_k h_{<k}) + C_k h_{<k} + a_k,

and the critic separable, ln T(h, E) = φ(E)·g(h), φ of a linear part and two hidden
layers like the classifier's, g a table of states or two layers of real numbers. Both
are trained by Adam (D. P. Kingma and J. Ba, arXiv:1412.6980) at a rate that falls to
zero, and what is kept are the weights that were best on pairs of other chains. They
begin at the law of h alone, and stay there when what was learned is no better on those
pairs by three standard errors: where E tells nothing, nothing is learned.

The classifier's loss is -ln q, the critic's that of telling h from the others of a
batch (InfoNCE; A. van den Oord, Y. Li and O. Vinyals, arXiv:1807.03748).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.networks.products import one_thread
from kadanoff.randomness import generator, subseed

__all__ = ["Classifier", "Critic", "Lessons", "train_classifier", "train_critic"]

Network = TypeVar("Network", bound=nn.Module)

Arrays = tuple[np.ndarray, np.ndarray]
"""`(n, components)` values and `(n, numbers)` surroundings, row by row."""

Costs = Callable[[Tensor, Tensor], Tensor]
"""What telling n coarse values from their surroundings costs, `(n,)`."""

EMBEDDED = 16
"""Components of φ and g: more than the states of a few spins can use."""
CHUNK = 1 << 14
DOUBT = 3.0
"""Standard errors, of pairs taken as independent, by which what was learned has to be
better on other chains than what training began with."""


@dataclass(frozen=True)
class Lessons:
    """How the networks are trained.

    Args:
        steps: updates.
        batch: pairs per update; for a critic also the number that h is told from.
        learning_rate: of the first update.
        hidden: units of the two hidden layers.
        decay: of the weights, per unit of the learning rate.
        looks: how often the pairs of other chains are asked.

    Raises:
        ValueError: a setting out of its range.
    """

    steps: int = 1500
    batch: int = 512
    learning_rate: float = 3e-3
    hidden: tuple[int, int] = (64, 32)
    decay: float = 1e-3
    looks: int = 20

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "looks"):
            if getattr(self, name) < (2 if name == "batch" else 1):
                raise ValueError(f"{name} is too small, got {getattr(self, name)}")
        if min(self.hidden) < 1 or not 0 < self.learning_rate < math.inf:
            raise ValueError(
                "a training needs hidden units and a finite learning rate above 0, "
                f"got {self.hidden} and {self.learning_rate}"
            )


class _Encoder(nn.Module):
    """Numbers of the order of 1, by mean and spread of the pairs trained on."""

    mean: Tensor
    spread: Tensor

    def __init__(self, values: np.ndarray):
        super().__init__()
        sample = values[:: math.ceil(len(values) / CHUNK)].astype(float)  # all chains
        mean, spread = sample.mean(axis=0), sample.std(axis=0)
        constant = spread < 1e-6 * (1 + abs(mean))  # tells nothing; not divided by
        self.register_buffer("mean", _floats(mean))
        self.register_buffer("spread", _floats(np.where(constant, 1.0, spread)))

    def forward(self, x: Tensor) -> Tensor:
        return (x.to(self.mean) - self.mean) / self.spread


class Classifier(nn.Module):
    """q(h | E) of components with a few states each.

    Args:
        coarse: `(n, components)` states 0 … states-1 to begin with: their frequencies.
        environment: `(n, numbers)`: mean and spread.
        states: of every component.
        hidden: units of the two hidden layers.
        seed: draws the first weights.
    """

    earlier: Tensor

    def __init__(
        self,
        coarse: np.ndarray,
        environment: np.ndarray,
        *,
        states: int,
        hidden: tuple[int, int] = (64, 32),
        seed: int = 0,
    ):
        super().__init__()
        noise = torch.Generator().manual_seed(subseed(seed, "classifier"))
        k, inputs = coarse.shape[1], environment.shape[1]
        self.states, self.encode = states, _Encoder(environment)
        mask = torch.ones(k, k).tril(-1).repeat_interleave(states, 1)
        self.register_buffer("earlier", mask)  # (component, those before it one-hot)
        self.first = _normal((inputs, hidden[0]), noise)
        self.second = _normal((k, hidden[0], hidden[1]), noise)
        self.seen = _normal((k, k * states, hidden[1]), noise)
        self.inner = nn.Parameter(torch.zeros(hidden[0]))
        self.middle = nn.Parameter(torch.zeros(k, 1, hidden[1]))
        self.last = nn.Parameter(torch.zeros(k, hidden[1], states))
        self.direct = nn.Parameter(torch.zeros(inputs, k * states))
        self.before = nn.Parameter(torch.zeros(k, k * states, states))
        counts = np.stack([np.bincount(h, minlength=states) for h in coarse.T])
        shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
        self.bias = nn.Parameter(_floats(np.log(shares))[:, None, :])

    def forward(self, coarse: Tensor, environment: Tensor) -> Tensor:
        """ln q(h | E) of n pairs, `(n,)`."""
        x, h = self.encode(environment), coarse.long()
        hot = nn.functional.one_hot(h, self.states).flatten(1).to(x)
        known = hot * self.earlier[:, None, :]  # (component, n, one-hot)
        once = torch.tanh(x @ self.first + self.inner)
        twice = torch.tanh(once @ self.second + known @ self.seen + self.middle)
        linear = (x @ self.direct).unflatten(1, (-1, self.states)).transpose(0, 1)
        logits = twice @ self.last + linear + known @ self.before + self.bias
        logs = torch.log_softmax(logits, -1)
        return logs.gather(-1, h.T[..., None])[..., 0].sum(0)

    @torch.no_grad()
    def log_prob(self, coarse: np.ndarray, environment: np.ndarray) -> np.ndarray:
        """ln q(h | E) in nats of `(n, components)` and `(n, numbers)`, `(n,)`."""
        with one_thread():
            return self(_tensor(coarse), _tensor(environment)).numpy()


class Critic(nn.Module):
    """ln T(h, E) = φ(E)·g(h).

    Args:
        coarse: `(n, components)` values to begin with: their mean and spread.
        environment: `(n, numbers)`, the same.
        states: of every component of h; None of real ones.
        hidden: units of the two hidden layers.
        seed: draws the first weights.
    """

    def __init__(
        self,
        coarse: np.ndarray,
        environment: np.ndarray,
        *,
        states: int | None,
        hidden: tuple[int, int] = (64, 32),
        seed: int = 0,
    ):
        super().__init__()
        noise = torch.Generator().manual_seed(subseed(seed, "critic"))
        self.states = states
        self.encode = _Encoder(environment)
        self.encode_coarse = _Encoder(_one_hot(coarse, states))
        width = coarse.shape[1] * (states or 1)
        self.phi = _Layers(environment.shape[1], hidden, noise, silent=True)
        self.g = _Layers(width, hidden, noise)

    def forward(self, coarse: Tensor, environment: Tensor) -> Tensor:
        """ln T of n surroundings and m values, `(n, m)`."""
        if self.states is not None:
            coarse = nn.functional.one_hot(coarse.long(), self.states).flatten(1)
        g = self.g(self.encode_coarse(coarse))
        return self.phi(self.encode(environment)) @ g.T

    @torch.no_grad()
    def score(self, coarse: np.ndarray, environment: np.ndarray) -> np.ndarray:
        """ln T of `(m, components)` values and `(n, numbers)`, `(n, m)`."""
        with one_thread():
            return self(_tensor(coarse), _tensor(environment)).numpy()


class _Layers(nn.Module):
    """A linear part and two hidden layers; 0 at first where it is to be silent."""

    def __init__(
        self,
        inputs: int,
        hidden: tuple[int, int],
        noise: torch.Generator,
        *,
        silent: bool = False,
    ):
        super().__init__()
        self.first = _normal((inputs, hidden[0]), noise)
        self.second = _normal(hidden, noise)
        self.inner = nn.Parameter(torch.zeros(hidden[0]))
        self.middle = nn.Parameter(torch.zeros(hidden[1]))
        self.last = _normal((hidden[1], EMBEDDED), noise)
        self.direct = _normal((inputs, EMBEDDED), noise)
        self.bias = nn.Parameter(torch.zeros(EMBEDDED))
        if silent:
            nn.init.zeros_(self.last)
            nn.init.zeros_(self.direct)

    def forward(self, x: Tensor) -> Tensor:
        once = torch.tanh(x @ self.first + self.inner)
        twice = torch.tanh(once @ self.second + self.middle)
        return twice @ self.last + x @ self.direct + self.bias


def train_classifier(
    data: Arrays,
    watched: Arrays,
    *,
    states: int,
    lessons: Lessons | None = None,
    seed: int,
) -> Classifier:
    """A classifier of h given E, the best one on pairs of other chains.

    Args:
        data: `(coarse, environment)` to learn from.
        watched: the same of other chains, which decide when to stop.
        states: of every component of h.
        lessons: how to train.
        seed: draws weights and batches.

    Raises:
        ValueError: pairs that do not match, or fewer than a batch of them.
    """
    lessons = lessons or Lessons()
    _check(data, watched, lessons)
    network = Classifier(*data, states=states, hidden=lessons.hidden, seed=seed)

    def costs(coarse: Tensor, environment: Tensor) -> Tensor:
        return -network(coarse, environment)

    return _trained(network, costs, data, watched, lessons, seed)


def train_critic(
    data: Arrays,
    watched: Arrays,
    *,
    states: int | None,
    lessons: Lessons | None = None,
    seed: int,
) -> Critic:
    """A critic that tells h from others given E; arguments as in `train_classifier`.

    Args:
        data: `(coarse, environment)` to learn from.
        watched: the same of other chains, which decide when to stop.
        states: of every component of h; None of real values.
        lessons: how to train.
        seed: draws weights and batches.

    Raises:
        ValueError: pairs that do not match, or fewer than a batch of them.
    """
    lessons = lessons or Lessons()
    _check(data, watched, lessons)
    network = Critic(*data, states=states, hidden=lessons.hidden, seed=seed)

    def costs(coarse: Tensor, environment: Tensor) -> Tensor:
        return -torch.log_softmax(network(coarse, environment), 1).diagonal()

    return _trained(network, costs, data, watched, lessons, seed)


def _trained(
    network: Network,
    costs: Costs,
    data: Arrays,
    watched: Arrays,
    lessons: Lessons,
    seed: int,
) -> Network:
    """The weights that were best on the watched pairs, or the first ones."""
    rng, order = generator(seed, "batches"), generator(seed, "watched")
    adam = torch.optim.AdamW(
        network.parameters(), lr=lessons.learning_rate, weight_decay=lessons.decay
    )
    asked = _watch(watched, lessons, order)
    every = max(1, lessons.steps // lessons.looks)
    with one_thread():
        start = copy.deepcopy(network.state_dict())
        first = _asked(costs, asked)
        best, kept = first, start
        for step in range(lessons.steps):
            for part in adam.param_groups:
                part["lr"] = lessons.learning_rate * _falling(step / lessons.steps)
            rows = rng.integers(0, len(data[0]), lessons.batch)
            cost = costs(*(_tensor(part[rows]) for part in data)).mean()
            adam.zero_grad()
            cost.backward()
            adam.step()
            if (step + 1) % every == 0:
                now = _asked(costs, asked)
                if now.mean() < best.mean():
                    best, kept = now, copy.deepcopy(network.state_dict())
    gain = first - best
    sure = gain.mean() > DOUBT * gain.std() / math.sqrt(len(gain))
    network.load_state_dict(kept if sure else start)
    return network.eval()


def _falling(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


def _watch(
    watched: Arrays, lessons: Lessons, rng: np.random.Generator
) -> list[tuple[Tensor, Tensor]]:
    """Batches of the watched pairs, always the same; each of rows far apart."""
    n = min(len(watched[0]), CHUNK)
    rows = rng.permutation(len(watched[0]))[:n]
    size = min(lessons.batch, n)
    parts = [rows[a : a + size] for a in range(0, n - size + 1, size)]
    return [(_tensor(watched[0][r]), _tensor(watched[1][r])) for r in parts]


@torch.no_grad()
def _asked(costs: Costs, asked: list[tuple[Tensor, Tensor]]) -> np.ndarray:
    """The costs of all watched pairs, `(n,)`."""
    return np.concatenate([costs(h, e).double().numpy() for h, e in asked])


def _check(data: Arrays, watched: Arrays, lessons: Lessons) -> None:
    for coarse, environment in (data, watched):
        if len(coarse) != len(environment) or coarse.ndim != 2 or environment.ndim != 2:
            raise ValueError(
                "pairs are rows (n, components) and (n, numbers) of as many values as "
                f"surroundings, got shapes {coarse.shape} and {environment.shape}"
            )
    fewest = min(len(data[0]), len(watched[0]))
    if fewest < lessons.batch:
        raise ValueError(
            f"a batch of {lessons.batch} needs as many pairs to learn from and to "
            f"watch, got {fewest}; sample more, or give a smaller batch"
        )


def _one_hot(values: np.ndarray, states: int | None) -> np.ndarray:
    if states is None:
        return values
    return (values[..., None] == np.arange(states)).reshape(len(values), -1)


def _normal(shape: tuple[int, ...], noise: torch.Generator) -> nn.Parameter:
    """N(0, 1/n), n units in."""
    return nn.Parameter(torch.randn(shape, generator=noise) / math.sqrt(shape[-2]))


def _floats(values: np.ndarray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
