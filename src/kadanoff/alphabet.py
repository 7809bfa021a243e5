"""What a site holds, and how little room it takes.

pm1       ±1 spins         one bit each (`np.packbits`)
potts:q   0 … q-1, q <= 255  one byte
angle     radians          float32, in [-π, π)
real      any number       float32
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["KINDS", "check_alphabet", "check_values", "stored", "stored_type"]

KINDS = ("pm1", "potts:q", "angle", "real")
MOST_STATES = 255
FULL_TURN = 2 * math.pi


def check_alphabet(alphabet: str) -> None:
    """Refuse a name that is not an alphabet's.

    Raises:
        ValueError: another name, or a number of Potts states outside 2 … 255.
    """
    if alphabet not in ("pm1", "angle", "real") and _potts_states(alphabet) is None:
        raise ValueError(
            f"an alphabet is one of {', '.join(KINDS)} with q between 2 and "
            f"{MOST_STATES}, got {alphabet!r}"
        )


def check_values(values: np.ndarray, alphabet: str) -> None:
    """Refuse values that the alphabet does not have.

    Raises:
        ValueError: an unknown alphabet, values that are not numbers or not finite, or
            values outside the alphabet.
    """
    check_alphabet(alphabet)
    if values.dtype.kind not in "iuf":
        raise ValueError(f"spins are numbers, got an array of {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = tuple(np.argwhere(~np.isfinite(values))[0].tolist())
        raise ValueError(f"spins must be finite, got {values[bad]} at index {bad}")
    if alphabet == "real":
        return
    wrong, demand = _strangers(values, alphabet)
    if wrong.any():
        raise ValueError(f"{demand}, got {values[wrong][0]}; {_advice(alphabet)}")


def stored(values: np.ndarray, alphabet: str) -> np.ndarray:
    """The values in the type they are stored in; ±1 are packed elsewhere."""
    if alphabet == "angle":
        values = _wrapped(values)
    return np.ascontiguousarray(values, dtype=stored_type(alphabet))


def stored_type(alphabet: str) -> np.dtype:
    """The type of the stored array: bytes of packed ±1 spins, else of the values."""
    return np.dtype(np.float32 if alphabet in ("angle", "real") else np.uint8)


def _wrapped(angles: np.ndarray) -> np.ndarray:
    """The same angles in [-π, π), float32; those already so stay bit for bit."""
    exact = np.asarray(angles, dtype=np.float64)
    turned = np.mod(exact + math.pi, FULL_TURN) - math.pi
    # The float32 next to π lies above it: it is taken for its neighbour below.
    edge = np.nextafter(np.float32(math.pi), np.float32(0))
    inside = np.where(np.abs(exact) <= edge, exact, turned)
    return np.clip(inside, -edge, edge).astype(np.float32)


def _potts_states(alphabet: str) -> int | None:
    kind, _, states = alphabet.partition(":")
    if kind != "potts" or not (states.isascii() and states.isdigit()):
        return None
    return int(states) if 2 <= int(states) <= MOST_STATES else None


def _strangers(values: np.ndarray, alphabet: str) -> tuple[np.ndarray, str]:
    """Which values the alphabet does not have, and what it demands."""
    if alphabet == "pm1":
        return (values != 1) & (values != -1), "spins of alphabet 'pm1' are -1 or 1"
    if alphabet == "angle":
        return abs(values) > FULL_TURN + 1e-6, "angles are radians between -2π and 2π"
    q = _potts_states(alphabet) or 0
    inside = (values >= 0) & (values < q) & (values == np.floor(values))
    demand = f"values of alphabet '{alphabet}' are whole numbers from 0 to {q - 1}"
    return ~inside, demand


def _advice(alphabet: str) -> str:
    if alphabet == "pm1":
        return "name the alphabet of the file (0/1 data: '01') or convert it"
    if alphabet == "angle":
        return "convert degrees"
    return "name another alphabet, or count the states from 0"
