"""Readings that apply a map: does it commute with the symmetries of the lattice?

For a symmetry g of the fine values and its image g' on the coarse ones, a map h may be
covariant, h(gσ) = g'h(σ), in distribution where it draws lots. Overlaps of two
independent draws tell how far it is:

    C_g = ⟨h(gσ) · g'h'(σ)⟩ / ⟨h(σ) · h'(σ)⟩,

1 for a covariant map whatever its noise, 0 where nothing is left, -1 where the image
is the wrong one. The product is that of ±1 and real values, of Potts states whether
they are equal, of angles the cosine of their difference; summed over all units.

    Z2            g = g' = -1                     ±1 and real values
    translation   g a shift by b sites, g' by 1   any values on a grid

A bias breaks the first, so means are left in. The mean of a unit over configurations,
and of a configuration over its units, say nothing of where a unit looks: under shifts
both are taken off, or every map of a critical magnet would seem covariant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator

__all__ = ["flip_covariance", "shift_covariance"]

MOST_CONFIGURATIONS = 4096
"""Configurations the map is applied to three times: an error of about 1 %."""


def flip_covariance(rule: CoarseGraining, fine: Ensemble, *, seed: int) -> Estimate:
    """C of the global flip: 1 where h(-σ) = -h(σ) in distribution.

    Args:
        rule: any map of ±1 or real values.
        fine: configurations it fits.
        seed: of the draws.

    Raises:
        ValueError: Potts states or angles.
    """
    if fine.alphabet not in ("pm1", "real"):
        raise ValueError(
            "the flip s → -s is a symmetry of ±1 and real values, got alphabet "
            f"'{fine.alphabet}'"
        )
    return _covariance(rule, fine, np.negative, np.negative, seed, about_mean=False)


def shift_covariance(rule: CoarseGraining, fine: Ensemble, *, seed: int) -> Estimate:
    """C of the shift by one coarse site along the first direction, mean over units.

    Args:
        rule: any map from a grid to a coarser one, each side divided by a whole number.
        fine: configurations it fits.
        seed: of the draws.

    Raises:
        ValueError: lattices that are not whole numbers of coarse steps.
    """
    coarse = rule.coarse(fine.geometry)
    b, rest = divmod(fine.grid.shape[0], coarse.lattice[0])
    if rest or len(coarse.lattice) != len(fine.geometry.lattice):
        raise ValueError(
            "a shift by one coarse site needs a fine side that is a multiple of the "
            f"coarse one, got {fine.grid.shape} and {coarse.lattice}"
        )
    axis = 1 if rule.features is None else 2
    return _covariance(
        rule,
        fine,
        lambda values: np.roll(values, b, axis=1),
        lambda values: np.roll(values, 1, axis=axis),
        seed,
        about_mean=True,
    )


Move = Callable[[np.ndarray], np.ndarray]


def _covariance(
    rule: CoarseGraining,
    fine: Ensemble,
    before: Move,
    after: Move,
    seed: int,
    *,
    about_mean: bool,
) -> Estimate:
    some = _some(fine)
    alphabet = rule.alphabet(fine.alphabet)
    turn = iter(range(1 << 30))
    maps = 0 if rule.features is None else 1
    sites = tuple(range(1 + maps, 1 + maps + len(some.grid.lattice)))

    def observe(values: np.ndarray) -> tuple[np.ndarray, ...]:
        rng = generator(seed, "covariance", next(turn))
        one, other, image = (
            rule(v, some.geometry, rng=rng) for v in (values, values, before(values))
        )
        drawn = (one, other, image, after(other))
        a, b, c, d = (_vectors(v, alphabet) for v in drawn)
        if about_mean:
            a, b, c, d = (v - v.mean(axis=sites, keepdims=True) for v in (a, b, c, d))
        products = ((a * b).mean(axis=0), (c * d).mean(axis=0))
        return (*products, *(v.mean(axis=0) for v in (a, b, c, d)))

    def reading(same: np.ndarray, moved: np.ndarray, *means: np.ndarray) -> float:
        a, b, c, d = means if about_mean else np.zeros((4, 1))
        kept = float((same - a * b).sum())
        return float((moved - c * d).sum()) / kept if kept else math.nan

    return jackknife(observe, reading, some)


def _some(fine: Ensemble) -> Ensemble:
    """The first draws of every chain, as many as are needed."""
    draws = max(1, MOST_CONFIGURATIONS // fine.chains)
    return replace(fine, data=fine.data[:, :draws])


def _vectors(values: np.ndarray, alphabet: str) -> np.ndarray:
    """Values as real numbers whose products are their overlap, `(n, …)`."""
    if alphabet == "angle":
        return np.stack([np.cos(values), np.sin(values)], axis=-1)
    if alphabet.startswith("potts"):
        q = int(alphabet.partition(":")[2])
        return (values[..., None] == np.arange(q)).astype(float)
    return np.asarray(values, dtype=float)
