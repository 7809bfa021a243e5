"""Ratios of partition functions, from samples of the laws that they normalize.

    one way     the mean of the weights of runs from one law to the other,
    both ways   Bennett's acceptance ratio,
    many laws   samples of all of them reweighted together.

Runs and ladders are independent: errors are jackknives over them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, softmax

from kadanoff.estimate import Estimate

__all__ = ["bennett", "check_count", "mean_exp", "multistate"]

MOST_BLOCKS = 32


def mean_exp(logs: np.ndarray, way: str) -> Estimate:
    """ln of the mean of e^{logs}, with its jackknife over runs.

    `way`, up or down, names their lineage; `n_eff` is (Σw)²/Σw², the runs that matter.
    """
    n = len(logs)
    weights = np.exp(logs - logs.max())
    others = np.maximum(weights.sum() - weights, np.finfo(float).tiny)
    replicates = logs.max() + np.log(others / (n - 1))
    value = logs.max() + np.log(weights.mean())
    n_eff = float(weights.sum() ** 2 / (weights**2).sum())
    return Estimate(value, {_lineage(logs, f"annealed-{way}"): replicates}, n_eff)


def bennett(up: np.ndarray, down: np.ndarray) -> Estimate:
    """ln Z_1/Z_0 of greatest likelihood, from the log weights of both ways.

    The acceptance ratio of Bennett (J. Comput. Phys. 22, 245 (1976)), for work along a
    path by Shirts et al. (Phys. Rev. Lett. 91, 140601 (2003)).
    The replicates are one Newton step from the solution, which is of the order of the
    square of one run's share.
    """
    n, m = len(up), len(down)
    x = _acceptance_root(up, down)
    shifted = x + math.log(n / m)
    rising, falling = expit(up - shifted), expit(down + shifted)
    slopes = rising * (1 - rising), falling * (1 - falling)
    slope = slopes[0].sum() + slopes[1].sum()
    without_up = shifted - rising / (slope - slopes[0])
    without_down = shifted + falling / (slope - slopes[1])
    replicates = {
        _lineage(up, "annealed-up"): without_up - math.log((n - 1) / m),
        _lineage(down, "annealed-down"): without_down - math.log(n / (m - 1)),
    }
    return Estimate(np.array(x), replicates, float(n + m))


def multistate(energies: np.ndarray) -> Estimate:
    """ln Z_last − ln Z_first from F `(rung, ladder, sample, rung)`.

    Maximum of the likelihood Σ_n ln p(rung of n | n), p ∝ exp(f_j − F_j), over
    f_j = −ln Z_j (Shirts and Chodera, J. Chem. Phys. 129, 124105 (2008), eq. 11). The
    replicates are one Newton step from the solution, which is of the order of the
    square of a block's share.
    """
    ladders, rungs = energies.shape[1], energies.shape[0]
    blocks = np.array_split(np.arange(ladders), min(ladders, MOST_BLOCKS))
    f = _first_guess(energies)
    parts = [energies[:, block].reshape(-1, rungs) for block in blocks]
    for _ in range(100):
        slopes, bends = _newton_parts(parts, f)
        step = np.linalg.solve(bends.sum(0), slopes.sum(0))
        f[1:] -= np.clip(step, -5, 5)
        if abs(step).max() < 1e-10:
            break
    slopes, bends = _newton_parts(parts, f)
    without = [
        f[1:] - np.linalg.solve(bends.sum(0) - bend, slopes.sum(0) - slope)
        for slope, bend in zip(slopes, bends, strict=True)
    ]
    replicates = -np.array([one[-1] for one in without])
    name = _lineage(energies, "tempered")
    return Estimate(np.array(-f[-1]), {name: replicates}, float(ladders))


def check_count(count: int, what: str) -> None:
    """Raises ValueError where no error bar could be had."""
    if count < 2:
        raise ValueError(
            f"an error bar needs at least 2 {what}, got {count}; give 100 or more"
        )


def _acceptance_root(up: np.ndarray, down: np.ndarray) -> float:
    """x where Σ σ(up − x − r) = Σ σ(down + x + r), r = ln(n_up/n_down)."""
    ratio = math.log(len(up) / len(down))

    def excess(x: float) -> float:
        return float(expit(up - x - ratio).sum() - expit(down + x + ratio).sum())

    ends = np.concatenate([up, -down])
    low, high = ends.min() - abs(ratio) - 50, ends.max() + abs(ratio) + 50
    root: Any = brentq(excess, low, high, xtol=1e-12)
    return float(root)


def _first_guess(energies: np.ndarray) -> np.ndarray:
    """f_j by the trapezoid rule on ⟨F_{j+1} − F_j⟩."""
    means = energies.mean((1, 2))
    rises = np.diff(means, axis=1)
    inside = np.array(
        [(rises[j, j] + rises[j + 1, j]) / 2 for j in range(len(rises) - 1)]
    )
    return np.concatenate([[0.0], np.cumsum(inside)])


def _newton_parts(
    parts: Sequence[np.ndarray], f: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and bends of each block's part of the negative log-likelihood."""
    slopes, bends = [], []
    for energies in parts:
        p = softmax(f - energies, axis=1)
        slopes.append((p.sum(0) - len(p) / len(f))[1:])
        bends.append((np.diag(p.sum(0)) - p.T @ p)[1:, 1:])
    return np.array(slopes), np.array(bends)


def _lineage(values: np.ndarray, name: str) -> str:
    """A name for independent runs that no others have."""
    return f"{name}-{hashlib.sha256(values.tobytes()).hexdigest()[:12]}"
