"""Codes of a configuration in a few numbers, and how much of it comes back from each.

A coder makes of configurations v, for every layer, a code and a picture r by its own
way down. The likeness of v and r is

    ρ = Σ v r / √(Σ v² · Σ r²),

sums over all sites and configurations; for block means ρ² = ⟨(block mean)²⟩, for the
magnetization alone ρ² = ⟨m²⟩, exactly. ρ of the *details* is the same of v and r less
the mean of each picture. The best *linear* decoder of a code, least squares on other
configurations, says what it knows. No linear code of N_l numbers exceeds the lattice
waves of largest S(k), ρ² = Σ_{largest N_l} S(k)/Σ S(k) (Eckart and Young 1936).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from kadanoff.coarse.block import Average, Majority
from kadanoff.ensemble import Ensemble
from kadanoff.experiments.mehta2014.deep_network import LAYERS
from kadanoff.geometry import Grid
from kadanoff.networks.dbn import DBN, draw_up
from kadanoff.randomness import generator

__all__ = [
    "DECODERS",
    "Coder",
    "Likeness",
    "at_most",
    "likeness",
    "of_blocks",
    "of_magnetization",
    "of_network",
    "of_waves",
]

DECODERS = ("own", "linear")
ENOUGH = 10_000  # configurations: ρ to 0.001
RIDGE = 1e-4  # of the variance of a unit: codes of dead units have no inverse
ONE_SHADE = 1e-8  # share of the power that rounding alone gives a uniform picture

Codes = list[tuple[np.ndarray, np.ndarray]]
"""For each layer the code `(n, units)` and what it is expanded to, `(n, sites)`."""
Coder = Callable[[np.ndarray], Codes]
"""From `(n, *shape)` configurations."""


def of_network(network: DBN, *, bits: bool, seed: int) -> Coder:
    """Every layer of a deep network and its way down, by means.

    Args:
        network: dense machines.
        bits: whether units are drawn on the way up, or their means passed.
        seed: of the draws.
    """
    noise = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def code(values: np.ndarray) -> Codes:
        v = network.tensor(values)
        if bits:
            levels = draw_up(network, v, noise=noise)[1:]
        else:
            levels = []
            for machine in network.machines:
                v = machine.hidden_mean(v)
                levels.append(v)
        found = []
        for l, h in enumerate(levels, 1):
            down = h
            for machine in reversed(network.machines[:l]):
                down = machine.visible_mean(down)
            found.append((h.numpy(), down.reshape(len(values), -1).numpy()))
        return found

    return code


def of_blocks(grid: Grid, *, bits: bool, seed: int) -> Coder:
    """Means of 2×2, 4×4 and 8×8 sites, or the signs of their sums, and expansions.

    Args:
        grid: the sites.
        bits: signs, a tie by a coin; means otherwise.
        seed: of the coins.
    """
    rng = generator(seed, "coins")

    def code(values: np.ndarray) -> Codes:
        found = []
        for l in LAYERS:
            b = 2**l
            rule = Majority(b=b) if bits else Average(b=b)
            coarse = rule(values, grid, rng=rng).astype(np.float32)
            back = coarse.repeat(b, axis=1).repeat(b, axis=2)
            n = len(values)
            found.append((coarse.reshape(n, -1), back.reshape(n, -1)))
        return found

    return code


def of_magnetization(*, bits: bool, seed: int) -> Coder:
    """The magnetization or its sign, the same for every site and every layer.

    Args:
        bits: the sign, 0 by a coin; the magnetization otherwise.
        seed: of the coins.
    """
    rng = generator(seed, "coins")

    def code(values: np.ndarray) -> Codes:
        flat = values.reshape(len(values), -1)
        m = flat.mean(axis=1, keepdims=True, dtype=np.float32)
        if bits:
            coins = rng.choice(np.array([-1, 1], np.float32), size=m.shape)
            m = np.where(m == 0, coins, np.sign(m))
        return [(m, np.broadcast_to(m, flat.shape))] * len(LAYERS)

    return code


def of_waves(data: Ensemble) -> Coder:
    """The lattice waves of largest structure factor in `data`, and their sum.

    Args:
        data: configurations, whose waves these are.
    """
    shape = data.grid.shape
    power = np.zeros(shape)
    for part in at_most(data):
        power += (abs(np.fft.fft2(part)) ** 2).sum(axis=0)
    order = power.reshape(-1).argsort(kind="stable")[::-1]

    def code(values: np.ndarray) -> Codes:
        waves = np.fft.fft2(values, norm="ortho")
        # The Hartley transform has one real number for each wave.
        numbers = (waves.real - waves.imag).reshape(len(values), -1)
        found = []
        for l in LAYERS:
            kept = np.zeros_like(numbers)
            most = order[: data.grid.size // 4**l]
            kept[:, most] = numbers[:, most]
            again = np.fft.fft2(kept.reshape(-1, *shape), norm="ortho")
            back = (again.real - again.imag).reshape(len(values), -1)
            found.append((numbers[:, most].astype(np.float32), back.astype(np.float32)))
        return found

    return code


@dataclass(frozen=True, eq=False)
class Likeness:
    """How pictures resemble what was coded, `(layer, 2)`: own way down, linear.

    Attributes:
        rho: ρ; not a number of a picture that is zero everywhere.
        details: ρ less the mean of each picture; not a number of one in one shade.
        shade: share of the power of what comes back that is the mean of each picture.
    """

    rho: np.ndarray
    details: np.ndarray
    shade: np.ndarray


def likeness(coder: Coder, data: Ensemble, fine: Ensemble) -> Likeness:
    """ρ of every layer by the code's own way down and the best linear one.

    Args:
        coder: codes and expansions.
        data: where the linear decoder is fitted.
        fine: other configurations, which are read.
    """
    decoders = _decoders(coder, data)
    sums = np.zeros((4, len(LAYERS), len(DECODERS)))
    power = np.zeros(2)
    for part in at_most(fine):
        v = part.reshape(len(part), -1).astype(np.float32)
        power += v.size, _product(_details(v), v)
        for l, (code, own) in enumerate(coder(part)):
            for k, r in enumerate((own, code @ decoders[l])):
                within = _details(r)
                pairs = ((v, r), (r, r), (v, within), (within, within))
                sums[:, l, k] += [_product(*pair) for pair in pairs]
    across, whole, across_within, inside = sums
    inside = np.where(inside > ONE_SHADE * whole, inside, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Likeness(
            rho=across / np.sqrt(whole * power[0]),
            details=np.where(
                inside > 0, across_within / np.sqrt(inside * power[1]), np.nan
            ),
            shade=1 - inside / whole,
        )


def _details(pictures: np.ndarray) -> np.ndarray:
    """`(n, sites)` less the mean of each picture."""
    return pictures - pictures.mean(axis=1, keepdims=True)


def _product(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum(dtype=float))


def _decoders(coder: Coder, data: Ensemble) -> list[np.ndarray]:
    """Least squares of the sites on the code of each layer, `(units, sites)`."""
    squares, products = [], []
    for part in at_most(data):
        v = part.reshape(len(part), -1).astype(np.float32)
        for l, (code, _) in enumerate(coder(part)):
            if len(squares) == l:
                squares.append(np.zeros((code.shape[1],) * 2))
                products.append(np.zeros((code.shape[1], v.shape[1])))
            squares[l] += code.T @ code
            products[l] += code.T @ v
    found = []
    for square, product in zip(squares, products, strict=True):
        scale = max(np.trace(square) / len(square), np.finfo(float).tiny)
        ridge = RIDGE * scale * np.eye(len(square))
        found.append(np.linalg.solve(square + ridge, product).astype(np.float32))
    return found


def at_most(ensemble: Ensemble, size: int = ENOUGH) -> Iterator[np.ndarray]:
    """At most `size` configurations in parts, `(n, *shape)`.

    Args:
        ensemble: configurations.
        size: as many as are read for a likeness if not given.
    """
    left = size
    for chunk in ensemble.chunks():
        part = ensemble.read(chunk)[:left]
        left -= len(part)
        yield part
        if left == 0:
            return
