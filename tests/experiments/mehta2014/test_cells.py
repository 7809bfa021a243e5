"""The machine of cells against its slow twin, and Kadanoff's p against both."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

import kadanoff as kd
from kadanoff.exact.constants import K_C
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import cells
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.mapping import as_step, exactness, hamiltonian
from kadanoff.networks.products import one_thread

SMALL = cells.Settings(couplings=(0.2, 0.5), critical=(0.6, 0.78))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return cells.compute(SMALL, work)


def statuses(dataset):
    return [check.status for check in cells.checks(dataset)]


def test_p_is_where_kl_is_least(data):
    """Against a search along p with KL of all states, and all four weights at once."""
    H = hamiltonian(Ising(cells.SHAPE), K_C)
    with one_thread():
        found: Any = minimize_scalar(
            lambda p: (
                exactness(cells._machine(p), H, visible=Grid(cells.SHAPE)).divergence
            ),
            bounds=(0.5, 4.0),
            method="bounded",
            options={"xatol": 1e-5},
        )
    assert float(data["torus_p"]) == pytest.approx(found.x, abs=1e-4)
    assert 16 * float(data["torus_divergence"]) == pytest.approx(found.fun, abs=1e-8)
    assert float(data["slope"]) < 1e-9 < 0.1 < float(data["slope_at_star"])


def corner(shape, coupling):
    """c_1's, c_2's and the four-spin average of a corner square, by all states."""
    v = states(shape[0] * shape[1]).reshape(-1, *shape).astype(float)
    energy = (v[:, 1:] * v[:, :-1]).sum((1, 2)) + (v[:, :, 1:] * v[:, :, :-1]).sum(
        (1, 2)
    )
    return v, np.exp(coupling * energy - abs(coupling) * energy.max())


@pytest.mark.parametrize("coupling", [0.3, K_C, 0.7])
@pytest.mark.parametrize("square", [(0, 0), (1, 1)])
def test_spins_around_a_square_of_a_planar_lattice_have_pfaffian_correlations(
    coupling, square
):
    """Free 4×4 against the identity; a 4×4 torus is not planar and does not have it."""
    x, y = square

    def gap(v, law):
        s = v[:, [x, x + 1, x + 1, x], [y, y, y + 1, y + 1]]
        both = (law[:, None] * s).T @ s / law.sum()
        four = law @ s.prod(axis=1) / law.sum()
        pairs = (
            both[0, 1] * both[2, 3] - both[0, 2] * both[1, 3] + both[0, 3] * both[1, 2]
        )
        return abs(four - pairs)

    v, free = corner((4, 4), coupling)
    assert gap(v, free) < 1e-12
    assert gap(v, np.exp(-hamiltonian(Ising((4, 4)), coupling))) > 1e-7


@pytest.mark.parametrize("coupling", [0.25, 0.6])
def test_the_law_of_a_cell_is_that_of_a_large_lattice(coupling):
    """64×64 against the infinite lattice at z = 4, with errors of chains.

    The five shares of Σs; controls with K 3 % larger, and with no four-spin term.
    """
    chains = 64
    drawn = kd.sample(
        kd.Ising((64, 64)), coupling=coupling, draws=2 * chains, chains=chains, seed=4
    )
    v = drawn.values.reshape(chains, 2, 64, 64).astype(int)
    sums = v + np.roll(v, 1, 2) + np.roll(v, 1, 3) + np.roll(v, (1, 1), (2, 3))
    shares = np.stack([(abs(sums) == k).mean((1, 2, 3)) for k in (0, 2, 4)])
    mean = shares.mean(axis=1)
    error = shares.std(axis=1, ddof=1) / np.sqrt(chains)

    def off(law):
        exact = [law[abs(cells._sums()) == k].sum() for k in (0, 2, 4)]
        return abs((mean - exact) / error).max()

    law = cells.cell_law(coupling)
    flat = law - law @ states(4).prod(1) * states(4).prod(1) / 16
    assert off(law) < 4
    assert off(cells.cell_law(1.03 * coupling)) > 4
    assert off(flat) > 4


def test_p_of_the_infinite_lattice(data):
    """Cells of larger tori come to it: 1.3165 (4), 1.218 (8), 1.134 (128) by sampling.

    KL per site along p is least there, from the law of a cell and Onsager's ln Z.
    """
    at = data.sel(coupling=K_C)
    p = float(at["p"])
    assert p == pytest.approx(1.13, abs=0.005)
    law, sums = cells.cell_law(K_C), cells._sums()

    def log_q(x):
        return law @ np.log(np.cosh(x * sums)) - 4 * np.log(2 * np.cosh(x))

    assert log_q(p) > max(log_q(p - 1e-3), log_q(p + 1e-3))
    assert float(at["divergence"]) > 0


def test_p_of_kadanoff_is_met_by_a_root_and_not_on_a_line_of_three_points(data):
    star = data.sel(choice=cells.KADANOFF)
    k = float(data["coupling_of_star"])
    assert cells._least(k) == pytest.approx(float(star["choice_p"]), abs=1e-8)
    order = data.sortby("coupling")
    line = np.interp(float(star["choice_p"]), order["p"], order["coupling"])
    assert abs(line - k) > 1e-3


def test_the_machines_own_hamiltonian_has_no_couplings(data):
    """Against one whose filters overlap, which has some."""
    assert float(data["own_range"]) == 0
    overlapping = ConvRBM(filter=4, stride=2).double()
    with torch.no_grad():
        overlapping.W.fill_(0.3)
    H = hamiltonian(Ising(cells.SHAPE), K_C)
    step = as_step(overlapping, H, visible=Grid(cells.SHAPE))
    assert np.ptp(step.coarse_hamiltonian) > 0.1


def test_no_more_digits_are_kept_than_any_machine_has(data):
    for name in data.data_vars:
        np.testing.assert_array_equal(data[name], data[name].round(cells.DIGITS))


def test_p_grows_with_the_coupling(data):
    assert (np.diff(data.sortby("coupling")["p"]) > 0).all()


def test_below_the_end_of_the_branch_there_is_no_critical_point(data):
    assert np.isnan(data["y_t_of_p"].sel(critical=0.6))
    assert float(data["y_t_of_p"].sel(critical=0.78)) > 1


def test_kadanoffs_choice_is_another_and_better(data):
    assert statuses(data) == [Status.NOT] * 4
    second = data["point_y_second"].sel(choice=[cells.KADANOFF, cells.MACHINE])
    assert second.values == pytest.approx([0.2033, 1.757], abs=1e-3)
    star = data.sel(choice=cells.KADANOFF)
    assert float(star["point_y_t"]) == pytest.approx(1.0009, abs=1e-4)
    assert float(star["point_y_h"]) == pytest.approx(1.8753, abs=1e-4)


def test_statuses_respond(data):
    same = data.copy(deep=True)
    for name in ("choice_p", "point_y_t", "point_y_h"):
        same[name][1] = data[name][0]
    assert statuses(same)[:2] == [Status.REPRODUCED] * 2
    assert statuses(same)[2:] == [Status.NOT] * 2
    assert (
        statuses(data.assign(own_range=data["own_range"] + 1))[2] is Status.REPRODUCED
    )
    none = data.copy(deep=True)
    none["point_y_t"][1] = np.nan
    assert statuses(none)[1] is Status.NOT
    exact = data.assign(divergence=data["divergence"] * 0)
    assert statuses(exact)[3] is Status.REPRODUCED


def test_pictures_and_tables(data):
    (only,) = cells.draw(data)
    assert str(only.picture).startswith("data:image/svg+xml")
    assert len(only.tables[0].rows) == 6
