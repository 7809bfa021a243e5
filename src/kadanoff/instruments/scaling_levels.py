"""The dimension of the spin from two or more levels of one map, without a torus.

A map that takes σ to a coarse spin of the same alphabet leaves long distances alone:
at equal distance r, in original sites,

    G_coarse(r)/G_fine(r) = ζ² (1 + c (a/r)² + …),   ζ → b^{Δ_σ},

flat in r but for the shape of the block (a is the coarse lattice constant: a coarse
spin is σ and, by symmetry, next a² ∂²σ), whatever the boundaries, the law and the
coupling. Its height is b^{2Δ} where both levels are near the fixed point of the map. It
is not at the first step, where ζ² carries the change of amplitude from the model to the
fixed point. (Compared at equal numbers of lattice constants on an infinite critical
lattice, it would tend to 1.) ⟨m²⟩_coarse/⟨m²⟩_fine is the ratio of the means of G over
all distances, the shortest ones included.

This is the equation of Callan and Symanzik (C. G. Callan, Phys. Rev. D 2, 1541 (1970);
K. Symanzik, Commun. Math. Phys. 18, 227 (1970)) for the lattice constant a = b^k,

    [a ∂_a - 2γ + Σ β_i ∂_{K_i}] G(r; a, K) = 0,

integrated over one step: a step is a finite change of ln a, and γ(k → k+1) =
ln ζ²/(2 ln b) is the running anomalous dimension, (d - 2 + η)/2 at a fixed point. Where
the couplings have stopped to run (β = 0), G = B (aρ)^{2γ} R on the torus: a and 1/r
have the same exponent, γ = Δ, which `callan_symanzik` tests by reading Δ off r alone
at every level.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, check_same_chains, jackknife
from kadanoff.geometry import Grid, scale_factor
from kadanoff.instruments.correlators import from_waves, shells, to_waves
from kadanoff.instruments.operators import lattice_of
from kadanoff.instruments.scaling import ScalingDimension, dimension
from kadanoff.instruments.scaling_fit import line_fit, most_points
from kadanoff.instruments.scaling_form import check_window

__all__ = ["CallanSymanzik", "LevelRatio", "callan_symanzik", "level_ratio"]

ROWS = 1024  # configurations transformed at a time
NEAREST = 2.0  # shortest distance fitted, in coarse lattice constants
POINTS = 8


@dataclass(frozen=True, eq=False)
class LevelRatio:
    """G_coarse/G_fine at equal distance, and what it says about the map.

    Attributes:
        b: change of scale.
        distance: the distances of the coarse lattice, from 0, in original sites.
        ratio: G_coarse(r)/G_fine(r) at each of them.
        r_min, r_max: the distances fitted.
        plateau: ζ², the ratio at distances of many lattice constants.
        correction: c.
        chi2, dof, p: of ζ² (1 + c (a/r)²) at these distances.
        delta: ln ζ²/(2 ln b); not a number where noise has made ζ² negative.
        magnetization: ⟨m²⟩_coarse/⟨m²⟩_fine.
        delta_magnetization: its logarithm over 2 ln b.
    """

    b: float
    distance: np.ndarray
    ratio: Estimate
    r_min: float
    r_max: float
    plateau: Estimate
    correction: Estimate
    chi2: float
    dof: int
    p: float
    delta: Estimate
    magnetization: Estimate
    delta_magnetization: Estimate

    def __str__(self) -> str:
        return (
            f"G_coarse/G_fine → {self.plateau} for {self.r_min:g} ≤ r ≤ {self.r_max:g} "
            f"(χ²/dof = {self.chi2:.1f}/{self.dof}, p = {self.p:.2g}): Δ = "
            f"{self.delta} for b = {self.b:g}; ⟨m²⟩ gives {self.delta_magnetization}"
        )


@dataclass(frozen=True, eq=False)
class CallanSymanzik:
    """The anomalous dimension along the levels of a map.

    Attributes:
        steps: one `LevelRatio` per step; `delta` of each is γ there.
        along: Δ of the torus form at each fine level, None where there is none: in
            three dimensions, on turned lattices, on too small ones.
        reported: index of the step that is reported.
        dimension: d.
    """

    steps: tuple[LevelRatio, ...]
    along: tuple[ScalingDimension | None, ...]
    reported: int
    dimension: int

    @property
    def gamma(self) -> Estimate:
        """γ of the reported step, with its statistical error."""
        return self.steps[self.reported].delta

    @property
    def eta(self) -> Estimate:
        """η = 2γ - (d - 2)."""
        return 2 * self.gamma - (self.dimension - 2)

    @property
    def change(self) -> Estimate | None:
        """Change of γ over the last step: how much it still runs; None of one step."""
        if self.reported == 0:
            return None
        return self.gamma - self.steps[self.reported - 1].delta

    @property
    def error(self) -> float:
        """Of η: statistical error and |2 × change| in quadrature; NaN for one step."""
        if self.change is None:
            return math.nan
        return math.hypot(float(self.eta.error), 2 * float(self.change.value))

    @property
    def beta(self) -> tuple[Estimate | None, ...]:
        """2γ(k → k+1) - 2Δ(k), the β-function term of each step: 0 at a fixed point."""
        return tuple(
            None if along is None else 2 * (step.delta - along.delta)
            for step, along in zip(self.steps, self.along, strict=False)
        )

    def __str__(self) -> str:
        rows = ["step  γ = ln ζ²/(2 ln b)  2γ - 2Δ(r)"]
        for k, (step, beta) in enumerate(zip(self.steps, self.beta, strict=True)):
            mark = " ← reported" if k == self.reported else ""
            rows.append(
                f"{k}→{k + 1}   {step.delta!s:19}  {beta or 'no window'!s}{mark}"
            )
        rows.append(
            f"η = {self.eta}, with the change over the last step ± {self.error:.2g}"
        )
        return "\n".join(rows)


def level_ratio(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    r_min: float | None = None,
    r_max: float | None = None,
) -> LevelRatio:
    """ζ² of a map from its two ends, with the errors of shared configurations.

    Displacements of the coarse lattice are compared with the same displacements of the
    fine one, not with all of equal length.

    Args:
        fine: configurations on a grid, ±1 or real.
        coarse: the same chains and draws after the map, on a coarser grid.
        r_min: shortest distance of the plateau, in original sites; two lattice
            constants of the coarse level where not given.
        r_max: longest; half the short side where not given.

    Raises:
        ValueError: other chains or draws, units without positions, b not above 1,
            coarse displacements that the fine lattice does not have, or fewer than
            three distances in the window.
    """
    check_same_chains(fine, coarse)
    b = _scale(fine, coarse)
    grid, below = lattice_of(coarse), lattice_of(fine)
    groups, same = shells(grid), _same_steps(below, grid)

    def observe(a: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _power(a), _power(c)

    def reading(a: np.ndarray, c: np.ndarray) -> np.ndarray:
        g_fine = from_waves(a, below.shape).ravel() / below.size
        g_coarse = from_waves(c, grid.shape).ravel() / grid.size
        ratio = groups.average(g_coarse)[0] / groups.average(g_fine[same])[0]
        return np.append(ratio, g_coarse.mean() / g_fine.mean())

    both = jackknife(observe, reading, fine, coarse)
    ratio, squared = both[:-1], both[-1]
    a = grid.site_area ** (1 / grid.dimension)
    near = NEAREST * a if r_min is None else r_min
    far = _half(grid) if r_max is None else r_max
    check_window(near, far, grid.shape)
    inside = _thinned(groups.distance, near, far, min(POINTS, most_points(ratio)))
    shape = (a / groups.distance[inside]) ** 2
    fit = line_fit(np.stack([np.ones(len(inside)), shape], axis=1), ratio[inside])
    plateau = fit.parameters[0]
    return LevelRatio(
        b,
        groups.distance,
        ratio,
        near,
        far,
        plateau,
        fit.parameters[1] / plateau,
        fit.chi2,
        fit.dof,
        fit.p,
        _exponent(plateau, b),
        squared,
        _exponent(squared, b),
    )


def callan_symanzik(levels: Sequence[Ensemble]) -> CallanSymanzik:
    """The running anomalous dimension of the spin along the levels of a map.

    Reported is the last step to a lattice of at least 6 sites a side. The statistical
    error does not know that γ may still run: `change` does.

    Args:
        levels: the ensembles, finest first, all of the same chains and draws.

    Raises:
        ValueError: fewer than two levels, no step with a plateau, or as `level_ratio`.
    """
    if len(levels) < 2:
        raise ValueError(
            f"a running dimension needs at least two levels, got {len(levels)}"
        )
    pairs = list(itertools.pairwise(levels))
    wide = [k for k, (_, c) in enumerate(pairs) if _has_window(lattice_of(c))]
    if not wide:
        raise ValueError(
            "a running dimension needs a coarse lattice of at least 6 sites a side, "
            f"got {lattice_of(levels[1]).shape}; start from a larger lattice"
        )
    kept = pairs[: wide[-1] + 1]
    steps = tuple(level_ratio(*pair) for pair in kept)
    along = tuple(dimension(f) if _has_form(lattice_of(f)) else None for f, _ in kept)
    return CallanSymanzik(steps, along, len(steps) - 1, lattice_of(levels[0]).dimension)


def _power(values: np.ndarray) -> np.ndarray:
    """⟨|ŝ_k|²⟩ on the half spectrum of `(n, *lattice)` values."""
    total = []
    for start in range(0, len(values), ROWS):
        rows = values[start : start + ROWS].astype(np.float32)
        waves = to_waves(rows, rows.ndim - 1)
        total.append((np.real(waves) ** 2 + np.imag(waves) ** 2).sum(axis=0))
    return np.sum(total, axis=0, dtype=float) / len(values)


def _scale(fine: Ensemble, coarse: Ensemble) -> float:
    b = scale_factor(lattice_of(fine), lattice_of(coarse))
    if b <= 1:
        raise ValueError(
            f"a ratio of levels needs a coarser second level, got b = {b:g} between "
            f"{lattice_of(fine).shape} and {lattice_of(coarse).shape}"
        )
    return b


def _same_steps(fine: Grid, coarse: Grid) -> np.ndarray:
    """For every displacement of the coarse lattice, its place on the fine one."""
    cells = np.indices(coarse.shape).reshape(coarse.dimension, -1).T
    steps = cells @ np.array(coarse.basis) @ np.linalg.inv(np.array(fine.basis))
    whole = np.rint(steps)
    sides = np.array(coarse.basis) * np.array(coarse.shape)[:, None]
    turns = sides @ np.linalg.inv(np.array(fine.basis) * np.array(fine.shape)[:, None])
    if not np.allclose(steps, whole) or not np.allclose(turns, np.rint(turns)):
        raise ValueError(
            "levels are compared at equal displacements, and the fine lattice "
            f"{fine.shape} does not have those of the coarse one {coarse.shape}"
        )
    index = (whole.astype(int) % np.array(fine.shape)).T
    return np.asarray(np.ravel_multi_index(tuple(index), fine.shape))


def _half(grid: Grid) -> float:
    sides = np.linalg.norm(np.array(grid.basis), axis=1) * np.array(grid.shape)
    return float(sides.min()) / 2


def _thinned(distance: np.ndarray, near: float, far: float, points: int) -> np.ndarray:
    """At most so many distances in the window, evenly spread over its list."""
    tiny = 1e-6 * near
    inside = np.flatnonzero((distance >= near - tiny) & (distance <= far + tiny))
    if min(len(inside), points) < 3:
        raise ValueError(
            f"a plateau needs at least 3 distances between {near:g} and {far:g}, got "
            f"{len(inside)}, of which the blocks can weigh {max(points, 0)}; widen "
            "the window or sample more chains"
        )
    take = np.linspace(0, len(inside) - 1, min(points, len(inside)))
    return inside[np.unique(np.rint(take).astype(int))]


def _has_window(grid: Grid) -> bool:
    return min(grid.shape) >= 6


def _has_form(grid: Grid) -> bool:
    basis = np.array(grid.basis)
    overlaps = basis @ basis.T
    square = np.allclose(overlaps, overlaps[0, 0] * np.eye(len(basis)))
    return grid.dimension == 2 and square and _has_window(grid)


def _exponent(ratio: Estimate, b: float) -> Estimate:
    """ln ζ²/(2 ln b), not a number where noise has made ζ² negative."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return ratio.map(lambda z: np.log(z) / (2 * math.log(b)))
