"""Networks in files: what the child computes is what the network computes."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from coarse.children import Warm
from safetensors.torch import save_file

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.foreign import TorchRule, torch_rule
from kadanoff.coarse.stack import Stack
from kadanoff.coarse.user import process
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered

NETWORKS = '''
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Majority(nn.Module):
    def __init__(self, b=3):
        super().__init__()
        self.b, self.ones = b, torch.ones(1, 1, b, b)

    def forward(self, x):
        print("a vote", flush=True)
        return F.conv2d(x, self.ones, stride=self.b).sign()


class Net(nn.Module):
    """The classifier of the tutorials, one pooling layer used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 5, 1)
        self.pool = nn.MaxPool2d(2)
        self.top = nn.Sequential(nn.Dropout(0.5), nn.Linear(5 * 7 * 7, 10))

    def forward(self, x):
        x = self.pool(F.relu(self.first(x)))
        x = self.pool(F.relu_(self.second(x)))
        return self.top(x.flatten(1))


dense = nn.Linear(36, 4).double()


def made_here():
    return Majority(2)


def first_third(x):
    assert not torch.is_grad_enabled()
    return x[:, 0, ::3, ::3]


def noisy(x):
    return F.dropout(first_third(x), 0.5)


def coins(x):
    x = first_third(x)
    return x * random.choice([1, 1]) * np.where(np.random.rand(*x.shape) < 0.5, 1, -1)


def unrepeatable(x):
    return first_third(x) + np.random.default_rng().normal()


def chain(x):
    return x[:, 0, ::2]
'''
FINE = Grid((6, 9))
COARSE = (2, 3)


@pytest.fixture(scope="module")
def warm():
    child = Warm()
    yield child
    child.stop()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("user") / "my nets.py"
    path.write_text(NETWORKS)
    return path


@pytest.fixture
def rule(warm, file, monkeypatch):
    """A rule of that file, in the warm child."""
    monkeypatch.setattr(process, "Child", warm)
    return lambda function, *layer, **options: TorchRule(
        file, function, *layer, **options
    )


def spins(n, *shape, seed=0):
    draws = np.random.default_rng(seed).choice([-1, 1], (n, *(shape or FINE.shape)))
    return draws.astype(np.int8)


def rng(seed=1):
    return np.random.default_rng(seed)


def namespace():
    """The same networks here."""
    found = {}
    exec(NETWORKS, found)
    return found


def test_a_vote_in_torch_is_the_majority_rule_bit_for_bit(rule):
    large = Grid((33, 33))
    values = spins(700, 33, 33)  # three batches; 3 × 3 spins are never tied
    voted = rule("Majority")
    out = voted(values, large, rng=rng())
    np.testing.assert_array_equal(out, Majority(3)(values, large, rng=rng()))
    assert out.dtype == np.int8
    assert voted.coarse(large) == Majority(3).coarse(large)
    assert (voted.features, voted.chance) == (None, "none")
    assert voted.alphabet("pm1") == "pm1"


def test_functions_that_make_modules_and_what_they_make_are_found(rule):
    fine = Grid((4, 4))
    both = [rule(name, output="mean") for name in ("made_here", "first_third")]
    assert both[0].coarse(fine) == fine.coarsened(2)
    assert both[1].coarse(FINE) == FINE.coarsened(3)


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "nested.pt"])
def test_a_pooling_layer_is_read_by_its_name(rule, tmp_path, suffix):
    torch.manual_seed(4)
    net = namespace()["Net"]()
    weights = tmp_path / f"net.{suffix}"
    if suffix == "safetensors":
        save_file(net.state_dict(), weights)
    else:
        nested = {"state_dict": net.state_dict(), "epoch": 3}
        torch.save(nested if "nested" in suffix else net.state_dict(), weights)
    fine, values = Grid((12, 12)), spins(5, 12, 12)  # not what the last layer takes
    x = torch.tensor(values, dtype=torch.float32)[:, None]
    with torch.no_grad():
        first = F.max_pool2d(F.relu(net.first(x)), 2)
        second = F.max_pool2d(F.relu(net.second(first)), 2)
        before_relu = net.second(first)  # and before what follows changes it in place
    for layer, expected in (
        ("pool", first),
        ("pool#1", second),
        ("second", before_relu),
    ):
        read = rule("Net", layer, weights=weights, output="mean")
        out = read(values, fine, rng=rng())
        np.testing.assert_allclose(out, expected.numpy(), rtol=0, atol=1e-6)
        assert read.features == expected.shape[1]
        assert read.coarse(fine).lattice == expected.shape[2:]
    one = rule("Net", "pool", weights=weights, output="mean", map=2)
    np.testing.assert_array_equal(
        one(values, fine, rng=rng()),
        rule("Net", "pool", weights=weights, output="mean")(values, fine, rng=rng())[
            :, 2
        ],
    )
    assert one.features is None


def test_feature_maps_reach_the_ensemble(rule):
    ensemble = Ensemble.from_values(spins(12, 4, 4).reshape(3, 4, 4, 4))
    maps = coarsen(rule("Net", "first", output="mean"), ensemble)
    assert (maps.features, maps.alphabet, maps.shape) == (3, "real", (3, 4, 4))
    one = coarsen(
        Stack((rule("Net", "pool", output="mean", map=0), rule("Net", "pool", map=1,
              output="mean"))), ensemble
    )  # fmt: skip
    assert (one.features, one.shape) == (None, (1, 1))


def test_flat_input_and_units_without_positions(rule, tmp_path):
    layer = namespace()["dense"]
    torch.save(layer.state_dict(), tmp_path / "w.pt")
    dense = rule(
        "dense", weights=tmp_path / "w.pt", input="flat", output="mean", encoding="01"
    )
    values = spins(3, 6, 6)
    out = dense(values, Grid((6, 6)), rng=rng())
    expected = layer(torch.tensor((values.reshape(3, 36) + 1) / 2))
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=0, atol=1e-6)
    assert dense.coarse(Grid((6, 6))) == dense.coarse(Unordered(36)) == Unordered(4)


def test_a_chain_is_a_lattice_where_it_has_axes_and_a_row_of_units_where_it_is_flat(
    rule, file
):
    assert rule("chain").coarse(Grid((8,))) == Grid((8,)).coarsened(2)
    identity = file.with_name("identity.py")
    identity.write_text("def same(x):\n    return x\n")
    assert TorchRule(identity, "same", input="flat").coarse(Grid((8,))) == Unordered(8)
    assert TorchRule(identity, "same").coarse(Grid((8,))) == Grid((8,))


def test_real_values_are_taken_as_they_are(rule):
    values = np.random.default_rng(2).normal(size=(3, 6, 9)).astype(np.float32)
    kept = rule("first_third", output="mean")
    assert kept.alphabet("real") == "real"
    out = kept(values, FINE, rng=rng())
    np.testing.assert_array_equal(out, values[:, ::3, ::3])
    with pytest.raises(ValueError, match=r"fed 0 and 1 for ±1 spins, got real values"):
        rule("first_third", encoding="01").alphabet("real")
    with pytest.raises(ValueError, match="needs ±1 spins or real values"):
        kept.alphabet("potts:3")


def worst_z(rule, expected):
    """Largest deviation of sampled means from expected ones, in standard errors.

    20 000 draws on 6 sites: a right rule exceeds 4.5 with probability 4e-5, and 0.04
    in a mean would be noticed.
    """
    one = np.repeat(spins(1), 20_000, axis=0)
    drawn = rule(one, FINE, rng=rng(3)).mean(axis=0)
    mean = expected(one[0, ::3, ::3].astype(float))
    error = np.sqrt(np.maximum(1 - mean**2, 1e-12) / len(one))
    return np.abs((drawn - mean) / error).max()


def test_logits_and_probabilities_are_drawn_from(rule):
    by_logit = rule("first_third", output="logit")
    assert by_logit.alphabet("pm1") == "pm1"
    assert worst_z(by_logit, lambda s: np.tanh(s / 2)) < 4.5
    assert worst_z(by_logit, lambda s: np.tanh(1.1 * s / 2)) > 4.5  # control
    certain = rule("first_third", output="prob", encoding="01")
    out = certain(spins(4), FINE, rng=rng())
    np.testing.assert_array_equal(out, spins(4)[:, ::3, ::3])


def test_the_same_generator_the_same_draws(rule):
    drawn = rule("first_third", output="logit")
    same = [drawn(spins(40), FINE, rng=rng(k)) for k in (1, 1, 2)]
    np.testing.assert_array_equal(same[0], same[1])
    assert (same[0] != same[2]).any()


@pytest.mark.parametrize("name", ["noisy", "coins"])
def test_chance_under_seeds_is_decided_by_the_generator(rule, name):
    random = rule(name, output="mean")
    outs = [random(spins(40), FINE, rng=rng(k)) for k in (1, 1, 2)]
    assert random.chance == "seeded"
    np.testing.assert_array_equal(outs[0], outs[1])
    assert (outs[0] != outs[2]).any()
    assert str(random) == random.text


def test_chance_without_a_seed_is_reported_in_the_history(rule):
    ensemble = Ensemble.from_values(spins(8).reshape(2, 4, *FINE.shape))
    random = rule("unrepeatable", output="mean")
    coarse = coarsen(random, ensemble)
    assert random.chance == "unseeded"
    assert coarse.history[-1]["rule"] == f"{random.text} (random without a seed)"


def test_dropout_and_the_like_are_off(rule):
    fine = Grid((28, 28))
    net = rule("Net", output="mean")
    assert net.coarse(fine) == Unordered(10)
    assert net.chance == "none"


def test_text_and_rule_are_the_same(rule, file, tmp_path):
    weights = tmp_path / "w.pt"
    weights.touch()
    assert str(rule("Majority")) == f"torch:{file}:Majority"
    full = rule("Net", "pool#1", weights=weights, input="flat", encoding="01", map=1)
    text = f"torch:{file}:Net@pool#1,weights={weights},input=flat,alphabet=01,map=1"
    assert str(full) == text
    items = text.removeprefix("torch:").split(",")
    again = torch_rule(items[0], dict(item.split("=") for item in items[1:]))
    assert again == full
    assert full.inputs == (file, weights)
    assert torch_rule(items[0], {"limit": "2", "total": "9"}).limit == 2


def test_a_copy_is_the_same_rule_with_a_child_of_its_own(rule):
    one = rule("Majority")
    one.coarse(FINE)
    other = copy.copy(one)
    assert other == one
    np.testing.assert_array_equal(
        one(spins(3), FINE, rng=rng()), other(spins(3), FINE, rng=rng())
    )
    assert other._process is not one._process


def test_nothing_is_unpickled_here(rule, monkeypatch):
    def refuse(*_):
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    out = rule("Majority")(spins(3), FINE, rng=rng())
    np.testing.assert_array_equal(out, Majority(3)(spins(3), FINE, rng=rng()))
    with pytest.raises(AssertionError, match="unpickled"):  # control
        pickle.loads(b"")


def test_modules_of_the_users_folder_are_found(warm, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "Child", warm)
    (tmp_path / "sibling.py").write_text("def same(x):\n    return x\n")
    path = tmp_path / "net.py"
    path.write_text("from sibling import same\nhere = same\n")
    monkeypatch.chdir(tmp_path)
    assert TorchRule("net.py", "here").coarse(FINE) == FINE
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.py", "sibling.py"]
