"""The sheet shows what it is given: points, errors, exact laws, and words instead."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from kadanoff.estimate import Estimate
from kadanoff.reports import measurement as sheet

Panel = TypeVar("Panel")


def estimate(value: np.ndarray, error: float) -> Estimate:
    """Values with one error, from two blocks."""
    return Estimate(value, {"a": np.stack([value - error, value + error])}, 100)


def example(**changes) -> sheet.Measurement:
    lag = np.arange(20)
    remembered = sheet.Memory(lag, 0.5**lag, np.full(20, 0.01), 1.5, 0.1, 6)
    edges = np.linspace(-2, -1, 11)
    exact = np.exp(-((edges[1:] - 1.5) ** 2))
    wave, r = np.linspace(0, 3, 8), np.arange(1.0, 9.0)
    parts = {
        "title": "an example",
        "magnetization": np.cos(np.arange(120)).reshape(3, 40),
        "signed": True,
        "chains": 12,
        "memory": {"energy": remembered, "|m|": remembered},
        "energies": sheet.Energies(
            edges,
            estimate(exact + 0.02, 0.01),
            exact,
            exact > 0,
            sheet.Comparison(12.5, 9, 0.19, 4321, 3),
        ),
        "correlator": sheet.Decay(r, estimate(r**-0.5, 0.01), r**-0.5, "a form"),
        "structure": sheet.Waves(
            wave,
            estimate(9 / (1 + (2 * wave) ** 2), 0.02),
            estimate(np.array(2.0), 0.1),
            estimate(np.array(0.25), 0.01),
        ),
    }
    return sheet.Measurement(**{**parts, **changes})


def known(panel: Panel | sheet.Missing) -> Panel:
    assert not isinstance(panel, sheet.Missing)
    return panel


def axes(figure: Figure, title: str) -> Axes:
    (found,) = (a for a in figure.axes if a.get_title(loc="left").startswith(title))
    return found


def texts(ax: Axes) -> str:
    legend = ax.get_legend()
    inside = [] if legend is None else [t.get_text() for t in legend.get_texts()]
    return "\n".join([*(t.get_text() for t in ax.texts), *inside])


def drawn(ax: Axes) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(x, y, half length of the bar) of everything with error bars."""
    found = []
    for bars in ax.containers:
        if isinstance(bars, ErrorbarContainer):
            line, _, (vertical, *_) = bars
            ends = np.array([s[:, 1] for s in vertical.get_segments()])
            x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            found.append((x, y, np.ptp(ends, axis=1) / 2))
    return found


def test_every_panel_has_units_on_its_axes():
    figure = sheet.draw(example())
    figure.draw_without_rendering()
    assert len(figure.axes) == 6
    for ax in figure.axes:
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert float(ax.xaxis.label.get_fontsize()) >= 11
        assert min(float(t.get_fontsize()) for t in ax.get_xticklabels()) >= 10
    assert figure.get_suptitle() == "an example"


def test_points_and_bars_are_the_estimates():
    m = example()
    figure = sheet.draw(m)
    ((x, y, bar),) = drawn(axes(figure, "Correlation"))
    assert np.allclose(x, known(m.correlator).distance)
    assert np.allclose(y, known(m.correlator).value.value)
    assert np.allclose(bar, known(m.correlator).value.error)
    ((x, y, bar),) = drawn(figure.axes[1])
    assert np.allclose(x, known(m.energies).centre)
    assert np.allclose(y, known(m.energies).density.value)
    assert np.allclose(bar, known(m.energies).density.error)
    ((x, y, bar),) = drawn(axes(figure, "Structure"))
    assert np.allclose(x, known(m.structure).wave[1:])
    assert np.allclose(y, known(m.structure).value.value[1:])
    pulls = np.asarray(axes(figure, "Energy: sampled").lines[1].get_ydata())
    assert np.allclose(pulls, 0.02 / known(m.energies).density.error)


def test_the_words_hold_the_numbers():
    figure = sheet.draw(example())
    assert "χ² = 12.5 for 9 degrees of freedom, p = 0.19" in texts(figure.axes[4])
    assert "one draw in 3, 4321 in all" in texts(figure.axes[4])
    assert "τ = 1.50 ± 0.10, window 6" in texts(axes(figure, "Memory"))
    assert "ξ = 2.00(10) sites" in texts(axes(figure, "Structure"))
    assert "3 of 12 chains" in axes(figure, "History").get_title(loc="left")


def test_what_is_not_known_is_said():
    m = example()
    without = replace(
        known(m.energies), exact=None, comparison=None, note="none: a reason"
    )
    bare = replace(known(m.correlator), exact=None, note="no form here")
    figure = sheet.draw(replace(m, energies=without, correlator=bare))
    figure.draw_without_rendering()
    assert "none: a reason" in texts(axes(figure, "Energy: sampled"))
    assert "no form here" in texts(axes(figure, "Correlation"))
    assert "a form" not in texts(axes(figure, "Correlation"))
    assert sheet.section(replace(m, energies=without)).remarks == ["none: a reason"]


def test_a_missing_panel_says_why_and_the_others_are_drawn():
    lost = {
        name: sheet.Missing(f"no {name}: a reason")
        for name in ("memory", "energies", "correlator", "structure")
    }
    figure = sheet.draw(example(**lost))
    figure.draw_without_rendering()
    words = [texts(ax) for ax in figure.axes]
    assert words == [
        "",
        "no energies: a reason",
        "no correlator: a reason",
        "no memory: a reason",
        "no energies: a reason",
        "no structure: a reason",
    ]
    assert len(sheet.section(example(**lost)).remarks) == 3
    assert len(axes(figure, "History").lines) == 6  # a chain and its zero, three times


def test_a_magnetization_without_sign_has_lanes_from_nought_to_one():
    m = np.full((2, 50), 0.25)
    ax = sheet.draw(example(magnetization=m, signed=False)).axes[0]
    assert ax.get_ylabel().endswith("|m|")
    assert {t.get_text() for t in ax.get_yticklabels()} == {"0", "1"}
    zero, lane = (np.asarray(line.get_ydata())[0] for line in ax.lines[:2])
    assert lane - zero == pytest.approx(0.25)


def test_an_order_longer_than_the_lattice_is_said():
    m = example()
    long = replace(known(m.structure), ratio=estimate(np.array(5.5), 0.1))
    words = texts(axes(sheet.draw(replace(m, structure=long)), "Structure"))
    assert "order: ξ > L" in words
    assert "order" not in texts(axes(sheet.draw(m), "Structure"))


def test_negative_correlations_are_open_and_no_length_is_no_line():
    m = example()
    r = known(m.correlator).distance
    turning = sheet.Decay(r, estimate(r**-0.5 * (-1) ** r, 0.01), None)
    blind = replace(known(m.structure), length=estimate(np.array(np.nan), 0.0))
    figure = sheet.draw(replace(m, correlator=turning, structure=blind))
    figure.draw_without_rendering()
    up, down = drawn(axes(figure, "Correlation"))
    assert np.allclose(np.sort(np.concatenate([up[0], down[0]])), r)
    assert (up[1] > 0).all()
    assert (down[1] > 0).all()
    assert "no ξ is seen" in texts(axes(figure, "Structure"))


def test_a_long_label_leaves_the_panels_their_room():
    m = example()
    note = "No exact P(E):\n" + "a very long sentence of reasons " * 8
    talkative = replace(known(m.energies), exact=None, comparison=None, note=note)
    figure = sheet.draw(replace(m, energies=talkative))
    figure.draw_without_rendering()
    assert min(ax.get_position().width for ax in figure.axes) > 0.22


def test_legends_do_not_lie_on_points():
    """Of the panels whose shape is known: what decays leaves the upper right free."""
    figure = sheet.draw(example())
    figure.draw_without_rendering()
    for title in ("Correlation", "Structure", "Memory"):
        ax = axes(figure, title)
        legend = ax.get_legend()
        assert legend is not None
        box = legend.get_window_extent()
        for x, y, _ in drawn(ax):
            places = ax.transData.transform(np.stack([x, y], axis=1))
            assert not any(box.contains(*place) for place in places)


def test_the_section_is_a_picture_with_words():
    section = sheet.section(example())
    assert section.picture is not None
    assert section.picture.startswith("data:image/svg+xml;base64,")
    assert section.remarks == []
    assert re.search("one standard error", section.text)


@pytest.mark.parametrize("chains", [1, 4])
def test_one_chain_is_called_the_only_one(chains):
    figure = sheet.draw(example(chains=chains, magnetization=np.zeros((1, 5))))
    title = axes(figure, "History").get_title(loc="left")
    assert ("the only chain" in title) == (chains == 1)
