"""Which sites are near: exact couplings, distances, grids put back, verdicts."""

import numpy as np
import pytest

from kadanoff.exact.enumerate import all_states
from kadanoff.experiments.demellokoch2020 import geometry
from kadanoff.experiments.demellokoch2020.geometry import pairs, sources, torus
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
    assert pairs.pair_couplings(weights)[0, 1] == pytest.approx(exact, abs=1e-12)


def test_one_unit_per_bond_gives_back_every_bond():
    """cosh 2w = e^{2K}: the machine whose law is Ising's has J = K on all bonds."""
    grid, k = Grid((5, 5)), 0.4406867935
    true = torus.true_steps(grid) == 1
    bonds = np.argwhere(np.triu(true))
    weights = np.zeros((25, len(bonds)))
    for a, pair in enumerate(bonds):
        weights[pair, a] = np.arccosh(np.exp(2 * k)) / 2
    found = pairs.pair_couplings(weights)
    np.testing.assert_allclose(found[true], k, atol=1e-12)
    order = np.arange(25)
    share, rank, gap, again = sources.readings(found, order, order, grid)
    assert (share, gap, again) == (1, 0, 1)
    assert rank == pytest.approx(1)


def test_a_permutation_changes_nothing_that_is_read():
    rng = np.random.default_rng(7)
    grid = Grid((4, 6))
    noise = rng.normal(size=(24, 24))
    strength = -torus.true_steps(grid) + 0.3 * (noise + noise.T)
    order = rng.permutation(24)
    sites = np.arange(24)
    straight = sources.readings(strength, sites, sites, grid)
    permuted = sources.readings(strength[np.ix_(order, order)], order, order, grid)
    assert straight == pytest.approx(permuted)
    wrong = sources.readings(strength, sites, order, grid)
    assert wrong[0] < straight[0] - 0.2
    assert wrong[3] < 0.5


def test_steps_along_a_ring():
    ring = np.array([[(i - 1) % 7, (i + 1) % 7] for i in range(7)])
    apart = pairs.steps_apart(ring)
    np.testing.assert_array_equal(apart[0], [0, 1, 2, 3, 3, 2, 1])


def near(shape, rng=None, noise=0.0):
    """Strength 1 on bonds and noise everywhere."""
    strength = (torus.true_steps(Grid(shape)) == 1).astype(float)
    if rng is not None:
        rough = noise * rng.normal(size=strength.shape)
        strength = strength + rough + rough.T
    return strength


@pytest.mark.parametrize("shape", [(5, 5), (8, 8), (6, 8), (9, 7)])
def test_modes_of_the_true_graph_are_its_angles(shape):
    """Up to a shift and a sign, and which direction comes first where sides agree."""
    angles = torus.torus_angles(pairs.ties(near(shape)))
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
    sites = torus.arrangement(strength, shape)
    assert sorted(sites) == list(range(grid.size))
    assert torus.bonds_again(sites, order, grid) == 1
    apart = torus.true_steps(grid)
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
            sites = torus.arrangement(rough, (8, 8))
            shares.append(sources.readings(rough, sites, order, grid)[0])
            again.append(torus.bonds_again(sites, order, grid))
        assert np.mean(shares) == pytest.approx(share, abs=0.02)
        assert least <= np.mean(again) <= most
    blind = np.random.default_rng(7).normal(size=(64, 64))
    sites = torus.arrangement(blind + blind.T, (8, 8))
    assert torus.bonds_again(sites, np.arange(64), grid) < 0.25


def test_symmetries_of_the_torus_are_not_counted_as_errors():
    grid = Grid((6, 6))
    here = np.arange(36).reshape(6, 6)
    turned = np.roll(np.rot90(here)[::-1], (2, 1), axis=(0, 1)).ravel()
    assert torus.bonds_again(turned, here.ravel(), grid) == 1
    swapped = here.ravel().copy()
    swapped[[0, 21]] = swapped[[21, 0]]
    assert torus.bonds_again(swapped, here.ravel(), grid) == 1 - 8 / 72


def test_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"got 12 spins and shape \(3, 5\)"):
        torus.arrangement(np.ones((12, 12)), (3, 5))
    with pytest.raises(ValueError, match="two sides"):
        torus.arrangement(np.ones((8, 8)), (2, 2, 2))


def test_correlations_draw_the_lattice_and_an_untrained_machine_does_not(data):
    found = {s: data["found"].sel(source=s).item() for s in sources.SOURCES}
    assert found[sources.NO_MACHINE] > 0.98
    assert found[sources.UNTRAINED] < 3 * data.attrs["chance"]
    assert found["local, N units"] > 0.7
    again = {s: data["bonds"].sel(source=s).item() for s in sources.SOURCES}
    assert again[sources.NO_MACHINE] == 1
    assert again["local, N units"] == 1
    assert again[sources.UNTRAINED] < 3 * data.attrs["chance"]
    assert again["CD-1, N/4 units"] < 0.99


def test_what_is_put_back_is_the_lattice_to_every_spin(data):
    """The same spins, another order: on the lattice as many bonds are unequal."""
    unequal = {
        name: sum(
            int((c != np.roll(c, 1, axis)).sum())
            for c in data["configuration"].sel(arranged=name).values
            for axis in (0, 1)
        )
        for name in sources.ARRANGED
    }
    total = data["configuration"].sum(("x", "y"))
    assert (total == total[0]).all()
    assert unequal[sources.NO_MACHINE] == unequal[sources.TRUE]
    assert unequal["local, N units"] == unequal[sources.TRUE]
    for control in (sources.PERMUTED, sources.UNTRAINED):
        assert unequal[control] > 1.3 * unequal[sources.TRUE]


def off(data, name):
    """The larger distance from the true lattice in errors, for every seed."""
    here = data.sel(arranged=name)
    value, error = np.abs(here["off"].values), here["off_error"].values
    ratio = np.divide(value, error, out=np.zeros_like(value), where=error > 0)
    return list(ratio.max(axis=0))


def test_majority_has_the_couplings_of_the_true_lattice_on_it_alone(data):
    """z < 4.5 for two couplings at two seeds; the controls are beyond 6."""
    for source in ("local, N units", sources.NO_MACHINE):
        assert max(off(data, source)) < 4.5
    for control in (sources.PERMUTED, sources.UNTRAINED):
        assert min(off(data, control)) > 6
    assert off(data, sources.TRUE) == [0, 0]


def changed(data, name, where, value, error=0.001):
    """The data with other readings at one place."""
    made = data.copy(deep=True)
    made[name].loc[where] = value
    made[f"{name}_error"].loc[where] = error
    return made


@pytest.mark.parametrize(("name", "number"), [("found", 0), ("bonds", 4)])
def test_what_is_learned_is_judged_by_controls_and_errors(data, name, number):
    here, chance = {"source": "local, N units"}, data.attrs["chance"]
    for value, error, status in (
        (1.0, 0.001, Status.REPRODUCED),
        (0.8, 0.01, Status.PARTLY),
        (chance, 0.001, Status.NOT),
        (0.8, 0.5, Status.OPEN),
        (0.99, 0.02, Status.OPEN),
    ):
        made = changed(data, name, here, value, error)
        assert statuses(made)[number] is status


def test_a_machine_is_needed_where_correlations_do_not_tell(data):
    assert statuses(data)[3] is Status.NOT
    plain = {"source": sources.NO_MACHINE}
    lost = changed(data, "found", plain, 0.1)
    assert statuses(lost)[3] is Status.REPRODUCED
    assert "does not surely draw" in geometry.checks(lost)[3].reason
    assert statuses(changed(data, "found", plain, 0.8, 0.5))[3] is Status.OPEN


def test_couplings_of_the_true_lattice_are_called_a_corollary(data):
    """Where all bonds are back, and nowhere else."""
    here = {"source": "local, N units"}
    for bonds, error, follows in (
        (1.0, 0.0, True),
        (1.0, 0.01, False),
        (0.9, 0, False),
    ):
        made = changed(data, "bonds", here, bonds, error)
        assert ("a corollary" in geometry.checks(made)[7].reason) is follows


def test_agreement_of_all_permutations_is_bounded(data):
    """None of n is other: more than 0.05^{1/n} of all are so, at 95 %."""
    made = changed(data, "bonds", {"source": "local, N units"}, 1.0, 0.0)
    n = made.sizes["seed"]
    told = f"1 (the same at all {n} permutations, so at more than {0.05 ** (1 / n):.2f}"
    assert told in geometry.checks(made)[4].ours


def test_couplings_on_what_was_put_back_are_judged_by_a_tolerance(data):
    here = {"arranged": "local, N units"}
    assert statuses(changed(data, "off", here, 0.01))[7] is Status.REPRODUCED
    assert statuses(changed(data, "off", here, 0.2))[7] is Status.NOT
    assert statuses(changed(data, "off", here, 0.01, 0.1))[7] is Status.OPEN
    near = changed(data, "off", here, 0.01)
    blunt = changed(near, "off", {"arranged": sources.PERMUTED}, 0.1, 1.0)
    assert statuses(blunt)[7] is Status.OPEN  # the control is not told apart


def test_pictures_and_table(data):
    sections = geometry.draw(data)
    assert all((s.picture or "").startswith("data:image/svg+xml") for s in sections)
    assert len(sections[0].tables[0].rows) == len(sources.SOURCES)
    assert len(sections[2].tables[0].rows) == len(sources.ARRANGED)
