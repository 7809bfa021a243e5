from __future__ import annotations

import math

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw, planted, random_spins
from scipy import ndimage

from kadanoff.coarse.block import Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.weighted import Weighted
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments import response
from kadanoff.instruments.fields import count_patches
from kadanoff.instruments.receptive import (
    direct_response,
    locality,
    response_matrix,
)
from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample

ROOT = {"step": "test"}


def free_spins(side: int, configurations: int, seed: int) -> Ensemble:
    """Independent spins on 64 chains: the response is the map's alone."""
    return Ensemble.from_values(
        random_spins((64, configurations // 64, side, side), seed)
    )


def vote(fine: Ensemble, seed: int) -> Ensemble:
    """Majority of 2×2 blocks, a tie by a coin: R = 3/8 on four sites, 0 elsewhere."""
    v = fine.values
    total = np.sum([v[..., x::2, y::2] for x in (0, 1) for y in (0, 1)], axis=0)
    coins = random_spins(total.shape, seed)
    signs = np.where(total == 0, coins, np.sign(total)).astype(np.int8)
    return fine.derived(signs, fine.grid.coarsened(2), "pm1", ROOT)


def layer(fine: Ensemble, values: np.ndarray) -> Ensemble:
    """An unordered layer of `(chain, draw, unit)` ±1 values."""
    return fine.derived(values, Unordered(values.shape[-1]), "pm1", ROOT)


def test_response_of_a_tiny_system_is_the_enumerated_one():
    """h = sign(v0 + v1 + v5) on 4×4 at K = 0.3: 16 entries at 4 σ, σ = 0.006."""
    states, p = all_states((4, 4)), planted((4, 4), {"nn": 0.3, "field": 0.05})
    fine = draw(states, p, chains=64, draws=400, seed=1)

    def unit(spins: np.ndarray) -> np.ndarray:
        flat = spins.reshape(*spins.shape[:-2], 16).astype(int)
        return np.sign(flat[..., 0] + flat[..., 1] + flat[..., 5]).astype(np.int8)

    flat, h = states.reshape(-1, 16).astype(float), unit(states).astype(float)
    exact = (p * h) @ flat - (p @ h) * (p @ flat)
    found = response_matrix(fine, layer(fine, unit(fine.values)[..., None]))
    assert found.shape == (16, 1)
    error = 1 / np.sqrt(fine.size)
    assert abs(found[:, 0] - exact).max() < 4 * error
    # Negative control: the response that is not connected differs.
    assert abs(found[:, 0] - (p * h) @ flat).max() > 4 * error


def test_direct_response_solves_the_normal_equations():
    """The same unit without a field: D = C⁻¹ R, exact C; 16 entries, σ up to 0.012."""
    states, p = all_states((4, 4)), planted((4, 4), {"nn": 0.35})
    fine = draw(states, p, chains=64, draws=400, seed=22)
    flat = states.reshape(-1, 16).astype(float)
    v = fine.values.reshape(64, 400, 16).astype(int)
    h = np.sign(flat[:, 0] + flat[:, 1] + flat[:, 5])
    units = np.sign(v[..., [0]] + v[..., [1]] + v[..., [5]]).astype(np.int8)
    covariance = (flat * p[:, None]).T @ flat
    response = (p * h) @ flat
    found = direct_response(fine, layer(fine, units))[:, 0]
    exact = np.linalg.solve(covariance, response)
    assert abs(found - exact).max() < 0.04
    # Negative control: the response itself is far from it.
    assert abs(response - exact).max() > 0.2
    assert set(np.argsort(found)[-3:]) == {0, 1, 5}


def test_only_the_direct_response_is_local_at_criticality():
    """The response of any unit fills the lattice there, the direct one does not.

    Uniform on 16×16: √(2 (16² + 2)/12) = 6.56. A block vote is 1 wide from any of its
    four sites, a kept spin 0, a random projection of all spins as wide as the lattice.
    """
    fine = sample(Ising((16, 16)), coupling=K_C, draws=8192, seed=23)
    vote_reading = locality(fine, vote(fine, seed=24))
    spins = fine.values.reshape(fine.chains, fine.draws, 256)
    weights = np.random.default_rng(25).standard_normal((256, 64))
    random = np.sign(spins @ weights).astype(np.int8)
    random_reading = locality(fine, layer(fine, random))
    kept_reading = locality(fine, layer(fine, spins[..., ::4].copy()))
    for reading in (vote_reading, random_reading, kept_reading):
        assert abs(reading.width.value - 6.3) < 0.2
    vote_width = vote_reading.direct_width
    assert abs(vote_width.value - 1) < 4 * vote_width.error
    assert vote_width.error < 0.05
    assert kept_reading.direct_width.value == 0
    assert random_reading.direct_width.value > 5
    assert vote_reading.direct_patches.value == kept_reading.direct_patches.value == 1
    assert random_reading.direct_patches.value > 10


def test_response_of_real_values_is_their_covariance(monkeypatch):
    rng = np.random.default_rng(2)
    values = rng.standard_normal((4, 30, 3, 5)).astype(np.float32)
    fine = Ensemble.from_values(values, alphabet="real")
    units = layer(fine, random_spins((4, 30, 7), 2))
    v, h = values.reshape(120, 15), units.values.reshape(120, 7)
    expected = np.cov(v.T, h.T, ddof=0)[:15, 15:]
    monkeypatch.setattr(response, "ROWS", 11)
    assert np.allclose(response_matrix(fine, units), expected, rtol=0, atol=1e-6)


def test_groups_are_runs_of_chains_and_each_is_left_out_once():
    fine = free_spins(4, 64 * 3, seed=26)
    coarse = vote(fine, seed=27)
    turn = next(response.responses(fine, coarse))
    everything = np.full((1, 16), 1 / 16)
    without = (1 - np.eye(16)) / 15
    assert np.allclose(turn.shares, np.vstack([everything, without]), atol=1e-15)
    for group in (0, 9):
        chains = slice(4 * group, 4 * group + 4)
        alone = response_matrix(fine.select(chains), coarse.select(chains))
        assert np.allclose(turn.connected[group], alone.T, rtol=0, atol=1e-6)


def test_units_may_be_read_in_turns(monkeypatch):
    fine = free_spins(8, 4096, seed=20)
    whole = locality(fine, vote(fine, seed=21))
    monkeypatch.setattr(response, "HELD_VALUES", 64 * 16 * 3)
    turns = locality(fine, vote(fine, seed=21))
    assert turns.width.value == pytest.approx(float(whole.width.value), abs=1e-6)
    assert turns.width.error == pytest.approx(float(whole.width.error), abs=1e-6)
    assert turns.mean_patches.value == whole.mean_patches.value == 1
    for one, other in (
        (whole.correlator, turns.correlator),
        (whole.raw_correlator, turns.raw_correlator),
    ):
        assert np.allclose(one.value.value, other.value.value, rtol=0, atol=1e-8)
        assert np.allclose(one.value.error, other.value.error, rtol=0, atol=1e-8)


def test_a_block_vote_is_local():
    """Width 1 from the nearest site (d² = 0, 1, 1, 2), one patch, known correlator."""
    fine = free_spins(16, 8192, seed=3)
    found = locality(fine, vote(fine, seed=4))
    assert found.responding == 1
    assert abs(found.width.value - 1) < 2 * found.width.error < 0.3
    assert float(found.patches.value) == float(found.mean_patches.value) == 1
    # (3/8)² × pairs of sites of a block at distance r, over displacements at r × sites.
    expected = np.zeros(found.correlator.distance.size)
    expected[:3] = (9 / 64) * np.array([4, 8 / 4, 4 / 4]) / 256
    for correlator in (found.correlator, found.raw_correlator):
        pull = (correlator.value.value - expected) / correlator.value.error
        # 45 distances; errors from 16 groups, of tails heavier than normal.
        assert abs(pull).max() < 5
        wrong = (correlator.value.value - 1.02 * expected) / correlator.value.error
        assert abs(wrong).max() > 5


def mean_width(configurations: int, repeats: int) -> tuple[float, float, float]:
    """Mean width of votes on 8×8 over repeats, its error, and the quoted error."""
    readings = []
    for seed in range(repeats):
        fine = free_spins(8, configurations, seed)
        readings.append(locality(fine, vote(fine, seed + 1000)).width)
    values = np.array([float(w.value) for w in readings])
    quoted = float(np.mean([w.error for w in readings]))
    return values.mean(), values.std() / np.sqrt(repeats), quoted


def naive_width(fine: Ensemble, coarse: Ensemble) -> float:
    """Width with the squares of the noisy response itself."""
    squares = response_matrix(fine, coarse).T ** 2
    positions = fine.grid.positions()
    d2 = fine.grid.distance(positions[:, None], positions[None]) ** 2
    moments = (squares @ d2).min(axis=1) / squares.sum(axis=1)
    return float(np.sqrt(np.median(moments)))


@pytest.mark.parametrize("configurations", [512, 2048])
def test_noise_does_not_widen_a_local_response(configurations):
    """The bias of the width is below the quoted error, and the naive width's is not."""
    mean, spread, quoted = mean_width(configurations, 20)
    assert abs(mean - 1) < quoted - spread
    fine = free_spins(8, configurations, seed=5)
    assert naive_width(fine, vote(fine, seed=6)) - 1 > 3 * quoted


def test_quoted_errors_of_the_width_are_safe():
    """They may exceed the spread of repeats, by no more than a factor of 3.5."""
    _, error, quoted = mean_width(2048, 20)
    assert 0.9 < quoted / (error * np.sqrt(20)) < 3.5


def test_scattered_inputs_are_wide_and_in_pieces():
    """Each unit sums three sites far from each other: three patches, never one."""
    fine = free_spins(12, 8192, seed=7)
    flat = fine.values.reshape(64, -1, 144).astype(int)
    sites = np.array([[0, 40, 80], [5, 50, 100], [12, 66, 130], [30, 90, 140]])
    units = np.sign(flat[..., sites].sum(axis=-1)).astype(np.int8)
    found = locality(fine, layer(fine, units))
    assert float(found.patches.value) == float(found.mean_patches.value) == 3
    assert found.width.value - 3 > 10 * found.width.error
    local = locality(fine, vote(fine, seed=8))
    assert (found.width - local.width).value > 10 * found.width.error


def test_units_of_their_own_do_not_respond():
    fine = free_spins(8, 4096, seed=9)
    units = layer(fine, random_spins((64, 64, 200), seed=10))
    found = locality(fine, units)
    # The rate of false alarms per unit is about 1 in 1000.
    assert found.responding < 0.02
    pull = found.correlator.value.value / found.correlator.value.error
    assert abs(pull).max() < 5
    nothing = locality(fine, layer(fine, np.ones((64, 64, 3), np.int8)))
    assert nothing.responding == 0
    assert np.isnan(nothing.width.value)
    assert np.isnan(nothing.patches.value)


def test_biased_units_offset_the_raw_correlator_only():
    """⟨v h⟩ of magnetized spins and biased units: an offset m² c² at every distance."""
    rng = np.random.default_rng(11)
    v = (rng.random((64, 64, 8, 8)) < 0.7) * 2 - 1
    fine = Ensemble.from_values(v.astype(np.int8))
    h = (rng.random((64, 64, 6)) < 0.8) * 2 - 1
    found = locality(fine, layer(fine, h.astype(np.int8)))
    offset = (0.4 * 0.6) ** 2
    raw = found.raw_correlator.value
    assert (abs(raw.value - offset) < 5 * raw.error).all()
    assert (raw.value > 20 * raw.error).all()
    connected = found.correlator.value
    assert (abs(connected.value) < 5 * connected.error).all()


@pytest.mark.parametrize("shape", [(9,), (7, 10), (5, 4, 6)])
def test_patches_equal_labels_joined_across_the_border(shape):
    rng = np.random.default_rng(12)
    masks = rng.random((40, *shape)) < 0.4
    masks[0], masks[1] = True, False
    expected = [_periodic_labels(mask) for mask in masks]
    assert np.array_equal(count_patches(Grid(shape), masks), expected)
    assert max(expected) > 2


def _periodic_labels(mask: np.ndarray) -> int:
    """The lattice laid out three times along each axis; regions of one site are one."""
    tiled = np.tile(mask, 3 * np.ones(mask.ndim, int))
    label = np.zeros(tiled.shape, dtype=int)
    ndimage.label(tiled, output=label)
    spans = [
        tuple(slice(c * n, c * n + n) for c, n in zip(copy, mask.shape, strict=True))
        for copy in np.ndindex(*[3] * mask.ndim)
    ]
    images = np.stack([label[span][mask] for span in spans])  # (copies, sites)
    groups: list[set[int]] = []
    for labels in images.T:
        touching = [g for g in groups if g & set(labels.tolist())]
        groups = [g for g in groups if g not in touching]
        groups.append(set(labels.tolist()).union(*touching))
    return len(groups)


def test_refusals():
    fine = free_spins(4, 256, seed=13)
    other = free_spins(4, 256, seed=14)
    with pytest.raises(ValueError, match="same chains and draws"):
        response_matrix(fine, vote(other, seed=15))
    with pytest.raises(ValueError, match="needs sites with positions"):
        locality(layer(fine, random_spins((64, 4, 16), 16)), vote(fine, seed=17))
    short = Ensemble.from_values(random_spins((1, 1, 4, 4), 18))
    with pytest.raises(ValueError, match="at least 2 blocks"):
        locality(short, vote(short, seed=19))


def test_too_few_configurations_give_no_direct_reading():
    """At 1024 of 32×32 noise reaches half of what a vote listens to by chance."""
    fine = sample(Ising((32, 32)), coupling=K_C, draws=1024, seed=4)
    few = locality(fine, coarsen(Majority(b=2), fine, seed=1))
    assert few.responding == 1
    assert few.directly == 0
    assert np.isnan(few.direct_width.value)
    more = sample(Ising((32, 32)), coupling=K_C, draws=8192, seed=4)
    read = locality(more, coarsen(Majority(b=2), more, seed=1))
    assert read.directly > 0.9
    assert abs(read.direct_width.value - 1) < 4 * read.direct_width.error < 0.1


def test_direct_widths_do_not_depend_on_how_many_configurations_there_are():
    """A vote is 1 wide at 4096 and at 65 536, within 4 errors of either."""
    widths = []
    for draws in (4096, 65_536):
        fine = sample(Ising((16, 16)), coupling=K_C, draws=draws, seed=5)
        widths.append(locality(fine, coarsen(Majority(b=2), fine)).mean_direct_width)
    for width in widths:
        assert abs(width.value - 1) < 4 * width.error
    assert widths[1].error < widths[0].error / 3


def test_units_of_one_site_are_told_from_the_same_units_misplaced():
    """Both are 0 wide; a kept spin is in its own place, a misplaced one far from it."""
    fine = sample(Ising((16, 16)), coupling=K_C, draws=4096, seed=6)
    kept = coarsen(Decimation(b=2), fine)
    order = np.random.default_rng(7).permutation(64)
    flat = kept.values.reshape(kept.chains, kept.draws, 64)[..., order]
    misplaced = fine.derived(
        flat.reshape(kept.values.shape), kept.geometry, "pm1", {"step": "misplaced"}
    )
    reach = {}
    for name, coarse in (("kept", kept), ("misplaced", misplaced)):
        read = locality(fine, coarse)
        assert abs(read.direct_width.value) < 0.1
        reach[name] = float(read.direct_reach.value)
    assert reach["kept"] == pytest.approx(0, abs=0.1)
    assert reach["misplaced"] > 4
    units = locality(fine, layer(fine, flat))
    assert np.isnan(units.direct_reach.value)


def test_a_filter_of_zero_sum_responds_at_its_own_block():
    """Its response to the whole lattice is lost in noise, not that to its block."""
    fine = sample(Ising((16, 16)), coupling=K_C, draws=4096, seed=8)
    weights = np.array([[1.0, -1.0], [-1.0, 1.0]]) + 0.3 * np.eye(2)
    weights -= weights.mean()
    read = locality(fine, coarsen(Weighted(weights), fine))
    assert read.responding == 1
    assert read.direct_reach.value == pytest.approx(math.sqrt(0.5), abs=0.1)
