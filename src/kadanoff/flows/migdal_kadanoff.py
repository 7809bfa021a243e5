"""Migdal's and Kadanoff's recursions: bonds are moved together, then decimated.

A step with b moves b^(d-1) bonds onto one and sums over the b - 1 spins inside a line
of b bonds. The Ising model, ±1 spins:

    bonds first     tanh K′ = tanhᵇ(b^(d-1) K),
    bonds last      K′ = b^(d-1) artanh(tanhᵇ K),

two views of one map, with the same exponents. Colours of the Potts model, K the
coupling of δ(c, c′), have t = (e^K - 1)/(e^K + q - 1) for tanh K. At b = 1 + dl

    dK/dl = (d - 1) K + ½ sinh 2K ln tanh K                     (Ising),
    dK/dl = (d - 1) K + t ln t (e^K + q - 1)² / (q e^K)         (Potts, no field).

A field belongs to the two ends of a bond and moves with it: exp[K s t + ½ H (s + t)].
On colours it favours colour 0, and makes the coupling of that colour with itself
differ from that of the others; both are written so that their mean over the
permutations of the colours is zero, like that of a field on spins.

Bonds first gives an upper bound on ln Z of the hypercubic lattice: moving a bond adds
to the exponent something whose average in the uniform lattice is zero, and the mean of
an exponential is at least the exponential of the mean. Bonds last is exact on the
hierarchical lattice on which every bond is b^(d-1) lines of b bonds (the diamond, for
b = d = 2), with a field that is proportional to the number of bonds of a site.

Sources: A. A. Migdal, Sov. Phys. JETP 42, 743 (1975); L. P. Kadanoff, Ann. Phys. 100,
359 (1976); A. N. Berker and S. Ostlund, J. Phys. C 12, 4961 (1979); R. B. Griffiths and
M. Kaufman, Phys. Rev. B 26, 5022 (1982).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from kadanoff.flows.decimation import check_whole_scale, ising_path

TINY = 1e-300
"""Keeps logarithms of 0 away where they are multiplied by 0."""

SPLIT = 0.7
"""Of x in ln(1 - e^-x): either form keeps its digits on its side."""

SMALL, TERMS = 1e-2, 9
"""Where a series replaces a quotient, and how many terms leave 1e-18 of it."""

__all__ = [
    "HierarchicalLattice",
    "InfinitesimalMigdalKadanoff",
    "InfinitesimalPottsMigdalKadanoff",
    "MigdalKadanoff",
    "PottsHierarchicalLattice",
    "PottsMigdalKadanoff",
    "potts_path",
]


def potts_path(theory: Tensor, q: float, bonds: int) -> tuple[Tensor, Tensor]:
    """K′, H′, L′ `(3,)` and C of `bonds` bonds of q colours in series.

    With z = δ(c, 0) - 1/q a bond is exp[K δ(c, c′) + ½ H (z + z′) + L δ(c, c′) z]. The
    colours other than 0 are alike, which makes q a number like another; K′ is what q
    colours leave also where q < 3 has no two of them to measure it.
    """
    bond = _log_potts_bond(theory, q)
    path = bond
    for _ in range(bonds - 1):
        path = _in_series(path, bond, q)
    favoured, mixed, like, unlike = path
    field = 2 * (mixed - unlike)
    pull = favoured - like - field
    coupling = like - unlike + pull / q
    return torch.stack([coupling, field, pull]), unlike + field / q


class _OfDimension:
    """What all of these lattices have: d, a field of each."""

    d: float

    @property
    def dimension(self) -> float:
        """d."""
        return float(self.d)


class _ByBlocks(_OfDimension):
    """And those with a step: b."""

    b: int

    @property
    def scale(self) -> float:
        """b."""
        return float(self.b)


@dataclass(frozen=True)
class MigdalKadanoff(_ByBlocks):
    """The Ising model on the hypercubic lattice, bonds moved first.

    Couplings K = βJ and H, the field of a bond: βh of a site is H times d.

    Args:
        d: dimension, at least 1; any real number.
        b: sites that become one, along each direction.
    """

    d: float = 2
    b: int = 2

    names: ClassVar[tuple[str, ...]] = ("coupling", "field")
    odd: ClassVar[tuple[str, ...]] = ("field",)

    def __post_init__(self) -> None:
        _check(self.d, self.b)

    def step(self, theory: Tensor) -> Tensor:
        """K′ and H′."""
        return ising_path(_bundle(self) * theory, self.b)[0]

    def constant(self, theory: Tensor) -> Tensor:
        """What the spins inside the lines and those without bonds leave, per site.

        Of b^d sites one is kept, d (b - 1) lie on lines, the rest are free.
        """
        inside = ising_path(_bundle(self) * theory, self.b)[1]
        return _per_site(self, inside, 2)


@dataclass(frozen=True)
class HierarchicalLattice(_ByBlocks):
    """The Ising model with bonds moved last; exact where every bond is a bundle.

    Couplings as for `MigdalKadanoff`. The free energy is that of the hierarchical
    lattice per *bond*.

    Args:
        d: its dimension, at least 1: b^(d-1) lines, which is a number of lines only
            where it is whole.
        b: bonds in each line.
    """

    d: float = 2
    b: int = 2

    names: ClassVar[tuple[str, ...]] = ("coupling", "field")
    odd: ClassVar[tuple[str, ...]] = ("field",)

    def __post_init__(self) -> None:
        _check(self.d, self.b)

    def step(self, theory: Tensor) -> Tensor:
        """K′ and H′."""
        return _bundle(self) * ising_path(theory, self.b)[0]

    def constant(self, theory: Tensor) -> Tensor:
        """What the spins inside the b^(d-1) lines of a bond leave, per old bond."""
        return ising_path(theory, self.b)[1] / self.b


@dataclass(frozen=True)
class PottsMigdalKadanoff(_ByBlocks):
    """The Potts model on the hypercubic lattice, bonds moved first.

    Couplings K of equal colours, H, the field of a bond on colour 0, and L, what two
    neighbours of colour 0 gain besides: see `potts_path`.

    Args:
        q: number of colours, any real number above 1.
        d: dimension, at least 1.
        b: sites that become one, along each direction.
    """

    q: float
    d: float = 2
    b: int = 2

    names: ClassVar[tuple[str, ...]] = ("coupling", "field", "pull")
    odd: ClassVar[tuple[str, ...]] = ("field", "pull")

    def __post_init__(self) -> None:
        _check(self.d, self.b)
        _check_colours(self.q)

    def step(self, theory: Tensor) -> Tensor:
        """K′, H′ and L′."""
        return potts_path(_bundle(self) * theory, self.q, self.b)[0]

    def constant(self, theory: Tensor) -> Tensor:
        """As for `MigdalKadanoff`."""
        inside = potts_path(_bundle(self) * theory, self.q, self.b)[1]
        return _per_site(self, inside, self.q)


@dataclass(frozen=True)
class PottsHierarchicalLattice(_ByBlocks):
    """The Potts model with bonds moved last; exact on the hierarchical lattice.

    Couplings as for `PottsMigdalKadanoff`, free energy as for `HierarchicalLattice`.

    Args:
        q: number of colours, any real number above 1.
        d: its dimension, at least 1.
        b: bonds in each line.
    """

    q: float
    d: float = 2
    b: int = 2

    names: ClassVar[tuple[str, ...]] = ("coupling", "field", "pull")
    odd: ClassVar[tuple[str, ...]] = ("field", "pull")

    def __post_init__(self) -> None:
        _check(self.d, self.b)
        _check_colours(self.q)

    def step(self, theory: Tensor) -> Tensor:
        """K′, H′ and L′."""
        return _bundle(self) * potts_path(theory, self.q, self.b)[0]

    def constant(self, theory: Tensor) -> Tensor:
        """What the spins inside the b^(d-1) lines of a bond leave, per old bond."""
        return potts_path(theory, self.q, self.b)[1] / self.b


@dataclass(frozen=True)
class InfinitesimalMigdalKadanoff(_OfDimension):
    """The limit b → 1 of the Ising recursion, for K > 0.

    In two dimensions its fixed point is the exact K_c, by duality, and yet y_T is not
    1: a right temperature is no sign of right exponents.

    Args:
        d: dimension, at least 1.
    """

    d: float = 2

    names: ClassVar[tuple[str, ...]] = ("coupling", "field")
    odd: ClassVar[tuple[str, ...]] = ("field",)

    def __post_init__(self) -> None:
        _check(self.d, 2)

    def rate(self, theory: Tensor) -> Tensor:
        """dK/dl and dH/dl.

        (d - 1) of themselves from the moved bonds; from the line T^(1 + dl) the part
        T ln T dl, where ln T = α + γ T by the two eigenvalues of T. α cancels in the
        ratios of its elements.
        """
        coupling, field = theory
        # The eigenvalues of T e^-K are cosh H ± root; TINY keeps 0/0 away.
        root = torch.sqrt(torch.sinh(field) ** 2 + torch.exp(-4 * coupling) + TINY)
        # artanh(root/cosh H), where large fields leave no digit of 1 - root/cosh H.
        above = 2 * torch.sinh(field / 2) ** 2 + root
        angle = torch.log1p(above) - _log_of_rest(4 * coupling) / 2
        gamma = -torch.expm1(-4 * coupling) * angle / root
        line = [-gamma * torch.cosh(field) / 2, gamma * torch.sinh(field)]
        return (self.d - 1) * theory + torch.stack(line)


@dataclass(frozen=True)
class InfinitesimalPottsMigdalKadanoff(_OfDimension):
    """The limit b → 1 of the Potts recursion, for K > 0.

    Couplings as for `PottsMigdalKadanoff`. In two dimensions K* is the exact K_c of
    every q, by duality; y_T and y_H are not exact.

    Args:
        q: number of colours, any real number above 1.
        d: dimension, at least 1.
    """

    q: float
    d: float = 2

    names: ClassVar[tuple[str, ...]] = ("coupling", "field", "pull")
    odd: ClassVar[tuple[str, ...]] = ("field", "pull")

    def __post_init__(self) -> None:
        _check(self.d, 2)
        _check_colours(self.q)

    def rate(self, theory: Tensor) -> Tensor:
        """dK/dl, dH/dl and dL/dl.

        (d - 1) of themselves from the moved bonds, and from the line T^(1 + dl) what
        T ln T dl changes in the logarithms of its four kinds of elements.
        """
        favoured, mixed, like, unlike = _line_rates(theory, self.q)
        field = 2 * (mixed - unlike)
        pull = favoured - like - field
        line = [like - unlike + pull / self.q, field, pull]
        return (self.d - 1) * theory + torch.stack(line)


class _Lattice(Protocol):
    @property
    def d(self) -> float: ...

    @property
    def b(self) -> int: ...


def _bundle(flow: _Lattice) -> float:
    """b^(d-1), the bonds that are moved together."""
    return float(flow.b) ** (flow.d - 1)


def _per_site(flow: _Lattice, inside: Tensor, states: float) -> Tensor:
    cell = flow.b**flow.d
    free = cell - 1 - flow.d * (flow.b - 1)
    return (flow.d * inside + free * math.log(states)) / cell


def _log_potts_bond(theory: Tensor, q: float) -> Tensor:
    """ln of a bond's weight: both 0, one 0, both alike but not 0, both other."""
    coupling, field, pull = theory
    unlike = -field / q
    like = coupling - pull / q + unlike
    return torch.stack([like + field + pull, unlike + field / 2, like, unlike])


def _in_series(a: Tensor, b: Tensor, q: float) -> Tensor:
    """The same four weights of two bonds, the colour between them summed over."""
    (a0, am, al, au), (b0, bm, bl, bu) = a, b
    return torch.stack(
        [
            _log_sum((1, a0 + b0), (q - 1, am + bm)),
            _log_sum((1, a0 + bm), (1, am + bl), (q - 2, am + bu)),
            _log_sum((1, am + bm), (1, al + bl), (q - 2, au + bu)),
            _log_sum((1, am + bm), (1, al + bu), (1, au + bl), (q - 3, au + bu)),
        ]
    )


def _line_rates(theory: Tensor, q: float) -> tuple[Tensor, ...]:
    """(T ln T)/T element by element: both 0, one 0, both alike but not 0, both other.

    In units of the third weight T = μ 1 + P with μ = 1 - u, u the fourth. P sees only
    colour 0 and the sum of the others, [[a - μ, √(q-1) m], [√(q-1) m, (q-1) u]]; with f
    = x ln x, f(T) = f(μ) + P h(P), h(x) = [f(μ + x) - f(μ)]/x. Of two eigenvalues x₁
    and x₂ of P, h(P) = h₀ + h₁ P. A scale of T adds the same to all four and cancels.
    """
    favoured, mixed, like, unlike = _log_potts_bond(theory, q)
    a, m, u = torch.exp(torch.stack([favoured, mixed, unlike]) - like)
    mu = -torch.expm1(unlike - like)
    corner, side = torch.expm1(favoured - like) + u, (q - 1) * u
    trace, det = corner + side, (q - 1) * (corner * u - m**2)
    root = torch.sqrt((corner - side) ** 2 + 4 * (q - 1) * m**2)
    large = (trace + torch.where(trace < 0, -root, root)) / 2
    small = det / large
    h1 = _bend(mu, large, small)
    h0 = _slope(mu, small) - h1 * small
    stays = mu * torch.log(mu + TINY)
    unlike_rate = h0 + h1 * (torch.exp(2 * mixed - unlike - like) + side)
    return (
        (stays + h0 * corner + h1 * (corner**2 + (q - 1) * m**2)) / a,
        h0 + h1 * trace,
        stays + u * unlike_rate,
        unlike_rate,
    )


def _log_of_rest(x: Tensor) -> Tensor:
    """ln(1 - e^-x), exact to rounding for small and for large x."""
    near, far = torch.clamp(x, max=SPLIT), torch.clamp(x, min=SPLIT)
    return torch.where(
        x < SPLIT,
        torch.log(-torch.expm1(-near) + TINY),
        torch.log1p(-torch.exp(-far)),
    )


def _slope(mu: Tensor, x: Tensor) -> Tensor:
    """h(x) = [(μ + x) ln(μ + x) - μ ln μ]/x, smooth at x = 0."""
    y = x / (mu + TINY)
    near = y.abs() < SMALL
    safe = torch.where(near, torch.ones_like(y), y)
    series = sum((-y) ** k / (k + 1) for k in range(TERMS))
    return torch.log(mu + x + TINY) + torch.where(
        near, series, torch.log1p(safe) / safe
    )


def _bend(mu: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """[h(x) - h(y)]/(x - y); where both are small by Taylor's series of h."""
    scale = mu + TINY
    near = torch.maximum(x.abs(), y.abs()) < SMALL * scale
    gap = torch.where(near, torch.ones_like(x), x - y)
    series, powers = torch.zeros_like(x), torch.ones_like(x)
    for n in range(2, TERMS + 2):
        # powers = Σ xʲ yᵏ over j + k = n - 2, all over μ^(n-2)
        series = series + (-1) ** n / (n * (n - 1)) * powers
        powers = powers * (x / scale) + (y / scale) ** (n - 1)
    return torch.where(near, series / scale, (_slope(mu, x) - _slope(mu, y)) / gap)


def _log_sum(*terms: tuple[float, Tensor]) -> Tensor:
    """ln Σ w e^x; below three colours some weights w are negative."""
    exponents = torch.stack([exponent for _, exponent in terms])
    weights = torch.tensor([weight for weight, _ in terms], dtype=torch.float64)
    top = exponents.max()
    return torch.log(weights @ torch.exp(exponents - top)) + top


def _check(d: float, b: int) -> None:
    if not (math.isfinite(d) and d >= 1):
        raise ValueError(f"the dimension d must be 1 or more, got {d}")
    check_whole_scale(b)


def _check_colours(q: float) -> None:
    if not (math.isfinite(q) and q > 1):
        raise ValueError(f"the number of colours q must be above 1, got {q}")
