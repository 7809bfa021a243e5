"""The sheet of a flow: every kind of mark, labels, notes, and ways."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.reports.flow import STYLES, Curve, Plane, Point, Portrait, draw


def texts(ax: Axes) -> set[str]:
    return {text.get_text() for text in ax.texts if text.get_text()}


def legend(ax: Axes) -> list[str]:
    box = ax.get_legend()
    return [] if box is None else [text.get_text() for text in box.get_texts()]


def heads(ax: Axes) -> list[float]:
    """Which way each arrow head along the horizontal axis points."""
    found: list[Any] = [text for text in ax.texts if not text.get_text()]
    return [float(np.sign(text.xy[0] - text.xyann[0])) for text in found]


def curve(*, rate: bool, **more) -> Curve:
    x = np.linspace(0, 1, 50)
    y = x * (x - 0.5) if rate else 2 * x**2
    return Curve("coupling", x, y, rate, (0.0, 0.5), (), **more)


def drawn(part: Curve | Plane) -> tuple[Figure, Axes]:
    fig = draw(
        Portrait("a flow", part, None)
        if isinstance(part, Curve)
        else Portrait("a flow", None, part)
    )
    fig.canvas.draw()
    return fig, fig.axes[0]


PLANE = Plane(
    ("x", "y"),
    (np.array([[0.2, 0.1], [0.1, 0.1], [0.05, 0.1]]),),
    np.array([0.5, 0.0]),
    np.empty((0, 2)),
    (0.0, 1.0, -1.0, 1.0),
)


def test_a_curve_names_its_points_and_what_lies_outside():
    points = (
        Point("sink", (0.0, 0.0), "hot"),
        Point("critical point", (0.5, 0.5), "0.5"),
    )
    steps = (np.array([0.55, 0.6, 0.72]), np.array([0.45, 0.4, 0.3]))
    part = curve(rate=False, points=points, label="K", note="and K = ∞")
    part = replace(part, steps=steps)
    _, ax = drawn(part)
    assert legend(ax) == ["steps of the flow", "sink", "critical point"]
    assert texts(ax) == {"hot", "0.5"}
    assert ax.get_xlabel() == "K\nand K = ∞"
    assert ax.get_ylabel() == "K after a step"
    assert ax.get_ylim()[1] == pytest.approx(2)  # all of the curve, up to twice as high


def test_heads_on_a_rate_point_where_it_leads():
    points = (Point("sink", (0.0, 0.0)), Point("critical point", (0.5, 0.0)))
    _, ax = drawn(curve(rate=True, points=points))
    assert heads(ax) == [-1, 1]
    assert ax.get_ylabel() == "d coupling / dl"


def test_a_plane_draws_each_kind_of_point_once_in_the_legend():
    points = (
        Point("critical point", (0.5, 0.0)),
        Point("sink", (0.0, 1.0)),
        Point("sink", (0.0, -1.0)),
        Point("sink at zero field", (0.0, 0.0), "hot"),
        Point("other fixed point", (0.9, 0.5), "Gaussian"),
    )
    part = replace(PLANE, points=points, labels=("tanh K", "tanh H"))
    part = replace(part, note="lines start at z = 0")
    _, ax = drawn(part)
    assert legend(ax) == [
        *("critical point", "sinks", "sink at zero field", "other fixed point"),
    ]
    assert texts(ax) == {"hot", "Gaussian"}
    assert ax.get_xlabel() == "tanh K\nlines start at z = 0"
    assert ax.get_ylabel() == "tanh H"
    marks: list[Any] = [line for line in ax.lines if line.get_linestyle() == "None"]
    xy = np.concatenate([line.get_xydata() for line in marks])
    assert set(map(tuple, xy.tolist())) == {point.place for point in points}
    assert set(STYLES) == {point.kind for point in points}


def test_a_plane_without_points_still_shows_its_critical_one():
    _, ax = drawn(PLANE)
    assert legend(ax) == ["critical point"]
    assert ax.get_xlabel() == "x"
    assert heads(ax) == [-1]
    surface = np.array([[0.5, -1.0], [0.5, 1.0]])
    _, ax = drawn(replace(PLANE, surface=surface, fixed=np.empty(0)))
    assert legend(ax) == ["critical surface"]


def test_steps_of_a_map_are_dots_and_smooth_lines_are_not():
    marker = {
        steps: drawn(replace(PLANE, steps=steps))[1].lines[0].get_marker()
        for steps in (True, False)
    }
    assert marker == {True: ".", False: "None"}


def test_two_parts_stand_side_by_side():
    fig = draw(Portrait("both", curve(rate=True), PLANE))
    assert len(fig.axes) == 2
    assert fig.get_suptitle() == "both"
