"""The table of cases, by exact numbers, and statuses that respond to data."""

import itertools

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import identities

REPRODUCED, PARTLY, NOT = Status.REPRODUCED, Status.PARTLY, Status.NOT
AS_FOUND = [REPRODUCED, PARTLY, NOT, REPRODUCED, REPRODUCED, REPRODUCED]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return identities.compute(identities.FAST, work)


def statuses(dataset):
    return [check.status for check in identities.checks(dataset)]


def test_which_arrows_hold(data):
    """Of twelve arrows the seven that follow from the definitions hold."""
    names = identities.CONDITIONS
    holds = {
        pair
        for pair in itertools.permutations(names, 2)
        if identities.broken(data, *pair) is None
    }
    one, constant, law, free = names
    assert holds == {
        (one, constant),
        (one, law),
        (one, free),
        (constant, law),
        (law, constant),
    }
    assert identities.broken(data, constant, one) == "a unit on every bond"


def test_numbers_of_the_cases(data):
    """A perfect machine's ΔF is its constant, N (ln 2 + K); p(v) p(h) knows nothing."""
    bonds = data.sel(case="a unit on every bond")
    constant = identities.SITES * (np.log(2) + identities.COUPLING)
    assert float(bonds["free_energy"]) == pytest.approx(-constant, abs=1e-9)
    mean = data.sel(case="untrained, constant for ⟨g⟩ = 0")
    assert float(mean["free_energy"]) == pytest.approx(-float(mean["divergence"]))
    assert abs(float(data["information"].sel(case="p(v) p(h)"))) < 1e-12
    block, noise = (
        float(data["information"].sel(case=c))
        for c in ("Kadanoff's block rule", "random p(h|v)")
    )
    assert block == pytest.approx(noise, abs=1e-9)
    assert block > 0.5


def test_statuses_respond(data):
    assert statuses(data) == AS_FOUND
    apart = data.copy(deep=True)
    apart["random_apart"][0, 0] = 1e-3
    assert statuses(apart)[0] is NOT
    only = data.sel(case=[c for c in data["case"].values if "bond" not in str(c)])
    assert statuses(only)[1] is REPRODUCED
    odd = data.copy(deep=True)
    odd["holds"].loc[{"case": "block majority", "condition": "same_law"}] = 0
    assert statuses(odd)[3] is PARTLY
    linear = data.assign(near_divergence=data["near_divergence"] * 1.1)
    assert statuses(linear)[5] is NOT
    assert statuses(data.assign(passed_apart=data["passed_apart"] + 1))[4] is NOT


def test_pictures_and_tables(data):
    first, arrows, last = identities.draw(data)
    assert str(first.picture).startswith("data:image/svg+xml")
    assert str(last.picture).startswith("data:image/svg+xml")
    assert len(arrows.tables[0].rows) == data.sizes["case"]
