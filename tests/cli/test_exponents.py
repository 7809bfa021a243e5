"""`kadanoff exponents` says what the library says, beside what is exact."""

import json

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.cli import main
from kadanoff.coarse.stack import Stack
from kadanoff.exact.potts import critical_coupling
from kadanoff.instruments.mcrg import scaling_operators, scan, scan_maps


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
    """Files of several models, made once."""
    folder = tmp_path_factory.mktemp("exponents")
    q3 = critical_coupling(3)
    laws = {
        "spins": (kd.Ising((16, 16)), kd.K_C, 8192),
        "wide": (kd.Ising((32, 32)), kd.K_C, 512),
        "hot": (kd.Ising((16, 16)), 0.3, 4096),
        "triangular": (kd.Ising((9, 9), lattice="triangular"), np.log(3) / 4, 1024),
        "potts": (kd.Potts((16, 16), 3), q3, 1024),
        "xy": (kd.XY((8, 8)), 1.12, 1024),
        "phi": (kd.Phi4((8, 8), quartic=1.0), 0.68, 1024),
        "cubic": (kd.Ising((8, 8, 8)), 0.2216, 1024),
    }
    found = {}
    for seed, (name, (model, coupling, draws)) in enumerate(laws.items()):
        found[name] = kd.sample(model, coupling=coupling, draws=draws, seed=seed)
        kd.save(found[name], folder / f"{name}.nc")
    return folder, found


@pytest.fixture
def files(drawn, monkeypatch, tmp_path):
    """The ensembles by name, in a folder where their files have these names."""
    folder, found = drawn
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return found


def levels(ensemble, steps, seed=0):
    return list(Stack((kd.Majority(b=2),) * steps).levels(ensemble, seed=seed))


def assert_same_scan(shown, found):
    """To the last bit: the command computes nothing of its own."""
    assert shown["reported"] == found.reported
    for step, true in zip(shown["steps"], found.steps, strict=True):
        assert (tuple(step["even"]), tuple(step["odd"])) == (true.even, true.odd)
        assert step["b"] == true.b
        for name in ("y_t", "y_h"):
            read = [y["value"] for y in step[name]]
            assert read == [
                None if np.isnan(y.value) else float(y.value)
                for y in getattr(true, name)
            ]
        assert tuple(step["flags"]) == true.flags
    for name in ("y_t", "y_h"):
        true = getattr(found, name)
        assert shown[name]["value"] == float(true.estimate.value)
        assert shown[name]["error"] == float(true.estimate.error)
        assert shown[name]["error_with_changes"] == true.error
        assert shown[name]["sentence"] == true.sentence
        assert shown[name]["converged"] is true.converged


def test_a_rule_is_applied_down_to_side_eight(files, capsys):
    shown = run("exponents spins.nc --rule majority:b=2 --seed 5", capsys)
    assert_same_scan(shown, scan(levels(files["spins"], 1, seed=5)))
    assert (shown["y_t"]["exact"], shown["y_h"]["exact"]) == (1, 1.875)
    assert "remark" not in shown
    wide = run("exponents wide.nc --rule majority:b=2", capsys)
    assert [step["coarse"] for step in wide["steps"]] == [[16, 16], [8, 8]]
    # The nearest-neighbour magnet is a step away from the fixed point: 0.05, 0.006.
    assert abs(shown["y_t"]["value"] - 1) < 0.06 + 4 * shown["y_t"]["error"]
    assert abs(shown["y_h"]["value"] - 1.875) < 0.01 + 4 * shown["y_h"]["error"]


def test_as_many_steps_as_are_asked_for(files, capsys):
    shown = run("exponents spins.nc --rule majority:b=2 --steps 2", capsys)
    assert_same_scan(shown, scan(levels(files["spins"], 2)))
    assert [step["coarse"] for step in shown["steps"]] == [[8, 8], [4, 4]]


def test_a_stack_is_one_step(files, capsys):
    twice = "--rule majority:b=2 --rule majority:b=2"
    shown = run(f"exponents spins.nc {twice}", capsys)
    assert [step["b"] for step in shown["steps"]] == [pytest.approx(4)]


def test_operators_are_those_that_are_named(files, capsys):
    command = "exponents spins.nc --rule majority:b=2 --even nnn nn --odd field"
    shown = run(command, capsys)
    found = scan(levels(files["spins"], 1), even=("nnn", "nn"), odd=("field",))
    assert_same_scan(shown, found)


def test_levels_may_be_files(files, capsys, tmp_path):
    """Of this program, or of another: then rows of one file are those of the other."""
    three = levels(files["spins"], 2, seed=1)
    for name, level in zip(("fine", "middle", "coarse"), three, strict=True):
        kd.save(level, tmp_path / f"{name}.nc")
    shown = run("exponents fine.nc middle.nc coarse.nc", capsys)
    assert_same_scan(shown, scan(three))
    for name, level in zip(("a", "b"), three, strict=False):
        np.save(f"{name}.npy", level.values.reshape(-1, *level.shape))
        chains = files["spins"].chains
        run(f"import {name}.npy --chains {chains} --out {name}.nc", capsys)
    foreign = run("exponents a.nc b.nc", capsys)
    here = scan(three[:2])
    assert foreign["y_t"]["value"] == pytest.approx(float(here.y_t.estimate.value))
    assert "exact" not in foreign["y_t"]


@pytest.mark.parametrize(
    ("command", "exact"),
    [
        ("potts.nc --rule decimation:b=2", (1.2, 28 / 15)),
        ("triangular.nc --rule tile-majority:sites=3", (1, 1.875)),
        ("phi.nc --rule average:b=2", (1, 1.875)),
        ("xy.nc --rule decimation:b=2", None),
        ("cubic.nc --rule majority:b=2", None),
    ],
)
def test_every_model_has_its_own_exact_exponents(command, exact, files, capsys):
    shown = run(f"exponents {command} --steps 1", capsys)
    beside = tuple(shown[name].get("exact") for name in ("y_t", "y_h"))
    assert beside == pytest.approx(exact or (None, None))
    assert "remark" not in shown


def test_another_coupling_is_no_critical_point(files, capsys):
    """The control: at K = 0.3 the exponents are off by far, and it is said why."""
    shown = run("exponents hot.nc --rule majority:b=2 --steps 2", capsys)
    assert "0.3" in shown["remark"]
    assert "0.440687" in shown["remark"]
    assert not shown["y_t"]["converged"]
    y_h = shown["y_h"]
    assert y_h["value"] < 1.875 - 20 * y_h["error"]


def test_feature_maps_are_read_one_by_one(files, capsys, tmp_path):
    kernels = np.stack([np.ones((2, 2)), [[1.0, 1], [1, -1]]])
    np.save("k.npy", kernels)
    rule = "convolution:k.npy,b=2,output=sign"
    shown = run(f"exponents spins.nc --rule {rule} --plot maps.svg", capsys)
    coarse = kd.coarsen(
        kd.Convolution(kernels, b=2, output="sign"),
        files["spins"],
        seed=kd.randomness.subseed(0, "level", 0),
    )
    found = scan_maps([files["spins"], coarse])
    assert set(shown["maps"]) == {"map 0", "map 1"}
    for m, true in enumerate(found.each):
        assert_same_scan(shown["maps"][f"map {m}"], true)
    few = run(f"exponents spins.nc --rule {rule} --even nn --odd field", capsys)
    assert few["maps"]["map 1"]["steps"][0]["even"] == ["nn"]
    kd.save(coarse, tmp_path / "maps.nc")
    names = text("exponents spins.nc maps.nc --even nn --odd field", capsys)
    assert {"map 0 y_T", "map 1 y_H"} <= set(names)


def test_vectors_are_the_scaling_operators(files, capsys):
    """Fields and directions are dual, φ_i·ψ_j = δ_ij."""
    command = "exponents spins.nc --rule majority:b=2 --even nn nnn plaquette --vectors"
    shown = run(command, capsys)["vectors"]["even"]
    pair = levels(files["spins"], 1)
    found = scaling_operators(*pair, operators=("nn", "nnn", "plaquette"))
    for name in ("matrix", "eigenvalues", "fields", "directions"):
        assert shown[name]["value"] == getattr(found, name).value.tolist()
    dual = np.array(shown["fields"]["value"]) @ np.array(shown["directions"]["value"]).T
    assert np.allclose(dual, np.eye(2), atol=1e-9)
    lines = text(f"{command} --count 1", capsys)
    assert lines["even λ_1"].split()[0] == str(found.eigenvalues[0])
    assert "even λ_2" not in lines


def test_the_table_has_a_row_for_each_operator(files, capsys):
    command = "exponents spins.nc --rule majority:b=2 --even nn nnn --steps 2"
    lines = text(f"{command} --plot scan.png", capsys)
    found = scan(levels(files["spins"], 2), even=("nn", "nnn"))
    assert lines["y_T 2"].split() == [
        *(str(step.y_t[1]) for step in found.steps),
        "with",
        "nnn",
    ]
    assert lines["y_T verdict"] == found.y_t.sentence
    assert lines["step"].split() == ["16→8", "←", "8→4"]
    with open("scan.png", "rb") as picture:
        assert picture.read(4) == b"\x89PNG"


BAD = {
    "no rule": ("spins.nc", "--rule"),
    "a rule and two files": ("spins.nc hot.nc --rule majority:b=2", "one file"),
    "steps of files": ("spins.nc hot.nc --steps 2", "leave it out"),
    "no steps": ("spins.nc --rule majority:b=2 --steps 0", "at least 1 time"),
    "too many steps": ("spins.nc --rule majority:b=2 --steps 9", "block size 2"),
    "an unknown rule": ("spins.nc --rule majorty:b=2", "majority"),
    "blocks that do not fit": ("spins.nc --rule majority:b=3", "use 2"),
    "other chains": ("spins.nc hot.nc", "same chains"),
    "no coarser": ("spins.nc spins.nc", "b > 1"),
    "an unknown operator": ("spins.nc --rule majority:b=2 --even nm", "nm"),
    "an odd operator": ("spins.nc --rule majority:b=2 --even field", "field"),
    "an even operator": ("spins.nc --rule majority:b=2 --odd nn", "nn"),
    "no eigenvalue": ("spins.nc --rule majority:b=2 --vectors --count 0", "at least 1"),
    "vectors of maps": (
        "spins.nc --rule convolution:two.npy,b=2 --vectors",
        "several feature maps",
    ),
    "no picture": ("spins.nc --rule majority:b=2 --plot a.xyz", ".png"),
    "a picture over the input": ("a.png --rule majority:b=2 --plot a.png", "input"),
    "no file": ("nothing.nc --rule majority:b=2", "nothing.nc"),
    "no seed": ("spins.nc --rule majority:b=2 --seed -1", "seed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case, files, capsys, tmp_path):
    np.save("two.npy", np.ones((2, 2, 2)))
    (tmp_path / "a.png").symlink_to(tmp_path / "spins.nc")
    command, named = BAD[case]
    assert main(f"exponents {command}".split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (sentence,) = shown.err.strip().splitlines()
    assert sentence.startswith("kadanoff: ")
    assert named in sentence
