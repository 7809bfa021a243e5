"""The sheet of finite-size scaling shows what it is given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer

from kadanoff.estimate import Estimate
from kadanoff.reports import scaling as plate


def scalar(value: float, error: float) -> Estimate:
    return Estimate(np.array(value), {"a": np.array([value - error, value + error])}, 9)


def example(**changes) -> plate.Scaling:
    x = np.linspace(0.4, 0.48, 5)
    fine = np.linspace(0.4, 0.48, 50)
    curves = tuple(
        plate.Curve(
            side,
            x,
            0.6 + side * (x - 0.44),
            np.full(5, 0.01),
            fine,
            0.6 + side * (fine - 0.44),
            0.5,
        )
        for side in (8, 16)
    )
    z = np.concatenate([side * (x - 0.44) for side in (8, 16)])
    parts = {
        "name": "U₄",
        "variable": "coupling K",
        "symbol": "K",
        "curves": curves,
        "pairs": ((8, 16),),
        "crossings": (scalar(0.44, 0.002),),
        "heights": (scalar(0.6, 0.003),),
        "collapse": plate.Collapsed(
            np.repeat([8, 16], 5),
            z,
            0.6 + z + 0.015,
            np.full(10, 0.01),
            np.sort(z),
            0.6 + np.sort(z),
            0.6 + z,
            scalar(0.441, 0.001),
            scalar(1.02, 0.05),
            11.0,
            8,
            0.2,
        ),
        "sentences": ("one", "two"),
        "known": 0.44,
    }
    return plate.Scaling(**{**parts, **changes})


def bars(ax) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for c in ax.containers:
        if isinstance(c, ErrorbarContainer):
            found.append((np.asarray(c[0].get_xdata()), np.asarray(c[0].get_ydata())))
    return found


def test_all_panels_show_their_numbers():
    shown = example()
    figure = plate.draw_scaling(shown)
    figure.draw_without_rendering()
    curves, crossings, collapsed, residuals = figure.axes
    for ax in (curves, collapsed, residuals):
        assert ax.get_xlabel()
        assert ax.get_ylabel()
    eight, sixteen, cross = bars(curves)
    assert np.allclose(eight[1], shown.curves[0].value)
    assert np.allclose(sixteen[1], shown.curves[1].value)
    assert np.allclose(cross, ([0.44], [0.6]))
    ((places, rows),) = bars(crossings)
    assert np.allclose(places, [0.44, 0.441])
    assert rows.tolist() == [0, 1]
    names = [t.get_text() for t in crossings.get_yticklabels()]
    assert names == ["L = 8, 16", "collapse"]
    together = np.concatenate([y for _, y in bars(collapsed)])
    assert np.allclose(together, shown.collapse.y)
    pulls = np.concatenate([np.asarray(line.get_ydata()) for line in residuals.lines])
    assert np.isclose(pulls, 1.5).sum() == 10


def test_titles_hold_the_results():
    figure = plate.draw_scaling(example())
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert "= 0.4410(10), ν = 1.020(50)" in titles[2]
    assert "χ² = 11.0 for 8 degrees of freedom, p = 0.2" in titles[3]
    assert "exact" not in titles[2]
    assert "taken off" not in titles[2]
    c = replace(example().collapse, omega=1.75)
    figure = plate.draw_scaling(example(collapse=c, known_nu=1.0))
    title = figure.axes[2].get_title(loc="left")
    assert "L^{-1.75}$ taken off" in title
    assert "(exact 1)" in title


def test_sizes_without_a_common_curve_give_no_reading():
    c = replace(example().collapse, believed=False)
    figure = plate.draw_scaling(example(collapse=c))
    assert "0.4410" not in figure.axes[2].get_title(loc="left")
    names = [t.get_text() for t in figure.axes[1].get_yticklabels()]
    assert names == ["L = 8, 16"]


def test_a_size_has_one_colour_everywhere_and_sizes_differ():
    figure = plate.draw_scaling(example())
    curves, _, collapsed, _ = figure.axes
    legends = [ax.get_legend() for ax in (curves, collapsed)]
    looks = []
    for legend in legends:
        assert legend is not None
        names = [t.get_text() for t in legend.get_texts()]
        assert names[:2] == ["L = 8", "L = 16"]
    for ax in (curves, collapsed):
        found = [c[0] for c in ax.containers if isinstance(c, ErrorbarContainer)]
        looks.append([(to_rgb(p.get_color()), p.get_marker()) for p in found[:2]])
    assert looks[0] == looks[1]
    assert looks[0][0][0] != looks[0][1][0]
    assert looks[0][0][1] != looks[0][1][1]


def test_without_an_exact_value_no_line_claims_one():
    figure = plate.draw_scaling(example(known=None))
    figure.draw_without_rendering()
    assert figure.axes[1].get_legend() is None
    exact = plate.draw_scaling(example())
    assert len(exact.axes[0].lines) == len(figure.axes[0].lines) + 1


def test_the_section_has_the_sentences():
    section = plate.section(example())
    assert section.remarks == ("one", "two")
    assert section.picture is not None
    assert "U₄ of 2 sizes" in section.text
