"""Figures 8 and 10: what hidden units are correlated with, and why it is offset.

Section IV-A of arXiv:1906.05212 trains two machines one after the other, 1024 → 256 →
64, and one machine 1024 → 64, on the configurations of figure 7, by contrastive
divergence; its number of steps, rate, epochs, batches and penalties are lost in the
text at hand. Claims: their maps ⟨v_i h_a⟩ look like those of block spins, their patch
correlator falls linearly and by as much, and it is offset, for which the authors "do
not have an explanation".

Trained here with CD-1, without a penalty (`plain`, the nearest to what the text says)
and with the package's L1 penalty (`local`). Beside them stand block averages and
majority votes, read on the same chains, and machines of random weights.

The offset is the uniform part of G, Σ_a ⟨m h_a⟩² (`patches`). Block averages have it
too: N_h ⟨m²⟩². A machine's is γ² times that, γ² the mean square over units of the gain
⟨m h_a⟩/⟨m²⟩ to the magnetization. A unit that is ±1 and follows a patch moves more than
the patch's mean and has γ > 1, as a majority vote has; one of noisy weights has γ < 1.
Signs of units drop out.

Between two hidden layers G has no distances: the units of h1 in order of number show
none. Where they are put to the sites that they listen to G falls again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.coarse.arrange import arrange
from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.demellokoch2020.patches import (
    Reading,
    curves,
    drawn_hidden,
    line,
    maps,
    numbers,
    read,
    spots,
    tabled,
)
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.networks.dbn import DBN
from kadanoff.networks.machine import Machine
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings"]

LOST = "lost in the text at hand"
RG = "block averages"
RANDOM = "random weights"
VOTES = "majority votes"
LAYERS = {
    "first": "v to h1",
    "both": "v to h2",
    "single": "v to h, one machine",
    "numbered": "h1 to h2, h1 in order of number",
    "arranged": "h1 to h2, h1 put in place",
}
"""Which two layers; the same number of sites and units as block spins' `PARTNER`."""
PARTNER = {
    "first": "first",
    "both": "both",
    "single": "both",
    "numbered": "second",
    "arranged": "second",
}
SHOWN = ("first", "both", "single")  # of lattice sites, whose maps are pictures
SURE = 4.0
MANY = 2.0  # spots per unit that has no place of its own
MOSTLY, ORDER = 0.8, 3.0  # share of units with one spot; what is of the same order


@dataclass(frozen=True)
class Settings:
    """What is trained and read.

    Attributes:
        side: of the lattice.
        samples: configurations to train on, of chains of their own for every seed.
        draws: configurations that all are read on.
        seeds: starting points of every training.
        training: the local recipe; the plain one has no penalty.
    """

    side: int
    samples: int
    draws: int
    seeds: int
    training: Training = field(default_factory=Training)

    @property
    def recipes(self) -> dict[str, Training]:
        """By name."""
        return {"plain": replace(self.training, l1=0.0), "local": self.training}


# Few configurations in small batches at a higher rate make as many updates.
FAST = Settings(
    side=16,
    samples=1024,
    draws=1024,
    seeds=2,
    training=Training(epochs=3, batch=8, learning_rate=0.03),
)
FULL = Settings(side=32, samples=10_000, draws=10_000, seeds=5)

Layers = dict[str, tuple[Ensemble, Ensemble]]


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All readings, one row for each recipe and pair of layers."""
    fine = drawn(work, (settings.side,) * 2, T_C, settings.draws)
    blocks = _of_blocks(fine)
    rg = {name: read(*pair) for name, pair in blocks.items()}
    found: dict[str, list[Reading]] = {f"{RG}, {n}": [r] for n, r in rg.items()}
    rows = {f"{RG}, {n}": [_row(r, r, *blocks[n])] for n, r in rg.items()}
    images = {f"{RG}, {n}": maps(*blocks[n]) for n in ("first", "both")}
    votes = coarsen(Majority(b=2), fine, seed=work.subseed("votes"))
    found[f"{VOTES}, first"] = [voted := read(fine, votes)]
    rows[f"{VOTES}, first"] = [_row(voted, rg["first"], fine, votes)]
    change = 0.0
    for seed in range(settings.seeds):
        for name, layers in _networks(settings, work, fine, seed):
            for layer, pair in layers.items():
                row, reading = f"{name}, {layer}", read(*pair)
                found.setdefault(row, []).append(reading)
                partner = rg[PARTNER[layer]]
                rows.setdefault(row, []).append(_row(reading, partner, *pair))
                if layer in SHOWN:
                    images.setdefault(row, maps(*pair))
            if seed == 0:
                change = max(change, _by_signs(*layers["first"], work))
    data = xr.Dataset(tabled(rows, "row"), coords={"row": list(rows)})
    data = data.assign(sign_change=change).assign(_all_curves(found))
    data = data.assign(map=(("mapped", "unit", "x", "y"), np.stack([*images.values()])))
    data = data.assign_coords(mapped=list(images))
    return data.assign_attrs(
        side=settings.side,
        samples=settings.samples,
        draws=settings.draws,
        seeds=settings.seeds,
    )


def _of_blocks(fine: Ensemble) -> Layers:
    fine, one, two = Stack((Average(b=2), Average(b=2))).levels(fine)
    return {"first": (fine, one), "second": (one, two), "both": (fine, two)}


def _networks(
    settings: Settings, work: Work, fine: Ensemble, seed: int
) -> Iterator[tuple[str, Layers]]:
    """Both recipes, then random weights as large as those of the plain one."""
    shape = fine.grid.shape
    data = drawn(work, shape, T_C, settings.samples, purpose=f"train {seed}")
    units = (fine.grid.size // 4, fine.grid.size // 16)
    size = 0.0
    for name, training in settings.recipes.items():
        stack = DBN.dense(shape, units, seed=work.subseed("stack", seed))
        stack = trained(work, stack, data, training, f"{name} stack {seed}")
        single = RBM(shape, units[1], seed=work.subseed("single", seed))
        single = trained(work, single, data, training, f"{name} single {seed}")
        yield name, _layers(stack.machines, single, fine, work)
        size = size or float(stack.machines[0].W.detach().std())
    control = RBM(shape, units[0], seed=work.subseed("random", seed))
    control.W.data.mul_(size / float(control.W.detach().std()))
    hidden = drawn_hidden(control, fine, seed=work.subseed("draw", "random", seed))
    yield RANDOM, {"first": (fine, hidden)}


def _layers(
    stack: tuple[Machine, ...], single: Machine, fine: Ensemble, work: Work
) -> Layers:
    seeds = [work.subseed("draw", k) for k in range(3)]
    one = drawn_hidden(stack[0], fine, seed=seeds[0])
    two = drawn_hidden(stack[1], one, seed=seeds[1])
    grid = fine.grid.coarsened(2)
    numbered = drawn_hidden(stack[0], fine, seed=seeds[0], grid=grid)
    return {
        "first": (fine, one),
        "both": (fine, two),
        "single": (fine, drawn_hidden(single, fine, seed=seeds[2])),
        "numbered": (numbered, two),
        "arranged": (coarsen(arrange(fine, one, grid), one), two),
    }


def _row(
    reading: Reading, partner: Reading, below: Ensemble, above: Ensemble
) -> dict[str, Estimate]:
    """Numbers of a layer and how they compare with block spins of the same sizes.

    `gain` is γ², `offset` the difference in G(0), `explained` the share of it that is
    uniform, `ratio` that of the falls; `spots` are bright spots per unit, `single` the
    share of units with one.
    """
    ours, theirs = numbers(reading), numbers(partner)
    number, _ = spots(below, above)
    exactly = {
        "spots": float(number.mean()),
        "single": float((number == 1).mean()),
        "negative": _negative(below, above),
    }
    offset = ours["at_zero"] - theirs["at_zero"]
    lifted = ours["uniform"] - theirs["uniform"]
    return {
        **ours,
        "gain": ours["uniform"] / theirs["uniform"],
        "ratio": ours["fall"] / theirs["fall"],
        "offset": offset,
        "lifted": lifted,
        "explained": combine(_share, lifted, offset),
        **{name: ours["fall"].map(lambda _, x=x: x) for name, x in exactly.items()},
    }


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole; not a number of nothing."""
    nothing = np.full_like(np.asarray(whole, dtype=float), np.nan)
    return np.divide(part, whole, out=nothing, where=np.asarray(whole) != 0)


def _negative(below: Ensemble, above: Ensemble) -> float:
    """Share of the units that follow the magnetization the other way round."""
    m = below.values.reshape(below.size, -1).mean(axis=1, dtype=float)
    h = above.values.reshape(above.size, -1)
    return float((m @ h < 0).mean())


def _by_signs(fine: Ensemble, hidden: Ensemble, work: Work) -> float:
    """Largest change of G, relative to G(0), when units change sign at random."""
    signs = generator(work.subseed("signs")).integers(0, 2, hidden.shape) * 2 - 1
    values = (hidden.values * signs).astype(hidden.values.dtype)
    note = {"step": "signs"}
    other = hidden.derived(values, hidden.geometry, hidden.alphabet, note)
    before, after = (read(fine, h).raw.value for h in (hidden, other))
    return float(abs(after - before).max() / before[0])


def _all_curves(found: Mapping[str, list[Reading]]) -> xr.Dataset:
    """G and what a line leaves of it, `(distance,)` for every row."""
    data = xr.Dataset()
    for row, readings in found.items():
        r, axis = readings[0].pairs.distance, f"r {_axis(row)}"
        raw = [reading.raw for reading in readings]
        mean = combine(lambda *values: np.mean(values, axis=0), *raw)
        fitted = line(r, mean)
        ways = {
            "raw": raw,
            "varying": [reading.varying for reading in readings],
            "one_sided": [reading.one_sided for reading in readings],
            "residual": [fitted.residual],
        }
        data = data.assign(xr.Dataset(curves(row, ways, axis), coords={axis: r}))
        about = {"bent": fitted.bent, "ratio": fitted.ratio, "p": fitted.p}
        data = data.assign({f"{row}_{k}": v for k, v in about.items()})
    return data


def _axis(row: str) -> str:
    """Block spins' name of the two layers of a row: it has their distances."""
    layer = row.rpartition(", ")[2]
    return PARTNER.get(layer, layer)


def draw(dataset: xr.Dataset) -> list[Section]:
    """Maps, correlators, and the offset taken apart."""
    titles = [f"unit {k + 1}" for k in range(dataset.sizes["unit"])]
    seen = {
        _wrapped(str(row)): [_lifted(x) for x in dataset["map"].sel(mapped=row).values]
        for row in dataset["mapped"].values
    }
    return [
        Section(
            "Figure 8: maps of hidden units",
            f"⟨v_i h_a⟩ of five units at T_c on {dataset.side}², each turned to follow "
            "the magnetization and less its smallest value. Block averages first.",
            picture=data_uri(image_rows(seen, titles, responses=True, size=1.4)),
            tables=[_spot_table(dataset)],
        ),
        Section(
            "Figure 10: patch correlators",
            "Above, G(r) as the paper has it; in the middle less its uniform part, "
            "where offsets are gone; below of configurations turned to m ≥ 0 and "
            "connected, where most of the magnetization is subtracted. Means over "
            f"{dataset.seeds} trainings.",
            picture=data_uri(_correlators(dataset)),
            tables=[_line_table(dataset)],
        ),
        Section(
            "The offset taken apart",
            "G(0) less that of block averages on the same chains, how much of it is "
            "the uniform part Σ_a ⟨m h_a⟩², and γ², the mean square gain to the "
            "magnetization. Connecting ⟨v h⟩ changes nothing, since ⟨v⟩ = 0 where up "
            "and down are alike; turning all configurations up first takes most of it "
            "away. Signs of units do nothing: turning half of them changed G by "
            f"{float(dataset['sign_change']):.1g} of G(0).",
            tables=[_offset_table(dataset)],
        ),
    ]


def _lifted(image: np.ndarray) -> np.ndarray:
    turned = image if image.mean() >= 0 else -image
    return turned - turned.min()


def _wrapped(row: str) -> str:
    name, _, layer = row.partition(", ")
    return f"{name},\n{LAYERS.get(layer, layer)}"


COLOURS = {
    RG: PALETTE[6],
    VOTES: PALETTE[1],
    "plain": PALETTE[2],
    "local": PALETTE[0],
    RANDOM: PALETTE[3],
}
WAYS = {
    "raw": "G(r)",
    "varying": "G(r) less its uniform part",
    "one_sided": "G(r), m ≥ 0, connected",
}


def _correlators(dataset: xr.Dataset) -> Figure:
    columns = ("first", "both", "single", "numbered", "arranged")
    fig = figure(15.0, 8.0, rows=3, columns=len(columns))
    for down, (way, label) in enumerate(WAYS.items()):
        for across, layer in enumerate(columns):
            ax = fig.axes[down * len(columns) + across]
            for name, colour in COLOURS.items():
                of = PARTNER[layer] if name == RG else layer
                if (row := f"{name}, {of}") not in dataset["row"].values:
                    continue
                y, error = (dataset[f"{row}_{way}{e}"].values for e in ("", "_error"))
                x = dataset[f"r {PARTNER[layer]}"].values
                style = {"fmt": "o", "ms": 2.5, "lw": 0.6, "color": colour}
                ax.errorbar(x, y, error, label=name, **style)
            if down == 0:
                ax.set_title(LAYERS[layer].replace(", ", ",\n"), fontsize=10)
        fig.axes[down * len(columns)].set_ylabel(label, fontsize=9)
    for ax in fig.axes[-len(columns) :]:
        ax.set_xlabel("distance (original sites)", fontsize=9)
    fig.axes[len(columns)].legend(fontsize=8, frameon=False)
    return fig


def _spot_table(dataset: xr.Dataset) -> Table:
    names = {
        "spots": "bright spots per unit",
        "single": "share of units with one",
        "negative": "share of units that follow −m",
    }
    rows = [
        [str(row), *(shown(dataset, name, row=row) for name in names)]
        for row in dataset["row"].values
    ]
    return Table(["layer", *names.values()], rows)


def _line_table(dataset: xr.Dataset) -> Table:
    header = ["layer", "fall of G", "over block averages'", "line: rms residual / fall"]
    header += ["F(4, B - 4)", "p"]
    rows = [
        [
            str(row),
            *(shown(dataset, name, row=row) for name in ("fall", "ratio")),
            *(f"{float(dataset[f'{row}_{n}']):.2g}" for n in ("bent", "ratio", "p")),
        ]
        for row in dataset["row"].values
    ]
    return Table(header, rows)


def _offset_table(dataset: xr.Dataset) -> Table:
    names = {
        "at_zero": "G(0)",
        "uniform": "uniform part",
        "offset": "offset of G(0)",
        "lifted": "of it uniform",
        "gain": "γ²",
        "far": "G far",
        "connected_far": "connected, far",
        "one_sided_far": "m ≥ 0 connected, far",
        "noise": "noise in the fall as counted",
    }
    rows = [
        [str(row), *(shown(dataset, name, row=row) for name in names)]
        for row in dataset["row"].values
    ]
    return Table(["layer", *names.values()], rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """Bright spots, the fall, the offset and its explanation, and locality."""
    return [
        _bright_spots(dataset),
        _same_fall(dataset),
        _straight(dataset),
        _offset(dataset),
        _is_uniform(dataset),
        _sees_locality(dataset),
        _between_hidden(dataset),
    ]


def _rows(dataset: xr.Dataset, *names: str) -> list[str]:
    """Rows of machines whose visible layer is the lattice."""
    return [f"{name}, {layer}" for name in names for layer in SHOWN]


def _value(dataset: xr.Dataset, name: str, row: str) -> tuple[float, float]:
    return float(dataset[name].sel(row=row)), float(
        dataset[f"{name}_error"].sel(row=row)
    )


def _bright_spots(dataset: xr.Dataset) -> Check:
    share = {
        row: _value(dataset, "single", row)[0] for row in _rows(dataset, *MACHINES)
    }
    plain, local = ([share[row] for row in _rows(dataset, n)] for n in MACHINES)
    if min(plain) > MOSTLY:
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if max(*plain, *local) > MOSTLY else Status.NOT
    return Check(
        "The maps of trained machines show a bright spot as those of block spins do.",
        "very similar patterns (in the text); the training is " + LOST,
        "share of units with one spot, v to h1, v to h2, one machine: plain "
        + ", ".join(f"{n:.0%}" for n in plain)
        + "; local "
        + ", ".join(f"{n:.0%}" for n in local),
        status,
        f"of block averages {_value(dataset, 'single', f'{RG}, first')[0]:.0%} have "
        "one, of random weights "
        f"{_value(dataset, 'single', f'{RANDOM}, first')[0]:.0%}; a penalty makes "
        "units local, and the training is lost that could have done so in the paper",
    )


MACHINES = ("plain", "local")


def _same_fall(dataset: xr.Dataset) -> Check:
    ratios = [_value(dataset, "ratio", row)[0] for row in _rows(dataset, *MACHINES)]
    alike = all(1 / ORDER < ratio < ORDER for ratio in ratios)
    return Check(
        "G of the machines falls by as much as that of block spins.",
        f"the same order of magnitude (in the text), which one is {LOST}",
        "fall over block averages', v to h1: "
        + ", ".join(
            f"{name} {shown(dataset, 'ratio', row=f'{name}, first')}"
            for name in (*MACHINES, RANDOM)
        ),
        Status.REPRODUCED if alike else Status.NOT,
        f"all six ratios lie between {min(ratios):.2f} and {max(ratios):.2f}",
    )


def _straight(dataset: xr.Dataset) -> Check:
    rows = _rows(dataset, *MACHINES)
    bent = [float(dataset[f"{row}_bent"]) for row in rows]
    p = max(float(dataset[f"{row}_p"]) for row in rows)
    status = Status.PARTLY if p < 1e-3 else Status.OPEN
    if max(bent) < 0.02:
        status = Status.REPRODUCED
    return Check(
        "That fall is linear.",
        "linear (in the text)",
        f"rms residual of a line over the fall {min(bent):.3f} to {max(bent):.3f}",
        status,
        f"G falls, and not on a line: p ≤ {p:.1g} for all six; block averages leave "
        f"{float(dataset[f'{RG}, first_bent']):.3f}",
    )


def _offset(dataset: xr.Dataset) -> Check:
    found = {row: _value(dataset, "offset", row) for row in _rows(dataset, *MACHINES)}
    seen = all(abs(value) > SURE * error for value, error in found.values())
    return Check(
        "The correlators of machines are offset from those of block spins.",
        f"offset, unexplained (in the text); by how much is {LOST}",
        "G(0) less block averages', v to h1: "
        + ", ".join(
            f"{name} {shown(dataset, 'offset', row=f'{name}, first')}"
            for name in (*MACHINES, VOTES)
        ),
        Status.REPRODUCED if seen else Status.OPEN,
        "the whole fall is "
        + shown(dataset, "fall", row=f"{RG}, first")
        + f" of {shown(dataset, 'at_zero', row=f'{RG}, first')} for block averages, "
        "and majority votes, which are no machines, are offset from them too",
    )


def _is_uniform(dataset: xr.Dataset) -> Check:
    """Our explanation: the offset is the uniform part, and signs do nothing."""
    rows = _rows(dataset, *MACHINES)
    shares = [_value(dataset, "explained", row)[0] for row in rows]
    far = _value(dataset, "far", "local, first")[0]
    connected = _value(dataset, "connected_far", "local, first")[0]
    one_sided = _value(dataset, "one_sided_far", "local, first")[0]
    holds = all(abs(share - 1) < 0.1 for share in shares)
    return Check(
        "Explanation tested here: the offset is Σ_a ⟨m h_a⟩², the magnetization mode.",
        "no explanation (in the text)",
        f"uniform share of the offset {min(shares):.4f} to {max(shares):.4f}; "
        + ", ".join(
            f"γ² {name} {shown(dataset, 'gain', row=f'{name}, first')}"
            for name in (*MACHINES, VOTES)
        ),
        Status.REPRODUCED if holds else Status.NOT,
        f"signs of units change G by {float(dataset['sign_change']):.0e} of it and "
        f"connecting by {1 - connected / far:.1%}; with all configurations turned up G "
        f"far is {one_sided:.2f} instead of {far:.1f}",
    )


def _sees_locality(dataset: xr.Dataset) -> Check:
    ratio = {n: _value(dataset, "ratio", f"{n}, first") for n in (*MACHINES, RANDOM)}
    number = {n: _value(dataset, "spots", f"{n}, first")[0] for n in ratio}
    spread = number[RANDOM] > MANY
    falls = ratio[RANDOM][0] > SURE * ratio[RANDOM][1]
    return Check(
        "A fall of G with distance detects local patches of high correlation.",
        "detects them wherever they are (in the text)",
        f"random weights: {number[RANDOM]:.1f} spots per unit and a fall of "
        f"{shown(dataset, 'ratio', row=f'{RANDOM}, first')} of block averages'",
        Status.NOT if spread and falls else Status.OPEN,
        "units of random weights have no patch and their G falls all the same: it is "
        "the correlation of the spins that falls",
    )


def _between_hidden(dataset: xr.Dataset) -> Check:
    name = "one_sided_fall"
    flat, falls = [], []
    for machine in MACHINES:
        value, error = _value(dataset, name, f"{machine}, numbered")
        placed, doubt = _value(dataset, name, f"{machine}, arranged")
        flat.append(abs(value) < placed / 10 + SURE * error)
        falls.append(placed > SURE * doubt)
    status = Status.NOT if all(falls) else Status.OPEN
    if all(flat) and all(falls):
        status = Status.REPRODUCED
    return Check(
        "Tested here: between hidden layers G falls only once units have places.",
        "panels (a) and (c) fall as block spins' do; of the others the text says "
        "nothing",
        "m ≥ 0 connected, near less far: "
        + "; ".join(
            f"{machine} by number {shown(dataset, name, row=f'{machine}, numbered')}, "
            f"put in place {shown(dataset, name, row=f'{machine}, arranged')}"
            for machine in MACHINES
        ),
        status,
        "the number of a hidden unit is not a place; block averages have "
        + shown(dataset, name, row=f"{RG}, second"),
    )


EXHIBIT = Exhibit(
    name="fig_8",
    title="Figures 8 and 10: hidden units",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
