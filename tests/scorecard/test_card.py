"""The scorecard tells maps apart, on chains that fitted nothing."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import ARRANGE
from kadanoff.coarse.handed_over import as_rule
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import chain_range, share_chains
from kadanoff.exact.constants import K_C, Y_H, Y_T
from kadanoff.foreign import open_foreign
from kadanoff.geometry import Unordered
from kadanoff.models.ising import Ising
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.samplers.run import sample
from kadanoff.scorecard.card import Scorecard, compare, probe, probe_pair, probe_sweep
from kadanoff.scorecard.controls import CONTROLS, control
from kadanoff.scorecard.rows import QUICK, ROWS, Row, read
from kadanoff.scorecard.subject import of_rule
from kadanoff.sweep import Sweep


@pytest.fixture(scope="module")
def critical() -> Ensemble:
    return sample(Ising((32, 32)), coupling=K_C, draws=6144, chains=512, seed=3)


@pytest.fixture(scope="module")
def card(critical) -> Scorecard:
    """Majority beside all of its controls."""
    return probe(Majority(b=2), critical, seed=1, rows=QUICK)


def alone(rule, ensemble, *rows, seed=1):
    """Some rows of one map, without controls."""
    return probe(rule, ensemble, seed=seed, rows=rows, controls=())


def test_majority_reads_as_a_renormalization(card):
    """Both exponents within three reported errors, about 0.03 and 0.006 here."""
    readings = card["exponents"].readings
    for name, exact in (("y_T", Y_T), ("y_H", Y_H)):
        (error,) = (v for k, v in readings.items() if k.startswith(f"{name} error"))
        assert abs(float(readings[name].value) - exact) < 3 * error
        assert error < 0.1


def reading(card: Scorecard, control: str, row: str, name: str) -> Any:
    rows = {r.name: r for r in card.controls[control]}
    return rows[row].readings.get(name)


SEPARATES = {
    ("locality", "direct width (sites)"): ("non-local", "shuffled", "noise"),
    ("locality", "direct reach (sites)"): ("non-local", "shuffled"),
    ("covariance", "shift"): ("non-local", "untrained", "shuffled", "noise"),
    ("couplings", "K nn"): (
        "zero-sum",
        "non-local",
        "untrained",
        "shuffled",
        "noise",
    ),
    ("temperature", "coarse T by couplings"): (
        "zero-sum",
        "non-local",
        "untrained",
        "shuffled",
        "noise",
    ),
    ("scaling", "slope of the ratio"): ("non-local", "shuffled"),
    ("scaling", "G_coarse/G_fine at r = 2"): ("zero-sum", "untrained", "noise"),
}
"""Which controls a reading of majority tells from it, by five errors of the difference
on 6144 configurations of 32×32: each such test has a level of 6e-7."""


def apart(here: Any, there: Any) -> bool:
    """Whether readings differ by five errors.

    The untrained machine is read on fewer chains; its error counts as its own.
    """
    error = np.hypot(here.error, there.error) + 1e-9  # the same reach has none
    return abs(here.value - there.value) > 5 * error


@pytest.mark.parametrize("row", SEPARATES)
def test_each_row_separates_its_controls(card, row):
    here = card[row[0]].readings[row[1]]
    for name in SEPARATES[row]:
        assert apart(here, reading(card, name, *row)), name


SAME = {
    ("locality", "direct reach (sites)"): ("positive", "zero-sum", "noise"),
    ("covariance", "shift"): ("positive", "zero-sum"),
    ("couplings", "K nn"): ("positive", "factorised"),
    ("temperature", "coarse T by couplings"): ("positive", "factorised"),
    ("scaling", "slope of the ratio"): ("positive", "factorised"),
}
"""What they do not tell from majority, by the same five errors."""


@pytest.mark.parametrize("row", SAME)
def test_each_row_lets_pass_what_has_no_fault_that_it_sees(card, row):
    here = card[row[0]].readings[row[1]]
    for name in SAME[row]:
        assert not apart(here, reading(card, name, *row)), name


@pytest.mark.parametrize("name", ["untrained", "factorised"])
def test_what_listens_nowhere_has_no_direct_response(card, name):
    assert reading(card, name, "locality", "direct width (sites)") is None
    assert card["locality"].readings["direct width (sites)"] is not None


def test_a_factorised_map_is_no_map_to_be_moved(card):
    (row,) = (r for r in card.controls["factorised"] if r.name == "covariance")
    assert row.is_missing


def test_followed_by_majority_separates_all_but_positive_weights(critical):
    """y_H of one step between majority blocks: by eight errors and more."""
    stepwise = of_rule(Majority(b=2), critical, seed=1)
    here = replace(stepwise, levels=stepwise.levels[:2])
    y_h = read("followed by majority", here).readings["y_H"]
    assert abs(float(y_h.value) - Y_H) < 5 * float(y_h.error)

    def there(name):
        return read("followed by majority", control(name, here)).readings["y_H"]

    for name in ("non-local", "untrained", "factorised", "shuffled", "noise"):
        assert apart(y_h, there(name)), name
    assert not np.isfinite(there("zero-sum").error)
    assert not apart(y_h, there("positive"))


def test_coverage_separates_an_untrained_machine_from_one_of_blocks(card, critical):
    """Both are dense: the second has the weights of the block rule, hidden from it."""
    machine = RBM(critical.geometry, 256, seed=1)
    x, y = np.divmod(np.arange(1024), 32)
    machine.W.data.zero_()
    machine.W.data[np.arange(1024), x // 2 * 16 + y // 2] = 1.0
    found = alone(Layer(machine), critical, "coverage")
    name = "arranging cost (sites)"
    costs = (
        found["coverage"].readings[name],
        reading(card, "untrained", "coverage", name),
    )
    assert apart(*costs)
    assert costs[0].value < costs[1].value


TRAINING = {
    ("unexplained", "share"): ("non-local", "untrained", "shuffled", "noise"),
    ("temperature by classifier", "T by classifier"): ("noise",),
    ("temperature by classifier", "less T by energy"): (
        "non-local",
        "shuffled",
        "noise",
    ),
    ("information", "I(H:E) (nats)"): ("zero-sum", "untrained", "factorised", "noise"),
    ("information", "I(H:own block and buffer) (nats)"): ("non-local", "shuffled"),
}
"""The same of the rows that train: they are read here of every control."""
BEYOND = {("temperature by classifier", "T by classifier"): ("zero-sum", "untrained")}
"""Controls of which the row has no reading, where majority has one."""


@pytest.mark.slow
@pytest.mark.parametrize("row", ["unexplained", "temperature by classifier"])
def test_rows_that_train_separate_their_controls(critical, row):
    separated(critical, row, [*CONTROLS])


@pytest.mark.slow
def test_information_separates_what_forgets_and_what_reads_elsewhere(critical):
    row = "information"
    found = separated(critical, row, [*CONTROLS])
    for name, elsewhere in (
        ("positive", False),
        ("noise", False),
        ("non-local", True),
        ("shuffled", True),
    ):
        beyond, own = (found[name].readings[n] for of, n in TRAINING if of == row)
        assert elsewhere == (float((beyond - own).value) > 5 * (beyond - own).error)


def separated(critical, row, names) -> dict[str, Row]:
    """A row of majority and of its controls, after what it must tell apart."""
    subject = of_rule(Majority(b=2), critical, seed=1)
    found = {name: read(row, control(name, subject)) for name in names}
    here = read(row, subject).readings
    for (of, name), others in TRAINING.items():
        for other in others if of == row else ():
            assert apart(here[name], found[other].readings[name]), (name, other)
        for other in ("block", "positive") if of == row else ():
            same = not apart(here[name], found[other].readings[name])
            assert same or "own block" in name, (name, other)
    for (of, name), others in BEYOND.items():
        for other in others if of == row else ():
            assert np.isfinite(here[name].value)
            assert np.isnan(found[other].readings[name].value), other
    return found


def test_exponents_separate_what_has_none(card):
    """And pass random positive local weights, by universality: within five errors."""
    for name in ("zero-sum", "non-local", "factorised", "shuffled", "untrained"):
        (row,) = (r for r in card.controls[name] if r.name == "exponents")
        assert "shows no fixed point" in row.sentence, name
    for name in ("y_T", "y_H"):
        here = card["exponents"].readings[name]
        gap = here - reading(card, "positive", "exponents", name)
        assert abs(gap.value) < 5 * gap.error + 0.005
    noisy = (
        reading(card, "noise", "exponents", "y_H") - card["exponents"].readings["y_H"]
    )
    assert noisy.value > 5 * noisy.error


def test_a_factorised_coarse_lattice_responds_to_nothing(card):
    (row,) = (r for r in card.controls["factorised"] if r.name == "locality")
    assert row.readings["responding"] < 0.01


def test_the_block_rule_is_majority_on_the_same_chains(card, critical):
    """Another draw of the coins: the difference is within five of its errors."""
    for row, name in (("exponents", "y_H"), ("couplings", "K nn")):
        gap = card[row].readings[name] - reading(card, "block", row, name)
        assert abs(gap.value) < 5 * gap.error


def test_a_pair_of_files_reads_its_controls_too(critical):
    """All but the two that apply the map."""
    found = probe_pair(critical, coarsen(Majority(b=2), critical), rows=("exponents",))
    assert set(found.controls) == set(CONTROLS) - {"shuffled", "noise"}
    covariance = probe_pair(
        critical, coarsen(Majority(b=2), critical), rows=("covariance",), controls=()
    )["covariance"]
    assert covariance.is_missing
    assert "takes the map itself" in covariance.sentence


@pytest.mark.slow
def test_rows_that_train_are_read_of_the_map_and_of_the_block_rule(critical):
    names = ("unexplained", "temperature by classifier", "information")
    found = probe(Decimation(b=2), critical, rows=names, controls=("block", "positive"))
    assert not any(found[name].is_missing for name in names)
    assert [len(found.controls[name]) for name in ("block", "positive")] == [3, 0]
    share = found["information"].readings["share of what the block rule keeps"]
    assert f"{share} of what the block rule keeps" in found["information"].sentence
    assert abs(float(share.value) - 0.826) < 4 * float(share.error) + 0.01
    assert share.error < 0.01


def test_real_values_have_no_temperature_and_no_couplings(critical):
    found = alone(Average(b=2), critical, "temperature", "couplings")
    assert "no temperature" in found["temperature"].sentence
    assert found["couplings"].is_missing


def test_images_are_read_and_their_law_is_said_to_be_unknown():
    """Handwritten digits, 8×8, black and white; majority keeps their shifts."""
    loaded: Any = load_digits()
    images = loaded.images
    digits = open_foreign(np.where(images > 7.5, 1, -1).astype(np.int8))
    found = alone(Majority(b=2), digits, *QUICK)
    assert "law of these configurations is not known" in found.remark
    for name in ("locality", "covariance", "couplings", "temperature", "scaling"):
        assert not found[name].is_missing
    assert "likelihood" not in {row.name for row in found.rows}
    unknown = alone(Layer(RBM(digits.geometry, 16, seed=1)), digits, "likelihood")
    assert unknown["likelihood"].is_missing


def test_a_function_of_arrays_is_a_map(critical):
    """The first spin of each block, as NumPy slices: decimation, bit for bit."""

    def first(values):
        return values[:, ::2, ::2]

    found = alone(first, critical, "couplings", "exponents")
    same = alone(Decimation(b=2), critical, "couplings", "exponents")
    for name in ("couplings", "exponents"):
        assert found[name].sentence == same[name].sentence


def test_a_torch_module_is_a_map(critical):
    """Pooling of floats, real values: the mean of each block."""
    pool = torch.nn.AvgPool2d(2)
    found = alone(as_rule(pool, output="mean"), critical, "scaling")
    same = alone(Average(b=2), critical, "scaling")
    name = "G_coarse/G_fine at r = 2"
    here, there = (card["scaling"].readings[name].value for card in (found, same))
    assert abs(here - there) < 1e-6


def test_a_module_is_not_applied_to_values_it_was_not_made_for(critical):
    """Spins to real values: one step. A vote of spins is applied again."""
    pool = as_rule(torch.nn.AvgPool2d(2), output="mean")
    found = alone(pool, critical, "followed by majority", "exponents")
    assert not found["followed by majority"].is_missing
    again = alone(lambda v: v[:, ::2, ::2], critical, "followed by majority")
    assert again["followed by majority"].is_missing


def test_a_bias_of_real_values_changes_neither_ratio_nor_exponents(critical):
    def mean(values, shift=0.0):
        return shift + values.reshape(-1, 16, 2, 16, 2).mean(axis=(2, 4))

    plain, biased = (
        alone(
            as_rule(lambda v, s=s: mean(v, s), output="mean"),
            critical,
            "scaling",
            "followed by majority",
        )
        for s in (0.0, 3.0)
    )
    for row, name in (
        ("scaling", "slope of the ratio"),
        ("followed by majority", "y_H"),
    ):
        here, there = (c[row].readings[name] for c in (plain, biased))
        assert abs(here.value - there.value) < 0.1 * here.error


def test_shifts_are_read_of_blocks_of_any_side(critical):
    for b in (2, 4, 8):
        value = alone(Majority(b=b), critical, "covariance")["covariance"]
        assert abs(value.readings["shift"].value - 1) < 0.05


def test_a_map_of_constants_has_no_covariance(critical):
    found = alone(lambda v: np.ones_like(v[:, ::2, ::2]), critical, "covariance")
    assert np.isnan(found["covariance"].readings["shift"].value)


def test_one_map_at_several_temperatures(critical):
    """Each card says where it was read; the coarse coupling grows with K."""
    couplings = (0.30, 0.36, 0.42)
    model = Ising((16, 16))
    sweep = Sweep(
        tuple(sample(model, coupling=k, draws=2048, seed=1) for k in couplings)
    )
    found = probe_sweep(Majority(b=2), sweep, rows=("couplings",))
    assert [card.rule.split(" at ")[1] for card in found] == [
        f"K = {k:g}" for k in couplings
    ]
    values = [card["couplings"].readings["K nn"] for card in found]
    low, _, high = values
    assert high.value - low.value > 5 * np.hypot(low.error, high.error)


def test_a_dense_layer_is_arranged_on_chains_that_are_not_read(critical):
    network = RBM(critical.geometry, hidden=256, seed=1)
    found = alone(Layer(network), critical, "coverage", "exponents", seed=2)
    assert found.rule.endswith("arrange")
    assert found.configurations == critical.size * 3 // 4
    cost = found["coverage"].readings["arranging cost (sites)"]
    assert cost.value > 0
    (fitted_on,) = (name.removeprefix("units of ") for name in cost.replicates)
    (read_on,) = found["exponents"].readings["y_H"].replicates
    assert chain_range(fitted_on)[0] == chain_range(read_on)[0]
    assert not share_chains(fitted_on, read_on)
    named = alone([Layer(network), ARRANGE], critical, "coverage", "exponents", seed=2)
    assert str(named) == str(found)
    assert "shows no fixed point" in found["exponents"].sentence


def test_a_map_is_applied_until_side_eight(card):
    sides = {
        name.split(", ")[1]
        for name in card["temperature"].readings
        if name.startswith("T by")
    }
    assert sides == {"32×32", "16×16", "8×8"}


def test_pairs_that_do_not_belong_together_are_refused(critical):
    coarse = coarsen(Majority(b=2), critical)
    with pytest.raises(ValueError, match="same chains and draws"):
        probe_pair(critical, coarse.select(slice(0, 100)))
    units = Ensemble.from_values(
        coarse.values.reshape(coarse.chains, coarse.draws, 256), Unordered(256)
    )
    with pytest.raises(ValueError, match="unordered"):
        probe_pair(critical, units)


def test_the_card_prints_every_row_with_errors_and_its_controls(card):
    text = str(card)
    for name in QUICK:
        assert f"\n{name}: " in text
    for name in card.controls:
        assert f"\n{name} " in text
    assert "y_T" in text


def test_several_maps_stand_side_by_side(critical):
    found = compare(
        [Majority(b=2), Decimation(b=2)], critical, rows=("couplings", "exponents")
    )
    assert [c.rule for c in found] == ["majority:b=2", "decimation:b=2"]
    lines = str(found).splitlines()
    assert lines[0].split()[:2] == ["K", "nn"]
    assert lines[2].startswith("decimation:b=2")
    with pytest.raises(ValueError, match="at least two maps, got 1"):
        compare([Majority(b=2)], critical)


def test_a_one_step_map_is_shown_under_majority_and_never_called_converged(critical):
    found = probe_pair(
        critical,
        coarsen(Decimation(b=2), critical),
        rows=("exponents", "followed by majority"),
        controls=(),
    )
    assert "converged over" not in found["exponents"].sentence
    assert set(found["followed by majority"].readings) == {"y_T", "y_H"}


@dataclass(frozen=True)
class Same:
    """The lattice as it is."""

    features: None = None

    def coarse(self, fine):
        return fine

    def alphabet(self, fine):
        return fine

    def __call__(self, spins, fine, *, rng):
        return spins


def test_a_rule_that_changes_nothing_has_no_exponents(critical):
    row = alone(Same(), critical, "exponents")["exponents"]
    assert row.is_missing
    assert "b > 1" in row.sentence


def test_a_rule_that_fits_only_once_is_read_once(critical):
    found = alone([Majority(b=2), Average(b=2)], critical, "temperature")
    assert found["temperature"].sentence.startswith("real values")


def test_files_of_different_runs_are_no_pair(critical):
    other = sample(Ising((32, 32)), coupling=0.4, draws=6144, chains=512, seed=4)
    with pytest.raises(ValueError, match="same chains in both"):
        probe_pair(critical, coarsen(Majority(b=2), other))


def test_a_network_read_on_its_training_chains_says_so(critical):
    settings = Training(epochs=1)
    train_on, read = critical.split(2)
    network = train(RBM(critical.geometry, 256), train_on, settings=settings, seed=1)
    told = alone(Layer(network), critical, "coverage")
    assert "trained on some of the chains" in told.remark
    assert alone(Layer(network), read, "coverage").remark == ""


def test_a_level_without_a_thermometer_leaves_the_other_rows(critical):
    found = alone(Majority(b=32), critical, "temperature", "locality")
    names = found["temperature"].readings
    assert {n.split(", ")[1] for n in names} == {"32×32"}
    assert not found["locality"].is_missing


@pytest.mark.parametrize("wrong", [{"rows": ("mood",)}, {"controls": "mood"}])
def test_unknown_rows_and_controls_are_named(critical, wrong):
    with pytest.raises(ValueError, match=r"of a scorecard are .* got 'mood'"):
        probe(Majority(b=2), critical, **wrong)


def test_one_long_chain_is_enough(critical):
    values = critical.values.reshape(1, -1, 32, 32)[:, :2048]
    foreign = Ensemble.from_values(np.ascontiguousarray(values))
    found = alone(Majority(b=2), foreign, *QUICK)
    assert set(ROWS) >= {row.name for row in found.rows}
    assert not found["couplings"].is_missing
