"""What the neighbourhood of a spin says about it, beyond any fitted couplings.

The entropy -⟨ln p(s | neighbourhood)⟩ of a spin, given the spins near it, is bounded
below by that of the true conditional law and reached by no model that lacks a coupling.
A flexible classifier p(s = ±1) = σ(±2 f), fitted on some chains and read on others,
comes near it from above, and the share

    (h_fit - h_sat) / (ln 2 - h_sat)

of what can be known is what fitted couplings leave unexplained: 0 for couplings that
are complete, 1 for a fit that knows nothing. f is a function of the neighbourhood,

    f = w₀·s + w₃·tanh(W₂ tanh(W₁ s + b₁) + b₂) + b₃,

the linear part a logistic regression, the rest trained from there by Adam
(D. P. Kingma, J. Ba, arXiv:1412.6980) at a rate that falls to zero. On a neighbourhood
of a few spins a full table of all states is the reference.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, share_chains, weighted_jackknife
from kadanoff.geometry import Grid, lattice_steps
from kadanoff.instruments.couplings import Couplings, conditional_entropy
from kadanoff.instruments.operators import lattice_of

__all__ = ["Unexplained", "saturated_entropy", "table_entropy", "unexplained"]

HIDDEN = (48, 24)
BATCH = 192
"""Products this small stay on one thread: several that wait for each other on busy
cores made a fit 15 times slower."""
STEPS = 8000
RATE = 3e-3
TRAINED = 1 << 20
"""Spins that the classifier is fitted on: more than it can use in its steps."""
READ = 1 << 22
"""Spins that are read, about: the draws of every chain are thinned to that many."""
MOST_BITS = 16
"""Largest neighbourhood with a table: 65 536 states."""


@dataclass(frozen=True)
class Unexplained:
    """What couplings leave open of what the neighbourhood of a spin says about it.

    Attributes:
        fitted: entropy per spin given the couplings, in nats, held out.
        saturated: that given the neighbourhood, by the classifier, held out.
        share: (fitted - saturated)/(ln 2 - saturated).
    """

    fitted: Estimate
    saturated: Estimate
    share: Estimate


def unexplained(
    couplings: Couplings,
    fit_on: Ensemble,
    read: Ensemble,
    *,
    rng: np.random.Generator,
    reach: int = 2,
    steps: int = STEPS,
) -> Unexplained:
    """The share of the knowable that fitted couplings do not explain.

    Args:
        couplings: fitted on chains that are not read.
        fit_on: chains that the classifier is fitted on.
        read: other chains, of the same lattice.
        rng: of the classifier.
        reach: as in `saturated_entropy`.
        steps: as in `saturated_entropy`.

    Raises:
        ValueError: as in `saturated_entropy` and `conditional_entropy`.
    """
    seen = _thinned(read)
    saturated = saturated_entropy(fit_on, seen, rng=rng, reach=reach, steps=steps)
    fitted = conditional_entropy(couplings, seen)
    return Unexplained(
        fitted, saturated, (fitted - saturated) / (math.log(2) - saturated)
    )


def saturated_entropy(
    fit_on: Ensemble,
    read: Ensemble,
    *,
    rng: np.random.Generator,
    reach: int = 2,
    steps: int = STEPS,
) -> Estimate:
    """-⟨ln p(s | neighbourhood)⟩ per spin, in nats, by a classifier, held out.

    An upper bound; how near it is to the truth shows `table_entropy` where there is a
    table. A few seconds, whatever the size of the ensembles.

    Args:
        fit_on: ±1 spins on a grid, for the classifier.
        read: other chains, of the same lattice.
        rng: of the classifier: its spins, initial weights and batches.
        reach: of the neighbourhood, in lattice steps along every direction: 2 is 5×5.
        steps: of Adam, 192 spins each. On the critical 32×32 Ising model the default
            ends 5e-5 nats above the truth.

    Raises:
        ValueError: values that are not ±1, no positions, another lattice, chains in
            common, a neighbourhood of no spin, or no step.
    """
    offsets = _checked(fit_on, read, reach)
    if steps < 1:
        raise ValueError(f"a classifier is fitted in at least 1 step, got {steps}")
    context, spin = _sampled(fit_on, offsets, rng)
    network = _Network.fitted(context, spin, steps, rng)

    def loss(context: np.ndarray, spin: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, -2 * spin * network(context))

    return _mean(_thinned(read), offsets, loss)


def table_entropy(fit_on: Ensemble, read: Ensemble, *, reach: int = 1) -> Estimate:
    """-⟨ln p(s | neighbourhood)⟩ per spin, in nats, by a table of all states, held out.

    A state's share of up spins among those seen, each state with half a spin more of
    either kind. Of 2^8 states on 3×3.

    Raises:
        ValueError: as in `saturated_entropy`, and a neighbourhood of more than 16
            spins.
    """
    offsets = _checked(fit_on, read, reach)
    if len(offsets) > MOST_BITS:
        raise ValueError(
            f"a table needs a neighbourhood of at most {MOST_BITS} spins, got "
            f"{len(offsets)}; use saturated_entropy"
        )
    place = 1 << np.arange(len(offsets))
    seen = np.full((2, 1 << len(offsets)), 0.5)
    for context, spin in _contexts(fit_on, offsets):
        states = (context > 0) @ place
        for k, s in enumerate((-1, 1)):
            seen[k] += np.bincount(states[spin == s], minlength=seen.shape[1])
    cost = -np.log(seen / seen.sum(axis=0))

    def loss(context: np.ndarray, spin: np.ndarray) -> np.ndarray:
        return cost[(spin > 0).astype(int), (context > 0) @ place]

    return _mean(_thinned(read), offsets, loss)


@dataclass(frozen=True, eq=False)
class _Network:
    """f of a neighbourhood: a linear part and two hidden layers."""

    weights: list[np.ndarray]

    def __call__(self, context: np.ndarray) -> np.ndarray:
        return self.layers(context.astype(np.float32))[-1]

    def layers(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        w0, w1, b1, w2, b2, w3, b3 = self.weights
        first = np.tanh(x @ w1 + b1)
        second = np.tanh(first @ w2 + b2)
        return first, second, second @ w3 + x @ w0 + b3

    def gradient(self, x: np.ndarray, spin: np.ndarray) -> list[np.ndarray]:
        """Of the mean loss -ln σ(2 s f) of a batch."""
        _, _, _, w2, _, w3, _ = self.weights
        first, second, f = self.layers(x)
        df = -2 * spin * expit(-2 * spin * f) / len(x)
        d2 = np.outer(df, w3) * (1 - second**2)
        d1 = (d2 @ w2.T) * (1 - first**2)
        return [
            df @ x,
            x.T @ d1,
            d1.sum(axis=0),
            first.T @ d2,
            d2.sum(axis=0),
            df @ second,
            df.sum(keepdims=True),
        ]

    @classmethod
    def fitted(
        cls,
        context: np.ndarray,
        spin: np.ndarray,
        steps: int,
        rng: np.random.Generator,
    ) -> _Network:
        """From a logistic regression by Adam, the rate falling to zero as a cosine."""
        network = cls(_initial(context, spin, rng))
        first = [np.zeros_like(w) for w in network.weights]
        second = [np.zeros_like(w) for w in network.weights]
        for t in range(1, steps + 1):
            rows = rng.integers(0, len(spin), min(BATCH, len(spin)))
            gradient = network.gradient(context[rows].astype(np.float32), spin[rows])
            rate = RATE * (1 + math.cos(math.pi * t / steps)) / 2
            for w, g, m, v in zip(
                network.weights, gradient, first, second, strict=True
            ):
                m += 0.1 * (g - m)
                v += 0.001 * (g**2 - v)
                scale = np.sqrt(v / (1 - 0.999**t)) + 1e-8
                w -= (rate / (1 - 0.9**t) * m / scale).astype(np.float32)
        return network


def _initial(
    context: np.ndarray, spin: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """A logistic regression in the linear part; a hidden part that starts silent."""
    inputs = context.shape[1]
    sizes = (inputs, *HIDDEN)
    linear = _logistic(context, spin)
    weights: list[np.ndarray] = [linear[:-1]]
    for n, m in itertools.pairwise(sizes):
        weights += [rng.standard_normal((n, m)) / math.sqrt(n), np.zeros(m)]
    weights += [np.zeros(HIDDEN[-1]), linear[-1:]]
    return [w.astype(np.float32) for w in weights]


def _logistic(context: np.ndarray, spin: np.ndarray) -> np.ndarray:
    """Weights and constant of the linear f, five Newton steps with a weak prior."""
    few = slice(0, 1 << 16)
    x = np.append(context[few], np.ones((len(context[few]), 1)), axis=1).astype(float)
    s = spin[few].astype(float)
    w = np.zeros(x.shape[1])
    for _ in range(5):
        wrong = expit(-2 * s * (x @ w))
        curvature = 4 * (x.T * (wrong * (1 - wrong))) @ x + np.eye(len(w))
        w = w + np.linalg.solve(curvature, 2 * x.T @ (s * wrong) - w)
    return w


def _checked(fit_on: Ensemble, read: Ensemble, reach: int) -> np.ndarray:
    """The places of the neighbourhood on the grid, `(spins, d)`."""
    for ensemble in (fit_on, read):
        if ensemble.alphabet != "pm1":
            raise ValueError(
                "an entropy given the neighbourhood is that of ±1 spins, got values of "
                f"alphabet '{ensemble.alphabet}'"
            )
    grid, other = lattice_of(fit_on), lattice_of(read)
    if (grid.shape, grid.basis) != (other.shape, other.basis):
        raise ValueError(
            "a classifier is read on the lattice it was fitted on, got shapes "
            f"{grid.shape} and {other.shape}"
        )
    if share_chains(fit_on.lineage, read.lineage):
        raise ValueError(
            "a classifier is read on chains it was not fitted on, got "
            f"{fit_on.lineage} and {read.lineage}; split the ensemble"
        )
    offsets = _neighbourhood(grid, reach)
    if not len(offsets):
        raise ValueError(
            f"a neighbourhood needs a reach of at least 1 on more than one site, got "
            f"{reach} on shape {grid.shape}"
        )
    return offsets


def _neighbourhood(grid: Grid, reach: int) -> np.ndarray:
    """Sites up to `reach` steps away along every direction, each once on the torus."""
    lattice, steps = lattice_steps(grid)
    box = range(-reach, reach + 1)
    near = np.array(list(itertools.product(box, repeat=grid.dimension)))
    if lattice == "triangular":  # a hexagon, and not a rhombus
        near = near[abs(near.sum(axis=1)) <= reach]
    home = (near @ steps) % np.array(grid.shape)
    return np.unique(home[home.any(axis=1)], axis=0)


def _contexts(
    ensemble: Ensemble, offsets: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Neighbourhoods `(n, spins)` and spins `(n,)` of all sites, a chunk at a time."""
    for chunk in ensemble.chunks(1 << 18):
        yield _around(ensemble.read(chunk), offsets)


def _around(spins: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes = tuple(range(1, spins.ndim))
    near = [np.roll(spins, tuple(-o), axes).ravel() for o in offsets]
    return np.stack(near, axis=1), spins.ravel()


def _sampled(
    ensemble: Ensemble, offsets: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A random share of all sites, so that the classifier has what it can use."""
    share = min(1.0, TRAINED / (ensemble.size * ensemble.grid.size))
    parts = []
    for context, spin in _contexts(_thinned(ensemble), offsets):
        chosen = rng.random(len(spin)) < share
        parts.append((context[chosen], spin[chosen]))
    context, spin = (np.concatenate(part) for part in zip(*parts, strict=True))
    return context, spin.astype(np.float32)


def _thinned(ensemble: Ensemble) -> Ensemble:
    """Every few draws of every chain, so that about `READ` spins are left."""
    every = ensemble.size * ensemble.grid.size // READ
    every = max(1, min(every, ensemble.draws))
    if every == 1:
        return ensemble
    note = {"step": "thin", "every": every}
    return ensemble.derived(
        ensemble.values[:, ::every], ensemble.grid, ensemble.alphabet, note
    )


def _mean(
    ensemble: Ensemble,
    offsets: np.ndarray,
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Estimate:
    """The mean of a loss over all spins, with the error of the chains that are read."""
    blocks = ensemble.blocks()
    means = [_block_mean(ensemble.read(b), offsets, loss) for b in blocks]
    sizes = np.array([b.size for b in blocks], dtype=float)
    return weighted_jackknife(
        [np.array(means)],
        lambda mean: mean,
        sizes,
        lineage=ensemble.lineage,
        n_eff=ensemble.n_eff,
    )


def _block_mean(
    spins: np.ndarray,
    offsets: np.ndarray,
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> float:
    pieces = math.ceil(spins.size / (1 << 18))
    parts = (loss(*_around(part, offsets)) for part in np.array_split(spins, pieces))
    return sum(float(part.sum(dtype=float)) for part in parts) / spins.size
