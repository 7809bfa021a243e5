"""What the first units of a machine are spent on: the signal, or noise beside it.

Renormalization keeps what matters at large distances. Likelihood keeps what fluctuates
most: at small weights every unit turns to the leading eigenvector of ⟨v vᵀ⟩
(`networks.gradients`). So a machine with few units should spend them on decoupled
noise, pairs of spins of coupling J with eigenvalue 1 + tanh J, as long as the largest
eigenvalue of the signal is below that; M. Koch-Janusz and Z. Ringel (Nat. Phys. 14,
578 (2018)) show it for machines trained beside such dimers. Near a critical point the
signal's own grows as its susceptibility, and the units go there.

The criterion predicts where the change comes. Counted here is where it comes, of
machines down the exact KL, on a ring and on a square, with dimers of several J.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq
from scipy.stats import binomtest

from kadanoff.estimate import ONE_SIGMA, Estimate, parenthesised
from kadanoff.exact.constants import K_C
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014.descents import descents, machine_of, starts
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.models.ising import Ising
from kadanoff.networks.gradients import leading_mode, spent, with_dimers
from kadanoff.networks.mapping import hamiltonian
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "clear",
    "compute",
    "crossing",
    "draw",
    "expected",
    "on_noise",
]

SIGNALS = {"ring of 6": (6,), "3×3": (3, 3)}
FIRST = next(iter(SIGNALS))
DIMERS = 2
HALF = 0.5
"""Share of a unit's weights on noise above which it is spent there."""
RATE, SCALE = 0.1, 0.01
"""Of the descents: steps in which KL falls, from weights whose tanh is a line."""
SMALLER, LONGER = 1e-5, 4
"""Initial weights for which tanh is a line for longer, and by how much all is."""
BESIDE = 0.015
"""Shift of the second set of points, which are often where the first are."""
CLEAR = 0.1
"""Eigenvalues closer than this (relative) do not decide: both modes grow alike."""


@dataclass(frozen=True)
class Settings:
    """How much is trained.

    Attributes:
        pairings: J of the dimers.
        ratios: couplings of the signal, as multiples of the one at which its largest
            eigenvalue is that of a dimer.
        seeds: machines for each.
        units: largest number of units where they are added one by one.
        steps: of a descent.
    """

    pairings: tuple[float, ...]
    ratios: tuple[float, ...]
    seeds: int
    units: int
    steps: int


FAST = Settings(pairings=(1.0,), ratios=(0.6, 1.5), seeds=2, units=3, steps=250)
FULL = Settings(
    pairings=(0.5, 1.0, 2.0),
    ratios=(0.4, 0.6, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.4, 1.7),
    seeds=6,
    units=5,
    steps=800,
)


def crossing(shape: tuple[int, ...], pairing: float) -> float:
    """K at which the largest eigenvalue of the signal is that of a dimer."""

    def above(coupling: float) -> float:
        signal = leading_mode(hamiltonian(Ising(shape), coupling))[0]
        return signal - 1 - abs(math.tanh(pairing))

    return float(brentq(above, 0.0, 2.0, xtol=1e-12))  # pyright: ignore[reportArgumentType]


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Where one unit goes by coupling, and what more units know of the signal."""
    with one_thread(), torch.no_grad():
        first = _first_units(settings, work)
        small = _from_smaller(settings, work)
        more = _more_units(settings, work)
    return xr.merge([first, small, more]).assign_attrs(attributes_of(settings))


def _first_units(settings: Settings, work: Work) -> xr.Dataset:
    """One unit at every signal, J and coupling: its weight on noise, by seed."""
    ratios = np.array(settings.ratios)
    shape = (len(SIGNALS), len(settings.pairings), len(ratios))
    share, about = (
        np.empty((*shape, settings.seeds)),
        np.empty((*shape, settings.seeds)),
    )
    at, eigen = np.empty(shape[:2]), np.empty(shape)
    for i, (name, lattice) in enumerate(SIGNALS.items()):
        for j, pairing in enumerate(settings.pairings):
            at[i, j] = crossing(lattice, pairing)
            for k, ratio in enumerate(ratios):
                signal = hamiltonian(Ising(lattice), ratio * at[i, j])
                eigen[i, j, k] = leading_mode(signal)[0]
                seed = work.subseed(name, f"{pairing:g}", f"{ratio:g}")
                found = _spent(signal, pairing, 1, settings, seed)
                share[i, j, k], about[i, j, k] = found[:, 0], found[:, 1]
            work.progress("first units")(i * shape[1] + j + 1, shape[0] * shape[1])
    axes = ("signal", "pairing", "ratio")
    return xr.Dataset(
        {
            "crossing": (axes[:2], at),
            "eigenvalue": (axes, eigen),
            "noise_eigenvalue": ("pairing", 1 + np.tanh(settings.pairings)),
            "share": ((*axes, "seed"), share),
            "known": ((*axes, "seed"), about),
        },
        coords={
            "signal": list(SIGNALS),
            "pairing": list(settings.pairings),
            "ratio": ratios,
        },
    )


def _from_smaller(settings: Settings, work: Work) -> xr.Dataset:
    """The ring again, from initial weights so small that the linear stage is long."""
    name, lattice = FIRST, SIGNALS[FIRST]
    shape = (len(settings.pairings), len(settings.ratios), settings.seeds)
    share = np.empty(shape)
    for j, pairing in enumerate(settings.pairings):
        for k, ratio in enumerate(settings.ratios):
            signal = hamiltonian(Ising(lattice), ratio * crossing(lattice, pairing))
            seed = work.subseed(name, f"{pairing:g}", f"{ratio:g}")
            longer = replace(settings, steps=LONGER * settings.steps)
            found = _spent(signal, pairing, 1, longer, seed, scale=SMALLER)
            share[j, k] = found[:, 0]
        work.progress("first units from smaller weights")(j + 1, shape[0])
    return xr.Dataset({"share_from_smaller": (("pairing", "ratio", "seed"), share)})


def _more_units(settings: Settings, work: Work) -> xr.Dataset:
    """What 1, 2, … units know of a weak signal and of one at K_c, noise or not."""
    lattice, pairing = (3, 3), 2.0
    couplings = {"weak": 0.5 * crossing(lattice, pairing), "K_c": K_C}
    counts = range(1, settings.units + 1)
    shape = (len(couplings), 2, len(counts), settings.seeds)
    known, noise = np.empty(shape), np.full(shape, math.nan)
    for i, (name, coupling) in enumerate(couplings.items()):
        signal = hamiltonian(Ising(lattice), coupling)
        for k, units in enumerate(counts):
            seed = work.subseed("more", name, units)
            for j, dimers in enumerate((DIMERS, 0)):
                found = _spent(signal, pairing, units, settings, seed, dimers)
                known[i, j, k] = found[:, 1]
                if dimers:
                    noise[i, j, k] = found[:, 2]
            work.progress("more units")(i * len(counts) + k + 1, 2 * len(counts))
    axes = ("regime", "arm", "units", "seed")
    return xr.Dataset(
        {"signal_information": (axes, known), "noise_information": (axes, noise)},
        coords={
            "regime": list(couplings),
            "regime_coupling": ("regime", list(couplings.values())),
            "arm": ["with noise", "without"],
            "units": list(counts),
        },
    )


def _spent(
    signal: np.ndarray,
    pairing: float,
    units: int,
    settings: Settings,
    seed: int,
    dimers: int = DIMERS,
    scale: float = SCALE,
) -> np.ndarray:
    """Largest weight on noise of a unit, I(h : signal), I(h : noise), `(seed, 3)`."""
    H = with_dimers(signal, dimers, pairing)
    sites = len(H).bit_length() - 1
    noise = np.arange(sites) >= sites - 2 * dimers
    begin = starts(settings.seeds, sites, units, scale=scale, seed=seed)
    ends = descents(H, begin, rate=RATE, steps=settings.steps)
    reads = [spent(machine_of(w), H, noise) for w in ends]
    return np.array(
        [(r.weight_on_noise.max(), r.information, r.noise_information) for r in reads]
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """Where first units go, and how many units it takes."""
    return [
        Section(
            "Where the first unit goes",
            f"One unit, {DIMERS} noise dimers of coupling J beside the signal, exact "
            "KL from small weights; bars are 68 % intervals. The prediction is a step "
            "at the line: left of it the largest eigenvalue of ⟨v vᵀ⟩ is that of a "
            "dimer, right of it that of the signal. Open squares, dashed, and set a "
            f"little to the right: from initial weights of {SMALLER:g}, from which the "
            "weights stay small for longer.",
            data_uri(_draw_first(dataset)),
            tables=[_crossings(dataset)],
        ),
        Section(
            "How many units it takes",
            f"What the hidden layer knows of the 3×3 signal, with {DIMERS} dimers of "
            "J = 2 beside it and without them; means over seeds. Where the signal is "
            "weak the first units are lost on the noise.",
            data_uri(_draw_more(dataset)),
        ),
    ]


def _draw_first(dataset: xr.Dataset) -> Figure:
    fig = figure(10.5, 3.4, columns=dataset.sizes["signal"])
    for ax, signal in zip(fig.axes, dataset["signal"].values, strict=True):
        for k, pairing in enumerate(dataset["pairing"].values):
            at = dataset.sel(signal=signal, pairing=pairing)
            label = f"J = {pairing:g}"
            _fractions(ax, at["share"], PALETTE[k], "o-", label)
            if signal == FIRST:
                small = at["share_from_smaller"].assign_coords(
                    ratio=at["ratio"] + BESIDE
                )
                label = f"J = {pairing:g}, from {SMALLER:g}"
                _fractions(ax, small, PALETTE[k], "s--", label)
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set_xlabel("K of the signal / K where eigenvalues are equal")
        ax.set_ylabel("share of machines on noise")
        ax.set_title(str(signal), fontsize=10)
    lines, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(lines, labels, fontsize=8, frameon=False, loc="outside right upper")
    return fig


def _fractions(
    ax: Axes, share: xr.DataArray, colour: str, style: str, label: str | None
) -> None:
    """Machines on noise, with exact binomial intervals of one sigma."""
    counts, n = (share > HALF).sum("seed").values, share.sizes["seed"]
    y = counts / n
    ends = [binomtest(int(k), n).proportion_ci(ONE_SIGMA) for k in counts]
    low, high = (np.array([getattr(e, side) for e in ends]) for side in ("low", "high"))
    ax.errorbar(
        share["ratio"],
        y,
        np.maximum([y - low, high - y], 0),
        fmt=style,
        color=colour,
        markersize=4,
        markerfacecolor="white" if style.startswith("s") else colour,
        linewidth=1.0,
        elinewidth=0.6,
        capsize=2,
        label=label,
    )


def _draw_more(dataset: xr.Dataset) -> Figure:
    fig = figure(9, 3.4, columns=dataset.sizes["regime"])
    for ax, regime in zip(fig.axes, dataset["regime"].values, strict=True):
        at = dataset.sel(regime=regime)
        for k, arm in enumerate(at["arm"].values):
            _means(
                ax, at["signal_information"].sel(arm=arm), PALETTE[k], f"signal, {arm}"
            )
        noise = at["noise_information"].sel(arm="with noise")
        _means(ax, noise, PALETTE[2], "noise")
        ax.set_xticks(at["units"].values)
        ax.set_xlabel("hidden units")
        ax.set_ylabel("information of the hidden layer (nats)")
        ax.set_title(f"{regime}: K = {float(at['regime_coupling']):.3f}", fontsize=10)
    fig.axes[0].legend(fontsize=8, frameon=False)
    return fig


def _means(ax: Axes, values: xr.DataArray, colour: str, label: str) -> None:
    """Means over seeds by the number of units."""
    each = [over_seeds(values.sel(units=u).values) for u in values["units"].values]
    ax.errorbar(
        values["units"],
        [float(e.value) for e in each],
        [float(e.error) for e in each],
        color=colour,
        marker="o",
        markersize=4,
        capsize=2,
        label=label,
    )


def _crossings(dataset: xr.Dataset) -> Table:
    rows = []
    for signal in dataset["signal"].values:
        for pairing in dataset["pairing"].values:
            at = dataset.sel(signal=signal, pairing=pairing)
            low, high = _bracket(at)
            k = float(at["crossing"])
            rows.append(
                [
                    str(signal),
                    f"{pairing:g}",
                    f"{float(at['noise_eigenvalue']):.4f}",
                    f"{k:.4f}",
                    f"{low * k:.4f} … {high * k:.4f}",
                ]
            )
    header = ["signal", "J", "1 + tanh J", "K predicted", "K found between"]
    return Table(header, rows)


def _bracket(at: xr.Dataset) -> tuple[float, float]:
    """The last ratio with most machines on noise, and the first with most on signal."""
    ratio = at["ratio"].values
    on_noise = (at["share"] > HALF).mean("seed").values > 0.5
    low = ratio[on_noise].max() if on_noise.any() else 0.0
    high = ratio[~on_noise].min() if (~on_noise).any() else math.inf
    return float(low), float(high)


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """On noise where the signal is weak, not near K_c, and as predicted."""
    return [_weak(dataset), _critical(dataset), _predicted(dataset), _lost(dataset)]


def on_noise(dataset: xr.Dataset) -> xr.DataArray:
    """Whether each machine has most of the weight of its unit on noise."""
    return (dataset["share"] > HALF).transpose("signal", "pairing", "ratio", "seed")


def expected(dataset: xr.Dataset) -> xr.DataArray:
    """Whether the noise has the largest eigenvalue."""
    return dataset["eigenvalue"] < dataset["noise_eigenvalue"]


def clear(dataset: xr.Dataset) -> xr.DataArray:
    """Where the two eigenvalues are far enough apart to decide."""
    return abs(dataset["eigenvalue"] / dataset["noise_eigenvalue"] - 1) > CLEAR


def _weak(dataset: xr.Dataset) -> Check:
    there = on_noise(dataset).where(expected(dataset) & clear(dataset))
    k, n = int(there.sum()), int(there.notnull().sum())
    return Check(
        claim="A trained machine spends its first unit on noise that renormalization "
        "discards, where the signal fluctuates less.",
        paper="not in the text at hand; Koch-Janusz and Ringel (2018), remembered",
        ours=f"{k} of {n} machines with the signal's eigenvalue more than {CLEAR:.0%} "
        "below the noise's",
        status=_status(k, n),
        reason="their unit has most of its weight on dimers that are decoupled from "
        "all else: KL counts fluctuations, not distances",
    )


def _critical(dataset: xr.Dataset) -> Check:
    there = (~on_noise(dataset)).where(~expected(dataset) & clear(dataset))
    k, n = int(there.sum()), int(there.notnull().sum())
    square = dataset["crossing"].sel(signal="3×3")
    at_k_c = dataset["noise_information"].sel(regime="K_c", arm="with noise", units=1)
    return Check(
        claim="Where the signal fluctuates more, as it does near K_c, the first unit "
        "goes to the signal.",
        paper="not stated; ours",
        ours=f"{k} of {n} machines with the signal's eigenvalue more than {CLEAR:.0%} "
        "above the noise's",
        status=_status(k, n),
        reason="no dimer has an eigenvalue above 2, which 3×3 spins pass at K = "
        f"{crossing((3, 3), math.inf):.3f}, below K_c = {K_C:.3f} (with the J here at "
        f"{float(square.min()):.3f} to {float(square.max()):.3f}); at K_c one unit "
        f"knows at most {float(at_k_c.max()):.0e} nats of the noise",
    )


def _predicted(dataset: xr.Dataset) -> Check:
    right, apart = on_noise(dataset) == expected(dataset), clear(dataset)
    far, near = right.where(apart), right.where(~apart)
    k, n = int(far.sum()), int(far.notnull().sum())
    close, among = int(near.sum()), int(near.notnull().sum())
    return Check(
        claim="The eigenvalues predict it: while weights are small units turn to the "
        "leading eigenvector of ⟨v vᵀ⟩.",
        paper="not stated; ours",
        ours=f"{k} of {n} machines are where it says",
        status=_status(k, n),
        reason=f"with the two eigenvalues within {CLEAR:.0%} of one another {close} of "
        f"{among}; on the ring {_right(dataset, 'share')} in all, and "
        f"{_right(dataset, 'share_from_smaller')} from initial weights of "
        f"{SMALLER:g}: both ends are minima, and near equality the start decides",
    )


def _right(dataset: xr.Dataset, name: str) -> str:
    """Machines on the ring that are where the eigenvalue says."""
    at = dataset.sel(signal=FIRST)
    right = (at[name] > HALF) == expected(at)
    return f"{int(right.sum())} of {right.size}"


def _lost(dataset: xr.Dataset) -> Check:
    """Information on the signal of as many units as there are dimers."""
    at = dataset["signal_information"].sel(units=DIMERS)
    weak, critical = (
        {str(a): over_seeds(at.sel(regime=r, arm=a).values) for a in at["arm"].values}
        for r in ("weak", "K_c")
    )
    kept = [float(r["with noise"].value / r["without"].value) for r in (weak, critical)]
    said = [f"{_nats(e)} {arm}" for r in (weak, critical) for arm, e in r.items()]
    return Check(
        claim=f"As many units as dimers are lost on them: {DIMERS} units know nothing "
        "of a weak signal.",
        paper="not stated; ours",
        ours=f"I(h : signal) in nats: weak {said[0]}, {said[1]}; at K_c {said[2]}, "
        f"{said[3]}",
        status=Status.REPRODUCED if kept[0] < 0.01 < kept[1] else Status.NOT,
        reason=f"{kept[0]:.2g} of what they know without noise is left where the "
        f"signal is weak, {kept[1]:.2g} at K_c",
    )


def _nats(reading: Estimate) -> str:
    value, error = float(reading.value), float(reading.error)
    return "0" if value < 1e-9 else parenthesised(value, error)


def _status(k: int, n: int) -> Status:
    """All of them, most of them, or not."""
    if n == 0:
        return Status.OPEN
    most = Status.PARTLY if 2 * k > n else Status.NOT
    return Status.REPRODUCED if k == n else most


EXHIBIT = Exhibit(
    name="noise",
    title="What the first units are spent on",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
