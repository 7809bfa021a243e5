"""The essay's exhibits: fast settings come out right, and spoilt data say so."""

import itertools

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.papers import paper_of
from kadanoff.experiments.zoomout import parameters, self_similarity

PAPER = paper_of("zoomout")
EXHIBITS = {exhibit.name: exhibit for exhibit in PAPER.exhibits}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return {name: e.compute(e.fast, work) for name, e in EXHIBITS.items()}


def statuses(name, dataset):
    return [check.status for check in EXHIBITS[name].checks(dataset)]


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_exhibit_draws_and_judges(name, data):
    for section in EXHIBITS[name].draw(data[name]):
        assert section.picture is not None
        assert section.picture.startswith("data:image/svg")
    for check in EXHIBITS[name].checks(data[name]):
        assert check.claim.endswith(".")
        assert all((check.paper, check.ours, check.reason))


def test_the_critical_magnet_stands_still_and_its_neighbours_do_not(data):
    """Twelve differences within 4 errors: level 1e-3."""
    found = data["scale_invariance"]
    assert statuses("scale_invariance", found) == [Status.REPRODUCED] * 2
    warm = found.assign_coords(temperature=[0.9, 0.95, 1.0])
    assert statuses("scale_invariance", warm)[0] is Status.NOT


def test_a_magnet_that_does_not_leave_is_seen(data):
    found = data["scale_invariance"]
    still = found.copy(deep=True)
    still["m"][:] = found["m"].sel(temperature=1.0)
    assert statuses("scale_invariance", still)[1] is Status.NOT


def test_the_gasket_is_exact_and_one_site_more_spoils_it(data):
    found = data["self_similarity"]
    assert statuses("self_similarity", found)[0] is Status.REPRODUCED
    more = found.copy(deep=True)
    more["gasket_counts"][0] += 1
    assert statuses("self_similarity", more)[0] is Status.NOT


def test_the_gasket_is_pascals_triangle():
    rows = [[1]]
    for _ in range(31):
        last = rows[-1]
        inner = [a + b for a, b in itertools.pairwise(last)]
        rows.append([1, *inner, 1])
    drawn = self_similarity.gasket(32)
    for n, row in enumerate(rows):
        odd = [drawn[n - k, k] for k in range(n + 1)]
        assert odd == [entry % 2 == 1 for entry in row]


def test_critical_clusters_and_correlators_are_self_similar(data):
    found = data["self_similarity"]
    assert float(found["dimension"].sel(temperature=1.0)) == pytest.approx(
        187 / 96, abs=0.02
    )
    assert statuses("self_similarity", found)[2:] == [Status.REPRODUCED] * 2
    steeper = found.assign(p=1e-5)
    assert statuses("self_similarity", steeper)[3] is Status.PARTLY


def test_the_expansion_is_good_in_three_dimensions_and_poor_in_two(data):
    assert statuses("epsilon", data["epsilon"]) == [Status.REPRODUCED, Status.PARTLY]
    nu = data["epsilon"]["nu"].sel(epsilon=1.0)
    assert float(nu.sel(order=1)) == pytest.approx(7 / 12)
    assert float(nu.sel(order=2)) == pytest.approx(7 / 12 + 7 / 162)


def test_parameters_die_and_grow_as_they_must(data):
    found = data["parameters"]
    assert statuses("parameters", found) == [Status.REPRODUCED] * 4
    apart = found.copy(deep=True)
    apart["unlike"][:] = found["unlike"][0]
    assert statuses("parameters", apart)[0] is Status.NOT
    two = found.copy(deep=True)
    two["odd"][1] = 2.0
    assert statuses("parameters", two)[3] is Status.NOT


def test_strips_know_the_critical_point_with_diagonals():
    """The plain lattice's to 1.1e-3, and triangular where one diagonal is enough.

    Diagonals help to order: a weak one moves K_c by -κ r K_c with κ of order one; the
    exact first-order shift is -⟨diagonal⟩/⟨neighbour⟩ of the energy's slopes, between
    -2 and -1 at T_c.
    """
    plain = parameters.critical_with_second(0.0)
    assert plain == pytest.approx(K_C, rel=1.5e-3)
    assert -2 < (parameters.critical_with_second(0.01) / plain - 1) / 0.01 < -1


def test_the_first_page_has_five_sentences_with_numbers(data):
    sentences = PAPER.first_page(data).sentences
    assert len(sentences) == 5
    assert all(np.any([c.isdigit() for c in s]) and s.endswith(".") for s in sentences)
