"""Kadanoff's block rule: a block spin that follows its block as sharply as one likes.

    p(μ | σ) = exp(p μ Σ_block σ) / 2 cosh(p Σ_block σ)

(L. P. Kadanoff, A. Houghton and M. C. Yalabik, J. Stat. Phys. 14, 171 (1976)). At
p → ∞ it is the majority rule with fair ties, at p = 0 noise that knows nothing of σ.
The layer of a restricted Boltzmann machine is this rule with learned weights for a
block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from kadanoff.coarse.rule import SPINS, BlockRule, check_number
from kadanoff.coarse.windows import block_sum
from kadanoff.geometry import Geometry

__all__ = ["KadanoffRule", "aligned", "check_sharpness"]


@dataclass(frozen=True)
class KadanoffRule(BlockRule):
    """Block spins drawn from p(μ | σ) ∝ exp(p μ Σ_block σ): ±1 to ±1.

    Args:
        b: side of the block, in sites, at least 2.
        p: sharpness, 0 or more; `math.inf` is the majority rule.

    Raises:
        ValueError: another `b`, or a sharpness below 0 or not a number.

    >>> from kadanoff.geometry import Grid
    >>> spins = np.ones((1, 4, 4), dtype=np.int8)
    >>> KadanoffRule(b=2, p=10.0)(spins, Grid((4, 4)), rng=np.random.default_rng(0))
    array([[[1, 1],
            [1, 1]]], dtype=int8)
    """

    name: ClassVar = "kadanoff"
    takes: ClassVar = SPINS
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sharpness(self.p)

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """int8 `(n, *coarse.lattice)` drawn block spins."""
        return aligned(block_sum(spins, self.coarse(fine), self.b), self.p, rng=rng)

    def __str__(self) -> str:
        return f"{super().__str__()},p={float(self.p)}"


def aligned(
    fields: np.ndarray, sharpness: float, *, rng: np.random.Generator
) -> np.ndarray:
    """Spins μ = ±1 drawn from exp(p μ f) / 2 cosh(p f), int8, the shape of `fields`.

    Where p = ∞ the sign of the field, and a fair coin where the field vanishes.
    """
    # 0·∞ is no number: a vanishing field stays what it is at every sharpness.
    exponent = np.zeros(fields.shape)
    np.multiply(sharpness, fields, out=exponent, where=fields != 0)
    up = rng.random(fields.shape) < expit(2 * exponent)
    return np.where(up, 1, -1).astype(np.int8)


def check_sharpness(p: Any) -> None:
    """ValueError for a sharpness that is not a number from 0 to infinity."""
    remedy = "use inf for the majority"
    check_number(p, "sharpness p", remedy)
    if math.isnan(p) or p < 0:
        raise ValueError(f"sharpness p is 0 (noise) or more, got {p:g}; {remedy}")
