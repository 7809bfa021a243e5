"""Beyond three errors or not at all, and every row told from the others."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import xarray as xr

from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.mehta2014.by_layer import (
    MAGNETIZATION,
    MAJORITY,
    MEAN,
    OTHER,
    WAVES,
    above,
    below,
    cell,
    combined,
    is_apart,
    legend,
    number,
    percent,
    points,
)
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    FULL,
    LAYERS,
    UNTRAINED,
    arms,
)
from kadanoff.reports.figures import figure

ROWS = [
    *(arm.name for arm in arms(FULL)),
    *(UNTRAINED, BLOCKS, MAJORITY, WAVES, MAGNETIZATION, MEAN, OTHER),
]


@pytest.fixture
def found():
    shape = (len(ROWS), len(LAYERS))
    values = np.arange(math.prod(shape), dtype=float).reshape(shape)
    errors = np.full(shape, 0.5)
    errors[1] = np.nan  # one training
    return xr.Dataset(
        {"x": (("row", "layer"), values), "x_error": (("row", "layer"), errors)},
        coords={"row": ROWS, "layer": list(LAYERS)},
    )


@pytest.mark.parametrize(
    ("value", "error", "answer"),
    [
        (1.0, 0.3, True),
        (1.0, 0.34, None),
        (3.0, 0.3, False),
        (1.0, 0.0, True),
        (1.0, math.nan, None),
        (math.nan, math.nan, None),
        (math.nan, 0.0, None),
    ],
)
def test_a_limit_takes_three_errors(value, error, answer):
    assert below((value, error), 2.0) is answer
    opposite = None if answer is None else not answer
    assert above((value, error), (2.0, 0.0)) is opposite


def test_errors_of_both_count():
    """Three errors of 0.3 and 0.4 together are 1.5."""
    assert above((2.0, 0.3), (0.4, 0.4)) is True
    assert above((2.0, 0.3), (0.6, 0.4)) is None
    assert above((2.0, 0.3), (0.8, 0.8), factor=0.5) is True
    assert is_apart((1.0, 0.3), (3.0, 0.4)) == pytest.approx((2.0, 0.5))


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([True, True], Status.REPRODUCED),
        ([True, False], Status.PARTLY),
        ([False, None], Status.NOT),
        ([True, None], Status.OPEN),
        ([], Status.OPEN),
    ],
)
def test_parts_of_a_claim(parts, status):
    assert combined(parts) is status


def test_numbers_as_text(found):
    assert number(found, "x", row=ROWS[0], layer=2) == (1.0, 0.5)
    assert cell(found, "x", row=ROWS[0], layer=2) == "1.00(50)"
    assert cell(found, "x", row=ROWS[1], layer=2) == "4"
    assert cell(found.where(found < 0), "x", row=ROWS[0], layer=1) == "–"
    assert percent((0.25, 0.02)) == "25 % ± 2"
    assert percent((0.25, math.nan)) == percent((0.25, 0.0)) == "25 %"


def test_no_two_rows_look_alike(found):
    """Neither in colour, marker and line nor in the legend."""
    fig = figure(6, 4)
    points(fig.axes[0], found, "x")
    legend(fig)
    containers: Any = fig.axes[0].containers
    lines = [bars.lines[0] for bars in containers]
    looks = [(p.get_color(), p.get_marker(), p.get_linestyle()) for p in lines]
    assert len(looks) == len(set(looks)) == len(ROWS)
    # Grey on grey and black on black differ in their markers.
    assert all(a[1] != b[1] for a, b in combinations(looks, 2) if a[0] == b[0])
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ROWS
