"""One look for every picture, and the pictures that many reports share.

Figures are made without pyplot, so nothing global is touched. Spins are drawn black
(up) and white (down); real fields on a diverging scale; responses likewise, centred
at zero. Colours are those of Okabe and Ito, safe for colour-blind readers.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.estimate import Estimate
from kadanoff.files import replacing

__all__ = [
    "PALETTE",
    "data_uri",
    "error_lines",
    "figure",
    "image_rows",
    "save_figure",
    "tidy",
]

PALETTE = ("#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, PALE = "#222222", "#dddddd"


def figure(width: float, height: float, rows: int = 1, columns: int = 1) -> Figure:
    """A figure of `rows` × `columns` axes, size in inches, house style."""
    fig = Figure(figsize=(width, height), layout="constrained")
    fig.subplots(rows, columns, squeeze=False)
    for ax in fig.axes:
        tidy(ax)
    return fig


def tidy(ax: Axes) -> None:
    """No box, small ticks, quiet grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(INK)
    ax.tick_params(labelsize=9, color=INK)
    ax.grid(visible=True, color=PALE, linewidth=0.6)
    ax.set_axisbelow(True)


def error_lines(
    ax: Axes, x: np.ndarray, curves: Mapping[str, Estimate], colours: Mapping[str, str]
) -> None:
    """Points with error bars joined by lines, one per curve."""
    for name, curve in curves.items():
        ax.errorbar(
            x,
            curve.value,
            curve.error,
            label=name,
            color=colours[name],
            marker="o",
            markersize=3.5,
            linewidth=1.2,
            capsize=2,
        )


def image_rows(
    rows: Mapping[str, Sequence[np.ndarray | None]],
    titles: Sequence[str],
    *,
    size: float = 1.9,
    responses: bool = False,
) -> Figure:
    """Labelled rows of lattice pictures; `None` leaves a place empty.

    Args:
        rows: label → two-dimensional arrays, one per column.
        titles: of the columns.
        size: side of one picture in inches.
        responses: scale every picture by its own largest absolute value; one of zeros
            is blank.
    """
    fig = Figure(
        figsize=(1.3 + size * len(titles), size * len(rows) + 0.35),
        layout="constrained",
    )
    axes = fig.subplots(len(rows), len(titles), squeeze=False)
    for (label, pictures), line in zip(rows.items(), axes, strict=True):
        line[0].set_ylabel(label, fontsize=10, rotation=0, ha="right", va="center")
        for ax, picture in zip(line, pictures, strict=True):
            _draw_lattice(ax, picture, responses)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=10)
    return fig


def save_figure(fig: Figure, path: Path) -> None:
    """The figure in the format of the file's ending.

    Raises:
        ValueError: an ending that is not a picture format.
    """
    kind = path.suffix.lstrip(".").lower()
    known = fig.canvas.get_supported_filetypes()
    if kind not in known:
        raise ValueError(
            f"a picture ends in one of .{', .'.join(sorted(known))}, got {path.name}"
        )
    with replacing(path) as temporary:
        fig.savefig(temporary, format=kind, dpi=160)


def data_uri(fig: Figure) -> str:
    """The figure as an SVG data URI, the same bytes for the same figure."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "kadanoff", "svg.fonttype": "path"}):
        # What a figure has as pixels, such as thousands of points, stays sharp.
        fig.savefig(buffer, format="svg", metadata={"Date": None}, dpi=160)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def _draw_lattice(ax: Axes, picture: np.ndarray | None, responses: bool) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    if picture is None:
        ax.spines[:].set_visible(False)
        return
    binary = bool(np.isin(picture, (-1, 1)).all())
    # A field of zeros has no scale of its own, and without one it is all one colour.
    limit = (float(np.nanmax(np.abs(picture))) if responses else 1.0) or 1.0
    ax.imshow(
        picture,
        cmap="binary" if binary and not responses else "RdBu_r",
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )
