"""Dimensions against exact ones, and spoilt readings that are seen."""

import itertools
import math

import numpy as np
import pytest

from kadanoff.estimate import Estimate
from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.zoomout import self_similarity
from kadanoff.experiments.zoomout.self_similarity import EXHIBIT, gasket

CLUSTER, BESIDE, DECAY = "close to its phase", "Farther from", "correlator"


@pytest.fixture
def data(computed):
    return computed("self_similarity").copy(deep=True)


def status(dataset, claim):
    (found,) = (c.status for c in EXHIBIT.checks(dataset) if claim in c.claim)
    return found


def test_the_gasket_is_exact_and_one_site_more_spoils_it(data):
    assert status(data, "gasket") is Status.REPRODUCED
    data["gasket_counts"][0] += 1
    assert status(data, "gasket") is Status.NOT


def test_the_gasket_is_pascals_triangle():
    rows = [[1]]
    for _ in range(31):
        last = rows[-1]
        inner = [a + b for a, b in itertools.pairwise(last)]
        rows.append([1, *inner, 1])
    drawn = gasket(32)
    for n, row in enumerate(rows):
        odd = [drawn[n - k, k] for k in range(n + 1)]
        assert odd == [entry % 2 == 1 for entry in row]


def test_the_critical_cluster_has_its_exact_dimension_by_mass_and_not_by_boxes(data):
    """Within 4 errors of 0.006: a dimension off by 0.03 would be seen.

    Slopes of box counts have no plateau, so that any D between 1.83 and 2 is found in
    some window: what they say is no dimension.
    """
    at = data.sel(temperature=1.0)
    value, error = float(at["dimension"]), float(at["dimension_error"])
    assert error < 0.01
    assert abs(value - 187 / 96) < 4 * error
    assert abs(value - 2) > 4 * error
    assert status(data, CLUSTER) is Status.REPRODUCED
    steps = np.diff(at["slope"].values)
    assert (steps > 4 * at["slope_error"].values[1:]).all()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("straight", 1e-6, Status.NOT),
        ("dimension", 1.2, Status.PARTLY),
        ("dimension_error", 0.03, Status.OPEN),
    ],
)
def test_a_cluster_without_that_dimension_is_seen(data, name, value, expected):
    data[name].loc[{"temperature": 1.0}] = value
    assert status(data, CLUSTER) is expected


def masses(values, share=0.01):
    """Masses with two jackknife replicates each and an error of that share."""
    return [
        Estimate(np.array(m), {f"chains {k}": m * np.array([1 - share, 1 + share])}, 2)
        for k, m in enumerate(values)
    ]


def test_a_power_of_the_side_is_found_and_what_is_none_refused():
    sides = (32, 64, 128, 256)
    exact = self_similarity._power(masses([s**1.5 for s in sides]), sides)
    assert exact["dimension"][1] == pytest.approx(1.5, abs=1e-12)
    assert exact["local"][1] == pytest.approx([1.5] * 3, abs=1e-12)
    assert exact["off"][1] == pytest.approx([0] * 4, abs=1e-9)
    assert exact["straight"][1] == pytest.approx(1)
    # Of a straight line through points of equal error: σ/√Σ(x - x̄)².
    x = np.log(sides) - np.log(sides).mean()
    assert exact["dimension_error"][1] == pytest.approx(
        0.01 / math.sqrt(x @ x), rel=0.01
    )
    # A logarithm has slopes from 0.26 to 0.19 here: errors of a thousandth see that.
    bent = self_similarity._power(masses([math.log(s) for s in sides], 1e-3), sides)
    assert bent["straight"][1] < 1e-6


def test_above_the_transition_no_doubling_costs_what_the_last_did(data):
    assert status(data, BESIDE) is Status.REPRODUCED
    alike = data.copy(deep=True)
    for name in ("factor", "factor_error", "fall", "fall_error", "sharp"):
        alike[name].loc[{"temperature": 1.1}] = data[name].sel(temperature=1.0).values
    assert status(alike, BESIDE) is Status.NOT
    noisy = data.copy(deep=True)
    noisy["fall_error"].loc[{"temperature": 1.1}] = 1.0
    assert status(noisy, BESIDE) is Status.OPEN
    data["factor"].loc[{"temperature": 0.9}] = 0.9
    assert status(data, BESIDE) is Status.PARTLY


def test_ordered_and_disordered_factors_are_those_of_their_phases(data):
    """Cold: m² far away. Hot: a power and e^(-r/ξ), 1/ξ = -ln tanh K - 2K."""
    cold, hot = (data.sel(temperature=t) for t in (0.9, 1.1))
    far = cold["factor"].sel(begin=16)
    assert float(far) == pytest.approx(1, abs=4 * float(cold["factor_error"][-1]))
    K = math.log(1 + math.sqrt(2)) / 2 / 1.1
    inverse = -math.log(math.tanh(K)) - 2 * K
    for k, r in enumerate((2, 4)):
        # On top of the exponential a power between r^0 and r^(-1/2).
        bound = math.exp(-r * inverse)
        error = 4 * float(hot["factor_error"][k])
        assert bound / math.sqrt(2) - error < float(hot["factor"][k]) < bound + error


def test_a_correlator_off_its_form_is_seen_and_near_ones_are_not_judged(data):
    assert status(data, DECAY) is Status.REPRODUCED
    data["ratio"][0] = 2.0
    assert int(data.distance[0]) < int(data["near"])
    assert status(data, DECAY) is Status.REPRODUCED
    data["p"][...] = 1e-5
    assert status(data, DECAY) is Status.PARTLY
    data["ratio"][2] = 1.2
    assert status(data, DECAY) is Status.NOT


def test_what_is_not_judged_is_drawn_hollow(data, monkeypatch):
    figures = []
    monkeypatch.setattr(
        self_similarity, "data_uri", lambda fig: figures.append(fig) or ""
    )
    sections = EXHIBIT.draw(data)
    assert "hollow" in sections[-1].text
    drawn = {
        line.get_markerfacecolor(): len(line.get_xdata())
        for line in figures[-1].axes[1].lines
        if line.get_marker() == "o"
    }
    near = int((data.distance < data["near"]).sum())
    assert drawn["white"] == near > 0
    assert sum(drawn.values()) == data.distance.size


def test_residuals_of_the_power_stand_in_a_table(data):
    (table,) = EXHIBIT.draw(data)[1].tables
    assert len(table.rows) == data.temperature.size
    assert {len(row) for row in table.rows} == {len(table.header)} == {3 + 3}
