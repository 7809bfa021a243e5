"""Arranging a dense layer: planted blocks come back, non-local units show."""

import numpy as np
import pytest
import torch

from kadanoff.coarse.arrange import Arrange, arrange
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.rbm import RBM

SHAPE = (12, 8)
FINE = Grid(SHAPE)
UNITS = 24


def correlated(chains=40, draws=50, seed=0, sweeps=8, coupling=0.35):
    """Short-range correlated spins: a few heat-bath sweeps, even sites then odd."""
    rng = np.random.default_rng(seed)
    spins = rng.choice([-1, 1], (chains * draws, *SHAPE))
    even = np.indices(SHAPE).sum(axis=0) % 2 == 0
    for _ in range(sweeps):
        for sites in (even, ~even):
            field = sum(
                np.roll(spins, step, axis) for step in (1, -1) for axis in (1, 2)
            )
            up = rng.random(spins.shape) < 1 / (1 + np.exp(-2 * coupling * field))
            spins = np.where(sites, np.where(up, 1, -1), spins)
    return Ensemble.from_values(spins.reshape(chains, draws, *SHAPE))


def planted(strength=0.8, seed=3):
    """One unit per 2×2 block, units and signs shuffled; block of each unit, signs."""
    rng = np.random.default_rng(seed)
    block_of, signs = rng.permutation(UNITS), rng.choice([-1, 1], UNITS)
    network = RBM(FINE, UNITS)
    sites = np.indices(SHAPE).reshape(2, -1).T // 2
    block_of_site = sites @ (SHAPE[1] // 2, 1)
    W = strength * signs * (block_of_site[:, None] == block_of)
    with torch.no_grad():
        network.W.copy_(torch.from_numpy(W))
    return network, block_of, signs


@pytest.fixture(scope="module")
def fine():
    return correlated()


@pytest.fixture(scope="module")
def planted_fit(fine):
    network, block_of, signs = planted()
    return arrange(fine, coarsen(Layer(network), fine, seed=1)), block_of, signs


def test_planted_blocks_are_recovered_exactly(planted_fit):
    fit, block_of, signs = planted_fit
    assert fit.grid == FINE.coarsened(2)
    assert (block_of[fit.permutation] == np.arange(UNITS)).all()
    assert (fit.signs == signs[fit.permutation]).all()
    assert fit.cost.value == 0


def random_weights(seed=0):
    noise = np.random.default_rng(seed).normal(size=(FINE.size, UNITS))
    network = RBM(FINE, UNITS)
    with torch.no_grad():
        network.W.copy_(torch.from_numpy(noise))
    return network


def test_non_local_units_are_as_wide_as_the_lattice(fine, planted_fit):
    """Equal responses everywhere have a width of 4.2 sites on this torus."""
    fit = arrange(fine, coarsen(Layer(random_weights()), fine, seed=1))
    even = np.sqrt((FINE.distance(np.zeros(2), FINE.positions()) ** 2).mean())
    assert fit.width.value > 0.75 * even
    assert planted_fit[0].width.value < 0.6 * even
    assert fit.cost.value > 0.5


def test_the_arranged_layer_is_the_planted_rule(fine, planted_fit):
    """Means of the shuffled units, put back, equal tanh of the block sums exactly."""
    network, *_ = planted()
    fit = planted_fit[0]
    rule = Stack((Layer(network, output="mean"), fit))
    coarse = coarsen(rule, fine)
    assert coarse.geometry == FINE.coarsened(2)
    total = fine.values.reshape(40, 50, 6, 2, 4, 2).sum(axis=(3, 5))
    np.testing.assert_allclose(coarse.values, np.tanh(0.8 * total), rtol=0, atol=1e-6)


def test_a_second_layer_is_arranged_by_its_response_to_the_original_sites(fine):
    """Six units, one for each 2×2 group of the planted ones."""
    network, block_of, signs = planted()
    second = RBM(UNITS, 6)
    row, column = np.divmod(block_of, SHAPE[1] // 2)
    coarse_block = row // 2 * 2 + column // 2
    order = np.random.default_rng(5).permutation(6)
    W = 0.8 * signs[:, None] * (coarse_block[:, None] == order)
    with torch.no_grad():
        second.W.copy_(torch.from_numpy(W))
    hidden = coarsen(Stack((Layer(network), Layer(second))), fine, seed=2)
    fit = arrange(fine, hidden)
    assert fit.grid == FINE.coarsened(4)
    assert (order[fit.permutation] == np.arange(6)).all()
    assert (fit.signs == 1).all()
    assert fit.cost.value <= 1.0


def test_units_of_an_arranged_lattice_keep_their_distances(fine):
    """Original sites may themselves be a coarse lattice, two sites apart."""
    level = coarsen(Majority(b=2), fine, seed=1)
    network = RBM(level.grid, 6)
    sites = np.indices(level.grid.shape).reshape(2, -1).T // 2 @ (2, 1)
    with torch.no_grad():
        network.W.copy_(torch.from_numpy(0.8 * (sites[:, None] == np.arange(6))))
    fit = arrange(level, coarsen(Layer(network), level, seed=1))
    assert fit.grid == FINE.coarsened(4)
    assert (fit.permutation == np.arange(6)).all()
    assert fit.cost.value == 0


def test_another_grid_may_be_given(fine):
    network, *_ = planted()
    grid = Grid((4, 6), ((3.0, 0.0), (0.0, 8 / 6)))
    fit = arrange(fine, coarsen(Layer(network), fine, seed=1), grid)
    assert fit.grid == grid
    assert sorted(fit.permutation) == list(range(UNITS))
    assert fit.cost.value > 0


def test_a_silent_unit_gets_the_place_that_is_left(fine):
    network, block_of, _ = planted()
    with torch.no_grad():
        network.W[:, 7] = 0
    hidden = coarsen(Layer(network, output="mean"), fine)  # exactly 0, no response
    fit = arrange(fine, hidden)
    assert (block_of[fit.permutation] == np.arange(UNITS)).all()


NO = Estimate(np.array(0.0), {}, 1)


def fitted():
    return Arrange(
        Grid((2, 2)), np.array([2, 0, 3, 1]), np.array([1, -1, 1, 1]), NO, NO
    )


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_the_rule_permutes_and_turns(dtype):
    values = np.array([[1, -1, 1, 1]], dtype=dtype)
    out = fitted()(values, Unordered(4), rng=np.random.default_rng(0))
    assert out.tolist() == [[[1, -1], [1, -1]]]
    assert out.dtype == dtype
    assert fitted().alphabet("pm1") == "pm1"
    assert fitted().alphabet("real") == "real"
    assert str(fitted()) == "arrange"


@pytest.mark.parametrize("given", [Unordered(5), Grid((2, 2))], ids=repr)
def test_the_rule_takes_the_layer_it_was_fitted_to(given):
    with pytest.raises(ValueError, match="4 unordered units, got"):
        fitted().coarse(given)


def test_what_cannot_be_arranged_is_refused_in_a_sentence(fine):
    hidden = coarsen(Layer(RBM(FINE, 10)), fine)
    with pytest.raises(ValueError, match="10 units are not the blocks of a lattice"):
        arrange(fine, hidden)
    with pytest.raises(ValueError, match="got 24 sites and 10 units"):
        arrange(fine, hidden, FINE.coarsened(2))
    with pytest.raises(ValueError, match="values that have positions already"):
        arrange(fine, coarsen(Majority(b=2), fine))
    other = coarsen(Layer(RBM(FINE, UNITS)), correlated(seed=1))
    with pytest.raises(ValueError, match="same chains and draws"):
        arrange(fine, other)
