"""Features that survive: the readings as one data set, and digits may be missing."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.experiments.exhibit import FirstPage, Paper, Status, shown
from kadanoff.experiments.reproduce import reproduce, write_report
from kadanoff.experiments.zoomout import digits
from kadanoff.experiments.zoomout.digit_networks import (
    AVERAGED,
    DIGITS,
    PLANTED,
    Settings,
)
from kadanoff.experiments.zoomout.digits import PIXELS, Digits
from kadanoff.experiments.zoomout.features import EXHIBIT, FAST, Trial, readings
from kadanoff.experiments.zoomout.first_page import _surviving
from kadanoff.experiments.zoomout.survival import KERNELS
from kadanoff.randomness import subseed


@pytest.fixture(scope="module")
def data(computed):
    return computed("features")


def test_sizes_begin_at_one_and_nothing_is_left_of_q_in_block_averages(data):
    assert data["size"].sel(level="8×8").values == pytest.approx(1)
    gone = data["size"].sel(arm=AVERAGED, group="sign")
    assert (gone.values[:, 1:] < 1e-15).all()


def test_parts_of_the_inputs_are_those_that_were_put_in(data):
    """Noise 64 σ², sign a², and the digits' images; sampled, so to 2 %."""
    images = Digits.load(FAST.noise, FAST.pattern)
    noise, sign = PIXELS * FAST.noise**2, FAST.pattern**2
    whole = images.variance.sum() + noise + sign
    row = data["share"].sel(arm=DIGITS, level="8×8")
    assert float(row.sel(source="noise")) == pytest.approx(noise / whole, abs=0.01)
    assert float(row.sel(source="sign")) == pytest.approx(sign / whole, abs=0.01)


def test_a_training_gives_the_same_digits_again(data):
    images = Digits.load(FAST.noise, FAST.pattern)
    again = readings(Trial(FAST, DIGITS, 0, subseed(0, "training", 0)), images)
    one, other = (data.sel(arm=DIGITS, kernel_arm=DIGITS, seed=n) for n in (0, 1))
    kept = {"response": "response", "parts": "part", "lost": "loss"}
    for name, reading in [*kept.items(), *zip(KERNELS, KERNELS, strict=True)]:
        assert np.array_equal(again[name], one[reading])
        assert not np.array_equal(again[name], other[reading])


# --- without the digits ---


def test_without_scikit_learn_one_sentence_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    settings = Settings(seeds=2, epochs=1)
    assert not settings.at_hand
    assert settings != Settings(seeds=2, epochs=1, at_hand=True)
    alone = Paper(
        "zoomout", "An essay", "Its networks.", [replace(EXHIBIT, fast=settings)],
        lambda data: FirstPage([_surviving(data["features"])]),
    )  # fmt: skip
    done = reproduce(alone, runs=tmp_path)
    (check,) = done.checks["features"]
    assert check.status is Status.OPEN
    assert "pip install scikit-learn" in check.reason
    write_report(done, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("pip install scikit-learn") == 3  # first page, verdict, section
    assert list(tmp_path.glob("features-*")) == []  # nothing was trained


def test_the_first_page_says_what_survives(data):
    sentence = _surviving(data)
    assert sentence.endswith(".")
    for arm, group in ((DIGITS, "class"), (PLANTED, "sign")):
        assert shown(data, "survival", arm=arm, group=group) in sentence
