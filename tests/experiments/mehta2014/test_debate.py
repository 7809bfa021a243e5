"""Both sides of the debate by exact numbers, and statuses that respond to data."""

import numpy as np
import pytest

from kadanoff.exact import pairs
from kadanoff.exact.information import BIT, enumerated_information
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import debate
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.mapping import block_rule, hamiltonian, rule_step


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return debate.compute(debate.FAST, work)


def statuses(dataset):
    return [check.status for check in debate.checks(dataset)]


def test_what_the_equations_do_not_tell_and_what_does(data):
    assert statuses(data) == [Status.REPRODUCED] * 5
    kept, left = data["information"], data["unexplained"]
    for kind in (debate.RANDOM, debate.RENAMED):
        np.testing.assert_allclose(
            kept.sel(kind=kind), kept.sel(kind=debate.BLOCK), atol=1e-9
        )
        assert float(left.sel(kind=kind).min()) > 0.5


def test_a_block_rule_has_its_block_and_nothing_else(data):
    found = data["response"].sel(table=debate.BLOCK).values
    p = debate.FAST.sharpness[-1]
    expected = np.kron(np.eye(debate.UNITS), [1, 1]) * np.tanh(2 * p) / 2
    np.testing.assert_allclose(found, expected, atol=1e-12)
    turned = data["response"].sel(table=debate.TURNED).values
    expected *= np.tile([1, -1], debate.UNITS)
    np.testing.assert_allclose(turned, expected, atol=1e-12)


def test_what_a_coarse_spin_knows_of_far_spins():
    """Against the information of the table of one block, by another enumeration."""
    ring, n = Ising((debate.SITES,)), debate.SITES
    rule = block_rule((n,), debate.B, 1.0)
    step = rule_step(rule, hamiltonian(ring, debate.COUPLING))
    model = pairs.law(n, bond_pairs(ring.near).tolist(), debate.COUPLING)
    window, far = [0, 1], list(range(3, n - 1))
    table = block_rule((2,), 2, 1.0).T
    expected = enumerated_information(model, table, window=window, environment=far)
    row = (0, debate._response(step)[0])
    assert debate._environment(step, row) == pytest.approx(expected / BIT, abs=1e-12)
    assert expected > 0.01


def test_every_ring_of_coarse_spins_is_tried_once():
    """(n − 1)!/2 rings of n."""
    orders = list(debate._orders())
    assert len(orders) == len(set(orders)) == 60
    assert tuple(range(6)) in orders


def test_statuses_respond(data):
    wide = data.copy(deep=True)
    wide["spread"].loc[{"kind": debate.RANDOM}] = 1e-3
    assert statuses(wide)[0] is Status.NOT
    knows = data.copy(deep=True)
    knows["information"].loc[{"kind": debate.APART}] = 0.1
    assert statuses(knows)[1] is Status.NOT
    near = data.copy(deep=True)
    near["unexplained"].loc[{"kind": debate.RANDOM}] = 1e-3
    assert statuses(near)[2] is Status.PARTLY
    same = data.copy(deep=True)
    same["environment"].loc[{"kind": debate.TURNED}] = 0.5
    assert statuses(same)[3] is Status.NOT
    worse = data.copy(deep=True)
    worse["trained_unexplained"][0] = 0.9
    assert statuses(worse)[4] is Status.PARTLY
    assert (
        statuses(data.assign(trained_unexplained=data["trained_unexplained"] + 1))[4]
        is Status.NOT
    )


def test_pictures_and_tables(data):
    readings, responses = debate.draw(data)
    assert str(readings.picture).startswith("data:image/svg+xml")
    assert str(responses.picture).startswith("data:image/svg+xml")
    assert len(readings.tables[0].rows) == len(debate.KINDS) + 1
