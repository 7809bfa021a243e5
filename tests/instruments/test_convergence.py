"""When an exponent counts as one: planted values with planted errors."""

import numpy as np
import pytest

from kadanoff.estimate import Estimate
from kadanoff.instruments.convergence import judge


def planted(value, error, *, seed):
    """An estimate whose replicates have exactly this jackknife error."""
    noise = np.random.default_rng(seed).standard_normal(32)
    noise -= noise.mean()
    spread = np.sqrt(31 / 32 * (noise**2).sum())
    return Estimate(np.array(value), {"a": value + noise * error / spread}, n_eff=32)


def judged(*steps, error=0.01):
    values = [(planted(y, error, seed=k),) for k, y in enumerate(steps)]
    return judge("y_T", values, 2)


CASES = {
    "settled": ((0.97, 1.0), 0.01, True, "converged over the last step"),
    "drifting": ((0.7, 1.0), 0.01, False, "still changes by"),
    "too vague": ((1.0, 1.09), 0.08, False, "undecided: an error above 0.1"),
    "noise": ((1.0, 1.0), 0.2, False, "is noise"),
    "one step": ((1.0,), 0.01, False, "undecided: a single step"),
    "irrelevant": ((-0.5, -0.5), 0.01, False, "is not relevant"),
    "the dimension": ((2.0, 2.0), 0.01, False, "not below the dimension"),
    "no number": ((1.0, np.nan), 0.01, False, "complex or not positive"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_and_its_sentence(case):
    steps, error, converged, words = CASES[case]
    found = judged(*steps, error=error)
    assert found.converged is converged
    assert words in found.sentence


def test_the_error_holds_the_change():
    found = judged(0.97, 1.0, error=0.01)
    assert found.error == pytest.approx(np.hypot(0.01, 0.03))


def test_a_shortage_of_configurations_is_a_doubt():
    values = [(planted(y, 0.01, seed=k),) for k, y in enumerate((0.99, 1.0))]
    assert judge("y_T", values, 2).converged
    found = judge("y_T", values, 2, shortage="more is needed")
    assert not found.converged
    assert "undecided: more is needed" in found.sentence
