"""The small machines of the paper by `reproduce`, their digits, and the first page."""

import re
from dataclasses import replace

import pytest
import xarray as xr

from kadanoff.experiments.exhibit import shown
from kadanoff.experiments.mehta2014 import (
    PAPER,
    cells,
    debate,
    exact_cases,
    identities,
    noise,
    receptive_fields,
    training_objective,
)
from kadanoff.experiments.reproduce import reproduce

TINY = {
    "identities": replace(identities.FAST, seeds=2),
    "training_objective": replace(
        training_objective.FAST, steps=20, epochs=5, draws=200
    ),
    "exact_cases": replace(
        exact_cases.FAST, couplings=(0.6,), seeds=2, few=1, steps=700, draws=500
    ),
    "debate": replace(debate.FAST, sharpness=(0.7,), steps=50),
    "noise": replace(noise.FAST, units=2, steps=100),
    "cells": cells.Settings(couplings=(0.3,), critical=(0.78,)),
}
SMALL = replace(
    PAPER,
    exhibits=tuple(
        replace(e, fast=TINY[e.name]) for e in PAPER.exhibits if e.name in TINY
    ),
)
"""The exhibits of small machines; those of the square lattice have their own tests."""
FIFTH = "Of layers on the square lattice another file speaks, 5 sentences in."


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three roots: a seed, the same once more, and another."""
    roots = {name: tmp_path_factory.mktemp(name) for name in ("one", "same", "other")}
    for name, root in roots.items():
        reproduce(SMALL, seed=2 if name == "other" else 1, runs=root)
    return roots


@pytest.fixture(scope="module")
def data(runs):
    """As read from the runs, not computed."""
    return reproduce(SMALL, seed=1, runs=runs["one"]).data


@pytest.fixture
def page(data, monkeypatch):
    monkeypatch.setattr(receptive_fields, "sentence", lambda dataset: FIFTH)
    monkeypatch.setitem(data, "receptive_fields", xr.Dataset())
    return PAPER.first_page(data).sentences


@pytest.mark.parametrize("name", TINY)
def test_the_same_digits_from_the_same_seed_and_others_from_another(runs, name):
    """Cells have no randomness, and the same digits from any seed."""
    one, same, other = (
        reproduce(SMALL, only=[name], seed=seed, runs=runs[root]).data[name]
        for root, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    xr.testing.assert_identical(one, same)
    assert one.equals(other) == (name == "cells")


def test_finished_runs_are_read(runs, monkeypatch):
    def refuse(settings, work):
        raise AssertionError("computed again")

    for tiny in SMALL.exhibits:
        sealed = replace(SMALL, exhibits=(replace(tiny, compute=refuse),))
        reproduce(sealed, seed=1, runs=runs["one"])
        raised = replace(tiny, compute=refuse, version=tiny.version + 1)
        with pytest.raises(AssertionError, match="computed again"):
            reproduce(replace(SMALL, exhibits=(raised,)), seed=1, runs=runs["one"])


def test_every_exhibit_draws_and_judges(data):
    for exhibit in SMALL.exhibits:
        assert exhibit.draw(data[exhibit.name])
        for check in exhibit.checks(data[exhibit.name]):
            assert check.claim.endswith(".")
            assert all((check.paper, check.ours, check.reason))


def test_five_sentences_with_numbers(page):
    assert len(page) == 5
    assert all(any(c.isdigit() for c in s) and s.endswith(".") for s in page)
    assert page[4] == FIFTH


def numbers(sentence):
    """Every number of a sentence, errors in brackets included."""
    return re.findall(r"(?<![\w.])[-+]?\d[\d.]*(?:\(\d+\))?(?:e[-+]?\d+)?%?", sentence)


def expected_identity(data):
    at = data["identities"]
    energy = at["free_energy"].sel(case="a unit on every bond")
    scaled = at["divergence"].sel(case="untrained, all weights times s")
    return [
        f"{at['random_apart'].max().item():.0e}",
        f"{at['random_divergence'].max().item():.1f}",
        "0",
        f"{energy.item():.2f}",
        "0",
        "0",
        f"{scaled.item():.2f}",
    ]


def expected_objective(data):
    at = data["training_objective"]
    own = at.sel(every_arm="KL")
    return [
        shown(at, "first_divergence", every_arm="trained"),
        shown(at, "last_divergence", every_arm="trained"),
        f"{own['lowering'].item():.0%}",
        f"{own['left_divergence_slope'].item():.1%}",
        f"{own['left_free_energy_slope'].item():.0%}",
        "0",
        shown(at, "last_divergence", every_arm="|ΔF + c|"),
    ]


def expected_decimation(data):
    at = data["exact_cases"]
    yes = at["decimates"]
    length = at["trained_length"].sel(arm="KL, small weights") / 0.5 - 1
    return [
        f"{int(yes.sel(arm='KL, small weights').sum())}",
        f"{yes.sel(arm='KL, small weights').size}",
        f"{int(yes.sel(arm='KL, drawn data').sum())}",
        f"{yes.sel(arm='KL, drawn data').size}",
        f"{int(yes.sel(arm='KL, one unit too few').sum())}",
        f"{yes.sel(arm='KL, one unit too few').size}",
        f"{length.min().item():+.1%}",
        f"{length.max().item():+.1%}",
    ]


def expected_debate(data):
    at = data["debate"]
    left, far = at["unexplained"], at["environment"]
    passes = (left < 0.05) & (far > 0.5 * far.sel(kind="block rule"))
    others = passes.drop_sel(kind="block rule").any(("sharpness", "seed"))
    return [
        f"{left.sel(kind='block rule').max().item():.1e}",
        f"{left.sel(kind='random rule').min().item():.2f}",
        f"{far.sel(kind='block rule').min().item():.3f}",
        f"{abs(far.sel(kind='p(v) p(h)').max().item()):.0e}",
        f"{int(others.sum())}",
        f"{others.size}",
    ]


EXPECTED = {
    0: expected_identity,
    1: expected_objective,
    2: expected_decimation,
    3: expected_debate,
}


@pytest.mark.parametrize("number", EXPECTED)
def test_all_numbers_of_a_sentence_are_those_of_the_data(data, page, number):
    words = page[number].replace("CD-1", "CD")
    assert numbers(words) == EXPECTED[number](data)


def test_numbers_follow_the_data(data, page):
    """Each of the four sentences changes with what it speaks of."""
    moved = {name: dataset.copy(deep=True) for name, dataset in data.items()}
    moved["identities"]["random_apart"][:] = 0.5
    moved["training_objective"]["left_free_energy_slope"][:] = 0.123
    moved["exact_cases"]["decimates"][:] = 0
    moved["debate"]["environment"].loc[{"kind": "block rule"}] = 0.777
    changed = PAPER.first_page(moved).sentences
    assert all(a != b for a, b in zip(changed[:4], page[:4], strict=True))
