"""`kadanoff dimensions` says what the library says, and why where it says nothing."""

import json

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.cli import main
from kadanoff.coarse.stack import Stack
from kadanoff.exact.potts import critical_coupling
from kadanoff.instruments.scaling import window
from kadanoff.instruments.scaling_levels import callan_symanzik
from kadanoff.instruments.scaling_power import power_law
from kadanoff.instruments.scaling_sizes import size_scaling
from kadanoff.instruments.scaling_triple import three_point


def run(command, capsys):
    """The JSON object that a command prints, and nothing else."""
    assert main(f"{command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


def text(command, capsys):
    """The lines that a command prints, by the name that each begins with."""
    assert main(command.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line[:22].strip(): line[23:] for line in lines}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Files of several sizes and models, made once."""
    folder = tmp_path_factory.mktemp("dimensions")
    laws = {
        "spins": (kd.Ising((24, 24)), kd.K_C, 4096),
        "hot": (kd.Ising((24, 24)), 0.36, 4096),
        "eight": (kd.Ising((8, 8)), kd.K_C, 4096),
        "twelve": (kd.Ising((12, 12)), kd.K_C, 4096),
        "sixteen": (kd.Ising((16, 16)), kd.K_C, 4096),
        "cubic": (kd.Ising((8, 8, 8)), 0.2216, 1024),
        "again": (kd.Ising((8, 8)), kd.K_C, 512),
        "small": (kd.Ising((4, 4, 4)), 0.2216, 1024),
        "potts": (kd.Potts((20, 20), 3), critical_coupling(3), 512),
        "potts6": (kd.Potts((6, 6), 3), critical_coupling(3), 512),
    }
    found = {}
    for seed, (name, (model, coupling, draws)) in enumerate(laws.items()):
        found[name] = kd.sample(model, coupling=coupling, draws=draws, seed=seed)
        kd.save(found[name], folder / f"{name}.nc")
    part, _ = found["spins"].split(2)
    kd.save(part, folder / "part.nc")
    return folder, found


@pytest.fixture
def files(drawn, monkeypatch, tmp_path):
    """The ensembles by name, in a folder where their files have these names."""
    folder, found = drawn
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return found


def test_one_file_is_read_by_the_torus_form_and_without_it(files, capsys):
    """Within 4.5 errors of ⅛, 1 and ½: four readings, level 3e-5."""
    shown = run("dimensions spins.nc --plot delta.svg", capsys)
    for operator, exact in (("spin", 1 / 8), ("energy", 1.0)):
        true, bare = (window(files["spins"], operator, form=f) for f in FORMS)
        part = shown[operator]
        assert part["value"] == float(true.delta.value)
        assert part["exact"] == exact
        assert part["believed"]
        assert part["reported"] == true.reported
        for name, fits in (("torus", true.fits), ("plane", bare.fits)):
            assert [f["r_min"] for f in part[name]] == [f.r_min for f in fits]
            assert [f["chi2"] for f in part[name]] == [f.chi2 for f in fits]
            assert [f["bias"] for f in part[name]] == [f.bias for f in fits]
        line = power_law(files["spins"], operator)
        assert part["power_law"]["bias"] == line.bias
        assert part["power_law"]["delta"]["value"] == float(line.delta.value)
        assert abs(part["value"] - exact) < 4.5 * part["error"]
    for name, triple in shown["three_point"].items():
        true = three_point(files["spins"], name)
        c = triple["coefficient"]
        assert (c["value"], triple["exact"]) == (float(true.coefficient.value), 0.5)
        assert abs(c["value"] - 0.5) < 4.5 * c["error"]
    assert "levels" not in shown
    assert "sizes" not in shown


FORMS = ("chord", "plane")


def test_off_the_critical_point_no_form_fits(files, capsys):
    """The control: χ² at r ≥ 3 and K = 0.36, a tenth and more off K_c."""
    hot = run("dimensions hot.nc --r-min 3", capsys)
    assert "0.36" in hot["remark"]
    assert hot["spin"]["torus"][0]["p"] < 1e-5
    assert not hot["spin"]["believed"]
    lines = text("dimensions hot.nc --r-min 3", capsys)
    assert "no window" in lines["Δ_σ"]
    assert "remark" in lines
    cold = run("dimensions spins.nc --r-min 3", capsys)
    assert cold["spin"]["torus"][0]["p"] > 1e-3
    assert "remark" not in cold


def test_distances_and_form_are_those_that_are_asked_for(files, capsys):
    command = "dimensions spins.nc --form stretched --r-min 4 2"
    part = run(command, capsys)["spin"]
    true = window(files["spins"], form="stretched", r_min=(2.0, 4.0))
    assert [fit["r_min"] for fit in part["torus"]] == [2, 4]
    assert part["value"] == float(true.delta.value)


def test_a_rule_runs_the_dimension_over_its_levels(files, capsys, tmp_path):
    command = "dimensions spins.nc --rule majority:b=2 --seed 4 --r-min 3"
    shown = run(f"{command} --steps 2 --plot run.png", capsys)["levels"]
    levels = list(Stack((kd.Majority(b=2),) * 2).levels(files["spins"], seed=4))
    true = callan_symanzik(levels)
    assert shown["gamma"]["value"] == float(true.gamma.value)
    assert shown["eta"]["exact"] == 0.25
    assert [step["p"] for step in shown["steps"]] == [step.p for step in true.steps]
    assert abs(shown["gamma"]["value"] - 1 / 8) < 0.01 + 4 * shown["gamma"]["error"]
    for name, level in zip("abc", levels, strict=True):
        kd.save(level, tmp_path / f"{name}.nc")
    assert run("dimensions a.nc b.nc c.nc --r-min 3", capsys)["levels"] == shown
    lines = text("dimensions a.nc b.nc c.nc --r-min 3", capsys)
    assert lines["γ"].split()[0] == str(true.gamma)
    assert "γ step 2 ←" in lines


def test_sizes_are_fitted_together(files, capsys):
    """Δ_σ of 8, 12, 16 with the known correction, and the largest read alone."""
    command = "dimensions twelve.nc sixteen.nc eight.nc --r-min 3"
    shown = run(f"{command} --plot sizes.pdf", capsys)
    assert shown["lattice"] == [16, 16]
    sizes = [files[name] for name in ("eight", "twelve", "sixteen")]
    for option, omega in (("", 1.75), (" --omega none", None), (" --omega 2", 2.0)):
        found = run(command + option, capsys)["sizes"]
        true = size_scaling(sizes, omega=omega)
        assert found["omega"] == omega
        assert found["delta_sigma"]["value"] == pytest.approx(
            float(true.delta_sigma.value), rel=1e-6
        )
        assert found["delta_epsilon"]["exact"] == 1
    sigma = shown["sizes"]["delta_sigma"]
    assert abs(sigma["value"] - 1 / 8) < 4.5 * sigma["error"]
    lines = text(f"{command} --omega none", capsys)
    assert lines["sizes"] == "8, 12, 16, correction none"
    assert "χ²/dof" in lines["Δ_ε by sizes"]


@pytest.mark.parametrize(
    ("names", "why"), [("cubic.nc small.nc", "torus form"), ("potts.nc potts6.nc", "3")]
)
def test_what_a_lattice_does_not_allow_is_said_beside_what_it_does(
    names, why, files, capsys
):
    """Three dimensions have no torus form, Potts colours no products."""
    shown = run(f"dimensions {names} --plot part.png", capsys)
    assert why in shown["spin"]["problem"]
    assert "problem" in shown["three_point"]
    assert np.isfinite(shown["sizes"]["delta_sigma"]["value"])
    assert "exact" not in shown["sizes"]["delta_sigma"]
    assert why in text(f"dimensions {names}", capsys)["no Δ_σ"]


BAD = {
    "no file": ("nothing.nc", "nothing.nc"),
    "steps without a rule": ("spins.nc --steps 2", "--rule"),
    "a rule and two files": ("spins.nc hot.nc --rule majority:b=2", "one file"),
    "a mixture": ("spins.nc part.nc eight.nc", "some chains in common"),
    "two couplings": ("spins.nc hot.nc", "one coupling"),
    "a size twice": ("eight.nc again.nc", "8"),
    "too small a lattice": ("eight.nc --rule majority:b=2", "6 sites"),
    "no dimension": ("cubic.nc", "torus form"),
    "colours": ("potts.nc", "potts:3"),
    "an unknown form": ("spins.nc --form plain", "plain"),
    "a wrong omega": ("spins.nc eight.nc twelve.nc --omega -1", "positive number"),
    "no distance": ("eight.nc --r-min 99", "r_min"),
    "a distance that is none": ("spins.nc --r-min far", "far"),
    "no picture": ("spins.nc --plot a.xyz", ".png"),
    "an unknown rule": ("spins.nc --rule majorty:b=2", "majority"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case, files, capsys):
    command, named = BAD[case]
    try:
        code = main(f"dimensions {command}".split())
    except SystemExit as leaving:  # argparse leaves by itself
        code = leaving.code
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    (sentence,) = shown.err.strip().splitlines()
    assert sentence.startswith("kadanoff: ")
    assert named in sentence
