"""A plateau is found where one was put, and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kadanoff.flows.plateau import plateau

SITES = [2**k for k in range(1, 21)]


def drifting(k: int) -> float:
    """Flat in the middle, steep before and after."""
    return 0.5 + 1e-3 * (k - 9) ** 3 / 9


def test_the_flattest_stretch_is_found_with_its_scatter() -> None:
    charges = [drifting(k) for k in range(20)]
    rows = [[0.125, 1.0 + 1e-3 * k, math.inf] for k in range(20)]
    found = plateau(SITES, charges, rows)
    assert found is not None
    assert (found.first, found.last) == (7, 11)  # a factor of 16 in sites
    assert found.central_charge.value == pytest.approx(0.5)
    assert found.central_charge.scatter == pytest.approx(1e-3 * 8 / 9)
    spin, energy = found.dimensions
    assert spin.scatter == 0
    assert (energy.value, energy.scatter) == pytest.approx((1.009, 2e-3))


@pytest.mark.parametrize(
    ("charge", "lowest"), [(0.0, 0.125), (0.5, 0.0), (0.5, 3.0), (0.5, math.inf)]
)
def test_a_phase_is_no_plateau_however_still_it_is(charge, lowest) -> None:
    rows = [[lowest]] * len(SITES)
    assert plateau(SITES, [charge] * len(SITES), rows) is None


def test_what_never_stands_still_has_none() -> None:
    lowest = [[0.02 * 1.2**k] for k in range(20)]
    assert plateau(SITES, [0.5] * 20, lowest) is None
    assert plateau(SITES[:4], [0.5] * 4, [[0.125]] * 4) is None  # too short
    assert plateau([], [], []) is None


def test_a_critical_stretch_is_preferred_to_the_phase_that_follows() -> None:
    rng = np.random.default_rng(5)
    charges = [*(0.5 + 0.01 * rng.standard_normal(10)), *[0.0] * 10]
    found = plateau(SITES, charges, [[0.125]] * 10 + [[0.0]] * 10)
    assert found is not None
    assert found.last < 10
