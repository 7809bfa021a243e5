"""Maps on the same configurations to read a map against: two without a fault.

    block         majority, plurality, vector sum or mean: a renormalization
    positive      sign of random positive weights on each block: a renormalization too,
                  by universality

and six of known fault, each of which some row must see:

    zero-sum      sign of local weights of sum zero: loses the magnetization
    non-local     sign of weights of the same sizes on sites anywhere
    factorised    coarse levels of other chains: p(v) p(h)
    shuffled      the map itself, of sites exchanged after it was fixed
    noise         the map itself, where decoupled noise took a quarter of the sites
    untrained     a dense machine at its random start, arranged like a trained one

`shuffled` and `noise` need the map itself and are missing for a pair of files;
`factorised` and `non-local` need what the map made of the configurations, and the
others its scale alone. All but `factorised` need a whole number b, and all but that and
`block` ±1 spins.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from kadanoff.coarse.block import Average, Majority, Plurality, VectorSum
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.rule import SPINS, Rule, grid_of
from kadanoff.coarse.stack import Stack
from kadanoff.coarse.weighted import Weighted
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry, Grid
from kadanoff.instruments.receptive import direct_response
from kadanoff.networks.rbm import RBM
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator, subseed
from kadanoff.scorecard.subject import Subject, of_rule

__all__ = ["BLOCK", "CONTROLS", "OF_FINE", "control", "controls_for"]

BLOCK = "block"
BLOCK_RULES = {
    "pm1": Majority,
    "potts": Plurality,
    "angle": VectorSum,
    "real": Average,
}
LOWEST_WEIGHT = 0.2
"""Smallest positive weight over the largest: no site of a block is left out."""
NOISY = 0.25
"""Share of the sites that decoupled noise takes."""
CORE = 0.25
"""Weights below this share of the largest are the noise of a response."""


def controls_for(subject: Subject) -> tuple[str, ...]:
    """The controls that a subject can be read against, in the order of the table."""
    whole = abs(subject.b - round(subject.b)) < 1e-9 and round(subject.b) > 1
    straight = all(
        coarse * round(subject.b) == fine
        for coarse, fine in zip(
            subject.coarse.grid.shape, subject.fine.grid.shape, strict=True
        )
    )
    if not whole or not straight:
        return ("factorised",)
    if subject.fine.alphabet != "pm1":
        return (BLOCK, "factorised")
    applied = ("shuffled", "noise") if subject.rule is not None else ()
    return tuple(
        name for name in CONTROLS if name in (*_OF_SCALE, "factorised", *applied)
    )


def control(name: str, subject: Subject) -> Subject:
    """One control of a subject, on the same chains.

    Args:
        name: one of `controls_for(subject)`.
        subject: the map it belongs to.
    """
    return CONTROLS[name](subject)


def _block(subject: Subject) -> Subject:
    kind = subject.fine.alphabet.partition(":")[0]
    rule = BLOCK_RULES[kind](round(subject.b))
    return _stepwise(f"{BLOCK}: {rule}", subject, lambda level, rng: rule)


def _positive(subject: Subject) -> Subject:
    return _stepwise("positive", subject, _filtered(subject, mean=False))


def _zero_sum(subject: Subject) -> Subject:
    return _stepwise("zero-sum", subject, _filtered(subject, mean=True))


Choice = Callable[[Ensemble, np.random.Generator], CoarseGraining]


def _filtered(subject: Subject, *, mean: bool) -> Choice:
    """One random filter for all steps, its mean taken out or not."""
    b = round(subject.b)
    rng = generator(subject.seed, "filter", int(mean))
    weights = rng.uniform(LOWEST_WEIGHT, 1, (b,) * subject.fine.grid.dimension)
    rule = Weighted(weights - mean * weights.mean(), b=b, name="random")
    return lambda level, rng: rule


def _non_local(subject: Subject) -> Subject:
    sizes = _weights(subject)
    b = round(subject.b)

    def scattered(level: Ensemble, rng: np.random.Generator) -> CoarseGraining:
        grid = level.grid.coarsened(b)
        return Projection(_anywhere(sizes, level.grid.size, grid.size, rng), grid)

    return _stepwise("non-local", subject, scattered)


def _weights(subject: Subject) -> np.ndarray:
    """Weights of the units, `(units, sites)`: a machine's own, or its responses'."""
    layer = subject.layer
    if layer is not None and layer.network.W.ndim == 2:
        return layer.network.W.detach().cpu().numpy().T
    found = direct_response(subject.fine, subject.coarse).T
    largest = np.abs(found).max(axis=1, keepdims=True)
    return np.where(np.abs(found) < CORE * largest, 0, found)


def _anywhere(
    weights: np.ndarray, sites: int, units: int, rng: np.random.Generator
) -> np.ndarray:
    """The largest weights of as many units, each unit's on sites of its own choice."""
    rows = weights[np.arange(units) % len(weights)]
    order = np.argsort(-np.abs(rows), axis=1)[:, :sites]
    largest = np.take_along_axis(rows, order, axis=1)
    return rng.permuted(largest, axis=1)


def _factorised(subject: Subject) -> Subject:
    """Every level from other chains than the one before it, or from other draws."""
    axis = 0 if subject.fine.chains > 1 else 1
    step = max(1, subject.fine.data.shape[axis] // (2 * len(subject.levels)))
    levels = tuple(
        replace(level, data=np.roll(level.data, k * step, axis=axis))
        for k, level in enumerate(subject.levels)
    )
    return replace(subject, name="factorised", levels=levels, rule=None)


def _shuffled(subject: Subject) -> Subject:
    def exchanged(level: Ensemble, rng: np.random.Generator) -> CoarseGraining:
        return Stack((Shuffle(rng.permutation(level.grid.size)), _rule(subject)))

    return _stepwise("shuffled", subject, exchanged)


def _noise(subject: Subject) -> Subject:
    def decoupled(level: Ensemble, rng: np.random.Generator) -> CoarseGraining:
        taken = rng.random(level.grid.size) < NOISY
        return Stack((Noise(taken), _rule(subject)))

    return _stepwise("noise", subject, decoupled)


def _rule(subject: Subject) -> CoarseGraining:
    if subject.rule is None:
        raise ValueError(
            f"this control applies the map, got {subject.name}; name the rule"
        )
    return subject.rule


def _untrained(subject: Subject) -> Subject:
    """A dense machine of as many units, applied once: it has a fixed size."""
    units = subject.coarse.grid.size
    network = RBM(subject.fine.geometry, hidden=units, seed=subject.seed)
    found = of_rule(Layer(network), subject.fine, seed=subject.seed)
    return replace(found, name="untrained")


def _stepwise(name: str, subject: Subject, choose: Choice) -> Subject:
    """The control at every step of the subject, chosen anew for each lattice."""
    levels, first = [subject.fine], None
    for k, (_, after) in enumerate(itertools.pairwise(subject.levels)):
        rule = choose(levels[-1], generator(subject.seed, name, k))
        first = first or rule
        seed = subseed(subject.seed, name, "coins", k)
        level = coarsen(rule, levels[-1], seed=seed)
        levels.append(replace(level, geometry=after.geometry))
    applied = None if first is None else Stack((first,))
    return replace(subject, name=name, levels=tuple(levels), rule=applied)


_OF_SCALE: Mapping[str, Callable[[Subject], Subject]] = {
    BLOCK: _block,
    "positive": _positive,
    "zero-sum": _zero_sum,
    "non-local": _non_local,
    "untrained": _untrained,
}
OF_FINE = (BLOCK, "positive", "zero-sum", "untrained")
"""Controls that know the map by its scale alone."""
CONTROLS: Mapping[str, Callable[[Subject], Subject]] = {
    **_OF_SCALE,
    "factorised": _factorised,
    "shuffled": _shuffled,
    "noise": _noise,
}


@dataclass(frozen=True, eq=False)
class Projection(Rule):
    """Signs of weighted sums over sites anywhere, one for each coarse site."""

    takes: ClassVar = SPINS
    weights: np.ndarray
    grid: Grid

    def coarse(self, fine: Geometry) -> Grid:
        """The grid it was made for."""
        return self.grid

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """int8 `(n, *grid.shape)`."""
        flat = spins.reshape(len(spins), -1).astype(np.float32)
        sums = flat @ self.weights.T.astype(np.float32)
        coins = rng.integers(0, 2, sums.shape, dtype=np.int8) * 2 - 1
        signs = np.where(np.abs(sums) < 1e-6, coins, np.sign(sums)).astype(np.int8)
        return signs.reshape(len(spins), *self.grid.shape)

    def __str__(self) -> str:
        return "projection"


@dataclass(frozen=True, eq=False)
class Shuffle(Rule):
    """Sites exchanged, the same way in every configuration."""

    permutation: np.ndarray

    def coarse(self, fine: Geometry) -> Grid:
        """The lattice as it is."""
        return grid_of(fine, self)

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """The same values on other sites."""
        return spins.reshape(len(spins), -1)[:, self.permutation].reshape(spins.shape)

    def __str__(self) -> str:
        return "shuffle"


@dataclass(frozen=True, eq=False)
class Noise(Rule):
    """Fresh spins of no coupling on some of the sites, `taken`."""

    takes: ClassVar = SPINS
    taken: np.ndarray

    def coarse(self, fine: Geometry) -> Grid:
        """The lattice as it is."""
        return grid_of(fine, self)

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """The spins with noise in their places."""
        out = spins.reshape(len(spins), -1).copy()
        size = (len(out), int(self.taken.sum()))
        out[:, self.taken] = rng.integers(0, 2, size, dtype=np.int8) * 2 - 1
        return out.reshape(spins.shape)

    def __str__(self) -> str:
        return "noise"
