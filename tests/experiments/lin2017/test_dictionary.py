"""The dictionary: every pair holds, its lines run by themselves, controls do not."""

import ast
import inspect

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import dictionary
from kadanoff.experiments.lin2017.dictionary import (
    EXHIBIT,
    FAST,
    HELPERS,
    PAIRS,
    cross_entropy,
    evidence,
    imports,
    listing,
    magnet,
    missed,
)
from kadanoff.expressivity.softmax import pair_products

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
    first, *listings, _ = EXHIBIT.draw(data)[1].listings
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
def test_the_lines_are_three(pair):
    """Without the assertion, which is the same in all."""
    *lines, allowed, assertion = listing(pair).splitlines()
    assert allowed.startswith("allowed = ")
    assert assertion.startswith("assert ")
    assert len(lines) <= 3
    assert max(map(len, lines)) <= 100
    assert len(ast.parse("\n".join(lines)).body) <= 3


@pytest.mark.parametrize("helper", HELPERS, ids=lambda h: h.__name__)
def test_what_the_lines_call_is_short_and_shown(helper, data):
    shown = EXHIBIT.draw(data)[1].listings[-1].code
    assert inspect.getsource(helper).strip() in shown
    (function,) = ast.parse(inspect.getsource(helper)).body
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) <= 5
    assert helper.__doc__


def test_no_line_is_random():
    """Twice the same, and no generator of any kind in the file."""
    assert "random" not in set(_words(inspect.getsource(dictionary)))
    for pair in PAIRS:
        assert pair.example() == pair.example()


def _words(source):
    """Names and attributes of a program, without its texts."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


def test_every_seventh_value_knows_all_pairs():
    """As many independent ones as there are pairs, spins and a constant."""
    s, H, _ = magnet(10, 0.4)
    x = pair_products(s)
    assert np.linalg.matrix_rank(x) == np.linalg.matrix_rank(x[::7]) == 56
    assert np.linalg.matrix_rank(x[::13]) < 56
    assert missed(x, H, 13) > 0.1


def test_cross_entropy_is_that_of_all_states():
    p, q = magnet(6, 0.7)[2], magnet(6, 0.2)[2]
    assert cross_entropy(6, 0.2, of=0.7) == pytest.approx(-(p * np.log(q)).sum())


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
    assert len(lines.listings) == len(PAIRS) + 2
