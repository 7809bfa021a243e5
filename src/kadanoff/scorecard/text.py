"""A scorecard as text: sentences with their readings, then a table of controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kadanoff.scorecard.rows import HEADLINES, Row

if TYPE_CHECKING:
    from kadanoff.scorecard.card import Scorecard

__all__ = ["card_text", "number_text", "side_by_side"]

NONE = "–"


def card_text(card: Scorecard) -> str:
    """Every row with its sentence and readings, and the controls beside the map."""
    lines = [f"{card.rule}, read on {card.configurations} configurations"]
    lines += [f"\nNote: {card.remark}."] if card.remark else []
    for row in card.rows:
        lines.append(f"\n{row.name}: {row.sentence}")
        lines += [f"    {k:<36} {number_text(v)}" for k, v in row.readings.items()]
    if card.controls:
        lines.append("\nbeside its controls, on the same configurations:\n")
        lines.append(side_by_side([("this map", card.rows), *card.controls.items()]))
    return "\n".join(lines)


def side_by_side(subjects: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """Headline readings of several maps, one line each, under the columns of the first.

    Args:
        subjects: names, which need not differ, and rows.
    """
    columns = [
        (row.name, reading)
        for row in subjects[0][1]
        for reading in HEADLINES.get(row.name, ())
    ]
    header = ["", *(reading for _, reading in columns)]
    body = [
        [name, *(_cell(rows, *column) for column in columns)] for name, rows in subjects
    ]
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in (header, *body)
    )


def _cell(rows: Sequence[Row], name: str, reading: str) -> str:
    row = next((row for row in rows if row.name == name), None)
    value = None if row is None else row.readings.get(reading)
    return NONE if value is None else number_text(value)


def number_text(value: Any) -> str:
    """A plain number in three digits, an estimate with its error."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
