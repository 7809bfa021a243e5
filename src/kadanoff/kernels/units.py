"""±1 units from their probabilities, faster than torch fills an array with noise.

The noise of site i is one half of the word i of splitmix64 (Steele, Lea and Flood
2014), a counter hashed by two multiplications: 24 bits, as many as a uniform float32
has. A unit is up with ⌈2²⁴ p⌉/2²⁴, which differs from p by less than 2⁻²⁴.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["draw_signs"]

STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
U30, U27, U31, U40 = (np.uint64(n) for n in (30, 27, 31, 40))
LOW = np.int32(0xFFFFFF)
UNIT = np.float32(2.0**-24)
UP, DOWN = np.float32(1), np.float32(-1)


@njit(nogil=True, cache=True)
def draw_signs(up: Any, start: Any) -> None:
    """Replace probabilities by ±1, in place.

    Args:
        up: float32, flat; p(+1) of each unit.
        start: uint64, where the counter starts: another one for every call.
    """
    half = len(up) // 2
    low, high = up[:half], up[half : 2 * half]
    for i in range(half):
        z = _hashed(start + np.uint64(i) * STEP)
        first = np.float32(np.int32(z >> U40)) * UNIT
        second = np.float32(np.int32(z) & LOW) * UNIT
        low[i] = UP if first < low[i] else DOWN
        high[i] = UP if second < high[i] else DOWN
    if len(up) % 2:
        z = _hashed(start + np.uint64(half) * STEP)
        up[-1] = UP if np.float32(np.int32(z >> U40)) * UNIT < up[-1] else DOWN


@njit(nogil=True, cache=True)
def _hashed(z: Any) -> Any:
    z = (z ^ (z >> U30)) * FIRST
    z = (z ^ (z >> U27)) * SECOND
    return z ^ (z >> U31)
