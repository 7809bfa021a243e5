"""Fine spins that feel a potential on their block spins, ready to be drawn.

A Hamiltonian of any operators on a periodic lattice, majority blocks of it level by
level, and a bias Σ_α J_α S_α on the last level: the ensemble that the variational
renormalization group of Wu and Car draws from (`kadanoff.procedures.variational_mcrg`).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kadanoff.coarse.block import Majority
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.instruments.clusters import (
    clusters,
    clusters_on,
    local_clusters,
    spins_of,
)
from kadanoff.instruments.operators import operator_sums
from kadanoff.kernels.biased import Forest, Terms, settle, sweep
from kadanoff.models.ising import Ising
from kadanoff.procedures.drawing import (
    check_names,
    check_number,
    check_sides,
    check_whole,
)
from kadanoff.protocols import CoarseGraining

__all__ = ["BiasedBlocks", "Hamiltonian", "Levels", "uniform_sums"]

CHUNK_VALUES = 1 << 24
"""Spins and blocks that are held at a time: 16 MB."""


@dataclass(frozen=True)
class Hamiltonian:
    """-βH = Σ_α K_α S_α of ±1 spins on a periodic hypercubic lattice.

    Args:
        shape: sites along each direction.
        couplings: K_α by the names of `kadanoff.instruments.operators`.

    Raises:
        ValueError: a side below 2, an unknown operator, or a K that is not finite.

    >>> Hamiltonian.of(Ising((8, 8), second=0.5), 0.3)
    Hamiltonian(shape=(8, 8), couplings={'nn': 0.3, 'nnn': 0.15})
    """

    shape: tuple[int, ...]
    couplings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_sides(self.shape, 2)
        d = len(self.shape)
        if not isinstance(self.couplings, Mapping):
            raise ValueError(
                "couplings are numbers by name, such as {'nn': 0.4}, got "
                f"{self.couplings!r}"
            )
        for name, k in self.couplings.items():
            clusters(*check_names((name,)), d)
            check_number(f"the coupling of {name}", k)

    @classmethod
    def of(cls, model: Ising, coupling: float) -> Hamiltonian:
        """The Hamiltonian of an Ising model at K.

        Raises:
            ValueError: another model, or another lattice than a hypercubic one.
        """
        lattice = model.lattice if isinstance(model, Ising) else model.name
        if lattice not in ("chain", "square", "cubic", "hypercubic"):
            raise ValueError(
                "operators are those of an Ising model on a hypercubic lattice, got "
                f"'{lattice}'; use an Ising model on a chain, square or cubic"
            )
        names = {"K": "nn", "K2": "nnn", "h": "field"}
        found = model.couplings(coupling)
        return cls(model.shape, {names[key]: k for key, k in found.items()})

    @property
    def is_even(self) -> bool:
        """Whether it stays the same when all spins turn."""
        return all(
            spins_of(name) % 2 == 0 or not k for name, k in self.couplings.items()
        )


@dataclass(frozen=True, eq=False)
class Levels:
    """A lattice and its majority blocks, level by level, as nodes of one forest.

    Attributes:
        shapes: of every level, finest first.
        first: node of the first site of every level.
        parent: block above every node, -1 of the last level.
        ties: whether a node is a block that can be tied.
    """

    shapes: tuple[tuple[int, ...], ...]
    first: tuple[int, ...]
    parent: np.ndarray
    ties: np.ndarray

    @classmethod
    def of(cls, shape: tuple[int, ...], rule: CoarseGraining, steps: int) -> Levels:
        """The levels of `steps` steps of a majority rule, or of a stack of them.

        Raises:
            ValueError: another rule, no step, or blocks that do not fit.
        """
        sides = _block_sides(rule) * check_whole("the number of steps", steps, 1)
        grids = [Grid(check_sides(shape))]
        for b in sides:
            grids.append(grids[-1].coarsened(b))
        shapes = tuple(grid.shape for grid in grids)
        first = tuple(itertools.accumulate((math.prod(s) for s in shapes), initial=0))
        parent = np.full(first[-1], -1, dtype=np.int32)
        ties = np.zeros(first[-1], dtype=np.uint8)
        for n, b in enumerate(sides):
            parent[first[n] : first[n + 1]] = first[n + 1] + _blocks(shapes[n], b)
            ties[first[n + 1] : first[n + 2]] = b ** len(shape) % 2 == 0
        return cls(shapes, first[:-1], parent, ties)

    @property
    def last_scale(self) -> float:
        """b of the last step."""
        return self.shapes[-2][0] / self.shapes[-1][0]

    def terms(self, level: int, operators: Sequence[str]) -> Terms:
        """Operators of one level for the kernel."""
        shape = self.shapes[level]
        families = [local_clusters(name, Grid(shape)) for name in operators]
        every = [cluster[1:] for family in families for cluster in family]
        width = max(map(len, every), default=0)
        places = np.indices(shape).reshape(len(shape), -1)
        others = np.zeros((places.shape[1], len(every), max(width, 1)), dtype=np.int32)
        for c, cluster in enumerate(every):
            for n, offset in enumerate(cluster):
                moved = (places + np.array(offset)[:, None]) % np.array(shape)[:, None]
                others[:, c, n] = np.ravel_multi_index(tuple(moved), shape)
        lengths = np.array([len(cluster) for cluster in every], dtype=np.int64)
        return Terms(self.first[level], others, lengths)

    def per_cluster(
        self, level: int, operators: Sequence[str], strengths: np.ndarray
    ) -> np.ndarray:
        """The strength of its operator for every cluster of `terms`."""
        grid = Grid(self.shapes[level])
        counts = [len(local_clusters(name, grid)) for name in operators]
        return np.repeat(np.asarray(strengths, dtype=float), counts)


class BiasedBlocks:
    """Replicas of fine spins under a bias, which go on where they were left.

    Args:
        hamiltonian: of the fine spins.
        levels: their blocks.
        operators: what the bias is made of.
        replicas: independent ones, started hot.
        rng: starts them, and seeds the kernel.
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        levels: Levels,
        operators: Sequence[str],
        replicas: int,
        *,
        rng: np.random.Generator,
    ) -> None:
        acting = {name: k for name, k in hamiltonian.couplings.items() if k}
        self.levels, self.operators = levels, tuple(operators)
        self.fine = levels.terms(0, tuple(acting))
        self.k = levels.per_cluster(0, tuple(acting), np.array([*acting.values()]))
        self.coarse = levels.terms(-1, operators)
        self.seeds = rng.integers(1, 2**64, size=(replicas, 4), dtype=np.uint64)
        form = (replicas, len(levels.parent))
        values, coins = rng.integers(0, 2, size=(2, *form), dtype=np.int8) * 2 - 1
        totals = np.zeros(form, dtype=np.int32)
        self.forest = Forest(values, totals, coins, levels.parent, levels.ties)
        settle(self.forest, math.prod(levels.shapes[0]))

    def sweep(self, bias: np.ndarray, sweeps: int) -> None:
        """Let the replicas forget, under the bias J `(operator,)`."""
        j = self.levels.per_cluster(-1, self.operators, bias)
        sweep(self.forest, self.fine, self.k, self.coarse, j, self.seeds, sweeps)

    def draw(
        self, bias: np.ndarray, names: Sequence[str], draws: int, spacing: int
    ) -> np.ndarray:
        """Operators `(replica, draw, level, operator)` of three levels, totals.

        The levels are the lattice itself, the last but one and the last.
        """
        j = self.levels.per_cluster(-1, self.operators, bias)
        at_once = max(1, CHUNK_VALUES // self.forest.values.size)
        parts = []
        for start in range(0, draws, at_once):
            rows = []
            for _ in range(start, min(start + at_once, draws)):
                sweep(
                    self.forest, self.fine, self.k, self.coarse, j, self.seeds, spacing
                )
                rows.append(self.forest.values.copy())
            parts.append(self._read(np.stack(rows, axis=1), names))
        return np.concatenate(parts, axis=1)

    def _read(self, nodes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        levels = [n % len(self.levels.shapes) for n in (0, -2, -1)]
        found = {level: self._sums(nodes, level, names) for level in set(levels)}
        return np.stack([found[level] for level in levels], axis=2)

    def _sums(self, nodes: np.ndarray, level: int, names: Sequence[str]) -> np.ndarray:
        shape, first = self.levels.shapes[level], self.levels.first[level]
        values = nodes[..., first : first + math.prod(shape)]
        return operator_sums(
            Ensemble.from_values(values.reshape(*nodes.shape[:2], *shape)), names
        )


def uniform_sums(shape: tuple[int, ...], operators: Sequence[str]) -> np.ndarray:
    """⟨S_α⟩ of independent fair spins, `(operator,)`, as `operator_sums` counts.

    Zero but for clusters whose sites cancel on a small torus.

    Raises:
        ValueError: no shape, or an operator that is not known or not a name.

    >>> uniform_sums((2, 4), ("nn", "third")).tolist()
    [0.0, 8.0]
    """
    check_sides(shape)
    names = check_names(operators)
    found = np.zeros(len(names))
    for n, name in enumerate(names):
        for cluster in clusters_on(name, Grid(shape)):
            places = [tuple(np.mod(site, shape).tolist()) for site in cluster]
            cancels = all(times % 2 == 0 for times in Counter(places).values())
            found[n] += cancels * math.prod(shape)
    return found


def _block_sides(rule: CoarseGraining) -> tuple[int, ...]:
    if isinstance(rule, Majority):
        return (rule.b,)
    if isinstance(rule, Stack):
        return tuple(itertools.chain(*map(_block_sides, rule.rules)))
    raise ValueError(
        f"biased block spins are those of a majority rule, got {rule}; use majority:b=3"
    )


def _blocks(shape: tuple[int, ...], b: int) -> np.ndarray:
    """The block of every site."""
    places = np.indices(shape).reshape(len(shape), -1) // b
    return np.ravel_multi_index(tuple(places), tuple(side // b for side in shape))
