"""Tensor renormalization of Levin and Nave: split every site, join around plaquettes.

Sites of one sublattice are split between upper left and lower right, those of the other
between lower left and upper right, each by a singular value decomposition

    T = Σ_a u_a s_a v_a = Σ_a (u_a √s_a) (√s_a v_a)

of which the largest χ terms are kept. Every second plaquette then holds four halves
that are summed to a new tensor: the lattice has turned by 45°, b = √2, and a tensor
stands for twice as many sites. The cost is χ⁶. (M. Levin and C. P. Nave, Phys. Rev.
Lett. 99, 120601 (2007).)

Short loops survive the map: at criticality its tensors drift instead of reaching a
fixed point, which `filtering` repairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kadanoff.flows.tensors import (
    Tensor,
    TensorState,
    leading_triplets,
    normalized,
    turned,
)

__all__ = ["TRG", "Halves", "around_plaquette", "checked_bond", "halves"]


@dataclass(frozen=True)
class TRG:
    """The map of Levin and Nave.

    Attributes:
        bond: χ, the largest dimension of a leg.

    Raises:
        ValueError: a bond dimension below 1.
    """

    bond: int

    def __post_init__(self) -> None:
        checked_bond(self.bond)

    def step(self, theory: TensorState) -> TensorState:
        """The lattice of half as many sites, turned by 45°."""
        falling, rising = halves(theory.tensor, self.bond)
        tensor = around_plaquette(falling.shared(0.5), rising.shared(0.5))
        tensor, log = normalized(tensor)
        logs = falling.log_scale + rising.log_scale + log
        return TensorState(
            tensor,
            2 * theory.log_norm + logs,
            2 * theory.sites,
            turned(theory.modulus),
        )


@dataclass(frozen=True)
class Halves:
    """A site cut in two, exp(log_scale) Σ_a first_a s_a second_a with s_0 = 1.

    Attributes:
        first: `(left, up, a)` of a falling cut, `(left, down, a)` of a rising one.
        s: singular values over the largest, descending.
        second: `(a, right, down)` of a falling cut, `(a, right, up)` of a rising one.
        log_scale: logarithm of the largest singular value.
    """

    first: Tensor
    s: Tensor
    second: Tensor
    log_scale: float

    def shared(self, power: float) -> tuple[Tensor, Tensor]:
        """Both halves times s^power."""
        scale = self.s**power
        return self.first * scale, self.second * scale[:, None, None]


def halves(tensor: Tensor, bond: int) -> tuple[Halves, Halves]:
    """The falling cut, upper left from lower right, and the rising one."""
    return _cut(tensor.transpose(0, 2, 1, 3), bond), _cut(
        tensor.transpose(0, 3, 1, 2), bond
    )


def around_plaquette(
    falling: tuple[Tensor, Tensor], rising: tuple[Tensor, Tensor]
) -> Tensor:
    """Four halves around a plaquette: upper left becomes left, upper right up.

    The right lower half of a falling cut sits in the upper left corner, and so on
    round: legs along the sides of the plaquette are summed.
    """
    lower_right, upper_left = falling  # (x, y, q) and (p, x, y)
    upper_right, lower_left = rising  # (x, y, t) and (s, x, y)
    above = np.tensordot(upper_left, upper_right, (1, 0))  # p, west, east, t
    below = np.tensordot(lower_left, lower_right, (1, 0))  # s, west, east, q
    joined = np.tensordot(above, below, ((1, 2), (1, 2)))  # p, t, s, q
    return np.ascontiguousarray(joined.transpose(0, 3, 1, 2))


def checked_bond(bond: int) -> int:
    """The bond dimension, if it is one."""
    if bond < 1:
        raise ValueError(
            f"the bond dimension must be at least 1, got {bond}; give one such as 16"
        )
    return bond


def _cut(tensor: Tensor, bond: int) -> Halves:
    """Between the first two and the last two legs."""
    a, b, c, d = tensor.shape
    u, s, v = leading_triplets(tensor.reshape(a * b, c * d), bond)
    return Halves(
        u.reshape(a, b, -1), s / s[0], v.reshape(-1, c, d), math.log(float(s[0]))
    )
