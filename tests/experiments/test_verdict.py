"""The verdict on machines of known laws, and on some that are not what they seem."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from kadanoff.exact.constants import K_C
from kadanoff.experiments.verdict import judge
from kadanoff.models.ising import Ising
from kadanoff.models.phi4 import Phi4
from kadanoff.models.potts import Potts
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.dbn import DBN
from kadanoff.networks.equilibrium import sentence_of
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.samplers.run import sample
from kadanoff.scorecard.divergence import divergence

SIZES: dict[str, Any] = {"chains": 32, "draws": 32}


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
    entropy = -float(found.log_likelihood.value.value)
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
    assert math.isfinite(found.log_likelihood.value.value)


def test_a_lattice_that_does_not_fit_is_refused(unseen):
    with pytest.raises(ValueError, match="25"):
        judge(RBM((5, 5), 4), unseen, seed=1)


def test_an_annealed_ln_z_has_its_share_in_the_error_of_the_likelihood():
    """On 6×6 nothing is exact: the error of ln Z per site is added to both readings."""
    data = sample(Ising((6, 6)), coupling=0.3, draws=640, chains=32, seed=5)
    machine = bond_machine(Ising((6, 6)), 0.3)
    found = judge(machine, data, seed=1, runs=8, temperatures=20, **SIZES)
    expected = found.log_z.error / 36
    assert found.log_likelihood.partition_error == pytest.approx(expected)
    assert found.divergence is not None
    assert found.divergence.kl.partition_error == pytest.approx(expected)
    assert found.log_likelihood.error > found.log_likelihood.sampling_error > 0


def test_configurations_of_the_training_are_recognised(unseen):
    first, second = unseen.split(1, 1)
    settings = Training(epochs=1, batch=64)
    machine = train(RBM((4, 4), 4), first, settings=settings, seed=1)
    sizes: dict[str, Any] = {"seed": 1, **SIZES}
    assert judge(machine, first, **sizes).seen
    assert "trained on some of these" in judge(machine, unseen, **sizes).sentences[0]
    assert not judge(machine, second, **sizes).seen


def test_half_precision_is_judged_as_single(unseen):
    machine = bond_machine(Ising((4, 4)), 0.3)
    half = judge(machine.half(), unseen, seed=1, **SIZES)
    assert half.divergence is not None
    assert 0 < float(half.divergence.kl.value.value) < 1e-5


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"runs": 1}, "at least 2 runs and 2 temperatures, got 1"),
        ({"temperatures": -5}, "got 128 and -5"),
        ({"draws": 4}, "at least 16 chains of 8 draws, got 32 of 4"),
    ],
)
def test_too_few_of_anything_is_refused(wrong, sentence, unseen):
    with pytest.raises(ValueError, match=sentence):
        judge(RBM((4, 4), 4), unseen, seed=1, **{**SIZES, **wrong})


def test_other_values_and_weights_that_are_no_numbers_are_refused(unseen):
    colours = sample(Potts((4, 4), q=3), coupling=0.3, draws=64, seed=2)
    with pytest.raises(ValueError, match="alphabet pm1, got 'potts:3'"):
        judge(RBM((4, 4), 4), colours, seed=1)
    machine = RBM((4, 4), 4)
    machine.W.data[0, 0] = math.nan
    with pytest.raises(ValueError, match="NaN or infinity in its W"):
        judge(machine, unseen, seed=1)


def test_a_density_has_no_divergence_from_spins(unseen):
    machine = RBM((4, 4), 4, units=("gaussian", "spin"))
    found = judge(machine, unseen, seed=1, **SIZES)
    assert found.divergence is None
    assert found.judgement is None
    with pytest.raises(ValueError, match="laws of ±1 spins, got a network of gaussian"):
        divergence(machine, unseen, seed=1)
