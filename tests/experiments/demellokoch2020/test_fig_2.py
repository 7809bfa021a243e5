"""Figures 2 and 4: power laws are found again, verdicts follow the numbers."""

import math

import numpy as np
import pytest

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import fig_2, fig_4
from kadanoff.experiments.demellokoch2020.fig_2 import FREE, NEAR, fit_power
from kadanoff.experiments.demellokoch2020.flow import LENGTH
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def found(work):
    return fig_2.compute(fig_2.FAST, work)


@pytest.fixture(scope="module")
def fitted(work):
    return fig_4.compute(fig_4.FAST, work)


def law(temperatures, a=1.02, delta=0.125, critical=T_C):
    return a * abs(np.array(temperatures) - critical) ** delta


def test_an_exact_power_law_is_found_with_t_c_given_and_free():
    given = fit_power(NEAR, law(NEAR), np.full(3, 1e-3))
    assert given.exponent == pytest.approx(0.125, abs=1e-6)
    assert given.amplitude == pytest.approx(1.02, abs=1e-6)
    assert given.critical == T_C
    assert given.half_width < 1e-5  # no scatter about an exact law
    free = fit_power(FREE, law(FREE, critical=2.31), np.full(7, 1e-3), None)
    assert free.critical == pytest.approx(2.31, abs=1e-5)
    assert free.exponent == pytest.approx(0.125, abs=1e-5)


def test_errors_are_those_of_repeated_fits():
    rng = np.random.default_rng(0)
    exact, error = law(NEAR), np.array([0.002, 0.003, 0.004])
    fits = [
        fit_power(NEAR, exact + error * rng.normal(size=3), error) for _ in range(300)
    ]
    spread = np.std([f.exponent for f in fits], ddof=1)
    # 300 fits know their spread to 4 %.
    assert fits[0].errors[1] == pytest.approx(spread, rel=0.2)
    # The scatter of three points about two parameters is one degree of freedom: the
    # regression's own error is right in the mean square.
    own = math.sqrt(np.mean([f.regression[1] ** 2 for f in fits]))
    assert own == pytest.approx(spread, rel=0.4)


def test_an_interval_of_one_degree_of_freedom_is_six_errors_wide():
    fit = fit_power(NEAR, law(NEAR) + np.array([1, -2, 1]) * 1e-3, np.full(3, 1e-3))
    assert fit.half_width / fit.regression[1] == pytest.approx(6.314, abs=1e-3)


def test_too_few_temperatures_are_refused():
    with pytest.raises(ValueError, match="needs 3 or more temperatures, got 2"):
        fit_power(NEAR[:2], law(NEAR[:2]), np.full(2, 1e-3))
    with pytest.raises(ValueError, match="needs 4 or more temperatures, got 3"):
        fit_power(NEAR, law(NEAR), np.full(3, 1e-3), None)


def test_the_infinite_magnet_is_near_one_eighth_and_the_small_one_is_not(found):
    infinite = found["infinite"].sel(choice="2–2.2")
    assert 0.1 < float(infinite) < 0.125
    zero = found.sel(choice="2–2.2", length=0).isel(seed=0, arm=0)
    gap = float(zero["delta"]) - float(infinite)
    assert gap < 3 * float(zero["delta_error"])
    assert np.isnan(found["infinite"].sel(choice="2.1–2.3"))


def test_the_gibbs_chain_forgets_and_the_map_of_means_does_not(found):
    at = found.sel(choice="2–2.2", length=40).isel(seed=0)
    kept = at.sel(arm="trained on means, means passed on")
    lost = at.sel(arm="trained on draws, samples passed on")
    zero = found.sel(choice="2–2.2", length=0).isel(seed=0, arm=0)
    assert abs(float(kept["delta"]) - float(zero["delta"])) < 0.03
    assert abs(float(lost["delta"])) < 5 * float(lost["delta_error"]) < 0.05


def test_verdicts_of_figure_2_follow_the_numbers(found):
    first = fig_2.checks(found)
    assert len(first) == 3
    eighth = found.assign(
        delta=found["delta"] * 0 + 0.125, delta_error=found["delta_error"] * 0 + 1e-3
    )
    far = eighth.assign(delta=eighth["delta"] - 0.08)
    assert fig_2.checks(eighth)[0].status is Status.REPRODUCED
    assert fig_2.checks(far)[0].status is Status.NOT
    vague = eighth.assign(delta_error=eighth["delta_error"] * 0 + 0.5)
    assert fig_2.checks(vague)[0].status is Status.OPEN
    late = found["length"] > LENGTH
    moving = eighth.assign(delta=eighth["delta"] - 0.1 * late)
    assert fig_2.checks(eighth)[1].status is Status.PARTLY
    assert fig_2.checks(moving)[1].status is Status.NOT
    early = found["length"] == 0
    narrower = eighth.assign(half_width=eighth["half_width"] * 0 + 0.1 + 0.4 * early)
    assert fig_2.checks(narrower)[2].status is Status.REPRODUCED
    same = eighth.assign(half_width=eighth["half_width"] * 0 + 0.1)
    assert fig_2.checks(same)[2].status is Status.NOT


def test_verdicts_of_figure_4_follow_the_numbers(fitted):
    one = {"delta": 0.125, "delta_error": 1e-3, "free_critical": T_C}
    one |= {"free_critical_error": 1e-3, "p": 0.5}
    right = fitted.assign({k: fitted["p"] * 0 + v for k, v in one.items()})
    assert [c.status for c in fig_4.checks(right)] == [Status.REPRODUCED] * 2
    wrong = right.assign(delta=right["delta"] - 0.08, p=right["p"] * 1e-9)
    assert [c.status for c in fig_4.checks(wrong)] == [Status.NOT, Status.PARTLY]
    hot = wrong.assign(free_critical=wrong["free_critical"] + 0.1)
    assert fig_4.checks(hot)[1].status is Status.NOT


def test_the_magnet_itself_is_fitted_before_the_flow(fitted):
    zero = fitted.sel(length=0)
    assert (abs(zero["delta"] - zero["delta"][0]) == 0).all()
    assert (zero["chi2"] >= 0).all()
    assert ((fitted["p"] >= 0) & (fitted["p"] <= 1)).all()


@pytest.mark.parametrize(
    "exhibit", [fig_2.EXHIBIT, fig_4.EXHIBIT], ids=lambda e: e.name
)
def test_sections_have_pictures_and_tables(exhibit, found, fitted):
    data = {"fig_2": found, "fig_4": fitted}[exhibit.name]
    (section,) = exhibit.draw(data)
    assert (section.picture or "").startswith("data:image/svg+xml")
    (table,) = section.tables
    assert all(len(row) == len(table.header) for row in table.rows)
    assert len(table.rows) == 4 * data.sizes["length"]
