"""Every rule says in a sentence what its arguments must be, when it is made."""

import math
from dataclasses import fields

import numpy as np
import pytest

from kadanoff.alphabet import KINDS
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import BLOCK_RULES
from kadanoff.coarse.layer import Code, Layer, layers_of
from kadanoff.coarse.pooling import Convolution
from kadanoff.coarse.stack import Stack
from kadanoff.coarse.weighted import Weighted
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.networks.rbm import RBM

ONES = np.ones((1, 2, 2))
NO_NUMBERS = ["2", "x", True, 2j, [2], (2,), {}, object]
NO_SIDES = [
    *NO_NUMBERS,
    None,
    0,
    -1,
    -2,
    2.0,
    2.5,
    math.nan,
    math.inf,
    np.array([2, 2]),
]
NO_WEIGHTS = ["abc", None, {}, [[1, 2], [3]], [1, "x"], 3.0, [], [math.nan], [math.inf]]
NUMBERS = [
    (rule, field.name)
    for rule in BLOCK_RULES.values()
    for field in fields(rule)
    if field.name in ("p", "width", "dimension")
]
SIDES = [
    (rule, field.name)
    for rule in BLOCK_RULES.values()
    for field in fields(rule)
    if (rule, field.name) not in NUMBERS
]


def refused(make, *given, **named):
    """The sentence, which must be one and not in the words of Python."""
    with pytest.raises(ValueError, match=r"got .*; (use|leave|give)") as refusal:
        make(*given, **named)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert not any(
        word in sentence for word in ("operand", "not supported", "NoneType")
    )


@pytest.mark.parametrize(("rule", "name"), SIDES, ids=str)
def test_sides_are_whole_numbers(rule, name):
    for value in NO_SIDES:
        if name != "window" or value is not None:  # no window is that of the block
            refused(rule, **{name: value})


@pytest.mark.parametrize(("rule", "name"), SIDES, ids=str)
def test_a_side_may_be_any_kind_of_whole_number(rule, name):
    assert rule(**{name: np.int64(3)}) == rule(**{name: 3})
    assert str(rule(**{name: np.int64(3)})) == str(rule(**{name: 3}))


@pytest.mark.parametrize("rule", [r for r, name in SIDES if name == "b"], ids=str)
def test_one_site_is_no_block(rule):
    refused(rule, 1)


@pytest.mark.parametrize(("rule", "name"), NUMBERS, ids=str)
def test_numbers_are_numbers(rule, name):
    for value in [*NO_NUMBERS, None]:
        refused(rule, **{name: value})


def test_weights_are_finite_numbers():
    for value in NO_WEIGHTS:
        refused(Weighted, value)
        refused(Convolution, value)


def test_strides_are_whole_numbers():
    for b in NO_SIDES:
        refused(Weighted, ONES[0], b)
        refused(Convolution, ONES, b)
    assert Convolution(ONES, 1).coarse(Grid((4, 4))).shape == (4, 4)


def test_sharpness_of_weights_is_a_number():
    for p in [*NO_NUMBERS, None, -1, math.nan]:
        refused(Weighted, ONES[0], 2, p)


@pytest.mark.parametrize("value", ["majority:b=2", None, 2, Majority], ids=str)
def test_what_is_no_rule_is_refused(value):
    fine = Ensemble.from_values(np.ones((2, 3, 4, 4), dtype=np.int8))
    refused(Stack, value)
    refused(Stack, (Majority(), value))
    refused(coarsen, value, fine)


def test_networks_of_another_kind_are_refused():
    machine = RBM(4, 2)
    refused(Code, machine)
    refused(layers_of, machine)
    refused(Layer, "machine")
    with pytest.raises(ValueError, match="numbered from 0, got True"):
        Layer(machine, map=True)


@pytest.mark.parametrize("alphabet", [kind.replace("q", "4") for kind in KINDS])
def test_the_advised_rule_takes_what_another_refuses(alphabet):
    """Every rule takes an alphabet or names one that does."""
    refusals = 0
    for name, rule in BLOCK_RULES.items():
        try:
            rule().alphabet(alphabet)
        except ValueError as refusal:
            advised = str(refusal).split("use '")[1].split("'")[0]
            assert advised != name
            assert BLOCK_RULES[advised]().alphabet(alphabet)
            refusals += 1
    assert refusals > 5


def test_an_alphabet_that_is_none_is_refused():
    with pytest.raises(ValueError, match="an alphabet is one of"):
        Majority().alphabet("spins")
