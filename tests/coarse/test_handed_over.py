"""Modules and functions handed over: the same checks, and nothing of theirs changed."""

import random
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.handed_over import CallableRule, ModuleRule, as_rule
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.rbm import RBM
from kadanoff.protocols import CoarseGraining

FINE = Grid((6, 9))


class Net(nn.Module):
    """A network with dropout, whose last layer fits one lattice alone."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, stride=3), nn.Dropout(0.5))
        self.top = nn.Linear(4, 2)

    def forward(self, x):
        return self.top(F.relu_(self.body(x)).flatten(1))


def spins(n, shape=FINE.shape, seed=0):
    draws = np.random.default_rng(seed).choice([-1, 1], (n, *shape))
    return draws.astype(np.int8)


def rng(seed=1):
    return np.random.default_rng(seed)


def block_sums(values):
    n, rows, columns = values.shape
    return values.reshape(n, rows // 3, 3, columns // 3, 3).sum(axis=(2, 4))


def test_a_vote_in_numpy_is_the_majority_rule_bit_for_bit():
    rule = as_rule(lambda values: np.sign(block_sums(values)), name="vote")
    values = spins(20_000)  # several batches; 3 × 3 spins are never tied
    out = rule(values, FINE, rng=rng())
    np.testing.assert_array_equal(out, Majority(3)(values, FINE, rng=rng()))
    assert rule.coarse(FINE) == Majority(3).coarse(FINE)
    assert str(rule) == "callable:vote"
    assert isinstance(rule, CoarseGraining)


def test_a_layer_of_a_module_is_read_and_the_module_left_as_it_was():
    torch.manual_seed(1)
    net = Net().train()
    net.top.eval()
    rule = ModuleRule(net, "body.0", output="mean")
    values = spins(30)
    before = torch.get_rng_state(), random.getstate()
    out = rule(values, FINE, rng=rng())
    with torch.no_grad():
        expected = net.body[0](torch.tensor(values, dtype=torch.float32)[:, None])
    np.testing.assert_allclose(out, expected.numpy(), rtol=0, atol=1e-6)
    assert (rule.features, rule.chance) == (4, "none")
    assert str(rule) == "module:Net@body.0,output=mean"
    assert net.training
    assert net.body[1].training
    assert not net.top.training
    assert all(weights.requires_grad for weights in net.parameters())
    assert all(not layer._forward_hooks for layer in net.modules())
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()


def test_a_module_in_double_precision_and_flat():
    net = nn.Linear(54, 3).double()
    rule = ModuleRule(net, input="flat", output="mean", map=0, name="projection")
    out = rule(spins(4), FINE, rng=rng())
    expected = net(torch.tensor(spins(4).reshape(4, 54), dtype=torch.float64))
    np.testing.assert_allclose(out, expected.detach(), rtol=0, atol=1e-6)
    assert rule.coarse(FINE) == Unordered(3)
    assert str(rule) == "module:projection,input=flat,output=mean,map=0"


def test_functions_get_a_copy_of_the_alphabet_that_they_ask_for():
    seen = []

    def identity(values):
        seen.append(values)
        return values

    values = spins(3)
    as_rule(identity)(values, FINE, rng=rng())
    as_rule(identity, encoding="01", output="prob")(values, FINE, rng=rng())
    assert all(not np.shares_memory(values, given) for given in seen)
    assert [set(np.unique(given)) for given in (seen[0], seen[-1])] == [{-1, 1}, {0, 1}]
    assert seen[0].dtype == np.int8


def test_rules_of_users_stack_with_the_others():
    ensemble = Ensemble.from_values(spins(8, (12, 12)).reshape(2, 4, 12, 12))
    half = as_rule(lambda values: values[:, ::2, ::2], name="half")
    both = coarsen(Stack((half, Majority(3))), ensemble)
    kept = Ensemble.from_values(ensemble.values[:, :, ::2, ::2])
    np.testing.assert_array_equal(
        both.values, coarsen(Majority(3), kept, seed=0).values
    )
    assert both.history[-1]["rule"] == "callable:half | majority:b=3"


def next_of_numpy():
    """What the global generator draws next, which is not drawn."""
    state = np.random.get_state()  # noqa: NPY002
    drawn = np.random.random()  # noqa: NPY002
    np.random.set_state(state)  # noqa: NPY002
    return drawn


def test_chance_is_seeded_or_reported():
    def coins(values):
        return values * np.where(np.random.random(values.shape) < 0.5, 1, -1)  # noqa: NPY002

    def unrepeatable(values):
        return values + np.random.default_rng().normal()

    drawn = next_of_numpy()
    seeded = CallableRule(coins)
    outs = [seeded(spins(40), FINE, rng=rng(k)) for k in (1, 1, 2)]
    np.testing.assert_array_equal(outs[0], outs[1])
    assert (outs[0] != outs[2]).any()
    assert seeded.chance == "seeded"
    assert next_of_numpy() == drawn
    reported = CallableRule(unrepeatable, output="mean")
    reported.coarse(FINE)
    assert reported.chance == "unseeded"
    assert str(reported).endswith(",output=mean (random without a seed)")


def in_place(values):
    values *= -1
    return values


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (in_place, "callable:in_place' changes its input in place; let it begin with"),
        (lambda values: [1, 2], "puts out a list, not one array"),
        (lambda values: values[1:], "of shape (2, 6, 9) for 3 configurations"),
        (lambda values: values.astype(str), "puts out values of type <U"),
        (lambda values: values / 0.0, "raised FloatingPointError"),
        (lambda values: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (lambda values: values * np.nan, "puts out NaN or infinities (all of"),
        (lambda values: values * values[-1], "depends on the others in its batch"),
        (
            lambda values: values[:, 1:],
            "got 6/5, 9/9, from shape (6, 9) to (5, 9)",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(function, said):
    rule = as_rule(function)
    with np.errstate(all="raise"), pytest.raises(ValueError, match=r".*") as caught:
        rule(spins(3), FINE, rng=rng())
    assert said in str(caught.value)


def test_a_module_that_changes_its_input_is_refused():
    with pytest.raises(ValueError, match=r"module:ReLU.*' changes its input in place"):
        as_rule(nn.ReLU(inplace=True), output="mean").coarse(FINE)


def test_batch_norm_needs_running_statistics():
    torch.manual_seed(1)
    body = nn.Conv2d(1, 1, 3, stride=3)
    fixed = nn.Sequential(body, nn.BatchNorm2d(1)).train()
    as_rule(fixed, output="mean").coarse(FINE)
    moving = nn.Sequential(body, nn.BatchNorm2d(1, track_running_stats=False))
    with pytest.raises(ValueError, match=r"others in its batch.*use fixed statistics"):
        as_rule(moving, output="mean").coarse(FINE)


def test_what_is_a_rule_stays_it_and_what_is_none_is_refused():
    rule = Majority(3)
    assert as_rule(rule) is rule
    for given, options, said in (
        (rule, {"map": 1}, "has its options already, got map; leave them out"),
        ("majority", {}, "a rule is a coarse-graining, a torch module or a function"),
        (Net, {}, "a rule is a coarse-graining"),
        (abs, {"layer": "x"}, "options are encoding, output, map, name, got 'layer'"),
        (Net(), {"alphabet": "01"}, "options are layer, input, encoding, output, map"),
    ):
        with pytest.raises(ValueError, match=said):
            as_rule(given, **options)
    machine = RBM(FINE, 5).initialised(seed=1)
    assert as_rule(machine) == Layer(machine)
    with pytest.raises(ValueError, match="a ModuleRule is of a torch module, got 3"):
        ModuleRule(3)
    with pytest.raises(ValueError, match="a CallableRule is of a function of arrays"):
        CallableRule(cast("Any", 3))
