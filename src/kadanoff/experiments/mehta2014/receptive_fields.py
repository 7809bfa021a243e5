"""Do block spins emerge without being put in? Receptive fields, layer by layer.

The paper shows, for units of each layer, the product of the weight matrices below it,
W_1 W_2 … W_l, finds patches that grow with the layer, and says that the network has
learned a coarse graining like block spins. Here every field has its shape in numbers:
its *patches* (connected regions above half of its maximum) and its width, the root mean
square distance from its centre over *all* sites, weighted by the square. A unit is
called *local* when it has one patch and is narrower than its block has sites a side,
2, 4 and 8. An ideal block of b×b has exactly

    w² = min_c (1/b²) Σ_block d²(i, c) = (b² + 2)/6,      w = 1, √3, √11,

c a site of it. What a unit of a deep layer sees is not only a product of weights: the
*direct response* C⁻¹R of the original sites to it (`kadanoff.instruments.receptive`)
is measured on chains that nothing was trained on. Shares of units are read by halves of
these chains, the core in one half and D² between both. Block spins, written as a
network of the same shape, and the untrained network are read in the same way: they say
what the configurations suffice to tell.

Of a unit above the first layer a block of blocks would have four *parents* below it,
(Σ W²)²/Σ W⁴, and its four strongest parents would be neighbours, on average
(4 + 2√2)/6 = 1.138 block sides apart. It can be local without that: noise of many
parents averages out, where they share a part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.exact.onsager import correlation_length
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    COUPLING,
    CRITICAL,
    FAST,
    FULL,
    LAYERS,
    LOCAL,
    PAPER,
    UNTRAINED,
    Settings,
    arms,
    block_network,
    hidden_layers,
    material,
    start,
    trained,
)
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.geometry import Grid
from kadanoff.instruments.fields import core_of, count_patches, from_centre
from kadanoff.instruments.receptive import direct_response, locality
from kadanoff.networks.dbn import DBN, receptive_fields
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "READINGS",
    "block_width",
    "cell",
    "points",
    "read",
    "read_direct",
    "read_weights",
    "sentence",
]

MOSTLY, HARDLY = 0.9, 0.1  # shares of units that count as all and as none
SIGMAS = 3.0
ROOM = 1.2  # how much wider than a local field a uniform one must be
UNITS = 4  # fields that are shown of a layer
STRONGEST = 4  # parents of a block
READINGS = {
    "width": "width of weights (sites)",
    "patches": "patches of weights",
    "single": "one patch",
    "local": "local",
    "alive": "alive",
    "parents": "parents",
    "apart": "parents apart (sites)",
    "response": "width of response (sites)",
    "direct_width": "direct width (sites)",
    "directly": "respond directly",
    "direct_single": "one direct patch",
    "direct_local": "directly local",
}
"""Reading → heading: widths are medians over units, patches the mean, the rest shares
of all units but for parents (median) and how far apart they are (median)."""


def block_width(b: int, side: int) -> float:
    """Width of a uniform field on b×b of side×side sites, as of any field here.

    >>> round(block_width(4, 40) ** 2, 12)
    3.0
    """
    block = np.zeros((1, side, side))
    block[:, :b, :b] = 1
    return float(_shapes(Grid((side, side)), block).width[0])


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All readings, `(row, layer, seed)` and their means over seeds."""
    names = [arm.name for arm in arms(settings)] + [UNTRAINED, BLOCKS]
    shape = (len(READINGS), len(names), len(LAYERS), settings.seeds)
    found, fields = np.full(shape, np.nan), {}
    with one_thread():
        for name, seed, network, fine in _networks(settings, work):
            rows = read(network, fine, seed=work.subseed("read", seed))
            for l, row in enumerate(rows):
                found[:, names.index(name), l, seed] = [row[r] for r in READINGS]
            if seed == 0:
                fields[name] = _pictures(network, fine.grid)
            done = int(np.isfinite(found[0, :, 0]).sum())
            work.progress("receptive fields")(done, max(done, len(names)))
    exact = [block_width(2**l, settings.side) for l in LAYERS]
    return _dataset(found, names, settings).assign(
        field=(
            ("row", "layer", "unit", "x", "y"),
            np.stack([fields[n] for n in names]),
        ),
        exact_width=("layer", exact),
        uniform_width=block_width(settings.side, settings.side),
    )


def _networks(
    settings: Settings, work: Work
) -> Iterator[tuple[str, int, DBN, Ensemble]]:
    """Every network of every seed with the configurations that it is read on."""
    for arm in arms(settings):
        for seed in range(arm.seeds):
            data, fine = material(arm, seed, settings, work)
            yield arm.name, seed, trained(arm, seed, data, settings, work), fine
            if arm.name == PAPER:
                yield UNTRAINED, seed, start(settings, seed, work), fine
                yield BLOCKS, seed, block_network(fine.grid.shape), fine


def read(network: DBN, fine: Ensemble, *, seed: int) -> list[dict[str, float]]:
    """`READINGS` of every layer.

    Args:
        network: dense machines over the sites of `fine`.
        fine: configurations that it was not trained on.
        seed: draws the layers in between.

    Raises:
        ValueError: configurations that do not fit or are too few to cut in blocks.
    """
    of_weights = read_weights(network, fine.grid)
    layers = hidden_layers(network, fine, seed=seed)
    return [
        weights | read_direct(fine, hidden, 2**l)
        for l, (weights, hidden) in enumerate(zip(of_weights, layers, strict=True), 1)
    ]


def read_weights(network: DBN, grid: Grid) -> list[dict[str, float]]:
    """The readings of every layer that its weights have, which are exact.

    Args:
        network: dense machines.
        grid: the sites below the first.

    Raises:
        ValueError: a grid that does not fit.
    """
    rows, centres = [], np.empty((0, grid.dimension))
    for l, machine in enumerate(network.machines, 1):
        below = centres
        shapes = _shapes(grid, _fields(network, l, grid))
        centres = shapes.centre
        one = shapes.alive & (shapes.patches == 1)
        weights = machine.W.detach().double().numpy()
        rows.append(
            {
                "width": _median(shapes.width[shapes.alive]),
                "patches": _mean(shapes.patches[shapes.alive]),
                "single": one.mean(),
                "local": (one & (shapes.width < 2**l)).mean(),
                "alive": shapes.alive.mean(),
                "parents": math.nan if l == 1 else _parents(weights),
                "apart": math.nan if l == 1 else _apart(weights, grid, below),
            }
        )
    return rows


def read_direct(fine: Ensemble, hidden: Ensemble, b: int) -> dict[str, float]:
    """The readings of a layer that take configurations.

    Args:
        fine: the sites.
        hidden: the layer over the same chains and draws.
        b: side of the block that a unit stands for.

    Raises:
        ValueError: as `kadanoff.instruments.receptive.locality`.
    """
    whole = locality(fine, hidden)
    patches, square = _by_halves(fine, hidden)
    one = patches == 1
    return {
        "response": float(whole.width.value),
        "direct_width": float(whole.direct_width.value),
        "directly": whole.directly,
        "direct_single": one.mean(),
        "direct_local": (one & (square < b**2)).mean(),
    }


@dataclass(frozen=True, eq=False)
class _Shapes:
    """Width, patches, centre `(units, d)` and whether there is a field at all."""

    width: np.ndarray
    patches: np.ndarray
    centre: np.ndarray
    alive: np.ndarray


def _shapes(grid: Grid, fields: np.ndarray) -> _Shapes:
    """Of `(units, *shape)` fields, `(units,)` each."""
    core = core_of(fields)
    d2 = from_centre(grid, fields**2 * core)
    squares = (fields**2).reshape(d2.shape)
    strength = squares.sum(axis=1)
    alive = strength > 0
    width = np.sqrt((squares * d2).sum(axis=1) / np.where(alive, strength, np.nan))
    centre = _middle(grid, fields**2 * core)
    return _Shapes(width, count_patches(grid, core), centre, alive)


def _middle(grid: Grid, weights: np.ndarray) -> np.ndarray:
    """Mean positions on the torus by mean phases, which need not be sites."""
    parts = []
    for axis, side in enumerate(grid.shape):
        others = tuple(k + 1 for k in range(grid.dimension) if k != axis)
        line = weights.sum(axis=others)
        phase = np.angle(line @ np.exp(2j * np.pi * np.arange(side) / side))
        parts.append(phase * side / (2 * np.pi))
    return np.stack(parts, axis=-1) @ np.array(grid.basis)


def _fields(network: DBN, level: int, grid: Grid) -> np.ndarray:
    product = receptive_fields(network, level).T.double().numpy()
    return product.reshape(-1, *grid.shape)


def _parents(weights: np.ndarray) -> float:
    """Median over units of how many units below they listen to."""
    squares = weights**2
    alive = squares.sum(axis=0) > 0
    squares = squares[:, alive]
    return _median(squares.sum(axis=0) ** 2 / (squares**2).sum(axis=0))


def _apart(weights: np.ndarray, grid: Grid, centres: np.ndarray) -> float:
    """Median over units of the mean distance between their strongest parents."""
    if weights.shape[0] < STRONGEST:
        return math.nan
    strongest = abs(weights).argsort(axis=0)[-STRONGEST:]
    places = centres[strongest]  # (parent, unit, axis)
    pairs = np.triu_indices(STRONGEST, 1)
    apart = grid.distance(places[pairs[0]], places[pairs[1]]).mean(axis=0)
    return _median(apart[abs(weights).sum(axis=0) > 0])


def _by_halves(fine: Ensemble, hidden: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """Patches that both halves of the chains have, and w² of D between them.

    A core is chosen in one half, D² is the product of both: noise that looks like a
    patch in one half is not there in the other.
    """
    grid = fine.grid
    pairs = zip(fine.split(2), hidden.split(2), strict=True)
    direct = [direct_response(*pair).T.reshape(-1, *grid.shape) for pair in pairs]
    cores = [core_of(d) for d in direct]
    moment, strength = 0.0, 0.0
    for own, core in zip(direct, cores, strict=True):
        d2 = from_centre(grid, own**2 * core)
        product = (direct[0] * direct[1] * core).reshape(d2.shape)
        moment = moment + (product * d2).sum(axis=1)
        strength = strength + product.sum(axis=1)
    square = np.where(strength > 0, moment, np.nan) / np.where(
        strength > 0, strength, 1
    )
    return count_patches(grid, cores[0] & cores[1]), square


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else math.nan


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _pictures(network: DBN, grid: Grid) -> np.ndarray:
    """Fields of units spread over every layer, `(layer, unit, *shape)`."""
    shown_units = []
    for l in LAYERS:
        fields = _fields(network, l, grid)
        every = ((np.arange(UNITS) + 0.5) * len(fields) / UNITS).astype(int)
        shown_units.append(fields[every].astype(np.float32))
    return np.stack(shown_units)


def _dataset(found: np.ndarray, names: Sequence[str], settings: Settings) -> xr.Dataset:
    data = {}
    for name, values in zip(READINGS, found, strict=True):
        means = [[over_seeds(cell) for cell in row] for row in values]
        data[name] = (("row", "layer"), [[float(m.value) for m in r] for r in means])
        error = [[float(m.error) for m in r] for r in means]
        data[f"{name}_error"] = (("row", "layer"), error)
    seeds = [arm.seeds for arm in arms(settings)] + [settings.seeds] * 2
    changes = [arm.change for arm in arms(settings)] + ["", ""]
    return xr.Dataset(
        data,
        coords={"row": list(names), "layer": list(LAYERS)},
        attrs=attributes_of(settings),
    ).assign_coords(seeds=("row", seeds), change=("row", changes))


def draw(dataset: xr.Dataset) -> list[Section]:
    """Fields of some units, their shapes against the layer, and all numbers."""
    side = dataset.sizes["x"]
    length = correlation_length(COUPLING)
    return [
        Section(
            "What units see of the lattice",
            f"Products of weight matrices of {UNITS} units of each layer of "
            f"{_sizes(side)}, each on its own scale. K = {COUPLING} is "
            f"{100 * (1 - COUPLING / K_C):.1f} % below K_c: a disordered magnet with a "
            f"correlation length of {length:.2f} sites.",
            data_uri(_draw_fields(dataset)),
        ),
        Section(
            "Width, patches and locality against the layer",
            "Mean over training seeds; no error bar where there is one. Dashed: ideal "
            "blocks of 2×2, 4×4 and 8×8. Local: one patch, and narrower than 2, 4 and "
            "8 sites. Directly: by what a unit responds to on other chains; the row of "
            "block spins says what these can tell.",
            data_uri(_draw_shapes(dataset)),
            tables=[_table(dataset, l) for l in LAYERS],
            remarks=[
                "Remembered, not in the text at hand: rate, momentum, batch, penalty "
                "and epochs of the paper's arm. Biases are frozen at 0, the rate falls "
                "to 0, and layers pass on drawn units."
            ],
        ),
    ]


def _sizes(side: int) -> str:
    return "–".join(str(side**2 // 4**l) for l in (0, *LAYERS))


def _draw_fields(dataset: xr.Dataset) -> Figure:
    rows: dict[str, list[np.ndarray | None]] = {}
    for name in (PAPER, CRITICAL, LOCAL, BLOCKS):
        here = dataset["field"].sel(row=name)
        rows[name] = [
            here.sel(layer=l).isel(unit=u).values for l in LAYERS for u in range(2)
        ]
    titles = [f"layer {l}" for l in LAYERS for _ in range(2)]
    return image_rows(rows, titles, size=1.7, responses=True)


PANELS = {
    "width": "width of weights (sites)",
    "patches": "patches of weights (mean)",
    "local": "share of local units",
    "direct_local": "share of directly local units",
    "parents": "parents of a unit",
}


def _draw_shapes(dataset: xr.Dataset) -> Figure:
    fig = figure(16, 3.9, columns=len(PANELS))
    for ax, (name, label) in zip(fig.axes, PANELS.items(), strict=True):
        for k, row in enumerate(dataset["row"].values):
            points(ax, dataset.sel(row=row), name, str(row), k)
        ax.set_ylabel(label, fontsize=9)
        ax.set_xlabel("layer", fontsize=9)
        ax.set_xticks(LAYERS)
    fig.axes[0].plot(LAYERS, dataset["exact_width"], "k--", linewidth=1.2)
    fig.axes[1].set_yscale("log")
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, fontsize=9, frameon=False, loc="outside right center")
    return fig


MARKERS = "osD^v<>PX*hd"


def points(ax: Axes, here: xr.Dataset, name: str, row: str, k: int) -> None:
    """A reading against the layer: arms in colours, whatever else in grey.

    Args:
        ax: where to.
        here: with `(layer,)` variables `name` and `name_error`.
        name: of the reading.
        row: its label.
        k: number of the row, from 0.
    """
    ax.errorbar(
        np.array(LAYERS) + 0.03 * (k - len(MARKERS) / 2),
        here[name],
        np.nan_to_num(here[f"{name}_error"]),
        label=row,
        color=PALETTE[k] if k < len(PALETTE) else "0.55",
        marker=MARKERS[k % len(MARKERS)],
        linestyle="-" if k < len(PALETTE) else ":",
        markersize=4.5,
        linewidth=0.9,
        capsize=2,
    )


def _table(dataset: xr.Dataset, layer: int) -> Table:
    header = [f"layer {layer}", "seeds", *READINGS.values()]
    rows = [
        [
            str(row),
            str(int(dataset["seeds"].sel(row=row))),
            *(cell(dataset, name, row=row, layer=layer) for name in READINGS),
        ]
        for row in dataset["row"].values
    ]
    return Table(header, rows)


def cell(dataset: xr.Dataset, name: str, **where: Any) -> str:
    """A reading as text: without an error where there is one seed.

    Args:
        dataset: with the variables `name` and `name_error`.
        name: of the reading, a number once `where` has chosen its place.
        where: values of coordinates.
    """
    value = dataset[name].sel(**where).item()
    if not math.isfinite(value):
        return "–"
    error = dataset[f"{name}_error"].sel(**where).item()
    return shown(dataset, name, **where) if math.isfinite(error) else f"{value:.3g}"


def checks(dataset: xr.Dataset) -> list[Check]:
    """The claim layer by layer in the paper's arm, and every other arm in one row."""
    rows = [str(r) for r in dataset["row"].values if r not in (UNTRAINED, BLOCKS)]
    return [
        *(_emerges(dataset, l) for l in LAYERS),
        *(f(dataset, row) for row in (PAPER, LOCAL) for f in (_grows, _of_blocks)),
        *(_changed(dataset, row) for row in rows if row != PAPER),
    ]


def _emerges(dataset: xr.Dataset, layer: int) -> Check:
    b, at = 2**layer, {"row": PAPER, "layer": layer}
    by_weights = _share(dataset, "local", **at)
    by_response = _share(dataset, "direct_local", **at)
    calibrated = _share(dataset, "direct_local", row=BLOCKS, layer=layer)
    statuses = [_status(by_weights)]
    if _status(calibrated) is Status.REPRODUCED:
        statuses.append(_status(by_response))
    uniform = float(dataset["uniform_width"])
    if uniform < ROOM * b:  # a field all over the lattice would count as local
        statuses.append(Status.OPEN)
    known = (
        f"block spins themselves: {_percent(calibrated)} directly local on these "
        "configurations"
    )
    if int(dataset["seeds"].sel(row=PAPER)) < 2:
        statuses.append(Status.OPEN)
    return Check(
        claim=f"Layer {layer}: units see one block of {b}×{b} sites, which nobody put "
        "in.",
        paper="pictures of fields in patches; no number",
        ours=f"{_percent(_share(dataset, 'single', **at))} of the units have one patch "
        f"of weights, {_percent(by_weights)} are local by their weights, "
        f"{_percent(by_response)} by what they respond to; width "
        f"{cell(dataset, 'width', **at)}, {cell(dataset, 'patches', **at)} patches, "
        f"an ideal block has {dataset['exact_width'].sel(layer=layer).item():.3f} and "
        "1",
        status=_both(statuses),
        reason=f"local is one patch narrower than {b} sites; above {MOSTLY:.0%} of the "
        f"units it holds, below {HARDLY:.0%} not; a uniform field has {uniform:.1f} "
        f"sites, so that a larger lattice decides below {ROOM * b:g}; {known}",
    )


def _grows(dataset: xr.Dataset, row: str) -> Check:
    here = dataset.sel(row=row)
    width, error = here["width"].values, here["width_error"].values
    steps = np.diff(width)
    errors = np.hypot(error[1:], error[:-1])
    grows = bool((steps > SIGMAS * errors).all())
    shrinks = bool((steps < -SIGMAS * errors).any())
    ratio = width / dataset["exact_width"].values
    return Check(
        claim=f"Receptive fields grow from layer to layer as blocks do ({row}).",
        paper="in pictures" if row == PAPER else "not in the paper",
        ours="widths "
        + ", ".join(cell(dataset, "width", row=row, layer=l) for l in LAYERS)
        + " sites; ideal blocks "
        + ", ".join(f"{w:.3f}" for w in dataset["exact_width"].values),
        status=Status.REPRODUCED if grows else Status.NOT if shrinks else Status.OPEN,
        reason="over the ideal block's they are "
        + ", ".join(f"{r:.1f}" for r in ratio)
        + (", and a deeper layer is narrower than the one below it" if shrinks else ""),
    )


def _of_blocks(dataset: xr.Dataset, row: str) -> Check:
    at = {"row": row, "layer": 2}
    ideal = dataset.sel(row=BLOCKS, layer=2)
    parents, apart = (_estimate(dataset, n, **at) for n in ("parents", "apart"))
    few = parents[0] < 2 * float(ideal["parents"])
    near = apart[0] < 2 * float(ideal["apart"])
    several = int(dataset["seeds"].sel(row=row)) > 1
    return Check(
        claim=f"A unit of the second layer is a block of neighbouring blocks ({row}).",
        paper="how a stack of block spins works",
        ours=f"it listens to {cell(dataset, 'parents', **at)} units of the first layer"
        f", the four strongest {cell(dataset, 'apart', **at)} sites apart",
        status=Status.OPEN
        if not several
        else Status.REPRODUCED
        if few and near
        else Status.PARTLY
        if few or near
        else Status.NOT,
        reason=f"block spins have {float(ideal['parents']):.3g} and "
        f"{float(ideal['apart']):.3f}, the untrained network "
        f"{cell(dataset, 'parents', row=UNTRAINED, layer=2)} and "
        f"{cell(dataset, 'apart', row=UNTRAINED, layer=2)}; twice that of blocks is "
        "the limit",
    )


def _changed(dataset: xr.Dataset, row: str) -> Check:
    shares = [_share(dataset, "local", row=row, layer=l) for l in LAYERS]
    seeds = int(dataset["seeds"].sel(row=row))
    direct = [_share(dataset, "direct_local", row=row, layer=l) for l in LAYERS[:2]]
    change = str(dataset["change"].sel(row=row).item())
    return Check(
        claim=f"The first layer's units are local by another training: {change}.",
        paper="not in the paper",
        ours=f"local by weights in layers 1, 2, 3: {', '.join(map(_percent, shares))}; "
        f"by response in layers 1, 2: {', '.join(map(_percent, direct))}",
        status=_status(shares[0]) if seeds > 1 else Status.OPEN,
        reason=(
            f"{seeds} trainings; " if seeds > 1 else "one training; five would decide; "
        )
        + "paper's arm "
        f"{_percent(_share(dataset, 'local', row=PAPER, layer=1))} in layer 1",
    )


def sentence(dataset: xr.Dataset) -> str:
    """What became of the claim, for a first page.

    Args:
        dataset: as `compute` makes it.
    """
    one, two = ({"row": PAPER, "layer": l} for l in (1, 2))
    first = _share(dataset, "local", **one)
    second = _share(dataset, "direct_local", **two)
    better = _share(dataset, "local", row=LOCAL, layer=1)
    side, length = dataset.sizes["x"], correlation_length(COUPLING)
    several = int(dataset["seeds"].sel(row=PAPER)) > 1
    found = _status(first) if several else Status.OPEN
    return (
        f"A deep network trained as the paper's is remembered to be, on {side}×{side} "
        f"at K = {COUPLING} (ξ = {length:.1f} sites), {EMERGE[found]}: "
        f"{_percent(first)} of its first layer's units are local, with "
        f"{cell(dataset, 'patches', **one)} patches each; {_percent(second)} of the "
        "second layer's respond to one patch narrower than 4 sites, through "
        f"{cell(dataset, 'parents', **two)} units of the first where a block of blocks "
        f"has 4. With an L1 penalty large enough {_percent(better)} of the first "
        "layer's units are local, and those of the second listen to "
        f"{cell(dataset, 'parents', row=LOCAL, layer=2)} of them."
    )


EMERGE = {
    Status.REPRODUCED: "has block spins in its first layer",
    Status.PARTLY: "has some block spins in its first layer",
    Status.NOT: "has no block spins in its first layer",
    Status.OPEN: "leaves open whether its first layer has block spins",
}


Number = tuple[float, float]


def _estimate(dataset: xr.Dataset, name: str, **where: Any) -> Number:
    value = dataset[name].sel(**where).item()
    return value, float(np.nan_to_num(dataset[f"{name}_error"].sel(**where).item()))


_share = _estimate


def _percent(share: Number) -> str:
    value, error = share
    return f"{100 * value:.0f} %" + (f" ± {100 * error:.0f}" if error else "")


def _status(share: Number) -> Status:
    """Of a share of units: nearly all, some, or hardly any, beyond its error."""
    value, error = share
    if value - SIGMAS * error > MOSTLY:
        return Status.REPRODUCED
    if value + SIGMAS * error < HARDLY:
        return Status.NOT
    within = value - SIGMAS * error > HARDLY and value + SIGMAS * error < MOSTLY
    return Status.PARTLY if within else Status.OPEN


def _both(statuses: Sequence[Status]) -> Status:
    """One status where all agree; partly where they do not; open where one is."""
    if len(set(statuses)) == 1:
        return statuses[0]
    return Status.OPEN if Status.OPEN in statuses else Status.PARTLY


EXHIBIT = Exhibit(
    name="receptive_fields",
    title="Receptive fields, layer by layer",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
