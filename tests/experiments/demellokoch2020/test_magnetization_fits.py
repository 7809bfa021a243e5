"""Power laws of the magnetization are found again, with errors of repeated fits."""

import math

import numpy as np
import pytest
import xarray as xr

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.magnetization_fits import (
    BELOW,
    FREE,
    LOWEST,
    NEAR,
    at_edge,
    fit_power,
    named,
    refit,
    told,
)


def test_the_temperatures_fitted_lie_below_t_c():
    assert NEAR in BELOW
    assert all(max(choice) < T_C for choice in BELOW)
    assert [named(choice) for choice in BELOW][-1] == "2–2.2"


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


def test_intervals_of_all_parameters_are_t_errors_wide():
    rough = law(FREE) + 1e-3 * np.array([1, -2, 1, 0, -1, 2, -1])
    free = fit_power(FREE, rough, np.full(7, 1e-3), None)
    # Student's t of 4 degrees of freedom at 90 %.
    np.testing.assert_allclose(free.half_widths, 2.1318 * free.regression, rtol=1e-4)
    given = fit_power(NEAR, law(NEAR) + np.array([1, -2, 1]) * 1e-3, np.full(3, 1e-3))
    assert given.half_widths[1] == given.half_width
    assert given.half_widths[2] == 0


def machines(*critical):
    """Exact power laws of some machines' own T_c, at two lengths."""
    rows = [law(FREE, critical=t) for t in critical]
    m = np.repeat(np.array(rows)[None, :, :, None], 2, axis=-1)
    axes = ("arm", "seed", "temperature", "length")
    data = {"m": (axes, m), "m_error": (axes, np.full(m.shape, 1e-3))}
    coords = {"arm": ["one"], "temperature": list(FREE), "length": [0, 26]}
    return xr.Dataset(data, coords=coords)


@pytest.mark.parametrize("weighted", [False, True])
def test_stored_magnetizations_are_fitted_machine_by_machine(weighted):
    free = refit(machines(2.25, 2.31), FREE, None, weighted=weighted)
    found = free["critical"].sel(arm="one", length=26)
    np.testing.assert_allclose(found, [2.25, 2.31], atol=1e-5)
    np.testing.assert_allclose(free["delta"], 0.125, atol=1e-5)
    assert (free["critical_half"] < 1e-4).all()  # no scatter about an exact law
    assert (free["critical_error"] > 1e-4).all()
    given = refit(machines(T_C), FREE, T_C, weighted=weighted)
    assert (given["critical_half"] == 0).all()
    np.testing.assert_allclose(given["amplitude"], 1.02, atol=1e-6)


def test_weights_matter_where_a_power_law_does_not_fit():
    data = machines(2.25)
    bent = data.assign(m=data["m"] - 0.05 * (data["temperature"] > 2.15))
    bent["m_error"] = bent["m_error"] * (1 + 9 * (bent["temperature"] > 2.15))
    one = bent.isel(arm=0, seed=0, length=0)
    m, error = one["m"].values, one["m_error"].values
    critical = []
    for weighted in (False, True):
        fit = fit_power(FREE, m, error, None, weighted=weighted)
        found = refit(bent, FREE, None, weighted=weighted).isel(arm=0, seed=0, length=0)
        assert float(found["critical"]) == fit.critical
        assert float(found["delta_half"]) == fit.half_width > 0
        critical.append(fit.critical)
    assert abs(critical[1] - critical[0]) > 0.005


def test_fits_are_told_with_both_errors_or_as_at_the_edge():
    free = refit(machines(2.25, 2.31), FREE, None)
    here = {"arm": "one", "length": 26}
    rough = free.assign(critical_half=free["critical"] * 0 + 0.0123)
    assert told(rough, "critical", "critical", **here) == "2.280(30) ±0.012"
    first = free["critical"].where(free["seed"] > 0, LOWEST)
    edge = free.assign(critical=first)
    assert at_edge(edge, "critical", **here) == 1
    assert told(edge, "delta", "critical", **here) == "1 of 2 at the edge"
    assert "edge" not in told(edge, "delta", **here)
