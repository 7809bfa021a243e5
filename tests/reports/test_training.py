"""The page shows what it is given, without anything from elsewhere."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import xarray as xr

from kadanoff.reports import training as sheet
from kadanoff.reports.page import write


def example(lattice=(4, 4), quantities=("gap", "mixing", "own"), **about) -> xr.Dataset:
    rng, n = np.random.default_rng(1), int(np.prod(lattice))
    axes = [f"x{i}" for i in range(len(lattice))]
    record = np.arange(1.0, 1 + 5 * len(quantities)).reshape(-1, 5)
    return xr.Dataset(
        {
            "record": (("quantity", "epoch"), record),
            "record_error": (("quantity", "epoch"), record * np.nan),
            "value": ("reading", [0.5, -1.25, -1.4]),
            "error": ("reading", [0.1, 0.02, 0.0]),
            "trace": (("observable", "step"), np.ones((2, 6))),
            "trace_error": (("observable", "step"), np.full((2, 6), 0.1)),
            "filters": (("unit", *axes), rng.normal(size=(3, *lattice))),
            "norm": ("unit", [3.0, 2.0, 1.0]),
            "singular": ("singular_mode", [3.0, 2.0, 0.0]),
            "structure": ("structure_mode", np.linspace(2, 1, n)),
            "samples": (("source", "picture", *axes), np.ones((2, 3, *lattice))),
        },
        {
            "quantity": list(quantities),
            "epoch": np.arange(1, 6),
            "reading": ["gap", "energy", "exact_energy"],
            "observable": ["energy", "|m|"],
            "step": np.arange(6),
            "unit": [2, 0, 1],
            "source": ["data", "model"],
        },
        {
            "kind": "rbm",
            "lattice": "×".join(map(str, lattice)),
            "units": "3",
            "positions": 1,
            "held_out": 1,
            "steps": 5,
            "sites": n,
            "spread": 0.1,
            "data": "<b>data</b>",
            "network": json.dumps({"hidden": 3}),
            "notes": json.dumps({"settings": {"l1": 0.0125}}),
            "software": "{}",
            "seed": 1,
            **about,
        },
    )


def test_curves_are_the_record():
    fig = sheet.draw_curves(example())
    assert fig is not None
    titles = [ax.get_title(loc="left") for ax in fig.axes]
    assert titles == ["Free-energy gap", "Mixing time of F", "Own"]
    for k, ax in enumerate(fig.axes):
        drawn = np.asarray(ax.lines[0].get_ydata())
        assert drawn.tolist() == example()["record"].values[k].tolist()
    assert sheet.draw_curves(example(quantities=())) is None


@pytest.mark.parametrize("lattice", [(6,), (4, 4), (2, 3, 4)])
@pytest.mark.parametrize("kind", ["rbm", "conv-rbm"])
def test_the_page_is_complete_and_needs_nothing_from_elsewhere(lattice, kind, tmp_path):
    write(sheet.page(example(lattice, kind=kind)), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert sum(s.startswith("data:image") for s in sources) == 5
    assert all(s.startswith(("data:", "#")) for s in sources)
    assert "<script" not in text
    assert "<b>data" not in text
    for words in ("0.50(10)", "-1.250(20)", "settings l1", "0.0125"):
        assert words in text


def test_findings_say_what_the_numbers_say():
    _, energy = sheet.findings(example())
    assert "-1.250(20) per site, the exact is -1.4" in energy
    level = sheet.findings(example())[0]
    assert "lies 0.50(10) nats above that of the training set" in level
    assert "it has learned some by heart" in level


def with_reading(name, value, error, **about):
    """The example with one reading, and no other."""
    dataset = example(**about).isel(reading=[0]).assign_coords(reading=[name])
    dataset["value"][0], dataset["error"][0] = value, error
    return dataset


@pytest.mark.parametrize(
    ("gap", "error", "sites", "said"),
    [
        (1.1, 0.5, 1024, "it has learned some by heart"),
        (0.9, 0.5, 1024, "level, what it learned by heart is worth less than 2 nats"),
        (-3.0, 0.5, 1024, "level, what it learned by heart is worth less than 2 nats"),
        (1.1, 0.6, 1024, "whether it has learned any by heart is not decided"),
        (0.0, 9.0, 1024, "whether it has learned any by heart is not decided"),
        # Two nats are much of 16 sites.
        (0.9, 0.5, 16, "whether it has learned any by heart is not decided"),
        (0.1, 0.02, 16, "it has learned some by heart"),
        (0.0, 0.02, 16, "level, what it learned by heart is worth less than 0.16 nats"),
        (0.1, np.nan, 16, "its error is not known"),
    ],
)
def test_a_gap_is_larger_or_level_or_not_decided(gap, error, sites, said):
    (sentence,) = sheet.findings(with_reading("gap", gap, error, sites=sites))
    assert sentence.endswith(".")
    outcomes = ("learned some", "level", "not decided", "not known")
    assert said in sentence
    assert sum(outcome in sentence for outcome in outcomes) == 1


@pytest.mark.parametrize(
    ("value", "error", "less"),
    [
        (-0.9, 0.02, True),
        (-0.7, 0.02, False),
        (-0.5, 0.02, False),
        (-0.9, np.nan, True),
        (-np.log(2), 0.0, False),
    ],
)
def test_less_than_nothing_is_called_so(value, error, less):
    (sentence,) = sheet.findings(with_reading("pseudo_likelihood", value, error))
    said = "knows less than nothing about a spin from the others" in sentence
    assert said == less


def stopping(epochs=9, limit: float | None = 0.5, gap=0.2, error=0.1):
    settings = {"epochs": epochs, "largest_gap": limit}
    dataset = example(notes=json.dumps({"settings": settings}))
    dataset["record"].loc["gap", 5], dataset["record_error"].loc["gap", 5] = gap, error
    return dataset


def test_a_training_that_was_stopped_says_why():
    sentence, *_ = sheet.findings(stopping())
    assert sentence == (
        "It stopped after epoch 5 of 9: the next one left a free-energy gap of more "
        "than 0.5 nats, by 2 standard errors (before it 0.2, with an error of 0.1)."
    )
    assert sheet.stopped(stopping()) == {
        "epoch": 5,
        "epochs": 9,
        "largest_gap": 0.5,
        "gap": 0.2,
        "gap_error": 0.1,
    }
    for whole in (stopping(epochs=5), stopping(limit=None), example()):
        assert sheet.stopped(whole) is None
        assert sheet.stop_sentence(whole) is None
        assert not any("stop" in sentence for sentence in sheet.findings(whole))


def test_a_gap_that_could_not_be_seen_is_warned_of():
    late = sheet.stop_sentence(stopping(error=0.75))
    assert late is not None
    assert "the error of the gap, 0.75 nats, is larger than 0.5, so it came" in late
    blind = sheet.stop_sentence(stopping(epochs=5, error=0.75))
    assert blind is not None
    assert "would not have been seen" in blind


def test_settings_are_listed_in_one_order(monkeypatch):
    """A training that was resumed has its notes from a file, sorted."""
    monkeypatch.setattr(sheet, "draw", lambda _: {})
    notes = {"seed": 1, "settings": {"l1": 0.1, "batch": 9, "list": [{"b": 1, "a": 2}]}}
    pages = [
        sheet.page(example(notes=json.dumps(notes, sort_keys=order)))
        for order in (False, True)
    ]
    rows = [page.sections[-1].tables[-1].rows for page in pages]
    assert rows[0] == rows[1]
    assert [row[0] for row in rows[0]][:2] == ["seed", "settings batch"]


def test_one_filter_is_one(monkeypatch):
    monkeypatch.setattr(sheet, "draw", lambda _: {})
    one = example(kind="conv-rbm").isel(unit=[0])
    assert sheet._texts(one)["Filters"] == "1 filter."
    assert sheet._texts(example(kind="conv-rbm"))["Filters"].startswith("3 filters, ")
    dense = sheet._texts(example().isel(unit=[0]))["Filters"]
    assert dense == "Weights of 1 hidden unit on the visible layer."
    assert sheet.page(example()).title.startswith("Training of an rbm, ")
    tied = sheet.page(example(kind="conv-rbm"))
    assert tied.title.startswith("Training of a conv-rbm, ")


def test_the_page_of_a_stack_says_whose_pictures_it_shows(tmp_path):
    upper = with_reading("gap", 0.75, 0.01, lattice=(3,), units="2", positions=0)
    page = sheet.page_of_stack([stopping(), upper])
    assert page.title == ("Training of a dbn of 2 machines: the first, an rbm, 4×4 → 3")
    (table,) = page.sections[0].tables
    rows = {row[0]: list(row[1:]) for row in table.rows}
    assert rows["units"] == ["4×4 → 3", "3 → 2"]
    assert rows["epochs"] == ["5 of 9", "5"]
    assert rows[sheet.WORDS["gap"]] == ["0.50(10)", "0.750(10)"]
    assert rows[sheet.WORDS["energy"]] == ["-1.250(20)", "–"]
    write(page, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert text.count("data:image") == 5
    assert "All other sections are about the first." in text
    assert "of 1 machine:" in sheet.page_of_stack([example()]).title


def test_all_filters_share_one_scale_and_the_strongest_plane_is_shown():
    fig = sheet.draw_filters(example())
    assert fig is not None
    image = fig.axes[0].images[0]
    largest = abs(example()["filters"].values).max()
    assert image.get_clim() == (-largest, largest)
    volume = np.zeros((3, 4, 4))
    volume[1, 2, 2] = -1
    assert (sheet._plane(volume) == volume[1]).all()
