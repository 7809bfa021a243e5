"""Machines as files: round trips, and a sentence for everything that is no machine."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kadanoff.geometry import Grid, Unordered
from kadanoff.networks import weights
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM
from kadanoff.networks.weights import load, load_state, save

MACHINES = {
    "grid": RBM(Grid((4, 4)).coarsened(2), 3),
    "unordered, biases": RBM(Unordered(5), 3, biases=True),
    "double": RBM((2, 2), 3).double(),
    "tied": ConvRBM(filter=3, stride=1, dimension=1, biases=True),
}


@pytest.mark.parametrize("network", MACHINES.values(), ids=MACHINES)
def test_a_machine_comes_back_bit_by_bit(network, tmp_path):
    network = network.initialised(seed=3)
    network.record = {"weight": np.array([0.1, 0.2])}
    network.notes = {"seed": 3, "settings": {"epochs": 2}}
    save(network, tmp_path / "m.safetensors")
    back = load(tmp_path / "m.safetensors", kind=network.kind)
    assert back.describe() == network.describe()
    assert back.notes == network.notes
    assert back.record["weight"].tolist() == [0.1, 0.2]
    assert back.biases == network.biases
    for name, parameter in network.named_parameters():
        other = getattr(back, name)
        assert other.dtype == parameter.dtype
        assert torch.equal(other, parameter)


def test_the_same_machine_gives_the_same_bytes(tmp_path):
    network = RBM((2, 2), 3)
    network.record = {name: np.arange(3.0) for name in ("weight", "gap", "other")}
    network.notes = dict.fromkeys(("seed", "data", "start", "settings"), 1)
    for name in ("a", "b"):
        save(network, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_further_tensors_are_kept_apart(tmp_path):
    save(RBM(2, 2), tmp_path / "m", state={"chains": torch.ones(3)})
    network, state = load_state(tmp_path / "m")
    assert network.record == {}
    assert list(state) == ["chains"]


def saved(path, network=None):
    save(network or RBM((2, 2), 3), path)
    return path


def with_tensor(path, **tensors):
    """A file whose description is right and some of whose tensors are not."""
    parameters = dict(RBM((2, 2), 3).state_dict()) | tensors
    about = {
        "version": 1,
        "kind": "rbm",
        "arguments": RBM((2, 2), 3).describe(),
        "notes": {},
    }
    save_file(parameters, path, {"kadanoff": json.dumps(about)})
    return path


def described(path, **changes):
    about = {
        "version": 1,
        "kind": "rbm",
        "arguments": RBM((2, 2), 3).describe(),
        "notes": {},
    } | changes
    save_file(dict(RBM((2, 2), 3).state_dict()), path, {"kadanoff": json.dumps(about)})
    return path


def cut(path, share):
    content = saved(path).read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def written(path, content):
    path.write_bytes(content)
    return path


BAD = {
    "missing": (lambda p: p, "no such file"),
    "a directory": (lambda p: p.parent, "no such file"),
    "empty": (lambda p: written(p, b""), "not a complete safetensors file"),
    "cut at the header": (lambda p: cut(p, 0.1), "not a complete safetensors file"),
    "cut in the weights": (lambda p: cut(p, 0.95), "not a complete safetensors file"),
    "text": (lambda p: written(p, b"weights " * 99), "not a complete safetensors"),
    "a pickle": (
        lambda p: written(p, pickle.dumps({"W": [1.0]})),
        "not a complete safetensors file",
    ),
    "another program's": (
        lambda p: save_file({"W": torch.ones(2)}, p) or p,
        "without a description",
    ),
    "no JSON": (
        lambda p: save_file({"W": torch.ones(2)}, p, {"kadanoff": "{"}) or p,
        "not JSON",
    ),
    "half a description": (
        lambda p: save_file({"W": torch.ones(2)}, p, {"kadanoff": "{}"}) or p,
        "lacks 'kind'",
    ),
    "a list": (
        lambda p: save_file({"W": torch.ones(2)}, p, {"kadanoff": "[]"}) or p,
        "lacks",
    ),
    "the future": (lambda p: described(p, version=2), "version 2, this program"),
    "another kind": (lambda p: described(p, kind="dbn"), "kind rbm or conv-rbm"),
    "wrong arguments": (
        lambda p: described(p, arguments={"hidden": 3}),
        "kind rbm or conv-rbm",
    ),
    "huge claim": (
        lambda p: described(p, arguments=RBM(4, 3).describe() | {"hidden": 10**12}),
        r"expected W of shape \(4, 1000000000000\)",
    ),
    "wrong shape": (
        lambda p: with_tensor(p, W=torch.ones(4, 4)),
        r"expected W of shape \(4, 3\), got shape \(4, 4\)",
    ),
    "NaN": (
        lambda p: with_tensor(p, W=torch.full((4, 3), torch.nan)),
        "W holds values that are not finite",
    ),
    "whole numbers": (
        lambda p: with_tensor(p, c=torch.ones(4, dtype=torch.int32)),
        "c holds values that are not finite",
    ),
}


@pytest.mark.parametrize(("make", "sentence"), BAD.values(), ids=BAD)
def test_what_is_no_machine_gets_a_sentence_with_its_name(make, sentence, tmp_path):
    path = make(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=sentence) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_another_kind_than_asked_for_is_refused(tmp_path):
    path = saved(tmp_path / "m", ConvRBM())
    with pytest.raises(ValueError, match="of kind 'rbm', got 'conv-rbm'"):
        load(path, kind="rbm")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = saved(tmp_path / "m")
    before = path.read_bytes()

    def half(tensors, file, metadata):
        file.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(weights, "save_file", half)
    with pytest.raises(OSError, match="no space left"):
        save(RBM((2, 2), 5), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
