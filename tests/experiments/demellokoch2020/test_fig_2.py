"""Figure 2: the exponent of the magnetization along the flow; verdicts by numbers."""

import numpy as np
import pytest
import xarray as xr

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import fig_2
from kadanoff.experiments.demellokoch2020.fig_2.pictures import over_machines
from kadanoff.experiments.demellokoch2020.fig_2.verdicts import little, narrowing
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


def several(found, offsets, step):
    """Machines whose starts differ and whose flows all change Δ_m alike."""
    moved = step * (found["length"] > 0)
    rows = [sharp(found, 0.125 + x) for x in offsets]
    rows = [r.assign(delta=r["delta"] + moved) for r in rows]
    together = xr.concat(rows, "seed", data_vars="minimal")
    assert isinstance(together, xr.Dataset)
    return together


def test_what_the_starts_have_in_common_with_the_flow_is_no_error_of_it(found):
    """By the spread at length 26, ±6.6 errors, nothing would be decided."""
    spread = (-0.0075, -0.00375, 0.0, 0.00375, 0.0075)
    assert statuses(several(found, spread, 0.0))[0] is Status.REPRODUCED
    assert statuses(several(found, spread, -0.025))[0] is Status.NOT
    assert statuses(several(found, spread, -0.01))[0] is Status.OPEN
    loose = tuple(10 * x for x in spread)
    assert statuses(several(found, loose, 0.0))[0] is Status.OPEN


def test_how_little_the_flow_changes_is_told_from_the_data(found):
    still = found.assign(m=found["m"].sel(length=0).broadcast_like(found["m"]))
    assert "at most 0% of what |m| falls" in little(still, LENGTH)
    colder = still["temperature"] < 1.65
    fall = float((still["m"][:, :, 0] - still["m"][:, :, -1]).max())
    off = 0.5 * fall * (colder & (still["length"] == LENGTH))
    text = little(still.assign(m=still["m"] - off), LENGTH)
    assert "at most 50% of" in text
    assert "(from T = 1.6) to +0.0000" in text
    reasons = [c.reason for c in fig_2.checks(found)]
    assert all(little(found, LENGTH) in reason for reason in reasons[:2])


def test_of_how_many_threes_the_interval_holds_an_eighth_is_told(found):
    good = sharp(found)
    wide = good.assign(half_width=good["half_width"] * 0 + 0.01)
    assert "for 7 of 7 neighbouring threes: T = 1.6–1.8" in fig_2.checks(wide)[0].reason
    off = wide["delta"] + 0.02 * (wide["choice"] != "2.1–2.3")
    reason = fig_2.checks(wide.assign(delta=off))[0].reason
    assert "for 1 of 7 neighbouring threes: T = 2.1–2.3 (±0.010); at 2–2.2" in reason
    none = fig_2.checks(wide.assign(delta=wide["delta"] + 0.02))[0].reason
    assert "for 0 of 7 neighbouring threes: none" in none


def test_only_the_reading_of_the_text_that_is_taken_decides(found):
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


def test_bars_of_residuals_are_the_spread_of_machines():
    left = xr.DataArray([[0.1, 0.2], [0.3, 0.2]], dims=("seed", "temperature"))
    own = xr.DataArray([7.0, 8.0], dims="temperature")
    mean, bar = over_machines(left, own)
    np.testing.assert_allclose(mean, [0.2, 0.2])
    np.testing.assert_allclose(bar, [0.2 / np.sqrt(2), 0], atol=1e-12)
    np.testing.assert_allclose(over_machines(left[:1], own)[1], [7, 8])


def test_sections_have_pictures_and_tables(found):
    first, second = fig_2.draw(found)
    for section in (first, second):
        assert (section.picture or "").startswith("data:image/svg+xml")
    (table,) = first.tables
    assert all(len(row) == len(table.header) for row in table.rows)
    assert len(table.rows) == 4 * found.sizes["length"]
    assert any("64 configurations" in r for r in first.remarks)
    assert any("unweighted" in r for r in first.remarks)
    # Every fit is told with the paper's interval, but those at the edge.
    cells = [cell for row in table.rows for cell in (row[2], row[4], row[5])]
    assert all("±" in cell or "at the edge" in cell for cell in cells)
    assert any("at the edge" not in cell for cell in cells)
