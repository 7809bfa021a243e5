"""Figure 2: the exponent of the magnetization along the flow; verdicts by numbers."""

import numpy as np
import pytest
import xarray as xr

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import fig_2
from kadanoff.experiments.demellokoch2020.fig_2 import narrowing
from kadanoff.experiments.demellokoch2020.flow import LENGTH
from kadanoff.experiments.demellokoch2020.flow_words import LITERAL
from kadanoff.experiments.demellokoch2020.magnetization_fits import NEAR
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return fig_2.compute(fig_2.FAST, work)


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


def sharp(found, delta=0.125, error=1e-4):
    """The same data with Δ_m known well."""
    zero = found["delta"] * 0
    return found.assign(delta=zero + delta, delta_error=zero + error)


def statuses(dataset):
    return [c.status for c in fig_2.checks(dataset)]


def test_an_eighth_is_found_only_if_errors_are_small(found):
    assert statuses(sharp(found))[0] is Status.REPRODUCED
    assert statuses(sharp(found, 0.045))[0] is Status.NOT
    vague = sharp(found, error=0.01)
    assert statuses(vague)[0] is Status.OPEN
    assert "would decide" in fig_2.checks(vague)[0].reason


def test_only_the_letter_of_the_paper_decides(found):
    other = found["arm"] != LITERAL
    low = sharp(found, 0.045)
    mixed = low.assign(delta=low["delta"] + 0.08 * other)
    assert statuses(mixed)[0] is Status.NOT
    assert "trained on draws, samples passed on" in fig_2.checks(mixed)[0].reason


def test_converged_is_what_has_moved_and_stays(found):
    good = sharp(found)
    assert statuses(good)[1] is Status.PARTLY  # it has not moved at all
    moved = good.assign(delta=good["delta"] - 0.08 * (found["length"] > 0))
    assert statuses(moved)[1] is Status.REPRODUCED
    late = good.assign(delta=good["delta"] - 0.08 * (found["length"] > LENGTH))
    assert statuses(late)[1] is Status.NOT
    assert statuses(sharp(found, error=0.05))[1] is Status.OPEN


def test_a_plateau_is_not_called_none(found):
    """Samples passed on that stay at 0.047 have a Δ_m; those at 0 have none."""
    reason = fig_2.checks(sharp(found, 0.047))[1].reason
    assert "stays, Δ_m 0.0470" in reason
    assert "none" not in reason.split(";", 1)[1]
    assert "which is none" in fig_2.checks(sharp(found, 0.0))[1].reason


def widths(found, slope, machines=5) -> xr.Dataset:
    """Half widths that change by this share of themselves, over several machines."""
    length = found["length"] / found["length"].max()
    half = found["half_width"] * 0 + 0.1 * (1 + slope * (length - 0.5))
    rows = [half + 1e-4 * k for k in range(machines)]
    every = [found.assign(half_width=h) for h in rows]
    together = xr.concat(every, "seed", data_vars="minimal")
    assert isinstance(together, xr.Dataset)
    return together


def test_bars_shrink_only_by_a_trend_over_all_lengths(found):
    assert statuses(widths(found, -0.5))[2] is Status.REPRODUCED
    assert statuses(widths(found, 0.0))[2] is Status.NOT
    assert statuses(widths(found, 0.5))[2] is Status.NOT
    assert statuses(widths(found, -0.5, machines=1))[2] is Status.OPEN
    # Narrower at the paper's length alone, as by chance, is no trend.
    wide = widths(found, 0.0)
    dip = wide["half_width"] * (1 - 0.3 * (wide["length"] == LENGTH))
    assert statuses(wide.assign(half_width=dip))[2] is not Status.REPRODUCED
    trend, reach = narrowing(widths(found, -0.5))
    expected = -0.5 * (40 - 9) / 40  # from the first length after 0
    assert trend == pytest.approx(expected, rel=0.15)
    assert reach < 0.05


def test_residuals_are_kept_point_by_point(found):
    at = found.sel(choice="2–2.2", length=0).isel(arm=0, seed=0)
    m = found["m"].sel(length=0, temperature=list(NEAR)).isel(arm=0, seed=0).values
    left = at["residual"].values
    curve = m - left
    slopes = np.diff(np.log(curve)) / np.diff(np.log(T_C - np.array(NEAR)))
    np.testing.assert_allclose(slopes, float(at["delta"]), atol=1e-6)
    assert abs(left).max() > 0


def test_sections_have_pictures_and_tables(found):
    first, second = fig_2.draw(found)
    for section in (first, second):
        assert (section.picture or "").startswith("data:image/svg+xml")
    (table,) = first.tables
    assert all(len(row) == len(table.header) for row in table.rows)
    assert len(table.rows) == 4 * found.sizes["length"]
    assert any("64 configurations" in r for r in first.remarks)
