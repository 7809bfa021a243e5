"""Energies of machines, against loops and enumeration, in double precision."""

import itertools
import math

import numpy as np
import pytest
import torch

from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Grid, Unordered
from kadanoff.models.ising import Ising
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM


def random_weights(network, seed=0, scale=0.4):
    """Weights and biases of order one, in double precision."""
    noise = torch.Generator().manual_seed(seed)
    network = network.double()
    with torch.no_grad():
        for parameter in (network.W, network.b, network.c):
            drawn = torch.randn(parameter.shape, generator=noise, dtype=torch.float64)
            parameter.copy_(scale * drawn)
    return network


MACHINES = {
    "more visible": (random_weights(RBM((3, 3), 4, biases=True)), Grid((3, 3))),
    "more hidden": (random_weights(RBM(4, 7, biases=True)), Unordered(4)),
    "tied": (random_weights(ConvRBM(biases=True)), Grid((2, 4))),
    "tied chain": (
        random_weights(ConvRBM(filter=3, stride=1, dimension=1, biases=True)),
        Grid((6,)),
    ),
}
each_machine = pytest.mark.parametrize(
    ("network", "visible"), MACHINES.values(), ids=MACHINES
)


def states(geometry):
    return torch.tensor(all_states(geometry.size), dtype=torch.float64).reshape(
        -1, *geometry.lattice
    )


def joint_energies(network, visible):
    """E of every (v, h), `(states of v, states of h)`."""
    v, h = states(visible), states(network.hidden_geometry(visible))
    rows = [network.energy(one.expand(len(h), *one.shape), h) for one in v]
    return torch.stack(rows)


def test_energy_is_the_sum_of_its_terms():
    network, _ = MACHINES["more visible"]
    rng = np.random.default_rng(1)
    v, h = rng.choice([-1.0, 1.0], (3, 3)), rng.choice([-1.0, 1.0], 4)
    W, b, c = (p.detach().numpy() for p in (network.W, network.b, network.c))
    flat = v.reshape(-1)
    bonds = sum(flat[i] * W[i, a] * h[a] for i in range(9) for a in range(4))
    expected = -bonds - sum(b * h) - sum(c * flat)
    energy = network.energy(torch.tensor(v)[None], torch.tensor(h)[None])
    assert energy.item() == pytest.approx(expected, abs=1e-12)


@each_machine
def test_visible_field_is_the_transpose(network, visible):
    """h·(Wᵀv) = v·(W h), and c enters once: the energy is linear in either layer."""
    noise = torch.Generator().manual_seed(3)
    coarse = network.hidden_geometry(visible)
    v = torch.randn(5, *visible.lattice, generator=noise, dtype=torch.float64)
    h = torch.randn(5, *coarse.lattice, generator=noise, dtype=torch.float64)
    from_hidden = -(v * network.visible_field(h)).flatten(1).sum(1)
    from_hidden -= (h.flatten(1) * network.b).sum(1)
    torch.testing.assert_close(network.energy(v, h), from_hidden, rtol=0, atol=1e-12)


@each_machine
def test_free_energies_sum_out_the_other_layer(network, visible):
    energies = joint_energies(network, visible)
    coarse = network.hidden_geometry(visible)
    summed = {1: network.free_energy(states(visible))}
    summed[0] = network.hidden_free_energy(states(coarse))
    for layer, free_energy in summed.items():
        expected = -torch.logsumexp(-energies, layer)
        torch.testing.assert_close(free_energy, expected, rtol=0, atol=1e-12)


@each_machine
def test_log_partition_sums_every_state_of_both_layers(network, visible):
    brute = torch.logsumexp(-joint_energies(network, visible).flatten(), 0)
    exact = network.log_partition(visible)
    torch.testing.assert_close(exact, brute, rtol=0, atol=1e-12)


def test_log_partition_is_the_same_from_either_layer():
    network, _ = MACHINES["more visible"]
    turned = RBM(4, 9, biases=True).double()
    with torch.no_grad():
        turned.W.copy_(network.W.T)
        turned.b.copy_(network.c)
        turned.c.copy_(network.b)
    torch.testing.assert_close(
        network.log_partition(), turned.log_partition(), rtol=0, atol=1e-12
    )


@each_machine
def test_likelihoods_sum_to_one(network, visible):
    total = network.log_likelihood(states(visible)).exp().sum().item()
    assert total == pytest.approx(1, abs=1e-12)


def test_a_large_layer_is_not_enumerated():
    with pytest.raises(ValueError, match="at most 25 spins, the smaller one has 26"):
        RBM(30, 26).log_partition()


def test_strong_fields_do_not_overflow():
    network = RBM(4, 3)
    with torch.no_grad():
        network.W.fill_(1e3)
    assert network.free_energy(torch.ones(1, 4)).item() == -3 * 4e3


def log_likelihood_gradient(network, visible, data):
    """Data minus model averages of (v hᵀ, h, v), the model's by enumeration."""
    moments = {k: torch.zeros_like(p) for k, p in network.named_parameters()}
    v = states(visible)
    p = network.log_likelihood(v).exp()
    for weight, one in zip((data - p).tolist(), v.split(1), strict=True):
        h = torch.tanh(network.hidden_field(one))
        network.accumulate(moments, one, h, weight)
    return moments


@each_machine
def test_gradient_of_the_likelihood(network, visible):
    """By the statistics of training, by autograd, and by finite differences."""
    v = states(visible)
    weights = torch.rand(
        len(v), generator=torch.Generator().manual_seed(4), dtype=torch.float64
    )
    data = weights / weights.sum()

    def objective():
        return (data * network.log_likelihood(v)).sum()

    with torch.no_grad():
        statistics = log_likelihood_gradient(network, visible, data)
    for name, parameter in network.named_parameters():
        (auto,) = torch.autograd.grad(objective(), parameter)
        torch.testing.assert_close(statistics[name], auto, rtol=0, atol=1e-12)
        one = (0,) * parameter.ndim
        finite = central_difference(objective, parameter, one)
        assert statistics[name][one].item() == pytest.approx(finite, abs=1e-8)


@torch.no_grad()
def central_difference(objective, parameter, entry, step=1e-5):
    ends = []
    for sign in (1, -1):
        parameter[entry] += sign * step
        ends.append(objective().item())
        parameter[entry] -= sign * step
    return (ends[0] - ends[1]) / (2 * step)


def bond_machine(coupling, side=3):
    """One hidden unit per bond of the square lattice, cosh 2w = e^{2K}."""
    w = math.acosh(math.exp(2 * coupling)) / 2
    sites = np.arange(side**2).reshape(side, side)
    bonds = [
        (i, j)
        for axis in (0, 1)
        for i, j in zip(sites.flat, np.roll(sites, -1, axis).flat, strict=True)
    ]
    network = RBM((side, side), len(bonds)).double()
    with torch.no_grad():
        network.W.zero_()
        for a, (i, j) in enumerate(bonds):
            network.W[i, a] = network.W[j, a] = w
    return network


def ising_log_weights(coupling, side=3):
    spins = all_states(side**2).reshape(-1, side, side)
    return -coupling * side**2 * Ising((side, side)).energy(spins), spins


@pytest.mark.parametrize("coupling", [0.1, math.log(1 + math.sqrt(2)) / 2, 1.0])
def test_one_hidden_unit_per_bond_is_the_ising_model(coupling):
    """p(v) exactly, and ln Z_RBM = ln Z + 2N (ln 2 + K): no tolerance but rounding."""
    weights, spins = ising_log_weights(coupling)
    network = bond_machine(coupling)
    log_z = np.logaddexp.reduce(weights)
    q = network.log_likelihood(network.tensor(spins)).detach().numpy()
    p = weights - log_z
    assert abs(np.sum(np.exp(p) * (p - q))) < 1e-12
    expected = log_z + 18 * (math.log(2) + coupling)
    assert network.log_partition().item() == pytest.approx(expected, abs=1e-11)


def test_a_weight_one_percent_off_is_not_the_ising_model():
    """Negative control of the above: KL of a wrong machine is far above rounding."""
    weights, spins = ising_log_weights(0.44)
    network = bond_machine(0.44)
    with torch.no_grad():
        network.W.mul_(1.01)
    q = network.log_likelihood(network.tensor(spins)).detach().numpy()
    p = weights - np.logaddexp.reduce(weights)
    assert np.sum(np.exp(p) * (p - q)) > 1e-6


@each_machine
def test_orienting_the_units_keeps_the_law(network, visible):
    turned = network.initialised(seed=0)
    turned.load_state_dict(network.state_dict())
    turned.orient()
    before, after = (m.log_likelihood(states(visible)) for m in (network, turned))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)
    sums = turned.W.sum(0) if turned.kind == "rbm" else turned.W.sum()
    assert (sums >= 0).all()


def test_initial_weights_come_from_the_seed():
    def drawn(seed):
        return RBM((8, 8), 50, seed=seed).W

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    # 3200 weights: the spread is known to 1.3 %, and 5 % is nearly four of that.
    assert drawn(1).std().item() == pytest.approx(0.01, rel=0.05)
    wide = RBM((8, 8), 50).initialised(seed=1, scale=0.5)
    assert wide.W.std().item() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("visible", [Grid((2, 3)), (2, 3), 6, Unordered(6)])
def test_a_visible_layer_is_a_geometry_its_sides_or_a_number(visible):
    network = RBM(visible, hidden=2)
    assert network.hidden_field(torch.ones(1, 2, 3)).shape == (1, 2)
    lattice = network.visible_geometry().lattice
    assert network.visible_field(torch.ones(1, 2)).shape == (1, *lattice)
    assert math.prod(lattice) == 6


def test_a_layer_of_another_size_is_refused():
    with pytest.raises(ValueError, match="6 visible units, got configurations of 8"):
        RBM(6, hidden=2).hidden_geometry(Grid((2, 4)))
    with pytest.raises(ValueError, match="at least 1 unit, got 0"):
        RBM(6, hidden=0)


def test_every_state_of_a_layer_is_visited_once():
    rows = {tuple(row) for row in states(Unordered(3)).tolist()}
    assert rows == set(itertools.product((-1.0, 1.0), repeat=3))
