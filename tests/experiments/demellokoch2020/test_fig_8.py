"""Machines: the offset is what the magnetization makes it."""

import pytest

from kadanoff.experiments.demellokoch2020.fig_8 import (
    EXHIBIT,
    FAST,
    explained_share,
    gains,
    random_fall,
    size_follows_from_weights,
)
from kadanoff.experiments.demellokoch2020.fig_8.layers import (
    MACHINES,
    RANDOM,
    RG,
    SHOWN,
)
from kadanoff.experiments.exhibit import Status, Work

ROWS = [f"{name}, {layer}" for name in MACHINES for layer in SHOWN]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda *_: None)
    return EXHIBIT.compute(FAST, work)


@pytest.mark.parametrize("row", ROWS)
def test_the_offset_is_the_uniform_part(found, row):
    """G(0) differs by the uniform part but for less than the falls themselves."""
    here = found.sel(row=row)
    falls = here["fall"] + found["fall"].sel(row=f"{RG}, first")
    assert abs(here["offset"] - here["lifted"]) < falls
    assert abs(here["offset"]) > 0.5 * falls


def test_the_gain_of_votes_is_that_of_single_units(found):
    """γ² of majority votes: ⟨m μ⟩²/⟨m²⟩², read here from another instrument.

    Votes are larger than averages: between 1 and (⟨m μ⟩ ≤ ⟨|m|⟩) ⟨|m|⟩²/⟨m²⟩².
    """
    gain = float(found["gain"].sel(row="majority votes, first"))
    error = float(found["gain_error"].sel(row="majority votes, first"))
    assert gain > 1 + 10 * error
    assert gain == pytest.approx(1.177, abs=5 * error + 0.01)


def test_signs_drop_out(found):
    assert float(found["sign_change"]) < 1e-5


def test_turning_up_takes_the_offset(found):
    assert (found["one_sided_far"] < 0.05 * abs(found["far"])).all()
    same = found.sel(row=ROWS)
    assert (same["connected_far"] > 0.9 * same["far"]).all()


def test_units_by_number_have_no_distances(found):
    for name in MACHINES:
        here = found.sel(row=f"{name}, numbered")
        assert abs(here["one_sided_fall"]) < 5 * here["one_sided_fall_error"]
        placed = found.sel(row=f"{name}, arranged")["one_sided_fall"]
        assert placed > 3 * abs(here["one_sided_fall"])


def test_the_gain_follows_from_the_weights(found):
    """To a tenth, which neither 1 nor another layer's gain would."""
    assert size_follows_from_weights(found) == [True] * 5
    measured = [g.measured for g in gains(found)]
    assert max(measured) > 1.4
    assert min(measured) < 0.7
    for g in gains(found):
        assert g.ratio == pytest.approx(g.measured / g.foretold, rel=0.02)


def sharp(found):
    """The data as if their errors were small."""
    return found.assign({n: found[n] / 100 for n in found if n.endswith("_error")})


def spoilt(found, name, value, rows):
    """The data with one reading of some rows changed, without error."""
    at = found["row"].isin(rows)
    changed = found[name].where(~at, value)
    return found.assign(
        {name: changed, f"{name}_error": found[f"{name}_error"].where(~at, 1e-6)}
    )


RANDOM_ROW = f"{RANDOM}, first"
PLACED = [f"{name}, arranged" for name in MACHINES]
GAINS = [f"{n}, {layer}" for n in MACHINES for layer in ("first", "single")]


@pytest.mark.parametrize(
    ("number", "name", "rows", "by_value"),
    [
        (0, "single", ROWS, {0.95: "reproduced", 0.1: "not reproduced"}),
        (1, "ratio", ROWS, {1.2: "reproduced", 50.0: "not reproduced"}),
        (3, "offset", ROWS, {9.0: "reproduced", 0.0: "not reproduced"}),
        (
            4,
            "over_foretold",
            [*GAINS, RANDOM_ROW],
            {1.02: "reproduced", 1.5: "not reproduced"},
        ),
        (6, "ratio", [RANDOM_ROW], {0.01: "reproduced", 0.6: "not reproduced"}),
        (7, "one_sided_fall", PLACED, {0.5: "reproduced", -0.5: "not reproduced"}),
    ],
)
def test_statuses_follow_the_readings(found, number, name, rows, by_value):
    here = sharp(found)
    for value, status in by_value.items():
        spoiled = spoilt(here, name, value, rows)
        assert EXHIBIT.checks(spoiled)[number].status == status
        noisy = spoiled.assign({f"{name}_error": spoiled[f"{name}_error"] + 100})
        assert EXHIBIT.checks(noisy)[number].status is Status.OPEN
    if len(rows) > 1:
        last = spoilt(here, name, list(by_value)[-1], rows)
        part = spoilt(last, name, next(iter(by_value)), rows[:1])
        assert EXHIBIT.checks(part)[number].status is Status.PARTLY


def test_readings_are_told_with_their_errors(found):
    """Shares, spots and falls, and whether random weights fall as much."""
    made = spoilt(found, "single", 0.25, ROWS)
    made["single_error"].loc[{"row": ROWS}] = 0.01
    assert EXHIBIT.checks(made)[0].ours.count("0.250(10)") == len(ROWS)
    for ratio, words in ((0.6, "weights are, too"), (0.1, "are not")):
        told = EXHIBIT.checks(spoilt(found, "ratio", ratio, [RANDOM_ROW]))[1].reason
        assert words in told
    noisy = found.assign(ratio_error=found["ratio_error"] + 1)
    assert "of random weights it is not decided" in EXHIBIT.checks(noisy)[1].reason


def test_a_gain_that_is_near_may_still_be_missed(found):
    near = spoilt(found, "over_foretold", 1.05, [*GAINS, RANDOM_ROW])
    assert all(g.missed for g in gains(near))
    assert "more than three errors in 5 of 5" in EXHIBIT.checks(near)[4].reason
    assert EXHIBIT.checks(near)[4].status is Status.REPRODUCED
    noisy = near.assign(over_foretold_error=near["over_foretold_error"] + 0.03)
    assert not any(g.missed for g in gains(noisy))


def test_between_hidden_layers_the_offset_is_compared_with_its_uniform_part(found):
    same = spoilt(spoilt(found, "offset", 3.0, PLACED), "lifted", 2.9, PLACED)
    assert EXHIBIT.checks(same)[5].status is Status.REPRODUCED
    none = spoilt(same, "lifted", 0.0, PLACED)
    assert EXHIBIT.checks(none)[5].status is Status.NOT
    half = spoilt(same, "lifted", 0.0, PLACED[:1])
    assert EXHIBIT.checks(half)[5].status is Status.PARTLY


def test_a_line_is_judged_by_its_residuals(found):
    falling = spoilt(found, "ratio", 1.0, ROWS)
    by_data = {
        (0.01, 0.5): Status.REPRODUCED,
        (0.07, 1e-9): Status.PARTLY,
        (0.07, 0.5): Status.OPEN,
    }
    for (bent, p), status in by_data.items():
        made = {f"{row}_bent": bent for row in ROWS} | {f"{row}_p": p for row in ROWS}
        check = EXHIBIT.checks(falling.assign(made))[2]
        assert check.status is status
        assert ("not on a line" in check.reason) is (p < 1e-3)
        rising = spoilt(falling.assign(made), "ratio", -1.0, ROWS[:1])
        assert EXHIBIT.checks(rising)[2].status is Status.NOT


def test_what_the_first_page_says(found):
    low, high = explained_share(found)
    assert 0.9 < low <= high < 1.1
    fall = random_fall(found)
    assert fall.falls is True
    assert fall.same is False
    assert fall.patchless is True
    flat = spoilt(found, "ratio", 1.0, [RANDOM_ROW])
    assert random_fall(flat).same is True
    noisy = found.assign(ratio_error=found["ratio_error"] + 1)
    assert random_fall(noisy).same is None
    assert random_fall(noisy).falls is None


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert len(sections) == 3
    cells = [c for s in sections for t in s.tables for row in t.rows for c in row]
    assert not [c for c in cells if "nan" in c or "(0)" in c]
    assert "reconstructed" in sections[0].remarks[0]
