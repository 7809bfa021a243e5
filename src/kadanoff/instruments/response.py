"""How the units of one level respond to the sites of another.

    R_ia = ⟨v_i h_a⟩ - ⟨v_i⟩⟨h_a⟩

from the same configurations before and after a map. Sampling noise of size 1/√n sits
on every entry. Squares and products of responses are therefore taken between different
groups of chains: with R_g from group g and w_g its share of the configurations,

    R_i R_j → Σ_{g≠g'} w_g w_g' R_g,i R_g',j / Σ_{g≠g'} w_g w_g',

which is free of the bias that noise gives to a square; single values may be negative.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Block, Ensemble
from kadanoff.estimate import check_same_chains

__all__ = ["Responses", "response_matrix", "responses"]

GROUPS = 16
"""Jackknife groups of a response, merged blocks: one matrix is held for each."""
HELD_VALUES = 1 << 23
"""Response values held at a time, all groups together (32 MB each for ⟨v h⟩ and R);
more units than that are read in turns."""
ROWS = 2048
"""Configurations in one matrix product."""


@dataclass(frozen=True, eq=False)
class Responses:
    """⟨v h⟩ and R for some of the units, one matrix per group of configurations.

    Attributes:
        raw: ⟨v_i h_a⟩, `(group, unit, site)`, float32.
        connected: R_ia, the same shape.
        shares: weights of the groups, `(1 + groups, groups)`: all of them in the first
            row, then with each one left out.
    """

    raw: np.ndarray
    connected: np.ndarray
    shares: np.ndarray


def response_matrix(fine: Ensemble, coarse: Ensemble) -> np.ndarray:
    """R_ia = ⟨v_i h_a⟩ - ⟨v_i⟩⟨h_a⟩, shape `(sites, units)`, float64.

    Args:
        fine: configurations, any geometry.
        coarse: what a map made of the same chains and draws, any geometry.

    Raises:
        ValueError: other chains or draws.
    """
    check_same_chains(fine, coarse)
    return _response(fine, coarse, fine.chunks(), slice(None))[1].T


def responses(fine: Ensemble, coarse: Ensemble) -> Iterator[Responses]:
    """The responses of all units, as many units at a time as memory allows.

    The groups are runs of at most 16 jackknife blocks of `fine`; at most about 200 MB
    are held, and `fine` is read once for each turn.

    Raises:
        ValueError: other chains or draws, or a single block of configurations.
    """
    check_same_chains(fine, coarse)
    groups = _groups(fine)
    shares = _shares(groups)
    units = math.prod(coarse.shape)
    step = max(1, HELD_VALUES // (math.prod(fine.shape) * len(groups)))
    for start in range(0, units, step):
        chosen = slice(start, min(start + step, units))
        pairs = [_response(fine, coarse, group, chosen) for group in groups]
        raw, connected = (
            np.stack([part.astype(np.float32) for part in parts])
            for parts in zip(*pairs, strict=True)
        )
        yield Responses(raw, connected, shares)


def _response(
    fine: Ensemble, coarse: Ensemble, blocks: Iterable[Block], units: slice
) -> tuple[np.ndarray, np.ndarray]:
    """⟨v h⟩ and its connected part over some configurations, `(units, sites)` each."""
    count, hv, h, v = 0, 0.0, 0.0, 0.0
    for block in blocks:
        for left, right in _rows(fine.read(block), coarse.read(block), units):
            count += len(left)
            # In single precision sums of ±1 are exact, and BLAS is twice as fast.
            hv = hv + (right.T @ left).astype(float)
            h = h + right.sum(axis=0, dtype=float)
            v = v + left.sum(axis=0, dtype=float)
    raw = np.asarray(hv) / count
    return raw, raw - np.outer(h, v) / count**2


def _rows(
    fine: np.ndarray, coarse: np.ndarray, units: slice
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(fine), ROWS):
        stop = min(start + ROWS, len(fine))
        left = fine[start:stop].reshape(stop - start, -1)
        right = coarse[start:stop].reshape(stop - start, -1)[:, units]
        yield left.astype(np.float32), right.astype(np.float32)


def _groups(ensemble: Ensemble) -> list[list[Block]]:
    """The jackknife blocks merged into at most `GROUPS` runs of neighbours."""
    blocks = ensemble.blocks()
    if len(blocks) < 2:
        raise ValueError(
            "a response without its noise needs at least 2 blocks of configurations, "
            f"got {len(blocks)}; sample more chains or more draws"
        )
    ends = np.linspace(0, len(blocks), min(GROUPS, len(blocks)) + 1).round().astype(int)
    return [blocks[a:b] for a, b in itertools.pairwise(ends)]


def _shares(groups: list[list[Block]]) -> np.ndarray:
    sizes = np.array([sum(block.size for block in group) for group in groups], float)
    rows = np.vstack([sizes, sizes * (1 - np.eye(len(groups)))])
    return rows / rows.sum(axis=1, keepdims=True)
