"""The verdict on machines of known laws, and on some that are not what they seem."""

import math

import numpy as np
import pytest
import torch

from kadanoff.exact.constants import K_C
from kadanoff.experiments.verdict import judge
from kadanoff.models.ising import Ising
from kadanoff.models.phi4 import Phi4
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.dbn import DBN
from kadanoff.networks.equilibrium import sentence_of
from kadanoff.networks.rbm import RBM
from kadanoff.samplers.run import sample

SIZES = {"chains": 32, "draws": 32}


@pytest.fixture(scope="module")
def unseen():
    return sample(Ising((4, 4)), coupling=0.3, draws=3200, chains=32, seed=5)


def test_the_machine_of_the_law_is_acquitted(unseen):
    """Ten tests at 4 errors or p = 1e-4: about one refusal in a thousand."""
    found = judge(bond_machine(Ising((4, 4)), 0.3), unseen, seed=1, **SIZES)
    assert found.log_z.method == "exact"
    assert found.divergence is not None
    assert abs(float(found.divergence.kl.value.value)) < 1e-12
    assert found.divergence.even
    assert found.judgement is not None
    assert found.judgement.contradicted == ()
    assert found.agreement is not None
    assert not found.agreement.out_of_equilibrium
    entropy = -float(found.log_likelihood.value)
    assert 0 < entropy < math.log(2)
    assert len(found.sentences) == 2


def test_the_machine_of_another_coupling_is_not(unseen):
    found = judge(bond_machine(Ising((4, 4)), K_C), unseen, seed=1, **SIZES)
    assert found.divergence is not None
    assert float(found.divergence.kl.value.value) > 1e-2
    assert found.judgement is not None
    assert {"energy", "states"} <= set(found.judgement.contradicted)


def test_chains_that_do_not_mix_are_tempered():
    """A few wide units of strong weights, which keep a chain where it began."""
    machine = RBM((4, 4), 4).double()
    signs = np.random.default_rng(2).choice([-2.0, 2.0], (16, 4))
    with torch.no_grad():
        machine.W.copy_(machine.tensor(signs))
    data = sample(Ising((4, 4)), coupling=0.3, draws=320, chains=32, seed=5)
    found = judge(machine, data, seed=1, **SIZES)
    assert found.samples is not None
    assert "ladder" in found.samples.history[-1]
    assert sentence_of(found.samples) is None


def test_a_stack_has_a_bound_and_no_samples(unseen):
    found = judge(DBN.dense((4, 4), (8, 4)), unseen, seed=1)
    assert found.divergence is not None
    assert found.divergence.reweighted is None
    assert not found.divergence.even
    assert found.samples is None
    assert found.sentences == ()


def test_real_values_have_a_likelihood_and_no_exact_law():
    fields = sample(Phi4((4, 4), quartic=1.0), coupling=0.3, draws=640, seed=2)
    machine = RBM((4, 4), 4, units=("gaussian", "spin"))
    found = judge(machine, fields, seed=1, **SIZES)
    assert found.divergence is None
    assert found.judgement is None
    assert found.agreement is not None
    assert math.isfinite(found.log_likelihood.value)


def test_a_lattice_that_does_not_fit_is_refused(unseen):
    with pytest.raises(ValueError, match="25"):
        judge(RBM((5, 5), 4), unseen, seed=1)
