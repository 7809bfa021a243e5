"""Autoencoders: the loss by a loop, gradients by differences, PCA as a limit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.autoencoder import Autoencoder, Descent, train_autoencoder
from kadanoff.networks.pca import fit_pca, reconstruction_error
from kadanoff.networks.products import one_thread

FINE = Grid((3, 4))
QUICK = Descent(epochs=2, batch=50)
LINEAR = ("gaussian", "gaussian")


@pytest.fixture(autouse=True)
def _on_one_core():
    with one_thread():
        yield


def smooth(chains=40, draws=50, seed=1, shape=(3, 4)):
    """±1 spins whose neighbours agree often."""
    noise = np.random.default_rng(seed).normal(size=(chains, draws, *shape))
    summed = noise + sum(np.roll(noise, 1, axis) for axis in (2, 3))
    return Ensemble.from_values(np.where(summed > 0, 1, -1).astype(np.int8))


def random_weights(network, seed=3):
    noise = torch.Generator().manual_seed(seed)
    network = network.double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=noise).mul_(0.5)
    return network


def test_fields_and_loss_are_those_of_a_loop():
    network = random_weights(Autoencoder(FINE, (5, 2), biases=True))
    A, B, a, b = (
        [p.detach().numpy() for p in part]
        for part in (
            network.encoder,
            network.decoder,
            network.encoder_biases,
            network.decoder_biases,
        )
    )
    v = smooth(1, 3).values[0].reshape(3, -1)
    h = np.tanh(np.tanh(v @ A[0] + a[0]) @ A[1] + a[1])
    f = np.tanh(h @ B[1] + b[1]) @ B[0] + b[0]
    p = np.where(v == 1, 1 / (1 + np.exp(-2 * f)), 1 / (1 + np.exp(2 * f)))
    given = network.tensor(v.reshape(3, *FINE.shape))
    with torch.no_grad():
        code, cost = network.hidden_mean(given), network.loss(given)
        again = network.visible_mean(code)
    np.testing.assert_allclose(code.numpy(), h, atol=1e-12)
    np.testing.assert_allclose(cost.numpy(), -np.log(p).sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(again.numpy().reshape(3, -1), np.tanh(f), atol=1e-12)


@pytest.mark.parametrize("units", [("spin", "spin"), ("gaussian", "spin"), LINEAR])
def test_gradients_are_differences_of_the_loss(units):
    network = random_weights(Autoencoder(FINE, (5, 2), biases=True, units=units))
    v = network.tensor(smooth(1, 6).values[0])
    network.loss(v).sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        flat, slope = parameter.data.view(-1), parameter.grad.flatten()
        costs = []
        for step in (1e-5, -2e-5):
            flat[1] += step
            costs.append(network.loss(v).sum().item())
        flat[1] += 1e-5
        assert (costs[0] - costs[1]) / 2e-5 == pytest.approx(slope[1].item(), abs=1e-6)


@pytest.fixture(scope="module")
def linear():
    data = smooth(40, 100)
    settings = Descent(epochs=40, batch=100, learning_rate=0.02)
    network = Autoencoder(FINE, 1, biases=True, units=LINEAR, seed=1)
    return train_autoencoder(network, data, settings=settings, seed=2), data


def alignment(network, components):
    """Share of the decoder inside the space that the components span."""
    basis = network.decoder[0].detach().double().T.numpy()
    inside = components.T @ basis
    return float((inside**2).sum() / (basis**2).sum())


def test_a_linear_code_spans_the_first_component(linear):
    """A direction that is off by six degrees would miss 0.99."""
    network, data = linear
    found = fit_pca(data, 1)
    assert float(found.variance[0] / found.variance[1]) > 1.5
    assert alignment(network, found.components.numpy()) > 0.99
    least = reconstruction_error(found, data)
    error = reconstruction_error(network, data)
    assert least < error + 1e-6
    assert error == pytest.approx(least, rel=0.005)


def test_another_component_is_not_what_it_spans(linear):
    network, data = linear
    second = fit_pca(data, 2).components.numpy()[:, 1:]
    assert alignment(network, second) < 0.01
    untrained = Autoencoder(FINE, 1, biases=True, units=LINEAR, seed=1)
    assert alignment(untrained, fit_pca(data, 1).components.numpy()) < 0.9


def test_training_lowers_the_loss_of_other_chains_too():
    """ln 2 per site is what no code at all costs."""
    fine, other = smooth(40, 50), smooth(20, 50, seed=7)
    settings = Descent(epochs=15, batch=50, learning_rate=0.01)
    network = Autoencoder(FINE, 6, seed=1)
    trained = train_autoencoder(
        network, fine, settings=settings, seed=1, held_out=other
    )
    assert len(trained.record["loss"]) == len(trained.record["held_out"]) == 15
    assert trained.record["loss"][-1] < 0.35
    assert trained.record["held_out"][-1] < 0.35
    assert reconstruction_error(trained, other) < reconstruction_error(network, other)


def test_spins_without_a_pattern_cannot_be_coded():
    """The control: a code of 1 of 12 independent spins can save 1/12 of ln 2."""
    values = np.random.default_rng(1).choice([-1, 1], (40, 50, 3, 4)).astype(np.int8)
    data = Ensemble.from_values(values)
    settings = Descent(epochs=10, batch=50, learning_rate=0.01)
    trained = train_autoencoder(Autoencoder(FINE, 1), data, settings=settings, seed=1)
    assert trained.record["loss"][-1] > 0.9 * np.log(2) * 11 / 12


def test_the_same_seed_gives_the_same_bits_and_leaves_the_given_one():
    network, data = Autoencoder(FINE, (5, 2), seed=4), smooth()
    before = [p.detach().clone() for p in network.parameters()]
    runs = [train_autoencoder(network, data, settings=QUICK, seed=s) for s in (1, 1, 2)]
    weights = [run.encoder[0].detach() for run in runs]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
    assert runs[0].notes["seed"] == 1


def test_frozen_biases_stay_zero_and_the_flip_stays_a_symmetry():
    data = smooth()
    trained = train_autoencoder(Autoencoder(FINE, 5), data, settings=QUICK, seed=1)
    assert not any(p.any() for p in trained.encoder_biases)
    assert not any(p.any() for p in trained.decoder_biases)
    v = trained.tensor(data.values[0])
    with torch.no_grad(), one_thread():
        torch.testing.assert_close(trained.hidden_mean(-v), -trained.hidden_mean(v))
    free = Autoencoder(FINE, 5, biases=True)
    moved = train_autoencoder(free, data, settings=QUICK, seed=1)
    assert all(p.any() for p in moved.encoder_biases)


def test_progress_counts_epochs():
    seen = []
    train_autoencoder(
        Autoencoder(FINE, 2),
        smooth(),
        settings=QUICK,
        seed=1,
        progress=lambda done, epochs: seen.append((done, epochs)),
    )
    assert seen == [(1, 2), (2, 2)]


def test_a_loss_that_is_not_finite_stops_the_training():
    network = Autoencoder(FINE, 2)
    with torch.no_grad():
        network.decoder[0].fill_(torch.inf)
    with pytest.raises(ValueError, match="stopped being finite in epoch 1; lower"):
        train_autoencoder(network, smooth(), settings=QUICK, seed=1)


def test_a_loss_that_ends_far_above_that_of_no_training_is_refused():
    """One update leaves it finite: 1e30 in the weights, and in the loss."""
    data = smooth()
    diverging = Descent(epochs=1, batch=data.size, learning_rate=1e30)
    for units in (("spin", "spin"), LINEAR):
        network = Autoencoder(FINE, 2, units=units)
        with pytest.raises(
            ValueError, match=r"ended at .*untrained network is .*lower"
        ):
            train_autoencoder(network, data, settings=diverging, seed=1)
    train_autoencoder(Autoencoder(FINE, 2), data, settings=QUICK, seed=1)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda", "banana"):
        with pytest.raises(ValueError, match=f"device.*{device}.*use cpu"):
            train_autoencoder(Autoencoder(FINE, 2), smooth(), seed=1, device=device)


def test_what_does_not_fit_is_refused_in_a_sentence():
    for sizes in ((), (4, 0), 0):
        with pytest.raises(ValueError, match="one or more hidden layers of at least 1"):
            Autoencoder(FINE, sizes)
    with pytest.raises(ValueError, match="units are spin or gaussian"):
        Autoencoder(FINE, 2, units=("spin", "potts"))
    for name in ("epochs", "batch", "learning_rate"):
        with pytest.raises(ValueError, match=r"at least 1|finite learning rate"):
            replace(Descent(), **{name: 0})
    with pytest.raises(ValueError, match="of 9 sites, got configurations of 12"):
        train_autoencoder(Autoencoder(Unordered(9), 2), smooth(), seed=1)
    with pytest.raises(ValueError, match="as many configurations, got 20"):
        train_autoencoder(Autoencoder(FINE, 2), smooth(2, 10), seed=1)
    fields = Ensemble.from_values(3 * np.ones((4, 50, 3, 4)), FINE, alphabet="real")
    with pytest.raises(ValueError, match="values between -1 and 1"):
        train_autoencoder(Autoencoder(FINE, 2), fields, seed=1)
    real = Autoencoder(FINE, 2, units=("gaussian", "spin"))
    trained = train_autoencoder(real, fields, settings=QUICK, seed=1)
    assert np.isfinite(trained.record["loss"]).all()
