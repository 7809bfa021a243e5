"""Classifiers and critics against laws that are known."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kadanoff.networks.critic import (
    Classifier,
    Critic,
    Lessons,
    train_classifier,
    train_critic,
)
from kadanoff.networks.products import one_thread

QUICK = Lessons(steps=300, batch=256, looks=6)


@pytest.fixture(autouse=True)
def _on_one_core():
    with one_thread():
        yield


def rng(seed=0) -> np.random.Generator:
    return np.random.default_rng(seed)


def two_trits(n, seed):
    """h of two components with three states, and ±1 surroundings."""
    e = rng(seed).choice([-1, 1], (n, 6)).astype(np.int8)
    return rng(seed + 50).integers(0, 3, (n, 2)).astype(np.uint8), e


def chained(n, seed):
    """h_0 follows e_0 e_1, h_1 agrees with h_0 where e_2 is up: nothing is linear."""
    e = rng(seed).choice([-1, 1], (n, 6)).astype(np.int8)
    flips = np.where(rng(seed + 50).random((n, 2)) < 0.9, 1, -1)
    first = e[:, 0] * e[:, 1] * flips[:, 0]
    second = first * e[:, 2] * flips[:, 1]
    return (np.stack([first, second], 1) > 0).astype(np.uint8), e


def randomized(network, seed=3):
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=noise).mul_(0.5)
    return network


def test_a_classifier_is_a_law_and_looks_only_back():
    """Of 9 states; the first component does not see the second."""
    h, e = two_trits(50, 1)
    network = randomized(Classifier(h, e, states=3, hidden=(7, 5)))
    every = np.array(list(itertools.product(range(3), repeat=2)), dtype=np.uint8)
    logs = np.stack([network.log_prob(np.tile(s, (50, 1)), e) for s in every])
    np.testing.assert_allclose(np.exp(logs).sum(axis=0), 1, atol=1e-5)
    with torch.no_grad():
        network.last[1].zero_()
        network.direct[:, 3:].zero_()
        network.before[1].zero_()
        network.bias[1].zero_()
    blind = np.stack([network.log_prob(np.tile(s, (50, 1)), e) for s in every])
    first = np.exp(logs).reshape(3, 3, 50).sum(axis=1)
    np.testing.assert_allclose(np.exp(blind[::3]) * 3, first, atol=1e-5)
    assert abs(logs - blind).max() > 0.1


def test_an_untrained_classifier_knows_the_shares_and_a_critic_nothing():
    h, e = two_trits(3000, 2)
    h[:1000] = 0
    logs = Classifier(h, e, states=3).log_prob(h, e)
    shares = np.stack([np.bincount(c, minlength=3) for c in h.T]) / len(h)
    known = np.log(shares[0, h[:, 0]] * shares[1, h[:, 1]])
    np.testing.assert_allclose(logs, known, atol=2e-3)
    assert abs(Critic(h, e, states=3).score(h[:9], e[:5])).max() == 0
    assert Critic(h, e, states=3).score(h[:9], e[:5]).shape == (5, 9)


def test_gradients_are_differences_of_the_log_likelihood():
    h, e = two_trits(20, 3)
    network = randomized(Classifier(h, e, states=3, hidden=(4, 3)).double())
    given = (torch.tensor(h), torch.tensor(e))
    network(*given).sum().backward()
    for parameter in network.parameters():
        flat, slope = parameter.data.view(-1), parameter.grad
        assert slope is not None
        values = []
        for step in (1e-5, -2e-5):
            flat[0] += step
            values.append(network(*given).sum().item())
        flat[0] += 1e-5
        slope = slope.flatten()[0].item()
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(slope, abs=1e-6)


def test_a_law_that_is_not_linear_is_learned_component_by_component():
    """-⟨ln q⟩ of both bits is 2 H(0.1), 0.650; without h_0, h_1 is a coin: 1.018."""
    known = 2 * -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    lessons = Lessons(steps=800, batch=256, learning_rate=1e-2, looks=8)
    network = train_classifier(
        chained(1 << 15, 1), chained(1 << 12, 2), states=2, lessons=lessons, seed=3
    )
    other = chained(1 << 15, 4)
    logs = network.log_prob(*other)
    error = logs.std() / math.sqrt(len(logs))
    assert -4 * error < -logs.mean() - known < 0.01 + 4 * error


def test_what_tells_nothing_leaves_the_shares_alone():
    """Few pairs, many units, and weights that would learn them by heart."""
    few, watched, other = (two_trits(n, s) for n, s in ((300, 1), (4000, 2), (9000, 3)))
    lessons = Lessons(steps=300, batch=256, learning_rate=1e-2, looks=8)
    network = train_classifier(few, watched, states=3, lessons=lessons, seed=1)
    marginal = Classifier(*few, states=3).log_prob(*other).mean()
    assert network.log_prob(*other).mean() > marginal - 2e-3
    # Control: watched on what it learns from, it does learn that by heart.
    heart = train_classifier(few, few, states=3, lessons=lessons, seed=1)
    assert heart.log_prob(*few).mean() > marginal + 0.3
    assert heart.log_prob(*other).mean() < marginal - 0.3


@pytest.mark.parametrize("train", [train_classifier, train_critic])
def test_training_that_is_better_by_chance_is_given_up(train):
    """Independent coins: one of ten looks is often lucky, by 3 errors one in 700."""
    lessons = Lessons(steps=30, batch=128, learning_rate=1e-3, looks=10)
    for seed in range(3):
        noise = rng(seed)
        data, watched = (
            (noise.integers(0, 2, (2000, 1)), noise.normal(size=(2000, 4)))
            for _ in range(2)
        )
        found = train(data, watched, states=2, lessons=lessons, seed=seed)
        start = train(
            data, watched, states=2, lessons=replace(lessons, steps=1), seed=seed
        )
        for one, other in zip(found.parameters(), start.parameters(), strict=True):
            assert torch.equal(one, other)


def normal(rho, components, n, seed):
    noise = rng(seed).normal(size=(2, n, components)).astype(np.float32)
    return rho * noise[0] + math.sqrt(1 - rho**2) * noise[1], 3 + 10 * noise[0]


@pytest.mark.parametrize(("rho", "components"), [(0.9, 1), (0.7, 2)])
def test_a_critic_finds_the_information_of_gaussians(rho, components):
    """-½ ln(1-ρ²) each, told from 256 others; scale and origin do not matter."""
    known = -components * math.log(1 - rho**2) / 2
    network = train_critic(
        normal(rho, components, 1 << 15, 1),
        normal(rho, components, 1 << 12, 2),
        states=None,
        lessons=Lessons(steps=400, batch=256, looks=8),
        seed=4,
    )
    h, e = normal(rho, components, 1 << 14, 3)
    terms = []
    for a in range(0, len(h), 256):
        scores = network.score(h[a : a + 256], e[a : a + 256]).astype(float)
        own = scores.diagonal()[:, None]
        terms.append(-np.log(np.exp(scores - own).mean(axis=1)))
    found = np.concatenate(terms)
    error = found.std() / math.sqrt(len(found))
    assert found.mean() < known + 3 * error
    assert found.mean() > known - 4 * error - 0.03 * known - 0.01


def test_the_same_seed_gives_the_same_bits():
    data, watched = chained(2000, 1), chained(1000, 2)
    lessons = Lessons(steps=40, batch=64)
    for train, read in ((train_classifier, "log_prob"), (train_critic, "score")):
        found = [
            getattr(train(data, watched, states=2, lessons=lessons, seed=s), read)(
                watched[0][:20], watched[1][:20]
            )
            for s in (1, 1, 2)
        ]
        np.testing.assert_array_equal(found[0], found[1])
        assert (found[0] != found[2]).any()


def test_a_constant_neighbour_does_not_divide_by_zero():
    h, e = chained(1000, 1)
    e[:, 3] = 1
    network = train_classifier(
        (h, e), (h, e), states=2, lessons=Lessons(steps=5, batch=64), seed=1
    )
    assert np.isfinite(network.log_prob(h, e)).all()


def test_bad_lessons_are_refused_in_a_sentence():
    data = chained(100, 1)
    with pytest.raises(ValueError, match="as many pairs to learn from"):
        train_classifier(data, data, states=2, lessons=QUICK, seed=1)
    with pytest.raises(ValueError, match="as many values as surroundings"):
        train_critic((data[0][:50], data[1]), data, states=2, seed=1)
    with pytest.raises(ValueError, match="batch is too small"):
        Lessons(batch=1)
    with pytest.raises(ValueError, match="learning rate"):
        Lessons(learning_rate=0.0)
