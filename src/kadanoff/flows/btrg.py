"""Bond-weighted tensor renormalization: TRG with weights left on the bonds.

As in `trg`, but of a split T = Σ_a u_a s_a v_a each half takes s^((1-k)/2) and the new
bond keeps the weight s^k:

    T[l, r, u, d],  E_x on horizontal and E_y on vertical bonds,
    T' = four halves, each u s^((1-k)/2), joined by the old weights E,   E' = s^k.

The bare T is split: with k < 0 it carries the weight of its surroundings. Counting
powers, T' ~ s^(2(1-k)) E⁴ = s^(2+2k), so that the spectrum of T' is that of T when
k = -1/2; k = 0 is TRG. The cost is that of TRG. (D. Adachi, T. Okubo and S. Todo,
Phys. Rev. B 105, L060402 (2022).)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.flows.tensors import (
    Tensor,
    TensorState,
    Transfer,
    normalized,
    turned,
)
from kadanoff.flows.trg import around_plaquette, checked_bond, halves

__all__ = ["BTRG", "WeightedState"]


@dataclass(frozen=True)
class WeightedState:
    """A square lattice of equal tensors with weights on its bonds.

    Attributes:
        tensor: `(left, right, up, down)`, without weights.
        horizontal: weights of the horizontal bonds, `(left,)`.
        vertical: of the vertical ones, `(up,)`.
        log_norm, sites, modulus: as in `TensorState`.
    """

    tensor: Tensor
    horizontal: Tensor
    vertical: Tensor
    log_norm: float = 0.0
    sites: int = 1
    modulus: complex = 1j

    def absorbed(self) -> TensorState:
        """The same network without weights: each tensor takes their square roots."""
        x, y = np.sqrt(self.horizontal), np.sqrt(self.vertical)
        tensor = np.einsum("lrud,l,r,u,d->lrud", self.tensor, x, x, y, y)
        return TensorState(tensor, self.log_norm, self.sites, self.modulus)

    def transfer(self, width: int = 1) -> Transfer:
        """A row of `width` tensors with their weights, closed into a ring."""
        return self.absorbed().transfer(width)


@dataclass(frozen=True)
class BTRG:
    """The map of Adachi, Okubo and Todo.

    Attributes:
        bond: χ, the largest dimension of a leg.
        exponent: k, the share of a singular value that stays on the bond.

    Raises:
        ValueError: a bond dimension below 1.
    """

    bond: int
    exponent: float = -0.5

    def __post_init__(self) -> None:
        checked_bond(self.bond)

    def step(self, theory: TensorState | WeightedState) -> WeightedState:
        """The lattice of half as many sites, turned by 45°."""
        old = _weighted(theory)
        falling, rising = halves(old.tensor, self.bond)
        power = (1 - self.exponent) / 2
        x, y = old.horizontal, old.vertical
        lower_right, upper_left = falling.shared(power)
        # Two opposite corners carry the weights of all four sides.
        lower_right = lower_right * (x[:, None, None] * y[:, None])
        upper_left = upper_left * (x[:, None] * y)
        tensor, log = normalized(
            around_plaquette((lower_right, upper_left), rising.shared(power))
        )
        return WeightedState(
            tensor,
            falling.s**self.exponent,
            rising.s**self.exponent,
            2 * old.log_norm + falling.log_scale + rising.log_scale + log,
            2 * old.sites,
            turned(old.modulus),
        )


def _weighted(theory: TensorState | WeightedState) -> WeightedState:
    if isinstance(theory, WeightedState):
        return theory
    left, _, up, _ = theory.tensor.shape
    return WeightedState(
        theory.tensor,
        np.ones(left),
        np.ones(up),
        theory.log_norm,
        theory.sites,
        theory.modulus,
    )
