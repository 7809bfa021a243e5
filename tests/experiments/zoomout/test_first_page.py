"""The first page has the words of the checks: spoilt data change both."""

from importlib import import_module

import pytest

first_page = import_module("kadanoff.experiments.zoomout.first_page")


@pytest.fixture
def of(computed):
    return lambda name: computed(name).copy(deep=True)


def test_a_magnet_that_changes_does_not_look_alike(of):
    data = of("scale_invariance")
    assert "it looks alike at all scales" in first_page._alike(data)
    data["m"].loc[{"temperature": 1.0, "zooms": 2}] = 0.1
    assert "it does not look alike at all scales" in first_page._alike(data)


def test_full_order_has_a_bound(of):
    data = of("scale_invariance")
    where = {"temperature": 0.95, "zooms": 3}
    data["m"].loc[where], data["m_error"].loc[where] = 1.0, 0.0
    assert "to 1 to within 0.0000" in first_page._alike(data)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("straight", 0.5, "as it must"),
        ("straight", 1e-6, "no one power"),
        ("dimension", 1.2, "one power but another"),
        ("dimension_error", 0.03, "too roughly"),
    ],
)
def test_the_dimension_is_judged_as_it_is(of, name, value, words):
    data = of("self_similarity")
    data[name].loc[{"temperature": 1.0}] = value
    assert words in first_page._similar(data)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ((0.5, 0.05), "below 1, and die"),
        ((1.1, 0.05), "cannot all be told from 1"),
        ((2.9, 0.039), "not what one relevant direction"),
    ],
)
def test_what_dies_is_said_to_die(of, second, words):
    data = of("parameters")
    for parity in ("even", "odd"):
        data[parity].loc[{"direction": [1, 2]}] = 0.3
        data[f"{parity}_error"].loc[{"direction": [1, 2]}] = 0.05
    where = {"direction": 1}
    data["odd"].loc[where], data["odd_error"].loc[where] = second
    sentence = first_page._growing(data)
    assert words in sentence
    assert ("die" in sentence) == (second[0] < 1)
