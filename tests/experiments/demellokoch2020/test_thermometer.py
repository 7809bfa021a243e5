"""The network thermometer: its numbers by hand, killed and resumed to the same bits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import share_chains
from kadanoff.experiments.demellokoch2020 import thermometer
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.thermometer import (
    Calibration,
    calibrated,
    calibration_data,
)
from kadanoff.experiments.exhibit import Work

HOW = Calibration(draws=64, epochs=40, hidden=8, rate=1e-2)
SHAPE = (4, 4)


def silent(label, done, total):
    pass


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(3, tmp_path_factory.mktemp("runs"), silent)


@pytest.fixture(scope="module")
def one(work):
    return calibrated(work, SHAPE, HOW)


@pytest.fixture(scope="module")
def data(work):
    return calibration_data(work, SHAPE, HOW)


def by_hand(network, ensemble):
    """softmax(W₂ tanh(W₁ s + b₁) + b₂) in double precision."""
    w1, b1, w2, b2 = (p.detach().double().numpy() for p in network.parameters())
    s = ensemble.values.reshape(ensemble.size, -1).astype(float)
    field = np.tanh(s @ w1.T + b1) @ w2.T + b2
    weights = np.exp(field - field.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def test_probabilities_are_those_of_the_formula(one, data):
    q = one.probabilities(data[1][30])
    assert q.shape == (data[1][30].chains, data[1][30].draws, 60)
    expected = by_hand(one.network, data[1][30])
    np.testing.assert_allclose(q.reshape(-1, 60), expected, atol=1e-6)
    np.testing.assert_allclose(q.sum(axis=-1), 1, atol=1e-12)


def test_readings_are_means_over_the_probabilities(one, data):
    ensemble, t = data[1][40], np.array(TEMPERATURES)
    q = by_hand(one.network, ensemble)
    named, mean = t[q.argmax(axis=1)].mean(), (q @ t).mean()
    doubt = -(q * np.log(q)).sum(axis=1).mean()
    assert float(one.temperature(ensemble).value) == pytest.approx(named, abs=1e-9)
    assert float(one.posterior_mean(ensemble).value) == pytest.approx(mean, abs=1e-5)
    assert float(one.doubt(ensemble).value) == pytest.approx(doubt, abs=1e-5)


def test_the_recorded_losses_are_those_of_the_weights(one, data):
    """Of the last weights, on training and on validation data, each by hand."""
    for name, part in zip(("training", "validation"), data, strict=True):
        q = np.stack([by_hand(one.network, ensemble) for ensemble in part])
        own = np.stack([q[k, :, k] for k in range(60)])
        loss = -np.log(own).sum() / own.size
        assert one.losses[name][-1] == pytest.approx(loss, abs=1e-5)
    assert one.epochs.tolist() == [0, 10, 20, 30, 40]


def test_training_and_validation_have_chains_of_their_own(data):
    for train, validate in zip(*data, strict=True):
        assert not share_chains(train.lineage, validate.lineage)
        assert train.chains == pytest.approx(1.5 * validate.chains, rel=0.1)


def test_parts_of_the_data_add_up_to_the_whole_gradient(work, one, monkeypatch):
    monkeypatch.setattr(thermometer, "ROWS", 37)
    again = calibrated(replace(work, runs=work.runs / "parts"), SHAPE, HOW)
    for a, b in zip(one.network.parameters(), again.network.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


def test_a_killed_training_goes_on_to_the_same_bits(work, one, monkeypatch):
    class Killed(Exception):
        pass

    def kill(label, done, total):
        if "training" in label and done == 20:
            raise Killed

    monkeypatch.setattr(thermometer, "KEPT", 10)
    elsewhere = replace(work, runs=work.runs / "killed")
    with pytest.raises(Killed):
        calibrated(replace(elsewhere, tell=kill), SHAPE, HOW)
    seen = []
    watched = replace(elsewhere, tell=lambda *told: seen.append(told))
    again = calibrated(watched, SHAPE, HOW)
    assert [done for label, done, _ in seen if "training" in label] == [20, 30, 40, 40]
    for a, b in zip(one.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b)
    assert np.array_equal(one.losses["training"], again.losses["training"])


def test_another_number_is_another_start_on_the_same_data(work, one):
    other = calibrated(work, SHAPE, HOW, number=1)
    assert other.losses["training"][0] != one.losses["training"][0]
    assert abs(other.losses["training"][-1] - one.losses["training"][-1]) < 0.2


def test_what_is_trained_is_not_trained_again(work, one, monkeypatch):
    def fails(*arguments):
        raise AssertionError("trained again")

    monkeypatch.setattr(thermometer._Learning, "run", fails)
    again = calibrated(work, SHAPE, HOW)
    assert np.array_equal(again.losses["validation"], one.losses["validation"])


def test_real_values_pass_and_other_sizes_are_refused(one):
    rng = np.random.default_rng(0)
    real = Ensemble.from_values(rng.normal(size=(4, 2, *SHAPE)), alphabet="real")
    assert 0 <= float(one.temperature(real).value) <= 5.9
    large = Ensemble.from_values(np.ones((2, 1, 6, 6), dtype=np.int8))
    with pytest.raises(ValueError, match=r"trained on 16 sites, got .* of 36"):
        one.probabilities(large)
