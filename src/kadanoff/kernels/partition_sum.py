"""ln Σ_e Π_a 2cosh f_a over all states e of up to 25 spins, without a single cosh.

The fields f = b + Mᵀe are sums of one part per third of the spins, so that

    Π_a 2cosh f_a = e^{Σ f_a} Π_a (1 + l_a m_a t_a),    l, m, t = e^{-2 × part of f_a}

costs one multiplication and one fused product per unit, out of three small tables.
Factors are multiplied up as long as they cannot overflow, then one logarithm is taken.

Self-contained on purpose (see `kadanoff.kernels`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

__all__ = ["log_sum"]


@njit(nogil=True, cache=True)
def log_sum(
    tables: Any, weights: Any, ends: Any, product: Any, exponent: Any, factor: Any
) -> float:
    """The logarithm of the sum, a total.

    Args:
        tables: e^{-2 part}, float64: `(unit, low)`, `(middle, unit)`, `(top, unit)`.
        weights: Σ_a of the parts plus the spins' own energy, `(low,)`, `(middle,)`,
            `(top,)`.
        ends: where each run of units ends whose product cannot overflow, int64.
        product, exponent: room for `(low,)` numbers each.
        factor: room for `(unit,)` numbers.
    """
    low, middle, top = tables
    low_weight, middle_weight, top_weight = weights
    largest, total = -np.inf, 0.0
    for t in range(top.shape[0]):
        for m in range(middle.shape[0]):
            for a in range(factor.shape[0]):
                factor[a] = middle[m, a] * top[t, a]
            shift = middle_weight[m] + top_weight[t]
            for l in range(exponent.shape[0]):
                exponent[l] = low_weight[l] + shift
            _add_logs(exponent, product, low, factor, ends)
            here = exponent.max()
            if here > largest:
                total *= math.exp(largest - here)
                largest = here
            part = 0.0  # row by row: millions of terms in one sum lose four digits
            for l in range(exponent.shape[0]):
                part += math.exp(exponent[l] - largest)
            total += part
    return largest + math.log(total)


@njit
def _add_logs(exponent: Any, product: Any, low: Any, factor: Any, ends: Any) -> None:
    """Add Σ_a ln(1 + l_a f_a) to the exponent of each low state."""
    states = exponent.shape[0]
    a = 0
    for end in ends:
        for l in range(states):
            product[l] = 1.0
        while a + 4 <= end:  # four at a time: the products stay in registers
            f0, f1, f2, f3 = factor[a], factor[a + 1], factor[a + 2], factor[a + 3]
            l0, l1, l2, l3 = low[a], low[a + 1], low[a + 2], low[a + 3]
            for l in range(states):
                pair = (1.0 + l0[l] * f0) * (1.0 + l1[l] * f1)
                product[l] *= pair * ((1.0 + l2[l] * f2) * (1.0 + l3[l] * f3))
            a += 4
        while a < end:
            l0, f0 = low[a], factor[a]
            for l in range(states):
                product[l] *= 1.0 + l0[l] * f0
            a += 1
        for l in range(states):
            exponent[l] += math.log(product[l])
