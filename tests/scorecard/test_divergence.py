"""The divergence from machines of known laws, exact, averaged, annealed and bounded."""

import math

import numpy as np
import pytest
import torch

from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import log_partition, moments
from kadanoff.exact.kaufman import torus
from kadanoff.instruments.likelihood import exact_log_prob
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import bond_constant, bond_machine
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.dbn import log_likelihood as exact_of_stack
from kadanoff.samplers.run import sample
from kadanoff.scorecard import divergence as module
from kadanoff.scorecard.divergence import Normalization, divergence


@pytest.fixture(scope="module")
def unseen():
    return sample(Ising((4, 4)), coupling=K_C, draws=1000, chains=20, seed=5)


def by_hand(shape, coupling: float, other: float) -> float:
    """KL per spin of the Ising law at one coupling to that at another.

    (K' − K)⟨E⟩ + (ln Z' − ln Z)/N with both moments enumerated.
    """
    one = moments(shape, coupling)
    sites = math.prod(shape)
    free = (log_partition(shape, other) - log_partition(shape, coupling)) / sites
    return (other - coupling) * one.energy + free


def test_the_machine_of_one_unit_per_bond_has_no_divergence(unseen):
    true = divergence(bond_machine(Ising((4, 4)), K_C), unseen, seed=1)
    assert abs(float(true.kl.value.value)) < 1e-12
    assert true.kl.error == true.bracket == 0
    assert true.share == pytest.approx(1)


@pytest.mark.parametrize("other", [0.42, 0.3, 0.0])
def test_a_machine_at_another_coupling_has_that_of_the_two_laws(unseen, other):
    found = divergence(bond_machine(Ising((4, 4)), other), unseen, seed=1)
    expected = by_hand((4, 4), K_C, other)
    assert float(found.kl.value.value) == pytest.approx(expected)
    assert expected > 1e-4


def test_reweighting_gives_the_same_with_an_error_that_holds(unseen):
    """4 standard errors, 6e-5 for a Gaussian; a fifth more would be noticed."""
    found = divergence(bond_machine(Ising((4, 4)), 0.38), unseen, seed=1).reweighted
    assert found is not None
    expected = by_hand((4, 4), K_C, 0.38)
    assert abs(float(found.value) - expected) < 4 * found.error
    assert abs(float(found.value) - 1.8 * expected) > 4 * found.error


def refused(machine, visible):
    raise ValueError("too many states")


def test_annealed_and_averaged_it_is_the_same_with_both_errors(unseen, monkeypatch):
    """4 standard errors, 6e-5 for a Gaussian; twice the divergence is seen."""
    machine, expected = bond_machine(Ising((4, 4)), 0.3), by_hand((4, 4), K_C, 0.3)
    monkeypatch.setattr(module, "log_partition", refused)  # no sum is exact any more
    monkeypatch.setattr(module, "MOST_SPINS", 0)
    found = divergence(machine, unseen, runs=200, temperatures=100, seed=2)
    kl = found.kl
    assert kl.sampling_error > 0
    assert kl.partition_error > 0
    assert abs(float(kl.value.value) - expected) < 4 * kl.error
    assert abs(float(kl.value.value) - 2 * expected) > 4 * kl.error
    assert found.bracket != 0
    assert found.reweighted is not None
    assert abs(float(found.reweighted.value) - expected) < 4 * found.reweighted.error


def test_of_a_stack_it_is_an_upper_bound(unseen):
    """Against ln q of a small stack by enumeration of all its layers."""
    network = DBN.dense((4, 4), (6, 3), seed=3)
    for machine in network.machines:
        torch.nn.init.normal_(machine.W, std=0.3, generator=torch.manual_seed(1))
    found = divergence(network, unseen, seed=1)
    bound = found.kl
    assert found.reweighted is None
    values = np.concatenate([unseen.read(c) for c in unseen.chunks()])
    values = values.reshape(-1, 4, 4)
    log_p = exact_log_prob(Ising((4, 4)), K_C)(values)
    with torch.no_grad():
        log_q = exact_of_stack(network, torch.tensor(values).float()).numpy()
    true = float((log_p - log_q).mean()) / 16
    assert float(bound.value.value) > true > 0
    assert float(bound.value.value) == pytest.approx(true, rel=0.2)


def test_ln_z_is_exact_where_a_sum_is_short_and_annealed_elsewhere():
    """4 standard errors, 6e-5; the 72 bonds of 6×6 are beyond every sum."""
    noise = torch.Generator().manual_seed(1)
    small = Normalization.of(bond_machine(Ising((4, 4)), 0.2), noise=noise)
    assert small.method == "exact"
    truth = log_partition((4, 4), 0.2) + bond_constant(Ising((4, 4)), 0.2)
    assert small.value == pytest.approx(truth, abs=1e-9)
    assert str(small).endswith("(exact)")
    model = Ising((6, 6))
    large = Normalization.of(
        bond_machine(model, 0.2), runs=64, temperatures=100, noise=noise
    )
    assert large.method == "annealed"
    expected = torus((6, 6), 0.2).log_partition + bond_constant(model, 0.2)
    assert abs(large.value - expected) < 4 * large.error < 1
    assert "annealed" in str(large)


def test_a_tied_machine_has_a_divergence_on_any_lattice(unseen):
    """The weights of no field are the uniform law, of another K by two enumerations."""
    silent = ConvRBM(filter=2, stride=2)
    torch.nn.init.zeros_(silent.W)
    found = divergence(silent, unseen, seed=1)
    assert float(found.kl.value.value) == pytest.approx(by_hand((4, 4), K_C, 0.0))
