"""A page is one file that needs no other, and text is escaped."""

from html.parser import HTMLParser

import numpy as np
import pytest

from kadanoff.estimate import Estimate
from kadanoff.reports.figures import data_uri, figure, image_rows, save_figure
from kadanoff.reports.page import Listing, Page, Section, Table, write


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.sources, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "href")]

    def handle_data(self, data):
        self.text.append(data)


def picture():
    fig = figure(2, 2)
    fig.axes[0].plot([0, 1], [0, 1])
    return fig


def page(**changes):
    reading = Estimate(np.array(1.0), {"a": np.array([0.9, 1.1])}, 2)
    section = Section(
        "First", "a < b & c", data_uri(picture()), [Table(["x", "y"], [[1, reading]])]
    )
    return Page("Title", "lead", ["one", "two"], [section], **changes)


def parsed(path):
    elements = Elements()
    elements.feed(path.read_text(encoding="utf-8"))
    return elements


def test_everything_is_inside(tmp_path):
    write(page(provenance={"seed": 3}), tmp_path / "page.html")
    shown = parsed(tmp_path / "page.html")
    assert all(s.startswith(("data:", "#")) for s in shown.sources)
    assert "script" not in shown.found
    assert "a < b & c" in "".join(shown.text)
    assert "1.00(10)" in "".join(shown.text)
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_markup_in_text_is_shown_not_run(tmp_path):
    write(page(provenance={"<script>": "<img src=x>"}), tmp_path / "page.html")
    assert "script" not in parsed(tmp_path / "page.html").found


def test_code_keeps_its_lines_and_indentation(tmp_path):
    code = "for k in range(3):\n    assert k < 3 & 7"
    section = Section("Lines", "that run", listings=[Listing("a loop", code)])
    write(Page("t", "l", [], [section]), tmp_path / "page.html")
    elements = parsed(tmp_path / "page.html")
    assert "pre" in elements.found
    assert code in elements.text


def test_the_same_figure_gives_the_same_bytes():
    assert data_uri(picture()) == data_uri(picture())


def test_lattices_are_drawn_with_up_black_and_missing_places_empty():
    up, down = np.ones((4, 4)), -np.ones((4, 4))
    fig = image_rows({"a": [up, None], "b": [down, up]}, ["one", "two"])
    shown = [ax.images[0] for ax in fig.axes if ax.images]
    assert len(shown) == 3
    colours = [
        image.to_rgba(np.asarray(image.get_array()))[0, 0, :3].sum() for image in shown
    ]
    assert colours[0] < 0.1
    assert colours[1] > 2.9


@pytest.mark.parametrize(("value", "pale"), [(0.0, True), (1e-12, False)])
def test_a_field_of_zeros_is_blank_and_a_weak_one_is_not(value, pale):
    fig = image_rows({"a": [np.full((4, 4), value)]}, ["one"], responses=True)
    (image,) = fig.axes[0].images
    red, green, blue, _ = image.to_rgba(np.asarray(image.get_array()))[0, 0]
    assert bool(min(red, green, blue) > 0.9) is pale


def test_a_picture_needs_a_picture_ending(tmp_path):
    with pytest.raises(ValueError, match="a picture ends in"):
        save_figure(picture(), tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())
