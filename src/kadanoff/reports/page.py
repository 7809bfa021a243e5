"""One HTML file that opens offline: sentences first, then pictures with tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape

from kadanoff.files import replacing

__all__ = ["Claim", "Listing", "Page", "Section", "Table", "write"]


@dataclass(frozen=True)
class Table:
    """Rows of text or estimates under a header."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Listing:
    """Lines of code under a title, shown as they are."""

    title: str
    code: str


@dataclass(frozen=True)
class Claim:
    """A statement, one word on what became of it, and texts by their names."""

    statement: str
    status: str
    about: Mapping[str, str]


@dataclass(frozen=True)
class Section:
    """A title, what to see, claims, a picture (data URI), tables, remarks, listings."""

    title: str
    text: str
    picture: str | None = None
    tables: Sequence[Table] = ()
    remarks: Sequence[str] = ()
    listings: Sequence[Listing] = ()
    claims: Sequence[Claim] = ()


@dataclass(frozen=True)
class Page:
    """A report: its first page is `findings`, one sentence each."""

    title: str
    lead: str
    findings: Sequence[str]
    sections: Sequence[Section]
    provenance: Mapping[str, Any] = field(default_factory=dict)


def write(page: Page, path: Path) -> None:
    """The page as one self-contained file, written whole or not at all."""
    environment = Environment(
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.from_string(TEMPLATE).render(page=page)
    with replacing(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ page.title }}</title>
<style>
body { font: 16px/1.55 Georgia, "Times New Roman", serif; color: #222;
       max-width: 60rem; margin: 2.5rem auto; padding: 0 1.2rem; }
h1, h2, h3, th, nav, footer { font-family: "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin-bottom: .3rem; }
h2 { font-size: 1.25rem; margin-top: 3rem; border-top: 1px solid #ddd;
     padding-top: 1.2rem; }
h3 { font-size: .95rem; margin: 1.4rem 0 .4rem; }
pre { font: .82rem/1.5 "DejaVu Sans Mono", Menlo, Consolas, monospace; margin: 0;
      background: #f6f6f3; padding: .7rem 1rem; }
.lead { color: #555; margin-top: 0; }
.findings li { margin: .55rem 0; }
nav a { margin-right: 1.1rem; font-size: .9rem; color: #0072B2; text-decoration: none; }
img { max-width: 100%; display: block; margin: 1.2rem auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: 1rem 0; }
th, td { text-align: left; padding: .28rem .9rem .28rem 0; vertical-align: top;
         border-bottom: 1px solid #e5e5e5; font-variant-numeric: tabular-nums; }
th { font-size: .8rem; color: #555; font-weight: 600; }
.claim { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid #ddd; }
.claim p { margin: 0 0 .3rem; }
.claim dl { display: grid; grid-template-columns: 4.5rem 1fr; gap: .15rem .8rem;
            margin: 0; font-size: .9rem; }
.claim dt { color: #555; font: 600 .8rem/1.7 "Helvetica Neue", Arial, sans-serif; }
.claim dd { margin: 0; font-variant-numeric: tabular-nums; }
.status { font: 600 .8rem "Helvetica Neue", Arial, sans-serif; white-space: nowrap; }
.remarks { background: #f6f6f3; padding: .6rem 1.2rem; border-left: 3px solid #D55E00; }
footer { font-size: .8rem; color: #666; margin-top: 3rem; border-top: 1px solid #ddd;
         padding-top: 1rem; }
footer td, footer th { border: 0; padding: .1rem 1rem .1rem 0; }
</style>
</head>
<body>
<h1>{{ page.title }}</h1>
<p class="lead">{{ page.lead }}</p>
<ol class="findings">
{% for sentence in page.findings %}
<li>{{ sentence }}</li>
{% endfor %}
</ol>
<nav>
{% for section in page.sections %}
<a href="#s{{ loop.index }}">{{ section.title }}</a>
{% endfor %}
</nav>
{% for section in page.sections %}
<h2 id="s{{ loop.index }}">{{ section.title }}</h2>
{% for claim in section.claims %}
<div class="claim">
<p><b>{{ claim.statement }}</b> <span class="status">{{ claim.status }}</span></p>
<dl>
{% for name, text in claim.about.items() %}
<dt>{{ name }}</dt><dd>{{ text }}</dd>
{% endfor %}
</dl>
</div>
{% endfor %}
{% if section.text %}
<p>{{ section.text }}</p>
{% endif %}
{% if section.picture %}
<img alt="{{ section.title }}" src="{{ section.picture }}">
{% endif %}
{% for table in section.tables %}
<div class="scroll"><table>
<tr>{% for name in table.header %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in table.rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table></div>
{% endfor %}
{% for listing in section.listings %}
<h3>{{ listing.title }}</h3>
<pre class="scroll">{{ listing.code }}</pre>
{% endfor %}
{% if section.remarks %}
<div class="remarks">
{% for remark in section.remarks %}
<p>{{ remark }}</p>
{% endfor %}
</div>
{% endif %}
{% endfor %}
<footer><table>
{% for name, value in page.provenance.items() %}
<tr><th>{{ name }}</th><td>{{ value }}</td></tr>
{% endfor %}
</table></footer>
</body>
</html>
"""
