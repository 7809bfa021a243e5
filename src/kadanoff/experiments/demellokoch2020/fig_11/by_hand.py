"""Units made by hand, and block averages in closed form, at both kinds of distance."""

from __future__ import annotations

import numpy as np
import xarray as xr

from kadanoff.estimate import Estimate
from kadanoff.experiments.demellokoch2020.block_patches import (
    block_correlator,
    spin_field,
)
from kadanoff.experiments.demellokoch2020.falloff import rise
from kadanoff.experiments.demellokoch2020.patches import (
    in_box,
    on_torus,
    patch_correlator,
)
from kadanoff.geometry import Grid

__all__ = ["artificial", "block_in_box", "by_hand", "rise_by_number"]


def artificial(side: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Maps of patches on nothing, `(units, side, side)`, a quarter as many as sites.

    One patch each; two at random; two half a lattice apart in both directions. A patch
    is 1 on a square of an eighth of the side.
    """
    units, width = side**2 // 4, max(1, side // 8)
    patch = np.zeros((side, side))
    patch[:width, :width] = 1.0
    here, there = rng.integers(0, side, (2, units, 2))

    def placed(corners: np.ndarray) -> np.ndarray:
        return np.stack([np.roll(patch, tuple(c), axis=(0, 1)) for c in corners])

    one = placed(here)
    return {
        "one patch": one,
        "two at random": one + placed(there),
        "two half a lattice apart": one + placed(here + side // 2),
    }


def block_in_box(side: int) -> np.ndarray:
    """G of block averages of the critical torus at distances that do not wrap.

    All sites alike, so that G of a displacement is that of the torus, and only how
    displacements of one length are weighted differs: by the pairs in the box.
    """
    whole = block_correlator(spin_field((side, side)), 2)
    box = in_box(Grid((side, side)))
    return box.average(np.tile(whole, (2, 2)) * box.count.reshape(box.sides))


def by_hand(side: int, rng: np.random.Generator) -> xr.Dataset:
    """G of units made by hand relative to its fall, and of blocks without noise."""
    grid = Grid((side, side))
    pairs = on_torus(grid)
    made = artificial(side, rng)
    g = np.array([patch_correlator(fields, pairs) for fields in made.values()])
    whole = block_correlator(spin_field((side, side)), 2)
    return xr.Dataset(
        {
            "by_hand": (("units", "r"), g),
            "hand_rise": ("units", [_rise_of(pairs.distance, x) for x in g]),
            "expected": ("r", pairs.average(whole * grid.size)),
            "expected_box": ("r_box", block_in_box(side)),
            "expected_uniform": whole.mean(),
        },
        {"units": list(made), "r": pairs.distance},
    )


def _rise_of(distance: np.ndarray, g: np.ndarray) -> float:
    """Rise at the largest distances in units of the fall."""
    return float(rise(distance, Estimate(g, {}, np.inf)).value) / float(g[0] - g.min())


def rise_by_number(dataset: xr.Dataset, axis: str, name: str) -> float:
    """Rise of a curve that has no error."""
    g = Estimate(dataset[name].values, {}, np.inf)
    return float(rise(dataset[axis].values, g).value)
