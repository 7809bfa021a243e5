"""What a group of sites says together: its sign, commonest state, or direction.

Plurality is the majority rule of more than two states, the state that most sites of a
block are in, and for two states the majority. The vector sum gives planar spins the
direction of their block's magnetization,

    θ' = arg Σ_block e^{iθ},

the block spin of unit length. Neither prefers a state or a direction: a tie between
states is decided by a fair choice among those, and a sum that vanishes points anywhere.
A vote takes `(n, voter, ...)` values and gives `(n, ...)`, of groups that each have
chances of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kadanoff.coarse.kadanoff_rule import aligned

__all__ = ["direction", "plurality", "signs"]

VANISHING = 1e-6
"""Share of the longest possible sum below which it points nowhere: stored angles are
single precision, and two that are opposite add up to 1e-7."""


def signs(spins: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """The sign of the sum of each group, int8, ties by a fair coin."""
    return aligned(spins.sum(axis=1, dtype=np.int32), np.inf, rng=rng)


def plurality(states: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """The commonest state of each group, of whole numbers from 0, in their type."""
    most = np.zeros((len(states), *states.shape[2:]), dtype=np.int32)
    for _, votes in _counted(states):
        np.maximum(most, votes, out=most)
    tied = np.zeros_like(most)
    for _, votes in _counted(states):
        tied += votes == most
    # The place of the winner among those that are tied.
    place = (rng.random(most.shape) * tied).astype(np.int32)
    winner = np.zeros(most.shape, dtype=states.dtype)
    for state, votes in _counted(states):
        leads = votes == most
        winner[leads & (place == 0)] = state
        place -= leads
    return winner


def direction(angles: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """The direction of the vector sum of each group, float32 radians in [-π, π]."""
    total = np.exp(1j * angles.astype(float)).sum(axis=1)
    anywhere = rng.uniform(-np.pi, np.pi, total.shape)
    nowhere = np.abs(total) <= VANISHING * angles.shape[1]
    return np.where(nowhere, anywhere, np.angle(total)).astype(np.float32)


def _counted(states: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each state with its votes, `(n, ...)`, one at a time: there may be 255."""
    for state in range(int(states.max(initial=0)) + 1):
        yield state, (states == state).sum(axis=1, dtype=np.int32)
