"""The machine of cells against its slow twin, and Kadanoff's p against both."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import cells
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.mapping import exactness, hamiltonian
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
    H = hamiltonian(Ising(cells.SHAPE), 0.5)
    with one_thread():
        found: Any = minimize_scalar(
            lambda p: (
                exactness(cells._machine(p), H, visible=Grid(cells.SHAPE)).divergence
            ),
            bounds=(0.5, 4.0),
            method="bounded",
            options={"xatol": 1e-5},
        )
    at = data.sel(coupling=0.5)
    assert float(at["p"]) == pytest.approx(found.x, abs=1e-4)
    assert 16 * float(at["divergence"]) == pytest.approx(found.fun, abs=1e-8)
    assert float(data["slope"].max()) < 1e-9


def test_p_grows_with_the_coupling(data):
    assert (np.diff(data.sortby("coupling")["p"]) > 0).all()


def test_below_the_end_of_the_branch_there_is_no_critical_point(data):
    assert np.isnan(data["y_t_of_p"].sel(critical=0.6))
    assert float(data["y_t_of_p"].sel(critical=0.78)) > 1


def test_kadanoffs_choice_is_another_and_better(data):
    assert statuses(data) == [Status.NOT] * 3
    star = data.sel(choice=cells.KADANOFF)
    assert float(star["point_y_t"]) == pytest.approx(1.0009, abs=1e-4)
    assert float(star["point_y_h"]) == pytest.approx(1.8753, abs=1e-4)


def test_statuses_respond(data):
    same = data.copy(deep=True)
    for name in ("choice_p", "point_y_t", "point_y_h"):
        same[name][1] = data[name][0]
    assert statuses(same) == [Status.REPRODUCED, Status.REPRODUCED, Status.NOT]
    none = data.copy(deep=True)
    none["point_y_t"][1] = np.nan
    assert statuses(none)[1] is Status.NOT
    exact = data.assign(divergence=data["divergence"] * 0)
    assert statuses(exact)[2] is Status.REPRODUCED


def test_pictures_and_tables(data):
    (only,) = cells.draw(data)
    assert str(only.picture).startswith("data:image/svg+xml")
    assert len(only.tables[0].rows) == 3
