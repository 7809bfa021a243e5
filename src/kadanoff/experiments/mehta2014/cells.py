"""Kadanoff's variational step and a machine of the same cells: is it the same p?

Both have one parameter. Kadanoff gives each cell of four spins a sign μ with the law
e^{p μ Σs} / 2 cosh(p Σs), and takes the p that makes his bound on the free energy best
(`flows.variational`; at the fixed point p* is stationary). The machine of one filter of
side 2 and stride 2 with all weights p has the same law of μ given the spins,
p(h|v) ∝ e^{p h Σv}, and takes the p of least KL. If training were variational
renormalization, its p would be Kadanoff's.

KL of the machine is by all states of a 4×4 torus. Its cells do not touch, so that

    q(v) = Π_cells 2 cosh(p Σv) / (2 (2 cosh p)⁴),      ⟨Σ tanh(p Σ)⟩_data = 4 tanh p

at the least KL: correlations between cells are nothing to it. The exponents that go
with a p are those of Kadanoff's recursion with that p, at its own fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from scipy.optimize import brentq, minimize_scalar

from kadanoff.exact.constants import K_C, Y_H, Y_T
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.studies import attributes_of
from kadanoff.flows.fixed_point import NoFixedPoint
from kadanoff.flows.variational import (
    best_cells,
    bound,
    critical_branch,
    square_couplings,
)
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.gradients import gradients
from kadanoff.networks.mapping import hamiltonian
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

SHAPE = (4, 4)
CELL = 4
CLOSE = 0.01
"""Two values of p that differ by less are called the same; y_T moves by 0.04 then."""
ROUNDING = 1e-6
KADANOFF, MACHINE = "Kadanoff's p*", "machine of least KL at K_c"


@dataclass(frozen=True)
class Settings:
    """Where p is asked for.

    Attributes:
        couplings: K of the data.
        critical: values of p at which the recursion's critical point is read.
    """

    couplings: tuple[float, ...]
    critical: tuple[float, ...]


FAST = Settings(couplings=(0.2, 0.44, 0.6), critical=(0.7, 0.8))
FULL = Settings(
    couplings=tuple(np.round(np.arange(0.05, 0.85, 0.05), 2).tolist()),
    critical=tuple(np.round(np.arange(0.66, 1.4, 0.04), 2).tolist()),
)


def least_divergence(sums: np.ndarray, law: np.ndarray) -> float:
    """p of the machine of least KL, from the law of Σs of a cell.

    Args:
        sums: Σs.
        law: its probabilities.
    """

    def excess(p: float) -> float:
        return float(law @ (sums * np.tanh(p * sums))) - CELL * math.tanh(p)

    # At small p the excess is p ⟨Σ² − 4⟩, positive for spins that are correlated.
    found: Any = brentq(excess, 1e-6, 20.0, xtol=1e-13)
    return float(found)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """p of least KL and of the best bound by K, and exponents by p."""
    couplings = [*settings.couplings, K_C]
    found = np.empty((len(couplings), 4))
    with one_thread():
        for k, coupling in enumerate(couplings):
            found[k] = _at(coupling)
            work.progress("machines of cells")(k + 1, len(couplings))
    own = float(found[-1, 0])
    best = best_cells()
    branch = np.array([_exponents(p) for p in settings.critical])
    both = {KADANOFF: best.p, MACHINE: own}
    points = np.array([_point(p) for p in both.values()])
    names = ("nearest", "next_nearest", "four", "y_t", "y_h")
    data: dict = {
        name: ("coupling", found[:, k])
        for k, name in enumerate(("p", "slope", "divergence", "p_bound"))
    }
    data |= {
        "y_t_of_p": ("critical", branch[:, 0]),
        "y_h_of_p": ("critical", branch[:, 1]),
    }
    data |= {f"point_{n}": ("choice", points[:, k]) for k, n in enumerate(names)}
    data["choice_p"] = ("choice", list(both.values()))
    coordinates = {
        "coupling": couplings,
        "critical": list(settings.critical),
        "choice": list(both),
    }
    return xr.Dataset(data, coordinates).assign_attrs(attributes_of(settings))


def _at(coupling: float) -> tuple[float, float, float, float]:
    """p of least KL, the exact slope there, KL per site, and p of the best bound."""
    H = hamiltonian(Ising(SHAPE), coupling)
    law = np.exp(-(H - H.min()))
    v = states(len(H).bit_length() - 1).reshape(-1, *SHAPE)
    sums = v[:, :2, :2].sum(axis=(1, 2)).astype(float)
    p = least_divergence(sums, law / law.sum())
    read = gradients(_machine(p), H, visible=Grid(SHAPE))
    per_site = read.exactness.divergence / math.prod(SHAPE)
    return p, float(abs(read.divergence).max()), per_site, _best_bound(coupling)


def _machine(p: float) -> ConvRBM:
    """One filter of side and stride 2 with all weights p."""
    machine = ConvRBM(filter=2, stride=2).double()
    with torch.no_grad():
        machine.W.fill_(p)
    return machine


def _best_bound(coupling: float) -> float:
    """The one p of all steps that makes Kadanoff's bound on ln Z smallest."""
    couplings = square_couplings(coupling=coupling)
    found: Any = minimize_scalar(
        lambda p: bound(couplings, [p]), bounds=(0.05, 3.0), method="bounded"
    )
    return float(found.x)


def _exponents(p: float) -> tuple[float, float]:
    point = _point(p)
    return point[3], point[4]


def _point(p: float) -> tuple[float, ...]:
    """Couplings and exponents of the critical point at p; NaN where there is none."""
    try:
        point = critical_branch(p)
    except NoFixedPoint:
        return (math.nan,) * 5
    place = [point.couplings[n] for n in ("nearest", "next_nearest", "four")]
    y_t, y_h = (float(s.exponents[0]) for s in (point.even, point.odd))
    return (*place, y_t, y_h)


def draw(dataset: xr.Dataset) -> list[Section]:
    """p against K, and what comes of it."""
    return [
        Section(
            "One parameter, two ways to choose it",
            "Left: p of the machine of least KL (4×4 torus, all states) and p of "
            "Kadanoff's best bound (infinite lattice, one p for all steps) against K "
            "of the data. Right: exponents of Kadanoff's recursion at the critical "
            "point of each p; dashed lines are the exact ones.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        )
    ]


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(9.5, 3.6, columns=2)
    left, right = fig.axes
    at = dataset.sortby("coupling")
    left.plot(at["coupling"], at["p"], "o-", color=PALETTE[0], label="least KL")
    left.plot(at["coupling"], at["p_bound"], "o-", color=PALETTE[1], label="best bound")
    star, own = (float(p) for p in dataset["choice_p"].values)
    left.axhline(star, color=PALETTE[2], linewidth=0.9, label="p* of the fixed point")
    left.axvline(K_C, color="black", linewidth=0.7, linestyle="--")
    left.set_xlabel("K of the data")
    left.set_ylabel("p")
    for name, exact, colour in (
        ("y_t_of_p", Y_T, PALETTE[0]),
        ("y_h_of_p", Y_H, PALETTE[1]),
    ):
        label = {"y_t_of_p": "y_T", "y_h_of_p": "y_H"}[name]
        right.plot(dataset["critical"], dataset[name], "o-", color=colour, label=label)
        right.axhline(exact, color=colour, linewidth=0.7, linestyle="--")
    right.axvline(star, color=PALETTE[2], linewidth=0.9, label="p*")
    right.axvline(own, color="black", linewidth=0.9, label="least KL at K_c")
    right.set_xlabel("p")
    right.set_ylabel("exponent")
    for ax in fig.axes:
        ax.legend(fontsize=8, frameon=False)
    return fig


def _table(dataset: xr.Dataset) -> Table:
    names = ("choice_p", *(f"point_{n}" for n in ("nearest", "next_nearest", "four")))
    rows = [
        [
            str(choice),
            *(
                _shown(dataset[n].sel(choice=choice))
                for n in (*names, "point_y_t", "point_y_h")
            ),
        ]
        for choice in dataset["choice"].values
    ]
    rows.append(["exact", "", "", "", "", f"{Y_T:g}", f"{Y_H:g}"])
    return Table(
        ["choice of p", "p", "K of sides", "of diagonals", "of four", "y_T", "y_H"],
        rows,
    )


def _shown(value: xr.DataArray) -> str:
    return "none" if math.isnan(value.item()) else f"{value.item():.5f}"


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The same conditional law, and not the same p."""
    return [_same_p(dataset), _exponents_check(dataset), _apart(dataset)]


def _same_p(dataset: xr.Dataset) -> Check:
    star, own = (float(p) for p in dataset["choice_p"].values)
    slope = float(dataset["slope"].max())
    found = float(np.interp(star, *_increasing(dataset)))
    return Check(
        claim="Minimising KL finds the p of Kadanoff's variational step.",
        paper="in words: the two are the same scheme",
        ours=f"p = {own:.4f} of least KL at K_c, p* = {star:.4f} of Kadanoff's bound "
        "at its fixed point",
        status=Status.REPRODUCED if abs(own - star) < CLOSE else Status.NOT,
        reason=f"the exact slope of KL there is {slope:.0e}; least KL has p* at K = "
        f"{found:.3f} of the data, and Kadanoff's best bound at K_c has p = "
        f"{_at_critical(dataset, 'p_bound'):.4f}",
    )


def _increasing(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    at = dataset.sortby("coupling")
    return at["p"].values, at["coupling"].values


def _at_critical(dataset: xr.Dataset, name: str) -> float:
    return float(dataset[name].sel(coupling=K_C))


def _exponents_check(dataset: xr.Dataset) -> Check:
    star, own = (dataset.sel(choice=c) for c in (KADANOFF, MACHINE))
    errors = [
        max(abs(float(d["point_y_t"]) - Y_T), abs(float(d["point_y_h"]) - Y_H))
        for d in (star, own)
    ]
    said = [
        f"y_T = {_shown(d['point_y_t'])}, y_H = {_shown(d['point_y_h'])} {name}"
        for d, name in ((star, "at p*"), (own, "at the p of least KL"))
    ]
    # A p without a critical point has no exponents: NaN is not below anything.
    return Check(
        claim="The p of least KL has exponents as good as those of Kadanoff's.",
        paper="not stated; ours",
        ours="; ".join(said),
        status=Status.REPRODUCED if errors[1] <= 2 * errors[0] else Status.NOT,
        reason=f"exact are {Y_T:g} and {Y_H:g}: off by at most {errors[0]:.4f} and "
        f"{errors[1]:.4f}",
    )


def _apart(dataset: xr.Dataset) -> Check:
    kl = _at_critical(dataset, "divergence")
    exact = kl < ROUNDING
    return Check(
        claim="The machine of cells is an exact step at its best p.",
        paper="in words, where KL = 0",
        ours=f"KL = {kl:.4f} nats per site at K_c at the least",
        status=Status.REPRODUCED if exact else Status.NOT,
        reason="its cells do not touch, q(v) is a product over cells; Kadanoff's step "
        "is exact at every p, as his T is ln p(μ|s): there p is chosen for the "
        "approximation that follows",
    )


EXHIBIT = Exhibit(
    name="cells",
    title="Kadanoff's cells and a machine of cells",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
