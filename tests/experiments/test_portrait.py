"""What a picture of a flow shows is the flow: its map, its lines, its points."""

import math

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.experiments.portrait import portrait
from kadanoff.flows.fixed_point import NoFixedPoint
from kadanoff.flows.lines import iterate
from kadanoff.flows.registry import FLOWS, critical_point, flow_named
from kadanoff.reports.flow import Plane, draw


def plane_of(name: str, **options) -> Plane:
    plane = portrait(flow_named(name, **options)).plane
    assert plane is not None
    return plane


def places(plane: Plane, kind: str) -> set[tuple[float, float]]:
    return {point.place for point in plane.points if point.kind == kind}


def test_one_coupling_is_a_curve_through_its_fixed_points():
    """Bonds moved first: K' = ½ ln cosh 4K, by hand."""
    curve = portrait(flow_named("migdal-kadanoff")).curve
    assert curve is not None
    assert not curve.rate
    np.testing.assert_allclose(curve.y, np.log(np.cosh(4 * curve.x)) / 2, atol=1e-12)
    critical, sink = curve.points
    assert (critical.kind, sink.kind) == ("critical point", "sink")
    star = critical.place[0]
    assert math.log(math.cosh(4 * star)) / 2 == pytest.approx(star)
    assert sink.place == (0, 0)
    assert "K = ∞" in curve.note
    below, above = curve.steps
    assert (np.diff(below) < 0).all()
    assert (np.diff(above) > 0).all()


def test_the_chain_is_drawn_where_its_critical_point_is():
    """w = e^-2K: w' = 2w/(1 + w²), unstable at T = 0 and ending at w = 1."""
    curve = portrait(flow_named("decimation")).curve
    assert curve is not None
    np.testing.assert_allclose(curve.y, 2 * curve.x / (1 + curve.x**2), atol=1e-14)
    assert [p.place for p in curve.points] == [(0, 0), (1, 1)]
    assert [p.kind for p in curve.points] == ["critical point", "sink"]
    plane = plane_of("decimation")
    assert places(plane, "sink at zero field") == {(1, 0)}
    assert "every field stays" in plane.note


def test_a_flow_without_a_critical_point_is_drawn_with_its_sink():
    sheet = portrait(flow_named("nearest-decimation"))
    assert sheet.curve is not None
    assert sheet.plane is None
    assert sheet.title.endswith("no critical point")
    assert [(p.kind, p.place) for p in sheet.curve.points] == [("sink", (0, 0))]
    assert (sheet.curve.y < sheet.curve.x)[1:].all()


def test_a_beta_function_is_a_rate_that_vanishes_at_its_fixed_point():
    curve = portrait(flow_named("infinitesimal-migdal-kadanoff")).curve
    assert curve is not None
    assert curve.rate
    star = curve.points[0].place
    assert star == pytest.approx((K_C, 0))
    signs = np.sign(curve.y[(curve.x > 0.01) & (abs(curve.x - star[0]) > 0.01)])
    assert np.count_nonzero(np.diff(signs)) == 1


@pytest.mark.parametrize(
    ("name", "options", "sinks"),
    [
        ("migdal-kadanoff", {}, {(0, 1), (0, -1)}),
        ("hierarchical", {}, {(0, 1), (0, -1)}),
        ("infinitesimal-migdal-kadanoff", {}, {(0, 1), (0, -1)}),
        # Against colour 0 two others stay: ordered or not among themselves.
        ("infinitesimal-potts", {"q": 3}, {(0, 1), (0, -1), (1, -1)}),
        # The first cumulant lets no field act on K.
        ("niemeijer", {}, {(0, 1), (0, -1), (1, 1), (1, -1)}),
    ],
)
def test_sinks_in_a_field_are_found_where_lines_end(name, options, sinks):
    plane = plane_of(name, **options)
    assert places(plane, "sink") == sinks
    assert places(plane, "sink at zero field") == {(0, 0), (1, 0)}
    (critical,) = places(plane, "critical point")
    star = critical_point(flow_named(name, **options)).couplings
    assert critical == pytest.approx((math.tanh(next(iter(star.values()))), 0))
    assert plane.window == (0, 1, -1, 1)


def test_lines_of_a_plane_follow_the_flow_and_part_at_the_surface():
    flow = flow_named("niemeijer-second")
    plane = plane_of("niemeijer-second")
    assert plane.names == ("nearest", "next_nearest")
    third = critical_point(flow).couplings["third"]
    assert f"third = {third:.4g}" in plane.note
    assert "= ∞" in plane.note
    for line in plane.lines:
        start = {"nearest": line[0, 0], "next_nearest": line[0, 1], "third": third}
        found = iterate(flow, start, len(line) - 1)[-1]
        assert [found[name] for name in plane.names] == pytest.approx(line[-1].tolist())
    assert len(plane.surface) > 5
    x, y = plane.surface[len(plane.surface) // 2]
    for factor, side in ((0.9, -1), (1.1, 1)):
        start = {"nearest": factor * x, "next_nearest": y, "third": third}
        end = iterate(flow, start, 12)[-1]["nearest"]
        assert np.sign(end - plane.fixed[0]) == side
    (hot,) = places(plane, "sink")
    assert hot == pytest.approx((0, 0), abs=1e-9)


def test_wilson_and_fisher_stand_above_gauss_on_the_critical_surface():
    plane = plane_of("epsilon")
    assert plane.names == ("mass", "quartic")
    (critical,) = places(plane, "critical point")
    assert critical == pytest.approx((0, 2 / 3))
    assert places(plane, "other fixed point") == {(0, 0)}
    assert (plane.surface[:, 0] == 0).all()
    assert not plane.steps
    for place in np.linspace(plane.surface[0], plane.surface[-1], 5):
        end = iterate(flow_named("epsilon"), {"quartic": place[1]}, 40)[-1]
        assert end["mass"] == 0  # it stays on the surface


def test_pairs_that_are_alike_stay_so():
    """In that plane the surface goes through the point, all the way."""
    plane = plane_of("variational")
    assert plane.names == ("nearest", "four")
    assert "their difference, spuriously relevant" in plane.note
    assert len(plane.surface) > 15
    low, high = plane.surface[[0, -1], 0]
    assert high < plane.fixed[0] < low
    assert len(places(plane, "sink")) == 2


def test_the_gaussian_field_flows_along_its_critical_line():
    plane = plane_of("gaussian")
    assert plane.names == ("y0", "y2")
    assert "lines start at y1 = 1, y3 = 0" in plane.note
    np.testing.assert_allclose(plane.surface[:, 0], 0, atol=3e-3)
    along = [line for line in plane.lines if line[0, 0] == 0 and line[0, 1] > 0]
    assert along
    assert all((np.diff(line[:, 1]) < 0).all() for line in along)


@pytest.mark.parametrize("name", FLOWS)
def test_every_kind_can_be_drawn(name, tmp_path):
    options = {"q": 3} if "potts" in name else {}
    fig = draw(portrait(flow_named(name, **options)))
    fig.savefig(tmp_path / "flow.png")
    assert all(ax.get_xlabel() for ax in fig.axes)


def test_several_couplings_without_a_critical_point_have_no_portrait():
    with pytest.raises(NoFixedPoint, match="ends near p"):
        portrait(flow_named("variational", p=0.5))
