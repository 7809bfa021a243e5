"""A card as text: every row has a number in the table, and no number is `nan(nan)`."""

import math

import numpy as np
import pytest

from kadanoff.estimate import Estimate
from kadanoff.scorecard.rows import HEADLINES, ROWS, Row
from kadanoff.scorecard.text import WIDEST, number_text, side_by_side


def about(value, error=0.01):
    """An estimate with that error."""
    return Estimate(np.array(value), {"a": value + np.array([-1, 1]) * error}, 9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.51234, "0.512"),
        (3, "3"),
        (math.nan, "none"),
        (math.inf, "none"),
        (about(1.0), "1.000(10)"),
        (about(math.nan, math.nan), "none"),
        (Estimate(np.array(math.nan), {}, 9), "none"),  # not "nan(0)"
        (Estimate(np.array(-3.0912), {"a": np.array([1.0, math.nan])}, 9), "-3.09(?)"),
        (Estimate(np.array(3.55e-15), {}, 9), "0(0)"),
        (Estimate(np.array(1.0), {}, 9), "1(0)"),
    ],
)
def test_a_number_is_a_number_with_an_error_or_says_what_it_lacks(value, text):
    assert number_text(value) == text


def test_a_small_number_that_is_known_to_be_small_is_shown():
    """The control of the one that is rounded to zero."""
    small = about(3.55e-10, 1e-11)
    assert number_text(small) == str(small) != "0(0)"


def test_every_row_has_a_headline():
    """A table of any row alone has a number in it."""
    assert set(HEADLINES) == set(ROWS)
    assert all(1 <= len(readings) <= 2 for readings in HEADLINES.values())
    assert "Δ_σ" not in HEADLINES["scaling"]  # worth nothing without its p


def lines_of(subjects, *names):
    return side_by_side(subjects, {n: HEADLINES[n] for n in names}).splitlines()


@pytest.mark.parametrize("name", ROWS)
def test_a_table_of_one_row_holds_its_numbers(name):
    readings = {reading: about(0.5 + k) for k, reading in enumerate(HEADLINES[name])}
    rows = [Row(name, readings, "said")]
    (_, first, second) = side_by_side([("a", rows), ("b", rows)], HEADLINES).split("\n")
    assert first.split()[1:] == second.split()[1:] == [*map(str, readings.values())]


def test_a_row_that_is_missing_is_a_dash_and_one_that_was_not_read_is_empty():
    whole = [Row("couplings", {"K nn": about(0.4)}, ""), Row("likelihood", {}, "no")]
    header, this, control = lines_of(
        [("this map", whole), ("noise", whole[:1])], "couplings", "likelihood"
    )
    assert this.split()[-1] == "–"
    assert control == f"{'noise':<8}  0.400(10)  –"  # the entropy of a spin
    assert "KL" in header


def test_feature_maps_have_a_line_each_and_what_is_of_all_stands_once():
    rows = [
        Row("covariance", {"flip": about(0.9), "shift": about(0.8)}, ""),
        Row("exponents", {"map 0: y_T": about(1.1), "map 2: y_T": about(1.3)}, ""),
    ]
    block = [Row("covariance", {"flip": about(1.0)}, ""), Row("exponents", {}, "no")]
    lines = lines_of([("this map", rows), ("block", block)], "covariance", "exponents")
    assert [line.split() for line in lines] == [
        ["flip", "shift", "y_T", "y_H"],
        ["this", "map", "0.900(10)", "0.800(10)"],
        ["map", "0", "1.100(10)", "–"],
        ["map", "2", "1.300(10)", "–"],
        ["block", "1.000(10)", "–", "–", "–"],
    ]
    alone = lines_of([("a", rows[1:]), ("b", rows[1:])], "exponents")
    assert [line.split("  ")[0] for line in alone[1:3]] == ["a, map 0", "a, map 2"]


def test_a_wide_table_is_several_and_loses_nothing():
    rows = [
        Row(name, {r: about(100.0 + k) for r in HEADLINES[name]}, "")
        for k, name in enumerate(ROWS)
    ]
    text = side_by_side([("this map", rows), ("block", rows)], HEADLINES)
    tables = [part.splitlines() for part in text.split("\n\n")]
    assert len(tables) > 1
    assert all([line[:5] for line in t[1:]] == ["this ", "block"] for t in tables)
    assert max(map(len, text.splitlines())) <= WIDEST
    for k, name in enumerate(ROWS):
        assert text.count(str(about(100.0 + k))) == 2 * len(HEADLINES[name])


def test_the_exponents_of_two_rows_have_different_names():
    readings = {"y_T": about(1.0), "y_H": about(1.9)}
    names = ("exponents", "followed by majority")
    header, *_ = lines_of([("a", [Row(name, readings, "") for name in names])], *names)
    assert header.strip().split("  ")[-2:] == [
        "y_T, followed by majority",
        "y_H, followed by majority",
    ]


def test_what_was_not_read_of_a_control_is_no_line():
    """But the name above feature maps stays, though nothing stands beside it."""
    maps = [Row("exponents", {"map 0: y_T": about(1.1)}, "")]
    whole = [Row("covariance", {"flip": about(0.9)}, "")]
    subjects = [("this map", [*whole, *maps]), ("noise", whole)]
    wide = {"covariance": ("flip", "x" * WIDEST), "exponents": ("y_T",)}
    *_, last = side_by_side(subjects, wide).split("\n\n")
    assert [line.split("  ")[0] for line in last.splitlines()] == ["", "this map", ""]
    assert "noise" not in last
