"""How far one step of a map moves the couplings of the law.

At a fixed point the law of the coarse lattice is that of the fine one. Couplings that
are read off either by maximum pseudo-likelihood (`couplings`) do not know the size of
their lattice, unlike moments, so that neighbouring levels of one flow can be compared.
Block majority at T_c moves them by 2 % of their size at its second step and 1 % at its
third; plain decimation by a quarter at every step. Of Potts states, angles and real
values there is one, that of nearest neighbours (`nearest`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.instruments.nearest import nearest_coupling
from kadanoff.instruments.operators import fitting

__all__ = ["Drift", "drift"]

OPERATORS = ("nn", "nnn", "plaquette", "third", "field")
SMALLEST_SIDE = 4
"""Below it neighbours two steps apart are one site, met twice."""
LARGE = 0.1
"""Share of the size of all couplings by which none may move at a fixed point."""


@dataclass(frozen=True)
class Drift:
    """Couplings on both sides of a step.

    Attributes:
        operators: names, the order of both vectors.
        before: couplings of the finer lattice, `(operators,)`.
        after: couplings of the coarser one.
    """

    operators: tuple[str, ...]
    before: Estimate
    after: Estimate

    @property
    def change(self) -> Estimate:
        """K' - K, `(operators,)`."""
        return self.after - self.before

    @property
    def large(self) -> bool:
        """Whether one coupling moves by more than a tenth of |K|, beyond 3 σ."""
        change = self.change
        k = self._largest
        least = LARGE * float(np.linalg.norm(self.before.value))
        return bool(abs(change.value[k]) > least + 3 * change.error[k])

    def __str__(self) -> str:
        k = self._largest
        return (
            f"its couplings still change over the last step, {self.operators[k]} from "
            f"{self.before[k]} to {self.after[k]}"
        )

    @property
    def _largest(self) -> int:
        return int(np.argmax(abs(self.change.value)))


def drift(before: Ensemble, after: Ensemble) -> Drift | None:
    """The couplings before and after a step; None on a torus of a side below 4.

    None as well from values of one kind to those of another.

    Args:
        before: configurations on a grid.
        after: the same chains and draws after the map.

    Raises:
        ValueError: too few configurations, or spins that never turn.
    """
    levels = (before, after)
    if any(min(level.grid.shape) < SMALLEST_SIDE for level in levels):
        return None
    if before.alphabet != after.alphabet:
        return None
    if before.alphabet != "pm1":
        first, last = (
            nearest_coupling(level).map(lambda k: k[None]) for level in levels
        )
        return Drift(("nn",), first, last)
    names = fitting(OPERATORS, before.grid.dimension)
    first, last = (fit_couplings(level, names).values for level in levels)
    return Drift(names, first, last)
