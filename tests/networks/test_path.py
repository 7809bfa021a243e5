"""The path from independent units: its free energies, and what a step leaves."""

import numpy as np
import pytest
import torch
from networks.small_machines import codes, noise, random_weights, small_machine, states
from scipy import stats

from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.path import Path, rising, schedule
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM

DATA = torch.tensor([[1.0, 1, -1, 1], [1, -1, -1, 1]])


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


def start_of(machine, kind):
    """b_0 and c_0 of a dense machine by name of the path."""
    b, c = machine.b.detach(), machine.c.detach()
    zeros = torch.zeros_like(b), torch.zeros_like(c)
    of_data = b, DATA.double().mean(0).clamp(-0.99, 0.99).atanh()
    return {"weights": (b, c), "data": of_data, "temperature": zeros}[kind]


def path_of(machine, kind):
    if kind == "temperature":
        return Path.of_temperature(machine, (4,))
    return Path.of_weights(machine, (4,), DATA if kind == "data" else None)


@pytest.mark.parametrize("kind", ["weights", "data", "temperature"])
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
@torch.no_grad()
def test_the_free_energy_sums_out_the_hidden_layer(kind, beta):
    """F_β = −ln Σ_h e^{−E_β}, with every term of E_β written out."""
    machine = small_machine()
    path = path_of(machine, kind)
    v, h = states((4,)), states((3,))
    b_0, c_0 = start_of(machine, kind)
    b = b_0 + beta * (machine.b - b_0)
    c = c_0 + beta * (machine.c - c_0)
    minus_e = beta * (v @ machine.W @ h.T) + (h @ b)[None] + (v @ c)[:, None]
    found = path.at(beta).free_energy(v)
    torch.testing.assert_close(found, -torch.logsumexp(minus_e, 1), rtol=0, atol=1e-12)
    if beta == 0:
        total = torch.logsumexp(minus_e.flatten(), 0).item()
        assert path.log_start == pytest.approx(total, abs=1e-12)
    if beta == 1:
        torch.testing.assert_close(found, machine.free_energy(v), rtol=0, atol=1e-12)


KINDS = {
    "maps": (ConvRBM(maps=2, biases=True), (2, 4)),
    "gaussian visible": (RBM((2, 3), 4, units=("gaussian", "spin")), (2, 3)),
    "gaussian hidden": (RBM(6, 3, units=("spin", "gaussian")), (6,)),
    "another layer of as many": (RBM((2, 3), 4, biases=True), (6,)),
}


@pytest.mark.parametrize(("network", "shape"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("of", [Path.of_weights, Path.of_temperature])
@torch.no_grad()
def test_every_kind_of_machine_ends_as_itself_and_rises_evenly(network, shape, of):
    """F_1 is F, F_β that of a machine of such weights; E_β is linear in β."""
    machine = random_weights(network)
    path = of(machine, shape)
    v = path.draw_start(5, noise(2))
    torch.testing.assert_close(
        path.at(1.0).free_energy(v), machine.free_energy(v), rtol=0, atol=1e-12
    )
    h = machine.draw_hidden(machine.hidden_field(v), noise(3))
    scaled = machine.initialised(seed=0)
    for name in ("W", "b", "c"):
        kept = of == Path.of_weights and name != "W"
        getattr(scaled, name).copy_(getattr(machine, name) * (1.0 if kept else 0.4))
    if machine.log_precision is not None:
        scaled.log_precision.copy_(machine.log_precision)
    torch.testing.assert_close(path.at(0.4).free_energy(v), scaled.free_energy(v))
    rise = machine.energy(v, h) - scaled.energy(v, h)
    torch.testing.assert_close(0.6 * path.slope(v, h), rise, rtol=0, atol=1e-12)
    moved = path.at(0.4).gibbs(v, noise())
    assert moved.shape == v.shape == (5, *shape)


@torch.no_grad()
def test_a_free_energy_of_single_weights_can_be_had_in_double():
    machine = random_weights(RBM(4, 3, biases=True), double=False)
    law, v = Path.of_weights(machine, (4,)).at(0.3), states((4,)).float()
    single, double = law.free_energy(v), law.free_energy(v, law.response(v).double())
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(single.double(), double, rtol=1e-6, atol=1e-6)


@torch.no_grad()
def law_of(beta):
    """p_β of every state."""
    law = path_of(small_machine(), "weights").at(beta)
    return torch.softmax(-law.free_energy(states((4,))), 0).numpy()


def test_a_scaled_marginal_free_energy_is_not_that_of_the_path():
    """βF(v) + const is another law: what a published library mixes up."""
    wrong = law_of(1.0) ** 0.5
    assert abs(wrong / wrong.sum() - law_of(0.5)).max() > 0.01


@torch.no_grad()
def p_value_of_steps(beta, law, draws=100_000):
    """χ² of exact draws of `law` after three steps at `beta`; 15 degrees."""
    start = np.random.default_rng(1).choice(16, draws, p=law)
    v, draw = states((4,))[start], noise()
    for _ in range(3):
        v = path_of(small_machine(), "weights").at(beta).gibbs(v, draw)
    return stats.chisquare(np.bincount(codes(v), minlength=16), law * draws).pvalue


def test_a_step_leaves_the_law_of_its_beta_invariant():
    """A correct step gives p < 1e-4 once in 10 000 seeds; the control: β 5 % off."""
    assert p_value_of_steps(0.6, law_of(0.6)) > 1e-4
    assert p_value_of_steps(0.63, law_of(0.6)) < 1e-4


@torch.no_grad()
def test_independent_units_have_the_means_of_the_data():
    """z of four means of 100 000 draws within 4.3: 7e-5; the machine's own do not."""
    machine = small_machine()
    goal = DATA.double().mean(0).clamp(-0.99, 0.99)
    for kind, holds in (("data", True), ("weights", False)):
        means = path_of(machine, kind).draw_start(100_000, noise()).mean(0)
        z = (means - goal) / ((1 - goal**2) / 100_000).sqrt()
        assert (z.abs().max() < 4.3) == holds


def test_a_schedule_can_be_finer_at_the_end():
    even, finer = np.array(schedule(11)), np.array(schedule(11, power=2))
    np.testing.assert_allclose(even, np.linspace(0, 1, 11), atol=1e-15)
    assert np.all(np.diff(finer, 2) < 0)
    assert (finer[0], finer[-1]) == (0, 1)
    assert rising(11) == schedule(11)
    assert rising(list(finer)) == schedule(11, power=2)


@pytest.mark.parametrize(("count", "power"), [(1, 1.0), (3, 0.0)])
def test_a_bad_schedule_is_refused(count, power):
    with pytest.raises(ValueError, match="at least two β and a positive power"):
        schedule(count, power)


@pytest.mark.parametrize(
    "betas", [(0.0,), (0.0, 0.5), (0.1, 1.0), (0.0, 0.7, 0.6, 1.0)]
)
def test_a_bad_path_is_refused(betas):
    with pytest.raises(ValueError, match="rise from 0 to 1"):
        rising(betas)
