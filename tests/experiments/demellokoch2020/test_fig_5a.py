"""Figure 5a: Δ_s of known correlators by the fits of figure 5b, verdicts by numbers."""

import numpy as np
import pytest
import xarray as xr

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020 import fig_5a
from kadanoff.experiments.demellokoch2020.fig_5a import (
    FORMS,
    exact_dimensions,
    flow_dimensions,
    forms,
)
from kadanoff.experiments.demellokoch2020.flow import start
from kadanoff.experiments.demellokoch2020.flow_words import LITERAL
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def spins(work):
    return fig_5a.compute(fig_5a.FAST, work)


@pytest.mark.parametrize("operator", ["spin", "energy"])
def test_the_fits_are_those_of_the_monte_carlo_figures(operator):
    found = forms(operator)
    assert set(found) == set(FORMS)
    r = found["plane"].distance
    np.testing.assert_allclose(r, found["torus"].distance)
    assert (r.min(), r.max()) == (1, 5)
    assert float(found["plane"].fit(3 * r**-0.6)) == pytest.approx(0.3, abs=1e-6)
    exact = {"spin": 0.125, "energy": 1.0}[operator]
    form = found["torus"](exact)
    assert float(found["torus"].fit(3 * form)) == pytest.approx(exact, abs=1e-6)
    assert forms(operator, 2.0)["plane"].distance.min() == 2


@pytest.mark.parametrize(
    ("operator", "plane", "torus"),
    [("spin", 0.0710, 0.1242), ("energy", 0.9764, 0.9689)],
)
def test_the_exact_small_magnet_reads_what_figures_5b_and_6a_have(
    operator, plane, torus
):
    """The very numbers of the same fits there, `power_exact` and `torus_exact`."""
    found = exact_dimensions(operator, [T_C])
    assert float(found["plane_exact"][0]) == pytest.approx(plane, abs=5e-5)
    assert float(found["torus_exact"][0]) == pytest.approx(torus, abs=5e-5)


def test_length_0_is_the_exact_magnet(spins):
    zero = spins.sel(length=0).isel(arm=0, seed=0)
    for form in fig_5a.FORMS:
        gap = zero[form] - zero[f"{form}_exact"]
        assert (abs(gap) < 4.5 * zero[f"{form}_error"]).all()


def test_readings_are_fits_of_the_measured_correlator(work):
    ensemble = start(work, T_C, 256, 9)
    found = flow_dimensions(ensemble, "energy", (2.0,))
    r = forms("energy")["plane"].distance
    g = np.array([float(found[f"g{k + 1}"].value) for k in range(len(r))])
    for name, near in (("plane", 1.0), ("torus", 1.0), ("plane_2", 2.0)):
        curve = forms("energy", near)[name.removesuffix("_2")]
        assert float(found[name].value) == pytest.approx(float(curve.fit(g[r >= near])))
        assert float(found[name].error) > 0


def sharp(spins, delta, error=1e-4):
    """All flows from the exact magnet to this Δ_s, known well."""
    zero = spins["plane"] * 0
    flowing = zero + spins["length"] > 0
    values = {f: (zero + delta).where(flowing, spins[f"{f}_exact"]) for f in FORMS}
    return spins.assign(values | {f"{form}_error": zero + error for form in FORMS})


def statuses(dataset):
    return [c.status for c in fig_5a.checks(dataset)]


def test_an_eighth_is_found_only_if_errors_are_small(spins):
    assert statuses(sharp(spins, 0.125))[:2] == [Status.REPRODUCED] * 2
    assert statuses(sharp(spins, 0.045))[:2] == [Status.NOT] * 2
    blurred = sharp(spins, 0.125, 0.01)
    assert statuses(blurred)[:2] == [Status.OPEN] * 2
    assert "would decide" in fig_5a.checks(blurred)[0].reason


def test_a_flow_is_judged_by_what_it_changes_of_the_exact_magnet(spins):
    """Noise of the starts, the same at both lengths, neither blurs nor moves it."""
    still = sharp(spins, 0.0)
    still = still.assign({f: still[f] * 0 + still[f"{f}_exact"] for f in FORMS})
    rng = np.random.default_rng(3)
    rows = [
        still.assign({f: still[f] + 0.02 * rng.normal() for f in FORMS})
        for _ in range(5)
    ]
    starts = xr.concat(rows, "seed", data_vars="minimal")
    assert isinstance(starts, xr.Dataset)
    assert statuses(starts)[:2] == [Status.NOT, Status.REPRODUCED]
    gap, reach = fig_5a.from_magnet(starts, "torus", LITERAL, T_C)
    assert gap == pytest.approx(float(spins["torus_exact"].sel(temperature=T_C)))
    assert reach < 1e-9
    flows = starts.assign_coords(seed=range(5))
    spread = 0.01 * (flows["seed"] - 2) * (flows["length"] > 0)
    assert statuses(flows.assign(torus=flows["torus"] + spread))[1] is Status.OPEN
    lost = starts.assign(torus=starts["torus"] - 0.05 * (starts["length"] > 0))
    assert statuses(lost)[1] is Status.NOT


def test_what_fits_leave_has_the_spread_of_what_is_left():
    """Machines whose G differ by a factor, and all by the same from the curve."""
    g = np.outer([1.0, 2.0, 3.0], [1.0, 0.5, 0.25])
    assert fig_5a._bars(g, g) == pytest.approx(g[0] / np.sqrt(3))
    assert fig_5a._bars(g - g, g) == pytest.approx(0)
    assert fig_5a._bars(g[:1], g[1:2]) == pytest.approx(g[1])


def test_only_the_letter_of_the_paper_decides(spins):
    low = sharp(spins, 0.045)
    other = spins["arm"] != LITERAL
    other = other * (spins["length"] > 0)
    mixed = low.assign({form: low[form] + 0.08 * other for form in FORMS})
    assert statuses(mixed)[:2] == [Status.NOT] * 2
    assert "read by: trained on means, samples" in fig_5a.checks(mixed)[0].reason


def test_the_order_needs_a_rise_on_both_sides_of_an_eighth(spins):
    slope = spins["temperature"] - T_C
    warm = sharp(spins, 0.125)
    slope = slope * (spins["length"] > 0)
    warm = warm.assign(plane=warm["plane"] + 0.3 * slope)
    assert statuses(warm)[2] is Status.REPRODUCED
    low = warm.assign(plane=warm["plane"] - 0.06 * (warm["length"] > 0))
    assert statuses(low)[2] is Status.PARTLY
    assert "above below it" in fig_5a.checks(low)[2].reason
    cold = warm.assign(plane=warm["plane"] - 0.6 * slope)
    assert statuses(cold)[2] is Status.NOT
    assert statuses(sharp(spins, 0.125))[2] is Status.NOT  # it does not rise
    blurred = cold.assign(plane_error=cold["plane_error"] + 0.02)
    assert statuses(blurred)[2] is Status.OPEN  # a fall within errors is none


def test_sections_have_pictures_tables_and_what_is_reconstructed(spins):
    sections = fig_5a.draw(spins)
    for section in sections:
        assert (section.picture or "").startswith("data:image/svg+xml")
        for table in section.tables:
            assert all(len(row) == len(table.header) for row in table.rows)
    assert any("reconstructed" in r for r in sections[0].remarks)
    assert any("nothing subtracted" in r for r in sections[0].remarks)
    assert "spread over machines" in sections[-1].remarks[0]
    assert "43% below" in sections[0].remarks[-1]
    assert any("flattest" in r for r in sections[1].remarks)
