"""Interactions by name: clusters of sites and their images under the point group.

    even   nn          (0,0) (1,0)                   nearest neighbours
           nnn         (0,0) (1,1)                   across the diagonal of a plaquette
           plaquette   (0,0) (1,0) (0,1) (1,1)       four spins
           third       (0,0) (2,0)                   two steps along an axis
           fourth      (0,0) (2,1)                   a knight's move
           diamond     (1,0) (-1,0) (0,1) (0,-1)     four neighbours of a site
    odd    field       (0,0)                         the magnetization
           corner      (0,0) (1,0) (0,1)             three spins of a plaquette
           row         (-1,0) (0,0) (1,0)            three in a row
           wedge       (1,0) (-1,0) (0,1)            three spins of a diamond
    site   phi2 phi3 phi4                            powers of a real value

(the choice of Swendsen, Phys. Rev. Lett. 42, 859 (1979), and later work). Sites count
shortest steps of the lattice, in two directions of a triangular one at 60° to each
other: a corner is there a triangle of neighbours, a plaquette a rhombus, and a wedge
the bend (1,0) (0,0) (-1,1). Any other cluster is its own name, `(0,0)(3,1)`; a site
that is named twice is squared. `systematic` lists all clusters from short to long.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from kadanoff.geometry import Grid, lattice_steps

__all__ = [
    "EVEN",
    "MOST_SYSTEMATIC",
    "ODD",
    "ON_SITE",
    "Cluster",
    "Site",
    "clusters",
    "clusters_on",
    "fitting",
    "local_clusters",
    "spins_of",
    "systematic",
]

Site = tuple[int, ...]
Cluster = tuple[Site, ...]

MOST_DIRECTIONS = 6
MOST_SYSTEMATIC = 4
"""Directions in which clusters are listed; the group of five has 3840 elements."""

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
TRIANGULAR: dict[str, Cluster] = {"wedge": ((1, 0), (0, 0), (-1, 1))}
"""Clusters of a name that differ on the triangular lattice."""
ON_SITE: dict[str, Cluster] = {f"phi{n}": ((0, 0),) * n for n in (2, 3, 4)}
"""Powers of one value: of real values alone, for spins they are constants."""
SITES = re.compile(r"(\(-?\d+(,-?\d+)*\))+")
TURN = ((0, 1), (-1, 1))
"""A triangular lattice turned by 60°, rows the images of its two steps."""


def spins_of(name: str) -> int:
    """How many values an operator multiplies.

    Raises:
        ValueError: an unknown name.

    >>> spins_of("plaquette"), spins_of("(0,0)(3,1)")
    (4, 2)
    """
    return len(_known(name))


def fitting(names: Sequence[str], dimension: int) -> tuple[str, ...]:
    """Those of the named operators that a lattice of this dimension has.

    >>> fitting(EVEN, 1)
    ('nn', 'third')
    """
    return tuple(name for name in names if _fits(name, dimension))


@lru_cache(maxsize=4096)
def clusters(
    name: str, dimension: int, lattice: str = "hypercubic"
) -> tuple[Cluster, ...]:
    """The clusters of an operator, each starting at the origin, translations apart.

    Args:
        name: of the table above, or the sites of a cluster.
        dimension: of the lattice.
        lattice: `hypercubic` or `triangular`, sites in its shortest steps.

    Raises:
        ValueError: an unknown name, too few directions for it, or more than six.

    >>> clusters("nn", 2)
    (((0, 0), (0, 1)), ((0, 0), (1, 0)))
    >>> [len(clusters(name, 2)) for name in EVEN + ODD]
    [2, 2, 1, 2, 4, 1, 1, 4, 2, 4]
    >>> clusters("(0,0)(1,0)", 2, "triangular") == clusters("nn", 2, "triangular")
    True
    """
    sites = _representative(name, dimension, lattice)
    return tuple(sorted(_orbit(sites, lattice)))


def clusters_on(name: str, grid: Grid) -> tuple[Cluster, ...]:
    """The clusters of an operator in steps of a grid, whatever basis that counts in.

    Raises:
        ValueError: as `clusters`, and a lattice that is none of its.
    """
    lattice, steps = lattice_steps(grid)
    families = clusters(name, grid.dimension, lattice)
    if np.array_equal(steps, np.eye(grid.dimension)):
        return families
    return tuple(sorted(_anchored((np.array(c) @ steps).tolist()) for c in families))


def local_clusters(name: str, grid: Grid) -> tuple[Cluster, ...]:
    """The clusters that hold one given site, the origin, on the torus of a grid.

    S changes by -2 Σ Π s over these when the spin at the origin turns. A spin met twice
    on a small torus is s² = 1 and drops out; a cluster may then not hold the origin.
    """
    found = []
    for cluster in clusters_on(name, grid):
        present = _odd_sites(cluster, grid.shape)
        for origin in present:
            shifted = (tuple(np.subtract(site, origin)) for site in present)
            others = [site for site in shifted if any(site)]
            found.append(((0,) * grid.dimension, *sorted(others)))
    return tuple(found)


@lru_cache
def systematic(
    dimension: int,
    count: int,
    *,
    parity: str,
    lattice: str = "hypercubic",
    most_spins: int = 4,
) -> tuple[str, ...]:
    """The first operators of a lattice, from short to long, one of each orbit.

    In order of range (the largest distance between two of the sites), then number of
    spins, then sum of squared distances. An operator of the table above goes by its
    name there.

    Args:
        dimension: 1 to 4.
        count: how many; with one spin there is but the field.
        parity: `even` or `odd` numbers of spins, or `any`.
        lattice: `hypercubic` or, in two directions, `triangular`.
        most_spins: in one cluster.

    Raises:
        ValueError: a dimension, count, parity, lattice or number of spins out of these.

    >>> systematic(2, 8, parity="even")[:5]
    ('nn', 'nnn', 'plaquette', 'third', '(0,0)(1,0)(1,1)(2,0)')
    >>> systematic(3, 4, parity="odd")
    ('field', 'corner', '(0,0,0)(1,0,1)(1,1,0)', '(0,0,0)(1,1,0)(1,1,1)')
    """
    _check_request(dimension, count, parity, lattice, most_spins)
    wanted = tuple(
        n
        for n in range(1, most_spins + 1)
        if parity == "any" or n % 2 == (parity == "odd")
    )
    if max(wanted) == 1:
        return ("field",)[:count]
    reach, found = 0, []
    while len(found) < count:
        reach += 1
        found = _within(reach, wanted, dimension, lattice)
    return tuple(_name_of(sites, lattice) for sites in found[:count])


def _check_request(
    dimension: int, count: int, parity: str, lattice: str, most_spins: int
) -> None:
    if not 1 <= dimension <= MOST_SYSTEMATIC:
        raise ValueError(
            f"operators are listed in 1 to {MOST_SYSTEMATIC} directions, got "
            f"{dimension}; name the clusters instead"
        )
    if lattice != "hypercubic" and (lattice, dimension) != ("triangular", 2):
        raise ValueError(
            "operators are listed on a 'hypercubic' lattice or, in two directions, on "
            f"a 'triangular' one, got {lattice!r} in {dimension}"
        )
    least = {"even": 2, "odd": 1, "any": 1}
    if parity not in least or count < 1 or most_spins < least[parity]:
        raise ValueError(
            "a list of operators needs a parity 'even', 'odd' or 'any', a count of at "
            "least 1 and clusters of at least 2 (even) or 1 (odd) spins, got "
            f"{parity!r}, {count} and {most_spins}"
        )


@lru_cache
def _within(
    reach: int, wanted: tuple[int, ...], dimension: int, lattice: str
) -> list[Cluster]:
    """One cluster of each orbit of squared range up to `reach`, in order."""
    box = range(-reach, reach + 1)
    origin = (0,) * dimension
    later = [
        site
        for site in itertools.product(box, repeat=dimension)
        if site > origin and _square(site, lattice) <= reach
    ]
    first = {
        max(_orbit((origin, *others), lattice))
        for n in wanted
        for others in _mutually_near(later, n - 1, reach, lattice)
    }
    return sorted(first, key=lambda sites: _rank(sites, lattice))


def _mutually_near(
    sites: Sequence[Site], n: int, reach: int, lattice: str
) -> Iterator[tuple[Site, ...]]:
    """Sets of `n` sites no two of which are farther apart than the reach."""
    if n == 0:
        yield ()
        return
    for k, site in enumerate(sites):
        near = [
            other
            for other in sites[k + 1 :]
            if _square(np.subtract(other, site), lattice) <= reach
        ]
        for rest in _mutually_near(near, n - 1, reach, lattice):
            yield (site, *rest)


def _rank(sites: Cluster, lattice: str) -> tuple[int, int, int, Cluster]:
    pairs = itertools.combinations(sites, 2)
    squares = [_square(np.subtract(a, b), lattice) for a, b in pairs]
    return max(squares, default=0), len(sites), sum(squares), sites


def _square(step: Iterable[int], lattice: str) -> int:
    """Squared length in squares of the shortest step."""
    parts = [int(x) for x in step]
    skew = parts[0] * parts[1] if lattice == "triangular" else 0
    return sum(x * x for x in parts) + skew


def _name_of(sites: Cluster, lattice: str) -> str:
    """The name in the table, else the sites themselves."""
    dimension = len(sites[0])
    for name in fitting(EVEN + ODD, dimension):
        if sites in clusters(name, dimension, lattice):
            return name
    return "".join("(" + ",".join(map(str, site)) + ")" for site in sites)


def _known(name: str) -> Cluster:
    """The sites of a name, in the plane for those of the table."""
    if name in REPRESENTATIVES or name in ON_SITE:
        return {**REPRESENTATIVES, **ON_SITE}[name]
    if not SITES.fullmatch(name):
        raise ValueError(
            f"an operator is one of {', '.join(REPRESENTATIVES)}, of "
            f"{', '.join(ON_SITE)} for real values, or sites such as (0,0)(3,1), got "
            f"{name!r}"
        )
    sites = [tuple(map(int, s.split(","))) for s in name[1:-1].split(")(")]
    if len({len(site) for site in sites}) > 1:
        raise ValueError(f"the sites of an operator have one dimension, got {name!r}")
    return tuple(sites)


def _fits(name: str, dimension: int) -> bool:
    sites = _known(name)
    if name in REPRESENTATIVES or name in ON_SITE:
        return dimension > 1 or not np.any(sites, axis=0)[1]
    return len(sites[0]) == dimension


def _representative(name: str, dimension: int, lattice: str) -> Cluster:
    sites = _known(name)
    if dimension > MOST_DIRECTIONS:
        raise ValueError(
            f"operators are summed in at most {MOST_DIRECTIONS} directions, got "
            f"{dimension}; their images under the point group are too many"
        )
    if not _fits(name, dimension):
        raise ValueError(
            f"operator {name!r} needs two directions, got a chain; a chain has "
            f"{', '.join(fitting(EVEN + ODD, 1))}"
            if name in REPRESENTATIVES
            else f"operator {name!r} has sites of {len(sites[0])} components, got a "
            f"lattice of {dimension} directions"
        )
    if lattice == "triangular":
        sites = TRIANGULAR.get(name, sites)
    spare = (0,) * (dimension - len(sites[0]))
    return tuple((*site, *spare)[:dimension] for site in sites)


def _orbit(sites: Cluster, lattice: str) -> set[Cluster]:
    """The images of a cluster under the point group, translations divided out."""
    group = _point_group(lattice, len(sites[0]))
    return {_anchored(image) for image in (np.array(sites) @ group).tolist()}


@lru_cache
def _point_group(lattice: str, dimension: int) -> np.ndarray:
    """Integer matrices `(elements, d, d)` that act on rows of steps."""
    if lattice == "triangular":
        turns = [np.linalg.matrix_power(np.array(TURN), k) for k in range(6)]
        return np.array([g for turn in turns for g in (turn, turn[::-1])])
    axes = np.array(list(itertools.permutations(np.eye(dimension, dtype=int))))
    signs = np.array(list(itertools.product((1, -1), repeat=dimension)))
    every = axes[:, None] * signs[None, :, :, None]
    return every.reshape(-1, dimension, dimension)


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
