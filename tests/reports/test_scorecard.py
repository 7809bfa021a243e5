"""Pages, slides and notebooks of a scorecard: every reading, offline, and escaped."""

import math
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from PIL import Image

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.reports.figures import save_figure
from kadanoff.reports.page import write
from kadanoff.reports.panels import draw_beside
from kadanoff.reports.portraits import (
    draw_configurations,
    draw_exponents,
    draw_fields,
    draw_ratios,
)
from kadanoff.reports.scorecard import fragment, page
from kadanoff.reports.sheet import (
    FAILS,
    MAPS,
    PASSES,
    Portrait,
    Ratio,
    Sheet,
    Step,
    dots,
)
from kadanoff.reports.slide import slide

HEADLINES = {"locality": ("width",), "exponents": ("y_T", "y_H"), "mood": ("x",)}


class Elements(HTMLParser):
    """Tags, what they load, and text; tags that are not closed are counted."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self):
        super().__init__()
        self.found, self.sources, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "href")]
        self.open += [] if tag in self.VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    elements = Elements()
    elements.feed(html)
    assert elements.open == []
    return elements


def paged(sheet, tmp_path):
    write(page(sheet), tmp_path / "page.html")
    return parsed((tmp_path / "page.html").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Line:
    """A row, made by hand."""

    name: str
    readings: dict = field(default_factory=dict)
    sentence: str = "said"


def about(value, error=0.01, n_eff=123.0):
    """An estimate with that error, to rounding."""
    width = error / math.sqrt(2) if math.isfinite(error) else error
    away = np.array([-width, width]) * math.sqrt(2)
    return Estimate(np.array(value), {"a": value + away}, n_eff)


def rows(width=1.0, y_t=1.0, y_h=1.875):
    return (
        Line("locality", {"width": about(width), "responding": 0.5}, "where it looks"),
        Line(
            "exponents",
            {"y_T": about(y_t), "y_H": about(y_h), "y_T error with changes": 0.25},
            "what it rescales",
        ),
        Line("coverage", {}, "missing: its units have positions of their own"),
    )


def sheet(maps=None, controls=None, **changes):
    known = {
        "title": "majority:b=2",
        "lead": "Read on 5 configurations.",
        "maps": maps or {"this map": rows()},
        "controls": {"block": rows(1.1), "zero-sum": rows(30.0, -4.0, 2.0)}
        if controls is None
        else controls,
        "passing": ("block", "positive"),
        "headlines": HEADLINES,
        "talk": HEADLINES,
        "provenance": {"seed": 7},
    }
    return Sheet(**(known | changes))


@pytest.fixture(scope="module")
def levels():
    rng = np.random.default_rng(1)
    fine = Ensemble.from_values(rng.choice([-1, 1], (4, 8, 8, 8)))
    return fine, coarsen(Majority(b=2), fine)


@pytest.fixture
def portrait(levels):
    ones = np.ones((2, 4))
    replicates = {"a": np.stack([ones[0] * 0.99, ones[0] * 1.01])}
    return Portrait(
        levels,
        np.random.default_rng(2).normal(size=(3, 64)),
        (
            Step("8→4", {"y_T": (about(0.9), about(1.0)), "y_H": (about(1.8),)}, False),
            Step("4→2", {"y_T": (about(1.1), about(1.2)), "y_H": (about(1.7),)}, True),
        ),
        {"": Ratio(np.arange(1.0, 5.0), Estimate(ones[0], replicates, 9))},
    )


def test_every_reading_is_on_the_page_with_its_error_and_samples(tmp_path):
    seen = paged(sheet(), tmp_path)
    text = "|".join(seen.text)
    for shown in sheet().columns.values():
        for row in shown:
            for name, value in row.readings.items():
                number = f"{value:.3g}" if isinstance(value, float) else str(value)
                assert f"|{name}|" in text
                assert f"|{number}|" in text
    assert "|width|1.000(10)|123|1.100(10)|" in text  # n_eff beside the reading
    for sentence in ("where it looks", "what it rescales"):
        assert sentence in text
    assert "majority:b=2" in text


def test_a_page_of_another_map_has_other_numbers(tmp_path):
    """The control: a reading that is not on the card is not on the page."""
    text = "|".join(paged(sheet(), tmp_path).text)
    assert str(about(0.777)) not in text


def test_a_page_loads_nothing(tmp_path, portrait):
    seen = paged(sheet(portraits={"this map": portrait, "block": portrait}), tmp_path)
    assert seen.found.count("img") == 4  # no scaling row: no ratios
    assert all(source.startswith(("data:", "#")) for source in seen.sources)
    assert not {"script", "link", "iframe"} & set(seen.found)
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


EVIL = "<script>alert('$x_1$')</script>"


def test_names_and_sentences_are_shown_not_run(tmp_path):
    line = Line("locality", {"width": about(1.0)}, EVIL)
    bad = sheet({EVIL: (line,)}, {EVIL + "2": (line,)}, title=EVIL, remark=EVIL)
    for html in (
        paged(bad, tmp_path),
        parsed(fragment(bad)),
    ):
        assert "script" not in html.found
        assert EVIL in "".join(html.text)
    drawn(slide(bad))


def test_a_missing_row_says_why(tmp_path):
    seen = "|".join(paged(sheet(), tmp_path).text)
    assert "|coverage|missing: its units have positions of their own|" in seen
    assert "Missing" in seen
    without = sheet({"this map": rows()[:2]}, {})
    assert "Missing" not in "|".join(paged(without, tmp_path).text)


def drawn(fig):
    """The pixels of a figure: it can be drawn."""
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


NOT_NUMBERS = [
    about(math.nan, math.nan),
    about(1.0, math.nan),
    about(math.inf, math.nan),
    math.nan,
    about(1e12),
    "a word",
]


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=str)
def test_what_is_not_a_number_still_draws(value, tmp_path):
    odd = (Line("exponents", {"y_T": value, "y_H": about(1.0)}),)
    panels(sheet({"this map": rows()}, {"block": odd, "zero-sum": odd}))
    panels(sheet({"a": odd, "b": odd}, {}))
    text = "|".join(paged(sheet({"this map": odd}, {"block": rows()}), tmp_path).text)
    assert ("|y_T|none|" in text) == (str(value) in ("nan", "nan(nan)", "inf(nan)"))


def test_nothing_to_set_beside_is_no_picture(tmp_path):
    nothing = sheet({"this map": (Line("mood", {"x": math.nan}),)}, {})
    assert draw_beside(nothing) is None
    paged(nothing, tmp_path)
    drawn(slide(nothing))
    parsed(fragment(nothing))


def marks(ax):
    """x, y and colour of every dot of a panel."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_color())
        for line in ax.get_lines()
        if line.get_marker() in ("o", "s", "D") and len(line.get_xdata()) == 1
    ]


def panels(found):
    fig = draw_beside(found)
    assert fig is not None
    drawn(fig)
    return {ax.get_title(loc="left").split("\n")[1]: ax for ax in fig.axes}


def test_dots_stand_at_their_values_in_their_colours():
    controls = {"zero-sum": rows(1.3), "block": rows(1.1), "positive": rows(1.2)}
    ax = panels(sheet(controls=controls))["width"]
    assert marks(ax) == [
        (1.0, 0.0, MAPS[0]),
        (1.1, 1.0, PASSES),
        (1.2, 2.0, PASSES),
        (1.3, 3.0, FAILS),
    ]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["this map", "block", "positive", "zero-sum"]


def test_a_bar_is_the_whole_error_where_a_row_gives_it():
    shown = panels(sheet())
    for name, ends in (("y_T", [0.75, 1.25]), ("y_H", [1.865, 1.885])):
        bars = [b for b in shown[name].collections if isinstance(b, LineCollection)]
        assert np.asarray(bars[0].get_segments()[0])[:, 0] == pytest.approx(ends)


def test_a_far_value_is_an_arrow_and_near_ones_are_told_apart():
    """Among 1.1 and 1.2, a value of 300 would leave one pixel between them."""
    controls = {"block": rows(1.1), "a": rows(1.2), "b": rows(300.0)}
    ax = panels(sheet(controls=controls))["width"]
    low, high = ax.get_xlim()
    assert high - low < 1
    assert [x for x, _, _ in marks(ax)] == [1.0, 1.1, 1.2]
    assert "300.000 ▶" in [t.get_text() for t in ax.texts]


def test_exact_values_stand_in_the_panels_they_belong_to():
    shown = panels(sheet(exact={"y_T": 1.0}))
    said = {name: [t.get_text() for t in ax.texts] for name, ax in shown.items()}
    assert "exact" in said["y_T"]
    assert "exact" not in said["y_H"] + said["width"]


def of_maps():
    """Readings of two feature maps, and one of the map as a whole."""
    return (
        Line(
            "exponents",
            {"map 0: y_T": about(0.9), "map 1: y_T": about(1.1)},
            "map 0: well; map 1: badly",
        ),
        Line("locality", {"width": about(2.0)}),
    )


def test_feature_maps_have_a_line_each():
    found = sheet({"this map": of_maps()}, {"block": rows(), "noise": of_maps()})
    shown = panels(found)
    names = [label.get_text() for label in shown["y_T"].get_yticklabels()]
    assert names == [] or names[:2] == ["this map, 0", "this map, 1"]
    assert [mark[:2] for mark in marks(shown["y_T"])][:3] == [
        (0.9, 0.0),
        (1.1, 1.0),
        (1.0, 2.0),
    ]
    assert [m[1] for m in marks(shown["y_T"])][3:] == [2.75, 3.25]
    whole = [mark for mark in marks(shown["width"]) if mark[2] == MAPS[0]]
    assert {y for _, y, _ in whole} == {0.5}


def test_readings_are_found_by_their_whole_name():
    row = Line("r", {"y": about(1.0), "not y": about(2.0), "y error with x": 0.5})
    assert [(d.value, d.error, d.map) for d in dots(row, "y")] == [(1.0, 0.5, None)]
    (first, second) = dots(of_maps()[0], "y_T")
    assert (first.map, second.map) == (0, 1)
    assert dots(None, "y") == []


def test_several_maps_have_colours_and_lines_of_their_own(tmp_path):
    found = sheet({"one": rows(1.0), "two": rows(1.5)}, {}, passing=())
    ax = panels(found)["width"]
    assert marks(ax) == [(1.0, 0.0, MAPS[0]), (1.5, 1.0, MAPS[1])]
    text = "|".join(paged(found, tmp_path).text)
    assert "|1.000(10)|1.500(10)|" in text
    assert "coverage of two" in text


def test_portraits_are_drawn_beside_each_other(portrait):
    seen = sheet(portraits={"this map": portrait, "block": portrait})
    fig = draw_configurations(seen)
    assert fig is not None
    assert [ax.get_title() for ax in fig.axes if ax.get_title()] == [
        "this map",
        "block",
    ]
    assert len(fig.axes) == 2 * 2
    fields = draw_fields(seen)
    assert fields is not None
    assert len(fields.axes) == 2 * 3
    steps = draw_exponents(seen)
    assert steps is not None
    left, right = steps.axes
    labels = left.get_legend_handles_labels()[1]
    assert labels == ["this map, 8→4", "this map, 4→2", "block"]
    low, high = right.get_ylim()
    assert low < 1.7 < 1.8 < high
    ratios = draw_ratios(seen)
    assert ratios is not None
    assert ratios.axes[0].get_legend_handles_labels()[1] == ["this map", "block"]
    for one in (fig, fields, steps, ratios):
        drawn(one)


def test_without_portraits_there_is_nothing_to_see():
    for draw in (draw_configurations, draw_fields, draw_exponents, draw_ratios):
        assert draw(sheet()) is None


def words(fig):
    drawn(fig)
    return "\n".join(text.get_text() for text in fig.texts)


def test_a_slide_has_the_name_the_sentences_and_stays_inside(tmp_path, portrait):
    found = sheet(portraits={"this map": portrait})
    fig = slide(found)
    said = words(fig)
    for expected in ("majority:b=2", "where it looks", "what it rescales"):
        assert expected in said
    assert "coverage" not in said  # what is missing has no room
    for text in fig.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= fig.bbox.width
        assert box.y0 >= 0
        assert box.y1 <= fig.bbox.height
    save_figure(fig, tmp_path / "card.png")
    with Image.open(tmp_path / "card.png") as image:
        assert image.width * 9 == image.height * 16
        assert image.width >= 1920


@pytest.mark.parametrize("letters", [10, 100, 2000])
def test_long_names_and_sentences_fit_or_end_in_dots(letters):
    long = "r" * letters
    line = Line("locality", {"width": about(1.0)}, " ".join([long[:20]] * letters))
    fig = slide(sheet({"this map": (line,)}, {}, title=long))
    said = words(fig)
    for text in fig.texts:
        assert text.get_window_extent().x1 <= fig.bbox.width
        assert text.get_window_extent().y0 >= 0
    assert ("…" in said) == (letters == 2000)


def test_a_slide_of_feature_maps_says_how_many_more():
    assert "map 0: well (and 1 more maps)" in words(slide(sheet({"m": of_maps()}, {})))


def test_a_notebook_has_table_sentences_and_picture():
    seen = parsed(fragment(sheet()))
    text = "|".join(t.strip() for t in seen.text if t.strip())
    assert "|where it looks|" in text
    assert "|1.000(10)|" in text
    assert "|zero-sum|" in text
    assert all(source.startswith("data:") for source in seen.sources)
    assert not {"html", "body", "style", "script"} & set(seen.found)


def informed(*, slow):
    """Rows with one that is read of some controls alone."""
    return (*rows(), Line("mood", {"x": about(0.4)})) if slow else rows()


def test_a_row_that_was_not_read_of_a_control_leaves_its_line_empty(tmp_path):
    """The control: of one that has no number the panel says so."""
    numberless = (*rows(), Line("mood", {"x": math.nan}))
    controls = {
        "block": informed(slow=True),
        "noise": informed(slow=False),
        "zero-sum": numberless,
    }
    found = sheet({"this map": informed(slow=True)}, controls)
    ax = panels(found)["x"]
    assert [y for _, y, _ in marks(ax)] == [0.0, 1.0]
    said = [(t.get_text(), t.get_position()[1]) for t in ax.texts]
    assert said == [("none", 3.0)]
    caption = "Mood is read of this map and of block and zero-sum alone."
    for text in ("|".join(paged(found, tmp_path).text), fragment(found)):
        assert caption in text
    cells = parsed(fragment(found)).text
    line = cells[cells.index("noise") :][:6]
    assert [cell.strip() for cell in line] == [
        "noise",
        *["1.000(10)", "1.000(10)", "1.875(10)"],
        "",
        "zero-sum",
    ]
    every = sheet({"this map": informed(slow=True)}, {"block": informed(slow=True)})
    assert "alone" not in fragment(every)


def through(ax, first, last):
    """Where lines stand that go from one height to another."""
    lines = [[*map(np.asarray, line.get_data())] for line in ax.get_lines()]
    return [x.tolist() for x, y in lines if y.tolist() == [first, last]]


def test_a_reading_of_all_feature_maps_is_one_mark_through_their_lines():
    """Of three maps it would else stand on the line of the second, as if its own."""
    alone = {f"map {m}: y_T": about(1.0 + 0.1 * m) for m in range(3)}
    maps = (Line("exponents", alone), Line("locality", {"width": about(2.0)}))
    found = sheet({"this map": maps}, {"block": rows()})
    ax = panels(found)["width"]
    assert [m[:2] for m in marks(ax)] == [(2.0, 1.0), (1.0, 3.0)]
    assert through(ax, 0, 2) == [[2.0, 2.0]]
    assert through(panels(found)["y_T"], 0, 2) == []
    said = "What several feature maps have together, locality, is a mark with a line"
    assert said in fragment(found)
    assert "have together" not in fragment(sheet())


def test_a_row_that_no_map_has_is_no_panel():
    """What an untrained control was arranged by is beside nothing."""
    placed = (*rows(), Line("mood", {"x": about(1.5)}))
    unplaced = (*rows(), Line("mood", {}, "missing: units have positions"))
    assert "x" not in panels(sheet({"this map": unplaced}, {"untrained": placed}))
    assert "x" in panels(sheet({"this map": placed}, {"untrained": unplaced}))


def test_a_slide_of_other_rows_shows_those():
    found = sheet({"this map": rows()}, {}, talk={"mood": ("x",)})
    assert len(slide(found).axes) == 3
    assert len(slide(sheet({"this map": rows()}, {})).axes) == 3
    assert len(slide(sheet(talk={"locality": ("width",)})).axes) == 1


def test_an_error_that_is_not_known_is_a_question_mark(tmp_path):
    odd = {"a": about(-3.0912, math.nan), "b": about(3.55e-15, 0.0), "c": about(1.0)}
    text = "|".join(paged(sheet({"m": (Line("exponents", odd),)}, {}), tmp_path).text)
    assert "|-3.09(?)|" in text
    assert "|0(0)|" in text
    assert "|1.000(10)|" in text
    assert "nan" not in text
