"""The machine of cells against its slow twin, and Kadanoff's p against both."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from kadanoff.exact.constants import K_C
from kadanoff.exact.plaquette import plaquette_law
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


def test_p_of_the_infinite_lattice(data):
    """Cells of larger tori come to it: 1.3165 (4), 1.218 (8), 1.134 (128) by sampling.

    KL per site along p is least there, from the law of a cell and Onsager's ln Z.
    """
    at = data.sel(coupling=K_C)
    p = float(at["p"])
    assert p == pytest.approx(1.13, abs=0.005)
    law, sums = plaquette_law(K_C), cells._sums()

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
