"""Δ_s of Monte Carlo against Δ_s of the exact correlator; energies against Kaufman.

Statistical tests are at five errors (level 6e-7 each, fixed seed).
"""

import numpy as np
import pytest
from scipy import stats

from kadanoff.exact.constants import K_C
from kadanoff.exact.strip import two_point
from kadanoff.experiments.demellokoch2020 import fig_5b
from kadanoff.experiments.demellokoch2020.dimensions import mean_around
from kadanoff.experiments.demellokoch2020.fig_5b import checks
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return fig_5b.compute(fig_5b.FAST, work)


def status(dataset, number):
    return checks(dataset)[number].status


def test_fits_of_monte_carlo_agree_with_fits_of_the_exact_correlator(dataset):
    for way in ("power", "torus"):
        off = abs(dataset[way] - dataset[f"{way}_exact"])
        assert (off < 5 * dataset[f"{way}_error"]).all()
        assert (dataset[f"{way}_error"] < 0.01).all()


def test_the_correlator_at_criticality_is_the_exact_one(dataset):
    for side in (9, 10):
        one = dataset.sel(side=side).dropna("shell")
        assert one.exact[0] == pytest.approx(two_point((side, side), K_C)[0, 1])
        off = abs(one.correlator - one.exact)
        assert (off < 5 * one.correlator_error).all()


def test_the_power_law_rises_with_temperature_and_the_torus_form_does_what_it_says(
    dataset,
):
    assert (dataset.exact_delta.diff("exact_temperature") > 0).all()
    assert (abs(dataset.torus_exact - 0.125) < 0.006).all()
    assert (dataset.power_exact < 0.075).all()


def test_the_mean_around_criticality(dataset):
    value, error = mean_around(dataset, 10)
    one = dataset.sel(side=10)
    a, b = (float(one.delta.sel(temperature=t)) for t in (2.2, 2.3))
    assert value == pytest.approx((a + b) / 2)
    assert abs(value - float(one.exact_delta[:2].mean())) < 5 * error


def test_energies_are_right_and_those_of_two_per_cent_are_not(dataset):
    assert dataset.good == 1
    assert dataset.p > 1e-4
    assert dataset.good_wrong == 0
    assert dataset.p_wrong < 1e-9


def test_pulls_of_few_blocks_are_gaussian():
    """Student's t of the same rarity."""
    found = fig_5b._gaussian(-4.0, 15)
    assert stats.norm.cdf(found) == pytest.approx(stats.t.cdf(-4.0, 15))
    assert fig_5b._gaussian(1e6, 63) < 40


def test_counts_in_the_cold():
    assert fig_5b._poisson(0, 0.0) == 1
    assert fig_5b._poisson(1, 0.0) == 0
    assert fig_5b._poisson(50, 50.0) > 0.5
    assert fig_5b._poisson(100, 50.0) < 1e-8


def test_data_that_fail_or_a_control_that_passes_change_the_verdict(dataset):
    assert status(dataset, 0) is Status.REPRODUCED
    assert status(dataset.assign(good=0), 0) is Status.NOT
    assert status(dataset.assign(good_wrong=1), 0) is Status.OPEN


def test_the_power_law_is_judged_by_its_distance_to_an_eighth(dataset):
    assert status(dataset, 1) is Status.NOT
    error = dataset.power_error * 0 + 1e-4
    right = dataset.assign(power=dataset.power * 0 + 0.125, power_error=error)
    assert status(right, 1) is Status.REPRODUCED
    blurred = dataset.assign(power_error=dataset.power_error * 0 + 0.1)
    assert status(blurred, 1) is Status.OPEN


def test_the_size_is_judged_by_the_form_on_the_torus(dataset):
    assert status(dataset, 2) is Status.REPRODUCED
    error = dataset.torus_error * 0 + 1e-4
    wrong = dataset.assign(torus=dataset.torus * 0 + 0.2, torus_error=error)
    assert status(wrong, 2) is Status.NOT


def test_the_page_has_pictures_and_both_lattices(dataset):
    sections = fig_5b.draw(dataset)
    assert [str(s.picture)[:14] for s in sections] == ["data:image/svg"] * 3
    assert {row[0] for row in sections[0].tables[0].rows} == {"10×10", "9×9"}
    assert np.isfinite([float(row[4]) for row in sections[0].tables[0].rows]).all()
