"""A paper's exhibits: computed once, the same bits again, judged and on one page."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from kadanoff.estimate import Estimate
from kadanoff.experiments.exhibit import (
    Check,
    Exhibit,
    FirstPage,
    Paper,
    Status,
    columns,
    shown,
    stacked,
)
from kadanoff.experiments.reproduce import reproduce, verdicts, write_report
from kadanoff.reports.page import Section


@dataclass(frozen=True)
class Settings:
    draws: int


def compute(settings, work):
    work.progress("drawing")(1, 1)
    x = np.random.default_rng(work.subseed("draws")).normal(size=settings.draws)
    replicates = (x.sum() - x) / (len(x) - 1)
    return xr.Dataset(
        columns({"mean": Estimate(x.mean(), {"x": replicates}, len(x))})
    ).assign(draws=settings.draws)


def draw(dataset):
    return [Section("A mean", f"It is {shown(dataset, 'mean')}.")]


def checks(dataset):
    near = abs(dataset["mean"]) < 5 * dataset["mean_error"]
    return [
        Check(
            claim="The mean is zero.",
            paper="0 | the text has it",
            ours=shown(dataset, "mean"),
            status=Status.REPRODUCED if near else Status.NOT,
            reason="it lies within five errors",
        )
    ]


def first_page(data):
    return FirstPage([f"The mean of {int(data['one'].draws)} draws is near zero."])


def exhibit(name="one", **changes):
    about = {
        "title": "A mean",
        "fast": Settings(10),
        "full": Settings(1000),
        "compute": compute,
        "draw": draw,
        "checks": checks,
    }
    return Exhibit(name=name, **(about | changes))


def paper(*exhibits):
    return Paper("lin2017", "A paper", "What it is.", exhibits, first_page)


TOY = paper(exhibit())


def test_settings_fast_unless_full(tmp_path):
    fast = reproduce(TOY, runs=tmp_path)
    full = reproduce(TOY, runs=tmp_path, full=True)
    assert (fast.data["one"].draws, full.data["one"].draws) == (10, 1000)
    assert fast.checks["one"][0].status is Status.REPRODUCED


def test_one_seed_gives_the_same_digits_in_two_places_and_another_seed_others(tmp_path):
    first, again, other = (
        reproduce(TOY, runs=tmp_path / where, seed=seed).data["one"]
        for where, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first.identical(again)
    assert not first.equals(other)


def test_what_is_done_is_not_computed_again(tmp_path):
    done = reproduce(TOY, runs=tmp_path)

    def fails(settings, work):
        raise AssertionError("computed again")

    again = reproduce(paper(exhibit(compute=fails)), runs=tmp_path)
    assert again.data["one"].identical(done.data["one"])
    assert again.seconds == done.seconds
    with pytest.raises(AssertionError, match="computed again"):
        reproduce(paper(exhibit(compute=fails, version=2)), runs=tmp_path)


def test_a_broken_exhibit_leaves_nothing_that_counts_as_done(tmp_path):
    def fails(settings, work):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        reproduce(paper(exhibit(compute=fails)), runs=tmp_path)
    assert reproduce(TOY, runs=tmp_path).data["one"].draws == 10


def test_only_some_exhibits_have_no_first_page(tmp_path):
    two = paper(exhibit(), exhibit("two"))
    done = reproduce(two, only=["two"], runs=tmp_path)
    assert list(done.data) == ["two"]
    assert done.first_page is None
    assert reproduce(two, runs=tmp_path).first_page is not None


def test_an_unknown_exhibit_gets_the_closest(tmp_path):
    with pytest.raises(ValueError, match=r"lin2017 has no exhibit 'onee'.*'one'"):
        reproduce(TOY, only=["onee"], runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_readings_that_cannot_be_read_get_a_sentence(tmp_path):
    reproduce(TOY, runs=tmp_path)
    (kept,) = tmp_path.glob("*/readings.nc")
    kept.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"readings.nc .*remove its folder"):
        reproduce(TOY, runs=tmp_path)


def test_the_page_and_the_table_hold_every_claim(tmp_path):
    done = reproduce(TOY, runs=tmp_path)
    write_report(done, tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The mean is zero." in html
    assert "The mean of 10 draws is near zero." in html
    claim = html.index("<b>The mean is zero.</b>")
    assert claim < html.index("it lies within five errors") < html.index("It is ")
    assert "http://" not in re.sub(r"http://www\.w3\.org", "", html)
    table = verdicts(done)
    row = next(line for line in table.splitlines() if line.startswith("| one | The"))
    assert row.count("|") == 7
    assert "reproduced" in row
    assert shown(done.data["one"], "mean") in row


def test_readings_along_an_axis_are_shown_by_their_coordinate():
    two = [
        Estimate(np.array(v), {"x": np.array([v - 0.1, v + 0.1])}, 2)
        for v in (1.0, 2.0)
    ]
    made = xr.Dataset(stacked(two, "y", "t"), coords={"t": [5, 7]})
    assert shown(made, "y", t=7) == "2.00(10)"
    assert shown(made, "y", t=5) == "1.00(10)"
