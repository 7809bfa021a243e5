"""The table of cases, by exact numbers, and statuses that respond to data."""

import itertools

import numpy as np
import pytest
import torch

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import identities
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.mapping import as_step, hamiltonian
from kadanoff.networks.products import one_thread

REPRODUCED, PARTLY, NOT = Status.REPRODUCED, Status.PARTLY, Status.NOT
CONVERSE = ("one unit, no biases", "no weights, biases")
AS_FOUND = [REPRODUCED, PARTLY, NOT, REPRODUCED, PARTLY, REPRODUCED]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return identities.compute(identities.FAST, work)


def statuses(dataset):
    return [check.status for check in identities.checks(dataset)]


def test_which_arrows_hold(data):
    """Of twenty arrows the eight that follow from the definitions hold."""
    names = identities.CONDITIONS
    holds = {
        pair
        for pair in itertools.permutations(names, 2)
        if identities.broken(data, *pair) is None
    }
    one, constant, law, free, hidden = names
    assert holds == {
        (one, constant),
        (one, law),
        (one, free),
        (one, hidden),
        (constant, law),
        (constant, hidden),
        (law, constant),
        (law, hidden),
    }
    assert identities.broken(data, constant, one) == "a unit on every bond"


@pytest.mark.parametrize("case", ["one unit, no biases", "no weights, biases"])
def test_equal_hidden_laws_are_no_exact_step(data, case):
    """The two machines that break the converse, far from the data."""
    at = data.sel(case=case)
    assert bool(at["holds"].sel(condition="same_hidden_law"))
    assert float(at["passed_apart"]) < 1e-12
    assert float(at["divergence"]) > 1


def test_whether_laws_are_equal_is_not_asked_of_the_trace():
    """A machine whose law is not that of its step is seen."""
    H = hamiltonian(Ising((identities.SITES,)), identities.COUPLING)
    with one_thread(), torch.no_grad():
        perfect = bond_machine(Ising((identities.SITES,)), identities.COUPLING)
        other = bond_machine(Ising((identities.SITES,)), identities.COUPLING * 1.01)
        step = as_step(perfect, H)
        found = identities._conditions(
            {"own": (step, perfect), "another's": (step, other)}
        )
    law = found["holds"].sel(condition="same_law").values.tolist()
    trace = found["holds"].sel(condition="trace_is_constant").values.tolist()
    assert (law, trace) == ([1, 0], [1, 1])
    both = found.assign_coords(case=["own", "another's"])
    assert identities.broken(both, "trace_is_constant", "same_law") == "another's"


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
    apart = data.assign(random_passed=data["random_divergence"] * 1.1)
    assert statuses(apart)[4] is NOT
    both = [c for c in data["case"].values if c not in CONVERSE]
    assert statuses(data.sel(case=both))[4] is REPRODUCED
    wrong = data.copy(deep=True)
    wrong["holds"].loc[{"case": "block majority", "condition": "same_hidden_law"}] = 0
    assert statuses(wrong)[4] is NOT
    same = data.assign(other_apart=data["other_apart"] * 0)
    assert statuses(same)[0] is NOT


def test_pictures_and_tables(data):
    first, arrows, last = identities.draw(data)
    assert str(first.picture).startswith("data:image/svg+xml")
    assert str(last.picture).startswith("data:image/svg+xml")
    assert len(arrows.tables[0].rows) == data.sizes["case"]
