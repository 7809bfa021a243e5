"""A scorecard as text: sentences with their readings, then a table of controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kadanoff.estimate import number_text

if TYPE_CHECKING:
    from kadanoff.scorecard.card import Scorecard
    from kadanoff.scorecard.rows import Row

__all__ = ["card_text", "side_by_side"]

NONE = "–"
WIDEST = 120
"""Letters of a line of a table; what has no room stands in a table below."""
NOT_ALONE = ("unexplained", "followed by majority")
"""Rows whose readings do not say by themselves what they are."""

Headlines = Mapping[str, Sequence[str]]
Column = tuple[str, str]
Rows = Sequence["Row"]


def card_text(card: Scorecard, headlines: Headlines) -> str:
    """Every row with its sentence and readings, and the controls beside the map.

    Args:
        card: the rows of a map and of its controls.
        headlines: the readings that stand beside those of the controls, by row.
    """
    lines = [f"{card.rule}, read on {card.configurations} configurations"]
    lines += [f"\nNote: {card.remark}."] if card.remark else []
    for row in card.rows:
        lines.append(f"\n{row.name}: {row.sentence}")
        width = max(map(len, row.readings), default=0)
        lines += [f"    {k:<{width}} {number_text(v)}" for k, v in row.readings.items()]
    if card.controls:
        subjects = [("this map", card.rows), *card.controls.items()]
        lines.append("\nbeside its controls, on the same configurations:\n")
        lines.append(side_by_side(subjects, headlines))
    return "\n".join(lines)


def side_by_side(subjects: Sequence[tuple[str, Rows]], headlines: Headlines) -> str:
    """Headline readings of several maps, one line each, under the columns of the first.

    A map of several feature maps has a line for what it is as a whole and one for each
    of them. What a map does not have is a dash; a row that was not read of it is empty.

    Args:
        subjects: names, which need not differ, and rows.
        headlines: readings by row.
    """
    columns = [
        (row.name, reading)
        for row in subjects[0][1]
        for reading in headlines.get(row.name, ())
    ]
    names, cells = [], []
    for name, rows in subjects:
        for label, line in _lines(name, rows, columns):
            names.append(label)
            cells.append(line)
    header = [f"{r}, {row}" if row in NOT_ALONE else r for row, r in columns]
    upright = [*zip(header, *cells, strict=True)]
    return "\n\n".join(_table(["", *names], part) for part in _parts(names, upright))


def _lines(
    name: str, rows: Rows, columns: Sequence[Column]
) -> Iterator[tuple[str, list[str]]]:
    """A line of a map, or of the map and of each of its feature maps."""
    found = [_found(rows, *column) for column in columns]
    maps = sorted({m for of in found if of for m in of if m is not None})
    whole = [_cell(of, None, alone=not maps) for of in found]
    if not maps or any(whole):
        yield name, whole
    for m in maps:
        deeper = " " * (len(name) - len(name.lstrip()) + 2)
        label = f"{deeper}map {m}" if any(whole) else f"{name}, map {m}"
        yield label, [_cell(of, m, alone=False) for of in found]


def _found(rows: Rows, name: str, reading: str) -> dict[int | None, Any] | None:
    """The reading by feature map, of the map as a whole by None; None if not read."""
    from kadanoff.reports.sheet import OF_MAP, matching

    row = next((row for row in rows if row.name == name), None)
    if row is None:
        return None
    by_name = [(OF_MAP.match(k), value) for k, value in matching(row, reading).items()]
    return {int(of[1]) if of else None: value for of, value in by_name}


def _cell(of: Mapping[int | None, Any] | None, m: int | None, *, alone: bool) -> str:
    """The number of a feature map; nothing where the reading is that of another kind.

    Args:
        of: what there is, by feature map.
        m: the feature map; None of the map as a whole.
        alone: whether no reading is of a feature map.
    """
    if of is None:
        return ""
    if m in of:
        return number_text(of[m])
    return NONE if alone or (m is not None and None not in of) else ""


def _parts(
    names: Sequence[str], upright: Sequence[Sequence[str]]
) -> Iterator[list[Sequence[str]]]:
    """Columns that have room beside each other and the names."""
    left = max(map(len, names), default=0)
    part: list[Sequence[str]] = []
    for column in upright:
        widths = [2 + max(map(len, cells)) for cells in (*part, column)]
        if part and left + sum(widths) > WIDEST:
            yield part
            part = []
        part.append(column)
    yield part


def _table(names: Sequence[str], upright: Sequence[Sequence[str]]) -> str:
    """Lines under each other; an empty one only where deeper ones belong to it."""
    lines = [*zip(names, *upright, strict=True)]
    deep = [*(len(name) - len(name.lstrip()) for name in names), 0]
    kept = [
        line
        for k, line in enumerate(lines)
        if k == 0 or any(line[1:]) or deep[k + 1] > deep[k]
    ]
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in kept
    )
