"""`kadanoff compare`: several maps on one page, a stack among them."""

import json

import pytest

import kadanoff as kd
from kadanoff.cli import main

ROWS = ["--rows", "couplings", "exponents"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    fine = kd.sample(kd.Ising((16, 16)), coupling=kd.K_C, draws=1024, chains=64, seed=1)
    kd.save(fine, folder / "fine.nc")
    return folder


@pytest.fixture
def here(folder, monkeypatch, tmp_path):
    (tmp_path / "fine.nc").symlink_to(folder / "fine.nc")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rules(*names):
    return [word for name in names for word in ("--rule", name)]


THREE = rules("majority:b=2", "decimation:b=2", "decimation:b=2 | majority:b=2")


def test_every_map_has_its_card_and_a_place_on_the_page(here, capsys):
    files = ["--html", "c.html", "--png", "c.png"]
    assert main(["compare", "fine.nc", *THREE, *ROWS, *files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = ["majority:b=2", "decimation:b=2", "decimation:b=2 | majority:b=2"]
    assert [card["rule"] for card in found["maps"]] == names
    page = (here / "c.html").read_text(encoding="utf-8")
    for card in found["maps"]:
        assert f"<th>{card['rule']}</th>" in page
        for row in card["rows"].values():
            assert row["sentence"] in page
    assert (found["html"], found["png"]) == ("c.html", "c.png")
    assert (here / "c.png").stat().st_size > 0


def test_a_map_reads_as_it_does_alone(here, capsys):
    """A stack in one --rule is the stack of several in a probe."""
    assert main(["compare", "fine.nc", *THREE, *ROWS, "--json", "--seed", "3"]) == 0
    stacked = json.loads(capsys.readouterr().out)["maps"][2]
    alone = rules("decimation:b=2", "majority:b=2")
    controls = ["--controls", "none", "--seed", "3"]
    assert main(["probe", "fine.nc", *alone, *ROWS, *controls, "--json"]) == 0
    assert stacked == json.loads(capsys.readouterr().out)
    assert main(["compare", "fine.nc", *THREE, *ROWS, "--json", "--seed", "4"]) == 0
    assert stacked != json.loads(capsys.readouterr().out)["maps"][2]


def test_a_table_has_one_line_for_each_map(here, capsys):
    assert main(["compare", "fine.nc", *THREE, *ROWS]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["K", "nn"]
    assert [line.split("  ")[0] for line in lines] == THREE[1::2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (rules("majority:b=2"), "a comparison needs at least two maps, got 1"),
        (rules("majority:b=2 |", "average:b=2"), "a stack is rules with '|' between"),
        (rules("majorty:b=2", "average:b=2"), "did you mean 'majority'?"),
        ([*rules("majority", "average"), "--html", "fine.nc"], "ends in .html"),
        ([*rules("majority", "average"), "--rows", "mood"], "got 'mood'"),
        ([*rules("majority", "majority:b=3"), *ROWS], "16"),
        ([], "--rule"),
    ],
)
def test_bad_input_is_one_sentence(words, sentence, here, capsys):
    try:
        code = main(["compare", "fine.nc", *words])
    except SystemExit as left:
        code = left.code
    seen = capsys.readouterr()
    assert code == 2
    assert sentence in seen.err
    assert seen.out == ""
