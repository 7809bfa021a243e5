"""Gains foretold from weights, against sums over all configurations and by hand."""

import itertools

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.demellokoch2020.block_patches import spin_field
from kadanoff.experiments.demellokoch2020.gains import (
    block_weights,
    field_variance,
    given_magnetization,
)
from kadanoff.geometry import Grid

SHAPE = (4, 4)


def test_the_variance_of_a_field_is_a_double_sum_over_sites():
    """Σ_ij W_i W_j (g_ij - ⟨m²⟩), and 0 of weights that are all alike."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(16, 3))
    g = spin_field(SHAPE)
    sites = list(itertools.product(range(4), range(4)))
    matrix = np.array(
        [[g[(a - c) % 4, (b - d) % 4] for c, d in sites] for a, b in sites]
    )
    expected = np.einsum("ia,ij,ja->a", weights, matrix - g.mean(), weights)
    np.testing.assert_allclose(field_variance(weights, SHAPE), expected, rtol=1e-10)
    assert field_variance(np.ones((16, 1)), SHAPE) == pytest.approx(0.0, abs=1e-12)


def test_units_of_uniform_weights_are_known_exactly():
    """Their field is w m: the mean unit is tanh, whatever the correlator."""
    rng = np.random.default_rng(2)
    values = rng.choice([-1, 1], size=(3, 5, *SHAPE)).astype(np.int8)
    fine = Ensemble.from_values(values, Grid(SHAPE))
    weights, bias = np.full((16, 2), [0.1, -0.3]), np.array([0.2, 0.0])
    found = given_magnetization(fine, weights, bias).values
    total = values.sum(axis=(2, 3), dtype=float)[..., None]
    np.testing.assert_allclose(found, np.tanh(total * [0.1, -0.3] + bias), atol=1e-6)


def test_a_block_votes_with_infinite_weights():
    weights = block_weights(SHAPE, 2)
    assert weights.shape == (16, 4)
    assert ((weights > 0).sum(axis=0) == 4).all()
    assert ((weights > 0).sum(axis=1) == 1).all()
    first = (weights[:, 0] > 0).reshape(SHAPE)
    assert first[:2, :2].all()


def test_other_lattices_are_refused():
    line = Ensemble.from_values(np.ones((2, 2, 8), dtype=np.int8), Grid((8,)))
    with pytest.raises(ValueError, match="two directions"):
        given_magnetization(line, np.ones((8, 1)))
