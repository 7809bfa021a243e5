"""Bounds on I(H:E) with laws that are known: nothing is trained here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.exact.information import (
    BIT,
    buffered_block,
    surroundings,
    torus_information,
    vote,
)
from kadanoff.exact.pairs import law, states
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.information import (
    Pairs,
    barber_agakov,
    block_side,
    entropy,
    info_nce,
    own_pairs,
    pairs_of,
)

EXACT = 1e-12
REPEATS = 100
STATES = states(16).reshape(-1, 4, 4)


def rng(seed=0) -> np.random.Generator:
    return np.random.default_rng(seed)


def torus_law(coupling: float) -> np.ndarray:
    sites = np.arange(16).reshape(4, 4)
    ends = [np.roll(sites, -1, axis).ravel() for axis in (0, 1)]
    bonds = np.concatenate([np.stack([sites.ravel(), end], 1) for end in ends])
    return law(16, bonds, coupling).probabilities


def voted(fine: Ensemble, seed=5) -> Ensemble:
    """Majority of 2×2 blocks, ties by a coin."""
    v = fine.values
    total = sum(v[..., i::2, j::2].astype(int) for i in (0, 1) for j in (0, 1))
    total = np.asarray(total)
    coins = rng(seed).choice([-1, 1], total.shape)
    spins = np.where(total == 0, coins, np.sign(total)).astype(np.int8)
    return fine.derived(spins, fine.grid.coarsened(2), "pm1", {"step": "vote"})


P_C = torus_law(K_C)


def exact_draws(chains=64, draws=100, seed=1) -> Ensemble:
    chosen = rng(seed).choice(len(STATES), (chains, draws), p=P_C)
    return Ensemble.from_values(STATES[chosen], lineage=f"exact {seed}")


def conditional(coupling: float) -> np.ndarray:
    """p(h | e) of majority on 4×4 by the states of the 12 sites around, `(2, e)`."""
    around = surroundings((4, 4))
    code = (STATES[(slice(None), *around.T)] > 0) @ (1 << np.arange(12))
    inside = (STATES[:, :2, :2].reshape(-1, 4) > 0) @ np.array([8, 4, 2, 1])
    weights = torus_law(coupling) * vote(4)[:, inside]
    joint = np.stack([np.bincount(code, weights=w, minlength=4096) for w in weights])
    return joint / joint.sum(axis=0)


class Known:
    """Critics made of a law p(h | e) of one binary h."""

    def __init__(self, coupling: float):
        self.logs = np.log(conditional(coupling))

    def log_prob(self, coarse, environment):
        return self.logs[coarse[:, 0], self._code(environment)]

    def score(self, coarse, environment):
        return self.logs[coarse[:, 0], self._code(environment)[:, None]]

    def _code(self, environment):
        return (environment > 0) @ (1 << np.arange(12))


@pytest.fixture(scope="module")
def tiny() -> Pairs:
    fine = exact_draws(draws=400)
    return pairs_of(fine, voted(fine), rng=rng(), buffer=0, reach=9)


def test_every_pair_is_a_block_and_what_lies_around_it():
    """All pairs of a few configurations, by rolling each block to the corner."""
    values = rng(1).choice([-1, 1], (2, 3, 8, 6)).astype(np.int8)
    fine = Ensemble.from_values(values)
    coarse = fine.derived(
        rng(2).choice([-1, 1], (2, 3, 4, 3)).astype(np.int8),
        fine.grid.coarsened(2),
        "pm1",
        {},
    )
    found = pairs_of(fine, coarse, rng=rng(), buffer=1, reach=1)
    around = surroundings((8, 6), buffer=1, reach=1)
    rows = set()
    for c in range(2):
        for d in range(3):
            for x, y in np.ndindex(4, 3):
                rolled = np.roll(values[c, d], (-2 * x, -2 * y), (0, 1))
                h = coarse.values[c, d, x, y] > 0
                rows.add((int(h), *rolled[tuple(around.T)].tolist()))
    pairs = np.column_stack([found.coarse, found.environment])
    assert {tuple(row) for row in pairs.tolist()} == rows
    assert found.size == 2 * 3 * 12
    assert found.starts[-1] == found.size
    assert len(found.starts) - 1 == len(fine.blocks())


def test_own_pairs_are_the_same_blocks_from_within():
    """The kept spin is the first of its block; a buffer of one has 16 sites."""
    values = rng(1).choice([-1, 1], (4, 5, 8, 6)).astype(np.int8)
    fine = Ensemble.from_values(values)
    kept = fine.derived(values[..., ::2, ::2], fine.grid.coarsened(2), "pm1", {})
    inside = buffered_block((8, 6), buffer=1)
    found = own_pairs(fine, kept, rng=rng(3), buffer=1, most=60)
    assert found.environment.shape == (found.size, len(inside)) == (found.size, 16)
    first = found.environment[:, inside.tolist().index([0, 0])]
    np.testing.assert_array_equal(found.coarse[:, 0], first > 0)
    beyond = pairs_of(fine, kept, rng=rng(3), buffer=1, most=60)
    np.testing.assert_array_equal(found.coarse, beyond.coarse)
    assert own_pairs(fine, kept, rng=rng(3)).environment.shape[1] == 6 * 6


def test_a_lopsided_coarse_spin_has_less_to_tell():
    """h up in 9 of 10, whatever e: H(0.1) is all there is, and nothing is told."""
    h = (rng(1).random((6400, 1)) < 0.9).astype(np.uint8)
    pairs = Pairs(h, rng(2).normal(size=(6400, 2)), 100 * np.arange(65), 2, "a", 6400)
    known = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert abs(entropy(pairs).value - known) < 4 * entropy(pairs).error
    shares = np.log([0.1, 0.9])
    found = barber_agakov(pairs, lambda h, e: shares[h[:, 0]])
    assert -1e-3 < found.value <= 0


def test_fewer_pairs_are_a_fair_choice_of_the_same():
    fine = exact_draws(chains=4, draws=50)
    coarse = voted(fine)
    few = pairs_of(fine, coarse, rng=rng(3), buffer=0, most=400)
    assert few.size == 400
    # As many of each of the 16 blocks.
    assert pairs_of(fine, coarse, rng=rng(3), buffer=0, most=50).size == 16 * 3
    again = pairs_of(fine, coarse, rng=rng(3), buffer=0, most=400)
    np.testing.assert_array_equal(few.environment, again.environment)
    other = pairs_of(fine, coarse, rng=rng(4), buffer=0, most=400)
    assert (few.environment != other.environment).any()


def test_the_classifier_bound_is_exact_with_the_law_itself(tiny):
    """At 4 errors, each below 1 % of I; a law 10 % too cold is seen to be less."""
    known = torus_information((4, 4), K_C, vote(4))
    found = barber_agakov(tiny, Known(K_C).log_prob)
    assert abs(found.value - known) < 4 * found.error
    assert found.error < 0.01 * known
    loss = barber_agakov(tiny, Known(1.1 * K_C).log_prob) - found
    assert loss.value < -5 * loss.error


def test_the_entropy_is_above_every_reading(tiny):
    h = entropy(tiny)
    assert abs(h.value - BIT) < 4 * h.error + 1e-4
    assert barber_agakov(tiny, Known(3.0).log_prob).value < h.value
    knows_nothing = barber_agakov(tiny, lambda h, e: np.full(len(h), -BIT))
    assert -1e-3 < knows_nothing.value <= 0


def test_info_nce_is_short_of_it_by_chi_squared_over_two_k(tiny):
    """With the same law on the same pairs, at 4 errors of the difference."""
    model = Known(K_C)
    exact = barber_agakov(tiny, model.log_prob)
    p = conditional(K_C)
    code = (STATES[(slice(None), *surroundings((4, 4)).T)] > 0) @ (1 << np.arange(12))
    of_e = np.bincount(code, weights=P_C, minlength=4096)
    chi2 = float(of_e @ ((p**2).sum(axis=0) / 0.5 - 1))
    for batch in (16, 64):
        found = info_nce(tiny, model.score, rng=rng(1), batch=batch, most=1 << 13)
        short = exact - found.value
        assert abs(short.value - chi2 / 2 / batch) < 4 * short.error + chi2 / batch**2
        assert short.value > 0
        assert not found.saturated
    two = info_nce(tiny, model.score, rng=rng(1), batch=2, most=1 << 12)
    assert two.value.value < BIT


def gaussians(rho, components, seed, chains=64, draws=60) -> Pairs:
    """h and e normal, correlated ρ component by component."""
    noise = rng(seed).normal(size=(2, chains * draws, components))
    h = rho * noise[0] + math.sqrt(1 - rho**2) * noise[1]
    starts = draws * np.arange(chains + 1)
    return Pairs(h, noise[0], starts, None, "normal", chains * draws)


def gaussian_score(rho):
    """ln p(h | e) but for what h does not depend on."""

    def score(h, e):
        gap = h[None] - rho * e[:, None]
        return -(gap**2).sum(axis=2) / 2 / (1 - rho**2) + (h**2).sum(axis=1) / 2

    return score


@pytest.mark.parametrize(("rho", "components"), [(0.6, 1), (0.8, 2), (-0.5, 3)])
def test_correlated_gaussians(rho, components):
    """-½ ln(1-ρ²) for each component, at 4 errors."""
    known = -components * math.log(1 - rho**2) / 2
    pairs = gaussians(rho, components, seed=2)
    found = info_nce(pairs, gaussian_score(rho), rng=rng(1), batch=512)
    assert abs(found.value.value - known) < 4 * found.value.error + 0.01
    assert not found.saturated
    wrong = info_nce(pairs, gaussian_score(rho / 2), rng=rng(1), batch=512)
    gap = wrong.value - found.value
    assert gap.value < -4 * gap.error


def test_info_nce_says_when_it_is_full():
    """10 nats are not seen by telling one of 64."""
    rho = math.sqrt(1 - math.exp(-5))
    pairs = gaussians(rho, 4, seed=3)
    found = info_nce(pairs, gaussian_score(rho), rng=rng(1), batch=64)
    assert found.saturated
    assert math.log(64) - 0.2 < found.value.value <= found.ceiling


def test_candidates_come_from_other_blocks():
    """One value per block: told apart without fail, while its own would be ties."""
    starts = np.array([0, 40, 60, 100, 160, 200])
    h = np.repeat(np.arange(5.0), np.diff(starts))[:, None]
    pairs = Pairs(h, h, starts, None, "blocks", 5)

    def score(candidates, environment):
        return 50.0 * (candidates[None, :, 0] == environment[:, None, 0])

    found = info_nce(pairs, score, rng=rng(1), batch=64)
    assert float(found.value.value) == pytest.approx(found.ceiling, abs=EXACT)
    with pytest.raises(ValueError, match="at most 141"):
        info_nce(pairs, score, rng=rng(1), batch=142)


def test_a_critic_that_is_badly_wrong_is_told_so():
    """Exponents beyond single precision do not overflow, and are not cut."""
    pairs = gaussians(0.5, 1, seed=1, chains=4, draws=100)

    def score(candidates, environment):
        return (-500 * candidates[None, :, 0] * environment[:, None, 0]).astype("f4")

    found = info_nce(pairs, score, rng=rng(1), batch=64)
    assert np.isfinite(found.value.value)
    assert found.value.value < -100


def test_the_sign_of_a_gaussian_is_an_integral():
    """h = sign x and e correlated with x: BIT - ⟨H(Φ(ρe/√(1-ρ²)))⟩, at 4 errors."""
    rho, pairs = 0.8, gaussians(0.8, 1, seed=4)
    slope = rho / math.sqrt(1 - rho**2)

    def two(p):
        return -sum(x * math.log(x) for x in (p, 1 - p) if x > 0)

    lost = quad(lambda e: norm.pdf(e) * two(norm.cdf(slope * e)), -9, 9)[0]
    signs = Pairs(
        (pairs.coarse > 0).astype(np.uint8),
        pairs.environment,
        pairs.starts,
        2,
        pairs.lineage,
        pairs.n_eff,
    )

    def log_prob(h, e):
        return norm.logcdf(slope * e[:, 0] * (2.0 * h[:, 0] - 1))

    found = barber_agakov(signs, log_prob)
    assert abs(found.value - (BIT - lost)) < 4 * found.error
    assert found.error < 0.02


def test_errors_are_those_of_repeated_readings():
    """100 readings with the true law: pulls of spread 1 ± 0.07, at 4 σ.

    An error bar that is wrong by a third would be seen, for both bounds.
    """
    known, model, pulls = torus_information((4, 4), K_C, vote(4)), Known(K_C), []
    beside = []
    for seed in range(REPEATS):
        fine = exact_draws(draws=10, seed=100 + seed)
        pairs = pairs_of(fine, voted(fine, seed), rng=rng(seed), buffer=0, reach=9)
        found = barber_agakov(pairs, model.log_prob)
        pulls.append(float((found.value - known) / found.error))
        told = info_nce(pairs, model.score, rng=rng(seed), batch=32).value
        beside.append(float((told.value - known) / told.error))
    for pull in (pulls, beside):
        assert 0.72 < np.std(pull) < 1.28
    assert abs(np.mean(pulls)) < 4 / math.sqrt(REPEATS)


def test_a_block_stuck_in_its_chain_has_a_larger_error():
    """Ten copies of every draw are no more information than one."""
    fine = exact_draws(draws=40, chains=32)
    copied = np.repeat(fine.values, 10, axis=1)
    long = Ensemble.from_values(copied, lineage="copies", tau=5.0)
    fresh = exact_draws(draws=400, chains=32, seed=3)
    errors = [
        float(
            barber_agakov(
                pairs_of(e, voted(e), rng=rng(), buffer=0, reach=9),
                Known(K_C).log_prob,
            ).error
        )
        for e in (long, fresh)
    ]
    assert errors[0] > 2 * errors[1]


def test_other_alphabets_are_put_into_numbers():
    values = rng(1).integers(0, 3, (4, 5, 6, 6)).astype(np.uint8)
    fine = Ensemble.from_values(values, alphabet="potts:3")
    maps = rng(2).integers(0, 3, (4, 5, 2, 3, 3)).astype(np.uint8)
    coarse = fine.derived(maps, fine.grid.coarsened(2), "potts:3", {}, features=2)
    found = pairs_of(fine, coarse, rng=rng(), buffer=0, reach=1)
    assert found.environment.shape == (4 * 5 * 9, 12 * 3)
    assert (found.environment.reshape(-1, 12, 3).sum(axis=2) == 1).all()
    assert found.coarse.shape == (180, 2)
    assert found.states == 3
    h = entropy(found)
    assert 0.9 * math.log(9) < h.value <= math.log(9)
    angles = Ensemble.from_values(
        rng(1).uniform(-3, 3, (4, 5, 6, 6)).astype(np.float32), alphabet="angle"
    )
    around = pairs_of(
        angles,
        angles.derived(angles.values[..., ::2, ::2], coarse.geometry, "angle", {}),
        rng=rng(),
        buffer=0,
        reach=1,
    )
    assert around.states is None
    assert around.environment.shape == (180, 24)
    unit = (around.environment.reshape(-1, 12, 2) ** 2).sum(axis=2)
    np.testing.assert_allclose(unit, 1, atol=1e-6)


def with_coarse(fine, values, geometry, alphabet="pm1", **options):
    return fine.derived(values, geometry, alphabet, {}, **options)


def test_what_has_no_blocks_is_refused_in_a_sentence():
    fine = exact_draws(chains=4, draws=5)
    spins = np.ones((4, 5, 4), dtype=np.int8)
    square = spins.reshape(4, 5, 2, 2)
    with pytest.raises(ValueError, match="unordered layer"):
        block_side(fine, with_coarse(fine, spins, Unordered(4)))
    with pytest.raises(ValueError, match="divides every side"):
        block_side(fine, fine)
    turned = Grid((2, 2), ((2.0, 1.0), (0.0, 2.0)))
    with pytest.raises(ValueError, match="divides every side"):
        block_side(fine, with_coarse(fine, square, turned))
    skew = Ensemble.from_values(fine.values, Grid((4, 4), ((1.0, 0.0), (3.0, 1.0))))
    with pytest.raises(ValueError, match="shortest ones"):
        block_side(skew, with_coarse(skew, square, skew.grid.coarsened(2)))
    with pytest.raises(ValueError, match="leaves nothing"):
        pairs_of(fine, voted(fine), rng=rng())
    with pytest.raises(ValueError, match="same chains"):
        pairs_of(fine, voted(exact_draws(chains=4, draws=6)), rng=rng())


def test_what_has_no_bound_is_refused_in_a_sentence(tiny):
    real = gaussians(0.5, 1, seed=1, chains=4, draws=10)
    with pytest.raises(ValueError, match="few states"):
        barber_agakov(real, lambda h, e: np.zeros(len(h)))
    many = Pairs(np.zeros((8, 13), np.uint8), real.environment, real.starts, 2, "a", 8)
    with pytest.raises(ValueError, match="at most 4096"):
        entropy(many)
    for batch in (1, 100):
        with pytest.raises(ValueError, match="at most 31"):
            info_nce(real, gaussian_score(0.5), rng=rng(), batch=batch)
    alone = Pairs(tiny.coarse, tiny.environment, np.array([0, tiny.size]), 2, "a", 8)
    with pytest.raises(ValueError, match="at least 2 blocks"):
        entropy(alone)
