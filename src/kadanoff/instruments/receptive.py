"""What each coarse unit responds to: receptive fields, their width and their patches.

With R_ia = ⟨v_i h_a⟩ - ⟨v_i⟩⟨h_a⟩ the response of unit a, its width is

    w_a² = Σ_i R_ia² d²(i, c_a) / Σ_i R_ia²,

d the periodic distance and c_a the site of least Σ_i R_ia² d², taken over the sites
where |R_ia| exceeds half its maximum (over all sites, noise far away would choose the
centre that hides it best). The patches are the connected regions of those same sites,
nearest neighbours on the torus. The patch correlator

    G(r) = (1/N_h) Σ_a (1/N) Σ_x C_a(x) C_a(x + r)

is taken with C = R and, as in de Mello Koch, de Mello Koch and Cheng, arXiv:1906.05212,
with C_a(i) = ⟨v_i h_a⟩, not connected.

Sampling noise on every site would, squared, widen a local response by the whole lattice
and give the correlator the shape of the spins' own. So R² and C(x)C(y) are products
between different groups of chains (`kadanoff.instruments.response`), free of that bias.
Patches have no such protection: where noise reaches half the maximum it is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import Correlator, from_waves, shells, to_waves
from kadanoff.instruments.operators import lattice_of
from kadanoff.instruments.response import Responses, response_matrix, responses

__all__ = ["Locality", "count_patches", "locality", "response_matrix"]

RESPONDS = 4.0
"""A unit counts as responding when Σ_i R² is this many errors above zero."""


@dataclass(frozen=True)
class Locality:
    """How local the units of a coarse layer are.

    Widths and patches are taken over the units that respond at all; they are not a
    number where none does. Errors are those of the response, from 16 groups of
    blocks, for the units at hand.

    Attributes:
        width: median over units of the root mean square distance from the centre of
            the response, in original sites.
        patches: median over units of the number of patches.
        mean_patches: mean over units of the number of patches.
        responding: share of the units whose response stands out of the noise.
        correlator: patch correlator of the connected response.
        raw_correlator: patch correlator of ⟨v_i h_a⟩.
    """

    width: Estimate
    patches: Estimate
    mean_patches: Estimate
    responding: float
    correlator: Correlator
    raw_correlator: Correlator


def locality(fine: Ensemble, coarse: Ensemble) -> Locality:
    """Width, patches and patch correlators of the units of `coarse`.

    Args:
        fine: configurations on a grid with one site per cell.
        coarse: what a map made of them, on a grid or unordered.

    Raises:
        ValueError: other chains or draws, fine sites without positions, or a single
            block of configurations.
    """
    grid = lattice_of(fine)
    parts = [_read(grid, turn) for turn in responses(fine, coarse)]
    return _summary(grid, _joined(parts), fine)


def count_patches(grid: Grid, mask: np.ndarray) -> np.ndarray:
    """Connected regions of each of `(units, *shape)` masks on the torus, `(units,)`."""
    number = np.arange(mask.size).reshape(mask.shape)
    edges = []
    for axis in range(1, grid.dimension + 1):
        both = mask & np.roll(mask, -1, axis)
        edges.append((number[both], np.roll(number, -1, axis)[both]))
    rows, columns = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    ones = np.ones(len(rows), dtype=np.int8)
    graph = sparse.coo_array((ones, (rows, columns)), shape=(mask.size, mask.size))
    _, label = csgraph.connected_components(graph, directed=False)
    sites = np.flatnonzero(mask)
    _, first = np.unique(label[sites], return_index=True)
    return np.bincount(sites[first] // grid.size, minlength=len(mask))


@dataclass(frozen=True, eq=False)
class _Reading:
    """What is kept of a turn of units, for all groups and with each left out.

    Attributes:
        strength: Σ_i R², `(1 + groups, units)`.
        moment: Σ_i R² d² from the unit's centre, the same shape.
        patches: number of patches, the same shape.
        power: Σ_a |Ĉ_a(k)|² of the connected response, `(1 + groups, *half spectrum)`.
        raw_power: the same of ⟨v h⟩.
    """

    strength: np.ndarray
    moment: np.ndarray
    patches: np.ndarray
    power: np.ndarray
    raw_power: np.ndarray


def _read(grid: Grid, measured: Responses) -> _Reading:
    shape = (*measured.connected.shape[:2], *grid.shape)
    strength, moment, patches = _by_unit(
        grid, measured.connected.reshape(shape), measured.shares
    )
    power, raw_power = (
        _powers(grid, field.reshape(shape), measured.shares)
        for field in (measured.connected, measured.raw)
    )
    return _Reading(strength, moment, patches, power, raw_power)


def _by_unit(
    grid: Grid, connected: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strength, moment and patches, `(1 + groups, units)` each."""
    squares = connected**2
    units = np.arange(connected.shape[1])
    rows, centre = [], None
    for share in shares:
        mean = _weighted(share, connected)
        cross = _cross(mean**2, _weighted(share**2, squares), share)
        core = _core(abs(mean))
        if centre is None:  # it belongs to the unit and stays when a group is left out
            centre = _second_moments(grid, mean**2 * core).argmin(axis=1)
        around = _second_moments(grid, cross)[units, centre]
        strength = cross.reshape(len(units), -1).sum(axis=1)
        rows.append((strength, around, count_patches(grid, core)))
    strength, moment, patches = (np.array(column) for column in zip(*rows, strict=True))
    return strength, moment, patches


def _core(size: np.ndarray) -> np.ndarray:
    """Where each unit's response exceeds half its maximum."""
    half = size.reshape(len(size), -1).max(axis=1) / 2
    return size > half.reshape(-1, *[1] * (size.ndim - 1))


def _powers(grid: Grid, fields: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Σ_a |Ĉ_a(k)|² between different groups, `(1 + groups, *half spectrum)`."""
    waves = to_waves(fields, grid.dimension)
    own = np.stack([(abs(wave) ** 2).sum(axis=0) for wave in waves])
    rows = []
    for share in shares:
        whole = (abs(_weighted(share, waves)) ** 2).sum(axis=0)
        rows.append(_cross(whole, _weighted(share**2, own), share))
    return np.array(rows)


def _weighted(share: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Σ_g w_g x_g without widening the numbers, which would copy them all."""
    flat = groups.reshape(len(groups), -1)
    return (share.astype(groups.dtype) @ flat).reshape(groups.shape[1:])


def _cross(
    square_of_sum: np.ndarray, sum_of_squares: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Mean over pairs of different groups, from (Σ w x)² and Σ w² x² with Σ w = 1."""
    return (square_of_sum - sum_of_squares) / (1 - (share**2).sum())


def _second_moments(grid: Grid, squares: np.ndarray) -> np.ndarray:
    """Σ_i R_i² d²(i, c) for every site c as centre, `(units, sites)`."""
    positions = grid.positions()
    d2 = grid.distance(positions[0], positions).reshape(grid.shape) ** 2
    waves = to_waves(squares, grid.dimension) * to_waves(d2, grid.dimension)
    return from_waves(waves, grid.shape).reshape(len(squares), -1)


def _joined(parts: list[_Reading]) -> _Reading:
    def units(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts], axis=1)

    def total(name: str) -> np.ndarray:
        return np.sum([getattr(part, name) for part in parts], axis=0)

    return _Reading(
        units("strength"),
        units("moment"),
        units("patches"),
        total("power"),
        total("raw_power"),
    )


def _summary(grid: Grid, reading: _Reading, fine: Ensemble) -> Locality:
    def estimate(values: np.ndarray) -> Estimate:
        return Estimate(values[0], {fine.lineage: values[1:]}, fine.n_eff)

    def correlator(power: np.ndarray) -> Correlator:
        by_distance = shells(grid)
        values = from_waves(power, grid.shape)
        scale = reading.strength.shape[1] * grid.size
        return Correlator(
            by_distance.distance, estimate(by_distance.average(values / scale))
        )

    width, patches = _over_responding(reading, estimate(reading.strength))
    return Locality(
        estimate(width),
        estimate(np.median(patches, axis=1)),
        estimate(patches.mean(axis=1)),
        float(_responds(estimate(reading.strength)).mean()),
        correlator(reading.power),
        correlator(reading.raw_power),
    )


def _responds(strength: Estimate) -> np.ndarray:
    return strength.value > RESPONDS * strength.error


def _over_responding(
    reading: _Reading, strength: Estimate
) -> tuple[np.ndarray, np.ndarray]:
    """Median width `(1 + groups,)`, and patches of the units that respond."""
    chosen = _responds(strength)
    if not chosen.any():
        nothing = np.full((len(reading.strength), 1), np.nan)
        return nothing[:, 0], nothing
    squared = np.median(reading.moment[:, chosen] / reading.strength[:, chosen], axis=1)
    return np.sqrt(np.maximum(squared, 0)), reading.patches[:, chosen]
