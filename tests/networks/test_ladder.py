"""Exchanges along a ladder: every law stays, by enumeration; a wrong energy is seen."""

import numpy as np
import pytest
import torch
from scipy import stats

from kadanoff.exact.enumerate import all_states
from kadanoff.networks.gibbs import sample_hidden
from kadanoff.networks.ladder import Rung, exchanged, free_chains, stepped, temperatures
from kadanoff.networks.rbm import RBM

UNITS, DRAWS = 4, 200_000
STATES = torch.tensor(all_states(UNITS), dtype=torch.float64)


def noise(seed=1):
    return torch.Generator().manual_seed(seed)


def strong(seed, scale):
    network = RBM(UNITS, 3, biases=True).double()
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = torch.randn(parameter.shape, generator=noise(seed))
            parameter.copy_(scale * drawn)
    return network


LADDERS = {
    "temperatures": temperatures(strong(2, 0.9), 3),
    "checkpoints": [Rung(strong(seed, 0.3 * seed)) for seed in (1, 2, 3)],
}
each_ladder = pytest.mark.parametrize("rungs", LADDERS.values(), ids=LADDERS)


def law(rung):
    return torch.softmax(-rung.free_energy(STATES), 0).detach().numpy()


def exact_chains(rungs):
    """Independent draws from every law, `(rung, n, units)`."""
    rng = np.random.default_rng(7)
    drawn = [STATES[rng.choice(len(STATES), DRAWS, p=law(rung))] for rung in rungs]
    return torch.stack(drawn)


def p_values(rungs, chains):
    """χ² of each rung's chains, independent draws still, against its enumerated law."""
    code = ((chains > 0).long() * 2 ** torch.arange(UNITS - 1, -1, -1)).sum(-1)
    return [
        stats.chisquare(np.bincount(row, minlength=16), law(rung) * DRAWS).pvalue
        for rung, row in zip(rungs, code.numpy(), strict=True)
    ]


@each_ladder
def test_steps_and_exchanges_leave_every_law(rungs):
    """Level 1e-4 per rung; DRAWS see an error of 2 % in β (the control below)."""
    chains, generator = exact_chains(rungs), noise(3)
    for first in (0, 1, 0, 1):
        chains, taken = exchanged(rungs, chains, first, generator)
        assert taken[first].float().mean() > 0.1  # something is exchanged
        assert not taken[1 - first].any()
        chains = stepped(rungs, chains, generator)
    assert min(p_values(rungs, chains)) > 1e-4


def test_a_beta_two_percent_off_is_seen():
    rungs = LADDERS["temperatures"]
    chains = exact_chains(rungs)
    off = [Rung(rung.machine, 1.02 * rung.beta) for rung in rungs]
    assert p_values(off, chains)[-1] < 1e-5


def exchanged_on_joint_energies(rungs, chains, first, generator):
    """The known mistake: the gain is of E(v, h) with h drawn for the occasion only."""
    i = first
    low, high = rungs[i], rungs[i + 1]
    energies = []
    for v in (chains[i], chains[i + 1]):
        h = sample_hidden(low.machine, v, noise=generator)
        energies.append(low.machine.energy(v, h))
    gain = (high.beta - low.beta) * (energies[1] - energies[0])
    taken = torch.rand(DRAWS, generator=generator).log() < gain
    chains = chains.clone()
    swapped = chains[[i + 1, i]][:, taken]
    chains[i : i + 2, taken] = swapped
    return chains


def test_mixing_joint_and_marginal_energies_is_seen():
    rungs = LADDERS["temperatures"]
    chains = exchanged_on_joint_energies(rungs, exact_chains(rungs), 1, noise(3))
    assert min(p_values(rungs, chains)) < 1e-6


def test_exchanges_move_whole_configurations():
    rungs = LADDERS["checkpoints"]
    before = exact_chains(rungs)
    after, taken = exchanged(rungs, before, 0, noise(4))
    assert torch.equal(after[0][taken[0]], before[1][taken[0]])
    assert torch.equal(after[1][taken[0]], before[0][taken[0]])
    assert torch.equal(after[:2, ~taken[0]], before[:2, ~taken[0]])
    assert torch.equal(after[2], before[2])


def test_a_ladder_of_temperatures_starts_free_and_ends_at_the_machine():
    machine = strong(1, 0.5)
    rungs = temperatures(machine, 4)
    assert [rung.beta for rung in rungs] == [0, 1 / 3, 2 / 3, 1]
    flat = rungs[0].free_energy(STATES)
    torch.testing.assert_close(flat, flat[:1].expand(16))
    torch.testing.assert_close(
        rungs[-1].free_energy(STATES), machine.free_energy(STATES)
    )
    with pytest.raises(ValueError, match="at least 2 rungs, got 1"):
        temperatures(machine, 1)
    start = free_chains(machine, (2, 5, UNITS), noise())
    assert start.shape == (2, 5, UNITS)
    assert set(start.unique().tolist()) == {-1.0, 1.0}
