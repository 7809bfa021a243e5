"""What rules share: the alphabets they take, and what they say of those they do not.

    values         blocks of b^d    tiles of b²        stars
    ±1 spins       majority         tile-majority      star-majority
    Potts states   plurality        tile-plurality     star-plurality
    angles         vector           tile-vector        star-vector
    real values    average          sublattice         sublattice

A rule given values that it does not take names the one of its column that does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

from kadanoff.alphabet import check_alphabet
from kadanoff.geometry import Geometry, Grid, Unordered

__all__ = [
    "ANGLES",
    "BLOCKS",
    "COLOURS",
    "NUMBERS",
    "SPINS",
    "STARS",
    "TILES",
    "BlockRule",
    "Rule",
    "check_block",
    "check_number",
    "check_takes",
    "check_whole",
    "grid_of",
    "is_whole",
]

NAMES = {
    "pm1": "±1 spins",
    "potts": "Potts states",
    "angle": "angles",
    "real": "real values",
}
SPINS, COLOURS, ANGLES, NUMBERS = ("pm1",), ("potts",), ("angle",), ("pm1", "real")

Served = Mapping[str, str]

BLOCKS = dict(zip(NAMES, ("majority", "plurality", "vector", "average"), strict=True))
TILES = {kind: f"tile-{name}" for kind, name in BLOCKS.items()} | {"real": "sublattice"}
STARS = {kind: f"star-{name}" for kind, name in BLOCKS.items()} | {"real": "sublattice"}
"""Rules by the kind of value they are for: the columns of the table above."""


class Rule(ABC):
    """A coarse-graining with one value per site.

    Attributes:
        takes: kinds of alphabet it takes.
        gives: the alphabet of its output; that of the input where empty.
        column: the rules to name where it does not take an alphabet.
    """

    takes: ClassVar[tuple[str, ...]] = tuple(NAMES)
    gives: ClassVar[str] = ""
    column: ClassVar[Served] = BLOCKS

    @property
    def features(self) -> None:
        """One value per site."""
        return None

    def alphabet(self, fine: str) -> str:
        """The alphabet of the output; ValueError for one that it does not take."""
        check_takes(self, fine, self.takes, self.column)
        return self.gives or fine

    @abstractmethod
    def coarse(self, fine: Geometry) -> Grid:
        """The lattice of the output; ValueError where the rule does not fit `fine`."""

    @abstractmethod
    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """Coarse values `(n, *coarse.lattice)` drawn for `(n, *fine.lattice)`."""


@dataclass(frozen=True)
class BlockRule(Rule):
    """A rule that reads every block of side `b` and puts a site at its centre."""

    name: ClassVar[str]
    b: int = 2

    def __post_init__(self) -> None:
        check_block(self.b)

    def coarse(self, fine: Geometry) -> Grid:
        """Block centres; ValueError where `b` does not divide a side."""
        return grid_of(fine, self).coarsened(self.b)

    def __str__(self) -> str:
        return f"{self.name}:b={self.b}"


def check_takes(
    rule: object, fine: str, takes: tuple[str, ...], column: Served = BLOCKS
) -> None:
    """ValueError for an alphabet of another kind, which names a rule that takes it."""
    check_alphabet(fine)
    kind = fine.partition(":")[0]
    if kind not in takes:
        needed = " or ".join(NAMES[known] for known in takes)
        raise ValueError(
            f"rule '{rule}' needs {needed}, got values of alphabet '{fine}'; use "
            f"'{column[kind]}' for {NAMES[kind]}"
        )


def grid_of(fine: Geometry, rule: object) -> Grid:
    """The geometry as a grid; ValueError for units without positions."""
    if isinstance(fine, Unordered):
        raise ValueError(
            f"rule '{rule}' needs sites with positions, got an unordered layer of "
            f"{fine.size} units; put 'arrange' before it"
        )
    return fine


def check_block(b: Any) -> None:
    """ValueError unless `b` is a whole number that changes the scale."""
    check_whole(b, 2, "block size b", "use 2, as one site is no block")


def check_whole(value: Any, least: int, what: str, remedy: str) -> None:
    """ValueError for what is not a whole number of at least `least`."""
    if not is_whole(value) or value < least:
        raise ValueError(
            f"{what} is a whole number of at least {least}, got {value!r}; {remedy}"
        )


def is_whole(value: Any) -> bool:
    """Whether it is an integer; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_number(value: Any, what: str, remedy: str) -> None:
    """ValueError for what is not a real number; nan is one here."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ValueError(f"{what} is a number, got {value!r}; {remedy}")
