"""Changes along a flow: taken machine by machine, with the reach of each."""

import math

import numpy as np
import pytest
import xarray as xr

from kadanoff.experiments.demellokoch2020.along_flows import SURE, change, reading
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
