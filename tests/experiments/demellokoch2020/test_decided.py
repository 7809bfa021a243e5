"""Bounds: what errors leave undecided."""

import math

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020.decided import (
    above,
    agrees,
    all_of,
    below,
    status_of,
    within,
    would_decide,
)
from kadanoff.experiments.exhibit import Status


@pytest.mark.parametrize(
    ("value", "error", "found"),
    [(0.5, 0.1, True), (0.5, 0.2, None), (1.4, 0.1, False), (1.4, 0.2, None)],
)
def test_a_value_is_below_one_by_three_errors(value, error, found):
    assert below(value, error, 1.0) is found
    assert above(-value, error, -1.0) is found
    assert within(-value, error, 1.0) is found


def test_no_error_decides_nothing():
    assert below(0.0, math.nan, 1.0) is None
    assert within(0.0, math.inf, 1.0) is None


def test_statuses_of_several_parts():
    assert status_of([True, True]) is Status.REPRODUCED
    assert status_of([True, None]) is Status.OPEN
    assert status_of([True, None, False]) is Status.PARTLY
    assert status_of([False, None]) is Status.OPEN
    assert status_of([False]) is Status.NOT
    assert status_of([]) is Status.OPEN


def test_all_of_several_parts():
    assert all_of([True, True]) is True
    assert all_of([True, None]) is None
    assert all_of([None, False]) is False
    assert all_of([]) is None


def test_what_would_decide():
    assert would_decide(True) == would_decide(False) == ""
    assert "would decide" in would_decide(None)
    assert would_decide(None, "more") == "; more"


@pytest.mark.parametrize(
    ("gap", "reach", "found"),
    [
        (0.0, 0.05, True),
        (0.05, 0.05, True),
        (-0.08, 0.01, True),
        (0.0, 0.2, None),  # consistent, and known badly
        (0.08, 0.05, None),
        (0.15, 0.1, None),
        (0.15, 0.01, False),
        (-0.5, 0.3, False),
        (math.nan, 0.1, False),
        (0.0, math.nan, None),
        (0.0, math.inf, None),
    ],
)
def test_agreement_within_a_tenth(gap, reach, found):
    assert agrees(gap, reach, 0.1) is found


def test_a_wider_interval_never_turns_into_agreement():
    for gap in np.linspace(0, 0.3, 31):
        seen = [agrees(gap, reach, 0.1) for reach in np.linspace(0, 1, 101)]
        if seen[0] is not True:
            assert True not in seen
        assert seen[-1] is None
