"""Fields of known shape, by weights and by response."""

import math

import numpy as np
import pytest
import torch

import kadanoff as kd
from kadanoff.experiments.mehta2014.deep_network import (
    COUPLING,
    LAYERS,
    block_network,
    hidden_layers,
)
from kadanoff.experiments.mehta2014.unit_fields import (
    block_width,
    read_direct,
    read_weights,
    response_fields,
    some_units,
    weight_fields,
)
from kadanoff.networks.dbn import DBN

SIDE = 16
SHAPE = (SIDE, SIDE)


@pytest.fixture(scope="module")
def fine():
    return kd.sample(kd.Ising(SHAPE), coupling=COUPLING, draws=20_000, seed=5)


@pytest.mark.parametrize("b", [2, 4, 8])
def test_the_width_of_an_ideal_block(b):
    assert block_width(b, 40) == pytest.approx(math.sqrt((b * b + 2) / 6), rel=1e-12)


@pytest.mark.parametrize("side", [16, 40])
def test_weights_of_blocks_are_read_exactly(side):
    rows = read_weights(block_network((side, side)), kd.Grid((side, side)))
    for level, row in zip(LAYERS, rows, strict=True):
        b = 2**level
        assert row["width"] == pytest.approx(math.sqrt((b * b + 2) / 6), rel=1e-6)
        assert (row["patches"], row["single"], row["local"]) == (1, 1, 1)
    assert [row["parents"] for row in rows[1:]] == pytest.approx([4, 4])
    for b, row in zip((2, 4), rows[1:], strict=True):
        assert row["apart"] == pytest.approx(b * (4 + 2 * math.sqrt(2)) / 6)


def test_parents_from_all_over_the_lattice_are_seen():
    """The same second layer on first units in another order: four parents, not near."""
    network = block_network(SHAPE)
    order = torch.from_numpy(np.random.default_rng(0).permutation(64))
    network.machines[0].W.data = network.machines[0].W.data[:, order]
    first, second, _ = read_weights(network, kd.Grid(SHAPE))
    assert first["local"] == 1
    assert second["parents"] == pytest.approx(4)
    assert second["apart"] > 4
    assert second["local"] < 0.2


def test_noise_is_nowhere_local():
    untrained = read_weights(DBN.dense(SHAPE, (64, 16, 4)), kd.Grid(SHAPE))
    assert all(row["local"] == 0 and row["patches"] > 10 for row in untrained)
    assert untrained[0]["width"] == pytest.approx(SIDE / math.sqrt(6), rel=0.06)


def test_a_dead_unit_has_no_field():
    network = block_network(SHAPE)
    network.machines[0].W.data[:, :16] = 0
    first = read_weights(network, kd.Grid(SHAPE))[0]
    assert (first["alive"], first["local"], first["width"]) == (0.75, 0.75, 1)


def test_responses_to_blocks_are_blocks(fine):
    """Least squares of a vote: its four sites, and little of what is around."""
    one, two, _ = hidden_layers(block_network(SHAPE), fine, seed=1)
    first, second = read_direct(fine, one, 2), read_direct(fine, two, 4)
    assert first["direct_local"] == first["direct_patches"] == 1
    assert first["direct_width"] == pytest.approx(1, abs=0.02)
    assert second["direct_local"] > 0.5
    wrong = read_direct(fine, two, 1)  # asked for one site, blocks are too wide
    assert wrong["direct_local"] < 0.1


def test_units_of_other_configurations_respond_nowhere(fine):
    one = next(hidden_layers(block_network(SHAPE), fine, seed=1))
    values = np.roll(one.values, one.chains // 4, axis=0)
    moved = one.derived(values, one.geometry, "real", {"step": "moved"})
    assert read_direct(fine, moved, 2)["direct_local"] < 0.1


def test_responses_of_some_units_are_those_that_are_counted(fine):
    """D of a block unit is largest on its own sites; another unit's is elsewhere."""
    network = block_network(SHAPE)
    first, second, _ = response_fields(network, fine, units=4, seed=1)
    assert first.shape == second.shape == (4, *SHAPE)
    weights = weight_fields(network, 1, fine.grid)[some_units(64, 4)] > 0
    inside = abs(first[weights]).min()
    assert inside > 5 * abs(first[~weights]).max()
    other = np.roll(weights, 1, axis=0)
    assert abs(first[other]).max() < 0.2 * inside


def test_units_are_spread_over_a_layer():
    assert some_units(64, 4).tolist() == [8, 24, 40, 56]
    assert some_units(4, 4).tolist() == [0, 1, 2, 3]
