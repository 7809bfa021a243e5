"""Rules one after another: a stack of coarse-grainings is a coarse-graining."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kadanoff.coarse.coarsen import check_rule, coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed

__all__ = ["Stack"]


@dataclass(frozen=True)
class Stack:
    """The rules applied in turn.

    Args:
        rules: at least one coarse-graining, finest first.

    Raises:
        ValueError: no rule, what is no rule, or several feature maps before the last
            one.
    """

    rules: tuple[CoarseGraining, ...]

    def __post_init__(self) -> None:
        rules: Any = self.rules
        several = isinstance(rules, Iterable) and not isinstance(rules, str)
        object.__setattr__(self, "rules", tuple(rules) if several else (rules,))
        if not self.rules:
            raise ValueError("a stack needs at least one rule, got none")
        for rule in self.rules:
            check_rule(rule)
        self._check_maps()

    def _check_maps(self) -> None:
        """Refuse several feature maps in between, which some rules know only later."""
        for rule in self.rules[:-1]:
            if rule.features is not None:
                raise ValueError(
                    f"the rule after {rule} takes one value per site, got "
                    f"{rule.features} feature maps; choose one with map=…"
                )

    @property
    def features(self) -> int | None:
        """Number of feature maps of the last rule."""
        return self.rules[-1].features

    def coarse(self, fine: Geometry) -> Geometry:
        """The geometry after the last rule."""
        for rule in self.rules:
            fine = rule.coarse(fine)
        self._check_maps()
        return fine

    def alphabet(self, fine: str) -> str:
        """The alphabet after the last rule."""
        for rule in self.rules:
            fine = rule.alphabet(fine)
        return fine

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """Values of the last level, `(n, *coarse.lattice)`."""
        for rule in self.rules:
            spins = rule(spins, fine, rng=rng)
            fine = rule.coarse(fine)
        return spins

    def levels(self, fine: Ensemble, *, seed: int = 0) -> Iterator[Ensemble]:
        """Every level, the given one first: one ensemble more than there are rules."""
        yield fine
        for k, rule in enumerate(self.rules):
            fine = coarsen(rule, fine, seed=subseed(seed, "level", k))
            yield fine

    def __str__(self) -> str:
        return " | ".join(map(str, self.rules))
