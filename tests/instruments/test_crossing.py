"""Crossings against enumerated lattices and known curves, with their error bars."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from instruments.exact_draws import all_states, boltzmann, random_spins
from instruments.synthetic_curves import noisy, synthetic

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.exact.enumerate import moments
from kadanoff.instruments.crossing import Curve, crossing, curves, extrapolate


@lru_cache
def law_of_m2(side: int, coupling: float) -> tuple[np.ndarray, np.ndarray]:
    """m² that occur and their probabilities, by enumeration."""
    states = all_states((side, side)).astype(int)
    bonds = sum((states * np.roll(states, 1, a)).sum(axis=(1, 2)) for a in (1, 2))
    m2 = (states.mean(axis=(1, 2))) ** 2
    values, place = np.unique(m2.round(12), return_inverse=True)
    return values, np.bincount(place, weights=boltzmann(coupling * np.asarray(bonds)))


def drawn_binder(side: int, coupling: float, rng, draws: int) -> Estimate:
    """U₄ of independent draws in 32 blocks."""
    values, law = law_of_m2(side, coupling)
    counts = rng.multinomial(draws, law, size=32)
    m2, m4 = counts @ values / draws, counts @ values**2 / draws
    return weighted_jackknife(
        [m2, m4],
        lambda a, b: 1 - b / (3 * a**2),
        np.full(32, draws),
        lineage=f"{side}/{coupling}",
        n_eff=32 * draws,
    )


def exact_binder(side: int, coupling: float) -> float:
    m = moments((side, side), coupling)
    return 1 - m.m4 / (3 * m.m2**2)


def place_of_crossing() -> float:
    """Where the exact U₄ of 2×2 and 4×4 meet, by bisection."""
    low, high = 0.35, 0.6
    sign = exact_binder(2, low) > exact_binder(4, low)
    for _ in range(60):
        middle = (low + high) / 2
        same = (exact_binder(2, middle) > exact_binder(4, middle)) == sign
        low, high = (middle, high) if same else (low, middle)
    return low


def test_crossing_of_two_enumerated_lattices():
    """U₄ of 2×2 and 4×4 cross at 0.476…: 40 sweeps, the rms pull is 1 ± 0.11."""
    exact = place_of_crossing()
    places, found = np.linspace(exact - 0.06, exact + 0.05, 6), []
    height = exact_binder(2, exact)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sweep = [
            Curve(s, places, tuple(drawn_binder(s, k, rng, 2000) for k in places))
            for s in (2, 4)
        ]
        met = crossing(sweep, degree=3)
        x, y = met.critical, met.height[0]
        off = x.value - exact, y.value - height, x.value - exact - 0.02
        found.append([off[0] / x.error, off[1] / y.error, off[2] / x.error])
    seen = np.array(found, dtype=float)
    rms = np.sqrt((seen[:, :2] ** 2).mean(axis=0))
    assert ((rms > 0.55) & (rms < 1.45)).all()
    assert abs(seen[:, :2].mean(axis=0)).max() < 4 / np.sqrt(40)
    assert abs(seen[:, 2].mean()) > 4 / np.sqrt(40)  # 0.02 off is noticed


def test_points_of_the_same_chains_are_weighed_by_their_covariance():
    """Nine points moved together by 32 blocks: χ² keeps its mean, 5 for 9 points.

    Without the factor of Hartlap et al. it would be 7.1, off by 4 standard errors of
    the mean of 60; with the diagonal alone 1.9.
    """
    rng, x = np.random.default_rng(4), np.linspace(-1, 1, 9)
    found = []
    for _ in range(60):
        common = rng.normal(size=(32, 1)) * 2
        blocks = 0.2 * x + common + rng.normal(size=(32, 9))
        together = weighted_jackknife(
            [blocks], lambda m: m, np.ones(32), lineage="one", n_eff=32
        )
        curve = Curve(8, x, tuple(together[k] for k in range(9)))
        other = Curve(
            16, x, tuple(noisy(v, 0.1, 32, rng, f"b{k}") for k, v in enumerate(3 * x))
        )
        found.append(crossing([curve, other], degree=3).fits[0].chi2)
    # The sample covariance widens χ²: variance of F by about (1 + 2·9/32).
    spread = np.sqrt(2 * 5 * (1 + 18 / 32) / 60)
    assert abs(np.mean(found) - 5) < 4 * spread
    assert abs(np.mean(found) * 31 / 21 - 5) > 4 * spread


def test_crossings_pair_a_size_with_its_double():
    doubles = crossing(synthetic(10, sides=(8, 12, 16, 24)))
    assert doubles.pairs == ((8, 16), (12, 24))
    assert crossing(synthetic(10, sides=(8, 16, 24))).pairs == ((8, 16), (16, 24))
    assert doubles.change is not None
    assert doubles.error == pytest.approx(
        np.hypot(float(doubles.critical.error), float(doubles.change.value))
    )
    single = crossing(synthetic(10, sides=(8, 16)))
    assert single.change is None
    assert np.isnan(single.error)


def test_extrapolation_removes_the_leading_correction():
    """Quiet curves with c L^-2: crossings move, their extrapolation does not."""
    sweep = synthetic(11, sides=(8, 16, 32), sigma=1e-5, correction=0.5)
    met = crossing(sweep, degree=8)
    assert abs(float(met.critical.value) - 2.27) > 1e-5
    carried = extrapolate(met, nu=1.0, omega=2.0)
    assert abs(float(carried.critical.value) - 2.27) < 0.2 * abs(
        float(met.critical.value) - 2.27
    )
    assert carried.dof == 0
    assert np.isnan(carried.p)


def test_curves_sort_a_sweep():
    def tiny(side, k, seed):
        return Ensemble.from_values(
            random_spins((4, 8, side, side), seed), couplings={"K": k}, model="ising"
        )

    ensembles = [tiny(6, 0.5, 1), tiny(4, 0.4, 2), tiny(6, 0.25, 3)]
    by_k, by_t = curves(ensembles), curves(ensembles, against="T")
    assert [(c.side, c.x.tolist()) for c in by_k] == [(4, [0.4]), (6, [0.25, 0.5])]
    assert [(c.side, c.x.tolist()) for c in by_t] == [(4, [2.5]), (6, [2.0, 4.0])]
    assert by_k[1].value.tolist() == by_t[1].value[::-1].tolist()
    with pytest.raises(ValueError, match="each size and coupling once"):
        curves([*ensembles, tiny(6, 0.5, 4)])
    with pytest.raises(ValueError, match="know their coupling"):
        curves([Ensemble.from_values(random_spins((2, 2, 4, 4), 5))])
    with pytest.raises(ValueError, match="lattices of equal sides"):
        curves([Ensemble.from_values(random_spins((2, 2, 4, 6), 5))])
    with pytest.raises(ValueError, match="'K' or 'T'"):
        curves(ensembles, against="beta")


def test_bad_input_gets_a_sentence():
    sweep = synthetic(12)
    short = [Curve(c.side, c.x[:3], c.values[:3]) for c in sweep]
    apart = [sweep[0], Curve(12, sweep[1].x + 1, sweep[1].values)]
    above = [Curve(c.side, c.x[6:], c.values[6:]) for c in sweep]
    exact = [Curve(8, c.x, tuple(e - e for e in c.values)) for c in sweep[:1]]
    cases = [
        (lambda: crossing(sweep[:1]), "at least 2 different sizes"),
        (lambda: crossing([sweep[0], sweep[0]]), "at least 2 different sizes"),
        (lambda: crossing(short), "at least 4 points, got 3 for L = 8"),
        (lambda: crossing(apart), "common range"),
        (lambda: crossing(above, degree=1), "do not cross between"),
        (lambda: crossing([*exact, sweep[1]]), "needs errors"),
        (lambda: extrapolate(crossing(sweep[::2]), nu=1, omega=2), "two pairs"),
        (lambda: Curve(8, np.array([1.0, 1.0]), sweep[0].values[:2]), "increase"),
        (lambda: Curve(8, np.array([1.0]), sweep[0].values[:2]), "one value for each"),
    ]
    for call, sentence in cases:
        with pytest.raises(ValueError, match=sentence) as refusal:
            call()
        assert "\n" not in str(refusal.value)
