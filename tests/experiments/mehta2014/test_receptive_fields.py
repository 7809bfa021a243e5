"""Fields of known shape, by weights and by response; claims follow the numbers."""

import math

import numpy as np
import pytest
import torch

import kadanoff as kd
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    COUPLING,
    FAST,
    LAYERS,
    PAPER,
    UNTRAINED,
    block_network,
    hidden_layers,
)
from kadanoff.experiments.mehta2014.receptive_fields import (
    EXHIBIT,
    READINGS,
    block_width,
    read_direct,
    read_weights,
    sentence,
)
from kadanoff.networks.dbn import DBN

SIDE = 16
SHAPE = (SIDE, SIDE)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Trainings are shared with the tests of the other exhibits of this network."""
    runs = tmp_path_factory.getbasetemp() / "mehta2014-deep-network"
    return EXHIBIT.compute(FAST, Work(1, runs, lambda *_: None))


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
    assert first["direct_local"] == 1
    assert first["direct_width"] == pytest.approx(1, abs=0.02)
    assert second["direct_local"] > 0.5
    wrong = read_direct(fine, two, 1)  # asked for one site, blocks are too wide
    assert wrong["direct_local"] < 0.1


def test_units_of_other_configurations_respond_nowhere(fine):
    one = next(hidden_layers(block_network(SHAPE), fine, seed=1))
    values = np.roll(one.values, one.chains // 4, axis=0)
    moved = one.derived(values, one.geometry, "real", {"step": "moved"})
    assert read_direct(fine, moved, 2)["direct_local"] < 0.1


def test_block_spins_and_noise_are_told_apart(found):
    blocks, noise = (found.sel(row=r, layer=1) for r in (BLOCKS, UNTRAINED))
    assert float(blocks["direct_local"]) > 0.9
    assert float(noise["direct_local"]) == float(noise["local"]) == 0
    np.testing.assert_allclose(found["width"].sel(row=BLOCKS), found["exact_width"])
    assert float(found["uniform_width"]) == pytest.approx(SIDE / math.sqrt(6), rel=0.01)


def test_claims_follow_the_numbers(found):
    before = EXHIBIT.checks(found)
    assert len(before) == 13
    assert before[0].status is Status.NOT  # layer 1 of the paper's arm
    assert before[2].status is Status.OPEN  # 8 sites are too many for a lattice of 16
    ideal = found.copy(deep=True)
    for name in READINGS:
        for part in (name, f"{name}_error"):
            ideal[part].loc[{"row": PAPER}] = ideal[part].sel(row=BLOCKS)
    after = EXHIBIT.checks(ideal)
    assert [c.status for c in after[:2]] == [Status.REPRODUCED] * 2
    assert [c.status for c in after[3:5]] == [Status.REPRODUCED] * 2


def test_a_claim_on_one_training_is_open(found):
    few = found.assign_coords(seeds=("row", np.ones(found.sizes["row"], dtype=int)))
    statuses = [c.status for c in EXHIBIT.checks(few)]
    assert Status.OPEN in statuses[:1]
    assert {statuses[4], *statuses[6:]} == {Status.OPEN}


def test_weights_and_responses_that_disagree_are_partly(found):
    mixed = found.copy(deep=True)
    mixed["local"].loc[{"row": PAPER, "layer": 1}] = 1.0
    assert EXHIBIT.checks(mixed)[0].status is Status.PARTLY


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
    assert len(sections[1].tables) == len(LAYERS)
    assert "7.47 sites" in sections[0].text
    assert "has no block spins in its first layer: 0 %" in sentence(found)
    turned = found.assign(local=found["local"] * 0 + 1)
    assert "has block spins in its first layer: 100 %" in sentence(turned)
