"""`kadanoff zoom` draws every kind of spin on every lattice, also as a film."""

import json

import pytest
from PIL import Image

from kadanoff.cli import main

CASES = {
    "potts": ("potts --q 3 --shape 16 16 --coupling 1.005", "plurality", "plurality"),
    "xy": ("xy --shape 16 16 --coupling 1.12", "vector", "tile-vector:sites=2"),
    "field": ("phi4 --shape 16 16 --coupling 0.6 --quartic 0.5", "average", "average"),
    "stars": ("ising --shape 16 16 --coupling 0.44", "star-majority", "star-majority"),
    "honeycomb": (
        "ising --shape 6 6 --coupling 0.6 --lattice honeycomb",
        "sublattice",
        "tile-majority",
    ),
    "cubes": ("ising --shape 8 8 8 --coupling 0.22", "majority", "majority"),
    "chain": ("potts --q 3 --shape 32 --coupling 1", "plurality", "decimation"),
}


def run(command, capsys):
    assert main(f"{command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", CASES)
def test_two_steps_are_drawn(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    law, first, second = CASES[name]
    run(f"sample {law} --draws 32 --out fine.nc", capsys)
    rules = f"--rule {first} --rule {second} --rows 2"
    shown = run(f"zoom fine.nc {rules} --out zoom.svg", capsys)
    assert (shown["levels"], shown["rows"]) == (3, 2)
    assert (tmp_path / "zoom.svg").read_text(encoding="utf-8").startswith("<?xml")
    run(f"zoom fine.nc {rules} --out zoom.gif", capsys)
    with Image.open(tmp_path / "zoom.gif") as film:
        assert film.n_frames > 10  # type: ignore[attr-defined]
