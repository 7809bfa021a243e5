"""Applying a rule to an ensemble, chunk by chunk, with one generator per chunk."""

from __future__ import annotations

from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator

__all__ = ["check_rule", "coarsen"]


def coarsen(rule: CoarseGraining, fine: Ensemble, *, seed: int = 0) -> Ensemble:
    """The ensemble of coarse configurations, same chains and draws as `fine`.

    Args:
        rule: any coarse-graining.
        fine: `(chain, draw, *lattice)` configurations.
        seed: draws what the rule leaves to chance; the same seed, the same result.

    Raises:
        ValueError: what is no rule, a rule that does not fit the geometry or the
            alphabet, or several feature maps in `fine`.
    """
    check_rule(rule)
    if fine.features is not None:
        raise ValueError(
            f"a rule takes one value per site, got {fine.features} feature maps; "
            "choose one of them with map=…"
        )
    geometry = rule.coarse(fine.geometry)
    alphabet = rule.alphabet(fine.alphabet)
    parts = [
        rule(fine.read(c), fine.geometry, rng=generator(seed, "coarsen", k))
        for k, c in enumerate(fine.chunks())
    ]
    values = np.concatenate(parts)
    values = values.reshape(fine.chains, fine.draws, *values.shape[1:])
    note = {"step": "coarsen", "rule": str(rule), "seed": seed}
    return fine.derived(values, geometry, alphabet, note, features=rule.features)


def check_rule(rule: Any) -> None:
    """ValueError for what is no coarse-graining, such as the text of one."""
    if isinstance(rule, type) or not isinstance(rule, CoarseGraining):
        raise ValueError(
            f"a rule is a coarse-graining, got {rule!r}; give for example Majority(b=2)"
            ", or parse_rule('majority:b=2') of kadanoff.coarse.grammar"
        )
