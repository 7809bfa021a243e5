"""Which sites are near: exact couplings of small machines, distances, verdicts."""

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
    share, rank, gap = geometry._readings(found, order, grid)
    assert (share, gap) == (1, 0)
    assert rank == pytest.approx(1)


def test_a_permutation_changes_nothing_that_is_read():
    rng = np.random.default_rng(7)
    grid = Grid((4, 6))
    noise = rng.normal(size=(24, 24))
    strength = -geometry._true_steps(grid) + 0.3 * (noise + noise.T)
    order = rng.permutation(24)
    straight = geometry._readings(strength, np.arange(24), grid)
    permuted = geometry._readings(strength[np.ix_(order, order)], order, grid)
    assert straight == pytest.approx(permuted)
    wrong = geometry._readings(strength, order, grid)
    assert wrong[0] < straight[0] - 0.2


def test_steps_along_a_ring():
    ring = np.array([[(i - 1) % 7, (i + 1) % 7] for i in range(7)])
    apart = geometry.steps_apart(ring)
    np.testing.assert_array_equal(apart[0], [0, 1, 2, 3, 3, 2, 1])


def test_correlations_draw_the_lattice_and_an_untrained_machine_does_not(data):
    found = {s: data["found"].sel(source=s).item() for s in geometry.SOURCES}
    assert found[geometry.NO_MACHINE] > 0.98
    assert found[geometry.UNTRAINED] < 3 * data.attrs["chance"]
    assert found["local, N units"] > 0.7


def test_statuses_follow_the_numbers(data):
    assert statuses(data)[0] is Status.PARTLY
    assert statuses(data)[-1] is Status.NOT
    perfect, blind = data.copy(deep=True), data.copy(deep=True)
    perfect["found"].loc[{"source": "local, N units"}] = 1.0
    assert statuses(perfect)[0] is Status.REPRODUCED
    blind["found"].loc[{"source": "local, N units"}] = data.attrs["chance"]
    assert statuses(blind)[0] is Status.NOT
    lost = data.copy(deep=True)
    lost["found"].loc[{"source": geometry.NO_MACHINE}] = 0.1
    assert statuses(lost)[-1] is Status.REPRODUCED


def test_pictures_and_table(data):
    sections = geometry.draw(data)
    assert all((s.picture or "").startswith("data:image/svg+xml") for s in sections)
    assert len(sections[0].tables[0].rows) == len(geometry.SOURCES)
