"""A machine after a short run and in equilibrium: exact cases of each verdict."""

from typing import Any

import numpy as np
import pytest
import torch
from networks.small_machines import few_minima

from kadanoff.ensemble import Ensemble
from kadanoff.exact import pairs
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.agreement import agreement
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.equilibrium import equilibrated
from kadanoff.networks.rbm import RBM


def frozen(weight=2.0):
    """W = w·1: each unit copies one site, and copies it back. Its law is the coin's."""
    machine = RBM((4, 4), 16).double()
    with torch.no_grad():
        machine.W.copy_(weight * torch.eye(16))
    return machine


def ising_data(coupling=0.4, chains=200):
    """Independent draws of the exact law."""
    model = Ising((4, 4))
    law = pairs.law(16, bond_pairs(model.near), coupling)
    spins = law.draw(chains * 8, rng=np.random.default_rng(3))
    return Ensemble.from_values(spins.reshape(chains, 8, 4, 4))


def test_a_machine_that_is_right_after_a_step_and_wrong_in_equilibrium():
    """After one step from the data 1.3 % of the spins have turned; all will have.

    Its equilibrium is that of 16 coins, of energy 0.
    """
    data = ising_data()
    seen = agreement(frozen(2.5), data, steps=1, seed=1, chains=32, draws=8)
    assert seen.out_of_equilibrium
    assert seen.sentence.startswith("out of equilibrium")
    assert abs(seen.z_equilibrium["energy"]) > 20
    assert abs(float(seen.equilibrium["energy"].value)) < 0.1


def test_a_machine_of_the_law_of_the_data_is_in_equilibrium():
    """Nine z-scores within 4.5: a correct program fails once in 10 000 seeds."""
    data = ising_data()
    machine = bond_machine(Ising((4, 4)), 0.4)
    seen = agreement(machine, data, steps=2, seed=1)
    for scores in (seen.z_short, seen.z_equilibrium, seen.change):
        assert set(scores) == {"energy", "abs_m", "free_energy"}
        assert max(map(abs, scores.values())) < 4.5
    assert not seen.out_of_equilibrium
    assert str(seen).startswith("in equilibrium as after a short run: ")


def test_the_steps_of_a_short_run_are_those_of_the_training():
    machine, data = bond_machine(Ising((4, 4)), 0.2), ising_data(0.2, chains=32)
    with pytest.raises(ValueError, match=r"does not know the k .*give steps="):
        agreement(machine, data, seed=1)
    machine.notes = {"settings": {"k": 3}}
    seen = agreement(machine, data, seed=1, start=data, equilibrium=data)
    assert seen.steps == 3
    assert seen.refusal is None
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        agreement(machine, data, steps=0, seed=1)


def test_a_machine_never_seen_in_equilibrium_is_no_agreement():
    machine = few_minima(2.0)
    quick: dict[str, Any] = {"chains": 32, "draws": 24, "most_steps": 256}
    start = equilibrated(machine, seed=1, contradicted="flag", **quick)
    seen = agreement(machine, start, steps=1, seed=2, **quick)
    assert seen.out_of_equilibrium
    assert seen.sentence.startswith("the machine was not seen in equilibrium: chains")
