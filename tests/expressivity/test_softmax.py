"""Softmax layers against Bayes' theorem, trained tables against exact ones."""

from __future__ import annotations

import math
from dataclasses import astuple
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import logistic, multivariate_normal

from kadanoff.exact.information import mutual_information
from kadanoff.exact.pairs import law, states
from kadanoff.expressivity.softmax import (
    GaussianClasses,
    Quadratic,
    SpinClasses,
    ThreeTasks,
    bayes,
    divergences,
    pair_products,
    posterior,
    softmax_layer,
    spin_layer,
    three_tasks,
)
from kadanoff.networks.products import one_thread


def gaussians(*, equal: bool) -> GaussianClasses:
    rng = np.random.default_rng(2)
    roots = rng.normal(size=(3, 2, 2))
    covariances = roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(2)
    if equal:
        covariances = np.broadcast_to(covariances[0], (3, 2, 2))
    return GaussianClasses(
        rng.normal(size=(3, 2)), covariances, np.array([0.5, 0.2, 0.3])
    )


def spins() -> SpinClasses:
    rng = np.random.default_rng(3)
    return SpinClasses(
        0.6 * rng.normal(size=(3, 6)),
        0.4 * rng.normal(size=(3, 6, 6)),
        np.array([0.5, 0.3, 0.2]),
    )


def densities(classes: GaussianClasses, x: np.ndarray) -> np.ndarray:
    """p(x | y) by scipy, `(point, y)`."""
    parts: Any = zip(classes.means, classes.covariances, strict=True)
    return np.stack([multivariate_normal(m, c).pdf(x) for m, c in parts], axis=1)


def through(layer: torch.nn.Linear, features: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return layer(torch.from_numpy(features)).softmax(dim=1).numpy()


# Bayes


def test_softmax_is_bayes_on_any_table() -> None:
    rng = np.random.default_rng(1)
    likelihood, prior = rng.dirichlet(np.ones(40), size=5).T, rng.dirichlet(np.ones(5))
    found = posterior(-np.log(likelihood), -np.log(prior))
    np.testing.assert_allclose(found, bayes(likelihood, prior), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
    wrong = posterior(-np.log(likelihood), np.log(prior))
    assert np.abs(wrong - found).max() > 0.1


def test_what_depends_on_x_alone_drops_out() -> None:
    rng = np.random.default_rng(1)
    h, mu, of_x = rng.normal(size=(7, 3)), rng.normal(size=3), rng.normal(size=(7, 1))
    np.testing.assert_allclose(
        posterior(h + 50 * of_x, mu), posterior(h, mu), rtol=1e-12
    )


def test_large_hamiltonians_do_not_overflow() -> None:
    found = posterior([[1e4, 1e4 + 1], [-1e4, 0.0]], [0.0, 0.0])
    np.testing.assert_allclose(
        found, [[1 / (1 + math.exp(-1)), 1 / (1 + math.e)], [1, 0]]
    )


# Gaussians


@pytest.mark.parametrize("equal", [True, False])
def test_the_hamiltonian_of_a_gaussian_is_quadratic(equal: bool) -> None:
    classes = gaussians(equal=equal)
    x = np.random.default_rng(5).normal(size=(30, 2))
    np.testing.assert_allclose(
        classes.hamiltonian()(x), -np.log(densities(classes, x)), rtol=1e-12, atol=1e-12
    )


def test_a_quadratic_hamiltonian_is_a_gaussian() -> None:
    classes = gaussians(equal=False)
    means, covariances, logs = classes.hamiltonian().gaussians()
    np.testing.assert_allclose(means, classes.means, rtol=1e-12)
    np.testing.assert_allclose(covariances, classes.covariances, rtol=1e-12)
    np.testing.assert_allclose(logs, 0, atol=1e-13)  # p(x | y) has norm 1


def test_the_norm_of_a_quadratic_hamiltonian_by_quadrature() -> None:
    h = Quadratic(
        np.array([0.3]), np.array([[0.5, -1.0]]), np.array([[[1, 0.2], [0.2, 2]]])
    )
    x = np.linspace(-8, 8, 401)
    grid = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    total = np.exp(-h(grid)).sum() * (x[1] - x[0]) ** 2
    assert h.gaussians()[2][0] == pytest.approx(math.log(total), abs=1e-12)


def test_only_gaussians_have_no_third_differences() -> None:
    classes = gaussians(equal=False)
    line = np.linspace(-2, 2, 9)[:, None] * np.array([1.0, 0.5])
    thirds = np.diff(classes.hamiltonian()(line), n=3, axis=0)
    assert np.abs(thirds).max() < 1e-12
    other = -logistic.logpdf(np.linspace(-2, 2, 9))
    assert np.abs(np.diff(other, n=3)).max() > 1e-3


@pytest.mark.parametrize("equal", [True, False])
def test_one_layer_is_the_posterior(equal: bool) -> None:
    classes = gaussians(equal=equal)
    x, _ = classes.sample(200, rng=np.random.default_rng(6))
    expected = bayes(densities(classes, x), classes.prior)
    features = x if equal else pair_products(x)
    layer = softmax_layer(classes)
    np.testing.assert_allclose(through(layer, features), expected, atol=1e-12)
    np.testing.assert_allclose(
        posterior(classes.hamiltonian()(x), -np.log(classes.prior)),
        expected,
        atol=1e-12,
    )
    assert layer.in_features == (2 if equal else 5)


def test_a_linear_layer_is_not_enough_for_unequal_covariances() -> None:
    """Of a Gaussian mixture without means the linear layer knows the prior only."""
    classes = GaussianClasses(
        np.zeros((2, 1)), np.array([[[1.0]], [[9.0]]]), np.array([0.5, 0.5])
    )
    x = np.linspace(-6, 6, 121)[:, None]
    weight = densities(classes, x) @ classes.prior
    exact = through(softmax_layer(classes), pair_products(x))
    blind = (weight * exact[:, 0]).sum() / weight.sum()
    np.testing.assert_allclose(
        through(fitted(x, exact, weight), x)[:, 0], blind, atol=1e-8
    )
    assert (weight * np.abs(exact[:, 0] - 0.5)).sum() / weight.sum() > 0.2


def fitted(
    features: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> torch.nn.Linear:
    """The best softmax layer for p(y | x) on weighted points, by Newton-like steps."""
    layer = torch.nn.Linear(features.shape[1], target.shape[1], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
    x, p = torch.from_numpy(features), torch.from_numpy(target * weight[:, None])
    optimizer = torch.optim.LBFGS(
        layer.parameters(),
        max_iter=2000,
        tolerance_grad=1e-11,
        tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = -(p * layer(x).log_softmax(dim=1)).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return layer


def test_draws_follow_their_classes() -> None:
    """Means and frequencies within 4.5 errors (level 6e-5 for nine); 5% is seen."""
    classes, draws = gaussians(equal=False), 40_000
    x, y = classes.sample(draws, rng=np.random.default_rng(8))

    def worst(means: np.ndarray, prior: np.ndarray) -> float:
        counts = np.bincount(y)
        z = (counts / draws - prior) / np.sqrt(prior * (1 - prior) / draws)
        found = [np.abs(z).max()]
        for k, mean in enumerate(means):
            root = np.linalg.cholesky(classes.covariances[k])
            white = np.linalg.solve(root, (x[y == k] - mean).T)
            found.append(np.abs(white.mean(axis=1)).max() * math.sqrt(counts[k]))
            second = white @ white.T / counts[k] - np.eye(2)
            found.append(np.abs(second).max() * math.sqrt(counts[k] / 2))
        return float(max(found))

    assert worst(classes.means, classes.prior) < 4.5
    assert worst(1.05 * classes.means, classes.prior) > 4.5
    assert worst(classes.means, np.array([0.475, 0.21, 0.315])) > 4.5


# Spins


def test_a_class_of_spins_is_an_ising_model() -> None:
    classes = spins()
    i, j = np.triu_indices(6, 1)
    for y in range(3):
        model = law(
            6,
            np.stack([i, j], axis=1),
            1.0,
            strength=classes.couplings[y][i, j],
            field=classes.fields[y],
        )
        np.testing.assert_allclose(
            classes.joint()[:, y] / classes.prior[y], model.probabilities, rtol=1e-12
        )
        assert classes.log_partition()[y] == pytest.approx(model.log_partition)


def test_couplings_are_the_weights_of_one_layer() -> None:
    classes = spins()
    features, joint = pair_products(states(6)), classes.joint()
    expected = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        through(spin_layer(classes), features), expected, rtol=1e-12
    )
    np.testing.assert_allclose(bayes(joint / classes.prior, classes.prior), expected)
    wrong = SpinClasses(classes.fields, 1.02 * classes.couplings, classes.prior)
    assert np.abs(through(spin_layer(wrong), features) - expected).max() > 1e-3


def test_training_finds_the_couplings() -> None:
    """Differences between classes are what a posterior can know of them."""
    classes = spins()
    joint = classes.joint()
    weight, i, j = joint.sum(axis=1), *np.triu_indices(6)
    features = pair_products(states(6))
    kept = np.concatenate([np.ones(6, bool), i != j])
    with one_thread():
        layer = fitted(features[:, kept], joint / weight[:, None], weight)
    found = layer.weight.detach().numpy()
    exact = spin_layer(classes).weight.detach().numpy()[:, kept]
    np.testing.assert_allclose(found[1:] - found[0], exact[1:] - exact[0], atol=1e-6)


# Three directions


@cache
def learned() -> ThreeTasks:
    with one_thread():
        return three_tasks(spins().joint(), states(6), draws=20_000, steps=250)


def test_three_networks_come_near_the_exact_tables() -> None:
    """Within a twentieth of what there is to know."""
    found = learned()
    assert found.information == pytest.approx(mutual_information(spins().joint()))
    for value in (*astuple(found.exact), *astuple(found.drawn)):
        assert 0 < value < found.information / 20


def test_shuffled_labels_leave_exactly_the_information_unlearned() -> None:
    """Within 4 √(χ²/N) of chance pairs, level 6e-5 each; a trained one is outside."""
    found, joint = learned(), spins().joint()
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    error = math.sqrt((joint**2 / apart).sum() - 1) / math.sqrt(20_000)
    for value in astuple(found.shuffled):
        assert abs(value - found.information) < 4 * error
    assert found.information - max(astuple(found.drawn)) > 20 * error


def test_a_model_that_ignores_the_pairing_misses_the_information_three_times() -> None:
    joint = spins().joint()
    of_x, of_y = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    blind = divergences(
        joint,
        np.log(of_y + 0 * joint),
        np.log(of_x + 0 * joint),
        np.log(of_x * of_y),
    )
    assert astuple(blind) == pytest.approx([mutual_information(joint)] * 3, abs=1e-13)
    none = divergences(joint, np.log(joint / of_x), np.log(joint / of_y), np.log(joint))
    assert astuple(none) == pytest.approx([0, 0, 0], abs=1e-14)


def test_a_joint_model_is_two_conditional_ones() -> None:
    """D(p(x, y)) = D(p(y)) + D(p(x | y)): the chain rule, for any model."""
    joint = spins().joint()
    q = np.random.default_rng(4).dirichlet(np.ones(joint.size)).reshape(joint.shape)
    of_x, of_y = q.sum(axis=1, keepdims=True), q.sum(axis=0, keepdims=True)
    found = divergences(joint, np.log(q / of_x), np.log(q / of_y), np.log(q))
    for axis, part, of in (
        (0, found.generation, of_y),
        (1, found.classification, of_x),
    ):
        p = joint.sum(axis=axis)
        marginal = (p * np.log(p / of.ravel())).sum()
        assert found.joint == pytest.approx(part + marginal, abs=1e-12)


def test_an_untrained_network_knows_nothing() -> None:
    with one_thread():
        found = three_tasks(spins().joint(), states(6), draws=100, steps=0)
    assert min(astuple(found.exact)) > 0.5 * found.information


def test_three_tasks_repeat_from_their_seed() -> None:
    before = torch.random.get_rng_state()
    joint = SpinClasses(np.eye(2), np.zeros((2, 2, 2)), np.array([0.5, 0.5])).joint()
    with one_thread():
        once, again, other = (
            three_tasks(joint, states(2), draws=50, steps=5, seed=s) for s in (1, 1, 2)
        )
    assert once == again != other
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    "call",
    [
        lambda: posterior([[1.0, 2.0]], [1.0]),
        lambda: Quadratic(
            np.zeros(1), np.zeros((1, 1)), -np.ones((1, 1, 1))
        ).gaussians(),
        lambda: GaussianClasses(
            np.ones((2, 1)), np.ones((2, 1, 1)), np.array([0.5, 0.6])
        ),
        lambda: GaussianClasses(
            np.ones((2, 1)), -np.ones((2, 1, 1)), np.array([0.5, 0.5])
        ),
        lambda: GaussianClasses(
            np.ones((1, 2)), np.array([[[1, 0], [0.5, 1]]]), np.ones(1)
        ),
        lambda: GaussianClasses(
            np.ones((2, 1)), np.ones((1, 1, 1)), np.array([0.5, 0.5])
        ),
        lambda: SpinClasses(np.ones((2, 3)), np.ones((2, 3, 2)), np.array([0.5, 0.5])),
        lambda: three_tasks(np.ones((2, 2)), np.ones((2, 1))),
        lambda: three_tasks(np.ones((2, 2)) / 4, np.ones((3, 1))),
    ],
)
def test_bad_input_gets_a_sentence(call) -> None:
    with pytest.raises(ValueError, match="got"):
        call()
