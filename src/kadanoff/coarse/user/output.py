"""What the output of somebody's code is: a geometry, and values on it.

    (n, *lattice)            one value per site
    (n, maps, *lattice)      feature maps; one of them is one value per site
    (n, units)               a layer without positions

The coarse lattice is that of blocks of side b, which the output's shape says; what a
network's windows are centred on it does not say, and the block centres are taken. On a
chain, whose sites are a row too, `(n, m)` is a lattice where the input had axes and a
layer of units where it was flat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from kadanoff.coarse.user.passes import Refused
from kadanoff.geometry import Geometry, Grid, Unordered

__all__ = ["OUTPUTS", "Shaped", "check_finite", "shaped", "values_of"]

OUTPUTS = ("spin", "logit", "prob", "mean")
ROUNDING = 1e-5  # of a probability in 32 bits


@dataclass(frozen=True)
class Shaped:
    """What output of one shape is.

    Attributes:
        shape: of the output for one configuration.
        geometry: of one map.
        maps: number of feature maps, None where there is one value per site.
    """

    shape: tuple[int, ...]
    geometry: Geometry
    maps: int | None


def shaped(shape: tuple[int, ...], fine: Geometry, *, flat: bool = False) -> Shaped:
    """What output of `shape`, without the axis of configurations, is of `fine`.

    Args:
        flat: whether the input was a row of sites.

    Raises:
        Refused: a shape that is none of the three.
    """
    d = fine.dimension if isinstance(fine, Grid) else 1
    if len(shape) not in (1, d, d + 1) or 0 in shape:
        axes = ", ".join(["n", *map(str, shape)])
        raise Refused(
            "has to put out (n, *lattice), (n, maps, *lattice) or (n, units), a lattice"
            f" having {d} direction{'s' * (d > 1)}, got an array of shape ({axes}); "
            "read it at another layer"
        )
    if isinstance(fine, Unordered) or (len(shape) == 1 and (flat or d > 1)):
        maps, geometry = shape[:-1], Unordered(shape[-1])
    else:
        maps, geometry = shape[:-d], fine.coarsened(_block(fine.shape, shape[-d:]))
    return Shaped(shape, geometry, maps[0] if maps and maps[0] > 1 else None)


def _block(fine: tuple[int, ...], coarse: tuple[int, ...]) -> int:
    """The side of the blocks that take one lattice to the other."""
    b = fine[0] // coarse[0]
    pairs = list(zip(fine, coarse, strict=True))
    if any(side != b * left for side, left in pairs):
        ratios = ", ".join(f"{side}/{left}" for side, left in pairs)
        raise Refused(
            "has to change the scale by one whole number in all directions, got "
            f"{ratios}, from shape {fine} to {coarse}; change its stride, its padding "
            "or the lattice"
        )
    return b


def check_finite(raw: np.ndarray) -> None:
    """Refused for NaN and infinities."""
    bad = ~np.isfinite(raw)
    if bad.any():
        share = "all" if bad.all() else f"{bad.sum()} of {bad.size}"
        raise Refused(
            f"puts out NaN or infinities ({share} of its values); look at its weights "
            "and at what it divides by"
        )


def values_of(raw: np.ndarray, output: str, *, rng: np.random.Generator) -> np.ndarray:
    """Spins, int8, or real values, float32, by what the output means.

    spin   ±1, taken as they are
    logit  x, of a unit that is +1 with probability 1/(1 + e^-x)
    prob   that probability
    mean   any real values

    Raises:
        Refused: values that this kind of output does not have.
    """
    if output == "mean":
        return raw
    if output == "spin":
        _check_spins(raw)
        return raw.astype(np.int8)
    up = expit(raw.astype(np.float64)) if output == "logit" else _probability(raw)
    return np.where(rng.random(raw.shape) < up, 1, -1).astype(np.int8)


def _check_spins(raw: np.ndarray) -> None:
    strange = np.abs(raw) != 1
    if not strange.any():
        return
    ties = " (sign(0) is 0: a tie needs a coin)" if (raw[strange] == 0).all() else ""
    kind = "prob" if ((raw >= 0) & (raw <= 1)).all() else "logit"
    raise Refused(
        f"puts out {raw[strange][0]:.6g}{ties}, which is no spin of ±1; say what its "
        f"output means: output={kind} draws spins from it, output=mean takes real "
        "values"
    )


def _probability(raw: np.ndarray) -> np.ndarray:
    strange = (raw < -ROUNDING) | (raw > 1 + ROUNDING)
    if strange.any():
        raise Refused(
            f"puts out {raw[strange][0]:.6g}, which is no probability; say what its "
            "output means: output=logit, spin or mean"
        )
    return raw
