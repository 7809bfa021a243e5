"""Which sites are near: exact couplings, distances, grids put back, verdicts."""

import numpy as np
import pytest

from kadanoff.exact.enumerate import all_states
from kadanoff.experiments.demellokoch2020 import geometry
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.geometry import Grid


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("geometry"), lambda *_: None)
    return geometry.compute(geometry.FAST, work)


def statuses(data):
    return [check.status for check in geometry.checks(data)]


def test_couplings_of_two_spins_against_the_sum_over_hidden_units():
    """ln Σ_h e^{vWh} = Σ_a ln 2cosh(Σ_i v_i W_ia) is J v_1 v_2 and a constant."""
    weights = np.random.default_rng(2).normal(size=(2, 5))
    v = all_states(2).astype(float)
    logs = np.log(2 * np.cosh(v @ weights)).sum(axis=1)
    exact = (logs * v.prod(axis=1)).mean()
    assert geometry.pair_couplings(weights)[0, 1] == pytest.approx(exact, abs=1e-12)


def test_one_unit_per_bond_gives_back_every_bond():
    """cosh 2w = e^{2K}: the machine whose law is Ising's has J = K on all bonds."""
    grid, k = Grid((5, 5)), 0.4406867935
    true = geometry._true_steps(grid) == 1
    pairs = np.argwhere(np.triu(true))
    weights = np.zeros((25, len(pairs)))
    for a, pair in enumerate(pairs):
        weights[pair, a] = np.arccosh(np.exp(2 * k)) / 2
    found = geometry.pair_couplings(weights)
    np.testing.assert_allclose(found[true], k, atol=1e-12)
    order = np.arange(25)
    share, rank, gap, again = geometry._readings(found, order, order, grid)
    assert (share, gap, again) == (1, 0, 1)
    assert rank == pytest.approx(1)


def test_a_permutation_changes_nothing_that_is_read():
    rng = np.random.default_rng(7)
    grid = Grid((4, 6))
    noise = rng.normal(size=(24, 24))
    strength = -geometry._true_steps(grid) + 0.3 * (noise + noise.T)
    order = rng.permutation(24)
    sites = np.arange(24)
    straight = geometry._readings(strength, sites, sites, grid)
    permuted = geometry._readings(strength[np.ix_(order, order)], order, order, grid)
    assert straight == pytest.approx(permuted)
    wrong = geometry._readings(strength, sites, order, grid)
    assert wrong[0] < straight[0] - 0.2
    assert wrong[3] < 0.5


def test_steps_along_a_ring():
    ring = np.array([[(i - 1) % 7, (i + 1) % 7] for i in range(7)])
    apart = geometry.steps_apart(ring)
    np.testing.assert_array_equal(apart[0], [0, 1, 2, 3, 3, 2, 1])


def near(shape, rng=None, noise=0.0):
    """Strength 1 on bonds and noise everywhere."""
    strength = (geometry._true_steps(Grid(shape)) == 1).astype(float)
    if rng is not None:
        rough = noise * rng.normal(size=strength.shape)
        strength = strength + rough + rough.T
    return strength


@pytest.mark.parametrize("shape", [(5, 5), (8, 8), (6, 8), (9, 7)])
def test_modes_of_the_true_graph_are_its_angles(shape):
    """Up to a shift and a sign, and which direction comes first where sides agree."""
    angles = geometry.torus_angles(geometry.ties(near(shape)))
    places = np.stack(np.unravel_index(np.arange(len(angles)), shape), axis=1)
    true = np.exp(2j * np.pi * places / shape)
    found = np.exp(1j * angles)
    kept = np.abs(found.T @ true) ** 2 + np.abs(found.T @ true.conj()) ** 2
    kept /= len(angles) ** 2
    best = max(np.trace(kept), np.trace(kept[::-1])) / 2
    assert best == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("shape", [(5, 5), (8, 8), (6, 8)])
def test_a_permuted_lattice_is_put_back_up_to_its_symmetries(shape):
    rng = np.random.default_rng(3)
    grid = Grid(shape)
    order = rng.permutation(grid.size)
    strength = near(shape)[np.ix_(order, order)]
    sites = geometry.arrangement(strength, shape)
    assert sorted(sites) == list(range(grid.size))
    assert geometry.bonds_again(sites, order, grid) == 1
    apart = geometry._true_steps(grid)
    np.testing.assert_array_equal(
        apart[np.ix_(sites, sites)], apart[np.ix_(order, order)]
    )


def test_noise_is_borne_up_to_a_point():
    """Two wrong partners of a hundred cost nothing, one of four the lattice."""
    grid = Grid((8, 8))
    for noise, share, least, most in ((0.15, 0.98, 1.0, 1.0), (0.25, 0.77, 0.2, 0.6)):
        shares, again = [], []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            order = rng.permutation(64)
            rough = near((8, 8), rng, noise)[np.ix_(order, order)]
            sites = geometry.arrangement(rough, (8, 8))
            shares.append(geometry._readings(rough, sites, order, grid)[0])
            again.append(geometry.bonds_again(sites, order, grid))
        assert np.mean(shares) == pytest.approx(share, abs=0.02)
        assert least <= np.mean(again) <= most
    blind = np.random.default_rng(7).normal(size=(64, 64))
    sites = geometry.arrangement(blind + blind.T, (8, 8))
    assert geometry.bonds_again(sites, np.arange(64), grid) < 0.25


def test_symmetries_of_the_torus_are_not_counted_as_errors():
    grid = Grid((6, 6))
    here = np.arange(36).reshape(6, 6)
    turned = np.roll(np.rot90(here)[::-1], (2, 1), axis=(0, 1)).ravel()
    assert geometry.bonds_again(turned, here.ravel(), grid) == 1
    swapped = here.ravel().copy()
    swapped[[0, 21]] = swapped[[21, 0]]
    assert geometry.bonds_again(swapped, here.ravel(), grid) == 1 - 8 / 72


def test_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"got 12 spins and shape \(3, 5\)"):
        geometry.arrangement(np.ones((12, 12)), (3, 5))
    with pytest.raises(ValueError, match="two sides"):
        geometry.arrangement(np.ones((8, 8)), (2, 2, 2))


def test_correlations_draw_the_lattice_and_an_untrained_machine_does_not(data):
    found = {s: data["found"].sel(source=s).item() for s in geometry.SOURCES}
    assert found[geometry.NO_MACHINE] > 0.98
    assert found[geometry.UNTRAINED] < 3 * data.attrs["chance"]
    assert found["local, N units"] > 0.7
    again = {s: data["bonds"].sel(source=s).item() for s in geometry.SOURCES}
    assert again[geometry.NO_MACHINE] == 1
    assert again["local, N units"] == 1
    assert again[geometry.UNTRAINED] < 3 * data.attrs["chance"]
    assert again["CD-1, N/4 units"] < 0.99


def test_what_is_put_back_is_the_lattice_to_every_spin(data):
    """The same spins, another order: on the lattice as many bonds are unequal."""
    unequal = {
        name: sum(
            int((c != np.roll(c, 1, axis)).sum())
            for c in data["configuration"].sel(arranged=name).values
            for axis in (0, 1)
        )
        for name in geometry.ARRANGED
    }
    total = data["configuration"].sum(("x", "y"))
    assert (total == total[0]).all()
    assert unequal[geometry.NO_MACHINE] == unequal[geometry.TRUE]
    assert unequal["local, N units"] == unequal[geometry.TRUE]
    for control in (geometry.PERMUTED, geometry.UNTRAINED):
        assert unequal[control] > 1.3 * unequal[geometry.TRUE]


def test_majority_has_the_couplings_of_the_true_lattice_on_it_alone(data):
    """z < 4.5 for two couplings at two seeds; the controls are beyond 6."""
    for source in ("local, N units", geometry.NO_MACHINE):
        assert max(geometry._off(data, source)) < 4.5
    for control in (geometry.PERMUTED, geometry.UNTRAINED):
        assert min(geometry._off(data, control)) > 6
    assert geometry._off(data, geometry.TRUE) == [0, 0]


def test_statuses_follow_the_numbers(data):
    assert statuses(data)[0] is Status.PARTLY
    assert statuses(data)[3] is Status.NOT
    perfect, blind = data.copy(deep=True), data.copy(deep=True)
    perfect["found"].loc[{"source": "local, N units"}] = 1.0
    assert statuses(perfect)[0] is Status.REPRODUCED
    blind["found"].loc[{"source": "local, N units"}] = data.attrs["chance"]
    assert statuses(blind)[0] is Status.NOT
    lost = data.copy(deep=True)
    lost["found"].loc[{"source": geometry.NO_MACHINE}] = 0.1
    assert statuses(lost)[3] is Status.REPRODUCED
    assert statuses(data)[4] is Status.REPRODUCED
    assert statuses(data)[6] is Status.PARTLY
    worse = data.copy(deep=True)
    worse["bonds"].loc[{"source": "local, N units"}] = data.attrs["chance"]
    assert statuses(worse)[4] is Status.NOT
    assert [s.value for s in statuses(data)[7:]] == [
        "reproduced", "not reproduced", "not reproduced"
    ]  # fmt: skip
    off = data.copy(deep=True)
    off["off"].loc[{"arranged": "local, N units", "operator": "nnn"}] = 0.2
    assert statuses(off)[7] is Status.NOT
    blunt = data.copy(deep=True)
    blunt["off_error"].loc[{"arranged": geometry.PERMUTED}] = 1.0
    assert statuses(blunt)[7] is Status.OPEN


def test_pictures_and_table(data):
    sections = geometry.draw(data)
    assert all((s.picture or "").startswith("data:image/svg+xml") for s in sections)
    assert len(sections[0].tables[0].rows) == len(geometry.SOURCES)
    assert len(sections[2].tables[0].rows) == len(geometry.ARRANGED)
