"""What rows say: numbers where there are some, and else the true reason."""

from typing import Any

import numpy as np
import pytest

from kadanoff.coarse.block import Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import ARRANGE
from kadanoff.coarse.handed_over import as_rule
from kadanoff.coarse.layer import Layer, layers_of
from kadanoff.coarse.pooling import Convolution
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.instruments.neighbourhood import Unexplained
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.rbm import RBM
from kadanoff.samplers.run import sample
from kadanoff.scorecard import card as cards
from kadanoff.scorecard import rows as module
from kadanoff.scorecard.card import compare, probe, probe_pair, probe_sweep
from kadanoff.scorecard.controls import control
from kadanoff.scorecard.divergence import divergence
from kadanoff.scorecard.rows import QUICK, Row, read
from kadanoff.scorecard.sheet import of_comparison, portraits
from kadanoff.scorecard.subject import Subject, of_pair, of_rule
from kadanoff.sweep import Sweep


@pytest.fixture(scope="module")
def fine() -> Ensemble:
    return sample(Ising((16, 16)), coupling=K_C, draws=2048, chains=64, seed=3)


@pytest.fixture(scope="module")
def small() -> Ensemble:
    return sample(Ising((4, 4)), coupling=K_C, draws=1000, chains=20, seed=5)


def row(name, rule, ensemble, seed=1) -> Row:
    return read(name, of_rule(rule, ensemble, seed=seed))


def test_a_ratio_that_rises_is_not_said_to_fall(fine):
    """Nor one that falls: the power has a sign."""
    scattered = control("shuffled", of_rule(Majority(2), fine, seed=1))
    rises, falls = read("scaling", scattered), row("scaling", _mean_of_all, fine)
    slopes = [r.readings["slope of the ratio"] for r in (rises, falls)]
    assert slopes[0].value > 5 * slopes[0].error
    for found, slope in zip((rises, falls), slopes, strict=True):
        assert f"changes against the fine one as r to the power {slope};" in (
            found.sentence
        )
        assert "falls" not in found.sentence


def _mean_of_all(values):
    """Decimation."""
    return values[:, ::2, ::2]


def test_a_power_that_is_lost_in_noise_is_not_called_nan(fine):
    lost = read("scaling", control("zero-sum", of_rule(Majority(2), fine, seed=1)))
    slope = lost.readings["slope of the ratio"]
    assert not (np.isfinite(slope.value) and np.isfinite(slope.error))
    assert "lost in noise, and no power of r is read" in lost.sentence
    assert "nan" not in lost.sentence


def test_a_map_of_constants_has_no_number_under_a_shift(fine):
    found = row("covariance", lambda v: np.ones_like(v[:, ::2, ::2]), fine)
    assert "and no number under a shift by one coarse site" in found.sentence
    assert "nan" not in found.sentence


def test_a_machine_of_several_filters_has_one_likelihood():
    fine = sample(Ising((8, 8)), coupling=K_C, draws=256, chains=16, seed=3)
    machine = ConvRBM(filter=2, stride=2, maps=3, seed=1)
    found = row("likelihood", Layer(machine), fine)
    known = divergence(machine, fine, seed=1, **module.ANNEALING).kl
    assert float(found.readings["KL per site (nats)"].value) == float(known.value.value)
    assert not found.sentence.startswith("map")
    assert row("likelihood", Layer(machine, map=1), fine).sentence == found.sentence


def test_a_machine_that_is_arranged_is_that_machine(small):
    machine = RBM(small.geometry, 4, seed=1)
    bare, placed = (
        row("likelihood", rule, small)
        for rule in (Layer(machine), [Layer(machine), ARRANGE])
    )
    assert not bare.is_missing
    assert bare.sentence == placed.sentence


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (lambda g: layers_of(DBN.dense(g, (64, 16))), "has a bound alone"),
        (lambda g: [Layer(RBM(g, 64)), Layer(RBM(64, 16))], "has a bound alone"),
        (
            lambda g: [Layer(RBM(g, 64)), ARRANGE, Majority(2)],
            "majority:b=2 comes after the machine",
        ),
        (
            lambda g: [Majority(2), Layer(RBM((8, 8), 16))],
            "the machine is one of what majority:b=2 puts out",
        ),
        (lambda g: Majority(2), "only a machine of this package"),
    ],
)
def test_what_is_more_than_a_machine_has_no_likelihood_of_a_machine(rule, reason, fine):
    found = row("likelihood", rule(fine.geometry), fine)
    assert found.is_missing
    assert reason in found.sentence


def test_a_step_above_majority_says_its_exponents(fine):
    pair = of_pair(fine, coarsen(Decimation(2), fine), seed=1)
    found = read("followed by majority", pair)
    for name in ("y_T", "y_H"):
        assert f"{name} = {found.readings[name]}" in found.sentence
    other = read("followed by majority", control("factorised", pair))
    assert not np.isfinite(other.readings["y_H"].value)
    assert "no y_H that these configurations can tell" in other.sentence
    assert "nan" not in other.sentence


@pytest.mark.parametrize(
    ("shape", "window"), [((64,), "5"), ((8, 8), "5×5"), ((6, 6, 6), "5×5×5")]
)
def test_the_sites_around_a_spin_are_those_of_its_lattice(shape, window, monkeypatch):
    given = [Estimate(np.array(x), {"a": np.array([x, x + 0.1])}, 2) for x in (1, 2, 3)]
    monkeypatch.setattr(module, "unexplained", lambda *_, **__: Unexplained(*given))
    spins = np.random.default_rng(1).choice([-1, 1], (4, 64, *(2 * L for L in shape)))
    found = row("unexplained", Decimation(2), Ensemble.from_values(spins))
    assert f"of what the {window} sites around a spin say" in found.sentence
    assert f"entropy given {window} sites (nats)" in found.readings


def test_the_temperature_of_the_coarse_lattice_has_one_name_for_every_size(fine):
    for b in (2, 4):
        readings = row("temperature", Majority(b), fine).readings
        side = f"{16 // b}×{16 // b}"
        for by in ("energy", "couplings"):
            assert readings[f"coarse T by {by}"] is readings[f"T by {by}, {side}"]


# What the package takes for a map, and for configurations.


def test_a_rule_can_be_named(fine):
    same = [
        probe(rule, fine, rows=("couplings",), controls=())
        for rule in ("majority:b=2", Majority(2), ["majority:b=2"])
    ]
    assert len({str(card) for card in same}) == 1
    both = compare(["majority:b=2", ["decimation:b=2", "majority:b=2"]], fine, rows=())
    assert [c.rule for c in both] == ["majority:b=2", "decimation:b=2 | majority:b=2"]
    assert [*portraits("majority:b=2", fine)] == ["this map"]
    sweep = Sweep((fine,))
    assert "majority:b=2" in probe_sweep("majority:b=2", sweep, rows=()).cards[0].rule
    with pytest.raises(ValueError, match="did you mean 'majority'"):
        probe("majorty:b=2", fine)
    with pytest.raises(ValueError, match="at least two maps, got 1"):
        compare("majority:b=2", fine)


def test_what_are_no_configurations_are_refused_in_a_sentence(fine):
    wrong: Any = "f16.nc"
    for call in (
        lambda: probe(Majority(2), wrong),
        lambda: probe_pair(fine, wrong),
        lambda: compare([Majority(2), Decimation(2)], wrong),
    ):
        with pytest.raises(ValueError, match=r"got 'f16.nc'; read a file with kadanof"):
            call()
    sweep: Any = Sweep((fine,))
    with pytest.raises(ValueError, match=r"give it to kadanoff.probe_sweep"):
        probe(Majority(2), sweep)
    with pytest.raises(ValueError, match=r"a sweep is needed, got 'f16.nc'"):
        probe_sweep(Majority(2), wrong)


def told(monkeypatch, rows: Any, **readings):
    """A card whose rows are made up: those of the map, and those of the block rule."""

    def made_up(name, subject):
        own = subject.name.startswith("block")
        known = readings["block"] if own else readings["here"]
        return Row(name, known.get(name, {}), "said")

    spins = np.random.default_rng(1).choice([-1, 1], (4, 4, 8, 8))
    monkeypatch.setattr(cards, "read", made_up)
    fine = Ensemble.from_values(spins)
    return probe("majority:b=2", fine, rows=rows, controls=("block",))


def about(value, error=0.01):
    return Estimate(np.array(value), {"a": value + np.array([-1, 1]) * error}, 9)


def test_quick_rows_and_others_by_their_names(monkeypatch):
    made = {"here": {}, "block": {}}
    found = told(monkeypatch, ("quick", "information"), **made)
    assert {r.name for r in found.rows} == {*QUICK, "information"}
    assert [r.name for r in told(monkeypatch, "quick", **made).rows] == [*QUICK]
    with pytest.raises(ValueError, match="or 'all' or 'quick', got 'mood'"):
        told(monkeypatch, ("quick", "mood"), **made)
    with pytest.raises(ValueError, match="got 'quick'"):
        probe("majority:b=2", *_spins(), controls="quick")


def _spins():
    return (Ensemble.from_values(np.ones((4, 4, 8, 8), dtype=np.int8)),)


def test_the_share_of_what_the_block_rule_keeps_is_said(monkeypatch):
    name, share = "I(H:E) (nats)", "share of what the block rule keeps"
    block = {"information": {name: about(0.4)}}
    here = {"information": {name: about(0.2)}}
    (row,) = told(monkeypatch, "information", here=here, block=block).rows
    assert float(row.readings[share].value) == 0.5
    assert f"said; that is {row.readings[share]} of what the block rule" in row.sentence
    here = {"information": {f"map {m}: {name}": about(0.1 * m) for m in (1, 2)}}
    (row,) = told(monkeypatch, "information", here=here, block=block).rows
    one, two = (row.readings[f"map {m}: {share}"] for m in (1, 2))
    assert (float(one.value), float(two.value)) == (0.25, 0.5)
    assert f"that is map 1: {one}, map 2: {two} of what" in row.sentence
    (row,) = told(monkeypatch, "information", here=here, block={}).rows
    assert row.sentence == "said"


def test_what_nobody_can_repeat_is_remarked_upon(fine):
    fresh = np.random.default_rng()

    def random(values):
        return fresh.choice([-1.0, 1.0], values[:, ::2, ::2].shape)

    found = probe(as_rule(random), fine, rows=("couplings",), controls=())
    assert "nobody can repeat" in found.remark
    kept = probe(as_rule(_mean_of_all), fine, rows=("couplings",), controls=())
    assert "repeat" not in kept.remark


def test_maps_that_read_fewer_configurations_are_counted(fine):
    """The dense machine leaves a quarter of the chains for its arrangement."""
    rules = [Majority(2), Layer(RBM(fine.geometry, 64, seed=1))]
    sheet = of_comparison(compare(rules, fine, rows=("couplings",)))
    assert sheet.lead.startswith("Read on 1536 to 2048 configurations. ")
    same = of_comparison(compare([rules[0]] * 2, fine, rows=("couplings",)))
    assert same.lead.startswith("Read on 2048 configurations. ")


# What rows without a column of their own separate.


def alone(machine, ensemble) -> Subject:
    """A machine whose units are not put on a grid."""
    rule = Layer(machine)
    levels = (ensemble, coarsen(rule, ensemble))
    return Subject(str(rule), levels, Stack((rule,)), seed=1)


def test_the_likelihood_tells_an_untrained_machine_from_the_true_one(small):
    """ln Z of 4×4 is exact, and so is KL = 0 of the machine of one unit per bond."""
    kl = {
        name: read("likelihood", alone(machine, small)).readings["KL per site (nats)"]
        for name, machine in (
            ("true", bond_machine(Ising((4, 4)), K_C)),
            ("untrained", RBM(small.geometry, 16, seed=1)),
        )
    }
    assert abs(float(kl["true"].value)) < 1e-12
    assert float(kl["untrained"].value) > 5 * float(kl["untrained"].error)
    assert float(kl["untrained"].value) > 0.3


def test_feature_maps_are_read_one_by_one_but_for_rows_of_the_whole(fine):
    kernels = np.array([[[1, 1], [1, 1]], [[1, 1], [1, 0.2]]]) / 4
    rule = Convolution(kernels, b=2, output="sign")
    card = probe(rule, fine, rows=("covariance", "couplings"), controls=())
    text = str(compare([rule, Majority(2)], fine, rows=("covariance", "couplings")))
    names = [line.split("  ")[0] for line in text.splitlines()]
    assert names[1:] == [card.rule, "", "", "majority:b=2"]
    for m in (0, 1):
        assert str(card["couplings"].readings[f"map {m}: K nn"]) in text
