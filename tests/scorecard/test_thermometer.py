"""The classifier thermometer: Ising reads its own temperature, other laws do not."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import share_chains
from kadanoff.exact.constants import K_C
from kadanoff.geometry import Unordered
from kadanoff.instruments.thermometer import temperatures
from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample
from kadanoff.scorecard import thermometer
from kadanoff.scorecard.thermometer import (
    ClassifierThermometer,
    calibrated,
    classifier_reading,
    classifier_temperature,
)

SHAPE = (8, 8)
COUPLINGS = (0.32, 0.36, 0.4, 0.44, 0.48, 0.53, 0.6)


def ising(coupling, seed, *, shape=SHAPE, draws=4096):
    return sample(
        Ising(shape), coupling=coupling, draws=draws, chains=64, seed=seed, workers=1
    )


@pytest.fixture(scope="module")
def read() -> ClassifierThermometer:
    """The smallest one: 4096 configurations at each of seven couplings."""
    return calibrated(SHAPE, COUPLINGS, seed=1, draws=4096)


@pytest.mark.parametrize("k", [0.34, 0.38, 0.42, 0.46, 0.505, 0.565])
def test_ising_between_the_couplings_learned_reads_its_own_temperature(read, k):
    """Fresh chains, two-sided at 4.5 σ each (7e-6), where σ/T is below 0.7 %."""
    t = read.temperature(ising(k, seed=round(1000 * k)))
    assert abs(float(t.value) - 1 / k) < 4.5 * float(t.error)
    assert float(t.error) < 0.007 / k


def test_ising_at_a_coupling_learned_reads_its_own_temperature(read):
    t = read.temperature(ising(0.44, seed=77))
    assert abs(float(t.value) - 1 / 0.44) < 4.5 * float(t.error)


def test_a_temperature_off_by_a_thirtieth_is_seen(read):
    t = read.temperature(ising(0.44 * 1.035, seed=78))
    assert abs(float(t.value) - 1 / 0.44) > 4.5 * float(t.error)


def test_the_curve_is_of_chains_that_training_never_saw(read):
    learned = read.network.notes["lineages"]
    for lineage, point in zip(learned, read.curve, strict=True):
        (other,) = point.replicates
        assert other.partition("[")[0] == lineage.partition("[")[0]
        assert not share_chains(lineage, other)


def test_the_mean_coupling_alone_is_no_temperature(read):
    """What the calibration is for: guesses lean to the middle of the range."""
    for k in (0.34, 0.565):
        raw = read.mean_coupling(ising(k, seed=round(1000 * k)))
        inwards = (float(raw.value) - k) * np.sign(0.45 - k)
        assert inwards > 4.5 * float(raw.error)


def test_the_error_is_that_of_the_level_and_of_the_curve(read):
    """Errors of independent chains add in squares; the curve's do not shrink."""
    few, many = (ising(0.42, seed=5, draws=n) for n in (1024, 32768))
    for level in (few, many):
        t = read.temperature(level)
        assert set(t.replicates) == {
            level.lineage,
            *(name for point in read.curve for name in point.replicates),
        }
    alone = replace(
        read, curve=tuple(replace(point, replicates={}) for point in read.curve)
    )
    whole, own = (float(r.temperature(many).error) for r in (read, alone))
    assert 0 < own < 0.6 * whole
    assert float(alone.temperature(few).error) > 3.5 * own


def test_its_error_covers_the_truth(read):
    """Thirty readings against the same curve: their spread is the level's own error.

    χ² of 29 degrees of freedom, two-sided at 1e-4: 8.2 to 68.4.
    """
    curve = tuple(replace(point, replicates={}) for point in read.curve)
    own = replace(read, curve=curve)
    found = [own.temperature(ising(0.42, seed=200 + s, draws=1024)) for s in range(30)]
    values = np.array([float(t.value) for t in found])
    error = np.sqrt(np.mean([float(t.error) ** 2 for t in found]))
    chi = ((values - values.mean()) ** 2).sum() / error**2
    assert 8.2 < chi < 68.4


@pytest.mark.parametrize(
    ("k", "word"), [(0.0, "hotter"), (0.2, "hotter"), (0.9, "colder")]
)
def test_beyond_the_range_there_is_no_reading(read, k, word):
    level = ising(k, seed=9, draws=1024)
    assert read.beyond(level) == word
    assert np.isnan(read.temperature(level).value)
    assert read.beyond(ising(0.44, seed=9, draws=1024)) == ""


def test_a_seed_makes_the_thermometer():
    def reading(seed):
        found = calibrated((4, 4), (0.2, 0.6), seed=seed, draws=1024)
        return float(found.temperature(level).value)

    level = ising(0.35, seed=3, shape=(4, 4), draws=256)
    assert reading(1) == reading(1) != reading(2)


def test_couplings_that_nothing_tells_apart_make_no_thermometer():
    """Eight within 1e-5: noise puts them in order once in 8! = 40 320 times."""
    with pytest.raises(ValueError, match="does not tell neighbouring ones apart"):
        calibrated((4, 4), np.linspace(0.4, 0.40001, 8).tolist(), seed=1, draws=256)


@pytest.fixture
def _smaller(monkeypatch):
    monkeypatch.setattr(thermometer, "DRAWS", 2048)
    monkeypatch.setattr(thermometer, "CLASSES", 5)


@pytest.mark.usefixtures("_smaller")
def test_white_noise_is_beyond_the_range():
    coins = np.random.default_rng(4).choice([-1, 1], (32, 32, *SHAPE)).astype(np.int8)
    found = classifier_reading(Ensemble.from_values(coins), seed=1)
    assert found.beyond == "hotter"
    assert np.isnan(found.temperature.value)
    assert "beyond the range" in found.sentence
    assert "hotter than all of them" in found.sentence


@pytest.mark.usefixtures("_smaller")
def test_a_reading_is_beside_the_other_two_on_the_same_chains():
    level = ising(0.42, seed=6)
    told = []
    found = classifier_reading(level, seed=1, progress=lambda *done: told.append(done))
    assert abs(float(found.temperature.value) - 1 / 0.42) < 4.5 * float(
        found.temperature.error
    )
    for above, other in (
        (found.above_energy, found.others.energy),
        (found.above_coupling, found.others.coupling),
    ):
        assert abs(float(above.value)) < 4.5 * float(above.error)
        apart = float(found.temperature.value) - float(other.value)
        assert float(above.value) == pytest.approx(apart, abs=1e-12)
    low, high = found.span
    both = temperatures(level)
    coldest = min(float(both.energy.value), float(both.coupling.value))
    hottest = max(float(both.energy.value), float(both.coupling.value))
    assert low == pytest.approx(coldest / 1.25)
    assert high == pytest.approx(max(1.25 * hottest, 3 / thermometer.HIGHEST))
    assert f"reads T = {found.temperature}" in found.sentence
    assert told == [(k + 1, 9) for k in range(len(told) - 1)] + [(9, 9)]


@pytest.mark.usefixtures("_smaller")
def test_the_temperature_alone_is_that_of_the_reading():
    level = ising(0.42, seed=6, shape=(4, 4), draws=512)
    alone = classifier_temperature(level, seed=1)
    beside = classifier_reading(level, seed=1).temperature
    assert float(alone.value) == float(beside.value)
    assert float(alone.error) == float(beside.error) > 0


def test_refusals():
    spins = np.random.default_rng(2).choice([-1, 1], (2, 8, 8, 8)).astype(np.int8)
    for level, words in (
        (Ensemble.from_values(spins / 2, alphabet="real"), "±1 spins"),
        (Ensemble.from_values(spins.reshape(2, 8, 64), Unordered(64)), "positions"),
        (Ensemble.from_values(spins[..., :6]), "multiples of 4, got shape \\(8, 6\\)"),
    ):
        with pytest.raises(ValueError, match=words):
            classifier_temperature(level, seed=1)
    for couplings in ((), (0.4, 0.3), (0.0, 0.3), (0.3, 0.3)):
        with pytest.raises(ValueError, match="increasing couplings above 0"):
            calibrated(SHAPE, couplings, seed=1, draws=64)


@pytest.mark.slow
def test_majority_at_t_c_looks_like_ising_near_t_c():
    """16² blocks of 32²: as cold as by energy or a little colder, by no means as hot
    as by couplings: the law has more than nearest neighbours."""
    fine = ising(K_C, seed=1, shape=(32, 32), draws=20_000)
    found = classifier_reading(coarsen(Majority(2), fine, seed=2), seed=3)
    assert float(found.above_coupling.value) < -10 * float(found.above_coupling.error)
    assert abs(float(found.above_energy.value)) < 0.03
    assert float(found.temperature.error) < 0.01
