"""Spins per nanosecond of clusters and heat baths: `python benchmarks/clusters.py`.

One thread, the square lattice at its critical coupling (XY: near it), the lattices of
about 65 000 sites together. Compiling, burning in and starting a step are not counted;
Wolff counts the sites that it turned.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kadanoff.exact.constants import K_C
from kadanoff.kernels import graph_clusters as clusters
from kadanoff.kernels import potts, xy
from kadanoff.models.lattice import neighbours

SITES = 1 << 16
UPDATES = 1 << 22  # of single spins in one timing
ROUNDS = 3
BURN_IN = 50
XY_COUPLING = 1.12
UP_AND_DOWN = np.array([-1, 1], dtype=np.int8)


def ising_clusters(side: int) -> dict[str, float]:
    """Swendsen–Wang, Wolff and heat bath of Ising spins on a table of neighbours."""
    bonds = clusters.bonds(square(side), 2 * K_C)
    spins = hot(side, UP_AND_DOWN)
    up = clusters.thresholds(
        1 / (1 + np.exp(-2 * K_C * np.arange(-4, 5, 2.0)))[:, None]
    )

    def sweep(n: int) -> None:
        clusters.recolour(spins, bonds, UP_AND_DOWN, np.int8(0), 0.0, seed(), n)

    def turn(n: int) -> int:
        return clusters.turn_clusters(spins, bonds, UP_AND_DOWN, 0.0, seed(), n)

    def heat(n: int) -> None:
        clusters.heat_bath(spins, bonds.walk, up, seed(), n)

    sweep(BURN_IN)
    return {
        "swendsen-wang": sweep_rate(sweep, spins.size),
        "wolff": wolff_rate(turn),
        "heat-bath": sweep_rate(heat, spins.size),
    }


def potts_clusters(side: int, q: int) -> dict[str, float]:
    """Swendsen–Wang, Wolff and heat bath of the Potts model at ln(1 + √q)."""
    coupling = np.log1p(np.sqrt(q))
    bonds = clusters.bonds(square(side), coupling)
    palette = np.arange(q, dtype=np.uint8)
    values, weights = hot(side, palette), potts.weights(coupling, 4)

    def sweep(n: int) -> None:
        clusters.recolour(values, bonds, palette, np.uint8(255), 0.0, seed(), n)

    def turn(n: int) -> int:
        return clusters.turn_clusters(values, bonds, palette, 0.0, seed(), n)

    def heat(n: int) -> None:
        potts.heat_bath(values, bonds.walk, weights, q, seed(), n)

    sweep(BURN_IN)
    return {
        "swendsen-wang": sweep_rate(sweep, values.size),
        "wolff": wolff_rate(turn),
        "heat-bath": sweep_rate(heat, values.size),
    }


def xy_clusters(side: int) -> dict[str, float]:
    """Swendsen–Wang, Wolff, heat bath and over-relaxation of the XY model."""
    walk = square(side)
    angles = hot(side, np.linspace(0, 2 * np.pi, 1000))
    x, y = np.cos(angles), np.sin(angles)

    def sweep(n: int) -> None:
        xy.reflect_all(x, y, walk, XY_COUPLING, seed(), n)

    def turn(n: int) -> int:
        return xy.reflect_clusters(x, y, walk, XY_COUPLING, seed(), n)

    def heat(n: int, reflections: int = 0) -> None:
        xy.heat_bath(x, y, walk, XY_COUPLING, reflections, seed(), n)

    sweep(BURN_IN)
    rates = {
        "swendsen-wang": sweep_rate(sweep, x.size),
        "wolff": wolff_rate(turn),
        "heat-bath": sweep_rate(heat, x.size),
    }
    both = sweep_rate(lambda n: heat(n, 4), x.size)
    rates["over-relaxation"] = 4 / (1 / both - 1 / rates["heat-bath"])
    return rates


def square(side: int) -> clusters.Walk:
    """Steps on the square lattice."""
    return clusters.walk(neighbours("square", (side, side)))


def hot(side: int, palette: np.ndarray) -> np.ndarray:
    """Independent values of replicas of one lattice, `(replica, site)`."""
    form = (max(1, SITES // side**2), side**2)
    return np.random.default_rng(1).choice(palette, form)


def seed() -> np.ndarray:
    """A state of the kernels' generator."""
    return np.random.default_rng(2).integers(0, 2**64, size=4, dtype=np.uint64)


def sweep_rate(update: Callable[[int], Any], sites: int) -> float:
    """Updated sites per nanosecond, the best of some rounds."""
    sweeps = max(2, UPDATES // sites)
    update(1)
    return max(sites * sweeps / timed(update, sweeps)[0] for _ in range(ROUNDS))


def wolff_rate(turn: Callable[[int], int]) -> float:
    """Turned sites per nanosecond, the best of some rounds."""
    turned = int(turn(20))  # how large they are, roughly
    count = max(20, 20 * UPDATES // max(turned, 1))
    rounds = [timed(turn, count) for _ in range(ROUNDS)]
    return max(int(total) / nanoseconds for nanoseconds, total in rounds)


def timed(update: Callable[[int], Any], count: int) -> tuple[float, Any]:
    """Nanoseconds of one call, and what it returned."""
    started = time.perf_counter()
    returned = update(count)
    return (time.perf_counter() - started) * 1e9, returned


if __name__ == "__main__":
    for side in (64, 256, 1024):
        rows = {
            "ising": ising_clusters(side),
            **{f"potts q = {q}": potts_clusters(side, q) for q in (2, 3, 4)},
            "xy": xy_clusters(side),
        }
        for name, rates in rows.items():
            shown = ", ".join(f"{k} {1 / r:.1f}" for k, r in rates.items())
            print(f"L = {side}, {name}: {shown} ns per spin")
