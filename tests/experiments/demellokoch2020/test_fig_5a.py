"""Figures 5a and 6b: dimensions of known correlators, ⟨σσε⟩ by loops, verdicts."""

import math

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import T_C
from kadanoff.exact.enumerate import all_states
from kadanoff.experiments.demellokoch2020 import fig_5a, fig_6b
from kadanoff.experiments.demellokoch2020.fig_5a import line_dimensions, lines
from kadanoff.experiments.demellokoch2020.fig_6b import (
    expected_coefficient,
    three_point_coefficient,
)
from kadanoff.experiments.demellokoch2020.flow import LATTICE, start
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.geometry import Grid

GRID = Grid(LATTICE)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def spins(work):
    return fig_5a.compute(fig_5a.FAST, work)


@pytest.fixture(scope="module")
def energies(work):
    return fig_6b.compute(fig_6b.FAST, work)


@pytest.mark.parametrize("operator", ["spin", "energy"])
def test_lines_find_the_dimension_of_their_own_form(operator):
    table = {"spin": torus_cft.spin_shells, "energy": torus_cft.energy_shells}
    r, form = table[operator](LATTICE)
    with np.errstate(divide="ignore"):
        power = np.where(r > 0, r, 1.0) ** -0.6
    exact = {"spin": 0.125, "energy": 1.0}[operator]
    assert lines(3 * power, GRID, operator)[0] == pytest.approx(0.3)
    assert lines(3 * form, GRID, operator)[1] == pytest.approx(exact)
    assert abs(lines(form, GRID, operator)[0] - exact) > 0.03  # the plane is biased
    assert np.isnan(lines(-form, GRID, operator)).all()


def test_the_exact_small_magnet_has_one_eighth_on_the_torus_only(spins):
    here = spins.sel(temperature=T_C)
    assert float(here["torus_exact"]) == pytest.approx(0.125, abs=0.002)
    assert float(here["plane_exact"]) == pytest.approx(0.070, abs=0.002)


def test_length_0_is_the_exact_magnet(spins):
    zero = spins.sel(length=0).isel(arm=0, seed=0)
    for form in fig_5a.FORMS:
        gap = zero[form] - zero[f"{form}_exact"]
        assert (abs(gap) < 4.5 * zero[f"{form}_error"]).all()


def test_the_energy_of_a_draw_is_that_of_its_correlator(work):
    ensemble = start(work, T_C, 2048, 9)
    found = line_dimensions(ensemble, "energy")
    assert abs(float(found["torus"].value) - 1) < 0.25


def by_loops(values, a):
    """Sums over sites, both axes, of products written out."""
    side = values.shape[1]
    e = np.zeros(values.shape)
    pair = triple = beside = 0.0
    for x in range(side):
        for y in range(side):
            around = ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1))
            e[:, x, y] = sum(
                values[:, x, y] * values[:, i % side, j % side] for i, j in around
            )
    for x in range(side):
        for y in range(side):
            for dx, dy in ((a, 0), (0, a)):
                left = values[:, (x - dx) % side, (y - dy) % side]
                right = values[:, (x + dx) % side, (y + dy) % side]
                pair += (left * right).mean()
                triple += (left * right * e[:, x, y]).mean()
                far = e[:, (x + dx) % side, (y + dy) % side]
                beside += (e[:, x, y] * far).mean()
    pair, triple, beside = (z / (2 * side**2) for z in (pair, triple, beside))
    mean = e.mean()
    return 0.5 * (triple - pair * mean) / pair / math.sqrt(beside - mean**2)


def test_the_three_point_function_is_that_of_written_out_sums(work):
    ensemble = start(work, 2.4, 64, 3)
    flat = ensemble.values.reshape(-1, *LATTICE).astype(float)
    for a in (1, 2):
        found = three_point_coefficient(ensemble, a)
        assert float(found.value) == pytest.approx(by_loops(flat, a), rel=1e-10)


def test_the_critical_magnet_has_the_coefficient_of_the_torus(energies):
    here = energies.sel(temperature=T_C)
    gap = float(here["triple_magnet"]) - expected_coefficient()
    # Lattice corrections at distance 2 are of a few per cent.
    assert abs(gap) < 4.5 * float(here["triple_magnet_error"]) + 0.02
    assert 0.3 < expected_coefficient() < 0.35  # far from the plane's ½


def test_independent_spins_have_no_coefficient():
    states = np.array(all_states(9)).reshape(-1, 1, 3, 3)
    ensemble = Ensemble.from_values(states.astype(np.int8).reshape(64, -1, 3, 3))
    assert math.isnan(float(three_point_coefficient(ensemble, 1).value))


def test_verdicts_of_figure_5a_follow_the_numbers(spins):
    flat = dict.fromkeys(fig_5a.FORMS, spins["plane"] * 0 + 0.125)
    flat |= {f"{n}_error": spins["plane"] * 0 + 1e-3 for n in fig_5a.FORMS}
    warm = (spins["temperature"] - T_C) * 0.3
    good = spins.assign(flat | {"plane": flat["plane"] + warm})
    status = [c.status for c in fig_5a.checks(good)]
    assert status == [Status.REPRODUCED] * 3
    low = good.assign(plane=good["plane"] - 0.08, torus=good["torus"] - 0.04)
    status = [c.status for c in fig_5a.checks(low)]
    assert status == [Status.NOT, Status.NOT, Status.PARTLY]
    cold = good.assign(plane=good["plane"] - 2 * warm)
    assert fig_5a.checks(cold)[2].status is Status.NOT


def test_verdicts_of_figure_6b_follow_the_numbers(energies):
    names = ("plane", "torus", "triple")
    at_magnet = {n: energies["plane"] * 0 + energies[f"{n}_magnet"] for n in names}
    at_magnet |= {f"{n}_error": energies["plane"] * 0 + 1e-3 for n in names}
    same = energies.assign(at_magnet)
    status = [c.status for c in fig_6b.checks(same)]
    assert status == [Status.NOT, Status.NOT, Status.REPRODUCED]
    wrong = same.assign({n: same[n] - 0.5 for n in names})
    status = [c.status for c in fig_6b.checks(wrong)]
    assert status == [Status.REPRODUCED, Status.NOT, Status.NOT]
    moving = wrong.assign(plane=wrong["plane"] + 0.01 * wrong["length"])
    assert fig_6b.checks(moving)[1].status is Status.REPRODUCED
    none = wrong.assign(plane=wrong["plane"] * math.nan)
    assert fig_6b.checks(none)[0].status is Status.REPRODUCED


@pytest.mark.parametrize("module", [fig_5a, fig_6b], ids=lambda m: m.EXHIBIT.name)
def test_sections_have_pictures_and_tables(module, spins, energies):
    data = {"fig_5a": spins, "fig_6b": energies}[module.EXHIBIT.name]
    for section in module.EXHIBIT.draw(data):
        assert (section.picture or "").startswith("data:image/svg+xml")
        for table in section.tables:
            assert all(len(row) == len(table.header) for row in table.rows)
