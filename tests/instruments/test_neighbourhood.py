"""The classifier against exact conditional laws and full tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw, planted, random_spins

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
STEPS = 4000  # half of the default
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
    return chains(1), chains(2)


def test_the_classifier_comes_near_the_true_conditional_law(both):
    """On 4×4 the neighbourhood is all other spins: 262 144 of them to learn from.

    It ends less than 0.002 nats above the truth and not below, at 4 σ; logistic
    regression, without the four-spin coupling, is 0.02 above.
    """
    fit_on, read = both
    truth = true_entropy(read)
    excess = (
        saturated_entropy(fit_on, read, rng=np.random.default_rng(3), steps=STEPS)
        - truth
    )
    assert -4 * excess.error < excess.value < 0.002
    linear = conditional_entropy(fit_couplings(fit_on, ("nn", "nnn", "third")), read)
    assert (linear - truth).value > 0.01


def test_the_share_is_that_of_the_exact_entropies(both):
    """A fit of nn alone leaves a share, one of both couplings leaves nothing."""
    fit_on, read = both
    truth = true_entropy(read)
    for names, complete in ((("nn",), False), (tuple(PLANTED), True)):
        fit = fit_couplings(fit_on, names)
        found = unexplained(
            fit, fit_on, read, rng=np.random.default_rng(3), steps=STEPS
        )
        exact = (conditional_entropy(fit, read) - truth) / (math.log(2) - truth)
        # The classifier's 0.002 nats of 0.3 are a share of 0.007.
        assert abs(found.share.value - exact.value) < 0.007
        assert bool(abs(found.share.value) < 0.007) is complete
        assert bool(found.share.value > 10 * found.share.error) is not complete


def test_on_3_by_3_the_classifier_agrees_with_the_full_table():
    """Signs of noise summed over 3×3 boxes, on 8×8: alike over two steps."""
    fit_on, read = smooth(1), smooth(2)
    table = table_entropy(fit_on, read)
    found = saturated_entropy(
        fit_on, read, rng=np.random.default_rng(4), reach=1, steps=STEPS
    )
    assert abs((found - table).value) < 1e-3
    assert found.value < math.log(2) - 0.1
    # Control: nearest neighbours alone are seen to know less.
    alone = conditional_entropy(fit_couplings(fit_on, ("nn",)), read)
    assert (alone - table).value > 2e-3
    # And 5×5 knows more than 3×3: the fields are smooth over two steps.
    wide = saturated_entropy(fit_on, read, rng=np.random.default_rng(4), steps=STEPS)
    gain = found - wide
    assert gain.value > 4 * gain.error


def smooth(seed) -> Ensemble:
    noise = np.random.default_rng(seed).normal(size=(64, 100, 8, 8))
    sums = sum(np.roll(noise, (i, j), (2, 3)) for i in (0, 1, 2) for j in (0, 1, 2))
    spins = np.where(np.asarray(sums) > 0, 1, -1).astype(np.int8)
    return Ensemble.from_values(spins, lineage=f"smooth {seed}")


def test_the_table_is_the_exact_law_of_small_neighbourhoods():
    """Given all neighbours of a 3×3 torus, from all 512 states, at 4 σ."""
    states = all_states((3, 3))
    p = planted((3, 3), {"nn": 0.3})
    up = states[:, 0, 0] > 0
    others = states.reshape(512, 9)[:, 1:] @ (1 << np.arange(8))
    weight = np.zeros((2, 256))
    np.add.at(weight, (up.astype(int), (others + 255) // 2), p)
    exact = -(weight * np.log(weight / weight.sum(axis=0))).sum()
    ensembles = [
        Ensemble.from_values(
            draw(states, p, chains=64, draws=1000, seed=s).values, lineage=f"{s}"
        )
        for s in (5, 6)
    ]
    found = table_entropy(*ensembles)
    # 256 shares from 576 000 spins cost 256/(2·576 000) = 2e-4 nats.
    assert abs(found.value - exact) < 4 * found.error + 4e-4
    assert found.error < 0.002
    assert abs(found.value - exact - 0.02) > 4 * found.error


def test_a_thinned_ensemble_reads_the_same(monkeypatch, both):
    """Fewer spins of the same chains: the same within 4 errors, and aligned blocks."""
    fit_on, read = both
    whole = table_entropy(fit_on, read)
    monkeypatch.setattr(neighbourhood, "READ", 1 << 16)
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
    large = Ensemble.from_values(random_spins((2, 2, 6, 6), seed=1))
    with pytest.raises(ValueError, match=r"got shapes \(6, 6\) and \(4, 4\)"):
        table_entropy(large, read)
    with pytest.raises(ValueError, match="at most 16 spins, got 24"):
        table_entropy(large, smaller(large), reach=2)
    with pytest.raises(ValueError, match="a reach of at least 1 on more than one site"):
        saturated_entropy(fit_on, read, rng=rng, reach=0)
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        saturated_entropy(fit_on, read, rng=rng, steps=0)


def smaller(ensemble) -> Ensemble:
    return Ensemble.from_values(-ensemble.values[:, :1], lineage="another")
