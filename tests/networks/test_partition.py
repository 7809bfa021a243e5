"""ln Z: enumeration, transfer matrix, annealing, tempering; bounds of stacks."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp

from kadanoff.exact.enumerate import all_states
from kadanoff.exact.kaufman import torus
from kadanoff.geometry import Grid
from kadanoff.networks import partition
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.partition import (
    annealed,
    dbn_bound,
    enumerated,
    exact_samples,
    log_likelihood,
    log_partition,
    schedule,
    tempered,
    transferred,
)
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


K_C = math.log(1 + math.sqrt(2)) / 2


def noise(seed=1):
    return torch.Generator().manual_seed(seed)


def random_weights(network, seed=0, scale=0.3, double=True):
    """Parameters of order `scale`, normal."""
    draw = noise(seed)
    network = network.double() if double else network
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
            parameter.copy_(scale * drawn)
    return network


def states(shape):
    sites = math.prod(shape)
    return torch.from_numpy(all_states(sites)).double().reshape(-1, *shape)


def at(beta):
    return torch.tensor([float(beta)], dtype=torch.float64)


def slow(machine, fine):
    """The sum over the states in chunks, by torch's own logsumexp."""
    layer = partition._smaller_layer(machine, fine)
    return partition._log_sum(partition._in_double(machine), layer)


# --- enumeration ---------------------------------------------------------------------

LARGE = {
    "more hidden": (RBM(13, 40), (13,)),
    "more visible": (RBM((5, 6), 17), (5, 6)),
    "gaussian hidden": (RBM(14, 9, units=("spin", "gaussian")), (14,)),
    "gaussian visible": (RBM(9, 14, units=("gaussian", "spin")), (9,)),
    "one map": (ConvRBM(), (4, 4)),
    "seven maps": (ConvRBM(maps=7), (4, 4)),
    "gaussian visible, maps": (
        ConvRBM(filter=4, maps=7, units=("gaussian", "spin")),
        (2, 4),
    ),
}


@pytest.mark.parametrize(("network", "shape"), LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
@torch.no_grad()
def test_the_fast_sum_is_the_slow_one(network, shape, double):
    network = random_weights(network.float(), double=double)
    fine = Grid(shape)
    layer = partition._smaller_layer(network, fine)
    fast = partition._fast_log_sum(partition._in_double(network), layer)
    assert fast.dtype == torch.float64
    assert float(fast) == pytest.approx(float(slow(network, fine)), abs=1e-11)
    found = enumerated(network, fine)
    assert float(found) == pytest.approx(float(fast), abs=1e-11)


@pytest.mark.parametrize("shape", [(4, 4), (5, 5)])
@pytest.mark.parametrize("coupling", [0.2, K_C, 1.0])
def test_one_hidden_unit_per_bond_has_the_partition_function_of_kaufman(
    shape, coupling
):
    """16 and 25 units: ln Z_RBM = ln Z + 2N (ln 2 + K)."""
    total = enumerated(bond_machine(shape, coupling)).item()
    sites = math.prod(shape)
    ising = torus(shape, coupling).log_partition
    expected = ising + 2 * sites * (math.log(2) + coupling)
    assert total == pytest.approx(expected, abs=1e-10)


def bond_machine(shape, coupling):
    """One hidden unit per bond of the square lattice, cosh 2w = e^{2K}."""
    sites = np.arange(math.prod(shape)).reshape(shape)
    ends = [
        (i, j)
        for axis in (0, 1)
        for i, j in zip(sites.flat, np.roll(sites, -1, axis).flat, strict=True)
    ]
    network = RBM(shape, len(ends)).double()
    with torch.no_grad():
        network.W.zero_()
        for a, (i, j) in enumerate(ends):
            w = math.acosh(math.exp(2 * coupling)) / 2
            network.W[i, a] = network.W[j, a] = w
    return network


@torch.no_grad()
def test_strong_weights_do_not_overflow():
    network = RBM(14, 30)
    network.W.fill_(50.0)
    # Two aligned states, each with 30 fields of 700.
    assert enumerated(network).item() == pytest.approx(30 * 700 + math.log(2))


def test_products_are_cut_before_they_overflow():
    """Fields of up to 200: every run of units holds at most e^700."""
    network = random_weights(RBM(14, 60), scale=5.0)
    with torch.no_grad():
        slowly = float(slow(network, Grid((14,))))
        assert float(enumerated(network)) == pytest.approx(slowly, rel=1e-13)


@pytest.mark.parametrize("name", ["more hidden", "gaussian visible", "seven maps"])
def test_the_gradient_of_the_fast_sum_is_that_of_the_slow_one(name):
    network, shape = LARGE[name]
    network = random_weights(network.initialised(seed=0))
    fine = Grid(shape)
    for parameter in network.parameters():
        parameter.requires_grad_()
    parameters = list(network.parameters())
    fast = torch.autograd.grad(3 * enumerated(network, fine), parameters)
    slowly = torch.autograd.grad(3 * slow(network, fine), parameters)
    for one, other in zip(fast, slowly, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_the_law_of_single_precision_weights_is_evaluated_in_double():
    network = random_weights(RBM((3, 3), 20), double=False)
    with torch.no_grad():
        log_q = log_likelihood(network, states((3, 3)).float())
    assert log_q.dtype == torch.float64
    assert log_q.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert network.W.dtype == torch.float32


def test_a_large_layer_is_not_enumerated():
    with pytest.raises(ValueError, match="at most 25 spins, the smaller one has 26"):
        RBM(30, 26).log_partition()


# --- transfer matrix -----------------------------------------------------------------

STRIPS = {
    "chain": (ConvRBM(filter=4, dimension=1), (16,)),
    "chain, stride 1": (ConvRBM(filter=3, stride=1, dimension=1), (11,)),
    "chain, wide filter": (ConvRBM(filter=7, stride=1, dimension=1), (9,)),
    "filter once around": (ConvRBM(filter=6, dimension=1, maps=2), (4,)),
    "maps": (ConvRBM(filter=4, maps=3), (4, 2)),
    "strip": (ConvRBM(filter=4), (4, 6)),
    "strip the other way": (ConvRBM(filter=4), (8, 2)),
    "blocks alone": (ConvRBM(filter=2), (4, 4)),
    "stride 1": (ConvRBM(filter=3, stride=1), (3, 5)),
    "gaussian hidden": (ConvRBM(filter=4, units=("spin", "gaussian")), (2, 8)),
    "three dimensions": (ConvRBM(filter=4, dimension=3), (2, 2, 4)),
}


@pytest.mark.parametrize(("network", "shape"), STRIPS.values(), ids=STRIPS)
@torch.no_grad()
def test_the_transfer_matrix_is_the_enumeration(network, shape):
    network = random_weights(network)
    found = transferred(network, Grid(shape)).item()
    assert found == pytest.approx(enumerated(network, Grid(shape)).item(), abs=1e-10)


@torch.no_grad()
def test_a_filter_one_percent_off_has_another_transfer_matrix():
    """Negative control of the above."""
    network = random_weights(ConvRBM(filter=4))
    exact = enumerated(network, Grid((4, 6))).item()
    network.W.mul_(1.01)
    assert abs(transferred(network, Grid((4, 6))).item() - exact) > 1e-4


@torch.no_grad()
def test_long_strips_are_summed_where_no_layer_is_small():
    """ln Z(2n) − 2 ln Z(n) → 0: beyond the correlation length lengths add up."""
    network = random_weights(ConvRBM(filter=4, maps=2))
    short, long = (log_partition(network, Grid((2, n))).item() for n in (200, 400))
    assert long == pytest.approx(2 * short, abs=1e-9)
    assert log_partition(network, Grid((200, 2))).item() != pytest.approx(short)


def test_the_transfer_matrix_has_the_gradient_of_the_enumeration():
    network = random_weights(ConvRBM(filter=4))
    fine = Grid((2, 6))
    by_transfer, by_states = (
        torch.autograd.grad(log_z(network, fine), network.W)[0]
        for log_z in (transferred, enumerated)
    )
    torch.testing.assert_close(by_transfer, by_states, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("network", "shape", "sentence"),
    [
        (RBM(4, 3), (4,), "needs a conv-rbm, got a machine of kind 'rbm'"),
        (ConvRBM(filter=4), (12, 12), "at most 22 spins .* got 48 and 24"),
        (ConvRBM(units=("gaussian", "spin")), (4, 4), "visible spins, got gaussian"),
    ],
)
def test_a_transfer_matrix_that_cannot_be_is_refused(network, shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        transferred(network, Grid(shape))


# --- the path ------------------------------------------------------------------------


def small_machine(scale=0.7, seed=5):
    return random_weights(RBM(4, 3, biases=True), seed=seed, scale=scale)


def path_of(machine, shape, data=None):
    with torch.no_grad():
        return partition._path(machine, Grid(shape), data)


def path_law(path, shape, beta):
    """p_β of every state."""
    v = states(shape)
    f = path.free_energy(at(beta), v, path.response(v)).numpy()
    return np.exp(-f - logsumexp(-f))


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_the_free_energy_of_the_path_sums_out_the_hidden_layer(beta):
    """F_β = −ln Σ_h e^{−E_β}, term by term, with E_β in plain loops."""
    machine = small_machine()
    path = path_of(machine, (4,), data=torch.tensor([[1.0, 1, -1, 1], [1, -1, -1, 1]]))
    v, h = states((4,)), states((3,))
    W, b, c = (p.detach() for p in (machine.W, machine.b, machine.c))
    c = (1 - beta) * path.start + beta * c
    minus_e = beta * (v @ W @ h.T) + (h @ b)[None] + (v @ c)[:, None]
    found = path.free_energy(at(beta), v, path.response(v))
    torch.testing.assert_close(found, -torch.logsumexp(minus_e, 1), rtol=0, atol=1e-12)
    if beta == 0:
        total = torch.logsumexp(minus_e.flatten(), 0).item()
        assert path.log_start == pytest.approx(total, abs=1e-12)
    if beta == 1:
        with torch.no_grad():
            expected = machine.free_energy(v)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_a_scaled_marginal_free_energy_is_not_that_of_the_path():
    """βF(v) + const is another law: what a published library mixes up."""
    machine = small_machine()
    path = path_of(machine, (4,))
    f = path.free_energy(at(1.0), states((4,)), path.response(states((4,))))
    wrong = torch.softmax(-0.5 * f, 0).numpy()
    assert abs(wrong - path_law(path, (4,), 0.5)).max() > 0.01


def p_value_of_step(beta, law_beta, draws=100_000):
    """χ² of exact draws at `law_beta` after three steps at `beta`; 15 degrees."""
    path = path_of(small_machine(), (4,))
    law = path_law(path, (4,), law_beta)
    start = np.random.default_rng(1).choice(16, draws, p=law)
    v, draw = states((4,))[start], noise()
    for _ in range(3):
        v = path.step(at(beta), path.response(v), draw)
    code = ((v.numpy() > 0) @ (2 ** np.arange(3, -1, -1))).astype(int)
    return stats.chisquare(np.bincount(code, minlength=16), law * draws).pvalue


@torch.no_grad()
def test_a_step_leaves_the_law_of_its_temperature_invariant():
    """A correct step gives p < 1e-4 once in 10 000 seeds; the control: β 5 % off."""
    assert p_value_of_step(0.6, 0.6) > 1e-4
    assert p_value_of_step(0.63, 0.6) < 1e-4


def p_value_of_samples(scale, draws=100_000):
    law = log_likelihood(small_machine(), states((4,))).exp().numpy()
    drawn = exact_samples(small_machine(scale), None, draws, noise())
    code = ((drawn.numpy() > 0) @ (2 ** np.arange(3, -1, -1))).astype(int)
    return stats.chisquare(np.bincount(code, minlength=16), law * draws).pvalue


@torch.no_grad()
def test_exact_samples_have_the_law_of_the_machine():
    """Through the hidden layer; p < 1e-4 once in 10 000 seeds; weights 3 % off."""
    assert p_value_of_samples(0.7) > 1e-4
    assert p_value_of_samples(0.721) < 1e-4


# --- annealing -----------------------------------------------------------------------

ANNEALED = {
    "spins": (RBM((3, 3), 6, biases=True), (3, 3)),
    "gaussian visible": (RBM(5, 4, units=("gaussian", "spin")), (5,)),
    "gaussian hidden": (RBM(6, 3, units=("spin", "gaussian")), (6,)),
    "maps": (ConvRBM(maps=2, biases=True), (4, 4)),
    "tied": (ConvRBM(), (4, 4)),
}


def work(machine, shape, runs, steps, seed=1):
    """Log weights of both ways, from exact samples, and ln Z_1/Z_0."""
    fine, draw = Grid(shape), noise(seed)
    path, betas = path_of(machine, shape), list(schedule(steps))
    with torch.no_grad():
        start, end = (
            path.draw_start(runs, draw),
            exact_samples(machine, fine, runs, draw),
        )
        up = partition._walk(path, start, betas, draw)
        down = partition._walk(path, end, betas[::-1], draw)
        return up, down, enumerated(machine, fine).item() - path.log_start


def worst_weight(machine, shape):
    """How far ⟨e^{ln w}⟩ of either way is from Z_1/Z_0, in standard errors."""
    up, down, truth = work(machine, shape, 5000, 5)
    pulls = []
    for logs, exact in ((up, truth), (down, -truth)):
        ratio = np.exp(logs - exact)
        pulls.append(abs(ratio.mean() - 1) / (ratio.std() / math.sqrt(len(ratio))))
    return max(pulls)


@pytest.mark.parametrize(("network", "shape"), ANNEALED.values(), ids=ANNEALED)
def test_weights_of_both_ways_are_unbiased(network, shape):
    """⟨w⟩ = Z_1/Z_0 with four coarse steps; above 4.5 once in 70 000 seeds each way.

    The standard error is a few % of Z: an error of 0.2 in ln Z would be noticed.
    """
    assert worst_weight(random_weights(network, seed=2), shape) < 4.5


def test_the_wrong_free_energy_makes_biased_weights(monkeypatch):
    """Negative control of the above: F_β = βF_1 + (1 − β)F_0 with the same steps."""
    right = partition._Path.free_energy

    def wrong(self, beta, v, response):
        ends = [right(self, at(k), v, response) for k in (0, 1)]
        return (1 - beta.flatten()) * ends[0] + beta.flatten() * ends[1]

    monkeypatch.setattr(partition._Path, "free_energy", wrong)
    network, shape = ANNEALED["spins"]
    assert worst_weight(random_weights(network, seed=2, scale=0.4), shape) > 4.5


def groups_of_runs(groups=300, runs=50, steps=6, scale=0.4):
    machine = random_weights(RBM((3, 3), 6), seed=3, scale=scale)
    up, down, truth = work(machine, (3, 3), groups * runs, steps)
    return np.split(up, groups), np.split(down, groups), truth


def test_the_way_up_is_too_low_and_the_way_down_too_high():
    """In expectation, over 2000 repetitions of 5 runs with two coarse steps.

    Each mean is beyond the truth by more than 4 of its standard errors.
    """
    up, down, truth = groups_of_runs(2000, 5, 3, scale=0.6)
    low = np.array([np.logaddexp.reduce(one) - math.log(5) for one in up]) - truth
    high = -np.array([np.logaddexp.reduce(one) - math.log(5) for one in down]) - truth
    for bias in (-low, high):
        assert bias.mean() > 4 * bias.std() / math.sqrt(len(bias))


def test_one_error_covers_the_truth_two_times_in_three():
    """300 repetitions of 50 runs with 5 steps, each way and both together.

    Of right, normal errors 68.3 % cover it, known to 2.7 %: within 57 and 79 % (4
    standard errors). Half the error covers 38 %, and is outside.
    """
    up, down, truth = groups_of_runs()
    for found in (
        [partition._mean_exp(one, "up") for one in up],
        [-partition._mean_exp(one, "down") for one in down],
        [partition._bennett(a, b) for a, b in zip(up, down, strict=True)],
    ):
        pulls = np.array([(float(e.value) - truth) / float(e.error) for e in found])
        assert 0.57 < (abs(pulls) < 1).mean() < 0.79
        assert (abs(2 * pulls) < 1).mean() < 0.57


def test_one_newton_step_replaces_leaving_a_run_out():
    up, down, _ = groups_of_runs(groups=1, runs=30)
    found = partition._bennett(up[0], down[0])
    again = [
        [partition._acceptance_root(np.delete(up[0], i), down[0]) for i in range(30)],
        [partition._acceptance_root(up[0], np.delete(down[0], i)) for i in range(30)],
    ]
    for replicates, solved in zip(found.replicates.values(), again, strict=True):
        np.testing.assert_allclose(replicates, solved, atol=0.05 * float(found.error))


@pytest.mark.parametrize(("network", "shape"), ANNEALED.values(), ids=ANNEALED)
def test_annealing_finds_the_partition_function(network, shape):
    """100 temperatures, 100 runs; 4.5 errors, a few hundredths of ln Z."""
    network = random_weights(network.float(), seed=2, double=False)
    found = annealed(network, Grid(shape), 100, 100, noise=noise())
    truth = enumerated(network, Grid(shape)).item()
    for estimate in (found.forward, found.backward, found.combined):
        assert 0 < estimate.error < 0.06
        assert abs(estimate.value - truth) < 4.5 * estimate.error
    low, high = found.bracket
    assert low < high
    assert found.started == "exact"
    assert 1 < found.forward.n_eff <= 100


def test_data_make_the_first_step_shorter():
    """Biases of the means of the data: fewer runs are wasted on the rest."""
    machine = random_weights(RBM(8, 5, biases=True), seed=1, scale=0.3)
    with torch.no_grad():
        machine.c.fill_(1.0)
    data = exact_samples(machine, None, 2000, noise(7))
    fitted, own = (
        annealed(machine, None, 400, 4, noise=noise(), data=d) for d in (data, None)
    )
    truth = enumerated(machine).item()
    for found in (fitted, own):
        assert abs(found.combined.value - truth) < 4.5 * found.combined.error
    assert fitted.forward.n_eff > own.forward.n_eff


def test_given_samples_are_where_the_way_down_starts():
    """A wrong start is seen: all-up configurations bound nothing."""
    machine = random_weights(RBM((3, 3), 6), seed=3, scale=0.4)
    truth = enumerated(machine).item()
    true = exact_samples(machine, None, 200, noise(3))
    found = annealed(machine, None, 200, 50, noise=noise(), samples=true)
    assert found.started == "given"
    assert abs(found.backward.value - truth) < 4.5 * found.backward.error
    wrong = annealed(machine, None, 200, 50, noise=noise(), samples=torch.ones(200, 9))
    assert abs(wrong.backward.value - truth) > 4.5 * wrong.backward.error


def test_annealing_is_reproducible():
    machine = small_machine()
    a, b, c = (annealed(machine, None, 10, 5, noise=noise(s)) for s in (1, 1, 2))
    assert a.combined.value == b.combined.value != c.combined.value
    assert set(a.forward.replicates) == set(b.forward.replicates)
    assert not set(a.forward.replicates) & set(c.forward.replicates)


def test_a_schedule_can_be_finer_at_the_end():
    even, finer = np.array(schedule(11)), np.array(schedule(11, power=2))
    np.testing.assert_allclose(even, np.linspace(0, 1, 11), atol=1e-15)
    assert np.all(np.diff(finer, 2) < 0)
    assert (finer[0], finer[-1]) == (0, 1)


@pytest.mark.parametrize(
    "betas", [(0.0,), (0.0, 0.5), (0.1, 1.0), (0.0, 0.7, 0.6, 1.0)]
)
def test_a_bad_path_is_refused(betas):
    with pytest.raises(ValueError, match="rise from 0 to 1"):
        annealed(small_machine(), None, 10, betas, noise=noise())


def test_a_single_run_has_no_error_bar():
    with pytest.raises(ValueError, match="at least 2 runs, got 1"):
        annealed(small_machine(), None, 1, noise=noise())


# --- tempering -----------------------------------------------------------------------


def p_value_of_exchanges(laws, betas=(0.4, 1.0), draws=100_000):
    """χ² of exact pairs at β = 0.4 and 1 after two rounds of exchanges; 255 degrees."""
    path = path_of(small_machine(scale=0.5), (4,))
    rng = np.random.default_rng(1)
    start = np.concatenate([rng.choice(16, draws, p=law) for law in laws])
    v, draw = states((4,))[start], noise()
    for parity in (0, 1, 0):
        v, _ = partition._exchanged(path, torch.tensor(betas).double(), v, parity, draw)
    code = ((v.numpy() > 0) @ (2 ** np.arange(3, -1, -1))).astype(int)
    pair = np.bincount(code[:draws] * 16 + code[draws:], minlength=256)
    expected = np.outer(*laws).flatten() * draws
    rare = expected < 10
    merged = [
        np.append(counts[~rare], counts[rare].sum() + 1e-9)
        for counts in (pair, expected)
    ]
    observed, due = merged
    return stats.chisquare(observed, due).pvalue


@torch.no_grad()
def test_exchanges_leave_the_product_of_the_laws_invariant(monkeypatch):
    """A correct exchange gives p < 1e-4 once in 10 000 seeds.

    Controls that must fail: a β of 0.7 for 0.4, and the scaled marginal energy βF(v).
    """
    path = path_of(small_machine(scale=0.5), (4,))
    laws = [path_law(path, (4,), beta) for beta in (0.4, 1.0)]
    assert p_value_of_exchanges(laws) > 1e-4
    assert p_value_of_exchanges(laws, (0.7, 1.0)) < 1e-4
    right = partition._Path.free_energy

    def scaled(self, beta, v, response):
        return beta.flatten() * right(self, torch.ones(1), v, response)

    monkeypatch.setattr(partition._Path, "free_energy", scaled)
    assert p_value_of_exchanges(laws) < 1e-4


@torch.no_grad()
def test_exchanges_move_configurations_and_lose_none():
    path = path_of(small_machine(), (4,))
    rungs, v = torch.linspace(0, 1, 5).double(), states((4,))[:15]
    moved, count = partition._exchanged(path, rungs, v, 0, noise())
    assert count[1::2].sum() == 0
    assert count[::2].sum() > 0
    before, after = (x.reshape(5, 3, 4).numpy() for x in (v, moved))
    for ladder in range(3):
        rows = [sorted(map(tuple, x[:, ladder])) for x in (before, after)]
        assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["spins", "gaussian visible", "maps"])
def test_tempering_finds_the_partition_function(name):
    network, shape = ANNEALED[name]
    network = random_weights(network, seed=2)
    found = tempered(network, Grid(shape), 32, 5, sweeps=40, settling=20, noise=noise())
    truth = enumerated(network, Grid(shape)).item()
    assert 0 < found.log_partition.error < 0.05
    assert abs(found.log_partition.value - truth) < 4.5 * found.log_partition.error
    assert found.samples.shape == (32, *shape)
    assert ((found.acceptance > 0.2) & (found.acceptance <= 1)).all()


def test_errors_of_tempering_are_right():
    """40 repetitions: Σ pull² is χ² of 40 up to the t law of 32 blocks; p > 1e-4."""
    machine = small_machine()
    truth = enumerated(machine).item()
    found = [
        tempered(
            machine, None, 32, 3, sweeps=6, settling=10, noise=noise(s)
        ).log_partition
        for s in range(40)
    ]
    pulls = np.array([(float(e.value) - truth) / float(e.error) for e in found])
    p = stats.chi2.sf((pulls**2).sum(), 40)
    assert 1e-4 < p < 1 - 1e-4
    assert stats.chi2.sf((4 * pulls**2).sum(), 60) < 1e-4  # half the error is noticed


def test_two_states_reweight_as_bennett_does():
    """With two rungs the multistate equations are the acceptance ratio."""
    rng = np.random.default_rng(3)
    energies = rng.normal(size=(2, 40, 3, 2))
    rise = energies[..., 1] - energies[..., 0]
    up, down = -rise[0].flatten(), rise[1].flatten()
    found = partition._multistate(energies)
    root = partition._acceptance_root(up, down)
    assert float(found.value) == pytest.approx(root, abs=1e-8)


def test_one_newton_step_replaces_a_jackknife():
    """The error of the replicates against solving again without each block."""
    rng = np.random.default_rng(4)
    energies = rng.normal(size=(3, 32, 4, 3))
    found = partition._multistate(energies)
    again = [
        float(partition._multistate(np.delete(energies, b, axis=1)).value)
        for b in range(32)
    ]
    (replicates,) = found.replicates.values()
    np.testing.assert_allclose(replicates, again, atol=0.1 * float(found.error))


# --- stacks --------------------------------------------------------------------------


def three_layers(scale=0.5):
    return (
        random_weights(RBM((2, 3), 4, biases=True), seed=1, scale=scale),
        random_weights(RBM(4, 3, biases=True), seed=2, scale=scale),
    )


@torch.no_grad()
def exact_stack(layers, v):
    """ln q(v) = ln Σ_h p(v | h) q(h), h by h, from the top down."""
    bottom, *above = layers
    if not above:
        return log_likelihood(bottom, v)
    h = states((bottom.hidden.size,))
    log_h = exact_stack(above, h)
    pairs = torch.stack([bottom.energy(one.expand(len(h), *one.shape), h) for one in v])
    conditional = -pairs + bottom.hidden_free_energy(h)
    return torch.logsumexp(conditional + log_h, 1)


@torch.no_grad()
def exact_bound(layers, v):
    """The expectation over q(h | v), h by h (two machines)."""
    bottom, top = layers
    h = states((bottom.hidden.size,))
    pairs = torch.stack([bottom.energy(one.expand(len(h), *one.shape), h) for one in v])
    posterior = torch.softmax(-pairs, 1)
    inside = bottom.hidden_free_energy(h) - top.free_energy(h)
    return -bottom.free_energy(v) + posterior @ inside - top.log_partition()


def test_the_law_of_a_stack_sums_to_one():
    total = exact_stack(three_layers(), states((2, 3))).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-12)


def test_the_bound_is_its_expectation_and_below_the_truth():
    """64 states, 4000 draws: above 4.5 errors once in 2 000 seeds over all of them."""
    layers, v = three_layers(), states((2, 3))
    found = dbn_bound(layers, v, draws=4000, noise=noise())
    expected, truth = exact_bound(layers, v).numpy(), exact_stack(layers, v).numpy()
    assert (abs(found.value - expected) < 4.5 * found.error).all()
    assert (expected < truth).all()
    assert (truth - expected).max() > 0.05
    assert (found.value < truth + 4.5 * found.error).all()
    # The control: a top machine a tenth stronger is another bound.
    with torch.no_grad():
        layers[1].W.mul_(1.1)
    assert (abs(found.value - exact_bound(layers, v).numpy()) > 4.5 * found.error).any()


def transposed(machine):
    twin = RBM(machine.hidden.size, math.prod(machine.visible.lattice), biases=True)
    twin = twin.double()
    with torch.no_grad():
        twin.W.copy_(machine.W.T)
        twin.b.copy_(machine.c)
        twin.c.copy_(machine.b)
    return twin


def test_a_top_machine_tied_as_the_transpose_leaves_the_likelihood():
    """Equality, without any fluctuation; and for one machine alone."""
    bottom, v = three_layers()[0], states((2, 3))
    with torch.no_grad():
        truth = log_likelihood(bottom, v).numpy()
    for layers in ([bottom], [bottom, transposed(bottom)]):
        found = dbn_bound(layers, v, draws=2, noise=noise())
        np.testing.assert_allclose(found.value, truth, rtol=0, atol=1e-11)
        assert found.error.max() < 1e-12


def test_four_layers_have_a_bound_too():
    layers = [*three_layers(), random_weights(RBM(3, 4, biases=True), seed=3)]
    v = states((2, 3))
    found = dbn_bound(layers, v, draws=500, noise=noise())
    truth = exact_stack(layers, v).numpy()
    assert (found.value < truth + 4.5 * found.error).all()
    shifted = dbn_bound(layers, v, draws=500, noise=noise(), log_partition_top=0.0)
    log_z = layers[-1].log_partition().item()
    np.testing.assert_allclose(shifted.value - found.value, log_z, atol=1e-12)


def test_tied_machines_stack_with_their_maps():
    layers = [
        random_weights(ConvRBM(maps=2)),
        random_weights(RBM(8, 3)),
    ]
    v = torch.from_numpy(all_states(16)[:10]).reshape(-1, 4, 4).float()
    assert np.isfinite(dbn_bound(layers, v, noise=noise()).value).all()


def test_a_stack_that_does_not_fit_is_refused():
    v = states((2, 3))
    with pytest.raises(ValueError, match="has 5 visible units"):
        dbn_bound([three_layers()[0], RBM(5, 2)], v, noise=noise())
    with pytest.raises(ValueError, match="at least one machine and 2 draws"):
        dbn_bound([], v, noise=noise())


def test_all_products_of_states_are_visited():
    """The thirds of the enumerated layer together are every state once."""
    parts = [states for states, _ in partition._thirds(np.zeros((18, 1)))]
    assert math.prod(len(part) for part in parts) == 2**18
    few = [part for part, _ in partition._thirds(np.zeros((8, 1)))]
    rows = {tuple(itertools.chain(*one)) for one in itertools.product(*few)}
    assert rows == {tuple(row) for row in all_states(8)}
