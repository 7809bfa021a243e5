"""Power laws of the magnetization are found again, with errors of repeated fits."""

import math

import numpy as np
import pytest

from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.magnetization_fits import (
    BELOW,
    FREE,
    NEAR,
    fit_power,
    named,
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
