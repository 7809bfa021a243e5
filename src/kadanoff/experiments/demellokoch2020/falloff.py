"""How a correlator falls off: on a straight line or not, and whether it rises again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

from kadanoff.estimate import Estimate

__all__ = ["Line", "line", "rise"]

BINS = 6  # of distances, in the test of a line: few beside 16 groups of chains


@dataclass(frozen=True, eq=False)
class Line:
    """A straight line through G(r) and what is left of it.

    Attributes:
        slope: per site.
        residual: G less the line at every distance.
        bent: root mean square of the residual, relative to the fall of G.
        ratio: χ² of the binned residuals with their covariance, over its degrees of
            freedom as F.
        p: probability of a larger one if G is a line.
        naive: χ² by the error bars of single points, which move together, over the
            number of points less two.
    """

    slope: Estimate
    residual: Estimate
    bent: float
    ratio: float
    p: float
    naive: float


def line(distance: np.ndarray, correlator: Estimate) -> Line:
    """The least-squares line through all distances, and whether G is one.

    The test takes the means of the residuals in six bins of distance, four
    combinations of which a line leaves free, and Hotelling's T² for a covariance from
    B groups: T² (B - 4)/(4 (B - 1)) has the law F(4, B - 4).
    """
    design = np.vander(distance, 2)
    hat = np.linalg.pinv(design)
    residual = correlator.map(lambda g: g - design @ (hat @ g))
    fall = float(correlator.value[0] - correlator.value[-1])
    ends = np.linspace(0, distance[-1] * (1 + 1e-9), BINS + 1)
    place = np.digitize(distance, ends) - 1
    contrast = _left_free(
        np.array([distance[place == k].mean() for k in range(BINS)])
    ) @ (np.eye(BINS)[:, place] / np.bincount(place)[:, None])
    free = residual.map(partial(np.matmul, contrast))
    groups = min((len(r) for r in free.replicates.values()), default=0)
    squares = float(free.value @ np.linalg.pinv(free.covariance) @ free.value)
    order = len(free.value)
    ratio = squares * (groups - order) / (order * (groups - 1))
    error = np.maximum(correlator.error, 1e-300)
    return Line(
        slope=correlator.map(lambda g: (hat @ g)[0]),
        residual=residual,
        bent=float(np.sqrt((residual.value**2).mean()) / fall),
        ratio=ratio,
        p=float(stats.f.sf(ratio, order, groups - order)),
        naive=float(((residual.value / error) ** 2).sum() / (len(distance) - 2)),
    )


def rise(distance: np.ndarray, correlator: Estimate) -> Estimate:
    """G beyond 95 % of the largest distance less G between 80 and 90 % of it.

    On sides of 8 and more, which have such distances.
    """
    share = distance / distance[-1]
    last, before = share > 0.95, (share > 0.8) & (share < 0.9)
    return correlator.map(lambda g: g[last].mean() - g[before].mean())


def _left_free(centres: np.ndarray) -> np.ndarray:
    """Combinations of binned values that vanish on every line, `(bins - 2, bins)`."""
    u, _, _ = np.linalg.svd(np.vander(centres, 2))
    return u[:, 2:].T
