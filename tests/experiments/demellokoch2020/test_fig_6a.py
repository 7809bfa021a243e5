"""Δ_ε of Monte Carlo against Δ_ε of the exact pairs of energies.

Statistical tests are at five errors (level 6e-7 each, fixed seed).
"""

import pytest

from kadanoff.exact.constants import K_C
from kadanoff.exact.energy_pairs import energy_two_point
from kadanoff.experiments.demellokoch2020 import fig_6a
from kadanoff.experiments.demellokoch2020.dimensions import mean_around
from kadanoff.experiments.demellokoch2020.fig_6a import checks
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return fig_6a.compute(fig_6a.FAST, work)


def status(dataset, number):
    return checks(dataset)[number].status


def test_fits_of_monte_carlo_agree_with_fits_of_the_exact_correlator(dataset):
    off = abs(dataset.power - dataset.power_exact)
    assert (off < 5 * dataset.power_error).all()
    assert (dataset.power_error.sel(r_min=1) < 0.05).all()


def test_the_correlator_at_criticality_is_the_exact_one(dataset):
    for side in (9, 10):
        one = dataset.sel(side=side).dropna("shell")
        exact = energy_two_point((side, side), K_C)
        assert one.exact[0] == pytest.approx(exact[0, 1])
        off = abs(one.correlator - one.exact)
        assert (off < 5 * one.correlator_error).all()
        assert (off < 5 * one.correlator_error).sum() > 10


def test_the_mean_around_criticality_is_near_one_with_and_without_noise(dataset):
    for side in (9, 10):
        value, error = mean_around(dataset, side)
        exact = float(dataset.exact_delta.sel(side=side).mean())
        assert abs(value - exact) < 5 * error
        assert abs(exact - 1) < 0.05


def test_the_number_is_judged_by_its_distance_to_one(dataset):
    sharp = dataset.assign(delta_error=dataset.delta_error * 0 + 0.001)
    right = sharp.assign(delta=dataset.delta * 0 + 1.0)
    assert status(right, 0) is Status.REPRODUCED
    assert status(sharp.assign(delta=dataset.delta * 0 + 0.8), 0) is Status.NOT
    for error in (0.06, 1.0):  # three errors are more than a tenth
        blurred = right.assign(delta_error=dataset.delta_error * 0 + error)
        assert status(blurred, 0) is Status.OPEN


def test_the_size_is_judged_by_how_far_exact_readings_are_apart(dataset):
    assert status(dataset, 1) is Status.PARTLY
    alike = {
        f"{way}_exact": dataset.power_exact * 0 + 1.0 for way in ("power", "torus")
    }
    assert status(dataset.assign(alike), 1) is Status.REPRODUCED
    wrong = {name: x + 0.2 for name, x in alike.items()}
    assert status(dataset.assign(wrong), 1) is Status.NOT
    off = dataset.power_exact + 0.2
    assert status(dataset.assign(power_exact=off), 1) is Status.NOT
    noisy = dataset.assign(power=dataset.power + 1, torus=dataset.torus + 1)
    assert status(noisy, 1) is Status.PARTLY


def test_the_size_is_told_by_the_paper_s_own_fit_first(dataset):
    found = checks(dataset)[1]
    assert found.ours.startswith(
        "at T_c without any noise 0.976 on 10×10 and 0.966 on 9×9"
    )
    assert "no data enters" in found.reason
    low = dataset.assign(torus_p=dataset.torus_p * 0 + 1e-9)
    assert "the data exclude these" in checks(low)[1].ours
    high = dataset.assign(torus_p=dataset.torus_p * 0 + 0.5)
    assert "the data exclude these" not in checks(high)[1].ours


def test_the_page_has_pictures(dataset):
    sections = fig_6a.draw(dataset)
    assert [str(s.picture)[:14] for s in sections] == ["data:image/svg"] * 2
    assert len(sections[0].tables[0].rows) == 4
