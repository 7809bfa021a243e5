"""The first page says what its data sets hold, and the paper is whole."""

import numpy as np
import pytest
import xarray as xr

from kadanoff.citations import find
from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.lin2017 import PAPER, counting, decimation
from kadanoff.experiments.reproduce import reproduce, verdicts, write_report


def made():
    """Data sets of the right form whose numbers are easy to recognise."""
    tasks = ["classification", "generation", "joint"]
    divergence = np.array([[0.0123] * 3, [0.4567] * 3])[:, :, None]
    bits = np.array([[1.0, 0.7, 0.6], [0.6] * 3, [0.2345, 0.5, 0.6], [0.3, 0.5, 0.6]])
    scale = np.array([1.0, 2.0, 4.0])
    powers = np.array([2.0, 0.0, -2.0, -3.25])
    response = scale[:, None] ** powers
    return {
        "directions": xr.Dataset(
            {
                "divergence": (("arm", "task", "draws"), divergence),
                "divergence_error": (("arm", "task", "draws"), 0 * divergence + 0.0011),
                "information": 0.4444,
            },
            {"arm": ["drawn", "shuffled"], "task": tasks, "draws": [777]},
        ),
        "gate": xr.Dataset(
            {
                "measured": (
                    ("floats", "arm", "scale"),
                    [[[1e-3, 7e-9]], [[1.0, 3e-4]]],
                ),
                "exact": (("arm", "exact_scale"), [[1e-4, 4e-4]]),
                "order": (("arm",), [2]),
            },
            {
                "floats": ["float64", "float32"],
                "arm": ["softplus, bias 0"],
                "exact_scale": [0.01, 0.02],
            },
        ),
        "polynomial": xr.Dataset(
            {
                "neurons": (
                    ("polynomial", "accuracy"),
                    [[4.0, 4.0, 4.0, np.nan], [8.0, 8.0, np.nan, np.nan]],
                )
            },
            {"polynomial": ["uv", "u²"], "accuracy": [0.1, 1e-5, 1e-7, 1e-9]},
        ),
        "depth": xr.Dataset(
            {
                "count": (("numbers", "layers"), [[2.0**32, 500.0]]),
                "tree_count": (("numbers",), [124]),
                "error": (("plan", "built"), [[np.nan], [2e-9]]),
                "able": (("certified",), [0, 0]),
                "less_able": (("certified",), [0, 0]),
                "signs_able": (("certified",), [1, 1]),
                "without_premise": (("premise",), [1, 0]),
                "drawn": 9,
            },
            {
                "numbers": [32],
                "layers": [1, 2],
                "plan": ["flat", "tree"],
                "built": [32],
                "certified": [2, 3],
                "premise": ["a constant after the layer, n = 2", "σ′ = 0"],
            },
        ),
        "hierarchies": xr.Dataset(
            {
                "bayes_gap": (("hierarchy",), [1e-16, 3e-13]),
                "bits": (("statistic", "level"), bits),
                "excess": (("kind",), [0.0033, 0.0099]),
                "excess_error": (("kind",), [0.0002, 0.0004]),
            },
            {
                "statistic": ["generation", "exact", "majority", "decision"],
                "level": range(3),
                "kind": ["tree", "flat"],
            },
        ),
        "gaussian_field": xr.Dataset(
            {
                "response": (
                    ("view", "dimension", "scale", "coupling"),
                    response[None, None],
                ),
                "formula": (("dimension", "scale", "coupling"), response[None]),
            },
            {
                "view": ["blocks"],
                "dimension": [3],
                "scale": scale,
                "coupling": ["y0", "y1", "y2", "y3"],
            },
        ),
    }


@pytest.fixture(scope="module")
def data():
    own = {m.EXHIBIT.name: m.EXHIBIT.compute(m.FAST, None) for m in SMALL}
    return made() | own


SMALL = (counting, decimation)
HELD = [
    ("1.017·10^236", "308,505", "symmetry 5", "0.0123(11)", "777", "0.4444"),
    ("7e-09 in float64", "3e-04 in float32", "2 polynomial", "does not", "1e-05 to"),
    ("4,294,967,296", "124", "2e-09", "0 of 18 random", "n = 2 to 3", "cannot"),
    ("3e-13", "0.6000 bits", "0.2345", "0.00330(20)", "0.00990(40)"),
    ("c^2.00", "c^0.00", "c^-2.00", "c^-3.25", "0.5070", "1.070", "0.4407"),
]


def test_five_sentences_with_the_numbers_of_the_data(data):
    page = PAPER.first_page(data)
    assert len(page.sentences) == 5
    for sentence, numbers in zip(page.sentences, HELD, strict=True):
        assert sentence.endswith(".")
        for number in numbers:
            assert number in sentence
    assert page.picture is not None
    assert len(page.picture.axes) == 3


def test_a_size_that_depends_on_the_accuracy_is_said(data):
    grown = data["polynomial"].copy(deep=True)
    grown["neurons"][0, 1] = 5.0
    sentence = PAPER.first_page(data | {"polynomial": grown}).sentences[1]
    assert "networks does depend" in sentence


def test_accuracies_are_those_that_were_reached(data):
    """At 1e-9 neither network exists: the finest of each are 1e-5 and 1e-7."""
    sentence = PAPER.first_page(data).sentences[1]
    assert "down to 1e-05 to 1e-07, where" in sentence
    assert "1e-09" not in sentence
    same = data["polynomial"].isel(accuracy=slice(0, 2))
    sentence = PAPER.first_page(data | {"polynomial": same}).sentences[1]
    assert "down to 1e-05, where" in sentence


SPOILT = [
    # exhibit, variable, change, sentence, words of good and of spoilt data
    ("gate", "exact", np.sqrt, 1, "arbitrarily well in", "and not arbitrarily well"),
    ("depth", "able", lambda x: x + 1, 2, "one layer cannot", "one layer can multiply"),
    ("depth", "less_able", lambda x: x + 1, 2, "layer cannot", "layer can multiply"),
    ("depth", "without_premise", lambda x: 0 * x, 2, "a constant after", ")."),
    ("hierarchies", "bayes_gap", lambda x: x + 1e-3, 3, "are Bayes", "are not Bayes"),
    (
        "hierarchies",
        "bits",
        lambda x: x * [1, 1, 1.1],
        3,
        "lose nothing",
        "do not keep",
    ),
    (
        "gaussian_field",
        "response",
        None,
        4,
        "fold short waves back",
        "and -4; decimation",
    ),
]


@pytest.mark.parametrize(
    ("name", "variable", "change", "which", "good", "bad"),
    SPOILT,
    ids=[f"{s[0]}-{s[1]}" for s in SPOILT],
)
def test_words_follow_the_numbers(data, name, variable, change, which, good, bad):
    """Each word of praise or blame, from data that deserve it and that do not."""
    spoilt = data[name].copy(deep=True)
    if variable == "response":
        powers = np.array([2.0, 0.0, -2.0, -4.0])
        spoilt[variable][:] = spoilt.scale.values[:, None] ** powers
    else:
        spoilt[variable] = change(spoilt[variable])
    said = PAPER.first_page(data).sentences[which]
    now = PAPER.first_page(data | {name: spoilt}).sentences[which]
    assert good in said
    assert good not in now
    assert bad in now
    assert bad not in said


def test_the_paper_is_whole():
    names = [exhibit.name for exhibit in PAPER.exhibits]
    assert len(set(names)) == len(names) == 11
    assert find(PAPER.name).year == 2017


@pytest.mark.slow
def test_all_exhibits_fast(tmp_path):
    done = reproduce(PAPER, runs=tmp_path)
    assert done.first_page is not None
    assert len(done.first_page.sentences) == 5
    write_report(done, tmp_path / "page.html")
    assert "The dictionary in lines that run" in (tmp_path / "page.html").read_text()
    assert verdicts(done).count("\n| ") > 50
    wrong = [
        c.claim for cs in done.checks.values() for c in cs if c.status is Status.NOT
    ]
    assert wrong == []
