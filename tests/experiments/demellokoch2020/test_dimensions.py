"""What the figures of Δ share: where a curve passes a value, which window is quoted."""

import numpy as np
import pytest
import xarray as xr

from kadanoff.exact.constants import K_C
from kadanoff.experiments.demellokoch2020.correlator_fits import constant_for
from kadanoff.experiments.demellokoch2020.dimensions import (
    crossing,
    first_window,
    nothing_subtracted,
)


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


def test_what_an_average_that_is_not_zero_would_do_is_told_in_numbers():
    words, found = nothing_subtracted(10), constant_for(0.125, 10, K_C)
    assert f"{found.size:.3f} at T = 2.269, ⟨s⟩ = {found.size**0.5:.2f}" in words
    assert f"{found.share:.0%} of ⟨m²⟩" in words
    assert words.count("⟨s⟩ = 0.") == 3
