"""Exact slopes of KL and ΔF, where they lead, and what likelihood looks for first."""

import itertools
import math

import numpy as np
import pytest
import torch
from networks.small_machines import random_weights, states
from scipy.special import expit, logsumexp

import kadanoff.exact.pairs as pairs
from kadanoff.ensemble import Ensemble
from kadanoff.exact.information import enumerated_information
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.anchors import bond_machine
from kadanoff.networks.checkpoint import machines_of
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.gradients import (
    angle,
    course,
    descend,
    gradients,
    leading_mode,
    noise_trial,
    spent,
    with_dimers,
)
from kadanoff.networks.mapping import as_step, exactness, hamiltonian
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train

K = 0.44
SQUARE = hamiltonian(Ising((3, 3)), K)


@pytest.fixture(autouse=True)
def _on_one_core():
    with one_thread():
        yield


def law(H):
    return np.exp(-H - logsumexp(-H))


def machine(seed=0, hidden=3, scale=0.4, shape=(3, 3)):
    return random_weights(RBM(shape, hidden, biases=True), seed=seed, scale=scale)


def start(hidden=3, scale=0.1, seed=0):
    return RBM((3, 3), hidden).initialised(seed=seed, scale=scale)


def by_differences(network, read, step=1e-5):
    """d(read)/d(parameter) of every parameter, by central differences."""
    slopes = []
    for parameter in network.parameters():
        flat = parameter.data.reshape(-1)
        for i in range(len(flat)):
            ends = []
            for sign in (1, -1):
                flat[i] += sign * step
                ends.append(read(network))
                flat[i] -= sign * step
            slopes.append((ends[0] - ends[1]) / (2 * step))
    return np.array(slopes)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (RBM((2, 2), 3, biases=True), (2, 2)),
        (ConvRBM(maps=2, filter=2, biases=True), (2, 4)),
    ],
    ids=["dense", "tied"],
)
def test_slopes_are_those_of_the_numbers(network, shape):
    network, fine = random_weights(network), Grid(shape)
    H = hamiltonian(Ising(shape), K)
    found = gradients(network, H, visible=fine)

    def read(name):
        return lambda m: getattr(exactness(m, H, visible=fine), name)

    for slope, name in (
        (found.divergence, "divergence"),
        (found.free_energy, "free_energy_difference"),
    ):
        expected = by_differences(network, read(name))
        np.testing.assert_allclose(slope, expected, atol=1e-8)
        assert abs(slope).max() > 0.1
    squared = by_differences(
        network, lambda m: read("free_energy_difference")(m) ** 2 / 2
    )
    np.testing.assert_allclose(found.matching, squared, atol=1e-7)


def test_frozen_parameters_have_no_slope():
    assert gradients(RBM((2, 2), 3), np.zeros(16)).divergence.shape == (12,)
    assert gradients(machine(shape=(2, 2)), np.zeros(16)).divergence.shape == (19,)


@torch.no_grad()
def test_the_mean_update_of_cd1():
    """⟨∂E⟩ before and after a Gibbs step, summed over every v, h and new v."""
    network, H = machine(shape=(2, 2), hidden=2), hamiltonian(Ising((2, 2)), 0.3)
    W, b, c = (p.numpy() for p in (network.W, network.b, network.c))
    v, h = pairs.states(4).astype(float), pairs.states(2).astype(float)
    expected = 0
    for (p, s), t in itertools.product(zip(law(H), v, strict=True), h):
        up = np.prod(expit(2 * t * (s @ W + b)))
        for new in v:
            down = np.prod(expit(2 * new * (W @ t + c)))
            moments = []
            for x in (s, new):
                mean = np.tanh(x @ W + b)
                moments.append(np.concatenate([np.outer(x, mean).ravel(), mean, x]))
            expected -= p * up * down * (moments[0] - moments[1])
    found = gradients(network, H).contrastive
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_slope_of_the_free_energy_difference_has_not_seen_the_data():
    """Any other data give the same direction; that of KL is another one."""
    network = machine()
    one = gradients(network, SQUARE)
    other = gradients(network, np.random.default_rng(0).normal(size=512))
    np.testing.assert_allclose(one.free_energy, other.free_energy, atol=1e-13)
    assert angle(one.divergence, other.divergence) > 10
    between = angle(one.matching, other.matching)
    assert min(between, 180 - between) < 1e-5


def test_the_slope_of_kl_vanishes_at_a_perfect_machine_and_that_of_the_other_does_not():
    model = Ising((6,))
    H = hamiltonian(model, K)
    found = gradients(bond_machine(model, K), H)
    assert abs(found.divergence).max() < 1e-12
    assert abs(found.contrastive).max() < 1e-12  # p is stationary under Gibbs steps
    assert abs(found.matching).max() > 1
    off = gradients(bond_machine(model, 1.01 * K), H)
    assert abs(off.divergence).max() > 1e-3


@pytest.fixture(scope="module")
def descents():
    """Three ways down from the same weights."""
    with one_thread():
        return {
            "divergence": descend(start(), SQUARE, rate=0.3, steps=80),
            "contrastive": descend(
                start(), SQUARE, objective="contrastive", rate=0.3, steps=80
            ),
            "free energy": descend(
                start(), SQUARE, objective="free energy", rate=0.05, steps=80
            ),
        }


def test_likelihood_leaves_the_free_energy_behind(descents):
    """KL falls at every step; ΔF passes 0 while KL is large and ends far from it."""
    down = descents["divergence"]
    assert (np.diff(down.divergence) < 0).all()
    assert down.divergence[[0, -1]] == pytest.approx([3.564, 0.186], abs=0.005)
    change = down.free_energy_difference
    assert change[0] > 0
    assert change[-1] < -4
    crossed = down.divergence[np.argmax(change < 0)]
    assert crossed > 0.5


def test_the_free_energy_leaves_likelihood_behind(descents):
    """|ΔF| falls to a tenth, and the machine is as far from the data as it was."""
    down = descents["free energy"]
    change = abs(down.free_energy_difference)
    assert (np.diff(change) < 0).all()
    assert change[-1] < 0.1 * change[0]
    assert abs(down.divergence - down.divergence[0]).max() < 0.1
    assert down.spread.min() > 10


def test_the_course_is_what_its_machines_are(descents):
    down = descents["divergence"]
    read = exactness(down.machine, SQUARE)
    assert down.divergence[-1] == pytest.approx(read.divergence, abs=1e-12)
    assert down.spread[-1] == pytest.approx(read.spread, abs=1e-12)
    assert down.deviation[-1] == pytest.approx(read.deviation, abs=1e-12)
    first = gradients(start(), SQUARE)
    assert down.downhill[0] == pytest.approx(angle(first.divergence, first.matching))
    # A step down a slope is one in its direction.
    assert abs(down.moved[:, 0]).max() < 1e-4
    assert down.moved[:, 1] == pytest.approx(down.downhill[:-1], abs=1e-4)
    other = descents["free energy"]
    assert abs(other.moved[:, 1]).max() < 1e-4


def test_what_the_course_says_of_the_free_energy_has_no_constant_in_it(descents):
    """Slopes and the angle with downhill of ΔF are those of H + c; that of |ΔF| is not.

    For c = 5 nats ΔF never changes its sign on the way, for c = 0 it does.
    """
    down = descents["divergence"]
    first = gradients(start(), SQUARE)
    lengths = [np.linalg.norm(x) for x in (first.divergence, first.free_energy)]
    np.testing.assert_allclose(down.slopes[0], lengths, rtol=1e-12)
    short, far = (descend(start(), SQUARE + c, rate=0.3, steps=20) for c in (0.0, -5.0))
    np.testing.assert_allclose(short.slopes, far.slopes, rtol=1e-9)
    np.testing.assert_allclose(short.lowering, far.lowering, rtol=0, atol=1e-6)
    assert abs(short.moved[:, 1] - far.moved[:, 1]).max() > 60
    # Against the change of ΔF itself, to first order in a small step.
    slow = descend(start(), SQUARE, rate=1e-5, steps=5)
    expected = (
        -1e-5 * np.prod(slow.slopes[:-1], axis=1) * np.cos(np.deg2rad(slow.lowering))
    )
    np.testing.assert_allclose(
        np.diff(slow.free_energy_difference), expected, rtol=1e-3
    )


def test_cd1_goes_down_kl_and_up_the_free_energy_difference(descents):
    """At small weights it is the slope of KL, later within 60° of it."""
    down = descents["contrastive"]
    to_kl, to_change = down.contrastive.T
    assert to_kl[0] < 1
    assert to_kl.max() < 75
    assert np.median(to_change[1:]) > 80
    assert down.divergence[-1] < 0.1 * down.divergence[0]
    assert abs(down.free_energy_difference[-1]) > 5 * down.free_energy_difference[0]


def test_a_start_stays_as_it_was():
    network = start()
    before = network.W.detach().clone()
    descend(network, SQUARE, steps=2)
    assert torch.equal(network.W, before)


def drawn(draws=3000, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.choice(512, draws, p=law(SQUARE))
    return Ensemble.from_values(pairs.states(9)[rows].reshape(1, -1, 3, 3))


def test_a_training_is_read_from_its_checkpoints(tmp_path):
    """CD-1 of `train`: KL falls by ten, |ΔF| grows by five; moves go down KL."""
    how = Training(epochs=9, batch=100, learning_rate=0.1, l1=0.0)
    train(start(), drawn(), settings=how, seed=1, store=tmp_path)
    machines = machines_of(tmp_path)
    assert len(machines) == 5  # epochs 0, 1, 2, 4 and 8
    found = course(machines, SQUARE)
    assert found.moved.shape == (4, 2)
    assert found.divergence[-1] < 0.1 * found.divergence[0]
    change = found.free_energy_difference
    assert abs(change[-1]) > 5 * abs(change[0])
    assert found.moved[0, 0] < 45 < found.moved[0, 1]
    assert (found.moved[:, 0] < 90).all()


def test_likelihood_finds_decimation_on_a_ring_with_half_as_many_units():
    """Each unit copies one spin of every other, and has the bonds of its neighbours.

    `decimating_network` is the limit: KL → 0 as the weight of the copies grows, the
    two bonds near K. Nobody asked for H′: and ΔF ends at minus the copies' weights.
    """
    H = hamiltonian(Ising((6,)), K)
    begin = RBM((6,), 3).initialised(seed=0, scale=0.1)
    found = descend(begin, H, rate=0.5, steps=800)
    W = abs(found.machine.W.detach().numpy())
    centres = np.sort(W.argmax(axis=0))
    assert centres.tolist() in ([0, 2, 4], [1, 3, 5])
    ranked = -np.sort(-W, axis=0)
    assert (ranked[0] > 1.6).all()
    assert ranked[1:3] == pytest.approx(K, abs=0.04)
    assert (ranked[3:] < 0.05).all()
    assert found.divergence[-1] < 2e-3 < 0.3 < found.divergence[0]
    assert found.free_energy_difference[-1] == pytest.approx(-ranked[0].sum(), abs=0.2)
    # One unit less, and there is no such machine.
    fewer = RBM((6,), 2).initialised(seed=0, scale=0.1)
    assert descend(fewer, H, rate=0.5, steps=200).divergence[-1] > 0.02


def test_the_first_step_is_along_the_covariance():
    """−∂KL/∂W = (C − 1) W at small weights, the rest of third order in them."""
    v = pairs.states(9).astype(float)
    C = (v * law(SQUARE)[:, None]).T @ v
    errors = []
    for scale in (1e-2, 1e-3):
        network = start(scale=scale).double()
        W = network.W.detach().numpy()
        linear = (C - np.eye(9)) @ W
        found = -gradients(network, SQUARE).divergence.reshape(W.shape)
        errors.append(np.linalg.norm(found - linear) / np.linalg.norm(linear))
    assert errors[0] < 0.05
    assert errors[1] < 0.02 * errors[0]


def test_dimers_are_beside_the_model_and_decoupled():
    H = with_dimers(hamiltonian(Ising((3,)), 0.3), 2, -1.2)
    ring = bond_pairs(Ising((3,)).near).tolist()
    bonds = [*ring, (3, 4), (5, 6)]
    expected = pairs.law(7, bonds, 1.0, strength=[0.3] * 3 + [-1.2] * 2)
    np.testing.assert_allclose(H, expected.energies, atol=1e-12)


def test_the_leading_mode():
    """A ring of n spins: uniform, Σ_r ⟨s_0 s_r⟩; a dimer: 1 + tanh J."""
    value, vector = leading_mode(SQUARE)
    m = pairs.states(9).mean(axis=1)
    assert value == pytest.approx(9 * law(SQUARE) @ m**2, abs=1e-12)
    assert abs(vector) == pytest.approx([1 / 3] * 9, abs=1e-10)
    weak = hamiltonian(Ising((6,)), 0.25)
    value, vector = leading_mode(with_dimers(weak, 1, 2.0))
    assert value == pytest.approx(1 + math.tanh(2), abs=1e-12)
    assert np.square(vector[-2:]).sum() == pytest.approx(1, abs=1e-10)


def trial(coupling, hidden):
    return noise_trial(
        Ising((6,)), coupling, dimers=2, pairing=2.0, hidden=hidden, seed=0, steps=150
    )


@pytest.fixture(scope="module")
def weak():
    """A ring above its noise in temperature: ξ = 0.7, two units for two dimers."""
    with one_thread():
        return trial(0.25, 2)


def test_units_go_to_decoupled_noise_where_the_signal_is_weak(weak):
    """As many units as dimers: every one is spent, nothing is known of the signal."""
    signal, noise = weak.eigenvalues
    assert noise == pytest.approx(1 + math.tanh(2))
    assert signal < noise
    assert (weak.spent.weight_on_noise > 0.999).all()
    assert (weak.spent.response_on_noise > 0.999).all()
    assert abs(weak.spent.response[:6]).max() < 1e-3
    assert weak.spent.information < 1e-4
    assert weak.spent.noise_information > 1.3


def test_without_the_noise_the_same_units_learn_the_signal(weak):
    assert weak.control_spent.information > 0.4
    assert abs(weak.control_spent.noise_information) < 1e-12
    untrained = 0.1828  # KL of fair spins from a ring of six at K = 0.25
    H = hamiltonian(Ising((6,)), 0.25)
    fair = law(H) @ (np.log(law(H)) + 6 * math.log(2))
    assert fair == pytest.approx(untrained, abs=1e-4)
    assert weak.spent.signal_divergence == pytest.approx(fair, rel=1e-3)
    assert weak.control_spent.signal_divergence < fair / 3


def test_units_go_to_the_signal_where_its_fluctuations_are_larger():
    """The same noise at K = 0.6: the largest eigenvalue decides, not the dimers."""
    found = trial(0.6, 1)
    signal, noise = found.eigenvalues
    assert signal > noise
    assert found.spent.weight_on_noise[0] < 1e-3
    assert found.spent.noise_information < 1e-4
    assert found.spent.information > 0.5


@torch.no_grad()
def test_what_is_spent_on_what(weak):
    """Responses from the fields alone, informations from the table of the rule."""
    H = with_dimers(hamiltonian(Ising((4,)), 0.5), 1, 1.0)
    network = machine(shape=(6,), hidden=2)
    noise = np.arange(6) >= 4
    found = spent(network, H, noise)
    v, p = pairs.states(6).astype(float), law(H)
    mean = network.hidden_mean(states((6,))).numpy()
    response = (v * p[:, None]).T @ mean - np.outer(p @ v, p @ mean)
    np.testing.assert_allclose(found.response, response, atol=1e-12)
    share = np.square(response[4:]).sum(axis=0) / np.square(response).sum(axis=0)
    np.testing.assert_allclose(found.response_on_noise, share, atol=1e-12)
    ring = [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5)]
    model = pairs.law(6, ring, 1.0, strength=[0.5] * 4 + [1.0])
    rule = as_step(network, H).upward.T
    for sites, value in (
        (range(4), found.information),
        ((4, 5), found.noise_information),
    ):
        expected = enumerated_information(
            model, rule, window=range(6), environment=list(sites)
        )
        assert value == pytest.approx(expected, abs=1e-10)
        assert value > 0.01
    q = np.exp(network.log_likelihood(states((6,))).numpy())
    own, data = (x.reshape(16, 4).sum(axis=1) for x in (q, p))
    divergence = data @ np.log(data / own)
    assert found.signal_divergence == pytest.approx(divergence, abs=1e-10)


REFUSED = {
    "an objective": (
        lambda: descend(start(), SQUARE, objective="likelihood"),  # pyright: ignore[reportArgumentType]
        "divergence, free energy, contrastive",
    ),
    "a slope": (
        lambda: gradients(start(), SQUARE).along("kl"),  # pyright: ignore[reportArgumentType]
        "divergence, free energy, contrastive",
    ),
    "a rate": (lambda: descend(start(), SQUARE, rate=0.0), "finite rate"),
    "no steps": (lambda: descend(start(), SQUARE, steps=0), "0 steps"),
    "no machine": (lambda: course([], SQUARE), "at least one machine"),
    "another H": (lambda: gradients(start(), np.zeros(16)), r"give 2\^9"),
    "no pairing": (lambda: with_dimers(SQUARE, 1, math.inf), "finite J"),
    "many dimers": (lambda: with_dimers(SQUARE, 7, 1.0), "fewer dimers"),
    "no dimer": (lambda: trial_of(0), "at least one dimer"),
    "another mask": (
        lambda: spent(machine(), SQUARE, np.zeros(4, dtype=bool)),
        "9 sites",
    ),
}


def trial_of(dimers):
    return noise_trial(Ising((4,)), K, dimers=dimers, pairing=1.0, hidden=1, seed=0)


@pytest.mark.parametrize(("call", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_vanishing_direction_has_no_angle():
    assert math.isnan(angle(np.zeros(3), np.ones(3)))
    assert angle(np.ones(3), -2 * np.ones(3)) == pytest.approx(180)
