"""The dictionary: every pair holds, its lines run by themselves, controls do not."""

import ast

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017.dictionary import (
    EXHIBIT,
    FAST,
    PAIRS,
    evidence,
    imports,
    listing,
    magnet,
)

SLIDES = {
    "Hamiltonian", "simple H", "quadratic H", "locality", "translation symmetry",
    "computing p from H", "spin", "free-energy difference", "effective theory",
    "irrelevant operator", "relevant operator",
}  # fmt: skip
each_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.physics)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return EXHIBIT.compute(FAST, work)


def test_all_rows_of_the_slides_are_there_and_hold(data):
    assert {p.physics for p in PAIRS} >= SLIDES
    assert [c.status for c in EXHIBIT.checks(data)] == [Status.REPRODUCED] * len(PAIRS)


@each_pair
def test_the_lines_on_the_page_run_and_give_the_numbers_of_the_data_set(pair, data):
    first, *listings = EXHIBIT.draw(data)[1].listings
    (lines,) = [
        one.code for one in listings if one.title == f"{pair.physics} ↔ {pair.learning}"
    ]
    assert lines == listing(pair)
    place: dict = {}
    exec(f"{first.code}\n{lines}", place)
    at = data.sel(pair=f"{pair.physics} ↔ {pair.learning}")
    for name in ("found", "expected", "control"):
        assert float(place[name]) == float(at[name])


@each_pair
def test_an_assertion_on_the_page_fails_for_the_control(pair):
    swapped = listing(pair).replace(
        "found, expected, control =", "control, expected, found =", 1
    )
    place: dict = {}
    exec(imports(), place)
    with pytest.raises(AssertionError):
        exec(swapped, place)


@each_pair
def test_the_lines_are_few(pair):
    body = ast.parse(listing(pair)).body
    assert len(body) <= 8
    assert max(map(len, listing(pair).splitlines())) <= 110


def test_a_magnet_is_a_law():
    s, H, p = magnet(4, 0.7)
    assert s.shape == (16, 4)
    assert p.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.log(p[0] / p), H - H[0], atol=1e-12)
    assert H[-1] == pytest.approx(-4 * 0.7)


def test_there_is_evidence_of_what_differs_only():
    assert evidence(0.0, 0.0, 4) == 0
    assert evidence(0.1, 0.0, 4) > 0 < evidence(0.0, 0.1, 4)


@pytest.mark.parametrize("name", ["found", "control"])
def test_a_pair_that_does_not_hold_is_seen(data, name):
    wrong = data.copy(deep=True)
    wrong[name][:] = data["control" if name == "found" else "expected"]
    assert {c.status for c in EXHIBIT.checks(wrong)} == {Status.NOT}


def test_it_draws(data):
    table, lines = EXHIBIT.draw(data)
    assert (table.picture or "").startswith("data:image/svg")
    assert len(table.tables[0].rows) == len(PAIRS)
    assert len(lines.listings) == len(PAIRS) + 1
