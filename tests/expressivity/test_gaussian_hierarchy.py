"""Layers against conditioning of the joint Gaussian, and of all pixels at once."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, multivariate_normal

from kadanoff.expressivity.gaussian_hierarchy import (
    GaussianChain,
    Sky,
    band_powers,
    direct_log_likelihood,
    fourier_basis,
    gaussian_tree,
    information_along,
    information_of,
    joint_covariance,
    layers,
    log_likelihood,
    modes,
    posterior,
    power_laws,
    sampled_information,
    sky_information,
    sky_profile,
    statistics,
    tree_information,
)


def random_chain(sizes: tuple[int, ...], seed: int) -> GaussianChain:
    rng = np.random.default_rng(seed)

    def covariance(d: int) -> np.ndarray:
        root = rng.normal(size=(d, d))
        return root @ root.T + 0.3 * np.eye(d)

    maps = tuple(rng.normal(size=(b, a)) for a, b in pairwise(sizes))
    noises = tuple(covariance(b) for b in sizes[1:])
    return GaussianChain(covariance(sizes[0]), maps, noises)


CHAINS = {
    "wider": random_chain((2, 3, 5, 6), 1),
    "narrow": random_chain((3, 1, 4), 2),
    "one step": random_chain((2, 2), 3),
    "narrower": random_chain((4, 3, 2), 4),
    "tree": gaussian_tree(3, 2, 0.8),
}
each_chain = pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())


def conditioned(
    chain: GaussianChain, level: int, data: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of y_level given y_n, from the joint covariance alone."""
    edges = np.cumsum([0, *map(len, chain.covariances())])
    whole = joint_covariance(chain)
    own, last = slice(edges[level], edges[level + 1]), slice(edges[-2], edges[-1])
    gain = np.linalg.solve(whole[last, last], whole[last, own])
    return data @ gain, whole[own, own] - whole[own, last] @ gain


@each_chain
def test_the_layers_are_conditioning(chain: GaussianChain) -> None:
    data = chain.sample(5, rng=np.random.default_rng(7))[-1]
    mean, covariance = posterior(chain, data)
    expected_mean, expected_covariance = conditioned(chain, 0, data)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(covariance, expected_covariance, atol=1e-12)


@each_chain
def test_every_level_is_inferred_from_its_statistic(chain: GaussianChain) -> None:
    data = chain.sample(5, rng=np.random.default_rng(8))[-1]
    found, marginals = statistics(chain, data), chain.covariances()
    for level, layer in enumerate(layers(chain)):
        precision = np.linalg.inv(marginals[level]) + layer.precision
        mean, covariance = conditioned(chain, level, data)
        np.testing.assert_allclose(np.linalg.inv(precision), covariance, atol=1e-12)
        np.testing.assert_allclose(
            np.linalg.solve(precision, found[level].T).T, mean, atol=1e-12
        )


@each_chain
def test_the_joint_covariance_is_that_of_the_draws(chain: GaussianChain) -> None:
    """Whitened by the law, 20 000 draws are white to 5 errors of each entry.

    Of at most 136 entries: level 8e-5. A tenth of the variance is seen.
    """
    drawn = np.concatenate(chain.sample(20_000, rng=np.random.default_rng(3)), axis=1)

    def worst(covariance: np.ndarray) -> float:
        white = np.linalg.solve(np.linalg.cholesky(covariance), drawn.T)
        off = white @ white.T / len(drawn) - np.eye(len(white))
        return float(np.abs(off).max() * math.sqrt(len(drawn) / 2))

    assert worst(joint_covariance(chain)) < 5
    assert worst(1.1 * joint_covariance(chain)) > 6


def readouts(chain: GaussianChain) -> list[np.ndarray]:
    """The matrices B_i with T_i = B_i y_n, from n down."""
    found = [np.eye(len(chain.noises[-1]))]
    for layer in reversed(layers(chain)):
        found.append(layer.weights @ found[-1])
    return found


@each_chain
def test_no_layer_loses_information(chain: GaussianChain) -> None:
    whole = information_along(chain)[-1]
    for readout in readouts(chain):
        assert information_of(chain, readout) == pytest.approx(whole, abs=1e-11)


@each_chain
def test_statistics_are_as_short_as_they_can_be(chain: GaussianChain) -> None:
    """As many independent numbers as the posterior mean has; fewer know less."""
    whole = information_along(chain)[-1]
    last = readouts(chain)[-1]
    rank = np.linalg.matrix_rank(layers(chain)[0].precision, tol=1e-9)
    rows = np.linalg.svd(last)[2][:rank]
    assert information_of(chain, rows) == pytest.approx(whole, abs=1e-11)
    if rank > 1:
        assert information_of(chain, rows[:-1]) < whole - 1e-6


@each_chain
def test_information_falls_along_generation(chain: GaussianChain) -> None:
    bits = information_along(chain)
    assert math.isinf(bits[0])
    assert (np.diff(bits) < 0).all()
    whole = joint_covariance(chain)
    d = len(chain.start)
    for level in range(1, chain.steps + 1):
        sizes = [len(c) for c in chain.covariances()]
        start = sum(sizes[:level])
        kept = [*range(d), *range(start, start + sizes[level])]
        both = whole[np.ix_(kept, kept)]
        logs = [np.linalg.slogdet(m)[1] for m in (both[:d, :d], both[d:, d:], both)]
        expected = (logs[0] + logs[1] - logs[2]) / (2 * math.log(2))
        assert bits[level] == pytest.approx(expected, abs=1e-11)


def test_precisions_weight_the_sum() -> None:
    variances = np.array([0.1, 2.0, 5.0])
    chain = GaussianChain(np.eye(1), (np.ones((3, 1)),), (np.diag(variances),))
    data = np.array([[1.0, -2.0, 4.0]])
    np.testing.assert_allclose(
        statistics(chain, data)[0], data @ (1 / variances)[:, None]
    )
    best = information_of(chain, [1 / variances])
    assert best == pytest.approx(information_along(chain)[-1], abs=1e-13)
    assert information_of(chain, [np.ones(3)]) < best - 0.5  # the plain mean


def test_a_wrong_noise_is_seen() -> None:
    chain = CHAINS["wider"]
    other = GaussianChain(
        chain.start, chain.maps, (*chain.noises[:-1], 1.02 * chain.noises[-1])
    )
    data = chain.sample(5, rng=np.random.default_rng(7))[-1]
    assert np.abs(posterior(other, data)[0] - posterior(chain, data)[0]).max() > 1e-4


# Trees


@pytest.mark.parametrize("b", [1, 2, 3])
@pytest.mark.parametrize("theta", [0.4, -0.8, 0.95])
def test_a_tree_in_closed_form(b: int, theta: float) -> None:
    for depth in (1, 2, 4):
        expected = information_along(gaussian_tree(depth, b, theta))[-1]
        assert tree_information(depth, b, theta) == pytest.approx(expected, abs=1e-12)


def test_every_vertex_of_a_tree_has_variance_one() -> None:
    for covariance in gaussian_tree(3, 2, 0.6).covariances():
        np.testing.assert_allclose(np.diag(covariance), 1, rtol=1e-14)


def test_leaves_are_summed_by_a_tree() -> None:
    chain = gaussian_tree(3, 2, 0.8)
    census = np.ones((1, 8))
    whole = information_along(chain)[-1]
    assert information_of(chain, census) == pytest.approx(whole, abs=1e-12)
    assert information_of(chain, np.eye(8)[:1]) < whole - 0.1  # one leaf


def test_the_threshold_of_a_deep_tree() -> None:
    at = math.sqrt(0.5)
    assert tree_information(math.inf, 2, 0.99 * at) == 0
    assert tree_information(math.inf, 2, 1.01 * at) > 0.01
    theta = 1.05 * at
    limit = tree_information(math.inf, 2, theta)
    assert tree_information(400, 2, theta) == pytest.approx(limit, rel=1e-9)
    below = 0.9 * at
    ratio = tree_information(60, 2, below) / tree_information(59, 2, below)
    assert ratio == pytest.approx(2 * below**2, rel=1e-4)
    # At the threshold x₀ = n (1 - θ²): 1/n.
    assert tree_information(10**4, 2, at) == pytest.approx(
        1 / (10**4 * math.log(2)), rel=1e-3
    )


# The sky


@cache
def small_sky(noise: float = 0.5) -> Sky:
    spectra = power_laws([0.5, 1.0, 2.0, 4.0], [0.0, 0.5, 1.0], [2.0, 8.0])
    return Sky(33, (1, 4, 17), spectra, noise)


def test_waves_are_orthonormal() -> None:
    for pixels in (1, 2, 7, 12):
        basis = fourier_basis(pixels)
        np.testing.assert_allclose(basis @ basis.T, np.eye(pixels), atol=1e-13)


def test_waves_diagonalize_shifts() -> None:
    basis = fourier_basis(9)
    shift = basis @ np.roll(basis, 1, axis=1).T
    for m in range(1, 9):
        assert shift[m, m] == pytest.approx(math.cos(2 * math.pi * ((m + 1) // 2) / 9))


def test_modes_fall_into_bands() -> None:
    sky = small_sky()
    assert sky.counts.tolist() == [6, 26]
    assert (sky.band == -1).sum() == 1  # the mean of all pixels
    assert Sky(8, (1, 3, 5), np.ones((1, 2)), 0.1).counts.tolist() == [4, 3]


def test_the_way_back_is_bayes_with_all_pixels() -> None:
    sky = small_sky()
    data = sky.sample(20, rng=np.random.default_rng(1))["data"]
    layered = log_likelihood(sky, band_powers(sky, modes(sky, data)))
    direct = direct_log_likelihood(sky, data)
    apart = (layered - direct) - (layered - direct)[:, :1]
    assert np.abs(apart).max() < 1e-11
    wrong = log_likelihood(sky, band_powers(sky, data))  # without the Fourier step
    off = (wrong - direct) - (wrong - direct)[:, :1]
    assert np.abs(off).max() > 0.1


def test_the_direct_likelihood_is_a_normal_law() -> None:
    sky = small_sky()
    data = sky.sample(3, rng=np.random.default_rng(2))["data"]
    found = direct_log_likelihood(sky, data)
    basis = fourier_basis(33)
    for k in (0, 7):
        power = np.zeros(33)
        power[1:7], power[7:] = sky.spectra[k]
        covariance: Any = basis.T @ np.diag(power) @ basis + 0.5 * np.eye(33)
        expected = multivariate_normal(np.zeros(33), covariance).logpdf(data)
        np.testing.assert_allclose(found[:, k], expected, rtol=1e-11)


def test_each_step_back_meets_the_level_it_undoes() -> None:
    sky = small_sky(0.0)
    drawn = sky.sample(50, rng=np.random.default_rng(4))
    np.testing.assert_array_equal(drawn["data"], drawn["pixels"])
    np.testing.assert_allclose(modes(sky, drawn["data"]), drawn["modes"], atol=1e-13)


def test_band_powers_scatter_around_the_spectrum() -> None:
    """ν C / V is χ² with ν degrees of freedom: level 1e-5 for each band; 10% of the
    noise, 2% of V, is seen.
    """
    sky = small_sky()
    drawn = sky.sample(20_000, rng=np.random.default_rng(5))
    powers = band_powers(sky, modes(sky, drawn["data"]))

    def outside(noise: float) -> bool:
        total = (powers / (drawn["spectrum"] + noise)).sum(axis=0) * sky.counts
        freedom = 20_000 * sky.counts
        edges = chi2.ppf([[5e-6], [1 - 5e-6]], freedom)
        return bool(((total < edges[0]) | (total > edges[1])).any())

    assert not outside(0.5)
    assert outside(0.5 * 1.1)


def test_the_field_is_wiener_filtered() -> None:
    """Given its spectrum the sky is a linear chain: modes → pixels with noise."""
    sky = small_sky()
    power = sky.variances()[5] + 1e-3  # the mean of all pixels too
    chain = GaussianChain(
        np.diag(power), (fourier_basis(33).T,), (sky.noise * np.eye(33),)
    )
    data = sky.sample(4, rng=np.random.default_rng(6))["data"]
    np.testing.assert_allclose(
        statistics(chain, data)[0], modes(sky, data) / sky.noise, atol=1e-12
    )
    np.testing.assert_allclose(
        posterior(chain, data)[0], power / (power + 0.5) * modes(sky, data), atol=1e-12
    )


def test_information_of_one_band_by_another_quadrature() -> None:
    sky = small_sky()
    half, v = sky.counts[0] / 2, sky.spectra[:, 0] + sky.noise

    def density(c: float) -> np.ndarray:
        x = half * c / v
        return np.exp(half * np.log(x) - x - math.lgamma(half)) / c

    def term(c: float) -> float:
        p = density(c)
        return float((p * np.log2(p / p.mean())).mean())

    expected = quad(term, 0, 60, limit=400, epsabs=1e-12)[0]
    assert sky_information(sky, bands=[0]) == pytest.approx(expected, abs=1e-7)


def test_the_quadrature_converges() -> None:
    sky = small_sky()
    values = [sky_information(sky, nodes=n) for n in (10, 20, 40, 80)]
    steps = np.abs(np.diff(values))
    assert (steps[1:] < steps[:-1] / 10).all()
    assert steps[-1] < 1e-8


def test_the_quadrature_is_the_mean_over_drawn_skies() -> None:
    """Within 4 standard errors (level 6e-5); ten per cent of the noise is seen."""
    sky = small_sky()
    value, error = sampled_information(sky, 60_000, rng=np.random.default_rng(11))
    assert abs(value - sky_information(sky)) < 4 * error
    assert abs(value - sky_information(small_sky(0.55))) > 4 * error


def test_what_each_step_of_a_sky_destroys() -> None:
    profile = sky_profile(small_sky())
    assert profile.parameter == pytest.approx(math.log2(12), rel=1e-14)
    lost = profile.lost
    assert lost["spectrum"] == lost["pixels"] == 0
    assert lost["modes"] > 1  # cosmic variance
    assert lost["data"] > 0.3  # noise
    assert sum(lost.values()) == pytest.approx(profile.parameter - profile.data)


def test_limits_of_a_sky() -> None:
    sky = small_sky()
    noises = [0.0, 0.1, 1.0, 10.0, 1e4]
    bits = [sky_information(small_sky(noise)) for noise in noises]
    assert (np.diff(bits) < 0).all()
    assert bits[-1] < 1e-5
    assert bits[0] == pytest.approx(sky_profile(sky).modes, abs=1e-14)
    # Each band alone knows less, and more than nothing together: subadditivity.
    alone = [sky_information(sky, bands=[b]) for b in (0, 1)]
    assert max(alone) < sky_information(sky) < sum(alone)


def test_equal_spectra_are_one() -> None:
    spectra = np.array([[1.0], [1.0], [3.0]])
    profile = sky_profile(Sky(9, (1, 5), spectra, 0.2))
    assert profile.lost["spectrum"] == pytest.approx(2 / 3, rel=1e-14)
    joined = Sky(9, (1, 5), np.array([[1.0], [3.0]]), 0.2, np.array([2 / 3, 1 / 3]))
    assert profile.data == pytest.approx(sky_information(joined), abs=1e-13)


@pytest.mark.parametrize(
    "call",
    [
        lambda: GaussianChain(np.eye(1), (), ()),
        lambda: GaussianChain(np.eye(2), (np.eye(3),), (np.eye(3),)),
        lambda: GaussianChain(-np.eye(1), (np.eye(1),), (np.eye(1),)),
        lambda: GaussianChain(np.ones((1, 2)), (np.eye(1),), (np.eye(1),)),
        lambda: statistics(CHAINS["tree"], np.ones((2, 7))),
        lambda: tree_information(2, 2, 1.0),
        lambda: gaussian_tree(0, 2, 0.5),
        lambda: Sky(8, (1, 6), np.ones((1, 1)), 0.1),
        lambda: Sky(8, (1, 3), np.ones((1, 2)), 0.1),
        lambda: Sky(8, (1, 3), np.zeros((1, 1)), 0.1),
        lambda: Sky(8, (1, 3), np.ones((2, 1)), 0.1, np.array([0.5, 0.6])),
        lambda: sky_information(small_sky(), bands=[]),
        lambda: sky_information(small_sky(), nodes=1001),
    ],
)
def test_bad_input_gets_a_sentence(call) -> None:
    with pytest.raises(ValueError, match="got"):
        call()
