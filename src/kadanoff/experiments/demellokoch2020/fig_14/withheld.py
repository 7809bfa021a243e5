"""Block spins whose places are withheld: what arranging a layer costs.

The units of a machine are put on a lattice by what they respond to, from finitely many
configurations, and some come to a wrong place. Block spins of the majority are given in
a random order here and arranged alike: what is then read of them and what is read of
the blocks where they are differ by the arranging alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.coarse.arrange import Arrange
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry, Unordered
from kadanoff.randomness import generator, subseed

__all__ = ["WITHHELD", "blocks_in_order", "in_place", "orders"]

WITHHELD = "majority, places withheld"


@dataclass(frozen=True, eq=False)
class _InOrder:
    """The values of a lattice as units without places.

    Attributes:
        order: site of each unit, `(units,)`.
    """

    order: np.ndarray

    def coarse(self, fine: Geometry) -> Unordered:
        """As many units as sites."""
        return Unordered(fine.size)

    @property
    def features(self) -> None:
        """One value per unit."""

    def alphabet(self, fine: str) -> str:
        """The alphabet of the input."""
        return fine

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, units)` values in this order."""
        return spins.reshape(len(spins), -1)[:, self.order]

    def __str__(self) -> str:
        return "in order"


def orders(sides: Sequence[int], seed: int) -> list[np.ndarray]:
    """Site of each unit, in a random order for every level.

    Args:
        sides: of the levels.
        seed: draws the orders.
    """
    rng = generator(seed, "orders")
    return [rng.permutation(side**2) for side in sides]


def blocks_in_order(
    fine: Ensemble, given: Sequence[np.ndarray], seed: int
) -> list[Ensemble]:
    """Every level of majority blocks of side 2, its block spins in a given order.

    Args:
        fine: configurations.
        given: of `orders`.
        seed: decides tied votes.
    """
    made, level = [], fine
    for n, order in enumerate(given, start=1):
        level = coarsen(Majority(b=2), level, seed=subseed(seed, "level", n))
        made.append(coarsen(_InOrder(order), level))
    return made


def in_place(place: Arrange, order: np.ndarray) -> float:
    """Share of the sites that got the block spin which was taken from them."""
    return float(np.mean(order[place.permutation] == np.arange(len(order))))
