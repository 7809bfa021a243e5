"""Δ_s of Monte Carlo against Δ_s of the exact correlator; energies against Kaufman.

Statistical tests are at five errors (level 6e-7 each, fixed seed).
"""

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.exact.strip import two_point
from kadanoff.experiments.demellokoch2020 import fig_5b
from kadanoff.experiments.demellokoch2020.dimensions import mean_around
from kadanoff.experiments.demellokoch2020.fig_5b import (
    checks,
    power_reading,
    power_words,
    torus_reading,
    torus_words,
)
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


def test_the_size_is_judged_by_exact_readings_and_by_no_data(dataset):
    assert status(dataset, 2) is Status.PARTLY
    for spoilt in (
        dataset.assign(torus=dataset.torus + 1, power=dataset.power + 1),
        dataset.assign(torus_error=dataset.torus_error + 1),
        dataset.assign(torus_p=dataset.torus_p * 0 + 1e-9),
    ):
        assert status(spoilt, 2) is Status.PARTLY
    own = dataset.power_exact * 0 + 0.125
    assert status(dataset.assign(power_exact=own), 2) is Status.REPRODUCED
    off = dataset.assign(torus_exact=dataset.torus_exact + 0.05)
    assert status(off, 2) is Status.NOT
    assert "exact, no data enters" in checks(dataset)[2].reason


def test_windows_that_the_data_exclude_are_told(dataset):
    out = dataset.assign(torus_p=dataset.torus_p * 0 + 1e-9)
    assert "lattice shows" in checks(out)[2].reason
    assert "no distance do the data allow" in checks(out)[2].ours
    assert "lattice shows" not in checks(dataset)[2].reason


def test_what_is_quoted_of_both_fits(dataset):
    power, torus = power_reading(dataset), torus_reading(dataset)
    one = dataset.sel(side=10)
    assert power.delta == float(one.power.sel(r_min=1))
    assert power.exact == pytest.approx(0.0710, abs=5e-5)
    assert power.bias == pytest.approx(power.exact - 0.125)
    assert not power.fits
    assert torus.nearest == 3
    assert torus.fits
    assert torus.exact == pytest.approx(0.1279, abs=5e-5)
    assert abs(torus.delta - torus.exact) < 5 * torus.error
    assert "from r = 3 on" in torus_words(dataset)
    assert power_words(dataset).endswith("0.0710 without any noise")
    loose = dataset.assign(torus_p=dataset.torus_p * 0 + 0.5)
    assert torus_reading(loose).nearest == 1


def test_the_page_has_pictures_and_both_lattices(dataset):
    sections = fig_5b.draw(dataset)
    assert [str(s.picture)[:14] for s in sections] == ["data:image/svg"] * 3
    assert {row[0] for row in sections[0].tables[0].rows} == {"10×10", "9×9"}
    assert any("nothing subtracted" in r for r in sections[0].remarks)
    assert np.isfinite([float(row[4]) for row in sections[0].tables[0].rows]).all()
