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
    noisy = example()
    noisy["error"][0] = 0.3
    assert "it learned none by heart" in sheet.findings(noisy)[0]


def test_all_filters_share_one_scale_and_the_strongest_plane_is_shown():
    fig = sheet.draw_filters(example())
    assert fig is not None
    image = fig.axes[0].images[0]
    largest = abs(example()["filters"].values).max()
    assert image.get_clim() == (-largest, largest)
    volume = np.zeros((3, 4, 4))
    volume[1, 2, 2] = -1
    assert (sheet._plane(volume) == volume[1]).all()
