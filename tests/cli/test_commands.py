"""What a user types, from sampling to the scorecard."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import xarray

from kadanoff.cli import main
from kadanoff.exact.enumerate import moments
from kadanoff.exact.kaufman import torus
from kadanoff.storage import load


def run(command, capsys):
    """The JSON object that a command prints, and nothing else."""
    assert main(f"{command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def spins(folder, capsys):
    run(
        "sample ising --shape 16 16 --coupling 0.440686793509772 --draws 4096 "
        "--chains 256 --seed 7 --out spins.nc",
        capsys,
    )
    return folder / "spins.nc"


def test_exact_prints_three_plain_numbers(capsys):
    shown = run("exact ising --shape 3 4 --coupling 0.41", capsys)
    assert set(shown) == {"log_partition", "energy", "heat_capacity"}
    truth = moments((3, 4), 0.41)
    assert shown["energy"] == pytest.approx(truth.energy, rel=1e-12)
    assert shown["heat_capacity"] == pytest.approx(truth.heat_capacity, rel=1e-10)


def test_sample_writes_what_xarray_opens(spins):
    with xarray.open_dataset(spins, engine="h5netcdf") as data:
        assert data["spins"].dims[:2] == ("chain", "draw")
        assert data["spins"].shape[0] == 256
    ensemble = load(spins)
    assert ensemble.size == 4096
    assert ensemble.couplings["K"] == pytest.approx(0.440686793509772)
    assert ensemble.history[0]["seed"] == 7


def test_draws_are_rounded_up_to_whole_chains(folder, capsys):
    shown = run(
        "sample ising --shape 6 6 --coupling 0.3 --draws 100 --chains 64 --out a.nc",
        capsys,
    )
    assert shown["configurations"] == 128


def test_measure_puts_the_exact_value_beside(spins, capsys):
    shown = run("measure spins.nc", capsys)
    exact = torus((16, 16), 0.440686793509772)
    assert shown["energy"]["exact"] == pytest.approx(exact.energy)
    assert shown["heat_capacity"]["exact"] == pytest.approx(exact.heat_capacity)
    for name in ("energy", "heat_capacity"):
        reading = shown[name]
        assert abs(reading["value"] - reading["exact"]) < 4.5 * reading["error"]
        assert 0 < reading["n_eff"] <= 4096
    assert {"magnetization", "binder", "tau"} <= set(shown)


def test_measure_reads_the_correlation_length(spins, capsys):
    """At K_c ξ/L is 0.905 on large squares, 0.92 with the L^-7/4 of L = 16."""
    length = run("measure spins.nc", capsys)["correlation_length"]
    assert abs(length["value"] / 16 - 0.92) < 0.01 + 4 * length["error"] / 16
    assert 0 < length["error"] < 1
    run("sample ising --shape 8 8 --coupling 1 --draws 256 --out cold.nc", capsys)
    assert main(["measure", "cold.nc"]) == 0
    assert "longer than the lattice" in capsys.readouterr().out


@pytest.mark.parametrize(("ending", "first"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_measure_draws_a_picture(spins, ending, first, capsys):
    shown = run(f"measure spins.nc --plot sheet.{ending}", capsys)
    assert shown["plot"] == f"sheet.{ending}"
    assert (spins.parent / shown["plot"]).read_bytes().startswith(first)


def test_models_without_positions_of_a_sign_have_no_length_but_a_picture(
    folder, capsys
):
    command = "sample potts --q 3 --shape 6 6 --coupling 0.5 --draws 256 --out p.nc"
    run(command, capsys)
    shown = run("measure p.nc --plot p.svg", capsys)
    assert "correlation_length" not in shown
    assert (folder / "p.svg").stat().st_size > 10_000


@pytest.fixture
def sweeps(folder, capsys):
    """Of 4×4, 6×6 and 8×8 around T_c."""
    for side in (4, 6, 8):
        run(
            f"sample ising --shape {side} {side} --temperatures 2.1:2.5:6 "
            f"--draws 4096 --seed {side} --out L{side}",
            capsys,
        )
    return folder


def test_measure_reads_a_sweep(sweeps, capsys):
    rows = run("measure L8", capsys)
    assert [row["temperature"] for row in rows] == pytest.approx(
        np.linspace(2.1, 2.5, 6)
    )
    for row in rows:
        assert row["exact"] == pytest.approx(torus((8, 8), row["coupling"]).energy)
        assert abs(row["energy"]["value"] - row["exact"]) < 4.5 * row["energy"]["error"]
        assert {"magnetization", "heat_capacity", "binder"} <= set(row)
    assert main(["measure", "L8"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["T", "K", "energy", "exact", "|m|", "C", "U₄"]
    assert len(lines) == 6
    assert lines[0].split()[0] == "2.1"
    assert "(" in lines[0].split()[2]


def test_scaling_finds_the_critical_point(sweeps, capsys):
    """K_c within 4 errors; without the correction the smallest sizes are off."""
    shown = run("scaling L4 L6 L8 --plot scaling.svg", capsys)
    found = shown["critical_coupling"]
    assert found["exact"] == pytest.approx(0.440686793509772)
    assert abs(found["value"] - found["exact"]) < 4 * found["error"]
    assert shown["critical_temperature"]["value"] == pytest.approx(1 / found["value"])
    assert shown["nu"]["exact"] == 1
    assert abs(shown["nu"]["value"] - 1) < 4 * shown["nu"]["error"]
    assert [pair["sizes"] for pair in shown["crossings"]] == [[4, 6], [6, 8]]
    assert (shown["omega"], shown["sizes"]) == (1.75, [4, 6, 8])
    assert (sweeps / shown["plot"]).read_text(encoding="utf-8").startswith("<?xml")
    assert run("scaling L4 L6 L8 --omega none", capsys)["omega"] is None
    assert run("scaling L4 L6 L8 --omega 2.5", capsys)["omega"] == 2.5
    ratio = run("scaling L6 L8 L4 --reading correlation-ratio", capsys)
    assert ratio["reading"] == "ξ/L"
    assert ratio["crossings"][0]["height"]["value"] > 0.8
    assert main(["scaling", "L4", "L6", "L8"]) == 0
    text = capsys.readouterr().out
    assert "critical_temperature" in text
    assert "exact 2.269185314" in text
    assert "ω = 1.75" in text


def test_a_stack_of_rules_on_the_command_line(spins, capsys):
    shown = run(
        "coarsen spins.nc --rule majority:b=2 --rule average:b=2 --out c.nc", capsys
    )
    assert shown["lattice"] == [4, 4]
    assert shown["alphabet"] == "real"
    assert load("c.nc").shape == (4, 4)


def test_a_training_reads_itself_beside_what_is_exact(spins, capsys):
    training = "train rbm spins.nc --hidden 64 --epochs 2 --out m.safetensors"
    plain, likely = (
        run(f"{training} {aim}", capsys) for aim in ("", "--aim likelihood --augment")
    )
    exact = run("exact ising --shape 16 16 --coupling 0.440686793509772", capsys)[
        "energy"
    ]
    assert likely["energy"]["exact"] == pytest.approx(exact, abs=1e-10)
    assert likely["energy"]["error"] > 0
    assert likely["epoch"] == plain["epoch"] == 2
    gain = [
        read["pseudo_likelihood"]["value"] - read["law_pseudo_likelihood"]["value"]
        for read in (plain, likely)
    ]
    assert gain[0] < gain[1] < 0  # two epochs at a higher rate come nearer to the law


def test_flow_prints_numbers_by_name(folder, capsys):
    found = run("flow migdal-kadanoff --d 2 --b 2 --plot flow.svg", capsys)
    assert math.log(math.cosh(4 * found["fixed_point"])) / 2 == pytest.approx(
        found["fixed_point"]
    )
    assert found["y_t"] == pytest.approx(0.747236, abs=1e-6)
    assert (folder / "flow.svg").read_text().startswith("<?xml")
    assert set(run("flow epsilon --epsilon 1", capsys)["fixed_point"]) == {
        "mass",
        "quartic",
    }
    assert {"niemeijer", "btrg"} <= set(run("flow", capsys))
    tensors = run("flow btrg --chi 8", capsys)
    assert tensors["relative_error"] < 2e-5
    assert tensors["by_step"][10]["dimensions"][0] == pytest.approx(1 / 8, abs=0.01)
    assert tensors["by_step"][10]["central_charge"] == pytest.approx(1 / 2, abs=0.02)
    average = run("flow block-average --d 2 --c 2", capsys)
    assert average["y_t"] == pytest.approx(2)
    for command, sentence in {
        "flow btrg --d 3": "--d is for maps of couplings, not for btrg",
        "flow migdal-kadanoff --chi 3": "--chi is for tensor schemes",
        "flow trg --q inf": "a whole number of states, got inf",
        "flow trg --q nan": "a whole number of states, got nan",
        "flow trg --q 100": "2 to 12 states, got 100",
        "flow trg --steps 1500": "1 to 200 steps, got 1500",
        "flow btrg --coupling 1e308": "at most 50 in size",
        "flow variational --p nan": "p",
    }.items():
        assert main(command.split()) == 2
        assert sentence in capsys.readouterr().err
    assert main(["flow", "btrg", "--chi", "1"]) == 2
    assert "keeps 2 to 64 states, got 1" in capsys.readouterr().err
    assert main(["flow", "migdal-kadanoff", "--q", "3"]) == 2
    assert "options of migdal-kadanoff are d, b" in capsys.readouterr().err


def test_judge_reads_a_machine_beside_the_exact_law(spins, capsys):
    run("train rbm spins.nc --hidden 20 --epochs 2 --out m.safetensors", capsys)
    sizes = "--chains 16 --draws 8 --out own.nc"
    found = run(f"judge m.safetensors spins.nc {sizes}", capsys)
    assert found["log_z"]["method"] == "exact"
    assert found["kl"]["value"] > 0
    assert found["kl"]["partition_error"] == 0
    assert -math.log(2) < found["log_likelihood"]["value"] < 0
    exact = run("exact ising --shape 16 16 --coupling 0.440686793509772", capsys)
    assert found["energy"]["exact"] == pytest.approx(exact["energy"], abs=1e-10)
    assert found["correlator"]["law"] == "critical torus"
    assert set(found["r_hat"]) == {"abs_m", "energy", "free_energy"}
    assert load("own.nc").shape == (16, 16)
    run("train pca spins.nc --hidden 4 --out p.safetensors", capsys)
    assert main(["judge", "p.safetensors", "spins.nc"]) == 2
    assert "kind 'pca' is no law" in capsys.readouterr().err


def test_train_then_coarsen_zoom_and_probe(spins, capsys):
    run("train rbm spins.nc --hidden 64 --epochs 3 --out m.safetensors", capsys)
    run("train conv-rbm spins.nc --epochs 3 --out t.safetensors", capsys)
    dense = "--rule rbm:m.safetensors --rule arrange"
    coarse = run(f"coarsen spins.nc {dense} --out c.nc", capsys)
    assert coarse["lattice"] == [8, 8]
    assert coarse["configurations"] == 3072  # a quarter fitted the arrangement
    tied = "--rule conv-rbm:t.safetensors"
    assert run(f"zoom spins.nc {tied} --out z.svg", capsys)["levels"] == 2
    assert (spins.parent / "z.svg").read_text().startswith("<?xml")
    card = run("probe spins.nc --rule rbm:m.safetensors --rows quick", capsys)
    assert "trained on some of the chains" in card["remark"]
    assert set(card["rows"]) >= {"coverage", "locality", "temperature", "exponents"}
    assert set(card["controls"]["block"]) >= {"locality", "temperature", "exponents"}


def test_a_pair_of_files_reads_like_the_rule_that_made_it(spins, capsys):
    run("coarsen spins.nc --rule majority:b=2 --out c.nc --seed 3", capsys)
    quick = "--rows quick --controls none"
    pair = run(f"probe spins.nc c.nc {quick}", capsys)
    rule = run(f"probe spins.nc --rule majority:b=2 {quick}", capsys)
    for name in ("y_T", "y_H"):
        here, there = (card["rows"]["exponents"][name] for card in (pair, rule))
        assert abs(here["value"] - there["value"]) < 5 * here["error"]
    assert rule["controls"] == {}


def test_import_of_a_foreign_file(folder, capsys):
    bits = np.random.default_rng(0).integers(0, 2, (64, 4, 6))
    np.save("bits.npy", bits)
    shown = run("import bits.npy --alphabet 01 --chains 8 --out a.nc", capsys)
    assert (shown["chains"], shown["lattice"]) == (8, [4, 6])
    assert np.array_equal(load("a.nc").values.reshape(64, 4, 6), 2 * bits - 1)
    measured = run("measure a.nc", capsys)
    assert "exact" not in measured["energy"]


def test_runs_lists_what_was_computed(spins, capsys):
    (info,) = run("runs", capsys)["runs"]
    assert info["step"] == "sample"
    assert info["done"]
    assert info["problem"] == ""


def test_the_same_sample_twice_is_read_from_its_run(spins, capsys):
    command = (
        "sample ising --shape 16 16 --coupling 0.440686793509772 --draws 4096 "
        "--chains 256 --seed 7 --out again.nc"
    )
    shards = sorted(spins.parent.rglob("shard-*"))
    before = [shard.stat().st_mtime_ns for shard in shards]
    run(command, capsys)
    assert [shard.stat().st_mtime_ns for shard in shards] == before
    assert np.array_equal(load("again.nc").data, load("spins.nc").data)


def test_cite_names_the_references(capsys):
    shown = run("cite", capsys)
    assert len(shown) > 10


def test_the_quick_demo_writes_one_offline_page(folder, capsys):
    shown = run("demo --quick --runs runs", capsys)
    assert len(shown["findings"]) == 5
    assert all(any(c.isdigit() for c in sentence) for sentence in shown["findings"])
    page = (folder / shown["report"]).read_text(encoding="utf-8")
    assert page.count("<img") >= 5
    assert "http" not in page.replace("http://www.w3.org", "")
    again = run("demo --quick --runs runs", capsys)
    assert again["findings"] == shown["findings"]


def test_help_is_instant_and_complete():
    shown = subprocess.run(
        [sys.executable, "-m", "kadanoff", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "demo" in shown.stdout
    assert "probe" in shown.stdout
    assert "scaling" in shown.stdout
