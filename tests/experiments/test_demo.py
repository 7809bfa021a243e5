"""The demo reads what it says it reads, and its sentences follow the numbers."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.estimate import Estimate, chain_range, share_chains
from kadanoff.experiments.demo.data import DENSE, MAJORITY, PLAIN, TIED, material
from kadanoff.experiments.demo.report import findings, read
from kadanoff.experiments.demo.settings import FULL, QUICK


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return material(QUICK, 1, runs, lambda label, done, total: None)


@pytest.fixture(scope="module")
def readings(levels):
    return read(levels, lambda label, done, total: None)


def test_the_frozen_sizes_are_those_of_the_report():
    assert (FULL.side_small, FULL.draws_small) == (32, 20_000)
    assert (FULL.side_large, FULL.draws_large) == (64, 50_000)
    assert FULL.plain == replace(FULL.dense, l1=0.0)


def test_every_map_has_its_levels(levels):
    assert {name: len(chain) for name, chain in levels.small.items()} == dict.fromkeys(
        ("majority", "block average", "tied RBM", DENSE, PLAIN), 3
    )
    assert {name: len(chain) for name, chain in levels.large.items()} == dict.fromkeys(
        ("majority", "block average", "tied RBM"), 4
    )


def test_no_map_stands_in_for_another(levels):
    for side in (levels.small, levels.large):
        first = {name: chain[1].data.tobytes() for name, chain in side.items()}
        assert len(set(first.values())) == len(side)
        assert len({str(chain[1].history[-1]["rule"]) for chain in side.values()}) >= 3


def test_networks_train_on_chains_that_are_not_read(levels):
    """128 chains: 64 train, 16 fit the arrangement, 48 are read."""
    read_chains = levels.small[MAJORITY][0]
    (note,) = (n for n in read_chains.history if n["step"] == "select")
    assert note["chains"] == [80, 128]
    for chain in levels.small.values():
        assert {level.lineage for level in chain} == {read_chains.lineage}
    (large,) = {chain[0].lineage for chain in levels.large.values()}
    assert large.split("[")[0] != read_chains.lineage.split("[")[0]


def test_five_sentences_with_numbers(readings):
    sentences = findings(readings)
    assert len(sentences) == 5
    assert all(any(c.isdigit() for c in s) for s in sentences)


def planted(readings, name, *, y_t, y_h, error=0.01, converged=True):
    """The readings with other exponents for one map."""

    def exponent(old, value):
        estimate = Estimate(np.array(value), old.estimate.replicates, 1)
        faults = () if converged else ("it was planted",)
        return replace(
            old, estimate=estimate, error=error, converged=converged, faults=faults
        )

    def scan(reading):
        values = {"y_t": y_t, "y_h": y_h}
        new = {k: exponent(getattr(reading.scan, k), v) for k, v in values.items()}
        return replace(reading, scan=replace(reading.scan, **new))

    return replace(
        readings,
        exponents=[scan(r) if r.name == name else r for r in readings.exponents],
    )


@pytest.mark.parametrize(("name", "place"), [(MAJORITY, 1), (TIED, 2), (DENSE, 3)])
def test_a_sentence_says_what_was_found_not_what_was_hoped(readings, name, place):
    def sentence(**values):
        return findings(planted(readings, name, **values))[place]

    ising = sentence(y_t=1.0, y_h=1.875)
    assert "reads as an RG step with Ising's exponents" in ising
    assert "y_T = 1.000 ± 0.010 and y_H = 1.875 ± 0.010" in ising
    elsewhere = sentence(y_t=1.0, y_h=1.6)
    assert "converges, but not to Ising's exponents" in elsewhere
    never = sentence(y_t=1.0, y_h=1.875, converged=False)
    assert "does not read as an RG step" in never
    lost = sentence(y_t=np.nan, y_h=1.875, error=np.nan, converged=False)
    assert "not measurable" in lost


def test_a_width_that_cannot_be_measured_is_said_so(readings):
    nothing = Estimate(np.array(np.nan), {}, 1)
    blind = [
        replace(s, locality=replace(s.locality, direct_width=nothing))
        for s in readings.spots
    ]
    sentence = findings(replace(readings, spots=blind))[3]
    assert "nothing that can be measured" in sentence


def test_what_trains_what_fits_and_what_is_read_are_different_chains(levels):
    trained = levels.networks[TIED][0].notes["lineage"]
    (fitted,) = {
        next(iter(a.cost.replicates)).removeprefix("units of ")
        for places in levels.arrangements.values()
        for a in places
    }
    read_from = levels.small[MAJORITY][0].lineage
    for one, other in ((trained, fitted), (trained, read_from), (fitted, read_from)):
        assert chain_range(one)[0] == chain_range(other)[0]
        assert not share_chains(one, other)
    assert levels.networks[DENSE][0].notes["lineage"] == trained


def test_wrong_samples_are_called_wrong(readings):
    panel = readings.truth[0]
    off = Estimate(np.array(panel.energy[1] + 1), {"a": np.array([0.0, 0.01])}, n_eff=2)
    wrong = replace(panel, energy=(off, panel.energy[1]))
    assert "agree" in findings(readings)[0]
    assert "disagree" in findings(replace(readings, truth=[wrong]))[0]


def test_the_same_seed_reads_the_same(levels, readings, tmp_path):
    again = read(material(QUICK, 1, tmp_path, lambda *_: None), lambda *_: None)
    assert findings(again) == findings(readings)
