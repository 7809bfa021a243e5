"""The paper as a whole: names, and the first page from data of every exhibit."""

from dataclasses import replace

import pytest

from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.mehta2014 import (
    PAPER,
    cells,
    debate,
    exact_cases,
    identities,
    layers,
    noise,
    receptive_fields,
    reconstruction,
    training_objective,
)

TINY = {
    "identities": replace(identities.FAST, seeds=2),
    "training_objective": replace(
        training_objective.FAST, steps=20, epochs=5, draws=200
    ),
    "exact_cases": replace(exact_cases.FAST, couplings=(0.6,), seeds=2, steps=200),
    "debate": replace(debate.FAST, sharpness=(0.7,), steps=50),
    "noise": replace(noise.FAST, units=2, steps=100),
    "cells": cells.Settings(couplings=(0.3,), critical=(0.78,)),
    "receptive_fields": receptive_fields.FAST,
    "reconstruction": reconstruction.FAST,
    "layers": layers.FAST,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return {e.name: e.compute(TINY[e.name], work) for e in PAPER.exhibits}


def test_five_sentences_with_numbers(data):
    sentences = PAPER.first_page(data).sentences
    assert len(sentences) == 5
    assert all(any(c.isdigit() for c in s) and s.endswith(".") for s in sentences)
    assert len(set(sentences)) == 5


def test_every_exhibit_draws_and_judges(data):
    for exhibit in PAPER.exhibits:
        assert exhibit.draw(data[exhibit.name])
        for check in exhibit.checks(data[exhibit.name]):
            assert check.claim.endswith(".")
            assert all((check.paper, check.ours, check.reason))


def test_numbers_of_the_first_page_are_those_of_the_data(data):
    page = " ".join(PAPER.first_page(data).sentences)
    found = data["exact_cases"]["decimates"].sel(arm=exact_cases.MAIN)
    assert f"{int(found.sum())} of {found.size} machines" in page
