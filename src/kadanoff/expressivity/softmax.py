"""Softmax of a Hamiltonian is Bayes' theorem; quadratic Hamiltonians are Gaussians.

With H_y(x) = -ln p(x | y) and biases μ_y = -ln p(y)

    p(y | x) = e^-[H_y(x) + μ_y] / Σ_y' e^-[H_y'(x) + μ_y'] = softmax_y(-H_y(x) - μ_y),

so that a network which computes H needs one more layer, a softmax with biases, to
classify (H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223 (2017),
section 2). Where H is a polynomial of degree d, one softmax layer on the products of at
most d variables is exact: on the variables for Gaussians of one covariance, on
variables and their products for any Gaussians (H is quadratic if and only if p(x | y)
is Gaussian) and for spins with couplings of pairs.

One table of numbers F(x, y), normalized over y, over x, or over both, is a model of
p(y | x), p(x | y) or p(x, y): classification, generation and unsupervised learning, the
three arrows of figure 1 there. `three_tasks` trains one small network for each. Without
the pairing of x and y all of them miss the same, I(x; y):

    D(p(y|x) ‖ p(y)) = D(p(x|y) ‖ p(x)) = D(p(x, y) ‖ p(x) p(y)).

Tables are `(x, y)`. Divergences are in nats and averages over what is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from torch import nn

from kadanoff.exact.information import mutual_information
from kadanoff.exact.pairs import states
from kadanoff.randomness import generator, subseed

__all__ = [
    "Divergences",
    "GaussianClasses",
    "Quadratic",
    "SpinClasses",
    "ThreeTasks",
    "bayes",
    "divergences",
    "pair_products",
    "posterior",
    "softmax_layer",
    "spin_layer",
    "three_tasks",
]

RATE = 0.05  # of Adam, first; with half of it twice as much is left after 500 steps
Array = NDArray[Any]


def posterior(hamiltonian: ArrayLike, bias: ArrayLike) -> Array:
    """softmax_y(-H_y(x) - μ_y), `(x, y)`, of H `(x, y)` and μ `(y,)`.

    Any function of x alone may be added to H: it drops out.

    Raises:
        ValueError: other shapes.

    >>> H, μ = -np.log([[0.8, 0.4], [0.2, 0.6]]), -np.log([0.5, 0.5])
    >>> posterior(H, μ).round(12).tolist()
    [[0.666666666667, 0.333333333333], [0.25, 0.75]]
    """
    h, mu = np.asarray(hamiltonian, float), np.asarray(bias, float)
    if h.ndim != 2 or mu.shape != h.shape[1:]:
        raise ValueError(
            f"a Hamiltonian (x, y) has one bias for each y, got shapes {h.shape} and "
            f"{mu.shape}"
        )
    logits = -h - mu
    return np.exp(logits - np.asarray(logsumexp(logits, axis=1, keepdims=True)))


def bayes(likelihood: ArrayLike, prior: ArrayLike) -> Array:
    """p(x | y) p(y) / Σ_y' p(x | y') p(y'), `(x, y)`: without a Hamiltonian."""
    joint = np.asarray(likelihood, float) * np.asarray(prior, float)
    return joint / joint.sum(axis=1, keepdims=True)


# Gaussians


@dataclass(frozen=True, eq=False)
class Quadratic:
    """H_y(x) = h_y + Σ_i h_yi x_i + Σ_ij h_yij x_i x_j.

    Attributes:
        constant: `(y,)`.
        linear: `(y, n)`.
        square: symmetric, `(y, n, n)`.
    """

    constant: Array
    linear: Array
    square: Array

    def __call__(self, x: ArrayLike) -> Array:
        """H of points `(point, n)`, `(point, y)`."""
        points = np.asarray(x, float)
        squares = np.einsum("pi,yij,pj->py", points, self.square, points)
        return self.constant + points @ self.linear.T + squares

    def gaussians(self) -> tuple[Array, Array, Array]:
        """Means `(y, n)`, covariances `(y, n, n)` and ln ∫ e^-H `(y,)` of e^-H.

        Raises:
            ValueError: a square part that is not positive definite: e^-H has no norm.
        """
        least = np.linalg.eigvalsh(self.square).min()
        if least <= 0:
            raise ValueError(
                "e^-H is a Gaussian where the square part is positive definite, got an "
                f"eigenvalue {least:.3g}"
            )
        covariance = np.linalg.inv(2 * self.square)
        mean = -np.einsum("yij,yj->yi", covariance, self.linear)
        log_det = np.linalg.slogdet(2 * np.pi * covariance)[1]
        depth = self.constant + (mean * self.linear).sum(axis=1) / 2
        return mean, covariance, log_det / 2 - depth


@dataclass(frozen=True, eq=False)
class GaussianClasses:
    """p(x | y) = N(m_y, C_y) and p(y).

    Attributes:
        means: `(y, n)`.
        covariances: `(y, n, n)`, positive definite.
        prior: `(y,)`, positive.

    Raises:
        ValueError: shapes that do not fit, a covariance that is none, or a prior that
            does not add up to 1.
    """

    means: Array
    covariances: Array
    prior: Array

    def __post_init__(self) -> None:
        m, c, p = (
            np.array(a, float) for a in (self.means, self.covariances, self.prior)
        )
        if m.ndim != 2 or c.shape != (*m.shape, m.shape[1]) or p.shape != m.shape[:1]:
            raise ValueError(
                "Gaussian classes have means (y, n), covariances (y, n, n) and a prior "
                f"(y,), got shapes {m.shape}, {c.shape} and {p.shape}"
            )
        if np.abs(c - c.transpose(0, 2, 1)).max() > 1e-12 * np.abs(c).max():
            raise ValueError("a covariance is symmetric, got one that is not")
        least = np.linalg.eigvalsh(c).min()
        if least <= 0:
            raise ValueError(
                f"a covariance is positive definite, got an eigenvalue {least:.3g}"
            )
        _check_prior(p)
        for name, value in (("means", m), ("covariances", c), ("prior", p)):
            object.__setattr__(self, name, value)

    def hamiltonian(self) -> Quadratic:
        """H_y = -ln p(x | y): quadratic, with its constant the norm of the law."""
        precision = np.linalg.inv(self.covariances)
        pull = np.einsum("yij,yj->yi", precision, self.means)
        log_det = np.linalg.slogdet(2 * np.pi * self.covariances)[1]
        constant = ((self.means * pull).sum(axis=1) + log_det) / 2
        return Quadratic(constant, -pull, precision / 2)

    def sample(self, draws: int, *, rng: np.random.Generator) -> tuple[Array, Array]:
        """Points `(draw, n)` and their classes `(draw,)`."""
        y = rng.choice(len(self.prior), size=draws, p=self.prior)
        white = rng.normal(size=(draws, self.means.shape[1]))
        roots = np.linalg.cholesky(self.covariances)
        return self.means[y] + np.einsum("pij,pj->pi", roots[y], white), y


def pair_products(x: ArrayLike) -> Array:
    """x_i and x_i x_j for i ≤ j of points `(point, n)`, `(point, n (n + 3)/2)`.

    >>> pair_products([[2.0, 3.0]]).tolist()
    [[2.0, 3.0, 4.0, 6.0, 9.0]]
    """
    points = np.asarray(x, float)
    i, j = np.triu_indices(points.shape[1])
    return np.concatenate([points, points[:, i] * points[:, j]], axis=1)


def softmax_layer(classes: GaussianClasses) -> nn.Linear:
    """One layer whose softmax is p(y | x), with double precision.

    It reads x where all covariances are equal, so that x² drops out, and else
    `pair_products(x)`.
    """
    h = classes.hamiltonian()
    bias = np.log(classes.prior) - h.constant
    if np.ptp(classes.covariances, axis=0).max() == 0:
        return _layer(-h.linear, bias)
    i, j = np.triu_indices(h.linear.shape[1])
    both = np.where(i == j, 1, 2) * h.square[:, i, j]
    return _layer(np.concatenate([-h.linear, -both], axis=1), bias)


# Spins


@dataclass(frozen=True, eq=False)
class SpinClasses:
    """p(s | y) = exp[Σ_i h_yi s_i + Σ_{i<j} K_yij s_i s_j] / Z_y, and p(y).

    Attributes:
        fields: h, `(y, n)`.
        couplings: K, `(y, n, n)`, of which the part above the diagonal is read.
        prior: `(y,)`, positive.

    Raises:
        ValueError: shapes that do not fit, or a prior that does not add up to 1.
    """

    fields: Array
    couplings: Array
    prior: Array

    def __post_init__(self) -> None:
        h, k, p = (
            np.array(a, float) for a in (self.fields, self.couplings, self.prior)
        )
        if h.ndim != 2 or k.shape != (*h.shape, h.shape[1]) or p.shape != h.shape[:1]:
            raise ValueError(
                "spin classes have fields (y, n), couplings (y, n, n) and a prior "
                f"(y,), got shapes {h.shape}, {k.shape} and {p.shape}"
            )
        _check_prior(p)
        for name, value in (("fields", h), ("couplings", k), ("prior", p)):
            object.__setattr__(self, name, value)

    def exponents(self) -> Array:
        """ln p(s | y) + ln Z_y of every state, in the order of `exact.pairs.states`."""
        s = states(self.fields.shape[1]).astype(float)
        pairs = np.einsum("si,yij,sj->sy", s, np.triu(self.couplings, 1), s)
        return s @ self.fields.T + pairs

    def log_partition(self) -> Array:
        """ln Z_y by enumeration, `(y,)`."""
        return np.asarray(logsumexp(self.exponents(), axis=0))

    def joint(self) -> Array:
        """p(s, y), `(state, y)`."""
        return np.exp(self.exponents() - self.log_partition()) * self.prior


def spin_layer(classes: SpinClasses) -> nn.Linear:
    """One layer on `pair_products(s)` whose softmax is p(y | s): couplings as weights.

    s_i² = 1 has no weight, and ln p(y) - ln Z_y is the bias.
    """
    i, j = np.triu_indices(classes.fields.shape[1])
    pairs = np.triu(classes.couplings, 1)[:, i, j]
    weights = np.concatenate([classes.fields, pairs], axis=1)
    return _layer(weights, np.log(classes.prior) - classes.log_partition())


# Three directions


@dataclass(frozen=True)
class Divergences:
    """From the exact law to a model of it, in nats.

    Attributes:
        classification: Σ_x p(x) D(p(y | x) ‖ model).
        generation: Σ_y p(y) D(p(x | y) ‖ model).
        joint: D(p(x, y) ‖ model).
    """

    classification: float
    generation: float
    joint: float


@dataclass(frozen=True)
class ThreeTasks:
    """What three small networks learn, and what bounds it.

    Attributes:
        exact: trained on the law itself, as with infinitely many draws: what the
            networks cannot express or the training does not find.
        drawn: trained on draws.
        shuffled: trained on the same draws with their labels shuffled, which leaves
            `information` to be missed, up to chance pairs: about √(χ²/draws), χ² from
            p(x) p(y) to p(x, y).
        information: I(x; y).
    """

    exact: Divergences
    drawn: Divergences
    shuffled: Divergences
    information: float


def three_tasks(
    joint: ArrayLike,
    x: ArrayLike,
    *,
    draws: int = 20_000,
    seed: int = 1,
    hidden: int = 12,
    steps: int = 600,
) -> ThreeTasks:
    """Trains p(y | x), p(x | y) and p(x, y), each with a network of one hidden layer.

    Args:
        joint: p(x, y), positive, `(x, y)`.
        x: what the network reads of each x, `(x, n)`.
        draws: labelled examples.
        seed: of the draws and the first weights.
        hidden: units.
        steps: of Adam on all examples at once.

    Raises:
        ValueError: a joint law that is none, or other than one row of x for each.
    """
    p, read = np.asarray(joint, float), np.asarray(x, float)
    _check_joint(p, read)
    rng = generator(seed, "draws")
    cells = rng.choice(p.size, size=draws, p=p.ravel())
    of_x, of_y = np.divmod(cells, p.shape[1])
    mixed = of_x * p.shape[1] + rng.permutation(of_y)
    tables = (
        p,
        *(np.bincount(c, minlength=p.size).reshape(p.shape) for c in (cells, mixed)),
    )
    found = []
    for table in tables:
        models = [
            _learned(
                table / table.sum(),
                read,
                normalize,
                hidden=hidden,
                steps=steps,
                noise=torch.Generator().manual_seed(subseed(seed, "network", k)),
            )
            for k, normalize in enumerate(_NORMALIZED.values())
        ]
        found.append(divergences(p, *models))
    return ThreeTasks(*found, information=mutual_information(p))


def divergences(
    joint: ArrayLike, classification: Array, generation: Array, together: Array
) -> Divergences:
    """From p(x, y) to ln q(y | x), ln q(x | y) and ln q(x, y), `(x, y)` each."""
    p = np.asarray(joint, float)
    truths = (p / p.sum(axis=1, keepdims=True), p / p.sum(axis=0), p)
    models = (classification, generation, together)
    return Divergences(
        *(
            float((p * (np.log(t) - m)).sum())
            for t, m in zip(truths, models, strict=True)
        )
    )


Normalize = Callable[[torch.Tensor], torch.Tensor]

_NORMALIZED: dict[str, Normalize] = {
    "classification": lambda f: f.log_softmax(dim=1),
    "generation": lambda f: f.log_softmax(dim=0),
    "joint": lambda f: f - f.flatten().logsumexp(dim=0),
}
"""Where the softmax of F(x, y) is taken, in the order of `Divergences`."""


def _learned(
    table: Array,
    x: Array,
    normalize: Normalize,
    *,
    hidden: int,
    steps: int,
    noise: torch.Generator,
) -> Array:
    """ln q, `(x, y)`, of a network trained by maximum likelihood on a table p(x, y)."""
    network = _network(x.shape[1], hidden, table.shape[1], noise=noise)
    inputs, weights = torch.from_numpy(x), torch.from_numpy(table)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * math.cos(math.pi / 2 * step / steps)
        optimizer.zero_grad()
        (-(weights * normalize(network(inputs))).sum()).backward()
        optimizer.step()
    with torch.no_grad():
        return normalize(network(inputs)).numpy()


def _network(
    inputs: int, hidden: int, outputs: int, *, noise: torch.Generator
) -> nn.Sequential:
    # Without memory first, so that torch's global generator is not asked for weights.
    first, second = (
        nn.Linear(a, b, device="meta", dtype=torch.float64).to_empty(device="cpu")
        for a, b in ((inputs, hidden), (hidden, outputs))
    )
    for layer in (first, second):
        nn.init.xavier_uniform_(layer.weight, generator=noise)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.Tanh(), second)


def _layer(weights: Array, bias: Array) -> nn.Linear:
    layer = nn.Linear(*weights.shape[::-1], device="meta", dtype=torch.float64)
    layer = layer.to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights)))
        layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    return layer


def _check_prior(prior: Array) -> None:
    if not (prior > 0).all() or abs(prior.sum() - 1) > 1e-12:
        raise ValueError(f"a prior is positive and adds up to 1, got {prior}")


def _check_joint(p: Array, x: Array) -> None:
    if p.ndim != 2 or not (p > 0).all() or abs(p.sum() - 1) > 1e-9:
        raise ValueError(
            "a joint law is a table (x, y) of positive entries that add up to 1, got "
            f"shape {p.shape} and a sum of {p.sum()}"
        )
    if x.ndim != 2 or len(x) != len(p):
        raise ValueError(
            f"a network reads one row for each of {len(p)} x, got shape {x.shape}"
        )
