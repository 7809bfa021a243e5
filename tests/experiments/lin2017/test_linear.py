"""Linear networks: factors against numpy's transform, and what flattening costs."""

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import linear


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return linear.compute(linear.FAST, work)


def statuses(dataset):
    return [check.status for check in linear.checks(dataset)]


def test_all_claims_come_out_and_are_drawn(data):
    assert statuses(data) == [Status.REPRODUCED] * 3
    (section,) = linear.draw(data)
    assert str(section.picture).startswith("data:image/svg")


def test_counts_are_those_of_butterflies(data):
    """2 n log₂ n and n wires for powers of two above the first."""
    n = data["size"].values[1:]
    np.testing.assert_array_equal(data.deep.values[1:], 2 * n * np.log2(n) + n)
    np.testing.assert_array_equal(data.flat, data["size"] ** 2)


def test_errors_below_the_rank_are_what_the_spectrum_says(data):
    rank = int(data["rank"])
    assert (data.low_error.sel(width=slice(rank, None)) < 1e-12).all()
    assert (data.low_error.sel(width=slice(None, rank - 1)) > 0.01).all()
    assert (data.full_error[:-1] > 1e-6).all()


def test_spoilt_data_are_seen(data):
    assert statuses(data.assign(deep=3 * data.deep))[0] is Status.NOT
    assert statuses(data.assign(off=data.off + 1e-6))[0] is Status.NOT
    assert statuses(data.assign(sparse=0.9 * data.sparse))[1] is Status.NOT
    narrower = data.assign(full_error=data.low_error, full_least=data.low_least)
    assert statuses(narrower)[2] is Status.NOT


def test_what_the_power_leaves_is_said(data):
    n = data["size"]
    exact = data.assign(deep=2 * n**1.25)
    assert "as n^1.25, within 0%" in linear.checks(exact)[0].reason
    bent = exact.copy(deep=True)
    bent["deep"][-2] *= 1.5
    assert "within 0%" not in linear.checks(bent)[0].reason
