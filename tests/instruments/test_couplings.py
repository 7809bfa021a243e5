from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import (
    all_states,
    boltzmann,
    draw,
    planted,
    random_spins,
    rolled_sum,
    within_one_error,
)
from scipy.optimize import minimize

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments import couplings
from kadanoff.instruments.clusters import EVEN, systematic
from kadanoff.instruments.couplings import conditional_entropy, fit_couplings
from kadanoff.models.ising import Ising

PLANTED = [
    {"nn": 0.4},
    {"nn": 0.25, "nnn": 0.1},
    {"nn": 0.3, "plaquette": -0.15},
    {"nn": 0.2, "field": 0.1},
    {"nn": 0.2, "third": -0.1, "corner": 0.03},
]


def fits(couplings: dict[str, float], repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """Fitted values and errors `(repeat, operator)`, 2048 states of 4×4 each."""
    states, probability = all_states((4, 4)), planted((4, 4), couplings)
    found = [
        fit_couplings(
            draw(states, probability, chains=64, draws=32, seed=seed), tuple(couplings)
        ).values
        for seed in range(repeats)
    ]
    return np.array([f.value for f in found]), np.array([f.error for f in found])


@pytest.mark.parametrize("couplings", PLANTED, ids=str)
def test_planted_couplings_come_back(couplings):
    """The mean of 25 fits within 4 of its errors, which are 0.0005 to 0.002."""
    value, error = fits(couplings, 25)
    truth = np.array(list(couplings.values()))
    pull = (value.mean(axis=0) - truth) / (error.mean(axis=0) / 5)
    assert (abs(pull) < 4).all()


FOUR = {"nn": 0.2, "nnn": 0.06, "plaquette": 0.05, "field": 0.04}


@pytest.fixture(scope="module")
def four() -> dict[str, np.ndarray]:
    """Pulls of four planted couplings in 150 fits, by both kinds of error."""
    states, probability = all_states((4, 4)), planted((4, 4), FOUR)
    truth = np.array(list(FOUR.values()))
    pulls: dict[str, list[np.ndarray]] = {"jackknife": [], "sandwich": []}
    for seed in range(150):
        ensemble = draw(states, probability, chains=64, draws=16, seed=seed)
        fit = fit_couplings(ensemble, tuple(FOUR))
        off = fit.values.value - truth
        pulls["jackknife"].append(off / fit.values.error)
        pulls["sandwich"].append(off / fit.sandwich_error)
    return {kind: np.array(parts) for kind, parts in pulls.items()}


def plain_fisher_error(ensemble, fit) -> np.ndarray:
    """The error if all spins were independent: what must not be quoted."""
    flat = ensemble.values.reshape(-1, 4, 4)
    z = []
    for x, y in np.ndindex(4, 4):
        turned = flat.copy()
        turned[:, x, y] *= -1
        z.append([(rolled_sum(flat, o) - rolled_sum(turned, o)) / 2 for o in FOUR])
    z = np.moveaxis(np.array(z), 1, -1).reshape(-1, len(FOUR))
    wrong = 1 / (1 + np.exp(2 * z @ fit.values.value))
    fisher = 4 * (z.T * (wrong * (1 - wrong))) @ z
    return np.sqrt(np.diag(np.linalg.inv(fisher)))


@pytest.mark.parametrize("kind", ["jackknife", "sandwich"])
def test_errors_of_four_planted_couplings_cover_the_truth(four, kind):
    """Share of 150 fits within one error: 0.683 ± 0.038 for each, 0.55 to 0.82.

    That is 3.5 σ: of eight shares one is outside in 1 of 270 tries. The mean pull is
    0 ± 0.08, and 4 σ of it are allowed.
    """
    shares = (abs(four[kind]) < 1).mean(axis=0)
    assert ((shares > 0.55) & (shares < 0.82)).all(), shares
    assert (abs(four[kind].mean(axis=0)) < 4 / 150**0.5).all()
    # Control: truths off by one error.
    assert (abs((four[kind] + 1).mean(axis=0)) > 4 / 150**0.5).all()


def test_the_plain_fisher_matrix_has_other_errors():
    """A bond is counted at both of its ends and neighbours are not independent.

    The jackknife's errors, known to 9 %, are 1.5 times the plain ones for nn, 1.9 times
    for the plaquette, and 0.4 times for the field.
    """
    states, probability = all_states((4, 4)), planted((4, 4), FOUR)
    ensemble = draw(states, probability, chains=64, draws=128, seed=1)
    fit = fit_couplings(ensemble, tuple(FOUR))
    plain = plain_fisher_error(ensemble, fit)
    for errors in (fit.values.error, fit.sandwich_error):
        ratio = dict(zip(FOUR, errors / plain, strict=True))
        assert ratio["nn"] > 1.2
        assert ratio["plaquette"] > 1.4
        assert ratio["field"] < 0.6


def test_the_sandwich_and_the_jackknife_agree():
    """Both from 64 blocks of 32 states: their errors agree within 3 %."""
    states, probability = all_states((4, 4)), planted((4, 4), FOUR)
    ensemble = draw(states, probability, chains=64, draws=32, seed=1)
    fit = fit_couplings(ensemble, tuple(FOUR))
    assert np.allclose(fit.sandwich_error, fit.values.error, rtol=0.03)
    assert np.allclose(
        fit.sandwich, fit.values.covariance, rtol=0, atol=0.05 * fit.sandwich.max()
    )
    up = Ensemble.from_values(np.ones((2, 8, 4, 4), np.int8))
    assert np.isnan(fit_couplings(up).sandwich).all()


def test_listed_operators_are_fitted_too():
    """Eight even and two odd ones on 6×6 fair coins: all vanish, at 4 errors."""
    names = (*systematic(2, 8, parity="even"), "field", "row")
    ensemble = Ensemble.from_values(random_spins((64, 64, 6, 6), seed=8))
    fit = fit_couplings(ensemble, names)
    assert (abs(fit.values.value) < 4 * fit.values.error).all()
    assert (fit.values.error < 0.01).all()


def test_a_hash_table_counts_what_a_histogram_counts(monkeypatch):
    """The same cells as often, in a wide table and in one where codes collide."""
    ensemble = Ensemble.from_values(random_spins((32, 8, 5, 7), seed=10))
    laid_out = couplings._table(ensemble, EVEN)
    monkeypatch.setattr(couplings, "LAID_OUT", 1)
    for cells in (1 << 18, 1 << 12):
        monkeypatch.setattr(couplings, "MOST_CELLS", cells)
        hashed = couplings._table(ensemble, EVEN)
        assert np.array_equal(hashed.z, laid_out.z)
        assert np.array_equal(hashed.shares, laid_out.shares)
    assert 1 << 10 < len(laid_out.z) < 1 << 12
    monkeypatch.setattr(couplings, "MOST_CELLS", 1 << 8)
    with pytest.raises(ValueError, match="at most 256 combinations of local values"):
        fit_couplings(ensemble, EVEN)


def test_a_triangular_lattice_has_its_own_couplings():
    """Planted on 3×4 triangular sites by the model's energy; 2048 states, 4 σ."""
    model = Ising((3, 4), "triangular", field=0.2)
    states = all_states((3, 4))
    probability = boltzmann(-0.25 * model.energy(states) * 12)
    chosen = draw(states, probability, chains=64, draws=32, seed=9)
    ensemble = Ensemble.from_values(chosen.values, model.geometry)
    fit = fit_couplings(ensemble, ("nn", "field"))
    truth = np.array([0.25, 0.05])
    assert (abs(fit.values.value - truth) < 4 * fit.values.error).all()
    # Control: the clusters of a square lattice.
    square = fit_couplings(chosen, ("nn", "field"))
    assert abs(square["nn"].value - 0.25) > 4 * square["nn"].error


def test_a_slightly_wrong_truth_is_seen():
    value, error = fits({"nn": 0.4}, 25)
    assert abs(value.mean() - 0.408) > 4 * error.mean() / 5


def test_a_missing_operator_is_seen():
    """A fit of nn alone to {nn, plaquette} is off, and says less about the spins."""
    states = all_states((4, 4))
    probability = planted((4, 4), {"nn": 0.3, "plaquette": -0.15})
    ensemble = draw(states, probability, chains=64, draws=64, seed=1)
    alone, both = (fit_couplings(ensemble, o) for o in (("nn",), ("nn", "plaquette")))
    assert abs(alone["nn"].value - 0.3) > 5 * alone["nn"].error
    gain = alone.entropy - both.entropy
    assert gain.value > 5 * gain.error


def test_errors_cover_the_truth():
    """Share of 300 fits within one error: 0.683 ± 0.027, so 0.60 to 0.76 at 3 σ.

    A level of 1 in 370; errors wrong by a factor of 1.5 would be seen (0.50, 0.87).
    """
    value, error = fits({"nn": 0.35}, 300)
    pull = (value - 0.35) / error
    assert 0.60 < within_one_error(pull) < 0.76
    assert within_one_error(pull * 1.5) < 0.60
    assert within_one_error(pull / 1.5) > 0.76


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (4, 4), (6, 9)])
@pytest.mark.parametrize("operators", [("nn",), ("nn", "plaquette", "field")], ids=str)
def test_maximum_equals_a_plain_fit_on_every_spin(operators, shape):
    """Against a direct minimisation over (spin, configuration), spins turned by hand.

    On 2×2 clusters coincide: the plaquette is one cluster, counted once per site.
    """
    spins = random_spins((4, 40, *shape), seed=2)
    flat = spins.reshape(160, *shape)
    z = []
    for x, y in np.ndindex(shape):
        turned = flat.copy()
        turned[:, x, y] *= -1
        z.append([(rolled_sum(flat, o) - rolled_sum(turned, o)) / 2 for o in operators])
    z = np.moveaxis(np.array(z), 1, -1).reshape(-1, len(operators))

    def entropy(k: np.ndarray) -> float:
        return float(np.logaddexp(0, -2 * z @ k).mean())

    best = minimize(entropy, np.zeros(len(operators)), tol=1e-12)
    fit = fit_couplings(Ensemble.from_values(spins), operators)
    assert np.allclose(fit.values.value, best.x, rtol=0, atol=2e-6)
    assert float(fit.entropy.value) == pytest.approx(best.fun, abs=1e-12)


def test_replicates_are_fits_without_a_block():
    ensemble = Ensemble.from_values(random_spins((32, 4, 4, 4), seed=3))
    fit = fit_couplings(ensemble, ("nn", "nnn")).values.replicates[ensemble.lineage]
    for left_out in (0, 17):
        kept = np.delete(ensemble.values, left_out, axis=0)
        again = fit_couplings(Ensemble.from_values(kept), ("nn", "nnn")).values.value
        assert np.allclose(fit[left_out], again, rtol=0, atol=1e-9)


def test_entropy_on_other_configurations():
    """Held-in entropy equals itself; held out it is the cross entropy of the truth."""
    states, probability = all_states((4, 4)), planted((4, 4), {"nn": 0.3})
    fitted = draw(states, probability, chains=64, draws=256, seed=4)
    other = draw(states, probability, chains=64, draws=256, seed=5)
    fit = fit_couplings(fitted)
    same = conditional_entropy(fit, fitted)
    assert float(same.value) == pytest.approx(float(fit.entropy.value), abs=1e-12)
    local = states[:, 0, 0] * (
        0.0 + states[:, 1, 0] + states[:, 3, 0] + states[:, 0, 1] + states[:, 0, 3]
    )
    exact = probability @ np.logaddexp(0, -0.6 * local)
    held_out = conditional_entropy(fit, other)
    assert abs(held_out.value - exact) < 4 * held_out.error < 0.01
    assert abs(held_out.value - np.log(2)) > 10 * held_out.error


def test_aligned_spins_have_no_finite_coupling():
    up = Ensemble.from_values(np.ones((2, 8, 4, 4), np.int8))
    fit = fit_couplings(up)
    assert np.isnan(fit["nn"].value)


def test_refusals():
    spins = random_spins((2, 200, 4, 4), seed=6)
    ensemble = Ensemble.from_values(spins)
    with pytest.raises(ValueError, match="at least one operator"):
        fit_couplings(ensemble, ())
    for names in ("nn", ("nn", 3)):
        with pytest.raises(ValueError, match="operators are names in a list"):
            fit_couplings(ensemble, names)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"couplings of nn, got 'nnn'"):
        fit_couplings(ensemble)["nnn"]
    many = systematic(2, 40, parity="any")
    with pytest.raises(ValueError, match="more combinations than can be numbered"):
        fit_couplings(ensemble, many)
    with pytest.raises(ValueError, match="a real-valued field has none"):
        fit_couplings(Ensemble.from_values(spins.astype(float), alphabet="real"))
    with pytest.raises(ValueError, match="unordered layer"):
        fit_couplings(Ensemble.from_values(spins.reshape(2, 200, 16), Unordered(16)))
    # On a side of 3 two steps forward are one step back.
    three = Ensemble.from_values(random_spins((2, 10, 3, 3), seed=7), Grid((3, 3)))
    with pytest.raises(ValueError, match="nn, third cannot be told apart"):
        fit_couplings(three, ("nn", "third"))
    cube = Ensemble.from_values(random_spins((2, 5, 4, 4, 4), seed=7))
    with pytest.raises(ValueError, match="at most 127 clusters through a site"):
        fit_couplings(cube, ("(0,0,0)(1,0,0)(1,1,0)(1,2,1)",))


@pytest.mark.parametrize(
    ("operators", "named"),
    [(("nn", "nnn", "nn"), "nn, nn"), (("nn", "nnn", "phi2"), "phi2")],
)
def test_operators_that_cannot_be_told_apart_are_named(operators, named):
    spins = np.random.default_rng(1).choice([-1, 1], (4, 8, 8, 8))
    with pytest.raises(ValueError, match=f"operators {named} cannot be told apart"):
        fit_couplings(Ensemble.from_values(spins), operators)


@pytest.mark.parametrize(("draws", "tau"), [(9, 0.5), (90, 5.0)])
def test_ten_independent_configurations_for_each_coupling(draws, tau):
    """18 of them are too few for two couplings and enough for one."""
    spins = random_spins((2, draws, 6, 6), seed=11)
    few = Ensemble.from_values(spins, tau=tau)
    with pytest.raises(ValueError, match=r"20 for nn, nnn, got 18\.0; sample more"):
        fit_couplings(few, ("nn", "nnn"))
    assert np.isfinite(fit_couplings(few)["nn"].value)
