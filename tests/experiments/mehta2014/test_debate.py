"""Both sides of the debate by exact numbers, and statuses that respond to data."""

import numpy as np
import pytest

from kadanoff.exact import pairs
from kadanoff.exact.information import BIT, enumerated_information
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import debate
from kadanoff.experiments.mehta2014.descents import machine_of
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.mapping import as_step, block_rule, hamiltonian, rule_step

YES, PARTLY = Status.REPRODUCED, Status.PARTLY
AS_FOUND = [YES, YES, PARTLY, PARTLY, YES, YES]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return debate.compute(debate.FAST, work)


def statuses(dataset):
    return [check.status for check in debate.checks(dataset)]


def test_what_the_equations_do_not_tell_and_what_does(data):
    assert statuses(data) == AS_FOUND
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


def test_which_kinds_each_instrument_takes_for_block_rules(data):
    """p(v) p(h) has the H_RG of the block rule, random rules know of far spins."""
    short, far = debate.short_ranged(data), debate.knows_far(data)
    for passes, taken in (
        (short, {debate.TURNED, debate.APART}),
        (far, {debate.RANDOM, debate.RENAMED}),
    ):
        assert bool(passes.sel(kind=debate.BLOCK).all())
        found = {k for k in debate.KINDS if bool(passes.sel(kind=k).any())}
        assert found == taken | {debate.BLOCK}
    apart = data["unexplained"].sel(kind=debate.APART)
    np.testing.assert_allclose(
        apart, data["unexplained"].sel(kind=debate.BLOCK), atol=1e-9
    )


def test_statuses_respond(data):
    wide = data.copy(deep=True)
    wide["spread"].loc[{"kind": debate.RANDOM}] = 1e-3
    assert statuses(wide)[0] is Status.NOT
    knows = data.copy(deep=True)
    knows["information"].loc[{"kind": debate.APART}] = 0.1
    assert statuses(knows)[1] is Status.NOT
    blunt = data.assign(unexplained=data["unexplained"] * 0)
    assert statuses(blunt)[2:5] == [Status.NOT, PARTLY, PARTLY]
    sharp = data.copy(deep=True)
    sharp["unexplained"].loc[{"kind": [debate.TURNED, debate.APART]}] = 0.9
    assert statuses(sharp)[2] is YES
    everywhere = data.copy(deep=True)
    everywhere["environment"].loc[{"kind": debate.APART}] = 0.5
    assert statuses(everywhere)[4] is PARTLY
    near = data.copy(deep=True)
    near["environment"].loc[{"kind": [debate.RANDOM, debate.RENAMED]}] = 0
    assert statuses(near)[3] is YES
    lost = data.copy(deep=True)
    lost["unexplained"].loc[{"kind": debate.BLOCK, "seed": 0}] = 0.9
    assert statuses(lost)[2:5] == [Status.NOT, PARTLY, Status.NOT]


def test_a_machine_that_knows_nothing_keeps_nothing(data):
    """A constant H_RG leaves nothing unexplained, and is no renormalization."""
    H = hamiltonian(Ising((debate.SITES,)), debate.COUPLING)
    blank = as_step(machine_of(np.zeros((debate.SITES, debate.UNITS))), H)
    reads = dict(zip(debate.READINGS, debate._readings(blank), strict=True))
    assert reads["unexplained"] == 0
    nothing = data.copy(deep=True)
    for name, value in reads.items():
        nothing[f"trained_{name}"][:] = value
    assert statuses(nothing)[5] is Status.NOT
    assert not debate.renormalizes(data, "untrained").any()
    assert debate.renormalizes(data, "trained").all()


def test_the_status_of_machines_responds(data):
    for name, value in {"unexplained": 0.9, "nearest": 0.1, "environment": 0.0}.items():
        worse = data.copy(deep=True)
        worse[f"trained_{name}"][0] = value
        assert statuses(worse)[5] is PARTLY
    before = data.copy(deep=True)
    for name in debate.READINGS:
        before[f"untrained_{name}"] = data[f"trained_{name}"]
    assert statuses(before)[5] is PARTLY  # what passes untrained is not of training


def test_pictures_and_tables(data):
    readings, responses = debate.draw(data)
    assert str(readings.picture).startswith("data:image/svg+xml")
    assert str(responses.picture).startswith("data:image/svg+xml")
    assert len(readings.tables[0].rows) == len(debate.KINDS) + 2
