"""The words of the first page follow its numbers, and the paper is whole."""

import math
from dataclasses import replace

import pytest
import xarray as xr

from kadanoff.citations import find
from kadanoff.experiments.demellokoch2020 import PAPER, fig_5b
from kadanoff.experiments.demellokoch2020.fig_3.verdicts import Losses, NoTemperature
from kadanoff.experiments.demellokoch2020.fig_8.verdicts import Gain, RandomFall
from kadanoff.experiments.demellokoch2020.first_page import (
    answer_sentence,
    flow_sentence,
    instruments_sentence,
    layers_sentence,
    offset_sentence,
)
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_laws import Count
from kadanoff.experiments.reproduce import reproduce

COUNT = Count(
    machines=20,
    undecided=("one", "two"),
    magnets=0,
    perhaps=0,
    critical=0,
    beyond=0,
    spreads=(0.07, 2.13),
    control=(0.002, 0.0091),
    passes=True,
    spreads_error=(0.02, 0.03),
    control_error=(0.001, 0.002),
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "that does not end at the critical point"),
        ({"critical": 18}, "that ends at the critical point:"),
        ({"critical": 3}, "for some machines only"),
        ({"passes": False}, "is open"),
        ({"passes": None}, "is open"),
        ({"undecided": ("x",) * 20}, "is open"),
    ],
)
def test_where_the_chain_ends(change, words):
    """Open too where the machine that is critical does not pass."""
    sentence = flow_sentence(replace(COUNT, **change), COUNT, arrives=False)
    assert words in sentence
    assert sentence.count("does not end at the critical point") == (not change)


def test_numbers_of_the_flow():
    means = replace(COUNT, machines=10, undecided=(), critical=4)
    sentence = flow_sentence(COUNT, means, arrives=None)
    for number in (
        "of 20 machines trained on drawn units 18",
        "and 0 of them",
        "by 0.070(20) to 2.130(30), of",
        "machine by 0.0020(10) to 0.0091(20)",
        "of 10 trained on means 4;",
    ):
        assert number in sentence
    assert "may or may not go to T_c" in sentence
    assert "that is taken here, goes to T_c" in flow_sentence(
        COUNT, COUNT, arrives=True
    )


def test_an_end_without_a_number_has_no_error():
    none = replace(COUNT, spreads=(math.nan,) * 2, undecided=("x",) * 20)
    assert "differ by nothing that could be read" in flow_sentence(
        none, COUNT, arrives=True
    )


def told(doubts):
    return [NoTemperature("x", 2.0, 0.1, -0.5, 0.1, d) for d in doubts]


@pytest.mark.parametrize(
    ("p", "fit"),
    [(0.5, "which fits from r = 2 on."), (1e-9, "which fits from no r up to 2.")],
)
@pytest.mark.parametrize(
    ("near", "words"),
    [(True, "close to zero"), (False, "not close to zero"), (None, "perhaps small")],
)
def test_the_instruments(monkeypatch, near, words, p, fit):
    spin = xr.Dataset(coords={"side": [10]})
    for name, number in (("power", 0.0719), ("torus", 0.1337)):
        reading = fig_5b.Found(2.0, number, 0.0005, 0.0710, p)
        monkeypatch.setattr(fig_5b, f"{name}_reading", lambda d, r=reading: r)
    sentence = instruments_sentence(
        Losses(3.0023, 3.5519, 0.0066), near, told([True, False, None]), spin
    )
    for part in (f", {words},", "3.002 is", "3.5519(66)", "doubt at 1 of 3"):
        assert part in sentence
    for part in ("0.07190(50)", "(0.0710 without", "0.13370(50) (0.0710)", fit):
        assert part in sentence


GAINS = [
    Gain("plain", 0.7251, 0.0038, 0.6851, 0.0036, 1.058, 0.008),
    Gain("local", 1.3053, 0.0026, 1.3746, 0.0029, 0.949, 0.003),
]
FALL = RandomFall(0.6026, 0.0085, falls=True, same=False, patchless=True)


@pytest.mark.parametrize(
    ("follows", "words"),
    [
        ([True, True], "is foretold from the weights to 0.1 of it in all of 2 layers"),
        ([False, False], "to 0.1 of it in none of 2 layers"),
        ([True, None], "in 1 of 2 layers"),
    ],
)
def test_the_offset(follows, words):
    sentence = offset_sentence((0.991, 0.998), GAINS, follows, FALL)
    assert words in sentence
    assert sentence.startswith("γ², the mean square gain")
    assert "99.1% to 99.8% of the offset is uniform holds by definition" in sentence
    assert "foretold 0.9490(30) to 1.0580(80), off by more than three" in sentence
    assert "errors in 2 of 2;" in sentence
    near = [replace(GAINS[0], ratio=1.01), GAINS[1]]
    assert "in 1 of 2;" in offset_sentence((0.991, 0.998), near, follows, FALL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "without a patch falls too, less: by 0.6026(85)"),
        ({"same": True}, "falls too, as fast"),
        ({"ratio": 1.6}, "falls too, more"),
        ({"falls": False}, "does not clearly fall"),
        ({"patchless": False}, "with random weights falls"),
    ],
)
def test_the_fall_of_random_weights(change, words):
    sentence = offset_sentence((0.99, 1.0), GAINS, [True] * 2, replace(FALL, **change))
    assert words in sentence


TWO, ONE, WIDE = [(1.98, 0.01)] * 2, [(1.07, 0.01)] * 2, [(1.9, 0.4)] * 2


@pytest.mark.parametrize(
    ("deviation", "temperature", "words"),
    [
        (TWO, ONE, "the deviation from the critical surface doubles and the temp"),
        (ONE, TWO, "the temperature doubles and its deviation from T_c does not"),
        (TWO, TWO, "doubles and so does its"),
        (WIDE, ONE, "not settled"),
        (ONE, ONE, "not settled"),
        ([], ONE, "not settled"),
    ],
)
def test_what_doubles(deviation, temperature, words):
    """A ratio of 1.9(4) is no doubling, and none that is known not to be one."""
    rules = {"majority": deviation}, {"majority": temperature}
    assert words in layers_sentence(*rules, {"plain": ONE}, double=False)


@pytest.mark.parametrize(
    ("double", "words"),
    [(True, "doubles: 1.98"), (False, "does not: 1.98"), (None, "may or may not")],
)
def test_whether_the_deviation_doubles_along_stacks(double, words):
    rules = {"majority": TWO}, {"majority": ONE}
    sentence = layers_sentence(*rules, {"plain": TWO}, double)
    assert f"the deviation {words}" in sentence
    assert sentence.endswith("1.980(10), 1.980(10) (plain).")


def test_ratios_are_shown():
    rules = {"majority": TWO}, {"majority": ONE}
    sentence = layers_sentence(*rules, {}, double=None)
    assert "energy the deviation grows by 1.980(10), 1.980(10) (majority)," in sentence
    assert "T from T_c by 1.070(10), 1.070(10) (majority);" in sentence


def test_every_rule_that_decides_is_shown():
    """One that does not double makes it unsettled, and is seen."""
    deviations = {"majority": TWO, "decimation": ONE}
    heats = {"majority": ONE, "decimation": []}
    sentence = layers_sentence(deviations, heats, {}, double=None)
    assert "not settled" in sentence
    assert "1.980(10) (majority); 1.070(10), 1.070(10) (decimation)" in sentence
    assert "nothing readable (decimation);" in sentence


ROWS = {"yes": ["own block", "locality"], "no": [], "undecided": ["scaling"]}
FOUND = {"pass": ["one filter"], "fail": ["a"] * 6, "undecided": ["b"] * 2}
FAILING = {"local": 0, "covariant": 6, "field": 4}


def test_the_answer():
    sentence = answer_sentence(FOUND, ROWS, FAILING)
    assert "Of 8 kinds of layers like the paper's 0 are local, as regular" in sentence
    assert "6 are not (6 not as regular, 4 not of one dimension) and 2 cann" in sentence
    assert "one filter, whose places are built in, is of one dimension too" in sentence
    assert sentence.endswith("what tells these is own block, locality.")
    blind = answer_sentence(
        FOUND, {"yes": [], "no": ["scaling"], "undecided": []}, FAILING
    )
    assert blind.endswith("none of the rows asked and not scaling.")


@pytest.mark.parametrize(
    ("word", "said"), [("fail", "does not pass"), ("undecided", "cannot be told ei")]
)
def test_the_answer_about_places_that_are_built_in(word, said):
    found = {"pass": ["a"], "fail": [], "undecided": []}
    found |= {word: ["one filter"]}
    sentence = answer_sentence(found, ROWS, dict.fromkeys(FAILING, 0))
    assert f"built in, {said}" in sentence
    assert "as majority is (a), 0 are not and 0 cannot" in sentence


def test_the_paper_is_whole():
    names = [exhibit.name for exhibit in PAPER.exhibits]
    assert len(set(names)) == len(names) == 21
    assert find(PAPER.name).year == 2020


@pytest.mark.slow
def test_five_sentences_of_fast_data(tmp_path):
    """About a minute and a half: every exhibit, judged and drawn, and the page."""
    done = reproduce(PAPER, runs=tmp_path)
    page = done.first_page
    assert page is not None
    assert page.picture is not None
    assert len(page.sentences) == 5
    assert all(any(c.isdigit() for c in s) for s in page.sentences)
    for exhibit in done.exhibits:
        assert exhibit.draw(done.data[exhibit.name])
        for check in exhibit.checks(done.data[exhibit.name]):
            text = " ".join((check.claim, check.ours, check.reason))
            assert "nan" not in text.split()
            assert check.claim.endswith(".")
