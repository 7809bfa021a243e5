"""A hidden layer as a rule: the law of the machine, and nothing else."""

import numpy as np
import pytest
import torch

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM

FINE = Grid((4, 6))
NETWORKS = {
    "rbm": RBM(FINE, 5, biases=True).initialised(seed=1, scale=0.4),
    "conv-rbm": ConvRBM().initialised(seed=1, scale=0.4),
}
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def spins(n, seed=0, shape=FINE.shape):
    return np.random.default_rng(seed).choice([-1, 1], (n, *shape)).astype(np.int8)


def rng(seed=1):
    return np.random.default_rng(seed)


@each_network
def test_means_are_tanh_of_the_field(network):
    layer = Layer(network, output="mean")
    means = layer(spins(6), FINE, rng=rng())
    expected = torch.tanh(network.hidden_field(network.tensor(spins(6))))
    assert layer.alphabet("pm1") == "real"
    assert means.dtype == np.float32
    np.testing.assert_allclose(means, expected.detach().numpy(), rtol=0, atol=1e-6)


def worst_z(network, claimed):
    """Largest deviation of sampled means from claimed ones, in standard errors.

    40 000 draws of at most 6 units: a correct layer exceeds 4.5 with probability 4e-5,
    and 0.025 in a mean would be noticed.
    """
    one = np.repeat(spins(1, seed=3), 40_000, axis=0)
    drawn = Layer(network)(one, FINE, rng=rng())
    field = claimed.hidden_field(claimed.tensor(one[:1]))[0]
    mean = torch.tanh(field).detach().numpy()
    error = np.sqrt((1 - mean**2) / len(one))
    return np.abs((drawn.mean(axis=0) - mean) / error).max()


@each_network
def test_samples_have_those_means(network):
    assert worst_z(network, network) < 4.5


@each_network
def test_samples_of_other_weights_do_not(network):
    other = network.initialised(seed=0)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        other.W.mul_(1.05)
    assert worst_z(network, other) > 4.5


@each_network
def test_a_layer_is_a_rule(network):
    layer = Layer(network)
    fine = spins(10)
    before = fine.copy()
    coarse = layer(fine, FINE, rng=rng())
    assert coarse.dtype == np.int8
    assert coarse.shape == (10, *layer.coarse(FINE).lattice)
    assert set(np.unique(coarse)) == {-1, 1}
    assert (fine == before).all()
    assert (layer(fine, FINE, rng=rng()) == coarse).all()
    assert (layer(fine, FINE, rng=rng(2)) != coarse).any()
    assert layer.alphabet("pm1") == "pm1"


def test_more_rows_than_a_chunk_keep_their_order():
    network = RBM(4, 2)
    with torch.no_grad():
        network.W.zero_()
        network.W[0, 0] = network.W[3, 1] = 20.0  # copies of two visible units
    fine = spins(9000, shape=(4,))
    assert (Layer(network)(fine, Unordered(4), rng=rng()) == fine[:, [0, 3]]).all()


def test_units_sit_where_the_machine_puts_them():
    assert Layer(NETWORKS["conv-rbm"]).coarse(FINE) == FINE.coarsened(2)
    assert Layer(NETWORKS["rbm"]).coarse(FINE) == Unordered(5)


def test_a_dense_layer_takes_every_layer_of_its_size():
    layer = Layer(NETWORKS["rbm"])
    for same_size in (Unordered(24), Grid((24,)), Grid((6, 4))):
        fine = spins(3, shape=same_size.lattice)
        assert layer(fine, same_size, rng=rng()).shape == (3, 5)


def test_a_tied_layer_takes_every_lattice_of_its_stride():
    layer = Layer(NETWORKS["conv-rbm"])
    for side in (4, 10, 16):
        fine = spins(2, shape=(side, side))
        coarse = layer(fine, Grid((side, side)), rng=rng())
        assert coarse.shape == (2, side // 2, side // 2)


def test_layers_stack_by_samples_and_by_means():
    second = RBM(5, 2)
    fine = Ensemble.from_values(spins(40).reshape(4, 10, *FINE.shape))
    samples = Stack((Layer(NETWORKS["rbm"]), Layer(second)))
    means = Stack((Layer(NETWORKS["rbm"], "mean"), Layer(second, "mean")))
    for rules, alphabet in ((samples, "pm1"), (means, "real")):
        coarse = coarsen(rules, fine, seed=1)
        assert coarse.geometry == Unordered(2)
        assert coarse.alphabet == alphabet


def test_values_that_may_not_be_written_are_read():
    fine = spins(3).astype(np.float32)
    fine.setflags(write=False)
    assert Layer(NETWORKS["rbm"])(fine, FINE, rng=rng()).shape == (3, 5)


def test_what_does_not_fit_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="24 visible units, got configurations of 16"):
        Layer(NETWORKS["rbm"]).coarse(Grid((4, 4)))
    with pytest.raises(ValueError, match="put 'arrange' before it"):
        Layer(NETWORKS["conv-rbm"]).coarse(Unordered(24))
    with pytest.raises(ValueError, match="'sample' or the 'mean', got 'logit'"):
        Layer(NETWORKS["rbm"], output="logit")  # pyright: ignore[reportArgumentType]


def test_a_layer_names_itself():
    assert str(Layer(NETWORKS["rbm"])) == "rbm"
    assert str(Layer(NETWORKS["conv-rbm"], name="m.safetensors")) == (
        "conv-rbm:m.safetensors"
    )
    assert str(Layer(NETWORKS["rbm"], output="mean")) == "rbm (means)"
