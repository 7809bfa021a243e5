"""Periodic lattices: where their sites sit and who is bonded to whom.

    name         directions   neighbours   second neighbours
    chain        1            2            2, two steps away
    square       2            4            4, across the plaquette
    cubic        3            6            12, across the faces
    hypercubic   any d        2d           2d(d-1)
    triangular   2            6            6, at distance √3
    honeycomb    2            3            6, at distance √3 (two sites per cell)

Nearest neighbours are at distance 1. Every site owns its forward bonds, so that bonds
around a short side keep their multiplicity: a side of 2 has double bonds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from kadanoff.geometry import Grid

__all__ = [
    "LATTICES",
    "bond_pairs",
    "checked_shape",
    "coordination",
    "geometry",
    "lattice_name",
    "neighbours",
    "staggering",
]

LATTICES = ("chain", "square", "cubic", "hypercubic", "triangular", "honeycomb")
SIMPLE = {1: "chain", 2: "square", 3: "cubic"}
DIRECTIONS = {name: d for d, name in SIMPLE.items()} | {"triangular": 2, "honeycomb": 2}
ROOT = math.sqrt(3)

Offset = tuple[int, ...]


@dataclass(frozen=True)
class Link:
    """A bond of every cell: from site `start` to site `end`, `offset` cells away."""

    start: int
    offset: Offset
    end: int


def lattice_name(name: str | None, shape: Sequence[int]) -> str:
    """The full name of a lattice; the simple one of that dimension where none is given.

    Raises:
        ValueError: an unknown name, or another number of sides than it has.

    >>> lattice_name(None, (4, 4)), lattice_name("hypercubic", (4, 4, 4))
    ('square', 'cubic')
    """
    d = len(shape)
    simple = SIMPLE.get(d, "hypercubic")
    if name is None or name == "hypercubic":
        return simple
    if name not in LATTICES:
        raise ValueError(f"a lattice is one of {', '.join(LATTICES)}, got {name!r}")
    if DIRECTIONS[name] != d:
        raise ValueError(
            f"a {name} lattice has {DIRECTIONS[name]} sides, got shape {tuple(shape)}; "
            f"{d} sides make a {simple} one"
        )
    return name


def checked_shape(shape: Sequence[int], what: str) -> tuple[int, ...]:
    """The sides as whole numbers of at least 2, or a sentence."""
    sides = tuple(shape)
    if not sides or not all(isinstance(n, Integral) and n >= 2 for n in sides):
        raise ValueError(
            f"{what} lattice needs every side to be a whole number of at least 2, got "
            f"shape {sides}; a side of 1 would bond a site to itself"
        )
    return tuple(int(n) for n in sides)


def geometry(name: str, shape: Sequence[int]) -> Grid:
    """Positions of the sites, in units of the distance between nearest neighbours."""
    if name == "triangular":
        return Grid(tuple(shape), ((1.0, 0.0), (0.5, ROOT / 2)))
    if name == "honeycomb":
        cell = ((0.0, 0.0), (ROOT / 2, 0.5))
        return Grid(tuple(shape), ((ROOT, 0.0), (ROOT / 2, 1.5)), cell)
    return Grid(tuple(shape))


def neighbours(name: str, shape: Sequence[int], *, shell: int = 1) -> np.ndarray:
    """The neighbours of every site, int32 `(site, z)`, sites in C order.

    Args:
        name: one of `LATTICES`.
        shape: cells along each direction.
        shell: 1 for nearest, 2 for second neighbours.

    Raises:
        ValueError: a side so short that a site would be its own neighbour.

    >>> neighbours("chain", (4,)).tolist()
    [[3, 1], [0, 2], [1, 3], [2, 0]]
    """
    links = _links(name, len(shape), shell)
    sites_per_cell = len(geometry(name, shape).cell)
    sites = np.arange(math.prod(shape) * sites_per_cell, dtype=np.int32)
    sites = sites.reshape(*shape, sites_per_cell)
    columns: list[list[np.ndarray]] = [[] for _ in range(sites_per_cell)]
    axes = tuple(range(len(shape)))
    for link in links:
        back = np.roll(sites[..., link.start], link.offset, axes)
        forth = np.roll(sites[..., link.end], [-step for step in link.offset], axes)
        columns[link.end].append(back)
        columns[link.start].append(forth)
    near = np.stack([np.stack(column, axis=-1) for column in columns], axis=-2)
    near = near.reshape(sites.size, -1)
    if (near == np.arange(sites.size)[:, None]).any():
        raise ValueError(
            f"shape {tuple(shape)} is too short for the bonds of shell {shell} of a "
            f"{name} lattice: a site would be bonded to itself; use longer sides"
        )
    return near


def coordination(name: str, d: int, *, shell: int = 1) -> int:
    """How many neighbours a site has; no table is made.

    >>> coordination("honeycomb", 2), coordination("cubic", 3, shell=2)
    (3, 12)
    """
    links = _links(name, d, shell)
    return 2 * len(links) // (2 if name == "honeycomb" else 1)


def bond_pairs(near: np.ndarray) -> np.ndarray:
    """The two ends of every bond, int32 `(bond, 2)`, each bond once.

    Args:
        near: neighbours, `(site, z)`; a neighbour met twice is two bonds.
    """
    site = np.repeat(np.arange(len(near), dtype=np.int32), near.shape[1])
    ends = np.stack([site, near.ravel()], axis=1)
    return np.ascontiguousarray(ends[ends[:, 0] < ends[:, 1]])


def staggering(name: str, shape: Sequence[int]) -> np.ndarray | None:
    """±1 on the two sublattices, int8 `(*lattice)`; None where an odd ring forbids it.

    The ground state of the antiferromagnet.
    """
    if name == "honeycomb":
        return np.broadcast_to(np.array([1, -1], np.int8), (*shape, 2)).copy()
    if name == "triangular" or any(side % 2 for side in shape):
        return None
    parity = np.indices(shape).sum(axis=0) % 2
    return (1 - 2 * parity).astype(np.int8)


def _links(name: str, d: int, shell: int) -> tuple[Link, ...]:
    if name == "honeycomb":
        if shell == 1:
            return tuple(Link(0, offset, 1) for offset in ((0, 0), (-1, 0), (0, -1)))
        return tuple(Link(s, o, s) for s in (0, 1) for o in ((1, 0), (0, 1), (1, -1)))
    if name == "triangular":
        offsets = (
            ((1, 0), (0, 1), (1, -1)) if shell == 1 else ((1, 1), (2, -1), (1, -2))
        )
        return tuple(Link(0, offset, 0) for offset in offsets)
    return tuple(Link(0, offset, 0) for offset in _steps(d, shell))


def _steps(d: int, shell: int) -> list[Offset]:
    """Forward steps on the hypercube: along an axis, or across a face."""
    if shell == 1:
        return [tuple(int(k == axis) for k in range(d)) for axis in range(d)]
    if d == 1:
        return [(2,)]
    faces = itertools.combinations(range(d), 2)
    return [
        tuple({i: 1, j: sign}.get(k, 0) for k in range(d))
        for i, j in faces
        for sign in (1, -1)
    ]
