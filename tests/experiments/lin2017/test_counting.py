"""Counts of parameters: by formula, by listing, and a spoilt list is seen."""

import itertools
import math

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017.counting import EXHIBIT, FAST, in_words, listed

IN_ORDER = ["atoms", "image", "formula", "savings"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return EXHIBIT.compute(FAST, work)


def status(dataset, which):
    return EXHIBIT.checks(dataset)[IN_ORDER.index(which)].status


def test_all_counts_hold(data):
    assert [c.status for c in EXHIBIT.checks(data)] == [Status.REPRODUCED] * 4


def test_the_slides_image(data):
    """Twenty-eight squared pixels, from the formulas written out."""
    n = 784
    at = data["digits"].sel(side=28)
    assert int(at.sel(kind="any function").item()) == 2**n
    for d in (1, 2, 3, 4):
        exact = math.factorial(n + d) // (math.factorial(n) * math.factorial(d))
        assert int(at.sel(kind=f"polynomial, d = {d}").item()) == exact
    assert int(at.sel(kind="nearest neighbours").item()) == 1 + 4 * n
    assert int(at.sel(kind="and translation symmetry").item()) == 5


def test_orbits_are_those_of_all_shifts_by_colouring():
    """Terms of degree 2 on a 3×4 torus by joining what a shift carries over."""
    sites = list(itertools.product(range(3), range(4)))
    terms = [
        tuple(sorted(t))
        for d in range(3)
        for t in itertools.combinations_with_replacement(sites, d)
    ]
    left, orbits = set(terms), 0
    while left:
        seed = left.pop()
        orbits += 1
        for a, b in sites:
            left.discard(tuple(sorted(((x + a) % 3, (y + b) % 4) for x, y in seed)))
    assert listed((3, 4), 2)["symmetric"] == orbits
    assert listed((3, 4), 2)["neighbours"] == 1 + 4 * 12


def test_a_wrong_count_is_seen(data):
    more = data.copy(deep=True)
    more["formula"][3] += 1
    assert status(more, "formula") is Status.NOT
    steep = data.copy(deep=True)
    steep["log10"].loc[{"kind": "nearest neighbours"}] *= 1.2
    assert status(steep, "savings") is Status.NOT
    early = data.assign(beyond=259)
    assert status(early, "atoms") is Status.NOT


def test_what_the_powers_leave_is_said(data):
    bent = data.copy(deep=True)
    bent["log10"].loc[{"kind": "nearest neighbours", "side": 40}] += np.log10(1.2)
    good, bad = (EXHIBIT.checks(d)[3].reason for d in (data, bent))
    assert "leave at most 0.1% of" in good
    assert "leave at most 0.1% of" not in bad


def test_numbers_in_words():
    assert in_words(9_999_999) == "9,999,999"
    assert in_words(10**7) == "1.000·10^7"
    assert in_words(2**784) == "1.017·10^236"


def test_it_draws(data):
    (section,) = EXHIBIT.draw(data)
    assert (section.picture or "").startswith("data:image/svg")
    assert len(section.tables[0].rows) == data.sizes["kind"]
