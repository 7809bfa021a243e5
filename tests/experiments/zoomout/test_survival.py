"""Survival: exact growth against finite differences, parts of variance, and classes."""

import copy
import math

import numpy as np
import pytest
import torch

from kadanoff.experiments.zoomout.digit_networks import AVERAGED, POOLED
from kadanoff.experiments.zoomout.digits import PIXELS, checkerboard
from kadanoff.experiments.zoomout.survival import (
    LEVELS,
    classes_of,
    kernel_responses,
    mean_response,
    metrics,
    responses,
    shares,
)

STEP = 1e-6


def spread(x):
    return float(x.flatten(1).var(0, correction=0).sum())


# --- growth factors ---


@pytest.mark.parametrize("name", ["strided", POOLED, AVERAGED])
def test_growth_is_the_finite_difference_of_every_level(name, made, x):
    network = made(name)
    push = torch.randn(PIXELS, generator=torch.Generator().manual_seed(2)).double()
    M = metrics(network, x)
    change = STEP * push.reshape(1, 1, 8, 8)
    with torch.no_grad():
        ends = zip(network(x), network(x + change), network(x - change), strict=True)
        for level, (here, up, down) in enumerate(ends):
            moved = ((up - down) / (2 * STEP)).flatten(1)
            size = float(moved.square().sum(1).mean()) / spread(here)
            e = push.numpy()
            assert e @ M[level] @ e == pytest.approx(size, rel=1e-6)
    assert len(M) == len(LEVELS)


def test_block_averages_are_known_in_closed_form(made, x):
    """M = BᵀB over the spread, Σ λ R² = 1 at each step, and q is gone at the first."""
    M = metrics(made(AVERAGED), x)
    rows = x.flatten(1).numpy()
    covariance = np.cov(rows.T, bias=True)
    B = np.kron(np.kron(np.eye(4), [[0.5, 0.5]]), np.kron(np.eye(4), [[0.5, 0.5]]))
    # Pixel (r, c) is number 8r + c: rows and columns are averaged apart.
    seen = B.T @ B / np.trace(B @ covariance @ B.T)
    assert M[1] == pytest.approx(seen, abs=1e-12)
    for level in range(4):
        assert np.trace(M[level] @ covariance) == pytest.approx(1, abs=1e-12)
    q = checkerboard()
    assert q @ M[0] @ q > 0
    assert q @ M[1] @ q == pytest.approx(0, abs=1e-20)


def test_rectifiers_break_the_sum_rule_that_steps_without_them_keep(made, x):
    covariance = np.cov(x.flatten(1).numpy().T, bias=True)
    network = made("strided")
    bent = [np.trace(m @ covariance) for m in metrics(network, x)[1:4]]
    assert min(abs(s - 1) for s in bent) > 0.02
    for step in network.steps:
        step[1] = torch.nn.Identity()
    # An identity has no slope of its own to leave out: conv(x) − conv(0) is all.
    straight = [np.trace(m @ covariance) for m in metrics(network, x)[1:4]]
    assert straight == pytest.approx([1, 1, 1], abs=1e-10)


@pytest.mark.parametrize("step", [0, 1])
def test_directions_of_a_kernel_answer_as_its_singular_values_are_moved(step, made, x):
    network = made("strided")
    found = kernel_responses(network, step, x)
    weight = network.steps[step][0].weight.detach()
    W = weight.reshape(len(weight), -1).numpy().T
    u, sigma, vh = np.linalg.svd(W, full_matrices=False)
    with torch.no_grad():
        here = network(x)[step + 1 :]
        for k in range(len(sigma)):
            change = torch.from_numpy(sigma[k] * np.outer(u[:, k], vh[k]))
            moved = []
            for sign in (1, -1):
                other = copy.deepcopy(network)
                other.steps[step][0].weight += (
                    sign * STEP * change.T.reshape(weight.shape)
                )
                moved.append(other(x)[step + 1 :])
            for level, (a, b) in enumerate(zip(*moved, strict=True)):
                slope = ((a - b) / (2 * STEP)).flatten(1)
                size = math.sqrt(float(slope.square().sum(1).mean()))
                wanted = size / math.sqrt(spread(here[level]))
                assert found[level + 1, k] == pytest.approx(wanted, rel=1e-5)


def test_fields_of_all_directions_are_the_field(made, x):
    """The directions are orthogonal in the maps: their squares add up."""
    network = made("strided")
    kernel = network.steps[0][0]
    with torch.no_grad():
        field = kernel(x)
        bare = field - kernel.bias.reshape(1, -1, 1, 1)
    whole = float(bare.flatten(1).square().sum(1).mean()) / spread(field)
    found = kernel_responses(network, 0, x)[0]
    assert (found**2).sum() == pytest.approx(whole, rel=1e-12)


def test_a_space_answers_alike_in_every_frame_of_it(made, x):
    """Over all directions the mean of R² is tr M / 64; over one it is R."""
    M = metrics(made("strided"), x)
    frame = np.linalg.qr(np.random.default_rng(8).normal(size=(PIXELS, PIXELS)))[0]
    whole = np.sqrt(np.trace(M, axis1=1, axis2=2) / PIXELS)
    assert mean_response(M, frame) == pytest.approx(whole, rel=1e-10)
    one = frame[:, :1]
    assert mean_response(M, one) == pytest.approx(responses(M, one)[:, 0])
    alike = (responses(M, one)[1:, 0] / whole[1:]) ** 2
    assert max(abs(alike - 1)) > 0.05


# --- parts of the variance and classes ---


def test_parts_of_the_variance_are_those_that_were_put_in():
    """Means 1, handwriting 2, noise 3; of 4000 images errors are below 0.02.

    Labels by lot have nothing; without taking chance off, 100 of them would have 0.021
    of what is left after noise is averaged.
    """
    rng = np.random.default_rng(3)
    n, size = 4000, 20
    labels = rng.integers(0, 4, n)
    means = rng.normal(size=(4, size))
    means *= math.sqrt(1 / np.var(means[labels], axis=0).sum())
    image = means[labels] + math.sqrt(2 / size) * rng.normal(size=(n, size))
    one, other = (
        [torch.from_numpy(image + math.sqrt(3 / size) * rng.normal(size=(n, size)))]
        for _ in range(2)
    )
    lots = rng.integers(0, 100, n)
    noise, own, by_lot = shares(one, other, [labels, lots])[0]
    assert noise == pytest.approx(3 / 6, abs=0.02)
    assert own == pytest.approx(1 / 6, abs=0.02)
    assert abs(by_lot) < 0.005
    same = shares(one, one, [labels, lots])[0]
    assert same[0] == 0


def test_marginal_directions_are_called_relevant_as_rarely_as_stated():
    """600 families at level 0.01: 6 are expected, above 17 with probability 6e-5.

    At a level that is not shared by the 64 directions about half of them would be.
    """
    rng = np.random.default_rng(4)
    families = np.exp(0.1 * rng.normal(size=(600, 8, 64)))
    wrong = sum(set(classes_of(family)) != {"marginal"} for family in families)
    assert wrong <= 17
    alone = sum(classes_of(family[:, :1]) != ["marginal"] for family in families)
    assert alone <= 17


def test_clear_directions_get_their_class():
    rng = np.random.default_rng(5)
    spreads = np.exp(0.02 * rng.normal(size=(8, 4)))
    found = classes_of(spreads * np.array([2.0, 0.5, 1.0, 0.0]))
    assert found[:2] == ["relevant", "irrelevant"]
    assert found[3] == "irrelevant"
