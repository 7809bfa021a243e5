"""Where a map stands between a renormalization and maps of known fault, on one page.

Everything shown is in a `Sheet`; drawing computes nothing but positions. There is no
verdict number: each reading has an axis of its own, and the eye compares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jinja2 import Environment, StrictUndefined

from kadanoff.estimate import NO_NUMBER, Estimate
from kadanoff.reports.figures import data_uri
from kadanoff.reports.page import Page, Section, Table
from kadanoff.reports.panels import draw_beside, headlines_of, wholes_of
from kadanoff.reports.portraits import (
    draw_configurations,
    draw_exponents,
    draw_fields,
    draw_ratios,
)
from kadanoff.reports.sheet import (
    NONE,
    THIS,
    Row,
    Sheet,
    matching,
    readings_of,
    row_of,
    text_of,
)

__all__ = ["fragment", "page", "page_of_several"]


def page(sheet: Sheet) -> Page:
    """Everything on one page: sentences, where the map stands, then row by row."""
    return Page(
        title=sheet.title,
        lead=sheet.lead,
        findings=_findings(sheet),
        sections=[*_overview(sheet), *_sections(sheet), *_absent(sheet)],
        provenance=sheet.provenance,
    )


def page_of_several(title: str, sheets: Mapping[str, Sheet]) -> Page:
    """One page of several scorecards: the sections of each under its name.

    Args:
        title: of the page.
        sheets: by the name of each, in order.
    """
    pages = {name: page(sheet) for name, sheet in sheets.items()}
    return Page(
        title=title,
        lead="; ".join(f"{name}: {one.lead}" for name, one in pages.items()),
        findings=[f"{name}: {s}" for name, one in pages.items() for s in one.findings],
        sections=[
            replace(section, title=f"{name}: {section.title}")
            for name, one in pages.items()
            for section in one.sections
        ],
        provenance=next(iter(pages.values())).provenance,
    )


def fragment(sheet: Sheet) -> str:
    """The sheet inside somebody else's page: no file and no style of its own."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    picture = draw_beside(sheet, width=10.5)
    several = len(sheet.maps) > 1
    said = [
        (f"{name}: {row.name}" if several else row.name, row.sentence)
        for name, rows in sheet.maps.items()
        for row in rows
    ]
    return environment.from_string(FRAGMENT).render(
        sheet=sheet,
        said=said,
        picture=picture and data_uri(picture),
        caption=_caption(sheet),
        header=["", *(f"{row}: {r}" for row, r in headlines_of(sheet))],
        lines=[*_side_by_side(sheet)],
    )


def _findings(sheet: Sheet) -> list[str]:
    """The remark, then of a single map one sentence for each row that is there."""
    said = [f"Note: {sheet.remark}."] if sheet.remark else []
    if len(sheet.maps) == 1:
        (rows,) = sheet.maps.values()
        said += [f"{row.name}: {row.sentence}" for row in rows if row.readings]
    return said


def _overview(sheet: Sheet) -> Iterator[Section]:
    beside = draw_beside(sheet)
    if beside is not None:
        yield Section(
            "Beside its controls" if sheet.controls else "Side by side",
            _caption(sheet),
            data_uri(beside),
        )
    seen = draw_configurations(sheet)
    if seen is not None:
        yield Section(
            "Configurations",
            "One configuration before each map and after it, again and again where the "
            "map fits its own output. Every picture is the whole torus; spins up are "
            "black, real values red above zero and blue below. What had to be arranged "
            "is read on other chains.",
            data_uri(seen),
        )


PICTURES = {
    "locality": (
        "Direct responses of some coarse units on the fine lattice, each on a scale of "
        "its own: red where a unit follows a site, blue where it opposes it. A local "
        "map has one small spot for each unit. Of several feature maps the first few."
    ),
    "exponents": (
        "MCRG exponents against the number of operators. Each line is one step of the "
        "map; a fixed point has them level and on top of each other. Of controls the "
        "step that is reported. Of several feature maps the first few."
    ),
    "scaling": (
        "The coarse correlator over the fine one at the same distance, in units of its "
        "value at the shortest distance. A field that is only rescaled is level; what "
        "has no correlation at the shortest distance is left out."
    ),
}


def _sections(sheet: Sheet) -> Iterator[Section]:
    """One for each row that some map has: its picture, readings and sentences."""
    drawn = {
        "locality": draw_fields,
        "exponents": draw_exponents,
        "scaling": draw_ratios,
    }
    for name in sheet.rows:
        found = {of: row_of(rows, name) for of, rows in sheet.columns.items()}
        if not any(readings_of(found[of]) for of in sheet.maps):
            continue
        fig = drawn[name](sheet) if name in drawn else None
        said = [[of, row.sentence] for of, row in found.items() if row is not None]
        yield Section(
            name.capitalize(),
            PICTURES[name] if fig is not None else "",
            fig and data_uri(fig),
            [_table(found, sheet), Table(["", "in words"], said)],
        )


def _absent(sheet: Sheet) -> Iterator[Section]:
    """The rows that a map does not have, and why."""
    several = len(sheet.maps) > 1
    rows = [
        [f"{row.name} of {name}" if several else row.name, row.sentence]
        for name, found in sheet.maps.items()
        for row in found
        if not row.readings
    ]
    if rows:
        text = "Rows that this kind of input does not have."
        yield Section("Missing", text, None, [Table(["row", "why"], rows)])


def _table(found: Mapping[str, Row | None], sheet: Sheet) -> Table:
    """Every reading of a row, and the same of each control; n_eff of the maps' own."""
    names = list(dict.fromkeys(n for row in found.values() for n in readings_of(row)))
    of_maps = [*sheet.maps]
    own = "n_eff" if len(of_maps) == 1 else "n_eff of {}"
    header = ["reading", *of_maps, *map(own.format, of_maps)]
    lines = []
    for name in names:
        mine = [readings_of(found[of]).get(name) for of in of_maps]
        lines.append([name, *map(text_of, mine), *map(_samples, mine)])
        lines[-1] += (
            text_of(readings_of(row).get(name)) if (row := found[of]) else ""
            for of in sheet.controls
        )
    weakest = [_weakest(found[of]) for of in sheet.columns]
    lines.append(
        ["n_eff of the weakest", *weakest[: len(of_maps)]]
        + [""] * len(of_maps)
        + weakest[len(of_maps) :]
    )
    return Table([*header, *sheet.controls], lines)


def _caption(sheet: Sheet) -> str:
    """How to read the panels."""
    words = ["Each panel is one reading, bars are one standard error"]
    if any(name == "exponents" for name, _ in headlines_of(sheet)):
        words[0] += " (of exponents with their changes over steps and operators)"
    reference = sheet.reference
    if reference:
        words.append(
            f"The green line is the {reference} control, a renormalization on the same "
            "configurations"
        )
        if sheet.failing:
            words.append(
                "Controls in orange each have a known fault and must fail somewhere, "
                "but need not everywhere"
            )
    partly = _partly_read(sheet)
    if partly:
        words.append(partly)
    wholes = wholes_of(sheet)
    if wholes:
        words.append(
            f"What several feature maps have together, {_listed(wholes)}, is a mark "
            "with a line through all of them"
        )
    words.append(
        "An arrow stands for a value beyond the axis, an open mark for one without an "
        f"error, {NO_NUMBER} for no number"
    )
    return ". ".join(words) + "."


def _partly_read(sheet: Sheet) -> str:
    """Which rows were not read of every control, in words."""
    shown = dict.fromkeys(name for name, _ in headlines_of(sheet))
    of = {
        name: [c for c, rows in sheet.controls.items() if row_of(rows, name)]
        for name in shown
    }
    rows = [name for name in shown if len(of[name]) < len(sheet.controls)]
    if not rows:
        return ""
    read = [c for c in sheet.controls if any(c in of[name] for name in rows)]
    beside = f" and of {_listed(read)}" if read else ""
    said = f"{_listed(rows)} {'is' if len(rows) == 1 else 'are'} read of {THIS}{beside}"
    return f"{said[0].upper()}{said[1:]} alone"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _side_by_side(sheet: Sheet) -> Iterator[list[str]]:
    """Headline readings of all maps and controls, one line each."""
    for name, rows in sheet.columns.items():
        cells = []
        for row, reading in headlines_of(sheet):
            known = row_of(rows, row)
            found = "; ".join(map(text_of, matching(known, reading).values()))
            cells.append(found or (NONE if known else ""))
        yield [name, *cells]


def _samples(value: Any) -> str:
    """Independent configurations that an estimate rests on."""
    known = isinstance(value, Estimate) and math.isfinite(value.n_eff)
    return f"{value.n_eff:.0f}" if known else ""


def _weakest(row: Row | None) -> str:
    numbers = [v.n_eff for v in readings_of(row).values() if isinstance(v, Estimate)]
    finite = [n for n in numbers if math.isfinite(n)]
    return f"{min(finite):.0f}" if finite else ""


FRAGMENT = """<div>
<p><b>{{ sheet.title }}</b><br>{{ sheet.lead }}</p>
{% if sheet.remark %}<p>Note: {{ sheet.remark }}.</p>{% endif %}
{% if picture %}<img alt="{{ caption }}" src="{{ picture }}" style="max-width: 100%">
<p><small>{{ caption }}</small></p>{% endif %}
{% if lines and header|length > 1 %}<table>
<tr>{% for name in header %}<th>{{ name }}</th>{% endfor %}</tr>
{% for line in lines %}<tr>{% for cell in line %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endif %}
<table>
{% for name, sentence in said %}<tr>
<th style="text-align: left; vertical-align: top">{{ name }}</th>
<td style="text-align: left">{{ sentence }}</td></tr>
{% endfor %}</table>
</div>
"""
