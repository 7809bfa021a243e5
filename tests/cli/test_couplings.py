"""`kadanoff couplings` finds the law that was sampled, and sees where it does not."""

import json

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.cli import main
from kadanoff.instruments.couplings import conditional_entropy, fit_couplings
from kadanoff.instruments.neighbourhood import table_entropy


def run(command, capsys):
    """The JSON object that a command prints, and nothing else."""
    assert main(f"{command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A law of two couplings, one in a field, one of a single chain, and colours."""
    folder = tmp_path_factory.mktemp("couplings")
    second = kd.Ising((12, 12), second=0.5)
    laws = {
        "two": (second, 0.25),
        "field": (kd.Ising((12, 12), field=0.1), 0.3),
        "honey": (kd.Ising((6, 6), lattice="honeycomb"), 0.3),
        "potts": (kd.Potts((8, 8), 3), 0.5),
    }
    found = {}
    for seed, (name, (model, coupling)) in enumerate(laws.items()):
        draws = 4096 if name in ("two", "field") else 256
        found[name] = kd.sample(model, coupling=coupling, draws=draws, seed=seed)
        kd.save(found[name], folder / f"{name}.nc")
    one = found["two"].values[:1]
    kd.save(kd.Ensemble.from_values(one), folder / "one.nc")
    return folder, found


@pytest.fixture
def files(drawn, monkeypatch, tmp_path):
    """The ensembles by name, in a folder where their files have these names."""
    folder, found = drawn
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return found


def test_the_couplings_are_those_of_the_law(files, capsys):
    """Each within 4.5 errors of either kind, six numbers: level 4e-5."""
    names = "nn nnn plaquette"
    shown = run(f"couplings two.nc --operators {names}", capsys)
    true = fit_couplings(files["two"], names.split())
    exact = {"nn": 0.25, "nnn": 0.125, "plaquette": 0.0}
    for n, (name, row) in enumerate(shown["couplings"].items()):
        assert row["value"] == float(true[name].value)
        assert row["sandwich_error"] == true.sandwich_error[n]
        assert row["exact"] == exact[name]
        for error in (row["error"], row["sandwich_error"]):
            assert abs(row["value"] - exact[name]) < 4.5 * error
            assert 0 < error < 0.01
    assert shown["entropy"]["value"] == float(true.entropy.value)
    assert shown["sandwich"] == true.sandwich.tolist()


def test_a_field_is_found_and_a_missing_term_shifts_the_others(files, capsys):
    """The control: without nnn, nn is no longer the K of the law."""
    field = run("couplings field.nc --operators nn field", capsys)["couplings"]
    assert (field["nn"]["exact"], field["field"]["exact"]) == (0.3, 0.03)
    for row in field.values():
        assert abs(row["value"] - row["exact"]) < 4.5 * row["error"]
    cut = run("couplings two.nc --operators nn", capsys)["couplings"]["nn"]
    assert cut["value"] - cut["exact"] > 10 * cut["error"]


def test_coarse_spins_have_no_exact_couplings(files, capsys):
    run("coarsen two.nc --rule majority:b=2 --out coarse.nc", capsys)
    shown = run("couplings coarse.nc", capsys)["couplings"]
    assert list(shown) == ["nn", "nnn", "plaquette"]
    assert all("exact" not in row for row in shown.values())


def test_what_is_unexplained_is_nothing_or_a_missing_term(files, capsys):
    """All couplings leave nothing, 3 errors; those of nn alone a share that is seen."""
    command = "couplings two.nc --unexplained --reach 1 --seed 3 --operators"
    whole = run(f"{command} nn nnn", capsys)
    assert whole["unexplained"]["value"] < 3 * whole["unexplained"]["error"]
    assert whole["verdict"].startswith("nothing beyond")
    cut = run(f"{command} nn", capsys)
    assert cut["unexplained"]["value"] > 5 * cut["unexplained"]["error"]
    assert cut["verdict"].endswith("terms are missing")
    fit, read = files["two"].split(2)
    true = conditional_entropy(fit_couplings(fit), read)
    assert cut["entropy_of_couplings"]["value"] == float(true.value)
    table = table_entropy(fit, read, reach=1)
    assert cut["entropy_of_table"]["value"] == float(table.value)
    assert (cut["configurations"], cut["read_on"]) == (fit.size, read.size)


def test_the_terminal_shows_both_errors(files, capsys):
    assert main(["couplings", "two.nc", "--operators", "nn", "nnn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    true = fit_couplings(files["two"], ("nn", "nnn"))
    (row,) = (line for line in lines if line.startswith("K nnn "))
    assert str(true["nnn"]) in row
    assert f"± {true.sandwich_error[1]:.2g}" in row
    assert "exact 0.125" in row


BAD = {
    "no file": ("nothing.nc", "nothing.nc"),
    "colours": ("potts.nc", "potts:3"),
    "two sites in a cell": ("honey.nc", "one site per cell"),
    "an unknown operator": ("two.nc --operators nn nm", "nm"),
    "an operator twice": ("two.nc --operators nn nn", "nn"),
    "reach alone": ("two.nc --reach 2", "--unexplained"),
    "no reach": ("two.nc --unexplained --reach 0", "at least 1"),
    "one chain": ("one.nc --unexplained", "1 chain"),
    "no seed": ("two.nc --unexplained --seed -1", "seed"),
    "a reach that is none": ("two.nc --unexplained --reach far", "far"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case, files, capsys):
    command, named = BAD[case]
    try:
        code = main(f"couplings {command}".split())
    except SystemExit as leaving:  # argparse leaves by itself
        code = leaving.code
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    (sentence,) = shown.err.strip().splitlines()
    assert sentence.startswith("kadanoff: ")
    assert named in sentence


def test_frozen_spins_have_couplings_at_infinity(tmp_path, monkeypatch, capsys):
    """No number, and null in JSON, where every spin lies along its field."""
    monkeypatch.chdir(tmp_path)
    up = np.ones((8, 8, 4, 4), dtype=np.int8)
    kd.save(kd.Ensemble.from_values(up), tmp_path / "up.nc")
    row = run("couplings up.nc --operators nn", capsys)["couplings"]["nn"]
    assert row["value"] is None
    assert row["sandwich_error"] is None
