"""The thermometer's losses against exact information, its readings against the truth.

Statistical tests are at five errors (level 6e-7 each, fixed seed).
"""

import math

import numpy as np
import pytest

from kadanoff.estimate import Estimate
from kadanoff.exact import kaufman
from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020 import fig_3
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.fig_3 import (
    checks,
    inputs,
    near_zero,
    of_no_temperature,
    scores,
    what_is_lost,
)
from kadanoff.experiments.demellokoch2020.fig_3.inputs import (
    AVERAGE,
    CRITICAL,
    FITTING,
    MIXTURE,
    SHUFFLED,
)
from kadanoff.experiments.demellokoch2020.fig_3.scores import (
    bayes_law,
    mean_over_trainings,
)
from kadanoff.experiments.demellokoch2020.fig_3.verdicts import (
    best_epoch,
    over_trainings,
)
from kadanoff.experiments.exhibit import Status, Work

SIGMAS = 5


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return fig_3.compute(fig_3.FAST, work)


def within(dataset, name, truth, **where):
    one = dataset.sel(**where)
    return abs(float(one[name]) - truth) < SIGMAS * float(one[f"{name}_error"])


def test_the_laws_have_the_exact_energies():
    law, energies = bayes_law(), np.arange(-200, 201, 4) / 100
    np.testing.assert_allclose(law.sum(axis=1), 1, atol=1e-12)
    exact = [kaufman.torus((10, 10), 1 / t).energy for t in TEMPERATURES[5:]]
    np.testing.assert_allclose((law @ energies)[5:], exact, atol=1e-12)
    assert (law[0] @ energies) == -2


def test_the_floor_is_what_the_energy_leaves_of_ln_60(dataset):
    """H(T|E) = H(T) + H(E|T) - H(E), summed in another order."""

    def entropy(p):
        return -(p[p > 0] * np.log(p[p > 0])).sum()

    law = bayes_law()
    known = np.mean([entropy(row) for row in law])
    floor = math.log(60) + known - entropy(law.mean(axis=0))
    assert float(dataset.floor) == pytest.approx(floor, abs=1e-12)
    assert float(dataset.accuracy_floor) == pytest.approx(
        float(np.trace(dataset.confusion_bayes)) / 60, abs=1e-12
    )


def test_the_exact_reading_of_the_data_reaches_the_floor_and_is_reliable(dataset):
    assert within(dataset, "loss_bayes", float(dataset.floor))
    assert within(dataset, "accuracy_bayes", float(dataset.accuracy_floor))
    assert within(dataset, "boldness_bayes", 0)
    assert float(dataset.loss_bayes_error) < 0.05


def test_nothing_reads_better_than_the_energy(dataset):
    """The data are enough to see that |M| alone, and the network, lose more."""
    for excess in ("excess", "excess_size"):
        low = float(dataset[excess]) - SIGMAS * float(dataset[f"{excess}_error"])
        assert low > 0
    assert (dataset.validation_loss.isel(epoch=-1) > dataset.floor).all()


def test_the_network_learns_from_its_input(dataset):
    """One that did not look at it would lose ln 60 in the mean, or more."""
    least = dataset.validation_loss.min("epoch")
    assert (least < math.log(60) - 0.2).all()
    assert (dataset.validation_loss.isel(epoch=0) > math.log(60)).all()


def test_ways_that_know_energy_or_magnetization_alone_have_weights_one_and_zero():
    rng = np.random.default_rng(1)
    raw = rng.random((2, 3, 12, 5, 60))
    energies, sizes = raw / raw.sum(axis=-1, keepdims=True)
    own = scores.weights(energies, energies, sizes).value
    other = scores.weights(0.25 * energies + 0.5 * sizes, energies, sizes).value
    np.testing.assert_allclose(own, [1, 0], atol=1e-9)
    np.testing.assert_allclose(other, [0.25, 0.5], atol=1e-9)


def test_bins_of_probability_by_hand():
    q = np.full((60, 2, 1, 60), 0.7 / 59)
    q[..., 3] = 0.3  # says label 3 with 0.3, whatever the label
    predicted, seen = scores.in_bins(q)
    low, high = np.searchsorted(scores.EDGES, [0.7 / 59, 0.3], side="right") - 1
    assert predicted.value[[low, high]] == pytest.approx([0.7 / 59, 0.3])
    assert seen.value[[low, high]] == pytest.approx([1 / 60, 1 / 60])
    assert np.isnan(np.delete(seen.value, [low, high])).all()


def test_magnets_have_one_temperature_by_energy_and_coupling(dataset):
    for name, t in (("Ising at T = 1.8", 1.8), (CRITICAL, T_C), ("Ising at T = 3", 3)):
        assert within(dataset, "by_energy", t, input=name)
        assert within(dataset, "by_coupling", t, input=name)
        assert within(dataset, "spread", 0, input=name)


def test_controls_have_the_critical_energy_and_not_its_coupling(dataset):
    for name in (FITTING, MIXTURE):
        assert within(dataset, "by_energy", T_C, input=name)
        assert not within(dataset, "spread", 0, input=name)
    assert not np.isfinite(dataset.by_energy.sel(input="average of 20×20"))


def test_the_fitting_mean_field_by_its_moments():
    """Energy of all pairs alike, from the law of M itself."""
    k = inputs.fitting_coupling()
    m = np.arange(-100, 101, 2)
    binomial = [math.comb(100, (100 + x) // 2) * math.exp(k * x * x / 200) for x in m]
    alike = np.average((m**2 - 100) / (100 * 99), weights=np.array(binomial))
    assert -2 * alike == pytest.approx(kaufman.torus((10, 10), K_C).energy, rel=1e-9)


def test_the_mean_over_trainings_holds_both_errors():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=20)
    left = (rows.sum() - rows) / 19
    same = [Estimate(rows.mean() + a, {"v": left + a}, 20) for a in (0.0, 1.0, 2.0)]
    mean = mean_over_trainings(same)
    assert float(mean.value) == pytest.approx(rows.mean() + 1)
    expected = math.hypot(rows.std(ddof=1) / math.sqrt(20), 1 / math.sqrt(3))
    assert float(mean.error) == pytest.approx(expected)
    assert math.isnan(mean_over_trainings(same[:1]).error)


def test_labels_are_named_once(dataset):
    for name in ("confusion", "confusion_bayes"):
        np.testing.assert_allclose(dataset[name].sum("read"), 1, atol=1e-9)


def status(dataset, number):
    return checks(dataset)[number].status


def test_a_loss_far_from_zero_is_not_near_it_and_one_that_is_would_be(dataset):
    assert status(dataset, 0) is Status.NOT
    assert near_zero(dataset) is False
    assert status(dataset.assign(loss=0.01, loss_error=0.001), 0) is Status.REPRODUCED
    assert status(dataset.assign(loss=0.1, loss_error=0.01), 0) is Status.OPEN
    assert status(dataset.assign(loss_error=math.nan), 0) is Status.OPEN
    lost = what_is_lost(dataset)
    assert lost.floor < lost.loss < math.log(60) + 1


def test_learning_is_judged_by_the_exact_reading_and_by_the_table(dataset):
    best = dataset.assign(excess=0.01, excess_error=0.01)
    noisy = dataset.assign(excess=0.01, excess_error=0.05)
    half = dataset.assign(network_less_size=-0.1, network_less_size_error=0.01)
    worse = dataset.assign(network_less_size=0.1, network_less_size_error=0.01)
    vague = dataset.assign(network_less_size=0.1, network_less_size_error=0.1)
    found = [status(d, 1) for d in (best, noisy, half, worse, vague)]
    assert found == [
        Status.REPRODUCED, Status.OPEN, Status.PARTLY, Status.NOT, Status.OPEN
    ]  # fmt: skip


def test_probabilities_are_judged_by_how_often_they_are_right(dataset):
    bold = dataset.assign(boldness=0.2, boldness_error=0.01)
    fair = dataset.assign(boldness=0.001, boldness_error=0.005)
    few = dataset.assign(boldness=0.001, boldness_error=0.05)
    found = [status(d, 2) for d in (bold, fair, few)]
    assert found == [Status.NOT, Status.REPRODUCED, Status.OPEN]


def test_readings_are_judged_by_the_exact_reading(dataset):
    """Which is not the truth: a network that has the truth is elsewhere."""
    sharp = dataset.assign(network_error=dataset.network_error * 0 + 1e-4)
    right = sharp.assign(network=dataset.best.fillna(2.0))
    assert status(right, 3) is Status.REPRODUCED
    assert status(right.assign(network=right.network + 0.5), 3) is Status.NOT
    truth = sharp.assign(network=dataset.truth.fillna(2.0))
    assert status(truth, 3) is Status.PARTLY
    noisy = right.assign(network_error=dataset.network_error * 0 + 0.1)
    assert status(noisy, 3) is Status.OPEN


def test_a_network_that_doubts_what_has_no_temperature_would_be_some_use(dataset):
    sharp = dataset.assign(doubt_error=dataset.doubt_error * 0 + 0.01)
    usual = float(dataset.doubt.where(np.isfinite(dataset.truth)).max())
    known = {n: [0, 0, 1] for n in (MIXTURE, SHUFFLED, AVERAGE)} | {FITTING: [0, 1, 1]}
    made = sharp
    for k, found in enumerate((Status.NOT, Status.PARTLY, Status.REPRODUCED)):
        doubt = dataset.doubt.copy()
        for name, more in known.items():
            doubt.loc[{"input": name}] = usual + more[k]
        made = sharp.assign(doubt=doubt)
        assert status(made, 4) is found
        noisy = made.assign(doubt_error=made.doubt_error * 0 + 1)
        assert status(noisy, 4) is Status.OPEN
        # Configurations whose two thermometers agree may have a temperature.
        agreed = of_no_temperature(made.assign(spread=made.spread * 0))
        assert [one.doubts for one in agreed[:3]] == [None] * 3
        assert status(made.assign(spread=made.spread.fillna(0) * 0), 4) is Status.OPEN
    assert [one.doubts for one in of_no_temperature(made)] == [True] * 4


def test_doubt_that_some_magnet_has_too_is_no_sign(dataset):
    """Above the magnet at T_c by far, and still no more than that of a hot one."""
    doubt = dataset.doubt.copy()
    magnets = np.isfinite(dataset.truth.values)
    doubt.values[:] = 1.0
    doubt.values[~magnets] = 2.0
    low = dataset.assign(doubt=doubt, doubt_error=dataset.doubt_error * 0 + 0.01)
    assert status(low, 4) is Status.REPRODUCED
    for name in ("Ising at T = 1.8", CRITICAL, "Ising at T = 3"):
        one = doubt.copy()
        one.loc[{"input": name}] = 1.95
        assert status(low.assign(doubt=one), 4) is Status.NOT
        one.loc[{"input": name}] = 1.9
        assert status(low.assign(doubt=one), 4) is Status.OPEN


def test_block_averages_have_no_temperature_whatever_they_are_named(dataset):
    (one,) = (x for x in of_no_temperature(dataset) if x.input == AVERAGE)
    assert math.isnan(one.apart)
    assert math.isfinite(one.named)
    assert "neither energy nor coupling is defined" in checks(dataset)[4].ours
    assert "nan" not in checks(dataset)[4].ours


def test_losses_have_the_spread_of_the_trainings(dataset):
    least = dataset.validation_loss.min("epoch").values
    best, error, epoch = best_epoch(dataset)
    assert best == pytest.approx(least.mean())
    assert error == pytest.approx(abs(least[0] - least[1]) / 2)  # of two
    assert dataset.epoch.min() <= epoch <= dataset.epoch.max()
    mean, _ = over_trainings(dataset.training_loss.isel(epoch=-1))
    assert mean == pytest.approx(float(dataset.training_end))
    assert math.isnan(over_trainings(dataset.training_loss[:1, -1])[1])


def test_the_page_has_a_picture_for_each_part(dataset):
    sections = fig_3.draw(dataset)
    assert len(sections) == 3
    assert all(str(s.picture).startswith("data:image/svg") for s in sections)
    assert "reconstructed" in sections[0].remarks[0]
    assert "refuses" in {cell for row in sections[2].tables[0].rows for cell in row}
