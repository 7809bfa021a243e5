"""Portraits show the levels that the rows were read on, of maps and of controls."""

import numpy as np
import pytest

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.pooling import Convolution
from kadanoff.exact.constants import K_C
from kadanoff.models.ising import Ising
from kadanoff.networks.rbm import RBM
from kadanoff.samplers.run import sample
from kadanoff.scorecard.card import compare, probe, probe_pair
from kadanoff.scorecard.sheet import (
    HEADLINES,
    PASSING,
    TALK,
    names_of,
    of_card,
    of_comparison,
    portraits,
    portraits_of,
    portraits_of_pair,
)

ROWS = ("exponents", "scaling")


@pytest.fixture(scope="module")
def fine():
    return sample(Ising((16, 16)), coupling=K_C, draws=2048, chains=64, seed=3)


def same(portrait, rows, of=""):
    """Whether a portrait and the rows were read on the same levels, to rounding."""
    exponents, scaling = rows
    prefix = f"{of}: " if of else ""
    (step,) = (s for s in portrait.steps if s.reported and s.name.startswith(of))
    ratio = portrait.ratios[of]
    far = scaling.readings[f"{prefix}G_coarse/G_fine at r = 8"]
    drawn = ratio.value[int(np.flatnonzero(np.isclose(ratio.distance, 8))[0])]
    pairs = [(far, drawn)] + [
        (exponents.readings[prefix + y], step.exponents[y][-1]) for y in ("y_T", "y_H")
    ]
    return all(
        np.allclose([a.value, a.error], [b.value, b.error], equal_nan=True)
        for a, b in pairs
    )


@pytest.mark.parametrize("kind", ["block", "machine"])
def test_what_is_drawn_is_what_was_read(kind, fine):
    rule = Majority(b=2) if kind == "block" else Layer(RBM(fine.geometry, 64, seed=1))
    card = probe(rule, fine, seed=5, rows=ROWS)
    seen = portraits(rule, fine, seed=5, controls=[*card.controls])
    assert [*seen] == ["this map", *card.controls]
    assert len(card.controls) == 8
    assert same(seen["this map"], card.rows)
    for name, rows in card.controls.items():
        assert same(seen[name], rows), name
    other = portraits(rule, fine, seed=6)
    assert not same(other["this map"], card.rows)


def test_a_pair_is_drawn_as_it_was_read(fine):
    coarse = coarsen(Majority(b=2), fine, seed=9)
    card = probe_pair(fine, coarse, rows=ROWS, controls=("block", "factorised"))
    seen = portraits_of_pair(fine, coarse, controls=[*card.controls])
    assert [*seen] == ["this map", "block", "factorised"]
    assert same(seen["this map"], card.rows)
    assert same(seen["factorised"], card.controls["factorised"])


def test_each_feature_map_is_drawn(fine):
    kernels = np.array([[[1, 1], [1, 1]], [[1, 1], [1, 0.2]]]) / 4
    rule = Convolution(kernels, b=2, output="sign")
    card = probe(rule, fine, rows=ROWS, controls=())
    seen = portraits(rule, fine)["this map"]
    for m in (0, 1):
        assert same(seen, card.rows, f"map {m}")
    assert seen.fields is not None
    assert seen.fields.shape == (4, 256)


def test_a_unit_of_majority_looks_at_its_block(fine):
    """The four largest responses are those of its block; the control has no block."""
    seen = portraits(Majority(b=2), fine, controls=("shuffled",))
    local = [np.array([*in_block(seen[name])]) for name in ("this map", "shuffled")]
    assert local[0].all()
    assert not local[1].any()


def in_block(portrait):
    """Whether the largest responses of each unit are in the block at its place."""
    for field, unit in zip(portrait.fields, (0, 21, 42, 63), strict=True):
        row, column = np.unravel_index(np.argsort(-field)[:4], (16, 16))
        yield set(row // 2) == {unit // 8} and set(column // 2) == {unit % 8}


def test_several_maps_are_drawn_by_their_names(fine):
    rules = [Majority(b=2), [Majority(b=2), Majority(b=2)]]
    cards = compare(rules, fine, rows=ROWS)
    seen = portraits_of(rules, fine)
    sheet = of_comparison(cards, seen)
    assert [*sheet.maps] == [*seen] == ["majority:b=2", "majority:b=2 | majority:b=2"]
    assert same(seen["majority:b=2"], next(iter(cards)).rows)
    assert "2048 configurations of 16×16 ising at K = 0.440687" in sheet.lead
    assert sheet.provenance["map 2"] == "majority:b=2 | majority:b=2"


def test_names_are_short_and_no_two_alike():
    long = "torch:" + "x" * 90
    names = names_of([long, long, "a", "a", "a"])
    assert len(set(names)) == 5
    assert max(map(len, names)) <= 34
    assert names[2:] == ["a", "a (2)", "a (3)"]


def test_a_card_makes_a_sheet_without_portraits(fine):
    card = probe(Majority(b=2), fine, rows=ROWS, controls=("block",))
    sheet = of_card(card, exact={"y_T": 1.0}, seed=4)
    assert sheet.maps["this map"] is card.rows
    assert sheet.lead.startswith("Read on 2048 configurations. ")
    assert sheet.provenance["seed"] == 4
    assert set(PASSING) >= {"block"}


def test_a_slide_shows_headlines_alone():
    for row, readings in TALK.items():
        assert set(readings) <= set(HEADLINES[row])


def test_progress_is_told_to_its_end(fine):
    told = []
    some = fine.select(slice(0, 16))
    portraits(
        Majority(b=2), some, controls=("block",), progress=lambda *a: told.append(a)
    )
    assert told == [("pictures", k, 2) for k in range(3)]
