"""The handout is one page whose numbers were measured, and it refuses wrong ones."""

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from kadanoff.estimate import parenthesised

HANDOUT = Path(__file__).parents[1] / "docs" / "handout.py"


@pytest.fixture(scope="module")
def handout():
    spec = importlib.util.spec_from_file_location("handout", HANDOUT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["handout"] = module  # where its dataclasses look for their names
    spec.loader.exec_module(module)
    yield module
    del sys.modules["handout"]


@pytest.fixture(scope="module")
def numbers(handout):
    """Those of an eighth of the configurations, in seconds."""
    few = {t: draws // 8 for t, draws in handout.DRAWS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handout, "DRAWS", few)
        return handout.measure()


@pytest.fixture(scope="module")
def page(handout, numbers):
    with matplotlib.rc_context(handout.TYPE):
        return handout.draw(numbers)


def test_the_page_is_one_a4_page_with_its_fonts(handout, page, tmp_path):
    path = tmp_path / "handout.pdf"
    with matplotlib.rc_context(handout.TYPE):
        handout.save_figure(page, path)
    pdf = path.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert [round(float(side) / 72 * 25.4) for side in box] == [210, 297]
    fonts = len(re.findall(rb"/Type /FontDescriptor", pdf))
    assert fonts >= 2
    assert len(re.findall(rb"/FontFile2 ", pdf)) == fonts


def test_every_number_of_the_text_was_measured(handout, numbers):
    text = " ".join(handout.sentences(numbers))
    still, warm = (numbers.sizes[t] for t in (handout.CRITICAL, handout.WARM))
    shown = [str(e) for e in (*still, *warm, numbers.growth, numbers.eta)]
    for read in numbers.scans.values():
        shown += [
            parenthesised(float(exponent.estimate.value), exponent.error)
            for exponent in (read.y_t, read.y_h)
        ]
    assert re.findall(r"\d+\.\d+\(\d[\d.]*\)", text) == shown
    powers = re.findall(r"([\d.]+)·10\^\{(-\d+)\}", text)
    best, least = numbers.gate.best
    small = [least, best, numbers.gate.gate.best_scale(), *numbers.errors]
    np.testing.assert_allclose([float(f"{d}e{p}") for d, p in powers], small, rtol=0.05)
    sizes = [plan.neurons for plan in handout.PLANS]
    assert sizes == [4 * 7, 2**8]
    assert all(f" {n}" in text for n in (*sizes, numbers.trained))


def test_the_text_is_whole_and_on_the_page(handout, numbers, page):
    with matplotlib.rc_context(handout.TYPE):
        page.set_dpi(300)  # on a coarser raster letters are wider than on paper
        FigureCanvasAgg(page).draw()
        boxes = [text.get_window_extent() for text in page.texts]
    assert min(box.x0 for box in boxes) > 0
    assert min(box.y0 for box in boxes) > 0
    assert max(box.x1 for box in boxes) < page.bbox.x1
    assert max(box.y1 for box in boxes) < page.bbox.y1
    written = [" ".join(text.get_text().split()) for text in page.texts]
    for sentence in (*handout.sentences(numbers), handout.QUESTION, handout.REFERENCES):
        assert sentence in written


def test_right_numbers_pass(handout, numbers):
    handout.check(numbers)


def test_a_wrong_exponent_is_refused(handout, numbers):
    wrong = numbers.eta + 10 * float(numbers.eta.error)
    with pytest.raises(ValueError, match=r"η must be 0\.25 .* the page is not written"):
        handout.check(replace(numbers, eta=wrong))


def test_magnets_that_approach_each_other_are_refused(handout, numbers):
    wrong = {t: levels[::-1] for t, levels in numbers.temperatures.items()}
    with pytest.raises(ValueError, match="the growth of temperature must be 2 "):
        handout.check(replace(numbers, temperatures=wrong))


def test_a_control_that_agrees_is_refused(handout, numbers):
    wrong = {**numbers.scans, handout.DECIMATION: numbers.scans[handout.BLOCKS]}
    with pytest.raises(ValueError, match="y_H of decimation is a control"):
        handout.check(replace(numbers, scans=wrong))


@pytest.mark.slow
def test_the_page_is_written_from_start_to_end(handout, tmp_path):
    handout.main([str(tmp_path / "handout.pdf")])
    assert (tmp_path / "handout.pdf").read_bytes().startswith(b"%PDF-")
