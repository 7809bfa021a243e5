"""What each coarse unit responds to: receptive fields, their width and their patches.

With R_ia = ⟨v_i h_a⟩ - ⟨v_i⟩⟨h_a⟩ the response of unit a, its *core* is the sites where
|R_ia| exceeds half its maximum, its patches are the connected regions of the core
(nearest neighbours on the torus), and its width is

    w_a² = Σ_i R_ia² d²(i, c_a) / Σ_i R_ia²,

d the periodic distance and c_a the site of least Σ_core R_ia² d² (over all sites, noise
far away would choose the centre that hides it best).

Near criticality the spins are correlated all over the lattice, and so is every unit
with all of them, however local its rule: w is then close to that of a uniform response,
L/√6. The *direct* response takes this out,

    D_a = C⁻¹ R_a,  D̂_a(k) = R̂_a(k)/S(k),

C(x - y) the spins' own connected correlation, averaged over the torus, and S(k) its
transform: D_a are the weights with which the spins best predict h_a by least squares.
Its width is taken over its core, since C⁻¹ amplifies noise (over all sites where less
than half of D² is in the core), and by halves: core and centre are those of one half of
the chains, D² is that of the other half, and both ways are added. Chosen and read on
the same chains, a core gathers the noise that looks like it, and the centre is where
noise makes it largest.

The patch correlator

    G(r) = (1/N_h) Σ_a (1/N) Σ_x C_a(x) C_a(x + r)

is taken with C_a = R_a and, as in de Mello Koch, de Mello Koch and Cheng,
arXiv:1906.05212, with C_a(i) = ⟨v_i h_a⟩, not connected.

Sampling noise on every site would, squared, widen a local response by the whole lattice
and give the correlator the shape of the spins' own. So R², D² and C(x)C(y) are
products between different groups of chains (`kadanoff.instruments.response`), free of
that bias. The patches of R have no such protection: where noise reaches half the
maximum it is counted; those of D are of the sites that both halves have in the core.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from kadanoff.instruments.fields import core_of, count_patches, from_centre
from kadanoff.instruments.operators import lattice_of
from kadanoff.instruments.response import Responses, response_matrix, responses

__all__ = [
    "Locality",
    "direct_response",
    "locality",
    "response_matrix",
]

RESPONDS = 4.0
"""A unit counts as responding when Σ_i R² is this many errors above zero."""
FEWEST_GROUPS = 6
"""Of chains, for a product between two of either half when one of them is left out."""


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
        direct_width: median over units of the width of the direct response's core; of
            those whose direct response stands out of the noise. Negative as `width`.
        mean_direct_width: root of the mean over these units of its square: a few units
            that look elsewhere are seen.
        direct_reach: as `direct_width`, with distances from where the unit is placed
            in place of its centre: a unit that listens to one site, but to one far
            away, is seen. Not a number for units without positions.
        direct_patches: median over these units of the number of its patches.
        responding: share of the units whose response, direct or not, stands out of the
            noise.
        directly: share of those whose direct response does; direct
            readings need half of the units that respond, and are not numbers below.
        correlator: patch correlator of the connected response.
        raw_correlator: patch correlator of ⟨v_i h_a⟩.
    """

    width: Estimate
    patches: Estimate
    mean_patches: Estimate
    direct_width: Estimate
    mean_direct_width: Estimate
    direct_patches: Estimate
    direct_reach: Estimate
    responding: float
    directly: float
    correlator: Correlator
    raw_correlator: Correlator


def direct_response(fine: Ensemble, coarse: Ensemble) -> np.ndarray:
    """D_a = C⁻¹ R_a, shape `(sites, units)`: the least-squares weights of each unit.

    Args:
        fine: configurations on a grid with one site per cell, of a law that looks the
            same from every site.
        coarse: what a map made of the same chains and draws, any geometry.

    Raises:
        ValueError: other chains or draws, or fine sites without positions.
    """
    grid = lattice_of(fine)
    response = response_matrix(fine, coarse)
    waves = to_waves(response.T.reshape(-1, *grid.shape), grid.dimension)
    direct = from_waves(waves * _inverse(structure_factor(fine)), grid.shape)
    return direct.reshape(-1, grid.size).T


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
    waves = structure_factor(fine)
    from_places = _from_places(grid, coarse)
    parts, first = [], 0
    for turn in responses(fine, coarse):
        last = first + turn.connected.shape[1]
        parts.append(_read(grid, turn, waves, from_places[first:last]))
        first = last
    return _summary(grid, parts, fine)


@dataclass(frozen=True, eq=False)
class _Reading:
    """What is kept of a turn of units, for all groups and with each left out.

    Attributes:
        strength: Σ_i R², `(1 + groups, units)`.
        square: w², the same shape.
        patches: number of patches, the same shape.
        direct_strength: Σ D² over the core, or over all sites, the same shape.
        direct_square: w² of D there, the same shape.
        reach_square: the same from where the units are placed.
        direct_patches: number of patches of D, the same shape.
        power: Σ_a |R̂_a(k)|², `(1 + groups, *half spectrum)`.
        raw_power: the same of ⟨v h⟩.
    """

    strength: np.ndarray
    square: np.ndarray
    patches: np.ndarray
    direct_strength: np.ndarray
    direct_square: np.ndarray
    reach_square: np.ndarray
    direct_patches: np.ndarray
    power: np.ndarray
    raw_power: np.ndarray


def _from_places(grid: Grid, coarse: Ensemble) -> np.ndarray:
    """d² of every site from where each unit is placed, `(units, sites)`.

    Not a number for units without positions, or on a lattice of another dimension.
    Units of several feature maps come map by map.
    """
    placed = coarse.geometry
    sites = grid.positions()
    if not isinstance(placed, Grid) or placed.dimension != grid.dimension:
        return np.full((math.prod(coarse.shape), len(sites)), np.nan, np.float32)
    rows = [grid.distance(place, sites) ** 2 for place in placed.positions()]
    return np.tile(np.array(rows, np.float32), (coarse.features or 1, 1))


def _read(
    grid: Grid, measured: Responses, factor: np.ndarray, from_places: np.ndarray
) -> _Reading:
    shape = (*measured.connected.shape[:2], *grid.shape)
    connected = measured.connected.reshape(shape)
    waves = to_waves(connected, grid.dimension)
    raw_waves = to_waves(measured.raw.reshape(shape), grid.dimension)
    strength, square, patches = _connected_fields(grid, connected, measured.shares)
    direct, square_of_direct, reach, patches_of_direct = _direct_fields(
        grid, waves * _inverse(factor), measured.shares, from_places
    )
    return _Reading(
        strength,
        square,
        patches,
        direct,
        square_of_direct,
        reach,
        patches_of_direct,
        _powers(waves, measured.shares),
        _powers(raw_waves, measured.shares),
    )


def _connected_fields(
    grid: Grid, responses: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Strength, w² and patches, `(1 + groups, units)` each."""
    squares = responses**2
    d2, rows = None, []  # the centre belongs to the unit: it stays for every share
    for share in shares:
        mean = _weighted(share, responses)
        core = core_of(mean)
        d2 = from_centre(grid, mean**2 * core) if d2 is None else d2
        cross = _cross(mean**2, _weighted(share**2, squares), share)
        cross = cross.reshape(d2.shape)
        strength = cross.sum(axis=1)
        square = _ratio(np.einsum("as,as->a", cross, d2), strength)
        rows.append((strength, square, count_patches(grid, core)))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def _direct_fields(
    grid: Grid, waves: np.ndarray, shares: np.ndarray, from_places: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Strength, w², reach² and patches of D, `(1 + groups, units)` each."""
    if len(waves) < FEWEST_GROUPS:
        nothing = np.full((len(shares), waves.shape[1]), np.nan)
        return nothing, nothing, nothing, nothing
    direct = np.stack([from_waves(wave, grid.shape) for wave in waves])
    squares = direct**2
    even = np.arange(len(direct)) % 2 == 0
    distances: dict[bool, np.ndarray] = {}  # as above, of each half
    rows, patches = [], []
    for share in shares:
        sums, cores = 0.0, []
        for first in (True, False):
            mine, other = (_half(share, even == (first == k)) for k in (True, False))
            mean, across = (_weighted(half, direct) for half in (mine, other))
            core = core_of(mean)
            d2 = distances.setdefault(first, from_centre(grid, mean**2 * core))
            cross = _cross(across**2, _weighted(other**2, squares), other)
            everywhere = cross.reshape(d2.shape)
            inside = everywhere * core.reshape(d2.shape)
            moments = [_moments(part, d2, from_places) for part in (inside, everywhere)]
            sums = sums + np.array(moments) / 2
            cores.append(core)
        rows.append(sums)
        patches.append(count_patches(grid, cores[0] & cores[1]))
    read = _where_it_is(np.array(rows))
    squares_of = (_ratio(read[:, k], read[:, 0]) for k in (1, 2))
    return read[:, 0], *squares_of, np.array(patches)


def _moments(part: np.ndarray, *distances: np.ndarray) -> list[np.ndarray]:
    """Σ D² and Σ D² d² of each unit."""
    return [part.sum(axis=1), *(np.einsum("as,as->a", part, d2) for d2 in distances)]


def _where_it_is(sums: np.ndarray) -> np.ndarray:
    """The sums of each unit over its core, or over all sites if D² is mostly outside.

    Args:
        sums: `(1 + groups, core or everywhere, moments, units)`.
    """
    inside, everywhere = sums[0, :, 0]
    spread = 2 * inside < everywhere
    return np.where(spread, sums[:, 1], sums[:, 0])


def _half(share: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The weights of some groups, which then add to one."""
    return share * groups / share[groups].sum()


def _inverse(factor: np.ndarray) -> np.ndarray:
    """1/S(k); waves that never fluctuate have neither response nor weight."""
    moving = factor > 1e-9 * factor.max()
    inverse = np.divide(1, factor, out=np.zeros_like(factor), where=moving)
    return inverse.astype(np.float32)


def _ratio(moment: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Moment over strength; not a number for a unit that never moves."""
    nothing = np.full_like(moment, np.nan)
    return np.divide(moment, strength, out=nothing, where=strength != 0)


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


def _summary(grid: Grid, parts: Sequence[_Reading], fine: Ensemble) -> Locality:
    def units(name: str) -> np.ndarray:
        return np.hstack([getattr(part, name) for part in parts])

    def estimate(values: np.ndarray) -> Estimate:
        return Estimate(values[0], {fine.lineage: values[1:]}, fine.n_eff)

    def correlator(name: str) -> Correlator:
        groups = shells(grid)
        power = np.sum([getattr(part, name) for part in parts], axis=0)
        scale = units("strength").shape[1] * grid.size
        values = groups.average(from_waves(power, grid.shape) / scale)
        return Correlator(groups.distance, estimate(values))

    whole, inside = (estimate(units(n)) for n in ("strength", "direct_strength"))
    responding = whole.value > RESPONDS * whole.error
    directly = inside.value > RESPONDS * inside.error
    either = responding | directly
    if 2 * directly.sum() < either.sum():
        directly = np.zeros_like(directly)
    return Locality(
        width=estimate(_root(_average(units("square"), responding))),
        patches=estimate(_average(units("patches"), responding)),
        mean_patches=estimate(_average(units("patches"), responding, np.mean)),
        direct_width=estimate(_root(_average(units("direct_square"), directly))),
        mean_direct_width=estimate(
            _root(_average(units("direct_square"), directly, np.mean))
        ),
        direct_patches=estimate(_average(units("direct_patches"), directly)),
        direct_reach=estimate(_root(_average(units("reach_square"), directly))),
        responding=float(either.mean()),
        directly=float(directly.mean()),
        correlator=correlator("power"),
        raw_correlator=correlator("raw_power"),
    )


def _average(
    values: np.ndarray, chosen: np.ndarray, mean: Callable[..., Any] = np.median
) -> np.ndarray:
    """An average over the chosen units; not a number where there are none."""
    if not chosen.any():
        return np.full(len(values), np.nan)
    return mean(values[:, chosen], axis=1)


def _root(square: np.ndarray) -> np.ndarray:
    """√|w²| with the sign of w²: noise may leave a local response below zero."""
    return np.sign(square) * np.sqrt(abs(square))
