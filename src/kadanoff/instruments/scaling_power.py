"""The bare power law: a straight line through ln G against ln r, labelled as biased.

This is how scaling dimensions are often read from small periodic lattices, all
distances alike and no torus. What it does to the exact critical torus is computed in
the same way at the same distances; it is the `bias` that is reported beside it. At
L = 10 it is half of Δ_σ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact import torus_cft
from kadanoff.geometry import Grid
from kadanoff.instruments.scaling import correlator
from kadanoff.instruments.scaling_form import (
    OPERATORS,
    check_window,
    square_sides,
)

__all__ = ["PowerLaw", "power_law"]


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """Minus half the slope of ln G against ln r.

    Attributes:
        operator: `spin` or `energy`.
        delta: the biased Δ, with its statistical error.
        bias: Δ of the same line through the exact critical torus, less the exact one.
        r_min, r_max: the distances used, in original sites.
    """

    operator: str
    delta: Estimate
    bias: float
    r_min: float
    r_max: float

    def __str__(self) -> str:
        name = {"spin": "Δ_σ", "energy": "Δ_ε"}[self.operator]
        return (
            f"{name} = {self.delta} by a bare power law at {self.r_min:g} ≤ r ≤ "
            f"{self.r_max:g}, biased by {self.bias:+.4f} on a critical torus"
        )


def power_law(
    ensemble: Ensemble,
    operator: str = "spin",
    *,
    r_min: float | None = None,
    r_max: float | None = None,
) -> PowerLaw:
    """Δ by a straight line, unweighted, and how wrong it is at a critical point.

    Args:
        ensemble: values on a square or rectangular lattice.
        operator: `spin`, or `energy` for ε_i = s_i Σ_nn s_j less its mean.
        r_min: shortest distance, in original sites; one lattice constant where not
            given.
        r_max: longest; half the short side where not given.

    Raises:
        ValueError: an unknown operator, a lattice without right angles or equal
            spacings, fewer than two distances, or a correlator that is not positive
            at all of them, which has no logarithm.
    """
    measured = correlator(ensemble, operator)
    distance, exact = _torus(ensemble.grid, operator)
    sides, a = square_sides(ensemble.grid)
    near = a if r_min is None else r_min
    far = a * min(sides) / 2 if r_max is None else r_max
    check_window(near, far, ensemble.grid.shape)
    tiny = 1e-6 * near
    inside = np.flatnonzero((distance >= near - tiny) & (distance <= far + tiny))
    g = measured.value[inside]
    _check(g, distance[inside], near, far)
    x = np.log(distance[inside])
    slope = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    straight = float(-slope @ np.log(exact[inside]) / 2)
    return PowerLaw(
        operator,
        g.map(lambda values: -slope @ np.log(values) / 2),
        straight - OPERATORS[operator],
        near,
        far,
    )


def _torus(grid: Grid, operator: str) -> tuple[np.ndarray, np.ndarray]:
    """Distances in original sites and the critical form at each, to a factor."""
    sides, a = square_sides(grid)
    table = {"spin": torus_cft.spin_shells, "energy": torus_cft.energy_shells}
    distance, exact = table[operator](sides)
    return a * distance, exact


def _check(g: Estimate, distance: np.ndarray, near: float, far: float) -> None:
    if len(distance) < 2:
        raise ValueError(
            f"a line needs at least 2 distances between {near:g} and {far:g}, got "
            f"{len(distance)}; widen the window"
        )
    rows = np.concatenate([g.value[None], *g.replicates.values()])
    if not (rows > 0).all():
        first = float(distance[(rows <= 0).any(axis=0)][0])
        raise ValueError(
            f"a power law needs a positive correlator, got one that is not at r = "
            f"{first:g}; shorten the window or fit the torus form"
        )
