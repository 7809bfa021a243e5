"""`kadanoff reproduce`: a page, a table and one object, and sentences for bad names."""

import json
import re

import pytest

from kadanoff.cli import main
from kadanoff.experiments.papers import PAPERS, paper_of


def test_one_exhibit_is_printed_tabled_and_on_a_page(tmp_path, capsys):
    table = tmp_path / "verdicts.md"
    command = f"reproduce zoomout epsilon --runs {tmp_path} --table {table}"
    assert main([*command.split(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    checks = found["checks"]["epsilon"]
    assert [c["status"] for c in checks] == ["reproduced", "partly"]
    assert found["findings"] == []
    assert set(found["seconds"]) == {"epsilon"}
    page = (tmp_path / "zoomout-epsilon-fast-seed-0.html").read_text(encoding="utf-8")
    for check in checks:
        assert check["claim"] in page
        assert check["ours"] in table.read_text(encoding="utf-8")
    assert main(command.split()) == 0
    said = capsys.readouterr().out
    assert f"reproduced: {checks[0]['reason']}" in said
    assert "zoomout-epsilon-fast-seed-0.html" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("reproduce zoomin", "did you mean 'zoomout'"),
        ("reproduce zoomout epsilom", "did you mean 'epsilon'"),
        ("reproduce zoomout epsilon --seed -1", "at least 0"),
        ("reproduce zoomout epsilon --device gpu", "a device is cpu"),
        ("reproduce zoomout epsilon --table no/where.md", "make it first"),
    ],
)
def test_bad_input_gets_one_sentence(words, sentence, tmp_path, capsys):
    try:
        code = main([*words.split(), "--runs", str(tmp_path / "runs")])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("name", PAPERS)
def test_every_paper_has_exhibits_of_different_names_and_whole_settings(name):
    paper = paper_of(name)
    names = [exhibit.name for exhibit in paper.exhibits]
    assert paper.name == name
    assert len(set(names)) == len(names) > 0
    assert all(re.fullmatch(r"[a-z0-9_]+", n) for n in names)


def test_help_lists_every_paper(capsys):
    with pytest.raises(SystemExit):
        main(["reproduce", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for name, what in PAPERS.items():
        assert f"{name}: {what}" in said
