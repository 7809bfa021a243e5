"""Positions for the units of an unordered layer, from what they respond to.

With R_ia = ⟨v_i h_a⟩ − ⟨v_i⟩⟨h_a⟩ the response of unit a to the original site i, its
centre is the Fréchet mean

    c_a = argmin_x Σ_i R_ia² d²(i, x)      over sites with |R_ia| > ½ max_i |R_ia|,

d the periodic distance: sampling noise on far sites would pull a mean over all of them.
Centres are assigned to the sites of a lattice, one to one, at the least sum of squared
distances weighted by Σ_i R_ia² (the linear assignment problem): a unit that responds to
nothing takes the site that is left and pushes none aside. h_a → −h_a is a symmetry of a
machine, so the sign of a unit is a convention: that of its response to the
magnetization, Σ_i R_ia > 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.geometry import Geometry, Grid, Unordered
from kadanoff.instruments.response import response_matrix

__all__ = ["Arrange", "arrange"]

CANDIDATES = 256


@dataclass(frozen=True, eq=False)
class Arrange:
    """The fitted rule: unit `permutation[x]`, times `signs[x]`, goes to site x.

    Attributes:
        grid: the lattice the units are put on.
        permutation: unit of each site, `(sites,)`.
        signs: ±1 of each site, `(sites,)`.
        cost: mean distance between a unit's centre and its site, in original sites.
            Random centres on blocks of side b cost about 0.7 b.
        width: mean over units of the root mean square distance of the response from
            its centre, weighted by its square, in original sites. It holds the
            correlations of the data too: at criticality the narrowest rule is as wide
            as the lattice.

    The errors of cost and width are those of a mean over these units.
    """

    grid: Grid
    permutation: np.ndarray
    signs: np.ndarray
    cost: Estimate
    width: Estimate

    def coarse(self, fine: Geometry) -> Grid:
        """The grid; ValueError unless `fine` is an unordered layer of its size."""
        if not isinstance(fine, Unordered) or fine.size != self.grid.size:
            raise ValueError(
                f"this arrangement is of {self.grid.size} unordered units, "
                f"got {fine}; fit one to the layer at hand"
            )
        return self.grid

    @property
    def features(self) -> None:
        """One value per site."""

    def alphabet(self, fine: str) -> str:
        """The alphabet of the input."""
        return fine

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *grid.lattice)` values of the units at their sites."""
        grid = self.coarse(fine)
        values = spins[:, self.permutation] * self.signs.astype(spins.dtype)
        return values.reshape(len(spins), *grid.lattice)

    def __str__(self) -> str:
        return "arrange"


def arrange(fine: Ensemble, hidden: Ensemble, grid: Grid | None = None) -> Arrange:
    """The arrangement of the units of `hidden` by their response to `fine`.

    Args:
        fine: the original configurations, on a grid.
        hidden: an unordered layer made from the same chains, by however many steps.
        grid: where to put the units; blocks of b^d original sites where not given,
            b^d the number of original sites per unit.

    Raises:
        ValueError: units that have positions, other chains, a number of units that is
            not that of the grid, or that no block size gives.
    """
    if not isinstance(hidden.geometry, Unordered):
        raise ValueError(
            "arrange puts an unordered layer on a grid, got values that have positions"
            f" already, of shape {hidden.shape}; leave it out"
        )
    units = hidden.geometry.size
    target = grid or _blocks(fine.grid, units)
    if target.size != units:
        raise ValueError(
            f"an arrangement needs as many sites as units, got {target.size} sites and "
            f"{units} units; give a grid of {units} sites"
        )
    response = response_matrix(fine, hidden)
    centres, widths = _centres(fine.grid, target, response)
    apart = fine.grid.distance(target.positions()[:, None], centres[None])
    strength = (response**2).sum(axis=0)
    sites, permutation = linear_sum_assignment(apart**2 * strength)
    signs = np.where(response.sum(axis=0) < 0, -1, 1)[permutation]
    return Arrange(
        target,
        permutation,
        signs.astype(np.int8),
        cost=_mean_over_units(apart[sites, permutation], hidden),
        width=_mean_over_units(widths, hidden),
    )


def _mean_over_units(values: np.ndarray, hidden: Ensemble) -> Estimate:
    """The mean with its jackknife error over units, which one unit does not have."""
    lineage = f"units of {hidden.lineage}"
    if len(values) < 2:
        return Estimate(values.mean(), {lineage: np.array([np.nan])}, 1)
    return weighted_jackknife(
        [values], float, np.ones(len(values)), lineage=lineage, n_eff=len(values)
    )


def _blocks(fine: Grid, units: int) -> Grid:
    b = round((fine.size / units) ** (1 / fine.dimension))
    if b**fine.dimension * units != fine.size or any(s % b for s in fine.shape):
        raise ValueError(
            f"{units} units are not the blocks of a lattice of shape {fine.shape}; "
            "give the grid to put them on"
        )
    return fine.coarsened(b)


def _centres(
    fine: Grid, target: Grid, response: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Centre of each unit, `(units, d)`, among all sites, and its width, `(units,)`."""
    squares = _normalised(response**2)
    core = np.abs(response) > np.abs(response).max(axis=0) / 2
    candidates = np.concatenate([fine.positions(), target.positions()])
    spread = _second_moments(fine, candidates, _normalised(response**2 * core))
    centres = candidates[spread.argmin(axis=0)]
    d2 = fine.distance(fine.positions()[:, None], centres[None]) ** 2
    return centres, np.sqrt((squares * d2).sum(axis=0))


def _normalised(weights: np.ndarray) -> np.ndarray:
    """Columns of sum 1; a unit without any response counts as spread evenly."""
    total = weights.sum(axis=0)
    return np.where(total > 0, weights, 1.0) / np.where(total > 0, total, len(weights))


def _second_moments(
    fine: Grid, candidates: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Σ_i w_ia d²(i, x) about every candidate x, `(candidates, units)`."""
    sites = fine.positions()
    parts = []
    for start in range(0, len(candidates), CANDIDATES):
        some = candidates[start : start + CANDIDATES]
        d2 = fine.distance(some[:, None], sites[None]) ** 2
        parts.append(d2 @ weights)
    return np.concatenate(parts)
