"""Gibbs sampling: conditionals against their formula, the chain against enumeration."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from kadanoff.ensemble import Ensemble
from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.gibbs import gibbs, rbm_flow, sample_hidden, sample_visible
from kadanoff.networks.rbm import RBM
from kadanoff.networks.units import SPIN

FIELDS = torch.tensor([-3.0, -1.0, -0.3, 0.0, 0.1, 0.5, 1.5, 4.0])
DRAWS = 200_000
ONE = torch.ones(())


def noise(seed=1):
    return torch.Generator().manual_seed(seed)


def worst_z(fields, true_fields=FIELDS):
    """Largest deviation of the share of +1 from p, in standard errors.

    A correct program exceeds 4.5 on one of the 8 fields with probability 5e-5; an
    error of 0.5 % in p (at field 0: 0.005 in the field) would be noticed.
    """
    drawn = SPIN.draw(fields.expand(DRAWS, -1).contiguous(), ONE, noise())
    p = torch.sigmoid(2 * true_fields.double())
    share = (drawn == 1).double().mean(0)
    return ((share - p).abs() / (p * (1 - p) / DRAWS).sqrt()).max().item()


def test_units_are_up_with_the_probability_of_their_field():
    assert worst_z(FIELDS) < 4.5


def test_fields_three_percent_off_are_noticed():
    assert worst_z(FIELDS * 1.03) > 4.5


def test_a_field_of_zero_or_infinity_gives_a_spin():
    fields = torch.tensor([0.0, -0.0, float("inf"), float("-inf")]).expand(10_000, 4)
    drawn = SPIN.draw(fields.contiguous(), ONE, noise())
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert (drawn[:, 2] == 1).all()
    assert (drawn[:, 3] == -1).all()


@pytest.mark.parametrize("network", [RBM((4, 4), 4), ConvRBM()], ids=["rbm", "tied"])
def test_each_layer_is_drawn_in_the_field_of_the_other(network):
    """Means over 50 000 draws of units in one configuration, z < 4.5 (as above)."""
    network = network.initialised(seed=1, scale=0.5)
    v = torch.where(torch.rand(1, 4, 4, generator=noise()) < 0.5, 1.0, -1.0)
    with torch.no_grad():
        h = sample_hidden(network, v, noise=noise(2))
        for one, sample, field in (
            (v, sample_hidden, network.hidden_field(v)),
            (h, sample_visible, network.visible_field(h)),
        ):
            many = one.expand(50_000, *one.shape[1:])
            drawn = sample(network, many, noise=noise(3))
            mean, expected = drawn.double().mean(0), torch.tanh(field[0]).double()
            error = ((1 - expected**2) / len(drawn)).sqrt()
            assert ((mean - expected) / error).abs().max() < 4.5


def small_machine(scale=1.0):
    network = RBM(4, 3, biases=True)
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = torch.randn(parameter.shape, generator=noise(5))
            parameter.copy_(0.6 * scale * drawn)
    return network


def p_value_after(kernel_machine, steps=3, draws=100_000):
    """χ² of exact draws moved by a kernel, against the law of the small machine.

    The draws are independent, so the χ² law (15 degrees of freedom) is exact. A
    correct kernel gives p < 1e-4 once in 10 000 seeds.
    """
    states = all_states(4)
    machine = small_machine()
    law = machine.log_likelihood(machine.tensor(states)).exp().detach().numpy()
    law = law.astype(float)
    law /= law.sum()  # in float32 the sum itself is rounded, on some processors
    start = states[np.random.default_rng(1).choice(16, draws, p=law)]
    moved = gibbs(kernel_machine, machine.tensor(start), steps, noise=noise())
    code = ((moved.numpy() > 0) @ (2 ** np.arange(3, -1, -1))).astype(int)
    return stats.chisquare(np.bincount(code, minlength=16), law * draws).pvalue


def test_the_chain_leaves_the_law_of_the_machine_invariant():
    assert p_value_after(small_machine()) > 1e-4


def test_a_chain_of_weights_five_percent_off_does_not():
    assert p_value_after(small_machine(scale=1.05)) < 1e-6


def test_the_chain_reaches_every_state():
    up = torch.ones(5000, 4)
    assert len(gibbs(small_machine(), up, 5, noise=noise()).unique(dim=0)) == 16


def configurations(chains=4, draws=6):
    spins = np.random.default_rng(0).choice([-1, 1], (chains, draws, 4, 4))
    return Ensemble.from_values(spins)


@pytest.mark.parametrize("network", [RBM((4, 4), 5), ConvRBM()], ids=["rbm", "tied"])
def test_the_flow_of_means_is_the_deterministic_map(network):
    network = network.initialised(seed=1, scale=0.5)
    start = configurations()
    levels = list(rbm_flow(network, start, 2, pass_on="means"))
    v = network.tensor(start.values.reshape(-1, 4, 4))
    with torch.no_grad():
        for _ in range(2):
            v = torch.tanh(network.visible_field(torch.tanh(network.hidden_field(v))))
    assert [level.alphabet for level in levels] == ["pm1", "real", "real"]
    assert levels[0] is start
    np.testing.assert_allclose(
        levels[2].values.reshape(-1, 4, 4), v.numpy(), rtol=0, atol=1e-6
    )


def test_the_flow_of_samples_is_the_gibbs_chain():
    network = small_machine()
    start = Ensemble.from_values(all_states(4)[None])
    first, second, third = rbm_flow(network, start, 2, seed=3)
    assert first is start
    assert third.alphabet == "pm1"
    assert third.lineage == start.lineage
    assert third.history[-1] == {"step": "rbm_flow", "pass_on": "samples"}
    again = list(rbm_flow(network, start, 2, seed=3))
    assert (again[2].values == third.values).all()
    assert (second.values != third.values).any()


def test_a_flow_keeps_gradients_on_for_its_caller():
    """A generator that switched them off while suspended would break autograd."""
    flow = rbm_flow(RBM((4, 4), 5), configurations(), 2)
    next(flow)
    next(flow)
    assert torch.is_grad_enabled()


def test_a_flow_that_cannot_be_is_refused():
    other: Any = "spins"
    with pytest.raises(ValueError, match="samples or means, got 'spins'"):
        next(rbm_flow(ConvRBM(), configurations(), 1, pass_on=other))
    with pytest.raises(ValueError, match="9 visible units, got configurations of 16"):
        next(rbm_flow(RBM(Grid((3, 3)), 2), configurations(), 1))
