"""Decimation: summing over some spins of a lattice, exactly or with a truncation.

On the chain exp Σ_i [K s_i s_{i+1} + H s_i] the transfer matrix of b bonds is that of
one bond again (H. A. Kramers and G. H. Wannier, Phys. Rev. 60, 252 (1941)):

    Tᵇ = e^C T(K′, H′),        tanh K′ = tanhᵇ K  at H = 0.

On the square lattice the sum over one spin and its four neighbours s_1 … s_4 gives

    2 cosh K(s_1 + s_2 + s_3 + s_4) = exp[A + B Σ_{i<j} s_i s_j + C s_1 s_2 s_3 s_4],
    A = ln 2 + ⅛ ln cosh 4K + ½ ln cosh 2K,    B = ⅛ ln cosh 4K,
    C = ⅛ ln cosh 4K - ½ ln cosh 2K.

Every side of the new squares belongs to two of the summed spins: nearest neighbours get
2B, next-nearest B, squares C. Maris and Kadanoff leave the square out and let the
second neighbours pull along the sides, K′ = 2B + B = ⅜ ln cosh 4K (H. J. Maris and
L. P. Kadanoff, Am. J. Phys. 46, 652 (1978)).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

import torch
from torch import Tensor

__all__ = [
    "Chain",
    "ColdChain",
    "SquareDecimation",
    "TruncatedSquareDecimation",
    "decimated_square",
    "ising_path",
    "log_cosh",
]


def log_cosh(x: Tensor) -> Tensor:
    """ln cosh x for any |x|, exact to rounding; smooth at 0.

    >>> round(log_cosh(torch.tensor(800.0, dtype=torch.float64)).item() - 800, 12)
    -0.69314718056
    """
    # ½ ln(1 + sinh²) keeps the small values that ln(2 cosh) - ln 2 cancels.
    small = torch.clamp(x, -1.0, 1.0)
    near = torch.log1p(torch.sinh(small) ** 2) / 2
    far = torch.logaddexp(x, -x) - math.log(2)
    return torch.where(x.abs() < 1, near, far)


def ising_path(theory: Tensor, bonds: int) -> tuple[Tensor, Tensor]:
    """K′, H′ `(2,)` and C of `bonds` bonds in series, the spins inside summed over.

    A bond is exp[K s t + ½ H (s + t)]: half of a field belongs to either side of it.
    Logarithms throughout: nothing overflows, and no term cancels another before the
    last line.
    """
    bond = _log_bond(theory)
    path = bond
    for _ in range(bonds - 1):
        path = torch.logsumexp(path[:, :, None] + bond[None], dim=1)
    up, flip, down = path[0, 0], path[0, 1], path[1, 1]
    left = torch.stack([(up + down - 2 * flip) / 4, (up - down) / 2])
    return left, (up + down + 2 * flip) / 4


def decimated_square(coupling: Tensor) -> dict[str, Tensor]:
    """What the sum over every other spin of the square lattice leaves, exactly.

    Found from the sixteen states of four neighbours by projection on their products.

    Returns:
        `nearest`, `next_nearest` and `four` couplings of the new lattice, and the
        `constant` per new site (one spin was summed over for each of them).
    """
    states = list(itertools.product((1, -1), repeat=4))
    total = torch.tensor([sum(s) for s in states], dtype=coupling.dtype)
    summed = math.log(2) + log_cosh(coupling * total)

    def along(*spins: int) -> Tensor:
        signs = [math.prod(s[i] for i in spins) for s in states]
        return (torch.tensor(signs, dtype=coupling.dtype) * summed).mean()

    pair = along(0, 1)
    return {
        "nearest": 2 * pair,
        "next_nearest": pair,
        "four": along(0, 1, 2, 3),
        "constant": along(),
    }


@dataclass(frozen=True)
class _OnChain:
    """One spin of b is kept on a line."""

    b: int = 2

    odd: ClassVar[tuple[str, ...]] = ("field",)

    def __post_init__(self) -> None:
        check_whole_scale(self.b)

    @property
    def dimension(self) -> float:
        """1."""
        return 1.0

    @property
    def scale(self) -> float:
        """b."""
        return float(self.b)


class _OnSquare:
    """One sublattice of the square lattice is summed over."""

    names: ClassVar[tuple[str, ...]] = ("coupling",)
    odd: ClassVar[tuple[str, ...]] = ()

    @property
    def dimension(self) -> float:
        """2."""
        return 2.0

    @property
    def scale(self) -> float:
        """√2."""
        return math.sqrt(2)

    def constant(self, theory: Tensor) -> Tensor:
        """A/2 per site."""
        return decimated_square(theory[0])["constant"] / 2


@dataclass(frozen=True)
class Chain(_OnChain):
    """Decimation of the Ising chain, exact for any coupling and field.

    Couplings K = βJ and H = βh. No transition: K falls to zero from any start.

    Args:
        b: one spin of b is kept.

    >>> chain = Chain(b=3)
    >>> chain.step(torch.tensor([0.5, 0.0], dtype=torch.float64))[0].tanh().item()
    ... # doctest: +ELLIPSIS
    0.09868...
    """

    names: ClassVar[tuple[str, ...]] = ("coupling", "field")

    def step(self, theory: Tensor) -> Tensor:
        """K′ and H′."""
        return ising_path(theory, self.b)[0]

    def constant(self, theory: Tensor) -> Tensor:
        """C/b, the logarithm of what b - 1 spins leave, per site."""
        return ising_path(theory, self.b)[1] / self.b


@dataclass(frozen=True)
class ColdChain(_OnChain):
    """The same map by the disorder w = e^-2K, in which T = 0 is a point: w = 0.

    The chain is critical there and nowhere else: w → b w and H → b H, y_T = y_H = 1.

    Args:
        b: one spin of b is kept.
    """

    names: ClassVar[tuple[str, ...]] = ("disorder", "field")

    def step(self, theory: Tensor) -> Tensor:
        """w′ and H′, from T e^-K = [[e^H, w], [w, e^-H]]."""
        disorder, field = theory
        up, down = torch.exp(field), torch.exp(-field)
        bond = torch.stack([torch.stack([up, disorder]), torch.stack([disorder, down])])
        path = torch.linalg.matrix_power(bond, self.b)
        up, flip, down = path[0, 0], path[0, 1], path[1, 1]
        return torch.stack([flip / torch.sqrt(up * down), torch.log(up / down) / 2])


@dataclass(frozen=True)
class TruncatedSquareDecimation(_OnSquare):
    """One sublattice of the square lattice summed over; b = √2.

    K′ = ⅜ ln cosh 4K: the next-nearest coupling is added to the nearest one, the
    four-spin coupling left out (Maris and Kadanoff 1978).
    """

    def step(self, theory: Tensor) -> Tensor:
        """K′, the sum of nearest and next-nearest couplings."""
        left = decimated_square(theory[0])
        return (left["nearest"] + left["next_nearest"])[None]


@dataclass(frozen=True)
class SquareDecimation(_OnSquare):
    """The same sum with everything but nearest neighbours left out, K′ = ¼ ln cosh 4K.

    It has no critical point, K′ < K everywhere: what was left out is what orders the
    square lattice.
    """

    def step(self, theory: Tensor) -> Tensor:
        """K′, the nearest coupling alone."""
        return decimated_square(theory[0])["nearest"][None]


def check_whole_scale(b: int) -> None:
    """A sentence where the change of scale is not a whole number of sites."""
    if not isinstance(b, Integral) or b < 2:
        raise ValueError(f"b must be a whole number of 2 or more sites, got {b!r}")


def _log_bond(theory: Tensor) -> Tensor:
    """ln T, rows and columns +1, -1."""
    coupling, field = theory
    return torch.stack(
        [
            torch.stack([coupling + field, -coupling]),
            torch.stack([-coupling, coupling - field]),
        ]
    )
