"""The same configurations at every level of a coarse-graining: a strip, or a film.

Sites are drawn where they are (`cells`), on the torus of the finest level. ±1 spins are
black (up) and white, Potts states the colours of a legend, angles a cyclic scale of
colours and real values a diverging one about zero, which each level has of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from PIL import Image

from kadanoff.ensemble import Block, Ensemble
from kadanoff.files import replacing
from kadanoff.geometry import Grid
from kadanoff.reports.cells import Box, box_of, draw_cells, plane_of
from kadanoff.reports.figures import PALETTE

__all__ = ["draw_view", "film", "picture", "save_film", "strip", "views_of"]

SIZE, SLIM = 1.9, 0.25  # inches of a picture of a strip, and least share of a side
SIDE, GAP = 256, 16  # pixels of a picture of a film, and around it
TITLE, BAR = 20, 40  # pixels above the pictures for a title, and below for a scale
DOTS = 100  # pixels of a film in an inch
REST, BETWEEN = 10, 8  # frames that a level stays, and until the next one is there
FRAME = 100  # milliseconds
MOST_TICKS = 12
PI = {-math.pi: "-π", 0.0: "0", math.pi: "π"}


@dataclass(frozen=True, eq=False)
class Scale:
    """Colours of values; `ticks` by their labels, None where no scale is shown."""

    cmap: Colormap
    norm: Normalize
    ticks: dict[float, str] | None


@dataclass(frozen=True, eq=False)
class View:
    """One level, or one of its feature maps, as it is drawn for several chains."""

    title: str
    plane: Grid
    box: Box
    pictures: tuple[np.ndarray, ...]
    alphabet: str
    scale: Scale


def strip(levels: Sequence[Ensemble], *, rows: int = 3) -> Figure:
    """A row for each of the first configurations, a column for each level.

    A level of several feature maps has a column for each.

    Raises:
        ValueError: no level, or fewer than one row.
    """
    views = views_of(levels, rows)
    shown = len(views[0].pictures)
    tall = max(view.box.sides[0] / view.box.sides[1] for view in views)
    height = SIZE * min(max(tall, SLIM), 1 / SLIM) * shown + 0.9
    fig = Figure(figsize=(1.3 + SIZE * len(views), height), layout="constrained")
    axes = fig.subplots(shown, len(views), squeeze=False)
    for chain, line in enumerate(axes):
        line[0].set_ylabel(
            f"chain {chain}", fontsize=10, rotation=0, ha="right", va="center"
        )
    drawn = [draw_view(view, axes[:, k]) for k, view in enumerate(views)]
    for ax, view in zip(axes[0], views, strict=True):
        ax.set_title(view.title, fontsize=10)
    for first, last in _alike(views):
        scale = views[first].scale
        if scale.ticks is not None:
            bar = fig.colorbar(
                drawn[first],
                ax=axes[:, first:last],
                location="bottom",
                shrink=0.8,
                aspect=15 * (last - first),
            )
            bar.set_ticks([*scale.ticks], labels=[*scale.ticks.values()])
    return fig


def film(levels: Sequence[Ensemble], *, rows: int = 3) -> Iterator[np.ndarray]:
    """Frames `(height, width, 3)` in which a level rests and dissolves into the next.

    The first configurations stand side by side, each as large on every level: what is
    seen is the same magnet from farther and farther away. Feature maps come one after
    the other.

    Raises:
        ValueError: no level, or fewer than one row.
    """
    views = views_of(levels, rows)
    bar = BAR if any(view.scale.ticks is not None for view in views) else 0
    shots = [_shot(view, bar) for view in views]
    for here, there in itertools.pairwise(shots):
        yield from [here] * REST
        for share in np.arange(1, BETWEEN + 1) / (BETWEEN + 1):
            yield ((1 - share) * here + share * there).astype(np.uint8)
    yield from [shots[-1]] * REST


def save_film(frames: Iterable[np.ndarray], path: Path) -> None:
    """The frames as a GIF that starts again when it ends."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    with replacing(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=FRAME,
            loop=0,
        )


def picture(level: Ensemble, chain: int, *, map: int = 0) -> np.ndarray:
    """First draw of one chain as values on the plane that is drawn (`plane_of`).

    Chains of spins become a row, higher dimensions show their first plane, and an
    unordered layer is folded row by row, in the order of its units.
    """
    values = level.read(Block(slice(chain, chain + 1), slice(0, 1)))[0]
    if level.features is not None:
        values = values[map]
    plane = plane_of(level.geometry)
    if isinstance(level.geometry, Grid):
        beyond = (0,) * (level.geometry.dimension - 2)
        return values[beyond].reshape(plane.lattice)
    folded = np.full(plane.size, np.nan)
    folded[: values.size] = values
    return folded.reshape(plane.lattice)


def views_of(levels: Sequence[Ensemble], rows: int) -> list[View]:
    """What is drawn, level by level and map by map."""
    if not levels or rows < 1:
        raise ValueError(
            f"a strip needs at least one level and one row, got {len(levels)} levels "
            f"and {rows} rows"
        )
    shown = range(min(rows, levels[0].chains))
    finest = box_of(plane_of(levels[0].geometry))
    views = []
    for level, map in ((e, m) for e in levels for m in range(e.features or 1)):
        pictures = tuple(picture(level, chain, map=map) for chain in shown)
        plane = plane_of(level.geometry)
        same = isinstance(level.geometry, Grid) and finest.holds(plane)
        box = finest if same else box_of(plane)
        scale = _scale(level.alphabet, pictures)
        title = _title(level) + ("" if level.features is None else f"\nmap {map}")
        views.append(View(title, plane, box, pictures, level.alphabet, scale))
    return views


def _title(level: Ensemble) -> str:
    """The size of a level, and which plane of it is seen."""
    grid = level.geometry
    if not isinstance(grid, Grid):
        return f"{grid.size} units"
    cells = f" cells of {len(grid.cell)}" if len(grid.cell) > 1 else ""
    hidden = zip("xyzw", next(iter(grid.cell))[:-2], strict=False)
    at = ", ".join(f"{axis} = {place:g}" for axis, place in hidden)
    return "×".join(map(str, grid.shape)) + cells + (f"\nplane {at}" if at else "")


def _scale(alphabet: str, pictures: Sequence[np.ndarray]) -> Scale:
    """The colours of an alphabet; those of real values go as far as the pictures do."""
    kind, _, states = alphabet.partition(":")
    if kind == "pm1":
        return Scale(matplotlib.colormaps["binary"], Normalize(-1, 1), None)
    if kind == "potts":
        q = int(states)
        every = range(0, q, -(-q // MOST_TICKS))
        borders = np.arange(q + 1) - 0.5
        ticks = {float(state): str(state) for state in every}
        return Scale(ListedColormap(_colours(q)), BoundaryNorm(borders, q), ticks)
    if kind == "angle":
        return Scale(matplotlib.colormaps["twilight"], Normalize(-np.pi, np.pi), PI)
    most = max(float(np.nanmax(np.abs(values))) for values in pictures) or 1.0
    ticks = {x: f"{x:.3g}" for x in (-most, 0.0, most)}
    return Scale(matplotlib.colormaps["RdBu_r"], Normalize(-most, most), ticks)


def _colours(q: int) -> list:
    """As many colours as there are states, those of all pictures while they last."""
    if q <= len(PALETTE):
        return list(PALETTE[:q])
    return list(matplotlib.colormaps["turbo"](np.linspace(0, 1, q)))


def _alike(views: Sequence[View]) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring views with one scale, from the first to before the next."""

    def key(k: int) -> object:
        view = views[k]
        return (view.alphabet, k if view.alphabet == "real" else None)

    for _, run in itertools.groupby(range(len(views)), key=key):
        columns = list(run)
        yield columns[0], columns[-1] + 1


def draw_view(view: View, axes: Iterable[Axes]) -> ScalarMappable:
    """One configuration on each of the axes; the last drawn, for its colours."""
    scale = view.scale
    return [
        draw_cells(ax, view.plane, values, view.box, cmap=scale.cmap, norm=scale.norm)
        for ax, values in zip(axes, view.pictures, strict=True)
    ][-1]


def _shot(view: View, bar: int) -> np.ndarray:
    """The pictures of a view side by side, the longer side `SIDE` pixels."""
    step = SIDE + 2 * GAP
    width, height = step * len(view.pictures), TITLE + step + bar
    fig = Figure(figsize=(width / DOTS, height / DOTS), dpi=DOTS)
    canvas = FigureCanvasAgg(fig)
    tall, wide = (view.box.sides * SIDE / view.box.sides.max()).round()

    def place(left: float, bottom: float, wide: float, tall: float) -> Axes:
        return fig.add_axes(
            (left / width, bottom / height, wide / width, tall / height)
        )

    axes = [
        place(
            k * step + GAP + (SIDE - wide) // 2,
            bar + GAP + (SIDE - tall) // 2,
            wide,
            tall,
        )
        for k in range(len(view.pictures))
    ]
    drawn = draw_view(view, axes)
    title = view.title.replace("\n", ", ")
    fig.text(0.5, 1 - TITLE / height, title, ha="center", va="center", fontsize=9)
    if view.scale.ticks is not None:
        under = place(GAP, bar - GAP // 2, SIDE, GAP // 2)
        scale = fig.colorbar(drawn, cax=under, orientation="horizontal")
        ticks = view.scale.ticks
        scale.set_ticks([*ticks], labels=[*ticks.values()], fontsize=8)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
