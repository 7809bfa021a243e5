"""What coarse variables know of their surroundings: held-out lower bounds on I(H:E).

H are the coarse values of one block (one spin, or one of every feature map), E the
sites around it beyond a buffer; all blocks of a configuration are used, each with its
own surroundings. Both bounds are averages over chains that the network in them was not
trained on, in nats:

    I ≥ H(h) + ⟨ln q(h | E)⟩                                            (1)
    I ≥ ⟨ln T(h, E) - ln (1/K) Σ_{k=1}^{K} T(h_k, E)⟩                   (2)

(1) is that of D. Barber and F. Agakov (NIPS 16, 201 (2003)) with a classifier q, exact
where q is the conditional law; H(h) is that of the values as they occur. (2) is InfoNCE
(A. van den Oord, Y. Li and O. Vinyals, arXiv:1807.03748) with a critic ln T, h among K
candidates of which the others come from other chains; it is at most ln K, however good
the critic. Comparison: B. Poole et al., arXiv:1905.06922.

Of values with few states (1) is the tighter one: with T = q(h | E) the same network
reaches (1) in (2) only for K → ∞, less by about (χ² of q against p(h))/2K before. Of
real values, whose H(h) is not known, there is (2) alone.

The bounds hold for every network, so that an error bar covers the chains that are read
and nothing else: less than the truth is a matter of training, and `learning_curve` of
`kadanoff.scorecard.information` shows how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import entr

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, check_same_chains, weighted_jackknife
from kadanoff.exact.information import buffered_block, surroundings
from kadanoff.geometry import Grid, lattice_steps

__all__ = [
    "InfoNCE",
    "Pairs",
    "barber_agakov",
    "block_side",
    "entropy",
    "info_nce",
    "own_pairs",
    "pairs_of",
]

READ = 1 << 20
"""Pairs that are drawn from an ensemble, about."""
MOST_STATES = 4096
"""Largest number of states of H whose entropy is read off a table."""
SENSITIVE = 1.0
"""A reading this close to ln K, in nats, is called saturated."""
CHUNK = 1 << 14

LogProb = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`(coarse, environment)` of n pairs to ln q(h | E) in nats, `(n,)`."""

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`(candidates, environment)` of m values and n surroundings to ln T, `(n, m)`."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Coarse values and their surroundings, one row for each.

    Attributes:
        coarse: `(n, components)`: states 0 … q-1, or real numbers.
        environment: `(n, numbers)`, ±1 spins as such, Potts states one-hot, angles by
            cosine and sine.
        starts: the first row of each jackknife block and the end, `(blocks + 1,)`.
        states: q; None where H is real.
        lineage: the chains they come from.
        n_eff: independent configurations they rest on.
    """

    coarse: np.ndarray
    environment: np.ndarray
    starts: np.ndarray
    states: int | None
    lineage: str
    n_eff: float

    @property
    def size(self) -> int:
        """Number of pairs."""
        return len(self.coarse)

    @property
    def joint(self) -> np.ndarray:
        """All components as one state, `(n,)`.

        Raises:
            ValueError: real values, or more than 4096 states.
        """
        if self.states is None:
            raise ValueError(
                "an entropy is that of values with few states, got real ones; use "
                "info_nce"
            )
        components = self.coarse.shape[1]
        if self.states**components > MOST_STATES:
            raise ValueError(
                f"an entropy is read off at most {MOST_STATES} states, got "
                f"{self.states}^{components}; use info_nce, or fewer feature maps"
            )
        powers = self.states ** np.arange(components)[::-1]
        return self.coarse.astype(np.int64) @ powers


@dataclass(frozen=True)
class InfoNCE:
    """The bound by a critic, and how far it can reach.

    Attributes:
        value: the reading, in nats.
        batch: K, the candidates that h is told from, itself among them.
    """

    value: Estimate
    batch: int

    @property
    def ceiling(self) -> float:
        """ln K: no reading is above it, in nats."""
        return math.log(self.batch)

    @property
    def saturated(self) -> bool:
        """Whether the ceiling may be what is read: less than one nat below it."""
        return bool(self.value.value > self.ceiling - SENSITIVE)


def pairs_of(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    rng: np.random.Generator,
    buffer: int | None = None,
    reach: int = 2,
    most: int = READ,
) -> Pairs:
    """Blocks of all configurations with the environments around them.

    Every configuration gives as many blocks as the next, all of them or a random
    choice. E is as in `kadanoff.exact.information.surroundings`, moved along with the
    block.

    Args:
        fine: configurations on a grid.
        coarse: what a map made of them, a grid of blocks of b^d sites.
        rng: chooses blocks, and configurations where `most` is less.
        buffer: width of what is left out around the block, in sites of `fine`; b where
            not given.
        reach: width of the environment beyond it. For a law of nearest neighbours 1
            holds all there is to know.
        most: pairs at most.

    Raises:
        ValueError: other chains, units without positions, no blocks of b^d sites, a
            skew lattice, or nothing beyond the buffer.
    """
    b = block_side(fine, coarse)
    width = b if buffer is None else buffer
    around = surroundings(fine.grid.shape, b=b, buffer=width, reach=reach)
    return _pairs(fine, coarse, around, most, rng)


def own_pairs(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    rng: np.random.Generator,
    buffer: int | None = None,
    most: int = READ,
) -> Pairs:
    """The same blocks with what lies within: the block itself and its buffer.

    A rule that reads nothing else makes h of it, so that no environment can tell more
    about h than this does. Arguments as in `pairs_of`.

    Args:
        fine: as there.
        coarse: as there.
        rng: as there; in the same state it chooses the same blocks.
        buffer: as there.
        most: as there.

    Raises:
        ValueError: as in `pairs_of`, but for a buffer that leaves nothing.
    """
    b = block_side(fine, coarse)
    within = buffered_block(
        fine.grid.shape, b=b, buffer=b if buffer is None else buffer
    )
    return _pairs(fine, coarse, within, most, rng)


def block_side(fine: Ensemble, coarse: Ensemble) -> int:
    """The side b of the blocks that one coarse site each stands for.

    Raises:
        ValueError: other chains, units without positions, a skew lattice, or a coarse
            lattice that is not one of blocks of the fine one.
    """
    check_same_chains(fine, coarse)
    here, there = fine.grid, coarse.grid
    b = here.shape[0] // max(1, there.shape[0])
    whole = tuple(b * side for side in there.shape) == here.shape
    alike = whole and np.allclose(np.array(here.basis) * b, there.basis)
    if not alike or b < 2 or max(len(here.cell), len(there.cell)) > 1:
        raise ValueError(
            "an information is that of blocks of b^d sites, b at least 2, with one "
            f"coarse site each, got lattices of shape {here.lattice} and "
            f"{there.lattice} with basis {there.basis}; use a map that divides every "
            "side by the same whole number"
        )
    if not (lattice_steps(here)[1] == np.eye(here.dimension)).all():
        raise ValueError(
            "surroundings are counted in the steps of a lattice whose shortest ones "
            f"are its basis, got basis {here.basis}"
        )
    return b


def _pairs(
    fine: Ensemble,
    coarse: Ensemble,
    around: np.ndarray,
    most: int,
    rng: np.random.Generator,
) -> Pairs:
    places = _places(fine.grid, coarse.grid, block_side(fine, coarse), around)
    rows = [
        _rows(fine.read(block), coarse.read(block), coarse, places, share, rng)
        for block in fine.blocks()
        for share in [most * block.size / fine.size]
    ]
    h, e = (np.concatenate(part) for part in zip(*rows, strict=True))
    return Pairs(
        coarse=_coded(h, coarse.alphabet),
        environment=_numbers(e, fine.alphabet),
        starts=np.cumsum([0, *(len(row[0]) for row in rows)]),
        states=_states(coarse.alphabet),
        lineage=fine.lineage,
        n_eff=fine.n_eff,
    )


def entropy(pairs: Pairs) -> Estimate:
    """H(h) of the coarse values as they occur, in nats: no reading is above it.

    Raises:
        ValueError: real values, more than 4096 states, or a single block.
    """
    return _jackknife([_shares(pairs)], _entropy, pairs)


def barber_agakov(pairs: Pairs, log_prob: LogProb) -> Estimate:
    """H(h) + ⟨ln q(h | E)⟩ in nats, the bound by a classifier.

    Args:
        pairs: of chains that it was not trained on.
        log_prob: ln q(h | E) of `(coarse, environment)`, `(n,)`.

    Raises:
        ValueError: real values, more than 4096 states, or a single block.
    """
    shares = _shares(pairs)
    logs = np.concatenate(
        [
            log_prob(pairs.coarse[rows], pairs.environment[rows])
            for rows in _chunks(0, pairs.size, CHUNK)
        ]
    )
    means = np.add.reduceat(logs.astype(float), pairs.starts[:-1])
    means /= np.diff(pairs.starts)
    return _jackknife([shares, means], lambda p, log: _entropy(p) + log, pairs)


def info_nce(
    pairs: Pairs,
    score: Score,
    *,
    rng: np.random.Generator,
    batch: int = 256,
    most: int = 1 << 18,
) -> InfoNCE:
    """InfoNCE in nats, each h among others of other jackknife blocks.

    Candidates of the same configuration would not be independent of E.

    Args:
        pairs: of chains that the critic was not trained on.
        score: ln T of `(candidates, environment)`, `(n, m)`.
        rng: draws the candidates.
        batch: K, at least 2.
        most: pairs that are read, about; as many of every block.

    Raises:
        ValueError: a batch below 2 or larger than the pairs of the other blocks, or a
            single block.
    """
    largest = int(np.diff(pairs.starts).max())
    if not 2 <= batch <= pairs.size - largest + 1:
        raise ValueError(
            f"a batch is at least 2 and at most {pairs.size - largest + 1} here, which "
            f"is what other chains hold, got {batch}"
        )
    share = min(1.0, most / pairs.size)
    means = [
        _told_apart(pairs, int(first), int(last), share, score, batch, rng)
        for first, last in zip(pairs.starts[:-1], pairs.starts[1:], strict=True)
    ]
    value = _jackknife([np.array(means)], lambda mean: mean, pairs)
    return InfoNCE(value, batch)


def _told_apart(
    pairs: Pairs,
    first: int,
    last: int,
    share: float,
    score: Score,
    batch: int,
    rng: np.random.Generator,
) -> float:
    """Mean of (2) over some pairs of one block."""
    n = max(1, round(share * (last - first)))
    chosen = first + np.sort(rng.choice(last - first, n, replace=False))
    total, others = 0.0, pairs.size - (last - first)
    for part in _chunks(0, n, max(1, batch // 2)):
        rows = chosen[part]
        drawn = rng.choice(others, batch - 1, replace=False)
        drawn += (drawn >= first) * (last - first)  # over the block itself
        candidates = np.concatenate([pairs.coarse[rows], pairs.coarse[drawn]])
        scores = score(candidates, pairs.environment[rows])
        total -= _log_sum(scores[:, len(rows) :] - np.diagonal(scores)[:, None]).sum()
    return total / n + math.log(batch)


def _log_sum(exponents: np.ndarray) -> np.ndarray:
    """ln(1 + Σ e^x) over the last axis, `(n,)`."""
    top = np.maximum(exponents.max(axis=1), 0)
    rest = np.exp(exponents - top[:, None]).sum(axis=1, dtype=float)
    return top + np.log(np.exp(-top) + rest)


def _jackknife(
    columns: list[np.ndarray], function: Callable[..., Any], pairs: Pairs
) -> Estimate:
    sizes = np.diff(pairs.starts).astype(float)
    return weighted_jackknife(
        columns, function, sizes, lineage=pairs.lineage, n_eff=pairs.n_eff
    )


def _shares(pairs: Pairs) -> np.ndarray:
    """How often each joint state occurs in each block, `(block, state)`."""
    joint, states = pairs.joint, int(pairs.states or 0) ** pairs.coarse.shape[1]
    ends = zip(pairs.starts[:-1], pairs.starts[1:], strict=True)
    counts = [np.bincount(joint[a:b], minlength=states) for a, b in ends]
    return np.array(counts) / np.diff(pairs.starts)[:, None]


def _entropy(shares: np.ndarray) -> float:
    return float(entr(shares).sum())


def _chunks(first: int, last: int, size: int) -> list[slice]:
    return [slice(a, min(a + size, last)) for a in range(first, last, size)]


def _places(grid: Grid, coarse: Grid, b: int, around: np.ndarray) -> np.ndarray:
    """Fine sites of the environment of every coarse site, `(coarse site, e)`."""
    corners = b * np.indices(coarse.shape).reshape(coarse.dimension, -1).T
    sites = (corners[:, None, :] + around) % np.array(grid.shape)
    return np.asarray(
        np.ravel_multi_index(tuple(np.moveaxis(sites, -1, 0)), grid.shape)
    )


def _rows(
    fine: np.ndarray,
    coarse: np.ndarray,
    of: Ensemble,
    places: np.ndarray,
    share: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Coarse values `(n, components)` and fine ones around them `(n, e)`."""
    flat, sites = fine.reshape(len(fine), -1), len(places)
    components = 1 if of.features is None else of.features
    values = coarse.reshape(len(coarse), components, sites)
    n = min(len(fine), max(1, int(share)))
    each = min(sites, max(1, int(share / n)))
    c = np.arange(len(fine)) if n == len(fine) else _some(len(fine), n, rng)
    x = np.argpartition(rng.random((n, sites)), each - 1, axis=1)[:, :each]
    c = np.repeat(c, each)
    x = x.ravel()
    return values[c, :, x], flat[c[:, None], places[x]]


def _some(size: int, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.choice(size, n, replace=False))


def _states(alphabet: str) -> int | None:
    if alphabet == "pm1":
        return 2
    kind, _, q = alphabet.partition(":")
    return int(q) if kind == "potts" else None


def _coded(values: np.ndarray, alphabet: str) -> np.ndarray:
    """States 0 … q-1, or numbers."""
    if alphabet == "pm1":
        return (values > 0).astype(np.uint8)
    return values if alphabet.startswith("potts") else _numbers(values, alphabet)


def _numbers(values: np.ndarray, alphabet: str) -> np.ndarray:
    """What a network reads: one-hot states, cosine and sine of angles, or as it is."""
    if alphabet == "angle":
        both = np.stack([np.cos(values), np.sin(values)], axis=-1)
        return both.reshape(len(values), -1).astype(np.float32)
    q = _states(alphabet)
    if alphabet == "pm1" or q is None:
        return values
    hot = values[..., None] == np.arange(q)
    return hot.reshape(len(values), -1).astype(np.int8)
