"""Curves whose critical point and exponents are known, with Gaussian noise."""

from __future__ import annotations

import numpy as np

from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.instruments.crossing import Curve


def noisy(mean: float, sigma: float, blocks: int, rng, name: str) -> Estimate:
    """A mean of independent blocks."""
    sample = mean + sigma * np.sqrt(blocks) * rng.normal(size=blocks)
    return weighted_jackknife(
        [sample], lambda m: m, np.ones(blocks), lineage=name, n_eff=blocks
    )


def synthetic(
    seed: int,
    *,
    critical: float = 2.27,
    nu: float = 1.0,
    power: float = 0.0,
    sides: tuple[int, ...] = (8, 12, 16, 24),
    sigma: float = 0.003,
    blocks: int = 64,
    correction: float = 0.0,
) -> list[Curve]:
    """y = L^ρ [f(z) + c (1 - z) L^-2], z = (x - x_c) L^{1/ν}, with Gaussian noise."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0.97, 1.03, 9) * critical
    sweep = []
    for side in sides:
        z = (x - critical) * side ** (1 / nu)
        y = 0.35 - 0.25 * np.tanh(z / 1.2 + 0.1) + correction * (1 - z) / side**2
        points = tuple(
            noisy(m, sigma * side**power, blocks, rng, f"{seed}/{side}/{k}")
            for k, m in enumerate(y * side**power)
        )
        sweep.append(Curve(side, x, points))
    return sweep
