"""`kadanoff train`: what it refuses before it begins, and what it says at the end."""

import argparse
import json

import numpy as np
import pytest

from kadanoff.cli import main, train
from kadanoff.ensemble import Ensemble
from kadanoff.networks.weights import load
from kadanoff.storage import save

RBM = "train rbm spins.nc --hidden 8 --epochs 2 --out m.safetensors"
PCA = "train pca spins.nc --hidden 2 --out m.safetensors"
CODER = "train autoencoder spins.nc --hidden 2 --epochs 1 --out m.safetensors"
TIED = "train conv-rbm spins.nc --epochs 1 --out m.safetensors"
DEEP = "train dbn spins.nc --hidden 8 4 --epochs 2 --out m.safetensors"
SHARED = {"kind", "file", "out", "seed", "runs", "json", "held_out", "help"}

REFUSED = {
    "page over the data": (f"{RBM} --page spins.nc", "spins.nc is the input"),
    "page over the model": (f"{RBM} --page m.safetensors", "are two files"),
    "page over an old model": (f"{RBM} --page ./old --out old", "are two files"),
    "page nowhere": (f"{RBM} --page no/such/p.html", "folder of no/such/p.html"),
    "page is a folder": (f"{RBM} --page folder", "name a new file"),
    "no GPU": (f"{RBM} --device cuda", "needs a GPU that CUDA can use"),
    "no GPU of that number": (f"{RBM} --device cuda:3", "needs a GPU that CUDA"),
    "no device": (f"{RBM} --device banana", "'banana'"),
    "no device of a coder": (f"{CODER} --device banana", "'banana'"),
    "no GPU for a coder": (f"{CODER} --device cuda", "needs a GPU that CUDA can use"),
    "rungs without a ladder": (f"{RBM} --rungs 4", "--rungs is of tempered chains"),
    "a coder that diverges": (f"{CODER} --learning-rate 1e30", "lower the learning"),
    "hidden of a conv-rbm": (f"{TIED} --hidden 4", "--filter, --stride and --maps"),
}
DEVICES = {"no GPU", "no GPU of that number", "no GPU for a coder"}
WITHOUT_EFFECT = {
    PCA: "--k 2 | --l1 0 | --largest-gap 1 | --page p.html | --device cpu | --epochs 3 "
    "| --batch 8 | --aim locality | --augment | --biases | --learning-rate 1 | "
    "--visible-units spin | --hidden-units spin | --chains data | --momentum 0",
    CODER: "--l1 0.1 | --l2 0 | --augment | --page p.html | --k 1 | --k-last 2 | "
    "--chains tempered | --rungs 3 | --momentum 0.5 | --largest-gap 1 | "
    "--aim likelihood | --maps 1",
    RBM: "--filter 4 | --maps 2 | --stride 2",
    DEEP: "--filter 4 | --hidden-units gaussian",
    TIED: "--aim likelihood",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).normal(size=(20, 32, 4, 4))
    smooth = noise + np.roll(noise, 1, 2) + np.roll(noise, 1, 3)
    spins = np.where(smooth > 0, 1, -1).astype(np.int8)
    for name, field in (("spins.nc", {}), ("field.nc", {"h": 0.1})):
        known = {"model": "ising", "couplings": {"K": 0.3, **field}}
        save(Ensemble.from_values(spins, **known), name)
    real = Ensemble.from_values(smooth.astype(np.float32) / 2, alphabet="real")
    save(real, "real.nc")
    (tmp_path / "folder").mkdir()
    (tmp_path / "old").write_text("an old model")
    # Pages are read here for their sentences; tests/reports draws them.
    monkeypatch.setattr("kadanoff.reports.training.draw", lambda _: {})
    return tmp_path


def everything(folder):
    paths = sorted(folder.rglob("*"))
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def refusal(command, folder, capsys):
    """The sentence of a command that must leave the folder as it was."""
    before = everything(folder)
    assert main(command.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    *_, sentence = shown.err.strip().splitlines()  # a bar may come before
    assert sentence.startswith("kadanoff: ")
    assert everything(folder) == before
    return sentence


def run(command, capsys):
    assert main(f"{command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_is_made(case, folder, capsys, monkeypatch):
    if case in DEVICES:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    command, named = REFUSED[case]
    assert named in refusal(command, folder, capsys)


@pytest.mark.parametrize(
    ("command", "option"),
    [(c, o.strip()) for c, many in WITHOUT_EFFECT.items() for o in many.split("|")],
)
def test_an_option_without_effect_is_refused(command, option, folder, capsys):
    sentence = refusal(f"{command} {option}", folder, capsys)
    name, kind = option.split()[0], command.split()[1]
    assert sentence.startswith(f"kadanoff: {name} does not apply to a network of kind")
    assert kind in sentence


def test_every_option_belongs_to_some_kind():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    train.add(commands)
    declared = {action.dest for action in commands.choices["train"]._actions}
    assert declared - SHARED == train.OPTIONS
    assert set(train.APPLY) == set(train.KINDS)


def test_the_model_is_there_before_its_page(folder, capsys, monkeypatch):
    def no_room(*_):
        raise OSError("no room")

    monkeypatch.setattr("kadanoff.reports.page.write", no_room)
    assert main(RBM.split()) != 0
    assert "no room" in capsys.readouterr().err
    assert load(folder / "m.safetensors").kind == "rbm"


@pytest.mark.parametrize(
    ("file", "said"), [("field.nc", "shifts"), ("spins.nc", "shifts and flips")]
)
@pytest.mark.parametrize("command", [RBM, DEEP])
def test_no_flips_in_a_field(command, file, said, capsys):
    shown = run(f"{command.replace('spins.nc', file)} --augment --epochs 1", capsys)
    assert shown["symmetry"] == said
    network = load("m.safetensors")
    first = network.machines[0] if network.kind == "dbn" else network
    symmetry = first.notes["settings"]["symmetry"]
    assert symmetry == {"translations": True, "flip": said != "shifts"}


def test_a_training_that_a_gap_stopped_says_so(folder, capsys):
    """Fast and without a penalty, 128 configurations are learned by heart."""
    one = "train rbm spins.nc --hidden 64 --epochs 40 --batch 64 --held-out 0.8 "
    fast = f"{one} --learning-rate 0.5 --l1 0 --out m.safetensors --page p.html"
    whole = run(fast, capsys)
    assert "stopped" not in whole
    assert (whole["epoch"], type(whole["epoch"])) == (40, int)
    assert "It stopped after" not in (folder / "p.html").read_text()
    shown = run(f"{fast} --largest-gap 0.5", capsys)
    stop = shown["stopped"]
    assert 0 < stop["epoch"] == shown["epoch"] < stop["epochs"] == 40
    assert stop["largest_gap"] == 0.5
    assert stop["gap"] - 2 * stop["gap_error"] <= 0.5
    record = load("m.safetensors").record
    assert len(record["gap"]) == stop["epoch"]
    assert stop["gap"] == record["gap"][-1]
    sentence = f"It stopped after epoch {stop['epoch']} of 40: the next one left"
    assert sentence in (folder / "p.html").read_text()
    assert main(f"{fast} --largest-gap 0.5".split()) == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["stopped"].startswith(sentence)
    assert lines["epoch"].strip() == str(stop["epoch"])


def test_a_training_stopped_in_its_first_epoch_says_so(capsys):
    one = "train rbm spins.nc --hidden 64 --epochs 5 --batch 64 --held-out 0.8 "
    fast = f"{one} --learning-rate 50 --l1 0 --largest-gap 0 --out m.safetensors"
    shown = run(fast, capsys)
    assert shown["epoch"] == shown["stopped"]["epoch"] == 0
    assert shown["stopped"]["gap"] is None


def test_a_dbn_reads_every_layer_and_has_a_page(folder, capsys):
    shown = run(f"{DEEP} --page p.html", capsys)
    for layer in ("layer 0", "layer 1"):
        assert set(shown[layer]) == {"epoch", "pseudo_likelihood", "gap"}
        assert shown[layer]["epoch"] == 2
        for name in ("pseudo_likelihood", "gap"):
            assert np.isfinite(shown[layer][name]["value"])
            assert shown[layer][name]["error"] > 0
    text = (folder / "p.html").read_text()
    assert "a dbn of 2 machines: the first, an rbm, 4×4 → 8" in text
    assert "machine 2" in text
    assert main(f"{DEEP} --page p.html".split()) == 0
    printed = capsys.readouterr().out
    assert "None" not in printed
    assert "layer 1                epoch 2  pseudo_likelihood -0.69" in printed


@pytest.mark.parametrize(
    ("command", "units"),
    [
        (DEEP, ["spin", "spin"]),
        (DEEP.replace("spins.nc", "real.nc"), ["gaussian", "spin"]),
        (f"{DEEP} --visible-units gaussian", ["gaussian", "spin"]),
    ],
)
def test_a_dbn_sees_the_units_of_its_data(command, units, capsys):
    shown = run(command, capsys)
    first, second = load("m.safetensors").describe()["layers"]
    assert first["arguments"]["units"] == units
    assert second["arguments"]["units"] == ["spin", "spin"]
    assert "gap" in shown["layer 0"]


def test_sizes_of_a_filter_are_those_of_the_machine_unless_given(capsys):
    run(TIED, capsys)
    network = load("m.safetensors")
    assert (network.filter, network.stride, network.maps) == (4, 2, 1)
    run(f"{TIED} --maps 2 --filter 2", capsys)
    network = load("m.safetensors")
    assert (network.filter, network.stride, network.maps) == (2, 2, 2)
