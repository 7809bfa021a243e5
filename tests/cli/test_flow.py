"""`kadanoff flow`: what is printed, what is refused, what has no critical point."""

from __future__ import annotations

import json

import pytest

from kadanoff.cli import main


def text_of(command: str, capsys) -> dict[str, str]:
    """Every line by its first column, which is 22 wide."""
    assert main(["flow", *command.split()]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line[:22].strip(): line[22:].strip() for line in lines}


def object_of(command: str, capsys):
    assert main(["flow", *command.split(), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_there_is_not_is_not_printed(capsys):
    without = text_of("truncated-decimation", capsys)
    assert {"y_h", "scale"} & without.keys() == {"scale"}
    assert without["variable"] == "coupling"
    assert "odd" not in without["exponents"]
    rate = text_of("infinitesimal-potts --q 3", capsys)
    assert {"y_h", "scale"} & rate.keys() == {"y_h"}
    assert not any("None" in line for line in (*without.values(), *rate.values()))
    assert object_of("truncated-decimation", capsys)["y_h"] is None


def test_the_chain_names_its_variable(capsys):
    lines = text_of("decimation", capsys)
    assert lines["variable"] == "disorder, w = e^-2K"
    assert (lines["temperature"], lines["coupling"]) == ("0", "∞")


def test_a_flow_without_a_critical_point_is_a_result(capsys):
    lines = text_of("nearest-decimation", capsys)
    assert "fixed_point" not in lines
    assert lines["note"].startswith("no critical point: coupling falls in every step")
    found = object_of("migdal-kadanoff --d 1", capsys)
    assert found["fixed_point"] is None
    assert found["between"] == [0.01, 10]


def test_a_start_is_a_number_or_names(capsys):
    known = object_of("niemeijer-second", capsys)["fixed_point"]
    own = object_of("niemeijer-second --start nearest=0.3,third=-0.01", capsys)
    assert own["fixed_point"] == pytest.approx(known)
    assert object_of("hierarchical --start 0.5", capsys)["fixed_point"] == (
        pytest.approx(0.609377863436)
    )


def test_another_p_says_that_it_is_not_the_best(capsys):
    assert "not the best one" in text_of("variational --p 1.2", capsys)["note"]
    assert "note" not in text_of("variational", capsys)


def test_a_run_of_tensors_names_its_torus_and_its_plateau(capsys):
    lines = text_of("btrg --chi 8 --steps 12", capsys)
    assert lines["sites"] == "4096"
    assert lines["exact"].endswith("(this torus)")
    assert float(lines["relative_error"]) < 2e-5
    assert lines["plateau"] == "steps 6 to 10, 64 to 1024 sites"
    assert "scatter over these steps" in lines["central_charge"]
    assert lines["central_charge"].endswith("exact 0.5")
    assert lines["dimension 1"].endswith("exact 0.125")
    assert lines["step 7"].startswith("128 sites")
    short = text_of("btrg --chi 8 --steps 3", capsys)
    assert short["plateau"].startswith("none")
    assert float(short["relative_error"]) < 1e-13


def test_potts_stands_beside_the_infinite_lattice(capsys):
    lines = text_of("btrg --q 3 --chi 9", capsys)
    assert lines["exact"].endswith("(the infinite lattice)")
    assert float(lines["relative_error"]) < 1e-4
    few = text_of("btrg --q 3 --chi 9 --steps 5", capsys)
    assert few["relative_error"].endswith("more steps")
    found = object_of("btrg --q 3 --chi 9 --steps 5", capsys)
    assert found["relative_error"] is None
    away = object_of("btrg --q 3 --chi 6 --steps 5 --coupling 0.9", capsys)
    assert "exact" not in away


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("niemeijer --start here", "--start is a number, or couplings such as"),
        ("niemeijer --start four=1", "couplings of FirstCumulant() are nearest, field"),
        ("btrg --start 1", "--start is for maps of couplings, not for btrg"),
        ("variational --p 0.5", "ends near p = 0.65, and there is none at 0.5"),
        ("epsilon --epsilon -1", "epsilon above 0"),
    ],
)
def test_what_is_refused_is_one_sentence(command, sentence, capsys):
    assert main(["flow", *command.split()]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
