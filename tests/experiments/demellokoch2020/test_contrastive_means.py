"""Contrastive divergence of means: its formulas by loops, and what it leads to."""

import numpy as np
import pytest
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.demellokoch2020.contrastive_means import (
    contrast,
    trained_on_means,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training


def work(path, seed=0):
    return Work(seed, path, lambda label, done, total: None)


def machine(seed=1):
    made = RBM((2, 3), 4, biases=True).initialised(seed=seed, scale=0.5)
    with torch.no_grad():
        made.b.copy_(torch.linspace(-0.3, 0.4, 4))
        made.c.copy_(torch.linspace(0.2, -0.5, 6))
    return made.double()


def by_hand(made, v):
    """The three steps of the docstring, unit by unit and configuration by itself."""
    W, b, c = (getattr(made, n).detach().numpy() for n in "Wbc")
    total = {"W": np.zeros_like(W), "b": np.zeros_like(b), "c": np.zeros_like(c)}
    for row in v.reshape(len(v), -1):
        h = [np.tanh(sum(W[i, a] * row[i] for i in range(6)) + b[a]) for a in range(4)]
        w = [np.tanh(sum(W[i, a] * h[a] for a in range(4)) + c[i]) for i in range(6)]
        g = [np.tanh(sum(W[i, a] * w[i] for i in range(6)) + b[a]) for a in range(4)]
        total["W"] += np.outer(row, h) - np.outer(w, g)
        total["b"] += np.subtract(h, g)
        total["c"] += np.subtract(row, w)
    return {name: x / len(v) for name, x in total.items()}


def test_the_direction_is_that_of_the_three_steps():
    v = np.random.default_rng(0).choice([-1.0, 1.0], (5, 2, 3))
    made = machine()
    found = contrast(made, torch.tensor(v))
    for name, expected in by_hand(made, v).items():
        np.testing.assert_allclose(found[name].numpy(), expected, atol=1e-14)


def test_a_sign_turned_is_seen():
    v = np.random.default_rng(0).choice([-1.0, 1.0], (5, 2, 3))
    found = contrast(machine(), torch.tensor(v))["W"].numpy()
    assert abs(found + by_hand(machine(), v)["W"]).max() > 0.1


@pytest.fixture(scope="module")
def two_states():
    """All up and all down in turn on 2×3."""
    signs = np.where(np.arange(512) % 2, -1, 1).astype(np.int8)
    return Ensemble.from_values(
        np.broadcast_to(signs[:, None, None], (512, 2, 3))[None]
    )


def test_it_learns_to_hand_two_states_back(two_states, tmp_path):
    how = Training(epochs=40, batch=64, learning_rate=0.3)
    first = RBM((2, 3), 4, biases=True, seed=2)
    done = trained_on_means(work(tmp_path), first, two_states, how, "two")
    up = torch.ones(1, 2, 3)
    with torch.no_grad():
        again = done.visible_mean(done.hidden_mean(up))
        before = first.visible_mean(first.hidden_mean(up))
    assert float(again.min()) > 0.9
    assert float(before.abs().max()) < 0.1


def test_it_is_read_from_its_run_and_depends_on_seed_and_data(two_states, tmp_path):
    how = Training(epochs=2, batch=64, learning_rate=0.3)
    first = RBM((2, 3), 4, biases=True, seed=2)

    def weights(where, seed=0, data=two_states):
        made = trained_on_means(work(tmp_path / where, seed), first, data, how, "two")
        return made.W.detach().numpy()

    here = weights("a")
    assert np.array_equal(here, weights("a"))
    assert np.array_equal(here, weights("b"))
    assert not np.array_equal(here, weights("a", seed=1))
    other = Ensemble.from_values(np.ones((1, 512, 2, 3), np.int8))
    assert not np.array_equal(here, weights("a", data=other))
    assert len(list((tmp_path / "a").iterdir())) == 3
