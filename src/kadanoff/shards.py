"""Shards put together: more independent chains, or more draws of the same chains.

A run writes its configurations in shards so that a killed writer loses little; how it
was cut must leave no trace in the whole. The lineage of the whole is therefore given,
not derived: it depends on the settings of the run, never on its shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kadanoff.ensemble import Ensemble

__all__ = ["concatenate"]

AXES = ("chain", "draw")


def concatenate(
    ensembles: Sequence[Ensemble], *, axis: str, lineage: str, tau: float | None = None
) -> Ensemble:
    """One ensemble of many: the chains, or the draws of each chain, in order.

    Args:
        ensembles: shards of one geometry, alphabet and law, in order.
        axis: `chain` or `draw`.
        lineage: name of the whole.
        tau: autocorrelation time of the whole; the largest of the shards if not given.

    Raises:
        ValueError: no shards, another axis, or shards that do not fit together.
    """
    if axis not in AXES:
        raise ValueError(f"shards join along 'chain' or 'draw', got {axis!r}")
    if not ensembles:
        raise ValueError("joining shards needs at least one ensemble, got none")
    first, along = ensembles[0], AXES.index(axis)
    for other in ensembles[1:]:
        _check_fits(first, other, along)
    note = {"step": "concatenate", "axis": axis}  # not how many: no trace of the cut
    return replace(
        first,
        data=np.concatenate([e.data for e in ensembles], axis=along),
        lineage=lineage,
        tau=max(e.tau for e in ensembles) if tau is None else tau,
        history=(*first.history, note),
    )


def _check_fits(first: Ensemble, other: Ensemble, along: int) -> None:
    for name in ("geometry", "alphabet", "features", "model", "couplings"):
        here, there = getattr(first, name), getattr(other, name)
        if here != there:
            raise ValueError(
                f"shards of one ensemble share their {name}, got {here} and {there}"
            )
    here, there = (e.data.shape[1 - along] for e in (first, other))
    if here != there:
        raise ValueError(
            f"shards joined along '{AXES[along]}' need as many {AXES[1 - along]}s each,"
            f" got {here} and {there}"
        )
