"""Patch correlators against slow twins, enumeration and closed forms.

Statistical comparisons are made at four or five errors (levels 6e-5 and 6e-7).
"""

import numpy as np
import pytest

from kadanoff.coarse.block import Average
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.enumerate import moments
from kadanoff.experiments.demellokoch2020.block_patches import (
    block_correlator,
    blocked,
    spin_field,
)
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.falloff import line, rise
from kadanoff.experiments.demellokoch2020.patches import (
    drawn_hidden,
    in_box,
    maps,
    on_own_scale,
    on_torus,
    patch_correlator,
    pooled,
    read,
    spots,
    turned_up,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.rbm import RBM
from kadanoff.samplers.run import sample

SURE = 5.0


@pytest.fixture(scope="module")
def fine():
    return sample(Ising((4, 4)), coupling=K_C, draws=32_768, chains=64, seed=1)


@pytest.fixture(scope="module")
def blocks(fine):
    return coarsen(Average(b=2), fine)


def by_hand(fields, *, wraps):
    """The definition, pair by pair: {distance: mean of Σ_a C_a(x) C_a(y)}."""
    _, height, width = fields.shape
    sums = {}
    places = [(x, y) for x in range(height) for y in range(width)]
    for one in places:
        for other in places:
            step = np.abs(np.subtract(one, other))
            if wraps:
                step = np.minimum(step, [height, width] - step)
            key = round(float(np.hypot(*step)), 6)
            value = float(fields[:, *one] @ fields[:, *other])
            sums.setdefault(key, []).append(value)
    return {key: np.mean(values) for key, values in sums.items()}


@pytest.mark.parametrize("wraps", [True, False])
@pytest.mark.parametrize("shape", [(4, 6), (5, 5)])
def test_the_correlator_is_the_mean_over_pairs(shape, wraps):
    fields = np.random.default_rng(0).normal(size=(3, *shape))
    pairs = (on_torus if wraps else in_box)(Grid(shape))
    expected = by_hand(fields, wraps=wraps)
    assert pairs.distance.round(6).tolist() == sorted(expected)
    found = patch_correlator(fields, pairs)
    np.testing.assert_allclose(found, [expected[r] for r in sorted(expected)])


def test_distances_of_a_coarse_lattice_are_in_original_sites():
    coarse = Grid((8, 8)).coarsened(2)
    assert on_torus(coarse).distance[1] == 2
    assert in_box(coarse).distance[1] == 2


def test_the_reading_is_the_correlator_of_the_maps(fine, blocks):
    reading = read(fine, blocks)
    v, h = (e.values.reshape(e.size, -1).astype(float) for e in (fine, blocks))
    fields = (h.T @ v / fine.size).reshape(-1, 4, 4)
    plain = patch_correlator(fields, on_torus(fine.grid))
    np.testing.assert_allclose(reading.counted.value, plain, rtol=1e-5)
    # What noise adds to a square is of the order of units/n.
    assert abs(reading.raw.value - plain).max() < 10 * 4 / fine.n_eff
    np.testing.assert_allclose(maps(fine, blocks, 4), fields, rtol=1e-6)
    boxed = patch_correlator(fields, in_box(fine.grid))
    assert abs(reading.boxed.value - boxed).max() < 10 * 4 / fine.n_eff


def test_noise_is_taken_off_squares():
    """Units that are coins: G is 0, and its plain square is N_h/n at r = 0."""
    rng = np.random.default_rng(3)
    spins = Ensemble.from_values(rng.choice([-1, 1], (64, 20, 8, 8)), lineage="a")
    coins = Ensemble.from_values(rng.choice([-1, 1], (64, 20, 4, 4)), lineage="a")
    found = read(spins, coins)
    assert abs(found.raw.value[0]) < SURE * found.raw.error[0]
    assert found.counted.value[0] == pytest.approx(16 / (64 * 20), rel=0.15)
    assert found.counted.value[0] > SURE * found.raw.error[0]


def test_block_averages_have_the_correlator_of_the_lattice(fine, blocks):
    """⟨s s⟩ of 4×4 by transfer matrix → G in closed form, and by simulation."""
    exact = block_correlator(spin_field((4, 4)), 2)
    pairs = on_torus(fine.grid)
    reading = read(fine, blocks)
    expected = pairs.average(exact * 16)
    off = abs(reading.raw.value - expected) / reading.raw.error
    assert off.max() < SURE
    varying = expected - exact.mean()
    off = abs(reading.varying.value - varying) / reading.varying.error
    assert off.max() < SURE
    wrong = pairs.average(block_correlator(spin_field((4, 4)) ** 1.1, 2) * 16)
    off = abs(reading.raw.value - wrong) / reading.raw.error
    assert off.max() > 2 * SURE


def test_the_uniform_part_is_the_square_of_the_magnetization():
    """N_h ⟨m²⟩² with ⟨m²⟩ by enumeration; the mean of G over displacements."""
    exact = block_correlator(spin_field((4, 4)), 2)
    squared = moments((4, 4), K_C).m2
    assert exact.mean() == pytest.approx(4 * squared**2, rel=1e-12)


def test_the_uniform_part_is_the_mean_of_g(fine, blocks):
    reading = read(fine, blocks)
    many = np.bincount(reading.pairs.shell)
    mean = reading.raw.map(lambda g: (g * many).sum() / many.sum())
    assert float(reading.uniform.value) == pytest.approx(float(mean.value), rel=1e-6)
    assert float(reading.uniform.error) == pytest.approx(float(mean.error), rel=1e-4)


def test_blocked_twice_is_blocked_by_four():
    field = spin_field((8, 8))
    np.testing.assert_allclose(blocked(blocked(field, 2), 2), blocked(field, 4))
    whole = blocked(field, 8)
    assert whole.shape == (1, 1)
    assert whole[0, 0] == pytest.approx(field.mean())


def test_the_critical_torus_joins_the_lattice():
    from kadanoff.exact.torus_cft import spin_correlation

    exact = spin_field((8, 8))
    limit = spin_correlation(np.moveaxis(np.indices((8, 8)), 0, -1), (8, 8))
    assert abs(exact / limit - 1).max() < 0.015
    assert abs(exact / limit - 1)[2:7, 2:7].max() < 0.006


def test_signs_of_units_drop_out(fine, blocks):
    signs = np.array([[1, -1], [-1, -1]])
    other = blocks.derived(blocks.values * signs, blocks.geometry, "real", {})
    for way in ("raw", "connected", "one_sided", "uniform", "boxed"):
        before, after = (getattr(read(fine, e), way) for e in (blocks, other))
        np.testing.assert_allclose(after.value, before.value, rtol=1e-5, atol=1e-7)


def test_turned_up_leaves_the_map_and_takes_most_of_the_offset(fine, blocks):
    up, turned = turned_up(fine, blocks)
    assert (up.values.reshape(up.size, -1).sum(axis=1) >= 0).all()
    np.testing.assert_allclose(maps(up, turned), maps(fine, blocks), atol=1e-6)
    found = read(fine, blocks)
    assert found.one_sided.value[-1] < 0.3 * found.raw.value[-1]
    # Connected without turning takes nothing: ⟨v⟩ = 0.
    assert found.connected.value[-1] > 0.98 * found.raw.value[-1]


def test_a_line_is_found_straight_and_a_parabola_is_not():
    rng = np.random.default_rng(5)
    r = on_torus(Grid((16, 16))).distance
    noises = rng.normal(size=(300, 16, len(r))) + 20 * rng.normal(size=(300, 16, 1))
    p = [line(r, _of(50 - 0.3 * r + 0.1 * noise)).p for noise in noises]
    # Uniform where G is a line, whatever all points have in common.
    assert abs(np.mean(p) - 0.5) < 4 * np.sqrt(1 / 12 / 300)
    assert 0.02 < np.mean(np.array(p) < 0.1) < 0.2
    bent = line(r, _of(50 - 0.3 * r + 0.02 * r**2 + 0.1 * noises[0]))
    assert bent.p < 1e-4
    assert bent.naive < 1  # single bars see nothing: all points move together
    assert bent.bent > 0.02


def _of(groups):
    replicates = (groups.sum(axis=0) - groups) / (len(groups) - 1)
    return Estimate(groups.mean(axis=0), {"x": replicates}, len(groups))


def test_the_rise_is_that_of_the_largest_distances():
    r = np.linspace(0, 10, 101)
    flat = Estimate(np.where(r > 9.5, 3.0, 1.0), {}, 1)
    assert float(rise(r, flat).value) == 2


def test_spots_are_counted_and_measured():
    """Units that repeat one spin and two spins of a hot magnet."""
    rng = np.random.default_rng(2)
    spins = rng.choice([-1, 1], (32, 200, 8, 8))
    one = spins[..., 0, 0]
    both = (spins[..., 2, 2] + spins[..., 6, 6]) / 2
    values = np.stack([one, both], axis=-1)
    fine = Ensemble.from_values(spins, lineage="a")
    hidden = Ensemble.from_values(values[..., None], alphabet="real", lineage="a")
    number, area = spots(fine, hidden)
    assert number.tolist() == [1, 2]
    assert area.tolist() == [1, 1]


def test_pooled_errors_hold_the_chains_and_the_seeds():
    chains = np.array([-0.1, 0.1])
    readings = [Estimate(np.array(v), {"a": v + chains}, 2) for v in (1.0, 2.0, 3.0)]
    value, error = pooled(readings)
    assert value == 2
    assert error == pytest.approx(np.hypot(0.1, 1 / np.sqrt(3)))
    assert pooled(readings[:1])[1] == pytest.approx(0.1)


def test_hidden_units_on_a_grid_are_the_same_units(fine):
    machine = RBM((4, 4), 4, seed=1)
    loose = drawn_hidden(machine, fine, seed=2)
    placed = drawn_hidden(machine, fine, seed=2, grid=fine.grid.coarsened(2))
    assert placed.shape == (2, 2)
    np.testing.assert_array_equal(
        placed.values.reshape(fine.chains, fine.draws, 4), loose.values
    )
    with pytest.raises(ValueError, match="4 sites"):
        drawn_hidden(RBM((4, 4), 3), fine, seed=2, grid=Grid((2, 2)))


def test_noise_of_sites_is_taken_off_where_it_is_asked_for(tmp_path):
    """Block averages at the farthest corners: the closed form, far sharper; 5 errors.

    The mean over all pairs of a map keeps its uniform part: nothing is added to it.
    """
    fine = drawn(Work(5, tmp_path, lambda *_: None), (8, 8), T_C, 2048)
    blocks = coarsen(Average(b=2), fine)
    found = read(fine, blocks, alike=True)
    assert read(fine, blocks).steady is None
    exact = block_correlator(spin_field((8, 8)), 2)
    box = in_box(Grid((8, 8)))
    expected = box.average(np.tile(exact, (2, 2)) * box.count.reshape(box.sides))
    off = (found.steady - found.uniform).map(
        lambda g: g[-1] - expected[-1] + exact.mean()
    )
    noisy = (found.boxed - found.uniform)[-1]
    assert abs(off.value) < 5 * off.error
    assert noisy.error > 5 * off.error


def test_maps_are_turned_and_keep_the_range_they_had():
    one = np.array([[0.25, 1.0], [0.5, 0.75]])
    images, ends = on_own_scale(np.stack([one, -2 * one]))
    np.testing.assert_allclose(images, [one - 0.25, 2 * one - 0.5])
    assert ends == "0.250 to 2.000"
