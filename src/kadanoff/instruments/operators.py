"""Interactions on a lattice: clusters of sites, summed over the lattice and its group.

An operator is S = Σ_x Σ_clusters Π_k s(x + o_k), over the images of one cluster under
the point group of the hypercubic lattice, translations divided out:

    even   nn          (0,0) (1,0)                   nearest neighbours
           nnn         (0,0) (1,1)                   across the diagonal of a plaquette
           plaquette   (0,0) (1,0) (0,1) (1,1)       four spins
           third       (0,0) (2,0)                   two steps along an axis
           fourth      (0,0) (2,1)                   a knight's move
           diamond     (1,0) (-1,0) (0,1) (0,-1)     the four neighbours of a site
    odd    field       (0,0)                         the magnetization
           corner      (0,0) (1,0) (0,1)             three spins of a plaquette
           row         (-1,0) (0,0) (1,0)            three in a row
           wedge       (1,0) (-1,0) (0,1)            three spins of a diamond

(the choice of Swendsen, Phys. Rev. Lett. 42, 859 (1979), and later work). Neighbours
are neighbours on the grid, whatever its lattice constant, so an operator means the
same on a coarse lattice as on the fine one. Every cluster is counted once per site, as
in a Hamiltonian where each site owns its forward bonds: on a small torus, clusters
that coincide modulo the lattice keep their multiplicity (a side of 2 has double
bonds), and a site met twice counts as s².
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.kernels.operators import cluster_sums, local_histogram

__all__ = [
    "EVEN",
    "ODD",
    "Halo",
    "clusters",
    "fitting",
    "lattice_of",
    "local_clusters",
    "operator_sums",
]

Site = tuple[int, ...]
Cluster = tuple[Site, ...]

MOST_DIRECTIONS = 6

REPRESENTATIVES: dict[str, Cluster] = {
    "nn": ((0, 0), (1, 0)),
    "nnn": ((0, 0), (1, 1)),
    "plaquette": ((0, 0), (1, 0), (0, 1), (1, 1)),
    "third": ((0, 0), (2, 0)),
    "fourth": ((0, 0), (2, 1)),
    "diamond": ((1, 0), (-1, 0), (0, 1), (0, -1)),
    "field": ((0, 0),),
    "corner": ((0, 0), (1, 0), (0, 1)),
    "row": ((-1, 0), (0, 0), (1, 0)),
    "wedge": ((1, 0), (-1, 0), (0, 1)),
}
EVEN = tuple(name for name, sites in REPRESENTATIVES.items() if len(sites) % 2 == 0)
ODD = tuple(name for name, sites in REPRESENTATIVES.items() if len(sites) % 2)


def operator_sums(ensemble: Ensemble, operators: Sequence[str]) -> np.ndarray:
    """S_α of every configuration, shape `(chain, draw, operators)`, totals.

    Products of ±1 spins, or of real values as they are. Streams over the ensemble, a
    few million values at a time.

    Raises:
        ValueError: an unknown operator, or one that needs more directions than the
            lattice has; an ensemble without one value per site of a simple grid.

    >>> up = Ensemble.from_values(np.ones((1, 1, 4, 4), dtype=np.int8))
    >>> operator_sums(up, ("nn", "plaquette", "field"))
    array([[[32., 16., 16.]]])
    """
    grid = lattice_of(ensemble)
    families = [clusters(name, grid.dimension) for name in operators]
    halo = Halo.around(grid.shape, itertools.chain(*families))
    plan = halo.plan(families)
    out = np.zeros((ensemble.chains, ensemble.draws, len(families)))
    for chunk in ensemble.chunks():
        values = ensemble.read(chunk)
        sums = halo.sums(values.reshape(len(values), -1), plan, len(families))
        out[chunk.chains, chunk.draws] = sums.reshape(
            out[chunk.chains, chunk.draws].shape
        )
    return out


def lattice_of(ensemble: Ensemble) -> Grid:
    """The grid of an ensemble with one value per site and one site per cell.

    Raises:
        ValueError: unordered units, several feature maps, or a cell of several sites.
    """
    grid = ensemble.grid
    if ensemble.alphabet not in ("pm1", "real"):
        raise ValueError(
            "this reading multiplies the values of sites and takes ±1 or real ones, "
            f"got alphabet '{ensemble.alphabet}'; read its energy and magnetization"
        )
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


def fitting(names: Sequence[str], dimension: int) -> tuple[str, ...]:
    """Those of the named operators that a lattice of this dimension has.

    >>> fitting(EVEN, 1)
    ('nn', 'third')
    """
    in_plane = {name for name, sites in REPRESENTATIVES.items() if np.any(sites, 0)[1]}
    return tuple(name for name in names if dimension > 1 or name not in in_plane)


@lru_cache
def clusters(name: str, dimension: int) -> tuple[Cluster, ...]:
    """The clusters of an operator, each starting at the origin, translations apart.

    Raises:
        ValueError: an unknown name, too few directions for it, or more than six.

    >>> clusters("nn", 2)
    (((0, 0), (0, 1)), ((0, 0), (1, 0)))
    >>> [len(clusters(name, 2)) for name in EVEN + ODD]
    [2, 2, 1, 2, 4, 1, 1, 4, 2, 4]
    """
    if name not in REPRESENTATIVES:
        raise ValueError(
            f"an operator is one of {', '.join(REPRESENTATIVES)}, got {name!r}"
        )
    if dimension > MOST_DIRECTIONS:
        raise ValueError(
            f"operators are summed in at most {MOST_DIRECTIONS} directions, got "
            f"{dimension}; their images under the point group are too many"
        )
    sites = np.array(REPRESENTATIVES[name])
    if name not in fitting(tuple(REPRESENTATIVES), dimension):
        raise ValueError(
            f"operator {name!r} needs two directions, got a chain; a chain has "
            f"{', '.join(fitting(EVEN + ODD, 1))}"
        )
    directions = max(dimension, 2)
    sites = np.pad(sites, ((0, 0), (0, directions - 2)))[:, :dimension]
    images = {
        _anchored((sites[:, list(axes)] * signs).tolist())
        for axes in itertools.permutations(range(dimension))
        for signs in itertools.product((1, -1), repeat=dimension)
    }
    return tuple(sorted(images))


def local_clusters(name: str, shape: tuple[int, ...]) -> tuple[Cluster, ...]:
    """The clusters that hold one given site, the origin, on a torus of `shape`.

    S changes by -2 Σ Π s over these when the spin at the origin turns. A spin met twice
    on a small torus is s² = 1 and drops out; a cluster may then not hold the origin.
    """
    found = []
    for cluster in clusters(name, len(shape)):
        present = _odd_sites(cluster, shape)
        for origin in present:
            shifted = (tuple(np.subtract(site, origin)) for site in present)
            others = [site for site in shifted if any(site)]
            found.append(((0,) * len(shape), *sorted(others)))
    return tuple(found)


def _anchored(sites: Iterable[Sequence[int]]) -> Cluster:
    """Sorted sites with the first one moved to the origin."""
    ordered = sorted(tuple(site) for site in sites)
    first = ordered[0]
    return tuple(
        tuple(int(x - y) for x, y in zip(site, first, strict=True)) for site in ordered
    )


def _odd_sites(cluster: Cluster, shape: tuple[int, ...]) -> list[Site]:
    """Sites met an odd number of times modulo the torus."""
    met: dict[Site, int] = {}
    for site in cluster:
        home = tuple(x % side for x, side in zip(site, shape, strict=True))
        met[home] = met.get(home, 0) + 1
    return [site for site, times in met.items() if times % 2]


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
        real = values.dtype.kind == "f"
        out = np.zeros((len(values), operators))
        cluster_sums(
            values,
            self.source,
            self.inside.astype(values.dtype),
            self.start,
            plan.offsets,
            plan.lengths,
            plan.owner,
            np.float64(0) if real else np.int32(0),
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
