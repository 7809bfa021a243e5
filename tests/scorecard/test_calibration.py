"""A hundred planted maps 16² → 8²: rows order them, and errors cover.

Two families of fifty, each with a parameter t from 0 to 1:

    scattered   majority of four sites, each with probability t moved anywhere
    noisy       majority, each unit with probability t a coin
"""

from __future__ import annotations

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

pytestmark = pytest.mark.slow

MAPS = 50
PARAMETERS = np.linspace(0, 1, MAPS)
FEW, MANY = 1024, 102_400
ROWS = ("locality", "covariance", "couplings", "scaling")


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
    return sample(Ising((16, 16)), coupling=K_C, draws=draws, chains=256, seed=seed)


@cache
def readings(family: str, draws: int) -> list[dict[tuple[str, str], Estimate]]:
    """What each map of a family reads, by row and name; each few of its own chains."""
    shared = fine(draws, seed=0) if draws == MANY else None
    first = 1 + MAPS * list(FAMILIES).index(family)
    cards = [
        probe(
            FAMILIES[family](t, k),
            shared or fine(draws, seed=first + k),
            seed=draws + k,
            rows=ROWS,
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
        for t, found in zip(PARAMETERS, readings(family, MANY), strict=True)
        if (row, name) in found
    ]
    assert len(pairs) > 0.9 * MAPS
    tau: Any = kendalltau(*zip(*pairs, strict=True))[0]
    assert ORDERS[order] * tau > 0.8, tau


def test_a_row_that_is_blind_orders_nothing():
    """Control: the connected width at T_c, which fills the lattice for every map."""
    widths = [
        float(found["locality", "width (sites)"].value)
        for found in readings("scattered", MANY)
    ]
    tau: Any = kendalltau(PARAMETERS, widths)[0]
    assert abs(tau) < 0.8


ERRORS = (("couplings", "K nn"), ("scaling", "G_coarse/G_fine at r = 2"))


@pytest.mark.parametrize("reading", ERRORS, ids=" ".join)
def test_errors_cover_the_same_reading_of_a_hundred_times_the_samples(reading):
    """58 to 78 of 100 within one error, 2.2 σ of a binomial of 0.683; control: halved.

    Every map is read on few chains of its own; what all share is the large ensemble,
    whose error is a tenth.
    """
    pulls = []
    for family in FAMILIES:
        for few, many in zip(
            readings(family, FEW), readings(family, MANY), strict=True
        ):
            gap = float(few[reading].value - many[reading].value)
            pulls.append(gap / float(np.hypot(few[reading].error, many[reading].error)))
    within = int((np.abs(pulls) < 1).sum())
    assert 58 <= within <= 78, within
    assert int((np.abs(pulls) < 0.5).sum()) < 58
