"""Relative entropies: against sums over all states, with errors that are right."""

import math

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Unordered
from kadanoff.instruments.likelihood import (
    exact_log_prob,
    log_likelihood,
    relative_entropy,
)
from kadanoff.models.ising import Ising
from kadanoff.models.xy import XY

K, Q = 0.3, 0.2
STATES = all_states((3, 4))
MODEL = Ising((3, 4))


def law(coupling):
    return np.exp(exact_log_prob(MODEL, coupling)(STATES))


def truth():
    """Σ p (ln p − ln q) / N over all states."""
    log_p, log_q = (exact_log_prob(MODEL, k)(STATES) for k in (K, Q))
    return float(np.sum(np.exp(log_p) * (log_p - log_q))) / 12


def drawn(seed, chains=32, draws=20, known=True):
    ensemble = draw(STATES, law(K), chains=chains, draws=draws, seed=seed)
    if not known:
        return ensemble
    return Ensemble.from_values(
        ensemble.values,
        model="ising",
        couplings=MODEL.couplings(K),
        parameters=MODEL.parameters,
    )


@pytest.mark.parametrize(
    "model",
    [MODEL, Ising((8,)), Ising((2, 3), "triangular"), Ising((3, 3), field=0.3)],
)
@pytest.mark.parametrize("coupling", [-0.4, 0.0, 0.44])
def test_exact_probabilities_sum_to_one(model, coupling):
    states = all_states(model.shape)
    total = np.exp(exact_log_prob(model, coupling)(states)).sum()
    assert total == pytest.approx(1, abs=1e-11)


def test_the_relative_entropy_is_that_of_all_states():
    """12 800 configurations, 4.5 errors; the error is below a tenth of the value."""
    found = relative_entropy(drawn(1, 64, 200), exact_log_prob(MODEL, Q))
    assert abs(found.value.value - truth()) < 4.5 * found.sampling_error
    assert found.sampling_error < 0.1 * truth()
    assert found.partition_error == 0
    # Control: a normalization that is off by 0.1 in ln Z of 12 sites is seen.
    off = relative_entropy(
        drawn(1, 64, 200), lambda v: exact_log_prob(MODEL, Q)(v) - 0.1
    )
    assert abs(off.value.value - truth()) > 4.5 * off.sampling_error


def test_the_law_itself_is_no_distance_away():
    """Configuration by configuration: no fluctuation at all."""
    found = relative_entropy(drawn(2), exact_log_prob(MODEL, K))
    assert found.value.value == 0
    assert found.sampling_error == 0


def test_pairs_fluctuate_less_than_entropy_and_likelihood_apart():
    near = exact_log_prob(MODEL, K + 0.01)
    ensemble = drawn(3)
    paired = relative_entropy(ensemble, near).sampling_error
    apart = float(log_likelihood(ensemble, near).error)
    assert paired < 0.1 * apart


def test_one_error_covers_the_truth_two_times_in_three():
    """300 ensembles: 68.3 % of right errors do, known to 2.7 %; half the error 38 %."""
    p, q = (exact_log_prob(MODEL, k) for k in (K, Q))
    found = [relative_entropy(drawn(s, known=False), q, exact=p) for s in range(300)]
    expected = truth()
    pulls = np.array([(float(k.value.value) - expected) / k.error for k in found])
    assert 0.57 < (abs(pulls) < 1).mean() < 0.79
    assert (abs(2 * pulls) < 1).mean() < 0.57


def test_both_errors_are_kept_apart():
    ensemble, q = drawn(4), exact_log_prob(MODEL, Q)
    found = relative_entropy(ensemble, q, partition_error=0.24)
    assert found.partition_error == pytest.approx(0.02)
    exact = relative_entropy(ensemble, q)
    assert found.sampling_error == exact.error
    assert found.error == pytest.approx(math.hypot(exact.error, 0.02))
    assert found.as_dict()["partition_error"] == found.partition_error
    assert "± 2.0e-02 (ln Z)" in str(found)


def test_any_law_can_be_given():
    known = relative_entropy(drawn(5), exact_log_prob(MODEL, Q))
    given = relative_entropy(
        drawn(5, known=False),
        exact_log_prob(MODEL, Q),
        exact=exact_log_prob(MODEL, K),
    )
    assert given.value.value == known.value.value


def test_the_likelihood_of_fair_coins_is_ln_two():
    coins = log_likelihood(drawn(6), lambda v: np.full(len(v), -12 * math.log(2)))
    assert float(coins.value) == pytest.approx(-math.log(2))


def test_what_cannot_be_known_is_refused():
    q = exact_log_prob(MODEL, Q)
    with pytest.raises(ValueError, match="give `exact`"):
        relative_entropy(drawn(7, known=False), q)
    units = Ensemble.from_values(drawn(7).values.reshape(32, 20, 12), Unordered(12))
    with pytest.raises(ValueError, match="give `exact`"):
        relative_entropy(units, q)
    with pytest.raises(ValueError, match="not negative, got -1"):
        relative_entropy(drawn(7), q, partition_error=-1)
    with pytest.raises(ValueError, match=r"each of \d+ configurations, got shape \(\)"):
        relative_entropy(drawn(7), lambda v: np.array(0.0))
    with pytest.raises(ValueError, match="whose ln Z is known"):
        exact_log_prob(XY((4, 4)), 0.3)
