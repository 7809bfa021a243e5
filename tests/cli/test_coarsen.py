"""`kadanoff coarsen` for every kind of spin, step by step and in one stack."""

import json
import math

import numpy as np
import pytest

from kadanoff.cli import main
from kadanoff.storage import load

LAWS = {
    "potts": ("potts --q 3 --shape 16 16 --coupling 1.005", "plurality:b=2"),
    "xy": ("xy --shape 16 16 --coupling 1.12", "vector:b=2"),
    "turned potts": ("potts --q 4 --shape 8 8 --coupling 1", "tile-plurality:sites=2"),
    "turned xy": ("xy --shape 8 8 --coupling 1", "star-vector:sites=2"),
    "triangles": (
        "potts --q 3 --shape 9 9 --coupling 0.6 --lattice triangular",
        "tile-plurality:sites=3",
    ),
    "cubes": ("potts --q 3 --shape 8 8 8 --coupling 0.55", "plurality:b=2"),
}


def run(command, capsys):
    assert main(f"{command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", LAWS)
def test_two_steps_of_sampled_states_and_angles(name, capsys):
    law, rule = LAWS[name]
    run(f"sample {law} --draws 64 --out fine.nc", capsys)
    fine = load("fine.nc")
    shown = run(f"coarsen fine.nc --rule {rule} --rule {rule} --out coarse.nc", capsys)
    coarse = load("coarse.nc")
    assert shown["rule"] == f"{rule} | {rule}"
    assert shown["alphabet"] == coarse.alphabet == fine.alphabet
    assert shown["lattice"] == list(coarse.shape)
    assert (coarse.chains, coarse.draws) == (fine.chains, fine.draws)
    assert coarse.history[-1]["rule"] == shown["rule"]
    assert np.isclose(coarse.grid.site_area * coarse.grid.size, area(fine))
    # The order of the blocks is that of their spins: 4.4 standard errors of chance.
    orders = [order(level) for level in (fine, coarse)]
    assert np.corrcoef(orders)[0, 1] > 4.4 / np.sqrt(fine.size)
    strangers = np.corrcoef(orders[0], np.roll(orders[1], 1))[0, 1]
    assert strangers < 4.4 / np.sqrt(fine.size)  # the control


def area(ensemble):
    return ensemble.grid.site_area * ensemble.grid.size


def order(ensemble):
    """Size of the magnetization of each configuration."""
    values = ensemble.values.reshape(ensemble.size, -1)
    if ensemble.alphabet == "angle":
        return np.abs(np.exp(1j * values).mean(axis=1))
    q = int(ensemble.alphabet.partition(":")[2])
    return np.abs(np.exp(2j * math.pi * values / q).mean(axis=1))


@pytest.mark.parametrize(
    ("rule", "advice"),
    [
        ("majority:b=2", "use 'plurality' for Potts states"),
        ("average:b=2", "use 'plurality' for Potts states"),
        ("vector:b=2", "use 'plurality' for Potts states"),
        ("tile-majority:sites=2", "use 'tile-plurality' for Potts states"),
        ("star-vector:sites=2", "use 'star-plurality' for Potts states"),
        ("max-pool:window=9", "longer than the lattice of shape (8, 8)"),
        ("majority:b=1", "at least 2, got 1; use 2"),
    ],
)
def test_a_rule_that_does_not_fit_says_which_does(rule, advice, capsys):
    run("sample potts --q 3 --shape 8 8 --coupling 1 --draws 32 --out p.nc", capsys)
    assert main(f"coarsen p.nc --rule {rule} --out no.nc".split()) == 2
    said = capsys.readouterr().err
    assert advice in said
    assert "Traceback" not in said
