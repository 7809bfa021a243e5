"""Networks as files: round trips, and a sentence for everything that is no network."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks import weights
from kadanoff.networks.autoencoder import Autoencoder
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.pca import fit_pca
from kadanoff.networks.rbm import RBM
from kadanoff.networks.weights import VERSION, load, load_state, save

MACHINES = {
    "grid": RBM(Grid((4, 4)).coarsened(2), 3),
    "unordered, biases": RBM(Unordered(5), 3, biases=True),
    "double": RBM((2, 2), 3).double(),
    "tied": ConvRBM(filter=3, stride=1, dimension=1, biases=True),
    "maps": ConvRBM(filter=2, maps=3),
    "fields": RBM((2, 2), 3, units=("gaussian", "spin")),
    "real code": ConvRBM(filter=2, biases=True, units=("spin", "gaussian")),
}


@pytest.mark.parametrize("network", MACHINES.values(), ids=MACHINES)
def test_a_machine_comes_back_bit_by_bit(network, tmp_path):
    network = network.initialised(seed=3)
    if network.log_precision is not None:
        torch.nn.init.constant_(network.log_precision, 0.7)
    network.record = {"weight": np.array([0.1, 0.2])}
    network.notes = {"seed": 3, "settings": {"epochs": 2}}
    save(network, tmp_path / "m.safetensors")
    back = load(tmp_path / "m.safetensors", kind=network.kind)
    assert back.describe() == network.describe()
    assert back.notes == network.notes
    assert back.record["weight"].tolist() == [0.1, 0.2]
    assert back.biases == network.biases
    assert back.units == network.units
    assert back.feature_maps == network.feature_maps
    assert_same_parameters(back, network)


def assert_same_parameters(back, network):
    parameters = dict(network.named_parameters())
    found = dict(back.named_parameters())
    assert list(found) == list(parameters)
    for name, parameter in parameters.items():
        assert found[name].dtype == parameter.dtype
        assert found[name].requires_grad == parameter.requires_grad
        assert torch.equal(found[name], parameter)


def deep(seed=1):
    network = DBN(
        [
            ConvRBM(filter=2, seed=seed, units=("gaussian", "spin")),
            RBM((2, 3), 4, biases=True, seed=seed),
            RBM(4, 2, seed=seed),
        ]
    )
    network.record = {"layers.1.weight": np.array([0.1, 0.2])}
    network.notes = {"seed": 3, "layers": [{"seed": 4}, {}, {"seed": 5}]}
    return network


def components():
    values = np.random.default_rng(1).choice([-1, 1], (4, 9, 2, 3)).astype(np.int8)
    return fit_pca(Ensemble.from_values(values), 2)


OTHERS = {
    "dbn": (deep(), Grid((4, 6))),
    "pca": (components(), Grid((2, 3))),
    "autoencoder": (Autoencoder(Grid((2, 3)), 4, biases=True, seed=2), Grid((2, 3))),
    "deep autoencoder": (Autoencoder(Unordered(6), (4, 2), seed=2), Unordered(6)),
}


@pytest.mark.parametrize(("network", "fine"), OTHERS.values(), ids=OTHERS)
def test_every_network_comes_back_bit_by_bit(network, fine, tmp_path):
    for name in ("a", "b"):
        save(network, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    back = load(tmp_path / "a", kind=network.kind)
    assert type(back) is type(network)
    assert back.describe() == network.describe()
    assert back.notes == network.notes
    assert list(back.record) == list(network.record)
    assert all((back.record[k] == v).all() for k, v in network.record.items())
    assert_same_parameters(back, network)
    values = np.random.default_rng(2).normal(size=(5, *fine.lattice))
    with torch.no_grad():
        first, again = (n.hidden_mean(n.tensor(values)) for n in (network, back))
    assert torch.equal(first, again)


def test_a_deep_network_remembers_whose_readings_are_whose(tmp_path):
    save(deep(), tmp_path / "m")
    first, second, third = load(tmp_path / "m", kind="dbn").machines
    assert (first.record, third.record) == ({}, {})
    assert second.record["weight"].tolist() == [0.1, 0.2]
    assert (first.notes, second.notes, third.notes) == ({"seed": 4}, {}, {"seed": 5})


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
        "version": VERSION,
        "kind": "rbm",
        "arguments": RBM((2, 2), 3).describe(),
        "notes": {},
    }
    save_file(parameters, path, {"kadanoff": json.dumps(about)})
    return path


def described(path, network=None, **changes):
    """A file whose tensors are right and whose description is not."""
    network = network or RBM((2, 2), 3)
    about = {
        "version": VERSION,
        "kind": network.kind,
        "arguments": network.describe(),
        "notes": {},
    } | changes
    save_file(dict(network.state_dict()), path, {"kadanoff": json.dumps(about)})
    return path


def without(network, name):
    """The description of a network that lacks one of its arguments."""
    return {k: v for k, v in network.describe().items() if k != name}


def restacked(*order):
    """The layers of the deep network, in another order or number."""
    layers = deep().describe()["layers"]
    return {"layers": [layers[l] for l in order]}


def unfitting():
    """Two layers of the same file whose units do not go together."""
    below = RBM(4, 4).describe() | {"units": ["spin", "gaussian"]}
    above = RBM(4, 4).describe()
    return {"layers": [{"kind": "rbm", "arguments": a} for a in (below, above)]}


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
    "the future": (
        lambda p: described(p, version=VERSION + 1),
        f"version {VERSION + 1}, this program reads {VERSION}",
    ),
    "the past": (lambda p: described(p, version=1), "version 1, this program"),
    "another kind": (lambda p: described(p, kind="vae"), "autoencoder or dbn"),
    "wrong arguments": (
        lambda p: described(p, arguments={"hidden": 3}),
        "kind rbm, conv-rbm, pca, autoencoder or dbn \\('visible'\\)",
    ),
    "unknown units": (
        lambda p: described(
            p, arguments=RBM((2, 2), 3).describe() | {"units": ["spin", "potts"]}
        ),
        "units are spin or gaussian",
    ),
    "no precision": (
        lambda p: described(
            p, arguments=RBM((2, 2), 3).describe() | {"units": ["gaussian", "spin"]}
        ),
        r"expected log_precision of shape \(\), got none",
    ),
    "fewer maps": (
        lambda p: described(p, ConvRBM(maps=3), arguments=ConvRBM(maps=2).describe()),
        r"expected W of shape \(2, 1, 4, 4\), got shape \(3, 1, 4, 4\)",
    ),
    "layers in another order": (
        lambda p: described(p, deep(), arguments=restacked(0, 2, 1)),
        r"expected layers.1.W of shape \(4, 2\), got shape \(6, 4\)",
    ),
    "a layer too many": (
        lambda p: described(p, deep(), arguments=restacked(0, 1, 2, 2)),
        r"expected layers.3.W of shape \(4, 2\), got none",
    ),
    "layers that do not fit": (
        lambda p: described(p, DBN([RBM(4, 4), RBM(4, 4)]), arguments=unfitting()),
        "hidden units of a machine are the visible ones of the next",
    ),
    "no layers": (
        lambda p: described(p, deep(), arguments={"layers": []}),
        "at least one machine, got none",
    ),
    "a deep layer": (
        lambda p: described(
            p,
            deep(),
            arguments={"layers": [{"kind": "dbn", "arguments": restacked(0)}]},
        ),
        r"kind rbm, conv-rbm, pca, autoencoder or dbn \('dbn'\)",
    ),
    "no number of components": (
        lambda p: described(p, components(), arguments=without(components(), "hidden")),
        r"does not describe a network of kind .* \('hidden'\)",
    ),
    "components of another size": (
        lambda p: described(
            p, components(), arguments=components().describe() | {"hidden": 3}
        ),
        r"expected components of shape \(6, 3\), got shape \(6, 2\)",
    ),
    "another code": (
        lambda p: described(
            p,
            Autoencoder(Unordered(6), 4),
            arguments=Autoencoder(Unordered(6), (4, 2)).describe(),
        ),
        r"expected encoder.1 of shape \(4, 2\), got none",
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


@pytest.mark.parametrize(("network", "_"), OTHERS.values(), ids=OTHERS)
def test_a_cut_file_of_any_kind_is_refused(network, _, tmp_path):
    path = saved(tmp_path / "m", network)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        load(path)


def test_another_kind_than_asked_for_is_refused(tmp_path):
    path = saved(tmp_path / "deep", deep())
    with pytest.raises(ValueError, match="of kind 'pca', got 'dbn'"):
        load(path, kind="pca")
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
