"""The pages of `make docs` build without a warning and open without a network."""

import importlib.util
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NEEDED = ("sphinx", "sphinx_gallery", "myst_parser", "pydata_sphinx_theme")
LOADED = {"src", "srcset", "data", "poster", "background", "action", "xlink:href"}
ELSEWHERE = re.compile(r"(https?:)?//")
STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s]+)""")
CALL = re.compile(
    r"""(?:fetch|(?<!@)import|importScripts|\.src\s*=)\s*\(?["']([^"']+)["']"""
)


class Page(HTMLParser):
    """What a browser would load with a page, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = [*STYLE.findall(text), *CALL.findall(text)]
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in LOADED or (name == "href" and tag in ("link", "base", "use")):
                self.loads += [part.split()[0] for part in (value or "").split(",")]
            elif name == "href" and tag == "a":
                self.links.append(value or "")


def from_elsewhere(site: Path) -> list[tuple[str, str]]:
    """Everything that pages, styles and scripts load from another machine."""
    found = []
    for path in sorted(p for p in site.rglob("*") if p.suffix in (".html", ".css")):
        text = path.read_text(encoding="utf-8")
        loads = Page(text).loads if path.suffix == ".html" else STYLE.findall(text)
        found += [(path.name, load) for load in loads if ELSEWHERE.match(load)]
    for path in site.rglob("*.js"):
        calls = CALL.findall(path.read_text(encoding="utf-8"))
        found += [(path.name, call) for call in calls if ELSEWHERE.match(call)]
    return found


def missing(site: Path) -> list[tuple[str, str]]:
    """Files of the site that a page loads or links to and that are not there."""
    found = []
    for path in site.rglob("*.html"):
        if "_static" in path.parts:  # templates of the theme, which no page shows
            continue
        page = Page(path.read_text(encoding="utf-8"))
        for target in (*page.loads, *page.links):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            if not (path.parent / unquote(parts.path)).exists():
                found.append((path.name, target))
    return found


def build(source: Path, site: Path, *options: str) -> None:
    """Warnings are errors, as in the Makefile."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", *options]
    done = subprocess.run(
        [*command, str(source), str(site)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture
def pages(tmp_path):
    """A copy of the pages to build in; the tree is left as it is."""
    if not all(importlib.util.find_spec(name) for name in NEEDED):
        pytest.skip("building the pages needs the docs extra, which `make docs` brings")
    made = shutil.ignore_patterns("_build", "auto_gallery")
    return shutil.copytree(DOCS, tmp_path / "docs", ignore=made)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_site_builds_and_loads_nothing_from_elsewhere(pages, tmp_path):
    site = tmp_path / "site"
    build(pages, site)
    scripts = {path.stem for path in (DOCS / "gallery").glob("plot_*.py")}
    made = {path.stem for path in (site / "auto_gallery").glob("plot_*.html")}
    assert made == scripts
    pictures = [p.name for p in (site / "_images").glob("sphx_glr_plot_*_001.png")]
    assert len(pictures) == len(scripts)
    assert from_elsewhere(site) == []
    assert {target for _, target in missing(site)} == {"handout.pdf"}  # made beside it


@pytest.mark.slow
def test_the_gallery_builds_alone(pages, tmp_path):
    site = tmp_path / "site"
    alone = ["-c", str(pages), "-D", "root_doc=auto_gallery/index"]
    one = ["-D", "sphinx_gallery_conf.filename_pattern=plot_epsilon"]
    build(pages / "gallery", site, *alone, *one)
    assert (site / "_images" / "sphx_glr_plot_epsilon_001.png").exists()
    assert from_elsewhere(site) == []
    assert missing(site) == []


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/mathjax.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/serif.css">',
        '<img srcset="a.png, http://example/b.png 2x">',
        "<style>@import 'https://example/a.css';</style>",
        '<div style="background: url(https://example/a.png)"></div>',
        '<script>fetch("https://example/versions.json")</script>',
    ],
)
def test_what_comes_from_elsewhere_is_seen(text, tmp_path):
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert len(from_elsewhere(tmp_path)) == 1


def test_links_to_papers_are_no_resources(tmp_path):
    text = '<a href="https://arxiv.org/abs/1410.3831">paper</a><img src="a.png">'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert from_elsewhere(tmp_path) == []
    assert missing(tmp_path) == [("page.html", "a.png")]
