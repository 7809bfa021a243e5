"""Every command, rule and public name is documented, and the help says what it is."""

import re
from pathlib import Path

import pytest

import kadanoff
from kadanoff.cli import main, parser
from kadanoff.coarse.grammar import RULES

ROOT = Path(__file__).parents[1]
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def commands():
    (action,) = (a for a in parser()._actions if a.dest == "command")
    assert isinstance(action.choices, dict)
    return action.choices


@pytest.mark.parametrize("name", commands())
def test_every_command_is_documented_and_has_json(name):
    assert f"`kadanoff {name}" in REFERENCE
    assert "--json" in commands()[name].format_help()


@pytest.mark.parametrize("name", commands())
def test_every_option_has_a_help_text(name):
    for action in commands()[name]._actions:
        assert action.help, action.dest


@pytest.mark.parametrize("name", [n for n in dir(kadanoff) if n[0] != "_"])
def test_every_public_name_is_documented(name):
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_documented(name):
    assert re.search(rf"`{name}(:[^`]*)?`", REFERENCE)


def test_documented_commands_exist():
    documented = set(re.findall(r"`kadanoff ([a-z]+)", REFERENCE))
    assert documented == set(commands())


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/*.md"))
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_names_both_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme


def test_the_python_of_the_reference_runs(capsys):
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", reference, flags=re.DOTALL)
    assert blocks
    for code in blocks:
        exec(compile(code, "reference.md", "exec"), {})
    assert "64" in capsys.readouterr().out


@pytest.mark.slow
def test_the_python_of_the_readme_runs(capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.count("\nexponents: ") == 2


@pytest.mark.slow
def test_the_commands_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\.venv/bin/kadanoff (.*)$", readme, flags=re.MULTILINE)
    assert len(lines) > 5
    assert [main(line.split()) for line in lines] == [0] * len(lines)
