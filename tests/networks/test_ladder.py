"""Exchanges along a ladder: every law stays, by enumeration; a wrong energy is seen."""

import numpy as np
import pytest
import torch
from networks.small_machines import codes, noise, random_weights, small_machine, states
from scipy import stats

from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.gibbs import sample_hidden
from kadanoff.networks.ladder import (
    checkpoints,
    exchanged,
    inverse_temperatures,
    walked,
)
from kadanoff.networks.path import Law, Path
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM

DRAWS = 200_000
BETAS = (0.0, 0.5, 1.0)
STATES = states((4,))


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


def strong():
    return small_machine(scale=0.9, seed=2)


@torch.no_grad()
def law(machine, beta, biases):
    """Σ_h e^{…} of every v: β times the weights, `biases` times b and c."""
    h = states((3,))
    inside = biases * ((h @ machine.b)[None] + (STATES @ machine.c)[:, None])
    joint = (beta * (STATES @ machine.W @ h.T) + inside).exp()
    return (joint.sum(1) / joint.sum()).numpy()


def ladder_of(path, scales):
    """Rungs, and their laws from enumeration."""
    machine = strong()
    rungs = [path(machine, (4,)).at(beta) for beta in BETAS]
    return rungs, [law(machine, beta, scales(beta)) for beta in BETAS]


def trained():
    machines = [small_machine(0.3 * k, seed=k) for k in (1, 2, 3)]
    return checkpoints(machines, (4,)), [law(machine, 1, 1) for machine in machines]


LADDERS = {
    "temperatures": ladder_of(Path.of_temperature, lambda beta: beta),
    "weights": ladder_of(Path.of_weights, lambda beta: 1.0),
    "checkpoints": trained(),
}
each_ladder = pytest.mark.parametrize(("rungs", "laws"), LADDERS.values(), ids=LADDERS)


def exact_chains(laws):
    """Independent draws from every law, `(rung, n, units)`."""
    rng = np.random.default_rng(7)
    return torch.stack([STATES[rng.choice(16, DRAWS, p=p)] for p in laws])


def p_values(laws, chains):
    """χ² of each rung's chains, still independent draws, against its law."""
    return [
        stats.chisquare(np.bincount(codes(v), minlength=16), p * DRAWS).pvalue
        for p, v in zip(laws, chains, strict=True)
    ]


def p_value_of_pairs(laws, chains):
    """χ² of the first two rungs together against the product of their laws; 255."""
    pairs = np.bincount(16 * codes(chains[0]) + codes(chains[1]), minlength=256)
    due = np.outer(laws[0], laws[1]).flatten() * DRAWS
    rare = due < 10
    merged = [np.append(x[~rare], x[rare].sum() + 1e-9) for x in (pairs, due)]
    return stats.chisquare(merged[0], merged[1]).pvalue


@each_ladder
def test_steps_and_exchanges_leave_every_law(rungs, laws):
    """Level 1e-4 per rung; an error of 2 % in β would be seen (the control below)."""
    chains, exchanges = walked(rungs, exact_chains(laws), 4, noise(3))
    assert exchanges.share.min() > 0.1  # something is exchanged
    assert min(p_values(laws, chains)) > 1e-4


@each_ladder
def test_exchanges_leave_the_product_of_the_laws(rungs, laws):
    """Level 1e-4. After one exchange alone nothing hides what it did."""
    chains, _ = exchanged(rungs, exact_chains(laws), 0, noise(3))
    assert p_value_of_pairs(laws, chains) > 1e-4
    assert p_value_of_pairs(laws[::-1], chains) < 1e-10


def test_a_beta_two_percent_off_is_seen():
    rungs, laws = LADDERS["temperatures"]
    off = [*laws[:-1], law(strong(), 1.02, 1.02)]
    assert p_values(off, exact_chains(laws))[-1] < 1e-5
    path = Path.of_temperature(strong(), (4,))
    rungs = [path.at(1.02 * rung.beta) for rung in rungs]
    chains, _ = walked(rungs, exact_chains(laws), 8, noise())
    assert min(p_values(laws, chains)) < 1e-4


def test_the_scaled_free_energy_of_the_machine_is_seen(monkeypatch):
    """βF(v) for F_β(v), the known mistake of a library, in exchanges alone."""
    rungs, laws = LADDERS["temperatures"]
    right = Law.free_energy
    end = rungs[-1]

    def scaled(self, v, response=None):
        return self.beta * right(end, v)

    monkeypatch.setattr(Law, "free_energy", scaled)
    chains, _ = exchanged(rungs, exact_chains(laws), 1, noise(3))
    assert min(p_values(laws, chains)) < 1e-6


@torch.no_grad()
def test_mixing_joint_and_marginal_energies_is_seen():
    """Another mistake: the gain is of E(v, h) with h drawn for the occasion only."""
    rungs, laws = LADDERS["temperatures"]
    machine, draw = strong(), noise(3)
    chains = exact_chains(laws)
    low, high = (
        machine.energy(v, sample_hidden(machine, v, noise=draw)) for v in chains[1:]
    )
    gain = (rungs[2].beta - rungs[1].beta) * (high - low)
    taken = torch.rand(DRAWS, generator=draw).log() < gain
    chains[1:, taken] = chains[1:].flip(0)[:, taken]
    assert min(p_values(laws, chains)) < 1e-6


@each_ladder
def test_exchanges_move_whole_configurations(rungs, laws):
    before = exact_chains(laws)
    kept = before.clone()
    after, taken = exchanged(rungs, before, 0, noise(4))
    assert torch.equal(before, kept)
    assert 0 < taken[0].float().mean() < 1
    assert not taken[1].any()
    assert torch.equal(after[0][taken[0]], before[1][taken[0]])
    assert torch.equal(after[1][taken[0]], before[0][taken[0]])
    assert torch.equal(after[:2, ~taken[0]], before[:2, ~taken[0]])
    assert torch.equal(after[2], before[2])


@torch.no_grad()
def test_two_machines_and_two_betas_of_one_are_compared_alike():
    """The gain of one path, which shares Wᵀv, is that of paths of their own."""
    machine, v = strong(), exact_chains(LADDERS["weights"][1])[:, :1000]
    path = Path.of_temperature(machine, (4,))
    shared = [path.at(beta) for beta in BETAS]
    apart = [Path.of_temperature(machine, (4,)).at(beta) for beta in BETAS]
    assert shared[0].bare is shared[1].bare
    assert apart[0].bare is not apart[1].bare
    one, other = (exchanged(rungs, v, 0, noise())[0] for rungs in (shared, apart))
    assert torch.equal(one, other)


def test_both_kinds_of_pairs_take_turns():
    rungs, laws = LADDERS["weights"]
    chains = exact_chains(laws)[:, :100]
    once = [walked(rungs, chains, 1, noise(seed))[1] for seed in range(20)]
    assert {tuple(found.tried) for found in once} == {(100, 0), (0, 100)}
    assert all(np.isnan(found.share[found.tried == 0]).all() for found in once)
    _, twice = walked(rungs, chains, 2, noise())
    assert tuple(twice.tried) == (100, 100)
    together = twice + once[0]
    assert together.tried.sum() == 300
    np.testing.assert_allclose(together.made, twice.made + once[0].made)
    same, none = walked(rungs, chains, 0, noise())
    assert torch.equal(same, chains)
    assert none.tried.sum() == 0


def test_one_rung_is_plain_gibbs_sampling():
    rungs, laws = LADDERS["weights"]
    chains, exchanges = walked(rungs[-1:], exact_chains(laws)[-1:], 3, noise())
    assert exchanges.share.shape == (0,)
    assert min(p_values(laws[-1:], chains)) > 1e-4


MACHINES = {
    "spins": (RBM((4, 4), 8, biases=True), None),
    "gaussian visible": (RBM(8, 4, units=("gaussian", "spin")), None),
    "gaussian hidden": (RBM(12, 3, units=("spin", "gaussian")), None),
    "tied": (ConvRBM(maps=2), Grid((2, 4))),
}


@pytest.mark.parametrize(("network", "fine"), MACHINES.values(), ids=MACHINES)
def test_neighbours_on_a_ladder_of_temperatures_exchange_often(network, fine):
    """40 % within the noise of 1000 tries, 0.35, at the least; and not idly often."""
    machine = random_weights(network, scale=0.5)
    betas = inverse_temperatures(machine, fine)
    assert (betas[0], betas[-1]) == (0, 1)
    assert betas == inverse_temperatures(machine, fine)
    path = Path.of_temperature(machine, machine.visible_geometry(fine).lattice)

    def shares(chosen):
        rungs = [path.at(beta) for beta in chosen]
        start = path.draw_start(len(rungs) * 100, noise()).unflatten(0, (-1, 100))
        settled, _ = walked(rungs, start, 10, noise(2))
        return walked(rungs, settled, 20, noise(3))[1].share

    assert shares(betas).min() > 0.35
    assert shares(betas).mean() < 0.9
