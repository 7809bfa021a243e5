"""`kadanoff relevance` prints what the scorecard reads, and refuses with a sentence."""

import json

import pytest

import kadanoff as kd
from kadanoff.cli import main
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.networks.weights import load, save
from kadanoff.scorecard.pruning import ORDERS
from kadanoff.scorecard.relevance import CLASSES, relevance


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained machine and configurations that it has not seen."""
    here = tmp_path_factory.mktemp("relevance")
    both = kd.sample(kd.Ising((4, 4)), coupling=0.4, draws=4096, chains=64, seed=1)
    training, unseen = both.split(2)
    settings = Training(epochs=4, batch=64, learning_rate=0.2, l1=0.0)
    save(train(RBM((4, 4), 4), training, settings=settings, seed=1), here / "m.st")
    save(RBM((6, 6), 4), here / "other.st")
    kd.save(unseen, here / "unseen.nc")
    return here


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def printed(command, capsys):
    assert main(command.split()) == 0
    return capsys.readouterr().out


def test_the_object_is_the_reading(capsys):
    shown = json.loads(printed("relevance m.st unseen.nc --seed 3 --json", capsys))
    true = relevance(load("m.st"), kd.load("unseen.nc"), seed=3)
    assert shown == json.loads(json.dumps(true.as_dict()))
    assert "pruning" not in shown


def test_a_line_for_every_direction_and_class(capsys):
    out = printed("relevance m.st unseen.nc --level 0.001 --operators nn field", capsys)
    assert len([line for line in out.splitlines() if line.startswith("W ")]) == 4
    assert len([line for line in out.splitlines() if line.startswith("b")]) == 5
    assert all(f"\n{name}" in out for name in CLASSES)
    assert "plaquette" not in out


def test_pruning_has_a_curve_for_every_order(capsys):
    command = "relevance m.st unseen.nc --prune --shares 0 1"
    shown = json.loads(printed(f"{command} --json", capsys))
    assert set(shown["pruning"]) == set(ORDERS)
    for curve in shown["pruning"].values():
        assert curve["kl"][1]["value"] < curve["kl"][0]["value"]
    out = printed(command, capsys)
    assert all(f"\n{by} 1 " in out for by in ORDERS)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("relevance m.st unseen.nc --shares 1", "--shares is for --prune"),
        ("relevance m.st unseen.nc --level 2", "a level lies between 0 and 1"),
        ("relevance m.st unseen.nc --prune --shares 2", "shares lie between 0 and 1"),
        ("relevance other.st unseen.nc", "has 36 visible units"),
        ("relevance m.st unseen.nc --operators nn second", "an operator is one of"),
    ],
)
def test_refusals_are_one_sentence(command, sentence, capsys):
    assert main(command.split()) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
