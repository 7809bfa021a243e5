"""The likelihood of a tied filter, its errors, and that what is known is found."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from kadanoff.ensemble import Ensemble
from kadanoff.exact import pairs
from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import all_states
from kadanoff.experiments import recovery
from kadanoff.experiments.recovery import (
    DENSE_READINGS,
    FAST,
    FULL,
    PATIENT,
    READINGS,
    FilterLikelihood,
    Settings,
    Trial,
    against,
    ascended,
    between,
    collect,
    compute,
    table,
)
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.anchors import (
    places,
    sublattice,
    sublattice_filter,
    sublattice_machine,
)
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.products import one_thread

K = 0.4
SHAPE = (6, 6)
CHAINS, DRAWS = 200, 100


@pytest.fixture(scope="module", autouse=True)
def single():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def study(runs):
    return compute(FAST, runs=runs)


@pytest.fixture(scope="module")
def law():
    """All states of A of 6×6 sites, and the probability of each at K = 0.4."""
    machine = sublattice_machine(SHAPE, K)
    lattice = machine.visible_geometry().lattice
    states = all_states(math.prod(lattice)).reshape(-1, *lattice)
    with torch.no_grad():
        return states, machine.log_likelihood(machine.tensor(states)).exp().numpy()


def drawn(law, seed):
    """20 000 independent configurations of the exact law."""
    states, probability = law
    rng = np.random.default_rng(seed)
    values = states[rng.choice(len(states), CHAINS * DRAWS, p=probability)]
    lattice = sublattice_machine(SHAPE, K).visible_geometry()
    shaped = values.reshape(CHAINS, DRAWS, *values.shape[1:])
    return Ensemble.from_values(shaped, lattice)


@pytest.fixture(scope="module")
def data(law):
    return drawn(law, 0)


@pytest.fixture(scope="module")
def likelihood(data):
    return FilterLikelihood.of(data)


def true_filter(coupling=K):
    return sublattice_filter(coupling).W.detach().numpy().reshape(3, 3)


def test_windows_hold_the_whole_likelihood(data, likelihood):
    """⟨ln p⟩ of the configurations one by one, with ln Z over all states."""
    weights = np.random.default_rng(1).normal(0, 0.3, (3, 3))
    machine = ConvRBM(filter=3, stride=1).double()
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(weights).reshape(1, 1, 3, 3))
        every = machine.log_likelihood(machine.tensor(data.values.reshape(-1, 6, 3)))
    assert likelihood.value(weights) == pytest.approx(float(every.mean()), abs=1e-11)
    assert likelihood.windows.sum(axis=1) == pytest.approx(18)


def test_slope_and_information_are_derivatives(likelihood):
    weights = np.random.default_rng(2).normal(0, 0.3, (3, 3))
    value, slope = likelihood.rise(weights)
    assert value == likelihood.value(weights)
    bend = likelihood.information(weights)
    for i, step in enumerate(1e-5 * np.eye(9).reshape(9, 3, 3)):
        up, down = (likelihood.rise(weights + sign * step) for sign in (1, -1))
        assert (up[0] - down[0]) / 2e-5 == pytest.approx(slope[i], abs=1e-8)
        np.testing.assert_allclose((down[1] - up[1]) / 2e-5, bend[i], atol=1e-7)


def test_noise_is_that_of_the_slopes_of_chains(data, likelihood):
    """And knows of what was drawn twice: more configurations, the same covariance."""
    weights = true_filter() + 0.1
    slopes = [
        FilterLikelihood.of(data.select(slice(c, c + 1))).rise(weights)[1]
        for c in range(CHAINS)
    ]
    expected = np.cov(np.transpose(slopes)) / CHAINS
    np.testing.assert_allclose(likelihood.noise(weights), expected, atol=1e-14)
    twice = FilterLikelihood.of(
        Ensemble.from_values(data.values.repeat(2, axis=1), data.grid)
    )
    assert twice.size == 2 * likelihood.size
    np.testing.assert_allclose(twice.noise(weights), expected, atol=1e-14)


def test_other_configurations_are_refused():
    fields = Ensemble.from_values(np.full((1, 2, 6, 3), 0.5), alphabet="real")
    with pytest.raises(ValueError, match="±1 spins in two dimensions, got 'real'"):
        FilterLikelihood.of(fields)


def test_the_maximum_for_the_law_itself_is_the_truth(law):
    """Every state with its probability: nothing is left but the ascent.

    Along d the likelihood is of fourth order, so that the weights are known less well
    than the likelihood.
    """
    states, probability = law
    windows = np.zeros(512)
    for part in np.array_split(np.arange(len(states)), 8):
        up = states[part] > 0
        code = np.zeros(up.shape, dtype=int)
        for x in (-1, 0, 1):
            for y in (-1, 0, 1):
                code = 2 * code + np.roll(up, (-x, -y), (1, 2))
        weight = probability[part].repeat(18)
        windows += np.bincount(code.ravel(), weight, 512)
    exact = FilterLikelihood(drawn(law, 0).grid, windows[None], 1)
    _, slope = exact.rise(true_filter())
    assert abs(slope).max() < 1e-12
    for k, place in enumerate(places(true_filter())):
        start = place + np.random.default_rng(k).normal(0, 0.1, (3, 3))
        found = ascended(exact, start)
        assert abs(found - place).max() < 0.03
        assert abs(exact.value(found) - exact.value(place)) < 1e-7
        free = found[place == 0]
        assert abs(free).max() < 2e-3
    assert abs(exact.rise(true_filter(1.01 * K))[1]).max() > 1e-2


def test_opposite_bonds_enter_the_law_through_their_sum(likelihood):
    """Two directions of no noise at all at equal weights, none at others."""
    seen = np.linalg.eigvalsh(likelihood.noise(true_filter()))
    assert abs(seen[:2]).max() < 1e-12 * seen[-1]
    assert seen[2] > 1e-6 * seen[-1]
    uneven = true_filter()
    uneven[1, 1] += 0.1
    assert np.linalg.eigvalsh(likelihood.noise(uneven))[1] > 1e-9 * seen[-1]


def test_errors_cover_the_truth_and_a_coupling_off_is_seen(law):
    """24 data sets: the χ² of all seven values, and the likelihood they add.

    Both ends at a level of 1e-5 each, of χ² with 168 degrees of freedom: errors too
    small by a quarter would be seen. K off by 3 % is seen in each of the data sets.
    """
    fits = [
        against(FilterLikelihood.of(drawn(law, seed)), true_filter(), K)
        for seed in range(1, 25)
    ]
    square = sum(stats.chi2(7).isf(fit.square_p) for fit in fits)
    added = sum(fit.ratio - fit.split for fit in fits)
    low, high = stats.chi2(7 * len(fits)).ppf([1e-5, 1 - 1e-5])
    assert low < square < high
    assert low < added < high
    assert square / 0.75**2 > high
    wrong = against(FilterLikelihood.of(drawn(law, 1)), true_filter(), 1.03 * K)
    assert wrong.square_p < 1e-5


def test_a_fit_has_the_signs_and_the_place_of_the_truth(likelihood):
    """(3, 3) weights of either sign, at both places: one K, the same Λ at each sign."""
    first, second = places(true_filter())
    assert not np.array_equal(first, second)
    for place in (first, second):
        up = ascended(likelihood, place)
        fit, turned = (against(likelihood, s * up, K) for s in (1, -1))
        np.testing.assert_array_equal(fit.truth, place)
        np.testing.assert_allclose(fit.weights, turned.weights)
        assert fit.ratio == pytest.approx(turned.ratio, abs=1e-6)
        assert abs(fit.values[:2] - K).max() < 5 * fit.errors[:2].max()
        assert 0 <= fit.split <= fit.ratio
        assert fit.ratio_p > 1e-4
        assert fit.split_p > 1e-4
        assert against(likelihood, up, 0.9 * K).ratio_p < 1e-5
    negative = against(likelihood, second, -K)
    assert negative.truth.sum() == pytest.approx(-4 * K)
    assert against(likelihood, second, K).differences == pytest.approx([0, 0])


def test_halfway_lies_a_filter_that_is_left_slowly():
    """A saddle point: no slope, a way out, and likelihood missing."""
    data = recovery._material(8, 0.3, 2_000, 7)
    likelihood = FilterLikelihood.of(data)
    weights, out = between(likelihood)
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-12)
    # One mirror image of the data is as likely as they are, but is not drawn with them.
    assert abs(likelihood.rise(weights)[1]).max() < 0.1
    assert out > 0.3
    truth = true_filter(0.3)
    assert likelihood.value(truth) - likelihood.value(weights) > 0.01
    bends, ways = np.linalg.eigh(likelihood.information(weights))
    assert -bends[0] == pytest.approx(out)
    way = ways[:, 0].reshape(3, 3)
    np.testing.assert_allclose(way, -way[::-1, ::-1], atol=0.05)
    assert bends[-1] / out > 50  # what bounds the rate, to what it should grow


def test_folds_are_those_of_the_equation_of_motion():
    """w ← w + rate/(1 − momentum) · λ w/blocks at every update, to first order."""
    how = replace(PATIENT, epochs=4, batch=500)
    trial = Trial(8, K, 2_000, training=how)
    updates, weight = 16, 0.0
    for t in range(updates):
        weight += how.rate(t / updates) / (1 - how.momentum) * 0.5 / 32
    assert trial.folds(0.5) == pytest.approx(weight)
    assert replace(trial, training=None).folds(0.5) == math.inf


def test_the_divergence_is_that_of_the_marginals():
    """KL of the A marginals of two Ising laws on 4×4, from all 2¹⁶ states."""
    states = all_states(16).reshape(1, -1, 4, 4)
    a = sublattice(Ensemble.from_values(states)).values.reshape(-1, 8)
    code = (a > 0) @ (1 << np.arange(8))
    bonds = bond_pairs(Ising((4, 4)).near)
    p, q = (
        np.bincount(code, pairs.law(16, bonds, k).probabilities) for k in (K_C, 0.35)
    )
    machines = [sublattice_machine((4, 4), k) for k in (K_C, 0.35)]
    expected = float(p @ np.log(p / q))
    assert recovery._divergence(*machines) == pytest.approx(expected, rel=1e-10)
    assert abs(recovery._divergence(machines[0], machines[0])) < 1e-13


def test_the_fast_study_finds_what_it_has_time_for(study):
    """From random weights to K; a short training at K_c is still on its way."""
    found, hurried = (study.sel(trial=t.name, data_set=0) for t in FAST.filters)
    assert found["found"] == 1
    assert found["ratio_p"] > 1e-4
    assert found["square_p"] > 1e-4
    for axis in ("first", "second"):
        assert abs(found[axis] - 0.3) < 5 * found[f"{axis}_error"]
        assert abs(found[axis] - 0.3) < 0.05
    assert found["folds"] == math.inf
    assert hurried["folds"] < 1
    assert hurried["found"] == 0
    assert hurried["lost"] > 30  # of 2n ⟨ln p⟩, which fluctuates by a few


def test_a_dense_machine_stays_at_the_truth_and_leaves_with_other_data(study):
    """2n KL below χ² of 64 weights at a level of 1e-5; data at 0.3 lead away."""
    stays, leaves = (study.sel(dense=t.name) for t in FAST.dense)
    scale = 2 * stays["samples"] * stays["units"]
    most = stats.chi2(64).isf(1e-5)
    assert scale * stays["kl"].sel(start=0) < most
    assert stays["share"].sel(start=0) == 1
    assert stays["share"].sel(start=1) < 1
    assert stays["kl"].sel(start=1) > stays["kl"].sel(start=0)
    assert scale * leaves["kl"].sel(start=0) > 10 * most


def test_what_is_done_is_not_done_again(study, runs, monkeypatch):
    monkeypatch.setattr(recovery, "_material", None)  # called, it would fail
    assert compute(FAST, runs=runs).equals(study)


def test_data_sets_and_starts_share_nothing():
    one, other = (recovery._material(6, 0.3, 200, k) for k in (0, 1))
    assert one.lineage != other.lineage
    trial = Trial(6, 0.3, 200)
    starts = [recovery._started(trial, one, k, s) for k in (0, 1) for s in (0, 1)]
    assert len({float(start[0, 0]) for start in starts}) == 4


def test_the_tables_have_a_line_for_each(study):
    tied, dense = table(study).split("\n\n")
    assert len(tied.splitlines()) == 2 + len(FAST.filters)
    assert len(dense.splitlines()) == 2 + sum(len(t.starts) for t in FAST.dense)
    assert "| none |" in tied
    assert "| truth | 100% |" in dense
    assert "data at K = 0.3" in dense


def test_a_study_that_has_not_begun_is_a_table_of_gaps(tmp_path):
    empty = collect(FAST, runs=tmp_path)
    assert all(empty[name].isnull().all() for name in (*READINGS, *DENSE_READINGS))
    assert table(empty).count("not computed") == len(FAST.filters)
    for part in (Settings(FAST.filters, ()), Settings((), FAST.dense)):
        assert len(collect(part, runs=tmp_path)["trial"]) == len(part.filters)


def test_the_full_study_asks_for_what_it_is_about():
    assert isinstance(FULL, Settings)
    assert {trial.coupling for trial in FULL.filters} == {0.3, 0.408, K_C}
    names = [trial.name for trial in (*FULL.filters, *FULL.dense)]
    assert len(set(names)) == len(names)
    assert any(trial.data_coupling is not None for trial in FULL.dense)


@pytest.mark.slow
def test_patience_finds_the_coupling_from_random_weights():
    """Persistent chains end as near to the maximum as statistics puts the truth."""
    trial = Trial(8, 0.3, 20_000, starts=1, training=PATIENT)
    found = recovery._of_filter(trial, 3)
    assert found["found"] == 1
    assert 0 <= found["lost"] < 60
    assert found["ratio_p"] > 1e-4
