"""Words along the flow: what is reconstructed is said with the plan that made it."""

import xarray as xr

from kadanoff.experiments.demellokoch2020.flow import Learning, Plan
from kadanoff.experiments.demellokoch2020.flow_words import (
    FOUR,
    LITERAL,
    RATE,
    by_agreement,
    reconstructed,
    some_lengths,
)

PLAN = Plan(Learning(configurations=7, epochs=3), 2, 64, (0, 9, 13))
DATASET = xr.Dataset({"x": (("seed", "length"), [[1.0] * 3] * 2)}).assign_coords(
    length=[0, 9, 13]
)


def test_the_reading_of_the_text_that_is_taken_has_means_throughout():
    assert LITERAL == "trained on means, means passed on"
    for phrase in ("are sampled by setting each to 1", "seen in equation (13)"):
        assert phrase in FOUR
    assert "letter" not in FOUR


def test_the_plan_that_made_the_data_is_told():
    text = reconstructed(DATASET, (PLAN,), "the weather")
    assert "the weather" in text
    assert "here 7 configurations at each of 60 temperatures, 3 passes" in text
    assert "Machines, each with data of its own: 2. Trained on means:" in text
    assert f"flow from each start. {RATE} Machines" in text


def test_of_another_plan_no_numbers_are_told():
    other = Plan(PLAN.learning, 5, 64, PLAN.lengths)
    text = reconstructed(DATASET, (other,), "the weather")
    assert "passes over" not in text
    assert "how long and how fast is trained. Machines" in text


def test_names_by_what_they_agree_with():
    found = {"a": True, "b": None, "c": False, "d": True}
    assert by_agreement(list(found), found.__getitem__) == ("a; d", "b")
    assert by_agreement(["c"], found.__getitem__) == ("none", "none")


def test_some_lengths_are_shown():
    assert some_lengths(DATASET) == [0, 9]
