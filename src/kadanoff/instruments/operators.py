"""Interactions on a lattice: operators summed over configurations, for any alphabet.

An operator is S = Σ_x Σ_clusters f, over the images of one cluster of sites under the
translations and the point group of the lattice; `clusters` has their names. What f is
depends on what a site holds, and each has an even sector, invariant under the symmetry
of the values, and an odd one that turns like the order parameter:

    values    even                               odd
    ±1, real  Π s, an even number of them        Π s, an odd number
    potts:q   Σ_a Π δ(c, a): all alike           q Π δ(c, a) - Σ_b Π δ(c, b), q of them
    angle     cos(θ₁ + … - θ_n), half with -     the vector of the angle θ₁ + … - θ_n,
                                                 one + more than -

averaged over the ways to place the signs: cos(θ₁ - θ₂) of a pair, the spin of a site.
Real values also have powers of one value, phi2 in their even sector. Neighbours are
neighbours on the lattice, whatever its constant, so an operator means the same on a
coarse lattice as on the fine one, turned or not. Every cluster is counted once per
site, as in a Hamiltonian where each site owns its forward bonds: on a small torus,
clusters that coincide modulo the lattice keep their multiplicity (a side of 2 has
double bonds), and a site met twice counts as s².
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, lattice_steps
from kadanoff.instruments.clusters import (
    EVEN,
    MOST_SYSTEMATIC,
    ODD,
    Cluster,
    clusters,
    clusters_on,
    fitting,
    local_clusters,
    spins_of,
    systematic,
)
from kadanoff.kernels.local_codes import count_codes
from kadanoff.kernels.operators import cluster_sums, local_histogram

__all__ = [
    "EVEN",
    "ODD",
    "Halo",
    "Plan",
    "clusters",
    "default_operators",
    "fitting",
    "grid_of",
    "lattice_of",
    "local_clusters",
    "operator_sums",
    "sector_sums",
    "systematic",
]

Reader = Callable[[np.ndarray], np.ndarray]
"""Values `(n, sites)` to sums `(n, operators, components)`."""

ACCUMULATORS = {"i": np.int32(0), "f": np.float64(0), "c": np.complex128(0)}
OF_SITE = (("phi2", "phi4"), ("phi3",))
"""Powers of one real value, which stand between its two most important operators."""
USUAL_EVEN, USUAL_ODD = 8, 4
"""With six even ones the last, longer in range, still move y_T of rotated lattices."""


def operator_sums(ensemble: Ensemble, operators: Sequence[str]) -> np.ndarray:
    """S_α of every configuration, shape `(chain, draw, operators)`, totals.

    Products of ±1 spins, or of real values as they are; of Potts colours and angles
    the even sector. Streams over the ensemble, a few million values at a time.

    Raises:
        ValueError: an unknown operator, or one that needs more directions than the
            lattice has; an ensemble without one value per site of a square, cubic or
            triangular lattice; an odd number of angles.

    >>> up = Ensemble.from_values(np.ones((1, 1, 4, 4), dtype=np.int8))
    >>> operator_sums(up, ("nn", "plaquette", "field"))
    array([[[32., 16., 16.]]])
    """
    if ensemble.alphabet == "angle":
        _require("even", operators, ensemble.alphabet)
    return _summed(ensemble, [_even_reader(ensemble, operators)])[0][..., 0]


def sector_sums(
    ensemble: Ensemble, even: Sequence[str], odd: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Both sectors in one pass, `(chain, draw, operators, components)` each.

    The even sector has one component, the odd one as many as the order parameter.

    Raises:
        ValueError: as in `operator_sums`, and an operator of the other sector.
    """
    _require("even", even, ensemble.alphabet)
    _require("odd", odd, ensemble.alphabet)
    readers = [_even_reader(ensemble, even), _odd_reader(ensemble, odd)]
    first, second = _summed(ensemble, readers)
    return first, second


def default_operators(
    alphabet: str, grid: Grid
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The even and the odd operators of an alphabet on a lattice, short before long.

    The first eight and the first four of `systematic`, of real values powers besides;
    above four directions those of the table of `clusters`.

    >>> default_operators("real", Grid((8,)))[1]
    ('field', 'phi3', 'row', '(0)(2)(3)', '(0)(2)(4)')
    """
    if grid.dimension > MOST_SYSTEMATIC:
        even, odd = fitting(EVEN, grid.dimension), fitting(ODD, grid.dimension)
    else:
        lattice, _ = lattice_steps(grid)
        even, odd = (
            systematic(grid.dimension, count, parity=parity, lattice=lattice)
            for count, parity in ((USUAL_EVEN, "even"), (USUAL_ODD, "odd"))
        )
    if alphabet != "real":
        return even, odd
    return (
        (even[0], OF_SITE[0][0], even[1], OF_SITE[0][1], *even[2:]),
        (odd[0], *OF_SITE[1], *odd[1:]),
    )


def grid_of(ensemble: Ensemble) -> Grid:
    """The grid of an ensemble with one value of any alphabet per site.

    Raises:
        ValueError: unordered units, several feature maps, or a cell of several sites.
    """
    grid = ensemble.grid
    if ensemble.features is not None:
        raise ValueError(
            "this reading takes one value per site, got an ensemble of "
            f"{ensemble.features} feature maps; read them one map at a time"
        )
    if len(grid.cell) > 1:
        raise ValueError(
            "this reading takes a lattice with one site per cell, got "
            f"{len(grid.cell)}; decimate to one sublattice first"
        )
    return grid


def lattice_of(ensemble: Ensemble) -> Grid:
    """The grid of an ensemble with one ±1 or real value per site.

    Raises:
        ValueError: other values, and as in `grid_of`.
    """
    if ensemble.alphabet not in ("pm1", "real"):
        raise ValueError(
            "this reading multiplies the values of sites and takes ±1 or real ones, "
            f"got alphabet '{ensemble.alphabet}'; read its energy and magnetization"
        )
    return grid_of(ensemble)


def _require(parity: str, names: Sequence[str], alphabet: str) -> None:
    """Refuse an operator that is not of the sector."""
    odd = parity == "odd"
    if alphabet.startswith("potts"):
        wrong = [name for name in names if not odd and spins_of(name) < 2]
    else:
        wrong = [name for name in names if spins_of(name) % 2 != odd]
    if wrong:
        examples = ODD if odd else EVEN
        raise ValueError(
            f"{parity} operators are among {', '.join(examples)} and the clusters of "
            f"their kind, got {', '.join(wrong)}"
        )


def _summed(ensemble: Ensemble, readers: Sequence[Reader]) -> list[np.ndarray]:
    """What each reader makes of every configuration, one pass over the ensemble."""
    parts: list[list[np.ndarray]] = [[] for _ in readers]
    for chunk in ensemble.chunks():
        values = ensemble.read(chunk)
        values = values.reshape(len(values), -1)
        for part, read in zip(parts, readers, strict=True):
            part.append(read(values))
    form = (ensemble.chains, ensemble.draws)
    return [np.concatenate(p).reshape(*form, *p[0].shape[1:]) for p in parts]


def _even_reader(ensemble: Ensemble, names: Sequence[str]) -> Reader:
    grid, alphabet = grid_of(ensemble), ensemble.alphabet
    if alphabet == "angle":
        cosines = _phases(grid, names, 0)
        return lambda angles: np.real(cosines(angles))[..., None]
    if alphabet.startswith("potts"):
        alike = _alike(grid, names, alphabet)
        return lambda colours: alike(colours).sum(axis=-1, keepdims=True)
    products = _products(grid, names)
    return lambda values: products(values)[..., None]


def _odd_reader(ensemble: Ensemble, names: Sequence[str]) -> Reader:
    grid, alphabet = grid_of(ensemble), ensemble.alphabet
    if alphabet == "angle":
        vectors = _phases(grid, names, 1)
        return lambda angles: _components(vectors(angles))
    if alphabet.startswith("potts"):
        alike = _alike(grid, names, alphabet)
        return lambda colours: _magnetization_like(alike(colours))
    products = _products(grid, names)
    return lambda values: products(values)[..., None]


def _alike(grid: Grid, names: Sequence[str], alphabet: str) -> Reader:
    """Clusters all of colour a, `(n, sites)` to `(n, operators, colours)`."""
    products = _products(grid, names)
    q = int(alphabet.partition(":")[2])

    def read(colours: np.ndarray) -> np.ndarray:
        masks = ((colours == a).astype(np.int8) for a in range(q))
        return np.stack([products(mask) for mask in masks], axis=-1)

    return read


def _magnetization_like(alike: np.ndarray) -> np.ndarray:
    """q N_a - Σ_b N_b: what the symmetric part has left, of sum zero over colours."""
    return alike.shape[-1] * alike - alike.sum(axis=-1, keepdims=True)


def _components(vectors: np.ndarray) -> np.ndarray:
    return np.stack([np.real(vectors), np.imag(vectors)], axis=-1)


def _products(grid: Grid, names: Sequence[str]) -> Reader:
    """Sums of products over clusters, `(n, sites)` to `(n, operators)`."""
    families = [clusters_on(name, grid) for name in names]
    halo = Halo.around(grid.shape, itertools.chain(*families))
    plan = halo.plan(families)
    return lambda values: halo.sums(values, plan, len(families))


def _phases(grid: Grid, names: Sequence[str], charge: int) -> Reader:
    """Sums of exp i(±θ₁ ± … ± θ_n) with `charge` more + than -, `(n, operators)`.

    The conjugates of all values follow the values in memory: a factor with - is one a
    fixed distance further on.
    """
    ways = [
        [way for cluster in clusters_on(name, grid) for way in _signs(cluster, charge)]
        for name in names
    ]
    families = [[cluster for cluster, _ in family] for family in ways]
    halo = Halo.around(grid.shape, itertools.chain(*families))
    plan = halo.plan(families)
    box = len(halo.source)
    for row, (_, plus) in zip(plan.offsets, itertools.chain(*ways), strict=True):
        row[plus : len(row)] += box
    twice = replace(halo, source=np.concatenate([halo.source, halo.source + grid.size]))
    each = np.array([_ways(name, charge) for name in names])

    def read(angles: np.ndarray) -> np.ndarray:
        z = np.exp(1j * angles)  # complex64
        both = np.concatenate([z, z.conj()], axis=1)
        return twice.sums(both, plan, len(families)) / each

    return read


def _signs(cluster: Cluster, charge: int) -> Iterator[tuple[Cluster, int]]:
    """The cluster with the sites of + first and at the origin, and how many these are.

    Of charge 0, one of each pair of opposite ways.
    """
    n = len(cluster)
    plus = (n + charge) // 2
    for chosen in itertools.combinations(range(n), plus):
        if charge or 0 in chosen:
            rest = [k for k in range(n) if k not in chosen]
            first = cluster[chosen[0]]
            sites = [np.subtract(cluster[k], first).tolist() for k in (*chosen, *rest)]
            yield tuple(map(tuple, sites)), plus


def _ways(name: str, charge: int) -> int:
    n = spins_of(name)
    return math.comb(n, (n + charge) // 2) // (1 if charge else 2)


@dataclass(frozen=True, eq=False)
class Plan:
    """Clusters as distances in memory: see `kadanoff.kernels.operators`."""

    offsets: np.ndarray
    lengths: np.ndarray
    owner: np.ndarray


@dataclass(frozen=True, eq=False)
class Halo:
    """A lattice with a margin of periodic images, for the kernels.

    Attributes:
        source: site behind each point of the box, `(points,)`.
        inside: 1 on the lattice and 0 in the margin, from the first site to the last.
        start: place of the first site in the box.
        strides: distance in memory of one step along each direction.
    """

    source: np.ndarray
    inside: np.ndarray
    start: int
    strides: tuple[int, ...]

    @classmethod
    def around(cls, shape: tuple[int, ...], reach: Iterable[Cluster]) -> Halo:
        """A margin wide enough for all clusters of `reach`."""
        sites = itertools.chain.from_iterable(reach)
        margin = max((abs(x) for site in sites for x in site), default=0)
        axes = [np.arange(-margin, side + margin) for side in shape]
        places = np.meshgrid(*axes, indexing="ij")
        wrapped = tuple(p % s for p, s in zip(places, shape, strict=True))
        here = [(p >= 0) & (p < s) for p, s in zip(places, shape, strict=True)]
        inside = np.logical_and.reduce(here).ravel()
        first, last = np.flatnonzero(inside)[[0, -1]]
        source = np.ravel_multi_index(wrapped, shape).ravel().astype(np.uint32)
        sides = [len(axis) for axis in axes]
        strides = tuple(math.prod(sides[k + 1 :]) for k in range(len(sides)))
        return cls(
            source, inside[first : last + 1].astype(np.int8), int(first), strides
        )

    def plan(self, families: Sequence[Sequence[Cluster]]) -> Plan:
        """The clusters of each operator as distances in memory."""
        every = [cluster for family in families for cluster in family]
        offsets = np.zeros(
            (len(every), max(map(len, every), default=1)), dtype=np.int64
        )
        for row, cluster in zip(offsets, every, strict=True):
            row[: len(cluster)] = np.array(cluster) @ np.array(self.strides)
        lengths = np.array([len(cluster) for cluster in every])
        owner = np.repeat(np.arange(len(families)), [len(f) for f in families])
        return Plan(offsets, lengths, owner)

    def sums(self, values: np.ndarray, plan: Plan, operators: int) -> np.ndarray:
        """Totals `(n, operators)` of `(n, sites)` values."""
        zero = ACCUMULATORS[values.dtype.kind]
        out = np.zeros(
            (len(values), operators), complex if values.dtype.kind == "c" else float
        )
        cluster_sums(
            values,
            self.source,
            self.inside.astype(values.dtype),
            self.start,
            plan.offsets,
            plan.lengths,
            plan.owner,
            zero,
            out,
        )
        return out

    def count(
        self,
        values: np.ndarray,
        plan: Plan,
        most: np.ndarray,
        strides: np.ndarray,
        counts: np.ndarray,
    ) -> None:
        """Add the local values of `(n, *shape)` spins to a histogram, `(cells,)`."""
        local_histogram(
            values.reshape(len(values), -1),
            self.source,
            self.inside,
            self.start,
            plan.offsets,
            plan.lengths,
            plan.owner,
            most,
            strides,
            counts,
        )

    def count_codes(
        self,
        values: np.ndarray,
        plan: Plan,
        most: np.ndarray,
        strides: np.ndarray,
        keys: np.ndarray,
        counts: np.ndarray,
    ) -> int:
        """The same in a hash table; how many of its places are in use."""
        return count_codes(
            values.reshape(len(values), -1),
            self.source,
            self.inside,
            self.start,
            plan.offsets,
            plan.lengths,
            plan.owner,
            most,
            strides,
            keys,
            counts,
        )
