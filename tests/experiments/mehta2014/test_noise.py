"""First units go to the largest eigenvalue, and statuses respond to data."""

import math
from typing import Any

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import noise


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return noise.compute(noise.FAST, work)


def statuses(dataset):
    return [check.status for check in noise.checks(dataset)]


@pytest.mark.parametrize("pairing", [0.5, 2.0])
def test_the_crossing_of_a_ring(pairing):
    """λ of a ring is its susceptibility, (1 + t)/(1 − t) · (1 − t^N)/(1 + t^N)."""
    t = math.tanh(noise.crossing((6,), pairing))
    chi = (1 + t) / (1 - t) * (1 - t**6) / (1 + t**6)
    assert chi == pytest.approx(1 + math.tanh(pairing), abs=1e-9)


def test_machines_are_where_the_eigenvalue_says(data):
    assert statuses(data) == [Status.REPRODUCED] * 4
    np.testing.assert_array_equal(
        noise.on_noise(data).all("seed"), noise.expected(data)
    )
    np.testing.assert_array_equal(
        (data["share_from_smaller"] > noise.HALF).all("seed"),
        noise.expected(data).sel(signal="ring of 6"),
    )
    known = data["known"].where(noise.on_noise(data))
    assert float(known.max()) < 1e-6


def test_statuses_respond(data):
    turned = data.assign(share=1 - data["share"])
    assert statuses(turned)[:3] == [Status.NOT] * 3
    some = data.copy(deep=True)
    some["share"].loc[{"signal": "3×3", "seed": 0}] = 1.0
    assert statuses(some)[:3] == [Status.REPRODUCED, Status.PARTLY, Status.PARTLY]
    near = data.assign(eigenvalue=data["eigenvalue"] * 0 + data["noise_eigenvalue"])
    assert statuses(near)[:3] == [Status.OPEN] * 3
    keeps = data.copy(deep=True)
    keeps["signal_information"][:] = 0.5
    assert statuses(keeps)[3] is Status.NOT


def test_both_sets_of_machines_are_seen_where_they_agree(data):
    """Neither line hides the other, and each has its name."""
    fig = noise._draw_first(data)
    containers: Any = fig.axes[0].containers
    first, second = containers
    assert abs(first.lines[0].get_xdata() - second.lines[0].get_xdata()).min() > 0.01
    (legend,) = fig.legends
    assert len(legend.get_texts()) == 2 * data.sizes["pairing"]


def test_pictures_and_tables(data):
    first, more = noise.draw(data)
    assert str(first.picture).startswith("data:image/svg+xml")
    assert str(more.picture).startswith("data:image/svg+xml")
    predicted = [float(row[3]) for row in first.tables[0].rows]
    found = [tuple(map(float, row[4].split(" … "))) for row in first.tables[0].rows]
    assert all(a < k < b for k, (a, b) in zip(predicted, found, strict=True))
