"""Up to a few units and back: how much of a configuration comes through.

The paper is remembered to pass configurations of 40×40 up to the 25 units of the last
layer and back down, and to show that the result looks like the input in its large
features; the text at hand is the abstract. Here the likeness is a number,

    ρ = Σ v r / √(Σ v² · Σ r²),

sums over all sites and configurations of chains that nothing was trained on: 1 for a
perfect picture, 0 for one that knows nothing; 1 − ρ² is the error of the best multiple
of r. A picture in one shade has ρ = √⟨m²⟩ when the shade is the magnetization m, which
is one number and no picture; so beside ρ stands ρ of the *details*, the same of v and r
less the mean of each picture. Whether units or their means were passed is not known:
both are read, as *means* and as *bits*; on the way down means are passed.

Whatever the code, it is undone twice: by its *own* way down, and by the best *linear*
decoder, fitted on the training configurations, which says what the code knows. Beside
the networks stand other codes:

    magnetization    one number for all sites, m or its sign
    block spins      means of 2×2, 4×4, 8×8 sites or the signs of their sums, expanded
                     back to their blocks; for means ρ² = ⟨(block mean)²⟩ exactly
    lattice waves    those of largest S(k): ρ² = Σ_{largest N_l} S(k)/Σ S(k), which no
                     linear code of N_l numbers exceeds (Eckart and Young 1936)
    untrained        the network before training
    mean of the data the same picture for every configuration
    another input    the paper's network, its picture of another configuration
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014.by_layer import (
    IN_PICTURES,
    MAGNETIZATION,
    MEAN,
    ONCE,
    OTHER,
    WAVES,
    Number,
    above,
    cell,
    combined,
    legend,
    number,
    points,
    trainings,
)
from kadanoff.experiments.mehta2014.codes import (
    DECODERS,
    Coder,
    at_most,
    likeness,
    of_blocks,
    of_magnetization,
    of_network,
    of_waves,
)
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    FAST,
    FULL,
    LAYERS,
    LOCAL,
    PAPER,
    UNTRAINED,
    Settings,
    arms,
    material,
    start,
    trained,
)
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT"]

CODES = ("means", "bits")
PICTURES = 3
MOSTLY = 0.9


@dataclass(frozen=True)
class _Row:
    """A way to code, of one seed."""

    name: str
    seed: int
    coders: dict[str, Coder]
    data: Ensemble
    fine: Ensemble


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """ρ of every code, `(row, layer, code, decoder)`, and pictures from the last."""
    names = [a.name for a in arms(settings)] + [UNTRAINED, *KNOWN, MEAN, OTHER]
    shape = (len(READINGS), len(names), len(LAYERS), len(CODES), len(DECODERS))
    found, pictures = np.full((*shape, settings.seeds), np.nan), {}
    with one_thread():
        for row in _rows(settings, work):
            at = names.index(row.name)
            for code, coder in row.coders.items():
                read = likeness(coder, row.data, row.fine)
                values = [getattr(read, name) for name in READINGS]
                found[:, at, :, CODES.index(code), :, row.seed] = values
            if row.name == PAPER:
                rho = _another(row.coders["means"], row.fine)
                found[0, names.index(OTHER), :, 0, 0, row.seed] = rho
                found[0, names.index(MEAN), :, 0, 0, row.seed] = _constant(row)
            if row.seed == 0 and row.name in SHOWN:
                pictures["input" if not pictures else ""] = _some(row.fine)
                back = row.coders["means"](_some(row.fine))[-1][1]
                pictures[row.name] = back.reshape(-1, *row.fine.grid.shape)
            work.progress("reconstructions")(at + 1, len(names))
    pictures.pop("", None)
    return _dataset(found, names, settings).assign(
        picture=(
            ("shown", "configuration", "x", "y"),
            np.stack([p.astype(np.float32) for p in pictures.values()]),
        ),
        shown=list(pictures),
    )


READINGS = ("rho", "details", "shade")
KNOWN = (BLOCKS, WAVES, MAGNETIZATION)
SHOWN = (PAPER, LOCAL, UNTRAINED, *KNOWN)


def _rows(settings: Settings, work: Work) -> Iterator[_Row]:
    for arm in arms(settings):
        for seed in range(arm.seeds):
            data, fine = material(arm, seed, settings, work)
            chance = work.subseed("bits", seed)
            networks = {arm.name: trained(arm, seed, data, settings, work)}
            if arm.name == PAPER:
                networks[UNTRAINED] = start(settings, seed, work)
            for name, network in networks.items():
                coders = {
                    code: of_network(network, bits=code == "bits", seed=chance)
                    for code in CODES
                }
                yield _Row(name, seed, coders, data, fine)
            if arm.name == PAPER:
                blocks = {
                    code: of_blocks(fine.grid, bits=code == "bits", seed=chance)
                    for code in CODES
                }
                yield _Row(BLOCKS, seed, blocks, data, fine)
                yield _Row(WAVES, seed, {"means": of_waves(data)}, data, fine)
                shades = {
                    code: of_magnetization(bits=code == "bits", seed=chance)
                    for code in CODES
                }
                yield _Row(MAGNETIZATION, seed, shades, data, fine)


def _another(coder: Coder, fine: Ensemble) -> np.ndarray:
    """ρ with the picture of another chain's configuration, `(layer,)`."""
    values = np.concatenate(list(at_most(fine)))
    other = np.roll(values, len(values) // 2, axis=0).reshape(len(values), -1)
    return np.array(
        [
            (other * back).sum(dtype=float)
            / np.sqrt(other.size * (back**2).sum(dtype=float))
            for _, back in coder(values)
        ]
    )


def _constant(row: _Row) -> float:
    """ρ with the mean of the training configurations."""
    mean = np.concatenate(list(at_most(row.data))).mean(axis=0)
    values = np.concatenate(list(at_most(row.fine)))
    return float((values * mean).mean() / np.sqrt((mean**2).mean()))


def _some(fine: Ensemble) -> np.ndarray:
    """One configuration of each of a few chains."""
    return fine.values[:PICTURES, 0]


def _dataset(found: np.ndarray, names: Sequence[str], settings: Settings) -> xr.Dataset:
    axes = ("row", "layer", "code", "decoder")
    data = {}
    for name, values in zip(READINGS, found, strict=True):
        means = [over_seeds(cell) for cell in values.reshape(-1, values.shape[-1])]
        for part in ("value", "error"):
            numbers = [float(getattr(mean, part)) for mean in means]
            key = name if part == "value" else f"{name}_error"
            data[key] = (axes, np.reshape(numbers, values.shape[:-1]))
    seeds = np.isfinite(found[0, :, 0, 0, 0]).sum(axis=-1)
    return xr.Dataset(
        data,
        coords={
            "row": list(names),
            "layer": list(LAYERS),
            "code": list(CODES),
            "decoder": list(DECODERS),
            "seeds": ("row", seeds),
        },
        attrs={**attributes_of(settings), "side": settings.side},
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """Inputs and what comes back, and ρ of every code against its layer."""
    units = [dataset.attrs["side"] ** 2 // 4**l for l in LAYERS]
    sizes = ", ".join(map(str, units))
    return [
        Section(
            f"From {units[-1]} units and back",
            "Configurations of chains that nothing was trained on, and what each code "
            "of means returns by its own way down; every picture on its own scale.",
            data_uri(_draw_pictures(dataset)),
        ),
        Section(
            "How much comes through",
            f"ρ between configurations and what comes back from each layer of {sizes} "
            "units; no linear code of as many numbers is above lattice waves, and the "
            "magnetization is one number. Below, ρ of the details: both pictures less "
            "their means. Mean over trainings; no error bar where there is one.",
            data_uri(_draw_likeness(dataset)),
            tables=[_table(dataset, name) for name in ("rho", "details")],
            remarks=[
                "Bits say less than numbers: signs of block sums are the partner of "
                "drawn units, block means that of means."
            ],
        ),
    ]


def _draw_pictures(dataset: xr.Dataset) -> Figure:
    names = [str(s) for s in dataset["shown"].values]
    pictures = dataset["picture"]
    rows = {
        f"configuration {k + 1}": [pictures.sel(shown=n)[k].values for n in names]
        for k in range(pictures.sizes["configuration"])
    }
    return image_rows(rows, names, size=1.7, responses=True)


def _draw_likeness(dataset: xr.Dataset) -> Figure:
    fig = figure(13.5, 7.4, rows=2, columns=3)
    panels = (("means", "own"), ("means", "linear"), ("bits", "linear"))
    kinds = {"rho": "ρ", "details": "ρ of the details"}
    both = [(kind, panel) for kind in kinds.items() for panel in panels]
    for ax, ((name, label), (code, decoder)) in zip(fig.axes, both, strict=True):
        points(ax, dataset.sel(code=code, decoder=decoder), name)
        ax.set_title(f"{code}, {decoder} way down", fontsize=10)
        ax.set_ylabel(label, fontsize=9)
        ax.set_ylim(-0.05, 1)
    legend(fig)
    return fig


def _table(dataset: xr.Dataset, name: str) -> Table:
    columns = [(c, d) for c in CODES for d in DECODERS]
    header = ["ρ" if name == "rho" else "ρ of the details", "trainings"]
    header += [f"layer {l}, {c}, {d}" for l in LAYERS for c, d in columns]
    rows = []
    for row in map(str, dataset["row"].values):
        cells = [
            cell(dataset, name, row=row, layer=l, code=c, decoder=d)
            for l in LAYERS
            for c, d in columns
        ]
        rows.append([row, str(trainings(dataset, row)), *cells])
    return Table(header, rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether the large features come back, and what they are worth beside blocks."""
    return [
        _comes_back(dataset),
        _has_details(dataset),
        _as_blocks(dataset),
        _first_layer(dataset),
    ]


LAST = LAYERS[-1]
BACK = {"code": "means", "decoder": "own", "layer": LAST}


def _comes_back(dataset: xr.Dataset) -> Check:
    nothing = (OTHER, MEAN, UNTRAINED, MAGNETIZATION)
    shade = number(dataset, "shade", row=PAPER, **BACK)[0]
    return Check(
        claim="From the units of the last layer the large features of a configuration "
        "come back.",
        paper=IN_PICTURES,
        ours=f"ρ = {cell(dataset, 'rho', row=PAPER, **BACK)}; the magnetization alone, "
        f"one number, {cell(dataset, 'rho', row=MAGNETIZATION, **BACK)}; block means "
        f"{cell(dataset, 'rho', row=BLOCKS, **BACK)}",
        status=_beside(dataset, "rho", nothing),
        reason="it must be above whatever cannot tell one part of this configuration "
        "from another: "
        + _of_rows(dataset, "rho", nothing)
        + f"; and above {MOSTLY:g} of block means, of which it is "
        f"{_ratio(dataset, 'rho'):.2f}; {shade:.1%} of the power of what comes back is "
        f"the mean of each picture{_once(dataset)}",
    )


def _has_details(dataset: xr.Dataset) -> Check:
    """Without the mean, which a single number carries as well."""
    shape = cell(dataset, "details", row=PAPER, **BACK)
    return Check(
        claim="What comes back tells one part of a configuration from another.",
        paper="not in the paper",
        ours=f"ρ of the details, both pictures less their means, = {shape}; block "
        f"means {cell(dataset, 'details', row=BLOCKS, **BACK)}",
        status=_beside(dataset, "details", (UNTRAINED,)),
        reason="it must be above the untrained network's, "
        f"{cell(dataset, 'details', row=UNTRAINED, **BACK)}, and {MOSTLY:g} of block "
        f"means', of which it is {_ratio(dataset, 'details'):.2f}; the magnetization "
        f"alone has none{_once(dataset)}",
    )


def _beside(dataset: xr.Dataset, name: str, nothing: Sequence[str]) -> Status:
    """Not beyond a control: not; as good as block means: reproduced."""
    ours, blocks = (number(dataset, name, row=r, **BACK) for r in (PAPER, BLOCKS))
    heard = [above(ours, number(dataset, name, row=r, **BACK)) for r in nothing]
    as_good = above(ours, blocks, MOSTLY)
    if False in heard:
        return Status.NOT
    if None in heard or as_good is None:
        return Status.OPEN
    return Status.REPRODUCED if as_good else Status.PARTLY


def _ratio(dataset: xr.Dataset, name: str) -> float:
    ours, blocks = (number(dataset, name, row=r, **BACK) for r in (PAPER, BLOCKS))
    return ours[0] / blocks[0]


def _of_rows(dataset: xr.Dataset, name: str, rows: Sequence[str]) -> str:
    return ", ".join(f"{r} {cell(dataset, name, row=r, **BACK)}" for r in rows)


def _once(dataset: xr.Dataset) -> str:
    return "" if trainings(dataset, PAPER) > 1 else f"; {ONCE}"


def _rho(dataset: xr.Dataset, row: str, code: str, layer: int) -> Number:
    return number(dataset, "rho", row=row, code=code, decoder="linear", layer=layer)


def _shown(dataset: xr.Dataset, row: str, code: str, layer: int) -> str:
    return cell(dataset, "rho", row=row, code=code, decoder="linear", layer=layer)


def _as_blocks(dataset: xr.Dataset) -> Check:
    """The same of the best linear decoder: what the codes know."""
    pairs = {
        c: (_rho(dataset, PAPER, c, LAST), _rho(dataset, BLOCKS, c, LAST))
        for c in CODES
    }
    bound = number(dataset, "rho", row=WAVES, **BACK)
    return Check(
        claim="The units of the last layer know as much of a configuration as block "
        "spins of the same number.",
        paper="not in the paper",
        ours="by the best linear decoder "
        + "; ".join(
            f"{code}: ρ = {_shown(dataset, PAPER, code, LAST)}, block spins "
            f"{_shown(dataset, BLOCKS, code, LAST)}"
            for code in CODES
        ),
        status=combined([above(*pair, factor=MOSTLY) for pair in pairs.values()]),
        reason="their ratios are "
        + ", ".join(f"{a[0] / b[0]:.2f} ({c})" for c, (a, b) in pairs.items())
        + f", {MOSTLY:g} is the limit; no linear code of as many numbers exceeds "
        f"{bound[0]:.3f}; controls, means and bits: "
        + ", ".join(
            f"{r} {_shown(dataset, r, 'means', LAST)} and "
            f"{_shown(dataset, r, 'bits', LAST)}"
            for r in (MAGNETIZATION, UNTRAINED)
        )
        + _once(dataset),
    )


def _first_layer(dataset: xr.Dataset) -> Check:
    """Where it is lost: the first layer has as many units as 2×2 blocks."""
    ours, blocks = (_rho(dataset, r, "bits", 1) for r in (PAPER, BLOCKS))
    of_means = [_rho(dataset, r, "means", 1) for r in (UNTRAINED, PAPER)]
    more = above(of_means[0], of_means[1])
    return Check(
        claim="The first layer's units know as much of it as 2×2 block spins.",
        paper="not in the paper",
        ours=f"bits by the best linear decoder: ρ = {_shown(dataset, PAPER, 'bits', 1)}"
        f", block spins {_shown(dataset, BLOCKS, 'bits', 1)}, local recipe "
        f"{_shown(dataset, LOCAL, 'bits', 1)}",
        status=combined([above(ours, blocks, MOSTLY)]),
        reason=f"their ratio is {ours[0] / blocks[0]:.2f}, {MOSTLY:g} is the limit; "
        f"the untrained network has {_shown(dataset, UNTRAINED, 'bits', 1)}, but its "
        f"means {_shown(dataset, UNTRAINED, 'means', 1)}, {MORE_OR_NOT[more]} the "
        f"{_shown(dataset, PAPER, 'means', 1)} of the trained one's{_once(dataset)}",
    )


MORE_OR_NOT = {True: "more than", False: "less than", None: "not told from"}


EXHIBIT = Exhibit(
    name="reconstruction",
    title="Up to a few units and back",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
