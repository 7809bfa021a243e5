"""Hand-made machines are exact, and what counts as decimation is decimation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, chisquare

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import exact_cases, trained_rings
from kadanoff.experiments.mehta2014.descents import machine_of
from kadanoff.experiments.mehta2014.trained_rings import decimates
from kadanoff.models.ising import Ising
from kadanoff.networks.mapping import (
    decimated,
    decimating_network,
    exactness,
    hamiltonian,
)

FOUND = [Status.REPRODUCED] * 4 + [Status.PARTLY] * 2 + [Status.NOT]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return exact_cases.compute(exact_cases.FAST, work)


def statuses(dataset):
    return [check.status for check in exact_cases.checks(dataset)]


def test_layers_are_decimated_rings(data):
    for coupling in data["coupling"].values:
        found, expected = data["layer_coupling"].sel(coupling=coupling), float(coupling)
        for k in found.values:
            assert k == pytest.approx(expected, abs=1e-12)
            expected = decimated(expected)


def hand_made(sites=6, coupling=0.5, copying=2.0):
    network = decimating_network(sites, coupling, 1, copying=copying)
    return network.top.W.detach().numpy()


def test_what_counts_as_decimation():
    """The machine made by hand, turned, in another order, on the other sublattice."""
    W = hand_made()
    assert decimates(W, 0.5)
    assert decimates(-W, 0.5)
    assert decimates(W[:, [2, 0, 1]] * [1, -1, 1], 0.5)
    assert decimates(np.roll(W, 1, axis=0), 0.5)
    assert decimates(W + 0.03 * np.random.default_rng(0).normal(size=W.shape), 0.5)


def test_what_does_not_count():
    W = hand_made()
    assert not decimates(W, 0.8)  # bonds of another coupling
    assert not decimates(W[:, :2], 0.5)  # a unit missing
    assert not decimates(W[:, [0, 0, 1]], 0.5)  # two on one spin
    signs = np.array([1.0, 1, 1, -1, 1, 1])[:, None]
    assert not decimates(W * signs, 0.5)  # an antiferromagnetic bond
    assert not decimates(np.ones((6, 3)), 0.5)
    # Two bonds outvote a copy that is weaker than both: this one is far from exact.
    weak = hand_made(coupling=0.8, copying=0.81)
    assert exactness(machine_of(weak), hamiltonian(Ising((6,)), 0.8)).divergence > 0.2
    assert not decimates(weak, 0.8)
    assert decimates(hand_made(coupling=0.8, copying=1.7), 0.8)


def test_training_finds_it_and_the_controls_do_not(data):
    assert statuses(data) == FOUND
    kl = data["divergence"]
    assert float(kl.sel(arm=trained_rings.MAIN).max()) < 5e-3
    assert float(kl.sel(arm="KL, one unit too few").min()) > 0.02


@pytest.mark.parametrize("sites", [6, 8])
def test_the_coupling_of_a_hand_made_layer_is_read(sites):
    """Of rings of three and of four coarse spins; turned and in another order."""
    W = hand_made(sites=sites, coupling=0.7, copying=15.0)
    turned = W[:, ::-1] * np.where(np.arange(sites // 2) % 2, 1, -1)
    for weights in (W, turned):
        own, ratio, rest = trained_rings._coarse(weights, 0.7)
        assert own == pytest.approx(decimated(0.7), abs=1e-9)
        assert ratio == pytest.approx(0.5, abs=1e-9)
        assert rest < 1e-15
    # For every weight of the copies it is a half; bonds that are off are seen.
    _, half, _ = trained_rings._coarse(hand_made(sites, 0.7, copying=1.5), 0.7)
    assert half == pytest.approx(0.5, abs=1e-9)
    _, wide, _ = trained_rings._coarse(hand_made(sites, 1.02 * 0.7, copying=1.5), 0.7)
    assert abs(wide / 0.5 - 1) > trained_rings.HALVES


def test_trained_layers_come_closer_to_half_with_time(data):
    first, longer = (
        trained_rings.off_by(data, n) for n in ("trained_length", "longer_length")
    )
    assert first.min() > 0.02
    assert 0.01 < longer.min() < longer.max() < first.min()


def test_a_second_layer_and_drawn_data(tmp_path):
    """Eight spins, so that the hidden layer can be halved again."""
    how = replace(
        exact_cases.FAST, couplings=(0.6,), sites=8, seeds=2, steps=1500, draws=4000
    )
    work = Work(2, tmp_path, lambda label, done, total: None)
    found = exact_cases.compute(how, work)
    assert abs(found["stacked_length"].item() / 0.5 - 1) < 0.1
    # Noise of n draws leaves a maximum-likelihood machine some parameters/(2n) off.
    kl = found["divergence"].sel(arm="KL, drawn data")
    assert float(kl.min()) < 8 * 4 / how.draws
    assert float(kl.min()) > float(
        found["divergence"].sel(arm=trained_rings.MAIN).min()
    )


def test_drawn_laws_are_drawn_from_the_law():
    """Totals, evenness, and χ² of the pooled counts: level 1e-4, control 3 % off."""
    H = hamiltonian(Ising((6,)), 0.6)
    how = replace(exact_cases.FAST, draws=20_000, seeds=4)
    counts = np.exp(-trained_rings._drawn(H, how, 5))
    np.testing.assert_allclose(counts.sum(axis=1), 2 * how.draws)
    np.testing.assert_allclose(counts, counts[:, ::-1])
    pooled = counts[:, :32].sum(axis=0)

    def chance(H):
        law = np.exp(-H)[:32]
        return chisquare(pooled, pooled.sum() * law / law.sum()).pvalue

    assert chance(H) > 1e-4
    assert chance(1.03 * H) < 1e-4


def test_statuses_respond(data):
    off = data.copy(deep=True)
    off["layer_coupling"][0, 2] *= 1 + 1e-6
    assert statuses(off)[0] is Status.NOT
    long = data.copy(deep=True)
    long["layer_length"][0, 1] *= 1.01
    assert statuses(long)[1] is Status.NOT
    spread = data.copy(deep=True)
    spread["square_spread"].loc[{"machine": "bonds", "factor": 1.0}] = 1e-3
    assert statuses(spread)[2:4] == [Status.REPRODUCED, Status.NOT]
    some, none = data.copy(deep=True), data.copy(deep=True)
    some["decimates"].loc[{"arm": trained_rings.MAIN, "seed": slice(1, None)}] = 0
    assert statuses(some)[4] is Status.PARTLY
    none["decimates"].loc[{"arm": trained_rings.MAIN}] = 0
    drawn = data.copy(deep=True)
    drawn["decimates"].loc[{"arm": trained_rings.DRAWN}] = 1
    assert statuses(drawn)[4] is Status.REPRODUCED
    assert statuses(none)[4] is Status.NOT
    near = data.assign(trained_length=data["trained_length"] * 0 + 0.501)
    assert statuses(near)[5] is Status.REPRODUCED
    far = data.assign(trained_length=data["trained_length"] * 0 + 0.9)
    assert statuses(far)[5] is Status.NOT
    down = data.copy(deep=True)
    down["decimates"].loc[{"arm": "|ΔF + c|"}] = 1
    assert statuses(down)[6] is Status.REPRODUCED
    down["decimates"].loc[{"arm": "|ΔF + c|", "seed": 0}] = 0
    assert statuses(down)[6] is Status.PARTLY
    away = data.assign(free_energy=data["free_energy"] + 0.1)
    assert statuses(away)[6] is Status.OPEN  # a control that did not come down


def test_the_control_comes_down(data):
    """Every machine meets the ΔF that is wanted, at the KL of no decimation."""
    down = data.sel(arm="|ΔF + c|")
    gap = down["free_energy"] - data["wanted_free_energy"]
    assert float(abs(gap).max()) < 1e-3
    assert float(down["divergence"].min()) > 0.1


def test_words_on_other_ways_follow_the_counts(data):
    same = data.copy(deep=True)
    for arm in trained_rings.ARMS:
        same["decimates"].loc[{"arm": arm}] = data["decimates"].sel(
            arm=trained_rings.MAIN
        )
    assert exact_cases.checks(same)[4].reason.count("no other way down is told")
    same["decimates"].loc[{"arm": "KL, long steps"}] = 0
    assert exact_cases.checks(same)[4].reason.count("it depends on the way down")


def test_intervals_are_exact():
    """At its ends k or more, and k or fewer, have a chance of 2.5 %."""
    low, high = trained_rings._interval(7, 10)
    assert binom.sf(6, 10, low) == pytest.approx(0.025)
    assert binom.cdf(7, 10, high) == pytest.approx(0.025)


def test_pictures_and_tables(data):
    sections = exact_cases.draw(data)
    pictures = [s.picture for s in sections if s.picture]
    assert len(pictures) == 3
    assert all(p.startswith("data:image/svg+xml") for p in pictures)
    assert len(sections[2].tables[0].rows) == len(trained_rings.ARMS)
    assert len(sections[2].tables[1].rows) == data.sizes["coupling"]


def test_weights_have_a_scale_with_numbers(data):
    fig = trained_rings._draw_weights(data)
    bars = fig.axes[data.sizes["coupling"] :]
    most = [f"{float(abs(w).max()):.2f}" for w in data["weights"]]
    assert [b.get_yticklabels()[-1].get_text() for b in bars] == most
