"""Every rule has a text, every text a rule, and what is wrong gets a sentence."""

import math

import numpy as np
import pytest

from kadanoff.coarse.block import (
    Average,
    Decimation,
    Majority,
    Plurality,
    VectorSum,
)
from kadanoff.coarse.grammar import ARRANGE, BLOCK_RULES, RULES, parse_rule
from kadanoff.coarse.kadanoff_rule import KadanoffRule
from kadanoff.coarse.momentum import MomentumShell
from kadanoff.coarse.pooling import AveragePool, Convolution, MaxPool
from kadanoff.coarse.rotated import (
    StarMajority,
    StarPlurality,
    StarVector,
    Sublattice,
    TileMajority,
    TilePlurality,
    TileVector,
)
from kadanoff.coarse.weighted import Weighted

TEXTS = {
    "majority": Majority(2),
    "majority:b=4": Majority(4),
    "plurality:b=3": Plurality(3),
    "vector:b=4": VectorSum(4),
    "average:b=3": Average(3),
    "decimation:b=2": Decimation(2),
    "kadanoff:b=2,p=1.0": KadanoffRule(2, 1.0),
    "kadanoff:p=0.25,b=3": KadanoffRule(3, 0.25),
    "kadanoff:b=2,p=inf": KadanoffRule(2, math.inf),
    "momentum:b=4": MomentumShell(4),
    "momentum:b=2,width=0.5,dimension=0.125": MomentumShell(2, 0.5, 0.125),
    "momentum:dimension=-0.5": MomentumShell(dimension=-0.5),
    "average-pool:b=2,window=3": AveragePool(2, 3),
    "max-pool:b=2": MaxPool(2),
    "tile-majority:sites=3": TileMajority(3),
    "tile-plurality:sites=2": TilePlurality(2),
    "tile-vector:sites=7": TileVector(7),
    "star-majority:sites=2": StarMajority(2),
    "star-plurality:sites=3": StarPlurality(3),
    "star-vector:sites=2": StarVector(2),
    "sublattice:sites=2": Sublattice(2),
}
RULES_TO_PRINT = [
    *TEXTS.values(),
    KadanoffRule(2, 0.1 + 0.2),
    MomentumShell(2, 1 / 3, 1 / 8),
]


@pytest.mark.parametrize(("text", "rule"), TEXTS.items(), ids=TEXTS)
def test_texts_are_read(text, rule):
    assert parse_rule(text) == rule


@pytest.mark.parametrize("rule", RULES_TO_PRINT, ids=str)
def test_what_a_rule_prints_is_the_rule_to_the_last_digit(rule):
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize("name", BLOCK_RULES)
def test_every_option_may_be_left_out(name):
    assert parse_rule(name) == BLOCK_RULES[name]()
    assert any(text.partition(":")[0] == name for text in TEXTS)


def test_arrange_waits_for_a_fit():
    assert parse_rule("arrange") == ARRANGE
    assert ARRANGE in RULES


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "some,weights.npy"
    np.save(path, np.arange(1, 17).reshape(1, 4, 4))
    return path


def test_weights_come_from_a_file(weights):
    kernels = np.load(weights)
    convolution = parse_rule(f"convolution:{weights},output=sign,b=4")
    assert isinstance(convolution, Convolution)
    assert (convolution.b, convolution.output) == (4, "sign")
    assert np.array_equal(convolution.kernels, kernels)
    assert str(convolution) == f"convolution:{weights},b=4,output=sign"
    np.save(weights, kernels[0])
    weighted = parse_rule(f"weighted:{weights},b=2,p=0.5")
    assert isinstance(weighted, Weighted)
    assert (weighted.b, weighted.p) == (2, 0.5)
    assert np.array_equal(weighted.weights, kernels[0])
    assert str(weighted) == f"weighted:{weights},b=2,p=0.5"
    again = parse_rule(str(weighted))
    assert isinstance(again, Weighted)
    assert np.array_equal(again.weights, weighted.weights)
    plain = parse_rule(f"weighted:{weights}")
    assert isinstance(plain, Weighted)
    assert (plain.b, plain.p) == (2, math.inf)


WRONG = {
    "majorty:b=2": "did you mean 'majority'",
    "majority:b=0": "takes b=N, each once, N a whole number of at least 1, got 'b=0'",
    "majority:b=1": "b is a whole number of at least 2, got 1; use 2",
    "momentum:b=1": "b is a whole number of at least 2, got 1",
    "majority:b=-2": "got 'b=-2'",
    "majority:b=2.0": "got 'b=2.0'",
    "majority:b=nan": "got 'b=nan'",
    "majority:b=True": "got 'b=True'",
    "majority:b=9" + 5000 * "9": "takes b=N",
    "plurality:q=3": "takes b=N, each once, .* write for example 'plurality:b=2'",
    "vectors:b=2": "did you mean 'vector'",
    "vector-sum": "did you mean 'vector'",
    "tile-plurality:sites=1": "tile is a whole number of at least 2, got 1",
    "average-pool:b=1": "windows of one site at every site leave all as it is",
    "max-pool:window=1,b=1": "windows of one site at every site leave all as it is",
    "momentum:width=nan": "width is a share of the cut-off from 0 to 1, got nan",
    "momentum:width=wide": "got 'width=wide'",
    "momentum:dimension=nan": "a number of at most 10 in size, got nan",
    "momentum:dimension=inf": "a number of at most 10 in size, got inf",
    "majority:b=2,b=2": "each once, .* got 'b=2'; write for example 'majority:b=2'",
    "majority:b=²": "got 'b=²'",
    "majority:b": "got 'b'",
    "average:p=1": "takes b=N, each once",
    "kadanoff:b=2,p=sharp": "takes b=N and p=X, each once, .* got 'p=sharp'",
    "kadanoff:b=2,p=": "got 'p='",
    "kadanoff:p=-1": "sharpness p is 0 .noise. or more, got -1",
    "kadanoff:p=nan": "sharpness p is 0 .noise. or more, got nan",
    "momentum:width=2": "width is a share of the cut-off from 0 to 1, got 2",
    "momentum:cut=2": "takes b=N and width=X and dimension=X, each once",
    "max-pool:window=0": "got 'window=0'",
    "tile-majority:b=3": "takes sites=N, .* write for example 'tile-majority:sites=3'",
    "sublattice:sites=two": "got 'sites=two'",
    "weighted": "needs the file of its weights, got nothing after the colon",
    "weighted:b=2": r"needs numbers in a .npy file, got b=2 \(.*No such file",
    "weighted:{},b=none": "takes b=N and p=X, each once, .* got 'b=none'; write for",
    "weighted:{},name=me": "got 'name=me'",
    "convolution:{},output=mean": "'real' values or their 'sign', got 'mean'",
    "convolution:{},output=": "takes b=N and output=NAME, each once",
    "convolution:{}.gone": "needs numbers in a .npy file, got .*.gone",
    "arrange:b=2": "did you mean 'arrange'",
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.items(), ids=WRONG)
def test_wrong_texts_get_a_sentence(text, sentence, weights):
    with pytest.raises(ValueError, match=sentence) as refusal:
        parse_rule(text.format(weights))
    assert "\n" not in str(refusal.value)


def test_files_that_are_no_numbers_get_a_sentence(tmp_path):
    trap, words, archive = (tmp_path / f"{n}.npy" for n in ("trap", "words", "many"))
    np.save(trap, np.array([None, 1]), allow_pickle=True)
    np.save(words, np.array(["up", "down"]))
    with open(archive, "wb") as file:
        np.savez(file, a=np.ones(3))
    empty = tmp_path / "empty.npy"
    empty.write_bytes(b"")
    for path in (trap, words, archive, empty, tmp_path):
        with pytest.raises(
            ValueError, match=r"needs numbers in a .npy file"
        ) as refusal:
            parse_rule(f"weighted:{path}")
        assert "\n" not in str(refusal.value)
