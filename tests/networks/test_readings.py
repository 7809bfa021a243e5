"""Readings of a machine against enumeration, dense matrices and exact chains."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import circulant

from kadanoff.exact import kaufman
from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks import readings
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.readings import (
    Chains,
    chain_energy,
    chains_from,
    covariance_spectrum,
    free_energy_gap,
    mixing_time,
    pseudo_likelihood,
    spectrum,
    structure_factor,
)


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def noise(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def planted(machine: Machine, spread: float = 0.7, seed: int = 3) -> Machine:
    """The machine in 64 bits with every parameter drawn, biases too."""
    machine = machine.double()
    with torch.no_grad():
        for parameter in machine.parameters():
            drawn = torch.randn(parameter.shape, generator=noise(seed))
            parameter.copy_(spread * drawn)
    return machine


def sparse() -> Machine:
    machine = planted(RBM((2, 4), 9, biases=True))
    with torch.no_grad():
        machine.W.mul_(torch.rand(machine.W.shape, generator=noise(4)) < 0.3)
    return machine


def spins(n: int, *lattice: int, seed: int = 2) -> torch.Tensor:
    draws = np.random.default_rng(seed).choice([-1.0, 1.0], (n, *lattice))
    return torch.from_numpy(draws)


MACHINES = {
    "dense": (planted(RBM((2, 4), 3, biases=True)), (2, 4)),
    "l1": (sparse(), (2, 4)),
    "gaussian hidden": (planted(RBM(7, 3, units=("spin", "gaussian")), 0.2), (7,)),
    "tied": (planted(ConvRBM(filter=2, biases=True)), (2, 4)),
    "a filter that meets a site twice": (planted(ConvRBM(filter=4)), (2, 4)),
    "maps": (planted(ConvRBM(filter=4, maps=3, dimension=1, biases=True)), (8,)),
    "3D": (planted(ConvRBM(filter=2, dimension=3, maps=2)), (2, 2, 2)),
}


def enumerated(machine: Machine, lattice: tuple[int, ...]) -> np.ndarray:
    """(1/N) Σ_i ln p(v_i | v_rest) of every state, by Bayes from e^{−F} of all."""
    sites = math.prod(lattice)
    states = all_states(sites)
    with torch.no_grad():
        free = machine.free_energy(torch.from_numpy(states).double().view(-1, *lattice))
    p = torch.exp(-free).numpy()
    code = (states > 0) @ (1 << np.arange(sites))
    at = np.empty(len(states), dtype=int)
    at[code] = np.arange(len(states))
    turned = at[code[:, None] ^ (1 << np.arange(sites))]
    return np.log(p[:, None] / (p[:, None] + p[turned])).mean(axis=1)


def worst(machine: Machine, other: Machine, lattice: tuple[int, ...]) -> float:
    v = torch.from_numpy(all_states(math.prod(lattice))).double().view(-1, *lattice)
    read = pseudo_likelihood(machine, v).numpy()
    return float(abs(read - enumerated(other, lattice)).max())


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("chunk", [readings.CHUNK, 16])
def test_the_pseudo_likelihood_is_that_of_the_enumerated_law(name, chunk, monkeypatch):
    monkeypatch.setattr(readings, "CHUNK", chunk)
    machine, lattice = MACHINES[name]
    assert worst(machine, machine, lattice) < 1e-10


def test_weights_off_by_a_thousandth_are_seen():
    machine, lattice = MACHINES["dense"]
    wrong = planted(RBM((2, 4), 3, biases=True), 0.7007)
    assert worst(wrong, machine, lattice) > 1e-4


@pytest.mark.parametrize("machine", [RBM((8, 8), 600), ConvRBM(maps=2)])
def test_of_a_large_machine_it_is_that_of_turned_free_energies(machine):
    machine, v = planted(machine, 0.3), spins(3, 8, 8)
    turned = torch.stack([v.flatten(1)] * 64, 1) * (1 - 2 * torch.eye(64))
    with torch.no_grad():
        free = machine.free_energy(turned.view(-1, 8, 8)).view(3, 64)
        rise = machine.free_energy(v)[:, None] - free
    expected = -torch.nn.functional.softplus(rise).mean(1)
    assert torch.allclose(pseudo_likelihood(machine, v), expected, rtol=0, atol=1e-10)


def test_strong_weights_do_not_overflow():
    machine = planted(RBM((4, 4), 600), 300.0)
    read = pseudo_likelihood(machine, spins(2, 4, 4))
    assert bool(torch.isfinite(read).all())


def test_a_machine_without_weights_knows_nothing():
    machine = planted(RBM((4, 4), 5), 0.0)
    read = pseudo_likelihood(machine, spins(6, 4, 4))
    assert torch.allclose(read, torch.full((6,), -math.log(2)).double())


def sampled_z(machine: Machine, other: Machine) -> float:
    """Deviation of 40 000 single sites from all sites, in standard errors.

    A correct program exceeds 4 with probability 6e-5; what is seen is 2 % of the
    spread between sites.
    """
    v = spins(8, 2, 4)
    exact = pseudo_likelihood(other, v).mean()
    drawn = pseudo_likelihood(machine, v.repeat(5000, 1, 1), noise=noise(5))
    # The eight configurations are the same on both sides: their spread is no noise.
    within = drawn.view(5000, 8).var(0).mean() / len(drawn)
    return float((drawn.mean() - exact).abs() / within.sqrt())


def test_one_random_site_has_the_mean_of_all():
    machine, _ = MACHINES["dense"]
    assert sampled_z(machine, machine) < 4
    assert sampled_z(machine, planted(RBM((2, 4), 3, biases=True), 0.8)) > 4


def test_what_has_no_pseudo_likelihood_is_refused():
    real = RBM(8, 3, units=("gaussian", "spin"))
    with pytest.raises(ValueError, match="no closed form for gaussian visible units"):
        pseudo_likelihood(real, torch.ones(2, 8))
    with pytest.raises(ValueError, match="±1 spins, got other values"):
        pseudo_likelihood(RBM(8, 3), torch.full((2, 8), 0.5))


def test_the_gap_is_a_difference_of_log_likelihoods():
    machine = planted(RBM((2, 4), 3, biases=True))
    seen, unseen = spins(30, 2, 4), spins(50, 2, 4, seed=7)
    with torch.no_grad():
        one, other = (-machine.log_likelihood(v) for v in (seen, unseen))
    gap = free_energy_gap(machine, seen, unseen)
    assert gap.value == pytest.approx(float(other.mean() - one.mean()), abs=1e-12)
    assert gap.error == pytest.approx(float((one.var() / 30 + other.var() / 50).sqrt()))
    with pytest.raises(ValueError, match="2 or more configurations of each, got 1"):
        free_energy_gap(machine, seen[:1], unseen)


def coverage(bias: float) -> int:
    """In how many of 400 pairs of independent draws the gap is within one error of 0.

    Of a binomial of p = 0.683 and 400 trials, 240 to 305 has probability 0.9998.
    """
    machine = planted(RBM((2, 4), 3, biases=True), 0.7)
    v = spins(400 * 200, 2, 4).view(400, 2, 100, 2, 4)
    up = torch.from_numpy(np.random.default_rng(9).random(v[:, 1].shape) < bias)
    inside = 0
    for (one, other), turned in zip(v, up, strict=True):
        gap = free_energy_gap(machine, one, torch.where(turned, 1.0, other))
        inside += abs(gap.value) < gap.error
    return inside


def test_the_error_of_the_gap_is_one_standard_error():
    assert 240 <= coverage(0.0) <= 305


def test_ordered_configurations_have_a_gap():
    assert coverage(1.0) < 200


def test_the_energy_weighted_by_the_enumerated_law_is_the_exact_one():
    states = all_states(12)
    e = chain_energy(torch.from_numpy(states).view(-1, 3, 4)).numpy()
    p = np.exp(-0.4 * 12 * e)
    exact = kaufman.torus((3, 4), 0.4).energy
    assert e @ p / p.sum() == pytest.approx(exact, abs=1e-12)
    p = np.exp(-0.401 * 12 * e)
    assert e @ p / p.sum() != pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("shape", [(6,), (3, 4), (3, 4, 5)])
def test_neighbours_are_sites_at_distance_one(shape):
    grid, v = Grid(shape), spins(5, *shape)
    sites = grid.positions()
    near = np.isclose(grid.distance(sites[:, None], sites[None]), 1)
    flat = v.flatten(1).numpy()
    expected = -np.einsum("ni,ij,nj->n", flat, near, flat) / 2 / grid.size
    assert np.allclose(chain_energy(v), expected, rtol=0, atol=1e-12)
    assert torch.equal(chain_energy(v.flatten(1), grid), chain_energy(v))


def test_the_ground_state_has_one_bond_per_direction():
    for d in (1, 2, 3):
        assert chain_energy(torch.ones(2, *[4] * d)).tolist() == [-d, -d]


@pytest.mark.parametrize(
    "geometry", [Unordered(16), Grid((2, 4), cell=((0.0, 0.0), (0.5, 0.5)))]
)
def test_units_without_such_neighbours_have_no_energy(geometry):
    assert bool(torch.isnan(chain_energy(spins(3, 16), geometry)).all())


def flipping(rate: float) -> Machine:
    """One spin that turns with probability `rate` per Gibbs step, from a W alone.

    v → h → v with means t = tanh W each way: it keeps its sign with (1 + t²)/2.
    """
    machine = RBM(1, 1).double()
    with torch.no_grad():
        machine.W.fill_(math.atanh(math.sqrt(1 - 2 * rate)))
    return machine


def exact_time(rate: float) -> float:
    """τ = ½ (1 + ρ)/(1 − ρ) of ρ(t) = ρ^t, ρ = 1 − 2 rate."""
    return (1 - rate) / (2 * rate)


def test_the_mixing_time_is_that_of_an_exact_chain():
    """Of the signed spin, 200 chains of 1000 steps.

    The window cuts off e^{−6} of τ; a correct program exceeds 4 errors once in 10 000
    seeds, and a rate 15 % off is seen.
    """
    chains = chains_from(flipping(0.1), spins(200, 1), 1000, noise=noise())
    signed = Chains(2 + chains.magnetization, *[chains.free_energy] * 3)
    tau = signed.mixing_time()["|m|"]
    assert exact_time(0.1) == pytest.approx(4.5)
    assert abs(tau.value - exact_time(0.1)) < 4 * tau.error
    assert abs(tau.value - exact_time(0.115)) > 4 * tau.error


def test_chains_pass_through_what_they_are_read_from():
    machine, lattice = MACHINES["tied"]
    v = spins(6, *lattice)
    chains = chains_from(machine, v, 5, noise=noise())
    start, end = v, torch.from_numpy(chains.last).double()
    for at, where in ((0, start), (-1, end)):
        m, f, e = (
            x[:, at] for x in (chains.magnetization, chains.free_energy, chains.energy)
        )
        with torch.no_grad():
            free = machine.free_energy(where).numpy()
        assert np.allclose(m, where.flatten(1).mean(1), rtol=0, atol=1e-12)
        assert np.allclose(f, free, rtol=0, atol=1e-12)
        assert np.allclose(e, chain_energy(where), rtol=0, atol=1e-12)
    assert chains.energy.shape == (6, 6)
    again = mixing_time(machine, v, 5, noise=noise())
    assert again == chains.mixing_time()
    with pytest.raises(ValueError, match="at least one Gibbs step, got 0"):
        chains_from(machine, v, 0, noise=noise())


def test_the_flat_units_of_a_lattice_have_its_energy():
    chains = chains_from(
        planted(RBM(16, 3)), spins(4, 16), 2, noise=noise(), geometry=Grid((4, 4))
    )
    assert np.isfinite(chains.energy).all()
    assert chains.last.shape == (4, 16)


@pytest.mark.parametrize(
    ("machine", "lattice"),
    [
        (planted(RBM((4, 4), 7)), (4, 4)),
        (planted(ConvRBM(filter=4, biases=True)), (6, 8)),
        (planted(ConvRBM(filter=4)), (2, 4)),
        (planted(ConvRBM(filter=5, stride=3, maps=2, biases=True)), (6, 9)),
        (planted(ConvRBM(filter=3, stride=1, maps=3, dimension=1)), (7,)),
        (planted(ConvRBM(filter=2, dimension=3, maps=9)), (2, 4, 2)),
    ],
)
def test_singular_values_are_those_of_the_dense_matrix(machine, lattice):
    """Rows of W are the fields of single units; b is what no unit exerts."""
    sites = math.prod(lattice)
    single = torch.eye(sites).double().view(-1, *lattice)
    with torch.no_grad():
        rows = machine.hidden_field(single).flatten(1)
        rows = rows - machine.hidden_field(torch.zeros_like(single[:1])).flatten(1)
    expected = np.linalg.svd(rows.numpy(), compute_uv=False)
    read = spectrum(machine, Grid(lattice)).numpy()
    assert np.allclose(read, expected[: len(read)], rtol=0, atol=1e-10)
    assert len(read) == min(rows.shape)


def test_a_lattice_that_does_not_fit_has_no_spectrum():
    with pytest.raises(ValueError, match="does not divide"):
        spectrum(ConvRBM(), Grid((5, 5)))


def test_the_covariance_is_accumulated_over_chunks():
    v = spins(90, 3, 4) + 0.3 * torch.arange(12.0).view(3, 4)
    exact = np.linalg.eigvalsh(np.cov(v.flatten(1).numpy().T, bias=True))[::-1]
    for chunks in ([v], v.split(7)):
        assert np.allclose(covariance_spectrum(chunks), exact, rtol=0, atol=1e-12)
    assert not np.allclose(covariance_spectrum([v[:80]]), exact, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 3, 2)])
def test_the_structure_factor_is_the_covariance_of_all_translations(shape):
    v = spins(20, *shape) + 0.25
    axes = tuple(range(1, v.ndim))
    shifts = np.ndindex(shape)
    moved = torch.cat([v.roll(shift, axes) for shift in shifts])
    expected = covariance_spectrum([moved])
    assert torch.allclose(structure_factor(v.split(6)), expected, rtol=0, atol=1e-10)
    assert not torch.allclose(structure_factor([v]), covariance_spectrum([v]))


def test_a_correlated_ring_has_the_waves_of_its_correlation():
    """Eigenvalues of ⟨s_0 s_r⟩ by transfer matrix, against states in their shares."""
    t, n = math.tanh(0.5), 8
    states = all_states(n)
    p = np.exp(0.5 * (states * np.roll(states, -1, 1)).sum(1))
    r = np.arange(n)
    g = (t**r + t ** (n - r)) / (1 + t**n)
    count = np.round(p / p.sum() * 2e5).astype(int)
    v = torch.from_numpy(np.repeat(states, count, axis=0))
    expected = np.sort(np.linalg.eigvalsh(circulant(g)))[::-1]
    assert np.allclose(structure_factor([v]), expected, atol=2e-3)


def test_no_configurations_have_no_spectrum():
    for read in (covariance_spectrum, structure_factor):
        with pytest.raises(ValueError, match="needs configurations, got none"):
            read([])


def test_nothing_that_is_given_changes_and_no_gradient_is_kept():
    machine, lattice = RBM((4, 4), 5).initialised(seed=1, scale=0.5), (4, 4)
    v = spins(6, *lattice).float()
    before, given = machine.W.detach().clone(), v.clone()
    read = [
        pseudo_likelihood(machine, v),
        pseudo_likelihood(machine, v, noise=noise()),
        spectrum(machine),
    ]
    free_energy_gap(machine, v, v)
    mixing_time(machine, v, 3, noise=noise())
    assert torch.equal(machine.W, before)
    assert machine.W.dtype == torch.float32
    assert torch.equal(v, given)
    assert not any(x.requires_grad for x in read)
    assert all(x.dtype == torch.double for x in read)


def test_faster_products_change_nothing():
    machine, v = RBM((8, 8), 40).initialised(seed=1, scale=0.5), spins(4, 8, 8)
    before = torch.get_float32_matmul_precision()
    exact = pseudo_likelihood(machine, v)
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.equal(pseudo_likelihood(machine, v), exact)
    finally:
        torch.set_float32_matmul_precision(before)
