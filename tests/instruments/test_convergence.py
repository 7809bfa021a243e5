"""When an exponent counts as one: planted values with planted errors."""

import numpy as np
import pytest

from kadanoff.estimate import Estimate
from kadanoff.instruments.convergence import judge
from kadanoff.instruments.drift import Drift


def planted(value, error, *, seed):
    """An estimate whose replicates have exactly this jackknife error."""
    noise = np.random.default_rng(seed).standard_normal(32)
    noise -= noise.mean()
    spread = np.sqrt(31 / 32 * (noise**2).sum())
    return Estimate(np.array(value), {"a": value + noise * error / spread}, n_eff=32)


def judged(*steps, error=0.01, b=2.0, **known):
    """Of exponents that two operators agree on, or of pairs of them."""
    values = []
    for k, y in enumerate(steps):
        half, full = y if isinstance(y, tuple) else (y, y)
        values.append((planted(half, error, seed=k), planted(full, error, seed=k)))
    return judge("y_T", values, 2, scale=b ** len(steps), **known)


def moving(before, after, error=0.001):
    """Couplings of two operators before and after a step."""
    names = ("nn", "nnn")

    def both(values, seed):
        parts = [planted(v, error, seed=seed + k) for k, v in enumerate(values)]
        replicates = np.stack([p.replicates["a"] for p in parts], axis=-1)
        return Estimate(np.array(values), {"a": replicates}, n_eff=32)

    return Drift(names, both(before, 10), both(after, 20))


CASES = {
    "settled": ((0.9, 0.97, 1.0), 0.01, True, "converged over the last step"),
    "drifting": ((0.4, 0.7, 1.0), 0.01, False, "still changes by"),
    "too vague": ((1.0, 1.0, 1.09), 0.08, False, "undecided: an error above 0.1"),
    "noise": ((1.0, 1.0, 1.0), 0.2, False, "is noise"),
    "one step": ((1.0,), 0.01, False, "undecided: a single step"),
    "two steps": ((0.97, 1.0), 0.01, False, "undecided: convergence shows over 3"),
    "irrelevant": ((-0.5, -0.5, -0.5), 0.01, False, "is not relevant"),
    "the dimension": ((2.0, 2.0, 2.0), 0.01, False, "not below the dimension"),
    "no number": ((1.0, 1.0, np.nan), 0.01, False, "complex or not positive"),
    "none before": ((1.0, np.nan, 1.0), 0.01, False, "no exponent one step before"),
    "operators": ((1.0, 1.0, (0.9, 1.0)), 0.01, False, "undecided: an error above"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_and_its_sentence(case):
    steps, error, converged, words = CASES[case]
    found = judged(*steps, error=error)
    assert found.converged is converged
    assert words in found.sentence


def test_the_error_holds_the_changes_over_steps_and_operators():
    found = judged(0.9, 0.97, (0.98, 1.0))
    assert found.error == pytest.approx(np.sqrt(0.01**2 + 0.03**2 + 0.02**2))
    assert found.converged


def test_two_steps_are_no_verdict_unless_the_change_is_gross():
    """A first step from any magnet changes; a quarter over a factor of 4 is too much.

    Two steps of √2 are a factor of 2, where even the first steps of a star change by a
    third.
    """
    assert "undecided" in judged(0.9, 1.0).sentence
    assert "still changes by" in judged(0.7, 1.0).sentence
    assert "undecided" in judged(0.7, 1.0, b=np.sqrt(2)).sentence


def test_three_steps_of_a_small_b_are_no_verdict():
    steps = (0.95, 0.97, 1.0)
    assert "a factor of 8" in judged(*steps, b=np.sqrt(2)).sentence
    assert judged(*steps, b=2.0).converged


def test_couplings_that_move_are_a_fault():
    steps = (0.9, 0.97, 1.0)
    for after, converged in (((0.36, 0.09), True), ((0.27, 0.09), False)):
        found = judged(*steps, drift=moving((0.36, 0.08), after))
        assert found.converged is converged
        assert ("nn from 0.36" in found.sentence) is not converged
    vague = moving((0.36, 0.08), (0.27, 0.09), error=0.03)
    assert judged(*steps, drift=vague).converged


def test_an_exponent_that_was_put_in_is_none():
    found = judged(1.875, 1.875, 1.875, error=0.0)
    assert "is the same for all samples" in found.sentence
    assert not found.converged


def test_doubts_are_told():
    assert judged(0.97, 0.99, 1.0).converged
    found = judged(0.97, 0.99, 1.0, doubts=["more is needed"])
    assert not found.converged
    assert "undecided: more is needed" in found.sentence
