"""A scorecard as one slide for a talk, 16:9, its letters as large as there is room."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from kadanoff.reports.panels import drawable, lines_of, panel
from kadanoff.reports.sheet import FAILS, MAPS, PASSES, THIS, Sheet
from kadanoff.reports.zoom import draw_view, views_of

__all__ = ["slide"]

INK, GREY = "#222222", "#767676"
WIDE, DOTS = (16.0, 9.0), 160  # inches of a slide, and dots of a saved figure
WORDS = 18  # letters of a name on a slide
LETTER = 0.5  # mean width of a letter in its size
CUT = "…"
MOST = 6
"""Panels of a slide where none of the usual ones was read."""
NEXT_MAP = re.compile(r"; map \d+: ")


def slide(sheet: Sheet) -> Figure:
    """One slide, 16:9: the name, where the map stands, what it does, and in words."""
    fig = Figure(figsize=WIDE, dpi=DOTS)  # letters are as wide as where it is saved
    FigureCanvasAgg(fig)
    said = [] if len(sheet.maps) > 1 else _spoken(sheet)
    floor = 0.325 if said else 0.07
    _fit(fig, [sheet.title], (0.025, 0.905, 0.68, 0.075), (36, 14), bold=True)
    _fit(fig, [sheet.lead], (0.025, 0.845, 0.68, 0.05), (18, 8), colour=GREY)
    _slide_key(fig, sheet)
    left = _slide_pictures(fig, sheet, floor)
    _slide_panels(fig, sheet, left, floor)
    if said:
        _fit(fig, said, (0.025, 0.025, 0.95, 0.235), (19, 7))
    return fig


def _spoken(sheet: Sheet) -> list[str]:
    """Sentences of the rows that are there; of feature maps those of the first."""
    said = []
    for row in next(iter(sheet.maps.values())):
        if row.readings:
            first, *others = NEXT_MAP.split(row.sentence)
            more = f" (and {len(others)} more maps)" if others else ""
            said.append(f"{row.name}: {first}{more}")
    return ([f"Note: {sheet.remark}."] if sheet.remark else []) + said


def _slide_key(fig: Figure, sheet: Sheet) -> None:
    """What the marks are, in the upper right corner."""
    reference = sheet.reference
    if not reference:
        return
    marks = [
        ("o", MAPS[0], THIS),
        ("s", PASSES, f"renormalizes: {reference} (line and band)"),
        ("D", FAILS, "has a known fault, fails somewhere"),
    ]
    shown = [(m, c, w) for m, c, w in marks if c != FAILS or sheet.failing]
    fig.legend(
        [Line2D([], [], marker=m, color=c, ls="", markersize=11) for m, c, _ in shown],
        [words for _, _, words in shown],
        loc="upper right",
        bbox_to_anchor=(0.985, 0.985),
        fontsize=14,
        frameon=False,
        handletextpad=0.3,
    )


def _slide_pictures(fig: Figure, sheet: Sheet, floor: float) -> float:
    """The fine configuration over what each map made of it; gives their right edge."""
    seen = {n: p for n, p in sheet.portraits.items() if n in sheet.maps and p.levels}
    if not seen:
        return 0.03
    views = [("", views_of(next(iter(seen.values())).levels[:1], 1)[0])]
    for name, portrait in seen.items():
        of = name if len(seen) > 1 else ""
        views.append((of, views_of(portrait.levels[1:2], 1)[0]))
    views = views[:4]
    top, across = (0.79, 1) if len(views) < 3 else (0.76, 2)
    down = math.ceil(len(views) / across)
    tall = (top - floor + 0.03) / down
    side = min(tall - (0.05 if across == 1 else 0.09), 0.30 if across == 1 else 0.22)
    wide = side * WIDE[1] / WIDE[0]
    for k, (of, view) in enumerate(views):
        x = 0.025 + (k % across) * (wide + 0.012)
        y = top - side - (k // across) * tall
        ax = fig.add_axes((x, y, wide, side))
        draw_view(view, [ax])
        which = "fine" if k == 0 else "coarse"
        title = shortened(f"{which}, {view.title}".replace("\n", ", "), 22)
        title = f"{shortened(of, 18)}\n{title}" if of else title
        ax.set_title(title, fontsize=13, loc="left", parse_math=False)
    return 0.025 + across * wide + (across - 1) * 0.012


def _slide_panels(fig: Figure, sheet: Sheet, left: float, floor: float) -> None:
    shown = drawable(sheet, sheet.talk) or drawable(sheet, sheet.headlines)[:MOST]
    if not shown:
        return
    lines = lines_of(sheet)
    size = min(15.0, 300 * (0.77 - floor) / len(lines))
    names = ["\n".join(textwrap.wrap(line.label, WORDS)) for line in lines]
    letters = max(len(part) for name in names for part in name.split("\n"))
    left += 0.02 + 0.62 * size * letters / 72 / WIDE[0]
    axes = fig.add_gridspec(
        1, len(shown), left=left, right=0.975, top=0.735, bottom=floor, wspace=0.16
    ).subplots(squeeze=False)[0]
    for k, (ax, which) in enumerate(zip(axes, shown, strict=True)):
        panel(ax, sheet, lines, which, named=k == 0, size=size)
        ax.set_yticks(range(len(names)), names, parse_math=False)
        title = [which[0], *textwrap.wrap(which[1], max(8, 84 // len(shown)))]
        ax.set_title(
            "\n".join(title), fontsize=0.9 * size, loc="left", parse_math=False
        )
        ax.xaxis.set_major_locator(MaxNLocator(2, min_n_ticks=2))


def shortened(text: str, most: int) -> str:
    """The text with its middle left out where it is too long."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[len(text) - half :]}"


def _fit(
    fig: Figure,
    paragraphs: Sequence[str],
    place: tuple[float, float, float, float],
    sizes: tuple[float, float],
    *,
    bold: bool = False,
    colour: str = INK,
) -> Text:
    """Paragraphs in the largest letters with which they fill a place and no more.

    Args:
        fig: with a canvas that can measure.
        paragraphs: broken into lines between words.
        place: left, bottom, width and height in shares of the figure.
        sizes: largest and least, in points; what does not fit then is cut, and says so.
        bold: weight.
        colour: of the letters.
    """
    left, bottom, width, height = place
    text = fig.text(
        left,
        bottom + height,
        "",
        va="top",
        color=colour,
        fontweight="bold" if bold else "normal",
        parse_math=False,
        linespacing=1.25,
    )
    size, least = sizes
    room = (width * fig.bbox.width, height * fig.bbox.height)
    while True:
        letters = int(width * fig.get_figwidth() * 72 / (LETTER * size))
        wrapped = [
            "\n".join(textwrap.wrap(p, letters, subsequent_indent="   "))
            for p in paragraphs
        ]
        text.set(text="\n".join(wrapped), fontsize=size)
        box = text.get_window_extent()
        if box.width <= room[0] and box.height <= room[1]:
            return text
        if size <= least:
            paragraphs = _less(paragraphs)
        size = max(least, size - 0.5)


def _less(paragraphs: Sequence[str]) -> list[str]:
    """One paragraph less, or a shorter one; what is cut ends in dots."""
    *others, last = [p for p in paragraphs if p != CUT]
    return [*others, CUT] if others else [shortened(last, max(8, len(last) * 9 // 10))]
