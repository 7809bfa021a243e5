"""Niemeijer's and van Leeuwen's cumulant expansion on the triangular lattice, b = √3.

Sites are gathered in triangles; μ is the sign of the three spins of one. With H₀ the
bonds inside the triangles and V all the rest, spins summed over at fixed signs leave

    ln ⟨e^V⟩₀ = ⟨V⟩₀ + ½ (⟨V²⟩₀ - ⟨V⟩₀²) + … .

⟨…⟩₀ factorises into triangles, and there, by the four states of each sign,

    ⟨s_i⟩ = r μ,    ⟨s_i s_j⟩ = e,    ⟨s_1 s_2 s_3⟩ = t μ.

The first order keeps nearest neighbours and a field, K′ = 2 r² K and H′ = 3 r H. In
the second, products of two nearest-neighbour bonds that share a triangle couple signs
up to third neighbours, and nothing else; so the second and third neighbours are kept
there, and counted as small as K² (Th. Niemeijer and J. M. J. van Leeuwen, Phys. Rev.
Lett. 31, 1411 (1973) and Physica 71, 17 (1974)). All sums over bonds are made by going
through them.

Sites are pairs (i, j) standing for i a₁ + j a₂, with 60° between a₁ and a₂ of length 1.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

__all__ = [
    "FirstCumulant",
    "SecondCumulant",
    "cell_moments",
    "evaluated",
    "first_cumulant",
    "second_cumulant",
    "triangle_of",
]

Site = tuple[int, int]
Term = tuple[Site, ...]
"""A product of spins."""

Powers = tuple[int, int, int]
"""Of r, e and t."""

Signs = frozenset[Site]
"""A product of signs, by the triangles they belong to."""

Polynomials = Mapping[Signs, Counter[Powers]]
"""What multiplies each product of signs."""

NEIGHBOURS = {"nearest": 1, "next_nearest": 3, "third": 4}
"""Squared distances."""

PAIRS: dict[str, Site] = {"nearest": (1, 0), "next_nearest": (1, 1), "third": (2, 0)}
"""A neighbour of the origin of each kind."""


def triangle_of(site: Site) -> Site:
    """The triangle of a site, on the triangular lattice of triangles.

    >>> [triangle_of(site) for site in ((0, 0), (1, 0), (0, 1), (1, 1))]
    [(0, 0), (0, 0), (0, 0), (1, 0)]
    """
    i, j = site
    corner = {0: (i, j), 1: (i - 1, j), 2: (i, j - 1)}[(i - j) % 3]
    n = (corner[1] - corner[0]) // 3
    return corner[0] + n, n


def cell_moments(coupling: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """r, e and t: averages of one, two and three spins of a triangle with μ = +1."""
    states = [s for s in itertools.product((1, -1), repeat=3) if sum(s) > 0]
    bonds = [a * b + b * c + c * a for a, b, c in states]
    weights = torch.softmax(coupling * torch.tensor(bonds, dtype=coupling.dtype), 0)

    def mean(values: list[int]) -> Tensor:
        return weights @ torch.tensor(values, dtype=coupling.dtype)

    return (
        mean([a for a, _, _ in states]),
        mean([a * b for a, b, _ in states]),
        mean([a * b * c for a, b, c in states]),
    )


def first_cumulant(terms: Iterable[Term]) -> Polynomials:
    """Σ ⟨X⟩₀ over the terms, sorted by the signs that each average is a product of."""
    total: dict[Signs, Counter[Powers]] = {}
    for term in terms:
        signs, powers = _average(term)
        total.setdefault(signs, Counter())[powers] += 1
    return total


def second_cumulant(terms: Iterable[Term], others: Iterable[Term]) -> Polynomials:
    """Σ ⟨X Y⟩₀ - ⟨X⟩₀ ⟨Y⟩₀ over the terms X and the others Y.

    Terms without a common triangle are independent and are passed over.
    """
    total: dict[Signs, Counter[Powers]] = {}
    meeting: dict[Site, list[Term]] = {}
    for other in others:
        for triangle in {triangle_of(site) for site in other}:
            meeting.setdefault(triangle, []).append(other)
    for term in terms:
        near = (meeting.get(triangle_of(site), []) for site in term)
        for other in dict.fromkeys(itertools.chain.from_iterable(near)):
            signs, powers = _average(term + other)
            total.setdefault(signs, Counter())[powers] += 1
            (signs, one), (more, two) = _average(term), _average(other)
            i, j, k = (a + b for a, b in zip(one, two, strict=True))
            total.setdefault(signs ^ more, Counter())[i, j, k] -= 1
    return total


def evaluated(polynomial: Mapping[Powers, int], moments: tuple[Tensor, ...]) -> Tensor:
    """Σ n rⁱ eʲ tᵏ."""
    r, e, t = moments
    total = torch.zeros_like(r)
    for (i, j, k), number in polynomial.items():
        total = total + number * r**i * e**j * t**k
    return total


@dataclass(frozen=True)
class FirstCumulant:
    """Triangles to first order: K′ = 2 r² K, H′ = 3 r H."""

    names: ClassVar[tuple[str, ...]] = ("nearest", "field")
    odd: ClassVar[tuple[str, ...]] = ("field",)

    @property
    def dimension(self) -> float:
        """2."""
        return 2.0

    @property
    def scale(self) -> float:
        """√3."""
        return math.sqrt(3)

    def step(self, theory: Tensor) -> Tensor:
        """K′ and H′."""
        nearest, field = theory
        moments = cell_moments(nearest)
        bond = evaluated(_pairs()["nearest"]["nearest"], moments)
        return torch.stack([bond * nearest, 3 * moments[0] * field])

    def constant(self, theory: Tensor) -> Tensor:
        """⅓ of what the bonds inside a triangle leave."""
        return _log_triangle(theory[0]) / 3


@dataclass(frozen=True)
class SecondCumulant:
    """Triangles to second order in the nearest coupling, to first in the others.

    Couplings of nearest, next-nearest and third neighbours, and a field.
    """

    names: ClassVar[tuple[str, ...]] = ("nearest", "next_nearest", "third", "field")
    odd: ClassVar[tuple[str, ...]] = ("field",)

    @property
    def dimension(self) -> float:
        """2."""
        return 2.0

    @property
    def scale(self) -> float:
        """√3."""
        return math.sqrt(3)

    def step(self, theory: Tensor) -> Tensor:
        """K′ of each kind and H′."""
        *pairs, field = theory
        moments = cell_moments(pairs[0])
        even = []
        for new in NEIGHBOURS:
            first = [evaluated(_pairs()[new][old], moments) for old in NEIGHBOURS]
            second = evaluated(_squared_bonds()[new], moments) * pairs[0] ** 2 / 2
            even.append(torch.stack(first) @ torch.stack(pairs) + second)
        magnet = 3 * moments[0] + evaluated(_bond_and_field(), moments) * pairs[0]
        return torch.stack([*even, magnet * field])

    def constant(self, theory: Tensor) -> Tensor:
        """⅓ of what a triangle leaves, half the spread of its bonds to others included.

        To first order in the field and in the couplings counted as K² nothing more.
        """
        nearest = theory[0]
        spread = evaluated(_squared_bonds()["constant"], cell_moments(nearest))
        return (_log_triangle(nearest) + spread * nearest**2 / 2) / 3


def _average(term: Term) -> tuple[Signs, Powers]:
    """⟨product of spins⟩₀: the signs left over, and the moments of its triangles."""
    once = [site for site, n in Counter(term).items() if n % 2]
    sizes = Counter(triangle_of(site) for site in once)
    numbers = Counter(sizes.values())
    signs = frozenset(triangle for triangle, n in sizes.items() if n % 2)
    return signs, (numbers[1], numbers[2], numbers[3])


def _length2(i: int, j: int) -> int:
    return i * i + i * j + j * j


def _bonds(squared: int, reach: int) -> list[Term]:
    """Every pair of that distance near the origin, in different triangles, once."""
    forward = [
        (i, j)
        for i, j in itertools.product(range(-2, 3), repeat=2)
        if _length2(i, j) == squared and (i, j) > (0, 0)
    ]
    sites = itertools.product(range(-reach, reach + 1), repeat=2)
    pairs = [((i, j), (i + x, j + y)) for i, j in sites for x, y in forward]
    return [(a, b) for a, b in pairs if triangle_of(a) != triangle_of(b)]


@cache
def _pairs() -> dict[str, dict[str, Counter[Powers]]]:
    """New pairs from old ones, to first order: `[new][old]`."""
    found: dict[str, dict[str, Counter[Powers]]] = {new: {} for new in PAIRS}
    for old, squared in NEIGHBOURS.items():
        averages = first_cumulant(_bonds(squared, 8))
        for new, neighbour in PAIRS.items():
            signs = frozenset({(0, 0), neighbour})
            found[new][old] = averages.get(signs, Counter())
    return found


@cache
def _squared_bonds() -> dict[str, Counter[Powers]]:
    """New pairs, and the constant of one triangle, from two nearest bonds."""
    bonds = _bonds(1, 7)
    spread = second_cumulant(bonds, bonds)
    found = {
        new: spread[frozenset({(0, 0), neighbour})] for new, neighbour in PAIRS.items()
    }
    # A bond belongs to the triangle of its first site.
    own = [bond for bond in bonds if triangle_of(bond[0]) == (0, 0)]
    found["constant"] = second_cumulant(own, bonds)[frozenset()]
    return found


@cache
def _bond_and_field() -> Counter[Powers]:
    """The field on one sign from a nearest bond and the field of one spin."""
    spins = [((i, j),) for i, j in itertools.product(range(-6, 7), repeat=2)]
    return second_cumulant(_bonds(1, 6), spins)[frozenset({(0, 0)})]


def _log_triangle(coupling: Tensor) -> Tensor:
    """ln of the sum over the four states of a sign."""
    return torch.logaddexp(3 * coupling, math.log(3) - coupling)
