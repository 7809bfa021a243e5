"""How far fires reach: second-moment lengths of a forest."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kadanoff.estimate import jackknife
from kadanoff.experiments.demellokoch2020.driven.systems import Settings, forest
from kadanoff.experiments.exhibit import Work, columns
from kadanoff.instruments.correlation_length import correlation_length
from kadanoff.models.forest_fire import ForestFire

__all__ = ["LENGTHS", "fire_powers", "lengths"]

LENGTHS = ("trees", "fires")
"""Of the connected correlation of trees, and of belonging to the same cluster."""


def lengths(theta: float, settings: Settings, work: Work) -> xr.Dataset:
    """Second-moment lengths of trees about their mean and of fires, in sites."""
    side, draws = settings.length_side, settings.length_draws
    trees = forest(side, theta, draws, "driven lengths", work)
    values = (trees.values - trees.values.mean()).astype(np.float32)
    note = {"step": "about its mean"}
    about_mean = trees.derived(values, trees.geometry, "real", note)
    near = ForestFire((side, side)).near
    wave = 2 * math.sin(math.pi / side)
    fires = jackknife(
        lambda v: fire_powers(v, near),
        lambda zero, first: np.sqrt(zero / first - 1) / wave,
        trees,
    )
    return xr.Dataset(
        columns({"length_trees": correlation_length(about_mean), "length_fires": fires})
    )


def fire_powers(values: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ_c |Σ_{r in c} e^{ikr}|² over clusters of trees, at k = 0 and the smallest k.

    The connectivity of r and r' is 1 where both burn in the same fire; these are its
    structure factor, summed over sites and averaged over configurations and directions.

    Args:
        values: +1 is a tree, `(n, x, y)` with x = y.
        near: neighbours, `(site, 4)`.
    """
    n, side = len(values), values.shape[1]
    trees = (values > 0).reshape(n, -1)
    first = np.arange(n)[:, None, None] * trees.shape[1]
    bonds = trees[:, :, None] & trees[:, near]
    one = np.broadcast_to(first + np.arange(trees.shape[1])[:, None], bonds.shape)
    ends = one[bonds], (first + near)[bonds]
    graph = coo_array((np.ones(len(ends[0]), bool), ends), shape=(trees.size,) * 2)
    count, label = connected_components(graph, directed=False)
    label = label[trees.ravel()]
    x, y = np.indices((side, side)).reshape(2, 1, -1)
    powers = []
    for along in (0 * x, x, y):
        angle = np.broadcast_to(2 * np.pi * along / side, trees.shape)[trees]
        parts = (np.bincount(label, f(angle), count) for f in (np.cos, np.sin))
        powers.append(sum((part**2).sum() for part in parts) / n)
    return np.asarray(powers[0]), np.asarray((powers[1] + powers[2]) / 2)
