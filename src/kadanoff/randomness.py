"""One seed makes a run: independent generators, named after what they are used for.

A stream is addressed by the seed and a path of names and numbers, so that a shard
drawn alone, in another order or after a restart draws the same numbers
(`numpy.random.SeedSequence` hashes the path; PCG64DXSM is the generator).
"""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["generator", "subseed"]


def _sequence(seed: int, path: tuple[str | int, ...]) -> np.random.SeedSequence:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"a seed is a whole number of at least 0, got {seed!r}")
    words = [zlib.crc32(p.encode()) if isinstance(p, str) else p + 1 for p in path]
    return np.random.SeedSequence(int(seed), spawn_key=tuple(words))


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """The generator of one purpose, for example `generator(1, "sample", shard)`.

    Raises:
        ValueError: the seed is not a whole number of at least 0.

    >>> a, b = generator(1, "sample", 0), generator(1, "sample", 1)
    >>> bool(a.random() == generator(1, "sample", 0).random() != b.random())
    True
    """
    return np.random.Generator(np.random.PCG64DXSM(_sequence(seed, path)))


def subseed(seed: int, *path: str | int) -> int:
    """A whole number below 2^63 for libraries that take a seed (torch)."""
    return int(_sequence(seed, path).generate_state(1, np.uint64)[0] >> np.uint64(1))
