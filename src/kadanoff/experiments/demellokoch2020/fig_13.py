"""Figure 13: checkerboards, whose patch correlator is known in closed form.

Section IV-A of arXiv:1906.05212 draws a 32×32 checkerboard with sub-blocks of 4, 8 and
16 sites in the place of one map C_a and says that G then peaks at a number of
distances, and that with sub-blocks of 16 it behaves as the correlators of machines and
block spins. Whether its distances are periodic, and whether its squares are ±1 or 0 and
1, is lost in the text at hand; both distances are taken here, of ±1.

On the torus a square wave of period 2b correlates with itself as the triangle wave

    t(d) = 1 - 2 d/b   for 0 ≤ d ≤ b,   of period 2b,   G(d_x, d_y) = t(d_x) t(d_y),

so that G = 1 wherever d_x and d_y are multiples of b with an even sum: first at
b√2, and 2b along the axes where the lattice has room. With b = 16 that is 16√2 = 22.6,
the largest distance of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.experiments.demellokoch2020.patches import (
    in_box,
    on_torus,
    patch_correlator,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.geometry import Grid
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checkerboard",
    "closed_form",
    "one_patch",
]

FULL_PEAK = 1 - 1e-9
KINDS = ("torus", "box", "one_patch")
BACK = 0.1  # of its fall: what does not count as coming back


@dataclass(frozen=True)
class Settings:
    """Sides of the lattice and of the squares of the boards."""

    side: int = 32
    squares: tuple[int, ...] = (4, 8, 16)


FAST = FULL = Settings()


def checkerboard(side: int, square: int) -> np.ndarray:
    """±1 in squares of this side, `(side, side)`.

    Raises:
        ValueError: squares that do not close on the torus.
    """
    if square < 1 or side % (2 * square):
        raise ValueError(
            f"a checkerboard on the torus needs an even number of squares, got "
            f"{square} on a side of {side}; give a square that divides half the side"
        )
    line = (np.arange(side) // square) % 2 * 2 - 1
    return np.outer(line, line).astype(float)


def one_patch(side: int, square: int) -> np.ndarray:
    """1 on one square, 0 elsewhere."""
    board = np.zeros((side, side))
    board[:square, :square] = 1
    return board


def closed_form(side: int, square: int) -> np.ndarray:
    """G of a checkerboard at every displacement of the torus: t(d_x) t(d_y)."""
    d = np.arange(side) % (2 * square)
    wave = 1 - 2 * np.minimum(d, 2 * square - d) / square
    return np.outer(wave, wave)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """G of every board by Fourier transform, and its closed form."""
    grid = Grid((settings.side,) * 2)
    torus, box = on_torus(grid), in_box(grid)
    boards = [checkerboard(settings.side, b) for b in settings.squares]
    single = [one_patch(settings.side, b) for b in settings.squares]
    sites = grid.size
    made = {
        "board": (("square", "x", "y"), np.stack(boards)),
        "torus": ("square", "r"),
        "closed": ("square", "r"),
        "box": ("square", "r_box"),
        "one_patch": ("square", "r"),
    }
    found = {
        "torus": [patch_correlator(x[None], torus) for x in boards],
        "closed": [
            torus.average(sites * closed_form(settings.side, b))
            for b in settings.squares
        ],
        "box": [patch_correlator(x[None], box) for x in boards],
        "one_patch": [patch_correlator(x[None], torus) for x in single],
    }
    variables = {
        name: (axes, np.array(found[name])) if name in found else axes
        for name, axes in made.items()
    }
    return xr.Dataset(
        variables,
        {
            "square": list(settings.squares),
            "r": torus.distance,
            "r_box": box.distance,
        },
        {"side": settings.side},
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """Boards and their correlators."""
    return [
        Section(
            "Figure 13: checkerboards",
            "One board in the place of a map, and its G: at shortest periodic "
            "distances by Fourier transform and, in rings about these points, in "
            "closed form; at distances that do not wrap; and for a single square where "
            "all others are 0. Displacements of nearly one length differ, and no line "
            "is drawn through them.",
            picture=data_uri(_picture(dataset)),
            tables=[_table(dataset)],
        )
    ]


def _picture(dataset: xr.Dataset) -> Figure:
    squares = dataset["square"].values
    fig = figure(3.7 * len(squares), 5.6, rows=2, columns=len(squares))
    for k, square in enumerate(squares):
        here = dataset.sel(square=square)
        above, below = fig.axes[k], fig.axes[len(squares) + k]
        above.imshow(here["board"].values, cmap="gray", interpolation="nearest")
        above.grid(visible=False)
        above.set_title(f"squares of {square}", fontsize=10)
        r, r_box = here["r"].values, here["r_box"].values
        style = {"ls": "", "marker": ".", "ms": 1.5, "color": PALETTE[1]}
        below.plot(r_box, here["box"].values, label="not wrapped", **style)
        single = here["one_patch"] / here["one_patch"][0]
        style = {"ls": "", "marker": "s", "ms": 2, "color": PALETTE[6]}
        below.plot(r, single.values, label="one square", **style)
        style = {"ls": "", "marker": "o", "ms": 6, "mfc": "none", "mew": 0.7}
        closed = here["closed"].values
        below.plot(r, closed, color=PALETTE[2], label="closed form", **style)
        below.plot(r, here["torus"].values, "o", ms=3, color=PALETTE[0], label="torus")
        below.set_xlabel("distance (sites)", fontsize=9)
    fig.axes[len(squares)].set_ylabel("G(r)", fontsize=9)
    handles, labels = fig.axes[-1].get_legend_handles_labels()
    fig.legend(handles, labels, fontsize=9, ncols=4, loc="outside lower center")
    return fig


def _table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            int(b),
            ", ".join(f"{r:.2f}" for r in peaks(dataset, int(b))),
            f"{float(dataset['torus'].sel(square=b).min()):.3f}",
            f"{_gap(dataset.sel(square=b)):.0e}",
        ]
        for b in dataset["square"].values
    ]
    header = ["square", "G = 1 at (sites)", "lowest G", "Fourier less closed form"]
    return Table(header, rows)


def peaks(dataset: xr.Dataset, square: int) -> np.ndarray:
    """Distances beyond 0 at which G is 1, all displacements of that length alike."""
    here = dataset["torus"].sel(square=square).values
    r = dataset["r"].values
    return r[(here > FULL_PEAK) & (r > 0)]


def _gap(here: xr.Dataset) -> float:
    return float(abs(here["torus"] - here["closed"]).max())


def checks(dataset: xr.Dataset) -> list[Check]:
    """Many peaks of many patches, and none of two squares a side."""
    return [_many(dataset), _largest(dataset)]


def _many(dataset: xr.Dataset) -> Check:
    squares = [int(b) for b in dataset["square"].values]
    small = squares[:-1]
    counts = {b: len(peaks(dataset, b)) for b in small}
    first = {b: float(peaks(dataset, b)[0]) if counts[b] else np.nan for b in small}
    right = all(
        counts[b] > 1 and np.isclose(first[b], b * np.sqrt(2), atol=1e-6) for b in small
    )
    exact = max(_gap(dataset.sel(square=b)) for b in squares)
    return Check(
        "G of boards with many patches peaks at a number of distances.",
        "for sub-blocks of 4 and 8 (in the text); where is lost in the text at hand",
        "; ".join(f"b = {b}: {counts[b]} peaks, first {first[b]:.2f}" for b in small),
        Status.REPRODUCED if right else Status.NOT,
        f"G = 1 first at b√2; the transform is the closed form to {exact:.0e}",
    )


def _largest(dataset: xr.Dataset) -> Check:
    b = int(dataset["square"].values[-1])
    here = dataset.sel(square=b)
    back = {kind: _comes_back(here[kind].values) for kind in KINDS}
    if back["torus"] < BACK and back["box"] < BACK:
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if back["one_patch"] < BACK else Status.NOT
    near = float(here["torus"].values[here["r"].values <= b].min())
    return Check(
        "With sub-blocks of half the lattice G behaves as of block spins: one patch.",
        "similar behaviour (in the text)",
        f"G falls to {near:.2f} within r ≤ {b} and is {float(here['torus'][-1]):.2f} "
        f"at the largest distance, {float(here['r'][-1]):.1f}",
        status,
        f"two squares of one colour stand {b}√2 apart, so that G comes back by "
        f"{back['torus']:.0%} of its fall there, by {back['box']:.0%} where distances "
        f"do not wrap, and by {back['one_patch']:.0%} of a single square on nothing: "
        "the likeness holds up to half the lattice",
    )


def _comes_back(g: np.ndarray) -> float:
    """How much of its fall G has regained at the largest distance."""
    return float((g[-1] - g.min()) / (g[0] - g.min()))


EXHIBIT = Exhibit(
    name="fig_13",
    title="Figure 13: checkerboards",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
