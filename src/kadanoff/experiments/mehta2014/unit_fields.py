"""What a unit of a deep network sees of the lattice, by weights and by response.

The *field* of a unit of layer l is its column of the product of weight matrices
W_1 W_2 … W_l. Its *patches* are the connected regions above half of its maximum, its
width is the root mean square distance from its centre over *all* sites, weighted by the
square. A unit is *local* when it has one patch and is narrower than its block has sites
a side, b = 2^l. An ideal block of b×b has exactly

    w² = min_c (1/b²) Σ_block d²(i, c) = (b² + 2)/6,      w = 1, √3, √11,

c a site of it. What a unit of a deep layer sees is not only a product of weights: the
*direct response* C⁻¹R of the original sites to it (`kadanoff.instruments.receptive`)
is measured on chains that nothing was trained on. Shares of units are read by halves of
these chains, the core in one half and D² between both: a patch is one of sites that
both halves have in the core.

Of a unit above the first layer a block of blocks would have four *parents* below it,
(Σ W²)²/Σ W⁴, and its four strongest parents would be neighbours, on average
(4 + 2√2)/6 = 1.138 block sides apart. It can be local without that: noise of many
parents averages out, where they share a part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.mehta2014.deep_network import hidden_layers
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.fields import core_of, count_patches, from_centre
from kadanoff.instruments.receptive import direct_response, locality
from kadanoff.networks.dbn import DBN, receptive_fields

__all__ = [
    "READINGS",
    "block_width",
    "read",
    "read_direct",
    "read_weights",
    "response_fields",
    "some_units",
    "weight_fields",
]

STRONGEST = 4  # parents of a block
READINGS = {
    "width": "width of weights (sites)",
    "patches": "patches of weights",
    "single": "one patch of weights",
    "local": "local by weights",
    "alive": "with any weight",
    "parents": "parents",
    "apart": "parents apart (sites)",
    "response": "width of correlations (sites)",
    "direct_width": "width of response (sites)",
    "directly": "respond",
    "direct_patches": "patches of response",
    "direct_single": "one patch of response",
    "direct_local": "local by response",
}
"""Reading → heading: widths, parents and how far apart these are are medians over
units, patches the mean, the rest shares of all units. Responses are direct ones; the
width of correlations is that of R itself."""


def block_width(b: int, side: int) -> float:
    """Width of a uniform field on b×b of side×side sites, as of any field here.

    >>> round(block_width(4, 40) ** 2, 12)
    3.0
    """
    block = np.zeros((1, side, side))
    block[:, :b, :b] = 1
    return float(_shapes(Grid((side, side)), block).width[0])


def read(network: DBN, fine: Ensemble, *, seed: int) -> list[dict[str, float]]:
    """`READINGS` of every layer.

    Args:
        network: dense machines over the sites of `fine`.
        fine: configurations that it was not trained on.
        seed: draws the layers in between.

    Raises:
        ValueError: configurations that do not fit or are too few to cut in blocks.
    """
    of_weights = read_weights(network, fine.grid)
    layers = hidden_layers(network, fine, seed=seed)
    return [
        weights | read_direct(fine, hidden, 2**l)
        for l, (weights, hidden) in enumerate(zip(of_weights, layers, strict=True), 1)
    ]


def read_weights(network: DBN, grid: Grid) -> list[dict[str, float]]:
    """The readings of every layer that its weights have, which are exact.

    Args:
        network: dense machines.
        grid: the sites below the first.

    Raises:
        ValueError: a grid that does not fit.
    """
    rows, centres = [], np.empty((0, grid.dimension))
    for l, machine in enumerate(network.machines, 1):
        below = centres
        shapes = _shapes(grid, weight_fields(network, l, grid))
        centres = shapes.centre
        one = shapes.alive & (shapes.patches == 1)
        weights = machine.W.detach().double().numpy()
        rows.append(
            {
                "width": _median(shapes.width[shapes.alive]),
                "patches": _mean(shapes.patches[shapes.alive]),
                "single": one.mean(),
                "local": (one & (shapes.width < 2**l)).mean(),
                "alive": shapes.alive.mean(),
                "parents": math.nan if l == 1 else _parents(weights),
                "apart": math.nan if l == 1 else _apart(weights, grid, below),
            }
        )
    return rows


def read_direct(fine: Ensemble, hidden: Ensemble, b: int) -> dict[str, float]:
    """The readings of a layer that take configurations.

    Args:
        fine: the sites.
        hidden: the layer over the same chains and draws.
        b: side of the block that a unit stands for.

    Raises:
        ValueError: as `kadanoff.instruments.receptive.locality`.
    """
    whole = locality(fine, hidden)
    patches, square = _by_halves(fine, hidden)
    one = patches == 1
    return {
        "response": float(whole.width.value),
        "direct_width": float(whole.direct_width.value),
        "directly": whole.directly,
        "direct_patches": _mean(patches[patches > 0]),
        "direct_single": one.mean(),
        "direct_local": (one & (square < b**2)).mean(),
    }


def weight_fields(network: DBN, level: int, grid: Grid) -> np.ndarray:
    """W_1 W_2 … of the units of a layer, `(unit, *shape)`.

    Args:
        network: dense machines.
        level: of the layer, from 1.
        grid: the sites below the first.
    """
    product = receptive_fields(network, level).T.double().numpy()
    return product.reshape(-1, *grid.shape)


def response_fields(
    network: DBN, fine: Ensemble, *, units: int, seed: int
) -> list[np.ndarray]:
    """D of some units of every layer, `(unit, *shape)` each, noise and all.

    Args:
        network: dense machines over the sites of `fine`.
        fine: configurations that it was not trained on.
        units: how many of each layer.
        seed: draws the layers in between.

    Raises:
        ValueError: as `kadanoff.instruments.receptive.direct_response`.
    """
    found = []
    for hidden in hidden_layers(network, fine, seed=seed):
        few = hidden.values[..., some_units(hidden.values.shape[-1], units)]
        some = hidden.derived(few, Unordered(units), "real", {"step": "some units"})
        found.append(direct_response(fine, some).T.reshape(-1, *fine.grid.shape))
    return found


def some_units(of: int, units: int) -> np.ndarray:
    """Indices of `units` units spread over a layer of `of`."""
    return ((np.arange(units) + 0.5) * of / units).astype(int)


@dataclass(frozen=True, eq=False)
class _Shapes:
    """Width, patches, centre `(units, d)` and whether there is a field at all."""

    width: np.ndarray
    patches: np.ndarray
    centre: np.ndarray
    alive: np.ndarray


def _shapes(grid: Grid, fields: np.ndarray) -> _Shapes:
    """Of `(units, *shape)` fields, `(units,)` each."""
    core = core_of(fields)
    d2 = from_centre(grid, fields**2 * core)
    squares = (fields**2).reshape(d2.shape)
    strength = squares.sum(axis=1)
    alive = strength > 0
    width = np.sqrt((squares * d2).sum(axis=1) / np.where(alive, strength, np.nan))
    centre = _middle(grid, fields**2 * core)
    return _Shapes(width, count_patches(grid, core), centre, alive)


def _middle(grid: Grid, weights: np.ndarray) -> np.ndarray:
    """Mean positions on the torus by mean phases, which need not be sites."""
    parts = []
    for axis, side in enumerate(grid.shape):
        others = tuple(k + 1 for k in range(grid.dimension) if k != axis)
        line = weights.sum(axis=others)
        phase = np.angle(line @ np.exp(2j * np.pi * np.arange(side) / side))
        parts.append(phase * side / (2 * np.pi))
    return np.stack(parts, axis=-1) @ np.array(grid.basis)


def _parents(weights: np.ndarray) -> float:
    """Median over units of how many units below they listen to."""
    squares = weights**2
    alive = squares.sum(axis=0) > 0
    squares = squares[:, alive]
    return _median(squares.sum(axis=0) ** 2 / (squares**2).sum(axis=0))


def _apart(weights: np.ndarray, grid: Grid, centres: np.ndarray) -> float:
    """Median over units of the mean distance between their strongest parents."""
    if weights.shape[0] < STRONGEST:
        return math.nan
    strongest = abs(weights).argsort(axis=0)[-STRONGEST:]
    places = centres[strongest]  # (parent, unit, axis)
    pairs = np.triu_indices(STRONGEST, 1)
    apart = grid.distance(places[pairs[0]], places[pairs[1]]).mean(axis=0)
    return _median(apart[abs(weights).sum(axis=0) > 0])


def _by_halves(fine: Ensemble, hidden: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """Patches that both halves of the chains have, and w² of D between them.

    A core is chosen in one half, D² is the product of both: noise that looks like a
    patch in one half is not there in the other.
    """
    grid = fine.grid
    pairs = zip(fine.split(2), hidden.split(2), strict=True)
    direct = [direct_response(*pair).T.reshape(-1, *grid.shape) for pair in pairs]
    cores = [core_of(d) for d in direct]
    moment, strength = 0.0, 0.0
    for own, core in zip(direct, cores, strict=True):
        d2 = from_centre(grid, own**2 * core)
        product = (direct[0] * direct[1] * core).reshape(d2.shape)
        moment = moment + (product * d2).sum(axis=1)
        strength = strength + product.sum(axis=1)
    square = np.where(strength > 0, moment, np.nan) / np.where(
        strength > 0, strength, 1
    )
    return count_patches(grid, cores[0] & cores[1]), square


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else math.nan


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
