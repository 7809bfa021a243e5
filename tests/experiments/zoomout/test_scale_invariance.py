"""The critical magnet stands still, others do not, and spoilt readings say so."""

import math

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.zoomout import scale_invariance
from kadanoff.experiments.zoomout.scale_invariance import EXHIBIT, size


@pytest.fixture
def data(computed):
    return computed("scale_invariance").copy(deep=True)


def status(dataset, claim):
    (found,) = (c.status for c in EXHIBIT.checks(dataset) if claim in c.claim)
    return found


def test_the_critical_magnet_stands_still_and_others_leave(data):
    """Three differences within 4 errors: level 2e-4."""
    assert status(data, "same at every scale") is Status.REPRODUCED
    assert status(data, "Away from it") is Status.REPRODUCED
    warm = data.assign_coords(temperature=[0.9, 0.95, 1.0])
    assert status(warm, "same at every scale") is Status.NOT


def test_a_magnet_that_does_not_leave_is_seen(data):
    data["m"][:] = data["m"].sel(temperature=1.0)
    assert status(data, "Away from it") is Status.NOT


def test_a_first_zoom_that_changes_the_description_is_seen(data):
    claim = "viewed as one"
    assert status(data, claim) in (Status.OPEN, Status.PARTLY)
    at = {"temperature": 1.0}
    for name in scale_invariance.READINGS:
        data[name].loc[at] = float(data[name].sel(zooms=2, **at))
        data[f"{name}_error"].loc[at] = 0.001
    assert status(data, claim) is Status.REPRODUCED
    data["neighbours"].loc[at | {"zooms": 0}] += 0.02
    assert status(data, claim) is Status.PARTLY
    data["neighbours"].loc[at | {"zooms": 2}] += 0.02
    assert status(data, claim) is Status.NOT


def test_the_energy_of_a_bond_stays_at_the_critical_point_alone(data):
    claim = "energy stays"
    assert status(data, claim) is Status.PARTLY
    moved = data.copy(deep=True)
    moved["neighbours"].loc[{"temperature": 1.0, "zooms": 2}] += 0.1
    assert status(moved, claim) is Status.NOT
    data["neighbours"][:] = data["neighbours"].sel(temperature=1.0)
    data["neighbours_error"][:] = data["neighbours_error"].sel(temperature=1.0)
    assert status(data, claim) is Status.REPRODUCED


def test_full_order_is_known_to_a_bound_and_not_exactly(data):
    """Of n draws none has a spin turned: fewer than ln(1/p)/n have, p = 1 - 0.6827."""
    for name in ("m", "neighbours"):
        data[name].loc[{"temperature": 0.95, "zooms": 3}] = 1.0
        data[f"{name}_error"].loc[{"temperature": 0.95, "zooms": 3}] = 0.0
    n = float(data["independent"].sel(temperature=0.95, zooms=3))
    bound = 2 / 64 * math.log(1 / 0.31731) / n
    text = size(data, 0.95, 3)
    assert text.startswith("1 to within ")
    assert float(text.rpartition(" ")[2]) == pytest.approx(bound, abs=6e-7)
    assert 500 < n <= 1024
    one_turned = -np.ones((8, 8))
    one_turned[3, 4] = 1
    bonds = [(one_turned * np.roll(one_turned, 1, axis)).mean() for axis in (0, 1)]
    costs = {"m": 1 - abs(one_turned.mean()), "neighbours": 1 - np.mean(bonds)}
    for name, cost in costs.items():
        least = float(size(data, 0.95, 3, name).rpartition(" ")[2])
        assert least == pytest.approx(bound * 32 * cost, abs=6e-7)
    said = " ".join(c.ours for c in EXHIBIT.checks(data))
    assert text in said
    assert "1(0)" not in said
    assert "(" in size(data, 0.95, 2)


def blocks(pattern, side=64):
    """A magnet and two zooms of it, made of one pattern."""
    whole = np.tile(np.array(pattern, dtype=np.int8), (side // 4, side // 4))
    return [whole, whole[::2, ::2], whole[::4, ::4]]


@pytest.mark.parametrize(
    ("pattern", "ties", "alike"),
    [
        ([[1, 1, -1, -1]] * 4, "0%", "100%"),
        ([[1, -1, 1, -1]] * 4, "100%", "50%"),
        ([[1, 1, 1, 1], [1, -1, 1, -1]] * 2, "0%", "75%"),
    ],
)
def test_four_spins_are_drawn_as_one(data, pattern, ties, alike):
    for k, level in enumerate(blocks(pattern)):
        data[f"picture_1_{k}"][:] = level
    section = EXHIBIT.draw(data)[0]
    assert "Kadanoff" in section.text
    assert f"({ties} of the blocks" in section.text
    assert f" {alike} of its spins" in section.text
    assert section.picture is not None


def test_the_part_that_is_drawn_is_the_most_mixed():
    fine = np.ones((64, 64), dtype=np.int8)
    fine[16:32:2, 32:48] = -1
    assert scale_invariance._most_mixed(fine) == (16, 32)
