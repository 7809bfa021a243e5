"""Up to a few units and back: how much of a configuration comes through.

The paper passes configurations of 40×40 up to the 25 units of the last layer and back
down, and shows that the result looks like the input in its large features. Here the
likeness is a number,

    ρ = Σ v r / √(Σ v² · Σ r²),

sums over all sites and configurations of chains that nothing was trained on: 1 for a
perfect picture, 0 for one that knows nothing; 1 − ρ² is the error of the best multiple
of r. Whether units or their means were passed is not in the text at hand: both are
read, as *means* and as *bits*; on the way down means are passed.

Whatever the code, it is undone twice: by its *own* way down, and by the best *linear*
decoder, fitted on the training configurations, which says what the code knows. Beside
the networks stand codes of as many units:

    block spins      means of 2×2, 4×4, 8×8 sites or the signs of their sums, expanded
                     back to their blocks; for means ρ² = ⟨(block mean)²⟩ exactly
    lattice waves    those of largest S(k): ρ² = Σ_{largest N_l} S(k)/Σ S(k), which no
                     linear code of N_l numbers exceeds (Eckart and Young 1936)
    untrained        the network before training
    mean of the data the same picture for every configuration
    another input    the paper's arm, its picture of another configuration
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.coarse.block import Average, Majority
from kadanoff.ensemble import Ensemble
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
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
from kadanoff.experiments.mehta2014.receptive_fields import cell, points
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.geometry import Grid
from kadanoff.networks.dbn import DBN, draw_up
from kadanoff.networks.products import one_thread
from kadanoff.randomness import generator
from kadanoff.reports.figures import data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "Coder", "likeness", "of_blocks", "of_network", "of_waves"]

WAVES, MEAN, OTHER = "lattice waves", "mean of the data", "another input"
CODES = ("means", "bits")
DECODERS = ("own", "linear")
ENOUGH = 10_000  # configurations: ρ to 0.001
PICTURES = 3
RIDGE = 1e-4  # of the variance of a unit: codes of dead units have no inverse
MOSTLY = 0.9
SIGMAS = 3.0

Codes = list[tuple[np.ndarray, np.ndarray]]
"""For each layer the code `(n, units)` and what it is expanded to, `(n, sites)`."""
Coder = Callable[[np.ndarray], Codes]
"""From `(n, *shape)` configurations."""


@dataclass(frozen=True)
class _Row:
    """A way to code, of one seed."""

    name: str
    seed: int
    coders: dict[str, Coder]
    data: Ensemble
    fine: Ensemble


def of_network(network: DBN, *, bits: bool, seed: int) -> Coder:
    """Every layer of a deep network and its way down, by means.

    Args:
        network: dense machines.
        bits: whether units are drawn on the way up, or their means passed.
        seed: of the draws.
    """
    noise = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def code(values: np.ndarray) -> Codes:
        v = network.tensor(values)
        if bits:
            levels = draw_up(network, v, noise=noise)[1:]
        else:
            levels = []
            for machine in network.machines:
                v = machine.hidden_mean(v)
                levels.append(v)
        found = []
        for l, h in enumerate(levels, 1):
            down = h
            for machine in reversed(network.machines[:l]):
                down = machine.visible_mean(down)
            found.append((h.numpy(), down.reshape(len(values), -1).numpy()))
        return found

    return code


def of_blocks(grid: Grid, *, bits: bool, seed: int) -> Coder:
    """Means of 2×2, 4×4 and 8×8 sites, or the signs of their sums, and expansions.

    Args:
        grid: the sites.
        bits: signs, a tie by a coin; means otherwise.
        seed: of the coins.
    """
    rng = generator(seed, "coins")

    def code(values: np.ndarray) -> Codes:
        found = []
        for l in LAYERS:
            b = 2**l
            rule = Majority(b=b) if bits else Average(b=b)
            coarse = rule(values, grid, rng=rng).astype(np.float32)
            back = coarse.repeat(b, axis=1).repeat(b, axis=2)
            n = len(values)
            found.append((coarse.reshape(n, -1), back.reshape(n, -1)))
        return found

    return code


def of_waves(data: Ensemble) -> Coder:
    """The lattice waves of largest structure factor in `data`, and their sum.

    Args:
        data: configurations, whose waves these are.
    """
    shape = data.grid.shape
    power = np.zeros(shape)
    for part in _parts(data):
        power += (abs(np.fft.fft2(part)) ** 2).sum(axis=0)
    order = power.reshape(-1).argsort(kind="stable")[::-1]

    def code(values: np.ndarray) -> Codes:
        waves = np.fft.fft2(values, norm="ortho")
        # The Hartley transform has one real number for each wave.
        numbers = (waves.real - waves.imag).reshape(len(values), -1)
        found = []
        for l in LAYERS:
            kept = np.zeros_like(numbers)
            most = order[: data.grid.size // 4**l]
            kept[:, most] = numbers[:, most]
            again = np.fft.fft2(kept.reshape(-1, *shape), norm="ortho")
            back = (again.real - again.imag).reshape(len(values), -1)
            found.append((numbers[:, most].astype(np.float32), back.astype(np.float32)))
        return found

    return code


def likeness(coder: Coder, data: Ensemble, fine: Ensemble) -> np.ndarray:
    """ρ of every layer by the code's own way down and the best linear one.

    Args:
        coder: codes and expansions.
        data: where the linear decoder is fitted.
        fine: other configurations, which are read.

    Returns:
        `(layer, 2)`; not a number of a picture that is zero everywhere.
    """
    decoders = _decoders(coder, data)
    moments = np.zeros((len(LAYERS), 2, 2))
    sites = 0
    for part in _parts(fine):
        v = part.reshape(len(part), -1).astype(np.float32)
        sites += v.size
        for l, (code, own) in enumerate(coder(part)):
            for k, r in enumerate((own, code @ decoders[l])):
                moments[l, k] += (v * r).sum(dtype=float), (r * r).sum(dtype=float)
    with np.errstate(invalid="ignore"):
        return moments[..., 0] / np.sqrt(moments[..., 1] * sites)


def _decoders(coder: Coder, data: Ensemble) -> list[np.ndarray]:
    """Least squares of the sites on the code of each layer, `(units, sites)`."""
    squares, products = [], []
    for part in _parts(data):
        v = part.reshape(len(part), -1).astype(np.float32)
        for l, (code, _) in enumerate(coder(part)):
            if len(squares) == l:
                squares.append(np.zeros((code.shape[1],) * 2))
                products.append(np.zeros((code.shape[1], v.shape[1])))
            squares[l] += code.T @ code
            products[l] += code.T @ v
    found = []
    for square, product in zip(squares, products, strict=True):
        scale = max(np.trace(square) / len(square), np.finfo(float).tiny)
        ridge = RIDGE * scale * np.eye(len(square))
        found.append(np.linalg.solve(square + ridge, product).astype(np.float32))
    return found


def _parts(ensemble: Ensemble, size: int = ENOUGH) -> Iterator[np.ndarray]:
    """At most `size` configurations in parts."""
    left = size
    for chunk in ensemble.chunks():
        part = ensemble.read(chunk)[:left]
        left -= len(part)
        yield part
        if left == 0:
            return


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """ρ of every code, `(row, layer, code, decoder)`, and pictures from the last."""
    names = [a.name for a in arms(settings)] + [UNTRAINED, BLOCKS, WAVES, MEAN, OTHER]
    shape = (len(names), len(LAYERS), len(CODES), len(DECODERS), settings.seeds)
    found, pictures = np.full(shape, np.nan), {}
    with one_thread():
        for row in _rows(settings, work):
            at = names.index(row.name)
            for code, coder in row.coders.items():
                rho = likeness(coder, row.data, row.fine)
                found[at, :, CODES.index(code), :, row.seed] = rho
            if row.name == PAPER:
                rho = _another(row.coders["means"], row.fine)
                found[names.index(OTHER), :, 0, 0, row.seed] = rho
                found[names.index(MEAN), :, 0, 0, row.seed] = _constant(row)
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


SHOWN = (PAPER, LOCAL, UNTRAINED, BLOCKS, WAVES)


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


def _another(coder: Coder, fine: Ensemble) -> np.ndarray:
    """ρ with the picture of another chain's configuration, `(layer,)`."""
    values = np.concatenate(list(_parts(fine)))
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
    mean = np.concatenate(list(_parts(row.data))).mean(axis=0)
    values = np.concatenate(list(_parts(row.fine)))
    return float((values * mean).mean() / np.sqrt((mean**2).mean()))


def _some(fine: Ensemble) -> np.ndarray:
    """One configuration of each of a few chains."""
    return fine.values[:PICTURES, 0]


def _dataset(found: np.ndarray, names: Sequence[str], settings: Settings) -> xr.Dataset:
    means = [over_seeds(cell) for cell in found.reshape(-1, found.shape[-1])]
    axes = ("row", "layer", "code", "decoder")
    data = {
        "rho": (axes, np.reshape([m.value for m in means], found.shape[:-1])),
        "rho_error": (axes, np.reshape([m.error for m in means], found.shape[:-1])),
    }
    seeds = np.isfinite(found[:, 0, 0, 0]).sum(axis=-1)
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
    return [
        Section(
            f"From {units[-1]} units and back",
            "Configurations of chains that nothing was trained on, and what each code "
            "of means returns by its own way down; every picture on its own scale.",
            data_uri(_draw_pictures(dataset)),
        ),
        Section(
            "How much comes through",
            "ρ between configurations and what comes back from each layer of "
            f"{', '.join(map(str, units))} numbers; no linear code of numbers is above "
            "lattice waves. Mean over seeds; no error bar where there is one.",
            data_uri(_draw_likeness(dataset)),
            tables=[_table(dataset)],
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
    fig = figure(13.5, 3.9, columns=3)
    panels = (("means", "own"), ("means", "linear"), ("bits", "linear"))
    rows = [str(r) for r in dataset["row"].values]
    for ax, (code, decoder) in zip(fig.axes, panels, strict=True):
        for k, row in enumerate(rows):
            here = dataset.sel(row=row, code=code, decoder=decoder)
            points(ax, here, "rho", row, k)
        ax.set_title(f"{code}, {decoder} way down", fontsize=10)
        ax.set_xlabel("layer", fontsize=9)
        ax.set_ylabel("ρ", fontsize=9)
        ax.set_ylim(-0.05, 1)
        ax.set_xticks(LAYERS)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, fontsize=9, frameon=False, loc="outside right center")
    return fig


def _table(dataset: xr.Dataset) -> Table:
    columns = [(c, d) for c in CODES for d in DECODERS]
    header = ["code", "seeds"]
    header += [f"layer {l}, {c}, {d}" for l in LAYERS for c, d in columns]
    rows = []
    for row in map(str, dataset["row"].values):
        cells = [
            cell(dataset, "rho", row=row, layer=l, code=c, decoder=d)
            for l in LAYERS
            for c, d in columns
        ]
        rows.append([row, str(int(dataset["seeds"].sel(row=row))), *cells])
    return Table(header, rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether the large features come back, and what they are worth beside blocks."""
    return [_comes_back(dataset), _as_blocks(dataset), _first_layer(dataset)]


Number = tuple[float, float]


def _rho(dataset: xr.Dataset, row: str, code: str, decoder: str, layer: int) -> Number:
    where = {"row": row, "code": code, "decoder": decoder, "layer": layer}
    error = dataset["rho_error"].sel(**where).item()
    return dataset["rho"].sel(**where).item(), float(np.nan_to_num(error))


def _above(one: Number, other: Number, factor: float = 1.0) -> bool | None:
    """Whether one is above `factor` times the other; None within three errors."""
    gap = one[0] - factor * other[0]
    error = SIGMAS * float(np.hypot(one[1], factor * other[1]))
    return None if abs(gap) <= error else gap > 0


def _comes_back(dataset: xr.Dataset) -> Check:
    last = LAYERS[-1]
    ours = _rho(dataset, PAPER, "means", "own", last)
    blocks = _rho(dataset, BLOCKS, "means", "own", last)
    nothing = [_rho(dataset, r, "means", "own", last) for r in (OTHER, MEAN, UNTRAINED)]
    heard = [_above(ours, n) for n in nothing]
    as_good = _above(ours, blocks, MOSTLY)
    return Check(
        claim="From the units of the last layer the large features of a configuration "
        "come back.",
        paper="pictures; no number",
        ours=f"ρ = {_shown(dataset, PAPER, 'means', 'own', last)}; block means "
        f"{_shown(dataset, BLOCKS, 'means', 'own', last)}",
        status=_status(heard, as_good),
        reason=f"controls: another input {_shown(dataset, OTHER, 'means', 'own', last)}"
        f", mean of the data {_shown(dataset, MEAN, 'means', 'own', last)}, untrained "
        f"{_shown(dataset, UNTRAINED, 'means', 'own', last)}; reproduced above "
        f"{MOSTLY:g} of block means, of which it is {ours[0] / blocks[0]:.2f}",
    )


def _status(heard: Sequence[bool | None], as_good: bool | None) -> Status:
    if False in heard:
        return Status.NOT
    if None in heard or as_good is None:
        return Status.OPEN
    return Status.REPRODUCED if as_good else Status.PARTLY


def _as_blocks(dataset: xr.Dataset) -> Check:
    """The same of the best linear decoder: what the codes know."""
    last = LAYERS[-1]
    pairs = {
        code: [_rho(dataset, r, code, "linear", last) for r in (PAPER, BLOCKS)]
        for code in CODES
    }
    good = [_above(ours, blocks, MOSTLY) for ours, blocks in pairs.values()]
    bound = _rho(dataset, WAVES, "means", "own", last)
    return Check(
        claim="The units of the last layer know as much of a configuration as block "
        "spins of the same number.",
        paper="not in the paper",
        ours="by the best linear decoder "
        + "; ".join(
            f"{code}: ρ = {_shown(dataset, PAPER, code, 'linear', last)}, block spins "
            f"{_shown(dataset, BLOCKS, code, 'linear', last)}"
            for code in CODES
        ),
        status=Status.OPEN
        if None in good and False not in good
        else Status.REPRODUCED
        if all(good)
        else Status.PARTLY
        if any(good)
        else Status.NOT,
        reason="their ratios are "
        + ", ".join(f"{a[0] / b[0]:.2f} ({c})" for c, (a, b) in pairs.items())
        + f", {MOSTLY:g} is the limit; no linear code of as many numbers exceeds "
        f"{bound[0]:.3f}",
    )


def _first_layer(dataset: xr.Dataset) -> Check:
    """Where it is lost: the first layer has as many units as 2×2 blocks."""
    ours = _rho(dataset, PAPER, "bits", "linear", 1)
    blocks = _rho(dataset, BLOCKS, "bits", "linear", 1)
    good = _above(ours, blocks, MOSTLY)
    return Check(
        claim="The first layer's units know as much of it as 2×2 block spins.",
        paper="not in the paper",
        ours=f"bits by the best linear decoder: ρ = "
        f"{_shown(dataset, PAPER, 'bits', 'linear', 1)}, block spins "
        f"{_shown(dataset, BLOCKS, 'bits', 'linear', 1)}, local recipe "
        f"{_shown(dataset, LOCAL, 'bits', 'linear', 1)}",
        status=Status.OPEN
        if good is None
        else Status.REPRODUCED
        if good
        else Status.NOT,
        reason=f"their ratio is {ours[0] / blocks[0]:.2f}, {MOSTLY:g} is the limit; "
        f"the untrained network has {_shown(dataset, UNTRAINED, 'bits', 'linear', 1)}",
    )


def _shown(dataset: xr.Dataset, row: str, code: str, decoder: str, layer: int) -> str:
    return cell(dataset, "rho", row=row, code=code, decoder=decoder, layer=layer)


EXHIBIT = Exhibit(
    name="reconstruction",
    title="Up to a few units and back",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
