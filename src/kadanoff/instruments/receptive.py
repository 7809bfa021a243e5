"""What each coarse unit responds to: receptive fields, their width and their patches.

With R_ia = ⟨v_i h_a⟩ - ⟨v_i⟩⟨h_a⟩ the response of unit a, its width is

    w_a² = Σ_i R_ia² d²(i, c_a) / Σ_i R_ia²,

d the periodic distance and c_a the site of least Σ_i R_ia² d², taken over the sites
where |R_ia| exceeds half its maximum (over all sites, noise far away would choose the
centre that hides it best). The patches are the connected regions of those same sites,
nearest neighbours on the torus.

Near criticality the spins are correlated all over the lattice, and so is every unit
with all of them, however local its rule. The *direct* response takes that out,

    D_a = C⁻¹ R_a,  D̂_a(k) = R̂_a(k)/S(k),

C(x - y) the spins' own connected correlation, averaged over the torus, and S(k) its
transform: D_a are the weights with which the spins best predict h_a by least squares.
On independent spins it is R. The patch correlator

    G(r) = (1/N_h) Σ_a (1/N) Σ_x C_a(x) C_a(x + r)

is taken with C = R and, as in de Mello Koch, de Mello Koch and Cheng, arXiv:1906.05212,
with C_a(i) = ⟨v_i h_a⟩, not connected.

Sampling noise on every site would, squared, widen a local response by the whole lattice
and give the correlator the shape of the spins' own. So R² and C(x)C(y) are products
between different groups of chains (`kadanoff.instruments.response`), free of that bias.
Patches have no such protection: where noise reaches half the maximum it is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import (
    Correlator,
    from_waves,
    shells,
    structure_factor,
    to_waves,
)
from kadanoff.instruments.operators import lattice_of
from kadanoff.instruments.response import Responses, grouped, response_matrix, responses

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
            the response, in original sites. Uniform on L×L: about L/√6. Negative where
            noise outweighs it: √|w²| with the sign of w².
        patches: median over units of the number of patches.
        mean_patches: mean over units of the number of patches.
        direct_width: width of the direct response.
        direct_patches: median over units of the patches of the direct response.
        responding: share of the units whose response stands out of the noise.
        correlator: patch correlator of the connected response.
        raw_correlator: patch correlator of ⟨v_i h_a⟩.
    """

    width: Estimate
    patches: Estimate
    mean_patches: Estimate
    direct_width: Estimate
    direct_patches: Estimate
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
    parts, direct = [], None
    for turn in responses(fine, coarse):
        direct = _inverse(fine) if direct is None else direct
        parts.append(_read(grid, turn, direct))
    return _summary(grid, parts, fine)


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
class _Fields:
    """Receptive fields of one kind, for all groups and with each left out.

    Attributes:
        strength: Σ_i R², `(1 + groups, units)`.
        moment: Σ_i R² d² from the unit's centre, the same shape.
        patches: number of patches, the same shape.
    """

    strength: np.ndarray
    moment: np.ndarray
    patches: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[_Fields]) -> _Fields:
        names = ("strength", "moment", "patches")
        return cls(*(np.hstack([getattr(p, name) for p in parts]) for name in names))

    def over(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Median width `(1 + groups,)` and patches `(1 + groups, units)` of some."""
        if not chosen.any():
            nothing = np.full((len(self.strength), 1), np.nan)
            return nothing[:, 0], nothing
        squared = self.moment[:, chosen] / self.strength[:, chosen]
        square = np.median(squared, axis=1)
        return np.sign(square) * np.sqrt(abs(square)), self.patches[:, chosen]


@dataclass(frozen=True, eq=False)
class _Reading:
    """What is kept of a turn of units.

    Attributes:
        connected: fields of the connected response.
        direct: fields of the direct response.
        power: Σ_a |R̂_a(k)|², `(1 + groups, *half spectrum)`.
        raw_power: the same of ⟨v h⟩.
    """

    connected: _Fields
    direct: _Fields
    power: np.ndarray
    raw_power: np.ndarray


def _inverse(fine: Ensemble) -> np.ndarray:
    """1/S(k) of each group of configurations, `(group, 1, *half spectrum)`.

    Each group's own: S then carries the same fluctuations as R, which drop out of D.
    """
    factors = np.stack([structure_factor(fine, group) for group in grouped(fine)])
    # Waves that never fluctuate have neither response nor weight.
    moving = factors > 1e-9 * factors.max()
    inverse = np.divide(1, factors, out=np.zeros_like(factors), where=moving)
    return inverse[:, None].astype(np.float32)


def _read(grid: Grid, measured: Responses, inverse: np.ndarray) -> _Reading:
    shape = (*measured.connected.shape[:2], *grid.shape)
    connected = measured.connected.reshape(shape)
    waves = to_waves(connected, grid.dimension)
    raw_waves = to_waves(measured.raw.reshape(shape), grid.dimension)
    return _Reading(
        _fields(grid, connected, measured.shares),
        _fields(grid, from_waves(waves * inverse, grid.shape), measured.shares),
        _powers(waves, measured.shares),
        _powers(raw_waves, measured.shares),
    )


def _fields(grid: Grid, responses: np.ndarray, shares: np.ndarray) -> _Fields:
    """From `(group, unit, *shape)` responses."""
    squares = responses**2
    first = _weighted(shares[0], responses)
    # The centre belongs to the unit: it stays when a group is left out.
    centre = _second_moments(grid, first**2 * _core(abs(first))).argmin(axis=1)
    d2 = _squared_distances(grid, centre)
    rows = []
    for share in shares:
        mean = _weighted(share, responses)
        cross = _cross(mean**2, _weighted(share**2, squares), share)
        cross = cross.reshape(len(d2), -1)
        moment = np.einsum("as,as->a", cross, d2)
        rows.append((cross.sum(axis=1), moment, count_patches(grid, _core(abs(mean)))))
    return _Fields(*(np.array(column) for column in zip(*rows, strict=True)))


def _core(size: np.ndarray) -> np.ndarray:
    """Where each unit's response exceeds half its maximum."""
    half = size.reshape(len(size), -1).max(axis=1) / 2
    return size > half.reshape(-1, *[1] * (size.ndim - 1))


def _powers(waves: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Σ_a |Ĉ_a(k)|² between different groups, `(1 + groups, *half spectrum)`."""
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
    d2 = _squared_distances(grid, np.zeros(1, dtype=int)).reshape(grid.shape)
    waves = to_waves(squares, grid.dimension) * to_waves(d2, grid.dimension)
    return from_waves(waves, grid.shape).reshape(len(squares), -1)


def _squared_distances(grid: Grid, centres: np.ndarray) -> np.ndarray:
    """d²(i, c) to every site i, `(centres, sites)`."""
    positions = grid.positions()
    from_origin = grid.distance(positions[0], positions) ** 2
    sites = np.indices(grid.shape).reshape(grid.dimension, -1)
    sides = np.array(grid.shape)[:, None, None]
    steps = (sites[:, None, :] - sites[:, centres][:, :, None]) % sides
    return from_origin[np.ravel_multi_index(tuple(steps), grid.shape)]


def _summary(grid: Grid, parts: Sequence[_Reading], fine: Ensemble) -> Locality:
    connected = _Fields.joined([part.connected for part in parts])
    direct = _Fields.joined([part.direct for part in parts])

    def estimate(values: np.ndarray) -> Estimate:
        return Estimate(values[0], {fine.lineage: values[1:]}, fine.n_eff)

    def correlator(power: np.ndarray) -> Correlator:
        groups = shells(grid)
        scale = connected.strength.shape[1] * grid.size
        values = groups.average(from_waves(power, grid.shape) / scale)
        return Correlator(groups.distance, estimate(values))

    strength = estimate(connected.strength)
    responding = strength.value > RESPONDS * strength.error
    width, patches = connected.over(responding)
    direct_width, direct_patches = direct.over(responding)
    return Locality(
        width=estimate(width),
        patches=estimate(np.median(patches, axis=1)),
        mean_patches=estimate(patches.mean(axis=1)),
        direct_width=estimate(direct_width),
        direct_patches=estimate(np.median(direct_patches, axis=1)),
        responding=float(responding.mean()),
        correlator=correlator(np.sum([part.power for part in parts], axis=0)),
        raw_correlator=correlator(np.sum([part.raw_power for part in parts], axis=0)),
    )
