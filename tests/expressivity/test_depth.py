"""Products of n numbers: counts, networks against the exact product, and training."""

import itertools
import math

import numpy as np
import pytest
import torch

from kadanoff.expressivity import depth
from kadanoff.expressivity.depth import (
    Plan,
    cheapest_plan,
    flat_plan,
    layered_plan,
    product_error,
    product_network,
    quoted_neurons,
    train,
    tree_plan,
)
from kadanoff.expressivity.gates import GELU, SOFTPLUS, TANH, Gate

# Counts


@pytest.mark.parametrize("inputs", range(2, 40))
def test_a_tree_has_four_neurons_for_each_product_of_two(inputs):
    tree = tree_plan(inputs)
    assert tree.neurons == 4 * (inputs - 1)
    assert tree.depth == math.ceil(math.log2(inputs))
    flat = flat_plan(inputs)
    assert (flat.neurons, flat.depth) == (2**inputs, 1)


def test_the_32_numbers_of_the_slides():
    assert flat_plan(32).neurons == 4_294_967_296
    assert tree_plan(32).neurons == 124 < 4 * 32
    assert [layered_plan(32, k).neurons for k in (2, 3, 4, 5)] == [320, 164, 124, 124]


@pytest.mark.parametrize(("size", "depth"), [(2, 5), (3, 2), (3, 3), (4, 2), (5, 2)])
def test_layers_of_equal_groups_are_the_geometric_sum(size, depth):
    inputs = size**depth
    plan = layered_plan(inputs, depth)
    assert plan.depth == depth
    assert plan.neurons == 2**size * (inputs - 1) // (size - 1)
    # The quoted scaling is the first layer; the others at most double it.
    first = sum(2**g for g in plan.layers[0])
    assert first == pytest.approx(quoted_neurons(inputs, depth), rel=1e-12)
    assert first <= plan.neurons <= 2 * first


@pytest.mark.parametrize("inputs", [8, 11, 16, 32, 100])
def test_each_layer_pays_and_trying_all_is_never_worse(inputs):
    depths = range(1, tree_plan(inputs).depth + 1)
    counts = [cheapest_plan(inputs, k).neurons for k in depths]
    assert all(a >= b for a, b in itertools.pairwise(counts))
    for k, count in zip(depths, counts, strict=True):
        assert count <= layered_plan(inputs, k).neurons
        assert cheapest_plan(inputs, k).depth == k
    # A gate of three numbers costs what two of two cost: fewer layers, equal neurons.
    assert counts[-1] == counts[-2] == 4 * (inputs - 1)


def test_cheapest_against_all_divisions():
    """Slow twin: every way to split n into ordered groups, two layers."""

    def divisions(total):
        if total == 0:
            yield ()
        for first in range(1, total + 1):
            for rest in divisions(total - first):
                yield (first, *rest)

    for inputs in (3, 4, 7, 9):
        fewest = min(
            Plan((groups, (len(groups),))).neurons
            for groups in divisions(inputs)
            if len(groups) > 1
        )
        assert cheapest_plan(inputs, 2).neurons == fewest


def test_bad_plans_are_refused():
    for layers in (((2, 2), (3,)), ((2, 0), (2,)), ((2, 2),)):
        with pytest.raises(
            ValueError, match="use each number of the layer before once"
        ):
            Plan(layers)
    with pytest.raises(ValueError, match="at least 2 numbers, got 1"):
        flat_plan(1)
    for k in (0, 4):
        with pytest.raises(ValueError, match=f"1 to 3 layers, got {k}"):
            layered_plan(8, k)
    with pytest.raises(ValueError, match=f"{2**32} neurons are more than"):
        product_network(flat_plan(32))


# Networks


def worst(network, seed=0):
    return product_error(network, rng=np.random.default_rng(seed), points=500)


@pytest.mark.parametrize("activation", [SOFTPLUS, TANH, GELU], ids=lambda a: a.name)
@pytest.mark.parametrize(
    "plan",
    [flat_plan(2), flat_plan(5), layered_plan(9, 2), layered_plan(7, 2), tree_plan(7)],
    ids=lambda p: str(p.layers),
)
def test_networks_multiply_within_their_bound(plan, activation):
    network = product_network(plan, activation=activation)
    assert network.neurons == plan.neurons
    assert network.depth == plan.depth
    assert network.bound / 100 < worst(network) <= network.bound < 2e-5


def test_accuracy_that_is_asked_is_kept():
    for accuracy in (1e-2, 1e-4, 1e-6):
        network = product_network(tree_plan(6), accuracy=accuracy, radius=1.5)
        assert network.bound <= accuracy
        assert accuracy / 100 < worst(network) * 1.5**6 <= accuracy
    with pytest.raises(ValueError, match="softplus in float64 can promise"):
        product_network(flat_plan(6), accuracy=1e-6)


def test_flat_formula_and_its_combinatorial_factor():
    """Divided by 2ⁿ λⁿ σ⁽ⁿ⁾ = 2ⁿ n! λⁿ σ_n, the Taylor coefficient: not by n! twice."""
    n, gate = 4, Gate(TANH, 2.0**-6, 4)
    factor = 2**n * gate.scale**n * TANH.derivative(n, gate.centre)
    assert gate.amplitude == pytest.approx(1 / factor, rel=1e-12)
    x = torch.tensor([0.9, -0.8, 0.7, 0.6], dtype=torch.float64)
    assert float(gate(*x)) == pytest.approx(float(x.prod()), rel=1e-4)
    assert abs(float(gate(*x)) / math.factorial(n) / float(x.prod()) - 1) > 0.9


def test_a_network_with_one_weight_lost_is_seen():
    """Negative control: without one of its 2⁴ neurons it is no product."""
    network = product_network(flat_plan(4))
    with torch.no_grad():
        network.layers[0].readout.weight[0, 3] = 0  # pyright: ignore
    assert worst(network) > 1


def test_flat_products_lose_digits_and_trees_do_not():
    """ε^{4/(n+4)} for one layer, ε^⅔ for a tree, in float64 against float32."""
    for n in (3, 4, 6):
        single, double = (
            worst(product_network(flat_plan(n), dtype=t))
            for t in (torch.float32, torch.float64)
        )
        power = math.log2(single / double) / 29
        assert power == pytest.approx(4 / (n + 4), abs=0.06), n
        single, double = (
            worst(product_network(tree_plan(n), dtype=t))
            for t in (torch.float32, torch.float64)
        )
        assert math.log2(single / double) / 29 == pytest.approx(2 / 3, abs=0.06), n
    assert worst(product_network(flat_plan(10))) > 1e-3
    assert worst(product_network(tree_plan(32))) < 1e-8


# Training


def quick(plan, **changes):
    settings = {"starts": 3, "steps": 300, "batch": 128, "rate": 0.03}
    return train(plan, **(settings | changes))


def test_gradient_descent_finds_a_gate_of_four_neurons():
    found = quick(flat_plan(2))
    assert found.neurons == 4
    assert found.losses.shape == (3,)
    assert found.losses.min() < 0.03
    # Controls: no training, and one neuron, which is a function of one direction.
    assert quick(flat_plan(2), steps=1, rate=1e-9).losses.min() > 0.8
    assert quick(flat_plan(2), neurons=1).losses.min() > 0.3


def test_three_numbers_flat_and_as_a_tree_with_equal_neurons():
    flat, tree = quick(flat_plan(3)), quick(tree_plan(3))
    assert flat.neurons == tree.neurons == 8
    for found in (flat, tree):
        assert found.losses.min() < 0.3
        assert 0 <= found.solved <= 1


def test_training_is_reproducible_and_depends_on_its_seed():
    first, again, other = (
        quick(tree_plan(3), steps=5, seed=s).losses.tolist() for s in (1, 1, 2)
    )
    assert first == again != other


def test_neurons_are_shared_as_asked():
    found = quick(tree_plan(5), steps=1, neurons=23)
    assert found.neurons == 23
    with pytest.raises(ValueError, match="every group needs a neuron, got 3"):
        quick(tree_plan(5), neurons=3)
    with pytest.raises(ValueError, match="at least one start, step and point"):
        quick(tree_plan(5), starts=0)


@pytest.mark.parametrize("inputs", [2, 4, 5])
def test_what_is_trained_could_be_a_product(inputs):
    """With the weights of gates the trained form multiplies: it can, if it is told."""
    plan, gate = tree_plan(inputs), Gate(TANH, 2.0**-4)
    widths = [[4 if g > 1 else 0 for g in groups] for groups in plan.layers]
    net = depth._Starts(plan, widths, TANH, 1, torch.Generator().manual_seed(0))
    signs = torch.tensor([[1.0, 1], [-1, -1], [1, -1], [-1, 1]])
    with torch.no_grad():
        for k, (into, out, _) in enumerate(net.masks):
            first, bias, second, shift = net.parameters[4 * k : 4 * k + 4]
            pairs = into.shape[0] // 4
            first[0][into > 0] = (gate.scale * signs).repeat(pairs, 1).ravel()
            bias.fill_(gate.centre)
            second[0][out > 0] = gate.amplitude * signs.prod(1).repeat(pairs)
            shift.zero_()
    x = 2 * torch.rand(1, 200, inputs, generator=torch.Generator().manual_seed(1)) - 1
    assert torch.allclose(net(x), x.prod(-1), rtol=0, atol=1e-3)


@pytest.mark.slow
def test_what_gradient_descent_finds_up_to_six_numbers():
    """Equal neurons, 4(n - 1): what can be made by hand is not what is found."""
    for inputs in (3, 4, 5, 6):
        budget = tree_plan(inputs).neurons
        flat, tree = (
            train(p, neurons=budget, starts=8, steps=2000)
            for p in (flat_plan(inputs), tree_plan(inputs))
        )
        assert flat.neurons == tree.neurons == budget
        assert flat.solved == 0
        if inputs == 3:
            assert tree.solved > 0
        if inputs > 4:
            assert tree.solved == 0
            assert (tree.losses > 0.9).any()
