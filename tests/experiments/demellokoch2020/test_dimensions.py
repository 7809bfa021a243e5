"""What the figures of Δ share: where a curve passes a value, which window is quoted."""

import numpy as np
import pytest
import xarray as xr

from kadanoff.experiments.demellokoch2020.dimensions import crossing, first_window


def test_where_a_rising_exponent_passes_a_value():
    assert crossing([2.0, 2.2, 2.4], [0.0, 0.1, 0.3], 0.2) == pytest.approx(2.3)
    assert np.isnan(crossing([2.0, 2.2], [0.3, 0.4], 0.2))


@pytest.mark.parametrize(
    ("p", "found"),
    [
        ([0.5, 0.5, 0.5], (1.0, True)),
        ([1e-9, 1e-4, 0.4], (3.0, True)),
        ([1e-9, 0.002, 1e-9], (2.0, True)),
        ([1e-9, 1e-9, 1e-4], (3.0, False)),
    ],
)
def test_the_first_window_that_is_not_excluded_is_quoted(p, found):
    starts = {"side": [10], "r_min": [1.0, 2.0, 3.0]}
    dataset = xr.Dataset({"torus_p": (("side", "r_min"), [p])}, coords=starts)
    assert first_window(dataset, 10) == found
