"""Principal components: against the explicit matrix, and lattice waves."""

import numpy as np
import pytest
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks import pca as module
from kadanoff.networks.pca import PCA, fit_pca, reconstruction_error
from kadanoff.networks.rbm import RBM
from kadanoff.symmetry import shift

SHAPE = (4, 5)
SITES = 20


def smooth(chains=40, draws=25, shape=SHAPE, seed=1, field=0.3):
    """±1 spins whose neighbours agree often, more of them up than down."""
    noise = np.random.default_rng(seed).normal(size=(chains, draws, *shape))
    summed = noise + sum(np.roll(noise, 1, axis) for axis in (2, 3))
    return Ensemble.from_values(np.where(summed > -field, 1, -1).astype(np.int8))


def matrix(data):
    """All configurations in rows, and their covariance."""
    rows = data.values.reshape(data.size, -1).astype(float)
    return rows, np.cov(rows.T, bias=True)


def test_mean_and_scree_are_those_of_the_explicit_matrix():
    data = smooth()
    rows, covariance = matrix(data)
    found = fit_pca(data, 6)
    np.testing.assert_allclose(found.mean.numpy(), rows.mean(axis=0), atol=1e-14)
    expected = np.linalg.eigvalsh(covariance)[::-1]
    np.testing.assert_allclose(found.variance.numpy(), expected, atol=1e-12)
    shares = expected[:6] / np.trace(covariance)
    np.testing.assert_allclose(found.explained, shares, atol=1e-12)


def test_components_are_the_singular_vectors_of_the_centred_data():
    data = smooth()
    rows, _ = matrix(data)
    found = fit_pca(data, 6).components.numpy()
    vectors = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:6].T
    np.testing.assert_allclose(found.T @ found, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(abs((found * vectors).sum(axis=0)), 1, atol=1e-9)
    largest = abs(found).argmax(axis=0)
    assert (found[largest, np.arange(6)] > 0).all()


def test_chunks_add_up_to_the_whole(monkeypatch):
    data = smooth()
    whole = fit_pca(data, 6)
    chunks = Ensemble.chunks
    monkeypatch.setattr(Ensemble, "chunks", lambda self: chunks(self, 170))
    assert len(list(data.chunks())) > 100
    parts = fit_pca(data, 6)
    assert torch.equal(parts.components, whole.components)
    assert torch.equal(parts.variance, whole.variance)


@pytest.mark.parametrize("k", [1, 6, SITES])
def test_the_error_is_the_variance_left_out(k):
    data = smooth()
    found = fit_pca(data, k)
    left = float(found.variance[k:].sum()) / SITES
    assert reconstruction_error(found, data) == pytest.approx(left, abs=1e-12)


def test_other_directions_leave_a_larger_error():
    """Random orthogonal directions, and components of other data: the control."""
    data = smooth()
    best = fit_pca(data, 6)
    worse = PCA(Grid(SHAPE), 6)
    turned = np.linalg.qr(np.random.default_rng(3).normal(size=(SITES, 6)))[0]
    with torch.no_grad():
        worse.mean.copy_(best.mean)
        worse.components.copy_(torch.from_numpy(turned))
    error = reconstruction_error(best, data)
    assert reconstruction_error(worse, data) > 1.2 * error


def test_components_of_a_translation_invariant_law_are_lattice_waves():
    """Every configuration in all its shifts: λ are the values of the structure factor.

    S(k) = Σ_r C(r) e^{ikr}, C averaged over the torus, from the same configurations.
    """
    some = smooth(chains=6, draws=5, field=0.0).values.reshape(-1, *SHAPE)
    every = np.concatenate(
        [shift(some, np.full((len(some), 2), steps)) for steps in np.ndindex(*SHAPE)]
    )
    data = Ensemble.from_values(every.reshape(6, -1, *SHAPE))
    waves = np.abs(np.fft.fft2(some - some.mean())) ** 2
    factor = np.sort(waves.mean(axis=0).ravel() / SITES)[::-1]
    found = fit_pca(data, 1)
    np.testing.assert_allclose(found.variance.numpy(), factor, atol=1e-10)


def test_spins_without_a_pattern_explain_nothing():
    """Independent spins: λ ≈ 1, all within the Marchenko–Pastur edge (1 + √(N/n))²."""
    values = np.random.default_rng(1).choice([-1, 1], (40, 100, *SHAPE))
    found = fit_pca(Ensemble.from_values(values.astype(np.int8)), 1)
    edge = (1 + np.sqrt(SITES / 4000)) ** 2
    assert 1 < float(found.variance[0]) < 1.05 * edge
    assert float(fit_pca(smooth(), 1).variance[0]) > 1.5 * edge


def test_real_values_and_unordered_layers_are_fitted():
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(3, 400, 2)) @ np.array([[3.0, 0, 1], [0, 1.0, 1]]) + 5
    data = Ensemble.from_values(rows, Unordered(3), alphabet="real")
    found = fit_pca(data, 2)
    flat = data.values.reshape(-1, 3).astype(float)
    expected = np.linalg.eigvalsh(np.cov(flat.T, bias=True))[::-1]
    np.testing.assert_allclose(found.variance.numpy(), expected, atol=1e-9)
    assert reconstruction_error(found, data) < 1e-10  # two directions are all there is


def test_a_code_comes_back_as_what_it_stands_for():
    found = fit_pca(smooth(), 6)
    h = torch.randn(7, 6, dtype=torch.float64, generator=torch.Generator())
    v = found.visible_mean(h)
    assert v.shape == (7, *SHAPE)
    torch.testing.assert_close(found.hidden_mean(v), h, rtol=0, atol=1e-12)


def test_a_machine_is_read_by_the_same_error():
    data = smooth()
    nothing = RBM(SHAPE, 3).initialised(seed=1, scale=0.0)
    assert reconstruction_error(nothing, data) == pytest.approx(1, abs=1e-6)


def test_what_does_not_fit_is_refused_in_a_sentence():
    data = smooth()
    with pytest.raises(ValueError, match="between 1 and 20 components, got 21"):
        fit_pca(data, 21)
    one = Ensemble.from_values(np.ones((1, 1, 4), np.int8))
    with pytest.raises(ValueError, match="at least 2 configurations, got 1"):
        fit_pca(one, 1)
    states = Ensemble.from_values(np.zeros((2, 2, 4), int), alphabet="potts:3")
    with pytest.raises(ValueError, match="got alphabet 'potts:3'"):
        fit_pca(states, 1)
    maps = Ensemble.from_values(np.ones((2, 2, 3, 4), np.int8), Grid((4,)), features=3)
    with pytest.raises(ValueError, match="got 3 feature maps"):
        fit_pca(maps, 1)
    with pytest.raises(ValueError, match="of 20 sites, got configurations of 16"):
        fit_pca(data, 2).hidden_geometry(Grid((4, 4)))


def test_the_module_holds_no_float_copy_of_the_data():
    """What is read at a time is one chunk, whatever the number of configurations."""
    read = []

    class Watched(Ensemble):
        def read(self, block):
            read.append(block.size)
            return super().read(block)

    data = smooth(chains=8, draws=1000)
    watched = Watched(data.data, data.geometry, data.alphabet, data.lineage)
    chunks = Ensemble.chunks
    object.__setattr__(watched, "chunks", lambda: chunks(watched, 20 * 100))
    found = module.fit_pca(watched, 2)
    assert max(read) == 100
    assert sum(read) == data.size
    torch.testing.assert_close(found.components, fit_pca(data, 2).components)
