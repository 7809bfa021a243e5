"""What a picture of a flow shows is the flow: its map, its lines, its surface."""

import math

import numpy as np
import pytest

from kadanoff.experiments.portrait import portrait
from kadanoff.flows.lines import iterate
from kadanoff.flows.registry import flow_named
from kadanoff.reports.flow import draw


def test_one_coupling_is_a_curve_through_its_fixed_points():
    """Bonds moved first: K' = ½ ln cosh 4K, by hand."""
    curve = portrait(flow_named("migdal-kadanoff")).curve
    assert curve is not None
    assert not curve.rate
    np.testing.assert_allclose(curve.y, np.log(np.cosh(4 * curve.x)) / 2, atol=1e-12)
    star = curve.fixed[1]
    assert math.log(math.cosh(4 * star)) / 2 == pytest.approx(star)
    below, above = curve.steps
    assert (np.diff(below) < 0).all()
    assert (np.diff(above) > 0).all()


def test_a_beta_function_is_a_rate_that_vanishes_at_its_fixed_point():
    curve = portrait(flow_named("infinitesimal-migdal-kadanoff")).curve
    assert curve is not None
    assert curve.rate
    signs = np.sign(curve.y[(curve.x > 0.01) & (abs(curve.x - curve.fixed[1]) > 0.01)])
    assert np.count_nonzero(np.diff(signs)) == 1


def test_lines_of_a_plane_follow_the_flow_and_part_at_the_surface():
    flow = flow_named("niemeijer-second")
    plane = portrait(flow).plane
    assert plane is not None
    assert plane.names == ("nearest", "next_nearest")
    third = portrait_third(flow)
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


def portrait_third(flow) -> float:
    from kadanoff.flows.registry import critical_point

    return critical_point(flow).couplings["third"]


@pytest.mark.parametrize("name", ["gaussian", "decimation", "truncated-decimation"])
def test_every_kind_can_be_drawn(name, tmp_path):
    fig = draw(portrait(flow_named(name)))
    fig.savefig(tmp_path / "flow.png")
    assert fig.axes[0].get_xlabel()


def test_a_flow_without_a_critical_point_has_no_portrait():
    with pytest.raises(ValueError, match="no fixed point"):
        portrait(flow_named("nearest-decimation"))
