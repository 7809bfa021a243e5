"""One effective nearest-neighbour coupling of values of any alphabet.

With h_x the sum over the neighbours of site x, a site has given its neighbours the law

    Potts    p(c) ∝ exp(K n_c), n_c the number of neighbours of colour c
    angle    p(θ) ∝ exp(K |h| cos(θ - arg h))
    real     E[φ] = K h to first order, the regression K = ⟨φ h⟩/⟨h²⟩

and the first two are solved for K by maximum pseudo-likelihood, Σ_x of the score = 0
(J. Besag, J. R. Stat. Soc. B 36, 192 (1974)). Not the model's couplings where it has
others: a number that does not know the size of its lattice, by which two levels of a
flow are compared. ±1 spins have more of them in `couplings`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ive

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.clusters import clusters_on
from kadanoff.instruments.operators import grid_of

__all__ = ["nearest_coupling"]

STRONGEST = 20.0
"""Couplings beyond ± this are those of an ordered lattice and no number."""
BINS = 64
"""Of |h|, within which its mean stands for all."""


def nearest_coupling(ensemble: Ensemble) -> Estimate:
    """K of a site given its neighbours; not a number where there is none.

    Args:
        ensemble: Potts states, angles or real values on a grid with one site per cell.

    Raises:
        ValueError: ±1 spins, several feature maps, or no such grid.
    """
    grid = grid_of(ensemble)
    kind, _, q = ensemble.alphabet.partition(":")
    if kind == "potts":
        table = _Colours(len(_steps(grid)), int(q))
        return jackknife(table.observe(grid), table.solve, ensemble)
    if kind == "angle":
        table = _Angles(len(_steps(grid)))
        return jackknife(table.observe(grid), table.solve, ensemble)
    if kind == "real":
        return jackknife(_regression(grid), _slope, ensemble)
    raise ValueError(
        "the nearest-neighbour coupling is that of Potts states, angles or real "
        "values, got ±1 spins; fit_couplings has theirs"
    )


Observe = Callable[[np.ndarray], tuple[np.ndarray, ...]]


def _steps(grid: Grid) -> list[tuple[int, ...]]:
    """From a site to its neighbours, both ways along each bond."""
    bonds = [np.array(b) - np.array(a) for a, b in clusters_on("nn", grid)]
    return [tuple(int(x) for x in sign * bond) for bond in bonds for sign in (1, -1)]


def _neighbour_sum(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Sum over the neighbours of each site, `(n, *shape)` like the values."""
    axes = tuple(range(1, 1 + grid.dimension))
    total = np.zeros_like(values)
    for step in _steps(grid):
        total += np.roll(values, step, axis=axes)
    return total


class _Colours:
    """Numbers of neighbours of each colour, own colour first, the rest in order."""

    def __init__(self, neighbours: int, colours: int) -> None:
        self.places = (neighbours + 1) ** np.arange(colours)
        self.counts = (
            np.arange((neighbours + 1) ** colours)[:, None] // self.places
        ) % (neighbours + 1)
        self.colours = colours

    def observe(self, grid: Grid) -> Observe:
        def read(values: np.ndarray) -> tuple[np.ndarray, ...]:
            masks = [(values == a).astype(np.int64) for a in range(self.colours)]
            n = np.stack([_neighbour_sum(mask, grid) for mask in masks], axis=-1)
            own = np.take_along_axis(n, values[..., None].astype(np.int64), axis=-1)
            shifted = (values[..., None] + np.arange(self.colours)) % self.colours
            others = np.take_along_axis(n, shifted.astype(np.int64), axis=-1)
            codes = np.concatenate([own, others[..., 1:]], axis=-1) @ self.places
            return (
                np.bincount(codes.ravel(), minlength=len(self.counts)) / codes.size,
            )

        return read

    def solve(self, shares: np.ndarray) -> float:
        counts = self.counts.astype(float)

        def score(k: float) -> float:
            weights = np.exp(k * (counts - counts.max(axis=1, keepdims=True)))
            mean = (weights * counts).sum(axis=1) / weights.sum(axis=1)
            return float(shares @ (counts[:, 0] - mean))

        return _root(score)


class _Angles:
    """Mean |h| and mean component along h, in bins of |h|."""

    def __init__(self, neighbours: int) -> None:
        self.edges = np.linspace(0, neighbours * (1 + 1e-6), BINS + 1)

    def observe(self, grid: Grid) -> Observe:
        def read(values: np.ndarray) -> tuple[np.ndarray, ...]:
            z = np.exp(1j * values.astype(float))
            h = _neighbour_sum(z, grid).ravel()
            size = np.abs(h)
            along = np.real(z.ravel() * h.conj())
            place = np.digitize(size, self.edges) - 1
            columns = (np.ones_like(size), size, along)
            return tuple(
                np.bincount(place, weights=c, minlength=BINS) / size.size
                for c in columns
            )

        return read

    def solve(self, share: np.ndarray, size: np.ndarray, along: np.ndarray) -> float:
        mean = np.divide(size, share, out=np.zeros_like(size), where=share > 0)

        def score(k: float) -> float:
            x = k * mean
            ratio = ive(1, x) / ive(0, x)  # ⟨cos⟩ = I₁/I₀ of von Mises' law
            return float(along.sum() - (size * ratio).sum())

        return _root(score)


def _root(score: Callable[[float], float]) -> float:
    """The K of score 0, which falls with K; not a number beyond the strongest."""
    if not score(-STRONGEST) > 0 > score(STRONGEST):
        return np.nan
    root: Any = brentq(score, -STRONGEST, STRONGEST, xtol=1e-12)
    return float(root)


def _regression(grid: Grid) -> Observe:
    def read(values: np.ndarray) -> tuple[np.ndarray, ...]:
        phi = values.astype(float)
        h = _neighbour_sum(phi, grid)
        return np.array((phi * h).mean()), np.array((h * h).mean())

    return read


def _slope(product: np.ndarray, square: np.ndarray) -> float:
    return float(product / square) if square > 0 else np.nan
