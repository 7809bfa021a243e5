"""Do block spins emerge without being put in? Receptive fields, layer by layer.

The paper is remembered to show, for units of each layer, the product of the weight
matrices below it, to find patches that grow with the layer, and to say that the network
has learned a coarse graining like block spins; the text at hand is the abstract. Here
every field has its shape in numbers, by weights and by what a unit responds to
(`kadanoff.experiments.mehta2014.unit_fields`): its width, its patches, and for deeper
layers how many units below it listens to and how far apart they are. Block spins,
written as a network of the same shape, and the untrained network are read in the same
way: they say what the configurations suffice to tell.

A layer has *emerged* where nearly all of its units are local: one patch, narrower than
the 2, 4 or 8 sites of its block. Fields grow *as blocks do* where they are as narrow as
that in every layer and gain at least half of what an ideal block gains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.exact.onsager import correlation_length
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014.by_layer import (
    IN_PICTURES,
    ONCE,
    SIGMAS,
    Number,
    above,
    below,
    cell,
    combined,
    legend,
    number,
    percent,
    points,
    trainings,
)
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    COUPLING,
    CRITICAL,
    FAST,
    FULL,
    LAYERS,
    LOCAL,
    PAPER,
    STRONG,
    UNTRAINED,
    Settings,
    arms,
    block_network,
    material,
    start,
    trained,
)
from kadanoff.experiments.mehta2014.unit_fields import (
    READINGS,
    block_width,
    read,
    response_fields,
    some_units,
    weight_fields,
)
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.dbn import DBN
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "sentence"]

MOSTLY, HARDLY = 0.9, 0.1  # shares of units that count as all and as none
ROOM = 1.2  # how much wider than a local field a uniform one must be
UNITS = 4  # fields that are kept of a layer


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All readings, `(row, layer, seed)` and their means over seeds."""
    names = [arm.name for arm in arms(settings)] + [UNTRAINED, BLOCKS]
    shape = (len(READINGS), len(names), len(LAYERS), settings.seeds)
    found, fields = np.full(shape, np.nan), {}
    with one_thread():
        for name, seed, network, fine in _networks(settings, work):
            chance = work.subseed("read", seed)
            rows = read(network, fine, seed=chance)
            for l, row in enumerate(rows):
                found[:, names.index(name), l, seed] = [row[r] for r in READINGS]
            if seed == 0:
                fields[name] = _some_fields(network, fine, chance)
            done = int(np.isfinite(found[0, :, 0]).sum())
            work.progress("receptive fields")(done, max(done, len(names)))
    exact = [block_width(2**l, settings.side) for l in LAYERS]
    axes = ("row", "layer", "unit", "x", "y")
    by_weights, by_response = (
        np.stack(kind) for kind in zip(*(fields[name] for name in names), strict=True)
    )
    return _dataset(found, names, settings).assign(
        field=(axes, by_weights),
        response_field=(axes, by_response),
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


def _some_fields(
    network: DBN, fine: Ensemble, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fields of some units by weights and by response, `(layer, unit, *shape)` each."""
    by_weights = [weight_fields(network, l, fine.grid) for l in LAYERS]
    some = [fields[some_units(len(fields), UNITS)] for fields in by_weights]
    by_response = response_fields(network, fine, units=UNITS, seed=seed)
    return np.array(some, np.float32), np.array(by_response, np.float32)


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
    length = correlation_length(COUPLING)
    return [
        Section(
            "What units see of the lattice",
            "Products of weight matrices of some units of each layer of "
            f"{_sizes(dataset.sizes['x'])}, each on its own scale, blank where all "
            f"weights are 0. K = {COUPLING} is {100 * (1 - COUPLING / K_C):.1f} % "
            "below K_c: a disordered magnet with a correlation length of "
            f"{length:.2f} sites.",
            data_uri(_draw_fields(dataset, "field")),
        ),
        Section(
            "What the same units respond to",
            "Weights by which spins best predict a unit, measured on chains that "
            "nothing was trained on, each on its own scale and with its noise: of the "
            "untrained network there is nothing else, and the block spins show how "
            "deep these configurations reach.",
            data_uri(_draw_fields(dataset, "response_field")),
        ),
        Section(
            "Width, patches and locality against the layer",
            "Mean over trainings; no error bar where there is one. Dotted: ideal "
            "blocks of 2×2, 4×4 and 8×8. Local: one patch, and narrower than 2, 4 and "
            "8 sites. Patches of a response are counted where both halves of the "
            "chains have them; a layer without any has no point.",
            data_uri(_draw_shapes(dataset)),
            tables=[_table(dataset, l) for l in LAYERS],
            remarks=[
                "Remembered, not in the text at hand: rate, momentum, batch, penalty "
                "and epochs of the training in the row “paper”. Biases are frozen at "
                "0, the rate falls to 0, and layers pass on drawn units."
            ],
        ),
    ]


def _sizes(side: int) -> str:
    return "–".join(str(side**2 // 4**l) for l in (0, *LAYERS))


def _draw_fields(dataset: xr.Dataset, name: str) -> Figure:
    rows: dict[str, list[np.ndarray | None]] = {}
    for row in (PAPER, CRITICAL, LOCAL, UNTRAINED, BLOCKS):
        if row in dataset["row"].values:
            here = dataset[name].sel(row=row)
            rows[row] = [
                here.sel(layer=l).isel(unit=u).values for l in LAYERS for u in range(2)
            ]
    titles = [f"layer {l}" for l in LAYERS for _ in range(2)]
    return image_rows(rows, titles, size=1.7, responses=True)


PANELS = {
    "width": "width of weights (sites)",
    "patches": "patches of weights (mean)",
    "local": "share local by weights",
    "direct_patches": "patches of response (mean)",
    "direct_local": "share local by response",
    "parents": "parents of a unit",
}


def _draw_shapes(dataset: xr.Dataset) -> Figure:
    fig = figure(13.5, 7.2, rows=2, columns=3)
    for ax, (name, label) in zip(fig.axes, PANELS.items(), strict=True):
        points(ax, dataset, name)
        ax.set_ylabel(label, fontsize=9)
    fig.axes[0].plot(LAYERS, dataset["exact_width"], "k:", linewidth=2)
    for at in (1, 3):
        fig.axes[at].set_yscale("log")
    legend(fig)
    return fig


def _table(dataset: xr.Dataset, layer: int) -> Table:
    header = [f"layer {layer}", "trainings", *READINGS.values()]
    rows = [
        [
            row,
            str(trainings(dataset, row)),
            *(cell(dataset, name, row=row, layer=layer) for name in READINGS),
        ]
        for row in map(str, dataset["row"].values)
    ]
    return Table(header, rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """The claim layer by layer in the paper's training, then what other ones change."""
    rows = [str(r) for r in dataset["row"].values]
    changed = [r for r in rows if r not in (PAPER, UNTRAINED, BLOCKS)]
    once = [r for r in changed if trainings(dataset, r) == 1]
    return [
        *(_emerges(dataset, l) for l in LAYERS),
        *(f(dataset, row) for row in (PAPER, LOCAL) for f in (_grows, _of_blocks)),
        *(_changed(dataset, row) for row in changed if row not in once),
        *([_changed_once(dataset, once)] if once else []),
    ]


def _emerges(dataset: xr.Dataset, layer: int) -> Check:
    b, at = 2**layer, {"row": PAPER, "layer": layer}
    statuses = [_status(number(dataset, "local", **at))]
    if _reaches(dataset, layer):
        statuses.append(_status(number(dataset, "direct_local", **at)))
    uniform = float(dataset["uniform_width"])
    too_small = uniform < ROOM * b  # a field all over the lattice would count as local
    if too_small:
        statuses.append(Status.OPEN)
    ideal = dataset["exact_width"].sel(layer=layer).item()
    return Check(
        claim=f"Layer {layer}: units see one block of {b}×{b} sites, which nobody put "
        "in.",
        paper=IN_PICTURES,
        ours=f"{_percent(dataset, 'single', **at)} of the units have one patch of "
        f"weights, {_percent(dataset, 'local', **at)} are local by their weights, "
        f"{_percent(dataset, 'direct_local', **at)} by what they respond to; width "
        f"{cell(dataset, 'width', **at)} sites, {cell(dataset, 'patches', **at)} "
        f"patches, an ideal block has {ideal:.3f} and 1",
        status=_both(statuses),
        reason=f"local is one patch narrower than {b} sites; above {MOSTLY:.0%} of the "
        f"units it holds, below {HARDLY:.0%} not; by weights and by response, "
        f"{_of_both(dataset, BLOCKS, layer)} of block spins are and "
        f"{_of_both(dataset, UNTRAINED, layer)} of the untrained units"
        + ("" if _reaches(dataset, layer) else "; responses are too noisy to judge by")
        + (
            f"; a uniform field has {uniform:.1f} sites, a larger lattice decides"
            if too_small
            else ""
        )
        + _once(dataset, PAPER),
    )


def _of_both(dataset: xr.Dataset, row: str, layer: int) -> str:
    shares = (
        _percent(dataset, name, row=row, layer=layer)
        for name in ("local", "direct_local")
    )
    return " and ".join(shares)


def _once(dataset: xr.Dataset, row: str) -> str:
    return "" if trainings(dataset, row) > 1 else f"; {ONCE}"


def _percent(dataset: xr.Dataset, name: str, **where: str | int) -> str:
    return percent(number(dataset, name, **where))


def _widths(dataset: xr.Dataset, row: str) -> str:
    return ", ".join(cell(dataset, "width", row=row, layer=l) for l in LAYERS)


def _grows(dataset: xr.Dataset, row: str) -> Check:
    widths = [number(dataset, "width", row=row, layer=l) for l in LAYERS]
    ideal = dataset["exact_width"].values
    steps = list(zip(widths[1:], widths[:-1], strict=True))
    grows = [above(*step) for step in steps]
    narrow = [below(w, 2**l) for w, l in zip(widths, LAYERS, strict=True)]
    enough = [
        above((deep[0] - gain / 2, deep[1]), shallow)
        for (deep, shallow), gain in zip(steps, np.diff(ideal), strict=True)
    ]
    return Check(
        claim=f"Receptive fields grow from layer to layer as blocks do ({row}).",
        paper=IN_PICTURES if row == PAPER else "not in the paper",
        ours=f"widths {_widths(dataset, row)} sites; ideal blocks "
        + ", ".join(f"{w:.3f}" for w in ideal),
        status=_growth(grows, [*narrow, *enough]),
        reason="over the ideal block's they are "
        + ", ".join(f"{w[0] / one:.1f}" for w, one in zip(widths, ideal, strict=True))
        + "; as blocks do is narrower than 2, 4 and 8 sites and half of a block's gain "
        "at each step"
        + ("; a deeper layer is narrower than the one below it" * (False in grows))
        + f"; the untrained network has {_widths(dataset, UNTRAINED)}"
        + _once(dataset, row),
    )


def _growth(grows: Sequence[bool | None], as_blocks: Sequence[bool | None]) -> Status:
    """Not where fields shrink; partly where they grow, but not as blocks do."""
    if False in grows:
        return Status.NOT
    if None in grows or (None in as_blocks and False not in as_blocks):
        return Status.OPEN
    return Status.REPRODUCED if all(as_blocks) else Status.PARTLY


def _of_blocks(dataset: xr.Dataset, row: str) -> Check:
    at = {"row": row, "layer": 2}
    ideal = dataset.sel(row=BLOCKS, layer=2)
    blocks = _status(number(dataset, "local", row=row, layer=1))
    few, near = (
        below(number(dataset, name, **at), 2 * float(ideal[name]))
        for name in ("parents", "apart")
    )
    below_it = _percent(dataset, "local", row=row, layer=1)
    return Check(
        claim=f"A unit of the second layer is a block of neighbouring blocks ({row}).",
        paper="how a stack of block spins works; remembered, the text at hand is the "
        "abstract",
        ours=f"it listens to {cell(dataset, 'parents', **at)} units of the first layer"
        f", the four strongest {cell(dataset, 'apart', **at)} sites apart; {below_it} "
        "of the first layer's units are local",
        status=_composed(blocks, few, near),
        reason="it takes blocks below, which are local; block spins have "
        f"{float(ideal['parents']):.3g} parents, {float(ideal['apart']):.3f} sites "
        "apart, and twice that is the limit; the untrained network has "
        f"{cell(dataset, 'parents', row=UNTRAINED, layer=2)} and "
        f"{cell(dataset, 'apart', row=UNTRAINED, layer=2)}{_once(dataset, row)}",
    )


def _composed(blocks: Status, few: bool | None, near: bool | None) -> Status:
    """Blocks of blocks need blocks; where some are, few or near is a part."""
    if blocks is Status.NOT or (few is False and near is False):
        return Status.NOT
    if blocks is Status.OPEN:
        return Status.OPEN
    return combined([blocks is Status.REPRODUCED, few, near])


def _changed(dataset: xr.Dataset, row: str) -> Check:
    change = str(dataset["change"].sel(row=row).item())
    return Check(
        claim=f"The first layer's units are local by another training: {change}.",
        paper="not in the paper",
        ours=f"local by weights in layers 1, 2, 3: {_shares(dataset, row, 'local')}; "
        f"by response {_shares(dataset, row, 'direct_local')}",
        status=_status(number(dataset, "local", row=row, layer=1)),
        reason=f"{trainings(dataset, row)} trainings; in layer 1 "
        f"{_percent(dataset, 'local', row=PAPER, layer=1)} by the paper's and "
        f"{_percent(dataset, 'local', row=UNTRAINED, layer=1)} without any",
    )


def _changed_once(dataset: xr.Dataset, rows: Sequence[str]) -> Check:
    changes = (str(dataset["change"].sel(row=r).item()) for r in rows)
    return Check(
        claim="One change of the paper's training alone makes the first layer's units "
        f"local: {'; '.join(changes)}.",
        paper="not in the paper",
        ours="local by weights in layer 1: "
        + ", ".join(f"{r} {_percent(dataset, 'local', row=r, layer=1)}" for r in rows),
        status=Status.OPEN,
        reason=f"{ONCE}; the paper's training "
        f"{_percent(dataset, 'local', row=PAPER, layer=1)}",
    )


def _shares(dataset: xr.Dataset, row: str, name: str) -> str:
    return ", ".join(_percent(dataset, name, row=row, layer=l) for l in LAYERS)


def sentence(dataset: xr.Dataset) -> str:
    """What became of the claim, for a first page.

    Args:
        dataset: as `compute` makes it.
    """
    side, length = dataset.sizes["x"], correlation_length(COUPLING)
    found = EMERGE[_status(number(dataset, "local", row=PAPER, layer=1))]
    shares = [
        f"{_percent(dataset, 'local', row=row, layer=1)}{words}"
        f"{'' if trainings(dataset, row) > 1 else ' (one training)'}"
        for row, words in _rivals(dataset).items()
    ]
    return (
        f"A deep network trained as the paper's is remembered to be, on {side}×{side} "
        f"at K = {COUPLING} (ξ = {length:.1f} sites), {found}: {', '.join(shares)}; "
        f"{_second(dataset)} {cell(dataset, 'parents', row=PAPER, layer=2)} units "
        "of the first where a block of blocks has 4."
    )


def _second(dataset: xr.Dataset) -> str:
    """What its units respond to is said where block spins' responses are local."""
    if not _reaches(dataset, 2):
        return "a unit of the second layer listens to"
    share = _percent(dataset, "direct_local", row=PAPER, layer=2)
    return (
        f"{share} of the second layer's respond to one patch narrower than 4 sites, "
        "through"
    )


def _reaches(dataset: xr.Dataset, layer: int) -> bool:
    """Whether these configurations show by response that block spins are local."""
    known = number(dataset, "direct_local", row=BLOCKS, layer=layer)
    return _status(known) is Status.REPRODUCED


def _rivals(dataset: xr.Dataset) -> dict[str, str]:
    """The paper's training, with the penalty alone changed, and a recipe for it."""
    change = {r: dataset["change"].sel(row=r).item() for r in (STRONG, LOCAL)}
    return {
        PAPER: " of that layer's units are local",
        STRONG: f" with only an {change[STRONG]}",
        LOCAL: f" with an {change[LOCAL]}",
    }


EMERGE = {
    Status.REPRODUCED: "has block spins in its first layer",
    Status.PARTLY: "has some block spins in its first layer",
    Status.NOT: "has no block spins in its first layer",
    Status.OPEN: "leaves open whether its first layer has block spins",
}


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
    version=2,
)
