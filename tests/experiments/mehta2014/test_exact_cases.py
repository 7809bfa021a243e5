"""Hand-made machines are exact, and what counts as decimation is decimation."""

import numpy as np
import pytest
from scipy.stats import binom

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import exact_cases
from kadanoff.experiments.mehta2014.exact_cases import decimates
from kadanoff.networks.mapping import decimated, decimating_network

FOUND = [Status.REPRODUCED] * 5 + [Status.NOT]


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


def test_training_finds_it_and_the_controls_do_not(data):
    assert statuses(data) == FOUND
    kl = data["divergence"]
    assert float(kl.sel(arm=exact_cases.MAIN).max()) < 5e-3
    assert float(kl.sel(arm="KL, one unit too few").min()) > 0.02


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
    some["decimates"].loc[{"arm": exact_cases.MAIN, "seed": slice(1, None)}] = 0
    assert statuses(some)[4] is Status.PARTLY
    none["decimates"].loc[{"arm": exact_cases.MAIN}] = 0
    assert statuses(none)[4] is Status.NOT
    down = data.copy(deep=True)
    down["decimates"].loc[{"arm": "|ΔF|"}] = 1
    assert statuses(down)[5] is Status.PARTLY


def test_intervals_are_exact():
    """At its ends k or more, and k or fewer, have a chance of 2.5 %."""
    low, high = exact_cases._interval(7, 10)
    assert binom.sf(6, 10, low) == pytest.approx(0.025)
    assert binom.cdf(7, 10, high) == pytest.approx(0.025)


def test_pictures_and_tables(data):
    sections = exact_cases.draw(data)
    pictures = [s.picture for s in sections if s.picture]
    assert len(pictures) == 3
    assert all(p.startswith("data:image/svg+xml") for p in pictures)
    assert len(sections[2].tables[0].rows) == len(exact_cases.ARMS)
