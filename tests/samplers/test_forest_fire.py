"""The forest fire against the stationary law of its Markov chain, by enumeration.

The chain of all 2^N forests is written down event by event, independently of the
kernel, and its stationary law found by linear algebra. Independent draws of that law go
through sweeps and are compared with it by χ², at level 1e-4; controls with θ off by
2 %, or that read the forest after the strike, are rejected at 1e-6.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.exact.enumerate import all_states
from kadanoff.models.forest_fire import ForestFire
from kadanoff.samplers.forest_fire import ForestFireDynamics

DRAWS = 800_000
CASES = [((2, 2), 1.5), ((2, 3), 4.0), ((5,), 2.5), ((6,), 0.7), ((2, 2, 2), 3.0)]


def burnt(forest: np.ndarray, site: tuple[int, ...]) -> np.ndarray:
    """The forest after lightning at a site: the fire spreads until it does not."""
    fire = np.zeros(forest.shape, bool)
    fire[site] = forest[site] > 0
    while True:
        spread = fire.copy()
        for axis in range(forest.ndim):
            for shift in (1, -1):
                spread |= np.roll(fire, shift, axis)
        spread &= forest > 0
        if (spread == fire).all():
            return np.where(fire, -1, forest)
        fire = spread


def grown(forest: np.ndarray, site: tuple[int, ...]) -> np.ndarray:
    after = forest.copy()
    after[site] = 1
    return after


def row_of(forest: np.ndarray) -> int:
    return int((forest.ravel() > 0) @ (1 << np.arange(forest.size)[::-1]))


def moves(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Transition matrices of one strike and of one growth attempt."""
    forests = all_states(math.prod(shape)).reshape(-1, *shape)
    strike, growth = np.zeros((2, len(forests), len(forests)))
    for row, forest in enumerate(forests):
        for site in np.ndindex(shape):
            strike[row, row_of(burnt(forest, site))] += 1 / forest.size
            growth[row, row_of(grown(forest, site))] += 1 / forest.size
    return strike, growth


def stationary(matrix: np.ndarray) -> np.ndarray:
    """The law π with π P = π."""
    equations = np.vstack([matrix.T - np.eye(len(matrix)), np.ones(len(matrix))])
    right = np.zeros(len(matrix) + 1)
    right[-1] = 1
    return np.linalg.lstsq(equations, right, rcond=None)[0].clip(0)


def continuous_time(shape: tuple[int, ...], theta: float) -> np.ndarray:
    strike, growth = moves(shape)
    law = stationary((strike + theta * growth) / (1 + theta))
    return law / law.sum()


def p_value(forests: np.ndarray, law: np.ndarray) -> float:
    """χ² over all forests."""
    rows = (forests.reshape(len(forests), -1) > 0) @ (
        1 << np.arange(forests[0].size)[::-1]
    )
    return chi_squared(rows, law)


def p_value_of_trees(forests: np.ndarray, law: np.ndarray) -> float:
    """χ² over the number of trees, which holds nearly all that forests tell of θ."""
    sites = forests[0].size
    trees = (all_states(sites) > 0).sum(axis=1)
    here = (forests.reshape(len(forests), -1) > 0).sum(axis=1)
    return chi_squared(here, np.bincount(trees, weights=law))


def chi_squared(labels: np.ndarray, law: np.ndarray) -> float:
    """p-value; cells of fewer than 10 expected are merged."""
    counts, expected = np.bincount(labels, minlength=len(law)), law * len(labels)
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 10:
        observed[-2] += observed[-1]
        expected[-2] += expected[-1]
        observed, expected = observed[:-1], expected[:-1]
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(chi2.sf(statistic, len(expected) - 1))


@pytest.mark.parametrize(("shape", "theta"), CASES)
def test_the_law_of_continuous_time_is_stationary(shape: tuple[int, ...], theta: float):
    law = continuous_time(shape, theta)
    states = all_states(math.prod(shape)).reshape(-1, *shape)
    drawn = states[np.random.default_rng(1).choice(len(states), DRAWS, p=law)]
    assert p_value(drawn, law) > 1e-4

    def after(wrong: float) -> tuple[float, float]:
        sampler = ForestFireDynamics(ForestFire(shape), wrong * theta, replicas=DRAWS)
        rng = np.random.default_rng(2)
        state = sampler.step(sampler.init(rng=rng, values=drawn), rng=rng, sweeps=4)
        forests = sampler.spins(state)
        return p_value(forests, law), p_value_of_trees(forests, law)

    assert min(after(1.0)) > 1e-4
    assert after(1.02)[1] < 1e-6


@pytest.mark.parametrize("start", [1, -1])
def test_the_law_is_reached_from_a_full_and_a_bare_forest(start: int):
    shape, theta = (2, 3), 4.0
    sampler = ForestFireDynamics(ForestFire(shape), theta, replicas=50_000)
    rng = np.random.default_rng(3)
    values = np.full((50_000, *shape), start, np.int8)
    state = sampler.step(sampler.init(rng=rng, values=values), rng=rng, sweeps=30)
    law = continuous_time(shape, theta)
    assert p_value(sampler.spins(state), law) > 1e-4
    strike, _ = moves(shape)
    assert p_value(sampler.spins(state), law @ strike) < 1e-6


def test_growth_and_fire_balance_and_the_density_gives_both():
    """⟨burnt⟩ = ⟨grown⟩ = θ(1 - ρ) on 32², within 4.5 errors; 2 % more is seen."""
    theta = 30.0
    sampler = ForestFireDynamics(ForestFire((32, 32)), theta, replicas=200)
    rng = np.random.default_rng(4)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=100)
    burnt, grown, density = [], [], []
    for _ in range(60):
        state = sampler.step(state, rng=rng, sweeps=2)
        burnt.append(state.burnt)
        grown.append(state.grown)
        density.append(sampler.model.observables(state.spins, theta)["density"])
    fires, growth, empty = (
        np.mean(series, axis=0) for series in (burnt, grown, 1 - np.array(density))
    )

    def score(difference: np.ndarray) -> float:
        return abs(difference.mean()) / (difference.std(ddof=1) / np.sqrt(200))

    assert score(fires - growth) < 4.5
    assert score(growth - theta * empty) < 4.5
    assert score(fires - theta * empty) < 4.5
    assert score(fires - 1.02 * theta * empty) > 6


def test_trees_are_counted_as_they_burn_and_grow():
    """What has grown and not burnt is there."""
    sampler = ForestFireDynamics(ForestFire((16, 16)), 20.0, replicas=10)
    rng = np.random.default_rng(5)
    before = sampler.init(rng=rng)
    after = sampler.step(before, rng=rng, sweeps=3)
    change = (after.spins > 0).sum(axis=(1, 2)) - (before.spins > 0).sum(axis=(1, 2))
    per_strike = after.grown - after.burnt
    assert np.allclose(per_strike * 3 * sampler.strikes, change)
    assert sampler.strikes == 13


def test_without_growth_all_trees_burn():
    sampler = ForestFireDynamics(ForestFire((4, 4)), 0.0, replicas=5)
    rng = np.random.default_rng(6)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=50)
    assert (state.spins == -1).all()


def test_a_step_leaves_its_state_and_repeats():
    sampler = ForestFireDynamics(ForestFire((4, 4)), 5.0, replicas=70)
    state = sampler.init(rng=np.random.default_rng(7))
    before = state.spins.copy()
    one, other = (
        sampler.step(state, rng=np.random.default_rng(8), sweeps=3) for _ in range(2)
    )
    assert (state.spins == before).all()
    assert (one.spins == other.spins).all()
    assert (one.spins != before).any()
    assert sampler.step(one, rng=np.random.default_rng(1), sweeps=0) is one
    rows = np.packbits(one.spins.reshape(70, 16) > 0, axis=1)
    assert (rows == sampler.packed(one)).all()


def test_bad_settings_get_a_sentence():
    with pytest.raises(ValueError, match="mean number of growth attempts"):
        ForestFireDynamics(ForestFire((4, 4)), -0.5, replicas=1)
    with pytest.raises(ValueError, match="replicas must be a whole number"):
        ForestFireDynamics(ForestFire((4, 4)), 1.0, replicas=0)
    sampler = ForestFireDynamics(ForestFire((4, 4)), 1.0, replicas=2)
    rng = np.random.default_rng(9)
    with pytest.raises(ValueError, match=r"must be \+1 or -1, got 0"):
        sampler.init(rng=rng, values=np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="sweeps must be a whole number"):
        sampler.step(sampler.init(rng=rng), rng=rng, sweeps=-1)
