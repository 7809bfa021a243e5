"""Least squares weighted by a covariance that was itself estimated from few blocks.

Readings y of one ensemble come with S, the covariance of their n + 1 jackknife blocks,
a Wishart matrix of n degrees of freedom. With p points, k parameters and q = p - k,

    T² = min_θ (y - f(θ))ᵀ S⁻¹ (y - f(θ)),   T² (n - q + 1)/(n q) ~ F(q, n - q + 1)

exactly for a linear f (H. Hotelling, Ann. Math. Stat. 2, 360 (1931): T² is that of the
q combinations of y which f cannot reach). `chi2` is (n - q - 1)/n T², of mean q
(Hartlap, Simon and Schneider, Astron. Astrophys. 464, 399 (2007)). The parameters
scatter by (n - 1)/(n - q - 1) more than with the true covariance (C. R. Rao, 5th
Berkeley Symp. 1, 355 (1967)), and (fᵀS⁻¹f)⁻¹ is (n - q)/n too small in the mean:
replicates are spread by the root of

    n (n - 1) / ((n - q)(n - q - 1)),

without which 8 points and 64 blocks give errors 10 % too small. Points of different
chains have a diagonal covariance, which is taken as known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import chi2 as chi2_law
from scipy.stats import f as f_law

from kadanoff.estimate import Estimate

__all__ = ["Fit", "curve_fit", "line_fit", "most_points"]

SPARE = 4  # degrees of freedom of S that must be left beside the points
SHARED = 1e-9  # correlation above which points of several lineages share chains


@dataclass(frozen=True, eq=False)
class Fit:
    """Fitted parameters and how well they describe the points.

    Attributes:
        parameters: `(k,)`, with aligned errors.
        chi2: (n - q - 1)/n T², `dof` in the mean if the form holds.
        dof: q, points less parameters.
        p: probability of a larger χ², by Hotelling's law; NaN without a `dof`.
    """

    parameters: Estimate
    chi2: float
    dof: int
    p: float

    @property
    def verdict(self) -> str:
        """χ²/dof and p in words."""
        if not self.dof:
            return "no degree of freedom is left to test the form"
        return f"χ²/dof = {self.chi2:.1f}/{self.dof}, p = {self.p:.2g}"


def line_fit(design: np.ndarray, values: Estimate) -> Fit:
    """y = design @ θ, `(points, k)` times `(k,)`.

    Raises:
        ValueError: fewer points than parameters, no error, too few blocks, or a design
            that is not finite or of another shape.
    """
    if design.ndim != 2 or len(design) != values.value.size or not design.shape[1]:
        raise ValueError(
            "a linear fit has a row of its design for every point and a column for "
            f"every parameter, got {design.shape} for {values.value.size} points"
        )
    if not np.isfinite(design).all():
        raise ValueError(f"a linear fit has a finite design, got {design.tolist()}")
    k = design.shape[1]
    root, freedom = _root(values, k)
    theta = np.linalg.lstsq(root @ design, root @ values.value, rcond=None)[0]
    return _fitted(design, values, design @ theta, theta, root, freedom)


def curve_fit(
    model: Callable[[np.ndarray], np.ndarray],
    slopes: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    values: Estimate,
) -> Fit:
    """y = model(θ), with its derivatives `(points, k)`; errors to first order.

    Raises:
        ValueError: as `line_fit`, or a search that does not end.
    """
    root, freedom = _root(values, len(start))
    found = least_squares(
        lambda t: root @ (values.value - model(t)),
        start,
        jac=lambda t: -root @ slopes(t),  # type: ignore[arg-type]
        x_scale="jac",
    )
    theta = np.asarray(found.x, dtype=float)
    if not found.success or not np.isfinite(theta).all():
        raise ValueError(
            f"the fit of {len(start)} parameters to {values.value.size} points found "
            "no minimum; take a wider window or more configurations"
        )
    return _fitted(slopes(theta), values, model(theta), theta, root, freedom)


def most_points(values: Estimate) -> int:
    """How many points of these chains a covariance of their blocks can weigh."""
    blocks = [len(r) for r in values.replicates.values()]
    return min(blocks, default=0) - 1 - SPARE


def _root(values: Estimate, parameters: int) -> tuple[np.ndarray, float]:
    """R with RᵀR = S⁻¹, and n: ∞ where every point has chains of its own."""
    points = values.value.size
    if points < parameters:
        raise ValueError(
            f"a fit of {parameters} parameters needs at least as many points, got "
            f"{points}; widen the range of distances or add sizes"
        )
    covariance = values.covariance
    own = len(values.replicates) > 1
    variances = np.diag(covariance)
    if not np.isfinite(covariance).all() or not (variances > 0).all():
        raise ValueError(
            "a weighted fit needs points with finite errors above 0, got errors "
            f"{np.sqrt(variances).tolist()}"
        )
    if own:
        shared = covariance / np.sqrt(np.outer(variances, variances))
        if abs(shared - np.eye(points)).max() > SHARED:
            raise ValueError(
                "a fit weighs points of one set of chains, or of chains of their own "
                "each, got a mixture; give one or the other"
            )
        return np.diag(1 / np.sqrt(variances)), math.inf
    if points > most_points(values):
        raise ValueError(
            f"the covariance of {points} points needs at least {points + 1 + SPARE} "
            f"blocks, got {most_points(values) + 1 + SPARE}; take fewer points or "
            "sample more chains"
        )
    # Scaled to correlations first: readings may differ by orders of magnitude.
    scale = np.sqrt(variances)
    lower = np.linalg.cholesky(covariance / np.outer(scale, scale))
    return np.linalg.inv(lower) / scale, float(most_points(values) + SPARE)


def _fitted(
    slopes: np.ndarray,
    values: Estimate,
    best: np.ndarray,
    theta: np.ndarray,
    root: np.ndarray,
    n: float,
) -> Fit:
    solve = np.linalg.pinv(root @ slopes) @ root
    q = len(best) - len(theta)
    finite = math.isfinite(n)
    spread = math.sqrt(n * (n - 1) / ((n - q) * (n - q - 1))) if finite else 1.0
    replicates = {
        name: theta + spread * (rows - values.value) @ solve.T
        for name, rows in values.replicates.items()
    }
    t2 = float(np.sum((root @ (values.value - best)) ** 2))
    chi2 = t2 * (n - q - 1) / n if finite else t2
    return Fit(Estimate(theta, replicates, values.n_eff), chi2, q, _tail(t2, q, n))


def _tail(t2: float, q: int, n: float) -> float:
    if not q:
        return math.nan
    if math.isinf(n):
        return float(chi2_law.sf(t2, q))
    return float(f_law.sf(t2 * (n - q + 1) / (n * q), q, n - q + 1))
