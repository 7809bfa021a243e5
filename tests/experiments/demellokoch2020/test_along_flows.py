"""Changes along a flow: taken machine by machine, with the reach of each."""

import math

import numpy as np
import pytest
import xarray as xr

from kadanoff.experiments.demellokoch2020.along_flows import (
    SURE,
    change,
    from_start,
    paired,
    reading,
)
from kadanoff.experiments.demellokoch2020.flow import interval


def flows(values, error):
    """Readings of several machines at lengths 0 and 1."""
    x = np.asarray(values, dtype=float)
    axes = ("seed", "length")
    data = {"x": (axes, x), "x_error": (axes, np.full(x.shape, error))}
    return xr.Dataset(data, coords={"length": [0, 1]})


def test_changes_are_taken_machine_by_machine():
    apart = flows([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1], [3.0, 3.1]], 0.0)
    step, reach = change(apart, "x", {"length": 0}, {"length": 1})
    assert step == pytest.approx(0.1)
    assert reach == pytest.approx(0, abs=1e-12)
    assert reading(apart, "x", length=1)[1] > 1
    loose = flows([[0.0, 0.1], [1.0, 1.3], [2.0, 2.1], [3.0, 3.3]], 0.0)
    step, reach = change(loose, "x", {"length": 0}, {"length": 1})
    spread = np.std([0.1, 0.3, 0.1, 0.3], ddof=1) / 2
    assert reach == pytest.approx(interval(loose, SURE) * spread)


def test_of_one_machine_both_errors_count():
    step, reach = change(flows([[0.0, 0.1]], 0.03), "x", {"length": 0}, {"length": 1})
    assert step == pytest.approx(0.1)
    assert reach == pytest.approx(3 * 0.03 * math.sqrt(2), rel=0.001)


def test_what_is_known_of_the_start_is_not_measured_again():
    here, there = {"length": 0}, {"length": 1}
    apart = flows([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1], [3.0, 3.1]], 0.0)
    value, reach = paired(apart, "x", 7.0, here, there)
    assert value == pytest.approx(7.1)  # not the mean of the readings, 1.6
    assert reach == pytest.approx(0, abs=1e-12)
    assert paired(apart, "x", 7.0, here, there, unsure=0.3)[1] == pytest.approx(0.3)
    loose = flows([[0.0, 0.1], [1.0, 1.3], [2.0, 2.1], [3.0, 3.3]], 0.0)
    step = change(loose, "x", here, there)[1]
    both = paired(loose, "x", 7.0, here, there, unsure=0.3)[1]
    assert both == pytest.approx(math.hypot(step, 0.3))


def test_a_reading_from_the_start_has_only_the_start_s_own_error_and_the_change_s():
    apart = flows([[0.0, 0.1], [1.0, 1.3], [2.0, 2.1], [3.0, 3.3]], 0.0)
    value, reach = from_start(apart, "x", {"length": 1})
    plain, wide = reading(apart, "x", length=1)
    assert value == pytest.approx(plain)
    step = change(apart, "x", {"length": 0}, {"length": 1})[1]
    start = np.std([0.0, 1.0, 2.0, 3.0], ddof=1) / 2
    assert reach == pytest.approx(math.hypot(step, 3 * start))
    assert reach < wide
    # Machines that differ by what they do are not made certain by a sure start.
    other = flows([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [1.0, 4.0]], 0.0)
    assert from_start(other, "x", {"length": 1}) == reading(other, "x", length=1)


def test_of_one_machine_the_reading_itself_is_taken():
    one = flows([[0.0, 0.1]], 0.03)
    assert from_start(one, "x", {"length": 1}) == reading(one, "x", length=1)
