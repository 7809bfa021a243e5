"""Every gallery script runs, draws one picture, and would notice a wrong number."""

import ast
import math
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "docs" / "gallery").glob("plot_*.py"))
CLAIM = "assert abs(found - exact) <= within < abs(control - exact)"
every_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)


def words_of(tree):
    """Names used, imported or reached through a dot."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "module"):
            yield from (getattr(node, field, None) or "").split(".")


def test_there_is_a_gallery():
    assert SCRIPTS


@every_script
def test_a_script_is_short_and_reads_like_a_page(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    title, rule, *text = (ast.get_docstring(tree) or "\n").splitlines()
    assert (set(rule), len(rule)) == ({"="}, len(title))
    assert len(" ".join(text)) > 200
    assert len(source.splitlines()) <= 60
    assert ":math:" not in source
    words = set(words_of(tree))
    assert not {w for w in words if w.startswith("_")} - {"_", "__doc__"}
    assert not words & {"print", "show", "savefig"}
    assert [ast.unparse(n) for n in tree.body].count(CLAIM) == 1


@pytest.mark.timeout(60)
@every_script
def test_a_script_runs_and_its_claim_can_fail(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("Agg")
    plt.close("all")
    try:
        names = runpy.run_path(str(path))
        (number,) = plt.get_fignums()
        plt.figure(number).canvas.draw()  # a missing glyph is a warning: an error
        assert any(ax.get_xlabel() or ax.get_title() for ax in plt.gcf().axes)
    finally:
        plt.close("all")
    assert (capsys.readouterr().out, [*tmp_path.iterdir()]) == ("", [])
    numbers = {n: float(names[n]) for n in ("found", "exact", "within", "control")}
    assert all(math.isfinite(number) for number in numbers.values())
    exec(CLAIM, dict(numbers))
    with pytest.raises(AssertionError):
        exec(CLAIM, {**numbers, "found": numbers["control"]})
