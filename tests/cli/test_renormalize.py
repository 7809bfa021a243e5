"""`kadanoff renormalize` says what the procedures say, beside what is exact."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kadanoff.cli import main, parser
from kadanoff.cli.renormalize import TANGENT
from kadanoff.coarse.block import Majority
from kadanoff.exact.constants import K_C
from kadanoff.exact.diagonal import (
    diagonal_correlation,
    nearest_neighbour_correlation,
)
from kadanoff.models.ising import Ising
from kadanoff.procedures import critical_point as critical
from kadanoff.procedures.beta_function import fitted_step, flow_lines, matched_step
from kadanoff.procedures.block_bias import Hamiltonian
from kadanoff.procedures.critical_point import critical_point
from kadanoff.procedures.drawing import Draws
from kadanoff.procedures.variational_mcrg import (
    BiasedDraws,
    critical_window,
    fixed_hamiltonian,
    renormalize,
)

GUIDE = Path(__file__).parents[2] / "docs" / "renormalization.md"
RULE = "--rule majority:b=2"
SMALL = f"ising --shape 8 8 {RULE}"


def run(command, capsys):
    """The JSON object that a command prints, and nothing else there."""
    assert main(f"renormalize {command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


def text(command, capsys):
    """The lines that a command prints, by the name that each begins with."""
    assert main(f"renormalize {command}".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line[:22].strip(): line[23:] for line in lines}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_critical_point_of_two_lattices(capsys, folder):
    """K_c of 16×16 and 8×8 within 4 of its errors with the change; and kept runs."""
    command = "ising --shape 16 16 --rule majority:b=2 --find critical-point --seed 2"
    options = "--start 0.43 --steps 1 --draws 4096 --runs kept"
    shown = run(f"{command} {options}", capsys)
    true = critical_point(
        Ising((16, 16)), Majority(b=2), start=0.43, steps=1, seed=2, drawing=Draws(4096)
    )
    assert shown["K_c"]["value"] == float(true.coupling.value)
    assert shown["K_c"]["exact"] == K_C
    assert shown["error_with_change"] == true.error
    assert abs(shown["K_c"]["value"] - K_C) < 4 * true.error
    assert [m["coupling"] for m in shown["trail"]] == [m.coupling for m in true.trail]
    assert any((folder / "kept").iterdir())
    lines = text(f"{command} {options}", capsys)
    assert lines["K_c"].split()[0] == str(true.coupling)
    assert "nn" in lines["K_c step 1, 4×4"]


def test_a_rule_without_a_fixed_point_finds_none(capsys):
    """The control: plain decimation, whose flow leaves every coupling."""
    command = "renormalize ising --shape 16 16 --rule decimation:b=2 --start 0.42 "
    options = "--find critical-point --draws 1024 --rounds 3"
    assert main((command + options).split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "did not settle" in shown.err.splitlines()[-1]


def test_the_beta_function_by_matching(capsys, folder):
    command = f"{SMALL} --find beta-function --couplings 0.38:0.5:4 --draws 2048"
    shown = run(f"{command} --plot beta.svg", capsys)
    k = [0.38, 0.42, 0.46, 0.5]
    true = matched_step(Ising((8, 8)), Majority(b=2), k, drawing=Draws(2048))
    assert shown["couplings"] == k
    assert shown["renormalized"]["value"] == true.renormalized.value.tolist()
    assert shown["beta"]["value"] == true.beta.value.tolist()
    crossing = true.crossing()
    assert shown["fixed_point"]["value"] == float(crossing.coupling.value)
    assert (shown["fixed_point"]["exact"], shown["y_T"]["exact"]) == (K_C, 1)
    assert shown["p"] == pytest.approx(crossing.p)
    assert (folder / "beta.svg").stat().st_size > 5000
    lines = text(f"{command} --degree 1", capsys)
    assert lines["K*"].split()[0] == str(true.crossing(1).coupling)
    assert f"K′ = {true.renormalized[0]}" in lines["K = 0.38"]


def test_the_beta_function_by_a_fit_has_a_fixed_point_of_its_own(capsys):
    """No exact value: cut to few terms, it depends on the rule and on them."""
    command = f"{SMALL} --find beta-function --reading likelihood --draws 2048"
    shown = run(f"{command} --couplings 0.3:0.35:2 --degree 1", capsys)
    true = fitted_step(Ising((8, 8)), Majority(b=2), (0.3, 0.35), drawing=Draws(2048))
    assert shown["renormalized"]["value"] == true.renormalized.value.tolist()
    assert "no such crossing" in shown["no_fixed_point"]
    assert shown["slopes"] is None
    found = run(f"{command} --couplings 0.4:0.6:2 --degree 1", capsys)
    assert "exact" not in found["fixed_point"]


def test_flow_lines(capsys, folder):
    command = f"{SMALL} --find flow-lines --couplings 0.3:0.5:2 --draws 2048"
    shown = run(f"{command} --steps 1 --plot lines.png", capsys)["lines"]
    true = flow_lines(
        Ising((8, 8)), Majority(b=2), (0.3, 0.5), steps=1, drawing=Draws(2048)
    )
    for line, same in zip(shown, true, strict=True):
        assert line["couplings"]["value"] == same.couplings.value.tolist()
        k = line["couplings"]
        assert abs(k["value"][0][0] - same.coupling) < 4.5 * k["error"][0][0]
    assert (folder / "lines.png").stat().st_size > 5000
    assert "K = 0.3, 4×4" in text(f"{command} --steps 1", capsys)


BIASED = "--draws 1600 --replicas 16"
DRAWING = BiasedDraws(draws=100, replicas=16)


def test_couplings_of_blocks(capsys):
    command = f"ising --shape 12 12 --rule majority:b=3 --find couplings {BIASED}"
    shown = run(f"{command} --coupling 0.4 --seed 1", capsys)
    hamiltonian = Hamiltonian.of(Ising((12, 12)), 0.4)
    true = renormalize(
        hamiltonian, Majority(b=3), odd=("field", "corner"), drawing=DRAWING, seed=1
    )
    for n, name in enumerate(("nn", "nnn", "plaquette")):
        assert shown["couplings"][name]["value"] == float(true.couplings.value[n])
    assert shown["step"]["value"] == true.step.value.tolist()
    assert shown["y_H"]["value"] == float(true.y_h.value)
    assert "exact" not in shown["y_T"]  # 0.4 is not the critical coupling
    with_field = run(f"{command} --coupling 0.3 --operators nn field", capsys)
    assert "y_H" not in with_field
    field = with_field["couplings"]["field"]
    assert abs(field["value"]) < 4.5 * field["error"]
    at_critical = run(f"{command} --operators nn --odd field", capsys)
    assert at_critical["coupling"] == K_C
    assert (at_critical["y_T"]["exact"], at_critical["y_H"]["exact"]) == (1, 1.875)


def test_blocks_of_free_spins_are_free(capsys):
    """K′ = 0 exactly at K = 0: three numbers at 4.5 σ, level 2e-5. The control: 0.2."""
    command = f"ising --shape 12 12 --rule majority:b=3 --find couplings {BIASED}"
    free = run(f"{command} --coupling 0", capsys)["couplings"]
    assert all(abs(k["value"]) < 4.5 * k["error"] for k in free.values())
    warm = run(f"{command} --coupling 0.2", capsys)["couplings"]
    assert warm["nn"]["value"] > 10 * warm["nn"]["error"]


def test_the_tangent_is_the_ratio_of_two_logarithms(capsys):
    """d/dK of the exact correlators of both bonds, whose ratio tends to √2."""

    def slope(correlation, t):
        return (correlation(K_C + t) - correlation(K_C - t)) / (2 * t)

    def across(k):
        return diagonal_correlation(1, k)

    # Each is a constant and c ln t: a difference of two t leaves c ln 2.
    parts = [
        slope(f, 2e-4) - slope(f, 1e-4) for f in (across, nearest_neighbour_correlation)
    ]
    assert parts[0] / parts[1] == pytest.approx(TANGENT["nnn"], abs=2e-3)
    command = f"ising --shape 12 12 --rule majority:b=3 --find tangent {BIASED}"
    shown = run(f"{command} --steps 1 --operators nn nnn", capsys)["normal"]
    assert shown["nn"]["value"] == 1
    assert shown["nnn"]["exact"] == TANGENT["nnn"]
    # One step and two operators: 1.37, and what is left of the irrelevant ones.
    assert abs(shown["nnn"]["value"] - TANGENT["nnn"]) < 0.1 + 4 * shown["nnn"]["error"]
    lines = text(f"{command} --steps 1 --coupling 0.3 --operators nn nnn", capsys)
    assert lines["normal nn"] == "1, by definition"
    assert "exact" not in lines["normal nnn"]


def test_a_hamiltonian_that_stays(capsys):
    rule = "ising --shape 9 9 --rule majority:b=3 --find fixed-point"
    command = f"{rule} --operators nn --start 0.4 --odd field {BIASED} --seed 1"
    shown = run(command, capsys)
    true = fixed_hamiltonian(
        (9, 9),
        Majority(b=3),
        start=[0.4],
        operators=("nn",),
        odd=("field",),
        drawing=DRAWING,
        seed=1,
    )
    assert shown["couplings"]["nn"]["value"] == float(true.couplings.value[0])
    assert shown["rounds"] == true.rounds
    assert shown["y_H"]["exact"] == 1.875
    assert "K* nn" in text(command, capsys)


def test_the_window_of_the_critical_coupling(capsys):
    rule = "ising --shape 18 18 --rule majority:b=3 --find window"
    command = f"{rule} --couplings 0.36:0.47:2 --operators nn {BIASED}"
    shown = run(command, capsys)
    true = critical_window(
        Ising((18, 18)),
        Majority(b=3),
        (0.36, 0.47),
        operators=("nn",),
        drawing=DRAWING,
    )
    assert (shown["low"], shown["high"]) == (0.36, 0.47)
    assert shown["K_c"]["value"] == float(true.critical.value)
    assert shown["K_c"]["exact"] == K_C
    assert "drift at 0.36" in text(command, capsys)


BAD = {
    "nothing to find": (SMALL, "--find"),
    "an unknown thing to find": (f"{SMALL} --find beta", "beta"),
    "no rule": ("ising --shape 8 8 --find window", "--rule"),
    "an unknown rule": ("ising --shape 8 8 --rule majorty --find tangent", "majority"),
    "arrange": ("ising --shape 8 8 --rule arrange --find tangent", "arrange"),
    "an unknown model": (f"isng --shape 8 8 {RULE} --find tangent", "ising"),
    "no start": (f"{SMALL} --find critical-point", "--start"),
    "two starts": (f"{SMALL} --find critical-point --start 0.4 0.5", "one K"),
    "a negative start": (f"{SMALL} --find critical-point --start -1", "above 0"),
    "blocks that do not fit": (
        "ising --shape 9 9 --rule majority:b=2 --find critical-point --start 0.4",
        "divide",
    ),
    "too many steps": (
        f"{SMALL} --find critical-point --start 0.4 --steps 4",
        "block size",
    ),
    "no couplings": (f"{SMALL} --find beta-function", "--couplings"),
    "couplings that fall": (f"{SMALL} --find window --couplings 0.5:0.4:3", "0.5:0.4"),
    "one coupling": (f"{SMALL} --find window --couplings 0.4:0.5:1", "2 to 1000"),
    "a word": (f"{SMALL} --find window --couplings a:b:c", "START:STOP:COUNT"),
    "an option of another": (f"{SMALL} --find tangent --start 0.4", "--start"),
    "two of them": (
        f"{SMALL} --find critical-point --start 0.4 --odd field --degree 1",
        "--degree, --odd",
    ),
    "a plot of a number": (f"{SMALL} --find tangent --plot a.png", "--plot"),
    "a plot of one coupling": (
        f"{SMALL} --find flow-lines --couplings 0.4:0.5:2 --operators nn --plot a.png",
        "two couplings",
    ),
    "no picture": (
        f"{SMALL} --find flow-lines --couplings 0.4:0.5:2 --plot a.xyz",
        ".png",
    ),
    "an unknown operator": (
        f"ising --shape 16 16 {RULE} --find critical-point --start 0.4 --operators nm",
        "nm",
    ),
    "an odd operator in a bias": (
        f"{SMALL} --find couplings --operators nn field --odd row",
        "parity",
    ),
    "an even odd operator": (f"{SMALL} --find couplings --odd nnn", "nnn"),
    "a bias of another model": (f"phi4 --quartic 1 --shape 8 8 {RULE} --find tangent",
        "ising"),
    "a bias of another rule": (
        "ising --shape 8 8 --rule decimation:b=2 --find tangent",
        "majority",
    ),
    "angles": (
        "xy --shape 8 8 --rule decimation:b=2 --find flow-lines --couplings 0.4:0.5:2",
        "angle",
    ),
    "no known coupling": (
        "ising --shape 8 8 8 --rule majority:b=2 --find couplings",
        "--coupling",
    ),
    "starts of a fixed point": (f"{SMALL} --find fixed-point --start 0.4", "nn nnn"),
    "a field at a fixed point": (
        f"{SMALL} --find fixed-point --field 0.1 --start 0.4 0 0",
        "--field",
    ),
    "steps of a fixed point": (
        f"{SMALL} --find fixed-point --steps 2 --start 0.4 0 0",
        "--steps",
    ),
    "steps of a fit": (
        f"{SMALL} --find beta-function --reading likelihood --couplings 0.4:0.5:2 "
        "--steps 2",
        "--steps",
    ),
    "a window of one step": (
        f"{SMALL} --find window --couplings 0.4:0.5:2 --steps 1",
        "2 or more",
    ),
    "no draws": (f"{SMALL} --find tangent --draws 0", "at least 1"),
    "no replicas": (f"{SMALL} --find tangent --replicas 0", "at least 1"),
    "few replicas": (f"{SMALL} --find tangent --replicas 4", "replicas"),
    "no rounds": (f"{SMALL} --find tangent --rounds 0", "at least 1"),
    "one round": (f"{SMALL} --find critical-point --start 0.4 --rounds 1", "rounds"),
    "no chains": (f"{SMALL} --find critical-point --start 0.4 --chains 0", "1"),
    "an unknown method": (
        f"ising --shape 16 16 {RULE} --find critical-point --start 0.4 --method wolf",
        "wolff",
    ),
    "no seed": (f"{SMALL} --find tangent --seed -1", "seed"),
    "a coupling that is none": (f"{SMALL} --find tangent --coupling nan", "finite"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case, capsys, folder):
    command, named = BAD[case]
    try:
        code = main(f"renormalize {command}".split())
    except SystemExit as leaving:  # argparse leaves by itself
        code = leaving.code
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    (sentence,) = shown.err.strip().splitlines()
    assert sentence.startswith("kadanoff: ")
    assert named in sentence
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("runs", "said"), [("", "nothing is kept"), ("--runs r", "goes on")]
)
def test_stopped_it_says_what_is_kept(runs, said, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(critical, "match", stopped)
    command = f"renormalize {SMALL} --find critical-point --start 0.4 --steps 1 {runs}"
    assert main(command.split()) == 130
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("kadanoff: stopped; ")
    assert said in sentence


def test_control_c_ends_a_search_in_one_sentence(folder):
    """A signal after the first line of progress."""
    command = (
        "ising --shape 16 16 --rule majority:b=2 --find critical-point --start 0.2"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "kadanoff", "renormalize", *command.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("at K = 0.2 the lattices match at")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "kadanoff: stopped; nothing is kept, begin again"
    assert np.all(["Traceback" not in line for line in err.splitlines()])


def guide():
    """The text of the guide, and its commands."""
    text = GUIDE.read_text(encoding="utf-8")
    return text, re.findall(r"^\.venv/bin/kadanoff (.*)$", text, flags=re.MULTILINE)


def test_the_commands_of_the_guide_are_commands():
    _, lines = guide()
    named = [parser().parse_args(line.split()).command for line in lines]
    assert {"exponents", "dimensions", "couplings", "renormalize"} <= set(named)


@pytest.mark.slow
def test_the_guide_runs_and_its_numbers_come_out(capsys):
    """Every number with two digits of error is one that these commands print."""
    text, lines = guide()
    assert [main(line.split()) for line in lines] == [0] * len(lines)
    printed = capsys.readouterr().out
    numbers = re.findall(r"−?\d+\.\d+\(\d\d\)", text)
    assert len(numbers) > 15
    missing = [n for n in numbers if n.replace("−", "-") not in printed]
    assert missing == []
