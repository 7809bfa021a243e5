"""A hundred planted maps 16² → 8²: rows order them, and errors cover.

Two families of fifty, each with a parameter t from 0 to 1:

    scattered   majority of four sites, each with probability t moved anywhere
    noisy       majority, each unit with probability t a coin
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from kadanoff.coarse.block import Majority
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample
from kadanoff.scorecard.card import probe
from kadanoff.scorecard.controls import Projection

# The first test of a family reads fifty maps on a hundred thousand configurations.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MAPS = 50
PARAMETERS = np.linspace(0, 1, MAPS)
FEW, MANY = 1024, 102_400
REPEATS = 3
"""Readings of a map on few configurations: of 300 pulls 58 and 78 % are 3.6 σ away."""
LOCAL_FEW, LOCAL_MANY = 8192, 204_800
"""Direct responses need more configurations to be read at all."""
ROWS = (
    "locality",
    "covariance",
    "couplings",
    "temperature",
    "exponents",
    "followed by majority",
    "scaling",
)


@dataclass(frozen=True)
class Noisy:
    """Majority, a share of whose units are coins."""

    share: float
    features: None = None

    def coarse(self, fine):
        return Majority(2).coarse(fine)

    def alphabet(self, fine):
        return "pm1"

    def __call__(self, spins, fine, *, rng):
        blocks = Majority(2)(spins, fine, rng=rng)
        coins = rng.integers(0, 2, blocks.shape, dtype=np.int8) * 2 - 1
        return np.where(rng.random(blocks.shape) < self.share, coins, blocks)


def scattered(t: float, seed: int) -> Projection:
    """Votes of four sites, each of a block but for those moved anywhere."""
    rng = np.random.default_rng(seed)
    fine = Ising((16, 16)).geometry
    places = np.arange(256).reshape(8, 2, 8, 2).swapaxes(1, 2).reshape(64, 4)
    moved = np.where(
        rng.random(places.shape) < t, rng.integers(0, 256, (64, 4)), places
    )
    weights = np.zeros((64, 256))
    np.add.at(weights, (np.arange(64)[:, None], moved), 1.0)
    return Projection(weights, fine.coarsened(2))


FAMILIES = {
    "scattered": scattered,
    "noisy": lambda t, seed: Noisy(float(t)),
}
ORDERS = {
    ("scattered", "locality", "mean direct width (sites)"): 1,
    ("scattered", "covariance", "shift"): -1,
    ("scattered", "couplings", "K nn"): -1,
    ("scattered", "scaling", "slope of the ratio"): 1,
    ("noisy", "couplings", "K nn"): -1,
    ("noisy", "couplings", "entropy of a spin (nats)"): 1,
    ("noisy", "scaling", "G_coarse/G_fine at r = 2"): -1,
}
"""Which reading must order which family, and whether it rises with t."""


def fine(draws: int, seed: int) -> Ensemble:
    chains = 256 if draws in (FEW, MANY) else 64
    shape = (16, 16)
    return sample(Ising(shape), coupling=K_C, draws=draws, chains=chains, seed=seed)


@cache
def readings(
    family: str, draws: int, rows: tuple[str, ...], repeat: int = 0
) -> list[dict[tuple[str, str], Estimate]]:
    """What each map of a family reads, by row and name; each few of its own chains."""
    shared = fine(draws, seed=0) if draws in (MANY, LOCAL_MANY) else None
    # Of 300 runs at other seeds one was refused as not in equilibrium, at p = 5e-5.
    first = 50_000 + MAPS * list(FAMILIES).index(family) + 1000 * repeat
    cards = [
        probe(
            FAMILIES[family](t, k),
            shared or fine(draws, seed=first + k),
            seed=draws + k + 1000 * repeat,
            rows=rows,
            controls=(),
        )
        for k, t in enumerate(PARAMETERS)
    ]
    return [
        {(row.name, n): v for row in card.rows for n, v in row.readings.items()}
        for card in cards
    ]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_rows_order_their_family(order):
    """Kendall's τ of at least 0.8 with the planted parameter, on 102 400 lattices."""
    family, row, name = order
    pairs = [
        (t, float(found[row, name].value))
        for t, found in zip(PARAMETERS, readings(family, MANY, ROWS), strict=True)
        if (row, name) in found
    ]
    assert len(pairs) > 0.9 * MAPS
    tau: Any = kendalltau(*zip(*pairs, strict=True))[0]
    assert ORDERS[order] * tau > 0.8, tau


def test_a_row_that_is_blind_orders_nothing():
    """Control: the flip, with which every map of the family commutes."""
    flips = [
        float(found["covariance", "flip"].value)
        for found in readings("scattered", MANY, ROWS)
    ]
    tau: Any = kendalltau(PARAMETERS, flips)[0]
    assert abs(tau) < 0.8


ERRORS = (
    ("covariance", "flip"),
    ("covariance", "shift"),
    ("couplings", "K nn"),
    ("couplings", "K nnn"),
    ("couplings", "K plaquette"),
    ("couplings", "entropy of a spin (nats)"),
    ("temperature", "T by energy, 8×8"),
    ("temperature", "T by couplings, 8×8"),
    ("exponents", "y_T"),
    ("exponents", "y_H"),
    ("followed by majority", "y_T"),
    ("followed by majority", "y_H"),
    ("scaling", "G_coarse/G_fine at r = 2"),
    ("scaling", "G_coarse/G_fine at r = 8"),
    ("scaling", "slope of the ratio"),
)


def pulls_of(
    reading: tuple[str, str], *, few: int, many: int, rows: Any, repeats: int = 1
) -> np.ndarray:
    """(few - many)/error of every map that has both, read on few again and again."""
    found = []
    for family, repeat in itertools.product(FAMILIES, range(repeats)):
        short = readings(family, few, rows, repeat)
        for one, other in zip(short, readings(family, many, rows), strict=True):
            if reading in one and reading in other:
                gap = one[reading].value - other[reading].value
                error = np.hypot(one[reading].error, other[reading].error)
                found.append(float(gap) / float(error))
    return np.array([pull for pull in found if np.isfinite(pull)])


@pytest.mark.parametrize("reading", ERRORS, ids=" ".join)
def test_errors_cover_the_same_reading_of_a_hundred_times_the_samples(reading):
    """58 to 78 of 100 within one error; control: halved.

    Every map is read on few chains of its own; what all share is the large ensemble,
    whose error is a tenth. Exponents of maps that are all noise are no numbers.
    """
    pulls = pulls_of(reading, few=FEW, many=MANY, rows=ROWS, repeats=REPEATS)
    assert len(pulls) >= 90 * REPEATS
    pulls = abs(pulls)
    assert 0.58 <= np.mean(pulls < 1) <= 0.78, np.mean(pulls < 1)
    assert np.mean(pulls < 0.5) < 0.58


def test_errors_of_direct_widths_cover_where_they_are_read():
    """The same of the mean direct width; maps without a direct response have none."""
    reading = ("locality", "mean direct width (sites)")
    pulls = abs(pulls_of(reading, few=LOCAL_FEW, many=LOCAL_MANY, rows=("locality",)))
    assert len(pulls) >= 60
    assert 0.58 <= np.mean(pulls < 1) <= 0.8, np.mean(pulls < 1)
    assert np.mean(pulls < 0.5) < 0.58
