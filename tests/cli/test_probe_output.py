"""`kadanoff probe --html --png`: what is printed is also on the page and the slide."""

import json

import numpy as np
import pytest
from PIL import Image

import kadanoff as kd
from kadanoff.cli import main

ROWS = "--rows locality couplings exponents scaling coverage"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Critical configurations, what majority makes of them, and three kernels."""
    folder = tmp_path_factory.mktemp("probe")
    fine = kd.sample(kd.Ising((16, 16)), coupling=kd.K_C, draws=1024, chains=64, seed=1)
    kd.save(fine, folder / "fine.nc")
    kd.save(kd.coarsen(kd.Majority(b=2), fine), folder / "coarse.nc")
    signs = [[[1, 1], [1, 1]], [[1, -1], [-1, 1]]]
    np.save(folder / "kernels.npy", np.array(signs) / 4)
    return folder


@pytest.fixture
def here(folder, monkeypatch, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command, capsys):
    assert main(f"{command} --json".split()) == 0
    return json.loads(capsys.readouterr().out)


def shown(readings):
    """Estimates with their errors and plain numbers, as they are printed."""
    return [
        f"{value:.3g}" if isinstance(value, float) else str(value)
        for value in readings.values()
        if np.isfinite(value.value if isinstance(value, kd.Estimate) else value)
    ]


def test_page_and_slide_hold_what_is_printed(here, capsys):
    command = (
        f"probe fine.nc --rule majority:b=2 {ROWS} --controls block factorised "
        "--html card.html --png card.png"
    )
    found = run(command, capsys)
    assert (found["html"], found["png"]) == ("card.html", "card.png")
    page = (here / "card.html").read_text(encoding="utf-8")
    card = kd.probe(
        kd.Majority(b=2),
        kd.load("fine.nc"),
        rows=ROWS.split()[1:],
        controls=("block", "factorised"),
    )
    assert card["coverage"].is_missing
    assert page.count("<th>block</th><th>factorised</th>") == len(card.rows) - 1
    for rows in (card.rows, *card.controls.values()):
        for row in rows:
            assert row.sentence in page.replace("&#39;", "'")
            for name in row.readings:
                assert f"<td>{name}</td>" in page
            for number in shown(row.readings):
                assert f"<td>{number}</td>" in page
    assert 'src="http' not in page
    assert page.count("<img") == 5  # beside, configurations and a picture of 3 rows
    with Image.open(here / "card.png") as image:
        assert image.width * 9 == image.height * 16
    assert not [*here.glob(".*")]


def test_a_pair_of_files_has_a_page(here, capsys):
    found = run(f"probe fine.nc coarse.nc {ROWS} --controls none --html p.html", capsys)
    page = (here / "p.html").read_text(encoding="utf-8")
    assert "png" not in found
    assert "a pair of files" in page


def test_feature_maps_are_on_the_page_one_by_one(here, capsys):
    rule = "convolution:kernels.npy,b=2,output=sign"
    command = f"probe fine.nc --rule {rule} {ROWS} --controls block --html m.html"
    found = run(command, capsys)
    page = (here / "m.html").read_text(encoding="utf-8")
    names = [name for row in found["rows"].values() for name in row]
    maps = [name for name in names if name.startswith("map ")]
    assert {name[:5] for name in maps} == {"map 0", "map 1"}
    for name in maps:
        assert f"<td>{name}</td>" in page


def test_the_card_is_the_same_with_and_without_pictures(here, capsys):
    command = f"probe fine.nc --rule majority:b=2 {ROWS} --controls none"
    bare = run(command, capsys)
    drawn = run(f"{command} --html c.html", capsys)
    assert drawn.pop("html") == "c.html"
    assert drawn == bare


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ("--html card.png", "--html needs a name that ends in .html, got card.png"),
        ("--png card.svg", "--png needs a name that ends in .png, got card.svg"),
        ("--html none/card.html", "the folder of none/card.html does not exist"),
        ("--png taken.png", "an output is a file"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_at_once(
    files, sentence, here, capsys
):
    """Before the file is even opened: it does not exist."""
    (here / "taken.png").mkdir()
    assert main(f"probe no.nc --rule majority:b=2 {files}".split()) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert sentence in seen.err
    assert len(seen.err.splitlines()) == 1


def test_a_card_prints_where_it_wrote(here, capsys):
    rows = "--rows couplings --controls none"
    assert main(f"probe fine.nc coarse.nc {rows} --png a.png".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["png", "a.png"]


def test_a_notebook_shows_a_card(here):
    from kadanoff.scorecard.card import compare

    fine = kd.load("fine.nc")
    rules = (kd.Majority(b=2), kd.Decimation(b=2))
    cards = compare(rules, fine, rows=("couplings",))
    first, second = cards
    one, both = first._repr_html_(), cards._repr_html_()
    reading = str(second["couplings"].readings["K nn"])
    assert reading in both
    assert reading not in one
    assert "decimation:b=2" in both


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Three temperatures, cold to hot, in the folder of a sweep."""
    folder = tmp_path_factory.mktemp("sweep") / "sweep"
    kd.sample_sweep(
        kd.Ising((16, 16)),
        temperatures=[2.0, 2.3, 4.0],
        draws=512,
        chains=16,
        seed=2,
        out=folder,
    )
    return folder


SWEEP = "--rule majority:b=2 --rows temperature couplings --controls block factorised"


def test_a_sweep_is_read_at_every_temperature_with_controls(sweep, tmp_path, capsys):
    found = run(f"probe {sweep} {SWEEP} --runs {tmp_path}", capsys)["maps"]
    assert [one["rule"].split()[-1] for one in found] == ["0.5", "0.434783", "0.25"]
    for card, ensemble in zip(found, kd.load_sweep(sweep), strict=True):
        alone = kd.probe(
            kd.Majority(b=2), ensemble, rows=("temperature", "couplings"), controls=()
        )
        k = card["rows"]["couplings"]["K nn"]["value"]
        assert k == float(alone["couplings"].readings["K nn"].value)
        assert list(card["controls"]) == ["block", "factorised"]
    hot, cold = (found[n]["rows"]["couplings"] for n in (2, 0))
    assert hot["K nn"]["value"] < cold["K nn"]["value"]


def test_every_temperature_of_a_sweep_has_its_part_of_the_page(sweep, tmp_path, capsys):
    files = {"html": tmp_path / "card.html", "png": tmp_path / "card.png"}
    asked = " ".join(f"--{kind} {path}" for kind, path in files.items())
    assert main(f"probe {sweep} {SWEEP} --runs {tmp_path} {asked}".split()) == 0
    text = capsys.readouterr().out
    page = files["html"].read_text(encoding="utf-8")
    for coupling in ("0.5", "0.434783", "0.25"):
        assert f"majority:b=2 at K = {coupling}" in text
        assert f"K = {coupling}: Beside its controls" in page
    assert text.count("  factorised ") == 3
    assert "majority:b=2 at 3 temperatures" in page
    with Image.open(files["png"]) as slide:
        assert slide.size == (2560, 1440)


def test_a_folder_is_no_part_of_a_pair(sweep, capsys):
    assert main(["probe", str(sweep), str(sweep)]) == 2
    said = capsys.readouterr().err
    assert "a pair is two files" in said
    assert len(said.splitlines()) == 1
