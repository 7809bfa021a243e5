"""The classifier against exact conditional laws and full tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from instruments.exact_draws import (
    all_states,
    draw,
    planted,
    random_spins,
    rolled_sum,
)

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.geometry import Grid
from kadanoff.instruments import neighbourhood
from kadanoff.instruments.couplings import (
    Couplings,
    conditional_entropy,
    fit_couplings,
)
from kadanoff.instruments.neighbourhood import (
    saturated_entropy,
    table_entropy,
    unexplained,
)

PLANTED = {"nn": 0.25, "plaquette": 0.15}
STEPS = 2000
STATES = all_states((4, 4))


def chains(seed, couplings=PLANTED, draws=256):
    found = draw(STATES, planted((4, 4), couplings), chains=64, draws=draws, seed=seed)
    return Ensemble.from_values(found.values, lineage=f"seed {seed}")


def true_entropy(ensemble, couplings=PLANTED) -> Estimate:
    """Of the conditional law itself, on the same spins."""
    values = Estimate(np.array(list(couplings.values())), {}, math.inf)
    exact = Couplings(
        tuple(couplings), values, Estimate(np.array(0.0), {}, 0), np.eye(2)
    )
    return conditional_entropy(exact, ensemble)


@pytest.fixture(scope="module")
def both() -> tuple[Ensemble, Ensemble]:
    return chains(1), chains(2, draws=128)


@pytest.mark.parametrize("names", [("nn",), tuple(PLANTED)], ids=str)
def test_the_share_is_that_of_the_exact_entropies(both, names):
    """On 4×4 the neighbourhood is all other spins: 262 144 of them to learn from.

    Within 4 errors of the truth, which are below 0.002 nats; logistic regression,
    without the four-spin coupling, is 0.02 above. A fit of nn alone leaves a share of
    0.073, one of both couplings nothing.
    """
    fit_on, read = both
    truth = true_entropy(read)
    fit = fit_couplings(fit_on, names)
    found = unexplained(fit, fit_on, read, rng=np.random.default_rng(3), steps=STEPS)
    excess = found.saturated - truth
    assert abs(excess.value) < 4 * excess.error < 0.008
    linear = conditional_entropy(fit_couplings(fit_on, ("nn", "nnn", "third")), read)
    assert (linear - truth).value > 0.01
    exact = (conditional_entropy(fit, read) - truth) / (math.log(2) - truth)
    off = found.share - exact
    assert abs(off.value) < 4 * off.error < 0.024
    complete = len(names) == 2
    assert bool(abs(found.share.value) < 4 * found.share.error) is complete
    assert bool(found.share.value > 10 * found.share.error) is not complete


NEAREST = {"nn": 0.35}


def pulls_of_complete_couplings(repeats, draws, monkeypatch) -> dict[str, np.ndarray]:
    """(share - exact share)/error on nearest-neighbour data, 2048 or more spins each.

    `whole` as it is quoted, `alone` of one classifier with the error of the chains that
    are read and no other.
    """
    states, p = STATES, planted((4, 4), NEAREST)
    turned = states.copy()
    turned[:, 0, 0] *= -1
    field = (rolled_sum(states, "nn") - rolled_sum(turned, "nn")) / 2

    def entropy(coupling: float) -> float:
        return float(p @ np.logaddexp(0, -2 * coupling * field))

    def pull(fit, fit_on, read, seed, parts) -> float:
        rng = np.random.default_rng(seed)
        found = unexplained(fit, fit_on, read, rng=rng, reach=1, steps=200).share
        kept = {name: found.replicates[name] for name in parts or found.replicates}
        h, best = entropy(float(fit["nn"].value)), entropy(NEAREST["nn"])
        exact = (h - best) / (math.log(2) - best)
        error = Estimate(found.value, kept, found.n_eff).error
        return float((found.value - exact) / error)

    pulls: dict[str, list[float]] = {"whole": [], "alone": []}
    for seed in range(repeats):
        fit_on, read = (chains(2 * seed + n, NEAREST, draws) for n in (0, 1))
        fit = fit_couplings(fit_on)
        pulls["whole"].append(pull(fit, fit_on, read, seed, ()))
        with monkeypatch.context() as patch:
            patch.setattr(neighbourhood, "_of_all", lambda means: means[1])
            pulls["alone"].append(pull(fit, fit_on, read, seed, (read.lineage,)))
    return {name: np.array(values) for name, values in pulls.items()}


def root_mean_square(pulls: np.ndarray) -> float:
    return float(np.sqrt((pulls**2).mean()))


@pytest.mark.parametrize(
    ("repeats", "draws", "largest"),
    [(6, 32, 2.2), pytest.param(60, 64, 1.35, marks=pytest.mark.slow)],
)
def test_errors_of_the_share_hold_the_classifiers(repeats, draws, largest, monkeypatch):
    """Couplings are complete and the share is 0: the mean square of the pulls is 1.

    At a level of 1e-4, χ²/6 of right errors is below 2.2² and χ²/60 below 1.35². The
    errors are too large, by up to 2: more than 4 would be seen. The control is one
    classifier with the error of the chains that are read: below the share, always.
    """
    pulls = pulls_of_complete_couplings(repeats, draws, monkeypatch)
    assert 0.25 < root_mean_square(pulls["whole"]) < largest
    assert abs(pulls["whole"].mean()) < 4 / repeats**0.5
    assert root_mean_square(pulls["alone"]) > 1.5 * largest
    assert pulls["alone"].mean() < -4 / repeats**0.5


def test_on_3_by_3_the_classifier_agrees_with_the_full_table():
    """Signs of noise summed over 3×3 boxes, on 8×8: alike over two steps."""
    fit_on, read = smooth(1), smooth(2)
    table = table_entropy(fit_on, read)
    found = saturated_entropy(
        fit_on, read, rng=np.random.default_rng(4), reach=1, steps=1000
    )
    assert abs((found - table).value) < 4 * (found - table).error < 2e-3
    assert found.value < math.log(2) - 0.1
    # Control: nearest neighbours alone are seen to know less.
    alone = conditional_entropy(fit_couplings(fit_on, ("nn",)), read)
    assert (alone - table).value > 2e-3
    # And 5×5 knows more than 3×3: the fields are smooth over two steps.
    wide = saturated_entropy(fit_on, read, rng=np.random.default_rng(4), steps=1000)
    gain = found - wide
    assert gain.value > 4 * gain.error


def smooth(seed) -> Ensemble:
    noise = np.random.default_rng(seed).normal(size=(64, 50, 8, 8))
    sums = sum(np.roll(noise, (i, j), (2, 3)) for i in (0, 1, 2) for j in (0, 1, 2))
    spins = np.where(np.asarray(sums) > 0, 1, -1).astype(np.int8)
    return Ensemble.from_values(spins, lineage=f"smooth {seed}")


def exact_entropy(states, p) -> float:
    """Of one spin of a 3×3 torus given all others, from all 512 states."""
    up = states[:, 0, 0] > 0
    others = states.reshape(512, 9)[:, 1:] @ (1 << np.arange(8))
    weight = np.zeros((2, 256))
    np.add.at(weight, (up.astype(int), (others + 255) // 2), p)
    return float(-(weight * np.log(weight / weight.sum(axis=0))).sum())


def test_the_table_is_the_exact_law_of_small_neighbourhoods():
    """Given all neighbours of a 3×3 torus, from all 512 states, at 4 σ."""
    states = all_states((3, 3))
    p = planted((3, 3), {"nn": 0.3})
    exact = exact_entropy(states, p)
    ensembles = [
        Ensemble.from_values(
            draw(states, p, chains=64, draws=1000, seed=s).values, lineage=f"{s}"
        )
        for s in (5, 6)
    ]
    found = table_entropy(*ensembles)
    assert abs(found.value - exact) < 4 * found.error
    assert found.error < 0.002
    assert abs(found.value - exact - 0.02) > 4 * found.error


def test_a_table_of_few_spins_is_not_too_high():
    """Mean of 40 tables of 256 states from 6000 spins each, at 4 σ of it.

    Control: without Quenouille's correction they are 256/(2·6000) = 0.02 too high.
    """
    states = all_states((3, 3))
    p = planted((3, 3), {"nn": 0.3})
    found = [
        table_entropy(
            *(
                Ensemble.from_values(
                    draw(states, p, chains=67, draws=10, seed=2 * k + n).values,
                    lineage=f"{k} {n}",
                )
                for n in (0, 1)
            )
        )
        for k in range(40)
    ]
    values = np.array([float(f.value) for f in found])
    error = values.std(ddof=1) / 40**0.5
    exact = exact_entropy(states, p)
    assert abs(values.mean() - exact) < 4 * error < 0.01
    assert abs(values.mean() + 0.02 - exact) > 4 * error
    # 0.683 ± 0.074 of them within one error, 0.39 to 0.98 at 4 σ.
    pulls = (values - exact) / np.array([float(f.error) for f in found])
    assert 0.39 < (abs(pulls) < 1).mean() < 0.98
    assert (abs(3 * pulls) < 1).mean() < 0.39


def test_a_thinned_ensemble_reads_the_same(monkeypatch, both):
    """Fewer spins of the same chains: the same within 4 errors, and aligned blocks."""
    fit_on, read = both
    whole = table_entropy(fit_on, read)
    monkeypatch.setattr(neighbourhood, "READ", 1 << 14)
    part = table_entropy(fit_on, read)
    assert part.value != whole.value
    assert abs((part - whole).value) < 4 * (part - whole).error
    assert part.error > 1.5 * whole.error


def test_neighbourhoods_belong_to_the_lattice():
    near = neighbourhood._neighbourhood
    hexagonal = ((1.0, 0.0), (0.5, 0.75**0.5))
    assert len(near(Grid((8, 8)), 1)) == 8
    assert len(near(Grid((8, 8)), 2)) == 24
    assert len(near(Grid((8, 8), hexagonal), 1)) == 6
    assert len(near(Grid((8, 8), hexagonal), 2)) == 18
    assert len(near(Grid((4, 4)), 2)) == 15
    skew = near(Grid((8, 8), ((1.0, 0.0), (3.0, 1.0))), 1)
    assert sorted(skew.tolist()) == sorted(
        [[x % 8, y % 8] for x, y in (
            (1, 0), (-1, 0), (-3, 1), (3, -1), (-2, 1), (-4, 1), (4, -1), (2, -1)
        )]
    )  # fmt: skip


def test_refusals(both):
    fit_on, read = both
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="chains it was not fitted on"):
        saturated_entropy(fit_on, fit_on, rng=rng)
    real = Ensemble.from_values(np.zeros((2, 2, 4, 4)), alphabet="real")
    with pytest.raises(ValueError, match=r"is that of ±1 spins, got .* 'real'"):
        saturated_entropy(real, read, rng=rng)
    large = Ensemble.from_values(random_spins((64, 8, 12, 12), seed=1))
    with pytest.raises(ValueError, match=r"got shapes \(12, 12\) and \(4, 4\)"):
        table_entropy(large, read)
    with pytest.raises(ValueError, match="at most 16 spins, got 24"):
        table_entropy(large, another(large), reach=2)
    with pytest.raises(ValueError, match="2 or more whole steps, got 0"):
        saturated_entropy(fit_on, read, rng=rng, steps=0)
    with pytest.raises(ValueError, match="couplings are read on chains they were not"):
        unexplained(fit_couplings(read), fit_on, read, rng=rng)
    up = fit_couplings(Ensemble.from_values(np.ones((4, 4, 4, 4), np.int8)))
    with pytest.raises(ValueError, match=r"couplings that are numbers, got \[nan\]"):
        unexplained(up, fit_on, read, rng=rng)


@pytest.mark.parametrize("reach", [0, -1, 1.5, "2", 6, 99])
def test_a_reach_that_no_classifier_has_is_refused(reach):
    large = Ensemble.from_values(random_spins((64, 8, 12, 12), seed=1))
    with pytest.raises(ValueError, match=r"on shape \(12, 12\) of at most 5"):
        saturated_entropy(
            large, another(large), rng=np.random.default_rng(1), reach=reach
        )


def test_small_lattices_have_a_shorter_reach():
    """Two steps on a side of 4 are all of it."""
    small = Ensemble.from_values(random_spins((64, 8, 4, 4), seed=1))
    with pytest.raises(ValueError, match=r"on shape \(4, 4\) of at most 2"):
        table_entropy(small, another(small), reach=3)


def test_too_few_configurations_are_refused(both):
    rng = np.random.default_rng(1)
    spins = random_spins((2, 124, 8, 8), seed=3)
    few = Ensemble.from_values(spins)
    with pytest.raises(
        ValueError, match=r"24 spins is learned from at least 250 .* 248"
    ):
        saturated_entropy(few, another(few), rng=rng)
    two = Ensemble.from_values(spins[:, :1])
    with pytest.raises(
        ValueError, match="at least 90 independent configurations, got 2"
    ):
        table_entropy(two, another(two))
    sparse = Ensemble.from_values(spins[:, :50, :4, :4])
    with pytest.raises(ValueError, match=r"at least 2560 spins of .* got 1600"):
        table_entropy(sparse, another(sparse))
    stuck = Ensemble.from_values(random_spins((7, 26, 4, 4), seed=3), tau=1.0)
    with pytest.raises(ValueError, match=r"8 classifiers are fitted to .* got 7"):
        saturated_entropy(stuck, another(stuck), rng=rng, reach=1, steps=2)


def another(ensemble) -> Ensemble:
    return Ensemble.from_values(-ensemble.values[:, :1], lineage="another")
