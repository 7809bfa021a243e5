"""Figure 4: both fits of the magnetization, and what becomes of their claims."""

import numpy as np
import pytest
import xarray as xr

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import fig_4
from kadanoff.experiments.demellokoch2020.magnetization_fits import FREE, LOWEST
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return fig_4.compute(fig_4.FAST, work)


def statuses(dataset):
    return [c.status for c in fig_4.checks(dataset)]


def test_residuals_are_those_of_the_free_fit(fitted):
    at = fitted.sel(temperature=list(FREE))
    curve = (
        fitted["free_amplitude"]
        * abs(at["temperature"] - fitted["free_critical"]) ** (fitted["free_delta"])
    )
    left = (at["m"] - curve).transpose("arm", "seed", "length", "temperature")
    np.testing.assert_allclose(left, fitted["free_residual"], atol=1e-10)
    pulls = fitted["free_residual"].values / at["m_error"].transpose(*left.dims).values
    np.testing.assert_allclose((pulls**2).sum(axis=-1), fitted["chi2"])


def test_verdicts_follow_the_numbers(fitted):
    one = {"delta": 0.125, "delta_error": 1e-3, "free_critical": T_C}
    one |= {"free_critical_error": 1e-3, "p": 0.5}
    right = fitted.assign({k: fitted["p"] * 0 + v for k, v in one.items()})
    assert statuses(right) == [Status.REPRODUCED] * 2
    wrong = right.assign(delta=right["delta"] - 0.08, p=right["p"] * 1e-9)
    assert statuses(wrong) == [Status.NOT, Status.PARTLY]
    hot = wrong.assign(free_critical=wrong["free_critical"] + 0.1)
    assert statuses(hot)[1] is Status.NOT
    elsewhere = hot.assign(p=right["p"])
    assert statuses(elsewhere)[1] is Status.PARTLY


def test_large_errors_decide_nothing(fitted):
    one = {"delta": 0.125, "delta_error": 0.01, "free_critical": T_C + 0.3}
    one |= {"free_critical_error": 0.05, "p": 0.5}
    vague = fitted.assign({k: fitted["p"] * 0 + v for k, v in one.items()})
    assert statuses(vague) == [Status.OPEN] * 2
    assert "would decide" in fig_4.checks(vague)[0].reason


def test_the_magnet_itself_is_fitted_before_the_flow(fitted):
    zero = fitted.sel(length=0)
    assert (abs(zero["delta"] - zero["delta"][0]) == 0).all()
    assert (zero["chi2"] >= 0).all()
    assert ((fitted["p"] >= 0) & (fitted["p"] <= 1)).all()


def test_the_page_has_a_picture_a_table_and_what_is_reconstructed(fitted):
    edge = fitted.assign(free_critical=fitted["free_critical"] * 0 + LOWEST)
    for data in (fitted, edge):
        (section,) = fig_4.draw(data)
        assert (section.picture or "").startswith("data:image/svg+xml")
        (table,) = section.tables
        assert all(len(row) == len(table.header) for row in table.rows)
        assert len(table.rows) == 4 * data.sizes["length"]
        assert any("reconstructed" in r for r in section.remarks)
    assert {row[5] for row in table.rows} == {"1 of 1 at the edge"}
    assert {row[7] for row in table.rows} != {"1 of 1 at the edge"}
    assert all("±" in cell for row in table.rows for cell in row[2:4])


def test_fits_of_the_judgement_are_those_stored(fitted):
    both = fig_4.intervals(fitted)
    free = fig_4.refit(fitted, FREE, None, weighted=True)
    np.testing.assert_allclose(free["critical"], fitted["free_critical"])
    np.testing.assert_allclose(free["delta_error"], fitted["free_delta_error"])
    given = fig_4.refit(fitted, fig_4.NEAR, T_C)
    np.testing.assert_allclose(given["delta"], fitted["delta"])
    assert (both["delta_half"] > 0).all()
    assert (both["free_critical_half"] > 0).all()
    # Weights of a hundred to one between the temperatures make another fit.
    apart = abs(both["plain_critical"] - both["free_critical"])
    assert float(apart.max()) > 0.01


def test_a_misfit_of_the_magnet_itself_is_no_finding_about_the_flow(fitted):
    one = {"free_critical": T_C, "free_critical_error": 1e-3}
    sure = fitted.assign({k: fitted["p"] * 0 + v for k, v in one.items()})
    bad = sure.assign(p=sure["p"] * 0 + 1e-9)
    assert "no finding about the flow" in fig_4.checks(bad)[1].reason
    start = bad.assign(p=bad["p"].where(bad["length"] > 0, 0.5))
    reason = fig_4.checks(start)[1].reason
    assert "no finding" not in reason
    assert "it fits the 10×10 magnet before the flow" in reason
    end = bad.assign(p=bad["p"].where(bad["length"] == 0, 0.5))
    assert "it does not fit the 10×10 magnet before" in fig_4.checks(end)[1].reason


def test_both_weightings_are_told_with_their_intervals(fitted):
    ours = fig_4.checks(fitted)[1].ours
    assert ours.startswith("weighed by the errors of m, T_c = ")
    assert "; unweighted, T_c = " in ours
    assert "these 26 steps change |m|" in fig_4.checks(fitted)[0].reason


def test_starts_that_differ_hide_no_common_change(fitted):
    """By the spread at length 26, ±235 errors of two machines, all would be open."""
    one = {"delta": 0.125, "delta_error": 1e-4}
    right = fitted.assign({k: fitted["p"] * 0 + v for k, v in one.items()})
    other = right.assign(delta=right["delta"] + 0.001)
    both = xr.concat([right, other], "seed", data_vars="minimal")
    assert statuses(both)[0] is Status.REPRODUCED
    off = both.assign(delta=both["delta"] - 0.05 * (both["length"] > 0))
    assert statuses(off)[0] is Status.NOT


def test_two_machines_make_a_spread(fitted):
    other = fitted.assign(delta=fitted["delta"] + 0.04)
    apart = xr.concat([fitted, other], "seed", data_vars="minimal")
    assert statuses(apart)[0] is Status.OPEN
